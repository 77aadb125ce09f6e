//! Pictures of numbers, as SVG made on the server. Each has a text alternative, and its values stand in a table beside it,
//! from which the page's script reads what it shows on hovering.
//!
//! No picture uses a style: positions are attributes, in percent or in a stretched view box, so that a strict
//! Content-Security-Policy holds and text keeps its size on any screen.

mod heat;
mod icicle;
mod mark;
mod over_time;
mod scale;
mod share_bar;
mod spark;

pub(crate) use heat::Heat;
pub(crate) use icicle::{Icicle, Step, Tree};
pub(crate) use mark::Mark;
pub(crate) use over_time::{OverTime, Series, Shape};
pub(crate) use scale::Unit;
pub(crate) use share_bar::ShareBar;
pub(crate) use spark::Spark;

/// What a colour means. The name is the class in the style sheet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// The accent: what is simply counted.
    Accent,
    /// Crashes, and nothing else.
    Crash,
    /// Freezes, and nothing else.
    Freeze,
    /// What is not in the foreground.
    Quiet,
    /// The median.
    P50,
    /// The 95th percentile.
    P95,
    /// The 99th percentile.
    P99,
    /// One of several kinds, by rank; from the sixth on all look alike.
    Kind(usize),
}

impl Tone {
    /// The class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        const KINDS: [&str; 6] = ["k0", "k1", "k2", "k3", "k4", "k5"];
        match self {
            Self::Accent => "accent",
            Self::Crash => "crash",
            Self::Freeze => "freeze",
            Self::Quiet => "quiet",
            Self::P50 => "p50",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::Kind(rank) => KINDS[rank.min(KINDS.len() - 1)],
        }
    }
}

/// A coordinate with two digits after the point at most.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
