//! Symbol files in the data directory: one for each build, by its build id.

use candor_protocol::deidentify::BuildId;
use candor_symbols::{NotSymbols, build_id_of};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

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

/// Stores a symbol file under its build id, whole or not at all; a collector that runs finds it with the next report.
///
/// # Errors
/// Says why the file is of no use, or could not be stored.
pub fn add(data: &Path, file: &Path) -> Result<Added, NotAdded> {
    let build = build_id_of(file).map_err(NotAdded::NotSymbols)?;
    let directory = directory(data);
    fs::create_dir_all(&directory)?;
    let place = directory.join(format!("{build}.debug"));
    if place.exists() {
        return Ok(Added { build, known: true });
    }
    // Beside the directory, where nobody takes a half-written file for a whole one.
    let half = data.join(format!("incoming-{build}-{}", std::process::id()));
    let stored = copy_durably(file, &half)
        .and_then(|()| fs::rename(&half, &place))
        .and_then(|()| File::open(&directory)?.sync_all());
    if let Err(error) = stored {
        // It may not exist; then there is nothing to remove.
        let _ = fs::remove_file(&half);
        return Err(error.into());
    }
    Ok(Added {
        build,
        known: false,
    })
}

fn copy_durably(from: &Path, to: &Path) -> io::Result<()> {
    let mut to = File::create(to)?;
    io::copy(&mut File::open(from)?, &mut to)?;
    to.sync_all()
}
