//! The public types and functions. They are the same on every system; `armed` does the work.

use crate::armed;
use candor_dump::{ExitMark, Module, Panic, Stack, Usage};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::AtomicU32;
use std::{fmt, io};

/// What [`arm`] needs to know.
#[derive(Debug, Clone, Copy)]
pub struct Config<'a> {
    /// The dump file to make. It must not exist yet; its directory must.
    pub path: &'a Path,
    /// Identity of this run; it is written into the file.
    pub run: [u8; 16],
    /// Start of the run, seconds since 1970.
    pub started_unix: u64,
    /// Turns the file name of a program or library (no directories) into what may be told of it. Called while arming and
    /// in [`Armed::maintain`], never in a signal handler. At most 48 bytes of the answer are kept.
    pub clean_module_name: fn(&str) -> String,
    /// Thread names that may be told; all others are written as "other". A number at the end does not count, nor what joins it:
    /// `worker` stands for `worker-12` too. Linux keeps 15 bytes of a name, so that many are compared. At most 48 names of at most 32
    /// bytes are used.
    pub thread_names: &'a [&'static str],
}

/// Whose crashes are recorded. An SDK inside somebody's app has no business with the app's own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Scope {
    /// All of the process: for apps.
    #[default]
    App,
    /// Those whose stack touches one of the named modules or address ranges: for SDKs. Of any other crash only the fact is kept
    /// ([`candor_dump::Dump::signal_elsewhere`], [`candor_dump::Dump::panic_elsewhere`]).
    Modules {
        /// File names of programs or libraries, without directories, as they are on disk.
        names: Vec<String>,
        /// For a library that is linked into the program: its code, as addresses between two of its symbols. At most 16 are used.
        ranges: Vec<Range<usize>>,
    },
}

/// Why [`arm`] could not arm.
#[derive(Debug)]
#[non_exhaustive]
pub enum ArmError {
    /// Crashes cannot be recorded on this system.
    Unsupported,
    /// This copy of the crate is armed already.
    AlreadyArmed,
    /// The dump file could not be made.
    File {
        /// What was being done.
        step: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Memory could not be had.
    Memory(io::Error),
    /// The signal handlers could not be installed.
    Handlers(io::Error),
}

impl fmt::Display for ArmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => write!(
                f,
                "crashes cannot be recorded on this operating system and processor"
            ),
            Self::AlreadyArmed => write!(f, "crash recording is armed already; disarm it first"),
            Self::File { step, source } => write!(f, "cannot {step} the dump file: {source}"),
            Self::Memory(source) => {
                write!(f, "cannot reserve memory for crash recording: {source}")
            }
            Self::Handlers(source) => write!(f, "cannot install the signal handlers: {source}"),
        }
    }
}

impl std::error::Error for ArmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unsupported | Self::AlreadyArmed => None,
            Self::File { source, .. } | Self::Memory(source) | Self::Handlers(source) => {
                Some(source)
            }
        }
    }
}

/// A thread of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tid(pub(crate) u32);

impl Tid {
    /// The thread with this number, as [`Tid::get`] gave it.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        Self(number)
    }

    /// The kernel's number of the thread, as it stands in a dump.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A panic, as the panic hook knows it. All texts must have been scrubbed: they are written as they are.
#[derive(Debug, Clone, Copy)]
pub struct PanicNote<'a> {
    /// The message; at most 768 bytes are kept.
    pub message: &'a str,
    /// The source file; at most 160 bytes are kept.
    pub file: &'a str,
    /// The line in it.
    pub line: u32,
    /// The thread's name; at most 48 bytes are kept.
    pub thread_name: &'a str,
    /// The thread is the one that `main` runs on.
    pub main_thread: bool,
    /// Return addresses, innermost first; at most 128 are kept.
    pub frames: &'a [usize],
}

/// Names a recorded panic, see [`Armed::take_panic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PanicTicket {
    pub(crate) slot: usize,
    pub(crate) serial: u32,
}

impl PanicTicket {
    /// Counts the panics of the run from 1, as [`candor_dump::Panic::serial`] does.
    #[must_use]
    pub const fn serial(&self) -> u32 {
        self.serial
    }
}

/// What a sampled thread was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// Running or waiting, and for what.
    pub doing: Doing,
    /// Processor time the thread has used in its life, in microseconds.
    pub cpu_us: u64,
    /// How its stack was had.
    pub way: Way,
    /// The thread that holds the lock it waits for, where the lock says so: the C library's mutexes do, Rust's do not.
    pub holder: Option<Tid>,
}

