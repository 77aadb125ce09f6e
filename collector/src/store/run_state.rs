//! A run is counted once, however often and in whatever order its reports arrive.

use candor_protocol::report::{Exit, What};

/// What is known of one run. `C` is where a report is counted; the earliest is the least.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunState<C> {
    /// Whether a report of the run itself arrived. Before, it is known by its crash or freeze.
    pub(super) started: bool,
    pub(super) cell: C,
    pub(super) exit: Option<Exit>,
    pub(super) frozen: bool,
    pub(super) run_ms: u64,
}

impl<C: Ord> RunState<C> {
    /// What one report says; `None` when it says nothing about its run.
    pub(super) fn of(cell: C, what: &What) -> Option<Self> {
        match what {
            What::Run(run) => Some(Self::started(
                cell,
                run.exit,
                run.uptime_ms.unwrap_or_default(),
            )),
            What::Crash(crash) => Some(Self::crashed(cell, crash.fatal, crash.uptime_ms)),
            What::Freeze(_) => Some(Self::froze(cell)),
            What::Connection(_) | What::Loss(_) => None,
        }
    }

    /// What the run's own report says.
    pub(super) fn started(cell: C, exit: Option<Exit>, run_ms: u64) -> Self {
        Self {
            started: true,
            cell,
            exit,
            frozen: false,
            run_ms,
        }
    }

    /// What a crash says.
    pub(super) fn crashed(cell: C, fatal: bool, run_ms: u64) -> Self {
        Self {
            started: false,
            cell,
            exit: fatal.then_some(Exit::Crash),
            frozen: false,
            run_ms,
        }
    }

    /// What a freeze says.
    pub(super) fn froze(cell: C) -> Self {
        Self {
            started: false,
            cell,
            exit: None,
            frozen: true,
            run_ms: 0,
        }
    }

    /// What both say. The order does not matter, and saying something twice changes nothing.
    pub(super) fn and(self, other: Self) -> Self {
        // The run itself knows when it started; among equals the earliest counts.
        let first = (!self.started, &self.cell) <= (!other.started, &other.cell);
        Self {
            started: self.started || other.started,
            cell: if first { self.cell } else { other.cell },
            exit: worst(self.exit, other.exit),
            frozen: self.frozen || other.frozen,
            run_ms: self.run_ms.max(other.run_ms),
        }
    }
}

/// The worse of two exits: what is known is worse than what is not, and a crash is the worst.
fn worst(a: Option<Exit>, b: Option<Exit>) -> Option<Exit> {
    let rank = |exit: &Option<Exit>| match exit {
        None => 0,
        Some(Exit::Unknown) => 1,
        Some(Exit::Clean) => 2,
        Some(Exit::Updated) => 3,
        Some(Exit::Reboot) => 4,
        Some(Exit::Killed) => 5,
        Some(Exit::OutOfMemory) => 6,
        Some(Exit::FreezeKill) => 7,
        Some(Exit::Crash) => 8,
    };
    std::cmp::max_by_key(a, b, rank)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn state() -> impl Strategy<Value = RunState<(i64, i64)>> {
        let exit = prop::option::of(prop::sample::select(Exit::ALL));
        (
            any::<bool>(),
            0i64..3,
            0i64..3,
            exit,
            any::<bool>(),
            0u64..3,
        )
            .prop_map(|(started, at, release, exit, frozen, run_ms)| RunState {
                started,
                cell: (at, release),
                exit,
                frozen,
                run_ms,
            })
    }

    proptest! {
        #[test]
        fn the_order_of_reports_does_not_matter(a in state(), b in state(), c in state()) {
            let one = a.clone().and(b.clone()).and(c.clone());
            prop_assert_eq!(&one, &c.clone().and(a.clone()).and(b.clone()));
            prop_assert_eq!(&one, &b.and(a.clone().and(c.clone())));
            prop_assert_eq!(&one, &one.clone().and(a).and(c));
        }
    }

    #[test]
    fn a_crash_stays_a_crash_whatever_is_said_later() {
        assert_eq!(
            worst(Some(Exit::Crash), Some(Exit::Clean)),
            Some(Exit::Crash)
        );
        assert_eq!(
            worst(Some(Exit::Unknown), Some(Exit::Clean)),
            Some(Exit::Clean)
        );
        assert_eq!(worst(None, Some(Exit::Unknown)), Some(Exit::Unknown));
    }
}
