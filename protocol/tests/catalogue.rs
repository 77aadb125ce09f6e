//! The catalogue and the wire types say the same.

use candor_protocol::catalogue::{self, FIELDS, keep, newer};
use candor_protocol::deidentify::{
    Amount, BuildId, CleanText, ModuleName, Name, Pseudonym, Release, ReportId, RunId, SourcePath,
    ThreadName,
};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::*;
use candor_protocol::sketch::Sketch;
use serde_json::Value;
use std::collections::BTreeSet;

fn report(what: What) -> Report {
    Report {
        id: ReportId::from_bytes([1; 16]),
        at: Moment::round(1_767_225_600, Precision::Hour),
        run: RunId::from_bytes([2; 16]),
        pseudonym: Pseudonym::from_bytes([3; 16]),
        release: Release::parse("1.2.3").unwrap(),
        device: Device::coarse(Os::Linux, Some("12.4"), Arch::X86_64, 8, 16 << 30),
        what,
    }
}

fn modules() -> Vec<Module> {
    vec![Module {
        build_id: Some(BuildId::parse("00112233445566778899aabbccddeeff00112233").unwrap()),
        name: Some(ModuleName::scrub("/opt/app/lib/libim.so")),
    }]
}

fn stack() -> Stack {
    let frame = Frame {
        module: Some(0),
        offset: Offset(0x1a2b),
        found: Found::Cfi,
    };
    Stack {
        frames: vec![frame],
        left_out: 9,
        outermost: 1,
        end: Some(StackEnd::Lost),
    }
}

fn thread() -> Thread {
    Thread {
        main: true,
        name: Some(ThreadName::scrub("main")),
        stack: stack(),
    }
}

fn around() -> Circumstances {
    Circumstances {
        foreground: Some(true),
        memory: Some(Pressure::High),
        resident_mib: Some(128),
        open_files: Some(Pressure::Low),
    }
}

fn crumb() -> Crumb {
    Crumb {
        name: Name::declare("message_sent"),
        before_ms: 40,
        values: vec![
            CrumbValue::Number {
                name: Name::declare("bytes"),
                is: Amount::round(1234),
            },
            CrumbValue::Word {
                name: Name::declare("screen"),
                is: Name::declare("chat"),
            },
        ],
    }
}

fn sketch() -> Sketch {
    let mut sketch = Sketch::default();
    sketch.record(1500);
    sketch
}

