//! What a minidump says of the fault.

use candor_protocol::report::{Fault, Origin, SignalName};
use minidump::system_info::Os;
use minidump::{MinidumpException, MinidumpSystemInfo, UnifiedMemoryInfoList};

/// Why the dump was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cause {
    /// In the words of the system that it is from, such as `SIGSEGV / SEGV_MAPERR`.
    pub(crate) reason: String,
    /// The signal, where it is one that Candor knows too.
    pub(crate) signal: Option<SignalName>,
    /// Its code.
    pub(crate) code: Option<i32>,
    pub(crate) origin: Origin,
    pub(crate) fault: Fault,
    /// The address that faulted, where the signal is about one.
    pub(crate) address: Option<u64>,
}

/// What crash reporters put in place of a signal when nothing crashed.
const REQUESTED: u32 = 0xffff_ffff;

impl Cause {
    /// `None` when nothing crashed: somebody asked for the dump.
    pub(super) fn of(
        exception: &MinidumpException<'_>,
        system: &MinidumpSystemInfo,
        maps: &UnifiedMemoryInfoList<'_>,
        stack_pointer: Option<u64>,
    ) -> Option<Self> {
        let record = &exception.raw.exception_record;
        if record.exception_code == REQUESTED {
            return None;
        }
        let address = exception.get_crash_address(system.os, system.cpu);
        let signal = match system.os {
            Os::Linux | Os::Android => signal(record.exception_code),
            _ => None,
        };
        let code = signal.map(|_| record.exception_flags as i32);
        let fault = match (signal, code) {
            (Some(signal), Some(code)) => {
                let instruction = exception
                    .context(system, None)
                    .map(|context| context.get_instruction_pointer());
                class(signal, code, address, instruction, stack_pointer, maps)
            }
            _ => Fault::Other,
        };
        let about_an_address = matches!(signal, None | Some(SignalName::Segv | SignalName::Bus));
        Some(Self {
            reason: exception
                .get_crash_reason(system.os, system.cpu)
                .to_string(),
            signal,
            code,
            origin: match code {
                None => Origin::Kernel,
                Some(-6) => Origin::Itself,
                Some(code) if code <= 0 => Origin::User,
                Some(_) => Origin::Kernel,
            },
            fault,
            address: about_an_address.then_some(address),
        })
    }
}

/// Signals by their numbers on Linux.
const fn signal(number: u32) -> Option<SignalName> {
    Some(match number {
        4 => SignalName::Ill,
        5 => SignalName::Trap,
        6 => SignalName::Abrt,
        7 => SignalName::Bus,
        8 => SignalName::Fpe,
        11 => SignalName::Segv,
        31 => SignalName::Sys,
        _ => return None,
    })
}

/// The class of the address, as Candor's own dumps have it.
fn class(
    signal: SignalName,
    code: i32,
    address: u64,
    instruction: Option<u64>,
    stack_pointer: Option<u64>,
    maps: &UnifiedMemoryInfoList<'_>,
) -> Fault {
    /// A null pointer, perhaps with a field's offset.
    const NULL: u64 = 64 * 1024;
    /// How far below the stack pointer a stack that is full is touched first.
    const BELOW: u64 = 64 * 1024;
    const ABOVE: u64 = 4096;
    // 128: the kernel knows no address.
    if !matches!(signal, SignalName::Segv | SignalName::Bus) || code <= 0 {
        return Fault::None;
    }
    if code == 128 {
        return Fault::Other;
    }
    let map = maps.memory_info_at_address(address);
    let readable = map.as_ref().is_some_and(|map| map.is_readable());
    let beside_stack = stack_pointer.is_some_and(|stack| {
        (stack.saturating_sub(BELOW)..stack.saturating_add(ABOVE)).contains(&address)
    });
    match map {
        _ if address < NULL => Fault::NullLike,
        _ if beside_stack && !readable => Fault::StackGuard,
        None => Fault::Unmapped,
        Some(_) if signal == SignalName::Bus => Fault::Unmapped,
        Some(map) if instruction == Some(address) && !map.is_executable() => Fault::NotExecutable,
        Some(map) if map.is_readable() && !map.is_writable() => Fault::NotWritable,
        Some(_) => Fault::Other,
    }
}
