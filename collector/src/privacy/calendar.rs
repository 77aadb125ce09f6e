//! Days, and which of them are worked.

use jiff::civil::{Date, Weekday};
use jiff::{Timestamp, ToSpan, tz::TimeZone};
use std::collections::BTreeSet;

/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;

fn civil(at: u64) -> Date {
    let seconds = i64::try_from(at).unwrap_or(i64::MAX);
    let moment = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    TimeZone::UTC.to_datetime(moment).date()
}

/// The day of a moment, such as `2026-11-26`.
pub fn date(at: u64) -> String {
    civil(at).to_string()
}

/// The first second of a day such as `2026-11-26`; `None` for what is none.
pub fn day(text: &str) -> Option<u64> {
    let date: Date = text.parse().ok()?;
    let midnight = TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?;
    u64::try_from(midnight.as_second()).ok()
}

/// The last second of the day that is `days` working days after the day of `from`, which does not count itself. Saturdays, Sundays
/// and `holidays` are not worked, except for `worked`, which are.
pub(super) fn due(from: u64, days: u32, holidays: &BTreeSet<Date>, worked: &BTreeSet<Date>) -> u64 {
    let mut date = civil(from);
    let mut left = days;
    while left > 0 {
        let Ok(next) = date.checked_add(1.day()) else {
            break;
        };
        date = next;
        let weekend = matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday);
        let is_worked = worked.contains(&date) || !(weekend || holidays.contains(&date));
        left -= u32::from(is_worked);
    }
    day(&date.to_string()).map_or(u64::MAX, |midnight| midnight + DAY - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dates(of: &[&str]) -> BTreeSet<Date> {
        of.iter().map(|date| date.parse().unwrap()).collect()
    }

    fn due_date(from: &str, holidays: &[&str], worked: &[&str]) -> String {
        date(due(
            day(from).unwrap() + 50_000,
            15,
            &dates(holidays),
            &dates(worked),
        ))
    }

    #[test]
    fn fifteen_working_days_are_three_weeks_without_holidays() {
        // 2026-11-26 is a Thursday.
        assert_eq!(due_date("2026-11-26", &[], &[]), "2026-12-17");
        // What comes on a weekend counts from Monday on.
        for weekend in ["2026-11-28", "2026-11-29"] {
            assert_eq!(due_date(weekend, &[], &[]), "2026-12-18");
        }
    }

    #[test]
    fn holidays_are_not_worked_and_weekends_that_make_up_for_them_are() {
        let week = [
            "2026-10-01",
            "2026-10-02",
            "2026-10-05",
            "2026-10-06",
            "2026-10-07",
        ];
        assert_eq!(due_date("2026-09-24", &week, &[]), "2026-10-22");
        assert_eq!(due_date("2026-09-24", &week, &["2026-10-10"]), "2026-10-21");
        // A holiday on a weekend costs no working day.
        assert_eq!(due_date("2026-11-26", &["2026-11-28"], &[]), "2026-12-17");
    }

    #[test]
    fn the_last_second_of_the_day_is_still_in_time() {
        let due = due(
            day("2026-11-26").unwrap(),
            1,
            &BTreeSet::new(),
            &BTreeSet::new(),
        );
        assert_eq!(due, day("2026-11-28").unwrap() - 1);
    }

    #[test]
    fn a_day_reads_back_as_it_was_written() {
        assert_eq!(date(day("2024-02-29").unwrap()), "2024-02-29");
        for wrong in ["", "2026-13-01", "yesterday", "2026-02-30", "1969-12-31"] {
            assert_eq!(day(wrong), None, "{wrong}");
        }
    }
}
