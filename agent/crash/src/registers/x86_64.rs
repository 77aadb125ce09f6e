//! x86-64: the registers a stack walk needs, where Linux keeps them, and the few instructions that Rust cannot say.

use std::arch::{asm, naked_asm};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Registers by their DWARF numbers: 0 rax, 1 rdx, 2 rcx, 3 rbx, 4 rsi, 5 rdi, 6 rbp, 7 rsp, 8 to 15 themselves,
/// 16 the instruction pointer.
pub(crate) const COUNT: usize = 17;
/// DWARF number of the frame pointer.
pub(crate) const FRAME_POINTER: usize = 6;
/// DWARF number of the stack pointer.
pub(crate) const STACK_POINTER: usize = 7;
/// DWARF number of the return address.
pub(crate) const INSTRUCTION_POINTER: usize = 16;
/// Registers that a called function gives back as it found them.
pub(crate) const CALLEE_SAVED: [usize; 7] = [3, FRAME_POINTER, STACK_POINTER, 12, 13, 14, 15];

/// A set of registers, some of which may be unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Registers {
    values: [usize; COUNT],
    known: u32,
}

impl Registers {
    pub(crate) const fn get(&self, register: usize) -> Option<usize> {
        if register < COUNT && self.known & (1 << register) != 0 {
            Some(self.values[register])
        } else {
            None
        }
    }

    pub(crate) const fn set(&mut self, register: usize, value: usize) {
        if register < COUNT {
            self.values[register] = value;
            self.known |= 1 << register;
        }
    }

    /// Sets a register or forgets it.
    pub(crate) const fn put(&mut self, register: usize, value: Option<usize>) {
        match value {
            Some(value) => self.set(register, value),
            None if register < COUNT => self.known &= !(1 << register),
            None => {}
        }
    }

    pub(crate) const fn with(mut self, register: usize, value: usize) -> Self {
        self.set(register, value);
        self
    }

    pub(crate) const fn ip(&self) -> usize {
        self.values[INSTRUCTION_POINTER]
    }

    pub(crate) const fn sp(&self) -> usize {
        self.values[STACK_POINTER]
    }
}

/// Where the kernel keeps each register, in DWARF order, in a signal's `ucontext` (`uc_mcontext.gregs`).
pub(crate) const IN_CONTEXT: [usize; COUNT] =
    [13, 12, 14, 11, 9, 8, 10, 15, 0, 1, 2, 3, 4, 5, 6, 7, 16];
/// Offset of `uc_mcontext.gregs` in `ucontext`, for a signal frame that is found on a stack.
pub(crate) const CONTEXT_REGISTERS_AT: usize = 40;
/// `gregs[REG_ERR]` of a page fault: the access was a write.
pub(crate) const FAULT_WRITE: i64 = 2;
/// `gregs[REG_ERR]` of a page fault: the access was the fetch of an instruction.
pub(crate) const FAULT_FETCH: i64 = 16;
/// The code that returns from a signal handler: `mov $15, %rax; syscall`, as glibc and musl write it.
pub(crate) const SIGNAL_RETURN: [[u8; 9]; 2] = [
    [0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05],
    [0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05, 0, 0],
];

/// Whether the bytes before a return address (the last eight, the last one nearest) end in a call.
pub(crate) fn ends_in_call(before: [u8; 8]) -> bool {
    // call rel32
    if before[3] == 0xe8 {
        return true;
    }
    // call r/m64: ff /2, two to seven bytes, an optional prefix before it does not matter.
    (2..=7).any(|len| {
        let (opcode, modrm) = (before[8 - len], before[8 - len + 1]);
        if opcode != 0xff || modrm & 0x38 != 0x10 {
            return false;
        }
        let sib = usize::from(modrm & 7 == 4 && modrm >> 6 != 3);
        let displacement = match modrm >> 6 {
            0 if modrm & 7 == 5 => 4,
            0 if sib == 1 && before.get(8 - len + 2).is_some_and(|sib| sib & 7 == 5) => 4,
            1 => 1,
            2 => 4,
            _ => 0,
        };
        len == 2 + sib + displacement
    })
}

/// Where a call led.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// To this address.
    Is(usize),
    /// To the address that stands at this place.
    At(usize),
    /// That cannot be seen from the instruction.
    Unknown,
}

