//! What proves that something was erased: a statement that the operator has signed, which anybody can check without asking.

use super::key::{self, Signer};
use candor_protocol::deidentify::{AppName, Release};
use serde::{Deserialize, Serialize};

/// A signed statement that something was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    /// What is stated.
    pub statement: Statement,
    /// The public key of whoever states it, 64 hexadecimal digits.
    pub key: String,
    /// The signature of [`Statement::signed`], 128 hexadecimal digits (Ed25519, RFC 8032).
    pub signature: String,
}

/// What a receipt states.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Version of the form: 1.
    pub receipt: u32,
    /// Random, so that one receipt can be told from another.
    pub number: String,
    /// Whose data.
    #[schemars(with = "String")]
    pub app: AppName,
    /// What was erased.
    pub erased: Erased,
    /// How many reports were found and erased.
    pub reports: u64,
    /// When it was done, in seconds since 1970-01-01 UTC.
    pub at: u64,
    /// Who had it done: `agent`, `command line`, `api`.
    pub by: String,
    /// The last hash of the audit trail before it.
    pub after: String,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Erased {
    /// Everything of installations, each named by the SHA-256 of its pseudonym.
    Installations(Vec<String>),
    /// Everything of the app.
    App,
    /// Everything of a release.
    Release(#[schemars(with = "String")] Release),
    /// Everything that happened in a range of time, in seconds since 1970-01-01 UTC.
    Range {
        /// The first second.
        from: u64,
        /// The first second after the range.
        to: u64,
    },
}

impl Statement {
    /// What is signed: a line that says what this is, and the statement as JSON without blanks.
    pub fn signed(&self) -> Vec<u8> {
        // Nothing in it is what JSON cannot hold.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("candor receipt 1\n{json}\n").into_bytes()
    }
}

impl Receipt {
    pub(super) fn sign(statement: Statement, signer: &Signer) -> Self {
        Self {
            key: signer.public(),
            signature: signer.sign(&statement.signed()),
            statement,
        }
    }

    /// Reads a receipt and checks it, by the key that stands in it, or by `key` where one is known.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn verify(text: &str, key: Option<&str>) -> Result<Self, String> {
        let receipt: Self =
            serde_json::from_str(text).map_err(|error| format!("this is no receipt: {error}"))?;
        if key.is_some_and(|key| key != receipt.key) {
            return Err("it was signed with another key than the given one".to_owned());
        }
        if !key::is_signed(
            &receipt.key,
            &receipt.statement.signed(),
            &receipt.signature,
        ) {
            return Err("the signature is not the one of this statement".to_owned());
        }
        Ok(receipt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt() -> (Receipt, Signer) {
        let data = tempfile::tempdir().unwrap();
        let signer = Signer::open(&data.path().join("key")).unwrap();
        let statement = Statement {
            receipt: 1,
            number: "5f".repeat(8),
            app: "im".parse().unwrap(),
            erased: Erased::Release("1.2.3".parse().unwrap()),
            reports: 12,
            at: 1_800_000_000,
            by: "command line".to_owned(),
            after: "0".repeat(64),
        };
        (Receipt::sign(statement, &signer), signer)
    }

    #[test]
    fn a_receipt_is_checked_by_itself_and_by_a_known_key() {
        let (receipt, signer) = receipt();
        let text = serde_json::to_string_pretty(&receipt).unwrap();
        assert_eq!(Receipt::verify(&text, None), Ok(receipt.clone()));
        assert_eq!(Receipt::verify(&text, Some(&signer.public())), Ok(receipt));
        assert!(Receipt::verify(&text, Some(&"0".repeat(64))).is_err());
    }

    #[test]
    fn a_receipt_that_was_changed_anywhere_is_refused() {
        let (receipt, _) = receipt();
        let whole = serde_json::to_string(&receipt).unwrap().into_bytes();
        for at in 0..whole.len() {
            let mut altered = whole.clone();
            altered[at] ^= 1;
            let Ok(text) = String::from_utf8(altered) else {
                continue;
            };
            assert!(Receipt::verify(&text, None).is_err(), "byte {at}: {text}");
        }
    }
}
