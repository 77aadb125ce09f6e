//! What a store answers.

use super::intake::turn_away;
use super::storm::Storm;
use super::triage::{Person, Point as Turned, State, Turn};
use super::{ConnectionSum, IssueId, IssueKind, Span, versions};
use crate::grouping::Explanation;
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::{
    Activity, Exit, FreezeEnd, Kind, Level, LossReason, Network, Transport, Wait,
};
use candor_protocol::sketch::Sketch;
use serde::Serialize;
use std::collections::BTreeMap;

/// What arrived and what became of it, since the app was added.
///
/// Reports received = stored + duplicates + refused + limited; recorded on the devices = stored + lost + still waiting there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Ledger {
    /// Reports that were stored, those erased later included.
    #[schemars(with = "BTreeMap<String, u64>")]
    pub stored: BTreeMap<Kind, u64>,
    /// Reports that arrived again.
    pub duplicates: u64,
    /// Reports that were refused for good, by reason; a request whose reports could not be counted counts as one.
    pub refused: BTreeMap<String, u64>,
    /// Reports that were sent away and may come again, by reason; each time counts.
    pub limited: BTreeMap<String, u64>,
    /// Reports that devices say they lost, by kind and reason.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, u64>>")]
    pub lost: BTreeMap<Kind, BTreeMap<LossReason, u64>>,
    /// Reports that were stored and then erased on request.
    pub erased: u64,
    /// When a batch was last kept, to the minute.
    pub last_batch: Option<u64>,
}

impl Ledger {
    /// Counts what one row of an engine's ledger says: a word, the kind of report, a reason and how many reports.
    pub(super) fn count(&mut self, word: &str, kind: &str, reason: &str, reports: u64) {
        match word {
            "stored" => {
                if let Ok(kind) = kind.parse() {
                    self.stored.insert(kind, reports);
                }
            }
            "lost" => {
                if let (Ok(kind), Ok(reason)) = (kind.parse(), reason.parse()) {
                    self.lost.entry(kind).or_default().insert(reason, reports);
                }
            }
            "refused" => turn_away(&mut self.refused, &mut self.limited, reason, reports),
            "duplicate" => self.duplicates = reports,
            "erased" => self.erased = reports,
            _ => {}
        }
    }
}

/// Rates and latencies of a range of time. A run counts when it started; a crash or a freeze whose run was never reported
/// counts as a run too, at its own time.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Health {
    /// Runs that started.
    pub runs: u64,
    /// Those whose exit is known.
    pub ended: u64,
    /// Runs by exit.
    pub exits: BTreeMap<Exit, u64>,
    /// Runs that ended in a crash. Crash-free share: `1 - crashed_runs / runs`.
    pub crashed_runs: u64,
    /// Runs with at least one freeze.
    pub frozen_runs: u64,
    /// Distinct pseudonyms among the runs.
    pub installs: u64,
    /// Crashes that ended a process.
    pub crashes: u64,
    /// Panics that were caught.
    pub handled: u64,
    /// Freezes.
    pub freezes: u64,
    /// Milliseconds that runs lasted, as far as is known.
    pub run_ms: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Those that ended in service.
    pub ready: u64,
    /// Microseconds from the start of an attempt until service.
    pub ready_us: Sketch,
    /// Microseconds of round trips of heartbeats.
    pub rtt_us: Sketch,
}

/// Counts of one step of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Point {
    /// When the step begins.
    pub at: u64,
    /// Runs that started.
    pub runs: u64,
    /// Those that ended in a crash.
    pub crashed_runs: u64,
    /// Crashes that ended a process.
    pub crashes: u64,
    /// Freezes.
    pub freezes: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Those that ended in service.
    pub ready: u64,
}

/// How runs ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exits {
    /// By when they started: when a step begins, and its runs; oldest first, without gaps.
    pub steps: Vec<(u64, ExitSum)>,
    /// By release.
    pub by_release: BTreeMap<Release, ExitSum>,
}

/// Runs by how they ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExitSum {
    /// Runs that started.
    pub runs: u64,
    /// Those with at least one freeze.
    pub frozen: u64,
    /// Those whose exit is known, by exit; all others have not ended yet.
    pub exits: BTreeMap<Exit, u64>,
}

impl Exits {
    /// No runs, in every step of a range.
    pub(super) fn none(span: Span) -> Self {
        let steps = (0..span.steps()).map(|index| (span.start(index), ExitSum::default()));
        Self {
            steps: steps.collect(),
            by_release: BTreeMap::new(),
        }
    }
}

impl ExitSum {
    /// Counts runs that ended like this; a word that is no exit is of runs that have not.
    pub(super) fn count(&mut self, exit: &str, frozen: bool, runs: u64) {
        self.runs += runs;
        if frozen {
            self.frozen += runs;
        }
        if let Ok(exit) = exit.parse() {
            *self.exits.entry(exit).or_default() += runs;
        }
    }

