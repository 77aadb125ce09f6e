//! The register: people, their sessions, and the tokens of programs, in `DATA/access/`. Small files that are replaced whole, and read
//! again when another process replaced them.

use super::patience::Attempts;
use super::secret::{Secret, SecretHash};
use super::{PersonName, Role, Scope};
use crate::privacy::document::Document;
use crate::privacy::files;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Seconds after which a session that nobody used is over.
pub const IDLE: u64 = 12 * 3_600;

/// Seconds after which every session is over.
pub const LONGEST: u64 = 7 * 86_400;

/// Seconds for which a link to choose a password is good.
pub const INVITED: u64 = 3 * 86_400;

/// How far what is written down about the last use may lag, in seconds: not every request writes.
const LAG: u64 = 600;

/// The most sessions of one person; one more ends the one that was not used for longest.
const SESSIONS: usize = 20;

/// What every token begins with.
const TOKEN: &str = "candor-api_";

/// A person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// What the person may do.
    pub role: Role,
    /// Since when the person is known.
    pub since: u64,
    /// What is kept of the password; `None` before one was chosen.
    pub(super) password: Option<String>,
    /// A link to choose a password.
    pub(super) invitation: Option<Invitation>,
    /// Failed attempts to sign in.
    #[serde(default)]
    pub(super) attempts: Attempts,
}

impl Person {
    /// Whether the person has chosen a password, and so can sign in.
    pub fn can_sign_in(&self) -> bool {
        self.password.is_some()
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Invitation {
    pub(super) hash: SecretHash,
    pub(super) until: u64,
}

/// All people, by name.
pub type People = BTreeMap<PersonName, Person>;

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Whose.
    pub person: PersonName,
    /// When it began.
    pub since: u64,
    /// When it was last used, within ten minutes.
    pub seen: u64,
}

impl Session {
    fn is_over(&self, now: u64) -> bool {
        now.saturating_sub(self.seen) >= IDLE || now.saturating_sub(self.since) >= LONGEST
    }
}

/// All sessions, by the hash of their secret.
pub type Sessions = BTreeMap<SecretHash, Session>;

/// A token of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// What it is for, in words of whoever made it.
    pub name: PersonName,
    /// What it is good for.
    pub scopes: BTreeSet<Scope>,
    /// Who made it.
    pub by: String,
    /// Since when.
    pub since: u64,
    /// When it was last used, within ten minutes.
    pub seen: Option<u64>,
}

/// All tokens, by their hash.
pub type Tokens = BTreeMap<SecretHash, Token>;

/// Why the register was not changed.
#[derive(Debug)]
pub enum Unchanged {
    /// Nobody is called so.
    NoSuchPerson,
    /// Somebody is called so.
    Exists,
    /// Nobody would be left who may do everything.
    LastAdmin,
    /// There is no such token.
    NoSuchToken,
    /// A token is called so.
    TokenExists,
    /// A token would be good for nothing.
    NoScope,
    /// It cannot be written.
    Unwritten(io::Error),
}

impl fmt::Display for Unchanged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchPerson => {
                f.write_str("nobody is called so; `people list` prints who there is")
            }
            Self::Exists => f.write_str("somebody is called so already"),
            Self::LastAdmin => f.write_str("nobody would be left who may do everything"),
            Self::NoSuchToken => f.write_str("there is no such token; `tokens list` prints them"),
            Self::TokenExists => f.write_str("a token is called so already"),
            Self::NoScope => {
                f.write_str("a token needs a scope: read, reports, triage, symbols or admin")
            }
            Self::Unwritten(error) => write!(f, "it cannot be written down: {error}"),
        }
    }
}

impl std::error::Error for Unchanged {}

impl From<io::Error> for Unchanged {
    fn from(error: io::Error) -> Self {
        Self::Unwritten(error)
    }
}

/// The register.
#[derive(Debug)]
pub struct Register {
    directory: PathBuf,
    people: Document<People>,
    sessions: Document<Sessions>,
    tokens: Document<Tokens>,
}

impl Register {
    /// The register of the data directory `data`; nothing is made before somebody is added.
    pub fn of(data: &Path) -> Self {
        let directory = data.join("access");
        Self {
            people: Document::at(directory.join("people.json")),
            sessions: Document::at(directory.join("sessions.json")),
            tokens: Document::at(directory.join("tokens.json")),
            directory,
        }
    }

