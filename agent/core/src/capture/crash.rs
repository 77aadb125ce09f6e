//! Crashes: what a dump tells of a run that is over, and panics that a run survived. Pure.

use super::crumb::{self, Crumb};
use super::run::{fatal_panic, fatal_signal, is_echo};
use super::{Observation, Seen, id_of_run, which};
use crate::note::NotedKind;
use candor_dump::{Dump, ExitMark, Module, Panic, Problem, Signal, Thread, Usage};

/// A crash as it was seen: raw, in memory.
#[derive(Debug)]
pub(crate) struct Crash {
    pub(crate) cause: Cause,
    pub(crate) fatal: bool,
    pub(crate) others: Vec<Thread>,
    pub(crate) modules: Vec<Module>,
    pub(crate) uptime_ms: u64,
    pub(crate) foreground: Option<bool>,
    pub(crate) usage: Usage,
    /// What was dropped before it, oldest first.
    pub(crate) crumbs: Vec<Crumb>,
    /// Breadcrumbs whose names had not been noted.
    pub(crate) crumbs_left_out: bool,
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

/// The crashes that a dump tells of; `kinds` says what the numbers of its breadcrumbs mean.
pub(crate) fn of_dump(dump: &Dump, problems: &[Problem], kinds: &[NotedKind]) -> Vec<Observation> {
    let at = |ms: u64| dump.started_unix.saturating_add(ms / 1000);
    let signal = fatal_signal(dump);
    let fatal = fatal_panic(dump);
    let mut seen: Vec<Observation> = dump
        .panics
        .iter()
        .filter(|panic| !is_echo(panic, dump))
        .map(|panic| {
            let is_fatal = fatal.is_some_and(|fatal| fatal.serial == panic.serial);
            let ended_in = signal.filter(|_| is_fatal).cloned();
            let others = if ended_in.is_some() {
                dump.threads.clone()
            } else {
                Vec::new()
            };
            let (crumbs, crumbs_left_out) = crumb::until(&dump.crumbs, panic.at_active_ms, kinds);
            let crash = Crash {
                foreground: dump.foreground,
                usage: dump.usage,
                crumbs,
                crumbs_left_out,
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
                seen: Seen::Crash(Box::new(crash)),
            }
        })
        .collect();
    let belongs_to_panic = signal.is_some() && fatal.is_some();
    if let Some(signal) = dump.signal.as_ref().filter(|_| !belongs_to_panic) {
        let (crumbs, crumbs_left_out) = crumb::until(&dump.crumbs, signal.at_active_ms, kinds);
        let crash = Crash {
            foreground: dump.foreground,
            usage: dump.usage,
            crumbs,
            crumbs_left_out,
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
            seen: Seen::Crash(Box::new(crash)),
        });
    }
    seen
}

fn left_out(signal: Option<&Signal>, others: &[Thread]) -> bool {
    signal.is_some_and(|signal| signal.other_threads as usize > others.len())
}

/// The panics with these serial numbers: the process has survived them.
pub(crate) fn of_survived(
    dump: Dump,
    run: &[u8; 16],
    kinds: &[NotedKind],
    survived: &dyn Fn(u32) -> bool,
) -> Vec<Observation> {
    let still_there = Dump {
        panics: dump
            .panics
            .into_iter()
            .filter(|panic| survived(panic.serial))
            .collect(),
        // Whatever they tell, the process lives.
        exit_mark: ExitMark::Clean,
        signal: None,
        run: *run,
        ..dump
    };
    of_dump(&still_there, &[], kinds)
}
