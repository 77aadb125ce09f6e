//! What must be true of each death.

use crate::harness::{Death, LIBRARY, compile, die, die_unarmed, library, start, start_with};
use crate::{cpp, crowds, deaths, hosts, sampled, shortage, wrecks};
use candor_dump::layout;
use candor_dump::{ExitMark, FaultClass, Found, Reached, StackEnd, ThreadName};
use libtest_mimic::{Failed, Trial};
use std::os::unix::process::ExitStatusExt;

/// A fatal signal: what it is called, what the kernel calls it, what was wrong, and the innermost functions.
pub(crate) struct Expected<'a> {
    number: i32,
    code: Option<i32>,
    fault: FaultClass,
    top: &'a [&'a str],
}

pub(crate) const fn expect<'a>(
    number: i32,
    code: i32,
    fault: FaultClass,
    top: &'a [&'a str],
) -> Expected<'a> {
    Expected {
        number,
        code: Some(code),
        fault,
        top,
    }
}

pub(crate) fn story(name: &'static str, run: impl FnOnce() + Send + 'static) -> Trial {
    Trial::test(name, move || {
        run();
        Ok::<(), Failed>(())
    })
}

/// A death by signal that leaves a whole record, right to the outermost frame, and the same exit status as without us.
pub(crate) fn death(name: &'static str, kind: &'static str, expected: Expected<'static>) -> Trial {
    story(name, move || {
        let death = die(kind);
        check(&death, &expected);
        assert_eq!(
            death.status,
            die_unarmed(kind).status,
            "the exit status is what it would have been"
        );
        let stack = &death.dump.signal.as_ref().unwrap().thread.stack;
        assert_eq!(stack.end, StackEnd::Outermost, "{:?}", death.crashed());
    })
}

pub(crate) fn check(death: &Death, expected: &Expected<'_>) {
    let context = format!("{:?} {:?} {}", death.status, death.problems, death.errors);
    assert!(death.problems.is_empty(), "{context}");
    let signal = death
        .dump
        .signal
        .as_ref()
        .unwrap_or_else(|| panic!("no signal was recorded: {context}"));
    assert_eq!(signal.number, expected.number as u32);
    if let Some(code) = expected.code {
        assert_eq!(signal.code, code);
    }
    assert_eq!(signal.fault, expected.fault);
    assert!(signal.complete);
    assert_eq!(signal.nested, 0);
    assert_eq!(death.dump.exit_mark, ExitMark::Running);
    let names = death.crashed();
    let mut rest = names.iter();
    for wanted in expected.top {
        assert!(
            rest.any(|name| name.ends_with(wanted)),
            "{wanted} is missing in {names:#?}"
        );
    }
    if let ([first, ..], true) = (expected.top, signal.from_kernel) {
        // Debug builds do not fold the standard library's helpers into their callers.
        let innermost = names
            .iter()
            .find(|name| !name.starts_with('[') && !name.contains("core::"))
            .unwrap();
        assert!(
            innermost.ends_with(first),
            "{first} is the innermost function of the program in {names:#?}"
        );
    }
}

