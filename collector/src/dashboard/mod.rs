//! The pages: rendered on the server from the store's answers, one file each.
//!
//! * `visit`, `entry`: what is asked; the way in and out of every page.
//! * `shell`: what stands around a page; `words` and `labels`: what it says; `format`: numbers.
//! * `asked`: which issues; `triage`: what is done to them; `history`: what was said of them.
//! * `overview`, `issues`, `issue`, `freezes`, `connections`, `privacy`: the pages.
//! * `chart`: pictures; `assets`: style, script, icon; `security`: who may look.

mod asked;
mod assets;
mod chart;
mod connections;
mod entry;
mod figure;
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
mod report_view;
mod security;
mod shell;
mod stack;
mod triage;
mod visit;
mod window;
mod words;

pub(crate) use asked::filter;
pub(crate) use security::guard;

use crate::state::State;
use crate::store::Store;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;

/// The pages' routes.
pub fn router<S: Store>(state: State<S>) -> Router {
    Router::new()
        .route("/", get(overview::page::<S>))
        .route("/issues", get(issues::page::<S>).post(triage::chosen::<S>))
        .route("/issues.csv", get(issues::table::<S>))
        .route("/issues/{id}", get(issue::page::<S>).post(triage::one::<S>))
        .route("/issues/{id}/issue.md", get(issue::markdown::<S>))
        .route("/issues/{id}/stack.txt", get(issue::text::<S>))
        .route("/freezes", get(freezes::page::<S>))
        .route("/connections", get(connections::page::<S>))
        .route("/connections/compare", get(connections::compare::page::<S>))
        .route(
            "/privacy",
            get(privacy::page::<S>).post(privacy::change::<S>),
        )
        .route("/privacy/receipts/{number}", get(privacy::receipt::<S>))
        .route("/assets/{name}", get(assets::serve))
        .fallback(entry::lost::<S>)
        .layer(from_fn(security::guard))
        .with_state(state)
}
