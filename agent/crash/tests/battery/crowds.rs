//! Many threads: that crash at once, that crash while others are recorded, that have gone, that do not hold still.

use crate::harness::{Death, die, die_unarmed};
use crate::stories::{accompanied, check, expect, standing_in, story};
use crate::victims::{armed, company, null, own_handler};
use candor_dump::layout::{self, signal};
use candor_dump::{FaultClass, Reached, StackEnd};
use libtest_mimic::Trial;
use std::hint::black_box;
use std::os::fd::AsRawFd;
use std::os::unix::process::ExitStatusExt;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};

pub(crate) fn deadly(kind: &str) -> Option<fn()> {
    Some(match kind {
        "twenty_threads" => twenty_threads,
        "second_while_claimed" => second_while_claimed,
        "second_while_others_are_stopped" => second_while_others_are_stopped,
        "without_the_main_thread" => without_the_main_thread,
        "with_restless_company" => with_restless_company,
        "pestered" => pestered,
        _ => return None,
    })
}

pub(crate) fn stories() -> Vec<Trial> {
    vec![
        story(
            "of twenty threads that crash at once one is recorded whole",
            || {
                for _ in 0..5 {
                    let death = die("twenty_threads");
                    whole(&death, &["victims::null", "crowds::falls"]);
                    assert_eq!(death.dump.signal.as_ref().unwrap().other_threads, 20);
                    assert_eq!(death.status.signal(), Some(libc::SIGSEGV));
                }
            },
        ),
        story(
            "a thread that crashes while the first is recorded changes nothing of the record",
            || {
                for kind in ["second_while_claimed", "second_while_others_are_stopped"] {
                    assert_eq!(die_unarmed(kind).status.signal(), Some(libc::SIGSEGV));
                    // The second has to be on a processor at the right moment.
                    let overlapping = (0..50).any(|_| {
                        let death = die(kind);
                        whole(&death, &["victims::null", "crowds::first_of_two"]);
                        assert_eq!(death.status.signal(), Some(libc::SIGSEGV));
                        assert_eq!(death.dump.signal.as_ref().unwrap().other_threads, 31);
                        death.signals_seen() == 2
                    });
                    assert!(overlapping, "{kind}");
                }
            },
        ),
        story(
            "the threads of a process whose main thread has gone are recorded",
            || {
                let death = die("without_the_main_thread");
                whole(&death, &["victims::null", "crowds::outlives"]);
                assert_eq!(death.status, die_unarmed("without_the_main_thread").status);
                let (main, others): (Vec<_>, Vec<_>) =
                    death.dump.threads.iter().partition(|thread| thread.main);
                assert_eq!((main.len(), others.len()), (1, 8));
                assert_eq!(main[0].reached, Reached::Lost);
                assert!(
                    others
                        .iter()
                        .all(|thread| thread.reached == Reached::Stopped),
                    "{others:?}"
                );
                assert_eq!(standing_in(&death, "unblockable"), 2);
            },
        ),
        story(
            "threads that are looked after in the middle of a storm of signals live on",
            || {
                let end = die("pestered");
                assert_eq!(end.status.code(), Some(0), "{}", end.errors);
                assert!(end.dump.signal.is_none());
            },
        ),
        story(
            "threads that allocate, print, load libraries and map memory are recorded all the same",
            || {
                for _ in 0..10 {
                    let death = die("with_restless_company");
                    whole(&death, &["victims::null", "crowds::with_restless_company"]);
                    assert_eq!(death.status.signal(), Some(libc::SIGSEGV));
                    accompanied(&death, RESTLESS.len(), Reached::Stopped);
                }
            },
        ),
    ]
}

/// A record that is whole, right to the outermost frame.
fn whole(death: &Death, top: &[&str]) {
    check(death, &expect(libc::SIGSEGV, 1, FaultClass::NullLike, top));
    let stack = &death.dump.signal.as_ref().unwrap().thread.stack;
    assert_eq!(stack.end, StackEnd::Outermost, "{:?}", death.crashed());
}

#[inline(never)]
fn falls(gate: &Barrier) {
    gate.wait();
    null();
    black_box(());
}

#[inline(never)]
fn twenty_threads() {
    let gate = Barrier::new(20);
    std::thread::scope(|scope| {
        for _ in 0..20 {
            scope.spawn(|| falls(&gate));
        }
    });
}

