//! Stacks with the names that are at hand, and which frame is to blame.

use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{self, Found, Module, Offset, StackEnd};
use candor_symbols::{Name, Owner, clean, is_panic_machinery, is_thread_base, owner};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// Where names come from.
pub(crate) trait Names {
    /// The functions at an address, innermost inlined one first; empty when nothing is known.
    fn names(&self, build_id: &BuildId, offset: Offset, found: Found) -> Arc<[Name]>;

    /// Whether there are symbols of this build.
    fn knows(&self, build_id: &BuildId) -> bool;
}

/// No names at all.
pub(crate) struct Nameless;

impl Names for Nameless {
    fn names(&self, _: &BuildId, _: Offset, _: Found) -> Arc<[Name]> {
        Arc::default()
    }

    fn knows(&self, _: &BuildId) -> bool {
        false
    }
}

/// A stack, innermost frame first.
#[derive(Debug, Serialize)]
pub(crate) struct Stack {
    pub(crate) frames: Vec<Frame>,
    /// Frames that were left out.
    pub(crate) left_out: u32,
    /// How many of `frames` lie behind the gap.
    pub(crate) outermost: u32,
    /// Why it ends; missing when it reached the outermost function of its thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<StackEnd>,
}

/// One frame.
#[derive(Debug, Serialize)]
pub(crate) struct Frame {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) module: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build_id: Option<String>,
    /// Hexadecimal digits; missing when the address is in no module.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<String>,
    pub(crate) found: Found,
    #[serde(serialize_with = "word")]
    pub(crate) owner: Owner,
    pub(crate) blamed: bool,
    /// Whether it led to the blamed frame.
    #[serde(skip)]
    pub(crate) outer: bool,
    /// Whether it is part of raising, reporting or recording a panic, and so no part of the fault.
    pub(crate) raises_panic: bool,
    /// The functions at the address, innermost inlined one first; the last one was really called.
    pub(crate) functions: Vec<Function>,
}

/// A function at an address.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Function {
    pub(crate) name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    pub(crate) inlined: bool,
    #[serde(serialize_with = "word")]
    pub(crate) owner: Owner,
}

pub(crate) fn word<S: Serializer>(owner: &Owner, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(owner.as_str())
}

impl Function {
    fn of(name: &Name) -> Self {
        Self {
            name: name.function.clone(),
            file: name.file.clone(),
            line: name.line,
            inlined: name.inlined,
            owner: name.owner,
        }
    }

    /// `file:line`, as far as they are known.
    pub(crate) fn source(&self) -> Option<String> {
        let file = without_toolchain(self.file.as_ref()?);
        Some(match self.line {
            Some(line) => format!("{file}:{line}"),
            None => file.to_owned(),
        })
    }

    /// Its name, short enough for a line.
    pub(crate) fn label(&self) -> String {
        /// Longer names are mostly generic arguments.
        const LONGEST: usize = 72;
        if self.name.chars().count() <= LONGEST {
            self.name.clone()
        } else {
            clean(&self.name)
        }
    }
}

/// A path of the toolchain's own sources from `library` on: which toolchain it was says the build.
fn without_toolchain(file: &str) -> &str {
    file.strip_prefix("/rustc/")
        .and_then(|rest| rest.split_once('/'))
        .map_or(file, |(_, file)| file)
}

impl Frame {
    fn of(frame: &report::Frame, modules: &[Module], names: &dyn Names) -> Self {
        let module = frame
            .module
            .and_then(|index| modules.get(usize::from(index)));
        let build_id = module.and_then(|module| module.build_id.as_ref());
        let module_name = module.and_then(|module| module.name.as_ref());
        let functions: Vec<Function> = build_id
            .map(|id| names.names(id, frame.offset, frame.found))
            .unwrap_or_default()
            .iter()
            .map(Function::of)
            .collect();
        let by_module = owner(module_name.map(|name| name.as_str()), None);
        let owner = match (by_module, functions.last()) {
            (Owner::System, _) | (_, None) => by_module,
            (_, Some(called)) => called.owner,
        };
        Self {
            module: module_name.map(ToString::to_string),
            build_id: build_id.map(ToString::to_string),
            offset: module.map(|_| frame.offset.to_string()),
            found: frame.found,
            owner,
            blamed: false,
            outer: false,
            raises_panic: false,
            functions,
        }
    }

    /// `module+0xoffset`.
    pub(crate) fn address(&self) -> String {
        let Some(offset) = &self.offset else {
            return "an address in no module".to_owned();
        };
        let build = || {
            let id = self.build_id.as_ref()?;
            Some(format!("build {}", id.get(..12).unwrap_or(id)))
        };
        let module = self.module.clone().or_else(build);
        format!(
            "{}+0x{offset}",
            module.as_deref().unwrap_or("a module without a name")
        )
    }

