//! `/settings/remote`: what the agents of an app are asked to leave out, by range of releases.

use super::super::entry::{Entry, Trouble};
use super::super::form::Form;
use super::super::labels::Label;
use super::super::shell::{Choice, Shell};
use super::super::words::{Lang, Words, fill};
use super::{Tab, not_done, status};
use crate::operating::{self, moment};
use crate::privacy::narrowing::Less;
use crate::state::State;
use crate::store::Store;
use askama::Template;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Redirect, Response};
use candor_protocol::answer::{Narrowing, Sample};
use candor_protocol::catalogue::Extra;
use candor_protocol::deidentify::Release;
use candor_protocol::report::Kind;

const HOUR: u64 = 3_600;
const MINUTE: u32 = 60;

/// Kinds of reports that agents can be asked to leave out: losses are told in any case.
const KINDS: [Kind; 4] = [Kind::Crash, Kind::Freeze, Kind::Connection, Kind::Run];

#[derive(Template)]
#[template(path = "settings_remote.html")]
struct Remote<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    action: String,
    asked: Vec<Line>,
    filled: Filled,
    kinds: Vec<(&'static str, &'static str)>,
    extras: Vec<(&'static str, &'static str)>,
}

/// What is asked of a range.
struct Line {
    range: String,
    less: Vec<String>,
    from: String,
    before: String,
    /// Leads to the form, filled in with it.
    edit: String,
}

/// What stands in the form.
#[derive(Debug, Default, PartialEq)]
struct Filled {
    from: String,
    before: String,
    off: bool,
    off_hours: String,
    kinds_off: Vec<String>,
    extras_off: Vec<String>,
    samples: Vec<(String, String)>,
    every: String,
}

impl Filled {
    fn has_kind(&self, word: &str) -> bool {
        self.kinds_off.iter().any(|kind| kind == word)
    }

    fn has_extra(&self, word: &str) -> bool {
        self.extras_off.iter().any(|extra| extra == word)
    }

    fn sample(&self, word: &str) -> &str {
        let mut samples = self.samples.iter();
        let found = samples.find(|(kind, _)| kind == word);
        found.map_or("", |(_, percent)| percent)
    }

    /// What somebody has filled in.
    fn read(form: &Form) -> Self {
        let get = |name: &str| form.get(name).to_owned();
        let all = |name: &str| form.all(name).map(str::to_owned).collect();
        Self {
            from: get("from"),
            before: get("before"),
            off: !form.get("off").is_empty(),
            off_hours: get("off_hours"),
            kinds_off: all("kind_off"),
            extras_off: all("extra_off"),
            samples: KINDS
                .iter()
                .map(|kind| (kind.to_string(), get(&format!("sample_{kind}"))))
                .collect(),
            every: get("every"),
        }
    }

    /// What is asked now, to be changed.
    fn of(less: &Less, now: u64) -> Self {
        let asked = &less.narrowing;
        let left = asked.off_until.and_then(|until| until.checked_sub(now));
        let release = |release: &Option<Release>| {
            let release = release.as_ref();
            release.map(Release::to_string).unwrap_or_default()
        };
        Self {
            from: release(&less.from),
            before: release(&less.before),
            off: less.off,
            off_hours: left.map_or_else(String::new, |left| left.div_ceil(HOUR).to_string()),
            kinds_off: asked.kinds_off.iter().map(Kind::to_string).collect(),
            extras_off: asked
                .extras_off
                .iter()
                .map(|extra| extra.as_str().to_owned())
                .collect(),
            samples: asked
                .sample
                .iter()
                .map(|sample| (sample.kind.to_string(), sample.percent.to_string()))
                .collect(),
            every: asked
                .upload_every_seconds
                .map_or_else(String::new, |seconds| seconds.div_ceil(MINUTE).to_string()),
        }
    }

    /// What is to be asked; what of it cannot be read.
    fn less(&self, w: &'static Words, now: u64) -> Result<Less, String> {
        let release = |said: &str| match said {
            "" => Ok(None),
            said => Release::parse(said)
                .map(Some)
                .map_err(|_| fill(w.o_bad_release, &[&said])),
        };
        let number = |said: &str, least: u32, most: u32| match said {
            "" => Ok(None),
            said => {
                let number = said.parse().ok();
                let number = number.filter(|number| (least..=most).contains(number));
                number
                    .map(Some)
                    .ok_or_else(|| fill(w.o_bad_number, &[&said]))
            }
        };
        let unread = |word: &str| fill(w.p_bad_form, &[&word]);
        let mut sample = Vec::new();
        for (kind, said) in &self.samples {
            if let Some(percent) = number(said, 0, 100)? {
                sample.push(Sample {
                    kind: kind.parse().map_err(|_| unread(kind))?,
                    percent: u8::try_from(percent).unwrap_or(100),
                });
            }
        }
        let hours = number(&self.off_hours, 1, 168)?;
        let minutes = number(&self.every, 1, 1_440)?;
        Ok(Less {
            from: release(&self.from)?,
            before: release(&self.before)?,
            off: self.off,
            narrowing: Narrowing {
                off_until: hours.map(|hours| now + u64::from(hours) * HOUR),
                kinds_off: self
                    .kinds_off
                    .iter()
                    .map(|word| word.parse().map_err(|_| unread(word)))
                    .collect::<Result<_, _>>()?,
                extras_off: self
                    .extras_off
                    .iter()
                    .map(|word| word.parse().map_err(|_| unread(word)))
                    .collect::<Result<_, _>>()?,
                sample,
                upload_every_seconds: minutes.map(|minutes| minutes * MINUTE),
            },
        })
    }
}

