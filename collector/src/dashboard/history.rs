//! What a team says about an issue, in words.

use super::entry::Entry;
use super::window;
use super::words::{Words, fill};
use crate::alerts::settings::Mute;
use crate::store::triage::{Point, State, StateKind, Turn, Until};

/// What somebody can take back with one button.
#[derive(Debug, Clone)]
pub(crate) struct Undo {
    pub(crate) label: &'static str,
    pub(crate) act: &'static str,
    pub(crate) issue: String,
    /// Empty where nothing is merged.
    pub(crate) into: String,
}

/// A line of the history.
#[derive(Debug, Clone)]
pub(crate) struct TurnLine {
    pub(crate) at: String,
    pub(crate) who: String,
    pub(crate) text: String,
    /// What somebody noted.
    pub(crate) note: String,
    /// The issue that it is about beside this one.
    pub(crate) other: Option<(String, String)>,
    pub(crate) undo: Option<Undo>,
}

/// The state as a word, for a mark.
pub(crate) fn state_word(w: &'static Words, kind: StateKind) -> &'static str {
    match kind {
        StateKind::Open => w.t_open,
        StateKind::Regressed => w.t_regressed,
        StateKind::Resolved => w.t_resolved,
        StateKind::Ignored => w.t_ignored,
    }
}

/// The state in a few words.
pub(crate) fn state_text(w: &'static Words, state: &State) -> String {
    match state {
        State::Open => w.t_open.to_owned(),
        State::Resolved { release, next } => resolved(w, release, *next),
        State::Ignored { until } => ignored(w, *until),
        State::Regressed { resolved, release } => fill(w.t_regressed_in, &[release, resolved]),
    }
}

/// That nothing is told of an issue, until when, and who said so.
pub(crate) fn mute_text(w: &'static Words, mute: &Mute) -> String {
    match (mute.until, &*mute.who) {
        (Some(until), who) => fill(w.t_muted_until, &[&window::exact(until), &who]),
        (None, "") => w.t_muted.to_owned(),
        (None, who) => fill(w.t_muted_by, &[&who]),
    }
}

fn resolved(w: &'static Words, release: &str, next: bool) -> String {
    match (release, next) {
        ("", _) => w.t_resolved.to_owned(),
        (release, true) => fill(w.t_resolved_after, &[&release]),
        (release, false) => fill(w.t_resolved_in, &[&release]),
    }
}

fn ignored(w: &'static Words, until: Until) -> String {
    match until {
        Until::Forever => w.t_ignored_forever.to_owned(),
        Until::Date(at) => fill(w.t_ignored_date, &[&window::exact(at)]),
        Until::Reports(more) => fill(w.t_ignored_reports, &[&more]),
        Until::Installs(more) => fill(w.t_ignored_installs, &[&more]),
    }
}

impl TurnLine {
    pub(crate) fn new(entry: &Entry, issue: &str, turn: &Turn) -> Self {
        let w = entry.words();
        let mut line = Self {
            at: window::exact(turn.at),
            who: turn
                .who
                .as_ref()
                .map_or_else(String::new, |who| who.as_str().to_owned()),
            text: String::new(),
            note: String::new(),
            other: None,
            undo: None,
        };
        let lead = |other: &str| {
            let href = entry.visit.page(&format!("/issues/{other}"), &[]);
            (href, other.to_owned())
        };
        let mut about = |other: &str, label, act, issue: &str, into: &str| {
            line.other = Some(lead(other));
            line.undo = Some(Undo {
                label,
                act,
                issue: issue.to_owned(),
                into: into.to_owned(),
            });
        };
        line.text = match &turn.what {
            Point::Seen { release } => fill(w.t_seen_in, &[release]),
            Point::Resolved { release, next } => resolved(w, release, *next),
            Point::Regressed { release } => fill(w.t_back_in, &[release]),
            Point::Ignored { until } => ignored(w, *until),
            Point::Over => w.t_over.to_owned(),
            Point::Reopened => w.t_reopened.to_owned(),
            Point::Assigned { to: Some(to) } => fill(w.t_assigned_to, &[&to.as_str()]),
            Point::Assigned { to: None } => w.t_assigned_nobody.to_owned(),
            Point::Noted { note } => {
                line.note = note.as_str().to_owned();
                w.t_noted.to_owned()
            }
            Point::Merged { into } => {
                about(into, w.t_split, "split", issue, "");
                w.t_merged_into.to_owned()
            }
            Point::Took { issue: other } => {
                about(other, w.t_split, "split", other, "");
                w.t_took.to_owned()
            }
            Point::Split { from } => {
                about(from, w.t_merge_again, "merge", issue, from);
                w.t_split_from.to_owned()
            }
            Point::Gave { issue: other } => {
                about(other, w.t_merge_again, "merge", other, issue);
                w.t_gave.to_owned()
            }
            Point::Came { issue: other } => {
                line.other = Some(lead(other));
                w.t_came.to_owned()
            }
            Point::Went { into } => {
                line.other = Some(lead(into));
                w.t_went.to_owned()
            }
        };
        line
    }
}
