//! Ways to die that only Rust has.

use crate::harness::{self, Death, Home, Host, die, names, with_aborting_panics};
use crate::victim::{EARLIER_HOOK, IDENTIFIERS, LATER_HOOK};
use candor_protocol::report::{Cause, Crash, Exit, Origin, SignalName};
use libtest_mimic::{Failed, Trial};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// What Rust's runtime exits with when a panic has unwound `main`.
const PANICKED: i32 = 101;
/// Numbers of Linux's signals.
const SIGABRT: i32 = 6;
const SIGSEGV: i32 = 11;

/// A panic as it is told.
struct Told<'a> {
    message: &'a str,
    fatal: bool,
    /// The innermost function of the host.
    function: &'a str,
    /// The signal that it became.
    signal: Option<SignalName>,
}

/// One that ended the process by unwinding `main`.
const fn fatal<'a>(message: &'a str, function: &'a str) -> Told<'a> {
    Told {
        message,
        fatal: true,
        function,
        signal: None,
    }
}

/// One that ended the process by `abort`.
const fn aborted<'a>(message: &'a str, function: &'a str) -> Told<'a> {
    Told {
        signal: Some(SignalName::Abrt),
        ..fatal(message, function)
    }
}

/// One that the process survived.
const fn handled<'a>(message: &'a str, function: &'a str) -> Told<'a> {
    Told {
        fatal: false,
        ..fatal(message, function)
    }
}

const EMPTY: &str = "the list is empty";

