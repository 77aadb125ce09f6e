//! A crash: what killed the process, or a panic that it survived.

use super::crumb::{self, Crumb};
use super::stack::{Module, Stack, check_modules};
use super::words;
use crate::deidentify::{CleanText, SourcePath, ThreadName};
use crate::limits;
use serde::{Deserialize, Serialize};

/// The process died of a fault, or a panic was caught.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// What happened.
    pub cause: Cause,
    /// Whether the process died of it.
    pub fatal: bool,
    /// The thread it happened in.
    pub thread: Thread,
    /// The other threads, as far as they could be recorded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Thread>,
    /// Files of code that frames refer to.
    pub modules: Vec<Module>,
    /// Milliseconds since the process started.
    pub uptime_ms: u64,
    /// How the app and the machine stood.
    #[serde(default, skip_serializing_if = "Circumstances::are_unknown")]
    pub around: Circumstances,
    /// What the app had done before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub crumbs: Vec<Crumb>,
    /// What could not be read of the dump.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
}

/// How the app and the machine stood when it happened, as classes. What is missing is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Circumstances {
    /// Whether the app was in the foreground, where the app says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreground: Option<bool>,
    /// How much was used of the memory that the process may use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory: Option<Pressure>,
    /// Memory of the process itself in MiB, rounded down to a power of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resident_mib: Option<u32>,
    /// How much was used of the files that the process may open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_files: Option<Pressure>,
}

impl Circumstances {
    /// Whether nothing is known.
    pub fn are_unknown(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self.resident_mib {
            Some(mib) if !mib.is_power_of_two() => {
                Err("the memory of a process is a power of two of MiB")
            }
            _ => Ok(()),
        }
    }
}

words! {
    /// How much of something limited was used.
    pub enum Pressure {
        /// Less than half.
        Low = "low",
        /// From half to four fifths.
        Medium = "medium",
        /// From four fifths to 95 %.
        High = "high",
        /// From 95 % on.
        Critical = "critical",
    }
}

impl Pressure {
    /// The class of `used` of `limit`; `None` when there is no limit.
    pub const fn of(used: u64, limit: u64) -> Option<Self> {
        if limit == 0 {
            return None;
        }
        let percent = used as u128 * 100 / limit as u128;
        Some(match percent {
            0..50 => Self::Low,
            50..80 => Self::Medium,
            80..95 => Self::High,
            _ => Self::Critical,
        })
    }
}

/// A thread of a crashed process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Thread {
    /// Whether it is the process's first thread.
    pub main: bool,
    /// Its name, where it is of an allow-listed pool or survived de-identification.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ThreadName>,
    /// What it was doing.
    pub stack: Stack,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Cause {
    /// A Rust panic.
    Panic {
        /// Its message, de-identified.
        message: CleanText,
        /// Where it was raised.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<SourceLine>,
        /// The signal that ended the process, where the panic became one (`panic = "abort"`, a panic while unwinding).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<SignalName>,
    },
    /// A fatal signal.
    Signal {
        /// Which one.
        signal: SignalName,
        /// Who sent it.
        origin: Origin,
        /// The kind of address that faulted.
        fault: Fault,
        /// The signal's code (`si_code`): what the kernel says of it, or how it was sent. Linux's numbers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<i32>,
    },
}

/// A line of source code.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceLine {
    /// Path relative to the crate.
    pub file: SourcePath,
    /// Line, from 1.
    pub line: u32,
}

words! {
    /// Signals that are recorded.
    pub enum SignalName {
        /// Invalid memory access.
        Segv = "SIGSEGV",
        /// Access to memory that has no backing.
        Bus = "SIGBUS",
        /// Arithmetic fault.
        Fpe = "SIGFPE",
        /// Invalid instruction.
        Ill = "SIGILL",
        /// The process ended itself.
        Abrt = "SIGABRT",
        /// Break point.
        Trap = "SIGTRAP",
        /// Forbidden system call.
        Sys = "SIGSYS",
    }
}

