//! Whole hours of a host's life, simulated: what must not be taken for a freeze, and that a real one still is.

use super::follow::{Act, Follow};
use super::looks::{Clocks, Looks};
use super::watch::Look;
use candor_crash::Standing;
use proptest::prelude::*;

const HANG_MS: u64 = 2_000;
const HOUR_MS: u64 = 3_600_000;

/// What the machine does to the process for a while.
#[derive(Debug, Clone, Copy)]
enum Spell {
    /// Nothing.
    Calm,
    /// It is stopped and goes on: nobody runs.
    Stopped,
    /// The machine is suspended: one clock goes on.
    Suspended,
    /// So many others want each processor.
    Overloaded(u64),
    /// A debugger holds the threads.
    Traced,
    /// The host has paused the watch, and is not in its loop.
    Paused,
}

/// A machine with one watched thread, one looking thread, and clocks. Moves in steps of 10 ms.
#[derive(Default)]
struct Machine {
    now_ms: u64,
    boottime_ms: u64,
    /// Of the watched thread, and of the looking one.
    queued_ms: [u64; 2],
    held: bool,
    look: Look,
    /// What the turn still has to do.
    left_ms: u64,
    /// The looking thread sleeps until then, and is late because the processor is others'.
    wake_ms: u64,
    serial: u64,
    suspect: u64,
    worked_ms: u64,
    follow: Follow,
    looks: Looks,
    opened: Vec<u64>,
    closed: Vec<u64>,
}

const STEP_MS: u64 = 10;

impl Machine {
    /// The host's loop begins a turn that needs a processor for so long.
    fn begin(&mut self, work_ms: u64) {
        self.serial += 1;
        self.look.turn = self.serial << 8;
        self.look.began_ms = self.now_ms;
        self.left_ms = work_ms;
    }

    /// When it ended is only asked of a turn that was seen going on.
    fn end(&mut self) {
        if self.suspect == self.look.turn {
            self.look.ended_ms = self.now_ms;
        }
    }

    /// One step of `spell`. Turns need a processor for `work_ms` each and follow upon each other.
    fn step(&mut self, spell: Spell, work_ms: u64) {
        self.now_ms += STEP_MS;
        self.boottime_ms += STEP_MS;
        self.held = matches!(spell, Spell::Traced);
        let paused = matches!(spell, Spell::Paused);
        if paused != self.look.resting {
            self.look.resting = paused;
            self.look.pauses += 1;
        }
        match spell {
            Spell::Stopped => return,
            Spell::Suspended => {
                self.boottime_ms += 100 * STEP_MS;
                return;
            }
            Spell::Overloaded(others) if !(self.now_ms / STEP_MS).is_multiple_of(others + 1) => {
                self.queued_ms[0] += STEP_MS;
                // A sleeping thread wants nothing; one that is awake waits like any other.
                if self.now_ms >= self.wake_ms {
                    self.queued_ms[1] += STEP_MS;
                }
                return;
            }
            Spell::Traced | Spell::Paused => {}
            Spell::Calm | Spell::Overloaded(_) => self.work(work_ms),
        }
        if self.now_ms >= self.wake_ms {
            self.watch();
        }
    }

    fn work(&mut self, work_ms: u64) {
        self.worked_ms += STEP_MS;
        self.left_ms = self.left_ms.saturating_sub(STEP_MS);
        if self.left_ms == 0 {
            self.end();
            self.begin(work_ms);
        }
    }

    fn watch(&mut self) {
        let clocks = Clocks {
            now_ms: self.now_ms,
            boottime_ms: self.boottime_ms,
            late_ms: self.now_ms - self.wake_ms,
            queued_ms: self.queued_ms[1],
        };
        let lull = self.looks.look(clocks);
        let standing = match self.held {
            true => Standing::Held,
            false => Standing::Free {
                queued_ms: self.queued_ms[0],
                cpu_us: self.worked_ms * 1_000,
                runnable: true,
                sleeps: 0,
            },
        };
        let (now, look) = (self.now_ms, self.look);
        self.suspect = look.turn;
        match self.follow.step(look, HANG_MS, now, lull, &mut || standing) {
            Act::Open => self.opened.push(now),
            Act::Close { took_ms } => self.closed.push(took_ms),
            Act::Nothing | Act::Sample => {}
        }
        let next = self.follow.next_look(HANG_MS, now).unwrap_or(u64::MAX);
        self.wake_ms = next.min(now + HANG_MS / 2);
    }

    fn live(&mut self, spell: Spell, for_ms: u64, work_ms: u64) {
        for _ in 0..for_ms / STEP_MS {
            self.step(spell, work_ms);
        }
    }
}

fn spell() -> impl Strategy<Value = (Spell, u64)> {
    let spell = prop_oneof![
        Just(Spell::Calm),
        Just(Spell::Stopped),
        Just(Spell::Suspended),
        Just(Spell::Overloaded(8)),
        Just(Spell::Traced),
        Just(Spell::Paused),
    ];
    (spell, 10u64..20_000)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_hour_of_stops_jumps_overload_debuggers_and_pauses_has_no_freeze(
        spells in prop::collection::vec(spell(), 1..60),
        work_ms in 10u64..220,
    ) {
        let mut machine = Machine::default();
        machine.begin(work_ms);
        for &(spell, for_ms) in spells.iter().cycle() {
            machine.live(spell, for_ms, work_ms);
            if machine.now_ms >= HOUR_MS {
                break;
            }
        }
        prop_assert_eq!(machine.opened, Vec::<u64>::new());
    }

    #[test]
    fn a_turn_that_stands_still_is_found_at_its_threshold_whatever_came_before(
        spells in prop::collection::vec(spell(), 0..6),
        work_ms in 10u64..220,
        frozen_ms in 2_100u64..60_000,
    ) {
        let mut machine = Machine::default();
        machine.begin(work_ms);
        for (spell, for_ms) in spells {
            machine.live(spell, for_ms, work_ms);
        }
        machine.live(Spell::Calm, 2_000, work_ms);
        machine.end();
        machine.begin(frozen_ms);
        let (began, frozen_ms) = (machine.now_ms, machine.left_ms);
        machine.live(Spell::Calm, frozen_ms + 1_000, 50);
        prop_assert_eq!(machine.opened, vec![began + HANG_MS]);
        let took = machine.closed[0];
        prop_assert!(took.abs_diff(frozen_ms) <= STEP_MS, "{} for {}", took, frozen_ms);
    }
}
