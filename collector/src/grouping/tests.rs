//! What belongs together and what does not.

use super::testing::{freeze, freeze_in_turn, panic, panic_at, segv, signal};
use candor_protocol::report::{Fault, SignalName, Wait};

const UNWRAP_NONE: &str = "called `Option::unwrap()` on a `None` value";

/// The inner frames of every panic, as the hook sees them.
fn raised_in(own: &str) -> String {
    format!(
        "backtrace::capture::Backtrace::new
         candor_agent::capture::crash::hook
         im::own_panic_hook
         std::panicking::panic_with_hook
         std::panicking::panic_handler::{{{{closure}}}}
         std::sys::backtrace::__rust_end_short_backtrace
         __rustc::rust_begin_unwind
         core::panicking::panic_fmt
         core::panicking::panic
         core::option::unwrap_failed
         {own}
         im::main
         core::ops::function::FnOnce::call_once
         std::rt::lang_start
         main
         libc.so.6 __libc_start_call_main
         _start"
    )
}

// ---- The probes that every other collector should have passed.

#[test]
fn the_same_unwrap_at_two_unrelated_places_is_two_issues() {
    let a = panic(UNWRAP_NONE, &raised_in("im::history::load"));
    let b = panic(UNWRAP_NONE, &raised_in("im::login::token"));
    assert_ne!(a.id, b.id);
    assert_eq!(
        (a.culprit.as_str(), b.culprit.as_str()),
        ("im::history::load", "im::login::token")
    );
}

#[test]
fn one_place_is_one_issue_whatever_its_message_carries() {
    let at_one_place = |message: &str| panic(message, &raised_in("im::history::load")).id;
    for (a, b) in [
        ("no such file: /data/a/1.db", "no such file: /data/b/2.db"),
        ("no user called Wang Fang", "no user called Li Lei"),
        (
            "bad frame: Frame { id: 1, kind: Text }",
            "bad frame: Frame { id: 2, kind: Image, tags: [1] }",
        ),
        ("took 17 ms", "took 234 ms"),
        ("call ‹phone›", "call ‹email›"),
    ] {
        assert_eq!(at_one_place(a), at_one_place(b), "{a}");
    }
}

#[test]
fn without_a_stack_what_a_message_carries_still_does_not_count() {
    for (a, b) in [
        ("no such file: /data/a/1.db", "no such file: /data/b/2.db"),
        ("no user called \"Wang Fang\"", "no user called \"Li Lei\""),
        (
            "bad frame: Frame { id: 1, kind: Text }",
            "bad frame: Frame { id: 2, kind: Image, tags: [1] }",
        ),
        ("took 17 ms", "took 234 ms"),
        ("call ‹phone›", "call ‹email›"),
        (
            "called `Result::unwrap()` on an `Err` value: Os { code: 2 }",
            "called `Result::unwrap()` on an `Err` value: Timeout",
        ),
    ] {
        assert_eq!(panic(a, "").id, panic(b, "").id, "{a}");
    }
    assert_ne!(panic("took too long", "").id, panic("took no time", "").id);
    assert_eq!(panic("took 17 ms", "").why.rule, "panic-message-v1");
}

#[test]
fn the_same_crash_in_two_releases_is_one_issue() {
    let a = panic(
        UNWRAP_NONE,
        &raised_in("im::history::load::h0123456789abcdef"),
    );
    let b = panic(
        UNWRAP_NONE,
        &raised_in("im::history::load::hfedcba9876543210"),
    );
    assert_eq!(a.id, b.id);
}

#[test]
fn two_failures_through_one_helper_are_two_issues() {
    for helper in [
        "im::errors::capture_error",
        "im::util::fail",
        "im::util::bail_with",
    ] {
        let a = panic(
            "failed",
            &raised_in(&format!("{helper}\nim::history::load")),
        );
        let b = panic("failed", &raised_in(&format!("{helper}\nim::login::token")));
        assert_ne!(a.id, b.id, "{helper}");
        assert_eq!(a.culprit, "im::history::load");
    }
}

// ---- Panics.

#[test]
fn what_raises_a_panic_is_never_blamed() {
    let grouped = panic(
        "index out of bounds: the len is 3 but the index is 7",
        &raised_in("im::history::parse_header"),
    );
    assert_eq!(
        grouped.title,
        "panic: index out of bounds: the len is ‹n› but the index is ‹n›"
    );
    assert_eq!(grouped.culprit, "im::history::parse_header");
    assert_eq!(grouped.why.rule, "panic-own-frames-v1");
    assert_eq!(grouped.why.facts, ["index out of bounds"]);
    assert_eq!(grouped.why.frames, ["im::history::parse_header"]);
}

