//! Taking erased reports out of sums.

use super::ConnectionSum;
use candor_protocol::report::Connection;
use candor_protocol::sketch::Sketch;
use std::collections::BTreeMap;

/// What reports of one kind add up to, and what can be taken out again.
pub(super) trait Sum: Default {
    /// What is added.
    type Part<'a>: Copy;
    fn add(&mut self, part: Self::Part<'_>);
    fn merge(&mut self, other: &Self);
    /// Takes out what was added before.
    fn subtract(&mut self, other: &Self);
    fn is_empty(&self) -> bool;
}

/// What is added to a sum and what is taken out of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Change<S> {
    pub(super) added: S,
    pub(super) taken: S,
}

impl<S: Sum> Change<S> {
    pub(super) fn apply(&self, sum: &mut S) {
        sum.merge(&self.added);
        sum.subtract(&self.taken);
    }
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
    type Part<'a> = (&'a Connection, [u8; 16]);

    fn add(&mut self, (window, run): (&Connection, [u8; 16])) {
        ConnectionSum::add(self, window, run);
    }

    fn merge(&mut self, other: &Self) {
        ConnectionSum::merge(self, other);
    }

    fn subtract(&mut self, other: &Self) {
        self.runs.subtract(&other.runs);
        counts(&mut self.failures, &other.failures);
        counts(&mut self.disconnects, &other.disconnects);
        for (key, taken) in &other.tries {
            if let Some(left) = self.tries.get_mut(key) {
                left.tried = left.tried.saturating_sub(taken.tried);
                left.connected = left.connected.saturating_sub(taken.connected);
                sketch(&mut left.took_us, &taken.took_us);
            }
        }
        self.tries.retain(|_, left| left.tried > 0);
        sketches(&mut self.lasted_ms, &other.lasted_ms);
        sketches(&mut self.phases, &other.phases);
        for (left, taken) in self.sketches_mut().into_iter().zip(other.sketches()) {
            sketch(left, taken);
        }
        for (left, taken) in self.counts_mut().into_iter().zip(other.counts()) {
            *left = left.saturating_sub(*taken);
        }
    }

    fn is_empty(&self) -> bool {
        self.windows == 0
    }
}

/// Takes sketches out of sketches; what is empty is gone.
fn sketches<K: Ord>(from: &mut BTreeMap<K, Sketch>, taken: &BTreeMap<K, Sketch>) {
    for (key, taken) in taken {
        if let Some(left) = from.get_mut(key) {
            sketch(left, taken);
        }
    }
    from.retain(|_, left| !left.is_empty());
}
