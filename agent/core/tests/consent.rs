//! Flag × consent × what was disclosed × age × operator × purposes × what the developer switched on × what the collector asked to
//! leave out: the whole product, and of every cell what may be on the device and what may leave it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods
)]

use candor_agent::local::Device;
use candor_agent::*;
use candor_protocol::catalogue::FIELDS;
use candor_protocol::report::{Kind, Report};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
const DAY: u64 = 24 * 3600;
const OPERATOR: &str = "Example Ltd";
const PURPOSES: [&str; 2] = ["find faults", "compare releases"];

candor_agent::crumbs! {
    enum Crumb {
        Opened = "opened" { took_ms: Duration },
    }
}

/// A carrier that takes everything and remembers it.
#[derive(Default)]
struct Taking(Mutex<Vec<Report>>);

impl Carrier for Taking {
    fn send(&self, request: Request) -> Sending<'_> {
        let batch = candor_protocol::batch::unpack(&request.body).unwrap();
        let reports = batch
            .lines()
            .map(|(_, line)| Report::from_json(line).unwrap());
        self.0.lock().unwrap().extend(reports);
        Box::pin(async { Outcome::Delivered })
    }
}

/// One cell of the product.
#[derive(Debug, Clone, Copy)]
struct Cell {
    flag: Extension,
    /// What the user was asked and said, in words.
    said: &'static str,
    /// Version of the catalogue that was disclosed.
    catalogue: u32,
    age: Age,
    operator: &'static str,
    /// How many of the purposes were agreed to.
    purposes: usize,
    extras: &'static [Extra],
    narrowing: Narrowing,
}

/// What the collector asked to leave out.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Narrowing {
    Nothing,
    Usage,
    Crashes,
    Everything,
}

impl Narrowing {
    fn json(self) -> String {
        match self {
            Self::Nothing => "{}".to_owned(),
            Self::Usage => r#"{"extras_off":["usage"]}"#.to_owned(),
            Self::Crashes => r#"{"kinds_off":["crash"]}"#.to_owned(),
            Self::Everything => format!(r#"{{"off_until":{}}}"#, u64::MAX / 2),
        }
    }
}

/// What a cell should come to.
#[derive(Debug, PartialEq)]
enum Outlook {
    /// Not one file.
    Inert,
    /// The host is told that the consent is not complete, or does not cover what would be done.
    Error { ask_again: bool },
    /// The collector wants nothing for now.
    Waits,
    /// These fields and kinds at most.
    Records {
        extras: Vec<Extra>,
        crashes: bool,
        child: bool,
    },
}

impl Cell {
    fn consent(&self) -> Consent {
        Consent {
            sdk: "im-sdk".into(),
            operator: self.operator.into(),
            purposes: PURPOSES[..self.purposes]
                .iter()
                .map(|&one| one.into())
                .collect(),
            policy_version: "3".into(),
            text_sha256: "0".repeat(64),
            locale: "en".into(),
            given_at: 1,
            catalogue: self.catalogue,
            age: self.age,
        }
    }

    fn choice(&self) -> Choice {
        match self.said {
            "nothing yet" => Choice::NotAsked,
            "could not be asked" => Choice::CouldNotAsk,
            "no" => Choice::Declined,
            "no longer" => Choice::Withdrawn,
            _ => Choice::Granted(self.consent()),
        }
    }

    /// Whether the text that the user read can have named what this switches on.
    fn discloses(&self, extra: Extra) -> bool {
        let mut of = FIELDS.iter().filter(|field| field.extra == Some(extra));
        of.any(|field| field.since <= self.catalogue)
    }

