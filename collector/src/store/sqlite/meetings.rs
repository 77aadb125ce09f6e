//! When installations and runs met issues: what a report changes of it, and what is left when reports go.

use super::class::Class;
use super::delta::{Cell, Deltas, Sign};
use super::writer::Work;
use crate::store::issue_day::{HOUR, Met};
use crate::store::{Dimension, ids};
use candor_protocol::report::Report;
use rusqlite::{Params, Row, Transaction};
use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

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

    /// The column that names it, and the index that has its meetings.
    const fn column(&self) -> (&'static str, &'static str) {
        match self {
            Self::Install(_) => ("pseudonym", "report_pseudonym"),
            Self::Run(_) => ("run", "report_run"),
        }
    }

    /// All of its meetings with an issue, in their order.
    fn meetings(&self) -> &'static str {
        match self {
            Self::Install(_) => {
                "SELECT at - at % 3600, release, os, device FROM report INDEXED BY report_pseudonym
                 WHERE app = ? AND pseudonym = ? AND issue = ? ORDER BY at LIMIT ?"
            }
            Self::Run(_) => {
                "SELECT at - at % 3600, release, os, device FROM report INDEXED BY report_run
                 WHERE app = ? AND run = ? AND issue = ? ORDER BY at LIMIT ?"
            }
        }
    }

    /// How often it was there with a class in the hour of `?4`, at most twice, and when before and after; `?5` names the class.
    fn around(&self, class: Option<Dimension>) -> String {
        let (who, index) = self.column();
        let class = class.map_or("?5 IS ?5".to_owned(), |dimension| {
            format!("{} = ?5", dimension.as_str())
        });
        let from = format!(
            "FROM report INDEXED BY {index} WHERE app = ?1 AND {who} = ?2 AND issue = ?3 AND {class}"
        );
        format!(
            "SELECT (SELECT count(*) FROM (SELECT 1 {from} AND at >= ?4 AND at < ?4 + 3600 LIMIT 2)),
                    (SELECT max(at) {from} AND at < ?4),
                    (SELECT min(at) {from} AND at >= ?4 + 3600)"
        )
    }
}

/// A meeting: when its hour begins, and in which classes it was.
type Meeting = (u64, [Class; 3]);

fn meeting(row: &Row<'_>) -> rusqlite::Result<Meeting> {
    let words = [row.get(1)?, row.get(2)?, row.get(3)?];
    Ok((row.get(0)?, Class::each(words)))
}

/// So many meetings of one installation with one issue are read in a row; who crashes in a loop has more.
const FEW: i64 = 32;

/// What is known around the hour of a meeting.
#[derive(Debug, Default, PartialEq, Eq)]
struct Around {
    /// Reports in the hour, at least as far as two.
    there: usize,
    before: Option<u64>,
    after: Option<u64>,
}

impl Around {
    fn of(known: &[Meeting], class: Class, hour: u64) -> Self {
        let mut around = Self::default();
        let is_mine = |classes: &[Class]| class == Class::ALL || classes.contains(&class);
        let mine = known.iter().filter(|(_, classes)| is_mine(classes));
        for (at, _) in mine {
            match at.cmp(&hour) {
                Ordering::Less => around.before = Some(*at),
                Ordering::Equal => around.there += 1,
                Ordering::Greater => around.after = around.after.or(Some(*at)),
            }
        }
        around
    }

    fn read(
        tx: &Transaction<'_>,
        (app, who, issue): (i64, &Who, i64),
        (dimension, class): (Option<Dimension>, Class),
        hour: u64,
    ) -> rusqlite::Result<Self> {
        tx.prepare_cached(&who.around(dimension))?.query_row(
            (app, who.id(), issue, hour, class.word()),
            |row| {
                Ok(Self {
                    there: row.get(0)?,
                    before: row.get(1)?,
                    after: row.get(2)?,
                })
            },
        )
    }
}

