//! Lists of issues.
//!
//! First all issues are counted as far as the order needs it; then the rows of one page are filled.

use super::{Ask, triage, typed, whole, within};
use crate::grouping::Explanation;
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::sql;
use crate::store::issue_count::IssueCount;
use crate::store::issue_list::{Entry, haystack, rising};
use crate::store::triage::{Facts, Marks, Said, State};
use crate::store::{
    Dimension, IssueFilter, IssueId, IssueKind, IssueList, IssueRow, Reach, ReachList, Sort, Span,
    StoreError, issue_count,
};
use candor_protocol::deidentify::Release;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What is counted of an issue in a range.
#[derive(Row, Deserialize)]
struct SumRow {
    issue: u64,
    kind: String,
    reports: i64,
    fatal: i64,
    late: i64,
}

#[derive(Row, Deserialize)]
struct InstallsRow {
    issue: u64,
    installs: u64,
}

/// When an issue was first and last seen.
#[derive(Row, Deserialize)]
struct SightRow {
    issue: u64,
    first: u64,
    last: u64,
}

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

/// More issues than this are not named one by one where they are asked about: all are asked about, and others left out. Few in tests, so
/// that both ways are tried.
const SOME: usize = if cfg!(test) { 4 } else { 1_000 };

pub(in super::super) async fn issues(
    ask: Ask<'_>,
    filter: &IssueFilter,
) -> Result<IssueList, StoreError> {
    let Some(mut listed) = list(ask, filter, true).await? else {
        return Ok(IssueList::default());
    };
    let states = listed.entries.iter();
    let states = states.map(|entry| (entry.id, entry.state.clone()));
    let states = states.collect();
    let mut found = listed.page(ask, filter).rows(states, false).await?;
    listed.see(filter, |id| {
        found.get(&id).map(|row| (row.first_seen, row.last_seen))
    });
    let rows = listed.entries.iter();
    let rows = rows.filter_map(|entry| found.remove(&entry.id));
    Ok(IssueList {
        rows: rows.collect(),
        total: listed.total,
    })
}

pub(in super::super) async fn reach(
    ask: Ask<'_>,
    filter: &IssueFilter,
) -> Result<ReachList, StoreError> {
    let Some(mut listed) = list(ask, filter, false).await? else {
        return Ok(ReachList::default());
    };
    let page = listed.page(ask, filter);
    let (met, seen) = (page.met(), page.seen());
    let (met, seen): (Vec<MetRow>, Vec<SeenRow>) =
        tokio::try_join!(ask.server.rows(&met), ask.server.rows(&seen))?;
    let met: HashMap<u64, MetRow> = met.into_iter().map(|row| (row.issue, row)).collect();
    let seen: HashMap<u64, SeenRow> = seen.into_iter().map(|row| (row.issue, row)).collect();
    listed.see(filter, |id| seen.get(&id).map(|row| (row.first, row.last)));
    let mut rows = Vec::with_capacity(listed.entries.len());
    for entry in &listed.entries {
        if let Some(seen) = seen.get(&entry.id) {
            rows.push(Reach {
                id: IssueId(entry.id),
                runs: met.get(&entry.id).map_or(0, |met| met.runs),
                first_release: first_and_last(seen)?.0,
            });
        }
    }
    Ok(ReachList {
        rows,
        total: listed.total,
    })
}

/// How many issues of a range were first seen in each release.
pub(in super::super) async fn new_by_release(
    ask: Ask<'_>,
    span: Span,
) -> Result<BTreeMap<Release, u64>, StoreError> {
    let mut new: BTreeMap<Release, u64> = BTreeMap::new();
    let filter = IssueFilter {
        sort: Sort::Reports,
        ..IssueFilter::all(span, 0)
    };
    let Some(listed) = list(ask, &filter, false).await? else {
        return Ok(new);
    };
    let listed_ids: HashSet<u64> = listed.entries.iter().map(|entry| entry.id).collect();
    let seen: Vec<SeenRow> = ask.server.rows(&listed.page(ask, &filter).seen()).await?;
    for seen in seen.iter().filter(|seen| listed_ids.contains(&seen.issue)) {
        *new.entry(first_and_last(seen)?.0).or_default() += 1;
    }
    Ok(new)
}

/// What is on a page of a list, before its rows are filled.
struct Listed {
    marks: Marks,
    entries: Vec<Entry>,
    /// Whether it is known when they were seen; else all that may be on the page or before it are here.
    is_seen: bool,
    /// On all pages.
    total: u64,
}

