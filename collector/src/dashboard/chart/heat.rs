//! A heat map: how many values lay in which band of a latency, over time.

use super::mark::Mark;
use super::over_time::{Tick, ticks};
use crate::dashboard::format;
use crate::dashboard::window;
use crate::dashboard::words::{Words, fill};
use crate::store::Span;
use askama::Template;
use candor_protocol::sketch::{Sketch, bounds};

/// A heat map, ready to be written into a page.
#[derive(Debug, Clone, Template)]
#[template(path = "chart/heat.html")]
pub(crate) struct Heat {
    w: &'static Words,
    title: String,
    summary: String,
    width: usize,
    height: usize,
    /// What is written at the borders of the bands, top first.
    labels: Vec<String>,
    ticks: Vec<Tick>,
    marks: Vec<Mark>,
    /// One path for each shade, faintest first: its class and its path.
    shades: Vec<(&'static str, String)>,
    bands: Vec<String>,
    rows: Vec<Row>,
    from: u64,
    step: u64,
    narrow: Option<String>,
    empty: bool,
}

impl askama::filters::HtmlSafe for Heat {}

/// The counts of one step, top band first; empty where there are none.
#[derive(Debug, Clone)]
struct Row {
    label: String,
    counts: Vec<String>,
}

/// Size of one cell in the stretched view box.
const CELL: usize = 10;
/// Shades of a cell, faintest first.
const SHADES: [&str; 6] = ["h1", "h2", "h3", "h4", "h5", "h6"];
/// More bands than this cannot be told apart.
const MOST_BANDS: usize = 14;
/// Labels closer to each other than this many bands overlap.
const LABELS: usize = 9;
/// This share of the values at either end lies in a band without an end: a single value must not flatten the rest.
const TAIL: f64 = 0.002;

impl Heat {
    /// A map of `points`, one for each step of `span`.
    pub(crate) fn new<'a>(
        w: &'static Words,
        title: &str,
        span: Span,
        points: impl IntoIterator<Item = Option<&'a Sketch>>,
        marks: Vec<Mark>,
    ) -> Self {
        let points: Vec<Option<&Sketch>> = points.into_iter().collect();
        let mut all = Sketch::default();
        points.iter().flatten().for_each(|point| all.merge(point));
        let floors = floors(&all);
        let counts: Vec<Vec<u64>> = points
            .iter()
            .map(|point| {
                point.map_or_else(|| vec![0; floors.len()], |point| banded(point, &floors))
            })
            .collect();
        let most = counts.iter().flatten().copied().max().unwrap_or(0);
        let rows = window::starts(span)
            .zip(&counts)
            .enumerate()
            .map(|(index, (at, counts))| Row {
                label: format!(
                    "{}{}",
                    window::exact(at).get(5..16).unwrap_or_default(),
                    Mark::note(&marks, index)
                ),
                counts: counts
                    .iter()
                    .rev()
                    .map(|&count| {
                        if count == 0 {
                            String::new()
                        } else {
                            format::count(count)
                        }
                    })
                    .collect(),
            })
            .collect();
        Self {
            w,
            title: title.to_owned(),
            summary: summary(w, title, &all),
            width: points.len() * CELL,
            height: floors.len() * CELL,
            labels: labels(&floors),
            ticks: ticks(span),
            marks,
            shades: shades(&counts, floors.len(), most),
            bands: (0..floors.len())
                .rev()
                .map(|band| name(&floors, band))
                .collect(),
            rows,
            from: span.from,
            step: span.step,
            narrow: None,
            empty: all.is_empty(),
        }
    }

    /// Makes a click on a step lead to `address` with the end of the step appended.
    pub(crate) fn narrowing(mut self, address: Option<String>) -> Self {
        self.narrow = address;
        self
    }
}

/// Where the bands begin, lowest first, at round numbers: six to each power of ten, or three, or one where those are too many.
/// The first band has no lower end, the last no upper one.
fn floors(all: &Sketch) -> Vec<u64> {
    let (Some(low), Some(high)) = (all.quantile(TAIL), all.quantile(1.0 - TAIL)) else {
        return vec![0];
    };
    // Tenths of a power of ten.
    let steps = |digits: &[u64]| {
        let mut floors: Vec<u64> = (0..=12)
            .flat_map(|power| {
                digits
                    .iter()
                    .map(move |digit| digit * 10u64.pow(power) / 10)
            })
            .filter(|&floor| (1..=high).contains(&floor))
            .collect();
        floors.dedup();
        let below = floors.iter().rposition(|&floor| floor <= low).unwrap_or(0);
        floors.drain(..below);
        if floors.is_empty() {
            floors.push(0);
        }
        floors
    };
    let divisions: [&[u64]; 3] = [&[10, 15, 20, 30, 50, 70], &[10, 20, 50], &[10]];
    let mut floors = divisions
        .into_iter()
        .map(steps)
        .find(|floors| floors.len() <= MOST_BANDS)
        .unwrap_or_else(|| vec![0]);
    // Every second border has a label where there are many, so the last one has to be among them.
    if floors.len() > LABELS
        && !floors.len().is_multiple_of(2)
        && let Some(&last) = floors.last()
    {
        floors.push(last * 2);
    }
    floors
}

