//! `/privacy`: what is kept of people, and what was done about it.

use super::entry::{Entry, Trouble};
use super::form::Form;
use super::format;
use super::labels::Label;
use super::shell::Shell;
use super::window;
use super::words::{Lang, Words, fill};
use crate::access::Need;
use crate::privacy::audit::{Entry as Deed, Tampered, Whole};
use crate::privacy::export::EPSILON_A_YEAR;
use crate::privacy::holds::{DAYS_MOST, Hold, NotHeld, Standing};
use crate::privacy::receipt::{Erased, Receipt};
use crate::privacy::requests::{self, Asked, NotDone, Request, Right, Role, Stage, WORKING_DAYS};
use crate::privacy::settings::{Class, Settings};
use crate::privacy::{date, day, export};
use crate::state::State;
use crate::store::{Ledger, QuarantineRow, Store, StoreError};
use askama::Template;
use axum::extract::{Path, State as Given};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use candor_protocol::catalogue::{self, FIELDS};
use candor_protocol::deidentify::{AppName, Pseudonym};

/// Lines of each list.
const MOST: usize = 20;

/// `GET /privacy`.
pub(crate) async fn page<S: Store>(Given(state): Given<State<S>>, entry: Entry) -> Response {
    entry.answer(show(&state, &entry).await)
}

