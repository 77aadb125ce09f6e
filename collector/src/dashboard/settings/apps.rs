//! `/settings/apps`: which apps there are, and with which keys they send.

use super::super::entry::{Inside, Trouble};
use super::super::form::Form;
use super::super::format;
use super::super::shell::{Choice, Shell};
use super::super::words::{Words, fill};
use super::{Tab, not_done, status};
use crate::access::IngestKey;
use crate::operating::{self, moment};
use crate::privacy::date;
use crate::state::State;
use crate::store::{Intake, Key, Store, StoreError};
use askama::Template;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Redirect, Response};
use candor_protocol::deidentify::AppName;
use std::collections::BTreeMap;

const DAY: u64 = 86_400;

/// Days of which it is shown what arrived; the API tells more.
const DAYS: u64 = 14;

/// In how many days a key may end.
const LATER: [u64; 3] = [1, 7, 30];

#[derive(Template)]
#[template(path = "settings_apps.html")]
struct Apps<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    /// What is said of a new key, and the key.
    key: Option<(String, String)>,
    apps: Vec<AppPart>,
    arrived: String,
    /// Days, and what is said of them.
    ends: Vec<(u64, String)>,
    overlaps: Vec<(u64, String)>,
    /// Where this collector keeps data, if somebody has said so: an app may be pinned to it.
    region: Option<String>,
    name: String,
}

struct AppPart {
    name: String,
    keys: Vec<KeyLine>,
    /// What arrived of late, by day and key.
    days: Vec<DayLine>,
    /// Whether nothing is taken of it.
    closed: bool,
}

struct DayLine {
    day: String,
    key: String,
    received: String,
    stored: String,
    duplicates: String,
    refused: String,
    limited: String,
}

struct KeyLine {
    id: String,
    since: String,
    state: String,
    used: String,
    ended: bool,
}

/// `GET /settings/apps`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, inside: Inside) -> Response {
    show(&state, inside, None, Ok(()), "").await
}

/// `POST /settings/apps`: adds an app or a key, or says when a key ends.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    inside: Inside,
    form: Form,
) -> Response {
    let (w, who) = (inside.words(), inside.visitor.who());
    let said = form.get("app");
    let app = match AppName::parse(said) {
        Ok(app) => app,
        Err(why) => {
            let why = fill(w.o_bad_app, &[&why]);
            return show(&state, inside, None, Err(why), said).await;
        }
    };
    let days = |field: &str| form.get(field).parse::<u64>().ok().map(|days| days * DAY);
    let done = match form.get("do") {
        "add" => {
            let region = match (form.get("pin"), state.office.settings()) {
                ("", _) => None,
                (_, Ok(settings)) => settings.region.clone(),
                (_, Err(error)) => return inside.explain(&Trouble::Store(error)),
            };
            operating::add_app(&state, &who, &app, region.as_ref())
                .await
                .map(Some)
        }
        "key" => operating::add_key(&state, &who, &app, days("overlap"))
            .await
            .map(Some),
        "end" => match (form.get("key").parse(), days("in")) {
            (Ok(key), Some(after)) => operating::end_key(&state, &who, &app, key, after)
                .await
                .map(|_| None),
            _ => return inside.explain(&Trouble::Form(fill(w.p_bad_form, &[&w.o_key]))),
        },
        _ => return inside.explain(&Trouble::NoPage),
    };
    match done {
        Ok(Some(key)) => show(&state, inside, Some((app, key)), Ok(()), "").await,
        Ok(None) => Redirect::to(&inside.visit.page(Tab::Apps.path(), &[])).into_response(),
        Err(why) => {
            let why = not_done(w, &why);
            show(&state, inside, None, Err(why), said).await
        }
    }
}

async fn show<S: Store>(
    state: &State<S>,
    mut inside: Inside,
    key: Option<(AppName, IngestKey)>,
    done: Result<(), String>,
    name: &str,
) -> Response {
    let w = inside.words();
    let asked = async {
        let region = state.office.settings()?.region.clone();
        Ok::<_, StoreError>((parts(state, w, inside.now).await?, region))
    };
    let (apps, region) = match asked.await {
        Ok(asked) => asked,
        Err(error) => return inside.explain(&Trouble::Store(error)),
    };
    inside.shell.title = w.a_settings.to_owned();
    let status = status(&done);
    let in_days = |pattern: &'static str| LATER.map(|days| (days, fill(pattern, &[&days])));
    let page = Apps {
        w,
        shell: &inside.shell,
        tabs: Tab::Apps.choices(&inside.visit),
        wrong: done.err(),
        key: key.map(|(app, key)| (fill(w.o_app_key, &[&app]), key.reveal().to_owned())),
        apps,
        arrived: fill(w.o_arrived, &[&DAYS]),
        ends: [(0, w.o_now.to_owned())]
            .into_iter()
            .chain(in_days(w.o_in_days))
            .collect(),
        overlaps: in_days(w.o_end_in_days).to_vec(),
        region: region.map(|region| fill(w.o_pin, &[&region])),
        name: name.to_owned(),
    };
    inside.answer_with(status, &page)
}

async fn parts<S: Store>(
    state: &State<S>,
    w: &'static Words,
    now: u64,
) -> Result<Vec<AppPart>, StoreError> {
    let mut parts = Vec::new();
    for app in state.store.apps().await? {
        let keys = state.store.keys(&app).await?;
        let intake = state.store.intake(&app, 0, u64::MAX).await?;
        parts.push(AppPart {
            name: app.to_string(),
            closed: !keys.iter().any(|key| key.is_taken(now)),
            keys: keys.iter().map(|key| line(w, key, &intake, now)).collect(),
            days: intake
                .iter()
                .take_while(|row| row.day + DAYS * DAY > now)
                .map(arrived)
                .collect(),
        });
    }
    Ok(parts)
}

/// What arrived by one key on one day. The first number is the sum of the others.
fn arrived(row: &Intake) -> DayLine {
    let turned_away = |counts: &BTreeMap<String, u64>| {
        let why: Vec<_> = counts
            .iter()
            .map(|(reason, reports)| format!("{reason} {}", format::count(*reports)))
            .collect();
        match why.is_empty() {
            true => format::count(0),
            false => why.join(", "),
        }
    };
    DayLine {
        day: date(row.day),
        key: row.key.map_or("–".to_owned(), |key| key.to_string()),
        received: format::count(row.received()),
        stored: format::count(row.stored),
        duplicates: format::count(row.duplicates),
        refused: turned_away(&row.refused),
        limited: turned_away(&row.limited),
    }
}

fn line(w: &'static Words, key: &Key, intake: &[Intake], now: u64) -> KeyLine {
    let days = intake.iter().filter(|row| row.key == Some(key.id));
    let used = days.map(|row| row.day).max();
    KeyLine {
        id: key.id.to_string(),
        since: key.since.map_or_else(|| w.o_first_key.to_owned(), date),
        state: match key.until {
            Some(until) if until <= now => fill(w.o_key_ended, &[&moment(until)]),
            Some(until) => fill(w.o_key_until, &[&moment(until)]),
            None => w.o_key_taken.to_owned(),
        },
        used: used.map_or_else(|| w.a_never.to_owned(), date),
        ended: !key.is_taken(now),
    }
}
