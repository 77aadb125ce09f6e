//! Where something is counted, and how much.

use super::stamp::Stamp;
use crate::store::freeze_sum::FreezeSum;
use crate::store::subtract::{Change, Sum};
use crate::store::{ConnectionSum, StoreError};
use candor_protocol::report::{Connection, Freeze};
use clickhouse::Row;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The summaries. Beside each stand the columns that it uses; `n`, `m` and `ms` are sums of what segments add, and can be less
/// than nothing in one segment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum What {
    /// What the history is up to this segment: `n` its height, `m` how many erasures are in it, `added` a
    /// [`Head`](super::history::Head).
    #[default]
    Head,
    /// A block that is in the summaries: `key` its stamp.
    Block,
    /// An erasure that is in the summaries: `key` its stamp; `n` reports.
    Erased,
    /// Runs as they are known now: `key` the run, `at`, `pseudonym`, `release`, `os`, `device`, `word` its exit, `flag` bits of
    /// [`STARTED`] and [`FROZEN`]; `n` 1, `ms` how long it lasted.
    Run,
    /// Runs of installations: `at`, `release`, `pseudonym`; `n` runs.
    Install,
    /// Runs: `at`, `release`, `os`, `device`, `word` the exit, `flag` [`FROZEN`]; `n` runs, `ms` how long they lasted.
    Runs,
    /// Faults: `at`, `release`, `word` crash, handled or freeze; `n` reports.
    Faults,
    /// Reports of issues: `key` and `issue`, `at`, `release`, `os`, `device`, `word` the kind; `n` reports, `m` fatal ones.
    Issues,
    /// Reports of issues, each by itself: `key` and `issue`, `at`, `arrived`, `id`, `run`, `pseudonym`, `release`, `os`,
    /// `device`, `word` the kind; `n` 1.
    Sighting,
    /// The same by the time: `at`, `arrived`, `issue`, `run`, `pseudonym`, `release`, `word` the kind; `n` reports.
    Met,
    /// How freezes were: `at`, `issue`; sums.
    Freezes,
    /// Connection windows: `flag` the grain, `at`, `release`, `os`, `region`, `name`, `endpoint`, `transport`, `network`; `n`
    /// attempts, `m` those that ended in service; sums.
    Connections,
    /// Installations behind connection windows: `at` the week, `arrived` the day, `pseudonym`, and what [`Connections`]
    /// has; `n` windows.
    ///
    /// [`Connections`]: What::Connections
    Link,
    /// Installations that reconnected in a minute that is not over yet: `at`, `name`, `endpoint`, `pseudonym`; `n` attempts.
    Crowd,
    /// Minutes with reconnects: `at`, `name`, `endpoint`; `n` installations, `m` attempts.
    Minute,
    /// The ledger: `at` the day of arrival, `endpoint` the key they were sent by, `word` what became of them, `name` their kind,
    /// `reason`; `n` reports.
    Ledger,
    /// Reports that were grouped without the symbols of a build: `key` and `issue`, `release`, `word` the build, `name` its file; `n` reports
    /// that arrived and were not looked at since. Nothing is taken out of it when reports go: it counts as long as anything is counted of
    /// the issue in the release. The row of no issue says that what was kept before there was this summary is in it
    /// ([`look_back`](super::look_back)).
    Unnamed,
    /// What was held back: `at` the day of arrival, `release`, `word` the field, `reason`; `n` reports.
    Leak,
}

/// A run said itself that it started.
pub(super) const STARTED: u8 = 1;
/// A run froze.
pub(super) const FROZEN: u8 = 2;

impl What {
    pub(super) const ALL: [Self; 18] = [
        Self::Head,
        Self::Block,
        Self::Erased,
        Self::Run,
        Self::Install,
        Self::Runs,
        Self::Faults,
        Self::Issues,
        Self::Sighting,
        Self::Met,
        Self::Freezes,
        Self::Connections,
        Self::Link,
        Self::Crowd,
        Self::Minute,
        Self::Ledger,
        Self::Unnamed,
        Self::Leak,
    ];

    /// What tells of one installation.
    pub(super) const PERSONAL: [Self; 6] = [
        Self::Run,
        Self::Install,
        Self::Sighting,
        Self::Met,
        Self::Link,
        Self::Crowd,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Block => "block",
            Self::Erased => "erased",
            Self::Run => "run",
            Self::Install => "install",
            Self::Runs => "runs",
            Self::Faults => "faults",
            Self::Issues => "issues",
            Self::Sighting => "sighting",
            Self::Met => "met",
            Self::Freezes => "freezes",
            Self::Connections => "connections",
            Self::Link => "link",
            Self::Crowd => "crowd",
            Self::Minute => "minute",
            Self::Ledger => "ledger",
            Self::Unnamed => "unnamed",
            Self::Leak => "leak",
        }
    }
}

