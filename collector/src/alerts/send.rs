//! Sending a message: bounded in time and size, to addresses that were looked at, and never on to somewhere else.

use super::body::{Request, taken};
use super::guard::{Names, Refused, Targets};
use super::settings::Service;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::redirect::Policy;
use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A connection that is not there by then will not come.
const CONNECT: Duration = Duration::from_secs(5);

/// From the question what the name stands for to the last byte of the answer.
const WHOLE: Duration = Duration::from_secs(10);

/// An answer is a word or a few numbers; the rest of a longer one is not read.
const ANSWER: usize = 8 * 1_024;

/// What became of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Arrived,
    /// It will never be, for this reason.
    Refused(String),
    /// It may be later.
    Failed {
        /// Why it was not.
        why: String,
        /// In how many seconds the receiver wants it again.
        again: Option<u64>,
    },
}

/// Sends messages.
pub(super) struct Courier {
    targets: Targets,
    /// Why there is none, if it could not be made.
    client: Result<reqwest::Client, String>,
}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Courier({:?})", self.targets)
    }
}

impl Courier {
    pub(super) fn new(targets: Targets, names: Arc<dyn Names>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .user_agent(concat!("candor-collector/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Guarded { targets, names }))
            .build();
        Self {
            targets,
            client: client.map_err(|error| words(&error)),
        }
    }

    /// Whether messages may be sent to an address, as far as it tells by itself.
    pub(super) fn targets(&self) -> Targets {
        self.targets
    }

    /// Sends a request.
    pub(super) async fn send(&self, request: Request, service: Service) -> Outcome {
        let client = match &self.client {
            Ok(client) => client,
            Err(why) => return failed(format!("nothing can be sent: {why}")),
        };
        // What an address itself says is not asked of the resolver.
        if let Err(why) = self.targets.check(request.url.as_str()) {
            return Outcome::Refused(why.to_string());
        }
        let mut building = client
            .post(request.url)
            .header(CONTENT_TYPE, "application/json; charset=utf-8");
        for (name, value) in request.headers {
            building = building.header(name, value);
        }
        let mut answer = match building.body(request.body).send().await {
            Ok(answer) => answer,
            Err(error) => {
                return match cause::<Refused>(&error) {
                    Some(why) => Outcome::Refused(why.to_string()),
                    None => failed(words(&error)),
                };
            }
        };
        let status = answer.status();
        let again = answer.headers().get(RETRY_AFTER);
        let again = again.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let mut bytes = Vec::new();
        loop {
            match answer.chunk().await {
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => break,
                Err(error) if status.is_success() => return failed(words(&error)),
                Err(_) => break,
            }
            if bytes.len() >= ANSWER {
                bytes.truncate(ANSWER);
                break;
            }
        }
        match status.as_u16() {
            200..=299 => match taken(service, &bytes) {
                Ok(()) => Outcome::Arrived,
                Err(said) => Outcome::Failed {
                    why: format!("not taken: {said}"),
                    again,
                },
            },
            // Where it leads is not known to be allowed. DingTalk sends whoever is too fast elsewhere for a while.
            300..=399 if service != Service::DingTalk => Outcome::Refused(format!(
                "{status}: it leads elsewhere, which is not followed"
            )),
            300..=399 | 408 | 425 | 429 | 500..=599 => Outcome::Failed {
                why: status.to_string(),
                again,
            },
            _ => Outcome::Refused(status.to_string()),
        }
    }
}

fn failed(why: String) -> Outcome {
    Outcome::Failed { why, again: None }
}

/// The first error of this type among those that led to one.
fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What went wrong, without the address: it may be a secret.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut last: &dyn Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let said: String = match last.downcast_ref::<reqwest::Error>() {
        Some(_) => "the request could not be sent".to_owned(),
        None => last.to_string().chars().take(200).collect(),
    };
    said
}

/// Names are asked once, and what they stand for is looked at; the connection goes there and nowhere else.
struct Guarded {
    targets: Targets,
    names: Arc<dyn Names>,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (targets, found) = (self.targets, self.names.find(name.as_str().to_owned()));
        Box::pin(async move {
            let addresses = found.await?;
            targets.admit(addresses.iter().copied())?;
            // The client puts the port in.
            let addresses = addresses.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}
