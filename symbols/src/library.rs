//! The symbol files at hand, and names for addresses in them.

use crate::cache::Cache;
use crate::clean::clean;
use crate::elf::{Elf, NotSymbols};
use crate::file;
use crate::foreign;
use crate::locate::{Located, by_itself, complete, in_tree};
use crate::name::Name;
use crate::owner::{Owner, is_panic_machinery, owner};
use crate::prepared::Names;
use addr2line::Loader;
use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// Addresses whose names are kept: at about 500 bytes each some 2 MB at most. Pages ask for them.
const NAMES: usize = 2_048;

/// Addresses whose called function is kept: at about 150 bytes each some 10 MB at most. Every crash that arrives asks for all of its
/// frames; those of a thousand different ones fit.
const CALLED: usize = 32_768;

/// Answers after which mapped files are let go. One reads some five places in a large file, and the system maps 64 KiB around each.
const LET_GO: u32 = 64;

/// Files that are kept open with their tables read.
const FILES: usize = 8;

/// Above it, no program has code; a report that says so is damaged, and adding to it could overflow.
const HIGHEST: u64 = i64::MAX as u64;

/// A directory that changed this recently may change again without its time showing it.
const UNSETTLED: Duration = Duration::from_secs(2);

/// The symbol files at hand, and names for addresses in them. What it keeps in memory is bounded.
pub struct Symbols {
    given: Vec<PathBuf>,
    wanted: Vec<BuildId>,
    state: Mutex<State>,
}

/// A file that was looked at for its symbols.
#[derive(Debug)]
pub struct Looked {
    /// Which one.
    pub path: PathBuf,
    /// Whether this very file was given; otherwise it was found in a directory.
    pub given: bool,
    /// Its build, where it says so.
    pub build: Option<BuildId>,
    /// What it is good for, or why it is not.
    pub outcome: Result<Located, NotSymbols>,
}

/// The files of one build.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Build {
    /// Stands for the build in the caches.
    number: u32,
    /// What names its addresses.
    names: Option<Arc<Located>>,
    /// What stacks that go through it are unwound with.
    code: Option<PathBuf>,
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
        Some(Self::named(&names.last()?.function))
    }

    fn named(function: &str) -> Self {
        let path = clean(function);
        Self {
            // Not the owner by its file: line tables must not make a difference.
            owner: owner(None, Some(&path)),
            panics: is_panic_machinery(&path),
            path: path.into(),
        }
    }
}

/// The names in a file.
enum Source {
    Elf(Box<Loader>),
    Ready(Names),
}

impl Source {
    fn read(located: &Located) -> Option<Self> {
        match Names::open(located) {
            Some(names) => Some(Self::Ready(names)),
            None => Some(Self::Elf(Box::new(load(located)?))),
        }
    }

    fn names(&self, address: u64) -> Vec<Name> {
        match self {
            Self::Elf(loader) => file::names(loader, address),
            Self::Ready(names) => names.at(address),
        }
    }

    fn called(&self, address: u64) -> Option<Called> {
        match self {
            Self::Elf(loader) => Called::of(&file::names(loader, address)),
            Self::Ready(names) => names.called_at(address).map(|name| Called::named(&name)),
        }
    }
}

struct State {
    builds: HashMap<BuildId, Build>,
    /// Time of each given path when it was read; `None` when it may have changed since.
    read: Vec<Option<SystemTime>>,
    open: Cache<u32, Option<Source>>,
    names: Cache<(u32, u64), Arc<[Name]>>,
    called: Cache<(u32, u64), Option<Called>>,
    /// Answers that were looked up since mapped files were last let go.
    looked_up: u32,
}

impl Symbols {
    /// Uses the symbol files in `paths`, of ELF or another kind: each is a file, or a directory whose files are used (not those of its directories).
    /// A stripped file is named by its debug file, where [`locate`](crate::locate()) finds that. What cannot be read or
    /// names no function is passed over.
    pub fn open(paths: impl IntoIterator<Item = impl Into<PathBuf>>) -> Self {
        Self::search(paths, Vec::new()).0
    }

    /// As [`open`](Self::open), and looks for the debug files of `wanted` in the directories as trees of build ids
    /// (`.build-id/ab/cdef.debug`), such as `/usr/lib/debug`. Says of every file that was looked at what it is good for.
    pub fn search(
        paths: impl IntoIterator<Item = impl Into<PathBuf>>,
        wanted: Vec<BuildId>,
    ) -> (Self, Vec<Looked>) {
        let given: Vec<PathBuf> = paths.into_iter().map(Into::into).collect();
        let state = State {
            builds: HashMap::new(),
            read: vec![None; given.len()],
            open: Cache::new(FILES),
            names: Cache::new(NAMES),
            called: Cache::new(CALLED),
            looked_up: 0,
        };
        let symbols = Self {
            given,
            wanted,
            state: Mutex::new(state),
        };
        let looked = symbols.read_again();
        (symbols, looked)
    }