pub(crate) fn stories() -> Vec<Trial> {
    let all: Vec<(&str, fn())> = vec![
        ("a panic that unwinds main is the end of the run", || {
            unwinds("panic_on_main", &[fatal(EMPTY, "victim::panics")]);
            unwinds("panic_in_block_on", &[fatal(EMPTY, "victim::panics")]);
        }),
        ("a panic of a thread is not the end of the run", || {
            lives("panic_on_a_thread", &[handled(EMPTY, "victim::panics")]);
        }),
        (
            "where main panics because a thread has, the panic of main is the end",
            || {
                let because = "called `Result::unwrap()` on an `Err` value: Any { .. }";
                unwinds(
                    "panic_on_a_thread_and_main",
                    &[
                        handled(EMPTY, "victim::panics"),
                        fatal(because, "victim::main"),
                    ],
                );
            },
        ),
        (
            "where main goes on with the panic of a thread, that is the end",
            || {
                unwinds(
                    "panic_on_a_thread_resumed",
                    &[fatal(EMPTY, "victim::panics")],
                );
                unwinds("panic_in_a_task_resumed", &[fatal(EMPTY, "victim::panics")]);
            },
        ),
        (
            "a panic of a task is caught by its runtime, on whatever thread it runs",
            || {
                let one = lives(
                    "panic_in_a_task_of_one_thread",
                    &[handled(EMPTY, "victim::panics")],
                );
                assert!(one.crashes()[0].thread.main);
                let many = lives(
                    "panic_in_a_task_of_many_threads",
                    &[handled(EMPTY, "victim::panics")],
                );
                let name = many.crashes()[0]
                    .thread
                    .name
                    .as_ref()
                    .map(ToString::to_string);
                assert_eq!(name.as_deref(), Some("tokio-rt-worker"));
            },
        ),
        (
            "a panic in a destructor while another unwinds is the end, and both are told",
            || {
                aborts(
                    "panic_while_unwinding",
                    &[
                        handled(EMPTY, "victim::panics"),
                        aborted(
                            "the destructor panics too",
                            "PanicsToo as core::ops::drop::Drop>::drop",
                        ),
                    ],
                );
            },
        ),
        (
            "a panic that must not cross a function of C is told as itself",
            || {
                aborts("panic_across_c", &[aborted(EMPTY, "victim::panics")]);
            },
        ),
        ("where panics abort, every panic is the end", panics_abort),
        (
            "a panic with a payload that is no text is told as such",
            || {
                let told = "panic with a payload that is not a text";
                unwinds("panic_with_a_number", &[fatal(told, "victim::main")]);
            },
        ),
        (
            "a panic that was resumed and never seen by a hook is told by the exit alone",
            || {
                unwinds("resumed_from_nowhere", &[]);
            },
        ),
        (
            "a capacity that no memory has is a panic like any other",
            || {
                unwinds(
                    "impossible_capacity",
                    &[fatal("capacity overflow", "victim::allocates")],
                );
            },
        ),
        (
            "an abort of the host's own is told with its function",
            || {
                by_signal(&die("abort"), SIGABRT, "victim::aborts");
            },
        ),
        (
            "memory that cannot be had is told with the function that wanted it",
            || {
                let home = Home::new();
                // A gigabyte is more than the whole process may have.
                let ended = Host::start(home.limited("no_memory", 512 << 10)).end();
                by_signal(&home.told(ended), SIGABRT, "victim::allocates");
                by_signal(&die("impossible_layout"), SIGABRT, "victim::allocates");
            },
        ),
        (
            "a panic inside the host's own hook is the end of the panic before",
            || {
                // The earlier hook is called by ours, which has written by then.
                aborts(
                    "panic_in_an_earlier_hook",
                    &[aborted(EMPTY, "victim::panics")],
                );
                // A later one does not come so far as to call ours.
                by_signal(
                    &die("panic_in_a_later_hook"),
                    SIGABRT,
                    "victim::panics_in_hook",
                );
            },
        ),
        (
            "hooks of the host, before ours and after it, each run once",
            || {
                let death = unwinds("hooks", &[fatal(EMPTY, "victim::panics")]);
                assert_eq!(hooks(&death), (1, 0));
                let death = unwinds("hooks_later_chains", &[fatal(EMPTY, "victim::panics")]);
                assert_eq!(hooks(&death), (1, 1));
            },
        ),
        (
            "behind a later hook that calls nobody, the exit tells of the panic, and an abort of itself",
            || {
                let death = unwinds("hooks_later_takes_all", &[]);
                assert_eq!(hooks(&death), (0, 1));
                let death = die("hooks_later_takes_all_and_aborts");
                assert_eq!(hooks(&death), (0, 1));
                by_signal(&death, SIGABRT, "victim::aborts");
                let stack = stack(death.crashes()[0]);
                assert!(
                    stack.iter().any(|name| name.ends_with("victim::panics")),
                    "{stack:#?}"
                );
            },
        ),
        (
            "a panic that was caught is not the end, however soon the host leaves",
            || {
                lives("caught", &[handled(EMPTY, "victim::panics")]);
                lives("caught_and_exits", &[handled(EMPTY, "victim::panics")]);
            },
        ),
        (
            "a host that catches a panic of main and gives up has died of it",
            || {
                let death = die("caught_and_gives_up");
                assert_eq!((death.status.code(), death.exit()), (Some(1), Exit::Crash));
                tells(&death, &[fatal(EMPTY, "victim::panics")]);
            },
        ),
        (
            "a fault is told as itself although a panic was caught on the same thread just before",
            || {
                let death = die("caught_and_faults");
                assert_eq!(
                    (death.status.signal(), death.exit()),
                    (Some(SIGSEGV), Exit::Crash)
                );
                let crashes = death.crashes();
                let (panics, faults): (Vec<&Crash>, Vec<&Crash>) = crashes
                    .iter()
                    .partition(|crash| matches!(crash.cause, Cause::Panic { .. }));
                assert!(panics.len() == 1 && !panics[0].fatal);
                assert!(faults.len() == 1 && faults[0].fatal);
            },
        ),
        (
            "what identifies a person is in no file, from the panic on",
            || {
                no_identifier("identifiers");
                no_identifier("identifiers_and_abort");
            },
        ),
    ];
    all.into_iter()
        .map(|(name, story)| {
            Trial::test(name, move || {
                story();
                Ok::<(), Failed>(())
            })
        })
        .collect()
}

