//! From registers to frames: tables first, then what else there is to go by. Bounded, reads memory only through checked
//! reads, changes nothing. Anywhere.

use crate::cfi::{Caller, Tables};
use crate::copy::Copied;
use crate::elf;
use crate::memory::Memory;
use crate::modules::{Modules, Region};
use crate::registers::{
    self, CALLEE_SAVED, CONTEXT_REGISTERS_AT, COUNT, FRAME_POINTER, IN_CONTEXT,
    INSTRUCTION_POINTER, Registers, SIGNAL_RETURN, STACK_POINTER, Target,
};
use crate::sys;
use candor_dump::{Found, StackEnd};

/// Words of stack that are searched for a return address when nothing else is known.
const SEARCHED: usize = 256;
/// Frames in a row that may be guesses; after more, nothing is left to hold on to.
const GUESSES: u32 = 4;
/// The largest frame that a chain of frame pointers may step over, in bytes.
const FRAME_MAX: usize = 16 << 20;

/// A place on the stack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    /// The address: of the next instruction to run in this frame.
    pub(crate) address: usize,
    /// The address that belongs to the frame's code for certain: a return address may already belong to the next function.
    pub(crate) code: usize,
    /// How it was found.
    pub(crate) found: Found,
    /// The module it belongs to.
    pub(crate) region: Option<Region>,
}

/// Walks stacks of this process.
pub(crate) struct Walker<'a> {
    modules: &'a Modules,
    memory: Memory,
    tables: Tables,
    regions: [Option<Region>; 8],
    next_region: usize,
    /// When the thread has used so much processor time in all, in milliseconds. Wall time would cut walks short on a machine
    /// that is busy with something else.
    deadline: u64,
}

impl<'a> Walker<'a> {
    /// A walker whose walks end after `millis` of processor time.
    pub(crate) fn new(modules: &'a Modules, millis: u64) -> Self {
        Self {
            modules,
            memory: Memory::new(),
            tables: Tables::new(),
            regions: [None; 8],
            next_region: 0,
            deadline: sys::cpu_millis().saturating_add(millis),
        }
    }

    /// A walker of a stack of which this is a copy. A walk that would have to leave the copy is [`StackEnd::Unfinished`].
    pub(crate) fn of_copy(modules: &'a Modules, millis: u64, copied: Copied) -> Self {
        Self {
            memory: Memory::with_copy(copied),
            ..Self::new(modules, millis)
        }
    }

    pub(crate) fn memory(&mut self) -> &mut Memory {
        &mut self.memory
    }

    /// Gives every frame to `visit`, innermost first, until it says `false` or time is over (then the end is `Limit`).
    pub(crate) fn walk(
        &mut self,
        start: Registers,
        visit: &mut dyn FnMut(Step) -> bool,
    ) -> StackEnd {
        let mut now = start;
        let mut found = Found::Context;
        let mut guesses = 0;
        let mut steps = 0u32;
        loop {
            steps = steps.wrapping_add(1);
            if steps.is_multiple_of(1024) && sys::cpu_millis() >= self.deadline {
                return StackEnd::Limit;
            }
            let exact = matches!(found, Found::Context | Found::Interrupted);
            // A return address stands behind its call, which may be the last instruction of its function.
            let code = if exact {
                now.ip()
            } else {
                now.ip().wrapping_sub(1)
            };
            let region = self.region(code);
            if !visit(Step {
                address: now.ip(),
                code,
                found,
                region,
            }) {
                return StackEnd::Limit;
            }
            let (next, how) = match self.caller(&now, region.as_ref(), code, exact) {
                Ok(caller) => caller,
                Err(end) => return end,
            };
            guesses = if how == Found::Scan { guesses + 1 } else { 0 };
            if next.ip() == 0 {
                return StackEnd::Outermost;
            }
            if self.memory.is_beyond_copy(next.sp()) {
                return StackEnd::Unfinished;
            }
            // A signal handler may run on another stack; everywhere else callers are further up.
            if guesses > GUESSES || (how != Found::Interrupted && next.sp() <= now.sp()) {
                return StackEnd::Lost;
            }
            now = next;
            found = how;
        }
    }

    fn caller(
        &mut self,
        now: &Registers,
        region: Option<&Region>,
        code: usize,
        exact: bool,
    ) -> Result<(Registers, Found), StackEnd> {
        if let Some(rule) =
            region.and_then(|region| self.tables.rule(&mut self.memory, region, code))
        {
            match rule.apply(&mut self.memory, now) {
                Caller::Is(caller) => {
                    return Ok((
                        caller,
                        if rule.interrupted {
                            Found::Interrupted
                        } else {
                            Found::Cfi
                        },
                    ));
                }
                Caller::Nobody => return Err(StackEnd::Outermost),
                Caller::Lost => {}
            }
        }
        self.after_signal(now)
            .map(|caller| (caller, Found::Interrupted))
            .or_else(|| {
                exact
                    .then(|| self.after_wild_jump(now))
                    .flatten()
                    .map(|caller| (caller, Found::Scan))
            })
            .or_else(|| {
                self.by_frame_pointer(now)
                    .map(|caller| (caller, Found::FramePointer))
            })
            .or_else(|| self.by_search(now).map(|caller| (caller, Found::Scan)))
            .ok_or(StackEnd::Lost)
    }

