//! The built-in carrier: HTTP by reqwest.

use super::transport::{Carrier, Outcome, Request, Sending};
use candor_protocol::answer::Refusal;
use reqwest::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use std::time::Duration;

/// A connection that is not there by then will not come.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the first byte sent to the last byte received: half a MiB at 16 KiB/s.
const TIMEOUT: Duration = Duration::from_secs(35);
/// A refusal is a sentence; the rest of a longer answer is not read.
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
            understand(
                status,
                retry_after.as_deref(),
                &body,
                crate::clock::unix_seconds(),
            )
        })
    }
}

/// What an answer means. `now` in seconds since 1970.
fn understand(status: u16, retry_after: Option<&str>, body: &[u8], now: u64) -> Outcome {
    let later = || Outcome::TryLater {
        after: retry_after.and_then(|value| wait(value, now)),
    };
    match status {
        200..=299 => Outcome::Delivered,
        413 => Outcome::TooLarge,
        401 | 403 => Outcome::KeyRefused,
        400 | 422 => {
            // Whatever answers 400 without our own form of refusal is something between us and the collector.
            match serde_json::from_slice::<Refusal>(body) {
                Ok(refusal) => Outcome::Refused { line: refusal.line },
                Err(_) => later(),
            }
        }
        _ => later(),
    }
}

/// `Retry-After` is a number of seconds or a date (RFC 9110, 10.2.3).
fn wait(value: &str, now: u64) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    Some(Duration::from_secs(http_date(value)?.saturating_sub(now)))
}

/// Seconds since 1970 of an IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that may be sent.
fn http_date(value: &str) -> Option<u64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = value.split_once(", ")?.1.split(' ');
    let day: i64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|name| *name == month)? as i64 + 1;
    let year: i64 = parts.next()?.parse().ok()?;
    let mut time = parts
        .next()?
        .split(':')
        .map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (time.next()??, time.next()??, time.next()??);
    if parts.next() != Some("GMT") || !(1970..=9999).contains(&year) {
        return None;
    }
    // Civil date to days: the algorithm of Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
    let shifted_year = if month <= 2 { year - 1 } else { year };
    let era = shifted_year / 400;
    let year_of_era = shifted_year - era * 400;
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let days = era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100
        + day_of_year
        - 719_468;
    u64::try_from(days * 86_400 + hour * 3600 + minute * 60 + second).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_says_what_to_do_next() {
        let refusal = br#"{"error":"bad_report","message":"x","line":3}"#;
        assert_eq!(understand(200, None, b"", 0), Outcome::Delivered);
        assert_eq!(understand(413, None, b"", 0), Outcome::TooLarge);
        assert_eq!(understand(401, None, b"", 0), Outcome::KeyRefused);
        assert_eq!(
            understand(400, None, refusal, 0),
            Outcome::Refused { line: Some(3) }
        );
        assert_eq!(
            understand(400, None, b"<html>a proxy's page", 0),
            Outcome::TryLater { after: None }
        );
        assert_eq!(
            understand(404, None, b"", 0),
            Outcome::TryLater { after: None }
        );
        assert_eq!(
            understand(503, Some("120"), b"", 0),
            Outcome::TryLater {
                after: Some(Duration::from_secs(120))
            }
        );
    }

    #[test]
    fn a_wait_may_be_a_date() {
        assert_eq!(
            http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777)
        );
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_700),
            Some(Duration::from_secs(77))
        );
        assert_eq!(
            wait("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_800),
            Some(Duration::ZERO)
        );
        assert_eq!(wait("soon", 0), None);
    }
}
