//! `/settings/retention`: how long what is kept of an app stays, within the hard limits.

use super::super::entry::{Entry, Trouble};
use super::super::form::Form;
use super::super::labels::Label;
use super::super::shell::{Choice, Shell};
use super::super::words::{Words, fill};
use super::{Tab, not_done, status};
use crate::operating;
use crate::privacy::settings::Class;
use crate::state::State;
use crate::store::Store;
use askama::Template;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Redirect, Response};

#[derive(Template)]
#[template(path = "settings_retention.html")]
struct Retention<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    action: String,
    lines: Vec<Line>,
}

struct Line {
    class: Class,
    name: &'static str,
    days: u32,
    usual: u32,
    most: u32,
    /// Whether it holds for all apps.
    for_all: bool,
}

/// `GET /settings/retention`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    show(&state, entry, Ok(()))
}

/// `POST /settings/retention`: agrees on days.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    entry: Entry,
    form: Form,
) -> Response {
    let (w, who) = (entry.words(), entry.visitor.who());
    let Ok(class) = form.get("class").parse::<Class>() else {
        return entry.explain(&Trouble::Form(fill(w.p_bad_form, &[&w.o_kept_what])));
    };
    let Ok(days) = form.get("days").parse::<u32>() else {
        let why = fill(w.o_bad_number, &[&form.get("days")]);
        return show(&state, entry, Err(why));
    };
    match operating::keep_for(&state, &who, &entry.app, class, days).await {
        Ok(()) => Redirect::to(&entry.visit.page(Tab::Retention.path(), &[])).into_response(),
        Err(why) => {
            let why = not_done(w, &why);
            show(&state, entry, Err(why))
        }
    }
}

fn show<S: Store>(state: &State<S>, mut entry: Entry, done: Result<(), String>) -> Response {
    let (w, lang) = (entry.words(), entry.visit.lang);
    let settings = match state.office.settings() {
        Ok(settings) => settings,
        Err(error) => return entry.explain(&Trouble::Store(error)),
    };
    entry.shell.title = w.a_settings.to_owned();
    let line = |class: Class| Line {
        class,
        name: class.label(lang),
        days: settings.days(&entry.app, class),
        usual: class.days(),
        most: class.most(),
        for_all: class == Class::Audit,
    };
    let status = status(&done);
    let page = Retention {
        w,
        shell: &entry.shell,
        tabs: Tab::Retention.choices(&entry.visit),
        wrong: done.err(),
        action: entry.visit.page(Tab::Retention.path(), &[]),
        lines: Class::ALL.map(line).into(),
    };
    entry.answer_with(status, &page)
}
