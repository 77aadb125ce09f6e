//! The agent a host app embeds: crash, freeze and connection telemetry that runs only when it has been asked to twice.
//!
//! The developer switches the extension on, and the user consents; without both, every call is inert: no thread, no
//! file, no signal handler, no socket and no system call.
//!
//! ```no_run
//! use candor_agent::{Agent, Choice, Extension, Phase, Settings, Transport, name};
//! # fn start(consent: candor_agent::Consent) -> Result<(), Box<dyn std::error::Error>> {
//! let settings = Settings::new("im-demo", "1.4.0", "https://collector.example", "ck_the_ingest_key", "/var/lib/im/apm");
//! let agent = Agent::start(Extension::On, Choice::Granted(consent), settings)?;
//!
//! let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
//! let mut attempt = link.attempt();
//! // ... connect ...
//! attempt.done(Phase::Connect);
//! let live = attempt.ready();
//!
//! let watch = agent.watch(name!("main_loop"));
//! let turn = watch.turn(name!("decode"));
//! // ... one piece of work ...
//! drop(turn);
//! # drop(live);
//! agent.shutdown(std::time::Duration::from_millis(500));
//! # Ok(())
//! # }
//! ```
//!
//! The modules stand in the order in which a report travels: [`consent`] lets anything happen at all, `capture` sees an
//! observation, `deidentify` makes a report of it, `spool` keeps it, `upload` sends it, and the ledger remembers.
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

mod agent;
mod allowed;
mod capture;
mod clock;
pub mod consent;
mod deidentify;
mod files;
mod identity;
mod ledger;
pub mod local;
mod narrowing;
mod note;
mod running;
mod settings;
mod spool;
mod startup;
mod sunset;
mod upload;
mod withdrawal;
mod worker;

pub use agent::{Agent, Extension, StartError};
pub use candor_crash::Scope;
pub use candor_protocol::catalogue::{Extra, VERSION as CATALOGUE};
pub use candor_protocol::deidentify::Name;
pub use candor_protocol::moment::Precision;
pub use candor_protocol::name;
pub use candor_protocol::report::{Disconnect, Failure, Family, Network, Phase, Transport};
pub use capture::connection::{Answered, Attempt, Connection, Exchange, Live, Meter, TcpSample};
#[doc(hidden)]
pub use capture::crumb::first_two;
pub use capture::crumb::{Breadcrumbs, CrumbField, CrumbKind, CrumbList, CrumbValue};
pub use capture::freeze::{Ping, Pings, Thresholds, Turn, Watch};
pub use consent::{Age, Choice, Consent, ConsentError, Terms};
pub use running::Flushed;
pub use settings::{Settings, SettingsError};
pub use upload::transport::{Carrier, Outcome, Request, Sending};
