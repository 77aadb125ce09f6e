//! How sure a share is, and the difference of two. Pure.
//!
//! Both take what is counted for independent trials. Runs of one installation, and even more so attempts of one run, are not
//! quite that; where they hang together, the intervals are too narrow.

/// Two-sided 95 %: the 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// How many of how many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Those that count; at most `whole`.
    pub part: u64,
    /// All of them.
    pub whole: u64,
}

impl Share {
    /// `part` of `whole`; more than all of them is all of them.
    pub fn new(part: u64, whole: u64) -> Self {
        Self {
            part: part.min(whole),
            whole,
        }
    }

    /// The share, from 0 to 1; `None` of nothing.
    pub fn rate(self) -> Option<f64> {
        (self.whole > 0).then(|| self.part as f64 / self.whole as f64)
    }
}

/// What lies within is plausible, at 95 %. Both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

impl Interval {
    /// Whether it leaves no doubt on which side of zero the value is.
    pub fn excludes_zero(self) -> bool {
        self.low > 0.0 || self.high < 0.0
    }
}

/// The score interval of a share, from 0 to 1; `None` of nothing.
///
/// E. B. Wilson, "Probable inference, the law of succession, and statistical inference", Journal of the American Statistical
/// Association 22 (1927), 209–212. Without correction for continuity.
pub fn wilson(share: Share) -> Option<Interval> {
    let p = share.rate()?;
    let n = share.whole as f64;
    let (middle, square) = (2.0 * n * p + Z * Z, Z * Z + 4.0 * n * p * (1.0 - p));
    let (reach, below) = (Z * square.sqrt(), 2.0 * (n + Z * Z));
    Some(Interval {
        low: ((middle - reach) / below).max(0.0),
        high: ((middle + reach) / below).min(1.0),
    })
}

/// The interval of the difference `a - b` of two shares, from -1 to 1; `None` where one is of nothing.
///
/// The tenth method (a hybrid of score intervals, without correction for continuity) of R. G. Newcombe, "Interval estimation for
/// the difference between independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998), 873–890.
pub fn newcombe(a: Share, b: Share) -> Option<Interval> {
    let (p, q) = (a.rate()?, b.rate()?);
    let (of_a, of_b) = (wilson(a)?, wilson(b)?);
    Some(Interval {
        low: p - q - (p - of_a.low).hypot(of_b.high - q),
        high: p - q + (of_a.high - p).hypot(q - of_b.low),
    })
}

/// Fewer than this many of a class say nothing, however few there are of it.
const OVER_LEAST: u64 = 5;

/// By how much the share of a class has to exceed that of all.
const OVER_TIMES: f64 = 1.5;

