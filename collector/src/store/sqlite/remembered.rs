//! What readers remember of the tables, as long as a stamp says that nothing in them has changed.

use super::class::{self, Class};
use super::read::{Decided, Text, installs_in};
use super::recent::Recent;
use super::spread::{self, Met, add_up, met_in, met_one};
use super::stamp;
use crate::store::issue_day::{DAY, Hours, Total};
use crate::store::{Dimension, Spreads, issue_count};
use candor_protocol::deidentify::Release;
use rusqlite::{OptionalExtension, Transaction};
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of days that are remembered: a month of 10,000 issues is some 10 MB.
const MOST: usize = 24 << 20;

/// Bytes of what is counted of issues in ranges: of 10,000 issues some 0.5 MB.
const MOST_SUMS: usize = 8 << 20;

/// What is counted of all issues in one day, in one class or whatever it is, packed.
struct Day {
    /// When it begins.
    at: u64,
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
    fn each(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.issues.iter().map(move |(issue, end)| {
            let hours = self.packed.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            (*issue as u64, hours)
        })
    }

    fn bytes(&self) -> usize {
        self.packed.len() + self.issues.len() * size_of::<(i64, u32)>()
    }
}

/// Bytes of who met what that are remembered: a week of 1,000,000 reports a month is some 5 MB.
const MOST_MET: usize = 16 << 20;

/// Bytes of what is searched of issues: of 10,000 some 3 MB.
const MOST_SAID: usize = 8 << 20;

/// Bytes of releases that first showed issues.
const MOST_FIRSTS: usize = 4 << 20;

/// Bytes of how many installations met issues that somebody waits for more of.
const MOST_WAITED: usize = 4 << 20;

/// So many days at the end of a range take new reports all the time; who met what in those before them is remembered as one sum.
const BUSY: usize = 3;

/// How many installations met issues.
type Installs = Vec<(u64, u64)>;

/// What is remembered, by whoever asks.
#[derive(Default)]
pub(super) struct Remembered(Mutex<Kept>);

struct Kept {
    /// By app, class and beginning.
    days: Recent<(i64, Class, u64), i64, Day>,
    /// By app, class and range, of the days in it or of all but the last of them.
    totals: Recent<(i64, Class, Hours, bool), Stamps, Totals>,
    /// By app.
    says: Recent<i64, i64, Says>,
    /// By app and day.
    firsts: Recent<(i64, u64), i64, Firsts>,
    /// By app.
    decided: HashMap<i64, (i64, Arc<Decided>)>,
    /// By app and day, as long as nothing else is waited for.
    waited: Recent<(i64, u64), (i64, Option<i64>), Installs>,
    /// Those of the last days, by app, dimension and range, and the day's beginning.
    met: Recent<(InDays, u64), i64, Vec<Met>>,
    /// Those of all days before.
    met_before: Recent<InDays, Stamps, Vec<Met>>,
    /// As long as no day and nothing decided has changed.
    spreads: Recent<InDays, (Stamps, Option<i64>), Spreads>,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            days: Recent::of(MOST),
            totals: Recent::of(MOST_SUMS),
            says: Recent::of(MOST_SAID),
            firsts: Recent::of(MOST_FIRSTS),
            decided: HashMap::new(),
            waited: Recent::of(MOST_WAITED),
            met: Recent::of(MOST_MET),
            met_before: Recent::of(MOST_MET),
            spreads: Recent::of(MOST_MET),
        }
    }
}

impl Remembered {
    /// What is counted of the issues of a class of an app in a day.
    fn day(
        &self,
        db: &Transaction<'_>,
        (app, class): (i64, Class),
        (at, stamp): (u64, i64),
    ) -> rusqlite::Result<Arc<Day>> {
        let key = ((app, class, at), Some(stamp));
        self.recall(
            |kept| &mut kept.days,
            key,
            Day::bytes,
            || Day::read(db, app, at, class),
        )
    }

