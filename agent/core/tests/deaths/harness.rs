//! Runs a host until it is dead, looks at what is on the device, and lets the next start tell of it.

use crate::victim::READY;
use candor_agent::local::{Device, State};
use candor_protocol::report::{Crash, Exit, Found, Kind, Report, Stack, What};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// First argument of a process that is to die.
/// This program under a name that says nothing but what it is: the one that it was built with ends in a hash, and some hashes are
/// telephone numbers, which no report names.
pub(crate) fn program() -> PathBuf {
    static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
        let built = std::env::current_exe().unwrap();
        let named = Path::new(env!("CARGO_TARGET_TMPDIR")).join("deaths-of-hosts");
        let beside = named.with_extension(std::process::id().to_string());
        std::fs::hard_link(&built, &beside)
            .or_else(|_| std::fs::copy(&built, &beside).map(|_| ()))
            .unwrap();
        std::fs::rename(&beside, &named).unwrap();
        // Where both are the same file already, a rename does nothing.
        let _ = std::fs::remove_file(&beside);
        named
    });
    PROGRAM.clone()
}

pub(crate) const VICTIM: &str = "--victim";
/// The version of the app, unless a story is about another one.
pub(crate) const RELEASE: &str = "1.4.0";
/// A victim that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A device with the app on it.
pub(crate) struct Home {
    dir: tempfile::TempDir,
}

/// A host that runs.
pub(crate) struct Host {
    child: Child,
}

/// How a host ended.
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) errors: String,
}

/// A host's end, and what is told of it.
pub(crate) struct Death {
    pub(crate) status: ExitStatus,
    pub(crate) errors: String,
    /// What the next start has told of the run.
    pub(crate) reports: Vec<Report>,
    pub(crate) home: Home,
}

/// Lets a host die and the next start tell of it.
pub(crate) fn die(kind: &str) -> Death {
    let home = Home::new();
    let ended = home.start(kind).end();
    home.told(ended)
}

impl Home {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    /// The agent's directory.
    pub(crate) fn apm(&self) -> PathBuf {
        self.dir.path().join("apm")
    }

    pub(crate) fn command(&self, program: &Path, kind: &str, release: &str) -> Command {
        let mut command = Command::new(program);
        command.args([VICTIM, kind]).arg(self.apm()).arg(release);
        command
    }

    /// A host that may have so many KiB of memory, mapped or not.
    pub(crate) fn limited(&self, kind: &str, kib: u32) -> Command {
        let program = program();
        let victim = self.command(&program, kind, RELEASE);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")]);
        shell.arg(program).args(victim.get_args());
        shell
    }

    pub(crate) fn start(&self, kind: &str) -> Host {
        let program = program();
        Host::start(self.command(&program, kind, RELEASE))
    }

    /// The file that the run has left, which must be the only one.
    pub(crate) fn dump(&self) -> PathBuf {
        let runs = std::fs::read_dir(self.apm().join("runs")).unwrap();
        let dumps: Vec<PathBuf> = runs
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "dump")
            })
            .collect();
        assert_eq!(dumps.len(), 1, "{dumps:?}");
        dumps[0].clone()
    }

    /// The next start tells of the run that has ended. Whatever crash the inspector shows before it is told as it was shown.
    pub(crate) fn told(self, ended: Ended) -> Death {
        self.told_by(ended, RELEASE)
    }

    pub(crate) fn told_by(self, ended: Ended, release: &str) -> Death {
        let device = Device::open(self.apm());
        let mut shown = device.reports().unwrap();
        shown.retain(|stored| {
            stored.state == State::Dump && stored.report.what.kind() == Kind::Crash
        });
        let program = program();
        let next = Host::start(self.command(&program, "next_start", release)).end();
        assert!(next.status.success(), "{}", next.errors);
        let stored = device.reports().unwrap();
        for shown in shown {
            let told = stored
                .iter()
                .find(|stored| stored.report.id == shown.report.id);
            let told = told.expect("what was shown is told");
            assert_eq!(told.report.what, shown.report.what);
        }
        self.look(ended)
    }

    /// What has been told of the run that has ended.
    pub(crate) fn look(self, ended: Ended) -> Death {
        let stored = Device::open(self.apm()).reports().unwrap();
        Death {
            status: ended.status,
            errors: ended.errors,
            reports: stored.into_iter().map(|stored| stored.report).collect(),
            home: self,
        }
    }

    /// The bytes of every file that the agent has.
    pub(crate) fn everything(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut todo = vec![self.apm()];
        while let Some(path) = todo.pop() {
            if path.is_dir() {
                let entries = std::fs::read_dir(&path).unwrap();
                todo.extend(entries.map(|entry| entry.unwrap().path()));
            } else {
                bytes.extend(std::fs::read(&path).unwrap());
            }
        }
        bytes
    }
}

