//! Signals: their actions, masks and stacks, and what a handler is told.

use super::process::getpid;
use crate::registers::{IN_CONTEXT, Registers, system_call};
use std::ffi::c_int;

pub(crate) const SIGSEGV: i32 = libc::SIGSEGV;
pub(crate) const SIGBUS: i32 = libc::SIGBUS;
pub(crate) const SIGFPE: i32 = libc::SIGFPE;
pub(crate) const SIGILL: i32 = libc::SIGILL;
pub(crate) const SIGABRT: i32 = libc::SIGABRT;
pub(crate) const SIGTRAP: i32 = libc::SIGTRAP;
pub(crate) const SIGSYS: i32 = libc::SIGSYS;

/// `SEGV_ACCERR`: the address is mapped, the access is not allowed.
pub(crate) const SEGV_ACCERR: i32 = 2;

/// `SEGV_MAPERR`: nothing is mapped at the address.
pub(crate) const SEGV_MAPERR: i32 = 1;

/// `BUS_ADRERR`: nothing is behind the address, as after the end of a mapped file.
pub(crate) const BUS_ADRERR: i32 = 2;

/// `siginfo_t`.
pub(crate) type SignalInfo = libc::siginfo_t;

/// `ucontext_t`.
pub(crate) type Context = libc::ucontext_t;

/// A handler that gets all three arguments.
pub(crate) type Handler = extern "C" fn(c_int, *mut SignalInfo, *mut Context);

/// A handler that gets the signal's number only.
pub(crate) type PlainHandler = extern "C" fn(c_int);

pub(crate) const DEFAULT: usize = libc::SIG_DFL;
pub(crate) const IGNORE: usize = libc::SIG_IGN;
pub(crate) const WITH_INFO: i32 = libc::SA_SIGINFO;
pub(crate) const ON_ALTERNATE_STACK: i32 = libc::SA_ONSTACK;
pub(crate) const NOT_BLOCKED: i32 = libc::SA_NODEFER;
pub(crate) const ONCE: i32 = libc::SA_RESETHAND;

/// What happens on a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Action {
    /// [`DEFAULT`], [`IGNORE`] or the address of a function.
    pub(crate) handler: usize,
    /// `sa_flags`.
    pub(crate) flags: i32,
    /// `sa_mask`, signal n at bit n - 1.
    pub(crate) mask: u64,
}

/// The bit of a signal in a mask.
pub(crate) const fn bit(number: i32) -> u64 {
    1 << ((number - 1) & 63)
}

/// What happens on signal `number` now. Anywhere.
pub(crate) fn action(number: i32) -> Option<Action> {
    // SAFETY: all-zero is a valid `sigaction`.
    let mut old: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: only the old action is asked for; `old` may be written.
    if unsafe { libc::sigaction(number, std::ptr::null(), &raw mut old) } != 0 {
        return None;
    }
    // SAFETY: a signal set starts with the mask of the first 64 signals, which are all there are.
    let mask = unsafe { (&raw const old.sa_mask).cast::<u64>().read() };
    Some(Action {
        handler: old.sa_sigaction,
        flags: old.sa_flags,
        mask,
    })
}

/// Changes what happens on signal `number`. Anywhere.
pub(crate) fn set_action(number: i32, action: Action) -> bool {
    // SAFETY: all-zero is a valid `sigaction`.
    let mut new: libc::sigaction = unsafe { std::mem::zeroed() };
    new.sa_sigaction = action.handler;
    new.sa_flags = action.flags;
    // SAFETY: as in `action`.
    unsafe { (&raw mut new.sa_mask).cast::<u64>().write(action.mask) };
    // SAFETY: the handler is one of ours or one that was installed before.
    unsafe { libc::sigaction(number, &raw const new, std::ptr::null_mut()) == 0 }
}

/// Sets the calling thread's signal mask, or adds to it. Anywhere.
pub(crate) fn set_mask(mask: u64) {
    mask_call(libc::SIG_SETMASK, mask);
}

/// Adds to the calling thread's signal mask. Anywhere.
pub(crate) fn add_mask(mask: u64) {
    mask_call(libc::SIG_BLOCK, mask);
}

fn mask_call(how: c_int, mask: u64) {
    // SAFETY: `mask` is read only.
    unsafe {
        system_call(
            libc::SYS_rt_sigprocmask,
            [
                how as usize,
                (&raw const mask).expose_provenance(),
                0,
                8,
                0,
                0,
            ],
        )
    };
}

