//! What a crash costs and what is left of it, next to `crash-handler` with `minidumper`, and next to what a debugger sees.
//!
//! `cargo run --release -p candor-benches --features peers --bin crash [PART...]`, where a part is one of `arming`, `deaths`,
//! `frames`; all of them without one. Takes some minutes; `frames` needs `gdb`. See the library's documentation for how to read it.

mod arming;
mod deaths;
mod debugger;
mod frames;
mod sides;

use candor_benches::build;
use candor_benches::table::{Row, Table, show};
use sides::Sides;
use std::process::ExitCode;

type Part = fn(&Sides) -> Result<Vec<Row>, String>;

const PARTS: [(&str, Part); 3] = [
    ("arming", arming::rows),
    ("deaths", deaths::rows),
    ("frames", frames::rows),
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
    let mut table = Table::new("what a crash costs", "minidumper 0.11");
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            eprintln!("measuring {name}");
            table.add(part(&sides).map_err(|error| format!("{name}: {error}"))?);
        }
    }
    Ok(table)
}
