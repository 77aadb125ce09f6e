//! `POST /v1/batches`: keeps the reports of a batch and says so when they are on disk.

use super::decode::{self, Decoded};
use super::quota::until_tomorrow;
use super::refusal::{Refusal, json};
use super::{HELD_PER_BYTE, Ingest, body, check_encoding, check_type};
use crate::access::Sender;
use crate::privacy::audit::{Deed, Did};
use crate::privacy::narrowing::latest;
use crate::privacy::settings::Settings;
use crate::store::{Kept, Store};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use candor_protocol::answer::{Accepted, Narrowing, Quarantined, RefusedReport};
use candor_protocol::limits::BATCH_COMPRESSED_BYTES;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

const TYPES: &[&str] = &[
    "application/x-ndjson",
    "application/gzip",
    "application/octet-stream",
];

/// Compressed bytes of a batch that is decoded where it was read: some hundred microseconds of work, of which a tenth would go into handing
/// it to another thread and back.
const AT_ONCE: usize = 4_096;

pub(super) async fn take<S: Store>(State(ingest): State<Ingest<S>>, request: Request) -> Response {
    let began = Instant::now();
    let (parts, mut body) = request.into_parts();
    let mut sender = None;
    let outcome = accept(&ingest, &parts.headers, &mut body, &mut sender).await;
    let metrics = &ingest.state.metrics;
    match outcome {
        Ok(accepted) => {
            metrics.answered("batches", "accepted");
            metrics.acknowledged(began.elapsed());
            json(StatusCode::OK, &accepted)
        }
        Err(refusal) => {
            metrics.answered("batches", refusal.word());
            body::discard(body, &refusal).await;
            refusal.log(sender.as_ref().map(|sender| &sender.app));
            if let Some(sender) = &sender {
                ingest.count(sender, &refusal).await;
                note(&ingest, sender, &refusal);
            }
            refusal.into_response()
        }
    }
}

/// Writes down, once an hour, that reports of another region came.
fn note<S: Store>(ingest: &Ingest<S>, sender: &Sender, refusal: &Refusal) {
    let Refusal::Region(why) = refusal else {
        return;
    };
    let deed = Deed {
        who: "agent",
        did: Did::RegionRefused,
        app: Some(&sender.app),
        what: why.clone(),
    };
    // Nothing was done, so what cannot be written down is only in the log.
    let _ = ingest
        .state
        .office
        .note_once(ingest.state.clock.now(), &deed);
}

/// Keeps the batch. `sender` is told as soon as it is known.
async fn accept<S: Store>(
    ingest: &Ingest<S>,
    headers: &HeaderMap,
    body: &mut Body,
    sender: &mut Option<Sender>,
) -> Result<Accepted, Refusal> {
    let sender = sender.insert(ingest.authenticate(headers).await?);
    check_type(headers, TYPES)?;
    check_encoding(headers, "gzip")?;
    let office = &ingest.state.office;
    if let Some(sunset) = office.sunset_of(&sender.app)? {
        ingest.refused(sender, "sunset", 1).await;
        tracing::info!(app = %sender.app, "an agent was told that the service has ended");
        return Ok(Accepted {
            sunset: Some(sunset),
            ..Accepted::default()
        });
    }
    let settings = office.settings()?;
    let left = left(ingest, sender, &settings).await?;

    let announced = body::announced(headers, BATCH_COMPRESSED_BYTES)?;
    let reading = ingest.reading.take(&sender.app, announced);
    let reading = reading.ok_or(Refusal::Busy)?;
    let gzip = body::read(body, BATCH_COMPRESSED_BYTES, ingest.limits.body).await?;
    let working = ingest.working.take(&sender.app, gzip.len());
    let mut working = working.ok_or(Refusal::Busy)?;
    drop(reading);

    let symbols = ingest.state.symbols.clone();
    let rules = ingest.state.rules.clone();
    let (agreed, app) = (settings.clone(), sender.app.clone());
    let is_small = gzip.len() <= AT_ONCE;
    let decode = move || {
        let decoded = decode::decode(&gzip, &symbols, &rules, &app, &agreed, |bytes| {
            let more = working.grow(bytes * HELD_PER_BYTE);
            more.then_some(()).ok_or(Refusal::Busy)
        });
        if let Ok(decoded) = &decoded {
            working.shrink_to(decoded.bytes());
        }
        // The place is held while the work goes on, also when the sender is gone.
        (decoded, working)
    };
    let done = if is_small {
        catch_unwind(AssertUnwindSafe(decode)).ok()
    } else {
        let turn = ingest.decoding.clone().acquire_owned().await;
        let decoding = tokio::task::spawn_blocking(move || {
            let done = decode();
            drop(turn);
            done
        });
        decoding.await.ok()
    };
    let panicked = || Refusal::Fault("decoding a batch ended with a panic".to_owned());
    let (decoded, working) = done.ok_or_else(panicked)?;
    let decoded = decoded?;
    if u64::from(decoded.count()) > left {
        return Err(over_quota(ingest, decoded.count()));
    }
    let asked = asked(ingest, sender, &settings, &decoded);
    let mut accepted = keep(ingest, sender, decoded).await?;
    drop(working);
    if let Some(asked) = asked {
        accepted.narrowing_unchanged = knows(headers, &asked);
        accepted.narrowing = (!accepted.narrowing_unchanged).then_some(asked);
    }
    Ok(accepted)
}

