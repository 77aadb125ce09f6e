//! What was said about issues, and what is counted of them for it.

use super::{Ask, whole};
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::server::Server;
use crate::store::clickhouse::sql;
use crate::store::clickhouse::stamp::Stamp;
use crate::store::clickhouse::told::issue_key;
use crate::store::triage::{CAME, Deed, Facts, Marks, Said};
use crate::store::versions;
use crate::store::{IssueId, StoreError};
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// A row of the table.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(in super::super) struct LogRow {
    pub(in super::super) app: String,
    pub(in super::super) issue: u64,
    pub(in super::super) at: u64,
    pub(in super::super) stamp: Stamp,
    pub(in super::super) who: String,
    pub(in super::super) aspect: String,
    pub(in super::super) said: String,
}

impl LogRow {
    pub(in super::super) fn of(app: &str, stamp: Stamp, deed: &Deed) -> Result<Self, StoreError> {
        let row = Self {
            app: app.to_owned(),
            issue: deed.issue,
            at: deed.at,
            stamp,
            who: deed.who.clone(),
            aspect: String::new(),
            said: String::new(),
        };
        row.saying(&deed.said)
    }

    /// The same row with other words.
    pub(in super::super) fn saying(self, said: &Said) -> Result<Self, StoreError> {
        let text =
            serde_json::to_string(said).map_err(|error| StoreError::Fault(error.to_string()))?;
        Ok(Self {
            aspect: said.aspect().to_owned(),
            said: text,
            ..self
        })
    }

    pub(in super::super) fn deed(&self) -> Result<Deed, StoreError> {
        Ok(Deed {
            issue: self.issue,
            at: self.at,
            who: self.who.clone(),
            said: read(&self.said)?,
        })
    }
}

fn read(said: &str) -> Result<Said, StoreError> {
    serde_json::from_str(said)
        .map_err(|error| StoreError::Fault(format!("what was said cannot be read: {error}")))
}

/// Rows that `which` is true of, in their order.
pub(in super::super) async fn rows(
    server: &Server,
    which: &str,
) -> Result<Vec<LogRow>, StoreError> {
    server
        .rows(&format!(
            "SELECT app, issue, at, stamp, who, aspect, said FROM triage WHERE {which} ORDER BY at, stamp"
        ))
        .await
}

/// Everything that was said about issues, in its order.
pub(in super::super) async fn deeds(ask: Ask<'_>, issues: &[u64]) -> Result<Vec<Deed>, StoreError> {
    let which = format!(
        "app = {} AND issue IN {}",
        sql::text(&ask.history.app),
        sql::list(issues, |id| id.to_string())
    );
    let rows = rows(ask.server, &which).await?;
    let deeds: Result<Vec<Deed>, StoreError> = rows.iter().map(LogRow::deed).collect();
    Ok(once(deeds?))
}

/// The same without what was written twice: two collectors that move reports of an issue at the same time both say what was said of
/// it. Identical deeds are one, and what comes by itself is said again only when something else was said of the same meanwhile.
fn once(deeds: Vec<Deed>) -> Vec<Deed> {
    let mut known: Vec<Deed> = Vec::with_capacity(deeds.len());
    for deed in deeds {
        let same = |one: &&Deed| one.issue == deed.issue && concerns_same(&one.said, &deed.said);
        let is_said = deed.who.is_empty()
            && known
                .iter()
                .rfind(same)
                .is_some_and(|last| last.said == deed.said && last.who.is_empty());
        if !is_said && !known.contains(&deed) {
            known.push(deed);
        }
    }
    known
}

/// Whether one of the two takes the place of the other.
fn concerns_same(one: &Said, other: &Said) -> bool {
    match (one, other) {
        (Said::Came(one), Said::Came(other)) => one == other,
        (Said::Took(one) | Said::Gave(one), Said::Took(other) | Said::Gave(other)) => one == other,
        _ => one.aspect() == "into" && other.aspect() == "into",
    }
}

#[derive(Row, Deserialize)]
struct LatestRow {
    issue: u64,
    said: String,
}

/// Issues that reports of this one went to; `further`: itself, and wherever they went from there as well.
pub(in super::super) async fn places(
    ask: Ask<'_>,
    issue: u64,
    further: bool,
) -> Result<Vec<u64>, StoreError> {
    let ways = ways(ask, "1 = 1").await?;
    let next = |at: u64| {
        let ways = ways.iter().filter(move |(from, _)| *from == at);
        ways.map(|(_, to)| *to)
    };
    if !further {
        return Ok(next(issue).collect());
    }
    let mut places = vec![issue];
    let mut looked = 0;
    while let Some(at) = places.get(looked).copied() {
        let new: Vec<u64> = next(at).filter(|to| !places.contains(to)).collect();
        places.extend(new);
        looked += 1;
    }
    Ok(places)
}