/// How many values of `point` lie in each band.
fn banded(point: &Sketch, floors: &[u64]) -> Vec<u64> {
    let mut counts = vec![0; floors.len()];
    for (bucket, count) in point.buckets() {
        let (low, high) = bounds(bucket);
        let middle = low + (high - low) / 2;
        let band = floors
            .iter()
            .rposition(|&floor| floor <= middle)
            .unwrap_or(0);
        counts[band] += count;
    }
    counts
}

/// The cells of each shade as one path. The eye compares areas of ink, so shades follow the square root.
fn shades(counts: &[Vec<u64>], bands: usize, most: u64) -> Vec<(&'static str, String)> {
    let mut paths = vec![String::new(); SHADES.len()];
    for (column, counts) in counts.iter().enumerate() {
        for (band, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            let share = (count as f64 / most as f64).sqrt();
            let shade = ((share * SHADES.len() as f64).ceil() as usize).clamp(1, SHADES.len()) - 1;
            let (x, y) = (column * CELL, (bands - 1 - band) * CELL);
            paths[shade].push_str(&format!("M{x} {y}h{CELL}v{CELL}h-{CELL}z"));
        }
    }
    SHADES.into_iter().zip(paths).collect()
}

/// The borders between bands, top first; the outermost have no value.
fn labels(floors: &[u64]) -> Vec<String> {
    let every = if floors.len() > LABELS { 2 } else { 1 };
    let mut labels: Vec<String> = floors
        .iter()
        .enumerate()
        .step_by(every)
        .map(|(index, &floor)| {
            if index == 0 {
                String::new()
            } else {
                format::micros(floor)
            }
        })
        .collect();
    labels.push(String::new());
    labels.reverse();
    labels
}

fn name(floors: &[u64], band: usize) -> String {
    let border = |band: usize| floors.get(band).map(|&floor| format::micros(floor));
    match (band, border(band + 1)) {
        (0, Some(above)) => format!("< {above}"),
        (_, Some(above)) => format!("{} – {above}", border(band).unwrap_or_default()),
        (0, None) => "≥ 0".to_owned(),
        (_, None) => format!("≥ {}", border(band).unwrap_or_default()),
    }
}

fn summary(w: &Words, title: &str, all: &Sketch) -> String {
    let quantile = |q| format::micros_or_nothing(all.quantile(q));
    match all.count() {
        0 => format!("{title}. {}", fill(w.chart_nothing, &[&title])),
        count => fill(
            w.heat_summary,
            &[
                &title,
                &format::count(count),
                &quantile(0.5),
                &quantile(0.95),
                &quantile(0.99),
            ],
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::words::Lang;

    const SPAN: Span = Span {
        from: 0,
        to: 4 * 3_600,
        step: 3_600,
    };

    fn sketch(values: &[u64]) -> Sketch {
        let mut sketch = Sketch::default();
        values.iter().for_each(|&value| sketch.record(value));
        sketch
    }

    fn heat(points: &[Sketch]) -> Heat {
        let points = points.iter().map(Some).chain(std::iter::repeat(None));
        Heat::new(
            Lang::En.words(),
            "Round trip",
            SPAN,
            points.take(SPAN.steps()),
            Vec::new(),
        )
    }

    #[test]
    fn every_value_lies_in_exactly_one_band() {
        let values: Vec<u64> = (0..5_000).map(|n| 900 + n * n).collect();
        let all = sketch(&values);
        let floors = floors(&all);
        assert!((2..=MOST_BANDS).contains(&floors.len()), "{floors:?}");
        assert!(floors.is_sorted());
        assert_eq!(banded(&all, &floors).iter().sum::<u64>(), 5_000);
    }

    #[test]
    fn the_busiest_cell_is_the_darkest_and_an_empty_one_is_not_drawn() {
        let heat = heat(&[sketch(&[22_000; 100]), sketch(&[22_000, 60_000])]);
        assert_eq!(
            heat.bands,
            ["≥ 50 ms", "30 ms – 50 ms", "< 30 ms"],
            "from 20 ms on"
        );
        assert_eq!(heat.shades[5], ("h6", "M0 20h10v10h-10z".to_owned()));
        assert_eq!(heat.shades[0].1, "M10 20h10v10h-10zM10 0h10v10h-10z");
        assert_eq!(heat.rows[0].counts, ["", "", "100"]);
        assert_eq!(heat.labels, ["", "50 ms", "30 ms", ""]);
    }

    #[test]
    fn a_range_of_any_width_has_few_bands_and_borders_that_are_labelled_evenly() {
        for high in [1, 70, 5_000, 3_000_000, 60_000_000_000] {
            let all = sketch(&[1, 7, high]);
            let floors = floors(&all);
            assert!((1..=MOST_BANDS).contains(&floors.len()), "{floors:?}");
            let labels = labels(&floors);
            assert!(labels.len() <= LABELS + 1, "{labels:?}");
            assert_eq!(floors.len() % (labels.len() - 1), 0, "{labels:?}");
        }
    }

    #[test]
    fn nothing_measured_is_said_so() {
        let html = heat(&[]).to_string();
        assert!(html.contains("Nothing in this range"), "{html}");
        assert!(!html.contains(" style="));
    }
}
