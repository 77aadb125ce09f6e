//! The stack of the caller, as a report holds it: addresses relative to this very program.

use candor_protocol::deidentify::{BuildId, ModuleName};
use candor_protocol::report::{Found, Frame, Module, Offset, Stack};
use std::path::PathBuf;
use std::sync::LazyLock;

/// This program's file, which holds the names for its addresses.
pub(crate) fn own_file() -> PathBuf {
    std::env::current_exe().expect("a program knows its file")
}

/// Where this program was loaded, and where it ends.
static LOADED: LazyLock<(u64, u64)> = LazyLock::new(|| {
    let own = own_file();
    let own = own.to_string_lossy();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("a process knows its memory");
    let ranges: Vec<(u64, u64)> = maps
        .lines()
        .filter(|line| line.ends_with(own.as_ref()))
        .filter_map(|line| line.split(' ').next()?.split_once('-'))
        .filter_map(|(from, to)| {
            Some((
                u64::from_str_radix(from, 16).ok()?,
                u64::from_str_radix(to, 16).ok()?,
            ))
        })
        .collect();
    let from = ranges
        .iter()
        .map(|range| range.0)
        .min()
        .expect("a program is mapped");
    let to = ranges
        .iter()
        .map(|range| range.1)
        .max()
        .expect("a program is mapped");
    (from, to)
});

static BUILD_ID: LazyLock<BuildId> = LazyLock::new(|| {
    candor_symbols::build_id_of(&own_file()).expect("the linker writes a build id")
});

/// The modules that [`here`] refers to: this program and the C library.
pub(crate) fn modules() -> Vec<Module> {
    vec![
        Module {
            build_id: Some(BUILD_ID.clone()),
            name: Some(ModuleName::scrub("im-demo")),
        },
        Module {
            build_id: None,
            name: Some(ModuleName::scrub("libc.so.6")),
        },
    ]
}

/// The stack that `work` returns, on a thread of its own, so that it ends where a thread begins.
pub(crate) fn on_a_thread(work: impl FnOnce() -> Stack + Send + 'static) -> Stack {
    std::thread::spawn(work).join().expect("a stack")
}

/// The stack of the caller, innermost first, down to the start of its thread.
#[inline(never)]
pub(crate) fn here() -> Stack {
    let (from, to) = *LOADED;
    let mut frames = Vec::new();
    backtrace::trace(|frame| {
        let at = frame.ip() as u64;
        if (from..to).contains(&at) {
            frames.push(Frame {
                module: Some(0),
                offset: Offset(at - from),
                found: Found::Cfi,
            });
        }
        true
    });
    // The tracer itself and this function.
    let skip = frames.len().min(3);
    frames.drain(..skip);
    frames.truncate(60);
    if let Some(first) = frames.first_mut() {
        // The first address is a return address too; what a crash was at is the instruction before it.
        first.offset = Offset(first.offset.0 - 1);
        first.found = Found::Context;
    }
    frames.push(Frame {
        module: Some(1),
        offset: Offset(0x2_7249),
        found: Found::Cfi,
    });
    Stack {
        frames,
        ..Stack::default()
    }
}
