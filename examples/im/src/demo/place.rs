//! Where the demo keeps its files.

use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use super::plan::Device;

/// Marks a directory as the demo's own, which it may empty.
const MARK: &str = "made-by-cargo-demo";

/// The directory of one demo.
#[derive(Debug)]
pub(super) struct Place {
    root: PathBuf,
}

impl Place {
    /// An empty directory at `wanted`, or in the target directory.
    pub(super) fn prepare(wanted: Option<&Path>) -> Result<Self, Failure> {
        let root = match wanted {
            Some(path) => std::path::absolute(path)?,
            None => default_root()?,
        };
        let what = |e| format!("{}: {e}", root.display());
        fs::create_dir_all(&root).map_err(what)?;
        let occupied = fs::read_dir(&root).map_err(what)?.next().is_some();
        if occupied && !root.join(MARK).exists() {
            return Err(format!(
                "{} is not empty and not of an earlier demo: name another --data",
                root.display()
            )
            .into());
        }
        for entry in fs::read_dir(&root).map_err(what)? {
            let path = entry?.path();
            if path.is_dir() {
                fs::remove_dir_all(&path)?
            } else {
                fs::remove_file(&path)?
            }
        }
        fs::write(
            root.join(MARK),
            "cargo demo empties this directory when it starts\n",
        )?;
        let place = Self { root };
        fs::create_dir_all(place.logs())?;
        fs::create_dir_all(place.root.join("devices"))?;
        Ok(place)
    }

    pub(super) fn collector(&self) -> PathBuf {
        self.root.join("collector")
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.root.join("logs")
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    pub(super) fn device(&self, device: &Device) -> PathBuf {
        self.root.join("devices").join(&device.user)
    }

    /// Devices that must not have left anything behind, and did.
    pub(super) fn strays(&self, devices: &[Device]) -> Vec<String> {
        let silent = devices.iter().filter(|d| !d.permitted());
        silent
            .filter(|d| self.device(d).exists())
            .map(|d| d.user.clone())
            .collect()
    }
}

/// `target/demo`: the demo runs from `target/PROFILE`.
fn default_root() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let target = program
        .parent()
        .and_then(Path::parent)
        .ok_or("the demo does not run from a target directory: name a --data")?;
    Ok(target.join("demo"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_somebody_else_is_left_alone() {
        let theirs = tempfile::tempdir().unwrap();
        fs::write(theirs.path().join("letters"), "dear").unwrap();
        let refused = Place::prepare(Some(theirs.path())).unwrap_err().to_string();
        assert!(
            refused.ends_with("is not empty and not of an earlier demo: name another --data"),
            "{refused}"
        );
        assert_eq!(
            fs::read_to_string(theirs.path().join("letters")).unwrap(),
            "dear"
        );
    }

    #[test]
    fn a_directory_of_an_earlier_demo_is_emptied() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::prepare(Some(directory.path())).unwrap();
        fs::write(place.log("ana"), "old").unwrap();
        let place = Place::prepare(Some(directory.path())).unwrap();
        assert!(!place.log("ana").exists());
    }
}
