//! Where the parts of a build lie that its file does not hold itself: its debug information, and what that shares with
//! others.
//!
//! A build id says for certain whether a file belongs to a build. A name does not, so a file that was found by its name
//! has to have the right build id too, or, without one, the right checksum.

use crate::elf::{Elf, Link, Naming, NotSymbols, Remark, Supplement};
use crate::foreign::{self, Part};
use candor_protocol::deidentify::BuildId;
use flate2::Crc;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Where debug packages of the system are installed.
pub(crate) const SYSTEM: &str = "/usr/lib/debug";

/// A symbol file and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its build.
    pub build: BuildId,
    /// The file that names this build's addresses best: the one that was asked for, or its debug file.
    pub file: PathBuf,
    /// The file that it shares debug information with.
    pub supplement: Option<Shared>,
    /// What has to be said of them.
    pub remarks: Vec<Remark>,
    pub(crate) naming: Naming,
    /// Which part of a file of another kind than ELF.
    pub(crate) part: Option<usize>,
}

/// A file of debug information that others share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shared {
    /// Its build.
    pub build: BuildId,
    /// Where it is.
    pub file: PathBuf,
}

impl Located {
    /// The package of debug information that was split off while compiling, `FILE.dwp`, if there is one.
    pub fn package(&self) -> Option<PathBuf> {
        let mut package = self.file.clone().into_os_string();
        package.push(".dwp");
        Some(PathBuf::from(package)).filter(|package| package.is_file())
    }
}

/// The build id of an ELF file that names functions itself.
///
/// # Errors
/// Says why the file is of no use for symbols.
pub fn build_id_of(path: &Path) -> Result<BuildId, NotSymbols> {
    let elf = Elf::read(path)?;
    let build = elf.build()?;
    match elf.naming {
        Naming::Nothing => Err(NotSymbols::Stripped(None)),
        Naming::Functions | Naming::Lines => Ok(build.clone()),
    }
}

/// What names the addresses of the file or bundle (`.dSYM`) at `path`, for each build in it: [`locate`], if it is an ELF file; else
/// itself.
///
/// # Errors
/// Says why the file is of no use for symbols.
pub fn locate_all(path: &Path, below: &[PathBuf]) -> Result<Vec<Located>, NotSymbols> {
    let path = foreign::in_bundle(path).unwrap_or_else(|| path.to_owned());
    match foreign::parts(&path) {
        Some(parts) => Ok(parts?.iter().map(|part| by_itself(&path, part)).collect()),
        None => Ok(vec![locate(&path, below)?]),
    }
}

/// A part of a file that needs no other.
pub(crate) fn by_itself(path: &Path, part: &Part) -> Located {
    Located {
        build: part.build.clone(),
        file: path.to_owned(),
        supplement: None,
        remarks: Vec::new(),
        naming: part.naming,
        part: Some(part.index),
    }
}

/// What names the addresses of the ELF file at `path`: itself, or its debug file, which is looked for by build id and by the
/// name that the file gives (`.gnu_debuglink`): beside it, in `.debug` beside it, below the directories `below`, and
/// below `/usr/lib/debug`.
///
/// # Errors
/// Says why the file is of no use for symbols.
pub fn locate(path: &Path, below: &[PathBuf]) -> Result<Located, NotSymbols> {
    complete(path, &Elf::read(path)?, below, &[])
}

/// [`locate`] for a file whose headers have been read. `others` are files with their builds, among which a supplement may
/// be.
pub(crate) fn complete(
    path: &Path,
    elf: &Elf,
    below: &[PathBuf],
    others: &[(PathBuf, BuildId)],
) -> Result<Located, NotSymbols> {
    let build = elf.build()?.clone();
    let mut remarks = Vec::new();
    let (mut file, mut named_by) = (path.to_owned(), elf.clone());
    if elf.naming < Naming::Lines {
        match debug_file(path, elf, below) {
            Ok((found, its, remark)) => {
                (file, named_by) = (found, its);
                remarks.extend(remark);
            }
            Err(remark) if elf.naming == Naming::Nothing => {
                return Err(NotSymbols::Stripped(remark));
            }
            Err(remark) => remarks.extend(remark),
        }
    }
    let supplement = named_by.supplement.as_ref().and_then(|wanted| {
        let found = supplement_file(&file, wanted, below, others);
        if found.is_none() {
            remarks.push(Remark::NoSupplement(wanted.path.clone()));
        }
        Some(Shared {
            build: wanted.build.clone(),
            file: found?,
        })
    });
    Ok(Located {
        build,
        file,
        supplement,
        remarks,
        naming: named_by.naming,
        part: None,
    })
}

