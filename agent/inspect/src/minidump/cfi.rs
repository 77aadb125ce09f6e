//! From a function's registers to its caller's, by the unwind tables of a file of code. x86-64.

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, EvaluationResult,
    FrameDescriptionEntry, LittleEndian, Location, Register, RegisterRule, UnwindContext,
    UnwindExpression, UnwindSection, UnwindTableRow, Value, X86_64,
};
use minidump_unwind::FrameWalker;
use object::{Object, ObjectSection};

/// The unwind tables of one file of code.
pub(super) struct Tables {
    header: Option<Vec<u8>>,
    frames: Vec<u8>,
    bases: BaseAddresses,
}

/// Where a function returns to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Caller {
    /// To a caller, whose registers were set.
    Found,
    /// Nowhere: the tables say that it is the outermost function of its thread.
    Nobody,
}

type Bytes<'a> = EndianSlice<'a, LittleEndian>;
type Entry<'a> = FrameDescriptionEntry<Bytes<'a>>;

/// Operations of one expression. Compilers and the C library use a handful.
const OPERATIONS: u32 = 1_000;

/// Registers that a caller finds as it left them, with the names that minidumps have for them.
const KEPT: [(Register, &str); 6] = [
    (X86_64::RBX, "rbx"),
    (X86_64::RBP, "rbp"),
    (X86_64::R12, "r12"),
    (X86_64::R13, "r13"),
    (X86_64::R14, "r14"),
    (X86_64::R15, "r15"),
];

/// Every register by its number in unwind tables.
const NAMES: [&str; 17] = [
    "rax", "rdx", "rcx", "rbx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15", "rip",
];

impl Tables {
    /// Those of `elf`; `None` when it has none that can be used.
    pub(super) fn of<'d>(elf: &impl Object<'d>) -> Option<Self> {
        let section = |name: &str| {
            let section = elf.section_by_name(name)?;
            let bytes = section.data().ok().filter(|bytes| !bytes.is_empty())?;
            Some((section.address(), bytes.to_vec()))
        };
        let (frames_at, frames) = section(".eh_frame")?;
        let mut bases = BaseAddresses::default().set_eh_frame(frames_at);
        let header = section(".eh_frame_hdr").map(|(at, header)| {
            bases = bases.clone().set_eh_frame_hdr(at);
            header
        });
        Some(Self {
            header,
            frames,
            bases,
        })
    }

    fn frames(&self) -> EhFrame<Bytes<'_>> {
        EhFrame::new(&self.frames, LittleEndian)
    }

    fn entry(&self, address: u64) -> Option<Entry<'_>> {
        let frames = self.frames();
        let sorted = self.header.as_ref().and_then(|header| {
            let header = EhFrameHdr::new(header, LittleEndian);
            let header = header.parse(&self.bases, 8).ok()?;
            let table = header.table()?;
            let entry =
                table.fde_for_address(&frames, &self.bases, address, EhFrame::cie_from_offset);
            entry.ok()
        });
        // A file without a sorted table is searched from the start.
        sorted.or_else(|| {
            frames
                .fde_for_address(&self.bases, address, EhFrame::cie_from_offset)
                .ok()
        })
    }

    /// Whether the code at `address` returns from a signal handler: its caller did not call it, but was interrupted.
    pub(super) fn returns_from_a_signal(&self, address: u64) -> bool {
        self.entry(address)
            .is_some_and(|entry| entry.is_signal_trampoline())
    }

    /// Gives `walker` the registers of the caller of the code at `address`; `None` when the tables do not say, or what they
    /// point to is not in the dump.
    pub(super) fn unwind(&self, address: u64, walker: &mut dyn FrameWalker) -> Option<Caller> {
        let entry = self.entry(address)?;
        let frames = self.frames();
        let mut context = UnwindContext::new();
        let row = entry
            .unwind_info_for_address(&frames, &self.bases, &mut context, address)
            .ok()?;
        let return_address = entry.cie().return_address_register();
        if row.register(return_address) == Some(RegisterRule::Undefined) {
            return Some(Caller::Nobody);
        }
        let step = Step {
            frames,
            entry: &entry,
            walker,
        };
        step.take(row, return_address)
    }
}

