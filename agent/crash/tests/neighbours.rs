//! Other reporters in the same process, before and after ours: theirs are called, ours records, and the process ends as it
//! would have.
#![allow(unsafe_code)]
// Most of it is unsound, and meant to be.
#![allow(clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[path = "battery/harness.rs"]
#[allow(dead_code)]
mod harness;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, kind, rest @ ..] = &arguments[..]
        && flag == harness::VICTIM
    {
        victim::main(kind, rest.first().map(std::path::Path::new));
        return;
    }
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), stories::all()).exit();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod victim {
    use std::hint::black_box;
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};

    /// What a neighbour says when it is called.
    pub(crate) const CALLED: &str = "the neighbour was called";

    fn say() {
        let text = CALLED.as_bytes();
        unsafe { libc::write(2, text.as_ptr().cast(), text.len()) };
    }

    /// `kind` is three words: which neighbour, who comes first, and what they die of.
    pub(crate) fn main(kind: &str, path: Option<&Path>) {
        let words: Vec<&str> = kind.split(' ').collect();
        let [neighbour, first, death] = words[..] else {
            panic!("{kind}?")
        };
        if first == "they" {
            move_in(neighbour);
        }
        let armed = path.map(|path| {
            let config = candor_crash::Config {
                path,
                run: [1; 16],
                started_unix: 1,
                clean_module_name: str::to_owned,
                thread_names: &[],
            };
            candor_crash::arm(&config).unwrap()
        });
        if first == "we" {
            move_in(neighbour);
        }
        if death == "disarmed" {
            drop(armed);
            return null();
        }
        match death {
            "null" => null(),
            "abort" => abort(),
            other => panic!("nobody dies of {other}"),
        }
        black_box(armed.is_some());
    }

    fn move_in(neighbour: &str) {
        match neighbour {
            "handled" => attach(true),
            "unhandled" => attach(false),
            "plain" => plain(),
            other => panic!("who is {other}?"),
        }
    }

    /// The `crash-handler` crate; `true` for one that says the crash is dealt with.
    fn attach(handled: bool) {
        let event = unsafe {
            crash_handler::make_crash_event(move |_| {
                say();
                crash_handler::CrashEventResult::Handled(handled)
            })
        };
        std::mem::forget(crash_handler::CrashHandler::attach(event).unwrap());
    }

    static EARLIER: [AtomicUsize; 65] = [const { AtomicUsize::new(0) }; 65];

    /// A handler as a host may write it: says something, then calls whoever was there before, or lets the default happen.
    fn plain() {
        for number in [libc::SIGSEGV, libc::SIGABRT] {
            unsafe {
                let mut action: libc::sigaction = std::mem::zeroed();
                let mut earlier: libc::sigaction = std::mem::zeroed();
                action.sa_sigaction = on_signal as *const () as usize;
                action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
                libc::sigaction(number, &raw const action, &raw mut earlier);
                EARLIER[number as usize].store(earlier.sa_sigaction, Ordering::Relaxed);
            }
        }
    }

    extern "C" fn on_signal(number: i32, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        say();
        let earlier = EARLIER[number as usize].load(Ordering::Relaxed);
        if earlier == libc::SIG_DFL {
            unsafe { libc::signal(number, libc::SIG_DFL) };
            return;
        }
        type Handler = extern "C" fn(i32, *mut libc::siginfo_t, *mut libc::c_void);
        let earlier: Handler = unsafe { std::mem::transmute::<usize, Handler>(earlier) };
        earlier(number, info, context);
    }

    #[inline(never)]
    fn null() {
        unsafe { std::arch::asm!("mov eax, [{0:r}]", in(reg) 16usize, out("eax") _) };
    }

    #[inline(never)]
    fn abort() {
        unsafe { libc::abort() };
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod stories {
    use super::harness::{die, die_unarmed};
    use super::victim::CALLED;
    use libtest_mimic::{Failed, Trial};

    pub(crate) fn all() -> Vec<Trial> {
        let mut all = Vec::new();
        for neighbour in ["unhandled", "handled", "plain"] {
            for first in ["they", "we"] {
                for death in ["null", "abort"] {
                    let kind = format!("{neighbour} {first} {death}");
                    all.push(Trial::test(
                        format!("both are called, and the end is the same: {kind}"),
                        move || {
                            together(&kind);
                            Ok::<(), Failed>(())
                        },
                    ));
                }
            }
            all.push(Trial::test(
                format!("a neighbour that came later is not cut off when we leave: {neighbour}"),
                move || {
                    let kind = format!("{neighbour} we disarmed");
                    let (with, without) = (die(&kind), die_unarmed(&kind));
                    assert_eq!(
                        (with.status, called(&with.errors)),
                        (without.status, called(&without.errors))
                    );
                    assert!(with.dump.signal.is_none());
                    Ok(())
                },
            ));
        }
        all
    }

    fn together(kind: &str) {
        let (with, without) = (die(kind), die_unarmed(kind));
        assert_eq!(with.status, without.status, "{}", with.errors);
        assert_eq!(
            called(&with.errors),
            called(&without.errors),
            "{}",
            with.errors
        );
        assert!(called(&without.errors) >= 1);
        // One that came later and says that it has dealt with the crash does not call those who came earlier.
        if !kind.starts_with("handled we") {
            let names = with.crashed();
            assert!(
                names.iter().any(|name| name.contains("victim::")),
                "{names:#?}"
            );
            assert!(with.problems.is_empty(), "{:?}", with.problems);
        }
    }

    fn called(errors: &str) -> usize {
        errors.matches(CALLED).count()
    }
}