/// Where the debug file of a build is in the tree of build ids below `dir`: `.build-id/ab/cdef.debug`.
pub(crate) fn in_tree(dir: &Path, build: &BuildId) -> Vec<PathBuf> {
    let Some((first, rest)) = build.as_str().split_at_checked(2) else {
        return Vec::new();
    };
    let file = format!("{rest}.debug");
    [dir.join(".build-id"), dir.to_owned()]
        .iter()
        .map(|tree| tree.join(first).join(&file))
        .filter(|path| path.is_file())
        .collect()
}

/// The debug file of `elf`, its headers, and what has to be said of it; or why there is none.
fn debug_file(
    path: &Path,
    elf: &Elf,
    below: &[PathBuf],
) -> Result<(PathBuf, Elf, Option<Remark>), Option<Remark>> {
    let system = PathBuf::from(SYSTEM);
    let roots = || below.iter().chain([&system]);
    let by_build = elf
        .build
        .iter()
        .flat_map(|build| roots().flat_map(|root| in_tree(root, build)));
    for candidate in by_build {
        if let Ok(its) = Elf::read(&candidate)
            && its.naming > elf.naming
            && its.build == elf.build
        {
            return Ok((candidate, its, None));
        }
    }
    let Some(link) = &elf.link else {
        return Err(None);
    };
    let mut refused = None;
    for candidate in by_name(path, link, roots()) {
        let Ok(its) = Elf::read(&candidate) else {
            continue;
        };
        if its.naming <= elf.naming {
            continue;
        }
        let right = crc_of(&candidate).is_ok_and(|crc| crc == link.crc);
        let remark = match its.build {
            Some(_) if its.build != elf.build => Remark::OtherBuild(candidate),
            None if !right => Remark::OtherChecksum(candidate),
            _ if right => return Ok((candidate, its, None)),
            _ => return Ok((candidate.clone(), its, Some(Remark::Changed(candidate)))),
        };
        refused = refused.or(Some(remark));
    }
    Err(refused.or_else(|| Some(Remark::NoDebugFile(link.name.clone()))))
}

/// Files that have the name that `link` gives, in the order in which debuggers look for them.
fn by_name<'a>(path: &Path, link: &Link, roots: impl Iterator<Item = &'a PathBuf>) -> Vec<PathBuf> {
    // Whoever follows a link finds its debug file where the file itself lies.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = path.parent().unwrap_or(Path::new("/"));
    let mut candidates = vec![dir.join(&link.name), dir.join(".debug").join(&link.name)];
    for root in roots {
        let mirrored = dir.strip_prefix("/").unwrap_or(dir);
        candidates.push(root.join(mirrored).join(&link.name));
        candidates.push(root.join(&link.name));
        candidates.push(root.join(".debug").join(&link.name));
    }
    candidates.retain(|candidate| candidate.is_file() && *candidate != path);
    candidates
}

/// The CRC-32 of a whole file, as `.gnu_debuglink` has it.
fn crc_of(path: &Path) -> io::Result<u32> {
    let mut file = File::open(path)?;
    let mut crc = Crc::new();
    let mut piece = vec![0; 256 * 1024];
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(crc.sum()),
            length => crc.update(&piece[..length]),
        }
    }
}

/// The file that `file` shares debug information with.
fn supplement_file(
    file: &Path,
    wanted: &Supplement,
    below: &[PathBuf],
    others: &[(PathBuf, BuildId)],
) -> Option<PathBuf> {
    let system = PathBuf::from(SYSTEM);
    let roots = || below.iter().chain([&system]);
    let known = others
        .iter()
        .filter(|(_, build)| *build == wanted.build)
        .map(|(path, _)| path.clone());
    let named = Path::new(&wanted.path);
    // A path from the root replaces what it is joined to.
    let beside = file.parent().map(|dir| dir.join(named));
    let mirrored = roots().filter_map(|root| Some(root.join(named.strip_prefix("/").ok()?)));
    let by_build = roots().flat_map(|root| in_tree(root, &wanted.build));
    known
        .chain(beside)
        .chain(mirrored)
        .chain(by_build)
        .find(|path| {
            path.is_file()
                && Elf::read(path).is_ok_and(|found| found.build.as_ref() == Some(&wanted.build))
        })
}
