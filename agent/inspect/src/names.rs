//! The symbol files that were asked for, and what has to be said of them.

use crate::view::stack::Names;
use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Module, Offset};
use candor_symbols::{Name, Symbols, build_id_of};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Symbol files for one report.
pub(crate) struct SymbolFiles {
    symbols: Symbols,
    builds: Vec<BuildId>,
    /// Files that were given and are of no use, with the reason.
    pub(crate) notes: Vec<String>,
}

impl SymbolFiles {
    /// Those of `paths` that have symbols of `modules`.
    pub(crate) fn open(paths: &[PathBuf], modules: &[Module]) -> Self {
        let wanted: Vec<&BuildId> = modules
            .iter()
            .filter_map(|module| module.build_id.as_ref())
            .collect();
        let mut files = Vec::new();
        for path in paths {
            files.push(path.clone());
            files.extend(wanted.iter().flat_map(|id| in_tree(path, id)));
        }
        let symbols = Symbols::open(files);
        let builds = symbols.builds();
        let found = wanted.iter().any(|id| builds.contains(id));
        let notes = paths
            .iter()
            .filter_map(|path| note(path, &wanted, found))
            .collect();
        Self {
            symbols,
            builds,
            notes,
        }
    }
}

impl Names for SymbolFiles {
    fn names(&self, build_id: &BuildId, offset: Offset, found: Found) -> Arc<[Name]> {
        self.symbols.names(build_id, offset, found)
    }

    fn knows(&self, build_id: &BuildId) -> bool {
        self.builds.contains(build_id)
    }
}

/// Where debug packages put the symbols of a build below `dir`: `.build-id/ab/cdef.debug`.
fn in_tree(dir: &Path, id: &BuildId) -> Vec<PathBuf> {
    let Some((first, rest)) = id.as_str().split_at_checked(2) else {
        return Vec::new();
    };
    let file = format!("{rest}.debug");
    [dir.join(".build-id"), dir.to_owned()]
        .iter()
        .map(|tree| tree.join(first).join(&file))
        .filter(|path| path.is_file())
        .collect()
}

/// Why `path` is of no use, if it is not. `found` is whether any file was of use.
fn note(path: &Path, wanted: &[&BuildId], found: bool) -> Option<String> {
    let shown = path.display();
    if path.is_dir() {
        return (!found).then(|| format!("no file in {shown} has a build id of this report"));
    }
    match build_id_of(path) {
        Err(error) => Some(format!("{shown} is not used: {error}")),
        Ok(id) if !wanted.contains(&&id) => Some(format!(
            "{shown} is not used: it is build {id}, and no module of this report is; was it built again since?"
        )),
        Ok(_) => None,
    }
}
