//! Random identifiers. They stand for nothing outside Candor: sixteen random bytes, drawn by whoever makes them.

use super::{Reason, Refused, wire::plain_string};
use std::str::FromStr;

const BYTES: usize = 16;
const DIGITS: usize = BYTES * 2;

macro_rules! random_id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        ///
        /// Thirty-two lower-case hexadecimal digits on the wire.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $type([u8; DIGITS]);

        impl $type {
            /// From sixteen random bytes.
            pub fn from_bytes(bytes: [u8; BYTES]) -> Self {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let mut digits = [0; DIGITS];
                for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
                    pair[0] = HEX[usize::from(byte >> 4)];
                    pair[1] = HEX[usize::from(byte & 15)];
                }
                Self(digits)
            }

            /// The hexadecimal digits.
            pub fn as_str(&self) -> &str {
                // Only ASCII digits are ever stored, so the default is never taken.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }

            fn check(text: &str) -> Result<Self, Refused> {
                let refuse = |reason| Err(Refused::new(stringify!($type), reason));
                match text.len() {
                    0 => return refuse(Reason::Empty),
                    1..DIGITS => return refuse(Reason::TooShort { min: DIGITS }),
                    DIGITS => {}
                    _ => return refuse(Reason::TooLong { max: DIGITS }),
                }
                let mut digits = [0; DIGITS];
                for (to, from) in digits.iter_mut().zip(text.bytes()) {
                    if !matches!(from, b'0'..=b'9' | b'a'..=b'f') {
                        return refuse(Reason::Alphabet { allowed: "0-9 and a-f" });
                    }
                    *to = from;
                }
                Ok(Self(digits))
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

random_id! {
    /// Stands for one installation for at most seven days; then another one does. Derived on the device from a secret that
    /// never leaves it.
    Pseudonym
}
random_id! {
    /// Stands for one life of the host process.
    RunId
}
random_id! {
    /// Stands for one report, so that the collector counts it once however often it arrives.
    ReportId
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bytes_become_thirty_two_digits_and_come_back() {
        let id = ReportId::from_bytes([
            0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd,
            0xee, 0xff,
        ]);
        assert_eq!(id.as_str(), "00112233445566778899aabbccddeeff");
        assert_eq!(id.as_str().parse::<ReportId>().unwrap(), id);
        let wire = serde_json::to_string(&id).unwrap();
        assert_eq!(wire, "\"00112233445566778899aabbccddeeff\"");
        assert_eq!(serde_json::from_str::<ReportId>(&wire).unwrap(), id);
    }

    #[test]
    fn an_account_name_is_not_a_pseudonym_and_the_refusal_does_not_repeat_it() {
        for wrong in [
            "",
            "wang_fang@example.org",
            "00112233445566778899AABBCCDDEEFF",
            "00112233445566778899aabbccddeeff00",
            "00112233-4455-6677-8899-aabbccdde",
        ] {
            let said = serde_json::from_str::<Pseudonym>(&serde_json::to_string(wrong).unwrap())
                .unwrap_err()
                .to_string();
            assert!(wrong.is_empty() || !said.contains(wrong), "{said}");
        }
    }
}
