//! The shadow with the questions that rules ask about a place in it.
//!
//! Word boundaries are about ASCII letters and digits only. A Chinese character beside an identifier is not a part of it.

use super::charset::is_han;
use std::ops::Range;

/// The shadow text of one piece.
pub(super) struct View<'a> {
    /// UTF-8.
    pub(super) s: &'a [u8],
    /// What has to stay although it looks like an identifier, in order.
    guarded: Vec<Range<usize>>,
    /// Which bytes occur at all, so that a family can pass over a text that has nothing for it.
    seen: [u64; 4],
}

impl<'a> View<'a> {
    pub(super) fn new(s: &'a [u8]) -> Self {
        let mut seen = [0_u64; 4];
        for &b in s {
            seen[usize::from(b >> 6)] |= 1 << (b & 63);
        }
        let mut view = Self {
            s,
            guarded: Vec::new(),
            seen,
        };
        view.guarded = super::guard::find(&view);
        view
    }

    /// Whether the byte occurs anywhere.
    pub(super) fn has(&self, b: u8) -> bool {
        self.seen[usize::from(b >> 6)] >> (b & 63) & 1 == 1
    }

    pub(super) fn has_digits(&self) -> bool {
        self.seen[0] & (0x3ff << 48) != 0
    }

    pub(super) fn has_han(&self) -> bool {
        (0xe3..=0xe9).any(|b| self.has(b))
    }

    /// The byte at `i`, or zero outside.
    pub(super) fn at(&self, i: usize) -> u8 {
        self.s.get(i).copied().unwrap_or(0)
    }

    /// The byte before `i`, or zero at the start.
    pub(super) fn before(&self, i: usize) -> u8 {
        if i == 0 { 0 } else { self.at(i - 1) }
    }

    /// Whether the range touches something that has to stay.
    pub(super) fn guarded(&self, range: &Range<usize>) -> bool {
        let next = self.guarded.partition_point(|kept| kept.end <= range.start);
        self.guarded
            .get(next)
            .is_some_and(|kept| kept.start < range.end)
    }

    /// Whether a word begins at `i`: no ASCII letter or digit stands before it. The letter of an escape such as `\n` is none.
    pub(super) fn opens(&self, i: usize) -> bool {
        let b = self.before(i);
        !b.is_ascii_alphanumeric()
            || (matches!(b, b'n' | b'r' | b't') && i >= 2 && self.s[i - 2] == b'\\')
    }

    /// Whether a word ends at `i`: no ASCII letter or digit stands there.
    pub(super) fn closes(&self, i: usize) -> bool {
        !self.at(i).is_ascii_alphanumeric()
    }

    /// Whether no ASCII letter or digit touches the range.
    pub(super) fn stands_alone(&self, range: &Range<usize>) -> bool {
        self.opens(range.start) && self.closes(range.end)
    }

    /// The end of the longest run of bytes that fit, from `start` on.
    pub(super) fn run(&self, start: usize, fits: impl Fn(u8) -> bool) -> usize {
        start
            + self.s[start.min(self.s.len())..]
                .iter()
                .take_while(|&&b| fits(b))
                .count()
    }

    /// The start of the longest run of bytes that fit, back from `end`, at most `most` bytes.
    pub(super) fn run_back(&self, end: usize, most: usize, fits: impl Fn(u8) -> bool) -> usize {
        end - self.s[..end.min(self.s.len())]
            .iter()
            .rev()
            .take(most)
            .take_while(|&&b| fits(b))
            .count()
    }

    /// The character at `i`.
    pub(super) fn char_at(&self, i: usize) -> Option<char> {
        let b = *self.s.get(i)?;
        if b < 0x80 {
            return Some(char::from(b));
        }
        let len = match b {
            0xc0..=0xdf => 2,
            0xe0..=0xef => 3,
            _ => 4,
        };
        std::str::from_utf8(self.s.get(i..i + len)?)
            .ok()?
            .chars()
            .next()
    }

    /// The character before `i`.
    pub(super) fn char_before(&self, i: usize) -> Option<char> {
        let mut start = i.checked_sub(1)?;
        while start > 0 && i - start < 4 && self.s[start] & 0xc0 == 0x80 {
            start -= 1;
        }
        self.char_at(start)
    }

    /// The Chinese character at `i`, which is three bytes long.
    pub(super) fn han_at(&self, i: usize) -> Option<char> {
        if !(0xe3..=0xe9).contains(&self.at(i)) {
            return None;
        }
        self.char_at(i).filter(|&c| is_han(c))
    }

    /// The Chinese character before `i`.
    pub(super) fn han_before(&self, i: usize) -> Option<char> {
        if i < 3 || self.s[i - 1] < 0x80 {
            return None;
        }
        self.han_at(i - 3)
    }

    /// The end of the run of Chinese characters from `start` on, of at most `most` characters.
    pub(super) fn han_run(&self, start: usize, most: usize) -> usize {
        let mut end = start;
        while end - start < most * 3 && self.han_at(end).is_some() {
            end += 3;
        }
        end
    }

    /// Whether `text` stands at `i`.
    #[inline]
    pub(super) fn is_at(&self, i: usize, text: &str) -> bool {
        self.s
            .get(i..)
            .is_some_and(|s| s.starts_with(text.as_bytes()))
    }

    /// Whether `text` stands before `i`.
    pub(super) fn is_before(&self, i: usize, text: &str) -> bool {
        self.s
            .get(..i)
            .is_some_and(|s| s.ends_with(text.as_bytes()))
    }

    /// The bytes of a range; nothing if it lies outside or runs backwards.
    pub(super) fn of(&self, range: &Range<usize>) -> &'a [u8] {
        self.s.get(range.clone()).unwrap_or_default()
    }
}

/// Whether `text` holds `part`.
pub(super) fn holds(text: &[u8], part: &[u8]) -> bool {
    let Some(&first) = part.first() else { return true };
    (0..text.len()).any(|i| text[i] == first && text[i..].starts_with(part))
}

/// Whether `text` holds a Chinese character.
pub(super) fn holds_han(text: &[u8]) -> bool {
    text.iter().any(|b| (0xe4..=0xe9).contains(b))
}

/// Whether `text`, in small letters, is one of `words`.
pub(super) fn is_one_of(text: &[u8], words: &[&str]) -> bool {
    words
        .iter()
        .any(|w| text.eq_ignore_ascii_case(w.as_bytes()))
}