/// Whether something is met far more often in a class than in all: the lower end of the interval of its share (Wilson, 95 %) is more than
/// half as much again as the share of all. A small class has a wide interval, so what a few met by chance is not told of it; and since
/// the interval has to clear the factor as well, many classes can be looked at without finding one by chance. The least and the factor are
/// our own.
pub fn is_over(class: Share, all: Share) -> bool {
    match (wilson(class), all.rate()) {
        (Some(lies), Some(rate)) => class.part >= OVER_LEAST && lies.low > OVER_TIMES * rate,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_is(found: Option<Interval>, low: f64, high: f64, case: &str) {
        let found = found.expect("an interval");
        // Published values have four digits.
        let near = |a: f64, b: f64| (a - b).abs() < 0.000_051;
        assert!(
            near(found.low, low) && near(found.high, high),
            "{case}: {found:?}"
        );
    }

    #[test]
    fn intervals_of_a_share_are_those_that_were_published() {
        // R. G. Newcombe, "Two-sided confidence intervals for the single proportion: comparison of seven methods",
        // Statistics in Medicine 17 (1998), 857-872, table I, method 3.
        for (part, whole, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
        ] {
            let case = format!("{part} of {whole}");
            assert_is(wilson(Share::new(part, whole)), low, high, &case);
        }
    }

    #[test]
    fn a_class_is_over_represented_where_its_interval_says_so_and_not_where_only_its_share_does() {
        for (class, all, over, why) in [
            ((0, 0), (50, 1_000), false, "of nothing nothing is said"),
            ((50, 1_000), (0, 0), false, "against nothing neither"),
            ((1, 1), (10, 1_000), false, "one of one is one"),
            ((4, 4), (10, 1_000), false, "four of four are few"),
            (
                (5, 5),
                (10, 1_000),
                true,
                "five of five, where one in a hundred meets it",
            ),
            (
                (5, 5),
                (500, 1_000),
                false,
                "five of five, where half meet it",
            ),
            (
                (5, 30),
                (50, 1_000),
                false,
                "thrice the share, and by chance",
            ),
            ((50, 300), (50, 1_000), true, "thrice the share, of many"),
            (
                (6, 100),
                (40, 1_000),
                false,
                "half as much again, and by chance",
            ),
            (
                (600, 10_000),
                (4_000, 100_000),
                false,
                "exactly half as much again",
            ),
            (
                (700, 10_000),
                (4_000, 100_000),
                true,
                "more than that, of very many",
            ),
            ((40, 1_000), (40, 1_000), false, "as all"),
            ((10, 1_000), (400, 10_000), false, "less than all"),
            (
                (999, 1_000),
                (990, 1_000),
                false,
                "nearly everybody meets it",
            ),
        ] {
            let of = |(part, whole)| Share::new(part, whole);
            assert_eq!(
                is_over(of(class), of(all)),
                over,
                "{class:?} of {all:?}: {why}"
            );
        }
    }

    #[test]
    fn intervals_of_a_difference_are_those_that_were_published() {
        // Newcombe's comparison of eleven methods, table II, method 10.
        for (a, b, low, high) in [
            ((56, 70), (48, 80), 0.0524, 0.3339),
            ((9, 10), (3, 10), 0.1705, 0.8090),
            ((6, 7), (2, 7), 0.0582, 0.8062),
            ((5, 56), (0, 29), -0.0381, 0.1926),
            ((0, 10), (0, 20), -0.1611, 0.2775),
            ((0, 10), (0, 10), -0.2775, 0.2775),
            ((10, 10), (0, 20), 0.6791, 1.0),
            ((10, 10), (0, 10), 0.6075, 1.0),
        ] {
            let share = |(part, whole)| Share::new(part, whole);
            let case = format!("{a:?} less {b:?}");
            assert_is(newcombe(share(a), share(b)), low, high, &case);
        }
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        let (some, none) = (Share::new(3, 4), Share::new(0, 0));
        assert_eq!(wilson(none), None);
        assert_eq!((newcombe(some, none), newcombe(none, some)), (None, None));
    }

    proptest! {
        #[test]
        fn an_interval_holds_what_was_seen_and_stays_possible(
            part in 0u64..5_000, more in 0u64..5_000, other in 0u64..5_000, rest in 0u64..5_000,
        ) {
            let (a, b) = (Share::new(part, part + more), Share::new(other, other + rest));
            prop_assume!(a.whole > 0 && b.whole > 0);
            let (p, q) = (a.rate().unwrap(), b.rate().unwrap());
            let holds = |found: Interval, value: f64, least: f64| {
                found.low <= value + 1e-12 && value <= found.high + 1e-12
                    && found.low >= least - 1e-12 && found.high <= 1.0 + 1e-12
            };
            prop_assert!(holds(wilson(a).unwrap(), p, 0.0));
            let apart = newcombe(a, b).unwrap();
            prop_assert!(holds(apart, p - q, -1.0));
            // Seen from the other side it is the same.
            let back = newcombe(b, a).unwrap();
            prop_assert!((apart.low + back.high).abs() < 1e-12 && (apart.high + back.low).abs() < 1e-12);
        }
    }
}
