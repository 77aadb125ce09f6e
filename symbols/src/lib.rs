//! Names for build id and offset, and whose code a frame is.
//!
//! Used by the collector, which is given symbol files by developers, and by the inspector, which reads the ones on this
//! device. Opens the symbol files it is given and nothing else.
//!
//! * [`Symbols`]: the files, and names for addresses in them.
//! * [`clean`]: a function's name without what changes from build to build.
//! * [`owner()`]: whose code a frame is.
#![forbid(unsafe_code)]

mod cache;
mod clean;
mod file;
mod library;
mod name;
mod owner;
mod tables;

pub use clean::clean;
pub use file::{NotSymbols, build_id_of};
pub use library::{Called, Symbols};
pub use name::Name;
pub use owner::{Owner, is_panic_machinery, is_thread_base, owner};
