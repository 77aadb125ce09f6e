//! `POST /api/v1/issues`: what programs do to issues, by the rules of the pages. The history and the trail say which token it was.

use super::told::Told;
use super::{failed, known, read, refuse};
use crate::access::Visitor;
use crate::ingest::json;
use crate::operating::{self, Wanted};
use crate::state::State;
use crate::store::triage::{By, Change, Note, Person, Until};
use crate::store::{IssueId, Store};
use axum::extract::{Request, State as Given};
use axum::http::StatusCode;
use axum::response::Response;
use candor_protocol::deidentify::{AppName, Release};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most issues of one request.
const MOST: usize = 1_000;

/// What is to be done to issues.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Asking {
    #[schemars(with = "String")]
    app: AppName,
    /// Their numbers, from 1 to 1,000.
    issues: Vec<String>,
    change: Asked,
}

/// What.
#[derive(Deserialize, JsonSchema)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Asked {
    /// They are done with.
    Resolve {
        /// In this release; without one in the next, after the latest that is known.
        #[schemars(with = "Option<String>")]
        release: Option<Release>,
    },
    /// They are not looked at.
    Ignore {
        /// How long: `forever`, or from 1 to 1,000,000,000 more reports or installations, or a moment that is to come.
        until: Until,
    },
    /// They are looked at again.
    Reopen {},
    /// Somebody looks after them.
    Assign {
        /// Who; without a name nobody.
        to: Option<String>,
    },
    /// Somebody says something about them.
    Note {
        /// What, in at most 4,000 characters.
        note: String,
    },
    /// They are one with another issue, of the same kind.
    Merge {
        /// The number of the other one.
        into: String,
    },
    /// They are issues of their own again.
    Split {},
    /// Alerts tell nothing of them.
    Mute {
        /// Until this moment, which is to come; without one for good.
        until: Option<u64>,
    },
    /// Alerts tell of them again.
    Unmute {},
}

impl Asked {
    /// The same as pages ask it; nothing where they could not.
    fn wanted(self, now: u64) -> Option<Wanted> {
        Some(Wanted::Said(match self {
            Self::Resolve { release } => Change::Resolve(release),
            Self::Ignore { until } => Change::Ignore(until.possible(now)?),
            Self::Reopen {} => Change::Reopen,
            Self::Assign { to: None } => Change::Assign(None),
            Self::Assign { to: Some(name) } => Change::Assign(Some(Person::new(&name)?)),
            Self::Note { note } => Change::Note(Note::new(&note)?),
            Self::Merge { into } => Change::Merge(into.parse().ok()?),
            Self::Split {} => Change::Split,
            Self::Mute { until } if until.is_none_or(|until| until > now) => {
                return Some(Wanted::Muted(until));
            }
            Self::Mute { .. } => return None,
            Self::Unmute {} => return Some(Wanted::Unmuted),
        }))
    }
}

/// What was done.
#[derive(Serialize, JsonSchema)]
struct Done {
    /// To how many of the issues it was done: those that do not exist are left out, and those that cannot be merged or split.
    changed: u64,
}

const FORM: &str = "a change is `{\"app\":NAME,\"issues\":[NUMBER, ...],\"change\":{\"do\":WHAT, ...}}`, where WHAT is resolve (release), \
                    ignore (until), reopen, assign (to), note (note), merge (into), split, mute (until) or unmute; /api/v1/openapi.json has all of it";

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::post(
            "/api/v1/issues",
            "Does something to issues, as their pages do. Their history names the token.",
        )
        .takes::<Asking>()
        .answers::<Done>()
        .refuses(400, "The body cannot be read, or says what cannot be.")
        .refuses(404, "There is no such app, or none of these issues.")
        .refuses(
            409,
            "Nothing was merged or split: the issues do not exist, are of different kinds, or are so already.",
        )
        .refuses(415, "The body is not JSON."),
    ]
}

/// `POST /api/v1/issues`.
pub(super) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    visitor: Visitor,
    request: Request,
) -> Response {
    match done(&state, &visitor, request).await {
        Ok(changed) => json(StatusCode::OK, &Done { changed }),
        Err(refused) => refused,
    }
}

async fn done<S: Store>(
    state: &State<S>,
    visitor: &Visitor,
    request: Request,
) -> Result<u64, Response> {
    let asking: Asking = read(request, FORM).await?;
    known(state, &asking.app).await?;
    let bad = || refuse(StatusCode::BAD_REQUEST, "bad_request", FORM);
    let issues: Result<Vec<IssueId>, ()> = asking.issues.iter().map(|id| id.parse()).collect();
    let issues = issues.map_err(|()| bad())?;
    if !(1..=MOST).contains(&issues.len()) {
        return Err(bad());
    }
    let by = By {
        who: Person::new(&visitor.who()).ok_or_else(bad)?,
        at: state.clock.now(),
    };
    let wanted = asking.change.wanted(by.at).ok_or_else(bad)?;
    let joins = matches!(wanted, Wanted::Said(Change::Merge(_) | Change::Split));
    match operating::triage(state, &asking.app, &issues, wanted, by).await {
        Ok(0) if joins => Err(refuse(
            StatusCode::CONFLICT,
            "not_changed",
            "nothing was merged or split: the issues do not exist, are of different kinds, or are so already",
        )),
        Ok(0) => Err(refuse(
            StatusCode::NOT_FOUND,
            "unknown_issue",
            "there is no issue of these numbers",
        )),
        Ok(changed) => Ok(changed),
        Err(error) => Err(failed(&error)),
    }
}
