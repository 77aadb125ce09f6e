//! What an alert says: names of functions and releases, counts, shares; nothing of anybody.

use crate::store::IssueKind;
use serde::{Deserialize, Serialize};

/// An alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Alert {
    /// Stands for it: 32 hexadecimal digits.
    pub id: String,
    /// When it was found, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Of which app.
    pub app: String,
    /// What it says.
    #[serde(flatten)]
    pub about: About,
    /// The page that shows why; `None` where nobody has said under which address the dashboard is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub link: Option<String>,
}

/// What an alert says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "rule", rename_all = "snake_case")]
#[schemars(rename = "AlertAbout")]
pub enum About {
    /// An issue that was never seen before.
    NewIssue {
        /// The issue.
        issue: Subject,
        /// Its share of all runs of the day, in percent.
        percent: f64,
    },
    /// An issue that was resolved is back.
    Regression {
        /// The issue.
        issue: Subject,
        /// In which release it was resolved.
        resolved: String,
        /// In which release it is back.
        release: String,
    },
    /// Too many runs of the last day crashed.
    CrashFree {
        /// Runs that did not, in percent.
        percent: f64,
        /// What it should be.
        least: f64,
        /// Of how many runs.
        runs: u64,
    },
    /// Far more than usual at this hour.
    Spike {
        /// Of which issue; `None` for the crashes of all.
        issue: Option<Subject>,
        /// When the hour begins.
        hour: u64,
        /// Reports in it, so far.
        reports: Count,
        /// The median of the same hour of past weeks; `None` where it is of few.
        usual: Option<f64>,
    },
    /// Fewer attempts to connect succeed than before.
    Connection {
        /// Attempts that ended in service, in percent.
        percent: f64,
        /// The same in as many hours before.
        before: f64,
        /// How many hours.
        hours: u64,
        /// Attempts in these.
        attempts: u64,
    },
    /// An agent sent what might identify somebody; it was not kept.
    Quarantine {
        /// The field.
        field: String,
        /// The word for what it might be.
        reason: String,
        /// Whose agent, if that could be read.
        release: Option<String>,
        /// Reports.
        reports: Count,
    },
    /// Requests arrive, and no report is stored.
    Silence {
        /// For how many minutes.
        minutes: u64,
        /// Reports that were turned away meanwhile.
        reports: Count,
    },
    /// Somebody wanted to see whether messages arrive.
    Test,
}

/// Which issue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Subject {
    /// Its number.
    pub id: String,
    /// Its kind: `crash` or `freeze`.
    pub kind: String,
    /// What happened.
    pub title: String,
    /// The function that is blamed; empty where nothing is known.
    pub culprit: String,
    /// The release it was last seen in.
    pub release: String,
    /// Installations that met it within a day.
    pub installs: Count,
    /// Reports within a day; `None` where they are of few installations.
    pub reports: Option<u64>,
}

/// A number that says nothing about a few.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// This many.
    Exactly(u64),
    /// Fewer than this.
    FewerThan(u64),
}

impl Count {
    /// The number, unless there are fewer than `least`.
    pub fn of(number: u64, least: u64) -> Self {
        if number < least {
            Self::FewerThan(least)
        } else {
            Self::Exactly(number)
        }
    }
}

/// The kinds of alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// [`About::NewIssue`].
    NewIssue,
    /// [`About::Regression`].
    Regression,
    /// [`About::CrashFree`].
    CrashFree,
    /// [`About::Spike`].
    Spike,
    /// [`About::Connection`].
    Connection,
    /// [`About::Quarantine`].
    Quarantine,
    /// [`About::Silence`].
    Silence,
    /// [`About::Test`].
    Test,
}

impl About {
    /// Which rule found it.
    pub const fn rule(&self) -> Rule {
        match self {
            Self::NewIssue { .. } => Rule::NewIssue,
            Self::Regression { .. } => Rule::Regression,
            Self::CrashFree { .. } => Rule::CrashFree,
            Self::Spike { .. } => Rule::Spike,
            Self::Connection { .. } => Rule::Connection,
            Self::Quarantine { .. } => Rule::Quarantine,
            Self::Silence { .. } => Rule::Silence,
            Self::Test => Rule::Test,
        }
    }

    /// The issue that it is about.
    pub const fn issue(&self) -> Option<&Subject> {
        match self {
            Self::NewIssue { issue, .. } | Self::Regression { issue, .. } => Some(issue),
            Self::Spike { issue, .. } => issue.as_ref(),
            _ => None,
        }
    }

    /// Whether it names this release.
    pub fn names(&self, name: &str) -> bool {
        let own = match self {
            Self::Regression {
                resolved, release, ..
            } => resolved == name || release == name,
            Self::Quarantine { release, .. } => release.as_deref() == Some(name),
            _ => false,
        };
        own || self.issue().is_some_and(|issue| issue.release == name)
    }
}

/// Which kind of issue, as a word.
pub(super) fn kind(kind: IssueKind) -> String {
    kind.as_str().to_owned()
}

/// One message to everybody who is told: an alert, or several that had to wait.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Stands for it, whenever and however often it is sent.
    pub id: String,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Of which app.
    pub app: String,
    /// Why alerts are together, where they are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub digest: Option<Wait>,
    /// What is told.
    pub alerts: Vec<Alert>,
    /// How many more there were.
    pub more: u64,
}

/// Why alerts wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wait {
    /// It was quiet hours.
    QuietHours,
    /// There were too many within an hour.
    TooMany,
}
