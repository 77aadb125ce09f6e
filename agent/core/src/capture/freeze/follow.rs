//! Decides what is a freeze.

use super::looks::Lull;
use super::watch::Look;
use candor_crash::Standing;

/// Follows one watch. Pure: time is handed in, in milliseconds of the clock that turns are stamped with.
#[derive(Debug, Default)]
pub(crate) struct Follow {
    /// The turn that is followed.
    turn: u64,
    began_ms: u64,
    /// In which pause of the watch, or between which, it was when it was last looked at.
    pauses: u64,
    /// Time that is nobody's fault, which no duration counts.
    excused_ms: u64,
    /// From when on the threshold counts.
    counted_from_ms: u64,
    /// What the thread had used when the turn was first seen.
    first: Option<Used>,
    /// What it had used at the last look, whatever it was at.
    last: Option<Used>,
    open: Option<Pace>,
}

/// What a thread has used of its processor in its life, at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Used {
    pub(crate) at_ms: u64,
    pub(crate) cpu_us: u64,
    queued_ms: u64,
    runnable: bool,
    sleeps: u64,
}

impl Used {
    fn of(standing: Standing, at_ms: u64) -> Option<Self> {
        match standing {
            Standing::Free {
                queued_ms,
                cpu_us,
                runnable,
                sleeps,
            } => Some(Self {
                at_ms,
                cpu_us,
                queued_ms,
                runnable,
                sleeps,
            }),
            _ => None,
        }
    }
}

/// When to sample next.
#[derive(Debug)]
struct Pace {
    last_ms: u64,
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
const LONGEST_GAP_MS: u64 = 30_000;

impl Follow {
    /// One look at `now_ms`. `standing` says of the watched thread whether it is free to go on; it is asked while a turn
    /// goes on, and before a sample.
    pub(crate) fn step(
        &mut self,
        look: Look,
        hang_ms: u64,
        now_ms: u64,
        lull: Lull,
        standing: &mut dyn FnMut() -> Standing,
    ) -> Act {
        let turn = if look.resting { 0 } else { look.turn };
        if turn != self.turn || look.pauses != self.pauses {
            return self.turn_over(look, turn, now_ms, lull, standing);
        }
        if turn == 0 {
            self.last = Used::of(standing(), now_ms);
            return Act::Nothing;
        }
        self.excused_ms += lull.still_ms;
        if lull.anew {
            self.counted_from_ms = now_ms;
        }
        match &mut self.open {
            None => self.may_open(hang_ms, now_ms, standing()),
            Some(pace) if now_ms >= pace.next_ms => {
                let since_ms = now_ms.saturating_sub(pace.last_ms);
                pace.last_ms = now_ms;
                pace.next_ms = now_ms + pace.gap_ms;
                if standing() == Standing::Held {
                    self.excused_ms += since_ms.saturating_sub(lull.still_ms);
                    return Act::Nothing;
                }
                Act::Sample
            }
            _ => Act::Nothing,
        }
    }

    /// Another turn, or none, or the watch rests or goes on.
    fn turn_over(
        &mut self,
        look: Look,
        turn: u64,
        now_ms: u64,
        lull: Lull,
        standing: &mut dyn FnMut() -> Standing,
    ) -> Act {
        let ended = look.turn != self.turn && look.ended_ms >= self.began_ms;
        let ended_ms = if ended { look.ended_ms } else { now_ms };
        let took_ms = ended_ms
            .saturating_sub(self.began_ms)
            .saturating_sub(self.excused_ms);
        let was_open = self.open.is_some();
        let age_ms = now_ms.saturating_sub(look.began_ms);
        let anew = look.pauses != self.pauses;
        *self = Self {
            turn,
            began_ms: look.began_ms,
            pauses: look.pauses,
            excused_ms: if anew {
                age_ms
            } else {
                lull.still_ms.min(age_ms)
            },
            counted_from_ms: if anew || lull.anew {
                now_ms
            } else {
                look.began_ms
            },
            first: None,
            last: self.last,
            open: None,
        };
        self.see(now_ms, standing());
        if was_open {
            Act::Close { took_ms }
        } else {
            Act::Nothing
        }
    }

    /// What is not the thread's own doing does not count towards the threshold.
    fn see(&mut self, now_ms: u64, standing: Standing) {
        match standing {
            // A turn that was never ended on a thread that has ended is nothing that a user could see.
            Standing::Gone | Standing::Held => {
                self.excused_ms += now_ms.saturating_sub(self.counted_from_ms);
                self.counted_from_ms = now_ms;
            }
            _ => {
                let Some(now) = Used::of(standing, now_ms) else {
                    return;
                };
                if let Some(last) = self.last.replace(now) {
                    self.counted_from_ms += self.queued_ms(last, now);
                }
                self.first = self.first.or(Some(now));
            }
        }
    }

