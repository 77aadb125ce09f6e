//! The near part of a stopped thread's stack, copied: the thread goes on while the copy is walked. To copy it takes a few
//! microseconds, to walk it some ten times as long.

use crate::registers::copy_bytes;
use crate::sys;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are copied at most. A loop of an app stands on some ten kilobytes; a thread that is deeper in calls is walked while it is
/// stopped.
const MOST: usize = 32 << 10;
/// Bytes below the stack pointer that a function may use without telling, by the System V ABI for x86-64, 3.2.2.
const RED_ZONE: usize = 128;

/// Room for one stack. One user at a time: whoever has begun (see [`crate::poke::Poke::begin`]).
pub(crate) struct StackCopy {
    base: *mut u8,
    from: AtomicUsize,
    len: AtomicUsize,
}

/// What was copied, and where it lies now.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Copied {
    from: usize,
    len: usize,
    at: usize,
}

impl StackCopy {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            base: sys::map_stack(MOST)?,
            from: AtomicUsize::new(0),
            len: AtomicUsize::new(0),
        })
    }

    /// Empties it, and makes its memory present, so that no stopped thread has to wait for that.
    pub(crate) fn prepare(&self) {
        self.len.store(0, Ordering::Relaxed);
        for offset in (0..MOST).step_by(sys::PAGE) {
            // SAFETY: inside the mapping made in `new`.
            unsafe { self.base.add(offset).write_volatile(0) };
        }
    }

    /// Copies the stack from `sp` on, as far as it can be read. Anywhere, while the thread is stopped.
    pub(crate) fn take(&self, sp: usize) {
        let from = sp.saturating_sub(RED_ZONE) & !7;
        let mut len = 0;
        while len < MOST {
            let at = from.saturating_add(len);
            let page = at & !(sys::PAGE - 1);
            if !sys::readable(page) {
                break;
            }
            let part = (page + sys::PAGE - at).min(MOST - len);
            // SAFETY: the page could be read a moment ago, and there is room for `MOST` bytes. Should another thread unmap the page
            // in between, this faults, and whoever copies has seen to that.
            unsafe { copy_bytes(at, self.base.add(len), part) };
            len += part;
        }
        self.from.store(from, Ordering::Relaxed);
        self.len.store(len, Ordering::Release);
    }

    pub(crate) fn copied(&self) -> Copied {
        Copied {
            len: self.len.load(Ordering::Acquire),
            from: self.from.load(Ordering::Relaxed),
            at: self.base.expose_provenance(),
        }
    }
}

impl Drop for StackCopy {
    fn drop(&mut self) {
        // SAFETY: mapped in `new`; whoever owns it has made sure that nobody uses it any more.
        unsafe { sys::unmap_stack(self.base, MOST) };
    }
}

impl Copied {
    /// The word that was at `address`; `None` if it was not copied. Anywhere.
    pub(crate) fn word(&self, address: usize) -> Option<usize> {
        let into = address.checked_sub(self.from)?;
        // SAFETY: eight bytes inside of what was copied, which stays until the next copy.
        (into.checked_add(8)? <= self.len).then(|| unsafe { sys::peek(self.at + into) })
    }

    /// Whether all of a frame was copied that ends at `sp`: everything its caller is found by lies below.
    pub(crate) fn holds(&self, sp: usize) -> bool {
        (self.from..=self.from + self.len).contains(&sp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_stays_what_the_stack_was() {
        let copy = StackCopy::new().unwrap();
        let mut stack = vec![7usize; MOST / 8];
        let sp = stack.as_ptr().expose_provenance() + 1_024;
        copy.prepare();
        assert_eq!(copy.copied().word(sp), None, "before anything was copied");
        copy.take(sp);
        stack.fill(8);
        let copied = copy.copied();
        assert_eq!(copied.word(sp), Some(7));
        assert_eq!(copied.word(sp - RED_ZONE), Some(7));
        assert_eq!(copied.word(sp - RED_ZONE - 8), None);
        let end = sp - RED_ZONE + MOST;
        assert!(copied.holds(end) && !copied.holds(end + 8));
        assert_eq!(copied.word(end - 7), None, "a word that was copied in part");
    }

    #[test]
    fn what_cannot_be_read_ends_the_copy() {
        let guarded = sys::map_stack(MOST).unwrap();
        let copy = StackCopy::new().unwrap();
        let guard = guarded.expose_provenance() - sys::PAGE;
        copy.take(guard + 512);
        assert!(!copy.copied().holds(guard + 512));
        assert_eq!(copy.copied().word(guard + 512), None);
        // SAFETY: mapped above, used by nobody.
        unsafe { sys::unmap_stack(guarded, MOST) };
    }
}