impl Host {
    pub(crate) fn start(mut command: Command) -> Self {
        command
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            child: command.spawn().unwrap(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to its standard input.
    pub(crate) fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        writeln!(input, "{line}").unwrap();
    }

    /// Reads standard output up to the word that says the victim waits.
    pub(crate) fn wait_until_ready(&mut self) {
        let mut said = vec![0; READY.len()];
        let out = self.child.stdout.as_mut().unwrap();
        out.read_exact(&mut said)
            .expect("the victim died before it was ready");
        assert_eq!(said, READY.as_bytes());
    }

    /// Sends it a signal, by the name that `kill` knows.
    pub(crate) fn kill(self, signal: &str) -> Ended {
        let sent = Command::new("kill")
            .args(["-s", signal, &self.pid().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        self.end()
    }

    /// Closes its standard input and waits for its end.
    pub(crate) fn end(mut self) -> Ended {
        drop(self.child.stdin.take());
        let started = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if started.elapsed() > PATIENCE {
                self.child.kill().unwrap();
                self.child.wait().unwrap();
                panic!("the victim still lives after {PATIENCE:?}");
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let mut errors = String::new();
        let pipe = self.child.stderr.as_mut().unwrap();
        pipe.read_to_string(&mut errors).unwrap();
        Ended { status, errors }
    }
}

impl Death {
    pub(crate) fn crashes(&self) -> Vec<&Crash> {
        let of = |report: &'_ Report| matches!(report.what, What::Crash(_));
        let crashes = self.reports.iter().filter(|report| of(report));
        crashes
            .map(|report| match &report.what {
                What::Crash(crash) => crash,
                _ => unreachable!(),
            })
            .collect()
    }

    /// How the run ended that is told of; the one that told it was shut down.
    pub(crate) fn exit(&self) -> Exit {
        let exits = self.reports.iter().filter_map(|report| match &report.what {
            What::Run(run) => run.exit,
            _ => None,
        });
        let mut exits: Vec<Exit> = exits.collect();
        let teller = exits.iter().position(|exit| *exit == Exit::Clean);
        exits.remove(teller.expect("the teller ended well"));
        assert_eq!(exits.len(), 1, "{exits:?}");
        exits[0]
    }
}

/// Builds the victim as a program in which panics abort.
pub(crate) fn with_aborting_panics(directory: &Path) -> PathBuf {
    let program = std::env::current_exe().unwrap();
    // target/PROFILE/deps/program
    let profile = program.parent().unwrap().parent().unwrap();
    let mut build = Command::new(env!("CARGO"));
    build.args(["rustc", "--quiet", "--package", env!("CARGO_PKG_NAME")]);
    build.args(["--example", "aborting", "--target-dir"]);
    build.arg(profile.parent().unwrap());
    if profile.ends_with("release") {
        build.arg("--release");
    }
    build.args(["--", "-Cpanic=abort"]);
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    assert!(build.status().unwrap().success());
    // The same name stands for the ordinary build at other times.
    let built = directory.join("aborting");
    std::fs::copy(profile.join("examples/aborting"), &built).unwrap();
    built
}

/// The functions of a stack; what is not in `program` is named by its module in brackets.
pub(crate) fn names(crash: &Crash, stack: &Stack, program: &Path) -> Vec<String> {
    let loader = addr2line::Loader::new(program).unwrap();
    let own = build_id(program);
    stack
        .frames
        .iter()
        .map(|frame| {
            let Some(module) = frame
                .module
                .map(|module| &crash.modules[usize::from(module)])
            else {
                return "[nowhere]".to_owned();
            };
            if module.build_id.as_ref().is_none_or(|id| id.as_str() != own) {
                return format!(
                    "[{}]",
                    module.name.as_ref().map_or("?", |name| name.as_str())
                );
            }
            let exact = matches!(frame.found, Found::Context | Found::Interrupted);
            let raw = loader
                .find_symbol(frame.offset.0 - u64::from(!exact))
                .unwrap_or("?");
            let name = addr2line::demangle_auto(raw.into(), None).into_owned();
            // Without the hash of the old mangling.
            match name.rsplit_once("::h") {
                Some((name, hash)) if hash.len() == 16 => name.to_owned(),
                _ => name,
            }
        })
        .collect()
}

/// What the linker identified a program by, as digits.
fn build_id(program: &Path) -> String {
    const NOTE: &[u8] = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let bytes = std::fs::read(program).unwrap();
    let at = bytes.windows(NOTE.len()).position(|note| note == NOTE);
    let at = at.expect("a build id") + NOTE.len();
    bytes[at..at + 20]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Says aloud that a story cannot be told here, and why. Where `CANDOR_REQUIRE` names what is missing, that is a failure.
pub(crate) fn skip(missing: &str, remedy: &str) {
    let required = std::env::var("CANDOR_REQUIRE").unwrap_or_default();
    assert!(
        !required.split(',').any(|word| word == missing),
        "{missing} is required here and could not be had"
    );
    println!("SKIPPED: {missing} cannot be had; {remedy}");
}
