//! The servers: asking, inserting, deleting. The only file that names the `clickhouse` crate's client.

use super::address::Address;
use super::refusal::{code, failed, is_away};
use super::sql;
use crate::store::StoreError;
use clickhouse::error::Error;
use clickhouse::{Client, Row, RowOwned, RowRead, RowWrite};
use serde::Serialize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How long one question or one insert may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a deletion may take until it shows.
const DELETION: Duration = Duration::from_secs(120);

/// How often it is looked whether a deletion shows.
const LOOK: Duration = Duration::from_millis(50);

/// The server's error for an insert that has to wait for another one, how long it waits, and how often.
const ANOTHER: u32 = 286;
const TURN: Duration = Duration::from_millis(20);
const TURNS: u32 = 250;

/// How long a statement about tables waits for servers that are away, in seconds.
const AWAY: &str = "5";

/// A block of this many rows or bytes is still inserted as one part, which is there whole or not at all.
const ONE_BLOCK_ROWS: u64 = 10_000_000;
const ONE_BLOCK_BYTES: u64 = 4 << 30;

/// Whether an insert may be tried again on another server when nobody knows whether it was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Again {
    /// Rows that are there twice count once.
    Harmless,
    /// Rows that are there twice count twice.
    Never,
}

/// The servers of one ClickHouse. One of them is used until it does not answer, then the next.
pub(super) struct Server {
    hosts: Vec<Client>,
    current: AtomicUsize,
    database: String,
    cluster: Option<String>,
    /// Servers of the cluster.
    servers: u64,
    /// Year and number of the version, such as (18, 16).
    version: (u32, u32),
}

#[derive(Row, serde::Deserialize)]
struct Text {
    text: String,
}

#[derive(Row, serde::Deserialize)]
struct Count {
    count: u64,
}

impl Server {
    /// Finds a server that answers, and makes the database where there is none.
    pub(super) async fn connect(address: &Address) -> Result<Self, StoreError> {
        let plain = |host: &String| {
            // A server of 2018 knows nothing of what the client would check types with.
            let client = Client::default()
                .with_url(format!("http://{host}"))
                .with_validation(false);
            match &address.user {
                Some((user, password)) => client.with_user(user).with_password(password),
                None => client,
            }
        };
        let mut server = Self {
            hosts: address.hosts.iter().map(plain).collect(),
            current: AtomicUsize::new(0),
            database: address.database.clone(),
            cluster: address.cluster.clone(),
            servers: 0,
            version: (0, 0),
        };
        let version = server.rows::<Text>("SELECT version() AS text").await?;
        let version = version.into_iter().next().unwrap_or(Text {
            text: String::new(),
        });
        server.version = read_version(&version.text).ok_or_else(|| {
            StoreError::Unavailable("the server does not say which version it has".to_owned())
        })?;
        server.find_cluster().await?;
        server.make_database().await?;
        let settings = server.settings();
        server.hosts = server
            .hosts
            .into_iter()
            .map(|client| {
                settings.iter().fold(
                    client.with_database(&server.database),
                    |client, (name, value)| client.with_setting(*name, value),
                )
            })
            .collect();
        Ok(server)
    }

    /// How many servers the cluster has.
    async fn find_cluster(&mut self) -> Result<(), StoreError> {
        let Some(cluster) = &self.cluster else {
            return Ok(());
        };
        let servers = format!(
            "SELECT count() AS count FROM system.clusters WHERE cluster = {}",
            sql::text(cluster)
        );
        self.servers = self.count(&servers).await?;
        match self.servers {
            0 => Err(StoreError::Unavailable(format!(
                "the server knows of no cluster called {cluster}: its remote_servers have to name it"
            ))),
            _ => Ok(()),
        }
    }

    /// Where it is there, nothing is asked of the others: one of them may be away.
    async fn make_database(&self) -> Result<(), StoreError> {
        let Self { database, .. } = self;
        let exists = format!(
            "SELECT count() AS count FROM system.databases WHERE name = {}",
            sql::text(database)
        );
        if self.count(&exists).await? > 0 {
            return Ok(());
        }
        let on_cluster = self.on_cluster();
        self.run(&format!(
            "CREATE DATABASE IF NOT EXISTS {database}{on_cluster}"
        ))
        .await
    }

