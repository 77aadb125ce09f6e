//! What arrived at a sink, in the words of both wire formats: Candor's batches and Sentry's envelopes.

use candor_protocol::deidentify::ReportId;
use candor_protocol::report::{Kind, Report, What};
use serde_json::Value;
use std::collections::BTreeSet;

/// What arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests.
    pub requests: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Crashes and panics (ours), events (Sentry's); each once, however often it arrived.
    pub events: u64,
    /// Events that were lost and are told of.
    pub told_lost: u64,
    /// Heartbeat round trips (ours, inside connection windows), metrics (Sentry's).
    pub measured: u64,
    /// Measurements that were lost and are told of.
    pub told_lost_measured: u64,
    /// Requests that are in neither format.
    pub unknown: u64,
    seen: BTreeSet<ReportId>,
}

impl Tally {
    /// Counts one request.
    pub fn request(&mut self, gzip: bool, body: &[u8]) {
        self.requests += 1;
        self.bytes += body.len() as u64;
        let known = if gzip {
            self.batch(body)
        } else {
            self.envelope(body)
        };
        if known.is_none() && !body.is_empty() {
            self.unknown += 1;
        }
    }

    fn batch(&mut self, body: &[u8]) -> Option<()> {
        let batch = candor_protocol::batch::unpack(body).ok()?;
        for (_, line) in batch.lines() {
            let report = Report::from_json(line).ok()?;
            if !self.seen.insert(report.id) {
                continue;
            }
            match &report.what {
                What::Crash(_) => self.events += 1,
                What::Connection(window) => self.measured += window.rtt_us.count(),
                What::Loss(loss) => {
                    let crashes = loss.lost.iter().filter(|lost| lost.kind == Kind::Crash);
                    self.told_lost += crashes.map(|lost| u64::from(lost.count)).sum::<u64>();
                }
                What::Freeze(_) | What::Run(_) => {}
            }
        }
        Some(())
    }

    /// An envelope is a line of JSON, then items: each a line of JSON with a type and perhaps a length, and a body.
    fn envelope(&mut self, body: &[u8]) -> Option<()> {
        let (_, mut rest) = split(body)?;
        while !rest.is_empty() {
            let (head, after) = split(rest)?;
            let head: Value = serde_json::from_slice(head).ok()?;
            let item = match head["length"].as_u64() {
                Some(length) => after.get(..usize::try_from(length).ok()?)?,
                None => split(after)?.0,
            };
            rest = after.get(item.len()..)?;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            self.item(&head, item);
        }
        Some(())
    }

    fn item(&mut self, head: &Value, item: &[u8]) {
        match head["type"].as_str() {
            Some("event") => self.events += 1,
            Some("trace_metric") => self.measured += head["item_count"].as_u64().unwrap_or(0),
            Some("client_report") => {
                let report: Value = serde_json::from_slice(item).unwrap_or_default();
                for lost in report["discarded_events"].as_array().into_iter().flatten() {
                    let count = lost["quantity"].as_u64().unwrap_or(0);
                    match lost["category"].as_str() {
                        Some("error") => self.told_lost += count,
                        Some("trace_metric") => self.told_lost_measured += count,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    Some(match end {
        Some(end) => (bytes.get(..end)?, bytes.get(end + 1..)?),
        None => (bytes, &[]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_is_counted_item_by_item() {
        let envelope = concat!(
            "{\"event_id\":\"0\"}\n",
            "{\"type\":\"event\",\"length\":9}\n{\"a\":\"\n\"}\n",
            "{\"type\":\"trace_metric\",\"item_count\":7}\n{}\n",
            "{\"type\":\"client_report\"}\n",
            "{\"discarded_events\":[{\"category\":\"error\",\"quantity\":3},{\"category\":\"span\",\"quantity\":2}]}\n",
        );
        let mut tally = Tally::default();
        tally.request(false, envelope.as_bytes());
        assert_eq!((tally.events, tally.measured, tally.told_lost), (1, 7, 3));
        assert_eq!(tally.unknown, 0);
    }

    #[test]
    fn what_is_in_neither_format_is_noticed() {
        let mut tally = Tally::default();
        tally.request(true, b"no gzip");
        tally.request(false, b"{}\nno item");
        assert_eq!((tally.requests, tally.unknown), (2, 2));
    }
}
