//! `POST /issues` and `POST /issues/{id}`: what somebody does to issues.

use super::done::Done;
use super::entry::{Entry, Trouble};
use super::form::Form;
use super::shell::Shell;
use super::words::fill;
use crate::operating::{self, Wanted};
use crate::state::State;
use crate::store::triage::{By, Change, Note, Person, Until};
use crate::store::{IssueId, Store};
use askama::Template;
use axum::extract::{Path, State as Given};
use axum::response::{IntoResponse, Redirect, Response};
use candor_protocol::deidentify::Release;
use std::collections::HashSet;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// The most days for which an issue is ignored or muted, unless it is for good.
const DAYS_MOST: u64 = 36_500;

/// `POST /issues`: does something to the issues that were chosen.
pub(crate) async fn chosen<S: Store>(
    Given(state): Given<State<S>>,
    entry: Entry,
    form: Form,
) -> Response {
    answer(&entry, act(&state, &entry, None, &form).await)
}

/// `POST /issues/{id}`: does something to one issue.
pub(crate) async fn one<S: Store>(
    Given(state): Given<State<S>>,
    Path(id): Path<String>,
    entry: Entry,
    form: Form,
) -> Response {
    answer(&entry, act(&state, &entry, Some(id), &form).await)
}

/// What is never shown: a form is answered with another page, or with what was wrong.
#[derive(Template)]
#[template(source = "", ext = "html")]
struct Nothing<'a> {
    _shell: &'a Shell,
}

fn answer(entry: &Entry, done: Result<String, Trouble>) -> Response {
    match done {
        Ok(onward) => Redirect::to(&onward).into_response(),
        Err(trouble) => entry.answer(Err::<Nothing<'_>, _>(trouble)),
    }
}

/// Does what a form says; the address of what to look at next.
async fn act<S: Store>(
    state: &State<S>,
    entry: &Entry,
    id: Option<String>,
    form: &Form,
) -> Result<String, Trouble> {
    let w = entry.words();
    let bad = |what: &str| Trouble::Form(fill(w.p_bad_form, &[&what]));
    let get = |name: &str| form.get(name);
    let one: Option<IssueId> = match &id {
        Some(id) => Some(id.parse().map_err(|()| Trouble::NoIssue)?),
        None => None,
    };
    // Enter on what is chosen presses the first button of the form, which wants nothing.
    if one.is_none() && get("do").is_empty() {
        return Ok(entry.visit.here(&[]));
    }
    let mut issues = form
        .all("issue")
        .map(|value| value.trim().parse().map_err(|()| bad(w.issue)))
        .collect::<Result<Vec<IssueId>, _>>()?;
    let mut known = HashSet::new();
    issues.retain(|issue| known.insert(*issue));
    if issues.is_empty() {
        issues.extend(one);
    }
    if issues.is_empty() {
        return Err(Trouble::Form(w.t_none_chosen.to_owned()));
    }
    let wanted = wanted(&get, entry.now).map_err(|field| {
        bad(match field {
            Field::Release => w.release,
            Field::Until => w.t_until,
            Field::Assignee => w.t_assignee,
            Field::Note => w.t_note,
            Field::Issue => w.issue,
            Field::Do => "do",
        })
    })?;
    let is_merge = matches!(wanted, Wanted::Said(Change::Merge(_)));
    let by = By {
        who: Person::new(&entry.visitor.who()).ok_or_else(|| bad(w.p_who))?,
        at: entry.now,
    };
    let done = operating::triage(state, &entry.app, &issues, wanted.clone(), by).await?;
    if done == 0 {
        return Err(Trouble::Form(match is_merge {
            true => w.t_not_merged.to_owned(),
            false => w.no_issue_text.to_owned(),
        }));
    }
    Ok(match one {
        // Whoever asks about one that was merged is led to what it was merged into.
        Some(id) => entry.visit.page(&format!("/issues/{id}"), &[]),
        None => match Done::new(&wanted, done, &issues) {
            Some(done) => done.address(&entry.visit),
            None => entry.visit.here(&[]),
        },
    })
}

/// What of a form is wrong.
#[derive(Debug, PartialEq)]
enum Field {
    Do,
    Release,
    Until,
    Assignee,
    Note,
    Issue,
}

/// What a form wants to be done.
fn wanted<'a>(get: &impl Fn(&str) -> &'a str, now: u64) -> Result<Wanted, Field> {
    Ok(match get("do") {
        "mute" => Wanted::Muted(match get("for") {
            "" | "forever" => None,
            hours => match hours.parse::<u64>() {
                Ok(hours) if (1..=DAYS_MOST * 24).contains(&hours) => {
                    Some(now.saturating_add(hours * HOUR))
                }
                _ => return Err(Field::Until),
            },
        }),
        "unmute" => Wanted::Unmuted,
        _ => Wanted::Said(change(get, now)?),
    })
}