/// One step from a function to its caller.
struct Step<'a, 'w> {
    frames: EhFrame<Bytes<'a>>,
    entry: &'w Entry<'a>,
    walker: &'w mut dyn FrameWalker,
}

impl Step<'_, '_> {
    fn take(self, row: &UnwindTableRow<usize>, return_address: Register) -> Option<Caller> {
        let cfa = match row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                self.callee(*register)?.wrapping_add_signed(*offset)
            }
            CfaRule::Expression(expression) => self.evaluate(expression, None)?,
        };
        let value = |register| self.caller(row, register, cfa);
        let back_to = value(return_address)?;
        // The stack pointer is the frame's address, unless the tables have a rule of its own.
        let stack = match row.register(X86_64::RSP) {
            None => cfa,
            Some(_) => value(X86_64::RSP)?,
        };
        let kept: Vec<(&str, Option<u64>)> = KEPT
            .into_iter()
            .map(|(register, name)| (name, value(register)))
            .collect();
        self.walker.set_cfa(stack)?;
        self.walker.set_ra(back_to)?;
        for (name, value) in kept {
            match value {
                Some(value) => {
                    self.walker.set_caller_register(name, value);
                }
                None => self.walker.clear_caller_register(name),
            }
        }
        Some(Caller::Found)
    }

    /// The caller's value of a register. Without a rule it is the function's own for a register that functions keep.
    fn caller(&self, row: &UnwindTableRow<usize>, register: Register, cfa: u64) -> Option<u64> {
        let Some(rule) = row.register(register) else {
            let kept = KEPT.iter().any(|(kept, _)| *kept == register);
            return kept.then(|| self.callee(register))?;
        };
        match rule {
            RegisterRule::SameValue => self.callee(register),
            RegisterRule::Offset(offset) => self.word(cfa.wrapping_add_signed(offset)),
            RegisterRule::ValOffset(offset) => Some(cfa.wrapping_add_signed(offset)),
            RegisterRule::Register(other) => self.callee(other),
            RegisterRule::Expression(expression) => {
                self.word(self.evaluate(&expression, Some(cfa))?)
            }
            RegisterRule::ValExpression(expression) => self.evaluate(&expression, Some(cfa)),
            _ => None,
        }
    }

    fn callee(&self, register: Register) -> Option<u64> {
        let name = NAMES.get(usize::from(register.0))?;
        self.walker.get_callee_register(name)
    }

    fn word(&self, address: u64) -> Option<u64> {
        self.walker.get_register_at_address(address)
    }

    fn evaluate(&self, expression: &UnwindExpression<usize>, cfa: Option<u64>) -> Option<u64> {
        let expression = expression.get(&self.frames).ok()?;
        let mut evaluation = expression.evaluation(self.entry.cie().encoding());
        evaluation.set_max_iterations(OPERATIONS);
        if let Some(cfa) = cfa {
            evaluation.set_initial_value(cfa);
        }
        let mut result = evaluation.evaluate().ok()?;
        loop {
            result = match result {
                EvaluationResult::Complete => break,
                EvaluationResult::RequiresMemory {
                    address, size: 8, ..
                } => {
                    let word = self.word(address)?;
                    evaluation.resume_with_memory(Value::Generic(word)).ok()?
                }
                EvaluationResult::RequiresRegister { register, .. } => {
                    let value = self.callee(register)?;
                    evaluation
                        .resume_with_register(Value::Generic(value))
                        .ok()?
                }
                _ => return None,
            };
        }
        match evaluation.result().first()?.location {
            Location::Address { address } => Some(address),
            Location::Value {
                value: Value::Generic(value),
            } => Some(value),
            _ => None,
        }
    }
}
