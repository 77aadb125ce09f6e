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
    /// What the thread did, most recent last.
    pub(crate) doings: Vec<Doing>,
    /// Share of the time from `first` until the last sample that it had a processor, in percent.
    pub(crate) cpu_percent: Option<u8>,
    first: Option<Used>,
    /// Who holds the lock that it waited for.
    pub(crate) holder: Option<Holder>,
    pub(crate) stacks: Vec<(u32, Stack)>,
    pub(crate) modules: Vec<Module>,
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
/// Samples of one freeze: at the longest gap, this is more than ten minutes.
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
        }
    }

    /// Looks at each of `threads` once, at `now_ms`; names among `declared` may be told. Whether they stand where they stood.
    pub(crate) fn sample(&mut self, threads: &[Tid], now_ms: u64, declared: &[&str]) -> bool {
        if self.doings.len() >= SAMPLES {
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
            self.doings.push(activity.doing);
            same &= self.count(stack);
            self.look_at_holder(activity, declared);
        }
        self.share(cpu_us, now_ms);
        same
    }

    /// Whether the stack was seen before.
    fn count(&mut self, stack: Stack) -> bool {
        let known = self
            .stacks
            .iter_mut()
            .find(|(_, known)| known.frames == stack.frames);
        match known {
            Some((count, _)) => {
                *count += 1;
                true
            }
            None => {
                if self.stacks.len() < STACKS {
                    self.stacks.push((1, stack));
                }
                false
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Switch;
    use crate::capture::freeze::{Follow, Thresholds};
    use candor_crash::Standing;
    use std::sync::Arc;

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
