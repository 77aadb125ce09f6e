//! When something is missing that a recorder would like to have: room on the disk, descriptors, memory, `/proc`, permission.

use crate::harness::{Death, NOT_ALLOWED, die, die_unarmed, skip, start};
use crate::sandbox::{REFUSED, UNKNOWN, forbid};
use crate::stories::{Expected, check, expect, standing_in, story};
use crate::victims::{abort, company, null};
use candor_crash::{ArmError, Config};
use candor_dump::{FaultClass, Reached, StackEnd};
use libtest_mimic::Trial;
use std::ffi::CString;
use std::hint::black_box;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is done before the agent starts.
pub(crate) fn before(kind: &str) {
    if kind == "on_a_full_disk" {
        enter_small_disk();
    }
}

pub(crate) fn deadly(kind: &str) -> Option<fn()> {
    Some(match kind {
        "on_a_full_disk" => on_a_full_disk,
        "without_proc" => without_proc,
        "out_of_memory" => out_of_memory,
        "tracing_refused" => tracing_refused,
        "tracing_unknown" => tracing_unknown,
        "tracing_deadly" => tracing_deadly,
        "helper_refused" => helper_refused,
        "helper_deadly" => helper_deadly,
        "sending_refused" => sending_refused,
        "sent_while_sending_is_refused" => sent_while_sending_is_refused,
        _ => return None,
    })
}

pub(crate) fn stories() -> Vec<Trial> {
    let mut all: Vec<Trial> = ["disk", "descriptors", "file size", "memory", "directory"]
        .into_iter()
        .map(|shortage| {
            let name = format!("without {shortage} the agent is refused, and the host lives on");
            Trial::test(name, move || {
                let victim = start(&format!("refused {shortage}"), true).end();
                if !could_not_be(&victim) {
                    assert_eq!(victim.status.code(), Some(0), "{}", victim.errors);
                    assert!(victim.bytes.is_empty(), "a file was left behind");
                }
                Ok(())
            })
        })
        .collect();
    let alone = |name, kind: &'static str| {
        story(name, move || {
            let death = die(kind);
            if !could_not_be(&death) {
                assert_eq!(death.status, die_unarmed(kind).status);
                whole(&death, &format!("shortage::{kind}"));
            }
        })
    };
    let in_company = |name, kind: &'static str, reached| {
        story(name, move || {
            let death = die(kind);
            assert_eq!(death.status, die_unarmed(kind).status);
            whole(&death, &format!("shortage::{kind}"));
            let with = |reached| {
                let threads = death.dump.threads.iter();
                threads.filter(|thread| thread.reached == reached).count()
            };
            // Asking has a limit of time, which a busy machine reaches; one thread answers no signal.
            assert!(with(reached) >= 1, "{:?}", death.dump.threads);
            assert_eq!(with(reached) + with(Reached::Lost), COMPANY);
            assert_eq!(standing_in(&death, "unblockable"), 0);
        })
    };
    all.extend([
        alone(
            "on a disk that has become full there is still everything",
            "on_a_full_disk",
        ),
        alone(
            "without /proc the thread that crashed is recorded whole",
            "without_proc",
        ),
        alone(
            "without memory to be had there is still everything",
            "out_of_memory",
        ),
        in_company(
            "where a sandbox refuses tracing, threads are asked",
            "tracing_refused",
            Reached::Signalled,
        ),
        in_company(
            "where a sandbox knows no tracing, threads are asked",
            "tracing_unknown",
            Reached::Signalled,
        ),
        in_company(
            "where a sandbox punishes tracing, threads are asked",
            "tracing_deadly",
            Reached::Signalled,
        ),
        in_company(
            "where a sandbox refuses a helper, threads are asked",
            "helper_refused",
            Reached::Signalled,
        ),
        story(
            "where a sandbox punishes the attempt to make a helper, the crash itself is recorded",
            || {
                let death = die("helper_deadly");
                assert_eq!(death.status, die_unarmed("helper_deadly").status);
                let signal = death.dump.signal.as_ref().unwrap();
                assert_eq!((signal.number, signal.nested), (libc::SIGSEGV as u32, 1));
                assert_eq!(signal.thread.stack.end, StackEnd::Outermost);
                let names = death.crashed();
                assert!(
                    names
                        .iter()
                        .any(|name| name.ends_with("shortage::helper_deadly")),
                    "{names:#?}"
                );
            },
        ),
        story(
            "where a sandbox lets no signal be sent with its story, it is sent without",
            || {
                let death = die("sending_refused");
                check(
                    &death,
                    &Expected::abort(&["victims::abort", "shortage::sending_refused"]),
                );
                assert_eq!(death.status.signal(), Some(libc::SIGABRT));
                let mut victim = start("sent_while_sending_is_refused", true);
                victim.wait_until_ready();
                assert_eq!(unsafe { libc::kill(victim.pid(), libc::SIGSEGV) }, 0);
                let death = victim.end();
                assert_eq!(
                    death.status.signal(),
                    Some(libc::SIGSEGV),
                    "{}",
                    death.errors
                );
                assert!(death.dump.signal.unwrap().complete);
            },
        ),
    ]);
    all
}

