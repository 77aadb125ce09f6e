//! `/settings/symbols`: whose addresses get their names.

use super::super::entry::{Inside, Trouble};
use super::super::shell::{Choice, Shell};
use super::super::words::Words;
use super::Tab;
use crate::privacy::date;
use crate::state::State;
use crate::store::{Store, StoreError};
use crate::symbol_files;
use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;

/// Lines of the list, the newest first.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "settings_symbols.html")]
struct Symbols<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    files: Vec<FileLine>,
    /// Whether there are more.
    more: bool,
}

struct FileLine {
    build: String,
    size: String,
    since: String,
}

/// `GET /settings/symbols`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, mut inside: Inside) -> Response {
    let data = state.office.data().to_owned();
    let listing = tokio::task::spawn_blocking(move || symbol_files::list(&data));
    let files = match listing
        .await
        .map_err(std::io::Error::other)
        .and_then(|files| files)
    {
        Ok(files) => files,
        Err(error) => {
            let error = StoreError::Unavailable(error.to_string());
            return inside.explain(&Trouble::Store(error));
        }
    };
    let w = inside.words();
    inside.shell.title = w.a_settings.to_owned();
    let page = Symbols {
        w,
        shell: &inside.shell,
        tabs: Tab::Symbols.choices(&inside.visit),
        wrong: None,
        more: files.len() > MOST,
        files: files
            .into_iter()
            .take(MOST)
            .map(|file| FileLine {
                build: file.build,
                size: format!("{:.1} MiB", file.bytes as f64 / f64::from(1 << 20)),
                since: date(file.since),
            })
            .collect(),
    };
    inside.answer_with(StatusCode::OK, &page)
}
