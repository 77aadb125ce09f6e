//! From the frames of a report to functions that people know.

use crate::grouping::{self, Grouped, Rules};
use crate::store::Lacking;
use candor_protocol::deidentify::{AppName, BuildId, ModuleName};
use candor_protocol::report::{Found, Frame, Module, Report, Stack};
use candor_symbols::{Name, Owner, Symbols, owner};
use std::cell::RefCell;
use std::collections::BTreeSet;
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
            let (build_id, module) = place(frame, modules);
            let names = match build_id {
                Some(build_id) => symbols.names(build_id, frame.offset, frame.found),
                None => Arc::default(),
            };
            let function = names.last().map(|name| name.function.as_str());
            let owner = owner(module.map(ModuleName::as_str), function);
            NamedFrame {
                module: module.cloned(),
                build_id: build_id.cloned(),
                offset: frame.offset.0,
                found: frame.found,
                names,
                owner,
            }
        })
        .collect()
}

/// The frames of a stack as grouping looks at them: the same as from [`name_stack`], for less.
pub fn call_stack(symbols: &Symbols, stack: &Stack, modules: &[Module]) -> Vec<grouping::Frame> {
    // The system's modules are told apart by name once, not for every frame.
    let owners: Vec<Owner> = modules
        .iter()
        .map(|module| owner(module.name.as_ref().map(ModuleName::as_str), None))
        .collect();
    let places = stack.frames.iter().map(|frame| {
        let (build_id, _) = place(frame, modules);
        (build_id, frame.offset, frame.found)
    });
    let frames = stack.frames.iter().zip(symbols.called(places));
    frames
        .map(|(frame, called)| {
            let (build_id, module) = place(frame, modules);
            let module_owner = frame
                .module
                .and_then(|index| owners.get(usize::from(index)));
            grouping::Frame {
                module: module.cloned(),
                build_id: build_id.cloned(),
                offset: frame.offset.0,
                found: frame.found,
                owner: match (module_owner, &called) {
                    (Some(Owner::System), _) => Owner::System,
                    (_, Some(called)) => called.owner,
                    (_, None) => Owner::App,
                },
                called,
                file: None,
            }
        })
        .collect()
}

/// The issue that a report belongs to, and the builds without whose symbols some of its frames have no names. The system's code counts
/// among those only in stacks of nothing else: its names make no difference elsewhere.
pub fn group(
    symbols: &Symbols,
    rules: &Rules,
    app: &AppName,
    report: &Report,
) -> (Option<Grouped>, Vec<Lacking>) {
    let unnamed: RefCell<BTreeSet<Lacking>> = RefCell::default();
    let issue = grouping::group_by(report, rules, app.as_str(), |stack, modules| {
        let frames = match rules.ask_files() {
            true => {
                let frames = name_stack(symbols, stack, modules).into_iter();
                frames.map(Into::into).collect()
            }
            false => call_stack(symbols, stack, modules),
        };
        let is_system = |frame: &grouping::Frame| frame.owner == Owner::System;
        let nothing_else = frames.iter().all(is_system);
        let frames_without = frames
            .iter()
            .filter(|frame| frame.called.is_none() && (nothing_else || !is_system(frame)));
        let lacking = frames_without.filter_map(|frame| {
            Some(Lacking {
                build: frame.build_id.clone()?,
                module: frame.module.clone(),
            })
        });
        unnamed.borrow_mut().extend(lacking);
        frames
    });
    let mut lacking: Vec<Lacking> = unnamed.into_inner().into_iter().collect();
    lacking.dedup_by(|one, other| one.build == other.build);
    lacking.retain(|one| !symbols.has(&one.build));
    (issue, lacking)
}

fn place<'a>(
    frame: &Frame,
    modules: &'a [Module],
) -> (Option<&'a BuildId>, Option<&'a ModuleName>) {
    match frame
        .module
        .and_then(|index| modules.get(usize::from(index)))
    {
        Some(module) => (module.build_id.as_ref(), module.name.as_ref()),
        None => (None, None),
    }
}
