//! How a run ended, told by what it left behind. Pure.

use super::crumb::{self, Crumb};
use crate::note::NotedKind;
use candor_dump::{Dump, ExitMark, Level, Panic, Usage};
use candor_protocol::report::Exit;

/// One life of the host process, as it was seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Run {
    /// Missing while it lasts.
    pub(crate) exit: Option<Exit>,
    pub(crate) uptime_ms: Option<u64>,
    pub(crate) last: Option<Last>,
}

/// The last that is known of a run which was ended from outside.
#[derive(Debug, Clone)]
pub(crate) struct Last {
    pub(crate) foreground: Option<bool>,
    pub(crate) usage: Usage,
    /// Oldest first; their times are relative to the last sign of life.
    pub(crate) crumbs: Vec<Crumb>,
}

/// The last moments of a run, where its end needs explaining and nothing else tells of it: a user takes a kill in the
/// foreground for a crash, and one in the background is how most runs of an app end.
pub(crate) fn last(dump: &Dump, exit: Exit, kinds: &[NotedKind]) -> Option<Last> {
    let needs_explaining = match exit {
        Exit::OutOfMemory | Exit::FreezeKill | Exit::Unknown => true,
        Exit::Killed => dump.foreground == Some(true),
        Exit::Clean | Exit::Crash | Exit::Reboot | Exit::Updated => false,
    };
    needs_explaining.then(|| {
        let newest = dump.crumbs.iter().map(|crumb| crumb.at_ms).max();
        let end = newest.unwrap_or(0).max(dump.alive_active_ms);
        Last {
            foreground: dump.foreground,
            usage: dump.usage,
            crumbs: crumb::until(&dump.crumbs, end, kinds).0,
        }
    })
}

/// What is known beside the dump.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// Hash of the boot id of the machine as it runs now.
    pub(crate) boot: Option<u64>,
    /// Whether the app has another version now.
    pub(crate) updated: bool,
    /// Whether a freeze was going on.
    pub(crate) frozen: bool,
    /// Processes killed for lack of memory so far, in the own control group and on the machine.
    pub(crate) kills: (Option<u64>, Option<u64>),
    /// Whether the dump's header can be trusted.
    pub(crate) damaged: bool,
}

/// What Rust's runtime exits with when a panic has unwound `main`.
const PANICKED: u8 = 101;

/// The panic that ended the process, if one did: the last of the thread that then aborted, or of the main thread when the process
/// ended without having been shut down or having exited as if all were well. Where `main` was unwound and had no panic of its own,
/// it was another thread's that was resumed there.
pub(crate) fn fatal_panic(dump: &Dump) -> Option<&Panic> {
    let last_of = |matches: &dyn Fn(&Panic) -> bool| {
        let mut latest_first = dump.panics.iter().rev();
        latest_first.find(|panic| matches(panic) && !is_echo(panic, dump))
    };
    match fatal_signal(dump) {
        Some(signal) if is_abort(signal) => last_of(&|panic| panic.tid == signal.tid),
        Some(_) => None,
        None if ended_well(dump) => None,
        None if dump.exit_status == Some(PANICKED) => {
            last_of(&|panic| panic.main).or_else(|| last_of(&|_| true))
        }
        None => last_of(&|panic| panic.main),
    }
}

/// Whether the process went by its own decision and with nothing wrong.
fn ended_well(dump: &Dump) -> bool {
    match dump.exit_mark {
        ExitMark::Clean => true,
        ExitMark::Exiting => dump.exit_status == Some(0),
        ExitMark::Running => false,
    }
}

/// Whether a panic only says that an earlier one of the same thread could not unwind any further, which the signal says too:
/// the runtime raises it itself, in this file.
pub(crate) fn is_echo(panic: &Panic, dump: &Dump) -> bool {
    let of_runtime = |panic: &Panic| panic.file.ends_with("library/core/src/panicking.rs");
    let before = |other: &Panic| other.tid == panic.tid && other.serial < panic.serial;
    let mut others = dump.panics.iter();
    of_runtime(panic) && others.any(|other| before(other) && !of_runtime(other))
}

/// Whether a signal may be the end of a panic: `abort` sends the one, the instruction that stands for it raises the other.
fn is_abort(signal: &candor_dump::Signal) -> bool {
    const SIGILL: u32 = 4;
    const SIGABRT: u32 = 6;
    matches!(signal.number, SIGILL | SIGABRT)
}

/// The signal that ended the process, unless somebody recovered from it.
pub(crate) fn fatal_signal(dump: &Dump) -> Option<&candor_dump::Signal> {
    dump.signal
        .as_ref()
        .filter(|signal| signal.survived_ms.is_none())
}

