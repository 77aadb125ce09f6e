//! Who may do what. So far: whose reports are taken.

mod key;

pub use key::{IngestKey, KeyHash};
