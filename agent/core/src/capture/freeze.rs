//! Freezes: pieces of work of a watched thread that do not end.
//!
//! The host's thread writes what it begins and ends into a few atomics; the agent's own thread looks at them now and
//! then, decides with [`Follow`], and samples the stack while the thread stands still.

use super::Switch;
use candor_crash::{Doing, Tid, coarse_millis, current_thread, is_main_thread};
use candor_dump::{Module, Stack};
use candor_protocol::deidentify::Name;
use candor_protocol::report::FreezeEnd;
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};

/// A watch over one thread's event loop. Dropping it ends the watch.
#[derive(Debug)]
pub struct Watch {
    state: Option<Arc<State>>,
}

/// One piece of work, from when it was made until it is dropped. Stays on the thread that made it.
#[derive(Debug)]
#[must_use = "a turn ends when it is dropped"]
pub struct Turn<'watch> {
    state: Option<&'watch State>,
    stays_on_its_thread: PhantomData<*const ()>,
}

/// Names of turns that one watch tells apart; a further name counts as no name.
const NAMES: usize = 64;

/// What the host's thread writes and the agent's reads.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: Name,
    pub(crate) threshold_ms: u64,
    switch: Arc<Switch>,
    names: [OnceLock<Name>; NAMES],
    /// Serial number of the turn, shifted left by 8, plus 1 + index of its name; 0 between turns.
    turn: AtomicU64,
    serial: AtomicU64,
    began_ms: AtomicU64,
    /// When the turn that the agent took an interest in ended.
    ended_ms: AtomicU64,
    /// The turn that the agent took an interest in.
    suspect: AtomicU64,
    /// Thread number, shifted left by 1, plus 1 for the main thread.
    thread: AtomicU64,
    dropped: AtomicBool,
}

impl Watch {
    pub(crate) const INERT: Self = Self { state: None };

    pub(crate) fn new(state: Arc<State>) -> Self {
        Self { state: Some(state) }
    }

    /// Begins a piece of work on the calling thread. A turn within a turn belongs to the outer one.
    pub fn turn(&self, name: Name) -> Turn<'_> {
        let state = self.state.as_deref().filter(|state| state.begin(name));
        Turn {
            state,
            stays_on_its_thread: PhantomData,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            state.dropped.store(true, Release);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.state {
            state.end();
        }
    }
}

thread_local! {
    /// The calling thread, asked of the kernel once.
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

fn thread() -> u64 {
    THREAD.with(|cached| {
        if cached.get() == 0 {
            cached.set(u64::from(current_thread().get()) << 1 | u64::from(is_main_thread()));
        }
        cached.get()
    })
}

impl State {
    pub(crate) fn new(name: Name, threshold_ms: u64, switch: Arc<Switch>) -> Self {
        Self {
            name,
            threshold_ms,
            switch,
            names: std::array::from_fn(|_| OnceLock::new()),
            turn: AtomicU64::new(0),
            serial: AtomicU64::new(0),
            began_ms: AtomicU64::new(0),
            ended_ms: AtomicU64::new(0),
            suspect: AtomicU64::new(0),
            thread: AtomicU64::new(0),
            dropped: AtomicBool::new(false),
        }
    }

    fn begin(&self, name: Name) -> bool {
        if !self.switch.open.load(Relaxed) || self.turn.load(Relaxed) != 0 {
            return false;
        }
        let serial = self.serial.load(Relaxed) + 1;
        self.serial.store(serial, Relaxed);
        self.thread.store(thread(), Relaxed);
        self.began_ms.store(coarse_millis(), Relaxed);
        self.turn.store(serial << 8 | self.index(name), Release);
        true
    }

    fn end(&self) {
        let turn = self.turn.load(Relaxed);
        if self.suspect.load(Relaxed) == turn {
            self.ended_ms.store(coarse_millis(), Relaxed);
        }
        self.turn.store(0, Release);
    }

    /// 1 + index of the name, or 0 when there are too many. Names are constants, so the same one mostly has the same
    /// address, and nothing is compared byte by byte.
    fn index(&self, name: Name) -> u64 {
        for (index, slot) in (1u64..).zip(&self.names) {
            match slot.get() {
                Some(known) if std::ptr::eq(known.as_str(), name.as_str()) || *known == name => {
                    return index;
                }
                Some(_) => {}
                None if slot.set(name.clone()).is_ok() => return index,
                None => {}
            }
        }
        0
    }

    /// What the watched thread is at.
    pub(crate) fn look(&self) -> Look {
        let turn = self.turn.load(Acquire);
        Look {
            turn,
            began_ms: self.began_ms.load(Relaxed),
            ended_ms: self.ended_ms.load(Relaxed),
        }
    }

    /// Asks for the exact time at which `turn` ends.
    pub(crate) fn suspect(&self, turn: u64) {
        self.suspect.store(turn, Release);
    }

    pub(crate) fn turn_name(&self, turn: u64) -> Option<Name> {
        let index = usize::try_from(turn & 0xff).ok()?.checked_sub(1)?;
        self.names.get(index)?.get().cloned()
    }

    /// The watched thread, and whether it is the process's first.
    pub(crate) fn thread(&self) -> (u32, bool) {
        let thread = self.thread.load(Relaxed);
        ((thread >> 1) as u32, thread & 1 == 1)
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Acquire)
    }
}

