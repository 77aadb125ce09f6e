//! How much of what is limited is in use, read on the agent's own thread now and then: memory, open files, and how many
//! processes were killed for lack of memory. Of the own process, its control group and the machine; of nobody else.

use candor_dump::{Level, Usage};
use std::fs;
use std::path::{Path, PathBuf};

/// Where the system tells it.
#[derive(Debug)]
pub(crate) struct Source {
    proc: PathBuf,
    cgroup: PathBuf,
}

impl Default for Source {
    fn default() -> Self {
        Self {
            proc: "/proc".into(),
            cgroup: "/sys/fs/cgroup".into(),
        }
    }
}

impl Source {
    /// What is in use now. What the system does not tell is not known.
    pub(crate) fn read(&self) -> Usage {
        let group = self.group();
        let (kills_in_group, kills_on_machine) = self.kills(&group);
        Usage {
            memory: [self.memory_of_machine(), group.memory()]
                .into_iter()
                .flatten()
                .max(),
            open_files: self.open_files(),
            resident_mib: self.resident_mib(),
            kills_in_group,
            kills_on_machine,
        }
    }

    /// How many processes were killed for lack of memory so far: in the own control group, and on the machine.
    pub(crate) fn killed(&self) -> (Option<u64>, Option<u64>) {
        self.kills(&self.group())
    }

    fn kills(&self, group: &Group) -> (Option<u64>, Option<u64>) {
        let machine = text(&self.proc.join("vmstat"));
        (
            group.kills(),
            machine.and_then(|text| field(&text, "oom_kill")),
        )
    }

    fn memory_of_machine(&self) -> Option<Level> {
        let text = text(&self.proc.join("meminfo"))?;
        let (total, available) = (field(&text, "MemTotal:")?, field(&text, "MemAvailable:")?);
        level(total.saturating_sub(available), total)
    }

    fn resident_mib(&self) -> Option<u32> {
        let text = text(&self.proc.join("self/status"))?;
        let mib = field(&text, "VmRSS:")? / 1024;
        u32::try_from(1_u64 << mib.checked_ilog2()?).ok()
    }

    fn open_files(&self) -> Option<Level> {
        let limits = text(&self.proc.join("self/limits"))?;
        let soft = limits
            .lines()
            .find_map(|line| line.strip_prefix("Max open files"))?;
        let soft: u64 = soft.split_whitespace().next()?.parse().ok()?;
        let open = fs::read_dir(self.proc.join("self/fd")).ok()?.count() as u64;
        level(open, soft)
    }

    /// The control group that accounts for this process's memory.
    fn group(&self) -> Group {
        let text = text(&self.proc.join("self/cgroup")).unwrap_or_default();
        let of = |controller: &str| {
            text.lines().find_map(|line| {
                let (_, rest) = line.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                let same = controllers.split(',').any(|one| one == controller);
                same.then(|| path.trim_start_matches('/').to_owned())
            })
        };
        // A container may see its own group as the root of the tree, while the path is that of the host.
        let first_there = |root: &Path, path: &str, file: &str| {
            [root.join(path), root.to_owned()]
                .into_iter()
                .find(|group| group.join(file).exists())
        };
        if let Some(path) = of("memory") {
            let root = self.cgroup.join("memory");
            return match first_there(&root, &path, "memory.oom_control") {
                Some(group) => Group::Old(group),
                None => Group::None,
            };
        }
        let path = of("").unwrap_or_default();
        match first_there(&self.cgroup, &path, "memory.events") {
            Some(group) => Group::Unified(group),
            None => Group::None,
        }
    }
}

/// A control group, by the version of the interface.
#[derive(Debug)]
enum Group {
    None,
    Old(PathBuf),
    Unified(PathBuf),
}

impl Group {
    fn memory(&self) -> Option<Level> {
        /// The older interface says so large a number where there is no limit.
        const UNLIMITED: u64 = 1 << 60;
        let number = |path: PathBuf| text(&path)?.trim().parse::<u64>().ok();
        let (group, [used, limit], cache) = match self {
            Self::None => return None,
            Self::Old(group) => {
                let files = ["memory.usage_in_bytes", "memory.limit_in_bytes"];
                (group, files, "total_inactive_file")
            }
            Self::Unified(group) => (group, ["memory.current", "memory.max"], "inactive_file"),
        };
        let (used, limit) = (number(group.join(used))?, number(group.join(limit))?);
        // Files that were read count as used, and give way when memory is needed.
        let cache = text(&group.join("memory.stat")).and_then(|text| field(&text, cache));
        let used = used.saturating_sub(cache.unwrap_or(0));
        (limit < UNLIMITED).then(|| level(used, limit)).flatten()
    }

