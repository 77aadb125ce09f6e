//! What a team says about issues: who looks after them, whether they are done with, which of them are one.
//!
//! It is a log: every row is one thing that somebody did. What an issue is now follows from its latest rows and from what is
//! counted of it, so keeping reports has nothing to do with it: an issue that was resolved has regressed when a release has
//! shown it that sorts after the one it was resolved in and that had not shown it by then.

use super::{IssueId, versions};
use candor_protocol::deidentify::Release;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The longest name of a person, in characters.
pub const NAME: usize = 100;

/// The longest note, in characters.
pub const NOTE: usize = 4_000;

/// Who did something and when, in seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By {
    /// A name.
    pub who: Person,
    /// When.
    pub at: u64,
}

/// The name of a person, 1 to [`NAME`] characters in one line.
#[derive(
    Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, schemars::JsonSchema,
)]
pub struct Person(String);

impl Person {
    /// The name, if it is one.
    pub fn new(name: &str) -> Option<Self> {
        let name = name.trim();
        let fits = (1..=NAME).contains(&name.chars().count());
        (fits && !name.chars().any(char::is_control)).then(|| Self(name.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What somebody noted, 1 to [`NOTE`] characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Note(String);

impl Note {
    /// The note, if it is one. Line ends are kept, other control characters are not.
    pub fn new(text: &str) -> Option<Self> {
        let kept = |letter: &char| !letter.is_control() || *letter == '\n';
        let text: String = text.trim().chars().filter(kept).collect();
        (1..=NOTE)
            .contains(&text.chars().count())
            .then_some(Self(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How long an issue is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// For good.
    Forever,
    /// Until this moment, in seconds since 1970-01-01 UTC.
    Date(u64),
    /// Until it has this many more reports.
    Reports(u64),
    /// Until this many more installations are behind its reports that are kept.
    Installs(u64),
}

impl Until {
    /// The most reports or installations that are waited for.
    const MOST: u64 = 1_000_000_000;

    /// The same, if that can be waited for at `now`.
    pub fn possible(self, now: u64) -> Option<Self> {
        let may = match self {
            Self::Forever => true,
            Self::Date(date) => date > now,
            Self::Reports(more) | Self::Installs(more) => (1..=Self::MOST).contains(&more),
        };
        may.then_some(self)
    }
}

/// What can be done to issues. Whatever is done to one that was merged is done to the one it was merged into, but for
/// [`Split`](Self::Split).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is done with in this release; `None`: in the next one, after the latest that is known.
    Resolve(Option<Release>),
    /// It is not looked at.
    Ignore(Until),
    /// It is looked at again.
    Reopen,
    /// Somebody looks after it, or nobody.
    Assign(Option<Person>),
    /// Somebody says something about it.
    Note(Note),
    /// They are one with this issue, and shown and counted as it. Only issues of one kind are.
    Merge(IssueId),
    /// It is an issue of its own again, as it was before.
    Split,
}

/// What an issue is now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// To be looked at.
    #[default]
    Open,
    /// Done with.
    Resolved {
        /// In this release; where `next` is true, in the one after it. Empty where the release was erased.
        release: String,
        /// Whether it is the one after it.
        next: bool,
    },
    /// Not looked at.
    Ignored {
        /// How long.
        until: Until,
    },
    /// Was resolved, and is back.
    Regressed {
        /// In which release it was resolved.
        resolved: String,
        /// The earliest release in which it is back.
        release: String,
    },
}

/// The kinds of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StateKind {
    /// [`State::Open`].
    Open,
    /// [`State::Regressed`].
    Regressed,
    /// [`State::Resolved`].
    Resolved,
    /// [`State::Ignored`].
    Ignored,
}

impl StateKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Regressed, Self::Resolved, Self::Ignored];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Regressed => "regressed",
            Self::Resolved => "resolved",
            Self::Ignored => "ignored",
        }
    }
}

impl State {
    /// Its kind.
    pub const fn kind(&self) -> StateKind {
        match self {
            Self::Open => StateKind::Open,
            Self::Resolved { .. } => StateKind::Resolved,
            Self::Ignored { .. } => StateKind::Ignored,
            Self::Regressed { .. } => StateKind::Regressed,
        }
    }
}

