//! Ingest keys, and what arrives by them.

use super::{Said, WHO, known, told};
use crate::cli::KeysCommand;
use crate::operating::{self, moment};
use crate::privacy::date;
use crate::state::State;
use crate::store::{Intake, Key, Store};
use candor_protocol::deidentify::AppName;

const DAY: u64 = 86_400;

/// `keys`: a new key is printed alone, so that a program can take it.
///
/// # Errors
/// What is not possible.
pub async fn keys<S: Store>(state: &State<S>, command: KeysCommand) -> Said {
    match command {
        KeysCommand::Add { app, .. } => add(state, &app, None).await,
        KeysCommand::List { app, .. } => list(state, &app).await,
        KeysCommand::Rotate { app, overlap, .. } => add(state, &app, Some(overlap)).await,
        KeysCommand::Revoke { app, key, .. } => {
            let ending = operating::end_key(state, WHO, &app, key, 0);
            let warning = match ending.await.map_err(told)? {
                true => "",
                false => "; the app has no other key, so nothing more is taken of it",
            };
            Ok(format!("key {key} is not taken any more{warning}"))
        }
    }
}

async fn add<S: Store>(state: &State<S>, app: &AppName, overlap: Option<u64>) -> Said {
    let key = operating::add_key(state, WHO, app, overlap);
    Ok(key.await.map_err(told)?.reveal().to_owned())
}

async fn list<S: Store>(state: &State<S>, app: &AppName) -> Said {
    known(state, app).await?;
    let (store, now) = (&state.store, state.clock.now());
    let keys = store.keys(app).await.map_err(told)?;
    let intake = store.intake(app, 0, u64::MAX).await.map_err(told)?;
    let line = |key: &Key| {
        let used = intake.iter().find(|row| row.key == Some(key.id));
        format!(
            "{}  since {:<10}  {:<28}  {}",
            key.id,
            key.since.map_or_else(|| "the start".to_owned(), date),
            match key.until {
                Some(until) if until <= now => format!("ended {}", moment(until)),
                Some(until) => format!("until {}", moment(until)),
                None => "taken".to_owned(),
            },
            used.map_or_else(
                || "never used".to_owned(),
                |row| format!("used {}", date(row.day))
            )
        )
    };
    Ok(keys.iter().map(line).collect::<Vec<_>>().join("\n"))
}

/// `ledger`: what arrived in the last `days` days, by day and key.
///
/// # Errors
/// What is not possible.
pub async fn ledger<S: Store>(state: &State<S>, app: &AppName, days: u32) -> Said {
    known(state, app).await?;
    let now = state.clock.now();
    let from = (now - now % DAY + DAY).saturating_sub(u64::from(days) * DAY);
    let intake = state.store.intake(app, from, u64::MAX);
    let intake = intake.await.map_err(told)?;
    let mut lines = vec![format!(
        "{:<10}  {:<8}  {:>10} = {:>10} + {:>10} + {:>10} + {:>10}",
        "day", "key", "received", "stored", "duplicate", "refused", "limited"
    )];
    lines.extend(intake.iter().map(line));
    Ok(lines.join("\n"))
}

fn line(row: &Intake) -> String {
    let reasons: Vec<String> = row
        .refused
        .iter()
        .chain(&row.limited)
        .map(|(reason, reports)| format!("{reason} {reports}"))
        .collect();
    format!(
        "{:<10}  {:<8}  {:>10} = {:>10} + {:>10} + {:>10} + {:>10}  {}",
        date(row.day),
        row.key
            .map_or_else(|| "-".to_owned(), |key| key.to_string()),
        row.received(),
        row.stored,
        row.duplicates,
        row.refused.values().sum::<u64>(),
        row.limited.values().sum::<u64>(),
        reasons.join(", ")
    )
    .trim_end()
    .to_owned()
}