    /// What is counted of each issue of a class in a range, if anything is.
    pub(super) fn totals(
        &self,
        db: &Transaction<'_>,
        app: i64,
        class: Class,
        hours: Hours,
    ) -> rusqlite::Result<Arc<Totals>> {
        let stamps = stamps(db, app, hours.days())?;
        // Something is counted in the last day all the time; in those before it much less.
        let Some((last, past)) = stamps.split_last() else {
            return Ok(Arc::default());
        };
        let add = |sums: &mut Sums, day: &(u64, i64)| -> rusqlite::Result<()> {
            add_day(sums, &*self.day(db, (app, class), *day)?, hours);
            Ok(())
        };
        let key = ((app, class, hours, true), Some(stamps.clone()));
        self.recall(
            |kept| &mut kept.totals,
            key,
            Totals::bytes,
            || {
                let key = ((app, class, hours, false), Some(past.to_vec()));
                let before = self.recall(
                    |kept| &mut kept.totals,
                    key,
                    Totals::bytes,
                    || {
                        let mut sums = Sums::new();
                        past.iter().try_for_each(|day| add(&mut sums, day))?;
                        Ok(Totals::of(sums))
                    },
                )?;
                let mut sums: Sums = before.each().collect();
                add(&mut sums, last)?;
                Ok(Totals::of(sums))
            },
        )
    }

    /// What is searched of all issues of an app. An issue comes with its first release and goes with its last one, and both change the
    /// stamp of what was said.
    pub(super) fn says(&self, db: &Transaction<'_>, app: i64) -> rusqlite::Result<Arc<Says>> {
        let key = (app, stamp_of_said(db, app)?);
        self.recall(
            |kept| &mut kept.says,
            key,
            Says::bytes,
            || Says::read(db, app),
        )
    }

    /// The release that showed each of these issues first, by when each was first seen; with times rounded to the hour there can be several
    /// releases, and this is the earliest.
    pub(super) fn firsts(
        &self,
        db: &Transaction<'_>,
        app: i64,
        day: u64,
    ) -> rusqlite::Result<Arc<Firsts>> {
        let stamp = stamps(db, app, (day, day + DAY))?;
        let stamp = stamp.first().map(|(_, stamp)| *stamp);
        let bytes = |firsts: &Firsts| firsts.len() * size_of::<(u64, Release)>() * 2;
        self.recall(
            |kept| &mut kept.firsts,
            ((app, day), stamp),
            bytes,
            || first_releases(db, app, day),
        )
    }

