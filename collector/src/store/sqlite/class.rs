//! What is counted of an issue in a day, in every class that its reports were of.
//!
//! All classes of a day stand in one row, packed: each as the number of the class and how many bytes follow, as varints (LEB128), and then
//! what is counted in it. A report changes three of them, and those that it does not touch are copied as they are.

use crate::store::Dimension;
use crate::store::issue_day::IssueDay;
use crate::store::varint::{Bytes, write};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// A release, a system or a class of machine, or all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Class(u64);

impl Class {
    /// Whatever the class.
    pub(super) const ALL: Self = Self(0);

    /// Every class of a report but [`ALL`](Self::ALL): `words` are the ids of its release, system and machine.
    pub(super) const fn each([release, os, device]: [i64; 3]) -> [Self; 3] {
        [
            Self::of(Dimension::Release, release),
            Self::of(Dimension::Os, os),
            Self::of(Dimension::Device, device),
        ]
    }

    /// The class of a dimension that the word with this id names.
    pub(super) const fn of(dimension: Dimension, word: i64) -> Self {
        Self(word.unsigned_abs() * 4 + dimension as u64 + 1)
    }

    /// Whether it is one of a dimension.
    pub(super) const fn is_of(self, dimension: Dimension) -> bool {
        self.0 % 4 == dimension as u64 + 1
    }

    /// The id of the word that names it.
    pub(super) const fn word(self) -> i64 {
        (self.0 / 4) as i64
    }
}

/// Changes of a day, by class.
pub(super) type ByClass = BTreeMap<Class, IssueDay>;

/// Each class that is packed, in order, with what is counted in it.
pub(super) fn each(packed: &[u8]) -> impl Iterator<Item = (Class, &[u8])> {
    let mut bytes = Bytes(packed);
    std::iter::from_fn(move || {
        let class = Class(bytes.number()?);
        let length = usize::try_from(bytes.number()?).ok()?;
        let (of_class, rest) = bytes.0.split_at_checked(length)?;
        bytes.0 = rest;
        Some((class, of_class))
    })
}

/// What is packed of one class.
pub(super) fn find(packed: &[u8], class: Class) -> &[u8] {
    let mut found = each(packed).skip_while(|(of, _)| *of < class);
    match found.next() {
        Some((of, day)) if of == class => day,
        _ => &[],
    }
}

/// All that is packed, and changes added to it; empty where nothing is left.
pub(super) fn change(packed: &[u8], changes: &ByClass) -> Vec<u8> {
    let mut changed = Vec::with_capacity(packed.len() + 16);
    let mut put = |Class(number): Class, day: &[u8]| {
        if !day.is_empty() {
            write(&mut changed, number);
            write(&mut changed, day.len() as u64);
            changed.extend_from_slice(day);
        }
    };
    let mut changes = changes.iter().peekable();
    for (class, day) in each(packed) {
        while let Some((new, change)) = changes.next_if(|(other, _)| **other < class) {
            put(*new, &change.pack());
        }
        match changes.next_if(|(other, _)| other.cmp(&&class) == Ordering::Equal) {
            Some((_, change)) => {
                let mut day = IssueDay::unpack(day);
                day.add(change);
                put(class, &day.pack());
            }
            None => put(class, day),
        }
    }
    changes.for_each(|(new, change)| put(*new, &change.pack()));
    changed
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_class_has_what_was_added_and_nothing_that_was_taken_out(
            reports in proptest::collection::vec((1i64..300, 0u64..24, prop::bool::ANY), 0..60),
        ) {
            let mut packed = Vec::new();
            let mut expected: BTreeMap<Class, IssueDay> = BTreeMap::new();
            for (word, hour, comes) in reports {
                let class = Class::of(Dimension::Os, word);
                prop_assert!(class.is_of(Dimension::Os) && !class.is_of(Dimension::Release));
                prop_assert_eq!(class.word(), word);
                let known = find(&packed, class).is_empty();
                let sign = if comes || known { 1 } else { -1 };
                let mut change = IssueDay::default();
                change.count(hour * 3_600, sign, 0);
                packed = super::change(&packed, &BTreeMap::from([(class, change.clone())]));
                let mut sum = IssueDay::unpack(&expected.remove(&class).unwrap_or_default().pack());
                sum.add(&change);
                if !sum.pack().is_empty() {
                    expected.insert(class, IssueDay::unpack(&sum.pack()));
                }
            }
            let got: BTreeMap<Class, IssueDay> = each(&packed).map(|(class, day)| (class, IssueDay::unpack(day))).collect();
            prop_assert_eq!(got.len(), each(&packed).count());
            prop_assert!(each(&packed).is_sorted_by_key(|(class, _)| class));
            prop_assert_eq!(got, expected);
        }

        #[test]
        fn bytes_that_nobody_packed_are_read_without_harm(bytes: Vec<u8>, word in 0i64..9) {
            let changes = ByClass::from([(Class::of(Dimension::Device, word), IssueDay::default())]);
            change(&bytes, &changes);
            find(&bytes, Class::of(Dimension::Os, word));
        }
    }
}
