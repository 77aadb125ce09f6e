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
    /// Those that are ignored until more installations met them, without the ones that others were merged into.
    pub(in super::super) waiting: Vec<u64>,
}

impl Decided {
    pub(in super::super) fn read(db: &Transaction<'_>, app: i64) -> rusqlite::Result<Self> {
        let marks = triage::marks(db, app)?;
        let (mut states, mut waiting) = (HashMap::new(), Vec::new());
        for (root, said) in marks.states() {
            if said.asks_releases_alone() {
                let facts = triage::facts(db, app, &marks.family(root), false)?;
                states.insert(root, said.state(&facts, 0));
            }
            if said.asks_installs() && marks.merged(root) == 0 {
                waiting.push(root);
            }
        }
        Ok(Self {
            marks,
            states,
            waiting,
        })
    }

    /// What an issue is now. Of most nothing was said, and nothing is asked; of how many installations met it nothing where that is in
    /// `waited`.
    pub(super) fn state(
        &self,
        db: &Transaction<'_>,
        app: i64,
        root: u64,
        now: u64,
        waited: &HashMap<u64, u64>,
    ) -> rusqlite::Result<State> {
        let Some(said) = self.marks.state(root) else {
            return Ok(State::Open);
        };
        if let Some(state) = self.states.get(&root) {
            return Ok(state.clone());
        }
        let installs = waited.get(&root);
        let asks = said.asks_installs() && installs.is_none();
        let mut facts = triage::facts(db, app, &self.marks.family(root), asks)?;
        facts.installs = installs.copied().unwrap_or(facts.installs);
        Ok(said.state(&facts, now))
    }
}
