//! What persons ask for: to see, to have a copy, to correct, to have erased. Each request has a state and a clock.

use super::audit::{Deed, Did, hashed};
use super::calendar;
use super::erasure::{self, Wanted};
use super::settings::Class;
use super::{Office, unwritten};
use crate::state::State;
use crate::store::{Store, StoreError};
use candor_protocol::catalogue::FIELDS;
use candor_protocol::deidentify::{AppName, CleanText, Pseudonym};
use candor_protocol::report::Report;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

/// A request is answered within this many working days.
pub const WORKING_DAYS: u32 = 15;

/// The most requests that are open at a time: whoever opens more is not a person.
const MOST_OPEN: usize = 1_000;

macro_rules! closed_list {
    ($(#[$doc:meta])* $name:ident, $says:literal, { $($(#[$each:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$each])* $variant,)+
        }

        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];

            /// The word for it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)+
                }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(word: &str) -> Result<Self, String> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|one| one.as_str() == word)
                    .ok_or_else(|| format!(concat!($says, ": {}"), [$($word,)+].join(", ")))
            }
        }
    };
}

closed_list! {
    /// What is asked for.
    Right, "a request asks for one of", {
        /// To know what is kept.
        Access = "access",
        /// To have it, in a form that can be read by programs.
        Copy = "copy",
        /// To have something wrong set right.
        Correct = "correct",
        /// To have something missing added.
        Supplement = "supplement",
        /// To have it erased.
        Delete = "delete",
        /// To take consent back, with everything erased.
        Withdraw = "withdraw",
        /// To have the rules explained.
        Explain = "explain",
    }
}

closed_list! {
    /// Who asks.
    Role, "a request comes from one of", {
        /// Whose device it is.
        Person = "person",
        /// Whoever has custody of a child whose device it is.
        Guardian = "guardian",
    }
}

closed_list! {
    /// How far it is.
    Stage, "a request is one of", {
        /// Nobody has answered it yet.
        Open = "open",
        /// What was asked for is done.
        Answered = "answered",
        /// It is not done, for a reason that was told.
        Refused = "refused",
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Counts from 1.
    pub number: u64,
    /// Which app it is about.
    #[schemars(with = "String")]
    pub app: AppName,
    /// What is asked for.
    pub right: Right,
    /// Who asks.
    pub role: Role,
    /// Where the developer keeps the proof that whoever asks may: a name such as a ticket's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub proof: Option<AppName>,
    /// The pseudonyms of the device. They are known to nobody else, so naming them proves whose device it is. They are
    /// forgotten when the request is closed, or erased.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(with = "Vec<String>")]
    pub pseudonyms: Vec<Pseudonym>,
    /// When it came, in seconds since 1970-01-01 UTC.
    pub opened: u64,
    /// The last second in which it is answered in time.
    pub due: u64,
    /// How far it is.
    pub stage: Stage,
    /// When it was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<u64>,
    /// What was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub answer: Option<CleanText>,
}

impl Request {
    /// Whether it is open and its time is over.
    pub fn is_late(&self, now: u64) -> bool {
        self.stage == Stage::Open && now > self.due
    }
}

/// What is asked, before it has a number.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which app it is about.
    pub app: AppName,
    /// What is asked for.
    pub right: Right,
    /// Who asks.
    pub role: Role,
    /// Where the developer keeps the proof.
    pub proof: Option<AppName>,
    /// The pseudonyms of the device.
    pub pseudonyms: Vec<Pseudonym>,
}

/// Why a request was not opened or closed.
#[derive(Debug)]
pub enum NotDone {
    /// There is no request of this number.
    Unknown,
    /// It is closed already.
    Closed,
    /// It cannot be answered without words.
    NeedsWords,
    /// It is not about any device.
    NeedsPseudonyms,
    /// Too many are open.
    TooMany,
    /// The store or the office failed.
    Failed(StoreError),
}

impl From<StoreError> for NotDone {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

impl std::fmt::Display for NotDone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no request of this number"),
            Self::Closed => f.write_str("this request is closed already"),
            Self::NeedsWords => f.write_str(
                "what a device measured cannot be changed here; say with --answer what is done instead, or refuse it with a reason",
            ),
            Self::NeedsPseudonyms => f.write_str(
                "say which device: its pseudonyms are shown by the app, or by `candor status`; nothing else tells whose data it is",
            ),
            Self::TooMany => f.write_str("too many requests are open; answer some first"),
            Self::Failed(error) => error.fmt(f),
        }
    }
}

