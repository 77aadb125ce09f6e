//! Freezes are injected: how many are found, how soon, how exactly, and whether they name the culprit.

use crate::host::{FREEZES, KINDS, THRESHOLD};
use candor_agent::local::Device;
use candor_benches::process::{self, Process};
use candor_benches::stats::Sample;
use candor_benches::table::{Cell, Row, Unit};
use candor_protocol::report::{Freeze, What};
use candor_symbols::Symbols;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;
use std::{fs, io, thread};

const LIMIT: Duration = Duration::from_secs(240);
/// Processes that freeze at the same time, each in another way than the other: two that never pause would have every processor of a small
/// machine to themselves, and a thread that waits for one is not frozen while it does.
const SCENES: [&str; 2] = ["found", "found_beside"];
/// Later than this after its threshold, a freeze counts as missed.
const SOON: f64 = 250e6;

/// What is known of one injected freeze.
struct Injected {
    /// Nanoseconds after the threshold when it was first told of on the disk.
    after: Option<f64>,
    /// How far its report is from the truth, in nanoseconds.
    error: Option<f64>,
    named: bool,
    /// How long the thread waited for a processor meanwhile, in nanoseconds: what the machine did, and no threshold counts.
    queued: f64,
}

/// What a host says of one freeze: from when to when, in nanoseconds since 1970, and how long it waited for a processor.
struct Told {
    began: f64,
    ended: f64,
    queued: f64,
}

pub(crate) fn rows() -> io::Result<Vec<Row>> {
    let symbols = &Symbols::open([std::env::current_exe()?]);
    let hosts = thread::scope(|scope| {
        let numbered = [0, 1].map(|first| (first, SCENES[first]));
        let hosts =
            numbered.map(|(first, scene)| scope.spawn(move || one_host(scene, first, symbols)));
        hosts.map(|host| {
            host.join()
                .unwrap_or_else(|_| Err(io::Error::other("a panic")))
        })
    });
    let mut all = Vec::new();
    for host in hosts {
        all.extend(host?);
    }
    let share = |is: &dyn Fn(&Injected) -> bool| {
        Cell::One(all.iter().filter(|one| is(one)).count() as f64 / all.len() as f64)
    };
    let soon = |one: &Injected| one.after.is_some_and(|after| after <= SOON);
    let errors: Vec<f64> = all.iter().filter_map(|one| one.error).collect();
    let least = errors.iter().filter(|error| **error <= 50e6).count();
    let after = Sample::of(all.iter().filter_map(|one| one.after));
    let figure = |words: &str| format!("{} freezes of 1 s: {words}", all.len());
    Ok(vec![
        Row::new(
            figure("found in 250 ms"),
            Unit::Share,
            share(&soon),
            Cell::None,
        )
        .goal(0.99),
        Row::new(
            figure("culprit named"),
            Unit::Share,
            share(&|one| one.named),
            Cell::None,
        )
        .goal(0.95),
        Row::new(
            "found after its threshold",
            Unit::Nanos,
            after.clone(),
            Cell::None,
        ),
        Row::new(
            "found after its threshold, p99",
            Unit::Nanos,
            after.map(|after| after.quantile(0.99)),
            Cell::None,
        )
        .goal(SOON),
        Row::new(
            "waited for a processor meanwhile",
            Unit::Nanos,
            Sample::of(all.iter().map(|one| one.queued)),
            Cell::None,
        ),
        Row::new(
            "duration within 50 ms of the truth",
            Unit::Share,
            Cell::One(least as f64 / all.len() as f64),
            Cell::None,
        )
        .goal(0.99),
        Row::new(
            "error of the duration",
            Unit::Nanos,
            Sample::of(errors),
            Cell::None,
        )
        .goal(50e6),
    ])
}

fn one_host(scene: &str, first: usize, symbols: &Symbols) -> io::Result<Vec<Injected>> {
    let device = tempfile::tempdir()?;
    let mut host = crate::host(scene, device.path(), LIMIT)?;
    let over = AtomicBool::new(false);
    let (frozen, seen) = thread::scope(|scope| {
        let seen = scope.spawn(|| openings(&device.path().join("runs"), &over));
        let frozen = frozen(&mut host);
        over.store(true, SeqCst);
        (frozen, seen.join().unwrap_or_default())
    });
    host.wait()?;
    let told: Vec<Freeze> = Device::open(device.path())
        .reports()?
        .into_iter()
        .filter_map(|stored| match stored.report.what {
            What::Freeze(freeze) => Some(freeze),
            _ => None,
        })
        .collect();
    let judge = |(number, froze): (usize, &Told)| {
        let Told {
            began,
            ended,
            queued,
        } = froze;
        let name = format!("freeze_{number}");
        let told = told
            .iter()
            .find(|told| told.turn.as_ref().is_some_and(|turn| turn.as_str() == name));
        let opened = seen.iter().find(|at| (*began..*ended).contains(at));
        let threshold = began + THRESHOLD.as_nanos() as f64;
        let (culprit, _) = KINDS[(first + number) % KINDS.len()];
        Injected {
            after: opened.map(|at| (at - threshold).max(0.0)),
            error: told.map(|told| (told.took_ms as f64 * 1e6 - (ended - began)).abs()),
            named: told.is_some_and(|told| names(symbols, told, culprit)),
            queued: *queued,
        }
    };
    Ok((0..FREEZES).zip(&frozen).map(judge).collect())
}

fn frozen(host: &mut Process) -> Vec<Told> {
    let mut frozen = Vec::new();
    while let Some(line) = host.line("froze") {
        let mut words = line.split(' ').skip(1).map(|word| word.parse::<u128>());
        if let [Some(Ok(began)), Some(Ok(ended)), Some(Ok(queued))] = [(); 3].map(|()| words.next())
        {
            frozen.push(Told {
                began: began as f64,
                ended: ended as f64,
                queued: queued as f64,
            });
        }
        if frozen.len() == FREEZES {
            break;
        }
    }
    frozen
}

/// When the file of an open freeze appeared, again and again.
fn openings(dir: &Path, over: &AtomicBool) -> Vec<f64> {
    let (mut seen, mut was_open) = (Vec::new(), false);
    while !over.load(SeqCst) {
        let listing = fs::read_dir(dir).into_iter().flatten().flatten();
        let is_open = listing
            .filter_map(|entry| entry.path().extension().map(ToOwned::to_owned))
            .any(|extension| extension == "freeze0");
        if is_open && !was_open {
            seen.push(process::clock() as f64);
        }
        was_open = is_open;
        thread::sleep(Duration::from_millis(3));
    }
    seen
}

/// Whether the stack that was seen most often goes through `culprit`.
fn names(symbols: &Symbols, told: &Freeze, culprit: &str) -> bool {
    let Some(most) = told.stacks.iter().max_by_key(|seen| seen.count) else {
        return false;
    };
    most.stack.frames.iter().any(|frame| {
        let module = frame
            .module
            .and_then(|index| told.modules.get(usize::from(index)));
        let build = module.and_then(|module| module.build_id.as_ref());
        build.is_some_and(|build| {
            let names = symbols.names(build, frame.offset, frame.found);
            names.iter().any(|name| name.function.contains(culprit))
        })
    })
}
