//! In which hours installations were there: what a run changes of it, and what is left when runs go.
//!
//! Distinct installations do not add up, but being there again does: in each hour in which an installation had a run it is counted
//! by how many hours ago it had one before. A range then holds as many installations as were there with the time before outside of
//! it. That is counted for each release, and for all of them as [`ANY`].

use super::delta::Sign;
use super::writer::Work;
use crate::store::varint::{Bytes, write};
use crate::store::{Span, issue_day::HOUR};
use rusqlite::{OptionalExtension, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// Stands for all releases; no word has this number.
pub(super) const ANY: i64 = 0;

/// By app, hour and release: by how many hours ago they were there before (0: never), how many more installations.
#[derive(Default)]
pub(super) struct Presence(BTreeMap<(i64, u64, i64), BTreeMap<u64, i64>>);

impl Presence {
    fn count(&mut self, (app, release): (i64, i64), hour: u64, before: Option<u64>, sign: i64) {
        let ago = before.map_or(0, |before| (hour / HOUR).saturating_sub(before / HOUR));
        let hour = self.0.entry((app, hour, release)).or_default();
        *hour.entry(ago).or_default() += sign;
    }

    /// Writes down what has changed.
    pub(super) fn write(self, tx: &Transaction<'_>) -> rusqlite::Result<()> {
        for (key, change) in self.0 {
            let known: Option<Vec<u8>> = tx
                .prepare_cached(
                    "SELECT installs FROM present WHERE app = ? AND at = ? AND release = ?",
                )?
                .query_row(key, |row| row.get(0))
                .optional()?;
            let mut sum: BTreeMap<u64, i64> = BTreeMap::new();
            for (ago, installs) in read(known.as_deref().unwrap_or_default()).chain(change) {
                *sum.entry(ago).or_default() += installs;
            }
            let packed = pack(&sum);
            if packed.is_empty() {
                tx.prepare_cached("DELETE FROM present WHERE app = ? AND at = ? AND release = ?")?
                    .execute(key)?;
            } else {
                let (app, at, release) = key;
                tx.prepare_cached(
                    "INSERT INTO present (app, at, release, installs) VALUES (?, ?, ?, ?)
                     ON CONFLICT DO UPDATE SET installs = excluded.installs",
                )?
                .execute((app, at, release, packed))?;
            }
        }
        Ok(())
    }
}

/// Pairs of varints: hours ago, installations.
fn pack(sum: &BTreeMap<u64, i64>) -> Vec<u8> {
    let mut packed = Vec::new();
    for (ago, installs) in sum {
        if let Some(installs) = u64::try_from(*installs).ok().filter(|count| *count > 0) {
            write(&mut packed, *ago);
            write(&mut packed, installs);
        }
    }
    packed
}

fn read(packed: &[u8]) -> impl Iterator<Item = (u64, i64)> {
    let mut bytes = Bytes(packed);
    std::iter::from_fn(move || {
        let (ago, installs) = (bytes.number()?, bytes.number()?);
        Some((ago, i64::try_from(installs).unwrap_or(i64::MAX)))
    })
}

/// A range of full hours.
pub(super) struct Hours {
    from: u64,
    to: u64,
}

impl Hours {
    /// The hours of a range that is made of full ones; its steps do not matter.
    pub(super) fn of(span: Span) -> Option<Self> {
        let full = |at: u64| at.is_multiple_of(HOUR) || at >= i64::MAX as u64;
        (full(span.from) && full(span.to)).then_some(Self {
            from: span.from,
            to: span.to,
        })
    }

    /// How many of an hour were not there before in the range.
    fn come_in(&self, hour: u64, packed: &[u8]) -> u64 {
        let since = (hour.saturating_sub(self.from)) / HOUR;
        let new = read(packed).filter(|(ago, _)| *ago == 0 || *ago > since);
        new.map(|(_, installs)| installs.unsigned_abs()).sum()
    }

    /// Distinct installations of the range, whatever their release.
    pub(super) fn installs(&self, db: &Transaction<'_>, app: i64) -> rusqlite::Result<u64> {
        let mut installs = 0;
        self.each(db, app, "= 0", |_, new| installs += new)?;
        Ok(installs)
    }

    /// Distinct installations of the range by release; that of all is [`ANY`].
    pub(super) fn by_release(
        &self,
        db: &Transaction<'_>,
        app: i64,
    ) -> rusqlite::Result<BTreeMap<i64, u64>> {
        let mut installs = BTreeMap::new();
        self.each(db, app, ">= 0", |release, new| {
            *installs.entry(release).or_default() += new;
        })?;
        Ok(installs)
    }

    fn each(
        &self,
        db: &Transaction<'_>,
        app: i64,
        releases: &str,
        mut each: impl FnMut(i64, u64),
    ) -> rusqlite::Result<()> {
        let limit = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
        let mut query = db.prepare_cached(&format!(
            "SELECT at, release, installs FROM present WHERE app = ? AND at >= ? AND at < ? AND release {releases}"
        ))?;
        let mut rows = query.query((app, limit(self.from), limit(self.to)))?;
        while let Some(row) = rows.next()? {
            each(
                row.get(1)?,
                self.come_in(row.get(0)?, row.get_ref(2)?.as_blob()?),
            );
        }
        Ok(())
    }
}

/// Whether an installation is there in the hour of `?3`, and when it was before and is after; then the same with the release `?4`.
const AROUND: &str = "SELECT
    EXISTS (SELECT 1 FROM run INDEXED BY run_pseudonym WHERE app = ?1 AND pseudonym = ?2 AND at >= ?3 AND at < ?3 + 3600),
    (SELECT at FROM run INDEXED BY run_pseudonym WHERE app = ?1 AND pseudonym = ?2 AND at < ?3 ORDER BY at DESC LIMIT 1),
    (SELECT at FROM run INDEXED BY run_pseudonym WHERE app = ?1 AND pseudonym = ?2 AND at >= ?3 + 3600 ORDER BY at LIMIT 1),
    EXISTS (SELECT 1 FROM run INDEXED BY run_pseudonym
        WHERE app = ?1 AND pseudonym = ?2 AND at >= ?3 AND at < ?3 + 3600 AND release = ?4),
    (SELECT at FROM run INDEXED BY run_pseudonym
        WHERE app = ?1 AND pseudonym = ?2 AND at < ?3 AND release = ?4 ORDER BY at DESC LIMIT 1),
    (SELECT at FROM run INDEXED BY run_pseudonym
        WHERE app = ?1 AND pseudonym = ?2 AND at >= ?3 + 3600 AND release = ?4 ORDER BY at LIMIT 1)";

/// Counts a run that is not written down yet.
pub(super) fn come(
    work: &mut Work<'_>,
    (app, who): (i64, &[u8]),
    (at, release): (i64, i64),
) -> rusqlite::Result<()> {
    type Around = (bool, Option<u64>, Option<u64>);
    let hour = at as u64 - at as u64 % HOUR;
    let (any, same): (Around, Around) =
        work.tx
            .prepare_cached(AROUND)?
            .query_row((app, who, hour, release), |row| {
                let around = |first| {
                    Ok::<_, rusqlite::Error>((
                        row.get(first)?,
                        row.get(first + 1)?,
                        row.get(first + 2)?,
                    ))
                };
                Ok((around(0)?, around(3)?))
            })?;
    for (release, (there, before, after)) in [(ANY, any), (release, same)] {
        if there {
            continue;
        }
        let presence = &mut work.deltas.presence;
        presence.count((app, release), hour, before, 1);
        if let Some(after) = after {
            // The time before is another one now.
            let after = after - after % HOUR;
            presence.count((app, release), after, before, -1);
            presence.count((app, release), after, Some(hour), 1);
        }
    }
    Ok(())
}

/// Counts all runs of an installation, or no longer counts them. Whoever removes or moves runs takes those of their installations out
/// before and adds what is left of them afterwards.
pub(super) fn count(work: &mut Work<'_>, app: i64, who: &[u8], sign: Sign) -> rusqlite::Result<()> {
    let tx = work.tx;
    let mut query = tx.prepare_cached(
        "SELECT at - at % 3600, release FROM run INDEXED BY run_pseudonym
         WHERE app = ? AND pseudonym = ? ORDER BY at",
    )?;
    let mut rows = query.query((app, who))?;
    let mut chain = Chain::default();
    while let Some(row) = rows.next()? {
        chain.add(
            &mut work.deltas.presence,
            app,
            (row.get(0)?, row.get(1)?),
            sign,
        );
    }
    Ok(())
}

/// As [`count`], of many.
pub(super) fn count_all(
    work: &mut Work<'_>,
    app: i64,
    whom: &BTreeSet<Vec<u8>>,
    sign: Sign,
) -> rusqlite::Result<()> {
    whom.iter().try_for_each(|who| count(work, app, who, sign))
}

/// When an installation was there last, by release, as its runs are gone through in the order of time.
#[derive(Default)]
struct Chain(BTreeMap<i64, u64>);

impl Chain {
    fn add(&mut self, presence: &mut Presence, app: i64, (hour, release): (u64, i64), sign: Sign) {
        let one = match sign {
            Sign::Add => 1,
            Sign::Take => -1,
        };
        for release in [ANY, release] {
            let before = self.0.insert(release, hour);
            if before != Some(hour) {
                presence.count((app, release), hour, before, one);
            }
        }
    }
}

/// Counts every run.
pub(super) fn fill(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let mut presence = Presence::default();
    let mut query = tx.prepare(
        "SELECT app, pseudonym, at - at % 3600, release FROM run INDEXED BY run_pseudonym ORDER BY app, pseudonym, at",
    )?;
    let mut rows = query.query([])?;
    let mut of: (i64, Vec<u8>) = (0, Vec::new());
    let mut chain = Chain::default();
    while let Some(row) = rows.next()? {
        let who = (row.get(0)?, row.get(1)?);
        if of != who {
            (of, chain) = (who, Chain::default());
        }
        chain.add(&mut presence, of.0, (row.get(2)?, row.get(3)?), Sign::Add);
    }
    presence.write(tx)
}
