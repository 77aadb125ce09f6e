//! What the operator has agreed on: where data is kept, how long, and which days are worked.

use super::calendar;
use super::narrowing::{Less, narrowing_of};
use crate::forge::Forge;
use candor_protocol::answer::Narrowing;
use candor_protocol::catalogue::RETENTION_DAYS_MOST;
use candor_protocol::deidentify::{AppName, Region, Release};
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// What is kept for a time of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Reports of crashes and caught panics.
    Crash,
    /// Reports of freezes.
    Freeze,
    /// Reports of runs, and what tells of one run.
    Run,
    /// Reports of losses.
    Loss,
    /// Reports of connection windows.
    Connection,
    /// Sums that name no installation.
    Summaries,
    /// What arrived and what became of it, by day.
    Ledger,
    /// Counts of what was not kept.
    Quarantine,
    /// Aggregates that were handed to partners.
    Exports,
    /// The audit trail, receipts, and requests of persons that are closed. One time for all apps.
    Audit,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Crash,
        Self::Freeze,
        Self::Run,
        Self::Loss,
        Self::Connection,
        Self::Summaries,
        Self::Ledger,
        Self::Quarantine,
        Self::Exports,
        Self::Audit,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Crash => "crash",
            Self::Freeze => "freeze",
            Self::Run => "run",
            Self::Loss => "loss",
            Self::Connection => "connection",
            Self::Summaries => "summaries",
            Self::Ledger => "ledger",
            Self::Quarantine => "quarantine",
            Self::Exports => "exports",
            Self::Audit => "audit",
        }
    }

    /// Whether it is a kind of report.
    pub const fn is_reports(self) -> bool {
        matches!(
            self,
            Self::Crash | Self::Freeze | Self::Run | Self::Loss | Self::Connection
        )
    }

    /// Days that it is kept where nothing else was agreed. For reports the catalogue says so too, which users are shown.
    pub const fn days(self) -> u32 {
        match self {
            Self::Connection | Self::Exports => 30,
            Self::Crash | Self::Freeze | Self::Run | Self::Loss | Self::Quarantine => 90,
            Self::Summaries | Self::Ledger => 400,
            Self::Audit => 1_096,
        }
    }

    /// The most days that it may be kept, whatever was agreed. Sums and the trail name nobody and may stay longer than reports.
    pub const fn most(self) -> u32 {
        match self {
            Self::Summaries | Self::Ledger => 1_096,
            Self::Audit => 3_653,
            _ => RETENTION_DAYS_MOST,
        }
    }
}

impl FromStr for Class {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|class| class.as_str() == word)
            .ok_or_else(|| {
                let all: Vec<_> = Self::ALL.iter().map(|class| class.as_str()).collect();
                format!("a class is one of: {}", all.join(", "))
            })
    }
}

/// What the operator has agreed on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where this collector keeps data; `None` while nobody has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Days of the trail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit_days: Option<u32>,
    /// Days that are not worked.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<Date>,
    /// Saturdays and Sundays that are worked, to make up for holidays.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub worked: BTreeSet<Date>,
    /// By app.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub apps: BTreeMap<String, AppSettings>,
}

/// What was agreed with the developer of one app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppSettings {
    /// Where its data may be kept; `None` for wherever the collector is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Days, where they are not the usual ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub retention: BTreeMap<Class, u32>,
    /// Reports that are taken in a day (UTC), where that is not what the collector's configuration says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub daily_reports: Option<u64>,
    /// What its agents are asked to leave out, by range of releases.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub less: Vec<Less>,
    /// Where its source is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forge: Option<Forge>,
}

impl Settings {
    /// How many days something of an app is kept, never more than the hard limit, whatever stands in the file.
    pub fn days(&self, app: &AppName, class: Class) -> u32 {
        let agreed = match class {
            Class::Audit => self.audit_days,
            _ => self
                .apps
                .get(app.as_str())
                .and_then(|app| app.retention.get(&class).copied()),
        };
        agreed.unwrap_or(class.days()).clamp(1, class.most())
    }

    /// Reports of an app that are taken in a day, if that was agreed on.
    pub fn daily_reports(&self, app: &AppName) -> Option<u64> {
        self.apps.get(app.as_str())?.daily_reports
    }

    /// Where the source of an app is shown, if that was said.
    pub fn forge(&self, app: &AppName) -> Option<&Forge> {
        self.apps.get(app.as_str())?.forge.as_ref()
    }

    /// Says where the source of an app is shown, or that it is shown nowhere.
    pub fn show_source(&mut self, app: &AppName, forge: Option<Forge>) {
        self.apps.entry(app.to_string()).or_default().forge = forge;
    }

    /// What an agent of an app is asked to leave out at `now`, in seconds since 1970; `None` for nothing.
    pub fn narrowing(&self, app: &AppName, release: &Release, now: u64) -> Option<Narrowing> {
        narrowing_of(&self.apps.get(app.as_str())?.less, release, now)
    }

    /// Asks for less in a range of releases, instead of what was asked in this very range before.
    pub fn ask(&mut self, app: &AppName, less: Less) {
        let all = &mut self.apps.entry(app.to_string()).or_default().less;
        all.retain(|other| !other.is_of(&less));
        if !less.is_nothing() {
            all.push(less);
        }
    }

    /// Days of the trail, of receipts, and of closed requests.
    pub fn audit_days(&self) -> u32 {
        let days = self.audit_days.unwrap_or(Class::Audit.days());
        days.clamp(1, Class::Audit.most())
    }

