//! The stacks of a minidump, walked within bounds.

use super::cfi::Caller;
use super::modules::{Module as File, Modules};
use crate::names::SymbolFiles;
use crate::view::stack::Names;
use async_trait::async_trait;
use candor_protocol::report::{Found, Frame, Offset, Stack, StackEnd};
use minidump::{
    MinidumpContext, MinidumpModule, MinidumpRawContext, Module, UnifiedMemory,
    UnifiedMemoryInfoList,
};
use minidump_unwind::{
    CallStack, FileError, FileKind, FillSymbolError, FrameSymbolizer, FrameTrust, FrameWalker,
    StackFrame, SymbolProvider, SystemInfo, walk_stack,
};
use std::future::{Future, pending};
use std::path::PathBuf;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::{Context, Waker};

/// Addresses of one stack that are looked at. A stack of 8 MiB that has overflowed has some 30 000 frames, and a frame that is
/// guessed takes two looks.
const LOOKS_PER_STACK: u32 = 65_536;

/// Addresses of all stacks together: a damaged or hostile dump may have a million of them.
const LOOKS: u32 = 8 * LOOKS_PER_STACK;

/// Innermost frames of a deep stack that are kept, as Candor's own dumps keep them.
const INNERMOST: usize = 192;

/// Outermost frames of a deep stack that are kept.
const OUTERMOST: usize = 64;

/// Walks stacks. What it may look at is bounded in all.
pub(super) struct Walker<'a> {
    modules: &'a Modules,
    system: SystemInfo,
    symbols: &'a SymbolFiles,
    maps: &'a UnifiedMemoryInfoList<'a>,
    looks: AtomicU32,
    /// Looks at which the stack that is being walked is given up.
    most: AtomicU32,
    /// Whether the tables said that the stack had reached its outermost function.
    outermost: AtomicBool,
}

impl<'a> Walker<'a> {
    pub(super) fn new(
        modules: &'a Modules,
        system: SystemInfo,
        symbols: &'a SymbolFiles,
        maps: &'a UnifiedMemoryInfoList<'a>,
    ) -> Self {
        Self {
            modules,
            system,
            symbols,
            maps,
            looks: AtomicU32::new(0),
            most: AtomicU32::new(0),
            outermost: AtomicBool::new(false),
        }
    }

    /// The stack of a thread with these registers. `None` when too much was looked at for others already.
    pub(super) fn walk(
        &self,
        registers: &MinidumpContext,
        memory: Option<UnifiedMemory<'_, '_>>,
    ) -> Option<Stack> {
        let before = self.looks.load(Relaxed);
        if before >= LOOKS {
            return None;
        }
        self.most
            .store(before.saturating_add(LOOKS_PER_STACK).min(LOOKS), Relaxed);
        self.outermost.store(false, Relaxed);
        let mut stack = CallStack::with_context(registers.clone());
        stack
            .frames
            .extend(self.caller_of_nothing(registers, memory));
        let finished = {
            let walk = pin!(walk_stack(
                0,
                (),
                &mut stack,
                memory,
                self.modules.list(),
                &self.system,
                self,
            ));
            // Nothing in it waits for anything, except for ever, when it has looked at too much.
            walk.poll(&mut Context::from_waker(Waker::noop()))
                .is_ready()
        };
        let end = match finished {
            false => Some(StackEnd::Limit),
            true if self.outermost.load(Relaxed) => None,
            true => Some(StackEnd::Lost),
        };
        Some(self.told(&stack.frames, end))
    }

    /// Who called code that does not exist, such as a null pointer: the call has pushed where it would return to, and
    /// nothing has been pushed since.
    fn caller_of_nothing(
        &self,
        registers: &MinidumpContext,
        memory: Option<UnifiedMemory<'_, '_>>,
    ) -> Option<StackFrame> {
        let MinidumpRawContext::Amd64(at_fault) = &registers.raw else {
            return None;
        };
        if self.modules.at(at_fault.rip).is_some() {
            return None;
        }
        let back_to: u64 = memory?.get_memory_at_address(at_fault.rsp)?;
        if self.can_have_called(back_to.checked_sub(1)?) != Some(true) {
            return None;
        }
        let mut caller = at_fault.clone();
        caller.rip = back_to;
        caller.rsp = at_fault.rsp.checked_add(8)?;
        let context = MinidumpContext {
            raw: MinidumpRawContext::Amd64(caller),
            valid: registers.valid.clone(),
        };
        let mut frame = StackFrame::from_context(context, FrameTrust::CallFrameInfo);
        frame.instruction = back_to - 1;
        Some(frame)
    }

