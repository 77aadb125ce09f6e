//! One frozen thread: a glance first, then its stack by the way that its system call survives unnoticed.

use crate::api::{Activity, Doing, SampleError, Standing, Tid, Way};
use crate::armed::{Shared, with_active};
use crate::glance::{self, Glance, Means, call};
use crate::memory::Memory;
use crate::poke;
use crate::registers::{INSTRUCTION_POINTER, Registers, STACK_POINTER};
use crate::stop::{self, Patience, Refusal, Stopped};
use crate::sys;
use candor_dump::{Module, Stack};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// How long a thread may take to begin to answer, in milliseconds.
const ASK_MS: u64 = 100;
/// How long it may take until a thread is stopped and goes on, in milliseconds: some tens of microseconds, unless it waits for a
/// processor. To give up early would be noticed by one that is on its way into a wait.
const STOP_MS: u64 = 1_000;

/// See [`crate::sample`].
pub(crate) fn sample(
    thread: Tid,
    max_frames: usize,
    modules: &mut Vec<Module>,
    out: &mut Stack,
) -> Result<Activity, SampleError> {
    if thread.0 == sys::gettid() {
        return Err(SampleError::Itself);
    }
    with_active(|shared| {
        if !shared.is_here() {
            return Err(SampleError::NotArmed);
        }
        if !shared.poke.begin() {
            return Err(SampleError::Busy);
        }
        shared.poke.trace.prepare(max_frames);
        let result = look(shared, thread.0);
        if result.is_ok() {
            shared.poke.trace.read(modules, out);
        }
        shared.poke.end();
        result
    })
    .unwrap_or(Err(SampleError::NotArmed))
}

fn look(shared: &Shared, tid: u32) -> Result<Activity, SampleError> {
    let mut glance = glance_at(tid).ok_or(SampleError::NoSuchThread)?;
    shared.poke.stopped.restore(tid, &mut glance);
    let reachable = || poke::can_reach(shared.pid, tid);
    // What runs now may wait in a moment, or is back from a wait and only lacks a processor: a signal would end that wait.
    let runs = glance.call.is_none() && glance.doing != Doing::Stopped;
    let way = match glance::means(&glance, &mut sys::open_file) {
        Means::Signal if !runs && reachable() => ask(shared, tid)?,
        Means::Signal | Means::Stop => match stopped(shared, tid) {
            Some(true) => {
                shared.poke.stopped.note(tid, &glance);
                Way::Stop
            }
            None if runs && reachable() => ask(shared, tid)?,
            _ => from_outside(shared, &glance),
        },
        Means::Glance => from_outside(shared, &glance),
    };
    Ok(Activity {
        doing: glance.doing,
        cpu_us: sys::thread_cpu_micros(tid),
        way,
        holder: holder(shared, &glance)
            .filter(|holder| *holder != tid)
            .map(Tid),
    })
}

fn ask(shared: &Shared, tid: u32) -> Result<Way, SampleError> {
    if shared.poke.ask(shared.pid, tid, ASK_MS) {
        Ok(Way::Signal)
    } else {
        Err(SampleError::TimedOut)
    }
}

/// What `/proc` says about a thread of this process; `None` if it is gone.
pub(crate) fn glance_at(tid: u32) -> Option<Glance> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{tid}/stat")).ok()?;
    // The name stands in brackets and may itself hold any.
    let state = *stat.rsplit_once(')')?.1.trim_start().as_bytes().first()?;
    // Not every kernel has this file.
    let call =
        std::fs::read_to_string(format!("/proc/self/task/{tid}/syscall")).unwrap_or_default();
    glance::parse(state, &call)
}

/// See [`crate::standing`].
pub(crate) fn standing(thread: Tid) -> Standing {
    let tid = thread.0;
    let Ok(status) = std::fs::read_to_string(format!("/proc/self/task/{tid}/status")) else {
        return Standing::Gone;
    };
    let waited = std::fs::read_to_string(format!("/proc/self/task/{tid}/schedstat"));
    glance::standing(&status, &waited.unwrap_or_default(), || {
        sys::thread_cpu_micros(tid)
    })
}

/// Who holds the lock that a thread waits for, where the lock itself says so: as the C library's mutexes do.
fn holder(shared: &Shared, glance: &Glance) -> Option<u32> {
    const OWNER_AT: usize = 8;
    let (call::FUTEX, args) = glance.call? else {
        return None;
    };
    let word = usize::try_from(args[0]).ok()?;
    let mut owner = None;
    shared.poke.aside(&mut || {
        let mut memory = Memory::new();
        // 1 and 2: locked, without and with others who wait.
        let locked = matches!(memory.half(word), Some(1 | 2));
        owner = memory.half(word + OWNER_AT).filter(|_| locked);
    });
    // Other locks have something else there.
    owner.filter(|owner| *owner != 0 && glance_at(*owner).is_some())
}