#[test]
fn two_kinds_of_panic_in_one_function_are_two_issues() {
    let a = panic(
        "index out of bounds: the len is 3 but the index is 7",
        &raised_in("im::history::load"),
    );
    let b = panic(UNWRAP_NONE, &raised_in("im::history::load"));
    assert_ne!(a.id, b.id);
}

#[test]
fn a_crash_reads_the_same_with_and_without_debug_information() {
    let rich = panic(
        UNWRAP_NONE,
        &raised_in(
            "unwrap<u8> < {closure#0} < im::history::load::<u8>\nnext < im::history::open_chat::{closure#1}",
        ),
    );
    let poor = panic(
        UNWRAP_NONE,
        &raised_in("im::history::load::h0123456789abcdef\nim::history::open_chat::{{closure}}"),
    );
    assert_eq!(rich.id, poor.id);
    assert_eq!(rich.culprit, poor.culprit);
}

#[test]
fn panic_machinery_that_was_inlined_is_still_left_out() {
    let inlined = panic(
        UNWRAP_NONE,
        &raised_in("core::option::expect_failed < core::option::unwrap_failed\nim::a::load"),
    );
    assert_eq!(inlined.culprit, "im::a::load");
}

#[test]
fn without_names_a_panic_is_where_it_was_raised() {
    let stack = "im+1f00\nim+2f00\nlibc.so.6+3f00";
    let a = panic_at(UNWRAP_NONE, "src/history.rs", 17, stack);
    let b = panic_at(UNWRAP_NONE, "src/login.rs", 17, stack);
    assert_ne!(a.id, b.id);
    assert_eq!(
        (a.why.rule.as_str(), a.culprit.as_str()),
        ("panic-location-v1", "src/history.rs:17")
    );
    // The frames are those of the panic machinery for any panic of a build.
    assert_eq!(
        a.id,
        panic_at(UNWRAP_NONE, "src/history.rs", 17, "im+1f00\nim+9f00").id
    );
}

#[test]
fn the_line_of_a_panic_does_not_count_where_functions_are_known() {
    let a = panic_at(
        UNWRAP_NONE,
        "src/history.rs",
        17,
        &raised_in("im::history::load"),
    );
    let b = panic_at(
        UNWRAP_NONE,
        "src/history.rs",
        18,
        &raised_in("im::history::load"),
    );
    assert_eq!(a.id, b.id);
}

// ---- Signals.

#[test]
fn a_signal_names_the_innermost_own_function() {
    let grouped = segv(
        "libc.so.6 memcpy\ncore::ptr::read\nim::history::parse_header\nim::history::load\nim::main",
    );
    assert_eq!(
        grouped.title,
        "SIGSEGV (null pointer) in im::history::parse_header"
    );
    assert_eq!(grouped.culprit, "im::history::parse_header");
    assert_eq!(grouped.why.facts, ["SIGSEGV"]);
    assert_eq!(
        grouped.why.frames,
        ["im::history::parse_header", "im::history::load"]
    );
}

#[test]
fn symbols_of_the_system_make_no_difference() {
    let with = segv(
        "libc.so.6 memcpy\nlibc.so.6 qsort\nim::history::load\nim::main\nlibc.so.6 __libc_start_main",
    );
    let without = segv("libc.so.6+1234\nim::history::load\nim::main\nlibc.so.6+77\nlibc.so.6+88");
    assert_eq!(with.id, without.id);
}

#[test]
fn one_leaf_reached_in_two_ways_is_one_issue() {
    let a = segv("im::history::parse_header\nim::history::load\nim::ui::open_chat\nim::main");
    let b = segv("im::history::parse_header\nim::history::load\nim::search::find\nim::main");
    assert_eq!(a.id, b.id);
}

#[test]
fn the_thread_that_a_function_runs_in_makes_no_difference() {
    let main = segv("im::history::load\nim::main\nmain");
    let worker = segv("im::history::load\nstd::thread::spawn\nlibc.so.6 start_thread");
    assert_eq!(main.id, worker.id);
    assert_eq!(segv("im::client::run\nim::main").culprit, "im::client::run");
}

#[test]
fn two_signals_in_one_function_are_two_issues_but_two_bad_addresses_are_one() {
    let frames = "im::history::load\nim::main";
    assert_ne!(
        segv(frames).id,
        signal(SignalName::Fpe, Fault::None, frames).id
    );
    assert_eq!(
        segv(frames).id,
        signal(SignalName::Segv, Fault::Unmapped, frames).id
    );
}

#[test]
fn recursion_is_folded() {
    let deep = segv("im::a::leaf\nim::a::walk\nim::a::walk\nim::a::walk\nim::b::start");
    let flat = segv("im::a::leaf\nim::a::walk\nim::b::start");
    assert_eq!(deep.id, flat.id);
    let closures = segv("im::a::leaf\nim::a::walk::{{closure}}\nim::a::walk\nim::b::start");
    assert_eq!(closures.id, flat.id);
}

