//! Numbers of phones and SIM cards.

use super::{
    Kind,
    bank::luhn,
    numbers::{Number, Verdict},
    view::View,
    words::Class,
};

pub(super) fn number(_: &View<'_>, number: &Number) -> Option<Verdict> {
    let digits = number.digits();
    let rule = "number after a word for it";
    match number.class() {
        Some(Class::Imei) if (14..=17).contains(&digits.len()) => {
            return Verdict::new(Kind::Imei, rule);
        }
        Some(Class::Imsi) if (13..=16).contains(&digits.len()) => {
            return Verdict::new(Kind::Imsi, rule);
        }
        Some(Class::Iccid) if (18..=22).contains(&digits.len()) => {
            return Verdict::new(Kind::Iccid, rule);
        }
        _ => {}
    }
    let grouped_imei = matches!(
        number.groups(),
        [15] | [2, 6, 6, 1] | [6, 2, 6, 1] | [8, 6, 1]
    ) || number.singles();
    let reporting_body = matches!(
        digits,
        [b'0', b'1', ..] | [b'3', b'5', ..] | [b'8', b'6', ..] | [b'9', b'9', ..]
    );
    if digits.len() == 15 && grouped_imei && reporting_body && luhn(digits) {
        return Verdict::new(Kind::Imei, "identity of a phone");
    }
    let network = digits.starts_with(b"460") && matches!(digits.get(3), Some(b'0' | b'1' | b'2'));
    if digits.len() == 15 && network && matches!(number.groups(), [15] | [3, 2, 10]) {
        return Verdict::new(Kind::Imsi, "identity of a subscriber");
    }
    if (19..=20).contains(&digits.len())
        && digits.starts_with(b"89")
        && (digits.starts_with(b"8986") || luhn(digits))
    {
        return Verdict::new(Kind::Iccid, "number of a SIM card");
    }
    None
}
