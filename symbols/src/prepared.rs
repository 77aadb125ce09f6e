//! Names made ready: what a symbol file says of every address, in a file that is mapped and searched as it is. Debug information has
//! to be read unit by unit and kept in memory, many times the size of what is asked of it; this takes none, and an answer is a search.

use crate::file::{Place, places};
use crate::foreign;
use crate::library::load;
use crate::locate::Located;
use crate::name::Name;
use crate::owner::owner;
use addr2line::{Loader, demangle_auto};
use object::{Object as _, SymbolMapName};
use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use symbolic_common::{ByteView, Language, NameMangling};
use symbolic_debuginfo::{FileInfo, Function, LineInfo, Symbol};
use symbolic_symcache::{SymCache, SymCacheConverter};

/// The directory, beside symbol files, of what was made ready.
const DIRECTORY: &str = "names";
/// Raised whenever names are made in another way, so that nobody takes older ones for these.
const VERSION: u32 = 1;

/// Bytes that are written at a time. A system keeps in memory what was written together as one page, up to 2 MiB of it, and then maps as
/// much around every place that is read: a few dozen answers would make all of a file count as memory of this process.
const PIECE: usize = 64 << 10;

/// The names in a symbol file.
pub(crate) struct Names {
    bytes: ByteView<'static>,
    /// Whether they are mapped from a file that was made ready.
    pub(crate) mapped: bool,
    /// Whether the function that is really called has its name from a symbol table, which says whose it is.
    by_symbol: bool,
}

/// Makes the names of a symbol file ready for whoever has it in `directory`. Whether that is possible for this file; takes seconds
/// and memory for a large one.
///
/// # Errors
/// When the file cannot be read, or the names not written.
pub fn prepare(located: &Located, directory: &Path) -> io::Result<bool> {
    let place = place(located, directory);
    if place.exists() {
        return Ok(true);
    }
    let Some(names) = read(located)? else {
        return Ok(false);
    };
    fs::create_dir_all(directory.join(DIRECTORY))?;
    // Two may make the same ready at the same time, each in a file of its own.
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let half = place.with_extension(format!("half-{}-{number}", std::process::id()));
    let written = (|| {
        let mut file = File::create(&half)?;
        for piece in names.chunks(PIECE) {
            file.write_all(piece)?;
        }
        file.sync_all()?;
        fs::rename(&half, &place)
    })();
    if let Err(error) = written {
        // It may not exist; then there is nothing to remove.
        let _ = fs::remove_file(&half);
        return Err(error);
    }
    Ok(true)
}

fn place(located: &Located, directory: &Path) -> PathBuf {
    let part = located.part.unwrap_or_default();
    let name = format!("{}-{part}.{VERSION}", located.build);
    directory.join(DIRECTORY).join(name)
}

/// All names of a file; `None` where it is damaged or has none.
fn read(located: &Located) -> io::Result<Option<Vec<u8>>> {
    let file = ByteView::open(&located.file)?;
    let Some(part) = located.part else {
        return Ok(of_elf(located, &file));
    };
    Ok(foreign::names(&file, part))
}

/// What the file says at the beginning of each row of its line tables. It may change within one where what was inlined ends; that
/// is rare, and never the function that is really called.
fn of_elf(located: &Located, file: &ByteView<'_>) -> Option<Vec<u8>> {
    let loader = load(located)?;
    let elf = object::File::parse(file.as_slice()).ok()?;
    let symbols = elf.symbol_map();
    let mut converter = SymCacheConverter::new();
    let mut last = None;
    for symbol in symbols.symbols() {
        let start = symbol.address();
        // Of several names at one address the same is taken as where the file is read as it is.
        if last.replace(start) == Some(start) {
            continue;
        }
        let named = symbols.containing(start).unwrap_or(symbol);
        let name = demangle_auto(Cow::Borrowed(named.name()), None);
        let rows = rows(&loader, start, start.saturating_add(symbol.size()));
        if !rows.is_empty() {
            converter.process_symbolic_function(&nested(&name, symbol, &rows));
        }
        converter.process_symbolic_symbol(&Symbol {
            name: Some(name),
            address: start,
            size: symbol.size(),
        });
    }
    last.and_then(|_| written(converter))
}

/// A row of a line table: where it begins, how long it is, and where its instructions come from, the innermost inlined function
/// first.
struct Row {
    start: u64,
    size: u64,
    places: Vec<Place>,
}

