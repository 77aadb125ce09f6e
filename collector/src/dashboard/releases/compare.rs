//! Two releases side by side.

use super::asked::{Apart, Released, Risen, Rising, Verdict, Why, apart};
use super::{Sure, rate};
use crate::dashboard::entry::Entry;
use crate::dashboard::figure::Change;
use crate::dashboard::format;
use crate::dashboard::issue_row::IssueLine;
use crate::dashboard::words::{Words, fill};
use crate::statistics::Share;

/// Issues that are listed.
pub(super) const ISSUES: usize = 20;

/// Two releases side by side.
pub(super) struct Compared {
    /// The earlier and the later one.
    pub(super) names: [String; 2],
    pub(super) rows: Vec<Row>,
    pub(super) issues: Vec<RisenLine>,
    /// How many more issues there are; empty where all are listed.
    pub(super) more: String,
}

/// A figure of both.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) values: [Sure; 2],
    pub(super) change: Change,
    /// Where the difference lies, or what is to be thought of it.
    pub(super) note: String,
}

/// An issue that speaks against the later one.
pub(super) struct RisenLine {
    pub(super) issue: IssueLine,
    pub(super) why: &'static str,
    /// Runs of every thousand that met it.
    pub(super) rates: [String; 2],
    /// The list of issues of the later release, with this one in it.
    pub(super) href: String,
}

impl Compared {
    pub(super) fn new(entry: &Entry, (a, b): (&Released, &Released), risen: &Rising) -> Self {
        let w = entry.words();
        let sides = [a, b];
        let shares = |name, of: fn(&Released) -> Share| {
            let of = sides.map(of);
            let apart = apart(of[0], of[1]);
            Row {
                name,
                values: of.map(Sure::new),
                change: apart.map(|apart| change(w, apart)).unwrap_or_default(),
                note: apart.map(|apart| note(w, apart)).unwrap_or_default(),
            }
        };
        let plain = |name, values: [String; 2], [then, now]: [u64; 2]| Row {
            name,
            values: values.map(|value| Sure {
                value,
                interval: String::new(),
            }),
            change: Change {
                text: match format::percent_between(now, then) {
                    Some((_, text)) => text,
                    None => String::new(),
                },
                class: "",
            },
            note: String::new(),
        };
        let counts = |name, of: fn(&Released) -> u64| {
            let of = sides.map(of);
            plain(name, of.map(format::count), of)
        };
        let p95 = sides.map(|side| side.ready_us.quantile(0.95));
        let ready = match p95 {
            [Some(then), Some(now)] => [then, now],
            // With one side missing there is no difference.
            _ => [0, 0],
        };
        let freezes = sides.map(|side| rate(side.row.freezes, side.row.runs));
        let rates = sides.map(|side| {
            let rate = super::per_thousand(side.row.freezes, side.row.runs);
            (rate.unwrap_or_default() * 1_000.0).round() as u64
        });
        Self {
            names: sides.map(|side| side.row.release.to_string()),
            rows: vec![
                shares(w.crash_free, Released::crash_free),
                shares(w.freeze_free, Released::freeze_free),
                plain(w.r_freezes_rate, freezes, rates),
                shares(w.connection_success, Released::connected),
                plain(w.ready_p95, p95.map(format::micros_or_nothing), ready),
                counts(w.runs, |side| side.row.runs),
                counts(w.installs, |side| side.row.installs),
            ],
            issues: risen
                .first
                .iter()
                .map(|one| RisenLine::new(entry, one, sides))
                .collect(),
            more: match risen.total.saturating_sub(risen.first.len()) {
                0 => String::new(),
                more => fill(w.more_issues, &[&more]),
            },
        }
    }
}

impl RisenLine {
    fn new(entry: &Entry, risen: &Risen, [a, b]: [&Released; 2]) -> Self {
        let w = entry.words();
        let release = b.row.release.as_str();
        Self {
            issue: IssueLine::new(entry, &risen.row),
            why: match risen.why {
                Why::New => w.new,
                Why::MoreFrequent => w.r_more_frequent,
            },
            rates: [
                match risen.before {
                    Some(runs) => rate(runs, a.row.runs),
                    None => w.few.to_owned(),
                },
                rate(risen.row.runs, b.row.runs),
            ],
            href: entry.visit.page(
                "/issues",
                &[
                    ("release", release),
                    ("state", "all"),
                    ("q", risen.row.title.as_str()),
                ],
            ),
        }
    }
}

fn points(value: f64) -> String {
    format!("{:+.2}", value * 100.0).replace('-', "−")
}

/// The difference in words, coloured where it is for the worse.
fn change(w: &Words, apart: Apart) -> Change {
    Change {
        text: match apart.verdict {
            Verdict::NoDifference => w.r_no_difference.to_owned(),
            _ => fill(w.points_apart, &[&points(apart.difference)]),
        },
        class: match apart.verdict {
            Verdict::Worse => "accent",
            _ => "",
        },
    }
}

/// Where the difference lies.
fn note(w: &Words, apart: Apart) -> String {
    fill(
        w.r_between,
        &[&points(apart.interval.low), &points(apart.interval.high)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::words::Lang;

    #[test]
    fn what_chance_explains_is_said_to_be_no_difference_and_where_it_lies_all_the_same() {
        let w = Lang::En.words();
        let told = |a: (u64, u64), b: (u64, u64)| {
            let apart = apart(Share::new(a.0, a.1), Share::new(b.0, b.1)).unwrap();
            let change = change(w, apart);
            (change.text, change.class, note(w, apart))
        };
        let (text, class, note) = told((950, 1_000), (900, 1_000));
        assert_eq!((text.as_str(), class), ("−5.00 points", "accent"));
        assert_eq!(note, "between −7.34 and −2.71 points (95 %)");
        let (text, class, _) = told((21, 22), (13, 14));
        assert_eq!((text.as_str(), class), ("no difference to be seen", ""));
    }
}
