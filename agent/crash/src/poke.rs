//! A real-time signal of our own: asks a thread for its stack, and gives a thread without one an alternate stack.

use crate::armed::{Shared, with_active};
use crate::aside::Aside;
use crate::copy::StackCopy;
use crate::registers::{Registers, allow_misaligned};
use crate::sample::StoppedCalls;
use crate::sys::{self, Action, Context, SignalInfo};
use crate::trace::Trace;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// The signal; 0 while none is chosen.
static NUMBER: AtomicI32 = AtomicI32::new(0);
/// Its address tells our requests from signals that somebody else sends.
static TOKEN: AtomicU32 = AtomicU32::new(0);

/// States of a request, in the low bits beside its number.
const IDLE: u64 = 0;
const ASKED: u64 = 1;
const AT_WORK: u64 = 2;
const ANSWERED: u64 = 3;
const ABANDONED: u64 = 4;
const STATE: u64 = 7;

/// One request at a time to one thread.
pub(crate) struct Poke {
    /// Request number times 8 plus its state.
    request: AtomicU64,
    /// The process is dying: nobody may begin but who records it.
    closed: AtomicBool,
    aside: Aside,
    pub(crate) trace: Trace,
    pub(crate) copy: StackCopy,
    pub(crate) stopped: StoppedCalls,
    stacks: Stacks,
}

