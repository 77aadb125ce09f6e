//! What the user of the app reads.

use std::io::Write;
use std::time::Duration;

use crate::client::Event;

/// Prints one line. A reader that is gone is no reason to stop, as it would be for `println!`.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// Turns events into lines; what happens many times a second is counted and told at the end.
#[derive(Debug, Default)]
pub struct Journal {
    acknowledged: Vec<Duration>,
    round_trips: Vec<Duration>,
    delivered: u64,
}

impl Journal {
    /// Takes note of `event`.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Ready { took } => say(&format!("connected in {} ms", took.as_millis())),
            Event::Failed { error, retry_in } => say(&format!(
                "no connection: {error}; again {}",
                later(*retry_in)
            )),
            Event::Lost { ending, retry_in } => say(&format!(
                "connection lost: {ending}; again {}",
                later(*retry_in)
            )),
            Event::Acknowledged { took, .. } => self.acknowledged.extend(took),
            Event::RoundTrip(took) => self.round_trips.push(*took),
            Event::Delivered { .. } => self.delivered += 1,
            Event::OutboxFull => say("too many messages wait already: this one was not taken"),
        }
    }

    /// What was counted.
    #[must_use]
    pub fn summary(&self) -> String {
        format!(
            "{} messages acknowledged in {}, {} pings answered in {}, {} messages received",
            self.acknowledged.len(),
            spread(&self.acknowledged),
            self.round_trips.len(),
            spread(&self.round_trips),
            self.delivered
        )
    }
}

fn later(wait: Duration) -> String {
    format!("in {} ms", wait.as_millis())
}

/// "12 ms (worst 80 ms)": the median and the maximum.
fn spread(times: &[Duration]) -> String {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    match (sorted.get(sorted.len() / 2), sorted.last()) {
        (Some(median), Some(worst)) => {
            format!("{} ms (worst {} ms)", median.as_millis(), worst.as_millis())
        }
        _ => "no time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_tells_medians_and_worst_cases_of_what_was_seen() {
        let mut journal = Journal::default();
        for (id, ms) in [(1, 30), (2, 10), (3, 90)] {
            journal.note(&Event::Acknowledged {
                id,
                took: Some(Duration::from_millis(ms)),
            });
        }
        journal.note(&Event::Delivered {
            from: "ben".into(),
            text: "hi".into(),
        });
        assert_eq!(
            journal.summary(),
            "3 messages acknowledged in 30 ms (worst 90 ms), 0 pings answered in no time, 1 messages received"
        );
    }
}