/// `GET /privacy/receipts/{number}`: the receipt, as whoever checks it needs it.
pub(crate) async fn receipt<S: Store>(
    Given(state): Given<State<S>>,
    Path(number): Path<String>,
    entry: Entry,
) -> Response {
    let found = state.office.receipts(usize::MAX).map(|receipts| {
        let mut receipts = receipts.into_iter();
        receipts.find(|receipt| receipt.statement.number == number)
    });
    match found {
        Ok(Some(receipt)) => {
            let text = serde_json::to_string_pretty(&receipt).unwrap_or_default();
            download("application/json", &format!("receipt-{number}.json"), text)
        }
        Ok(None) => entry.answer(Err::<Privacy<'_>, _>(Trouble::NoPage)),
        Err(error) => entry.answer(Err::<Privacy<'_>, _>(error.into())),
    }
}

/// `POST /privacy`: opens, answers or refuses a request; asks for, approves or ends a hold.
pub(crate) async fn change<S: Store>(
    Given(state): Given<State<S>>,
    entry: Entry,
    form: Form,
) -> Response {
    match act(&state, &entry, &form).await {
        Ok(Some(download)) => download,
        Ok(None) => Redirect::to(&entry.visit.page("/privacy", &[])).into_response(),
        Err(trouble) => entry.answer(Err::<Privacy<'_>, _>(trouble)),
    }
}

/// Does what a form says; what whoever asked is to be given, if anything.
async fn act<S: Store>(
    state: &State<S>,
    entry: &Entry,
    form: &Form,
) -> Result<Option<Response>, Trouble> {
    let (w, who) = (entry.words(), entry.visitor.who());
    let bad = |what: &str| Trouble::Form(fill(w.p_bad_form, &[&what]));
    let get = |name: &str| form.get(name);
    let not_done = |why: NotDone| match why {
        NotDone::Failed(error) => Trouble::Store(error),
        other => Trouble::Form(other.to_string()),
    };
    if get("do") == "hold" {
        let name = person(entry)?;
        let basis = AppName::parse(get("basis")).map_err(|_| bad(w.p_hold_basis))?;
        let until = day(get("until")).ok_or_else(|| bad(w.p_hold_until))?;
        let opened = state
            .office
            .open_hold(name, &entry.app, basis, until, entry.now);
        return opened.map(|_| None).map_err(|why| not_held(w, why));
    }
    if get("do") == "open" {
        let pseudonyms = get("pseudonyms")
            .split(|letter: char| letter.is_whitespace() || letter == ',')
            .filter(|word| !word.is_empty())
            .map(|word| word.parse().map_err(|_| bad(w.p_pseudonyms)))
            .collect::<Result<Vec<Pseudonym>, _>>()?;
        let proof = match get("proof") {
            "" => None,
            proof => Some(AppName::parse(proof).map_err(|_| bad(w.p_proof))?),
        };
        let asked = Asked {
            app: entry.app.clone(),
            right: get("right").parse().map_err(|_| bad(w.p_asks))?,
            role: get("role").parse().map_err(|_| bad(w.p_from))?,
            proof,
            pseudonyms,
        };
        let opened = state.office.open_request(&who, asked, entry.now);
        return opened.map(|_| None).map_err(not_done);
    }
    let number = get("number").parse().map_err(|_| bad(w.p_number))?;
    if matches!(get("do"), "approve" | "end") {
        let name = person(entry)?;
        let changed = match get("do") {
            "approve" => state.office.approve_hold(name, number, entry.now),
            _ => state.office.end_hold(name, number, entry.now),
        };
        return changed.map(|_| None).map_err(|why| not_held(w, why));
    }
    let words = Some(get("words")).filter(|words| !words.is_empty());
    match get("do") {
        "answer" => {
            let given = requests::answer(state, &who, number, words).await;
            let given = given.map_err(not_done)?;
            let name = format!("request-{number}.txt");
            Ok(Some(download("text/plain; charset=utf-8", &name, given)))
        }
        "refuse" => {
            let words = words.ok_or_else(|| bad(w.p_answer_words))?;
            let closed = state
                .office
                .close_request(&who, number, Stage::Refused, words, entry.now);
            closed.map(|_| None).map_err(not_done)
        }
        _ => Err(bad("do")),
    }
}

/// The name of the person who asks: a hold is decided by two of them.
fn person(entry: &Entry) -> Result<&str, Trouble> {
    let guest = entry.visitor.guest();
    guest
        .map(|guest| guest.name.as_str())
        .ok_or_else(|| Trouble::Form(entry.words().p_hold_nobody.to_owned()))
}

fn not_held(w: &Words, why: NotHeld) -> Trouble {
    let why = match why {
        NotHeld::Failed(error) => return Trouble::Store(error),
        NotHeld::Unknown => w.p_hold_unknown.to_owned(),
        NotHeld::TooLong => fill(w.p_hold_too_long, &[&DAYS_MOST]),
        NotHeld::NeedsAnother => w.p_hold_another.to_owned(),
        NotHeld::TooMany => w.p_hold_many.to_owned(),
    };
    Trouble::Form(why)
}

/// A file. Its name is of this collector's making.
fn download(kind: &'static str, name: &str, text: String) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text).into_response();
    if let Ok(disposition) = disposition {
        response
            .headers_mut()
            .insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

#[derive(Template)]
#[template(path = "privacy.html")]
struct Privacy<'a> {
    w: &'static Words,
    shell: &'a Shell,
    /// Whether requests, receipts and the trail are shown, and may be answered.
    admin: bool,
    sends: String,
    fields: Vec<FieldLine>,
    arrived: Vec<(String, String)>,
    quarantine: Vec<Quarantined>,
    erasures: Vec<ErasureLine>,
    /// Said while reports are kept longer than was agreed.
    held: Option<String>,
    holds: Vec<HoldLine>,
    within: String,
    requests: Vec<RequestLine>,
    rights: Vec<(&'static str, &'static str)>,
    roles: Vec<(&'static str, &'static str)>,
    action: String,
    /// What is wrong with the audit trail.
    tampered: Option<String>,
    trail: String,
    head: String,
    deeds: Vec<DeedLine>,
    kept: Vec<(String, String, String)>,
    region_here: String,
    region_app: String,
    key: String,
    budget: String,
    spent: Vec<(String, String, String)>,
    sunset: Option<String>,
}

struct FieldLine {
    path: &'static str,
    meaning: &'static str,
    purpose: &'static str,
    rule: &'static str,
    optional: String,
}

struct Quarantined {
    field: String,
    reason: String,
    release: String,
    reports: String,
    last: String,
}

struct ErasureLine {
    at: String,
    what: String,
    reports: String,
    by: String,
    number: String,
    href: String,
}

struct RequestLine {
    number: u64,
    right: &'static str,
    role: &'static str,
    proof: String,
    due: String,
    stage: &'static str,
    open: bool,
    late: bool,
    answer: String,
}

struct HoldLine {
    number: u64,
    basis: String,
    people: String,
    until: String,
    standing: &'static str,
    asked: bool,
    over: bool,
}

struct DeedLine {
    at: String,
    who: String,
    did: &'static str,
    what: String,
}

async fn show<'a, S: Store>(state: &State<S>, entry: &'a Entry) -> Result<Privacy<'a>, Trouble> {
    let (w, lang, app) = (entry.words(), entry.visit.lang, &entry.app);
    let (store, office) = (&state.store, &state.office);
    let settings = office.settings()?;
    let ledger = store.ledger(app).await?;
    let quarantine = store.quarantined(app).await?;
    let receipts = office.receipts(MOST * 5)?;
    let requests = office.requests()?;
    let spent = office.spent()?;
    // A long trail takes a while to check.
    let shared = office.clone();
    let looking = tokio::task::spawn_blocking(move || {
        let trail = shared.trail();
        Ok::<_, std::io::Error>((trail.verify()?, trail.last(MOST * 5)?))
    });
    let unread = |error: std::io::Error| StoreError::Unavailable(error.to_string());
    let (verified, deeds) = looking
        .await
        .map_err(|_| StoreError::Fault("checking the audit trail ended with a panic".to_owned()))?
        .map_err(unread)?;
    let (tampered, trail, head) = match verified {
        Ok(Whole { entries, head }) => (
            None,
            fill(w.p_trail_whole, &[&format::count(entries)]),
            head,
        ),
        Err(Tampered { file, line, .. }) => {
            let file = file
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            let place = format!("{file}:{line}");
            (
                Some(fill(w.p_trail_broken, &[&place])),
                String::new(),
                String::new(),
            )
        }
    };
    let optional = FIELDS.iter().filter(|field| field.extra.is_some()).count();
    Ok(Privacy {
        w,
        shell: &entry.shell,
        admin: entry.visitor.may(Need::Admin),
        sends: fill(
            w.p_sends_text,
            &[&catalogue::VERSION, &FIELDS.len(), &optional],
        ),
        fields: fields(w, lang),
        arrived: arrived(&ledger, lang),
        quarantine: quarantine.iter().map(|row| leak(row, entry)).collect(),
        erasures: receipts
            .iter()
            .filter(|receipt| receipt.statement.app == *app)
            .take(MOST)
            .map(|receipt| erasure(receipt, entry))
            .collect(),
        held: office
            .held_until(app, entry.now)?
            .map(|until| fill(w.p_held, &[&date(until)])),
        holds: office
            .holds()?
            .iter()
            .filter(|hold| hold.app == *app)
            .take(MOST)
            .map(|hold| held(hold, entry))
            .collect(),
        within: fill(w.p_requests_text, &[&WORKING_DAYS]),
        requests: requests
            .iter()
            .filter(|request| request.app == *app)
            .take(MOST)
            .map(|request| asked(request, entry))
            .collect(),
        rights: Right::ALL
            .iter()
            .map(|one| (one.as_str(), one.label(lang)))
            .collect(),
        roles: Role::ALL
            .iter()
            .map(|one| (one.as_str(), one.label(lang)))
            .collect(),
        action: entry.visit.page("/privacy", &[]),
        tampered,
        trail,
        head,
        deeds: deeds
            .iter()
            .filter(|deed| deed.app.is_empty() || deed.app == app.as_str())
            .take(MOST)
            .map(|deed| done(deed, lang))
            .collect(),
        kept: kept(&settings, app, w, lang),
        region_here: region(settings.region.as_ref().map(|one| one.as_str()), w),
        region_app: {
            let pinned = settings.apps.get(app.as_str());
            let pinned = pinned.and_then(|app| app.region.as_ref());
            region(pinned.map(|one| one.as_str()), w)
        },
        key: office.signer().public(),
        budget: budget(&spent, entry),
        spent: spent
            .iter()
            .rev()
            .filter(|one| one.app == *app)
            .take(MOST)
            .map(|one| (date(one.at), one.partner.clone(), one.week.clone()))
            .collect(),
        sunset: office.sunset_of(app)?.map(|sunset| {
            fill(
                w.p_sunset_text,
                &[&window::exact(sunset.at), &sunset.notice],
            )
        }),
    })
}

fn fields(w: &'static Words, lang: Lang) -> Vec<FieldLine> {
    let text = |english: &'static str| match lang {
        Lang::En => english,
        Lang::Zh => catalogue::chinese(english).unwrap_or(english),
    };
    FIELDS
        .iter()
        .map(|field| FieldLine {
            path: field.path,
            meaning: text(field.meaning),
            purpose: text(field.purpose),
            rule: text(field.rule),
            optional: field
                .extra
                .map(|extra| fill(w.p_optional, &[&extra.as_str()]))
                .unwrap_or_default(),
        })
        .collect()
}

fn arrived(ledger: &Ledger, lang: Lang) -> Vec<(String, String)> {
    let stored = ledger.stored.iter();
    stored
        .map(|(kind, count)| (kind.label(lang).to_owned(), format::count(*count)))
        .collect()
}

fn leak(row: &QuarantineRow, entry: &Entry) -> Quarantined {
    let w = entry.words();
    Quarantined {
        field: row.field.clone(),
        reason: match row.reason.as_str() {
            "not_scrubbed" => w.p_not_scrubbed,
            "alphabet" => w.p_alphabet,
            "not_in_catalogue" => w.p_not_in_catalogue,
            "too_long" => w.p_too_long,
            "too_short" => w.p_too_short,
            "empty" => w.p_empty,
            other => other,
        }
        .to_owned(),
        release: row
            .release
            .as_ref()
            .map_or("–".to_owned(), |release| release.to_string()),
        reports: format::count(row.reports),
        last: format::ago(row.last.max(1), entry.now, entry.visit.lang),
    }
}

fn erasure(receipt: &Receipt, entry: &Entry) -> ErasureLine {
    let w = entry.words();
    let statement = &receipt.statement;
    let number = &statement.number;
    ErasureLine {
        at: window::exact(statement.at),
        what: match &statement.erased {
            Erased::Installations(all) => fill(w.p_installations, &[&all.len()]),
            Erased::App => w.p_whole_app.to_owned(),
            Erased::Release(release) => fill(w.p_release, &[release]),
            Erased::Range { from, to } => {
                format!("{} – {}", window::exact(*from), window::exact(*to))
            }
        },
        reports: format::count(statement.reports),
        by: statement.by.clone(),
        number: number.clone(),
        href: entry
            .visit
            .page(&format!("/privacy/receipts/{number}"), &[]),
    }
}

fn asked(request: &Request, entry: &Entry) -> RequestLine {
    let lang = entry.visit.lang;
    RequestLine {
        number: request.number,
        right: request.right.label(lang),
        role: request.role.label(lang),
        proof: request
            .proof
            .as_ref()
            .map(AppName::to_string)
            .unwrap_or_default(),
        due: date(request.due),
        stage: request.stage.label(lang),
        open: request.stage == Stage::Open,
        late: request.is_late(entry.now),
        answer: request
            .answer
            .as_ref()
            .map(|answer| answer.as_str().to_owned())
            .unwrap_or_default(),
    }
}

fn held(hold: &Hold, entry: &Entry) -> HoldLine {
    let standing = hold.standing(entry.now);
    let people = [&hold.opened_by].into_iter().chain(&hold.approved_by);
    HoldLine {
        number: hold.number,
        basis: hold.basis.to_string(),
        people: people.cloned().collect::<Vec<_>>().join(", "),
        until: date(hold.until),
        standing: standing.label(entry.visit.lang),
        asked: standing == Standing::Asked,
        over: standing == Standing::Over,
    }
}

fn done(deed: &Deed, lang: Lang) -> DeedLine {
    DeedLine {
        at: window::exact(deed.at),
        who: deed.who.clone(),
        did: deed.did.label(lang),
        what: deed.what.clone(),
    }
}

fn kept(
    settings: &Settings,
    app: &AppName,
    w: &'static Words,
    lang: Lang,
) -> Vec<(String, String, String)> {
    let line = |class: &Class| {
        (
            class.label(lang).to_owned(),
            fill(w.p_days, &[&settings.days(app, *class)]),
            fill(w.p_most, &[&class.most()]),
        )
    };
    Class::ALL.iter().map(line).collect()
}

fn region(region: Option<&str>, w: &'static Words) -> String {
    region.unwrap_or(w.p_anywhere).to_owned()
}

fn budget(spent: &[export::Spent], entry: &Entry) -> String {
    let year = entry.now.saturating_sub(365 * 86_400);
    let mine = spent
        .iter()
        .filter(|one| one.app == entry.app && one.at > year);
    let so_far: f64 = mine.map(|one| one.epsilon).sum();
    fill(entry.words().p_partners_text, &[&so_far, &EPSILON_A_YEAR])
}
