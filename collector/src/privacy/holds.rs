//! Legal holds: for as long as the law wants reports of an app kept, they do not grow too old.
//!
//! Two persons decide, for a time that ends by itself, and everybody who looks is told. A hold keeps what would expire; it does not
//! stand against an erasure, which is a person's right or the operator's decision of its own.

use super::audit::{Deed, Did};
use super::calendar::{DAY, date};
use super::{Office, unwritten};
use crate::store::StoreError;
use candor_protocol::deidentify::AppName;
use serde::{Deserialize, Serialize};

/// The most days that a hold may last. Who needs more opens another, and two persons think about it again.
pub const DAYS_MOST: u64 = 180;

/// The most holds of an app that have not ended.
const MOST: usize = 100;

/// A hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Counts from 1.
    pub number: u64,
    /// Whose reports are kept.
    #[schemars(with = "String")]
    pub app: AppName,
    /// Where the order is kept that asks for it: a name such as a file's number.
    #[schemars(with = "String")]
    pub basis: AppName,
    /// Who opened it.
    pub opened_by: String,
    /// When, in seconds since 1970-01-01 UTC.
    pub opened: u64,
    /// The first second that it does not last any more.
    pub until: u64,
    /// Who else approved it; until then nothing is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<String>,
    /// Who ended it before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
}

/// How far a hold is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// A second person has to approve it.
    Asked,
    /// Reports are kept.
    InForce,
    /// Its time is over, or somebody ended it.
    Over,
}

impl Hold {
    /// How far it is.
    pub fn standing(&self, now: u64) -> Standing {
        match (
            now < self.until && self.ended_by.is_none(),
            &self.approved_by,
        ) {
            (false, _) => Standing::Over,
            (true, None) => Standing::Asked,
            (true, Some(_)) => Standing::InForce,
        }
    }
}

/// Why a hold was not opened, approved or ended.
#[derive(Debug)]
pub enum NotHeld {
    /// There is no hold of this number, or it is over.
    Unknown,
    /// It would be over already, or last longer than [`DAYS_MOST`].
    TooLong,
    /// Who opened it cannot approve it, and it is approved once.
    NeedsAnother,
    /// Too many have not ended.
    TooMany,
    /// The office failed.
    Failed(StoreError),
}

impl From<StoreError> for NotHeld {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

/// The holds, oldest first, and how many there have been.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Holds {
    last: u64,
    holds: Vec<Hold>,
}

