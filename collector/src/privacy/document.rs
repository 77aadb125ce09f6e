//! A value in a file, read again whenever another process has replaced it.

use super::files;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// A value in a file.
#[derive(Debug)]
pub(crate) struct Document<T> {
    path: PathBuf,
    known: Mutex<Option<(Version, Arc<T>)>>,
}

/// Tells one file from the one that replaced it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Version {
    changed: SystemTime,
    bytes: u64,
    file: u64,
}

impl<T: Serialize + DeserializeOwned + Default + Clone> Document<T> {
    pub(crate) fn at(path: PathBuf) -> Self {
        Self {
            path,
            known: Mutex::default(),
        }
    }

    /// The value, as whoever changed it last left it.
    pub(crate) fn read(&self) -> io::Result<Arc<T>> {
        let version = version(&self.path)?;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some((seen, value)), Some(version)) = (&*known, &version)
            && seen == version
        {
            return Ok(value.clone());
        }
        let value = Arc::new(files::load(&self.path)?);
        *known = version.map(|version| (version, Arc::clone(&value)));
        Ok(value)
    }

    /// Changes the value; it is on disk when this returns. Other threads and processes wait meanwhile.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut T) -> R) -> io::Result<R> {
        let _locked = files::lock(self.path.parent().unwrap_or(Path::new(".")))?;
        let mut value: T = files::load(&self.path)?;
        let answer = change(&mut value);
        files::save(&self.path, &value)?;
        Ok(answer)
    }
}

fn version(path: &Path) -> io::Result<Option<Version>> {
    match std::fs::metadata(path) {
        Ok(metadata) => {
            #[cfg(unix)]
            let file = std::os::unix::fs::MetadataExt::ino(&metadata);
            #[cfg(not(unix))]
            let file = 0;
            Ok(Some(Version {
                changed: metadata.modified()?,
                bytes: metadata.len(),
                file,
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_process_changes_is_seen() {
        let data = tempfile::tempdir().unwrap();
        let path = data.path().join("numbers.json");
        let (here, there) = (
            Document::<Vec<u32>>::at(path.clone()),
            Document::at(path.clone()),
        );
        assert!(here.read().unwrap().is_empty());
        for number in 0..5 {
            there
                .change(|numbers: &mut Vec<u32>| numbers.push(number))
                .unwrap();
            assert_eq!(here.read().unwrap().len(), number as usize + 1);
        }
        std::fs::write(&path, "[1,").unwrap();
        assert!(here.read().unwrap_err().to_string().contains("damaged"));
        assert!(here.change(|numbers| numbers.push(9)).is_err());
    }
}
