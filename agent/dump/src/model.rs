//! What a dump says, once it has been read.

/// How far the run had come when the file was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum ExitMark {
    /// The process was at work: whatever ended it did not say so.
    #[default]
    Running,
    /// `exit` was called, or `main` returned; the agent had not been shut down.
    Exiting,
    /// The agent was shut down in good order.
    Clean,
}

impl ExitMark {
    /// The number in the file.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Running => 1,
            Self::Exiting => 2,
            Self::Clean => 3,
        }
    }

    /// The meaning of a number in the file.
    #[must_use]
    pub const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Running),
            2 => Some(Self::Exiting),
            3 => Some(Self::Clean),
            _ => None,
        }
    }
}

/// What was wrong with the address that a fault was about. A class; the address itself is never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FaultClass {
    /// The signal is not about an address.
    #[default]
    None,
    /// Within 64 KiB of zero: a null pointer, perhaps with a field's offset.
    NullLike,
    /// Beside the stack pointer, where nothing can be read: the stack is full.
    StackGuard,
    /// Nothing is mapped there, or it lies behind the end of a mapped file.
    Unmapped,
    /// A write to memory that may only be read.
    NotWritable,
    /// A jump to memory that holds data.
    NotExecutable,
    /// Anything else: an address that no memory can have, a misaligned one, a privileged instruction.
    Other,
}

impl FaultClass {
    /// The number in the file.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::None => 0,
            Self::NullLike => 1,
            Self::StackGuard => 2,
            Self::Unmapped => 3,
            Self::NotWritable => 4,
            Self::NotExecutable => 5,
            Self::Other => 6,
        }
    }

    /// The meaning of a number in the file.
    #[must_use]
    pub const fn from_code(code: u32) -> Option<Self> {
        match code {
            0 => Some(Self::None),
            1 => Some(Self::NullLike),
            2 => Some(Self::StackGuard),
            3 => Some(Self::Unmapped),
            4 => Some(Self::NotWritable),
            5 => Some(Self::NotExecutable),
            6 => Some(Self::Other),
            _ => None,
        }
    }
}

/// How a frame was found: how far it can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Found {
    /// The instruction pointer itself: exact.
    Context,
    /// The instruction that a signal interrupted, further out on the stack: exact.
    Interrupted,
    /// By the module's unwind tables: certain.
    Cfi,
    /// By the chain of frame pointers: likely.
    FramePointer,
    /// The stack was searched for something that looks like a return address: a guess.
    Scan,
    /// Handed in by the caller, as for a panic.
    Given,
}

impl Found {
    /// The number in the file.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Context => 1,
            Self::Interrupted => 2,
            Self::Cfi => 3,
            Self::FramePointer => 4,
            Self::Scan => 5,
            Self::Given => 6,
        }
    }

    /// The meaning of a number in the file.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Context),
            2 => Some(Self::Interrupted),
            3 => Some(Self::Cfi),
            4 => Some(Self::FramePointer),
            5 => Some(Self::Scan),
            6 => Some(Self::Given),
            _ => None,
        }
    }
}

/// One level of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Frame {
    /// Index into the modules that come with the stack; `None` for code that belongs to none (or a wild jump).
    pub module: Option<u16>,
    /// Address minus the module's load bias: what symbol files count in. 0 without a module.
    pub offset: u64,
    /// How it was found.
    pub found: Found,
}

impl Frame {
    /// The offset to look up in symbols. A return address stands behind its call, so it is looked up one byte earlier.
    #[must_use]
    pub const fn lookup_offset(&self) -> u64 {
        match self.found {
            Found::Context | Found::Interrupted => self.offset,
            _ => self.offset.saturating_sub(1),
        }
    }
}

/// Frames that were left out of the middle of a long stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Gap {
    /// The gap lies before this index of [`Stack::frames`].
    pub before: usize,
    /// How many frames are missing there.
    pub missing: u64,
}

