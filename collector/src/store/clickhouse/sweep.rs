//! Keeping house: what was erased leaves the disks, segments that count no more go, and blocks that were folded long ago.
//!
//! Everything here may be done by several collectors at the same time, or not at all for a while.

use super::cell::{Cells, What};
use super::erasures::{Erasing, Erasures};
use super::fold::{Blocks, Folder};
use super::history::History;
use super::server::Table;
use super::sql;
use super::stamp::Stamp;
use crate::store::StoreError;
use clickhouse::Row;
use serde::Deserialize;
use std::collections::BTreeSet;

/// After this many seconds nobody writes a segment that does not know of an erasure: a fold that takes as long is given up.
const SETTLED: u64 = 60;
/// After this many seconds it is looked for the last time whether something of an erasure came back.
const OVER: u64 = 300;
/// Segments that count no more stay for this long, in seconds: somebody may be reading them.
const UNREAD: u64 = 2 * HOUR;
/// Blocks stay for this many days, counted in whole ones: a server that was away for long brings its own.
const DAYS: u64 = 2;
/// Dead segments that are worth a deletion, which writes the table's parts again.
const WORTH: u64 = 64;
/// Rows that are merged into one segment at most.
const MERGED: u64 = 500_000;
/// Segments that are worth being merged.
const MANY: usize = 8;
/// An issue that nothing is counted of is forgotten after this long, in seconds: what is known of it is written first.
const FORGOTTEN: u64 = 24 * HOUR;

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;

#[derive(Row, Deserialize)]
struct DayRow {
    day: u16,
}

#[derive(Row, Deserialize)]
struct IssueRow {
    issue: u64,
}

impl Folder {
    /// Keeps house for one app; `now` is in seconds since 1970-01-01 UTC.
    pub(super) async fn sweep(&self, app: &str, now: u64) -> Result<(), StoreError> {
        let folding = self.begin().await;
        let mut history = self.fold(app, Blocks::All, &folding).await?;
        if !self.server.is_complete().await? {
            return Ok(());
        }
        let list = Erasures::read(&self.server, &history).await?;
        if !list.to_do.is_empty() {
            // Whoever asked for it was interrupted.
            self.take_out(&history, &folding).await?;
            history = History::read(&self.server, app).await?;
        }
        self.clean(app, &list.done, now).await?;
        let merged = history.within(MERGED);
        if merged.len() > MANY {
            self.publish(&history, Cells::default(), &merged, (None, 0), &folding)
                .await?;
            history = History::read(&self.server, app).await?;
        }
        self.drop_dead(&history, now).await
    }

    /// Keeps house where it takes longer and can wait.
    pub(super) async fn tidy(&self, app: &str, now: u64) -> Result<(), StoreError> {
        let folding = self.begin().await;
        let history = self.fold(app, Blocks::All, &folding).await?;
        match self.server.is_complete().await? {
            true => self.forget_issues(&history, now).await,
            false => Ok(()),
        }
    }

    /// Takes what was erased off the disks.
    async fn clean(&self, app: &str, done: &[Erasing], now: u64) -> Result<(), StoreError> {
        let settled: Vec<&Erasing> = done
            .iter()
            .filter(|erasing| now >= erasing.asked + SETTLED)
            .collect();
        if settled.is_empty() {
            return Ok(());
        }
        let mut which: Vec<String> = settled
            .iter()
            .filter(|erasing| erasing.is_part())
            .map(|erasing| format!("({})", erasing.which()))
            .collect();
        let pseudonyms: BTreeSet<[u8; 16]> = settled
            .iter()
            .filter(|erasing| !erasing.is_part())
            .map(|erasing| erasing.pseudonym)
            .collect();
        let (name, app) = (app, sql::text(app));
        let mut found = 0;
        if !pseudonyms.is_empty() {
            let theirs = format!(
                "pseudonym IN {}",
                sql::list(&pseudonyms, |one| sql::bytes(one))
            );
            let personal = sql::list(What::PERSONAL, |what| sql::text(what.as_str()));
            found += self
                .server
                .delete(
                    Table::Whole("summary"),
                    &format!("app = {app} AND what IN {personal} AND {theirs}"),
                )
                .await?;
            which.push(theirs);
        }
        let which = which.join(" OR ");
        found += self
            .server
            .delete(
                Table::Sharded("report"),
                &format!("app = {app} AND ({which})"),
            )
            .await?;
        found += self
            .server
            .delete(
                Table::Whole("journal"),
                &format!("app = {app} AND what = 'report' AND ({which})"),
            )
            .await?;
        for part in settled.iter().filter(|erasing| erasing.is_part()) {
            self.wipe(name, part).await?;
        }
        let over: Vec<Stamp> = settled
            .iter()
            .filter(|erasing| now >= erasing.asked + OVER)
            .map(|erasing| erasing.stamp)
            .collect();
        if found == 0 && !over.is_empty() {
            let over = sql::list(over, |stamp| sql::bytes(&stamp.0));
            self.server
                .delete(
                    Table::Whole("erasing"),
                    &format!("app = {app} AND stamp IN {over}"),
                )
                .await?;
        }
        Ok(())
    }

