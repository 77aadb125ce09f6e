//! What is simulated, and against what.

use clap::Parser;
use std::net::SocketAddr;

/// Sends what a fleet of made-up devices would send to one collector, and compares what the collector then says with what was
/// sent.
#[derive(Debug, Clone, Parser)]
#[command(name = "candor-fleet", version)]
pub(crate) struct Options {
    /// Devices.
    #[arg(long, default_value_t = 1_000)]
    pub(crate) devices: u32,
    /// Days that pass on the devices.
    #[arg(long, default_value_t = 2)]
    pub(crate) days: u64,
    /// Equal seeds make equal fleets.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Reports a second; 0 for as many as the collector takes.
    #[arg(long, default_value_t = 0)]
    pub(crate) rate: u64,
    /// Seconds after which no device starts the app any more; what waits is still sent.
    #[arg(long)]
    pub(crate) seconds: Option<u64>,
    /// Connections at a time.
    #[arg(long, default_value_t = 16)]
    pub(crate) senders: usize,
    /// A collector that is running already, by ADDRESS:PORT on this machine; without it one is started.
    #[arg(long, requires = "key")]
    pub(crate) collector: Option<SocketAddr>,
    /// The ingest key of an app that has no reports yet.
    #[arg(long)]
    pub(crate) key: Option<String>,
    /// The name of that app.
    #[arg(long, default_value = "fleet")]
    pub(crate) app: String,
}

impl Options {
    /// What cannot be done.
    ///
    /// # Errors
    /// A sentence that says why.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.collector.is_some_and(|at| !at.ip().is_loopback()) {
            return Err("a fleet loads a collector on this machine only".to_owned());
        }
        if !(1..=50).contains(&self.days) || self.devices == 0 || self.senders == 0 {
            return Err("there have to be devices, senders, and 1 to 50 days".to_owned());
        }
        Ok(())
    }
}

impl Options {
    /// Reads the command line; ends the program where it makes no sense.
    pub(crate) fn read() -> Self {
        Self::parse()
    }
}
