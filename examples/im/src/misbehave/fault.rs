//! A read through a pointer that points nowhere.
#![allow(unsafe_code)] // This app exists to crash, and safe code cannot crash like this.

/// A file that should be mapped into memory.
#[derive(Debug)]
pub struct MappedFile {
    start: *const u8,
}

impl MappedFile {
    /// What is left when mapping failed and nobody looked: a pointer to nothing.
    #[must_use]
    pub fn unmapped() -> Self {
        Self {
            start: std::hint::black_box(std::ptr::null()),
        }
    }

    /// Reads a number. The process dies of it: nothing is ever mapped.
    #[inline(never)]
    #[must_use]
    pub fn u32_at(&self, offset: usize) -> u32 {
        let place = self.start.wrapping_add(offset).cast::<u32>();
        // SAFETY: there is none, on purpose: `start` is null, so this reads the first page, which is never mapped. The kernel answers with
        // SIGSEGV before any value exists. The offset keeps the compiler's own null check from turning it into a panic.
        unsafe { std::ptr::read_volatile(std::hint::black_box(place)) }
    }
}
