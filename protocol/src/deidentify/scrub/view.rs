//! The shadow with the questions that rules ask about a place in it.
//!
//! Word boundaries are about ASCII letters and digits only. A Chinese character beside an identifier is not a part of it.

use super::words::{self, Class};
use std::ops::Range;

/// A run of ASCII letters and digits, or of Chinese characters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    /// Chinese characters, and not ASCII.
    pub(super) han: bool,
    /// Whether there are digits in it.
    pub(super) digits: bool,
    /// Whether there are ASCII letters in it.
    pub(super) letters: bool,
}

impl Run {
    pub(super) fn len(&self) -> usize {
        self.end - self.start
    }
}

/// The shadow text of one piece.
pub(super) struct View<'a> {
    /// UTF-8.
    pub(super) s: &'a [u8],
    /// The runs of letters, digits and Chinese characters, in order. The letter of an escape such as `\n` is not part of one.
    pub(super) runs: Vec<Run>,
    /// What the name that ends with each run says, and where its known ending starts.
    names: Vec<Option<(usize, Class)>>,
    /// What has to stay although it looks like an identifier, in order.
    guarded: Vec<Range<usize>>,
    /// Which bytes occur at all, so that a family can pass over a text that has nothing for it.
    seen: [bool; 256],
}

/// What a byte is to the search for runs.
const OTHER: u8 = 0;
const DIGIT: u8 = 1;
const LETTER: u8 = 2;
const HAN: u8 = 4;

const CLASSES: [u8; 256] = {
    let mut classes = [OTHER; 256];
    let mut b = 0;
    while b < 256 {
        classes[b] = match b as u8 {
            b'0'..=b'9' => DIGIT,
            b'a'..=b'z' | b'A'..=b'Z' => LETTER,
            // The first bytes of U+4000 to U+9FFF.
            0xe4..=0xe9 => HAN,
            _ => OTHER,
        };
        b += 1;
    }
    classes
};

impl<'a> View<'a> {
    pub(super) fn new(s: &'a [u8]) -> Self {
        let mut view = Self {
            s,
            runs: Vec::with_capacity(s.len() / 6 + 4),
            names: Vec::new(),
            guarded: Vec::new(),
            seen: [false; 256],
        };
        view.read();
        view.names = view
            .runs
            .iter()
            .map(|run| words::ending_at(s, run.end))
            .collect();
        view.guarded = super::guard::find(&view);
        view
    }

    fn read(&mut self) {
        let (s, mut seen) = (self.s, [false; 256]);
        let mut see = |b: u8| seen[usize::from(b)] = true;
        let mut at = 0;
        while at < s.len() {
            let class = CLASSES[usize::from(s[at])];
            if class == OTHER {
                see(s[at]);
                // The letter of an escape stands alone.
                at += if s[at] == b'\\' && matches!(s.get(at + 1), Some(b'n' | b'r' | b't')) {
                    2
                } else {
                    1
                };
                continue;
            }
            let start = at;
            let mut kinds = 0;
            if class == HAN {
                while at < s.len() && CLASSES[usize::from(s[at])] == HAN {
                    see(s[at]);
                    at += 3;
                }
                at = at.min(s.len());
            } else {
                while at < s.len() && CLASSES[usize::from(s[at])] & (DIGIT | LETTER) != 0 {
                    kinds |= CLASSES[usize::from(s[at])];
                    see(s[at]);
                    at += 1;
                }
            }
            self.runs.push(Run {
                start,
                end: at,
                han: class == HAN,
                digits: kinds & DIGIT != 0,
                letters: kinds & LETTER != 0,
            });
        }
        self.seen = seen;
    }

    /// The known name that ends at `end`: where its ending starts, and what it says.
    pub(super) fn name_before(&self, end: usize) -> Option<(usize, Class)> {
        match self.runs.binary_search_by_key(&end, |run| run.end) {
            Ok(index) => self.names[index],
            Err(_) => words::ending_at(self.s, end),
        }
    }

