//! When to send, when to wait. Pure.

use super::transport::Outcome;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the collector's last answers allow. On the disk, so that a restart does not forget it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Backoff {
    /// Answers in a row that were no success.
    failures: u32,
    /// Milliseconds since 1970-01-01 UTC before which nothing is sent.
    not_before: u64,
    /// The last answer was that the collector is not in our region.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    elsewhere: bool,
    /// The collector has said in this run that it is in our region. Not kept: the next run may have another address.
    #[serde(skip)]
    at_home: bool,
}

/// The first pause after a failure; each further one at most doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that the agent chooses: a collector that comes back is noticed within the hour.
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);
/// The longest pause that a collector may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);
/// A key that is not known will not be known a moment later, nor does a collector move; somebody has to act.
const ACT_PAUSE: Duration = LONGEST_PAUSE;

impl Backoff {
    /// After `outcome` at `now` (milliseconds since 1970). `random` is from 0 to 1, for full jitter: devices that failed
    /// together must not come back together (M. Brooker, "Exponential Backoff And Jitter").
    pub(crate) fn after(self, outcome: &Outcome, now: u64, random: f64) -> Self {
        let pause = match outcome {
            Outcome::Delivered
            | Outcome::Answered(_)
            | Outcome::TooLarge
            | Outcome::Refused { .. } => {
                return Self {
                    at_home: self.at_home,
                    ..Self::default()
                };
            }
            Outcome::TryLater { after: Some(asked) } => {
                // A few seconds more, since everybody was asked to wait equally long.
                (*asked).min(LONGEST_RETRY_AFTER) + FIRST_PAUSE.mul_f64(random.clamp(0.0, 1.0))
            }
            Outcome::TryLater { after: None } => {
                let ceiling = FIRST_PAUSE
                    .saturating_mul(2u32.saturating_pow(self.failures))
                    .min(LONGEST_PAUSE);
                ceiling
                    .mul_f64(random.clamp(0.0, 1.0))
                    .max(FIRST_PAUSE / 10)
            }
            Outcome::KeyRefused | Outcome::OtherRegion => {
                ACT_PAUSE.mul_f64(0.5 + 0.5 * random.clamp(0.0, 1.0))
            }
        };
        let elsewhere = *outcome == Outcome::OtherRegion;
        Self {
            failures: self.failures.saturating_add(1),
            not_before: now.saturating_add(pause.as_millis() as u64),
            elsewhere,
            at_home: self.at_home && !elsewhere,
        }
    }

    /// With what the last answer said of the collector's region.
    pub(crate) fn located(self, at_home: bool) -> Self {
        Self { at_home, ..self }
    }

    /// Whether the collector has said in this run that it is in our region.
    pub(crate) fn is_at_home(&self) -> bool {
        self.at_home
    }

    /// Whether nothing is sent because the collector is not in our region.
    pub(crate) fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }

    /// Milliseconds since 1970 before which nothing is sent; 0 when nothing speaks against it. A moment further away
    /// than any pause can be means that the clock was set back, and counts for nothing.
    pub(crate) fn not_before(&self, now: u64) -> u64 {
        let longest = (LONGEST_RETRY_AFTER + FIRST_PAUSE).as_millis() as u64;
        if self.not_before > now + longest {
            0
        } else {
            self.not_before
        }
    }

    /// Answers in a row that were no success.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }
}

/// What the uploader should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// There is nothing to send.
    Rest,
    /// Not before this many milliseconds since 1970.
    WaitUntil(u64),
    /// Now.
    Send,
}

/// What the plan depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    /// Milliseconds since 1970.
    pub(crate) now: u64,
    /// Reports that wait.
    pub(crate) waiting: usize,
    /// Whether one of them should not wait for others, or somebody asked to send what there is.
    pub(crate) urgent: bool,
    /// When the last batch went out, in milliseconds since 1970; 0 for never in this run.
    pub(crate) last: u64,
    /// Milliseconds between uploads that are not urgent.
    pub(crate) every: u64,
    pub(crate) backoff: Backoff,
}

