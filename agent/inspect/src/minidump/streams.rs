//! The parts of a minidump that matter here, each as far as it can be read.

use minidump::{
    Error, Minidump, MinidumpBreakpadInfo, MinidumpContext, MinidumpException, MinidumpLinuxMaps,
    MinidumpMemoryInfoList, MinidumpMiscInfo, MinidumpModuleList, MinidumpStream,
    MinidumpSystemInfo, MinidumpThread, MinidumpThreadList, MinidumpThreadNames, UnifiedMemory,
    UnifiedMemoryInfoList, UnifiedMemoryList,
};
use std::ops::Deref;

/// Threads that are looked at. No process has so many; a damaged dump may claim millions.
const THREADS: usize = 2048;

/// Files of code that are looked at.
const MODULES: usize = 4096;

/// Characters of a thread's name that are shown; systems keep fewer, a damaged dump may not.
const NAME: usize = 64;

/// What a dump consists of.
pub(super) struct Streams<'d> {
    pub(super) system: Option<MinidumpSystemInfo>,
    pub(super) modules: MinidumpModuleList,
    pub(super) threads: Vec<MinidumpThread<'d>>,
    pub(super) exception: Option<MinidumpException<'d>>,
    pub(super) memory: UnifiedMemoryList<'d>,
    pub(super) maps: UnifiedMemoryInfoList<'d>,
    misc: Option<MinidumpMiscInfo>,
    breakpad: Option<MinidumpBreakpadInfo>,
    names: Option<MinidumpThreadNames>,
}

impl<'d> Streams<'d> {
    /// Those of `dump`. What cannot be read is added to `problems`.
    pub(super) fn read<T: Deref<Target = [u8]>>(
        dump: &'d Minidump<'d, T>,
        problems: &mut Vec<String>,
    ) -> Self {
        let mut reader = Reader { dump, problems };
        let system = reader.required("description of the system");
        let modules: MinidumpModuleList =
            reader.required("list of files of code").unwrap_or_default();
        let threads = reader
            .required("list of threads")
            .map_or(Vec::new(), |list: MinidumpThreadList<'d>| list.threads);
        let maps = UnifiedMemoryInfoList::new(
            reader.optional::<MinidumpMemoryInfoList<'d>>("map of the memory"),
            reader.optional::<MinidumpLinuxMaps<'d>>("map of the memory"),
        );
        let mut streams = Self {
            system,
            exception: reader.optional("record of the fault"),
            memory: dump.get_memory().unwrap_or_default(),
            maps: maps.unwrap_or_default(),
            misc: reader.optional("description of the process"),
            breakpad: reader.optional("word on who wrote it"),
            names: reader.optional("list of thread names"),
            modules,
            threads,
        };
        streams.bound(problems);
        streams
    }

    /// Leaves out what no process has.
    fn bound(&mut self, problems: &mut Vec<String>) {
        if self.threads.len() > THREADS {
            let more = self.threads.len() - THREADS;
            problems.push(format!("{more} more threads are left out"));
            self.threads.truncate(THREADS);
        }
        let modules = self.modules.iter().count();
        if modules > MODULES {
            let more = modules - MODULES;
            problems.push(format!("{more} more files of code are left out"));
            let kept = self.modules.iter().take(MODULES).cloned().collect();
            self.modules = MinidumpModuleList::from_modules(kept);
        }
    }

    /// The process's number. Where the dump does not say it, it is that of its first thread, which is written first.
    pub(super) fn process(&self) -> Option<u32> {
        let said = self
            .misc
            .as_ref()
            .and_then(|misc| misc.raw.process_id().copied());
        said.or_else(|| Some(self.threads.first()?.raw.thread_id))
    }

    /// The thread that crashed, or that asked for the dump.
    pub(super) fn crashed(&self) -> Option<u32> {
        let of_fault = self
            .exception
            .as_ref()
            .map(MinidumpException::get_crashing_thread_id);
        of_fault.or_else(|| self.breakpad.as_ref()?.requesting_thread_id)
    }

    /// The threads in the order in which they are told: the crashed one, the main one, the others as they come. One that wrote
    /// the dump, in the same process, says nothing.
    pub(super) fn in_order(&self) -> Vec<&MinidumpThread<'d>> {
        let (crashed, process) = (self.crashed(), self.process());
        let writer = self
            .breakpad
            .as_ref()
            .and_then(|breakpad| breakpad.dump_thread_id)
            .filter(|writer| crashed != Some(*writer));
        let mut order: Vec<_> = self
            .threads
            .iter()
            .filter(|thread| writer != Some(thread.raw.thread_id))
            .collect();
        // False comes first.
        order.sort_by_key(|thread| {
            let id = Some(thread.raw.thread_id);
            (crashed != id, process != id)
        });
        order
    }

