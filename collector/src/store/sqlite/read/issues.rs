//! Lists of issues.
//!
//! First all issues are counted as far as the order needs it, from what is counted of them by day, and where that is not fine enough each
//! of those again from its cells; then the rows of one page are filled.

use super::{Decided, Text, bounds, triage};
use crate::store::issue_count::IssueCount;
use crate::store::issue_day::{DAY, Hours, Total};
use crate::store::issue_list::{Entry, rising};
use crate::store::sqlite::class::{self, Class};
use crate::store::sqlite::remembered::{Firsts, Remembered};
use crate::store::sqlite::stamp;
use crate::store::triage::Marks;
use crate::store::{
    Dimension, IssueFilter, IssueId, IssueKind, IssueList, IssueRow, Reach, ReachList, Span,
    issue_count,
};
use candor_protocol::deidentify::Release;
use memchr::memmem::Finder;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Transaction, params_from_iter};
use std::collections::hash_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub(in super::super) fn issues(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
    known: &Remembered,
) -> rusqlite::Result<IssueList> {
    let Listed {
        decided,
        counts,
        entries,
        total,
        ..
    } = list(db, app, filter, known)?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.extend(row(db, app, entry, filter.span, &counts, &decided.marks)?);
    }
    Ok(IssueList { rows, total })
}

pub(in super::super) fn reach(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
    known: &Remembered,
) -> rusqlite::Result<ReachList> {
    let Listed {
        decided,
        counts,
        totals,
        entries,
        total,
    } = list(db, app, filter, known)?;
    let mut rows = Vec::with_capacity(entries.len());
    let mut firsts = FirstDays::new(db, app, known);
    for entry in entries {
        let family = decided.marks.family(entry.id);
        let first = match &family[..] {
            [one] => firsts.of(entry.first_seen)?.get(one).cloned(),
            many => {
                issue_count::earliest(releases(db, app, many, entry.first_seen)?.iter()).cloned()
            }
        };
        let runs = match totals.get(&entry.id) {
            Some(total) if counts.exact && family.len() == 1 => total.runs,
            _ => distinct(db, app, &family, filter.span, &counts.classes)?.0,
        };
        rows.extend(first.map(|first_release| Reach {
            id: IssueId(entry.id),
            runs,
            first_release,
        }));
    }
    Ok(ReachList { rows, total })
}

/// What is on a page of a list, before its rows are filled.
struct Listed {
    decided: Arc<Decided>,
    counts: Counts,
    /// What is counted of every issue that may be listed.
    totals: HashMap<u64, Total>,
    entries: Vec<Entry>,
    /// On all pages.
    total: u64,
}

fn list(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
    known: &Remembered,
) -> rusqlite::Result<Listed> {
    let decided = known.decided(db, app)?;
    let marks = &decided.marks;
    let counts = Counts::of(db, filter)?;
    let wanted = wanted(db, app, filter, known)?;
    // Of issues that are one it is enough that one of them says it.
    let wanted: Option<HashSet<u64>> =
        wanted.map(|wanted| wanted.into_iter().map(|id| marks.root(id)).collect());
    let mut entries = Vec::new();
    let waited = known.waited(db, app, &decided)?;
    let totals = counts.all(db, app, filter, known, marks, wanted.as_ref())?;
    for (&id, total) in &totals {
        entries.push(Entry {
            id,
            kind: IssueKind::Crash,
            reports: total.reports,
            fatal: total.fatal,
            late: total.late,
            installs: total.installs,
            first_seen: 0,
            last_seen: 0,
            state: decided.state(db, app, id, filter.now, &waited)?,
            assignee: marks.assignee(id).cloned(),
        });
    }
    if filter.asks_seen() {
        see(db, app, &mut entries, marks)?;
    }
    entries.retain(|entry| filter.takes(entry));
    if filter.asks_installs() {
        counts.meet(db, app, filter, &mut entries, marks)?;
    }
    let total = entries.len() as u64;
    if !filter.asks_seen() {
        filter.lead(&mut entries);
        see(db, app, &mut entries, marks)?;
    }
    let (entries, _) = filter.page(entries);
    Ok(Listed {
        decided,
        counts,
        totals,
        entries,
        total,
    })
}

