//! A chart over time: lines, or stacked bars.

use super::mark::Mark;
use super::scale::{Scale, Unit};
use super::{Tone, number};
use crate::dashboard::window;
use crate::dashboard::words::{Words, fill};
use crate::store::Span;
use askama::Template;

/// How values are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// One line per series, with gaps where there is no value.
    Lines,
    /// One bar per point, series on top of each other.
    Bars,
}

/// One row of values.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// What it is called in the legend.
    pub(crate) name: String,
    /// Its colour.
    pub(crate) tone: Tone,
    /// One value per point of the window; `None` where nothing was measured.
    pub(crate) values: Vec<Option<f64>>,
}

impl Series {
    /// A series of counts.
    pub(crate) fn counts(name: &str, tone: Tone, values: impl IntoIterator<Item = u64>) -> Self {
        Self {
            name: name.to_owned(),
            tone,
            values: values.into_iter().map(|value| Some(value as f64)).collect(),
        }
    }

    /// A series of measurements, with gaps.
    pub(crate) fn measured(
        name: &str,
        tone: Tone,
        values: impl IntoIterator<Item = Option<u64>>,
    ) -> Self {
        let values = values
            .into_iter()
            .map(|value| value.map(|value| value as f64))
            .collect();
        Self {
            name: name.to_owned(),
            tone,
            values,
        }
    }

    fn at(&self, index: usize) -> f64 {
        self.values
            .get(index)
            .copied()
            .flatten()
            .unwrap_or_default()
    }
}

/// A chart over time, ready to be written into a page.
#[derive(Debug, Clone, Template)]
#[template(path = "chart/over_time.html")]
pub(crate) struct OverTime {
    w: &'static Words,
    title: String,
    summary: String,
    width: usize,
    lines: Vec<String>,
    labels: Vec<String>,
    ticks: Vec<Tick>,
    drawn: Vec<Drawn>,
    /// Whether the series say more than the title.
    legend: bool,
    rows: Vec<Row>,
    from: u64,
    step: u64,
    narrow: Option<String>,
    marks: Vec<Mark>,
    empty: bool,
}

impl askama::filters::HtmlSafe for OverTime {}

/// A label below the chart.
#[derive(Debug, Clone)]
pub(super) struct Tick {
    pub(super) x: String,
    pub(super) text: String,
}

/// A series as paths.
#[derive(Debug, Clone)]
struct Drawn {
    name: String,
    class: &'static str,
    shape: &'static str,
    path: String,
    dots: String,
}

/// A point's values in words.
#[derive(Debug, Clone)]
struct Row {
    label: String,
    values: Vec<String>,
}

/// Width of one point in the stretched view box.
const POINT: usize = 10;
/// Width of a bar within its point.
const BAR: f64 = 8.0;

impl OverTime {
    /// A chart of `series` over `span`.
    pub(crate) fn new(
        w: &'static Words,
        title: &str,
        unit: Unit,
        shape: Shape,
        span: Span,
        series: Vec<Series>,
    ) -> Self {
        let points = span.steps();
        let largest = match shape {
            Shape::Bars => (0..points)
                .map(|i| series.iter().map(|one| one.at(i)).sum())
                .fold(0.0, f64::max),
            Shape::Lines => series
                .iter()
                .flat_map(|one| &one.values)
                .flatten()
                .copied()
                .fold(0.0, f64::max),
        };
        let scale = Scale::fitting(unit, largest);
        let mut below = vec![0.0; points];
        let drawn = series
            .iter()
            .map(|one| {
                let (path, dots) = match shape {
                    Shape::Bars => (bars(one, &mut below, &scale), String::new()),
                    Shape::Lines => line(one, &scale),
                };
                let shape = if shape == Shape::Bars { "bars" } else { "line" };
                Drawn {
                    name: one.name.clone(),
                    class: one.tone.class(),
                    shape,
                    path,
                    dots,
                }
            })
            .collect();
        let rows = window::starts(span)
            .enumerate()
            .map(|(index, at)| Row {
                label: window::exact(at).get(5..16).unwrap_or_default().to_owned(),
                values: series
                    .iter()
                    .map(|one| one.values.get(index).copied().flatten())
                    .map(|value| value.map_or_else(|| "–".to_owned(), |value| unit.exact(value)))
                    .collect(),
            })
            .collect();
        Self {
            w,
            title: title.to_owned(),
            summary: summary(w, title, unit, shape, span, &series),
            width: points * POINT,
            lines: scale.lines().map(number).collect(),
            labels: scale.labels,
            ticks: ticks(span),
            legend: series.iter().any(|one| one.name != title),
            drawn,
            rows,
            from: span.from,
            step: span.step,
            narrow: None,
            marks: Vec::new(),
            empty: series
                .iter()
                .flat_map(|one| &one.values)
                .flatten()
                .all(|&value| value == 0.0),
        }
    }

