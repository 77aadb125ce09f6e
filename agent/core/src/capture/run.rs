//! How a run ended, told by what it left behind. Pure.

use candor_dump::{Dump, ExitMark, Panic};
use candor_protocol::report::Exit;

/// What is known beside the dump.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Circumstances {
    /// Hash of the boot id of the machine as it runs now.
    pub(crate) boot: Option<u64>,
    /// Whether the app has another version now.
    pub(crate) updated: bool,
    /// Whether a freeze was going on.
    pub(crate) frozen: bool,
}

/// The panic that ended the process, if one did: the one whose thread the fatal signal hit, or else the last one of the
/// main thread when the process ended without having been shut down.
pub(crate) fn fatal_panic(dump: &Dump) -> Option<&Panic> {
    let last_of = |matches: &dyn Fn(&&Panic) -> bool| dump.panics.iter().rev().find(matches);
    match fatal_signal(dump) {
        Some(signal) => last_of(&|panic| panic.tid == signal.tid),
        None if dump.exit_mark == ExitMark::Clean => None,
        None => last_of(&|panic| panic.main),
    }
}

/// The signal that ended the process, unless somebody recovered from it.
pub(crate) fn fatal_signal(dump: &Dump) -> Option<&candor_dump::Signal> {
    dump.signal
        .as_ref()
        .filter(|signal| signal.survived_ms.is_none())
}

/// How the run ended.
pub(crate) fn exit(dump: &Dump, circumstances: &Circumstances) -> Exit {
    let rebooted =
        matches!((dump.boot, circumstances.boot), (Some(then), Some(now)) if then != now);
    if fatal_signal(dump).is_some() || fatal_panic(dump).is_some() {
        return Exit::Crash;
    }
    match dump.exit_mark {
        ExitMark::Clean | ExitMark::Exiting => Exit::Clean,
        ExitMark::Running if rebooted => Exit::Reboot,
        ExitMark::Running if circumstances.frozen => Exit::FreezeKill,
        ExitMark::Running if circumstances.updated => Exit::Updated,
        ExitMark::Running => Exit::Killed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_dump::{FaultClass, Signal, Stack, Thread};

    const NOW: Circumstances = Circumstances {
        boot: Some(1),
        updated: false,
        frozen: false,
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
    }
}
