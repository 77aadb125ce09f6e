//! From the frames of a report to functions that people know.

use candor_protocol::deidentify::{BuildId, ModuleName};
use candor_protocol::report::{Found, Module, Stack};
use candor_symbols::{Name, Owner, Symbols, owner};
use std::sync::Arc;

/// A frame with all that is known about it.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedFrame {
    /// Base name of the file of code.
    pub module: Option<ModuleName>,
    /// The build of that file.
    pub build_id: Option<BuildId>,
    /// Address relative to the module.
    pub offset: u64,
    /// How it was found.
    pub found: Found,
    /// The functions at this address: innermost inlined one first, the one that was really called last. Empty when no
    /// symbols are known.
    pub names: Arc<[Name]>,
    /// Whose code the called function is.
    pub owner: Owner,
}

impl NamedFrame {
    /// The function that was really called, around all that were inlined into it.
    pub fn function(&self) -> Option<&Name> {
        self.names.last()
    }
}

/// Names for all frames of a stack, in its order.
pub fn name_stack(symbols: &Symbols, stack: &Stack, modules: &[Module]) -> Vec<NamedFrame> {
    stack
        .frames
        .iter()
        .map(|frame| {
            let module = frame
                .module
                .and_then(|index| modules.get(usize::from(index)));
            let build_id = module.and_then(|module| module.build_id.clone());
            let name = module.and_then(|module| module.name.clone());
            let names = match &build_id {
                Some(build_id) => symbols.names(build_id, frame.offset, frame.found),
                None => Arc::default(),
            };
            let owner = owner(
                name.as_ref().map(ModuleName::as_str),
                names.last().map(|name| name.function.as_str()),
            );
            NamedFrame {
                module: name,
                build_id,
                offset: frame.offset.0,
                found: frame.found,
                names,
                owner,
            }
        })
        .collect()
}
