//! How installations that met issues spread over the classes of a dimension: of thousands of issues, so packed.

use super::IssueId;
use std::collections::BTreeMap;

/// How many installations met each issue, in each class of a dimension and in all of them together.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Spreads {
    /// What the classes are called, sorted.
    names: Vec<String>,
    /// Issue, installations, and where its classes end.
    issues: Vec<(IssueId, u32, u32)>,
    /// Places of names in their order, each with its installations.
    classes: Vec<(u32, u32)>,
}

/// How many installations met one issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spread<'a> {
    /// The issue.
    pub issue: IssueId,
    /// Of all classes.
    pub installs: u64,
    /// Places of the classes that met it, in the order of their names, each with its installations.
    pub classes: &'a [(u32, u32)],
}

impl Spreads {
    /// Adds up what is counted of issues, in the class of a name or, without one, in all classes.
    pub(crate) fn of<C: Ord>(
        counted: impl IntoIterator<Item = (IssueId, Option<C>, u32)>,
        mut name: impl FnMut(C) -> String,
    ) -> Self {
        let mut met: BTreeMap<C, u32> = BTreeMap::new();
        let mut counted: Vec<(IssueId, Option<u32>, u32)> = counted
            .into_iter()
            .map(|(issue, class, installs)| {
                let place = class.map(|class| {
                    let next = met.len() as u32;
                    *met.entry(class).or_insert(next)
                });
                (issue, place, installs)
            })
            .collect();
        let mut named: Vec<(String, u32)> = met
            .into_iter()
            .map(|(class, place)| (name(class), place))
            .collect();
        named.sort_unstable();
        let mut places = vec![0; named.len()];
        for (new, (_, old)) in named.iter().enumerate() {
            if let Some(place) = places.get_mut(*old as usize) {
                *place = new as u32;
            }
        }
        let sorted = |old: &u32| places.get(*old as usize).copied().unwrap_or_default();
        for (_, place, _) in &mut counted {
            *place = place.as_ref().map(sorted);
        }
        counted.sort_unstable();
        let (mut issues, mut classes) = (Vec::new(), Vec::new());
        for of_issue in counted.chunk_by(|a, b| a.0 == b.0) {
            let mut all = 0;
            for of_class in of_issue.chunk_by(|a, b| a.1 == b.1) {
                let sum = of_class.iter().map(|(.., installs)| installs).sum();
                match of_class.first() {
                    Some((_, Some(place), _)) => classes.push((*place, sum)),
                    _ => all = sum,
                }
            }
            let issue = of_issue.first().map_or(IssueId(0), |(issue, ..)| *issue);
            issues.push((issue, all, classes.len() as u32));
        }
        issues.shrink_to_fit();
        classes.shrink_to_fit();
        Self {
            names: named.into_iter().map(|(name, _)| name).collect(),
            issues,
            classes,
        }
    }

    /// How much memory it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&self.issues[..]) + size_of_val(&self.classes[..])
    }

    /// What the class at a place is called.
    pub fn name(&self, place: u32) -> &str {
        self.names.get(place as usize).map_or("", String::as_str)
    }

    /// The place of a class, and the issues that it met.
    pub fn met_by(&self, class: &str) -> Option<(u32, impl Iterator<Item = Spread<'_>>)> {
        let place = self.names.binary_search_by(|name| name.as_str().cmp(class));
        let place = place.ok()? as u32;
        let mut start = 0;
        let all = self.issues.iter().map(move |(issue, installs, end)| {
            let classes = self.classes.get(start..*end as usize).unwrap_or_default();
            start = *end as usize;
            Spread {
                issue: *issue,
                installs: u64::from(*installs),
                classes,
            }
        });
        Some((place, all.filter(move |spread| spread.of(place).is_some())))
    }
}

impl Spread<'_> {
    /// Installations of a class; `None` where it did not meet the issue.
    pub fn of(&self, place: u32) -> Option<u64> {
        let found = self
            .classes
            .binary_search_by_key(&place, |(class, _)| *class);
        let (_, installs) = self.classes.get(found.ok()?)?;
        Some(u64::from(*installs))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_counted_of_issues_and_classes_is_added_up_by_name(
            counted in proptest::collection::vec((0u64..4, prop::option::of(0usize..3), 1u32..5), 0..60), asked in 0usize..3,
        ) {
            let name = |class: usize| ["b", "c", "a"][class].to_owned();
            let spreads = Spreads::of(counted.iter().map(|(issue, class, installs)| (IssueId(*issue), *class, *installs)), name);
            let sum = |issue: u64, of: Option<usize>| -> u64 {
                let mine = counted.iter().filter(|(other, class, _)| (*other, *class) == (issue, of));
                mine.map(|(.., installs)| u64::from(*installs)).sum()
            };
            let expected: Vec<_> = (0..4).filter(|issue| sum(*issue, Some(asked)) > 0).map(|issue| {
                let by: BTreeMap<String, u64> = (0..3).map(|class| (name(class), sum(issue, Some(class)))).filter(|(_, sum)| *sum > 0).collect();
                (IssueId(issue), sum(issue, None), by)
            }).collect();
            let got: Vec<_> = spreads.met_by(&name(asked)).into_iter().flat_map(|(place, met)| met.map(move |spread| (place, spread))).map(|(place, spread)| {
                let by: BTreeMap<String, u64> = spread.classes.iter().map(|(class, sum)| (spreads.name(*class).to_owned(), u64::from(*sum))).collect();
                assert_eq!(spread.of(place), by.get(&name(asked)).copied());
                (spread.issue, spread.installs, by)
            }).collect();
            prop_assert_eq!(got, expected);
            prop_assert!(spreads.met_by("never told").is_none());
        }
    }
}
