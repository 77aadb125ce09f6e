//! One table: figures, ours, the peer's, the ratio, the goal.

use crate::stats::Sample;
use std::fmt;
use std::process::ExitCode;
use std::time::Duration;

/// Ends a bench: prints what was measured, or says why nothing was.
pub fn show(measured: Result<Table, String>) -> ExitCode {
    match measured {
        Ok(table) => {
            print!("{table}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Nanoseconds; shown as ns, us, ms or s.
    Nanos,
    /// Bytes; shown as B, KiB or MiB.
    Bytes,
    /// Things.
    Count,
    /// Things in a second, that cost something.
    PerSecond,
    /// Things done in a second. More is better.
    Rate,
    /// A share of a whole, 0 to 1; shown in per cent. More is better.
    Share,
}

/// One side's figure.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// There is no such thing to measure.
    None,
    /// Measured once, or counted.
    One(f64),
    /// Measured several times.
    Of(Sample),
    /// Not over after this long.
    NoEnd(Duration),
}

impl From<f64> for Cell {
    fn from(value: f64) -> Self {
        Self::One(value)
    }
}

impl From<Option<f64>> for Cell {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::None, Self::One)
    }
}

impl From<Option<Sample>> for Cell {
    fn from(sample: Option<Sample>) -> Self {
        sample.map_or(Self::None, Self::Of)
    }
}

impl Cell {
    /// The number that stands for the figure. What did not end counts as the time that was waited.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::One(value) => Some(*value),
            Self::Of(sample) => Some(sample.median()),
            Self::NoEnd(waited) => Some(waited.as_nanos() as f64),
        }
    }

    fn show(&self, unit: Unit) -> String {
        match self {
            Self::None => "-".into(),
            Self::One(value) => unit.show(*value),
            Self::Of(sample) if sample.count() == 1 => unit.show(sample.median()),
            Self::Of(sample) => format!(
                "{} ({}..{})",
                unit.show(sample.median()),
                unit.show_short(sample.min()),
                unit.show_short(sample.max())
            ),
            Self::NoEnd(waited) => format!("no end ({} s)", waited.as_secs()),
        }
    }
}

/// Three significant digits.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    let places = match magnitude {
        _ if magnitude >= 99.95 || value == value.round() => 0,
        _ if magnitude >= 9.995 => 1,
        _ => 2,
    };
    format!("{value:.places$}")
}

impl Unit {
    /// The value in a step of the unit that reads well.
    pub fn show(self, value: f64) -> String {
        let (step, name) = self.step(value);
        match (self, value == 0.0) {
            (_, true) if self != Self::Share => "0".into(),
            _ => format!("{}{name}", digits(value / step)),
        }
    }

    fn show_short(self, value: f64) -> String {
        self.show(value).replace(' ', "")
    }

    fn step(self, value: f64) -> (f64, &'static str) {
        let steps: &[(f64, &str)] = match self {
            Self::Nanos => &[(1e9, " s"), (1e6, " ms"), (1e3, " us"), (1.0, " ns")],
            Self::Bytes => &[(1_048_576.0, " MiB"), (1024.0, " KiB"), (1.0, " B")],
            Self::Count => &[(1.0, "")],
            Self::PerSecond | Self::Rate => &[(1.0, "/s")],
            Self::Share => &[(0.01, " %")],
        };
        let fits = |(step, _): &&(f64, &str)| value.abs() >= *step;
        *steps.iter().find(fits).unwrap_or(&steps[steps.len() - 1])
    }

    fn more_is_better(self) -> bool {
        matches!(self, Self::Share | Self::Rate)
    }
}

/// One line of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    figure: String,
    unit: Unit,
    ours: Cell,
    peer: Cell,
    goal: Option<f64>,
}

impl Row {
    /// A line for `figure`.
    pub fn new(
        figure: impl Into<String>,
        unit: Unit,
        ours: impl Into<Cell>,
        peer: impl Into<Cell>,
    ) -> Self {
        Self {
            figure: figure.into(),
            unit,
            ours: ours.into(),
            peer: peer.into(),
            goal: None,
        }
    }

    /// What ours should at most be, or at least for a share.
    #[must_use]
    pub fn goal(mut self, goal: f64) -> Self {
        self.goal = Some(goal);
        self
    }

    /// Whether ours misses its goal.
    pub fn missed(&self) -> bool {
        match (&self.ours, self.goal, self.ours.value()) {
            (Cell::NoEnd(_), Some(_), _) => true,
            (_, Some(goal), Some(value)) if self.unit.more_is_better() => value < goal,
            (_, Some(goal), Some(value)) => value > goal,
            _ => false,
        }
    }

