//! What rules look at: a few answers of the store.

use super::settings::{AppAlerts, Rules};
use super::spike::{HOUR, WEEK, WEEKS};
use crate::privacy::groups::SmallGroups;
use crate::state::State;
use crate::store::triage::StateKind;
use crate::store::{IssueFilter, IssueRow, Ledger, Point, QuarantineRow, Sort, Span, Store};
use crate::store::{IssueId, StoreError};
use candor_protocol::deidentify::AppName;
use std::collections::BTreeMap;

/// Seconds of a day.
pub(super) const DAY: u64 = 24 * HOUR;

/// How many hours are looked at for spikes, the running one included: reports come late.
pub(super) const SPIKE_HOURS: u64 = 3;

/// The most issues of one kind that are looked at.
const MOST: u32 = 500;

/// The most issues whose past weeks are looked at: those with the most reports.
const MOST_HISTORIES: usize = 20;

/// What rules look at.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The time.
    pub(super) now: u64,
    /// A count of fewer says so, and not how many.
    pub(super) least: u64,
    /// Counts by the hour, oldest first; the last hour is the running one.
    pub(super) hours: Vec<Point>,
    /// Issues that were first seen within a day, with what is counted of that day.
    pub(super) new: Vec<IssueRow>,
    /// Issues that were resolved and are back.
    pub(super) regressed: Vec<IssueRow>,
    /// Issues that are older than a day and have many reports lately.
    pub(super) busy: Vec<Busy>,
    /// What was not kept.
    pub(super) quarantined: Vec<QuarantineRow>,
}

/// An issue with many reports lately.
#[derive(Debug, Clone)]
pub(super) struct Busy {
    /// The issue, with what is counted of the last hours.
    pub(super) row: IssueRow,
    /// Its reports, by when an hour begins; hours without one are not in it.
    pub(super) hours: BTreeMap<u64, u64>,
}

impl Facts {
    /// When the running hour begins.
    pub(super) fn hour(&self) -> u64 {
        self.now - self.now % HOUR
    }

    /// What is counted from `from` on and before `to`.
    pub(super) fn sum(&self, from: u64, to: u64) -> Point {
        let mut sum = Point::default();
        for point in self.hours.iter().filter(|one| (from..to).contains(&one.at)) {
            sum.runs += point.runs;
            sum.crashed_runs += point.crashed_runs;
            sum.crashes += point.crashes;
            sum.freezes += point.freezes;
            sum.attempts += point.attempts;
            sum.ready += point.ready;
        }
        sum
    }

    /// The first hour that anything is counted of.
    pub(super) fn first_hour(&self) -> Option<u64> {
        let counts =
            |one: &&Point| one.runs + one.crashes + one.freezes + one.attempts + one.ready > 0;
        self.hours.iter().find(counts).map(|one| one.at)
    }
}

/// The last hours, the running one included.
fn last(now: u64, hours: u64) -> Span {
    let to = now - now % HOUR + HOUR;
    Span {
        from: to.saturating_sub(hours * HOUR),
        to,
        step: HOUR,
    }
}

/// Asks the store what the rules that are on look at.
///
/// # Errors
/// When it does not answer.
pub(super) async fn look<S: Store>(
    state: &State<S>,
    app: &AppName,
    said: &AppAlerts,
    now: u64,
) -> Result<Facts, StoreError> {
    let (store, rules) = (&state.store, &said.rules);
    let mut facts = Facts {
        now,
        least: least(state.small),
        ..Facts::default()
    };
    let day = last(now, 24);
    if rules.crash_free.on || rules.spike.on || rules.connection.on || rules.new_issue.on {
        let weeks = last(now, WEEKS * WEEK / HOUR + SPIKE_HOURS);
        facts.hours = store.trend(app, weeks).await?;
    }
    let asked = |span: Span| IssueFilter {
        sort: Sort::Reports,
        limit: MOST,
        ..IssueFilter::all(span, now)
    };
    if rules.new_issue.on {
        let filter = IssueFilter {
            first_seen: Some((day.from, u64::MAX >> 1)),
            states: vec![StateKind::Open],
            ..asked(day)
        };
        facts.new = store.issues(app, filter).await?.rows;
    }
    if rules.regression.on {
        let filter = IssueFilter {
            states: vec![StateKind::Regressed],
            ..asked(day)
        };
        facts.regressed = store.issues(app, filter).await?.rows;
    }
    if rules.spike.on {
        facts.busy = busy(state, app, rules, day.from, now).await?;
    }
    if rules.quarantine.on {
        facts.quarantined = store.quarantined(app).await?;
    }
    let muted = |row: &IssueRow| said.mute(&[row.id], now).is_some();
    facts.new.retain(|row| !muted(row));
    facts.regressed.retain(|row| !muted(row));
    facts.busy.retain(|busy| !muted(&busy.row));
    Ok(facts)
}

/// Issues that were there a day ago, are not ignored, and have as many reports within an hour as a spike has at least.
async fn busy<S: Store>(
    state: &State<S>,
    app: &AppName,
    rules: &Rules,
    day_ago: u64,
    now: u64,
) -> Result<Vec<Busy>, StoreError> {
    let filter = IssueFilter {
        sort: Sort::Reports,
        limit: MOST,
        first_seen: Some((0, day_ago)),
        states: vec![StateKind::Open, StateKind::Regressed, StateKind::Resolved],
        ..IssueFilter::all(last(now, SPIKE_HOURS), now)
    };
    let rows = state.store.issues(app, filter).await?.rows;
    let many = |row: &IssueRow| {
        let mut hours = row.spark.iter();
        hours.any(|reports| u64::from(*reports) >= rules.spike.reports)
    };
    let mut found = Vec::new();
    for row in rows.into_iter().filter(many).take(MOST_HISTORIES) {
        let hours = history(state, app, row.id, now).await?;
        found.push(Busy { row, hours });
    }
    Ok(found)
}

async fn history<S: Store>(
    state: &State<S>,
    app: &AppName,
    issue: IssueId,
    now: u64,
) -> Result<BTreeMap<u64, u64>, StoreError> {
    let weeks = last(now, WEEKS * WEEK / HOUR + SPIKE_HOURS);
    let page = state.store.issue(app, issue, weeks, now).await?;
    let spark = page.map(|page| page.row.spark).unwrap_or_default();
    let hours = spark.into_iter().enumerate();
    let counted = hours.map(|(index, reports)| (weeks.start(index), u64::from(reports)));
    Ok(counted.filter(|(_, reports)| *reports > 0).collect())
}

pub(super) fn least(small: SmallGroups) -> u64 {
    match small {
        SmallGroups::Show => 0,
        SmallGroups::Merge(least) => least,
    }
}

/// Reports of an app since it was added, as far as it matters whether any are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flow {
    /// Those that were stored.
    pub(super) stored: u64,
    /// Those that were refused or sent away; what arrived again is not lost and not among them.
    pub(super) turned_away: u64,
}

impl From<&Ledger> for Flow {
    fn from(ledger: &Ledger) -> Self {
        let refused = ledger.refused.values().chain(ledger.limited.values());
        Self {
            stored: ledger.stored.values().sum(),
            turned_away: refused.sum(),
        }
    }
}
