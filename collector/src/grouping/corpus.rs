//! How well the rules tell faults apart: every pair of a labelled corpus is one issue or two, as it should be.
//!
//! Each file of `corpus/` is a list of faults (`bug NAME`), each with what was seen of it (`= WHAT`, then an optional `@ FILE:LINE`
//! and frames in the notation of [`super::testing`]). Faults are written so that rules fail on them which key by message, by the innermost
//! function, by addresses or by what was inlined.

use super::Grouped;
use super::testing::{freeze_in_turn, panic, panic_at, signal};
use candor_protocol::deidentify::Name;
use candor_protocol::report::{Fault, SignalName, Wait};
use std::collections::BTreeMap;

const FILES: [(&str, &str); 3] = [
    ("panics", include_str!("corpus/panics.txt")),
    ("signals", include_str!("corpus/signals.txt")),
    ("freezes", include_str!("corpus/freezes.txt")),
];

/// What was seen once, and of which fault it is.
struct Seen {
    bug: String,
    what: String,
    grouped: Grouped,
}

fn corpus() -> Vec<Seen> {
    FILES
        .iter()
        .flat_map(|(file, text)| read(file, text))
        .collect()
}

fn read(file: &str, text: &str) -> Vec<Seen> {
    let mut seen = Vec::new();
    for (name, reports) in bugs(text) {
        for report in reports {
            seen.push(Seen {
                bug: format!("{file}: {name}"),
                what: report.lines().next().unwrap().to_owned(),
                grouped: group(&report),
            });
        }
    }
    seen
}

/// Each fault by its name, with what was seen of it.
fn bugs(text: &str) -> Vec<(String, Vec<String>)> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let text = format!("\n{}", lines.join("\n"));
    let bug = |bug: &str| {
        let (name, reports) = bug.split_once("\n= ").unwrap();
        let reports = reports.split("\n= ").map(|report| report.trim().to_owned());
        (name.trim().to_owned(), reports.collect())
    };
    text.split("\nbug ").skip(1).map(bug).collect()
}

fn group(report: &str) -> Grouped {
    let (head, rest) = report.split_once('\n').unwrap_or((report, ""));
    let (kind, head) = head.split_once(' ').unwrap();
    match kind {
        "panic" => a_panic(head, rest),
        "signal" => a_signal(head, rest),
        "freeze" => a_freeze(head, rest),
        other => panic!("{other}"),
    }
}

/// A message may go on over lines that begin with a space.
fn a_panic(head: &str, rest: &str) -> Grouped {
    let (mut message, mut at, mut frames) = (head.to_owned(), None, Vec::new());
    for line in rest.lines() {
        match line.strip_prefix("@ ") {
            Some(place) => at = place.split_once(':'),
            None if line.starts_with(' ') => message += line,
            None => frames.push(line),
        }
    }
    let frames = frames.join("\n");
    match at {
        Some((file, line)) => panic_at(&message, file, line.parse().unwrap(), &frames),
        None => panic(&message, &frames),
    }
}

fn a_signal(head: &str, frames: &str) -> Grouped {
    let (name, fault) = head.split_once(' ').unwrap();
    let signal_name = match name {
        "SIGSEGV" => SignalName::Segv,
        "SIGBUS" => SignalName::Bus,
        "SIGABRT" => SignalName::Abrt,
        other => panic!("{other}"),
    };
    let fault = match fault {
        "null" => Fault::NullLike,
        "unmapped" => Fault::Unmapped,
        "guard" => Fault::StackGuard,
        "exec" => Fault::NotExecutable,
        "none" => Fault::None,
        other => panic!("{other}"),
    };
    signal(signal_name, fault, frames)
}

