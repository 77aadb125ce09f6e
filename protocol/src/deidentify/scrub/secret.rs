//! Passwords, tokens, keys, cookies.

use super::{
    Found, Kind,
    context::{Join, Value, says_nothing},
    opaque::decode,
    view::{View, is_one_of},
    vocabulary::technical,
    words::Class,
};
use std::ops::Range;

/// Beginnings that services give their keys so that they can be found, with the fewest bytes that follow.
#[rustfmt::skip]
const ISSUED: &[(&str, usize)] = &[
    ("AKIA", 12), ("ASIA", 12), ("ABIA", 12), ("AROA", 12), ("AIDA", 12), ("LTAI", 12), ("AKID", 24), ("AKLT", 20),
    ("ghp_", 30), ("gho_", 30), ("ghs_", 30), ("ghu_", 30), ("ghr_", 30), ("github_pat_", 20), ("glpat-", 16),
    ("xoxb-", 16), ("xoxp-", 16), ("xoxa-", 16), ("xoxs-", 16), ("xapp-", 16), ("sk-", 20), ("sk_live_", 12),
    ("sk_test_", 12), ("rk_live_", 12), ("pk_live_", 12), ("AIza", 30), ("ya29.", 20), ("npm_", 30), ("hf_", 30),
    ("dop_v1_", 30), ("SG.", 30), ("EAAC", 30), ("whsec_", 20),
];

/// Bytes of an access key of AWS, which need not hold a digit: twenty capitals that begin like one are no word.
const ACCESS_KEY: usize = 20;

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    let mut next = 0;
    for run in view.words().filter(|run| run.letters) {
        let at = run.start;
        match view.s[at] {
            b'e' if at >= next && view.is_at(at, "eyJ") => {
                next = view.run(at, |b| {
                    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
                });
                json_web_token(view, at..next, found);
            }
            b'B' | b'b' | b'N' | b'T' | b'A' | b'a' | b't'
                if run.len() >= 4 && matches!(view.at(run.end), b' ' | b':' | b'=') =>
            {
                scheme(view, at, run.end, found)
            }
            _ => {}
        }
        let long = run.digits && run.len() >= 16 || run.len() == ACCESS_KEY;
        if long || run.len() <= 6 && matches!(view.at(run.end), b'_' | b'-' | b'.') {
            let end = key_end(view, run.end);
            if end - at >= 14 {
                issued(view, at, end, found);
            }
        }
    }
    if view.has(b'-') && view.has(b'B') {
        let mut at = 0;
        while at < view.s.len() {
            at = if view.s[at] == b'-' && view.is_at(at, "-----BEGIN ") {
                pem(view, at, found)
            } else {
                at + 1
            };
        }
    }
    if view.has(b':') && view.has(b'@') {
        for at in view.places("://") {
            user_info(view, at + 3, found);
        }
    }
    if view.has(b'-') && view.has(b':') {
        command_line(view, found);
    }
    if view.has(b':') {
        registration_tokens(view, found);
    }
}

/// The longest key that is followed to its end, in bytes.
const KEY: usize = 128;

/// Where a key ends that begins with a word that ends at `end`.
fn key_end(view: &View<'_>, end: usize) -> usize {
    view.run_of(end, KEY, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
    })
}

/// Header, claims and signature of a JSON Web Token, or its first two parts.
fn json_web_token(view: &View<'_>, range: Range<usize>, found: &mut Found) {
    let mut text = view.of(&range);
    while let [rest @ .., b'.' | b'-'] = text {
        text = rest;
    }
    let parts = text.split(|&b| b == b'.').filter(|p| p.len() >= 4).count();
    if parts >= 2
        || text.len() >= 40
        || decode(text).is_some_and(|json| json.starts_with(b"{\"")) && text.len() >= 16
    {
        found.cut(
            range.start..range.start + text.len(),
            Kind::Secret,
            "JSON web token",
        );
    }
}