/// Says aloud that this machine does not let a victim do what it is for.
pub(crate) fn could_not_be(death: &Death) -> bool {
    let not_allowed = death.status.code() == Some(NOT_ALLOWED);
    if not_allowed {
        skip(
            "namespaces",
            "run as root, or where users may make namespaces of their own",
        );
    }
    not_allowed
}

fn whole(death: &Death, function: &str) {
    check(
        death,
        &expect(
            libc::SIGSEGV,
            1,
            FaultClass::NullLike,
            &["victims::null", function],
        ),
    );
    let stack = &death.dump.signal.as_ref().unwrap().thread.stack;
    assert_eq!(stack.end, StackEnd::Outermost, "{:?}", death.crashed());
}

/// Arms where that cannot work: it must say why, leave nothing, and do no harm.
pub(crate) fn refused(shortage: &str, path: &Path) {
    let mut path = path.to_owned();
    match shortage {
        "disk" => {
            let disk = path.with_file_name("disk");
            std::fs::create_dir(&disk).unwrap();
            own_mounts();
            mount(&disk, "size=16k");
            path = disk.join("dump");
        }
        "descriptors" => limit(libc::RLIMIT_NOFILE, 0),
        "file size" => limit(libc::RLIMIT_FSIZE, 4096),
        "memory" => exhaust_memory(),
        "directory" => path = path.join("below/nothing"),
        other => panic!("what is a shortage of {other}?"),
    }
    let config = Config {
        path: &path,
        run: [1; 16],
        started_unix: 1,
        clean_module_name: str::to_owned,
        thread_names: &[],
    };
    let error = candor_crash::arm(&config).map(drop).unwrap_err();
    let fits = match shortage {
        "memory" => matches!(error, ArmError::Memory(_) | ArmError::File { .. }),
        _ => matches!(error, ArmError::File { .. }),
    };
    limit(libc::RLIMIT_AS, libc::RLIM_INFINITY);
    assert!(fits, "{error}");
    assert!(!path.exists(), "a file was left behind");
    // Nothing is armed: what comes later can be.
    let action = unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        libc::sigaction(libc::SIGABRT, std::ptr::null(), &raw mut action);
        action.sa_sigaction
    };
    assert_eq!(action, libc::SIG_DFL);
}

/// Has mounts that nobody else sees. Exits quietly where that is not allowed.
fn own_mounts() {
    let (user, group) = unsafe { (libc::getuid(), libc::getgid()) };
    let world = if user == 0 { 0 } else { libc::CLONE_NEWUSER };
    if unsafe { libc::unshare(libc::CLONE_NEWNS | world) } != 0 {
        std::process::exit(NOT_ALLOWED);
    }
    if world != 0 {
        // The same user as before, or no file could be made.
        for (file, text) in [
            ("setgroups", "deny".to_owned()),
            ("uid_map", format!("{user} {user} 1")),
            ("gid_map", format!("{group} {group} 1")),
        ] {
            std::fs::write(format!("/proc/self/{file}"), text).unwrap();
        }
    }
    let (nothing, private) = (std::ptr::null(), libc::MS_REC | libc::MS_PRIVATE);
    if unsafe { libc::mount(nothing, c"/".as_ptr(), nothing, private, nothing.cast()) } != 0 {
        std::process::exit(NOT_ALLOWED);
    }
}

