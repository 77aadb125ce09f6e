//! Names that come late: when symbols of a build are added, reports that were grouped without them are grouped again.
//!
//! Nothing is remembered of how far this has come but what the store says is left: the builds that reports were named without
//! ([`Store::unnamed`]). A pass takes those whose symbols are at hand by now, looks at every report of the issues they were met in, and
//! moves a few at a time to where they belong. Whatever interrupts it, the next pass goes on with the rest.

use crate::naming;
use crate::state::State;
use crate::store::{IssueId, Move, Store, StoreError, Waiting};
use candor_protocol::deidentify::{AppName, BuildId};
use candor_protocol::report::{Module, Report, What};
use candor_symbols::Symbols;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often it is looked whether symbols were added.
const EVERY: Duration = Duration::from_secs(2);

/// Every so many times it is looked whether reports wait though no symbols were added: they may have been read a moment before.
const ANYWAY: u32 = 30;

/// Reports that are moved in one step: what arrives meanwhile waits for a step, not for all of them.
const STEP: u32 = 100;

/// Builds that are asked about at once.
const ASKED: usize = 1_000;

/// How far a pass has come, for whoever wants to know.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Option<Passing>>);

/// A pass under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// The app.
    pub app: AppName,
    /// Builds whose symbols are at hand by now.
    pub builds: u64,
    /// Issues that they were met in, and how many of those are done.
    pub issues: u64,
    /// How many of those are done.
    pub done: u64,
    /// Reports that were looked at.
    pub looked: u64,
    /// Reports that were moved to another issue.
    pub moved: u64,
}

impl Progress {
    /// The pass that is under way.
    pub fn now(&self) -> Option<Passing> {
        self.lock().clone()
    }

    fn set(&self, passing: Option<Passing>) {
        *self.lock() = passing;
    }

    fn change(&self, change: impl FnOnce(&mut Passing)) {
        if let Some(passing) = self.lock().as_mut() {
            change(passing);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Passing>> {
        // It is whole whenever something can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Groups reports again whose symbols were added, for as long as it is polled.
pub async fn run<S: Store>(state: State<S>) {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut known: Option<Vec<BuildId>> = None;
    let mut since = 0;
    loop {
        ticks.tick().await;
        since += 1;
        let at_hand = Some(at_hand(&state.symbols).await);
        if at_hand == known && since < ANYWAY {
            continue;
        }
        since = 0;
        match pass(&state).await {
            Ok(()) => known = at_hand,
            Err(error) => {
                tracing::warn!(%error, "reports could not be grouped by names that came late; it is tried again");
                known = None;
            }
        }
    }
}

async fn at_hand(symbols: &Arc<Symbols>) -> Vec<BuildId> {
    let symbols = symbols.clone();
    let looking = tokio::task::spawn_blocking(move || {
        symbols.refresh();
        let mut builds = symbols.builds();
        builds.sort();
        builds
    });
    // It panics where reading a file does; the next time it is looked again.
    looking.await.unwrap_or_default()
}

/// Groups every report again that was grouped without symbols that are at hand now.
///
/// # Errors
/// When the store cannot be asked or cannot write. What was done so far stays done.
pub async fn pass<S: Store>(state: &State<S>) -> Result<(), StoreError> {
    let passed = pass_all(state).await;
    state.late.set(None);
    passed
}

async fn pass_all<S: Store>(state: &State<S>) -> Result<(), StoreError> {
    for app in state.store.apps().await? {
        let unnamed = state.store.unnamed(&app).await?.into_iter();
        let mut builds: BTreeSet<BuildId> = unnamed
            .map(|one| one.build)
            .filter(|build| state.symbols.has(build))
            .collect();
        // Of an issue that is empty by now it may be left to say where it leads to.
        builds.extend(state.symbols.builds());
        let builds: Vec<BuildId> = builds.into_iter().collect();
        let mut issues: BTreeMap<IssueId, Vec<Waiting>> = BTreeMap::new();
        for some in builds.chunks(ASKED) {
            for waiting in state.store.waiting(&app, some).await? {
                issues.entry(waiting.issue).or_default().push(waiting);
            }
        }
        if issues.is_empty() {
            continue;
        }
        let met: BTreeSet<&BuildId> = issues.values().flatten().map(|one| &one.build).collect();
        let (many, all) = (issues.len() as u64, met.len() as u64);
        tracing::info!(%app, builds = all, issues = many, "symbols came late: reports are grouped again");
        state.late.set(Some(Passing {
            app: app.clone(),
            builds: all,
            issues: many,
            done: 0,
            looked: 0,
            moved: 0,
        }));
        for (issue, waiting) in issues {
            let builds = waiting.iter().map(|one| one.build.clone()).collect();
            look(state, &app, issue, Arc::new(builds)).await?;
            let now = state.clock.now();
            state.store.settle(&app, issue, waiting, now).await?;
            state.late.change(|passing| passing.done += 1);
        }
        if let Some(Passing { looked, moved, .. }) = state.late.now() {
            tracing::info!(%app, looked, moved, "reports were grouped by names that came late");
        }
    }
    Ok(())
}

/// Looks at every report of an issue, and moves those that belong elsewhere.
async fn look<S: Store>(
    state: &State<S>,
    app: &AppName,
    issue: IssueId,
    builds: Arc<BTreeSet<BuildId>>,
) -> Result<(), StoreError> {
    let mut last = None;
    loop {
        let reports = state.store.reports_in(app, issue, STEP, last).await?;
        let looked = reports.len() as u64;
        let Some(next) = reports.last().map(|report| report.id) else {
            // The report that it goes on after may have been erased; then it begins anew, since nothing else tells where it was.
            match last {
                Some(id) if state.store.report(app, id).await?.is_none() => {
                    last = None;
                    continue;
                }
                _ => return Ok(()),
            }
        };
        last = Some(next);
        let (symbols, builds) = (state.symbols.clone(), builds.clone());
        let (rules, of) = (state.rules.clone(), app.clone());
        let grouping = tokio::task::spawn_blocking(move || {
            let touched = reports.iter().filter(|report| touches(report, &builds));
            let moves = touched.filter_map(|report| {
                let (issue, lacking) = naming::group(&symbols, &rules, &of, report);
                Some(Move {
                    report: report.id,
                    to: issue?,
                    lacking,
                })
            });
            moves.collect::<Vec<_>>()
        });
        let mut moves = grouping
            .await
            .map_err(|error| StoreError::Fault(error.to_string()))?;
        moves.retain(|one| one.to.id != issue);
        let mut moved = 0;
        if !moves.is_empty() {
            let now = state.clock.now();
            let issues = moves.iter().map(|one| &one.to);
            (state.kin).tell(&*state.store, app, issues, now).await?;
            moved = state.store.regroup(app, issue, moves, now).await?;
        }
        state.late.change(|passing| {
            passing.looked += looked;
            passing.moved += moved;
        });
    }
}

/// Whether a report has code of one of these builds in it. Others stay where they are, whatever groups them today.
fn touches(report: &Report, builds: &BTreeSet<BuildId>) -> bool {
    let modules: &[Module] = match &report.what {
        What::Crash(crash) => &crash.modules,
        What::Freeze(freeze) => &freeze.modules,
        What::Connection(_) | What::Run(_) | What::Loss(_) => &[],
    };
    let build = |module: &Module| {
        module
            .build_id
            .as_ref()
            .is_some_and(|id| builds.contains(id))
    };
    modules.iter().any(build)
}
