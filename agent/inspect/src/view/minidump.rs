//! A minidump, as Breakpad and Crashpad write them.

use super::crash::{ModuleLine, Thread, modules};
use super::phrase::{capital, reason, thread_named};
use super::stack::Stack;
use crate::minidump::{Held, Read};
use crate::sources::Excerpt;
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::{Fault, Origin, SignalName};
use serde::Serialize;
use std::collections::BTreeSet;

/// What a minidump tells.
#[derive(Debug, Serialize)]
pub(crate) struct Shown {
    pub(crate) file: String,
    /// What happened, in one sentence.
    pub(crate) summary: String,
    pub(crate) minidump: Minidump,
    /// What has to be said of the symbol files that were given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) symbol_notes: Vec<String>,
}

/// The dump itself.
#[derive(Debug, Serialize)]
pub(crate) struct Minidump {
    pub(crate) made_at_unix: u64,
    #[serde(skip)]
    pub(crate) made_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) process_id: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) device: Option<Machine>,
    /// Why it was made, in the words of the system it is from; missing when nothing crashed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) signal: Option<SignalName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code_name: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) origin: Option<Origin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault: Option<Fault>,
    /// The address that faulted: hexadecimal digits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fault_address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) blamed: Option<String>,
    /// The code there, where the sources were given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) excerpt: Option<Excerpt>,
    /// The thread that crashed, or that asked for the dump; missing when the dump does not say which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) thread: Option<Thread>,
    pub(crate) others: Vec<Thread>,
    pub(crate) modules: Vec<ModuleLine>,
    /// Places in `modules` of those that a frame is in.
    #[serde(skip)]
    pub(crate) touched: BTreeSet<usize>,
    /// What it holds beside addresses.
    pub(crate) holds: Vec<Held>,
    pub(crate) problems: Vec<String>,
}

/// The machine, as the dump describes it.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    pub(crate) os: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) os_version: Option<String>,
    pub(crate) arch: String,
    pub(crate) cores: u8,
}

impl Shown {
    pub(crate) fn of(file: String, read: Read) -> Self {
        let touched = read
            .threads
            .iter()
            .flat_map(|thread| &thread.stack.frames)
            .filter_map(|frame| frame.module.map(usize::from))
            .collect();
        let mut threads = read
            .threads
            .iter()
            .map(|thread| Thread {
                main: thread.main,
                name: thread.name.clone(),
                stack: Stack::of(&thread.stack, &read.modules, &read.symbols),
            })
            .collect::<Vec<_>>()
            .into_iter();
        let mut thread = if read.knows_which {
            threads.next()
        } else {
            None
        };
        let cause = read.cause.as_ref();
        let blamed = thread
            .as_mut()
            .filter(|_| cause.is_some())
            .and_then(|thread| thread.stack.blame(false));
        let minidump = Minidump {
            made_at_unix: read.made_unix,
            made_at: Moment::round(read.made_unix, Precision::Minute).to_string(),
            process_id: read.process,
            device: read.system.map(|system| Machine {
                os: system.os,
                os_version: system.version,
                arch: system.arch,
                cores: system.cores,
            }),
            reason: cause.map(|cause| cause.reason.clone()),
            signal: cause.and_then(|cause| cause.signal),
            code: cause.and_then(|cause| cause.code),
            code_name: cause.and_then(|cause| cause.signal?.code_name(cause.code?)),
            origin: cause.map(|cause| cause.origin),
            fault: cause.map(|cause| cause.fault),
            fault_address: cause
                .and_then(|cause| cause.address)
                .map(|address| format!("{address:x}")),
            blamed,
            excerpt: None,
            thread,
            others: threads.collect(),
            modules: modules(&read.modules, &read.symbols)
                .into_iter()
                .zip(read.paths)
                .map(|(module, path)| ModuleLine {
                    path: Some(path).filter(|path| !path.is_empty()),
                    ..module
                })
                .collect(),
            touched,
            holds: read.holds,
            problems: read.problems,
        };
        Self {
            file,
            summary: sentence(&minidump),
            minidump,
            symbol_notes: read.symbols.notes,
        }
    }
}

fn sentence(dump: &Minidump) -> String {
    let thread = dump
        .thread
        .as_ref()
        .map(|thread| thread_named(thread.main, thread.name.as_deref()));
    let place = dump
        .blamed
        .as_ref()
        .map_or(String::new(), |place| format!(" in {place}"));
    let on = thread
        .as_ref()
        .map_or(String::new(), |thread| format!(" on {thread}"));
    match (&dump.reason, dump.signal, thread) {
        (Some(_), Some(signal), _) => {
            let code = dump
                .code_name
                .map_or(String::new(), |code| format!(" ({code})"));
            let why = reason(
                signal,
                dump.origin.unwrap_or(Origin::Kernel),
                dump.fault.unwrap_or(Fault::Other),
            );
            format!("The process died of {signal}{code}{place}{on}: {why}")
        }
        (Some(reason), None, _) => format!("The process died of {reason}{place}{on}"),
        (None, _, Some(thread)) => {
            format!("{} asked for this dump; nothing crashed", capital(&thread))
        }
        (None, ..) => "Nothing in this dump says why it was made".to_owned(),
    }
}
