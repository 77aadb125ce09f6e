//! What was sent away and may come again: counted in memory, and written down now and then, so that sending away costs
//! nothing that is short.

use super::quota::DAY;
use crate::access::{KeyId, Sender};
use crate::store::{Arrival, Store};
use candor_protocol::deidentify::AppName;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Counts that are not written down yet.
#[derive(Debug, Default)]
pub(crate) struct Turned(Mutex<HashMap<Turn, u32>>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Turn {
    app: AppName,
    key: KeyId,
    day: u64,
    reason: &'static str,
}

impl Turned {
    /// Counts reports that were sent away.
    pub(super) fn count(&self, sender: &Sender, reason: &'static str, reports: u32, now: u64) {
        let turn = Turn {
            app: sender.app.clone(),
            key: sender.key,
            day: now - now % DAY,
            reason,
        };
        let mut turned = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = turned.entry(turn).or_default();
        *count = count.saturating_add(reports);
    }

    /// Writes down what was counted. What cannot be written is tried again the next time.
    pub(crate) async fn write_down<S: Store>(&self, store: &S) {
        let turned = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for (turn, reports) in turned {
            let arrived = Arrival {
                at: turn.day,
                key: Some(turn.key),
            };
            tracing::warn!(app = %turn.app, key = %turn.key, reason = turn.reason, reports, "reports were sent away");
            let written = store.count_refused(&turn.app, turn.reason, reports, arrived);
            if let Err(error) = written.await {
                tracing::warn!(app = %turn.app, %error, "what was sent away is not counted yet");
                let mut later = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                let count = later.entry(turn).or_default();
                *count = count.saturating_add(reports);
            }
        }
    }
}
