//! What a transaction changes in the summaries: collected while it runs, written once at its end.

use super::class::{self, ByClass, Class};
use super::present::Presence;
use super::run::RunCell;
use super::{past, stamp};
use crate::access::KeyId;
use crate::store::columns::Columns;
use crate::store::freeze_sum::FreezeSum;
use crate::store::issue_day::{self, IssueDay, Met};
use crate::store::storm::{CROWD, Minute};
use crate::store::subtract::{Change, Sum};
use crate::store::{Arrival, ConnectionSum, Lacking};
use candor_protocol::deidentify::ModuleName;
use candor_protocol::report::{Connection, Exit, Freeze, Network, Transport};
use rusqlite::types::ValueRef;
use rusqlite::{OptionalExtension, Params, ToSql, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};

const DAY: u64 = 86_400;

/// Where a report is counted. Texts stand as their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Cell {
    pub(super) app: i64,
    pub(super) at: i64,
    pub(super) release: i64,
    pub(super) os: i64,
    pub(super) device: i64,
}

impl Cell {
    /// The classes that its reports are counted in.
    pub(super) const fn classes(&self) -> [Class; 3] {
        Class::each([self.release, self.os, self.device])
    }
}

/// Whether something is counted or no longer counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    Add,
    Take,
}

impl Sign {
    fn of(self, number: u64) -> i64 {
        let number = i64::try_from(number).unwrap_or(i64::MAX);
        match self {
            Self::Add => number,
            Self::Take => -number,
        }
    }

    fn count<S: Sum>(self, change: &mut Change<S>, part: S::Part<'_>) {
        match self {
            Self::Add => change.added.add(part),
            Self::Take => change.taken.add(part),
        }
    }
}

#[derive(PartialEq, Eq, Hash)]
struct LedgerCell {
    app: i64,
    day: i64,
    key: Option<KeyId>,
    what: &'static str,
    kind: &'static str,
    reason: &'static str,
}

/// Where a connection window is summed. Texts stand as their ids.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ConnectionCell {
    pub(super) app: i64,
    grain: Grain,
    pub(super) at: i64,
    release: i64,
    os: i64,
    link: Link,
    pub(super) transport: Transport,
    pub(super) network: Network,
}

impl ConnectionCell {
    /// Whether it is told by the hour.
    pub(super) fn is_of_hour(&self) -> bool {
        self.grain != Grain::Minute
    }

    /// Release, system, region, name and endpoint, as ids.
    pub(super) const fn words(&self) -> [i64; 5] {
        let Link {
            region,
            name,
            endpoint,
        } = self.link;
        [self.release, self.os, region, name, endpoint]
    }
}

/// The names of a connection, as ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Link {
    pub(super) region: i64,
    pub(super) name: i64,
    pub(super) endpoint: i64,
}

/// How finely a sum tells the time: the number in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Grain {
    /// Of reports that tell the hour.
    Hour = 0,
    /// Of reports that tell the minute, by the hour.
    HourOfMinutes = 1,
    /// Of reports that tell the minute.
    Minute = 2,
}

impl Grain {
    /// The sums that a report of the moment `at` is in, each with its moment.
    fn of(at: i64) -> Vec<(Self, i64)> {
        match at % 3_600 {
            0 => vec![(Self::Hour, at)],
            past => vec![(Self::HourOfMinutes, at - past), (Self::Minute, at)],
        }
    }
}

/// What changes of an issue in a day.
#[derive(Default)]
struct Day {
    all: IssueDay,
    by: ByClass,
}