/// How many issues of a range were first seen in each release.
pub(in super::super) fn new_by_release(
    db: &Transaction<'_>,
    app: i64,
    span: Span,
    known: &Remembered,
) -> rusqlite::Result<BTreeMap<Release, u64>> {
    let decided = known.decided(db, app)?;
    let filter = IssueFilter::all(span, 0);
    let counts = Counts::of(db, &filter)?;
    let roots = counts.all(db, app, &filter, known, &decided.marks, None)?;
    // When each issue was first seen, and as which ones that are one now.
    let mut first: HashMap<u64, (u64, Vec<u64>)> = HashMap::new();
    let mut query =
        db.prepare_cached("SELECT id, first_seen FROM issue INDEXED BY issue_seen WHERE app = ?")?;
    let mut rows = query.query([app])?;
    while let Some(row) = rows.next()? {
        let (id, at) = (row.get::<_, i64>(0)? as u64, row.get(1)?);
        let root = decided.marks.root(id);
        if !roots.contains_key(&root) {
            continue;
        }
        let (seen, ids) = first.entry(root).or_insert((at, Vec::new()));
        if at < *seen {
            (*seen, *ids) = (at, Vec::new());
        }
        if at == *seen {
            ids.push(id);
        }
    }
    let mut days = FirstDays::new(db, app, known);
    let mut new: BTreeMap<Release, u64> = BTreeMap::new();
    for (at, ids) in first.into_values() {
        let firsts = days.of(at)?;
        let releases = ids.iter().filter_map(|id| firsts.get(id));
        if let Some(earliest) = issue_count::earliest(releases) {
            match new.get_mut(earliest) {
                Some(issues) => *issues += 1,
                None => {
                    new.insert(earliest.clone(), 1);
                }
            }
        }
    }
    Ok(new)
}

/// The releases that showed issues first, day by day as far as they are asked for.
struct FirstDays<'a> {
    db: &'a Transaction<'a>,
    app: i64,
    known: &'a Remembered,
    days: HashMap<u64, Arc<Firsts>>,
}

impl<'a> FirstDays<'a> {
    fn new(db: &'a Transaction<'a>, app: i64, known: &'a Remembered) -> Self {
        Self {
            db,
            app,
            known,
            days: HashMap::new(),
        }
    }

    /// Those of all issues that were first seen in the day of a moment.
    fn of(&mut self, at: u64) -> rusqlite::Result<&Firsts> {
        let day = at - at % DAY;
        Ok(match self.days.entry(day) {
            Occupied(known) => known.into_mut(),
            Vacant(unknown) => unknown.insert(self.known.firsts(self.db, self.app, day)?),
        })
    }
}

/// What issues are counted by: the days of one class or of all, as exact as full hours of them can be, or else cells and reports.
struct Counts {
    /// Those that range and classes are counted in, exactly or more than those.
    hours: Hours,
    /// The class whose days are read; none where nobody was ever in it.
    class: Option<Class>,
    classes: Classes,
    /// Whether days say exactly what is asked for.
    exact: bool,
}

impl Counts {
    fn of(db: &Transaction<'_>, filter: &IssueFilter) -> rusqlite::Result<Self> {
        let classes = Classes::of(filter);
        let hours = Hours::of(filter.span);
        let exact = hours.is_some() && classes.values.len() <= 1;
        Ok(Self {
            hours: hours.unwrap_or_else(|| Hours::around(filter.span)),
            class: classes.first(db)?,
            classes,
            exact,
        })
    }

    /// What is counted of every issue, or of these, whatever was merged into each included. Of those that were merged, installations
    /// are not known yet, and of cells they never are.
    fn all(
        &self,
        db: &Transaction<'_>,
        app: i64,
        filter: &IssueFilter,
        known: &Remembered,
        marks: &Marks,
        wanted: Option<&HashSet<u64>>,
    ) -> rusqlite::Result<HashMap<u64, Total>> {
        let Some(class) = self.class else {
            return Ok(HashMap::new());
        };
        let totals = known.totals(db, app, class, self.hours)?;
        let mut roots: HashMap<u64, Total> = HashMap::new();
        match wanted {
            None => {
                for (id, total) in totals.each() {
                    roots.entry(marks.root(id)).or_default().add(total);
                }
            }
            Some(wanted) => {
                for root in wanted {
                    let mut sum = Total::default();
                    for id in marks.family(*root).iter() {
                        sum.add(totals.of_issue(*id));
                    }
                    roots.insert(*root, sum);
                }
            }
        }
        roots.retain(|_, total| total.reports > 0);
        if !self.exact {
            for (root, total) in &mut roots {
                *total = cells(db, app, &marks.family(*root), filter.span, &self.classes)?;
            }
            roots.retain(|_, total| total.reports > 0);
        }
        Ok(roots)
    }

