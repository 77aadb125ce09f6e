//! The pages: rendered on the server from the store's answers, one file each.
//!
//! * `visit`, `entry`: what is asked; the way in and out of every page.
//! * `shell`: what stands around a page; `words` and `labels`: what it says; `format`: numbers.
//! * `overview`, `issues`, `issue`, `freezes`, `connections`, `privacy`: the pages.
//! * `chart`: pictures; `assets`: style, script, icon; `security`: who may look.

mod assets;
mod chart;
mod connections;
mod entry;
mod figure;
mod format;
mod freezes;
mod issue;
mod issue_row;
mod issues;
mod labels;
mod overview;
mod privacy;
mod report_view;
mod security;
mod shell;
mod stack;
mod visit;
mod window;
mod words;

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
        .route("/issues", get(issues::page::<S>))
        .route("/issues/{id}", get(issue::page::<S>))
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
