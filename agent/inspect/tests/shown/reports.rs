//! One report of every kind, with fixed identities and times.

use crate::device::NOW;
use crate::victim;
use candor_protocol::deidentify::{
    Amount, BuildId, CleanText, ModuleName, Name, Pseudonym, Release, ReportId, RunId, SourcePath,
    ThreadName,
};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::name;
use candor_protocol::report::*;
use candor_protocol::sketch::Sketch;

fn report(id: u8, what: What) -> Report {
    let mut digits = [0xc0; 16];
    digits[15] = id;
    Report {
        id: ReportId::from_bytes(digits),
        at: Moment::round(NOW, Precision::Hour),
        run: RunId::from_bytes([0x1f; 16]),
        pseudonym: Pseudonym::from_bytes([0x5e; 16]),
        release: Release::parse("1.4.0").unwrap(),
        device: Device::coarse(Os::Linux, Some("6.1"), Arch::X86_64, 8, 16 << 30),
        what,
    }
}

/// A module that nobody has symbols of.
fn foreign(name: &str, build: &str) -> Module {
    Module {
        build_id: Some(BuildId::parse(build).unwrap()),
        name: Some(ModuleName::scrub(name)),
    }
}

fn app(name: &str) -> Module {
    Module {
        build_id: Some(victim::build()),
        name: Some(ModuleName::scrub(name)),
    }
}

fn at(module: u16, offset: u64, found: Found) -> Frame {
    Frame {
        module: Some(module),
        offset: Offset(offset),
        found,
    }
}

fn stack(frames: Vec<Frame>) -> Stack {
    Stack {
        frames,
        left_out: 0,
        outermost: 0,
        end: None,
    }
}

const APP_BUILD: &str = "00112233445566778899aabbccddeeff00112233";
const LIBC_BUILD: &str = "ffeeddccbbaa99887766554433221100ffeeddcc";

fn libc() -> Module {
    foreign("libc.so.6", LIBC_BUILD)
}

fn crumb(name: Name, before_ms: u64, values: Vec<CrumbValue>) -> Crumb {
    Crumb {
        name,
        before_ms,
        values,
    }
}

fn number(name: Name, is: i64) -> CrumbValue {
    CrumbValue::Number {
        name,
        is: Amount::round(is),
    }
}

fn word(name: Name, is: Name) -> CrumbValue {
    CrumbValue::Word { name, is }
}

/// A panic of the main thread, in functions of this executable.
pub(crate) fn panic() -> Report {
    let frames = [
        "rust_begin_unwind",
        "panic_bounds_check",
        "history12parse_header",
        "history10open_index",
        "std2rt19lang_start_internal",
    ];
    let mut frames: Vec<Frame> = frames
        .iter()
        .map(|function| victim::frame(function, 0))
        .collect();
    frames.push(at(1, 0x2_7d90, Found::Cfi));
    frames.push(at(1, 0x2_7e40, Found::Cfi));
    let crash = Crash {
        cause: Cause::Panic {
            message: CleanText::scrub("index out of bounds: the len is 3 but the index is 7"),
            at: Some(SourceLine {
                file: SourcePath::scrub("src/history.rs"),
                line: 88,
            }),
            signal: None,
        },
        fatal: true,
        thread: Thread {
            main: true,
            name: Some(ThreadName::scrub("main")),
            stack: stack(frames),
        },
        others: Vec::new(),
        modules: vec![app("im-client"), libc()],
        uptime_ms: 754_321,
        around: Circumstances {
            foreground: Some(true),
            memory: Some(Pressure::High),
            resident_mib: Some(256),
            open_files: Some(Pressure::Low),
        },
        crumbs: vec![
            crumb(name!("app_started"), 754_000, vec![]),
            crumb(
                name!("screen_opened"),
                12_300,
                vec![word(name!("screen"), name!("chat"))],
            ),
            crumb(
                name!("message_sent"),
                1_210,
                vec![number(name!("bytes"), 1_234), number(name!("took_ms"), 40)],
            ),
            crumb(name!("history_opened"), 4, vec![]),
        ],
        notes: Vec::new(),
    };
    report(1, What::Crash(crash))
}

