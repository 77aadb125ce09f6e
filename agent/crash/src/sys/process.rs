//! This process and its threads, and the helper process that stops them.

use super::loader::stay_loaded;
use super::signals::{
    Action, Context, Handler, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SignalInfo, WITH_INFO, bit,
    set_action, set_mask,
};
use crate::registers::{Again, Registers, system_call};
use std::ffi::{c_int, c_void};

/// The calling thread. Anywhere.
pub(crate) fn gettid() -> u32 {
    // SAFETY: takes nothing, cannot fail.
    unsafe { system_call(libc::SYS_gettid, [0; 6]) as u32 }
}

/// This process. Anywhere.
pub(crate) fn getpid() -> u32 {
    // SAFETY: takes nothing, cannot fail.
    unsafe { system_call(libc::SYS_getpid, [0; 6]) as u32 }
}

/// What is called at the exit, with the status and nothing else of use.
pub(crate) type WithStatus = extern "C" fn(c_int, *mut c_void);

/// Has `with_status` called by `exit` and when `main` returns; where the C library does not tell the status, or could call what
/// is no longer there, `without`.
pub(crate) fn at_exit(with_status: WithStatus, without: extern "C" fn()) {
    if !on_exit(with_status) {
        // SAFETY: a function without captures; it stays valid until the object it is in is unloaded, which calls it first.
        unsafe { libc::atexit(without) };
    }
}

#[cfg(target_env = "gnu")]
fn on_exit(function: WithStatus) -> bool {
    unsafe extern "C" {
        fn on_exit(function: WithStatus, argument: *mut c_void) -> c_int;
    }
    // SAFETY: a function without captures, in code that stays where it is.
    stay_loaded() && unsafe { on_exit(function, std::ptr::null_mut()) } == 0
}

#[cfg(not(target_env = "gnu"))]
fn on_exit(_: WithStatus) -> bool {
    false
}

/// Has `function` called in every child that this process forks, before the child goes on.
pub(crate) fn at_fork(function: unsafe extern "C" fn()) {
    // SAFETY: a function without captures; the C library forgets it when the object it is in is unloaded. A failure leaves
    // children as they would be without it.
    unsafe { libc::pthread_atfork(None, None, Some(function)) };
}

/// The name of the calling thread, padded with zeros. Anywhere.
pub(crate) fn thread_name() -> [u8; 16] {
    let mut name = [0u8; 16];
    let args = [
        libc::PR_GET_NAME as usize,
        (&raw mut name).expose_provenance(),
        0,
        0,
        0,
        0,
    ];
    // SAFETY: the kernel writes at most 16 bytes.
    unsafe { system_call(libc::SYS_prctl, args) };
    name
}

/// A process that shares memory only; its end is told by a word, not by a signal to the host.
pub(crate) const HELPER_FLAGS: usize =
    (libc::CLONE_VM | libc::CLONE_FS | libc::CLONE_UNTRACED | libc::CLONE_CHILD_CLEARTID) as usize;

/// In the helper: a fault ends it, quietly. Anywhere.
pub(crate) fn end_on_fault() {
    extern "C" fn end(_: c_int, _: *mut SignalInfo, _: *mut Context) {
        // SAFETY: ends the calling process, which is the helper.
        unsafe { system_call(libc::SYS_exit, [1, 0, 0, 0, 0, 0]) };
    }
    let handler: Handler = end;
    let action = Action {
        handler: (handler as *const ()).expose_provenance(),
        flags: WITH_INFO,
        mask: 0,
    };
    let mut faults = 0;
    // SIGSYS: a sandbox may forbid what the helper is for.
    for number in [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGSYS] {
        set_action(number, action);
        faults |= bit(number);
    }
    set_mask(!faults);
}

/// Tells the security module that `pid` may trace us; 0 for nobody. Anywhere.
pub(crate) fn allow_tracing(pid: u32) {
    // SAFETY: no pointers; where there is no such module the call is refused.
    unsafe {
        system_call(
            libc::SYS_prctl,
            [libc::PR_SET_PTRACER as usize, pid as usize, 0, 0, 0, 0],
        )
    };
}

/// Anywhere.
pub(crate) fn kill_process(pid: u32) {
    // SAFETY: no pointers.
    unsafe {
        system_call(
            libc::SYS_kill,
            [pid as usize, libc::SIGKILL as usize, 0, 0, 0, 0],
        )
    };
}

/// Takes note of the helper's end, so that it does not stay as a zombie. Anywhere.
pub(crate) fn reap(pid: u32) {
    // SAFETY: no status is asked for.
    unsafe {
        system_call(
            libc::SYS_wait4,
            [pid as usize, 0, libc::__WCLONE as usize, 0, 0, 0],
        )
    };
}

pub(crate) const TRACE_SEIZE: usize = libc::PTRACE_SEIZE as usize;
pub(crate) const TRACE_INTERRUPT: usize = libc::PTRACE_INTERRUPT as usize;
pub(crate) const TRACE_DETACH: usize = libc::PTRACE_DETACH as usize;
pub(crate) const NO_SUCH_THREAD: isize = -(libc::ESRCH as isize);

