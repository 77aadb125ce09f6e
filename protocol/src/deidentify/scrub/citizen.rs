//! Numbers that a state gives: identity cards, passports, tax numbers, plates.

use super::{
    Found, Kind,
    charset::CharSet,
    context::{Join, Value, key_before},
    numbers::{Number, Verdict},
    view::{View, holds, is_one_of},
    words::Class,
};

/// Numbers made of runs of digits: identity cards with digits only, and whatever stands after a word for a document.
pub(super) fn number(view: &View<'_>, number: &Number) -> Option<Verdict> {
    let digits = number.digits();
    match digits.len() {
        18 if resident(digits) && (number.is_plain() || checksum(digits, digits[17])) => {
            return Verdict::new(Kind::IdCard, "identity card");
        }
        17 if matches!(view.at(number.range.end), b'x' | b'X')
            && view.closes(number.range.end + 1)
            && (resident(digits) && (number.is_plain() || checksum(digits, b'X'))
                || number.class() == Some(Class::IdCard)) =>
        {
            let mut verdict = Verdict::new(Kind::IdCard, "identity card")?;
            verdict.more = 1;
            return Some(verdict);
        }
        _ => {}
    }
    match number.class() {
        Some(Class::IdCard) if (6..=20).contains(&digits.len()) => {
            Verdict::new(Kind::IdCard, "number after a word for an identity card")
        }
        Some(Class::Passport) if (7..=12).contains(&digits.len()) => {
            Verdict::new(Kind::Passport, "number after a word for a passport")
        }
        Some(Class::TaxId) if (13..=20).contains(&digits.len()) => {
            Verdict::new(Kind::TaxId, "number after a word for a tax number")
        }
        _ => None,
    }
}

/// Seventeen digits that begin with a region and go on with a day.
fn resident(digits: &[u8]) -> bool {
    region(digits) && day(&digits[6..14])
}

/// The provinces of GB/T 2260, as the first two digits.
fn region(digits: &[u8]) -> bool {
    matches!(
        (digits[0], digits[1]),
        (b'1', b'1'..=b'5')
            | (b'2', b'1'..=b'3')
            | (b'3', b'1'..=b'7')
            | (b'4', b'1'..=b'6')
            | (b'5', b'0'..=b'4')
            | (b'6', b'1'..=b'5')
            | (b'7', b'1')
            | (b'8', b'1'..=b'3')
            | (b'9', b'1')
    )
}

/// `yyyymmdd` of a life that may still last.
fn day(digits: &[u8]) -> bool {
    let number = |part: &[u8]| {
        part.iter()
            .fold(0_u32, |sum, d| sum * 10 + u32::from(d - b'0'))
    };
    (1880..2100).contains(&number(&digits[..4]))
        && (1..=12).contains(&number(&digits[4..6]))
        && (1..=31).contains(&number(&digits[6..8]))
}

/// MOD 11-2 of GB 11643 over the first seventeen digits.
fn checksum(digits: &[u8], check: u8) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = digits
        .iter()
        .zip(WEIGHTS)
        .map(|(d, w)| u32::from(d - b'0') * w)
        .sum();
    b"10X98765432"[(sum % 11) as usize] == check.to_ascii_uppercase()
}

/// Provinces as they stand on plates.
const PROVINCES: CharSet =
    CharSet::of("京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼使");
/// What may stand at the end of a plate.
const PLATE_ENDS: CharSet = CharSet::of("挂学警港澳领");

/// Numbers with letters: plates, tax numbers, the machine-readable zone of a passport.
pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has_han() && view.has_digits() {
        plates(view, found);
    }
    if view.has_digits() {
        tax_numbers(view, found);
    }
    if view.has_digits() {
        travel_documents(view, found);
    }
    if view.has(b'<') {
        machine_readable(view, found);
    }
}

fn plates(view: &View<'_>, found: &mut Found) {
    for run in view.han_runs() {
        // The province is the last character before the letter.
        let at = run.end.saturating_sub(3);
        if view.han_at(at).is_some_and(|c| PROVINCES.has(c))
            && let Some(end) = plate_at(view, run.end)
        {
            found.cut(at..end, Kind::Plate, "plate");
        }
    }
}

/// The end of a plate whose letter stands at `at`.
fn plate_at(view: &View<'_>, at: usize) -> Option<usize> {
    let mut letter = at;
    if view.at(letter) == b' ' {
        letter += 1;
    }
    if !view.at(letter).is_ascii_uppercase() {
        return None;
    }
    let mut start = letter + 1;
    for separator in ["·", " · ", " ", "-", "."] {
        if view.is_at(start, separator) {
            start += separator.len();
            break;
        }
    }
    let end = view.run(start, |b| {
        b.is_ascii_digit() || (b.is_ascii_uppercase() && !matches!(b, b'I' | b'O'))
    });
    let text = view.of(&(start..end));
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    if view.at(end).is_ascii_alphanumeric() || view.at(end) == b'_' {
        return None;
    }
    let special = view.han_at(end).is_some_and(|c| PLATE_ENDS.has(c));
    match text.len() {
        4 if special && digits >= 2 => Some(end + 3),
        5 if digits >= 2 => Some(end),
        6 if digits >= 4 => Some(end),
        _ => None,
    }
}

