//! `candor status`.

use super::list::put_unread;
use super::page::{Page, Style};
use super::table::{self, Align, faint, plain};
use crate::view::amount::{bytes, count, percent, seconds};
use crate::view::loss::meaning;
use crate::view::status::{Consent, Status};
use candor_agent::Age;
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::Kind;

pub(crate) fn render(status: &Status, colour: bool) -> String {
    let mut page = Page::new(colour);
    if status.is_empty() {
        page.line(
            Style::Plain,
            "There is nothing of an agent in this directory.",
        );
        page.line(
            Style::Faint,
            "That is so while the extension is off or the user has not agreed, and after the user has withdrawn. Otherwise \
             --dir is not the directory that the app gives to its agent.",
        );
        return page.finish();
    }
    if let Some(ended) = &status.service_ended {
        let at = moment(ended.at_unix);
        page.line(
            Style::Notice,
            &format!(
                "The service has ended, as its operator signed at {at} (notice {}): what was here is wiped, and nothing is recorded \
                 or sent any more.",
                ended.notice
            ),
        );
        return page.finish();
    }
    if let (Some(app), Some(release), Some(collector)) =
        (&status.app, &status.release, &status.collector)
    {
        page.put(Style::Strong, &format!("{app} {release}"))
            .line(Style::Plain, &format!(", sends to {collector}"));
    }
    put_consent(&mut page, status);
    put_spool(&mut page, status);
    put_counts(&mut page, status);
    put_uploads(&mut page, status);
    put_unread(&mut page, &status.unread);
    page.finish()
}

fn put_consent(page: &mut Page, status: &Status) {
    page.gap().line(Style::Strong, "Consent");
    match &status.consent {
        None => {
            page.line(Style::Notice, "  none in force: nothing is recorded");
        }
        Some(consent) => put_agreed(page, consent),
    }
    if status.paused {
        page.line(
            Style::Notice,
            "  paused by the user: nothing is recorded and nothing sent until they resume",
        );
    }
    if status.erasure_pending {
        page.line(
            Style::Notice,
            "  withdrawn: the collector has not answered yet that it erased what was sent; it is asked until it does",
        );
    }
}

fn put_agreed(page: &mut Page, consent: &Consent) {
    let precision = if consent.precision_seconds == Precision::Minute.seconds() {
        "to the minute"
    } else {
        "to the hour"
    };
    let extras: Vec<&str> = consent.extras.iter().map(|extra| extra.as_str()).collect();
    let extras = if extras.is_empty() {
        "none".to_owned()
    } else {
        extras.join(", ")
    };
    let rows = [
        ("given", moment(consent.given_at_unix)),
        ("to", format!("{}, for {}", consent.operator, consent.sdk)),
        ("purposes", consent.purposes.join("; ")),
        (
            "policy",
            format!(
                "version {}, read in {}",
                consent.policy_version, consent.locale
            ),
        ),
        ("text shown", format!("SHA-256 {}", consent.text_sha256)),
        (
            "fields",
            format!("of catalogue version {} at most", consent.catalogue),
        ),
        ("optional", extras),
        ("age", age(consent.age).to_owned()),
        ("times", format!("rounded {precision}")),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| vec![faint(name), plain(value)])
        .collect();
    table::put(page, 2, &[Align::Left; 2], &rows);
}

const fn age(age: Age) -> &'static str {
    match age {
        Age::Unknown => "the app does not know it",
        Age::FourteenOrOlder => "fourteen or older",
        Age::Under14WithGuardian => "under fourteen, with a guardian's consent",
        Age::Under14 => "under fourteen",
    }
}