/// How far the record of a signal has come, as it stands in the file.
fn state_of_record() -> &'static AtomicU32 {
    let Ok(file) = std::fs::File::open("dump") else {
        // Without us: any time will do.
        static ANY: AtomicU32 = AtomicU32::new(u32::MAX);
        return &ANY;
    };
    unsafe {
        let at = libc::mmap(
            std::ptr::null_mut(),
            layout::FILE_SIZE,
            libc::PROT_READ,
            libc::MAP_SHARED,
            file.as_raw_fd(),
            0,
        );
        assert_ne!(at, libc::MAP_FAILED);
        AtomicU32::from_ptr(at.byte_add(signal::STATE).cast())
    }
}

#[inline(never)]
fn first_of_two(second_at: u32) {
    company(30);
    let gate = Barrier::new(2);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let state = state_of_record();
            gate.wait();
            while state.load(Ordering::Relaxed) < second_at {
                std::hint::spin_loop();
            }
            null();
        });
        gate.wait();
        null();
        black_box(());
    });
}

#[inline(never)]
fn second_while_claimed() {
    first_of_two(signal::CLAIMED);
}

#[inline(never)]
fn second_while_others_are_stopped() {
    first_of_two(signal::STACK);
}

#[inline(never)]
fn without_the_main_thread() {
    company(8);
    std::thread::spawn(outlives);
    // The thread alone, not the process.
    unsafe { libc::syscall(libc::SYS_exit, 0) };
}

#[inline(never)]
fn outlives() {
    let main = format!("/proc/self/task/{}/stat", std::process::id());
    while !std::fs::read_to_string(&main).unwrap().contains(") Z ") {
        std::thread::yield_now();
    }
    null();
    black_box(());
}

/// What threads do that hold a lock more often than not.
const RESTLESS: [fn(); 5] = [allocates, prints, loads, maps, forks];

#[inline(never)]
fn with_restless_company() {
    let gate = Barrier::new(RESTLESS.len() + 1);
    std::thread::scope(|scope| {
        for work in RESTLESS {
            let gate = &gate;
            scope.spawn(move || {
                gate.wait();
                loop {
                    work();
                }
            });
        }
        gate.wait();
        // So that they are in the middle of it.
        std::thread::sleep(std::time::Duration::from_millis(20));
        null();
        black_box(());
    });
}

/// Threads of the C library come and go; they wait in calls that fail on every signal, and many come.
#[inline(never)]
fn pestered() {
    static CAUGHT: AtomicU32 = AtomicU32::new(0);
    static LEFT: AtomicU32 = AtomicU32::new(0);
    extern "C" fn catches(_: i32) {
        CAUGHT.fetch_add(1, Ordering::Relaxed);
    }
    extern "C" fn body(_: *mut libc::c_void) -> *mut libc::c_void {
        for _ in 0..5 {
            let answer = unsafe { libc::poll(std::ptr::null_mut(), 0, 10) };
            let interrupted = std::io::Error::last_os_error().raw_os_error() == Some(libc::EINTR);
            assert!(answer == 0 || (answer == -1 && interrupted));
        }
        LEFT.fetch_add(1, Ordering::Release);
        std::ptr::null_mut()
    }
    own_handler(libc::SIGUSR1, catches as *const () as usize);
    for _ in 0..20 {
        let threads: Vec<libc::pthread_t> = (0..8)
            .map(|_| unsafe {
                let mut thread = std::mem::zeroed();
                let made = libc::pthread_create(
                    &raw mut thread,
                    std::ptr::null(),
                    body,
                    std::ptr::null_mut(),
                );
                assert_eq!(made, 0);
                thread
            })
            .collect();
        LEFT.store(0, Ordering::Release);
        while LEFT.load(Ordering::Acquire) == 0 {
            armed().maintain();
            for thread in &threads {
                unsafe { libc::pthread_kill(*thread, libc::SIGUSR1) };
            }
        }
        for thread in threads {
            unsafe { libc::pthread_join(thread, std::ptr::null_mut()) };
        }
    }
    assert!(CAUGHT.load(Ordering::Relaxed) > 0);
}

fn allocates() {
    drop(black_box(vec![1u8; black_box(100_000)]));
    drop(black_box(Box::new(1)));
}

fn prints() {
    use std::io::Write;
    let _ = write!(std::io::stderr().lock(), ".");
}

fn loads() {
    unsafe {
        let library = libc::dlopen(c"libm.so.6".as_ptr(), libc::RTLD_NOW);
        assert!(!library.is_null());
        libc::dlclose(library);
    }
}

fn maps() {
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let at = libc::mmap(std::ptr::null_mut(), 1 << 20, libc::PROT_READ, flags, -1, 0);
        assert_ne!(at, libc::MAP_FAILED);
        libc::munmap(at, 1 << 20);
    }
}

fn forks() {
    unsafe {
        let child = libc::fork();
        if child == 0 {
            libc::_exit(0);
        }
        libc::waitpid(child, std::ptr::null_mut(), 0);
    }
}
