//! How fast texts are de-identified on one thread, next to a floor: copying them, and looking at every character once.
//!
//! `cargo run --release -p candor-benches --bin deidentify [FILE]`: FILE holds texts, one a line; without one they are the rows on which
//! de-identification is measured, with identifiers that stand in them as they would in logs. What counts is the time that the thread had
//! a processor, so that others who use the machine do not.

use candor_benches::build::{check_release, workspace};
use candor_benches::stats::Sample;
use candor_benches::table::{Row, Table, Unit, show};
use candor_protocol::deidentify::scrub;
use std::hint::black_box;
use std::process::ExitCode;

const ROUNDS: usize = 15;
/// Bytes that one round goes through, at least; the floor takes little time for each, and the kernel counts time in ticks.
const BYTES: usize = 4 << 20;
const BYTES_OF_FLOOR: usize = 128 << 20;

/// Bytes a second.
const GOAL: f64 = 15e6;

/// Identifiers for the places in the rows.
const VALUES: &[&str] = &[
    "13800138000",
    "lin.yutong@example.org",
    "7391846250173648201",
    "203.0.113.9",
    "王小明",
    "6217850000187348",
];

fn main() -> ExitCode {
    show(run())
}

fn run() -> Result<Table, String> {
    check_release()?;
    let given = std::env::args_os().nth(1);
    let file = given.map_or_else(
        || workspace().join("protocol/tests/unseen/rows.txt"),
        Into::into,
    );
    let text = std::fs::read_to_string(&file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    let texts: Vec<String> = texts(&text);
    let clean: Vec<String> = texts
        .iter()
        .filter(|text| scrub(text).removed.is_empty())
        .cloned()
        .collect();
    if clean.is_empty() || clean.len() == texts.len() {
        return Err("the file needs lines with identifiers and lines without".to_owned());
    }
    let mut table = Table::new("de-identifying, on one thread", "floor");
    table.add([
        row("bytes a second, against copying them", &texts, &|text| {
            black_box(text.to_owned());
        }),
        row("the same, of texts without identifiers", &clean, &|text| {
            black_box(text.to_owned());
        }),
        row("against looking at each character once", &texts, &|text| {
            let seen = text.chars().filter(|letter| letter.is_alphanumeric());
            black_box(seen.count());
        })
        .goal(GOAL),
    ]);
    Ok(table)
}

/// The lines of the file, with identifiers in their places.
fn texts(file: &str) -> Vec<String> {
    let lines = file.lines().filter(|line| !line.is_empty());
    let lines = lines.filter(|line| !line.starts_with('#')).enumerate();
    lines
        .map(|(number, line)| {
            let line = line.replace(['⟦', '⟧'], "");
            match (line.find('{'), line.find('}')) {
                (Some(from), Some(to)) if from < to => {
                    let value = VALUES[number % VALUES.len()];
                    format!("{}{value}{}", &line[..from], &line[to + 1..])
                }
                _ => line,
            }
        })
        .collect()
}

fn row(figure: &str, texts: &[String], floor: &dyn Fn(&str)) -> Row {
    let ours = rate(BYTES, texts, &|text| {
        black_box(scrub(text));
    });
    Row::new(figure, Unit::Rate, ours, rate(BYTES_OF_FLOOR, texts, floor))
}

/// Bytes a second; a first round is not counted.
fn rate(least: usize, texts: &[String], work: &dyn Fn(&str)) -> Option<Sample> {
    let bytes: usize = texts.iter().map(String::len).sum();
    let times = least.div_ceil(bytes);
    let round = || {
        let began = on_processor();
        for text in (0..times).flat_map(|_| texts) {
            work(black_box(text));
        }
        (bytes * times) as f64 / (on_processor() - began)
    };
    Sample::of(std::iter::repeat_with(round).take(ROUNDS + 1).skip(1))
}

/// Seconds that this thread has had a processor: the first number of `schedstat` (proc(5)), in nanoseconds.
fn on_processor() -> f64 {
    let file = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = file.split(' ').next().and_then(|nanos| nanos.parse().ok());
    nanos.unwrap_or(0.0) / 1e9
}
