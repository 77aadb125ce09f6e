//! Values with a fixed form: refused when they do not have it.

use super::{Reason, Refused, wire::plain_string};
use std::str::FromStr;

fn checked(
    what: &'static str,
    text: &str,
    max: usize,
    allowed: &'static str,
    fits: fn(u8) -> bool,
) -> Result<Box<str>, Refused> {
    let refuse = |reason| Err(Refused::new(what, reason));
    if text.is_empty() {
        return refuse(Reason::Empty);
    }
    if text.len() > max {
        return refuse(Reason::TooLong { max });
    }
    if !text.bytes().all(fits) {
        return refuse(Reason::Alphabet { allowed });
    }
    Ok(text.into())
}

macro_rules! strict {
    ($(#[$doc:meta])* $type:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type(Box<str>);

        impl $type {
            /// The value, if it has the form.
            ///
            /// # Errors
            /// Says which rule the text breaks, without quoting it.
            pub fn parse(text: &str) -> Result<Self, Refused> {
                Self::check(text)
            }

            /// The value.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn check(text: &str) -> Result<Self, Refused> {
                let check: fn(&str) -> Result<Box<str>, Refused> = $check;
                check(text).map(Self)
            }
        }

        impl FromStr for $type {
            type Err = Refused;
            fn from_str(text: &str) -> Result<Self, Refused> {
                Self::check(text)
            }
        }

        plain_string!($type);
    };
}

strict! {
    /// A version of the app: 1 to 64 of `0-9 A-Z a-z . + _ -`.
    Release,
    |text| checked("Release", text, 64, "0-9 A-Z a-z . + _ -", |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'.' | b'+' | b'_' | b'-')
    })
}

strict! {
    /// The app's name, for example its package name: 1 to 64 of `a-z 0-9 . _ -`.
    AppName,
    |text| checked("AppName", text, 64, "a-z 0-9 . _ -", |b| {
        matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-')
    })
}

strict! {
    /// Where data may be kept, in the operator's own words, for example `cn-north`: 1 to 32 of `a-z 0-9 -`.
    Region,
    |text| checked("Region", text, 32, "a-z 0-9 -", |b| {
        matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')
    })
}

/// The fewest bytes of a build id: what a linker's `--build-id=fast` or an unusual tool may write.
const BUILD_ID_MIN: usize = 4;
/// The most bytes of a build id: a SHA-256.
const BUILD_ID_MAX: usize = 32;

strict! {
    /// The identity of a binary, as its linker wrote it: 4 to 32 bytes as hexadecimal digits. Capitals are made small.
    BuildId,
    |text| {
        let refuse = |reason| Err(Refused::new("BuildId", reason));
        let hex = checked("BuildId", text, BUILD_ID_MAX * 2, "0-9 and a-f", |b| b.is_ascii_hexdigit())?;
        if hex.len() < BUILD_ID_MIN * 2 {
            return refuse(Reason::TooShort { min: BUILD_ID_MIN * 2 });
        }
        if hex.len() % 2 == 1 {
            return refuse(Reason::Alphabet { allowed: "pairs of hexadecimal digits" });
        }
        Ok(hex.to_ascii_lowercase().into())
    }
}

impl BuildId {
    /// From the bytes of a build id note.
    ///
    /// # Errors
    /// When there are fewer than 4 or more than 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refused> {
        let mut hex = String::with_capacity(bytes.len().min(BUILD_ID_MAX + 1) * 2);
        for byte in bytes.iter().take(BUILD_ID_MAX + 1) {
            for digit in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
            }
        }
        Self::check(&hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_holds_a_version_and_nothing_else() {
        for good in ["1.2.3", "2024.05.1+build_7-rc", "v3"] {
            assert_eq!(Release::parse(good).unwrap().as_str(), good);
        }
        for wrong in ["", "1.2.3 for 王芳", "a@b", &"1".repeat(65)] {
            assert!(Release::parse(wrong).is_err());
        }
    }

    #[test]
    fn an_app_name_is_small_letters() {
        assert_eq!(
            AppName::parse("com.example.im").unwrap().to_string(),
            "com.example.im"
        );
        assert!(AppName::parse("Alice's app").is_err());
    }

    #[test]
    fn a_build_id_is_whole_bytes_in_small_letters() {
        assert_eq!(BuildId::parse("DEADBEEF").unwrap().as_str(), "deadbeef");
        assert_eq!(
            BuildId::from_bytes(&[0xde, 0xad, 0xbe, 0xef])
                .unwrap()
                .as_str(),
            "deadbeef"
        );
        for wrong in ["", "dead", "deadbeef0", "not-hexadecimal!", &"0".repeat(66)] {
            assert!(BuildId::parse(wrong).is_err());
        }
        assert!(BuildId::from_bytes(&[1, 2, 3]).is_err());
        assert!(BuildId::from_bytes(&[0; 33]).is_err());
    }

    #[test]
    fn a_refusal_names_the_rule_and_not_the_value() {
        let said = serde_json::from_str::<Release>("\"mail wang@example.org\"")
            .unwrap_err()
            .to_string();
        assert!(
            said.contains("Release holds a character other than"),
            "{said}"
        );
        assert!(!said.contains("wang"), "{said}");
    }
}
