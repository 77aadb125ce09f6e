//! How many reports of an app are taken in a day.

use crate::access::Sender;
use crate::store::{Store, StoreError};
use candor_protocol::deidentify::AppName;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds of a day.
pub(super) const DAY: u64 = 86_400;

/// Seconds after which the store is asked again: other collectors may keep reports in it as well.
const BELIEVED: u64 = 60;

/// What came of each app today, as far as it counts: what was stored, refused, or a duplicate.
#[derive(Debug, Default)]
pub(super) struct Today(Mutex<HashMap<AppName, Count>>);

#[derive(Debug, Clone, Copy)]
struct Count {
    day: u64,
    reports: u64,
    asked: u64,
}

impl Today {
    /// How many reports of the app may still come at `now`, of `quota` a day. The store knows what came before this collector
    /// was started, and what came to others.
    pub(super) async fn left<S: Store>(
        &self,
        store: &S,
        app: &AppName,
        quota: u64,
        now: u64,
    ) -> Result<u64, StoreError> {
        let day = now - now % DAY;
        let known = self.counts().get(app).copied();
        if let Some(count) = known
            && count.day == day
            && now.abs_diff(count.asked) < BELIEVED
        {
            return Ok(quota.saturating_sub(count.reports));
        }
        let intake = store.intake(app, day, day + DAY).await?;
        let kept = intake
            .iter()
            .map(|row| row.stored + row.duplicates + row.refused.values().sum::<u64>())
            .sum();
        let mut counts = self.counts();
        let count = counts.entry(app.clone()).or_insert(Count {
            day,
            reports: 0,
            asked: now,
        });
        if count.day != day {
            (count.day, count.reports) = (day, 0);
        }
        // What is on its way is counted here and not there yet.
        (count.reports, count.asked) = (count.reports.max(kept), now);
        Ok(quota.saturating_sub(count.reports))
    }

    /// Counts what came. Only what a quota is asked for: see [`left`](Self::left).
    pub(super) fn count(&self, sender: &Sender, reports: u64, now: u64) {
        if let Some(count) = self.counts().get_mut(&sender.app)
            && count.day == now - now % DAY
        {
            count.reports += reports;
        }
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<AppName, Count>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds until the next day begins, and up to a quarter of an hour more by `random` (0 to 1): not everybody at once.
pub(super) fn until_tomorrow(now: u64, random: f64) -> u64 {
    let spread = 900.0 * random.clamp(0.0, 1.0);
    DAY - now % DAY + spread as u64
}