    /// What every request asks of the server.
    fn settings(&self) -> Vec<(&'static str, String)> {
        let mut settings = vec![
            // Lists of ids are long.
            ("max_query_size", (256 << 20).to_string()),
            ("max_ast_elements", 50_000_000.to_string()),
            ("max_expanded_ast_elements", 50_000_000.to_string()),
            // What is written to another server is there before the answer, and is asked for where it was written.
            ("insert_distributed_sync", "1".to_owned()),
            ("load_balancing", "in_order".to_owned()),
            ("distributed_ddl_task_timeout", AWAY.to_owned()),
            ("min_insert_block_size_rows", ONE_BLOCK_ROWS.to_string()),
            ("max_insert_block_size", ONE_BLOCK_ROWS.to_string()),
            ("min_insert_block_size_bytes", ONE_BLOCK_BYTES.to_string()),
        ];
        if self.is_today() {
            // An answer means that it is in the table.
            settings.push(("async_insert", "0".to_owned()));
        }
        settings
    }

    /// Whether it is a ClickHouse of these days, rather than one of 2018.
    pub(super) fn is_today(&self) -> bool {
        self.version >= (22, 0)
    }

    pub(super) fn database(&self) -> &str {
        &self.database
    }

    pub(super) fn cluster(&self) -> Option<&str> {
        self.cluster.as_deref()
    }

    /// What a statement about tables needs to reach every server.
    pub(super) fn on_cluster(&self) -> String {
        match &self.cluster {
            Some(cluster) => format!(" ON CLUSTER {cluster}"),
            None => String::new(),
        }
    }

    /// Asks, and holds the whole answer.
    pub(super) async fn rows<T: RowOwned + RowRead>(
        &self,
        question: &str,
    ) -> Result<Vec<T>, StoreError> {
        let mut tries = self.tries(Again::Harmless);
        loop {
            let client = tries.client();
            match patiently(client.query_raw(question).fetch_all()).await {
                Ok(rows) => return Ok(rows),
                Err(error) => tries.next(error)?,
            }
        }
    }

    /// Asks, and looks at one row after the other.
    pub(super) async fn each<T: RowOwned + RowRead>(
        &self,
        question: &str,
        mut look: impl FnMut(T) + Send,
    ) -> Result<(), StoreError> {
        let client = self.tries(Again::Never).client();
        let looking = async {
            let mut rows = client.query_raw(question).fetch::<T>()?;
            while let Some(row) = rows.next().await? {
                look(row);
            }
            Ok(())
        };
        patiently(looking).await.map_err(failed)
    }

    /// How many rows the question counts.
    pub(super) async fn count(&self, question: &str) -> Result<u64, StoreError> {
        let counted = self.rows::<Count>(question).await?;
        Ok(counted.first().map_or(0, |row| row.count))
    }

    /// Does something to tables.
    pub(super) async fn run(&self, statement: &str) -> Result<(), StoreError> {
        let mut tries = self.tries(Again::Harmless);
        loop {
            let client = tries.client();
            match patiently(client.query_raw(statement).execute()).await {
                Ok(()) => return Ok(()),
                Err(error) => tries.next(error)?,
            }
        }
    }

    /// Inserts rows as one block.
    pub(super) async fn insert<T>(
        &self,
        table: &str,
        rows: &[T],
        again: Again,
    ) -> Result<(), StoreError>
    where
        T: RowOwned + RowWrite + Serialize + Sync,
        for<'a> T: Row<Value<'a> = T>,
    {
        if rows.is_empty() {
            return Ok(());
        }
        let mut tries = self.tries(again);
        let mut waited = 0;
        loop {
            let client = self.on_two_disks(tries.client(), table);
            match patiently(insert(&client, table, rows)).await {
                Ok(()) => return Ok(()),
                // A server of 2018 makes one such insert after the other. This one was not begun.
                Err(Error::BadResponse(text)) if code(&text) == Some(ANOTHER) && waited < TURNS => {
                    waited += 1;
                    tokio::time::sleep(TURN).await;
                }
                Err(error) => tries.next(error)?,
            }
        }
    }

    /// Where one of several servers may go away, what the others need of it is on a second one before the answer. It is not
    /// asked for of two servers, of which either would stop the other.
    fn on_two_disks(&self, client: Client, table: &str) -> Client {
        if self.servers > 2 && super::schema::WHOLE.contains(&table) {
            client
                .with_setting("insert_quorum", "2")
                .with_setting("insert_quorum_timeout", "20000")
        } else {
            client
        }
    }

