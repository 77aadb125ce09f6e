//! Threads that compute and wait in turns, a fraction of a millisecond each, while they are sampled: whatever they were about
//! to do when they were looked at, no call of theirs ends otherwise than it would have.
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]
#![allow(unsafe_code, clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use candor_crash::{Config, Tid, Way};
use candor_dump::Stack;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How often each thread is looked at.
const LOOKS: u32 = 300;
/// How often new threads are looked after.
const CREWS: u32 = 40;
/// How long each of its calls waits, in microseconds; calls that count in milliseconds wait one.
const WAITS_US: i64 = 300;

/// Waits for the time above; an error when it ends for another reason.
type Call = fn() -> io::Result<()>;

const CALLS: [(&str, Call); 8] = [
    ("poll", poll),
    ("epoll_wait", epoll_wait),
    ("select", select),
    ("nanosleep", nanosleep),
    ("recv with SO_RCVTIMEO", recv),
    ("sem_timedwait", sem_timedwait),
    ("futex", futex),
    ("sigtimedwait", sigtimedwait),
];

static OVER: AtomicBool = AtomicBool::new(false);

/// Has a thread make each of the calls until `then`, which is given the threads, is done.
fn meanwhile(then: impl FnOnce(&[Tid])) {
    OVER.store(false, Ordering::Relaxed);
    let (says, said) = mpsc::channel();
    let threads: Vec<_> = CALLS
        .into_iter()
        .map(|(name, call)| {
            let says = says.clone();
            std::thread::spawn(move || {
                says.send(candor_crash::current_thread()).unwrap();
                let mut calls = 0;
                while !OVER.load(Ordering::Relaxed) {
                    compute();
                    calls += 1;
                    call().unwrap_or_else(|error| panic!("call {calls} of {name}: {error}"));
                }
                calls
            })
        })
        .collect();
    let tids: Vec<_> = said.iter().take(threads.len()).collect();
    then(&tids);
    OVER.store(true, Ordering::Relaxed);
    for thread in threads {
        assert!(thread.join().unwrap() > 0);
    }
}

#[test]
fn a_thread_that_computes_and_waits_in_turns_does_not_notice_that_it_is_looked_at() {
    let directory = tempfile::tempdir().unwrap();
    let armed = candor_crash::arm(&Config {
        path: &directory.path().join("dump"),
        run: [7; 16],
        started_unix: 0,
        clean_module_name: str::to_owned,
        thread_names: &[],
    })
    .unwrap();
    meanwhile(|tids| {
        let (mut modules, mut stack, mut stops) = (Vec::new(), Stack::default(), 0);
        for _ in 0..LOOKS {
            for tid in tids {
                // A thread that has failed is gone; why, it says itself.
                let sample = candor_crash::sample(*tid, 64, &mut modules, &mut stack);
                stops += u32::from(sample.is_ok_and(|activity| activity.way == Way::Stop));
            }
        }
        assert!(stops > LOOKS, "only {stops} times a thread was stopped");
    });
    // Each thread is seen to once, when it is new.
    for _ in 0..CREWS {
        meanwhile(|_| (0..8).for_each(|_| armed.maintain()));
    }
    armed.disarm();
}

fn compute() {
    let began = Instant::now();
    while began.elapsed() < Duration::from_micros(100) {
        std::hint::spin_loop();
    }
}

/// A call that said `answer`, of which only that its time was over is as it should be.
fn timed_out(answer: i64, expected: i32) -> io::Result<()> {
    let error = io::Error::last_os_error();
    match answer {
        0 => Ok(()),
        _ if error.raw_os_error() == Some(expected) => Ok(()),
        _ => Err(error),
    }
}

fn time() -> libc::timespec {
    libc::timespec {
        tv_sec: 0,
        tv_nsec: WAITS_US * 1000,
    }
}

fn poll() -> io::Result<()> {
    timed_out(unsafe { libc::poll(std::ptr::null_mut(), 0, 1) }.into(), 0)
}

fn epoll_wait() -> io::Result<()> {
    thread_local!(static EPOLL: i32 = unsafe { libc::epoll_create1(0) });
    let mut event = libc::epoll_event { events: 0, u64: 0 };
    let answer = EPOLL.with(|epoll| unsafe { libc::epoll_wait(*epoll, &raw mut event, 1, 1) });
    timed_out(answer.into(), 0)
}

fn select() -> io::Result<()> {
    let mut time = libc::timeval {
        tv_sec: 0,
        tv_usec: WAITS_US,
    };
    let none = std::ptr::null_mut();
    timed_out(
        unsafe { libc::select(0, none, none, none, &raw mut time) }.into(),
        0,
    )
}

fn nanosleep() -> io::Result<()> {
    timed_out(
        unsafe { libc::nanosleep(&time(), std::ptr::null_mut()) }.into(),
        0,
    )
}

fn recv() -> io::Result<()> {
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    thread_local!(static PAIR: (UnixStream, UnixStream) = {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let time = Duration::from_micros(WAITS_US.unsigned_abs());
        ours.set_read_timeout(Some(time)).unwrap();
        (ours, theirs)
    });
    PAIR.with(|(ours, _)| match (&*ours).read(&mut [0]) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
        Err(error) => Err(error),
        Ok(read) => Err(io::Error::other(format!("{read} bytes"))),
    })
}

fn sem_timedwait() -> io::Result<()> {
    struct Semaphore(std::cell::UnsafeCell<libc::sem_t>);
    unsafe impl Sync for Semaphore {}
    // All zero is a semaphore that nobody has posted.
    static SEMAPHORE: Semaphore = Semaphore(unsafe { std::mem::zeroed() });
    let mut time = time();
    let mut until = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    unsafe { libc::clock_gettime(libc::CLOCK_REALTIME, &raw mut until) };
    time.tv_nsec += until.tv_nsec;
    time.tv_sec = until.tv_sec + time.tv_nsec / 1_000_000_000;
    time.tv_nsec %= 1_000_000_000;
    let answer = unsafe { libc::sem_timedwait(SEMAPHORE.0.get(), &raw const time) };
    timed_out(answer.into(), libc::ETIMEDOUT)
}

fn futex() -> io::Result<()> {
    let (word, time) = (AtomicU32::new(7), time());
    let wait = libc::FUTEX_WAIT | libc::FUTEX_PRIVATE_FLAG;
    let answer = unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), wait, 7, &raw const time) };
    timed_out(answer, libc::ETIMEDOUT)
}

fn sigtimedwait() -> io::Result<()> {
    let time = time();
    let answer = unsafe {
        let mut none = std::mem::zeroed();
        libc::sigemptyset(&raw mut none);
        libc::sigtimedwait(&raw const none, std::ptr::null_mut(), &raw const time)
    };
    timed_out(answer.into(), libc::EAGAIN)
}
