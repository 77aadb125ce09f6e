//! What operators and teams decide: apps and their ingest keys, how long reports are kept, what agents are asked to leave out, what
//! becomes of issues. The command line and the pages decide it here, so that each rule stands once, and nothing is done that the
//! audit trail cannot hold.

use crate::access::{IngestKey, KeyId};
use crate::alerts::settings::{AppAlerts, Mute};
use crate::privacy::audit::{Deed, Did};
use crate::privacy::date;
use crate::privacy::narrowing::{Less, UPLOAD_EVERY_MOST};
use crate::privacy::settings::Class;
use crate::state::State;
use crate::store::triage::{By, Change, Until};
use crate::store::{IssueId, Key, Store, StoreError, compare_versions};
use candor_protocol::answer::OFF_SECONDS_MOST;
use candor_protocol::deidentify::{AppName, Region};
use std::collections::BTreeMap;
use std::fmt;

const DAY: u64 = 86_400;

/// Issues that an entry of the trail names; of more it says how many.
const NAMED: usize = 50;

/// Why something was not done.
#[derive(Debug)]
pub enum NotDone {
    /// There is no such app.
    NoApp(AppName),
    /// There is such an app already.
    AppExists(AppName),
    /// The app has no such key.
    NoKey(AppName, KeyId),
    /// A rule speaks against it; says which.
    Refused(String),
    /// The store or the trail did not answer.
    Failed(StoreError),
}

impl fmt::Display for NotDone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoApp(app) => write!(f, "there is no app called {app}"),
            Self::AppExists(app) => {
                write!(
                    f,
                    "the app {app} exists; its key was shown when it was added"
                )
            }
            Self::NoKey(app, key) => write!(f, "the app {app} has no key called {key}"),
            Self::Refused(why) => f.write_str(why),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// Whether there is such an app.
///
/// # Errors
/// When there is none, and when the store does not answer.
pub async fn known<S: Store>(state: &State<S>, app: &AppName) -> Result<(), NotDone> {
    match state.store.apps().await?.contains(app) {
        true => Ok(()),
        false => Err(NotDone::NoApp(app.clone())),
    }
}

/// A moment to the minute, UTC.
pub fn moment(at: u64) -> String {
    let minutes = at % DAY / 60;
    format!("{} {:02}:{:02} UTC", date(at), minutes / 60, minutes % 60)
}

/// Adds an app, which may be pinned to the region that this collector is in; its ingest key.
///
/// # Errors
/// When there is one of this name, when the region is another one, and what cannot be written.
pub async fn add_app<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    region: Option<&Region>,
) -> Result<IngestKey, NotDone> {
    let exists = || NotDone::AppExists(app.clone());
    if state.store.apps().await?.contains(app) {
        return Err(exists());
    }
    if let Some(region) = region {
        pin(state, who, app, region)?;
    }
    let deed = Deed {
        who,
        did: Did::AppAdded,
        app: Some(app),
        what: String::new(),
    };
    state.office.note(state.clock.now(), &deed)?;
    let key = IngestKey::generate();
    match state.store.add_app(app, key.hash()).await {
        Ok(()) => Ok(key),
        Err(StoreError::AppExists) => Err(exists()),
        Err(error) => Err(error.into()),
    }
}

/// Pins a new app to a region, which must be the collector's.
fn pin<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    region: &Region,
) -> Result<(), NotDone> {
    let here = state.office.settings()?.region.clone();
    match here {
        Some(here) if here == *region => {}
        Some(here) => {
            return Err(NotDone::Refused(format!(
                "this collector keeps data in {here}, so it cannot take an app of {region}; add the app to a collector there"
            )));
        }
        None => {
            return Err(NotDone::Refused(format!(
                "nobody has said where this collector keeps data; `candor-collector settings region {region}` does"
            )));
        }
    }
    let (now, what) = (state.clock.now(), format!("region {region}"));
    let pinning = state
        .office
        .change_settings(who, now, Some(app), what, |settings| {
            settings.apps.entry(app.to_string()).or_default().region = Some(region.clone());
            Ok(())
        });
    pinning.map_err(NotDone::Refused)
}

/// Gives an app another key. Where an overlap is said, in seconds, those that are taken now end after it.
///
/// # Errors
/// When there is no such app, and what cannot be written.
pub async fn add_key<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    overlap: Option<u64>,
) -> Result<IngestKey, NotDone> {
    known(state, app).await?;
    let now = state.clock.now();
    let others = match overlap {
        Some(_) => state.store.keys(app).await?,
        None => Vec::new(),
    };
    let key = IngestKey::generate();
    let deed = Deed {
        who,
        did: Did::KeyAdded,
        app: Some(app),
        what: format!("key {}", key.hash().id()),
    };
    state.office.note(now, &deed)?;
    state.store.add_key(app, key.hash(), now).await?;
    let until = now.saturating_add(overlap.unwrap_or(0));
    for other in others.iter().filter(|other| other.is_taken(now)) {
        end(state, who, other, until).await?;
    }
    Ok(key)
}

