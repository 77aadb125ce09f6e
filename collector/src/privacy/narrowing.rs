//! What agents are asked to leave out: by app and range of releases. There is no way to ask for more than their developer and
//! their user allow.

use crate::store::compare_versions;
use candor_protocol::answer::{Narrowing, Sample};
use candor_protocol::deidentify::Release;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

const DAY: u64 = 86_400;

/// The longest time between two uploads that may be asked for, in seconds: a day.
pub const UPLOAD_EVERY_MOST: u64 = DAY;

/// Less for a range of releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Less {
    /// The first release it is for; `None` for the first there was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Release>,
    /// The first release it is not for any more; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Release>,
    /// Nothing at all is wanted, until that is taken back.
    pub off: bool,
    /// What is asked.
    pub narrowing: Narrowing,
}

impl Less {
    /// Whether it is of the same range of releases.
    pub fn is_of(&self, other: &Self) -> bool {
        (&self.from, &self.before) == (&other.from, &other.before)
    }

    /// Whether it asks for anything.
    pub fn is_nothing(&self) -> bool {
        !self.off && self.narrowing == Narrowing::default()
    }

    fn is_for(&self, release: &Release) -> bool {
        let against = |bound: &Release| compare_versions(release.as_str(), bound.as_str());
        self.from
            .as_ref()
            .is_none_or(|from| against(from) != Ordering::Less)
            && self
                .before
                .as_ref()
                .is_none_or(|before| against(before) == Ordering::Less)
    }
}

/// What an agent of this release is asked at `now`, in seconds since 1970; `None` for nothing. Where several ranges hold the
/// release, the least that any of them asks for.
pub fn narrowing_of(all: &[Less], release: &Release, now: u64) -> Option<Narrowing> {
    let mut least = Narrowing::default();
    let (mut kinds, mut extras) = (BTreeSet::new(), BTreeSet::new());
    let mut samples = BTreeMap::new();
    for less in all.iter().filter(|less| less.is_for(release)) {
        let asked = &less.narrowing;
        // Agents believe a moment, not a word; by the end of tomorrow they ask again.
        let off = less.off.then(|| now - now % DAY + 2 * DAY);
        let until = asked.off_until.filter(|until| *until > now);
        least.off_until = least.off_until.max(off).max(until);
        kinds.extend(asked.kinds_off.iter().copied());
        extras.extend(asked.extras_off.iter().copied());
        for Sample { kind, percent } in &asked.sample {
            let known = samples.entry(*kind).or_insert(*percent);
            *known = (*known).min(*percent);
        }
        least.upload_every_seconds = least.upload_every_seconds.max(asked.upload_every_seconds);
    }
    least.kinds_off = kinds.into_iter().collect();
    least.extras_off = extras.into_iter().collect();
    let sample = |(kind, percent)| Sample { kind, percent };
    least.sample = samples.into_iter().map(sample).collect();
    (least != Narrowing::default()).then_some(least)
}

/// The latest of some releases.
pub fn latest<'a>(releases: impl Iterator<Item = &'a Release>) -> Option<&'a Release> {
    releases.max_by(|a, b| compare_versions(a.as_str(), b.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::report::Kind;

    fn release(text: &str) -> Release {
        text.parse().unwrap()
    }

    fn less(from: &str, before: &str, narrowing: Narrowing) -> Less {
        let bound = |text: &str| (!text.is_empty()).then(|| release(text));
        Less {
            from: bound(from),
            before: bound(before),
            off: false,
            narrowing,
        }
    }

    #[test]
    fn a_range_holds_the_releases_from_its_first_to_before_its_last() {
        let off = |kind| Narrowing {
            kinds_off: vec![kind],
            ..Narrowing::default()
        };
        let all = [
            less("1.2.0", "1.10.0", off(Kind::Freeze)),
            less("", "1.3.0-beta", off(Kind::Run)),
        ];
        for (of, kinds) in [
            ("1.1.9", vec![Kind::Run]),
            ("1.2.0-rc.1", vec![Kind::Run]),
            ("1.2.0", vec![Kind::Freeze, Kind::Run]),
            ("1.3.0-alpha", vec![Kind::Freeze, Kind::Run]),
            ("1.3.0", vec![Kind::Freeze]),
            ("1.9.9", vec![Kind::Freeze]),
            ("1.10.0", vec![]),
        ] {
            let asked = narrowing_of(&all, &release(of), 0).unwrap_or_default();
            let asked: BTreeSet<_> = asked.kinds_off.into_iter().collect();
            assert_eq!(asked, kinds.into_iter().collect(), "{of}");
        }
        let releases = ["1.2", "1.10", "1.9"].map(release);
        assert_eq!(latest(releases.iter()), Some(&releases[1]));
    }

    #[test]
    fn of_several_ranges_the_least_is_asked_for() {
        let sample = |percent| Sample {
            kind: Kind::Connection,
            percent,
        };
        let asks = |percent, seconds, until| Narrowing {
            sample: vec![sample(percent)],
            upload_every_seconds: seconds,
            off_until: until,
            ..Narrowing::default()
        };
        let all = [
            less("", "", asks(50, Some(60), Some(5_000))),
            less("1", "", asks(10, Some(600), Some(9_000))),
            less("", "2", asks(90, None, None)),
        ];
        let asked = narrowing_of(&all, &release("1.5"), 6_000).unwrap();
        assert_eq!(asked, asks(10, Some(600), Some(9_000)));
        // What is over is not asked any more.
        assert_eq!(
            narrowing_of(&all, &release("1.5"), 9_000)
                .unwrap()
                .off_until,
            None
        );
        let switch = Less {
            off: true,
            ..Less::default()
        };
        let asked = narrowing_of(&[switch], &release("3"), DAY + 5).unwrap();
        assert_eq!(asked.off_until, Some(3 * DAY));
        assert_eq!(narrowing_of(&all[2..], &release("2"), 0), None);
    }
}