/// Whence and where reports went by themselves, of the rows that `which` is true of.
async fn ways(ask: Ask<'_>, which: &str) -> Result<Vec<(u64, u64)>, StoreError> {
    let rows: Vec<LatestRow> = ask
        .server
        .rows(&format!(
            "SELECT DISTINCT issue, said FROM triage WHERE app = {} AND aspect = '{CAME}' AND {which} ORDER BY issue, said",
            sql::text(&ask.history.app)
        ))
        .await?;
    let mut ways = Vec::with_capacity(rows.len());
    for row in rows {
        if let Said::Came(from) = read(&row.said)? {
            ways.push((from, row.issue));
        }
    }
    Ok(ways)
}

/// All numbers of issues.
pub(in super::super) async fn numbers(
    ask: Ask<'_>,
    asked: &[IssueId],
) -> Result<BTreeMap<IssueId, Vec<IssueId>>, StoreError> {
    if ask.history.is_empty() {
        return Ok(BTreeMap::new());
    }
    let marks = marks(ask).await?;
    let roots: BTreeSet<u64> = asked.iter().map(|issue| marks.root(issue.0)).collect();
    let roots: Vec<u64> = roots.into_iter().collect();
    let among = format!("issue IN {}", sql::list(&roots, |id| id.to_string()));
    let (there, came) = tokio::try_join!(there(ask, &roots), ways(ask, &among))?;
    Ok(marks.numbers(asked, |root| there.contains(&root), &came))
}

/// Those of these issues that something is counted of.
async fn there(ask: Ask<'_>, issues: &[u64]) -> Result<HashSet<u64>, StoreError> {
    if issues.is_empty() || ask.history.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<IssueRow> = ask
        .server
        .rows(&format!(
            "SELECT issue {} AND key IN {} GROUP BY issue HAVING sum(n) > 0",
            ask.history.of_summary(What::Issues),
            keys(issues)
        ))
        .await?;
    Ok(found.into_iter().map(|row| row.issue).collect())
}

#[derive(Row, Deserialize)]
struct IssueRow {
    issue: u64,
}

/// What counts now.
pub(in super::super) async fn marks(ask: Ask<'_>) -> Result<Marks, StoreError> {
    let rows: Vec<LatestRow> = ask
        .server
        .rows(&format!(
            "SELECT issue, argMax(said, (at, stamp)) FROM triage WHERE app = {} AND aspect IN ('state', 'assignee', 'into')
             GROUP BY issue, aspect",
            sql::text(&ask.history.app)
        ))
        .await?;
    let rows = rows
        .into_iter()
        .map(|row| Ok((row.issue, read(&row.said)?)))
        .collect::<Result<Vec<_>, StoreError>>()?;
    let targets: HashSet<u64> = rows
        .iter()
        .flat_map(|(issue, said)| match said {
            Said::Merged(into) => vec![*into],
            Said::Went(into) => vec![*issue, *into],
            _ => Vec::new(),
        })
        .collect();
    let there = there(ask, &targets.into_iter().collect::<Vec<_>>()).await?;
    Ok(Marks::read(rows, |issue| there.contains(&issue)))
}

/// The keys of issues, as a list to be looked in.
pub(in super::super) fn keys(issues: &[u64]) -> String {
    sql::list(issues, |issue| sql::bytes(&issue_key(*issue)))
}

#[derive(Row, Deserialize)]
struct KindRow {
    kind: String,
}

/// The kind of an issue that something is counted of.
pub(in super::super) async fn kind(ask: Ask<'_>, issue: u64) -> Result<Option<String>, StoreError> {
    let rows: Vec<KindRow> = ask
        .server
        .rows(&format!(
            "SELECT any(word) {} AND key = {} GROUP BY issue HAVING sum(n) > 0",
            ask.history.of_summary(What::Issues),
            sql::bytes(&issue_key(issue))
        ))
        .await?;
    Ok(rows.into_iter().next().map(|row| row.kind))
}

#[derive(Row, Deserialize)]
struct SeenRow {
    issue: u64,
    release: String,
    first: u64,
    reports: i64,
}

