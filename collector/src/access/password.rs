//! Passwords: long, and kept so that guessing is dear.

use super::PersonName;
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use std::fmt;
use std::sync::LazyLock;

/// The fewest characters. Length makes a password hard to guess; digits and signs on demand do not (NIST SP 800-63B advises
/// against asking for them).
pub const LEAST: usize = 12;

/// The most bytes: more would only keep the processor busy.
pub const MOST: usize = 1_024;

/// A password that may be used.
pub struct Password(String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(not shown)")
    }
}

/// Why a text cannot be a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weak {
    /// It is too short.
    Short,
    /// It is too long.
    Long,
    /// It is the name, or hardly more.
    Name,
    /// It is one character over and over, or two.
    Same,
}

impl fmt::Display for Weak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Short => "a password has at least 12 characters",
            Self::Long => "a password has at most 1024 bytes",
            Self::Name => "the password is the name, or hardly more than that",
            Self::Same => "the password is the same one or two characters over and over",
        })
    }
}

impl Password {
    /// The password of whoever is called `name`.
    ///
    /// # Errors
    /// When it is easily guessed.
    pub fn choose(name: &PersonName, text: &str) -> Result<Self, Weak> {
        if text.chars().count() < LEAST {
            return Err(Weak::Short);
        }
        if text.len() > MOST {
            return Err(Weak::Long);
        }
        // What is left when the name is taken out.
        let rest = text.to_lowercase().replace(name.as_str(), "");
        if rest.chars().count() < LEAST / 2 {
            return Err(Weak::Name);
        }
        let mut letters: Vec<char> = text.chars().collect();
        letters.sort_unstable();
        letters.dedup();
        if letters.len() <= 2 {
            return Err(Weak::Same);
        }
        Ok(Self(text.to_owned()))
    }

    /// What is kept of it: argon2id over 19 MiB in two passes (OWASP's advice), with a salt of its own. Takes some ten milliseconds.
    ///
    /// # Errors
    /// When there is no memory for it.
    pub fn hash(&self) -> Result<String, String> {
        let salt: [u8; 16] = rand::random();
        Argon2::default()
            .hash_password_with_salt(self.0.as_bytes(), &salt)
            .map(|hash: argon2::PasswordHash| hash.to_string())
            .map_err(|error| format!("the password cannot be hashed: {error}"))
    }
}

/// Whether `text` is the password that `kept` was made of. Without one it takes as long, so that nobody learns from the clock who exists.
pub fn is_right(text: &str, kept: Option<&str>) -> bool {
    static NOBODYS: LazyLock<String> = LazyLock::new(|| {
        let random: [u8; 16] = rand::random();
        Password(random.iter().map(|byte| format!("{byte:02x}")).collect())
            .hash()
            .unwrap_or_default()
    });
    let known = kept.is_some() && text.len() <= MOST;
    let kept = kept.unwrap_or(&NOBODYS);
    let text = text.get(..MOST).unwrap_or(text);
    let right = Argon2::default().verify_password(text.as_bytes(), kept);
    right.is_ok() && known
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(text: &str) -> Result<String, Weak> {
        let name = "wei.chen".parse().unwrap();
        Password::choose(&name, text).map(|password| password.0)
    }

    #[test]
    fn a_password_is_long_and_not_the_name_and_that_is_all() {
        assert_eq!(choose("elevenchars"), Err(Weak::Short));
        assert_eq!(choose("Wei.Chen1234"), Err(Weak::Name));
        assert_eq!(choose("wei.chenwei.chen"), Err(Weak::Name));
        assert_eq!(choose("ababababababab"), Err(Weak::Same));
        assert_eq!(choose(&"ab c".repeat(300)), Err(Weak::Long));
        for fine in [
            "correct horse battery",
            "twelve chars",
            "一二三四五六七八九十甲乙",
        ] {
            assert_eq!(choose(fine).as_deref(), Ok(fine));
        }
    }

    #[test]
    fn the_same_password_is_kept_differently_and_found_again() {
        let name = "wei".parse().unwrap();
        let password = Password::choose(&name, "correct horse battery").unwrap();
        let (one, other) = (password.hash().unwrap(), password.hash().unwrap());
        assert_ne!(one, other);
        assert!(one.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{one}");
        assert!(is_right("correct horse battery", Some(&one)));
        assert!(!is_right("correct horse batterz", Some(&one)));
        assert!(!is_right("correct horse battery", None));
        assert!(!is_right("correct horse battery", Some("")));
    }
}
