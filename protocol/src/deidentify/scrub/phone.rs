//! Telephone numbers: mobile and fixed lines of China, and numbers of other countries.

use super::{
    Found, Kind,
    context::{Join, key_before},
    numbers::{Number, Verdict},
    view::View,
    words::Class,
};

/// Numbers made of runs of digits.
pub(super) fn number(view: &View<'_>, number: &Number) -> Option<Verdict> {
    let digits = number.digits();
    let keyed = number.class() == Some(Class::Phone);
    let plus = view.before(number.range.start) == b'+';
    if let Some(country) = mobile_cn(digits)
        && (keyed
            || grouped_like_a_phone(number, country)
                && !(number.is_plain() && within_decimals(view, number)))
    {
        return Verdict::new(Kind::Phone, "mobile number");
    }
    if let Some(more) = landline(view, number) {
        let mut verdict = Verdict::new(Kind::Phone, "fixed line")?;
        verdict.more = more;
        return Some(verdict);
    }
    if international_access(number) {
        return Verdict::new(Kind::Phone, "number of another country");
    }
    if keyed
        && !plus
        && (7..=15).contains(&digits.len())
        && (number.assigned().is_some() || digits.len() >= 8)
    {
        return Verdict::new(Kind::Phone, "number after a word for a phone");
    }
    None
}

/// How many digits stand before the eleven of a mobile number, if `digits` are one.
fn mobile_cn(digits: &[u8]) -> Option<usize> {
    let country = match digits.len() {
        11 => 0,
        13 if digits.starts_with(b"86") => 2,
        15 if digits.starts_with(b"0086") => 4,
        12 if digits.starts_with(b"0") => 1,
        _ => return None,
    };
    let own = &digits[country..];
    // 10 and 12 are service numbers.
    (own[0] == b'1' && (b'3'..=b'9').contains(&own[1])).then_some(country)
}

fn within_decimals(view: &View<'_>, number: &Number) -> bool {
    // `1380000.0000` and `[13800000000.1]` were refused before; what is left is a list of plain numbers.
    view.before(number.range.start) == b'.'
}

/// How people write the eleven digits.
fn grouped_like_a_phone(number: &Number, country: usize) -> bool {
    let groups = number.groups();
    if groups.len() == 1 {
        return country != 1;
    }
    if number.separator == b'_' {
        return false;
    }
    if number.singles() {
        return true;
    }
    let own = match country {
        0 => groups,
        n if usize::from(groups[0]) == n => &groups[1..],
        _ => return false,
    };
    matches!(
        own,
        [11] | [3, 4, 4]
            | [4, 4, 3]
            | [3, 8]
            | [7, 4]
            | [3, 4, 2, 2]
            | [3, 3, 3, 2]
            | [3, 3, 5]
            | [5, 6]
            | [3, 2, 2, 2, 2]
    )
}

/// Area code and number of a fixed line; answers how many bytes of an extension follow.
fn landline(view: &View<'_>, number: &Number) -> Option<usize> {
    let digits = number.digits();
    let keyed = number.class() == Some(Class::Phone);
    let (own, area) = match number.groups() {
        [a @ (3 | 4), 7 | 8] if number.separator != b'_' && number.separator != b'.' => {
            (digits, usize::from(*a))
        }
        [a @ (3 | 4), 3 | 4, 4] if number.separator != b'_' => (digits, usize::from(*a)),
        [a @ (3 | 4), 7 | 8, 1..=5] if number.separator == b'-' => (digits, usize::from(*a)),
        [2, a @ (2 | 3), 7 | 8] if digits.starts_with(b"86") && number.separator != b'_' => {
            return valid_area(digits, 2, usize::from(*a)).then_some(0);
        }
        [11 | 12] if keyed => (
            digits,
            if matches!(digits[1], b'1' | b'2') {
                3
            } else {
                4
            },
        ),
        _ => return None,
    };
    if own[0] != b'0' || !valid_area(own, 1, area - 1) {
        return None;
    }
    let first = own[area];
    let local = own.len() - area;
    if !(b'2'..=b'8').contains(&first)
        || local < 7
        || (number.separator == b' ' && !keyed && own.len() - area < 8)
    {
        return None;
    }
    Some(extension(view, number.range.end))
}

/// Area codes without their zero: 10, 20 to 29, and three digits from 310 on.
fn valid_area(digits: &[u8], from: usize, len: usize) -> bool {
    match (digits.get(from), digits.get(from + 1), len) {
        (Some(b'1'), Some(b'0'), 2) => true,
        (Some(b'2'), Some(second), 2) => *second != b'6',
        (Some(b'3'..=b'9'), Some(_), 3) => true,
        _ => false,
    }
}

/// `转801`, `-801`, ` ext. 12`.
fn extension(view: &View<'_>, end: usize) -> usize {
    for sign in [
        " 转 ", " 转", "转 ", "转", " ext. ", " ext ", " ext.", " x", "x", "-",
    ] {
        if view.is_at(end, sign) {
            let from = end + sign.len();
            let to = view.run(from, |b| b.is_ascii_digit());
            if (2..=5).contains(&(to - from)) && view.closes(to) {
                return to - end;
            }
        }
    }
    0
}

