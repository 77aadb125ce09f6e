//! A crash.

use super::page::{Page, Style};
use super::rows::{self, Placed};
use super::show;
use crate::view::amount::count;
use crate::view::crash::{Crash, Thread, meaning};
use crate::view::phrase::thread_named;
use crate::view::rows::{Row, rows};

pub(crate) fn put(page: &mut Page, crash: &Crash, full: bool) {
    let did = match (crash.cause, crash.fatal) {
        ("panic", _) => "panicked",
        (_, true) => "crashed",
        (_, false) => "got the signal",
    };
    put_thread(page, &crash.thread, did, full);
    put_others(page, &crash.others, full);
    let threads = || std::iter::once(&crash.thread).chain(&crash.others);
    show::put_modules(
        page,
        &crash.modules,
        threads().any(|thread| thread.stack.lacks_names()),
    );
    if threads().any(|thread| {
        thread
            .stack
            .frames
            .iter()
            .any(|frame| frame.found == candor_protocol::report::Found::Scan)
    }) {
        page.gap().paragraph(
            Style::Faint,
            0,
            "A guess is a frame that was found by searching the stack for what looks like a return address.",
        );
    }
    for note in &crash.notes {
        page.gap()
            .paragraph(Style::Notice, 0, &format!("Note: {}.", meaning(*note)));
    }
}

pub(super) fn put_thread(page: &mut Page, thread: &Thread, did: &str, full: bool) {
    let name = thread_named(thread.main, thread.name.as_deref());
    page.gap()
        .line(Style::Strong, &format!("{} {did}", capital(&name)));
    if thread.stack.frames.is_empty() {
        page.line(Style::Faint, "  Its stack was not recorded.");
    }
    let placed = rows(&thread.stack, full).into_iter().map(|row| {
        let number = match &row {
            Row::One(one) => one.number,
            Row::Folded(_) | Row::Gap(_) => None,
        };
        let number = number.map_or(String::new(), |number| number.to_string());
        Placed {
            lead: format!("{number:>3}  "),
            row,
        }
    });
    rows::put(page, &placed.collect::<Vec<_>>());
}

fn put_others(page: &mut Page, others: &[Thread], full: bool) {
    if others.is_empty() {
        return;
    }
    if full {
        for thread in others {
            put_thread(page, thread, "at that moment", true);
        }
        return;
    }
    page.gap().line(
        Style::Strong,
        &format!(
            "{} (--full shows their stacks)",
            count(others.len() as u64, "other thread")
        ),
    );
    let mut folded: Vec<(String, usize)> = Vec::new();
    for thread in others {
        let name = thread_named(thread.main, thread.name.as_deref());
        let place = thread
            .stack
            .place()
            .unwrap_or("its stack was not recorded".to_owned());
        let line = format!("{name}: {place}");
        match folded.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => folded.push((line, 1)),
        }
    }
    for (line, times) in folded {
        let times = if times > 1 {
            format!("{times} x ")
        } else {
            String::new()
        };
        page.line(Style::Plain, &format!("  {times}{line}"));
    }
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    rest.next().map_or(String::new(), |first| {
        first.to_uppercase().chain(rest).collect()
    })
}