    /// Each run with the name that ends with it.
    pub(super) fn named_runs(&self) -> impl Iterator<Item = (Run, Option<(usize, Class)>)> + '_ {
        self.runs.iter().copied().zip(self.names.iter().copied())
    }

    /// The runs of ASCII letters and digits.
    pub(super) fn words(&self) -> impl Iterator<Item = Run> + '_ {
        self.runs.iter().filter(|run| !run.han).copied()
    }

    /// The runs of Chinese characters.
    pub(super) fn han_runs(&self) -> impl Iterator<Item = Run> + '_ {
        self.runs.iter().filter(|run| run.han).copied()
    }

    /// Whether the byte occurs anywhere.
    pub(super) fn has(&self, b: u8) -> bool {
        self.seen[usize::from(b)]
    }

    pub(super) fn has_digits(&self) -> bool {
        self.seen[usize::from(b'0')..=usize::from(b'9')].contains(&true)
    }

    pub(super) fn has_han(&self) -> bool {
        self.seen[0xe4..=0xe9].contains(&true)
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
        self.run_of(start, usize::MAX, fits)
    }

    /// The end of the longest run of bytes that fit, from `start` on, of at most `most` bytes. Whoever may start again inside
    /// the run has to bound it, or the time is not linear.
    pub(super) fn run_of(&self, start: usize, most: usize, fits: impl Fn(u8) -> bool) -> usize {
        let end = start.saturating_add(most).min(self.s.len());
        let text = self.s.get(start..end).unwrap_or_default();
        let len = text.iter().take_while(|&&b| fits(b)).count();
        self.step(len);
        start + len
    }

    /// The start of the longest run of bytes that fit, back from `end`, at most `most` bytes.
    pub(super) fn run_back(&self, end: usize, most: usize, fits: impl Fn(u8) -> bool) -> usize {
        let text = &self.s[..end.min(self.s.len())];
        let len = text
            .iter()
            .rev()
            .take(most)
            .take_while(|&&b| fits(b))
            .count();
        self.step(len);
        end - len
    }

    /// Counts bytes that were read, so that a test can tell that they do not grow faster than the text.
    #[cfg(test)]
    pub(super) fn step(&self, bytes: usize) {
        STEPS.with(|steps| steps.set(steps.get() + bytes as u64 + 1));
    }

    #[cfg(not(test))]
    #[inline(always)]
    pub(super) fn step(&self, _: usize) {}

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

    /// Whether a Chinese character stands at `i`.
    pub(super) fn is_han_at(&self, i: usize) -> bool {
        CLASSES[usize::from(self.at(i))] == HAN
    }

    /// The Chinese character at `i`, which is three bytes long.
    pub(super) fn han_at(&self, i: usize) -> Option<char> {
        if !self.is_han_at(i) {
            return None;
        }
        let bits = |k: usize| u32::from(self.at(i + k) & 0x3f);
        char::from_u32((u32::from(self.at(i)) & 0x0f) << 12 | bits(1) << 6 | bits(2))
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
        while end - start < most * 3 && self.is_han_at(end) {
            end += 3;
        }
        end
    }

    /// Whether `text` stands at `i`.
    #[inline]
    pub(super) fn is_at(&self, i: usize, text: &str) -> bool {
        self.s
            .get(i..)
            .is_some_and(|rest| begins(rest, text.as_bytes()))
    }

    /// Whether `text` stands before `i`.
    #[inline]
    pub(super) fn is_before(&self, i: usize, text: &str) -> bool {
        self.s
            .get(..i)
            .is_some_and(|start| ends(start, text.as_bytes()))
    }

    /// Where `text` stands, all places.
    pub(super) fn places<'b>(&'b self, text: &'b str) -> impl Iterator<Item = usize> + 'b {
        let first = text.as_bytes()[0];
        (0..self.s.len()).filter(move |&i| self.s[i] == first && self.is_at(i, text))
    }

    /// The bytes of a range; nothing if it lies outside or runs backwards.
    pub(super) fn of(&self, range: &Range<usize>) -> &'a [u8] {
        self.s.get(range.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
thread_local! {
    /// Bytes read by the rules on this thread.
    pub(super) static STEPS: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Whether `text` begins with `word`. Most words differ in their first or last byte, and then nothing is called.
#[inline]
pub(super) fn begins(text: &[u8], word: &[u8]) -> bool {
    let len = word.len();
    len > 0
        && text.len() >= len
        && text[0] == word[0]
        && text[len - 1] == word[len - 1]
        && text.starts_with(word)
}

/// Whether `text` ends with `word`.
#[inline]
pub(super) fn ends(text: &[u8], word: &[u8]) -> bool {
    text.len() >= word.len() && begins(&text[text.len() - word.len()..], word)
}

/// Whether `text` holds `part`.
pub(super) fn holds(text: &[u8], part: &[u8]) -> bool {
    let Some(&first) = part.first() else {
        return true;
    };
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
