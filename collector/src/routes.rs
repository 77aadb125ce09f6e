//! Routes, each with what it needs. There is no other way to serve one, and one without a need does not compile.

use crate::access::{Guest, Need, Visitor};
use crate::api;
use crate::dashboard::{self, Turned, security, visit};
use crate::state::State;
use crate::store::Store;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{FromRequestParts, Request, State as Given};
use axum::handler::Handler;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use std::io;

/// The largest form of a page.
const FORM: usize = 64 * 1024;

/// The field of a form that says whose session it belongs to.
pub(crate) const MARK: &str = "mark";

/// What the log says when people or sessions cannot be read.
const UNREAD: &str = "the register of people cannot be read";

/// Routes whose handlers are given a `T`.
#[derive(Debug)]
pub struct Routes<T = ()> {
    given: T,
    routes: Vec<Route>,
}

/// A route.
#[derive(Debug)]
pub struct Route {
    /// By which method it is asked; `GET` is `HEAD` as well.
    pub method: Method,
    /// Its path.
    pub path: &'static str,
    /// What it needs.
    pub need: Need,
    handler: MethodRouter,
}

impl<T: Clone + Send + Sync + 'static> Routes<T> {
    /// No routes yet; the handlers of those that are added are given this.
    pub fn with(given: T) -> Self {
        Self {
            given,
            routes: Vec::new(),
        }
    }

    /// Adds what is asked by `GET`.
    pub fn get<X: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: impl Handler<X, T>,
    ) -> Self {
        self.add(Method::GET, MethodFilter::GET, path, need, handler)
    }

    /// Adds what is done by `POST`.
    pub fn post<X: 'static>(
        self,
        path: &'static str,
        need: Need,
        handler: impl Handler<X, T>,
    ) -> Self {
        self.add(Method::POST, MethodFilter::POST, path, need, handler)
    }

    fn add<X: 'static>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        need: Need,
        handler: impl Handler<X, T>,
    ) -> Self {
        let handler = on(filter, handler).with_state(self.given.clone());
        self.routes.push(Route {
            method,
            path,
            need,
            handler,
        });
        self
    }

    /// These and others.
    #[must_use]
    pub fn and<U>(mut self, others: Routes<U>) -> Self {
        self.routes.extend(others.routes);
        self
    }

    /// All of them.
    pub fn table(&self) -> &[Route] {
        &self.routes
    }

    /// Serves them, each to whoever meets its need.
    pub fn guarded<S: Store>(self, state: &State<S>) -> Router {
        self.routes
            .into_iter()
            .fold(Router::new(), |router, route| {
                let handler = match route.need {
                    // The handler asks.
                    Need::IngestKey => route.handler,
                    need => {
                        let asked = Asked {
                            state: state.clone(),
                            need,
                        };
                        route
                            .handler
                            .route_layer(from_fn_with_state(asked, check::<S>))
                    }
                };
                router.route(route.path, handler)
            })
    }

    /// Serves them to everybody: for a listener of its own that only operators reach.
    pub(crate) fn unguarded(self) -> Router {
        let routes = self.routes.into_iter();
        routes.fold(Router::new(), |router, route| {
            router.route(route.path, route.handler)
        })
    }
}

/// What is looked at before a handler is asked.
struct Asked<S> {
    state: State<S>,
    need: Need,
}

impl<S> Clone for Asked<S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            need: self.need,
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visitor {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // Where nobody looked, nobody is let in.
        parts.extensions.get().cloned().ok_or(StatusCode::FORBIDDEN)
    }
}

async fn check<S: Store>(Given(asked): Given<Asked<S>>, request: Request, next: Next) -> Response {
    let mut response = match let_in(&asked, request).await {
        Ok(request) => next.run(request).await,
        Err(refused) => refused,
    };
    security::seal(&mut response);
    response
}

