//! What a host may do that a recorder has to live with: own signal stacks and masks, children, exit handlers, coroutines.

use crate::harness::{LIBRARY, compile_with, die, die_unarmed, library, start_with};
use crate::stories::{check, death, expect, overflowed, overflows, story};
use crate::victims::{ARMED, Library, armed, null, outer, overflow, own_handler};
use candor_dump::{ExitMark, FaultClass, StackEnd};
use libtest_mimic::Trial;
use std::ffi::c_void;
use std::hint::black_box;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What the host does before the agent starts.
pub(crate) fn before(kind: &str) {
    match kind {
        "broken_pipe" => own_handler(libc::SIGPIPE, libc::SIG_DFL),
        "sent_to_a_thread" => own_handler(libc::SIGSEGV, libc::SIG_DFL),
        "ignoring_a_fault" => own_handler(libc::SIGSEGV, libc::SIG_IGN),
        "ignoring_an_abort" => own_handler(libc::SIGABRT, libc::SIG_IGN),
        "in_an_early_exit_handler" => unsafe {
            libc::atexit(crashes);
        },
        "with_a_handler_that_exits" => own_handler(libc::SIGSEGV, exits as *const () as usize),
        "jumping_out" => Library::load().call(c"prepare_jump"),
        "arming_and_leaving" => *BEFORE.lock().unwrap() = actions(),
        _ => {}
    }
}

pub(crate) fn deadly(kind: &str) -> Option<fn()> {
    Some(match kind {
        "broken_pipe" => broken_pipe,
        "broken_pipe_ignored" => broken_pipe_ignored,
        "arming_and_leaving" => arming_and_leaving,
        "ignoring_a_fault" | "with_a_handler_that_exits" => null,
        "ignoring_an_abort" => crate::victims::abort,
        "blocking_the_signal" => blocking_the_signal,
        "on_its_own_signal_stack" => on_its_own_signal_stack,
        "on_a_tiny_stack" => on_a_tiny_stack,
        "overflow_in_a_waiting_thread" => overflow_in_a_waiting_thread,
        "overflow_in_a_coroutine" => overflow_in_a_coroutine,
        "in_an_exit_handler" => in_an_exit_handler,
        "in_an_early_exit_handler" => leaves,
        "in_a_constructor" => in_a_constructor,
        "at_the_end_of_a_thread" => at_the_end_of_a_thread,
        "forked_child_then_parent" => forked_child_then_parent,
        "vforked_child_then_parent" => vforked_child_then_parent,
        "becoming_another_program" => becoming_another_program,
        "sent_to_a_thread" => sent_to_a_thread,
        "waiting_for_a_signal" => waiting_for_a_signal,
        "unloading_a_copy" => unloading_a_copy,
        "jumping_out" => jumping_out,
        _ => return None,
    })
}

