//! Withdrawing: what is on the device is wiped, and the collector is asked to erase what it has, until it answers.
//!
//! The request is on the disk before anything is wiped, so that a death at any step changes nothing; the moment of the
//! withdrawal stays, so that a consent that was given before it cannot come back by a host that forgot.

use crate::clock::unix_seconds;
use crate::consent::Consent;
use crate::files::{self, Files};
use crate::identity::Identity;
use crate::settings::Settings;
use crate::upload;
use crate::upload::plan::Backoff;
use crate::upload::transport::Outcome;
use candor_protocol::answer::Erasure;
use candor_protocol::limits::ERASURE_PSEUDONYMS;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;

/// A withdrawal, on the disk.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Withdrawal {
    /// When, in seconds since 1970-01-01 UTC; 0 when only erasure was asked for.
    at: u64,
    /// What the collector is to erase. `None` once it has answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    erasure: Option<Erasure>,
}

fn load(files: &Files) -> Option<Withdrawal> {
    files::load(&files.withdrawal())
}

/// Not under a permit: this is what may still be written after the gate is closed.
fn save(files: &Files, withdrawal: &Withdrawal) -> std::io::Result<()> {
    files::replace(&files.withdrawal(), &serde_json::to_vec(withdrawal)?)
}

/// Whether the user withdrew after giving this consent.
pub(crate) fn overrules(files: &Files, consent: &Consent) -> bool {
    load(files).is_some_and(|withdrawal| withdrawal.at >= consent.given_at)
}

/// Whether a withdrawal is on the disk.
pub(crate) fn is_recorded(files: &Files) -> bool {
    load(files).is_some_and(|withdrawal| withdrawal.at > 0)
}

/// Whether the collector has not answered yet.
pub(crate) fn is_pending(files: &Files) -> bool {
    load(files).is_some_and(|withdrawal| withdrawal.erasure.is_some())
}

/// The user withdraws now: from here on a death of the process changes nothing.
pub(crate) fn begin(files: &Files) {
    ask_for_erasure(files, unix_seconds());
}

/// The user wants erased what was sent so far, and withdraws nothing.
pub(crate) fn begin_erasure(files: &Files) {
    let withdrawn = load(files).map_or(0, |withdrawal| withdrawal.at);
    ask_for_erasure(files, withdrawn);
}

fn ask_for_erasure(files: &Files, at: u64) {
    let mut pseudonyms = Identity::load(files).all();
    let earlier = load(files).and_then(|withdrawal| withdrawal.erasure);
    let earlier = earlier.into_iter().flat_map(|erasure| erasure.pseudonyms);
    // A process that died while it wiped the device has left the same ones in both places.
    let added: Vec<_> = earlier.filter(|one| !pseudonyms.contains(one)).collect();
    pseudonyms.extend(added);
    pseudonyms.truncate(ERASURE_PSEUDONYMS);
    let erasure = (!pseudonyms.is_empty()).then_some(Erasure { pseudonyms });
    let _ = save(files, &Withdrawal { at, erasure });
}

/// Goes on with a withdrawal that the host remembers. A process that died before the withdrawal was on the disk has left the
/// pseudonyms that are to be erased.
pub(crate) fn resume(settings: &Settings) {
    let files = Files::new(&settings.dir);
    if !Identity::load(&files).all().is_empty() {
        begin(&files);
    }
    finish(settings);
}

/// Wipes what is left of a withdrawal and asks for erasure until the collector has answered; then silence.
pub(crate) fn finish(settings: &Settings) {
    let files = Files::new(&settings.dir);
    if files.root().exists() {
        let _ = files::purge(&files);
        go_on(settings);
    }
}

/// Asks for the erasure that is pending, if one is, on a thread of its own.
pub(crate) fn go_on(settings: &Settings) {
    /// Directories that a thread of this process asks for: one is enough for each.
    static ASKING: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
    let files = Files::new(&settings.dir);
    let mut asking = upload::lock(&ASKING);
    if !is_pending(&files) || asking.contains(&settings.dir) {
        return;
    }
    let settings = settings.clone();
    let dir = settings.dir.clone();
    let ask = move || {
        ask(&files, &settings);
        upload::lock(&ASKING).retain(|asking| *asking != settings.dir);
    };
    let thread = thread::Builder::new().name("candor-upload".into());
    if candor_crash::leaving_signals_to_host(|| thread.spawn(ask)).is_ok() {
        asking.push(dir);
    }
}

fn ask(files: &Files, settings: &Settings) {
    let mut backoff = Backoff::default();
    while let Some(Withdrawal {
        at,
        erasure: Some(erasure),
    }) = load(files)
    {
        let outcome = upload::erase(settings, &erasure);
        match outcome {
            // What is refused for good was never stored.
            Outcome::Delivered
            | Outcome::Answered(_)
            | Outcome::Refused { .. }
            | Outcome::TooLarge => {
                // The user may have withdrawn once more meanwhile; then there is more to ask for.
                if load(files).is_some_and(|current| current.erasure.as_ref() == Some(&erasure)) {
                    let _ = save(files, &Withdrawal { at, erasure: None });
                    return;
                }
            }
            Outcome::TryLater { .. } | Outcome::KeyRefused | Outcome::OtherRegion => {
                let now = unix_seconds() * 1000;
                backoff = backoff.after(&outcome, now, rand::random());
                thread::sleep(Duration::from_millis(
                    backoff.not_before(now).saturating_sub(now),
                ));
            }
        }
    }
}
