//! The symbol files that were asked for, and what has to be said of them.

use crate::view::stack::Names;
use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use candor_symbols::{Looked, Name, NotSymbols, Symbols};
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
    /// Those of `paths` that have symbols of the builds `wanted`.
    pub(crate) fn open(paths: &[PathBuf], wanted: Vec<BuildId>) -> Self {
        let (symbols, looked) = Symbols::search(paths, wanted.clone());
        let builds = symbols.builds();
        let notes = notes(paths, &looked, &wanted, &builds);
        Self {
            symbols,
            builds,
            notes,
        }
    }

    /// The file of a build that its code is unwound with.
    pub(crate) fn code(&self, build: &BuildId) -> Option<PathBuf> {
        self.symbols.code(build)
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

/// What has to be said of the files that were looked at. Of those in directories only what concerns the report: there may
/// be thousands.
fn notes(
    paths: &[PathBuf],
    looked: &[Looked],
    wanted: &[BuildId],
    builds: &[BuildId],
) -> Vec<String> {
    let shares = |file: &Path| {
        looked
            .iter()
            .filter_map(|other| other.outcome.as_ref().ok()?.supplement.as_ref())
            .any(|shared| shared.file == file)
    };
    let mut notes = Vec::new();
    for one in looked {
        let shown = one.path.display();
        let build = one.build.as_ref();
        let concerns = build.is_some_and(|build| wanted.contains(build));
        match (&one.outcome, build) {
            (Ok(located), Some(_)) if concerns => {
                notes.extend(
                    located
                        .remarks
                        .iter()
                        .map(|remark| format!("{shown}: {remark}")),
                );
            }
            (Ok(_), Some(build)) if one.given && !shares(&one.path) => notes.push(format!(
                "{shown} is not used: it is build {build}, and no module of this report is; was it built again since?"
            )),
            // Another file may name what this one does not.
            (Err(error @ NotSymbols::Stripped(_)), Some(build))
                if one.given || (concerns && !builds.contains(build)) =>
            {
                notes.push(format!("{shown} gives no names: {error}"));
            }
            (Err(error), _) if one.given => notes.push(format!("{shown} is not used: {error}")),
            _ => {}
        }
    }
    let of_use = wanted.iter().any(|build| builds.contains(build));
    let directories = paths.iter().filter(|path| !of_use && path.is_dir());
    notes.extend(directories.map(|directory| {
        format!(
            "no file in {} has a build id of this report",
            directory.display()
        )
    }));
    notes
}
