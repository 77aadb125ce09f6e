//! A histogram that many threads add to.

use candor_protocol::sketch::{self, Sketch};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

/// Counts per bucket. The buckets (8 kB) are allocated when the first value comes and stay.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    buckets: OnceLock<Box<[AtomicU32]>>,
}

impl Histogram {
    pub(super) fn record(&self, value: u64) {
        if let Some(count) = self.buckets().get(usize::from(sketch::bucket(value))) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn buckets(&self) -> &[AtomicU32] {
        match self.buckets.get() {
            Some(buckets) => buckets,
            None => self.allocate(),
        }
    }

    /// Allocates before it asks to be the one: nobody waits while somebody else allocates.
    #[cold]
    fn allocate(&self) -> &[AtomicU32] {
        let fresh = (0..sketch::BUCKETS).map(|_| AtomicU32::new(0)).collect();
        let _ = self.buckets.set(fresh);
        self.buckets
            .get()
            .map(|buckets| &buckets[..])
            .unwrap_or_default()
    }

    pub(super) fn take(&self) -> Sketch {
        let buckets = self.buckets.get().map(|buckets| &buckets[..]);
        Sketch::from_dense(buckets.unwrap_or_default().iter().map(|count| {
            // Most are empty, and reading does not take the cache line away from whoever records.
            if count.load(Relaxed) == 0 {
                0
            } else {
                u64::from(count.swap(0, Relaxed))
            }
        }))
    }
}
