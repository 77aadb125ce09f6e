//! What happened, in one sentence.

use super::amount::{count, micros, millis, seconds};
use candor_protocol::report::{
    Activity, Cause, Circumstances, Connection, Crash, CrumbValue, Exit, Fault, Freeze, FreezeEnd,
    Loss, Origin, Pressure, Report, Run, SignalName, StackEnd, Thread, Wait, What,
};

/// What `report` tells of. `place` is where it happened, where that is known better than the report itself says.
pub(crate) fn sentence(report: &Report, place: Option<&str>) -> String {
    match &report.what {
        What::Crash(crash) => self::crash(crash, place),
        What::Freeze(freeze) => self::freeze(freeze, place),
        What::Connection(window) => connection(window),
        What::Run(run) => self::run(run, report.release.as_str()),
        What::Loss(loss) => self::loss(loss),
    }
}

fn crash(crash: &Crash, place: Option<&str>) -> String {
    match &crash.cause {
        Cause::Panic {
            message,
            at,
            signal,
        } => {
            let place = match (place, at) {
                (Some(place), _) => format!(" in {place}"),
                (None, Some(at)) => format!(" at {}:{}", at.file, at.line),
                (None, None) => String::new(),
            };
            let end = match (crash.fatal, signal) {
                (false, _) => "and the process went on".to_owned(),
                (true, None) => "and the process died".to_owned(),
                (true, Some(signal)) => format!("and the process died of {signal}"),
            };
            format!(
                "{} panicked{place}, {end}: {message}",
                capital(&thread(&crash.thread))
            )
        }
        Cause::Signal {
            signal,
            origin,
            fault,
            code,
        } => {
            let verb = if crash.fatal {
                "The process died of"
            } else {
                "The process survived"
            };
            let place = place.map_or(String::new(), |place| format!(" in {place}"));
            let code = code
                .and_then(|code| signal.code_name(code))
                .map_or(String::new(), |code| format!(" ({code})"));
            format!(
                "{verb} {signal}{code}{place} on {}: {}",
                thread(&crash.thread),
                reason(*signal, *origin, *fault)
            )
        }
    }
}

/// What a signal says.
pub(crate) fn reason(signal: SignalName, origin: Origin, fault: Fault) -> &'static str {
    match (fault, signal, origin) {
        (Fault::NullLike, ..) => "a null pointer was used",
        (Fault::StackGuard, ..) => "the stack overflowed",
        (Fault::Unmapped, ..) => "memory was used where there is none",
        (Fault::NotWritable, ..) => "read-only memory was written to",
        (Fault::NotExecutable, ..) => "data was executed",
        (_, _, Origin::User) => "another process sent the signal",
        (_, SignalName::Abrt, _) => "it gave up by itself",
        (_, _, Origin::Itself) => "it sent the signal to itself",
        (_, SignalName::Fpe, _) => "a calculation has no result, such as a division by zero",
        (_, SignalName::Ill, _) => "an instruction does not exist or is not allowed",
        (_, SignalName::Trap, _) => "a break point or a failed check was reached",
        (_, SignalName::Sys, _) => "a system call is forbidden",
        (_, SignalName::Bus, _) => "memory could not be brought in, or an address is misaligned",
        (_, SignalName::Segv, _) => "an address was used that cannot exist",
    }
}

/// A thread, in a sentence.
pub(crate) fn thread(thread: &Thread) -> String {
    thread_named(thread.main, thread.name.as_ref().map(AsRef::as_ref))
}

/// A thread, in a sentence.
pub(crate) fn thread_named(main: bool, name: Option<&str>) -> String {
    match (main, name) {
        (true, None | Some("main")) => "the main thread".to_owned(),
        (true, Some(name)) => format!("the main thread ({name})"),
        (false, Some(name)) => format!("the thread {name}"),
        (false, None) => "a thread without a known name".to_owned(),
    }
}

/// How the app and the machine stood, in one line; `None` when nothing is known.
pub(crate) fn around(around: &Circumstances) -> Option<String> {
    let foreground = around.foreground.map(|foreground| {
        let place = if foreground {
            "foreground"
        } else {
            "background"
        };
        format!("in the {place}")
    });
    let memory = around
        .memory
        .map(|memory| format!("memory {} used", used(memory)));
    let own = around
        .resident_mib
        .map(|mib| format!("{mib}-{} MiB its own", u64::from(mib) * 2));
    let memory = match (memory, own) {
        (Some(memory), Some(own)) => Some(format!("{memory}, {own}")),
        (memory, own) => memory.or(own),
    };
    let files = around
        .open_files
        .map(|files| format!("open files {} used", used(files)));
    let parts: Vec<String> = [foreground, memory, files].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// How much of what is limited was used.
const fn used(pressure: Pressure) -> &'static str {
    match pressure {
        Pressure::Low => "0-50 %",
        Pressure::Medium => "50-80 %",
        Pressure::High => "80-95 %",
        Pressure::Critical => "95-100 %",
    }
}

/// What goes with a breadcrumb: `bytes 1230, screen chat`.
pub(crate) fn crumb_values(values: &[CrumbValue]) -> String {
    let values: Vec<String> = values
        .iter()
        .map(|value| match value {
            CrumbValue::Number { name, is } => format!("{name} {is}"),
            CrumbValue::Word { name, is } => format!("{name} {is}"),
        })
        .collect();
    values.join(", ")
}