/// `ptrace` without pointers. In the helper.
pub(crate) fn trace(request: usize, tid: u32, address: usize, data: usize) -> isize {
    // SAFETY: the requests above take no pointers.
    unsafe {
        system_call(
            libc::SYS_ptrace,
            [request, tid as usize, address, data, 0, 0],
        )
    }
}

/// The status of a traced thread, 0 while it has not changed; or once it has. In the helper.
pub(crate) fn wait_thread(tid: u32, until_changed: bool) -> Option<u32> {
    let mut status = 0u32;
    let hang = if until_changed { 0 } else { libc::WNOHANG };
    let flags = (libc::__WALL | hang) as usize;
    let args = [
        tid as usize,
        (&raw mut status).expose_provenance(),
        flags,
        0,
        0,
        0,
    ];
    // SAFETY: `status` may be written.
    let answer = unsafe { system_call(libc::SYS_wait4, args) };
    match answer {
        0 => Some(0),
        changed if changed == tid as isize => Some(status),
        _ => None,
    }
}

/// The whole state of a stopped thread. In the helper.
pub(crate) fn halted(tid: u32) -> Option<Halted> {
    // SAFETY: all-zero is a valid value.
    let mut general: libc::user_regs_struct = unsafe { std::mem::zeroed() };
    let args = [
        libc::PTRACE_GETREGS as usize,
        tid as usize,
        0,
        (&raw mut general).expose_provenance(),
        0,
        0,
    ];
    // SAFETY: `general` may be written.
    (unsafe { system_call(libc::SYS_ptrace, args) } == 0).then_some(Halted(general))
}

/// See [`halted`].
pub(crate) struct Halted(libc::user_regs_struct);

impl Halted {
    /// Has the thread begin its system call anew if the stop has ended it. In the helper.
    pub(crate) fn begin_call_anew(&self, tid: u32) {
        /// The kernel's own word for "again, unless a handler has run".
        const AGAIN: isize = -514;
        const RESULT_AT: usize = std::mem::offset_of!(libc::user_regs_struct, rax);
        if self.is_in_call() && self.0.rax as i64 == -i64::from(libc::EINTR) {
            let request = libc::PTRACE_POKEUSER as usize;
            trace(request, tid, RESULT_AT, AGAIN as usize);
        }
    }

    pub(crate) fn is_in_call(&self) -> bool {
        self.0.orig_rax as i64 >= 0
    }

    pub(crate) fn registers(&self) -> Registers {
        let g = &self.0;
        let in_order = [
            g.rax, g.rdx, g.rcx, g.rbx, g.rsi, g.rdi, g.rbp, g.rsp, g.r8, g.r9, g.r10, g.r11,
            g.r12, g.r13, g.r14, g.r15, g.rip,
        ];
        let mut registers = Registers::default();
        for (register, value) in in_order.into_iter().enumerate() {
            registers.set(register, value as usize);
        }
        registers
    }

    /// The system call that it was stopped in, if that begins again as if nothing had been: the kernel says so by a number that no
    /// program ever sees (`ERESTARTSYS` and its kin). `epoll_wait` has no such number, but nothing happened in it either.
    pub(crate) fn begins_again(&self) -> Option<Again> {
        const RESTARTS: std::ops::RangeInclusive<i64> = -514..=-512;
        const RESTART_BLOCK: i64 = -516;
        const INTERRUPTED: i64 = -(libc::EINTR as i64);
        let (call, result) = (self.0.orig_rax as i64, self.0.rax as i64);
        let number = match result {
            _ if call < 0 => return None,
            RESTART_BLOCK => libc::SYS_restart_syscall,
            INTERRUPTED if [libc::SYS_epoll_wait, libc::SYS_epoll_pwait].contains(&call) => call,
            other if RESTARTS.contains(&other) => call,
            _ => return None,
        };
        Some(Again {
            ip: (self.0.rip as usize).wrapping_sub(2),
            number: number as usize,
            arguments: [self.0.rdi as usize, self.0.rsi as usize],
        })
    }

    /// Has the thread go on at `ip` with a system call's number and first two arguments in place.
    pub(crate) fn enter(mut self, tid: u32, ip: usize, call: [usize; 3]) -> bool {
        let [number, first, second] = call;
        self.0.rip = ip as u64;
        self.0.rax = number as u64;
        self.0.rdi = first as u64;
        self.0.rsi = second as u64;
        // It is in no system call any more: the kernel must not begin that again by itself.
        self.0.orig_rax = u64::MAX;
        let args = [
            libc::PTRACE_SETREGS as usize,
            tid as usize,
            0,
            (&raw const self.0).expose_provenance(),
            0,
            0,
        ];
        // SAFETY: the kernel reads the structure only. The caller answers for the code at `ip`.
        unsafe { system_call(libc::SYS_ptrace, args) == 0 }
    }
}
