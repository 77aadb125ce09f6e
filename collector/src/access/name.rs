//! What people are called.

use serde::{Deserialize, Deserializer, Serialize, de};
use std::fmt;
use std::str::FromStr;

/// What the audit trail calls those who are no persons.
const TAKEN: [&str; 5] = ["agent", "collector", "dashboard", "api", "nobody"];

/// What a person is called: 1 to 64 of `a-z 0-9 . _ - @ +`, such as a short name or an address of mail. Capital letters are read as
/// small ones.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PersonName(String);

impl PersonName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PersonName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim().to_ascii_lowercase();
        let fits =
            |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b'@' | b'+');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
            return Err("a name is 1 to 64 of a-z 0-9 . _ - @ +");
        }
        if TAKEN.contains(&name.as_str()) {
            return Err("the audit trail uses this name for the collector's own parts");
        }
        Ok(Self(name))
    }
}

impl<'de> Deserialize<'de> for PersonName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
