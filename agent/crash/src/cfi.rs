//! Unwind tables: from an address to the rule that gives the caller's registers. All storage is fixed; anywhere.

use crate::elf;
use crate::memory::Memory;
use crate::modules::Region;
use crate::registers::{COUNT, INSTRUCTION_POINTER, Registers, STACK_POINTER};
use crate::sys;
use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EhFrameOffset, EndianSlice, Evaluation,
    EvaluationResult, EvaluationStorage, LittleEndian, ParsedEhFrameHdr, Piece, Reader, Register,
    RegisterRule, UnwindContext, UnwindContextStorage, UnwindExpression, UnwindSection,
    UnwindTableRow, Value,
};

type Bytes = EndianSlice<'static, LittleEndian>;

/// Room for every register an x86-64 compiler describes, and for the nesting of rows that compilers use.
struct Storage;

impl UnwindContextStorage<usize> for Storage {
    type Rules = [(Register, RegisterRule<usize>); 64];
    type Stack = [UnwindTableRow<usize, Self>; 4];
}

impl<R: Reader> EvaluationStorage<R> for Storage {
    type Stack = [Value; 16];
    type ExpressionStack = [(R, R); 2];
    type Result = [Piece<R>; 1];
}

/// An expression, as a part of its module's tables: many rules are kept, and few have any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Code {
    offset: u32,
    len: u16,
}

/// Where the caller's value of a register is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Saved {
    /// Nowhere.
    Gone,
    /// In the same register.
    Same,
    /// In memory, so far from the frame's address.
    At(i32),
    /// It is the frame's address plus this.
    Is(i32),
    /// In another register.
    In(u8),
    /// In memory, at the address that an expression gives.
    AtExpression(Code),
    /// An expression gives it.
    IsExpression(Code),
}

/// How the frame's address (the stack pointer before the call) is had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    Register(u8, i32),
    Expression(Code),
}

/// How to get from a function's registers to its caller's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    frame: Frame,
    /// The tables that expressions are in.
    tables: &'static [u8],
    /// The registers that are not simply the same, in the first `changes` places.
    changed: [(u8, Saved); COUNT],
    changes: usize,
    /// There is no caller.
    outermost: bool,
    /// The function is the one that returns from a signal handler: its caller was interrupted, it did not call.
    pub(crate) interrupted: bool,
}

/// What a rule leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Its registers.
    Is(Registers),
    /// The tables say that this function has no caller.
    Nobody,
    /// A register or a word of memory that is needed cannot be had.
    Lost,
}

/// The unwind sections of one module.
#[derive(Clone, Copy)]
struct Sections {
    start: usize,
    header: &'static [u8],
    frames: &'static [u8],
    bases_header: u64,
    bases_frames: u64,
}

/// Slots of the rule cache: a recursion has few call sites.
const CACHED: usize = 64;

/// Finds rules and remembers the last ones.
pub(crate) struct Tables {
    context: UnwindContext<usize, Storage>,
    sections: [Option<Sections>; 8],
    next_sections: usize,
    rules: [Option<(usize, Rule)>; CACHED],
}

impl Tables {
    pub(crate) fn new() -> Self {
        Self {
            context: UnwindContext::new_in(),
            sections: [None; 8],
            next_sections: 0,
            rules: [const { None }; CACHED],
        }
    }

    /// The rule for the code at `address` in `region`.
    pub(crate) fn rule(
        &mut self,
        memory: &mut Memory,
        region: &Region,
        address: usize,
    ) -> Option<&Rule> {
        let slot = (address ^ (address >> 7)) % CACHED;
        if !matches!(self.rules[slot], Some((cached, _)) if cached == address) {
            self.rules[slot] = None;
            let rule = self.look_up(memory, region, address)?;
            self.rules[slot] = Some((address, rule));
        }
        self.rules[slot].as_ref().map(|(_, rule)| rule)
    }

