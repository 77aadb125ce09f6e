//! The only place that names libc: one wrapper for each call that this crate makes. Those marked "anywhere" may be used
//! inside a signal handler and in the helper process: they allocate nothing, lock nothing and leave `errno` alone.

mod files;
mod loader;
mod memory;
mod process;
mod signals;
mod sockets;
mod time;

pub(crate) use files::*;
pub(crate) use loader::*;
pub(crate) use memory::*;
pub(crate) use process::*;
pub(crate) use signals::*;
pub(crate) use sockets::*;
pub(crate) use time::*;