/// What the agent is asked to leave out: by the latest release of its reports, since earlier ones may be from before an update.
fn asked<S: Store>(
    ingest: &Ingest<S>,
    sender: &Sender,
    settings: &Settings,
    decoded: &Decoded,
) -> Option<Narrowing> {
    let releases = decoded.reports.iter();
    let release = latest(releases.map(|incoming| &incoming.report.release))?;
    settings.narrowing(&sender.app, release, ingest.state.clock.now())
}

/// Whether the agent says that it was told this before.
fn knows(headers: &HeaderMap, asked: &Narrowing) -> bool {
    let said = headers.get(IF_NONE_MATCH).and_then(|tag| tag.to_str().ok());
    said.is_some_and(|said| said.trim().trim_matches('"') == asked.tag())
}

/// How many reports may still come today.
async fn left<S: Store>(
    ingest: &Ingest<S>,
    sender: &Sender,
    settings: &Arc<Settings>,
) -> Result<u64, Refusal> {
    let agreed = settings.daily_reports(&sender.app);
    let Some(quota) = agreed.or(ingest.limits.daily_reports) else {
        return Ok(u64::MAX);
    };
    let (store, now) = (&*ingest.state.store, ingest.state.clock.now());
    match ingest.today.left(store, &sender.app, quota, now).await? {
        0 => Err(over_quota(ingest, 1)),
        left => Ok(left),
    }
}

fn over_quota<S: Store>(ingest: &Ingest<S>, reports: u32) -> Refusal {
    let now = ingest.state.clock.now();
    Refusal::OverQuota {
        reports,
        after: until_tomorrow(now, rand::random()),
    }
}

/// Keeps what can be kept, and counts what cannot.
async fn keep<S: Store>(
    ingest: &Ingest<S>,
    sender: &Sender,
    decoded: Decoded,
) -> Result<Accepted, Refusal> {
    let (store, metrics) = (&ingest.state.store, &ingest.state.metrics);
    let (app, arrival, count) = (&sender.app, ingest.arrival(sender), decoded.count());
    let Decoded {
        region,
        reports,
        leaks,
        bad,
    } = decoded;
    if count == 0 {
        // An agent asks where this collector is before it sends anything.
        return Ok(Accepted {
            region,
            ..Accepted::default()
        });
    }
    let began = Instant::now();
    let issues = reports.iter().filter_map(|report| report.issue.as_ref());
    let kin = ingest.state.kin.tell(&**store, app, issues, arrival.at);
    kin.await?;
    let kept = store.keep(app, reports, arrival).await?;
    metrics.committed(began.elapsed());
    let (stored, duplicates) = match kept {
        Kept::Stored { stored, duplicates } => (stored, duplicates),
        Kept::Erased { line } => {
            return Err(Refusal::Erased {
                line,
                reports: count,
            });
        }
    };
    metrics.kept(stored, duplicates, arrival.at);
    let taken = u64::from(stored) + u64::from(duplicates);
    ingest.today.count(sender, taken, arrival.at);
    let quarantined: Vec<Quarantined> = leaks
        .iter()
        .map(|(line, leak)| Quarantined {
            line: *line,
            field: leak.field.to_owned(),
            reason: leak.reason.to_owned(),
        })
        .collect();
    if !leaks.is_empty() {
        for (_, leak) in &leaks {
            let release = leak.release.as_ref().map(tracing::field::display);
            let (field, reason) = (leak.field, leak.reason);
            tracing::warn!(%app, release, field, reason, "an agent leaks: a report was not kept");
        }
        let leaks: Vec<_> = leaks.into_iter().map(|(_, leak)| leak).collect();
        ingest.today.count(sender, leaks.len() as u64, arrival.at);
        metrics.refused("quarantined", leaks.len() as u32);
        store.quarantine(app, leaks, arrival).await?;
    }
    if !bad.is_empty() {
        for (line, why) in &bad {
            tracing::warn!(%app, reason = BAD_REPORT, line, why, "a report was refused");
        }
        ingest.refused(sender, BAD_REPORT, bad.len() as u32).await;
    }
    tracing::debug!(%app, stored, duplicates, "a batch was kept");
    let refused = bad.into_iter().map(|(line, message)| RefusedReport {
        line,
        error: BAD_REPORT.to_owned(),
        message,
    });
    Ok(Accepted {
        stored,
        duplicates,
        quarantined,
        refused: refused.collect(),
        region,
        ..Accepted::default()
    })
}

/// The word in the ledger for a report that cannot be read.
const BAD_REPORT: &str = "bad_report";
