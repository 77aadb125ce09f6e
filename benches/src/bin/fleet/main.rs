//! A fleet of made-up devices against one collector, and whether the collector counted right.
//!
//! `cargo run --release -p candor-benches --bin candor-fleet -- --devices 100000 --days 7`
//!
//! Devices use the app by day, where they are; crash and freeze by release and machine; are on good and bad networks, which
//! lose answers and break uploads off, so that batches are sent again; have clocks that are wrong; run old agents; and a few are
//! hostile. A device is nothing but a number and a seed, so that a run can be repeated and a million devices need some ten
//! megabytes. Hours pass as fast as the collector takes what is sent in them. At the end the ledger, the health of every
//! release and its connections are compared with what was sent: to the last report where the collector counts, within the
//! error of its sketches where it sketches. A difference ends the program with a failure.

mod abuse;
mod check;
mod cli;
mod device;
mod send;
mod truth;

// What is needed to fill pages in one go is not needed here.
#[allow(dead_code, unused_imports)]
#[path = "../../../../collector/tests/fleet/mod.rs"]
mod fleet;

use candor_benches::client::Client;
use candor_benches::serving::{self, Serving};
use cli::Options;
use device::{Crowd, HOUR};
use send::{Pace, Sender, Tally, Upload};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// 2026-01-05, when days begin for a collector of ours.
const START: u64 = 1_767_571_200;

/// Seconds that clocks may be wrong by, so that everything is in the range that is asked for.
const SKEW: u64 = 3 * 86_400;

