//! The other threads at the time of a crash: from a helper process that stops them all, or, where that is not allowed, by
//! asking them one by one. Bounded in number, frames, bytes and time. Anywhere.

use crate::armed::Shared;
use crate::page::Page;
use crate::poke;
use crate::registers::Registers;
use crate::stop::{self, Patience, Refusal};
use crate::sys;
use crate::walk::Walker;
use candor_dump::layout::{frame, signal, threads};
use candor_dump::{Reached, StackEnd};
use std::sync::atomic::Ordering;

/// Threads that are looked at.
const THREADS_MAX: usize = 512;
/// Frames of one thread.
const FRAMES_MAX: usize = 64;
/// A process with at most so many threads gets by with a file of 32 KiB.
const FEW: usize = 64;
/// The end of the room for a few threads.
const FEW_END: usize = 0x8000;
/// How long stopping and walking may take, in milliseconds.
const STOP_MS: u64 = 400;
/// How long one thread may take to stop, in steps of some 60 microseconds.
const STEPS: u32 = 400;
/// How long a sample is waited for, in milliseconds.
const SAMPLE_MS: u32 = 250;
/// How long asking may take, in milliseconds.
const ASK_MS: u64 = 200;

/// Takes packed frames until it says `false`.
type Give<'a> = dyn FnMut(u64) -> bool + 'a;

/// Appends records to the file.
struct Writer<'a> {
    shared: &'a Shared,
    page: Page,
    at: usize,
    end: usize,
    /// Threads that are still to come.
    left: usize,
}

impl<'a> Writer<'a> {
    fn new(shared: &'a Shared, count: usize) -> Self {
        let end = if count <= FEW { FEW_END } else { threads::END };
        Self {
            shared,
            page: shared.page,
            at: threads::AT,
            end,
            left: count,
        }
    }

    /// Room for frames of the next thread, so that all that are left get some. `None` if there is none at all.
    fn room(&mut self) -> Option<usize> {
        let share = self.end.saturating_sub(self.at) / self.left.max(1);
        self.left = self.left.saturating_sub(1);
        let frames = share.checked_sub(threads::FRAMES)? / frame::SIZE;
        Some(frames.min(FRAMES_MAX))
    }

