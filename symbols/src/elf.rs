//! What an ELF file says about itself: its build, what it can name, and where the rest of it lies.

use candor_protocol::deidentify::BuildId;
use object::{BinaryFormat, Object, ObjectSection, ObjectSymbol, ReadCache, SymbolKind};
use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Component, Path, PathBuf};

/// Why a file is not used for symbols.
#[derive(Debug)]
pub enum NotSymbols {
    /// It could not be read.
    Unreadable(io::Error),
    /// It is none of the kinds of files that can be read.
    OtherKind,
    /// It is one of them, and cannot be understood: why.
    Damaged(String),
    /// It has no build id, so that no report can refer to it.
    NoBuildId,
    /// It is a part of the debug information that was split off while compiling (`.dwo`, `.dwp`).
    SplitOff,
    /// It was stripped: it has a build id, but neither debug information nor functions in its symbol table. The remark
    /// says what became of the debug file that it names, if it names one.
    Stripped(Option<Remark>),
}

impl fmt::Display for NotSymbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::OtherKind => f.write_str(
                "it is no symbol file that can be read, which are ELF, Mach-O, PDB, PE and those of Breakpad, or it is damaged",
            ),
            Self::Damaged(how) => write!(f, "it is damaged: {how}"),
            Self::NoBuildId => f.write_str("it has no build id; link it with -Wl,--build-id"),
            Self::SplitOff => f.write_str(
                "it is only a part of a program's debug information; give the program, with its .dwp beside it",
            ),
            Self::Stripped(remark) => {
                f.write_str(
                    "it is stripped: it names no function; give the file from before `strip`, or its debug file",
                )?;
                remark.iter().try_for_each(|remark| write!(f, " ({remark})"))
            }
        }
    }
}

impl std::error::Error for NotSymbols {}

/// What has to be said of the files that belong to a symbol file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remark {
    /// The debug file that it names (`.gnu_debuglink`) was not found.
    NoDebugFile(String),
    /// A file with the name of its debug file has another build id and was not used.
    OtherBuild(PathBuf),
    /// A file with the name of its debug file has another checksum and no build id that would prove it right, and was not
    /// used.
    OtherChecksum(PathBuf),
    /// Its debug file has another checksum than it says, but the same build id, and is used.
    Changed(PathBuf),
    /// The file that it shares debug information with (`.gnu_debugaltlink`) was not found: what only that one holds has no
    /// name.
    NoSupplement(String),
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDebugFile(name) => write!(
                f,
                "its debug file {name} is neither beside it, nor in .debug beside it, nor below a directory that was \
                 given, nor below {}",
                crate::locate::SYSTEM
            ),
            Self::OtherBuild(path) => write!(
                f,
                "{} has the name of its debug file, but is another build",
                path.display()
            ),
            Self::OtherChecksum(path) => write!(
                f,
                "{} has the name of its debug file, but its checksum is wrong",
                path.display()
            ),
            Self::Changed(path) => write!(
                f,
                "the checksum of its debug file {} is wrong, but it is the same build, and is used",
                path.display()
            ),
            Self::NoSupplement(name) => write!(
                f,
                "{name}, which it shares debug information with, is not at hand; names and lines may be missing"
            ),
        }
    }
}

/// How well a file names addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// Not at all.
    Nothing,
    /// Functions, by its symbol table.
    Functions,
    /// Functions, files and lines, by its debug information.
    Lines,
}

/// A debug file, as a stripped file names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// A file's name, without a directory.
    pub(crate) name: String,
    /// CRC-32 of the whole debug file.
    pub(crate) crc: u32,
}

/// A file that several debug files share debug information with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Supplement {
    /// Its path, from the root or from where the file that names it lies.
    pub(crate) path: String,
    pub(crate) build: BuildId,
}

/// What the headers of an ELF file say.
#[derive(Debug, Clone)]
pub(crate) struct Elf {
    pub(crate) build: Option<BuildId>,
    /// Whether it holds what was split off while compiling.
    pub(crate) split_off: bool,
    pub(crate) naming: Naming,
    /// Whether it holds the tables that stacks are unwound by.
    pub(crate) unwinds: bool,
    pub(crate) link: Option<Link>,
    pub(crate) supplement: Option<Supplement>,
}

impl Elf {
    /// Reads the headers of a file, and no more of it: with its debug information it may have gigabytes.
    pub(crate) fn read(path: &Path) -> Result<Self, NotSymbols> {
        let file = File::open(path).map_err(NotSymbols::Unreadable)?;
        let data = ReadCache::new(file);
        let elf = object::File::parse(&data).map_err(|_| NotSymbols::OtherKind)?;
        if elf.format() != BinaryFormat::Elf {
            return Err(NotSymbols::OtherKind);
        }
        let build = elf.build_id().map_err(|_| NotSymbols::OtherKind)?;
        let names_functions = || {
            elf.symbols()
                .any(|symbol| symbol.is_definition() && symbol.kind() == SymbolKind::Text)
        };
        let naming = if elf.has_debug_symbols() {
            Naming::Lines
        } else if names_functions() {
            Naming::Functions
        } else {
            Naming::Nothing
        };
        let unwinds = elf
            .section_by_name(".eh_frame")
            .is_some_and(|section| section.file_range().is_some());
        Ok(Self {
            build: build.and_then(|id| BuildId::from_bytes(id).ok()),
            split_off: elf.section_by_name(".debug_info.dwo").is_some(),
            naming,
            unwinds,
            link: elf.gnu_debuglink().ok().flatten().and_then(link),
            supplement: elf.gnu_debugaltlink().ok().flatten().and_then(supplement),
        })
    }
}

impl Elf {
    /// The build that reports refer to.
    pub(crate) fn build(&self) -> Result<&BuildId, NotSymbols> {
        match &self.build {
            Some(build) => Ok(build),
            None if self.split_off => Err(NotSymbols::SplitOff),
            None => Err(NotSymbols::NoBuildId),
        }
    }
}

fn link((name, crc): (&[u8], u32)) -> Option<Link> {
    let name = str::from_utf8(name).ok()?;
    // Whoever made the file must not make us look anywhere else.
    let mut parts = Path::new(name).components();
    let plain = matches!(parts.next(), Some(Component::Normal(_))) && parts.next().is_none();
    plain.then(|| Link {
        name: name.to_owned(),
        crc,
    })
}

fn supplement((path, build): (&[u8], &[u8])) -> Option<Supplement> {
    Some(Supplement {
        path: str::from_utf8(path).ok()?.to_owned(),
        build: BuildId::from_bytes(build).ok()?,
    })
}
