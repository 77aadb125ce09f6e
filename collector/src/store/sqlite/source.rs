//! Everything of a database, to be moved to another store.

use super::open::{self, FILE, failed};
use super::read::{self, Text};
use crate::access::KeyHash;
use crate::store::moving::{Counted, Grave, MovedApp, MovedIssue, MovedKey, MovedReport, RunClass};
use crate::store::triage::Deed;
use crate::store::{ConnectionCell, StoreError, body};
use candor_protocol::deidentify::AppName;
use rusqlite::{Connection, Row};
use std::path::Path;

/// A database that nobody writes to as long as this exists: whoever tries is told that it cannot be written now.
pub(in crate::store) struct Source(Connection);

/// Reports by their place in the database, so many together: a part that is the same whenever it is asked for.
const PART: i64 = 5_000;

impl Source {
    /// Whether there is one: none is made.
    pub(in crate::store) fn find(data: &Path) -> Result<(), StoreError> {
        if !data.join(FILE).is_file() {
            return Err(StoreError::Unavailable(format!(
                "there is no {FILE} in {}",
                data.display()
            )));
        }
        Ok(())
    }

    pub(in crate::store) fn open(data: &Path) -> Result<Self, StoreError> {
        let db = open::for_asking(data)?;
        db.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        Ok(Self(db))
    }

    pub(in crate::store) fn apps(&self) -> Result<Vec<MovedApp>, StoreError> {
        let read = || {
            let mut query = self.0.prepare(
                "SELECT id, name, last_batch, (SELECT count(*) FROM report WHERE app = app.id) FROM app ORDER BY name",
            )?;
            let apps = query.query_map([], |row| {
                let number = row.get(0)?;
                Ok(MovedApp {
                    number,
                    name: row.get::<_, Text<AppName>>(1)?.0,
                    last_batch: row.get(2)?,
                    reports: row.get(3)?,
                    keys: self.keys(number)?,
                })
            })?;
            apps.collect::<rusqlite::Result<_>>()
        };
        read().map_err(failed)
    }

    fn keys(&self, app: i64) -> rusqlite::Result<Vec<MovedKey>> {
        let mut query = self
            .0
            .prepare("SELECT hash, since, until FROM ingest_key WHERE app = ?")?;
        let keys = query.query_map([app], |row| {
            Ok(MovedKey {
                hash: KeyHash::from_bytes(row.get(0)?),
                since: row.get(1)?,
                until: row.get(2)?,
            })
        })?;
        keys.collect()
    }

    /// How many parts the reports of all apps are in.
    pub(in crate::store) fn parts(&self) -> Result<i64, StoreError> {
        let most: Option<i64> = self
            .0
            .query_row("SELECT max(seq) FROM report", [], |row| row.get(0))
            .map_err(failed)?;
        Ok(most.map_or(0, |seq| seq / PART + 1))
    }

    /// The reports of an app in one part, in the order in which they were kept.
    pub(in crate::store) fn reports(
        &self,
        app: &MovedApp,
        part: i64,
    ) -> Result<Vec<MovedReport>, StoreError> {
        let read = || {
            let mut query = self.0.prepare_cached(
                "SELECT t.id, at, arrived, run, pseudonym, w_release.text, w_os.text, w_device.text, kind, issue, written
                 FROM report AS t
                 JOIN word AS w_release ON w_release.id = t.release JOIN word AS w_os ON w_os.id = t.os
                 JOIN word AS w_device ON w_device.id = t.device
                 WHERE seq >= ? AND seq < ? AND app = ? ORDER BY seq",
            )?;
            let reports = query.query_map((part * PART, (part + 1) * PART, app.number), |row| {
                Ok(MovedReport {
                    id: row.get(0)?,
                    at: row.get(1)?,
                    arrived: row.get(2)?,
                    run: row.get(3)?,
                    pseudonym: row.get(4)?,
                    release: row.get(5)?,
                    os: row.get(6)?,
                    device: row.get(7)?,
                    kind: row.get(8)?,
                    issue: row.get::<_, Option<i64>>(9)?.unwrap_or_default() as u64,
                    body: body::json(row.get_ref(10)?.as_blob()?)
                        .map_err(super::delta::unreadable)?
                        .into_owned(),
                })
            })?;
            reports.collect::<rusqlite::Result<_>>()
        };
        read().map_err(failed)
    }

