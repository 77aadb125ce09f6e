//! What `candor` shows of a directory with known contents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;
#[path = "../support/synthetic.rs"]
mod synthetic;

mod device;
mod documented;
mod explained;
mod hostile;
mod minidumps;
mod pages;
mod reports;
/// Where sources of a real app stand: paths are shown from `src` on.
#[path = "src/victim.rs"]
mod victim;
