//! The scrubber: finds identifiers in text and puts a typed constant such as `‹phone›` in their place.
//!
//! One pass builds the [shadow](shadow), asks every family of identifiers what it finds there, merges what overlaps, and
//! cuts it out of the original. Passes repeat until nothing changes, so scrubbing what was scrubbed changes nothing.
//!
//! Replacements are constants, never part of the value and never a hash of it: there are so few phone numbers that a hash
//! of one can be looked up.

mod account;
mod bank;
mod birth;
mod charset;
mod citizen;
mod context;
mod device;
mod email;
mod guard;
mod keyed;
mod kind;
mod names_zh;
mod network;
mod numbers;
mod opaque;
mod os_user;
mod path;
mod person;
mod phone;
mod phrases;
mod place;
mod secret;
mod shadow;
mod sim;
mod view;
mod vocabulary;
mod words;
mod written;

pub use kind::Kind;

use shadow::Shadow;
use std::ops::Range;
use view::View;

/// A text without identifiers, and what was taken out of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scrubbed {
    /// The text that is left, with a typed constant in the place of each identifier.
    pub text: String,
    /// What was removed, in the order in which it stood.
    pub removed: Vec<Removed>,
}

/// One identifier that was removed. It says where the identifier stood and never what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// What it was taken for.
    pub kind: Kind,
    /// The rule that found it.
    pub rule: &'static str,
    /// Where it stood, in bytes of the original.
    pub range: Range<usize>,
}

/// How often a piece is scrubbed before it has to stand still. Two passes are the usual case: one that cuts and one that
/// finds nothing more.
const PASSES: usize = 5;

/// The longest piece that is looked at in one go, in bytes. Longer texts are taken in pieces, so that memory stays bounded.
const PIECE: usize = 64 * 1024;

/// Takes every identifier out of `text`. Total, and linear in its length.
pub fn scrub(text: &str) -> Scrubbed {
    let mut all = Scrubbed {
        text: String::with_capacity(text.len()),
        removed: Vec::new(),
    };
    let mut start = 0;
    while start < text.len() {
        let end = start + piece(&text[start..]);
        let (clean, removed) = scrub_piece(&text[start..end]);
        all.text.push_str(&clean);
        all.removed.extend(removed.into_iter().map(|mut one| {
            one.range = one.range.start + start..one.range.end + start;
            one
        }));
        start = end;
    }
    all
}

/// What is left of `text` after scrubbing it.
pub(super) fn clean(text: &str) -> String {
    scrub(text).text
}

/// The length of the next piece: whole lines if there are any, else up to a space, else whole characters.
fn piece(text: &str) -> usize {
    if text.len() <= PIECE {
        return text.len();
    }
    let mut end = PIECE;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = &text.as_bytes()[..end];
    let after = |byte: u8| head.iter().rposition(|&b| b == byte).map(|at| at + 1);
    after(b'\n').or_else(|| after(b' ')).unwrap_or(end)
}

fn scrub_piece(text: &str) -> (String, Vec<Removed>) {
    let mut removed = find(text);
    if removed.is_empty() {
        return (text.to_owned(), removed);
    }
    let mut clean = without(text, &removed);
    for _ in 1..PASSES {
        let more = find(&clean);
        if more.is_empty() {
            return (clean, removed);
        }
        let next = without(&clean, &more);
        removed = joined(removed, more, text.len());
        clean = next;
    }
    // Text that never stands still was built to do so; nothing of it is worth keeping.
    let all = Removed {
        kind: Kind::Text,
        rule: "never stands still",
        range: 0..text.len(),
    };
    (Kind::Text.replacement().to_owned(), vec![all])
}