fn rows(loader: &Loader, start: u64, end: u64) -> Vec<Row> {
    let Ok(ranges) = loader.find_location_range(start, end) else {
        return Vec::new();
    };
    ranges
        .filter_map(|(row, size, _)| {
            // A row may begin before the function does, where it is shared.
            let from = row.max(start);
            let size = row.saturating_add(size).min(end).checked_sub(from)?;
            let places = places(loader, from)?;
            (size > 0 && !places.is_empty()).then_some(Row {
                start: from,
                size,
                places,
            })
        })
        .collect()
}

/// A function as its rows tell it: itself, and in it what was inlined, row by row.
fn nested<'r>(name: &'r str, symbol: &SymbolMapName<'_>, rows: &'r [Row]) -> Function<'r> {
    let of = |address: u64, size: u64, name: &'r str, inline: bool| Function {
        address,
        size,
        name: symbolic_common::Name::new(name, NameMangling::Unmangled, Language::Unknown),
        compilation_dir: &[],
        lines: Vec::new(),
        inlinees: Vec::new(),
        inline,
    };
    let line = |row: &Row, place: &'r Place| {
        let file = place.file.as_deref().unwrap_or_default();
        LineInfo {
            address: row.start,
            size: Some(row.size),
            file: FileInfo::new(Cow::Borrowed(&[]), Cow::Borrowed(file.as_bytes())),
            line: place.line.unwrap_or(0).into(),
        }
    };
    let mut whole = of(symbol.address(), symbol.size(), name, false);
    for row in rows {
        let Some((called, inlined)) = row.places.split_last() else {
            continue;
        };
        whole.lines.push(line(row, called));
        // From the innermost one outwards.
        let inner = inlined.iter().fold(None, |inner, place| {
            let mut function = of(row.start, row.size, &place.function, true);
            function.lines.push(line(row, place));
            function.inlinees.extend(inner);
            Some(function)
        });
        whole.inlinees.extend(inner);
    }
    whole
}

pub(crate) fn written(converter: SymCacheConverter<'_>) -> Option<Vec<u8>> {
    let mut names = Vec::new();
    converter.serialize(&mut names).ok()?;
    Some(names)
}

impl Names {
    /// What was made ready for a file where it is; else what a file of another kind than ELF says, which is then read anew and
    /// stays in memory.
    pub(crate) fn open(located: &Located) -> Option<Self> {
        let ready = located.file.parent().map(|beside| place(located, beside));
        let ready = ready.and_then(|place| ByteView::open(place).ok());
        if let Some(ready) = ready.filter(|ready| SymCache::parse(ready).is_ok()) {
            return Some(Self {
                bytes: ready,
                mapped: true,
                by_symbol: located.part.is_none(),
            });
        }
        let part = located.part?;
        let file = ByteView::open(&located.file).ok()?;
        Some(Self {
            bytes: ByteView::from_vec(foreign::names(&file, part)?),
            mapped: false,
            by_symbol: false,
        })
    }

    /// The function that is really called at `address`. Costs less than all of them.
    pub(crate) fn called_at(&self, address: u64) -> Option<String> {
        let cache = SymCache::parse(&self.bytes).ok()?;
        let places = cache.lookup(address).map(|place| place.function().name());
        let called = places.filter(|name| is_known(name)).last()?;
        Some(demangle_auto(Cow::Borrowed(called), None).into_owned())
    }

    /// The functions at `address`, innermost inlined one first; the outermost is the one that was really called.
    pub(crate) fn at(&self, address: u64) -> Vec<Name> {
        let Ok(cache) = SymCache::parse(&self.bytes) else {
            return Vec::new();
        };
        let mut names: Vec<Name> = cache
            .lookup(address)
            .map(|place| {
                let function = demangle_auto(Cow::Borrowed(place.function().name()), None);
                let file = place.file().map(|file| file.full_path());
                let line = Some(place.line()).filter(|line| *line > 0);
                Name::new(function.into_owned(), file.as_deref(), line, true)
            })
            .filter(|name| is_known(&name.function))
            .collect();
        if let Some(called) = names.last_mut() {
            called.inlined = false;
            if self.by_symbol {
                called.owner = owner(None, Some(&called.function));
            }
        }
        names
    }
}

fn is_known(function: &str) -> bool {
    !function.is_empty() && function != "?"
}