/// Running or waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Doing {
    /// On a processor, or ready for one.
    Running,
    /// In a system call that waits.
    Waiting(Wait),
    /// Waiting for memory or a disk, outside any system call: a page that has to be read in.
    PageFault,
    /// Stopped, by a signal or a debugger.
    Stopped,
}

/// What a thread waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Wait {
    /// A lock or a condition, of any kind.
    Lock,
    /// Data to read, from a file, pipe or socket.
    Read,
    /// Room to write.
    Write,
    /// Any of several events: `poll`, `select`, `epoll_wait`.
    Poll,
    /// Time to pass.
    Sleep,
    /// A connection, made or accepted.
    Connect,
    /// The end of a child process.
    Child,
    /// Another system call: its number.
    Other(u32),
}

/// What the system says of a thread without touching it: whether it is its own doing that it gets no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The system does not say.
    Unknown,
    /// There is no such thread any more.
    Gone,
    /// A signal has stopped it, or a debugger is attached.
    Held,
    /// It may go on.
    Free {
        /// For so long it has waited for a processor in its life although it could have run, in milliseconds. A wait that is not
        /// over is not in it.
        queued_ms: u64,
        /// Processor time it has used in its life, in microseconds.
        cpu_us: u64,
        /// Whether it is on a processor or waits for one.
        runnable: bool,
        /// How often it has gone to sleep in its life.
        sleeps: u64,
    },
}

/// How the stack of a sampled thread was had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// The thread answered a signal, which its system call survives unnoticed.
    Signal,
    /// It was stopped for some microseconds from a helper process; its system call goes on by itself.
    Stop,
    /// It was not touched: what `/proc` says, and as many frames as follow from that.
    Glance,
}

/// Why a thread could not be sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SampleError {
    /// Nothing is armed, or the system is not supported.
    NotArmed,
    /// There is no such thread in this process.
    NoSuchThread,
    /// A thread cannot sample itself.
    Itself,
    /// Another sample is being taken.
    Busy,
    /// The thread did not answer in time.
    TimedOut,
}

impl fmt::Display for SampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotArmed => "crash recording is not armed",
            Self::NoSuchThread => "there is no such thread in this process",
            Self::Itself => "a thread cannot sample itself",
            Self::Busy => "another sample is being taken",
            Self::TimedOut => "the thread did not answer in time",
        })
    }
}

impl std::error::Error for SampleError {}

/// Makes the dump file and installs handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP and SIGSYS.
/// One file is opened; nothing is synced. Earlier handlers are remembered and called after ours.
///
/// # Errors
/// See [`ArmError`]. Nothing is left behind but, at worst, the file.
pub fn arm(config: &Config<'_>) -> Result<Armed, ArmError> {
    arm_in_scope(config, &Scope::App)
}

/// As [`arm`], for some of the process's crashes only.
///
/// # Errors
/// As of [`arm`].
pub fn arm_in_scope(config: &Config<'_>, scope: &Scope) -> Result<Armed, ArmError> {
    armed::Armed::new(config, scope).map(|inner| Armed { inner })
}

/// Crash recording is on for as long as this lives. Dropping it disarms and keeps the file.
#[derive(Debug)]
pub struct Armed {
    inner: armed::Armed,
}

impl Armed {
    /// Counters for the caller's own bookkeeping, in the mapped file: they survive any death. 0 at the start.
    #[must_use]
    pub fn counters(&self) -> &[AtomicU32] {
        self.inner.counters()
    }

    /// Writes a panic into a free slot; meant for the panic hook. No allocation, no lock. `None` when all four slots are
    /// taken (the loss is counted in the file), when the panic is outside the scope, or in a forked child.
    pub fn record_panic(&self, note: &PanicNote<'_>) -> Option<PanicTicket> {
        self.inner.record_panic(note)
    }

    /// Takes one panic out of the file, because the process lived on. `None` if it has been taken already.
    #[must_use]
    pub fn take_panic(&self, ticket: PanicTicket) -> Option<Panic> {
        self.inner.take_panic(ticket)
    }

    /// Takes all complete panics out of the file, oldest first, because the process lived on.
    #[must_use]
    pub fn take_panics(&self) -> Vec<Panic> {
        self.inner.take_panics()
    }