/// `Bearer abc`, `Basic abc`: the schemes of HTTP authentication.
fn scheme(view: &View<'_>, at: usize, word: usize, found: &mut Found) {
    let name = view.of(&(at..word));
    let spaces = view.run(word, |b| b == b' ');
    let mut start = spaces;
    if is_one_of(name, &["bearer"]) && matches!(view.at(start), b':' | b'=') {
        start = view.run(start + 1, |b| matches!(b, b' ' | b'"'));
    }
    if start == word || start - word > 3 {
        return;
    }
    let end = view.run(start, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~' | b'+' | b'/' | b'=')
    });
    let text = view.of(&(start..end));
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let fits = match name {
        n if is_one_of(n, &["bearer"]) => {
            text.len() >= 8 && (digits >= 1 || text.len() >= 20) && text.last() != Some(&b'.')
        }
        n if is_one_of(n, &["basic"]) => {
            text.len() >= 6
                && decode(text)
                    .is_some_and(|pair| pair.contains(&b':') && std::str::from_utf8(&pair).is_ok())
        }
        n if is_one_of(n, &["token", "apikey", "ntlm", "negotiate"]) => {
            text.len() >= 16
                && digits >= 2
                && text.iter().any(u8::is_ascii_alphabetic)
                && !text.contains(&b'/')
        }
        _ => false,
    };
    if fits {
        found.cut(
            start..end,
            Kind::Secret,
            "credentials of an authentication scheme",
        );
    }
}

fn issued(view: &View<'_>, at: usize, end: usize, found: &mut Found) {
    let text = view.of(&(at..end));
    let is_issued = ISSUED.iter().any(|(start, rest)| {
        super::view::begins(text, start.as_bytes())
            && text.len() >= start.len() + rest
            && (text.iter().any(u8::is_ascii_digit) || is_access_key(start, text))
            && (rest > &14
                || text.len() <= start.len() + 40
                    && text[start.len()..].iter().all(u8::is_ascii_alphanumeric)
                || start.ends_with('_'))
    });
    if is_issued && !view.guarded(&(at..end)) {
        found.cut(at..end, Kind::Secret, "key of a known service");
    }
}

fn is_access_key(start: &str, text: &[u8]) -> bool {
    let capitals = text.iter().all(u8::is_ascii_uppercase);
    start.starts_with('A') && start.len() == 4 && text.len() == ACCESS_KEY && capitals
}

/// A key in the PEM format, to its last line or to the end of the text.
fn pem(view: &View<'_>, at: usize, found: &mut Found) -> usize {
    let of_a_key = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(
                b,
                b' ' | b'-' | b'+' | b'/' | b'=' | b'\\' | b'\n' | b'\r' | b','
            )
    };
    let mut end = at + 11;
    while end < view.s.len() && of_a_key(view.s[end]) {
        if view.s[end] == b'-' && view.is_at(end, "-----END ") {
            // What follows the last line is no part of the key.
            let label = view.run(end + 9, |b| b.is_ascii_uppercase() || b == b' ');
            end = view.run_of(label, 5, |b| b == b'-');
            break;
        }
        end += 1;
    }
    while matches!(view.before(end), b' ' | b'\n' | b'\r' | b'\\') {
        end -= 1;
    }
    found.cut(at..end, Kind::Secret, "key in PEM format");
    end
}

/// `curl -u user:password`.
fn command_line(view: &View<'_>, found: &mut Found) {
    for at in view.places(" -") {
        let Some(option) = ["-u ", "--user ", "-U ", "--proxy-user "]
            .iter()
            .find(|o| view.is_at(at + 1, o))
        else {
            continue;
        };
        let start = at + 1 + option.len();
        let end = view.run(start, |b| {
            b > b' ' && b < 0x80 && !matches!(b, b'"' | b'\'' | b'/')
        });
        let text = view.of(&(start..end));
        if let Some(colon) = text.iter().position(|&b| b == b':')
            && colon > 0
            && text.len() > colon + 3
            && text.get(colon + 1) != Some(&b':')
        {
            found.cut(start..end, Kind::Password, "credentials on a command line");
        }
    }
}

