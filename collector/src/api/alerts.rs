//! `GET /api/v1/alerts`: what was told, for programs.

use super::told::Told;
use super::{About, answer, app_of};
use crate::alerts::Alert;
use crate::state::State;
use crate::store::{Store, StoreError};
use axum::extract::{Query, State as Given};
use axum::response::Response;

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get(
            "/api/v1/alerts",
            "Alerts that were told within a month, the latest first, at most 200.",
        )
        .asks::<About>()
        .answers::<Vec<Alert>>()
        .refuses(404, "There is no such app."),
    ]
}

/// `GET /api/v1/alerts?app=NAME`: alerts that were told within a month, the latest first, at most 200.
pub(super) async fn alerts<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let told = state.alerts.told(&app);
    Ok(answer(told.map_err(|error| {
        StoreError::Unavailable(error.to_string())
    })))
}