    fn told(&self, frames: &[StackFrame], end: Option<StackEnd>) -> Stack {
        let deep = frames.len() > INNERMOST + OUTERMOST;
        let kept = frames
            .iter()
            .enumerate()
            .filter(|&(index, _)| !deep || index < INNERMOST || index >= frames.len() - OUTERMOST);
        let told = kept
            .map(|(index, frame)| {
                let interrupted = index > 0 && self.interrupted(&frames[index - 1]);
                self.frame(frame, interrupted)
            })
            .collect();
        let (left_out, outermost) = if deep {
            (frames.len() - INNERMOST - OUTERMOST, OUTERMOST)
        } else {
            (0, 0)
        };
        Stack {
            frames: told,
            left_out: u32::try_from(left_out).unwrap_or(u32::MAX),
            outermost: outermost as u32,
            end,
        }
    }

    /// Whether what lies outside of `frame` did not call it, but was interrupted by a signal.
    fn interrupted(&self, frame: &StackFrame) -> bool {
        self.place(frame.instruction)
            .and_then(|(module, address)| {
                let tables = module.code.as_ref()?.tables.as_ref()?;
                Some(tables.returns_from_a_signal(address))
            })
            .unwrap_or_default()
    }

    fn frame(&self, frame: &StackFrame, interrupted: bool) -> Frame {
        let found = match frame.trust {
            FrameTrust::Context => Found::Context,
            _ if interrupted => Found::Interrupted,
            FrameTrust::CallFrameInfo | FrameTrust::PreWalked => Found::Cfi,
            FrameTrust::FramePointer => Found::FramePointer,
            FrameTrust::CfiScan | FrameTrust::Scan | FrameTrust::None => Found::Scan,
        };
        let module = self
            .modules
            .at(frame.instruction)
            .and_then(|(index, module)| {
                let offset = module.in_symbols(frame.resume_address)?;
                Some((u16::try_from(index).ok()?, offset))
            });
        Frame {
            module: module.map(|(index, _)| index),
            offset: Offset(module.map_or(0, |(_, offset)| offset)),
            found,
        }
    }

    /// The module at an address, and the address as its symbols count.
    fn place(&self, address: u64) -> Option<(&File, u64)> {
        let (_, module) = self.modules.at(address)?;
        Some((module, module.in_symbols(address)?))
    }

    /// Whether a call can have come from the instruction that `address` lies in; `None` when nobody knows.
    fn can_have_called(&self, address: u64) -> Option<bool> {
        let map = self.maps.memory_info_at_address(address);
        if map.is_some_and(|map| !map.is_executable()) {
            return Some(false);
        }
        let (module, offset) = self.place(address)?;
        let code = module.code.as_ref();
        let calls = code.and_then(|code| code.calls_before(offset.checked_add(1)?));
        if calls == Some(false) {
            return Some(false);
        }
        let build = module.build.as_ref()?;
        self.symbols.knows(build).then(|| {
            let names = self.symbols.names(build, Offset(offset), Found::Context);
            !names.is_empty()
        })
    }

    /// Counts a look; false when there were too many.
    fn may_look(&self) -> bool {
        self.looks.fetch_add(1, Relaxed) < self.most.load(Relaxed)
    }
}

#[async_trait]
impl SymbolProvider for Walker<'_> {
    /// Says whether there is code that calls. The walk asks for every frame, and, where it has to guess, for what may be one;
    /// names are found later, for the frames that are kept.
    async fn fill_symbol(
        &self,
        _: &(dyn Module + Sync),
        frame: &mut (dyn FrameSymbolizer + Send),
    ) -> Result<(), FillSymbolError> {
        if !self.may_look() {
            // The walk cannot be told to stop, but it can be left standing.
            pending::<()>().await;
        }
        // The address lies in the call already.
        let address = frame.get_instruction();
        match self.can_have_called(address) {
            Some(true) => frame.set_function("it calls", address, 0),
            Some(false) => {}
            None => return Err(FillSymbolError {}),
        }
        Ok(())
    }

    async fn walk_frame(
        &self,
        _: &(dyn Module + Sync),
        walker: &mut (dyn FrameWalker + Send),
    ) -> Option<()> {
        let (module, address) = self.place(walker.get_instruction())?;
        let tables = module.code.as_ref()?.tables.as_ref()?;
        match tables.unwind(address, walker)? {
            Caller::Found => {}
            Caller::Nobody => {
                self.outermost.store(true, Relaxed);
                // A caller at 0 is how the walk is told that there is none; otherwise it would search for one.
                walker.set_cfa(u64::MAX)?;
                walker.set_ra(0)?;
            }
        }
        Some(())
    }

    async fn get_file_path(
        &self,
        _: &(dyn Module + Sync),
        _: FileKind,
    ) -> Result<PathBuf, FileError> {
        Err(FileError::NotFound)
    }
}

/// Names of modules are of no use to the walk.
pub(super) fn bare(base: u64, size: u32) -> MinidumpModule {
    MinidumpModule::new(base, size, "")
}
