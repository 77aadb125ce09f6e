//! Killing a program (SIGKILL) just before its n-th system call of a kind, by way of strace.

use crate::canaries::files;
use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// The system calls by which anything changes on the disk or leaves the device. Being killed before one is being killed after the
/// one before it.
pub const STEPS: [&str; 9] = [
    "rename",
    "fdatasync",
    "fsync",
    "unlink",
    "unlinkat",
    "rmdir",
    "connect",
    "sendto",
    "write",
];

/// Whether programs can be killed like this. Where that is required, it must be so.
pub fn can_kill() -> bool {
    let there = Command::new("strace").arg("-V").output().is_ok();
    let required = std::env::var("CANDOR_REQUIRE")
        .is_ok_and(|required| required.split(',').any(|word| word == "strace"));
    assert!(
        there || !required,
        "strace is required here and could not be started"
    );
    if !there {
        println!("SKIPPED: strace is not installed; `apt-get install strace` enables this test");
    }
    there
}

/// Runs a program that is killed before one of its threads makes the system call `call` for the `when`-th time. Whether it was; a
/// program that does not come that far has to end well.
pub fn is_killed(call: &str, when: u32, program: &Path, args: &[&str]) -> bool {
    let inject = format!("inject={call}:signal=KILL:when={when}");
    let mut strace = Command::new("strace");
    strace
        .args(["-f", "-qq", "-o", "/dev/null", "-e"])
        .arg(format!("trace={call}"))
        .args(["-e", &inject])
        .arg(program)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let status = strace.status().expect("strace runs");
    let killed = status.signal() == Some(9);
    assert!(killed || status.success(), "{call} {when}: {status}");
    killed
}

/// The files below a directory, by their names in it.
pub fn names(dir: &Path) -> BTreeSet<String> {
    let below = |path: &Path| {
        let path = path.strip_prefix(dir).expect("below it");
        path.display().to_string()
    };
    files(dir).iter().map(|(path, _)| below(path)).collect()
}
