//! A crash.

use super::stack::{Names, Stack};
use crate::sources::Excerpt;
use candor_protocol::report::{
    self, Cause, Circumstances, Crumb, Fault, Module, Note, Origin, SignalName,
};
use serde::Serialize;

/// What killed the process, or a panic that it survived.
#[derive(Debug, Serialize)]
pub(crate) struct Crash {
    /// `panic` or `signal`.
    pub(crate) cause: &'static str,
    pub(crate) fatal: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    /// Where a panic was raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<SignalName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    /// What the system's headers call `code`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Fault>,
    /// Where it happened, as far as it can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blamed: Option<String>,
    /// The code there, where the sources were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) excerpt: Option<Excerpt>,
    pub(crate) uptime_ms: u64,
    /// How the app and the machine stood.
    pub(crate) around: Circumstances,
    pub(crate) thread: Thread,
    pub(crate) others: Vec<Thread>,
    /// What the app had done before, oldest first.
    pub(crate) crumbs: Vec<Crumb>,
    pub(crate) modules: Vec<ModuleLine>,
    pub(crate) notes: Vec<Note>,
}

/// A thread.
#[derive(Debug, Serialize)]
pub(crate) struct Thread {
    pub(crate) main: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    pub(crate) stack: Stack,
}

/// A file of code.
#[derive(Debug, Serialize)]
pub(crate) struct ModuleLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    /// Where it was on the machine that it ran on; only other tools' dumps tell.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) build_id: Option<String>,
    /// Whether symbols of this build are at hand.
    pub(crate) symbols: bool,
}

impl Crash {
    pub(crate) fn of(crash: &report::Crash, names: &dyn Names) -> Self {
        let thread = |thread: &report::Thread| Thread {
            main: thread.main,
            name: thread.name.as_ref().map(ToString::to_string),
            stack: Stack::of(&thread.stack, &crash.modules, names),
        };
        let mut crashed = thread(&crash.thread);
        let panic = matches!(crash.cause, Cause::Panic { .. });
        let blamed = crashed.stack.blame(panic);
        let mut shown = Self {
            cause: if panic { "panic" } else { "signal" },
            fatal: crash.fatal,
            message: None,
            file: None,
            line: None,
            signal: None,
            code: None,
            code_name: None,
            origin: None,
            fault: None,
            blamed,
            excerpt: None,
            uptime_ms: crash.uptime_ms,
            around: crash.around,
            thread: crashed,
            others: crash.others.iter().map(thread).collect(),
            crumbs: crash.crumbs.clone(),
            modules: modules(&crash.modules, names),
            notes: crash.notes.clone(),
        };
        match &crash.cause {
            Cause::Panic {
                message,
                at,
                signal,
            } => {
                shown.message = Some(message.to_string());
                shown.file = at.as_ref().map(|at| at.file.to_string());
                shown.line = at.as_ref().map(|at| at.line);
                shown.signal = *signal;
            }
            Cause::Signal {
                signal,
                origin,
                fault,
                code,
            } => {
                shown.signal = Some(*signal);
                shown.code = *code;
                shown.code_name = code.and_then(|code| signal.code_name(code));
                shown.origin = Some(*origin);
                shown.fault = Some(*fault);
            }
        }
        shown
    }
}

/// The modules, and of which there are symbols.
pub(crate) fn modules(modules: &[Module], names: &dyn Names) -> Vec<ModuleLine> {
    modules
        .iter()
        .map(|module| ModuleLine {
            name: module.name.as_ref().map(ToString::to_string),
            path: None,
            build_id: module.build_id.as_ref().map(ToString::to_string),
            symbols: module
                .build_id
                .as_ref()
                .is_some_and(|build_id| names.knows(build_id)),
        })
        .collect()
}

/// What a note means.
pub(crate) const fn meaning(note: Note) -> &'static str {
    match note {
        Note::Unfinished => {
            "the process died while its dump was being written; what is missing was not recorded"
        }
        Note::Damaged => "a part of the dump is damaged; what is shown is what could be read",
        Note::ThreadsLeftOut => "more threads ran than are shown",
        Note::ModulesLeftOut => {
            "more modules were loaded than fit; some frames are shown without theirs"
        }
        Note::CrumbsLeftOut => {
            "the process died before the names of some breadcrumbs were noted; those are left out"
        }
    }
}