/// A turning point of an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct Turn {
    /// When, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Who did it; `None` for what came by itself.
    pub who: Option<Person>,
    /// What.
    #[serde(flatten)]
    pub what: Point,
}

/// What happened at a turning point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(tag = "did", rename_all = "snake_case")]
pub enum Point {
    /// It was seen for the first time, in this release.
    Seen {
        /// The release.
        release: String,
    },
    /// It is done with.
    Resolved {
        /// In this release.
        release: String,
        /// In the one after it.
        next: bool,
    },
    /// It came back in this release.
    Regressed {
        /// The release.
        release: String,
    },
    /// It is not looked at.
    Ignored {
        /// How long.
        until: Until,
    },
    /// What it was ignored until has come.
    Over,
    /// It is looked at again.
    Reopened,
    /// Somebody looks after it, or nobody.
    Assigned {
        /// Who.
        to: Option<Person>,
    },
    /// Somebody said something.
    Noted {
        /// What.
        note: Note,
    },
    /// It became one with this issue.
    Merged {
        /// The issue.
        into: String,
    },
    /// This issue became one with it.
    Took {
        /// The issue.
        issue: String,
    },
    /// It became an issue of its own again.
    Split {
        /// What it was one with.
        from: String,
    },
    /// This issue became one of its own again.
    Gave {
        /// The issue.
        issue: String,
    },
    /// Reports of this issue belong here since the names of their functions are known, and what was said about it counts here too.
    Came {
        /// The issue.
        issue: String,
    },
    /// All of its reports belong there since the names of their functions are known.
    Went {
        /// The issue.
        into: String,
    },
}

/// A row of the log. What a state needs of the moment in which it was set stands in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Said {
    Resolved {
        release: String,
        next: bool,
        /// Releases that had shown it.
        seen: BTreeSet<String>,
    },
    Ignored {
        until: Until,
        /// What it had by then.
        reports: u64,
        installs: u64,
    },
    Reopened,
    Assigned(Option<Person>),
    Noted(Note),
    Merged(u64),
    Took(u64),
    Split(u64),
    Gave(u64),
    Came(u64),
    Went(u64),
}

/// What is counted of an issue, whatever was merged into it included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Facts {
    /// When each release showed it first.
    pub(super) seen: BTreeMap<String, u64>,
    pub(super) reports: u64,
    pub(super) installs: u64,
}

/// A row of the log: who, when, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Deed {
    pub(super) issue: u64,
    pub(super) at: u64,
    pub(super) who: String,
    pub(super) said: Said,
}

/// The aspect of rows that say from where reports came.
pub(super) const CAME: &str = "came";

impl Said {
    /// What is said by a change of this issue alone; `None` for changes that concern two. `latest` is the latest release of the app.
    pub(super) fn of(change: &Change, facts: &Facts, latest: Option<String>) -> Option<Self> {
        Some(match change {
            Change::Resolve(release) => {
                let seen: BTreeSet<String> = facts.seen.keys().cloned().collect();
                let by_version = |a: &String, b: &String| versions::compare(a, b);
                let latest = || seen.iter().cloned().chain(latest).max_by(by_version);
                Self::Resolved {
                    next: release.is_none(),
                    release: match release {
                        Some(release) => release.as_str().to_owned(),
                        None => latest().unwrap_or_default(),
                    },
                    seen,
                }
            }
            Change::Ignore(until) => Self::Ignored {
                until: *until,
                reports: facts.reports,
                installs: facts.installs,
            },
            Change::Reopen => Self::Reopened,
            Change::Assign(person) => Self::Assigned(person.clone()),
            Change::Note(note) => Self::Noted(note.clone()),
            Change::Merge(_) | Change::Split => return None,
        })
    }