    /// Counts how many installations met each of these issues, where that is not known yet.
    fn meet(
        &self,
        db: &Transaction<'_>,
        app: i64,
        filter: &IssueFilter,
        entries: &mut [Entry],
        marks: &Marks,
    ) -> rusqlite::Result<()> {
        for entry in entries {
            if !self.exact || marks.merged(entry.id) > 0 {
                let family = marks.family(entry.id);
                (_, entry.installs) = distinct(db, app, &family, filter.span, &self.classes)?;
            }
        }
        Ok(())
    }
}

/// The classes that are asked for, as SQL and its values.
#[derive(Default)]
struct Classes {
    sql: String,
    values: Vec<Value>,
    first: Option<(Dimension, String)>,
}

impl Classes {
    fn of(filter: &IssueFilter) -> Self {
        let mut classes = Self::default();
        for dimension in Dimension::ALL {
            if let Some(class) = filter.class(dimension) {
                let column = dimension.as_str();
                classes.sql += &format!(" AND {column} = (SELECT id FROM word WHERE text = ?)");
                classes.values.push(Value::from(class.to_owned()));
                let first = classes.first.take();
                classes.first = first.or_else(|| Some((dimension, class.to_owned())));
            }
        }
        classes
    }

    /// The first class that is asked for, or all; `None` where nobody was ever in it.
    fn first(&self, db: &Transaction<'_>) -> rusqlite::Result<Option<Class>> {
        let Some((dimension, class)) = &self.first else {
            return Ok(Some(Class::ALL));
        };
        let id = db
            .prepare_cached("SELECT id FROM word WHERE text = ?")?
            .query_row([class], |row| row.get(0))
            .optional()?;
        Ok(id.map(|id| Class::of(*dimension, id)))
    }

    /// The values of a statement that asks for a range and the classes.
    fn values(&self, first: &[i64]) -> Vec<Value> {
        let first = first.iter().copied().map(Value::from);
        first.chain(self.values.iter().cloned()).collect()
    }
}

/// What cells say of issues that are one; nothing of installations and runs.
fn cells(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    span: Span,
    classes: &Classes,
) -> rusqlite::Result<Total> {
    let (from, to) = bounds(span);
    let middle = i64::try_from(span.middle()).unwrap_or(i64::MAX);
    let (among, values) = among(family, classes, [app, from, to]);
    let mut query = db.prepare_cached(&format!(
        "SELECT at, reports, fatal FROM issue_count WHERE app = ? AND at >= ? AND at < ? AND issue {among}{}",
        classes.sql
    ))?;
    let mut rows = query.query(params_from_iter(&values))?;
    let mut total = Total::default();
    while let Some(row) = rows.next()? {
        let reports: u64 = row.get(1)?;
        total.reports += reports;
        total.fatal += row.get::<_, u64>(2)?;
        if row.get::<_, i64>(0)? >= middle {
            total.late += reports;
        }
    }
    Ok(total)
}

/// Issues that say what is asked for; `None` where nothing is.
fn wanted(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
    known: &Remembered,
) -> rusqlite::Result<Option<HashSet<u64>>> {
    let mut which = String::new();
    let mut values = vec![Value::from(app)];
    if let Some(own) = filter.own {
        which += " AND own = ?";
        values.push(Value::from(i64::from(own)));
    }
    if let Some(culprit) = &filter.culprit {
        which += " AND culprit = ?";
        values.push(Value::from(culprit.clone()));
    }
    let mut wanted: Option<HashSet<u64>> = None;
    if !which.is_empty() {
        let mut query = db.prepare_cached(&format!("SELECT id FROM issue WHERE app = ?{which}"))?;
        let ids = query.query_map(params_from_iter(values), |row| {
            Ok(row.get::<_, i64>(0)? as u64)
        })?;
        wanted = Some(ids.collect::<rusqlite::Result<_>>()?);
    }
    let words = filter.words();
    if !words.is_empty() {
        let mut found = search(db, app, &words, known)?;
        if let Some(wanted) = wanted {
            found.retain(|id| wanted.contains(id));
        }
        wanted = Some(found);
    }
    Ok(wanted)
}

/// Issues that say all of these words. SQLite's own search compares at every letter, which takes most of the time of a page.
fn search(
    db: &Transaction<'_>,
    app: i64,
    words: &[String],
    known: &Remembered,
) -> rusqlite::Result<HashSet<u64>> {
    let words: Vec<Finder<'_>> = words.iter().map(Finder::new).collect();
    let says = known.says(db, app)?;
    let found = says
        .each()
        .filter(|(_, says)| words.iter().all(|word| word.find(says).is_some()));
    Ok(found.map(|(id, _)| id).collect())
}