fn mount(at: &Path, options: &str) {
    let (at, options) = (
        CString::new(at.as_os_str().as_bytes()).unwrap(),
        CString::new(options).unwrap(),
    );
    let kind = c"tmpfs".as_ptr();
    if unsafe { libc::mount(kind, at.as_ptr(), kind, 0, options.as_ptr().cast()) } != 0 {
        std::process::exit(NOT_ALLOWED);
    }
}

/// The working directory is a small disk from here on. A parent stays where it was and takes the dump there.
fn enter_small_disk() {
    own_mounts();
    let directory = std::env::current_dir().unwrap();
    mount(&directory, "size=256k");
    let child = unsafe { libc::fork() };
    if child == 0 {
        std::env::set_current_dir(&directory).unwrap();
        return;
    }
    let mut status = 0;
    unsafe { libc::waitpid(child, &raw mut status, 0) };
    if let Ok(dump) = std::fs::read(directory.join("dump")) {
        std::fs::write("dump", dump).unwrap();
    }
    // As a shell tells it.
    std::process::exit(128 + libc::WTERMSIG(status));
}

#[inline(never)]
fn on_a_full_disk() {
    let filler = std::fs::File::create("filler").unwrap();
    let mut written = 0;
    while std::os::unix::fs::FileExt::write_at(&filler, &[1; 512], written).is_ok_and(|len| len > 0)
    {
        written += 512;
    }
    assert!(written > 0 && std::fs::write("another", [1; 4096]).is_err());
    null();
    black_box(1);
}

#[inline(never)]
fn without_proc() {
    own_mounts();
    mount(Path::new("/proc"), "size=16k");
    assert!(!Path::new("/proc/self").exists());
    company(3);
    null();
    black_box(2);
}

/// Sets a limit of this process, below which it may be raised again.
fn limit(what: libc::__rlimit_resource_t, most: libc::rlim_t) {
    unsafe {
        let mut limit = std::mem::zeroed();
        assert_eq!(libc::getrlimit(what, &raw mut limit), 0);
        limit.rlim_cur = most;
        assert_eq!(libc::setrlimit(what, &raw const limit), 0);
    }
}

/// No more memory can be mapped.
fn exhaust_memory() {
    limit(libc::RLIMIT_AS, 0);
    unsafe {
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        let more = libc::mmap(std::ptr::null_mut(), 4096, libc::PROT_READ, flags, -1, 0);
        assert_eq!(more, libc::MAP_FAILED);
    }
}

#[inline(never)]
fn out_of_memory() {
    company(3);
    exhaust_memory();
    null();
    black_box(3);
}

const COMPANY: usize = 4;

#[inline(never)]
fn tracing_refused() {
    company(COMPANY);
    forbid(&[libc::SYS_ptrace], REFUSED);
    null();
    black_box(4);
}

#[inline(never)]
fn tracing_unknown() {
    company(COMPANY);
    forbid(&[libc::SYS_ptrace], UNKNOWN);
    null();
    black_box(5);
}

#[inline(never)]
fn tracing_deadly() {
    company(COMPANY);
    forbid(&[libc::SYS_ptrace], libc::SECCOMP_RET_TRAP);
    null();
    black_box(6);
}

#[inline(never)]
fn helper_refused() {
    company(COMPANY);
    forbid(&[libc::SYS_clone, libc::SYS_clone3], REFUSED);
    null();
    black_box(7);
}

#[inline(never)]
fn helper_deadly() {
    company(COMPANY);
    forbid(&[libc::SYS_clone, libc::SYS_clone3], libc::SECCOMP_RET_TRAP);
    null();
    black_box(8);
}

#[inline(never)]
fn sending_refused() {
    forbid(&[libc::SYS_rt_tgsigqueueinfo], REFUSED);
    abort();
    black_box(9);
}

/// Waits to be killed from outside.
#[inline(never)]
fn sent_while_sending_is_refused() {
    use std::io::Write;
    static TURNS: AtomicUsize = AtomicUsize::new(0);
    forbid(&[libc::SYS_rt_tgsigqueueinfo], REFUSED);
    print!("{}", crate::harness::READY);
    std::io::stdout().flush().unwrap();
    loop {
        unsafe { libc::pause() };
        TURNS.fetch_add(1, Ordering::Relaxed);
    }
}
