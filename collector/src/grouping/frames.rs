//! Which frames of a stack tell one fault from another.

use crate::naming::NamedFrame;
use candor_protocol::deidentify::{BuildId, ModuleName};
use candor_protocol::report::Found;
use candor_symbols::{Called, Owner, is_thread_base};

/// A frame with what matters to grouping.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Base name of the file of code.
    pub module: Option<ModuleName>,
    /// The build of that file.
    pub build_id: Option<BuildId>,
    /// Address relative to the module.
    pub offset: u64,
    /// How it was found.
    pub found: Found,
    /// The function that was really called, around all that were inlined into it. `None` when no symbols are known.
    pub called: Option<Called>,
    /// Whose code it is.
    pub owner: Owner,
    /// Its source file, where somebody asks for it.
    pub file: Option<String>,
}

impl From<NamedFrame> for Frame {
    fn from(frame: NamedFrame) -> Self {
        Self {
            called: Called::of(&frame.names),
            file: frame.function().and_then(|name| name.file.clone()),
            module: frame.module,
            build_id: frame.build_id,
            offset: frame.offset,
            found: frame.found,
            owner: frame.owner,
        }
    }
}

impl Frame {
    /// The name of the function that was really called.
    pub(super) fn function(&self) -> Option<&str> {
        self.called.as_ref().map(|called| &*called.path)
    }
}

/// How many frames count, besides those that only pass a failure on. One would merge everything that fails in the same
/// helper; the whole path would split one fault by every way that leads to it.
const COUNTED: usize = 2;

/// A frame, reduced to what tells faults apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// A function with its cleaned name.
    Function(String),
    /// Code without a name, in this module.
    Module(String),
}

impl Part {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Function(name) => name.clone(),
            Self::Module(module) => format!("code without a name in {module}"),
        }
    }
}

/// The frames from where a panic was raised: what only raises or reports it is left out, and so is everything that this
/// called, such as the app's own panic hook.
pub(super) fn below_panic(frames: &[Frame]) -> &[Frame] {
    let machinery = |frame: &Frame| frame.called.as_ref().is_some_and(|called| called.panics);
    match frames.iter().position(machinery) {
        Some(first) => {
            let rest = &frames[first..];
            let length = rest.iter().take_while(|frame| machinery(frame)).count();
            &rest[length..]
        }
        None => frames,
    }
}

/// Frames that are worth looking at: those that were found by looking at words on the stack only where nothing better is.
pub(super) fn trusted(frames: &[Frame]) -> Vec<&Frame> {
    let walked: Vec<_> = frames
        .iter()
        .filter(|frame| frame.found != Found::Scan)
        .collect();
    if walked.iter().any(|frame| is_foreign_to_system(frame)) {
        walked
    } else {
        frames.iter().collect()
    }
}

/// Whether it is code of the app or its libraries, named or not.
pub(super) fn is_foreign_to_system(frame: &Frame) -> bool {
    let in_a_module = frame.module.is_some() || frame.build_id.is_some();
    match frame.owner {
        Owner::App => in_a_module,
        Owner::Library => true,
        Owner::Runtime | Owner::System => false,
    }
}

/// The app's own functions, innermost first, each once; recursion is folded that way.
///
/// Where the innermost frame that is not the system's has no name, its module stands in front of them, so that faults in
/// two libraries without symbols stay apart though the same own function called both.
pub(super) fn own(frames: &[&Frame]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut innermost = true;
    for frame in frames
        .iter()
        .filter(|frame| is_foreign_to_system(frame) && frame.owner == Owner::App)
    {
        let part = match (frame.function(), innermost) {
            (Some(name), _) => Part::Function(name.to_owned()),
            (None, true) => Part::Module(place_without_offset(frame)),
            (None, false) => continue,
        };
        innermost = false;
        if !parts.contains(&part) {
            parts.push(part);
        }
    }
    if parts.iter().any(|part| matches!(part, Part::Function(_))) {
        parts
    } else {
        Vec::new()
    }
}

/// Those of `parts` that count. What only begins a thread counts where it is itself at fault.
pub(super) fn counted(parts: Vec<Part>) -> Vec<Part> {
    let mut left = COUNTED;
    let mut counted = Vec::new();
    for part in parts {
        let base = matches!(&part, Part::Function(name) if is_thread_base(name));
        if left > 0 && (counted.is_empty() || !base) {
            left -= usize::from(!passes_failures_on(&part));
            counted.push(part);
        }
    }
    counted
}

/// The frame to blame: the first that does more than pass a failure on.
pub(super) fn culprit(counted: &[Part]) -> Option<&Part> {
    counted
        .iter()
        .find(|part| !passes_failures_on(part))
        .or(counted.first())
}

/// Whether a function is, by its name, a helper through which many different failures go.
fn passes_failures_on(part: &Part) -> bool {
    const WORDS: &[&str] = &[
        "abort",
        "assert",
        "bail",
        "capture",
        "check",
        "crash",
        "die",
        "ensure",
        "error",
        "err",
        "expect",
        "fail",
        "failed",
        "fatal",
        "must",
        "oops",
        "panic",
        "raise",
        "throw",
        "unreachable",
        "unwrap",
    ];
    let Part::Function(name) = part else {
        return false;
    };
    let last = name.rsplit("::").next().unwrap_or(name);
    last.split('_')
        .any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

/// Where a frame is, exactly: the build id counts, and where there is none, the module's name.
pub(super) fn place(frame: &Frame) -> String {
    match &frame.build_id {
        Some(build) => format!("{build}+{:x}", frame.offset),
        None => format!("{}+{:x}", module(frame), frame.offset),
    }
}

/// Where a frame is, for people.
pub(super) fn readable_place(frame: &Frame) -> String {
    format!("{}+{:x}", module(frame), frame.offset)
}

/// Stays the same from build to build where the module has a name.
fn place_without_offset(frame: &Frame) -> String {
    match (&frame.module, &frame.build_id) {
        (Some(name), _) => name.to_string(),
        (None, Some(build)) => build.to_string(),
        (None, None) => module(frame).to_owned(),
    }
}

fn module(frame: &Frame) -> &str {
    match (&frame.module, &frame.build_id) {
        (Some(name), _) => name.as_str(),
        (None, Some(build)) => build.as_str(),
        (None, None) => "unknown",
    }
}

/// Named functions of these owners, innermost first, each once.
pub(super) fn named(frames: &[&Frame], owners: &[Owner]) -> Vec<Part> {
    let mut parts = Vec::new();
    for frame in frames.iter().filter(|frame| owners.contains(&frame.owner)) {
        if let Some(part) = frame
            .function()
            .map(|name| Part::Function(name.to_owned()))
            .filter(|part| !parts.contains(part))
        {
            parts.push(part);
        }
    }
    parts
}

/// The functions of a recursion by name, the same wherever it was cut off: those that occur about as often as the most
/// frequent one. The closures of one function, which have its name, also make a function occur twice.
pub(super) fn circle(frames: &[&Frame]) -> Vec<Part> {
    let mut names: Vec<&str> = frames
        .iter()
        .filter(|frame| frame.owner == Owner::App)
        .filter_map(|frame| frame.function())
        .collect();
    names.sort_unstable();
    let counted: Vec<_> = names.chunk_by(|a, b| a == b).collect();
    let most = counted.iter().map(|run| run.len()).max().unwrap_or(0);
    counted
        .into_iter()
        .filter(|run| run.len() > 1 && run.len() * 2 > most)
        .map(|run| Part::Function(run[0].to_owned()))
        .collect()
}
