//! The deaths that both programs die, ours and the peer's, so that nothing but the recorder differs. Included by both.

use candor_benches::process::clock;
use std::arch::asm;
use std::ffi::c_void;
use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

/// When the fault was, as far as is known, in nanoseconds since 1970.
static FAULT_AT: AtomicU64 = AtomicU64::new(0);
/// Somebody has said "go".
static GO: (Mutex<bool>, Condvar) = (Mutex::new(false), Condvar::new());

/// Levels of the recursion between two looks at the clock.
const LEVELS: u64 = 1024;
/// Bytes of stack that are used once before, so that no time is spent on getting them: a little less than a thread of Rust has.
const WARM: usize = 1_800 << 10;

/// Dies as `case` says. `look_after` is what an agent does every now and then.
pub(crate) fn die(case: &str, look_after: &dyn Fn()) {
    let (kind, number) = case.split_once('-').unwrap_or((case, "0"));
    let number: usize = number.parse().unwrap_or(0);
    let heap = match kind {
        "heap" => vec![1u8; number << 20],
        _ => Vec::new(),
    };
    match kind {
        "threads" => company(number.saturating_sub(1)),
        "full_in_rust" => drop(std::thread::spawn(full)),
        "full_in_c" => c_thread(),
        _ => {}
    }
    for _ in 0..5 {
        look_after();
        std::thread::sleep(Duration::from_millis(10));
    }
    println!("ready");
    let _ = io::stdin().read_line(&mut String::new());
    *GO.0.lock().expect("nobody panics") = true;
    GO.1.notify_all();
    match kind {
        "full_in_rust" | "full_in_c" => loop {
            std::thread::park();
        },
        "full" => full(),
        _ => deep(10),
    }
    black_box(heap);
}

/// What the time in the handler is counted from.
pub(crate) fn since_fault() -> u64 {
    (clock() as u64).saturating_sub(FAULT_AT.load(Ordering::Relaxed))
}

fn about_to_fault() {
    let now = clock();
    FAULT_AT.store(now as u64, Ordering::Relaxed);
    println!("at {now}");
}

#[inline(never)]
fn deep(levels: u32) {
    if levels > 0 {
        deep(black_box(levels - 1));
    } else {
        about_to_fault();
        // SAFETY: there is none, on purpose: the first page is never mapped.
        unsafe { asm!("mov eax, [{0:r}]", in(reg) 16usize, out("eax") _) };
    }
    black_box(());
}

fn company(count: usize) {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    for _ in 0..count {
        std::thread::spawn(|| {
            STARTED.fetch_add(1, Ordering::Release);
            loop {
                std::thread::park();
            }
        });
    }
    while STARTED.load(Ordering::Acquire) < count {
        std::thread::yield_now();
    }
}

/// Fills the stack of the calling thread, when it is time.
fn full() {
    black_box(warm_up());
    let mut go = GO.0.lock().expect("nobody panics");
    while !*go {
        go = GO.1.wait(go).expect("nobody panics");
    }
    drop(go);
    black_box(recurse(black_box(1)));
}

#[inline(never)]
fn warm_up() -> u8 {
    let mut stack = [0u8; WARM];
    for byte in stack.iter_mut().step_by(4096) {
        *black_box(byte) = 1;
    }
    black_box(&stack)[WARM / 2]
}

#[inline(never)]
#[allow(unconditional_recursion)] // that is the point
fn recurse(depth: u64) -> u64 {
    let here = black_box([depth; 16]);
    if depth.is_multiple_of(LEVELS) {
        // Not every level has the time to tell; the last that did stands for the fault.
        about_to_fault();
    }
    recurse(black_box(depth + 1)) + here[3]
}

unsafe extern "C" {
    fn pthread_create(
        thread: *mut usize,
        attributes: *const c_void,
        body: extern "C" fn(*mut c_void) -> *mut c_void,
        argument: *mut c_void,
    ) -> i32;
}

/// A thread that Rust knows nothing of.
fn c_thread() {
    extern "C" fn body(_: *mut c_void) -> *mut c_void {
        full();
        std::ptr::null_mut()
    }
    let mut thread = 0;
    // SAFETY: the attributes may be null; the body takes no argument.
    let made = unsafe {
        pthread_create(
            &raw mut thread,
            std::ptr::null(),
            body,
            std::ptr::null_mut(),
        )
    };
    assert_eq!(made, 0);
}
