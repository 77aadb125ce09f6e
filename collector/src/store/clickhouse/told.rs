//! What the summaries need of a report.

use super::cell::{Amount, Cell, Cells, FROZEN, STARTED, What};
use super::journal;
use super::regroup::unnamed_cell;
use crate::store::run_state::RunState;
use crate::store::{Arrival, Incoming, Lacking, ids, storm};
use candor_protocol::deidentify::{ModuleName, Name};
use candor_protocol::report::{self, Connection, Exit, Freeze, Kind, Lost, Report};
use serde::{Deserialize, Serialize};

const HOUR: u64 = 3_600;
const DAY: u64 = 86_400;
/// Seconds of a week.
pub(super) const WEEK: u64 = 7 * DAY;

/// A report, as far as it is counted.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) id: [u8; 16],
    pub(super) at: u64,
    /// To the hour.
    pub(super) arrived: u64,
    /// The key it was sent by; empty where that is not asked.
    pub(super) key: String,
    /// In which its reconnects count, if it has any.
    pub(super) minute: Option<u64>,
    pub(super) run: [u8; 16],
    pub(super) pseudonym: [u8; 16],
    pub(super) release: String,
    pub(super) os: String,
    pub(super) device: String,
    /// Of a crash or a freeze.
    pub(super) issue: u64,
    /// What its stacks were named without.
    pub(super) lacking: Vec<Lacking>,
    pub(super) said: Said,
}

/// What it says.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    Crash {
        fatal: bool,
        uptime_ms: u64,
    },
    /// Without its stacks.
    Freeze(Box<Freeze>),
    Run {
        exit: Option<Exit>,
        uptime_ms: u64,
    },
    Loss(Vec<Lost>),
    Connection(Box<Connection>),
}

/// Where a run counts. The order is that in which reports of one run disagree: the earliest counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RunCell {
    pub(super) at: u64,
    pub(super) release: String,
    pub(super) os: String,
    pub(super) device: String,
}

/// A run as it is known, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownRun {
    pub(super) pseudonym: [u8; 16],
    pub(super) state: RunState<RunCell>,
}

impl Said {
    fn of(what: &report::What) -> Self {
        match what {
            report::What::Crash(crash) => Self::Crash {
                fatal: crash.fatal,
                uptime_ms: crash.uptime_ms,
            },
            report::What::Freeze(freeze) => {
                let mut freeze = freeze.clone();
                (freeze.stacks, freeze.modules, freeze.holder) = Default::default();
                Self::Freeze(Box::new(freeze))
            }
            report::What::Run(run) => Self::Run {
                exit: run.exit,
                uptime_ms: run.uptime_ms.unwrap_or_default(),
            },
            report::What::Loss(loss) => Self::Loss(loss.lost.clone()),
            report::What::Connection(window) => Self::Connection(window.clone()),
        }
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Crash { .. } => Kind::Crash,
            Self::Freeze(_) => Kind::Freeze,
            Self::Run { .. } => Kind::Run,
            Self::Loss(_) => Kind::Loss,
            Self::Connection(_) => Kind::Connection,
        }
    }
}

/// Operating system and its version, as it is counted.
pub(super) fn os(report: &Report) -> String {
    let device = &report.device;
    match &device.os_version {
        Some(version) => format!("{} {}", device.os, version.as_str()),
        None => device.os.to_string(),
    }
}

impl Told {
    pub(super) fn of(report: &Report, issue: u64, arrived: u64) -> Self {
        let at = report.at.unix_seconds();
        let minute = match &report.what {
            report::What::Connection(window) if window.reconnects > 0 => {
                storm::minute_of(at, arrived)
            }
            _ => None,
        };
        Self {
            id: ids::report(&report.id),
            at,
            arrived: arrived - arrived % HOUR,
            key: String::new(),
            minute,
            run: ids::run(&report.run),
            pseudonym: ids::pseudonym(&report.pseudonym),
            release: report.release.as_str().to_owned(),
            os: os(report),
            device: report.device.class(),
            issue,
            lacking: Vec::new(),
            said: Said::of(&report.what),
        }
    }

    pub(super) fn of_incoming(incoming: &Incoming, arrived: Arrival) -> Self {
        let issue = incoming.issue.as_ref().map_or(0, |issue| issue.id.0);
        Self {
            key: journal::key_of(arrived),
            lacking: incoming.lacking.clone(),
            ..Self::of(&incoming.report, issue, arrived.at)
        }
    }

