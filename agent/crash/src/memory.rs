//! Reading memory that may not be there.

use crate::copy::Copied;
use crate::sys;

/// Reads words at any address: each page is asked of the kernel once and remembered for a while. Anywhere.
pub(crate) struct Memory {
    /// Numbers of the pages that were readable a moment ago, plus one; 0 for none.
    pages: [usize; 8],
    next: usize,
    /// The one that was asked for last: stacks are read page by page.
    last: usize,
    /// What is read from a copy, because it may have changed since.
    copied: Option<Copied>,
}

impl Memory {
    pub(crate) const fn new() -> Self {
        Self {
            pages: [0; 8],
            next: 0,
            last: 0,
            copied: None,
        }
    }

    /// Memory as it is, but for what was copied: that is as it was then.
    pub(crate) const fn with_copy(copied: Copied) -> Self {
        Self {
            copied: Some(copied),
            ..Self::new()
        }
    }

    /// Whether a frame that ends at `sp` is not in the copy, where there is one.
    pub(crate) fn is_beyond_copy(&self, sp: usize) -> bool {
        self.copied.is_some_and(|copied| !copied.holds(sp))
    }

    fn page_is_readable(&mut self, address: usize) -> bool {
        let page = address / sys::PAGE + 1;
        if page == self.last {
            return true;
        }
        if self.pages.contains(&page) {
            self.last = page;
            return true;
        }
        // An aligned word inside the page: the kernel reads eight bytes.
        let readable = sys::readable(address & !(sys::PAGE - 1));
        if readable {
            self.pages[self.next % self.pages.len()] = page;
            self.next = self.next.wrapping_add(1);
        }
        readable
    }

    /// The word at `address`.
    pub(crate) fn word(&mut self, address: usize) -> Option<usize> {
        if let Some(word) = self.copied.and_then(|copied| copied.word(address)) {
            return Some(word);
        }
        let last = address.checked_add(7)?;
        let crosses = last / sys::PAGE != address / sys::PAGE;
        if !self.page_is_readable(address) || (crosses && !self.page_is_readable(last)) {
            return None;
        }
        // SAFETY: both pages could be read a moment ago. Another thread may unmap them in between: then this faults, which
        // the handler takes as a nested fault and ends the process as it would have ended.
        Some(unsafe { sys::peek(address) })
    }

    /// Four bytes at `address`.
    pub(crate) fn half(&mut self, address: usize) -> Option<u32> {
        let aligned = address & !7;
        let word = self.word(aligned)? >> (8 * (address - aligned));
        if address - aligned <= 4 {
            return Some(word as u32);
        }
        Some(self.word(address)? as u32)
    }

    /// The byte at `address`.
    pub(crate) fn byte(&mut self, address: usize) -> Option<u8> {
        let aligned = address & !7;
        Some((self.word(aligned)? >> (8 * (address - aligned))) as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_there_is_read_at_any_alignment() {
        let bytes: Vec<u8> = (0..64).collect();
        let mut memory = Memory::new();
        for offset in 0..56 {
            let at = bytes.as_ptr().expose_provenance() + offset;
            let expected = bytes[offset..offset + 8]
                .iter()
                .rev()
                .fold(0, |word, byte| (word << 8) | usize::from(*byte));
            assert_eq!(memory.word(at), Some(expected));
            assert_eq!(memory.half(at), Some(expected as u32));
            assert_eq!(memory.byte(at), Some(expected as u8));
        }
    }

    #[test]
    fn memory_that_is_not_there_is_not_read() {
        let mut memory = Memory::new();
        for address in [
            0,
            8,
            0x1000,
            usize::MAX - 3,
            0x8000_0000_0000_0000,
            0x7fff_ffff_f000,
        ] {
            assert_eq!(memory.word(address), None, "{address:#x}");
        }
        let stack = sys::map_stack(sys::PAGE).unwrap();
        let guard = stack.expose_provenance() - 8;
        assert_eq!(memory.word(guard), None, "a guard page");
        assert_eq!(
            memory.word(guard + 4),
            None,
            "a word that starts in a guard page"
        );
        assert_eq!(memory.word(guard + 8), Some(0));
        // SAFETY: mapped above, used by nobody.
        unsafe { sys::unmap_stack(stack, sys::PAGE) };
    }
}
