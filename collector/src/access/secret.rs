//! Secrets that the collector makes: shown once, kept as a hash.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fmt;

/// The most bytes of a secret that is looked at; anything longer is none.
const MAX_BYTES: usize = 128;

/// A secret of 256 random bits: a session, a token of a program, or a link that may be used once.
pub struct Secret(String);

impl Secret {
    /// A new one, which begins with `prefix`, so that it is recognised where it should not be.
    pub fn generate(prefix: &str) -> Self {
        let bytes: [u8; 32] = rand::random();
        Self(format!("{prefix}{}", hex(&bytes)))
    }

    /// The secret, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> SecretHash {
        SecretHash::digest(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(not shown)")
    }
}

/// What is kept of a secret. The secret is random and as long as the hash, so that nothing slower than SHA-256 is needed, and
/// whoever times the comparison of two hashes learns nothing of a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretHash(String);

impl SecretHash {
    /// The hash of what somebody presents as a secret; `None` when it cannot be one.
    pub fn of_presented(secret: &str) -> Option<Self> {
        (!secret.is_empty() && secret.len() <= MAX_BYTES).then(|| Self::digest(secret))
    }

    fn digest(secret: &str) -> Self {
        Self(hex(&Sha256::digest(secret)))
    }

    /// What the secret is called, by people and in lists: the beginning of its hash, eight hexadecimal digits.
    pub fn id(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHash({})", self.id())
    }
}

/// What the forms of a session carry: nobody without its secret can say it, and it does not tell the secret.
pub(super) fn form_mark(session: &str) -> String {
    hex(&Sha256::digest(format!("form\n{session}")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_again_by_its_hash_and_is_never_printed() {
        let secret = Secret::generate("a_");
        assert_eq!(
            SecretHash::of_presented(secret.reveal()),
            Some(secret.hash())
        );
        assert_ne!(Secret::generate("a_").hash(), secret.hash());
        let printed = format!("{secret:?}{:?}", secret.hash());
        assert!(!printed.contains(&secret.reveal()[2..12]), "{printed}");
        assert_eq!(SecretHash::of_presented(&"a".repeat(129)), None);
        assert!(!form_mark(secret.reveal()).contains(secret.hash().id()));
    }
}
