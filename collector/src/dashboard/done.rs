//! What was just done to issues that were chosen from the list: said once, above the list, and taken back with one button where one does.

use super::visit::Visit;
use super::window;
use super::words::{Words, fill};
use crate::operating::Wanted;
use crate::store::IssueId;
use crate::store::triage::{Change, Person, Until};

/// Where it stands in the address that follows a form: what, to how many, and to which.
pub(crate) const PASSING: [&str; 3] = ["did", "done", "of"];

/// The most issues that an address names; what was done to more of them is said and not taken back.
const NAMED: usize = 100;

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    did: Did,
    /// To how many issues.
    many: u64,
    /// Which were chosen.
    issues: Vec<IssueId>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Did {
    Resolve,
    Ignore,
    Reopen,
    Assign(Option<Person>),
    Mute(Option<u64>),
    Unmute,
}

/// What takes it back.
#[derive(Debug)]
pub(crate) struct Back {
    pub(crate) act: &'static str,
    pub(crate) label: &'static str,
    pub(crate) issues: Vec<String>,
}

impl Done {
    /// What was done to `many` of `issues`; `None` for what the list does not offer.
    pub(crate) fn new(wanted: &Wanted, many: u64, issues: &[IssueId]) -> Option<Self> {
        let did = match wanted {
            Wanted::Said(Change::Resolve(None)) => Did::Resolve,
            Wanted::Said(Change::Ignore(Until::Forever)) => Did::Ignore,
            Wanted::Said(Change::Reopen) => Did::Reopen,
            Wanted::Said(Change::Assign(to)) => Did::Assign(to.clone()),
            Wanted::Muted(until) => Did::Mute(*until),
            Wanted::Unmuted => Did::Unmute,
            Wanted::Said(_) => return None,
        };
        let few = issues.len() <= NAMED;
        Some(Self {
            did,
            many,
            issues: issues.iter().copied().filter(|_| few).collect(),
        })
    }

    /// What an address says of it.
    pub(crate) fn read(visit: &Visit) -> Option<Self> {
        let said = visit.get("did")?;
        let (word, more) = said.split_once(' ').unwrap_or((said, ""));
        let did = match (word, more) {
            ("resolve", "") => Did::Resolve,
            ("ignore", "") => Did::Ignore,
            ("reopen", "") => Did::Reopen,
            ("assign", "") => Did::Assign(None),
            ("assign", name) => Did::Assign(Some(Person::new(name)?)),
            ("mute", "") => Did::Mute(None),
            ("mute", until) => Did::Mute(Some(until.parse().ok()?)),
            ("unmute", "") => Did::Unmute,
            _ => return None,
        };
        let named = visit.get("of").unwrap_or_default().split('.');
        Some(Self {
            did,
            many: visit.get("done")?.parse().ok()?,
            issues: named.filter_map(|id| id.parse().ok()).take(NAMED).collect(),
        })
    }

    /// The address of this view, which says it.
    pub(crate) fn address(&self, visit: &Visit) -> String {
        let did = match &self.did {
            Did::Resolve => "resolve".to_owned(),
            Did::Ignore => "ignore".to_owned(),
            Did::Reopen => "reopen".to_owned(),
            Did::Assign(None) => "assign".to_owned(),
            Did::Assign(Some(to)) => format!("assign {}", to.as_str()),
            Did::Mute(None) => "mute".to_owned(),
            Did::Mute(Some(until)) => format!("mute {until}"),
            Did::Unmute => "unmute".to_owned(),
        };
        let issues: Vec<String> = self.issues.iter().map(IssueId::to_string).collect();
        let [what, many, which] = PASSING;
        visit.here(&[
            (what, &did),
            (many, &self.many.to_string()),
            (which, &issues.join(".")),
        ])
    }

    /// In words.
    pub(crate) fn text(&self, w: &'static Words) -> String {
        let what = match &self.did {
            Did::Resolve => w.t_resolved_next.to_owned(),
            Did::Ignore => w.t_ignored_forever.to_owned(),
            Did::Reopen => w.t_reopened.to_owned(),
            Did::Assign(None) => w.t_assigned_nobody.to_owned(),
            Did::Assign(Some(to)) => fill(w.t_assigned_to, &[&to.as_str()]),
            Did::Mute(None) => w.t_all_muted.to_owned(),
            Did::Mute(Some(until)) => fill(w.t_all_muted_until, &[&window::exact(*until)]),
            Did::Unmute => w.t_all_unmuted.to_owned(),
        };
        fill(w.t_done, &[&self.many, &what])
    }

    /// What takes it back, where one deed does: who looked after each of them before is in their histories alone.
    pub(crate) fn back(&self, w: &'static Words) -> Option<Back> {
        let (act, label) = match self.did {
            Did::Resolve | Did::Ignore => ("reopen", w.t_reopen),
            Did::Mute(_) => ("unmute", w.t_unmute),
            Did::Reopen | Did::Assign(_) | Did::Unmute => return None,
        };
        (!self.issues.is_empty()).then(|| Back {
            act,
            label,
            issues: self.issues.iter().map(IssueId::to_string).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Lang;
    use super::*;
    use axum::http::HeaderMap;

    fn visit(address: &str) -> Visit {
        let (path, query) = address.split_once('?').unwrap_or((address, ""));
        Visit::read(path, query, &HeaderMap::new())
    }

    #[test]
    fn what_was_done_comes_through_the_address_and_is_not_carried_on() {
        let issues = [IssueId(1), IssueId(2)];
        let name = Person::new("Ann & Bo").unwrap();
        for (wanted, says, back) in [
            (Wanted::Said(Change::Resolve(None)), "next", Some("reopen")),
            (
                Wanted::Said(Change::Ignore(Until::Forever)),
                "Ignored",
                Some("reopen"),
            ),
            (Wanted::Said(Change::Reopen), "Reopened", None),
            (Wanted::Said(Change::Assign(Some(name))), "Ann & Bo", None),
            (Wanted::Said(Change::Assign(None)), "nobody", None),
            (
                Wanted::Muted(Some(1_773_480_360)),
                "2026-03-14",
                Some("unmute"),
            ),
            (Wanted::Muted(None), "for good", Some("unmute")),
            (Wanted::Unmuted, "unmuted", None),
        ] {
            let done = Done::new(&wanted, 2, &issues).unwrap();
            let address = done.address(&visit("/issues?app=im&who=-"));
            let after = visit(&address);
            assert_eq!(Done::read(&after), Some(done.clone()), "{address}");
            assert_eq!(after.here(&[]), "/issues?app=im&who=-");
            let text = done.text(Lang::En.words());
            assert!(
                text.starts_with("2 issues") && text.contains(says),
                "{text}"
            );
            let act = done.back(Lang::En.words()).map(|back| back.act);
            assert_eq!(act, back, "{text}");
        }
    }

    #[test]
    fn of_too_many_it_is_said_and_not_taken_back() {
        let issues: Vec<IssueId> = (0..=NAMED as u64).map(IssueId).collect();
        let done = Done::new(&Wanted::Muted(None), 101, &issues).unwrap();
        assert!(done.address(&visit("/issues")).len() < 100);
        assert!(done.back(Lang::Zh.words()).is_none());
    }

    #[test]
    fn an_address_that_says_nothing_of_the_kind_says_nothing() {
        for query in ["", "?did=burn&done=1", "?did=mute+x&done=1", "?did=mute"] {
            assert_eq!(Done::read(&visit(&format!("/issues{query}"))), None);
        }
    }
}
