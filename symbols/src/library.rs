//! The symbol files at hand, and names for addresses in them.

use crate::cache::Cache;
use crate::clean::clean;
use crate::file;
use crate::name::Name;
use crate::owner::{Owner, is_panic_machinery, owner};
use addr2line::Loader;
use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Addresses whose names are kept: at about 300 bytes each some 20 MB at most.
const NAMES: usize = 32_768;

/// Files that are kept open with their tables read.
const FILES: usize = 8;

/// Above it, no program has code; a report that says so is damaged, and adding to it could overflow.
const HIGHEST: u64 = i64::MAX as u64;

/// A directory that changed this recently may change again without its time showing it.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The symbol files at hand, and names for addresses in them. What it keeps in memory is bounded.
pub struct Symbols {
    given: Vec<PathBuf>,
    state: Mutex<State>,
}

/// What tells one fault from another at an address: the function that was really called there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Called {
    /// Its [`clean`] name.
    pub path: Arc<str>,
    /// Whose code it is, by its name; the module is not considered.
    pub owner: Owner,
    /// Whether it only raises or reports a panic.
    pub panics: bool,
}

impl Called {
    /// What matters of the functions at one address; `None` without a function.
    pub fn of(names: &[Name]) -> Option<Self> {
        let called = names.last()?;
        let path = clean(&called.function);
        Some(Self {
            // Not the owner by its file: line tables must not make a difference.
            owner: owner(None, Some(&path)),
            panics: is_panic_machinery(&path),
            path: path.into(),
        })
    }
}

/// All that is known about an address.
#[derive(Clone)]
struct Known {
    names: Arc<[Name]>,
    called: Option<Called>,
}

struct State {
    /// Files by build, each with the number that stands for it in the caches.
    files: HashMap<BuildId, (u32, Arc<PathBuf>)>,
    /// Time of each given path when it was read; `None` when it may have changed since.
    read: Vec<Option<SystemTime>>,
    open: Cache<u32, Option<Loader>>,
    known: Cache<(u32, u64), Known>,
}

impl Symbols {
    /// Uses the ELF files in `paths`: each is a file, or a directory whose files are used (not those of its directories).
    /// What cannot be read or names no function is passed over.
    pub fn open(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        let given: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let state = State {
            files: HashMap::new(),
            read: vec![None; given.len()],
            open: Cache::new(FILES),
            known: Cache::new(NAMES),
        };
        let symbols = Self {
            given,
            state: Mutex::new(state),
        };
        symbols.refresh();
        symbols
    }

    /// Looks for files that were added or removed. Costs one system call per given path when nothing changed.
    pub fn refresh(&self) {
        let changed: Vec<_> = self
            .given
            .iter()
            .map(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
            .collect();
        if self
            .lock()
            .read
            .iter()
            .zip(&changed)
            .all(|(read, now)| read.is_some() && read == now)
        {
            return;
        }
        let found = self.given.iter().flat_map(|path| files_in(path));
        let files = (0..)
            .zip(found)
            .map(|(number, (build, path))| (build, (number, path)))
            .collect();
        let now = SystemTime::now();
        let settled =
            |time: &SystemTime| now.duration_since(*time).is_ok_and(|age| age > UNSETTLED);
        let mut state = self.lock();
        state.read = changed
            .into_iter()
            .map(|time| time.filter(settled))
            .collect();
        if state.files != files {
            state.files = files;
            state.open.clear();
            state.known.clear();
        }
    }

    /// The functions at an address: innermost inlined one first, the one that was really called last. Empty when no symbol
    /// file knows it.
    ///
    /// `found` says what `offset` is: a return address is looked up one byte before it, inside the call.
    pub fn names(&self, build_id: &BuildId, offset: Offset, found: Found) -> Arc<[Name]> {
        self.known(build_id, offset, found, |known| known.names.clone())
            .unwrap_or_default()
    }

    /// What tells one fault from another at an address; `None` where no symbol file knows it. Costs less than the names.
    pub fn called(&self, build_id: &BuildId, offset: Offset, found: Found) -> Option<Called> {
        self.known(build_id, offset, found, |known| known.called.clone())?
    }

    fn known<T>(
        &self,
        build_id: &BuildId,
        offset: Offset,
        found: Found,
        take: impl Fn(&Known) -> T,
    ) -> Option<T> {
        let address = if found.is_exact() {
            offset.0
        } else {
            offset.0.saturating_sub(1)
        };
        if address > HIGHEST {
            return None;
        }
        let State {
            files, open, known, ..
        } = &mut *self.lock();
        let (file, path) = files.get(build_id)?;
        let key = (*file, address);
        if let Some(taken) = known.get(&key, &take) {
            return Some(taken);
        }
        let look_up = |loader: &Option<Loader>| match loader {
            Some(loader) => file::names(loader, address),
            None => Vec::new(),
        };
        let names = open.get(file, look_up).unwrap_or_else(|| {
            let loader = Loader::new(&**path).ok();
            let names = look_up(&loader);
            open.insert(*file, loader);
            names
        });
        let called = Called::of(&names);
        let new = Known {
            names: names.into(),
            called,
        };
        let taken = take(&new);
        known.insert(key, new);
        Some(taken)
    }

    /// Builds whose symbols are at hand, in no particular order.
    pub fn builds(&self) -> Vec<BuildId> {
        self.lock().files.keys().cloned().collect()
    }

    // Every change of the state is whole before anything can panic, so a poisoned lock holds good data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The usable files at `path` with their build ids.
fn files_in(path: &Path) -> Vec<(BuildId, Arc<PathBuf>)> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.is_file())
            .collect(),
        Err(_) => vec![path.to_owned()],
    };
    entries
        .into_iter()
        .filter_map(|path| Some((file::build_id_of(&path).ok()?, Arc::new(path))))
        .collect()
}
