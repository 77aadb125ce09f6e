//! When to ask the server whether it is still there, and when to stop believing it. Pure.

use std::time::{Duration, Instant};

/// The pings of one connection.
#[derive(Debug)]
pub struct Heartbeat {
    every: Duration,
    patience: Duration,
    next_ping: Instant,
    count: u64,
    pending: Option<Pending>,
}

#[derive(Debug)]
struct Pending {
    n: u64,
    deadline: Instant,
    /// `None` when this thread was held up since, and the answer will not tell the round trip.
    sent: Option<Instant>,
}

/// What the clock asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Beat {
    /// Nothing until then.
    WaitUntil(Instant),
    /// Send a ping with this number.
    Ping(u64),
    /// The server has not answered for too long: give the connection up.
    GiveUp,
}

impl Heartbeat {
    /// Pings `every` so often, gives up when an answer takes longer than `patience`. The first ping is due at `now`.
    #[must_use]
    pub fn new(every: Duration, patience: Duration, now: Instant) -> Self {
        Self {
            every,
            patience,
            next_ping: now,
            count: 0,
            pending: None,
        }
    }

    /// What to do at `now`.
    pub fn beat(&mut self, now: Instant) -> Beat {
        if let Some(pending) = &self.pending {
            return if now < pending.deadline {
                Beat::WaitUntil(pending.deadline)
            } else {
                Beat::GiveUp
            };
        }
        if now < self.next_ping {
            return Beat::WaitUntil(self.next_ping);
        }
        self.count += 1;
        self.next_ping = now + self.every;
        self.pending = Some(Pending {
            n: self.count,
            deadline: now + self.patience,
            sent: Some(now),
        });
        Beat::Ping(self.count)
    }

    /// The answer to ping `n` is here: the round trip, if it can be told.
    pub fn pong(&mut self, n: u64, now: Instant) -> Option<Duration> {
        let pending = self.pending.take_if(|p| p.n == n)?;
        Some(now.saturating_duration_since(pending.sent?))
    }

    /// This thread was held up until `now`: an answer may lie unread, and is given its whole time again.
    pub fn disturbed(&mut self, now: Instant) {
        if let Some(pending) = &mut self.pending {
            pending.sent = None;
            pending.deadline = now + self.patience;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: Duration = Duration::from_secs(20);
    const PATIENCE: Duration = Duration::from_secs(5);

    #[test]
    fn a_ping_is_answered_and_the_next_is_due_an_interval_after_it() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(EVERY, PATIENCE, start);
        assert_eq!(heartbeat.beat(start), Beat::Ping(1));
        assert_eq!(heartbeat.beat(start), Beat::WaitUntil(start + PATIENCE));
        let answered = start + Duration::from_millis(80);
        assert_eq!(heartbeat.pong(1, answered), Some(Duration::from_millis(80)));
        assert_eq!(heartbeat.beat(answered), Beat::WaitUntil(start + EVERY));
        assert_eq!(heartbeat.beat(start + EVERY), Beat::Ping(2));
    }

    #[test]
    fn a_server_that_does_not_answer_in_time_is_given_up() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(EVERY, PATIENCE, start);
        heartbeat.beat(start);
        assert_eq!(heartbeat.beat(start + PATIENCE), Beat::GiveUp);
    }

    #[test]
    fn an_answer_to_another_ping_is_no_answer() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(EVERY, PATIENCE, start);
        heartbeat.beat(start);
        assert_eq!(heartbeat.pong(7, start), None);
        assert_eq!(heartbeat.beat(start + PATIENCE), Beat::GiveUp);
    }

    #[test]
    fn a_thread_that_was_held_up_neither_blames_the_server_nor_measures_itself() {
        let start = Instant::now();
        let mut heartbeat = Heartbeat::new(EVERY, PATIENCE, start);
        heartbeat.beat(start);
        let awake = start + Duration::from_secs(9);
        heartbeat.disturbed(awake);
        assert_eq!(heartbeat.beat(awake), Beat::WaitUntil(awake + PATIENCE));
        assert_eq!(heartbeat.pong(1, awake), None);
        assert_eq!(heartbeat.beat(start + EVERY), Beat::Ping(2));
    }
}
