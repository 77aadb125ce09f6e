//! From the bytes of a batch to reports with their issues. Pure, except that symbol files are looked at.

use super::newer;
use super::refusal::Refusal;
use crate::grouping::Rules;
use crate::naming;
use crate::privacy::quarantine;
use crate::privacy::settings::Settings;
use crate::store::{Incoming, Quarantine};
use candor_protocol::batch;
use candor_protocol::deidentify::{AppName, Region};
use candor_protocol::report::{Report, What};
use candor_symbols::Symbols;

/// What became of the lines of a batch.
#[derive(Default)]
pub(super) struct Decoded {
    /// The region that the batch is for, which is the collector's own.
    pub(super) region: Option<Region>,
    /// Reports that can be kept.
    pub(super) reports: Vec<Incoming>,
    /// Those that are not kept since a value in them might identify somebody.
    pub(super) leaks: Vec<(u32, Quarantine)>,
    /// Those that cannot be read, each with the reason.
    pub(super) bad: Vec<(u32, String)>,
}

impl Decoded {
    /// How many reports the batch held.
    pub(super) fn count(&self) -> u32 {
        (self.reports.len() + self.leaks.len() + self.bad.len()) as u32
    }

    /// About how many bytes of memory its reports take.
    pub(super) fn bytes(&self) -> usize {
        self.reports.iter().map(Incoming::bytes).sum()
    }
}

/// All reports of a batch, or why it is refused as a whole. `held` is told how many bytes it has, before anything else is made
/// of them, and may refuse.
pub(super) fn decode(
    gzip: &[u8],
    symbols: &Symbols,
    rules: &Rules,
    app: &AppName,
    settings: &Settings,
    held: impl FnOnce(usize) -> Result<(), Refusal>,
) -> Result<Decoded, Refusal> {
    let batch = batch::unpack(gzip).map_err(Refusal::Batch)?;
    held(batch.bytes())?;
    if let Some(why) = settings.wrong_region(app, batch.header().region.as_ref()) {
        return Err(Refusal::Region(why));
    }
    let mut decoded = Decoded {
        region: batch.header().region.clone(),
        ..Decoded::default()
    };
    let Decoded {
        reports,
        leaks,
        bad,
        ..
    } = &mut decoded;
    let mut read = Vec::new();
    for (line, json) in batch.lines() {
        match Report::from_json(json) {
            Ok(report) => match newer::inspect(json, &report, batch.header().catalogue) {
                Some(leak) => leaks.push((line, leak)),
                None => read.push((line, report, json)),
            },
            Err(reason) => match quarantine::inspect(json) {
                Some(leak) => leaks.push((line, leak)),
                None => bad.push((line, reason)),
            },
        }
    }
    let has_stacks = |report: &Report| matches!(report.what, What::Crash(_) | What::Freeze(_));
    if read.iter().any(|(_, report, _)| has_stacks(report)) {
        symbols.refresh();
    }
    reports.extend(read.into_iter().map(|(line, report, json)| {
        let (issue, lacking) = naming::group(symbols, rules, app, &report);
        Incoming::new(line, report, json, issue).lacking(lacking)
    }));
    Ok(decoded)
}
