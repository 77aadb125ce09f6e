//! Marks on the time axis: moments that explain what is seen there.

use super::number;
use crate::store::Span;

/// A moment that is marked on a chart.
#[derive(Debug, Clone)]
pub(crate) struct Mark {
    /// Where it stands, in percent from the left.
    pub(super) x: String,
    /// The step of the chart that it lies in.
    pub(super) index: usize,
    /// What it is.
    pub(super) text: String,
}

impl Mark {
    /// A mark at `at`; `None` outside of the chart.
    pub(crate) fn new(span: Span, at: u64, text: String) -> Option<Self> {
        let index = span.index(at)?;
        let x = (at - span.from) as f64 / (span.to - span.from) as f64 * 100.0;
        Some(Self {
            x: number(x),
            index,
            text,
        })
    }

    /// What is written behind the time of a step that holds one of `marks`.
    pub(super) fn note(marks: &[Self], index: usize) -> &'static str {
        if marks.iter().any(|mark| mark.index == index) {
            " ▼"
        } else {
            ""
        }
    }
}
