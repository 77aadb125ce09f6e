//! Which issues a list holds, and in which order: the same for every engine.

use super::triage::{Person, State, StateKind};
use super::{IssueFilter, IssueId, IssueKind, Own, Sort};
use crate::grouping::Explanation;
use std::cmp::Reverse;

/// An issue that may be in a list, whatever was merged into it included.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) id: u64,
    pub(super) kind: IssueKind,
    /// Reports in the range, fatal ones, and those in its later half.
    pub(super) reports: u64,
    pub(super) fatal: u64,
    pub(super) late: u64,
    /// Distinct pseudonyms in the range; zero where nothing asks for it.
    pub(super) installs: u64,
    pub(super) first_seen: u64,
    pub(super) last_seen: u64,
    pub(super) state: State,
    pub(super) assignee: Option<Person>,
}

impl Entry {
    /// By how many reports the later half of the range exceeds the earlier one.
    pub(super) fn rising(&self) -> i64 {
        rising(self.reports, self.late)
    }
}

/// By how many reports the later half of a range, with so many of all, exceeds the earlier one.
pub(super) fn rising(reports: u64, late: u64) -> i64 {
    let signed = |reports| i64::try_from(reports).unwrap_or(i64::MAX);
    signed(late).saturating_mul(2) - signed(reports)
}

impl IssueFilter {
    /// Whether the kind of issues, or when they were first and last seen, decides what is on a page and where; between equals it does
    /// in any case.
    pub(super) fn asks_seen(&self) -> bool {
        self.kind.is_some()
            || self.fatal == Some(false)
            || self.first_seen.is_some()
            || self.last_seen.is_some()
            || matches!(self.sort, Sort::Newest | Sort::LastSeen)
    }

    /// Leaves, of entries that nothing but counts puts in order, those that can be on the page or before it.
    pub(super) fn lead(&self, entries: &mut Vec<Entry>) {
        let end = (self.offset as usize).saturating_add(self.limit as usize);
        let rank = |entry: &Entry| (Reverse(self.rank(entry)), Reverse(entry.reports));
        let last = end.checked_sub(1).filter(|last| *last < entries.len());
        if let Some(last) = last {
            let (_, last, _) = entries.select_nth_unstable_by_key(last, rank);
            let last = rank(last);
            entries.retain(|entry| rank(entry) <= last);
        }
    }

    /// Whether installations have to be counted to know what is on a page.
    pub(super) fn asks_installs(&self) -> bool {
        self.sort == Sort::Installs
    }

    /// The words that are looked for, in small letters.
    pub(super) fn words(&self) -> Vec<String> {
        let words = self.text.split_whitespace();
        words.map(str::to_ascii_lowercase).collect()
    }

    /// Whether an entry is wanted, as far as it tells.
    pub(super) fn takes(&self, entry: &Entry) -> bool {
        let among = |range: &Option<(u64, u64)>, at: u64| {
            range.is_none_or(|(from, to)| (from..to).contains(&at))
        };
        let asked = self.among.as_ref();
        asked.is_none_or(|asked| asked.contains(&IssueId(entry.id)))
            && self.kind.is_none_or(|kind| kind == entry.kind)
            && self.fatal.is_none_or(|fatal| match fatal {
                true => entry.fatal > 0,
                false => entry.reports > entry.fatal && entry.kind == IssueKind::Crash,
            })
            && among(&self.first_seen, entry.first_seen)
            && among(&self.last_seen, entry.last_seen)
            && self.takes_state(entry.state.kind())
            && match &self.assignee {
                None => true,
                Some(Own::Nobody) => entry.assignee.is_none(),
                Some(Own::Somebody(person)) => entry.assignee.as_ref() == Some(person),
            }
    }

    /// By what entries are sorted first.
    fn rank(&self, entry: &Entry) -> i64 {
        match self.sort {
            Sort::Installs => i64::try_from(entry.installs).unwrap_or(i64::MAX),
            Sort::Reports => i64::try_from(entry.reports).unwrap_or(i64::MAX),
            Sort::Rising => entry.rising(),
            Sort::Newest => i64::try_from(entry.first_seen).unwrap_or(i64::MAX),
            Sort::LastSeen => i64::try_from(entry.last_seen).unwrap_or(i64::MAX),
        }
    }

    fn takes_state(&self, kind: StateKind) -> bool {
        self.states.is_empty() || self.states.contains(&kind)
    }

    /// Puts entries in their order, and returns those of the page that is asked for, and how many there are in all.
    pub(super) fn page(&self, mut entries: Vec<Entry>) -> (Vec<Entry>, u64) {
        let total = entries.len() as u64;
        entries.sort_by_cached_key(|entry| {
            (
                Reverse(self.rank(entry)),
                Reverse(entry.reports),
                Reverse(entry.last_seen),
                entry.id,
            )
        });
        let page = entries
            .into_iter()
            .skip(self.offset as usize)
            .take(self.limit as usize);
        (page.collect(), total)
    }
}

/// What is searched of an issue, in small letters: its title, the function that is blamed, and what its reports agree in.
pub(super) fn haystack(title: &str, culprit: &str, why: &Explanation) -> String {
    let mut text = format!("{title}\n{culprit}");
    for part in why.facts.iter().chain(&why.frames) {
        text.push('\n');
        text.push_str(part);
    }
    text.make_ascii_lowercase();
    text
}
