//! The signal handler: record once, on our own stack, then go on to whoever was here first. No allocation, no lock, no
//! panic, no thread-local variable.

use crate::armed::{Shared, with_active};
use crate::aside::Aside;
use crate::install;
use crate::registers::{FAULT_FETCH, FAULT_WRITE, allow_misaligned};
use crate::sys::{self, Context, Facts, SignalInfo};
use crate::threads;
use crate::walk::Walker;
use candor_dump::FaultClass;
use candor_dump::layout::{frame, life, signal};
use std::io;
use std::sync::atomic::{AtomicU32, Ordering};

/// Stack that is there even when the process has run out of memory: as much as a walk takes.
const TOUCHED: usize = 96 << 10;
/// How long a thread that crashes second waits for the first to be recorded, in milliseconds.
const PATIENCE_MS: u64 = 1000;
/// Processor time that the walk of the crashing thread's stack may take, in milliseconds. The deepest stack of 8 MiB takes
/// some 60.
const WALK_MS: u64 = 250;

/// What recording needs and only one thread uses at a time.
pub(crate) struct Recorder {
    aside: Aside,
    /// The thread that records, or has recorded; 0 for none.
    owner: AtomicU32,
    done: AtomicU32,
}

impl Recorder {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            aside: Aside::new(TOUCHED)?,
            owner: AtomicU32::new(0),
            done: AtomicU32::new(0),
        })
    }

    /// The record is written and the thread that wrote it has gone on.
    pub(crate) fn is_done(&self) -> bool {
        self.done.load(Ordering::Acquire) != 0
    }

    /// Makes room for another record, because the process survived the last one.
    pub(crate) fn reopen(&self) {
        self.done.store(0, Ordering::Release);
        self.owner.store(0, Ordering::Release);
    }
}

/// The thread that went on to an earlier handler last: if the signal comes back to it, that handler leads to us.
static WENT_ON: AtomicU32 = AtomicU32::new(0);

/// Installed for every signal that means death.
pub(crate) extern "C" fn on_signal(number: i32, info: *mut SignalInfo, context: *mut Context) {
    allow_misaligned();
    // SAFETY: the kernel, or a handler that was called by it, hands over valid structures.
    let facts = unsafe { Facts::new(number, info, context) };
    let tid = sys::gettid();
    let way_out = with_active(|shared| {
        if shared.is_here() {
            enter(shared, &facts, tid)
        } else {
            None
        }
    });
    if let Some((ip, sp)) = way_out.flatten() {
        // SAFETY: the kernel's context; the way out was laid by `call_on_stack` on this very thread.
        unsafe { sys::redirect(context, ip, sp) };
        return;
    }
    // SAFETY: as above.
    unsafe { go_on(&facts, tid, info, context) };
}

/// Records, if nobody has. The answer is a way out of a recording that has faulted.
fn enter(shared: &Shared, facts: &Facts, tid: u32) -> Option<(usize, usize)> {
    // A sample's walk that ran into memory that was just given back, or into a sandbox: nobody is hurt.
    if facts.code > 0
        && let Some(way_out) = shared.poke.rescue(facts.registers.sp())
    {
        return Some(way_out);
    }
    let recorder = &shared.recorder;
    match recorder
        .owner
        .compare_exchange(0, tid, Ordering::AcqRel, Ordering::Acquire)
    {
        Ok(_) => {
            shared
                .page
                .u32(life::SIGNALS_SEEN)
                .fetch_add(1, Ordering::Relaxed);
            // SAFETY: the owner is the only user. The record is in the file; `write` owns nothing.
            unsafe { recorder.aside.run(&mut || write(shared, facts, tid)) };
            recorder.done.store(1, Ordering::Release);
            None
        }
        Err(owner) if owner == tid => {
            if recorder.is_done() {
                return None;
            }
            shared
                .page
                .u32(signal::NESTED)
                .fetch_add(1, Ordering::Relaxed);
            recorder.aside.rescue(facts.registers.sp())
        }
        Err(_) => {
            shared
                .page
                .u32(life::SIGNALS_SEEN)
                .fetch_add(1, Ordering::Relaxed);
            let mut waited = 0;
            while !recorder.is_done() && waited < PATIENCE_MS {
                sys::pause(1);
                waited += 1;
            }
            None
        }
    }
}

/// Writes the record, in such an order that whatever is there can be read at any moment.
fn write(shared: &Shared, facts: &Facts, tid: u32) {
    let page = shared.page;
    let state = page.u32(signal::STATE);
    state.store(signal::CLAIMED, Ordering::Release);
    if page.u32(signal::SURVIVED_MS).load(Ordering::Relaxed) != 0 {
        // The record of a signal that the process survived makes room.
        page.clear(
            signal::NUMBER + 4,
            signal::FRAMES + signal::FRAMES_MAX * frame::SIZE - signal::NUMBER - 4,
        );
    }
    let mut walker = Walker::new(&shared.modules, WALK_MS);
    if !shared.modules.is_app() {
        let mut ours = false;
        walker.walk(facts.registers, &mut |step| {
            ours = shared.modules.is_ours(step.code, step.region.as_ref());
            !ours
        });
        if !ours {
            state.store(signal::ELSEWHERE, Ordering::Release);
            return;
        }
    }
    let sent = facts.code <= 0;
    let flags = u32::from(tid == shared.pid)
        | u32::from(!sent) << 1
        | u32::from(sent && facts.sender == shared.pid) << 2;
    page.set_u32(signal::NUMBER, facts.number as u32);
    page.set_u32(signal::CODE, facts.code as u32);
    page.set_u32(signal::TID, tid);
    page.set_u32(signal::FLAGS, flags);
    page.set_u32(signal::NAME, shared.name_index(sys::thread_name()).into());
    page.set_u64(signal::AT_BOOTTIME_MS, sys::boottime_millis());
    page.set_u32(signal::AT_ACTIVE_MS, shared.active_ms());
    page.set_u32(
        signal::FAULT,
        fault_class(facts, &mut |at| walker.memory().word(at).is_some()).code(),
    );
    state.store(signal::FACTS, Ordering::Release);

    let mut total: u32 = 0;
    let end = walker.walk(facts.registers, &mut |step| {
        let word = shared
            .modules
            .pack(page, step.address, step.region.as_ref(), step.found);
        let index = total as usize;
        let ring = signal::FRAMES_MAX - signal::HEAD;
        let slot = if index < signal::HEAD {
            index
        } else {
            signal::HEAD + (index - signal::HEAD) % ring
        };
        page.set_u64(signal::FRAMES + slot * frame::SIZE, word);
        total += 1;
        page.u32(signal::FRAMES_TOTAL)
            .store(total, Ordering::Release);
        total < u32::MAX
    });
    page.set_u32(signal::STACK_END, end.code().into());
    state.store(signal::STACK, Ordering::Release);
    threads::write(shared, tid);
    state.store(signal::COMPLETE, Ordering::Release);
}

