//! What an admin says about alerts: which rules, whom to tell, when not to.

use crate::access::PersonName;
use crate::store::IssueId;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

/// The most webhooks of an app.
pub const MOST_WEBHOOKS: usize = 20;

/// What was said, by app; an app that is not in it has the usual rules and tells nobody.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// By app.
    pub apps: BTreeMap<String, AppAlerts>,
}

/// What was said about one app.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppAlerts {
    /// What is an alert.
    pub rules: Rules,
    /// Who is told.
    pub webhooks: Vec<Webhook>,
    /// When nobody is told.
    pub quiet: Option<Quiet>,
    /// Messages to each webhook within an hour; what is more is told in one afterwards. From 1 to 100.
    pub per_hour: u32,
    /// Issues of which nothing is said, by number.
    #[serde(deserialize_with = "mutes")]
    pub muted: BTreeMap<String, Mute>,
}

impl Default for AppAlerts {
    fn default() -> Self {
        Self {
            rules: Rules::default(),
            webhooks: Vec::new(),
            quiet: None,
            per_hour: 10,
            muted: BTreeMap::new(),
        }
    }
}

impl AppAlerts {
    /// Whether nothing is to be said at `now` of an issue that has, or had, these numbers; where several of them are muted, the one
    /// that is so for longest.
    pub fn mute(&self, numbers: &[IssueId], now: u64) -> Option<&Mute> {
        let muted = numbers
            .iter()
            .filter_map(|issue| self.muted.get(&issue.to_string()));
        let lasting = muted.filter(|mute| mute.holds(now));
        lasting.max_by_key(|mute| mute.until.unwrap_or(u64::MAX))
    }

    /// The webhook of this name.
    pub fn webhook(&self, name: &PersonName) -> Option<&Webhook> {
        self.webhooks.iter().find(|webhook| webhook.name == *name)
    }
}

/// That nothing is said of an issue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mute {
    /// Until this moment, in seconds since 1970-01-01 UTC; for good without one.
    pub until: Option<u64>,
    /// Who said so; empty where that was not kept.
    pub who: String,
}

impl Mute {
    /// Whether it is so at `now`.
    pub fn holds(&self, now: u64) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// They were a list of numbers before they could end.
fn mutes<'de, D: Deserializer<'de>>(written: D) -> Result<BTreeMap<String, Mute>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Now(BTreeMap<String, Mute>),
        Before(BTreeSet<String>),
    }
    Ok(match Written::deserialize(written)? {
        Written::Now(muted) => muted,
        Written::Before(numbers) => numbers
            .into_iter()
            .map(|number| (number, Mute::default()))
            .collect(),
    })
}

/// What is an alert. Each rule can be off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// An issue that was never seen before.
    pub new_issue: NewIssue,
    /// An issue that was resolved and came back in a later release.
    pub regression: Regression,
    /// Too many runs crash.
    pub crash_free: CrashFree,
    /// Far more crashes than usual at this hour.
    pub spike: Spike,
    /// Fewer attempts to connect succeed than before.
    pub connection: Connection,
    /// An agent sent what might identify somebody.
    pub quarantine: Quarantine,
    /// Requests arrive, and no report is stored.
    pub silence: Silence,
}

/// An issue that was never seen before is told when both are reached within a day.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewIssue {
    /// Whether it is told.
    pub on: bool,
    /// At least this many installations met it.
    pub installs: u64,
    /// At least this share of all runs did, in percent.
    pub percent: f64,
}

impl Default for NewIssue {
    /// Three installations: one may be a machine that is broken, two a coincidence.
    fn default() -> Self {
        Self {
            on: true,
            installs: 3,
            percent: 0.05,
        }
    }
}

/// An issue that was resolved and came back in a later release.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Regression {
    /// Whether it is told.
    pub on: bool,
}

impl Default for Regression {
    fn default() -> Self {
        Self { on: true }
    }
}

/// Too many runs of the last day crashed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CrashFree {
    /// Whether it is told.
    pub on: bool,
    /// Below this share of runs that did not crash, in percent.
    pub percent: f64,
    /// Of at least this many runs.
    pub runs: u64,
}

impl Default for CrashFree {
    fn default() -> Self {
        Self {
            on: true,
            percent: 99.0,
            runs: 200,
        }
    }
}

/// Far more crashes or freezes within an hour than within the same hour of past weeks: of an issue, or crashes of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Spike {
    /// Whether it is told.
    pub on: bool,
    /// At least this many reports within the hour.
    pub reports: u64,
    /// This many deviations above the median.
    pub deviations: f64,
}

impl Default for Spike {
    /// Six deviations: of an hour that is like the others, chance makes that about once in a hundred million.
    fn default() -> Self {
        Self {
            on: true,
            reports: 20,
            deviations: 6.0,
        }
    }
}

/// Fewer attempts to connect succeed than in as many hours before.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Connection {
    /// Whether it is told.
    pub on: bool,
    /// By at least this many percentage points.
    pub points: f64,
    /// Of at least this many attempts, in both periods.
    pub attempts: u64,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            on: true,
            points: 5.0,
            attempts: 500,
        }
    }
}

/// An agent sent what might identify somebody; it was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Quarantine {
    /// Whether it is told.
    pub on: bool,
}

impl Default for Quarantine {
    fn default() -> Self {
        Self { on: true }
    }
}

