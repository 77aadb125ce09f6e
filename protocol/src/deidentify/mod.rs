//! The only way from text to a report: types that cannot hold an identifier.
//!
//! Four kinds of type:
//!
//! * **scrubbed** ([`CleanText`], [`ModuleName`], [`ThreadName`], [`SourcePath`]): the only constructor scrubs, and it
//!   takes any text.
//! * **strict** ([`Release`], [`AppName`], [`Region`], [`BuildId`], [`Name`]): the constructor refuses what does not have the form.
//! * **random** ([`Pseudonym`], [`RunId`], [`ReportId`]): sixteen random bytes.
//! * **rounded** ([`Amount`]): a number, to three digits.
//!
//! All but the last serialise as a plain string. Deserialising checks by the same rules again and refuses with a reason that
//! never quotes the value, so a collector can log the reason.
//!
//! [`scrub`] is the scrubber itself. It ships inside phone apps: hand-written, without a regular-expression engine or
//! Unicode tables, linear in the length of its input, and total.

mod amount;
mod id;
mod name;
mod refused;
mod scrub;
mod strict;
mod text;
mod wire;

pub use amount::Amount;
pub use id::{Pseudonym, ReportId, RunId};
pub use name::Name;
pub use refused::{Reason, Refused};
pub use scrub::{Kind, Removed, Scrubbed, scrub};
pub use strict::{AppName, BuildId, Region, Release};
pub use text::{CleanText, ModuleName, SourcePath, ThreadName};
