//! What a minidump holds beside stacks of addresses: memory, and what the system says of the process.

use minidump::format::MINIDUMP_STREAM_TYPE as Stream;
use minidump::{
    Minidump, MinidumpCrashpadInfo, MinidumpHandleDataStream, MinidumpThread, UnifiedMemoryList,
};
use serde::Serialize;
use std::collections::HashSet;
use std::ops::Deref;

/// Something that may say who used the machine, and for what.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Held {
    pub(crate) what: &'static str,
    /// How many of it there are; missing where that says nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) count: Option<u64>,
    pub(crate) bytes: u64,
}

/// Texts of the system, by their streams.
const TEXTS: [(Stream, &str); 6] = [
    (Stream::LinuxCmdLine, "the command line"),
    (
        Stream::LinuxMaps,
        "the map of the memory, with paths of files",
    ),
    (
        Stream::LinuxProcStatus,
        "what the system says of the process",
    ),
    (
        Stream::LinuxAuxv,
        "where the system put what it gave the process",
    ),
    (Stream::LinuxCpuInfo, "the processor's description"),
    (Stream::LinuxLsbRelease, "the system's description"),
];

/// What `dump` holds.
pub(super) fn holds<T: Deref<Target = [u8]>>(
    dump: &Minidump<'_, T>,
    threads: &[MinidumpThread<'_>],
    memory: &UnifiedMemoryList<'_>,
) -> Vec<Held> {
    let mut held = Vec::new();
    let mut put = |what, count: Option<usize>, bytes: u64| {
        if bytes > 0 || count.is_some_and(|count| count > 0) {
            held.push(Held {
                what,
                count: count.map(|count| count as u64),
                bytes,
            });
        }
    };
    let stacks: Vec<(u64, u64)> = threads
        .iter()
        .filter_map(|thread| thread.stack_memory(memory))
        .map(|stack| (stack.base_address(), stack.bytes().len() as u64))
        .collect();
    put(
        "stacks, byte for byte",
        Some(stacks.len()),
        total(stacks.iter().map(|(_, bytes)| *bytes)),
    );
    let bases: HashSet<u64> = stacks.iter().map(|(base, _)| *base).collect();
    let others: Vec<u64> = memory
        .iter()
        .filter(|region| !bases.contains(&region.base_address()))
        .map(|region| region.bytes().len() as u64)
        .collect();
    put(
        "other memory, byte for byte",
        Some(others.len()),
        total(others.iter().copied()),
    );
    let registers = threads
        .iter()
        .map(|thread| u64::from(thread.raw.thread_context.data_size))
        .filter(|bytes| *bytes > 0);
    put(
        "registers of threads",
        Some(registers.clone().count()),
        total(registers),
    );
    if let Ok(environment) = dump.get_raw_stream(Stream::LinuxEnviron as u32) {
        let variables = environment
            .split(|byte| *byte == 0)
            .filter(|variable| !variable.is_empty());
        put(
            "variables of the environment, with their values",
            Some(variables.count()),
            environment.len() as u64,
        );
    }
    for (stream, what) in TEXTS {
        let bytes = dump
            .get_raw_stream(stream as u32)
            .map_or(0, |bytes| bytes.len() as u64);
        put(what, None, bytes);
    }
    if let Ok(open) = dump.get_stream::<MinidumpHandleDataStream>() {
        let bytes = dump
            .get_raw_stream(Stream::HandleDataStream as u32)
            .map_or(0, |bytes| bytes.len() as u64);
        put(
            "open files and other handles",
            Some(open.handles.len()),
            bytes,
        );
    }
    if let Ok(notes) = dump.get_stream::<MinidumpCrashpadInfo>() {
        let of_modules = notes.module_list.iter().map(|module| {
            module.simple_annotations.len()
                + module.list_annotations.len()
                + module.annotation_objects.len()
        });
        let count = notes.simple_annotations.len() + of_modules.sum::<usize>();
        put("notes of the app, as it wrote them", Some(count), 0);
    }
    held
}

/// A damaged dump may claim any number.
fn total(numbers: impl Iterator<Item = u64>) -> u64 {
    numbers.fold(0, u64::saturating_add)
}
