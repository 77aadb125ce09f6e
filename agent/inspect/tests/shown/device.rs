//! A directory as the agent leaves it, written by the words of `agent/core/src/spool/FORMAT.md` and not by the agent's code,
//! so that the two check each other.

use crate::support::{Said, candor_on};
use candor_protocol::report::{Kind, Report};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

impl Said {
    /// What it said on standard error when it failed.
    #[track_caller]
    pub(crate) fn badly(self) -> String {
        assert_eq!(
            (self.code, self.out.as_str()),
            (Some(1), ""),
            "{}",
            self.err
        );
        self.err
    }
}

pub(crate) struct Device {
    dir: tempfile::TempDir,
}

/// 2026-03-14 09:12:31 UTC.
pub(crate) const NOW: u64 = 1_773_479_551;

impl Device {
    /// A directory with nothing in it.
    pub(crate) fn empty() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// A device with a consent, a history of uploads and losses, and `reports` waiting.
    pub(crate) fn with(reports: &[Report]) -> Self {
        let device = Self::empty();
        device
            .write("grant.json", GRANT)
            .write("ledger.json", LEDGER);
        // As the ledger has numbered them so far.
        let mut numbers = BTreeMap::from([
            (Kind::Crash, 100),
            (Kind::Freeze, 100),
            (Kind::Run, 90),
            (Kind::Connection, 70),
        ]);
        for report in reports {
            let number = numbers.entry(report.what.kind()).or_default();
            *number += 1;
            device.spool(*number, report);
        }
        device
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) -> &Self {
        let path = self.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Puts a report into the spool; returns its file.
    pub(crate) fn spool(&self, number: u64, report: &Report) -> PathBuf {
        let line = serde_json::to_string(report).unwrap();
        let mut crc = flate2::Crc::new();
        crc.update(line.as_bytes());
        let file = format!(
            "spool/{}-{number}-{}-{}.report",
            report.what.kind(),
            NOW + number,
            report.id
        );
        self.write(
            &file,
            format!("candor-spool 1 {} {:08x}\n{line}\n", line.len(), crc.sum()),
        );
        self.path().join(file)
    }

    pub(crate) fn candor(&self, arguments: &[&str]) -> Said {
        candor_on(self.path(), arguments)
    }
}

const GRANT: &str = r#"{
    "app": "im-demo",
    "release": "1.4.0",
    "collector": "https://collector.example",
    "consent": {
        "sdk": "im-sdk",
        "operator": "Example Ltd",
        "purposes": ["find faults", "measure connections"],
        "policy_version": "3",
        "text_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "locale": "en",
        "given_at": 1773300000,
        "catalogue": 2,
        "age": "unknown"
    },
    "extras": ["breadcrumbs", "foreground", "usage"],
    "spool_bytes": 65536,
    "spool_reports": 2000,
    "spool_age_seconds": 604800,
    "precision_seconds": 3600
}"#;

const LEDGER: &str = r#"{
    "numbered": {"crash": 100, "freeze": 100, "run": 90, "connection": 70},
    "delivered": {"crash": 98, "freeze": 100, "run": 90, "connection": 58},
    "lost": {"crash": {"refused": 2}, "connection": {"spool_full": 12, "too_old": 3}},
    "dropped": {"connection": 3},
    "told": {},
    "settled": [],
    "telling": null,
    "folded": [],
    "uploads": [
        {"at": 1773470000, "reports": 40, "bytes": 5120},
        {"at": 1773475000, "reports": 12, "bytes": 2345}
    ]
}"#;
