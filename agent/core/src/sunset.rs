//! The end of a service: a notice that its operator has signed stops the agent for good.
//!
//! The notice is on the disk before anything is wiped, and it stays, so that a death at any step changes nothing and no later start
//! begins anew. Nobody is asked for erasure: whoever ends a service answers for what it holds.

use crate::consent::Permit;
use crate::files::{self, Files};
use crate::settings::Checked;
use candor_protocol::answer::Sunset;

/// The notice that ended the service; `None` while it goes on.
pub(crate) fn load(files: &Files) -> Option<Sunset> {
    files::load(&files.sunset())
}

/// Believes a notice that is for this app and signed by the key that the developer has built in; it is on the disk when this
/// returns. Whether it is believed. Nothing else may change on the device before that.
pub(crate) fn heed(
    permit: &Permit<'_>,
    files: &Files,
    settings: &Checked,
    notice: &Sunset,
) -> bool {
    let key = settings.settings.operator_key.as_deref();
    key.is_some_and(|key| is_genuine(settings, key, notice))
        && files::save(permit, &files.sunset(), notice).is_ok()
}

/// Whether the service has ended. A notice counts on until a release has the key of another operator built in: that is another
/// service.
pub(crate) fn has_come(files: &Files, settings: &Checked) -> bool {
    let key = settings.settings.operator_key.as_deref();
    load(files).is_some_and(|notice| key.is_none_or(|key| is_genuine(settings, key, &notice)))
}

/// Wipes everything but the notice. Not under a permit: there will be none any more.
pub(crate) fn finish(files: &Files) {
    // What cannot be removed now is tried again at the next start.
    let _ = files::purge_but(files, &[files.sunset()]);
}

fn is_genuine(settings: &Checked, key: &str, notice: &Sunset) -> bool {
    notice.app == settings.app && is_signed(key, notice)
}

#[cfg(feature = "verify")]
fn is_signed(key: &str, notice: &Sunset) -> bool {
    notice.verify(key)
}

/// No key can be given without the feature.
#[cfg(not(feature = "verify"))]
fn is_signed(_key: &str, _notice: &Sunset) -> bool {
    false
}
