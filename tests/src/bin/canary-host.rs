//! A host that holds what identifies people wherever a program can hold it, and comes to harm in every way that is recorded.
//!
//! `canary-host harm|deliver COLLECTOR KEY DIR`; the identifiers are in `tests/canaries/canaries.tsv`, and the environment and the
//! working directory hold some too.
#![allow(unsafe_code)] // It exists to crash, and safe code cannot crash like this.

use candor_agent::{
    Agent, Choice, Extension, Extra, Failure, Flushed, Phase, Settings, Transport, name,
};
use candor_tests::canaries::{Canary, canaries};
use candor_tests::consent;
use std::hint::black_box;
use std::io;
use std::panic::catch_unwind;
use std::thread;
use std::time::Duration;

candor_agent::crumbs! {
    enum Crumb {
        Looked = "looked_up" { found: i64, length: usize },
    }
}

const PATIENCE: Duration = Duration::from_secs(20);
/// As many panics as a dump has room for until it is told of.
const AT_ONCE: usize = 4;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, collector, key, dir, ..] = &words[..] else {
        eprintln!("usage: canary-host harm|deliver COLLECTOR KEY DIR");
        std::process::exit(2);
    };
    // Nobody has to read what is said on purpose.
    std::panic::set_hook(Box::new(|_| {}));
    let start = || start(collector, key, dir);
    if what == "harm" {
        let canaries = canaries();
        for some in canaries.chunks(AT_ONCE) {
            let agent = start();
            some.iter().for_each(|canary| harm(&agent, canary));
            agent.shutdown(PATIENCE);
        }
        let agent = start();
        agent.flush(PATIENCE);
        die(&canaries);
    } else {
        let agent = start();
        // It may have to wait until the collector may be asked again.
        for _ in 0..600 {
            if agent.flush(PATIENCE) == Flushed::All {
                break;
            }
            thread::sleep(Duration::from_millis(100));
        }
        agent.shutdown(PATIENCE);
    }
}

fn start(collector: &str, key: &str, dir: &str) -> Agent {
    let consent = consent::given();
    let mut settings = Settings::new("im-demo", "1.4.0", collector, key, dir);
    for extra in Extra::ALL {
        settings = settings.extra(*extra);
    }
    Agent::start(Extension::On, Choice::Granted(consent), settings).expect("the settings are good")
}

/// Everything short of death, with one identifier in it.
fn harm(agent: &Agent, canary: &Canary) {
    let text = canary.text.clone();
    let threads = thread::Builder::new().name(short(&canary.value));
    let panics = threads.spawn(move || panic!("{text}"));
    let _ = panics.map(thread::JoinHandle::join);
    let numbers = canary.value.chars().filter(char::is_ascii_digit);
    let number: i64 = numbers.take(18).collect::<String>().parse().unwrap_or(0);
    agent.breadcrumbs::<Crumb>().add(Crumb::Looked {
        found: number,
        length: canary.value.len(),
    });
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
    let error = io::Error::other(canary.text.clone());
    link.attempt().failed(Phase::Connect, Failure::of(&error));
    let loops = thread::Builder::new().name(short(&canary.value));
    let watch = agent.watch_with(name!("main_loop"), Duration::from_millis(100));
    let held = canary.text.clone();
    let frozen = loops.spawn(move || {
        let turn = watch.turn(name!("decode"));
        let held = black_box(held);
        thread::sleep(Duration::from_millis(250));
        drop((turn, held));
    });
    let _ = frozen.map(thread::JoinHandle::join);
    let _ = catch_unwind(|| black_box(0));
}

/// As much of a name as the kernel keeps.
fn short(value: &str) -> String {
    let mut end = value.len().min(15);
    while !value.is_char_boundary(end) {
        end -= 1;
    }
    value[..end].to_owned()
}

/// Dies of a null pointer with every identifier on the stack, in the heap, in the environment, in the arguments, and in the
/// names of threads that wait.
fn die(canaries: &[Canary]) {
    let heap: Vec<String> = canaries.iter().map(|canary| canary.text.clone()).collect();
    let mut stack = [[0_u8; 128]; 64];
    for (place, canary) in stack.iter_mut().zip(canaries) {
        let bytes = canary.value.as_bytes();
        let kept = bytes.len().min(place.len());
        place[..kept].copy_from_slice(&bytes[..kept]);
    }
    for canary in canaries.iter().take(8) {
        let waiting = thread::Builder::new().name(short(&canary.value));
        let _ = waiting.spawn(|| {
            loop {
                thread::park();
            }
        });
    }
    // The agent looks at names of threads now and then.
    thread::sleep(Duration::from_millis(50));
    black_box((&heap, &stack));
    // SAFETY: there is none, on purpose: the first page is never mapped, so the process ends here.
    unsafe { std::ptr::read_volatile(black_box(16 as *const u32)) };
    black_box((&heap, &stack));
}
