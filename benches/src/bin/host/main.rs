//! What a host app pays for the agent, next to the `sentry` crate in the same run.
//!
//! `cargo run --release -p candor-benches --bin host [PART...]`, where a part is one of `start`, `calls`, `idle`, `death`,
//! `ending`, `losses`; all of them without one. Takes some minutes. See the library's documentation for how to read it.

mod calls;
mod death;
mod ending;
mod idle;
mod losses;
mod sides;
mod start;

use candor_benches::build;
use candor_benches::table::{Row, Table, show};
use sides::Sides;
use std::process::ExitCode;

type Part = fn(&Sides) -> std::io::Result<Vec<Row>>;

const PARTS: [(&str, Part); 6] = [
    ("start", start::rows),
    ("calls", calls::rows),
    ("idle", idle::rows),
    ("death", death::rows),
    ("ending", ending::rows),
    ("losses", losses::rows),
];

fn main() -> ExitCode {
    show(run())
}

fn run() -> Result<Table, String> {
    build::check_release()?;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(other) = wanted
        .iter()
        .find(|part| !PARTS.iter().any(|(name, _)| name == part))
    {
        let names: Vec<_> = PARTS.iter().map(|(name, _)| *name).collect();
        return Err(format!(
            "there is no part {other}; there are {}",
            names.join(", ")
        ));
    }
    eprintln!("building the two host apps");
    let sides = Sides::build()?;
    let mut table = Table::new("what the host pays", "sentry 0.49");
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            eprintln!("measuring {name}, machine at load {}", load());
            table.add(part(&sides).map_err(|error| format!("{name}: {error}"))?);
        }
    }
    Ok(table)
}

/// Processes that wanted to run, on average over the last minute.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("?").to_owned()
}
