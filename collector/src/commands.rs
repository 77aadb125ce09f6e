//! What the commands do. Each says what it did, or why it did not.

mod keys;
mod people;

pub use keys::{keys, ledger};
pub use people::{people, tokens};

use crate::cli::{
    AuditCommand, Data, KeysCommand, LessOf, PartnerCommand, PeopleCommand, Quota, ReceiptCommand,
    RequestCommand, SettingsCommand, TokensCommand, What,
};
use crate::forge::{self, Forge};
use crate::operating;
use crate::privacy::erasure::{self, Wanted};
use crate::privacy::narrowing::Less;
use crate::privacy::receipt::Receipt;
use crate::privacy::requests::{self, Asked, Stage};
use crate::privacy::{date, day, export};
use crate::state::State;
use crate::store::{self, Moved, Part, Store, StoreAddress};
use candor_protocol::answer::Narrowing;
use candor_protocol::deidentify::{AppName, CleanText, Region};
use serde::Serialize;
use std::fmt::Display;
use std::time::{Duration, Instant};

/// Who the audit trail says it was.
const WHO: &str = "command line";

/// What a command prints.
type Said = Result<String, String>;

fn told(error: impl Display) -> String {
    error.to_string()
}

fn pretty(value: &impl Serialize) -> Said {
    serde_json::to_string_pretty(value).map_err(told)
}

fn read_day(text: &str) -> Result<u64, String> {
    day(text).ok_or_else(|| format!("{text} is no day; days are written like 2026-11-26"))
}

async fn known<S: Store>(state: &State<S>, app: &AppName) -> Result<(), String> {
    operating::known(state, app).await.map_err(told)
}

/// `app add`: the ingest key, alone.
///
/// # Errors
/// What is not possible.
pub async fn add_app<S: Store>(state: &State<S>, app: &AppName, region: Option<&Region>) -> Said {
    let key = operating::add_app(state, WHO, app, region);
    Ok(key.await.map_err(told)?.reveal().to_owned())
}

/// `settings`.
///
/// # Errors
/// What is not possible.
pub async fn settings<S: Store>(state: &State<S>, command: SettingsCommand) -> Said {
    let (office, now) = (&state.office, state.clock.now());
    match command {
        SettingsCommand::Show { .. } => {}
        SettingsCommand::Region { region, .. } => {
            let pinned = office.settings().map_err(told)?;
            let elsewhere = pinned
                .apps
                .iter()
                .find(|(_, app)| app.region.as_ref().is_some_and(|pinned| *pinned != region));
            if let Some((app, _)) = elsewhere {
                return Err(format!("the app {app} may not be kept in {region}"));
            }
            office.change_settings(WHO, now, None, format!("region {region}"), |settings| {
                settings.region = Some(region);
                Ok(())
            })?;
        }
        SettingsCommand::Retention {
            app, class, days, ..
        } => {
            let keeping = operating::keep_for(state, WHO, &app, class, days);
            keeping.await.map_err(told)?;
        }
        SettingsCommand::Narrow {
            app,
            from,
            before,
            less,
            ..
        } => {
            let less = Less {
                from,
                before,
                off: less.off,
                narrowing: narrowing(less, now),
            };
            let asking = operating::ask(state, WHO, &app, less);
            asking.await.map_err(told)?;
        }
        SettingsCommand::Forge {
            app,
            template,
            strip,
            ..
        } => {
            known(state, &app).await?;
            let forge = match template.as_str() {
                "none" => None,
                template => Some(Forge::new(template, &strip)?),
            };
            office.change_settings(
                WHO,
                now,
                Some(&app),
                forge::said(forge.as_ref()),
                |settings| {
                    settings.show_source(&app, forge);
                    Ok(())
                },
            )?;
        }
        SettingsCommand::Quota {
            app,
            reports: Quota(reports),
            ..
        } => {
            known(state, &app).await?;
            let what = match reports {
                Some(reports) => format!("{reports} reports a day"),
                None => "as many reports a day as the configuration says".to_owned(),
            };
            office.change_settings(WHO, now, Some(&app), what, |settings| {
                settings
                    .apps
                    .entry(app.to_string())
                    .or_default()
                    .daily_reports = reports;
                Ok(())
            })?;
        }
        SettingsCommand::Holidays { days, worked, .. } => {
            let mut dates: Vec<jiff::civil::Date> = Vec::new();
            for text in &days {
                read_day(text)?;
                dates.push(text.parse().map_err(told)?);
            }
            let what = if worked { "worked days" } else { "holidays" };
            office.change_settings(WHO, now, None, what.to_owned(), |settings| {
                let known = if worked {
                    &mut settings.worked
                } else {
                    &mut settings.holidays
                };
                known.extend(dates);
                Ok(())
            })?;
        }
    }
    pretty(&*office.settings().map_err(told)?)
}