/// Issues with a report in the range that the filter takes, those of a page in their order; `None` where there is none. Their states are
/// known where they decide what is taken, or are needed.
async fn list(
    ask: Ask<'_>,
    filter: &IssueFilter,
    needs_states: bool,
) -> Result<Option<Listed>, StoreError> {
    let needs_states = needs_states || !filter.states.is_empty();
    if ask.history.is_empty() {
        return Ok(None);
    }
    let (marks, wanted) = tokio::try_join!(triage::marks(ask), wanted(ask, filter))?;
    let mut which = match filter.kind {
        Some(kind) => format!("AND word = '{}'", kind.as_str()),
        None => String::new(),
    };
    if let Some(wanted) = wanted {
        // Of issues that are one it is enough that one of them says it.
        let roots: HashSet<u64> = wanted.into_iter().map(|id| marks.root(id)).collect();
        let all: Vec<u64> = roots.into_iter().flat_map(|id| marks.family(id)).collect();
        if all.is_empty() {
            return Ok(None);
        }
        which += &format!(" AND issue IN {}", sql::list(all, |id| id.to_string()));
    }
    let in_range = format!("{} {which}{}", within(filter.span), classes(filter));
    let sums = format!(
        "SELECT {} AS root, any(word), sum(n) AS reports, sum(m), sumIf(n, at >= {}) {} {in_range} GROUP BY root HAVING reports > 0",
        root_of(&marks),
        filter.span.middle(),
        ask.history.of_summary(What::Issues)
    );
    let said: Vec<u64> = marks.states().map(|(root, _)| root).collect();
    let (sums, installs, seen, mut states): (Vec<SumRow>, _, _, _) = tokio::try_join!(
        ask.server.rows(&sums),
        if_asked(
            filter.asks_installs(),
            installs(ask, met_of(filter), &marks, &in_range)
        ),
        if_asked(filter.asks_seen(), sights(ask, &marks, &which)),
        if_asked(needs_states, states(ask, &said, &marks, filter.now))
    )?;
    let mut entries = Vec::with_capacity(sums.len());
    for row in sums {
        let id = row.issue;
        let (first_seen, last_seen) = seen.get(&id).copied().unwrap_or_default();
        let entry = Entry {
            id,
            kind: typed(&row.kind)?,
            reports: whole(row.reports),
            fatal: whole(row.fatal),
            late: whole(row.late),
            installs: installs.get(&id).copied().unwrap_or_default(),
            first_seen,
            last_seen,
            state: states.remove(&id).unwrap_or_default(),
            assignee: marks.assignee(id).cloned(),
        };
        if filter.takes(&entry) {
            entries.push(entry);
        }
    }
    let mut listed = Listed {
        marks,
        total: entries.len() as u64,
        entries,
        is_seen: false,
    };
    if filter.asks_seen() {
        listed.see(filter, |id| seen.get(&id).copied());
    } else {
        filter.lead(&mut listed.entries);
    }
    // Where the page is a small part of what may be on it or before it, only the page is asked about further.
    if !listed.is_seen && listed.entries.len() > SOME.max(filter.limit as usize) {
        let seen = sights(ask, &listed.marks, &which).await?;
        listed.see(filter, |id| seen.get(&id).copied());
    }
    Ok(Some(listed))
}

/// The answer where it is asked for, else none.
async fn if_asked<T: Default>(
    asked: bool,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match asked {
        true => answer.await,
        false => Ok(T::default()),
    }
}

/// How many installations met each issue, by the rows of a summary that `which` is true of.
pub(super) async fn installs(
    ask: Ask<'_>,
    of: What,
    marks: &Marks,
    which: &str,
) -> Result<HashMap<u64, u64>, StoreError> {
    let rows: Vec<InstallsRow> = ask
        .server
        .rows(&format!(
            "SELECT root, count() FROM
                 (SELECT {} AS root, pseudonym {} {which} GROUP BY root, pseudonym HAVING sum(n) > 0)
             GROUP BY root",
            root_of(marks),
            ask.history.of_summary(of)
        ))
        .await?;
    Ok(rows.iter().map(|row| (row.issue, row.installs)).collect())
}

/// When each issue that `which` is true of was first and last seen.
async fn sights(
    ask: Ask<'_>,
    marks: &Marks,
    which: &str,
) -> Result<HashMap<u64, (u64, u64)>, StoreError> {
    let rows: Vec<SightRow> = ask
        .server
        .rows(&format!(
            "SELECT root, min(at), max(at) FROM
                 (SELECT {} AS root, at {} {which} GROUP BY root, at HAVING sum(n) > 0)
             GROUP BY root",
            root_of(marks),
            ask.history.of_summary(What::Issues)
        ))
        .await?;
    let sights = rows.iter().map(|row| (row.issue, (row.first, row.last)));
    Ok(sights.collect())
}