/// Where something is counted. What a summary does not use is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Cell {
    pub(super) what: What,
    pub(super) key: [u8; 16],
    pub(super) at: u64,
    pub(super) arrived: u64,
    pub(super) issue: u64,
    pub(super) id: [u8; 16],
    pub(super) run: [u8; 16],
    pub(super) pseudonym: [u8; 16],
    pub(super) release: String,
    pub(super) os: String,
    pub(super) device: String,
    pub(super) region: String,
    pub(super) name: String,
    pub(super) endpoint: String,
    pub(super) transport: String,
    pub(super) network: String,
    pub(super) word: String,
    pub(super) reason: String,
    pub(super) flag: u8,
}

/// How much of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Amount {
    pub(super) n: i64,
    pub(super) m: i64,
    pub(super) ms: i64,
    sums: Sums,
}

impl Amount {
    pub(super) const fn n(n: i64) -> Self {
        Self::of(n, 0, 0)
    }

    pub(super) const fn of(n: i64, m: i64, ms: i64) -> Self {
        Self {
            n,
            m,
            ms,
            sums: Sums::None,
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq)]
enum Sums {
    #[default]
    None,
    Freezes(Box<Change<FreezeSum>>),
    Connections(Box<Change<ConnectionSum>>),
}

/// Cells and amounts.
#[derive(Debug, Default)]
pub(super) struct Cells(HashMap<Cell, Amount>);

impl Cells {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn add(&mut self, cell: Cell, amount: Amount) {
        let sum = self.0.entry(cell).or_default();
        sum.n += amount.n;
        sum.m += amount.m;
        sum.ms = sum.ms.saturating_add(amount.ms);
    }

    /// Counts a freeze, or counts it no longer where `sign` is -1.
    pub(super) fn freeze(&mut self, cell: Cell, freeze: &Freeze, sign: i64) {
        let sums = &mut self.0.entry(cell).or_default().sums;
        if let Sums::None = sums {
            *sums = Sums::Freezes(Box::default());
        }
        if let Sums::Freezes(change) = sums {
            change.part(sign).add(freeze);
        }
    }

    /// Counts a connection window of a run, or counts it no longer where `sign` is -1.
    pub(super) fn window(&mut self, cell: Cell, window: (&Connection, [u8; 16]), sign: i64) {
        let sum = self.0.entry(cell).or_default();
        sum.n += sign * i64::from(window.0.attempts);
        sum.m += sign * i64::from(window.0.ready);
        if let Sums::None = sum.sums {
            sum.sums = Sums::Connections(Box::default());
        }
        if let Sums::Connections(change) = &mut sum.sums {
            Sum::add(change.part(sign), window);
        }
    }

    /// Puts in what freezes add up to, as JSON.
    pub(super) fn freezes(&mut self, cell: Cell, sum: &str) -> Result<(), StoreError> {
        let change = Box::new(Change::read(sum, "")?);
        self.0.entry(cell).or_default().sums = Sums::Freezes(change);
        Ok(())
    }

    /// Puts in what connection windows add up to, as JSON: attempts, those that ended in service, and the rest.
    pub(super) fn connections(
        &mut self,
        cell: Cell,
        (attempts, ready): (i64, i64),
        sum: &str,
    ) -> Result<(), StoreError> {
        let change = Box::new(Change::read(sum, "")?);
        let amount = self.0.entry(cell).or_default();
        (amount.n, amount.m) = (attempts, ready);
        amount.sums = Sums::Connections(change);
        Ok(())
    }

