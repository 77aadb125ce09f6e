//! `/welcome`: choosing a password by a link that may be used once.

use super::entry::{Inside, Trouble};
use super::form::Form;
use super::shell::Shell;
use super::sign_in::signed_in;
use super::words::{Words, fill};
use crate::access::password::Weak;
use crate::access::{Invited, NotIn, NotTaken, PersonName, Unchanged};
use crate::privacy::audit::Did;
use crate::state::State;
use crate::store::{Store, StoreError};
use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome<'a> {
    w: &'static Words,
    shell: &'a Shell,
    token: String,
    /// Whom the link is for; `None` for the first one, who has no name yet.
    person: Option<String>,
    text: String,
    name: String,
    wrong: Option<String>,
}

/// `GET /welcome?token=TOKEN`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, inside: Inside) -> Response {
    let token = inside.visit.get("token").unwrap_or_default().to_owned();
    show(&state, inside, token, "", StatusCode::OK, None)
}

/// `POST /welcome`.
pub(crate) async fn accept<S: Store>(
    Given(state): Given<State<S>>,
    inside: Inside,
    form: Form,
) -> Response {
    let (w, now) = (inside.words(), inside.now);
    let (token, said_name) = (form.get("token").to_owned(), form.get("name").to_owned());
    let again = |inside, said| {
        let status = StatusCode::BAD_REQUEST;
        show(
            &state,
            inside,
            token.clone(),
            &said_name,
            status,
            Some(said),
        )
    };
    let (text, repeated) = (form.raw("password"), form.raw("again"));
    if text != repeated {
        return again(inside, w.a_differ.to_owned());
    }
    let name = match said_name.parse::<PersonName>() {
        Ok(name) => Some(name),
        Err(_) if said_name.is_empty() => None,
        Err(why) => return again(inside, fill(w.a_bad_name, &[&why])),
    };
    let note = |name: &PersonName| {
        let what = format!("{name} chose a password");
        state
            .office
            .noting(now, name.as_str(), Did::PersonChanged, what)()
    };
    let accepted = state.door.accept(&token, name.as_ref(), text, now, note);
    match accepted.await {
        Ok((_, session)) => signed_in(&state, &session, "/"),
        Err(NotTaken::NoLink) => show(&state, inside, token, "", StatusCode::OK, None),
        Err(why) => {
            let said = not_taken(w, &why);
            again(inside, said)
        }
    }
}

/// Why a password is not taken, in words.
pub(super) fn not_taken(w: &'static Words, why: &NotTaken) -> String {
    match why {
        NotTaken::Weak(Weak::Short) => w.a_weak_short.to_owned(),
        NotTaken::Weak(Weak::Long) => w.a_weak_long.to_owned(),
        NotTaken::Weak(Weak::Name) => w.a_weak_name.to_owned(),
        NotTaken::Weak(Weak::Same) => w.a_weak_same.to_owned(),
        NotTaken::NoLink => w.a_no_link.to_owned(),
        NotTaken::NotIn(NotIn::Wrong) => w.a_wrong.to_owned(),
        NotTaken::NotIn(NotIn::Wait(seconds)) => fill(w.a_wait, &[&seconds.div_ceil(60)]),
        NotTaken::NotIn(NotIn::Busy) => w.a_busy.to_owned(),
        NotTaken::NotIn(NotIn::Failed(error)) => {
            tracing::error!(%error, "the register of people cannot be read");
            w.a_failed.to_owned()
        }
        NotTaken::Unchanged(why) => unchanged(w, why),
    }
}

/// Why the register is not changed, in words.
pub(super) fn unchanged(w: &'static Words, why: &Unchanged) -> String {
    match why {
        Unchanged::NoSuchPerson | Unchanged::NoSuchToken => w.a_no_such,
        Unchanged::Exists => w.a_exists,
        Unchanged::LastAdmin => w.a_last_admin,
        Unchanged::TokenExists => w.a_token_exists,
        Unchanged::NoScope => w.a_no_scope,
        Unchanged::Unwritten(error) => {
            tracing::error!(%error, "the register of people cannot be written");
            w.a_unwritten
        }
    }
    .to_owned()
}

fn show<S: Store>(
    state: &State<S>,
    mut inside: Inside,
    token: String,
    name: &str,
    status: StatusCode,
    wrong: Option<String>,
) -> Response {
    let w = inside.words();
    let person = match state.door.invited(&token, inside.now) {
        Ok(Some(Invited::First)) => None,
        Ok(Some(Invited::Person(name))) => Some(name.to_string()),
        Ok(None) => return inside.explain(&Trouble::Form(w.a_no_link.to_owned())),
        Err(error) => {
            let error = StoreError::Unavailable(error.to_string());
            return inside.explain(&Trouble::Store(error));
        }
    };
    inside.shell.title = w.a_welcome.to_owned();
    let page = Welcome {
        w,
        shell: &inside.shell,
        token,
        text: match &person {
            Some(name) => fill(w.a_welcome_person, &[name]),
            None => w.a_welcome_first.to_owned(),
        },
        person,
        name: name.to_owned(),
        wrong,
    };
    inside.answer_with(status, &page)
}