impl Office {
    /// All holds, the latest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn holds(&self) -> Result<Vec<Hold>, StoreError> {
        let known = self.holds.read().map_err(unwritten)?;
        Ok(known.holds.iter().rev().cloned().collect())
    }

    /// Until when reports of an app are held, if they are.
    ///
    /// # Errors
    /// When holds cannot be read: then nothing may expire.
    pub fn held_until(&self, app: &AppName, now: u64) -> Result<Option<u64>, StoreError> {
        let known = self.holds.read().map_err(unwritten)?;
        let mine = known.holds.iter().filter(|hold| hold.app == *app);
        let in_force = mine.filter(|hold| hold.standing(now) == Standing::InForce);
        Ok(in_force.map(|hold| hold.until).max())
    }

    /// Asks for a hold. It is in force when another person has approved it.
    ///
    /// # Errors
    /// [`NotHeld`].
    pub fn open_hold(
        &self,
        who: &str,
        app: &AppName,
        basis: AppName,
        until: u64,
        now: u64,
    ) -> Result<Hold, NotHeld> {
        if until <= now || until > now.saturating_add(DAYS_MOST * DAY) {
            return Err(NotHeld::TooLong);
        }
        let opened = self.holds.change(|known| {
            let open = known.holds.iter().filter(|hold| hold.app == *app);
            if open
                .filter(|hold| hold.standing(now) != Standing::Over)
                .count()
                >= MOST
            {
                return Err(NotHeld::TooMany);
            }
            known.last += 1;
            let hold = Hold {
                number: known.last,
                app: app.clone(),
                basis,
                opened_by: who.to_owned(),
                opened: now,
                until,
                approved_by: None,
                ended_by: None,
            };
            known.holds.push(hold.clone());
            Ok(hold)
        });
        let opened = opened.map_err(unwritten)??;
        self.note_hold(who, &opened, "asked for", now)?;
        Ok(opened)
    }

    /// Approves a hold that somebody else has opened: from now on it is in force.
    ///
    /// # Errors
    /// [`NotHeld`].
    pub fn approve_hold(&self, who: &str, number: u64, now: u64) -> Result<Hold, NotHeld> {
        self.change_hold(who, number, "approved", now, |hold| {
            if hold.opened_by == who || hold.approved_by.is_some() {
                return Err(NotHeld::NeedsAnother);
            }
            hold.approved_by = Some(who.to_owned());
            Ok(())
        })
    }

    /// Ends a hold, whether or not it was approved. What is too old goes with the next pass.
    ///
    /// # Errors
    /// [`NotHeld`].
    pub fn end_hold(&self, who: &str, number: u64, now: u64) -> Result<Hold, NotHeld> {
        self.change_hold(who, number, "ended", now, |hold| {
            hold.ended_by = Some(who.to_owned());
            Ok(())
        })
    }

    fn change_hold(
        &self,
        who: &str,
        number: u64,
        done: &str,
        now: u64,
        change: impl FnOnce(&mut Hold) -> Result<(), NotHeld>,
    ) -> Result<Hold, NotHeld> {
        let changed = self.holds.change(|known| {
            let mut holds = known.holds.iter_mut();
            let hold =
                holds.find(|hold| hold.number == number && hold.standing(now) != Standing::Over);
            let hold = hold.ok_or(NotHeld::Unknown)?;
            change(hold)?;
            Ok::<_, NotHeld>(hold.clone())
        });
        let changed = changed.map_err(unwritten)??;
        self.note_hold(who, &changed, done, now)?;
        Ok(changed)
    }

    fn note_hold(&self, who: &str, hold: &Hold, done: &str, now: u64) -> Result<(), StoreError> {
        let Hold { number, basis, .. } = hold;
        let deed = Deed {
            who,
            did: Did::HoldChanged,
            app: Some(&hold.app),
            what: format!("hold {number} {done}: {basis}, until {}", date(hold.until)),
        };
        self.note(now, &deed)
    }

    /// Forgets holds that were over before `before`.
    pub(super) fn forget_holds(&self, before: u64) -> Result<(), StoreError> {
        let old = |hold: &Hold| hold.until < before;
        let known = self.holds.read().map_err(unwritten)?;
        if !known.holds.iter().any(old) {
            return Ok(());
        }
        let forgotten = self
            .holds
            .change(|known| known.holds.retain(|hold| !old(hold)));
        forgotten.map_err(unwritten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_651_200;

    fn name(name: &str) -> AppName {
        AppName::parse(name).unwrap()
    }

    fn office() -> (Office, tempfile::TempDir) {
        let data = tempfile::tempdir().unwrap();
        (Office::open(data.path()).unwrap(), data)
    }

    #[test]
    fn a_hold_takes_two_persons_and_ends_by_itself() {
        let (office, _data) = office();
        let (app, until) = (name("im"), NOW + 10 * DAY);
        let open = || office.open_hold("wei", &app, name("case-7"), until, NOW);
        let hold = open().unwrap();
        assert_eq!(office.held_until(&app, NOW).unwrap(), None);
        let own = office.approve_hold("wei", hold.number, NOW);
        assert!(matches!(own, Err(NotHeld::NeedsAnother)));
        office.approve_hold("lin", hold.number, NOW + 1).unwrap();
        let again = office.approve_hold("ana", hold.number, NOW + 1);
        assert!(matches!(again, Err(NotHeld::NeedsAnother)));
        assert_eq!(office.held_until(&app, NOW + 1).unwrap(), Some(until));
        assert_eq!(office.held_until(&name("other"), NOW).unwrap(), None);
        assert_eq!(office.held_until(&app, until - 1).unwrap(), Some(until));
        assert_eq!(office.held_until(&app, until).unwrap(), None);
        let late = office.end_hold("wei", hold.number, until);
        assert!(matches!(late, Err(NotHeld::Unknown)));
        // One that is not approved holds nothing, and either can be ended at any time.
        let second = open().unwrap();
        office.end_hold("wei", second.number, NOW + 2).unwrap();
        let gone = office.approve_hold("lin", second.number, NOW + 3);
        assert!(matches!(gone, Err(NotHeld::Unknown)));
        let said: Vec<_> = office.trail().last(9).unwrap();
        let said: Vec<_> = said.iter().map(|entry| entry.what.as_str()).collect();
        assert_eq!(said.len(), 4);
        assert!(
            said.contains(&"hold 1 approved: case-7, until 2026-12-06"),
            "{said:?}"
        );
    }

    #[test]
    fn a_hold_lasts_half_a_year_at_the_most() {
        let (office, _data) = office();
        let open = |until| office.open_hold("wei", &name("im"), name("case-7"), until, NOW);
        for wrong in [0, NOW, NOW + DAYS_MOST * DAY + 1] {
            assert!(matches!(open(wrong), Err(NotHeld::TooLong)), "{wrong}");
        }
        assert!(open(NOW + DAYS_MOST * DAY).is_ok());
        office.forget_holds(NOW).unwrap();
        assert_eq!(office.holds().unwrap().len(), 1);
        office.forget_holds(NOW + 200 * DAY).unwrap();
        assert_eq!(office.holds().unwrap(), []);
    }
}