    /// Puts in a row of another segment.
    pub(super) fn merge(&mut self, what: What, row: SummaryRow) -> Result<(), StoreError> {
        let (cell, mut amount) = row.read(what)?;
        match self.0.entry(cell) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(amount);
            }
            std::collections::hash_map::Entry::Occupied(mut occupied) => {
                let sum = occupied.get_mut();
                sum.n += amount.n;
                sum.m += amount.m;
                sum.ms = sum.ms.saturating_add(amount.ms);
                match (&mut sum.sums, &mut amount.sums) {
                    (Sums::Freezes(mine), Sums::Freezes(theirs)) => mine.merge(theirs),
                    (Sums::Connections(mine), Sums::Connections(theirs)) => mine.merge(theirs),
                    (mine @ Sums::None, theirs) => *mine = std::mem::take(theirs),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The rows of a segment; cells that nothing is added to are left out.
    pub(super) fn rows(self, app: &str, segment: Stamp) -> Result<Vec<SummaryRow>, StoreError> {
        let mut rows = Vec::with_capacity(self.0.len());
        for (cell, amount) in self.0 {
            let (added, taken) = match amount.sums {
                Sums::None => Default::default(),
                Sums::Freezes(change) => change.written()?,
                Sums::Connections(change) => change.written()?,
            };
            let nothing = (amount.n, amount.m, amount.ms) == (0, 0, 0);
            // An erasure that found nothing has happened all the same.
            if nothing && added.is_empty() && taken.is_empty() && cell.what != What::Erased {
                continue;
            }
            rows.push(SummaryRow::of(
                app,
                segment,
                cell,
                (amount.n, amount.m, amount.ms),
                (added, taken),
            ));
        }
        Ok(rows)
    }
}

impl<S: Sum + Serialize + DeserializeOwned> Change<S> {
    fn part(&mut self, sign: i64) -> &mut S {
        if sign < 0 {
            &mut self.taken
        } else {
            &mut self.added
        }
    }

    fn merge(&mut self, other: &Self) {
        self.added.merge(&other.added);
        self.taken.merge(&other.taken);
        // What was added here and is taken here leaves no trace; what was added elsewhere is taken when the two meet.
        if !self.taken.is_empty() {
            let before = std::mem::take(&mut self.added);
            self.added.merge(&before);
            self.added.subtract(&self.taken);
            self.taken.subtract(&before);
        }
    }

    /// As two columns; what adds nothing is empty.
    fn written(&self) -> Result<(String, String), StoreError> {
        let write = |sum: &S| {
            if sum.is_empty() {
                return Ok(String::new());
            }
            serde_json::to_string(sum).map_err(|error| StoreError::Fault(error.to_string()))
        };
        Ok((write(&self.added)?, write(&self.taken)?))
    }

    pub(super) fn read(added: &str, taken: &str) -> Result<Self, StoreError> {
        Ok(Self {
            added: read_sum(added)?,
            taken: read_sum(taken)?,
        })
    }
}

pub(super) fn read_sum<S: DeserializeOwned + Default>(json: &str) -> Result<S, StoreError> {
    if json.is_empty() {
        return Ok(S::default());
    }
    serde_json::from_str(json)
        .map_err(|error| StoreError::Fault(format!("a sum cannot be read: {error}")))
}

/// A row of the table.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct SummaryRow {
    app: String,
    what: String,
    segment: Stamp,
    key: [u8; 16],
    at: u64,
    arrived: u64,
    issue: u64,
    id: [u8; 16],
    run: [u8; 16],
    pseudonym: [u8; 16],
    release: String,
    os: String,
    device: String,
    region: String,
    name: String,
    endpoint: String,
    transport: String,
    network: String,
    word: String,
    reason: String,
    flag: u8,
    n: i64,
    m: i64,
    ms: i64,
    added: String,
    taken: String,
}

impl SummaryRow {
    /// The columns, in the order of the fields.
    pub(super) const COLUMNS: &str = "app, what, segment, key, at, arrived, issue, id, run, pseudonym, release, os, device, \
         region, name, endpoint, transport, network, word, reason, flag, n, m, ms, added, taken";

    /// What says what the history is up to a segment.
    pub(super) fn head(
        app: &str,
        segment: Stamp,
        (height, erasures): (i64, i64),
        head: String,
    ) -> Self {
        let cell = Cell {
            what: What::Head,
            ..Cell::default()
        };
        Self::of(
            app,
            segment,
            cell,
            (height, erasures, 0),
            (head, String::new()),
        )
    }

    fn of(
        app: &str,
        segment: Stamp,
        cell: Cell,
        (n, m, ms): (i64, i64, i64),
        (added, taken): (String, String),
    ) -> Self {
        Self {
            app: app.to_owned(),
            what: cell.what.as_str().to_owned(),
            segment,
            key: cell.key,
            at: cell.at,
            arrived: cell.arrived,
            issue: cell.issue,
            id: cell.id,
            run: cell.run,
            pseudonym: cell.pseudonym,
            release: cell.release,
            os: cell.os,
            device: cell.device,
            region: cell.region,
            name: cell.name,
            endpoint: cell.endpoint,
            transport: cell.transport,
            network: cell.network,
            word: cell.word,
            reason: cell.reason,
            flag: cell.flag,
            n,
            m,
            ms,
            added,
            taken,
        }
    }

    pub(super) fn what(&self) -> Option<What> {
        What::ALL
            .into_iter()
            .find(|what| what.as_str() == self.what)
    }

    fn read(self, what: What) -> Result<(Cell, Amount), StoreError> {
        let sums = match what {
            What::Freezes => Sums::Freezes(Box::new(Change::read(&self.added, &self.taken)?)),
            What::Connections => {
                Sums::Connections(Box::new(Change::read(&self.added, &self.taken)?))
            }
            _ => Sums::None,
        };
        let cell = Cell {
            what,
            key: self.key,
            at: self.at,
            arrived: self.arrived,
            issue: self.issue,
            id: self.id,
            run: self.run,
            pseudonym: self.pseudonym,
            release: self.release,
            os: self.os,
            device: self.device,
            region: self.region,
            name: self.name,
            endpoint: self.endpoint,
            transport: self.transport,
            network: self.network,
            word: self.word,
            reason: self.reason,
            flag: self.flag,
        };
        let amount = Amount {
            n: self.n,
            m: self.m,
            ms: self.ms,
            sums,
        };
        Ok((cell, amount))
    }
}
