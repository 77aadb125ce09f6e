//! The counts of one connection over one kind of network.

use super::histogram::Histogram;
use super::service::Passed;
use candor_protocol::limits::TRIES;
use candor_protocol::report::{Disconnect, Failure, Family, Phase};
use std::array;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// What one connection did over one kind of network since the last window.
#[derive(Debug)]
pub(super) struct Cell {
    pub(super) attempts: AtomicU32,
    pub(super) ready: AtomicU32,
    pub(super) reconnects: AtomicU32,
    pub(super) failures: [[AtomicU32; Failure::ALL.len()]; Phase::ALL.len()],
    pub(super) tries: [[Tried; TRIES as usize]; Family::ALL.len()],
    pub(super) disconnects: [Ended; Disconnect::ALL.len()],
    pub(super) phases: [Histogram; Phase::ALL.len()],
    pub(super) ready_us: Histogram,
    pub(super) rtt_us: Histogram,
    pub(super) ack_us: Histogram,
    pub(super) stall_us: Histogram,
    pub(super) backoff_us: Histogram,
    pub(super) outage_us: Histogram,
    pub(super) network_changes: AtomicU32,
    pub(super) sent: Flow,
    pub(super) received: Flow,
    pub(super) up_us: AtomicU64,
    pub(super) down_us: AtomicU64,
    pub(super) tcp: TcpCell,
}

/// Addresses that were tried.
#[derive(Debug, Default)]
pub(super) struct Tried {
    pub(super) tried: AtomicU32,
    pub(super) connected: AtomicU32,
    pub(super) took_us: Histogram,
}

/// Connections that ended for one reason.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) count: AtomicU32,
    pub(super) lasted_ms: Histogram,
}

/// Messages and bytes in one direction. Whoever sends and whoever receives do not take the cache line from each other.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Flow {
    pub(super) messages: AtomicU32,
    pub(super) bytes: AtomicU64,
}

/// What TCP said.
#[derive(Debug, Default)]
pub(super) struct TcpCell {
    pub(super) samples: AtomicU32,
    pub(super) rtt_us: Histogram,
    pub(super) rtt_var_us: Histogram,
    pub(super) min_rtt_us: Histogram,
    pub(super) segments: AtomicU64,
    pub(super) retransmits: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) delivery_rate: Histogram,
}

impl Cell {
    pub(super) fn new() -> Self {
        Self {
            attempts: AtomicU32::new(0),
            ready: AtomicU32::new(0),
            reconnects: AtomicU32::new(0),
            failures: array::from_fn(|_| array::from_fn(|_| AtomicU32::new(0))),
            tries: array::from_fn(|_| array::from_fn(|_| Tried::default())),
            disconnects: array::from_fn(|_| Ended::default()),
            phases: array::from_fn(|_| Histogram::default()),
            ready_us: Histogram::default(),
            rtt_us: Histogram::default(),
            ack_us: Histogram::default(),
            stall_us: Histogram::default(),
            backoff_us: Histogram::default(),
            outage_us: Histogram::default(),
            network_changes: AtomicU32::new(0),
            sent: Flow::default(),
            received: Flow::default(),
            up_us: AtomicU64::new(0),
            down_us: AtomicU64::new(0),
            tcp: TcpCell::default(),
        }
    }

    pub(super) fn spend(&self, passed: Passed) {
        for (sum, time) in [(&self.up_us, passed.up), (&self.down_us, passed.down)] {
            if time > 0 {
                sum.fetch_add(time, Relaxed);
            }
        }
    }
}

impl Flow {
    pub(super) fn add(&self, messages: u32, bytes: u64) {
        if messages > 0 {
            self.messages.fetch_add(messages, Relaxed);
        }
        if bytes > 0 {
            self.bytes.fetch_add(bytes, Relaxed);
        }
    }
}
