//! What connection windows add up to, as sorted columns: adding two of them is walking along both once, and packing them is
//! writing them one behind the other.
//!
//! Packed they are a version (1) and, as varints, the counts, the sketches, the runs and what has keys. Of a sketch: how many
//! buckets, and for each its distance to the one before and its count; runs likewise. Keys are words, never places in a list, so
//! that a list may grow.

use super::distinct::{self, Distinct};
use super::varint::{Bytes, write};
use super::{ConnectionSum, TrySum};
use candor_protocol::report::{Disconnect, Failure, Family, Phase};
use candor_protocol::sketch::Sketch;
use std::cmp::Ordering;
use std::collections::BTreeMap;

const VERSION: u8 = 1;

/// Buckets or identities in their order, each with its count.
type Pairs = Vec<(u64, u64)>;

/// A [`ConnectionSum`] in another form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Columns {
    /// In the order of [`ConnectionSum::counts`].
    counts: [u64; 15],
    /// In the order of [`ConnectionSum::sketches`].
    sketches: [Pairs; 10],
    /// How often the limit of the runs was halved.
    halved: u32,
    runs: Pairs,
    keyed: BTreeMap<Key, Keyed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Failed(Phase, Failure),
    Tried(Family, u8),
    Ended(Disconnect),
    Took(Phase),
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Keyed {
    counts: [u64; 2],
    sketch: Pairs,
}

impl Columns {
    pub(super) fn of(sum: &ConnectionSum) -> Self {
        let mut columns = Self {
            counts: sum.counts().map(|count| *count),
            sketches: sum.sketches().map(pairs),
            halved: sum.runs.halved(),
            runs: sum.runs.seen().collect(),
            keyed: BTreeMap::new(),
        };
        for ((phase, failure), count) in &sum.failures {
            columns.at(Key::Failed(*phase, *failure)).counts[0] = *count;
        }
        for ((family, order), tries) in &sum.tries {
            *columns.at(Key::Tried(*family, *order)) = Keyed {
                counts: [tries.tried, tries.connected],
                sketch: pairs(&tries.took_us),
            };
        }
        for (reason, count) in &sum.disconnects {
            columns.at(Key::Ended(*reason)).counts[0] = *count;
        }
        for (reason, lasted) in &sum.lasted_ms {
            columns.at(Key::Ended(*reason)).sketch = pairs(lasted);
        }
        for (phase, took) in &sum.phases {
            columns.at(Key::Took(*phase)).sketch = pairs(took);
        }
        columns
    }

    pub(super) fn sum(&self) -> ConnectionSum {
        let mut sum = ConnectionSum {
            runs: Distinct::of_seen(self.halved, self.runs.iter().copied()),
            ..ConnectionSum::default()
        };
        for (mine, theirs) in sum.counts_mut().into_iter().zip(self.counts) {
            *mine = theirs;
        }
        for (mine, theirs) in sum.sketches_mut().into_iter().zip(&self.sketches) {
            *mine = sketch(theirs);
        }
        for (key, Keyed { counts, sketch: of }) in &self.keyed {
            match *key {
                Key::Failed(phase, failure) => {
                    sum.failures.insert((phase, failure), counts[0]);
                }
                Key::Tried(family, order) => {
                    let tries = TrySum {
                        tried: counts[0],
                        connected: counts[1],
                        took_us: sketch(of),
                    };
                    sum.tries.insert((family, order), tries);
                }
                Key::Ended(reason) => {
                    sum.disconnects.insert(reason, counts[0]);
                    if !of.is_empty() {
                        sum.lasted_ms.insert(reason, sketch(of));
                    }
                }
                Key::Took(phase) => {
                    sum.phases.insert(phase, sketch(of));
                }
            }
        }
        sum
    }

    /// Windows.
    pub(super) const fn windows(&self) -> u64 {
        self.counts[0]
    }

    /// Attempts to connect.
    pub(super) const fn attempts(&self) -> u64 {
        self.counts[1]
    }

    /// Those that ended in service.
    pub(super) const fn ready(&self) -> u64 {
        self.counts[2]
    }

