//! From when on standing still is told, and how bad it then is.

use std::time::Duration;

/// From how long on a thread that stands still is told of. Both are brought into their range when a watch is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// From here on it hangs: a user notices. From 100 ms to an hour; 2 s unless said otherwise, which is when desktops begin to
    /// show that an app is busy.
    pub hang: Duration,
    /// From here on it does not respond: a user gives up. At least as long as `hang`; 5 s unless said otherwise, which is when
    /// Android and most desktops offer to end an app.
    pub not_responding: Duration,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            hang: Duration::from_secs(2),
            not_responding: Duration::from_secs(5),
        }
    }
}

/// A hang from here on; [`Thresholds::not_responding`] as usual, or from here on too.
impl From<Duration> for Thresholds {
    fn from(hang: Duration) -> Self {
        Self {
            hang,
            ..Self::default()
        }
    }
}

const SHORTEST_MS: u128 = 100;
const LONGEST_MS: u128 = 3_600_000;

impl Thresholds {
    /// Both in milliseconds, within their range.
    pub(super) fn millis(self) -> (u64, u64) {
        let within = |time: Duration, least: u128| time.as_millis().clamp(least, LONGEST_MS);
        let hang = within(self.hang, SHORTEST_MS);
        (hang as u64, within(self.not_responding, hang) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_brought_into_their_range() {
        assert_eq!(Thresholds::default().millis(), (2_000, 5_000));
        assert_eq!(Thresholds::from(Duration::ZERO).millis(), (100, 5_000));
        let minute = Duration::from_secs(60);
        assert_eq!(Thresholds::from(minute).millis(), (60_000, 60_000));
        assert_eq!(
            Thresholds::from(Duration::MAX).millis(),
            (3_600_000, 3_600_000)
        );
    }
}
