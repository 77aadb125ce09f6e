//! `/account`: what one may change about oneself; and the way out.

use super::entry::{Inside, Trouble};
use super::form::Form;
use super::shell::Shell;
use super::sign_in::with_cookie;
use super::welcome::not_taken;
use super::words::Words;
use super::{format, window};
use crate::access::Guest;
use crate::privacy::audit::Did;
use crate::state::State;
use crate::store::{Store, StoreError};
use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use std::io;

#[derive(Template)]
#[template(path = "account.html")]
struct Account<'a> {
    w: &'static Words,
    shell: &'a Shell,
    name: String,
    role: &'static str,
    wrong: Option<String>,
    said: Option<&'static str>,
    sessions: Vec<SessionLine>,
}

struct SessionLine {
    id: String,
    since: String,
    seen: String,
    current: bool,
}

/// `GET /account`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, inside: Inside) -> Response {
    let said = inside
        .visit
        .get("changed")
        .map(|_| inside.words().a_changed);
    show(&state, inside, said, None)
}

/// `POST /account`: another password, or the end of sessions.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    inside: Inside,
    form: Form,
) -> Response {
    let (w, now) = (inside.words(), inside.now);
    let Some(guest) = inside.visitor.guest().cloned() else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let (door, name) = (&state.door, &guest.name);
    match form.get("do") {
        "password" if form.raw("password") != form.raw("again") => {
            show(&state, inside, None, Some(w.a_differ.to_owned()))
        }
        "password" => {
            let what = format!("{name} chose a password");
            let note = state
                .office
                .noting(now, name.as_str(), Did::PersonChanged, what);
            let (present, next) = (form.raw("present"), form.raw("password"));
            match door.change_password(name, present, next, now, note).await {
                Ok(session) => {
                    let cookie = door.set_cookie(Some(&session));
                    with_cookie(Redirect::to("/account?changed=1"), &cookie)
                }
                Err(why) => show(&state, inside, None, Some(not_taken(w, &why))),
            }
        }
        "end" => match end(&state, &guest, form.get("session"), now) {
            Ok(()) => Redirect::to("/account").into_response(),
            Err(error) => unread(&inside, &error),
        },
        "everywhere" => match door.register().end_sessions(name) {
            Ok(()) => with_cookie(Redirect::to("/sign-in"), &door.set_cookie(None)),
            Err(error) => unread(&inside, &error),
        },
        _ => inside.explain(&Trouble::NoPage),
    }
}

/// `POST /sign-out`.
pub(crate) async fn sign_out<S: Store>(Given(state): Given<State<S>>, inside: Inside) -> Response {
    let ended = match inside.visitor.guest() {
        Some(guest) => state.door.register().end_session(&guest.session),
        None => Ok(()),
    };
    match ended {
        Ok(()) => with_cookie(Redirect::to("/sign-in"), &state.door.set_cookie(None)),
        Err(error) => unread(&inside, &error),
    }
}

/// Ends one of the guest's own sessions, by what it is called.
fn end<S: Store>(state: &State<S>, guest: &Guest, id: &str, now: u64) -> io::Result<()> {
    let register = state.door.register();
    for (hash, _) in register.sessions_of(&guest.name, now)? {
        if hash.id() == id {
            register.end_session(&hash)?;
        }
    }
    Ok(())
}

fn unread(inside: &Inside, error: &io::Error) -> Response {
    inside.explain(&Trouble::Store(StoreError::Unavailable(error.to_string())))
}

fn show<S: Store>(
    state: &State<S>,
    mut inside: Inside,
    said: Option<&'static str>,
    wrong: Option<String>,
) -> Response {
    let (w, now, lang) = (inside.words(), inside.now, inside.visit.lang);
    let Some(guest) = inside.visitor.guest().cloned() else {
        return StatusCode::FORBIDDEN.into_response();
    };
    let sessions = match state.door.register().sessions_of(&guest.name, now) {
        Ok(sessions) => sessions,
        Err(error) => return unread(&inside, &error),
    };
    inside.shell.title = w.a_account.to_owned();
    let status = match wrong {
        Some(_) => StatusCode::BAD_REQUEST,
        None => StatusCode::OK,
    };
    let signed_in = inside.shell.signed_in.as_ref();
    let page = Account {
        w,
        shell: &inside.shell,
        name: guest.name.to_string(),
        role: signed_in.map_or("", |signed_in| signed_in.role),
        wrong,
        said,
        sessions: sessions
            .iter()
            .map(|(hash, session)| SessionLine {
                id: hash.id().to_owned(),
                since: window::exact(session.since),
                seen: format::ago(session.seen, now, lang),
                current: *hash == guest.session,
            })
            .collect(),
    };
    inside.answer_with(status, &page)
}