    /// Adds all of `other`. The order of merging does not matter.
    pub(super) fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.counts.iter_mut().zip(other.counts) {
            *mine = mine.saturating_add(theirs);
        }
        for (mine, theirs) in self.sketches.iter_mut().zip(&other.sketches) {
            merge(mine, theirs);
        }
        merge(&mut self.runs, &other.runs);
        self.halved = self.halved.max(other.halved);
        distinct::fit(&mut self.halved, &mut self.runs);
        for (key, theirs) in &other.keyed {
            let mine = self.at(*key);
            for (mine, theirs) in mine.counts.iter_mut().zip(theirs.counts) {
                *mine += theirs;
            }
            merge(&mut mine.sketch, &theirs.sketch);
        }
    }

    fn at(&mut self, key: Key) -> &mut Keyed {
        self.keyed.entry(key).or_default()
    }

    pub(super) fn pack(&self) -> Vec<u8> {
        let mut packed = vec![VERSION];
        let numbers = |packed: &mut Vec<u8>, numbers: &[u64]| {
            numbers.iter().for_each(|number| write(packed, *number));
        };
        numbers(&mut packed, &self.counts);
        for sketch in &self.sketches {
            write_pairs(&mut packed, sketch);
        }
        write(&mut packed, self.halved.into());
        write_pairs(&mut packed, &self.runs);
        write(&mut packed, self.keyed.len() as u64);
        for (key, Keyed { counts, sketch }) in &self.keyed {
            match key {
                Key::Failed(phase, failure) => {
                    packed.push(0);
                    write_word(&mut packed, phase.as_str());
                    write_word(&mut packed, failure.as_str());
                }
                Key::Tried(family, order) => {
                    packed.push(1);
                    write_word(&mut packed, family.as_str());
                    packed.push(*order);
                }
                Key::Ended(reason) => {
                    packed.push(2);
                    write_word(&mut packed, reason.as_str());
                }
                Key::Took(phase) => {
                    packed.push(3);
                    write_word(&mut packed, phase.as_str());
                }
            }
            numbers(&mut packed, counts);
            write_pairs(&mut packed, sketch);
        }
        packed
    }

    /// What was packed; `None` where it was not.
    pub(super) fn unpack(packed: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(packed);
        let mut columns = Self {
            counts: read_counts(&mut bytes)?,
            ..Self::default()
        };
        for sketch in &mut columns.sketches {
            *sketch = read_pairs(&mut bytes)?;
        }
        columns.halved = bytes.number()?.try_into().ok()?;
        columns.runs = read_pairs(&mut bytes)?;
        for _ in 0..bytes.number()? {
            let key = match bytes.byte()? {
                0 => Key::Failed(read_word(&mut bytes)?, read_word(&mut bytes)?),
                1 => Key::Tried(read_word(&mut bytes)?, bytes.byte()?),
                2 => Key::Ended(read_word(&mut bytes)?),
                3 => Key::Took(read_word(&mut bytes)?),
                _ => return None,
            };
            let keyed = Keyed {
                counts: [bytes.number()?, bytes.number()?],
                sketch: read_pairs(&mut bytes)?,
            };
            columns.keyed.insert(key, keyed);
        }
        Some(columns)
    }

    /// Of what was packed only the counts and the first two sketches: how long it took to be in service, and round trips.
    pub(super) fn unpack_head(packed: &[u8]) -> Option<Self> {
        let mut bytes = Bytes(packed);
        let mut columns = Self {
            counts: read_counts(&mut bytes)?,
            ..Self::default()
        };
        for sketch in columns.sketches.iter_mut().take(2) {
            *sketch = read_pairs(&mut bytes)?;
        }
        Some(columns)
    }
}

fn pairs(sketch: &Sketch) -> Pairs {
    let buckets = sketch.buckets();
    buckets
        .map(|(bucket, count)| (bucket.into(), count))
        .collect()
}

fn sketch(pairs: &Pairs) -> Sketch {
    let mut sketch = Sketch::default();
    for (bucket, count) in pairs {
        sketch.add(u16::try_from(*bucket).unwrap_or(u16::MAX), *count);
    }
    sketch
}

fn merge(mine: &mut Pairs, theirs: &Pairs) {
    if theirs.len() * FEW < mine.len() {
        // Most of a few is known already: then nothing moves.
        let mut unknown = Pairs::new();
        for (at, count) in theirs {
            match mine.binary_search_by_key(at, |(at, _)| *at) {
                Ok(place) => mine[place].1 = mine[place].1.saturating_add(*count),
                Err(_) => unknown.push((*at, *count)),
            }
        }
        return walk(mine, &unknown);
    }
    walk(mine, theirs);
}

/// How many times as many have to be searched for that it is less work than to walk along them.
const FEW: usize = 8;

fn walk(mine: &mut Pairs, theirs: &Pairs) {
    if theirs.is_empty() {
        return;
    }
    let mut merged = Pairs::with_capacity(mine.len() + theirs.len());
    let (mut left, mut right) = (mine.iter().peekable(), theirs.iter().peekable());
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        match one.0.cmp(&other.0) {
            Ordering::Less => merged.extend(left.next()),
            Ordering::Greater => merged.extend(right.next()),
            Ordering::Equal => {
                merged.push((one.0, one.1.saturating_add(other.1)));
                left.next();
                right.next();
            }
        }
    }
    merged.extend(left);
    merged.extend(right);
    *mine = merged;
}

fn write_pairs(bytes: &mut Vec<u8>, pairs: &Pairs) {
    write(bytes, pairs.len() as u64);
    let mut previous = 0;
    for (at, count) in pairs {
        write(bytes, at - previous);
        write(bytes, *count);
        previous = *at;
    }
}