    /// Of which the latest counts; empty where all do, and [`CAME`] where all do and are asked for.
    pub(super) const fn aspect(&self) -> &'static str {
        match self {
            Self::Resolved { .. } | Self::Ignored { .. } | Self::Reopened => "state",
            Self::Assigned(_) => "assignee",
            Self::Merged(_) | Self::Split(_) | Self::Went(_) => "into",
            Self::Came(_) => CAME,
            Self::Noted(_) | Self::Took(_) | Self::Gave(_) => "",
        }
    }

    /// The state that follows.
    pub(super) fn state(&self, facts: &Facts, now: u64) -> State {
        match self {
            Self::Resolved {
                release,
                next,
                seen,
            } => match back(release, seen, facts.seen.keys()) {
                Some(back) => State::Regressed {
                    resolved: release.clone(),
                    release: back.clone(),
                },
                None => State::Resolved {
                    release: release.clone(),
                    next: *next,
                },
            },
            Self::Ignored {
                until,
                reports,
                installs,
            } => {
                let over = match until {
                    Until::Forever => false,
                    Until::Date(date) => now >= *date,
                    Until::Reports(more) => facts.reports >= reports.saturating_add(*more),
                    Until::Installs(more) => facts.installs >= installs.saturating_add(*more),
                };
                match over {
                    true => State::Open,
                    false => State::Ignored { until: *until },
                }
            }
            _ => State::Open,
        }
    }

    /// Whether the state follows from which releases have shown it, and from nothing else.
    pub(super) const fn asks_releases_alone(&self) -> bool {
        matches!(self, Self::Resolved { .. })
    }

    /// Whether the state depends on how many installations there are, which is dear to count.
    pub(super) const fn asks_installs(&self) -> bool {
        let until = match self {
            Self::Ignored { until, .. } => until,
            _ => return false,
        };
        matches!(until, Until::Installs(_))
    }

    /// Whether it is said of reports, wherever they are counted.
    const fn is_inherited(&self) -> bool {
        matches!(
            self,
            Self::Resolved { .. }
                | Self::Ignored { .. }
                | Self::Reopened
                | Self::Assigned(_)
                | Self::Noted(_)
        )
    }

    /// The same without the name of a release that is erased; `None` where it does not name it.
    pub(super) fn without(&self, erased: &str) -> Option<Self> {
        let Self::Resolved {
            release,
            next,
            seen,
        } = self
        else {
            return None;
        };
        if release != erased && !seen.contains(erased) {
            return None;
        }
        let mut seen = seen.clone();
        seen.remove(erased);
        let before = |one: &&String| versions::compare(one, erased) == Ordering::Less;
        let by_version = |a: &&String, b: &&String| versions::compare(a, b);
        Some(Self::Resolved {
            release: match release == erased {
                true => {
                    let latest = seen.iter().filter(before).max_by(by_version);
                    latest.cloned().unwrap_or_default()
                }
                false => release.clone(),
            },
            next: *next || release == erased,
            seen,
        })
    }

    fn point(&self) -> Point {
        let name = |id: &u64| IssueId(*id).to_string();
        match self {
            Self::Resolved { release, next, .. } => Point::Resolved {
                release: release.clone(),
                next: *next,
            },
            Self::Ignored { until, .. } => Point::Ignored { until: *until },
            Self::Reopened => Point::Reopened,
            Self::Assigned(to) => Point::Assigned { to: to.clone() },
            Self::Noted(note) => Point::Noted { note: note.clone() },
            Self::Merged(into) => Point::Merged { into: name(into) },
            Self::Took(issue) => Point::Took { issue: name(issue) },
            Self::Split(from) => Point::Split { from: name(from) },
            Self::Gave(issue) => Point::Gave { issue: name(issue) },
            Self::Came(issue) => Point::Came { issue: name(issue) },
            Self::Went(into) => Point::Went { into: name(into) },
        }
    }
}

/// The earliest release in which an issue came back.
fn back<'a>(
    resolved: &str,
    seen: &BTreeSet<String>,
    now: impl Iterator<Item = &'a String>,
) -> Option<&'a String> {
    now.filter(|release| !seen.contains(*release))
        .filter(|release| versions::compare(release, resolved) == Ordering::Greater)
        .min_by(|a, b| versions::compare(a, b))
}