pub(crate) fn all() -> Vec<Trial> {
    let mut all = vec![
        death(
            "a null pointer is recorded with its function and class",
            "null",
            expect(
                libc::SIGSEGV,
                1,
                FaultClass::NullLike,
                &[
                    "victims::null",
                    "victims::inner",
                    "victims::outer",
                    "battery::main",
                ],
            ),
        ),
        death(
            "a wild pointer is recorded",
            "wild",
            expect(
                libc::SIGSEGV,
                1,
                FaultClass::Unmapped,
                &[
                    "victims::wild",
                    "victims::inner",
                    "victims::outer",
                    "battery::main",
                ],
            ),
        ),
        death(
            "an address that no memory can have is recorded and is not taken for null",
            "impossible_address",
            expect(
                libc::SIGSEGV,
                128,
                FaultClass::Other,
                &["victims::impossible_address", "victims::inner"],
            ),
        ),
        death(
            "a jump into data leads back to the function that jumped",
            "jump_to_data",
            expect(
                libc::SIGSEGV,
                2,
                FaultClass::NotExecutable,
                &["DATA", "victims::jump_to_data", "victims::inner"],
            ),
        ),
        death(
            "a call through a null pointer leads back to the function that called",
            "jump_to_null",
            expect(
                libc::SIGSEGV,
                1,
                FaultClass::NullLike,
                &["victims::jump_to_null", "victims::inner"],
            ),
        ),
        death(
            "a write to a constant is recorded as such",
            "write_to_constant",
            expect(
                libc::SIGSEGV,
                2,
                FaultClass::NotWritable,
                &["victims::write_to_constant", "victims::inner"],
            ),
        ),
        death(
            "a read behind the end of a mapped file is recorded",
            "truncated_mapping",
            expect(
                libc::SIGBUS,
                2,
                FaultClass::Unmapped,
                &["victims::truncated_mapping", "victims::inner"],
            ),
        ),
        death(
            "a division by zero is recorded",
            "division",
            expect(
                libc::SIGFPE,
                1,
                FaultClass::None,
                &["victims::division", "victims::inner"],
            ),
        ),
        death(
            "an illegal instruction is recorded",
            "illegal",
            expect(
                libc::SIGILL,
                2,
                FaultClass::None,
                &["victims::illegal", "victims::inner"],
            ),
        ),
        death(
            "abort is recorded with its caller",
            "abort",
            expect(
                libc::SIGABRT,
                -6,
                FaultClass::None,
                &["victims::abort", "victims::inner"],
            ),
        ),
        death(
            "process::abort is recorded",
            "rust_abort",
            expect(
                libc::SIGABRT,
                -6,
                FaultClass::None,
                &["victims::rust_abort", "victims::inner"],
            ),
        ),
        death(
            "a double free is recorded with the function that freed",
            "double_free",
            expect(
                libc::SIGABRT,
                -6,
                FaultClass::None,
                &["victims::double_free", "victims::inner"],
            ),
        ),
        death(
            "a breakpoint that nobody handles is recorded and stays deadly",
            "breakpoint",
            expect(
                libc::SIGTRAP,
                128,
                FaultClass::None,
                &["victims::breakpoint", "victims::inner"],
            ),
        ),
        death(
            "an instruction for the kernel alone is recorded",
            "privileged",
            expect(
                libc::SIGSEGV,
                128,
                FaultClass::Other,
                &["victims::privileged", "victims::inner"],
            ),
        ),
        death(
            "a system call that a sandbox forbids is recorded",
            "forbidden_call",
            expect(
                libc::SIGSYS,
                1,
                FaultClass::None,
                &["victims::forbidden_call", "victims::inner"],
            ),
        ),
        death(
            "a crash inside a signal handler leads through the handler to the code it interrupted",
            "in_a_handler",
            expect(
                libc::SIGSEGV,
                1,
                FaultClass::NullLike,
                &[
                    "victims::null",
                    "victims::crashes",
                    "victims::in_a_handler",
                    "victims::inner",
                ],
            ),
        ),
        death(
            "a crash on a thread leads to the start of the thread",
            "named_thread",
            expect(libc::SIGSEGV, 1, FaultClass::NullLike, &["victims::null"]),
        ),
        story("the stack of a full main thread keeps both ends", || {
            let death = die("overflow");
            overflowed(
                &death,
                &[
                    "victims::overflow",
                    "victims::inner",
                    "victims::outer",
                    "battery::main",
                ],
            );
            assert_eq!(death.status, die_unarmed("overflow").status);
        }),
        story("the stack of a full Rust thread keeps both ends", || {
            let death = die("overflow_in_thread");
            overflowed(&death, &["victims::overflow"]);
            assert_eq!(death.status, die_unarmed("overflow_in_thread").status);
            let thread = &death.dump.signal.as_ref().unwrap().thread;
            assert_eq!(thread.name, ThreadName::Known("worker".to_owned()));
        }),
        story(
            "the stack of a full thread that was not made by Rust keeps both ends, once it has been looked after",
            || {
                let death = die("overflow_in_foreign_thread");
                overflowed(&death, &["victims::overflow", "victims::foreign"]);
                assert_eq!(
                    death.status,
                    die_unarmed("overflow_in_foreign_thread").status
                );
            },
        ),
        story(
            "a thread's own name is written only if it was declared",
            || {
                let named = die("named_thread").dump.signal.unwrap().thread;
                assert_eq!(
                    named.name,
                    ThreadName::Known("tokio-runtime-worker".to_owned())
                );
                assert!(!named.main);
                let main = die("null").dump.signal.unwrap().thread;
                assert_eq!(main.name, ThreadName::Other);
                assert!(main.main);
            },
        ),
        story(
            "of two threads that crash at once one is recorded whole",
            || {
                let death = die("two_threads");
                check(
                    &death,
                    &expect(libc::SIGSEGV, 1, FaultClass::NullLike, &["victims::null"]),
                );
                assert_eq!(death.status.signal(), Some(libc::SIGSEGV));
            },
        ),
        story(
            "a fatal signal from outside is recorded and still kills",
            || {
                for number in [libc::SIGSEGV, libc::SIGABRT, libc::SIGTRAP] {
                    let mut victim = start("waiting", true);
                    victim.wait_until_ready();
                    assert_eq!(unsafe { libc::kill(victim.pid(), number) }, 0);
                    let death = victim.end();
                    let expected = Expected {
                        number,
                        code: Some(0),
                        fault: FaultClass::None,
                        top: &["victims::waiting"],
                    };
                    check(&death, &expected);
                    assert_eq!(death.status.signal(), Some(number));
                    let signal = death.dump.signal.unwrap();
                    assert!(!signal.from_kernel && !signal.from_itself);
                }
            },
        ),
        story("what was marked before SIGKILL is in the dump", || {
            let mut victim = start("waiting", true);
            victim.wait_until_ready();
            assert_eq!(unsafe { libc::kill(victim.pid(), libc::SIGKILL) }, 0);
            let death = victim.end();
            assert!(death.problems.is_empty(), "{:?}", death.problems);
            assert_eq!(death.dump.run, *b"sixteen bytes id");
            assert_eq!(death.dump.started_unix, 1_700_000_000);
            assert_eq!(death.dump.counters[3], 99);
            assert!(
                death.dump.foreground == Some(true)
                    && death.dump.signal.is_none()
                    && death.dump.boot.is_some()
            );
            assert_eq!(death.dump.open_freeze.unwrap().watch, 5);
            assert_eq!(death.dump.exit_mark, ExitMark::Running);
        }),
        story(
            "an earlier handler is called, and finds errno as it was",
            || {
                let death = die("with_an_earlier_handler");
                assert_eq!(death.status.code(), Some(77), "{}", death.errors);
                check(
                    &death,
                    &expect(
                        libc::SIGSEGV,
                        2,
                        FaultClass::NotWritable,
                        &["victims::write_to_constant"],
                    ),
                );
            },
        ),
        story("a host that recovers from a trap lives on", || {
            let death = die("recovering_from_a_trap");
            assert_eq!(death.status.code(), Some(0), "{}", death.errors);
            assert_eq!(death.dump.exit_mark, ExitMark::Exiting);
        }),
        story("a core is dumped as it would have been", || {
            let (ours, control) = (die("with_a_core_dump"), die_unarmed("with_a_core_dump"));
            assert_eq!(ours.status, control.status);
            assert_eq!(ours.status.core_dumped(), control.status.core_dumped());
            assert!(ours.dump.signal.is_some());
        }),
        story(
            "a panic that ends main is recorded with its message and place",
            || {
                let death = die("panic_on_main");
                assert_eq!(death.status.code(), Some(101));
                let [panic] = &death.dump.panics[..] else {
                    panic!("{:?}", death.dump.panics)
                };
                assert_eq!(
                    (panic.message.as_str(), panic.main),
                    ("a clean message", true)
                );
                assert!(panic.file.ends_with("victims.rs") && panic.line > 0);
                let names = death.names(&panic.stack);
                assert!(
                    names
                        .iter()
                        .any(|name| name.ends_with("victims::panic_on_main")),
                    "{names:#?}"
                );
                let noted = (death.dump.exit_mark, death.dump.exit_status);
                assert_eq!(noted, (ExitMark::Exiting, Some(101)));
                assert!(
                    panic
                        .stack
                        .frames
                        .iter()
                        .all(|frame| frame.found == Found::Given)
                );
            },
        ),
        story(
            "a panic that ends in abort leaves both records, linked by their thread",
            || {
                for kind in ["panic_then_abort", "panic_in_c"] {
                    let death = die(kind);
                    assert_eq!(death.status.signal(), Some(libc::SIGABRT));
                    let signal = death.dump.signal.as_ref().unwrap();
                    assert!(signal.from_itself);
                    let serials: Vec<u32> =
                        death.dump.panics.iter().map(|panic| panic.serial).collect();
                    assert!(
                        serials.len() >= 2 && serials.is_sorted(),
                        "{kind}: {serials:?}"
                    );
                    assert!(
                        death
                            .dump
                            .panics
                            .iter()
                            .all(|panic| panic.tid == signal.tid)
                    );
                }
            },
        ),
        story("the way of leaving is marked", || {
            for (kind, code, mark) in [
                ("exit", 3u8, ExitMark::Exiting),
                ("return_from_main", 0, ExitMark::Exiting),
                ("shut_down", 0, ExitMark::Clean),
                ("forked_child", 0, ExitMark::Exiting),
            ] {
                let death = die(kind);
                let told = death.status.code();
                assert_eq!(told, Some(code.into()), "{kind}: {}", death.errors);
                let noted = (death.dump.exit_mark, death.dump.exit_status);
                assert_eq!(noted, (mark, Some(code)), "{kind}");
                assert!(death.dump.signal.is_none() && death.problems.is_empty());
            }
        }),
        story(
            "a fault inside the recording leaves what was written and changes nothing about the end",
            || {
                let death = die("broken_tables");
                assert_eq!(
                    death.status.signal(),
                    Some(libc::SIGABRT),
                    "{}",
                    death.errors
                );
                let signal = death.dump.signal.as_ref().unwrap();
                assert_eq!(signal.number, libc::SIGABRT as u32);
                assert!(!signal.complete && signal.nested == 1, "{signal:?}");
                assert!(!signal.thread.stack.frames.is_empty());
            },
        ),
        story(
            "a stack that is garbage ends the walk and nothing else",
            || {
                let death = die("smashed_stack");
                check(
                    &death,
                    &expect(
                        libc::SIGILL,
                        2,
                        FaultClass::None,
                        &["victims::smashed_stack"],
                    ),
                );
                let death = die("no_stack");
                check(
                    &death,
                    &expect(libc::SIGILL, 2, FaultClass::None, &["victims::no_stack"]),
                );
                assert_eq!(death.crashed().len(), 1);
            },
        ),
        story(
            "the other threads are there with their stacks, even one that no signal reaches",
            || {
                let death = die("with_company");
                check(
                    &death,
                    &expect(
                        libc::SIGSEGV,
                        1,
                        FaultClass::NullLike,
                        &["victims::null", "victims::with_company"],
                    ),
                );
                accompanied(&death, 12, Reached::Stopped);
                for (function, threads) in [
                    ("unblockable", 3),
                    ("spinning", 3),
                    ("sleeping", 6),
                    ("parked", 6),
                ] {
                    assert_eq!(standing_in(&death, function), threads, "{function}");
                }
                let known: Vec<_> = death
                    .dump
                    .threads
                    .iter()
                    .filter(|thread| thread.name != ThreadName::Other)
                    .collect();
                let [worker] = &known[..] else {
                    panic!("{known:?}")
                };
                assert_eq!(worker.name, ThreadName::Known("worker".to_owned()));
                assert!(used(&death) <= 32 << 10, "{}", used(&death));
            },
        ),
        story("two hundred threads fit", || {
            let death = die("with_large_company");
            check(
                &death,
                &expect(libc::SIGSEGV, 1, FaultClass::NullLike, &["victims::null"]),
            );
            let threads = death.dump.threads.len();
            assert_eq!(death.dump.signal.as_ref().unwrap().other_threads, 200);
            // There is a limit of time, which a busy machine reaches.
            assert!((1..=200).contains(&threads), "{threads}");
            assert!(standing_in(&death, "parked") >= threads / 4);
            assert!(
                death
                    .dump
                    .threads
                    .iter()
                    .all(|thread| !thread.stack.frames.is_empty())
            );
        }),
        story(
            "where nobody may stop threads they are asked, and who does not answer is listed",
            || {
                let death = die("untraceable");
                check(
                    &death,
                    &expect(libc::SIGSEGV, 1, FaultClass::NullLike, &["victims::null"]),
                );
                let with = |reached| {
                    death
                        .dump
                        .threads
                        .iter()
                        .filter(|thread| thread.reached == reached)
                        .count()
                };
                // There is a limit of time, which a busy machine reaches.
                let (signalled, lost) = (with(Reached::Signalled), with(Reached::Lost));
                assert!(
                    signalled >= 1 && lost >= 3 && signalled + lost == 12,
                    "{signalled} {lost}"
                );
                assert_eq!(standing_in(&death, "unblockable"), 0);
                let found: usize = ["spinning", "sleeping", "parked"]
                    .map(|name| standing_in(&death, name))
                    .iter()
                    .sum();
                assert!(found >= signalled, "{found} of {signalled}");
            },
        ),
        story(
            "without a free descriptor there is still everything",
            || {
                let death = die("out_of_descriptors");
                check(
                    &death,
                    &expect(libc::SIGSEGV, 1, FaultClass::NullLike, &["victims::null"]),
                );
                accompanied(&death, 3, Reached::Stopped);
            },
        ),
        story(
            "a crash that touches the modules in scope is recorded whole",
            || {
                for (kind, function) in [
                    ("in_scope", "victims::sdk"),
                    ("in_scope_by_name", "victims::app"),
                ] {
                    let death = die(kind);
                    check(
                        &death,
                        &expect(
                            libc::SIGSEGV,
                            1,
                            FaultClass::NullLike,
                            &["victims::null", function],
                        ),
                    );
                    assert!(!death.dump.signal_elsewhere);
                }
            },
        ),
        story("of a crash outside the scope only the fact is kept", || {
            let death = die("out_of_scope");
            assert_eq!(death.status, die_unarmed("out_of_scope").status);
            assert!(
                death.dump.signal_elsewhere
                    && death.dump.signal.is_none()
                    && death.problems.is_empty()
            );
            let empty =
                |range: std::ops::Range<usize>| death.bytes[range].iter().all(|byte| *byte == 0);
            assert!(
                empty(layout::signal::NUMBER..layout::crumbs::NEXT),
                "nothing about the signal"
            );
            assert!(
                empty(layout::modules::AT..layout::FILE_SIZE),
                "no module, no thread"
            );
        }),
        story(
            "a panic outside the scope leaves nothing but that there was one",
            || {
                let death = die("panic_out_of_scope");
                assert_eq!(death.status.code(), Some(101));
                assert!(death.dump.panics.is_empty() && death.dump.panics_lost == 0);
                assert!(death.dump.panic_elsewhere, "only that there was one");
                assert!(
                    death.bytes[layout::panic::AT..]
                        .iter()
                        .all(|byte| *byte == 0)
                );
            },
        ),
        story("the last breadcrumbs are there after SIGKILL", || {
            let crumbs = die("crumbs").dump.crumbs;
            let expected: Vec<u32> = (200 - layout::crumbs::COUNT as u32 + 1..=200).collect();
            assert_eq!(
                crumbs.iter().map(|crumb| crumb.serial).collect::<Vec<_>>(),
                expected
            );
            let fits = |crumb: &candor_dump::Crumb| {
                crumb.values == [crumb.serial.into(), -i64::from(crumb.serial)]
            };
            assert!(crumbs.iter().all(|crumb| crumb.name == 7 && fits(crumb)));
        }),
        story(
            "a signal that the host recovers from is told as survived, and the next one is recorded",
            || {
                let death = die("surviving");
                assert_eq!(death.status.code(), Some(0), "{}", death.errors);
                let signal = death.dump.signal.as_ref().unwrap();
                assert_eq!(
                    (signal.number, death.dump.exit_mark),
                    (libc::SIGSEGV as u32, ExitMark::Exiting)
                );
                assert!(signal.survived_ms.is_some_and(|ms| ms > 0));
                let death = start_with("surviving", true, |command| {
                    command.env("AND_CRASH", "1");
                })
                .end();
                check(
                    &death,
                    &expect(
                        libc::SIGABRT,
                        -6,
                        FaultClass::None,
                        &["victims::abort", "victims::surviving"],
                    ),
                );
                assert_eq!(death.dump.signal.unwrap().survived_ms, None);
            },
        ),
        story(
            "the first process of a container is recorded and dies, although no signal from inside can kill it",
            || {
                let death = die("first_process");
                if shortage::could_not_be(&death) {
                    return;
                }
                assert_eq!(death.status, die_unarmed("first_process").status);
                check(
                    &death,
                    &expect(libc::SIGABRT, -6, FaultClass::None, &["victims::abort"]),
                );
            },
        ),
        story(
            "a library loaded after arming is walked through, and named once it has been looked at",
            || {
                let with_library = |kind: &str| {
                    let library = library();
                    let death = start_with(kind, true, |command| {
                        command.env(LIBRARY, library);
                    })
                    .end();
                    assert_eq!(
                        death.status.signal(),
                        Some(libc::SIGSEGV),
                        "{}",
                        death.errors
                    );
                    death
                };
                for (kind, name) in [
                    ("late_library", "[]"),
                    ("late_library_named", "[libcopy.so]"),
                ] {
                    let death = with_library(kind);
                    let names = death.crashed();
                    let function = format!("victims::{kind}");
                    assert!(
                        names[0] == name && names.iter().any(|name| name.ends_with(&function)),
                        "{names:#?}"
                    );
                    let signal = death.dump.signal.as_ref().unwrap();
                    assert_eq!(signal.thread.stack.end, StackEnd::Outermost);
                    let module = signal.thread.stack.frames[0].module.unwrap();
                    assert_eq!(death.dump.modules[usize::from(module)].build_id.len(), 20);
                }
                let names = with_library("callback_through_late_library").crashed();
                let called = |name: &str| {
                    names
                        .iter()
                        .position(|found| found.ends_with(name))
                        .unwrap()
                };
                assert!(
                    called("called_back") < called("[]")
                        && called("[]") < called("victims::callback_through_late_library")
                );
            },
        ),
        story(
            "two copies in one process both record, and each goes on without the other",
            || {
                for (kind, both) in [("two_copies", true), ("two_copies_one_left", false)] {
                    let library = library();
                    let victim = start_with(kind, true, |command| {
                        command.env(LIBRARY, library);
                    });
                    let other = victim.dump_path().with_file_name("other");
                    let death = victim.end_keeping(&other);
                    check(
                        &death.0,
                        &expect(libc::SIGSEGV, 1, FaultClass::NullLike, &["victims::null"]),
                    );
                    assert_eq!(death.0.status.signal(), Some(libc::SIGSEGV));
                    let (other, problems) = candor_dump::read(&death.1);
                    assert!(problems.is_empty(), "{problems:?}");
                    assert_eq!(other.run, *b"the other's id  ");
                    assert_eq!(other.signal.is_some_and(|signal| signal.complete), both);
                }
            },
        ),
        story("C frames of every kind are walked through", || {
            let with_tables = &["-fasynchronous-unwind-tables"][..];
            let without = [
                "-fno-asynchronous-unwind-tables",
                "-fno-unwind-tables",
                "-fno-exceptions",
            ];
            let pointers = [&without[..], &["-fno-omit-frame-pointer"]].concat();
            let nothing = [&without[..], &["-fomit-frame-pointer"]].concat();
            for (kind, name, flags, found) in [
                ("through_aligned_frame", "tables", with_tables, Found::Cfi),
                ("through_plain_frame", "tables", with_tables, Found::Cfi),
                (
                    "through_plain_frame",
                    "pointers",
                    &pointers,
                    Found::FramePointer,
                ),
                ("through_plain_frame", "nothing", &nothing, Found::Scan),
            ] {
                for optimised in ["-O0", "-O2"] {
                    let (death, library) = through(kind, name, &[flags, &[optimised]].concat());
                    let names = death.crashed();
                    assert_eq!(
                        death.status.signal(),
                        Some(libc::SIGSEGV),
                        "{}",
                        death.errors
                    );
                    let at = names
                        .iter()
                        .position(|name| *name == library)
                        .unwrap_or_else(|| panic!("{names:#?}"));
                    assert!(names[at - 1].ends_with("called_by_c_code"), "{names:#?}");
                    let rest = &names[at + 1..];
                    assert!(
                        rest.iter()
                            .any(|name| name.ends_with(&format!("victims::{kind}"))),
                        "{names:#?}"
                    );
                    let stack = &death.dump.signal.as_ref().unwrap().thread.stack;
                    assert_eq!(
                        stack.end,
                        StackEnd::Outermost,
                        "{kind} {name} {optimised}: {names:#?}"
                    );
                    // How a frame was found is how its callee was left.
                    let left = stack.frames[at + 1].found;
                    let same =
                        left == found || (found == Found::Scan && left == Found::FramePointer);
                    assert!(same, "{kind} {name} {optimised}: {left:?}");
                }
            }
        }),
        story(
            "a failed assertion in C is recorded with its function",
            || {
                let (death, library) = through("through_assertion", "tables", &["-g0"]);
                assert_eq!(death.status.signal(), Some(libc::SIGABRT));
                let names = death.crashed();
                assert!(
                    names.contains(&library)
                        && names
                            .iter()
                            .any(|name| name.ends_with("victims::through_assertion"))
                );
            },
        ),
        story(
            "code that was made at run time does not end the walk",
            || {
                let death = die("through_unknown_code");
                check(
                    &death,
                    &expect(
                        libc::SIGSEGV,
                        1,
                        FaultClass::NullLike,
                        &[
                            "victims::null",
                            "called_by_c_code",
                            "[nowhere]",
                            "victims::through_unknown_code",
                            "victims::inner",
                        ],
                    ),
                );
            },
        ),
        story(
            "a thread that crashes while it is looked at is recorded like any other",
            || {
                for _ in 0..5 {
                    let death = die("while_sampled");
                    check(
                        &death,
                        &expect(
                            libc::SIGSEGV,
                            1,
                            FaultClass::NullLike,
                            &["victims::null", "victims::while_sampled"],
                        ),
                    );
                    assert_eq!(death.status.signal(), Some(libc::SIGSEGV));
                    assert_eq!(death.dump.signal.unwrap().other_threads, 1);
                }
            },
        ),
    ];
    all.extend(hosts::stories());
    all.extend(crowds::stories());
    all.extend(shortage::stories());
    all.extend(cpp::stories());
    all.extend(wrecks::stories());
    all.extend(deaths::stories());
    all.extend(sampled::CALLS.iter().map(|call| {
        Trial::test(
            format!("a thread in {} is sampled and does not notice", call.name),
            move || {
                let end = die(&format!("sampled {}", call.name));
                assert_eq!(end.status.code(), Some(0), "{}", end.errors);
                Ok(())
            },
        )
    }));
    all.extend(sampled::CALLS.iter().map(|call| {
        Trial::test(
            format!(
                "a thread of C in {} is looked after and does not notice",
                call.name
            ),
            move || {
                let end = die(&format!("attended {}", call.name));
                assert_eq!(end.status.code(), Some(0), "{}", end.errors);
                Ok(())
            },
        )
    }));
    all
}