fn read_pairs(bytes: &mut Bytes<'_>) -> Option<Pairs> {
    let length = usize::try_from(bytes.number()?).ok()?;
    // Each is at least two bytes.
    let mut pairs = Pairs::with_capacity(length.min(bytes.0.len() / 2));
    let mut at: u64 = 0;
    for _ in 0..length {
        at = at.checked_add(bytes.number()?)?;
        pairs.push((at, bytes.number()?));
    }
    Some(pairs)
}

fn read_counts(bytes: &mut Bytes<'_>) -> Option<[u64; 15]> {
    if bytes.byte()? != VERSION {
        return None;
    }
    let mut counts = [0; 15];
    for count in &mut counts {
        *count = bytes.number()?;
    }
    Some(counts)
}

fn write_word(bytes: &mut Vec<u8>, word: &str) {
    write(bytes, word.len() as u64);
    bytes.extend_from_slice(word.as_bytes());
}

fn read_word<W: std::str::FromStr>(bytes: &mut Bytes<'_>) -> Option<W> {
    let length = usize::try_from(bytes.number()?).ok()?;
    let word = std::str::from_utf8(bytes.take(length)?).ok()?;
    word.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sum with something in every field.
    fn sum(values: &[(u64, u8)]) -> ConnectionSum {
        let mut sum = ConnectionSum::default();
        for (value, pick) in values {
            let pick = usize::from(*pick);
            let mut run = [0; 16];
            run[..8].copy_from_slice(&value.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            sum.runs.add(run);
            *sum.counts_mut()[pick % 15] += value;
            sum.sketches_mut()[pick % 10].record(*value);
            let phase = Phase::ALL[pick % Phase::ALL.len()];
            let failure = Failure::ALL[pick % Failure::ALL.len()];
            let reason = Disconnect::ALL[pick % Disconnect::ALL.len()];
            let family = Family::ALL[pick % Family::ALL.len()];
            *sum.failures.entry((phase, failure)).or_default() += 1;
            *sum.disconnects.entry(reason).or_default() += 1;
            sum.lasted_ms.entry(reason).or_default().record(*value);
            sum.phases.entry(phase).or_default().record(*value);
            let tries = sum.tries.entry((family, (pick % 3) as u8)).or_default();
            tries.tried += 1;
            tries.took_us.record(*value);
        }
        sum
    }

    fn values() -> impl Strategy<Value = Vec<(u64, u8)>> {
        proptest::collection::vec((0u64..1 << 40, any::<u8>()), 0..60)
    }

    proptest! {
        #[test]
        fn another_form_says_the_same_packed_or_not(values in values()) {
            let sum = sum(&values);
            let columns = Columns::of(&sum);
            prop_assert_eq!(&columns.sum(), &sum);
            prop_assert_eq!((columns.windows(), columns.attempts(), columns.ready()), (sum.windows, sum.attempts, sum.ready));
            prop_assert_eq!(Columns::unpack(&columns.pack()), Some(columns.clone()));
            let head = Columns::unpack_head(&columns.pack()).unwrap().sum();
            prop_assert_eq!((head.attempts, head.ready_us, head.rtt_us), (sum.attempts, sum.ready_us, sum.rtt_us));
        }

        #[test]
        fn columns_add_up_as_sums_do(one in values(), other in values()) {
            let (mut one, other) = (sum(&one), sum(&other));
            let mut columns = Columns::of(&one);
            columns.merge(&Columns::of(&other));
            one.merge(&other);
            prop_assert_eq!(columns.sum(), one);
        }

        #[test]
        fn bytes_that_nobody_packed_are_refused_or_read_without_harm(bytes: Vec<u8>) {
            let _ = Columns::unpack(&bytes);
        }
    }

    #[test]
    fn a_few_add_up_with_many_as_many_do() {
        let many: Vec<(u64, u8)> = (0..4_000)
            .map(|value| (value * 7_919, (value % 10) as u8))
            .collect();
        let few: Vec<(u64, u8)> = (0..20)
            .map(|value| (value * 31_676, (value % 10) as u8))
            .collect();
        let (mut one, other) = (sum(&many), sum(&few));
        let mut columns = Columns::of(&one);
        columns.merge(&Columns::of(&other));
        one.merge(&other);
        assert_eq!(columns.sum(), one);
    }

    #[test]
    fn more_runs_than_fit_are_left_out_alike() {
        let runs = |from: u64| {
            let mut sum = ConnectionSum::default();
            for run in from..from + 3_000 {
                let mut id = [0; 16];
                id[..8].copy_from_slice(&run.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
                sum.runs.add(id);
            }
            sum
        };
        let (mut one, other) = (runs(0), runs(2_000));
        let mut columns = Columns::of(&one);
        columns.merge(&Columns::of(&other));
        one.merge(&other);
        assert_eq!(columns.sum(), one);
    }
}
