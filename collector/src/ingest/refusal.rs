//! Everything that a request can be refused for, in two voices: what the sender hears, and what the log says. Neither quotes
//! what was sent, and the log does not know where it came from.

use crate::store::{BUSY, OVER_QUOTA};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use candor_protocol::deidentify::AppName;
use candor_protocol::{answer, batch, limits};

/// Seconds after which it is worth trying again when there is too much to do.
const BUSY_SECONDS: u64 = 2;

/// Seconds after which it is worth trying again when the disk is full or the store has a fault.
const UNAVAILABLE_SECONDS: u64 = 60;

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// No key, or not as a bearer token.
    MissingKey,
    /// A key that belongs to no app.
    UnknownKey,
    /// A key that is not taken any more.
    EndedKey,
    /// Another type of body than these.
    ContentType(&'static [&'static str]),
    /// Another encoding than this one.
    ContentEncoding(&'static str),
    /// It does not say whether there is a body.
    LengthRequired,
    /// The body is larger than this as it was sent.
    BodyTooLarge(usize),
    /// The body did not arrive in time.
    SlowBody,
    /// The body broke off.
    BrokenBody,
    /// The batch cannot be read as a whole.
    Batch(batch::Refused),
    /// A report of the batch is of an installation whose reports were erased.
    Erased {
        /// Its line, from 1.
        line: u32,
        /// How many reports the batch holds.
        reports: u32,
    },
    /// The reports may not be kept in the region of this collector.
    Region(String),
    /// A request for erasure that cannot be read.
    Erasure(&'static str),
    /// More is being done than is accepted at a time.
    Busy,
    /// The app had its share of the day.
    OverQuota {
        /// How many reports are sent away.
        reports: u32,
        /// Seconds until the next day.
        after: u64,
    },
    /// The store cannot write now; why is for the log.
    Unavailable(String),
    /// A fault of the collector; which is for the log.
    Fault(String),
}

impl Refusal {
    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::MissingKey | Self::UnknownKey | Self::EndedKey => StatusCode::UNAUTHORIZED,
            Self::ContentType(_) | Self::ContentEncoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::LengthRequired => StatusCode::LENGTH_REQUIRED,
            Self::BodyTooLarge(_) | Self::Batch(batch::Refused::TooLarge) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenBody | Self::Batch(_) | Self::Erasure(_) => StatusCode::BAD_REQUEST,
            Self::Erased { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            // As a key that is not known: somebody has to mend it, and until then nothing is lost.
            Self::Region(_) => StatusCode::FORBIDDEN,
            Self::OverQuota { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Fault(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The word for programs, also in the ledger.
    pub fn word(&self) -> &'static str {
        match self {
            Self::MissingKey => "missing_key",
            Self::UnknownKey => "unknown_key",
            Self::EndedKey => "ended_key",
            Self::ContentType(_) => "content_type",
            Self::ContentEncoding(_) => "content_encoding",
            Self::LengthRequired => "length_required",
            Self::BodyTooLarge(_) | Self::Batch(batch::Refused::TooLarge) => "too_large",
            Self::SlowBody => "slow_body",
            Self::BrokenBody => "broken_body",
            Self::Batch(batch::Refused::Gzip) => "bad_gzip",
            Self::Batch(batch::Refused::NotText) => "not_text",
            Self::Batch(batch::Refused::Header(_)) => "bad_header",
            Self::Batch(batch::Refused::UnknownVersion(_)) => "unknown_version",
            Self::Batch(batch::Refused::UnknownCatalogue(_)) => "unknown_catalogue",
            Self::Batch(batch::Refused::TooMany) => "too_many_reports",
            Self::Erased { .. } => "erased",
            Self::Region(_) => answer::WRONG_REGION,
            Self::Erasure(_) => "bad_erasure",
            Self::Busy => BUSY,
            Self::OverQuota { .. } => OVER_QUOTA,
            Self::Unavailable(_) => "unavailable",
            Self::Fault(_) => "fault",
        }
    }

    /// What the sender hears.
    fn message(&self) -> String {
        match self {
            Self::MissingKey => "send the app's ingest key as `Authorization: Bearer KEY`".to_owned(),
            Self::UnknownKey => "this ingest key belongs to no app here; `candor-collector app add` makes one".to_owned(),
            Self::EndedKey => "this ingest key was revoked; `candor-collector keys add` makes another one".to_owned(),
            Self::ContentType(accepted) => format!("the body's type must be one of: {}", accepted.join(", ")),
            Self::ContentEncoding(accepted) => format!("the body's encoding must be {accepted}"),
            Self::LengthRequired => "say how long the body is (Content-Length), or send it in chunks".to_owned(),
            Self::BodyTooLarge(limit) => format!("a body is at most {limit} bytes as it is sent; send fewer reports"),
            Self::SlowBody => "the body did not arrive in time; send it again".to_owned(),
            Self::BrokenBody => "the body broke off; send it again".to_owned(),
            Self::Batch(refused) => refused.to_string(),
            Self::Erased { .. } => "this report is of an installation, a release or a time whose reports were erased on request; \
                                    nothing of the batch was stored"
                .to_owned(),
            Self::Region(why) => format!("nothing of the batch was stored: {why}"),
            Self::Erasure(reason) => (*reason).to_owned(),
            Self::Busy => "too many batches are being stored at the moment; try again after the given time".to_owned(),
            Self::OverQuota { .. } => "the app has sent as many reports as are taken in a day; try again after the given time".to_owned(),
            Self::Unavailable(_) => "nothing can be stored at the moment; try again after the given time".to_owned(),
            Self::Fault(_) => "the collector has a fault and stored nothing; try again after the given time".to_owned(),
        }
    }

    fn line(&self) -> Option<u32> {
        match self {
            Self::Erased { line, .. } => Some(*line),
            Self::Batch(
                batch::Refused::Header(_)
                | batch::Refused::UnknownVersion(_)
                | batch::Refused::UnknownCatalogue(_),
            ) => Some(1),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Busy => Some(BUSY_SECONDS),
            Self::OverQuota { after, .. } => Some(*after),
            Self::Unavailable(_) | Self::Fault(_) => Some(UNAVAILABLE_SECONDS),
            _ => None,
        }
    }

    /// Whether sending the same again would be refused again, so that it counts as refused; the others will come again.
    pub(super) fn is_final(&self) -> bool {
        !matches!(
            self,
            Self::SlowBody
                | Self::BrokenBody
                | Self::Busy
                | Self::OverQuota { .. }
                | Self::Region(_)
                | Self::Unavailable(_)
                | Self::Fault(_)
                | Self::Batch(batch::Refused::Gzip)
        )
    }

    /// How many reports are refused; one where that is not known.
    pub(super) fn reports(&self) -> u32 {
        match self {
            Self::Erased { reports, .. } | Self::OverQuota { reports, .. } => *reports,
            _ => 1,
        }
    }

    /// What the log says.
    pub(super) fn log(&self, app: Option<&AppName>) {
        let app = app.map(tracing::field::display);
        let (reason, line) = (self.word(), self.line());
        match self {
            Self::Unavailable(why) | Self::Fault(why) => {
                tracing::error!(app, reason, why, "a request was not served")
            }
            // Whoever sends too much must not fill the log as well; what was sent away is logged in sum.
            Self::Busy | Self::OverQuota { .. } => {
                tracing::debug!(app, reason, "a request was sent away");
            }
            // Nobody who has a key.
            _ if app.is_none() => tracing::debug!(reason, "a request was refused"),
            Self::Batch(batch::Refused::Header(why)) => {
                tracing::warn!(app, reason, why, "a batch was refused")
            }
            _ => tracing::warn!(app, reason, line, "a request was refused"),
        }
    }
}

/// The largest body of a request for erasure in bytes: a pseudonym has 34 characters and a comma, with room for layout.
pub(super) const ERASURE_BYTES: usize = limits::ERASURE_PSEUDONYMS * 64;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = answer::Refusal {
            error: self.word().to_owned(),
            message: self.message(),
            line: self.line(),
        };
        let mut response = json(self.status(), &body);
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// An answer of JSON.
pub(crate) fn json(status: StatusCode, body: &impl serde::Serialize) -> Response {
    // The types that are answered have nothing that JSON cannot hold.
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