/// `user:password@` of a web address.
fn user_info(view: &View<'_>, start: usize, found: &mut Found) {
    let stop = view.s.len().min(start + 256);
    let mut sign = None;
    for at in start..stop {
        match view.s[at] {
            b'@' => sign = Some(at),
            b'/' | b'?' | b'#' | b' ' | b'"' | b'\'' | b'<' | b'>' | b'\n' => break,
            _ => {}
        }
    }
    if let Some(at) = sign
        && at > start
        && view.of(&(start..at)) != b"git"
    {
        found.cut(start..at, Kind::Password, "credentials in a web address");
    }
}

/// `c0ffee:APA91b...`: where push messages for a device go.
fn registration_tokens(view: &View<'_>, found: &mut Found) {
    for at in view.places(":APA91") {
        let word = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
        let start = view.run_back(at, 64, word);
        found.cut(
            start..view.run(at + 1, word),
            Kind::PushToken,
            "registration token",
        );
    }
}

/// A value after a word for a secret.
pub(super) fn keyed(view: &View<'_>, class: Class, value: &Value, found: &mut Found) {
    let mut range = value.range.clone();
    if !value.quoted {
        // A password may hold the marks that end other values.
        if class == Class::Password && value.join == Join::Assigned {
            range.end = view
                .run(range.start, |b| {
                    !matches!(
                        b,
                        b' ' | b'\n'
                            | b'\r'
                            | b'\t'
                            | b'"'
                            | b'&'
                            | b'<'
                            | b'>'
                            | b'}'
                            | b','
                            | b';'
                            | 0x1a
                    ) && b < 0x80
                })
                .max(range.end);
            while range.end > value.range.end
                && matches!(view.before(range.end), b')' | b']' | b'\'' | b'.')
            {
                range.end -= 1;
            }
        }
        if scheme_word(view.of(&range)) {
            let start = view.run(range.end, |b| b == b' ');
            range = start..view.run(start, |b| {
                b > b' ' && !matches!(b, b',' | b'"' | b'\'' | b';') && b < 0x80
            });
        }
    }
    let text = view.of(&range);
    if says_nothing(text)
        || range.is_empty()
        || matches!(text[0], b'-' | b'{' | b'<' | b'%') && !value.quoted
    {
        return;
    }
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = text.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let others = text.len() - digits - letters;
    let word = digits == 0
        && text
            .iter()
            .all(|b| b.is_ascii_lowercase() || matches!(b, b'_' | b'-'));
    let capitalised = digits == 0 && others == 0 && text.iter().skip(1).all(u8::is_ascii_lowercase);
    let type_like = text.contains(&b'(') || text.windows(2).any(|w| w == b"::") || !text.is_ascii();
    let (kind, fits) = match (class, value.join) {
        (Class::Password, Join::Assigned) => (
            Kind::Password,
            if value.quoted {
                digits > 0 || !(technical(text) || text.contains(&b' ') && word_count(text) > 2)
            } else if word || capitalised {
                !state(text)
                    && !technical(text)
                    && (directly(view, value) || !prose_follows(view, value.range.end))
            } else {
                !type_like || directly(view, value) && text.is_ascii() && text.len() <= 40
            },
        ),
        (Class::Password, Join::Verb) => (
            Kind::Password,
            digits >= 1 && letters >= 1 || value.quoted && text.len() >= 4,
        ),
        (Class::Password, _) => (
            Kind::Password,
            (digits >= 1 && letters >= 2 || digits >= 6) && text.len() >= 6 && !type_like
                || value.quoted
                    && text.len() >= 4
                    && (digits >= 1 || others >= 1)
                    && !text.contains(&b' '),
        ),
        (Class::Code, join) => (
            Kind::Secret,
            join != Join::Touching
                && (4..=8).contains(&text.len())
                && text.iter().all(u8::is_ascii_alphanumeric)
                && digits >= 3,
        ),
        (Class::Cookie, Join::Assigned) => (
            Kind::Secret,
            text.len() >= 8 && digits >= 2 && !type_like && !text.contains(&b'='),
        ),
        (Class::Cookie, _) => (Kind::Secret, text.len() >= 16 && digits >= 4 && !type_like),
        (_, Join::Assigned | Join::Bracket) => (
            Kind::Secret,
            (digits >= 1 && text.len() >= 6
                || text.len() >= 12 && !word && !capitalised
                || value.quoted && text.len() >= 8 && !word)
                && !type_like
                && !(text.contains(&b' ')),
        ),
        _ => (
            Kind::Secret,
            text.len() >= 12 && digits >= 2 && letters >= 2 && !type_like && !text.contains(&b'/'),
        ),
    };
    if fits {
        let rule = match kind {
            Kind::Password => "value after a word for a password",
            _ => "value after a word for a secret",
        };
        found.cut(range, kind, rule);
    }
}

