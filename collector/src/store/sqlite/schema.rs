//! What the tables are, as steps from every earlier version to the next.

use rusqlite::Connection;

/// Each step brings a database from the version of its place in the list to the next one. A step that was released is never
/// changed.
const STEPS: &[&str] = &[
    include_str!("schema/1.sql"),
    include_str!("schema/2.sql"),
    include_str!("schema/3.sql"),
    include_str!("schema/4.sql"),
    include_str!("schema/5.sql"),
    include_str!("schema/6.sql"),
    include_str!("schema/7.sql"),
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
        let Some(sql) = STEPS.get(version) else {
            return Ok(());
        };
        step.execute_batch(sql)?;
        step.pragma_update(None, "user_version", version as i64 + 1)?;
        step.commit()?;
    }
}
