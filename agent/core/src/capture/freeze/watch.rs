//! What the host's thread writes and the agent's thread reads.

use super::super::Switch;
use super::pings::Post;
use super::thresholds::Thresholds;
use candor_crash::{Tid, coarse_millis, current_thread, is_main_thread};
use candor_protocol::deidentify::Name;
use std::cell::Cell;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};

/// A watch over one thread's event loop. Dropping it ends the watch. It may be moved to another thread: a turn belongs to the
/// thread that begins it.
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

/// Threads that one watch remembers, for pings that any of a pool may answer.
pub(super) const THREADS: usize = 8;

/// What the host's thread writes and the agent's reads.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) name: Name,
    pub(crate) hang_ms: u64,
    pub(crate) not_responding_ms: u64,
    /// For pings: how they come to the loop. Nobody begins a turn then.
    post: Option<Post>,
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
    /// Thread numbers, shifted left by 1, plus 1 for the main thread. Turns use the first only.
    threads: [AtomicU64; THREADS],
    /// Which of `threads` is forgotten next.
    next_thread: AtomicU64,
    /// Why the watch rests: [`PAUSED`], [`BACKGROUND`], and above them how often that has changed.
    rest: AtomicU64,
    dropped: AtomicBool,
}

/// The host has paused the watch.
pub(super) const PAUSED: u64 = 1;
/// The app is in the background, where its system may let its loops rest.
const BACKGROUND: u64 = 2;
const REASONS: u64 = PAUSED | BACKGROUND;

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

    /// From now on no turn is a freeze, until [`resume`](Self::resume): for work that is meant to take long, such as a system's
    /// dialogue that keeps the thread until the user answers.
    pub fn pause(&self) {
        if let Some(state) = &self.state {
            state.rest(PAUSED, true);
        }
    }

    /// Ends a pause. A turn that is going on has its whole time again.
    pub fn resume(&self) {
        if let Some(state) = &self.state {
            state.rest(PAUSED, false);
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(state) = &self.state {
            state.give_up();
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
    pub(crate) fn new(name: Name, thresholds: Thresholds, switch: Arc<Switch>) -> Self {
        let (hang_ms, not_responding_ms) = thresholds.millis();
        Self {
            name,
            hang_ms,
            not_responding_ms,
            post: None,
            switch,
            names: std::array::from_fn(|_| OnceLock::new()),
            turn: AtomicU64::new(0),
            serial: AtomicU64::new(0),
            began_ms: AtomicU64::new(0),
            ended_ms: AtomicU64::new(0),
            suspect: AtomicU64::new(0),
            threads: Default::default(),
            next_thread: AtomicU64::new(0),
            rest: AtomicU64::new(0),
            dropped: AtomicBool::new(false),
        }
    }

    pub(super) fn by(mut self, post: Post) -> Self {
        self.post = Some(post);
        self
    }

    fn begin(&self, name: Name) -> bool {
        if !self.switch.open.load(Relaxed) || self.turn.load(Relaxed) != 0 {
            return false;
        }
        self.threads[0].store(thread(), Relaxed);
        self.begin_turn(self.index(name));
        true
    }

    fn begin_turn(&self, index: u64) {
        let serial = self.serial.load(Relaxed) + 1;
        self.serial.store(serial, Relaxed);
        self.began_ms.store(coarse_millis(), Relaxed);
        self.turn.store(serial << 8 | index, Release);
    }

    /// Begins the turn that lasts until a ping is answered, unless one is on its way, nothing is recorded or the watch rests.
    pub(super) fn begin_ping(&self) -> bool {
        // The agent's thread may wake more often than this loop has to.
        let since_ms = coarse_millis().saturating_sub(self.began_ms.load(Relaxed));
        let may = self.switch.open.load(Relaxed)
            && since_ms >= self.hang_ms / 4
            && self.turn.load(Acquire) == 0
            && self.rest.load(Relaxed) & REASONS == 0
            && !self.is_dropped();
        if may {
            self.begin_turn(0);
        }
        may
    }

    /// How pings are sent, if they are.
    pub(super) fn post(&self) -> Option<&Post> {
        self.post.as_ref()
    }

    pub(super) fn pings_sent(&self) -> u64 {
        self.serial.load(Relaxed)
    }

    pub(super) fn end(&self) {
        let turn = self.turn.load(Relaxed);
        if self.suspect.load(Relaxed) == turn {
            self.ended_ms.store(coarse_millis(), Relaxed);
        }
        self.turn.store(0, Release);
    }

    /// Remembers that the calling thread answers pings.
    pub(super) fn note_thread(&self) {
        let me = thread();
        if self.threads.iter().all(|known| known.load(Relaxed) != me) {
            let next = self.next_thread.fetch_add(1, Relaxed) as usize % THREADS;
            if let Some(slot) = self.threads.get(next) {
                slot.store(me, Relaxed);
            }
        }
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
        let rest = self.rest.load(Relaxed);
        Look {
            turn,
            began_ms: self.began_ms.load(Relaxed),
            ended_ms: self.ended_ms.load(Relaxed),
            resting: rest & REASONS != 0,
            pauses: rest / (REASONS + 1),
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

    /// The watched threads; none as long as no ping was answered.
    pub(crate) fn threads(&self) -> Vec<Tid> {
        let known = self.threads.iter().map(|thread| thread.load(Relaxed));
        known
            .filter(|thread| *thread != 0)
            .map(|thread| Tid::from_number((thread >> 1) as u32))
            .collect()
    }

    /// Whether the process's first thread is watched.
    pub(crate) fn is_main(&self) -> bool {
        let known = self.threads.iter().map(|thread| thread.load(Relaxed));
        known.into_iter().any(|thread| thread & 1 == 1)
    }

    /// The watch rests for `reason` from now on, or no longer.
    pub(super) fn rest(&self, reason: u64, on: bool) {
        let _ = self.rest.fetch_update(Relaxed, Relaxed, |rest| {
            let reasons = rest & REASONS;
            let now = if on {
                reasons | reason
            } else {
                reasons & !reason
            };
            (now != reasons).then_some((rest & !REASONS) + REASONS + 1 + now)
        });
    }

    /// The app went into the background, or came back. Only pings mind: a turn that does not end is a freeze there too.
    pub(crate) fn background(&self, background: bool) {
        if self.post.is_some() {
            self.rest(BACKGROUND, background);
        }
    }

    pub(super) fn give_up(&self) {
        self.dropped.store(true, Release);
    }

    pub(crate) fn is_dropped(&self) -> bool {
        self.dropped.load(Acquire)
    }
}

/// What a watched thread was at in one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Look {
    /// Which turn, 0 between turns.
    pub(crate) turn: u64,
    pub(crate) began_ms: u64,
    pub(crate) ended_ms: u64,
    /// Whether no turn is a freeze now.
    pub(crate) resting: bool,
    /// How often the watch began or ceased to rest.
    pub(crate) pauses: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> (Arc<Switch>, Arc<State>, Watch) {
        let switch = Arc::new(Switch::default());
        let name = Name::declare("main_loop");
        let state = Arc::new(State::new(name, Thresholds::default(), switch.clone()));
        (switch, state.clone(), Watch::new(state))
    }

    #[test]
    fn the_host_thread_writes_what_the_agent_reads() {
        let (switch, state, watch) = watched();
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
        assert_eq!(state.threads(), [current_thread()]);
        drop(watch);
        assert!(state.is_dropped());
    }

    #[test]
    fn a_watch_that_moves_is_about_the_thread_that_begins_the_turn() {
        let (switch, state, watch) = watched();
        switch.open.store(true, Relaxed);
        drop(watch.turn(Name::declare("decode")));
        assert_eq!(state.threads(), [current_thread()]);
        let moved = std::thread::spawn(move || {
            drop(watch.turn(Name::declare("decode")));
            (current_thread(), watch)
        });
        let (there, _watch) = moved.join().unwrap();
        assert_ne!(there, current_thread());
        assert_eq!(state.threads(), [there]);
    }

    #[test]
    fn a_pause_is_seen_though_it_is_over() {
        let (_, state, watch) = watched();
        let before = state.look();
        watch.pause();
        watch.pause();
        assert!(state.look().resting);
        watch.resume();
        let after = state.look();
        assert!(!after.resting);
        assert_eq!(after.pauses, before.pauses + 2);
    }
}