    /// A thread's registers; of the crashed one those at the fault, and not those in the handler.
    pub(super) fn registers(&self, thread: &MinidumpThread<'d>) -> Option<MinidumpContext> {
        let system = self.system.as_ref()?;
        let of_fault = self
            .exception
            .as_ref()
            .filter(|_| self.crashed() == Some(thread.raw.thread_id))
            .and_then(|exception| exception.context(system, self.misc.as_ref()));
        let registers = of_fault.or_else(|| thread.context(system, self.misc.as_ref()));
        registers.map(|registers| registers.into_owned())
    }

    /// The stack pointer of the crashed thread.
    pub(super) fn stack_pointer(&self) -> Option<u64> {
        let crashed = self.crashed()?;
        let thread = self
            .threads
            .iter()
            .find(|thread| thread.raw.thread_id == crashed)?;
        Some(self.registers(thread)?.get_stack_pointer())
    }

    /// The memory that a stack pointer points into. That of the thread itself may be another one, when the registers are those
    /// of the fault.
    pub(super) fn stack_of<'m>(
        &'m self,
        thread: &'m MinidumpThread<'d>,
        stack_pointer: u64,
    ) -> Option<UnifiedMemory<'m, 'd>> {
        let own = thread.stack_memory(&self.memory);
        let holds = own.is_some_and(|own| {
            own.memory_range()
                .is_some_and(|range| range.contains(stack_pointer))
        });
        if holds {
            own
        } else {
            self.memory.memory_at_address(stack_pointer).or(own)
        }
    }

    /// A thread's name. The main thread is called like the program, which says nothing.
    pub(super) fn name(&self, thread: &MinidumpThread<'d>) -> Option<String> {
        let id = thread.raw.thread_id;
        let names = self.names.as_ref().filter(|_| self.process() != Some(id))?;
        let name: String = names.get_name(id)?.chars().take(NAME).collect();
        (!name.is_empty()).then_some(name)
    }
}

struct Reader<'d, 'p, T: Deref<Target = [u8]>> {
    dump: &'d Minidump<'d, T>,
    problems: &'p mut Vec<String>,
}

impl<'d, T: Deref<Target = [u8]>> Reader<'d, '_, T> {
    /// A part that every minidump should have.
    fn required<S: MinidumpStream<'d>>(&mut self, what: &str) -> Option<S> {
        let part = self.dump.get_stream::<S>();
        if let Err(Error::StreamNotFound) = part {
            self.problems.push(format!("the {what} is missing"));
        }
        self.readable(part, what)
    }

    /// A part that a minidump may have.
    fn optional<S: MinidumpStream<'d>>(&mut self, what: &str) -> Option<S> {
        let part = self.dump.get_stream::<S>();
        self.readable(part, what)
    }

    fn readable<S>(&mut self, part: Result<S, Error>, what: &str) -> Option<S> {
        match part {
            Ok(part) => Some(part),
            Err(Error::StreamNotFound) => None,
            Err(error) => {
                self.problems
                    .push(format!("the {what} is damaged ({error})"));
                None
            }
        }
    }
}