/// The classes that are asked for, as SQL.
fn classes(filter: &IssueFilter) -> String {
    let mut classes = String::new();
    for dimension in Dimension::ALL {
        if let Some(class) = filter.class(dimension) {
            classes += &format!(" AND {} = {}", dimension.as_str(), sql::text(class));
        }
    }
    classes
}

/// Where it stands who met all issues of a range. Machines and systems do not stand with what is in the order of time.
fn met_of(filter: &IssueFilter) -> What {
    match filter.os.is_some() || filter.device.is_some() {
        true => What::Sighting,
        false => What::Met,
    }
}

impl Listed {
    fn page<'a>(&'a self, ask: Ask<'a>, filter: &'a IssueFilter) -> Page<'a> {
        let roots = self.entries.iter().map(|entry| entry.id);
        Page::of(ask, roots.collect(), filter, &self.marks)
    }

    /// Says when they were seen, which their place on the page follows from; one that was not is no longer there.
    fn see(&mut self, filter: &IssueFilter, seen: impl Fn(u64) -> Option<(u64, u64)>) {
        if self.is_seen {
            return;
        }
        self.is_seen = true;
        let mut entries = std::mem::take(&mut self.entries);
        entries.retain_mut(|entry| match seen(entry.id) {
            Some(both) => {
                (entry.first_seen, entry.last_seen) = both;
                true
            }
            None => false,
        });
        (self.entries, _) = filter.page(entries);
    }
}

/// Issues that are asked about in full.
struct Page<'a> {
    ask: Ask<'a>,
    roots: HashSet<u64>,
    filter: &'a IssueFilter,
    marks: &'a Marks,
    /// As SQL, where they are few.
    which: String,
    /// The same where what is counted does not stand by issue.
    ids: String,
}

impl<'a> Page<'a> {
    fn of(ask: Ask<'a>, roots: HashSet<u64>, filter: &'a IssueFilter, marks: &'a Marks) -> Self {
        let (mut which, mut ids) = (String::new(), String::new());
        if roots.len() <= SOME {
            let all: Vec<u64> = roots.iter().flat_map(|root| marks.family(*root)).collect();
            which = format!("AND key IN {}", triage::keys(&all));
            ids = format!("AND id IN {}", sql::list(all, |id| id.to_string()));
        }
        Self {
            ask,
            roots,
            filter,
            marks,
            which,
            ids,
        }
    }

    /// Reports by time.
    fn counts(&self) -> String {
        format!(
            "SELECT {} AS root, at, sum(n) AS reports, sum(m) {} {} {}{} GROUP BY root, at HAVING reports > 0",
            root_of(self.marks),
            self.ask.history.of_summary(What::Issues),
            within(self.filter.span),
            self.which,
            classes(self.filter)
        )
    }

    /// Runs and installations.
    fn met(&self) -> String {
        // By the issue where few are asked about, by the time where all are.
        let of = match self.which.is_empty() {
            true => met_of(self.filter),
            false => What::Sighting,
        };
        format!(
            "SELECT root, uniqExact(run), uniqExact(pseudonym) FROM
                 (SELECT {} AS root, run, pseudonym {} {} {}{} GROUP BY root, run, pseudonym HAVING sum(n) > 0)
             GROUP BY root",
            root_of(self.marks),
            self.ask.history.of_summary(of),
            within(self.filter.span),
            self.which,
            classes(self.filter)
        )
    }

    /// When they were first and last seen, and in which releases.
    fn seen(&self) -> String {
        format!(
            "SELECT root, min(at) AS first, max(at) AS last, argMin(releases, at), argMax(releases, at) FROM
                 (SELECT root, at, groupUniqArray(release) AS releases FROM
                      (SELECT {} AS root, at, release {} {} GROUP BY root, at, release HAVING sum(n) > 0)
                  GROUP BY root, at)
             GROUP BY root",
            root_of(self.marks),
            self.ask.history.of_summary(What::Issues),
            self.which
        )
    }

    /// What they are: as it was said first.
    fn about(&self) -> String {
        format!(
            "SELECT id, argMin(kind, block), argMin(title, block), argMin(culprit, block) FROM issue WHERE app = {} {} GROUP BY id",
            sql::text(&self.ask.history.app),
            self.ids
        )
    }

