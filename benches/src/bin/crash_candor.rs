//! A host app that records crashes with ours: dies as it is told, for `crash` to measure.
//!
//! `crash_candor WHAT CASE DUMP`, where `WHAT` is `gone`, `handler` or `arm`
#![allow(unsafe_code)] // It dies, and looks at the clock in a signal handler.

#[path = "crash/victim.rs"]
mod victim;

use candor_crash::Config;
use std::path::Path;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, what, case, dump] = &arguments[..] else {
        println!("error: crash_candor gone|handler|arm CASE DUMP");
        return;
    };
    if what == "handler" {
        // Whoever was here before us is called when our handler is done.
        earlier::stop_the_clock();
    }
    let config = Config {
        path: Path::new(dump),
        run: [7; 16],
        started_unix: 0,
        clean_module_name: str::to_owned,
        thread_names: &["worker"],
    };
    let (before, began) = (memory::resident(), Instant::now());
    let armed = candor_crash::arm(&config);
    let took = began.elapsed();
    match armed {
        Err(error) => println!("error {error}"),
        Ok(_) if what == "arm" => {
            println!("took {}", took.as_nanos());
            println!("more {}", memory::resident() - before);
        }
        Ok(armed) => victim::die(case, &|| armed.maintain()),
    }
}

mod earlier {
    use std::ffi::c_void;
    use std::io::Write;

    /// `struct sigaction` of glibc on x86-64.
    #[repr(C)]
    struct Action {
        handler: extern "C" fn(i32),
        mask: [u64; 16],
        flags: i32,
        restorer: *const c_void,
    }

    unsafe extern "C" {
        fn sigaction(number: i32, new: *const Action, old: *mut Action) -> i32;
        fn _exit(status: i32) -> !;
    }

    const SIGSEGV: i32 = 11;
    const ON_ALTERNATE_STACK: i32 = 0x0800_0000;

    /// Tells how long it took to come here, and leaves.
    pub(crate) fn stop_the_clock() {
        let action = Action {
            handler: stop,
            mask: [0; 16],
            flags: ON_ALTERNATE_STACK,
            restorer: std::ptr::null(),
        };
        // SAFETY: the structure is the C library's, and the handler stays.
        let code = unsafe { sigaction(SIGSEGV, &raw const action, std::ptr::null_mut()) };
        assert_eq!(code, 0);
    }

    extern "C" fn stop(_: i32) {
        let took = super::victim::since_fault();
        let _ = writeln!(std::io::stdout(), "took {took}");
        // SAFETY: ends the process.
        unsafe { _exit(0) };
    }
}

#[path = "crash/memory.rs"]
mod memory;