/// Why a stack ends where it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum StackEnd {
    /// The walk was cut short by the death of the process, or the file does not say.
    #[default]
    Unfinished,
    /// The outermost function of the thread was reached.
    Outermost,
    /// No caller could be found.
    Lost,
    /// The limit of frames or time was reached.
    Limit,
}

impl StackEnd {
    /// The number in the file.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Unfinished => 0,
            Self::Outermost => 1,
            Self::Lost => 2,
            Self::Limit => 3,
        }
    }

    /// The meaning of a number in the file.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Unfinished),
            1 => Some(Self::Outermost),
            2 => Some(Self::Lost),
            3 => Some(Self::Limit),
            _ => None,
        }
    }
}

/// A stack, innermost frame first.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Stack {
    /// The frames that are known.
    pub frames: Vec<Frame>,
    /// Frames left out of a long stack.
    pub gap: Option<Gap>,
    /// Why it ends.
    pub end: StackEnd,
}

/// What a thread may be called in a dump.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub enum ThreadName {
    /// It has a name that nobody declared; which one is not written.
    #[default]
    Other,
    /// One of the names that were declared when the dump was armed, digits at its end left out.
    Known(String),
}

/// How another thread's registers were had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Reached {
    /// The thread was there; its stack could not be had in time.
    #[default]
    Lost,
    /// It crashed itself.
    Itself,
    /// It was stopped from a helper process that shares its memory.
    Stopped,
    /// It answered a signal.
    Signalled,
}

impl Reached {
    /// The number in the file.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Lost => 0,
            Self::Itself => 1,
            Self::Stopped => 2,
            Self::Signalled => 3,
        }
    }

    /// The meaning of a number in the file.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::Lost),
            1 => Some(Self::Itself),
            2 => Some(Self::Stopped),
            3 => Some(Self::Signalled),
            _ => None,
        }
    }
}

/// A thread at the time of the crash.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Thread {
    /// The kernel's number of the thread. It means nothing outside the run; use it to link records of one dump.
    pub tid: u32,
    /// The thread that `main` runs on.
    pub main: bool,
    /// Its declared name.
    pub name: ThreadName,
    /// How its stack was had.
    pub reached: Reached,
    /// Its stack.
    pub stack: Stack,
}

/// The fatal signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// Signal number, as of Linux.
    pub number: u32,
    /// `si_code`: positive values come from the kernel and depend on the signal.
    pub code: i32,
    /// What was wrong with the address.
    pub fault: FaultClass,
    /// The processor or the kernel raised it, nobody sent it.
    pub from_kernel: bool,
    /// The process sent it to itself, as `abort` does.
    pub from_itself: bool,
    /// The thread that got it. Equal to a panic's `tid` when the panic ended in `abort`.
    pub tid: u32,
    /// Milliseconds since the run started.
    pub at_ms: u64,
    /// The same, not counting time in suspension, as breadcrumbs count.
    pub at_active_ms: u32,
    /// The thread with its stack.
    pub thread: Thread,
    /// Faults on the same thread while the record was written.
    pub nested: u32,
    /// Other threads that the process had; [`Dump::threads`] may hold fewer.
    pub other_threads: u32,
    /// Everything was written before the process died.
    pub complete: bool,
    /// The process was seen alive this many milliseconds after the record: somebody recovered from the signal.
    pub survived_ms: Option<u32>,
}

/// A Rust panic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panic {
    /// Counts the panics of a run from 1.
    pub serial: u32,
    /// The thread that panicked.
    pub tid: u32,
    /// The thread that `main` runs on.
    pub main: bool,
    /// Milliseconds since the run started.
    pub at_ms: u64,
    /// The same, not counting time in suspension, as breadcrumbs count.
    pub at_active_ms: u32,
    /// The message, as it was handed in (scrubbed).
    pub message: String,
    /// Source file, as it was handed in (scrubbed).
    pub file: String,
    /// Line in the source file.
    pub line: u32,
    /// Thread name, as it was handed in (scrubbed).
    pub thread_name: String,
    /// Its stack.
    pub stack: Stack,
}

