//! Who met which issue, by class of one dimension: what is remembered of days, and of ranges that were asked for before.

use super::class::{self, Class};
use super::read::among;
use crate::store::issue_day::Hours;
use crate::store::{Dimension, IssueId, Spread};
use rusqlite::{OptionalExtension, Transaction};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// How many installations met an issue, in a class or, as [`Class::ALL`], in all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Met {
    pub(super) issue: u64,
    class: Class,
    installs: u32,
}

/// How many installations met each issue in a day and not before in a range of days, in each class of a dimension: over all days of the
/// range it adds up to those that met it there.
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
    all.shrink_to_fit();
    Ok(all)
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

/// How many installations met each issue, together and in each class, packed.
pub(super) struct Spreads {
    /// Issue, installations, and where its classes end.
    issues: Vec<(u64, u32, u32)>,
    /// Classes in their order, each with its installations.
    classes: Vec<(Class, u32)>,
}

impl Spreads {
    /// Adds them up.
    pub(super) fn of(mut met: Vec<Met>) -> Self {
        met.sort_unstable();
        let (mut issues, mut classes) = (Vec::new(), Vec::new());
        for met in met.chunk_by(|a, b| a.issue == b.issue) {
            let mut installs = 0;
            for met in met.chunk_by(|a, b| a.class == b.class) {
                let sum = met.iter().map(|met| met.installs).sum();
                match met.first() {
                    Some(Met { class, .. }) if *class != Class::ALL => classes.push((*class, sum)),
                    _ => installs = sum,
                }
            }
            let issue = met.first().map_or(0, |met| met.issue);
            issues.push((issue, installs, classes.len() as u32));
        }
        issues.shrink_to_fit();
        classes.shrink_to_fit();
        Self { issues, classes }
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.issues[..]) + size_of_val(&self.classes[..])
    }

    /// Those of the issues that `class` met.
    pub(super) fn met_by(
        &self,
        db: &Transaction<'_>,
        dimension: Dimension,
        class: &str,
    ) -> rusqlite::Result<BTreeMap<IssueId, Spread>> {
        let id: Option<i64> = db
            .prepare_cached("SELECT id FROM word WHERE text = ?")?
            .query_row([class], |row| row.get(0))
            .optional()?;
        let Some(id) = id else {
            return Ok(BTreeMap::new());
        };
        let asked = Class::of(dimension, id);
        let mut word = db.prepare_cached("SELECT text FROM word WHERE id = ?")?;
        let mut words: HashMap<Class, Arc<str>> = HashMap::new();
        let mut spreads = BTreeMap::new();
        let mut start = 0;
        for (issue, installs, end) in &self.issues {
            let classes = self.classes.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            if classes
                .binary_search_by_key(&asked, |(class, _)| *class)
                .is_err()
            {
                continue;
            }
            let mut named = Vec::with_capacity(classes.len());
            for (class, installs) in classes {
                let name = match words.entry(*class) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => {
                        let name: String = word.query_row([class.word()], |row| row.get(0))?;
                        unknown.insert(name.into())
                    }
                };
                named.push((name.clone(), u64::from(*installs)));
            }
            named.sort_unstable();
            let spread = Spread {
                installs: u64::from(*installs),
                classes: named,
            };
            spreads.insert(IssueId(*issue), spread);
        }
        Ok(spreads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::Connection;
    use std::collections::BTreeSet;

    /// A database that knows the words of three classes.
    fn words() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(
            "CREATE TABLE word (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
             INSERT INTO word VALUES (1, 'a'), (2, 'b'), (3, 'c')",
        )
        .unwrap();
        db
    }

    proptest! {
        #[test]
        fn installations_are_counted_once_in_each_class_and_once_together(
            met in proptest::collection::vec((0u64..4, 0u8..6, 1i64..4, 0u8..3), 0..60), asked in 1i64..4,
        ) {
            let (mut db, name) = (words(), |class: i64| ["", "a", "b", "c"][class as usize].to_owned());
            let tx = db.transaction().unwrap();
            let who = |issue: u64, class: Option<i64>, days: std::ops::Range<u8>| -> BTreeSet<u8> {
                let mine = met.iter().filter(|met| met.0 == issue && days.contains(&met.3));
                mine.filter(|met| class.is_none_or(|class| met.2 == class)).map(|met| met.1).collect()
            };
            let mut days = Vec::new();
            for (day, issue, class) in (0..3).flat_map(|day| (0..4).flat_map(move |issue| (0..4).map(move |class| (day, issue, class)))) {
                let of = Some(class).filter(|class| *class > 0);
                let installs = who(issue, of, 0..day + 1).len() - who(issue, of, 0..day).len();
                let class = of.map_or(Class::ALL, |word| Class::of(Dimension::Os, word));
                if installs > 0 {
                    days.push(Met { issue, class, installs: installs as u32 });
                }
            }
            let spread = Spreads::of(days);
            let got = spread.met_by(&tx, Dimension::Os, &name(asked)).unwrap();
            let mut expected: BTreeMap<IssueId, Spread> = BTreeMap::new();
            for issue in 0..4 {
                let of = |class| who(issue, Some(class), 0..3).len() as u64;
                let classes = (1..4).map(|class| (Arc::from(name(class)), of(class)));
                let classes: Vec<_> = classes.filter(|(_, installs)| *installs > 0).collect();
                if of(asked) > 0 {
                    let installs = who(issue, None, 0..3).len() as u64;
                    expected.insert(IssueId(issue), Spread { installs, classes });
                }
            }
            prop_assert_eq!(got, expected);
            prop_assert_eq!(spread.met_by(&tx, Dimension::Os, "never told").unwrap(), BTreeMap::new());
        }
    }
}