/// `0044 20 7946 0958` and `001-415-555-0148`.
fn international_access(number: &Number) -> bool {
    let digits = number.digits();
    number.groups().len() >= 3
        && number.separator != b'_'
        && number.separator != b'.'
        && (11..=17).contains(&digits.len())
        && digits.starts_with(b"00")
        && (3..=5).contains(&number.groups()[0])
        && country_code(&digits[2..]).is_some()
}

/// The length of the country code at the start of `digits`.
fn country_code(digits: &[u8]) -> Option<usize> {
    match (digits.first()?, digits.get(1)?) {
        (b'1' | b'7', _) => Some(1),
        (b'2', b'0' | b'7')
        | (b'3', b'0'..=b'4' | b'6' | b'9')
        | (b'4', b'0' | b'1' | b'3'..=b'9') => Some(2),
        (b'5', b'1'..=b'8')
        | (b'6', b'0'..=b'6')
        | (b'8', b'1' | b'2' | b'4' | b'6')
        | (b'9', b'0'..=b'5' | b'8') => Some(2),
        (b'2', b'1'..=b'6' | b'9')
        | (b'3', b'5' | b'7' | b'8')
        | (b'4', b'2')
        | (b'5', b'0' | b'9') => Some(3),
        (b'6', b'7'..=b'9') | (b'8', b'0' | b'5' | b'7' | b'8') | (b'9', b'6' | b'7' | b'9') => {
            Some(3)
        }
        _ => None,
    }
}

/// Numbers that punctuation marks: after a plus, or with the area code in brackets.
pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has(b'+') {
        for at in (0..view.s.len()).filter(|&i| view.s[i] == b'+') {
            plus(view, at, found);
        }
    }
    if view.has(b'(') && view.has_digits() {
        for at in
            (0..view.s.len()).filter(|&i| view.s[i] == b'(' && view.at(i + 1).is_ascii_digit())
        {
            bracketed(view, at, found);
        }
    }
}

/// `+49 30 23125 828`.
fn plus(view: &View<'_>, at: usize, found: &mut Found) {
    let before = view.before(at);
    if before.is_ascii_alphanumeric()
        || matches!(before, b')' | b'+' | b']' | b'_' | b'}')
        || !matches!(view.at(at + 1), b'1'..=b'9')
    {
        return;
    }
    let (mut end, mut count, mut groups, mut first) = (at + 1, 0, 0, [0_u8; 4]);
    let mut in_group = false;
    let mut i = at + 1;
    while i < view.s.len() && count <= 16 {
        match view.s[i] {
            d @ b'0'..=b'9' => {
                if let Some(slot) = first.get_mut(count) {
                    *slot = d;
                }
                count += 1;
                groups += usize::from(!in_group);
                in_group = true;
                i += 1;
                end = i;
            }
            b' ' | b'-' | b'.' | b'(' | b')' if i < end + 3 => {
                // A plain word or a decimal may follow; only digits carry the number on.
                in_group = false;
                i += 1;
            }
            _ => break,
        }
    }
    let dotted = view.of(&(at..end)).contains(&b'.');
    if view.at(end).is_ascii_alphabetic() || (dotted && groups < 4) || !(8..=15).contains(&count) {
        return;
    }
    if view.at(end) == b':' && view.at(end + 1).is_ascii_digit() && groups == 1 && count < 10 {
        return;
    }
    if country_code(&first).is_none() {
        return;
    }
    let class = key_before(view, at).map(|key| key.class);
    let keyed = class == Some(Class::Phone);
    // Without groups, a short one is as likely to be a difference between two numbers.
    if !keyed
        && (class == Some(Class::Metric)
            || class == Some(Class::Version)
            || (groups == 1 && count < 10))
    {
        return;
    }
    found.cut(at..end, Kind::Phone, "number after a plus");
}

/// `(010) 5555 0123`, `(415) 555-0148`, `(0755)55557623`.
fn bracketed(view: &View<'_>, at: usize, found: &mut Found) {
    let close = view.run(at + 1, |b| b.is_ascii_digit());
    let area = view.of(&(at + 1..close));
    if !(3..=4).contains(&area.len()) || view.at(close) != b')' || !view.opens(at) {
        return;
    }
    let start = if matches!(view.at(close + 1), b' ' | b'-') {
        close + 2
    } else {
        close + 1
    };
    let middle = view.run(start, |b| b.is_ascii_digit());
    let (len, end) =
        if matches!(view.at(middle), b'-' | b' ' | b'.') && view.at(middle + 1).is_ascii_digit() {
            let end = view.run(middle + 1, |b| b.is_ascii_digit());
            (end - start - 1, end)
        } else {
            (middle - start, middle)
        };
    if !view.closes(end) || view.at(end) == b'.' && view.at(end + 1).is_ascii_digit() {
        return;
    }
    let keyed = key_before(view, at)
        .is_some_and(|key| key.class == Class::Phone && key.join >= Join::Touching);
    let chinese = area[0] == b'0' && valid_area(area, 1, area.len() - 1) && matches!(len, 7 | 8);
    let american = area.len() == 3
        && (b'2'..=b'9').contains(&area[0])
        && len == 7
        && middle - start == 3
        && end > middle;
    if chinese || american || (keyed && (6..=9).contains(&len)) {
        found.cut(
            at..end + extension(view, end),
            Kind::Phone,
            "area code in brackets",
        );
    }
}
