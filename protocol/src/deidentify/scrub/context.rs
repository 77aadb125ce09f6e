//! What stands beside a value: the word before it and how the two are joined, and the value after a word.

use super::{
    phrases::Phrases,
    shadow::MARK,
    view::{View, ends},
    words::Class,
};
use std::ops::Range;

/// How a word and its value are joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Join {
    /// `手机号138`, or `uid7243`.
    Touching,
    /// `token abc`.
    Space,
    /// `user(7)`, `uid[7]`, `/users/7`.
    Bracket,
    /// `user is 7`, `昵称为7`.
    Verb,
    /// `a=b`, `a: b`, `"a":"b"`, `<a>b</a>`.
    Assigned,
}

/// The word before a value.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key {
    pub(super) class: Class,
    pub(super) join: Join,
}

/// The word before the value that starts at `start`, if it is a known one.
pub(super) fn key_before(view: &View<'_>, start: usize) -> Option<Key> {
    let s = view.s;
    let (mut at, mut join) = (start, Join::Touching);
    let floor = start.saturating_sub(24);
    let mut unwrapped = false;
    while at > floor {
        match s[at - 1] {
            b' ' | b'\t' => join = join.max(Join::Space),
            b'\n' | b'\r' if join == Join::Assigned => {}
            b'"' | b'\'' | b'`' => {}
            b'=' => join = Join::Assigned,
            b':' if at >= 2 && s[at - 2] == b':' => return None,
            b':' => join = Join::Assigned,
            b'>' if at >= 2 && matches!(s[at - 2], b'-' | b'=') => {
                join = Join::Assigned;
                at -= 1;
            }
            b'>' => join = Join::Assigned,
            b'(' | b'[' | b'{' | b'<' => join = join.max(Join::Bracket),
            b')' | b']' if join == Join::Assigned => {}
            b'/' | b'#' | b'@' | b'*' if join == Join::Touching => join = Join::Bracket,
            b'+' | b'-' | b'_' | b'.' if join == Join::Touching => {}
            b'-' if join == Join::Space => {}
            MARK => return None,
            b'a'..=b'z' | b'A'..=b'Z' if !unwrapped && join >= Join::Bracket => {
                match wrapper_before(s, at) {
                    Some(len) => {
                        at -= len;
                        unwrapped = true;
                        continue;
                    }
                    None => break,
                }
            }
            0x80.. => match punctuation_before(s, at) {
                Some((len, how)) => {
                    join = join.max(how);
                    at -= len;
                    continue;
                }
                None => break,
            },
            _ => break,
        }
        at -= 1;
    }
    if !unwrapped
        && join >= Join::Space
        && let Some(len) = verb_before(s, at)
    {
        at -= len;
        join = Join::Verb;
        while at > floor && matches!(s[at - 1], b' ' | b'"' | b'\'' | b'`') {
            at -= 1;
        }
    }
    let (_, class) = view.name_before(at)?;
    // `sent to 138...` counts nothing.
    if join == Join::Verb && class == Class::Metric && view.is_at(at, " to") {
        return None;
    }
    Some(Key { class, join })
}

/// `Some(`, `Ok(` and the like, between a name and its value.
fn wrapper_before(s: &[u8], at: usize) -> Option<usize> {
    [
        "Some", "Ok", "Err", "Optional", "String", "Just", "Text", "Value", "str", "Uid", "UserId",
        "Secret", "Redacted",
    ]
    .iter()
    .find(|w| {
        ends(&s[..at], w.as_bytes())
            && !s[..at - w.len()]
                .last()
                .is_some_and(u8::is_ascii_alphanumeric)
    })
    .map(|w| w.len())
}

/// Chinese punctuation and verbs between a word and its value.
fn punctuation_before(s: &[u8], at: usize) -> Option<(usize, Join)> {
    [
        ("「", Join::Bracket),
        ("『", Join::Bracket),
        ("【", Join::Bracket),
        ("《", Join::Bracket),
        ("〔", Join::Bracket),
        ("】", Join::Assigned),
        ("→", Join::Assigned),
        ("为", Join::Verb),
        ("是", Join::Verb),
        ("·", Join::Touching),
    ]
    .iter()
    .find(|(p, _)| ends(&s[..at], p.as_bytes()))
    .map(|&(p, how)| (p.len(), how))
}

fn verb_before(s: &[u8], at: usize) -> Option<usize> {
    [
        " is", " was", " of", " to", " as", " named", " called", " set", " no.", " No.", " #",
        " number",
    ]
    .iter()
    .find(|w| ends(&s[..at], w.as_bytes()))
    .map(|w| w.len())
}

/// A value after a word.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) range: Range<usize>,
    /// Whether quotation marks or brackets say where it ends.
    pub(super) quoted: bool,
    pub(super) join: Join,
}

/// The longest quoted value that is followed to its end, in bytes.
const QUOTED: usize = 2048;
/// The longest value without quotes.
const BARE: usize = 512;

