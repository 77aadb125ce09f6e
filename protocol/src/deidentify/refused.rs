//! Why a value was refused, without the value.

use std::fmt;

/// A value that was refused. It says which type refused it and why, and never holds the value or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Refused {
    what: &'static str,
    reason: Reason,
}

/// The rule that a refused value broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// There is nothing in it.
    Empty,
    /// It is longer than this many bytes.
    TooLong {
        /// The most bytes that the type holds.
        max: usize,
    },
    /// It is shorter than this many bytes.
    TooShort {
        /// The fewest bytes that the type holds.
        min: usize,
    },
    /// A character is outside the alphabet of the type.
    Alphabet {
        /// The alphabet, in words.
        allowed: &'static str,
    },
    /// Scrubbing would change it, so it was not scrubbed before it was sent.
    NotScrubbed,
}

impl Refused {
    pub(super) const fn new(what: &'static str, reason: Reason) -> Self {
        Self { what, reason }
    }

    /// The name of the type that refused, as it stands in the code.
    pub const fn what(&self) -> &'static str {
        self.what
    }

    /// The word for the rule that was broken, where `explanation` is what a value was refused with while a report was read; `None`
    /// where a report is refused for anything else. A collector that refuses a value by these rules has met an agent that leaks.
    pub fn rule_in(explanation: &str) -> Option<&'static str> {
        [
            (
                " holds text that de-identification would change",
                "not_scrubbed",
            ),
            (" holds a character other than ", "alphabet"),
            (" is longer than ", "too_long"),
            (" is shorter than ", "too_short"),
            (" is empty", "empty"),
        ]
        .into_iter()
        .find_map(|(says, word)| {
            let (what, _) = explanation.split_once(says)?;
            let is_type = !what.is_empty() && what.bytes().all(|byte| byte.is_ascii_alphanumeric());
            is_type.then_some(word)
        })
    }

    /// The rule that was broken.
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.what;
        match self.reason {
            Reason::Empty => write!(f, "{what} is empty"),
            Reason::TooLong { max } => write!(f, "{what} is longer than {max} bytes"),
            Reason::TooShort { min } => write!(f, "{what} is shorter than {min} bytes"),
            Reason::Alphabet { allowed } => {
                write!(f, "{what} holds a character other than {allowed}")
            }
            Reason::NotScrubbed => {
                write!(f, "{what} holds text that de-identification would change")
            }
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_is_known_again_by_what_it_says() {
        for (reason, word) in [
            (Reason::Empty, "empty"),
            (Reason::TooLong { max: 7 }, "too_long"),
            (Reason::TooShort { min: 7 }, "too_short"),
            (Reason::Alphabet { allowed: "a-z" }, "alphabet"),
            (Reason::NotScrubbed, "not_scrubbed"),
        ] {
            let said = Refused::new("CleanText", reason).to_string();
            assert_eq!(Refused::rule_in(&said), Some(word), "{said}");
        }
        for other in [
            "unknown field, column 3",
            "missing field `id`, column 9",
            " is empty",
            "the list of frames is empty",
        ] {
            assert_eq!(Refused::rule_in(other), None, "{other}");
        }
    }
}