    /// Their rows; `all`: also of those without a report in the range.
    async fn rows(
        &self,
        mut states: HashMap<u64, State>,
        all: bool,
    ) -> Result<HashMap<u64, IssueRow>, StoreError> {
        let (server, span) = (self.ask.server, self.filter.span);
        let mut found = HashMap::with_capacity(self.roots.len());
        if self.roots.is_empty() {
            return Ok(found);
        }
        let (counts, met) = (self.counts(), self.met());
        let (seen, about) = (self.seen(), self.about());
        let (counts, met, seen, about): (Vec<CountRow>, Vec<MetRow>, Vec<SeenRow>, Vec<AboutRow>) =
            tokio::try_join!(
                server.rows(&counts),
                server.rows(&met),
                server.rows(&seen),
                server.rows(&about)
            )?;
        let mut counted: HashMap<u64, (IssueCount, u64)> = HashMap::new();
        let nothing = || (IssueCount::new(span), 0);
        for row in counts.iter().filter(|row| self.roots.contains(&row.issue)) {
            let (count, late) = counted.entry(row.issue).or_insert_with(nothing);
            count.add(span, row.at, whole(row.reports), whole(row.fatal));
            if row.at >= span.middle() {
                *late += whole(row.reports);
            }
        }
        for row in met {
            if let Some((count, _)) = counted.get_mut(&row.issue) {
                (count.runs, count.installs) = (row.runs, row.installs);
            }
        }
        let about: HashMap<u64, AboutRow> = about.into_iter().map(|row| (row.issue, row)).collect();
        for seen in seen.iter().filter(|seen| self.roots.contains(&seen.issue)) {
            let id = seen.issue;
            let counted = match counted.remove(&id) {
                None if all => Some(nothing()),
                counted => counted,
            };
            if let (Some(counted), Some(about)) = (counted, about.get(&id)) {
                let state = states.remove(&id).unwrap_or_default();
                found.insert(id, row(seen, about, counted, state, self.marks)?);
            }
        }
        Ok(found)
    }
}

/// One issue's row, whether or not it has a report in the range.
pub(super) async fn one(
    ask: Ask<'_>,
    root: u64,
    filter: &IssueFilter,
    marks: &Marks,
) -> Result<Option<IssueRow>, StoreError> {
    let states = states(ask, &[root], marks, filter.now).await?;
    let page = Page::of(ask, [root].into(), filter, marks);
    Ok(page.rows(states, true).await?.remove(&root))
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

/// What these issues are now, as far as something was said of them.
async fn states(
    ask: Ask<'_>,
    roots: &[u64],
    marks: &Marks,
    now: u64,
) -> Result<HashMap<u64, State>, StoreError> {
    let said = roots
        .iter()
        .filter_map(|root| Some((*root, marks.state(*root)?)));
    let said: Vec<(u64, &Said)> = said.collect();
    let families = |roots: &[u64]| -> Vec<u64> {
        let families = roots.iter().flat_map(|root| marks.family(*root));
        families.collect()
    };
    let waiting: Vec<u64> = said
        .iter()
        .filter_map(|(root, said)| said.asks_installs().then_some(*root))
        .collect();
    let roots: Vec<u64> = said.iter().map(|(root, _)| *root).collect();
    let (all, waiting) = (families(&roots), families(&waiting));
    let waited = format!("AND key IN {}", triage::keys(&waiting));
    let (of, installs) = tokio::try_join!(
        triage::facts_of(ask, &all),
        if_asked(
            !waiting.is_empty(),
            installs(ask, What::Sighting, marks, &waited)
        )
    )?;
    let mut states = HashMap::with_capacity(said.len());
    for (root, said) in said {
        let mut facts = Facts {
            installs: installs.get(&root).copied().unwrap_or_default(),
            ..Facts::default()
        };
        marks
            .family(root)
            .iter()
            .filter_map(|one| of.get(one))
            .for_each(|one| facts.and(one));
        states.insert(root, said.state(&facts, now));
    }
    Ok(states)
}

/// The release that showed an issue first, and the one that showed it last.
fn first_and_last(seen: &SeenRow) -> Result<(Release, Release), StoreError> {
    let releases = |texts: &[String]| -> Result<Vec<Release>, StoreError> {
        texts.iter().map(|text| typed(text)).collect()
    };
    let none = || StoreError::Fault("an issue was seen in no release".to_owned());
    let (first, last) = (
        releases(&seen.first_releases)?,
        releases(&seen.last_releases)?,
    );
    issue_count::first_and_last(first, last).ok_or_else(none)
}

fn row(
    seen: &SeenRow,
    about: &AboutRow,
    (counted, late): (IssueCount, u64),
    state: State,
    marks: &Marks,
) -> Result<IssueRow, StoreError> {
    let (first_release, last_release) = first_and_last(seen)?;
    let kind: IssueKind = typed(&about.kind)?;
    let rising = rising(counted.reports, late);
    Ok(IssueRow {
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
        rising,
        state,
        assignee: marks.assignee(seen.issue).cloned(),
        merged: marks.merged(seen.issue),
    })
}
