//! A window that is over: raw, in memory.

use super::cell::{Cell, TcpCell};
use candor_protocol::deidentify::Name;
use candor_protocol::report::{
    Disconnect, Disconnects, Failure, Failures, Family, Network, Phase, PhaseTimes, Tcp, Transport,
    Tries,
};
use candor_protocol::sketch::Sketch;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// Which connection a window is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    pub(crate) name: Name,
    pub(crate) endpoint: Name,
    pub(crate) region: Option<Name>,
    pub(crate) transport: Transport,
}

/// What a connection did over one kind of network.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    pub(crate) subject: Subject,
    pub(crate) network: Network,
    pub(crate) seconds: u32,
    pub(crate) attempts: u32,
    pub(crate) ready: u32,
    pub(crate) reconnects: u32,
    pub(crate) failures: Vec<Failures>,
    pub(crate) tries: Vec<Tries>,
    pub(crate) disconnects: Vec<Disconnects>,
    pub(crate) phases: Vec<PhaseTimes>,
    pub(crate) ready_us: Sketch,
    pub(crate) rtt_us: Sketch,
    pub(crate) ack_us: Sketch,
    pub(crate) stall_us: Sketch,
    pub(crate) backoff_us: Sketch,
    pub(crate) outage_us: Sketch,
    pub(crate) network_changes: u32,
    pub(crate) sent: u32,
    pub(crate) received: u32,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) up_us: u64,
    pub(crate) down_us: u64,
    pub(crate) tcp: Option<Tcp>,
}

/// Less than this of service or its lack is not worth a window of its own, in microseconds.
const NOTHING_US: u64 = 1_000;
/// A lack of service that is no lack yet: an attempt takes its time. In microseconds.
const CALM_DOWN_US: u64 = 1_000_000;

fn take(count: &AtomicU32) -> u32 {
    count.swap(0, Relaxed)
}

fn take_sum(sum: &AtomicU64) -> u64 {
    sum.swap(0, Relaxed)
}

impl Window {
    /// Takes everything out of `cell`.
    pub(super) fn take(subject: &Subject, network: Network, seconds: u32, cell: &Cell) -> Self {
        Self {
            subject: subject.clone(),
            network,
            seconds,
            attempts: take(&cell.attempts),
            ready: take(&cell.ready),
            reconnects: take(&cell.reconnects),
            failures: failures(cell),
            tries: tries(cell),
            disconnects: disconnects(cell),
            phases: phases(cell),
            ready_us: cell.ready_us.take(),
            rtt_us: cell.rtt_us.take(),
            ack_us: cell.ack_us.take(),
            stall_us: cell.stall_us.take(),
            backoff_us: cell.backoff_us.take(),
            outage_us: cell.outage_us.take(),
            network_changes: take(&cell.network_changes),
            sent: take(&cell.sent.messages),
            received: take(&cell.received.messages),
            sent_bytes: take_sum(&cell.sent.bytes),
            received_bytes: take_sum(&cell.received.bytes),
            up_us: take_sum(&cell.up_us),
            down_us: take_sum(&cell.down_us),
            tcp: tcp(&cell.tcp),
        }
    }

    /// Whether it has nothing to tell.
    pub(super) fn is_empty(&self) -> bool {
        self.is_calm()
            && self.phases.is_empty()
            && self.tries.is_empty()
            && self.rtt_us.is_empty()
            && self.ack_us.is_empty()
            && self.sent == 0
            && self.received == 0
            && self.sent_bytes == 0
            && self.received_bytes == 0
            && self.tcp.is_none()
            && self.up_us < NOTHING_US
            && self.down_us < NOTHING_US
    }

    /// Whether the connection only did its work: nothing that anybody waits to hear of.
    pub(crate) fn is_calm(&self) -> bool {
        self.attempts == 0
            && self.disconnects.is_empty()
            && self.stall_us.is_empty()
            && self.network_changes == 0
            && self.down_us < CALM_DOWN_US
    }

    /// Whether `later` can be added: it is about the same connection on the same network.
    pub(crate) fn continues_with(&self, later: &Self) -> bool {
        self.subject == later.subject && self.network == later.network
    }