/// What is to be said of the issue `to` when reports of `from` are counted in it from now on: whatever was said of `from` that it was not
/// told yet, each in its own time. So their histories are one, in which as in any other the latest word counts. `before` are
/// the deeds of `from`, `known` those of `to`.
pub(super) fn inherited(
    (from, before): (u64, &[Deed]),
    (to, known): (u64, &[Deed]),
    marks: &Marks,
    at: u64,
) -> Vec<Deed> {
    let by_itself = |issue, said| Deed {
        issue,
        at,
        who: String::new(),
        said,
    };
    let of_from = before
        .iter()
        .filter(|deed| deed.issue == from && deed.said.is_inherited());
    let mut new: Vec<Deed> = of_from
        .map(|deed| Deed {
            issue: to,
            ..deed.clone()
        })
        .filter(|deed| !known.contains(deed))
        .collect();
    let came = Said::Came(from);
    if known.iter().any(|deed| deed.said == came) {
        return new;
    }
    new.push(by_itself(to, came));
    // What somebody said is one stays one.
    if let Some(into) = marks.merged_into(from).map(|into| marks.root(into))
        && into != marks.root(to)
    {
        new.push(by_itself(to, Said::Merged(into)));
        new.push(by_itself(into, Said::Took(to)));
    }
    new
}

/// What is to be said when reports that were grouped as `before` are grouped as `now`. `said` are the deeds of both, and of what they are one with.
pub(super) fn related(
    before: u64,
    now: u64,
    said: &[Deed],
    marks: &Marks,
    is_there: impl Fn(u64) -> bool,
    at: u64,
) -> Vec<Deed> {
    let by_itself = |issue, said| Deed {
        issue,
        at,
        who: String::new(),
        said,
    };
    let (old, new) = (marks.root(before), marks.root(now));
    let of = |issue| said.iter().filter(move |deed| deed.issue == issue);
    // Whatever somebody has decided stays.
    let is_split = |issue| of(issue).any(|deed| matches!(deed.said, Said::Split(_)));
    if old == new || [before, now, old, new].into_iter().any(is_split) {
        return Vec::new();
    }
    let one = |from, into| {
        vec![
            by_itself(from, Said::Merged(into)),
            by_itself(into, Said::Took(from)),
        ]
    };
    match (is_there(old), is_there(new)) {
        // The rules say that two issues are one.
        (true, true) if new != now => one(old, new),
        (true, _) => one(new, old),
        (false, _) => vec![by_itself(before, Said::Went(now))],
    }
}

/// What is to be said when no report is left in `from` whose names are not known, and it is shown as `to` from now on.
pub(super) fn gone(from: u64, to: u64, marks: &Marks, at: u64) -> Vec<Deed> {
    let by_itself = |issue, said| Deed {
        issue,
        at,
        who: String::new(),
        said,
    };
    if marks.into.get(&from) == Some(&to) && marks.went.contains(&from) {
        return Vec::new();
    }
    let mut said = Vec::new();
    // Somebody had merged them the other way round; it is `to` that stays.
    if let Some(into) = marks.merged_into(to)
        && marks.way(to).contains(&from)
    {
        said.push(by_itself(to, Said::Split(into)));
    }
    said.push(by_itself(from, Said::Went(to)));
    said
}

