//! What operators have decided, for programs: apps, their keys, and what was agreed on. Nothing in it lets anybody in.

use super::told::Told;
use super::{About, answer, app_of, failed, words};
use crate::access::Need;
use crate::ingest::json;
use crate::privacy::narrowing::Less;
use crate::privacy::settings::Class;
use crate::routes::Routes;
use crate::state::State;
use crate::store::Store;
use axum::extract::{Query, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use candor_protocol::catalogue::Extra;
use candor_protocol::deidentify::{AppName, Region, Release};
use candor_protocol::report::Kind;
use schemars::JsonSchema;
use serde::Serialize;

pub(super) fn routes<S: Store>(state: State<S>) -> Routes<State<S>> {
    Routes::with(state)
        .get("/api/v1/apps", Need::Aggregates, apps::<S>)
        .get("/api/v1/keys", Need::Admin, keys::<S>)
        .get("/api/v1/settings", Need::Admin, settings::<S>)
}

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get("/api/v1/apps", "The names of all apps.").answers::<Vec<String>>(),
        Told::get(
            "/api/v1/keys",
            "The ingest keys of an app, without what they are presented by.",
        )
        .asks::<About>()
        .answers::<Vec<Key>>()
        .refuses(404, "There is no such app."),
        Told::get("/api/v1/settings", "What was agreed on for an app.")
            .asks::<About>()
            .answers::<Agreed>()
            .refuses(404, "There is no such app."),
    ]
}

/// An ingest key, as far as it may be shown.
#[derive(Debug, Serialize, JsonSchema)]
struct Key {
    id: String,
    /// When it was made; none for the one that its app was added with.
    since: Option<u64>,
    /// The first second in which it is not taken any more.
    until: Option<u64>,
    /// The last day on which something arrived by it, as its first second.
    used: Option<u64>,
}

/// What was agreed on for an app.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Settings")]
struct Agreed {
    /// Where this collector keeps data.
    #[schemars(with = "Option<String>")]
    region: Option<Region>,
    /// Where the app's data may be kept; none for wherever the collector is.
    #[schemars(with = "Option<String>")]
    pinned: Option<Region>,
    /// Reports that are taken in a day, where that is not what the configuration says.
    daily_reports: Option<u64>,
    retention: Vec<Kept>,
    /// What agents are asked to leave out.
    asked: Vec<Asked>,
}

/// How long something is kept.
#[derive(Debug, Serialize, JsonSchema)]
struct Kept {
    #[schemars(with = "String")]
    class: Class,
    days: u32,
    /// The most days that can be agreed on.
    most: u32,
}

/// What agents of a range of releases are asked to leave out.
#[derive(Debug, Serialize, JsonSchema)]
struct Asked {
    /// The first release it is for.
    #[schemars(with = "Option<String>")]
    from: Option<Release>,
    /// The first release it is not for any more.
    #[schemars(with = "Option<String>")]
    before: Option<Release>,
    /// Nothing at all is wanted.
    off: bool,
    /// Nothing at all until this moment.
    off_until: Option<u64>,
    #[schemars(with = "Vec<words::Kind>")]
    kinds_off: Vec<Kind>,
    #[schemars(with = "Vec<words::Extra>")]
    extras_off: Vec<Extra>,
    sample: Vec<Sampled>,
    upload_every_seconds: Option<u32>,
}

/// Of how many runs in a hundred a kind of reports is wanted.
#[derive(Debug, Serialize, JsonSchema)]
struct Sampled {
    #[schemars(with = "words::Kind")]
    kind: Kind,
    percent: u8,
}

impl From<&Less> for Asked {
    fn from(less: &Less) -> Self {
        let asked = &less.narrowing;
        let sample = asked.sample.iter().map(|sample| Sampled {
            kind: sample.kind,
            percent: sample.percent,
        });
        Self {
            from: less.from.clone(),
            before: less.before.clone(),
            off: less.off,
            off_until: asked.off_until,
            kinds_off: asked.kinds_off.clone(),
            extras_off: asked.extras_off.clone(),
            sample: sample.collect(),
            upload_every_seconds: asked.upload_every_seconds,
        }
    }
}

/// `GET /api/v1/apps`.
async fn apps<S: Store>(Given(state): Given<State<S>>) -> Response {
    let apps = state.store.apps().await;
    answer(apps.map(|apps| apps.iter().map(AppName::to_string).collect::<Vec<_>>()))
}

/// `GET /api/v1/keys?app=NAME`.
async fn keys<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let asked = async {
        let keys = state.store.keys(&app).await?;
        let intake = state.store.intake(&app, 0, u64::MAX).await?;
        let keys = keys.iter().map(|key| Key {
            id: key.id.to_string(),
            since: key.since,
            until: key.until,
            used: intake
                .iter()
                .filter(|row| row.key == Some(key.id))
                .map(|row| row.day)
                .max(),
        });
        Ok(keys.collect::<Vec<_>>())
    };
    Ok(answer(asked.await))
}

/// `GET /api/v1/settings?app=NAME`.
async fn settings<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let settings = state.office.settings().map_err(|error| failed(&error))?;
    let own = settings.apps.get(app.as_str());
    let agreed = Agreed {
        region: settings.region.clone(),
        pinned: own.and_then(|own| own.region.clone()),
        daily_reports: settings.daily_reports(&app),
        retention: Class::ALL
            .iter()
            .map(|&class| Kept {
                class,
                days: settings.days(&app, class),
                most: class.most(),
            })
            .collect(),
        asked: own.map_or_else(Vec::new, |own| own.less.iter().map(Asked::from).collect()),
    };
    Ok(json(StatusCode::OK, &agreed))
}
