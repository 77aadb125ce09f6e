//! Minidumps, as Breakpad and Crashpad write them: what can be read of one, whatever its state.
//!
//! Unlike Candor's own dumps they hold memory: stacks are walked here, and not where the process died.

mod cause;
mod cfi;
mod code;
mod holds;
mod modules;
#[cfg(test)]
mod tests;
mod walk;

use crate::names::SymbolFiles;
use candor_protocol::report::{self, Stack};
pub(crate) use cause::Cause;
pub(crate) use holds::Held;
use minidump::{
    Error, Minidump, MinidumpBreakpadInfo, MinidumpException, MinidumpLinuxMaps,
    MinidumpMemoryInfoList, MinidumpMiscInfo, MinidumpModuleList, MinidumpStream,
    MinidumpSystemInfo, MinidumpThread, MinidumpThreadList, MinidumpThreadNames,
    UnifiedMemoryInfoList, UnifiedMemoryList,
};
use minidump_unwind::SystemInfo;
use modules::Modules;
use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
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
    let system =
        required::<MinidumpSystemInfo, _>(dump, "description of the system", &mut problems);
    let list = required::<MinidumpModuleList, _>(dump, "list of files of code", &mut problems)
        .unwrap_or_default();
    let threads = required::<MinidumpThreadList<'_>, _>(dump, "list of threads", &mut problems)
        .map(|list| list.threads)
        .unwrap_or_default();
    let exception =
        optional::<MinidumpException<'_>, _>(dump, "record of the fault", &mut problems);
    let misc = optional::<MinidumpMiscInfo, _>(dump, "description of the process", &mut problems);
    let breakpad = optional::<MinidumpBreakpadInfo, _>(dump, "word on who wrote it", &mut problems);
    let names = optional::<MinidumpThreadNames, _>(dump, "list of thread names", &mut problems);
    let memory = dump.get_memory().unwrap_or_default();
    let maps = UnifiedMemoryInfoList::new(
        optional::<MinidumpMemoryInfoList<'_>, _>(dump, "map of the memory", &mut problems),
        optional::<MinidumpLinuxMaps<'_>, _>(dump, "map of the memory", &mut problems),
    )
    .unwrap_or_default();

    let symbols = SymbolFiles::open(paths, modules::builds(&list));
    let modules = Modules::new(&list, &symbols);
    let process = misc
        .as_ref()
        .and_then(|misc| misc.raw.process_id().copied())
        .or_else(|| first_thread(&threads));
    let crashed_id = exception
        .as_ref()
        .map(MinidumpException::get_crashing_thread_id)
        .or_else(|| breakpad.as_ref()?.requesting_thread_id);
    let registers = |thread: &MinidumpThread<'_>| {
        let system = system.as_ref()?;
        let of_fault = exception
            .as_ref()
            .filter(|_| crashed_id == Some(thread.raw.thread_id))
            .and_then(|exception| exception.context(system, misc.as_ref()));
        of_fault
            .or_else(|| thread.context(system, misc.as_ref()))
            .map(|context| context.into_owned())
    };
    let stack_pointer = threads
        .iter()
        .find(|thread| crashed_id == Some(thread.raw.thread_id))
        .and_then(registers)
        .map(|registers| registers.get_stack_pointer());
    let cause = match (&exception, &system) {
        (Some(exception), Some(system)) => Cause::of(dump, exception, system, &maps, stack_pointer),
        _ => None,
    };

    // The thread that wrote the dump, in the same process, says nothing.
    let writer = breakpad
        .as_ref()
        .and_then(|breakpad| breakpad.dump_thread_id);
    let mut order: Vec<&MinidumpThread<'_>> = threads
        .iter()
        .filter(|thread| writer != Some(thread.raw.thread_id) || writer == crashed_id)
        .collect();
    // False comes first.
    order.sort_by_key(|thread| {
        (
            crashed_id != Some(thread.raw.thread_id),
            process != Some(thread.raw.thread_id),
        )
    });
    let knows_which = order
        .first()
        .is_some_and(|thread| crashed_id == Some(thread.raw.thread_id));
    if crashed_id.is_some() && !knows_which {
        problems.push("the thread that crashed is not among the threads".to_owned());
    }
    let mut unwalked = 0;
    let told = match &system {
        Some(system) => {
            let walker = Walker::new(&modules, for_the_walk(system), &symbols, &maps);
            order
                .into_iter()
                .map(|thread| {
                    let stack = registers(thread).and_then(|registers| {
                        let stack = stack_of(thread, &memory, registers.get_stack_pointer());
                        let walked = walker.walk(&registers, stack);
                        unwalked += usize::from(walked.is_none());
                        walked
                    });
                    let main = process == Some(thread.raw.thread_id);
                    Thread {
                        main,
                        // The main thread is called like the program.
                        name: names
                            .as_ref()
                            .filter(|_| !main)
                            .and_then(|names| names.get_name(thread.raw.thread_id))
                            .map(|name| name.chars().take(NAME).collect())
                            .filter(|name: &String| !name.is_empty()),
                        stack: stack.unwrap_or_default(),
                    }
                })
                .collect()
        }
        // Without it nobody knows what the registers are.
        None => Vec::new(),
    };
    if unwalked > 0 {
        problems.push(format!(
            "stacks of {unwalked} threads were not followed: those before them took too long"
        ));
    }
    Read {
        made_unix: dump.header.time_date_stamp.into(),
        process,
        cause,
        threads: told,
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
        holds: holds::holds(dump, &threads, &memory),
        system: system.map(|system| shown(&system)),
        problems,
        symbols,
    }
}

/// Characters of a thread's name that are shown; systems keep fewer, a damaged dump may not.
const NAME: usize = 64;

/// The first thread of a process has its number, and is written first.
fn first_thread(threads: &[MinidumpThread<'_>]) -> Option<u32> {
    threads.first().map(|thread| thread.raw.thread_id)
}

/// The memory that a thread's stack pointer points into. That of the thread itself may be another one, when the registers
/// are those of the fault.
fn stack_of<'m, 'd>(
    thread: &'m MinidumpThread<'d>,
    memory: &'m UnifiedMemoryList<'d>,
    stack_pointer: u64,
) -> Option<minidump::UnifiedMemory<'m, 'd>> {
    let own = thread.stack_memory(memory);
    let holds = own.is_some_and(|own| {
        own.memory_range()
            .is_some_and(|range| range.contains(stack_pointer))
    });
    if holds {
        own
    } else {
        memory.memory_at_address(stack_pointer).or(own)
    }
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

/// A stream that every minidump should have.
fn required<'a, S: MinidumpStream<'a>, T: Deref<Target = [u8]> + 'a>(
    dump: &'a Minidump<'a, T>,
    what: &str,
    problems: &mut Vec<String>,
) -> Option<S> {
    let stream = dump.get_stream::<S>();
    if let Err(Error::StreamNotFound) = stream {
        problems.push(format!("the {what} is missing"));
    }
    readable(stream, what, problems)
}

/// A stream that a minidump may have.
fn optional<'a, S: MinidumpStream<'a>, T: Deref<Target = [u8]> + 'a>(
    dump: &'a Minidump<'a, T>,
    what: &str,
    problems: &mut Vec<String>,
) -> Option<S> {
    readable(dump.get_stream::<S>(), what, problems)
}

fn readable<S>(stream: Result<S, Error>, what: &str, problems: &mut Vec<String>) -> Option<S> {
    match stream {
        Ok(stream) => Some(stream),
        Err(Error::StreamNotFound) => None,
        Err(error) => {
            problems.push(format!("the {what} is damaged ({error})"));
            None
        }
    }
}
