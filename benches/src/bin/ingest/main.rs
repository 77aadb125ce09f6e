//! What the collector takes, each report acknowledged when it is on disk, grouped, de-duplicated, re-checked and counted in
//! every summary; what that costs, next to the floor of the same bytes measured in the same run; and what happens when
//! there is more of it than it can take.
//!
//! `cargo run --release -p candor-benches --bin ingest [-- SECONDS [throughput[=LOAD]] [paced] [overload] [idle] [large=DIRECTORY]]`: the collector
//! runs in a process of its own, so that its processor time and memory are told from those of the senders. Floor: gunzip,
//! parse into borrowed structs, and insert the same bytes with their id into SQLite with the same settings, one transaction
//! a batch. DIRECTORY holds a store that the bench of questions has filled and kept; what is sent is added to it.

mod floor;
mod idle;
mod large;
mod overload;
mod paced;
mod throughput;

use candor_benches::build::check_release;
use candor_benches::corpus::Corpus;
use candor_benches::serving;
use std::process::ExitCode;
use std::time::Duration;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = serving::asked_to_serve(&arguments).and_then(|served| match served {
        true => Ok(()),
        false => check_release().and_then(|()| measure(&arguments)),
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("ingest: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn measure(arguments: &[String]) -> Result<(), String> {
    let seconds = arguments.first().and_then(|text| text.parse().ok());
    let time = Duration::from_secs(seconds.unwrap_or(10));
    let wanted = |part: &str| {
        let named = &arguments[usize::from(seconds.is_some())..];
        let named = named
            .iter()
            .map(|name| name.split_once('=').unwrap_or((name, "")));
        let mut named = named.peekable();
        match named.peek() {
            None => Some(""),
            Some(_) => named
                .find(|(name, _)| *name == part)
                .map(|(_, which)| which),
        }
    };
    let corpus = Corpus::read();
    let failed = |error: std::io::Error| error.to_string();
    if let Some(loads) = wanted("throughput") {
        print!(
            "{}",
            throughput::table(&corpus, time, loads).map_err(failed)?
        );
    }
    if wanted("paced").is_some() {
        print!("{}", paced::table(&corpus, time).map_err(failed)?);
    }
    if wanted("overload").is_some() {
        print!("{}", overload::table(&corpus, time).map_err(failed)?);
    }
    if wanted("idle").is_some() {
        print!("{}", idle::table(time).map_err(failed)?);
    }
    // It has to be filled before, so it is not measured where nothing is named.
    let named = arguments.len() > usize::from(seconds.is_some());
    if let Some(filled) = wanted("large").filter(|_| named) {
        if filled.is_empty() {
            return Err("large=DIRECTORY names a store that was filled and kept".to_owned());
        }
        let table = large::table(&corpus, time, filled.as_ref());
        print!("{}", table.map_err(failed)?);
    }
    Ok(())
}