/// What a watched thread was at in one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Look {
    /// Which turn, 0 between turns.
    pub(crate) turn: u64,
    pub(crate) began_ms: u64,
    pub(crate) ended_ms: u64,
}

/// Follows one watch. Pure: time is handed in, in milliseconds of the clock that turns are stamped with.
#[derive(Debug, Default)]
pub(crate) struct Follow {
    /// The turn that is followed.
    turn: u64,
    began_ms: u64,
    /// Time in which the whole process stood still, which is nobody's fault.
    excused_ms: u64,
    open: Option<Pace>,
}

/// When to sample next.
#[derive(Debug)]
struct Pace {
    next_ms: u64,
    gap_ms: u64,
}

/// What to do now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    /// Nothing.
    Nothing,
    /// A freeze has begun.
    Open,
    /// Take a sample.
    Sample,
    /// The freeze is over; it took this long.
    Close { took_ms: u64 },
}

/// The first samples are this far apart; further ones ever less often, while the stack does not change.
const FIRST_GAP_MS: u64 = 100;
/// The gap between samples never grows beyond this.
const LONGEST_GAP_MS: u64 = 5_000;
/// A watch thread that wakes this much later than it wanted was not allowed to run: nor was anybody else.
pub(crate) const LATE_MS: u64 = 500;

impl Follow {
    /// One look at `now_ms`; `late_ms` is by how much the looking thread itself woke too late.
    pub(crate) fn step(&mut self, look: Look, threshold_ms: u64, now_ms: u64, late_ms: u64) -> Act {
        if look.turn != self.turn {
            let was_open = self.open.take().is_some();
            let took_ms = look
                .ended_ms
                .saturating_sub(self.began_ms)
                .saturating_sub(self.excused_ms);
            *self = Self {
                turn: look.turn,
                began_ms: look.began_ms,
                excused_ms: 0,
                open: None,
            };
            return if was_open {
                Act::Close { took_ms }
            } else {
                Act::Nothing
            };
        }
        if look.turn == 0 {
            return Act::Nothing;
        }
        if late_ms >= LATE_MS {
            self.excused_ms += late_ms;
        }
        let stood_ms = self.stood_ms(now_ms);
        match &mut self.open {
            None if stood_ms >= threshold_ms => {
                self.open = Some(Pace {
                    next_ms: now_ms + FIRST_GAP_MS,
                    gap_ms: FIRST_GAP_MS,
                });
                Act::Open
            }
            Some(pace) if now_ms >= pace.next_ms => {
                pace.next_ms = now_ms + pace.gap_ms;
                Act::Sample
            }
            _ => Act::Nothing,
        }
    }

