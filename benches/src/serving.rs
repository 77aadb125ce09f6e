//! A collector in a process of its own, so that its processor time and memory are told from those of whoever sends.
//!
//! The program that measures is also the program that serves: it starts itself with [`SERVE`], a directory, and how much of it stays in
//! memory.

use crate::build::workspace;
use candor_collector::access::{Door, IngestKey};
use candor_collector::ingest::Limits;
use candor_collector::privacy::Office;
use candor_collector::privacy::groups::SmallGroups;
use candor_collector::server;
use candor_collector::state::{Clock, State};
use candor_collector::store::Store;
use candor_collector::store::sqlite::{CACHE_MIB, SqliteStore};
use candor_collector::symbol_files;
use candor_symbols::Symbols;
use std::io::{self, BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

/// The word on the command line that makes a program the collector: `--serve DIRECTORY MIB`.
pub const SERVE: &str = "--serve";

/// The app whose key is printed, unless the directory has another one already.
pub const APP: &str = "bench";

/// Serves as `arguments` say, if they do: whether it has served.
///
/// # Errors
/// When the directory or a port cannot be used.
pub fn asked_to_serve(arguments: &[String]) -> Result<bool, String> {
    let [mode, data, cache] = arguments else {
        return Ok(false);
    };
    if mode != SERVE {
        return Ok(false);
    }
    let cache = cache.parse().map_err(|_| "MIB is a number")?;
    let served = serve(Path::new(data), cache);
    served.map(|()| true).map_err(|error| error.to_string())
}

/// Serves from `data` until standard input ends. Prints the address and a key; a line `now SECONDS` on standard input sets
/// the clock, which is the system's until then, and is answered with an empty line.
fn serve(data: &Path, cache_mib: u32) -> Result<(), Box<dyn std::error::Error>> {
    let told = Arc::new(AtomicU64::new(0));
    let (system, tell) = (Clock::system(), told.clone());
    let clock = Clock::new(move || match tell.load(SeqCst) {
        0 => system.now(),
        seconds => seconds,
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let store = SqliteStore::open_with(data, cache_mib)?;
        let key = IngestKey::generate();
        match store.apps().await?.first() {
            Some(app) => store.add_key(app, key.hash(), 0).await?,
            None => store.add_app(&APP.parse()?, key.hash()).await?,
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        println!("{} {}", listener.local_addr()?, key.reveal());
        let symbols = Symbols::open([symbol_files::directory(data)]);
        let state = State {
            // Every device is a made-up one.
            small: SmallGroups::Show,
            clock,
            // Whoever measures asks it from the same machine.
            door: Arc::new(Door::of(data).open()),
            ..State::new(store, symbols, Office::open(data)?)
        };
        let (stop, stopped) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            for line in io::stdin().lines().map_while(Result::ok) {
                if let Some(seconds) = line.strip_prefix("now ") {
                    told.store(seconds.parse().unwrap_or(0), SeqCst);
                    println!();
                }
            }
            stop.send(())
        });
        let stop = async {
            let _ = stopped.await;
        };
        server::run(listener, state, Limits::default(), stop).await?;
        Ok(())
    })
}

/// A directory with the symbols of a program, added as a developer adds them: by a process of its own, before anything is measured.
fn symbols_of(program: &Path) -> io::Result<std::path::PathBuf> {
    let all = workspace().join("target/bench-symbols");
    std::fs::create_dir_all(&all)?;
    // Stories start several at the same time, in this process and in others.
    let turn = std::fs::File::create(all.join("turn"))?;
    turn.lock()?;
    let data = all.join(program.file_name().unwrap_or_default());
    let build = candor_symbols::build_id_of(program).map_err(io::Error::other)?;
    let directory = symbol_files::directory(&data);
    if !directory.join(format!("{build}.debug")).exists() {
        // Those of earlier builds of this program are of no use any more.
        let _ = std::fs::remove_dir_all(&data);
        std::fs::create_dir_all(&data)?;
    }
    symbol_files::add(&data, program).map_err(io::Error::other)?;
    Ok(directory)
}

/// Where a collector keeps what it is sent.
enum Data {
    /// Until it has ended.
    Passing(tempfile::TempDir),
    Kept(PathBuf),
}

impl Data {
    fn path(&self) -> &Path {
        match self {
            Self::Passing(directory) => directory.path(),
            Self::Kept(directory) => directory,
        }
    }
}

