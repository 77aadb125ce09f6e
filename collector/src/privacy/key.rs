//! The key that receipts and notices are signed with: made at the first start, and never told.

use super::files;
use candor_protocol::signature;
use ring::signature::{Ed25519KeyPair, KeyPair};
use std::fmt;
use std::io;
use std::path::Path;

/// Signs for the operator of this collector (Ed25519, RFC 8032).
pub struct Signer(Ed25519KeyPair);

impl Signer {
    /// The key in `path`, which is made where there is none.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let seed = match std::fs::read(path) {
            Ok(seed) => seed,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed: [u8; 32] = rand::random();
                files::replace(path, &seed)?;
                seed.to_vec()
            }
            Err(error) => return Err(error),
        };
        Ed25519KeyPair::from_seed_unchecked(&seed)
            .map(Self)
            .map_err(|_| io::Error::other(format!("{} holds no key", path.display())))
    }

    /// The public key, 64 hexadecimal digits: for whoever checks a signature.
    pub fn public(&self) -> String {
        hex(self.0.public_key().as_ref())
    }

    /// The signature of a message, 128 hexadecimal digits.
    pub fn sign(&self, message: &[u8]) -> String {
        hex(self.0.sign(message).as_ref())
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public())
    }
}

/// Whether a signature is the one of a message.
pub(super) fn is_signed(public_key: &str, message: &[u8], signature: &str) -> bool {
    signature::is_of(public_key, message, signature)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("key");
        let first = Signer::open(&path).unwrap();
        let again = Signer::open(&path).unwrap();
        assert_eq!(first.public(), again.public());
        assert!(is_signed(&first.public(), b"x", &again.sign(b"x")));
        assert!(!is_signed(&first.public(), b"y", &again.sign(b"x")));
        let seed = hex(&std::fs::read(&path).unwrap());
        assert!(!format!("{first:?}").contains(&seed));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        std::fs::write(&path, b"short").unwrap();
        assert!(Signer::open(&path).is_err());
    }
}