/// Sends a thread of this process the signal that is described by `info`; where a sandbox does not allow that, without the
/// description, as `abort` does. Anywhere.
///
/// # Safety
/// `info` is what a signal handler got.
pub(crate) unsafe fn send_again(pid: u32, tid: u32, number: i32, info: *mut SignalInfo) {
    let args = [
        pid as usize,
        tid as usize,
        number as usize,
        info.expose_provenance(),
        0,
        0,
    ];
    // SAFETY: the kernel reads `info` only.
    if unsafe { system_call(libc::SYS_rt_tgsigqueueinfo, args) } != 0 {
        // SAFETY: no pointers.
        unsafe { system_call(libc::SYS_tgkill, args) };
    }
}

/// A thread's stack for signal handlers.
#[derive(Clone, Copy)]
pub(crate) struct AlternateStack(libc::stack_t);

impl AlternateStack {
    pub(crate) fn new(base: *mut u8, size: usize) -> Self {
        Self(libc::stack_t {
            ss_sp: base.cast(),
            ss_flags: 0,
            ss_size: size,
        })
    }

    /// Makes this the calling thread's and gives what it was before. Anywhere.
    ///
    /// # Safety
    /// The memory may be used by signal handlers from now on until another stack is set.
    pub(crate) unsafe fn set(self) -> Option<Self> {
        let mut old = libc::stack_t {
            ss_sp: std::ptr::null_mut(),
            ss_flags: 0,
            ss_size: 0,
        };
        let args = [
            (&raw const self.0).expose_provenance(),
            (&raw mut old).expose_provenance(),
            0,
            0,
            0,
            0,
        ];
        // SAFETY: both structures are valid; the caller answers for the memory.
        let code = unsafe { system_call(libc::SYS_sigaltstack, args) };
        // The answer may carry the flag "in use", which cannot be set.
        old.ss_flags &= libc::SS_DISABLE;
        (code == 0).then_some(Self(old))
    }
}

/// What `siginfo_t` and `ucontext_t` say, without what must not be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts {
    pub(crate) number: i32,
    pub(crate) code: i32,
    /// For a fault: the address. Never written anywhere.
    pub(crate) address: usize,
    /// For a signal that was sent: by which process.
    pub(crate) sender: u32,
    /// The processor's own number of the fault (14: page fault), and its error code.
    pub(crate) trap: i64,
    pub(crate) error: i64,
    /// The signal mask to return to.
    pub(crate) mask: u64,
    pub(crate) registers: Registers,
}

impl Facts {
    /// # Safety
    /// What the kernel handed to a signal handler.
    pub(crate) unsafe fn new(number: i32, info: *mut SignalInfo, context: *mut Context) -> Self {
        // SAFETY: the caller got them from the kernel; of the overlapping fields those are used that go with the code.
        let (info, address, sender, context) = unsafe {
            (
                &*info,
                (*info).si_addr().addr(),
                (*info).si_pid(),
                &*context,
            )
        };
        let general = &context.uc_mcontext.gregs;
        // SAFETY: as in `action`.
        let mask = unsafe { (&raw const context.uc_sigmask).cast::<u64>().read() };
        let of = |index: c_int| general.get(index as usize).copied().unwrap_or(0);
        Self {
            number,
            code: info.si_code,
            address,
            sender: sender as u32,
            trap: of(libc::REG_TRAPNO),
            error: of(libc::REG_ERR),
            mask,
            registers: registers_of(general),
        }
    }
}

fn registers_of(general: &[i64]) -> Registers {
    let mut registers = Registers::default();
    for (register, slot) in IN_CONTEXT.iter().enumerate() {
        registers.set(register, general.get(*slot).copied().unwrap_or(0) as usize);
    }
    registers
}

/// The interrupted registers. Anywhere.
///
/// # Safety
/// What the kernel handed to a signal handler.
pub(crate) unsafe fn context_registers(context: *mut Context) -> Registers {
    // SAFETY: the caller got it from the kernel.
    registers_of(unsafe { &(*context).uc_mcontext.gregs })
}

/// Has the thread go on at `ip` with the stack pointer `sp` when the handler returns.
///
/// # Safety
/// What the kernel handed to a signal handler; the code at `ip` is made to be entered like this.
pub(crate) unsafe fn redirect(context: *mut Context, ip: usize, sp: usize) {
    // SAFETY: the caller got it from the kernel.
    let general = unsafe { &mut (*context).uc_mcontext.gregs };
    for (register, value) in [(libc::REG_RIP, ip), (libc::REG_RSP, sp)] {
        if let Some(slot) = general.get_mut(register as usize) {
            *slot = value as i64;
        }
    }
}

