//! Ends that are not Rust's own: faults, kills from outside, lack of memory, another start of the machine, damage.

use crate::harness::{self, Death, Home, Host, die, names, skip};
use candor_agent::local::Device;
use candor_dump::layout::{self, life};
use candor_protocol::report::{Cause, Exit, Fault, FreezeEnd, SignalName, What};
use libtest_mimic::{Failed, Trial};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Numbers of Linux's signals.
const SIGABRT: i32 = 6;
const SIGKILL: i32 = 9;
const SIGSEGV: i32 = 11;
const SIGTERM: i32 = 15;

pub(crate) fn stories() -> Vec<Trial> {
    let all: Vec<(&str, fn())> = vec![
        ("a fault is the end of the run, with its function", || {
            crashed(&die("null"), SIGSEGV, Fault::NullLike, "victim::null");
        }),
        (
            "a full stack is the end of the run, told from both ends",
            || {
                let death = die("overflow");
                // Rust's own handler, which comes after ours, aborts.
                crashed(
                    &death,
                    SIGABRT,
                    Fault::StackGuard,
                    "victim::overflows::recurse",
                );
                let stack = &death.crashes()[0].thread.stack;
                assert!(stack.left_out > 1000 && stack.outermost > 3, "{stack:?}");
            },
        ),
        (
            "a crash while the process exits is the end of the run",
            || {
                crashed(
                    &die("crash_in_an_exit_handler"),
                    SIGSEGV,
                    Fault::NullLike,
                    "victim::null",
                );
            },
        ),
        (
            "what happens after the host has ended the run is none of the agent's business",
            || {
                let death = die("crash_after_shutdown");
                assert_eq!(
                    (death.status.signal(), death.exit()),
                    (Some(SIGSEGV), Exit::Clean)
                );
                assert!(death.crashes().is_empty());
            },
        ),
        (
            "a host that leaves has left, with an agent or without a word to it",
            || {
                for (kind, code) in [("leaves", 0), ("exits", 3)] {
                    let death = die(kind);
                    assert_eq!(
                        (death.status.code(), death.exit()),
                        (Some(code), Exit::Clean),
                        "{kind}"
                    );
                    assert!(death.crashes().is_empty());
                }
            },
        ),
        ("a kill from outside is told as one, polite or not", || {
            for (signal, number) in [("TERM", SIGTERM), ("KILL", SIGKILL)] {
                let death = killed("waits", signal);
                assert_eq!(
                    (death.status.signal(), death.exit()),
                    (Some(number), Exit::Killed)
                );
                assert!(death.crashes().is_empty());
            }
        }),
        (
            "a fatal signal from outside is told as a crash that somebody else has sent",
            || {
                let death = killed("waits", "SEGV");
                assert_eq!(
                    (death.status.signal(), death.exit()),
                    (Some(SIGSEGV), Exit::Crash)
                );
                let cause = &death.crashes()[0].cause;
                let from_user = "Signal { signal: Segv, origin: User, fault: None, code: Some(0) }";
                assert_eq!(format!("{cause:?}"), from_user);
            },
        ),
        (
            "a kill while a turn does not end is told as one of a freeze",
            frozen,
        ),
        (
            "a run that the machine did not outlive is told as such",
            rebooted,
        ),
        (
            "a run of an earlier version that was replaced is told as such",
            updated,
        ),
        (
            "of a dump whose beginning is damaged the end is not known",
            damaged,
        ),
        (
            "a file in the place of a dump that is none is told to whoever looks, and harms nobody",
            foreign,
        ),
        (
            "a process that has more than its group may have is told as out of memory",
            out_of_memory,
        ),
        (
            "no thread of the agent takes a signal that is meant for the host",
            apart,
        ),
    ];
    all.into_iter()
        .map(|(name, story)| {
            Trial::test(name, move || {
                story();
                Ok::<(), Failed>(())
            })
        })
        .collect()
}

