//! When installations and runs met issues: what a report changes of it, and what is left when reports go.

use super::delta::Sign;
use super::stamp;
use super::writer::Work;
use crate::store::ids;
use crate::store::issue_day::{DAY, HOUR, IssueDay, Met};
use candor_protocol::report::Report;
use rusqlite::{Params, Transaction};
use std::collections::{BTreeMap, HashSet};

/// Who meets an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Who {
    Install([u8; 16]),
    Run([u8; 16]),
}

impl Who {
    const fn id(&self) -> &[u8; 16] {
        match self {
            Self::Install(id) | Self::Run(id) => id,
        }
    }

    /// One of them, more or less.
    const fn met(&self, sign: Sign) -> Met {
        let one = match sign {
            Sign::Add => 1,
            Sign::Take => -1,
        };
        match self {
            Self::Install(_) => Met {
                installs: one,
                runs: 0,
            },
            Self::Run(_) => Met {
                installs: 0,
                runs: one,
            },
        }
    }

    /// How often it was there in the hour of `?4`, at most twice, and when before and after.
    const fn around(&self) -> &'static str {
        macro_rules! around {
            ($who:literal, $index:literal) => {
                concat!(
                    "SELECT
                         (SELECT count(*) FROM (SELECT 1 FROM report INDEXED BY ",
                    $index,
                    "
                          WHERE app = ?1 AND ",
                    $who,
                    " = ?2 AND issue = ?3 AND at >= ?4 AND at < ?4 + 3600 LIMIT 2)),
                         (SELECT max(at) FROM report INDEXED BY ",
                    $index,
                    "
                          WHERE app = ?1 AND ",
                    $who,
                    " = ?2 AND issue = ?3 AND at < ?4),
                         (SELECT min(at) FROM report INDEXED BY ",
                    $index,
                    "
                          WHERE app = ?1 AND ",
                    $who,
                    " = ?2 AND issue = ?3 AND at >= ?4 + 3600)"
                )
            };
        }
        match self {
            Self::Install(_) => around!("pseudonym", "report_pseudonym"),
            Self::Run(_) => around!("run", "report_run"),
        }
    }

    /// All of its hours, in their order.
    const fn hours(&self) -> &'static str {
        match self {
            Self::Install(_) => {
                "SELECT DISTINCT at - at % 3600 FROM report INDEXED BY report_pseudonym
                 WHERE app = ? AND pseudonym = ? AND issue = ? ORDER BY at"
            }
            Self::Run(_) => {
                "SELECT DISTINCT at - at % 3600 FROM report INDEXED BY report_run
                 WHERE app = ? AND run = ? AND issue = ? ORDER BY at"
            }
        }
    }
}

/// Counts the meeting that a report tells of, after it was written.
pub(super) fn meet(
    work: &mut Work<'_>,
    app: i64,
    issue: i64,
    report: &Report,
) -> rusqlite::Result<()> {
    let at = report.at.unix_seconds();
    let hour = at - at % HOUR;
    for who in [
        Who::Install(ids::pseudonym(&report.pseudonym)),
        Who::Run(ids::run(&report.run)),
    ] {
        let (there, before, after): (u32, Option<u64>, Option<u64>) = work
            .tx
            .prepare_cached(who.around())?
            .query_row((app, who.id(), issue, hour), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?;
        if there > 1 {
            continue;
        }
        let (one, less) = (who.met(Sign::Add), who.met(Sign::Take));
        work.deltas.meet(app, issue, hour, before, one);
        if let Some(after) = after {
            // Its meeting before is another one now.
            work.deltas.meet(app, issue, after, before, less);
            work.deltas.meet(app, issue, after, Some(hour), one);
        }
    }
    Ok(())
}

/// Issues, and who met them.
pub(super) type Meetings = HashSet<(i64, Who)>;

/// Those of some reports; `which` is what stands behind WHERE.
pub(super) fn of_reports(
    tx: &Transaction<'_>,
    which: &str,
    values: impl Params,
) -> rusqlite::Result<Meetings> {
    let mut query = tx.prepare_cached(&format!(
        "SELECT issue, pseudonym, run FROM report WHERE issue IS NOT NULL AND {which}"
    ))?;
    let mut rows = query.query(values)?;
    let mut meetings = Meetings::new();
    while let Some(row) = rows.next()? {
        let issue = row.get(0)?;
        meetings.insert((issue, Who::Install(row.get(1)?)));
        meetings.insert((issue, Who::Run(row.get(2)?)));
    }
    Ok(meetings)
}

/// Counts all of these meetings, or no longer counts them. Whoever removes or moves reports takes theirs out before and adds what is
/// left of them afterwards.
pub(super) fn count(
    work: &mut Work<'_>,
    app: i64,
    meetings: &Meetings,
    sign: Sign,
) -> rusqlite::Result<()> {
    let tx = work.tx;
    for (issue, who) in meetings {
        let mut query = tx.prepare_cached(who.hours())?;
        let mut rows = query.query((app, who.id(), issue))?;
        let mut before = None;
        while let Some(row) = rows.next()? {
            let hour = row.get(0)?;
            work.deltas.meet(app, *issue, hour, before, who.met(sign));
            before = Some(hour);
        }
    }
    Ok(())
}

/// Counts every issue again.
pub(super) fn fill(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let issues = tx
        .prepare("SELECT app, id FROM issue")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    issues
        .into_iter()
        .try_for_each(|(app, issue)| count_again(tx, app, issue))
}

/// Counts one issue again, by the summaries and by the reports that are kept. On which days it was before only the caller knows, who has to
/// stamp them.
pub(super) fn count_again(tx: &Transaction<'_>, app: i64, issue: i64) -> rusqlite::Result<()> {
    let mut days: BTreeMap<u64, IssueDay> = BTreeMap::new();
    let day = |at: u64| at - at % DAY;
    let mut counts = tx.prepare_cached(
        "SELECT at, sum(reports), sum(fatal) FROM issue_count WHERE app = ? AND issue = ? GROUP BY at",
    )?;
    let mut rows = counts.query((app, issue))?;
    while let Some(row) = rows.next()? {
        let at = row.get(0)?;
        let of_day = days.entry(day(at)).or_default();
        of_day.count(at, row.get(1)?, row.get(2)?);
    }
    for (column, met) in [
        ("pseudonym", Who::Install([0; 16]).met(Sign::Add)),
        ("run", Who::Run([0; 16]).met(Sign::Add)),
    ] {
        let mut met_at = tx.prepare_cached(&format!(
            "SELECT {column}, at - at % 3600 FROM report WHERE app = ? AND issue = ?"
        ))?;
        let met_at = met_at.query_map((app, issue), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut met_at = met_at.collect::<rusqlite::Result<Vec<([u8; 16], u64)>>>()?;
        met_at.sort_unstable();
        met_at.dedup();
        let mut last = None;
        for (who, at) in met_at {
            let before = last.filter(|(other, _)| *other == who).map(|(_, at)| at);
            days.entry(day(at)).or_default().meet(at, before, met);
            last = Some((who, at));
        }
    }
    tx.prepare_cached(
        "DELETE FROM issue_day WHERE app = ?1 AND issue = ?2 AND day IN (SELECT day FROM stamp WHERE app = ?1 AND about = 0)",
    )?
    .execute((app, issue))?;
    let mut insert =
        tx.prepare_cached("INSERT INTO issue_day (app, day, issue, hours) VALUES (?, ?, ?, ?)")?;
    for (day, counted) in days {
        insert.execute((app, day, issue, counted.pack()))?;
        stamp::day(tx, app, day)?;
    }
    Ok(())
}
