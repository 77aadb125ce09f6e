//! `/settings/tokens`: what programs may ask.

use super::super::entry::{Inside, Trouble};
use super::super::form::Form;
use super::super::format;
use super::super::labels::Label;
use super::super::shell::{Choice, Shell};
use super::super::welcome::unchanged;
use super::super::words::{Words, fill};
use super::{Tab, named, opened};
use crate::access::{PersonName, Scope, Secret};
use crate::privacy::audit::Did;
use crate::privacy::date;
use crate::state::State;
use crate::store::Store;
use askama::Template;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::BTreeSet;

#[derive(Template)]
#[template(path = "settings_tokens.html")]
struct Tokens<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    /// What is said of a new token, and the token.
    token: Option<(String, String)>,
    scopes: Vec<(&'static str, &'static str)>,
    tokens: Vec<TokenLine>,
    name: String,
}

struct TokenLine {
    name: String,
    scopes: String,
    by: String,
    since: String,
    seen: String,
}

/// `GET /settings/tokens`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, inside: Inside) -> Response {
    show(&state, inside, None, Ok(()), "")
}

/// `POST /settings/tokens`: adds or ends one.
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
    let note = |what: String| state.office.noting(now, &who, Did::TokenChanged, what);
    let register = state.door.register();
    let done = match form.get("do") {
        "add" => {
            let scopes: BTreeSet<Scope> = form
                .all("scope")
                .filter_map(|word| word.parse().ok())
                .collect();
            let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
            let note = note(format!("token {name} added: {}", words.join(" ")));
            register.add_token(&name, scopes, &who, now, note).map(Some)
        }
        "end" => register
            .end_token(&name, note(format!("token {name} ended")))
            .map(|()| None),
        _ => return inside.explain(&Trouble::NoPage),
    };
    match done {
        Ok(Some(secret)) => show(&state, inside, Some((name, secret)), Ok(()), ""),
        Ok(None) => Redirect::to(Tab::Tokens.path()).into_response(),
        Err(why) => show(&state, inside, None, Err(unchanged(w, &why)), said),
    }
}

fn show<S: Store>(
    state: &State<S>,
    mut inside: Inside,
    token: Option<(PersonName, Secret)>,
    done: Result<(), String>,
    name: &str,
) -> Response {
    let (w, lang, now) = (inside.words(), inside.visit.lang, inside.now);
    let read = state.door.register().tokens();
    let (tokens, around) = match opened(Tab::Tokens, &mut inside, read, done) {
        Ok(opened) => opened,
        Err(response) => return response,
    };
    let mut tokens: Vec<_> = tokens.values().cloned().collect();
    tokens.sort_by(|one, other| one.name.cmp(&other.name));
    let page = Tokens {
        w,
        shell: &inside.shell,
        tabs: around.tabs,
        wrong: around.wrong,
        token: token
            .map(|(name, secret)| (fill(w.a_token_is, &[&name]), secret.reveal().to_owned())),
        scopes: Scope::ALL
            .iter()
            .map(|scope| (scope.as_str(), scope.label(lang)))
            .collect(),
        tokens: tokens
            .into_iter()
            .map(|token| {
                let scopes: Vec<_> = token.scopes.iter().map(|scope| scope.label(lang)).collect();
                TokenLine {
                    name: token.name.to_string(),
                    scopes: scopes.join(", "),
                    by: token.by,
                    since: date(token.since),
                    seen: token
                        .seen
                        .map_or_else(|| w.a_never.to_owned(), |seen| format::ago(seen, now, lang)),
                }
            })
            .collect(),
        name: name.to_owned(),
    };
    inside.answer_with(around.status, &page)
}