/// What a form wants to be said.
fn change<'a>(get: &impl Fn(&str) -> &'a str, now: u64) -> Result<Change, Field> {
    let until = |of: fn(u64) -> Until| {
        let number = get("n").parse().ok().map(of);
        let until = number.and_then(|until| until.possible(now));
        until.ok_or(Field::Until)
    };
    Ok(match get("do") {
        "resolve" => Change::Resolve(match get("release") {
            "" => None,
            release => Some(Release::parse(release).map_err(|_| Field::Release)?),
        }),
        "ignore" => Change::Ignore(match get("until") {
            "" | "forever" => Until::Forever,
            "days" => match get("n").parse::<u64>() {
                Ok(days @ 1..=DAYS_MOST) => Until::Date(now.saturating_add(days * DAY)),
                _ => return Err(Field::Until),
            },
            "reports" => until(Until::Reports)?,
            "installs" => until(Until::Installs)?,
            _ => return Err(Field::Until),
        }),
        "reopen" => Change::Reopen,
        "assign" => Change::Assign(match get("who") {
            "" => None,
            name => Some(Person::new(name).ok_or(Field::Assignee)?),
        }),
        "note" => Change::Note(Note::new(get("note")).ok_or(Field::Note)?),
        "merge" => {
            // An address that was pasted ends with the issue's number.
            let pasted = get("into").split(['?', '#']).next().unwrap_or_default();
            let number = pasted.trim_end_matches('/').rsplit('/').next();
            let into = number.and_then(|number| number.parse().ok());
            Change::Merge(into.ok_or(Field::Issue)?)
        }
        "split" => Change::Split,
        _ => return Err(Field::Do),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(form: &[(&str, &'static str)]) -> Result<Wanted, Field> {
        let get = |name: &str| {
            let found = form.iter().find(|(key, _)| *key == name);
            found.map_or("", |(_, value)| *value)
        };
        super::wanted(&get, 1_000)
    }

    #[test]
    fn a_form_says_what_is_to_be_done() {
        assert_eq!(
            wanted(&[("do", "resolve")]),
            Ok(Wanted::Said(Change::Resolve(None)))
        );
        let mute = |hours| wanted(&[("do", "mute"), ("for", hours)]);
        assert_eq!(mute("8"), Ok(Wanted::Muted(Some(1_000 + 8 * HOUR))));
        assert_eq!(mute("forever"), Ok(Wanted::Muted(None)));
        assert_eq!(mute("0"), Err(Field::Until));
        assert_eq!(wanted(&[("do", "unmute")]), Ok(Wanted::Unmuted));
        let days = [("do", "ignore"), ("until", "days"), ("n", "2")];
        assert_eq!(
            wanted(&days),
            Ok(Wanted::Said(Change::Ignore(Until::Date(1_000 + 2 * DAY))))
        );
        let merge = |into| wanted(&[("do", "merge"), ("into", into)]);
        let one = Ok(Wanted::Said(Change::Merge(IssueId(0x1f))));
        assert_eq!(merge("000000000000001f"), one);
        assert_eq!(
            merge("http://localhost/issues/000000000000001f?app=im"),
            one
        );
        assert_eq!(merge("1f"), Err(Field::Issue));
    }

    #[test]
    fn what_is_wrong_in_a_form_is_named() {
        assert_eq!(wanted(&[]), Err(Field::Do));
        assert_eq!(wanted(&[("do", "note"), ("note", " ")]), Err(Field::Note));
        assert_eq!(
            wanted(&[("do", "ignore"), ("until", "days"), ("n", "0")]),
            Err(Field::Until)
        );
        assert_eq!(
            wanted(&[("do", "resolve"), ("release", "a@b.c")]),
            Err(Field::Release)
        );
    }
}
