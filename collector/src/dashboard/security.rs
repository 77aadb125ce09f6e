//! What browsers say about where a request comes from, and what they are told about every page.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;
use std::net::IpAddr;

/// Nothing but this server's own script, style, pictures and answers; no frame around a page, no form to elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
];

/// What is said under any other name where nobody is asked who it is.
pub(crate) const FOREIGN_NAME: &str = "The pages are served without sign-in, so they answer only to localhost, 127.0.0.1 or [::1]. Under any other \
                            name a website could make a browser on this machine read them. A proxy in front of the \
                            collector has to ask for one of these names.\n";

/// Whether nobody was led here by a name that is not this machine's own. Browsers always send one.
pub(crate) fn is_own_name(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST);
    host.is_none_or(|host| host.to_str().is_ok_and(is_own))
}

/// Adds what browsers are told about every answer.
pub(crate) fn seal(response: &mut Response) {
    for (name, value) in HEADERS {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    // What a page shows belongs to its reader; assets say themselves how long they may be kept.
    response
        .headers_mut()
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("private, no-cache"));
}

/// Whether one of this server's own pages sent a form. Browsers say so; what says nothing is not trusted.
pub(crate) fn is_same_origin(headers: &HeaderMap) -> bool {
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    match text(HeaderName::from_static("sec-fetch-site")) {
        Some(site) => site == "same-origin",
        None => {
            let origin = text(header::ORIGIN).and_then(|origin| origin.split_once("://"));
            origin.is_some_and(|(_, authority)| text(header::HOST) == Some(authority))
        }
    }
}

/// Whether `host`, perhaps with a port, names this machine's loopback.
fn is_own(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || address
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_site_is_not_taken() {
        let headers = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs.iter().map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            });
            pairs.collect::<HeaderMap>()
        };
        let host = ("host", "127.0.0.1:4700");
        for own in [
            &[host, ("sec-fetch-site", "same-origin")][..],
            &[host, ("origin", "http://127.0.0.1:4700")],
        ] {
            assert!(is_same_origin(&headers(own)), "{own:?}");
        }
        for foreign in [
            &[host][..],
            &[host, ("sec-fetch-site", "cross-site")],
            &[
                host,
                ("sec-fetch-site", "same-site"),
                ("origin", "http://127.0.0.1:4700"),
            ],
            &[host, ("origin", "http://127.0.0.1:4701")],
            &[host, ("origin", "null")],
        ] {
            assert!(!is_same_origin(&headers(foreign)), "{foreign:?}");
        }
    }

    #[test]
    fn only_names_of_the_loopback_are_own() {
        for own in [
            "localhost",
            "LOCALHOST:8717",
            "127.0.0.1:8717",
            "127.1.2.3",
            "[::1]:8717",
            "[::1]",
        ] {
            assert!(is_own(own), "{own}");
        }
        for foreign in [
            "example.org",
            "example.org:8717",
            "127.0.0.1.example.org",
            "localhost.example.org",
            "10.0.0.1",
            "",
            ":80",
        ] {
            assert!(!is_own(foreign), "{foreign}");
        }
    }
}