/// The next step.
pub(crate) fn plan(situation: &Situation) -> Step {
    let Situation {
        now,
        waiting,
        urgent,
        last,
        every,
        backoff,
    } = *situation;
    if waiting == 0 {
        return Step::Rest;
    }
    let interval_over = if urgent || last > now {
        0
    } else {
        last + every
    };
    let due = backoff.not_before(now).max(interval_over);
    if due <= now {
        Step::Send
    } else {
        Step::WaitUntil(due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CALM: Situation = Situation {
        now: 1_000_000,
        waiting: 1,
        urgent: false,
        last: 990_000,
        every: 60_000,
        backoff: Backoff {
            failures: 0,
            not_before: 0,
            elsewhere: false,
            at_home: false,
        },
    };

    #[test]
    fn nothing_waiting_means_rest() {
        assert_eq!(
            plan(&Situation {
                waiting: 0,
                urgent: true,
                ..CALM
            }),
            Step::Rest
        );
    }

    #[test]
    fn reports_travel_together_but_a_crash_does_not_wait() {
        assert_eq!(plan(&CALM), Step::WaitUntil(1_050_000));
        assert_eq!(
            plan(&Situation {
                urgent: true,
                ..CALM
            }),
            Step::Send
        );
        assert_eq!(plan(&Situation { last: 0, ..CALM }), Step::Send);
    }

    #[test]
    fn even_a_crash_waits_as_long_as_the_collector_asked() {
        let asked = Outcome::TryLater {
            after: Some(Duration::from_secs(30)),
        };
        let backoff = Backoff::default().after(&asked, CALM.now, 0.0);
        assert_eq!(
            plan(&Situation {
                urgent: true,
                backoff,
                ..CALM
            }),
            Step::WaitUntil(1_030_000)
        );
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_silence_the_agent() {
        let backoff = Backoff {
            failures: 1,
            not_before: CALM.now + 1_000_000_000,
            ..Backoff::default()
        };
        assert_eq!(
            plan(&Situation {
                urgent: true,
                backoff,
                ..CALM
            }),
            Step::Send
        );
        assert_eq!(
            plan(&Situation {
                last: CALM.now + 5_000_000,
                ..CALM
            }),
            Step::Send
        );
    }

    #[test]
    fn success_forgets_earlier_failures() {
        let failed = Backoff::default().after(&Outcome::TryLater { after: None }, 0, 1.0);
        assert_eq!(failed.failures(), 1);
        assert_eq!(
            failed.after(&Outcome::Delivered, 0, 1.0),
            Backoff::default()
        );
    }

    #[test]
    fn a_collector_elsewhere_is_asked_again_within_the_hour_and_remembered_as_such() {
        let home = Backoff::default().located(true);
        assert!(home.after(&Outcome::Delivered, 0, 1.0).is_at_home());
        let moved = home.after(&Outcome::OtherRegion, 0, 1.0);
        assert!(moved.is_elsewhere() && !moved.is_at_home());
        assert_eq!(moved.not_before(0), 3_600_000);
        let kept: Backoff = serde_json::from_str(&serde_json::to_string(&moved).unwrap()).unwrap();
        assert_eq!(kept, moved);
        assert!(
            !moved
                .after(&Outcome::TryLater { after: None }, 0, 1.0)
                .is_elsewhere()
        );
    }

    proptest! {
        #[test]
        fn a_pause_is_never_longer_than_its_ceiling_nor_absent(failures in 0u32..200, random in 0.0f64..=1.0) {
            let before = Backoff { failures, ..Backoff::default() };
            let after = before.after(&Outcome::TryLater { after: None }, 0, random);
            let ceiling = (2000u64.saturating_mul(2u64.saturating_pow(failures))).min(3_600_000);
            prop_assert!(after.not_before >= 200 && after.not_before <= ceiling);
        }
    }
}
