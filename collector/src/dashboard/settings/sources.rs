//! `/settings/sources`: where the source of each app is shown.

use super::super::entry::{Inside, Trouble};
use super::super::form::Form;
use super::super::shell::{Choice, Shell};
use super::super::words::{Words, fill};
use super::{Tab, status};
use crate::forge::{self, Forge};
use crate::state::State;
use crate::store::Store;
use askama::Template;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Redirect, Response};
use candor_protocol::deidentify::AppName;

#[derive(Template)]
#[template(path = "settings_sources.html")]
struct Sources<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    apps: Vec<AppLine>,
}

struct AppLine {
    app: String,
    template: String,
    strip: String,
}

/// What somebody typed that could not be taken.
struct Typed {
    app: String,
    template: String,
    strip: String,
    wrong: String,
}

/// `GET /settings/sources`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, inside: Inside) -> Response {
    show(&state, inside, None).await
}

/// `POST /settings/sources`: says where the source of an app is shown.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    inside: Inside,
    form: Form,
) -> Response {
    let (w, now, who) = (inside.words(), inside.now, inside.visitor.who());
    let (app, template, strip) = (form.get("app"), form.get("template"), form.get("strip"));
    let typed = |wrong: String| Typed {
        app: app.to_owned(),
        template: template.to_owned(),
        strip: strip.to_owned(),
        wrong,
    };
    let known = match state.store.apps().await {
        Ok(apps) => apps.into_iter().find(|one| one.as_str() == app),
        Err(error) => return inside.explain(&Trouble::Store(error)),
    };
    let Some(app) = known else {
        return show(&state, inside, Some(typed(w.a_no_such.to_owned()))).await;
    };
    let forge = match template.trim() {
        "" => None,
        template => match Forge::new(template, strip) {
            Ok(forge) => Some(forge),
            Err(why) => {
                let wrong = fill(w.a_bad_template, &[&why]);
                return show(&state, inside, Some(typed(wrong))).await;
            }
        },
    };
    let said = forge::said(forge.as_ref());
    let changed = (state.office).change_settings(&who, now, Some(&app), said, |settings| {
        settings.show_source(&app, forge);
        Ok(())
    });
    match changed {
        Ok(()) => Redirect::to(Tab::Sources.path()).into_response(),
        Err(why) => show(&state, inside, Some(typed(why))).await,
    }
}

async fn show<S: Store>(state: &State<S>, mut inside: Inside, typed: Option<Typed>) -> Response {
    let w = inside.words();
    let asked = (state.store.apps().await).and_then(|apps| Ok((apps, state.office.settings()?)));
    let (apps, settings) = match asked {
        Ok(asked) => asked,
        Err(error) => return inside.explain(&Trouble::Store(error)),
    };
    let line = |app: AppName| match &typed {
        Some(typed) if typed.app == app.as_str() => AppLine {
            app: typed.app.clone(),
            template: typed.template.clone(),
            strip: typed.strip.clone(),
        },
        _ => {
            let forge = settings.forge(&app);
            AppLine {
                template: forge.map_or("", Forge::template).to_owned(),
                strip: forge.map_or("", Forge::strip).to_owned(),
                app: app.to_string(),
            }
        }
    };
    inside.shell.title = w.a_settings.to_owned();
    let apps = apps.into_iter().map(line).collect();
    let done = typed.map_or(Ok(()), |typed| Err(typed.wrong));
    let status = status(&done);
    let page = Sources {
        w,
        shell: &inside.shell,
        tabs: Tab::Sources.choices(&inside.visit),
        wrong: done.err(),
        apps,
    };
    inside.answer_with(status, &page)
}