    fn cell(&self, what: What) -> Cell {
        Cell {
            what,
            at: self.at,
            release: self.release.clone(),
            ..Cell::default()
        }
    }

    fn classes(&self, what: What) -> Cell {
        Cell {
            os: self.os.clone(),
            device: self.device.clone(),
            ..self.cell(what)
        }
    }

    /// Counts the report in everything but runs, or counts it no longer where `sign` is -1.
    pub(super) fn count(&self, cells: &mut Cells, sign: i64) {
        match &self.said {
            Said::Crash { fatal, .. } => {
                self.count_fault(cells, if *fatal { "crash" } else { "handled" }, sign);
                self.count_issue(cells, *fatal, sign);
            }
            Said::Freeze(freeze) => {
                self.count_fault(cells, "freeze", sign);
                self.count_issue(cells, false, sign);
                let cell = Cell {
                    what: What::Freezes,
                    at: self.at,
                    issue: self.issue,
                    ..Cell::default()
                };
                cells.freeze(cell, freeze, sign);
            }
            Said::Connection(window) => self.count_window(cells, window, sign),
            Said::Run { .. } | Said::Loss(_) => {}
        }
    }

    fn count_fault(&self, cells: &mut Cells, fault: &str, sign: i64) {
        let cell = Cell {
            word: fault.to_owned(),
            ..self.cell(What::Faults)
        };
        cells.add(cell, Amount::n(sign));
    }

    fn count_issue(&self, cells: &mut Cells, fatal: bool, sign: i64) {
        let fatal = if fatal { sign } else { 0 };
        let amount = Amount::of(sign, fatal, 0);
        cells.add(self.of_issue(What::Issues), amount);
        self.count_sighting(cells, sign);
        if sign > 0 {
            for one in &self.lacking {
                let module = one.module.as_ref().map_or("", ModuleName::as_str);
                let build = one.build.as_str();
                let cell = unnamed_cell(self.issue, &self.release, build, module);
                cells.add(cell, Amount::n(1));
            }
        }
    }

    fn of_issue(&self, what: What) -> Cell {
        Cell {
            key: issue_key(self.issue),
            issue: self.issue,
            word: self.said.kind().as_str().to_owned(),
            ..self.classes(what)
        }
    }

    /// Counts who is behind an issue.
    fn count_sighting(&self, cells: &mut Cells, sign: i64) {
        let sighting = Cell {
            arrived: self.arrived,
            id: self.id,
            run: self.run,
            pseudonym: self.pseudonym,
            ..self.of_issue(What::Sighting)
        };
        cells.add(sighting, Amount::n(sign));
        let met = Cell {
            arrived: self.arrived,
            issue: self.issue,
            run: self.run,
            pseudonym: self.pseudonym,
            word: self.said.kind().as_str().to_owned(),
            ..self.cell(What::Met)
        };
        cells.add(met, Amount::n(sign));
    }

    /// Counts who is behind a window.
    fn count_link(&self, cells: &mut Cells, window: &Connection, sign: i64) {
        let link = Cell {
            at: self.at - self.at % WEEK,
            arrived: self.arrived - self.arrived % DAY,
            pseudonym: self.pseudonym,
            ..self.of_window(What::Link, window)
        };
        cells.add(link, Amount::n(sign));
    }

    /// Counts who it is of, and nothing else.
    pub(super) fn count_whom(&self, cells: &mut Cells) {
        match &self.said {
            Said::Crash { .. } | Said::Freeze(_) => self.count_sighting(cells, 1),
            Said::Connection(window) => self.count_link(cells, window, 1),
            Said::Run { .. } | Said::Loss(_) => {}
        }
    }

    /// Where a window of it is counted.
    fn of_window(&self, what: What, window: &Connection) -> Cell {
        Cell {
            os: self.os.clone(),
            region: window.region.as_ref().map_or("", Name::as_str).to_owned(),
            name: window.name.as_str().to_owned(),
            endpoint: window.endpoint.as_str().to_owned(),
            transport: window.transport.as_str().to_owned(),
            network: window.network.as_str().to_owned(),
            ..self.cell(what)
        }
    }

