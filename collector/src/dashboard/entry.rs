//! The way into every page: which app, which time; and the way out of it, with a page or with what was the trouble.

use super::security::seal;
use super::shell::{Choice, Shell};
use super::visit::{Visit, wants_page};
use super::window::Range;
use super::words::{Words, fill};
use crate::access::Visitor;
use crate::routes::whoever;
use crate::state::State;
use crate::store::{Span, Store, StoreError};
use askama::Template;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use candor_protocol::deidentify::AppName;

/// A visit that knows its app and its time.
#[derive(Debug)]
pub(crate) struct Entry {
    /// What was asked.
    pub(crate) visit: Visit,
    /// Who asks.
    pub(crate) visitor: Visitor,
    /// What stands around the page.
    pub(crate) shell: Shell,
    /// The app.
    pub(crate) app: AppName,
    /// The stretch of time.
    pub(crate) span: Span,
    /// The time.
    pub(crate) now: u64,
}

/// Why a page cannot be shown.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// There is no app yet.
    NoApp,
    /// There is no app of this name.
    UnknownApp(String),
    /// There is no range of this name.
    UnknownRange(String),
    /// There is no such page.
    NoPage,
    /// There is no such issue.
    NoIssue,
    /// There is no such report.
    NoReport,
    /// This is for others.
    NotAllowed,
    /// A form was not taken, for this reason.
    Form(String),
    /// The store did not answer.
    Store(StoreError),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<S: Store> FromRequestParts<State<S>> for Entry {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State<S>) -> Result<Self, Response> {
        let Inside {
            visit,
            visitor,
            now,
            shell,
        } = Inside::from_request_parts(parts, state).await?;
        let span = visit.span(now);
        let around = |app: Option<&AppName>, apps: &[AppName]| {
            Shell::new(&visit, apps, app, span).seen_by(&visitor, &visit)
        };
        let apps = match state.store.apps().await {
            Ok(apps) => apps,
            Err(error) => {
                return Err(explain(&visit, &shell, &Trouble::Store(error)));
            }
        };
        let app = match visit.get("app") {
            Some(name) if !apps.is_empty() => apps
                .iter()
                .find(|app| app.as_str() == name)
                .ok_or(Trouble::UnknownApp(name.to_owned())),
            _ => apps.first().ok_or(Trouble::NoApp),
        };
        let app = match (app, visit.range()) {
            (Ok(app), Ok(_)) => app.clone(),
            (app, Err(range)) => {
                let shell = around(app.ok(), &apps);
                return Err(explain(
                    &visit,
                    &shell,
                    &Trouble::UnknownRange(range.to_owned()),
                ));
            }
            (Err(trouble), _) => {
                let shell = around(None, &apps);
                return Err(explain(&visit, &shell, &trouble));
            }
        };
        let mut shell = around(Some(&app), &apps);
        shell.lax = state.small.is_lax();
        Ok(Self {
            visit,
            visitor,
            shell,
            app,
            span,
            now,
        })
    }
}

impl Entry {
    /// The words of the visitor's language.
    pub(crate) fn words(&self) -> &'static Words {
        self.visit.lang.words()
    }

    /// Where a click on a point of a chart leads: the same page, closer; the end of the point is to be appended.
    pub(crate) fn closer(&self) -> Option<String> {
        let closer = self.visit.range().unwrap_or_default().closer()?;
        Some(format!(
            "{}&to=",
            self.visit
                .here(&[("range", closer.word()), ("to", ""), ("page", "")])
        ))
    }

    /// The longest stretch of time, where less is shown now: for pages that have nothing to show.
    pub(crate) fn longer(&self) -> Option<Choice> {
        let longest = Range::Month;
        let word = longest.word();
        (self.visit.range() != Ok(longest)).then(|| Choice {
            href: self
                .visit
                .here(&[("range", word), ("to", ""), ("page", "")]),
            label: fill(self.words().look_at_range, &[&word]),
            current: false,
        })
    }

    /// The answer: the page, with a status of its own.
    pub(crate) fn answer_with(&self, status: StatusCode, page: &impl Template) -> Response {
        shown(&self.visit, status, page)
    }

    /// The answer: the page, or what was the trouble.
    pub(crate) fn answer(&self, page: Result<impl Template, Trouble>) -> Response {
        match page {
            Ok(page) => shown(&self.visit, StatusCode::OK, &page),
            Err(trouble) => explain(&self.visit, &self.shell, &trouble),
        }
    }

    /// The answer: what was the trouble.
    pub(crate) fn explain(&self, trouble: &Trouble) -> Response {
        explain(&self.visit, &self.shell, trouble)
    }
}