    /// Takes in other runs.
    pub(crate) fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.frozen += other.frozen;
        for (exit, runs) in &other.exits {
            *self.exits.entry(*exit).or_default() += runs;
        }
    }
}

/// Counts of one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRow {
    /// The release.
    pub release: Release,
    /// Runs that started.
    pub runs: u64,
    /// Those that ended in a crash.
    pub crashed_runs: u64,
    /// Freezes.
    pub freezes: u64,
    /// Distinct pseudonyms among the runs.
    pub installs: u64,
    /// Attempts to connect.
    pub attempts: u64,
    /// Those that ended in service.
    pub ready: u64,
    /// When the day begins on which a run, a crash or a freeze of it was first counted, in the range or not; `None` where there is none. It is
    /// told to the day, since the first hours of a release are of a few.
    pub first_seen: Option<u64>,
    /// The same of the day on which one was last counted.
    pub last_seen: Option<u64>,
}

impl ReleaseRow {
    /// A release of which nothing is counted yet.
    pub(super) const fn new(release: Release) -> Self {
        Self {
            release,
            runs: 0,
            crashed_runs: 0,
            freezes: 0,
            installs: 0,
            attempts: 0,
            ready: 0,
            first_seen: None,
            last_seen: None,
        }
    }

    /// It was seen at one time and at another one.
    pub(crate) fn see(&mut self, first: u64, last: u64) {
        const DAY: u64 = 86_400;
        let day = |at: u64| at - at % DAY;
        let (first, last) = (day(first), day(last));
        self.first_seen = Some(self.first_seen.map_or(first, |seen| seen.min(first)));
        self.last_seen = Some(self.last_seen.map_or(last, |seen| seen.max(last)));
    }

    /// Most runs first, of equals the latest release.
    pub(super) fn sort(rows: &mut [Self]) {
        rows.sort_by(|a, b| {
            b.runs
                .cmp(&a.runs)
                .then_with(|| versions::compare(b.release.as_str(), a.release.as_str()))
        });
    }
}

/// How far issues reach: a list of them with nothing but what is needed to compare them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReachList {
    /// Those of the page, in order.
    pub rows: Vec<Reach>,
    /// All of them.
    pub total: u64,
}

/// How far an issue reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The issue.
    pub id: IssueId,
    /// Distinct runs that met it.
    pub runs: u64,
    /// The release that showed it first.
    pub first_release: Release,
}

/// One issue in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueRow {
    /// Stands for it.
    pub id: IssueId,
    /// Its kind.
    pub kind: IssueKind,
    /// What happened, such as `SIGSEGV (null pointer) in im::history::parse_header`.
    pub title: String,
    /// The function that is blamed, or where it is; empty when nothing is known.
    pub culprit: String,
    /// Reports in the range.
    pub reports: u64,
    /// Those of `reports` that ended their process; the others were caught. Freezes never end one.
    pub fatal: u64,
    /// Distinct runs in the range.
    pub runs: u64,
    /// Distinct pseudonyms in the range.
    pub installs: u64,
    /// When it was first seen, in the range or not.
    pub first_seen: u64,
    /// When it was last seen, in the range or not.
    pub last_seen: u64,
    /// The release it was first seen in.
    pub first_release: Release,
    /// The release it was last seen in.
    pub last_release: Release,
    /// Reports per step of the range.
    pub spark: Vec<u32>,
    /// By how many reports the later half of the range exceeds the earlier one.
    pub rising: i64,
    /// What a team says of it.
    pub state: State,
    /// Who looks after it.
    pub assignee: Option<Person>,
    /// How many issues were merged into it.
    pub merged: u32,
}

/// A page of a list of issues.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueList {
    /// The issues.
    pub rows: Vec<IssueRow>,
    /// How many there are on all pages.
    pub total: u64,
}

/// An issue that was merged into another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Stands for it.
    pub id: IssueId,
    /// What happened.
    pub title: String,
    /// Why its reports are together.
    pub why: Explanation,
}

/// One class of releases, systems or machines, and how much of it an issue met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breakdown {
    /// The class.
    pub label: String,
    /// Reports of the issue in this class.
    pub reports: u64,
    /// Distinct runs of the issue in this class.
    pub runs: u64,
    /// All runs of the app in this class that started in the range, whether or not they met the issue: the base rate. It can
    /// be less than `runs` where runs started before the range.
    pub of: u64,
}

