//! What a minidump says of the fault.

use candor_protocol::report::{Fault, Origin, SignalName};
use minidump::format::MINIDUMP_STREAM_TYPE as Stream;
use minidump::system_info::Os;
use minidump::{Minidump, MinidumpException, MinidumpSystemInfo, UnifiedMemoryInfoList};
use std::ops::Deref;

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
    pub(super) fn of<T: Deref<Target = [u8]>>(
        dump: &Minidump<'_, T>,
        exception: &MinidumpException<'_>,
        system: &MinidumpSystemInfo,
        maps: &UnifiedMemoryInfoList<'_>,
        stack_pointer: Option<u64>,
    ) -> Option<Self> {
        let record = &exception.raw.exception_record;
        if record.exception_code == REQUESTED {
            return None;
        }
        let signal = match system.os {
            Os::Linux | Os::Android => signal(record.exception_code),
            _ => None,
        };
        let code = signal.map(|_| record.exception_flags as i32);
        let is_about_memory = matches!(signal, None | Some(SignalName::Segv | SignalName::Bus));
        let address = Some(exception.get_crash_address(system.os, system.cpu))
            .filter(|address| is_about_memory && !(*address == 0 && loses_addresses(dump)));
        let fault = match (signal, code) {
            (Some(signal), Some(code)) => Access {
                signal,
                code,
                address,
                instruction: exception
                    .context(system, None)
                    .map(|context| context.get_instruction_pointer()),
                stack_pointer,
                maps,
            }
            .class(),
            _ => Fault::Other,
        };
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
            address,
        })
    }
}

/// Whether an address of 0 may be any other. The crate `crash-handler` reads the signal's record in the layout of another
/// one, where the address is not, so dumps that `minidump-writer` makes for it say 0. It marks its dumps with a list of
/// what went wrong while it wrote them.
fn loses_addresses<T: Deref<Target = [u8]>>(dump: &Minidump<'_, T>) -> bool {
    dump.get_raw_stream(Stream::MozSoftErrors as u32).is_ok()
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

/// An access to memory that the system refused.
struct Access<'a> {
    signal: SignalName,
    code: i32,
    address: Option<u64>,
    instruction: Option<u64>,
    stack_pointer: Option<u64>,
    maps: &'a UnifiedMemoryInfoList<'a>,
}

/// A null pointer, perhaps with a field's offset.
const NULL: u64 = 64 * 1024;

/// How far from the end of a stack it is touched when it is full.
const NEAR: u64 = 64 * 1024;

/// A main thread's stack that has grown this far has come to its usual limit of 8 MiB.
const GROWN: u64 = 7 * 1024 * 1024;

/// `si_code` of a signal that the kernel raised without knowing an address (sigaction(2)).
const SI_KERNEL: i32 = 128;

/// `si_code` of an access to where nothing is mapped.
const SEGV_MAPERR: i32 = 1;

