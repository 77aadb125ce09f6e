//! From the bytes of a batch to reports with their issues. Pure, except that symbol files are looked at.

use super::refusal::Refusal;
use crate::grouping;
use crate::naming::call_stack;
use crate::store::Incoming;
use candor_protocol::batch;
use candor_protocol::report::{Report, What};
use candor_symbols::Symbols;

/// All reports of a batch, or why it is refused.
pub(super) fn decode(gzip: &[u8], symbols: &Symbols) -> Result<Vec<Incoming>, Refusal> {
    let batch = batch::unpack(gzip).map_err(Refusal::Batch)?;
    let mut reports = Vec::new();
    for (line, json) in batch.lines() {
        match Report::from_json(json) {
            Ok(report) => reports.push(Incoming {
                line,
                report,
                json: json.to_owned(),
                issue: None,
            }),
            Err(reason) => {
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
    for incoming in &mut reports {
        incoming.issue = grouping::group(&incoming.report, |stack, modules| {
            call_stack(symbols, stack, modules)
        });
    }
    Ok(reports)
}
