//! A host with a real agent, whose threads stand still in the way it is told.

use crate::mutex::Mutex;
use candor_agent::{
    Age, Agent, Carrier, Choice, Consent, Extension, Outcome, Ping, Request, Sending, Settings,
    Thresholds, Watch, name,
};
use std::hint::black_box;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const HANG: Duration = Duration::from_millis(300);
pub(crate) const NOT_RESPONDING: Duration = Duration::from_millis(1_200);
/// For so long a thread that hangs stands still.
pub(crate) const LONG: Duration = Duration::from_millis(900);
/// And one that does not respond.
pub(crate) const LONGER: Duration = Duration::from_millis(1_500);

const THRESHOLDS: Thresholds = Thresholds {
    hang: HANG,
    not_responding: NOT_RESPONDING,
};

/// Nobody: the host is offline.
struct Offline;

impl Carrier for Offline {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(async { Outcome::TryLater { after: None } })
    }
}

fn start() -> Agent {
    let dir = PathBuf::from(std::env::var_os("CANDOR_DIR").unwrap()).join("apm");
    let settings = Settings::new("im-demo", "1.4.0", "http://127.0.0.1:9", "ck_none", dir)
        .carrier(Arc::new(Offline))
        .thread_names(&["librarian"]);
    let consent = Consent {
        sdk: "im-sdk".into(),
        operator: "Example Ltd".into(),
        purposes: vec!["find faults".into()],
        policy_version: "3".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1,
        catalogue: candor_agent::CATALOGUE,
        age: Age::Unknown,
    };
    let agent = Agent::start(Extension::On, Choice::Granted(consent), settings).unwrap();
    // From here on the agent's thread is at work.
    agent.flush(PATIENCE);
    agent
}

/// Says to the story that it may act now.
fn say(word: &str) {
    let mut out = std::io::stdout();
    writeln!(out, "{word}").unwrap();
    out.flush().unwrap();
}

pub(crate) fn play(scene: &str) {
    let agent = start();
    let watch = agent.watch_with(name!("main_loop"), THRESHOLDS);
    match scene {
        "nothing" => {}
        "busy" => in_turn(&watch, || rebuild_index(LONG)),
        "busy_longer" => in_turn(&watch, || rebuild_index(LONGER)),
        "sleep" => in_turn(&watch, || wait_a_while(LONG)),
        "read" => in_turn(&watch, || read_from_helper(LONG)),
        "faults" => in_turn(&watch, || touch_memory(LONG)),
        "deadlock" => deadlock(&watch),
        "killed" => in_turn(&watch, || {
            say("frozen");
            wait_a_while(PATIENCE);
        }),
        "exits" => {
            thread::spawn(move || {
                thread::sleep(LONG);
                agent.shutdown(PATIENCE);
                std::process::exit(0);
            });
            in_turn(&watch, || wait_a_while(PATIENCE));
            return;
        }
        "short_turns" => short_turns(&watch),
        "moved" => moved(watch),
        "lost_turn" => {
            let _ = thread::spawn(move || {
                std::mem::forget(watch.turn(name!("forgotten")));
                watch
            })
            .join()
            .map(|watch| {
                thread::sleep(LONGER);
                drop(watch);
            });
        }
        "stopped" => stopped(&watch),
        "paused" => {
            watch.pause();
            in_turn(&watch, || wait_a_while(LONG));
            watch.resume();
        }
        "many" => {
            for _ in 0..INJECTED {
                in_turn(&watch, || wait_a_while(LONG));
                thread::sleep(Duration::from_millis(20));
            }
        }
        "pinged" => pinged(&agent, true),
        "pinged_in_the_background" => pinged(&agent, false),
        "starved" => starved(&agent, tokio::runtime::Builder::new_multi_thread()),
        "starved_alone" => starved(&agent, tokio::runtime::Builder::new_current_thread()),
        "busy_runtime" => busy_runtime(&agent),
        other => panic!("no such scene: {other}"),
    }
    agent.shutdown(PATIENCE);
}

/// So many freezes are injected into one process.
pub(crate) const INJECTED: usize = 6;

fn in_turn(watch: &Watch, work: impl FnOnce()) {
    let _turn = watch.turn(name!("decode"));
    work();
}

/// How long the calling thread has had a processor. While others have it, nothing is this host's doing.
fn worked() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split(' ').next().unwrap().parse().unwrap())
}