/// How the run ended.
pub(crate) fn exit(dump: &Dump, circumstances: &Circumstances) -> Exit {
    let died_elsewhere = dump.signal_elsewhere || (dump.panic_elsewhere && !ended_well(dump));
    // Where somebody else's panic hook keeps it to itself, or a panic was resumed that no hook had seen.
    let panicked_unseen = dump.exit_mark == ExitMark::Exiting && dump.exit_status == Some(PANICKED);
    let recorded = fatal_signal(dump).is_some() || fatal_panic(dump).is_some();
    if recorded || died_elsewhere || panicked_unseen {
        return Exit::Crash;
    }
    // The end itself left no record, so what is known must say that it was none of the others.
    match (dump.exit_mark, dump.boot, circumstances.boot) {
        (ExitMark::Clean | ExitMark::Exiting, ..) => Exit::Clean,
        _ if circumstances.damaged => Exit::Unknown,
        (_, Some(then), Some(now)) if then != now => Exit::Reboot,
        // It died before it knew: nobody can tell a power cut from a kill.
        (_, None, _) => Exit::Unknown,
        _ if ran_out_of_memory(dump, circumstances) => Exit::OutOfMemory,
        _ if circumstances.frozen => Exit::FreezeKill,
        _ if circumstances.updated => Exit::Updated,
        _ => Exit::Killed,
    }
}

