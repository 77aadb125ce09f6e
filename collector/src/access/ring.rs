//! The keys that were presented lately, so that not every request asks the store.

use super::{KeyHash, KeyId};
use crate::store::{Key, Store, StoreError};
use candor_protocol::deidentify::AppName;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Seconds that a key is believed before the store is asked again: so long does a key that was ended go on at most.
const BELIEVED: u64 = 1;

/// Keys in a second that nobody knows and that the store is asked for. Somebody who guesses keys must not keep it from its work.
const GUESSES: u32 = 64;

/// Who sends something: the app, by one of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The app.
    pub app: AppName,
    /// The key.
    pub key: KeyId,
}

/// Whether a key that was presented is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presented {
    /// It is.
    Taken(Sender),
    /// It belongs to this sender and has ended.
    Ended(Sender),
    /// It belongs to nobody.
    Unknown,
    /// Too many unknown keys were presented in this second to look it up.
    TooMany,
}

/// The keys that were presented lately: as many as the store has, at most.
#[derive(Debug, Default)]
pub struct KeyRing(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    /// Each with the second in which the store was last asked for it.
    keys: HashMap<KeyHash, (Key, u64)>,
    /// Unknown keys of a second.
    guesses: (u64, u32),
}

impl KeyRing {
    /// Whose key this is at `now`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn present<S: Store>(
        &self,
        store: &S,
        hash: KeyHash,
        now: u64,
    ) -> Result<Presented, StoreError> {
        if let Some(key) = self.believed(hash, now) {
            return Ok(judge(&key, now));
        }
        if !self.known().may_guess(hash, now) {
            return Ok(Presented::TooMany);
        }
        let found = store.key(hash).await?;
        let mut known = self.known();
        Ok(match found {
            Some(key) => {
                let judged = judge(&key, now);
                known.keys.insert(hash, (key, now));
                judged
            }
            None => {
                known.keys.remove(&hash);
                known.guessed(now);
                Presented::Unknown
            }
        })
    }

    /// The key, if the store was asked for it just now. One request asks again; the others believe meanwhile.
    fn believed(&self, hash: KeyHash, now: u64) -> Option<Key> {
        let mut known = self.known();
        let (key, asked) = known.keys.get_mut(&hash)?;
        if now.abs_diff(*asked) >= BELIEVED {
            *asked = now;
            return None;
        }
        Some(key.clone())
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// Whether the store may be asked for this key.
    fn may_guess(&self, hash: KeyHash, now: u64) -> bool {
        let (second, guesses) = self.guesses;
        second != now || guesses < GUESSES || self.keys.contains_key(&hash)
    }

    fn guessed(&mut self, now: u64) {
        let (second, guesses) = &mut self.guesses;
        if *second != now {
            (*second, *guesses) = (now, 0);
        }
        *guesses += 1;
    }
}

fn judge(key: &Key, now: u64) -> Presented {
    let sender = Sender {
        app: key.app.clone(),
        key: key.id,
    };
    if key.is_taken(now) {
        Presented::Taken(sender)
    } else {
        Presented::Ended(sender)
    }
}
