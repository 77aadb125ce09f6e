//! A host with a real agent that dies in the way it is told.

use candor_agent::{
    Agent, Carrier, Choice, Consent, Extension, Outcome, Request, Sending, Settings, name,
};
use std::hint::black_box;
use std::io::Write;
use std::panic;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The victim says this on standard output when it waits to be killed.
pub(crate) const READY: &str = "ready";
/// What the host's own panic hooks say.
pub(crate) const EARLIER_HOOK: &str = "the earlier hook ran";
pub(crate) const LATER_HOOK: &str = "the later hook ran";
/// What must never be written anywhere.
pub(crate) const IDENTIFIERS: [&str; 5] = [
    "13800138000",
    "wang.fang@example.com",
    "203.0.113.77",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMzgwMDEzODAwMCJ9.abcdefghijklmnopqrstuvwx",
    "/home/wangfang",
];
/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Nobody: the host is offline.
struct Offline;

impl Carrier for Offline {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(async { Outcome::TryLater { after: None } })
    }
}

fn start(dir: &Path, release: &str) -> Agent {
    let consent = Consent {
        sdk: "im-sdk".into(),
        operator: "Example Ltd".into(),
        purposes: vec!["find faults".into()],
        policy_version: "3".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1,
        catalogue: candor_agent::CATALOGUE,
        age: candor_agent::Age::Unknown,
    };
    let settings = Settings::new("im-demo", release, "http://127.0.0.1:9", "ck_none", dir)
        .carrier(Arc::new(Offline))
        // Whoever crashes at every start is another test's.
        .rescue(Duration::ZERO);
    let agent = Agent::start(Extension::On, Choice::Granted(consent), settings).unwrap();
    // From here on everything is as in the middle of a run.
    agent.flush(PATIENCE);
    agent
}

pub(crate) fn main(kind: &str, dir: &Path, release: &str) {
    if kind.starts_with("hook") {
        panic::set_hook(Box::new(|_| eprintln!("{EARLIER_HOOK}")));
    }
    if kind == "panic_in_an_earlier_hook" {
        panic::set_hook(Box::new(|_| panics()));
    }
    if kind == "crash_in_an_exit_handler" {
        // SAFETY: a function that may be called at any time, which is more than can be said of what it does.
        unsafe { atexit(crashes) };
    }
    let agent = start(dir, release);
    match kind {
        "next_start" => {
            agent.shutdown(PATIENCE);
        }
        "leaves" => {}
        "exits" => std::process::exit(3),
        "panic_on_main" | "hooks" => panics(),
        "panic_on_a_thread" => assert!(std::thread::spawn(panics).join().is_err()),
        "panic_on_a_thread_and_main" => {
            let thread = std::thread::Builder::new().name("worker-of-13800138000".into());
            thread.spawn(panics).unwrap().join().unwrap();
        }
        "panic_on_a_thread_resumed" => {
            let panic = std::thread::spawn(panics).join().unwrap_err();
            panic::resume_unwind(panic);
        }
        "panic_in_block_on" => current_thread().block_on(async { panics() }),
        "panic_in_a_task_of_one_thread" => task_panics(&current_thread()),
        "panic_in_a_task_of_many_threads" => task_panics(&many_threads()),
        "panic_in_a_task_resumed" => many_threads().block_on(async {
            let panicked = tokio::spawn(async { panics() }).await.unwrap_err();
            panic::resume_unwind(panicked.into_panic());
        }),
        "panic_while_unwinding" => {
            let _held = PanicsToo;
            panics();
        }
        "panic_with_a_number" => panic::panic_any(black_box(42u32)),
        "resumed_from_nowhere" => panic::resume_unwind(Box::new("no hook is called")),
        "abort" => aborts(),
        "no_memory" => allocates(1 << 30),
        "impossible_layout" => allocates(isize::MAX as usize),
        "impossible_capacity" => allocates(usize::MAX),
        "panic_in_an_earlier_hook" => panics(),
        "panic_in_a_later_hook" => {
            panic::set_hook(Box::new(|_| panics_in_hook()));
            panics();
        }
        "panic_across_c" => called_by_c(),
        "hooks_later_chains" => {
            let earlier = panic::take_hook();
            panic::set_hook(Box::new(move |info| {
                eprintln!("{LATER_HOOK}");
                earlier(info);
            }));
            panics();
        }
        "hooks_later_takes_all" => {
            panic::set_hook(Box::new(|_| eprintln!("{LATER_HOOK}")));
            panics();
        }
        "hooks_later_takes_all_and_aborts" => {
            panic::set_hook(Box::new(|_| {
                eprintln!("{LATER_HOOK}");
                aborts();
            }));
            panics();
        }
        "caught" => assert!(panic::catch_unwind(panics).is_err()),
        "caught_and_exits" => {
            assert!(panic::catch_unwind(panics).is_err());
            std::process::exit(0);
        }
        "caught_and_gives_up" => {
            assert!(panic::catch_unwind(panics).is_err());
            std::process::exit(1);
        }
        "caught_and_faults" => {
            assert!(panic::catch_unwind(panics).is_err());
            null();
        }
        "identifiers" => panic!("no session for {}", IDENTIFIERS.join(" or ")),
        "identifiers_and_abort" => {
            let _held = PanicsToo;
            panic!("no session for {}", IDENTIFIERS.join(" or "));
        }
        "null" => null(),
        "overflow" => overflows(),
        "crash_after_shutdown" => {
            agent.shutdown(PATIENCE);
            null();
        }
        "crash_in_an_exit_handler" => std::process::exit(0),
        "waits" => waits(),
        "waits_in_a_turn" => {
            let watch = agent.watch_with(name!("main_loop"), Duration::from_millis(100));
            let _turn = watch.turn(name!("decode"));
            waits();
        }
        "eats" => eats(),
        other => panic!("nobody dies of {other}"),
    }
}

