//! Bytes to stored reports. What is wrong is refused by name, never repaired, and nothing is stored of it.

mod batches;
mod body;
mod decode;
mod erasures;
mod newer;
mod places;
mod quota;
mod refusal;
mod turned;

pub use refusal::Refusal;
pub(crate) use refusal::json;

use crate::access::{KeyHash, KeyRing, Presented, Sender};
use crate::metrics::Stage;
use crate::state::State;
use crate::store::{Arrival, Store, StoreError, is_limit};
use axum::Router;
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};
use axum::routing::post;
use places::{Held, Places};
use quota::Today;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use turned::Turned;

/// How much is done at a time; everything above is refused at once with `Retry-After`, so that there is no queue that nobody
/// sees. An app that is alone may take half of the places and of the memory; see `places.rs` for how several share them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections that are open at a time.
    pub connections: usize,
    /// How long the head of a request may take to arrive, and how long a connection may be idle.
    pub head: Duration,
    /// How long a body may take to arrive.
    pub body: Duration,
    /// Requests whose body is being read.
    pub reading: usize,
    /// Bytes of all those bodies together, as they were announced.
    pub reading_bytes: usize,
    /// Requests that are decoded or wait for the store.
    pub working: usize,
    /// Bytes of memory that those take together.
    pub working_bytes: usize,
    /// Reports of one app that are taken in a day (UTC), unless something else was agreed on for it; `None` for any number.
    pub daily_reports: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
            reading: 1_024,
            reading_bytes: 20 << 20,
            working: 128,
            working_bytes: 40 << 20,
            daily_reports: None,
        }
    }
}

/// The routes that agents use, for whoever serves them in a way of its own. What was sent away is counted in figures, not in the
/// ledger.
pub fn router<S: Store>(state: State<S>, limits: Limits) -> Router {
    Ingest::new(state, limits).router()
}

/// What is held in memory for each byte of a batch: its text, its reports as they were sent, and what they were read to.
const HELD_PER_BYTE: usize = 3;

/// What the handlers of ingest share.
pub(crate) struct Ingest<S> {
    state: State<S>,
    ring: Arc<KeyRing>,
    reading: Arc<Places>,
    working: Arc<Places>,
    /// Batches that are decoded at the same time: more than there are processors would only make all of them late.
    decoding: Arc<Semaphore>,
    today: Arc<Today>,
    turned: Arc<Turned>,
    limits: Limits,
}

impl<S> Clone for Ingest<S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            ring: self.ring.clone(),
            reading: self.reading.clone(),
            working: self.working.clone(),
            decoding: self.decoding.clone(),
            today: self.today.clone(),
            turned: self.turned.clone(),
            limits: self.limits,
        }
    }
}

impl<S: Store> Ingest<S> {
    pub(crate) fn new(state: State<S>, limits: Limits) -> Self {
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            state,
            ring: Arc::default(),
            reading: Places::new(Held {
                places: limits.reading,
                bytes: limits.reading_bytes,
            }),
            working: Places::new(Held {
                places: limits.working,
                bytes: limits.working_bytes,
            }),
            decoding: Arc::new(Semaphore::new(processors)),
            today: Arc::default(),
            turned: Arc::default(),
            limits,
        }
    }

    /// The routes that agents use.
    pub(crate) fn router(&self) -> Router {
        Router::new()
            .route("/v1/batches", post(batches::take::<S>))
            .route("/v1/erasures", post(erasures::take::<S>))
            .with_state(self.clone())
    }

    /// Writes down what is only counted in memory.
    pub(crate) async fn write_down(&self) {
        self.turned.write_down(&*self.state.store).await;
    }

    /// Places and bytes that are taken, by what is done there.
    pub(crate) fn taken(&self) -> [(Stage, usize, usize); 2] {
        [
            (Stage::Reading, self.reading.all()),
            (Stage::Working, self.working.all()),
        ]
        .map(|(stage, held)| (stage, held.places, held.bytes))
    }

    /// Whose key is presented.
    async fn authenticate(&self, headers: &HeaderMap) -> Result<Sender, Refusal> {
        let header = headers.get(AUTHORIZATION).ok_or(Refusal::MissingKey)?;
        let (scheme, key) = header
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or(Refusal::MissingKey)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(Refusal::MissingKey);
        }
        let key = KeyHash::of_presented(key.trim()).ok_or(Refusal::UnknownKey)?;
        let (store, now) = (&*self.state.store, self.state.clock.now());
        match self.ring.present(store, key, now).await? {
            Presented::Taken(sender) => Ok(sender),
            Presented::Ended(_) => Err(Refusal::EndedKey),
            Presented::Unknown => Err(Refusal::UnknownKey),
            Presented::TooMany => Err(Refusal::Busy),
        }
    }

    /// When something of a sender arrives that arrives now.
    fn arrival(&self, sender: &Sender) -> Arrival {
        Arrival {
            at: self.state.clock.now(),
            key: Some(sender.key),
        }
    }

    /// Notes in the ledger that reports were refused. What the store cannot count is only logged: the sender hears the refusal
    /// all the same.
    async fn count(&self, sender: &Sender, refusal: &Refusal) {
        let (reason, reports) = (refusal.word(), refusal.reports());
        if is_limit(reason) {
            let now = self.state.clock.now();
            self.turned.count(sender, reason, reports, now);
            self.state.metrics.limited(reason, reports);
        } else if refusal.is_final() {
            self.refused(sender, reason, reports).await;
        }
    }

    /// Counts reports that were refused for good.
    async fn refused(&self, sender: &Sender, reason: &'static str, reports: u32) {
        let (app, arrival) = (&sender.app, self.arrival(sender));
        self.today.count(sender, reports.into(), arrival.at);
        self.state.metrics.refused(reason, reports);
        let counting = self
            .state
            .store
            .count_refused(app, reason, reports, arrival);
        if let Err(error) = counting.await {
            tracing::warn!(%app, %error, reason, "a refusal could not be counted");
        }
    }
}

/// Whether the body may be of this type; a sender that says nothing is believed.
fn check_type(headers: &HeaderMap, accepted: &'static [&'static str]) -> Result<(), Refusal> {
    match headers.get(CONTENT_TYPE) {
        None => Ok(()),
        Some(value) => {
            let essence = value
                .to_str()
                .ok()
                .and_then(|text| text.split(';').next())
                .unwrap_or_default()
                .trim();
            let fits = accepted
                .iter()
                .any(|accepted| essence.eq_ignore_ascii_case(accepted));
            if fits {
                Ok(())
            } else {
                Err(Refusal::ContentType(accepted))
            }
        }
    }
}

/// Whether the body may be encoded like this.
fn check_encoding(headers: &HeaderMap, accepted: &'static str) -> Result<(), Refusal> {
    match headers.get(CONTENT_ENCODING) {
        None => Ok(()),
        Some(value) if value.as_bytes().eq_ignore_ascii_case(accepted.as_bytes()) => Ok(()),
        Some(_) => Err(Refusal::ContentEncoding(accepted)),
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Busy,
            StoreError::Unavailable(_) | StoreError::Stopped => {
                Self::Unavailable(error.to_string())
            }
            StoreError::AppExists | StoreError::NoApp | StoreError::Fault(_) => {
                Self::Fault(error.to_string())
            }
        }
    }
}