/// The requests, oldest first, and how many there have been.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Requests {
    last: u64,
    requests: Vec<Request>,
}

impl Office {
    /// All requests, the latest first.
    ///
    /// # Errors
    /// When they cannot be read.
    pub fn requests(&self) -> Result<Vec<Request>, StoreError> {
        let known = self.requests.read().map_err(unwritten)?;
        Ok(known.requests.iter().rev().cloned().collect())
    }

    /// Opens a request; its clock starts.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn open_request(&self, who: &str, asked: Asked, now: u64) -> Result<Request, NotDone> {
        let due = self.settings()?.due(now);
        let opened = self
            .requests
            .change(|known| {
                let open = known.requests.iter().filter(|one| one.stage == Stage::Open);
                if open.count() >= MOST_OPEN {
                    return None;
                }
                known.last += 1;
                let request = Request {
                    number: known.last,
                    app: asked.app,
                    right: asked.right,
                    role: asked.role,
                    proof: asked.proof,
                    pseudonyms: asked.pseudonyms,
                    opened: now,
                    due,
                    stage: Stage::Open,
                    closed: None,
                    answer: None,
                };
                known.requests.push(request.clone());
                Some(request)
            })
            .map_err(unwritten)?
            .ok_or(NotDone::TooMany)?;
        self.note_request(who, &opened, now)?;
        Ok(opened)
    }

    /// Closes a request, with what whoever asked is told. Its pseudonyms are forgotten.
    ///
    /// # Errors
    /// [`NotDone`].
    pub fn close_request(
        &self,
        who: &str,
        number: u64,
        stage: Stage,
        answer: &str,
        now: u64,
    ) -> Result<Request, NotDone> {
        let closed = self
            .requests
            .change(|known| {
                let request = known.requests.iter_mut().find(|one| one.number == number);
                let request = request.ok_or(NotDone::Unknown)?;
                if request.stage != Stage::Open {
                    return Err(NotDone::Closed);
                }
                request.stage = stage;
                request.closed = Some(now);
                request.answer = Some(CleanText::scrub(answer));
                request.pseudonyms.clear();
                Ok(request.clone())
            })
            .map_err(unwritten)??;
        self.note_request(who, &closed, now)?;
        Ok(closed)
    }

    fn note_request(&self, who: &str, request: &Request, now: u64) -> Result<(), StoreError> {
        let (number, right) = (request.number, request.right.as_str());
        let (role, stage) = (request.role.as_str(), request.stage.as_str());
        let deed = Deed {
            who,
            did: Did::RequestChanged,
            app: Some(&request.app),
            what: format!("request {number}: {right} by {role}, {stage}"),
        };
        self.note(now, &deed)
    }

    /// Forgets pseudonyms that open requests name; all of the app's where none are given.
    pub(super) fn forget_in_requests(
        &self,
        app: &AppName,
        pseudonyms: Option<&[Pseudonym]>,
    ) -> Result<(), StoreError> {
        let names = |request: &Request| {
            request.app == *app
                && match pseudonyms {
                    Some(gone) => request.pseudonyms.iter().any(|one| gone.contains(one)),
                    None => !request.pseudonyms.is_empty(),
                }
        };
        if !self
            .requests
            .read()
            .map_err(unwritten)?
            .requests
            .iter()
            .any(names)
        {
            return Ok(());
        }
        self.requests
            .change(|known| {
                for request in known.requests.iter_mut().filter(|one| names(one)) {
                    let gone = |one: &Pseudonym| pseudonyms.is_none_or(|gone| gone.contains(one));
                    request.pseudonyms.retain(|one| !gone(one));
                }
            })
            .map_err(unwritten)
    }

    /// Forgets requests that were closed before `before`.
    pub(super) fn forget_requests(&self, before: u64) -> Result<(), StoreError> {
        let old = |request: &Request| request.closed.is_some_and(|closed| closed < before);
        if self
            .requests
            .read()
            .map_err(unwritten)?
            .requests
            .iter()
            .any(old)
        {
            self.requests
                .change(|known| known.requests.retain(|request| !old(request)))
                .map_err(unwritten)?;
        }
        Ok(())
    }
}

