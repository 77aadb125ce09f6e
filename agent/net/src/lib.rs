//! Connections that tell the agent by themselves how they fare.
//!
//! ```no_run
//! # async fn f(agent: candor_agent::Agent) -> std::io::Result<()> {
//! use candor_agent::{Disconnect, Transport, name};
//! use candor_net::connect;
//!
//! let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
//! let (mut stream, mut dial) = connect(&link, "gateway.example:443").await?;
//! dial.login(async { /* the app's own handshake over */ let _ = &mut stream; std::io::Result::Ok(()) }).await?;
//! let live = dial.ready();
//! // ... use the stream ...
//! live.ended(Disconnect::ClosedByUs);
//! # Ok(())
//! # }
//! ```
//!
//! * [`connect`] and [`Dial`] time the phases of an attempt, count every address that is tried, and tell what failed where.
//! * [`Metered`] counts the bytes of any stream, sees when it stands still and, on Linux, asks the system's TCP.
//! * `Dial::tls` (feature `tls`) times the handshake of tokio-rustls.
//! * `http::Measured` (feature `http`) is a `tower` layer for hyper and reqwest clients.
//! * [`Failing`] gives errors their class: those of I/O, rustls, hyper, reqwest, and the app's own.
//!
//! Addresses, names of hosts, paths and headers are looked at by nothing in here but the system's own calls.
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

mod classify;
mod dial;
#[cfg(feature = "http")]
pub mod http;
mod metered;
mod tcp;

pub use classify::{Failing, class, phase};
pub use dial::{Dial, connect};
pub use metered::Metered;
