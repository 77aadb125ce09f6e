//! What programs may ask and have done about privacy. For those who may do everything.

use super::told::Told;
use super::{About, answer, app_of, failed, known, read, refuse};
use crate::access::{Need, Visitor};
use crate::ingest::json;
use crate::privacy::audit::Entry;
use crate::privacy::erasure::{self, Wanted};
use crate::privacy::holds::{Hold, Standing};
use crate::privacy::receipt::Receipt;
use crate::privacy::requests::{Asked, NotDone, Request, Right, Role};
use crate::routes::Routes;
use crate::state::State;
use crate::store::{Part, QuarantineRow, Store, StoreError};
use axum::extract::{Query, Request as HttpRequest, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use candor_protocol::deidentify::{AppName, Pseudonym, Release};
use candor_protocol::limits::ERASURE_PSEUDONYMS;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Entries of the trail and receipts in one answer.
const MOST: usize = 1_000;

pub(super) fn routes<S: Store>(state: State<S>) -> Routes<State<S>> {
    Routes::with(state)
        .post("/api/v1/erasures", Need::Admin, erase::<S>)
        .get("/api/v1/requests", Need::Admin, requests::<S>)
        .post("/api/v1/requests", Need::Admin, open::<S>)
        .get("/api/v1/receipts", Need::Admin, receipts::<S>)
        .get("/api/v1/holds", Need::Admin, holds::<S>)
        .get("/api/v1/audit", Need::Admin, trail::<S>)
        .get("/api/v1/quarantine", Need::Aggregates, quarantine::<S>)
}

pub(super) fn told() -> Vec<Told> {
    const NO_APP: &str = "There is no such app.";
    vec![
        Told::post("/api/v1/erasures", "Erases, and answers with the receipt.")
            .takes::<Erasure>()
            .answers::<Receipt>()
            .refuses(400, "The body cannot be read.")
            .refuses(404, NO_APP)
            .refuses(415, "The body is not JSON."),
        Told::get(
            "/api/v1/requests",
            "What people have asked for, the latest first, without whose requests they are.",
        )
        .answers::<Vec<Request>>(),
        Told::post(
            "/api/v1/requests",
            "Opens a request of a person; its clock starts.",
        )
        .takes::<Asking>()
        .answers::<Request>()
        .refuses(400, "The body cannot be read.")
        .refuses(404, NO_APP)
        .refuses(409, "It cannot be opened; says why.")
        .refuses(415, "The body is not JSON."),
        Told::get(
            "/api/v1/holds",
            "What is held back from expiring, the latest first.",
        )
        .answers::<Vec<Held>>(),
        Told::get(
            "/api/v1/receipts",
            "The last thousand receipts, newest first.",
        )
        .answers::<Vec<Receipt>>(),
        Told::get(
            "/api/v1/audit",
            "The last thousand entries of the audit trail, newest first.",
        )
        .answers::<Vec<Entry>>(),
        Told::get(
            "/api/v1/quarantine",
            "What was not kept, by where it leaks.",
        )
        .asks::<About>()
        .answers::<Vec<QuarantineRow>>()
        .refuses(404, NO_APP),
    ]
}

/// What is to be erased.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Erasure {
    #[schemars(with = "String")]
    app: AppName,
    what: What,
}

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum What {
    App,
    Release(#[schemars(with = "String")] Release),
    Range { from: u64, to: u64 },
    Installations(#[schemars(with = "Vec<String>")] Vec<Pseudonym>),
}

const ERASURE: &str = "a request for erasure is `{\"app\":NAME,\"what\":WHAT}`, where WHAT is `\"app\"`, `{\"release\":VERSION}`, \
                       `{\"range\":{\"from\":SECONDS,\"to\":SECONDS}}` or `{\"installations\":[PSEUDONYM, ...]}`, at most 128 of them";

/// `POST /api/v1/erasures`: erases, and answers with the receipt.
async fn erase<S: Store>(
    Given(state): Given<State<S>>,
    visitor: Visitor,
    request: HttpRequest,
) -> Response {
    let Erasure { app, what } = match read(request, ERASURE).await {
        Ok(erasure) => erasure,
        Err(refused) => return refused,
    };
    let wanted = match what {
        What::App => Wanted::Part(Part::App),
        What::Release(release) => Wanted::Part(Part::Release(release)),
        What::Range { from, to } if from < to => Wanted::Part(Part::Range { from, to }),
        What::Installations(all) if (1..=ERASURE_PSEUDONYMS).contains(&all.len()) => {
            Wanted::Installations(all)
        }
        _ => return refuse(StatusCode::BAD_REQUEST, "bad_request", ERASURE),
    };
    match known(&state, &app).await {
        Ok(()) => answer(erasure::erase(&state, &visitor.who(), &app, &wanted).await),
        Err(refused) => refused,
    }
}

/// A request of a person.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asking {
    #[schemars(with = "String")]
    app: AppName,
    right: Right,
    role: Role,
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    proof: Option<AppName>,
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pseudonyms: Vec<Pseudonym>,
}

const ASKING: &str = "a request is `{\"app\":NAME,\"right\":RIGHT,\"role\":ROLE,\"proof\":NAME,\"pseudonyms\":[...]}`; a right is \
                      access, copy, correct, supplement, delete, withdraw or explain; a role is person or guardian";

/// `POST /api/v1/requests`: opens a request; its clock starts.
async fn open<S: Store>(
    Given(state): Given<State<S>>,
    visitor: Visitor,
    request: HttpRequest,
) -> Response {
    let asking: Asking = match read(request, ASKING).await {
        Ok(asking) => asking,
        Err(refused) => return refused,
    };
    if let Err(refused) = known(&state, &asking.app).await {
        return refused;
    }
    let asked = Asked {
        app: asking.app,
        right: asking.right,
        role: asking.role,
        proof: asking.proof,
        pseudonyms: asking.pseudonyms,
    };
    match state
        .office
        .open_request(&visitor.who(), asked, state.clock.now())
    {
        Ok(request) => json(StatusCode::OK, &without_pseudonyms(request)),
        Err(NotDone::Failed(error)) => failed(&error),
        Err(other) => refuse(StatusCode::CONFLICT, "not_opened", &other.to_string()),
    }
}

/// What a request says to whoever reads lists: not whose it is.
fn without_pseudonyms(request: Request) -> Request {
    Request {
        pseudonyms: Vec::new(),
        ..request
    }
}

/// `GET /api/v1/requests`: all of them, the latest first, without whose they are.
async fn requests<S: Store>(Given(state): Given<State<S>>) -> Response {
    let found = state.office.requests();
    answer(found.map(|all| all.into_iter().map(without_pseudonyms).collect::<Vec<_>>()))
}

/// `GET /api/v1/receipts`: the last thousand, newest first.
async fn receipts<S: Store>(Given(state): Given<State<S>>) -> Response {
    answer(state.office.receipts(MOST))
}

/// A legal hold, as lists tell it.
#[derive(Serialize, JsonSchema)]
struct Held {
    #[serde(flatten)]
    hold: Hold,
    standing: Standing,
}

/// `GET /api/v1/holds`: all of them, the latest first.
async fn holds<S: Store>(Given(state): Given<State<S>>) -> Response {
    let now = state.clock.now();
    let told = |hold: Hold| Held {
        standing: hold.standing(now),
        hold,
    };
    let found = state.office.holds();
    answer(found.map(|all| all.into_iter().map(told).collect::<Vec<_>>()))
}

/// `GET /api/v1/audit`: the last thousand entries, newest first.
async fn trail<S: Store>(Given(state): Given<State<S>>) -> Response {
    match state.office.trail().last(MOST) {
        Ok(entries) => json(StatusCode::OK, &entries),
        Err(error) => failed(&StoreError::Unavailable(error.to_string())),
    }
}

/// `GET /api/v1/quarantine?app=NAME`: what was not kept, by where it leaks.
async fn quarantine<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    Ok(answer(state.store.quarantined(&app).await))
}
