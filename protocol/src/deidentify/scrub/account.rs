//! Accounts and conversations of the host's service, and accounts of other services.

use super::{
    Found, Kind,
    context::{Join, Value, says_nothing},
    numbers::{Number, Verdict},
    view::{View, is_one_of},
    words::Class,
};

/// An account of another service, as a number.
pub(super) fn social_number(_: &View<'_>, number: &Number) -> Option<Verdict> {
    if number.class() == Some(Class::Social)
        && (5..=20).contains(&number.digits().len())
        && number.is_plain()
    {
        return Verdict::new(Kind::Social, "number after a word for another service");
    }
    None
}

/// An account or a conversation, as a number.
pub(super) fn number(view: &View<'_>, number: &Number) -> Option<Verdict> {
    if !number.is_plain() {
        return None;
    }
    let digits = number.digits();
    let len = digits.len();
    let class = number.class();
    let identifies = match class {
        Some(Class::Account | Class::Conversation) => {
            len >= 5 && !(len == 5 && digits.starts_with(b"10"))
        }
        Some(Class::Peer | Class::User | Class::Person | Class::Nick) => len >= 6,
        Some(Class::Group) => len >= 6 && number.assigned().is_some(),
        Some(Class::Id) => {
            len >= 15
                || len >= 8 && number.assigned().is_some() && of_a_person(view, number.range.start)
        }
        Some(Class::DeviceId) => len >= 6,
        _ => false,
    };
    if identifies && !(len < 15 && digits.starts_with(b"0")) {
        let (kind, rule) = match class {
            Some(Class::Conversation | Class::Group) => {
                (Kind::Conversation, "number after a word for a conversation")
            }
            Some(Class::DeviceId) => (Kind::DeviceId, "number after a word for a device"),
            _ => (Kind::Account, "number after a word for an account"),
        };
        return Verdict::new(kind, rule);
    }
    if !(15..=20).contains(&len) || digits.starts_with(b"0") || a_moment(digits) || a_limit(digits)
    {
        return None;
    }
    Verdict::new(Kind::Account, "number as long as an account")
}

/// Microseconds or nanoseconds since 1970, in the years around now, or a day and a time in digits.
fn a_moment(digits: &[u8]) -> bool {
    let written_out = digits.len() == 17
        && digits.starts_with(b"20")
        && matches!(&digits[4..6], [b'0', b'1'..=b'9'] | [b'1', b'0'..=b'2'])
        && matches!(
            &digits[6..8],
            [b'0', b'1'..=b'9'] | [b'1' | b'2', _] | [b'3', b'0' | b'1']
        )
        && digits[8..10] < b"24"[..]
        && digits[10..12] < b"60"[..];
    written_out || matches!(digits.len(), 16 | 19) && matches!(digits, [b'1', b'3'..=b'9', ..])
}

/// The largest and smallest values of integers, and powers of two beside them.
fn a_limit(digits: &[u8]) -> bool {
    let value = digits
        .iter()
        .fold(0_u128, |sum, d| sum * 10 + u128::from(d - b'0'));
    [value.wrapping_sub(1), value, value + 1]
        .iter()
        .any(|v| v.is_power_of_two())
}

/// Whether the structure around `at` is about somebody: `User { id: 7`.
pub(super) fn of_a_person(view: &View<'_>, at: usize) -> bool {
    matches!(
        structure_around(view, at),
        Some(Class::User | Class::Peer | Class::Person | Class::Account | Class::Nick)
    )
}

/// What the nearest structure that is open at `at` is about.
pub(super) fn structure_around(view: &View<'_>, at: usize) -> Option<Class> {
    let floor = at.saturating_sub(200);
    let mut depth = 0;
    let mut i = at;
    while i > floor {
        i -= 1;
        match view.s[i] {
            b'}' => depth += 1,
            b'{' if depth > 0 => depth -= 1,
            b'{' => {
                let end = view.run_back(i, 6, |b| matches!(b, b' ' | b':' | b'"' | b'=' | b'['));
                return view
                    .name_before(end)
                    .map(|(_, class)| class)
                    .or_else(|| named_structure(view, end));
            }
            _ => {}
        }
    }
    None
}

