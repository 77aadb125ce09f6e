//! When something happened, as coarsely as it was declared.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// How finely reports tell the time. A developer who chooses [`Precision::Minute`] has to disclose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Rounded down to the hour: the default.
    #[default]
    Hour,
    /// Rounded down to the minute: the finest that the wire carries.
    Minute,
}

impl Precision {
    /// The step in seconds: 3600 or 60.
    pub const fn seconds(self) -> u64 {
        match self {
            Self::Hour => 3600,
            Self::Minute => 60,
        }
    }
}

/// A moment in seconds since 1970-01-01 UTC, rounded down to the hour or the minute.
///
/// An exact time links a report to what somebody did at that second, so no type on the wire can hold one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The latest moment that is accepted: the end of the year 9999.
    const MAX: u64 = 253_402_300_799;

    /// Rounds `unix_seconds` down to `precision`.
    pub const fn round(unix_seconds: u64, precision: Precision) -> Self {
        let seconds = if unix_seconds > Self::MAX {
            Self::MAX
        } else {
            unix_seconds
        };
        Self(seconds - seconds % precision.seconds())
    }

    /// Seconds since 1970-01-01 UTC, a multiple of 60.
    pub const fn unix_seconds(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Moment {
    /// `2026-03-14 09:00 UTC`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Days to civil date: the algorithm of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
        let days = (self.0 / 86_400) as i64 + 719_468;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 {
            shifted_month + 3
        } else {
            shifted_month - 9
        };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute) = (self.0 % 86_400 / 3600, self.0 % 3600 / 60);
        write!(f, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
    }
}

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let seconds = u64::deserialize(deserializer)?;
        if seconds % Precision::Minute.seconds() != 0 {
            return Err(serde::de::Error::custom(
                "a time finer than a minute is not accepted",
            ));
        }
        if seconds > Self::MAX {
            return Err(serde::de::Error::custom(
                "a time after the year 9999 is not accepted",
            ));
        }
        Ok(Self(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_rounded_down_to_what_was_declared() {
        assert_eq!(Moment::round(7_325, Precision::Hour).unix_seconds(), 7_200);
        assert_eq!(
            Moment::round(7_325, Precision::Minute).unix_seconds(),
            7_320
        );
    }

    #[test]
    fn a_time_finer_than_a_minute_is_refused() {
        assert!(serde_json::from_str::<Moment>("7325").is_err());
        assert_eq!(
            serde_json::from_str::<Moment>("7320")
                .unwrap()
                .unix_seconds(),
            7_320
        );
    }

    #[test]
    fn a_time_reads_as_a_date() {
        assert_eq!(
            Moment::round(0, Precision::Hour).to_string(),
            "1970-01-01 00:00 UTC"
        );
        // 2024-02-29 23:59 UTC, a leap day.
        assert_eq!(
            Moment::round(1_709_251_199, Precision::Minute).to_string(),
            "2024-02-29 23:59 UTC"
        );
        assert_eq!(
            Moment::round(1_767_225_600, Precision::Hour).to_string(),
            "2026-01-01 00:00 UTC"
        );
    }
}
