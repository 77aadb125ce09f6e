//! Sending: what a carrier does, and the guard that no carrier can pass without a permit.

use crate::consent::Permit;
use candor_protocol::answer::{Accepted, Erasure};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// A request to the collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Path below the collector's address, such as `/v1/batches`.
    pub path: &'static str,
    /// Ingest key, to be sent as `Authorization: Bearer KEY`.
    pub key: String,
    /// `Content-Type` of the body.
    pub content_type: &'static str,
    /// Whether the body is gzip, to be sent as `Content-Encoding: gzip`.
    pub gzip: bool,
    /// What the collector need not say again, to be sent as `If-None-Match: "TAG"`. A carrier that leaves it out makes answers
    /// somewhat longer.
    pub known: Option<String>,
    /// The body.
    pub body: Vec<u8>,
}

/// What became of a request, and thereby what to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(
    clippy::large_enum_variant,
    reason = "there is one at a time, and none is kept"
)]
pub enum Outcome {
    /// The collector has it on its disk: forget it.
    Delivered,
    /// The same, and this is what it said: see [`Outcome::of_answer`].
    Answered(Accepted),
    /// Larger than the collector takes: send less at once.
    TooLarge,
    /// The collector will never take it.
    Refused {
        /// The line of the batch that is at fault, from 1.
        line: Option<u32>,
    },
    /// The ingest key is not known: nothing can be sent until somebody mends that.
    KeyRefused,
    /// The collector is not in the region that the reports are to be kept in, or does not say so: nothing is sent there.
    OtherRegion,
    /// Not now.
    TryLater {
        /// What the collector asked for in `Retry-After`.
        after: Option<Duration>,
    },
}

impl Outcome {
    /// What an answer of HTTP means: its status, its `Retry-After` header and its body. For hosts that bring a carrier of their
    /// own.
    pub fn of_answer(status: u16, retry_after: Option<&str>, body: &[u8]) -> Self {
        super::answer::understand(status, retry_after, body, crate::clock::unix_seconds())
    }
}

/// A request on its way.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// What carries requests to the collector. The built-in one speaks HTTP; a host may bring its own.
///
/// It is called on a thread of the agent, inside a tokio runtime with time enabled, one request at a time. It may be
/// dropped while it sends, when the user withdraws. It must not call back into the agent.
pub trait Carrier: Send + Sync {
    /// Sends one request. Must end by itself within a minute or so, whatever the network does.
    fn send(&self, request: Request) -> Sending<'_>;
}

/// The agent's side of a carrier: takes proof that sending is allowed.
#[derive(Clone)]
pub(crate) struct Transport {
    carrier: Arc<dyn Carrier>,
    key: String,
}

/// Proof that the user withdrew: allows the one message that may still be sent.
#[derive(Debug)]
pub(crate) struct LastWord(());

impl LastWord {
    /// Only for a request for erasure that is on the disk.
    pub(crate) fn of(_: &Erasure) -> Self {
        Self(())
    }
}

impl Transport {
    pub(crate) fn new(carrier: Arc<dyn Carrier>, key: String) -> Self {
        Self { carrier, key }
    }

    /// Sends a batch; gives up at once when the user withdraws.
    pub(crate) async fn send(
        &self,
        permit: &Permit<'_>,
        batch: Vec<u8>,
        known: Option<String>,
    ) -> Option<Outcome> {
        let request = Request {
            path: "/v1/batches",
            key: self.key.clone(),
            content_type: "application/x-ndjson",
            gzip: true,
            known,
            body: batch,
        };
        permit.while_open(self.carrier.send(request)).await
    }

    /// Asks for erasure.
    pub(crate) async fn erase(&self, _: LastWord, erasure: &Erasure) -> Outcome {
        let Ok(body) = serde_json::to_vec(erasure) else {
            return Outcome::TryLater { after: None };
        };
        let request = Request {
            path: "/v1/erasures",
            key: self.key.clone(),
            content_type: "application/json",
            gzip: false,
            known: None,
            body,
        };
        self.carrier.send(request).await
    }
}
