//! Everything that runs in a dying or sampled thread. All unsafe code of the agent is here, behind safe functions.
//!
//! [`arm`] makes the run's dump file, maps it and installs the signal handlers. From then on the process can die as it
//! likes: what is known is in the file, because the kernel keeps mapped pages when it takes the process away.
//!
//! Rules for what runs inside a signal handler: no allocation, no lock, no formatting, no panic, no thread-local
//! variable; memory is looked at only after the kernel has said that it can be read; whoever was here first is called
//! afterwards, and the process ends as it would have ended without us.
//!
//! Works on Linux on x86-64. Elsewhere the crate compiles and [`arm`] says [`ArmError::Unsupported`].
#![allow(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

mod api;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod armed;
#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
#[path = "unsupported.rs"]
mod armed;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod aside;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod cfi;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod copy;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod crumbs;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod elf;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod errand;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod glance;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod handler;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod install;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod memory;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod modules;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod names;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod page;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod panics;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod poke;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod registers;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sample;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod scope;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stop;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod sys;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod threads;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod trace;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod upkeep;
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod walk;

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
pub use api::tcp_info;
pub use api::{
    Activity, ArmError, Armed, Config, Doing, PanicNote, PanicTicket, SampleError, Scope, Standing,
    Tid, Wait, Way,
};
pub use api::{
    arm, arm_in_scope, boottime_millis, coarse_millis, crumb, current_thread, is_main_thread,
    leaving_signals_to_host, locate, sample, standing,
};
