//! Random ids that sort by when they were made.

use crate::state::Clock;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::atomic::{AtomicU32, Ordering};

/// A random id that sorts by the hour in which it was made and, of those that one process made in it, by their order. It does not
/// tell more of the time: it stands beside reports.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Stamp(pub(super) [u8; 16]);

const HOUR: u64 = 3_600;

impl Stamp {
    /// Not greater than any that is made at `now` or later, in seconds since 1970-01-01 UTC.
    pub(super) fn earliest(now: u64) -> Self {
        Self::of(now, 0, 0)
    }

    pub(super) const fn of(now: u64, count: u32, random: u64) -> Self {
        let hour = ((now / HOUR) as u32).to_be_bytes();
        let (count, random) = (count.to_be_bytes(), random.to_be_bytes());
        let mut bytes = [0; 16];
        let mut at = 0;
        while at < 16 {
            bytes[at] = match at {
                0..4 => hour[at],
                4..8 => count[at - 4],
                _ => random[at - 8],
            };
            at += 1;
        }
        Self(bytes)
    }

    /// When its hour began.
    pub(super) fn hour(&self) -> u64 {
        let [a, b, c, d, ..] = self.0;
        u64::from(u32::from_be_bytes([a, b, c, d])) * HOUR
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Makes stamps.
pub(super) struct Stamps {
    clock: Clock,
    count: AtomicU32,
}

impl Stamps {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock,
            count: AtomicU32::new(0),
        }
    }

    pub(super) fn now(&self) -> u64 {
        self.clock.now()
    }

    pub(super) fn next(&self) -> Stamp {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Stamp::of(self.now(), count, rand::random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_sort_by_when_they_were_made_and_tell_the_hour_only() {
        let stamps = Stamps::new(Clock::new(|| 1_700_000_000));
        let made: Vec<_> = (0..300).map(|_| stamps.next()).collect();
        assert!(made.is_sorted_by(|a, b| a < b));
        assert!(Stamp::earliest(1_700_000_000) <= made[0]);
        assert!(made[299] < Stamp::earliest(1_700_003_600));
        assert_eq!(made[7].hour(), 1_700_000_000 / 3_600 * 3_600);
        assert_eq!(
            Stamp::earliest(1_700_000_000),
            Stamp::earliest(1_700_000_399)
        );
    }
}
