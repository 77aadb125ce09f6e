//! Random-looking values: UUIDs, long hexadecimal numbers, encoded data, and whatever is too random to be a word.

use super::{
    Found, Kind,
    context::{Join, Key, Value, key_before, says_nothing},
    view::{View, is_one_of},
    words::Class,
};
use std::ops::Range;

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    let mut next = 0;
    for run in view.words() {
        if run.start < next {
            continue;
        }
        let at = view
            .run_back(run.start, 4, |b| matches!(b, b'-' | b'_' | b'+' | b'/'))
            .max(next);
        let word = view.run(run.end, token);
        next = word;
        if word - at >= 14 {
            let end = word
                + view.s[word..]
                    .iter()
                    .take(2)
                    .take_while(|&&b| b == b'=')
                    .count();
            judge(view, at..end, found);
        }
    }
}

/// What a random value is written with, in any of its alphabets.
fn token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'/' | b'.')
}

fn judge(view: &View<'_>, range: Range<usize>, found: &mut Found) {
    uuids(view, &range, found);
    // Slashes and dots join paths and names; each piece is judged for itself, and so is the whole if it is base64.
    let mut start = range.start;
    for at in range.start..=range.end {
        if at == range.end || matches!(view.s[at], b'/' | b'.' | b'=') {
            if at - start >= 16 {
                piece(view, start..at, found);
            }
            start = at + 1;
        }
    }
    if base64_of_something(view, &range) {
        found.cut(range, Kind::Blob, "encoded text with an identifier in it");
    }
}

/// 8-4-4-4-12 hexadecimal digits, anywhere in a token.
fn uuids(view: &View<'_>, range: &Range<usize>, found: &mut Found) {
    let mut at = range.start;
    while at + 36 <= range.end {
        let one = at..at + 36;
        if view.s[at + 8] == b'-' && view.opens(at) && view.closes(at + 36) && uuid(view.of(&one)) {
            if !(nil(view.of(&one)) || view.guarded(&one) || of_a_binary(view, &one)) {
                found.cut(one.clone(), Kind::Uuid, "UUID");
            }
            at = one.end;
        } else {
            at += 1;
        }
    }
}

fn uuid(text: &[u8]) -> bool {
    text.iter().enumerate().all(|(i, b)| {
        if matches!(i, 8 | 13 | 18 | 23) {
            *b == b'-'
        } else {
            b.is_ascii_hexdigit()
        }
    })
}

fn nil(text: &[u8]) -> bool {
    text.iter().all(|b| matches!(b, b'0' | b'-'))
        || text.iter().all(|b| matches!(b, b'f' | b'F' | b'-'))
}

/// Whether the value is the identity of a binary or of an interface: `debug_id=`, `dSYM UUID:`, `libim.dylib <...>`, `CLSID {...}`.
fn of_a_binary(view: &View<'_>, range: &Range<usize>) -> bool {
    if view.before(range.start) == b'<' && view.at(range.end) == b'>' {
        return true;
    }
    let from = range.start.saturating_sub(32);
    let before = view.of(&(from..range.start)).to_ascii_lowercase();
    [
        "debug",
        "dsym",
        "build",
        "image",
        "clsid",
        "iid",
        "typelib",
        "interface",
        "lc_uuid",
        "symbol",
        "dwarf",
        "slice",
        "arm64",
        "x86_64",
        "guid_",
    ]
    .iter()
    .any(|w| super::view::holds(&before, w.as_bytes()))
}

/// One piece between slashes and dots.
fn piece(view: &View<'_>, range: Range<usize>, found: &mut Found) {
    let text = view.of(&range);
    if view.guarded(&range) || uuid(text.get(..36).unwrap_or_default()) {
        return;
    }
    // The words of a name that dashes join are judged for themselves.
    let hex = text.iter().all(u8::is_ascii_hexdigit);
    if hex && text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_alphabetic) {
        hexadecimal(view, range, found);
        return;
    }
    if text.len() >= 20
        && random(text)
        && !public_digest(key_before(view, range.start))
        && !symbol_like(view, &range)
    {
        found.cut(range, Kind::Secret, "too random to be a word");
    }
}