    /// Whose code `function` is, seen from its module.
    pub(crate) fn owner_of(&self, function: &Function) -> Owner {
        if self.owner == Owner::System {
            Owner::System
        } else {
            function.owner
        }
    }

    fn is_panic_machinery(&self) -> bool {
        self.functions
            .iter()
            .any(|function| is_panic_machinery(&clean(&function.name)))
    }

    /// The function or address in words.
    fn place(&self) -> String {
        match self.functions.last() {
            Some(called) => match called.source() {
                Some(source) => format!("{} ({source})", called.label()),
                None => called.label(),
            },
            None => self.address(),
        }
    }
}

impl Stack {
    pub(crate) fn of(stack: &report::Stack, modules: &[Module], names: &dyn Names) -> Self {
        let mut frames: Vec<Frame> = stack
            .frames
            .iter()
            .map(|frame| Frame::of(frame, modules, names))
            .collect();
        let raising = raising(&frames);
        for frame in frames.iter_mut().take(raising) {
            frame.raises_panic = true;
        }
        Self {
            frames,
            left_out: stack.left_out,
            outermost: stack.outermost,
            end: stack.end,
        }
    }

    /// Index of the first frame behind the gap.
    pub(crate) fn gap(&self) -> Option<usize> {
        (self.left_out > 0).then(|| self.frames.len().saturating_sub(self.outermost as usize))
    }

    /// Whether a frame in a module that is not the system's has no name.
    pub(crate) fn lacks_names(&self) -> bool {
        self.frames.iter().any(|frame| {
            frame.offset.is_some() && frame.owner != Owner::System && frame.functions.is_empty()
        })
    }

    /// Marks the frame to blame, and says where it is.
    ///
    /// It is the innermost own function below what raised a panic; one that only turns a thread's loop where there is no
    /// other; frames that were guessed where there are no better ones. Where nothing is named, it is the innermost frame
    /// in a module that is not the system's, but not for a panic: the frames that raised it cannot be told apart.
    pub(crate) fn blame(&mut self, panic: bool) -> Option<String> {
        let index = self.to_blame(panic)?;
        self.frames[index].blamed = true;
        for frame in self.frames.iter_mut().skip(index + 1) {
            frame.outer = true;
        }
        Some(self.frames[index].place())
    }

    /// File and line of the frame to blame: of the innermost own function there that has them.
    pub(crate) fn source_to_blame(&self) -> Option<(&str, u32)> {
        let frame = self.frames.iter().find(|frame| frame.blamed)?;
        let own = frame
            .functions
            .iter()
            .find(|function| function.owner == Owner::App && function.line.is_some());
        let function = own.or(frame.functions.last())?;
        Some((function.file.as_deref()?, function.line?))
    }

    /// Where the thread is, in words: the frame that says most, and the system's function that it called.
    pub(crate) fn place(&self) -> Option<String> {
        let index = self.to_blame(false)?;
        // Somebody else's function says more than an address of the system.
        let index = match &self.frames[index] {
            frame if frame.functions.is_empty() && frame.owner == Owner::System => self
                .frames
                .iter()
                .position(|frame| !frame.functions.is_empty())
                .unwrap_or(index),
            _ => index,
        };
        let place = self.frames[index].place();
        let innermost = &self.frames[0];
        Some(match innermost.functions.last() {
            Some(called) if index > 0 && innermost.owner == Owner::System => {
                format!("{place}, in {}", called.label())
            }
            _ => place,
        })
    }

    fn to_blame(&self, panic: bool) -> Option<usize> {
        let below = raising(&self.frames);
        let own = |index: &usize| {
            let frame = &self.frames[*index];
            frame.owner == Owner::App && frame.offset.is_some()
        };
        let named = |index: &usize| own(index) && !self.frames[*index].functions.is_empty();
        let at_work = |index: &usize| {
            let called = self.frames[*index].functions.last();
            named(index) && called.is_some_and(|called| !is_thread_base(&clean(&called.name)))
        };
        let trusted = |index: &usize| self.frames[*index].found != Found::Scan;
        let first = |wanted: &dyn Fn(&usize) -> bool| {
            (below..self.frames.len()).find(|index| wanted(index))
        };
        first(&|index| trusted(index) && at_work(index))
            .or_else(|| first(&|index| trusted(index) && named(index)))
            .or_else(|| first(&named))
            .or_else(|| first(&|index| !panic && own(index)))
            .or_else(|| first(&|_| !panic))
    }
}

/// How many of the innermost frames raise, report or record a panic: everything down to the first function that is known to,
/// and those that follow it.
fn raising(frames: &[Frame]) -> usize {
    let first = frames.iter().position(Frame::is_panic_machinery);
    first.map_or(0, |first| {
        let machinery = frames.iter().skip(first);
        first
            + machinery
                .take_while(|frame| frame.is_panic_machinery())
                .count()
    })
}