    /// How installations that met issues spread over the classes of a dimension, in the days from one moment to another.
    pub(super) fn spreads(
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
        self.recall(
            |kept| &mut kept.spreads,
            (key, Some(stamp)),
            Spreads::bytes,
            || {
                let bytes = |met: &Vec<Met>| size_of_val(&met[..]);
                let (past, last) = days.split_at(days.len().saturating_sub(BUSY));
                let before = self.recall(
                    |kept| &mut kept.met_before,
                    (key, Some(past.to_vec())),
                    bytes,
                    || {
                        let mut met = Vec::new();
                        for (at, _) in past {
                            met.extend(met_in(db, app, dimension, *at, range)?);
                            spread::sum(&mut met);
                        }
                        met.shrink_to_fit();
                        Ok(met)
                    },
                )?;
                let mut met = before.to_vec();
                for (at, stamp) in last {
                    let of_day = self.recall(
                        |kept| &mut kept.met,
                        ((key, *at), Some(*stamp)),
                        bytes,
                        || met_in(db, app, dimension, *at, range),
                    )?;
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
                spread::sum(&mut met);
                add_up(db, met)
            },
        )
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

    /// How many installations met each of the issues that are ignored until there are more, ever; those that were merged are left out.
    pub(super) fn waited(
        &self,
        db: &Transaction<'_>,
        app: i64,
        decided: &Decided,
    ) -> rusqlite::Result<HashMap<u64, u64>> {
        let mut waited: HashMap<u64, u64> = decided.waiting.iter().map(|one| (*one, 0)).collect();
        if waited.is_empty() {
            return Ok(waited);
        }
        let said = stamp_of_said(db, app)?;
        for (day, stamp) in stamps(db, app, (0, i64::MAX as u64))? {
            let of_day = self.recall(
                |kept| &mut kept.waited,
                ((app, day), Some((stamp, said))),
                |installs| size_of_val(&installs[..]),
                || installs_in(db, app, day, &decided.waiting),
            )?;
            for (issue, installs) in of_day.iter() {
                *waited.entry(*issue).or_default() += installs;
            }
        }
        Ok(waited)
    }

    /// What is kept under a key and a stamp. Where nothing is, it is read, and where there is a stamp, kept from then on.
    fn recall<K: Copy + Eq + Hash, S: PartialEq, T>(
        &self,
        of: fn(&mut Kept) -> &mut Recent<K, S, T>,
        (key, stamp): (K, Option<S>),
        bytes: fn(&T) -> usize,
        read: impl FnOnce() -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Arc<T>> {
        let known = |stamp: &S| self.with(|kept| of(kept).get(&key, stamp));
        if let Some(known) = stamp.as_ref().and_then(known) {
            return Ok(known);
        }
        let what = Arc::new(read()?);
        if let Some(stamp) = stamp {
            let bytes = bytes(&what);
            self.with(|kept| of(kept).keep(key, stamp, what.clone(), bytes));
        }
        Ok(what)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What is counted of issues, under way.
type Sums = HashMap<u64, Total>;

/// Adds what lies in the range.
fn add_day(sums: &mut Sums, day: &Day, hours: Hours) {
    for (id, packed) in day.each() {
        let total = hours.total(day.at, packed, |_, _| {});
        sums.entry(id).or_default().add(total);
    }
}

/// What is counted of each issue in a range, by its number.
#[derive(Debug, Default)]
pub(super) struct Totals(Vec<(u64, Total)>);

impl Totals {
    fn of(sums: Sums) -> Self {
        let mut totals: Vec<(u64, Total)> = sums.into_iter().collect();
        totals.retain(|(_, total)| *total != Total::default());
        totals.sort_unstable_by_key(|(id, _)| *id);
        totals.shrink_to_fit();
        Self(totals)
    }

    pub(super) fn each(&self) -> impl Iterator<Item = (u64, Total)> {
        self.0.iter().copied()
    }

    /// What is counted of one.
    pub(super) fn of_issue(&self, issue: u64) -> Total {
        let place = self.0.binary_search_by_key(&issue, |(id, _)| *id);
        let found = place.ok().and_then(|place| self.0.get(place));
        found.map_or_else(Total::default, |(_, total)| *total)
    }

    fn bytes(&self) -> usize {
        size_of_val(&self.0[..])
    }
}

/// What is searched of issues, in small letters.
pub(super) struct Says {
    /// Issues, and where what each says ends.
    issues: Vec<(u64, u32)>,
    text: Vec<u8>,
}

impl Says {
    fn read(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Self> {
        let mut query =
            db.prepare_cached("SELECT id, says FROM issue INDEXED BY issue_says WHERE app = ?")?;
        let mut rows = query.query([app])?;
        let (mut issues, mut text) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            text.extend_from_slice(row.get_ref(1)?.as_bytes()?);
            issues.push((row.get::<_, i64>(0)? as u64, text.len() as u32));
        }
        issues.shrink_to_fit();
        text.shrink_to_fit();
        Ok(Self { issues, text })
    }

    /// Each issue, and what it says.
    pub(super) fn each(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let mut start = 0;
        self.issues.iter().map(move |(issue, end)| {
            let says = self.text.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            (*issue, says)
        })
    }

    fn bytes(&self) -> usize {
        self.text.len() + size_of_val(&self.issues[..])
    }
}

/// Issues that were first seen in a day, and the release that showed each.
pub(super) type Firsts = HashMap<u64, Release>;

fn first_releases(db: &Transaction<'_>, app: i64, day: u64) -> rusqlite::Result<Firsts> {
    let mut query = db.prepare_cached(
        "SELECT DISTINCT i.id, word.text FROM issue AS i INDEXED BY issue_seen
         CROSS JOIN issue_count AS c ON c.app = i.app AND c.issue = i.id AND c.at = i.first_seen
         CROSS JOIN word ON word.id = c.release
         WHERE i.app = ? AND i.first_seen >= ? AND i.first_seen < ?",
    )?;
    let mut rows = query.query((app, day, day + DAY))?;
    let mut firsts = Firsts::new();
    while let Some(row) = rows.next()? {
        let Text(release): Text<Release> = row.get(1)?;
        match firsts.entry(row.get::<_, i64>(0)? as u64) {
            Entry::Vacant(none) => {
                none.insert(release);
            }
            Entry::Occupied(mut known) => {
                let both = [known.get(), &release];
                if issue_count::earliest(both.into_iter()) == Some(&release) {
                    known.insert(release);
                }
            }
        }
    }
    Ok(firsts)
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
