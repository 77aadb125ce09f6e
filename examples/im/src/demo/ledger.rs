//! What the devices say about their reports, asked of each by the inspector.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use super::place::Place;
use super::plan::Device;
use super::{Failure, child};

/// Reports by kind.
pub(super) type Counts = BTreeMap<String, u64>;

/// How many reports are where, on one device or on many. `recorded = delivered + lost + waiting` for every kind.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Ledger {
    pub(super) recorded: Counts,
    pub(super) delivered: Counts,
    pub(super) lost: Counts,
    pub(super) waiting: Counts,
}

impl Ledger {
    /// Reports that wait, of all kinds.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.values().sum()
    }

    /// Adds what another device says.
    pub(super) fn add(&mut self, other: &Self) {
        for (mine, theirs) in [
            (&mut self.recorded, &other.recorded),
            (&mut self.delivered, &other.delivered),
            (&mut self.lost, &other.lost),
            (&mut self.waiting, &other.waiting),
        ] {
            for (kind, count) in theirs {
                *mine.entry(kind.clone()).or_default() += count;
            }
        }
    }
}

/// The ledger of the device whose files are in `dir`.
pub(super) async fn of(inspector: &Path, dir: &Path) -> Result<Ledger, Failure> {
    let said = child::output(
        child::command(inspector)
            .arg("status")
            .arg("--dir")
            .arg(dir)
            .arg("--json"),
    )
    .await?;
    serde_json::from_str(&said).map_err(|e| {
        format!(
            "{}: the inspector says what is not a ledger: {e}",
            dir.display()
        )
        .into()
    })
}

/// The sum over all devices that may record anything.
pub(super) async fn of_all(
    inspector: &Path,
    place: &Place,
    devices: &[Device],
) -> Result<Ledger, Failure> {
    let mut sum = Ledger::default();
    for device in devices.iter().filter(|d| d.permitted()) {
        sum.add(&of(inspector, &place.device(device)).await?);
    }
    Ok(sum)
}

/// Short name of the first report that is still in `dir`.
pub(super) async fn first_report(inspector: &Path, dir: &Path) -> Result<Option<String>, Failure> {
    let said = child::output(
        child::command(inspector)
            .arg("list")
            .arg("--dir")
            .arg(dir)
            .arg("--json"),
    )
    .await?;
    let list: serde_json::Value = serde_json::from_str(&said)?;
    Ok(list["reports"][0]["short"].as_str().map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_read_from_what_the_inspector_says_and_others_are_added_to_it() {
        let said = r#"{"recorded":{"crash":2,"run":4},"delivered":{"crash":1,"run":4},"lost":{"crash":1},
                       "waiting":{},"consent":"granted"}"#;
        let one: Ledger = serde_json::from_str(said).unwrap();
        let mut both = one.clone();
        both.add(&one);
        assert_eq!(both.recorded["crash"], 4);
        assert_eq!(both.lost["crash"], 2);
        assert_eq!(both.waiting(), 0);
    }
}
