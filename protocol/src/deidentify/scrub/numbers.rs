//! Runs of digits: walks over them once and asks the families whose number it is.

use super::{
    Found, account, bank, citizen,
    context::{Join, Key, key_before},
    phone, sim,
    view::View,
    words::Class,
};
use std::ops::Range;

/// The most digits that any family wants.
const MOST: usize = 24;
/// The most groups that one number is written in.
const GROUPS: usize = 20;

/// A number as it stands in the text: its digits, and how they are grouped.
pub(super) struct Number {
    digits: [u8; MOST],
    len: usize,
    groups: [u8; GROUPS],
    parts: usize,
    /// What separates the groups.
    pub(super) separator: u8,
    /// Where it stands.
    pub(super) range: Range<usize>,
    /// The word before it.
    pub(super) key: Option<Key>,
}

impl Number {
    pub(super) fn digits(&self) -> &[u8] {
        &self.digits[..self.len]
    }
    /// How many digits each group has.
    pub(super) fn groups(&self) -> &[u8] {
        &self.groups[..self.parts]
    }
    pub(super) fn is_plain(&self) -> bool {
        self.parts == 1
    }
    pub(super) fn class(&self) -> Option<Class> {
        self.key.map(|key| key.class)
    }
    /// The class, if the word is joined to the number by more than standing next to it.
    pub(super) fn assigned(&self) -> Option<Class> {
        self.key
            .filter(|key| key.join != Join::Space)
            .map(|key| key.class)
    }
    pub(super) fn singles(&self) -> bool {
        self.parts > 4 && self.groups().iter().all(|&n| n == 1)
    }
}

