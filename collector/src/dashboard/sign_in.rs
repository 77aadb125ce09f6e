//! `/sign-in`: who comes in by name and password.

use super::entry::{Inside, Trouble};
use super::form::Form;
use super::shell::Shell;
use super::words::{Words, fill};
use crate::access::register::Person;
use crate::access::{NotIn, PersonName, Secret};
use crate::state::State;
use crate::store::{Store, StoreError};
use askama::Template;
use axum::extract::State as Given;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    w: &'static Words,
    shell: &'a Shell,
    next: String,
    name: String,
    wrong: Option<String>,
    /// Whether there is anybody who could.
    ready: bool,
}

/// `GET /sign-in`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, mut inside: Inside) -> Response {
    let next = safe(inside.visit.get("next").unwrap_or("/")).to_owned();
    if inside.visitor.guest().is_some() || state.door.is_open() {
        return Redirect::to(&next).into_response();
    }
    show(&state, &mut inside, next, "", StatusCode::OK, None)
}

/// `POST /sign-in`.
pub(crate) async fn enter<S: Store>(
    Given(state): Given<State<S>>,
    mut inside: Inside,
    headers: HeaderMap,
    form: Form,
) -> Response {
    let (w, now) = (inside.words(), inside.now);
    let (name, next) = (form.get("name"), safe(form.get("next")).to_owned());
    match state.door.sign_in(name, form.raw("password"), now).await {
        Ok((person, session)) => {
            let noted = state.office.note_sign_in(now, Some(person.as_str()), true);
            if let Err(error) = noted {
                let ended = state.door.register().end_session(&session.hash());
                if let Err(error) = ended {
                    tracing::error!(%error, "a session that nobody was given does not end before it is over");
                }
                return inside.explain(&Trouble::Store(error));
            }
            leave_before(&state, &inside, &headers);
            signed_in(&state, &session, &next)
        }
        Err(why) => {
            let (status, said) = match &why {
                NotIn::Wrong => (StatusCode::UNAUTHORIZED, w.a_wrong.to_owned()),
                NotIn::Wait(seconds) => {
                    let minutes = seconds.div_ceil(60);
                    (StatusCode::TOO_MANY_REQUESTS, fill(w.a_wait, &[&minutes]))
                }
                NotIn::Busy => (StatusCode::SERVICE_UNAVAILABLE, w.a_busy.to_owned()),
                NotIn::Failed(error) => {
                    tracing::error!(%error, "nobody can sign in");
                    (StatusCode::SERVICE_UNAVAILABLE, w.a_failed.to_owned())
                }
            };
            if let NotIn::Wrong = why {
                let people = state.door.register().people().unwrap_or_default();
                let known: Option<PersonName> = name.parse().ok();
                let known = known.filter(|name| people.contains_key(name));
                let known = known.as_ref().map(PersonName::as_str);
                if let Err(error) = state.office.note_sign_in(now, known, false) {
                    return inside.explain(&Trouble::Store(error));
                }
            }
            let mut response = show(&state, &mut inside, next, name, status, Some(said));
            if let NotIn::Wait(seconds) = why {
                let seconds = HeaderValue::from(seconds);
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
            }
            response
        }
    }
}

fn show<S: Store>(
    state: &State<S>,
    inside: &mut Inside,
    next: String,
    name: &str,
    status: StatusCode,
    wrong: Option<String>,
) -> Response {
    let ready = match state.door.register().people() {
        Ok(people) => people.values().any(Person::can_sign_in),
        Err(error) => {
            let error = StoreError::Unavailable(error.to_string());
            return inside.explain(&Trouble::Store(error));
        }
    };
    let w = inside.words();
    inside.shell.title = w.a_sign_in.to_owned();
    let page = SignIn {
        w,
        shell: &inside.shell,
        next,
        name: name.to_owned(),
        wrong,
        ready,
    };
    inside.answer_with(status, &page)
}

/// A session that the browser had before ends, so that none can be planted.
fn leave_before<S: Store>(state: &State<S>, inside: &Inside, headers: &HeaderMap) {
    let before = inside.visitor.guest().map(|guest| guest.session.clone());
    let planted = super::visit::cookie(headers, state.door.cookie());
    let planted = planted.and_then(crate::access::SecretHash::of_presented);
    for session in before.into_iter().chain(planted) {
        if let Err(error) = state.door.register().end_session(&session) {
            tracing::warn!(%error, "a session that was left does not end before it is over");
        }
    }
}

/// Gives the browser a session and leads on.
pub(super) fn signed_in<S: Store>(state: &State<S>, session: &Secret, next: &str) -> Response {
    with_cookie(Redirect::to(next), &state.door.set_cookie(Some(session)))
}

/// An answer that sets a cookie. Its text is of the door's making.
pub(super) fn with_cookie(answer: impl IntoResponse, cookie: &str) -> Response {
    let mut response = answer.into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Where to go on, if that is a page of ours.
fn safe(next: &str) -> &str {
    let ours = next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.bytes().all(|byte| (0x21..0x7f).contains(&byte));
    if ours { next } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_led_to_another_site() {
        for ours in ["/", "/issues?kind=crash&app=im", "/issues/00ab#stack"] {
            assert_eq!(safe(ours), ours);
        }
        for theirs in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\nb",
            "/\t/evil",
        ] {
            assert_eq!(safe(theirs), "/");
        }
    }
}