#[test]
fn a_stack_overflow_is_its_circle_wherever_it_was_cut_off() {
    let overflow = |frames: &str| signal(SignalName::Segv, Fault::StackGuard, frames);
    let a = overflow("im::a::even\nim::a::odd\nim::a::even\nim::a::odd\nim::main");
    let b = overflow(
        "alloc::fmt::format\nim::a::label\nim::a::odd\nim::a::even\nim::a::odd\nim::a::even\nim::ui::start",
    );
    assert_eq!(a.id, b.id);
    assert_eq!(a.title, "SIGSEGV (stack overflow) in im::a::even");
    assert_eq!(a.why.rule, "stack-overflow-circle-v1");
    // The closures of one function have its name, so that it can occur twice without any recursion.
    let deep = "im::a::odd\nim::a::even\n".repeat(20);
    let c = overflow(&format!(
        "{deep}im::ui::take::{{{{closure}}}}\nim::ui::take"
    ));
    assert_eq!(
        c.why.frames,
        overflow("im::a::odd\nim::a::even\nim::a::odd\nim::a::even")
            .why
            .frames
    );
    assert_ne!(
        a.id,
        segv("im::a::even\nim::a::odd\nim::a::even\nim::a::odd\nim::main").id
    );
    assert_ne!(a.id, overflow("im::b::down\nim::b::down\nim::b::down").id);
}

#[test]
fn crashes_without_symbols_stay_apart_by_module_and_place() {
    let a = segv("libc.so.6+10\nlibfoo.so+200\nim+300");
    assert_eq!(a.id, segv("libc.so.6+99\nlibfoo.so+200\nim+400").id);
    assert_ne!(a.id, segv("libc.so.6+10\nlibfoo.so+201\nim+300").id);
    assert_ne!(a.id, segv("libc.so.6+10\nlibbar.so+200\nim+300").id);
    assert_eq!(a.why.rule, "unnamed-frame-v1");
    assert_eq!(
        (a.title.as_str(), a.culprit.as_str()),
        ("SIGSEGV (null pointer) in libfoo.so+200", "libfoo.so+200")
    );
    // Without a build id it is the module's name that counts.
    assert_eq!(segv("nobuild-a.so+200").why.frames, ["nobuild-a.so+200"]);
    assert_ne!(segv("nobuild-a.so+200").id, segv("nobuild-b.so+200").id);
}

#[test]
fn the_same_own_caller_of_two_libraries_without_symbols_is_two_issues() {
    let through = |library: &str| segv(&format!("{library}+200\nim::media::play\nim::main"));
    assert_ne!(through("libfoo.so").id, through("libbar.so").id);
    assert_eq!(
        through("libfoo.so").why.frames[0],
        "code without a name in libfoo.so"
    );
    // Another build of that library has other offsets, but the fault is the same.
    assert_eq!(
        through("libfoo.so").id,
        segv("libfoo.so+264\nim::media::play\nim::main").id
    );
}

#[test]
fn stacks_that_are_only_the_systems_do_not_become_one_giant_issue() {
    let a = signal(
        SignalName::Abrt,
        Fault::None,
        "libc.so.6 raise\nlibc.so.6 abort\nlibgui.so Surface::lock",
    );
    let b = signal(
        SignalName::Abrt,
        Fault::None,
        "libc.so.6 raise\nlibc.so.6 abort\nlibart.so Runtime::Abort",
    );
    assert_ne!(a.id, b.id);
}

#[test]
fn guessed_frames_count_only_where_there_is_nothing_better() {
    let a = segv("im::history::load\n~im::stale::garbage\nim::main");
    assert_eq!(a.id, segv("im::history::load\nim::main").id);
    assert_eq!(
        segv("libc.so.6 memcpy\n~im::history::load").culprit,
        "im::history::load"
    );
}

#[test]
fn a_signal_with_no_stack_is_its_signal() {
    let alone = segv("");
    assert_eq!(
        (alone.title.as_str(), alone.culprit.as_str()),
        ("SIGSEGV (null pointer)", "")
    );
    assert_eq!(alone.why.rule, "signal-alone-v1");
}

// ---- Freezes.

#[test]
fn a_wait_is_what_the_thread_was_asked_to_do_and_where_it_waited_whatever_the_call() {
    let waits = |call: &str, function: &str| {
        freeze(
            Some(Wait::Futex),
            &[(
                9,
                &format!(
                    "{call}\n{function}\nim::db::load\nim::ui::open_chat\nim::ui::run_loop\nim::main"
                ),
            )],
        )
    };
    let a = waits("libc.so.6 syscall", "im::json::parse");
    assert_eq!(
        a.id,
        waits("libc.so.6 futex_wait\nlibc.so.6 lock", "im::json::parse").id
    );
    assert_ne!(a.id, waits("libc.so.6 syscall", "im::crypto::decrypt").id);
    assert_eq!(a.why.rule, "freeze-outermost-frames-v3");
    assert_eq!(
        a.why.frames,
        ["im::ui::open_chat", "im::db::load", "im::json::parse"]
    );
    assert_eq!(a.title, "freeze in im::json::parse (waiting for a lock)");
    assert_eq!(a.culprit, "im::json::parse");
}