/// Does what a request asks for, and closes it. What whoever asked is to be given: text, or reports as NDJSON.
///
/// # Errors
/// [`NotDone`]; then it stays open.
pub async fn answer<S: Store>(
    state: &State<S>,
    who: &str,
    number: u64,
    words: Option<&str>,
) -> Result<String, NotDone> {
    let now = state.clock.now();
    let office = &state.office;
    let known = office.requests()?;
    let request = known
        .into_iter()
        .find(|one| one.number == number)
        .ok_or(NotDone::Unknown)?;
    if request.stage != Stage::Open {
        return Err(NotDone::Closed);
    }
    let app = &request.app;
    let about_a_device = !matches!(
        request.right,
        Right::Explain | Right::Correct | Right::Supplement
    );
    if about_a_device && request.pseudonyms.is_empty() {
        return Err(NotDone::NeedsPseudonyms);
    }
    let (given, told) = match request.right {
        Right::Access => {
            let reports = state.store.reports_of(app, &request.pseudonyms).await?;
            copied(state, who, &request, now)?;
            (held(&reports), format!("told of {} reports", reports.len()))
        }
        Right::Copy => {
            let reports = state.store.reports_of(app, &request.pseudonyms).await?;
            copied(state, who, &request, now)?;
            let lines = reports
                .iter()
                .filter_map(|report| serde_json::to_string(report).ok());
            let lines: Vec<String> = lines.collect();
            (
                lines.join("\n"),
                format!("a copy of {} reports", reports.len()),
            )
        }
        Right::Delete | Right::Withdraw => {
            let wanted = Wanted::Installations(request.pseudonyms.clone());
            let receipt = erasure::erase(state, who, app, &wanted).await?;
            let told = format!(
                "{} reports were erased, receipt {}",
                receipt.statement.reports, receipt.statement.number
            );
            let text = serde_json::to_string_pretty(&receipt);
            (text.unwrap_or_default(), told)
        }
        Right::Explain => (
            explained(state, app)?,
            "the rules were explained".to_owned(),
        ),
        Right::Correct | Right::Supplement => {
            let words = words.ok_or(NotDone::NeedsWords)?;
            (words.to_owned(), words.to_owned())
        }
    };
    office.close_request(who, number, Stage::Answered, words.unwrap_or(&told), now)?;
    Ok(given)
}

fn copied<S>(state: &State<S>, who: &str, request: &Request, now: u64) -> Result<(), StoreError> {
    let devices: Vec<String> = request
        .pseudonyms
        .iter()
        .map(|one| hashed(one.as_str()))
        .collect();
    let deed = Deed {
        who,
        did: Did::CopyGiven,
        app: Some(&request.app),
        what: format!(
            "request {}: installations {}",
            request.number,
            devices.join(" ")
        ),
    };
    state.office.note(now, &deed)
}

/// What is kept of a device, in numbers.
fn held(reports: &[Report]) -> String {
    let mut kinds: BTreeMap<&str, (u64, u64, u64)> = BTreeMap::new();
    for report in reports {
        let at = report.at.unix_seconds();
        let (count, first, last) = kinds
            .entry(report.what.kind().as_str())
            .or_insert((0, at, at));
        *count += 1;
        *first = at.min(*first);
        *last = at.max(*last);
    }
    if kinds.is_empty() {
        return "Nothing is kept of this device.".to_owned();
    }
    let line = |(kind, (count, first, last)): (&&str, &(u64, u64, u64))| {
        let (first, last) = (calendar::date(*first), calendar::date(*last));
        format!("{kind}: {count} reports of {first} to {last}")
    };
    kinds.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What is collected, why, and for how long.
fn explained<S>(state: &State<S>, app: &AppName) -> Result<String, StoreError> {
    let settings = state.office.settings()?;
    let mut lines = vec![
        "What reports hold, what it is for, and what is done so that it identifies nobody:"
            .to_owned(),
    ];
    let mut told = BTreeSet::new();
    for field in FIELDS {
        let line = format!("- {} ({}; {})", field.meaning, field.purpose, field.rule);
        if told.insert(line.clone()) {
            lines.push(line);
        }
    }
    lines.push("How long it is kept:".to_owned());
    for class in Class::ALL {
        lines.push(format!(
            "- {}: {} days",
            class.as_str(),
            settings.days(app, class)
        ));
    }
    Ok(lines.join("\n"))
}
