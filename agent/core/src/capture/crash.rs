//! Crashes: what a dump tells of a run that is over, and panics that a run survived. Pure.

use super::run::{fatal_panic, fatal_signal};
use super::{Observation, Seen, id_of_run, which};
use candor_dump::{Dump, Module, Panic, Problem, Signal, Thread};

/// A crash as it was seen: raw, in memory.
#[derive(Debug)]
pub(crate) struct Crash {
    pub(crate) cause: Cause,
    pub(crate) fatal: bool,
    pub(crate) others: Vec<Thread>,
    pub(crate) modules: Vec<Module>,
    pub(crate) uptime_ms: u64,
    pub(crate) problems: Vec<Problem>,
    /// Threads that ran and could not be recorded.
    pub(crate) threads_left_out: bool,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Cause {
    /// A panic, and the signal that it ended in.
    Panic(Panic, Option<Signal>),
    Signal(Signal),
}

/// The crashes that a dump tells of.
pub(crate) fn of_dump(dump: &Dump, problems: &[Problem]) -> Vec<Observation> {
    let at = |ms: u64| dump.started_unix.saturating_add(ms / 1000);
    let signal = fatal_signal(dump);
    let fatal = fatal_panic(dump);
    let mut seen: Vec<Observation> = dump
        .panics
        .iter()
        .map(|panic| {
            let is_fatal = fatal.is_some_and(|fatal| fatal.serial == panic.serial);
            let ended_in = signal.filter(|_| is_fatal).cloned();
            let others = if ended_in.is_some() {
                dump.threads.clone()
            } else {
                Vec::new()
            };
            let crash = Crash {
                threads_left_out: left_out(ended_in.as_ref(), &others),
                cause: Cause::Panic(panic.clone(), ended_in),
                fatal: is_fatal,
                others,
                modules: dump.modules.clone(),
                uptime_ms: panic.at_ms,
                problems: problems.to_vec(),
            };
            Observation {
                id: id_of_run(&dump.run, which::PANIC.wrapping_add(panic.serial)),
                at: at(panic.at_ms),
                seen: Seen::Crash(crash),
            }
        })
        .collect();
    let belongs_to_panic = signal.is_some() && fatal.is_some();
    if let Some(signal) = dump.signal.as_ref().filter(|_| !belongs_to_panic) {
        let crash = Crash {
            threads_left_out: left_out(Some(signal), &dump.threads),
            cause: Cause::Signal(signal.clone()),
            fatal: signal.survived_ms.is_none(),
            others: dump.threads.clone(),
            modules: dump.modules.clone(),
            uptime_ms: signal.at_ms,
            problems: problems.to_vec(),
        };
        seen.push(Observation {
            id: id_of_run(&dump.run, which::SIGNAL),
            at: at(signal.at_ms),
            seen: Seen::Crash(crash),
        });
    }
    seen
}

fn left_out(signal: Option<&Signal>, others: &[Thread]) -> bool {
    signal.is_some_and(|signal| signal.other_threads as usize > others.len())
}

/// A panic that the process survived.
pub(crate) fn of_survived(
    run: &[u8; 16],
    started_unix: u64,
    panic: Panic,
    modules: Vec<Module>,
) -> Observation {
    let (serial, uptime_ms) = (panic.serial, panic.at_ms);
    let crash = Crash {
        cause: Cause::Panic(panic, None),
        fatal: false,
        others: Vec::new(),
        modules,
        uptime_ms,
        problems: Vec::new(),
        threads_left_out: false,
    };
    Observation {
        id: id_of_run(run, which::PANIC.wrapping_add(serial)),
        at: started_unix.saturating_add(uptime_ms / 1000),
        seen: Seen::Crash(crash),
    }
}
