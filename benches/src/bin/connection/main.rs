//! What recording connections costs, next to a histogram of `hdrhistogram` behind a mutex and one of the `metrics` crate,
//! in the same run.
//!
//! `cargo run --release -p candor-benches --bin connection [PART...]`, where a part is one of `cost`, `memory`, `day`; all of
//! them without one. `day` takes two minutes. See the library's documentation for how to read a table.

mod cost;
mod day;
mod device;
mod memory;

use candor_benches::build;
use candor_benches::table::Table;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};
use std::alloc::System;
use std::process::ExitCode;

/// Counts what is allocated; it adds two additions to each allocation and nothing to anything else.
#[global_allocator]
static ALLOCATED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Part = fn() -> std::io::Result<Vec<Table>>;

const PARTS: [(&str, Part); 3] = [
    ("cost", cost::tables),
    ("memory", memory::tables),
    ("day", day::tables),
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), String> {
    build::check_release()?;
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if let Some(other) = wanted
        .iter()
        .find(|part| !PARTS.iter().any(|(name, _)| name == part))
    {
        return Err(format!("there is no part {other}"));
    }
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            for table in part().map_err(|error| format!("{name}: {error}"))? {
                println!("{table}");
            }
        }
    }
    Ok(())
}
