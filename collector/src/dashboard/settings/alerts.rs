//! `/settings/alerts`: who is told what of an app, and when.

use super::super::entry::{Entry, Trouble};
use super::super::form::Form;
use super::super::history;
use super::super::labels::Label;
use super::super::shell::{Choice, Shell};
use super::super::window::exact;
use super::super::words::{Lang, Words, fill};
use super::{Tab, named, status};
use crate::access::PersonName;
use crate::alerts::alert::Rule;
use crate::alerts::settings::{
    AppAlerts, Hidden, Language, MOST_WEBHOOKS, Mute, Quiet, Rules, Service, Webhook,
};
use crate::alerts::{self, Alerts, Attempted};
use crate::operating::{self, Wanted};
use crate::privacy::audit::{Deed, Did};
use crate::state::State;
use crate::store::triage::{By, Person};
use crate::store::{IssueId, Store, StoreError};
use askama::Template;
use axum::extract::State as Given;
use axum::response::{IntoResponse, Redirect, Response};
use std::collections::BTreeMap;
use std::io;

/// Lines of each list.
const MOST: usize = 50;

#[derive(Template)]
#[template(path = "settings_alerts.html")]
struct Page<'a> {
    w: &'static Words,
    shell: &'a Shell,
    tabs: Vec<Choice>,
    wrong: Option<String>,
    /// All apps, where there are several.
    apps: &'a [Choice],
    /// Where forms go.
    action: String,
    /// What keeps alerts from being told, or from being as good as they could be.
    remarks: Vec<&'static str>,
    /// What is said of a new secret, and the secret.
    secret: Option<(String, String)>,
    webhooks: Vec<WebhookLine>,
    services: [Service; 4],
    /// What stood in the form that was not taken.
    name: String,
    rules: Vec<RuleLine>,
    quiet: bool,
    from: String,
    to: String,
    offset: String,
    per_hour: u32,
    muted: Vec<MutedLine>,
    attempts: Vec<AttemptLine>,
    told: Vec<ToldLine>,
}

struct WebhookLine {
    name: String,
    service: &'static str,
    /// The name of the machine: the rest of its address may be a secret.
    host: String,
    signed: &'static str,
    language: &'static str,
}

struct RuleLine {
    word: &'static str,
    name: &'static str,
    hint: &'static str,
    on: bool,
    numbers: Vec<Number>,
}

struct Number {
    field: String,
    label: &'static str,
    value: String,
    step: &'static str,
}

struct MutedLine {
    id: String,
    /// Empty where it is gone, and where there are too many to ask for.
    title: String,
    href: String,
    /// Until when, and who said so.
    text: String,
}

struct AttemptLine {
    when: String,
    webhook: String,
    what: String,
    attempts: u32,
    outcome: String,
}

struct ToldLine {
    when: String,
    what: String,
    link: Option<String>,
}

/// `GET /settings/alerts`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    show(&state, entry, None, Ok(()), "").await
}

