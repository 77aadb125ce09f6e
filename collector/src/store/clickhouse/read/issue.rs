//! One issue in full.

use super::{Ask, issues, triage, whole, within};
use crate::store::clickhouse::cell::What;
use crate::store::clickhouse::sql;
use crate::store::triage::turns;
use crate::store::{
    Breakdown, IssueFilter, IssueId, IssuePage, IssueWithin, Member, Span, StoreError,
};
use candor_protocol::deidentify::Release;
use clickhouse::Row;
use serde::Deserialize;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};

#[derive(Row, Deserialize)]
struct WhyRow {
    issue: u64,
    title: String,
    why: String,
}

#[derive(Row, Deserialize)]
struct ClassRow {
    label: String,
    reports: u64,
    runs: u64,
}

#[derive(Row, Deserialize)]
struct RunsRow {
    label: String,
    runs: i64,
}

#[derive(Row, Deserialize)]
struct TrendRow {
    release: String,
    at: u64,
    reports: i64,
}

pub(in super::super) async fn issue(
    ask: Ask<'_>,
    id: IssueId,
    span: Span,
    now: u64,
) -> Result<Option<IssuePage>, StoreError> {
    if ask.history.is_empty() {
        return Ok(None);
    }
    let marks = triage::marks(ask).await?;
    let root = marks.root(id.0);
    let filter = IssueFilter::all(span, now);
    let Some(row) = issues::one(ask, root, &filter, &marks).await? else {
        return Ok(None);
    };
    let family = marks.family(root);
    let why = format!(
        "SELECT id, argMin(title, block), argMin(why, block) FROM issue WHERE app = {} AND id IN {} GROUP BY id ORDER BY id",
        sql::text(&ask.history.app),
        sql::list(&family, |id| id.to_string())
    );
    let total = format!(
        "SELECT toUInt64(sum(n)) AS count {} {}",
        ask.history.of_summary(What::Runs),
        within(span)
    );
    let (why, runs_total, by_release, by_os, by_device): (Vec<WhyRow>, _, _, _, _) = tokio::try_join!(
        ask.server.rows(&why),
        ask.server.count(&total),
        breakdown(ask, &family, None, span, "release"),
        breakdown(ask, &family, None, span, "os"),
        breakdown(ask, &family, None, span, "device")
    )?;
    let mut members = Vec::new();
    let mut own = None;
    for row in why {
        let why = issues::read_why(&row.why)?;
        match row.issue == root {
            true => own = Some(why),
            false if marks.went(row.issue) => {}
            false => members.push(Member {
                id: IssueId(row.issue),
                title: row.title,
                why,
            }),
        }
    }
    let unknown = || StoreError::Fault("an issue has no explanation".to_owned());
    let deeds = triage::deeds(ask, &marks.voices(root)).await?;
    let facts = match deeds.is_empty() {
        true => Default::default(),
        false => triage::facts(ask, &family).await?,
    };
    let first = (row.first_seen, row.first_release.as_str());
    Ok(Some(IssuePage {
        turns: turns(root, &deeds, &facts, first, now),
        by_release,
        by_os,
        by_device,
        trends: trends(ask, &family, span).await?,
        members,
        why: own.ok_or_else(unknown)?,
        runs_total,
        row,
    }))
}

/// One issue in one release.
pub(in super::super) async fn issue_within(
    ask: Ask<'_>,
    id: IssueId,
    release: &Release,
    span: Span,
) -> Result<IssueWithin, StoreError> {
    if ask.history.is_empty() {
        return Ok(IssueWithin::default());
    }
    let marks = triage::marks(ask).await?;
    let root = marks.root(id.0);
    let filter = IssueFilter {
        release: Some(release.to_string()),
        ..IssueFilter::all(span, 0)
    };
    let Some(row) = issues::one(ask, root, &filter, &marks).await? else {
        return Ok(IssueWithin::default());
    };
    let family = marks.family(root);
    let total = format!(
        "SELECT toUInt64(sum(n)) AS count {} {} {}",
        ask.history.of_summary(What::Runs),
        within(span),
        of_release(Some(release))
    );
    let (runs_total, by_os, by_device) = tokio::try_join!(
        ask.server.count(&total),
        breakdown(ask, &family, Some(release), span, "os"),
        breakdown(ask, &family, Some(release), span, "device")
    )?;
    Ok(IssueWithin {
        reports: row.reports,
        fatal: row.fatal,
        runs: row.runs,
        installs: row.installs,
        spark: row.spark,
        rising: row.rising,
        runs_total,
        by_os,
        by_device,
    })
}

/// What restricts rows to a release, if one is asked for.
fn of_release(release: Option<&Release>) -> String {
    release.map_or_else(String::new, |release| {
        format!("AND release = {}", sql::text(release.as_str()))
    })
}

/// Reports per step in each release.
async fn trends(
    ask: Ask<'_>,
    family: &[u64],
    span: Span,
) -> Result<Vec<(String, Vec<u32>)>, StoreError> {
    let rows: Vec<TrendRow> = ask
        .server
        .rows(&format!(
            "SELECT release, at, sum(n) AS reports {} AND key IN {} {} GROUP BY release, at HAVING reports > 0",
            ask.history.of_summary(What::Issues),
            triage::keys(family),
            within(span)
        ))
        .await?;
    let mut trends: BTreeMap<String, Vec<u32>> = BTreeMap::new();
    for row in rows {
        let steps = trends
            .entry(row.release)
            .or_insert_with(|| vec![0; span.steps()]);
        if let Some(step) = span.index(row.at).and_then(|index| steps.get_mut(index)) {
            *step = step.saturating_add(u32::try_from(row.reports).unwrap_or(u32::MAX));
        }
    }
    let mut trends: Vec<_> = trends.into_iter().collect();
    let sum = |steps: &[u32]| steps.iter().map(|&step| u64::from(step)).sum::<u64>();
    trends.sort_by_key(|(_, steps)| Reverse(sum(steps)));
    Ok(trends)
}

/// By one of the columns that reports and summaries share, of one release or of all; most reports first.
async fn breakdown(
    ask: Ask<'_>,
    family: &[u64],
    release: Option<&Release>,
    span: Span,
    column: &str,
) -> Result<Vec<Breakdown>, StoreError> {
    let range = format!("{} {}", within(span), of_release(release));
    let mine = format!(
        "SELECT {column}, count(), uniqExact(run) FROM
             (SELECT {column}, id, run {} AND key IN {} {range} GROUP BY {column}, id, run HAVING sum(n) > 0)
         GROUP BY {column} ORDER BY count() DESC, {column}",
        ask.history.of_summary(What::Sighting),
        triage::keys(family)
    );
    let runs = format!(
        "SELECT {column}, sum(n) {} {range} GROUP BY {column}",
        ask.history.of_summary(What::Runs)
    );
    let (mine, runs): (Vec<ClassRow>, Vec<RunsRow>) =
        tokio::try_join!(ask.server.rows(&mine), ask.server.rows(&runs))?;
    let runs: HashMap<String, u64> = runs
        .into_iter()
        .map(|row| (row.label, whole(row.runs)))
        .collect();
    Ok(mine
        .into_iter()
        .map(|row| Breakdown {
            of: runs.get(&row.label).copied().unwrap_or_default(),
            label: row.label,
            reports: row.reports,
            runs: row.runs,
        })
        .collect())
}
