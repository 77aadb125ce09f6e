//! What is seen on the device: raw, in memory only, and not serialisable. Reports are made of it by `deidentify`.

pub(crate) mod connection;
pub(crate) mod crash;
pub(crate) mod crumb;
pub(crate) mod device;
pub(crate) mod freeze;
pub(crate) mod network;
pub(crate) mod panic;
pub(crate) mod past;
pub(crate) mod run;
pub(crate) mod usage;

use candor_protocol::deidentify::ReportId;
use candor_protocol::report::{Lost, Network};
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};

/// Something that was seen.
#[derive(Debug)]
pub(crate) struct Observation {
    /// Identity of the report it becomes. What is told of a run has one that follows from the run, so that telling it
    /// twice, because the process died in between, counts once.
    pub(crate) id: ReportId,
    /// When, in seconds since 1970-01-01 UTC.
    pub(crate) at: u64,
    pub(crate) seen: Seen,
}

/// What was seen.
#[derive(Debug)]
pub(crate) enum Seen {
    Crash(Box<crash::Crash>),
    Freeze(Box<freeze::Freeze>),
    Connection(Box<connection::Window>),
    Run(run::Run),
    Loss(Vec<Lost>),
}

/// What the host's threads look at before they record anything.
#[derive(Debug, Default)]
pub(crate) struct Switch {
    /// Whether anything is recorded at all.
    pub(crate) open: AtomicBool,
    /// Index into `Network::ALL`.
    pub(crate) network: AtomicU8,
    /// Whether the host tells the network; until it does, the agent looks for itself where it can.
    pub(crate) told: AtomicBool,
}

impl Switch {
    /// The network that the device is on.
    pub(crate) fn network(&self) -> Network {
        Network::ALL
            .get(usize::from(self.network.load(Relaxed)))
            .copied()
            .unwrap_or(Network::Unknown)
    }
}

/// The identity of the report number `which` that a run itself gives rise to.
pub(crate) fn id_of_run(run: &[u8; 16], which: u32) -> ReportId {
    let mut id = *run;
    for (byte, add) in id[12..].iter_mut().zip(which.to_be_bytes()) {
        *byte = byte.wrapping_add(add);
    }
    ReportId::from_bytes(id)
}

/// Numbers for [`id_of_run`].
pub(crate) mod which {
    pub(crate) const START: u32 = 1;
    pub(crate) const END: u32 = 2;
    pub(crate) const SIGNAL: u32 = 3;
    /// Added to the serial number of a panic.
    pub(crate) const PANIC: u32 = 16;
}