fn a_freeze(head: &str, frames: &str) -> Grouped {
    let (wait, turn) = head.split_once(' ').unwrap();
    let wait = match wait {
        "-" => None,
        "futex" => Some(Wait::Futex),
        "read" => Some(Wait::Read),
        "write" => Some(Wait::Write),
        "poll" => Some(Wait::Poll),
        "child" => Some(Wait::Child),
        "fault" => Some(Wait::PageFault),
        other => panic!("{other}"),
    };
    let turn = match turn {
        "work" => candor_protocol::name!("work"),
        "draw" => candor_protocol::name!("draw"),
        "save" => candor_protocol::name!("save"),
        "decode" => candor_protocol::name!("decode"),
        "render" => candor_protocol::name!("render"),
        other => panic!("{other}"),
    };
    let turn: Name = turn;
    let stacks = [(5, frames)];
    let stacks = if frames.is_empty() { &[][..] } else { &stacks };
    freeze_in_turn(Some(turn), wait, stacks)
}

/// Pairs that are one issue and should be, that are and should not be, and that are not and should be.
#[derive(Default)]
struct Score {
    right: u32,
    merged: u32,
    split: u32,
}

impl Score {
    fn f1(&self) -> f64 {
        let (right, wrong) = (f64::from(self.right), f64::from(self.merged + self.split));
        2.0 * right / (2.0 * right + wrong)
    }
}

#[test]
fn of_all_pairs_of_the_corpus_those_are_one_issue_that_should_be() {
    let corpus = corpus();
    let (mut score, mut wrong) = (Score::default(), Vec::new());
    for (index, one) in corpus.iter().enumerate() {
        for other in &corpus[..index] {
            let (same, is) = (one.bug == other.bug, one.grouped.id == other.grouped.id);
            match (same, is) {
                (true, true) => score.right += 1,
                (false, true) => score.merged += 1,
                (true, false) => score.split += 1,
                (false, false) => {}
            }
            if same != is {
                let how = if is { "one issue" } else { "two issues" };
                wrong.push(format!(
                    "{how}: {} ({}) by {:?}\n  and {} ({}) by {:?}",
                    one.bug, one.what, one.grouped.why, other.bug, other.what, other.grouped.why
                ));
            }
        }
    }
    let pairs = corpus.len() * (corpus.len() - 1) / 2;
    assert!(pairs >= 300, "{pairs} pairs");
    assert!(
        score.f1() >= 0.98,
        "F1 is {:.4}:\n{}",
        score.f1(),
        wrong.join("\n")
    );
    assert_eq!(score.merged, 0, "{}", wrong.join("\n"));
}

#[test]
fn every_issue_of_the_corpus_has_a_title_that_tells_it_from_the_others() {
    let mut titles: BTreeMap<String, String> = BTreeMap::new();
    for seen in corpus() {
        let title = format!("{} | {}", seen.grouped.title, seen.grouped.culprit);
        let bug = titles.entry(title.clone()).or_insert(seen.bug.clone());
        assert_eq!(*bug, seen.bug, "{title}");
    }
}

/// One more build of the same code: other hashes, other arguments of generic functions, another runtime below.
fn rebuilt(stack: &str, hash: u64) -> String {
    let named = |line: &str| {
        let is_place = line
            .rsplit_once('+')
            .is_some_and(|(_, offset)| u64::from_str_radix(offset, 16).is_ok());
        let is_rust =
            line.contains("::") && !line.contains(['(', '@', ' ']) && !line.starts_with('~');
        match line {
            _ if is_place || !is_rust => line.to_owned(),
            _ => format!("{line}::h{hash:016x}"),
        }
    };
    let lines: Vec<String> = stack.lines().map(named).collect();
    lines.join("\n")
        + "\nstd::rt::lang_start\nlibc.so.6 __libc_start_call_main\nlibc.so.6 __libc_start_main"
}

#[test]
fn a_fault_is_one_issue_over_releases_builds_and_systems() {
    let bugs = FILES.iter().flat_map(|(_, text)| bugs(text));
    let texts: Vec<String> = bugs.flat_map(|(_, reports)| reports).collect();
    let mut tried = 0;
    for text in &texts {
        let (head, stack) = text.split_once('\n').unwrap_or((text, ""));
        if stack.trim().is_empty() {
            continue;
        }
        for hash in [0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 7] {
            let again = group(&format!("{head}\n{}", rebuilt(stack, hash)));
            assert_eq!(again.why, group(text).why, "{text}");
            tried += 1;
        }
    }
    assert!(tried >= 300, "{tried}");
}