/// Tells of these issues their kind, and when they were first and last seen. One that is not there any more is left out.
fn see(
    db: &Transaction<'_>,
    app: i64,
    entries: &mut Vec<Entry>,
    marks: &Marks,
) -> rusqlite::Result<()> {
    let seen = match entries.len() > SOME {
        true => seen_all(db, app)?,
        false => {
            let ids = entries.iter().flat_map(|entry| marks.family(entry.id));
            seen(db, app, ids)?
        }
    };
    entries.retain_mut(|entry| {
        let family = marks.family(entry.id);
        let all = family.iter().filter_map(|member| seen.get(member).copied());
        let both = |(kind, first, last): Sight, (_, early, late): Sight| {
            (kind, first.min(early), last.max(late))
        };
        let Some((kind, first, last)) = all.reduce(both) else {
            return false;
        };
        (entry.kind, entry.first_seen, entry.last_seen) = (kind, first, last);
        true
    });
    Ok(())
}

/// So many issues are asked about one by one; more are faster read in a row.
const SOME: usize = 1_000;

/// The kind of an issue, and when it was first and last seen.
type Sight = (IssueKind, u64, u64);

fn seen_all(db: &Transaction<'_>, app: i64) -> rusqlite::Result<HashMap<u64, Sight>> {
    let mut query = db.prepare_cached(
        "SELECT id, kind, first_seen, last_seen FROM issue INDEXED BY issue_seen WHERE app = ?",
    )?;
    let rows = query.query_map([app], |row| {
        let id: i64 = row.get(0)?;
        let Text(kind) = row.get(1)?;
        Ok((id as u64, (kind, row.get(2)?, row.get(3)?)))
    })?;
    rows.collect()
}

fn seen(
    db: &Transaction<'_>,
    app: i64,
    ids: impl Iterator<Item = u64>,
) -> rusqlite::Result<HashMap<u64, Sight>> {
    let mut query = db.prepare_cached(
        "SELECT kind, first_seen, last_seen FROM issue INDEXED BY issue_seen WHERE app = ? AND id = ?",
    )?;
    let mut seen = HashMap::new();
    for id in ids {
        let mut rows = query.query((app, id as i64))?;
        if let Some(row) = rows.next()? {
            let Text(kind) = row.get(0)?;
            seen.insert(id, (kind, row.get(1)?, row.get(2)?));
        }
    }
    Ok(seen)
}

/// One issue's row, whether or not it has a report in the range and of the classes that are asked for.
pub(super) fn one(
    db: &Transaction<'_>,
    app: i64,
    id: u64,
    filter: &IssueFilter,
    decided: &Decided,
) -> rusqlite::Result<Option<IssueRow>> {
    let marks = &decided.marks;
    let mut entry = vec![Entry {
        id,
        kind: IssueKind::Crash,
        reports: 0,
        fatal: 0,
        late: 0,
        installs: 0,
        first_seen: 0,
        last_seen: 0,
        state: decided.state(db, app, id, filter.now, &HashMap::new())?,
        assignee: marks.assignee(id).cloned(),
    }];
    see(db, app, &mut entry, marks)?;
    match entry.pop() {
        Some(entry) => {
            let counts = Counts::of(db, filter)?;
            row(db, app, entry, filter.span, &counts, marks)
        }
        None => Ok(None),
    }
}

