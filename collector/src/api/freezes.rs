//! `GET /api/v1/freezes`: what stands still, for programs.

use super::told::Told;
use super::{Times, answer, app_of, issues, span, words};
use crate::privacy::groups;
use crate::state::State;
use crate::store::{FreezeRate, FreezeRow, Store};
use axum::extract::{Query, State as Given};
use axum::response::Response;
use candor_protocol::report::{Activity, FreezeEnd, Level, Wait};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use tokio::try_join;

/// What is asked.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct About {
    /// The app.
    app: String,
    /// The first second of the range.
    from: u64,
    /// The first second after the range.
    to: u64,
}

/// Freezes of a range.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Freezes")]
struct Answer {
    /// Most installations first.
    issues: Vec<Row>,
    rate_by_release: Vec<Rate>,
    /// All releases that too few installations have to be told.
    others: Option<Rate>,
}

/// One issue of freezes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FreezesOfIssue")]
struct Row {
    issue: issues::Row,
    /// What was watched, most frequent first.
    watches: Vec<Counted>,
    /// The piece of work that did not end, most frequent first.
    turns: Vec<Counted>,
    /// Those in the process's first thread.
    main: u64,
    took_ms: Times,
    longest_ms: u64,
    #[schemars(with = "Vec<CountOf<words::Level>>")]
    levels: Vec<CountOf<Level>>,
    #[schemars(with = "Vec<CountOf<words::FreezeEnd>>")]
    ends: Vec<CountOf<FreezeEnd>>,
    #[schemars(with = "Vec<CountOf<words::Activity>>")]
    activity: Vec<CountOf<Activity>>,
    #[schemars(with = "Vec<CountOf<words::Wait>>")]
    waits: Vec<CountOf<Wait>>,
}

type Counted = CountOf<String>;

/// How many of what.
#[derive(Debug, Serialize, JsonSchema)]
struct CountOf<K> {
    of: K,
    count: u64,
}

/// Freezes, and what they are to be divided by.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FreezeRate")]
struct Rate {
    /// The release; empty where several are one.
    of: String,
    freezes: u64,
    /// Runs that started in the range.
    runs: u64,
    /// Milliseconds that those runs lasted, as far as is known.
    run_ms: u64,
}

impl From<&FreezeRate> for Rate {
    fn from(rate: &FreezeRate) -> Self {
        Self {
            of: rate.label.clone(),
            freezes: rate.freezes,
            runs: rate.runs,
            run_ms: rate.run_ms,
        }
    }
}

fn counts<K: Copy>(counts: &BTreeMap<K, u64>) -> Vec<CountOf<K>> {
    let counts = counts.iter();
    counts.map(|(&of, &count)| CountOf { of, count }).collect()
}

impl From<FreezeRow> for Row {
    fn from(row: FreezeRow) -> Self {
        let names = |names: &[(candor_protocol::deidentify::Name, u64)]| {
            let names = names.iter().map(|(of, count)| CountOf {
                of: of.to_string(),
                count: *count,
            });
            names.collect()
        };
        Self {
            watches: names(&row.watches),
            turns: names(&row.turns),
            main: row.main,
            took_ms: (&row.took_ms).into(),
            longest_ms: row.longest_ms,
            levels: counts(&row.levels),
            ends: counts(&row.ends),
            activity: counts(&row.activity),
            waits: counts(&row.waits),
            issue: row.row.into(),
        }
    }
}

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get(
            "/api/v1/freezes",
            "Issues of freezes, and how often freezes happen.",
        )
        .asks::<About>()
        .answers::<Answer>()
        .refuses(404, "There is no such app."),
    ]
}

/// `GET /api/v1/freezes?app=NAME&from=SECONDS&to=SECONDS`.
pub(super) async fn freezes<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let span = span(about.from, about.to, None);
    let asked = async {
        let (rows, rates) = try_join!(
            state.store.freezes(&app, span),
            groups::freeze_rates(&state, &app, span),
        )?;
        Ok(Answer {
            issues: rows.into_iter().map(Row::from).collect(),
            rate_by_release: rates.by_release.shown.iter().map(Rate::from).collect(),
            others: rates.by_release.other.as_ref().map(|rate| Rate {
                of: String::new(),
                ..rate.into()
            }),
        })
    };
    Ok(answer(asked.await))
}
