//! What has to leave the spool. Pure.

use super::Entry;
use candor_protocol::report::{Kind, LossReason};

/// The spool's limits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Quota {
    pub(crate) bytes: u64,
    pub(crate) reports: usize,
    pub(crate) age_seconds: u64,
}

/// What to do so that a report of `kind` with `size` bytes fits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Give up these entries (their indexes), then it fits; none when it fits as it is.
    After(Vec<usize>),
    /// It does not fit, since everything that waits is worth at least as much.
    None,
}

/// The entries that have waited too long. A loss report is kept, or the losses it tells of would be told by nobody.
pub(crate) fn expired(entries: &[Entry], quota: &Quota, now: u64) -> Vec<usize> {
    (0..entries.len())
        .filter(|&index| {
            let label = &entries[index].label;
            label.kind != Kind::Loss && now.saturating_sub(label.at) > quota.age_seconds
        })
        .collect()
}

/// Makes room: the least valuable kind goes first, and of a kind the oldest. Loss reports stay.
///
/// When something has to go, a twentieth of the spool goes with it, so that a full spool does not pay for every report.
pub(crate) fn make_room(entries: &[Entry], quota: &Quota, kind: Kind, size: u64) -> Room {
    let used: u64 = entries.iter().map(|entry| entry.size).sum();
    let fits = |used: u64, count: usize| used + size <= quota.bytes && count < quota.reports;
    if fits(used, entries.len()) {
        return Room::After(Vec::new());
    }
    let mut candidates: Vec<usize> = (0..entries.len())
        .filter(|&index| {
            entries[index].label.kind >= kind && entries[index].label.kind != Kind::Loss
        })
        .collect();
    candidates.sort_by_key(|&index| {
        let label = &entries[index].label;
        (std::cmp::Reverse(label.kind), label.number)
    });
    let (mut left, mut count, mut leaving) = (used, entries.len(), Vec::new());
    let (spare_bytes, spare_reports) = (quota.bytes / 20, quota.reports / 20);
    for index in candidates {
        let enough = fits(left + spare_bytes, count + spare_reports);
        // Only what is needed is taken of the report's own kind or better; the spare room comes from lesser kinds.
        let needed = !fits(left, count);
        if enough || (!needed && entries[index].label.kind == kind) {
            break;
        }
        left -= entries[index].size;
        count -= 1;
        leaving.push(index);
    }
    if fits(left, count) {
        Room::After(leaving)
    } else {
        Room::None
    }
}

/// The reason that is counted for what [`make_room`] gives up.
pub(crate) const FULL: LossReason = LossReason::SpoolFull;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spool::record::Label;
    use candor_protocol::deidentify::ReportId;
    use proptest::prelude::*;

    fn entry(kind: Kind, number: u64, at: u64, size: u64) -> Entry {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_le_bytes());
        id[8] = kind as u8;
        Entry {
            label: Label {
                kind,
                number,
                at,
                id: ReportId::from_bytes(id),
            },
            size,
        }
    }

    const SMALL: Quota = Quota {
        bytes: 1000,
        reports: 10,
        age_seconds: 100,
    };

    #[test]
    fn a_connection_window_makes_room_for_a_crash_but_not_the_other_way_round() {
        let windows: Vec<Entry> = (1..=10)
            .map(|number| entry(Kind::Connection, number, 0, 100))
            .collect();
        // One window would be enough; the second is spare room, so that the next report does not pay again.
        assert_eq!(
            make_room(&windows, &SMALL, Kind::Crash, 100),
            Room::After(vec![0, 1])
        );
        let crashes: Vec<Entry> = (1..=10)
            .map(|number| entry(Kind::Crash, number, 0, 100))
            .collect();
        assert_eq!(
            make_room(&crashes, &SMALL, Kind::Connection, 100),
            Room::None
        );
    }

    #[test]
    fn of_one_kind_the_oldest_goes() {
        let crashes: Vec<Entry> = [3, 1, 2]
            .map(|number| entry(Kind::Crash, number, 0, 300))
            .into();
        assert_eq!(
            make_room(&crashes, &SMALL, Kind::Crash, 300),
            Room::After(vec![1])
        );
    }

    #[test]
    fn what_waited_too_long_expires_but_a_loss_report_does_not() {
        let entries = [
            entry(Kind::Crash, 1, 0, 1),
            entry(Kind::Loss, 1, 0, 1),
            entry(Kind::Crash, 2, 50, 1),
        ];
        assert_eq!(expired(&entries, &SMALL, 101), vec![0]);
    }

    proptest! {
        #[test]
        fn the_limits_hold_to_the_byte_and_nothing_better_is_given_up(
            sizes in prop::collection::vec((0usize..5, 1u64..400), 0..10),
            kind in 0usize..5,
            size in 1u64..1200,
        ) {
            let entries: Vec<Entry> = sizes.iter().enumerate()
                .map(|(n, &(kind, size))| entry(Kind::ALL[kind], n as u64, 0, size)).collect();
            let kind = Kind::ALL[kind];
            if let Room::After(leaving) = make_room(&entries, &SMALL, kind, size) {
                let stays: Vec<&Entry> = (0..entries.len()).filter(|i| !leaving.contains(i)).map(|i| &entries[i]).collect();
                prop_assert!(stays.iter().map(|e| e.size).sum::<u64>() + size <= SMALL.bytes);
                prop_assert!(stays.len() < SMALL.reports);
                for &index in &leaving {
                    prop_assert!(entries[index].label.kind >= kind);
                }
            }
        }
    }
}
