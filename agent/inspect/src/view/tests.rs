//! What is blamed, folded and merged, on stacks that are written as names of functions.

use super::rows::{Row, rows};
use super::stack::{Names, Stack};
use super::tree::{Weight, tree};
use candor_protocol::deidentify::{BuildId, ModuleName};
use candor_protocol::report::{self, Found, Frame, Module, Offset};
use candor_symbols::{Name, owner};
use std::sync::Arc;

/// Functions by their address: the first is at 0.
struct Listed(Vec<&'static str>);

impl Names for Listed {
    fn names(&self, _: &BuildId, offset: Offset, _: Found) -> Arc<[Name]> {
        let function = self.0[offset.0 as usize];
        if function.is_empty() {
            return Arc::default();
        }
        Arc::new([Name {
            function: function.to_owned(),
            file: None,
            line: None,
            inlined: false,
            owner: owner(None, Some(function)),
        }])
    }

    fn knows(&self, _: &BuildId) -> bool {
        true
    }
}

/// A stack of functions, innermost first; `?` in front of one means that it was guessed, and no name is an address.
fn stack(functions: &[&'static str]) -> Stack {
    let modules = [Module {
        build_id: Some(BuildId::parse(&"ab".repeat(20)).unwrap()),
        name: Some(ModuleName::scrub("im")),
    }];
    let frame = |(at, function): (usize, &&str)| Frame {
        module: Some(0),
        offset: Offset(at as u64),
        found: if function.starts_with('?') {
            Found::Scan
        } else {
            Found::Cfi
        },
    };
    let frames = report::Stack {
        frames: functions.iter().enumerate().map(frame).collect(),
        left_out: 0,
        outermost: 0,
        end: None,
    };
    let names = functions
        .iter()
        .map(|function| function.trim_start_matches('?'))
        .collect();
    Stack::of(&frames, &modules, &Listed(names))
}

fn blamed(functions: &[&'static str], panic: bool) -> Option<String> {
    stack(functions).blame(panic)
}

fn folded(functions: &[&'static str]) -> Vec<String> {
    let mut stack = stack(functions);
    stack.blame(true);
    rows(&stack, false)
        .into_iter()
        .map(|row| match row {
            Row::One(one) => one.label,
            Row::Folded(words) => words,
            Row::Repeated { rows, times } => format!("{rows} above, {times} more"),
            Row::Gap(left_out) => left_out.to_string(),
            Row::End(end) => end.to_string(),
        })
        .collect()
}

#[test]
fn the_innermost_own_function_below_a_panic_is_to_blame() {
    let some = |place: &str| Some(place.to_owned());
    let raise = "core::panicking::panic_fmt";
    for (functions, panic, wanted) in [
        (&["im::load", "im::main"][..], false, some("im::load")),
        (
            &["im::hook", raise, "im::load", "im::main"],
            true,
            some("im::load"),
        ),
        (&["tokio::poll", "im::load"], false, some("im::load")),
        // A loop is to blame where nothing else is.
        (
            &["core::ptr::read", "im::run_loop"],
            false,
            some("im::run_loop"),
        ),
        (&["im::run_loop", "im::load"], false, some("im::load")),
        // A guess is taken where nothing better is.
        (&["?im::stale", "im::load"], false, some("im::load")),
        (
            &["?im::stale", "std::rt::lang_start"],
            false,
            some("im::stale"),
        ),
        // Without names the address of a signal is the best there is; that of a panic would be the hook's.
        (&["", ""], false, some("im+0x0")),
        (&["", ""], true, None),
        (&["core::ptr::read"], false, some("core::ptr::read")),
        (&[], false, None),
    ] {
        assert_eq!(blamed(functions, panic), wanted, "{functions:?}");
    }
}

#[test]
fn what_led_to_the_fault_is_folded_and_what_it_called_is_shown() {
    let folded = folded(&[
        "backtrace::trace",
        "rust_begin_unwind",
        "tokio::time::sleep",
        "tokio::time::wait",
        "im::load",
        "tokio::poll",
        "std::thread::local",
        "im::main",
        "std::rt::lang_start",
    ]);
    assert_eq!(
        folded,
        [
            "2 functions that raised the panic",
            "tokio::time::sleep",
            "tokio::time::wait",
            "im::load",
            "2 functions of tokio and the runtime",
            "im::main",
            "std::rt::lang_start",
        ]
    );
}

#[test]
fn a_thread_is_where_its_own_code_is_or_whatever_has_a_name() {
    for (functions, wanted) in [
        (&["", "im::pop", "im::main"][..], "im::pop"),
        (&["core::ptr::read", "std::thread::park"], "core::ptr::read"),
        (&["", ""], "im+0x0"),
    ] {
        assert_eq!(stack(functions).place().as_deref(), Some(wanted));
    }
    assert_eq!(stack(&[]).place(), None);
}

#[test]
fn a_recursion_is_shown_once() {
    assert_eq!(
        folded(&[
            "im::a", "im::b", "im::a", "im::b", "im::a", "im::b", "im::a", "im::main"
        ]),
        ["im::a", "im::b", "2 above, 2 more", "im::a", "im::main"]
    );
    assert_eq!(
        folded(&["im::a", "im::a", "im::main"]),
        ["im::a", "im::a", "im::main"]
    );
    // What lies between the rounds is folded first, so that it does not hide them.
    let through_the_runtime = ["im::a", "core::x", "core::y"].repeat(3);
    assert_eq!(
        folded(&through_the_runtime),
        ["im::a", "2 functions of the runtime", "2 above, 2 more"]
    );
}

#[test]
fn a_stack_of_nothing_but_the_runtime_is_shown() {
    let functions = ["core::ptr::read", "std::rt::lang_start"];
    assert_eq!(folded(&functions), functions);
}

/// Seen once, for so long.
fn for_ms(ms: u64) -> Weight {
    Weight { samples: 1, ms }
}

#[test]
fn stacks_merge_from_the_outermost_function_on() {
    let nodes = tree(&[
        (for_ms(100), stack(&["im::b", "im::loop", "im::main"])),
        (for_ms(300), stack(&["im::a", "im::loop", "im::main"])),
        (for_ms(200), stack(&["im::loop", "im::main"])),
        (for_ms(200), stack(&["im::other"])),
    ]);
    let path = |node: &super::tree::Node| -> Vec<String> {
        node.path
            .iter()
            .filter_map(|step| step.function.clone())
            .collect()
    };
    assert_eq!(nodes.len(), 2);
    assert_eq!(
        (path(&nodes[0]), nodes[0].samples, nodes[0].percent),
        (vec!["im::main".into(), "im::loop".into()], 3, 75.0)
    );
    let children: Vec<_> = nodes[0]
        .children
        .iter()
        .map(|node| (path(node), node.ms))
        .collect();
    assert_eq!(
        children,
        [
            (vec!["im::a".to_owned()], 300),
            (vec!["im::b".to_owned()], 100)
        ]
    );
    assert!(tree(&[]).is_empty());
}

#[test]
fn the_deepest_stacks_make_no_deep_tree() {
    let deep: Vec<&'static str> = std::iter::repeat_n("im::recurse", 256).collect();
    let stacks: Vec<_> = (1..=64)
        .map(|length| (for_ms(1), stack(&deep[..length * 4])))
        .collect();
    let mut depth = 0;
    let mut level = tree(&stacks);
    while let Some(node) = level.pop() {
        depth += 1;
        level = node.children;
    }
    assert_eq!(depth, 64);
}