/// Counts the meeting that a report tells of, after it was written.
pub(super) fn meet(
    work: &mut Work<'_>,
    cell: Cell,
    issue: i64,
    report: &Report,
) -> rusqlite::Result<()> {
    let at = cell.at as u64;
    let hour = at - at % HOUR;
    let [release, os, device] = cell.classes();
    let classes = [
        (None, Class::ALL),
        (Some(Dimension::Release), release),
        (Some(Dimension::Os), os),
        (Some(Dimension::Device), device),
    ];
    for who in [
        Who::Install(ids::pseudonym(&report.pseudonym)),
        Who::Run(ids::run(&report.run)),
    ] {
        let known: Vec<Meeting> = work
            .tx
            .prepare_cached(who.meetings())?
            .query_map((cell.app, who.id(), issue, FEW), meeting)?
            .collect::<rusqlite::Result<_>>()?;
        for (dimension, class) in &classes {
            let around = match known.len() < FEW as usize {
                true => Around::of(&known, *class, hour),
                false => {
                    let key = (cell.app, &who, issue);
                    Around::read(work.tx, key, (*dimension, *class), hour)?
                }
            };
            if around.there > 1 {
                continue;
            }
            let of = (cell.app, *class, issue);
            let (one, less) = (who.met(Sign::Add), who.met(Sign::Take));
            work.deltas.meet(of, hour, around.before, one);
            if let Some(after) = around.after {
                // Its meeting before is another one now.
                work.deltas.meet(of, after, around.before, less);
                work.deltas.meet(of, after, Some(hour), one);
            }
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
        let mut query = tx.prepare_cached(who.meetings())?;
        let mut rows = query.query((app, who.id(), issue, -1))?;
        let mut last: HashMap<Class, u64> = HashMap::new();
        while let Some(row) = rows.next()? {
            let (hour, classes) = meeting(row)?;
            for class in [Class::ALL].into_iter().chain(classes) {
                let before = last.insert(class, hour);
                if before != Some(hour) {
                    let of = (app, class, *issue);
                    work.deltas.meet(of, hour, before, who.met(sign));
                }
            }
        }
    }
    Ok(())
}

/// Counts every issue, where nothing is counted.
pub(super) fn fill(tx: &Transaction<'_>) -> rusqlite::Result<()> {
    let issues = tx
        .prepare("SELECT app, id FROM issue")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    issues
        .into_iter()
        .try_for_each(|(app, issue)| count_all(tx, app, issue))
}

/// Counts some issues again. On which days they were before only the caller knows, who has to stamp them.
pub(super) fn count_again(tx: &Transaction<'_>, app: i64, issues: &[i64]) -> rusqlite::Result<()> {
    for issue in issues {
        tx.prepare_cached(
            "DELETE FROM issue_day WHERE app = ?1 AND issue = ?2 AND day IN (SELECT day FROM stamp WHERE app = ?1 AND about = 0)",
        )?
        .execute((app, issue))?;
        count_all(tx, app, *issue)?;
    }
    Ok(())
}

/// Counts an issue of which nothing is counted, by the summaries and by the reports that are kept.
fn count_all(tx: &Transaction<'_>, app: i64, issue: i64) -> rusqlite::Result<()> {
    let mut deltas = Deltas::default();
    let mut counts = tx.prepare_cached(
        "SELECT at, release, os, device, reports, fatal FROM issue_count WHERE app = ? AND issue = ?",
    )?;
    let mut rows = counts.query((app, issue))?;
    while let Some(row) = rows.next()? {
        let cell = Cell {
            app,
            at: row.get(0)?,
            release: row.get(1)?,
            os: row.get(2)?,
            device: row.get(3)?,
        };
        deltas.count(cell, issue, row.get(4)?, row.get(5)?);
    }
    for (column, met) in [
        ("pseudonym", Who::Install([0; 16]).met(Sign::Add)),
        ("run", Who::Run([0; 16]).met(Sign::Add)),
    ] {
        let mut met_at = tx.prepare_cached(&format!(
            "SELECT at - at % 3600, release, os, device, {column} FROM report WHERE app = ? AND issue = ?"
        ))?;
        let met_at = met_at.query_map((app, issue), |row| {
            let (hour, [release, os, device]) = meeting(row)?;
            let who: [u8; 16] = row.get(4)?;
            Ok([Class::ALL, release, os, device].map(|class| (class, who, hour)))
        })?;
        let met_at = met_at.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut met_at = met_at.into_flattened();
        met_at.sort_unstable();
        met_at.dedup();
        let mut last = None;
        for (class, who, at) in met_at {
            let same = last.filter(|(of, _)| *of == (class, who));
            let before = same.map(|(_, at)| at);
            deltas.meet((app, class, issue), at, before, met);
            last = Some(((class, who), at));
        }
    }
    deltas.write(tx)
}
