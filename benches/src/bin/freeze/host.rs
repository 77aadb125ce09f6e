//! The host: this program with an agent in it, or without.

use candor_agent::{
    Age, Agent, Carrier, Choice, Consent, Extension, Name, Outcome, Ping, Request, Sending,
    Settings, name,
};
use candor_benches::stats::Sample;
use candor_benches::{lap, process};
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{fs, thread};

const PATIENCE: Duration = Duration::from_secs(5);
/// What is injected, from which threshold on it counts, and how often one host does so.
pub(crate) const FROZEN: Duration = Duration::from_secs(1);
pub(crate) const THRESHOLD: Duration = Duration::from_millis(500);
pub(crate) const FREEZES: usize = 50;

/// Stands still for so long.
type Harm = fn(Duration);

/// What a frozen host does, and the function it does it in.
pub(crate) const KINDS: [(&str, Harm); 4] = [
    ("rebuild_index", rebuild_index),
    ("wait_a_while", wait_a_while),
    ("read_from_helper", read_from_helper),
    ("merge_contact", merge_contact),
];

struct Offline;

impl Carrier for Offline {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(async { Outcome::TryLater { after: None } })
    }
}

fn start(dir: &Path) -> Option<Agent> {
    let settings = Settings::new("bench", "1.0.0", "http://127.0.0.1:9", "ck_none", dir)
        .carrier(Arc::new(Offline));
    let consent = Consent {
        sdk: "bench".into(),
        operator: "Example Ltd".into(),
        purposes: vec!["find faults".into()],
        policy_version: "1".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1,
        catalogue: candor_agent::CATALOGUE,
        age: Age::Unknown,
    };
    let agent = Agent::start(Extension::On, Choice::Granted(consent), settings).ok()?;
    agent.flush(PATIENCE);
    Some(agent)
}

pub(crate) fn play(scene: &str, dir: &Path) {
    match scene {
        "hello" => wait(),
        "calls" => calls(dir),
        "idle" => {
            let Some(agent) = start(dir) else { return };
            let _watch = agent.watch(name!("main_loop"));
            wait();
        }
        "idle_pings" => {
            let Some(agent) = start(dir) else { return };
            let (post, posted) = channel::<Ping>();
            let post = move |ping| {
                let _ = post.send(ping);
            };
            let _pings = agent.watch_pings(name!("main_loop"), THRESHOLD * 4, post);
            thread::spawn(move || posted.into_iter().for_each(|ping| ping()));
            wait();
        }
        "found" => freeze(dir, 0),
        "found_beside" => freeze(dir, 1),
        other => println!("there is no scene {other}"),
    }
}

/// Until there is nobody to talk to.
fn wait() {
    println!("ready");
    let _ = std::io::stdin().read(&mut [0]);
}

fn calls(dir: &Path) {
    const ROUNDS: usize = 200;
    let Some(agent) = start(dir) else { return };
    let watch = agent.watch(name!("main_loop"));
    let turn = lap::mean(ROUNDS, 500, || {
        drop(black_box(&watch).turn(name!("decode")));
    });
    println!("turn {turn}");
    // The shortest threshold there is, so that pings come often.
    let (post, posted) = channel::<Ping>();
    let shortest = Duration::from_millis(100);
    let _pings = agent.watch_pings(name!("loop"), shortest, move |ping| {
        let _ = post.send(ping);
    });
    let pings = posted.into_iter().take(ROUNDS / 2);
    let times = Sample::of(pings.map(lap::nanos));
    println!("ping {}", times.map_or(0.0, |times| times.median()));
}

/// Freezes again and again, first in the kind of this number, and says from when to when and how long it waited for a processor.
fn freeze(dir: &Path, first: usize) {
    let Some(agent) = start(dir) else { return };
    let watch = agent.watch_with(name!("main_loop"), THRESHOLD);
    for (number, (_, work)) in (0..FREEZES).zip(KINDS.iter().cycle().skip(first)) {
        // Not in step with the looks of the agent.
        thread::sleep(Duration::from_millis(200 + 37 * (number as u64 % 10)));
        let name = Name::declare(Box::leak(format!("freeze_{number}").into_boxed_str()));
        let before = queued();
        let began = process::clock();
        {
            let _turn = watch.turn(name);
            work(FROZEN);
        }
        let ended = process::clock();
        println!("froze {number} {began} {ended} {}", queued() - before);
    }
    agent.shutdown(PATIENCE);
}

/// How long this thread has waited for a processor in its life, in nanoseconds, as its system counts it.
fn queued() -> u64 {
    let counted = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let second = counted.split(' ').nth(1);
    second.and_then(|ns| ns.parse().ok()).unwrap_or_default()
}

#[inline(never)]
fn rebuild_index(time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        black_box((0..1_000u64).fold(0, |sum, n| black_box(sum + n)));
    }
    black_box(());
}

#[inline(never)]
fn wait_a_while(time: Duration) {
    thread::sleep(time);
    black_box(());
}

#[inline(never)]
fn read_from_helper(time: Duration) {
    let Ok((mut ours, mut theirs)) = UnixStream::pair() else {
        return;
    };
    let helper = thread::spawn(move || {
        thread::sleep(time);
        let _ = theirs.write_all(b"x");
    });
    let _ = ours.read_exact(&mut [0]);
    let _ = helper.join();
}

#[inline(never)]
fn merge_contact(time: Duration) {
    let contacts = Arc::new(Mutex::new(0));
    let (held, holds) = channel();
    let theirs = contacts.clone();
    let librarian = thread::spawn(move || {
        let _guard = theirs.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = held.send(());
        thread::sleep(time);
    });
    let _ = holds.recv();
    *contacts.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    let _ = librarian.join();
}
