//! What issues are now, as far as it does not change with every report and every second.

use super::triage;
use crate::store::triage::{Marks, State};
use rusqlite::Transaction;
use std::collections::HashMap;

/// What was said about the issues of an app, and what follows.
pub(in super::super) struct Decided {
    pub(in super::super) marks: Marks,
    /// States that follow from what was said and from which releases have shown an issue.
    states: HashMap<u64, State>,
}

impl Decided {
    pub(in super::super) fn read(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Self> {
        let marks = triage::marks(db, app)?;
        let mut states = HashMap::new();
        for (root, said) in marks.states() {
            if said.asks_releases_alone() {
                let facts = triage::facts(db, app, &marks.family(root), false)?;
                states.insert(root, said.state(&facts, 0));
            }
        }
        Ok(Self { marks, states })
    }

    /// What an issue is now. Of most nothing was said, and nothing is asked.
    pub(super) fn state(
        &self,
        db: &Transaction<'_>,
        app: i64,
        root: u64,
        now: u64,
    ) -> rusqlite::Result<State> {
        let Some(said) = self.marks.state(root) else {
            return Ok(State::Open);
        };
        if let Some(state) = self.states.get(&root) {
            return Ok(state.clone());
        }
        let facts = triage::facts(db, app, &self.marks.family(root), said.asks_installs())?;
        Ok(said.state(&facts, now))
    }
}
