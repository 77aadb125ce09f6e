//! What a dump holds beside what is sent of it.
//!
//! Everything that a dump may hold is named here once, so that a field that is added to dumps has to be told of.

use super::amount::{bytes, count, millis};
use candor_dump::{
    Crumb, Dump, ExitMark, Level, Module, OpenFreeze, Panic, Reached, Signal, Thread, ThreadName,
    Usage,
};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::{self, Circumstances, Report, What};
use serde::Serialize;

/// Something that stays on the device.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct KeptBack {
    pub(crate) what: &'static str,
    pub(crate) value: String,
}

/// What the dump that `report` was made of holds, and the report does not.
pub(crate) fn of(dump: &Dump, report: &Report) -> Vec<KeptBack> {
    let mut rows = Rows::default();
    let Dump {
        version,
        // Told.
        run: _,
        foreground,
        usage,
        pid,
        boot,
        started_unix,
        started_boottime_ms,
        exit_mark,
        exit_status,
        counters,
        open_freeze,
        panics,
        panics_lost,
        signal,
        signal_elsewhere,
        panic_elsewhere,
        crumbs,
        threads,
        modules,
        uptime_ms,
        // The last sign of life on another clock.
        alive_active_ms: _,
    } = dump;
    rows.put("process id", pid.to_string());
    rows.put("when the run started", exactly(*started_unix));
    rows.put(
        "how long the machine ran then",
        millis(*started_boottime_ms),
    );
    rows.put("last sign of life", format!("{} later", millis(*uptime_ms)));
    rows.maybe(
        "hash of the machine's boot id",
        boot.map(|boot| format!("{boot:016x}")),
    );
    rows.put("how far the run had come", come(*exit_mark).to_owned());
    rows.maybe(
        "the status that it exited with",
        exit_status.map(|status| status.to_string()),
    );
    for panic in panics {
        rows.panic(panic, *started_unix);
    }
    if *panics_lost > 0 {
        rows.put("panics that found no room", panics_lost.to_string());
    }
    if let Some(signal) = signal {
        rows.signal(signal, *started_unix);
    }
    if *signal_elsewhere || *panic_elsewhere {
        rows.put(
            "faults outside of what the agent is for",
            "there was one; nothing else is known of it".to_owned(),
        );
    }
    rows.threads(threads);
    rows.modules(modules, report);
    let told = Told::by(report);
    rows.crumbs(crumbs, told.crumbs);
    rows.usage(usage, told.around);
    rows.maybe(
        "whether the app was in the foreground",
        foreground
            .filter(|_| told.around.foreground.is_none())
            .map(|foreground| if foreground { "yes" } else { "no" }.to_owned()),
    );
    if let Some(OpenFreeze {
        watch,
        tid,
        since_ms,
    }) = open_freeze
    {
        rows.put(
            "a freeze that was going on",
            format!("watch {watch}, thread {tid}, since {}", millis(*since_ms)),
        );
    }
    let counted: Vec<String> = counters
        .iter()
        .filter(|count| **count > 0)
        .map(u32::to_string)
        .collect();
    if !counted.is_empty() {
        rows.put("the agent's own counters", counted.join(", "));
    }
    rows.put("version of the dump's form", version.to_string());
    rows.0
}

#[derive(Default)]
struct Rows(Vec<KeptBack>);

impl Rows {
    fn put(&mut self, what: &'static str, value: String) {
        self.0.push(KeptBack { what, value });
    }

    fn maybe(&mut self, what: &'static str, value: Option<String>) {
        if let Some(value) = value {
            self.put(what, value);
        }
    }

    fn panic(&mut self, panic: &Panic, started_unix: u64) {
        let Panic {
            serial,
            tid,
            at_ms,
            at_active_ms: _,
            // Told, each panic in a report of its own. The texts were scrubbed before they were written.
            main: _,
            message: _,
            file: _,
            line: _,
            thread_name: _,
            stack: _,
        } = panic;
        let at = exactly(started_unix.saturating_add(at_ms / 1000));
        self.put(
            "a panic",
            format!("number {serial}, at {at}, on thread {tid}"),
        );
    }

    fn signal(&mut self, signal: &Signal, started_unix: u64) {
        let Signal {
            tid,
            at_ms,
            at_active_ms: _,
            nested,
            other_threads,
            complete,
            survived_ms,
            // Told.
            number: _,
            code: _,
            fault: _,
            from_kernel: _,
            from_itself: _,
            thread: _,
        } = signal;
        let at = exactly(started_unix.saturating_add(at_ms / 1000));
        self.put("the signal", format!("at {at}, on thread {tid}"));
        self.put("other threads that ran", other_threads.to_string());
        if *nested > 0 {
            self.put("faults while it was recorded", nested.to_string());
        }
        if !complete {
            self.put("its record", "was not finished".to_owned());
        }
        self.maybe(
            "seen alive after it",
            survived_ms.map(|later| format!("{} later", millis(later.into()))),
        );
    }

