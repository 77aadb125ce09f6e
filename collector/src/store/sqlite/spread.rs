//! Who met which issue, by class of one dimension: what is remembered of days, and of ranges that were asked for before.

use crate::store::{Dimension, Groups, IssueId};
use rusqlite::{OptionalExtension, Transaction};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// An issue, who met it, and the class that they were in then.
pub(super) type Meeting = (u64, [u8; 16], i64);

/// The meetings of a day, each once, in their order.
pub(super) fn meetings_of(
    db: &Transaction<'_>,
    app: i64,
    dimension: Dimension,
    (from, to): (u64, u64),
) -> rusqlite::Result<Vec<Meeting>> {
    let mut query = db.prepare_cached(&format!(
        "SELECT issue, pseudonym, {} FROM report INDEXED BY report_met
         WHERE app = ? AND issue IS NOT NULL AND at >= ? AND at < ?",
        dimension.as_str()
    ))?;
    let mut rows = query.query((app, from as i64, to as i64))?;
    let mut met: Vec<Meeting> = Vec::new();
    while let Some(row) = rows.next()? {
        let who = row.get_ref(1)?.as_blob()?;
        let who = who.first_chunk::<16>().copied().unwrap_or_default();
        met.push((row.get::<_, i64>(0)? as u64, who, row.get(2)?));
    }
    met.sort_unstable();
    met.dedup();
    met.shrink_to_fit();
    Ok(met)
}

/// How many installations met each issue, together and in each class, packed.
pub(super) struct Spread {
    /// Issue, installations, and where its classes end.
    issues: Vec<(u64, u32, u32)>,
    /// Classes in their order, each with its installations.
    classes: Vec<(i64, u32)>,
}

impl Spread {
    /// Of meetings in any order; `root` says what an issue was merged into.
    pub(super) fn of(mut met: Vec<Meeting>, root: impl Fn(u64) -> u64) -> Self {
        met.iter_mut().for_each(|(issue, ..)| *issue = root(*issue));
        met.sort_unstable();
        met.dedup();
        let (mut issues, mut classes) = (Vec::new(), Vec::new());
        for met in met.chunk_by(|a, b| a.0 == b.0) {
            let mut by: BTreeMap<i64, u32> = BTreeMap::new();
            met.iter()
                .for_each(|(_, _, class)| *by.entry(*class).or_default() += 1);
            let installs = met.chunk_by(|a, b| a.1 == b.1).count() as u32;
            classes.extend(by);
            let issue = met.first().map_or(0, |(issue, ..)| *issue);
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
    ) -> rusqlite::Result<BTreeMap<IssueId, Groups>> {
        let id: Option<i64> = db
            .prepare_cached("SELECT id FROM word WHERE text = ?")?
            .query_row([class], |row| row.get(0))
            .optional()?;
        let Some(id) = id else {
            return Ok(BTreeMap::new());
        };
        let mut word = db.prepare_cached("SELECT text FROM word WHERE id = ?")?;
        let mut words: BTreeMap<i64, String> = BTreeMap::new();
        let mut spreads = BTreeMap::new();
        let mut start = 0;
        for (issue, installs, end) in &self.issues {
            let classes = self.classes.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            if classes
                .binary_search_by_key(&id, |(class, _)| *class)
                .is_err()
            {
                continue;
            }
            let mut groups = Groups {
                installs: u64::from(*installs),
                ..Groups::default()
            };
            for (class, installs) in classes {
                let name = match words.entry(*class) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(unknown) => {
                        unknown.insert(word.query_row([class], |row| row.get(0))?)
                    }
                };
                let group = dimension.group(name.clone());
                groups.by.insert(group, u64::from(*installs));
            }
            spreads.insert(IssueId(*issue), groups);
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
            met in proptest::collection::vec((0u64..5, 0u8..6, 1i64..4), 0..60), asked in 1i64..4,
        ) {
            let (mut db, name) = (words(), |class: i64| ["", "a", "b", "c"][class as usize].to_owned());
            let tx = db.transaction().unwrap();
            let meetings = met.iter().map(|(issue, who, class)| (*issue, [*who; 16], *class));
            // The fifth was merged into the first.
            let spread = Spread::of(meetings.collect(), |issue| issue % 4);
            let got = spread.met_by(&tx, Dimension::Os, &name(asked)).unwrap();
            let mut expected: BTreeMap<IssueId, Groups> = BTreeMap::new();
            for issue in 0..4 {
                let mine = || met.iter().filter(|(of, ..)| of % 4 == issue);
                let who = |class: Option<i64>| -> BTreeSet<u8> {
                    mine().filter(|met| class.is_none_or(|class| met.2 == class)).map(|met| met.1).collect()
                };
                let by = (1..4).map(|class| (Dimension::Os.group(name(class)), who(Some(class)).len() as u64));
                let by: BTreeMap<_, _> = by.filter(|(_, installs)| *installs > 0).collect();
                if by.contains_key(&Dimension::Os.group(name(asked))) {
                    let installs = who(None).len() as u64;
                    expected.insert(IssueId(issue), Groups { installs, by });
                }
            }
            prop_assert_eq!(got, expected);
            prop_assert_eq!(spread.met_by(&tx, Dimension::Os, "never told").unwrap(), BTreeMap::new());
        }
    }
}
