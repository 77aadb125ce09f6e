//! Lists of issues.

use super::{Ask, triage, typed, whole, within};
use crate::grouping::Explanation;
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::sql;
use crate::store::issue_count::IssueCount;
use crate::store::issue_list::{Entry, haystack};
use crate::store::triage::{Facts, Marks, Said, State};
use crate::store::{
    Dimension, IssueFilter, IssueId, IssueKind, IssueList, IssueRow, StoreError, issue_count,
};
use candor_protocol::deidentify::Release;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};

#[derive(Row, Deserialize)]
struct CountRow {
    issue: u64,
    at: u64,
    reports: i64,
    fatal: i64,
}

#[derive(Row, Deserialize)]
struct MetRow {
    issue: u64,
    runs: u64,
    installs: u64,
}

#[derive(Row, Deserialize)]
struct SeenRow {
    issue: u64,
    first: u64,
    last: u64,
    first_releases: Vec<String>,
    last_releases: Vec<String>,
}

#[derive(Row, Deserialize)]
struct AboutRow {
    issue: u64,
    kind: String,
    title: String,
    culprit: String,
}

#[derive(Row, Deserialize)]
struct SaysRow {
    issue: u64,
    title: String,
    culprit: String,
    why: String,
}

pub(in super::super) async fn issues(
    ask: Ask<'_>,
    filter: &IssueFilter,
) -> Result<IssueList, StoreError> {
    if ask.history.is_empty() {
        return Ok(IssueList::default());
    }
    let marks = triage::marks(ask).await?;
    let mut which = match filter.kind {
        Some(kind) => format!("AND word = '{}'", kind.as_str()),
        None => String::new(),
    };
    if let Some(wanted) = wanted(ask, filter).await? {
        // Of issues that are one it is enough that one of them says it.
        let roots: HashSet<u64> = wanted.into_iter().map(|id| marks.root(id)).collect();
        let all: Vec<u64> = roots.into_iter().flat_map(|id| marks.family(id)).collect();
        if all.is_empty() {
            return Ok(IssueList::default());
        }
        let all = sql::list(all, |id| id.to_string());
        which += &format!(" AND issue IN {all}");
    }
    let mut found = list(ask, &which, filter, &marks, false).await?;
    let entries: Vec<Entry> = found.values().map(|(entry, _)| entry.clone()).collect();
    let taken = entries.into_iter().filter(|entry| filter.takes(entry));
    let (entries, total) = filter.page(taken.collect());
    let rows = entries
        .iter()
        .filter_map(|entry| found.remove(&entry.id))
        .map(|(_, row)| row);
    Ok(IssueList {
        rows: rows.collect(),
        total,
    })
}

/// One issue's row, whether or not it has a report in the range.
pub(super) async fn one(
    ask: Ask<'_>,
    root: u64,
    filter: &IssueFilter,
    marks: &Marks,
) -> Result<Option<IssueRow>, StoreError> {
    let which = format!("AND key IN {}", triage::keys(&marks.family(root)));
    let mut found = list(ask, &which, filter, marks, true).await?;
    Ok(found.remove(&root).map(|(_, row)| row))
}

/// Issues that say what is asked for; `None` where nothing is.
async fn wanted(ask: Ask<'_>, filter: &IssueFilter) -> Result<Option<Vec<u64>>, StoreError> {
    let words = filter.words();
    if words.is_empty() && filter.own.is_none() && filter.culprit.is_none() {
        return Ok(None);
    }
    let rows: Vec<SaysRow> = ask
        .server
        .rows(&format!(
            "SELECT id, argMin(title, block), argMin(culprit, block), argMin(why, block) FROM issue WHERE app = {} GROUP BY id",
            sql::text(&ask.history.app)
        ))
        .await?;
    let mut wanted = Vec::new();
    for row in rows {
        let why: Explanation = read_why(&row.why)?;
        let says = haystack(&row.title, &row.culprit, &why);
        if words.iter().all(|word| says.contains(word))
            && filter.own.is_none_or(|own| own == why.is_own())
            && filter
                .culprit
                .as_ref()
                .is_none_or(|one| *one == row.culprit)
        {
            wanted.push(row.issue);
        }
    }
    Ok(Some(wanted))
}

pub(super) fn read_why(why: &str) -> Result<Explanation, StoreError> {
    serde_json::from_str(why)
        .map_err(|error| StoreError::Fault(format!("an issue cannot be read: {error}")))
}

/// What an issue is one with, as SQL.
pub(super) fn root_of(marks: &Marks) -> String {
    let (from, to): (Vec<u64>, Vec<u64>) = marks.moved().unzip();
    if from.is_empty() {
        return "issue".to_owned();
    }
    let array = |ids: Vec<u64>| {
        let ids: Vec<String> = ids.iter().map(|id| format!("toUInt64({id})")).collect();
        format!("[{}]", ids.join(","))
    };
    format!("transform(issue, {}, {}, issue)", array(from), array(to))
}

