//! What is counted of one issue in one day, hour by hour, in little space and so that any range of hours is exact.
//!
//! Distinct installations cannot be added up, but meetings can: an hour in which an installation met the issue is counted by how
//! many hours ago it had met it before. A range then holds as many installations as it holds meetings whose meeting before lies
//! outside of it. The same holds for runs. All of it is sums, so what is erased is taken out by the same additions.
//!
//! Packed, each hour is its number in the day as one byte, then as varints (LEB128) its reports, how many of them were fatal, how
//! many kinds of meeting there are, and of each: how many hours ago the one before was (0: never), installations, runs.

use super::Span;
use super::varint::{Bytes, write};
use std::collections::BTreeMap;

pub(super) const HOUR: u64 = 3_600;
pub(super) const DAY: u64 = 24 * HOUR;

/// What is counted of an issue in a day, or what changes of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct IssueDay(BTreeMap<u8, Hour>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Hour {
    reports: i64,
    fatal: i64,
    /// By how many hours ago the meeting before was; 0 for never.
    met: BTreeMap<u64, Met>,
}

/// How many met an issue, or no longer did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Met {
    pub(super) installs: i64,
    pub(super) runs: i64,
}

impl IssueDay {
    /// Counts reports at a time of the day.
    pub(super) fn count(&mut self, at: u64, reports: i64, fatal: i64) {
        let hour = self.0.entry(hour_of_day(at)).or_default();
        hour.reports += reports;
        hour.fatal += fatal;
    }

    /// Counts meetings at a time of the day, whose meetings before were in the hour of `before`.
    pub(super) fn meet(&mut self, at: u64, before: Option<u64>, met: Met) {
        let ago = before.map_or(0, |before| (at / HOUR).saturating_sub(before / HOUR));
        let hour = self.0.entry(hour_of_day(at)).or_default();
        let sum = hour.met.entry(ago).or_default();
        sum.installs += met.installs;
        sum.runs += met.runs;
    }

    /// Adds everything in `other`.
    pub(super) fn add(&mut self, other: &Self) {
        for (number, theirs) in &other.0 {
            let mine = self.0.entry(*number).or_default();
            mine.reports += theirs.reports;
            mine.fatal += theirs.fatal;
            for (ago, met) in &theirs.met {
                let sum = mine.met.entry(*ago).or_default();
                sum.installs += met.installs;
                sum.runs += met.runs;
            }
        }
    }

    /// All of it in bytes; empty where nothing is counted.
    pub(super) fn pack(&self) -> Vec<u8> {
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        let mut packed = Vec::new();
        for (number, hour) in &self.0 {
            let there = |met: &Met| met.installs > 0 || met.runs > 0;
            let kept = || hour.met.iter().filter(|(_, met)| there(met));
            let kinds = kept().count() as u64;
            if hour.reports <= 0 && kinds == 0 {
                continue;
            }
            packed.push(*number);
            let head = [count(hour.reports), count(hour.fatal), kinds];
            head.into_iter().for_each(|value| write(&mut packed, value));
            for (ago, Met { installs, runs }) in kept() {
                let values = [*ago, count(*installs), count(*runs)];
                values
                    .into_iter()
                    .for_each(|value| write(&mut packed, value));
            }
        }
        packed
    }

    /// What was packed; nothing where it was not.
    pub(super) fn unpack(packed: &[u8]) -> Self {
        let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        let mut day = Self::default();
        let mut bytes = Bytes(packed);
        while let Some((number, reports, fatal, kinds)) = head(&mut bytes) {
            let hour = day.0.entry(number).or_default();
            hour.reports = signed(reports);
            hour.fatal = signed(fatal);
            for _ in 0..kinds {
                let Some((ago, installs, runs)) = met(&mut bytes) else {
                    break;
                };
                let (installs, runs) = (signed(installs), signed(runs));
                hour.met.insert(ago, Met { installs, runs });
            }
        }
        day
    }
}

fn hour_of_day(at: u64) -> u8 {
    (at % DAY / HOUR) as u8
}

/// What is counted of an issue in a range.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Total {
    pub(super) reports: u64,
    pub(super) fatal: u64,
    /// Reports in the later half.
    pub(super) late: u64,
    pub(super) installs: u64,
    pub(super) runs: u64,
}

impl Total {
    pub(super) fn add(&mut self, other: Self) {
        self.reports += other.reports;
        self.fatal += other.fatal;
        self.late += other.late;
        self.installs += other.installs;
        self.runs += other.runs;
    }
}

/// A range of full hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Hours {
    from: u64,
    to: u64,
    /// When the later half begins.
    middle: u64,
}

impl Hours {
    /// Every hour.
    pub(super) const ALL: Self = Self {
        from: 0,
        to: u64::MAX,
        middle: u64::MAX,
    };

    /// The hours between two moments.
    pub(super) const fn between(from: u64, to: u64) -> Self {
        Self {
            from: from / HOUR,
            to: to / HOUR,
            middle: u64::MAX,
        }
    }

