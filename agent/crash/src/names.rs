//! Thread names that may be told. A raw name may hold anything (`conn-` and a user's number), so only names that were declared
//! are ever written.

use candor_dump::layout::names;
use std::sync::atomic::{AtomicU64, Ordering};

/// The kernel keeps so many bytes of a thread's name.
const KEPT: usize = 15;

/// The place among the declared names, from 1, of a name as the kernel keeps it; 0 for any other. Numbers at the end, which
/// pools give to their threads, do not count. Anywhere.
pub(crate) fn index(declared: &[&str], name: [u8; 16]) -> u16 {
    let len = name
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(name.len());
    let name = without_number(name.get(..len).unwrap_or_default());
    let same = |declared: &&str| {
        let declared = declared.as_bytes();
        !name.is_empty() && without_number(declared.get(..KEPT).unwrap_or(declared)) == name
    };
    declared
        .iter()
        .take(names::COUNT)
        .position(same)
        .map_or(0, |index| index as u16 + 1)
}

/// Threads whose names are remembered.
const THREADS: usize = 256;

/// Names that were looked up while the process was well: each takes some ten microseconds, and a dying process with many
/// threads has better things to do.
pub(crate) struct Known {
    /// Thread in the upper half; in the lower one its name's place plus one. 0 for a free entry.
    entries: [AtomicU64; THREADS],
}

impl Known {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [const { AtomicU64::new(0) }; THREADS],
        }
    }

    /// The name of a thread, if it is remembered. Anywhere.
    pub(crate) fn of(&self, tid: u32) -> Option<u16> {
        let entry = self
            .entries
            .iter()
            .map(|entry| entry.load(Ordering::Relaxed))
            .find(|entry| belongs(*entry, tid))?;
        u16::try_from((entry & 0xffff_ffff).checked_sub(1)?).ok()
    }

    /// Remembers a name, as long as there is room. One thread at a time.
    pub(crate) fn note(&self, tid: u32, name: u16) {
        let of_thread = self
            .entries
            .iter()
            .find(|entry| belongs(entry.load(Ordering::Relaxed), tid));
        let free = || {
            self.entries
                .iter()
                .find(|entry| entry.load(Ordering::Relaxed) == 0)
        };
        if let Some(entry) = of_thread.or_else(free) {
            entry.store(
                u64::from(tid) << 32 | (u64::from(name) + 1),
                Ordering::Relaxed,
            );
        }
    }

    /// Forgets threads that are gone: their numbers are given to others. One thread at a time.
    pub(crate) fn keep(&self, lives: &dyn Fn(u32) -> bool) {
        for entry in &self.entries {
            let tid = (entry.load(Ordering::Relaxed) >> 32) as u32;
            if tid != 0 && !lives(tid) {
                entry.store(0, Ordering::Relaxed);
            }
        }
    }
}

fn belongs(entry: u64, tid: u32) -> bool {
    entry >> 32 == u64::from(tid)
}

fn without_number(mut name: &[u8]) -> &[u8] {
    while let [rest @ .., b'0'..=b'9'] = name {
        name = rest;
    }
    while let [rest @ .., b'-' | b'_' | b'#' | b'.' | b':' | b' '] = name {
        name = rest;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str) -> u16 {
        let mut kept = [0; 16];
        let len = name.len().min(KEPT);
        kept[..len].copy_from_slice(&name.as_bytes()[..len]);
        index(&["worker", "tokio-runtime-worker", "42"], kept)
    }

    #[test]
    fn declared_names_are_found_with_and_without_a_number_and_cut_as_the_kernel_cuts_them() {
        for name in [
            "worker",
            "worker-7",
            "worker_12",
            "worker #3",
            "worker123456",
        ] {
            assert_eq!(found(name), 1, "{name}");
        }
        assert_eq!(found("tokio-runtime-worker"), 2);
    }

    #[test]
    fn names_are_remembered_for_threads_that_live() {
        let known = Known::new();
        for tid in 1..=300 {
            known.note(tid, tid as u16 % 3);
        }
        assert_eq!(
            (known.of(1), known.of(256), known.of(257)),
            (Some(1), Some(1), None),
            "there is room for 256"
        );
        known.note(1, 2);
        known.keep(&|tid| tid != 2);
        known.note(300, 0);
        assert_eq!(
            (known.of(1), known.of(2), known.of(300)),
            (Some(2), None, Some(0))
        );
    }

    #[test]
    fn other_names_are_not_told() {
        for name in [
            "",
            "work",
            "workers",
            "worker-of-anna",
            "conn-13800138000",
            "13800138000",
            "42",
            "-",
        ] {
            assert_eq!(found(name), 0, "{name}");
        }
    }
}