    /// How long the turn has lasted, without what is excused.
    pub(crate) fn stood_ms(&self, now_ms: u64) -> u64 {
        now_ms
            .saturating_sub(self.began_ms)
            .saturating_sub(self.excused_ms)
    }

    /// The last sample showed the same stack as the one before, or another one.
    pub(crate) fn sampled(&mut self, same: bool) {
        if let Some(pace) = &mut self.open {
            let gap_ms = if same {
                (pace.gap_ms * 3 / 2).min(LONGEST_GAP_MS)
            } else {
                FIRST_GAP_MS
            };
            pace.next_ms = pace.next_ms.saturating_sub(pace.gap_ms) + gap_ms;
            pace.gap_ms = gap_ms;
        }
    }

    /// When to look again, at the latest; `None` when nothing is going on.
    pub(crate) fn next_look(&self, threshold_ms: u64, now_ms: u64) -> Option<u64> {
        match &self.open {
            // Looking is cheap and says soon that the freeze is over; only samples are spaced further apart.
            Some(pace) => Some(pace.next_ms.min(now_ms + 2 * FIRST_GAP_MS)),
            None if self.turn != 0 => Some(self.began_ms + self.excused_ms + threshold_ms),
            None => None,
        }
    }
}

/// A freeze as it was seen: raw, in memory.
#[derive(Debug, Clone)]
pub(crate) struct Freeze {
    pub(crate) watch: Name,
    pub(crate) turn: Option<Name>,
    pub(crate) main: bool,
    pub(crate) took_ms: u64,
    pub(crate) threshold_ms: u64,
    pub(crate) end: FreezeEnd,
    /// What the thread did, most recent last.
    pub(crate) doings: Vec<Doing>,
    pub(crate) stacks: Vec<(u32, Stack)>,
    pub(crate) modules: Vec<Module>,
}

/// Distinct stacks of one freeze, and frames of one stack, that are kept.
const STACKS: usize = 32;
const FRAMES: usize = 128;
/// Samples of one freeze: at the longest gap, this is more than ten minutes.
const SAMPLES: usize = 200;

impl Freeze {
    pub(crate) fn begin(state: &State, turn: u64) -> Self {
        Self {
            watch: state.name.clone(),
            turn: state.turn_name(turn),
            main: state.thread().1,
            took_ms: state.threshold_ms,
            threshold_ms: state.threshold_ms,
            end: FreezeEnd::Killed,
            doings: Vec::new(),
            stacks: Vec::new(),
            modules: Vec::new(),
        }
    }