    fn look_up(&mut self, memory: &mut Memory, region: &Region, address: usize) -> Option<Rule> {
        let sections = self.sections_of(memory, region)?;
        let bases = BaseAddresses::default()
            .set_eh_frame_hdr(sections.bases_header)
            .set_eh_frame(sections.bases_frames);
        let header = parse_header(sections.header, &bases)?;
        let frames = EhFrame::from(EndianSlice::new(sections.frames, LittleEndian));
        let entry = header
            .table()?
            .lookup(address as u64, &bases)
            .ok()?
            .direct()
            .ok()?;
        let offset = usize::try_from(entry.checked_sub(sections.bases_frames)?).ok()?;
        let entry = frames
            .fde_from_offset(&bases, EhFrameOffset(offset), EhFrame::cie_from_offset)
            .ok()?;
        let interrupted = entry.is_signal_trampoline();
        let row = entry
            .unwind_info_for_address(&frames, &bases, &mut self.context, address as u64)
            .ok()?;
        translate(row, sections.frames, interrupted)
    }

    fn sections_of(&mut self, memory: &mut Memory, region: &Region) -> Option<Sections> {
        if let Some(known) = self
            .sections
            .iter()
            .flatten()
            .find(|sections| sections.start == region.start)
        {
            return Some(*known);
        }
        if region.unwind == 0 {
            return None;
        }
        let header = loaded(memory, region, region.unwind)?;
        let bases = BaseAddresses::default().set_eh_frame_hdr(region.unwind as u64);
        let frames_at =
            usize::try_from(parse_header(header, &bases)?.eh_frame_ptr().direct().ok()?).ok()?;
        let sections = Sections {
            start: region.start,
            header,
            frames: loaded(memory, region, frames_at)?,
            bases_header: region.unwind as u64,
            bases_frames: frames_at as u64,
        };
        self.sections[self.next_sections % self.sections.len()] = Some(sections);
        self.next_sections = self.next_sections.wrapping_add(1);
        Some(sections)
    }
}

fn parse_header(header: &'static [u8], bases: &BaseAddresses) -> Option<ParsedEhFrameHdr<Bytes>> {
    EhFrameHdr::new(header, LittleEndian).parse(bases, 8).ok()
}

/// The rest of the loaded segment that `address` lies in.
fn loaded(memory: &mut Memory, region: &Region, address: usize) -> Option<&'static [u8]> {
    let end = elf::segments(memory, region)
        .filter(|segment| segment.kind == sys::SEGMENT_LOAD)
        .filter(|segment| {
            address
                .checked_sub(segment.start)
                .is_some_and(|into| into < segment.size)
        })
        .map(|segment| segment.start.saturating_add(segment.size))
        .next()?;
    memory.word(address)?;
    // SAFETY: the module's program headers say that the loader mapped this much, and it is mapped for as long as the module
    // is loaded; its code is on a stack that is being walked. Nobody writes to unwind tables.
    Some(unsafe { sys::bytes(address, end.checked_sub(address)?) })
}

fn translate(
    row: &UnwindTableRow<usize, Storage>,
    tables: &'static [u8],
    interrupted: bool,
) -> Option<Rule> {
    let expression = |at: &UnwindExpression<usize>| {
        Some(Code {
            offset: u32::try_from(at.offset).ok()?,
            len: u16::try_from(at.length).ok()?,
        })
    };
    let frame = match row.cfa() {
        CfaRule::RegisterAndOffset { register, offset } => {
            Frame::Register(u8::try_from(register.0).ok()?, i32::try_from(*offset).ok()?)
        }
        CfaRule::Expression(at) => Frame::Expression(expression(at)?),
    };
    let mut rule = Rule {
        frame,
        tables,
        changed: [(0, Saved::Same); COUNT],
        changes: 0,
        outermost: false,
        interrupted,
    };
    for number in 0..COUNT {
        let saved = match row.register(Register(number as u16)) {
            // The stack pointer before the call is the frame's address, unless the tables say otherwise.
            None | Some(RegisterRule::SameValue) if number == STACK_POINTER => Saved::Is(0),
            None | Some(RegisterRule::SameValue) => Saved::Same,
            Some(
                RegisterRule::Undefined | RegisterRule::Architectural | RegisterRule::Constant(_),
            ) => Saved::Gone,
            Some(RegisterRule::Offset(offset)) => Saved::At(i32::try_from(offset).ok()?),
            Some(RegisterRule::ValOffset(offset)) => Saved::Is(i32::try_from(offset).ok()?),
            Some(RegisterRule::Register(other)) => Saved::In(u8::try_from(other.0).ok()?),
            Some(RegisterRule::Expression(at)) => Saved::AtExpression(expression(&at)?),
            Some(RegisterRule::ValExpression(at)) => Saved::IsExpression(expression(&at)?),
        };
        rule.outermost |= number == INSTRUCTION_POINTER && saved == Saved::Gone;
        let next = rule.changed.get_mut(rule.changes);
        if let Some(change) = next.filter(|_| saved != Saved::Same) {
            *change = (number as u8, saved);
            rule.changes += 1;
        }
    }
    Some(rule)
}