pub(crate) fn stories() -> Vec<Trial> {
    let null_in = |name, kind, top| {
        death(
            name,
            kind,
            expect(libc::SIGSEGV, 1, FaultClass::NullLike, top),
        )
    };
    vec![
        story(
            "a broken pipe ends or does not end the host as it would have",
            || {
                for kind in ["broken_pipe", "broken_pipe_ignored"] {
                    let death = die(kind);
                    assert_eq!(death.status, die_unarmed(kind).status, "{}", death.errors);
                    assert!(death.dump.signal.is_none() && death.problems.is_empty());
                }
                assert_eq!(die("broken_pipe").status.signal(), Some(libc::SIGPIPE));
            },
        ),
        story(
            "no signal is touched but seven and one of real time, and all are given back",
            || {
                let death = die("arming_and_leaving");
                assert_eq!(death.status.code(), Some(0), "{}", death.errors);
            },
        ),
        null_in(
            "a fault that the host ignores is as deadly as without us, and recorded",
            "ignoring_a_fault",
            &["victims::null", "victims::inner"],
        ),
        death(
            "an abort that the host ignores is as deadly as without us, and recorded",
            "ignoring_an_abort",
            expect(
                libc::SIGABRT,
                -6,
                FaultClass::None,
                &["victims::abort", "victims::inner"],
            ),
        ),
        story(
            "a handler that leaves by exit has its way, and the crash is recorded",
            || {
                let death = die("with_a_handler_that_exits");
                assert_eq!(death.status.code(), Some(5), "{}", death.errors);
                let signal = death.dump.signal.as_ref().unwrap();
                assert!(signal.complete && death.dump.exit_mark == ExitMark::Exiting);
            },
        ),
        story(
            "a fault on a thread that blocks it leaves no record: the kernel asks nobody",
            || {
                let death = die("blocking_the_signal");
                assert_eq!(death.status, die_unarmed("blocking_the_signal").status);
                assert_eq!(death.status.signal(), Some(libc::SIGSEGV));
                assert!(death.dump.signal.is_none() && death.dump.exit_mark == ExitMark::Running);
            },
        ),
        story(
            "a signal stack of the host's own stays, and its thread's overflow is recorded",
            || {
                let death = die("on_its_own_signal_stack");
                overflowed(
                    &death,
                    &["victims::overflow", "hosts::looks_at_its_signal_stack"],
                );
                assert_eq!(death.status, die_unarmed("on_its_own_signal_stack").status);
            },
        ),
        story(
            "a thread that only ever waits is given a signal stack too, and its overflow is recorded",
            || {
                let death = die("overflow_in_a_waiting_thread");
                overflowed(&death, &["victims::overflow", "hosts::waits_and_overflows"]);
                let control = die_unarmed("overflow_in_a_waiting_thread");
                assert_eq!(death.status, control.status);
            },
        ),
        null_in(
            "the smallest stack that a thread may have suffices",
            "on_a_tiny_stack",
            &["victims::null", "hosts::runs_on_a_thread"],
        ),
        story("the full stack of a coroutine keeps both ends", || {
            let death = die("overflow_in_a_coroutine");
            // What the C library makes of a coroutine has no caller and does not say so.
            overflows(&death, &["victims::overflow", "hosts::coroutine"]);
            assert_eq!(death.status, die_unarmed("overflow_in_a_coroutine").status);
        }),
        null_in(
            "a crash in an exit handler is recorded",
            "in_an_exit_handler",
            &["victims::null", "hosts::crashes", "hosts::leaves"],
        ),
        story(
            "a crash in an exit handler that runs after ours is recorded",
            || {
                let death = die("in_an_early_exit_handler");
                assert_eq!(death.status, die_unarmed("in_an_early_exit_handler").status);
                assert!(death.dump.signal.as_ref().unwrap().complete);
                assert_eq!(death.dump.exit_mark, ExitMark::Exiting);
                let names = death.crashed();
                assert!(
                    names.iter().any(|name| name.ends_with("hosts::crashes")),
                    "{names:#?}"
                );
            },
        ),
        story(
            "a crash in the constructor of a library leads to whoever loads it",
            in_constructor,
        ),
        null_in(
            "a crash while a thread's variables are dropped is recorded",
            "at_the_end_of_a_thread",
            &[
                "victims::null",
                "CrashesWhenDropped as core::ops::drop::Drop>::drop",
            ],
        ),
        story(
            "children that crash write nothing, and their parent's crash is recorded after it",
            || {
                for (kind, function) in [
                    (
                        "forked_child_then_parent",
                        "hosts::forked_child_then_parent",
                    ),
                    (
                        "vforked_child_then_parent",
                        "hosts::vforked_child_then_parent",
                    ),
                ] {
                    let death = die(kind);
                    check(
                        &death,
                        &expect(
                            libc::SIGSEGV,
                            1,
                            FaultClass::NullLike,
                            &["victims::null", function],
                        ),
                    );
                    assert_eq!(death.status, die_unarmed(kind).status);
                    // A child that had got into the record would have been counted.
                    assert_eq!(death.signals_seen(), 1, "{kind}");
                }
            },
        ),
        story(
            "a program that takes the process over crashes unseen",
            || {
                let death = die("becoming_another_program");
                assert_eq!(
                    death.status.signal(),
                    Some(libc::SIGSEGV),
                    "{}",
                    death.errors
                );
                assert!(death.dump.signal.is_none() && death.problems.is_empty());
                assert_eq!(death.dump.exit_mark, ExitMark::Running);
            },
        ),
        story(
            "a signal that one thread sends another is recorded with the one that got it",
            || {
                let death = die("sent_to_a_thread");
                check(
                    &death,
                    &expect(libc::SIGSEGV, -6, FaultClass::None, &["hosts::waits"]),
                );
                assert_eq!(death.status, die_unarmed("sent_to_a_thread").status);
                let signal = death.dump.signal.as_ref().unwrap();
                assert!(signal.from_itself && !signal.from_kernel && !signal.thread.main);
            },
        ),
        death(
            "a signal that the host waits for is not taken by a thread of the agent, whose own faults are recorded",
            "waiting_for_a_signal",
            expect(libc::SIGSEGV, 1, FaultClass::NullLike, &["victims::null"]),
        ),
        story(
            "a library with an agent in it may be unloaded, and the host ends as it would have",
            || {
                let library = library();
                let death = start_with("unloading_a_copy", true, |command| {
                    command.env(LIBRARY, library);
                });
                let death = death.end();
                assert_eq!(death.status.code(), Some(4), "{}", death.errors);
                assert_eq!(death.dump.exit_status, Some(4));
            },
        ),
        story(
            "a host that recovers by jumping out of its handler lives on",
            || {
                let directory = tempfile::tempdir().unwrap();
                let library =
                    compile_with("cc", "hosts.c", directory.path(), "jumps", &[]).unwrap();
                for armed in [true, false] {
                    let victim = start_with("jumping_out", armed, |command| {
                        command.env(LIBRARY, &library);
                    });
                    let death = victim.end();
                    assert_eq!(death.status.code(), Some(0), "{}", death.errors);
                }
            },
        ),
    ]
}