    /// Deletes the rows of a table that `which` is true of, and waits until none is found any more. Returns how many there were.
    pub(super) async fn delete(&self, table: Table, which: &str) -> Result<u64, StoreError> {
        let count = format!(
            "SELECT count() AS count FROM {} WHERE {which}",
            table.name()
        );
        let before = self.count(&count).await?;
        if before == 0 {
            return Ok(0);
        }
        let (local, on_cluster) = match (table, &self.cluster) {
            (Table::Sharded(_), Some(_)) => ("_local", self.on_cluster()),
            _ => ("", String::new()),
        };
        let statement = format!(
            "ALTER TABLE {}{local}{on_cluster} DELETE WHERE {which}",
            table.name()
        );
        match self.run(&statement).await {
            // A server is away and deletes it when it comes back; the others do it now.
            Err(StoreError::Unavailable(_)) if !on_cluster.is_empty() => {}
            other => other?,
        }
        let shows = async {
            while self.count(&count).await? > 0 {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        match tokio::time::timeout(DELETION, shows).await {
            Ok(shown) => shown.map(|()| before),
            Err(_) => Err(StoreError::Unavailable(
                "ClickHouse has not finished deleting yet".to_owned(),
            )),
        }
    }

    /// Whether the server in use has everything that was committed to the tables that every server has whole.
    pub(super) async fn is_complete(&self) -> Result<bool, StoreError> {
        if self.cluster.is_none() {
            return Ok(true);
        }
        // Asking for the end of the log asks the keeper, so what was committed before is seen.
        let behind = format!(
            "SELECT count() AS count FROM system.replicas WHERE database = {} AND table IN {} AND
                 (is_readonly OR is_session_expired OR inserts_in_queue > 0 OR log_pointer <= log_max_index)",
            sql::text(&self.database),
            sql::list(super::schema::COUNTED_ON, sql::text),
        );
        Ok(self.count(&behind).await? == 0)
    }

    fn tries(&self, again: Again) -> Tries<'_> {
        Tries {
            server: self,
            at: self.current.load(Ordering::Relaxed),
            left: match again {
                Again::Harmless => self.hosts.len(),
                Again::Never => 1,
            },
        }
    }
}

/// One request, and the servers that it can still be sent to.
struct Tries<'a> {
    server: &'a Server,
    at: usize,
    left: usize,
}

impl Tries<'_> {
    fn client(&self) -> Client {
        let hosts = &self.server.hosts;
        let host = hosts.get(self.at % hosts.len().max(1));
        host.cloned().unwrap_or_default()
    }

    /// Moves on to another server, if that may do better.
    fn next(&mut self, error: Error) -> Result<(), StoreError> {
        if !is_away(&error) {
            return Err(failed(error));
        }
        let next = self.at.wrapping_add(1);
        // Whoever comes next asks another server; of many that fail at once one moves on.
        let _ = self.server.current.compare_exchange(
            self.at,
            next,
            Ordering::Relaxed,
            Ordering::Relaxed,
        );
        self.at = next;
        self.left = self.left.saturating_sub(1);
        if self.left == 0 {
            return Err(failed(error));
        }
        Ok(())
    }
}

async fn insert<T>(client: &Client, table: &str, rows: &[T]) -> Result<(), Error>
where
    T: RowOwned + RowWrite + Serialize + Sync,
    for<'a> T: Row<Value<'a> = T>,
{
    let mut insert = client.insert::<T>(table).await?;
    for row in rows {
        insert.write(row).await?;
    }
    insert.end().await
}

/// A table that is deleted from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Table {
    /// Every server of a cluster has all of it.
    Whole(&'static str),
    /// Every shard of a cluster has a part of it.
    Sharded(&'static str),
}

impl Table {
    fn name(self) -> &'static str {
        match self {
            Self::Whole(name) | Self::Sharded(name) => name,
        }
    }
}

async fn patiently<T>(asking: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(PATIENCE, asking)
        .await
        .unwrap_or(Err(Error::TimedOut))
}

fn read_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.').map(str::parse);
    Some((parts.next()?.ok()?, parts.next()?.ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        assert_eq!(read_version("18.16.1"), Some((18, 16)));
        assert_eq!(read_version("26.9.2.1-official"), Some((26, 9)));
        assert_eq!(read_version("what"), None);
    }
}
