//! What readers remember of the tables, as long as a stamp says that nothing in them has changed.

use super::read::Decided;
use super::stamp;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of days that are remembered: a month of 10,000 issues is some 10 MB.
const MOST: usize = 32 << 20;

/// What is counted of all issues in one day, packed.
pub(super) struct Day {
    /// When it begins.
    pub(super) at: u64,
    /// Issues in the order of their numbers in the table, and where what is counted of each ends.
    issues: Vec<(i64, u32)>,
    packed: Vec<u8>,
}

impl Day {
    fn read(db: &Transaction<'_>, app: i64, day: u64) -> rusqlite::Result<Self> {
        let mut query = db.prepare_cached(
            "SELECT issue, hours FROM issue_day WHERE app = ? AND day = ? ORDER BY issue",
        )?;
        let mut rows = query.query((app, day))?;
        let (mut issues, mut packed) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            packed.extend_from_slice(row.get_ref(1)?.as_blob()?);
            issues.push((row.get(0)?, packed.len() as u32));
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

/// What is remembered, by whoever asks.
#[derive(Default)]
pub(super) struct Remembered(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    /// By app and beginning.
    days: HashMap<(i64, u64), Kin<Day>>,
    /// By app.
    decided: HashMap<i64, Kin<Decided>>,
    /// Counts questions.
    now: u64,
}

/// Something with the stamp that it was read under, and when it was last asked for.
struct Kin<T> {
    stamp: i64,
    used: u64,
    what: Arc<T>,
}

impl Remembered {
    /// The days of an app from one moment to another in which something is counted of issues.
    pub(super) fn days(
        &self,
        db: &Transaction<'_>,
        app: i64,
        (from, to): (u64, u64),
    ) -> rusqlite::Result<Vec<Arc<Day>>> {
        let mut query = db.prepare_cached(
            "SELECT day, stamp FROM stamp WHERE app = ? AND about = ? AND day >= ? AND day < ?",
        )?;
        let stamps = query.query_map((app, stamp::DAY, from as i64, to as i64), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        let mut days = Vec::new();
        for stamp in stamps {
            let (at, stamp) = stamp?;
            let known = self.with(|kept| {
                kept.now += 1;
                let now = kept.now;
                let day = kept.days.get_mut(&(app, at))?;
                day.used = now;
                (day.stamp == stamp).then(|| day.what.clone())
            });
            days.push(match known {
                Some(day) => day,
                None => {
                    let day = Arc::new(Day::read(db, app, at)?);
                    self.with(|kept| kept.keep(app, stamp, day.clone()));
                    day
                }
            });
        }
        Ok(days)
    }

    /// What was said about the issues of an app, and which of them are done with.
    pub(super) fn decided(&self, db: &Transaction<'_>, app: i64) -> rusqlite::Result<Arc<Decided>> {
        let stamp: Option<i64> = db
            .prepare_cached("SELECT stamp FROM stamp WHERE app = ? AND about = ? AND day = 0")?
            .query_row((app, stamp::SAID), |row| row.get(0))
            .optional()?;
        let known = self.with(|kept| {
            let known = kept.decided.get(&app)?;
            (Some(known.stamp) == stamp).then(|| known.what.clone())
        });
        if let Some(known) = known {
            return Ok(known);
        }
        let what = Arc::new(Decided::read(db, app)?);
        if let Some(stamp) = stamp {
            let known = Kin {
                stamp,
                used: 0,
                what: what.clone(),
            };
            self.with(|kept| kept.decided.insert(app, known));
        }
        Ok(what)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Kept {
    fn keep(&mut self, app: i64, stamp: i64, day: Arc<Day>) {
        let used = self.now;
        let key = (app, day.at);
        self.days.insert(
            key,
            Kin {
                stamp,
                used,
                what: day,
            },
        );
        let mut bytes: usize = self.days.values().map(|day| day.what.bytes()).sum();
        while bytes > MOST {
            let oldest = self.days.iter().min_by_key(|(_, day)| day.used);
            let Some((&oldest, _)) = oldest else { break };
            let gone = self.days.remove(&oldest);
            bytes -= gone.map_or(0, |day| day.what.bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_that_nobody_asked_for_for_long_are_forgotten_when_there_are_too_many() {
        let mut kept = Kept::default();
        for at in 0..5 {
            kept.now += 1;
            let packed = vec![0; MOST / 4];
            let issues = Vec::new();
            kept.keep(1, 0, Arc::new(Day { at, issues, packed }));
        }
        let mut left: Vec<u64> = kept.days.keys().map(|(_, at)| *at).collect();
        left.sort_unstable();
        assert_eq!(left, [1, 2, 3, 4]);
    }
}
