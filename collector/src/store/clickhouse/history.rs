//! Which segments count.
//!
//! A segment says on what it stands: the segments that count together with it. So the latest segment says everything. When two
//! collectors fold at the same time, there are two latest ones on the same ground; everybody takes the same of the two, and
//! the blocks that only the other one holds are folded once more. Nothing is agreed upon, and nothing is counted twice.

use super::cell::What;
use super::server::Server;
use super::sql;
use super::stamp::Stamp;
use crate::store::StoreError;
use clickhouse::Row;
use serde::{Deserialize, Serialize};

/// What a segment says of itself and those it stands on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    /// The segments that count, the largest first.
    pub(super) live: Vec<Live>,
    /// When a batch was last kept, to the minute.
    pub(super) last_batch: Option<u64>,
}

/// A segment that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Live {
    pub(super) segment: Stamp,
    pub(super) rows: u64,
}

/// Everything that counts of one app.
#[derive(Debug, Clone)]
pub(super) struct History {
    pub(super) app: String,
    /// How many segments were written one upon the other.
    pub(super) height: i64,
    /// How many erasures are in it: of two histories of the same height, that which has erased more counts.
    pub(super) erasures: i64,
    pub(super) head: Head,
    /// The segments that count, as SQL.
    segments: String,
}

#[derive(Row, Deserialize)]
struct HeadRow {
    height: i64,
    erasures: i64,
    head: String,
}

impl History {
    /// The history of an app as it is now; an empty one where nothing was folded yet.
    pub(super) async fn read(server: &Server, app: &str) -> Result<Self, StoreError> {
        let rows: Vec<HeadRow> = server
            .rows(&format!(
                "SELECT n, m, added FROM summary WHERE app = {} AND what = '{}' ORDER BY n DESC, m DESC, segment DESC LIMIT 1",
                sql::text(app),
                What::Head.as_str()
            ))
            .await?;
        let Some(row) = rows.into_iter().next() else {
            return Ok(Self::of(app, 0, 0, Head::default()));
        };
        let head = serde_json::from_str(&row.head)
            .map_err(|error| StoreError::Fault(format!("a segment cannot be read: {error}")))?;
        Ok(Self::of(app, row.height, row.erasures, head))
    }

    fn of(app: &str, height: i64, erasures: i64, head: Head) -> Self {
        let segments = sql::list(&head.live, |live| sql::bytes(&live.segment.0));
        Self {
            app: app.to_owned(),
            height,
            erasures,
            head,
            segments,
        }
    }

    /// Where the rows of a summary are: what stands after SELECT.
    pub(super) fn of_summary(&self, what: What) -> String {
        format!(
            "FROM summary WHERE app = {} AND what = '{}' AND segment IN {}",
            sql::text(&self.app),
            what.as_str(),
            self.segments
        )
    }

    /// Whether nothing was folded yet.
    pub(super) fn is_empty(&self) -> bool {
        self.head.live.is_empty()
    }

    /// Segments that the next one, of about `rows` rows, had better hold itself, so that there are few: the latest ones that
    /// are not much larger than what it has by then, `most` rows at most. Every row is so written again only a few times.
    pub(super) fn to_merge(&self, rows: u64, most: u64) -> Vec<Live> {
        let mut held = rows;
        let mut merged = Vec::new();
        for live in self.head.live.iter().rev() {
            let with = held.saturating_add(live.rows);
            if live.rows > held.saturating_mul(2) || with > most {
                break;
            }
            held = with;
            merged.push(*live);
        }
        merged
    }

    /// As many of the latest segments as have `most` rows together.
    pub(super) fn within(&self, most: u64) -> Vec<Live> {
        let mut held = 0;
        let latest = self.head.live.iter().rev();
        let fitting = latest.take_while(|live| {
            held += live.rows;
            held <= most
        });
        fitting.copied().collect()
    }

    /// What the next segment says, if it holds what `merged` held.
    pub(super) fn next(&self, own: Live, merged: &[Live], last_batch: Option<u64>) -> Head {
        let mut live: Vec<Live> = self.head.live.clone();
        live.retain(|live| !merged.contains(live));
        live.push(own);
        Head {
            live,
            last_batch: self.head.last_batch.max(last_batch),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn live(number: u64, rows: u64) -> Live {
        Live {
            segment: Stamp::of(0, number as u32, 0),
            rows,
        }
    }

    #[test]
    fn there_are_few_segments_however_many_were_written_and_rows_are_seldom_written_again() {
        let mut history = History::of("im", 0, 0, Head::default());
        let (mut written, mut most) = (0, 0);
        let folds = 5_000;
        for fold in 0..folds {
            let merged = history.to_merge(10, 1_000_000);
            let rows = 10 + merged.iter().map(|live| live.rows).sum::<u64>();
            written += rows;
            let head = history.next(live(fold, rows), &merged, None);
            most = most.max(head.live.len());
            history = History::of("im", 0, 0, head);
        }
        let kept: u64 = history.head.live.iter().map(|live| live.rows).sum();
        assert_eq!(kept, folds * 10);
        assert!(most <= 12, "{most} segments");
        assert!(written < 12 * kept, "{} times", written / kept);
    }

    #[test]
    fn what_is_too_large_is_left_as_it_is() {
        let head = Head {
            live: vec![live(1, 5_000), live(2, 900)],
            last_batch: None,
        };
        let history = History::of("im", 0, 0, head);
        assert_eq!(history.to_merge(500, 1_000), []);
        assert_eq!(history.to_merge(500, 2_000), [live(2, 900)]);
        assert_eq!(history.to_merge(2_000, 10_000).len(), 2);
    }
}