    /// The rules, once more and in other words than the agent's.
    fn outlook(&self) -> Outlook {
        if self.flag == Extension::Off || self.said != "yes" {
            return Outlook::Inert;
        }
        if self.age == Age::Under14 || self.catalogue == 0 || self.purposes == 0 {
            return Outlook::Error { ask_again: false };
        }
        if self.operator != OPERATOR || self.purposes < PURPOSES.len() {
            return Outlook::Error { ask_again: true };
        }
        if self.narrowing == Narrowing::Everything {
            return Outlook::Waits;
        }
        let child = self.age == Age::Under14WithGuardian;
        let extras = self.extras.iter().copied();
        Outlook::Records {
            extras: extras
                .filter(|extra| !child && self.discloses(*extra))
                .filter(|extra| self.narrowing != Narrowing::Usage || *extra != Extra::Usage)
                .collect(),
            crashes: self.narrowing != Narrowing::Crashes,
            child,
        }
    }
}

fn product() -> Vec<Cell> {
    const NARROWINGS: [Narrowing; 4] = [
        Narrowing::Nothing,
        Narrowing::Usage,
        Narrowing::Crashes,
        Narrowing::Everything,
    ];
    let mut cells = Vec::new();
    for flag in [Extension::Off, Extension::On] {
        for said in [
            "nothing yet",
            "could not be asked",
            "no",
            "no longer",
            "yes",
        ] {
            for catalogue in 0..=CATALOGUE {
                for age in [
                    Age::Unknown,
                    Age::FourteenOrOlder,
                    Age::Under14WithGuardian,
                    Age::Under14,
                ] {
                    for operator in [OPERATOR, "Another Ltd"] {
                        for purposes in 0..=PURPOSES.len() {
                            for extras in [&[][..], &[Extra::Foreground][..], Extra::ALL] {
                                for narrowing in NARROWINGS {
                                    cells.push(Cell {
                                        flag,
                                        said,
                                        catalogue,
                                        age,
                                        operator,
                                        purposes,
                                        extras,
                                        narrowing,
                                    });
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    cells
}

/// The paths of a value as the catalogue writes them.
fn paths(value: &serde_json::Value, path: &str, into: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => fields.iter().for_each(|(name, inner)| {
            let dot = if path.is_empty() { "" } else { "." };
            paths(inner, &format!("{path}{dot}{name}"), into);
        }),
        serde_json::Value::Array(elements) => elements
            .iter()
            .for_each(|inner| paths(inner, &format!("{path}[]"), into)),
        _ => {
            into.insert(path.to_owned());
        }
    }
}

fn is_declared(path: &str, cell: &Cell, extras: &[Extra]) -> bool {
    // What a sketch holds is one field.
    let field = FIELDS
        .iter()
        .find(|field| path == field.path || path.starts_with(&format!("{}[", field.path)));
    field.is_some_and(|field| {
        field.since <= cell.catalogue && field.extra.is_none_or(|extra| extras.contains(&extra))
    })
}

/// Everything that an app can do to be recorded.
fn live(agent: &Agent) {
    agent.foreground(true);
    agent
        .breadcrumbs::<Crumb>()
        .add(Crumb::Opened { took_ms: PATIENCE });
    let link = agent.connection(name!("longlink"), name!("chat"), Transport::Tcp);
    link.attempt().failed(Phase::Connect, Failure::Refused);
    let _ = std::panic::catch_unwind(|| panic!("it broke"));
    agent.shutdown(PATIENCE);
}

fn files(dir: &Path) -> usize {
    std::fs::read_dir(dir).map_or(0, Iterator::count)
}

fn try_cell(cell: &Cell) {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("apm");
    let outlook = cell.outlook();
    // What the collector said is on the disk only where an agent has run before.
    let narrowed = matches!(outlook, Outlook::Waits | Outlook::Records { .. });
    if narrowed && cell.narrowing != Narrowing::Nothing {
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("narrowing.json"), cell.narrowing.json()).unwrap();
    }
    let before = files(&dir);
    let carrier = Arc::new(Taking::default());
    let mut settings = Settings::new("im-demo", "1.4.0", "http://127.0.0.1:9", "ck_test", &dir)
        .carrier(carrier.clone())
        .terms(Terms {
            operator: OPERATOR.into(),
            purposes: PURPOSES.map(str::to_owned).into(),
        });
    for extra in cell.extras {
        settings = settings.extra(*extra);
    }
    let started = Agent::start(cell.flag, cell.choice(), settings);
    let agent = match (&outlook, started) {
        (Outlook::Error { ask_again }, started) => {
            let Err(StartError::Consent(error)) = started else {
                panic!("{cell:?}: {started:?}");
            };
            assert_eq!(error.must_ask_again(), *ask_again, "{cell:?}: {error}");
            assert!(!dir.exists(), "{cell:?}");
            return;
        }
        (_, started) => started.unwrap(),
    };
    live(&agent);
    let reports = std::mem::take(&mut *carrier.0.lock().unwrap());
    let Outlook::Records {
        extras,
        crashes,
        child,
    } = outlook
    else {
        assert_eq!((files(&dir), reports.len()), (before, 0), "{cell:?}");
        return;
    };
    let mut sent = BTreeSet::new();
    for report in &reports {
        paths(&serde_json::to_value(report).unwrap(), "", &mut sent);
    }
    for path in &sent {
        assert!(is_declared(path, cell, &extras), "{cell:?}: {path}");
    }
    // What may be told is told, so that the line above says something.
    let tells = |path: &str| sent.iter().any(|sent| sent.starts_with(path));
    assert!(tells("what.connection.failures"), "{cell:?}");
    assert_eq!(tells("what.crash.cause.panic.message"), crashes, "{cell:?}");
    for (extra, path) in [
        (Extra::Foreground, "what.crash.around.foreground"),
        (Extra::Breadcrumbs, "what.crash.crumbs[].name"),
    ] {
        let told = crashes && extras.contains(&extra);
        assert_eq!(tells(path), told, "{cell:?}: {path}");
    }
    let has = |kind| reports.iter().any(|report| report.what.kind() == kind);
    assert!(has(Kind::Run) && has(Kind::Connection), "{cell:?}");
    let grant = Device::open(&dir).status(0).unwrap().grant.unwrap();
    let longest = if child { DAY } else { 7 * DAY };
    assert_eq!(grant.spool_age_seconds, longest, "{cell:?}");
    assert_eq!(grant.consent, cell.consent(), "{cell:?}");
}

#[test]
fn of_every_combination_only_what_both_people_allow_is_recorded_and_sent() {
    let cells = product();
    let (mut recorded, mut refused, mut inert) = (0, 0, 0);
    for cell in &cells {
        match cell.outlook() {
            Outlook::Records { .. } => recorded += 1,
            Outlook::Error { .. } => refused += 1,
            Outlook::Inert | Outlook::Waits => inert += 1,
        }
        try_cell(cell);
    }
    // One of ten answers to two questions lets anything happen at all.
    assert!(inert > cells.len() * 8 / 10, "{inert} of {}", cells.len());
    assert!(
        refused > recorded && recorded >= 50,
        "{recorded}, {refused}"
    );
}

#[test]
fn every_part_of_a_consent_that_is_missing_is_an_error_of_its_own() {
    let whole = Cell {
        flag: Extension::On,
        said: "yes",
        catalogue: CATALOGUE,
        age: Age::Unknown,
        operator: OPERATOR,
        purposes: 2,
        extras: &[],
        narrowing: Narrowing::Nothing,
    };
    type Change = fn(&mut Consent);
    let without: [(&str, Change); 11] = [
        ("the SDK's name", |consent| consent.sdk.clear()),
        ("the operator", |consent| consent.operator = " ".into()),
        ("the purposes", |consent| consent.purposes.clear()),
        ("the purposes", |consent| {
            consent.purposes.push(String::new())
        }),
        ("the version of the policy", |consent| {
            consent.policy_version.clear()
        }),
        ("the hash", |consent| consent.text_sha256.clear()),
        ("the hash", |consent| consent.text_sha256 = "g".repeat(64)),
        ("the language", |consent| consent.locale.clear()),
        ("the time", |consent| consent.given_at = 0),
        ("the version of the catalogue", |consent| {
            consent.catalogue = 0
        }),
        ("a child under 14", |consent| consent.age = Age::Under14),
    ];
    assert_eq!(whole.consent().check(), Ok(()));
    for (part, leave_out) in without {
        let mut consent = whole.consent();
        leave_out(&mut consent);
        let error = consent.check().unwrap_err();
        assert!(error.to_string().contains(part), "{part}: {error}");
        assert!(!error.must_ask_again(), "{part}");
    }
}
