//! Sums of connection windows of six hours and of days that are over, so that a page of a month does not read every hour.
//!
//! They are folded from the hours a little after those are over, as windows arrive; a window that arrives later still is added to them as to
//! its hour, in the same transaction, and one that is erased is taken out of both. What a range adds up to is the same whichever of them it is
//! put together from. What erasure of a part or retention cuts into is dropped and, but for what is too old, folded again.

use super::delta::{ConnectionCell, changed, columns, unreadable};
use crate::store::columns::Columns;
use crate::store::subtract::Change;
use crate::store::{ConnectionSum, Span};
use rusqlite::{OptionalExtension, Row, ToSql, Transaction, params};
use std::collections::HashMap;

const HOUR: u64 = 3_600;
/// The step of a page of a week.
const QUARTER: u64 = 6 * HOUR;
/// The step of a page of a month.
const DAY: u64 = 24 * HOUR;

/// How long windows of hours that are over are waited for, in seconds. Agents keep good news for half an hour.
const PATIENCE: u64 = 2 * HOUR;

/// The most quarters of a day that one transaction folds: more than one only where nobody has for long.
const AT_ONCE: usize = 32;

/// The times of which all of it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Folded {
    since: u64,
    until: u64,
}

impl Folded {
    /// Of an app; `None` where there is nothing.
    pub(super) fn of(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Option<Self>> {
        db.prepare_cached("SELECT since, until FROM connection_folded WHERE app = ?")?
            .query_row([app], |row| {
                Ok(Self {
                    since: row.get(0)?,
                    until: row.get(1)?,
                })
            })
            .optional()
    }

    fn holds(self, at: u64, length: u64) -> bool {
        at >= self.since && at.saturating_add(length) <= self.until
    }

    fn write(self, tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
        tx.prepare_cached(
            "INSERT INTO connection_folded (app, since, until) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET since = excluded.since, until = excluded.until",
        )?
        .execute((app, self.since, self.until))?;
        Ok(())
    }
}

/// A stretch of time, and by which sums it is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Seconds of each sum; of those that are not folded an hour, or a minute.
    pub(super) length: u64,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Stretch {
    /// Which rows it is, with a column `sum` as those of hours have it: `:app`, `:from` and `:to` are bound by whoever asks. Where minutes are
    /// asked for, they take the place of their hours.
    pub(super) fn rows(self, minutes: bool) -> String {
        let range = "app = :app AND at >= :from AND at < :to";
        match self.length {
            0..=HOUR => format!(
                "FROM connection_sum AS c WHERE {range} AND grain IN (0, {})",
                if minutes { 2 } else { 1 }
            ),
            length => format!(
                "FROM (SELECT *, '' AS sum FROM connection_past) AS c WHERE {range} AND length = {length}"
            ),
        }
    }

    /// The range as SQL compares it.
    pub(super) fn bounds(self) -> (i64, i64) {
        let limit = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        (limit(self.from), limit(self.to))
    }
}

/// The fewest sums that a range can be put together from, none of them in two of its steps.
pub(super) fn stretches(folded: Option<Folded>, span: Span) -> Vec<Stretch> {
    let whole = Stretch {
        length: HOUR,
        from: span.from,
        to: span.to,
    };
    let (Some(folded), true) = (folded, span.is_coarse()) else {
        return vec![whole];
    };
    let mut stretches: Vec<Stretch> = Vec::new();
    let mut add = |length, from, to| match stretches.last_mut() {
        Some(last) if last.length == length => last.to = to,
        _ => stretches.push(Stretch { length, from, to }),
    };
    let in_one_step = |at: u64, length: u64| {
        let step = |at: u64| (at - span.from) / span.step.max(1);
        at + length <= span.to && step(at) == step(at + length - 1)
    };
    let (first, last) = (folded.since.max(span.from), folded.until.min(span.to));
    let mut at = first.next_multiple_of(QUARTER);
    if at >= last {
        return vec![whole];
    }
    if at > span.from {
        add(HOUR, span.from, at);
    }
    while at < last {
        let fits = |length: u64| {
            at.is_multiple_of(length) && folded.holds(at, length) && in_one_step(at, length)
        };
        let length = [DAY, QUARTER].into_iter().find(|length| fits(*length));
        let (length, next) = match length {
            Some(length) => (length, at + length),
            None => (HOUR, (at + QUARTER).min(span.to)),
        };
        add(length, at, next);
        at = next;
    }
    if at < span.to {
        add(HOUR, at, span.to);
    }
    stretches
}

/// What a transaction changes of windows, added to what was folded of their times already; then what is over by `arrived` is folded, as far
/// as the hours are written.
pub(super) fn write(
    tx: &Transaction<'_>,
    connections: &HashMap<ConnectionCell, Change<ConnectionSum>>,
    arrived: &HashMap<i64, u64>,
) -> rusqlite::Result<()> {
    let mut known: HashMap<i64, Option<Folded>> = HashMap::new();
    let mut late: HashMap<Class, Change<ConnectionSum>> = HashMap::new();
    for (cell, change) in connections.iter().filter(|(cell, _)| cell.is_of_hour()) {
        let folded = match known.get(&cell.app) {
            Some(folded) => *folded,
            None => {
                let folded = Folded::of(tx, cell.app)?;
                known.insert(cell.app, folded);
                folded
            }
        };
        for length in [QUARTER, DAY] {
            let at = cell.at as u64 - cell.at as u64 % length;
            if folded.is_some_and(|folded| folded.holds(at, length)) {
                let sum = late.entry(Class::of(cell, at, length)).or_default();
                sum.added.merge(&change.added);
                sum.taken.merge(&change.taken);
            }
        }
    }
    for (class, change) in &late {
        class.put(tx, &changed(class.read(tx)?, change))?;
    }
    for app in known.into_keys() {
        if let Some(arrived) = arrived.get(&app) {
            fold(tx, app, *arrived)?;
        }
    }
    Ok(())
}

/// Folds what is over and was not folded before.
fn fold(tx: &Transaction<'_>, app: i64, arrived: u64) -> rusqlite::Result<()> {
    let over = arrived.saturating_sub(PATIENCE) / QUARTER * QUARTER;
    let known = Folded::of(tx, app)?;
    if known.is_some_and(|folded| folded.until >= over) {
        return Ok(());
    }
    // Where nothing is there is nothing to fold.
    let next = |from: u64| -> rusqlite::Result<u64> {
        let mut query = tx.prepare_cached(
            "SELECT min(at) FROM connection_sum WHERE app = ? AND grain = ? AND at >= ? AND at < ?",
        )?;
        let mut next = over;
        for grain in [0, 1] {
            let at: Option<u64> =
                query.query_row((app, grain, from as i64, over as i64), |row| row.get(0))?;
            next = next.min(at.unwrap_or(over));
        }
        Ok(next)
    };
    let mut folded = match known {
        Some(folded) => folded,
        None => {
            let since = next(0)? / DAY * DAY;
            Folded {
                since,
                until: since,
            }
        }
    };
    for _ in 0..AT_ONCE {
        if folded.until.is_multiple_of(DAY) {
            // Days in which nothing is are there all the same.
            folded.until = folded.until.max(next(folded.until)? / DAY * DAY);
        }
        if folded.until >= over {
            break;
        }
        fold_one(tx, app, folded.until, QUARTER)?;
        folded.until += QUARTER;
        if folded.until.is_multiple_of(DAY) {
            fold_one(tx, app, folded.until - DAY, DAY)?;
        }
    }
    folded.write(tx, app)
}

/// Adds up the hours, or of a day the quarters, that begin at `at`.
fn fold_one(tx: &Transaction<'_>, app: i64, at: u64, length: u64) -> rusqlite::Result<()> {
    let from = match length {
        QUARTER => "connection_sum WHERE grain IN (0, 1)",
        _ => "(SELECT *, '' AS sum FROM connection_past) WHERE length = 21600",
    };
    let mut query = tx.prepare_cached(&format!(
        "SELECT release, os, region, name, endpoint, transport, network, sum, packed FROM {from}
         AND app = ? AND at >= ? AND at < ?"
    ))?;
    let mut rows = query.query((app, at, at + length))?;
    let mut sums: HashMap<Class, Columns> = HashMap::new();
    while let Some(row) = rows.next()? {
        let class = Class::stored(row, (app, at as i64, length as i64))?;
        let sum = columns(row.get_ref(7)?, row.get_ref(8)?)?;
        sums.entry(class).or_default().merge(&sum);
    }
    sums.iter().try_for_each(|(class, sum)| class.put(tx, sum))
}

/// Which row a sum is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Class {
    app: i64,
    length: i64,
    at: i64,
    /// Release, system, region, name and endpoint, as ids.
    words: [i64; 5],
    transport: String,
    network: String,
}