    /// Makes a click on a point lead to `address` with the end of the point appended.
    pub(crate) fn narrowing(mut self, address: Option<String>) -> Self {
        self.narrow = address;
        self
    }
}

impl OverTime {
    /// Marks moments.
    pub(crate) fn marked(mut self, marks: &[Mark]) -> Self {
        for (index, row) in self.rows.iter_mut().enumerate() {
            row.label.push_str(Mark::note(marks, index));
        }
        for mark in marks {
            self.summary.push(' ');
            self.summary.push_str(&mark.text);
        }
        self.marks = marks.to_vec();
        self
    }
}

fn bars(series: &Series, below: &mut [f64], scale: &Scale) -> String {
    let mut path = String::new();
    for (index, base) in below.iter_mut().enumerate() {
        let value = series.at(index);
        if value <= 0.0 {
            continue;
        }
        // What happened at all is visible, however small it is beside the rest.
        let bottom = scale.y(*base);
        let top = scale.y(*base + value).min(bottom - 1.0);
        let x = (index * POINT) as f64 + (POINT as f64 - BAR) / 2.0;
        path.push_str(&format!(
            "M{} {}V{}h{}V{}z",
            number(x),
            number(bottom),
            number(top),
            number(BAR),
            number(bottom)
        ));
        *base += value;
    }
    path
}

/// The line, and the points that have no neighbour to draw a line to.
fn line(series: &Series, scale: &Scale) -> (String, String) {
    let (mut path, mut dots) = (String::new(), String::new());
    let known = |index: usize| series.values.get(index).copied().flatten();
    for (index, value) in series.values.iter().enumerate() {
        let Some(value) = value else { continue };
        let x = number((index * POINT + POINT / 2) as f64);
        let y = number(scale.y(*value));
        let before = index.checked_sub(1).and_then(known).is_some();
        match (before, known(index + 1).is_some()) {
            (false, false) => dots.push_str(&format!("M{x} {y}h0")),
            (false, true) => path.push_str(&format!("M{x} {y}")),
            (true, _) => path.push_str(&format!("L{x} {y}")),
        }
    }
    (path, dots)
}

/// Distances between labels that divide hours, days and weeks, in seconds.
const DISTANCES: [u64; 16] = [
    60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 43_200, 86_400, 172_800,
    432_000, 604_800, 864_000,
];
/// More labels than this overlap on a phone.
const MOST_TICKS: u64 = 6;

pub(super) fn ticks(span: Span) -> Vec<Tick> {
    let length = span.to - span.from;
    let distance = DISTANCES
        .into_iter()
        .find(|&distance| distance * MOST_TICKS >= length && distance % span.step == 0)
        .unwrap_or(length);
    window::starts(span)
        .filter(|at| at.is_multiple_of(distance))
        .map(|at| ((at - span.from) as f64 / length as f64 * 100.0, at))
        // A label that begins further right would not fit.
        .filter(|&(x, _)| x <= 90.0)
        .map(|(x, at)| Tick {
            x: number(x),
            text: window::tick(at, span),
        })
        .collect()
}