    /// The code that returns from a signal handler, where it has no unwind table.
    fn after_signal(&mut self, now: &Registers) -> Option<Registers> {
        let mut bytes = [0; 9];
        for (index, byte) in bytes.iter_mut().enumerate() {
            *byte = self.memory.byte(now.ip().checked_add(index)?)?;
        }
        if bytes != SIGNAL_RETURN[0] && bytes[..7] != SIGNAL_RETURN[1][..7] {
            return None;
        }
        let mut interrupted = Registers::default();
        for (register, slot) in IN_CONTEXT.iter().enumerate().take(COUNT) {
            let at = now.sp().checked_add(CONTEXT_REGISTERS_AT + slot * 8)?;
            interrupted.set(register, self.memory.word(at)?);
        }
        Some(interrupted)
    }

    /// A call that led nowhere, or into code that keeps no frame: the return address is still on top of the stack.
    fn after_wild_jump(&mut self, now: &Registers) -> Option<Registers> {
        let address = self.memory.word(now.sp())?;
        self.follows_call(address).then(|| {
            self.kept(now)
                .with(STACK_POINTER, now.sp().wrapping_add(8))
                .with(INSTRUCTION_POINTER, address)
        })
    }

    /// Whether the call before `address` may have led to `code`. A call that leads to another module than the one `code` is in, and
    /// not through a stub, is somebody else's: a frame pointer that was left over, or an old value on the stack.
    fn may_have_called(&mut self, address: usize, code: usize) -> bool {
        let Some(before) = address
            .checked_sub(8)
            .and_then(|before| self.memory.word(before))
        else {
            return false;
        };
        let target = match registers::call_target(address, before.to_le_bytes()) {
            Target::Is(target) => Some(target),
            Target::At(place) => self.memory.word(place),
            Target::Unknown => None,
        };
        let Some(target) = target else { return true };
        let (to, here) = (self.region(target), self.region(code));
        to.is_none() || here.is_none() || to == here || {
            self.memory
                .word(target)
                .is_some_and(|code| registers::is_stub(code.to_le_bytes()))
        }
    }

    fn by_frame_pointer(&mut self, now: &Registers) -> Option<Registers> {
        let frame = now.get(FRAME_POINTER)?;
        let above = frame.checked_sub(now.sp())?;
        if above > FRAME_MAX || frame % 8 != 0 {
            return None;
        }
        let (outer, address) = (self.memory.word(frame)?, self.memory.word(frame + 8)?);
        if !self.follows_call(address) || !self.may_have_called(address, now.ip()) {
            return None;
        }
        let caller = Registers::default();
        Some(
            caller
                .with(FRAME_POINTER, outer)
                .with(STACK_POINTER, frame.wrapping_add(16))
                .with(INSTRUCTION_POINTER, address),
        )
    }

    fn by_search(&mut self, now: &Registers) -> Option<Registers> {
        let first = now.sp().next_multiple_of(8);
        for index in 0..SEARCHED {
            let at = first.checked_add(index * 8)?;
            let address = self.memory.word(at)?;
            if self.follows_call(address) && self.may_have_called(address, now.ip()) {
                let mut caller = Registers::default()
                    .with(STACK_POINTER, at + 8)
                    .with(INSTRUCTION_POINTER, address);
                if let Some(frame) = now.get(FRAME_POINTER).filter(|frame| *frame > at) {
                    caller.set(FRAME_POINTER, frame);
                }
                return Some(caller);
            }
        }
        None
    }

    /// What a caller finds as it left it.
    fn kept(&self, now: &Registers) -> Registers {
        let mut kept = Registers::default();
        for register in CALLEE_SAVED {
            if let Some(value) = now.get(register) {
                kept.set(register, value);
            }
        }
        kept
    }

    /// Whether `address` is in code, right behind a call.
    fn follows_call(&mut self, address: usize) -> bool {
        let Some(region) = address.checked_sub(1).and_then(|code| self.region(code)) else {
            return false;
        };
        let executable = elf::segments(&mut self.memory, &region).any(|segment| {
            segment.kind == sys::SEGMENT_LOAD
                && segment.flags & sys::SEGMENT_EXECUTABLE != 0
                && address.wrapping_sub(1).wrapping_sub(segment.start) < segment.size
        });
        executable
            && address
                .checked_sub(8)
                .and_then(|before| self.memory.word(before))
                .is_some_and(|before| registers::ends_in_call(before.to_le_bytes()))
    }

    /// The module that `address` belongs to.
    pub(crate) fn region(&mut self, address: usize) -> Option<Region> {
        let holds = |region: &Region| (region.start..region.end).contains(&address);
        if let Some(region) = self.regions.iter().flatten().find(|region| holds(region)) {
            return Some(*region);
        }
        let region = self.modules.region(&mut self.memory, address)?;
        self.regions[self.next_region % self.regions.len()] = Some(region);
        self.next_region = self.next_region.wrapping_add(1);
        Some(region)
    }
}
