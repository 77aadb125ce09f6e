//! A stack of our own, on which work can fault without harm. Signal handlers of other stacks and sizes, a full stack, a walk
//! through memory that disappears: all of it happens here instead of on the thread's own stack.

use crate::registers::{WayOut, call_on_stack};
use crate::sys::{self, AlternateStack};
use std::io;

/// Bytes of the stack; a walk takes some 40 to 100 kB of it, by how the compiler was told to optimise.
const SIZE: usize = 256 << 10;
/// Its lower part is where a fault in the work is handled.
const NESTED: usize = 64 << 10;

/// The stack and the way back from it. One user at a time; who that is, the owner of the `Aside` knows.
#[derive(Debug)]
pub(crate) struct Aside {
    base: *mut u8,
    way_out: WayOut,
}

struct Job<'a, 'b> {
    aside: &'a Aside,
    work: &'a mut (dyn FnMut() + 'b),
    /// The alternate stack that the thread had.
    old: Option<AlternateStack>,
    complete: bool,
}

impl Aside {
    /// `touched` bytes of the stack are made present at once, so that a process that runs out of memory still has them.
    pub(crate) fn new(touched: usize) -> io::Result<Self> {
        let base = sys::map_stack(SIZE)?;
        for offset in (SIZE - touched.min(SIZE)..SIZE).step_by(sys::PAGE) {
            // SAFETY: inside the mapping made above.
            unsafe { base.add(offset).write_volatile(0) };
        }
        Ok(Self {
            base,
            way_out: WayOut::new(),
        })
    }

    /// Runs `work` on this stack; `false` if it faulted and was cut short. Anywhere.
    ///
    /// # Safety
    /// Nobody else is running work here. `work` owns nothing that would have to be given back when it is cut short, and
    /// does not panic.
    pub(crate) unsafe fn run(&self, work: &mut dyn FnMut()) -> bool {
        let mut job = Job {
            aside: self,
            work,
            old: None,
            complete: false,
        };
        let mask = sys::mask();
        // SAFETY: the stack is ours and free; its upper end is page-aligned; `start` does not unwind; `job` outlives the
        // call.
        unsafe {
            call_on_stack(
                self.base.add(SIZE),
                start,
                (&raw mut job).cast(),
                &self.way_out,
            )
        };
        if let Some(old) = job.old {
            // SAFETY: it was the thread's before.
            unsafe { old.set() };
        }
        // SAFETY: `start` has written through its pointer behind the compiler's back.
        let complete = unsafe { (&raw const job.complete).read_volatile() };
        if !complete {
            sys::set_mask(mask);
        }
        complete
    }

    /// Instruction and stack pointer with which a thread that has faulted in its work here goes on; once per run.
    /// `sp` is its stack pointer: on another stack it is not the work that faulted. Anywhere.
    pub(crate) fn rescue(&self, sp: usize) -> Option<(usize, usize)> {
        let base = self.base.addr();
        if (base..=base + SIZE).contains(&sp) {
            self.way_out.take()
        } else {
            None
        }
    }
}

unsafe extern "C" fn start(job: *mut u8) {
    // SAFETY: `run` hands over its `Job`.
    let job = unsafe { &mut *job.cast::<Job<'_, '_>>() };
    // To the kernel the thread's alternate stack looks free now, although a handler may stand on it that we were called
    // from: a fault in the work has to be handled elsewhere.
    // SAFETY: the lower part of our own stack, which nothing else uses.
    job.old = unsafe { AlternateStack::new(job.aside.base, NESTED).set() };
    (job.work)();
    job.complete = true;
}

impl Drop for Aside {
    fn drop(&mut self) {
        // SAFETY: whoever owns the `Aside` has made sure that no work is running.
        unsafe { sys::unmap_stack(self.base, SIZE) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_runs_on_the_other_stack_and_comes_back() {
        let aside = Aside::new(0).unwrap();
        let mut seen = 0;
        // SAFETY: nobody else uses it; the work owns nothing.
        let complete = unsafe {
            aside.run(&mut || {
                let here = 0u8;
                seen = (&raw const here).addr();
            })
        };
        let base = aside.base.addr();
        assert!(complete && (base + NESTED..base + SIZE).contains(&seen));
        assert_eq!(
            aside.rescue(seen),
            None,
            "there is no way out when nothing runs"
        );
    }

    #[test]
    fn a_walk_leaves_a_third_of_the_stack_untouched() {
        use crate::registers::{INSTRUCTION_POINTER, Registers, STACK_POINTER};
        let aside = Aside::new(0).unwrap();
        let modules = crate::modules::Modules::new(str::to_owned, &crate::api::Scope::App);
        let trace = crate::trace::Trace::new();
        trace.prepare(64);
        let mark = 0usize;
        let here = Aside::new as *const () as usize;
        let registers = Registers::default()
            .with(INSTRUCTION_POINTER, here)
            .with(STACK_POINTER, (&raw const mark).addr());
        // SAFETY: nobody else uses it; the work owns nothing.
        assert!(unsafe { aside.run(&mut || trace.fill(&modules, registers)) });
        let mut memory = crate::memory::Memory::new();
        let mut words = (NESTED..SIZE).step_by(8);
        let first = words
            .find(|offset| memory.word(aside.base.expose_provenance() + offset) != Some(0))
            .unwrap();
        assert!(
            first > NESTED + (SIZE - NESTED) / 3,
            "{} bytes were used",
            SIZE - first
        );
    }
}
