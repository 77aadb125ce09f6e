//! Answers, each from the segments of one history.

pub(super) mod apps;
pub(super) mod connections;
pub(super) mod freezes;
pub(super) mod health;
pub(super) mod issue;
pub(super) mod issues;
pub(super) mod ledger;
pub(super) mod privacy;
pub(super) mod reports;
pub(super) mod triage;
pub(super) mod unnamed;

use super::history::History;
use super::server::Server;
use crate::store::{Span, StoreError};
use std::str::FromStr;

/// What a question is asked with.
#[derive(Clone, Copy)]
pub(super) struct Ask<'a> {
    pub(super) server: &'a Server,
    pub(super) history: &'a History,
}

/// A range of time as SQL: what stands after `WHERE ...`.
fn within(span: Span) -> String {
    format!("AND at >= {} AND at < {}", span.from, span.to)
}

/// A count that cannot be less than nothing.
fn whole(n: i64) -> u64 {
    u64::try_from(n).unwrap_or_default()
}

/// A text that reads back as the type it was written from.
fn typed<T: FromStr>(text: &str) -> Result<T, StoreError> {
    text.parse().map_err(|_| {
        StoreError::Fault("a text in the database is not what it should be".to_owned())
    })
}
