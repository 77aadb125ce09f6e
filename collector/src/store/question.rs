//! How questions are asked.

use super::Dimension;
use super::triage::{Person, StateKind};
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::{Network, Transport};
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// A range of time in steps: `from` is included, `to` is not. Seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first second.
    pub from: u64,
    /// The first second after the range.
    pub to: u64,
    /// Length of a step in seconds, a multiple of 60; what happened at `t` counts in step `(t - from) / step`.
    pub step: u64,
}

impl Span {
    /// The most steps that an answer holds; a longer range has its last steps cut off.
    pub const MAX_STEPS: usize = 10_000;

    /// How many steps the range has; the last one may be cut short.
    pub fn steps(&self) -> usize {
        let steps = self.to.saturating_sub(self.from).div_ceil(self.step.max(1));
        usize::try_from(steps)
            .unwrap_or(usize::MAX)
            .min(Self::MAX_STEPS)
    }

    /// The step that `at` counts in; `None` outside of the range.
    pub fn index(&self, at: u64) -> Option<usize> {
        if at < self.from || at >= self.to {
            return None;
        }
        usize::try_from((at - self.from) / self.step.max(1))
            .ok()
            .filter(|index| *index < self.steps())
    }

    /// Whether sums by the hour are fine enough: the range and its steps are made of hours.
    pub(super) fn is_coarse(&self) -> bool {
        const HOUR: u64 = 3_600;
        let hours = |seconds: u64| seconds.is_multiple_of(HOUR);
        // A range without an end has no last hour to cut.
        hours(self.step) && hours(self.from) && (hours(self.to) || self.to >= i64::MAX as u64)
    }

    /// The same range as one step.
    pub(crate) const fn as_one_step(self) -> Self {
        const HOUR: u64 = 3_600;
        Self {
            step: u64::MAX - u64::MAX % HOUR,
            ..self
        }
    }

    /// When its later half begins.
    pub(super) fn middle(&self) -> u64 {
        self.from + self.to.saturating_sub(self.from) / 2
    }

    /// When the step `index` begins.
    pub fn start(&self, index: usize) -> u64 {
        self.from + index as u64 * self.step.max(1)
    }
}

/// The kinds of issue.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum IssueKind {
    /// Crashes, and panics that were caught.
    Crash,
    /// Freezes.
    Freeze,
}

impl IssueKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Freeze => "freeze",
        }
    }
}

impl FromStr for IssueKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        match word {
            "crash" => Ok(Self::Crash),
            "freeze" => Ok(Self::Freeze),
            _ => Err(()),
        }
    }
}

/// Stands for an issue within its app: sixteen hexadecimal digits, a hash of the issue's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssueId(pub u64);

impl fmt::Display for IssueId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for IssueId {
    type Err = ();

    fn from_str(digits: &str) -> Result<Self, ()> {
        let form = digits.len() == 16
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u64::from_str_radix(digits, 16)
            .ok()
            .filter(|_| form)
            .map(Self)
            .ok_or(())
    }
}

/// In which order issues are listed. Equals follow by reports, then by when they were last seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Sort {
    /// Most installations in the range first.
    #[default]
    Installs,
    /// Most reports in the range first.
    Reports,
    /// Those first whose reports in the later half of the range exceed those in the earlier one most.
    Rising,
    /// Those first that were first seen last.
    Newest,
    /// Those first that were last seen last.
    LastSeen,
}

/// Who looks after an issue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Own {
    /// Nobody.
    Nobody,
    /// This person.
    Somebody(Person),
}

/// Which issues are asked for; what is `None` or empty is not restricted. What is counted of an issue is of the range and of
/// the release, system and machine that are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueFilter {
    /// Only those with a report in this range; its steps are the steps of [`IssueRow::spark`](super::IssueRow::spark).
    pub span: Span,
    /// Only these.
    pub kind: Option<IssueKind>,
    /// Only those with a report that ended its process (`true`), or with a panic that was caught (`false`).
    pub fatal: Option<bool>,
    /// Only those with a report of this release.
    pub release: Option<String>,
    /// Only those with a report of this operating system and version, as breakdowns name it.
    pub os: Option<String>,
    /// Only those with a report of this class of machine.
    pub device: Option<String>,
    /// Only those in one of these states.
    pub states: Vec<StateKind>,
    /// Only those that this person looks after, or nobody.
    pub assignee: Option<Own>,
    /// Only those first seen from the first second on and before the other.
    pub first_seen: Option<(u64, u64)>,
    /// Only those last seen from the first second on and before the other.
    pub last_seen: Option<(u64, u64)>,
    /// Only those that were grouped by frames of the app's own code, or only others.
    pub own: Option<bool>,
    /// Only those that blame this function.
    pub culprit: Option<String>,
    /// Only those that say all of these words, whatever their case (of letters from a to z): in what happened, in a message's template, in
    /// the names of frames that count.
    pub text: String,
    /// Only these.
    pub among: Option<Arc<BTreeSet<IssueId>>>,
    /// In which order.
    pub sort: Sort,
    /// Issues of the order that are passed over.
    pub offset: u32,
    /// The most issues of one answer.
    pub limit: u32,
    /// What time it is, in seconds since 1970-01-01 UTC: what is ignored until a date is open from then on.
    pub now: u64,
}

