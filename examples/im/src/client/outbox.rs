//! Messages on their way out. Each stays here, whatever becomes of the connection, until the server has acknowledged it. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::wire::Frame;

/// Messages of one session, in order.
#[derive(Debug)]
pub struct Outbox {
    limit: usize,
    messages: VecDeque<Outgoing>,
    last_id: u64,
    /// How many of `messages`, from the front, this connection has carried.
    carried: usize,
}

#[derive(Debug)]
struct Outgoing {
    id: u64,
    to: String,
    text: String,
    /// When this connection carried it; `None` when not yet, or when the clock was disturbed since.
    carried_at: Option<Instant>,
}

/// There are as many unacknowledged messages as the outbox holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// Holds at most `limit` messages.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            messages: VecDeque::new(),
            last_id: 0,
            carried: 0,
        }
    }

    /// Takes a message and gives it the next id.
    ///
    /// # Errors
    /// [`Full`]: nothing was taken.
    pub fn push(&mut self, to: String, text: String) -> Result<u64, Full> {
        if self.messages.len() >= self.limit {
            return Err(Full);
        }
        self.last_id += 1;
        self.messages.push_back(Outgoing {
            id: self.last_id,
            to,
            text,
            carried_at: None,
        });
        Ok(self.last_id)
    }

    /// The next message this connection has not carried yet; counts as carried from `now` on.
    pub fn next_to_carry(&mut self, now: Instant) -> Option<Frame> {
        let message = self.messages.get_mut(self.carried)?;
        self.carried += 1;
        message.carried_at = Some(now);
        Some(Frame::Message {
            id: message.id,
            to: message.to.clone(),
            text: message.text.clone(),
        })
    }

    /// The server has taken everything up to `id`: how many messages that were, and how long the last of them took on this connection.
    pub fn acknowledged(&mut self, id: u64, now: Instant) -> (usize, Option<Duration>) {
        let mut done = 0;
        let mut took = None;
        while self.messages.front().is_some_and(|m| m.id <= id) {
            if let Some(message) = self.messages.pop_front() {
                done += 1;
                took = message
                    .carried_at
                    .map(|at| now.saturating_duration_since(at));
            }
        }
        self.carried = self.carried.saturating_sub(done);
        (done, took)
    }

    /// The connection is gone: the next one carries everything again. The server takes no id twice.
    pub fn rewind(&mut self) {
        self.carried = 0;
        self.disturbed();
    }

    /// This thread was held up: the acknowledgements awaited now would tell about that, not about the network.
    pub fn disturbed(&mut self) {
        for message in &mut self.messages {
            message.carried_at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(frame: Option<Frame>) -> Option<u64> {
        match frame {
            Some(Frame::Message { id, .. }) => Some(id),
            _ => None,
        }
    }

    fn outbox(messages: usize) -> Outbox {
        let mut outbox = Outbox::new(5);
        for n in 0..messages {
            outbox.push("ben".into(), format!("text {n}")).unwrap();
        }
        outbox
    }

    #[test]
    fn messages_are_carried_in_order_and_an_acknowledgement_tells_how_long_it_took() {
        let start = Instant::now();
        let mut outbox = outbox(2);
        assert_eq!(id(outbox.next_to_carry(start)), Some(1));
        assert_eq!(id(outbox.next_to_carry(start)), Some(2));
        assert_eq!(id(outbox.next_to_carry(start)), None);
        let later = start + Duration::from_millis(30);
        assert_eq!(
            outbox.acknowledged(1, later),
            (1, Some(Duration::from_millis(30)))
        );
        assert_eq!(outbox.acknowledged(1, later), (0, None));
        outbox.push("ben".into(), "more".into()).unwrap();
        assert_eq!(id(outbox.next_to_carry(later)), Some(3));
    }

    #[test]
    fn a_new_connection_carries_again_what_was_not_acknowledged_under_the_same_ids() {
        let now = Instant::now();
        let mut outbox = outbox(3);
        while outbox.next_to_carry(now).is_some() {}
        outbox.acknowledged(1, now);
        outbox.rewind();
        assert_eq!(id(outbox.next_to_carry(now)), Some(2));
        assert_eq!(id(outbox.next_to_carry(now)), Some(3));
        assert_eq!(outbox.acknowledged(3, now).0, 2);
    }

    #[test]
    fn an_acknowledgement_of_a_message_carried_by_an_earlier_connection_tells_no_latency() {
        let now = Instant::now();
        let mut outbox = outbox(1);
        outbox.next_to_carry(now);
        outbox.disturbed();
        assert_eq!(
            outbox.acknowledged(1, now + Duration::from_secs(3)),
            (1, None)
        );
    }

    #[test]
    fn a_full_outbox_refuses_and_takes_again_once_something_was_acknowledged() {
        let mut outbox = outbox(5);
        assert_eq!(outbox.push("ben".into(), "one too many".into()), Err(Full));
        outbox.next_to_carry(Instant::now());
        outbox.acknowledged(1, Instant::now());
        assert_eq!(outbox.push("ben".into(), "fits".into()), Ok(6));
    }
}
