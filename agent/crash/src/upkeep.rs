//! What is looked after while the process is well: threads without an alternate stack, and signals that somebody recovered
//! from.

use crate::armed::Shared;
use crate::glance::{self, Means};
use crate::sample::glance_at;
use crate::{install, poke, sys};
use candor_dump::layout::signal;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// A process that is still there so long after a fatal signal has survived it, in milliseconds. Other reporters may take
/// seconds before they let it die.
const SURVIVED_MS: u64 = 10_000;
/// At most so many rounds are waited before a thread is looked at again.
const ROUNDS_MAX: u32 = 64;

/// What is remembered from one round to the next.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    round: u32,
    threads: HashMap<u32, Care>,
    /// How often a thread's name was read.
    named: HashMap<u32, u8>,
}

/// The threads of this process.
fn threads() -> Vec<u32> {
    let mut tids = Vec::new();
    sys::each_thread(sys::getpid(), &mut |tid| tids.push(tid));
    tids
}

/// How far a thread's alternate stack is seen to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// It has one.
    Done,
    /// It was asked; the answer is on its way.
    Asked,
    /// It could not be asked unnoticed: again in this round, and if that fails after twice as many rounds.
    Later { round: u32, wait: u32 },
}

impl Upkeep {
    /// One round.
    pub(crate) fn round(&mut self, shared: &Shared) {
        self.round = self.round.wrapping_add(1);
        let tids = threads();
        self.names(shared, &tids);
        self.alternate_stacks(shared, &tids);
        survival(shared);
    }

    /// A thread is usually named when it begins: its name is read when it is first seen, and once more.
    fn names(&mut self, shared: &Shared, tids: &[u32]) {
        shared.known_names.keep(&|tid| tids.contains(&tid));
        self.named.retain(|tid, _| tids.contains(tid));
        for &tid in tids {
            let looks = self.named.entry(tid).or_insert(0u8);
            if *looks < 2 {
                *looks += 1;
                shared.note_name(tid);
            }
        }
    }

    /// A thread without an alternate stack dies unseen when its own is full. Rust gives its threads one; others are given
    /// one by a signal, at a time when their system call does not notice.
    fn alternate_stacks(&mut self, shared: &Shared, tids: &[u32]) {
        self.threads.retain(|tid, _| tids.contains(tid));
        for (tid, care) in &mut self.threads {
            if *care == Care::Asked && shared.poke.has_answered(*tid) != Some(false) {
                *care = Care::Done;
            }
        }
        shared.poke.collect(&|tid| tids.contains(&tid));
        for &tid in tids {
            let wait = match self.threads.get(&tid) {
                None => 1,
                Some(Care::Later { round, wait }) if *round == self.round => *wait,
                Some(_) => continue,
            };
            let asked = if tid == sys::gettid() {
                poke::can_reach(shared.pid, tid)
            } else {
                unnoticed(shared.pid, tid)
            };
            let care = if asked && shared.poke.give_stack(shared.pid, tid) {
                Care::Asked
            } else {
                Care::Later {
                    round: self.round.wrapping_add(wait),
                    wait: (wait * 2).min(ROUNDS_MAX),
                }
            };
            self.threads.insert(tid, care);
        }
    }
}

/// Whether a thread would not notice a signal now.
fn unnoticed(pid: u32, tid: u32) -> bool {
    glance_at(tid)
        .is_some_and(|glance| glance::means(&glance, &mut sys::open_file) == Means::Signal)
        && poke::can_reach(pid, tid)
}

/// A signal was recorded, and yet here we are: somebody recovered. Notes it and makes ready for the next one.
fn survival(shared: &Shared) {
    if !shared.recorder.is_done() {
        return;
    }
    let at = shared
        .page
        .u64(signal::AT_BOOTTIME_MS)
        .load(Ordering::Relaxed);
    let since = sys::boottime_millis().saturating_sub(at);
    if since >= SURVIVED_MS {
        shared.page.set_u32(
            signal::SURVIVED_MS,
            u32::try_from(since).unwrap_or(u32::MAX),
        );
        shared.recorder.reopen();
        shared.poke.open();
        install::reinstall();
    }
}
