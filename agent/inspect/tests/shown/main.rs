//! What `candor` shows of a directory with known contents.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../support/mod.rs"]
mod support;

mod device;
mod documented;
mod hostile;
mod pages;
mod reports;
/// Where sources of a real app stand: paths are shown from `src` on.
#[path = "src/victim.rs"]
mod victim;