    /// How much of the time since the last look the turn waited for a processor: others had it, which is the machine's doing. The
    /// kernel counts a wait when it is over; one that is not is what a thread did not use that could run all the time. One that can run
    /// now may have slept until now, not least because the agent has just seen to it.
    fn queued_ms(&self, last: Used, now: Used) -> u64 {
        let since_ms = now.at_ms.saturating_sub(last.at_ms);
        let span_ms = since_ms.min(now.at_ms.saturating_sub(self.counted_from_ms));
        let waited_ms = now.queued_ms.saturating_sub(last.queued_ms);
        let unused_ms = span_ms.saturating_sub(now.cpu_us.saturating_sub(last.cpu_us) / 1000);
        let awake = last.runnable && now.runnable && last.sleeps == now.sleeps;
        let waiting_ms = if awake { unused_ms } else { 0 };
        waited_ms.max(waiting_ms).min(span_ms)
    }

    /// The turn goes on; it is a freeze if it has used up what it may.
    fn may_open(&mut self, hang_ms: u64, now_ms: u64, standing: Standing) -> Act {
        self.see(now_ms, standing);
        if now_ms.saturating_sub(self.counted_from_ms) < hang_ms {
            return Act::Nothing;
        }
        self.open = Some(Pace {
            last_ms: now_ms,
            next_ms: now_ms + FIRST_GAP_MS,
            gap_ms: FIRST_GAP_MS,
        });
        Act::Open
    }

    /// How long the turn has lasted, without what is excused.
    pub(crate) fn stood_ms(&self, now_ms: u64) -> u64 {
        now_ms
            .saturating_sub(self.began_ms)
            .saturating_sub(self.excused_ms)
    }

    /// What the thread had used when the turn was first seen.
    pub(crate) fn first(&self) -> Option<Used> {
        self.first
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
    pub(crate) fn next_look(&self, hang_ms: u64, now_ms: u64) -> Option<u64> {
        match &self.open {
            // Looking is cheap and says soon that the freeze is over; only samples are spaced further apart.
            Some(pace) => Some(pace.next_ms.min(now_ms + 2 * FIRST_GAP_MS)),
            None if self.turn != 0 => Some(self.counted_from_ms + hang_ms),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 2_000;
    const IDLE: Look = turn(0, 0);

    const fn turn(number: u64, began_ms: u64) -> Look {
        Look {
            turn: number << 8,
            began_ms,
            ended_ms: 0,
            resting: false,
            pauses: 0,
        }
    }

    const fn ended(ended_ms: u64) -> Look {
        Look { ended_ms, ..IDLE }
    }

    fn free() -> Standing {
        Standing::Free {
            queued_ms: 0,
            cpu_us: 0,
            runnable: false,
            sleeps: 0,
        }
    }

    /// One look at a thread that nobody holds, in a process that nobody stopped.
    fn step(follow: &mut Follow, look: Look, now_ms: u64) -> Act {
        follow.step(look, SECOND, now_ms, Lull::default(), &mut free)
    }

    fn step_with(follow: &mut Follow, now_ms: u64, standing: Standing) -> Act {
        follow.step(turn(1, 0), SECOND, now_ms, Lull::default(), &mut || {
            standing
        })
    }

    #[test]
    fn a_turn_that_ends_in_time_is_no_freeze() {
        let mut follow = Follow::default();
        assert_eq!(step(&mut follow, turn(1, 0), 10), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 10), Some(2_000));
        assert_eq!(step(&mut follow, turn(1, 0), 1_999), Act::Nothing);
        assert_eq!(step(&mut follow, turn(2, 1_999), 2_000), Act::Nothing);
        assert_eq!(step(&mut follow, turn(2, 1_999), 3_998), Act::Nothing);
    }

    #[test]
    fn a_freeze_opens_at_its_threshold_and_closes_with_its_true_length() {
        let mut follow = Follow::default();
        step(&mut follow, turn(1, 0), 500);
        assert_eq!(step(&mut follow, turn(1, 0), 2_000), Act::Open);
        assert_eq!(step(&mut follow, turn(1, 0), 2_050), Act::Nothing);
        assert_eq!(step(&mut follow, turn(1, 0), 2_100), Act::Sample);
        let closed = Act::Close { took_ms: 2_930 };
        assert_eq!(step(&mut follow, ended(2_930), 3_000), closed);
        assert_eq!(step(&mut follow, ended(2_930), 9_000), Act::Nothing);
        assert!(follow.open.is_none());
    }

    #[test]
    fn time_in_which_the_whole_process_stood_still_is_excused() {
        let mut follow = Follow::default();
        step(&mut follow, turn(1, 0), 100);
        // Stopped for an hour: the looking thread itself comes that much too late.
        let lull = Lull {
            still_ms: 3_600_000,
            anew: true,
        };
        let act = follow.step(turn(1, 0), SECOND, 3_600_500, lull, &mut free);
        assert_eq!(act, Act::Nothing);
        assert_eq!(step(&mut follow, turn(1, 0), 3_602_499), Act::Nothing);
        assert_eq!(step(&mut follow, turn(1, 0), 3_602_500), Act::Open);
        let closed = Act::Close { took_ms: 3_000 };
        assert_eq!(step(&mut follow, ended(3_603_000), 3_603_000), closed);
    }

    #[test]
    fn a_thread_that_a_debugger_holds_gets_its_whole_time_again() {
        let mut follow = Follow::default();
        step(&mut follow, turn(1, 0), 10);
        assert_eq!(step_with(&mut follow, 2_000, Standing::Held), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 2_000), Some(4_000));
        assert_eq!(step_with(&mut follow, 4_000, free()), Act::Open);
        assert_eq!(
            follow.stood_ms(4_000),
            2_000,
            "what it was held for does not count"
        );
        // And one that is attached later is not sampled.
        assert_eq!(step_with(&mut follow, 4_100, Standing::Held), Act::Nothing);
        assert_eq!(follow.stood_ms(4_100), 2_000);
    }

    #[test]
    fn a_turn_that_its_thread_did_not_outlive_is_no_freeze() {
        let mut follow = Follow::default();
        for now in (0..60_000).step_by(500) {
            assert_eq!(step_with(&mut follow, now, Standing::Gone), Act::Nothing);
        }
    }

    #[test]
    fn time_in_which_others_had_the_processor_does_not_count() {
        let mut follow = Follow::default();
        let queued = |queued_ms| Standing::Free {
            queued_ms,
            cpu_us: 0,
            runnable: false,
            sleeps: 0,
        };
        step_with(&mut follow, 10, queued(700));
        assert_eq!(step_with(&mut follow, 2_000, queued(2_200)), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 2_000), Some(3_500));
        assert_eq!(step_with(&mut follow, 3_500, queued(2_200)), Act::Open);
        assert_eq!(follow.stood_ms(3_500), 3_500, "the user waited all of it");
    }

