//! What is counted of an issue in a range.

use super::{Span, versions};
use candor_protocol::deidentify::Release;

/// What is counted of an issue in a range.
pub(super) struct IssueCount {
    pub(super) reports: u64,
    pub(super) fatal: u64,
    pub(super) runs: u64,
    pub(super) installs: u64,
    pub(super) spark: Vec<u32>,
}

impl IssueCount {
    pub(super) fn new(span: Span) -> Self {
        Self {
            reports: 0,
            fatal: 0,
            runs: 0,
            installs: 0,
            spark: vec![0; span.steps()],
        }
    }

    pub(super) fn add(&mut self, span: Span, at: u64, reports: u64, fatal: u64) {
        self.reports += reports;
        self.fatal += fatal;
        if let Some(step) = span.index(at).and_then(|index| self.spark.get_mut(index)) {
            *step = step.saturating_add(u32::try_from(reports).unwrap_or(u32::MAX));
        }
    }
}

/// Of the releases that an issue was first seen in at one time the earliest, and of those it was last seen in the latest; `None` where
/// there is none.
pub(super) fn first_and_last(
    first: Vec<Release>,
    last: Vec<Release>,
) -> Option<(Release, Release)> {
    Some((
        earliest(first.iter())?.clone(),
        last.into_iter().max_by(by_version)?,
    ))
}

/// The earliest of some releases.
pub(super) fn earliest<'a>(releases: impl Iterator<Item = &'a Release>) -> Option<&'a Release> {
    releases.min_by(|a, b| by_version(a, b))
}

fn by_version(a: &Release, b: &Release) -> std::cmp::Ordering {
    versions::compare(a.as_str(), b.as_str())
}
