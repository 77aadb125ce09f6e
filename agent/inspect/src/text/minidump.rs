//! `candor minidump`.

use super::page::{Page, Style};
use super::table::{self, Align, faint, plain};
use super::{excerpt, show, threads};
use crate::view::amount::{bytes, count};
use crate::view::crash::ModuleLine;
use crate::view::minidump::{Minidump, Shown};

pub(crate) fn render(shown: &Shown, full: bool, colour: bool) -> String {
    let mut page = Page::new(colour);
    let dump = &shown.minidump;
    let style = if dump.reason.is_some() {
        Style::Bad
    } else {
        Style::Strong
    };
    page.put(style, "minidump")
        .put(Style::Faint, "  ")
        .line(Style::Faint, &shown.file);
    page.gap().paragraph(Style::Strong, 0, &shown.summary);
    put_circumstances(&mut page, dump);
    if let Some(thread) = &dump.thread {
        let did = if dump.reason.is_some() {
            "crashed"
        } else {
            "asked for the dump"
        };
        threads::put(&mut page, thread, did, full);
    }
    excerpt::put(&mut page, dump.excerpt.as_ref());
    threads::put_others(&mut page, &dump.others, full);
    put_modules(&mut page, dump, full);
    threads::put_doubts(&mut page, dump.thread.iter().chain(&dump.others));
    put_holds(&mut page, dump);
    for problem in &dump.problems {
        page.gap()
            .paragraph(Style::Notice, 0, &format!("Note: {problem}."));
    }
    for note in &shown.symbol_notes {
        page.gap().paragraph(Style::Notice, 0, note);
    }
    page.finish()
}

fn put_circumstances(page: &mut Page, dump: &Minidump) {
    let mut rows = vec![("written", dump.made_at.clone())];
    if let Some(device) = &dump.device {
        let version = device
            .os_version
            .as_ref()
            .map_or(String::new(), |version| format!(" {version}"));
        let cores = count(device.cores.into(), "core");
        rows.push((
            "device",
            format!("{}{version}, {}, {cores}", device.os, device.arch),
        ));
    }
    rows.extend(dump.process_id.map(|id| ("process", id.to_string())));
    rows.extend(
        dump.fault_address
            .as_ref()
            .map(|address| ("address", format!("0x{address}"))),
    );
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| vec![faint(name), plain(value)])
        .collect();
    page.gap();
    table::put(page, 2, &[Align::Left; 2], &rows);
}

/// The modules that frames are in, and how many there are beside.
fn put_modules(page: &mut Page, dump: &Minidump, full: bool) {
    let shown: Vec<&ModuleLine> = dump
        .modules
        .iter()
        .enumerate()
        .filter(|(place, _)| full || dump.touched.contains(place))
        .map(|(_, module)| module)
        .collect();
    let lacks_names = dump
        .thread
        .iter()
        .chain(&dump.others)
        .any(|thread| thread.stack.lacks_names());
    let beside = dump.modules.len() - shown.len();
    show::put_modules(page, &shown, beside, lacks_names);
}

/// What such a dump holds and Candor's never do.
fn put_holds(page: &mut Page, dump: &Minidump) {
    if dump.holds.is_empty() {
        return;
    }
    page.gap().line(
        Style::Strong,
        "What this file holds beside, which a dump of Candor never does",
    );
    let rows: Vec<_> = dump
        .holds
        .iter()
        .map(|held| {
            let count = held.count.map_or(String::new(), |count| count.to_string());
            let size = match held.bytes {
                0 => String::new(),
                size => bytes(size),
            };
            vec![plain(count), plain(held.what), faint(size)]
        })
        .collect();
    let aligns = [Align::Right, Align::Left, Align::Right];
    table::put(page, 2, &aligns, &rows);
    page.paragraph(
        Style::Faint,
        2,
        "Stacks and the environment often hold names, messages, keys and tokens. Whoever has the file has them.",
    );
}
