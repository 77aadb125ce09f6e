//! Apps and their keys.

use super::typed;
use crate::access::KeyHash;
use crate::store::StoreError;
use crate::store::clickhouse::server::{Again, Server};
use crate::store::clickhouse::sql;
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

#[derive(Row, Serialize, Deserialize)]
struct KeyRow {
    hash: [u8; 32],
    app: String,
}

pub(in super::super) async fn names(server: &Server) -> Result<BTreeSet<String>, StoreError> {
    let rows: Vec<NameRow> = server.rows("SELECT name FROM app").await?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

pub(in super::super) async fn apps(server: &Server) -> Result<Vec<AppName>, StoreError> {
    let names = names(server).await?;
    names.iter().map(|name| typed(name)).collect()
}

pub(in super::super) async fn of_key(
    server: &Server,
    key: KeyHash,
) -> Result<Option<AppName>, StoreError> {
    let rows: Vec<NameRow> = server
        .rows(&format!(
            "SELECT app FROM ingest_key WHERE hash = {}",
            sql::bytes(key.as_bytes())
        ))
        .await?;
    rows.first().map(|row| typed(&row.name)).transpose()
}

/// Adds an app that does not exist. The key first: an app without one could not be used, a key without an app belongs to nobody.
pub(in super::super) async fn add(
    server: &Server,
    app: &AppName,
    keys: &[KeyHash],
    added: u64,
) -> Result<(), StoreError> {
    let rows: Vec<KeyRow> = keys
        .iter()
        .map(|key| KeyRow {
            hash: *key.as_bytes(),
            app: app.to_string(),
        })
        .collect();
    server.insert("ingest_key", &rows, Again::Harmless).await?;
    let row = AppRow {
        name: app.to_string(),
        added: added - added % 3_600,
    };
    server.insert("app", &[row], Again::Harmless).await
}
