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
    /// Version of the catalogue of fields that the text disclosed: [`CATALOGUE`](crate::CATALOGUE) of the release that asked.
    /// Fields that came later are not sent until the user has agreed to a newer one.
    pub catalogue: u32,
    /// What the app knows of the user's age.
    pub age: Age,
}

/// What the app knows of the user's age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Age {
    /// The app does not know.
    Unknown,
    /// Fourteen or older.
    FourteenOrOlder,
    /// Under fourteen, and a guardian has agreed: no optional field is sent, reports are kept on the device for a day at most,
    /// and the pseudonym changes every day.
    Under14WithGuardian,
    /// Under fourteen, and no guardian has agreed: there is no valid consent.
    Under14,
}

/// To what users of this release of the app have to agree now: what a consent is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Who receives the reports.
    pub operator: String,
    /// What for; every one must have been agreed to.
    pub purposes: Vec<String>,
}

impl Terms {
    /// Whether a consent covers these terms. A changed operator or a new purpose needs a new one; a newer text for the same does
    /// not.
    ///
    /// # Errors
    /// Says what the user has to be asked for.
    pub fn are_covered_by(&self, consent: &Consent) -> Result<(), ConsentError> {
        if consent.operator != self.operator {
            return Err(ConsentError::outdated(
                "it was given to another operator; ask again",
            ));
        }
        if !self
            .purposes
            .iter()
            .all(|purpose| consent.purposes.contains(purpose))
        {
            return Err(ConsentError::outdated(
                "it does not cover every purpose; ask again",
            ));
        }
        Ok(())
    }
}

/// Why a consent allows nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConsentError {
    outdated: bool,
    why: &'static str,
}

impl ConsentError {
    const fn missing(why: &'static str) -> Self {
        let outdated = false;
        Self { outdated, why }
    }

    const fn outdated(why: &'static str) -> Self {
        let outdated = true;
        Self { outdated, why }
    }

    /// Whether the user has to be asked again, because what was agreed to is not what would be done now. Otherwise a part of
    /// the consent is missing, and the app that made it has to be mended.
    #[must_use]
    pub const fn must_ask_again(&self) -> bool {
        self.outdated
    }
}

impl fmt::Display for ConsentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.outdated {
            "does not cover what would be done"
        } else {
            "is not complete"
        };
        write!(f, "the consent {what}: {}", self.why)
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
            (
                self.catalogue > 0,
                "the version of the catalogue that was disclosed is missing",
            ),
            (
                self.age != Age::Under14,
                "a child under 14 needs a guardian's consent",
            ),
        ];
        match parts.iter().find(|(there, _)| !there) {
            Some(&(_, missing)) => Err(ConsentError::missing(missing)),
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
            catalogue: 2,
            age: Age::Unknown,
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
            (
                Consent {
                    catalogue: 0,
                    ..whole()
                },
                "catalogue",
            ),
            (
                Consent {
                    age: Age::Under14,
                    ..whole()
                },
                "guardian",
            ),
        ];
        for (consent, word) in missing {
            assert!(consent.check().unwrap_err().to_string().contains(word));
        }
    }

    #[test]
    fn a_consent_is_for_one_operator_and_its_purposes() {
        let terms = Terms {
            operator: "Example Ltd".into(),
            purposes: vec!["find faults".into()],
        };
        assert_eq!(terms.are_covered_by(&whole()), Ok(()));
        let changed = Terms {
            operator: "Another Ltd".into(),
            ..terms.clone()
        };
        let error = changed.are_covered_by(&whole()).unwrap_err();
        assert!(error.must_ask_again() && error.to_string().contains("operator"));
        let wider = Terms {
            purposes: vec!["find faults".into(), "advertise".into()],
            ..terms
        };
        assert!(wider.are_covered_by(&whole()).unwrap_err().must_ask_again());
    }
}
