//! Whether all that was recorded arrived, and whether it is what the clients were told to do. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::arrived::{Arrived, Issue};
use super::device::Story;
use super::ledger::{Counts, Ledger};
use super::table::{Align, Table};
use crate::misbehave::Fault;

/// Everything that is known at the end.
#[derive(Debug, Clone, Default)]
pub(super) struct Verdict {
    /// What the devices say, summed.
    pub(super) devices: Ledger,
    /// What the collector says.
    pub(super) arrived: Arrived,
    /// Devices without permission that left files.
    pub(super) strays: Vec<String>,
    /// What the clients did on command.
    pub(super) told: Vec<Story>,
}

/// The account of one kind of report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    recorded: u64,
    arrived: u64,
    lost: u64,
    waiting: u64,
    /// Acknowledged to a device, and not at the collector.
    missing: u64,
    /// At the collector more often than on the devices.
    doubled: u64,
}

impl Verdict {
    fn accounts(&self) -> BTreeMap<&str, Account> {
        let (devices, stored) = (&self.devices, &self.arrived.ledger.stored);
        let kinds: BTreeSet<&String> = devices.recorded.keys().chain(stored.keys()).collect();
        let get = |counts: &Counts, kind: &str| counts.get(kind).copied().unwrap_or_default();
        let account = |kind: &str| {
            let (delivered, arrived) = (get(&devices.delivered, kind), get(stored, kind));
            let waiting = get(&devices.waiting, kind);
            Account {
                recorded: get(&devices.recorded, kind),
                arrived,
                lost: get(&devices.lost, kind),
                waiting,
                missing: delivered.saturating_sub(arrived),
                // What waits may have arrived without the device knowing.
                doubled: arrived.saturating_sub(delivered + waiting),
            }
        };
        kinds
            .into_iter()
            .map(|kind| (kind.as_str(), account(kind)))
            .collect()
    }

    /// How often the clients that may report were told to misbehave so that `place` names a function.
    fn told(&self, place: impl Fn(Fault) -> Option<&'static str>) -> BTreeMap<&'static str, u64> {
        let mut told = BTreeMap::new();
        for story in self.told.iter().filter(|story| story.permitted) {
            for function in story.faults.iter().filter_map(|fault| place(*fault)) {
                *told.entry(function).or_default() += 1;
            }
        }
        told
    }

    fn shows_crash(&self, function: &str) -> bool {
        self.arrived
            .crashes
            .iter()
            .any(|issue| issue.own.first().is_some_and(|top| names(top, function)))
    }

    fn shows_freeze(&self, function: &str) -> bool {
        let through = |issue: &Issue| issue.own.iter().any(|name| names(name, function));
        self.arrived.freezes.iter().any(through)
    }

    /// What a person reads at the end.
    pub(super) fn table(&self) -> String {
        let mut reports = Table::new(
            [
                "report", "recorded", "arrived", "lost", "waiting", "missing", "doubled",
            ],
            Align::Right,
        );
        for (kind, a) in self.accounts() {
            if a.recorded + a.arrived == 0 {
                continue;
            }
            reports.row(
                [kind.to_owned()],
                [
                    a.recorded, a.arrived, a.lost, a.waiting, a.missing, a.doubled,
                ],
            );
        }
        let mut faults = Table::new(["told to", "in", "times", "on the dashboard"], Align::Left);
        let yes = |shown: bool| if shown { "yes" } else { "NO" };
        for (function, times) in self.told(Fault::crashes_in) {
            let shown = yes(self.shows_crash(function));
            faults.words(["crash", function, &times.to_string(), shown]);
        }
        for (function, times) in self.told(Fault::freezes_in) {
            let shown = yes(self.shows_freeze(function));
            faults.words(["freeze", function, &times.to_string(), shown]);
        }
        let silent = self.told.iter().filter(|story| !story.permitted).count();
        format!(
            "\n{reports}\nreports that arrived again and were counted once: {}\n\n{faults}\ndevices without permission: {silent}; \
             files they left: {}\n",
            self.arrived.ledger.duplicates,
            if self.strays.is_empty() {
                "none"
            } else {
                "SOME"
            },
        )
    }

    /// What is not as it should be, a sentence each. Empty when all is well.
    pub(super) fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self
            .told
            .iter()
            .flat_map(|story| story.surprises.clone())
            .collect();
        for (kind, a) in self.accounts() {
            for (count, what) in [
                (a.missing, "were acknowledged and are not at the collector"),
                (a.doubled, "are at the collector more than once"),
                (a.waiting, "still wait on a device"),
                (a.lost, "were lost on a device"),
            ] {
                if count > 0 {
                    problems.push(format!("{count} {kind} reports {what}"));
                }
            }
        }
        for (reason, count) in &self.arrived.ledger.refused {
            problems.push(format!("the collector refused {count}: {reason}"));
        }
        let recorded = |kind: &str| self.devices.recorded.get(kind).copied().unwrap_or_default();
        let (crashes, freezes) = (self.told(Fault::crashes_in), self.told(Fault::freezes_in));
        let (told_crashes, told_freezes): (u64, u64) =
            (crashes.values().sum(), freezes.values().sum());
        if recorded("crash") != told_crashes {
            problems.push(format!(
                "{told_crashes} crashes were told and {} recorded",
                recorded("crash")
            ));
        }
        // A busy machine may hold a client up of its own accord.
        if recorded("freeze") < told_freezes {
            problems.push(format!(
                "{told_freezes} freezes were told and {} recorded",
                recorded("freeze")
            ));
        }
        for function in crashes.keys().filter(|f| !self.shows_crash(f)) {
            problems.push(format!("the dashboard shows no crash in {function}"));
        }
        for function in freezes.keys().filter(|f| !self.shows_freeze(f)) {
            problems.push(format!("the dashboard shows no freeze in {function}"));
        }
        for user in &self.strays {
            problems.push(format!("{user} gave no permission, and files were left"));
        }
        problems
    }
}

