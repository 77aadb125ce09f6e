//! Latencies as a histogram that merges by adding counts.
//!
//! Base-2 log-linear buckets: values below 128 have a bucket each; above, every power of two is divided into 64 equal
//! buckets. The middle of a bucket is at most 1/128 = 0.78 % away from any value in it. Recording is one addition into
//! a fixed array, on the device as an atomic one; a window, a device, a day and a fleet are the same thing.
//!
//! Source of the scheme: H. Huang et al., "H2 Histogram", as in the `histogram` crate.

use serde::de::{SeqAccess, Visitor};
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::fmt;

/// Each power of two is divided into 2^6 buckets: relative error at most 1/128.
const GROUPING: u32 = 6;

/// Values of 2^36 and above are counted in the last bucket: 19 hours, where the unit is a microsecond.
const TOP_BIT: u32 = 36;

/// Number of buckets.
pub const BUCKETS: usize = ((TOP_BIT - GROUPING + 1) as usize) << GROUPING;

/// The bucket that counts `value`; always less than [`BUCKETS`].
pub const fn bucket(value: u64) -> u16 {
    let value = if value >> TOP_BIT != 0 {
        (1 << TOP_BIT) - 1
    } else {
        value
    };
    if value < 1 << (GROUPING + 1) {
        return value as u16;
    }
    let shift = 63 - value.leading_zeros() - GROUPING;
    ((shift << GROUPING) as u64 + (value >> shift)) as u16
}

/// The smallest and the largest value that `bucket` counts.
pub const fn bounds(bucket: u16) -> (u64, u64) {
    let bucket = bucket as u64;
    if bucket < 1 << (GROUPING + 1) {
        return (bucket, bucket);
    }
    let shift = (bucket >> GROUPING) - 1;
    let low = ((1 << GROUPING) + (bucket & ((1 << GROUPING) - 1))) << shift;
    (low, low + (1 << shift) - 1)
}

/// Counts per bucket; only the buckets that hold something are kept and sent.
///
/// On the wire: one array `[bucket, count, step, count, step, count, ...]`, where a step is the distance to the
/// previous bucket, at least 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    counts: BTreeMap<u16, u64>,
}

impl Sketch {
    /// A sketch of the counts in `dense`, whose index is the bucket; what lies beyond [`BUCKETS`] is ignored.
    pub fn from_dense(dense: impl IntoIterator<Item = u64>) -> Self {
        let counts = (0..BUCKETS as u16)
            .zip(dense)
            .filter(|&(_, count)| count > 0)
            .collect();
        Self { counts }
    }

    /// Counts `value` once.
    pub fn record(&mut self, value: u64) {
        self.add(bucket(value), 1);
    }

    /// Adds `count` to `bucket`; a bucket beyond the last one counts as the last one.
    pub fn add(&mut self, bucket: u16, count: u64) {
        if count > 0 {
            let entry = self
                .counts
                .entry(bucket.min(BUCKETS as u16 - 1))
                .or_default();
            *entry = entry.saturating_add(count);
        }
    }

    /// Adds all counts of `other`. The order of merging does not matter.
    pub fn merge(&mut self, other: &Self) {
        for (&bucket, &count) in &other.counts {
            self.add(bucket, count);
        }
    }

    /// Number of recorded values.
    pub fn count(&self) -> u64 {
        self.counts
            .values()
            .fold(0, |sum, &count| sum.saturating_add(count))
    }

    /// Whether nothing was recorded.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Buckets that hold something, in ascending order, with their counts.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u64)> + '_ {
        self.counts.iter().map(|(&bucket, &count)| (bucket, count))
    }

    /// The value below or at which a share `q` (0 to 1) of the recorded values lies: the middle of its bucket, so at
    /// most 0.78 % away from the truth (nearest-rank definition). `None` when nothing was recorded.
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = ((q.clamp(0.0, 1.0) * total as f64).ceil() as u64).clamp(1, total);
        let mut seen = 0u64;
        for (bucket, count) in self.buckets() {
            seen = seen.saturating_add(count);
            if seen >= rank {
                let (low, high) = bounds(bucket);
                return Some(low + (high - low) / 2);
            }
        }
        None
    }
}