/// What is counted of each of these issues; when releases were first seen and whom they met is left out.
pub(in super::super) async fn facts_of(
    ask: Ask<'_>,
    issues: &[u64],
) -> Result<HashMap<u64, Facts>, StoreError> {
    let question = format!(
        "SELECT issue, release, toUInt64(0), sum(n) AS reports {} AND key IN {} GROUP BY issue, release HAVING reports > 0",
        ask.history.of_summary(What::Issues),
        keys(issues)
    );
    counted(ask, issues, &question).await
}

/// The facts that the rows of a question tell.
async fn counted(
    ask: Ask<'_>,
    issues: &[u64],
    question: &str,
) -> Result<HashMap<u64, Facts>, StoreError> {
    let mut facts: HashMap<u64, Facts> = HashMap::new();
    if issues.is_empty() {
        return Ok(facts);
    }
    let rows: Vec<SeenRow> = ask.server.rows(question).await?;
    for row in rows {
        let of = facts.entry(row.issue).or_default();
        of.seen.insert(row.release, row.first);
        of.reports += whole(row.reports);
    }
    Ok(facts)
}

impl Facts {
    /// What is counted of both.
    pub(in super::super) fn and(&mut self, other: &Self) {
        for (release, first) in &other.seen {
            let known = self.seen.entry(release.clone()).or_insert(*first);
            *known = (*known).min(*first);
        }
        self.reports += other.reports;
    }
}

/// What is counted of issues together, and when releases were first seen.
pub(in super::super) async fn facts(ask: Ask<'_>, issues: &[u64]) -> Result<Facts, StoreError> {
    let question = format!(
        "SELECT issue, release, min(at), sum(reports) FROM
             (SELECT issue, release, at, sum(n) AS reports {} AND key IN {} GROUP BY issue, release, at HAVING reports > 0)
         GROUP BY issue, release",
        ask.history.of_summary(What::Issues),
        keys(issues)
    );
    let mut facts = Facts::default();
    let of = counted(ask, issues, &question).await?;
    of.values().for_each(|one| facts.and(one));
    facts.installs = installs(ask, issues).await?;
    Ok(facts)
}

/// How many installations are behind the reports of issues that are kept.
async fn installs(ask: Ask<'_>, issues: &[u64]) -> Result<u64, StoreError> {
    let question = format!(
        "SELECT count() AS count FROM (SELECT pseudonym {} AND key IN {} GROUP BY pseudonym HAVING sum(n) > 0)",
        ask.history.of_summary(What::Sighting),
        keys(issues)
    );
    ask.server.count(&question).await
}

#[derive(Row, Deserialize)]
struct ReleaseRow {
    release: String,
}

/// The latest release that had a run or an issue.
pub(in super::super) async fn latest_release(ask: Ask<'_>) -> Result<Option<String>, StoreError> {
    let mut releases = Vec::new();
    for what in [What::Runs, What::Issues] {
        let rows: Vec<ReleaseRow> = ask
            .server
            .rows(&format!(
                "SELECT release {} GROUP BY release HAVING sum(n) > 0",
                ask.history.of_summary(what)
            ))
            .await?;
        releases.extend(rows.into_iter().map(|row| row.release));
    }
    Ok(releases.into_iter().max_by(|a, b| versions::compare(a, b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(at: u64, who: &str, said: Said) -> Deed {
        Deed {
            issue: 7,
            at,
            who: who.to_owned(),
            said,
        }
    }

    #[test]
    fn what_two_collectors_wrote_was_said_once_and_what_was_done_again_was_done_twice() {
        let told = vec![
            deed(10, "Wei", Said::Reopened),
            deed(10, "Wei", Said::Reopened),
            deed(20, "", Said::Came(1)),
            deed(20, "", Said::Merged(3)),
            deed(21, "", Said::Merged(3)),
            deed(22, "", Said::Came(1)),
            deed(23, "", Said::Came(2)),
            deed(30, "Wei", Said::Split(3)),
            deed(40, "", Said::Merged(3)),
            deed(41, "", Said::Took(5)),
            deed(42, "Wei", Said::Gave(5)),
            deed(43, "", Said::Took(5)),
            deed(44, "", Said::Took(6)),
            deed(45, "", Said::Took(5)),
            deed(50, "Wei", Said::Reopened),
        ];
        let kept: Vec<u64> = once(told).into_iter().map(|deed| deed.at).collect();
        assert_eq!(kept, [10, 20, 20, 23, 30, 40, 41, 42, 43, 44, 50]);
    }
}