impl Rule {
    /// The caller's registers.
    pub(crate) fn apply(&self, memory: &mut Memory, registers: &Registers) -> Caller {
        if self.outermost {
            return Caller::Nobody;
        }
        let frame = match self.frame {
            Frame::Register(register, offset) => registers
                .get(register.into())
                .map(|value| value.wrapping_add_signed(offset as isize)),
            Frame::Expression(code) => self.evaluate(code, memory, registers, None),
        };
        let Some(frame) = frame else {
            return Caller::Lost;
        };
        let mut caller = *registers;
        for (number, saved) in self.changed.iter().take(self.changes) {
            let value = match *saved {
                Saved::Gone => None,
                Saved::Same => registers.get((*number).into()),
                Saved::At(offset) => memory.word(frame.wrapping_add_signed(offset as isize)),
                Saved::Is(offset) => Some(frame.wrapping_add_signed(offset as isize)),
                Saved::In(other) => registers.get(other.into()),
                Saved::AtExpression(code) => self
                    .evaluate(code, memory, registers, Some(frame))
                    .and_then(|at| memory.word(at)),
                Saved::IsExpression(code) => self.evaluate(code, memory, registers, Some(frame)),
            };
            caller.put((*number).into(), value);
        }
        if caller.get(INSTRUCTION_POINTER).is_none() || caller.get(STACK_POINTER).is_none() {
            return Caller::Lost;
        }
        Caller::Is(caller)
    }

    fn evaluate(
        &self,
        code: Code,
        memory: &mut Memory,
        registers: &Registers,
        first: Option<usize>,
    ) -> Option<usize> {
        let start = code.offset as usize;
        let code = self
            .tables
            .get(start..start.checked_add(code.len.into())?)?;
        evaluate(
            EndianSlice::new(code, LittleEndian),
            memory,
            registers,
            first,
        )
    }
}

/// Runs a DWARF expression to its end; it may read registers and memory.
fn evaluate(
    code: Bytes,
    memory: &mut Memory,
    registers: &Registers,
    first: Option<usize>,
) -> Option<usize> {
    // Enough for any expression that compilers and C libraries write; one that loops is cut off.
    const STEPS: u32 = 100;
    let encoding = gimli::Encoding {
        address_size: 8,
        format: gimli::Format::Dwarf32,
        version: 4,
    };
    let mut evaluation = Evaluation::<Bytes, Storage>::new_in(code, encoding);
    evaluation.set_max_iterations(STEPS);
    if let Some(first) = first {
        evaluation.set_initial_value(first as u64);
    }
    let mut result = evaluation.evaluate().ok()?;
    loop {
        result = match result {
            EvaluationResult::Complete => break,
            EvaluationResult::RequiresMemory {
                address, size: 8, ..
            } => {
                let value = memory.word(usize::try_from(address).ok()?)?;
                evaluation
                    .resume_with_memory(Value::Generic(value as u64))
                    .ok()?
            }
            EvaluationResult::RequiresRegister { register, .. } => {
                let value = registers.get(register.0.into())?;
                evaluation
                    .resume_with_register(Value::Generic(value as u64))
                    .ok()?
            }
            _ => return None,
        };
    }
    evaluation
        .value_result()?
        .to_u64(u64::MAX)
        .ok()
        .and_then(|value| usize::try_from(value).ok())
}