    /// All people.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn people(&self) -> io::Result<Arc<People>> {
        self.people.read()
    }

    /// Whether anybody can sign in who may do everything.
    ///
    /// # Errors
    /// When people cannot be read.
    pub fn has_admin(&self) -> io::Result<bool> {
        Ok(admins(&*self.people()?).next().is_some())
    }

    /// Changes people, unless what comes out would leave nobody who may do everything where there was somebody, or it cannot be noted.
    pub(super) fn change_people<R>(
        &self,
        change: impl FnOnce(&mut People) -> Result<R, Unchanged>,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<R, Unchanged> {
        files::directory(&self.directory)?;
        self.people.change(|people| {
            let before = people.clone();
            let had_admin = admins(people).next().is_some();
            let changed = change(people).and_then(|done| {
                let locked_out = had_admin && admins(people).next().is_none();
                if locked_out {
                    return Err(Unchanged::LastAdmin);
                }
                note()?;
                Ok(done)
            });
            if changed.is_err() {
                *people = before;
            }
            changed
        })?
    }

    /// Changes somebody, and ends every session of theirs.
    fn change_and_end(
        &self,
        name: &PersonName,
        change: impl FnOnce(&mut People) -> Result<(), Unchanged>,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<(), Unchanged> {
        self.change_people(change, note)?;
        Ok(self.end_sessions(name)?)
    }

    /// Adds somebody, who chooses a password by the link that the secret is for.
    ///
    /// # Errors
    /// When somebody is called so, or it cannot be written.
    pub fn add_person(
        &self,
        name: &PersonName,
        role: Role,
        now: u64,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<Secret, Unchanged> {
        let (secret, invitation) = invitation(now);
        self.change_people(
            |people| {
                if people.contains_key(name) {
                    return Err(Unchanged::Exists);
                }
                let person = Person {
                    role,
                    since: now,
                    password: None,
                    invitation: Some(invitation),
                    attempts: Attempts::default(),
                };
                people.insert(name.clone(), person);
                Ok(())
            },
            note,
        )?;
        Ok(secret)
    }

    /// A new link for somebody to choose another password; the present one is taken until then.
    ///
    /// # Errors
    /// When nobody is called so, or it cannot be written.
    pub fn invite(
        &self,
        name: &PersonName,
        now: u64,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<Secret, Unchanged> {
        let (secret, invitation) = invitation(now);
        self.change_people(
            |people| {
                person(people, name)?.invitation = Some(invitation);
                Ok(())
            },
            note,
        )?;
        Ok(secret)
    }

    /// Who may choose a password by this link at `now`.
    pub(super) fn invited(&self, hash: &SecretHash, now: u64) -> io::Result<Option<PersonName>> {
        let people = self.people()?;
        let mut invited = people.iter().filter(|(_, person)| {
            let invitation = person.invitation.as_ref();
            invitation.is_some_and(|one| one.hash == *hash && now < one.until)
        });
        Ok(invited.next().map(|(name, _)| name.clone()))
    }

    /// Gives somebody a password, of which `hash` is kept. Links and waits end, and so does every session.
    ///
    /// # Errors
    /// When nobody is called so, or it cannot be written.
    pub fn set_password(
        &self,
        name: &PersonName,
        hash: String,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<(), Unchanged> {
        let change = |people: &mut People| {
            let person = person(people, name)?;
            person.password = Some(hash);
            person.invitation = None;
            person.attempts = Attempts::default();
            Ok(())
        };
        self.change_and_end(name, change, note)
    }

    /// Gives somebody another role. Every session of theirs ends, so that what they see next is what they may.
    ///
    /// # Errors
    /// When nobody is called so, nobody would be left who may do everything, or it cannot be written.
    pub fn set_role(
        &self,
        name: &PersonName,
        role: Role,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<(), Unchanged> {
        let change = |people: &mut People| {
            person(people, name)?.role = role;
            Ok(())
        };
        self.change_and_end(name, change, note)
    }

    /// Removes somebody, with every session.
    ///
    /// # Errors
    /// When nobody is called so, nobody would be left who may do everything, or it cannot be written.
    pub fn remove_person(
        &self,
        name: &PersonName,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<(), Unchanged> {
        let change =
            |people: &mut People| people.remove(name).map(drop).ok_or(Unchanged::NoSuchPerson);
        self.change_and_end(name, change, note)
    }

    /// Begins a session of somebody.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin_session(&self, name: &PersonName, now: u64) -> io::Result<Secret> {
        let secret = Secret::generate("");
        let session = Session {
            person: name.clone(),
            since: now,
            seen: now,
        };
        files::directory(&self.directory)?;
        self.sessions.change(|sessions| {
            sessions.retain(|_, session| !session.is_over(now));
            let mut own: Vec<(u64, SecretHash)> = sessions
                .iter()
                .filter(|(_, session)| session.person == *name)
                .map(|(hash, session)| (session.seen, hash.clone()))
                .collect();
            own.sort_unstable();
            for (_, hash) in own.iter().rev().skip(SESSIONS - 1) {
                sessions.remove(hash);
            }
            sessions.insert(secret.hash(), session);
        })?;
        Ok(secret)
    }

    /// The session that this hash belongs to, and whose it is.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn session(&self, hash: &SecretHash, now: u64) -> io::Result<Option<(Session, Role)>> {
        let Some(session) = self.sessions.read()?.get(hash).cloned() else {
            return Ok(None);
        };
        let role = self
            .people()?
            .get(&session.person)
            .map(|person| person.role);
        let Some(role) = role.filter(|_| !session.is_over(now)) else {
            return Ok(None);
        };
        if now.saturating_sub(session.seen) >= LAG {
            self.sessions.change(|sessions| {
                if let Some(session) = sessions.get_mut(hash) {
                    session.seen = now;
                }
            })?;
        }
        Ok(Some((session, role)))
    }

    /// The sessions of somebody, the one that was used last first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn sessions_of(
        &self,
        name: &PersonName,
        now: u64,
    ) -> io::Result<Vec<(SecretHash, Session)>> {
        let sessions = self.sessions.read()?;
        let mut own: Vec<_> = sessions
            .iter()
            .filter(|(_, session)| session.person == *name && !session.is_over(now))
            .map(|(hash, session)| (hash.clone(), session.clone()))
            .collect();
        own.sort_by_key(|(_, session)| std::cmp::Reverse(session.seen));
        Ok(own)
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end_session(&self, hash: &SecretHash) -> io::Result<()> {
        if self.sessions.read()?.contains_key(hash) {
            self.sessions.change(|sessions| sessions.remove(hash))?;
        }
        Ok(())
    }

    /// Ends every session of somebody.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn end_sessions(&self, name: &PersonName) -> io::Result<()> {
        let is_own = |session: &Session| session.person == *name;
        if self.sessions.read()?.values().any(is_own) {
            self.sessions
                .change(|sessions| sessions.retain(|_, session| !is_own(session)))?;
        }
        Ok(())
    }

    /// All tokens.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn tokens(&self) -> io::Result<Arc<Tokens>> {
        self.tokens.read()
    }

    /// Makes a token.
    ///
    /// # Errors
    /// When one is called so, it would be good for nothing, or it cannot be written.
    pub fn add_token(
        &self,
        name: &PersonName,
        scopes: BTreeSet<Scope>,
        by: &str,
        now: u64,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<Secret, Unchanged> {
        if scopes.is_empty() {
            return Err(Unchanged::NoScope);
        }
        let secret = Secret::generate(TOKEN);
        files::directory(&self.directory)?;
        self.tokens.change(|tokens| {
            if tokens.values().any(|token| token.name == *name) {
                return Err(Unchanged::TokenExists);
            }
            note()?;
            let token = Token {
                name: name.clone(),
                scopes,
                by: by.to_owned(),
                since: now,
                seen: None,
            };
            tokens.insert(secret.hash(), token);
            Ok(())
        })??;
        Ok(secret)
    }

    /// The token that this secret is, and what it is called in the audit trail.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn token(&self, secret: &str, now: u64) -> io::Result<Option<Token>> {
        let hash = SecretHash::of_presented(secret).filter(|_| secret.starts_with(TOKEN));
        let Some(hash) = hash else { return Ok(None) };
        let Some(token) = self.tokens.read()?.get(&hash).cloned() else {
            return Ok(None);
        };
        if token
            .seen
            .is_none_or(|seen| now.saturating_sub(seen) >= LAG)
        {
            self.tokens.change(|tokens| {
                if let Some(token) = tokens.get_mut(&hash) {
                    token.seen = Some(now);
                }
            })?;
        }
        Ok(Some(token))
    }

    /// Ends a token, by what it is called.
    ///
    /// # Errors
    /// When there is none, or it cannot be written.
    pub fn end_token(
        &self,
        name: &PersonName,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<(), Unchanged> {
        if !self.tokens()?.values().any(|token| token.name == *name) {
            return Err(Unchanged::NoSuchToken);
        }
        note()?;
        self.tokens
            .change(|tokens| tokens.retain(|_, token| token.name != *name))?;
        Ok(())
    }

    /// Copies everything but sessions into another data directory.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy_to(&self, data: &Path) -> io::Result<()> {
        if !self.directory.is_dir() {
            return Ok(());
        }
        let _locked = files::lock(&self.directory)?;
        let to = data.join("access");
        files::copy(&self.directory, &to)?;
        match std::fs::remove_file(to.join("sessions.json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

fn admins(people: &People) -> impl Iterator<Item = &Person> {
    people
        .values()
        .filter(|person| person.role == Role::Admin && person.can_sign_in())
}

pub(super) fn person<'a>(
    people: &'a mut People,
    name: &PersonName,
) -> Result<&'a mut Person, Unchanged> {
    people.get_mut(name).ok_or(Unchanged::NoSuchPerson)
}

fn invitation(now: u64) -> (Secret, Invitation) {
    let secret = Secret::generate("");
    let invitation = Invitation {
        hash: secret.hash(),
        until: now + INVITED,
    };
    (secret, invitation)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;

    fn silent() -> io::Result<()> {
        Ok(())
    }

    fn name(text: &str) -> PersonName {
        text.parse().unwrap()
    }

    #[test]
    fn the_last_one_who_may_do_everything_stays() {
        let data = tempfile::tempdir().unwrap();
        let register = Register::of(data.path());
        assert!(!register.has_admin().unwrap());
        let (wei, ann) = (name("wei"), name("ann"));
        register.add_person(&wei, Role::Admin, NOW, silent).unwrap();
        assert!(!register.has_admin().unwrap(), "no password yet");
        register
            .set_password(&wei, "hash".to_owned(), silent)
            .unwrap();
        register.add_person(&ann, Role::Admin, NOW, silent).unwrap();
        for refused in [
            register.set_role(&wei, Role::Viewer, silent),
            register.remove_person(&wei, silent),
        ] {
            assert!(matches!(refused, Err(Unchanged::LastAdmin)));
        }
        register
            .set_password(&ann, "hash".to_owned(), silent)
            .unwrap();
        register.remove_person(&wei, silent).unwrap();
        assert!(register.has_admin().unwrap());
        assert!(matches!(
            register.remove_person(&wei, silent),
            Err(Unchanged::NoSuchPerson)
        ));
    }

    #[test]
    fn a_session_ends_when_nobody_uses_it_and_in_a_week_whoever_uses_it() {
        let data = tempfile::tempdir().unwrap();
        let register = Register::of(data.path());
        let wei = name("wei");
        register
            .add_person(&wei, Role::Viewer, NOW, silent)
            .unwrap();
        let hash = register.begin_session(&wei, NOW).unwrap().hash();
        let is_on = |now| register.session(&hash, now).unwrap().is_some();
        assert!(is_on(NOW + IDLE - 1));
        assert!(is_on(NOW + 2 * IDLE - 2), "use goes on");
        assert!(!is_on(NOW + 3 * IDLE));
        let hash = register.begin_session(&wei, NOW).unwrap().hash();
        for hours in (0..LONGEST / 3_600).step_by(6) {
            assert!(
                register
                    .session(&hash, NOW + hours * 3_600)
                    .unwrap()
                    .is_some()
            );
        }
        assert!(register.session(&hash, NOW + LONGEST).unwrap().is_none());
        let other = register.begin_session(&wei, NOW).unwrap().hash();
        register.set_role(&wei, Role::Triager, silent).unwrap();
        assert!(
            register.session(&other, NOW).unwrap().is_none(),
            "rights changed"
        );
    }

    #[test]
    fn a_person_has_a_bounded_number_of_sessions() {
        let data = tempfile::tempdir().unwrap();
        let register = Register::of(data.path());
        let wei = name("wei");
        register
            .add_person(&wei, Role::Viewer, NOW, silent)
            .unwrap();
        let all: Vec<_> = (0..=SESSIONS as u64)
            .map(|n| register.begin_session(&wei, NOW + n).unwrap().hash())
            .collect();
        let now = NOW + 100;
        assert_eq!(register.sessions_of(&wei, now).unwrap().len(), SESSIONS);
        assert!(register.session(&all[0], now).unwrap().is_none());
        assert!(register.session(&all[1], now).unwrap().is_some());
    }

    #[test]
    fn nothing_that_opens_the_door_is_in_the_files() {
        let data = tempfile::tempdir().unwrap();
        let register = Register::of(data.path());
        let wei = name("wei");
        let link = register
            .add_person(&wei, Role::Viewer, NOW, silent)
            .unwrap();
        let session = register.begin_session(&wei, NOW).unwrap();
        let token = register
            .add_token(
                &name("ci"),
                BTreeSet::from([Scope::Symbols]),
                "wei",
                NOW,
                silent,
            )
            .unwrap();
        let mut text = String::new();
        for entry in std::fs::read_dir(data.path().join("access")).unwrap() {
            text.push_str(&std::fs::read_to_string(entry.unwrap().path()).unwrap());
        }
        for secret in [&link, &session, &token] {
            assert!(!text.contains(secret.reveal()));
            assert!(text.contains(secret.hash().id()));
        }
        assert!(register.token(token.reveal(), NOW).unwrap().is_some());
        register.end_token(&name("ci"), silent).unwrap();
        assert!(register.token(token.reveal(), NOW).unwrap().is_none());
    }
}
