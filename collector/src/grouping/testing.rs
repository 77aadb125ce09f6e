//! Reports and stacks in few words.

use super::{Grouped, Rules, group, group_by};
use crate::naming::NamedFrame;
use candor_protocol::deidentify::{BuildId, CleanText, ModuleName, Name as Declared, SourcePath};
use candor_protocol::report::Arch;
use candor_protocol::report::{
    Activity, Cause, Circumstances, Crash, Device, Fault, Found, Freeze, FreezeEnd, Origin, Os,
    Report, SignalName, SourceLine, Stack, StackCount, Thread, Wait, What,
};
use candor_symbols::{Name, owner};
use std::sync::Arc;

/// A stack, innermost frame first, one a line: `function`, `module function`, or `module+offset` without a name. Where no
/// module is told it is `im`; `~` in front means that the frame was found by looking at words on the stack, and `a < b`
/// that `a` was inlined into `b`.
pub(super) fn stack(text: &str) -> Vec<NamedFrame> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(frame)
        .collect()
}

fn frame(line: &str) -> NamedFrame {
    let (line, found) = match line.strip_prefix('~') {
        Some(line) => (line.trim(), Found::Scan),
        None => (line, Found::Cfi),
    };
    let (module, code) = match line.split_once(' ') {
        Some((module, code)) if module.contains(".so") => (module, code),
        _ => match line.rsplit_once('+') {
            Some((module, _)) => (module, line),
            None => ("im", line),
        },
    };
    let (names, offset) = match code.rsplit_once('+') {
        Some((_, offset)) => (Vec::new(), u64::from_str_radix(offset, 16).unwrap()),
        None => (names(code), 0x1000),
    };
    let owner = owner(
        Some(module),
        names.last().map(|name: &Name| name.function.as_str()),
    );
    let build = (!module.starts_with("nobuild")).then(|| build(module));
    NamedFrame {
        module: Some(ModuleName::scrub(module)),
        build_id: build,
        offset,
        found,
        names: names.into(),
        owner,
    }
}

fn names(code: &str) -> Vec<Name> {
    let functions: Vec<&str> = code.split(" < ").collect();
    let last = functions.len() - 1;
    let name = |(index, function): (usize, &&str)| Name {
        function: (*function).to_owned(),
        file: None,
        line: None,
        inlined: index < last,
        owner: owner(None, Some(function)),
    };
    functions.iter().enumerate().map(name).collect()
}

/// A build id that is the same for the same module name.
fn build(module: &str) -> BuildId {
    let mut bytes = [7; 20];
    bytes
        .iter_mut()
        .zip(module.bytes())
        .for_each(|(to, from)| *to = from);
    BuildId::from_bytes(&bytes).unwrap()
}

fn report(what: What) -> Report {
    let zeros = "0".repeat(32);
    Report {
        id: zeros.parse().unwrap(),
        at: candor_protocol::moment::Moment::round(0, Default::default()),
        run: zeros.parse().unwrap(),
        pseudonym: zeros.parse().unwrap(),
        release: "1.0".parse().unwrap(),
        device: Device::coarse(Os::Linux, None, Arch::X86_64, 0, 0),
        what,
    }
}

fn crash(cause: Cause, frames: &str) -> Grouped {
    crash_by(&Rules::default(), cause, frames)
}

fn crash_by(rules: &Rules, cause: Cause, frames: &str) -> Grouped {
    let thread = Thread {
        main: true,
        name: None,
        stack: Stack::default(),
    };
    let crash = Crash {
        cause,
        fatal: true,
        thread,
        others: vec![],
        modules: vec![],
        uptime_ms: 1,
        around: Circumstances::default(),
        crumbs: vec![],
        notes: vec![],
    };
    let frames = stack(frames);
    let report = report(What::Crash(crash));
    group_by(&report, rules, "im", |_, _| frames.clone()).unwrap()
}

/// A null pointer, grouped with a developer's rules.
pub(super) fn segv_by(rules: &Rules, frames: &str) -> Grouped {
    let cause = Cause::Signal {
        signal: SignalName::Segv,
        origin: Origin::Kernel,
        fault: Fault::NullLike,
        code: None,
    };
    crash_by(rules, cause, frames)
}

/// A panic, grouped with a developer's rules.
pub(super) fn panic_by(rules: &Rules, message: &str, frames: &str) -> Grouped {
    let cause = Cause::Panic {
        message: CleanText::scrub(message),
        at: None,
        signal: None,
    };
    crash_by(rules, cause, frames)
}

pub(super) fn panic(message: &str, frames: &str) -> Grouped {
    crash(
        Cause::Panic {
            message: CleanText::scrub(message),
            at: None,
            signal: None,
        },
        frames,
    )
}

pub(super) fn panic_at(message: &str, file: &str, line: u32, frames: &str) -> Grouped {
    let at = SourceLine {
        file: SourcePath::scrub(file),
        line,
    };
    crash(
        Cause::Panic {
            message: CleanText::scrub(message),
            at: Some(at),
            signal: None,
        },
        frames,
    )
}

pub(super) fn signal(signal: SignalName, fault: Fault, frames: &str) -> Grouped {
    crash(
        Cause::Signal {
            signal,
            origin: Origin::Kernel,
            fault,
            code: None,
        },
        frames,
    )
}

pub(super) fn segv(frames: &str) -> Grouped {
    signal(SignalName::Segv, Fault::NullLike, frames)
}

/// A freeze with its stacks, each with how often it was seen.
pub(super) fn freeze(wait: Option<Wait>, stacks: &[(u32, &str)]) -> Grouped {
    freeze_in_turn(None, wait, stacks)
}

pub(super) fn freeze_in_turn(
    turn: Option<Declared>,
    wait: Option<Wait>,
    stacks: &[(u32, &str)],
) -> Grouped {
    // The frames' number stands for the stack, so that `name` can tell which one is asked for.
    let numbered = |(index, (count, _)): (usize, &(u32, &str))| StackCount {
        count: *count,
        ms: 0,
        stack: Stack {
            frames: vec![],
            left_out: index as u32,
            outermost: 0,
            end: None,
        },
    };
    let freeze = Freeze {
        watch: candor_protocol::name!("ui"),
        turn,
        main: true,
        took_ms: 3_000,
        threshold_ms: 1_000,
        not_responding_ms: None,
        end: FreezeEnd::Recovered,
        activity: if wait.is_some() {
            Activity::Blocked
        } else {
            Activity::Running
        },
        wait,
        cpu_percent: None,
        holder: None,
        stacks: stacks.iter().enumerate().map(numbered).collect(),
        modules: vec![],
    };
    let named: Arc<[Vec<NamedFrame>]> = stacks.iter().map(|(_, frames)| stack(frames)).collect();
    group(&report(What::Freeze(freeze)), |seen, _| {
        named[seen.left_out as usize].clone()
    })
    .unwrap()
}