    pub(in crate::store) fn issues(&self, app: &MovedApp) -> Result<Vec<MovedIssue>, StoreError> {
        let read = || {
            let mut query = self
                .0
                .prepare("SELECT id, kind, title, culprit, why FROM issue WHERE app = ?")?;
            let issues = query.query_map([app.number], |row| {
                Ok(MovedIssue {
                    id: row.get::<_, i64>(0)? as u64,
                    kind: row.get(1)?,
                    title: row.get(2)?,
                    culprit: row.get(3)?,
                    why: row.get(4)?,
                })
            })?;
            issues.collect::<rusqlite::Result<_>>()
        };
        read().map_err(failed)
    }

    /// What was said about issues, in its order.
    pub(in crate::store) fn deeds(&self, app: &MovedApp) -> Result<Vec<Deed>, StoreError> {
        let read = || {
            let mut query = self.0.prepare(
                "SELECT issue, at, who, said FROM triage WHERE app = ? ORDER BY at, seq",
            )?;
            let deeds = query.query_map([app.number], read::triage::deed)?;
            deeds.collect::<rusqlite::Result<_>>()
        };
        read().map_err(failed)
    }

    pub(in crate::store) fn graves(&self, app: &MovedApp) -> Result<Vec<Grave>, StoreError> {
        let read = || {
            let mut query = self
                .0
                .prepare("SELECT pseudonym FROM erased WHERE app = ?")?;
            let installations =
                query.query_map([app.number], |row| Ok(Grave::Installation(row.get(0)?)))?;
            let mut graves = installations.collect::<rusqlite::Result<Vec<_>>>()?;
            let mut query = self
                .0
                .prepare("SELECT release, first, after FROM erased_part WHERE app = ?")?;
            let parts = query.query_map([app.number], |row| {
                let hash: Vec<u8> = row.get(0)?;
                Ok(Grave::Part(
                    hash.try_into().unwrap_or_default(),
                    row.get(1)?,
                    row.get(2)?,
                ))
            })?;
            for part in parts {
                graves.push(part?);
            }
            Ok(graves)
        };
        read().map_err(failed)
    }

    /// Hands over everything that is counted of an app, in portions that fit into memory.
    pub(in crate::store) async fn counted(
        &self,
        app: &MovedApp,
        mut take: impl AsyncFnMut(Vec<Counted>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for (sql, read) in TABLES {
            let mut query = self.0.prepare(sql).map_err(failed)?;
            let mut rows = query.query([app.number]).map_err(failed)?;
            let mut portion = Vec::new();
            while let Some(row) = rows.next().map_err(failed)? {
                portion.push(read(row).map_err(failed)?);
                if portion.len() == PORTION {
                    take(std::mem::take(&mut portion)).await?;
                }
            }
            take(portion).await?;
        }
        Ok(())
    }
}

/// Rows of one portion.
const PORTION: usize = 20_000;

/// How a table is asked for, and what its rows are.
type Table = (&'static str, fn(&Row<'_>) -> rusqlite::Result<Counted>);