/// Calls somebody else's handler.
///
/// # Safety
/// `action` was installed for this signal; the arguments are what the kernel handed to a handler.
pub(crate) unsafe fn call_handler(
    action: Action,
    number: i32,
    info: *mut SignalInfo,
    context: *mut Context,
) {
    let handler = std::ptr::with_exposed_provenance::<()>(action.handler);
    if action.flags & WITH_INFO != 0 {
        // SAFETY: with this flag the function takes three arguments.
        unsafe { std::mem::transmute::<*const (), Handler>(handler)(number, info, context) };
    } else {
        // SAFETY: without it, one.
        unsafe { std::mem::transmute::<*const (), PlainHandler>(handler)(number) };
    }
}

pub(crate) const RESTART: i32 = libc::SA_RESTART;

/// The first and the last real-time signal that the C library leaves to programs.
pub(crate) fn realtime_signals() -> (i32, i32) {
    (libc::SIGRTMIN(), libc::SIGRTMAX())
}

/// Where `siginfo_t` has the sender's process, user and value.
const INFO_PID: usize = 16;

const INFO_UID: usize = 20;

const INFO_VALUE: usize = 24;

/// Sends a thread of this process a signal with a value. Anywhere.
pub(crate) fn queue_signal(pid: u32, tid: u32, number: i32, value: usize) -> bool {
    // SAFETY: all-zero is a valid `siginfo_t`.
    let mut info: SignalInfo = unsafe { std::mem::zeroed() };
    info.si_signo = number;
    info.si_code = libc::SI_QUEUE;
    let base = (&raw mut info).cast::<u8>();
    // SAFETY: these fields lie inside the structure, which has 128 bytes.
    unsafe {
        base.add(INFO_PID).cast::<u32>().write(pid);
        base.add(INFO_UID)
            .cast::<u32>()
            .write(system_call(libc::SYS_getuid, [0; 6]) as u32);
        base.add(INFO_VALUE).cast::<usize>().write(value);
    }
    let args = [
        pid as usize,
        tid as usize,
        number as usize,
        base.expose_provenance(),
        0,
        0,
    ];
    // SAFETY: the kernel reads `info` only.
    unsafe { system_call(libc::SYS_rt_tgsigqueueinfo, args) == 0 }
}

/// The value that came with a signal, if this process sent it with one. Anywhere.
///
/// # Safety
/// What the kernel handed to a signal handler.
pub(crate) unsafe fn queued_value(info: *mut SignalInfo) -> Option<usize> {
    // SAFETY: the caller got it from the kernel.
    let (code, sender, value) = unsafe { ((*info).si_code, (*info).si_pid(), (*info).si_value()) };
    (code == libc::SI_QUEUE && sender as u32 == getpid()).then(|| value.sival_ptr.addr())
}

/// Gives the interrupted thread an alternate stack, from the return of the handler on, unless it has one.
///
/// # Safety
/// What the kernel handed to a signal handler; the memory is the thread's from now on.
pub(crate) unsafe fn give_alternate_stack(
    context: *mut Context,
    base: *mut u8,
    size: usize,
) -> bool {
    // SAFETY: the caller got it from the kernel.
    let stack = unsafe { &mut (*context).uc_stack };
    if stack.ss_flags & libc::SS_DISABLE == 0 {
        return false;
    }
    *stack = libc::stack_t {
        ss_sp: base.cast(),
        ss_flags: 0,
        ss_size: size,
    };
    true
}

/// The calling thread's signal mask. Anywhere.
pub(crate) fn mask() -> u64 {
    let mut old = 0u64;
    let args = [
        libc::SIG_BLOCK as usize,
        0,
        (&raw mut old).expose_provenance(),
        8,
        0,
        0,
    ];
    // SAFETY: `old` may be written; without a new mask nothing changes.
    unsafe { system_call(libc::SYS_rt_sigprocmask, args) };
    old
}

/// Replaces the calling thread's signal mask. Anywhere.
pub(crate) fn swap_mask(mask: u64) -> u64 {
    let mut old = 0u64;
    let args = [
        libc::SIG_SETMASK as usize,
        (&raw const mask).expose_provenance(),
        (&raw mut old).expose_provenance(),
        8,
        0,
        0,
    ];
    // SAFETY: both masks are valid.
    unsafe { system_call(libc::SYS_rt_sigprocmask, args) };
    old
}
