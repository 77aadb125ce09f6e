//! The pages.

use crate::state::State;
use crate::store::Store;

/// The pages' routes.
pub fn router<S: Store>(_state: State<S>) -> axum::Router {
    axum::Router::new()
}
