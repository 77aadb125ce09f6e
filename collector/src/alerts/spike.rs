//! Whether an hour is far above the same hour of past weeks. Pure.

/// Seconds of an hour.
pub(super) const HOUR: u64 = 3_600;

/// Seconds of a week.
pub(super) const WEEK: u64 = 7 * 24 * HOUR;

/// How many weeks are looked back.
pub(super) const WEEKS: u64 = 4;

/// Of fewer weeks than this nothing is known.
const LEAST_WEEKS: usize = 2;

/// The median absolute deviation of a normal distribution, times this, is its standard deviation.
const OF_NORMAL: f64 = 1.482_6;

/// What is usual at an hour.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Usual {
    /// The median.
    pub(super) median: f64,
    /// How far hours are from it as a rule.
    pub(super) deviation: f64,
}

impl Usual {
    /// What is usual by the same hour of past weeks; `None` of too few.
    ///
    /// Median and median absolute deviation (F. R. Hampel, "The influence curve and its role in robust estimation", Journal of
    /// the American Statistical Association 69 (1974), 383–393): one bad week among four moves neither far. Four hours that are
    /// alike by chance would make every fifth one a spike, so the deviation is at least that of a Poisson count of this median.
    pub(super) fn of(hours: &[u64]) -> Option<Self> {
        if hours.len() < LEAST_WEEKS {
            return None;
        }
        let median = median(hours.iter().map(|count| *count as f64))?;
        let apart = self::median(hours.iter().map(|count| (*count as f64 - median).abs()))?;
        Some(Self {
            median,
            deviation: (apart * OF_NORMAL).max(median.sqrt()).max(1.0),
        })
    }

    /// Whether so many are far above it: by this many deviations, and at least twice the median.
    pub(super) fn is_exceeded(self, count: u64, deviations: f64) -> bool {
        let count = count as f64;
        count >= self.median + deviations * self.deviation && count >= 2.0 * self.median
    }
}

fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => values.get(middle).copied(),
        _ => Some((values.get(middle - 1)? + values.get(middle)?) / 2.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_is_far_above_only_when_it_is() {
        for (weeks, count, spike) in [
            // Nothing is usual: six deviations of one.
            (&[0, 0, 0, 0][..], 5, false),
            (&[0, 0, 0, 0], 6, true),
            // As always, and a little more.
            (&[100, 104, 98, 101], 140, false),
            (&[100, 104, 98, 101], 250, true),
            // One bad week does not hide the next one.
            (&[10, 12, 900, 11], 60, true),
            // Weeks that differ a lot allow a lot.
            (&[10, 200, 30, 400], 500, false),
            // Twice as many, at least.
            (&[10_000, 10_010, 9_990, 10_000], 11_000, false),
        ] {
            let usual = Usual::of(weeks).unwrap();
            assert_eq!(
                usual.is_exceeded(count, 6.0),
                spike,
                "{weeks:?} {count} {usual:?}"
            );
        }
    }

    #[test]
    fn of_one_week_nothing_is_usual() {
        assert_eq!(Usual::of(&[]), None);
        assert_eq!(Usual::of(&[5]), None);
        assert_eq!(Usual::of(&[4, 6]).unwrap().median, 5.0);
    }
}
