//! Whether the operator of a collector has signed something.

use ring::signature::{ED25519, UnparsedPublicKey};

/// Whether `signature`, 128 hexadecimal digits, is the one of `message` by the owner of `public_key`, 64 hexadecimal digits.
/// Ed25519 as in RFC 8032.
pub fn is_of(public_key: &str, message: &[u8], signature: &str) -> bool {
    let (Some(key), Some(signature)) = (bytes(public_key), bytes(signature)) else {
        return false;
    };
    UnparsedPublicKey::new(&ED25519, key)
        .verify(message, &signature)
        .is_ok()
}

/// The bytes of lower-case hexadecimal digits, which is the only form that is taken.
fn bytes(digits: &str) -> Option<Vec<u8>> {
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(value(*high)? << 4 | value(*low)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::answer::Sunset;
    use ring::signature::{Ed25519KeyPair, KeyPair};

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn notice() -> (Sunset, String) {
        let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
        let (app, notice) = ("im".parse().unwrap(), "end-2027".parse().unwrap());
        let signature = hex(key
            .sign(&Sunset::signed(&app, &notice, 1_800_000_000))
            .as_ref());
        let sunset = Sunset {
            app,
            notice,
            at: 1_800_000_000,
            signature,
        };
        (sunset, hex(key.public_key().as_ref()))
    }

    #[test]
    fn what_the_operator_signed_is_known() {
        let (sunset, key) = notice();
        assert!(sunset.verify(&key));
    }

    #[test]
    fn a_notice_that_was_changed_in_any_part_is_not() {
        let (sunset, key) = notice();
        let other = |change: fn(&mut Sunset)| {
            let mut sunset = sunset.clone();
            change(&mut sunset);
            sunset
        };
        for wrong in [
            other(|one| one.app = "other".parse().unwrap()),
            other(|one| one.notice = "end-2028".parse().unwrap()),
            other(|one| one.at += 1),
            other(|one| one.signature = one.signature.to_uppercase()),
            other(|one| one.signature.truncate(126)),
            other(|one| one.signature = "0".repeat(128)),
            other(|one| one.signature.clear()),
        ] {
            assert!(!wrong.verify(&key), "{wrong:?}");
        }
        for wrong in ["", "00", &"0".repeat(64), &key[..62], &format!("{key}0")] {
            assert!(!sunset.verify(wrong), "{wrong}");
        }
    }
}