/// Whether the kernel killed it for lack of memory: only with evidence. In its own control group somebody was killed since
/// it was last looked at, or somewhere on the machine while the process was short of memory.
fn ran_out_of_memory(dump: &Dump, circumstances: &Circumstances) -> bool {
    let grew =
        |then: Option<u64>, now| matches!((then, now), (Some(then), Some(now)) if now > then);
    let (group, machine) = circumstances.kills;
    let was_short = dump.usage.memory.is_some_and(|level| level >= Level::High);
    grew(dump.usage.kills_in_group, group)
        || (was_short && grew(dump.usage.kills_on_machine, machine))
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_dump::{FaultClass, Signal, Stack, Thread};

    const NOW: Circumstances = Circumstances {
        boot: Some(1),
        updated: false,
        frozen: false,
        kills: (Some(5), Some(50)),
        damaged: false,
    };

    fn dump(exit_mark: ExitMark) -> Dump {
        Dump {
            boot: Some(1),
            exit_mark,
            ..Dump::default()
        }
    }

    fn panic(tid: u32, main: bool) -> Panic {
        Panic {
            serial: 1,
            tid,
            main,
            at_ms: 0,
            at_active_ms: 0,
            message: String::new(),
            file: String::new(),
            line: 0,
            thread_name: String::new(),
            stack: Stack::default(),
        }
    }

    fn signal(tid: u32, survived_ms: Option<u32>) -> Signal {
        Signal {
            number: 6,
            code: -6,
            fault: FaultClass::None,
            from_kernel: false,
            from_itself: true,
            tid,
            at_ms: 0,
            at_active_ms: 0,
            thread: Thread::default(),
            nested: 0,
            other_threads: 0,
            complete: true,
            survived_ms,
        }
    }

    #[test]
    fn every_ending_is_told_from_the_others() {
        let table = [
            (dump(ExitMark::Clean), NOW, Exit::Clean),
            (dump(ExitMark::Exiting), NOW, Exit::Clean),
            (dump(ExitMark::Running), NOW, Exit::Killed),
            (
                dump(ExitMark::Running),
                Circumstances {
                    frozen: true,
                    ..NOW
                },
                Exit::FreezeKill,
            ),
            (
                dump(ExitMark::Running),
                Circumstances {
                    updated: true,
                    ..NOW
                },
                Exit::Updated,
            ),
            (
                dump(ExitMark::Running),
                Circumstances {
                    boot: Some(2),
                    frozen: true,
                    updated: true,
                    ..NOW
                },
                Exit::Reboot,
            ),
            (
                Dump {
                    signal: Some(signal(7, None)),
                    ..dump(ExitMark::Running)
                },
                NOW,
                Exit::Crash,
            ),
            (
                Dump {
                    signal: Some(signal(7, Some(5_000))),
                    ..dump(ExitMark::Clean)
                },
                NOW,
                Exit::Clean,
            ),
            (
                Dump {
                    panics: vec![panic(7, true)],
                    ..dump(ExitMark::Exiting)
                },
                NOW,
                Exit::Crash,
            ),
            (
                Dump {
                    panics: vec![panic(7, true)],
                    ..dump(ExitMark::Clean)
                },
                NOW,
                Exit::Clean,
            ),
            (
                Dump {
                    signal_elsewhere: true,
                    ..dump(ExitMark::Running)
                },
                NOW,
                Exit::Crash,
            ),
            (
                Dump {
                    panic_elsewhere: true,
                    ..dump(ExitMark::Exiting)
                },
                NOW,
                Exit::Crash,
            ),
            (
                Dump {
                    panic_elsewhere: true,
                    ..dump(ExitMark::Clean)
                },
                NOW,
                Exit::Clean,
            ),
            (
                Dump {
                    exit_status: Some(101),
                    ..dump(ExitMark::Exiting)
                },
                NOW,
                Exit::Crash,
            ),
            (
                Dump {
                    exit_status: Some(0),
                    panic_elsewhere: true,
                    panics: vec![panic(7, true)],
                    ..dump(ExitMark::Exiting)
                },
                NOW,
                Exit::Clean,
            ),
            (
                Dump {
                    exit_status: Some(1),
                    panics: vec![panic(7, true)],
                    ..dump(ExitMark::Exiting)
                },
                NOW,
                Exit::Crash,
            ),
            (
                Dump {
                    boot: None,
                    ..dump(ExitMark::Running)
                },
                NOW,
                Exit::Unknown,
            ),
            (
                dump(ExitMark::Running),
                Circumstances {
                    damaged: true,
                    ..NOW
                },
                Exit::Unknown,
            ),
            (
                Dump {
                    panics: vec![panic(8, false)],
                    ..dump(ExitMark::Exiting)
                },
                NOW,
                Exit::Clean,
            ),
        ];
        for (dump, circumstances, expected) in table {
            assert_eq!(
                exit(&dump, &circumstances),
                expected,
                "{dump:?} {circumstances:?}"
            );
        }
    }

    #[test]
    fn lack_of_memory_is_told_only_with_evidence() {
        let with = |memory, group, machine| Dump {
            usage: Usage {
                memory,
                kills_in_group: group,
                kills_on_machine: machine,
                ..Usage::default()
            },
            ..dump(ExitMark::Running)
        };
        let (low, high) = (Some(Level::Low), Some(Level::High));
        for (dump, expected) in [
            (with(low, Some(4), Some(49)), Exit::OutOfMemory),
            (with(None, Some(4), None), Exit::OutOfMemory),
            (with(high, None, Some(49)), Exit::OutOfMemory),
            (with(high, Some(5), Some(49)), Exit::OutOfMemory),
            // Somebody else on the machine.
            (with(low, Some(5), Some(49)), Exit::Killed),
            // Nobody.
            (with(high, Some(5), Some(50)), Exit::Killed),
            // Another control group than then, that counts anew.
            (with(high, Some(9), Some(50)), Exit::Killed),
            (with(high, None, None), Exit::Killed),
        ] {
            assert_eq!(exit(&dump, &NOW), expected, "{:?}", dump.usage);
        }
        let frozen = Circumstances {
            frozen: true,
            ..NOW
        };
        assert_eq!(exit(&with(low, Some(4), None), &frozen), Exit::OutOfMemory);
    }

    #[test]
    fn an_abort_belongs_to_the_panic_of_its_thread() {
        let both = Dump {
            panics: vec![panic(7, true), panic(8, false)],
            signal: Some(signal(8, None)),
            ..dump(ExitMark::Running)
        };
        assert_eq!(fatal_panic(&both).map(|panic| panic.tid), Some(8));
        let other = Dump {
            panics: vec![panic(7, false)],
            signal: Some(signal(9, None)),
            ..dump(ExitMark::Running)
        };
        assert_eq!(fatal_panic(&other), None);
        let fault = Dump {
            panics: vec![panic(8, true)],
            signal: Some(Signal {
                number: 11,
                from_itself: false,
                ..signal(8, None)
            }),
            ..dump(ExitMark::Running)
        };
        assert_eq!(fatal_panic(&fault), None, "nobody aborts by a fault");
    }

    #[test]
    fn a_panic_of_a_thread_that_unwinds_main_is_the_end() {
        let resumed = Dump {
            panics: vec![panic(7, false), panic(8, false)],
            exit_status: Some(101),
            ..dump(ExitMark::Exiting)
        };
        assert_eq!(fatal_panic(&resumed).map(|panic| panic.tid), Some(8));
        let handled = Dump {
            exit_status: Some(1),
            ..resumed
        };
        assert_eq!(fatal_panic(&handled), None);
    }

    #[test]
    fn a_panic_that_only_echoes_another_is_not_the_end() {
        let echo = |serial, tid| Panic {
            serial,
            file: "/rustc/0/library/core/src/panicking.rs".into(),
            ..panic(tid, true)
        };
        let died = |panics: Vec<Panic>| Dump {
            panics,
            signal: Some(signal(7, None)),
            ..dump(ExitMark::Running)
        };
        let with_cause = died(vec![panic(7, true), echo(2, 7)]);
        assert_eq!(fatal_panic(&with_cause).map(|panic| panic.serial), Some(1));
        let alone = died(vec![panic(9, false), echo(2, 7)]);
        assert_eq!(fatal_panic(&alone).map(|panic| panic.serial), Some(2));
    }
}
