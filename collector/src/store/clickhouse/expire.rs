//! Forgetting what is too old.

use super::cell::What;
use super::fold::{Blocks, Folder};
use super::server::Table;
use super::sql;
use crate::store::{Expired, Expiry, StoreError};
use candor_protocol::report::Kind;

const DAY: u64 = 86_400;

impl Folder {
    /// Forgets what is older than it may be.
    pub(super) async fn expire(&self, app: &str, expiry: &Expiry) -> Result<Expired, StoreError> {
        let _folding = self.begin().await;
        self.fold(app, Blocks::All, &_folding).await?;
        let app = format!("app = {}", sql::text(app));
        let mut expired = Expired::default();
        for (kind, before) in &expiry.reports {
            let word = kind.as_str();
            let old = format!("{app} AND kind = '{word}' AND arrived < {before}");
            let reports = format!("SELECT uniqExact(id) AS count FROM report WHERE {old}");
            expired.reports += self.server.count(&reports).await?;
            self.server.delete(Table::Sharded("report"), &old).await?;
            let journal = format!("{old} AND what = 'report'");
            self.server
                .delete(Table::Whole("journal"), &journal)
                .await?;
            self.forget_whom(&app, *kind, *before, expiry.future)
                .await?;
        }
        let of = |whats: &[What]| {
            let whats = sql::list(whats, |what| sql::text(what.as_str()));
            format!("{app} AND what IN {whats}")
        };
        let summaries = of(&[
            What::Runs,
            What::Faults,
            What::Issues,
            What::Freezes,
            What::Connections,
            What::Crowd,
            What::Minute,
        ]);
        let Expiry {
            summaries: before,
            future,
            ..
        } = expiry;
        for which in [
            format!("{summaries} AND (at < {before} OR at > {future})"),
            format!("{} AND at < {}", of(&[What::Ledger]), expiry.ledger),
            format!("{} AND at < {}", of(&[What::Leak]), expiry.quarantine),
        ] {
            expired.cells += self.server.delete(Table::Whole("summary"), &which).await?;
        }
        Ok(expired)
    }

    /// Forgets whose reports of a kind they were, where it stands beside what they said.
    async fn forget_whom(
        &self,
        app: &str,
        kind: Kind,
        before: u64,
        future: u64,
    ) -> Result<(), StoreError> {
        let word = kind.as_str();
        let whom = match kind {
            Kind::Crash | Kind::Freeze => {
                format!("what IN ('sighting', 'met') AND word = '{word}' AND arrived < {before}")
            }
            // By the day: the last of it is as old.
            Kind::Connection => {
                format!("what = 'link' AND arrived + {DAY} <= {before}")
            }
            Kind::Run => {
                format!("what IN ('run', 'install') AND (at < {before} OR at > {future})")
            }
            Kind::Loss => return Ok(()),
        };
        let which = format!("{app} AND {whom}");
        self.server.delete(Table::Whole("summary"), &which).await?;
        Ok(())
    }
}
