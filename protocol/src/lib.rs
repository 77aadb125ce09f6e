//! Everything that may leave a device, and in what form.
//!
//! Two sides meet here: the agent makes [`report::Report`]s and packs them into a [`batch`]; the collector reads the
//! same types back and re-checks every value while it does so. The crate does no I/O and holds no `unsafe`.
//!
//! * [`report`]: the kinds of report, one file each.
//! * [`deidentify`]: the only way from text to a report: types that cannot hold an identifier.
//! * [`sketch`]: latencies as a mergeable histogram.
//! * [`batch`]: the envelope, NDJSON inside gzip.
//! * [`answer`]: what the collector says back.
//! * [`catalogue`]: every field that may leave a device, and why.
//! * `signature`, behind the feature `verify`: whether the operator of a collector has signed something.
//! * [`limits`]: the sizes and counts that both sides obey.
#![forbid(unsafe_code)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::todo,
    clippy::print_stdout,
    clippy::print_stderr
)]
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used, clippy::panic))]

pub mod answer;
pub mod batch;
pub mod catalogue;
pub mod deidentify;
pub mod limits;
pub mod moment;
pub mod report;
#[cfg(feature = "verify")]
pub mod signature;
pub mod sketch;
