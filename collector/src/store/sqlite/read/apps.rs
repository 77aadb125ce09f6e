//! Apps and their keys.

use super::Text;
use crate::access::KeyHash;
use candor_protocol::deidentify::AppName;
use rusqlite::{OptionalExtension, Transaction};

pub(in super::super) fn apps(db: &Transaction<'_>) -> rusqlite::Result<Vec<AppName>> {
    let mut query = db.prepare_cached("SELECT name FROM app ORDER BY name")?;
    query
        .query_map([], |row| Ok(row.get::<_, Text<AppName>>(0)?.0))?
        .collect()
}

pub(in super::super) fn id(db: &Transaction<'_>, app: &AppName) -> rusqlite::Result<Option<i64>> {
    db.prepare_cached("SELECT id FROM app WHERE name = ?")?
        .query_row([app.as_str()], |row| row.get(0))
        .optional()
}

pub(in super::super) fn of_key(db: &Transaction<'_>, key: KeyHash) -> rusqlite::Result<AppName> {
    db.prepare_cached(
        "SELECT app.name FROM ingest_key JOIN app ON app.id = ingest_key.app WHERE hash = ?",
    )?
    .query_row([key.as_bytes()], |row| {
        Ok(row.get::<_, Text<AppName>>(0)?.0)
    })
}
