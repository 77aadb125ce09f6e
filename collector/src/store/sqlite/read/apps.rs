//! Apps and their keys.

use super::Text;
use crate::access::KeyHash;
use crate::store::Key;
use candor_protocol::deidentify::AppName;
use rusqlite::{OptionalExtension, Row, Transaction};

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

const KEYS: &str =
    "SELECT hash, app.name, since, until FROM ingest_key JOIN app ON app.id = ingest_key.app";

fn read(row: &Row<'_>) -> rusqlite::Result<Key> {
    Ok(Key {
        id: KeyHash::from_bytes(row.get(0)?).id(),
        app: row.get::<_, Text<AppName>>(1)?.0,
        since: row.get(2)?,
        until: row.get(3)?,
    })
}

pub(in super::super) fn key(db: &Transaction<'_>, key: KeyHash) -> rusqlite::Result<Option<Key>> {
    db.prepare_cached(&format!("{KEYS} WHERE hash = ?"))?
        .query_row([key.as_bytes()], read)
        .optional()
}

pub(in super::super) fn keys(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Vec<Key>> {
    db.prepare_cached(&format!(
        "{KEYS} WHERE app = ? ORDER BY coalesce(since, 0), hash"
    ))?
    .query_map([app], read)?
    .collect()
}
