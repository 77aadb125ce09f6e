//! `/settings/symbols`: whose addresses get their names.

use super::super::entry::{Inside, Trouble};
use super::super::format;
use super::super::shell::{Choice, Shell};
use super::super::words::{Words, fill};
use super::Tab;
use crate::late::Passing;
use crate::privacy::date;
use crate::state::State;
use crate::store::{Store, StoreError, Unnamed};
use crate::symbol_files;
use askama::Template;
use axum::extract::State as Given;
use axum::http::StatusCode;
use axum::response::Response;
use candor_protocol::deidentify::AppName;

/// Lines of the list, the newest first.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "settings_symbols.html")]
struct Symbols<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    /// How far names that came late are given.
    passing: Option<String>,
    /// Builds that were met without symbols, by app.
    unnamed: Vec<UnnamedLine>,
    files: Vec<FileLine>,
    /// Whether there are more.
    more: bool,
}

struct UnnamedLine {
    app: String,
    module: String,
    build: String,
    reports: String,
    first: String,
    last: String,
    /// Whether its symbols were added meanwhile.
    soon: bool,
}

struct FileLine {
    build: String,
    size: String,
    since: String,
}

/// Builds that were met without symbols, the app's with most reports first; whether their symbols are at hand by now.
async fn unnamed<S: Store>(state: &State<S>) -> Result<Vec<(AppName, Unnamed, bool)>, StoreError> {
    let mut all = Vec::new();
    for app in state.store.apps().await? {
        let unnamed = state.store.unnamed(&app).await?.into_iter().take(MOST);
        all.extend(unnamed.map(|one| {
            let soon = state.symbols.has(&one.build);
            (app.clone(), one, soon)
        }));
    }
    Ok(all)
}

/// `GET /settings/symbols`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, mut inside: Inside) -> Response {
    let (w, lang, now) = (inside.words(), inside.visit.lang, inside.now);
    let unnamed = match unnamed(&state).await {
        Ok(unnamed) => unnamed,
        Err(error) => return inside.explain(&Trouble::Store(error)),
    };
    let line = |(app, one, soon): (AppName, Unnamed, bool)| UnnamedLine {
        app: app.to_string(),
        module: one.module,
        build: one.build.to_string(),
        reports: format::count(one.reports),
        first: format::ago(one.first_seen, now, lang),
        last: format::ago(one.last_seen, now, lang),
        soon,
    };
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
    inside.shell.title = w.a_settings.to_owned();
    let page = Symbols {
        w,
        shell: &inside.shell,
        tabs: Tab::Symbols.choices(&inside.visit),
        wrong: None,
        passing: state.late.now().map(|passing| {
            let Passing {
                app,
                issues,
                done,
                looked,
                moved,
                ..
            } = passing;
            fill(w.a_late, &[&app, &done, &issues, &looked, &moved])
        }),
        unnamed: unnamed.into_iter().map(line).collect(),
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
