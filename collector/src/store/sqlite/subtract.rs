//! Taking erased reports out of sums.

use crate::store::ConnectionSum;
use candor_protocol::report::Connection;
use candor_protocol::sketch::Sketch;
use std::collections::BTreeMap;

/// What reports of one kind add up to, and what can be taken out again.
pub(super) trait Sum: Default {
    /// What is added.
    type Part;
    fn add(&mut self, part: &Self::Part);
    fn merge(&mut self, other: &Self);
    /// Takes out what was added before.
    fn subtract(&mut self, other: &Self);
    fn is_empty(&self) -> bool;
}

/// Takes counts out of counts; what reaches zero is gone.
pub(super) fn counts<K: Ord>(from: &mut BTreeMap<K, u64>, taken: &BTreeMap<K, u64>) {
    for (key, count) in taken {
        if let Some(left) = from.get_mut(key) {
            *left = left.saturating_sub(*count);
        }
    }
    from.retain(|_, left| *left > 0);
}

/// Takes the values of one sketch out of another.
pub(super) fn sketch(from: &mut Sketch, taken: &Sketch) {
    let mut left: BTreeMap<u16, u64> = from.buckets().collect();
    counts(&mut left, &taken.buckets().collect());
    *from = Sketch::default();
    left.into_iter()
        .for_each(|(bucket, count)| from.add(bucket, count));
}

impl Sum for ConnectionSum {
    type Part = Connection;

    fn add(&mut self, part: &Connection) {
        ConnectionSum::add(self, part);
    }

    fn merge(&mut self, other: &Self) {
        ConnectionSum::merge(self, other);
    }

    fn subtract(&mut self, other: &Self) {
        counts(&mut self.failures, &other.failures);
        counts(&mut self.disconnects, &other.disconnects);
        for (phase, took) in &other.phases {
            if let Some(left) = self.phases.get_mut(phase) {
                sketch(left, took);
            }
        }
        self.phases.retain(|_, left| !left.is_empty());
        sketch(&mut self.ready_us, &other.ready_us);
        sketch(&mut self.rtt_us, &other.rtt_us);
        sketch(&mut self.ack_us, &other.ack_us);
        for (left, taken) in [
            (&mut self.windows, other.windows),
            (&mut self.attempts, other.attempts),
            (&mut self.ready, other.ready),
            (&mut self.sent, other.sent),
            (&mut self.received, other.received),
            (&mut self.sent_bytes, other.sent_bytes),
            (&mut self.received_bytes, other.received_bytes),
            (&mut self.up_ms, other.up_ms),
            (&mut self.down_ms, other.down_ms),
        ] {
            *left = left.saturating_sub(taken);
        }
    }

    fn is_empty(&self) -> bool {
        self.windows == 0
    }
}
