//! What is asked about releases, and how two of them are told apart: the same for the page and for programs.

use crate::privacy::groups::{self, SafeReleases};
use crate::state::State;
use crate::statistics::{Interval, Share, newcombe};
use crate::store::{
    IssueFilter, IssueId, IssueRow, Reach, ReachList, ReleaseRow, Span, Store, StoreError,
    compare_versions,
};
use candor_protocol::deidentify::{AppName, Release};
use candor_protocol::sketch::Sketch;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::try_join;

/// Runs from which on a release is compared without being asked for.
const ENOUGH: u64 = 100;

/// The most issues of a release that are looked at, those that most installations met.
const ISSUES: u32 = 2_000;

/// How many times as often an issue has to be met to be called much more frequent.
const MUCH: f64 = 2.0;

/// The releases of a range.
pub(crate) struct Releases {
    /// Those that may be told, the latest first.
    pub(crate) shown: Vec<Released>,
    /// All others together.
    pub(crate) others: Option<ReleaseRow>,
    /// Runs of these others with at least one freeze.
    pub(crate) others_frozen: u64,
    /// Distinct installations of the range, whatever their release.
    pub(crate) installs: u64,
}

/// A release.
pub(crate) struct Released {
    /// Its counts.
    pub(crate) row: ReleaseRow,
    /// Runs with at least one freeze.
    pub(crate) frozen_runs: u64,
    /// Microseconds from the start of an attempt to connect until service.
    pub(crate) ready_us: Sketch,
    /// Issues of the range that were first seen in it.
    pub(crate) new_issues: u64,
}

impl Released {
    /// Runs that did not end in a crash.
    pub(crate) fn crash_free(&self) -> Share {
        crash_free(&self.row)
    }

    /// Runs without a freeze.
    pub(crate) fn freeze_free(&self) -> Share {
        freeze_free(self.frozen_runs, &self.row)
    }

    /// Attempts to connect that ended in service.
    pub(crate) fn connected(&self) -> Share {
        Share::new(self.row.ready, self.row.attempts)
    }

    fn is(&self, name: &str) -> bool {
        self.row.release.as_str() == name
    }
}

/// Runs that did not end in a crash.
pub(crate) fn crash_free(row: &ReleaseRow) -> Share {
    Share::new(row.runs.saturating_sub(row.crashed_runs), row.runs)
}

/// Runs without a freeze.
pub(crate) fn freeze_free(frozen_runs: u64, row: &ReleaseRow) -> Share {
    Share::new(row.runs.saturating_sub(frozen_runs), row.runs)
}

/// How often something happened for every thousand runs; `None` without a run.
pub(crate) fn per_thousand(count: u64, runs: u64) -> Option<f64> {
    (runs > 0).then(|| count as f64 * 1_000.0 / runs as f64)
}

/// The releases of a range.
///
/// # Errors
/// Those of the store.
pub(crate) async fn releases<S: Store>(
    state: &State<S>,
    app: &AppName,
    span: Span,
) -> Result<Releases, StoreError> {
    let (safe, exits, health, new) = try_join!(
        groups::releases(state, app, span),
        groups::exits(state, app, span.as_one_step()),
        state.store.health(app, span),
        state.store.new_issues(app, span),
    )?;
    let SafeReleases {
        rows: merged,
        mut ready_us,
    } = safe;
    let exits = exits.by_release;
    let frozen: HashMap<Release, u64> = exits
        .shown
        .into_iter()
        .map(|(release, sum)| (release, sum.frozen))
        .collect();
    let mut shown: Vec<Released> = merged
        .shown
        .into_iter()
        .map(|row| Released {
            frozen_runs: frozen.get(&row.release).copied().unwrap_or_default(),
            ready_us: ready_us.remove(&row.release).unwrap_or_default(),
            new_issues: new.get(&row.release).copied().unwrap_or_default(),
            row,
        })
        .collect();
    shown.sort_by(|a, b| {
        compare_versions(b.row.release.as_str(), a.row.release.as_str())
            .then_with(|| b.row.release.cmp(&a.row.release))
    });
    Ok(Releases {
        shown,
        others: merged.other,
        others_frozen: exits.other.map_or(0, |(_, sum)| sum.frozen),
        installs: health.installs,
    })
}