fn in_constructor() {
    let directory = tempfile::tempdir().unwrap();
    let library = compile_with("cc", "hosts.c", directory.path(), "early", &["-DEARLY"]).unwrap();
    let with = |armed| {
        start_with("in_a_constructor", armed, |command| {
            command.env(LIBRARY, &library);
        })
        .end()
    };
    let death = with(true);
    assert_eq!(death.status, with(false).status);
    check(&death, &expect(libc::SIGSEGV, 1, FaultClass::NullLike, &[]));
    let stack = &death.dump.signal.as_ref().unwrap().thread.stack;
    let names = death.names_with(stack, &library);
    assert_eq!(
        (names[0].as_str(), stack.end),
        ("early", StackEnd::Outermost),
        "{names:#?}"
    );
    let loads = |name: &String| name.ends_with("hosts::in_a_constructor");
    assert!(names.iter().any(loads), "{names:#?}");
}

#[inline(never)]
fn broken_pipe() {
    let mut ends = [0; 2];
    unsafe {
        libc::pipe(ends.as_mut_ptr());
        libc::close(ends[0]);
        assert_eq!(libc::write(ends[1], ends.as_ptr().cast(), 1), -1);
        assert_eq!(*libc::__errno_location(), libc::EPIPE);
    }
}

/// As Rust's runtime has it.
#[inline(never)]
fn broken_pipe_ignored() {
    broken_pipe();
    black_box(1);
}

/// Handlers, flags and masks of all signals.
type Actions = Vec<(usize, i32, u64)>;

static BEFORE: Mutex<Actions> = Mutex::new(Vec::new());

const SA_RESTORER: i32 = 0x0400_0000;

fn actions() -> Actions {
    let of = |number| unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(number, std::ptr::null(), &raw mut action);
        let mask = (&raw const action.sa_mask).cast::<u64>().read();
        // The C library adds a flag of its own when it installs.
        (action.sa_sigaction, action.sa_flags & !SA_RESTORER, mask)
    };
    (1..=64).map(of).collect()
}

#[inline(never)]
fn arming_and_leaving() {
    let before = BEFORE.lock().unwrap().clone();
    let changed = || {
        let now = actions();
        let differs = |number: &usize| now[number - 1] != before[number - 1];
        (1..=64).filter(differs).collect::<Vec<_>>()
    };
    let mut ours = [
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGFPE,
        libc::SIGILL,
        libc::SIGABRT,
        libc::SIGTRAP,
        libc::SIGSYS,
    ]
    .map(|number| number as usize);
    ours.sort_unstable();
    assert_eq!(changed(), ours);
    // A thread that needs something from us.
    on_a_thread(0, || {
        for _ in 0..5 {
            armed().maintain();
        }
    });
    let mut later = changed();
    later.retain(|number| !ours.contains(number));
    let one_of_real_time = matches!(later[..], [number] if number >= libc::SIGRTMIN() as usize);
    assert!(one_of_real_time, "{later:?}");
    // Nobody uses it after this.
    unsafe { std::ptr::read(armed()) }.disarm();
    assert_eq!(actions(), before);
}