    fn count_window(&self, cells: &mut Cells, window: &Connection, sign: i64) {
        for (grain, at) in Grain::of(self.at) {
            let cell = Cell {
                at,
                flag: grain as u8,
                ..self.of_window(What::Connections, window)
            };
            cells.window(cell, (window, self.run), sign);
        }
        self.count_link(cells, window, sign);
        // Minutes count crowds and nobody in them, so nothing is taken out of them.
        if sign > 0 {
            for ((at, name, endpoint), attempts) in self.reconnects() {
                let cell = Cell {
                    what: What::Crowd,
                    at,
                    name,
                    endpoint,
                    pseudonym: self.pseudonym,
                    ..Cell::default()
                };
                cells.add(cell, Amount::n(attempts));
            }
        }
    }

    /// Attempts to reconnect, in their minute: of its connection, and of all connections together.
    pub(super) fn reconnects(&self) -> Vec<(CrowdKey, i64)> {
        let (Some(minute), Said::Connection(window)) = (self.minute, &self.said) else {
            return Vec::new();
        };
        let names = [("", ""), (window.name.as_str(), window.endpoint.as_str())];
        names
            .map(|(name, endpoint)| {
                let key = (minute, name.to_owned(), endpoint.to_owned());
                (key, window.reconnects.into())
            })
            .into()
    }

    /// What it says about its run.
    pub(super) fn run(&self) -> Option<KnownRun> {
        let cell = RunCell {
            at: self.at,
            release: self.release.clone(),
            os: self.os.clone(),
            device: self.device.clone(),
        };
        let state = match &self.said {
            Said::Run { exit, uptime_ms } => RunState::started(cell, *exit, *uptime_ms),
            Said::Crash { fatal, uptime_ms } => RunState::crashed(cell, *fatal, *uptime_ms),
            Said::Freeze(_) => RunState::froze(cell),
            Said::Connection(_) | Said::Loss(_) => return None,
        };
        Some(KnownRun {
            pseudonym: self.pseudonym,
            state,
        })
    }
}

/// A minute of one connection: when, name, endpoint. The empty names stand for all connections together.
pub(super) type CrowdKey = (u64, String, String);

/// The key by which rows of an issue stand together.
pub(super) fn issue_key(issue: u64) -> [u8; 16] {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&issue.to_be_bytes());
    key
}

/// How finely a sum tells the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    /// Of reports that tell the hour.
    Hour = 0,
    /// Of reports that tell the minute, by the hour.
    HourOfMinutes = 1,
    /// Of reports that tell the minute.
    Minute = 2,
}

impl Grain {
    /// The sums that a report of the moment `at` is in, each with its moment.
    fn of(at: u64) -> Vec<(Self, u64)> {
        match at % HOUR {
            0 => vec![(Self::Hour, at)],
            past => vec![(Self::HourOfMinutes, at - past), (Self::Minute, at)],
        }
    }
}

impl KnownRun {
    /// What both say. It stays whose it was.
    pub(super) fn and(self, said: Self) -> Self {
        Self {
            pseudonym: self.pseudonym,
            state: self.state.and(said.state),
        }
    }

    /// Counts the run where it is, or counts it no longer where `sign` is -1.
    pub(super) fn count(&self, cells: &mut Cells, run: [u8; 16], sign: i64) {
        let RunState {
            started,
            cell,
            exit,
            frozen,
            run_ms,
        } = &self.state;
        let frozen = if *frozen { FROZEN } else { 0 };
        let ms = i64::try_from(*run_ms).unwrap_or(i64::MAX) * sign;
        let amount = || Amount::of(sign, 0, ms);
        let runs = Cell {
            what: What::Runs,
            at: cell.at,
            release: cell.release.clone(),
            os: cell.os.clone(),
            device: cell.device.clone(),
            word: exit.map_or("", Exit::as_str).to_owned(),
            flag: frozen,
            ..Cell::default()
        };
        let known = Cell {
            what: What::Run,
            key: run,
            pseudonym: self.pseudonym,
            flag: frozen | if *started { STARTED } else { 0 },
            ..runs.clone()
        };
        let install = Cell {
            what: What::Install,
            at: cell.at,
            release: cell.release.clone(),
            pseudonym: self.pseudonym,
            ..Cell::default()
        };
        cells.add(runs, amount());
        cells.add(known, amount());
        cells.add(install, Amount::n(sign));
    }
}
