//! A library that is loaded while the program runs, with a copy of the recorder of its own. Part of the tests.
#![allow(unsafe_code)]
// The callers are the tests.
#![allow(clippy::undocumented_unsafe_blocks, clippy::missing_safety_doc)]
#![allow(clippy::unwrap_used)]

use std::ffi::{CStr, OsStr, c_char};
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Mutex;

static ARMED: Mutex<Option<candor_crash::Armed>> = Mutex::new(None);

/// Arms this copy; 0 for success.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn copy_arm(path: *const c_char) -> i32 {
    let path = unsafe { CStr::from_ptr(path) };
    let config = candor_crash::Config {
        path: Path::new(OsStr::from_bytes(path.to_bytes())),
        run: *b"the other's id  ",
        started_unix: 1,
        clean_module_name: str::to_owned,
        thread_names: &[],
    };
    match candor_crash::arm(&config) {
        Ok(armed) => {
            *ARMED.lock().unwrap() = Some(armed);
            0
        }
        Err(_) => 1,
    }
}

/// Disarms this copy.
#[unsafe(no_mangle)]
pub extern "C" fn copy_disarm() {
    drop(ARMED.lock().unwrap().take());
}

/// Looks after this copy's threads.
#[unsafe(no_mangle)]
pub extern "C" fn copy_maintain() {
    if let Some(armed) = &*ARMED.lock().unwrap() {
        armed.maintain();
    }
}

/// Reads address 16.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn copy_crash() {
    unsafe { std::ptr::with_exposed_provenance::<u8>(black_box(16)).read_volatile() };
    black_box(());
}

/// Calls back.
#[unsafe(no_mangle)]
#[inline(never)]
pub extern "C" fn copy_call(function: extern "C" fn()) {
    function();
    black_box(());
}