/// The target of the call that ends right before `address`, from the last eight bytes before it.
pub(crate) fn call_target(address: usize, before: [u8; 8]) -> Target {
    let [_, _, first, second, a, b, c, d] = before;
    let there = address.wrapping_add_signed(i32::from_le_bytes([a, b, c, d]) as isize);
    match (first, second) {
        (_, 0xe8) => Target::Is(there),
        (0xff, 0x15) => Target::At(there),
        _ => Target::Unknown,
    }
}

/// Whether code that starts with these bytes jumps on through a table, as the stubs for functions of other libraries do.
pub(crate) fn is_stub(code: [u8; 8]) -> bool {
    // endbr64, bnd
    let code = code
        .strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa])
        .unwrap_or(&code);
    let code = code.strip_prefix(&[0xf2]).unwrap_or(code);
    code.starts_with(&[0xff, 0x25])
}

/// A system call that leaves `errno` alone and does nothing else.
///
/// # Safety
/// As the system call itself demands of its arguments.
#[inline]
pub(crate) unsafe fn system_call(number: i64, args: [usize; 6]) -> isize {
    let result: isize;
    // SAFETY: the kernel's calling convention: it changes rax, rcx and r11 and nothing else of the processor's state.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") args[0],
            in("rsi") args[1],
            in("rdx") args[2],
            in("r10") args[3],
            in("r8") args[4],
            in("r9") args[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// Switches the processor's alignment checks off, which a host may have on and which stay on in its signal handlers. The kernel
/// puts the host's flags back when the handler returns. Anywhere.
#[inline(always)]
pub(crate) fn allow_misaligned() {
    const ALIGNMENT_CHECK: i32 = 1 << 18;
    // SAFETY: of the flags only this one changes; the stack is as before.
    unsafe {
        asm!("pushfq", "and dword ptr [rsp], {}", "popfq", const !ALIGNMENT_CHECK);
    }
}

/// Where to go on when the function that runs on another stack cannot: see [`call_on_stack`].
#[derive(Debug)]
#[repr(C)]
pub(crate) struct WayOut {
    /// Instruction pointer; 0 while there is no way out.
    ip: AtomicUsize,
    /// Stack pointer that goes with it.
    sp: AtomicUsize,
}

impl WayOut {
    pub(crate) const fn new() -> Self {
        Self {
            ip: AtomicUsize::new(0),
            sp: AtomicUsize::new(0),
        }
    }

    /// Instruction and stack pointer to put into a faulting thread's context; once.
    pub(crate) fn take(&self) -> Option<(usize, usize)> {
        let ip = self.ip.swap(0, Ordering::AcqRel);
        (ip != 0).then(|| (ip, self.sp.load(Ordering::Acquire)))
    }
}

/// Calls `function(argument)` on the stack that ends (at its upper end) at `top`, and comes back. While the function
/// runs, `way_out` leads back too: a signal handler may put it into the context of this thread, and the call ends there.
///
/// # Safety
/// `top` is 16-byte aligned, enough memory below it may be written and is used by nobody else; `function` does not unwind,
/// and nothing is lost if it ends in the middle.
#[inline(never)]
pub(crate) unsafe fn call_on_stack(
    top: *mut u8,
    function: unsafe extern "C" fn(*mut u8),
    argument: *mut u8,
    way_out: &WayOut,
) {
    // SAFETY: what a C function keeps for its caller but may have changed when it ends in the middle is pushed on the old
    // stack; the old stack pointer is kept in `way_out` and, for the ordinary way back, in r12, which a C function keeps.
    // Everything else that may change is declared. The stack is aligned before the call.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "mov r12, rsp",
            "lea r13, [rip + 2f]",
            "mov [r14 + 8], rsp",
            "mov [r14], r13",
            "mov rsp, {top}",
            "call {function}",
            "mov rsp, r12",
            "2:",
            "pop rbp",
            "pop rbx",
            "cld",
            top = in(reg) top,
            function = in(reg) function,
            in("rdi") argument,
            inout("r14") &raw const *way_out => _,
            out("r12") _,
            out("r13") _,
            out("r15") _,
            clobber_abi("C"),
        );
    }
    way_out.ip.store(0, Ordering::Release);
}

