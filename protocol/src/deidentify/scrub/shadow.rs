//! The text as the rules see it: compatibility forms folded, escapes decoded, invisible characters gone, and a map back.
//!
//! Identifiers are looked for in the shadow and cut out of the original, so a phone number in full-width digits, with
//! zero-width spaces inside or percent-encoded is the same phone number.

use std::{borrow::Cow, ops::Range};

/// Stands in the shadow for a replacement that an earlier pass made. No rule matches it.
pub(super) const MARK: u8 = 0x1a;

/// A text as the rules see it.
pub(super) struct Shadow<'a> {
    bytes: Cow<'a, [u8]>,
    /// Where each byte of the shadow comes from, and one more for the end; absent while nothing was changed.
    origin: Option<Vec<u32>>,
    end: usize,
}

impl<'a> Shadow<'a> {
    /// `text` must be shorter than 4 GiB; the caller works in pieces that are.
    pub(super) fn new(text: &'a str) -> Self {
        let mut shadow = Shadow {
            bytes: Cow::Borrowed(text.as_bytes()),
            origin: None,
            end: text.len(),
        };
        for _ in 0..2 {
            if !shadow.rewrite(ESCAPE, unescape) {
                break;
            }
        }
        shadow.rewrite(FOLD, fold);
        shadow
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The range of the original that a range of the shadow stands for.
    pub(super) fn original(&self, range: &Range<usize>) -> Range<usize> {
        let at = |i: usize| match &self.origin {
            None => i,
            Some(origin) => origin.get(i).map_or(self.end, |&at| at as usize),
        };
        at(range.start)..at(range.end)
    }

    /// Applies one rule wherever a byte may begin what it is about. The rule answers how many bytes it read and what stands
    /// for them.
    fn rewrite(&mut self, kind: u8, rule: impl Fn(&[u8]) -> Option<(usize, Written)>) -> bool {
        let from = &*self.bytes;
        let Some(first) = (0..from.len())
            .find(|&i| TRIGGERS[usize::from(from[i])] & kind != 0 && rule(&from[i..]).is_some())
        else {
            return false;
        };
        let source = |i: usize| match &self.origin {
            None => i as u32,
            Some(origin) => origin.get(i).copied().unwrap_or(self.end as u32),
        };
        let mut bytes = Vec::with_capacity(from.len());
        let mut origin = Vec::with_capacity(from.len() + 1);
        bytes.extend_from_slice(&from[..first]);
        origin.extend((0..first).map(source));
        let (mut at, mut kept) = (first, first);
        while at < from.len() {
            match (TRIGGERS[usize::from(from[at])] & kind != 0)
                .then(|| rule(&from[at..]))
                .flatten()
            {
                None => at += 1,
                Some((read, written)) => {
                    bytes.extend_from_slice(&from[kept..at]);
                    origin.extend((kept..at).map(source));
                    bytes.extend_from_slice(written.as_slice());
                    origin.extend(written.as_slice().iter().map(|_| source(at)));
                    at += read;
                    kept = at;
                }
            }
        }
        bytes.extend_from_slice(from.get(kept..).unwrap_or_default());
        origin.extend((kept..from.len()).map(source));
        origin.push(self.end as u32);
        self.bytes = Cow::Owned(bytes);
        self.origin = Some(origin);
        true
    }
}

/// Bytes with which an escape may begin.
const ESCAPE: u8 = 1;
/// Bytes with which a compatibility form may begin.
const FOLD: u8 = 2;

static TRIGGERS: [u8; 256] = {
    let mut kinds = [0; 256];
    let mut b = 0;
    while b < 256 {
        kinds[b] = match b as u8 {
            b'\\' | b'%' | b'&' => ESCAPE,
            0xc2 | 0xcd | 0xd9 | 0xdb | 0xe1..=0xe3 | 0xef | 0xf0 | MARK | b'[' | b'(' => FOLD,
            _ => 0,
        };
        b += 1;
    }
    kinds
};

/// At most four bytes, without allocating.
pub(super) struct Written([u8; 4], usize);

impl Written {
    fn char(c: char) -> Self {
        let mut bytes = [0; 4];
        let len = c.encode_utf8(&mut bytes).len();
        Self(bytes, len)
    }
    fn byte(byte: u8) -> Self {
        Self([byte, 0, 0, 0], 1)
    }
    fn nothing() -> Self {
        Self([0; 4], 0)
    }
    fn as_slice(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

/// One escape at the start of `s`: `\u9648`, `\U9648`, `\u{9648}`, `\xe9\x99\x88`, `\"`, `\\`, `\/`, `%E9%99%88`, `&#38472;`.
fn unescape(s: &[u8]) -> Option<(usize, Written)> {
    match s[0] {
        b'\\' => match *s.get(1)? {
            quote @ (b'"' | b'\'' | b'/' | b'\\') => match unescape_after_slashes(s) {
                None => Some((2, Written::byte(quote))),
                found => found,
            },
            b'u' | b'U' => unicode(s, 2),
            b'x' => encoded_bytes(s, b"\\x"),
            _ => None,
        },
        b'%' => encoded_bytes(s, b"%"),
        b'&' => entity(s),
        _ => None,
    }
}

/// `\\u9648`: the escape of an escape.
fn unescape_after_slashes(s: &[u8]) -> Option<(usize, Written)> {
    let slashes = s.iter().take(4).take_while(|&&b| b == b'\\').count();
    // Three are a backslash, as at the end of a directory's name, and then an escape.
    if !matches!(slashes, 2 | 4) || !matches!(s.get(slashes), Some(b'u' | b'U')) {
        return None;
    }
    unicode(s, slashes + 1)
}

fn unicode(s: &[u8], digits_at: usize) -> Option<(usize, Written)> {
    if s.get(digits_at) == Some(&b'{') {
        let close = s[digits_at..].iter().take(9).position(|&b| b == b'}')? + digits_at;
        let c = char::from_u32(hex(&s[digits_at + 1..close])?)?;
        return Some((close + 1, Written::char(c)));
    }
    let (mut code, mut end) = (hex(s.get(digits_at..digits_at + 4)?)?, digits_at + 4);
    if (0xd800..0xdc00).contains(&code)
        && let Some(rest) = s.get(end..)
        && rest.starts_with(b"\\")
        && matches!(rest.get(1), Some(b'u' | b'U'))
        && let Some(low) = rest.get(2..6).and_then(hex)
        && (0xdc00..0xe000).contains(&low)
    {
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        end += 6;
    }
    Some((end, Written::char(char::from_u32(code)?)))
}

/// One character as escaped bytes, each after `prefix`.
fn encoded_bytes(s: &[u8], prefix: &[u8]) -> Option<(usize, Written)> {
    let step = prefix.len() + 2;
    let byte = |k: usize| -> Option<u8> {
        let one = s.get(k * step..(k + 1) * step)?;
        if !one.starts_with(prefix) {
            return None;
        }
        u8::try_from(hex(&one[prefix.len()..])?).ok()
    };
    let first = byte(0)?;
    let len = match first {
        0x20..=0x7e => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let mut bytes = [0; 4];
    for (k, to) in bytes.iter_mut().take(len).enumerate() {
        *to = byte(k)?;
    }
    std::str::from_utf8(&bytes[..len]).ok()?;
    Some((len * step, Written(bytes, len)))
}

fn entity(s: &[u8]) -> Option<(usize, Written)> {
    for (name, byte) in [
        (&b"&amp;"[..], b'&'),
        (b"&lt;", b'<'),
        (b"&gt;", b'>'),
        (b"&quot;", b'"'),
        (b"&apos;", b'\''),
    ] {
        if s.starts_with(name) {
            return Some((name.len(), Written::byte(byte)));
        }
    }
    if s.get(1) != Some(&b'#') {
        return None;
    }
    let end = s.iter().take(10).position(|&b| b == b';')?;
    let code = match s[2] {
        b'x' | b'X' => hex(&s[3..end])?,
        _ => std::str::from_utf8(&s[2..end]).ok()?.parse().ok()?,
    };
    Some((
        end + 1,
        Written::char(char::from_u32(code).filter(|c| !c.is_control())?),
    ))
}

fn hex(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 6 {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |sum, &b| Some(sum * 16 + char::from(b).to_digit(16)?))
}

/// One character at the start of `s` that stands for another: the compatibility forms that a keyboard or a converter makes.
fn fold(s: &[u8]) -> Option<(usize, Written)> {
    match s[0] {
        MARK => return Some((1, Written::byte(b' '))),
        b'[' | b'(' => return spelled_out(s),
        _ => {}
    }
    if s.starts_with("‹".as_bytes()) {
        let len = super::replacement_at(s)?;
        return Some((len, Written::byte(MARK)));
    }
    let len = match s[0] {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        _ => 4,
    };
    // Most characters are what they are.
    if s[0] == 0xe3 && s.get(1).is_some_and(|&b| b > 0x80 && b < 0x90 && b != 0x83) {
        return None;
    }
    let c = std::str::from_utf8(s.get(..len)?).ok()?.chars().next()?;
    let to = match c {
        '\u{ff01}'..='\u{ff5e}' => Written::byte((c as u32 - 0xfee0) as u8),
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => {
            Written::byte(b' ')
        }
        '\u{ad}'
        | '\u{34f}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => Written::nothing(),
        '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' => Written::byte(b'-'),
        '\u{2018}'..='\u{201b}' => Written::byte(b'\''),
        '\u{201c}'..='\u{201f}' => Written::byte(b'"'),
        '\u{2022}' | '\u{2027}' | '\u{2219}' | '\u{30fb}' => Written::char('·'),
        '\u{2024}' | '\u{fe52}' => Written::byte(b'.'),
        '\u{2236}' | '\u{fe13}' | '\u{fe55}' => Written::byte(b':'),
        '\u{fe50}' => Written::byte(b','),
        '\u{fe6b}' => Written::byte(b'@'),
        '\u{b2}' | '\u{b3}' => Written::byte(b'0' + (c as u32 - 0xb0) as u8),
        '\u{b9}' => Written::byte(b'1'),
        '\u{2070}' | '\u{2074}'..='\u{2079}' => Written::byte(b'0' + (c as u32 - 0x2070) as u8),
        '\u{2080}'..='\u{2089}' => Written::byte(b'0' + (c as u32 - 0x2080) as u8),
        '\u{2460}'..='\u{2468}' => Written::byte(b'1' + (c as u32 - 0x2460) as u8),
        '\u{24ea}' => Written::byte(b'0'),
        '\u{24b6}'..='\u{24cf}' => Written::byte(b'A' + (c as u32 - 0x24b6) as u8),
        '\u{24d0}'..='\u{24e9}' => Written::byte(b'a' + (c as u32 - 0x24d0) as u8),
        '\u{660}'..='\u{669}' => Written::byte(b'0' + (c as u32 - 0x660) as u8),
        '\u{6f0}'..='\u{6f9}' => Written::byte(b'0' + (c as u32 - 0x6f0) as u8),
        '\u{1d400}'..='\u{1d6a3}' => {
            let letter = ((c as u32 - 0x1d400) % 52) as u8;
            Written::byte(if letter < 26 {
                b'A' + letter
            } else {
                b'a' + letter - 26
            })
        }
        '\u{1d7ce}'..='\u{1d7ff}' => Written::byte(b'0' + ((c as u32 - 0x1d7ce) % 10) as u8),
        _ => return None,
    };
    Some((len, to))
}

/// `[at]`, `(dot)`, `[.]`: how people hide an address from a simple pattern.
fn spelled_out(s: &[u8]) -> Option<(usize, Written)> {
    if !matches!(s.get(1)?, b'a' | b'A' | b'd' | b'D' | b'.' | b'@' | b':') {
        return None;
    }
    let forms = [
        (&b"at"[..], b'@'),
        (b"@", b'@'),
        (b"dot", b'.'),
        (b".", b'.'),
        (b":", b':'),
    ];
    let close = if s[0] == b'[' { b']' } else { b')' };
    forms.into_iter().find_map(|(word, byte)| {
        let inner = s.get(1..=word.len())?;
        (inner.eq_ignore_ascii_case(word) && s.get(word.len() + 1) == Some(&close))
            .then(|| (word.len() + 2, Written::byte(byte)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str) -> String {
        String::from_utf8(Shadow::new(text).bytes().to_vec()).unwrap()
    }

    #[test]
    fn one_number_looks_the_same_however_it_is_written() {
        for text in [
            "１３８００００９２５５",
            "138\u{200b}0000\u{feff}9255",
            "%31%33%38%30%30%30%30%39%32%35%35",
            "𝟏𝟑𝟖𝟎𝟎𝟎𝟎𝟗𝟐𝟓𝟓",
        ] {
            assert_eq!(seen(text), "13800009255");
        }
    }

    #[test]
    fn escapes_of_every_language_are_decoded() {
        for text in [
            "陈静",
            "\\u9648\\u9759",
            "\\U9648\\U9759",
            "\\\\u9648\\\\u9759",
            "\\u{9648}\\u{9759}",
            "%E9%99%88%E9%9D%99",
            "%25E9%2599%2588%25E9%259D%2599",
            "\\xe9\\x99\\x88\\xe9\\x9d\\x99",
            "&#38472;&#x9759;",
        ] {
            assert_eq!(seen(text), "陈静", "{text}");
        }
        assert_eq!(seen("\\ud83d\\ude00"), "😀");
        assert_eq!(seen("Users\\\\\\u9648"), "Users\\陈");
        assert_eq!(seen("{\\\"name\\\":\\\"x\\\"}"), "{\"name\":\"x\"}");
        assert_eq!(seen("bob [at] example(dot)org"), "bob @ example.org");
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "50%ad",
            "100%",
            "C:\\new\\tab",
            "\\u12",
            "&nothing;",
            "a[b](c)",
            "‹nothing of ours›",
        ] {
            assert_eq!(seen(text), text);
        }
    }

    #[test]
    fn a_range_leads_back_to_the_original() {
        let text = "号码：１３８%30\u{200b}x";
        let shadow = Shadow::new(text);
        let at = shadow.bytes().iter().position(|&b| b == b'1').unwrap();
        let range = shadow.original(&(at..at + 4));
        assert_eq!(&text[range], "１３８%30\u{200b}");
    }
}