    /// The modules that frames of taken panics name by index.
    #[must_use]
    pub fn modules(&self) -> Vec<Module> {
        self.inner.modules()
    }

    /// Writes how far the run has come. A forked child changes nothing.
    pub fn mark(&self, exit: ExitMark) {
        self.inner.mark(exit);
    }

    /// Writes how much of what is limited is in use. What is not known is kept as such.
    pub fn set_usage(&self, usage: &Usage) {
        self.inner.set_usage(usage);
    }

    /// Writes whether the app is in the foreground.
    pub fn set_foreground(&self, foreground: bool) {
        self.inner.set_foreground(foreground);
    }

    /// Writes that a freeze has begun, `since_boottime_millis` on the clock of [`boottime_millis`].
    pub fn freeze_opened(&self, watch: u16, thread: Tid, since_boottime_millis: u64) {
        self.inner
            .freeze_opened(watch, thread, since_boottime_millis);
    }

    /// Writes that the freeze is over.
    pub fn freeze_closed(&self) {
        self.inner.freeze_closed();
    }

    /// What cannot be done while dying, to be called from a thread of the agent: soon after arming, then every second or
    /// few. Notes the time and the machine's boot id, looks at libraries that were loaded since, and gives threads that
    /// were not made by Rust a stack on which an overflow can be recorded.
    pub fn maintain(&self) {
        self.inner.maintain();
    }

    /// Stops recording and puts earlier handlers back. The file stays.
    pub fn disarm(self) {}
}

/// Drops a breadcrumb into the file, if recording is armed: `name` is a number of the caller's closed list, which says what the
/// values mean. The last 96 are in the file whatever happens. No allocation, no lock, no system call; for any thread.
#[inline]
pub fn crumb(name: u16, values: [i64; 2]) {
    armed::crumb(name, values);
}

/// Starts threads of the agent: those that `start` makes, and those that they make, take no signal but those of their own faults. A
/// signal that is sent to the process is for the host, whose handler, or whose wait for it, belongs to the host's threads. The
/// calling thread takes what came in the meantime when this returns.
pub fn leaving_signals_to_host<T>(start: impl FnOnce() -> T) -> T {
    armed::leaving_signals_to_host(start)
}

/// The calling thread. One system call: keep the answer.
#[must_use]
pub fn current_thread() -> Tid {
    Tid(armed::current_thread())
}

/// Whether the caller is the thread that `main` runs on.
#[must_use]
pub fn is_main_thread() -> bool {
    armed::is_main_thread()
}

/// Milliseconds on a clock that stands still while the machine is suspended; some milliseconds coarse, never a system call.
#[must_use]
pub fn coarse_millis() -> u64 {
    armed::coarse_millis()
}

/// Milliseconds since the machine started, suspension included.
#[must_use]
pub fn boottime_millis() -> u64 {
    armed::boottime_millis()
}

/// Whether a thread is free to go on, and what it has used so far. The thread is not touched. Takes some tens of microseconds.
#[must_use]
pub fn standing(thread: Tid) -> Standing {
    armed::standing(thread)
}

/// Looks at another thread: what it does, and its stack (at most `max_frames`). The way is chosen so that the thread's
/// system call does not notice. `out` is overwritten; frames name modules by their index in `modules`, to which missing
/// ones are added, so that one list serves many samples.
///
/// Takes some tens of microseconds; where the machine has no time for either thread, at most a second.
///
/// # Errors
/// See [`SampleError`].
pub fn sample(
    thread: Tid,
    max_frames: usize,
    modules: &mut Vec<Module>,
    out: &mut Stack,
) -> Result<Activity, SampleError> {
    armed::sample(thread, max_frames, modules, out)
}

/// Turns return addresses of this process (innermost first) into modules and offsets, in the way of [`sample`].
/// While nothing is armed the modules are not known and every frame stands in none.
#[must_use]
pub fn locate(frames: &[usize], modules: &mut Vec<Module>) -> Stack {
    armed::locate(frames, modules)
}

/// Asks the kernel what its TCP knows of a socket (`TCP_INFO`): the first bytes of `into` are filled as `struct tcp_info` of
/// `<linux/tcp.h>`. How many of them were filled, which is less on older kernels; 0 where it is no TCP socket.
#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
#[must_use]
pub fn tcp_info(socket: std::os::fd::BorrowedFd<'_>, into: &mut [u8]) -> usize {
    crate::sys::tcp_info(socket, into)
}
