//! What readers remember of the tables, as long as a stamp says that nothing in them has changed.

use super::class::{self, Class};
use super::read::Decided;
use super::recent::Recent;
use super::spread::{Met, Spreads, met_in, met_one};
use super::stamp;
use crate::store::Dimension;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of days that are remembered: a month of 10,000 issues is some 10 MB.
const MOST: usize = 32 << 20;

/// What is counted of all issues in one day, in one class or whatever it is, packed.
pub(super) struct Day {
    /// When it begins.
    pub(super) at: u64,
    /// Issues in the order of their numbers in the table, and where what is counted of each ends.
    issues: Vec<(i64, u32)>,
    packed: Vec<u8>,
}

impl Day {
    fn read(db: &Transaction<'_>, app: i64, day: u64, class: Class) -> rusqlite::Result<Self> {
        let mut query = db.prepare_cached(match class {
            Class::ALL => {
                "SELECT issue, hours FROM issue_day WHERE app = ? AND day = ? ORDER BY issue"
            }
            _ => "SELECT issue, classes FROM issue_day WHERE app = ? AND day = ? ORDER BY issue",
        })?;
        let mut rows = query.query((app, day))?;
        let (mut issues, mut packed) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let stored = row.get_ref(1)?.as_blob()?;
            let hours = match class {
                Class::ALL => stored,
                class => class::find(stored, class),
            };
            if !hours.is_empty() {
                packed.extend_from_slice(hours);
                issues.push((row.get(0)?, packed.len() as u32));
            }
        }
        issues.shrink_to_fit();
        packed.shrink_to_fit();
        Ok(Self {
            at: day,
            issues,
            packed,
        })
    }

    /// Each issue, and what is counted of it.
    pub(super) fn each(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.issues.iter().map(move |(issue, end)| {
            let hours = self.packed.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            (*issue as u64, hours)
        })
    }

    /// What is counted of an issue.
    pub(super) fn of(&self, issue: u64) -> &[u8] {
        let place = self
            .issues
            .binary_search_by_key(&(issue as i64), |(issue, _)| *issue);
        let Ok(place) = place else { return &[] };
        let end = |place: usize| self.issues.get(place).map_or(0, |(_, end)| *end as usize);
        let start = place.checked_sub(1).map_or(0, end);
        self.packed.get(start..end(place)).unwrap_or_default()
    }

    fn bytes(&self) -> usize {
        self.packed.len() + self.issues.len() * size_of::<(i64, u32)>()
    }
}

/// Bytes of who met what that are remembered: a week of 1,000,000 reports a month is some 5 MB.
const MOST_MET: usize = 24 << 20;

/// What is remembered, by whoever asks.
#[derive(Default)]
pub(super) struct Remembered(Mutex<Kept>);

struct Kept {
    /// By app, class and beginning.
    days: Recent<(i64, Class, u64), i64, Day>,
    /// By app.
    decided: HashMap<i64, (i64, Arc<Decided>)>,
    /// Those of days, by app, dimension and range, and the day's beginning.
    met: Recent<(InDays, u64), i64, Vec<Met>>,
    /// As long as no day and nothing decided has changed.
    spreads: Recent<InDays, (Stamps, Option<i64>), Spreads>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            days: Recent::of(MOST),
            decided: HashMap::new(),
            met: Recent::of(MOST_MET),
            spreads: Recent::of(MOST_MET),
        }
    }
}

impl Remembered {
    /// The days of a class of an app, from one moment to another, in which something is counted of issues.
    pub(super) fn days(
        &self,
        db: &Transaction<'_>,
        app: i64,
        class: Class,
        range: (u64, u64),
    ) -> rusqlite::Result<Vec<Arc<Day>>> {
        let days = stamps(db, app, range)?.into_iter().map(|(at, stamp)| {
            let key = (app, class, at);
            if let Some(day) = self.with(|kept| kept.days.get(&key, &stamp)) {
                return Ok(day);
            }
            let day = Arc::new(Day::read(db, app, at, class)?);
            let bytes = day.bytes();
            self.with(|kept| kept.days.keep(key, stamp, day.clone(), bytes));
            Ok(day)
        });
        days.collect()
    }

    /// How installations that met issues spread over the classes of a dimension, in the days from one moment to another.
    pub(super) fn spread(
        &self,
        db: &Transaction<'_>,
        app: i64,
        dimension: Dimension,
        range: (u64, u64),
    ) -> rusqlite::Result<Arc<Spreads>> {
        let decided = self.decided(db, app)?;
        let days = stamps(db, app, range)?;
        let key = (app, dimension, range);
        let stamp = (days.clone(), stamp_of_said(db, app)?);
        if let Some(spread) = self.with(|kept| kept.spreads.get(&key, &stamp)) {
            return Ok(spread);
        }
        let mut met = Vec::new();
        for (at, stamp) in days {
            let known = self.with(|kept| kept.met.get(&(key, at), &stamp));
            let of_day = match known {
                Some(known) => known,
                None => {
                    let read = Arc::new(met_in(db, app, dimension, at, range)?);
                    let bytes = size_of_val(&read[..]);
                    self.with(|kept| kept.met.keep((key, at), stamp, read.clone(), bytes));
                    read
                }
            };
            met.extend_from_slice(&of_day);
        }
        // Who met two issues that are one now is one of its installations.
        let marks = &decided.marks;
        let mut merged = BTreeSet::new();
        met.retain(|met| {
            let root = marks.root(met.issue);
            let alone = root == met.issue && marks.merged(root) == 0;
            if !alone {
                merged.insert(root);
            }
            alone
        });
        for root in merged {
            met.extend(met_one(db, app, dimension, &marks.family(root), range)?);
        }
        let spread = Arc::new(Spreads::of(met));
        let bytes = spread.bytes();
        self.with(|kept| kept.spreads.keep(key, stamp, spread.clone(), bytes));
        Ok(spread)
    }

    /// What was said about the issues of an app, and which of them are done with.
    pub(super) fn decided(&self, db: &Transaction<'_>, app: i64) -> rusqlite::Result<Arc<Decided>> {
        let stamp = stamp_of_said(db, app)?;
        let known = self.with(|kept| {
            let (known, what) = kept.decided.get(&app)?;
            (Some(*known) == stamp).then(|| what.clone())
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let what = Arc::new(Decided::read(db, app)?);
        if let Some(stamp) = stamp {
            self.with(|kept| kept.decided.insert(app, (stamp, what.clone())));
        }
        Ok(what)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// App, dimension, and the days from the first to before the second.
type InDays = (i64, Dimension, (u64, u64));

/// Days, each with its stamp.
type Stamps = Vec<(u64, i64)>;

/// The days from one moment to another in which something is counted of issues.
fn stamps(db: &Transaction<'_>, app: i64, (from, to): (u64, u64)) -> rusqlite::Result<Stamps> {
    let mut query = db.prepare_cached(
        "SELECT day, stamp FROM stamp WHERE app = ? AND about = ? AND day >= ? AND day < ? ORDER BY day",
    )?;
    let stamps = query.query_map((app, stamp::DAY, from as i64, to as i64), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    stamps.collect()
}

fn stamp_of_said(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT stamp FROM stamp WHERE app = ? AND about = ? AND day = 0")?
        .query_row((app, stamp::SAID), |row| row.get(0))
        .optional()
}