/// Makes a process that shares our memory and runs `function(argument)` on the stack that ends at `top`, then exits. The
/// answer is its number, or a negative error. The kernel sets `lives` to zero when it ends.
///
/// # Safety
/// As for [`call_on_stack`]; the stack, `argument` and `lives` stay until the process has ended.
#[inline(never)]
pub(crate) unsafe fn spawn_sharing_memory(
    flags: usize,
    top: *mut u8,
    function: unsafe extern "C" fn(*mut u8),
    argument: *mut u8,
    lives: *mut u32,
) -> isize {
    const CLONE: isize = 56;
    const EXIT: i32 = 60;
    let result: isize;
    // SAFETY: in the parent this is a system call like any other. The child has all registers of the parent but its own
    // stack; it leaves this code by exiting only.
    unsafe {
        asm!(
            "syscall",
            "test rax, rax",
            "jnz 2f",
            "xor ebp, ebp",
            "mov rdi, r13",
            "call r12",
            "xor edi, edi",
            "mov eax, {exit}",
            "syscall",
            "ud2",
            "2:",
            exit = const EXIT,
            inlateout("rax") CLONE => result,
            in("rdi") flags,
            in("rsi") top,
            in("rdx") 0usize,
            in("r10") lives,
            in("r8") 0usize,
            in("r12") function,
            in("r13") argument,
            lateout("rcx") _,
            lateout("r11") _,
        );
    }
    result
}

/// Copies `len` bytes from memory that belongs to somebody else. Anywhere.
///
/// # Safety
/// So many bytes at `from` can be read, and nobody else uses as many at `to`.
pub(crate) unsafe fn copy_bytes(from: usize, to: *mut u8, len: usize) {
    // SAFETY: the caller has made sure of both ends; the ABI keeps the direction flag clear.
    unsafe {
        asm!(
            "rep movsb",
            inout("rcx") len => _,
            inout("rsi") from => _,
            inout("rdi") to => _,
            options(nostack, preserves_flags),
        );
    }
}

/// The instruction that makes a system call, as it stands in memory.
pub(crate) const SYSTEM_CALL: u32 = 0x050f;

/// Where an interrupted system call begins again, and with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Again {
    /// The instruction that makes the call.
    pub(crate) ip: usize,
    /// Its number.
    pub(crate) number: usize,
    /// Its first two arguments; all others are left alone.
    pub(crate) arguments: [usize; 2],
}

/// What came of an errand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The thread never came to it.
    Unknown,
    /// It has an alternate stack of its own.
    HasOne,
    /// It has taken ours.
    Taken,
    /// The kernel has refused.
    Refused,
}

/// What a thread on an errand reads and writes, and nobody else meanwhile: see [`crate::errand`].
#[repr(C)]
pub(crate) struct Errand {
    /// `stack_t`: the stack to take.
    new: [AtomicU64; 3],
    /// `stack_t`: the one it has.
    old: [AtomicU64; 3],
    first: AtomicU64,
    second: AtomicU64,
    number: AtomicU64,
    ip: AtomicU64,
    outcome: AtomicU64,
}

pub(crate) static ERRAND: Errand = Errand {
    new: [const { AtomicU64::new(0) }; 3],
    old: [const { AtomicU64::new(0) }; 3],
    first: AtomicU64::new(0),
    second: AtomicU64::new(0),
    number: AtomicU64::new(0),
    ip: AtomicU64::new(0),
    outcome: AtomicU64::new(0),
};

const SIGALTSTACK: usize = 131;

impl Errand {
    /// Before the thread is sent.
    pub(crate) fn prepare(&self, base: usize, size: usize) {
        for (word, value) in self.new.iter().zip([base as u64, 0, size as u64]) {
            word.store(value, Ordering::Relaxed);
        }
        self.outcome.store(0, Ordering::Release);
    }

    pub(crate) fn come_back(&self, again: Again) {
        let [first, second] = again.arguments;
        self.first.store(first as u64, Ordering::Relaxed);
        self.second.store(second as u64, Ordering::Relaxed);
        self.number.store(again.number as u64, Ordering::Relaxed);
        self.ip.store(again.ip as u64, Ordering::Release);
    }

    /// Number and arguments of the call that the errand begins with: which alternate stack is there?
    pub(crate) fn call(&self) -> [usize; 3] {
        [SIGALTSTACK, 0, self.old.as_ptr().expose_provenance()]
    }

    /// Where it begins.
    pub(crate) fn entry() -> usize {
        (errand as *const ()).expose_provenance()
    }

    pub(crate) fn outcome(&self) -> Outcome {
        match self.outcome.load(Ordering::Acquire) {
            0 => Outcome::Unknown,
            1 => Outcome::HasOne,
            2 => Outcome::Taken,
            _ => Outcome::Refused,
        }
    }
}

