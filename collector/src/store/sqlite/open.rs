//! Opening the database.

use super::schema;
use crate::store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::time::Duration;

/// The database in the data directory.
pub(super) const FILE: &str = "candor.db";

/// How long a connection waits for another process that writes, such as the one that adds an app.
const BUSY: Duration = Duration::from_secs(5);

/// Bytes of a page. A report is some hundred bytes in the table and has its place by chance in most indexes, so that alone it changes about
/// ten pages, each of which is written whole to the log; a page of 16 KiB costs a tenth more time and, half empty, more disk.
const PAGE: u32 = 8 * 1024;

/// Pages in the log that are written back together.
const CHECKPOINT: u32 = 4_000;

/// MiB of pages that the writing connection keeps in memory, unless something else is said.
pub const CACHE_MIB: u32 = 16;

/// The most that can be said.
pub const MOST_CACHE_MIB: u32 = 65_536;

/// KiB of pages that a reading connection keeps in memory.
const READING_KIB: i32 = 4 * 1024;

/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 128;

/// Bytes that the write-ahead log keeps on disk between checkpoints.
const WAL_BYTES: u32 = 64 * 1024 * 1024;

pub(super) fn for_writing(data: &Path, cache_mib: u32) -> Result<Connection, StoreError> {
    make_directory(data)
        .map_err(|error| StoreError::Unavailable(format!("{}: {error}", data.display())))?;
    let mut db = Connection::open(data.join(FILE)).map_err(failed)?;
    db.busy_timeout(BUSY).map_err(failed)?;
    let settings = || -> rusqlite::Result<()> {
        // Takes effect only in a database that does not exist yet.
        db.pragma_update(None, "page_size", PAGE)?;
        // What expired gives its space back.
        db.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        // An answer means that the report is on disk, also after a power cut.
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "journal_size_limit", WAL_BYTES)?;
        db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT)?;
        let cache_kib = i64::from(cache_mib.clamp(1, MOST_CACHE_MIB)) * 1_024;
        db.pragma_update(None, "cache_size", -cache_kib)?;
        // What is erased is overwritten, not only unlinked.
        db.pragma_update(None, "secure_delete", "ON")?;
        db.pragma_update(None, "foreign_keys", "ON")
    };
    settings().map_err(failed)?;
    prepare_once(&db)?;
    schema::migrate(&mut db).map_err(|refused| match refused {
        schema::Refused::Sqlite(error) => failed(error),
        newer @ schema::Refused::Newer { .. } => StoreError::Unavailable(newer.to_string()),
    })?;
    // What the steps looked at is of no use later.
    db.execute_batch("PRAGMA shrink_memory").map_err(failed)?;
    Ok(db)
}

/// For whoever looks at all of it once; what is not there is not made.
pub(super) fn for_asking(data: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(data.join(FILE), flags).map_err(failed)?;
    db.busy_timeout(BUSY).map_err(failed)?;
    Ok(db)
}

pub(super) fn for_reading(data: &Path) -> Result<Connection, StoreError> {
    // Not opened read-only: a reader of a write-ahead log has to be able to write its index.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(data.join(FILE), flags).map_err(failed)?;
    db.busy_timeout(BUSY).map_err(failed)?;
    db.pragma_update(None, "query_only", "ON").map_err(failed)?;
    db.pragma_update(None, "cache_size", -READING_KIB)
        .map_err(failed)?;
    prepare_once(&db)?;
    Ok(db)
}

/// Every statement is prepared once and its plan kept. Without the guarantee, one that could use a partial index is prepared again
/// whenever it is asked with other values: a fifth of what the writing thread did.
fn prepare_once(db: &Connection) -> Result<(), StoreError> {
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    let stable = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
    db.set_db_config(stable, true).map_err(failed)?;
    Ok(())
}

/// Only its owner may look into a directory that holds reports.
pub(super) fn make_directory(data: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(data)
}

/// What SQLite says, as the store says it. SQLite's messages name tables and columns, never values.
pub(super) fn failed(error: rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode as Code;
    match error.sqlite_error_code() {
        Some(
            Code::DiskFull
            | Code::DatabaseBusy
            | Code::DatabaseLocked
            | Code::ReadOnly
            | Code::CannotOpen
            | Code::SystemIoFailure
            | Code::PermissionDenied
            | Code::OutOfMemory,
        ) => StoreError::Unavailable(error.to_string()),
        _ => StoreError::Fault(error.to_string()),
    }
}
