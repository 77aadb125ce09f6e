//! The built-in carrier: HTTP by reqwest.

use super::transport::{Carrier, Outcome, Request, Sending};
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, IF_NONE_MATCH, RETRY_AFTER};
use std::time::Duration;

/// A connection that is not there by then will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte sent to the last byte received: half a MiB at 16 KiB/s.
const TIMEOUT: Duration = Duration::from_secs(35);
/// An answer is a few numbers or a sentence; the rest of a longer one is not read.
const ANSWER_BYTES: usize = 8 * 1024;

/// Sends requests to one collector.
pub(crate) struct Http {
    base: String,
    client: reqwest::Client,
}

impl Http {
    /// A client for the collector at `base`. `None` when TLS cannot be set up.
    pub(crate) fn new(base: &str) -> Option<Self> {
        #[cfg(feature = "tls")]
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .pool_max_idle_per_host(1)
            .build()
            .ok()?;
        Some(Self {
            base: base.trim_end_matches('/').to_owned(),
            client,
        })
    }
}

impl Carrier for Http {
    fn send(&self, request: Request) -> Sending<'_> {
        Box::pin(async move {
            let mut building = self
                .client
                .post(format!("{}{}", self.base, request.path))
                .header(AUTHORIZATION, format!("Bearer {}", request.key))
                .header(CONTENT_TYPE, request.content_type);
            if request.gzip {
                building = building.header(CONTENT_ENCODING, "gzip");
            }
            if let Some(known) = request.known {
                building = building.header(IF_NONE_MATCH, format!("\"{known}\""));
            }
            let Ok(mut answer) = building.body(request.body).send().await else {
                return Outcome::TryLater { after: None };
            };
            let status = answer.status().as_u16();
            let retry_after = answer
                .headers()
                .get(RETRY_AFTER)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned);
            let mut body = Vec::new();
            while let Ok(Some(chunk)) = answer.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() > ANSWER_BYTES {
                    break;
                }
            }
            Outcome::of_answer(status, retry_after.as_deref(), &body)
        })
    }
}