/// A collector that was started here. It is ended when this is dropped.
pub struct Serving {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    /// Where it listens.
    pub address: SocketAddr,
    /// The ingest key of [`APP`].
    pub key: String,
    data: Data,
}

impl Serving {
    /// Starts this very program as a collector of an empty directory.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start() -> io::Result<Self> {
        Self::of(&std::env::current_exe()?)
    }

    /// As [`start`](Self::start), with another program that can serve.
    ///
    /// # Errors
    /// When it does not start.
    pub fn of(program: &Path) -> io::Result<Self> {
        Self::open(program, Data::Passing(tempfile::tempdir()?), CACHE_MIB)
    }

    /// Starts this very program as a collector of a directory that another run has filled, with so much of it in memory.
    ///
    /// # Errors
    /// When it does not start.
    pub fn on(filled: &Path, cache_mib: u32) -> io::Result<Self> {
        let program = std::env::current_exe()?;
        Self::open(&program, Data::Kept(filled.to_owned()), cache_mib)
    }

    fn open(program: &Path, data: Data, cache_mib: u32) -> io::Result<Self> {
        let symbols = symbol_files::directory(data.path());
        if !symbols.exists() {
            std::os::unix::fs::symlink(symbols_of(program)?, symbols)?;
        }
        let mut child = Command::new(program)
            .arg(SERVE)
            .arg(data.path())
            .arg(cache_mib.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let input = child.stdin.take();
        let output = child.stdout.take().map(BufReader::new);
        let mut output = output.ok_or_else(|| io::Error::other("a pipe is missing"))?;
        let mut line = String::new();
        output.read_line(&mut line)?;
        let said = line.trim().split_once(' ');
        let said = said.and_then(|(address, key)| Some((address.parse().ok()?, key.to_owned())));
        let (address, key) = said.ok_or_else(|| io::Error::other("the collector did not start"))?;
        Ok(Self {
            child,
            input,
            output,
            address,
            key,
            data,
        })
    }

    /// Sets its clock, in seconds since 1970.
    ///
    /// # Errors
    /// When it has ended.
    pub fn set_clock(&mut self, now: u64) -> io::Result<()> {
        if let Some(input) = &mut self.input {
            writeln!(input, "now {now}")?;
            self.output.read_line(&mut String::new())?;
        }
        Ok(())
    }

    /// The header line that presents its key.
    pub fn authorization(&self) -> String {
        format!("authorization: Bearer {}\r\n", self.key)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Seconds of processor time so far.
    pub fn cpu(&self) -> f64 {
        cpu_of(&self.id().to_string())
    }

    /// Resident memory, and the most that it was, in bytes.
    pub fn resident(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id()));
        let status = status.unwrap_or_default();
        let kib = |name: &str| -> u64 {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            kib.unwrap_or(0)
        };
        (kib("VmRSS:") * 1024, kib("VmHWM:") * 1024)
    }

    /// Bytes that it has read and written through the system, whether or not they were in memory.
    pub fn moved(&self) -> (u64, u64) {
        let said = std::fs::read_to_string(format!("/proc/{}/io", self.id())).unwrap_or_default();
        let bytes = |name: &str| -> u64 {
            let line = said.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|bytes| bytes.trim().parse().ok())
                .unwrap_or(0)
        };
        (bytes("rchar:"), bytes("wchar:"))
    }

    /// Bytes of its files.
    pub fn disk(&self) -> u64 {
        let files = std::fs::read_dir(self.data.path()).into_iter().flatten();
        files
            .filter_map(|file| file.ok()?.metadata().ok())
            .map(|meta| meta.len())
            .sum()
    }

    /// Bytes of its files once it has ended as it should, with its log written back.
    ///
    /// # Errors
    /// When it cannot be waited for.
    pub fn settled_disk(&mut self) -> io::Result<u64> {
        self.input = None;
        self.child.wait()?;
        Ok(self.disk())
    }

    /// Where its files are.
    pub fn data(&self) -> &Path {
        self.data.path()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already when that fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds of processor time of a process, by its number or `self`. The kernel counts in hundredths of a second.
pub fn cpu_of(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default();
    // User and system time are the twelfth and thirteenth field after the name.
    let ticks = fields.split_whitespace().skip(11).take(2);
    ticks
        .filter_map(|field| field.parse::<u64>().ok())
        .sum::<u64>() as f64
        / 100.0
}
