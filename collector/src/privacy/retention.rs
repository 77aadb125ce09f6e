//! Forgetting: what is older than was agreed goes, by itself, whether or not anybody looks.

use super::audit::{Deed, Did};
use super::calendar::DAY;
use super::settings::{Class, Settings};
use crate::state::State;
use crate::store::{Expiry, Store, StoreError};
use candor_protocol::deidentify::AppName;
use candor_protocol::report::Kind;
use std::time::Duration;

/// How often the collector looks for what is too old.
const EVERY: Duration = Duration::from_secs(3_600);

/// How long after its start it looks first: whoever waits for it to start has something else in mind.
const FIRST: Duration = Duration::from_secs(30);

/// A clock that is further ahead than this is wrong, in seconds.
const AHEAD: u64 = 2 * DAY;

/// What is too old at `now` for an app.
fn expiry(settings: &Settings, app: &AppName, now: u64) -> Expiry {
    let before = |class| now.saturating_sub(u64::from(settings.days(app, class)) * DAY);
    let class = |kind: Kind| match kind {
        Kind::Crash => Class::Crash,
        Kind::Freeze => Class::Freeze,
        Kind::Run => Class::Run,
        Kind::Loss => Class::Loss,
        Kind::Connection => Class::Connection,
    };
    Expiry {
        reports: Kind::ALL
            .iter()
            .map(|kind| (*kind, before(class(*kind))))
            .collect(),
        summaries: before(Class::Summaries),
        future: now.saturating_add(AHEAD),
        ledger: before(Class::Ledger),
        quarantine: before(Class::Quarantine),
    }
}

/// Forgets everything that is too old now.
///
/// # Errors
/// When the store or the office cannot write; the next pass tries again.
pub async fn pass<S: Store>(state: &State<S>) -> Result<(), StoreError> {
    let now = state.clock.now();
    let settings = state.office.settings()?;
    for app in state.store.apps().await? {
        let mut expiry = expiry(&settings, &app, now);
        if state.office.held_until(&app, now)?.is_some() {
            expiry.reports.clear();
        }
        let mut reports = 0;
        loop {
            let expired = state.store.expire(&app, expiry.clone()).await?;
            reports += expired.reports;
            if !expired.more {
                break;
            }
        }
        let days = settings.days(&app, Class::Exports);
        state
            .office
            .forget_exports(&app, now.saturating_sub(u64::from(days) * DAY))?;
        if reports > 0 {
            tracing::info!(%app, reports, "reports were too old and were forgotten");
            state.office.note(
                now,
                &Deed {
                    who: "collector",
                    did: Did::Expired,
                    app: Some(&app),
                    what: format!("{reports} reports"),
                },
            )?;
        }
    }
    let before = now.saturating_sub(u64::from(settings.audit_days()) * DAY);
    state.office.forget_papers(now, before)?;
    Ok(())
}

/// Forgets what is too old, once an hour, for as long as it is polled.
pub async fn run<S: Store>(state: State<S>) {
    let mut hours = tokio::time::interval_at(tokio::time::Instant::now() + FIRST, EVERY);
    loop {
        hours.tick().await;
        if let Err(error) = pass(&state).await {
            tracing::error!(%error, "what is too old could not be forgotten; it is tried again in an hour");
        }
    }
}
