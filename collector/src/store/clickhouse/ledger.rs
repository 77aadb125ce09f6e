//! What arrived and what became of it, as a fold counts it.

use super::cell::{Amount, Cell, Cells, What};
use super::journal::Entry;
use super::told::{Said, Told};
use std::collections::HashMap;

const DAY: u64 = 86_400;

/// What is counted by the day of arrival.
#[derive(Default)]
pub(super) struct Ledger {
    counts: HashMap<Line, i64>,
    /// When a batch was last kept, to the minute.
    pub(super) last_batch: Option<u64>,
}

/// What is counted together.
#[derive(PartialEq, Eq, Hash)]
struct Line {
    day: u64,
    key: String,
    word: &'static str,
    kind: &'static str,
    reason: String,
}

impl Line {
    fn of((arrived, key): (u64, &str), word: &'static str) -> Self {
        Self {
            day: arrived - arrived % DAY,
            key: key.to_owned(),
            word,
            kind: "",
            reason: String::new(),
        }
    }
}

impl Ledger {
    fn add(&mut self, line: Line, n: u64) {
        *self.counts.entry(line).or_default() += i64::try_from(n).unwrap_or(i64::MAX);
    }

    pub(super) fn note(&mut self, entry: Entry, cells: &mut Cells) {
        match entry {
            Entry::Report(_) => {}
            Entry::Batch {
                arrived,
                key,
                reports,
            } => {
                self.last_batch = self.last_batch.max(Some(arrived));
                // Less those that turn out to be new.
                self.add(Line::of((arrived, &key), "duplicate"), reports);
            }
            Entry::Refused {
                arrived,
                key,
                reason,
                reports,
            } => {
                let line = Line::of((arrived, &key), "refused");
                self.add(Line { reason, ..line }, reports);
            }
            Entry::Leak {
                arrived,
                key,
                release,
                field,
                reason,
            } => {
                let line = Line::of((arrived, &key), "refused");
                let quarantined = "quarantined".to_owned();
                self.add(
                    Line {
                        reason: quarantined,
                        ..line
                    },
                    1,
                );
                let cell = Cell {
                    what: What::Leak,
                    at: arrived - arrived % DAY,
                    release,
                    word: field,
                    reason,
                    ..Cell::default()
                };
                cells.add(cell, Amount::n(1));
            }
        }
    }

    pub(super) fn stored(&mut self, told: &Told) {
        let sent = (told.arrived, told.key.as_str());
        *self.counts.entry(Line::of(sent, "duplicate")).or_default() -= 1;
        let line = Line {
            kind: told.said.kind().as_str(),
            ..Line::of(sent, "stored")
        };
        self.add(line, 1);
        if let Said::Loss(lost) = &told.said {
            for lost in lost {
                let line = Line {
                    kind: lost.kind.as_str(),
                    reason: lost.reason.as_str().to_owned(),
                    ..Line::of(sent, "lost")
                };
                self.add(line, lost.count.into());
            }
        }
    }

    pub(super) fn erased(&mut self, arrived: u64, reports: u64) {
        self.add(Line::of((arrived, ""), "erased"), reports);
    }

    pub(super) fn count(&self, cells: &mut Cells) {
        for (line, n) in &self.counts {
            let cell = Cell {
                what: What::Ledger,
                at: line.day,
                endpoint: line.key.clone(),
                word: line.word.to_owned(),
                name: line.kind.to_owned(),
                reason: line.reason.clone(),
                ..Cell::default()
            };
            cells.add(cell, Amount::n(*n));
        }
    }
}
