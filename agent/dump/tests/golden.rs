//! Files written down by hand from `FORMAT.md` are read as what they say.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use candor_dump::{
    Crumb, Dump, ExitMark, FaultClass, Found, Frame, Gap, Level, OpenFreeze, Problem, Reached,
    StackEnd, ThreadName, Usage, read,
};

/// Turns a written-down file into bytes, see `golden/README.md`.
fn assemble(text: &str) -> Vec<u8> {
    let number = |word: &str| match word.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap(),
        None => word.parse().unwrap(),
    };
    let mut lines = text.lines();
    let size = lines
        .next()
        .and_then(|line| line.strip_prefix("size "))
        .expect("the first line is the size");
    let mut bytes = vec![0; size.parse().unwrap()];
    for line in lines {
        let line = line.split(" #").next().unwrap().trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (offset, what) = line
            .split_once(": ")
            .unwrap_or_else(|| panic!("no offset: {line}"));
        let at = usize::from_str_radix(offset, 16).unwrap();
        let words: Vec<&str> = what.split(' ').collect();
        let part: Vec<u8> = match (what.strip_prefix('"'), &words[..]) {
            (Some(quoted), _) => quoted.strip_suffix('"').unwrap().as_bytes().to_vec(),
            (None, [size @ ("1" | "2" | "4" | "8"), value]) => {
                number(value).to_le_bytes()[..size.parse().unwrap()].to_vec()
            }
            (None, hex) => hex
                .iter()
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect(),
        };
        bytes[at..at + part.len()].copy_from_slice(&part);
    }
    bytes
}

fn golden(text: &str) -> (Dump, Vec<Problem>) {
    read(&assemble(text))
}

const fn frame(module: u16, offset: u64, found: Found) -> Frame {
    Frame {
        module: Some(module),
        offset,
        found,
    }
}

#[test]
fn a_signal_with_everything_around_it_is_read() {
    let (dump, problems) = golden(include_str!("../golden/signal.txt"));
    assert_eq!(problems, []);
    assert_eq!(
        dump.run,
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    );
    assert_eq!(
        (
            dump.version,
            dump.pid,
            dump.started_unix,
            dump.started_boottime_ms
        ),
        (1, 4242, 1_700_000_000, 5_000_000)
    );
    assert_eq!(
        (dump.exit_mark, dump.foreground, dump.boot),
        (ExitMark::Running, Some(true), Some(0x1122_3344_5566_7788))
    );
    assert_eq!(
        dump.open_freeze,
        Some(OpenFreeze {
            watch: 3,
            tid: 4243,
            since_ms: 55_000
        })
    );
    assert_eq!(
        (dump.counters[0], dump.counters[1], dump.counters[127]),
        (7, 0, 9)
    );
    assert_eq!((dump.uptime_ms, dump.alive_active_ms), (61_500, 59_750));
    assert_eq!(
        dump.usage,
        Usage {
            memory: Some(Level::High),
            open_files: Some(Level::Low),
            resident_mib: Some(256),
            kills_in_group: Some(0),
            kills_on_machine: Some(3),
        }
    );

    let signal = dump.signal.as_ref().unwrap();
    assert_eq!(
        (signal.number, signal.code, signal.fault, signal.tid),
        (11, 1, FaultClass::NullLike, 4243)
    );
    assert!(
        signal.from_kernel
            && !signal.from_itself
            && signal.complete
            && signal.survived_ms.is_none()
    );
    assert_eq!(
        (
            signal.at_ms,
            signal.at_active_ms,
            signal.nested,
            signal.other_threads
        ),
        (61_500, 61_250, 0, 2)
    );
    let thread = &signal.thread;
    assert_eq!(
        thread.name,
        ThreadName::Known("tokio-runtime-worker".to_owned())
    );
    assert_eq!(
        (thread.tid, thread.main, thread.reached),
        (4243, false, Reached::Itself)
    );
    let nowhere = Frame {
        module: None,
        offset: 0,
        found: Found::Scan,
    };
    assert_eq!(
        thread.stack.frames,
        [
            frame(0, 0x1234, Found::Context),
            frame(1, 0x5678, Found::Cfi),
            nowhere
        ]
    );
    assert_eq!(
        (thread.stack.gap, thread.stack.end),
        (None, StackEnd::Outermost)
    );
    let lookups: Vec<u64> = thread
        .stack
        .frames
        .iter()
        .map(Frame::lookup_offset)
        .collect();
    assert_eq!(lookups, [0x1234, 0x5677, 0]);

    let old = Crumb {
        serial: 3,
        at_ms: 10,
        name: 4,
        values: [0, 0],
    };
    let new = Crumb {
        serial: 97,
        at_ms: 60_000,
        name: 3,
        values: [12, -1],
    };
    assert_eq!(dump.crumbs, [old, new]);

    let [program, library] = &dump.modules[..] else {
        panic!("{:?}", dump.modules)
    };
    assert_eq!(
        (program.name.as_str(), program.size, program.build_id.len()),
        ("imim", 0x20000, 20)
    );
    assert_eq!((program.build_id[0], program.build_id[19]), (0xa0, 0xb3));
    assert_eq!(
        (library.name.as_str(), library.size, &library.build_id[..]),
        ("", 0x1000, &[0xde, 0xad][..])
    );

    let [main, worker] = &dump.threads[..] else {
        panic!("{:?}", dump.threads)
    };
    assert_eq!(
        (main.tid, main.main, main.reached, &main.name),
        (4242, true, Reached::Stopped, &ThreadName::Other)
    );
    assert_eq!(
        (&main.stack.frames[..], main.stack.end),
        (&[frame(0, 0x40, Found::Context)][..], StackEnd::Limit)
    );
    assert_eq!(
        (worker.tid, worker.main, worker.reached),
        (4244, false, Reached::Signalled)
    );
    assert_eq!(worker.name, ThreadName::Known("worker".to_owned()));
    assert_eq!(
        worker.stack.frames,
        [
            frame(1, 0x50, Found::Context),
            frame(1, 0x60, Found::FramePointer)
        ]
    );
}