    /// Writes one thread. `walk` gives packed frames until it is told to stop, and says why the stack ends.
    fn add(&mut self, tid: u32, reached: Reached, walk: &mut dyn FnMut(&mut Give<'_>) -> StackEnd) {
        let Some(room) = self.room() else { return };
        let (page, at) = (self.page, self.at);
        let mut count = 0;
        let end = walk(&mut |word| {
            if count < room {
                page.set_u64(at + threads::FRAMES + count * frame::SIZE, word);
                count += 1;
                return true;
            }
            false
        });
        let name = self.shared.name_of(tid);
        page.set_u32(at + threads::TID, tid);
        page.set_u16(at + threads::NAME, name);
        page.set_u8(at + threads::FLAGS, u8::from(tid == self.shared.pid));
        page.set_u8(at + threads::REACHED, reached.code());
        page.set_u16(at + threads::FRAME_COUNT, count as u16);
        page.set_u8(at + threads::STACK_END, end.code());
        page.u32(at + threads::STATE)
            .store(threads::MARK, Ordering::Release);
        self.at = at + threads::FRAMES + count * frame::SIZE;
        page.u32(signal::THREADS_USED)
            .store((self.at - threads::AT) as u32, Ordering::Release);
    }
}

/// Writes the other threads' stacks. `myself` has crashed and is left out.
pub(crate) fn write(shared: &Shared, myself: u32) {
    shared.page.set_u32(signal::THREADS_USED, 0);
    let mut listed = 0;
    sys::each_thread(shared.pid, &mut |_| listed += 1);
    if listed == 1 {
        return;
    }
    // A sample that is being taken comes to its end soon, unless it is the sampler that has crashed.
    shared.poke.close();
    let mut begun = shared.poke.begin_next();
    for _ in 0..SAMPLE_MS {
        if begun {
            break;
        }
        sys::pause(1);
        begun = shared.poke.begin_next();
    }
    if !begun {
        return;
    }
    if !from_helper(shared, myself) {
        let mut tids = [0; THREADS_MAX];
        let count = list(shared, myself, &mut tids);
        ask_one_by_one(shared, tids.get(..count).unwrap_or_default());
    }
    shared.poke.end();
}

/// `false` if there can be no helper or it is not allowed to stop anybody.
fn from_helper(shared: &Shared, myself: u32) -> bool {
    let mut allowed = false;
    // SAFETY: the recorder has one owner, and samples use the helper only between `begin` and `end` too. The work makes system
    // calls and stores to the file.
    unsafe {
        shared.helper.run(STOP_MS, true, &mut || {
            // All may be in use. This is the helper's own table of open files.
            sys::drop_a_file();
            let mut tids = [0; THREADS_MAX];
            let count = list(shared, myself, &mut tids);
            let tids = tids.get(..count).unwrap_or_default();
            allowed = seize(tids);
            if allowed {
                walk_stopped(shared, tids);
            }
        });
    }
    allowed
}

/// In the helper: asks all threads to stop. `false` if it is not allowed to. One thread alone may refuse for its own reasons: a
/// main thread that has ended stays listed as long as the process.
fn seize(tids: &[u32]) -> bool {
    let (mut seized, mut forbidden) = (0, 0);
    for tid in tids {
        match stop::seize(*tid) {
            Ok(()) => seized += 1,
            Err(Refusal::Forbidden) => forbidden += 1,
            // It has gone in the meantime.
            Err(Refusal::Gone) => {}
        }
    }
    seized > 0 || forbidden == 0
}

/// Lists the other threads, the main thread first, and notes how many there are.
fn list(shared: &Shared, myself: u32, tids: &mut [u32]) -> usize {
    let (mut seen, mut count) = (0, 0);
    sys::each_thread(shared.pid, &mut |tid| {
        if tid != myself {
            seen += 1;
            if let Some(slot) = tids.get_mut(count) {
                *slot = tid;
                count += 1;
            }
        }
    });
    shared.page.set_u32(signal::THREADS_SEEN, seen);
    count
}

/// In the helper, when the threads have been asked to stop.
fn walk_stopped(shared: &Shared, tids: &[u32]) {
    let mut writer = Writer::new(shared, tids.len());
    let mut walker = Walker::new(&shared.modules, STOP_MS);
    for tid in tids {
        let stopped = stop::wait_stopped(*tid, Patience::Steps(STEPS));
        let registers = stopped.and_then(|stopped| Some(stopped.state()?.registers()));
        let reached = if registers.is_some() {
            Reached::Stopped
        } else {
            Reached::Lost
        };
        writer.add(*tid, reached, &mut |give| match registers {
            Some(registers) => walk(shared, &mut walker, registers, give),
            None => StackEnd::Unfinished,
        });
        if let Some(stopped) = stopped {
            stopped.let_go();
        }
    }
}

fn walk(
    shared: &Shared,
    walker: &mut Walker<'_>,
    registers: Registers,
    give: &mut Give<'_>,
) -> StackEnd {
    walker.walk(registers, &mut |step| {
        give(
            shared
                .modules
                .pack(shared.page, step.address, step.region.as_ref(), step.found),
        )
    })
}

fn ask_one_by_one(shared: &Shared, tids: &[u32]) {
    let deadline = sys::boottime_millis() + ASK_MS;
    let mut writer = Writer::new(shared, tids.len());
    for tid in tids {
        // One that does not answer gets half of the time that is left, so that there is some for all others.
        let left = deadline.saturating_sub(sys::boottime_millis()) / 2;
        shared.poke.trace.prepare(FRAMES_MAX);
        let answered = left > 0
            && poke::can_reach(shared.pid, *tid)
            && shared.poke.ask(shared.pid, *tid, left);
        let reached = if answered {
            Reached::Signalled
        } else {
            Reached::Lost
        };
        writer.add(*tid, reached, &mut |give| {
            if answered {
                shared.poke.trace.pack(shared, give)
            } else {
                StackEnd::Unfinished
            }
        });
        shared.poke.again();
    }
}
