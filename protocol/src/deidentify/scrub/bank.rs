//! Numbers of bank cards and accounts.

use super::{
    Kind,
    numbers::{Number, Verdict},
    view::View,
    words::Class,
};

pub(super) fn number(_: &View<'_>, number: &Number) -> Option<Verdict> {
    let digits = number.digits();
    let keyed = number.class() == Some(Class::Card);
    if keyed && (12..=24).contains(&digits.len())
        || number.assigned() == Some(Class::Card) && digits.len() >= 8
    {
        return Verdict::new(Kind::BankCard, "number after a word for a card");
    }
    let issued = matches!(digits[0], b'3'..=b'6' | b'9');
    let written = match number.groups() {
        [_] => {
            (16..=19).contains(&digits.len())
                || digits.len() == 15 && matches!(digits, [b'3', b'4' | b'7', ..])
        }
        [4, 6, 5] => digits[0] == b'3',
        [4, 4, 4, 4] | [4, 4, 4, 4, 1..=3] | [6, 13] | [6, 10] | [4, 4, 4, 1..=3] => {
            number.separator != b'.'
        }
        _ => number.singles() && digits.len() >= 16,
    };
    if issued && written && (13..=19).contains(&digits.len()) && luhn(digits) {
        return Verdict::new(Kind::BankCard, "card number");
    }
    None
}

/// The check digit of cards and of phones (ISO/IEC 7812).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (u32::from(d - b'0'), i % 2) {
            (d, 0) => d,
            (d, _) if d > 4 => d * 2 - 9,
            (d, _) => d * 2,
        })
        .sum();
    sum.is_multiple_of(10) && digits.iter().any(|&d| d != b'0')
}
