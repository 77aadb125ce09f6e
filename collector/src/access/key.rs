//! Ingest keys: made once, shown once, kept as a hash.

use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

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

    /// A hash that was kept.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl KeyHash {
    /// What the key is called.
    pub fn id(&self) -> KeyId {
        let [a, b, c, d, ..] = self.0;
        KeyId([a, b, c, d])
    }
}

/// What a key is called, by people and in the ledger: the beginning of its hash, eight hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl FromStr for KeyId {
    type Err = &'static str;

    fn from_str(digits: &str) -> Result<Self, Self::Err> {
        let form = digits.len() == 8
            && digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        u32::from_str_radix(digits, 16)
            .ok()
            .filter(|_| form)
            .map(|number| Self(number.to_be_bytes()))
            .ok_or("a key is called by eight hexadecimal digits; `keys list` prints them")
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
        let id = key.hash().id();
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!("0123ABCD".parse::<KeyId>().is_err() && "1234567".parse::<KeyId>().is_err());
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