/// What the command line asks agents for.
fn narrowing(less: LessOf, now: u64) -> Narrowing {
    Narrowing {
        off_until: less.off_for.map(|time| now.saturating_add(time)),
        kinds_off: less.kind_off,
        extras_off: less.extra_off,
        sample: less.sample,
        upload_every_seconds: less
            .upload_every
            .map(|time| time.try_into().unwrap_or(u32::MAX)),
    }
}

/// `erase`: prints the receipt.
///
/// # Errors
/// What is not possible.
pub async fn erase<S: Store>(state: &State<S>, app: &AppName, what: What) -> Said {
    known(state, app).await?;
    let wanted = match what {
        What {
            from: Some(from),
            to: Some(to),
            ..
        } => {
            let (from, to) = (read_day(&from)?, read_day(&to)?);
            if from >= to {
                return Err("the range ends before it begins".to_owned());
            }
            Wanted::Part(Part::Range { from, to })
        }
        What {
            release: Some(release),
            ..
        } => Wanted::Part(Part::Release(release)),
        What { all: true, .. } => Wanted::Part(Part::App),
        What { pseudonym, .. } if !pseudonym.is_empty() => Wanted::Installations(pseudonym),
        _ => return Err("say what is to be erased".to_owned()),
    };
    let receipt = erasure::erase(state, WHO, app, &wanted)
        .await
        .map_err(told)?;
    pretty(&receipt)
}

/// `receipt`.
///
/// # Errors
/// What is wrong with the receipt.
pub fn receipt(command: &ReceiptCommand) -> Said {
    let ReceiptCommand::Verify { file, key } = command;
    let text =
        std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let receipt = Receipt::verify(&text, key.as_deref())?;
    let statement = &receipt.statement;
    let known = match key {
        Some(_) => "the given key",
        None => {
            "the key that stands in it; compare it with the one that the collector's operator publishes"
        }
    };
    Ok(format!(
        "this receipt is genuine: {} reports of {} were erased on {}\nsigned with {known}: {}",
        statement.reports,
        statement.app,
        date(statement.at),
        receipt.key
    ))
}