/// Everything that is counted.
const TABLES: [Table; 10] = [
    (
        "SELECT at, w_release.text, w_os.text, w_device.text, exit, frozen, run_ms, t.id, pseudonym, started FROM run AS t
         JOIN word AS w_release ON w_release.id = t.release JOIN word AS w_os ON w_os.id = t.os
         JOIN word AS w_device ON w_device.id = t.device WHERE app = ?",
        |row| {
            Ok(Counted::Run {
                class: class(row)?,
                id: row.get(7)?,
                pseudonym: row.get(8)?,
                started: row.get(9)?,
            })
        },
    ),
    (
        "SELECT at, w_release.text, w_os.text, w_device.text, exit, frozen, run_ms, runs FROM run_count AS t
         JOIN word AS w_release ON w_release.id = t.release JOIN word AS w_os ON w_os.id = t.os
         JOIN word AS w_device ON w_device.id = t.device WHERE app = ?",
        |row| {
            Ok(Counted::Runs {
                class: class(row)?,
                runs: row.get(7)?,
            })
        },
    ),
    (
        "SELECT at, w_release.text, fault, reports FROM fault_count AS t JOIN word AS w_release ON w_release.id = t.release WHERE app = ?",
        |row| {
            Ok(Counted::Fault {
                at: row.get(0)?,
                release: row.get(1)?,
                fault: row.get(2)?,
                reports: row.get(3)?,
            })
        },
    ),
    (
        "SELECT t.issue, issue.kind, t.at, w_release.text, w_os.text, w_device.text, t.reports, t.fatal FROM issue_count AS t
         LEFT JOIN issue ON issue.app = t.app AND issue.id = t.issue
         JOIN word AS w_release ON w_release.id = t.release JOIN word AS w_os ON w_os.id = t.os
         JOIN word AS w_device ON w_device.id = t.device WHERE t.app = ?",
        |row| {
            let kind: Option<String> = row.get(1)?;
            Ok(Counted::Issue {
                issue: row.get::<_, i64>(0)? as u64,
                kind: kind.and_then(|kind| kind.parse().ok()),
                at: row.get(2)?,
                release: row.get(3)?,
                os: row.get(4)?,
                device: row.get(5)?,
                reports: row.get(6)?,
                fatal: row.get(7)?,
            })
        },
    ),
    (
        "SELECT at, issue, sum FROM freeze_sum WHERE app = ?",
        |row| {
            Ok(Counted::Freezes {
                at: row.get(0)?,
                issue: row.get::<_, i64>(1)? as u64,
                sum: row.get(2)?,
            })
        },
    ),
    (
        "SELECT grain, at, w_release.text, w_os.text, w_region.text, w_name.text, w_endpoint.text, transport, network, attempts, ready, sum
         FROM connection_sum AS t
         JOIN word AS w_release ON w_release.id = t.release JOIN word AS w_os ON w_os.id = t.os
         JOIN word AS w_region ON w_region.id = t.region JOIN word AS w_name ON w_name.id = t.name
         JOIN word AS w_endpoint ON w_endpoint.id = t.endpoint WHERE app = ?",
        |row| {
            Ok(Counted::Connections {
                grain: row.get(0)?,
                at: row.get(1)?,
                cell: ConnectionCell {
                    release: row.get(2)?,
                    os: row.get(3)?,
                    region: row.get(4)?,
                    name: row.get(5)?,
                    endpoint: row.get(6)?,
                    transport: row.get(7)?,
                    network: row.get(8)?,
                },
                attempts: row.get(9)?,
                ready: row.get(10)?,
                sum: row.get(11)?,
            })
        },
    ),
    (
        "SELECT minute, w_name.text, w_endpoint.text, installs, reconnects FROM reconnect_minute AS t
         JOIN word AS w_name ON w_name.id = t.name JOIN word AS w_endpoint ON w_endpoint.id = t.endpoint WHERE app = ?",
        |row| {
            Ok(Counted::Minute {
                at: row.get(0)?,
                name: row.get(1)?,
                endpoint: row.get(2)?,
                installs: row.get(3)?,
                reconnects: row.get(4)?,
            })
        },
    ),
    (
        "SELECT day, key, what, kind, reason, reports FROM ledger WHERE app = ?",
        |row| {
            Ok(Counted::Ledger {
                day: row.get(0)?,
                key: row.get(1)?,
                what: row.get(2)?,
                kind: row.get(3)?,
                reason: row.get(4)?,
                reports: row.get(5)?,
            })
        },
    ),
    (
        "SELECT build, issue, w_release.text, module, met FROM unnamed AS t JOIN word AS w_release ON w_release.id = t.release WHERE app = ?",
        |row| {
            Ok(Counted::Unnamed {
                build: row.get(0)?,
                issue: row.get::<_, i64>(1)? as u64,
                release: row.get(2)?,
                module: row.get(3)?,
                met: row.get(4)?,
            })
        },
    ),
    (
        "SELECT day, release, field, reason, reports FROM quarantine WHERE app = ?",
        |row| {
            Ok(Counted::Leak {
                day: row.get(0)?,
                release: row.get(1)?,
                field: row.get(2)?,
                reason: row.get(3)?,
                reports: row.get(4)?,
            })
        },
    ),
];

fn class(row: &Row<'_>) -> rusqlite::Result<RunClass> {
    Ok(RunClass {
        at: row.get(0)?,
        release: row.get(1)?,
        os: row.get(2)?,
        device: row.get(3)?,
        exit: row.get(4)?,
        frozen: row.get(5)?,
        run_ms: row.get(6)?,
    })
}