/// What a transaction changes in the summaries.
#[derive(Default)]
pub(super) struct Deltas {
    ledger: HashMap<LedgerCell, i64>,
    runs: HashMap<RunCell, (i64, i64)>,
    faults: HashMap<(i64, i64, i64, &'static str), i64>,
    issues: HashMap<(Cell, i64), (i64, i64)>,
    /// By app, the day's beginning and issue.
    days: BTreeMap<(i64, u64, i64), Day>,
    freezes: HashMap<(i64, i64, i64), Change<FreezeSum>>,
    /// Reports by app, issue, release, and what their names were not known of.
    unnamed: HashMap<(i64, i64, i64, Lacking), i64>,
    connections: HashMap<ConnectionCell, Change<ConnectionSum>>,
    reconnects: HashMap<(i64, u64, i64, i64), Minute>,
    /// In which hours installations were there.
    pub(super) presence: Presence,
    /// By app, when reports arrived last.
    arrived: HashMap<i64, u64>,
}

impl Deltas {
    /// Reports of an app have arrived.
    pub(super) fn arrive(&mut self, app: i64, at: u64) {
        let last = self.arrived.entry(app).or_default();
        *last = at.max(*last);
    }

    pub(super) fn ledger(
        &mut self,
        app: i64,
        arrived: impl Into<Arrival>,
        what: &'static str,
        kind: &'static str,
        reason: &'static str,
        reports: u64,
    ) {
        if reports > 0 {
            let Arrival { at, key } = arrived.into();
            let day = (at - at % DAY) as i64;
            *self
                .ledger
                .entry(LedgerCell {
                    app,
                    day,
                    key,
                    what,
                    kind,
                    reason,
                })
                .or_default() += Sign::Add.of(reports);
        }
    }

    pub(super) fn run(&mut self, (cell, run_ms): (RunCell, u64), sign: Sign) {
        let (runs, ms) = self.runs.entry(cell).or_default();
        *runs += sign.of(1);
        *ms = ms.saturating_add(sign.of(run_ms));
    }

    pub(super) fn fault(&mut self, cell: Cell, fault: &'static str, sign: Sign) {
        *self
            .faults
            .entry((cell.app, cell.at, cell.release, fault))
            .or_default() += sign.of(1);
    }

    pub(super) fn issue(&mut self, cell: Cell, issue: i64, fatal: bool, sign: Sign) {
        let (reports, deaths) = self.issues.entry((cell, issue)).or_default();
        let (one, death) = (sign.of(1), sign.of(u64::from(fatal)));
        *reports += one;
        *deaths += death;
        self.count(cell, issue, one, death);
    }

    /// Counts reports of an issue in its day, or with negative numbers no longer.
    pub(super) fn count(&mut self, cell: Cell, issue: i64, reports: i64, fatal: i64) {
        let at = cell.at as u64;
        let day = self.day(cell.app, at, issue);
        day.all.count(at, reports, fatal);
        for class in cell.classes() {
            let of_class = day.by.entry(class).or_default();
            of_class.count(at, reports, fatal);
        }
    }

    /// Counts meetings of an issue in a class in the hour `at`.
    pub(super) fn meet(
        &mut self,
        (app, class, issue): (i64, Class, i64),
        at: u64,
        before: Option<u64>,
        met: Met,
    ) {
        let day = self.day(app, at, issue);
        let of_class = match class {
            Class::ALL => &mut day.all,
            class => day.by.entry(class).or_default(),
        };
        of_class.meet(at, before, met);
    }

    fn day(&mut self, app: i64, at: u64, issue: i64) -> &mut Day {
        let day = at - at % issue_day::DAY;
        self.days.entry((app, day, issue)).or_default()
    }

    pub(super) fn freeze(&mut self, cell: Cell, issue: i64, freeze: &Freeze, sign: Sign) {
        let change = self.freezes.entry((cell.app, cell.at, issue)).or_default();
        sign.count(change, freeze);
    }

    /// Notes what a report of an issue was named without.
    pub(super) fn unnamed(&mut self, cell: Cell, issue: i64, lacking: &[Lacking]) {
        for one in lacking {
            let key = (cell.app, issue, cell.release, one.clone());
            *self.unnamed.entry(key).or_default() += 1;
        }
    }