/// The turning points of an issue, the latest first. `deeds` are of it and of what was merged into it, in their order.
pub(super) fn turns(
    issue: u64,
    deeds: &[Deed],
    facts: &Facts,
    (first_seen, first_release): (u64, &str),
    now: u64,
) -> Vec<Turn> {
    let by_itself = |at, what| Turn {
        at,
        who: None,
        what,
    };
    let mut turns = vec![by_itself(
        first_seen,
        Point::Seen {
            release: first_release.to_owned(),
        },
    )];
    for (index, deed) in deeds.iter().enumerate() {
        let own = deed.issue == issue;
        // Of what was merged, only what was said about it is of interest here.
        if !own && !matches!(deed.said, Said::Noted(_)) {
            continue;
        }
        turns.push(Turn {
            at: deed.at,
            who: Person::new(&deed.who),
            what: deed.said.point(),
        });
        let later = &mut deeds.iter().skip(index + 1);
        let next = later.find(|one| one.issue == issue && one.said.aspect() == "state");
        match &deed.said {
            Said::Resolved { release, seen, .. } => {
                // What had shown it when somebody looked at it again.
                let shown: Vec<&String> = match next.map(|next| &next.said) {
                    Some(Said::Resolved { seen, .. }) => seen.iter().collect(),
                    Some(_) => Vec::new(),
                    None => facts.seen.keys().collect(),
                };
                if let Some(back) = back(release, seen, shown.into_iter()) {
                    let at = facts.seen.get(back).copied().unwrap_or_default();
                    let release = back.clone();
                    turns.push(by_itself(at.max(deed.at), Point::Regressed { release }));
                }
            }
            Said::Ignored {
                until: Until::Date(date),
                ..
            } if *date <= now && next.is_none_or(|next| next.at > *date) => {
                turns.push(by_itself(*date, Point::Over));
            }
            _ => {}
        }
    }
    // Stable, so that what was done in one second stays in its order.
    turns.sort_by_key(|turn| turn.at);
    turns.reverse();
    turns
}

/// What counts now of the log of an app.
#[derive(Debug, Default)]
pub(super) struct Marks {
    states: HashMap<u64, Said>,
    assignees: HashMap<u64, Person>,
    into: HashMap<u64, u64>,
    /// Those whose reports went there by themselves.
    went: HashSet<u64>,
    /// Those with something merged into them, and all of that which something is counted of.
    families: HashMap<u64, Vec<u64>>,
}

impl Marks {
    /// From the latest row of each aspect of each issue. `is_there` tells whether anything is counted of an issue: what was merged into one
    /// that is gone stands by itself, unless that one went elsewhere.
    pub(super) fn read(
        latest: impl IntoIterator<Item = (u64, Said)>,
        is_there: impl Fn(u64) -> bool,
    ) -> Self {
        let mut marks = Self::default();
        for (issue, said) in latest {
            match said {
                Said::Resolved { .. } | Said::Ignored { .. } => {
                    marks.states.insert(issue, said);
                }
                Said::Assigned(Some(person)) => {
                    marks.assignees.insert(issue, person);
                }
                Said::Merged(into) => {
                    marks.into.insert(issue, into);
                }
                Said::Went(into) => {
                    marks.into.insert(issue, into);
                    marks.went.insert(issue);
                }
                _ => {}
            }
        }
        let leads = |mut at: u64| {
            let mut seen = HashSet::new();
            while !is_there(at) {
                match marks.into.get(&at) {
                    Some(next) if marks.went.contains(&at) && seen.insert(at) => at = *next,
                    _ => return false,
                }
            }
            true
        };
        let lost: Vec<u64> = (marks.into.iter())
            .filter(|(_, into)| !leads(**into))
            .map(|(issue, _)| *issue)
            .collect();
        for issue in lost {
            marks.into.remove(&issue);
            marks.went.remove(&issue);
        }
        let merged: Vec<u64> = marks.into.keys().copied().collect();
        for issue in merged {
            let root = marks.root(issue);
            // Of most that went elsewhere nothing is left, and nothing is asked.
            if root != issue && (!marks.went.contains(&issue) || is_there(issue)) {
                marks.families.entry(root).or_default().push(issue);
            }
        }
        marks.families.values_mut().for_each(|all| all.sort());
        marks
    }

    /// What an issue is one with. Two that were merged into each other at the same time are the one whose number is less.
    pub(super) fn root(&self, issue: u64) -> u64 {
        let mut seen = HashSet::new();
        let mut at = issue;
        while let Some(next) = self.into.get(&at) {
            if !seen.insert(at) {
                let mut least = at;
                let mut around = *next;
                while around != at {
                    least = least.min(around);
                    around = self.into.get(&around).copied().unwrap_or(at);
                }
                return least;
            }
            at = *next;
        }
        at
    }

