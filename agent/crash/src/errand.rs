//! An errand that a waiting thread runs for us: it gives itself an alternate stack, where it would notice a signal.
//!
//! The thread is stopped for a moment in its system call. Its registers are set so that it goes on with a few instructions of ours,
//! which make the call that is needed and then begin the interrupted one again, as the kernel itself would have. From then on nobody has
//! to do anything: were the helper to end at that very moment, the thread would still come back to its call.

use crate::memory::Memory;
use crate::registers::{ERRAND, Errand, Outcome, SYSTEM_CALL};
use crate::sample::glance_at;
use crate::stop::Stopped;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The thread that is on the errand; 0 for none. There is one errand at a time.
static ON_ERRAND: AtomicU32 = AtomicU32::new(0);
/// How far sending it has come: nothing was changed, its registers were about to be set, they could not be.
static SENT: AtomicU64 = AtomicU64::new(NOTHING);
const NOTHING: u64 = 0;
const ABOUT_TO: u64 = 1;
const COULD_NOT: u64 = 2;

/// Makes an errand for a thread: the alternate stack of `size` bytes at `base`, if it has none. `false` if another is under way.
pub(crate) fn begin(tid: u32, base: usize, size: usize) -> bool {
    let before = ON_ERRAND.load(Ordering::Acquire);
    if before != 0 && outcome(before).is_none() {
        return false;
    }
    ON_ERRAND.store(tid, Ordering::Release);
    SENT.store(NOTHING, Ordering::Relaxed);
    ERRAND.prepare(base, size);
    true
}

/// In a child that was forked: the thread on the errand is not in it.
pub(crate) fn forget() {
    ON_ERRAND.store(0, Ordering::Release);
}

/// Sends a stopped thread on the errand, if its call can begin again. In the helper, which lets it go afterwards.
pub(crate) fn send(stopped: &Stopped) {
    let Some(halted) = stopped.halted() else {
        return;
    };
    let Some(again) = halted.begins_again() else {
        return;
    };
    // Anything but the usual instruction is somebody's own way of making calls.
    if Memory::new().half(again.ip).map(|code| code & 0xffff) != Some(SYSTEM_CALL) {
        return;
    }
    ERRAND.come_back(again);
    SENT.store(ABOUT_TO, Ordering::Release);
    if !stopped.enter(halted, Errand::entry(), Errand::call(&ERRAND)) {
        SENT.store(COULD_NOT, Ordering::Release);
    }
}

/// Whether the thread was sent, for all that is known. Otherwise the errand is over.
pub(crate) fn is_sent() -> bool {
    let sent = SENT.load(Ordering::Acquire) == ABOUT_TO;
    if !sent {
        ON_ERRAND.store(0, Ordering::Release);
    }
    sent
}

/// What came of the errand of `tid`; `None` while it is under way. A thread that has told it needs nothing of the errand any more; one
/// that has not may be held up on it by the host's own signal handler.
pub(crate) fn outcome(tid: u32) -> Option<Outcome> {
    if ON_ERRAND.load(Ordering::Acquire) != tid {
        return Some(Outcome::Unknown);
    }
    let told = ERRAND.outcome();
    if told == Outcome::Unknown && glance_at(tid).is_some() {
        return None;
    }
    ON_ERRAND.store(0, Ordering::Release);
    Some(told)
}
