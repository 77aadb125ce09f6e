//! The body of a report, as it is kept.

use candor_protocol::report::Report;

/// A stored report is checked again; one that today's rules refuse is not shown.
pub(super) fn read(body: &str) -> Option<Report> {
    Report::from_json(body)
        .inspect_err(|reason| {
            tracing::warn!(
                reason,
                "a stored report is not shown: today's rules refuse it"
            )
        })
        .ok()
}