/// The way of the errand, for a thread that was stopped in a system call. A call changes rax, rcx and r11; of the rest this changes
/// rdi and rsi and puts them back. The flags stay as they are, and nothing is put on the stack.
#[unsafe(naked)]
extern "C" fn errand() {
    naked_asm!(
        // Which stack is there? `SS_DISABLE` alone (2) is none.
        "syscall",
        "mov ecx, dword ptr [rip + {errand} + 32]",
        "lea ecx, [rcx - 2]",
        "jrcxz 2f",
        "mov ecx, 1",
        "jmp 4f",
        "2:",
        "mov eax, {sigaltstack}",
        "lea rdi, [rip + {errand}]",
        "mov esi, 0",
        "syscall",
        "mov ecx, eax",
        "jrcxz 3f",
        "mov ecx, 3",
        "jmp 4f",
        "3:",
        "mov ecx, 2",
        "4:",
        "mov rdi, qword ptr [rip + {errand} + 48]",
        "mov rsi, qword ptr [rip + {errand} + 56]",
        "mov rax, qword ptr [rip + {errand} + 64]",
        "mov r11, qword ptr [rip + {errand} + 72]",
        // From here on it needs nothing of this any more.
        "mov qword ptr [rip + {errand} + 80], rcx",
        "jmp r11",
        errand = sym ERRAND,
        sigaltstack = const SIGALTSTACK,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_before_a_return_address_is_recognised_and_other_code_is_not() {
        assert!(ends_in_call([0, 0, 0, 0xe8, 1, 2, 3, 4]), "call rel32");
        assert!(ends_in_call([0, 0, 0, 0, 0, 0, 0xff, 0xd0]), "call rax");
        assert!(ends_in_call([0, 0, 0, 0, 0, 0x41, 0xff, 0xd4]), "call r12");
        assert!(
            ends_in_call([0, 0, 0xff, 0x15, 1, 2, 3, 4]),
            "call [rip+disp32]"
        );
        assert!(
            ends_in_call([0, 0, 0, 0, 0, 0xff, 0x50, 0x18]),
            "call [rax+0x18]"
        );
        assert!(
            ends_in_call([0, 0, 0, 0, 0xff, 0x54, 0x24, 0x08]),
            "call [rsp+8]"
        );
        assert!(!ends_in_call([0x90; 8]), "nothing but nop");
        assert!(!ends_in_call([0, 0, 0, 0, 0, 0, 0xff, 0xe0]), "jmp rax");
    }

    #[test]
    fn a_call_tells_its_target_if_that_is_fixed_and_a_stub_is_known() {
        assert_eq!(
            call_target(0x1000, [0, 0, 0, 0xe8, 0x10, 0, 0, 0]),
            Target::Is(0x1010)
        );
        assert_eq!(
            call_target(0x1000, [0, 0, 0, 0xe8, 0xf0, 0xff, 0xff, 0xff]),
            Target::Is(0xff0)
        );
        assert_eq!(
            call_target(0x1000, [0, 0, 0xff, 0x15, 0x10, 0, 0, 0]),
            Target::At(0x1010)
        );
        assert_eq!(
            call_target(0x1000, [0, 0, 0, 0, 0, 0, 0xff, 0xd0]),
            Target::Unknown
        );
        assert!(
            is_stub([0xff, 0x25, 1, 2, 3, 4, 0x68, 0])
                && is_stub([0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 1])
        );
        assert!(!is_stub([0x55, 0x48, 0x89, 0xe5, 0xff, 0x25, 0, 0]));
    }

    #[test]
    fn a_function_called_on_another_stack_sees_its_argument_and_comes_back() {
        unsafe extern "C" fn note_where(out: *mut u8) {
            let here = 0u8;
            // SAFETY: `out` is the address of a `usize` below.
            unsafe { out.cast::<usize>().write((&raw const here).addr()) };
        }
        let mut stack = vec![0u128; 4096];
        let bounds = stack.as_ptr_range();
        let (low, high) = (bounds.start.addr(), bounds.end.addr());
        let mut seen = 0usize;
        // SAFETY: the vector is 64 KiB of aligned memory that nothing else uses meanwhile.
        unsafe {
            call_on_stack(
                stack.as_mut_ptr_range().end.cast(),
                note_where,
                (&raw mut seen).cast(),
                &WayOut::new(),
            )
        };
        assert!((low..high).contains(&seen));
    }
}