/// Exactly one crash, of this kind and in this function of the host.
fn crashed(death: &Death, number: i32, expected: Fault, function: &str) {
    assert_eq!(death.status.signal(), Some(number), "{}", death.errors);
    assert_eq!(death.exit(), Exit::Crash);
    let crashes = death.crashes();
    let [crash] = crashes[..] else {
        panic!("{crashes:#?}")
    };
    let Cause::Signal { signal, fault, .. } = &crash.cause else {
        panic!("{:?}", crash.cause)
    };
    assert_eq!(
        (*signal, *fault, crash.fatal),
        (SignalName::Segv, expected, true)
    );
    assert_eq!(
        (crash.notes.as_slice(), crash.thread.stack.end),
        (&[][..], None)
    );
    let names = names(crash, &crash.thread.stack, &harness::program());
    let innermost = names
        .iter()
        .find(|name| name.starts_with("deaths::"))
        .unwrap();
    assert!(innermost.ends_with(function), "{names:#?}");
    assert!(
        names.iter().any(|name| name == "deaths::main"),
        "{names:#?}"
    );
}

fn killed(kind: &str, signal: &str) -> Death {
    let home = Home::new();
    let mut host = home.start(kind);
    host.wait_until_ready();
    let ended = host.kill(signal);
    home.told(ended)
}

fn frozen() {
    let home = Home::new();
    let mut host = home.start("waits_in_a_turn");
    host.wait_until_ready();
    // Until the agent has seen it.
    let runs = home.apm().join("runs");
    let is_noted = || {
        let mut files = std::fs::read_dir(&runs).unwrap();
        files.any(|file| file.unwrap().path().to_string_lossy().contains(".freeze"))
    };
    while !is_noted() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let ended = host.kill("KILL");
    let death = home.told(ended);
    assert_eq!(
        (death.status.signal(), death.exit()),
        (Some(SIGKILL), Exit::FreezeKill)
    );
    let freezes: Vec<_> = death
        .reports
        .iter()
        .filter_map(|report| match &report.what {
            What::Freeze(freeze) => Some(freeze),
            _ => None,
        })
        .collect();
    assert_eq!(freezes.len(), 1);
    assert_eq!((freezes[0].end, freezes[0].main), (FreezeEnd::Killed, true));
    assert_eq!(freezes[0].watch.as_str(), "main_loop");
}

/// Changes what a dead run has left.
fn change(home: &Home, at: usize, bytes: &[u8]) {
    let path = home.dump();
    let mut dump = std::fs::read(&path).unwrap();
    dump[at..at + bytes.len()].copy_from_slice(bytes);
    std::fs::write(&path, dump).unwrap();
}

fn rebooted() {
    let home = Home::new();
    let mut host = home.start("waits");
    host.wait_until_ready();
    let ended = host.kill("KILL");
    // As if the machine had been another one since.
    change(&home, life::BOOT, &0x1234_5678u64.to_le_bytes());
    assert_eq!(home.told(ended).exit(), Exit::Reboot);
}

fn updated() {
    let home = Home::new();
    let mut host = home.start("waits");
    host.wait_until_ready();
    let ended = host.kill("KILL");
    let death = home.told_by(ended, "1.5.0");
    assert_eq!(death.exit(), Exit::Updated);
    let releases = death
        .reports
        .iter()
        .filter_map(|report| match &report.what {
            What::Run(run) => Some((run.exit, report.release.to_string())),
            _ => None,
        });
    let ended = releases
        .into_iter()
        .find(|(exit, _)| *exit == Some(Exit::Updated))
        .unwrap();
    assert_eq!(
        ended.1, "1.4.0",
        "the release that ended, not the one that tells of it"
    );
}

fn damaged() {
    let home = Home::new();
    let mut host = home.start("waits");
    host.wait_until_ready();
    let ended = host.kill("KILL");
    // A year that is over: a dump that seems newer than its reader is left to a later one.
    change(&home, layout::header::STARTED_UNIX + 3, &[0x5a]);
    let unread = Device::open(home.apm()).unread().unwrap();
    assert_eq!(unread.len(), 1, "{unread:?}");
    assert_eq!(home.told(ended).exit(), Exit::Unknown);
}

