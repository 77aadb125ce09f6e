//! Names for build id and offset, and whose code a frame is.
//!
//! Used by the collector, which is given symbol files by developers, and by the inspector, which reads the ones on this
//! device. Opens the symbol files it is given, and those that belong to them.
//!
//! * [`Symbols`]: the files, and names for addresses in them.
//! * [`locate()`]: where the debug information of a stripped file is; [`locate_all`]: the same for files of any kind.
//! * [`clean`]: a function's name without what changes from build to build.
//! * [`owner()`]: whose code a frame is.
#![forbid(unsafe_code)]

mod cache;
mod clean;
mod elf;
mod file;
mod foreign;
mod library;
mod locate;
mod name;
mod owner;
mod prepared;
mod tables;

pub use clean::clean;
pub use elf::{NotSymbols, Remark};
pub use library::{Called, Looked, Symbols};
pub use locate::{Located, Shared, build_id_of, locate, locate_all};
pub use name::Name;
pub use owner::{Owner, is_panic_machinery, is_thread_base, owner};
pub use prepared::prepare;
