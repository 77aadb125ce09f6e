//! What a crash dump file is: the byte layout ([`layout`]) and a reader that never fails ([`read`]).
//!
//! A dump is one small file of fixed size per run of the host. It is mapped into memory while the process lives and is
//! written by whatever happens to it: marks, counters, panics, the record of a fatal signal. The kernel keeps the
//! pages when the process is gone, however it went. `FORMAT.md` says in words what every byte means.
//!
//! A dump never holds memory contents or absolute addresses: a stack frame is a module and an offset in it.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod layout;
mod model;
mod problem;
mod read;

pub use model::{
    Crumb, Dump, ExitMark, FaultClass, Found, Frame, Gap, Level, Module, OpenFreeze, Panic,
    Reached, Signal, Stack, StackEnd, Thread, ThreadName, Usage,
};
pub use problem::Problem;
pub use read::{read, read_modules, read_panic};
