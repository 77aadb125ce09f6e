//! What an answer of the collector means, by the rules of HTTP. Pure.

use super::transport::Outcome;
use candor_protocol::answer::{Refusal, WRONG_REGION};
use candor_protocol::deidentify::Region;
use std::time::Duration;

/// What an answer means. `now` in seconds since 1970.
pub(super) fn understand(status: u16, retry_after: Option<&str>, body: &[u8], now: u64) -> Outcome {
    let later = || Outcome::TryLater {
        after: retry_after.and_then(|value| wait(value, now)),
    };
    match status {
        // Whatever else an answer of success says, the reports are delivered.
        200..=299 => serde_json::from_slice(body).map_or(Outcome::Delivered, Outcome::Answered),
        413 => Outcome::TooLarge,
        401 | 403 => match serde_json::from_slice::<Refusal>(body) {
            Ok(refusal) if refusal.error == WRONG_REGION => Outcome::OtherRegion,
            _ => Outcome::KeyRefused,
        },
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

/// What the answer to a batch without reports says of where the collector is. At home is only who names our own region; whatever
/// else is an answer comes from elsewhere.
pub(super) fn locate(outcome: Outcome, ours: &Region) -> Outcome {
    match outcome {
        Outcome::TryLater { .. } | Outcome::KeyRefused => outcome,
        _ if names(&outcome, ours) => outcome,
        _ => Outcome::OtherRegion,
    }
}

/// Whether an answer names this region as the collector's.
pub(super) fn names(outcome: &Outcome, ours: &Region) -> bool {
    matches!(outcome, Outcome::Answered(said) if said.region.as_ref() == Some(ours))
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
    fn only_a_collector_that_names_our_region_is_at_home() {
        let ours: Region = "cn-north".parse().unwrap();
        let located =
            |status, body: &str| locate(understand(status, None, body.as_bytes(), 0), &ours);
        let answer = |more: &str| format!(r#"{{"stored":0,"duplicates":0{more}}}"#);
        assert!(matches!(
            located(200, &answer(r#","region":"cn-north""#)),
            Outcome::Answered(_)
        ));
        for elsewhere in [answer(r#","region":"eu-west""#), answer(""), String::new()] {
            assert_eq!(
                located(200, &elsewhere),
                Outcome::OtherRegion,
                "{elsewhere}"
            );
        }
        let refusal = r#"{"error":"wrong_region","message":"x"}"#;
        assert_eq!(located(403, refusal), Outcome::OtherRegion);
        let unread = r#"{"error":"bad_batch","message":"x"}"#;
        assert_eq!(located(400, unread), Outcome::OtherRegion);
        assert_eq!(located(403, ""), Outcome::KeyRefused);
        assert_eq!(located(503, ""), Outcome::TryLater { after: None });
    }

    #[test]
    fn an_answer_of_success_may_ask_for_less() {
        let said = br#"{"stored":1,"duplicates":0,"narrowing":{"kinds_off":["freeze"]}}"#;
        let Outcome::Answered(accepted) = understand(200, None, said, 0) else {
            panic!("it was not understood");
        };
        let narrowing = accepted.narrowing.unwrap();
        assert_eq!(narrowing.kinds_off, [candor_protocol::report::Kind::Freeze]);
        let plain = br#"{"stored":1,"duplicates":0}"#;
        assert!(matches!(
            understand(200, None, plain, 0),
            Outcome::Answered(accepted) if accepted.narrowing.is_none()
        ));
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
