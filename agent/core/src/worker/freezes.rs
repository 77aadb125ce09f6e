//! Freezes: follows every watched thread, and tells of those that stood still.

use super::Worker;
use crate::capture::freeze::{Act, Follow, Freeze, State};
use crate::capture::past::OPEN_FREEZES;
use crate::capture::{Observation, Seen};
use crate::consent::Permit;
use crate::deidentify::scrub;
use crate::files;
use crate::upload::lock;
use candor_crash::{Tid, boottime_millis};
use candor_protocol::deidentify::ReportId;
use candor_protocol::report::FreezeEnd;
use std::sync::Arc;

/// A freeze that is going on.
struct OpenFreeze {
    id: ReportId,
    at: u64,
    freeze: Freeze,
}

/// A watch that is followed.
pub(super) struct Followed {
    state: Arc<State>,
    follow: Follow,
    open: Option<OpenFreeze>,
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
        let mut ended = Vec::new();
        let mut next = None;
        for (index, followed) in (0u16..).zip(&mut self.followed) {
            let Followed {
                state,
                follow,
                open,
            } = followed;
            let look = state.look();
            if look.turn != 0 {
                state.suspect(look.turn);
            }
            let thread = Tid::from_number(state.thread().0);
            let act = follow.step(look, state.threshold_ms, now_ms, late_ms);
            match (act, &mut *open) {
                (Act::Open, _) => {
                    let freeze = Freeze::begin(state, look.turn);
                    *open = Some(OpenFreeze {
                        id: ReportId::from_bytes(rand::random()),
                        at: now,
                        freeze,
                    });
                    let since_ms = boottime_millis().saturating_sub(follow.stood_ms(now_ms));
                    if let Some(recorder) = &self.running.recorder {
                        recorder.with(|armed| armed.freeze_opened(index, thread, since_ms));
                    }
                }
                (Act::Close { took_ms }, Some(_)) => {
                    if let Some(mut closed) = open.take() {
                        closed.freeze.took_ms = took_ms.max(closed.freeze.threshold_ms);
                        closed.freeze.end = FreezeEnd::Recovered;
                        ended.push((index, closed));
                    }
                }
                _ => {}
            }
            if let (Act::Open | Act::Sample, Some(open)) = (act, open.as_mut()) {
                let same = open.freeze.sample(thread);
                follow.sampled(same);
                open.freeze.took_ms = follow.stood_ms(now_ms);
                let seen = Observation {
                    id: open.id,
                    at: open.at,
                    seen: Seen::Freeze(open.freeze.clone()),
                };
                if let Some(report) = scrub(seen, &self.context) {
                    let _ = files::save(permit, &self.run_files.freeze(index), &report);
                }
            }
            if shutdown && let Some(mut left) = open.take() {
                left.freeze.took_ms = follow.stood_ms(now_ms);
                left.freeze.end = FreezeEnd::Exited;
                ended.push((index, left));
            }
            next = next
                .into_iter()
                .chain(follow.next_look(state.threshold_ms, now_ms))
                .min();
        }
        for (index, OpenFreeze { id, at, freeze }) in ended {
            self.append(
                permit,
                Observation {
                    id,
                    at,
                    seen: Seen::Freeze(freeze),
                },
                now,
            );
            let _ = std::fs::remove_file(self.run_files.freeze(index));
            if let Some(recorder) = &self.running.recorder {
                recorder.with(candor_crash::Armed::freeze_closed);
            }
        }
        next
    }

    /// Follows watches that were made since, and leaves those that were dropped.
    fn adopt_watches(&mut self) {
        let mut watches = lock(&self.running.recordings.watches);
        watches.retain(|state| !state.is_dropped());
        for state in watches.iter() {
            let known = self
                .followed
                .iter()
                .any(|followed| Arc::ptr_eq(&followed.state, state));
            if !known && self.followed.len() < usize::from(OPEN_FREEZES) {
                self.followed.push(Followed {
                    state: state.clone(),
                    follow: Follow::default(),
                    open: None,
                });
            }
        }
        drop(watches);
        self.followed
            .retain(|followed| followed.open.is_some() || !followed.state.is_dropped());
    }
}
