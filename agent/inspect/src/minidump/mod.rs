//! Minidumps, as Breakpad and Crashpad write them: what can be read of one, whatever its state.
//!
//! Unlike Candor's own dumps they hold memory: stacks are walked here, and not where the process died.

mod cause;
mod cfi;
mod code;
mod holds;
mod modules;
mod streams;
#[cfg(test)]
mod tests;
mod walk;

use crate::names::SymbolFiles;
use candor_protocol::report::{self, Stack};
pub(crate) use cause::Cause;
pub(crate) use holds::Held;
use minidump::{Error, Minidump, MinidumpSystemInfo};
use minidump_unwind::SystemInfo;
use modules::Modules;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use streams::Streams;
use walk::Walker;

/// A minidump, as far as it could be read.
pub(crate) struct Read {
    /// When it was written, in seconds since 1970-01-01 UTC.
    pub(crate) made_unix: u64,
    pub(crate) system: Option<System>,
    pub(crate) process: Option<u32>,
    /// Missing when nothing crashed.
    pub(crate) cause: Option<Cause>,
    /// The thread that crashed or asked for the dump first, then the main thread.
    pub(crate) threads: Vec<Thread>,
    /// Whether the first of the threads is the one that crashed or asked.
    pub(crate) knows_which: bool,
    /// In the order in which the dump has them. Frames refer to them.
    pub(crate) modules: Vec<report::Module>,
    /// Their paths, as the dump has them.
    pub(crate) paths: Vec<String>,
    pub(crate) holds: Vec<Held>,
    /// What could not be read.
    pub(crate) problems: Vec<String>,
    pub(crate) symbols: SymbolFiles,
}

/// The machine.
#[derive(Debug)]
pub(crate) struct System {
    pub(crate) os: String,
    pub(crate) version: Option<String>,
    pub(crate) arch: String,
    pub(crate) cores: u8,
}

/// A thread.
#[derive(Debug)]
pub(crate) struct Thread {
    pub(crate) main: bool,
    pub(crate) name: Option<String>,
    pub(crate) stack: Stack,
}

/// Reads the minidump at `path`, with names and unwind tables of the files in `symbols`.
///
/// # Errors
/// Says why nothing of it can be read.
pub(crate) fn read(path: &Path, symbols: &[PathBuf]) -> Result<Read, String> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| format!("cannot read {shown}: {error}"))?;
    if !metadata.is_file() {
        return Err(format!("{shown} is not a file"));
    }
    if metadata.len() == 0 {
        return Err(format!("{shown} is empty"));
    }
    let dump = Minidump::read_path(path).map_err(|error| match error {
        Error::HeaderMismatch | Error::VersionMismatch | Error::MissingHeader => format!(
            "{shown} is not a minidump; reports of Candor are shown by `candor show ID --dir DIR`"
        ),
        Error::MissingDirectory => {
            format!("{shown} is a minidump that breaks off before it says what is in it")
        }
        error => format!("cannot read {shown}: {error}"),
    })?;
    Ok(read_dump(&dump, symbols))
}

/// Everything that can be read of `dump`.
fn read_dump<T: Deref<Target = [u8]>>(dump: &Minidump<'_, T>, paths: &[PathBuf]) -> Read {
    let mut problems = Vec::new();
    let streams = Streams::read(dump, &mut problems);
    let symbols = SymbolFiles::open(paths, modules::builds(&streams.modules));
    let modules = Modules::new(&streams.modules, &symbols);
    let cause = match (&streams.exception, &streams.system) {
        (Some(exception), Some(system)) => {
            let stack_pointer = streams.stack_pointer();
            Cause::of(dump, exception, system, &streams.maps, stack_pointer)
        }
        _ => None,
    };
    let first = streams.in_order().first().map(|first| first.raw.thread_id);
    let knows_which = first.is_some() && first == streams.crashed();
    if streams.crashed().is_some() && !knows_which {
        problems.push("the thread that crashed is not among the threads".to_owned());
    }
    Read {
        made_unix: dump.header.time_date_stamp.into(),
        process: streams.process(),
        cause,
        threads: threads(&streams, &modules, &symbols, &mut problems),
        knows_which,
        modules: modules
            .all()
            .iter()
            .map(modules::Module::as_reported)
            .collect(),
        paths: modules
            .all()
            .iter()
            .map(|module| module.path.clone())
            .collect(),
        holds: holds::holds(dump, &streams.threads, &streams.memory),
        system: streams.system.as_ref().map(shown),
        problems,
        symbols,
    }
}

/// The threads with their stacks. Without a description of the system nobody knows what the registers are.
fn threads(
    streams: &Streams<'_>,
    modules: &Modules,
    symbols: &SymbolFiles,
    problems: &mut Vec<String>,
) -> Vec<Thread> {
    let Some(system) = &streams.system else {
        return Vec::new();
    };
    let walker = Walker::new(modules, for_the_walk(system), symbols, &streams.maps);
    let mut given_up = 0;
    let threads = streams
        .in_order()
        .into_iter()
        .map(|thread| {
            let stack = streams.registers(thread).and_then(|registers| {
                let memory = streams.stack_of(thread, registers.get_stack_pointer());
                let stack = walker.walk(&registers, memory);
                given_up += usize::from(stack.is_none());
                stack
            });
            Thread {
                main: streams.process() == Some(thread.raw.thread_id),
                name: streams.name(thread),
                stack: stack.unwrap_or_default(),
            }
        })
        .collect();
    if given_up > 0 {
        problems.push(format!(
            "stacks of {given_up} threads were not followed: those before them took too long"
        ));
    }
    threads
}

fn for_the_walk(system: &MinidumpSystemInfo) -> SystemInfo {
    SystemInfo {
        os: system.os,
        os_version: None,
        os_build: None,
        cpu: system.cpu,
        cpu_info: None,
        cpu_microcode_version: None,
        cpu_count: system.raw.number_of_processors.into(),
    }
}

fn shown(system: &MinidumpSystemInfo) -> System {
    let (version, _) = system.os_parts();
    System {
        os: system.os.to_string(),
        version: (!version.is_empty()).then_some(version),
        arch: system.cpu.to_string(),
        cores: system.raw.number_of_processors,
    }
}
