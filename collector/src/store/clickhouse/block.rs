//! What is inserted together, and the rows that it is made of.

use super::erasures::Tombstones;
use super::journal::{Entry, key_of};
use super::stamp::Stamp;
use super::told::Told;
use super::writer::{Job, Pending};
use crate::grouping::Grouped;
use crate::store::moving::{MovedIssue, MovedReport};
use crate::store::{Arrival, Incoming, Kept, StoreError, ids};
use candor_protocol::deidentify::AppName;
use clickhouse::Row;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What is known of reports before they are kept.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) tombstones: Tombstones,
    /// Ids of reports that were kept before.
    pub(super) kept: HashSet<[u8; 16]>,
}

impl Seen {
    fn first_erased(&self, reports: &[Incoming]) -> Option<u32> {
        let erased = reports.iter().find(|incoming| {
            let report = &incoming.report;
            self.tombstones.hold(
                ids::pseudonym(&report.pseudonym),
                report.at.unix_seconds(),
                report.release.as_str(),
            )
        });
        erased.map(|incoming| incoming.line)
    }
}

/// What is inserted together.
pub(super) struct Block {
    pub(super) stamp: Stamp,
    pub(super) reports: Vec<ReportRow>,
    pub(super) entries: Vec<(AppName, Entry)>,
    pub(super) issues: HashMap<(AppName, u64), Grouped>,
}

impl Block {
    pub(super) fn new(stamp: Stamp) -> Self {
        Self {
            stamp,
            reports: Vec::new(),
            entries: Vec::new(),
            issues: HashMap::new(),
        }
    }

    pub(super) fn take(
        &mut self,
        app: &AppName,
        jobs: Vec<(Arrival, Job)>,
        mut seen: Seen,
        pending: &mut Vec<Pending>,
    ) {
        for (arrived, job) in jobs {
            match job {
                Job::Keep { reports, done } => {
                    if let Some(line) = seen.first_erased(&reports) {
                        let _ = done.send(Ok(Kept::Erased { line }));
                        continue;
                    }
                    let bodies = reports.iter().map(|incoming| incoming.body.json());
                    let bodies: Vec<String> = match bodies.collect() {
                        Ok(bodies) => bodies,
                        Err(error) => {
                            let _ = done.send(Err(StoreError::Fault(error)));
                            continue;
                        }
                    };
                    let reports = reports.into_iter().zip(bodies).collect();
                    let kept = self.keep(app, reports, arrived, &mut seen.kept);
                    pending.push(Pending::Kept(done, kept));
                }
                Job::CountRefused {
                    reason,
                    reports,
                    done,
                } => {
                    let entry = Entry::Refused {
                        arrived: arrived.at,
                        key: key_of(arrived),
                        reason: reason.to_owned(),
                        reports: reports.into(),
                    };
                    self.entries.push((app.clone(), entry));
                    pending.push(Pending::Counted(done));
                }
                Job::Quarantine { reports, done } => {
                    let leaks = reports.iter().map(|leak| Entry::leak(leak, arrived));
                    self.entries.extend(leaks.map(|entry| (app.clone(), entry)));
                    pending.push(Pending::Counted(done));
                }
            }
        }
    }

    fn keep(
        &mut self,
        app: &AppName,
        reports: Vec<(Incoming, String)>,
        arrived: Arrival,
        kept: &mut HashSet<[u8; 16]>,
    ) -> Kept {
        let total = reports.len() as u32;
        let batch = Entry::Batch {
            arrived: arrived.at,
            key: key_of(arrived),
            reports: total.into(),
        };
        self.entries.push((app.clone(), batch));
        let mut stored = 0;
        for (incoming, json) in reports {
            if !kept.insert(ids::report(&incoming.report.id)) {
                continue;
            }
            stored += 1;
            let told = Told::of_incoming(&incoming, arrived);
            let seq = self.reports.len() as u32;
            self.reports
                .push(ReportRow::of(app, &told, self.stamp, seq, json));
            if let Some(issue) = incoming.issue {
                let key = (app.clone(), issue.id.0);
                self.issues.entry(key).or_insert(issue);
            }
            self.entries
                .push((app.clone(), Entry::Report(Box::new(told))));
        }
        Kept::Stored {
            stored,
            duplicates: total - stored,
        }
    }
}

/// A row of the table of reports.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct ReportRow {
    app: String,
    pseudonym: [u8; 16],
    id: [u8; 16],
    block: Stamp,
    seq: u32,
    kind: String,
    at: u64,
    arrived: u64,
    run: [u8; 16],
    release: String,
    issue: u64,
    body: String,
}

impl ReportRow {
    /// A report that was kept elsewhere.
    pub(super) fn moved(app: &AppName, report: MovedReport, block: Stamp, seq: u32) -> Self {
        Self {
            app: app.to_string(),
            pseudonym: report.pseudonym,
            id: report.id,
            block,
            seq,
            kind: report.kind,
            at: report.at,
            arrived: report.arrived,
            run: report.run,
            release: report.release,
            issue: report.issue,
            body: report.body,
        }
    }

    pub(super) fn of(app: &AppName, told: &Told, block: Stamp, seq: u32, body: String) -> Self {
        Self {
            app: app.to_string(),
            pseudonym: told.pseudonym,
            id: told.id,
            block,
            seq,
            kind: told.said.kind().as_str().to_owned(),
            at: told.at,
            arrived: told.arrived,
            run: told.run,
            release: told.release.clone(),
            issue: told.issue,
            body,
        }
    }
}

/// A row of the table of issues.
#[derive(Debug, Clone, Row, Serialize, Deserialize)]
pub(super) struct IssueRow {
    app: String,
    id: u64,
    kind: String,
    title: String,
    culprit: String,
    why: String,
    block: Stamp,
}

impl IssueRow {
    /// An issue that was known elsewhere, before everything that is kept here.
    pub(super) fn moved(app: &str, issue: MovedIssue) -> Self {
        Self {
            app: app.to_owned(),
            id: issue.id,
            kind: issue.kind,
            title: issue.title,
            culprit: issue.culprit,
            why: issue.why,
            block: Stamp::earliest(0),
        }
    }

    pub(super) fn of(app: &AppName, issue: &Grouped, block: Stamp) -> Result<Self, StoreError> {
        Ok(Self {
            app: app.to_string(),
            id: issue.id.0,
            kind: issue.kind.as_str().to_owned(),
            title: issue.title.clone(),
            culprit: issue.culprit.clone(),
            why: serde_json::to_string(&issue.why)
                .map_err(|error| StoreError::Fault(error.to_string()))?,
            block,
        })
    }
}
