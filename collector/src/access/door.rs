//! The door: who comes in, by password, by session or by token.

use super::password::{self, Password, Weak};
use super::patience::Attempts;
use super::register::{Register, Unchanged, person};
use super::secret::{Secret, SecretHash, form_mark};
use super::{Guest, PersonName, Role, Visitor};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Passwords that are looked at at the same time. Each takes 19 MiB and a processor for some ten milliseconds.
const HASHING: usize = 2;

/// Attempts that may wait for that; further ones are told to come again.
const WAITING: usize = 32;

/// Names that nobody has and whose attempts are remembered; the one that was tried longest ago is forgotten.
const UNKNOWN: usize = 4_096;

/// Where everybody who asks something is looked at.
#[derive(Debug)]
pub struct Door {
    register: Register,
    /// Whether everybody at this machine may do everything.
    open: bool,
    /// Whether browsers reach it by TLS alone.
    secure: bool,
    /// The link by which the first one who may do everything is made.
    welcome: Mutex<Option<SecretHash>>,
    /// Attempts at names that nobody has.
    unknown: Mutex<BTreeMap<String, Attempts>>,
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Why somebody does not come in.
#[derive(Debug)]
pub enum NotIn {
    /// The name or the password is wrong.
    Wrong,
    /// There were too many attempts: so many seconds are to be waited.
    Wait(u64),
    /// Too many try at the same time.
    Busy,
    /// It cannot be looked up.
    Failed(io::Error),
}

impl From<io::Error> for NotIn {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// Why a password was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// It is easily guessed.
    Weak(Weak),
    /// The link is used up, too old, or none.
    NoLink,
    /// The present password was not said.
    NotIn(NotIn),
    /// The register was not changed.
    Unchanged(Unchanged),
}

impl std::fmt::Display for NotTaken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Weak(why) => why.fmt(f),
            Self::NoLink => f.write_str("the link was used, is too old, or is none"),
            Self::NotIn(_) => f.write_str("the present password is another one"),
            Self::Unchanged(why) => why.fmt(f),
        }
    }
}

impl From<Unchanged> for NotTaken {
    fn from(why: Unchanged) -> Self {
        Self::Unchanged(why)
    }
}

impl From<io::Error> for NotTaken {
    fn from(error: io::Error) -> Self {
        Self::Unchanged(Unchanged::Unwritten(error))
    }
}

/// Whom a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Invited {
    /// The first one who may do everything, who has no name yet.
    First,
    /// Somebody who is known.
    Person(PersonName),
}

impl Door {
    /// A door that asks everybody, with the register of the data directory `data`.
    pub fn of(data: &Path) -> Self {
        Self {
            register: Register::of(data),
            open: false,
            secure: false,
            welcome: Mutex::default(),
            unknown: Mutex::default(),
            hashing: Arc::new(Semaphore::new(HASHING)),
            waiting: Arc::new(Semaphore::new(WAITING)),
        }
    }

    /// The same door, at which nobody is asked: for a machine of one's own, under a name of its loopback.
    #[must_use]
    pub fn open(self) -> Self {
        Self { open: true, ..self }
    }

    /// The same door, which browsers reach by TLS alone, so that cookies are bound to it.
    #[must_use]
    pub fn behind_tls(self) -> Self {
        Self {
            secure: true,
            ..self
        }
    }

    /// Whether nobody is asked.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether browsers reach it by TLS alone.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The people, sessions and tokens.
    pub fn register(&self) -> &Register {
        &self.register
    }

