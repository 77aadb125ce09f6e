//! Storms: minutes in which far more installations reconnect than usual. Pure.
//!
//! Reports tell the hour unless a developer declared the minute, so a storm is looked for by the minute in which reports
//! arrive: a window with a reconnect waits about a minute before it is sent, so that everybody who lost a gateway at once is
//! heard within two or three. A report that comes later than its hour says nothing of a minute and is not counted there.

use serde::Serialize;
use std::collections::BTreeMap;

/// Reconnects in one minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Minute {
    /// Installations that reconnected.
    pub installs: u64,
    /// Attempts to reconnect.
    pub reconnects: u64,
}

/// Minutes in which far more installations reconnected than usual.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Storm {
    /// When its first minute begins, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// How many minutes it lasted.
    pub minutes: u64,
    /// Installations that reconnected in its worst minute.
    pub installs: u64,
    /// Attempts to reconnect, in all of it.
    pub reconnects: u64,
    /// Installations that reconnected in a minute of the hour before, usually.
    pub usual: u64,
}

/// Fewer installations than this are no storm, and no crowd.
pub const LEAST: u64 = 10;
/// A minute in which fewer reconnected is not remembered: it would tell of somebody rather than of a gateway.
pub const CROWD: u64 = 5;
/// How many times more than usual it takes.
const TIMES: u64 = 4;
/// How far back one looks for what is usual, in minutes.
const BACK: u64 = 60;
/// Storms this few minutes apart are one: reports of one moment do not all arrive in the same minute.
const APART: u64 = 3;
const MINUTE: u64 = 60;

/// How far before a range minutes have to be known to judge its first one, in seconds.
pub const BEFORE: u64 = BACK * MINUTE;

/// The minute that a report with a reconnect counts in: its own where it tells one, else that of its arrival, if that is
/// not so late that the report has waited.
pub fn minute_of(at: u64, arrived: u64) -> Option<u64> {
    const HOUR: u64 = 3_600;
    let late = HOUR + 5 * MINUTE;
    let minute = |time: u64| time - time % MINUTE;
    if !at.is_multiple_of(HOUR) {
        return Some(minute(at));
    }
    (at..at + late).contains(&arrived).then(|| minute(arrived))
}

/// The storms in `minutes` that begin at `from` or later.
pub fn storms(minutes: &BTreeMap<u64, Minute>, from: u64) -> Vec<Storm> {
    let mut storms: Vec<Storm> = Vec::new();
    for (&at, now) in minutes.range(from..) {
        let usual = usual(minutes, at);
        if now.installs < LEAST.max(usual * TIMES) {
            continue;
        }
        match storms.last_mut() {
            Some(storm) if at <= storm.at + (storm.minutes + APART) * MINUTE => {
                storm.minutes = (at - storm.at) / MINUTE + 1;
                storm.installs = storm.installs.max(now.installs);
                storm.reconnects += now.reconnects;
            }
            _ => storms.push(Storm {
                at,
                minutes: 1,
                installs: now.installs,
                reconnects: now.reconnects,
                usual,
            }),
        }
    }
    storms
}

/// The median of the hour before `at`; minutes that are not known had none worth remembering.
fn usual(minutes: &BTreeMap<u64, Minute>, at: u64) -> u64 {
    let before = minutes.range(at.saturating_sub(BEFORE)..at);
    let mut counts: Vec<u64> = before.map(|(_, minute)| minute.installs).collect();
    counts.resize(BACK as usize, 0);
    counts.sort_unstable();
    counts[counts.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_700_049_600;

    /// One minute for each count, from noon on.
    fn minutes(counts: &[u64]) -> BTreeMap<u64, Minute> {
        let minutes = (0u64..).zip(counts).map(|(index, &installs)| {
            let minute = Minute {
                installs,
                reconnects: installs * 2,
            };
            (NOON + index * MINUTE, minute)
        });
        minutes.filter(|(_, minute)| minute.installs > 0).collect()
    }

    #[test]
    fn a_crowd_in_an_otherwise_quiet_hour_is_a_storm() {
        let found = storms(&minutes(&[0, 5, 0, 40, 25, 3]), NOON);
        assert_eq!(
            found,
            [Storm {
                at: NOON + 3 * MINUTE,
                minutes: 2,
                installs: 40,
                reconnects: 130,
                usual: 0
            }]
        );
        assert_eq!(storms(&minutes(&[0, 9, 0, 9]), NOON), []);
    }

    #[test]
    fn what_happens_in_every_minute_is_no_storm() {
        let mut counts = vec![200; 60];
        counts.push(500);
        assert_eq!(storms(&minutes(&counts), NOON + BEFORE), []);
        counts.push(900);
        let found = storms(&minutes(&counts), NOON + BEFORE);
        assert_eq!((found.len(), found[0].usual), (1, 200));
    }

    #[test]
    fn a_storm_that_began_before_the_range_is_not_told_in_it() {
        assert_eq!(storms(&minutes(&[50]), NOON + MINUTE), []);
    }

    #[test]
    fn a_report_counts_in_its_own_minute_or_in_that_of_a_prompt_arrival() {
        assert_eq!(
            minute_of(NOON + 120, NOON + 9_000),
            Some(NOON + 120),
            "it tells its minute"
        );
        assert_eq!(minute_of(NOON, NOON + 125), Some(NOON + 120));
        assert_eq!(minute_of(NOON, NOON + 3_650), Some(NOON + 3_600));
        assert_eq!(minute_of(NOON, NOON + 3_950), None, "it has waited");
        assert_eq!(minute_of(NOON, NOON - 10), None, "a clock is wrong");
    }
}
