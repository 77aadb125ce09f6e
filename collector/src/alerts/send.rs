//! Sending a message: bounded in time and size, to addresses that were looked at, and never on to somewhere else.

use super::body::{Request, taken};
use super::guard::{Names, Targets};
use super::settings::Service;
use crate::ingest::next;
use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use axum::http::{self, Method, StatusCode};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use rustls_platform_verifier::BuilderVerifierExt;
use std::error::Error;
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

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

impl Outcome {
    /// Its word, for figures.
    pub(super) const fn word(&self) -> &'static str {
        match self {
            Self::Arrived => "arrived",
            Self::Refused(_) => "refused",
            Self::Failed { .. } => "failed",
        }
    }
}

/// Sends messages: each over a connection of its own, to an address that was looked at.
pub(super) struct Courier {
    targets: Targets,
    names: Arc<dyn Names>,
    /// Why there is none, if it could not be made.
    tls: Result<TlsConnector, String>,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    /// In how many seconds it is wanted again.
    again: Option<u64>,
    body: Vec<u8>,
}

/// A connection, whatever it goes through.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl fmt::Debug for Courier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Courier({:?})", self.targets)
    }
}

impl Courier {
    pub(super) fn new(targets: Targets, names: Arc<dyn Names>) -> Self {
        Self {
            targets,
            names,
            tls: tls().map_err(|error| words(&error)),
        }
    }

    /// Whether messages may be sent to an address, as far as it tells by itself.
    pub(super) fn targets(&self) -> Targets {
        self.targets
    }

    /// Sends a request.
    pub(super) async fn send(&self, request: Request, service: Service) -> Outcome {
        let answer = match timeout(WHOLE, self.ask(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(outcome)) => return outcome,
            Err(_) => return failed(LATE.to_owned()),
        };
        let Answer {
            status,
            again,
            body,
        } = answer;
        match status.as_u16() {
            200..=299 => match taken(service, &body) {
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

    /// The answer to a request, or what became of it without one.
    async fn ask(&self, request: Request) -> Result<Answer, Outcome> {
        // What an address itself says is not asked of the resolver.
        let url = self.targets.check(request.url.as_str());
        let url = url.map_err(|why| Outcome::Refused(why.to_string()))?;
        let stream = self.connect(&url).await?;
        let broken = |error: hyper::Error| failed(words(&error));
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        let mut asked = http::Request::builder()
            .method(Method::POST)
            .uri(&url[url::Position::BeforePath..url::Position::AfterQuery])
            .header(
                HOST,
                &url[url::Position::BeforeHost..url::Position::AfterPort],
            )
            .header(
                USER_AGENT,
                concat!("candor-collector/", env!("CARGO_PKG_VERSION")),
            )
            .header(CONTENT_TYPE, "application/json; charset=utf-8");
        for (name, value) in request.headers {
            asked = asked.header(name, value);
        }
        let asked = asked
            .body(Body::from(request.body))
            .map_err(|error| failed(words(&error)))?;
        // The connection does the work, and goes with the answer.
        let mut beside = tokio::task::JoinSet::new();
        beside.spawn(connection);
        let answer = sender.send_request(asked).await.map_err(broken)?;
        let (head, body) = answer.into_parts();
        let again = head.headers.get(RETRY_AFTER);
        let mut body = Body::new(body);
        let mut bytes = Vec::new();
        while bytes.len() < ANSWER {
            match next(&mut body).await {
                Some(Ok(chunk)) => bytes.extend_from_slice(&chunk),
                None => break,
                Some(Err(_)) if head.status.is_success() => {
                    return Err(failed("the answer broke off".to_owned()));
                }
                Some(Err(_)) => break,
            }
        }
        bytes.truncate(ANSWER);
        Ok(Answer {
            status: head.status,
            again: again.and_then(|value| value.to_str().ok()?.trim().parse().ok()),
            body: bytes,
        })
    }

    /// A connection to where an address leads, if all that it stands for may be asked; by TLS where it says so.
    async fn connect(&self, url: &Url) -> Result<Box<dyn Stream>, Outcome> {
        let addresses: Vec<IpAddr> = match url.host() {
            Some(Host::Domain(name)) => {
                let found = self.names.find(name.to_owned()).await;
                let found = found.map_err(|error| failed(words(&error)))?;
                let admitted = self.targets.admit(found.iter().copied());
                admitted.map_err(|why| Outcome::Refused(why.to_string()))?;
                found
            }
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![ip.into()],
            None => Vec::new(),
        };
        let port = url.port_or_known_default().unwrap_or(443);
        let mut stream = Err(failed("the name stands for no address".to_owned()));
        for ip in addresses {
            stream = match timeout(CONNECT, TcpStream::connect(SocketAddr::new(ip, port))).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(failed(words(&error))),
                Err(_) => Err(failed(LATE.to_owned())),
            };
            if stream.is_ok() {
                break;
            }
        }
        let stream = stream?;
        if url.scheme() == "http" {
            return Ok(Box::new(stream));
        }
        let tls = self.tls.as_ref();
        let tls = tls.map_err(|why| failed(format!("nothing can be sent: {why}")))?;
        let name = url.host_str().unwrap_or_default();
        let name = name.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(name.to_owned());
        let name = name.map_err(|error| Outcome::Refused(error.to_string()))?;
        match tls.connect(name, stream).await {
            Ok(stream) => Ok(Box::new(stream)),
            Err(error) => Err(failed(words(&error))),
        }
    }
}

/// Said when something took too long.
const LATE: &str = "no answer in time";

/// TLS with the certificates that the system trusts.
fn tls() -> Result<TlsConnector, rustls::Error> {
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_platform_verifier()?
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn failed(why: String) -> Outcome {
    Outcome::Failed { why, again: None }
}

/// What went wrong at its root, without the address: it may be a secret.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string().chars().take(200).collect()
}