/// `POST /settings/alerts`: changes who is told, what, and when.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    entry: Entry,
    form: Form,
) -> Response {
    let here = Redirect::to(&entry.visit.page(Tab::Alerts.path(), &[]));
    let said = form.get("name").to_owned();
    let done = match form.get("do") {
        "add" => {
            let added = add(&state, &entry, &form);
            return match added {
                Ok(Some((name, secret))) => {
                    show(&state, entry, Some((name, secret)), Ok(()), "").await
                }
                Ok(None) => here.into_response(),
                Err(why) => show(&state, entry, None, Err(why), &said).await,
            };
        }
        "remove" => remove(&state, &entry, &said),
        "try" => try_out(&state, &entry, &said),
        "rules" => rules(&state, &entry, &form),
        "hours" => hours(&state, &entry, &form),
        "mute" => mute(&state, &entry, form.get("issue"), Wanted::Muted(None)).await,
        "unmute" => mute(&state, &entry, form.get("issue"), Wanted::Unmuted).await,
        _ => return entry.answer(Err::<Page<'_>, _>(Trouble::NoPage)),
    };
    match done {
        Ok(()) => here.into_response(),
        Err(why) => show(&state, entry, None, Err(why), "").await,
    }
}

/// Changes what was said, and writes that down first.
fn alter<S: Store>(
    state: &State<S>,
    entry: &Entry,
    what: String,
    change: impl FnOnce(&mut AppAlerts) -> Result<(), String>,
) -> Result<(), String> {
    let who = entry.visitor.who();
    let note = || {
        let deed = Deed {
            who: &who,
            did: Did::SettingChanged,
            app: Some(&entry.app),
            what,
        };
        let noted = state.office.note(entry.now, &deed);
        noted.map_err(|_| entry.words().a_unwritten.to_owned())
    };
    state.alerts.change(&entry.app, change, note)
}

/// Adds a webhook; its name and its secret, where that was made here.
fn add<S: Store>(
    state: &State<S>,
    entry: &Entry,
    form: &Form,
) -> Result<Option<(PersonName, String)>, String> {
    let w = entry.words();
    let name = named(form.get("name"), w)?;
    let service: Service = form
        .get("service")
        .parse()
        .map_err(|()| w.al_no_service.to_owned())?;
    let address = form.get("address");
    let checked = state.alerts.targets().check(address);
    checked.map_err(|why| fill(w.al_bad_address, &[&why]))?;
    let (mut secret, mut made) = (form.get("secret").to_owned(), None);
    if !service.is_signed() {
        secret.clear();
    } else if service == Service::Json && secret.is_empty() {
        secret = Alerts::new_secret();
        made = Some((name.clone(), secret.clone()));
    }
    let webhook = Webhook {
        name: name.clone(),
        service,
        address: Hidden::new(address),
        secret: (!secret.is_empty()).then(|| Hidden::new(&secret)),
        language: match form.get("language") {
            "zh" => Language::Chinese,
            _ => Language::English,
        },
    };
    let what = format!("alerts: webhook {name} added ({})", service.as_str());
    alter(state, entry, what, |said| {
        if said.webhook(&name).is_some() {
            return Err(w.al_exists.to_owned());
        }
        if said.webhooks.len() >= MOST_WEBHOOKS {
            return Err(fill(w.al_too_many, &[&MOST_WEBHOOKS]));
        }
        said.webhooks.push(webhook);
        Ok(())
    })?;
    Ok(made)
}

/// The name of a webhook that exists.
fn known<S: Store>(state: &State<S>, entry: &Entry, said: &str) -> Result<PersonName, String> {
    let w = entry.words();
    let name = named(said, w)?;
    let known = state
        .alerts
        .of_app(&entry.app)
        .map_err(|error| error.to_string())?;
    match known.webhook(&name) {
        Some(_) => Ok(name),
        None => Err(w.a_no_such.to_owned()),
    }
}

fn remove<S: Store>(state: &State<S>, entry: &Entry, said: &str) -> Result<(), String> {
    let name = known(state, entry, said)?;
    alter(
        state,
        entry,
        format!("alerts: webhook {name} removed"),
        |said| {
            said.webhooks.retain(|webhook| webhook.name != name);
            Ok(())
        },
    )?;
    let dropped = state.alerts.drop_webhook(&entry.app, &name);
    dropped.map_err(|error| error.to_string())
}

/// Sends a test.
fn try_out<S: Store>(state: &State<S>, entry: &Entry, said: &str) -> Result<(), String> {
    let name = known(state, entry, said)?;
    alter(
        state,
        entry,
        format!("alerts: webhook {name} tried"),
        |_| Ok(()),
    )?;
    let put = state.alerts.put_test(&entry.app, &name, entry.now);
    put.map_err(|error| error.to_string())
}

fn rules<S: Store>(state: &State<S>, entry: &Entry, form: &Form) -> Result<(), String> {
    let w = entry.words();
    let bad = |label: &str| fill(w.al_bad_number, &[&label]);
    let on = |word: &str| form.get(word) == "on";
    let whole = |field: &str, label: &str, most: u64| {
        let number = form.get(field).parse().ok();
        number.filter(|n| (1..=most).contains(n)).ok_or(bad(label))
    };
    let share = |field: &str, label: &str, most: f64| {
        let number = form.get(field).parse().ok();
        number
            .filter(|n| (0.0..=most).contains(n))
            .ok_or(bad(label))
    };
    const MANY: u64 = 1_000_000_000;
    let mut rules = Rules::default();
    rules.new_issue.on = on("new_issue");
    rules.new_issue.installs = whole("new_issue_installs", w.al_installs, MANY)?;
    rules.new_issue.percent = share("new_issue_percent", w.al_share, 100.0)?;
    rules.regression.on = on("regression");
    rules.crash_free.on = on("crash_free");
    rules.crash_free.percent = share("crash_free_percent", w.al_below, 100.0)?;
    rules.crash_free.runs = whole("crash_free_runs", w.al_runs, MANY)?;
    rules.spike.on = on("spike");
    rules.spike.reports = whole("spike_reports", w.al_reports, MANY)?;
    rules.spike.deviations = share("spike_deviations", w.al_deviations, 1_000.0)?;
    rules.connection.on = on("connection");
    rules.connection.points = share("connection_points", w.al_points, 100.0)?;
    rules.connection.attempts = whole("connection_attempts", w.al_attempts, MANY)?;
    rules.quarantine.on = on("quarantine");
    rules.silence.on = on("silence");
    rules.silence.minutes = whole("silence_minutes", w.al_minutes, 1_440)?;
    rules.silence.reports = whole("silence_reports", w.al_turned_away, MANY)?;
    let what = serde_json::to_string(&rules).unwrap_or_default();
    alter(state, entry, format!("alerts: rules {what}"), |said| {
        said.rules = rules;
        Ok(())
    })
}

fn hours<S: Store>(state: &State<S>, entry: &Entry, form: &Form) -> Result<(), String> {
    let w = entry.words();
    let bad = |label: &str| fill(w.al_bad_number, &[&label]);
    let per_hour = form.get("per_hour").parse().ok();
    let per_hour: u32 = per_hour
        .filter(|number| (1..=100).contains(number))
        .ok_or(bad(w.al_per_hour))?;
    let quiet = match form.get("quiet") {
        "on" => Some(Quiet {
            from: minute(form.get("from")).ok_or(bad(w.al_from))?,
            to: minute(form.get("to")).ok_or(bad(w.al_to))?,
            offset: offset(form.get("offset")).ok_or(bad(w.al_offset))?,
        }),
        _ => None,
    };
    let said = match quiet {
        Some(quiet) => format!(
            "quiet from {} to {} at {}",
            clock(quiet.from),
            clock(quiet.to),
            offset_text(quiet.offset)
        ),
        None => "no quiet hours".to_owned(),
    };
    let what = format!("alerts: {said}, {per_hour} messages an hour");
    alter(state, entry, what, |said| {
        (said.quiet, said.per_hour) = (quiet, per_hour);
        Ok(())
    })
}

async fn mute<S: Store>(
    state: &State<S>,
    entry: &Entry,
    issue: &str,
    wanted: Wanted,
) -> Result<(), String> {
    let w = entry.words();
    let issue: IssueId = issue.parse().map_err(|()| w.al_bad_issue.to_owned())?;
    let by = By {
        who: Person::new(&entry.visitor.who()).ok_or_else(|| w.a_unwritten.to_owned())?,
        at: entry.now,
    };
    match operating::triage(state, &entry.app, &[issue], wanted, by).await {
        Ok(0) => Err(w.no_issue_text.to_owned()),
        Ok(_) => Ok(()),
        Err(error) => {
            tracing::error!(%error, "an issue was not muted");
            Err(w.a_unwritten.to_owned())
        }
    }
}

/// `22:30` as minutes of the day.
fn minute(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

fn clock(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `+08:00` as minutes.
fn offset(text: &str) -> Option<i16> {
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => (1, text),
    };
    let minutes = i16::try_from(minute(rest)?).ok()?;
    (minutes <= 18 * 60).then_some(sign * minutes)
}

fn offset_text(offset: i16) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    format!("{sign}{}", clock(offset.unsigned_abs()))
}

/// What the files say.
fn read(
    alerts: &Alerts,
    entry: &Entry,
) -> io::Result<(AppAlerts, Vec<Attempted>, Vec<alerts::alert::Alert>)> {
    let app = &entry.app;
    Ok((
        alerts.of_app(app)?,
        alerts.attempted(app)?,
        alerts.told(app)?,
    ))
}

/// The most muted issues whose titles are asked for.
const TITLES: usize = 20;

/// What is muted now.
async fn muted<S: Store>(
    state: &State<S>,
    entry: &Entry,
    said: BTreeMap<String, Mute>,
) -> Result<Vec<MutedLine>, StoreError> {
    let w = entry.words();
    let mut lines = Vec::new();
    for (id, mute) in said.into_iter().filter(|(_, mute)| mute.holds(entry.now)) {
        let title = match id.parse() {
            Ok(issue) if lines.len() < TITLES => {
                let found = state.store.issue(&entry.app, issue, entry.span, entry.now);
                found.await?.map(|page| page.row.title)
            }
            _ => None,
        };
        lines.push(MutedLine {
            href: entry.visit.page(&format!("/issues/{id}"), &[]),
            text: history::mute_text(w, &mute),
            title: title.unwrap_or_default(),
            id,
        });
    }
    Ok(lines)
}

async fn show<S: Store>(
    state: &State<S>,
    mut entry: Entry,
    secret: Option<(PersonName, String)>,
    done: Result<(), String>,
    name: &str,
) -> Response {
    let (w, lang, alerts) = (entry.words(), entry.visit.lang, &state.alerts);
    let (said, attempted, told) = match read(alerts, &entry) {
        Ok(read) => read,
        Err(error) => {
            let error = StoreError::Unavailable(error.to_string());
            return entry.answer(Err::<Page<'_>, _>(Trouble::Store(error)));
        }
    };
    let muted = match muted(state, &entry, said.muted).await {
        Ok(muted) => muted,
        Err(error) => return entry.answer(Err::<Page<'_>, _>(Trouble::Store(error))),
    };
    entry.shell.title = w.a_settings.to_owned();
    let mut apps = entry.shell.apps.clone();
    for app in &mut apps {
        app.href = entry.visit.page(Tab::Alerts.path(), &[("app", &app.label)]);
    }
    let quiet = said.quiet.unwrap_or(Quiet {
        from: 22 * 60,
        to: 7 * 60,
        offset: 0,
    });
    let remark = |holds: bool, text: &'static str| holds.then_some(text);
    let status = status(&done);
    let page = Page {
        w,
        shell: &entry.shell,
        tabs: Tab::Alerts.choices(&entry.visit),
        wrong: done.err(),
        apps: if apps.len() > 1 { &apps } else { &[] },
        action: entry.visit.page(Tab::Alerts.path(), &[]),
        remarks: [
            remark(!alerts.tells(), w.al_off_here),
            remark(!alerts.has_links(), w.al_no_links),
            remark(said.webhooks.is_empty(), w.al_no_webhook),
        ]
        .into_iter()
        .flatten()
        .collect(),
        secret: secret.map(|(name, secret)| (fill(w.al_secret_is, &[&name]), secret)),
        webhooks: said
            .webhooks
            .iter()
            .map(|one| webhook_line(one, w))
            .collect(),
        services: Service::ALL,
        name: name.to_owned(),
        rules: rule_lines(&said.rules, w, lang),
        quiet: said.quiet.is_some(),
        from: clock(quiet.from),
        to: clock(quiet.to),
        offset: offset_text(quiet.offset),
        per_hour: said.per_hour,
        muted,
        attempts: attempted
            .into_iter()
            .take(MOST)
            .map(|one| attempt_line(one, w, lang))
            .collect(),
        told: told
            .iter()
            .take(MOST)
            .map(|alert| ToldLine {
                when: exact(alert.at),
                what: alerts::title(alert, language(lang)),
                link: alert
                    .about
                    .issue()
                    .map(|issue| entry.visit.page(&format!("/issues/{}", issue.id), &[])),
            })
            .collect(),
    };
    entry.answer_with(status, &page)
}

const fn language(lang: Lang) -> Language {
    match lang {
        Lang::En => Language::English,
        Lang::Zh => Language::Chinese,
    }
}

fn webhook_line(webhook: &Webhook, w: &'static Words) -> WebhookLine {
    WebhookLine {
        name: webhook.name.to_string(),
        service: webhook.service.name(),
        host: webhook.host().unwrap_or_default(),
        signed: match (webhook.service.is_signed(), webhook.secret.is_some()) {
            (false, _) => w.al_knows_none,
            (true, true) => w.al_set,
            (true, false) => w.al_not_set,
        },
        language: match webhook.language {
            Language::English => "English",
            Language::Chinese => "中文",
        },
    }
}

fn rule_lines(rules: &Rules, w: &'static Words, lang: Lang) -> Vec<RuleLine> {
    let number = |field: &str, label, value: String, step| Number {
        field: field.to_owned(),
        label,
        value,
        step,
    };
    let line = |rule: Rule, word, hint, on, numbers| RuleLine {
        word,
        name: rule.label(lang),
        hint,
        on,
        numbers,
    };
    let Rules {
        new_issue,
        regression,
        crash_free,
        spike,
        connection,
        quarantine,
        silence,
    } = rules;
    vec![
        line(
            Rule::NewIssue,
            "new_issue",
            w.al_new_issue,
            new_issue.on,
            vec![
                number(
                    "new_issue_installs",
                    w.al_installs,
                    new_issue.installs.to_string(),
                    "1",
                ),
                number(
                    "new_issue_percent",
                    w.al_share,
                    new_issue.percent.to_string(),
                    "any",
                ),
            ],
        ),
        line(
            Rule::Regression,
            "regression",
            w.al_regression,
            regression.on,
            Vec::new(),
        ),
        line(
            Rule::CrashFree,
            "crash_free",
            w.al_crash_free,
            crash_free.on,
            vec![
                number(
                    "crash_free_percent",
                    w.al_below,
                    crash_free.percent.to_string(),
                    "any",
                ),
                number(
                    "crash_free_runs",
                    w.al_runs,
                    crash_free.runs.to_string(),
                    "1",
                ),
            ],
        ),
        line(
            Rule::Spike,
            "spike",
            w.al_spike,
            spike.on,
            vec![
                number(
                    "spike_reports",
                    w.al_reports,
                    spike.reports.to_string(),
                    "1",
                ),
                number(
                    "spike_deviations",
                    w.al_deviations,
                    spike.deviations.to_string(),
                    "any",
                ),
            ],
        ),
        line(
            Rule::Connection,
            "connection",
            w.al_connection,
            connection.on,
            vec![
                number(
                    "connection_points",
                    w.al_points,
                    connection.points.to_string(),
                    "any",
                ),
                number(
                    "connection_attempts",
                    w.al_attempts,
                    connection.attempts.to_string(),
                    "1",
                ),
            ],
        ),
        line(
            Rule::Quarantine,
            "quarantine",
            w.al_quarantine,
            quarantine.on,
            Vec::new(),
        ),
        line(
            Rule::Silence,
            "silence",
            w.al_silence,
            silence.on,
            vec![
                number(
                    "silence_minutes",
                    w.al_minutes,
                    silence.minutes.to_string(),
                    "1",
                ),
                number(
                    "silence_reports",
                    w.al_turned_away,
                    silence.reports.to_string(),
                    "1",
                ),
            ],
        ),
    ]
}

fn attempt_line(one: Attempted, w: &'static Words, lang: Lang) -> AttemptLine {
    let outcome = match (one.waits, one.failed) {
        (true, None) => w.al_waits.to_owned(),
        (true, Some(why)) => fill(w.al_again, &[&why]),
        (false, None) => w.al_arrived.to_owned(),
        (false, Some(why)) => fill(w.al_given_up, &[&why]),
    };
    AttemptLine {
        when: exact(one.at),
        webhook: one.webhook.to_string(),
        what: match one.rule {
            Some(rule) => rule.label(lang).to_owned(),
            None => fill(w.al_several, &[&one.alerts]),
        },
        attempts: one.attempts,
        outcome,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_and_offsets_read_back_as_they_were_written() {
        for text in ["00:00", "07:30", "23:59"] {
            assert_eq!(minute(text).map(clock).as_deref(), Some(text));
        }
        for text in ["+00:00", "+08:00", "-05:30", "+14:00"] {
            assert_eq!(offset(text).map(offset_text).as_deref(), Some(text));
        }
        assert_eq!(offset("08:00"), Some(480));
        for wrong in ["", "24:00", "7", "12:60", "+19:00", "x"] {
            assert!(
                minute(wrong).is_none() || offset(wrong).is_none(),
                "{wrong}"
            );
        }
        assert_eq!(offset("+19:00"), None);
    }
}
