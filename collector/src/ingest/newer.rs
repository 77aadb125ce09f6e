//! Reports with a field that the catalogue of their batch does not have: nobody was told that it would be sent.

use crate::store::Quarantine;
use candor_protocol::catalogue;
use candor_protocol::report::Report;

/// The rule that such a report breaks.
pub(super) const RULE: &str = "not_in_catalogue";

/// Why a report is not kept; `None` where every field of it is declared in version `version` of the catalogue.
pub(super) fn inspect(line: &str, report: &Report, version: u32) -> Option<Quarantine> {
    let field = catalogue::newer(line, version)?;
    Some(Quarantine {
        release: Some(report.release.clone()),
        field: field.path,
        reason: RULE,
    })
}