/// Runs `body` on a thread that the C library makes; `stack` 0 is a stack of the usual size.
fn on_a_thread(stack: usize, mut body: fn()) {
    unsafe {
        let mut attributes = std::mem::zeroed();
        libc::pthread_attr_init(&raw mut attributes);
        if stack != 0 {
            assert_eq!(
                libc::pthread_attr_setstacksize(&raw mut attributes, stack),
                0
            );
        }
        let mut thread = std::mem::zeroed();
        let body = (&raw mut body).cast();
        let made = libc::pthread_create(
            &raw mut thread,
            &raw const attributes,
            runs_on_a_thread,
            body,
        );
        assert_eq!(made, 0);
        libc::pthread_join(thread, std::ptr::null_mut());
    }
}

extern "C" fn runs_on_a_thread(body: *mut c_void) -> *mut c_void {
    let body = unsafe { *body.cast::<fn()>() };
    black_box(body)();
    black_box(std::ptr::null_mut())
}

#[inline(never)]
fn blocking_the_signal() {
    unsafe {
        let mut all = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, std::ptr::null_mut());
    }
    null();
    black_box(());
}

#[inline(never)]
fn on_its_own_signal_stack() {
    on_a_thread(0, looks_at_its_signal_stack);
    black_box(());
}

#[inline(never)]
fn looks_at_its_signal_stack() {
    const SIZE: usize = 32 << 10;
    let own = map(SIZE);
    let stack = libc::stack_t {
        ss_sp: own,
        ss_flags: 0,
        ss_size: SIZE,
    };
    unsafe {
        assert_eq!(libc::sigaltstack(&raw const stack, std::ptr::null_mut()), 0);
        for _ in 0..10 {
            if let Some(armed) = ARMED.get() {
                armed.maintain();
            }
            let mut now: libc::stack_t = std::mem::zeroed();
            libc::sigaltstack(std::ptr::null(), &raw mut now);
            assert_eq!((now.ss_sp, now.ss_flags, now.ss_size), (own, 0, SIZE));
        }
    }
    overflow();
    black_box(());
}

fn map(size: usize) -> *mut c_void {
    let protection = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    let at = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
    assert_ne!(at, libc::MAP_FAILED);
    at
}

/// On a thread that the agent never sees but waiting, in calls that fail when a signal comes.
#[inline(never)]
fn overflow_in_a_waiting_thread() {
    std::thread::spawn(|| {
        while let Some(armed) = ARMED.get() {
            armed.maintain();
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    });
    on_a_thread(0, waits_and_overflows);
    black_box(());
}

#[inline(never)]
fn waits_and_overflows() {
    let started = std::time::Instant::now();
    let has_stack = || unsafe {
        let mut stack: libc::stack_t = std::mem::zeroed();
        libc::sigaltstack(std::ptr::null(), &raw mut stack);
        stack.ss_flags & libc::SS_DISABLE == 0
    };
    while ARMED.get().is_some() && !has_stack() && started.elapsed().as_secs() < 10 {
        assert_eq!(unsafe { libc::poll(std::ptr::null_mut(), 0, 50) }, 0);
    }
    overflow();
    black_box(());
}

#[inline(never)]
fn on_a_tiny_stack() {
    on_a_thread(libc::PTHREAD_STACK_MIN, null);
    black_box(());
}

/// On a stack that the host has made itself.
#[inline(never)]
fn overflow_in_a_coroutine() {
    const SIZE: usize = 4 << 20;
    unsafe {
        let stack = map(SIZE);
        assert_eq!(libc::mprotect(stack, 4096, libc::PROT_NONE), 0);
        let (mut here, mut there): (libc::ucontext_t, libc::ucontext_t) =
            (std::mem::zeroed(), std::mem::zeroed());
        libc::getcontext(&raw mut there);
        there.uc_stack.ss_sp = stack;
        there.uc_stack.ss_size = SIZE;
        there.uc_link = &raw mut here;
        libc::makecontext(&raw mut there, coroutine, 0);
        libc::swapcontext(&raw mut here, &raw const there);
    }
    black_box(());
}

extern "C" fn coroutine() {
    overflow();
    black_box(());
}

extern "C" fn crashes() {
    null();
    black_box(());
}

extern "C" fn exits(_: i32) {
    std::process::exit(5);
}

#[inline(never)]
fn in_an_exit_handler() {
    unsafe { libc::atexit(crashes) };
    leaves();
    black_box(());
}

#[inline(never)]
fn leaves() {
    std::process::exit(3);
}

#[inline(never)]
fn in_a_constructor() {
    Library::load();
    black_box(());
}

struct CrashesWhenDropped;

impl Drop for CrashesWhenDropped {
    #[inline(never)]
    fn drop(&mut self) {
        null();
        black_box(());
    }
}

#[inline(never)]
fn at_the_end_of_a_thread() {
    thread_local! {
        static VARIABLE: CrashesWhenDropped = const { CrashesWhenDropped };
    }
    std::thread::spawn(|| VARIABLE.with(|variable| _ = black_box(variable)))
        .join()
        .unwrap();
}

fn killed_by_a_fault(child: i32) {
    let mut status = 0;
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFSIGNALED(status) && libc::WTERMSIG(status) == libc::SIGSEGV);
}