impl IssueFilter {
    /// All issues with a report in a range.
    pub fn all(span: Span, now: u64) -> Self {
        Self {
            span,
            kind: None,
            fatal: None,
            release: None,
            os: None,
            device: None,
            states: Vec::new(),
            assignee: None,
            first_seen: None,
            last_seen: None,
            own: None,
            culprit: None,
            text: String::new(),
            among: None,
            sort: Sort::default(),
            offset: 0,
            limit: u32::MAX,
            now,
        }
    }
}

impl IssueFilter {
    /// The class of a dimension that is asked for.
    pub fn class(&self, dimension: Dimension) -> Option<&str> {
        match dimension {
            Dimension::Release => self.release.as_deref(),
            Dimension::Os => self.os.as_deref(),
            Dimension::Device => self.device.as_deref(),
        }
    }

    /// Asks for every class of a dimension.
    pub fn clear(&mut self, dimension: Dimension) {
        match dimension {
            Dimension::Release => self.release = None,
            Dimension::Os => self.os = None,
            Dimension::Device => self.device = None,
        }
    }
}

/// Which connection windows are asked for; what is `None` is not restricted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    /// The connection's name.
    pub name: Option<Name>,
    /// What it leads to.
    pub endpoint: Option<Name>,
    /// The network it ran over.
    pub network: Option<Network>,
    /// The app's release.
    pub release: Option<Release>,
    /// The region whose service is used.
    pub region: Option<Name>,
    /// Operating system and its version, as [`by_os`](super::ConnectionAnswer::by_os) names it.
    pub os: Option<String>,
    /// What carries the connection.
    pub transport: Option<Transport>,
    /// Which of the cells that pass the rest.
    pub cells: Cells,
    /// Only attempts, those that ended in service and the time until service are asked for: everything else of a sum may be missing.
    pub brief: bool,
}

/// The finest class of connection windows: all of its dimensions together, each by its word; one that is not known is empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionCell {
    /// The app's release.
    pub release: String,
    /// Operating system and its version.
    pub os: String,
    /// The region whose service is used.
    pub region: String,
    /// The connection's name.
    pub name: String,
    /// What it leads to.
    pub endpoint: String,
    /// What carries the connection.
    pub transport: String,
    /// The network it ran over.
    pub network: String,
}

/// Which cells an answer is of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cells {
    /// Whatever there is.
    #[default]
    All,
    /// These; what is in others is told as [`rest`](super::ConnectionAnswer::rest).
    Only(Arc<BTreeSet<ConnectionCell>>),
}

impl Cells {
    /// Whether an answer takes a cell in.
    pub fn take(&self, cell: &ConnectionCell) -> bool {
        match self {
            Self::All => true,
            Self::Only(cells) => cells.contains(cell),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_counts_in_exactly_one_step() {
        let span = Span {
            from: 600,
            to: 3_700,
            step: 600,
        };
        assert_eq!(span.steps(), 6);
        assert_eq!(span.index(599), None);
        assert_eq!(span.index(600), Some(0));
        assert_eq!(span.index(1_199), Some(0));
        assert_eq!(span.index(3_699), Some(5));
        assert_eq!(span.index(3_700), None);
        assert_eq!(span.start(5), 3_600);
    }

    #[test]
    fn a_span_that_asks_for_the_impossible_has_few_steps() {
        assert_eq!(
            Span {
                from: 10,
                to: 5,
                step: 60
            }
            .steps(),
            0
        );
        assert_eq!(
            Span {
                from: 0,
                to: u64::MAX,
                step: 0
            }
            .steps(),
            Span::MAX_STEPS
        );
        assert_eq!(
            Span {
                from: 0,
                to: u64::MAX,
                step: 60
            }
            .index(u64::MAX - 1),
            None
        );
    }

    #[test]
    fn an_issue_id_reads_back_as_it_was_written() {
        let id = IssueId(0x00ab_cdef_0123_4567);
        assert_eq!(id.to_string(), "00abcdef01234567");
        assert_eq!("00abcdef01234567".parse(), Ok(id));
        for wrong in [
            "",
            "abc",
            "00ABCDEF01234567",
            "+0abcdef01234567",
            "00abcdef012345678",
        ] {
            assert_eq!(wrong.parse::<IssueId>(), Err(()));
        }
    }
}
