//! What an agent reads of a device, by the kernel's account: nothing that tells machines or people apart, and of processes only its own.

use candor_tests::kill::can_kill;
use candor_tests::programs::{Collector, program};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

/// What would tell a machine, a network, a person or another process. The random number of the boot is read, to know a run that a
/// reboot ended; it is compared on the device, and no field could carry it.
const FORBIDDEN: [&str; 13] = [
    "machine-id",
    "/etc/hostname",
    "/etc/passwd",
    "/sys/class/dmi",
    "/address",
    "/proc/net/arp",
    "/proc/net/wireless",
    "/proc/self/cmdline",
    "/proc/self/environ",
    "/proc/self/fd/",
    "/dev/disk",
    "/sys/block",
    "/.ssh",
];

/// The id of the process, which stands before its first call, and the paths of all calls: what stands in quotation marks.
fn process_and_paths(trace: &Path) -> (String, BTreeSet<String>) {
    let text = std::fs::read_to_string(trace).expect("a trace");
    let process = text.split(' ').next().expect("a process").to_owned();
    let quoted = text.lines().filter_map(|line| line.split('"').nth(1));
    (process, quoted.map(str::to_owned).collect())
}

#[test]
fn an_agent_reads_nothing_that_tells_machines_apart() {
    if !can_kill() {
        return;
    }
    let collector = Collector::start();
    let dir = tempfile::tempdir().unwrap();
    let (trace, apm) = (dir.path().join("trace"), dir.path().join("apm"));
    let status = Command::new("strace")
        .args([
            "-f",
            "-qq",
            "-e",
            "trace=open,openat,readlink,readlinkat,stat,statx,newfstatat",
        ])
        .arg("-o")
        .arg(&trace)
        .arg(program("consent-host"))
        .args(["record", &collector.url(), &collector.key])
        .arg(&apm)
        .stderr(Stdio::null())
        .status()
        .expect("strace runs");
    assert!(status.success());
    assert!(collector.stored("run") > 0, "it did record and send");
    let (own, paths) = process_and_paths(&trace);
    let its_own = apm.to_str().unwrap();
    assert!(paths.iter().any(|path| path.starts_with(its_own)));
    for path in &paths {
        for forbidden in FORBIDDEN {
            assert!(!path.contains(forbidden), "{path}");
        }
        let process = path.strip_prefix("/proc/");
        let process = process.map(|rest| rest.split('/').next().unwrap_or_default());
        let another = process.is_some_and(|id| id != own && id.parse::<u32>().is_ok());
        assert!(!another, "{path} is another process");
    }
}