    /// An issue and everything that was merged into it.
    pub(super) fn family(&self, root: u64) -> Vec<u64> {
        let mut all = vec![root];
        all.extend(self.families.get(&root).into_iter().flatten());
        all
    }

    /// An issue and everything that somebody merged into it: that of which is known what was said. What went into it by itself handed
    /// that over.
    pub(super) fn voices(&self, root: u64) -> Vec<u64> {
        let mut family = self.family(root);
        family.retain(|one| !self.went(*one));
        family
    }

    /// All numbers of issues that are there, by the one that was asked for, its own first. `came` tells which of them reports came
    /// from by themselves, and to which.
    pub(super) fn numbers(
        &self,
        asked: &[IssueId],
        is_there: impl Fn(u64) -> bool,
        came: &[(u64, u64)],
    ) -> BTreeMap<IssueId, Vec<IssueId>> {
        let roots = asked.iter().map(|issue| (*issue, self.root(issue.0)));
        let known = roots.filter(|(_, root)| is_there(*root));
        let all = known.map(|(issue, root)| {
            let came = came.iter().filter(|(_, to)| *to == root);
            let mut numbers: Vec<IssueId> = Vec::new();
            for number in self
                .voices(root)
                .into_iter()
                .chain(came.map(|(from, _)| *from))
            {
                if !numbers.contains(&IssueId(number)) {
                    numbers.push(IssueId(number));
                }
            }
            (issue, numbers)
        });
        all.collect()
    }

    /// What somebody merged an issue into itself.
    pub(super) fn merged_into(&self, issue: u64) -> Option<u64> {
        let into = self.into.get(&issue).copied();
        into.filter(|_| !self.went.contains(&issue))
    }

    /// Whether an issue is what is left of one whose reports went elsewhere by themselves.
    pub(super) fn went(&self, issue: u64) -> bool {
        self.went.contains(&issue)
    }

    /// How many issues were merged into it.
    pub(super) fn merged(&self, root: u64) -> u32 {
        let family = self.families.get(&root).into_iter().flatten();
        family.filter(|one| !self.went(**one)).count() as u32
    }

    /// Everything that an issue leads to, the nearest first.
    fn way(&self, issue: u64) -> Vec<u64> {
        let mut way = Vec::new();
        let mut at = issue;
        while let Some(next) = self.into.get(&at).copied()
            && !way.contains(&next)
        {
            way.push(next);
            at = next;
        }
        way
    }

    /// Every issue that was merged and that something may be counted of, and what it is one with.
    pub(super) fn moved(&self) -> impl Iterator<Item = (u64, u64)> {
        let families = self.families.iter();
        families.flat_map(|(root, all)| all.iter().map(|one| (*one, *root)))
    }

    /// What was said of the states of issues, where they may not be open.
    pub(super) fn states(&self) -> impl Iterator<Item = (u64, &Said)> {
        self.states.iter().map(|(root, said)| (*root, said))
    }

    /// What was said of its state, where it may not be open.
    pub(super) fn state(&self, root: u64) -> Option<&Said> {
        self.states.get(&root)
    }

