//! `/connections/compare`: two releases, or this stretch of time and the one before, side by side.

use super::charts::{by_class, by_reason};
use super::filter::{chips, filter};
use super::measure::Measure;
use super::tables::runs;
use crate::dashboard::chart::{OverTime, Series, Shape, Tone, Unit};
use crate::dashboard::entry::{Entry, Trouble};
use crate::dashboard::figure::Change;
use crate::dashboard::shell::{Choice, Shell};
use crate::dashboard::words::{Words, fill};
use crate::dashboard::{format, window};
use crate::privacy::groups;
use crate::state::State;
use crate::store::{ConnectionAnswer, ConnectionFilter, ConnectionSum, Span, Store};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;
use candor_protocol::deidentify::Release;
use candor_protocol::sketch::Sketch;
use std::cmp::Ordering;
use std::collections::BTreeSet;

/// `GET /connections/compare`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

/// The word in the address that stands for the stretch of time before.
const BEFORE: &str = "before";

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Compare<'a>, Trouble> {
    let w = entry.words();
    let shared = ConnectionFilter {
        release: None,
        ..filter(&entry.visit)
    };
    let ask = async |filter: ConnectionFilter, span| {
        let safe = groups::connections(state, &entry.app, filter, span).await?;
        Ok::<_, Trouble>(safe.answer)
    };
    let known: Vec<Release> = ask(shared.clone(), entry.span)
        .await?
        .by_release
        .into_iter()
        .map(|(release, _)| release)
        .collect();
    let release = |key| {
        let word = entry.visit.get(key)?;
        Release::parse(word).ok()
    };
    let other = release("with").filter(|_| entry.visit.get("with") != Some(BEFORE));
    let mine = release("release");
    let of = |release: Option<&Release>| ConnectionFilter {
        release: release.cloned(),
        ..shared.clone()
    };
    let (now, then, names) = match (&mine, &other) {
        (_, Some(other)) => {
            // Without a choice the newest is compared.
            let mine = mine
                .clone()
                .or_else(|| known.iter().find(|one| *one != other).cloned());
            let name = mine
                .as_ref()
                .map_or(w.all_releases.to_owned(), Release::to_string);
            (
                ask(of(mine.as_ref()), entry.span).await?,
                ask(of(Some(other)), entry.span).await?,
                [name, other.to_string()],
            )
        }
        (mine, None) => {
            let earlier = before(entry.span);
            (
                ask(of(mine.as_ref()), entry.span).await?,
                ask(of(mine.as_ref()), earlier).await?,
                [stretch(entry.span), stretch(earlier)],
            )
        }
    };
    let choice = |key: &str, word: &str, label: &str, current| Choice {
        href: entry.visit.here(&[(key, word)]),
        label: label.to_owned(),
        current,
    };
    let mut left = vec![choice("release", "", w.all_releases, mine.is_none())];
    let mut right = vec![choice("with", BEFORE, w.the_time_before, other.is_none())];
    for one in &known {
        let word = one.as_str();
        left.push(choice("release", word, word, mine.as_ref() == Some(one)));
        right.push(choice("with", word, word, other.as_ref() == Some(one)));
    }
    let lines = Measure::all()
        .filter(|measure| measure.of(&now.total).is_some() || measure.of(&then.total).is_some())
        .take(CHARTS);
    Ok(Compare {
        w,
        shell: &entry.shell,
        back: entry.visit.below("/connections"),
        chips: chips(&entry.visit, &shared),
        left,
        right,
        nothing: now.total.windows == 0 && then.total.windows == 0,
        runs: [&now, &then].map(|side| runs(&side.total.runs)),
        charts: lines
            .map(|measure| overlaid(entry, measure, &names, &now, &then))
            .collect(),
        groups: groups(entry, &now.total, &then.total),
        names,
        longer: entry.longer(),
    })
}

/// More charts than this say nothing that the table does not.
const CHARTS: usize = 4;

#[derive(Template)]
#[template(path = "compare.html")]
struct Compare<'a> {
    w: &'static Words,
    shell: &'a Shell,
    back: String,
    chips: Vec<Choice>,
    left: Vec<Choice>,
    right: Vec<Choice>,
    nothing: bool,
    names: [String; 2],
    runs: [String; 2],
    charts: Vec<OverTime>,
    groups: Vec<Group>,
    longer: Option<Choice>,
}

/// Figures that belong together.
#[derive(Debug)]
struct Group {
    name: &'static str,
    rows: Vec<Line>,
}

/// One figure of both sides.
#[derive(Debug)]
struct Line {
    name: String,
    values: [String; 2],
    /// What is behind the values.
    behind: [String; 2],
    change: Change,
}

/// The stretch of time of the same length and steps just before.
fn before(span: Span) -> Span {
    let length = span.to - span.from;
    Span {
        from: span.from.saturating_sub(length),
        to: span.from,
        step: span.step,
    }
}

fn stretch(span: Span) -> String {
    let short = |at| {
        let exact = window::exact(at);
        exact.get(5..16).unwrap_or_default().to_owned()
    };
    format!("{} – {}", short(span.from), short(span.to))
}

/// The 95th percentile of both sides, over time.
fn overlaid(
    entry: &Entry,
    measure: Measure,
    names: &[String; 2],
    now: &ConnectionAnswer,
    then: &ConnectionAnswer,
) -> OverTime {
    let line = |name: &str, tone, side: &ConnectionAnswer| {
        let values = side
            .series
            .iter()
            .map(|(_, sum)| measure.of(sum)?.quantile(0.95));
        Series::measured(name, tone, values)
    };
    let series = vec![
        line(&names[0], Tone::P50, now),
        line(&names[1], Tone::P95, then),
    ];
    let title = format!("{}, p95", measure.name(entry.visit.lang));
    OverTime::new(
        entry.words(),
        &title,
        Unit::Micros,
        Shape::Lines,
        entry.span,
        series,
    )
}

