//! How the freezes of one issue were.

use super::subtract::{self, Sum};
use super::{FreezeRow, IssueRow};
use candor_protocol::deidentify::Name;
use candor_protocol::report::{Activity, Freeze, FreezeEnd, Level, Wait};
use candor_protocol::sketch::Sketch;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// How a number of freezes were.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct FreezeSum {
    pub(super) freezes: u64,
    pub(super) main: u64,
    pub(super) watches: BTreeMap<Name, u64>,
    pub(super) turns: BTreeMap<Name, u64>,
    pub(super) took_ms: Sketch,
    #[serde(default)]
    pub(super) levels: BTreeMap<Level, u64>,
    pub(super) ends: BTreeMap<FreezeEnd, u64>,
    pub(super) activity: BTreeMap<Activity, u64>,
    pub(super) waits: BTreeMap<Wait, u64>,
}

fn add<K: Ord>(to: &mut BTreeMap<K, u64>, key: K) {
    *to.entry(key).or_default() += 1;
}

fn merge<K: Ord + Clone>(to: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *to.entry(key.clone()).or_default() += count;
    }
}

impl FreezeSum {
    /// What a list tells of the issue `row`, whose freezes these are.
    pub(super) fn of_issue(self, row: IssueRow) -> FreezeRow {
        FreezeRow {
            row,
            watches: most_frequent(self.watches),
            turns: most_frequent(self.turns),
            main: self.main,
            longest_ms: self.took_ms.quantile(1.0).unwrap_or_default(),
            took_ms: self.took_ms,
            levels: self.levels,
            ends: self.ends,
            activity: self.activity,
            waits: self.waits,
        }
    }
}

fn most_frequent(counts: BTreeMap<Name, u64>) -> Vec<(Name, u64)> {
    let mut list: Vec<_> = counts.into_iter().collect();
    list.sort_by_key(|(_, count)| Reverse(*count));
    list
}

impl Sum for FreezeSum {
    type Part<'a> = &'a Freeze;

    fn add(&mut self, freeze: &Freeze) {
        self.freezes += 1;
        self.main += u64::from(freeze.main);
        add(&mut self.watches, freeze.watch.clone());
        if let Some(turn) = &freeze.turn {
            add(&mut self.turns, turn.clone());
        }
        self.took_ms.record(freeze.took_ms);
        add(&mut self.levels, freeze.level());
        add(&mut self.ends, freeze.end);
        add(&mut self.activity, freeze.activity);
        if let Some(wait) = freeze.wait {
            add(&mut self.waits, wait);
        }
    }

    fn merge(&mut self, other: &Self) {
        self.freezes += other.freezes;
        self.main += other.main;
        merge(&mut self.watches, &other.watches);
        merge(&mut self.turns, &other.turns);
        self.took_ms.merge(&other.took_ms);
        merge(&mut self.levels, &other.levels);
        merge(&mut self.ends, &other.ends);
        merge(&mut self.activity, &other.activity);
        merge(&mut self.waits, &other.waits);
    }

    fn subtract(&mut self, other: &Self) {
        self.freezes = self.freezes.saturating_sub(other.freezes);
        self.main = self.main.saturating_sub(other.main);
        subtract::counts(&mut self.watches, &other.watches);
        subtract::counts(&mut self.turns, &other.turns);
        subtract::sketch(&mut self.took_ms, &other.took_ms);
        subtract::counts(&mut self.levels, &other.levels);
        subtract::counts(&mut self.ends, &other.ends);
        subtract::counts(&mut self.activity, &other.activity);
        subtract::counts(&mut self.waits, &other.waits);
    }

    fn is_empty(&self) -> bool {
        self.freezes == 0
    }
}