    /// Looks at the thread once. Whether it stands where it stood.
    pub(crate) fn sample(&mut self, thread: Tid) -> bool {
        let mut stack = Stack::default();
        if self.doings.len() >= SAMPLES {
            return true;
        }
        let Ok(activity) = candor_crash::sample(thread, FRAMES, &mut self.modules, &mut stack)
        else {
            return false;
        };
        self.doings.push(activity.doing);
        match self
            .stacks
            .iter_mut()
            .find(|(_, known)| known.frames == stack.frames)
        {
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
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 2_000;

    fn turn(number: u64, began_ms: u64) -> Look {
        Look {
            turn: number << 8,
            began_ms,
            ended_ms: 0,
        }
    }

    #[test]
    fn a_turn_that_ends_in_time_is_no_freeze() {
        let mut follow = Follow::default();
        assert_eq!(follow.step(turn(1, 0), SECOND, 10, 0), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 10), Some(2_000));
        assert_eq!(follow.step(turn(1, 0), SECOND, 1_999, 0), Act::Nothing);
        assert_eq!(follow.step(turn(2, 1_999), SECOND, 2_000, 0), Act::Nothing);
        assert_eq!(follow.step(turn(2, 1_999), SECOND, 3_998, 0), Act::Nothing);
    }

    #[test]
    fn a_freeze_opens_at_its_threshold_and_closes_with_its_true_length() {
        let mut follow = Follow::default();
        follow.step(turn(1, 0), SECOND, 500, 0);
        assert_eq!(follow.step(turn(1, 0), SECOND, 2_000, 0), Act::Open);
        assert_eq!(follow.step(turn(1, 0), SECOND, 2_050, 0), Act::Nothing);
        assert_eq!(follow.step(turn(1, 0), SECOND, 2_100, 0), Act::Sample);
        let ended = Look {
            turn: 0,
            began_ms: 0,
            ended_ms: 2_930,
        };
        assert_eq!(
            follow.step(ended, SECOND, 3_000, 0),
            Act::Close { took_ms: 2_930 }
        );
        assert_eq!(follow.step(ended, SECOND, 9_000, 0), Act::Nothing);
        assert!(follow.open.is_none());
    }

    #[test]
    fn time_in_which_the_whole_process_stood_still_is_excused() {
        let mut follow = Follow::default();
        follow.step(turn(1, 0), SECOND, 100, 0);
        // Stopped for an hour: the looking thread itself comes that much too late.
        assert_eq!(
            follow.step(turn(1, 0), SECOND, 3_600_500, 3_600_000),
            Act::Nothing
        );
        assert_eq!(follow.step(turn(1, 0), SECOND, 3_602_000, 0), Act::Open);
        let ended = Look {
            turn: 0,
            began_ms: 0,
            ended_ms: 3_603_000,
        };
        assert_eq!(
            follow.step(ended, SECOND, 3_603_000, 0),
            Act::Close { took_ms: 3_000 }
        );
    }

    #[test]
    fn a_long_freeze_is_sampled_ever_less_often_while_its_stack_stays_the_same() {
        let mut follow = Follow::default();
        follow.step(turn(1, 0), SECOND, 10, 0);
        let (mut samples, mut now) = (0, 2_000);
        while now < 602_000 {
            if matches!(
                follow.step(turn(1, 0), SECOND, now, 0),
                Act::Open | Act::Sample
            ) {
                samples += 1;
                follow.sampled(true);
            }
            now += 100;
        }
        assert!(
            (20..140).contains(&samples),
            "{samples} samples in ten minutes"
        );
        follow.sampled(false);
        assert_eq!(
            follow.open.as_ref().map(|pace| pace.gap_ms),
            Some(FIRST_GAP_MS)
        );
    }

    #[test]
    fn waiting_between_turns_is_never_a_freeze() {
        let mut follow = Follow::default();
        let idle = Look {
            turn: 0,
            began_ms: 0,
            ended_ms: 0,
        };
        assert_eq!(follow.step(idle, SECOND, 0, 0), Act::Nothing);
        assert_eq!(follow.step(idle, SECOND, 3_600_000, 0), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 0), None);
    }

    #[test]
    fn the_host_thread_writes_what_the_agent_reads() {
        let switch = Arc::new(Switch::default());
        let state = Arc::new(State::new(
            Name::declare("main_loop"),
            SECOND,
            switch.clone(),
        ));
        let watch = Watch::new(state.clone());
        drop(watch.turn(Name::declare("decode")));
        assert_eq!(state.serial.load(Relaxed), 0, "recorded without consent");
        switch.open.store(true, Relaxed);
        {
            let _outer = watch.turn(Name::declare("decode"));
            let outer = state.look().turn;
            let _inner = watch.turn(Name::declare("parse"));
            assert_eq!(
                state.look().turn,
                outer,
                "a turn within a turn belongs to the outer one"
            );
            assert_eq!(state.turn_name(outer).unwrap().as_str(), "decode");
            state.suspect(outer);
        }
        assert_eq!(state.look().turn, 0);
        assert!(state.look().ended_ms > 0);
        assert_eq!(state.thread().0, current_thread().get());
        drop(watch);
        assert!(state.is_dropped());
    }
}
