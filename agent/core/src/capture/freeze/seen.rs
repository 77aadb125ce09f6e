//! A freeze as it was seen: raw, in memory.

use super::follow::Used;
use super::watch::State;
use candor_crash::{Activity, Doing, Tid};
use candor_dump::{Module, Stack};
use candor_protocol::deidentify::{Name, ThreadName};
use candor_protocol::report::FreezeEnd;

/// A freeze as it was seen.
#[derive(Debug, Clone)]
pub(crate) struct Freeze {
    pub(crate) watch: Name,
    pub(crate) turn: Option<Name>,
    pub(crate) main: bool,
    pub(crate) took_ms: u64,
    pub(crate) threshold_ms: u64,
    pub(crate) not_responding_ms: u64,
    pub(crate) end: FreezeEnd,
    /// What the threads did.
    pub(crate) doings: Vec<(Doing, Times)>,
    /// Share of the time from `first` until the last sample that it had a processor, in percent.
    pub(crate) cpu_percent: Option<u8>,
    first: Option<Used>,
    /// Who holds the lock that it waited for.
    pub(crate) holder: Option<Holder>,
    pub(crate) stacks: Vec<(Stack, Times)>,
    pub(crate) modules: Vec<Module>,
    /// What each thread was last seen at: the places of a stack, and of a doing.
    last: Vec<(Tid, Option<usize>, usize)>,
    /// How long the freeze had lasted then.
    last_ms: u64,
    samples: usize,
}

/// How often something was seen, and for how long: each sample stands for the time until the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Times {
    pub(crate) ms: u64,
    pub(crate) count: u32,
}

/// A thread that keeps another one waiting.
#[derive(Debug, Clone)]
pub(crate) struct Holder {
    thread: Tid,
    pub(crate) main: bool,
    pub(crate) name: Option<ThreadName>,
    /// What it did, if it could be seen.
    pub(crate) stack: Option<Stack>,
}

/// Distinct stacks of one freeze, and frames of one stack, that are kept.
const STACKS: usize = 32;
const FRAMES: usize = 128;
/// Samples of one freeze, of all its threads.
const SAMPLES: usize = 200;
/// Over less time than this a share of it says little.
const SHARE_MS: u64 = 50;

impl Freeze {
    pub(crate) fn begin(state: &State, turn: u64, first: Option<Used>) -> Self {
        Self {
            watch: state.name.clone(),
            turn: state.turn_name(turn),
            main: state.is_main(),
            took_ms: state.hang_ms,
            threshold_ms: state.hang_ms,
            not_responding_ms: state.not_responding_ms,
            end: FreezeEnd::Killed,
            doings: Vec::new(),
            cpu_percent: None,
            first,
            holder: None,
            stacks: Vec::new(),
            modules: Vec::new(),
            last: Vec::new(),
            last_ms: 0,
            samples: 0,
        }
    }

    /// Looks at each of `threads` once, at `now_ms`, when the freeze has lasted for `stood_ms`; names among `declared` may be told.
    /// Whether they stand where they stood.
    pub(crate) fn sample(
        &mut self,
        threads: &[Tid],
        now_ms: u64,
        stood_ms: u64,
        declared: &[&str],
    ) -> bool {
        self.went_on_until(stood_ms);
        if self.samples >= SAMPLES {
            return true;
        }
        let (mut same, mut cpu_us) = (!threads.is_empty(), 0);
        for &thread in threads {
            let mut stack = Stack::default();
            let Ok(activity) = candor_crash::sample(thread, FRAMES, &mut self.modules, &mut stack)
            else {
                same = false;
                continue;
            };
            cpu_us += activity.cpu_us;
            self.samples += 1;
            same &= self.saw(thread, activity.doing, stack);
            self.look_at_holder(activity, declared);
        }
        self.share(cpu_us, now_ms);
        same
    }

