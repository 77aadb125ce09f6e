//! A mutex of the C library's, as an app that is not Rust alone has them.

use std::cell::UnsafeCell;

/// As large as on every Linux of this processor, and all zero when it is free.
#[repr(C, align(8))]
pub(crate) struct Mutex(UnsafeCell<[u8; 40]>);

// SAFETY: it is what threads share, and only the C library looks into it.
unsafe impl Sync for Mutex {}

unsafe extern "C" {
    fn pthread_mutex_lock(mutex: *mut [u8; 40]) -> i32;
    fn pthread_mutex_unlock(mutex: *mut [u8; 40]) -> i32;
}

impl Mutex {
    pub(crate) const fn new() -> Self {
        Self(UnsafeCell::new([0; 40]))
    }

    pub(crate) fn lock(&self) {
        // SAFETY: a valid mutex that never moves.
        assert_eq!(unsafe { pthread_mutex_lock(self.0.get()) }, 0);
    }

    pub(crate) fn unlock(&self) {
        // SAFETY: as above; whoever calls has locked it.
        assert_eq!(unsafe { pthread_mutex_unlock(self.0.get()) }, 0);
    }
}