/// `UserInfo`, `ContactEntity`, `GroupProfile`: names whose last word says nothing.
fn named_structure(view: &View<'_>, end: usize) -> Option<Class> {
    let start = view.run_back(end, 40, |b| b.is_ascii_alphanumeric() || b == b'_');
    let name = view.of(&(start..end));
    let has = |part: &str| {
        name.windows(part.len())
            .any(|w| w.eq_ignore_ascii_case(part.as_bytes()))
    };
    if ["group", "conv", "chat", "room", "channel", "team"]
        .iter()
        .any(|w| has(w))
    {
        return Some(Class::Group);
    }
    [
        "user", "contact", "member", "friend", "profile", "person", "account", "sender",
        "customer", "patient", "employee",
    ]
    .iter()
    .any(|w| has(w))
    .then_some(Class::User)
}

/// Prefixes that the kinds of account carry.
#[rustfmt::skip]
const PREFIXES: &[(&str, Kind)] = &[
    ("wxid_", Kind::Social), ("gh_", Kind::Social), ("qq_", Kind::Social), ("openid_", Kind::Social),
    ("dy_", Kind::Social), ("u_", Kind::Account), ("user_", Kind::Account), ("uid_", Kind::Account),
    ("usr_", Kind::Account), ("im_", Kind::Account), ("acct_", Kind::Account), ("account_", Kind::Account),
    ("member_", Kind::Account), ("mem_", Kind::Account), ("tim_", Kind::Account), ("user-", Kind::Account),
    ("uid-", Kind::Account), ("u-", Kind::Account), ("si_", Kind::Conversation), ("sg_", Kind::Conversation),
    ("c2c_", Kind::Conversation), ("group_", Kind::Conversation), ("conv_", Kind::Conversation),
    ("cid_", Kind::Conversation), ("room_", Kind::Conversation),
];

/// Accounts and conversations that their own shape shows.
pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if view.has(b'_') || view.has(b'-') {
        let mut next = 0;
        for run in view.words().filter(|run| run.letters && run.len() <= 8) {
            if run.start >= next
                && matches!(view.at(run.end), b'_' | b'-')
                && let Some((kind, end)) = prefixed(view, run.start, run.end)
            {
                found.cut(
                    run.start..end,
                    kind,
                    "prefix of an account or a conversation",
                );
                next = end;
            }
        }
    }
    if view.has(b'#') {
        for at in view.places("@TGS#") {
            let end = view.run(at + 5, |b| {
                b.is_ascii_alphanumeric() || matches!(b, b'_' | b'#' | b'-')
            });
            found.cut(at..end, Kind::Conversation, "group of an IM service");
        }
    }
    if view.has(b':') {
        colon_joined(view, found);
    }
}

/// Something with a known prefix; answers what it is and where it ends.
fn prefixed(view: &View<'_>, at: usize, word: usize) -> Option<(Kind, usize)> {
    let &(prefix, kind) = PREFIXES
        .iter()
        .find(|(p, _)| p.len() == word + 1 - at && view.is_at(at, p))?;
    let end = view.run_of(word + 1, 128, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
    });
    let mut end = end;
    while matches!(view.before(end), b'.' | b'_' | b'-') {
        end -= 1;
    }
    // A number after the prefix may be followed by the name of a file.
    let digits = view.run(word + 1, |b| b.is_ascii_digit());
    if digits - word > 4 && !view.at(digits).is_ascii_alphanumeric() {
        let joined = view.at(digits) == b'_' && view.at(digits + 1).is_ascii_digit();
        let end = if joined {
            view.run(digits, |b| b.is_ascii_digit() || b == b'_')
        } else {
            digits
        };
        return Some((kind, end));
    }
    let rest = view.of(&(word + 1..end));
    let digits = rest.iter().filter(|b| b.is_ascii_digit()).count();
    let letters = rest.iter().filter(|b| b.is_ascii_alphabetic()).count();
    let fits = match prefix {
        "wxid_" => rest.len() >= 5,
        "gh_" => rest.len() == 12 && rest.iter().all(u8::is_ascii_hexdigit),
        _ if kind == Kind::Conversation && prefix != "c2c_" => rest
            .split(|b| !b.is_ascii_digit())
            .any(|run| run.len() >= 5),
        _ => ends_like_an_account(rest) && letters >= 2 && digits >= 2 && !a_type(rest),
    };
    fits.then_some((kind, end))
}

