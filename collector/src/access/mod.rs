//! Who may do what: whose reports are taken, and who may look at what.
//!
//! * [`IngestKey`], [`KeyRing`]: whose reports are taken.
//! * [`Need`], [`Role`], [`Scope`], [`Visitor`]: what a question needs, and who meets that.
//! * [`password`], `patience`, [`Secret`]: what somebody says to come in, and how often.
//! * [`Register`]: people, sessions and tokens, in files.
//! * [`Door`]: who comes in.

mod door;
mod key;
mod name;
mod need;
pub mod password;
mod patience;
pub mod register;
mod ring;
mod secret;
mod visitor;

pub use door::{Door, Invited, NotIn, NotTaken};
pub use key::{IngestKey, KeyHash, KeyId};
pub use name::PersonName;
pub use need::{Need, Role, Scope};
pub use register::{Register, Unchanged};
pub use ring::{KeyRing, Presented, Sender};
pub use secret::{Secret, SecretHash};
pub use visitor::{Guest, Visitor};
