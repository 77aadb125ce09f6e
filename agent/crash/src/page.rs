//! The mapped dump file, as its writer sees it: fields that any thread, or a dying one, may store to.

use candor_dump::layout;
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// The mapped file. Every access is to an atomic, so that a half-dead process can store from anywhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Page {
    base: *mut u8,
}

// SAFETY: all access goes through atomics.
unsafe impl Send for Page {}
// SAFETY: as above.
unsafe impl Sync for Page {}

impl Page {
    /// # Safety
    /// `base` is the start of [`layout::FILE_SIZE`] bytes, page-aligned, that stay mapped and writable for as long as the
    /// result or anything borrowed from it is used.
    pub(crate) const unsafe fn new(base: *mut u8) -> Self {
        Self { base }
    }

    pub(crate) const fn base(&self) -> *mut u8 {
        self.base
    }

    /// The field at `at`; an offset that lies outside wraps around, so that no check can fail in a signal handler.
    pub(crate) fn u32(&self, at: usize) -> &AtomicU32 {
        // SAFETY: the mask keeps the offset inside the mapping and aligned; the mapping outlives `self` (see `new`).
        unsafe { AtomicU32::from_ptr(self.base.add(at & (layout::FILE_SIZE - 4)).cast()) }
    }

    /// As [`Self::u32`].
    pub(crate) fn u64(&self, at: usize) -> &AtomicU64 {
        // SAFETY: as in `u32`.
        unsafe { AtomicU64::from_ptr(self.base.add(at & (layout::FILE_SIZE - 8)).cast()) }
    }

    fn u8(&self, at: usize) -> &AtomicU8 {
        // SAFETY: as in `u32`; a byte needs no alignment.
        unsafe { AtomicU8::from_ptr(self.base.add(at & (layout::FILE_SIZE - 1))) }
    }

    pub(crate) fn set_u32(&self, at: usize, value: u32) {
        self.u32(at).store(value, Ordering::Relaxed);
    }

    pub(crate) fn set_u64(&self, at: usize, value: u64) {
        self.u64(at).store(value, Ordering::Relaxed);
    }

    pub(crate) fn set_u16(&self, at: usize, value: u16) {
        self.put(at, &value.to_le_bytes());
    }

    pub(crate) fn set_u8(&self, at: usize, value: u8) {
        self.u8(at).store(value, Ordering::Relaxed);
    }

    pub(crate) fn put(&self, at: usize, bytes: &[u8]) {
        for (index, byte) in bytes.iter().enumerate() {
            self.set_u8(at + index, *byte);
        }
    }

    /// Fills the room at `at` with zeros.
    pub(crate) fn clear(&self, at: usize, len: usize) {
        for index in 0..len / 8 {
            self.set_u64(at + index * 8, 0);
        }
    }

    /// A copy of `len` bytes at `at`.
    pub(crate) fn copy(&self, at: usize, len: usize) -> Vec<u8> {
        (at..at + len)
            .map(|at| self.u8(at).load(Ordering::Relaxed))
            .collect()
    }
}

/// The longest beginning of `text` of at most `room` bytes that ends between two characters.
pub(crate) fn cut(text: &str, room: usize) -> &[u8] {
    let mut end = text.len().min(room);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.as_bytes().get(..end).unwrap_or_default()
}
