//! `/settings`: what only an admin changes. A room with a tab for each kind of thing.

pub(super) mod people;
pub(super) mod sources;
pub(super) mod symbols;
pub(super) mod tokens;

use super::shell::Choice;
use super::visit::Visit;
use super::words::{Words, fill};
use crate::access::PersonName;
use axum::http::StatusCode;
use axum::response::Redirect;

/// The tabs, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    People,
    Tokens,
    Symbols,
    Sources,
}

impl Tab {
    const ALL: [Self; 4] = [Self::People, Self::Tokens, Self::Symbols, Self::Sources];

    const fn path(self) -> &'static str {
        match self {
            Self::People => "/settings/people",
            Self::Tokens => "/settings/tokens",
            Self::Symbols => "/settings/symbols",
            Self::Sources => "/settings/sources",
        }
    }

    fn name(self, w: &'static Words) -> &'static str {
        match self {
            Self::People => w.a_people,
            Self::Tokens => w.a_tokens,
            Self::Symbols => w.a_symbols,
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
