//! One symbol file.

use crate::name::Name;
use addr2line::{Loader, demangle_auto};
use candor_protocol::deidentify::BuildId;
use object::{Object, ObjectSymbol, ReadCache};
use std::borrow::Cow;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;

/// Why a file is not used for symbols.
#[derive(Debug)]
pub enum NotSymbols {
    /// It could not be read.
    Unreadable(io::Error),
    /// It is not an ELF file, or a damaged one.
    NotElf,
    /// It has no build id, so that no report can refer to it.
    NoBuildId,
    /// It was stripped: it has a build id, but neither debug information nor functions in its symbol table.
    Stripped,
}

impl fmt::Display for NotSymbols {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => write!(f, "it cannot be read: {error}"),
            Self::NotElf => f.write_str("it is not an ELF file, or it is damaged"),
            Self::NoBuildId => f.write_str("it has no build id; link it with -Wl,--build-id"),
            Self::Stripped => f.write_str(
                "it is stripped: it names no function; give the file from before `strip`",
            ),
        }
    }
}

impl std::error::Error for NotSymbols {}

/// The build id of an ELF file that names functions.
///
/// # Errors
/// Says why the file is of no use for symbols.
pub fn build_id_of(path: &Path) -> Result<BuildId, NotSymbols> {
    let file = File::open(path).map_err(NotSymbols::Unreadable)?;
    // Reads the headers it needs, not the file: with its debug information that may have gigabytes.
    let data = ReadCache::new(file);
    let elf = object::File::parse(&data).map_err(|_| NotSymbols::NotElf)?;
    let id = elf
        .build_id()
        .map_err(|_| NotSymbols::NotElf)?
        .ok_or(NotSymbols::NoBuildId)?;
    let id = BuildId::from_bytes(id).map_err(|_| NotSymbols::NoBuildId)?;
    let names_functions = || {
        elf.symbols()
            .any(|symbol| symbol.is_definition() && symbol.kind() == object::SymbolKind::Text)
    };
    if !elf.has_debug_symbols() && !names_functions() {
        return Err(NotSymbols::Stripped);
    }
    Ok(id)
}

/// The functions at `address`, innermost inlined one first.
///
/// The outermost one is the function that was really called. Its name comes from the symbol table where there is one: the
/// name in line tables has no path, and the names of one fault must not depend on how much debug information a build has.
pub(crate) fn names(loader: &Loader, address: u64) -> Vec<Name> {
    let mut names = debug_names(loader, address).unwrap_or_default();
    let symbol = loader
        .find_symbol(address)
        .map(|symbol| demangle_auto(Cow::Borrowed(symbol), None).into_owned());
    match (symbol, names.last_mut()) {
        (Some(symbol), Some(called)) => {
            let Name { file, line, .. } =
                std::mem::replace(called, Name::new(symbol, None, None, false));
            called.file = file;
            called.line = line;
        }
        (Some(symbol), None) => names.push(Name::new(symbol, None, None, false)),
        (None, _) => {}
    }
    names.retain(|name| !name.function.is_empty());
    names
}

/// What the debug information says; `None` where it is damaged.
fn debug_names(loader: &Loader, address: u64) -> Option<Vec<Name>> {
    let mut frames = loader.find_frames(address).ok()?;
    let mut names = Vec::new();
    while let Some(frame) = frames.next().ok()? {
        // Line tables alone name only functions that others were inlined into; the place is known all the same.
        let function = frame
            .function
            .as_ref()
            .and_then(|function| function.demangle().ok())
            .map_or_else(String::new, Cow::into_owned);
        let (path, line) = frame
            .location
            .map_or((None, None), |location| (location.file, location.line));
        names.push(Name::new(
            function,
            path,
            line.filter(|line| *line > 0),
            true,
        ));
    }
    if let Some(called) = names.last_mut() {
        called.inlined = false;
    }
    Some(names)
}
