//! People who may sign in, and tokens of programs.

use super::{Said, WHO, told};
use crate::access::{PersonName, Scope, Secret};
use crate::cli::{PeopleCommand, TokensCommand};
use crate::privacy::audit::Did;
use crate::privacy::date;
use crate::state::State;
use std::collections::BTreeSet;
use std::io::Read;

/// The most bytes that are read where a password should be.
const LINE: u64 = 4_096;

/// `people`.
///
/// # Errors
/// What is not possible.
pub async fn people<S>(state: &State<S>, command: PeopleCommand, input: impl Read) -> Said {
    let (register, now) = (state.door.register(), state.clock.now());
    let note = |what: String| state.office.noting(now, WHO, Did::PersonChanged, what);
    match command {
        PeopleCommand::Add {
            name,
            role,
            password_stdin,
            ..
        } => {
            let hash = match password_stdin {
                true => Some(password(state, &name, input).await?),
                false => None,
            };
            let added = note(format!("{name} added as {role}"));
            let secret = register.add_person(&name, role, now, added).map_err(told)?;
            match hash {
                Some(hash) => set(state, &name, hash),
                None => Ok(link(&secret)),
            }
        }
        PeopleCommand::List { .. } => {
            let people = register.people().map_err(told)?;
            let lines = people.iter().map(|(name, person)| {
                let (role, since) = (person.role, date(person.since));
                let how = match person.can_sign_in() {
                    true => "",
                    false => "  no password yet",
                };
                format!("{name:<24}  {:<8}  since {since}{how}", role.as_str())
            });
            Ok(lines.collect::<Vec<_>>().join("\n"))
        }
        PeopleCommand::Role { name, role, .. } => {
            let changed = note(format!("{name} is {role}"));
            register.set_role(&name, role, changed).map_err(told)?;
            Ok(format!("{name} is {role}"))
        }
        PeopleCommand::Remove { name, .. } => {
            let removed = note(format!("{name} removed"));
            register.remove_person(&name, removed).map_err(told)?;
            Ok(format!("{name} is removed; tokens that {name} made stay"))
        }
        PeopleCommand::Password {
            name,
            password_stdin: true,
            ..
        } => {
            let hash = password(state, &name, input).await?;
            set(state, &name, hash)
        }
        PeopleCommand::Password { name, .. } => {
            let invited = note(format!("{name} may choose a password"));
            let secret = register.invite(&name, now, invited).map_err(told)?;
            Ok(link(&secret))
        }
    }
}

/// What is to be kept of the password that stands in the input.
async fn password<S>(state: &State<S>, name: &PersonName, input: impl Read) -> Said {
    let mut line = String::new();
    input.take(LINE).read_to_string(&mut line).map_err(told)?;
    let line = line.trim_end_matches(['\r', '\n']);
    state.door.choose(name, line).await.map_err(told)
}

fn set<S>(state: &State<S>, name: &PersonName, hash: String) -> Said {
    let what = format!("{name} was given a password");
    let note = state
        .office
        .noting(state.clock.now(), WHO, Did::PersonChanged, what);
    let register = state.door.register();
    register.set_password(name, hash, note).map_err(told)?;
    Ok(format!("{name} can sign in with this password"))
}

fn link(secret: &Secret) -> String {
    format!("/welcome?token={}", secret.reveal())
}

/// `tokens`: a new token is printed alone, so that a program can take it.
///
/// # Errors
/// What is not possible.
pub fn tokens<S>(state: &State<S>, command: TokensCommand) -> Said {
    let (register, now) = (state.door.register(), state.clock.now());
    let note = |what: String| state.office.noting(now, WHO, Did::TokenChanged, what);
    match command {
        TokensCommand::Add { name, scope, .. } => {
            let scopes: BTreeSet<Scope> = scope.into_iter().collect();
            let added = note(format!("token {name} added: {}", words(&scopes)));
            let secret = register.add_token(&name, scopes, WHO, now, added);
            Ok(secret.map_err(told)?.reveal().to_owned())
        }
        TokensCommand::List { .. } => {
            let tokens = register.tokens().map_err(told)?;
            let mut lines: Vec<String> = tokens
                .values()
                .map(|token| {
                    let used = token.seen.map_or("never used".to_owned(), |seen| {
                        format!("used {}", date(seen))
                    });
                    format!(
                        "{:<24}  {:<32}  since {}  {used}",
                        token.name.as_str(),
                        words(&token.scopes),
                        date(token.since)
                    )
                })
                .collect();
            lines.sort();
            Ok(lines.join("\n"))
        }
        TokensCommand::Revoke { name, .. } => {
            let ended = note(format!("token {name} ended"));
            register.end_token(&name, ended).map_err(told)?;
            Ok(format!("the token {name} is not taken any more"))
        }
    }
}

fn words(scopes: &BTreeSet<Scope>) -> String {
    let words: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
    words.join(" ")
}
