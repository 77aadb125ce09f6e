//! `/issues`: what goes wrong.

use super::asked::{self, KINDS, SORTS, STATES};
use super::csv::{self, cell};
use super::done::{Back, Done};
use super::entry::{Entry, Trouble};
use super::format;
use super::history;
use super::issue_row::{IssueLine, lines};
use super::shell::{Choice, Shell};
use super::words::{Words, fill};
use crate::privacy::groups::{self, Narrowed, SafeIssues};
use crate::state::State;
use crate::store::{IssueFilter, IssueId, IssueRow, Store};
use askama::Template;
use axum::extract::State as Given;
use axum::response::Response;

/// Issues of one page of the list.
const PAGE: u32 = 40;

/// Rows of the table that is downloaded.
const TABLE: u32 = 10_000;

/// `GET /issues`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

/// `GET /issues.csv`: the list as a table, at most 10,000 rows.
pub(crate) async fn table<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    let filter = IssueFilter {
        limit: TABLE,
        ..filter(&entry)
    };
    match groups::issues(&state, &entry.app, filter).await {
        Ok(told) => csv::download("issues.csv", as_csv(&told.list.rows)),
        Err(error) => entry.answer(Err::<Issues<'_>, _>(Trouble::Store(error))),
    }
}

fn filter(entry: &Entry) -> IssueFilter {
    let get = |key: &str| entry.visit.get(key);
    asked::filter(get, entry.span, entry.now)
}

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Issues<'a>, Trouble> {
    let w = entry.words();
    let word = |key| entry.visit.get(key).unwrap_or_default().to_owned();
    let page: u32 = word("page").parse::<u16>().unwrap_or(0).into();
    let filter = IssueFilter {
        offset: page * PAGE,
        limit: PAGE,
        ..filter(entry)
    };
    let SafeIssues { list, narrowed } = groups::issues(state, &entry.app, filter).await?;
    let from = u64::from(page * PAGE).min(list.total);
    let to = from + list.rows.len() as u64;
    let turn = |page: u32| entry.visit.here(&[("page", &page.to_string())]);
    let kept = ["range", "to", "kind", "sort"];
    let restricting = [
        "kind", "state", "q", "release", "os", "device", "who", "own", "seen",
    ];
    let choices = |key, options: &[(&'static str, &'static str)]| {
        let current = word(key);
        let options = options.iter();
        let options = options.map(|(value, label)| (*value, *label, *value == current));
        options.collect::<Vec<_>>()
    };
    let mut releases: Vec<String> = list
        .rows
        .iter()
        .flat_map(|row| [&row.first_release, &row.last_release])
        .map(ToString::to_string)
        .collect();
    releases.sort_by(|a, b| crate::store::compare_versions(b, a));
    releases.dedup();
    let mut people: Vec<String> = list
        .rows
        .iter()
        .filter_map(|row| row.assignee.as_ref())
        .map(|who| who.as_str().to_owned())
        .chain(entry.shell.signed_in.iter().map(|one| one.name.clone()))
        .collect();
    people.sort();
    people.dedup();
    let mut shown = lines(entry, &list.rows, 0..list.rows.len());
    // Without what was said of alerts issues are shown all the same.
    if let Ok(said) = state.alerts.of_app(&entry.app)
        && !said.muted.is_empty()
    {
        let ids: Vec<IssueId> = list.rows.iter().map(|row| row.id).collect();
        let numbers = state.store.numbers(&entry.app, &ids).await?;
        for (line, row) in shown.iter_mut().zip(&list.rows) {
            let mute = numbers.get(&row.id);
            let mute = mute.and_then(|numbers| said.mute(numbers, entry.now));
            line.muted = mute.map_or_else(String::new, |mute| history::mute_text(w, mute));
        }
    }
    let done = Done::read(&entry.visit).filter(|_| entry.shell.triages);
    Ok(Issues {
        w,
        shell: &entry.shell,
        kinds: KINDS
            .into_iter()
            .map(|kind| Choice {
                href: entry.visit.here(&[("kind", kind), ("page", "")]),
                label: match kind {
                    "crash" => w.crashes,
                    "caught" => w.caught_panics,
                    "freeze" => w.freezes,
                    _ => w.all,
                }
                .to_owned(),
                current: kind == word("kind"),
            })
            .collect(),
        sorts: SORTS
            .into_iter()
            .map(|(sort, _)| Choice {
                href: entry.visit.here(&[("sort", sort), ("page", "")]),
                label: match sort {
                    "reports" => w.reports,
                    "rising" => w.t_rising,
                    "last" => w.last_seen,
                    "new" => w.first_seen,
                    _ => w.installs,
                }
                .to_owned(),
                current: sort == word("sort"),
            })
            .collect(),
        kept: kept
            .iter()
            .map(|key| (*key, word(key)))
            .filter(|(_, value)| !value.is_empty())
            .collect(),
        states: choices(
            "state",
            &STATES.map(|state| {
                let label = match state {
                    "open" => w.t_open,
                    "regressed" => w.t_regressed,
                    "resolved" => w.t_resolved,
                    "ignored" => w.t_ignored,
                    "all" => w.t_any_state,
                    _ => w.t_to_look_at,
                };
                (state, label)
            }),
        ),
        owners: choices(
            "own",
            &[
                ("", w.t_any_code),
                ("own", w.t_own_code),
                ("other", w.t_other_code),
            ],
        ),
        seen: choices("seen", &[("", w.t_any_age), ("new", w.t_new_only)]),
        query: word("q"),
        release: word("release"),
        os: word("os"),
        device: word("device"),
        who: word("who"),
        narrowed: restricting[3..].iter().any(|key| !word(key).is_empty()),
        left_out: narrowed.map(|narrowed| left_out(w, &narrowed)),
        releases,
        people,
        lines: shown,
        done: done.as_ref().map(|done| done.text(w)),
        back: done.and_then(|done| done.back(w)),
        action: entry.visit.here(&[]),
        csv: entry.visit.below("/issues.csv"),
        shown: fill(
            w.issues_shown,
            &[&(from + 1).min(to), &to, &format::count(list.total)],
        ),
        earlier: (page > 0).then(|| turn(page - 1)),
        later: (to < list.total).then(|| turn(page + 1)),
        filtered: restricting.iter().any(|key| !word(key).is_empty()),
        everything: entry.visit.page("/issues", &[("state", "all")]),
        reset: entry.visit.page("/issues", &[]),
        any_state: (word("state") != "all")
            .then(|| entry.visit.here(&[("state", "all"), ("page", "")])),
        longer: entry.longer(),
    })
}

