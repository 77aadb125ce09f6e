//! Apps and their keys.

use super::typed;
use crate::access::{KeyHash, KeyId};
use crate::store::clickhouse::server::{Again, Server};
use crate::store::clickhouse::sql;
use crate::store::{Key, StoreError};
use candor_protocol::deidentify::AppName;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Row, Deserialize)]
struct NameRow {
    name: String,
}

#[derive(Row, Serialize, Deserialize)]
struct AppRow {
    name: String,
    added: u64,
}

/// A row about a key.
#[derive(Row, Serialize, Deserialize)]
pub(in super::super) struct KeyRow {
    pub(in super::super) hash: [u8; 32],
    pub(in super::super) app: String,
    /// 0 where it came with its app.
    pub(in super::super) since: u64,
    /// [`NEVER`] where no end was said.
    pub(in super::super) until: u64,
}

/// The end of what does not end.
pub(in super::super) const NEVER: u64 = u64::MAX;

impl KeyRow {
    /// A key without an end.
    pub(in super::super) fn new(app: &AppName, key: KeyHash, since: u64) -> Self {
        Self {
            hash: *key.as_bytes(),
            app: app.to_string(),
            since,
            until: NEVER,
        }
    }

    fn read(self) -> Result<Key, StoreError> {
        Ok(Key {
            id: KeyHash::from_bytes(self.hash).id(),
            app: typed(&self.app)?,
            since: Some(self.since).filter(|since| *since > 0),
            until: Some(self.until).filter(|until| *until < NEVER),
        })
    }
}

pub(in super::super) async fn names(server: &Server) -> Result<BTreeSet<String>, StoreError> {
    let rows: Vec<NameRow> = server.rows("SELECT name FROM app").await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

pub(in super::super) async fn apps(server: &Server) -> Result<Vec<AppName>, StoreError> {
    let names = names(server).await?;
    names.iter().map(|name| typed(name)).collect()
}

/// Keys that `which` is true of, the oldest first. What was said of one several times is one.
async fn find(server: &Server, which: &str) -> Result<Vec<KeyRow>, StoreError> {
    server
        .rows(&format!(
            "SELECT hash, app, max(since) AS made, min(until) FROM ingest_key WHERE {which}
             GROUP BY hash, app ORDER BY made, hash"
        ))
        .await
}

pub(in super::super) async fn key(
    server: &Server,
    key: KeyHash,
) -> Result<Option<Key>, StoreError> {
    let found = find(server, &format!("hash = {}", sql::bytes(key.as_bytes()))).await?;
    found.into_iter().next().map(KeyRow::read).transpose()
}

pub(in super::super) async fn keys(server: &Server, app: &AppName) -> Result<Vec<Key>, StoreError> {
    let found = find(server, &format!("app = {}", sql::text(app.as_str()))).await?;
    found.into_iter().map(KeyRow::read).collect()
}

/// Says what is known of keys now.
pub(in super::super) async fn say(server: &Server, keys: &[KeyRow]) -> Result<(), StoreError> {
    server.insert("ingest_key", keys, Again::Harmless).await
}

/// Says that a key ends; whether the app has it.
pub(in super::super) async fn end(
    server: &Server,
    app: &AppName,
    key: KeyId,
    at: u64,
) -> Result<bool, StoreError> {
    let found = find(server, &format!("app = {}", sql::text(app.as_str()))).await?;
    let is_it = |row: &KeyRow| KeyHash::from_bytes(row.hash).id() == key;
    let ends = found.into_iter().filter(is_it);
    let ends: Vec<KeyRow> = ends.map(|row| KeyRow { until: at, ..row }).collect();
    say(server, &ends).await?;
    Ok(!ends.is_empty())
}

/// Adds an app that does not exist. The key first: an app without one could not be used, a key without an app belongs to nobody.
pub(in super::super) async fn add(
    server: &Server,
    app: &AppName,
    keys: &[KeyRow],
    added: u64,
) -> Result<(), StoreError> {
    say(server, keys).await?;
    let row = AppRow {
        name: app.to_string(),
        added: added - added % 3_600,
    };
    server.insert("app", &[row], Again::Harmless).await
}
