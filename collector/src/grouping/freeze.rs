//! Freezes: by what the thread was asked to do and, where it waited, for what, whichever call the wait was in.

use super::frames::{self, Frame, Part};
use super::{Explanation, Grouped};
use crate::store::IssueKind;
use candor_protocol::report::{Activity, Freeze, Wait};
use candor_symbols::{Owner, is_thread_base};

/// How many of the outermost own frames count.
const COUNTED: usize = 2;

pub(super) fn group(freeze: &Freeze, stacks: Vec<(u64, Vec<Frame>)>) -> Grouped {
    let doing = doing(freeze.activity, freeze.wait);
    // A wait shows itself as one call or another: a read with a time limit polls first. The stack above it tells waits apart.
    let waited = match freeze.wait {
        Some(_) if stands(freeze.wait) => "waiting",
        Some(_) => "computing",
        None => doing,
    };
    let mut facts = vec![waited.to_owned()];
    facts.extend(freeze.turn.as_ref().map(|turn| format!("turn {turn}")));
    let finish =
        |rule: &str, facts: Vec<String>, frames: Vec<String>, place: &str, culprit: String| {
            let title = format!("freeze in {place} ({doing})");
            Explanation::new(rule, facts, frames).grouped(IssueKind::Freeze, title, culprit)
        };

    // The first of those seen longest, so that the order of equals does not change with their number.
    let dominant = stacks
        .iter()
        .rev()
        .max_by_key(|(ms, _)| *ms)
        .map(|(_, stack)| frames::trusted(stack));
    let Some(dominant) = dominant.filter(|stack| !stack.is_empty()) else {
        let place = freeze.turn.as_ref().unwrap_or(&freeze.watch);
        facts.push(format!("watch {}", freeze.watch));
        return finish(
            "freeze-alone-v2",
            facts,
            Vec::new(),
            place.as_str(),
            String::new(),
        );
    };

    let work = work(&dominant);
    if let Some(outermost) = work.first() {
        let culprit = common(&stacks, &work).unwrap_or(outermost).clone();
        let mut counted = counted(&work);
        // A thread that waits is met in one place every time; one that computes is met anywhere.
        if stands(freeze.wait) && !counted.contains(&culprit) {
            counted.push(culprit.clone());
        }
        let place = counted.last().unwrap_or(outermost).clone();
        return finish(
            "freeze-outermost-frames-v3",
            facts,
            counted,
            &place,
            culprit,
        );
    }
    if let Some(frame) = common_place(&stacks, &dominant) {
        let readable = frames::readable_place(frame);
        return finish(
            "freeze-unnamed-frame-v2",
            facts,
            vec![frames::place(frame)],
            &readable,
            readable.clone(),
        );
    }
    let any = frames::named(&dominant, &[Owner::Library, Owner::Runtime, Owner::System]);
    let names: Vec<String> = any
        .iter()
        .rev()
        .map(Part::text)
        .filter(|name| !is_thread_base(name))
        .take(COUNTED)
        .collect();
    let place = names
        .first()
        .map_or(freeze.watch.as_str(), String::as_str)
        .to_owned();
    facts.push(format!("watch {}", freeze.watch));
    finish(
        "freeze-other-frames-v2",
        facts,
        names,
        &place,
        String::new(),
    )
}

/// The app's own functions, outermost first, without those that only begin a thread or turn its loop.
fn work(stack: &[&Frame]) -> Vec<String> {
    let functions: Vec<String> = frames::own(stack)
        .into_iter()
        .rev()
        .filter_map(|part| match part {
            Part::Function(name) => Some(name),
            Part::Module(_) => None,
        })
        .collect();
    let base = functions
        .iter()
        .take_while(|name| is_thread_base(name))
        .count();
    // A thread that froze in its loop itself has nothing else to name.
    if base == functions.len() {
        functions.into_iter().last().into_iter().collect()
    } else {
        functions[base..].to_vec()
    }
}

/// The outermost of `work` that count. Methods of one type that hand on to each other count once, and so does a loop that
/// turns inside of another one.
fn counted(work: &[String]) -> Vec<String> {
    let mut types = Vec::new();
    let mut counted = Vec::new();
    for name in work {
        let on = receiver(name);
        if on.is_some_and(|on| types.contains(&on)) || (!counted.is_empty() && is_thread_base(name))
        {
            continue;
        }
        types.extend(on);
        counted.push(name.clone());
        if counted.len() == COUNTED {
            break;
        }
    }
    counted
}

/// The type that a method runs on; types are written with a capital.
fn receiver(name: &str) -> Option<&str> {
    let (path, _) = name.rsplit_once("::")?;
    let last = path.rsplit("::").next()?;
    last.starts_with(char::is_uppercase).then_some(path)
}

/// The innermost of `work` that is there for more than half of the time.
fn common<'a>(stacks: &[(u64, Vec<Frame>)], work: &'a [String]) -> Option<&'a String> {
    work.iter()
        .rev()
        .find(|name| in_most(stacks, |frame| frame.function() == Some(name.as_str())))
}

/// The innermost frame that is not the system's and is there for more than half of the time; else the innermost one.
fn common_place<'a>(stacks: &[(u64, Vec<Frame>)], dominant: &[&'a Frame]) -> Option<&'a Frame> {
    let candidates = || {
        dominant
            .iter()
            .copied()
            .filter(|frame| frames::is_foreign_to_system(frame) && frame.called.is_none())
    };
    let same = |a: &Frame, b: &Frame| {
        a.offset == b.offset && a.build_id == b.build_id && a.module == b.module
    };
    candidates()
        .find(|candidate| in_most(stacks, |frame| same(frame, candidate)))
        .or_else(|| candidates().next())
}

fn in_most(stacks: &[(u64, Vec<Frame>)], wanted: impl Fn(&Frame) -> bool) -> bool {
    let total: u64 = stacks.iter().map(|(ms, _)| *ms).sum();
    let with: u64 = stacks
        .iter()
        .filter(|(_, stack)| stack.iter().any(&wanted))
        .map(|(ms, _)| *ms)
        .sum();
    with * 2 > total
}

/// Whether a thread stands still where it waits; pages are missing wherever memory is touched.
fn stands(wait: Option<Wait>) -> bool {
    wait.is_some_and(|wait| wait != Wait::PageFault)
}

fn doing(activity: Activity, wait: Option<Wait>) -> &'static str {
    match (wait, activity) {
        (Some(Wait::Futex), _) => "waiting for a lock",
        (Some(Wait::Read), _) => "waiting to read",
        (Some(Wait::Write), _) => "waiting to write",
        (Some(Wait::Poll), _) => "waiting for input",
        (Some(Wait::Sleep), _) => "sleeping",
        (Some(Wait::Connect), _) => "waiting for a connection",
        (Some(Wait::Disk), _) => "waiting for the disk",
        (Some(Wait::Child), _) => "waiting for a process",
        (Some(Wait::PageFault), _) => "waiting for memory",
        (Some(Wait::Other), _) | (None, Activity::Blocked) => "waiting",
        (None, Activity::Running) => "computing",
        (None, Activity::Unknown) => "not known what it did",
    }
}