/// A null pointer in a worker's thread of a build that nobody has symbols of, with other threads and a damaged dump.
pub(crate) fn signal() -> Report {
    let deep = Stack {
        frames: vec![
            at(0, 0x2f31, Found::Context),
            at(0, 0x1c08, Found::Cfi),
            at(0, 0x1a44, Found::FramePointer),
            at(0, 0x1111, Found::Scan),
            Frame {
                module: None,
                offset: Offset(0),
                found: Found::Scan,
            },
        ],
        left_out: 200,
        outermost: 2,
        end: Some(StackEnd::Lost),
    };
    let waiting = |main, name: Option<&str>| Thread {
        main,
        name: name.map(ThreadName::scrub),
        stack: stack(vec![
            at(1, 0x11_bc3f, Found::Context),
            at(0, 0x4a10, Found::Cfi),
        ]),
    };
    let crash = Crash {
        cause: Cause::Signal {
            signal: SignalName::Segv,
            origin: Origin::Kernel,
            fault: Fault::NullLike,
            code: Some(1),
        },
        fatal: true,
        thread: Thread {
            main: false,
            name: Some(ThreadName::scrub("worker")),
            stack: deep,
        },
        others: vec![
            waiting(true, Some("main")),
            waiting(false, Some("worker")),
            waiting(false, Some("worker")),
            Thread {
                main: false,
                name: None,
                stack: stack(Vec::new()),
            },
        ],
        modules: vec![foreign("im-client", APP_BUILD), libc()],
        uptime_ms: 1_250,
        around: Circumstances {
            foreground: Some(false),
            ..Circumstances::default()
        },
        crumbs: vec![
            crumb(
                name!("screen_opened"),
                900,
                vec![word(name!("screen"), name!("chat"))],
            ),
            crumb(
                name!("message_sent"),
                12,
                vec![number(name!("bytes"), 1_234)],
            ),
        ],
        notes: vec![Note::Damaged, Note::ThreadsLeftOut],
    };
    report(2, What::Crash(crash))
}

/// Two functions that called each other until the stack was full, with more breadcrumbs than a page shows.
pub(crate) fn overflow() -> Report {
    let round = [
        victim::frame("chat14layout_bubbles", 0),
        victim::frame("chat4draw", 0),
    ];
    let mut frames: Vec<Frame> = round.iter().copied().cycle().take(192).collect();
    frames[0].found = Found::Context;
    frames.extend(round.iter().copied().cycle().take(60));
    frames.push(victim::frame("history10open_index", 0));
    frames.push(victim::frame("std2rt19lang_start_internal", 0));
    frames.push(at(1, 0x2_7d90, Found::Cfi));
    let outermost = 63;
    let crash = Crash {
        cause: Cause::Signal {
            signal: SignalName::Segv,
            origin: Origin::Kernel,
            fault: Fault::StackGuard,
            code: Some(2),
        },
        fatal: true,
        thread: Thread {
            main: true,
            name: None,
            stack: Stack {
                frames,
                left_out: 28_870,
                outermost,
                end: Some(StackEnd::Limit),
            },
        },
        others: Vec::new(),
        modules: vec![app("im-client"), libc()],
        uptime_ms: 61_000,
        around: Circumstances::default(),
        crumbs: (0..20)
            .rev()
            .map(|back| {
                crumb(
                    name!("row_drawn"),
                    back * 250,
                    vec![number(name!("row"), 20 - back as i64)],
                )
            })
            .collect(),
        notes: vec![Note::CrumbsLeftOut],
    };
    report(10, What::Crash(crash))
}

