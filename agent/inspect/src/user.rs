//! What the user of a device can have done: a copy, a pause, an end.

use crate::cli::{Final, Place};
use crate::commands::unreadable;
use candor_agent::local::{Device, Wiped};

/// `candor export`.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn export(place: &Place) -> Result<String, String> {
    let all = Device::open(&place.dir)
        .export()
        .map_err(|error| unreadable(place, &error))?;
    // A value has names as keys, so it can be written.
    let mut text = serde_json::to_string_pretty(&all).unwrap_or_default();
    text.push('\n');
    Ok(text)
}

/// `candor pause`.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn pause(place: &Place) -> Result<String, String> {
    Device::open(&place.dir)
        .pause()
        .map_err(|error| unreadable(place, &error))?;
    Ok("Paused: nothing is recorded or sent until `candor resume`. What was recorded so far waits.\n".to_owned())
}

/// `candor resume`.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn resume(place: &Place) -> Result<String, String> {
    Device::open(&place.dir)
        .resume()
        .map_err(|error| unreadable(place, &error))?;
    Ok("The pause is over: recording begins again at the app's next start.\n".to_owned())
}

/// `candor withdraw`.
///
/// # Errors
/// When the directory cannot be written.
pub(crate) fn withdraw(what: &Final) -> Result<String, String> {
    if !what.yes {
        return Ok(format!(
            "This would withdraw the consent: stop recording, wipe everything in {}, and have the app ask for the erasure of what was sent. \
             It cannot be undone. Nothing was done; add --yes to do it.\n",
            what.place.dir.display()
        ));
    }
    let wiped = Device::open(&what.place.dir)
        .withdraw()
        .map_err(|error| unreadable(&what.place, &error))?;
    Ok(match wiped {
        Wiped::Now => "Withdrawn: everything is wiped. The app asks for the erasure of what was sent at its next start.\n",
        Wiped::ByTheApp => {
            "Withdrawn: the app is running, and wipes everything and asks for the erasure of what was sent within seconds.\n"
        }
    }
    .to_owned())
}

/// `candor erase`.
///
/// # Errors
/// When the app is running, or the directory cannot be written.
pub(crate) fn erase(what: &Final) -> Result<String, String> {
    if !what.yes {
        return Ok(format!(
            "This would wipe everything that was recorded in {}, and have the app ask for the erasure of what was sent. The consent stays. \
             It cannot be undone. Nothing was done; add --yes to do it.\n",
            what.place.dir.display()
        ));
    }
    Device::open(&what.place.dir)
        .erase()
        .map_err(|error| unreadable(&what.place, &error))?;
    Ok("Wiped. The app asks for the erasure of what was sent at its next start, and records under a new pseudonym.\n".to_owned())
}
