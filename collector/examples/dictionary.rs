//! Makes a dictionary for the bodies of reports out of a made-up fleet. Bodies that were packed with a dictionary need it for as
//! long as they are kept, so a new one is added to those there are and replaces none.
//!
//! ```sh
//! cargo run -p candor-collector --example dictionary -- collector/src/store/body/NUMBER.dict
//! ```

#[path = "../tests/fleet/mod.rs"]
#[allow(
    unused_imports,
    reason = "its symbol file is for those who send reports"
)]
mod fleet;

use candor_protocol::moment::Precision;
use candor_protocol::report::{Kind, Report};
use std::process::ExitCode;

/// Bytes: twice as many save a twentieth more.
const SIZE: usize = 32 * 1024;
/// Reports of each kind that it is made of.
const OF_EACH: usize = 400;

fn main() -> ExitCode {
    match run() {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("dictionary: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<String, String> {
    let path = (std::env::args().nth(1)).ok_or("usage: dictionary FILE")?;
    let (known, kept) = (reports(1), reports(2));
    let samples: Vec<String> = Kind::ALL
        .iter()
        .flat_map(|kind| {
            known
                .iter()
                .filter(|report| report.what.kind() == *kind)
                .take(OF_EACH)
        })
        .filter_map(|report| serde_json::to_string(report).ok())
        .collect();
    let dictionary = zstd::dict::from_samples(&samples, SIZE).map_err(|error| error.to_string())?;
    std::fs::write(&path, &dictionary).map_err(|error| format!("{path}: {error}"))?;
    Kind::ALL
        .iter()
        .map(|kind| {
            saved(
                &dictionary,
                kept.iter().filter(|report| report.what.kind() == *kind),
            )
        })
        .zip(Kind::ALL)
        .map(|(saved, kind)| Ok(format!("{}: {}", kind.as_str(), saved?)))
        .collect::<Result<Vec<_>, String>>()
        .map(|lines| lines.join("\n"))
}

fn reports(seed: u64) -> Vec<Report> {
    fleet::reports(fleet::Plan {
        seed,
        devices: 60,
        hours: 48,
        now: 1_790_000_000,
        precision: Precision::Hour,
    })
}

/// What it saves of reports that it was not made of.
fn saved<'a>(
    dictionary: &[u8],
    reports: impl Iterator<Item = &'a Report>,
) -> Result<String, String> {
    let mut packer = zstd::bulk::Compressor::with_dictionary(3, dictionary)
        .map_err(|error| error.to_string())?;
    let (mut count, mut before, mut after) = (0, 0, 0);
    for report in reports {
        let json = serde_json::to_vec(report).map_err(|error| error.to_string())?;
        count += 1;
        before += json.len();
        after += packer
            .compress(&json)
            .map_err(|error| error.to_string())?
            .len();
    }
    let mean = |bytes: usize| bytes / count.max(1);
    Ok(format!("{} bytes become {}", mean(before), mean(after)))
}
