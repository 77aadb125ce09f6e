//! What the tables are, as steps from every earlier version to the next.

use super::{meetings, present};
use rusqlite::{Connection, Transaction};

/// Brings a database from the version of its place in the list to the next one. A step that was released is never changed.
struct Step {
    sql: &'static str,
    /// What SQL alone cannot do.
    then: Option<fn(&Transaction<'_>) -> rusqlite::Result<()>>,
}

const fn sql(sql: &'static str) -> Step {
    Step { sql, then: None }
}

const STEPS: &[Step] = &[
    sql(include_str!("schema/1.sql")),
    sql(include_str!("schema/2.sql")),
    sql(include_str!("schema/3.sql")),
    sql(include_str!("schema/4.sql")),
    sql(include_str!("schema/5.sql")),
    sql(include_str!("schema/6.sql")),
    sql(include_str!("schema/7.sql")),
    // What this one makes of days is filled by the last.
    sql(include_str!("schema/8.sql")),
    Step {
        sql: include_str!("schema/9.sql"),
        then: Some(present::fill),
    },
    Step {
        sql: include_str!("schema/10.sql"),
        then: Some(meetings::fill),
    },
];

/// Why a database cannot be used.
#[derive(Debug)]
pub(super) enum Refused {
    /// A newer collector wrote it.
    Newer {
        /// The version that it has.
        found: usize,
    },
    /// SQLite says so.
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for Refused {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Newer { found } => write!(
                f,
                "the data was written by a newer collector (version {found}, this one knows {}); start that one",
                STEPS.len()
            ),
            Self::Sqlite(error) => error.fmt(f),
        }
    }
}

/// Brings a database up to date; an empty one gets all tables.
pub(super) fn migrate(db: &mut Connection) -> Result<(), Refused> {
    loop {
        let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        let version: i64 = step.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        let version = usize::try_from(version).unwrap_or(usize::MAX);
        if version > STEPS.len() {
            return Err(Refused::Newer { found: version });
        }
        let Some(Step { sql, then }) = STEPS.get(version) else {
            return Ok(());
        };
        step.execute_batch(sql)?;
        if let Some(then) = then {
            then(&step)?;
        }
        step.pragma_update(None, "user_version", version as i64 + 1)?;
        step.commit()?;
    }
}