/// `wangfang62`: one word with at least two digits at its end.
fn ends_like_an_account(rest: &[u8]) -> bool {
    let digits = rest.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let mixed = rest.len() >= 8
        && rest.iter().all(u8::is_ascii_alphanumeric)
        && rest.iter().filter(|b| b.is_ascii_digit()).count() >= 3;
    mixed
        || (digits >= 2
            && rest[..rest.len() - digits]
                .iter()
                .all(|b| b.is_ascii_alphabetic() || matches!(b, b'.' | b'_')))
}

/// `int32`, `utf16`, `sha256`: names of types and formats.
fn a_type(rest: &[u8]) -> bool {
    let word = rest
        .iter()
        .rposition(|b| matches!(b, b'_' | b'-' | b'.'))
        .map_or(rest, |at| &rest[at + 1..]);
    let letters = word.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    is_one_of(
        &word[..letters],
        &[
            "int", "uint", "i", "u", "f", "float", "utf", "sha", "md", "base", "arm", "aarch", "x",
            "v", "amd", "crc", "aes", "rsa", "ascii", "iso", "gb", "cp", "h", "vp", "av", "mp",
            "p", "ms", "lib", "long", "char", "bit", "bits",
        ],
    )
}

/// `0:1:a:b`: the kind of a conversation and its members.
fn colon_joined(view: &View<'_>, found: &mut Found) {
    for run in view.words().filter(|run| !run.letters) {
        let at = run.start;
        if view.at(run.end) != b':'
            || view.before(at) == b':' && view.before(at - 1).is_ascii_digit()
        {
            continue;
        }
        let end = view.run(at, |b| b.is_ascii_digit() || b == b':');
        let text = view.of(&(at..end));
        let long = text
            .split(|&b| b == b':')
            .filter(|part| part.len() >= 6)
            .count();
        let parts = text.split(|&b| b == b':').count();
        if parts >= 3
            && long >= 1
            && text.iter().filter(|b| b.is_ascii_digit()).count() >= 8
            && view.closes(end)
            && view.before(end) != b':'
        {
            found.cut(at..end, Kind::Conversation, "conversation with its members");
        }
    }
}

/// A value after a word for an account, a user, a conversation or another service.
pub(super) fn keyed(view: &View<'_>, class: Class, value: &Value, found: &mut Found) {
    let mut range = value.range.clone();
    let text = view.of(&range);
    if says_nothing(text) || text.len() > 128 {
        return;
    }
    if text.is_ascii() && text.contains(&b'@') && class != Class::Conversation {
        return;
    }
    if text.iter().all(u8::is_ascii_digit) {
        // Numbers were judged with the other numbers.
        return;
    }
    let loose = value.join <= Join::Space && !value.quoted;
    let (kind, rule, fits) = match class {
        Class::Account => (
            Kind::Account,
            "value after a word for an account",
            identifier(text) && (!loose || looks_random(text)),
        ),
        Class::Peer => (
            Kind::Account,
            "value after a word for the other side",
            looks_like_an_account(text),
        ),
        Class::User => (
            Kind::Account,
            "value after a word for a user",
            identifier(text) && !ordinary(text) && (!loose || looks_like_an_account(text)),
        ),
        Class::Id => (
            Kind::Account,
            "id of a person's record",
            identifier(text)
                && (looks_like_an_account(text) || looks_random(text))
                && of_a_person(view, range.start),
        ),
        Class::Conversation => (
            Kind::Conversation,
            "value after a word for a conversation",
            conversation(text)
                && (!loose || !text.iter().all(u8::is_ascii_hexdigit) && text.len() >= 6),
        ),
        _ => (
            Kind::Social,
            "value after a word for another service",
            identifier(text)
                && text.len() >= 5
                && (!loose || text.iter().any(u8::is_ascii_digit))
                && !ordinary(text),
        ),
    };
    if fits {
        if class == Class::Conversation {
            range.end = view
                .run(range.start, |b| {
                    b.is_ascii_alphanumeric()
                        || matches!(
                            b,
                            b':' | b'_' | b'-' | b'@' | b'#' | b'.' | b'|' | b'/' | b'+' | b'='
                        )
                })
                .clamp(range.start, value.range.end);
        }
        found.cut(range, kind, rule);
    }
}