/// The difference of two shares, coloured when it is for the worse by more than chance explains.
fn apart(w: &Words, [a, b]: [(u64, u64); 2], good: bool) -> Change {
    // A share that should be low is worse when what is left of it is lower.
    let rest = |(part, whole): (u64, u64)| {
        let part = if good {
            part
        } else {
            whole.saturating_sub(part)
        };
        (part, whole)
    };
    let text = match format::points_between(a, b) {
        None => String::new(),
        Some((Ordering::Equal, _)) => w.the_same.to_owned(),
        Some((_, text)) => fill(w.points_apart, &[&text]),
    };
    Change {
        text,
        class: Change::of_share(w, Tone::Accent, rest(a), rest(b)).class,
    }
}

/// The difference of two numbers, which is neither good nor bad.
fn percent_apart(w: &Words, [a, b]: [u64; 2]) -> Change {
    let text = match format::percent_between(a, b) {
        None => String::new(),
        Some((Ordering::Equal, _)) => w.the_same.to_owned(),
        Some((_, text)) => text,
    };
    Change { text, class: "" }
}

fn groups(entry: &Entry, now: &ConnectionSum, then: &ConnectionSum) -> Vec<Group> {
    let (w, lang) = (entry.words(), entry.visit.lang);
    let sides = [now, then];
    let attempts = |sum: &ConnectionSum| {
        fill(
            w.n_attempts,
            &[&format::count(sum.attempts), &runs(&sum.runs)],
        )
    };
    let service = |sum: &ConnectionSum| {
        fill(
            w.in_service_for,
            &[&format::millis(sum.up_ms), &runs(&sum.runs)],
        )
    };
    let share = |name: &str, of: &dyn Fn(&ConnectionSum) -> (u64, u64), good: bool| {
        let shares = sides.map(of);
        Line {
            name: name.to_owned(),
            values: shares.map(|(part, whole)| format::share(part, whole)),
            behind: sides.map(attempts),
            change: apart(w, shares, good),
        }
    };
    let rate = |name: &str, of: &dyn Fn(&ConnectionSum) -> u64| {
        let hours = |sum: &ConnectionSum| sum.up_ms as f64 / 3_600_000.0;
        let per_hour = sides.map(|sum| match hours(sum) {
            0.0 => None,
            hours => Some(of(sum) as f64 / hours),
        });
        let hundredths = per_hour.map(|rate| rate.map_or(0, |rate| (rate * 100.0) as u64));
        Line {
            name: name.to_owned(),
            values: per_hour
                .map(|rate| rate.map_or(format::NOTHING.to_owned(), |rate| format!("{rate:.2}"))),
            behind: sides.map(service),
            change: percent_apart(w, hundredths),
        }
    };
    let no_service = || {
        let of = |sum: &ConnectionSum| (sum.down_ms, sum.up_ms.saturating_add(sum.down_ms));
        let mut line = share(w.without_service, &of, false);
        line.behind = sides.map(service);
        // Milliseconds are no trials: chance has no say in them.
        line.change.class = "";
        line
    };
    let mut groups = vec![Group {
        name: w.service,
        rows: vec![
            share(w.connection_success, &|sum| (sum.ready, sum.attempts), true),
            no_service(),
            rate(w.disconnects_per_hour, &|sum| {
                sum.disconnects.values().sum()
            }),
            rate(w.reconnects_per_hour, &|sum| sum.reconnects),
            rate(w.stalls_per_hour, &|sum| sum.stall_us.count()),
        ],
    }];
    for measure in Measure::all() {
        let sketches = sides.map(|sum| measure.of(sum));
        if sketches.iter().all(Option::is_none) {
            continue;
        }
        let rows = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)].map(|(name, q)| {
            let values = sketches.map(|sketch| sketch.and_then(|sketch| sketch.quantile(q)));
            Line {
                name: name.to_owned(),
                values: values.map(format::micros_or_nothing),
                behind: [0, 1].map(|side| {
                    let count = sketches[side].map_or(0, Sketch::count);
                    fill(
                        w.n_values,
                        &[&format::count(count), &runs(&sides[side].runs)],
                    )
                }),
                change: match values {
                    [Some(a), Some(b)] => percent_apart(w, [a, b]),
                    _ => Change::default(),
                },
            }
        });
        groups.push(Group {
            name: measure.name(lang),
            rows: rows.into(),
        });
    }
    let classes: BTreeSet<String> = sides
        .iter()
        .flat_map(|sum| by_class(sum, lang).into_keys())
        .collect();
    let failed = classes.iter().map(|class| {
        let of = |sum: &ConnectionSum| {
            let count = by_class(sum, lang).get(class).copied().unwrap_or(0);
            (count, sum.attempts)
        };
        share(class, &of, false)
    });
    groups.push(Group {
        name: w.failed_attempts,
        rows: failed.collect(),
    });
    let reasons: BTreeSet<String> = sides
        .iter()
        .flat_map(|sum| by_reason(sum, lang).into_keys())
        .collect();
    let ended = reasons.iter().map(|reason| {
        rate(reason, &|sum: &ConnectionSum| {
            by_reason(sum, lang).get(reason).copied().unwrap_or(0)
        })
    });
    groups.push(Group {
        name: w.disconnects_per_hour,
        rows: ended.collect(),
    });
    groups.retain(|group| !group.rows.is_empty());
    groups
}