    /// Who looks after it.
    pub(super) fn assignee(&self, root: u64) -> Option<&Person> {
        self.assignees.get(&root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(seen: &[&str]) -> Facts {
        Facts {
            seen: seen
                .iter()
                .map(|release| ((*release).to_owned(), 1))
                .collect(),
            ..Facts::default()
        }
    }

    /// Whether an issue that `before` had shown regresses in what `after` shows, resolved in `release`.
    fn regresses(release: Option<&str>, before: &[&str], after: &[&str]) -> bool {
        let release = release.map(|release| Release::parse(release).unwrap());
        let said = Said::of(&Change::Resolve(release), &facts(before), None).unwrap();
        let shown: Vec<&str> = before.iter().chain(after).copied().collect();
        said.state(&facts(&shown), 0).kind() == StateKind::Regressed
    }

    #[test]
    fn an_issue_regresses_in_later_releases_that_had_not_shown_it_and_in_no_others() {
        let versions = [
            "0.9",
            "1.0.0-rc.1",
            "1.0.0",
            "1.1",
            "1.2.3-beta",
            "1.2.3",
            "1.2.10",
            "v1.10.0",
            "2.0",
            "2024.05.1",
        ];
        let mut cases = 0;
        for (resolved, release) in versions.iter().enumerate() {
            for (shown, back) in versions.iter().enumerate() {
                let is_later = shown > resolved;
                // It had never been shown by the release that comes back, and it had.
                assert_eq!(
                    regresses(Some(release), &[], &[back]),
                    is_later,
                    "{release} {back}"
                );
                assert!(
                    !regresses(Some(release), &[back], &[back]),
                    "{release} {back}"
                );
                cases += 2;
            }
        }
        assert_eq!(cases, 200);
    }

    #[test]
    fn the_next_release_is_the_one_after_the_latest_that_is_known() {
        assert!(!regresses(None, &["1.0", "1.2"], &["1.1"]));
        assert!(regresses(None, &["1.0", "1.2"], &["1.1", "1.3"]));
        let said = Said::of(
            &Change::Resolve(None),
            &facts(&["1.0"]),
            Some("1.4".to_owned()),
        );
        let state = said.unwrap().state(&facts(&["1.0", "1.3"]), 0);
        let release = "1.4".to_owned();
        assert_eq!(
            state,
            State::Resolved {
                release,
                next: true
            }
        );
    }

    #[test]
    fn what_is_ignored_is_open_again_when_its_condition_is_met() {
        let is_open = |until, reports, installs, now| {
            let before = Facts {
                reports: 10,
                installs: 4,
                ..Facts::default()
            };
            let said = Said::of(&Change::Ignore(until), &before, None).unwrap();
            let later = Facts {
                reports,
                installs,
                ..Facts::default()
            };
            said.state(&later, now) == State::Open
        };
        assert!(!is_open(Until::Forever, u64::MAX, u64::MAX, u64::MAX));
        assert!(!is_open(Until::Date(100), 99, 99, 99) && is_open(Until::Date(100), 0, 0, 100));
        assert!(!is_open(Until::Reports(5), 14, 99, 0) && is_open(Until::Reports(5), 15, 0, 0));
        assert!(!is_open(Until::Installs(5), 99, 8, 0) && is_open(Until::Installs(5), 0, 9, 0));
    }

    #[test]
    fn a_release_that_is_erased_is_named_nowhere() {
        let release = Release::parse("1.1").unwrap();
        let said = Said::of(
            &Change::Resolve(Some(release)),
            &facts(&["1.0", "1.1"]),
            None,
        )
        .unwrap();
        let left = said.without("1.1").unwrap();
        assert!(!serde_json::to_string(&left).unwrap().contains("1.1"));
        assert_eq!(left.without("1.1"), None);
        // Clients of before are no regression still, and later ones are.
        assert_eq!(
            left.state(&facts(&["0.9", "1.0"]), 0).kind(),
            StateKind::Resolved
        );
        assert_eq!(
            left.state(&facts(&["1.0", "1.2"]), 0).kind(),
            StateKind::Regressed
        );
    }

    #[test]
    fn issues_that_are_merged_in_a_circle_are_one_whichever_is_asked_about() {
        let merged = [
            (1, Said::Merged(2)),
            (2, Said::Merged(3)),
            (3, Said::Merged(2)),
            (4, Said::Merged(9)),
        ];
        let marks = Marks::read(merged, |issue| issue < 9);
        assert_eq!([1, 2, 3, 4].map(|issue| marks.root(issue)), [2, 2, 2, 4]);
        assert_eq!(marks.family(2), [2, 1, 3]);
    }

    #[test]
    fn what_went_elsewhere_leads_there_and_is_no_member_once_it_is_empty() {
        // A person merged 4 into 1; the reports of 1 went to 2, and of 3 something that cannot be read is left.
        let said = [
            (4, Said::Merged(1)),
            (1, Said::Went(2)),
            (3, Said::Went(2)),
            (5, Said::Went(6)),
        ];
        let marks = Marks::read(said, |issue| [2, 3, 4].contains(&issue));
        assert_eq!([1, 3, 4].map(|issue| marks.root(issue)), [2, 2, 2]);
        assert_eq!((marks.family(2), marks.merged(2)), (vec![2, 3, 4], 1));
        assert_eq!((marks.root(5), marks.merged_into(1)), (5, None));
    }

    #[test]
    fn an_issue_inherits_each_word_once_and_what_was_merged_stays_one() {
        let deed = |issue, at, said| Deed {
            issue,
            at,
            who: "Wei".to_owned(),
            said,
        };
        let before = [
            deed(1, 10, Said::Reopened),
            deed(1, 20, Said::Took(7)),
            deed(7, 25, Said::Noted(Note::new("of another").unwrap())),
        ];
        let marks = Marks::read([(1, Said::Merged(9))], |_| true);
        let told = inherited((1, &before), (2, &[]), &marks, 30);
        let said: Vec<_> = told.iter().map(|deed| (deed.issue, &deed.said)).collect();
        assert_eq!(
            said,
            [
                (2, &Said::Reopened),
                (2, &Said::Came(1)),
                (2, &Said::Merged(9)),
                (9, &Said::Took(2))
            ]
        );
        assert_eq!((told[0].at, told[0].who.as_str()), (10, "Wei"));
        assert!(inherited((1, &before), (2, &told), &marks, 40).is_empty());
        // What somebody had merged the other way round does not go in a circle.
        let marks = Marks::read([(2, Said::Merged(1))], |_| true);
        let said: Vec<_> = gone(1, 2, &marks, 50)
            .into_iter()
            .map(|deed| (deed.issue, deed.said))
            .collect();
        assert_eq!(said, [(2, Said::Split(1)), (1, Said::Went(2))]);
        let marks = Marks::read(said, |issue| issue == 2);
        assert_eq!(marks.root(1), 2);
        assert!(gone(1, 2, &marks, 60).is_empty());
    }

    #[test]
    fn what_the_rules_group_otherwise_stays_one() {
        let there = |issue: u64| issue < 10;
        // 1 is there, and its reports are grouped as 11 from now on; those of 2 as well.
        let first = related(1, 11, &[], &Marks::default(), there, 5);
        let said = |deeds: &[Deed]| -> Vec<(u64, Said)> {
            let deeds = deeds.iter();
            deeds.map(|deed| (deed.issue, deed.said.clone())).collect()
        };
        assert_eq!(said(&first), [(11, Said::Merged(1)), (1, Said::Took(11))]);
        let marks = Marks::read(said(&first), |issue| there(issue) || issue == 11);
        assert!(related(1, 11, &first, &marks, there, 6).is_empty());
        let second = related(2, 11, &first, &marks, there, 6);
        assert_eq!(said(&second), [(2, Said::Merged(1)), (1, Said::Took(2))]);
        // Somebody has split it.
        let split = Deed {
            issue: 11,
            at: 7,
            who: "Wei".to_owned(),
            said: Said::Split(1),
        };
        let marks = Marks::default();
        assert!(related(1, 11, &[split], &marks, there, 8).is_empty());
        // Nothing was known of 20; when the rules change again, its reports stay with 21.
        let third = related(20, 21, &[], &marks, there, 9);
        assert_eq!(said(&third), [(20, Said::Went(21))]);
        let there = |issue: u64| issue == 21;
        let marks = Marks::read(said(&third), there);
        let fourth = related(20, 22, &third, &marks, there, 9);
        assert_eq!(
            said(&fourth),
            [(22, Said::Merged(21)), (21, Said::Took(22))]
        );
    }

    #[test]
    fn names_and_notes_have_limits() {
        assert!(Person::new("  ").is_none() && Person::new("a\nb").is_none());
        assert_eq!(Person::new(" Li Wei ").unwrap().as_str(), "Li Wei");
        assert!(Person::new(&"x".repeat(NAME + 1)).is_none());
        assert_eq!(Note::new(" a\r\nb\u{1b} ").unwrap().as_str(), "a\nb");
        assert!(Note::new(&"x".repeat(NOTE + 1)).is_none());
    }
}
