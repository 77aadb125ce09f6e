//! How many installations met which issue, by class of one dimension.

use super::class::{self, Class};
use super::read::among;
use crate::store::issue_day::Hours;
use crate::store::{Dimension, IssueId, Spreads};
use rusqlite::Transaction;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// How many installations met an issue, in a class or, as [`Class::ALL`], in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Met {
    pub(super) issue: u64,
    class: Class,
    installs: u32,
}

/// How many installations met each issue in a day and not before in a range of days, in each class of a dimension: over all days of the
/// range it adds up to those that met it there. In order.
pub(super) fn met_in(
    db: &Transaction<'_>,
    app: i64,
    dimension: Dimension,
    day: u64,
    (from, to): (u64, u64),
) -> rusqlite::Result<Vec<Met>> {
    let hours = Hours::between(from, to);
    let mut query =
        db.prepare_cached("SELECT issue, hours, classes FROM issue_day WHERE app = ? AND day = ?")?;
    let mut rows = query.query((app, day))?;
    let mut all = Vec::new();
    while let Some(row) = rows.next()? {
        let issue = row.get::<_, i64>(0)? as u64;
        let hours_of_all = (Class::ALL, row.get_ref(1)?.as_blob()?);
        let classes = class::each(row.get_ref(2)?.as_blob()?);
        let classes = classes.filter(|(class, _)| class.is_of(dimension));
        for (class, packed) in [hours_of_all].into_iter().chain(classes) {
            let installs = hours.total(day, packed, |_, _| {}).installs as u32;
            if installs > 0 {
                all.push(Met {
                    issue,
                    class,
                    installs,
                });
            }
        }
    }
    all.sort_unstable();
    all.shrink_to_fit();
    Ok(all)
}

/// Adds up what is counted of the same issue and class; lists that are in order stand one after another.
pub(super) fn sum(met: &mut Vec<Met>) {
    // A stable sort merges what is in order already.
    met.sort();
    met.dedup_by(|next, kept| {
        let same = (next.issue, next.class) == (kept.issue, kept.class);
        if same {
            kept.installs += next.installs;
        }
        same
    });
}

/// How many installations met issues that are one, whose number comes first, from one moment to another.
pub(super) fn met_one(
    db: &Transaction<'_>,
    app: i64,
    dimension: Dimension,
    family: &[u64],
    (from, to): (u64, u64),
) -> rusqlite::Result<Vec<Met>> {
    let mut query = db.prepare(&format!(
        "SELECT DISTINCT pseudonym, {} FROM report INDEXED BY report_issue
         WHERE app = ? AND issue {} AND at >= ? AND at < ?",
        dimension.as_str(),
        among(family)
    ))?;
    let mut rows = query.query((app, from as i64, to as i64))?;
    let mut all: HashSet<[u8; 16]> = HashSet::new();
    let mut by: HashMap<Class, u32> = HashMap::new();
    while let Some(row) = rows.next()? {
        all.insert(row.get(0)?);
        *by.entry(Class::of(dimension, row.get(1)?)).or_default() += 1;
    }
    by.insert(Class::ALL, all.len() as u32);
    let issue = family.first().copied().unwrap_or_default();
    let met = by.into_iter().map(|(class, installs)| Met {
        issue,
        class,
        installs,
    });
    Ok(met.collect())
}

/// Adds them up, by the names of the classes.
pub(super) fn add_up(db: &Transaction<'_>, met: Vec<Met>) -> rusqlite::Result<Spreads> {
    let classes: BTreeSet<Class> = met.iter().map(|met| met.class).collect();
    let mut word = db.prepare_cached("SELECT text FROM word WHERE id = ?")?;
    let mut names: BTreeMap<Class, String> = BTreeMap::new();
    for class in classes.into_iter().filter(|class| *class != Class::ALL) {
        names.insert(class, word.query_row([class.word()], |row| row.get(0))?);
    }
    let counted = met.into_iter().map(|met| {
        let class = Some(met.class).filter(|class| *class != Class::ALL);
        (IssueId(met.issue), class, met.installs)
    });
    Ok(Spreads::of(counted, |class| {
        names.remove(&class).unwrap_or_default()
    }))
}
