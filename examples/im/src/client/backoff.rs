//! How long to wait before the next attempt: exponential, with full jitter, so that a fleet that lost its server does not return as one.

use std::time::Duration;

/// The waits between attempts that follow each other without success.
#[derive(Debug, Clone)]
pub struct Backoff {
    base: Duration,
    cap: Duration,
    failures: u32,
}

impl Backoff {
    /// After the `n`th failure in a row the wait lies anywhere between nothing and `base * 2^(n-1)`, and never above `cap`.
    #[must_use]
    pub fn new(base: Duration, cap: Duration) -> Self {
        Self {
            base,
            cap,
            failures: 0,
        }
    }

    /// The wait after one more failure. `chance` is drawn evenly from 0 to 1 by the caller; values outside count as the nearer end.
    pub fn next_wait(&mut self, chance: f64) -> Duration {
        let ceiling = self
            .base
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(self.cap);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(chance.clamp(0.0, 1.0))
    }

    /// An attempt succeeded: the next failure is a first one.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BASE: Duration = Duration::from_millis(200);
    const CAP: Duration = Duration::from_secs(30);

    #[test]
    fn the_ceiling_doubles_with_each_failure_until_the_cap_and_starts_over_after_a_success() {
        let mut backoff = Backoff::new(BASE, CAP);
        let ceilings: Vec<u128> = (0..10)
            .map(|_| backoff.next_wait(1.0).as_millis())
            .collect();
        assert_eq!(
            ceilings,
            [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]
        );
        backoff.reset();
        assert_eq!(backoff.next_wait(1.0), BASE);
    }

    #[test]
    fn jitter_is_full_so_the_wait_may_be_nothing_at_all() {
        let mut backoff = Backoff::new(BASE, CAP);
        assert_eq!(backoff.next_wait(0.0), Duration::ZERO);
        assert_eq!(backoff.next_wait(0.5), BASE);
    }

    proptest! {
        #[test]
        fn no_wait_is_ever_above_the_cap_however_long_the_outage(failures in 0_usize..200, chance in -1.0_f64..2.0) {
            let mut backoff = Backoff::new(BASE, CAP);
            for _ in 0..failures {
                backoff.next_wait(chance);
            }
            prop_assert!(backoff.next_wait(chance) <= CAP);
        }
    }
}
