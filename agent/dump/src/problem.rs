//! What can be wrong with a dump file.

use std::fmt;

/// Something in the file that could not be read as it should. The rest of the file is read all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It does not start like a dump: nothing was read.
    NotADump,
    /// It was written by a later version: nothing was read.
    UnknownVersion(u16),
    /// It is shorter than a dump; what lies behind its end was read as empty.
    TooShort {
        /// Bytes there are.
        have: usize,
        /// Bytes a dump has.
        need: usize,
    },
    /// It is longer than a dump; what lies behind was not read.
    TooLong {
        /// Bytes there are.
        have: usize,
    },
    /// The header does not match its checksum: run, process and start may be wrong.
    HeaderDamaged,
    /// A field holds a value that has no meaning.
    BadValue {
        /// Which field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A text is not valid UTF-8 or holds control characters, which were replaced.
    BadText {
        /// Which text.
        field: &'static str,
    },
    /// A panic was being written when the process died.
    UnfinishedPanic {
        /// Which slot.
        slot: usize,
    },
    /// The signal's record was being written when the process died.
    UnfinishedSignal {
        /// How far it had come.
        state: u32,
    },
    /// A frame points to a module that is not in the file.
    NoSuchModule {
        /// Which module.
        module: u16,
    },
    /// The other threads end in the middle of a record.
    UnfinishedThreads {
        /// Threads read before it.
        read: usize,
    },
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotADump => write!(
                f,
                "the file does not start like a candor dump; nothing was read"
            ),
            Self::UnknownVersion(version) => write!(
                f,
                "the dump has format version {version}; this program reads version {} only",
                crate::layout::VERSION
            ),
            Self::TooShort { have, need } => {
                write!(
                    f,
                    "the file has {have} bytes of {need}; what is missing was read as empty"
                )
            }
            Self::TooLong { have } => write!(
                f,
                "the file has {have} bytes, more than the {} of a dump; the rest was not read",
                crate::layout::FILE_SIZE
            ),
            Self::HeaderDamaged => {
                write!(
                    f,
                    "the header does not match its checksum; run, process and start time may be wrong"
                )
            }
            Self::BadValue { field, value } => {
                write!(f, "{field} holds {value:#x}, which has no meaning")
            }
            Self::BadText { field } => {
                write!(
                    f,
                    "{field} is not clean UTF-8 text; the offending characters were replaced"
                )
            }
            Self::UnfinishedPanic { slot } => {
                write!(
                    f,
                    "panic slot {slot} was being written when the process ended"
                )
            }
            Self::UnfinishedSignal { state } => write!(
                f,
                "the signal's record was being written when the process ended (step {state} of {})",
                crate::layout::signal::COMPLETE
            ),
            Self::NoSuchModule { module } => {
                write!(
                    f,
                    "a frame names module {module}, which is not in the file; the frame was read without it"
                )
            }
            Self::UnfinishedThreads { read } => {
                write!(
                    f,
                    "the list of other threads breaks off after {read} threads"
                )
            }
        }
    }
}

impl std::error::Error for Problem {}