fn unwinds(kind: &str, told: &[Told<'_>]) -> Death {
    let death = die(kind);
    assert_eq!(
        death.status.code(),
        Some(PANICKED),
        "{kind}: {}",
        death.errors
    );
    assert_eq!(death.exit(), Exit::Crash, "{kind}");
    tells(&death, told);
    death
}

fn lives(kind: &str, told: &[Told<'_>]) -> Death {
    let death = die(kind);
    assert_eq!(death.status.code(), Some(0), "{kind}: {}", death.errors);
    assert_eq!(death.exit(), Exit::Clean, "{kind}");
    tells(&death, told);
    death
}

fn aborts(kind: &str, told: &[Told<'_>]) {
    let death = die(kind);
    assert_eq!(
        death.status.signal(),
        Some(SIGABRT),
        "{kind}: {}",
        death.errors
    );
    assert_eq!(death.exit(), Exit::Crash, "{kind}");
    tells(&death, told);
}

/// Exactly these panics are told, and nothing else.
fn tells(death: &Death, told: &[Told<'_>]) {
    tells_of(death, told, &harness::program());
}

fn tells_of(death: &Death, told: &[Told<'_>], program: &Path) {
    let crashes = death.crashes();
    assert_eq!(crashes.len(), told.len(), "{crashes:#?}");
    for told in told {
        let is_it = |crash: &&&Crash| match &crash.cause {
            Cause::Panic { message, .. } => message.as_str() == told.message,
            Cause::Signal { .. } => false,
        };
        let crash = crashes.iter().find(is_it);
        let crash = crash.unwrap_or_else(|| panic!("{} in {crashes:#?}", told.message));
        assert_eq!(crash.fatal, told.fatal, "{}", told.message);
        assert_eq!(
            (crash.notes.as_slice(), crash.thread.stack.end),
            (&[][..], None)
        );
        let Cause::Panic { at, signal, .. } = &crash.cause else {
            unreachable!()
        };
        assert!(at.is_some());
        assert_eq!(*signal, told.signal, "{}", told.message);
        let names = names(crash, &crash.thread.stack, program);
        // Inside of what raises a panic there are hooks, the host's own among them.
        const RAISES: [&str; 4] = [
            "rust_begin_unwind",
            "core::panicking::",
            "begin_panic",
            "panic_any",
        ];
        let raises = |name: &String| RAISES.iter().any(|raises| name.contains(raises));
        let below = names.iter().rposition(raises).map_or(0, |last| last + 1);
        let function = innermost(&names[below..]).expect("a function of the host");
        assert!(function.ends_with(told.function), "{names:#?}");
    }
}

/// The only crash is an abort that no panic is known of.
fn by_signal(death: &Death, number: i32, function: &str) {
    assert_eq!(death.status.signal(), Some(number), "{}", death.errors);
    assert_eq!(death.exit(), Exit::Crash);
    let crashes = death.crashes();
    let [crash] = crashes[..] else {
        panic!("{crashes:#?}")
    };
    let by_itself = matches!(
        crash.cause,
        Cause::Signal {
            signal: SignalName::Abrt,
            origin: Origin::Itself,
            ..
        }
    );
    assert!(crash.fatal && by_itself, "{:?}", crash.cause);
    let names = stack(crash);
    assert!(
        innermost(&names).is_some_and(|name| name.ends_with(function)),
        "{names:#?}"
    );
}

fn stack(crash: &Crash) -> Vec<String> {
    names(crash, &crash.thread.stack, &harness::program())
}

/// The innermost function that is the host's, not a library's or the agent's.
fn innermost(names: &[String]) -> Option<&String> {
    names.iter().find(|name| {
        let name = name.trim_start_matches('<');
        name.starts_with("deaths::") || name.starts_with("aborting::")
    })
}

/// How often the host's hooks ran, the one before ours and the one after it.
fn hooks(death: &Death) -> (usize, usize) {
    let count = |said| death.errors.matches(said).count();
    (count(EARLIER_HOOK), count(LATER_HOOK))
}

fn panics_abort() {
    let directory = tempfile::tempdir().unwrap();
    let program = with_aborting_panics(directory.path());
    for (kind, main) in [("panic_on_main", true), ("panic_on_a_thread", false)] {
        let home = Home::new();
        let ended = Host::start(home.command(&program, kind, crate::harness::RELEASE)).end();
        let death = home.told(ended);
        assert_eq!(death.status.signal(), Some(SIGABRT), "{}", death.errors);
        assert_eq!(death.exit(), Exit::Crash);
        tells_of(&death, &[aborted(EMPTY, "victim::panics")], &program);
        assert_eq!(death.crashes()[0].thread.main, main);
    }
}

fn no_identifier(kind: &str) {
    let home = Home::new();
    let ended = home.start(kind).end();
    let absent = |bytes: &[u8], when: &str| {
        for identifier in IDENTIFIERS {
            let at = bytes
                .windows(identifier.len())
                .position(|window| window.eq_ignore_ascii_case(identifier.as_bytes()));
            assert_eq!(at, None, "{identifier} {when}");
        }
    };
    let dump = home.everything();
    // Else the search would say nothing.
    assert!(dump.windows(10).any(|window| window == b"no session"));
    absent(&dump, "in the dump");
    let death = home.told(ended);
    assert_eq!(death.exit(), Exit::Crash);
    let spool = death.home.everything();
    assert!(spool.windows(10).any(|window| window == b"no session"));
    absent(&spool, "in the spool");
}