/// Something that knows a kind of number.
type Family = fn(&View<'_>, &Number) -> Option<Verdict>;

/// What a family says about a number.
pub(super) struct Verdict {
    pub(super) kind: super::Kind,
    pub(super) rule: &'static str,
    /// How many bytes after the number belong to it.
    pub(super) more: usize,
}

impl Verdict {
    pub(super) fn new(kind: super::Kind, rule: &'static str) -> Option<Self> {
        Some(Self {
            kind,
            rule,
            more: 0,
        })
    }
}

/// From the most specific shape to the least.
const FAMILIES: &[Family] = &[
    citizen::number,
    phone::number,
    sim::number,
    bank::number,
    account::social_number,
    account::number,
];

pub(super) fn find(view: &View<'_>, found: &mut Found) {
    if !view.has_digits() {
        return;
    }
    let mut next = 0;
    for run in view.words().filter(|run| run.digits) {
        let mut at = run.start.max(next);
        while at < run.end {
            let end = view.run(at, |b| b.is_ascii_digit());
            if end > at {
                next = number_at(view, at, end, found).max(end);
                at = next;
            } else {
                at += 1;
            }
        }
    }
}

/// Judges the number whose first run of digits is given; answers where to go on.
fn number_at(view: &View<'_>, start: usize, end: usize, found: &mut Found) -> usize {
    if !may_begin(view, start, end) || view.guarded(&(start..end)) {
        return end;
    }
    let mut number = plain(start, end);
    let grouped = grouped(view, start, end);
    if number.len < 5 && grouped.is_none() || number.len > MOST {
        return end;
    }
    number.fill(view);
    number.key = key_before(view, start_of_range(view, start));
    if measures(view, &number) {
        return end;
    }
    if let Some(mut grouped) = grouped {
        grouped.key = number.key;
        // A longer number may begin like a shorter one.
        loop {
            if ends_well(view, &grouped)
                && let Some(verdict) = FAMILIES.iter().find_map(|family| family(view, &grouped))
            {
                let end = grouped.range.end + verdict.more;
                found.cut(grouped.range.start..end, verdict.kind, verdict.rule);
                return end;
            }
            if grouped.parts <= 2 {
                break;
            }
            grouped.parts -= 1;
            let last = usize::from(grouped.groups[grouped.parts]);
            grouped.len -= last;
            grouped.range.end -= last + 1;
        }
    }
    if number.len >= 5
        && ends_well(view, &number)
        && let Some(verdict) = FAMILIES.iter().find_map(|family| family(view, &number))
    {
        let end = number.range.end + verdict.more;
        found.cut(number.range.start..end, verdict.kind, verdict.rule);
        return end;
    }
    end
}

/// Where the range that ends with the number at `start` begins: `13800000000-13800004095`.
fn start_of_range(view: &View<'_>, start: usize) -> usize {
    if !matches!(view.before(start), b'-' | b'/' | b'~') {
        return start;
    }
    let first = view.run_back(start - 1, 48, |b| b.is_ascii_digit() || b == b'-');
    if first + 4 < start { first } else { start }
}

fn plain(start: usize, end: usize) -> Number {
    let mut groups = [0; GROUPS];
    groups[0] = u8::try_from(end - start).unwrap_or(u8::MAX);
    Number {
        digits: [0; MOST],
        len: end - start,
        groups,
        parts: 1,
        separator: 0,
        range: start..end,
        key: None,
    }
}

impl Number {
    fn fill(&mut self, view: &View<'_>) {
        let digits = view.of(&self.range).iter().filter(|b| b.is_ascii_digit());
        for (to, from) in self.digits.iter_mut().zip(digits) {
            *to = *from;
        }
    }
}

/// Groups of digits with the same single separator between them.
fn grouped(view: &View<'_>, start: usize, end: usize) -> Option<Number> {
    let separator = view.at(end);
    let wide = if view.is_at(end, "·") { 2 } else { 1 };
    if !matches!(separator, b' ' | b'-' | b'.' | b'_') || end - start > 8 || wide == 2 {
        return None;
    }
    let mut number = plain(start, end);
    number.separator = separator;
    let mut at = end;
    while number.parts < GROUPS && view.at(at) == separator {
        let next = view.run(at + 1, |b| b.is_ascii_digit());
        let len = next - at - 1;
        if len == 0 || len > 12 || number.len + len > MOST {
            break;
        }
        // The last run may belong to a word: `138 0000 0000 3rd`.
        if view.at(next).is_ascii_alphabetic() && !matches!(view.at(next), b'x' | b'X') {
            break;
        }
        number.groups[number.parts] = len as u8;
        number.parts += 1;
        number.len += len;
        number.range.end = next;
        at = next;
    }
    if number.parts < 2 || number.len < 7 {
        return None;
    }
    number.fill(view);
    Some(number)
}

/// Whether a number may begin here: not inside a word, a decimal or a longer number.
fn may_begin(view: &View<'_>, start: usize, end: usize) -> bool {
    let before = view.before(start);
    if before == b'.' && start >= 2 && view.s[start - 2].is_ascii_digit() {
        return false;
    }
    if view.opens(start) {
        return true;
    }
    // Letters touch it: only a word that says what it is, or a long number after a short word, may do that.
    let word = view.run_back(start, 16, |b| b.is_ascii_alphabetic());
    let name = view.of(&(word..start));
    let known = view.name_before(start).is_some_and(|(at, class)| {
        at <= word
            && matches!(
                class,
                Class::Phone
                    | Class::Account
                    | Class::User
                    | Class::Social
                    | Class::Conversation
                    | Class::Id
                    | Class::IdCard
                    | Class::Card
                    | Class::Imei
                    | Class::Imsi
                    | Class::Iccid
                    | Class::Peer
                    | Class::Group
                    | Class::DeviceId
            )
    });
    let hex = name.len() < 4
        && name.iter().all(|b| b.is_ascii_hexdigit())
        && view.before(word).is_ascii_digit();
    !hex && view.opens(word)
        && (known
            || (end - start >= 15
                && name.len() <= 6
                && !name.eq_ignore_ascii_case(b"x")
                && !name.eq_ignore_ascii_case(b"e")))
}

/// Whether a number may end where this one does: no letter, no decimals, no unit.
fn ends_well(view: &View<'_>, number: &Number) -> bool {
    let end = number.range.end;
    let after = view.at(end);
    if after.is_ascii_digit() {
        return false;
    }
    if after == b'.' && view.at(end + 1).is_ascii_digit() {
        return false;
    }
    if after.is_ascii_alphabetic() {
        // The check character of an identity card, and an extension.
        return matches!(after, b'x' | b'X') && view.closes(end + 1) && number.digits().len() == 17;
    }
    !unit_follows(view, end)
}

/// Units that say that a number measures something.
fn unit_follows(view: &View<'_>, end: usize) -> bool {
    let at = if view.at(end) == b' ' { end + 1 } else { end };
    let word = view.run(at, |b| b.is_ascii_alphabetic());
    if at != end
        && super::view::is_one_of(
            view.of(&(at..word)),
            &[
                "bytes",
                "byte",
                "ns",
                "us",
                "ms",
                "ticks",
                "cycles",
                "since",
                "kb",
                "mb",
                "nanoseconds",
                "nanos",
                "micros",
                "microseconds",
                "bits",
                "msec",
                "usec",
                "nsec",
                "samples",
                "blocks",
                "sectors",
                "rows",
                "hz",
            ],
        )
    {
        return true;
    }
    [
        "字节",
        "毫秒",
        "微秒",
        "纳秒",
        "个字节",
        "次",
        "个周期",
        "%",
    ]
    .iter()
    .any(|unit| view.is_at(at, unit))
}

/// Whether the word before the number, or the register it stands in, says that it is no identifier.
fn measures(view: &View<'_>, number: &Number) -> bool {
    match number.class() {
        Some(Class::Metric | Class::Digest | Class::Version) => true,
        _ => register_before(view, number.range.start),
    }
}

/// `x19 0000000000059646`, `rax: 00007ffd`, `pc 000000000004f2a8`.
fn register_before(view: &View<'_>, start: usize) -> bool {
    let at = view.run_back(start, 3, |b| matches!(b, b' ' | b'=' | b':'));
    let word = view.run_back(at, 6, |b| b.is_ascii_alphanumeric());
    let name = view.of(&(word..at));
    if at == start || name.len() < 2 || !view.opens(word) {
        return false;
    }
    let numbered = matches!(name[0], b'x' | b'r' | b'w' | b'd' | b'q' | b'v')
        && name[1..].iter().all(u8::is_ascii_digit)
        && name.len() <= 3;
    numbered
        || super::view::is_one_of(
            name,
            &[
                "pc", "lr", "sp", "fp", "ip", "rip", "rsp", "rbp", "rax", "rbx", "rcx", "rdx",
                "rsi", "rdi", "eip", "esp", "eax", "ebx", "ecx", "edx", "pst", "cpsr", "far",
                "esr", "addr", "cr2", "efl",
            ],
        ) && !name.eq_ignore_ascii_case(b"ip")
}
