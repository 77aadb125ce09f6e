//! Names that the developer wrote into the code, such as the name of a connection or a watched thread.

use super::{Reason, Refused, wire::plain_string};
use std::borrow::Cow;

/// The most bytes in a name.
const MAX: usize = 32;
/// The most digits in a row. A name in code counts to a few thousand at most; a phone number or an account id does not fit.
const MAX_DIGITS: usize = 4;

/// A name that the developer declared in code: a small letter, then up to 31 of `a-z 0-9 _ . -`, with at most four digits
/// in a row.
///
/// Made with [`name!`](crate::name), which checks it while compiling:
///
/// ```
/// let connection = candor_protocol::name!("im.long-link");
/// assert_eq!(connection.as_str(), "im.long-link");
/// ```
///
/// A name that breaks the rules does not compile:
///
/// ```compile_fail
/// candor_protocol::name!("Alice Liddell");
/// ```
///
/// and neither does one that is only known when the program runs:
///
/// ```compile_fail
/// let user = String::from("alice");
/// candor_protocol::name!(user.as_str());
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name(Cow<'static, str>);

impl Name {
    /// The name, for use in a `const`. Prefer [`name!`](crate::name), which makes sure that it is checked while compiling.
    ///
    /// # Panics
    /// When the name breaks the rules; in a `const`, that is an error of compilation.
    pub const fn declare(name: &'static str) -> Name {
        assert!(
            broken_rule(name).is_none(),
            "a name is a small letter and up to 31 of a-z 0-9 _ . -, at most four digits in a row"
        );
        Name(Cow::Borrowed(name))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn check(text: &str) -> Result<Self, Refused> {
        match broken_rule(text) {
            None => Ok(Self(Cow::Owned(text.to_owned()))),
            Some(reason) => Err(Refused::new("Name", reason)),
        }
    }
}

const fn broken_rule(name: &str) -> Option<Reason> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Some(Reason::Empty);
    }
    if bytes.len() > MAX {
        return Some(Reason::TooLong { max: MAX });
    }
    if !bytes[0].is_ascii_lowercase() {
        return Some(Reason::Alphabet {
            allowed: "a small letter at the start",
        });
    }
    let (mut at, mut digits) = (0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'0'..=b'9' if digits == MAX_DIGITS => {
                return Some(Reason::Alphabet {
                    allowed: "at most four digits in a row",
                });
            }
            b'0'..=b'9' => digits += 1,
            b'a'..=b'z' | b'_' | b'.' | b'-' => digits = 0,
            _ => {
                return Some(Reason::Alphabet {
                    allowed: "a-z 0-9 _ . -",
                });
            }
        }
        at += 1;
    }
    None
}

plain_string!(Name);

/// A [`Name`](crate::deidentify::Name) from a string literal, checked while compiling.
#[macro_export]
macro_rules! name {
    ($name:expr) => {
        const { $crate::deidentify::Name::declare($name) }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declared_name_crosses_the_wire() {
        let name = crate::name!("im.long-link");
        let wire = serde_json::to_string(&name).unwrap();
        assert_eq!(wire, "\"im.long-link\"");
        assert_eq!(serde_json::from_str::<Name>(&wire).unwrap(), name);
    }

    #[test]
    fn a_name_from_the_wire_obeys_the_same_rules() {
        for wrong in [
            "",
            "Alice",
            "7up",
            "a b",
            "u13800000000",
            "名",
            &"a".repeat(33),
        ] {
            assert!(serde_json::from_str::<Name>(&serde_json::to_string(wrong).unwrap()).is_err());
        }
        assert!(serde_json::from_str::<Name>("\"a2024-05\"").is_ok());
    }
}
