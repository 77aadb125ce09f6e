//! A dying thread allocates nothing and takes no lock. This program is its own allocator: from the moment it is about to die,
//! any allocation ends it in another way than expected. And it dies with the locks held that a careless handler would wait for.
#![allow(unsafe_code)]
// Most of it is unsound, and meant to be.
#![allow(clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[path = "battery/harness.rs"]
#[allow(dead_code)]
mod harness;
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#[path = "battery/sandbox.rs"]
#[allow(dead_code)]
mod sandbox;

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")))]
fn main() {}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, flag, kind, path] = &arguments[..]
        && flag == harness::VICTIM
    {
        victim::main(kind, std::path::Path::new(path));
        return;
    }
    libtest_mimic::run(&libtest_mimic::Arguments::from_args(), stories::all()).exit();
}

/// In the place of the C library's allocator.
#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod allocator {
    use std::ffi::c_void;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// Set when the process is about to die.
    pub(crate) static DYING: AtomicBool = AtomicBool::new(false);
    /// How the process ends if anything is allocated after that.
    pub(crate) const ALLOCATED: i32 = 99;

    unsafe extern "C" {
        fn __libc_malloc(size: usize) -> *mut c_void;
        fn __libc_calloc(count: usize, size: usize) -> *mut c_void;
        fn __libc_realloc(block: *mut c_void, size: usize) -> *mut c_void;
        fn __libc_memalign(alignment: usize, size: usize) -> *mut c_void;
        fn __libc_free(block: *mut c_void);
    }

    fn check() {
        if DYING.load(Ordering::Relaxed) {
            unsafe { libc::_exit(ALLOCATED) };
        }
    }

    #[unsafe(no_mangle)]
    extern "C" fn malloc(size: usize) -> *mut c_void {
        check();
        unsafe { __libc_malloc(size) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn calloc(count: usize, size: usize) -> *mut c_void {
        check();
        unsafe { __libc_calloc(count, size) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn realloc(block: *mut c_void, size: usize) -> *mut c_void {
        check();
        unsafe { __libc_realloc(block, size) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn posix_memalign(out: *mut *mut c_void, alignment: usize, size: usize) -> i32 {
        check();
        unsafe { *out = __libc_memalign(alignment, size) };
        0
    }

    #[unsafe(no_mangle)]
    extern "C" fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
        check();
        unsafe { __libc_memalign(alignment, size) }
    }

    #[unsafe(no_mangle)]
    extern "C" fn free(block: *mut c_void) {
        check();
        unsafe { __libc_free(block) }
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod victim {
    use super::allocator::DYING;
    use std::hint::black_box;
    use std::path::Path;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicBool, Ordering};

    static ARMED: OnceLock<candor_crash::Armed> = OnceLock::new();

    pub(crate) fn main(kind: &str, path: &Path) {
        // The Rust runtime's own handler may do what it likes; it is not watched.
        for number in [libc::SIGSEGV, libc::SIGBUS] {
            unsafe { libc::signal(number, libc::SIG_DFL) };
        }
        let config = candor_crash::Config {
            path,
            run: [1; 16],
            started_unix: 1,
            clean_module_name: str::to_owned,
            thread_names: &["worker"],
        };
        ARMED.set(candor_crash::arm(&config).unwrap()).unwrap();
        company();
        match kind {
            "null" => null(),
            "abort" => abort(),
            "overflow" => {
                about_to_die();
                black_box(overflow(black_box(1)));
            }
            "panic hook" => panic_hook(),
            "allocator's lock" => allocator_lock(),
            "loader's lock" => loader_lock(),
            "stdio's lock" => stdio_lock(),
            "no file can be written" => no_file(),
            "threads are asked" => asks_threads(),
            "nothing, but allocates" => {
                about_to_die();
                drop(black_box(Box::new(1)));
            }
            other => panic!("nobody dies of {other}"),
        }
    }

    /// Threads that the handler has to stop and walk too.
    fn company() {
        let started = std::sync::Arc::new(std::sync::Barrier::new(4));
        for _ in 0..3 {
            let started = started.clone();
            std::thread::spawn(move || {
                started.wait();
                loop {
                    std::thread::park();
                }
            });
        }
        started.wait();
    }

    fn about_to_die() {
        DYING.store(true, Ordering::SeqCst);
    }

    #[inline(never)]
    fn null() {
        about_to_die();
        fault();
        black_box(());
    }

    #[inline(never)]
    fn fault() {
        unsafe { std::arch::asm!("mov eax, [{0:r}]", in(reg) 16usize, out("eax") _) };
    }

    #[inline(never)]
    fn abort() {
        about_to_die();
        unsafe { libc::abort() };
    }

    #[inline(never)]
    #[allow(unconditional_recursion)]
    fn overflow(depth: u64) -> u64 {
        let here = black_box([depth; 16]);
        overflow(black_box(depth + 1)) + here[3]
    }

    #[inline(never)]
    fn panic_hook() {
        let frames = [main as *const () as usize + 1; 300];
        about_to_die();
        let note = candor_crash::PanicNote {
            message: "m",
            file: "f",
            line: 1,
            thread_name: "t",
            main_thread: true,
            frames: &frames,
        };
        black_box(ARMED.get().unwrap().record_panic(&note).is_some());
        candor_crash::crumb(1, [2, 3]);
        fault();
    }

    /// The heap is damaged so that the allocator notices while it holds its lock.
    #[inline(never)]
    fn allocator_lock() {
        unsafe {
            // Behind the last block stands the size of what is left of the heap.
            let block = libc::malloc(24).cast::<usize>();
            let block = std::slice::from_raw_parts_mut(black_box(block), 64);
            for word in &mut block[3..] {
                *word = 1;
            }
            black_box(libc::malloc(100_000));
        }
    }

    #[inline(never)]
    fn loader_lock() {
        unsafe extern "C" fn crash(
            _: *mut libc::dl_phdr_info,
            _: usize,
            _: *mut libc::c_void,
        ) -> i32 {
            about_to_die();
            fault();
            0
        }
        unsafe { libc::dl_iterate_phdr(Some(crash), std::ptr::null_mut()) };
        black_box(());
    }

    #[inline(never)]
    fn stdio_lock() {
        static HELD: AtomicBool = AtomicBool::new(false);
        unsafe extern "C" {
            static stdout: *mut libc::FILE;
            fn flockfile(file: *mut libc::FILE);
        }
        unsafe { flockfile(stdout) };
        HELD.store(true, Ordering::SeqCst);
        let _held = std::io::stdout().lock();
        null();
    }

    /// Where it is not allowed to stop them.
    #[inline(never)]
    fn asks_threads() {
        super::sandbox::forbid(&[libc::SYS_ptrace], super::sandbox::REFUSED);
        null();
        black_box(());
    }

    #[inline(never)]
    fn no_file() {
        let limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        unsafe {
            libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit);
        }
        null();
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
mod stories {
    use super::allocator::ALLOCATED;
    use super::harness::die;
    use candor_dump::StackEnd;
    use libtest_mimic::{Failed, Trial};
    use std::os::unix::process::ExitStatusExt;

    pub(crate) fn all() -> Vec<Trial> {
        let mut all: Vec<Trial> = [
            ("null", libc::SIGSEGV, "victim::null"),
            ("abort", libc::SIGABRT, "victim::abort"),
            ("overflow", libc::SIGSEGV, "victim::overflow"),
            ("panic hook", libc::SIGSEGV, "victim::panic_hook"),
            ("allocator's lock", libc::SIGABRT, "victim::allocator_lock"),
            ("loader's lock", libc::SIGSEGV, "victim::loader_lock"),
            ("stdio's lock", libc::SIGSEGV, "victim::stdio_lock"),
            ("no file can be written", libc::SIGSEGV, "victim::no_file"),
            ("threads are asked", libc::SIGSEGV, "victim::asks_threads"),
        ]
        .into_iter()
        .map(|(kind, number, function)| {
            Trial::test(format!("recording allocates nothing: {kind}"), move || {
                let death = die(kind);
                assert_eq!(
                    death.status.signal(),
                    Some(number),
                    "{:?} {}",
                    death.status,
                    death.errors
                );
                assert!(death.problems.is_empty(), "{:?}", death.problems);
                let names = death.crashed();
                assert!(
                    names.iter().any(|name| name.ends_with(function)),
                    "{names:#?}"
                );
                let signal = death.dump.signal.as_ref().unwrap();
                assert_eq!(
                    (signal.thread.stack.end, death.dump.threads.len()),
                    (StackEnd::Outermost, 3)
                );
                Ok::<(), Failed>(())
            })
        })
        .collect();
        all.push(Trial::test("an allocation would have been noticed", || {
            assert_eq!(die("nothing, but allocates").status.code(), Some(ALLOCATED));
            Ok(())
        }));
        all
    }
}
