//! What was erased, and what is being erased.
//!
//! A pseudonym or a part of an app that was erased is remembered as a hash, so that late reports are refused. What is asked for
//! is also put on a list, on which it stays until nothing of it is on the disks.

use super::cell::What;
use super::history::History;
use super::server::{Again, Server};
use super::sql;
use super::stamp::{Stamp, Stamps};
use super::told::Told;
use crate::store::moving::Grave;
use crate::store::{Part, StoreError, ids};
use candor_protocol::deidentify::Pseudonym;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};

/// Something on the list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Row, Serialize, Deserialize)]
pub(super) struct Erasing {
    app: String,
    pub(super) stamp: Stamp,
    is_part: u8,
    /// What it is about was never in the summaries.
    pub(super) is_late: u8,
    pub(super) pseudonym: [u8; 16],
    /// Empty where all are meant.
    release: String,
    first: u64,
    after: u64,
    /// In whose day it stands in the ledger.
    pub(super) arrived: u64,
    /// Since when it waits, in seconds since 1970-01-01 UTC.
    pub(super) asked: u64,
}

#[derive(Row, Serialize, Deserialize)]
struct ErasedRow {
    app: String,
    hash: [u8; 32],
    is_part: u8,
    first: u64,
    after: u64,
}

impl Erasing {
    pub(super) fn installation(
        app: &str,
        pseudonym: [u8; 16],
        arrived: u64,
        stamps: &Stamps,
    ) -> Self {
        Self {
            app: app.to_owned(),
            stamp: stamps.next(),
            pseudonym,
            arrived,
            asked: stamps.now(),
            ..Self::default()
        }
    }

    pub(super) fn part(app: &str, part: &Part, arrived: u64, stamps: &Stamps) -> Self {
        let (first, after) = match part {
            Part::App | Part::Release(_) => (0, u64::MAX),
            Part::Range { from, to } => (*from, *to),
        };
        let release = match part {
            Part::Release(release) => release.as_str(),
            _ => "",
        };
        Self {
            is_part: 1,
            release: release.to_owned(),
            first,
            after,
            ..Self::installation(app, [0; 16], arrived, stamps)
        }
    }

    pub(super) fn is_part(&self) -> bool {
        self.is_part > 0
    }

    /// Whether it is all of the app.
    pub(super) fn is_all(&self) -> bool {
        self.is_part() && self.release.is_empty() && (self.first, self.after) == (0, u64::MAX)
    }

    /// Whether it is one release.
    pub(super) fn is_release(&self) -> bool {
        self.is_part() && !self.release.is_empty()
    }

    /// The release as SQL.
    pub(super) fn release(&self) -> String {
        sql::text(&self.release)
    }

    /// Whether it is about a report of this pseudonym, moment and release.
    pub(super) fn holds(&self, pseudonym: &[u8; 16], at: u64, release: &str) -> bool {
        if self.is_part() {
            let fits = self.release.is_empty() || self.release == release;
            fits && (self.first..self.after).contains(&at)
        } else {
            self.pseudonym == *pseudonym
        }
    }

    /// The same in SQL, of a table with these columns.
    pub(super) fn which(&self) -> String {
        if self.is_part() {
            let range = self.in_range("at");
            match self.is_release() {
                true => format!("{range} AND release = {}", self.release()),
                false => range,
            }
        } else {
            format!("pseudonym = {}", sql::bytes(&self.pseudonym))
        }
    }

    /// Whether a column of times is in its range.
    pub(super) fn in_range(&self, column: &str) -> String {
        format!("{column} >= {} AND {column} < {}", self.first, self.after)
    }

    /// What is remembered of it.
    fn erased(&self) -> ErasedRow {
        let hash = match (self.is_part(), self.release.is_empty()) {
            (false, _) => ids::erased(&Pseudonym::from_bytes(self.pseudonym)),
            (true, true) => [0; 32],
            (true, false) => of_release(&self.release),
        };
        ErasedRow {
            app: self.app.clone(),
            hash,
            is_part: self.is_part,
            first: self.first,
            after: self.after,
        }
    }
}

/// What is kept of a release that was erased.
fn of_release(release: &str) -> [u8; 32] {
    Sha256::digest(release).into()
}

/// Puts something on the list, and refuses what belongs to it from now on.
pub(super) async fn ask(server: &Server, erasing: &[Erasing]) -> Result<(), StoreError> {
    server.insert("erasing", erasing, Again::Harmless).await?;
    let erased: Vec<ErasedRow> = erasing.iter().map(Erasing::erased).collect();
    server.insert("erased", &erased, Again::Harmless).await
}

/// Remembers what was erased elsewhere.
pub(super) async fn remember(
    server: &Server,
    app: &str,
    graves: &[Grave],
) -> Result<(), StoreError> {
    let row = |grave: &Grave| {
        let (hash, is_part, first, after) = match grave {
            Grave::Installation(hash) => (*hash, 0, 0, 0),
            Grave::Part(hash, first, after) => (*hash, 1, *first, *after),
        };
        ErasedRow {
            app: app.to_owned(),
            hash,
            is_part,
            first,
            after,
        }
    };
    let rows: Vec<ErasedRow> = graves.iter().map(row).collect();
    server.insert("erased", &rows, Again::Harmless).await
}

