//! Answers, each from summaries in one read transaction.

pub(super) mod apps;
pub(super) mod connections;
mod decided;
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
pub(super) use decided::Decided;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use std::str::FromStr;
pub(super) use triage::{among, installs_in};

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

/// Runs of a range, with the columns of `run_count`: in the middle by six hours. The values are the app and [`quarters`].
const RUNS: &str = "(
    SELECT at, release, os, device, exit, frozen, runs, run_ms FROM run_count WHERE app = ?1 AND at >= ?2 AND at < ?3 UNION ALL
    SELECT at, release, os, device, exit, frozen, runs, run_ms FROM run_quarter WHERE app = ?1 AND at >= ?3 AND at < ?4 UNION ALL
    SELECT at, release, os, device, exit, frozen, runs, run_ms FROM run_count WHERE app = ?1 AND at >= ?4 AND at < ?5)";

/// When a range begins, when those six hours begin of which all is in it and in one of its steps, when they end, and when it ends.
fn quarters(span: Span) -> (i64, i64, i64, i64) {
    const QUARTER: i64 = 21_600;
    let (from, to) = bounds(span);
    let first = from.saturating_add(QUARTER - 1) / QUARTER * QUARTER;
    let last = to / QUARTER * QUARTER;
    let steps = span.steps() == 1
        || span.step.is_multiple_of(QUARTER as u64) && span.from.is_multiple_of(QUARTER as u64);
    if steps && first < last {
        (from, first, last, to)
    } else {
        (from, to, to, to)
    }
}
