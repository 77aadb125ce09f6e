//! `/settings`: what only an admin changes. A room with a tab for each kind of thing.

pub(super) mod alerts;
pub(super) mod apps;
pub(super) mod people;
pub(super) mod remote;
pub(super) mod retention;
pub(super) mod sources;
pub(super) mod symbols;
pub(super) mod tokens;

use super::entry::{Inside, Trouble};
use super::shell::Choice;
use super::visit::Visit;
use super::words::{Words, fill};
use crate::access::PersonName;
use crate::operating::NotDone;
use crate::store::StoreError;
use axum::http::StatusCode;
use axum::response::{Redirect, Response};
use std::io;

/// The tabs, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    People,
    Tokens,
    Apps,
    Retention,
    Remote,
    Symbols,
    Sources,
    Alerts,
}

impl Tab {
    const ALL: [Self; 8] = [
        Self::People,
        Self::Tokens,
        Self::Apps,
        Self::Retention,
        Self::Remote,
        Self::Symbols,
        Self::Sources,
        Self::Alerts,
    ];

    const fn path(self) -> &'static str {
        match self {
            Self::People => "/settings/people",
            Self::Tokens => "/settings/tokens",
            Self::Apps => "/settings/apps",
            Self::Retention => "/settings/retention",
            Self::Remote => "/settings/remote",
            Self::Symbols => "/settings/symbols",
            Self::Alerts => "/settings/alerts",
            Self::Sources => "/settings/sources",
        }
    }

    fn name(self, w: &'static Words) -> &'static str {
        match self {
            Self::People => w.a_people,
            Self::Tokens => w.a_tokens,
            Self::Apps => w.o_apps,
            Self::Retention => w.o_retention,
            Self::Remote => w.o_remote,
            Self::Symbols => w.a_symbols,
            Self::Alerts => w.al_alerts,
            Self::Sources => w.a_sources,
        }
    }

    /// Links to all tabs, seen from this one.
    fn choices(self, visit: &Visit) -> Vec<Choice> {
        let choice = |tab: Self| Choice {
            href: visit.page(tab.path(), &[]),
            label: tab.name(visit.lang.words()).to_owned(),
            current: tab == self,
        };
        Self::ALL.into_iter().map(choice).collect()
    }
}

/// What somebody or a token is to be called, or what is wrong with it.
fn named(said: &str, w: &'static Words) -> Result<PersonName, String> {
    said.parse().map_err(|why| fill(w.a_bad_name, &[&why]))
}

/// What is said where something was not done.
fn not_done(w: &'static Words, why: &NotDone) -> String {
    match why {
        NotDone::NoApp(app) => fill(w.o_no_app, &[app]),
        NotDone::AppExists(app) => fill(w.o_app_exists, &[app]),
        NotDone::NoKey(..) => w.o_no_key.to_owned(),
        NotDone::Refused(why) => fill(w.o_refused, &[why]),
        NotDone::Failed(error) => {
            tracing::error!(%error, "a setting was not changed");
            w.a_unwritten.to_owned()
        }
    }
}

/// What a tab of the register is shown with.
struct Around {
    tabs: Vec<Choice>,
    wrong: Option<String>,
    status: StatusCode,
}

/// A tab of what was read of the register after something was done; a page that says so where it could not be read.
fn opened<T>(
    tab: Tab,
    inside: &mut Inside,
    read: io::Result<T>,
    done: Result<(), String>,
) -> Result<(T, Around), Response> {
    let read = read.map_err(|error| {
        let error = StoreError::Unavailable(error.to_string());
        inside.explain(&Trouble::Store(error))
    })?;
    inside.shell.title = inside.words().a_settings.to_owned();
    let around = Around {
        tabs: tab.choices(&inside.visit),
        status: status(&done),
        wrong: done.err(),
    };
    Ok((read, around))
}

/// The status of a page that shows what was done, or what was wrong.
fn status(done: &Result<(), String>) -> StatusCode {
    match done {
        Ok(()) => StatusCode::OK,
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// `GET /settings`: the first tab.
pub(super) async fn first(visit: Visit) -> Redirect {
    Redirect::to(&visit.page(Tab::People.path(), &[]))
}
