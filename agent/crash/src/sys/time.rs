//! Clocks and waiting.

use crate::registers::system_call;
use std::ffi::c_long;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// Milliseconds on a clock. Anywhere.
fn millis(clock: libc::clockid_t) -> u64 {
    let nanos = nanos(clock);
    nanos / 1_000_000
}

fn nanos(clock: libc::clockid_t) -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` may be written; an unknown clock leaves it at zero.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000
        + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// See [`crate::coarse_millis`]. Anywhere.
pub(crate) fn coarse_millis() -> u64 {
    millis(libc::CLOCK_MONOTONIC_COARSE)
}

/// See [`crate::boottime_millis`]. Anywhere.
pub(crate) fn boottime_millis() -> u64 {
    millis(libc::CLOCK_BOOTTIME)
}

/// Processor time that the calling thread has used. Anywhere.
pub(crate) fn cpu_millis() -> u64 {
    millis(libc::CLOCK_THREAD_CPUTIME_ID)
}

/// Lets other threads run for about `millis`. Anywhere.
pub(crate) fn pause(millis: u64) {
    pause_micros(millis.saturating_mul(1000));
}

/// Lets other threads run for about `micros`, at most a second. Anywhere.
pub(crate) fn pause_micros(micros: u64) {
    let time = libc::timespec {
        tv_sec: 0,
        tv_nsec: (micros.min(999_999) * 1000) as c_long,
    };
    // SAFETY: `time` is valid; waking early does no harm.
    unsafe {
        system_call(
            libc::SYS_nanosleep,
            [(&raw const time).expose_provenance(), 0, 0, 0, 0, 0],
        )
    };
}

fn timespec(millis: u64) -> libc::timespec {
    libc::timespec {
        tv_sec: (millis / 1000) as libc::time_t,
        tv_nsec: (millis % 1000 * 1_000_000) as c_long,
    }
}

/// Waits while a word has a value, for at most `millis`; may return early. Anywhere.
pub(crate) fn wait_word(word: &AtomicU32, value: u32, millis: u64) {
    let time = timespec(millis);
    let args = [
        word.as_ptr().expose_provenance(),
        libc::FUTEX_WAIT as usize,
        value as usize,
        (&raw const time).expose_provenance(),
        0,
        0,
    ];
    // SAFETY: the word and the time are valid; the kernel changes neither.
    unsafe { system_call(libc::SYS_futex, args) };
}

/// As [`wait_word`], on the lower half of a double word. Anywhere.
pub(crate) fn wait_while(word: &AtomicU64, value: u64, millis: u64) {
    wait_word(low_half(word), value as u32, millis);
}

/// Wakes whoever waits in [`wait_while`]. Anywhere.
pub(crate) fn wake(word: &AtomicU64) {
    let args = [
        low_half(word).as_ptr().expose_provenance(),
        libc::FUTEX_WAKE as usize,
        i32::MAX as usize,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel compares the address and touches nothing.
    unsafe { system_call(libc::SYS_futex, args) };
}

fn low_half(word: &AtomicU64) -> &AtomicU32 {
    // SAFETY: the first four bytes are the lower half on this processor; the kernel is the only one who looks at them.
    unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
}

/// Processor time that a thread of this process has used, in microseconds.
pub(crate) fn thread_cpu_micros(tid: u32) -> u64 {
    // The kernel's number for "time of a thread, as the scheduler counts it".
    nanos((!(tid as libc::clockid_t) << 3) | 6) / 1000
}
