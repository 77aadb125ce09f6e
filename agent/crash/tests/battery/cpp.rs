//! Deaths that only C++ has, in a library that is compiled for the purpose.

use crate::harness::{Death, LIBRARY, compile_with, skip, start_with};
use crate::stories::{Expected, check, expect, story};
use crate::victims::Library;
use candor_dump::{ExitMark, FaultClass, StackEnd};
use libtest_mimic::Trial;
use std::ffi::CString;
use std::hint::black_box;
use std::path::Path;

/// A kind of this family: this and the function of the library.
const FAMILY: &str = "cpp_";

pub(crate) fn deadly(kind: &str) -> Option<fn()> {
    Some(match kind.strip_prefix(FAMILY)? {
        "throws" => throws_on_main,
        "throws_through_rust" => throws_through_rust,
        "breaks_a_promise" => breaks_a_promise,
        "cleans_up" => cleans_up,
        _ => by_name,
    })
}

/// How the library is compiled.
pub(crate) const FLAGS: &[&str] = &["-O1", "-std=c++17", "-pthread"];

/// What a thread does, from the inside out.
type Top = &'static [&'static str];

pub(crate) fn stories() -> Vec<Trial> {
    const TERMINATES: &[(&str, &str, Top)] = &[
        (
            "an exception that nobody catches on a thread of C is recorded where it was thrown",
            "throws_on_c_thread",
            &["throws", "runs"],
        ),
        (
            "an exception that nobody catches on a thread of C++ is recorded where it was thrown",
            "throws_on_cpp_thread",
            &["throws"],
        ),
        (
            "an exception that leaves a function which promised none is recorded where it was thrown",
            "breaks_a_promise",
            &[
                "throws",
                "cpp::throws_again",
                "promises",
                "cpp::breaks_a_promise",
            ],
        ),
        (
            "an exception in a destructor while another unwinds is recorded where it was thrown",
            "throws_while_unwinding",
            &["throws", "throws_while_unwinding", "cpp::by_name"],
        ),
        (
            "a call of a pure virtual function is recorded with its caller",
            "calls_a_pure_function",
            &["Abstract::act", "calls_a_pure_function", "cpp::by_name"],
        ),
        (
            "a thread object that was given up while it ran is recorded",
            "forgets_a_thread",
            &["forgets_a_thread", "cpp::by_name"],
        ),
    ];
    let mut all: Vec<Trial> = TERMINATES
        .iter()
        .map(|(name, kind, top)| {
            story(name, move || {
                with_library(&|library| {
                    let death = both(kind, library);
                    check(&death, &Expected::abort(&[]));
                    on_stack(&death, library, top);
                });
            })
        })
        .collect();
    all.extend([
        story("an exception that reaches Rust's main is recorded where Rust gives up on it: nothing else is left", || {
            with_library(&|library| {
                for kind in ["throws", "throws_through_rust"] {
                    let death = both(kind, library);
                    check(&death, &Expected::abort(&[]));
                    on_stack(&death, library, &["__rust_foreign_exception", "main"]);
                }
            });
        }),
        story("an exception on which Rust frames clean up before a promise is broken is recorded where that was", || {
            with_library(&|library| {
                let death = both("cleans_up", library);
                check(&death, &Expected::abort(&[]));
                on_stack(&death, library, &["cpp::throws_and_cleans_up", "promises", "cpp::cleans_up"]);
            });
        }),
        story("an object that was deleted and is used is recorded with its user", || {
            with_library(&|library| {
                let death = both("uses_what_was_deleted", library);
                check(&death, &expect(libc::SIGSEGV, 128, FaultClass::Other, &[]));
                let top = &["Abstract::act", "uses_what_was_deleted", "cpp::by_name"];
                on_stack(&death, library, top);
            });
        }),
        story("the host's own terminate handler runs, once", || {
            with_library(&|library| {
                let death = both("throws_with_a_handler_of_its_own", library);
                check(&death, &Expected::abort(&[]));
                on_stack(&death, library, &["says_farewell", "throws", "runs"]);
                let farewells = death.errors.matches("terminate handler ran").count();
                assert_eq!(farewells, 1, "{}", death.errors);
            });
        }),
        story("exceptions that are caught are nobody's business", || {
            with_library(&|library| {
                let death = both("catches", library);
                assert_eq!(death.status.code(), Some(0), "{}", death.errors);
                assert!(death.dump.signal.is_none() && death.problems.is_empty());
                assert_eq!(death.dump.exit_mark, ExitMark::Exiting);
            });
        }),
    ]);
    all
}

/// Compiles the library and tells the story, or says aloud that it cannot be told.
fn with_library(tell: &dyn Fn(&Path)) {
    let directory = tempfile::tempdir().unwrap();
    match compile_with(
        "c++",
        "terminates.cpp",
        directory.path(),
        "terminates",
        FLAGS,
    ) {
        Some(library) => tell(&library),
        None => skip("c++", "`apt-get install g++` enables this test"),
    }
}

/// The death, which ends as it does without us.
fn both(kind: &str, library: &Path) -> Death {
    let with = |armed| {
        start_with(&format!("{FAMILY}{kind}"), armed, |command| {
            command.env(LIBRARY, library);
        })
        .end()
    };
    let (death, control) = (with(true), with(false));
    assert_eq!(death.status, control.status, "{}", death.errors);
    death
}

fn on_stack(death: &Death, library: &Path, top: &[&str]) {
    let stack = &death.dump.signal.as_ref().unwrap().thread.stack;
    let names = death.names_with(stack, library);
    assert_eq!(stack.end, StackEnd::Outermost, "{names:#?}");
    let mut rest = names.iter();
    for wanted in top {
        let is_it = |name: &String| name.trim_end_matches("()").ends_with(wanted);
        assert!(rest.any(is_it), "{wanted} is missing in {names:#?}");
    }
}

/// The function of the library that the kind names.
#[inline(never)]
fn by_name() {
    let kind = std::env::args().nth(2).unwrap();
    let name = CString::new(kind.strip_prefix(FAMILY).unwrap()).unwrap();
    Library::load().call(&name);
    black_box(());
}

#[inline(never)]
fn throws_on_main() {
    by_name();
    black_box(1);
}

type CallsBack = unsafe extern "C-unwind" fn(extern "C-unwind" fn());

extern "C-unwind" fn throws_again() {
    let throws = Library::load().function(c"throws");
    let throws: unsafe extern "C-unwind" fn() = unsafe { std::mem::transmute(throws) };
    unsafe { throws() };
    black_box(());
}

/// Has something to drop on the way out.
extern "C-unwind" fn throws_and_cleans_up() {
    let held = black_box(vec![1]);
    throws_again();
    drop(black_box(held));
}

#[inline(never)]
fn throws_through_rust() {
    let calls_back: CallsBack =
        unsafe { std::mem::transmute(Library::load().function(c"calls_back")) };
    unsafe { calls_back(throws_and_cleans_up) };
    black_box(2);
}

#[inline(never)]
fn breaks_a_promise() {
    let promises: CallsBack = unsafe { std::mem::transmute(Library::load().function(c"promises")) };
    unsafe { promises(throws_again) };
    black_box(3);
}

#[inline(never)]
fn cleans_up() {
    let promises: CallsBack = unsafe { std::mem::transmute(Library::load().function(c"promises")) };
    unsafe { promises(throws_and_cleans_up) };
    black_box(4);
}
