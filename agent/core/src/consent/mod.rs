//! The user's consent: without it nothing is made, read or written.

mod gate;

pub use gate::{Gate, Permit};

use serde::{Deserialize, Serialize};
use std::fmt;

/// What the host knows of the user's choice. The host keeps it, as it keeps the user's other settings, so that the agent
/// needs to read nothing before it is allowed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    /// The user has not been asked yet.
    NotAsked,
    /// The user could not be asked, for example because the app has no window. Not a refusal.
    CouldNotAsk,
    /// The user declined.
    Declined,
    /// The user agreed earlier and has withdrawn. What is still on the device is wiped, and a request for erasure that
    /// was not answered yet is repeated.
    Withdrawn,
    /// The user agreed.
    Granted(Consent),
}

/// To what exactly the user agreed. Every part is required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    /// Name of the SDK that the text named.
    pub sdk: String,
    /// Who receives the reports.
    pub operator: String,
    /// The purposes that the text named; at least one.
    pub purposes: Vec<String>,
    /// Version of the privacy policy.
    pub policy_version: String,
    /// SHA-256 of the text that was shown, 64 hexadecimal digits.
    pub text_sha256: String,
    /// Language of the text that was shown, such as `en` or `zh-CN`.
    pub locale: String,
    /// When the user agreed, in seconds since 1970-01-01 UTC.
    pub given_at: u64,
}

/// Which part of a consent is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentError(&'static str);

impl fmt::Display for ConsentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the consent is not complete: {}", self.0)
    }
}

impl std::error::Error for ConsentError {}

impl Consent {
    /// Whether every part is there.
    ///
    /// # Errors
    /// Names the part that is missing.
    pub fn check(&self) -> Result<(), ConsentError> {
        let digest = self.text_sha256.len() == 64
            && self
                .text_sha256
                .bytes()
                .all(|byte| byte.is_ascii_hexdigit());
        let parts = [
            (!self.sdk.trim().is_empty(), "the SDK's name is missing"),
            (!self.operator.trim().is_empty(), "the operator is missing"),
            (
                !self.purposes.is_empty()
                    && self
                        .purposes
                        .iter()
                        .all(|purpose| !purpose.trim().is_empty()),
                "the purposes are missing",
            ),
            (
                !self.policy_version.trim().is_empty(),
                "the version of the policy is missing",
            ),
            (
                digest,
                "the hash of the text shown must be 64 hexadecimal digits",
            ),
            (!self.locale.trim().is_empty(), "the language is missing"),
            (self.given_at > 0, "the time is missing"),
        ];
        match parts.iter().find(|(there, _)| !there) {
            Some(&(_, missing)) => Err(ConsentError(missing)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole() -> Consent {
        Consent {
            sdk: "im-sdk".into(),
            operator: "Example Ltd".into(),
            purposes: vec!["find faults".into()],
            policy_version: "3".into(),
            text_sha256: "0".repeat(64),
            locale: "en".into(),
            given_at: 1,
        }
    }

    #[test]
    fn a_consent_with_a_missing_part_is_an_error_that_names_it() {
        assert_eq!(whole().check(), Ok(()));
        let missing = [
            (
                Consent {
                    sdk: String::new(),
                    ..whole()
                },
                "SDK",
            ),
            (
                Consent {
                    operator: " ".into(),
                    ..whole()
                },
                "operator",
            ),
            (
                Consent {
                    purposes: vec![],
                    ..whole()
                },
                "purposes",
            ),
            (
                Consent {
                    purposes: vec![String::new()],
                    ..whole()
                },
                "purposes",
            ),
            (
                Consent {
                    policy_version: String::new(),
                    ..whole()
                },
                "policy",
            ),
            (
                Consent {
                    text_sha256: "12".into(),
                    ..whole()
                },
                "hash",
            ),
            (
                Consent {
                    locale: String::new(),
                    ..whole()
                },
                "language",
            ),
            (
                Consent {
                    given_at: 0,
                    ..whole()
                },
                "time",
            ),
        ];
        for (consent, word) in missing {
            assert!(consent.check().unwrap_err().to_string().contains(word));
        }
    }
}