    fn ratio(&self) -> String {
        match (self.ours.value(), self.peer.value()) {
            (Some(ours), Some(peer)) if self.unit == Unit::Rate && peer > 0.0 => {
                format!("{}x", digits(ours / peer))
            }
            (Some(ours), Some(peer)) if !self.unit.more_is_better() && ours > 0.0 && peer > 0.0 => {
                let over = matches!(self.peer, Cell::NoEnd(_));
                format!("{}{}x", if over { ">" } else { "" }, digits(peer / ours))
            }
            _ => "-".into(),
        }
    }

    /// Whether there is something of ours that has a goal.
    fn aims(&self) -> bool {
        self.goal.is_some() && self.ours != Cell::None
    }

    fn goal_text(&self) -> String {
        match self.goal.filter(|_| self.aims()) {
            None => String::new(),
            Some(goal) if self.unit.more_is_better() => format!(">= {}", self.unit.show(goal)),
            Some(goal) => format!("<= {}", self.unit.show(goal)),
        }
    }
}

/// A table with a heading.
#[derive(Debug, Default)]
pub struct Table {
    heading: String,
    peer: String,
    rows: Vec<Row>,
}

impl Table {
    /// An empty table that compares with `peer`.
    pub fn new(heading: impl Into<String>, peer: impl Into<String>) -> Self {
        Self {
            heading: heading.into(),
            peer: peer.into(),
            rows: Vec::new(),
        }
    }

    /// Adds lines.
    pub fn add(&mut self, rows: impl IntoIterator<Item = Row>) {
        self.rows.extend(rows);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut line =
            |figure: &str, ours: &str, peer: &str, ratio: &str, goal: &str, mark: &str| {
                let text =
                    format!("{figure:<47} {ours:>22} {peer:>22} {ratio:>7} {goal:>10} {mark}");
                writeln!(f, "{}", text.trim_end())
            };
        line("", "", "", "", "", "")?;
        line(&self.heading, "candor", &self.peer, "ratio", "goal", "")?;
        line(
            &"-".repeat(47),
            &"-".repeat(22),
            &"-".repeat(22),
            "-------",
            &"-".repeat(10),
            "",
        )?;
        for row in &self.rows {
            line(
                &row.figure,
                &row.ours.show(row.unit),
                &row.peer.show(row.unit),
                &row.ratio(),
                &row.goal_text(),
                if row.missed() { "MISSED" } else { "" },
            )?;
        }
        let missed = self.rows.iter().filter(|row| row.missed()).count();
        let goals = self.rows.iter().filter(|row| row.aims()).count();
        writeln!(f, "{} of {goals} goals met", goals - missed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_shown_in_a_step_that_reads_well() {
        assert_eq!(Unit::Nanos.show(0.0), "0");
        assert_eq!(Unit::Nanos.show(19.5), "19.5 ns");
        assert_eq!(Unit::Nanos.show(8_812.0), "8.81 us");
        assert_eq!(Unit::Nanos.show(4_420_000.0), "4.42 ms");
        assert_eq!(Unit::Bytes.show(7_396_336.0), "7.05 MiB");
        assert_eq!(Unit::Count.show(4.0), "4");
        assert_eq!(Unit::Share.show(0.0004), "0.04 %");
        assert_eq!(Unit::Share.show(0.0), "0 %");
        assert_eq!(Unit::Share.show(1.0), "100 %");
    }

    #[test]
    fn a_goal_is_missed_by_more_than_it_allows_and_a_share_by_less() {
        let row = |unit, ours: f64| Row::new("x", unit, ours, Cell::None).goal(0.5);
        assert!(!row(Unit::Nanos, 0.5).missed());
        assert!(row(Unit::Nanos, 0.6).missed());
        assert!(row(Unit::Share, 0.4).missed());
        assert!(!row(Unit::Share, 0.5).missed());
        let endless = Cell::NoEnd(Duration::from_secs(1));
        assert!(
            Row::new("x", Unit::Nanos, endless, Cell::None)
                .goal(1e12)
                .missed()
        );
        assert!(
            !Row::new("x", Unit::Nanos, Cell::None, 1.0)
                .goal(0.0)
                .missed()
        );
    }

    #[test]
    fn a_table_fits_the_page_and_says_what_the_peer_pays_more() {
        let mut table = Table::new("what the host pays", "sentry 0.49");
        let sample = Sample::of([110_000.0, 120_000.0, 130_000.0]);
        table.add([
            Row::new("start", Unit::Nanos, sample, 4_440_000.0).goal(500_000.0),
            Row::new("end", Unit::Nanos, 1e6, Cell::NoEnd(Duration::from_secs(5))).goal(1e5),
        ]);
        let text = table.to_string();
        assert!(
            text.lines().all(|line| line.chars().count() <= 120),
            "{text}"
        );
        assert!(text.contains("37x") && text.contains(">5000x"), "{text}");
        assert!(
            text.contains("MISSED") && text.contains("1 of 2 goals met"),
            "{text}"
        );
    }
}