impl SignalName {
    /// What Linux's headers call the code that came with the signal (sigaction(2)); `None` for one they do not name.
    pub const fn code_name(self, code: i32) -> Option<&'static str> {
        Some(match (self, code) {
            (_, 0) => "SI_USER",
            (_, -1) => "SI_QUEUE",
            (_, -6) => "SI_TKILL",
            (_, 128) => "SI_KERNEL",
            (Self::Segv, 1) => "SEGV_MAPERR",
            (Self::Segv, 2) => "SEGV_ACCERR",
            (Self::Segv, 3) => "SEGV_BNDERR",
            (Self::Segv, 4) => "SEGV_PKUERR",
            (Self::Bus, 1) => "BUS_ADRALN",
            (Self::Bus, 2) => "BUS_ADRERR",
            (Self::Bus, 3) => "BUS_OBJERR",
            (Self::Bus, 4) => "BUS_MCEERR_AR",
            (Self::Bus, 5) => "BUS_MCEERR_AO",
            (Self::Fpe, 1) => "FPE_INTDIV",
            (Self::Fpe, 2) => "FPE_INTOVF",
            (Self::Fpe, 3) => "FPE_FLTDIV",
            (Self::Fpe, 4) => "FPE_FLTOVF",
            (Self::Fpe, 5) => "FPE_FLTUND",
            (Self::Fpe, 6) => "FPE_FLTRES",
            (Self::Fpe, 7) => "FPE_FLTINV",
            (Self::Fpe, 8) => "FPE_FLTSUB",
            (Self::Ill, 1) => "ILL_ILLOPC",
            (Self::Ill, 2) => "ILL_ILLOPN",
            (Self::Ill, 3) => "ILL_ILLADR",
            (Self::Ill, 4) => "ILL_ILLTRP",
            (Self::Ill, 5) => "ILL_PRVOPC",
            (Self::Ill, 6) => "ILL_PRVREG",
            (Self::Ill, 7) => "ILL_COPROC",
            (Self::Ill, 8) => "ILL_BADSTK",
            (Self::Trap, 1) => "TRAP_BRKPT",
            (Self::Trap, 2) => "TRAP_TRACE",
            (Self::Trap, 3) => "TRAP_BRANCH",
            (Self::Trap, 4) => "TRAP_HWBKPT",
            (Self::Sys, 1) => "SYS_SECCOMP",
            (Self::Sys, 2) => "SYS_USER_DISPATCH",
            _ => return None,
        })
    }
}

words! {
    /// Who sent a signal.
    pub enum Origin {
        /// The processor or the kernel, because of what the thread did.
        Kernel = "kernel",
        /// The process sent it to itself, as `abort` does.
        Itself = "self",
        /// Another process.
        User = "user",
    }
}

words! {
    /// What kind of address faulted; the address itself is not recorded.
    pub enum Fault {
        /// The signal has no address.
        None = "none",
        /// In the first 64 KiB: a null pointer, perhaps with a field's offset.
        NullLike = "null_like",
        /// Just beyond a stack: a stack overflow.
        StackGuard = "stack_guard",
        /// Nothing is mapped there.
        Unmapped = "unmapped",
        /// Mapped, but not for writing.
        NotWritable = "not_writable",
        /// Mapped, but not for executing.
        NotExecutable = "not_executable",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// What could not be read of a dump.
    pub enum Note {
        /// The process died while the dump was being written.
        Unfinished = "unfinished",
        /// A part of the dump is damaged.
        Damaged = "damaged",
        /// More threads ran than fit.
        ThreadsLeftOut = "threads_left_out",
        /// More modules were loaded than fit.
        ModulesLeftOut = "modules_left_out",
        /// Breadcrumbs whose names had not been noted before the process died.
        CrumbsLeftOut = "crumbs_left_out",
    }
}

impl Crash {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        check_modules(&self.modules)?;
        if self.others.len() >= limits::CRASH_THREADS {
            return Err("a crash lists more threads than are accepted");
        }
        if self.notes.len() > Note::ALL.len() {
            return Err("a crash repeats its notes");
        }
        self.around.check()?;
        crumb::check(&self.crumbs, limits::CRUMBS)?;
        self.thread.stack.check(&self.modules)?;
        self.others
            .iter()
            .try_for_each(|thread| thread.stack.check(&self.modules))
    }
}
