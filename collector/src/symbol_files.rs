//! Symbol files in the data directory: one for each build, by its build id.

use candor_protocol::deidentify::BuildId;
use candor_symbols::{Located, NotSymbols, Remark, locate_all, prepare};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where they are.
pub fn directory(data: &Path) -> PathBuf {
    data.join("symbols")
}

/// A file that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// Its build.
    pub build: BuildId,
    /// Whether the symbols of this build were there before.
    pub known: bool,
    /// What has to be said of the files that belong to it.
    pub remarks: Vec<Remark>,
}

/// Why a file was not added.
#[derive(Debug)]
pub enum NotAdded {
    /// It is of no use.
    NotSymbols(NotSymbols),
    /// It could not be stored.
    Io(io::Error),
}

impl std::fmt::Display for NotAdded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotSymbols(reason) => reason.fmt(f),
            Self::Io(error) => write!(f, "it could not be stored: {error}"),
        }
    }
}

impl std::error::Error for NotAdded {}

impl From<io::Error> for NotAdded {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A file that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its build.
    pub build: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was added, in seconds since 1970-01-01 UTC.
    pub since: u64,
}

/// The files that there are, the newest first.
///
/// # Errors
/// When the directory cannot be read.
pub fn list(data: &Path) -> io::Result<Vec<Kept>> {
    let directory = directory(data);
    if !directory.is_dir() {
        return Ok(Vec::new());
    }
    let mut kept = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(build) = name.strip_suffix(".debug") else {
            continue;
        };
        let about = entry.metadata()?;
        let since = about.modified()?.duration_since(std::time::UNIX_EPOCH);
        kept.push(Kept {
            build: build.to_owned(),
            bytes: about.len(),
            since: since.map_or(0, |since| since.as_secs()),
        });
    }
    kept.sort_by(|one, other| {
        other
            .since
            .cmp(&one.since)
            .then(one.build.cmp(&other.build))
    });
    Ok(kept)
}

/// Copies all of them into another data directory, with what was made ready of them; how many there are.
///
/// # Errors
/// When one cannot be read or written.
pub fn copy(data: &Path, to: &Path) -> io::Result<usize> {
    let (from, to) = (directory(data), directory(to));
    if !from.is_dir() {
        return Ok(0);
    }
    copy_files(&from, &to)
}

fn copy_files(from: &Path, to: &Path) -> io::Result<usize> {
    fs::create_dir_all(to)?;
    let mut copied = 0;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_files(&entry.path(), &target)?;
            continue;
        }
        fs::copy(entry.path(), &target)?;
        File::open(&target)?.sync_all()?;
        copied += 1;
    }
    Ok(copied)
}

/// Stores what names the addresses of a file: itself, or, where it is stripped, its debug file, with what belongs to that.
/// A file of another kind than ELF is stored for each build in it. A collector that runs finds it with the next report.
///
/// # Errors
/// Says why the file is of no use, or could not be stored.
pub fn add(data: &Path, file: &Path) -> Result<Vec<Added>, NotAdded> {
    let located = locate_all(file, &[]).map_err(NotAdded::NotSymbols)?;
    fs::create_dir_all(directory(data))?;
    located
        .into_iter()
        .map(|located| keep(data, located))
        .collect()
}

fn keep(data: &Path, located: Located) -> Result<Added, NotAdded> {
    let directory = directory(data);
    let place = |build: &BuildId| directory.join(format!("{build}.debug"));
    let debug = place(&located.build);
    // First what it needs, so that nobody reads it without.
    if let Some(package) = located.package() {
        let mut beside = debug.clone().into_os_string();
        beside.push(".dwp");
        store(data, &package, Path::new(&beside))?;
    }
    if let Some(shared) = &located.supplement {
        store(data, &shared.file, &place(&shared.build))?;
    }
    let known = !store(data, &located.file, &debug)?;
    if let Err(error) = prepare(&located, &directory) {
        // It is read as it is then, which takes more time and memory.
        tracing::warn!(build = %located.build, %error, "its names could not be made ready");
    }
    Ok(Added {
        build: located.build,
        known,
        remarks: located.remarks,
    })
}

/// Stores a file at `place`, whole or not at all. Whether it was not there before.
fn store(data: &Path, file: &Path, place: &Path) -> io::Result<bool> {
    if place.exists() {
        return Ok(false);
    }
    // Beside the directory, where nobody takes a half-written file for a whole one.
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let half = data.join(format!("incoming-{name}-{}-{number}", std::process::id()));
    let stored = copy_durably(file, &half)
        .and_then(|()| fs::rename(&half, place))
        .and_then(|()| File::open(directory(data))?.sync_all());
    if let Err(error) = stored {
        // It may not exist; then there is nothing to remove.
        let _ = fs::remove_file(&half);
        return Err(error);
    }
    Ok(true)
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut to)?;
    to.sync_all()
}
