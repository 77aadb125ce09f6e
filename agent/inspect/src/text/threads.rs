//! Stacks of threads: the one that matters in full, the others folded.

use super::page::{Page, Style};
use super::rows::{self, Placed};
use crate::view::amount::count;
use crate::view::crash::Thread;
use crate::view::phrase::{capital, thread_named};
use crate::view::rows::{Row, rows};
use crate::view::stack::Frame;
use candor_protocol::report::Found;

/// Threads that are told of in one line each, where not all are asked for.
const LINES: usize = 20;

/// A thread with its stack under a heading such as "The main thread crashed".
pub(crate) fn put(page: &mut Page, thread: &Thread, did: &str, full: bool) {
    put_same(page, thread, 1, did, full);
}

fn put_same(page: &mut Page, thread: &Thread, times: usize, did: &str, full: bool) {
    let name = if times > 1 {
        format!("{times} x {}", named(thread, times))
    } else {
        capital(&named(thread, times))
    };
    page.gap().line(Style::Strong, &format!("{name} {did}"));
    if thread.stack.frames.is_empty() {
        page.line(Style::Faint, "  Its stack was not recorded.");
    }
    let placed = rows(&thread.stack, full).into_iter().map(|row| {
        let number = match &row {
            Row::One(one) => one.number,
            _ => None,
        };
        let number = number.map_or(String::new(), |number| number.to_string());
        Placed {
            lead: format!("{number:>3}  "),
            row,
        }
    });
    rows::put(page, &placed.collect::<Vec<_>>());
}

/// The other threads: one line for all that stand in the same place, or all their stacks.
pub(crate) fn put_others(page: &mut Page, others: &[Thread], full: bool) {
    if others.is_empty() {
        return;
    }
    if full {
        for (thread, times) in same(others, |thread| {
            let addresses: Vec<String> = thread.stack.frames.iter().map(Frame::address).collect();
            (named(thread, 2), addresses)
        }) {
            put_same(page, thread, times, "at that moment", true);
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
    let lines = same(others, |thread| (named(thread, 2), place(thread)));
    for &(thread, times) in lines.iter().take(LINES) {
        let number = if times > 1 {
            format!("{times} x ")
        } else {
            String::new()
        };
        let name = named(thread, times);
        page.line(
            Style::Plain,
            &format!("  {number}{name}: {}", place(thread)),
        );
    }
    if lines.len() > LINES {
        let rest: usize = lines.iter().skip(LINES).map(|(_, times)| times).sum();
        page.line(Style::Faint, &format!("  and {rest} more"));
    }
}

fn place(thread: &Thread) -> String {
    thread
        .stack
        .place()
        .unwrap_or("its stack was not recorded".to_owned())
}

/// A thread, or several of one pool, whose numbers do not count then.
fn named(thread: &Thread, times: usize) -> String {
    let pool = |name: &str| {
        let bare = name.trim_end_matches(|end: char| end.is_ascii_digit());
        if bare.len() == name.len() {
            name.to_owned()
        } else {
            format!("{bare}#")
        }
    };
    let name = thread.name.as_deref();
    let name = if times > 1 {
        name.map(pool)
    } else {
        name.map(str::to_owned)
    };
    thread_named(thread.main, name.as_deref())
}

/// Threads that are the same by `key`, each with how many there are, in the order in which they come.
fn same<K: PartialEq>(threads: &[Thread], key: impl Fn(&Thread) -> K) -> Vec<(&Thread, usize)> {
    let mut found: Vec<(K, &Thread, usize)> = Vec::new();
    for thread in threads {
        let key = key(thread);
        match found.iter_mut().find(|(known, ..)| *known == key) {
            Some((.., times)) => *times += 1,
            None => found.push((key, thread, 1)),
        }
    }
    found
        .into_iter()
        .map(|(_, thread, times)| (thread, times))
        .collect()
}

/// How far frames can be trusted that were not found by unwind tables, where there are any.
pub(crate) fn put_doubts<'a>(page: &mut Page, threads: impl Iterator<Item = &'a Thread>) {
    let mut found: Vec<Found> = threads
        .flat_map(|thread| &thread.stack.frames)
        .map(|frame| frame.found)
        .collect();
    found.sort();
    found.dedup();
    for (how, meaning) in [
        (
            Found::FramePointer,
            "A frame that was found by frame pointer is likely; code that is compiled without them hides its caller.",
        ),
        (
            Found::Scan,
            "A guess is a frame that was found by searching the stack for what looks like a return address.",
        ),
    ] {
        if found.contains(&how) {
            page.gap().paragraph(Style::Faint, 0, meaning);
        }
    }
}
