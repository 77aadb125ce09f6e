//! What Candor costs, measured next to others in the same run.
//!
//! | command | what it measures |
//! |---|---|
//! | `cargo run --release -p candor-benches --bin host` | what a host app pays for the agent, next to the `sentry` crate |
//! | `cargo run --release -p candor-benches --features peers --bin crash` | what a crash costs and leaves, next to `minidumper`, and next to what `gdb` sees |
//! | `cargo run --release -p candor-benches --bin freeze` | what watching costs, and how well injected freezes are found |
//! | `cargo run --release -p candor-benches --bin connection` | what recording connections costs, next to `hdrhistogram` and `metrics` |
//! | `cargo run --release -p candor-benches --bin size` | bytes and crates that the agent adds to an app, next to `sentry` |
//! | `cargo run --release -p candor-benches --bin ingest` | what the collector takes, next to a floor; a steady load, five times overload, rest |
//! | `cargo run --release -p candor-benches --features peers --bin bugsink` | what the collector takes, keeps and shows, next to Bugsink from PyPI |
//! | `cargo run --release -p candor-benches --bin candor-fleet -- --help` | a fleet of made-up devices, and whether the collector counts right |
//! | `cargo run --release -p candor-benches --bin names [FILE]` | how long the inspector takes to name every frame of a crash, next to `addr2line` |
//!
//! # How to read a table
//! Each line is one figure: ours, the peer's, the ratio of the peer's to ours (`12x` means that the peer pays twelve times
//! as much), and the goal. A figure that misses its goal says `MISSED`. A figure is a median; the smallest and the largest
//! value stand beside it in brackets. `-` means that there is no such thing to measure, `no end` that the bench lost
//! patience and ended the process after the time that stands there.
//!
//! # How it is measured
//! Each figure comes from processes of its own. The two sides are two programs, built apart, so that neither carries the
//! other's code and neither has the other's features of a shared dependency; `host` builds them itself. Ours is built with
//! the HTTPS stack that an app would ship, although everything here talks to a sink on the loopback interface. Nothing
//! runs for ever: every process has a time limit, after which the very process that was started is ended.
//!
//! Only a release build says anything, and only on a machine that is otherwise at rest.
#![warn(clippy::unwrap_used)]

pub mod build;
pub mod client;
#[cfg(feature = "collector")]
pub mod corpus;
#[cfg(feature = "collector")]
pub mod engine;
pub mod lap;
pub mod process;
#[cfg(feature = "collector")]
pub mod serving;
pub mod sink;
pub mod stats;
pub mod table;
pub mod tally;