/// One report of every shape, with every field present.
fn everything() -> Vec<Report> {
    let crash = |cause| {
        What::Crash(Crash {
            cause,
            fatal: true,
            thread: thread(),
            others: vec![thread()],
            modules: modules(),
            uptime_ms: 5,
            around: around(),
            crumbs: vec![crumb()],
            notes: vec![Note::Damaged],
        })
    };
    vec![
        report(crash(Cause::Panic {
            message: CleanText::scrub("index out of bounds: the len is 3 but the index is 7"),
            at: Some(SourceLine {
                file: SourcePath::scrub("src/store.rs"),
                line: 7,
            }),
            signal: Some(SignalName::Abrt),
        })),
        report(crash(Cause::Signal {
            signal: SignalName::Segv,
            origin: Origin::Kernel,
            fault: Fault::NullLike,
            code: Some(1),
        })),
        report(What::Freeze(Freeze {
            watch: Name::declare("main_loop"),
            turn: Some(Name::declare("decode")),
            main: true,
            took_ms: 3000,
            threshold_ms: 2000,
            not_responding_ms: Some(5000),
            end: FreezeEnd::Recovered,
            activity: Activity::Blocked,
            wait: Some(Wait::Futex),
            cpu_percent: Some(3),
            holder: Some(Holder {
                main: false,
                name: Some(ThreadName::scrub("decoder")),
                stack: Some(stack()),
            }),
            stacks: vec![StackCount {
                count: 4,
                ms: 1_000,
                stack: stack(),
            }],
            modules: modules(),
        })),
        report(What::Connection(Box::new(Connection {
            name: Name::declare("longlink"),
            endpoint: Name::declare("gateway"),
            region: Some(Name::declare("eu")),
            transport: Transport::Tcp,
            network: Network::Wifi,
            seconds: 60,
            attempts: 2,
            ready: 1,
            reconnects: 1,
            failures: vec![Failures {
                phase: Phase::Connect,
                failure: Failure::Timeout,
                count: 1,
            }],
            tries: vec![Tries {
                family: Family::V6,
                order: 1,
                tried: 2,
                connected: 1,
                took_us: sketch(),
            }],
            disconnects: vec![Disconnects {
                reason: Disconnect::Reset,
                count: 1,
                lasted_ms: sketch(),
            }],
            phases: vec![PhaseTimes {
                phase: Phase::Connect,
                took_us: sketch(),
            }],
            ready_us: sketch(),
            rtt_us: sketch(),
            ack_us: sketch(),
            stall_us: sketch(),
            backoff_us: sketch(),
            outage_us: sketch(),
            network_changes: 1,
            sent: 1,
            received: 2,
            sent_bytes: 3,
            received_bytes: 4,
            up_ms: 5,
            down_ms: 6,
            tcp: Some(Tcp {
                samples: 7,
                rtt_us: sketch(),
                rtt_var_us: sketch(),
                min_rtt_us: sketch(),
                segments: 8,
                retransmits: 9,
                lost: 10,
                delivery_rate: sketch(),
            }),
        }))),
        report(What::Run(Run {
            exit: Some(Exit::Clean),
            uptime_ms: Some(7),
            last: Some(Last {
                around: around(),
                crumbs: vec![crumb()],
            }),
        })),
        report(What::Loss(Loss {
            lost: vec![Lost {
                kind: Kind::Freeze,
                reason: LossReason::SpoolFull,
                count: 3,
            }],
        })),
    ]
}

fn paths(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let path = if path.is_empty() {
                    name.clone()
                } else {
                    format!("{path}.{name}")
                };
                paths(value, &path, into);
            }
        }
        Value::Array(elements) => elements
            .iter()
            .for_each(|element| paths(element, &format!("{path}[]"), into)),
        _ => {
            into.insert(path.to_owned());
        }
    }
}

#[test]
fn every_field_that_can_be_sent_is_declared_and_every_declared_field_can_be_sent() {
    let mut sent = BTreeSet::new();
    for report in everything() {
        paths(&serde_json::to_value(&report).unwrap(), "", &mut sent);
    }
    let declared: BTreeSet<String> = FIELDS.iter().map(|field| field.path.to_owned()).collect();
    assert_eq!(declared.len(), FIELDS.len(), "a field is declared twice");
    assert_eq!(
        sent.difference(&declared).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "sent, but not declared"
    );
    assert_eq!(
        declared.difference(&sent).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "declared, but never sent"
    );
}

#[test]
fn what_is_written_is_read_back_the_same() {
    for report in everything() {
        let line = serde_json::to_string(&report).unwrap();
        assert_eq!(Report::from_json(&line).unwrap(), report);
    }
}

#[test]
fn an_undeclared_field_is_refused_wherever_it_stands() {
    fn insert_everywhere(value: &Value, refused: &mut u32, whole: &dyn Fn(Value) -> Value) {
        match value {
            Value::Object(fields) => {
                let mut with_extra = fields.clone();
                with_extra.insert("hostname".into(), Value::String("x".into()));
                let line = whole(Value::Object(with_extra)).to_string();
                assert!(Report::from_json(&line).is_err(), "accepted: {line}");
                *refused += 1;
                for (name, inner) in fields {
                    let rebuild = |inner: Value| {
                        let mut fields = fields.clone();
                        fields.insert(name.clone(), inner);
                        whole(Value::Object(fields))
                    };
                    insert_everywhere(inner, refused, &rebuild);
                }
            }
            Value::Array(elements) => {
                for (index, inner) in elements.iter().enumerate() {
                    let rebuild = |inner: Value| {
                        let mut elements = elements.clone();
                        elements[index] = inner;
                        whole(Value::Array(elements))
                    };
                    insert_everywhere(inner, refused, &rebuild);
                }
            }
            _ => {}
        }
    }
    let mut refused = 0;
    for report in everything() {
        insert_everywhere(
            &serde_json::to_value(&report).unwrap(),
            &mut refused,
            &|value| value,
        );
    }
    assert!(refused > 30, "the test looked at only {refused} places");
}

