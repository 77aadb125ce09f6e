//! A `tower` layer that tells the agent how the requests of an HTTP client fare.
//!
//! Each request counts as an attempt of its connection: [`Phase::FirstByte`] lasts until the head of the answer is there,
//! the acknowledgement until its body has ended. A status that says that the server cannot or will not serve counts as a failure
//! ([`Failure::of_status`]); what the app makes of any other is its own business. Nothing is looked at but the status and
//! the number of bytes.

use crate::classify::{Failing, class};
use bytes::Buf;
use candor_agent::{Answered, Connection, Disconnect, Exchange, Failure, Phase};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tower_layer::Layer;
use tower_service::Service;

/// The layer. Its requests count for one named connection.
#[derive(Debug, Clone)]
pub struct Measured {
    link: Connection,
}

impl Measured {
    /// Requests count for `link`.
    pub fn new(link: Connection) -> Self {
        Self { link }
    }
}

impl<S> Layer<S> for Measured {
    type Service = MeasuredService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        MeasuredService {
            link: self.link.clone(),
            inner,
        }
    }
}

/// A client whose requests are counted.
#[derive(Debug, Clone)]
pub struct MeasuredService<S> {
    link: Connection,
    inner: S,
}

/// A request, as far as it is looked at.
pub trait Ask {
    /// Bytes of its body, as far as they are known beforehand.
    fn bytes(&self) -> u64;
}

/// An answer, as far as it is looked at.
pub trait Reply {
    /// The answer whose body is counted.
    type Counted;
    /// Its status.
    fn status(&self) -> u16;
    /// Counts its body for `answered`.
    fn counted(self, answered: Answered) -> Self::Counted;
    /// Leaves its body alone: the request counts as failed already.
    fn failed(self) -> Self::Counted;
}

impl<B: Body> Ask for http::Request<B> {
    fn bytes(&self) -> u64 {
        self.body().size_hint().exact().unwrap_or(0)
    }
}

impl<B: Body> Reply for http::Response<B> {
    type Counted = http::Response<Counted<B>>;

    fn status(&self) -> u16 {
        self.status().as_u16()
    }

    fn counted(self, answered: Answered) -> Self::Counted {
        self.map(|body| Counted::new(body, Some(answered)))
    }

    fn failed(self) -> Self::Counted {
        self.map(|body| Counted::new(body, None))
    }
}

#[cfg(feature = "reqwest")]
impl Ask for reqwest::Request {
    fn bytes(&self) -> u64 {
        let body = self.body().and_then(reqwest::Body::as_bytes);
        body.map_or(0, |body| body.len() as u64)
    }
}

/// The body stays as it is, so its bytes are those that its head declares, and it has ended when its head is there.
#[cfg(feature = "reqwest")]
impl Reply for reqwest::Response {
    type Counted = Self;

    fn status(&self) -> u16 {
        self.status().as_u16()
    }

    fn counted(self, answered: Answered) -> Self {
        answered.received(self.content_length().unwrap_or(0));
        answered.finished();
        self
    }

    fn failed(self) -> Self {
        self
    }
}

impl<S, Q> Service<Q> for MeasuredService<S>
where
    Q: Ask,
    S: Service<Q>,
    S::Response: Reply,
    S::Error: Failing,
{
    type Response = <S::Response as Reply>::Counted;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Q) -> Self::Future {
        Answering {
            bytes: request.bytes(),
            exchange: Some(self.link.exchange()),
            inner: self.inner.call(request),
        }
    }
}

pin_project! {
    /// An answer on its way. Dropped before it is there, the request counts as cancelled.
    #[derive(Debug)]
    pub struct Answering<F> {
        bytes: u64,
        exchange: Option<Exchange>,
        #[pin]
        inner: F,
    }
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<R, E>>,
    R: Reply,
    E: Failing,
{
    type Output = Result<R::Counted, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let answer = ready!(this.inner.poll(context));
        let exchange = this.exchange.take();
        Poll::Ready(match (answer, exchange) {
            (Ok(reply), Some(exchange)) => match Failure::of_status(reply.status()) {
                Some(failure) => {
                    exchange.failed(Phase::FirstByte, failure);
                    Ok(reply.failed())
                }
                None => {
                    let answered = exchange.answered();
                    answered.sent(*this.bytes);
                    Ok(reply.counted(answered))
                }
            },
            (Err(error), Some(exchange)) => {
                exchange.failed(error.phase(), error.failure());
                Err(error)
            }
            (Ok(reply), None) => Ok(reply.failed()),
            (Err(error), None) => Err(error),
        })
    }
}

pin_project! {
    /// A body whose bytes are counted until it ends.
    #[derive(Debug)]
    pub struct Counted<B> {
        answered: Option<Answered>,
        #[pin]
        inner: B,
    }
}

impl<B: Body> Counted<B> {
    fn new(inner: B, answered: Option<Answered>) -> Self {
        let mut counted = Self { answered, inner };
        if counted.inner.is_end_stream() {
            finish(&mut counted.answered);
        }
        counted
    }
}

fn finish(answered: &mut Option<Answered>) {
    if let Some(answered) = answered.take() {
        answered.finished();
    }
}

impl<B: Body> Body for Counted<B>
where
    B::Error: Error + 'static,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let mut this = self.project();
        let frame = ready!(this.inner.as_mut().poll_frame(context));
        match &frame {
            Some(Ok(frame)) => {
                if let (Some(answered), Some(data)) = (&this.answered, frame.data_ref()) {
                    answered.received(data.remaining() as u64);
                }
                // A client that knows the length need not ask for more.
                if this.inner.is_end_stream() {
                    finish(this.answered);
                }
            }
            Some(Err(error)) => {
                if let Some(answered) = this.answered.take() {
                    answered.broke(Disconnect::from_failure(class(error)));
                }
            }
            None => finish(this.answered),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