fn hexadecimal(view: &View<'_>, range: Range<usize>, found: &mut Found) {
    let key = key_before(view, range.start);
    if public_digest(key) || of_a_binary(view, &range) || digest_prefix(view, range.start) {
        return;
    }
    let kind = match (range.len(), key.map(|key| key.class)) {
        (64, _) => Kind::PushToken,
        (32 | 40 | 48 | 96 | 128, _) => Kind::DeviceId,
        (16.., Some(Class::DeviceId | Class::Uuid | Class::Id | Class::Account | Class::Token)) => {
            Kind::DeviceId
        }
        _ => return,
    };
    // The name of a file in a cache, or a directory of a toolchain, says nothing about a person.
    if matches!(view.before(range.start), b'/' | b'-') && key.is_none() {
        return;
    }
    if view.before(range.start) == b'@' || !view.stands_alone(&range) {
        return;
    }
    found.cut(range, kind, "long hexadecimal number");
}

fn public_digest(key: Option<Key>) -> bool {
    key.is_some_and(|key| matches!(key.class, Class::Digest | Class::Version | Class::Metric))
}

/// `sha256-…`, `rev …`, `(BuildId: …)`, `commit …` a little further away.
fn digest_prefix(view: &View<'_>, at: usize) -> bool {
    let before = view.of(&(at.saturating_sub(28)..at)).to_ascii_lowercase();
    [
        "sha1",
        "sha256",
        "sha512",
        "sha-",
        "md5",
        "blake",
        "digest",
        "hash",
        "checksum",
        "build",
        "commit",
        "rev",
        "trace",
        "span",
        "etag",
        "git",
        "摘要",
        "哈希",
        "校验和",
        "indexes",
        "crates.io",
    ]
    .iter()
    .any(|w| super::view::holds(&before, w.as_bytes()))
}

/// Whether letters of both cases and digits follow each other as chance and no language puts them.
fn random(text: &[u8]) -> bool {
    // Words that dashes join are words each.
    let mut parts = text.split(|b| matches!(b, b'-' | b'_' | b'+'));
    let least = if text.len() >= 32 { 13 } else { 16 };
    parts.any(|part| part.len() >= least && mixed(part))
}

fn mixed(text: &[u8]) -> bool {
    let kind = |b: u8| {
        if b.is_ascii_digit() {
            0
        } else if b.is_ascii_uppercase() {
            1
        } else if b.is_ascii_lowercase() {
            2
        } else {
            3
        }
    };
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let upper = text.iter().filter(|b| b.is_ascii_uppercase()).count();
    let lower = text.iter().filter(|b| b.is_ascii_lowercase()).count();
    let changes = text.windows(2).filter(|w| kind(w[0]) != kind(w[1])).count();
    digits >= 2
        && (upper >= 2 || lower >= 2)
        && changes * 10 >= text.len() * 3
        && (upper >= 2 && lower >= 2 || digits * 5 >= text.len())
}

/// Names of types and of registers of a crate, mangled names and generated classes.
fn symbol_like(view: &View<'_>, range: &Range<usize>) -> bool {
    view.before(range.start) == b'$'
        || view.at(range.end) == b'('
        || view.is_at(range.end, "::")
        || view.is_before(range.start, "::")
}

/// Whether a token decodes to text that holds an identifier. Only digits and marks of an address count: anything may decode
/// to letters.
fn base64_of_something(view: &View<'_>, range: &Range<usize>) -> bool {
    let text = view.of(range);
    let upper = || text.iter().any(u8::is_ascii_uppercase);
    text.len() >= 16
        && text.len() <= 4096
        && !text.contains(&b'.')
        && upper()
        && decode(text).is_some_and(|bytes| tells(&bytes))
}