/// Dies in a callback from a library that is compiled for the purpose; gives the library as it stands in stacks.
fn through(kind: &str, name: &str, flags: &[&str]) -> (Death, String) {
    let directory = tempfile::tempdir().unwrap();
    let library = compile(directory.path(), name, flags);
    let victim = start_with(kind, true, |command| {
        command.env(LIBRARY, library);
    });
    // The name of a library that was loaded late is not told.
    (victim.end(), "[]".to_owned())
}

/// All other threads were found, reached in this way, and followed to their start.
pub(crate) fn accompanied(death: &Death, count: usize, reached: Reached) {
    let threads = &death.dump.threads;
    assert_eq!(
        (
            threads.len(),
            death.dump.signal.as_ref().unwrap().other_threads as usize
        ),
        (count, count)
    );
    for thread in threads {
        assert_eq!((thread.reached, thread.main), (reached, false));
        assert_eq!(
            thread.stack.end,
            StackEnd::Outermost,
            "{:?}",
            death.names(&thread.stack)
        );
    }
}

/// How many other threads stand in a function of the victim.
pub(crate) fn standing_in(death: &Death, function: &str) -> usize {
    let function = format!("victims::{function}");
    let stands = |thread: &&candor_dump::Thread| {
        death
            .names(&thread.stack)
            .iter()
            .any(|name| name.ends_with(&function))
    };
    death.dump.threads.iter().filter(stands).count()
}