fn summary(
    w: &Words,
    title: &str,
    unit: Unit,
    shape: Shape,
    span: Span,
    series: &[Series],
) -> String {
    let mut sentences = vec![format!("{title}.")];
    for one in series {
        let peak = one
            .values
            .iter()
            .zip(window::starts(span))
            .filter_map(|(value, at)| value.map(|value| (value, at)))
            .filter(|&(value, _)| value > 0.0)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        sentences.push(match peak {
            None => fill(w.chart_nothing, &[&one.name]),
            Some((most, at)) => {
                let (most, at) = (unit.exact(most), window::exact(at));
                match shape {
                    Shape::Bars => {
                        let total = unit.exact(one.values.iter().flatten().sum());
                        fill(w.chart_total, &[&one.name, &total, &most, &at])
                    }
                    Shape::Lines => fill(w.chart_highest, &[&one.name, &most, &at]),
                }
            }
        });
    }
    sentences.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::window::Range;
    use crate::dashboard::words::Lang;

    const NOW: u64 = 1_773_480_360;

    fn chart(shape: Shape, values: &[Option<f64>]) -> OverTime {
        let span = window::ending(Range::Day, NOW);
        let mut all = vec![None; span.steps()];
        all[..values.len()].copy_from_slice(values);
        let series = vec![Series {
            name: "Crashes".into(),
            tone: Tone::Crash,
            values: all,
        }];
        OverTime::new(
            Lang::En.words(),
            "Crashes",
            Unit::Count,
            shape,
            span,
            series,
        )
    }

    #[test]
    fn a_bar_stands_on_the_one_below_it() {
        let span = Span {
            from: 0,
            to: 7_200,
            step: 3_600,
        };
        let series = vec![
            Series::counts("a", Tone::Crash, [1, 0]),
            Series::counts("b", Tone::Freeze, [3, 4]),
        ];
        let chart = OverTime::new(
            Lang::En.words(),
            "t",
            Unit::Count,
            Shape::Bars,
            span,
            series,
        );
        assert_eq!(chart.drawn[0].path, "M1 100V75h8V100z");
        assert_eq!(chart.drawn[1].path, "M1 75V0h8V75zM11 100V0h8V100z");
    }

    #[test]
    fn a_line_has_a_gap_where_nothing_was_measured_and_a_dot_where_it_has_no_neighbour() {
        let chart = chart(Shape::Lines, &[Some(1.0), Some(2.0), None, Some(4.0)]);
        assert_eq!(chart.drawn[0].path, "M5 75L15 50");
        assert_eq!(chart.drawn[0].dots, "M35 0h0");
        assert_eq!(chart.rows[2].values, ["–"]);
    }

    #[test]
    fn the_text_alternative_tells_the_sum_and_the_peak() {
        let html = chart(Shape::Bars, &[Some(2.0), Some(5.0)]).to_string();
        assert!(
            html.contains("Crashes. Crashes: 7 in all, most 5 at 2026-03-13 11:00 UTC."),
            "{html}"
        );
        let html = chart(Shape::Bars, &[]).to_string();
        assert!(html.contains("Crashes: nothing."), "{html}");
    }

    #[test]
    fn a_legend_is_shown_when_it_says_more_than_the_title() {
        assert!(
            !chart(Shape::Bars, &[Some(1.0)]).legend,
            "one series, named as the chart"
        );
        let span = Span {
            from: 0,
            to: 3_600,
            step: 3_600,
        };
        let series = vec![Series::counts("reset", Tone::Accent, [1])];
        let chart = OverTime::new(
            Lang::En.words(),
            "Disconnects",
            Unit::Count,
            Shape::Bars,
            span,
            series,
        );
        assert!(chart.legend && chart.to_string().contains("reset</span>"));
    }

    #[test]
    fn every_point_has_its_values_in_the_table() {
        let chart = chart(Shape::Bars, &[Some(2.0)]);
        let html = chart.to_string();
        assert_eq!(
            html.matches("<tr><th>03-1").count(),
            window::ending(Range::Day, NOW).steps()
        );
    }

    #[test]
    fn labels_below_a_chart_are_few_and_stand_at_round_times() {
        for range in Range::ALL {
            let ticks = ticks(window::ending(range, NOW));
            assert!((2..=6).contains(&ticks.len()), "{range:?} {ticks:?}");
        }
        let ticks = ticks(window::ending(Range::Day, NOW));
        let read: Vec<&str> = ticks.iter().map(|tick| tick.text.as_str()).collect();
        assert_eq!(read, ["12:00", "16:00", "20:00", "00:00", "04:00"]);
    }

    #[test]
    fn a_name_from_a_report_cannot_become_markup() {
        let span = Span {
            from: 0,
            to: 3_600,
            step: 3_600,
        };
        let series = vec![Series::counts("<script>", Tone::Accent, [1])];
        let html = OverTime::new(
            Lang::En.words(),
            "\"><b>",
            Unit::Count,
            Shape::Bars,
            span,
            series,
        )
        .to_string();
        assert!(
            !html.contains("<script>") && !html.contains("<b>"),
            "{html}"
        );
    }
}
