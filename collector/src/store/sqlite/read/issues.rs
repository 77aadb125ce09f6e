//! Lists of issues.
//!
//! First all issues are counted as far as the order needs it, from indices that hold nothing else; then the rows of one page
//! are filled.

use super::{Text, bounds, triage};
use crate::store::issue_count::IssueCount;
use crate::store::issue_list::Entry;
use crate::store::triage::{Marks, State};
use crate::store::{
    Dimension, IssueFilter, IssueId, IssueKind, IssueList, IssueRow, Span, issue_count,
};
use candor_protocol::deidentify::Release;
use rusqlite::types::Value;
use rusqlite::{Transaction, params_from_iter};
use std::collections::{HashMap, HashSet};

/// What is counted of one issue in a range.
#[derive(Clone, Copy, Default)]
struct Counted {
    reports: u64,
    fatal: u64,
    late: u64,
}

pub(in super::super) fn issues(
    db: &Transaction<'_>,
    app: i64,
    filter: &IssueFilter,
) -> rusqlite::Result<IssueList> {
    let marks = triage::marks(db, app)?;
    let classes = Classes::of(filter);
    let mut counted = counts(db, app, filter, &classes)?;
    if let Some(wanted) = wanted(db, app, filter)? {
        // Of issues that are one it is enough that one of them says it.
        let wanted: HashSet<u64> = wanted.into_iter().map(|id| marks.root(id)).collect();
        counted.retain(|id, _| wanted.contains(&marks.root(*id)));
    }
    let mut roots: HashMap<u64, Counted> = HashMap::with_capacity(counted.len());
    for (id, counted) in counted {
        let root = roots.entry(marks.root(id)).or_default();
        root.reports += counted.reports;
        root.fatal += counted.fatal;
        root.late += counted.late;
    }
    let seen = seen(db, app, None)?;
    let mut entries = Vec::with_capacity(roots.len());
    for (id, counted) in roots {
        let Some(entry) = entry(db, app, id, counted, &marks, &seen, filter.now)? else {
            continue;
        };
        entries.extend(Some(entry).filter(|entry| filter.takes(entry)));
    }
    if filter.asks_installs() {
        let ids: HashSet<u64> = entries.iter().map(|entry| entry.id).collect();
        let mut met = met(db, app, filter, &classes, &marks, &ids)?;
        for entry in &mut entries {
            entry.installs = met.remove(&entry.id).unwrap_or_default();
        }
    }
    let (entries, total) = filter.page(entries);
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        rows.extend(row(db, app, entry, filter.span, &classes, &marks)?);
    }
    Ok(IssueList { rows, total })
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
) -> rusqlite::Result<HashMap<u64, Counted>> {
    let (from, to) = bounds(filter.span);
    let middle = i64::try_from(filter.middle()).unwrap_or(i64::MAX);
    let mut counted: HashMap<u64, Counted> = HashMap::new();
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

/// What is known of issues: their kind, and when they were first and last seen.
type Seen = HashMap<u64, (IssueKind, u64, u64)>;

/// Of all issues or, where some are named, of those.
fn seen(db: &Transaction<'_>, app: i64, some: Option<&[u64]>) -> rusqlite::Result<Seen> {
    let among = some.map(|some| format!(" AND id {}", triage::among(some)));
    let mut query = db.prepare(&format!(
        "SELECT id, kind, first_seen, last_seen FROM issue INDEXED BY issue_seen WHERE app = ?{}",
        among.unwrap_or_default()
    ))?;
    let rows = query.query_map([app], |row| {
        let id: i64 = row.get(0)?;
        let Text(kind) = row.get(1)?;
        Ok((id as u64, (kind, row.get(2)?, row.get(3)?)))
    })?;
    rows.collect()
}

/// An issue and what is counted of it; `None` where there is none.
fn entry(
    db: &Transaction<'_>,
    app: i64,
    id: u64,
    counted: Counted,
    marks: &Marks,
    seen: &Seen,
    now: u64,
) -> rusqlite::Result<Option<Entry>> {
    let family = marks.family(id);
    let all = family.iter().filter_map(|member| seen.get(member).copied());
    let both = |(kind, first, last): (IssueKind, u64, u64), (_, early, late): (_, u64, u64)| {
        (kind, first.min(early), last.max(late))
    };
    let Some((kind, first_seen, last_seen)) = all.reduce(both) else {
        return Ok(None);
    };
    Ok(Some(Entry {
        id,
        kind,
        reports: counted.reports,
        fatal: counted.fatal,
        late: counted.late,
        installs: 0,
        first_seen,
        last_seen,
        state: state(db, app, id, marks, now)?,
        assignee: marks.assignee(id).cloned(),
    }))
}

/// What an issue is now. Of most nothing was said, and nothing is asked.
pub(super) fn state(
    db: &Transaction<'_>,
    app: i64,
    id: u64,
    marks: &Marks,
    now: u64,
) -> rusqlite::Result<State> {
    match marks.state(id) {
        None => Ok(State::Open),
        Some(said) => {
            let facts = triage::facts_for(db, app, &marks.family(id), said)?;
            Ok(said.state(&facts, now))
        }
    }
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
    marks: &Marks,
) -> rusqlite::Result<Option<IssueRow>> {
    let seen = seen(db, app, Some(&marks.family(id)))?;
    match entry(db, app, id, Counted::default(), marks, &seen, filter.now)? {
        Some(entry) => row(db, app, entry, filter.span, &Classes::of(filter), marks),
        None => Ok(None),
    }
}

/// The row of an issue. Everything in it is counted here, but for when it was seen and its state.
fn row(
    db: &Transaction<'_>,
    app: i64,
    entry: Entry,
    span: Span,
    classes: &Classes,
    marks: &Marks,
) -> rusqlite::Result<Option<IssueRow>> {
    let (from, to) = bounds(span);
    let family = marks.family(entry.id);
    // Most issues are alone, and their statements are prepared once.
    let (among, values) = match family.as_slice() {
        [one] => (
            "= ?".to_owned(),
            classes.values(&[app, from, to, *one as i64]),
        ),
        many => (triage::among(many), classes.values(&[app, from, to])),
    };
    let mut counted = IssueCount::new(span);
    let sql = &classes.sql;
    let mut query = db.prepare_cached(&format!(
        "SELECT at, sum(reports), sum(fatal) FROM issue_count WHERE app = ? AND at >= ? AND at < ? AND issue {among}{sql} GROUP BY at"
    ))?;
    let mut rows = query.query(params_from_iter(&values))?;
    let middle = span.from + span.to.saturating_sub(span.from) / 2;
    let mut late = 0;
    while let Some(row) = rows.next()? {
        let (at, reports) = (row.get(0)?, row.get(1)?);
        counted.add(span, at, reports, row.get(2)?);
        late += if at >= middle { reports } else { 0 };
    }
    (counted.runs, counted.installs) = db
        .prepare_cached(&format!(
            "SELECT count(DISTINCT run), count(DISTINCT pseudonym) FROM report INDEXED BY report_issue
             WHERE app = ? AND at >= ? AND at < ? AND issue {among}{sql}"
        ))?
        .query_row(params_from_iter(&values), |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
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