/// Computes for so long.
#[inline(never)]
fn rebuild_index(time: Duration) {
    let end = worked() + time;
    while worked() < end {
        black_box((0..1_000_000u64).fold(0, |sum, n| black_box(sum + n)));
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
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    let helper = thread::spawn(move || {
        thread::sleep(time);
        theirs.write_all(b"x").unwrap();
    });
    ours.read_exact(&mut [0]).unwrap();
    helper.join().unwrap();
}

/// Every page of it has to be brought in by the kernel, again and again.
#[inline(never)]
fn touch_memory(time: Duration) {
    let end = worked() + time;
    while worked() < end {
        let mut pages = vec![0u8; 16 << 20];
        pages.iter_mut().step_by(4096).for_each(|byte| *byte = 1);
        black_box(&pages);
    }
}

static CONTACTS: Mutex = Mutex::new();
static MESSAGES: Mutex = Mutex::new();

#[inline(never)]
fn merge_contact() {
    MESSAGES.lock();
    black_box(());
}

#[inline(never)]
fn file_message() {
    CONTACTS.lock();
    black_box(());
}

/// The watched thread holds one and wants the other; the librarian the other way round. Ends with the process.
fn deadlock(watch: &Watch) {
    let (ready, both) = channel();
    // Before there is anybody else who could take it.
    CONTACTS.lock();
    let librarian = thread::Builder::new().name("librarian".into());
    let _ = librarian.spawn(move || {
        MESSAGES.lock();
        ready.send(()).unwrap();
        file_message();
    });
    both.recv().unwrap();
    in_turn(watch, || {
        say("frozen");
        merge_contact();
    });
    MESSAGES.unlock();
}

/// Each takes most of what is allowed, all together far more.
fn short_turns(watch: &Watch) {
    for turn in 0..1_000 {
        in_turn(watch, || match turn % 250 {
            0 => rebuild_index(HANG / 2),
            _ => rebuild_index(Duration::from_millis(2)),
        });
    }
}

/// What freezes is the second thread; the first is at its end by then.
fn moved(watch: Watch) {
    in_turn(&watch, || rebuild_index(Duration::from_millis(10)));
    let watch = thread::spawn(move || {
        in_turn(&watch, || rebuild_index(Duration::from_millis(10)));
        watch
    });
    let watch = watch.join().unwrap();
    let second = thread::spawn(move || in_turn(&watch, || rebuild_index(LONG)));
    second.join().unwrap();
}

/// Works in turns that take no time, and is stopped in the middle of some, for longer than a turn may take.
fn stopped(watch: &Watch) {
    say("running");
    for _ in 0..90 {
        in_turn(watch, || thread::sleep(HANG / 6));
    }
}

/// A loop that only runs what is posted to it, and then does something long.
fn pinged(agent: &Agent, foreground: bool) {
    let (post, posted) = channel::<Ping>();
    agent.foreground(foreground);
    let pings = agent.watch_pings(name!("toolkit"), THRESHOLDS, move |ping| {
        let _ = post.send(ping);
    });
    let turns = thread::spawn(move || {
        // It is known by the first ping that it runs; then it freezes for good.
        if let Ok(first) = posted.recv_timeout(LONG) {
            first();
        }
        rebuild_index(LONGER);
        for _ in 0..6 {
            if let Ok(ping) = posted.recv_timeout(HANG) {
                ping();
            }
        }
    });
    turns.join().unwrap();
    drop(pings);
}

/// Tasks that never await keep every worker.
fn starved(agent: &Agent, mut builder: tokio::runtime::Builder) {
    let runtime = builder.worker_threads(2).enable_time().build().unwrap();
    let pings = agent.watch_runtime(name!("runtime"), THRESHOLDS, runtime.handle());
    runtime.block_on(async {
        tokio::time::sleep(LONG).await;
        let tasks = [0, 1].map(|_| tokio::spawn(async { wait_a_while(LONGER) }));
        for task in tasks {
            task.await.unwrap();
        }
        tokio::time::sleep(LONG).await;
    });
    drop(pings);
}

/// One worker is kept, the other has to do for all.
fn busy_runtime(agent: &Agent) {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    let runtime = builder.worker_threads(2).enable_time().build().unwrap();
    let pings = agent.watch_runtime(name!("runtime"), THRESHOLDS, runtime.handle());
    runtime.block_on(async {
        tokio::spawn(async { wait_a_while(LONGER) }).await.unwrap();
    });
    drop(pings);
}