    /// What the threads were last seen at went on until the freeze had lasted for `stood_ms`.
    pub(crate) fn went_on_until(&mut self, stood_ms: u64) {
        let ms = stood_ms.saturating_sub(self.last_ms);
        for &(_, stack, doing) in &self.last {
            if let Some((_, times)) = stack.and_then(|index| self.stacks.get_mut(index)) {
                times.ms += ms;
            }
            if let Some((_, times)) = self.doings.get_mut(doing) {
                times.ms += ms;
            }
        }
        self.last_ms = self.last_ms.max(stood_ms);
    }

    /// Notes what a thread was seen at. Whether it was there when it was last seen.
    fn saw(&mut self, thread: Tid, doing: Doing, stack: Stack) -> bool {
        let known = self.last.iter().position(|(known, ..)| *known == thread);
        let last = known.and_then(|index| self.stacks.get(self.last.get(index)?.1?));
        let same = last.is_some_and(|(last, _)| is_same_place(last, &stack));
        let doing = match self.doings.iter().position(|(known, _)| *known == doing) {
            Some(index) => index,
            None => {
                self.doings.push((doing, Times::default()));
                self.doings.len() - 1
            }
        };
        if let Some((_, times)) = self.doings.get_mut(doing) {
            times.count += 1;
        }
        let at = (thread, self.keep(stack), doing);
        match known.and_then(|index| self.last.get_mut(index)) {
            Some(last) => *last = at,
            None => self.last.push(at),
        }
        same
    }

    /// Keeps a stack, or counts one that is known. Its place, if there was room.
    fn keep(&mut self, stack: Stack) -> Option<usize> {
        let is_full = self.stacks.len() >= STACKS;
        let equal = |(known, _): &(Stack, Times)| known.frames == stack.frames;
        // Without room, one that differs in the innermost address only is the same.
        let alike = |(known, _): &(Stack, Times)| is_full && is_same_place(known, &stack);
        let known = self.stacks.iter().position(equal);
        let known = known.or_else(|| self.stacks.iter().position(alike));
        let index = match known {
            Some(index) => index,
            None if is_full => return None,
            None => {
                self.stacks.push((stack, Times::default()));
                self.stacks.len() - 1
            }
        };
        self.stacks.get_mut(index)?.1.count += 1;
        Some(index)
    }

    /// The first time that a thread is seen to hold the lock it is looked at too.
    fn look_at_holder(&mut self, activity: Activity, declared: &[&str]) {
        let Some(thread) = activity.holder else {
            return;
        };
        if self
            .holder
            .as_ref()
            .is_some_and(|holder| holder.thread == thread)
        {
            return;
        }
        let mut stack = Stack::default();
        let seen = candor_crash::sample(thread, FRAMES, &mut self.modules, &mut stack).is_ok();
        let name = std::fs::read_to_string(format!("/proc/self/task/{}/comm", thread.get()));
        self.holder = Some(Holder {
            thread,
            main: thread.get() == std::process::id(),
            name: name
                .ok()
                .and_then(|name| ThreadName::declared(&name, declared)),
            stack: (seen && !stack.frames.is_empty()).then_some(stack),
        });
    }

    /// How much of the time the threads had a processor, all together.
    fn share(&mut self, cpu_us: u64, now_ms: u64) {
        let Some(first) = self.first else { return };
        let span_ms = now_ms.saturating_sub(first.at_ms);
        if span_ms >= SHARE_MS && cpu_us >= first.cpu_us {
            let percent = (cpu_us - first.cpu_us) / 10 / span_ms;
            self.cpu_percent = Some(percent.min(100) as u8);
        }
    }
}