    /// The hours that a range touches.
    pub(super) fn around(span: Span) -> Self {
        let to = span.to.min(i64::MAX as u64 - 2 * DAY);
        Self::between(span.from, to.next_multiple_of(HOUR))
    }

    /// The hours of a range, where its halves and its steps are made of full hours.
    pub(super) fn of(span: Span) -> Option<Self> {
        let middle = span.middle();
        let full = |at: u64| at.is_multiple_of(HOUR) && at <= i64::MAX as u64;
        (span.is_coarse() && full(span.to) && full(middle)).then_some(Self {
            from: span.from / HOUR,
            to: span.to / HOUR,
            middle: middle / HOUR,
        })
    }

    /// The days that the range touches, as the moments at which they begin.
    pub(super) fn days(self) -> (u64, u64) {
        let first = self.from * HOUR / DAY * DAY;
        (first, (self.to * HOUR).next_multiple_of(DAY))
    }

    /// What of the packed day that begins at `day` lies in the range. Each hour that does is handed to `each` as the moment at which it
    /// begins and its reports.
    pub(super) fn total(self, day: u64, packed: &[u8], mut each: impl FnMut(u64, u64)) -> Total {
        let mut total = Total::default();
        let mut bytes = Bytes(packed);
        while let Some((number, reports, fatal, kinds)) = head(&mut bytes) {
            let hour = day / HOUR + u64::from(number);
            let within = (self.from..self.to).contains(&hour);
            if within {
                total.reports += reports;
                total.fatal += fatal;
                total.late += if hour >= self.middle { reports } else { 0 };
                each(hour * HOUR, reports);
            }
            for _ in 0..kinds {
                let Some((ago, installs, runs)) = met(&mut bytes) else {
                    break;
                };
                // The meeting before was not in the range.
                if within && (ago == 0 || hour - self.from < ago) {
                    total.installs += installs;
                    total.runs += runs;
                }
            }
        }
        total
    }
}

/// The head of an hour: its number, reports, fatal ones, and how many kinds of meeting follow.
fn head(bytes: &mut Bytes<'_>) -> Option<(u8, u64, u64, u64)> {
    Some((
        bytes.byte()?,
        bytes.number()?,
        bytes.number()?,
        bytes.number()?,
    ))
}

/// A kind of meeting: how long ago the one before was, installations, runs.
fn met(bytes: &mut Bytes<'_>) -> Option<(u64, u64, u64)> {
    Some((bytes.number()?, bytes.number()?, bytes.number()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{BTreeSet, HashSet};

    /// Counts meetings of one issue, each by whom and in which hour, as a store does that knows the hours before and after.
    fn days(meetings: &BTreeSet<(u8, u64)>) -> BTreeMap<u64, IssueDay> {
        let mut days: BTreeMap<u64, IssueDay> = BTreeMap::new();
        for (who, hour) in meetings {
            let before = meetings.range((*who, 0)..(*who, *hour)).next_back();
            let at = hour * HOUR;
            let day = days.entry(at / DAY * DAY).or_default();
            day.count(at, 1, 0);
            let one = Met {
                installs: 1,
                runs: 0,
            };
            day.meet(at, before.map(|(_, hour)| hour * HOUR), one);
        }
        days
    }

    proptest! {
        #[test]
        fn any_range_of_hours_holds_exactly_those_who_met_it_in_it(
            meetings in proptest::collection::btree_set((0u8..6, 0u64..200), 0..120), from in 0u64..200, hours in 0u64..120,
        ) {
            let span = Span { from: from * HOUR, to: (from + hours * 2) * HOUR, step: HOUR };
            let range = Hours::of(span).unwrap();
            let mut total = Total::default();
            for (day, counted) in days(&meetings) {
                total.add(range.total(day, &counted.pack(), |_, _| {}));
            }
            let within = || meetings.iter().filter(|(_, hour)| (from..from + hours * 2).contains(hour));
            let who: HashSet<u8> = within().map(|(who, _)| *who).collect();
            prop_assert_eq!((total.installs, total.reports), (who.len() as u64, within().count() as u64));
            let late = within().filter(|(_, hour)| *hour >= from + hours).count() as u64;
            prop_assert_eq!(total.late, late);
        }

        #[test]
        fn what_is_packed_is_read_back_and_what_is_taken_out_leaves_nothing(
            meetings in proptest::collection::btree_set((0u8..6, 0u64..24), 1..80),
        ) {
            let day = days(&meetings).remove(&0).unwrap();
            prop_assert_eq!(IssueDay::unpack(&day.pack()), day.clone());
            let mut left = day.clone();
            for hour in left.0.values_mut() {
                hour.reports = -hour.reports;
                hour.met.values_mut().for_each(|met| met.installs = -met.installs);
            }
            left.add(&day);
            prop_assert_eq!(left.pack(), Vec::<u8>::new());
        }

        #[test]
        fn bytes_that_nobody_packed_are_read_without_harm(bytes: Vec<u8>) {
            let range = Hours { from: 0, to: 24, middle: 12 };
            range.total(0, &bytes, |_, _| {});
            IssueDay::unpack(&bytes);
        }
    }
}