/// How many runs and installations met these issues, by their reports.
fn distinct(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    span: Span,
    classes: &Classes,
) -> rusqlite::Result<(u64, u64)> {
    let (from, to) = bounds(span);
    // Most issues are alone, and their statements are prepared once.
    let (among, values) = among(family, classes, [app, from, to]);
    db.prepare_cached(&format!(
        "SELECT count(DISTINCT run), count(DISTINCT pseudonym) FROM report INDEXED BY report_issue
         WHERE app = ? AND at >= ? AND at < ? AND issue {among}{}",
        classes.sql
    ))?
    .query_row(params_from_iter(&values), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// These issues as SQL, and the values of a statement that asks for them, a range and classes.
fn among(family: &[u64], classes: &Classes, first: [i64; 3]) -> (String, Vec<Value>) {
    let [app, from, to] = first;
    match family {
        [one] => (
            "= ?".to_owned(),
            classes.values(&[app, from, to, *one as i64]),
        ),
        many => (triage::among(many), classes.values(&first)),
    }
}

/// Hands over each day from one moment to another in which something is counted of an issue, packed.
pub(super) fn each_day(
    db: &Transaction<'_>,
    app: i64,
    issue: u64,
    class: Class,
    (from, to): (u64, u64),
    mut each: impl FnMut(u64, &[u8]),
) -> rusqlite::Result<()> {
    let column = match class {
        Class::ALL => "hours",
        _ => "classes",
    };
    let mut query = db.prepare_cached(&format!(
        "SELECT stamp.day, {column} FROM stamp
         CROSS JOIN issue_day ON issue_day.app = stamp.app AND issue_day.day = stamp.day AND issue_day.issue = ?
         WHERE stamp.app = ? AND about = ? AND stamp.day >= ? AND stamp.day < ?"
    ))?;
    let mut rows = query.query((issue as i64, app, stamp::DAY, from as i64, to as i64))?;
    while let Some(row) = rows.next()? {
        let packed = row.get_ref(1)?.as_blob()?;
        match class {
            Class::ALL => each(row.get(0)?, packed),
            class => each(row.get(0)?, class::find(packed, class)),
        }
    }
    Ok(())
}

/// What is counted of issues that are one, and how many of their reports are in the later half of the range.
fn count(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    span: Span,
    counts: &Counts,
) -> rusqlite::Result<(IssueCount, u64)> {
    let mut counted = IssueCount::new(span);
    let mut late = 0;
    let classes = &counts.classes;
    if counts.exact {
        for id in family {
            let Some(class) = counts.class else { continue };
            each_day(db, app, *id, class, counts.hours.days(), |day, packed| {
                let total = counts.hours.total(day, packed, |at, reports| {
                    counted.add(span, at, reports, 0);
                });
                counted.fatal += total.fatal;
                counted.runs += total.runs;
                counted.installs += total.installs;
                late += total.late;
            })?;
        }
        if family.len() > 1 {
            (counted.runs, counted.installs) = distinct(db, app, family, span, classes)?;
        }
        return Ok((counted, late));
    }
    let (from, to) = bounds(span);
    let (among, values) = among(family, classes, [app, from, to]);
    let mut query = db.prepare_cached(&format!(
        "SELECT at, sum(reports), sum(fatal) FROM issue_count
         WHERE app = ? AND at >= ? AND at < ? AND issue {among}{} GROUP BY at",
        classes.sql
    ))?;
    let mut rows = query.query(params_from_iter(&values))?;
    let middle = span.middle();
    while let Some(row) = rows.next()? {
        let (at, reports) = (row.get(0)?, row.get(1)?);
        counted.add(span, at, reports, row.get(2)?);
        late += if at >= middle { reports } else { 0 };
    }
    (counted.runs, counted.installs) = distinct(db, app, family, span, classes)?;
    Ok((counted, late))
}

/// The row of an issue. Everything in it is counted here, but for when it was seen and its state.
fn row(
    db: &Transaction<'_>,
    app: i64,
    entry: Entry,
    span: Span,
    counts: &Counts,
    marks: &Marks,
) -> rusqlite::Result<Option<IssueRow>> {
    let family = marks.family(entry.id);
    let (counted, late) = count(db, app, &family, span, counts)?;
    let first = releases(db, app, &family, entry.first_seen)?;
    let last = releases(db, app, &family, entry.last_seen)?;
    let Some((first_release, last_release)) = issue_count::first_and_last(first, last) else {
        return Ok(None);
    };
    let (title, culprit) = db
        .prepare_cached("SELECT title, culprit FROM issue WHERE app = ? AND id = ?")?
        .query_row((app, entry.id as i64), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let IssueCount {
        reports,
        fatal,
        runs,
        installs,
        spark,
    } = counted;
    Ok(Some(IssueRow {
        id: IssueId(entry.id),
        kind: entry.kind,
        title,
        culprit,
        reports,
        fatal,
        runs,
        installs,
        first_seen: entry.first_seen,
        last_seen: entry.last_seen,
        first_release,
        last_release,
        spark,
        rising: rising(reports, late),
        state: entry.state,
        assignee: entry.assignee,
        merged: marks.merged(entry.id),
    }))
}

/// The releases that an issue was seen in at one time: with times rounded to the hour there can be several.
fn releases(
    db: &Transaction<'_>,
    app: i64,
    family: &[u64],
    at: u64,
) -> rusqlite::Result<Vec<Release>> {
    let mut query = db.prepare_cached(
        "SELECT DISTINCT word.text FROM issue_count JOIN word ON word.id = release WHERE app = ? AND issue = ? AND at = ?",
    )?;
    let mut found = Vec::new();
    for issue in family {
        let releases = query.query_map((app, *issue as i64, at as i64), |row| {
            Ok(row.get::<_, Text<Release>>(0)?.0)
        })?;
        for release in releases {
            found.push(release?);
        }
    }
    Ok(found)
}
