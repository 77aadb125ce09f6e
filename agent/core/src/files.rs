//! The directory of the agent on a device: its names, and how its small files are replaced.

use crate::consent::Permit;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where everything of the agent lies. See `spool/FORMAT.md` for what each file holds.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    root: PathBuf,
}

impl Files {
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// One dump, one note and at most one open freeze for each run that has not been told of yet.
    pub(crate) fn runs(&self) -> PathBuf {
        self.root.join("runs")
    }

    /// Reports that wait.
    pub(crate) fn spool(&self) -> PathBuf {
        self.root.join("spool")
    }

    /// Held by the process that uses the directory.
    pub(crate) fn lock(&self) -> PathBuf {
        self.root.join("lock")
    }

    /// To what the user agreed, and within which limits.
    pub(crate) fn grant(&self) -> PathBuf {
        self.root.join("grant.json")
    }

    /// The device's pseudonyms.
    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join("identity.json")
    }

    /// What was recorded, delivered and lost.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.root.join("ledger.json")
    }

    /// When the collector may be asked again.
    pub(crate) fn upload(&self) -> PathBuf {
        self.root.join("upload.json")
    }

    /// How often in a row the app crashed while it was starting up.
    pub(crate) fn startup(&self) -> PathBuf {
        self.root.join("startup.json")
    }

    /// There while the user pauses the agent; empty.
    pub(crate) fn paused(&self) -> PathBuf {
        self.root.join("paused")
    }

    /// What the collector asked to leave out.
    pub(crate) fn narrowing(&self) -> PathBuf {
        self.root.join("narrowing.json")
    }

    /// The notice that ended the service.
    pub(crate) fn sunset(&self) -> PathBuf {
        self.root.join("sunset.json")
    }

    /// When the user withdrew, and the request for erasure until it is answered.
    pub(crate) fn withdrawal(&self) -> PathBuf {
        self.root.join("withdrawal.json")
    }
}

impl Files {
    /// Marks the agent as paused, whether it runs or not. Not under a permit: it says that nothing else may be written.
    pub(crate) fn pause(&self) -> io::Result<()> {
        replace(&self.paused(), b"")
    }

    /// Takes the mark away.
    pub(crate) fn resume(&self) -> io::Result<()> {
        match fs::remove_file(self.paused()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Makes a directory, and those above it, for this user alone.
pub(crate) fn make_dir(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(path)
}

/// Replaces `path` in one step, so that after a crash there is either the old file or the new one. When this returns,
/// the new one is on the disk.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    exchange(path, bytes, File::sync_data)?;
    sync_dir(path.parent().unwrap_or(path))
}

fn exchange(path: &Path, bytes: &[u8], settle: fn(&File) -> io::Result<()>) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    let written = (|| {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        settle(&file)?;
        fs::rename(&beside, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written
}

/// Makes the names in a directory survive the loss of power.
pub(crate) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Replaces a small JSON file. Takes a permit, as every write does.
pub(crate) fn save<T: Serialize>(_: &Permit<'_>, path: &Path, value: &T) -> io::Result<()> {
    replace(path, &serde_json::to_vec(value)?)
}

/// Replaces a small JSON file that has to outlive this process, and does not wait for the disk: that takes as long as the machine is
/// busy, and meanwhile nobody would look. The system writes it by itself within seconds; a loss of power before may lose it.
pub(crate) fn leave<T: Serialize>(_: &Permit<'_>, path: &Path, value: &T) -> io::Result<()> {
    exchange(path, &serde_json::to_vec(value)?, |_| Ok(()))
}

/// Reads a small JSON file; `None` when it is missing or cannot be read as what it should be.
pub(crate) fn load<T: DeserializeOwned>(path: &Path) -> Option<T> {
    /// None of these files comes near this size; a larger one is not ours.
    const MOST: u64 = 1024 * 1024;
    let metadata = fs::metadata(path).ok()?;
    if !metadata.is_file() || metadata.len() > MOST {
        return None;
    }
    serde_json::from_slice(&fs::read(path).ok()?).ok()
}

/// Removes everything in the directory but the withdrawal itself and the lock.
pub(crate) fn purge(files: &Files) -> io::Result<()> {
    purge_but(files, &[files.withdrawal(), files.lock()])
}

/// Removes everything in the directory but these files.
pub(crate) fn purge_but(files: &Files, keep: &[PathBuf]) -> io::Result<()> {
    for entry in fs::read_dir(files.root())? {
        let path = entry?.path();
        if keep.contains(&path) {
            continue;
        }
        if path.is_dir() {
            fs::remove_dir_all(&path)?
        } else {
            fs::remove_file(&path)?
        }
    }
    sync_dir(files.root())
}
