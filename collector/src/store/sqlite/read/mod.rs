//! Answers, each from summaries in one read transaction.

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

use crate::store::Span;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use std::str::FromStr;

/// A text that reads back as the type it was written from.
pub(super) struct Text<T>(pub(super) T);

impl<T: FromStr> FromSql for Text<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value
            .as_str()?
            .parse()
            .map(Self)
            .map_err(|_| FromSqlError::InvalidType)
    }
}

/// The bounds of a range as SQL compares them.
fn bounds(span: Span) -> (i64, i64) {
    let limit = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    (limit(span.from), limit(span.to))
}