fn foreign() {
    let home = Home::new();
    home.start("null").end();
    let runs = home.apm().join("runs");
    let name = |digit: &str| runs.join(format!("{}.dump", digit.repeat(32)));
    let mut later = std::fs::read(home.dump()).unwrap();
    std::fs::write(name("1"), b"MDMP\x93\xa7").unwrap();
    std::fs::write(name("2"), vec![0; layout::FILE_SIZE]).unwrap();
    later[layout::header::VERSION] = 99;
    std::fs::write(name("3"), later).unwrap();
    std::fs::write(runs.join("notes.txt"), b"not a dump").unwrap();
    let unread = Device::open(home.apm()).unread().unwrap();
    assert_eq!(unread.len(), 3, "{unread:?}");
    let next = home.start("next_start").end();
    assert!(next.status.success(), "{}", next.errors);
    let stored = Device::open(home.apm()).reports().unwrap();
    let crashes = stored
        .iter()
        .filter(|stored| matches!(stored.report.what, What::Crash(_)));
    assert_eq!(crashes.count(), 1, "the one that is a dump");
}

/// A control group for memory that is taken away when this is dropped.
struct Group(PathBuf);

impl Group {
    /// With so many bytes; `None` where no group can be made.
    fn new(bytes: u64) -> Option<Self> {
        let limit = |root: &str, file: &str| {
            let path = Path::new(root).join(format!("candor-test-{}", std::process::id()));
            std::fs::create_dir(&path).ok()?;
            let group = Self(path);
            std::fs::write(group.0.join(file), bytes.to_string()).ok()?;
            // Where there is a limit of its own for what is moved to a disk.
            let _ = std::fs::write(group.0.join("memory.swap.max"), "0");
            Some(group)
        };
        limit("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            .or_else(|| limit("/sys/fs/cgroup", "memory.max"))
    }

    fn add(&self, pid: u32) {
        std::fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

fn out_of_memory() {
    let Some(group) = Group::new(96 << 20) else {
        return skip("cgroups", "run as root, where control groups may be made");
    };
    let home = Home::new();
    // It must be in its group before the agent counts who was killed there.
    let program = harness::program();
    let victim = home.command(&program, "eats", crate::harness::RELEASE);
    let mut shell = Command::new("sh");
    shell
        .args(["-c", "read go && exec \"$0\" \"$@\""])
        .arg(&program)
        .args(victim.get_args());
    let mut host = Host::start(shell);
    group.add(host.pid());
    host.say("go");
    host.wait_until_ready();
    let ended = host.end();
    assert_eq!(ended.status.signal(), Some(SIGKILL), "{}", ended.errors);
    // The next start is in the same group, as on a real machine.
    let mut shell = Command::new("sh");
    let next = home.command(&program, "next_start", crate::harness::RELEASE);
    shell
        .args(["-c", "read go && exec \"$0\" \"$@\""])
        .arg(&program)
        .args(next.get_args());
    let mut host = Host::start(shell);
    group.add(host.pid());
    host.say("go");
    let next = host.end();
    assert!(next.status.success(), "{}", next.errors);
    let death = home.look(ended);
    assert_eq!(death.exit(), Exit::OutOfMemory);
    assert!(death.crashes().is_empty());
}

fn apart() {
    let home = Home::new();
    let mut host = home.start("waits");
    host.wait_until_ready();
    let tasks = std::fs::read_dir(format!("/proc/{}/task", host.pid())).unwrap();
    let mut ours = 0;
    for task in tasks {
        let task = task.unwrap().path();
        let status = std::fs::read_to_string(task.join("status")).unwrap();
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.unwrap().trim().to_owned()
        };
        let blocked = u64::from_str_radix(&field("SigBlk:"), 16).unwrap();
        if field("Name:").starts_with("candor-") {
            ours += 1;
            let taken: Vec<u32> = (1..=64)
                .filter(|number| blocked >> (number - 1) & 1 == 0)
                .collect();
            // ILL, TRAP, ABRT, BUS, FPE, SEGV, SYS: the faults. KILL, STOP, and two of the C library's own: what nobody can block.
            assert_eq!(
                taken,
                [4, 5, 6, 7, 8, 9, 11, 19, 31, 32, 33],
                "{}",
                field("Name:")
            );
        } else {
            assert_eq!(blocked, 0, "{}", field("Name:"));
        }
    }
    assert!(ours >= 1);
    host.kill("KILL");
}