impl Class {
    const ROW: &str = "app = ? AND length = ? AND at = ? AND release = ? AND os = ? AND region = ? AND name = ? AND endpoint = ?
         AND transport = ? AND network = ?";

    fn of(cell: &ConnectionCell, at: u64, length: u64) -> Self {
        Self {
            app: cell.app,
            length: length as i64,
            at: at as i64,
            words: cell.words(),
            transport: cell.transport.as_str().to_owned(),
            network: cell.network.as_str().to_owned(),
        }
    }

    fn stored(row: &Row<'_>, (app, at, length): (i64, i64, i64)) -> rusqlite::Result<Self> {
        Ok(Self {
            app,
            length,
            at,
            words: [
                row.get(0)?,
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
            ],
            transport: row.get(5)?,
            network: row.get(6)?,
        })
    }

    fn key(&self) -> [&dyn ToSql; 10] {
        let [release, os, region, name, endpoint] = &self.words;
        [
            &self.app,
            &self.length,
            &self.at,
            release,
            os,
            region,
            name,
            endpoint,
            &self.transport,
            &self.network,
        ]
    }

    fn read(&self, tx: &Transaction<'_>) -> rusqlite::Result<Columns> {
        let packed: Option<Vec<u8>> = tx
            .prepare_cached(&format!(
                "SELECT packed FROM connection_past WHERE {}",
                Self::ROW
            ))?
            .query_row(&self.key()[..], |row| row.get(0))
            .optional()?;
        packed.map_or_else(
            || Ok(Columns::default()),
            |packed| {
                Columns::unpack(&packed).ok_or_else(|| unreadable("this is no connection sum"))
            },
        )
    }