/// Which reports are refused because of what was erased.
#[derive(Debug, Default)]
pub(super) struct Tombstones {
    installations: HashSet<[u8; 32]>,
    parts: Vec<([u8; 32], u64, u64)>,
}

impl Tombstones {
    /// What is known of these pseudonyms, and of parts.
    pub(super) async fn read(
        server: &Server,
        app: &str,
        pseudonyms: impl IntoIterator<Item = [u8; 16]>,
    ) -> Result<Self, StoreError> {
        let hashes: HashSet<_> = pseudonyms.into_iter().map(hash).collect();
        let rows: Vec<ErasedRow> = server
            .rows(&format!(
                "SELECT app, hash, is_part, first, after FROM erased WHERE app = {}
                     AND (is_part = 1 OR is_part = 0 AND hash IN {})",
                sql::text(app),
                sql::list(hashes, |hash| sql::bytes(&hash))
            ))
            .await?;
        let mut tombstones = Self::default();
        for row in rows {
            if row.is_part > 0 {
                tombstones.parts.push((row.hash, row.first, row.after));
            } else {
                tombstones.installations.insert(row.hash);
            }
        }
        Ok(tombstones)
    }

    pub(super) fn hold(&self, pseudonym: [u8; 16], at: u64, release: &str) -> bool {
        let in_part = |(hash, first, after): &([u8; 32], u64, u64)| {
            (*first..*after).contains(&at) && (*hash == [0; 32] || *hash == of_release(release))
        };
        let erased =
            !self.installations.is_empty() && self.installations.contains(&hash(pseudonym));
        erased || self.parts.iter().any(in_part)
    }
}

fn hash(pseudonym: [u8; 16]) -> [u8; 32] {
    ids::erased(&Pseudonym::from_bytes(pseudonym))
}

/// The list of an app, as a history knows it.
pub(super) struct Erasures {
    /// What is not in the summaries yet.
    pub(super) to_do: Vec<Erasing>,
    /// What is, though it may still be on the disks.
    pub(super) done: Vec<Erasing>,
}

#[derive(Row, Deserialize)]
struct DoneRow {
    stamp: Stamp,
}

impl Erasures {
    pub(super) async fn read(server: &Server, history: &History) -> Result<Self, StoreError> {
        let all: Vec<Erasing> = server
            .rows(&format!(
                "SELECT app, stamp, is_part, is_late, pseudonym, release, first, after, arrived, asked FROM erasing WHERE app = {}",
                sql::text(&history.app)
            ))
            .await?;
        // An entry that was inserted twice, since nobody knew whether it was, is one.
        let all: HashMap<Stamp, Erasing> = all.into_iter().map(|one| (one.stamp, one)).collect();
        if all.is_empty() {
            return Ok(Self {
                to_do: Vec::new(),
                done: Vec::new(),
            });
        }
        let done: Vec<DoneRow> = server
            .rows(&format!(
                "SELECT key {} AND key IN {}",
                history.of_summary(What::Erased),
                sql::list(all.keys(), |stamp| sql::bytes(&stamp.0))
            ))
            .await?;
        let done: HashSet<Stamp> = done.into_iter().map(|row| row.stamp).collect();
        let (mut done, mut to_do): (Vec<_>, Vec<_>) = all
            .into_values()
            .partition(|erasing| done.contains(&erasing.stamp));
        done.sort_by_key(|one| one.stamp);
        to_do.sort_by_key(|one| one.stamp);
        Ok(Self { to_do, done })
    }

    /// Takes out reports of what is erased in the history already: they were kept at the very moment at which it was asked for.
    /// They are on the disks and nowhere else; returns what puts them on the list.
    pub(super) async fn take_late(
        &self,
        server: &Server,
        stamps: &Stamps,
        app: &str,
        told: &mut Vec<Told>,
    ) -> Result<Vec<Erasing>, StoreError> {
        let pseudonyms: HashSet<_> = told.iter().map(|told| told.pseudonym).collect();
        let tombstones = Tombstones::read(server, app, pseudonyms).await?;
        let is_late = |told: &Told| {
            tombstones.hold(told.pseudonym, told.at, &told.release)
                // What is still to be taken out of the summaries has to be in them.
                && !self.to_do.iter().any(|erasing| {
                    erasing.holds(&told.pseudonym, told.at, &told.release)
                })
        };
        let (late, rest): (Vec<_>, Vec<_>) = std::mem::take(told).into_iter().partition(is_late);
        *told = rest;
        let erasing = late.into_iter().map(|told| {
            let installation = Erasing {
                is_late: 1,
                ..Erasing::installation(app, told.pseudonym, told.arrived, stamps)
            };
            if tombstones.installations.contains(&hash(told.pseudonym)) {
                return installation;
            }
            // Everything of this release and moment is erased.
            Erasing {
                is_part: 1,
                pseudonym: [0; 16],
                release: told.release,
                first: told.at,
                after: told.at + 1,
                ..installation
            }
        });
        Ok(erasing.collect())
    }
}
