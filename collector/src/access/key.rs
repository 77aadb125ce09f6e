//! Ingest keys: made once, shown once, kept as a hash.

use sha2::{Digest, Sha256};
use std::fmt;

/// What a key begins with, so that it is recognised where it should not be.
const PREFIX: &str = "candor_";

/// The most bytes of a key that is looked at; anything longer belongs to nobody.
const MAX_BYTES: usize = 128;

/// An ingest key: the right to send reports of one app. Whoever has an app has its key, so it is no secret of a person, but
/// it is not logged either.
pub struct IngestKey(String);

impl IngestKey {
    /// A new key from 256 random bits.
    pub fn generate() -> Self {
        let bytes: [u8; 32] = rand::random();
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self(format!("{PREFIX}{digits}"))
    }

    /// The key, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> KeyHash {
        KeyHash::digest(&self.0)
    }
}

impl fmt::Debug for IngestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IngestKey(not shown)")
    }
}

/// What is kept of a key. The key is random and as long as the hash, so that nothing slower than SHA-256 is needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// The hash of what somebody presents as a key; `None` when it cannot be one.
    pub fn of_presented(key: &str) -> Option<Self> {
        (key.starts_with(PREFIX) && key.len() <= MAX_BYTES).then(|| Self::digest(key))
    }

    fn digest(key: &str) -> Self {
        Self(Sha256::digest(key).into())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(not shown)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_again_by_its_hash_and_is_never_printed() {
        let key = IngestKey::generate();
        assert_eq!(key.reveal().len(), PREFIX.len() + 64);
        assert_eq!(KeyHash::of_presented(key.reveal()), Some(key.hash()));
        assert!(!format!("{key:?}{:?}", key.hash()).contains(&key.reveal()[PREFIX.len()..]));
        assert_ne!(IngestKey::generate().hash(), key.hash());
    }

    #[test]
    fn what_cannot_be_a_key_is_not_even_hashed() {
        assert_eq!(KeyHash::of_presented("sesame"), None);
        assert_eq!(
            KeyHash::of_presented(&format!("{PREFIX}{}", "0".repeat(1_000))),
            None
        );
    }
}