    fn put(&self, tx: &Transaction<'_>, sum: &Columns) -> rusqlite::Result<()> {
        let key = self.key();
        if sum.windows() == 0 {
            tx.prepare_cached(&format!("DELETE FROM connection_past WHERE {}", Self::ROW))?
                .execute(&key[..])?;
            return Ok(());
        }
        let (attempts, ready, packed) = (sum.attempts(), sum.ready(), sum.pack());
        let values = params![attempts, ready, packed];
        let row: Vec<&dyn ToSql> = key.into_iter().chain(values.iter().copied()).collect();
        tx.prepare_cached(
            "INSERT INTO connection_past
                 (app, length, at, release, os, region, name, endpoint, transport, network, attempts, ready, packed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET attempts = excluded.attempts, ready = excluded.ready, packed = excluded.packed",
        )?
        .execute(&row[..])?;
        Ok(())
    }
}

/// Drops what touches the times before `from` and after `to`.
pub(super) fn cut(tx: &Transaction<'_>, app: i64, from: u64, to: u64) -> rusqlite::Result<()> {
    let Some(folded) = Folded::of(tx, app)? else {
        return Ok(());
    };
    let since = folded.since.max(from.div_ceil(DAY).saturating_mul(DAY));
    let until = folded.until.min(to / DAY * DAY);
    let left = match folded.until <= to {
        true => Folded { since, ..folded },
        false => Folded { since, until },
    };
    if left.since >= left.until {
        return forget(tx, app);
    }
    if left != folded {
        tx.prepare_cached(
            "DELETE FROM connection_past WHERE app = ?1 AND (at < ?2 OR at + length > ?3)",
        )?
        .execute((app, left.since as i64, left.until as i64))?;
        left.write(tx, app)?;
    }
    Ok(())
}

/// Drops all of it; what is left in the hours is folded again.
pub(super) fn forget(tx: &Transaction<'_>, app: i64) -> rusqlite::Result<()> {
    for table in ["connection_past", "connection_folded"] {
        tx.execute(&format!("DELETE FROM {table} WHERE app = ?"), [app])?;
    }
    Ok(())
}