/// Requests arrive, and no report is stored.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Silence {
    /// Whether it is told.
    pub on: bool,
    /// For this many minutes.
    pub minutes: u64,
    /// While at least this many reports were turned away.
    pub reports: u64,
}

impl Default for Silence {
    fn default() -> Self {
        Self {
            on: true,
            minutes: 30,
            reports: 20,
        }
    }
}

/// Hours of the day in which nobody is told; what falls in them is told in one message afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// The first minute of the day, from 0 to 1,439.
    pub from: u16,
    /// The first minute after; where it is before `from`, they go over midnight.
    pub to: u16,
    /// By how many minutes clocks there are ahead of UTC, from -1,080 to 1,080.
    pub offset: i16,
}

impl Quiet {
    /// Whether this second, since 1970-01-01 UTC, is one of them.
    pub fn holds(self, now: u64) -> bool {
        const DAY: i64 = 1_440;
        let minutes = i64::try_from(now / 60).unwrap_or_default() + i64::from(self.offset);
        let (minute, from, to) = (
            minutes.rem_euclid(DAY),
            i64::from(self.from),
            i64::from(self.to),
        );
        if from <= to {
            (from..to).contains(&minute)
        } else {
            minute >= from || minute < to
        }
    }
}

/// Who is told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// What it is called.
    pub name: PersonName,
    /// What it understands.
    pub service: Service,
    /// Where it is. With most services whoever knows it may write there.
    pub address: Hidden,
    /// What messages are signed with.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<Hidden>,
    /// In which language it is told.
    pub language: Language,
}

impl Webhook {
    /// The name of the machine that it is on.
    pub fn host(&self) -> Option<String> {
        let url = url::Url::parse(self.address.reveal()).ok()?;
        url.host_str().map(str::to_owned)
    }
}

/// What a webhook understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// JSON for a program, signed as Standard Webhooks are.
    Json,
    /// An incoming webhook of Slack.
    Slack,
    /// A custom bot of Feishu or Lark.
    Feishu,
    /// A custom robot of DingTalk.
    DingTalk,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Json, Self::Slack, Self::Feishu, Self::DingTalk];

    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Slack => "slack",
            Self::Feishu => "feishu",
            Self::DingTalk => "ding_talk",
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Slack => "Slack",
            Self::Feishu => "Feishu / Lark",
            Self::DingTalk => "DingTalk",
        }
    }

    /// Whether it knows signatures.
    pub const fn is_signed(self) -> bool {
        !matches!(self, Self::Slack)
    }
}

impl FromStr for Service {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let mut all = Self::ALL.into_iter();
        all.find(|service| service.as_str() == word).ok_or(())
    }
}

/// In which language somebody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// Chinese, simplified.
    #[serde(rename = "zh")]
    Chinese,
}

/// What is used and never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(String);

impl Hidden {
    /// Hides it.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// What it is, for whoever sends.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hidden")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_hours_are_those_of_the_clock_where_people_sleep() {
        let at = |hour: u64, minute: u64| 1_773_446_400 + hour * 3_600 + minute * 60;
        let night = Quiet {
            from: 22 * 60,
            to: 7 * 60 + 30,
            offset: 8 * 60,
        };
        for (hour, minute, quiet) in [
            (13, 59, false),
            (14, 0, true),
            (20, 0, true),
            (23, 29, true),
            (23, 30, false),
        ] {
            assert_eq!(night.holds(at(hour, minute)), quiet, "{hour}:{minute}");
        }
        let noon = Quiet {
            from: 12 * 60,
            to: 13 * 60,
            offset: -5 * 60,
        };
        assert!(noon.holds(at(17, 0)) && !noon.holds(at(18, 0)) && !noon.holds(at(12, 0)));
        let never = Quiet {
            from: 60,
            to: 60,
            offset: 0,
        };
        assert!(!never.holds(at(1, 0)));
    }

    #[test]
    fn secrets_are_in_no_log() {
        let webhook = Webhook {
            name: "ops".parse().unwrap(),
            service: Service::Slack,
            address: Hidden::new("https://hooks.example/T0/B0/letmein"),
            secret: Some(Hidden::new("letmein")),
            language: Language::English,
        };
        assert!(!format!("{webhook:?}").contains("letmein"));
    }

    #[test]
    fn a_mute_ends_and_those_that_were_a_list_do_not() {
        let said: AppAlerts = serde_json::from_str(
            r#"{"muted":{"0000000000000001":{"until":100,"who":"wei"},"0000000000000002":{"until":200,"who":"token ci"}}}"#,
        )
        .unwrap();
        let (one, both) = ([IssueId(1)], [IssueId(1), IssueId(2)]);
        let who = |numbers: &[IssueId], now| said.mute(numbers, now).map(|mute| &*mute.who);
        assert_eq!(who(&one, 99), Some("wei"));
        assert_eq!(who(&one, 100), None);
        assert_eq!(who(&both, 99), Some("token ci"));
        assert_eq!(who(&[IssueId(3)], 0), None);
        let before: AppAlerts = serde_json::from_str(r#"{"muted":["0000000000000001"]}"#).unwrap();
        assert!(before.mute(&one, u64::MAX).is_some());
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let said: Settings =
            serde_json::from_str(r#"{"apps":{"im":{"rules":{"spike":{"on":false}}}}}"#).unwrap();
        let alerts = &said.apps["im"];
        assert!(!alerts.rules.spike.on);
        assert_eq!(alerts.rules.spike.reports, Spike::default().reports);
        assert_eq!(alerts.per_hour, 10);
    }
}