/// A breadcrumb: something that happened before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crumb {
    /// Counts the crumbs of a run from 1.
    pub serial: u32,
    /// Milliseconds since the run started, not counting time in suspension.
    pub at_ms: u32,
    /// What it is called: a number of the agent's closed list.
    pub name: u16,
    /// Numbers that go with it; the list says what they mean.
    pub values: [i64; 2],
}

/// A program or library that frames stand in.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Module {
    /// What its linker identified it by; empty when it has none.
    pub build_id: Vec<u8>,
    /// Its cleaned name; empty when it was loaded so late that the name could not be cleaned before the death.
    pub name: String,
    /// Bytes between its lowest and highest mapped address.
    pub size: u64,
}

/// A freeze that was open when the file was last written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenFreeze {
    /// Which watch.
    pub watch: u16,
    /// Which thread.
    pub tid: u32,
    /// When it began, milliseconds since the run started.
    pub since_ms: u64,
}

/// How much of what is limited was in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Of the memory that the process may use.
    pub memory: Option<Level>,
    /// Of the files that it may open.
    pub open_files: Option<Level>,
    /// Memory of the process in MiB, rounded down to a power of two.
    pub resident_mib: Option<u32>,
    /// Processes that were killed for lack of memory in the process's own control group, since that was made.
    pub kills_in_group: Option<u64>,
    /// The same on the machine, since it was started.
    pub kills_on_machine: Option<u64>,
}

/// A class of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Less than half.
    Low,
    /// From half to four fifths.
    Medium,
    /// From four fifths to 95 %.
    High,
    /// From 95 % on.
    Critical,
}

impl Level {
    /// The number in the file.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
            Self::Critical => 4,
        }
    }

    /// The meaning of a number in the file.
    #[must_use]
    pub const fn from_code(code: u32) -> Option<Self> {
        match code {
            1 => Some(Self::Low),
            2 => Some(Self::Medium),
            3 => Some(Self::High),
            4 => Some(Self::Critical),
            _ => None,
        }
    }
}

/// What a dump file says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dump {
    /// Version of the format.
    pub version: u16,
    /// Identity of the run.
    pub run: [u8; 16],
    /// Process id.
    pub pid: u32,
    /// Hash of the machine's boot id; `None` when the run ended before it was read.
    pub boot: Option<u64>,
    /// Start of the run, seconds since 1970.
    pub started_unix: u64,
    /// Start of the run, milliseconds since the machine started, suspension included.
    pub started_boottime_ms: u64,
    /// How far the run had come.
    pub exit_mark: ExitMark,
    /// The status that `exit` was reached with, as a parent process would see it; `None` when it was not, or is not known.
    pub exit_status: Option<u8>,
    /// Whether the app was in the foreground; `None` when it never said.
    pub foreground: Option<bool>,
    /// How the machine stood when it was last looked at.
    pub usage: Usage,
    /// The agent's own counters, always [`layout::counters::COUNT`](crate::layout::counters::COUNT) of them.
    pub counters: Vec<u32>,
    /// A freeze that had not ended.
    pub open_freeze: Option<OpenFreeze>,
    /// Panics, oldest first.
    pub panics: Vec<Panic>,
    /// Panics that found no free slot.
    pub panics_lost: u32,
    /// The fatal signal.
    pub signal: Option<Signal>,
    /// A fatal signal ended the run (unless [`ExitMark`] says otherwise) in code that is none of the agent's business: nothing
    /// else was written about it.
    pub signal_elsewhere: bool,
    /// A panic of the main thread was none of the agent's business, and the process was not seen to survive it.
    pub panic_elsewhere: bool,
    /// The last breadcrumbs, oldest first.
    pub crumbs: Vec<Crumb>,
    /// The other threads at the time of the signal.
    pub threads: Vec<Thread>,
    /// The modules that frames point into, by index.
    pub modules: Vec<Module>,
    /// Milliseconds from the start of the run to the last sign of life in the file.
    pub uptime_ms: u64,
    /// The same for the last sign of life of the watch thread, not counting time in suspension, as breadcrumbs count.
    pub alive_active_ms: u32,
}
