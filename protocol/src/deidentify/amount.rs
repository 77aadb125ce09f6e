//! Numbers that somebody's code handed in.

use super::{Reason, Refused};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// A number with at most three digits that are not 0, so that it can measure something and cannot name somebody: an
/// account or a telephone number loses all but its first three digits.
///
/// Sizes, counts and times are as good for finding a fault; a code from a list should be a word of a closed list instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct Amount(i64);

impl Amount {
    /// Rounds to the nearest number with three digits.
    ///
    /// ```
    /// # use candor_protocol::deidentify::Amount;
    /// assert_eq!(Amount::round(404).get(), 404);
    /// assert_eq!(Amount::round(65_536).get(), 65_500);
    /// assert_eq!(Amount::round(-13_800_138_000).get(), -13_800_000_000);
    /// ```
    pub const fn round(number: i64) -> Self {
        let size = number.unsigned_abs();
        let Some(log) = size.checked_ilog10() else {
            return Self(0);
        };
        if log < 3 {
            return Self(number);
        }
        let unit = 10_u64.pow(log - 2);
        // The nearest multiple; the next one below where there is none above that fits.
        let below = size - size % unit;
        let rounded = if size % unit >= unit / 2 && below <= i64::MAX as u64 - unit {
            below + unit
        } else {
            below
        };
        let rounded = if rounded > i64::MAX as u64 {
            i64::MAX as u64 - i64::MAX as u64 % unit
        } else {
            rounded
        } as i64;
        Self(if number < 0 { -rounded } else { rounded })
    }

    /// The number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        let rounded = Self::round(number);
        if rounded.0 == number {
            Ok(rounded)
        } else {
            Err(serde::de::Error::custom(Refused::new(
                "Amount",
                Reason::NotScrubbed,
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_that_could_name_somebody_loses_what_tells_people_apart() {
        for (number, kept) in [
            (13_800_138_000, 13_800_000_000),
            (110_101_199_003_074_578, 110_000_000_000_000_000),
            (10_054, 10_100),
            (999_999, 1_000_000),
            (0, 0),
            (-7, -7),
        ] {
            assert_eq!(Amount::round(number).get(), kept);
        }
    }

    #[test]
    fn a_number_from_the_wire_must_be_rounded_already() {
        assert!(serde_json::from_str::<Amount>("13800000000").is_ok());
        assert!(serde_json::from_str::<Amount>("13800138000").is_err());
        assert!(serde_json::from_str::<Amount>("1.5").is_err());
    }

    proptest! {
        #[test]
        fn rounding_again_changes_nothing_and_stays_within_a_hundredth(number: i64) {
            let once = Amount::round(number);
            prop_assert_eq!(Amount::round(once.get()), once);
            let off = (i128::from(once.get()) - i128::from(number)).unsigned_abs();
            prop_assert!(off * 100 <= i128::from(number).unsigned_abs() || off == 0);
        }
    }
}
