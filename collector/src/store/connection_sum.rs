//! What connection windows add up to.

use super::Distinct;
use candor_protocol::report::{Connection, Disconnect, Failure, Family, Phase, Tcp};
use candor_protocol::sketch::Sketch;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a number of connection windows add up to. Latencies are in microseconds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ConnectionSum {
    /// Windows.
    pub windows: u64,
    /// Runs of the app behind them.
    #[serde(default)]
    pub runs: Distinct,
    /// Attempts to connect.
    pub attempts: u64,
    /// Those that ended in service.
    pub ready: u64,
    /// Those made to get back a service that was lost.
    #[serde(default)]
    pub reconnects: u64,
    /// Those that failed, by phase and class.
    #[serde(with = "super::pairs")]
    pub failures: BTreeMap<(Phase, Failure), u64>,
    /// Addresses that were tried, by family and place in the order from 1.
    #[serde(with = "super::pairs", default)]
    pub tries: BTreeMap<(Family, u8), TrySum>,
    /// Connections in service that ended, by reason.
    #[serde(with = "super::pairs")]
    pub disconnects: BTreeMap<Disconnect, u64>,
    /// How long they had been in service, in milliseconds, by reason.
    #[serde(with = "super::pairs", default)]
    pub lasted_ms: BTreeMap<Disconnect, Sketch>,
    /// How long each phase that ended well took.
    #[serde(with = "super::pairs")]
    pub phases: BTreeMap<Phase, Sketch>,
    /// From the start of an attempt until service.
    pub ready_us: Sketch,
    /// Round trips of heartbeats.
    pub rtt_us: Sketch,
    /// From sending a message until it was acknowledged.
    pub ack_us: Sketch,
    /// Times in which nothing arrived for longer than expected.
    #[serde(default)]
    pub stall_us: Sketch,
    /// Waits before the next attempt.
    #[serde(default)]
    pub backoff_us: Sketch,
    /// From the loss of service until its return.
    #[serde(default)]
    pub outage_us: Sketch,
    /// Changes of the network while in service.
    #[serde(default)]
    pub network_changes: u64,
    /// Messages sent.
    pub sent: u64,
    /// Messages received.
    pub received: u64,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Bytes received.
    pub received_bytes: u64,
    /// Milliseconds in service.
    pub up_ms: u64,
    /// Milliseconds without service while it was wanted.
    pub down_ms: u64,
    /// What the systems' TCP said.
    #[serde(default)]
    pub tcp: TcpSum,
}

/// What addresses of one family at one place in the order add up to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TrySum {
    /// How many were tried.
    pub tried: u64,
    /// How many of them answered.
    pub connected: u64,
    /// How long those took.
    pub took_us: Sketch,
}

/// What samples of the systems' TCP add up to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct TcpSum {
    /// Samples.
    pub samples: u64,
    /// Smoothed round trips.
    pub rtt_us: Sketch,
    /// Their variation.
    pub rtt_var_us: Sketch,
    /// Smallest round trips.
    pub min_rtt_us: Sketch,
    /// Segments with data.
    pub segments: u64,
    /// Segments sent again.
    pub retransmits: u64,
    /// Segments that counted as lost, summed over the samples.
    pub lost: u64,
    /// Bytes a second that were delivered.
    pub delivery_rate: Sketch,
}

