//! What is looked after while the process is well: threads without an alternate stack, and signals that somebody recovered
//! from.

use crate::armed::Shared;
use crate::errand;
use crate::glance::{self, Means};
use crate::registers::Outcome;
use crate::sample::{glance_at, hold};
use crate::{install, poke, sys};
use candor_dump::layout::signal;
use std::collections::HashMap;
use std::sync::atomic::Ordering;

/// A process that is still there so long after a fatal signal has survived it, in milliseconds. Other reporters may take
/// seconds before they let it die.
const SURVIVED_MS: u64 = 10_000;
/// How long a thread may take to stop before it is sent, in milliseconds: only on a busy machine more than a tenth of one, and nobody but
/// the agent waits. To give up early would be noticed by a thread that waits for events.
const HOLD_MS: u64 = 5_000;
/// Threads that are sent in one round: the agent's thread has other things to do than to wait for them.
const ERRANDS: u32 = 4;
/// How long a thread that was sent for its stack is waited for before others are seen to, in milliseconds.
const ERRAND_MS: u32 = 2;
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
    /// It was sent to get one.
    Sent,
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
    /// one by a signal, at a time when their system call does not notice, or are sent to get one out of a call that would.
    fn alternate_stacks(&mut self, shared: &Shared, tids: &[u32]) {
        self.threads.retain(|tid, _| tids.contains(tid));
        for (tid, care) in &mut self.threads {
            match *care {
                Care::Asked if shared.poke.has_answered(*tid) != Some(false) => *care = Care::Done,
                Care::Sent => *care = come_back(shared, *tid, self.round).unwrap_or(Care::Sent),
                _ => {}
            }
        }
        shared.poke.collect(&|tid| tids.contains(&tid));
        let mut sent = 0;
        for &tid in tids {
            let wait = match self.threads.get(&tid) {
                None => 1,
                Some(Care::Later { round, wait }) if *round == self.round => *wait,
                Some(_) => continue,
            };
            let care = care_for(shared, tid, self.round, &mut sent).unwrap_or(Care::Later {
                round: self.round.wrapping_add(wait),
                wait: (wait * 2).min(ROUNDS_MAX),
            });
            self.threads.insert(tid, care);
        }
    }
}

/// Sees to a thread's alternate stack; `None` if that cannot be done unnoticed now.
fn care_for(shared: &Shared, tid: u32, round: u32, sent: &mut u32) -> Option<Care> {
    let glance = glance_at(tid)?;
    let by_signal = glance::means(&glance, &mut sys::open_file) == Means::Signal;
    if by_signal && poke::can_reach(shared.pid, tid) {
        let asked = match glance.call {
            Some(_) => shared.poke.give_stack(shared.pid, tid),
            None => ask_running(shared, tid)?,
        };
        return asked.then_some(Care::Asked);
    }
    // A call that begins again after a signal does so after a stop; what runs cannot be sent.
    let may_be_sent = glance.may_be_sent() || (by_signal && glance.call.is_some());
    if !may_be_sent || sys::is_sandboxed(shared.pid, tid) {
        return None;
    }
    if *sent == ERRANDS {
        return Some(Care::Later {
            round: round.wrapping_add(1),
            wait: 1,
        });
    }
    *sent += 1;
    let (base, size) = shared.poke.reserve_stack(tid)?;
    if !shared.poke.begin() {
        return None;
    }
    let sent = errand::begin(tid, base, size) && {
        hold(shared, tid, HOLD_MS, &mut errand::send);
        // Whoever samples it will see that a call goes on, and not which.
        shared.poke.stopped.note(tid, &glance);
        errand::is_sent()
    };
    shared.poke.end();
    if !sent {
        return None;
    }
    // Until it is back, it may have taken it.
    shared.poke.settle_stack(tid, true);
    // It takes some microseconds; on a busy machine, the next round will do.
    for _ in 0..ERRAND_MS {
        if let Some(care) = come_back(shared, tid, round) {
            return Some(care);
        }
        sys::pause(1);
    }
    Some(Care::Sent)
}

/// Asks a thread that runs. It may be about to wait, or still be in a wait and only lack a processor, in a call that a signal would
/// end; so it is stopped first, and asked only if it is in none. `None` if it could not be had.
fn ask_running(shared: &Shared, tid: u32) -> Option<bool> {
    shared.poke.reserve_stack(tid)?;
    if !shared.poke.begin() {
        return None;
    }
    let mut asked = None;
    let allowed = hold(shared, tid, HOLD_MS, &mut |stopped| {
        let Some(halted) = stopped.halted() else {
            return;
        };
        if !halted.is_in_call() {
            asked = Some(poke::tell(shared.pid, tid));
        }
        stopped.begin_anew(&halted);
    });
    shared.poke.end();
    if allowed {
        asked
    } else {
        // Where nobody may be stopped there is no other way.
        Some(poke::tell(shared.pid, tid))
    }
}

/// What came of sending a thread; `None` while it is on its way.
fn come_back(shared: &Shared, tid: u32, round: u32) -> Option<Care> {
    match errand::outcome(tid)? {
        Outcome::Taken => Some(Care::Done),
        Outcome::HasOne => {
            shared.poke.settle_stack(tid, false);
            Some(Care::Done)
        }
        Outcome::Refused | Outcome::Unknown => {
            shared.poke.settle_stack(tid, false);
            Some(Care::Later {
                round: round.wrapping_add(ROUNDS_MAX),
                wait: ROUNDS_MAX,
            })
        }
    }
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