    /// Adds the window that followed.
    pub(crate) fn merge(&mut self, later: Self) {
        for (mine, theirs) in [
            (&mut self.seconds, later.seconds),
            (&mut self.attempts, later.attempts),
            (&mut self.ready, later.ready),
            (&mut self.reconnects, later.reconnects),
            (&mut self.network_changes, later.network_changes),
            (&mut self.sent, later.sent),
            (&mut self.received, later.received),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in [
            (&mut self.sent_bytes, later.sent_bytes),
            (&mut self.received_bytes, later.received_bytes),
            (&mut self.up_us, later.up_us),
            (&mut self.down_us, later.down_us),
        ] {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in [
            (&mut self.ready_us, &later.ready_us),
            (&mut self.rtt_us, &later.rtt_us),
            (&mut self.ack_us, &later.ack_us),
            (&mut self.stall_us, &later.stall_us),
            (&mut self.backoff_us, &later.backoff_us),
            (&mut self.outage_us, &later.outage_us),
        ] {
            mine.merge(theirs);
        }
        join(
            &mut self.failures,
            later.failures,
            |a, b| (a.phase, a.failure) == (b.phase, b.failure),
            |a, b| a.count = a.count.saturating_add(b.count),
        );
        join(
            &mut self.tries,
            later.tries,
            |a, b| (a.family, a.order) == (b.family, b.order),
            |a, b| {
                a.tried = a.tried.saturating_add(b.tried);
                a.connected = a.connected.saturating_add(b.connected);
                a.took_us.merge(&b.took_us);
            },
        );
        join(
            &mut self.disconnects,
            later.disconnects,
            |a, b| a.reason == b.reason,
            |a, b| {
                a.count = a.count.saturating_add(b.count);
                a.lasted_ms.merge(&b.lasted_ms);
            },
        );
        join(
            &mut self.phases,
            later.phases,
            |a, b| a.phase == b.phase,
            |a, b| a.took_us.merge(&b.took_us),
        );
        match (&mut self.tcp, later.tcp) {
            (Some(mine), Some(theirs)) => merge_tcp(mine, &theirs),
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
    }
}

/// Adds each of `more` to what is the same in `list`, or at its end.
fn join<T>(
    list: &mut Vec<T>,
    more: Vec<T>,
    same: impl Fn(&T, &T) -> bool,
    add: impl Fn(&mut T, &T),
) {
    for one in more {
        match list.iter_mut().find(|known| same(known, &one)) {
            Some(known) => add(known, &one),
            None => list.push(one),
        }
    }
}

fn merge_tcp(mine: &mut Tcp, theirs: &Tcp) {
    mine.samples = mine.samples.saturating_add(theirs.samples);
    mine.rtt_us.merge(&theirs.rtt_us);
    mine.rtt_var_us.merge(&theirs.rtt_var_us);
    mine.min_rtt_us.merge(&theirs.min_rtt_us);
    mine.segments = mine.segments.saturating_add(theirs.segments);
    mine.retransmits = mine.retransmits.saturating_add(theirs.retransmits);
    mine.lost = mine.lost.saturating_add(theirs.lost);
    mine.delivery_rate.merge(&theirs.delivery_rate);
}

fn failures(cell: &Cell) -> Vec<Failures> {
    let mut failures = Vec::new();
    for (&phase, row) in Phase::ALL.iter().zip(&cell.failures) {
        let counts = Failure::ALL
            .iter()
            .zip(row)
            .map(|(&failure, count)| Failures {
                phase,
                failure,
                count: take(count),
            });
        failures.extend(counts.filter(|one| one.count > 0));
    }
    failures
}

fn tries(cell: &Cell) -> Vec<Tries> {
    let mut tries = Vec::new();
    for (&family, row) in Family::ALL.iter().zip(&cell.tries) {
        let counts = (1u8..).zip(row).map(|(order, counts)| Tries {
            family,
            order,
            tried: take(&counts.tried),
            connected: take(&counts.connected),
            took_us: counts.took_us.take(),
        });
        tries.extend(counts.filter(|one| one.tried + one.connected > 0));
    }
    tries
}

fn disconnects(cell: &Cell) -> Vec<Disconnects> {
    let counts = Disconnect::ALL
        .iter()
        .zip(&cell.disconnects)
        .map(|(&reason, ended)| Disconnects {
            reason,
            count: take(&ended.count),
            lasted_ms: ended.lasted_ms.take(),
        });
    counts
        .filter(|one| one.count > 0 || !one.lasted_ms.is_empty())
        .collect()
}

fn phases(cell: &Cell) -> Vec<PhaseTimes> {
    let times = Phase::ALL
        .iter()
        .zip(&cell.phases)
        .map(|(&phase, histogram)| PhaseTimes {
            phase,
            took_us: histogram.take(),
        });
    times.filter(|one| !one.took_us.is_empty()).collect()
}

fn tcp(cell: &TcpCell) -> Option<Tcp> {
    let samples = take(&cell.samples);
    (samples > 0).then(|| Tcp {
        samples,
        rtt_us: cell.rtt_us.take(),
        rtt_var_us: cell.rtt_var_us.take(),
        min_rtt_us: cell.min_rtt_us.take(),
        segments: take_sum(&cell.segments),
        retransmits: take_sum(&cell.retransmits),
        lost: take_sum(&cell.lost),
        delivery_rate: cell.delivery_rate.take(),
    })
}