/// Bytes of the file up to the last that is used.
fn used(death: &Death) -> usize {
    death
        .bytes
        .iter()
        .rposition(|byte| *byte != 0)
        .map_or(0, |last| last + 1)
}

pub(crate) fn overflowed(death: &Death, outermost: &[&str]) {
    overflows(death, outermost);
    let end = death.dump.signal.as_ref().unwrap().thread.stack.end;
    assert_eq!(end, StackEnd::Outermost);
}

/// As [`overflowed`], on a stack that need not have an outermost frame.
pub(crate) fn overflows(death: &Death, outermost: &[&str]) {
    check(
        death,
        &expect(
            libc::SIGSEGV,
            0,
            FaultClass::StackGuard,
            &["victims::recurse", "victims::recurse"],
        )
        .any_code(),
    );
    let stack = &death.dump.signal.as_ref().unwrap().thread.stack;
    let gap = stack.gap.expect("frames were left out");
    assert!(gap.missing > 1000, "{gap:?}");
    let names = death.crashed();
    assert!(
        // Debug builds do not fold helpers into the innermost one.
        names[1..gap.before]
            .iter()
            .all(|name| name.ends_with("victims::recurse")),
        "{names:#?}"
    );
    let mut rest = names[gap.before..].iter();
    for wanted in outermost {
        assert!(
            rest.any(|name| name.ends_with(wanted)),
            "{wanted} is missing in {names:#?}"
        );
    }
}

impl<'a> Expected<'a> {
    /// The end by `abort`.
    pub(crate) const fn abort(top: &'a [&'a str]) -> Self {
        expect(libc::SIGABRT, -6, FaultClass::None, top)
    }

    fn any_code(self) -> Self {
        Self { code: None, ..self }
    }
}