/// What was wrong with the address.
fn fault_class(facts: &Facts, readable: &mut dyn FnMut(usize) -> bool) -> FaultClass {
    /// Addresses below: a null pointer with a field's offset. Linux maps nothing there (`vm.mmap_min_addr`).
    const NULL_END: usize = 64 << 10;
    /// How far below the stack pointer a function touches its frame at first.
    const BELOW: usize = 64 << 10;
    /// How large a frame may be whose first touched byte lies above the stack pointer.
    const ABOVE: usize = 16 << 20;
    const PAGE_FAULT: i64 = 14;

    if facts.code <= 0 || !matches!(facts.number, sys::SIGSEGV | sys::SIGBUS) {
        return FaultClass::None;
    }
    if facts.number == sys::SIGBUS {
        return if facts.code == sys::BUS_ADRERR {
            FaultClass::Unmapped
        } else {
            FaultClass::Other
        };
    }
    if !matches!(facts.code, sys::SEGV_MAPERR | sys::SEGV_ACCERR) || facts.trap != PAGE_FAULT {
        return FaultClass::Other;
    }
    let (address, sp) = (facts.address, facts.registers.sp());
    if address < NULL_END {
        return FaultClass::NullLike;
    }
    if (sp.saturating_sub(BELOW)..sp.saturating_add(ABOVE)).contains(&address)
        && !readable(address)
        && sp > NULL_END
    {
        // Beside the stack pointer. Nearer than a page it is the stack; further away only if the stack pointer itself has
        // left the readable stack.
        if address.abs_diff(sp) <= BELOW || !readable(sp) {
            return FaultClass::StackGuard;
        }
    }
    let denied = facts.code == sys::SEGV_ACCERR;
    if denied && facts.error & FAULT_FETCH != 0 {
        FaultClass::NotExecutable
    } else if denied && facts.error & FAULT_WRITE != 0 && readable(address) {
        FaultClass::NotWritable
    } else {
        FaultClass::Unmapped
    }
}

/// Goes on to whoever was here first, so that the process ends (or does not end) as it would have without us.
///
/// # Safety
/// The arguments are what the kernel handed to the handler.
unsafe fn go_on(facts: &Facts, tid: u32, info: *mut SignalInfo, context: *mut Context) {
    let number = facts.number;
    let again = WENT_ON.swap(tid, Ordering::AcqRel) == tid;
    let previous = install::previous(number, again);
    // These are not raised again by returning: they were sent, or the instruction is done.
    let comes_back = facts.code > 0 && !matches!(number, sys::SIGTRAP | sys::SIGSYS);
    if comes_back {
        // The kernel then does what it would have done: stack, mask, flags and core dump are its own.
        install::step_back(number, previous);
        return;
    }
    match previous.handler {
        sys::DEFAULT => {
            install::step_back(number, previous);
            // SAFETY: as the caller's.
            unsafe { die_on_return(number, tid, info) };
        }
        sys::IGNORE => {}
        _ => {
            if previous.flags & sys::ONCE != 0 {
                install::step_back(
                    number,
                    sys::Action {
                        handler: sys::DEFAULT,
                        flags: 0,
                        mask: 0,
                    },
                );
            }
            let itself = if previous.flags & sys::NOT_BLOCKED == 0 {
                sys::bit(number)
            } else {
                0
            };
            sys::set_mask(facts.mask | previous.mask | itself);
            // SAFETY: it was installed for this signal; the arguments are the kernel's.
            unsafe { sys::call_handler(previous, number, info, context) };
            // A handler that resets the action and returns expects the signal to come again and to be the end, as the Rust
            // runtime's does. Ours being in front would keep the process alive instead.
            let gave_up = sys::action(number).is_some_and(|now| now.handler == sys::DEFAULT);
            if gave_up && previous.flags & sys::ONCE == 0 {
                // SAFETY: as the caller's.
                unsafe { die_on_return(number, tid, info) };
            }
        }
    }
}

/// Sends the signal again. It is blocked until the handler returns, so that a core dump shows the crash and not us.
///
/// # Safety
/// `info` is what the kernel handed to the handler.
unsafe fn die_on_return(number: i32, tid: u32, info: *mut SignalInfo) {
    sys::add_mask(sys::bit(number));
    // SAFETY: as the caller's.
    unsafe { sys::send_again(sys::getpid(), tid, number, info) };
}