/// Looks for one family of identifiers in a text.
type Family = fn(&View<'_>, &mut Found);

const FAMILIES: &[Family] = &[
    secret::find,
    email::find,
    citizen::find,
    phone::find,
    numbers::find,
    network::find,
    account::find,
    opaque::find,
    path::find,
    os_user::find,
    place::find,
    birth::find,
    device::find,
    keyed::find,
    person::find,
    written::find,
];

/// One pass: what there is to remove, in order and without overlap.
fn find(text: &str) -> Vec<Removed> {
    let shadow = Shadow::new(text);
    let mut found = Found::default();
    let view = View::new(shadow.bytes());
    for family in FAMILIES {
        family(&view, &mut found);
    }
    person::beside(&view, &mut found);
    found.merged(&shadow, text)
}

/// What the families found, as ranges of the shadow.
#[derive(Default)]
struct Found(Vec<Removed>);

impl Found {
    fn cut(&mut self, range: Range<usize>, kind: Kind, rule: &'static str) {
        if range.start < range.end {
            self.0.push(Removed { kind, rule, range });
        }
    }

    fn merged(mut self, shadow: &Shadow<'_>, text: &str) -> Vec<Removed> {
        let seen = shadow.bytes();
        self.0
            .retain(|one| says_something(seen.get(one.range.clone()).unwrap_or_default()));
        self.0
            .sort_by_key(|one| (one.range.start, std::cmp::Reverse(one.range.end)));
        let mut merged: Vec<Removed> = Vec::with_capacity(self.0.len());
        for mut one in self.0 {
            one.range = whole_characters(text, shadow.original(&one.range));
            match merged.last_mut() {
                Some(last) if one.range.start < last.range.end => {
                    last.range.end = last.range.end.max(one.range.end);
                }
                _ => merged.push(one),
            }
        }
        merged
    }
}

/// Whether there is more to remove than replacements that an earlier pass made, and marks.
fn says_something(text: &[u8]) -> bool {
    text.iter()
        .any(|b| b.is_ascii_alphanumeric() || *b >= 0x80 || matches!(b, b'*' | b'?' | b'#' | b'$'))
        || !text.contains(&shadow::MARK)
}

fn whole_characters(text: &str, range: Range<usize>) -> Range<usize> {
    let (mut start, mut end) = (range.start.min(text.len()), range.end.min(text.len()));
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    while !text.is_char_boundary(end) {
        end += 1;
    }
    start..end.max(start)
}

fn without(text: &str, removed: &[Removed]) -> String {
    let mut left = String::with_capacity(text.len());
    let mut at = 0;
    for one in removed {
        left.push_str(&text[at..one.range.start]);
        left.push_str(one.kind.replacement());
        at = one.range.end;
    }
    left.push_str(&text[at..]);
    left
}

/// Adds what a later pass removed, with its ranges led back from the text that pass saw to the original.
fn joined(earlier: Vec<Removed>, later: Vec<Removed>, len: usize) -> Vec<Removed> {
    // Start and end of each replacement in the later text, beside the range it stands for.
    let mut shift = 0_isize;
    let places: Vec<(Range<usize>, Range<usize>)> = earlier
        .iter()
        .map(|one| {
            let start = one.range.start.saturating_add_signed(shift);
            let end = start + one.kind.replacement().len();
            shift = end as isize - one.range.end as isize;
            (start..end, one.range.clone())
        })
        .collect();
    let back = |at: usize, is_end: bool| {
        let before = places.partition_point(|(place, _)| place.start < at + usize::from(!is_end));
        match before.checked_sub(1).map(|i| &places[i]) {
            None => at,
            Some((place, original)) if at < place.end || (at == place.end && is_end) => {
                if is_end {
                    original.end
                } else {
                    original.start
                }
            }
            Some((place, original)) => (original.end + (at - place.end)).min(len),
        }
    };
    let mut all = earlier.clone();
    all.extend(later.into_iter().map(|mut one| {
        one.range = back(one.range.start, false)..back(one.range.end, true);
        one
    }));
    all.sort_by_key(|one| (one.range.start, std::cmp::Reverse(one.range.end)));
    all.dedup_by(|next, kept| {
        let inside = next.range.start < kept.range.end;
        if inside {
            kept.range.end = kept.range.end.max(next.range.end);
        }
        inside
    });
    all
}

/// The length of the replacement at the start of `s`, if one of ours stands there.
fn replacement_at(s: &[u8]) -> Option<usize> {
    let name = s.strip_prefix("‹".as_bytes())?;
    let len = name
        .iter()
        .take(16)
        .position(|b| !(b.is_ascii_lowercase() || *b == b'-'))?;
    let known = name[len..].starts_with("›".as_bytes())
        && Kind::ALL
            .iter()
            .any(|kind| kind.name().len() == len && view::begins(name, kind.name().as_bytes()));
    known.then_some(len + "‹›".len())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that the rules read while they look at `text`.
    fn work(text: &str) -> u64 {
        view::STEPS.with(|steps| steps.set(0));
        assert!(text.len() < PIECE);
        drop(scrub(text));
        view::STEPS.with(std::cell::Cell::get)
    }

    #[test]
    fn twice_the_text_is_twice_the_work() {
        for unit in [
            "a",
            "a ",
            "a.",
            "a_",
            "a-",
            "1",
            "1 ",
            "1.",
            "1-",
            "1:",
            "0:",
            "f:",
            "::",
            "\"",
            "'",
            "「",
            "「a",
            "@",
            "a@",
            "@a.b",
            "/",
            "/home/",
            "\\",
            "\\u4e00",
            "%E4%B8%80",
            "%25",
            "(",
            "[",
            "{",
            "<",
            "+",
            "+1 ",
            "u_a",
            "u_1_",
            "_Z",
            "_R1",
            "0x",
            "eyJ",
            "eyJ.",
            "eyJa.b",
            "text ",
            "text=",
            "text: a ",
            "name=",
            "cookie: ",
            "Set-Cookie: a=1;",
            "password ",
            "user ",
            "for user ",
            "-----BEGIN ",
            "-----BEGIN A----- -----END A----- ",
            "P<",
            "<<",
            "AKIA",
            "::h0",
            "/rustc/",
            "2024-01-01T00:00:00",
            "王",
            "王芳",
            "张伟的",
            "的iPhone",
            "北京市",
            "区路9号",
            "用户",
            "姓名王",
            "群",
            "家长群",
            "我",
            "。",
            "：",
            "１",
            "138",
            "138 0000 0000 ",
            "7100000000000000001 ",
            "1.1.1.1 ",
            "39.904200,116.407400 ",
            "男,",
            "~a/",
            "://a@",
            ":APA91",
            "@TGS#",
            " -u a:b",
            "‹phone›",
            "‹",
            "VALUES (",
            "(a) VALUES (",
            "a=",
            "a:",
            "a,b;",
            ".pdf",
            "-rw-r--r-- 1 a a ",
            "Dear A ",
            "id=1(a) ",
            "\u{200b}",
            "é",
            "😀",
        ] {
            let half = unit.repeat(8 * 1024 / unit.len());
            let whole = unit.repeat(16 * 1024 / unit.len());
            let (less, more) = (work(&half), work(&whole));
            assert!(
                more <= less * 5 / 2 + 1000,
                "{unit:?}: {less} steps for half, {more} for all"
            );
        }
    }
}