/// The alphabet of GB 32100.
const TAX_ALPHABET: &[u8] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";

fn tax_numbers(view: &View<'_>, found: &mut Found) {
    for run in view.words().filter(|run| run.len() == 18 && run.digits) {
        let range = run.start..run.end;
        if view.guarded(&range) {
            continue;
        }
        let text = view.of(&range);
        let keyed = || key_before(view, run.start).is_some_and(|key| key.class == Class::TaxId);
        if run.letters && tax_number(text)
            || text.iter().all(|b| TAX_ALPHABET.contains(b)) && keyed()
        {
            found.cut(range, Kind::TaxId, "unified social credit code");
        }
    }
}

/// MOD 31 of GB 32100, and the first digits that are in use.
fn tax_number(text: &[u8]) -> bool {
    const WEIGHTS: [usize; 17] = [
        1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28,
    ];
    let value = |b: &u8| TAX_ALPHABET.iter().position(|c| c == b);
    let mut sum = 0;
    for (b, weight) in text.iter().zip(WEIGHTS) {
        match value(b) {
            Some(v) => sum += v * weight,
            None => return false,
        }
    }
    text[2..8].iter().all(u8::is_ascii_digit) && value(&text[17]) == Some((31 - sum % 31) % 31)
}

/// One or two letters and seven or eight digits, where a passport is spoken of.
fn travel_documents(view: &View<'_>, found: &mut Found) {
    for run in view
        .words()
        .filter(|run| run.digits && run.letters && (8..=11).contains(&run.len()))
    {
        let letters = view.run(run.start, |b| b.is_ascii_uppercase());
        let digits = view.run(letters, |b| b.is_ascii_digit());
        let shape = (1..=2).contains(&(letters - run.start))
            && (7..=9).contains(&(digits - letters))
            && digits == run.end;
        if shape && spoken_of(view, run.start) {
            found.cut(
                run.start..run.end,
                Kind::Passport,
                "shape of a passport near a word for one",
            );
        }
    }
}

fn spoken_of(view: &View<'_>, at: usize) -> bool {
    let before = view.of(&(at.saturating_sub(40)..at)).to_ascii_lowercase();
    [
        "passport",
        "护照",
        "通行证",
        "台胞证",
        "回乡证",
        "证件",
        "travel doc",
        "visa",
    ]
    .iter()
    .any(|w| holds(&before, w.as_bytes()))
}

/// `P<CHNWANG<<FANG<<<<` and the line below it.
fn machine_readable(view: &View<'_>, found: &mut Found) {
    let mut at = 0;
    while let Some(open) = (at..view.s.len()).find(|&i| view.s[i] == b'<') {
        let fits = |b: u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'<';
        let start = view.run_back(open, 48, fits);
        let end = view.run(open, fits);
        let fill = view
            .of(&(start..end))
            .iter()
            .filter(|&&b| b == b'<')
            .count();
        if end - start >= 20 && fill >= 3 && view.closes(end) {
            found.cut(start..end, Kind::Passport, "machine-readable zone");
        }
        at = end.max(open + 1);
    }
}

/// A value after a word for a passport, an identity card, a plate or a tax number.
pub(super) fn keyed(view: &View<'_>, class: Class, value: &Value, found: &mut Found) {
    let mut range = value.range.clone();
    if class == Class::Plate {
        // Plates are written with spaces.
        let end = view.run(range.end, |b| {
            b == b' ' || b.is_ascii_uppercase() || b.is_ascii_digit()
        });
        let text = view.of(&(range.start..end));
        let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
        if view.han_at(range.start).is_none_or(|c| !PROVINCES.has(c))
            && (3..=7).contains(&digits)
            && range.len() <= 9
        {
            found.cut(range, Kind::Plate, "value after a word for a plate");
        }
        return;
    }
    let text = view.of(&range);
    let end = text
        .iter()
        .position(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'-' | b'(' | b')' | b'*'))
        .unwrap_or(text.len());
    range.end = range.start + end;
    let text = view.of(&range);
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = text.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let (fits, kind) = match class {
        Class::Passport => (
            digits >= 6 && letters <= 3 && text.len() <= 14,
            Kind::Passport,
        ),
        Class::TaxId => (digits >= 6 && (13..=20).contains(&text.len()), Kind::TaxId),
        _ => (
            digits >= 6 && letters <= 2 && (7..=20).contains(&text.len()),
            Kind::IdCard,
        ),
    };
    if fits
        && (value.join != Join::Touching || view.before(range.start) >= 0x80)
        && !is_one_of(text, &["null"])
    {
        found.cut(range, kind, "value after a word for a document");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_card_has_a_region_a_day_and_a_check_digit() {
        // The example of GB 11643 itself.
        assert!(resident(b"11010519491231002") && checksum(b"11010519491231002", b'X'));
        assert!(!checksum(b"11010519491231002", b'1'));
        assert!(!resident(b"990101199003070001") && !resident(b"110101199013070001"));
    }
}