    /// Looks for files that were added or removed. Costs one system call per given path when nothing changed.
    pub fn refresh(&self) {
        let times = self.times();
        let unchanged = self
            .lock()
            .read
            .iter()
            .zip(&times)
            .all(|(read, now)| read.is_some() && read == now);
        if !unchanged {
            self.read_again();
        }
    }

    /// When each given path was changed.
    fn times(&self) -> Vec<Option<SystemTime>> {
        self.given
            .iter()
            .map(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
            .collect()
    }

    fn read_again(&self) -> Vec<Looked> {
        let times = self.times();
        let (builds, looked) = look(&self.given, &self.wanted);
        let now = SystemTime::now();
        let settled =
            |time: &SystemTime| now.duration_since(*time).is_ok_and(|age| age > UNSETTLED);
        let mut state = self.lock();
        state.read = times.into_iter().map(|time| time.filter(settled)).collect();
        if state.builds != builds {
            state.builds = builds;
            state.open.clear();
            state.names.clear();
            state.called.clear();
        }
        looked
    }

    /// The functions at an address: innermost inlined one first, the one that was really called last. Empty when no symbol
    /// file knows it.
    ///
    /// `found` says what `offset` is: a return address is looked up one byte before it, inside the call.
    pub fn names(&self, build_id: &BuildId, offset: Offset, found: Found) -> Arc<[Name]> {
        let read = |source: &Source, address| source.names(address).into();
        let mut state = self.lock();
        let known = address(offset, found).zip(state.build(build_id));
        known
            .and_then(|(address, build)| {
                state.known(&build, address, |state| &mut state.names, read)
            })
            .unwrap_or_default()
    }

    /// What tells one fault from another at each of these addresses, of which some have no build; `None` where no symbol file knows
    /// it. Costs less than the names.
    pub fn called<'b>(
        &self,
        places: impl IntoIterator<Item = (Option<&'b BuildId>, Offset, Found)>,
    ) -> Vec<Option<Called>> {
        let mut state = self.lock();
        // One build after the other is usually the same.
        let mut last: Option<(&BuildId, Option<Build>)> = None;
        places
            .into_iter()
            .map(|(build_id, offset, found)| {
                let build_id = build_id?;
                let address = address(offset, found)?;
                if last
                    .as_ref()
                    .is_none_or(|(id, _)| !std::ptr::eq(*id, build_id))
                {
                    last = Some((build_id, state.build(build_id)));
                }
                let (_, build) = last.as_ref()?;
                let build = build.as_ref()?;
                state.known(build, address, |state| &mut state.called, Source::called)?
            })
            .collect()
    }

    /// Whether symbols of a build are at hand.
    pub fn has(&self, build_id: &BuildId) -> bool {
        let build = self.lock().build(build_id);
        build.is_some_and(|build| build.names.is_some())
    }

    /// Builds whose symbols are at hand, in no particular order.
    pub fn builds(&self) -> Vec<BuildId> {
        let state = self.lock();
        let named = state
            .builds
            .iter()
            .filter(|(_, build)| build.names.is_some());
        named.map(|(id, _)| id.clone()).collect()
    }

    /// The file of a build that holds the tables by which its code is unwound (`.eh_frame`); it may be stripped. Where there
    /// is none, the file that names it: that one has the program headers at least.
    pub fn code(&self, build_id: &BuildId) -> Option<PathBuf> {
        let state = self.lock();
        let build = state.builds.get(build_id)?;
        let named_by = || Some(build.names.as_ref()?.file.clone());
        build.code.clone().or_else(named_by)
    }

    // Every change of the state is whole before anything can panic, so a poisoned lock holds good data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn build(&self, build_id: &BuildId) -> Option<Build> {
        let build = self.builds.get(build_id);
        build
            .or_else(|| self.builds.get(&shortened(build_id)?))
            .cloned()
    }

    /// What is kept of an address, or else is looked up in its file.
    fn known<T: Clone + Default>(
        &mut self,
        build: &Build,
        address: u64,
        cache: impl Fn(&mut Self) -> &mut Cache<(u32, u64), T>,
        look_up: impl Fn(&Source, u64) -> T,
    ) -> Option<T> {
        let located = build.names.as_ref()?;
        let key = (build.number, address);
        if let Some(kept) = cache(self).get(&key, T::clone) {
            return Some(kept);
        }
        let ask = |source: &Option<Source>| {
            let source = source.as_ref();
            source.map_or_else(T::default, |source| look_up(source, address))
        };
        self.let_go();
        let found = self.open.get(&build.number, ask).unwrap_or_else(|| {
            let source = Source::read(located);
            let found = ask(&source);
            self.open.insert(build.number, source);
            found
        });
        cache(self).insert(key, found.clone());
        Some(found)
    }