impl ConnectionSum {
    /// Adds one window of the run `run`.
    pub fn add(&mut self, window: &Connection, run: [u8; 16]) {
        self.runs.add(run);
        let tcp = window.tcp.as_ref();
        let of_tcp = |count: fn(&Tcp) -> u64| tcp.map_or(0, count);
        // In the order of `alike`, below.
        let counts: [u64; 15] = [
            1,
            window.attempts.into(),
            window.ready.into(),
            window.reconnects.into(),
            window.network_changes.into(),
            window.sent.into(),
            window.received.into(),
            window.sent_bytes,
            window.received_bytes,
            window.up_ms,
            window.down_ms,
            of_tcp(|tcp| tcp.samples.into()),
            of_tcp(|tcp| tcp.segments),
            of_tcp(|tcp| tcp.retransmits),
            of_tcp(|tcp| tcp.lost),
        ];
        for (mine, theirs) in self.counts_mut().into_iter().zip(counts) {
            *mine = mine.saturating_add(theirs);
        }
        let sketches: [Option<&Sketch>; 10] = [
            Some(&window.ready_us),
            Some(&window.rtt_us),
            Some(&window.ack_us),
            Some(&window.stall_us),
            Some(&window.backoff_us),
            Some(&window.outage_us),
            tcp.map(|tcp| &tcp.rtt_us),
            tcp.map(|tcp| &tcp.rtt_var_us),
            tcp.map(|tcp| &tcp.min_rtt_us),
            tcp.map(|tcp| &tcp.delivery_rate),
        ];
        for (mine, theirs) in self.sketches_mut().into_iter().zip(sketches) {
            if let Some(theirs) = theirs {
                mine.merge(theirs);
            }
        }
        for failed in &window.failures {
            let key = (failed.phase, failed.failure);
            *self.failures.entry(key).or_default() += u64::from(failed.count);
        }
        for tries in &window.tries {
            let entry = self.tries.entry((tries.family, tries.order)).or_default();
            entry.tried += u64::from(tries.tried);
            entry.connected += u64::from(tries.connected);
            entry.took_us.merge(&tries.took_us);
        }
        for ended in &window.disconnects {
            *self.disconnects.entry(ended.reason).or_default() += u64::from(ended.count);
            if !ended.lasted_ms.is_empty() {
                let lasted = self.lasted_ms.entry(ended.reason).or_default();
                lasted.merge(&ended.lasted_ms);
            }
        }
        for phase in &window.phases {
            let took = self.phases.entry(phase.phase).or_default();
            took.merge(&phase.took_us);
        }
    }

    /// Adds all of `other`. The order of merging does not matter.
    pub fn merge(&mut self, other: &Self) {
        self.runs.merge(&other.runs);
        for (key, count) in &other.failures {
            *self.failures.entry(*key).or_default() += count;
        }
        for (key, tries) in &other.tries {
            let entry = self.tries.entry(*key).or_default();
            entry.tried += tries.tried;
            entry.connected += tries.connected;
            entry.took_us.merge(&tries.took_us);
        }
        for (key, count) in &other.disconnects {
            *self.disconnects.entry(*key).or_default() += count;
        }
        for (reason, lasted) in &other.lasted_ms {
            self.lasted_ms.entry(*reason).or_default().merge(lasted);
        }
        for (phase, took) in &other.phases {
            self.phases.entry(*phase).or_default().merge(took);
        }
        for (mine, theirs) in self.sketches_mut().into_iter().zip(other.sketches()) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.counts_mut().into_iter().zip(other.counts()) {
            *mine = mine.saturating_add(*theirs);
        }
    }
}

/// The fields that add up alike, always in the same order: those of a sum that is changed, and those of one that is read.
macro_rules! alike {
    ($write:ident, $read:ident: [$type:ty; $count:literal] $($($field:ident).+),+) => {
        impl ConnectionSum {
            pub(super) fn $write(&mut self) -> [&mut $type; $count] {
                [$(&mut self.$($field).+),+]
            }

            pub(super) fn $read(&self) -> [&$type; $count] {
                [$(&self.$($field).+),+]
            }
        }
    };
}

alike!(sketches_mut, sketches: [Sketch; 10]
    ready_us, rtt_us, ack_us, stall_us, backoff_us, outage_us,
    tcp.rtt_us, tcp.rtt_var_us, tcp.min_rtt_us, tcp.delivery_rate);
alike!(counts_mut, counts: [u64; 15]
    windows, attempts, ready, reconnects, network_changes, sent, received, sent_bytes, received_bytes, up_ms, down_ms,
    tcp.samples, tcp.segments, tcp.retransmits, tcp.lost);
