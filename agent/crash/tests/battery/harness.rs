//! Runs a victim and reads what it left.

use candor_dump::{Dump, Problem, Stack};
use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// First argument of a process that is to die.
pub(crate) const VICTIM: &str = "--victim";
/// Where the victim finds the library with another copy of the recorder.
pub(crate) const LIBRARY: &str = "CANDOR_TEST_LIBRARY";
/// Exit code of a victim that may not do what it is for on this machine.
pub(crate) const NOT_ALLOWED: i32 = 55;
/// The victim says this on standard output when it waits to be killed.
pub(crate) const READY: &str = "ready";
/// A victim that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A victim and where its dump is.
pub(crate) struct Victim {
    child: Child,
    directory: tempfile::TempDir,
}

/// What became of a victim.
pub(crate) struct Death {
    pub(crate) status: ExitStatus,
    pub(crate) dump: Dump,
    pub(crate) problems: Vec<Problem>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) errors: String,
}

/// Starts a victim; `armed` false is the control: the same death without us.
pub(crate) fn start(kind: &str, armed: bool) -> Victim {
    start_with(kind, armed, |_| {})
}

pub(crate) fn start_with(kind: &str, armed: bool, change: impl FnOnce(&mut Command)) -> Victim {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(VICTIM).arg(kind);
    if armed {
        command.arg(directory.path().join("dump"));
    }
    command
        .current_dir(directory.path())
        .env_remove("RUST_BACKTRACE");
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    change(&mut command);
    Victim {
        child: command.spawn().unwrap(),
        directory,
    }
}

impl Victim {
    pub(crate) fn pid(&self) -> i32 {
        self.child.id() as i32
    }

    /// Reads standard output up to the word that says the victim waits.
    pub(crate) fn wait_until_ready(&mut self) {
        let mut seen = Vec::new();
        let out = self.child.stdout.as_mut().unwrap();
        while !seen.ends_with(READY.as_bytes()) {
            let mut byte = [0];
            assert_ne!(
                out.read(&mut byte).unwrap(),
                0,
                "the victim died before it was ready"
            );
            seen.push(byte[0]);
        }
    }

    pub(crate) fn dump_path(&self) -> PathBuf {
        self.directory.path().join("dump")
    }

    /// Waits for the end, and reads another file that the victim left.
    pub(crate) fn end_keeping(mut self, other: &Path) -> (Death, Vec<u8>) {
        let death = self.finish();
        (death, std::fs::read(other).unwrap_or_default())
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> Death {
        self.finish()
    }

    fn finish(&mut self) -> Death {
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
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut errors)
            .unwrap();
        let bytes = std::fs::read(self.dump_path()).unwrap_or_default();
        if let Ok(keep) = std::env::var("CANDOR_KEEP_DUMPS") {
            std::fs::write(
                Path::new(&keep).join(format!("{}.dump", status.into_raw())),
                &bytes,
            )
            .unwrap();
        }
        let (dump, problems) = candor_dump::read(&bytes);
        Death {
            status,
            dump,
            problems,
            bytes,
            errors,
        }
    }
}

/// Runs a victim to its end, armed.
pub(crate) fn die(kind: &str) -> Death {
    start(kind, true).end()
}

/// Runs the control: the same death without us.
pub(crate) fn die_unarmed(kind: &str) -> Death {
    start(kind, false).end()
}

impl Death {
    /// The functions of a stack; what is not in this program is named by its module in brackets.
    pub(crate) fn names(&self, stack: &Stack) -> Vec<String> {
        stack
            .frames
            .iter()
            .map(|frame| {
                let Some(module) = frame.module else {
                    return "[nowhere]".to_owned();
                };
                let module = &self.dump.modules[usize::from(module)];
                if module.name == program() {
                    symbol(frame.lookup_offset())
                } else {
                    format!("[{}]", module.name)
                }
            })
            .collect()
    }