/// A survived panic without a stack, whose message tries to paint the terminal.
pub(crate) fn survived() -> Report {
    let crash = Crash {
        cause: Cause::Panic {
            message: CleanText::scrub("cannot open: \u{1b}[31mno such chat\nsecond line"),
            at: None,
            signal: None,
        },
        fatal: false,
        thread: Thread {
            main: false,
            name: None,
            stack: stack(Vec::new()),
        },
        others: Vec::new(),
        modules: Vec::new(),
        uptime_ms: 90_000,
        around: Circumstances::default(),
        crumbs: Vec::new(),
        notes: Vec::new(),
    };
    report(3, What::Crash(crash))
}

/// A survived panic whose texts had to be scrubbed, in a thread with a number.
pub(crate) fn scrubbed() -> Report {
    let crash = Crash {
        cause: Cause::Panic {
            message: CleanText::scrub(
                "cannot log in alice@example.org from 203.0.113.9: bob@example.org is logged in",
            ),
            at: Some(SourceLine {
                file: SourcePath::scrub("/home/alice/im/login.rs"),
                line: 12,
            }),
            signal: None,
        },
        fatal: false,
        thread: Thread {
            main: false,
            name: Some(ThreadName::scrub("im-io-3")),
            stack: stack(vec![
                at(0, 0x2f31, Found::Cfi),
                at(0, 0x1c08, Found::Cfi),
                Frame {
                    module: None,
                    offset: Offset(0),
                    found: Found::Scan,
                },
            ]),
        },
        others: Vec::new(),
        modules: vec![foreign("im-client", APP_BUILD)],
        uptime_ms: 3_000,
        around: Circumstances::default(),
        crumbs: Vec::new(),
        notes: Vec::new(),
    };
    report(11, What::Crash(crash))
}

/// The main loop stood still, in two places below one.
pub(crate) fn freeze() -> Report {
    let seen = |count, ms, leaf: &str| StackCount {
        count,
        ms,
        stack: stack(vec![
            victim::frame(leaf, 0),
            victim::frame("chat4draw", 0),
            victim::frame("__rust_begin_short_backtrace", 0),
            victim::frame("std2rt19lang_start_internal", 0),
            at(1, 0x2_7d90, Found::Cfi),
        ]),
    };
    let freeze = Freeze {
        watch: name!("main_loop"),
        turn: Some(name!("draw_chat")),
        main: true,
        took_ms: 3_240,
        threshold_ms: 2_000,
        not_responding_ms: Some(5_000),
        end: FreezeEnd::Recovered,
        activity: Activity::Running,
        wait: None,
        cpu_percent: Some(97),
        holder: None,
        stacks: vec![
            seen(5, 310, "chat6search"),
            seen(4, 930, "chat14layout_bubbles"),
        ],
        modules: vec![app("im-client"), libc()],
    };
    report(4, What::Freeze(freeze))
}

/// The main loop waited for a lock that nobody gave back, and was killed; no stack could be had.
pub(crate) fn deadlock() -> Report {
    let freeze = Freeze {
        watch: name!("main_loop"),
        turn: None,
        main: false,
        took_ms: 61_000,
        threshold_ms: 2_000,
        not_responding_ms: Some(5_000),
        end: FreezeEnd::Killed,
        activity: Activity::Blocked,
        wait: Some(Wait::Futex),
        cpu_percent: Some(0),
        holder: Some(Holder {
            main: false,
            name: Some(ThreadName::scrub("librarian")),
            stack: Some(stack(vec![
                victim::frame("chat6search", 0),
                victim::frame("chat4draw", 0),
                victim::frame("__rust_begin_short_backtrace", 0),
            ])),
        }),
        stacks: Vec::new(),
        modules: vec![app("im-client")],
    };
    report(9, What::Freeze(freeze))
}