    #[test]
    fn a_thread_that_still_waits_for_a_processor_does_nothing_of_its_own() {
        let mut follow = Follow::default();
        let waits = |cpu_us| Standing::Free {
            queued_ms: 0,
            cpu_us,
            runnable: true,
            sleeps: 3,
        };
        step_with(&mut follow, 10, waits(0));
        assert_eq!(step_with(&mut follow, 2_000, waits(200_000)), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 2_000), Some(3_790));
        let computes = step_with(&mut follow, 3_790, waits(1_990_000));
        assert_eq!(computes, Act::Open, "it has used all it may by itself");
    }

    #[test]
    fn a_thread_that_was_woken_a_moment_ago_did_not_wait_for_a_processor() {
        let mut follow = Follow::default();
        let looked_after = |sleeps| Standing::Free {
            queued_ms: 0,
            cpu_us: 0,
            runnable: true,
            sleeps,
        };
        step_with(&mut follow, 10, looked_after(7));
        assert_eq!(step_with(&mut follow, 1_010, looked_after(8)), Act::Nothing);
        assert_eq!(step_with(&mut follow, 1_900, free()), Act::Nothing);
        assert_eq!(step_with(&mut follow, 2_000, looked_after(9)), Act::Open);
    }

    #[test]
    fn a_watch_that_rests_sees_nothing_and_begins_anew() {
        let mut follow = Follow::default();
        let resting = Look {
            resting: true,
            pauses: 1,
            ..turn(1, 0)
        };
        let resumed = Look {
            pauses: 2,
            ..turn(1, 0)
        };
        step(&mut follow, turn(1, 0), 10);
        assert_eq!(step(&mut follow, turn(1, 0), 2_000), Act::Open);
        let closed = Act::Close { took_ms: 2_500 };
        assert_eq!(step(&mut follow, resting, 2_500), closed);
        assert_eq!(step(&mut follow, resting, 60_000), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 60_000), None);
        assert_eq!(step(&mut follow, resumed, 61_000), Act::Nothing);
        assert_eq!(step(&mut follow, resumed, 62_999), Act::Nothing);
        assert_eq!(step(&mut follow, resumed, 63_000), Act::Open);
        assert_eq!(follow.stood_ms(63_000), 2_000);
    }

    #[test]
    fn a_pause_between_two_looks_counts_as_one() {
        let mut follow = Follow::default();
        step(&mut follow, turn(1, 0), 10);
        let paused_meanwhile = Look {
            pauses: 2,
            ..turn(1, 0)
        };
        assert_eq!(step(&mut follow, paused_meanwhile, 2_000), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 2_000), Some(4_000));
    }

    #[test]
    fn a_long_freeze_is_sampled_ever_less_often_while_its_stack_stays_the_same() {
        let mut follow = Follow::default();
        step(&mut follow, turn(1, 0), 10);
        let (mut samples, mut now) = (0, 2_000);
        while now < 602_000 {
            if matches!(step(&mut follow, turn(1, 0), now), Act::Open | Act::Sample) {
                samples += 1;
                follow.sampled(true);
            }
            now += 100;
        }
        assert!(
            (10..50).contains(&samples),
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
        assert_eq!(step(&mut follow, IDLE, 0), Act::Nothing);
        assert_eq!(step(&mut follow, IDLE, 3_600_000), Act::Nothing);
        assert_eq!(follow.next_look(SECOND, 0), None);
    }
}