/// Whether `shown`, perhaps with a hash or generic arguments behind, is `function`.
fn names(shown: &str, function: &str) -> bool {
    shown
        .strip_prefix(function)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::h") || rest.starts_with('<'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(kinds: &[(&str, u64)]) -> Counts {
        kinds
            .iter()
            .map(|(kind, count)| ((*kind).to_owned(), *count))
            .collect()
    }

    fn set(counts: &mut Counts, kind: &str, count: u64) {
        counts.insert(kind.to_owned(), count);
    }

    /// One crash and its run, recorded, delivered and stored.
    fn all_well() -> Verdict {
        let reports = counts(&[("crash", 1), ("run", 4)]);
        let mut verdict = Verdict::default();
        verdict.devices.recorded = reports.clone();
        verdict.devices.delivered = reports.clone();
        verdict.arrived.ledger.stored = reports;
        verdict.arrived.crashes = vec![Issue {
            own: vec!["im::app::history::parse_header".into()],
        }];
        verdict.told = vec![Story {
            permitted: true,
            faults: vec![Fault::Panic],
            surprises: vec![],
        }];
        verdict
    }

    #[test]
    fn when_everything_arrived_once_there_is_nothing_to_complain_about() {
        let verdict = all_well();
        assert_eq!(verdict.problems(), Vec::<String>::new());
        let table = verdict.table();
        assert!(
            table.contains("im::app::history::parse_header  1      yes"),
            "{table}"
        );
    }

    #[test]
    fn whatever_is_not_where_it_should_be_is_named() {
        type Change = fn(&mut Verdict);
        let stories: [(Change, &str); 12] = [
            (
                |v| set(&mut v.arrived.ledger.stored, "run", 3),
                "1 run reports were acknowledged and are not",
            ),
            (
                |v| set(&mut v.arrived.ledger.stored, "run", 6),
                "2 run reports are at the collector more than once",
            ),
            (
                |v| set(&mut v.arrived.ledger.stored, "new", 1),
                "1 new reports are at the collector more than once",
            ),
            (
                |v| set(&mut v.devices.waiting, "run", 2),
                "2 run reports still wait on a device",
            ),
            (
                |v| set(&mut v.devices.lost, "run", 5),
                "5 run reports were lost on a device",
            ),
            (
                |v| set(&mut v.arrived.ledger.refused, "bad key", 3),
                "the collector refused 3: bad key",
            ),
            (
                |v| set(&mut v.devices.recorded, "crash", 2),
                "1 crashes were told and 2 recorded",
            ),
            (
                |v| v.arrived.crashes.clear(),
                "the dashboard shows no crash in im::app::history::parse_header",
            ),
            (
                |v| v.arrived.crashes[0].own.insert(0, "im::other".into()),
                "the dashboard shows no crash in",
            ),
            (
                |v| {
                    v.told[0]
                        .faults
                        .push(Fault::FreezeBusy(std::time::Duration::from_secs(3)))
                },
                "1 freezes were told and 0",
            ),
            (
                |v| v.strays.push("kai".into()),
                "kai gave no permission, and files were left",
            ),
            (
                |v| v.told[0].surprises.push("ana: left early".into()),
                "ana: left early",
            ),
        ];
        for (n, (change, complaint)) in stories.into_iter().enumerate() {
            let mut verdict = all_well();
            change(&mut verdict);
            let problems = verdict.problems();
            assert!(
                problems.iter().any(|p| p.contains(complaint)),
                "story {n}: {problems:?} lacks {complaint:?}"
            );
        }
    }

    #[test]
    fn a_report_that_waits_though_it_arrived_is_neither_missing_nor_doubled() {
        let mut verdict = all_well();
        verdict.devices.delivered.insert("run".into(), 3);
        verdict.devices.waiting.insert("run".into(), 1);
        assert_eq!(verdict.problems(), ["1 run reports still wait on a device"]);
    }

    #[test]
    fn what_devices_without_permission_did_is_not_expected_anywhere() {
        let mut verdict = all_well();
        verdict.told.push(Story {
            permitted: false,
            faults: vec![Fault::Abort],
            surprises: vec![],
        });
        assert_eq!(verdict.problems(), Vec::<String>::new());
    }

    #[test]
    fn a_function_is_known_behind_a_hash_and_not_by_its_beginning_alone() {
        assert!(names("im::a::open", "im::a::open"));
        assert!(names("im::a::open::h0123456789abcdef", "im::a::open"));
        assert!(!names("im::a::open_index", "im::a::open"));
    }
}
