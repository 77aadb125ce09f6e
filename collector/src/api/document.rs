//! `GET /api/v1/openapi.json`: what programs may ask, as OpenAPI 3.1 says it. Made from the table of routes and the types of answers.

use super::told::Told;
use super::{About, DayOfKey, Days};
use super::{
    alerts, connections, freezes, health, issues, operated, privacy, releases, runs, symbols,
    triage, words,
};
use crate::access::Need;
use crate::privacy::receipt::Receipt;
use crate::routes::{Route, Routes};
use crate::store::Ledger;
use axum::body::Bytes;
use axum::http::header;
use axum::response::IntoResponse;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::sync::{Arc, LazyLock};

/// Where the document is.
const PATH: &str = "/api/v1/openapi.json";

/// Adds the document of these routes, itself included.
pub(crate) fn documented(routes: Routes) -> Routes {
    let needs = routes
        .table()
        .iter()
        .map(|route| (Told::of_route(route), route.need));
    let needs: Vec<_> = needs
        .chain([(("GET".to_owned(), PATH), Need::Nothing)])
        .collect();
    // Made when it is asked for first: that takes more memory than all else of a collector at rest.
    let document = Arc::new(LazyLock::new(move || {
        Bytes::from(document(&needs).to_string())
    }));
    let serve = async move || {
        let document = Bytes::clone(&document);
        ([(header::CONTENT_TYPE, "application/json")], document).into_response()
    };
    routes.and(Routes::with(()).get(PATH, Need::Nothing, serve))
}

impl Told {
    fn of_route(route: &Route) -> (String, &'static str) {
        (route.method.to_string(), route.path)
    }
}

/// A refusal, as every route says it.
#[derive(Serialize, JsonSchema)]
struct Refusal {
    /// A word for programs.
    error: String,
    /// A sentence for people: what is wrong, and what to do.
    message: String,
    /// The line of the batch, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
}

/// What became of a batch.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells of the protocol's own type")]
struct Accepted {
    /// Reports stored now; they are on disk.
    stored: u32,
    /// Reports that had been stored before.
    duplicates: u32,
    /// What the operator wants less of; missing where that is nothing.
    #[schemars(skip_serializing_if = "Option::is_none")]
    narrowing: Option<Narrowing>,
    /// That is what the agent said in `If-None-Match`; missing where it is not.
    #[schemars(skip_serializing_if = "std::ops::Not::not")]
    narrowing_unchanged: bool,
    /// Reports with a value that might identify somebody; not stored.
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    quarantined: Vec<Quarantined>,
    /// Reports that cannot be read; not stored.
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<RefusedReport>,
    /// Where this collector is, where the batch names a region.
    #[schemars(skip_serializing_if = "Option::is_none")]
    region: Option<String>,
    /// That the service has ended, signed; nothing was stored.
    #[schemars(skip_serializing_if = "Option::is_none")]
    sunset: Option<Sunset>,
}

/// What agents are asked to leave out.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells of the protocol's own type")]
struct Narrowing {
    /// Nothing at all until this moment.
    #[schemars(skip_serializing_if = "Option::is_none")]
    off_until: Option<u64>,
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    kinds_off: Vec<words::Kind>,
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    extras_off: Vec<words::Extra>,
    #[schemars(skip_serializing_if = "Vec::is_empty")]
    sample: Vec<Sample>,
    #[schemars(skip_serializing_if = "Option::is_none")]
    upload_every_seconds: Option<u32>,
}