/// One word of letters, digits and joints.
fn identifier(text: &[u8]) -> bool {
    text.len() >= 2
        && text.iter().all(|&b| {
            b.is_ascii_alphanumeric()
                || matches!(b, b'_' | b'-' | b'.' | b'@' | b'#' | b'$' | b'|' | b':')
                || b >= 0x80
        })
        && !text.windows(2).any(|w| w == b"::")
}

fn conversation(text: &[u8]) -> bool {
    identifier(text) && text.iter().filter(|b| b.is_ascii_digit()).count() >= 3
}

/// Digits as only a counter, a key or a random number has them.
fn looks_random(text: &[u8]) -> bool {
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    digits >= 4 && text.len() >= 6
}

/// Long numbers, and names with a number at the end as people choose them.
fn looks_like_an_account(text: &[u8]) -> bool {
    if !identifier(text) {
        return false;
    }
    let digits = text.iter().filter(|b| b.is_ascii_digit()).count();
    if digits == text.len() {
        return digits >= 6;
    }
    // `5432ms` is an amount, `aarch64-linux-android29` a machine.
    let amount = text.iter().take_while(|b| b.is_ascii_digit()).count() > 0
        && text
            .iter()
            .skip_while(|b| b.is_ascii_digit())
            .all(u8::is_ascii_alphabetic);
    if amount || text.iter().filter(|&&b| b == b'-').count() >= 2 && digits <= 4 {
        return false;
    }
    let letters = text.iter().filter(|b| b.is_ascii_alphabetic()).count();
    (looks_random(text) && letters > 0 || digits >= 2 && letters >= 2 && ends_like_an_account(text))
        && !a_type(text)
        && !text.contains(&b':')
        && !text.contains(&b'.')
}

/// Words that stand where a user's name may stand and are none.
fn ordinary(text: &[u8]) -> bool {
    is_one_of(
        text,
        &[
            "agent",
            "interface",
            "mode",
            "data",
            "input",
            "space",
            "info",
            "id",
            "name",
            "list",
            "group",
            "count",
            "online",
            "offline",
            "login",
            "logout",
            "logged",
            "cancelled",
            "canceled",
            "session",
            "request",
            "response",
            "action",
            "event",
            "state",
            "status",
            "type",
            "update",
            "auth",
            "defined",
            "guest",
            "anonymous",
            "system",
            "root",
            "admin",
            "public",
            "private",
            "local",
            "remote",
            "server",
            "client",
            "device",
            "not",
            "found",
            "success",
            "main",
            "test",
            "normal",
            "locked",
            "idle",
            "active",
            "inactive",
            "timeout",
            "closed",
            "open",
            "ready",
            "kernel",
            "daemon",
            "nobody",
            "shell",
            "app",
            "sdk",
            "push",
            "pull",
            "chat",
            "im",
            "initiated",
            "rejected",
            "denied",
            "blocked",
            "banned",
            "kicked",
            "left",
            "joined",
            "background",
            "foreground",
            "settings",
            "profile",
            "avatar",
            "cache",
            "store",
            "service",
            "manager",
            "handler",
        ],
    )
}
