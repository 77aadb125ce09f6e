//! Freezes: follows every watched thread, and tells of those that stood still.

use super::Worker;
use crate::capture::freeze::{Act, Clocks, Follow, Freeze, Looks, Lull, State, standing};
use crate::capture::past::OPEN_FREEZES;
use crate::capture::{Observation, Seen};
use crate::consent::Permit;
use crate::deidentify::scrub;
use crate::files;
use crate::upload::lock;
use candor_crash::{Standing, Tid, boottime_millis, coarse_millis};
use candor_protocol::deidentify::ReportId;
use candor_protocol::report::FreezeEnd;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

/// A freeze that is going on.
struct OpenFreeze {
    id: ReportId,
    at: u64,
    freeze: Freeze,
}

/// A watch that is followed.
struct Followed {
    /// Names the file of its freeze.
    number: u16,
    state: Arc<State>,
    follow: Follow,
    open: Option<OpenFreeze>,
}

/// Every watch that is followed.
#[derive(Default)]
pub(super) struct Freezes {
    followed: Vec<Followed>,
    looks: Looks,
    /// Names of threads that may be told.
    names: Vec<&'static str>,
}

/// How often it is looked whether a turn is going on: half of what is allowed, within these bounds. A turn that was seen before it has
/// used up its time is looked at again at the very moment when it has.
const LOOK_MS: RangeInclusive<u64> = 50..=1_000;

impl Freezes {
    pub(super) fn new(declared: &[&'static str]) -> Self {
        Self {
            names: declared.to_vec(),
            ..Self::default()
        }
    }

    /// How often to look when nothing is due; `None` while nothing is watched.
    pub(super) fn look_every(&self) -> Option<Duration> {
        let strictest = self.followed.iter().map(|it| it.state.hang_ms).min()?;
        let every_ms = (strictest / 2).clamp(*LOOK_MS.start(), *LOOK_MS.end());
        Some(Duration::from_millis(every_ms))
    }

    /// Sends a ping to each loop that gets them. Calls the host: not under a permit.
    pub(super) fn ping(&self) {
        self.followed.iter().for_each(|it| it.state.ping());
    }

    /// The clocks now, and what they say of the time since the last look.
    fn lull(&mut self, late_ms: u64) -> Lull {
        let queued_ms = match standing(&[candor_crash::current_thread()]) {
            Standing::Free { queued_ms, .. } => queued_ms,
            _ => 0,
        };
        self.looks.look(Clocks {
            // Read side by side: what lies between them is taken for a suspension.
            now_ms: coarse_millis(),
            boottime_ms: boottime_millis(),
            late_ms,
            queued_ms,
        })
    }
}

impl Worker<'_> {
    /// Looks at every watched thread. When to look again, in milliseconds of the coarse clock.
    pub(super) fn follow_watches(
        &mut self,
        permit: &Permit<'_>,
        now: u64,
        now_ms: u64,
        late_ms: u64,
        shutdown: bool,
    ) -> Option<u64> {
        self.adopt_watches();
        if self.freezes.followed.is_empty() {
            return None;
        }
        let lull = self.freezes.lull(late_ms);
        let mut ended = Vec::new();
        let mut next = None;
        let Freezes {
            followed, names, ..
        } = &mut self.freezes;
        for it in followed {
            let Followed {
                number,
                state,
                follow,
                open,
            } = it;
            let number = *number;
            let look = state.look();
            if look.turn != 0 {
                state.suspect(look.turn);
            }
            let mut ask = || standing(&state.threads());
            let act = follow.step(look, state.hang_ms, now_ms, lull, &mut ask);
            match (act, &mut *open) {
                (Act::Open, _) => {
                    let freeze = Freeze::begin(state, look.turn, follow.first());
                    *open = Some(OpenFreeze {
                        id: ReportId::from_bytes(rand::random()),
                        at: now,
                        freeze,
                    });
                    let since_ms = boottime_millis().saturating_sub(follow.stood_ms(now_ms));
                    let thread = state.threads().first().copied();
                    if let Some(recorder) = &self.running.recorder {
                        let thread = thread.unwrap_or(Tid::from_number(0));
                        recorder.with(|armed| armed.freeze_opened(number, thread, since_ms));
                    }
                }
                (Act::Close { took_ms }, Some(_)) => {
                    if let Some(mut closed) = open.take() {
                        closed.freeze.went_on_until(took_ms);
                        closed.freeze.took_ms = took_ms.max(closed.freeze.threshold_ms);
                        closed.freeze.end = FreezeEnd::Recovered;
                        ended.push((number, closed));
                    }
                }
                _ => {}
            }
            if let (Act::Open | Act::Sample, Some(open)) = (act, open.as_mut()) {
                let stood_ms = follow.stood_ms(now_ms);
                let same = open
                    .freeze
                    .sample(&state.threads(), now_ms, stood_ms, names);
                follow.sampled(same);
                open.freeze.took_ms = stood_ms;
                let seen = Observation {
                    id: open.id,
                    at: open.at,
                    seen: Seen::Freeze(Box::new(open.freeze.clone())),
                };
                if let Some(report) = scrub(seen, &self.context) {
                    let _ = files::leave(permit, &self.run_files.freeze(number), &report);
                }
            }
            if shutdown && let Some(mut left) = open.take() {
                left.freeze.took_ms = follow.stood_ms(now_ms);
                left.freeze.went_on_until(left.freeze.took_ms);
                left.freeze.end = FreezeEnd::Exited;
                ended.push((number, left));
            }
            next = next
                .into_iter()
                .chain(follow.next_look(state.hang_ms, now_ms))
                .min();
        }
        for (number, OpenFreeze { id, at, freeze }) in ended {
            self.append(
                permit,
                Observation {
                    id,
                    at,
                    seen: Seen::Freeze(Box::new(freeze)),
                },
                now,
            );
            let _ = std::fs::remove_file(self.run_files.freeze(number));
            if let Some(recorder) = &self.running.recorder {
                recorder.with(candor_crash::Armed::freeze_closed);
            }
        }
        next
    }

    /// Follows watches that were made since, and leaves those that were dropped.
    fn adopt_watches(&mut self) {
        let followed = &mut self.freezes.followed;
        let mut watches = lock(&self.running.recordings.watches);
        watches.retain(|state| !state.is_dropped());
        for state in watches.iter() {
            let known = followed.iter().any(|it| Arc::ptr_eq(&it.state, state));
            let free = (0..OPEN_FREEZES).find(|free| followed.iter().all(|it| it.number != *free));
            if let (false, Some(number)) = (known, free) {
                followed.push(Followed {
                    number,
                    state: state.clone(),
                    follow: Follow::default(),
                    open: None,
                });
            }
        }
        drop(watches);
        followed.retain(|it| it.open.is_some() || !it.state.is_dropped());
    }
}