impl Serialize for Sketch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut sequence = serializer.serialize_seq(Some(self.counts.len() * 2))?;
        let mut previous = 0;
        for (bucket, count) in self.buckets() {
            sequence.serialize_element(&(bucket - previous))?;
            sequence.serialize_element(&count)?;
            previous = bucket;
        }
        sequence.end()
    }
}

impl<'de> Deserialize<'de> for Sketch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Sketch;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("pairs of bucket step and count")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Sketch, A::Error> {
                use serde::de::Error;
                let mut sketch = Sketch::default();
                let mut last: Option<u64> = None;
                while let Some(step) = sequence.next_element::<u16>()? {
                    let count = sequence
                        .next_element::<u64>()?
                        .ok_or_else(|| A::Error::custom("a bucket of a sketch has no count"))?;
                    if count == 0 {
                        return Err(A::Error::custom(
                            "a sketch sends only buckets that hold something",
                        ));
                    }
                    let bucket = match last {
                        Some(_) if step == 0 => {
                            return Err(A::Error::custom("the buckets of a sketch must ascend"));
                        }
                        Some(previous) => previous + u64::from(step),
                        None => u64::from(step),
                    };
                    if bucket >= BUCKETS as u64 {
                        return Err(A::Error::custom(format_args!(
                            "a sketch has only {BUCKETS} buckets"
                        )));
                    }
                    last = Some(bucket);
                    sketch.add(bucket as u16, count);
                }
                Ok(sketch)
            }
        }
        deserializer.deserialize_seq(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        let mut next = 0;
        for index in 0..BUCKETS as u16 {
            let (low, high) = bounds(index);
            assert_eq!(low, next);
            assert_eq!((bucket(low), bucket(high)), (index, index));
            next = high + 1;
        }
        assert_eq!(next, 1 << TOP_BIT);
        assert_eq!(usize::from(bucket(u64::MAX)), BUCKETS - 1);
    }

    #[test]
    fn what_does_not_ascend_or_counts_nothing_is_refused() {
        for bad in [
            "[1]",
            "[1,0]",
            "[1,2,0,3]",
            "[2000,1]",
            "[1,-1]",
            "[60000,1,60000,1]",
        ] {
            assert!(serde_json::from_str::<Sketch>(bad).is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Sketch>("[]").unwrap().is_empty());
    }

    proptest! {
        #[test]
        fn a_quantile_is_within_one_percent_of_the_truth(
            mut values in prop::collection::vec(1u64..10_000_000_000, 1..300),
            q in 0.0f64..=1.0,
        ) {
            let mut sketch = Sketch::default();
            values.iter().for_each(|&value| sketch.record(value));
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let (truth, got) = (values[rank - 1] as f64, sketch.quantile(q).unwrap() as f64);
            prop_assert!((got - truth).abs() <= truth * 0.01, "{got} for {truth}");
        }

        #[test]
        fn merging_in_any_order_gives_the_sketch_of_everything(
            a in prop::collection::vec(any::<u64>(), 0..50),
            b in prop::collection::vec(any::<u64>(), 0..50),
        ) {
            let sketch = |values: &[u64]| {
                let mut sketch = Sketch::default();
                values.iter().for_each(|&value| sketch.record(value));
                sketch
            };
            let (mut ab, mut ba) = (sketch(&a), sketch(&b));
            ab.merge(&sketch(&b));
            ba.merge(&sketch(&a));
            let all: Vec<u64> = a.into_iter().chain(b).collect();
            prop_assert_eq!(&ab, &ba);
            prop_assert_eq!(&ab, &sketch(&all));
            let wire = serde_json::to_string(&ab).unwrap();
            prop_assert_eq!(serde_json::from_str::<Sketch>(&wire).unwrap(), ab);
        }
    }
}
