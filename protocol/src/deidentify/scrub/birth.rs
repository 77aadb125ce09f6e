//! Days of birth.

use super::{
    Found, Kind,
    context::{Join, Value},
    view::View,
};

/// The date after a word for a birthday.
pub(super) fn keyed(view: &View<'_>, value: &Value, found: &mut Found) {
    let start = value.range.start;
    let Some(end) = date(view, start) else { return };
    if value.join == Join::Touching && view.before(start) < 0x80 {
        return;
    }
    found.cut(start..end, Kind::Birth, "date after a word for a birthday");
}

/// A date in a row of personal data: beside a sex, as in `张伟,男,1990-01-01`.
pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if !view.has_han() {
        return;
    }
    for at in view.places("男").chain(view.places("女")) {
        let start = view.run(at + 3, |b| {
            matches!(b, b',' | b' ' | b';' | b'|' | b'\t' | b'"' | b'\'')
        });
        if start > at + 3
            && start - at <= 8
            && view.at(start).is_ascii_digit()
            && let Some(end) = date(view, start)
        {
            found.cut(start..end, Kind::Birth, "date beside a sex");
        }
    }
}

/// The end of a date at `start`: digits with `-`, `/`, `.` or Chinese signs, eight digits, or a month's name.
fn date(view: &View<'_>, start: usize) -> Option<usize> {
    let (mut at, mut digits) = (start, 0);
    while at < view.s.len() && at - start < 32 {
        match view.s[at] {
            b'0'..=b'9' => {
                digits += 1;
                at += 1;
            }
            b'-' | b'/' | b'.' if view.at(at + 1).is_ascii_digit() => at += 1,
            b' ' if digits >= 1
                && (month(view, at + 1)
                    || view.before(at).is_ascii_alphabetic()
                        && view.at(at + 1).is_ascii_digit()) =>
            {
                at += 1
            }
            b',' if digits >= 1 && view.at(at + 1) == b' ' && view.at(at + 2).is_ascii_digit() => {
                at += 2
            }
            b'a'..=b'z' | b'A'..=b'Z'
                if month(view, at) || at > start && view.before(at).is_ascii_alphabetic() =>
            {
                at += 1
            }
            _ => match ["年", "月", "日", "号"]
                .iter()
                .find(|sign| view.is_at(at, sign))
            {
                Some(sign) if digits >= 1 => at += sign.len(),
                _ => break,
            },
        }
    }
    while matches!(view.before(at), b'-' | b'.' | b' ' | b'/') && at > start {
        at -= 1;
    }
    // A time may follow a date of a database.
    let written = view.of(&(start..at));
    let joined = written.iter().any(|b| !b.is_ascii_digit());
    let fits =
        matches!(digits, 4..=8) && (joined || digits == 8 || digits == 6) && written.len() >= 5;
    fits.then_some(at)
}

fn month(view: &View<'_>, at: usize) -> bool {
    let text: Vec<u8> = view
        .s
        .iter()
        .skip(at)
        .take(3)
        .map(u8::to_ascii_lowercase)
        .collect();
    [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov",
        b"dec",
    ]
    .iter()
    .any(|m| text == *m)
}
