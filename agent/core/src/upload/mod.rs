//! Uploading: one session sends what waits, until nothing waits or the collector cannot take more.

mod answer;
#[cfg(feature = "http")]
mod http;
pub(crate) mod plan;
pub(crate) mod transport;

use crate::clock;
use crate::consent::{Gate, Permit};
use crate::files::{self, Files};
use crate::ledger::{Fate, Upload};
use crate::narrowing;
use crate::settings::{Checked, Settings};
use crate::spool::{Batch, Spool};
use crate::sunset;
use candor_protocol::answer::{Accepted, Erasure};
use candor_protocol::deidentify::Region;
use candor_protocol::limits::BATCH_REPORTS;
use candor_protocol::report::LossReason;
use plan::Backoff;
use std::sync::{Mutex, MutexGuard, PoisonError};
use transport::{LastWord, Outcome, Transport};

/// Whatever a thread that panicked left behind is whole: every change of the spool is one step on the disk.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The transport that the settings ask for; `None` when there is no built-in one and the host brought none.
pub(crate) fn transport(settings: &Settings) -> Option<Transport> {
    let carrier = match &settings.carrier {
        Some(carrier) => carrier.clone(),
        #[cfg(feature = "http")]
        None => std::sync::Arc::new(http::Http::new(&settings.collector)?),
        #[cfg(not(feature = "http"))]
        None => return None,
    };
    Some(Transport::new(carrier, settings.key.clone()))
}

/// A runtime for one session, on the thread that calls it.
fn runtime() -> Option<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time();
    #[cfg(feature = "http")]
    builder.enable_io();
    builder.build().ok()
}

/// When the collector may be asked again, as far as the disk remembers.
pub(crate) fn load_backoff(files: &Files) -> Backoff {
    files::load(&files.upload()).unwrap_or_default()
}

/// Sends what waits until nothing waits, the collector cannot take more, or the user withdraws. Returns what the next
/// session has to respect.
pub(crate) fn session(
    gate: &Gate,
    files: &Files,
    checked: &Checked,
    spool: &Mutex<Spool>,
    backoff: Backoff,
) -> Backoff {
    let settings = &checked.settings;
    let failed = Outcome::TryLater { after: None };
    let (Some(runtime), Some(transport)) = (runtime(), transport(settings)) else {
        return backoff.after(&failed, clock::unix_seconds() * 1000, rand::random());
    };
    let (mut backoff, mut most) = (backoff, BATCH_REPORTS);
    let region: Option<Region> = settings.region.as_deref().and_then(|one| one.parse().ok());
    loop {
        let Some(permit) = gate.permit() else {
            return backoff;
        };
        let batch = lock(spool).next_batch(&permit, most);
        if batch.reports.is_empty() {
            return backoff;
        }
        // Before anything that was recorded leaves, the collector says where it is.
        let asks = region.as_ref().filter(|_| !backoff.is_at_home());
        let packed = match asks {
            Some(region) => candor_protocol::batch::pack_for(Some(region), []),
            None => batch.pack(region.as_ref()),
        };
        let Ok(body) = packed else {
            return backoff;
        };
        let bytes = body.len() as u64;
        let Some(outcome) =
            runtime.block_on(transport.send(&permit, body, narrowing::known(files)))
        else {
            return backoff;
        };
        let outcome = match outcome {
            Outcome::Answered(Accepted {
                sunset: Some(notice),
                ..
            }) => {
                if sunset::heed(&permit, files, checked, &notice) {
                    return backoff;
                }
                // Nothing of the batch was stored, and who says that it never will be is not known.
                Outcome::TryLater { after: None }
            }
            outcome => match asks {
                Some(region) => answer::locate(outcome, region),
                None => outcome,
            },
        };
        let now = clock::unix_seconds();
        backoff = backoff.after(&outcome, now * 1000, rand::random());
        if let (Some(region), Outcome::Answered(_) | Outcome::Delivered) = (&region, &outcome) {
            backoff = backoff.located(answer::names(&outcome, region));
        }
        let _ = files::save(&permit, &files.upload(), &backoff);
        match asks {
            Some(_) if backoff.is_at_home() => continue,
            Some(_) => return backoff,
            None => {}
        }
        if let Outcome::Answered(said) = &outcome {
            narrowing::remember(&permit, files, said);
        }
        match settle(
            &permit,
            &mut lock(spool),
            &batch,
            &outcome,
            Upload {
                at: now,
                reports: batch.reports.len() as u64,
                bytes,
            },
        ) {
            Next::Continue => most = BATCH_REPORTS,
            Next::SendFewer => most = (batch.reports.len() / 2).max(1),
            Next::Stop => return backoff,
        }
    }
}

/// How a session goes on.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Continue,
    SendFewer,
    Stop,
}

/// Takes out of the spool what an answer decides.
fn settle(
    permit: &Permit<'_>,
    spool: &mut Spool,
    batch: &Batch,
    outcome: &Outcome,
    upload: Upload,
) -> Next {
    let ids = batch.ids();
    // Line 1 is the header, so the first report stands on line 2.
    let on_line = |line: u32| ids.get((line as usize).wrapping_sub(2)).copied();
    if let Outcome::Answered(said) = outcome {
        let quarantined = said.quarantined.iter().map(|one| one.line);
        let refused = said.refused.iter().map(|one| one.line);
        let unwanted: Vec<_> = quarantined.chain(refused).filter_map(on_line).collect();
        let lost = Fate::Lost(LossReason::Refused);
        if !unwanted.is_empty() && spool.finish(permit, &unwanted, lost, None).is_err() {
            return Next::Stop;
        }
    }
    let (leaving, fate, upload) = match outcome {
        Outcome::Delivered | Outcome::Answered(_) => (&ids[..], Fate::Delivered, Some(upload)),
        Outcome::TooLarge if ids.len() == 1 => (&ids[..], Fate::Lost(LossReason::TooLarge), None),
        Outcome::Refused { .. } if ids.len() == 1 => {
            (&ids[..], Fate::Lost(LossReason::Refused), None)
        }
        Outcome::Refused { line: Some(line) } => {
            // Line 1 is the header, so the first report stands on line 2.
            let index = (*line as usize).wrapping_sub(2);
            match ids.get(index..index.wrapping_add(1)) {
                Some(one) => (one, Fate::Lost(LossReason::Refused), None),
                None => return Next::SendFewer,
            }
        }
        Outcome::TooLarge | Outcome::Refused { line: None } => return Next::SendFewer,
        Outcome::TryLater { .. } | Outcome::KeyRefused | Outcome::OtherRegion => {
            return Next::Stop;
        }
    };
    // A disk that refuses the ledger would let the session send the same batch for ever.
    if spool.finish(permit, leaving, fate, upload).is_ok() {
        Next::Continue
    } else {
        Next::Stop
    }
}

/// Asks for erasure once. Whether it is done.
pub(crate) fn erase(settings: &Settings, erasure: &Erasure) -> Outcome {
    match (runtime(), transport(settings)) {
        (Some(runtime), Some(transport)) => {
            runtime.block_on(transport.erase(LastWord::of(erasure), erasure))
        }
        _ => Outcome::TryLater { after: None },
    }
}