fn current_thread() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn many_threads() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).build().unwrap()
}

#[inline(never)]
fn task_panics(runtime: &tokio::runtime::Runtime) {
    let ended = runtime.block_on(async { tokio::spawn(async { panics() }).await });
    assert!(ended.is_err_and(|error| error.is_panic()));
}

#[inline(never)]
fn panics() {
    let what = black_box("list");
    panic!("the {what} is empty");
}

#[inline(never)]
fn panics_in_hook() {
    let what = black_box("hook");
    panic!("the {what} is no better");
}

struct PanicsToo;

impl Drop for PanicsToo {
    fn drop(&mut self) {
        let what = black_box("destructor");
        panic!("the {what} panics too");
    }
}

#[inline(never)]
fn aborts() {
    std::process::abort();
}

#[inline(never)]
fn allocates(bytes: usize) {
    black_box(Vec::<u8>::with_capacity(black_box(bytes)));
}

#[inline(never)]
extern "C" fn called_by_c() {
    panics();
    black_box(());
}

unsafe extern "C" {
    fn atexit(function: extern "C" fn()) -> i32;
}

extern "C" fn crashes() {
    null();
    black_box(());
}

#[inline(never)]
fn null() {
    // SAFETY: there is none, on purpose: the first page is never mapped.
    unsafe { std::arch::asm!("mov eax, [{0:r}]", in(reg) 16usize, out("eax") _) };
}

#[inline(never)]
fn overflows() {
    #[allow(unconditional_recursion)] // that is the point
    fn recurse(depth: u64) -> u64 {
        let here = black_box([depth; 16]);
        recurse(black_box(depth + 1)) + here[3]
    }
    black_box(recurse(black_box(1)));
}

/// Waits to be killed, at work.
fn waits() {
    print!("{READY}");
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}

/// Takes memory until there is none.
fn eats() {
    print!("{READY}");
    std::io::stdout().flush().unwrap();
    // Until it is let loose.
    let _ = std::io::stdin().read_line(&mut String::new());
    let mut eaten = Vec::new();
    loop {
        eaten.push(vec![1u8; 1 << 20]);
        black_box(&eaten);
    }
}
