//! Connection windows: ends them in time.

use super::Worker;
use crate::capture::{Observation, Seen};
use crate::clock::monotonic_micros;
use crate::consent::Permit;
use crate::upload::lock;
use candor_protocol::deidentify::ReportId;

/// The window that lasts.
#[derive(Debug)]
pub(super) struct Windows {
    /// Its number, and when it began.
    number: u64,
    began_micros: u64,
    /// The last flush that a window was ended for: one is enough, or there would always be something left.
    flush: u64,
}

impl Windows {
    pub(super) const fn begin(number: u64, began_micros: u64) -> Self {
        Self {
            number,
            began_micros,
            flush: 0,
        }
    }
}

impl Worker<'_> {
    /// Ends the connection window when it is over, or when somebody flushes. When the next one ends, in unix seconds.
    pub(super) fn close_window(&mut self, permit: &Permit<'_>, now: u64, flush: u64) -> u64 {
        let length = self.running.settings.settings.window.as_secs().max(1);
        let number = now / length;
        if number != self.windows.number || flush > self.windows.flush {
            self.windows.flush = flush;
            let now_micros = monotonic_micros();
            let seconds = (now_micros.saturating_sub(self.windows.began_micros) / 1_000_000)
                .clamp(1, 86_400) as u32;
            let at = self.windows.number * length;
            (self.windows.number, self.windows.began_micros) = (number, now_micros);
            let books = lock(&self.running.recordings.books).clone();
            for window in books.iter().flat_map(|book| book.take(now_micros, seconds)) {
                let id = ReportId::from_bytes(rand::random());
                self.append(
                    permit,
                    Observation {
                        id,
                        at,
                        seen: Seen::Connection(window),
                    },
                    now,
                );
            }
        }
        (number + 1) * length
    }
}
