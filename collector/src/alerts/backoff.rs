//! When a message that did not arrive is sent again. Pure.

/// How long the first wait may be, in seconds.
const FIRST: u64 = 5;

/// How long a wait may be at most, in seconds.
pub(super) const LONGEST: u64 = 3_600;

/// After so many attempts, or when a message is older than [`OLDEST`], it is given up.
pub(super) const ATTEMPTS: u32 = 40;

/// Nobody wants to be woken by what was yesterday. In seconds.
pub(super) const OLDEST: u64 = 24 * 3_600;

/// Seconds until the next attempt after so many failed ones; `draw` is a random number from 0 to 1.
///
/// The most doubles with each attempt, and the whole of it is left to chance ("full jitter"), so that receivers that come back are
/// not met by everybody at once. What the receiver asks for is waited at least, up to [`LONGEST`].
pub(super) fn wait(attempts: u32, draw: f64, asked: Option<u64>) -> u64 {
    let doublings = attempts.saturating_sub(1).min(32);
    let most = FIRST.saturating_mul(1 << doublings).min(LONGEST);
    let drawn = (most as f64 * draw.clamp(0.0, 1.0)).round() as u64;
    drawn.max(asked.unwrap_or_default().min(LONGEST)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_wait_is_longer_than_it_may_be(attempts in 0..u32::MAX, draw in 0.0..=1.0, asked: Option<u64>) {
            let waited = wait(attempts, draw, asked);
            prop_assert!((1..=LONGEST).contains(&waited));
            prop_assert!(waited >= asked.unwrap_or_default().min(LONGEST));
            let most = (u128::from(FIRST) << attempts.saturating_sub(1).min(64)).min(u128::from(LONGEST));
            prop_assert!(asked.is_some() || u128::from(waited) <= most.max(1));
        }

        #[test]
        fn chance_decides_over_the_whole_of_it(attempts in 1..30u32, one in 0.0..0.4, other in 0.6..=1.0) {
            prop_assert!(wait(attempts, one, None) < wait(attempts, other, None));
        }
    }

    #[test]
    fn the_longest_wait_doubles() {
        let longest: Vec<u64> = (1..=5).map(|attempts| wait(attempts, 1.0, None)).collect();
        assert_eq!(longest, [5, 10, 20, 40, 80]);
    }
}