    /// As [`Self::names`]; frames in this library are named by their functions too.
    pub(crate) fn names_with(&self, stack: &Stack, library: &Path) -> Vec<String> {
        let loader = addr2line::Loader::new(library).unwrap();
        let id = build_id(library);
        let mut names = self.names(stack);
        for (name, frame) in names.iter_mut().zip(&stack.frames) {
            let module = frame
                .module
                .map(|module| &self.dump.modules[usize::from(module)]);
            if module.is_some_and(|module| module.build_id == id) {
                let raw = loader.find_symbol(frame.lookup_offset()).unwrap_or("?");
                *name = addr2line::demangle_auto(raw.into(), None).into_owned();
            }
        }
        names
    }

    /// Fatal signals that reached a handler.
    pub(crate) fn signals_seen(&self) -> u32 {
        let at = candor_dump::layout::life::SIGNALS_SEEN;
        u32::from_le_bytes(self.bytes[at..at + 4].try_into().unwrap())
    }

    /// The functions of the thread that got the signal.
    pub(crate) fn crashed(&self) -> Vec<String> {
        self.names(
            &self
                .dump
                .signal
                .as_ref()
                .expect("a signal was recorded")
                .thread
                .stack,
        )
    }
}

/// Builds the library with another copy of the recorder.
pub(crate) fn library() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let program = std::env::current_exe().unwrap();
            // target/PROFILE/deps/program
            let profile = program.parent().unwrap().parent().unwrap();
            let mut build = Command::new(env!("CARGO"));
            build.args([
                "build",
                "--quiet",
                "--package",
                env!("CARGO_PKG_NAME"),
                "--example",
                "copy",
            ]);
            build.arg("--target-dir").arg(profile.parent().unwrap());
            if profile.ends_with("release") {
                build.arg("--release");
            }
            assert!(
                build
                    .current_dir(env!("CARGO_MANIFEST_DIR"))
                    .status()
                    .unwrap()
                    .success()
            );
            profile.join("examples").join("libcopy.so")
        })
        .clone()
}

/// Compiles `shapes.c`; the file's name without `lib` and `.so` says how it is meant.
pub(crate) fn compile(directory: &Path, name: &str, flags: &[&str]) -> PathBuf {
    compile_with("cc", "shapes.c", directory, name, flags).expect("a C compiler is there")
}

/// Compiles a file of `tests/c` into a library. `None` if there is no such compiler.
pub(crate) fn compile_with(
    compiler: &str,
    source: &str,
    directory: &Path,
    name: &str,
    flags: &[&str],
) -> Option<PathBuf> {
    let library = directory.join(format!("lib{name}.so"));
    let mut command = Command::new(compiler);
    command
        .args(["-shared", "-fPIC", "-Wl,--build-id", "-o"])
        .arg(&library)
        .args(flags)
        .arg(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/c")).join(source));
    match command.status() {
        Ok(status) => assert!(status.success(), "{source} is good {compiler}"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => panic!("{compiler}: {error}"),
    }
    Some(library)
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

/// What the linker identified a library by.
fn build_id(library: &Path) -> Vec<u8> {
    const NOTE: &[u8] = b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0";
    let bytes = std::fs::read(library).unwrap();
    let at = bytes.windows(NOTE.len()).position(|note| note == NOTE);
    let at = at.expect("a build id") + NOTE.len();
    bytes[at..at + 20].to_vec()
}

/// The file name of this program.
pub(crate) fn program() -> String {
    std::env::current_exe()
        .unwrap()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .into_owned()
}

pub(crate) fn symbol(offset: u64) -> String {
    thread_local! {
        static LOADER: OnceLock<addr2line::Loader> = const { OnceLock::new() };
    }
    LOADER.with(|loader| {
        let loader = loader
            .get_or_init(|| addr2line::Loader::new(std::env::current_exe().unwrap()).unwrap());
        let raw = loader.find_symbol(offset).unwrap_or("?");
        let name = addr2line::demangle_auto(raw.into(), None).into_owned();
        // Without the hash of the old mangling.
        match name.rsplit_once("::h") {
            Some((name, hash)) if hash.len() == 16 => name.to_owned(),
            _ => name,
        }
    })
}
