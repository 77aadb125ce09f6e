//! Lists of words to look for at a place in a text, with a filter that answers most questions without reading the list.

use super::view::{begins, ends};

/// Bits of the filter.
const BITS: usize = 1024;

/// A list of words, in the order in which they are tried.
pub(super) struct Phrases {
    list: &'static [&'static str],
    /// The first characters of the words.
    first: [u64; BITS / 64],
    /// The last ones.
    last: [u64; BITS / 64],
}

/// A small number for the character that starts at `i`: its letter, or the low bits of its code point.
const fn mark(s: &[u8], i: usize) -> usize {
    let b = s[i];
    if b < 0x80 || i + 2 >= s.len() {
        return b.to_ascii_lowercase() as usize;
    }
    ((s[i + 1] as usize & 0x3f) << 6 | s[i + 2] as usize & 0x3f) % BITS
}

/// The same for the character that ends at `end`.
const fn mark_before(s: &[u8], end: usize) -> usize {
    let b = s[end - 1];
    if b < 0x80 || end < 3 { b.to_ascii_lowercase() as usize } else { mark(s, end - 3) }
}

impl Phrases {
    pub(super) const fn of(list: &'static [&'static str]) -> Self {
        let (mut first, mut last) = ([0; BITS / 64], [0; BITS / 64]);
        let mut i = 0;
        while i < list.len() {
            let word = list[i].as_bytes();
            let (start, end) = (mark(word, 0), mark_before(word, word.len()));
            first[start / 64] |= 1 << (start % 64);
            last[end / 64] |= 1 << (end % 64);
            i += 1;
        }
        Self { list, first, last }
    }

    /// The first of the words that stands at `i`.
    #[inline]
    pub(super) fn at(&self, s: &[u8], i: usize) -> Option<&'static str> {
        self.entry_at(s, i).map(|(word, _)| word)
    }

    /// The first of the words that stands at `i`, and its place in the list.
    #[inline]
    pub(super) fn entry_at(&self, s: &[u8], i: usize) -> Option<(&'static str, usize)> {
        if i >= s.len() {
            return None;
        }
        let bit = mark(s, i);
        if self.first[bit / 64] >> (bit % 64) & 1 == 0 { None } else { self.read_at(s, i) }
    }

    #[inline(never)]
    fn read_at(&self, s: &[u8], i: usize) -> Option<(&'static str, usize)> {
        let rest = &s[i..];
        let index = self.list.iter().position(|word| begins(rest, word.as_bytes()))?;
        Some((self.list[index], index))
    }

    /// The first of the words that ends at `end`.
    pub(super) fn before(&self, s: &[u8], end: usize) -> Option<&'static str> {
        if end == 0 || end > s.len() {
            return None;
        }
        let bit = mark_before(s, end);
        if self.last[bit / 64] >> (bit % 64) & 1 == 0 {
            return None;
        }
        let text = &s[..end];
        self.list.iter().find(|word| ends(text, word.as_bytes())).copied()
    }

    /// Whether `text` is one of the words.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        if text.is_empty() {
            return false;
        }
        let bit = mark(text, 0);
        self.first[bit / 64] >> (bit % 64) & 1 == 1 && self.list.iter().any(|word| text == word.as_bytes())
    }

    /// Where each of the words that stand in `text` starts, and how long it is.
    pub(super) fn within<'a>(&'a self, text: &'a [u8]) -> impl Iterator<Item = (usize, usize)> + 'a {
        (0..text.len()).filter_map(|i| self.at(text, i).map(|word| (i, word.len())))
    }

    /// Whether one of the words stands in `text`.
    pub(super) fn any_in(&self, text: &[u8]) -> bool {
        self.within(text).next().is_some()
    }

    /// Where the last of the words in `text` ends.
    pub(super) fn last_end(&self, text: &[u8]) -> Option<usize> {
        self.within(text).map(|(start, len)| start + len).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_where_they_stand() {
        const LIST: Phrases = Phrases::of(&["超时", "timeout", "时"]);
        let text = "连接超时 timeout".as_bytes();
        assert_eq!(LIST.at(text, 6), Some("超时"));
        assert_eq!(LIST.at(text, 0), None);
        assert_eq!(LIST.before(text, 12), Some("超时"));
        assert!(LIST.any_in(text) && !LIST.any_in("连接".as_bytes()));
        assert_eq!(LIST.last_end(text), Some(text.len()));
        assert!(LIST.is(b"timeout") && !LIST.is(b"time"));
    }
}