/// Issues that `which` is true of: those with a report in the range, or `all` of them.
async fn list(
    ask: Ask<'_>,
    which: &str,
    filter: &IssueFilter,
    marks: &Marks,
    all: bool,
) -> Result<HashMap<u64, (Entry, IssueRow)>, StoreError> {
    let span = filter.span;
    let (server, range) = (ask.server, within(span));
    let root = root_of(marks);
    let mut classes = String::new();
    for dimension in Dimension::ALL {
        if let Some(class) = filter.class(dimension) {
            classes += &format!(" AND {} = {}", dimension.as_str(), sql::text(class));
        }
    }
    let counts = format!(
        "SELECT {root} AS root, at, sum(n) AS reports, sum(m) {} {range} {which}{classes} GROUP BY root, at HAVING reports > 0",
        ask.history.of_summary(What::Issues)
    );
    // By the time where all are asked for, by the issue where one is. Machines and systems stand only there.
    let of = match all || filter.os.is_some() || filter.device.is_some() {
        true => What::Sighting,
        false => What::Met,
    };
    let met = format!(
        "SELECT root, uniqExact(run), uniqExact(pseudonym) FROM
             (SELECT {root} AS root, run, pseudonym {} {range} {which}{classes} GROUP BY root, run, pseudonym HAVING sum(n) > 0)
         GROUP BY root",
        ask.history.of_summary(of)
    );
    let seen = format!(
        "SELECT root, min(at) AS first, max(at) AS last, argMin(releases, at), argMax(releases, at) FROM
             (SELECT root, at, groupUniqArray(release) AS releases FROM
                  (SELECT {root} AS root, at, release {} {which} GROUP BY root, at, release HAVING sum(n) > 0)
              GROUP BY root, at)
         GROUP BY root",
        ask.history.of_summary(What::Issues)
    );
    let (counts, met, seen): (Vec<CountRow>, Vec<MetRow>, Vec<SeenRow>) =
        tokio::try_join!(server.rows(&counts), server.rows(&met), server.rows(&seen))?;
    let mut counted: HashMap<u64, (IssueCount, u64)> = HashMap::new();
    let nothing = || (IssueCount::new(span), 0);
    for row in &counts {
        let (count, late) = counted.entry(row.issue).or_insert_with(nothing);
        count.add(span, row.at, whole(row.reports), whole(row.fatal));
        if row.at >= filter.middle() {
            *late += whole(row.reports);
        }
    }
    if all {
        for row in &seen {
            counted.entry(row.issue).or_insert_with(nothing);
        }
    }
    for row in met {
        if let Some((count, _)) = counted.get_mut(&row.issue) {
            (count.runs, count.installs) = (row.runs, row.installs);
        }
    }
    let about = about(ask, counted.keys().copied()).await?;
    let states = states(ask, counted.keys().copied(), marks, filter.now).await?;
    let mut found = HashMap::with_capacity(counted.len());
    for seen in seen {
        let id = seen.issue;
        let (Some((count, late)), Some(about)) = (counted.remove(&id), about.get(&id)) else {
            continue;
        };
        let state = states.get(&id).cloned().unwrap_or_default();
        found.insert(id, row(seen, about, (count, late), state, marks)?);
    }
    Ok(found)
}

/// What issues are now, of which it was said.
async fn states(
    ask: Ask<'_>,
    roots: impl Iterator<Item = u64>,
    marks: &Marks,
    now: u64,
) -> Result<HashMap<u64, State>, StoreError> {
    let said: Vec<(u64, &Said)> = roots
        .filter_map(|root| Some((root, marks.state(root)?)))
        .collect();
    let all: Vec<u64> = said
        .iter()
        .flat_map(|(root, _)| marks.family(*root))
        .collect();
    let of = triage::facts_of(ask, &all).await?;
    let mut states = HashMap::with_capacity(said.len());
    for (root, said) in said {
        let family = marks.family(root);
        let mut facts = Facts::default();
        family
            .iter()
            .filter_map(|one| of.get(one))
            .for_each(|one| facts.and(one));
        if said.asks_installs() {
            facts.installs = triage::installs(ask, &family).await?;
        }
        states.insert(root, said.state(&facts, now));
    }
    Ok(states)
}

/// What issues are: as it was said first.
async fn about(
    ask: Ask<'_>,
    issues: impl Iterator<Item = u64>,
) -> Result<HashMap<u64, AboutRow>, StoreError> {
    let issues: Vec<u64> = issues.collect();
    if issues.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<AboutRow> = ask
        .server
        .rows(&format!(
            "SELECT id, argMin(kind, block), argMin(title, block), argMin(culprit, block) FROM issue
             WHERE app = {} AND id IN {} GROUP BY id",
            sql::text(&ask.history.app),
            sql::list(issues, |id| id.to_string())
        ))
        .await?;
    Ok(rows.into_iter().map(|row| (row.issue, row)).collect())
}

fn row(
    seen: SeenRow,
    about: &AboutRow,
    (counted, late): (IssueCount, u64),
    state: State,
    marks: &Marks,
) -> Result<(Entry, IssueRow), StoreError> {
    let releases = |texts: &[String]| -> Result<Vec<Release>, StoreError> {
        texts.iter().map(|text| typed(text)).collect()
    };
    let none = || StoreError::Fault("an issue was seen in no release".to_owned());
    let (first_release, last_release) = issue_count::first_and_last(
        releases(&seen.first_releases)?,
        releases(&seen.last_releases)?,
    )
    .ok_or_else(none)?;
    let kind: IssueKind = typed(&about.kind)?;
    let entry = Entry {
        id: seen.issue,
        kind,
        reports: counted.reports,
        fatal: counted.fatal,
        late,
        installs: counted.installs,
        first_seen: seen.first,
        last_seen: seen.last,
        state: state.clone(),
        assignee: marks.assignee(seen.issue).cloned(),
    };
    let row = IssueRow {
        id: IssueId(seen.issue),
        kind,
        title: about.title.clone(),
        culprit: about.culprit.clone(),
        reports: counted.reports,
        fatal: counted.fatal,
        runs: counted.runs,
        installs: counted.installs,
        first_seen: seen.first,
        last_seen: seen.last,
        first_release,
        last_release,
        spark: counted.spark,
        rising: entry.rising(),
        state,
        assignee: entry.assignee.clone(),
        merged: marks.merged(seen.issue),
    };
    Ok((entry, row))
}
