//! What recording costs: arming, a crash with few and many threads, a full stack, a sample. Each figure is the median of
//! processes of their own. `cargo run --release -p candor-crash --example measure`
#![allow(unsafe_code)]
// Most of it is unsound, and meant to be.
#![allow(clippy::undocumented_unsafe_blocks)]
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn main() {
    linux::main();
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn main() {}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod linux {
    use candor_crash::{Armed, Config};
    use std::hint::black_box;
    use std::path::Path;
    use std::process::{Command, Stdio};
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicI32, AtomicU64, AtomicUsize, Ordering};

    const RUNS: usize = 21;

    static ARMED: OnceLock<Armed> = OnceLock::new();
    static FAULT_AT: AtomicU64 = AtomicU64::new(0);

    pub(crate) fn main() {
        let arguments: Vec<String> = std::env::args().collect();
        if let [_, what, path] = &arguments[..] {
            victim(what, Path::new(path));
            return;
        }
        println!(
            "{:32} {:>10} {:>10} {:>10} {:>10}",
            "", "best", "median", "worst", "bytes"
        );
        for (what, title) in [
            ("arm", "arming, us"),
            ("rss", "arming, resident kB more"),
            ("0", "crash, 1 thread, us"),
            ("0 cpu", "the same, processor time, us"),
            ("10", "crash, 11 threads, us"),
            ("50", "crash, 51 threads, us"),
            ("200", "crash, 201 threads, us"),
            ("overflow", "full stack of 8 MiB, us"),
            ("overflow cpu", "the same, processor time, us"),
            ("crumb", "a breadcrumb, ns"),
            ("panic", "a panic written, 32 frames, ns"),
            ("sample", "sample of a busy thread, us"),
            ("sample-sleep", "sample of a sleeping thread, us"),
        ] {
            let mut figures = Vec::new();
            let mut bytes = 0;
            for _ in 0..RUNS {
                let directory = tempfile::tempdir().unwrap();
                let path = directory.path().join("dump");
                let mut command = Command::new(&arguments[0]);
                let out = command
                    .arg(what)
                    .arg(&path)
                    .stderr(Stdio::null())
                    .output()
                    .unwrap();
                figures.push(
                    String::from_utf8(out.stdout)
                        .unwrap()
                        .trim()
                        .parse::<u64>()
                        .unwrap_or(u64::MAX),
                );
                let dump = std::fs::read(&path).unwrap();
                bytes = bytes.max(
                    dump.iter()
                        .rposition(|byte| *byte != 0)
                        .map_or(0, |last| last + 1),
                );
            }
            figures.sort_unstable();
            println!(
                "{title:32} {:>10} {:>10} {bytes:>10}",
                figures[RUNS / 2],
                figures[RUNS - 1]
            );
        }
    }

    /// The clock that is read: wall time, or the thread's time on a processor, which a busy machine does not stretch.
    static CLOCK: AtomicI32 = AtomicI32::new(libc::CLOCK_MONOTONIC);

    fn nanos() -> u64 {
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        unsafe { libc::clock_gettime(CLOCK.load(Ordering::Relaxed), &raw mut time) };
        time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
    }

    fn resident_kb() -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4
    }

    fn victim(what: &str, path: &Path) {
        // Whoever was here before us is called when our handler is done: it stops the clock.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = stop_the_clock as *const () as usize;
            action.sa_flags = libc::SA_ONSTACK;
            libc::sigaction(libc::SIGSEGV, &raw const action, std::ptr::null_mut());
        }
        let config = Config {
            path,
            run: [7; 16],
            started_unix: 0,
            clean_module_name: str::to_owned,
            thread_names: &["worker"],
        };
        let (resident, start) = (resident_kb(), nanos());
        let armed = candor_crash::arm(&config).unwrap();
        let (took, more) = (nanos() - start, resident_kb() - resident);
        ARMED.set(armed).unwrap();
        let what = what.strip_suffix(" cpu").map_or(what, |what| {
            CLOCK.store(libc::CLOCK_THREAD_CPUTIME_ID, Ordering::Relaxed);
            what
        });
        match what {
            "crumb" => crumb(),
            "arm" => println!("{}", took / 1000),
            "rss" => println!("{more}"),
            "panic" => panic(),
            "sample" => sample(|| {
                loop {
                    std::hint::spin_loop();
                }
            }),
            "sample-sleep" => sample(|| std::thread::sleep(std::time::Duration::from_secs(100))),
            "overflow" => {
                FAULT_AT.store(nanos(), Ordering::Relaxed);
                black_box(recurse(1));
            }
            threads => {
                company(threads.parse().unwrap());
                black_box(deep(10));
            }
        }
    }

    #[inline(never)]
    #[allow(unconditional_recursion)] // it ends in a fault
    fn deep(levels: u32) -> u32 {
        if levels == 0 {
            FAULT_AT.store(nanos(), Ordering::Relaxed);
            unsafe { std::arch::asm!("mov eax, [{0:r}]", in(reg) 0usize, out("eax") _) };
        }
        black_box(deep(levels - 1)) + 1
    }

    #[inline(never)]
    #[allow(unconditional_recursion)]
    fn recurse(depth: u64) -> u64 {
        let here = black_box([depth; 16]);
        // The clock starts anew on every level: what is measured begins with the fault, not with the recursion.
        if depth.is_multiple_of(1024) {
            FAULT_AT.store(nanos(), Ordering::Relaxed);
        }
        recurse(black_box(depth + 1)) + here[3]
    }

    extern "C" fn stop_the_clock(_: i32) {
        let took = (nanos() - FAULT_AT.load(Ordering::Relaxed)) / 1000;
        println!("{took}");
        unsafe { libc::_exit(0) };
    }

    fn company(count: usize) {
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        for _ in 0..count {
            std::thread::spawn(|| {
                STARTED.fetch_add(1, Ordering::Relaxed);
                loop {
                    std::thread::park();
                }
            });
        }
        while STARTED.load(Ordering::Relaxed) < count {
            std::thread::yield_now();
        }
        // As the agent's thread does every now and then.
        ARMED.get().unwrap().maintain();
        std::thread::sleep(std::time::Duration::from_millis(20));
    }

    fn crumb() {
        const COUNT: u64 = 1_000_000;
        let start = nanos();
        for number in 0..COUNT {
            candor_crash::crumb(3, [number as i64, 7]);
        }
        println!("{}", (nanos() - start) / COUNT);
    }

    fn panic() {
        let frames: Vec<usize> = (0..32)
            .map(|index| main as *const () as usize + index)
            .collect();
        let note = candor_crash::PanicNote {
            message: "something of usual length went wrong here",
            file: "src/some/file.rs",
            line: 7,
            thread_name: "main",
            main_thread: true,
            frames: &frames,
        };
        let start = nanos();
        ARMED.get().unwrap().record_panic(&note).unwrap();
        println!("{}", nanos() - start);
    }

    fn sample(body: fn()) {
        let (send, receive) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            send.send(candor_crash::current_thread()).unwrap();
            body();
        });
        let tid = receive.recv().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(20));
        let (mut modules, mut stack) = (Vec::new(), candor_dump::Stack::default());
        // The first is cold.
        candor_crash::sample(tid, 64, &mut modules, &mut stack).unwrap();
        let start = nanos();
        for _ in 0..20 {
            candor_crash::sample(tid, 64, &mut modules, &mut stack).unwrap();
        }
        println!("{}", (nanos() - start) / 20_000);
    }
}