impl Poke {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            request: AtomicU64::new(IDLE),
            closed: AtomicBool::new(false),
            aside: Aside::new(0)?,
            trace: Trace::new(),
            copy: StackCopy::new()?,
            stopped: StoppedCalls::new(),
            stacks: Stacks::new(),
        })
    }

    /// See [`Aside::rescue`].
    pub(crate) fn rescue(&self, sp: usize) -> Option<(usize, usize)> {
        self.aside.rescue(sp)
    }

    /// Begins a request, if no other is under way and the process is not dying. Whoever begins must end with [`Self::end`].
    pub(crate) fn begin(&self) -> bool {
        !self.closed.load(Ordering::Acquire) && self.begin_next()
    }

    /// Closes for everybody else, so that the request which is under way comes to its end. Anywhere.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        sys::wake(&self.request);
    }

    /// Opens again.
    pub(crate) fn open(&self) {
        self.closed.store(false, Ordering::Release);
    }

    /// As [`Self::begin`], after [`Self::close`]. Anywhere.
    pub(crate) fn begin_next(&self) -> bool {
        let now = self.request.load(Ordering::Acquire);
        let next = ((now / (STATE + 1) + 1) * (STATE + 1)) | ASKED;
        now & STATE == IDLE
            && self
                .request
                .compare_exchange(now, next, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Ends a request, unless a thread is still at work on it: then that thread does.
    pub(crate) fn end(&self) {
        loop {
            let now = self.request.load(Ordering::Acquire);
            let next = if now & STATE == AT_WORK {
                now - AT_WORK + ABANDONED
            } else {
                now & !STATE
            };
            if self
                .request
                .compare_exchange(now, next, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
            {
                return;
            }
        }
    }

    /// Runs `work` on the stack for walks. Only between [`Self::begin`] and [`Self::end`], when no thread was signalled.
    pub(crate) fn aside(&self, work: &mut dyn FnMut()) -> bool {
        // SAFETY: whoever has begun is the only user; walks own nothing.
        unsafe { self.aside.run(work) }
    }

    /// Makes a new request of one that has come to its end, one way or the other.
    pub(crate) fn again(&self) {
        self.end();
        self.begin_next();
    }

    /// Has `tid` walk its own stack into `trace`, for at most about `millis` until it begins and once more until it is done.
    /// Between [`Self::begin`] and [`Self::end`].
    pub(crate) fn ask(&self, pid: u32, tid: u32, millis: u64) -> bool {
        let was_closed = self.closed.load(Ordering::Acquire);
        let asked = self.request.load(Ordering::Acquire);
        if !choose_signal() || !send(pid, tid, asked / (STATE + 1)) {
            return false;
        }
        let mut patience = millis;
        let mut seen = asked;
        loop {
            let now = self.request.load(Ordering::Acquire);
            if now & STATE == ANSWERED {
                return true;
            }
            if now != seen {
                // It has begun: it gets the same time again to finish.
                seen = now;
                patience = millis;
            }
            let began = sys::boottime_millis();
            sys::wait_while(&self.request, now, patience);
            patience = patience.saturating_sub(sys::boottime_millis().saturating_sub(began).max(1));
            if patience == 0 || self.closed.load(Ordering::Acquire) != was_closed {
                return self.request.load(Ordering::Acquire) & STATE == ANSWERED;
            }
        }
    }

    /// Gives `tid` an alternate stack if it has none: takes effect when the thread has answered. `false` if there is no
    /// stack left to give or the signal could not be sent.
    pub(crate) fn give_stack(&self, pid: u32, tid: u32) -> bool {
        self.stacks.reserve(tid) && choose_signal() && tell(pid, tid)
    }

    /// A stack for a thread that will be given it in another way; `None` if there is none left. Lowest address and size.
    pub(crate) fn reserve_stack(&self, tid: u32) -> Option<(usize, usize)> {
        self.stacks.reserve(tid).then_some(())?;
        let slot = self.stacks.of(tid)?;
        Some((slot.base.load(Ordering::Relaxed), STACK_SIZE))
    }

    /// Notes whether the thread has, or may have, taken the stack that was reserved for it.
    pub(crate) fn settle_stack(&self, tid: u32, taken: bool) {
        if let Some(slot) = self.stacks.of(tid) {
            slot.answer
                .store(if taken { 2 } else { 1 }, Ordering::Release);
        }
    }

    /// Whether `tid` has answered [`Self::give_stack`]; `None` if it was not asked.
    pub(crate) fn has_answered(&self, tid: u32) -> Option<bool> {
        self.stacks
            .of(tid)
            .map(|slot| slot.answer.load(Ordering::Acquire) != 0)
    }

    /// Takes back the stacks of threads that are gone.
    pub(crate) fn collect(&self, lives: &dyn Fn(u32) -> bool) {
        self.stacks.collect(lives);
    }

    fn answer(&self, shared: &Shared, registers: Registers, number: u64) {
        let asked = (number * (STATE + 1)) | ASKED;
        let at_work = asked - ASKED + AT_WORK;
        if number == 0
            || self
                .request
                .compare_exchange(asked, at_work, Ordering::AcqRel, Ordering::Relaxed)
                .is_err()
        {
            // Too late: nobody waits for this answer any more.
            return;
        }
        // SAFETY: only one thread gets a request from `ASKED` to `AT_WORK`, and until it is done nobody begins another.
        unsafe {
            self.aside
                .run(&mut || self.trace.fill(&shared.modules, registers))
        };
        let answered = at_work - AT_WORK + ANSWERED;
        if self
            .request
            .compare_exchange(at_work, answered, Ordering::AcqRel, Ordering::Relaxed)
            .is_err()
        {
            self.request.store(at_work & !STATE, Ordering::Release);
        }
        sys::wake(&self.request);
    }
}

fn ours() -> Action {
    let handler: sys::Handler = on_poke;
    Action {
        handler: (handler as *const ()).expose_provenance(),
        flags: sys::WITH_INFO | sys::ON_ALTERNATE_STACK | sys::RESTART,
        mask: u64::MAX,
    }
}

/// Makes sure that a signal nobody else uses has our handler.
fn choose_signal() -> bool {
    let is_ours =
        |number: i32| sys::action(number).is_some_and(|action| action.handler == ours().handler);
    let now = NUMBER.load(Ordering::Acquire);
    if now != 0 && is_ours(now) {
        return true;
    }
    let (first, last) = sys::realtime_signals();
    // From the upper end: libraries that want one begin at the lower.
    for number in (first..=last).rev() {
        let free = sys::action(number).is_some_and(|action| action.handler == sys::DEFAULT);
        if free && sys::set_action(number, ours()) {
            NUMBER.store(number, Ordering::Release);
            return true;
        }
    }
    false
}

/// Gives the signal back. What is still on its way is thrown away first: it would kill.
pub(crate) fn give_up_signal() {
    let number = NUMBER.swap(0, Ordering::AcqRel);
    if number != 0 && sys::action(number).is_some_and(|action| action.handler == ours().handler) {
        sys::set_action(
            number,
            Action {
                handler: sys::IGNORE,
                flags: 0,
                mask: 0,
            },
        );
        sys::set_action(
            number,
            Action {
                handler: sys::DEFAULT,
                flags: 0,
                mask: 0,
            },
        );
    }
}

/// Whether a thread has our signal not blocked. Anywhere.
pub(crate) fn can_reach(pid: u32, tid: u32) -> bool {
    choose_signal()
        && sys::blocked_signals(pid, tid)
            .is_some_and(|blocked| blocked & sys::bit(NUMBER.load(Ordering::Acquire)) == 0)
}

/// Tells a thread to take the alternate stack that was reserved for it, once the signal was chosen. Anywhere.
pub(crate) fn tell(pid: u32, tid: u32) -> bool {
    send(pid, tid, 0)
}

/// The upper half of a request's value says that it is ours, the lower half is its number.
fn token() -> usize {
    (&raw const TOKEN).addr() << 32
}

fn send(pid: u32, tid: u32, number: u64) -> bool {
    let value = token() | (number as u32 as usize);
    sys::queue_signal(pid, tid, NUMBER.load(Ordering::Acquire), value)
}

/// The handler of our signal.
extern "C" fn on_poke(number: i32, info: *mut SignalInfo, context: *mut Context) {
    allow_misaligned();
    // SAFETY: the kernel hands over a valid structure.
    let value = unsafe { sys::queued_value(info) };
    let Some(value) = value.filter(|value| value & !0xffff_ffff == token()) else {
        // Somebody else's: without us it would have been the end of the process.
        sys::set_action(
            number,
            Action {
                handler: sys::DEFAULT,
                flags: 0,
                mask: 0,
            },
        );
        // SAFETY: the kernel's structure.
        unsafe { sys::send_again(sys::getpid(), sys::gettid(), number, info) };
        return;
    };
    with_active(|shared| {
        if !shared.is_here() {
            return;
        }
        let poke = &shared.poke;
        poke.stacks.hand_over(sys::gettid(), &mut |base, size| {
            // SAFETY: the kernel's context. The stack is the thread's own from now on.
            unsafe { sys::give_alternate_stack(context, base, size) }
        });
        // SAFETY: the kernel's context.
        let registers = unsafe { sys::context_registers(context) };
        // The number was cut to 32 bits on its way.
        let now = poke.request.load(Ordering::Acquire) / (STATE + 1);
        if value & 0xffff_ffff == now as u32 as usize {
            poke.answer(shared, registers, now);
        }
    });
}

/// Alternate stacks for threads that were not made by Rust.
struct Stacks {
    slots: [StackSlot; STACKS],
}

/// Threads that can be given a stack at the same time.
const STACKS: usize = 64;
/// Bytes of one; only what is used of it takes memory. A handler that was installed before us may need some.
const STACK_SIZE: usize = 64 << 10;

struct StackSlot {
    /// The thread; 0 for none.
    tid: AtomicU32,
    /// Lowest address; 0 while there is no stack.
    base: AtomicUsize,
    /// 0: reserved. 1: the thread has a stack of its own. 2: it has got this one.
    answer: AtomicU32,
}

impl Stacks {
    const fn new() -> Self {
        Self {
            slots: [const {
                StackSlot {
                    tid: AtomicU32::new(0),
                    base: AtomicUsize::new(0),
                    answer: AtomicU32::new(0),
                }
            }; STACKS],
        }
    }

    fn of(&self, tid: u32) -> Option<&StackSlot> {
        self.slots
            .iter()
            .find(|slot| slot.tid.load(Ordering::Acquire) == tid)
    }

    /// By one thread at a time.
    fn reserve(&self, tid: u32) -> bool {
        if self.of(tid).is_some() {
            return true;
        }
        let Some(slot) = self.of(0) else { return false };
        if slot.base.load(Ordering::Relaxed) == 0 {
            let Ok(base) = sys::map_stack(STACK_SIZE) else {
                return false;
            };
            slot.base.store(base.expose_provenance(), Ordering::Relaxed);
        }
        slot.answer.store(0, Ordering::Relaxed);
        slot.tid.store(tid, Ordering::Release);
        true
    }

    /// In the thread itself.
    fn hand_over(&self, tid: u32, give: &mut dyn FnMut(*mut u8, usize) -> bool) {
        let Some(slot) = self
            .of(tid)
            .filter(|slot| slot.answer.load(Ordering::Acquire) == 0)
        else {
            return;
        };
        let base = std::ptr::with_exposed_provenance_mut(slot.base.load(Ordering::Relaxed));
        let taken = give(base, STACK_SIZE);
        slot.answer
            .store(if taken { 2 } else { 1 }, Ordering::Release);
    }

    /// By one thread at a time.
    fn collect(&self, lives: &dyn Fn(u32) -> bool) {
        for slot in &self.slots {
            let tid = slot.tid.load(Ordering::Acquire);
            // A thread that has a stack of its own needs no slot.
            if tid != 0 && (slot.answer.load(Ordering::Acquire) == 1 || !lives(tid)) {
                slot.tid.store(0, Ordering::Release);
            }
        }
    }
}

impl Drop for Stacks {
    fn drop(&mut self) {
        for slot in &self.slots {
            let base =
                std::ptr::with_exposed_provenance_mut::<u8>(slot.base.load(Ordering::Acquire));
            let in_use =
                slot.tid.load(Ordering::Acquire) != 0 && slot.answer.load(Ordering::Acquire) == 2;
            // What a thread was given stays with it.
            if !base.is_null() && !in_use {
                // SAFETY: mapped by `reserve`; no thread was told of it.
                unsafe { sys::unmap_stack(base, STACK_SIZE) };
            }
        }
    }
}
