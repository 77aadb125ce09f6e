//! Freezes: pieces of work of a watched thread that do not end.
//!
//! The host's thread writes what it begins and ends into a few atomics; the agent's own thread looks at them now and
//! then, decides with [`Follow`], and samples the stack while the thread stands still.

mod follow;
mod looks;
mod pings;
mod seen;
#[cfg(test)]
mod simulated;
mod standing;
mod thresholds;
mod watch;

pub(crate) use follow::{Act, Follow};
pub(crate) use looks::{Clocks, Looks, Lull, rest_ms};
pub use pings::{Ping, Pings};
pub(crate) use seen::{Freeze, Times};
pub(crate) use standing::standing;
pub use thresholds::Thresholds;
pub(crate) use watch::State;
pub use watch::{Turn, Watch};
