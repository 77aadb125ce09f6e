//! The deaths that lead the same way every time, for whoever wants to see them through other eyes: `battery --deaths FOLDER` makes the
//! libraries that they need and lists them, each with its library.

use crate::harness::{compile, compile_with, library};
use crate::stories::story;
use crate::victims::deadly;
use libtest_mimic::Trial;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What a victim needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Nothing,
    /// A library with another copy of the recorder.
    Copy,
    /// `hosts.c`, which dies while it is loaded.
    Early,
    /// `terminates.cpp`.
    Cpp,
    /// `shapes.c`, compiled like this.
    Shapes(&'static [&'static str]),
}

const TABLES: &[&str] = &["-O2", "-fasynchronous-unwind-tables"];
const POINTERS: &[&str] = &[
    "-O2",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fno-exceptions",
    "-fno-omit-frame-pointer",
];
const NEITHER: &[&str] = &[
    "-O2",
    "-fno-asynchronous-unwind-tables",
    "-fno-unwind-tables",
    "-fno-exceptions",
    "-fomit-frame-pointer",
];

const DEATHS: &[(Needs, &[&str])] = &[
    (
        Needs::Nothing,
        &[
            "null",
            "wild",
            "impossible_address",
            "jump_to_data",
            "jump_to_null",
            "write_to_constant",
            "truncated_mapping",
            "division",
            "float_division",
            "illegal",
            "privileged",
            "misaligned",
            "abort",
            "rust_abort",
            "double_free",
            "breakpoint",
            "forbidden_call",
            "overflow",
            "overflow_in_thread",
            "overflow_in_foreign_thread",
            "overflow_in_a_coroutine",
            "in_a_handler",
            "named_thread",
            "two_threads",
            "twenty_threads",
            "with_company",
            "with_large_company",
            "without_the_main_thread",
            "panic_then_abort",
            "panic_in_c",
            "through_unknown_code",
            "overwritten_return",
            "overwritten_callers",
            "smashed_stack",
            "no_stack",
            "ignoring_a_fault",
            "ignoring_an_abort",
            "on_its_own_signal_stack",
            "on_a_tiny_stack",
            "in_an_exit_handler",
            "in_an_early_exit_handler",
            "at_the_end_of_a_thread",
            "forked_child_then_parent",
            "vforked_child_then_parent",
            "sent_to_a_thread",
            "waiting_for_a_signal",
            "out_of_descriptors",
            "out_of_memory",
        ],
    ),
    (
        Needs::Copy,
        &[
            "late_library",
            "late_library_named",
            "callback_through_late_library",
            "two_copies",
        ],
    ),
    (Needs::Early, &["in_a_constructor"]),
    (
        Needs::Cpp,
        &[
            "cpp_throws",
            "cpp_throws_through_rust",
            "cpp_throws_on_c_thread",
            "cpp_throws_on_cpp_thread",
            "cpp_breaks_a_promise",
            "cpp_cleans_up",
            "cpp_throws_while_unwinding",
            "cpp_throws_with_a_handler_of_its_own",
            "cpp_calls_a_pure_function",
            "cpp_forgets_a_thread",
            "cpp_uses_what_was_deleted",
        ],
    ),
    (
        Needs::Shapes(TABLES),
        &[
            "through_aligned_frame",
            "through_plain_frame",
            "through_assertion",
        ],
    ),
    (Needs::Shapes(POINTERS), &["through_plain_frame"]),
    (Needs::Shapes(NEITHER), &["through_plain_frame"]),
];

pub(crate) fn stories() -> Vec<Trial> {
    vec![story("every death that is listed is known", || {
        let kinds = DEATHS.iter().flat_map(|(_, kinds)| *kinds);
        // It is the panic about an unknown one that would tell.
        let known: Vec<fn()> = kinds.map(|kind| deadly(kind)).collect();
        assert!(known.len() > 50);
    })]
}

/// One line for each: its name, a tab, and its library if it needs one.
pub(crate) fn list(folder: &Path) {
    let mut made: BTreeMap<Needs, Option<PathBuf>> = BTreeMap::new();
    for (needs, kinds) in DEATHS {
        let number = made.len();
        let library = made
            .entry(*needs)
            .or_insert_with(|| make(*needs, folder, number));
        if *needs != Needs::Nothing && library.is_none() {
            // Where there is no such compiler.
            continue;
        }
        let library = library.as_deref().unwrap_or(Path::new(""));
        for kind in *kinds {
            println!("{kind}\t{}", library.display());
        }
    }
}

fn make(needs: Needs, folder: &Path, number: usize) -> Option<PathBuf> {
    let name = format!("made{number}");
    match needs {
        Needs::Nothing => None,
        Needs::Copy => Some(library()),
        Needs::Early => compile_with("cc", "hosts.c", folder, &name, &["-DEARLY"]),
        Needs::Cpp => compile_with("c++", "terminates.cpp", folder, &name, crate::cpp::FLAGS),
        Needs::Shapes(flags) => Some(compile(folder, &name, flags)),
    }
}