fn word_count(text: &[u8]) -> usize {
    text.split(|&b| b == b' ').filter(|w| !w.is_empty()).count()
}

/// Whether another word of a sentence follows.
fn prose_follows(view: &View<'_>, end: usize) -> bool {
    view.at(end) == b' '
        && view.at(end + 1).is_ascii_lowercase()
        && !matches!(
            view.at(view.run(end + 1, |b| b.is_ascii_alphanumeric() || b == b'_')),
            b'=' | b':'
        )
}

fn scheme_word(text: &[u8]) -> bool {
    is_one_of(
        text,
        &[
            "bearer",
            "basic",
            "token",
            "digest",
            "negotiate",
            "ntlm",
            "apikey",
        ],
    )
}

/// `password=value`, without a space: only a program writes so, about a value.
fn directly(view: &View<'_>, value: &Value) -> bool {
    matches!(view.before(value.range.start), b'=' | b':' | b'>')
}

fn state(text: &[u8]) -> bool {
    is_one_of(
        text,
        &[
            "ok",
            "wrong",
            "correct",
            "changed",
            "weak",
            "strong",
            "set",
            "rejected",
            "accepted",
            "checked",
            "mismatch",
            "match",
            "plain",
            "sha256",
            "bcrypt",
            "argon2",
            "scram",
            "reset",
            "disabled",
            "enabled",
            "optional",
            "needed",
            "incorrect",
        ],
    )
}

/// The value of a `Cookie` or `Set-Cookie` header: every cookie but those that hold a setting.
pub(super) fn cookie_header(view: &View<'_>, start: usize, found: &mut Found) {
    let end = view.run_of(start, 1024, |b| b != b'\n' && b != b'\r');
    let mut at = start;
    while at < end {
        let name_at = view.run(at, |b| matches!(b, b' ' | b'"' | b'\''));
        let sign = view.run_of(name_at, 128, |b| !matches!(b, b'=' | b';' | b'\n' | b'"'));
        let stop = view.run_of(sign, 1024, |b| !matches!(b, b';' | b'\n' | b'\r' | b'"'));
        let (name, value) = (view.of(&(name_at..sign)), sign + 1..stop);
        if view.at(sign) == b'='
            && value.start < value.end
            && !is_one_of(
                name,
                &[
                    "theme", "lang", "language", "locale", "tz", "timezone", "path", "domain",
                    "expires", "max-age", "samesite", "version", "region", "country", "dark",
                    "mode", "consent", "priority", "currency", "font", "layout", "ab", "v",
                    "platform", "os",
                ],
            )
            && (value.len() >= 6
                || view
                    .of(&value)
                    .iter()
                    .filter(|b| b.is_ascii_digit())
                    .count()
                    >= 4)
            && !says_nothing(view.of(&value))
        {
            found.cut(value, Kind::Secret, "cookie");
        }
        at = stop.max(at) + 1;
    }
}