fn shown(visit: &Visit, status: StatusCode, page: &impl Template) -> Response {
    let mut response = match page.render() {
        Ok(html) => (status, Html(html)).into_response(),
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    for (name, value) in &visit.remember {
        let cookie = format!("{name}={value}; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
    }
    response.headers_mut().insert(
        header::VARY,
        HeaderValue::from_static("Cookie, Accept-Language"),
    );
    response
}

/// A visit to a page that is about no app.
#[derive(Debug)]
pub(crate) struct Inside {
    /// What was asked.
    pub(crate) visit: Visit,
    /// Who asks.
    pub(crate) visitor: Visitor,
    /// What stands around the page.
    pub(crate) shell: Shell,
    /// The time.
    pub(crate) now: u64,
}

impl<S: Store> FromRequestParts<State<S>> for Inside {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State<S>) -> Result<Self, Response> {
        let Ok(visit) = Visit::from_request_parts(parts, state).await;
        let visitor = Visitor::from_request_parts(parts, state).await;
        let visitor = visitor.map_err(IntoResponse::into_response)?;
        Ok(Self::of(state, visit, visitor))
    }
}

impl Inside {
    fn of<S: Store>(state: &State<S>, visit: Visit, visitor: Visitor) -> Self {
        let now = state.clock.now();
        let shell = Shell::new(&visit, &[], None, visit.span(now)).seen_by(&visitor, &visit);
        Self {
            visit,
            visitor,
            shell,
            now,
        }
    }

    /// The words of the visitor's language.
    pub(crate) fn words(&self) -> &'static Words {
        self.visit.lang.words()
    }

    /// The answer: the page.
    pub(crate) fn answer_with(&self, status: StatusCode, page: &impl Template) -> Response {
        shown(&self.visit, status, page)
    }

    /// The answer: what was the trouble.
    pub(crate) fn explain(&self, trouble: &Trouble) -> Response {
        explain(&self.visit, &self.shell, trouble)
    }
}

/// Why somebody is turned away at the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turned {
    /// This is for others.
    NotAllowed,
    /// A form did not come from a page of this session.
    ForeignForm,
}

/// A page for whoever is turned away.
pub(crate) async fn turned<S: Store>(state: &State<S>, mut parts: Parts, why: Turned) -> Response {
    match Inside::from_request_parts(&mut parts, state).await {
        Err(response) => response,
        Ok(inside) => match why {
            Turned::NotAllowed => inside.explain(&Trouble::NotAllowed),
            Turned::ForeignForm => {
                let reason = inside.words().p_foreign_form.to_owned();
                inside.explain(&Trouble::Form(reason))
            }
        },
    }
}

/// The answer to a browser that asks for what does not exist; a program is told by the status alone.
pub(crate) async fn lost<S: Store>(state: State<S>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let mut response = if wants_page(&parts.headers) {
        let Ok(visit) = Visit::from_request_parts(&mut parts, &state).await;
        let visitor = whoever(&state, &parts);
        Inside::of(&state, visit, visitor).explain(&Trouble::NoPage)
    } else {
        StatusCode::NOT_FOUND.into_response()
    };
    seal(&mut response);
    response
}

/// A page that says what is missing and what to do.
#[derive(Template)]
#[template(path = "trouble.html")]
struct TroublePage<'a> {
    shell: &'a Shell,
    heading: &'static str,
    text: String,
    command: Option<&'static str>,
    then: Option<&'static str>,
    links: Vec<Choice>,
}

fn explain(visit: &Visit, shell: &Shell, trouble: &Trouble) -> Response {
    let w = visit.lang.words();
    let link = |path: &str, label: &str, set: &[(&str, &str)]| {
        vec![Choice {
            href: visit.page(path, set),
            label: label.to_owned(),
            current: false,
        }]
    };
    let mut page = TroublePage {
        shell,
        heading: "",
        text: String::new(),
        command: None,
        then: None,
        links: Vec::new(),
    };
    let status = match trouble {
        Trouble::NoApp => {
            page.heading = w.no_app;
            page.text = w.no_app_text.to_owned();
            page.command = Some("candor-collector app add my-app --data DIR");
            page.then = Some(w.no_app_then);
            if shell
                .places
                .iter()
                .any(|place| place.href.starts_with("/settings"))
            {
                page.links = link("/settings/apps", w.o_add_app, &[]);
            }
            StatusCode::OK
        }
        Trouble::UnknownApp(name) => {
            page.heading = w.unknown_app;
            page.text = fill(w.unknown_app_text, &[name]);
            page.links = shell.apps.clone();
            StatusCode::NOT_FOUND
        }
        Trouble::UnknownRange(word) => {
            page.heading = w.unknown_range;
            page.text = fill(w.unknown_range_text, &[word]);
            page.links = shell.ranges.clone();
            StatusCode::BAD_REQUEST
        }
        Trouble::NoPage => {
            page.heading = w.no_page;
            page.text = w.no_page_text.to_owned();
            page.links = shell.places.clone();
            // Whoever has not signed in is shown the way in.
            if page.links.is_empty() {
                page.links = link("/", w.overview, &[]);
            }
            StatusCode::NOT_FOUND
        }
        Trouble::NoIssue => {
            page.heading = w.no_issue;
            page.text = w.no_issue_text.to_owned();
            page.links = link("/issues", w.all_issues, &[]);
            StatusCode::NOT_FOUND
        }
        Trouble::NoReport => {
            page.heading = w.no_report;
            page.text = w.no_report_text.to_owned();
            page.links = link(&visit.path, w.newest_report, &[]);
            StatusCode::NOT_FOUND
        }
        Trouble::NotAllowed => {
            page.heading = w.a_not_allowed;
            page.text = w.a_not_allowed_text.to_owned();
            page.links = shell.places.clone();
            StatusCode::FORBIDDEN
        }
        Trouble::Form(reason) => {
            page.heading = w.p_not_taken;
            page.text = reason.clone();
            // With everything that it showed: whoever chose nothing from a list goes on where they were.
            page.links = vec![Choice {
                href: visit.here(&[]),
                label: w.p_back.to_owned(),
                current: false,
            }];
            StatusCode::BAD_REQUEST
        }
        Trouble::Store(error) => {
            tracing::error!(%error, "the store did not answer a page");
            page.heading = w.store_failed;
            page.text = fill(w.store_failed_text, &[error]);
            page.links = link(&visit.path, w.try_again, &[]);
            StatusCode::SERVICE_UNAVAILABLE
        }
    };
    shown(visit, status, &page)
}
