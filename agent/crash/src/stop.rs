//! Stopping other threads for a moment. A thread cannot trace its own process, so a helper process does it that shares our
//! memory: it is made in some ten microseconds however large the process is, and it writes its findings where we read them.
//!
//! The helper shares the caller's thread-local storage too: it makes system calls directly and uses nothing of the C library
//! that could touch it. If it faults, only it ends. If it takes too long, it is killed, and the kernel lets go of what it
//! had stopped.

use crate::install;
use crate::registers::spawn_sharing_memory;
use crate::sys::{self, Halted};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

/// Bytes of the helper's stack; a walk takes some 40 to 100 kB of it, by how the compiler was told to optimise.
const SIZE: usize = 256 << 10;

/// The helper's stack and the word by which the kernel says that it has ended.
pub(crate) struct Helper {
    base: *mut u8,
    lives: AtomicU32,
}

struct Job<'a> {
    work: &'a mut dyn FnMut(),
    complete: bool,
}

impl Helper {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            base: sys::map_stack(SIZE)?,
            lives: AtomicU32::new(0),
        })
    }

    /// Runs `work` in a helper process, for at most `millis`. `false` if there could be no helper, or it faulted or was
    /// killed. `allow_tracing` tells the system's security module about the helper, where it wants to know. Anywhere.
    ///
    /// # Safety
    /// One caller at a time. `work` does nothing but system calls and stores to memory that everybody may see half done, owns
    /// nothing and does not panic.
    pub(crate) unsafe fn run(
        &self,
        millis: u64,
        allow_tracing: bool,
        work: &mut dyn FnMut(),
    ) -> bool {
        let mut job = Job {
            work,
            complete: false,
        };
        let argument = (&raw mut job).cast();
        self.lives.store(1, Ordering::Release);
        // A sandbox may answer what follows with a deadly signal; were that blocked, it would be the end.
        let mask = sys::swap_mask(!install::MASK);
        // SAFETY: the stack is free, as the caller has made sure; `job` outlives the helper, which has ended before this
        // function returns; signals are blocked, so that the helper starts without them.
        let pid = unsafe {
            spawn_sharing_memory(
                sys::HELPER_FLAGS,
                self.base.add(SIZE),
                start,
                argument,
                self.lives.as_ptr(),
            )
        };
        let Ok(pid @ 1..) = u32::try_from(pid) else {
            sys::swap_mask(mask);
            return false;
        };
        if allow_tracing {
            sys::allow_tracing(pid);
        }
        let deadline = sys::boottime_millis() + millis;
        while self.lives.load(Ordering::Acquire) != 0 {
            let now = sys::boottime_millis();
            if now >= deadline {
                sys::kill_process(pid);
                sys::wait_word(&self.lives, 1, 1000);
                break;
            }
            sys::wait_word(&self.lives, 1, deadline - now);
        }
        if self.lives.load(Ordering::Acquire) == 0 {
            sys::reap(pid);
        }
        if allow_tracing {
            sys::allow_tracing(0);
        }
        sys::swap_mask(mask);
        // SAFETY: the helper has written through its pointer behind the compiler's back.
        unsafe { (&raw const job.complete).read_volatile() }
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // SAFETY: `run` returns only when the helper has ended.
        unsafe { sys::unmap_stack(self.base, SIZE) };
    }
}

unsafe extern "C" fn start(job: *mut u8) {
    // SAFETY: `run` hands over its `Job`.
    let job = unsafe { &mut *job.cast::<Job<'_>>() };
    // A fault must not dump a core of the shared memory or run the host's handlers.
    sys::end_on_fault();
    (job.work)();
    job.complete = true;
}

/// Why a thread could not be stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The system does not allow it.
    Forbidden,
    /// The thread is gone.
    Gone,
}

/// A thread that is being traced by the helper. In the helper only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopped {
    tid: u32,
    /// A signal that was on its way to the thread and must not be lost.
    signal: usize,
}

/// Asks a thread to stop. In the helper only.
pub(crate) fn seize(tid: u32) -> Result<(), Refusal> {
    match sys::trace(sys::TRACE_SEIZE, tid, 0, 0) {
        0 => {
            sys::trace(sys::TRACE_INTERRUPT, tid, 0, 0);
            Ok(())
        }
        sys::NO_SUCH_THREAD => Err(Refusal::Gone),
        // Not permitted, or, as some sandboxes have it, not even known.
        _ => Err(Refusal::Forbidden),
    }
}

/// How long a thread may take to stop.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Patience {
    /// So many steps of some 60 microseconds.
    Steps(u32),
    /// As long as the helper may live. The stop itself wakes the helper, sooner than any timer would.
    Helper,
}

/// Waits until a seized thread has stopped. In the helper only.
pub(crate) fn wait_stopped(tid: u32, patience: Patience) -> Option<Stopped> {
    const STOPPED: u32 = 0x7f;
    const EVENT_STOP: u32 = 128;
    // One that runs elsewhere stops within microseconds; to sleep meanwhile would keep it for longer than all the rest.
    const AT_ONCE: u32 = 64;
    let mut looks = (0..AT_ONCE).map(|_| sys::wait_thread(tid, false));
    let at_once = looks.find(|status| *status != Some(0));
    let status = at_once.unwrap_or_else(|| match patience {
        Patience::Helper => sys::wait_thread(tid, true),
        Patience::Steps(steps) => {
            let mut looks = (0..steps).map(|_| {
                // Not `sched_yield`: on a busy machine that gives a whole round away.
                sys::pause_micros(10);
                sys::wait_thread(tid, false)
            });
            looks.find(|status| *status != Some(0)).flatten()
        }
    });
    let status = status.filter(|status| status & 0xff == STOPPED)?;
    let signal = if status >> 16 == EVENT_STOP {
        0
    } else {
        (status >> 8 & 0xff) as usize
    };
    Some(Stopped { tid, signal })
}

impl Stopped {
    /// Its whole state.
    pub(crate) fn state(&self) -> Option<Halted> {
        sys::halted(self.tid)
    }

    /// Its whole state, unless a signal is on its way to it.
    pub(crate) fn halted(&self) -> Option<Halted> {
        self.state().filter(|_| self.signal == 0)
    }

    /// Has it go on elsewhere, with a system call's number and first two arguments.
    pub(crate) fn enter(&self, halted: Halted, ip: usize, call: [usize; 3]) -> bool {
        halted.enter(self.tid, ip, call)
    }

    /// Has a call that the stop has ended begin anew. Only for one that began a moment ago: it waits for its whole time again.
    pub(crate) fn begin_anew(&self, halted: &Halted) {
        if self.signal == 0 {
            halted.begin_call_anew(self.tid);
        }
    }

    pub(crate) fn let_go(self) {
        sys::trace(sys::TRACE_DETACH, self.tid, 0, self.signal);
    }
}