/// `request`.
///
/// # Errors
/// What is not possible.
pub async fn request<S: Store>(state: &State<S>, command: RequestCommand) -> Said {
    let (office, now) = (&state.office, state.clock.now());
    match command {
        RequestCommand::Open {
            app,
            right,
            role,
            proof,
            pseudonym,
            ..
        } => {
            known(state, &app).await?;
            let asked = Asked {
                app,
                right,
                role,
                proof,
                pseudonyms: pseudonym,
            };
            let request = office.open_request(WHO, asked, now).map_err(told)?;
            Ok(format!(
                "request {}: due on {}",
                request.number,
                date(request.due)
            ))
        }
        RequestCommand::List { .. } => {
            let line = |one: &requests::Request| {
                let late = if one.is_late(now) { ", LATE" } else { "" };
                format!(
                    "{}  {}  {}  {}  {}  due {}{late}",
                    one.number,
                    one.app,
                    one.right.as_str(),
                    one.role.as_str(),
                    one.stage.as_str(),
                    date(one.due)
                )
            };
            let all = office.requests().map_err(told)?;
            Ok(all.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        RequestCommand::Answer { number, answer, .. } => {
            requests::answer(state, WHO, number, answer.as_deref())
                .await
                .map_err(told)
        }
        RequestCommand::Refuse { number, reason, .. } => {
            let closed = office.close_request(WHO, number, Stage::Refused, &reason, now);
            let closed = closed.map_err(told)?;
            Ok(format!("request {} is refused", closed.number))
        }
    }
}

/// `audit`.
///
/// # Errors
/// Where the trail was altered.
pub fn audit<S: Store>(state: &State<S>, command: &AuditCommand) -> Said {
    let trail = state.office.trail();
    match command {
        AuditCommand::Verify { head, .. } => {
            let whole = trail
                .verify()
                .map_err(told)?
                .map_err(|tampered| format!("the audit trail was altered: {tampered}"))?;
            if let Some(head) = head
                && !trail.holds(head).map_err(told)?
            {
                return Err(
                    "the audit trail does not hold this hash: its end was cut off".to_owned(),
                );
            }
            Ok(format!(
                "{} entries, unbroken; the last hash is {}",
                whole.entries, whole.head
            ))
        }
        AuditCommand::Show { last, .. } => {
            let entries = trail.last(*last).map_err(told)?;
            let lines: Result<Vec<_>, _> = entries.iter().map(serde_json::to_string).collect();
            Ok(lines.map_err(told)?.join("\n"))
        }
    }
}

/// `partner`.
///
/// # Errors
/// What is not possible.
pub fn partner<S: Store>(state: &State<S>, command: PartnerCommand) -> Said {
    let PartnerCommand::Add { name, purpose, .. } = command;
    let purpose = CleanText::scrub(&purpose);
    let now = state.clock.now();
    let new = state
        .office
        .add_partner(WHO, &name, purpose.as_str(), now)
        .map_err(told)?;
    if new {
        Ok(format!("{name} may have exports, for: {purpose}"))
    } else {
        Err(format!("the partner {name} is in the register already"))
    }
}

/// `export`: prints what the partner gets.
///
/// # Errors
/// What is not possible.
pub async fn export<S: Store>(
    state: &State<S>,
    partner: &AppName,
    app: &AppName,
    week: Option<&str>,
) -> Said {
    known(state, app).await?;
    let week = match week {
        Some(week) => read_day(week)?,
        None => state.clock.now().saturating_sub(7 * 86_400),
    };
    let export = export::export(state, WHO, app, partner.as_str(), week)
        .await
        .map_err(told)?;
    pretty(&export)
}

/// `sunset`: prints the notice, and the receipt if everything was erased.
///
/// # Errors
/// What is not possible.
pub async fn sunset<S: Store>(
    state: &State<S>,
    app: &AppName,
    notice: &AppName,
    erase: bool,
) -> Said {
    known(state, app).await?;
    let now = state.clock.now();
    let sunset = state.office.sunset(WHO, app, notice, now).map_err(told)?;
    let mut said = pretty(&sunset)?;
    if erase {
        let wanted = Wanted::Part(Part::App);
        let receipt = erasure::erase(state, WHO, app, &wanted)
            .await
            .map_err(told)?;
        said.push('\n');
        said.push_str(&pretty(&receipt)?);
    }
    Ok(said)
}

/// Moves everything to another store; progress goes to standard error.
///
/// # Errors
/// When it is not all there afterwards, or such a move is not known.
pub async fn migrate(from: &StoreAddress, to: &StoreAddress) -> Said {
    let (StoreAddress::Sqlite(from), StoreAddress::ClickHouse(to)) = (from, to) else {
        return Err("what can be moved is sqlite:DIR to clickhouse://...".to_owned());
    };
    let mut told_at = Instant::now();
    let moved = store::migrate(from, to, |app, done, all| {
        if done == all || told_at.elapsed() >= PROGRESS {
            told_at = Instant::now();
            eprintln!("{app}: {done} of {all} reports");
        }
    });
    let lines = moved.await.map_err(told)?.into_iter().map(|moved| {
        let Moved {
            app,
            reports,
            before,
        } = moved;
        let how = if before { "had been moved" } else { "moved" };
        format!("{app} {how}: {reports} reports, their checksums and every answer are the same on both sides")
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// How often it is told how far a move has come.
const PROGRESS: Duration = Duration::from_secs(1);

/// Where the data of a command is.
pub trait InData {
    /// Where.
    fn data(&self) -> &Data;
}

macro_rules! in_data {
    ($($command:ident { $($variant:ident)+ })+) => {
        $(impl InData for $command {
            fn data(&self) -> &Data {
                match self {
                    $(Self::$variant { data, .. })|+ => data,
                }
            }
        })+
    };
}

in_data! {
    SettingsCommand { Show Region Retention Narrow Quota Forge Holidays }
    KeysCommand { Add List Rotate Revoke }
    PeopleCommand { Add List Role Remove Password }
    TokensCommand { Add List Revoke }
    RequestCommand { Open List Answer Refuse }
    AuditCommand { Verify Show }
    PartnerCommand { Add }
}
