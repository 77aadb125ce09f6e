//! The commands: read the directory, decide what to show, and render it.

use crate::cli::{List, Minidump, Place, Show, Status};
use crate::names::SymbolFiles;
use crate::sources::excerpt;
use crate::view::explain::Explained;
use crate::view::list::Listing;
use crate::view::stack::Nameless;
use crate::view::{self, Shown, kept_back};
use crate::{find, json, text};
use candor_agent::local::{Device, State};
use candor_protocol::report::{Module, What};
use std::time::{SystemTime, UNIX_EPOCH};

/// `candor list`.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn list(list: &List, colour: bool) -> Result<String, String> {
    let device = Device::open(&list.place.dir);
    let reports = device
        .reports()
        .map_err(|error| unreadable(&list.place, &error))?;
    let unread = device
        .unread()
        .map_err(|error| unreadable(&list.place, &error))?;
    let listing = Listing::of(&reports, &unread, list.kind);
    Ok(if list.json {
        json::render(&listing)
    } else {
        text::list::render(&listing, colour)
    })
}

/// `candor show`.
///
/// # Errors
/// When the directory cannot be read, or no report or several are meant.
pub(crate) fn show(show: &Show, colour: bool) -> Result<String, String> {
    let device = Device::open(&show.place.dir);
    let reports = device
        .reports()
        .map_err(|error| unreadable(&show.place, &error))?;
    let ids: Vec<&str> = reports
        .iter()
        .map(|stored| stored.report.id.as_str())
        .collect();
    let stored = &reports[find::find(&ids, &show.id)?];
    if show.as_sent {
        return Ok(format!("{}\n", stored.line));
    }
    let report = &stored.report;
    let mut shown = if show.code.symbols.is_empty() {
        Shown::of(stored, &Nameless)
    } else {
        let wanted = modules(&report.what)
            .iter()
            .filter_map(|module| module.build_id.clone())
            .collect();
        let files = SymbolFiles::open(&show.code.symbols, wanted);
        let mut shown = Shown::of(stored, &files);
        shown.symbol_notes = files.notes;
        shown
    };
    if modules(&report.what).is_empty() {
        shown.symbol_notes.clear();
    }
    if let view::What::Crash(crash) = &mut shown.what {
        let to_blame = crash.thread.stack.source_to_blame();
        crash.excerpt = to_blame.and_then(|(file, line)| excerpt(&show.code.sources, file, line));
    }
    if show.explain {
        let dump = (stored.state == State::Dump)
            .then(|| device.dump(&report.run))
            .flatten();
        let kept_back = dump.map(|dump| kept_back::of(&dump, report));
        shown.explained = Some(Explained::of(report, &stored.line, kept_back));
    }
    Ok(match &shown.explained {
        _ if show.json => json::render(&shown),
        Some(explained) => text::explain::render(&shown, explained, show.full, colour),
        None => text::show::render(&shown, show.full, colour),
    })
}

/// `candor status`.
///
/// # Errors
/// When the directory cannot be read.
pub(crate) fn status(status: &Status, colour: bool) -> Result<String, String> {
    let device = Device::open(&status.place.dir);
    // A clock before 1970 knows no moment to wait for.
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let state = device
        .status(now)
        .map_err(|error| unreadable(&status.place, &error))?;
    let unread = device
        .unread()
        .map_err(|error| unreadable(&status.place, &error))?;
    let shown = view::status::Status::of(&state, &unread, now);
    Ok(if status.json {
        json::render(&shown)
    } else {
        text::status::render(&shown, colour)
    })
}

/// `candor minidump`.
///
/// # Errors
/// When nothing of the file can be read.
pub(crate) fn minidump(minidump: &Minidump, colour: bool) -> Result<String, String> {
    let read = crate::minidump::read(&minidump.file, &minidump.code.symbols)?;
    let file = minidump.file.display().to_string();
    let mut shown = view::minidump::Shown::of(file, read);
    let to_blame = shown.minidump.thread.as_ref();
    let to_blame = to_blame.and_then(|thread| thread.stack.source_to_blame());
    shown.minidump.excerpt =
        to_blame.and_then(|(file, line)| excerpt(&minidump.code.sources, file, line));
    Ok(if minidump.json {
        json::render(&shown)
    } else {
        text::minidump::render(&shown, minidump.full, colour)
    })
}

fn modules(what: &What) -> &[Module] {
    match what {
        What::Crash(crash) => &crash.modules,
        What::Freeze(freeze) => &freeze.modules,
        What::Connection(_) | What::Run(_) | What::Loss(_) => &[],
    }
}

pub(crate) fn unreadable(place: &Place, error: &std::io::Error) -> String {
    format!(
        "cannot read {}: {error}; --dir is the directory that the app gives to its agent, and it exists once the user has \
         agreed",
        place.dir.display()
    )
}