/// Where the value after the word that ends at `end` begins, and how the two are joined.
pub(super) fn joined_after(view: &View<'_>, end: usize) -> Option<(usize, Join)> {
    let mut at = end;
    let mut join = Join::Touching;
    if matches!(view.at(at), b'"' | b'\'' | b'`') {
        at += 1;
    }
    if matches!(view.at(at), b']' | b')') && matches!(view.at(at + 1), b'=' | b':' | b' ') {
        at += 1;
    }
    let mut spaces = 0;
    while matches!(view.at(at), b' ' | b'\t') && spaces < 12 {
        at += 1;
        spaces += 1;
        join = Join::Space;
    }
    match view.at(at) {
        b':' if view.at(at + 1) == b':' => return None,
        b':' if view.at(at + 1) == b'=' => (at, join) = (at + 2, Join::Assigned),
        b'=' | b':' => {
            join = Join::Assigned;
            at = view
                .run(at, |b| matches!(b, b'=' | b'>' | b'~'))
                .max(at + 1);
        }
        b'-' if view.at(at + 1) == b'>' => (at, join) = (at + 2, Join::Assigned),
        b'>' if spaces == 0 => (at, join) = (at + 1, Join::Assigned),
        b'(' | b'[' => (at, join) = (at + 1, join.max(Join::Bracket)),
        0x80.. => {
            for (sign, how) in [
                ("】", Join::Assigned),
                ("为", Join::Verb),
                ("是", Join::Verb),
                ("→", Join::Assigned),
                ("叫", Join::Verb),
            ] {
                if view.is_at(at, sign) {
                    join = how;
                    at += sign.len();
                    if view.at(at) == b':' {
                        at += 1;
                    }
                    break;
                }
            }
        }
        _ => {
            for verb in ["is ", "was ", "named ", "called "] {
                if join == Join::Space && view.is_at(at, verb) {
                    join = Join::Verb;
                    at += verb.len();
                    break;
                }
            }
        }
    }
    let mut spaces = 0;
    while matches!(view.at(at), b' ' | b'\t') && spaces < 4 {
        at += 1;
        spaces += 1;
        join = join.max(Join::Space);
    }
    for wrapper in [
        "Some(",
        "Ok(",
        "Err(",
        "Optional(",
        "String(",
        "Text(",
        "Just(",
        "Value(",
    ] {
        if view.is_at(at, wrapper) {
            at += wrapper.len();
            break;
        }
    }
    if view.is_at(at, "<![CDATA[") {
        at += "<![CDATA[".len();
    }
    if matches!(view.at(at), b'b' | b'@' | b'u') && view.at(at + 1) == b'"' {
        at += 1;
    }
    (at < view.s.len()).then_some((at, join))
}

/// The quoted value that starts with its opening mark at `at`, if one does.
pub(super) fn quoted_at(view: &View<'_>, at: usize) -> Option<Range<usize>> {
    let (open, close) = match view.at(at) {
        b'"' => ("\"", "\""),
        b'\'' => ("'", "'"),
        b'`' => ("`", "`"),
        0x80.. => *PAIRS.iter().find(|(open, _)| view.is_at(at, open))?,
        _ => return None,
    };
    let start = at + open.len();
    let stop = view.s.len().min(start + QUOTED);
    let mut end = start;
    while end < stop {
        if view.is_at(end, close) {
            view.step(end - start);
            return Some(start..end);
        }
        match view.s[end] {
            b'\\' => end += 2,
            b'\n' if close.len() == 1 && end - start > BARE => break,
            _ => end += 1,
        }
    }
    view.step(end - start);
    // Never closed: up to the end of the text, if that is near.
    let end = view.run_of(start, BARE + 1, |b| b != b'\n');
    (end >= view.s.len()).then_some(start..end)
}

/// Chinese quotation marks.
pub(super) const PAIRS: &[(&str, &str)] = &[
    ("「", "」"),
    ("『", "』"),
    ("《", "》"),
    ("【", "】"),
    ("〔", "〕"),
];

/// The value that starts at `at` as one token.
pub(super) fn token_at(view: &View<'_>, at: usize, join: Join) -> Option<Value> {
    if let Some(range) = quoted_at(view, at) {
        return (!range.is_empty()).then_some(Value {
            range,
            quoted: true,
            join,
        });
    }
    let ascii = view.at(at) < 0x80;
    let mut end = at;
    while end < view.s.len().min(at + QUOTED) {
        match view.s[end] {
            b'\n' | b'\r' | b'\t' | b' ' | b',' | b';' | b'&' | b')' | b']' | b'}' | b'>'
            | b'<' | b'"' | b'\'' | b'`' | b'|' | MARK => break,
            b'\\'
                if matches!(view.at(end + 1), b'n' | b'r' | b't')
                    && !view.at(end + 2).is_ascii_lowercase() =>
            {
                break;
            }
            b'!' | b'?' if matches!(view.at(end + 1), b' ' | 0) || view.at(end + 1) >= 0x80 => {
                break;
            }
            0x80.. if ascii => break,
            0xe3 if matches!(view.char_at(end), Some('\u{3000}'..='\u{303f}')) => break,
            0xe2 => break,
            _ => end += 1,
        }
    }
    // Punctuation that ends a sentence, not a value.
    while end > at && matches!(view.s[end - 1], b'.' | b':' | b'!' | b'?') {
        end -= 1;
    }
    view.step(end - at);
    (end > at).then_some(Value {
        range: at..end,
        quoted: false,
        join,
    })
}