fn put_spool(page: &mut Page, status: &Status) {
    let spool = &status.spool;
    page.gap().line(Style::Strong, "Spool");
    let row = |name: &str, used: String, limit: Option<(u64, u64, String)>| match limit {
        Some((part, whole, limit)) => vec![
            faint(name),
            plain(bar(part, whole)),
            plain(share(part, whole)),
            plain(format!("{used} of {limit}")),
        ],
        None => vec![faint(name), plain(used)],
    };
    let rows = [
        row(
            "size",
            bytes(spool.bytes),
            spool
                .bytes_limit
                .map(|limit| (spool.bytes, limit, bytes(limit))),
        ),
        row(
            "reports",
            spool.reports.to_string(),
            spool
                .reports_limit
                .map(|limit| (spool.reports, limit, limit.to_string())),
        ),
    ];
    let aligns = [Align::Left, Align::Left, Align::Right, Align::Left];
    table::put(page, 2, &aligns, &rows);
    if let Some(age) = spool.age_limit_seconds {
        page.line(
            Style::Faint,
            &format!("  a report waits for a collector at most {}", seconds(age)),
        );
    }
}

/// In percent; a part that is not nothing is not shown as nothing.
fn share(part: u64, whole: u64) -> String {
    match percent(part, whole) {
        percent if part > 0 && percent < 0.5 => "<1 %".to_owned(),
        percent => format!("{percent:.0} %"),
    }
}

/// Twenty characters; a part that is not nothing shows at least one.
fn bar(part: u64, whole: u64) -> String {
    const LENGTH: usize = 20;
    let share = percent(part, whole).min(100.0) / 100.0;
    let filled = (share * LENGTH as f64).round() as usize;
    let filled = filled.max(usize::from(part > 0)).min(LENGTH);
    format!("[{}{}]", "#".repeat(filled), ".".repeat(LENGTH - filled))
}

fn put_counts(page: &mut Page, status: &Status) {
    page.gap().line(Style::Strong, "Reports");
    let of = |counts: &std::collections::BTreeMap<Kind, u64>, kind: Kind| {
        plain(counts.get(&kind).copied().unwrap_or_default().to_string())
    };
    let head = ["", "RECORDED", "DELIVERED", "WAITING", "LOST"];
    let mut rows = vec![head.map(faint).to_vec()];
    rows.extend(Kind::ALL.iter().map(|&kind| {
        vec![
            plain(kind.as_str()),
            of(&status.recorded, kind),
            of(&status.delivered, kind),
            of(&status.waiting, kind),
            of(&status.lost, kind),
        ]
    }));
    let aligns = [
        Align::Left,
        Align::Right,
        Align::Right,
        Align::Right,
        Align::Right,
    ];
    table::put(page, 2, &aligns, &rows);
    for (kind, reasons) in &status.lost_by_reason {
        for (reason, number) in reasons {
            let text = format!("  lost: {number} {kind}, {reason}: {}", meaning(*reason));
            page.line(Style::Notice, &text);
        }
    }
    if status.dumps > 0 {
        let runs = count(status.dumps as u64, "run");
        let text = format!("  {runs} not told of yet; one that still runs counts too");
        page.line(Style::Faint, &text);
    }
}

fn put_uploads(page: &mut Page, status: &Status) {
    page.gap().line(Style::Strong, "Uploads");
    let uploads = &status.uploads;
    match &uploads.last {
        None => {
            page.line(Style::Plain, "  none yet");
        }
        Some(last) => {
            let reports = count(last.reports, "report");
            page.line(
                Style::Plain,
                &format!(
                    "  last {}: {reports}, {}",
                    moment(last.at_unix),
                    bytes(last.bytes)
                ),
            );
            let all = count(uploads.reports, "report");
            page.line(
                Style::Plain,
                &format!(
                    "  {} remembered: {all}, {}",
                    count(uploads.count as u64, "upload"),
                    bytes(uploads.bytes)
                ),
            );
        }
    }
    if status.backoff.other_region {
        page.line(
            Style::Bad,
            "  nothing is sent: the collector is not in the region where this app's reports may be kept, or does not say so",
        );
    }
    if status.backoff.failures > 0 {
        let failures = count(status.backoff.failures.into(), "failure");
        let next = match status.backoff.not_before_unix {
            Some(at) => format!("the collector is asked again after {}", moment(at)),
            None => "the collector may be asked again now".to_owned(),
        };
        page.line(Style::Notice, &format!("  {failures} in a row; {next}"));
    }
}

fn moment(unix_seconds: u64) -> String {
    Moment::round(unix_seconds, Precision::Minute).to_string()
}
