//! The stretch of time that a page shows.

use crate::store::Span;
use candor_protocol::moment::{Moment, Precision};

/// How long a stretch a page shows, as chosen in the address: `?range=24h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Range {
    /// A quarter of an hour.
    Quarter,
    /// One hour.
    Hour,
    /// One day.
    #[default]
    Day,
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// The year 5138; nothing was reported later.
const FAR: u64 = 100_000_000_000;

impl Range {
    /// All ranges, shortest first.
    pub(crate) const ALL: [Self; 5] = [
        Self::Quarter,
        Self::Hour,
        Self::Day,
        Self::Week,
        Self::Month,
    ];

    /// The word in the address.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Month => "30d",
        }
    }

    /// The range of a word in the address.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|range| range.word() == word)
    }

    /// Its length in seconds.
    pub(crate) const fn seconds(self) -> u64 {
        match self {
            Self::Quarter => 15 * MINUTE,
            Self::Hour => HOUR,
            Self::Day => DAY,
            Self::Week => 7 * DAY,
            Self::Month => 30 * DAY,
        }
    }

    /// Seconds per point of a chart: at most some seventy points, and steps that divide the day.
    pub(crate) const fn step(self) -> u64 {
        match self {
            Self::Quarter => MINUTE,
            Self::Hour => 5 * MINUTE,
            Self::Day => HOUR,
            Self::Week => 6 * HOUR,
            Self::Month => DAY,
        }
    }

    /// The range to look closer with: the longest one that is no longer than one step of this one.
    pub(crate) fn closer(self) -> Option<Self> {
        Self::ALL
            .into_iter()
            .rev()
            .find(|range| range.seconds() <= self.step())
    }
}

/// The stretch of time of a length of `range` that ends with the step in which `end` lies.
///
/// It begins at a full hour at the latest: reports tell the hour unless a developer declared a finer precision, so a
/// stretch that began within the hour would not show what happened in it.
pub(crate) fn ending(range: Range, end: u64) -> Span {
    let step = range.step();
    // Far enough from the end of time for every calculation on it.
    let to = end.min(FAR).saturating_add(1).next_multiple_of(step);
    let from = to.saturating_sub(range.seconds());
    Span {
        from: from - from % step.max(HOUR),
        to,
        step,
    }
}

/// The stretch of the same length just before, as a single step: it is compared with, and not drawn.
pub(crate) fn before(span: Span) -> Span {
    let length = span.to - span.from;
    Span {
        from: span.from.saturating_sub(length),
        to: span.from,
        step: length,
    }
}

/// When the steps begin.
pub(crate) fn starts(span: Span) -> impl Iterator<Item = u64> {
    (0..span.steps()).map(move |index| span.start(index))
}

/// `2026-03-14 09:00 UTC`; `at` is in Unix seconds.
pub(crate) fn exact(at: u64) -> String {
    Moment::round(at, Precision::Minute).to_string()
}

/// How a point in time is written below a chart of `span`: the hour and minute, or for long ones month and day.
pub(crate) fn tick(at: u64, span: Span) -> String {
    let exact = exact(at);
    let (from, to) = if span.to - span.from > 2 * DAY {
        (5, 10)
    } else {
        (11, 16)
    };
    exact.get(from..to).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-14 09:26 UTC.
    const NOW: u64 = 1_773_480_360;

    #[test]
    fn a_window_ends_with_the_running_step_and_begins_at_a_full_hour() {
        for range in Range::ALL {
            let window = ending(range, NOW);
            assert!(
                window.to > NOW && window.to - NOW <= range.step(),
                "{range:?}"
            );
            assert_eq!(window.from % HOUR, 0, "{range:?}");
            assert!(window.to - window.from >= range.seconds(), "{range:?}");
            assert_eq!((window.to - window.from) % window.step, 0, "{range:?}");
            assert_eq!(starts(window).count(), window.steps());
            assert!(window.steps() <= 75, "{range:?}: {}", window.steps());
        }
    }

    #[test]
    fn a_report_of_this_hour_is_in_the_shortest_window() {
        let window = ending(Range::Quarter, NOW);
        assert!(window.index(NOW - NOW % HOUR).is_some());
    }

    #[test]
    fn the_window_before_is_as_long_and_touches() {
        let window = ending(Range::Week, NOW);
        let earlier = before(window);
        assert_eq!(earlier.to, window.from);
        assert_eq!(earlier.to - earlier.from, window.to - window.from);
    }

    #[test]
    fn an_absurd_end_is_no_trouble() {
        for range in Range::ALL {
            assert!(ending(range, u64::MAX).steps() > 1);
            assert!(ending(range, 0).steps() >= 1);
            assert_eq!(before(ending(range, 0)).from, 0);
        }
    }

    #[test]
    fn looking_closer_chooses_a_range_that_fits_into_one_step() {
        assert_eq!(Range::Month.closer(), Some(Range::Day));
        assert_eq!(Range::Week.closer(), Some(Range::Hour));
        assert_eq!(Range::Day.closer(), Some(Range::Hour));
        assert_eq!(Range::Hour.closer(), None);
    }

    #[test]
    fn ticks_tell_the_hour_of_a_day_and_the_day_of_a_month() {
        assert_eq!(tick(NOW, ending(Range::Day, NOW)), "09:26");
        assert_eq!(tick(NOW, ending(Range::Month, NOW)), "03-14");
        assert_eq!(exact(NOW), "2026-03-14 09:26 UTC");
    }
}
