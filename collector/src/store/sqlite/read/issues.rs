//! Lists of issues.
//!
//! First all issues are counted as far as the order needs it, from what is counted of them by day, or where that is not fine enough from
//! indices that hold nothing else; then the rows of one page are filled.

use super::{Decided, Text, bounds, triage};
use crate::store::issue_count::IssueCount;
use crate::store::issue_day::{Hours, Total};
use crate::store::issue_list::Entry;
use crate::store::sqlite::remembered::{Day, Remembered};
use crate::store::triage::Marks;
use crate::store::{
    Dimension, IssueFilter, IssueId, IssueKind, IssueList, IssueRow, Span, issue_count,
};
use candor_protocol::deidentify::Release;
use rusqlite::types::Value;
use rusqlite::{Transaction, params_from_iter};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

pub(in super::super) fn issues(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
    known: &Remembered,
) -> rusqlite::Result<IssueList> {
    let decided = known.decided(db, app)?;
    let marks = &decided.marks;
    let counts = Counts::of(db, app, filter, known)?;
    let wanted = wanted(db, app, filter)?;
    // Of issues that are one it is enough that one of them says it.
    let wanted: Option<HashSet<u64>> =
        wanted.map(|wanted| wanted.into_iter().map(|id| marks.root(id)).collect());
    let mut entries = Vec::new();
    for (id, total) in counts.all(db, app, filter, marks, wanted.as_ref())? {
        entries.push(Entry {
            id,
            kind: IssueKind::Crash,
            reports: total.reports,
            fatal: total.fatal,
            late: total.late,
            installs: total.installs,
            first_seen: 0,
            last_seen: 0,
            state: decided.state(db, app, id, filter.now)?,
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
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.extend(row(db, app, entry, filter.span, &counts, marks)?);
    }
    Ok(IssueList { rows, total })
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
    let counts = Counts::of(db, app, &filter, known)?;
    let roots = counts.all(db, app, &filter, &decided.marks, None)?;
    // When each issue was first seen, and in which releases: with times rounded to the hour there can be several.
    let mut first: HashMap<u64, (u64, Vec<i64>)> = HashMap::new();
    let mut query = db.prepare_cached(
        "SELECT DISTINCT i.id, first_seen, c.release FROM issue AS i INDEXED BY issue_seen
         CROSS JOIN issue_count AS c ON c.app = i.app AND c.issue = i.id AND c.at = i.first_seen WHERE i.app = ?",
    )?;
    let mut rows = query.query([app])?;
    while let Some(row) = rows.next()? {
        let root = decided.marks.root(row.get::<_, i64>(0)? as u64);
        let (at, release) = (row.get(1)?, row.get(2)?);
        if !roots.contains_key(&root) {
            continue;
        }
        let (seen, releases) = first.entry(root).or_insert((at, Vec::new()));
        if at < *seen {
            (*seen, *releases) = (at, Vec::new());
        }
        if at == *seen {
            releases.push(release);
        }
    }
    let mut names: HashMap<i64, Release> = HashMap::new();
    let mut new: BTreeMap<Release, u64> = BTreeMap::new();
    for (_, releases) in first.into_values() {
        for release in &releases {
            if !names.contains_key(release) {
                let Text(name) = db
                    .prepare_cached("SELECT text FROM word WHERE id = ?")?
                    .query_row([release], |row| row.get(0))?;
                names.insert(*release, name);
            }
        }
        let named = releases.iter().filter_map(|release| names.get(release));
        if let Some(earliest) = issue_count::earliest(named) {
            *new.entry(earliest.clone()).or_default() += 1;
        }
    }
    Ok(new)
}

/// What issues are counted by.
enum Counts {
    /// Their days: any range of full hours, whatever the class.
    Days(Hours, Vec<Arc<Day>>),
    /// Cells and reports of these classes.
    Cells(Classes),
}

impl Counts {
    fn of(
        db: &Transaction<'_>,
        app: i64,
        filter: &IssueFilter,
        known: &Remembered,
    ) -> rusqlite::Result<Self> {
        let classes = Classes::of(filter);
        Ok(match Hours::of(filter.span) {
            Some(hours) if classes.sql.is_empty() => {
                Self::Days(hours, known.days(db, app, hours.days())?)
            }
            _ => Self::Cells(classes),
        })
    }

    /// What is counted of every issue, or of these, whatever was merged into each included. Of those that were merged, installations
    /// are not known yet, and of cells they never are.
    fn all(
        &self,
        db: &Transaction<'_>,
        app: i64,
        filter: &IssueFilter,
        marks: &Marks,
        wanted: Option<&HashSet<u64>>,
    ) -> rusqlite::Result<HashMap<u64, Total>> {
        let mut roots: HashMap<u64, Total> = HashMap::new();
        match (self, wanted) {
            (Self::Days(hours, days), None) => {
                for day in days {
                    for (id, packed) in day.each() {
                        let total = hours.total(day.at, packed, |_, _| {});
                        roots.entry(marks.root(id)).or_default().add(total);
                    }
                }
            }
            (Self::Days(hours, days), Some(wanted)) => {
                for root in wanted {
                    let mut sum = Total::default();
                    for (day, id) in marks
                        .family(*root)
                        .iter()
                        .flat_map(|id| days.iter().map(move |day| (day, *id)))
                    {
                        sum.add(hours.total(day.at, day.of(id), |_, _| {}));
                    }
                    roots.insert(*root, sum);
                }
            }
            (Self::Cells(classes), wanted) => {
                for (id, counted) in counts(db, app, filter, classes)? {
                    let root = marks.root(id);
                    if wanted.is_none_or(|wanted| wanted.contains(&root)) {
                        roots.entry(root).or_default().add(counted);
                    }
                }
            }
        }
        roots.retain(|_, total| total.reports > 0);
        Ok(roots)
    }

    /// Counts how many installations met each of these issues.
    fn meet(
        &self,
        db: &Transaction<'_>,
        app: i64,
        filter: &IssueFilter,
        entries: &mut [Entry],
        marks: &Marks,
    ) -> rusqlite::Result<()> {
        match self {
            Self::Days(..) => {
                for entry in entries {
                    if marks.merged(entry.id) > 0 {
                        let family = marks.family(entry.id);
                        (_, entry.installs) =
                            distinct(db, app, &family, filter.span, &Classes::default())?;
                    }
                }
            }
            Self::Cells(classes) => {
                let ids: HashSet<u64> = entries.iter().map(|entry| entry.id).collect();
                let mut met = met(db, app, filter, classes, marks, &ids)?;
                for entry in entries {
                    entry.installs = met.remove(&entry.id).unwrap_or_default();
                }
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
}

impl Classes {
    fn of(filter: &IssueFilter) -> Self {
        let mut classes = Self::default();
        for dimension in Dimension::ALL {
            if let Some(class) = filter.class(dimension) {
                let column = dimension.as_str();
                classes.sql += &format!(" AND {column} = (SELECT id FROM word WHERE text = ?)");
                classes.values.push(Value::from(class.to_owned()));
            }
        }
        classes
    }

    /// The values of a statement that asks for a range and the classes.
    fn values(&self, first: &[i64]) -> Vec<Value> {
        let first = first.iter().copied().map(Value::from);
        first.chain(self.values.iter().cloned()).collect()
    }
}

fn counts(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
    classes: &Classes,
) -> rusqlite::Result<HashMap<u64, Total>> {
    let (from, to) = bounds(filter.span);
    let middle = i64::try_from(filter.span.middle()).unwrap_or(i64::MAX);
    let mut counted: HashMap<u64, Total> = HashMap::new();
    let mut query = db.prepare_cached(&format!(
        "SELECT issue, at, reports, fatal FROM issue_count INDEXED BY issue_count_at
         WHERE app = ? AND at >= ? AND at < ?{}",
        classes.sql
    ))?;
    let mut rows = query.query(params_from_iter(classes.values(&[app, from, to])))?;
    while let Some(row) = rows.next()? {
        let of = counted.entry(row.get::<_, i64>(0)? as u64).or_default();
        let reports: u64 = row.get(2)?;
        of.reports += reports;
        of.fatal += row.get::<_, u64>(3)?;
        if row.get::<_, i64>(1)? >= middle {
            of.late += reports;
        }
    }
    Ok(counted)
}

/// Issues that say what is asked for; `None` where nothing is.
fn wanted(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
) -> rusqlite::Result<Option<Vec<u64>>> {
    let mut which = String::new();
    let mut values = vec![Value::from(app)];
    for word in filter.words() {
        which += " AND instr(says, ?) > 0";
        values.push(Value::from(word));
    }
    if let Some(own) = filter.own {
        which += " AND own = ?";
        values.push(Value::from(i64::from(own)));
    }
    if let Some(culprit) = &filter.culprit {
        which += " AND culprit = ?";
        values.push(Value::from(culprit.clone()));
    }
    if which.is_empty() {
        return Ok(None);
    }
    let mut query = db.prepare_cached(&format!("SELECT id FROM issue WHERE app = ?{which}"))?;
    let ids = query.query_map(params_from_iter(values), |row| {
        Ok(row.get::<_, i64>(0)? as u64)
    })?;
    ids.collect::<rusqlite::Result<_>>().map(Some)
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

/// How many installations met each of these issues.
fn met(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
    classes: &Classes,
    marks: &Marks,
    wanted: &HashSet<u64>,
) -> rusqlite::Result<HashMap<u64, u64>> {
    let (from, to) = bounds(filter.span);
    let mut query = db.prepare_cached(&format!(
        "SELECT issue, pseudonym FROM report INDEXED BY report_met
         WHERE app = ? AND issue IS NOT NULL AND at >= ? AND at < ?{}",
        classes.sql
    ))?;
    let mut rows = query.query(params_from_iter(classes.values(&[app, from, to])))?;
    let mut pairs: Vec<(u64, u128)> = Vec::new();
    while let Some(row) = rows.next()? {
        let id = marks.root(row.get::<_, i64>(0)? as u64);
        if wanted.contains(&id) {
            let who = row.get_ref(1)?.as_blob()?;
            let who = who.first_chunk::<16>().copied().unwrap_or_default();
            pairs.push((id, u128::from_ne_bytes(who)));
        }
    }
    pairs.sort_unstable();
    pairs.dedup();
    let mut met: HashMap<u64, u64> = HashMap::with_capacity(wanted.len());
    for (id, _) in pairs {
        *met.entry(id).or_default() += 1;
    }
    Ok(met)
}

/// One issue's row, whether or not it has a report in the range and of the classes that are asked for.
pub(super) fn one(
    db: &Transaction<'_>,
    app: i64,
    id: u64,
    filter: &IssueFilter,
    known: &Remembered,
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
        state: decided.state(db, app, id, filter.now)?,
        assignee: marks.assignee(id).cloned(),
    }];
    see(db, app, &mut entry, marks)?;
    match entry.pop() {
        Some(entry) => {
            let counts = Counts::of(db, app, filter, known)?;
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
    let classes = match counts {
        Counts::Days(hours, days) => {
            for (day, id) in family
                .iter()
                .flat_map(|id| days.iter().map(move |day| (day, *id)))
            {
                let total = hours.total(day.at, day.of(id), |at, reports| {
                    counted.add(span, at, reports, 0);
                });
                counted.fatal += total.fatal;
                counted.runs += total.runs;
                counted.installs += total.installs;
                late += total.late;
            }
            if family.len() > 1 {
                let all = Classes::default();
                (counted.runs, counted.installs) = distinct(db, app, family, span, &all)?;
            }
            return Ok((counted, late));
        }
        Counts::Cells(classes) => classes,
    };
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
        rising: Entry {
            reports,
            late,
            ..entry.clone()
        }
        .rising(),
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