/// The request with who asks it, if that one may; what is answered if not.
async fn let_in<S: Store>(asked: &Asked<S>, request: Request) -> Result<Request, Response> {
    let Asked { state, need } = asked;
    let (mut parts, body) = request.into_parts();
    if state.door.is_open() && *need != Need::Nothing && !security::is_own_name(&parts.headers) {
        return Err((StatusCode::FORBIDDEN, security::FOREIGN_NAME).into_response());
    }
    let visitor = match who(state, &parts) {
        Ok(Some(visitor)) => visitor,
        Ok(None) => {
            return Err(unauthorised(
                "the token is not known; `tokens list` prints those that are",
            ));
        }
        Err(error) => {
            tracing::error!(%error, UNREAD);
            return Err(StatusCode::SERVICE_UNAVAILABLE.into_response());
        }
    };
    parts.extensions.insert(visitor.clone());
    if !visitor.may(*need) {
        return Err(refuse(state, parts, &visitor).await);
    }
    let is_form = !parts.method.is_safe() && !is_of_programs(parts.uri.path());
    if !is_form || matches!(visitor, Visitor::Program { .. }) {
        return Ok(Request::from_parts(parts, body));
    }
    if !security::is_same_origin(&parts.headers) {
        return Err(dashboard::turned(state, parts, Turned::ForeignForm).await);
    }
    match visitor.guest() {
        None => Ok(Request::from_parts(parts, body)),
        Some(guest) => match marked(guest, body).await {
            Some(body) => Ok(Request::from_parts(parts, body)),
            None => Err(dashboard::turned(state, parts, Turned::ForeignForm).await),
        },
    }
}

/// Who asks; `None` for a token that nobody knows.
fn who<S: Store>(state: &State<S>, parts: &Parts) -> io::Result<Option<Visitor>> {
    let (door, now) = (&state.door, state.clock.now());
    let for_programs = is_of_programs(parts.uri.path());
    if door.is_open() {
        let part = if for_programs { "api" } else { "dashboard" };
        return Ok(Some(Visitor::Anyone(part)));
    }
    if let Some(token) = bearer(&parts.headers) {
        return door.by_token(token, now);
    }
    // A website can make a browser send what this session would do, but no token.
    if for_programs && !parts.method.is_safe() {
        return Ok(Some(Visitor::Nobody));
    }
    match visit::cookie(&parts.headers, door.cookie()) {
        Some(session) => door.by_session(session, now).map(Some),
        None => Ok(Some(Visitor::Nobody)),
    }
}

/// Who asks for what needs nothing.
pub(crate) fn whoever<S: Store>(state: &State<S>, parts: &Parts) -> Visitor {
    who(state, parts).ok().flatten().unwrap_or(Visitor::Nobody)
}

/// What programs ask, rather than browsers.
fn is_of_programs(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/v1/")
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The body of a form, if it belongs to this session.
async fn marked(guest: &Guest, body: Body) -> Option<Body> {
    let bytes = to_bytes(body, FORM).await.ok()?;
    let mut fields = form_urlencoded::parse(&bytes);
    let mark = fields.find(|(name, _)| name == MARK)?.1;
    (mark == guest.form_mark.as_str()).then(|| Body::from(bytes.clone()))
}

fn unauthorised(message: &str) -> Response {
    let mut response = api::refuse(StatusCode::UNAUTHORIZED, "unauthorised", message);
    let scheme = header::HeaderValue::from_static("Bearer");
    response
        .headers_mut()
        .insert(header::WWW_AUTHENTICATE, scheme);
    response
}

/// What is answered to whoever may not ask this.
async fn refuse<S: Store>(state: &State<S>, parts: Parts, visitor: &Visitor) -> Response {
    let is_nobody = *visitor == Visitor::Nobody;
    if is_of_programs(parts.uri.path()) || !visit::wants_page(&parts.headers) {
        return if is_nobody {
            unauthorised(
                "sign in, or send a token: `authorization: Bearer TOKEN`; `tokens add` makes one",
            )
        } else {
            api::refuse(StatusCode::FORBIDDEN, "forbidden", "this is for others")
        };
    }
    if is_nobody {
        let next = match (parts.method.is_safe(), parts.uri.path_and_query()) {
            (true, Some(next)) => next.as_str(),
            _ => "/",
        };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("next", next);
        return Redirect::to(&format!("/sign-in?{}", query.finish())).into_response();
    }
    dashboard::turned(state, parts, Turned::NotAllowed).await
}
