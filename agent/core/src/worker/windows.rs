//! Connection windows: ends them in time.
//!
//! A window that waits and has never been sent takes in the next one, as long as reports tell the same time for both: two
//! reports of the same hour about the same connection would say no more than one. So a connection that fares well for a day
//! costs a few reports an hour on the wire, and is on the disk after every minute all the same.

use super::Worker;
use crate::capture::connection::Window;
use crate::capture::{Observation, Seen, network};
use crate::clock::monotonic_micros;
use crate::consent::Permit;
use crate::deidentify::scrub;
use crate::spool::Appended;
use crate::upload::lock;
use candor_protocol::deidentify::ReportId;
use candor_protocol::moment::Moment;
use std::sync::atomic::Ordering::Relaxed;

/// The window that lasts, and those that are over and may still grow.
#[derive(Debug)]
pub(super) struct Windows {
    /// Its number, and when it began.
    number: u64,
    began_micros: u64,
    /// The last flush that a window was ended for: one is enough, or there would always be something left.
    flush: u64,
    growing: Vec<Growing>,
}

/// A window in the spool.
#[derive(Debug)]
struct Growing {
    id: ReportId,
    /// When it began, in unix seconds.
    at: u64,
    window: Window,
}

impl Windows {
    pub(super) const fn begin(number: u64, began_micros: u64) -> Self {
        Self {
            number,
            began_micros,
            flush: 0,
            growing: Vec::new(),
        }
    }
}

impl Worker<'_> {
    /// Looks which kind of network this is, where nobody tells it.
    pub(super) fn look_at_network(&self) {
        let recordings = &self.running.recordings;
        if !recordings.switch.told.load(Relaxed)
            && let Some(network) = network::look()
        {
            recordings.moved_to(network);
        }
    }

    /// Ends the connection window when it is over, or when somebody flushes. When the next one ends, in unix seconds.
    pub(super) fn close_window(&mut self, permit: &Permit<'_>, now: u64, flush: u64) -> u64 {
        let length = self.running.settings.settings.window.as_secs().max(1);
        let number = now / length;
        if number != self.windows.number || flush > self.windows.flush {
            self.windows.flush = flush;
            let now_micros = monotonic_micros();
            // To the nearest, so that windows that are put together stay as long as they were.
            let seconds = ((now_micros.saturating_sub(self.windows.began_micros) + 500_000)
                / 1_000_000)
                .clamp(1, 86_400) as u32;
            let at = self.windows.number * length;
            (self.windows.number, self.windows.began_micros) = (number, now_micros);
            let books = lock(&self.running.recordings.books).clone();
            for window in books.iter().flat_map(|book| book.take(now_micros, seconds)) {
                self.tell_window(permit, at, window, now);
            }
        }
        (number + 1) * length
    }

    fn tell_window(&mut self, permit: &Permit<'_>, at: u64, window: Window, now: u64) {
        let precision = self.context.precision;
        let told = |at| Moment::round(at, precision);
        let growing = &mut self.windows.growing;
        growing.retain(|one| told(one.at) == told(at));
        let known = growing
            .iter()
            .position(|one| one.window.continues_with(&window));
        if let Some(index) = known {
            let Growing {
                id,
                at: began,
                window: mut whole,
            } = growing.swap_remove(index);
            whole.merge(window.clone());
            let report = scrub(self.observe(id, began, &whole), &self.context);
            let mut spool = lock(&self.spool);
            if report.is_some_and(|report| spool.replace(permit, &report)) {
                if !whole.is_calm() {
                    spool.wanted(id);
                }
                drop(spool);
                self.windows.growing.push(Growing {
                    id,
                    at: began,
                    window: whole,
                });
                return;
            }
        }
        let id = ReportId::from_bytes(rand::random());
        if self.append(permit, self.observe(id, at, &window), now) == Some(Appended::Kept) {
            if window.is_calm() {
                lock(&self.spool).calm(id);
            }
            self.windows.growing.push(Growing { id, at, window });
        }
    }

    fn observe(&self, id: ReportId, at: u64, window: &Window) -> Observation {
        Observation {
            id,
            at,
            seen: Seen::Connection(Box::new(window.clone())),
        }
    }
}
