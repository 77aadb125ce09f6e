//! Small files that are replaced whole, and the one lock that processes share.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Opens a file for writing that only its owner may look into.
pub(crate) fn private(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    options.open(path)
}

/// A directory that only its owner may look into.
pub(crate) fn directory(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Replaces a file: written beside, synced, renamed, so that there is always a whole one.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    let mut file = private(
        &beside,
        OpenOptions::new().write(true).create(true).truncate(true),
    )?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// Replaces a file by a value as JSON.
pub(crate) fn save(path: &Path, value: &impl Serialize) -> io::Result<()> {
    replace(path, &serde_json::to_vec_pretty(value)?)
}

/// Copies a directory with everything in it; each file is on the disk when this returns.
pub(crate) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    directory(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            replace(&target, &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// A value from its file; the default where there is none.
pub(crate) fn load<T: DeserializeOwned + Default>(path: &Path) -> io::Result<T> {
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map_err(|error| io::Error::other(format!("{} is damaged: {error}", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        Err(error) => Err(error),
    }
}

/// Held while something in the directory is changed. Other threads and other processes wait for it.
pub(crate) struct Locked(#[allow(dead_code, reason = "closing it unlocks")] File);

/// Waits for the lock of a directory.
pub(crate) fn lock(directory: &Path) -> io::Result<Locked> {
    let file = private(
        &directory.join("lock"),
        OpenOptions::new().write(true).create(true).truncate(false),
    )?;
    file.lock()?;
    Ok(Locked(file))
}