#[test]
fn panics_are_read_in_the_order_they_happened_and_an_unfinished_one_is_told() {
    let (dump, problems) = golden(include_str!("../golden/panic.txt"));
    assert_eq!(problems, [Problem::UnfinishedPanic { slot: 1 }]);
    assert_eq!(
        (
            dump.exit_mark,
            dump.exit_status,
            dump.panics_lost,
            dump.boot
        ),
        (ExitMark::Exiting, Some(101), 5, None)
    );
    let [first, second] = &dump.panics[..] else {
        panic!("{:?}", dump.panics)
    };
    assert_eq!(
        (first.serial, first.tid, first.at_ms, first.message.as_str()),
        (1, 79, 1500, "")
    );
    assert_eq!(
        (second.serial, second.tid, second.at_ms, second.main),
        (2, 77, 2500, true)
    );
    assert_eq!(
        (second.message.as_str(), second.file.as_str(), second.line),
        ("boom ‹mail›", "src/main.rs", 42)
    );
    assert_eq!(second.thread_name, "main");
    assert_eq!(
        second.stack.frames,
        [frame(0, 0x100, Found::Given), frame(0, 0x200, Found::Given)]
    );
    assert_eq!(
        (second.stack.gap, second.stack.end),
        (
            Some(Gap {
                before: 2,
                missing: 3
            }),
            StackEnd::Limit
        )
    );
    assert_eq!((dump.uptime_ms, dump.signal), (2500, None));
}

#[test]
fn both_ends_of_a_full_stack_are_read_in_order() {
    let (dump, problems) = golden(include_str!("../golden/overflow.txt"));
    assert_eq!(problems, [Problem::UnfinishedSignal { state: 3 }]);
    let signal = dump.signal.unwrap();
    assert_eq!(
        (signal.fault, signal.complete, signal.thread.main),
        (FaultClass::StackGuard, false, true)
    );
    let stack = signal.thread.stack;
    // Places that were left empty here are skipped; the order is what counts.
    let offsets: Vec<u64> = stack.frames.iter().map(|frame| frame.offset).collect();
    assert_eq!(offsets, [1, 191, 194, 255, 256, 257]);
    assert_eq!(
        stack.gap,
        Some(Gap {
            before: 2,
            missing: 2
        })
    );
}

#[test]
fn a_signal_outside_the_scope_is_told_and_nothing_else() {
    let (dump, problems) = golden(include_str!("../golden/elsewhere.txt"));
    assert_eq!(problems, []);
    assert!(dump.signal_elsewhere && dump.signal.is_none() && dump.modules.is_empty());
}
