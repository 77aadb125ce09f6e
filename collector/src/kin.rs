//! A change of a developer's rules splits no issue: what reports were grouped as before it and what they are grouped as now is one.

use crate::grouping::Grouped;
use crate::store::{IssueId, Store, StoreError};
use candor_protocol::deidentify::AppName;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// Pairs that are remembered.
const MOST: usize = 20_000;

/// Pairs of issues of which the store was told that they are one.
#[derive(Debug, Default)]
pub struct Kin(Mutex<HashSet<(AppName, IssueId, IssueId)>>);

impl Kin {
    /// Tells the store, before reports of these issues are kept, which of them would be others without a developer's rules.
    ///
    /// # Errors
    /// When the store cannot write.
    pub async fn tell<'g, S: Store>(
        &self,
        store: &S,
        app: &AppName,
        issues: impl Iterator<Item = &'g Grouped>,
        at: u64,
    ) -> Result<(), StoreError> {
        let known = |pair: &(AppName, IssueId, IssueId)| self.lock().contains(pair);
        let pairs = issues.filter_map(|issue| Some((app.clone(), issue.before?, issue.id)));
        let new: HashSet<_> = pairs.filter(|pair| !known(pair)).collect();
        for pair in new {
            store.relate(app, pair.1, pair.2, at).await?;
            let mut told = self.lock();
            if told.len() >= MOST {
                told.clear();
            }
            told.insert(pair);
        }
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashSet<(AppName, IssueId, IssueId)>> {
        // It is whole whenever something can panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