/// `GET /settings/remote`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    show(&state, entry, Ok(()), None)
}

/// `POST /settings/remote`: asks for less in a range of releases, or takes that back.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    entry: Entry,
    form: Form,
) -> Response {
    let (w, who) = (entry.words(), entry.visitor.who());
    let filled = match form.get("do") {
        "ask" => Filled::read(&form),
        "back" => Filled {
            from: form.get("from").to_owned(),
            before: form.get("before").to_owned(),
            ..Filled::default()
        },
        _ => return entry.explain(&Trouble::NoPage),
    };
    let less = match filled.less(w, entry.now) {
        Ok(less) => less,
        Err(why) => return show(&state, entry, Err(why), Some(filled)),
    };
    match operating::ask(&state, &who, &entry.app, less).await {
        Ok(()) => Redirect::to(&entry.visit.page(Tab::Remote.path(), &[])).into_response(),
        Err(why) => {
            let why = not_done(w, &why);
            show(&state, entry, Err(why), Some(filled))
        }
    }
}

fn show<S: Store>(
    state: &State<S>,
    mut entry: Entry,
    done: Result<(), String>,
    filled: Option<Filled>,
) -> Response {
    let (w, lang, now) = (entry.words(), entry.visit.lang, entry.now);
    let settings = match state.office.settings() {
        Ok(settings) => settings,
        Err(error) => return entry.explain(&Trouble::Store(error)),
    };
    entry.shell.title = w.a_settings.to_owned();
    let app = settings.apps.get(entry.app.as_str());
    let all = app.map_or(&[][..], |app| &app.less);
    let edited = entry.visit.get("edit").and_then(|n| n.parse().ok());
    let edited = edited.and_then(|n: usize| all.get(n));
    let path = Tab::Remote.path();
    let lines = all.iter().enumerate().map(|(n, less)| {
        let Filled { from, before, .. } = Filled::of(less, now);
        Line {
            range: range(w, &from, &before),
            less: said(w, lang, less, now),
            edit: format!(
                "{}#ask",
                entry.visit.page(path, &[("edit", &n.to_string())])
            ),
            from,
            before,
        }
    });
    let status = status(&done);
    let page = Remote {
        w,
        shell: &entry.shell,
        tabs: Tab::Remote.choices(&entry.visit),
        wrong: done.err(),
        action: entry.visit.page(path, &[]),
        asked: lines.collect(),
        filled: filled
            .or_else(|| edited.map(|less| Filled::of(less, now)))
            .unwrap_or_default(),
        kinds: KINDS
            .iter()
            .map(|kind| (kind.as_str(), kind.label(lang)))
            .collect(),
        extras: Extra::ALL
            .iter()
            .map(|extra| (extra.as_str(), extra.label(lang)))
            .collect(),
    };
    entry.answer_with(status, &page)
}

fn range(w: &'static Words, from: &str, before: &str) -> String {
    match (from, before) {
        ("", "") => w.o_all_releases.to_owned(),
        (from, "") => fill(w.o_releases_from, &[&from]),
        ("", before) => fill(w.o_releases_before, &[&before]),
        (from, before) => fill(w.o_releases_between, &[&from, &before]),
    }
}

/// What is asked, each in a few words.
fn said(w: &'static Words, lang: Lang, less: &Less, now: u64) -> Vec<String> {
    let asked = &less.narrowing;
    let mut said = Vec::new();
    if less.off {
        said.push(w.o_off.to_owned());
    }
    if let Some(until) = asked.off_until.filter(|until| *until > now) {
        said.push(fill(w.o_off_until, &[&moment(until)]));
    }
    let kinds = asked.kinds_off.iter().map(|kind| kind.label(lang));
    let extras = asked.extras_off.iter().map(|extra| extra.label(lang));
    said.extend(kinds.chain(extras).map(|what| fill(w.o_without, &[&what])));
    for Sample { kind, percent } in &asked.sample {
        said.push(fill(w.o_sampled, &[&kind.label(lang), percent]));
    }
    if let Some(seconds) = asked.upload_every_seconds {
        said.push(fill(w.o_every_said, &[&seconds.div_ceil(MINUTE)]));
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_that_is_filled_in_with_what_is_asked_asks_the_same_again() {
        let (w, now) = (Lang::En.words(), 10 * HOUR);
        let less = Less {
            from: "1.2".parse().ok(),
            before: None,
            off: true,
            narrowing: Narrowing {
                off_until: Some(now + 3 * HOUR),
                kinds_off: vec![Kind::Freeze],
                extras_off: vec![Extra::Usage],
                sample: vec![Sample {
                    kind: Kind::Connection,
                    percent: 0,
                }],
                upload_every_seconds: Some(1_800),
            },
        };
        assert_eq!(Filled::of(&less, now).less(w, now), Ok(less));
        assert_eq!(Filled::default().less(w, now), Ok(Less::default()));
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        let w = Lang::En.words();
        let with = |change: fn(&mut Filled)| {
            let mut filled = Filled::default();
            change(&mut filled);
            filled.less(w, 0).unwrap_err()
        };
        assert!(with(|form| form.every = "0".into()).contains('0'));
        assert!(with(|form| form.off_hours = "169".into()).contains("169"));
        assert!(with(|form| form.from = "a@b.c".into()).contains("not a release"));
        assert!(with(|form| form.kinds_off = vec!["all".into()]).contains("all"));
        let sampled = vec![("freeze".into(), "101".into())];
        let filled = Filled {
            samples: sampled,
            ..Filled::default()
        };
        assert!(filled.less(w, 0).is_err());
    }
}
