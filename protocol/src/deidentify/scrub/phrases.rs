//! Lists of words to look for at a place in a text. A filter answers most questions without reading the list, and chains
//! made while compiling lead to the few words that begin or end alike.

use super::view::{begins, ends};

/// Bits of the filter.
const BITS: usize = 1024;
/// Chains.
const CHAINS: usize = 128;
/// No word: the end of a chain.
const NONE: u8 = u8::MAX;

/// The words of one side: all that begin, or all that end, alike.
struct Side<const N: usize> {
    filter: [u64; BITS / 64],
    heads: [u8; CHAINS],
    next: [u8; N],
}

impl<const N: usize> Side<N> {
    const EMPTY: Self = Self {
        filter: [0; BITS / 64],
        heads: [NONE; CHAINS],
        next: [NONE; N],
    };

    /// Puts a word at the front of its chain.
    const fn add(&mut self, mark: usize, index: usize) {
        self.filter[mark / 64] |= 1 << (mark % 64);
        self.next[index] = self.heads[mark % CHAINS];
        self.heads[mark % CHAINS] = index as u8;
    }

    /// The words that may have this mark, in the order of the list.
    #[inline]
    fn chain(&self, mark: usize) -> impl Iterator<Item = usize> + '_ {
        let head = if self.filter[mark / 64] >> (mark % 64) & 1 == 1 {
            self.heads[mark % CHAINS]
        } else {
            NONE
        };
        let step = |index: u8| (index != NONE).then_some(index);
        std::iter::successors(step(head), move |&index| {
            step(self.next[usize::from(index)])
        })
        .map(usize::from)
    }
}

/// A list of words, in the order in which they are tried.
pub(super) struct Phrases<const N: usize> {
    list: &'static [&'static str; N],
    first: Side<N>,
    last: Side<N>,
}

/// A small number for the character that starts at `i`: its letter, or the low bits of its code point.
#[inline]
const fn mark(s: &[u8], i: usize) -> usize {
    let b = s[i];
    if b < 0x80 || i + 2 >= s.len() {
        return b.to_ascii_lowercase() as usize;
    }
    ((s[i + 1] as usize & 0x3f) << 6 | s[i + 2] as usize & 0x3f) % BITS
}

/// The same for the character that ends at `end`.
#[inline]
const fn mark_before(s: &[u8], end: usize) -> usize {
    let b = s[end - 1];
    if b < 0x80 || end < 3 {
        b.to_ascii_lowercase() as usize
    } else {
        mark(s, end - 3)
    }
}

impl<const N: usize> Phrases<N> {
    /// No word may be empty, and there may be no more than 254.
    pub(super) const fn of(list: &'static [&'static str; N]) -> Self {
        assert!(N < NONE as usize);
        let (mut first, mut last) = (Side::EMPTY, Side::EMPTY);
        let mut i = N;
        while i > 0 {
            i -= 1;
            let word = list[i].as_bytes();
            first.add(mark(word, 0), i);
            last.add(mark_before(word, word.len()), i);
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
        let rest = s.get(i..).filter(|rest| !rest.is_empty())?;
        let index = self
            .first
            .chain(mark(s, i))
            .find(|&index| begins(rest, self.list[index].as_bytes()))?;
        Some((self.list[index], index))
    }

    /// The first of the words that ends at `end`.
    pub(super) fn before(&self, s: &[u8], end: usize) -> Option<&'static str> {
        let text = s.get(..end).filter(|text| !text.is_empty())?;
        let index = self
            .last
            .chain(mark_before(s, end))
            .find(|&index| ends(text, self.list[index].as_bytes()))?;
        Some(self.list[index])
    }

    /// Whether `text` is one of the words, whatever its capitals.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        !text.is_empty()
            && self
                .first
                .chain(mark(text, 0))
                .any(|index| text.eq_ignore_ascii_case(self.list[index].as_bytes()))
    }

    /// Where each of the words that stand in `text` starts, and how long it is.
    pub(super) fn within<'a>(
        &'a self,
        text: &'a [u8],
    ) -> impl Iterator<Item = (usize, usize)> + 'a {
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
        static LIST: Phrases<3> = Phrases::of(&["超时", "timeout", "时"]);
        let text = "连接超时 timeout".as_bytes();
        assert_eq!(LIST.at(text, 6), Some("超时"));
        assert_eq!(LIST.at(text, 0), None);
        assert_eq!(LIST.before(text, 12), Some("超时"));
        assert!(LIST.any_in(text) && !LIST.any_in("连接".as_bytes()));
        assert_eq!(LIST.last_end(text), Some(text.len()));
        assert!(LIST.is(b"Timeout") && !LIST.is(b"time") && !LIST.is(b""));
    }

    #[test]
    fn of_two_words_that_begin_alike_the_first_of_the_list_is_found() {
        static LIST: Phrases<2> = Phrases::of(&["自治区", "自治"]);
        assert_eq!(LIST.at("自治区".as_bytes(), 0), Some("自治区"));
        assert_eq!(LIST.at("自治州".as_bytes(), 0), Some("自治"));
    }
}