/// Says that a key is not taken any more in so many seconds. Whether the app still has a key that is taken by then.
///
/// # Errors
/// When there is no such app or key, and what cannot be written.
pub async fn end_key<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    key: KeyId,
    after: u64,
) -> Result<bool, NotDone> {
    known(state, app).await?;
    let keys = state.store.keys(app).await?;
    let ending = keys.iter().find(|known| known.id == key);
    let ending = ending.ok_or_else(|| NotDone::NoKey(app.clone(), key))?;
    let at = state.clock.now().saturating_add(after);
    end(state, who, ending, at).await?;
    let mut others = keys.iter().filter(|other| other.id != key);
    Ok(others.any(|other| other.is_taken(at)))
}

async fn end<S: Store>(state: &State<S>, who: &str, key: &Key, at: u64) -> Result<(), NotDone> {
    let deed = Deed {
        who,
        did: Did::KeyEnded,
        app: Some(&key.app),
        what: format!("key {} at {}", key.id, moment(at)),
    };
    state.office.note(state.clock.now(), &deed)?;
    state.store.end_key(&key.app, key.id, at).await?;
    Ok(())
}

/// Agrees on how many days something of an app is kept.
///
/// # Errors
/// When there is no such app, when it is longer than it may be, and what cannot be written.
pub async fn keep_for<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    class: Class,
    days: u32,
) -> Result<(), NotDone> {
    known(state, app).await?;
    let what = format!("{} for {days} days", class.as_str());
    let now = state.clock.now();
    let agreeing = state
        .office
        .change_settings(who, now, Some(app), what, |settings| {
            settings.agree(app, class, days)
        });
    agreeing.map_err(NotDone::Refused)
}

/// Asks the agents of a range of releases for less, instead of what they were asked for before; for nothing less takes it back.
///
/// # Errors
/// When there is no such app, when agents could not or must not be asked for this, and what cannot be written.
pub async fn ask<S: Store>(
    state: &State<S>,
    who: &str,
    app: &AppName,
    less: Less,
) -> Result<(), NotDone> {
    known(state, app).await?;
    let now = state.clock.now();
    if let Some(why) = cannot_be_asked(&less, now) {
        return Err(NotDone::Refused(why.to_owned()));
    }
    let json = serde_json::to_string(&less).map_err(|error| NotDone::Refused(error.to_string()))?;
    let what = format!("agents: {json}");
    let asking = state
        .office
        .change_settings(who, now, Some(app), what, |settings| {
            settings.ask(app, less);
            Ok(())
        });
    asking.map_err(NotDone::Refused)
}

/// Why agents cannot be asked for this at `now`.
fn cannot_be_asked(less: &Less, now: u64) -> Option<&'static str> {
    let asked = &less.narrowing;
    if asked
        .off_until
        .is_some_and(|until| until > now.saturating_add(OFF_SECONDS_MOST))
    {
        return Some("agents stay off for 7 days at most; --off goes on until it is taken back");
    }
    if asked
        .upload_every_seconds
        .is_some_and(|time| u64::from(time) > UPLOAD_EVERY_MOST)
    {
        return Some("agents upload once a day at least");
    }
    if asked.sample.iter().any(|sample| sample.percent > 100) {
        return Some("of a hundred runs 100 can be asked for at most");
    }
    match (&less.from, &less.before) {
        (Some(from), Some(before)) if compare_versions(from.as_str(), before.as_str()).is_ge() => {
            Some("the range of releases ends before it begins")
        }
        _ => None,
    }
}

/// What somebody wants of issues.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// That this is said of them.
    Said(Change),
    /// That alerts tell nothing of them until this moment, in seconds since 1970-01-01 UTC, or for good.
    Muted(Option<u64>),
    /// That alerts tell of them again.
    Unmuted,
}

/// Does something to issues; how many of them there are.
///
/// # Errors
/// When it cannot be written.
pub async fn triage<S: Store>(
    state: &State<S>,
    app: &AppName,
    issues: &[IssueId],
    wanted: Wanted,
    by: By,
) -> Result<u64, StoreError> {
    let deed = Deed {
        who: by.who.as_str(),
        did: Did::IssueChanged,
        app: Some(app),
        what: said_of(issues, &wanted),
    };
    let until = match wanted {
        Wanted::Said(change) => {
            state.office.note(by.at, &deed)?;
            return state.store.triage(app, issues, change, by).await;
        }
        Wanted::Muted(until) => Some(until),
        Wanted::Unmuted => None,
    };
    let known = state.store.numbers(app, issues).await?;
    // Some of them may be one.
    let mut found = BTreeMap::new();
    for issue in issues {
        let numbers = match known.get(issue) {
            Some(numbers) => numbers.clone(),
            // Of one that is gone nothing has to stay.
            None if until.is_none() => vec![*issue],
            None => continue,
        };
        if let Some(now) = numbers.first() {
            found.insert(*now, numbers);
        }
    }
    if found.is_empty() {
        return Ok(0);
    }
    let change = |said: &mut AppAlerts| {
        said.muted.retain(|_, mute| mute.holds(by.at));
        for (issue, numbers) in &found {
            // It was perhaps muted under another number.
            for number in numbers {
                said.muted.remove(&number.to_string());
            }
            if let Some(until) = until {
                let who = by.who.as_str().to_owned();
                said.muted.insert(issue.to_string(), Mute { until, who });
            }
        }
        Ok(())
    };
    let note = || {
        let noted = state.office.note(by.at, &deed);
        noted.map_err(|error| error.to_string())
    };
    let changed = state.alerts.change(app, change, note);
    changed.map_err(StoreError::Unavailable)?;
    Ok(found.len() as u64)
}