impl Access<'_> {
    /// The class of the address, as Candor's own dumps have it.
    fn class(&self) -> Fault {
        if !matches!(self.signal, SignalName::Segv | SignalName::Bus) || self.code <= 0 {
            return Fault::None;
        }
        if self.code == SI_KERNEL {
            return Fault::Other;
        }
        let Some(address) = self.address else {
            return match self.code {
                _ if self.stack_is_full() => Fault::StackGuard,
                SEGV_MAPERR => Fault::Unmapped,
                _ => Fault::Other,
            };
        };
        let near_stack = self
            .stack_pointer
            .is_some_and(|stack| stack.abs_diff(address) < NEAR);
        let map = self.maps.memory_info_at_address(address);
        match map {
            _ if address < NULL => Fault::NullLike,
            _ if near_stack && self.stack_is_full() => Fault::StackGuard,
            None => Fault::Unmapped,
            Some(map) if self.instruction == Some(address) && !map.is_executable() => {
                Fault::NotExecutable
            }
            Some(_) if self.signal == SignalName::Bus => Fault::Unmapped,
            Some(map) if map.is_readable() && !map.is_writable() => Fault::NotWritable,
            Some(_) => Fault::Other,
        }
    }

    /// Whether the stack pointer is at the end of its memory, and nothing can be had beyond.
    fn stack_is_full(&self) -> bool {
        let Some(stack_pointer) = self.stack_pointer else {
            return false;
        };
        // It may point beyond the end already.
        let memory = [stack_pointer, stack_pointer.saturating_add(NEAR)]
            .into_iter()
            .filter_map(|address| self.maps.memory_info_at_address(address))
            .find(|map| map.is_readable())
            .and_then(|map| map.memory_range());
        let Some(memory) = memory.filter(|memory| stack_pointer.abs_diff(memory.start) < NEAR)
        else {
            return false;
        };
        let beyond = memory.start.checked_sub(1);
        let beyond = beyond.and_then(|beyond| self.maps.memory_info_at_address(beyond));
        match beyond {
            Some(guard) => !guard.is_readable(),
            None => memory.end.saturating_sub(memory.start) >= GROWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use minidump_synth::SynthMinidump;

    /// Code, data, a thread's stack behind its guard, and the main thread's stack.
    const MAPS: &[u8] = b"\
00400000-00500000 r-xp 00000000 08:01 17 /opt/im/im-client
00600000-00700000 rw-p 00000000 00:00 0 [heap]
7f0000000000-7f0000001000 ---p 00000000 00:00 0 [anon:guard]
7f0000001000-7f0000201000 rw-p 00000000 00:00 0 [anon:stack]
7ffc00000000-7ffc00800000 rw-p 00000000 00:00 0 [stack]
";

    fn class(signal: SignalName, code: i32, address: Option<u64>, stack_pointer: u64) -> Fault {
        let dump = SynthMinidump::new().set_linux_maps(MAPS).finish().unwrap();
        let dump = Minidump::read(dump).unwrap();
        let maps = dump.get_stream().unwrap();
        Access {
            signal,
            code,
            address,
            instruction: Some(0x60_0000),
            stack_pointer: Some(stack_pointer),
            maps: &UnifiedMemoryInfoList::Maps(maps),
        }
        .class()
    }

    #[test]
    fn addresses_are_told_by_their_class() {
        use SignalName::{Abrt, Bus, Segv};
        let calm = 0x7f00_0010_0000;
        for (signal, code, address, stack, wanted) in [
            (Segv, 1, Some(0x18), calm, Fault::NullLike),
            (Segv, 1, Some(0xdead_0000), calm, Fault::Unmapped),
            (Segv, 2, Some(0x40_1000), calm, Fault::NotWritable),
            (Segv, 2, Some(0x60_0000), calm, Fault::NotExecutable),
            (Segv, 128, Some(0), calm, Fault::Other),
            (
                Segv,
                2,
                Some(0x7f00_0000_0ff8),
                0x7f00_0000_1010,
                Fault::StackGuard,
            ),
            (
                Segv,
                2,
                Some(0x7f00_0000_0ff8),
                0x7f00_0000_0ff8,
                Fault::StackGuard,
            ),
            (
                Segv,
                1,
                Some(0x7ffb_ffff_fff8),
                0x7ffc_0000_0010,
                Fault::StackGuard,
            ),
            // The address is not known: what is known of the stack and the code is left.
            (Segv, 1, None, 0x7ffc_0000_0010, Fault::StackGuard),
            (Segv, 1, None, calm, Fault::Unmapped),
            (Segv, 2, None, calm, Fault::Other),
            (Segv, 0, Some(0), calm, Fault::None),
            (Bus, 2, Some(0x60_0000), calm, Fault::NotExecutable),
            (Bus, 2, Some(0x60_0008), calm, Fault::Unmapped),
            (Abrt, -6, None, calm, Fault::None),
        ] {
            assert_eq!(
                class(signal, code, address, stack),
                wanted,
                "{signal} {code} {address:x?} {stack:x}"
            );
        }
    }
}
