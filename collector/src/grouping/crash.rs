//! Crashes: by what happened and the app's own frames.

use super::frames::{self, Frame, Part};
use super::message;
use super::{Explanation, Grouped};
use crate::store::IssueKind;
use candor_protocol::report::{Cause, Crash, Fault, Origin, SignalName, SourceLine};
use candor_symbols::Owner;

/// `said` is what a panic is taken to say instead of what it says.
pub(super) fn group(crash: &Crash, said: Option<&str>, stack: &[Frame]) -> Grouped {
    match &crash.cause {
        Cause::Panic { message, at, .. } => {
            panic(said.unwrap_or(message.as_str()), at.as_ref(), stack)
        }
        Cause::Signal {
            signal,
            origin,
            fault,
            ..
        } => signal_crash(*signal, *origin, *fault, stack),
    }
}

fn panic(message: &str, at: Option<&SourceLine>, stack: &[Frame]) -> Grouped {
    let kind = message::panic_kind(message);
    let title = message::title(message);
    let stack = frames::trusted(frames::below_panic(stack));
    let finish =
        |why: Explanation, culprit: String| why.grouped(IssueKind::Crash, title.clone(), culprit);

    let own = frames::counted(frames::own(&stack));
    if let Some(blamed) = frames::culprit(&own).map(Part::text) {
        return finish(
            Explanation::new("panic-own-frames-v1", vec![kind.to_owned()], texts(&own)),
            blamed,
        );
    }
    // Without names the panic machinery cannot be told from the app, but the panic says where it was raised.
    if let Some(at) = at {
        let place = format!("{}:{}", at.file, at.line);
        return finish(
            Explanation::new(
                "panic-location-v1",
                vec![kind.to_owned(), place.clone()],
                Vec::new(),
            ),
            place,
        );
    }
    let library = frames::counted(frames::named(&stack, &[Owner::Library]));
    if let Some(blamed) = library.first().map(Part::text) {
        return finish(
            Explanation::new(
                "panic-library-frames-v1",
                vec![kind.to_owned()],
                texts(&library),
            ),
            blamed,
        );
    }
    let facts = vec![message::template(message)];
    finish(
        Explanation::new("panic-message-v1", facts, Vec::new()),
        String::new(),
    )
}

fn signal_crash(signal: SignalName, origin: Origin, fault: Fault, stack: &[Frame]) -> Grouped {
    let what = describe(signal, origin, fault);
    let overflow = fault == Fault::StackGuard;
    let facts = vec![if overflow {
        "stack overflow".to_owned()
    } else {
        signal.to_string()
    }];
    // An abort can come from a panic or an allocation that failed; what raised it is no part of the fault.
    let stack = frames::trusted(frames::below_panic(stack));
    let finish = |rule: &str, parts: &[Part], blamed: Option<&Part>| {
        let culprit = blamed.map(Part::text).unwrap_or_default();
        let title = if culprit.is_empty() {
            what.clone()
        } else {
            format!("{what} in {culprit}")
        };
        Explanation::new(rule, facts.clone(), texts(parts)).grouped(
            IssueKind::Crash,
            title,
            culprit,
        )
    };

    if overflow {
        let circle = frames::circle(&stack);
        if !circle.is_empty() {
            return finish("stack-overflow-circle-v1", &circle, circle.first());
        }
    }
    let own = frames::counted(frames::own(&stack));
    if !own.is_empty() {
        return finish("signal-own-frames-v1", &own, frames::culprit(&own));
    }
    let unnamed = stack
        .iter()
        .find(|frame| frames::is_foreign_to_system(frame) && frame.called.is_none());
    if let Some(frame) = unnamed {
        let readable = frames::readable_place(frame);
        let why = Explanation::new("unnamed-frame-v1", facts, vec![frames::place(frame)]);
        return why.grouped(IssueKind::Crash, format!("{what} in {readable}"), readable);
    }
    let library = frames::counted(frames::named(&stack, &[Owner::Library]));
    if !library.is_empty() {
        return finish("signal-library-frames-v1", &library, library.first());
    }
    let system = frames::counted(frames::named(&stack, &[Owner::System, Owner::Runtime]));
    if !system.is_empty() {
        return finish("signal-system-frames-v1", &system, system.first());
    }
    match stack.first() {
        Some(frame) if frame.module.is_some() || frame.build_id.is_some() => {
            let readable = frames::readable_place(frame);
            let why =
                Explanation::new("unnamed-system-frame-v1", facts, vec![frames::place(frame)]);
            why.grouped(IssueKind::Crash, format!("{what} in {readable}"), readable)
        }
        _ => finish("signal-alone-v1", &[], None),
    }
}

fn describe(signal: SignalName, origin: Origin, fault: Fault) -> String {
    let how = match (fault, origin) {
        (Fault::NullLike, _) => "null pointer",
        (Fault::StackGuard, _) => "stack overflow",
        (Fault::Unmapped, _) => "unmapped address",
        (Fault::NotWritable, _) => "write to memory that is read-only",
        (Fault::NotExecutable, _) => "jump to memory that is not code",
        (Fault::None | Fault::Other, Origin::User) if signal != SignalName::Abrt => {
            "sent by a process"
        }
        (Fault::None | Fault::Other, _) => return signal.to_string(),
    };
    format!("{signal} ({how})")
}

fn texts(parts: &[Part]) -> Vec<String> {
    parts.iter().map(Part::text).collect()
}