/// Whether the thread was stopped and its stack walked; `None` where nobody may be stopped. While it is stopped its stack is only
/// copied: the walk takes longer than all the rest. It reads code and tables too, and what the thread has unloaded meanwhile faults,
/// which is caught.
fn stopped(shared: &Shared, tid: u32) -> Option<bool> {
    let poke = &shared.poke;
    poke.copy.prepare();
    let registers = registers_of(shared, tid, &mut |registers| poke.copy.take(registers.sp()))?;
    let Some(registers) = registers else {
        return Some(false);
    };
    let mut whole = false;
    poke.aside(&mut || {
        whole = poke
            .trace
            .fill_from(&shared.modules, registers, poke.copy.copied());
    });
    if whole {
        return Some(true);
    }
    // It stands on more than was copied. If it cannot be had again, what was found stays.
    registers_of(shared, tid, &mut |registers| {
        poke.trace.fill(&shared.modules, registers);
    });
    Some(true)
}

/// Stops a thread and gives its registers to `work` before it goes on. `None` where nobody may be stopped, nothing if the thread could
/// not be had.
fn registers_of(
    shared: &Shared,
    tid: u32,
    work: &mut dyn FnMut(Registers),
) -> Option<Option<Registers>> {
    let mut found = None;
    let allowed = hold(shared, tid, STOP_MS, &mut |stopped| {
        if let Some(halted) = stopped.state() {
            let registers = halted.registers();
            work(registers);
            found = Some(registers);
            stopped.begin_anew(&halted);
        }
    });
    allowed.then_some(found)
}

/// Stops a thread for a moment, if it can be had within `millis`, and gives it to `work`, which is done in the helper. Only by whoever
/// has begun (see [`poke::Poke::begin`]). `false` if the system does not allow it.
pub(crate) fn hold(shared: &Shared, tid: u32, millis: u64, work: &mut dyn FnMut(&Stopped)) -> bool {
    let mut attempt = |allow_tracing: bool| {
        let mut refusal = None;
        // Where a sandbox answers with a signal, that one is caught aside.
        shared.poke.aside(&mut || {
            // SAFETY: whoever has begun is the only one; the work makes system calls and fills what is there to be filled.
            unsafe {
                shared.helper.run(millis, allow_tracing, &mut || {
                    if let Err(why) = stop::seize(tid) {
                        refusal = Some(why);
                        return;
                    }
                    let Some(stopped) = stop::wait_stopped(tid, Patience::Helper) else {
                        return;
                    };
                    work(&stopped);
                    stopped.let_go();
                });
            }
        });
        refusal
    };
    let forbidden = Some(Refusal::Forbidden);
    attempt(false) != forbidden || attempt(true) != forbidden
}

/// The stack as far as it can be followed from where the thread waits. The thread is not held: should it go on meanwhile,
/// the frames may be nonsense, and a fault is caught.
fn from_outside(shared: &Shared, glance: &Glance) -> Way {
    if let Some((ip, sp)) = glance.place {
        let registers = Registers::default()
            .with(INSTRUCTION_POINTER, ip)
            .with(STACK_POINTER, sp);
        shared
            .poke
            .aside(&mut || shared.poke.trace.fill(&shared.modules, registers));
    }
    Way::Glance
}

/// Threads whose calls are remembered: few freeze at a time, but many may have been given a stack.
const STOPPED: usize = 128;

/// Which calls threads were in when they were stopped: afterwards the kernel says only that a call goes on.
pub(crate) struct StoppedCalls {
    /// Thread and call, packed.
    entries: [AtomicU64; STOPPED],
    next: AtomicUsize,
}

impl StoppedCalls {
    pub(crate) const fn new() -> Self {
        Self {
            entries: [const { AtomicU64::new(0) }; STOPPED],
            next: AtomicUsize::new(0),
        }
    }

    pub(crate) fn note(&self, tid: u32, glance: &Glance) {
        let Some((number, _)) = glance.call.filter(|(number, _)| *number != call::RESTART) else {
            return;
        };
        let entry = self
            .entries
            .iter()
            .find(|entry| entry.load(Ordering::Relaxed) >> 32 == u64::from(tid));
        let next = || {
            self.entries
                .get(self.next.fetch_add(1, Ordering::Relaxed) % self.entries.len())
        };
        if let Some(entry) = entry.or_else(next) {
            entry.store(u64::from(tid) << 32 | u64::from(number), Ordering::Relaxed);
        }
    }

    /// Says what the thread waits for if its call has gone on since it was stopped.
    fn restore(&self, tid: u32, glance: &mut Glance) {
        if !matches!(glance.call, Some((call::RESTART, _))) {
            return;
        }
        let mut noted = self
            .entries
            .iter()
            .map(|entry| entry.load(Ordering::Relaxed));
        if let Some(noted) = noted.find(|noted| noted >> 32 == u64::from(tid)) {
            glance.doing = Doing::Waiting(glance::wait(noted as u32));
        }
    }
}
