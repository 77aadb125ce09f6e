//! How long somebody who does not know a password has to wait. Pure.

use serde::{Deserialize, Serialize};

/// Attempts that cost nothing: people mistype.
const FREE: u32 = 5;

/// Seconds of the first wait; each further one is twice as long.
const FIRST: u64 = 30;

/// The longest wait. A stranger can keep somebody from signing in for so long, so it is not a day: 48 guesses a day are few enough
/// for a password of twelve characters.
const LONGEST: u64 = 30 * 60;

/// After so many seconds without an attempt it is all forgotten.
const FORGOTTEN: u64 = 86_400;

/// The attempts at one name that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Attempts {
    /// How many in a row.
    failed: u32,
    /// When the last one was, in seconds since 1970-01-01 UTC.
    last: u64,
    /// Before this no further one is looked at.
    shut_until: u64,
}

impl Attempts {
    /// Begins an attempt. It counts as failed before it is known how it ends, so that many at the same time are no way around.
    ///
    /// # Errors
    /// The seconds that are still to be waited.
    pub(super) fn begin(&mut self, now: u64) -> Result<(), u64> {
        if now < self.shut_until {
            return Err(self.shut_until - now);
        }
        if now.saturating_sub(self.last) > FORGOTTEN {
            *self = Self::default();
        }
        self.failed = self.failed.saturating_add(1);
        self.last = now;
        if self.failed >= FREE {
            let doubled = FIRST << (self.failed - FREE).min(16);
            self.shut_until = now + doubled.min(LONGEST);
        }
        Ok(())
    }

    /// When the last one was.
    pub(super) fn last(&self) -> u64 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_five_failures_each_wait_is_twice_as_long_up_to_half_an_hour() {
        let (mut attempts, mut now) = (Attempts::default(), 1_000_000);
        for _ in 0..FREE {
            assert_eq!(attempts.begin(now), Ok(()));
        }
        for wait in [30, 60, 120, 240, 480, 960, 1_800, 1_800] {
            assert_eq!(attempts.begin(now), Err(wait), "none beside");
            assert_eq!(attempts.begin(now + wait - 1), Err(1));
            now += wait;
            assert_eq!(attempts.begin(now), Ok(()));
        }
        now += FORGOTTEN + 1;
        for _ in 0..FREE {
            assert_eq!(attempts.begin(now), Ok(()));
        }
    }
}