    fn threads(&mut self, threads: &[Thread]) {
        let mut ids = Vec::new();
        let (mut unnamed, mut lost) = (0, 0);
        for thread in threads {
            let Thread {
                tid,
                name,
                reached,
                // Told.
                main: _,
                stack: _,
            } = thread;
            ids.push(tid.to_string());
            unnamed += u64::from(*name == ThreadName::Other);
            lost += u64::from(*reached == Reached::Lost);
        }
        if !ids.is_empty() {
            self.put("ids of the other threads", ids.join(", "));
        }
        if unnamed > 0 {
            self.put(
                "names that nobody declared",
                format!(
                    "of {}; they are not in the dump either",
                    count(unnamed, "thread")
                ),
            );
        }
        if lost > 0 {
            self.put("threads that could not be stopped", lost.to_string());
        }
    }

    fn modules(&mut self, modules: &[Module], report: &Report) {
        let told: &[report::Module] = match &report.what {
            What::Crash(crash) => &crash.modules,
            What::Freeze(freeze) => &freeze.modules,
            What::Connection(_) | What::Run(_) | What::Loss(_) => &[],
        };
        let is_told = |name: &str| {
            told.iter()
                .any(|told| told.name.as_ref().is_some_and(|told| told.as_str() == name))
        };
        let mut sizes = Vec::new();
        let mut untold = Vec::new();
        for module in modules {
            let Module {
                name,
                size,
                // Told for every module that is told.
                build_id: _,
            } = module;
            let shown = if name.is_empty() { "(no name)" } else { name };
            sizes.push(format!("{shown} {}", bytes(*size)));
            if !is_told(name) {
                untold.push(shown);
            }
        }
        if !sizes.is_empty() {
            self.put("sizes of files of code", sizes.join(", "));
        }
        if !untold.is_empty() {
            self.put("files of code that no frame of it is in", untold.join(", "));
        }
    }

    fn crumbs(&mut self, crumbs: &[Crumb], told: usize) {
        let (Some(first), Some(last)) = (crumbs.first(), crumbs.last()) else {
            return;
        };
        let Crumb {
            serial,
            // Told as the time before the crash, by its name, and rounded.
            at_ms: _,
            name: _,
            values: _,
        } = last;
        let which = format!("{} to {serial} of the run", first.serial);
        let untold = crumbs.len().saturating_sub(told);
        let how = match told {
            0 => "none of them is sent".to_owned(),
            _ if untold == 0 => "with numbers that are not rounded".to_owned(),
            _ => format!("with numbers that are not rounded; {untold} are not sent"),
        };
        self.put("breadcrumbs", format!("{which}, {how}"));
    }

    fn usage(&mut self, usage: &Usage, told: Circumstances) {
        let Usage {
            kills_in_group,
            kills_on_machine,
            memory,
            open_files,
            resident_mib,
        } = usage;
        let number = |number: u64| number.to_string();
        self.maybe(
            "kills for lack of memory, own group",
            kills_in_group.map(number),
        );
        self.maybe(
            "kills for lack of memory, machine",
            kills_on_machine.map(number),
        );
        self.maybe(
            "use of memory",
            memory.filter(|_| told.memory.is_none()).map(level),
        );
        self.maybe(
            "use of open files",
            open_files.filter(|_| told.open_files.is_none()).map(level),
        );
        self.maybe(
            "memory of the process",
            resident_mib
                .filter(|_| told.resident_mib.is_none())
                .map(|mib| format!("{mib} MiB or more, less than twice that")),
        );
    }
}

/// What the report tells of what may be left out of it.
struct Told {
    around: Circumstances,
    crumbs: usize,
}

impl Told {
    fn by(report: &Report) -> Self {
        match &report.what {
            What::Crash(crash) => Self {
                around: crash.around,
                crumbs: crash.crumbs.len(),
            },
            What::Freeze(_) | What::Connection(_) | What::Run(_) | What::Loss(_) => Self {
                around: Circumstances::default(),
                crumbs: 0,
            },
        }
    }
}

fn level(level: Level) -> String {
    match level {
        Level::Low => "less than half",
        Level::Medium => "half to 80 %",
        Level::High => "80 to 95 %",
        Level::Critical => "95 % or more",
    }
    .to_owned()
}

const fn come(mark: ExitMark) -> &'static str {
    match mark {
        ExitMark::Running => "at work",
        ExitMark::Exiting => "exiting",
        ExitMark::Clean => "shut down",
    }
}

/// To the second, as a dump holds it.
fn exactly(unix_seconds: u64) -> String {
    let minute = Moment::round(unix_seconds, Precision::Minute).to_string();
    match minute.strip_suffix(" UTC") {
        Some(minute) => format!("{minute}:{:02} UTC", unix_seconds % 60),
        None => minute,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_holds_times_to_the_second() {
        assert_eq!(exactly(1_773_479_551), "2026-03-14 09:12:31 UTC");
        assert_eq!(exactly(0), "1970-01-01 00:00:00 UTC");
    }
}