impl Releases {
    /// The two that are compared: those that are named, and in place of one that is not the latest with enough runs that is left,
    /// or the latest that is left. `None` where there are no two, or where one that is named is not shown.
    pub(crate) fn pair(&self, a: Option<&str>, b: Option<&str>) -> Option<(&Released, &Released)> {
        let named = |name: Option<&str>| match name {
            None => Some(None),
            Some(name) => self.shown.iter().find(|one| one.is(name)).map(Some),
        };
        let (a, b) = (named(a)?, named(b)?);
        let as_named = a.is_some() && b.is_some();
        let latest = |taken: Option<&Released>| {
            let left = || {
                let shown = self.shown.iter();
                shown.filter(move |one| {
                    taken.is_none_or(|taken| !taken.is(one.row.release.as_str()))
                })
            };
            left()
                .find(|one| one.row.runs >= ENOUGH)
                .or_else(|| left().next())
        };
        let b = b.or_else(|| latest(a))?;
        let a = a.or_else(|| latest(Some(b)))?;
        let order = compare_versions(a.row.release.as_str(), b.row.release.as_str());
        // What is not named for its place stands in the order of releases.
        Some(if order.is_gt() && !as_named {
            (b, a)
        } else {
            (a, b)
        })
    }
}

/// What an issue of a release is, seen from the one it is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Why {
    /// It was first seen in this release, and never in the other one.
    New,
    /// It is met at least twice as often, beyond chance.
    MoreFrequent,
}

/// An issue that speaks against a release.
pub(crate) struct Risen {
    /// The issue, as the later release met it.
    pub(crate) row: IssueRow,
    /// Why it is told.
    pub(crate) why: Why,
    /// Runs of the other release that met it; `None` where too few of its installations did to be told.
    pub(crate) before: Option<u64>,
}

/// Issues that speak against a release.
pub(crate) struct Rising {
    /// The first ones: new ones, then those that most runs met.
    pub(crate) first: Vec<Risen>,
    /// All of them.
    pub(crate) total: usize,
}

/// Issues that are new in the release `b` or much more frequent there than in `a`: at most `most` of them in full.
///
/// # Errors
/// Those of the store.
pub(crate) async fn risen<S: Store>(
    state: &State<S>,
    app: &AppName,
    span: Span,
    (a, b): (&Released, &Released),
    most: usize,
) -> Result<Rising, StoreError> {
    let all = IssueFilter {
        limit: ISSUES,
        ..IssueFilter::all(span, state.clock.now())
    };
    let of = |release: &Released| IssueFilter {
        release: Some(release.row.release.to_string()),
        ..all.clone()
    };
    let ((earlier, left_out), (later, _)) = try_join!(
        groups::reach(state, app, of(a)),
        groups::reach(state, app, of(b)),
    )?;
    let runs = |list: ReachList| -> HashMap<IssueId, u64> {
        let rows = list.rows.iter();
        rows.map(|reach| (reach.id, reach.runs)).collect()
    };
    let before = runs(earlier);
    let ids = later.rows.iter().map(|reach| reach.id);
    let unknown = ids.filter(|id| left_out && !before.contains_key(id));
    let whole = IssueFilter {
        among: Some(Arc::new(unknown.collect())),
        ..all.clone()
    };
    let whole = runs(state.store.reach(app, whole).await?);
    let mut risen: Vec<(Reach, Why, Option<u64>)> = Vec::new();
    for reach in later.rows {
        let before = match before.get(&reach.id) {
            Some(runs) => Before::Known(*runs),
            // What is not in the list was met by nobody only if nothing was left out of it.
            None if !left_out => Before::Known(0),
            None => {
                let runs = whole.get(&reach.id).copied().unwrap_or_default();
                Before::AtMost(runs.saturating_sub(reach.runs))
            }
        };
        if let Some(why) = why(&reach, before, (&a.row, &b.row)) {
            let before = match before {
                Before::Known(runs) => Some(runs),
                Before::AtMost(_) => None,
            };
            risen.push((reach, why, before));
        }
    }
    risen.sort_by_key(|(reach, why, _)| (*why == Why::MoreFrequent, Reverse(reach.runs)));
    let total = risen.len();
    risen.truncate(most);
    let shown = IssueFilter {
        among: Some(Arc::new(risen.iter().map(|(reach, ..)| reach.id).collect())),
        ..of(b)
    };
    let rows = groups::issues(state, app, shown).await?.list.rows;
    let mut rows: HashMap<IssueId, IssueRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let first = risen.into_iter().filter_map(|(reach, why, before)| {
        let row = rows.remove(&reach.id)?;
        Some(Risen { row, why, before })
    });
    Ok(Rising {
        first: first.collect(),
        total,
    })
}

/// Runs of the other release that met an issue.
#[derive(Debug, Clone, Copy)]
enum Before {
    /// So many.
    Known(u64),
    /// It is not told how many, but so many are told of all other releases together.
    AtMost(u64),
}

fn why(reach: &Reach, before: Before, (a, b): (&ReleaseRow, &ReleaseRow)) -> Option<Why> {
    let then = match before {
        Before::Known(0) | Before::AtMost(_) if reach.first_release == b.release => {
            return Some(Why::New);
        }
        Before::Known(runs) | Before::AtMost(runs) => Share::new(runs.min(a.runs), a.runs),
    };
    let now = Share::new(reach.runs, b.runs);
    let much = now.rate()? >= MUCH * then.rate()?;
    (much && newcombe(now, then)?.low > 0.0).then_some(Why::MoreFrequent)
}

