//! What watching for freezes costs, and how well it finds them, next to the same program without an agent.
//!
//! `cargo run --release -p candor-benches --bin freeze [PART...]`, where a part is one of `calls`, `idle`, `found`, `sample`; all of
//! them without one. Takes about two minutes. See the library's documentation for how to read it.

mod calls;
mod found;
mod host;
mod idle;
mod sample;

use candor_benches::build;
use candor_benches::process::Process;
use candor_benches::table::{Row, Table, show};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

type Part = fn() -> std::io::Result<Vec<Row>>;

const PARTS: [(&str, Part); 4] = [
    ("calls", calls::rows),
    ("idle", idle::rows),
    ("found", found::rows),
    ("sample", sample::rows),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, scene, dir] = &arguments[..]
        && first == "host"
    {
        host::play(scene, Path::new(dir));
        return ExitCode::SUCCESS;
    }
    show(run(&arguments))
}

fn run(wanted: &[String]) -> Result<Table, String> {
    build::check_release()?;
    let known = |wanted: &&String| PARTS.iter().any(|(name, _)| name == wanted);
    if let Some(other) = wanted.iter().find(|wanted| !known(wanted)) {
        let names = PARTS.map(|(name, _)| name).join(", ");
        return Err(format!("there is no part {other}; there are {names}"));
    }
    let mut table = Table::new("watching for freezes", "without an agent");
    for (name, part) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|part| part == name) {
            eprintln!("measuring {name}");
            table.add(part().map_err(|error| format!("{name}: {error}"))?);
        }
    }
    Ok(table)
}

/// This program as a host that plays `scene`.
fn host(scene: &str, dir: &Path, limit: Duration) -> std::io::Result<Process> {
    let me = std::env::current_exe()?;
    let dir = dir.display().to_string();
    Process::start(&me, ["host", scene, &dir], limit)
}
