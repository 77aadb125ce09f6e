//! Names for build id and offset, and whose code a frame is.
//!
//! Opens the symbol files it is given and nothing else.
#![forbid(unsafe_code)]

mod clean;
mod demangle;
mod files;
mod names;
mod owner;

pub use clean::clean;
pub use files::build_id_of;
pub use names::{Name, Symbols};
pub use owner::{Owner, is_panic_machinery, is_thread_base, owner};