    /// The cookie that holds a session. Its prefix makes browsers refuse one that another host or plain HTTP has set.
    pub fn cookie(&self) -> &'static str {
        if self.secure {
            "__Host-candor_session"
        } else {
            "candor_session"
        }
    }

    /// The line that gives a browser this session, or, without one, takes it away.
    pub fn set_cookie(&self, session: Option<&Secret>) -> String {
        let (name, secure) = (self.cookie(), if self.secure { "; Secure" } else { "" });
        let (value, age) = match session {
            Some(session) => (session.reveal(), super::register::LONGEST),
            None => ("", 0),
        };
        format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}")
    }

    /// Whose session this is.
    ///
    /// # Errors
    /// When it cannot be looked up.
    pub fn by_session(&self, secret: &str, now: u64) -> io::Result<Visitor> {
        let Some(hash) = SecretHash::of_presented(secret) else {
            return Ok(Visitor::Nobody);
        };
        let found = self.register.session(&hash, now)?;
        Ok(found.map_or(Visitor::Nobody, |(session, role)| {
            Visitor::Person(Guest {
                name: session.person,
                role,
                session: hash,
                form_mark: form_mark(secret),
            })
        }))
    }

    /// Which program's token this is; `None` where it is no token.
    ///
    /// # Errors
    /// When it cannot be looked up.
    pub fn by_token(&self, secret: &str, now: u64) -> io::Result<Option<Visitor>> {
        let token = self.register.token(secret, now)?;
        Ok(token.map(|token| Visitor::Program {
            name: token.name,
            scopes: token.scopes,
        }))
    }

    /// Begins a session of whoever knows the password.
    ///
    /// # Errors
    /// Says why not; not, whether there is somebody of this name.
    pub async fn sign_in(
        &self,
        name: &str,
        text: &str,
        now: u64,
    ) -> Result<(PersonName, Secret), NotIn> {
        let name = self.knows(name, text, now).await?;
        let session = self.register.begin_session(&name, now)?;
        Ok((name, session))
    }

    /// Who is called `name` and has this password.
    async fn knows(&self, name: &str, text: &str, now: u64) -> Result<PersonName, NotIn> {
        let _place = self.waiting.clone().try_acquire_owned();
        let _place = _place.map_err(|_| NotIn::Busy)?;
        let key: String = name.trim().to_lowercase().chars().take(64).collect();
        let name: Option<PersonName> = name.parse().ok();
        let people = self.register.people()?;
        let known = name.filter(|name| people.contains_key(name));
        let kept = match &known {
            Some(name) => {
                // Looked at before it is written, so that whoever waits does not make the disk work.
                let mut attempts = people.get(name).map(|one| one.attempts).unwrap_or_default();
                attempts.begin(now).map_err(NotIn::Wait)?;
                let begun = self.register.change_people(
                    |people| {
                        let person = person(people, name)?;
                        Ok((person.attempts.begin(now), person.password.clone()))
                    },
                    || Ok(()),
                );
                match begun {
                    Ok((begun, password)) => {
                        begun.map_err(NotIn::Wait)?;
                        password
                    }
                    Err(Unchanged::Unwritten(error)) => return Err(error.into()),
                    Err(_) => None,
                }
            }
            None => {
                let mut unknown = lock(&self.unknown);
                let attempts = unknown.entry(key.clone()).or_default();
                attempts.begin(now).map_err(NotIn::Wait)?;
                if unknown.len() > UNKNOWN {
                    let oldest = unknown.iter().min_by_key(|(_, attempts)| attempts.last());
                    let oldest = oldest.map(|(name, _)| name.clone());
                    oldest.and_then(|name| unknown.remove(&name));
                }
                None
            }
        };
        let text = text.to_owned();
        let is_right = self.hash(move || password::is_right(&text, kept.as_deref()));
        let name = match (is_right.await?, known) {
            (true, Some(name)) => name,
            _ => return Err(NotIn::Wrong),
        };
        let forgotten = self.register.change_people(
            |people| {
                person(people, &name)?.attempts = Attempts::default();
                Ok(())
            },
            || Ok(()),
        );
        match forgotten {
            Ok(()) => Ok(name),
            Err(Unchanged::Unwritten(error)) => Err(error.into()),
            Err(_) => Err(NotIn::Wrong),
        }
    }

    /// Hashes a password, when it is its turn.
    async fn hash<R: Send + 'static>(
        &self,
        hash: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<R> {
        let turn = self.hashing.clone().acquire_owned().await;
        let hashed = tokio::task::spawn_blocking(move || {
            let hashed = hash();
            // Held to the end, also where nobody waits for it any more.
            drop(turn);
            hashed
        });
        hashed.await.map_err(io::Error::other)
    }

    /// A link for the first one who may do everything, if there is nobody yet. The link before ends.
    ///
    /// # Errors
    /// When it cannot be looked up.
    pub fn welcome(&self) -> io::Result<Option<Secret>> {
        if self.register.has_admin()? {
            return Ok(None);
        }
        let secret = Secret::generate("");
        *lock(&self.welcome) = Some(secret.hash());
        Ok(Some(secret))
    }

    /// Whom the link with this secret is for.
    ///
    /// # Errors
    /// When it cannot be looked up.
    pub fn invited(&self, secret: &str, now: u64) -> io::Result<Option<Invited>> {
        let Some(hash) = SecretHash::of_presented(secret) else {
            return Ok(None);
        };
        if lock(&self.welcome).as_ref() == Some(&hash) && !self.register.has_admin()? {
            return Ok(Some(Invited::First));
        }
        let invited = self.register.invited(&hash, now)?;
        Ok(invited.map(Invited::Person))
    }

    /// Takes the password that somebody chose who has a link, and begins a session. The link is used up. `name` is what the first
    /// one wants to be called; `note` writes down what is about to happen, and nothing happens where it cannot.
    ///
    /// # Errors
    /// Says why the password is not taken.
    pub async fn accept(
        &self,
        secret: &str,
        name: Option<&PersonName>,
        text: &str,
        now: u64,
        note: impl Fn(&PersonName) -> io::Result<()>,
    ) -> Result<(PersonName, Secret), NotTaken> {
        let invited = self.invited(secret, now)?.ok_or(NotTaken::NoLink)?;
        let first = invited == Invited::First;
        let name = match (invited, name) {
            (Invited::Person(name), _) => name,
            (Invited::First, Some(name)) => name.clone(),
            (Invited::First, None) => return Err(NotTaken::NoLink),
        };
        let hash = self.choose(&name, text).await?;
        let note = || note(&name);
        if first {
            // Of two who use the link at the same time one is the first.
            let mut welcome = lock(&self.welcome);
            if *welcome != SecretHash::of_presented(secret) {
                return Err(NotTaken::NoLink);
            }
            match self.register.add_person(&name, Role::Admin, now, || Ok(())) {
                Ok(_) => {}
                // Somebody was added and never came.
                Err(Unchanged::Exists) => self.register.set_role(&name, Role::Admin, || Ok(()))?,
                Err(other) => return Err(other.into()),
            }
            self.register.set_password(&name, hash, note)?;
            *welcome = None;
        } else {
            if self.invited(secret, now)? != Some(Invited::Person(name.clone())) {
                return Err(NotTaken::NoLink);
            }
            self.register.set_password(&name, hash, note)?;
        }
        Ok((name.clone(), self.register.begin_session(&name, now)?))
    }

    /// Gives somebody who says the present password another one. Every session of theirs ends, and a new one begins.
    ///
    /// # Errors
    /// Says why the password is not taken.
    pub async fn change_password(
        &self,
        name: &PersonName,
        present: &str,
        next: &str,
        now: u64,
        note: impl Fn() -> io::Result<()>,
    ) -> Result<Secret, NotTaken> {
        let known = self.knows(name.as_str(), present, now).await;
        known.map_err(NotTaken::NotIn)?;
        let hash = self.choose(name, next).await?;
        self.register.set_password(name, hash, note)?;
        Ok(self.register.begin_session(name, now)?)
    }

    /// What is to be kept of the password that `name` chooses.
    ///
    /// # Errors
    /// When it is easily guessed, or there is no memory for hashing.
    pub async fn choose(&self, name: &PersonName, text: &str) -> Result<String, NotTaken> {
        let password = Password::choose(name, text).map_err(NotTaken::Weak)?;
        let hash = self.hash(move || password.hash()).await?;
        Ok(hash.map_err(io::Error::other)?)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000;
    const PASSWORD: &str = "correct horse battery";

    async fn with_wei(data: &Path) -> Door {
        let door = Door::of(data);
        let secret = door.welcome().unwrap().expect("nobody is there yet");
        let wei = "wei".parse().unwrap();
        let made = door.accept(secret.reveal(), Some(&wei), PASSWORD, NOW, |_| Ok(()));
        made.await.unwrap();
        let again = door.accept(secret.reveal(), Some(&wei), PASSWORD, NOW, |_| Ok(()));
        assert!(matches!(again.await, Err(NotTaken::NoLink)));
        assert!(door.welcome().unwrap().is_none());
        door
    }

    #[tokio::test]
    async fn whoever_guesses_waits_whether_or_not_there_is_somebody_of_that_name() {
        let data = tempfile::tempdir().unwrap();
        let door = with_wei(data.path()).await;
        for name in ["wei", "nobody-here", "not a name!"] {
            for _ in 0..5 {
                let wrong = door.sign_in(name, "correct horse batterz", NOW).await;
                assert!(matches!(wrong, Err(NotIn::Wrong)), "{name}: {wrong:?}");
            }
            let right = door.sign_in(name, PASSWORD, NOW + 1).await;
            assert!(matches!(right, Err(NotIn::Wait(29))), "{name}: {right:?}");
        }
        // Another process waits as well.
        let other = Door::of(data.path());
        assert!(matches!(
            other.sign_in("wei", PASSWORD, NOW).await,
            Err(NotIn::Wait(30))
        ));
        door.sign_in("Wei ", PASSWORD, NOW + 30).await.unwrap();
        let wrong = door.sign_in("wei", "correct horse batterz", NOW + 31).await;
        assert!(
            matches!(wrong, Err(NotIn::Wrong)),
            "it is all forgotten: {wrong:?}"
        );
    }

    #[tokio::test]
    async fn many_guesses_at_the_same_time_are_no_way_around() {
        let data = tempfile::tempdir().unwrap();
        let door = Arc::new(with_wei(data.path()).await);
        let mut guesses = tokio::task::JoinSet::new();
        for _ in 0..20 {
            let door = door.clone();
            guesses.spawn(async move { door.sign_in("wei", "correct horse batterz", NOW).await });
        }
        let mut looked_at = 0;
        while let Some(guess) = guesses.join_next().await {
            looked_at += u32::from(matches!(guess.unwrap(), Err(NotIn::Wrong)));
        }
        assert_eq!(looked_at, 5);
    }

    #[tokio::test]
    async fn another_password_ends_every_session_but_the_new_one() {
        let data = tempfile::tempdir().unwrap();
        let door = with_wei(data.path()).await;
        let (wei, before) = door.sign_in("wei", PASSWORD, NOW).await.unwrap();
        let is_in =
            |secret: &Secret| door.by_session(secret.reveal(), NOW).unwrap() != Visitor::Nobody;
        assert!(is_in(&before));
        let wrong = door
            .change_password(&wei, "not the password", "another long one", NOW, || Ok(()))
            .await;
        assert!(matches!(wrong, Err(NotTaken::NotIn(NotIn::Wrong))));
        let weak = door
            .change_password(&wei, PASSWORD, "short", NOW, || Ok(()))
            .await;
        assert!(matches!(weak, Err(NotTaken::Weak(Weak::Short))));
        assert!(is_in(&before));
        let after = door
            .change_password(&wei, PASSWORD, "another long one", NOW, || Ok(()))
            .await
            .unwrap();
        assert!(!is_in(&before) && is_in(&after));
    }
}
