//! What the tables are, as steps from every earlier version to the next.

use super::server::{Again, Server, Table};
use super::sql;
use crate::store::StoreError;
use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// Each step brings a database from the version of its place in the list to the next one. A step that was released is never
/// changed. Collectors that start together may all take a step: it does nothing where it was taken.
const STEPS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Tables that every server has whole.
pub(super) const WHOLE: [&str; 9] = [
    "app",
    "ingest_key",
    "journal",
    "issue",
    "erased",
    "erasing",
    "summary",
    "triage",
    "migration",
];

/// Those that have to be complete where it is folded.
pub(super) const COUNTED_ON: [&str; 5] = ["journal", "issue", "erased", "erasing", "summary"];

#[derive(Row, Serialize, Deserialize)]
struct Migration {
    version: u32,
}

/// Brings a database up to date; an empty one gets all tables.
pub(super) async fn migrate(server: &Server) -> Result<(), StoreError> {
    let engines = Engines::of(server);
    let known = format!(
        "SELECT count() AS count FROM system.tables WHERE database = {} AND name = 'migration'",
        sql::text(server.database())
    );
    // Where it is there, nothing is asked of other servers: one of them may be away.
    if server.count(&known).await? == 0 {
        let first = engines.expand(
            "CREATE TABLE IF NOT EXISTS migration @(on) (version UInt32) ENGINE = @(whole migration) ORDER BY version \
             SETTINGS index_granularity = 256 @(kept)",
        )?;
        server.run(&first).await?;
    }
    let version = server
        .count("SELECT toUInt64(max(version)) AS count FROM migration")
        .await?;
    let version = usize::try_from(version).unwrap_or(usize::MAX);
    if version > STEPS.len() {
        return Err(StoreError::Unavailable(format!(
            "the data was written by a newer collector (version {version}, this one knows {}); start that one",
            STEPS.len()
        )));
    }
    for (step, sql) in STEPS.iter().enumerate().skip(version) {
        for statement in statements(sql) {
            let statement = engines.expand(&statement)?;
            if !statement.trim().is_empty() {
                server.run(&statement).await?;
            }
        }
        let done = Migration {
            version: step as u32 + 1,
        };
        if server.cluster().is_some() {
            // The log of a table that nothing was written to yet looks as if this server had not read it.
            for table in COUNTED_ON {
                server
                    .run(&format!("INSERT INTO {table} (app) VALUES ('')"))
                    .await?;
            }
        }
        server.insert("migration", &[done], Again::Harmless).await?;
    }
    Ok(())
}

/// Writes a version that every database has left behind.
pub(super) async fn probe(server: &Server) -> Result<(), StoreError> {
    let row = Migration { version: 0 };
    server.insert("migration", &[row], Again::Harmless).await
}

/// Takes away what was written by probing.
pub(super) async fn forget_probes(server: &Server) -> Result<(), StoreError> {
    let probed = "version = 0";
    server.delete(Table::Whole("migration"), probed).await?;
    Ok(())
}

/// The statements of a step, without comments.
fn statements(sql: &str) -> Vec<String> {
    let code: Vec<&str> = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .collect();
    let statements = code.join("\n");
    statements.split(';').map(str::to_owned).collect()
}

/// What differs from server to server.
struct Engines {
    database: String,
    cluster: Option<String>,
    is_today: bool,
}

impl Engines {
    fn of(server: &Server) -> Self {
        Self {
            database: server.database().to_owned(),
            cluster: server.cluster().map(str::to_owned),
            is_today: server.is_today(),
        }
    }

    /// Puts in what stands in `@()`.
    fn expand(&self, sql: &str) -> Result<String, StoreError> {
        let mut out = String::with_capacity(sql.len());
        let mut rest = sql;
        while let Some((before, after)) = rest.split_once("@(") {
            let unknown = || StoreError::Fault("a step of the schema cannot be read".to_owned());
            let (what, after) = after.split_once(')').ok_or_else(unknown)?;
            out.push_str(before);
            out.push_str(&self.of_word(what).ok_or_else(unknown)?);
            rest = after;
        }
        out.push_str(rest);
        Ok(out)
    }

    fn of_word(&self, what: &str) -> Option<String> {
        let today = |text: &str| {
            if self.is_today {
                text.to_owned()
            } else {
                String::new()
            }
        };
        let (what, table) = what.split_once(' ').unwrap_or((what, ""));
        Some(match (what, &self.cluster) {
            ("on", Some(cluster)) => format!("ON CLUSTER {cluster}"),
            ("on", None) => String::new(),
            ("whole" | "sharded", None) => "MergeTree()".to_owned(),
            // One path, so every server of the cluster is a replica of the others.
            ("whole", Some(_)) => self.replicated(table, "all", "{shard}-{replica}"),
            ("sharded", Some(_)) => self.replicated(table, "{shard}", "{replica}"),
            ("local", Some(_)) => format!("{table}_local"),
            ("local", None) => table.to_owned(),
            // What one installation sent stands together.
            ("distributed", Some(cluster)) => format!(
                "CREATE TABLE IF NOT EXISTS {table} ON CLUSTER {cluster} AS {database}.{table}_local
                 ENGINE = Distributed({cluster}, {database}, {table}_local, cityHash64(pseudonym))",
                database = self.database
            ),
            ("distributed", None) => String::new(),
            ("kept", _) => today(", fsync_after_insert = 1, fsync_part_directory = 1"),
            ("word", _) if self.is_today => "LowCardinality(String)".to_owned(),
            ("word", _) => "String".to_owned(),
            ("packed", _) => today("CODEC(ZSTD(3))"),
            ("by", _) => today(", INDEX by_id id TYPE bloom_filter(0.001) GRANULARITY 4"),
            _ => return None,
        })
    }

    fn replicated(&self, table: &str, place: &str, replica: &str) -> String {
        let database = &self.database;
        format!("ReplicatedMergeTree('/clickhouse/candor/{database}/{place}/{table}', '{replica}')")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(cluster: Option<&str>, is_today: bool) -> Vec<String> {
        let engines = Engines {
            database: "db".to_owned(),
            cluster: cluster.map(str::to_owned),
            is_today,
        };
        STEPS
            .iter()
            .flat_map(|step| statements(step))
            .map(|statement| engines.expand(&statement).unwrap().trim().to_owned())
            .filter(|statement| !statement.is_empty())
            .collect()
    }

    #[test]
    fn without_a_cluster_there_is_nothing_of_one() {
        for is_today in [false, true] {
            let all = all(None, is_today).join(";");
            for word in ["@", "CLUSTER", "Replicated", "Distributed", "_local"] {
                assert!(!all.contains(word), "{word}");
            }
            assert_eq!(all.contains("fsync"), is_today);
            assert_eq!(all.contains("LowCardinality"), is_today);
        }
    }

    #[test]
    fn in_a_cluster_reports_are_spread_and_everything_else_is_everywhere() {
        let all = all(Some("two"), false);
        let of = |table: &str| {
            let head = format!("CREATE TABLE IF NOT EXISTS {table} ON CLUSTER two");
            all.iter().find(|sql| sql.starts_with(&head)).unwrap()
        };
        assert!(of("report_local").contains("'/clickhouse/candor/db/{shard}/report', '{replica}'"));
        assert!(of("report").contains("Distributed(two, db, report_local"));
        for table in WHOLE {
            if table != "migration" {
                let engine = format!("/clickhouse/candor/db/all/{table}', '{{shard}}-{{replica}}'");
                assert!(of(table).contains(&engine), "{table}");
            }
        }
        assert_eq!(all.len(), WHOLE.len() - 1 + 2);
    }
}
