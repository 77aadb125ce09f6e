//! Programs as they are shipped: really compiled, really stripped, their debug information in files of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod linked;
mod shared;
mod shipped;
mod split;