    pub(super) fn connection(
        &mut self,
        cell: Cell,
        link: Link,
        window: &Connection,
        run: [u8; 16],
        sign: Sign,
    ) {
        for (grain, at) in Grain::of(cell.at) {
            let cell = ConnectionCell {
                app: cell.app,
                grain,
                at,
                release: cell.release,
                os: cell.os,
                link,
                transport: window.transport,
                network: window.network,
            };
            sign.count(self.connections.entry(cell).or_default(), (window, run));
        }
    }

    /// Counts attempts to reconnect in a minute, and an installation that has not been counted there.
    pub(super) fn reconnect(
        &mut self,
        (app, minute, name, endpoint): (i64, u64, i64, i64),
        reconnects: u64,
        new: bool,
    ) {
        let counts = self
            .reconnects
            .entry((app, minute, name, endpoint))
            .or_default();
        counts.installs += u64::from(new);
        counts.reconnects += reconnects;
    }

    pub(super) fn write(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        for (
            LedgerCell {
                app,
                day,
                key,
                what,
                kind,
                reason,
            },
            reports,
        ) in self.ledger
        {
            tx.prepare_cached(
                "INSERT INTO ledger (app, day, key, what, kind, reason, reports) VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
            )?
            .execute((
                app,
                day,
                key.map(|key| key.to_string()).unwrap_or_default(),
                what,
                kind,
                reason,
                reports,
            ))?;
        }
        for (RunCell { cell, exit, frozen }, (runs, run_ms)) in self.runs {
            if runs != 0 || run_ms != 0 {
                let key = (
                    cell.app,
                    cell.at,
                    cell.release,
                    cell.os,
                    cell.device,
                    exit.map_or("", Exit::as_str),
                    frozen,
                );
                tx.prepare_cached(
                    "INSERT INTO run_count (app, at, release, os, device, exit, frozen, runs, run_ms)
                     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET runs = runs + excluded.runs, run_ms = run_ms + excluded.run_ms",
                )?
                .execute((key.0, key.1, key.2, key.3, key.4, key.5, key.6, runs, run_ms))?;
                if runs < 0 {
                    tx.prepare_cached(
                        "DELETE FROM run_count
                         WHERE app = ? AND at = ? AND release = ? AND os = ? AND device = ? AND exit = ? AND frozen = ?
                         AND runs <= 0",
                    )?
                    .execute(key)?;
                }
            }
        }
        for ((app, at, release, fault), reports) in self.faults {
            tx.prepare_cached(
                "INSERT INTO fault_count (app, at, release, fault, reports) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET reports = reports + excluded.reports",
            )?
            .execute((app, at, release, fault, reports))?;
        }
        for ((cell, issue), (reports, fatal)) in self.issues {
            tx.prepare_cached(
                "INSERT INTO issue_count (app, issue, at, release, os, device, reports, fatal)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET reports = reports + excluded.reports, fatal = fatal + excluded.fatal",
            )?
            .execute((cell.app, issue, cell.at, cell.release, cell.os, cell.device, reports, fatal))?;
            tx.prepare_cached(
                "UPDATE issue SET first_seen = min(first_seen, ?3), last_seen = max(last_seen, ?3)
                 WHERE app = ?1 AND id = ?2 AND (first_seen > ?3 OR last_seen < ?3)",
            )?
            .execute((cell.app, issue, cell.at))?;
            let known = tx
                .prepare_cached("UPDATE issue_release SET reports = reports + ?4 WHERE app = ?1 AND issue = ?2 AND release = ?3")?
                .execute((cell.app, issue, cell.release, reports))?;
            if known == 0 {
                tx.prepare_cached(
                    "INSERT INTO issue_release (app, issue, release, reports) VALUES (?, ?, ?, ?)",
                )?
                .execute((cell.app, issue, cell.release, reports))?;
                stamp::said(tx, cell.app)?;
            }
        }
        write_days(tx, self.days)?;
        for ((app, issue, release, lacking), met) in &self.unnamed {
            let module = lacking.module.as_ref().map_or("", ModuleName::as_str);
            tx.prepare_cached(
                "INSERT INTO unnamed (app, build, issue, release, module, met) VALUES (?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET met = met + excluded.met",
            )?
            .execute((app, lacking.build.as_str(), issue, release, module, met))?;
        }
        for (key, change) in &self.freezes {
            write_freezes(tx, *key, change)?;
        }
        for (cell, change) in &self.connections {
            write_connections(tx, cell, change)?;
        }
        past::write(tx, &self.connections, &self.arrived)?;
        self.presence.write(tx)?;
        write_reconnects(tx, self.reconnects)?;
        Ok(())
    }
}

fn write_days(tx: &Transaction<'_>, days: BTreeMap<(i64, u64, i64), Day>) -> rusqlite::Result<()> {
    let mut read = tx.prepare_cached(
        "SELECT hours, classes FROM issue_day WHERE app = ? AND day = ? AND issue = ?",
    )?;
    let mut remove =
        tx.prepare_cached("DELETE FROM issue_day WHERE app = ? AND day = ? AND issue = ?")?;
    let mut write = tx.prepare_cached(
        "INSERT INTO issue_day (app, day, issue, hours, classes) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO UPDATE SET hours = excluded.hours, classes = excluded.classes",
    )?;
    let mut stamped = None;
    for (key, Day { all, by }) in days {
        let (app, day, issue) = key;
        let known = read
            .query_row(key, |row| {
                let mut known = IssueDay::unpack(row.get_ref(0)?.as_blob()?);
                known.add(&all);
                Ok((known.pack(), class::change(row.get_ref(1)?.as_blob()?, &by)))
            })
            .optional()?;
        let (hours, classes) = known.unwrap_or_else(|| (all.pack(), class::change(&[], &by)));
        if hours.is_empty() && classes.is_empty() {
            remove.execute(key)?;
        } else {
            write.execute((app, day, issue, hours, classes))?;
        }
        if stamped != Some((app, day)) {
            stamp::day(tx, app, day)?;
            stamped = Some((app, day));
        }
    }
    Ok(())
}

fn write_freezes(
    tx: &Transaction<'_>,
    key: (i64, i64, i64),
    change: &Change<FreezeSum>,
) -> rusqlite::Result<()> {
    let mut sum: FreezeSum = read_sum(
        tx,
        "SELECT sum FROM freeze_sum WHERE app = ? AND at = ? AND issue = ?",
        key,
    )?;
    change.apply(&mut sum);
    if sum.is_empty() {
        tx.prepare_cached("DELETE FROM freeze_sum WHERE app = ? AND at = ? AND issue = ?")?
            .execute(key)?;
    } else {
        tx.prepare_cached(
            "INSERT INTO freeze_sum (app, at, issue, sum) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET sum = excluded.sum",
        )?
        .execute((key.0, key.1, key.2, to_json(&sum)?))?;
    }
    Ok(())
}

fn write_connections(
    tx: &Transaction<'_>,
    cell: &ConnectionCell,
    change: &Change<ConnectionSum>,
) -> rusqlite::Result<()> {
    let key = params![
        cell.app,
        cell.grain as i64,
        cell.at,
        cell.release,
        cell.os,
        cell.link.region,
        cell.link.name,
        cell.link.endpoint,
        cell.transport.as_str(),
        cell.network.as_str(),
    ];
    let known = tx
        .prepare_cached(
            "SELECT sum, packed FROM connection_sum
             WHERE app = ? AND grain = ? AND at = ? AND release = ? AND os = ? AND region = ? AND name = ? AND endpoint = ?
               AND transport = ? AND network = ?",
        )?
        .query_row(key, |row| columns(row.get_ref(0)?, row.get_ref(1)?))
        .optional()?;
    let sum = changed(known.unwrap_or_default(), change);
    if sum.windows() == 0 {
        tx.prepare_cached(
            "DELETE FROM connection_sum
             WHERE app = ? AND grain = ? AND at = ? AND release = ? AND os = ? AND region = ? AND name = ? AND endpoint = ?
               AND transport = ? AND network = ?",
        )?
        .execute(key)?;
        return Ok(());
    }
    let packed = sum.pack();
    let values: [&dyn ToSql; 3] = [&sum.attempts(), &sum.ready(), &packed];
    let row: Vec<&dyn ToSql> = key.iter().copied().chain(values).collect();
    tx.prepare_cached(
        "INSERT INTO connection_sum (app, grain, at, release, os, region, name, endpoint, transport, network, attempts, ready, sum, packed)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', ?)
         ON CONFLICT DO UPDATE SET attempts = excluded.attempts, ready = excluded.ready, sum = '', packed = excluded.packed",
    )?
    .execute(&row[..])?;
    Ok(())
}

/// A sum with what is added to it and without what is taken out.
pub(super) fn changed(mut sum: Columns, change: &Change<ConnectionSum>) -> Columns {
    if change.taken.is_empty() {
        sum.merge(&Columns::of(&change.added));
        return sum;
    }
    let mut whole = sum.sum();
    change.apply(&mut whole);
    Columns::of(&whole)
}

/// A connection sum as it was stored: packed, or by an older collector as JSON.
pub(super) fn columns(sum: ValueRef<'_>, packed: ValueRef<'_>) -> rusqlite::Result<Columns> {
    read_columns(sum, packed, Columns::unpack)
}

/// What a page of health asks of a connection sum.
pub(super) fn head(sum: ValueRef<'_>, packed: ValueRef<'_>) -> rusqlite::Result<Columns> {
    read_columns(sum, packed, Columns::unpack_head)
}

fn read_columns(
    sum: ValueRef<'_>,
    packed: ValueRef<'_>,
    unpack: fn(&[u8]) -> Option<Columns>,
) -> rusqlite::Result<Columns> {
    match packed {
        ValueRef::Null => {
            let sum: ConnectionSum = from_json(sum.as_str()?)?;
            Ok(Columns::of(&sum))
        }
        packed => unpack(packed.as_blob()?).ok_or_else(|| unreadable("this is no connection sum")),
    }
}

/// How long a minute in which few reconnected is remembered, since more may arrive, in seconds.
const UNDECIDED: u64 = 600;

fn write_reconnects(
    tx: &Transaction<'_>,
    reconnects: HashMap<(i64, u64, i64, i64), Minute>,
) -> rusqlite::Result<()> {
    let mut newest: HashMap<i64, u64> = HashMap::new();
    for (app, minute, ..) in reconnects.keys() {
        let newest = newest.entry(*app).or_default();
        *newest = (*newest).max(*minute);
    }
    for ((app, minute, name, endpoint), counts) in reconnects {
        tx.prepare_cached(
            "INSERT INTO reconnect_minute (app, minute, name, endpoint, installs, reconnects) VALUES (?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET installs = installs + excluded.installs, reconnects = reconnects + excluded.reconnects",
        )?
        .execute((app, minute, name, endpoint, counts.installs, counts.reconnects))?;
    }
    // What is no crowd tells of somebody, so it does not stay.
    for (app, newest) in newest {
        tx.prepare_cached(
            "DELETE FROM reconnect_minute WHERE app = ? AND minute >= ? AND minute < ? AND installs < ?",
        )?
        .execute((
            app,
            newest.saturating_sub(DAY),
            newest.saturating_sub(UNDECIDED),
            CROWD,
        ))?;
    }
    Ok(())
}

fn read_sum<S: Sum + DeserializeOwned>(
    tx: &Transaction<'_>,
    sql: &str,
    key: impl Params,
) -> rusqlite::Result<S> {
    let json: Option<String> = tx
        .prepare_cached(sql)?
        .query_row(key, |row| row.get(0))
        .optional()?;
    json.map_or_else(|| Ok(S::default()), |json| from_json(&json))
}

pub(super) fn to_json(sum: &impl Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(sum)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// A sum as it was stored.
pub(super) fn from_json<S: DeserializeOwned>(json: &str) -> rusqlite::Result<S> {
    serde_json::from_str(json).map_err(unreadable)
}

/// What stands in the database is not what was written.
pub(super) fn unreadable(
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
}