    /// Deletes segments that count no more, when there are many.
    async fn drop_dead(&self, history: &History, now: u64) -> Result<(), StoreError> {
        if history.is_empty() {
            return Ok(());
        }
        let live = sql::list(&history.head.live, |live| sql::bytes(&live.segment.0));
        let dead = format!(
            "app = {} AND segment NOT IN {live} AND segment < {}",
            sql::text(&history.app),
            sql::bytes(&Stamp::earliest(now.saturating_sub(UNREAD)).0)
        );
        let segments = self
            .server
            .count(&format!(
                "SELECT uniqExact(segment) AS count FROM summary WHERE {dead} AND what = '{}'",
                What::Head.as_str()
            ))
            .await?;
        if segments >= WORTH {
            self.server.delete(Table::Whole("summary"), &dead).await?;
        }
        Ok(())
    }

    /// Forgets issues that nothing is counted of.
    async fn forget_issues(&self, history: &History, now: u64) -> Result<(), StoreError> {
        let app = sql::text(&history.app);
        let counted: Vec<IssueRow> = self
            .server
            .rows(&format!(
                "SELECT issue {} GROUP BY issue HAVING sum(n) > 0",
                history.of_summary(What::Issues)
            ))
            .await?;
        let old = Stamp::earliest(now.saturating_sub(FORGOTTEN));
        let old = sql::bytes(&old.0);
        let counted: BTreeSet<u64> = counted.into_iter().map(|row| row.issue).collect();
        let known: Vec<IssueRow> = self
            .server
            .rows(&format!(
                "SELECT id FROM issue WHERE app = {app} GROUP BY id HAVING max(block) < {old}"
            ))
            .await?;
        let gone: Vec<u64> = known
            .into_iter()
            .map(|row| row.issue)
            .filter(|id| !counted.contains(id))
            .collect();
        if gone.is_empty() {
            return Ok(());
        }
        let gone = sql::list(gone, |id| id.to_string());
        self.server
            .delete(
                Table::Whole("issue"),
                &format!("app = {app} AND id IN {gone} AND block < {old}"),
            )
            .await?;
        Ok(())
    }

    /// Drops days of the journal of which every block was folded, by every app.
    pub(super) async fn drop_days(&self, apps: &[String], now: u64) -> Result<(), StoreError> {
        if !self.server.is_complete().await? {
            return Ok(());
        }
        let before = (now / DAY).saturating_sub(DAYS);
        let days: Vec<DayRow> = self
            .server
            .rows(&format!(
                "SELECT DISTINCT day FROM journal WHERE day < toDate({before})"
            ))
            .await?;
        for DayRow { day } in days {
            let mut left = 0;
            for app in apps {
                let history = History::read(&self.server, app).await?;
                left += self
                    .server
                    .count(&format!(
                        "SELECT count() AS count FROM journal WHERE day = toDate({day}) AND app = {}
                             AND block NOT IN (SELECT key {})",
                        sql::text(app),
                        history.of_summary(What::Block)
                    ))
                    .await?;
            }
            if left == 0 {
                let statement = format!(
                    "ALTER TABLE journal DROP PARTITION {}",
                    partition(day.into())
                );
                self.server.run(&statement).await?;
            }
        }
        Ok(())
    }
}

/// A day as ClickHouse names the partition of it.
fn partition(day: u64) -> String {
    format!("'{}'", crate::privacy::date(day * DAY))
}
