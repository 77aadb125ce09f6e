//! The vertical axis: which values get a line.

use crate::dashboard::format;

/// What the values of a chart are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Whole numbers of things.
    Count,
    /// Microseconds.
    Micros,
    /// Hundredths of a percent.
    Share,
}

impl Unit {
    /// The value as it is read in a table.
    pub(crate) fn exact(self, value: f64) -> String {
        match self {
            Self::Count => format::count(value as u64),
            Self::Micros => format::micros(value as u64),
            Self::Share => format::share(value as u64, 10_000),
        }
    }

    /// The value as it is read on an axis.
    fn short(self, value: f64) -> String {
        match self {
            Self::Count => format::short_count(value),
            Self::Micros => format::micros(value as u64),
            Self::Share => format!("{}%", format::short_count(value / 100.0)),
        }
    }
}

/// Evenly spaced lines from 0 to the top of a chart.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scale {
    /// The value at the top line; at least the largest value of the chart.
    pub(crate) top: f64,
    /// What is written at the lines, top first.
    pub(crate) labels: Vec<String>,
}

/// More lines than this do not help reading.
const LINES: f64 = 4.0;

impl Scale {
    /// A scale for values of `unit` up to `largest`, with round numbers at its lines.
    pub(crate) fn fitting(unit: Unit, largest: f64) -> Self {
        let step = match unit {
            Unit::Count => round_up(largest / LINES).max(1.0),
            Unit::Micros => duration_step(largest / LINES),
            // A tenth of a percent at least: less cannot be told apart on the axis.
            Unit::Share => round_up(largest / LINES).max(10.0),
        };
        let lines = (largest / step).ceil().max(1.0) as u32;
        let labels = (0..=lines)
            .rev()
            .map(|line| unit.short(f64::from(line) * step))
            .collect();
        Self {
            top: f64::from(lines) * step,
            labels,
        }
    }

    /// Where `value` lies, in percent from the top.
    pub(crate) fn y(&self, value: f64) -> f64 {
        100.0 - (value / self.top * 100.0).clamp(0.0, 100.0)
    }

    /// Where the lines lie, in percent from the top, top first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = f64> {
        let last = (self.labels.len() - 1).max(1);
        (0..=last).map(move |line| line as f64 / last as f64 * 100.0)
    }
}

/// The next 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|digit| digit * power)
        .find(|&round| round >= value)
        .unwrap_or(value)
}

/// As [`round_up`], with the divisions of clocks from a minute on. In microseconds.
fn duration_step(value: f64) -> f64 {
    const SECOND: f64 = 1e6;
    const CLOCK: [f64; 14] = [
        60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0, 10_800.0, 21_600.0, 43_200.0,
        86_400.0, 172_800.0, 432_000.0,
    ];
    match value {
        v if v <= 1.0 => 1.0,
        v if v <= 20.0 * SECOND => round_up(v),
        v => CLOCK
            .into_iter()
            .map(|s| s * SECOND)
            .find(|&step| step >= v)
            .unwrap_or_else(|| round_up(v)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_get_whole_round_lines() {
        assert_eq!(Scale::fitting(Unit::Count, 0.0).labels, ["1", "0"]);
        assert_eq!(
            Scale::fitting(Unit::Count, 3.0).labels,
            ["3", "2", "1", "0"]
        );
        assert_eq!(
            Scale::fitting(Unit::Count, 17.0).labels,
            ["20", "15", "10", "5", "0"]
        );
        assert_eq!(
            Scale::fitting(Unit::Count, 70_000.0).labels,
            ["80k", "60k", "40k", "20k", "0"]
        );
    }

    #[test]
    fn durations_get_lines_that_a_clock_has() {
        assert_eq!(
            Scale::fitting(Unit::Micros, 730_000.0).labels,
            ["800 ms", "600 ms", "400 ms", "200 ms", "0"]
        );
        assert_eq!(
            Scale::fitting(Unit::Micros, 100e6).labels,
            ["2 min", "1 min", "0"]
        );
    }

    #[test]
    fn the_top_is_never_below_the_largest_value() {
        for exponent in 0..12 {
            for digit in [1.0, 1.3, 2.0, 4.9, 5.1, 9.99] {
                let largest = digit * 10f64.powi(exponent);
                for unit in [Unit::Count, Unit::Micros, Unit::Share] {
                    let scale = Scale::fitting(unit, largest);
                    assert!(scale.top >= largest, "{unit:?} {largest}: {}", scale.top);
                    assert!(
                        (2..=6).contains(&scale.labels.len()),
                        "{unit:?} {largest}: {:?}",
                        scale.labels
                    );
                }
            }
        }
    }

    #[test]
    fn zero_is_at_the_bottom_and_the_top_at_the_top() {
        let scale = Scale::fitting(Unit::Count, 10.0);
        assert_eq!((scale.y(0.0), scale.y(scale.top)), (100.0, 0.0));
        assert_eq!(scale.lines().last(), Some(100.0));
    }
}
