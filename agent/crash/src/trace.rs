//! A stack as addresses: filled wherever a walk can be made, read by the thread that asked for it.

use crate::armed::{Shared, place};
use crate::copy::Copied;
use crate::memory::Memory;
use crate::modules::Modules;
use crate::registers::Registers;
use crate::walk::Walker;
use candor_dump::{Found, Gap, Module, Stack, StackEnd};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicUsize, Ordering};

/// Frames that a sample can have.
pub(crate) const FRAMES: usize = 256;

/// Processor time that a walk may take, in milliseconds.
const WALK_MS: u64 = 50;

/// Room for one stack.
pub(crate) struct Trace {
    addresses: [AtomicUsize; FRAMES],
    found: [AtomicU8; FRAMES],
    count: AtomicU32,
    limit: AtomicU32,
    end: AtomicU8,
}

impl Trace {
    pub(crate) const fn new() -> Self {
        Self {
            addresses: [const { AtomicUsize::new(0) }; FRAMES],
            found: [const { AtomicU8::new(0) }; FRAMES],
            count: AtomicU32::new(0),
            limit: AtomicU32::new(0),
            end: AtomicU8::new(0),
        }
    }

    /// Empties it and says how many frames are wanted.
    pub(crate) fn prepare(&self, limit: usize) {
        self.limit
            .store(limit.min(FRAMES) as u32, Ordering::Relaxed);
        self.end
            .store(StackEnd::Unfinished.code(), Ordering::Relaxed);
        self.count.store(0, Ordering::Release);
    }

    /// Walks a stack into it. Anywhere, on a stack with room for it.
    pub(crate) fn fill(&self, modules: &Modules, registers: Registers) {
        self.fill_by(Walker::new(modules, WALK_MS), registers);
    }

    /// Walks the copy of a stack into it. `false` if more of the stack is needed than was copied. Anywhere, on a stack with room for it.
    pub(crate) fn fill_from(
        &self,
        modules: &Modules,
        registers: Registers,
        copied: Copied,
    ) -> bool {
        self.fill_by(Walker::of_copy(modules, WALK_MS, copied), registers) != StackEnd::Unfinished
    }

    fn fill_by(&self, mut walker: Walker<'_>, registers: Registers) -> StackEnd {
        let limit = self.limit.load(Ordering::Relaxed);
        self.count.store(0, Ordering::Relaxed);
        let end = walker.walk(registers, &mut |step| {
            let index = self.count.load(Ordering::Relaxed);
            let (Some(address), Some(found), true) = (
                self.addresses.get(index as usize),
                self.found.get(index as usize),
                index < limit,
            ) else {
                return false;
            };
            address.store(step.address, Ordering::Relaxed);
            found.store(step.found.code(), Ordering::Relaxed);
            self.count.store(index + 1, Ordering::Release);
            true
        });
        self.end.store(end.code(), Ordering::Release);
        end
    }

    /// Gives the frames packed for the file, until `give` says `false`. Anywhere.
    pub(crate) fn pack(&self, shared: &Shared, give: &mut dyn FnMut(u64) -> bool) -> StackEnd {
        let mut memory = Memory::new();
        let count = self.count.load(Ordering::Acquire) as usize;
        for (address, found) in self.addresses.iter().zip(&self.found).take(count) {
            let address = address.load(Ordering::Relaxed);
            let found = Found::from_code(found.load(Ordering::Relaxed)).unwrap_or(Found::Scan);
            let exact = matches!(found, Found::Context | Found::Interrupted);
            let region = shared.modules.region(
                &mut memory,
                if exact {
                    address
                } else {
                    address.wrapping_sub(1)
                },
            );
            if !give(
                shared
                    .modules
                    .pack(shared.page, address, region.as_ref(), found),
            ) {
                return StackEnd::Limit;
            }
        }
        StackEnd::from_code(self.end.load(Ordering::Acquire)).unwrap_or_default()
    }

    /// The stack, for the living.
    pub(crate) fn read(&self, modules: &mut Vec<Module>, out: &mut Stack) {
        let end = StackEnd::from_code(self.end.load(Ordering::Acquire)).unwrap_or_default();
        let count = self.count.load(Ordering::Acquire) as usize;
        out.frames.clear();
        for (address, found) in self.addresses.iter().zip(&self.found).take(count) {
            let found = Found::from_code(found.load(Ordering::Relaxed)).unwrap_or(Found::Scan);
            out.frames
                .push(place(address.load(Ordering::Relaxed), found, modules));
        }
        out.end = end;
        // How many frames there would have been is not known: at least one.
        out.gap = (end == StackEnd::Limit).then_some(Gap {
            before: count,
            missing: 1,
        });
    }
}
