//! What the time between two looks was like: whether this process could run at all.

/// The clocks at the time of a look, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Clocks {
    /// Moves forward only, and stands still while the machine is suspended.
    pub(crate) now_ms: u64,
    /// Goes on while the machine is suspended.
    pub(crate) boottime_ms: u64,
    /// By how much the looking thread woke later than it wanted.
    pub(crate) late_ms: u64,
    /// How long the looking thread has waited for a processor in its life.
    pub(crate) queued_ms: u64,
}

/// Remembers the clocks of the look before.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    before: Option<Clocks>,
}

/// Time that no freeze is made of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lull {
    /// For so long the process is known to have stood still as a whole: no duration counts it.
    pub(crate) still_ms: u64,
    /// Whether what is going on gets its whole time again. Nobody saw when the process stopped and went on.
    pub(crate) anew: bool,
}

/// What clocks may differ by without meaning anything: the coarse ones move in steps of up to 10 ms, and a thread that
/// shares its processor comes a few tens of milliseconds late.
const NOTHING_MS: u64 = 100;

impl Looks {
    /// One more look.
    ///
    /// A looking thread that is late and was not waiting for a processor was not allowed to run, by `SIGSTOP`, a debugger, a
    /// freezer or the pause of a virtual machine; so nobody was. One that waited for a processor says nothing of the others: of each of
    /// them the kernel knows how long it waited itself.
    pub(crate) fn look(&mut self, now: Clocks) -> Lull {
        let before = self.before.replace(now).unwrap_or(now);
        let ahead = |clocks: Clocks| clocks.boottime_ms.saturating_sub(clocks.now_ms);
        let suspended = ahead(now).saturating_sub(ahead(before)) >= NOTHING_MS;
        let queued_ms = now.queued_ms.saturating_sub(before.queued_ms);
        let still_ms = now.late_ms.saturating_sub(queued_ms);
        let stopped = still_ms >= NOTHING_MS;
        Lull {
            still_ms: if stopped { still_ms } else { 0 },
            anew: stopped || suspended,
        }
    }
}

/// For how long the looking thread rests when it has done, at `now_ms`, all that it woke for: for `at_most_ms`, but no longer than
/// until the look that is due at `due_ms`. Whatever it has done meanwhile has taken its time from the rest, not from the look.
pub(crate) fn rest_ms(at_most_ms: u64, due_ms: Option<u64>, now_ms: u64) -> u64 {
    due_ms.map_or(at_most_ms, |due_ms| {
        at_most_ms.min(due_ms.saturating_sub(now_ms))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: Clocks = Clocks {
        now_ms: 1_000,
        boottime_ms: 9_000,
        late_ms: 0,
        queued_ms: 40,
    };

    fn then(next: Clocks) -> Lull {
        let mut looks = Looks::default();
        assert_eq!(looks.look(FIRST), Lull::default());
        looks.look(next)
    }

    #[test]
    fn a_look_that_is_in_time_is_no_lull() {
        let next = Clocks {
            now_ms: 1_507,
            boottime_ms: 9_500,
            late_ms: 7,
            queued_ms: 41,
        };
        assert_eq!(then(next), Lull::default());
    }

    #[test]
    fn a_process_that_was_stopped_was_late_without_waiting_for_a_processor() {
        let next = Clocks {
            now_ms: 61_500,
            boottime_ms: 69_500,
            late_ms: 60_000,
            queued_ms: 60,
        };
        let lull = then(next);
        assert_eq!((lull.still_ms, lull.anew), (59_980, true));
    }

    #[test]
    fn a_look_is_made_when_it_is_due_however_long_the_work_before_took() {
        assert_eq!(rest_ms(250, None, 1_000), 250);
        assert_eq!(rest_ms(250, Some(1_900), 1_000), 250);
        assert_eq!(rest_ms(250, Some(1_180), 1_000), 180);
        // Work that took 140 ms of the 180, and work that took more.
        assert_eq!(rest_ms(250, Some(1_180), 1_140), 40);
        assert_eq!(rest_ms(250, Some(1_180), 1_400), 0);
    }

    #[test]
    fn an_overloaded_machine_is_no_lull_of_the_others() {
        let next = Clocks {
            now_ms: 2_300,
            boottime_ms: 10_300,
            late_ms: 800,
            queued_ms: 830,
        };
        assert_eq!(then(next), Lull::default());
    }

    #[test]
    fn a_suspended_machine_is_known_by_the_clock_that_went_on() {
        let next = Clocks {
            now_ms: 1_500,
            boottime_ms: 3_609_500,
            ..FIRST
        };
        assert_eq!(
            then(next),
            Lull {
                still_ms: 0,
                anew: true
            }
        );
    }

    #[test]
    fn a_clock_that_was_set_back_is_no_lull() {
        let next = Clocks {
            now_ms: 1_500,
            boottime_ms: 0,
            late_ms: 0,
            queued_ms: 0,
        };
        assert_eq!(then(next), Lull::default());
    }
}