#[test]
fn a_computation_is_what_the_thread_was_asked_to_do_wherever_it_is_met() {
    let computes = |wait, leaf: &str| {
        let stack = format!("{leaf}\nim::db::load\nim::ui::open_chat\nim::ui::run_loop\nim::main");
        freeze(wait, &[(9, &stack)])
    };
    for wait in [None, Some(Wait::PageFault)] {
        let a = computes(wait, "im::json::parse");
        assert_eq!(a.id, computes(wait, "im::crypto::decrypt").id);
        assert_eq!(a.why.frames, ["im::ui::open_chat", "im::db::load"]);
        assert_eq!(a.culprit, "im::json::parse");
    }
}

#[test]
fn two_pieces_of_work_on_one_thread_are_two_issues() {
    let work = |function: &str| {
        freeze(
            None,
            &[(
                3,
                &format!("im::json::parse\n{function}\nim::ui::run_loop\nim::main"),
            )],
        )
    };
    assert_ne!(work("im::ui::open_chat").id, work("im::ui::send").id);
}

#[test]
fn methods_that_hand_on_to_each_other_do_not_hide_the_work() {
    let work = |function: &str| {
        freeze(
            None,
            &[(
                3,
                &format!(
                    "{function}
                     im::client::Engine::take
                     im::client::Engine::turn
                     im::client::Service::run
                     <im::client::Engine as im::client::Serve>::serve
                     im::client::Engine::connection::{{{{closure}}}}
                     tokio::runtime::block_on
                     im::main"
                ),
            )],
        )
    };
    let search = work("im::search::fold_case\nim::search::rebuild_index");
    assert_ne!(search.id, work("im::contacts::merge").id);
    assert_eq!(search.id, work("im::search::rebuild_index").id);
    assert_eq!(
        search.why.frames,
        [
            "im::client::Engine::connection",
            "im::search::rebuild_index"
        ]
    );
}

#[test]
fn computing_and_waiting_in_one_function_are_two_issues() {
    let stacks = [(3, "im::db::load\nim::ui::open_chat\nim::main")];
    let ids = [
        freeze(None, &stacks).id,
        freeze(Some(Wait::Futex), &stacks).id,
        freeze(Some(Wait::Read), &stacks).id,
    ];
    assert_ne!(ids[0], ids[1]);
    assert_eq!(
        ids[1], ids[2],
        "a wait is one issue whichever call it is in"
    );
}

#[test]
fn the_dominant_stack_counts_and_the_culprit_is_common_to_most_samples() {
    let busy = freeze(
        None,
        &[
            (1, "im::ui::draw\nim::ui::refresh\nim::main"),
            (
                5,
                "im::json::string\nim::json::parse\nim::ui::open_chat\nim::main",
            ),
            (
                4,
                "im::json::number\nim::json::parse\nim::ui::open_chat\nim::main",
            ),
        ],
    );
    assert_eq!(busy.why.frames, ["im::ui::open_chat", "im::json::parse"]);
    assert_eq!(busy.culprit, "im::json::parse");
}

#[test]
fn a_freeze_without_symbols_is_the_innermost_place_that_most_samples_share() {
    let freeze_at = |a: &str, b: &str| {
        freeze(
            None,
            &[
                (2, &format!("im+{a}\nim+500\nim+600")),
                (2, &format!("im+{b}\nim+500\nim+600")),
            ],
        )
    };
    assert_eq!(freeze_at("100", "101").id, freeze_at("102", "103").id);
    assert_eq!(freeze_at("100", "101").culprit, "im+500");
}

#[test]
fn a_declared_piece_of_work_tells_freezes_apart() {
    let turn = |name| freeze_in_turn(Some(name), None, &[]);
    assert_ne!(
        turn(candor_protocol::name!("open-chat")).id,
        turn(candor_protocol::name!("send")).id
    );
    assert_eq!(
        turn(candor_protocol::name!("send")).title,
        "freeze in send (computing)"
    );
    assert_eq!(freeze(None, &[]).title, "freeze in ui (computing)");
}

#[test]
fn a_loop_that_froze_itself_is_named() {
    assert_eq!(
        freeze(None, &[(1, "im::main\nstd::rt::lang_start\nmain")])
            .why
            .frames,
        ["im::main"]
    );
}
