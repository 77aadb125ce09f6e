//! Whether there is service, since when, and how long it was missed. One word of state that threads replace; no lock.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What the word says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    /// When it last changed, in microseconds: 46 bits are two years.
    at: u64,
    /// Connections in service.
    live: u64,
    /// Whether service is wanted: from the first attempt on, until somebody gives it up.
    wanted: bool,
    /// Whether there was service since it has been wanted.
    served: bool,
}

const TIME_BITS: u32 = 46;
const LIVE_BITS: u32 = 16;
const LIVE_MAX: u64 = (1 << LIVE_BITS) - 1;

impl State {
    const fn pack(self) -> u64 {
        (self.at << (64 - TIME_BITS))
            | (self.live << 2)
            | ((self.wanted as u64) << 1)
            | self.served as u64
    }

    const fn unpack(word: u64) -> Self {
        Self {
            at: word >> (64 - TIME_BITS),
            live: (word >> 2) & LIVE_MAX,
            wanted: word & 2 != 0,
            served: word & 1 != 0,
        }
    }
}

/// Service of one named connection. Time without service counts while it is wanted.
#[derive(Debug, Default)]
pub(super) struct Service {
    state: AtomicU64,
    /// When service was lost; 0 while it is there or not missed.
    lost_at: AtomicU64,
    /// When the last attempt or service ended; 0 while one lasts or none is wanted.
    idle_since: AtomicU64,
}

/// Time that passed since the last step, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Passed {
    pub(super) up: u64,
    pub(super) down: u64,
}

/// What is known when an attempt begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sought {
    pub(super) passed: Passed,
    /// It shall bring back a service that was lost.
    pub(super) again: bool,
    /// How long nothing was attempted before.
    pub(super) waited: Option<u64>,
}

impl Service {
    /// Lets time pass until `now` and changes the state. What passed, and the state before and after.
    fn step(&self, now: u64, change: impl Fn(&mut State)) -> (Passed, State, State) {
        let mut word = self.state.load(Relaxed);
        loop {
            let before = State::unpack(word);
            let mut after = before;
            change(&mut after);
            after.at = before.at.max(now);
            match self
                .state
                .compare_exchange_weak(word, after.pack(), Relaxed, Relaxed)
            {
                Ok(_) => return (passed(before, now), before, after),
                Err(other) => word = other,
            }
        }
    }

    /// An attempt begins.
    pub(super) fn seek(&self, now: u64) -> Sought {
        let (passed, before, _) = self.step(now, |state| state.wanted = true);
        let idle = self.idle_since.swap(0, Relaxed);
        Sought {
            passed,
            again: before.served && before.live == 0,
            waited: (idle > 0).then(|| now.saturating_sub(idle)),
        }
    }

    /// An attempt ended without service.
    pub(super) fn give_up(&self, now: u64) {
        self.idle_since.store(now.max(1), Relaxed);
    }

    /// A connection is in service. What passed, and how long service had been lost.
    pub(super) fn begin(&self, now: u64) -> (Passed, Option<u64>) {
        let (passed, before, _) = self.step(now, |state| {
            state.live = (state.live + 1).min(LIVE_MAX);
            state.wanted = true;
            state.served = true;
        });
        self.idle_since.store(0, Relaxed);
        let lost_at = self.lost_at.swap(0, Relaxed);
        let outage = (before.live == 0 && lost_at > 0).then(|| now.saturating_sub(lost_at));
        (passed, outage)
    }

    /// A connection in service ended; `wish_ended` when no service is wanted any more.
    pub(super) fn end(&self, now: u64, wish_ended: bool) -> Passed {
        let (passed, _, after) = self.step(now, |state| {
            state.live = state.live.saturating_sub(1);
            if state.live == 0 && wish_ended {
                (state.wanted, state.served) = (false, false);
            }
        });
        if after.live == 0 && !wish_ended {
            let lost_at = now.max(1);
            self.lost_at.store(lost_at, Relaxed);
            self.idle_since.store(lost_at, Relaxed);
            // Somebody else may have begun to serve in between; then nothing is lost.
            if State::unpack(self.state.load(Relaxed)).live > 0 {
                let _ = self.lost_at.compare_exchange(lost_at, 0, Relaxed, Relaxed);
            }
        }
        passed
    }

    /// Lets time pass. What passed.
    pub(super) fn pass(&self, now: u64) -> Passed {
        self.step(now, |_| ()).0
    }

    pub(super) fn is_live(&self) -> bool {
        State::unpack(self.state.load(Relaxed)).live > 0
    }
}

fn passed(before: State, now: u64) -> Passed {
    let time = now.saturating_sub(before.at);
    Passed {
        up: if before.live > 0 { time } else { 0 },
        down: if before.live == 0 && before.wanted {
            time
        } else {
            0
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn spent(up: u64, down: u64) -> Passed {
        Passed { up, down }
    }

    #[test]
    fn time_counts_as_service_or_its_lack_from_the_first_wish_on() {
        let service = Service::default();
        assert_eq!(
            service.pass(1_000),
            spent(0, 0),
            "nobody wanted service yet"
        );
        assert_eq!(service.seek(2_000).passed, spent(0, 0));
        assert_eq!(service.begin(2_500), (spent(0, 500), None));
        assert_eq!(service.end(4_000, false), spent(1_500, 0));
        assert_eq!(service.pass(4_100), spent(0, 100));
    }

    #[test]
    fn an_outage_lasts_from_the_loss_until_the_return_through_all_attempts() {
        let service = Service::default();
        service.seek(10);
        service.begin(20);
        service.end(1_000, false);
        let first = service.seek(1_500);
        assert_eq!((first.again, first.waited), (true, Some(500)));
        service.give_up(1_700);
        let second = service.seek(3_700);
        assert_eq!((second.again, second.waited), (true, Some(2_000)));
        assert_eq!(service.begin(4_000).1, Some(3_000));
    }

    #[test]
    fn what_is_not_wanted_is_not_missed() {
        let service = Service::default();
        service.seek(10);
        service.begin(20);
        service.end(1_000, true);
        assert_eq!(service.pass(9_000), spent(0, 0));
        let later = service.seek(9_000);
        assert_eq!((later.again, later.waited), (false, None));
        assert_eq!(service.begin(9_500), (spent(0, 500), None));
    }

    #[test]
    fn of_two_connections_the_last_one_that_ends_ends_the_service() {
        let service = Service::default();
        service.begin(10);
        service.begin(20);
        assert_eq!(service.end(30, false), spent(10, 0));
        assert!(service.is_live());
        assert!(!service.seek(40).again, "service is still there");
        assert_eq!(service.end(50, false), spent(10, 0));
        assert!(!service.is_live());
    }

    proptest! {
        #[test]
        fn a_state_survives_being_packed(at in 0u64..1 << TIME_BITS, live in 0..=LIVE_MAX, wanted: bool, served: bool) {
            let state = State { at, live, wanted, served };
            prop_assert_eq!(State::unpack(state.pack()), state);
        }

        #[test]
        fn no_time_is_counted_twice_or_forgotten(steps in prop::collection::vec((0u8..5, 0u64..1_000), 1..60)) {
            let service = Service::default();
            service.seek(0);
            let (mut now, mut sum) = (0, 0);
            for (what, later) in steps {
                now += later;
                let passed = match what {
                    0 => service.seek(now).passed,
                    1 => service.begin(now).0,
                    2 => service.end(now, false),
                    _ => service.pass(now),
                };
                sum += passed.up + passed.down;
            }
            prop_assert_eq!(sum, now);
        }
    }
}