/// A window in which connecting failed, went well, and the service broke.
pub(crate) fn connection() -> Report {
    let sketch = |values: &[u64]| {
        let mut sketch = Sketch::default();
        values.iter().for_each(|&value| sketch.record(value));
        sketch
    };
    let window = Connection {
        name: name!("longlink"),
        endpoint: name!("gateway"),
        region: Some(name!("eu")),
        transport: Transport::Tls,
        network: Network::Cell4g,
        seconds: 60,
        attempts: 4,
        ready: 2,
        reconnects: 3,
        failures: vec![
            Failures {
                phase: Phase::Connect,
                failure: Failure::Timeout,
                count: 1,
            },
            Failures {
                phase: Phase::Tls,
                failure: Failure::TlsFailed,
                count: 1,
            },
        ],
        tries: vec![
            Tries {
                family: Family::V6,
                order: 1,
                tried: 4,
                connected: 1,
                took_us: sketch(&[48_000]),
            },
            Tries {
                family: Family::V4,
                order: 2,
                tried: 3,
                connected: 2,
                took_us: sketch(&[20_000, 22_000]),
            },
        ],
        disconnects: vec![Disconnects {
            reason: Disconnect::HeartbeatTimeout,
            count: 2,
            lasted_ms: sketch(&[300_000, 301_000]),
        }],
        phases: vec![
            PhaseTimes {
                phase: Phase::Resolve,
                took_us: sketch(&[800, 2_100, 950, 20_000]),
            },
            PhaseTimes {
                phase: Phase::Connect,
                took_us: sketch(&[48_000, 61_000, 250_000]),
            },
            PhaseTimes {
                phase: Phase::Tls,
                took_us: sketch(&[95_000, 130_000]),
            },
        ],
        ready_us: sketch(&[190_000, 402_000]),
        rtt_us: sketch(&[61_000, 64_000, 71_000, 1_900_000]),
        ack_us: sketch(&[80_000, 82_000, 95_000, 96_000, 400_000]),
        stall_us: sketch(&[65_000_000]),
        backoff_us: sketch(&[400_000, 800_000]),
        outage_us: sketch(&[9_000_000]),
        network_changes: 1,
        sent: 41,
        received: 38,
        sent_bytes: 12_345,
        received_bytes: 98_765,
        up_ms: 51_000,
        down_ms: 9_000,
        tcp: Some(Tcp {
            samples: 6,
            rtt_us: sketch(&[60_000, 62_000]),
            rtt_var_us: sketch(&[4_000]),
            min_rtt_us: sketch(&[58_000]),
            segments: 120,
            retransmits: 5,
            lost: 1,
            delivery_rate: sketch(&[1_500_000]),
        }),
    };
    report(5, What::Connection(Box::new(window)))
}

pub(crate) fn run_began() -> Report {
    report(
        6,
        What::Run(Run {
            exit: None,
            uptime_ms: None,
            last: None,
        }),
    )
}

pub(crate) fn run_ended() -> Report {
    let run = Run {
        exit: Some(Exit::FreezeKill),
        uptime_ms: Some(7_384_000),
        last: Some(Last {
            around: Circumstances {
                foreground: Some(false),
                memory: Some(Pressure::Critical),
                ..Circumstances::default()
            },
            crumbs: vec![crumb(name!("screen_closed"), 61_000, vec![])],
        }),
    };
    report(7, What::Run(run))
}

pub(crate) fn loss() -> Report {
    let lost = |kind, reason, count| Lost {
        kind,
        reason,
        count,
    };
    let loss = Loss {
        lost: vec![
            lost(Kind::Crash, LossReason::Refused, 2),
            lost(Kind::Connection, LossReason::SpoolFull, 12),
        ],
    };
    report(8, What::Loss(loss))
}

/// One of every kind.
pub(crate) fn all() -> Vec<Report> {
    vec![
        run_began(),
        panic(),
        signal(),
        survived(),
        freeze(),
        deadlock(),
        connection(),
        run_ended(),
        loss(),
        overflow(),
        scrubbed(),
    ]
}