#[derive(Template)]
#[template(path = "issues.html")]
struct Issues<'a> {
    w: &'static Words,
    shell: &'a Shell,
    kinds: Vec<Choice>,
    sorts: Vec<Choice>,
    /// What of the address the filter leaves as it is.
    kept: Vec<(&'static str, String)>,
    states: Vec<(&'static str, &'static str, bool)>,
    owners: Vec<(&'static str, &'static str, bool)>,
    seen: Vec<(&'static str, &'static str, bool)>,
    query: String,
    release: String,
    os: String,
    device: String,
    who: String,
    /// Whether the filter restricts more than is seen at first sight.
    narrowed: bool,
    left_out: Option<String>,
    releases: Vec<String>,
    /// Whoever looks after one of them, and whoever looks.
    people: Vec<String>,
    lines: Vec<IssueLine>,
    /// What was just done, and what takes it back.
    done: Option<String>,
    back: Option<Back>,
    action: String,
    csv: String,
    shown: String,
    earlier: Option<String>,
    later: Option<String>,
    /// There may be issues, and the filter leaves none of them.
    filtered: bool,
    everything: String,
    reset: String,
    /// The same filter, in any state.
    any_state: Option<String>,
    longer: Option<Choice>,
}

/// What a list that is narrowed to classes leaves out.
fn left_out(w: &Words, narrowed: &Narrowed) -> String {
    let mut text = fill(w.t_left_out, &[&narrowed.least]);
    if narrowed.others {
        text.push(' ');
        text.push_str(&fill(w.t_counted_of, &[&narrowed.counted]));
    }
    text
}

/// Issues as a table.
fn as_csv(rows: &[IssueRow]) -> String {
    let mut table = "id,kind,state,assignee,title,culprit,installs,reports,fatal,runs,rising,first_seen,first_release,last_seen,last_release\n"
        .to_owned();
    for row in rows {
        let assignee = row.assignee.as_ref().map_or("", |person| person.as_str());
        let cells = [
            row.id.to_string(),
            row.kind.as_str().to_owned(),
            row.state.kind().as_str().to_owned(),
            cell(assignee),
            cell(&row.title),
            cell(&row.culprit),
            row.installs.to_string(),
            row.reports.to_string(),
            row.fatal.to_string(),
            row.runs.to_string(),
            row.rising.to_string(),
            row.first_seen.to_string(),
            cell(row.first_release.as_str()),
            row.last_seen.to_string(),
            cell(row.last_release.as_str()),
        ];
        table.push_str(&cells.join(","));
        table.push('\n');
    }
    table
}
