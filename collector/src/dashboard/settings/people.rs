//! `/settings/people`: who may sign in, and what each one may.

use super::super::entry::{Inside, Trouble};
use super::super::form::Form;
use super::super::labels::Label;
use super::super::shell::{Choice, Shell};
use super::super::welcome::unchanged;
use super::super::words::{Words, fill};
use super::{Tab, named, opened};
use crate::access::{PersonName, Role, Secret, Unchanged};
use crate::privacy::audit::Did;
use crate::privacy::date;
use crate::state::State;
use crate::store::Store;
use askama::Template;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Redirect, Response};

#[derive(Template)]
#[template(path = "settings_people.html")]
struct People<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    /// What is handed over, and its link.
    link: Option<(String, String)>,
    roles: Vec<(&'static str, &'static str)>,
    people: Vec<PersonLine>,
    name: String,
}

struct PersonLine {
    name: String,
    role: Role,
    since: String,
    can_sign_in: bool,
}

/// `GET /settings/people`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, inside: Inside) -> Response {
    show(&state, inside, None, Ok(()), "")
}

/// `POST /settings/people`: adds, changes or removes somebody.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    inside: Inside,
    form: Form,
) -> Response {
    let (w, now, who) = (inside.words(), inside.now, inside.visitor.who());
    let said = form.get("name");
    let name = match named(said, w) {
        Ok(name) => name,
        Err(why) => return show(&state, inside, None, Err(why), said),
    };
    let note = |what: String| state.office.noting(now, &who, Did::PersonChanged, what);
    let register = state.door.register();
    let role = || form.get("role").parse::<Role>();
    let done: Result<Option<Secret>, Unchanged> = match (form.get("do"), role()) {
        ("add", Ok(role)) => register
            .add_person(&name, role, now, note(format!("{name} added as {role}")))
            .map(Some),
        ("role", Ok(role)) => register
            .set_role(&name, role, note(format!("{name} is {role}")))
            .map(|()| None),
        ("invite", _) => register
            .invite(&name, now, note(format!("{name} may choose a password")))
            .map(Some),
        ("remove", _) => register
            .remove_person(&name, note(format!("{name} removed")))
            .map(|()| None),
        _ => return inside.explain(&Trouble::NoPage),
    };
    match done {
        Ok(Some(secret)) => show(&state, inside, Some((name, secret)), Ok(()), ""),
        Ok(None) => Redirect::to(Tab::People.path()).into_response(),
        Err(why) => show(&state, inside, None, Err(unchanged(w, &why)), said),
    }
}

fn show<S: Store>(
    state: &State<S>,
    mut inside: Inside,
    link: Option<(PersonName, Secret)>,
    done: Result<(), String>,
    name: &str,
) -> Response {
    let (w, lang) = (inside.words(), inside.visit.lang);
    let read = state.door.register().people();
    let (people, around) = match opened(Tab::People, &mut inside, read, done) {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let page = People {
        w,
        shell: &inside.shell,
        tabs: around.tabs,
        wrong: around.wrong,
        link: link.map(|(name, secret)| {
            let link = format!("/welcome?token={}", secret.reveal());
            (fill(w.a_link, &[&name]), link)
        }),
        roles: Role::ALL
            .iter()
            .map(|role| (role.as_str(), role.label(lang)))
            .collect(),
        people: people
            .iter()
            .map(|(name, person)| PersonLine {
                name: name.to_string(),
                role: person.role,
                since: date(person.since),
                can_sign_in: person.can_sign_in(),
            })
            .collect(),
        name: name.to_owned(),
    };
    inside.answer_with(around.status, &page)
}
