//! The pages: rendered on the server from the store's answers, one file each.
//!
//! * `visit`, `entry`: what is asked; the way in and out of every page.
//! * `shell`: what stands around a page; `words` and `labels`: what it says; `format`: numbers.
//! * `asked`: which issues; `triage`: what is done to them; `done`: what was just done; `history`: what was said of them.
//! * `overview`, `issues`, `issue`, `freezes`, `connections`, `releases`, `runs`, `privacy`: the pages.
//! * `sign_in`, `welcome`, `account`: the way in, and what one may change about oneself; `settings`: what only an admin may.
//! * `chart`: pictures; `csv`: tables to keep; `assets`: style, script, icon; `form`: what was filled in; `security`: what browsers say and are told.

mod account;
mod asked;
mod assets;
mod chart;
mod connections;
mod csv;
mod done;
mod entry;
mod figure;
mod form;
mod format;
mod freezes;
mod history;
mod issue;
mod issue_row;
mod issues;
mod labels;
mod markdown;
mod overview;
mod privacy;
pub(crate) mod releases;
mod report_view;
mod runs;
pub(crate) mod security;
mod settings;
mod shell;
mod sign_in;
mod stack;
mod triage;
pub(crate) mod visit;
mod welcome;
mod window;
mod words;

pub(crate) use asked::filter;
pub(crate) use entry::{Turned, turned};

use crate::access::Need;
use crate::routes::Routes;
use crate::state::State;
use crate::store::Store;
use axum::Router;

/// The pages.
pub fn routes<S: Store>(state: State<S>) -> Routes<State<S>> {
    Routes::with(state)
        .get("/", Need::Aggregates, overview::page::<S>)
        .get("/issues", Need::Aggregates, issues::page::<S>)
        .post("/issues", Need::Triage, triage::chosen::<S>)
        .get("/issues.csv", Need::Aggregates, issues::table::<S>)
        .get("/issues/{id}", Need::Aggregates, issue::page::<S>)
        .post("/issues/{id}", Need::Triage, triage::one::<S>)
        .get(
            "/issues/{id}/issue.md",
            Need::Aggregates,
            issue::markdown::<S>,
        )
        .get("/issues/{id}/stack.txt", Need::Reports, issue::text::<S>)
        .get("/freezes", Need::Aggregates, freezes::page::<S>)
        .get("/freezes.csv", Need::Aggregates, freezes::table::<S>)
        .get("/connections", Need::Aggregates, connections::page::<S>)
        .get(
            "/connections.csv",
            Need::Aggregates,
            connections::table::<S>,
        )
        .get(
            "/connections/compare",
            Need::Aggregates,
            connections::compare::page::<S>,
        )
        .get("/releases", Need::Aggregates, releases::page::<S>)
        .get("/releases.csv", Need::Aggregates, releases::table::<S>)
        .get("/runs", Need::Aggregates, runs::page::<S>)
        .get("/runs.csv", Need::Aggregates, runs::table::<S>)
        .get("/privacy", Need::Aggregates, privacy::page::<S>)
        .post("/privacy", Need::Admin, privacy::change::<S>)
        .get(
            "/privacy/receipts/{number}",
            Need::Admin,
            privacy::receipt::<S>,
        )
        .get("/sign-in", Need::Nothing, sign_in::page::<S>)
        .post("/sign-in", Need::Nothing, sign_in::enter::<S>)
        .get("/welcome", Need::Nothing, welcome::page::<S>)
        .post("/welcome", Need::Nothing, welcome::accept::<S>)
        .post("/sign-out", Need::SignedIn, account::sign_out::<S>)
        .get("/account", Need::SignedIn, account::page::<S>)
        .post("/account", Need::SignedIn, account::change::<S>)
        .get("/settings", Need::Admin, settings::first)
        .get("/settings/people", Need::Admin, settings::people::page::<S>)
        .post(
            "/settings/people",
            Need::Admin,
            settings::people::change::<S>,
        )
        .get("/settings/tokens", Need::Admin, settings::tokens::page::<S>)
        .post(
            "/settings/tokens",
            Need::Admin,
            settings::tokens::change::<S>,
        )
        .get("/settings/apps", Need::Admin, settings::apps::page::<S>)
        .post("/settings/apps", Need::Admin, settings::apps::change::<S>)
        .get(
            "/settings/retention",
            Need::Admin,
            settings::retention::page::<S>,
        )
        .post(
            "/settings/retention",
            Need::Admin,
            settings::retention::change::<S>,
        )
        .get("/settings/remote", Need::Admin, settings::remote::page::<S>)
        .post(
            "/settings/remote",
            Need::Admin,
            settings::remote::change::<S>,
        )
        .get(
            "/settings/symbols",
            Need::Admin,
            settings::symbols::page::<S>,
        )
        .get("/settings/alerts", Need::Admin, settings::alerts::page::<S>)
        .post(
            "/settings/alerts",
            Need::Admin,
            settings::alerts::change::<S>,
        )
        .get(
            "/settings/sources",
            Need::Admin,
            settings::sources::page::<S>,
        )
        .post(
            "/settings/sources",
            Need::Admin,
            settings::sources::change::<S>,
        )
        .get("/assets/{name}", Need::Nothing, assets::serve)
}

/// The same, served, with a page for every address that is none.
pub fn router<S: Store>(state: State<S>) -> Router {
    with_lost(routes(state.clone()).guarded(&state), state)
}

/// Adds what is answered at every address that is none.
pub(crate) fn with_lost<S: Store>(router: Router, state: State<S>) -> Router {
    router.fallback(move |request| entry::lost(state.clone(), request))
}
