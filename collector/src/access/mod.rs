//! Who may do what. So far: whose reports are taken.

mod key;
mod ring;

pub use key::{IngestKey, KeyHash, KeyId};
pub use ring::{KeyRing, Presented, Sender};
