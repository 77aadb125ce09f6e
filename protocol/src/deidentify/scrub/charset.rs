//! Sets of Chinese characters as bitmaps, made while compiling.

/// The first character of the CJK Unified Ideographs block.
const FIRST: u32 = 0x4e00;
/// One past the last.
const END: u32 = 0xa000;
const WORDS: usize = ((END - FIRST) / 64) as usize;

/// Whether `c` is a Chinese character.
pub(super) const fn is_han(c: char) -> bool {
    matches!(c, '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

/// A set of characters of the CJK Unified Ideographs block.
pub(super) struct CharSet([u64; WORDS]);

impl CharSet {
    /// The characters of a text of three-byte characters.
    pub(super) const fn of(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut words = [0; WORDS];
        let mut at = 0;
        while at + 2 < bytes.len() {
            let code = (bytes[at] as u32 & 0x0f) << 12
                | (bytes[at + 1] as u32 & 0x3f) << 6
                | (bytes[at + 2] as u32 & 0x3f);
            words[((code - FIRST) / 64) as usize] |= 1 << (code % 64);
            at += 3;
        }
        Self(words)
    }

    pub(super) const fn has(&self, c: char) -> bool {
        let code = c as u32;
        code >= FIRST
            && code < END
            && self.0[((code - FIRST) / 64) as usize] >> (code % 64) & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_its_characters_and_no_others() {
        const SET: CharSet = CharSet::of("一王龥");
        assert!(SET.has('一') && SET.has('王') && SET.has('龥'));
        assert!(!SET.has('丁') && !SET.has('a') && !SET.has('‹') && !SET.has('\u{10ffff}'));
    }
}
