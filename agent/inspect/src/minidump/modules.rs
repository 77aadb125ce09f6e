//! The files of code of a minidump.

use super::code::Code;
use super::walk::bare;
use crate::names::SymbolFiles;
use candor_protocol::deidentify::{BuildId, ModuleName};
use candor_protocol::report;
use minidump::{CodeView, MinidumpModule, MinidumpModuleList};
use std::collections::HashMap;

/// A file of code, and where it was loaded.
pub(crate) struct Module {
    pub(super) base: u64,
    /// As the dump has it: often a whole path.
    pub(crate) path: String,
    pub(crate) build: Option<BuildId>,
    /// The file itself, where it was given.
    pub(super) code: Option<Code>,
}

impl Module {
    /// An address of the process as this module's symbols count.
    pub(super) fn in_symbols(&self, address: u64) -> Option<u64> {
        let load = self.code.as_ref().map_or(0, |code| code.load);
        address.checked_sub(self.base)?.checked_add(load)
    }

    /// As reports have it.
    pub(super) fn as_reported(&self) -> report::Module {
        report::Module {
            build_id: self.build.clone(),
            name: (!self.path.is_empty()).then(|| ModuleName::scrub(&self.path)),
        }
    }
}

/// All of them, with the list that stacks are walked with.
#[derive(Default)]
pub(crate) struct Modules {
    all: Vec<Module>,
    list: MinidumpModuleList,
    /// Places in `all` by where they were loaded.
    places: HashMap<u64, usize>,
}

/// Builds of the modules in `list`.
pub(super) fn builds(list: &MinidumpModuleList) -> Vec<BuildId> {
    list.iter().filter_map(build).collect()
}

fn build(module: &MinidumpModule) -> Option<BuildId> {
    match &module.codeview_info {
        Some(CodeView::Elf(raw)) if raw.build_id.iter().any(|byte| *byte != 0) => {
            BuildId::from_bytes(&raw.build_id).ok()
        }
        _ => None,
    }
}

impl Modules {
    /// Those of `list`, with what `symbols` has of them.
    pub(super) fn new(list: &MinidumpModuleList, symbols: &SymbolFiles) -> Self {
        let all: Vec<Module> = list
            .iter()
            .map(|module| {
                let build = build(module);
                let file = build.as_ref().and_then(|build| symbols.code(build));
                Module {
                    base: module.raw.base_of_image,
                    path: module.name.clone(),
                    build,
                    code: file.and_then(|file| Code::read(&file)),
                }
            })
            .collect();
        // Every frame of a walk holds a copy of its module.
        let bare = list
            .iter()
            .map(|module| bare(module.raw.base_of_image, module.raw.size_of_image));
        Self {
            list: MinidumpModuleList::from_modules(bare.collect()),
            places: (0..)
                .zip(&all)
                .map(|(place, module)| (module.base, place))
                .collect(),
            all,
        }
    }

    pub(crate) fn all(&self) -> &[Module] {
        &self.all
    }

    pub(super) fn list(&self) -> &MinidumpModuleList {
        &self.list
    }

    /// The module at an address and its place in the list.
    pub(super) fn at(&self, address: u64) -> Option<(usize, &Module)> {
        let base = self.list.module_at_address(address)?.raw.base_of_image;
        let place = *self.places.get(&base)?;
        Some((place, self.all.get(place)?))
    }
}