    /// Agrees on days.
    ///
    /// # Errors
    /// Says what is not possible.
    pub fn agree(&mut self, app: &AppName, class: Class, days: u32) -> Result<(), String> {
        let most = class.most();
        if days == 0 || days > most {
            return Err(format!("{} are kept for 1 to {most} days", class.as_str()));
        }
        if class == Class::Audit {
            self.audit_days = Some(days);
            return Ok(());
        }
        let mut agreed = self.clone();
        let entry = agreed.apps.entry(app.to_string()).or_default();
        entry.retention.insert(class, days);
        let summaries = agreed.days(app, Class::Summaries);
        let longer = Class::ALL
            .into_iter()
            .find(|class| class.is_reports() && agreed.days(app, *class) > summaries);
        if let Some(longer) = longer {
            return Err(format!(
                "reports of kind {} would be kept for {} days, longer than their summaries ({summaries})",
                longer.as_str(),
                agreed.days(app, longer),
            ));
        }
        *self = agreed;
        Ok(())
    }

    /// Why a batch that wants to be kept in `wanted` may not be kept here for this app; `None` when it may.
    pub fn wrong_region(&self, app: &AppName, wanted: Option<&Region>) -> Option<String> {
        let pinned = self
            .apps
            .get(app.as_str())
            .and_then(|app| app.region.as_ref());
        let here = self.region.as_ref();
        let differs =
            |a: Option<&Region>, b: Option<&Region>| matches!((a, b), (Some(a), Some(b)) if a != b);
        if differs(wanted, here) || (wanted.is_some() && here.is_none()) {
            let here = here.map_or("no region", Region::as_str);
            return Some(format!(
                "these reports are to be kept in another region than this collector, which is in {here}; give the agent the \
                 address of a collector of its region"
            ));
        }
        if differs(pinned, here) {
            return Some(
                "this app's data may not be kept in the region of this collector".to_owned(),
            );
        }
        if differs(wanted, pinned) {
            return Some(
                "this app's data may not be kept in the region that the agent names".to_owned(),
            );
        }
        None
    }

    /// The last second in which a request that came at `from` is answered in time: 15 working days.
    pub fn due(&self, from: u64) -> u64 {
        calendar::due(
            from,
            super::requests::WORKING_DAYS,
            &self.holidays,
            &self.worked,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::catalogue::FIELDS;
    use candor_protocol::report::Kind;

    fn app() -> AppName {
        "im".parse().unwrap()
    }

    #[test]
    fn what_users_are_shown_is_what_is_kept() {
        for field in FIELDS {
            let kind = field
                .path
                .strip_prefix("what.")
                .and_then(|rest| rest.split('.').next());
            let Some(kind) = kind.and_then(|kind| kind.parse::<Kind>().ok()) else {
                continue;
            };
            let class: Class = kind.as_str().parse().unwrap();
            assert_eq!(class.days(), field.retention_days(), "{}", field.path);
        }
    }

    #[test]
    fn nothing_is_kept_longer_than_the_hard_limit_whatever_stands_in_the_file() {
        let file = r#"{"audit_days":99999,"apps":{"im":{"retention":{"crash":99999,"run":0}}}}"#;
        let settings: Settings = serde_json::from_str(file).unwrap();
        assert_eq!(settings.days(&app(), Class::Crash), RETENTION_DAYS_MOST);
        assert_eq!(settings.days(&app(), Class::Run), 1);
        assert_eq!(settings.audit_days(), Class::Audit.most());
        assert_eq!(settings.days(&"other".parse().unwrap(), Class::Crash), 90);
    }

    #[test]
    fn what_cannot_be_agreed_on_is_refused_and_changes_nothing() {
        let mut settings = Settings::default();
        for (class, days) in [
            (Class::Crash, 0),
            (Class::Crash, RETENTION_DAYS_MOST + 1),
            (Class::Summaries, 60),
        ] {
            assert!(
                settings.agree(&app(), class, days).is_err(),
                "{class:?} {days}"
            );
        }
        assert_eq!(settings, Settings::default());
        for class in [Class::Crash, Class::Freeze, Class::Run, Class::Loss] {
            settings.agree(&app(), class, 20).unwrap();
        }
        settings.agree(&app(), Class::Summaries, 60).unwrap();
        assert_eq!(settings.days(&app(), Class::Summaries), 60);
        assert!(settings.agree(&app(), Class::Connection, 61).is_err());
    }

    #[test]
    fn reports_stay_in_their_region() {
        let region = |name: &str| Some(name.parse::<Region>().unwrap());
        let settings = |here: Option<Region>, pinned: Option<Region>| Settings {
            region: here,
            apps: [(
                "im".to_owned(),
                AppSettings {
                    region: pinned,
                    ..AppSettings::default()
                },
            )]
            .into(),
            ..Settings::default()
        };
        let (north, south) = (region("cn-north"), region("cn-south"));
        for (here, pinned, wanted, taken) in [
            (None, None, None, true),
            (north.clone(), None, None, true),
            (north.clone(), north.clone(), north.clone(), true),
            (north.clone(), None, north.clone(), true),
            (north.clone(), None, south.clone(), false),
            (north.clone(), south.clone(), None, false),
            (north.clone(), south.clone(), south.clone(), false),
            // Who wants a region is not taken where nobody has said which one this is.
            (None, None, north.clone(), false),
            (None, south, north, false),
        ] {
            let why = settings(here, pinned).wrong_region(&app(), wanted.as_ref());
            assert_eq!(why.is_none(), taken, "{why:?}");
        }
    }
}