/// Why a stack ends before the outermost function of its thread.
pub(crate) const fn stack_end(end: StackEnd) -> &'static str {
    match end {
        StackEnd::Unfinished => "it ends here: the process died while the stack was being followed",
        StackEnd::Lost => "it ends here: no caller could be found",
        StackEnd::Limit => "it ends here: more frames, or more time, than a stack may have",
    }
}

fn freeze(freeze: &Freeze, place: Option<&str>) -> String {
    let turn = freeze
        .turn
        .as_ref()
        .map_or(String::new(), |turn| format!(" in its turn {turn}"));
    let did = match (freeze.activity, freeze.wait) {
        (Activity::Running, _) => " It was computing".to_owned(),
        (Activity::Blocked, Some(wait)) => format!(" It waited for {}", waited_for(wait)),
        (Activity::Blocked, None) => " It waited".to_owned(),
        (Activity::Unknown, _) => String::new(),
    };
    let place = match (place, did.is_empty()) {
        (Some(place), true) => format!(" It was mostly in {place}"),
        (Some(place), false) => format!(", mostly in {place}"),
        (None, _) => String::new(),
    };
    let end = match freeze.end {
        FreezeEnd::Recovered => "then went on",
        FreezeEnd::Exited => "until the process exited",
        FreezeEnd::Killed => "until the process was killed",
    };
    let stop = if did.is_empty() && place.is_empty() {
        ""
    } else {
        "."
    };
    format!(
        "{} stood still for {}{turn}, {end}.{did}{place}{stop}",
        freeze.watch,
        millis(freeze.took_ms)
    )
}

/// What a thread waits for.
pub(crate) const fn waited_for(wait: Wait) -> &'static str {
    match wait {
        Wait::Futex => "a lock or a condition",
        Wait::Read => "something to read",
        Wait::Write => "room to write",
        Wait::Poll => "one of several files",
        Wait::Sleep => "time to pass",
        Wait::Connect => "a connection to be made",
        Wait::Disk => "the disk",
        Wait::Child => "another process",
        Wait::PageFault => "memory to be brought in",
        Wait::Other => "a system call",
    }
}

fn connection(window: &Connection) -> String {
    let mut parts = Vec::new();
    if window.attempts > 0 {
        let failed = window.attempts.saturating_sub(window.ready);
        let ready = window
            .ready_us
            .quantile(0.5)
            .map_or(String::new(), |p50| format!(" (p50 {})", micros(p50)));
        let attempts = count(window.attempts.into(), "attempt");
        parts.push(match failed {
            0 => format!("{attempts}, all ready{ready}"),
            _ => format!("{attempts}, {} ready{ready}, {failed} failed", window.ready),
        });
    }
    let ended: u64 = window
        .disconnects
        .iter()
        .map(|ended| u64::from(ended.count))
        .sum();
    if ended > 0 {
        parts.push(count(ended, "disconnect"));
    }
    if !window.stall_us.is_empty() {
        parts.push(count(window.stall_us.count(), "stall"));
    }
    if let Some(p50) = window.rtt_us.quantile(0.5) {
        parts.push(format!("round trip p50 {}", micros(p50)));
    }
    if window.down_ms > 0 {
        parts.push(format!("{} without service", millis(window.down_ms)));
    }
    if parts.is_empty() {
        parts.push("in service, nothing else to tell".to_owned());
    }
    format!(
        "{} to {} over {} and {} network, {}: {}",
        window.name,
        window.endpoint,
        window.transport,
        window.network,
        seconds(window.seconds.into()),
        parts.join("; ")
    )
}

fn run(run: &Run, release: &str) -> String {
    let lasted = run
        .uptime_ms
        .map_or(String::new(), |uptime| format!(" after {}", millis(uptime)));
    match run.exit {
        None => format!("A run of {release} began"),
        Some(exit) => format!("A run of {release} ended{lasted}: {}", ended(exit)),
    }
}

/// How a run ended.
pub(crate) const fn ended(exit: Exit) -> &'static str {
    match exit {
        Exit::Clean => "by its own decision",
        Exit::Crash => "by a crash",
        Exit::FreezeKill => "killed while a watched thread stood still",
        Exit::OutOfMemory => "killed for lack of memory",
        Exit::Killed => "killed by the system or the user",
        Exit::Reboot => "the machine rebooted or lost power",
        Exit::Updated => "the app was replaced while it ran",
        Exit::Unknown => "nobody knows how",
    }
}

fn loss(loss: &Loss) -> String {
    let total: u64 = loss.lost.iter().map(|lost| u64::from(lost.count)).sum();
    let parts: Vec<String> = loss
        .lost
        .iter()
        .map(|lost| format!("{} {} ({})", lost.count, lost.kind, lost.reason))
        .collect();
    let verb = if total == 1 { "was" } else { "were" };
    format!(
        "{} {verb} lost: {}",
        count(total, "report"),
        parts.join(", ")
    )
}

/// With a capital letter in front.
pub(crate) fn capital(sentence: &str) -> String {
    let mut rest = sentence.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}
