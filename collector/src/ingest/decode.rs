//! From the bytes of a batch to reports with their issues. Pure, except that symbol files are looked at.

use super::newer;
use super::refusal::Refusal;
use crate::grouping;
use crate::naming::call_stack;
use crate::privacy::quarantine;
use crate::privacy::settings::Settings;
use crate::store::{Incoming, Quarantine};
use candor_protocol::batch;
use candor_protocol::deidentify::AppName;
use candor_protocol::report::{Report, What};
use candor_symbols::Symbols;

/// The reports of a batch, and those that are not kept since a value in them might identify somebody, each with its line.
#[derive(Default)]
pub(super) struct Decoded {
    pub(super) reports: Vec<Incoming>,
    pub(super) leaks: Vec<(u32, Quarantine)>,
}

/// All reports of a batch, or why it is refused.
pub(super) fn decode(
    gzip: &[u8],
    symbols: &Symbols,
    app: &AppName,
    settings: &Settings,
) -> Result<Decoded, Refusal> {
    let batch = batch::unpack(gzip).map_err(Refusal::Batch)?;
    if let Some(why) = settings.wrong_region(app, batch.header().region.as_ref()) {
        return Err(Refusal::Region(why));
    }
    let mut decoded = Decoded::default();
    let Decoded { reports, leaks } = &mut decoded;
    for (line, json) in batch.lines() {
        match Report::from_json(json) {
            Ok(report) => match newer::inspect(json, &report, batch.header().catalogue) {
                Some(leak) => leaks.push((line, leak)),
                None => reports.push(Incoming {
                    line,
                    report,
                    json: json.to_owned(),
                    issue: None,
                }),
            },
            Err(reason) => {
                if let Some(leak) = quarantine::inspect(json) {
                    leaks.push((line, leak));
                    continue;
                }
                let reports = batch.lines().count() as u32;
                return Err(Refusal::Report {
                    line,
                    reason,
                    reports,
                });
            }
        }
    }
    if reports
        .iter()
        .any(|incoming| matches!(incoming.report.what, What::Crash(_) | What::Freeze(_)))
    {
        symbols.refresh();
    }
    for incoming in reports.iter_mut() {
        incoming.issue = grouping::group(&incoming.report, |stack, modules| {
            call_stack(symbols, stack, modules)
        });
    }
    Ok(decoded)
}