    /// Maps ready names anew from time to time: every page of a file that was ever touched would count as memory of this process, though
    /// what is asked often is kept besides. To map one costs some microseconds.
    fn let_go(&mut self) {
        self.looked_up += 1;
        if self.looked_up >= LET_GO {
            self.looked_up = 0;
            let mapped = |source: &Option<Source>| matches!(source, Some(Source::Ready(names)) if names.mapped);
            self.open.retain(|source| !mapped(source));
        }
    }
}

/// Where an address is looked up; `None` where no program has code.
fn address(offset: Offset, found: Found) -> Option<u64> {
    let address = match found.is_exact() {
        true => offset.0,
        false => offset.0.saturating_sub(1),
    };
    (address <= HIGHEST).then_some(address)
}

/// What a file of Breakpad's that does not tell the whole of it calls a build.
fn shortened(build_id: &BuildId) -> Option<BuildId> {
    build_id.as_str().get(..32)?.parse().ok()
}

pub(crate) fn load(located: &Located) -> Option<Loader> {
    // Without the file that it shares debug information with, its own part and its symbol table are left.
    let supplement = located.supplement.as_ref().map(|shared| &shared.file);
    Loader::new_with_sup(&located.file, supplement)
        .or_else(|_| Loader::new(&located.file))
        .ok()
}

/// The builds in `given`, and what was looked at for it.
fn look(given: &[PathBuf], wanted: &[BuildId]) -> (HashMap<BuildId, Build>, Vec<Looked>) {
    let mut files: Vec<(PathBuf, bool)> = Vec::new();
    let mut below = Vec::new();
    for path in given {
        match files_in(path) {
            Some(inside) => {
                below.push(path.clone());
                files.extend(inside.into_iter().map(|file| (file, false)));
                let trees = wanted.iter().flat_map(|build| in_tree(path, build));
                files.extend(trees.map(|file| (file, false)));
            }
            None => files.push((
                foreign::in_bundle(path).unwrap_or_else(|| path.clone()),
                true,
            )),
        }
    }
    let mut builds: HashMap<BuildId, Build> = HashMap::new();
    let mut looked = Vec::new();
    let mut read: Vec<(PathBuf, bool, Result<Elf, NotSymbols>)> = Vec::new();
    for (path, given) in files {
        match foreign::parts(&path) {
            Some(Ok(parts)) => looked.extend(parts.into_iter().map(|part| {
                let located = by_itself(&path, &part);
                build_of(&mut builds, &part.build).name_by(&located);
                Looked {
                    path: path.clone(),
                    given,
                    build: Some(part.build),
                    outcome: Ok(located),
                }
            })),
            Some(Err(why)) => looked.push(Looked {
                path,
                given,
                build: None,
                outcome: Err(why),
            }),
            None => {
                let elf = Elf::read(&path);
                read.push((path, given, elf));
            }
        }
    }
    let known: Vec<(PathBuf, BuildId)> = read
        .iter()
        .filter_map(|(path, _, elf)| Some((path.clone(), elf.as_ref().ok()?.build.clone()?)))
        .collect();
    for (path, given, elf) in read {
        let build = elf.as_ref().ok().and_then(|elf| elf.build.clone());
        let outcome = elf.and_then(|elf| {
            let located = complete(&path, &elf, &below, &known);
            if let Some(id) = &elf.build {
                let build = build_of(&mut builds, id);
                if elf.unwinds && build.code.is_none() {
                    build.code = Some(path.clone());
                }
                if let Ok(located) = &located {
                    build.name_by(located);
                }
            }
            located
        });
        looked.push(Looked {
            path,
            given,
            build,
            outcome,
        });
    }
    (builds, looked)
}

fn build_of<'b>(builds: &'b mut HashMap<BuildId, Build>, id: &BuildId) -> &'b mut Build {
    let number = builds.len() as u32;
    builds.entry(id.clone()).or_insert(Build {
        number,
        names: None,
        code: None,
    })
}

impl Build {
    /// Uses `located` if it names more than what is known.
    fn name_by(&mut self, located: &Located) {
        let naming = |known: &Arc<Located>| known.naming;
        if self.names.as_ref().map(naming) < Some(located.naming) {
            self.names = Some(Arc::new(located.clone()));
        }
    }
}

/// The files in a directory; `None` when it is none.
fn files_in(path: &Path) -> Option<Vec<PathBuf>> {
    if foreign::in_bundle(path).is_some() {
        return None;
    }
    let entries = fs::read_dir(path).ok()?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .map(|path| foreign::in_bundle(&path).unwrap_or(path))
        .filter(|path| path.is_file())
        .collect();
    // Of two files that are equally good the same one is taken every time.
    files.sort();
    Some(files)
}
