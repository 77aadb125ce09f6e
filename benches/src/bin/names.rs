//! How long the inspector takes to name every frame of a crash, next to `addr2line` of binutils.
//!
//! `cargo run --release -p candor-benches --bin names [FILE]`: FILE is a program with debug information; without one it is the
//! inspector itself, which is small. The report has fifty threads of ten frames, spread over all functions of the file.
//! Both sides are whole processes that begin with nothing in memory; the file is in the page cache, after a first run.

use candor_benches::build::{cargo, check_release, workspace};
use candor_benches::stats::Sample;
use candor_benches::table::{Row, Table, Unit, show};
use candor_protocol::deidentify::{BuildId, Pseudonym, Release, ReportId, RunId};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::{
    Arch, Cause, Circumstances, Crash, Device, Fault, Found, Frame, Module, Offset, Origin, Os,
    Report, SignalName, Stack, Thread, What,
};
use object::{Object, ObjectSymbol, SymbolKind};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

const THREADS: usize = 50;
const FRAMES: usize = 10;
const RUNS: usize = 9;

/// In milliseconds, for a program of 100 MB.
const GOAL: f64 = 500.0;

fn main() -> ExitCode {
    show(run())
}

fn run() -> Result<Table, String> {
    check_release()?;
    let inspector = inspector()?;
    let given = std::env::args_os().nth(1).map(PathBuf::from);
    let file = given.unwrap_or_else(|| inspector.clone());
    let (build, functions) = functions(&file)?;
    let size = fs::metadata(&file)
        .map_err(|error| error.to_string())?
        .len();
    let dir = tempfile::tempdir().map_err(|error| error.to_string())?;
    let report = report(&build, &functions);
    spool(dir.path(), &report)?;

    let ours = || {
        let mut command = Command::new(&inspector);
        command
            .args(["show", report.id.as_str(), "--full", "--dir"])
            .arg(dir.path())
            .arg("--symbols")
            .arg(&file);
        command
    };
    let peer = || {
        let mut command = Command::new("addr2line");
        command.args(["-f", "-i", "-C", "-e"]).arg(&file);
        command.args(functions.iter().map(|address| format!("{address:x}")));
        command
    };
    let mut table = Table::new(
        format!(
            "naming {} frames of a program of {}",
            functions.len(),
            Unit::Bytes.show(size as f64)
        ),
        "addr2line",
    );
    let row = Row::new(
        "from the report to all stacks with names",
        Unit::Nanos,
        times(&ours)?,
        times(&peer).ok().flatten(),
    );
    table.add([row.goal(GOAL * 1e6)]);
    Ok(table)
}

/// How long a command takes, in nanoseconds; a first run is not counted.
fn times(command: &dyn Fn() -> Command) -> Result<Option<Sample>, String> {
    let mut taken = Vec::new();
    for _ in 0..=RUNS {
        let start = Instant::now();
        let status = command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map_err(|error| error.to_string())?;
        taken.push(start.elapsed().as_nanos() as f64);
        if !status.success() {
            return Err(format!("{:?} failed: {status}", command()));
        }
    }
    Ok(Sample::of(taken.into_iter().skip(1)))
}

/// Builds the inspector. Where it is.
fn inspector() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = own.parent().ok_or("this program lies nowhere")?;
    let output = cargo()
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "candor-inspect",
        ])
        .current_dir(workspace())
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("the inspector could not be built: {said}"));
    }
    Ok(folder.join("candor"))
}

/// The build of a file, and an address in each of as many of its functions as the report has frames, evenly spread.
fn functions(file: &Path) -> Result<(BuildId, Vec<u64>), String> {
    let unusable = |why: &str| format!("{} cannot be used: {why}", file.display());
    let data = fs::read(file).map_err(|error| unusable(&error.to_string()))?;
    let elf = object::File::parse(&*data).map_err(|error| unusable(&error.to_string()))?;
    let build = elf.build_id().ok().flatten();
    let build = build.and_then(|id| BuildId::from_bytes(id).ok());
    let mut all: Vec<u64> = elf
        .symbols()
        .filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 1)
        .map(|symbol| symbol.address() + symbol.size() / 2)
        .collect();
    all.sort_unstable();
    all.dedup();
    let wanted = THREADS * FRAMES;
    if all.len() < wanted {
        return Err(unusable("it has too few functions"));
    }
    let step = all.len() / wanted;
    let spread = all.into_iter().step_by(step).take(wanted).collect();
    Ok((build.ok_or_else(|| unusable("it has no build id"))?, spread))
}

fn report(build: &BuildId, functions: &[u64]) -> Report {
    let mut threads: Vec<Thread> = functions
        .chunks(FRAMES)
        .map(|addresses| Thread {
            main: false,
            name: None,
            stack: Stack {
                frames: addresses
                    .iter()
                    .map(|address| Frame {
                        module: Some(0),
                        offset: Offset(*address),
                        found: Found::Cfi,
                    })
                    .collect(),
                ..Stack::default()
            },
        })
        .collect();
    let others = threads.split_off(1);
    let crash = Crash {
        cause: Cause::Signal {
            signal: SignalName::Segv,
            origin: Origin::Kernel,
            fault: Fault::NullLike,
            code: Some(1),
        },
        fatal: true,
        thread: threads.remove(0),
        others,
        modules: vec![Module {
            build_id: Some(build.clone()),
            name: None,
        }],
        uptime_ms: 1,
        around: Circumstances::default(),
        crumbs: Vec::new(),
        notes: Vec::new(),
    };
    Report {
        id: ReportId::from_bytes([1; 16]),
        at: Moment::round(1_767_225_600, Precision::Hour),
        run: RunId::from_bytes([2; 16]),
        pseudonym: Pseudonym::from_bytes([3; 16]),
        release: Release::parse("1.0.0").unwrap_or_else(|refused| unreachable!("{refused}")),
        device: Device::coarse(Os::Linux, None, Arch::X86_64, 2, 1 << 30),
        what: What::Crash(crash),
    }
}

/// Puts the report where an agent keeps it, by the words of `agent/core/src/spool/FORMAT.md`.
fn spool(dir: &Path, report: &Report) -> Result<(), String> {
    let line = serde_json::to_string(report).map_err(|error| error.to_string())?;
    let mut crc = flate2::Crc::new();
    crc.update(line.as_bytes());
    let file = dir.join(format!("spool/crash-1-1-{}.report", report.id));
    let content = format!("candor-spool 1 {} {:08x}\n{line}\n", line.len(), crc.sum());
    fs::create_dir(dir.join("spool"))
        .and_then(|()| fs::write(file, content))
        .map_err(|error| error.to_string())
}