/// What the trail says of a change: which issues and what, but neither the text of a note nor a release, since the trail outlives them.
fn said_of(issues: &[IssueId], wanted: &Wanted) -> String {
    let did = match wanted {
        Wanted::Muted(Some(until)) => format!("muted until {}", moment(*until)),
        Wanted::Muted(None) => "muted".to_owned(),
        Wanted::Unmuted => "told again".to_owned(),
        Wanted::Said(change) => did(change),
    };
    let named: Vec<String> = issues.iter().take(NAMED).map(IssueId::to_string).collect();
    let more = match issues.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{did}: {}{more}", named.join(" "))
}

fn did(change: &Change) -> String {
    match change {
        Change::Resolve(Some(_)) => "resolved in a release".to_owned(),
        Change::Resolve(None) => "resolved in the next release".to_owned(),
        Change::Ignore(Until::Forever) => "ignored".to_owned(),
        Change::Ignore(Until::Date(at)) => format!("ignored until {}", date(*at)),
        Change::Ignore(Until::Reports(n)) => format!("ignored for {n} reports"),
        Change::Ignore(Until::Installs(n)) => format!("ignored for {n} installations"),
        Change::Reopen => "opened again".to_owned(),
        Change::Assign(None) => "assigned to nobody".to_owned(),
        Change::Assign(Some(person)) => format!("assigned to {}", person.as_str()),
        Change::Note(_) => "a note added".to_owned(),
        Change::Merge(into) => format!("merged into {into}"),
        Change::Split => "split off".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::answer::{Narrowing, Sample};
    use candor_protocol::report::Kind;

    #[test]
    fn agents_are_asked_for_nothing_that_they_would_not_do() {
        let now = 1_000;
        let of = |narrowing| Less {
            narrowing,
            ..Less::default()
        };
        let off = |until| {
            of(Narrowing {
                off_until: Some(until),
                ..Narrowing::default()
            })
        };
        let every = |seconds| {
            of(Narrowing {
                upload_every_seconds: Some(seconds),
                ..Narrowing::default()
            })
        };
        let sample = |percent| {
            of(Narrowing {
                sample: vec![Sample {
                    kind: Kind::Freeze,
                    percent,
                }],
                ..Narrowing::default()
            })
        };
        let range = |from: &str, before: &str| Less {
            from: from.parse().ok(),
            before: before.parse().ok(),
            ..Less::default()
        };
        for (less, may) in [
            (off(now + OFF_SECONDS_MOST), true),
            (off(now + OFF_SECONDS_MOST + 1), false),
            (every(86_400), true),
            (every(86_401), false),
            (sample(100), true),
            (sample(101), false),
            (range("1.9", "1.10"), true),
            (range("1.10", "1.10"), false),
            (range("1.10", "1.9"), false),
            (range("", "1.9"), true),
        ] {
            assert_eq!(cannot_be_asked(&less, now).is_none(), may, "{less:?}");
        }
    }

    #[test]
    fn the_trail_names_issues_and_neither_notes_nor_releases() {
        let one = [IssueId(1)];
        let release = Change::Resolve("1.2.3".parse().ok());
        let note = crate::store::triage::Note::new("call Ann").unwrap();
        for (change, said) in [
            (release, "resolved in a release: 0000000000000001"),
            (Change::Note(note), "a note added: 0000000000000001"),
            (
                Change::Merge(IssueId(2)),
                "merged into 0000000000000002: 0000000000000001",
            ),
        ] {
            assert_eq!(said_of(&one, &Wanted::Said(change)), said);
        }
        let many: Vec<IssueId> = (0..60).map(IssueId).collect();
        assert!(said_of(&many, &Wanted::Said(Change::Split)).ends_with(" and 10 more"));
        let muted = Wanted::Muted(Some(1_773_480_360));
        let said = "muted until 2026-03-14 09:26 UTC: 0000000000000001";
        assert_eq!(said_of(&one, &muted), said);
    }
}
