//! Ingest keys, and what arrives by them.

use super::{Said, WHO, known, told};
use crate::access::IngestKey;
use crate::cli::KeysCommand;
use crate::privacy::audit::{Deed, Did};
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
        KeysCommand::Add { app, .. } => add(state, &app).await,
        KeysCommand::List { app, .. } => list(state, &app).await,
        KeysCommand::Rotate { app, overlap, .. } => {
            known(state, &app).await?;
            let others = state.store.keys(&app).await.map_err(told)?;
            let key = add(state, &app).await?;
            let now = state.clock.now();
            for other in others.iter().filter(|other| other.is_taken(now)) {
                end(state, other, now.saturating_add(overlap)).await?;
            }
            Ok(key)
        }
        KeysCommand::Revoke { app, key, .. } => {
            known(state, &app).await?;
            let keys = state.store.keys(&app).await.map_err(told)?;
            let key = keys
                .iter()
                .find(|known| known.id == key)
                .ok_or_else(|| format!("the app {app} has no key called {key}"))?;
            end(state, key, state.clock.now()).await?;
            let left = keys
                .iter()
                .any(|other| other.id != key.id && other.is_taken(state.clock.now()));
            let warning = if left {
                ""
            } else {
                "; the app has no other key, so nothing more is taken of it"
            };
            Ok(format!("key {} is not taken any more{warning}", key.id))
        }
    }
}

async fn add<S: Store>(state: &State<S>, app: &AppName) -> Said {
    known(state, app).await?;
    let (key, now) = (IngestKey::generate(), state.clock.now());
    let deed = Deed {
        who: WHO,
        did: Did::KeyAdded,
        app: Some(app),
        what: format!("key {}", key.hash().id()),
    };
    state.office.note(now, &deed).map_err(told)?;
    let adding = state.store.add_key(app, key.hash(), now);
    adding.await.map_err(told)?;
    Ok(key.reveal().to_owned())
}

async fn end<S: Store>(state: &State<S>, key: &Key, at: u64) -> Result<(), String> {
    let deed = Deed {
        who: WHO,
        did: Did::KeyEnded,
        app: Some(&key.app),
        what: format!("key {} at {}", key.id, moment(at)),
    };
    let now = state.clock.now();
    state.office.note(now, &deed).map_err(told)?;
    let ending = state.store.end_key(&key.app, key.id, at);
    ending.await.map_err(told).map(|_| ())
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

/// A moment to the minute, UTC.
fn moment(at: u64) -> String {
    let minutes = at % DAY / 60;
    format!("{} {:02}:{:02} UTC", date(at), minutes / 60, minutes % 60)
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