#[inline(never)]
fn forked_child_then_parent() {
    let child = unsafe { libc::fork() };
    if child == 0 {
        null();
    }
    killed_by_a_fault(child);
    null();
    black_box(5);
}

/// The child has the parent's memory, as between `vfork` and `exec`.
#[inline(never)]
fn vforked_child_then_parent() {
    extern "C" fn child(_: *mut c_void) -> i32 {
        null();
        0
    }
    const SIZE: usize = 64 << 10;
    let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD;
    let child =
        unsafe { libc::clone(child, map(SIZE).byte_add(SIZE), flags, std::ptr::null_mut()) };
    killed_by_a_fault(child);
    null();
    black_box(6);
}

/// Keeps its number and nothing else.
#[inline(never)]
fn becoming_another_program() {
    let program = std::env::current_exe().unwrap();
    let error = Command::new(program)
        .args([crate::harness::VICTIM, "null"])
        .exec();
    panic!("{error}");
}

#[inline(never)]
fn sent_to_a_thread() {
    static THREAD: AtomicUsize = AtomicUsize::new(0);
    std::thread::spawn(|| {
        THREAD.store(unsafe { libc::pthread_self() } as usize, Ordering::Release);
        waits();
    });
    loop {
        let thread = THREAD.load(Ordering::Acquire);
        if thread != 0 {
            // It will be in its loop, or on the way there.
            unsafe { libc::pthread_kill(thread as libc::pthread_t, libc::SIGSEGV) };
            break;
        }
    }
    std::thread::park();
}

#[inline(never)]
fn waits() {
    static EVER: AtomicBool = AtomicBool::new(true);
    while EVER.load(Ordering::Relaxed) {
        std::hint::spin_loop();
    }
}

/// A host that waits for a signal, and a thread of the agent's that does not take it.
#[inline(never)]
fn waiting_for_a_signal() {
    let thread = candor_crash::leaving_signals_to_host(|| {
        std::thread::spawn(|| {
            std::thread::park();
            null();
            black_box(());
        })
    });
    let mut taken = 0;
    unsafe {
        let mut wanted = std::mem::zeroed();
        libc::sigemptyset(&raw mut wanted);
        libc::sigaddset(&raw mut wanted, libc::SIGTERM);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const wanted, std::ptr::null_mut());
        libc::kill(libc::getpid(), libc::SIGTERM);
        libc::sigwait(&raw const wanted, &raw mut taken);
    }
    assert_eq!(taken, libc::SIGTERM);
    thread.thread().unpark();
    thread.join().unwrap();
}

/// The host unloads a library that had an agent of its own.
#[inline(never)]
fn unloading_a_copy() {
    let library = Library::load();
    library.arm();
    library.call(c"copy_maintain");
    library.call(c"copy_disarm");
    library.unload();
    std::process::exit(4);
}

#[inline(never)]
fn jumping_out() {
    extern "C" fn called() {
        null();
        black_box(7);
    }
    type Recovers = extern "C" fn(extern "C" fn()) -> i32;
    let library = Library::load();
    let is_recovered: Recovers = unsafe { std::mem::transmute(library.function(c"is_recovered")) };
    for _ in 0..3 {
        assert_eq!(is_recovered(called), 1);
        if let Some(armed) = ARMED.get() {
            armed.maintain();
        }
    }
    // What crashes later crashes as it would have.
    outer(|| ());
}
