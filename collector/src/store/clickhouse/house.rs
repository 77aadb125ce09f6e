//! Who keeps house: every collector does, each for itself.

use super::fold::Folder;
use super::read::apps;
use super::schema;
use crate::store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// How often it is folded, so that a question finds little left to do.
const FOLD: Duration = Duration::from_secs(3);
/// Every so many times it is swept, and every so many times tidied.
const SWEEP: u64 = 20;
const TIDY: u64 = 1_200;

/// A task that keeps house until its handle is gone.
pub(super) struct Housekeeper(JoinHandle<()>);

impl Housekeeper {
    pub(super) fn start(folder: Arc<Folder>) -> Self {
        Self(tokio::spawn(run(folder)))
    }
}

impl Drop for Housekeeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn run(folder: Arc<Folder>) {
    let mut ticks = tokio::time::interval(FOLD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count: u64 = rand::random_range(0..SWEEP);
    loop {
        ticks.tick().await;
        count += 1;
        let now = folder.stamps.now();
        let mut done = fold(&folder).await;
        if count.is_multiple_of(SWEEP) {
            done = done.and(sweep(&folder, now).await);
        }
        if count.is_multiple_of(TIDY) {
            done = done.and(tidy(&folder, now).await);
        }
        if let Err(error) = done {
            tracing::warn!(%error, "the house was not kept; it is tried again");
        }
    }
}

async fn fold(folder: &Folder) -> Result<(), StoreError> {
    for app in apps::names(&folder.server).await? {
        folder.fresh(&app).await?;
    }
    Ok(())
}

/// What is urgent.
pub(super) async fn sweep(folder: &Folder, now: u64) -> Result<(), StoreError> {
    for app in apps::names(&folder.server).await? {
        folder.sweep(&app, now).await?;
    }
    Ok(())
}

/// What can wait.
pub(super) async fn tidy(folder: &Folder, now: u64) -> Result<(), StoreError> {
    let apps: Vec<String> = apps::names(&folder.server).await?.into_iter().collect();
    for app in &apps {
        folder.tidy(app, now).await?;
    }
    schema::forget_probes(&folder.server).await?;
    folder.drop_days(&apps, now).await
}