/// The value that starts at `at` as free text: several words, up to a mark or to the next named value.
pub(super) fn text_at(view: &View<'_>, at: usize, join: Join) -> Option<Value> {
    if let Some(range) = quoted_at(view, at) {
        return (!range.is_empty()).then_some(Value {
            range,
            quoted: true,
            join,
        });
    }
    if join == Join::Space && PROSE.is(view.of(&(at..view.run(at, |b| b.is_ascii_alphabetic())))) {
        return None;
    }
    let mut end = at;
    let stop = view.s.len().min(at + BARE);
    while end < stop {
        match view.s[end] {
            b'\n' | b'\r' | b'\t' | b',' | b';' | b'|' | b'"' | b')' | b']' | b'}' | b'>'
            | b'<' | b'&' | MARK => break,
            b'{' | b'[' if end == at => break,
            b'\\' if matches!(view.at(end + 1), b'n' | b'r' | b't') => break,
            b' ' if text_ends_at_space(view, at, end) => break,
            0xe3 if matches!(
                view.char_at(end),
                Some('。' | '、' | '」' | '』' | '》' | '】')
            ) =>
            {
                break;
            }
            0xe2 if matches!(view.char_at(end), Some('→' | '—' | '…')) => break,
            _ => end += 1,
        }
    }
    while end > at && matches!(view.s[end - 1], b' ' | b'.' | b':' | b'-') {
        end -= 1;
    }
    view.step(end - at);
    (end > at).then_some(Value {
        range: at..end,
        quoted: false,
        join,
    })
}

/// Whether the text that began at `start` ends at this space: what follows is the program speaking again.
fn text_ends_at_space(view: &View<'_>, start: usize, space: usize) -> bool {
    let next = space + 1;
    let b = view.at(next);
    let text = view.of(&(start..space));
    if matches!(
        b,
        b' ' | b'-' | b'=' | b'(' | b'[' | b'{' | b'/' | b'#' | b'|' | 0
    ) {
        return true;
    }
    if b >= 0x80 {
        // A phrase in Chinese after a space is another thing.
        return true;
    }
    let word = view.run(next, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
    });
    if matches!(view.at(word), b'=' | b':') {
        return true;
    }
    let chosen = text.iter().any(|b| b.is_ascii_uppercase() || *b >= 0x80);
    b.is_ascii_lowercase() && (chosen || PROSE.is(view.of(&(next..word))))
}

/// Words with which a program goes on after a value.
#[rustfmt::skip]
static PROSE: Phrases<40> = Phrases::of(&[
    "in", "at", "for", "from", "to", "failed", "fail", "with", "after", "is", "was", "not", "on", "by", "and", "but",
    "has", "could", "timeout", "timed", "cost", "err", "error", "code", "took", "rejected", "already", "exists",
    "expired", "invalid", "lost", "via", "found", "connected", "disconnected", "changed", "joined", "left", "retry",
    "unreachable",
]);

/// Values that say that there is none, or how somebody hid it.
#[rustfmt::skip]
static NOTHING: Phrases<82> = Phrases::of(&[
    "null", "none", "nil", "true", "false", "(null)", "<null>", "undefined", "empty", "missing", "unknown", "n/a", "na", "nan", "void",
    "default", "invalid", "expired", "required", "redacted", "[redacted]", "hidden", "masked", "unset", "ok", "yes", "no", "0", "-1", "1",
    "-", "--", "...", "x", "xx", "xxx", "{}", "[]", "()", "%s", "%d", "%@", "{:?}", "?", "any", "all", "self", "some", "failed", "error",
    "not", "is", "for", "was", "and", "the", "a", "an", "none)", "string", "str", "int", "type", "为空", "空", "无", "未知", "缺失", "不存在",
    "错误", "无效", "已过期", "未设置", "失败", "不能为空", "不正确", "不匹配", "已存在", "已失效", "格式错误", "异常", "未找到",
]);

/// Whether a value says that there is none.
pub(super) fn says_nothing(value: &[u8]) -> bool {
    value.is_empty()
        || value.len() <= 14 && NOTHING.is(value)
        || value
            .iter()
            .all(|b| matches!(b, b'*' | b'x' | b'X' | b'.' | b'-' | b'#'))
}