/// What is to be thought of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Chance alone explains it.
    NoDifference,
    /// The later one is better.
    Better,
    /// The later one is worse.
    Worse,
}

/// The difference of two shares that are good when they are high, as the later less the earlier one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Apart {
    /// From -1 to 1.
    pub(crate) difference: f64,
    /// Where it lies at 95 %.
    pub(crate) interval: Interval,
    /// What is to be thought of it.
    pub(crate) verdict: Verdict,
}

/// How far two shares are apart; `None` where one is of nothing.
pub(crate) fn apart(a: Share, b: Share) -> Option<Apart> {
    let interval = newcombe(b, a)?;
    let difference = b.rate()? - a.rate()?;
    Some(Apart {
        difference,
        interval,
        verdict: match interval.excludes_zero() {
            false => Verdict::NoDifference,
            true if difference > 0.0 => Verdict::Better,
            true => Verdict::Worse,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn released(name: &str, runs: u64) -> Released {
        Released {
            row: ReleaseRow {
                release: Release::parse(name).unwrap(),
                runs,
                crashed_runs: 0,
                freezes: 0,
                installs: runs / 2,
                attempts: 0,
                ready: 0,
                first_seen: None,
                last_seen: None,
            },
            frozen_runs: 0,
            ready_us: Sketch::default(),
            new_issues: 0,
        }
    }

    fn of(shown: &[(&str, u64)]) -> Releases {
        Releases {
            shown: shown
                .iter()
                .map(|(name, runs)| released(name, *runs))
                .collect(),
            others: None,
            others_frozen: 0,
            installs: 1,
        }
    }

    fn pair(releases: &Releases, a: Option<&str>, b: Option<&str>) -> Option<(String, String)> {
        let (a, b) = releases.pair(a, b)?;
        Some((a.row.release.to_string(), b.row.release.to_string()))
    }

    #[test]
    fn without_a_choice_the_latest_two_with_enough_runs_are_compared() {
        let releases = of(&[("1.6", 3), ("1.5", 900), ("1.4", 20), ("1.3", 500)]);
        let found = |a, b| pair(&releases, a, b).unwrap();
        let is = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(found(None, None), is("1.3", "1.5"));
        assert_eq!(found(None, Some("1.6")), is("1.5", "1.6"));
        assert_eq!(found(Some("1.5"), None), is("1.3", "1.5"));
        assert_eq!(found(Some("1.6"), Some("1.4")), is("1.6", "1.4"));
        assert_eq!(pair(&releases, Some("2.0"), None), None);
        assert_eq!(pair(&of(&[("1.0", 500)]), None, None), None);
        let few = of(&[("1.1", 3), ("1.0", 2)]);
        assert_eq!(pair(&few, None, None).unwrap(), is("1.0", "1.1"));
    }

    fn issue(first_release: &str, runs: u64) -> Reach {
        Reach {
            id: IssueId(1),
            runs,
            first_release: Release::parse(first_release).unwrap(),
        }
    }

    #[test]
    fn an_issue_speaks_against_a_release_when_it_is_new_or_much_more_frequent() {
        let (a, b) = (released("1.4", 1_000).row, released("1.5", 1_000).row);
        use Before::{AtMost, Known};
        let told = |first, now, before| why(&issue(first, now), before, (&a, &b));
        assert_eq!(told("1.5", 1, Known(0)), Some(Why::New));
        assert_eq!(told("1.5", 20, AtMost(30)), Some(Why::New));
        assert_eq!(told("1.5", 20, Known(18)), None);
        assert_eq!(told("1.4", 40, Known(10)), Some(Why::MoreFrequent));
        // Beyond chance, and not twice as often.
        assert_eq!(told("1.4", 180, Known(100)), None);
        // Twice as often, and chance explains it.
        assert_eq!(told("1.4", 4, Known(2)), None);
        // Of what is not told it is enough that all other releases together met it much less.
        assert_eq!(told("1.4", 24, AtMost(20)), None);
        assert_eq!(told("1.4", 80, AtMost(20)), Some(Why::MoreFrequent));
        // More than there are runs of the release are of yet others.
        assert_eq!(told("1.4", 80, AtMost(5_000)), None);
    }

    #[test]
    fn what_chance_explains_is_no_difference() {
        let verdict = |a: (u64, u64), b: (u64, u64)| {
            apart(Share::new(a.0, a.1), Share::new(b.0, b.1)).map(|apart| apart.verdict)
        };
        assert_eq!(verdict((21, 22), (13, 14)), Some(Verdict::NoDifference));
        assert_eq!(verdict((950, 1_000), (900, 1_000)), Some(Verdict::Worse));
        assert_eq!(verdict((900, 1_000), (950, 1_000)), Some(Verdict::Better));
        assert_eq!(verdict((0, 0), (1, 1)), None);
    }
}