    fn kills(&self) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Old(group) => field(&text(&group.join("memory.oom_control"))?, "oom_kill"),
            Self::Unified(group) => field(&text(&group.join("memory.events"))?, "oom_kill"),
        }
    }
}

/// The class of `used` of `limit`. The classes are those of a report.
fn level(used: u64, limit: u64) -> Option<Level> {
    use candor_protocol::report::Pressure;
    Pressure::of(used, limit).map(|pressure| match pressure {
        Pressure::Low => Level::Low,
        Pressure::Medium => Level::Medium,
        Pressure::High => Level::High,
        Pressure::Critical => Level::Critical,
    })
}

fn text(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The number behind a word at the beginning of a line.
fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some(name))
            .then(|| words.next()?.parse().ok())
            .flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine that is told in files.
    fn machine(files: &[(&str, &str)]) -> (tempfile::TempDir, Source) {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let source = Source {
            proc: dir.path().join("proc"),
            cgroup: dir.path().join("cgroup"),
        };
        (dir, source)
    }

    const PROC: [(&str, &str); 5] = [
        ("proc/meminfo", "MemTotal: 1000 kB\nMemAvailable: 400 kB\n"),
        ("proc/self/status", "Name: x\nVmRSS: 307200 kB\n"),
        (
            "proc/self/limits",
            "Limit Soft Hard Units\nMax open files 4 4096 files\n",
        ),
        ("proc/self/fd/0", ""),
        ("proc/vmstat", "pgfault 9\noom_kill 3\n"),
    ];

    #[test]
    fn what_is_used_is_told_in_classes() {
        let (_dir, source) = machine(&PROC);
        let usage = source.read();
        assert_eq!(
            (usage.memory, usage.open_files, usage.resident_mib),
            (Some(Level::Medium), Some(Level::Low), Some(256))
        );
        assert_eq!(
            (usage.kills_in_group, usage.kills_on_machine),
            (None, Some(3))
        );
    }

    #[test]
    fn a_control_group_that_is_nearly_full_outweighs_the_machine() {
        for (version, files) in [
            (
                "2",
                [
                    ("proc/self/cgroup", "0::/app.slice/im\n"),
                    ("cgroup/app.slice/im/memory.current", "990\n"),
                    (
                        "cgroup/app.slice/im/memory.stat",
                        "anon 900\ninactive_file 20\n",
                    ),
                    ("cgroup/app.slice/im/memory.max", "1000\n"),
                    (
                        "cgroup/app.slice/im/memory.events",
                        "low 0\noom 2\noom_kill 1\n",
                    ),
                ],
            ),
            (
                "1, seen from inside a container",
                [
                    ("proc/self/cgroup", "4:memory:/on/the/host\n1:cpu:/\n0::/\n"),
                    ("cgroup/memory/memory.usage_in_bytes", "970\n"),
                    (
                        "cgroup/memory/memory.stat",
                        "inactive_file 500\ntotal_inactive_file 5\n",
                    ),
                    ("cgroup/memory/memory.limit_in_bytes", "1000\n"),
                    (
                        "cgroup/memory/memory.oom_control",
                        "under_oom 0\noom_kill 1\n",
                    ),
                ],
            ),
        ] {
            let (_dir, source) = machine(&[&PROC[..], &files].concat());
            let usage = source.read();
            assert_eq!(usage.memory, Some(Level::Critical), "version {version}");
            assert_eq!(source.killed(), (Some(1), Some(3)), "version {version}");
        }
    }

    #[test]
    fn what_the_system_does_not_tell_is_not_known() {
        let (_dir, source) = machine(&[]);
        assert_eq!(source.read(), Usage::default());
        let unlimited = [
            ("proc/self/cgroup", "0::/\n"),
            ("cgroup/memory.events", "oom_kill 0\n"),
            ("cgroup/memory.current", "5\n"),
            ("cgroup/memory.max", "max\n"),
        ];
        let (_dir, source) = machine(&unlimited);
        let usage = source.read();
        assert_eq!((usage.memory, usage.kills_in_group), (None, Some(0)));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_tells_something() {
        let usage = Source::default().read();
        assert!(usage.memory.is_some() && usage.open_files.is_some());
        assert!(usage.resident_mib.is_some_and(u32::is_power_of_two));
    }
}