#[test]
fn a_report_that_contradicts_itself_is_refused_with_the_reason() {
    let mut report = everything().remove(0);
    if let What::Crash(crash) = &mut report.what {
        crash.thread.stack.frames[0].module = Some(1);
    }
    let refused = Report::from_json(&serde_json::to_string(&report).unwrap()).unwrap_err();
    assert!(refused.contains("module"), "{refused}");
}

#[test]
fn a_report_can_do_without_whatever_was_declared_later_or_is_optional() {
    for version in 1..=catalogue::VERSION {
        let allowed = |field: &catalogue::Field| field.since <= version && field.extra.is_none();
        for report in everything() {
            let kept = keep(report, &allowed).expect("the older fields are enough");
            let mut left = BTreeSet::new();
            paths(&serde_json::to_value(&kept).unwrap(), "", &mut left);
            let forbidden = FIELDS.iter().filter(|field| !allowed(field));
            for field in forbidden {
                assert!(!left.contains(field.path), "{} is still there", field.path);
            }
        }
    }
}

#[test]
fn what_is_allowed_is_kept_as_it_is_and_what_a_report_needs_cannot_be_left_out() {
    for report in everything() {
        assert_eq!(keep(report.clone(), &|_| true), Some(report.clone()));
        assert_eq!(keep(report, &|field| field.path != "pseudonym"), None);
    }
}

/// The report of everything with only one of the fields that came after `version`, if it can be read so.
fn with_one_newer(report: &Report, version: u32, path: &str) -> Option<String> {
    let kept = keep(report.clone(), &|field| {
        field.since <= version || field.path == path
    })?;
    let mut there = BTreeSet::new();
    paths(&serde_json::to_value(&kept).unwrap(), "", &mut there);
    there
        .contains(path)
        .then(|| serde_json::to_string(&kept).unwrap())
}

#[test]
fn a_field_that_a_version_does_not_have_is_found_and_no_other() {
    for version in 1..=catalogue::VERSION {
        for report in everything() {
            let line = serde_json::to_string(&report).unwrap();
            let mut there = BTreeSet::new();
            paths(&serde_json::to_value(&report).unwrap(), "", &mut there);
            let later = FIELDS
                .iter()
                .filter(|field| field.since > version && there.contains(field.path));
            assert_eq!(newer(&line, version).is_some(), later.count() > 0, "{line}");
            let old = keep(report, &|field| field.since <= version).unwrap();
            let line = serde_json::to_string(&old).unwrap();
            assert_eq!(newer(&line, version), None, "{line}");
        }
    }
}

#[test]
fn each_field_that_came_later_is_called_by_its_name() {
    for field in FIELDS.iter().filter(|field| field.since > 1) {
        let version = field.since - 1;
        let lines: Vec<String> = everything()
            .iter()
            .filter_map(|report| with_one_newer(report, version, field.path))
            .collect();
        // Some cannot stand alone: a breadcrumb without a name is none.
        for line in &lines {
            let found = newer(line, version).expect("it is found");
            assert_eq!(found.path, field.path);
            assert_eq!(newer(line, field.since), None);
        }
    }
    let alone = FIELDS
        .iter()
        .filter(|field| field.since > 1)
        .filter(|field| {
            let with = |report| with_one_newer(report, field.since - 1, field.path);
            everything().iter().any(|report| with(report).is_some())
        });
    assert!(alone.count() >= 15, "most can stand alone");
}

#[test]
fn what_is_no_report_has_no_newer_field() {
    for line in [
        "",
        "{",
        "[1,{}]",
        "null",
        "{\"what\":7}",
        "{\"what\":{\"crash\":[]}}",
    ] {
        assert_eq!(newer(line, 1), None, "{line}");
    }
}