fn tells(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    if text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        return false;
    }
    let longest_number = text
        .split(|c: char| !c.is_ascii_digit())
        .map(str::len)
        .max()
        .unwrap_or(0);
    longest_number >= 8
        || text.contains('@') && text.contains('.')
        || text.chars().any(super::charset::is_han)
        || text.starts_with('{') && text.ends_with('}')
}

/// The bytes of base64 in either alphabet, if it is well-formed.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let body = text
        .iter()
        .rposition(|&b| b != b'=')
        .map_or(&text[..0], |last| &text[..=last]);
    if body.len() % 4 == 1 || text.len() - body.len() > 2 || body.is_empty() {
        return None;
    }
    let has = |a: u8, b: u8| body.iter().any(|&c| c == a || c == b);
    if body.contains(&b'.') || has(b'+', b'/') && has(b'-', b'_') {
        return None;
    }
    let mut bytes = Vec::with_capacity(body.len() * 3 / 4);
    let (mut bits, mut held) = (0_u32, 0);
    for &b in body {
        let value = match b {
            b'A'..=b'Z' => b - b'A',
            b'a'..=b'z' => b - b'a' + 26,
            b'0'..=b'9' => b - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(value);
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held) as u8);
        }
    }
    Some(bytes)
}

/// A value after a word for encoded data.
pub(super) fn keyed(view: &View<'_>, value: &Value, found: &mut Found) {
    let end = view.run(value.range.start, token).min(value.range.end);
    let range = value.range.start..end;
    let text = view.of(&range);
    if value.join < Join::Bracket && !value.quoted || says_nothing(text) || text.len() < 12 {
        return;
    }
    let hex =
        text.len().is_multiple_of(2) && text.len() >= 16 && text.iter().all(u8::is_ascii_hexdigit);
    let signs = |f: fn(&u8) -> bool| text.iter().any(f);
    let encoded = signs(u8::is_ascii_uppercase)
        && signs(u8::is_ascii_lowercase)
        && (signs(u8::is_ascii_digit) || text.ends_with(b"=") || text.len() >= 20)
        && !text.contains(&b'.');
    if (hex || encoded && decode(text).is_some()) && !is_one_of(text, &["application/json"]) {
        found.cut(range, Kind::Blob, "value after a word for encoded data");
    }
}

/// A value after a word for an identifier of a device, or for a push service.
pub(super) fn keyed_device(view: &View<'_>, class: Class, value: &Value, found: &mut Found) {
    let text = view.of(&value.range);
    if says_nothing(text) || text.len() < 5 || text.len() > 300 || !text.is_ascii() {
        return;
    }
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let word = text
        .iter()
        .all(|&b| token(b) || matches!(b, b':' | b'{' | b'}' | b'#'));
    let loose = value.join <= Join::Space && !value.quoted;
    let zeros = text.iter().all(|b| matches!(b, b'0' | b'-'));
    let fits = word
        && !zeros
        && digits >= 2
        && (!loose || digits >= 3 && text.len() >= 8)
        && !(uuid(text) && of_a_binary(view, &value.range));
    let fits =
        fits && !(class == Class::Uuid && (text.len() < 16 || of_a_binary(view, &value.range)));
    if !fits {
        return;
    }
    let (kind, rule) = match class {
        Class::Push => (Kind::PushToken, "value after a word for a push service"),
        Class::Uuid => (Kind::Uuid, "value after a word for a UUID"),
        Class::Imei => (Kind::Imei, "value after a word for a phone"),
        Class::Imsi => (Kind::Imsi, "value after a word for a subscriber"),
        Class::Iccid => (Kind::Iccid, "value after a word for a SIM card"),
        _ => (Kind::DeviceId, "value after a word for a device"),
    };
    found.cut(value.range.clone(), kind, rule);
}