/// How often progress is told.
const TELL: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = serving::asked_to_serve(&arguments).and_then(|served| match served {
        true => Ok(true),
        false => simulate(&Options::read()),
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(reason) => {
            eprintln!("candor-fleet: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything was as it has to be.
fn simulate(options: &Options) -> Result<bool, String> {
    options.check()?;
    let failed = |error: std::io::Error| error.to_string();
    let mut own = match options.collector {
        None => Some(Serving::start().map_err(failed)?),
        Some(_) => None,
    };
    let (address, key, app) = match (&own, options.collector, &options.key) {
        (Some(own), ..) => (own.address, own.key.clone(), serving::APP),
        (None, Some(address), Some(key)) => (address, key.clone(), options.app.as_str()),
        _ => return Err("give the address of a collector and a key".to_owned()),
    };
    let hours = options.days * 24;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    let crowd = Crowd {
        seed: options.seed,
        devices: options.devices,
        start: if own.is_some() {
            START
        } else {
            now - now % HOUR - hours * HOUR
        },
        hours,
    };
    let (begin, cpu) = (Instant::now(), own.as_ref().map(Serving::cpu));
    let tally = days(options, crowd, address, &key, own.as_mut())?;
    let took = begin.elapsed().as_secs_f64();
    tell(&tally, took);
    if let (Some(own), Some(before)) = (&own, cpu) {
        tell_costs(own, own.cpu() - before, &tally, options);
    }
    let asked = &mut check::Asked {
        client: &mut Client::new(address),
        app,
        from: crowd.start.saturating_sub(SKEW),
        to: crowd.start + hours * HOUR + SKEW,
    };
    let checks = check::check(asked, &tally).map_err(failed)?;
    for problem in tally.problems.iter().chain(&checks.wrong) {
        println!("WRONG  {problem}");
    }
    let wrong = tally.problems.len() + checks.wrong.len();
    println!("{} figures compared, {wrong} differ", checks.made);
    Ok(wrong == 0)
}

/// Lets the days pass.
fn days(
    options: &Options,
    crowd: Crowd,
    address: SocketAddr,
    key: &str,
    mut own: Option<&mut Serving>,
) -> Result<Tally, String> {
    let authorization = format!("authorization: Bearer {key}\r\n");
    let pace = Pace::new(options.rate);
    let tallies: Vec<Mutex<Tally>> = (0..options.senders).map(|_| Mutex::default()).collect();
    let (line, next) = sync_channel(options.senders * 4);
    let next = Arc::new(Mutex::new(next));
    let flying = Flying::default();
    std::thread::scope(|scope| {
        for tally in &tallies {
            let sender = Sender {
                crowd,
                address,
                authorization: &authorization,
                pace: &pace,
                client: Client::new(address),
                tally,
            };
            let (next, flying) = (next.clone(), &flying);
            scope.spawn(move || work(sender, &next, flying));
        }
        let begin = Instant::now();
        let mut told = begin;
        let mut waiting: BTreeMap<u64, Vec<Upload>> = BTreeMap::new();
        let mut hour = 0;
        let mut open = true;
        while (open && hour < crowd.hours) || !waiting.is_empty() {
            if let Some(own) = own.as_deref_mut() {
                let now = crowd.start + hour * HOUR;
                own.set_clock(now).map_err(|error| error.to_string())?;
            }
            for upload in waiting.remove(&hour).unwrap_or_default() {
                flying.send(&line, upload);
            }
            if open && hour < crowd.hours {
                for device in (0..crowd.devices).filter(|device| crowd.starts(*device, hour)) {
                    for part in 0..2u8 {
                        let upload = Upload {
                            device,
                            hour: hour as u32,
                            part,
                            turn: 0,
                        };
                        match crowd.late(device, hour, part.into()) {
                            0 => flying.send(&line, upload),
                            late => waiting.entry(hour + late).or_default().push(upload),
                        }
                    }
                    if told.elapsed() >= TELL {
                        told = Instant::now();
                        progress(&tallies, hour, crowd.hours, begin);
                    }
                }
            }
            flying.wait();
            for tally in &tallies {
                let again = std::mem::take(&mut tally.lock().expect("no panic").again);
                if !again.is_empty() {
                    waiting.entry(hour + 1).or_default().extend(again);
                }
            }
            open &= options
                .seconds
                .is_none_or(|most| begin.elapsed().as_secs() < most);
            hour += 1;
        }
        drop(line);
        Ok(())
    })
    .map_err(|error: String| error)?;
    let mut all = Tally::default();
    for tally in &tallies {
        all.merge(&tally.lock().expect("no panic"));
    }
    Ok(all)
}

/// Sends what comes down the line until it is closed.
fn work(mut sender: Sender<'_>, next: &Mutex<Receiver<Upload>>, flying: &Flying) {
    loop {
        let upload = next.lock().expect("no panic").recv();
        let Ok(upload) = upload else { return };
        sender.send(upload);
        flying.landed();
    }
}

/// How many uploads are under way.
#[derive(Default)]
struct Flying {
    count: Mutex<usize>,
    none: Condvar,
}

impl Flying {
    fn send(&self, line: &SyncSender<Upload>, upload: Upload) {
        *self.count.lock().expect("no panic") += 1;
        line.send(upload)
            .expect("senders work until the line is closed");
    }

    fn landed(&self) {
        let mut count = self.count.lock().expect("no panic");
        *count -= 1;
        if *count == 0 {
            self.none.notify_all();
        }
    }

    fn wait(&self) {
        let count = self.count.lock().expect("no panic");
        drop(
            self.none
                .wait_while(count, |count| *count > 0)
                .expect("no panic"),
        );
    }
}

fn progress(tallies: &[Mutex<Tally>], hour: u64, hours: u64, begin: Instant) {
    let stored = tallies
        .iter()
        .map(|tally| tally.lock().expect("no panic").stored);
    let stored: u64 = stored.sum();
    eprintln!(
        "hour {hour} of {hours}, {stored} reports, {:.0}/s",
        stored as f64 / begin.elapsed().as_secs_f64()
    );
}

fn tell(tally: &Tally, took: f64) {
    let ms = |q: f64| tally.took_us.value_at_quantile(q) as f64 / 1e3;
    println!(
        "{} reports in {took:.1} s: {:.0}/s; {} sent again, {} requests, {:.1} MB",
        tally.stored,
        tally.stored as f64 / took,
        tally.duplicates,
        tally.requests,
        tally.bytes as f64 / 1e6
    );
    println!(
        "acknowledged in p50 {:.2} ms, p90 {:.2}, p99 {:.2}, p99.9 {:.2}, at most {:.2}",
        ms(0.5),
        ms(0.9),
        ms(0.99),
        ms(0.999),
        ms(1.0)
    );
    let statuses = tally
        .statuses
        .iter()
        .map(|(status, count)| format!("{status}: {count}"));
    println!("answers {}", statuses.collect::<Vec<_>>().join(", "));
}

fn tell_costs(own: &Serving, cpu: f64, tally: &Tally, options: &Options) {
    let days = f64::from(options.devices) * options.days as f64;
    let (_, peak) = own.resident();
    println!(
        "collector: {:.0} us of processor time a report, at most {:.1} MiB resident, {:.0} B on disk a report",
        cpu / tally.stored as f64 * 1e6,
        peak as f64 / f64::from(1 << 20),
        own.disk() as f64 / tally.stored as f64
    );
    println!(
        "a device-day: {:.2} reports, {:.0} B sent, {:.0} B on disk, {:.0} us of processor time",
        tally.stored as f64 / days,
        tally.bytes as f64 / days,
        own.disk() as f64 / days,
        cpu / days * 1e6
    );
}
