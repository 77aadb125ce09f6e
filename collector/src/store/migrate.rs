//! Moving everything from a directory to a ClickHouse.

use super::clickhouse::{Address, ClickHouseStore};
use super::moving::MovedApp;
use super::sqlite::{Source, SqliteStore};
use super::{ConnectionFilter, IssueFilter, Of, Span, Store, StoreError};
use candor_protocol::deidentify::AppName;
use std::path::Path;

/// What became of an app that was to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The app.
    pub app: AppName,
    /// How many reports of it are on both sides, with the same checksum.
    pub reports: u64,
    /// Whether it had been moved before.
    pub before: bool,
}

const ALWAYS: Span = Span {
    from: 0,
    to: u64::MAX,
    step: u64::MAX,
};

/// Moves every app from the database in the directory `from` to a ClickHouse, and compares both sides: counts and checksums of reports,
/// and every answer about all of time. `say` hears of an app and how many of how many reports were moved. Meanwhile nobody can write to the
/// database, which stays as it is. When this is interrupted, it can be begun again: what was moved stays.
///
/// # Errors
/// When one of them cannot be used, or they differ. An app that differs does not exist on the ClickHouse, unless it did before.
pub async fn migrate(
    from: &Path,
    to: &Address,
    mut say: impl FnMut(&AppName, u64, u64),
) -> Result<Vec<Moved>, StoreError> {
    Source::find(from)?;
    let old = SqliteStore::open(from)?;
    let source = Source::open(from)?;
    let new = ClickHouseStore::open(to).await?;
    let there = new.apps().await?;
    let mut moved = Vec::new();
    for app in source.apps()? {
        let before = there.contains(&app.name);
        if !before {
            let heard = |done| say(&app.name, done, app.reports);
            let (here, there) = new.take_in(&source, &app, heard).await?;
            if here != there || here.reports != app.reports {
                return Err(differ(&app.name, "reports"));
            }
        }
        compare(&old, &new, &app).await?;
        if !before {
            new.found(&app).await?;
        }
        moved.push(Moved {
            reports: app.reports,
            app: app.name,
            before,
        });
    }
    Ok(moved)
}

fn differ(app: &AppName, what: &str) -> StoreError {
    StoreError::Fault(format!(
        "{what} of {app} are not the same on both sides; nothing was changed where it came from"
    ))
}

/// Asks both everything about all of time.
async fn compare(
    old: &SqliteStore,
    new: &ClickHouseStore,
    app: &MovedApp,
) -> Result<(), StoreError> {
    let checked = new.checked(app.name.as_str()).await?;
    if checked.reports != app.reports {
        return Err(differ(&app.name, "reports"));
    }
    let (old, new) = (
        answers(old, &app.name).await?,
        answers(new, &app.name).await?,
    );
    match old.iter().zip(&new).find(|(old, new)| old != new) {
        Some(((what, _), _)) => Err(differ(&app.name, what)),
        None => Ok(()),
    }
}

/// Answers, each with what it is about.
async fn answers(
    store: &impl Store,
    app: &AppName,
) -> Result<Vec<(&'static str, String)>, StoreError> {
    let filter = IssueFilter::all(ALWAYS, 0);
    let windows = ConnectionFilter::default();
    Ok(vec![
        ("ledgers", format!("{:?}", store.ledger(app).await?)),
        (
            "days",
            format!("{:?}", store.intake(app, 0, u64::MAX).await?),
        ),
        ("runs", format!("{:?}", store.health(app, ALWAYS).await?)),
        (
            "releases",
            format!("{:?}", store.releases(app, ALWAYS).await?),
        ),
        ("issues", format!("{:?}", store.issues(app, filter).await?)),
        (
            "freezes",
            format!("{:?}", store.freezes(app, ALWAYS).await?),
        ),
        (
            "rates of freezes",
            format!("{:?}", store.freeze_rates(app, ALWAYS).await?),
        ),
        (
            "connections",
            format!("{:?}", store.connections(app, windows, ALWAYS).await?),
        ),
        (
            "installations",
            format!("{:?}", store.groups(app, Of::Runs, ALWAYS).await?),
        ),
        (
            "classes",
            format!("{:?}", store.population(app, ALWAYS).await?),
        ),
        ("builds", format!("{:?}", store.unnamed(app).await?)),
        ("leaks", format!("{:?}", store.quarantined(app).await?)),
    ])
}