/// One issue in full. Everything but `row.first_*` and `row.last_*` is of the range that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuePage {
    /// Its row in a list.
    pub row: IssueRow,
    /// By release, most reports first.
    pub by_release: Vec<Breakdown>,
    /// By operating system and its version, most reports first.
    pub by_os: Vec<Breakdown>,
    /// By class of machine, most reports first.
    pub by_device: Vec<Breakdown>,
    /// Why these reports are one issue.
    pub why: Explanation,
    /// All runs of the app in the range.
    pub runs_total: u64,
    /// Reports per step of the range in each release, most reports first.
    pub trends: Vec<(String, Vec<u32>)>,
    /// What was merged into it, by number.
    pub members: Vec<Member>,
    /// What became of it, the latest first: notes too.
    pub turns: Vec<Turn>,
}

impl IssuePage {
    /// Its number, and those under which it was known before: of what was merged into it, and of those that reports came from when the
    /// names of their functions were known.
    pub fn numbers(&self) -> Vec<IssueId> {
        let merged = self.members.iter().map(|one| one.id);
        let came = self.turns.iter().filter_map(|turn| match &turn.what {
            Turned::Came { issue } => issue.parse().ok(),
            _ => None,
        });
        let all = std::iter::once(self.row.id).chain(merged).chain(came);
        all.collect()
    }
}

/// What is counted of one issue in one release, in the range that was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IssueWithin {
    /// Reports.
    pub reports: u64,
    /// Those that ended their process.
    pub fatal: u64,
    /// Distinct runs.
    pub runs: u64,
    /// Distinct pseudonyms.
    pub installs: u64,
    /// Reports per step of the range.
    pub spark: Vec<u32>,
    /// By how many reports the later half of the range exceeds the earlier one.
    pub rising: i64,
    /// All runs of the release.
    pub runs_total: u64,
    /// By operating system and its version, most reports first; compared with the runs of the release.
    pub by_os: Vec<Breakdown>,
    /// By class of machine, most reports first; compared with the runs of the release.
    pub by_device: Vec<Breakdown>,
}

/// One issue of freezes, with how long and how they froze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeRow {
    /// Its row in a list.
    pub row: IssueRow,
    /// What was watched, most frequent first.
    pub watches: Vec<(Name, u64)>,
    /// The piece of work that did not end, most frequent first.
    pub turns: Vec<(Name, u64)>,
    /// Those in the process's first thread.
    pub main: u64,
    /// How long the thread stood still, in milliseconds.
    pub took_ms: Sketch,
    /// The longest, in milliseconds, to the precision of the sketch (0.78 %).
    pub longest_ms: u64,
    /// How bad they were.
    pub levels: BTreeMap<Level, u64>,
    /// How they ended.
    pub ends: BTreeMap<FreezeEnd, u64>,
    /// Whether the thread computed or waited.
    pub activity: BTreeMap<Activity, u64>,
    /// What it waited for.
    pub waits: BTreeMap<Wait, u64>,
}

/// How often freezes happen, against the time that apps ran.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FreezeRates {
    /// By release, that which ran longest first.
    pub by_release: Vec<FreezeRate>,
    /// By class of machine, that which ran longest first.
    pub by_device: Vec<FreezeRate>,
}

/// Freezes of one class, and what they are to be divided by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FreezeRate {
    /// The class.
    pub label: String,
    /// Freezes in the range.
    pub freezes: u64,
    /// Runs that started in the range.
    pub runs: u64,
    /// Milliseconds that those runs lasted, as far as is known: a run says so when it has ended.
    pub run_ms: u64,
}

/// Connection windows, summed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ConnectionAnswer {
    /// Everything that passes the filter.
    pub total: ConnectionSum,
    /// By network, in the order of the closed list.
    pub by_network: Vec<(Network, ConnectionSum)>,
    /// By the connection's name.
    pub by_name: Vec<(Name, ConnectionSum)>,
    /// By what it leads to.
    pub by_endpoint: Vec<(Name, ConnectionSum)>,
    /// By release.
    pub by_release: Vec<(Release, ConnectionSum)>,
    /// By the region whose service is used; windows that tell none are in no class.
    pub by_region: Vec<(Name, ConnectionSum)>,
    /// By operating system and its version.
    pub by_os: Vec<(String, ConnectionSum)>,
    /// By what carries the connection.
    pub by_transport: Vec<(Transport, ConnectionSum)>,
    /// Minutes in which far more installations reconnected than usual.
    pub storms: Vec<Storm>,
    /// Per step, oldest first, without gaps; each with when the step begins.
    pub series: Vec<(u64, ConnectionSum)>,
    /// What passes the filter but for its cells; nothing where it names none.
    pub rest: Rest,
}

/// What is in no cell that is asked for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rest {
    /// All of it.
    pub total: ConnectionSum,
    /// Per step, as in the series of the answer; empty where there is nothing.
    pub series: Vec<ConnectionSum>,
}