/// Whether both are the same but for the innermost address: a loop is met at another one each time it is looked at.
fn is_same_place(one: &Stack, other: &Stack) -> bool {
    match (&one.frames[..], &other.frames[..]) {
        ([_, one @ ..], [_, other @ ..]) if !one.is_empty() => one == other,
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Switch;
    use crate::capture::freeze::{Follow, Thresholds};
    use candor_crash::{Standing, Wait};
    use candor_dump::{Found, Frame};
    use std::sync::Arc;

    fn freeze() -> Freeze {
        let name = Name::declare("ui");
        let switch = Arc::new(Switch::default());
        Freeze::begin(&State::new(name, Thresholds::default(), switch), 0, None)
    }

    const ONE: Tid = Tid::from_number(1);
    const TWO: Tid = Tid::from_number(2);
    const LOCK: Doing = Doing::Waiting(Wait::Lock);

    /// A stack with these addresses, innermost first.
    fn at(addresses: &[u64]) -> Stack {
        let frame = |offset: &u64| Frame {
            module: Some(0),
            offset: *offset,
            found: Found::Cfi,
        };
        Stack {
            frames: addresses.iter().map(frame).collect(),
            ..Stack::default()
        }
    }

    #[test]
    fn what_was_seen_counts_for_the_time_until_the_next_sample() {
        let mut freeze = freeze();
        freeze.went_on_until(2_000);
        assert!(!freeze.saw(ONE, LOCK, at(&[1, 2, 3])));
        freeze.went_on_until(2_100);
        assert!(freeze.saw(ONE, LOCK, at(&[1, 2, 3])));
        freeze.went_on_until(2_250);
        assert!(!freeze.saw(ONE, Doing::Running, at(&[9, 3])));
        freeze.went_on_until(9_250);
        let times = |(ms, count)| Times { ms, count };
        let stacks: Vec<Times> = freeze.stacks.iter().map(|(_, times)| *times).collect();
        assert_eq!(stacks, [(250, 2), (7_000, 1)].map(times));
        assert_eq!(
            freeze.doings,
            [(LOCK, times((250, 2))), (Doing::Running, times((7_000, 1)))]
        );
    }

    #[test]
    fn several_threads_are_seen_side_by_side() {
        let mut freeze = freeze();
        freeze.went_on_until(2_000);
        freeze.saw(ONE, LOCK, at(&[1, 9]));
        freeze.saw(TWO, LOCK, at(&[2, 9]));
        freeze.went_on_until(3_000);
        assert!(freeze.saw(ONE, LOCK, at(&[1, 9])));
        assert!(!freeze.saw(TWO, LOCK, at(&[1, 8])));
        let ms: Vec<u64> = freeze.stacks.iter().map(|(_, times)| times.ms).collect();
        assert_eq!(ms, [1_000, 1_000, 0]);
    }

    #[test]
    fn a_loop_is_the_same_place_wherever_in_it_the_thread_is_met() {
        let mut freeze = freeze();
        freeze.saw(ONE, Doing::Running, at(&[1, 2, 3]));
        for address in 2..1_000 {
            assert!(freeze.saw(ONE, Doing::Running, at(&[address, 2, 3])));
        }
        assert!(!freeze.saw(ONE, Doing::Running, at(&[1, 7, 3])));
        assert_eq!(freeze.stacks.len(), STACKS);
        let counted: u32 = freeze.stacks.iter().map(|(_, times)| times.count).sum();
        assert_eq!(counted, 999, "all but the one there was no room for");
    }

    #[test]
    fn processor_time_is_told_as_a_share_of_the_time_that_was_watched() {
        let name = Name::declare("ui");
        let state = State::new(name, Thresholds::default(), Arc::new(Switch::default()));
        let mut follow = Follow::default();
        let look = crate::capture::freeze::watch::Look {
            turn: 1 << 8,
            ..state.look()
        };
        let mut standing = || Standing::Free {
            queued_ms: 0,
            cpu_us: 5_000_000,
            runnable: false,
            sleeps: 0,
        };
        follow.step(look, 2_000, 1_000, Default::default(), &mut standing);
        let mut freeze = Freeze::begin(&state, look.turn, follow.first());
        freeze.share(5_001_000, 1_020);
        assert_eq!(freeze.cpu_percent, None, "too short to tell");
        freeze.share(5_500_000, 3_000);
        assert_eq!(freeze.cpu_percent, Some(25));
        freeze.share(9_500_000, 3_000);
        assert_eq!(freeze.cpu_percent, Some(100), "several threads");
    }
}