/// Of how many runs in a hundred a kind of reports is wanted.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells of the protocol's own type")]
struct Sample {
    kind: words::Kind,
    percent: u8,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells of the protocol's own type")]
struct Quarantined {
    /// The line of the batch, from 1.
    line: u32,
    /// The field, as the catalogue names it.
    field: String,
    /// The rule that was broken.
    reason: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells of the protocol's own type")]
struct RefusedReport {
    /// The line of the batch, from 1.
    line: u32,
    /// A word for programs.
    error: String,
    /// A sentence for people.
    message: String,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells of the protocol's own type")]
struct Sunset {
    app: String,
    /// Which text users are shown.
    notice: String,
    at: u64,
    /// Ed25519, 128 hexadecimal digits.
    signature: String,
}

/// What was erased.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "it tells of what takes reports")]
struct Erased {
    /// How many reports.
    reports: u64,
    receipt: Receipt,
}

/// Everything that is told.
fn told() -> Vec<Told> {
    let mut all = vec![
        Told::get(PATH, "This document."),
        Told::post("/v1/batches", "Takes reports of an agent.")
            .takes_as("application/x-ndjson", json!({ "type": "string", "contentMediaType": "application/x-ndjson", "contentEncoding": "gzip" }))
            .answers::<Accepted>()
            .refuses(400, "It cannot be read.")
            .refuses(403, "Its reports may not be kept in the region of this collector.")
            .refuses(408, "It did not arrive in time.")
            .refuses(411, "It does not say how long it is.")
            .refuses(413, "It is too large.")
            .refuses(415, "It is not of this type, or not in gzip.")
            .refuses(422, "A report is of what was erased; nothing was stored.")
            .refuses(429, "The app has sent as much as is taken in a day; `Retry-After` says when to come again.")
            .refuses(500, "The collector has a fault; `Retry-After` says when to come again.")
            .refuses(503, "Too busy, or the store does not answer; `Retry-After` says when to come again."),
        Told::post("/v1/erasures", "Erases what an installation sent.")
            .takes_as("application/json", json!({ "type": "object", "properties": { "pseudonyms": { "type": "array", "items": { "type": "string" } } }, "required": ["pseudonyms"] }))
            .answers::<Erased>()
            .refuses(400, "It cannot be read.")
            .refuses(408, "It did not arrive in time.")
            .refuses(411, "It does not say how long it is.")
            .refuses(413, "It is too large.")
            .refuses(415, "It is not JSON.")
            .refuses(500, "The collector has a fault; `Retry-After` says when to come again.")
            .refuses(503, "Too busy, or the store does not answer; `Retry-After` says when to come again."),
        Told::get("/api/v1/ledger", "What arrived and what became of it, since the app was added.")
            .asks::<About>()
            .answers::<Ledger>()
            .refuses(404, "There is no such app."),
        Told::get("/api/v1/ledger/days", "What arrived in the last days, by day and key.")
            .asks::<Days>()
            .answers::<Vec<DayOfKey>>()
            .refuses(404, "There is no such app."),
    ];
    let parts = [
        alerts::told(),
        health::told(),
        connections::told(),
        issues::told(),
        triage::told(),
        releases::told(),
        runs::told(),
        freezes::told(),
        operated::told(),
        privacy::told(),
        symbols::told(),
    ];
    all.extend(parts.into_iter().flatten());
    all
}

/// The document of the routes of which something is told.
fn document(routes: &[((String, &'static str), Need)]) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    let settings = settings.with(|settings| {
        settings.definitions_path = "/components/schemas".into();
        settings.meta_schema = None;
    });
    let mut generator = settings.into_generator();
    generator.subschema_for::<Refusal>();
    let mut paths: Map<String, Value> = Map::new();
    for told in told() {
        let of = |route: &&((String, &'static str), Need)| {
            let ((method, path), _) = route;
            *method == told.method.as_str() && *path == told.path
        };
        if let Some((_, need)) = routes.iter().find(of) {
            let operation = told.operation(*need, &mut generator);
            let path = paths.entry(told.path).or_insert_with(|| json!({}));
            if let Some(path) = path.as_object_mut() {
                path.insert(told.method.as_str().to_ascii_lowercase(), operation);
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Candor collector",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Times are seconds since 1970-01-01 UTC; ranges include `from` and exclude `to`. Classes that fewer than ten installations are in are merged into `others`.",
        },
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "A token of a program; `tokens add` makes one." },
                "session": { "type": "apiKey", "in": "cookie", "name": "candor_session", "description": "Somebody who signed in; for questions alone." },
                "ingest_key": { "type": "http", "scheme": "bearer", "description": "An ingest key of an app." },
            },
        },
    })
}
