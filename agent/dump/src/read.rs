//! Bytes to [`Dump`]. Total: any input gives what can be read of it and a list of what was wrong.

use crate::layout::{
    self, counters, crumbs, frame, header, life, modules, names, panic, signal, threads,
};
use crate::model::{
    Crumb, Dump, ExitMark, FaultClass, Found, Frame, Gap, Level, Module, OpenFreeze, Panic,
    Reached, Signal, Stack, StackEnd, Thread, ThreadName, Usage,
};
use crate::problem::Problem;

/// Reads a dump file. Never fails and never panics: whatever the bytes are, the answer is what could be read of them and
/// the problems met on the way. A file that is no dump gives an empty [`Dump`] and says so.
#[must_use]
pub fn read(bytes: &[u8]) -> (Dump, Vec<Problem>) {
    let mut reader = Reader {
        bytes,
        problems: Vec::new(),
    };
    let dump = reader.dump();
    let mut problems = reader.problems;
    // A damaged region repeats the same complaint; once is enough.
    let mut seen: Vec<Problem> = Vec::new();
    problems.retain(|problem| {
        let new = !seen.contains(problem);
        if new {
            seen.push(problem.clone());
        }
        new
    });
    (dump, problems)
}

/// Reads one panic slot ([`layout::panic::SIZE`] bytes), as it is cut out of the file of a living process.
/// `started_boottime_ms` is the header's. `None` if the slot holds no complete panic.
#[must_use]
pub fn read_panic(slot: &[u8], started_boottime_ms: u64) -> Option<Panic> {
    let mut reader = Reader {
        bytes: slot,
        problems: Vec::new(),
    };
    reader.panic(0, started_boottime_ms)
}

/// Reads the modules of a dump, as [`read`] does: the indices are the ones that frames name.
#[must_use]
pub fn read_modules(bytes: &[u8]) -> Vec<Module> {
    let mut reader = Reader {
        bytes,
        problems: Vec::new(),
    };
    reader.modules()
}

struct Reader<'a> {
    bytes: &'a [u8],
    problems: Vec<Problem>,
}

impl Reader<'_> {
    /// `size` bytes at `at`; what lies behind the end reads as zero.
    fn bytes<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        let tail = self.bytes.get(at..).unwrap_or_default();
        for (to, from) in out.iter_mut().zip(tail) {
            *to = *from;
        }
        out
    }

    fn u8(&self, at: usize) -> u8 {
        u8::from_le_bytes(self.bytes(at))
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.bytes(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.bytes(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.bytes(at))
    }

    fn bad(&mut self, field: &'static str, value: impl Into<u64>) {
        let value = value.into();
        self.problems.push(Problem::BadValue { field, value });
    }

    /// A length field, cut down to the room there is.
    fn length(&mut self, field: &'static str, value: u64, room: usize) -> usize {
        let value_usize = usize::try_from(value).unwrap_or(usize::MAX);
        if value_usize > room {
            self.bad(field, value);
        }
        value_usize.min(room)
    }

    fn text(&mut self, field: &'static str, at: usize, len: usize) -> String {
        let raw = self.bytes.get(at..).unwrap_or_default();
        let raw = raw.get(..len).unwrap_or(raw);
        let text = String::from_utf8_lossy(raw);
        let clean: String = text
            .chars()
            .map(|c| {
                if c.is_control() {
                    char::REPLACEMENT_CHARACTER
                } else {
                    c
                }
            })
            .collect();
        if clean.as_bytes() != raw {
            self.problems.push(Problem::BadText { field });
        }
        clean
    }

    fn dump(&mut self) -> Dump {
        let mut dump = Dump {
            counters: vec![0; counters::COUNT],
            ..Dump::default()
        };
        if self.bytes::<8>(header::MAGIC) != layout::MAGIC {
            self.problems.push(Problem::NotADump);
            return dump;
        }
        dump.version = self.u16(header::VERSION);
        if dump.version != layout::VERSION {
            self.problems.push(Problem::UnknownVersion(dump.version));
            return dump;
        }
        match self.bytes.len() {
            have if have < layout::FILE_SIZE => {
                self.problems.push(Problem::TooShort {
                    have,
                    need: layout::FILE_SIZE,
                });
            }
            have if have > layout::FILE_SIZE => self.problems.push(Problem::TooLong { have }),
            _ => {}
        }
        if layout::checksum(&self.bytes::<{ header::CHECKSUM }>(0)) != self.u32(header::CHECKSUM) {
            self.problems.push(Problem::HeaderDamaged);
        }
        dump.run = self.bytes(header::RUN);
        dump.pid = self.u32(header::PID);
        dump.started_unix = self.u64(header::STARTED_UNIX);
        dump.started_boottime_ms = self.u64(header::STARTED_BOOTTIME_MS);
        let start = dump.started_boottime_ms;

        dump.exit_mark = match self.u32(life::EXIT_MARK) {
            // Past the end of a file that was cut off.
            0 if self.bytes.len() < life::EXIT_MARK + 4 => ExitMark::Running,
            code => ExitMark::from_code(code).unwrap_or_else(|| {
                self.bad("the exit mark", code);
                ExitMark::Running
            }),
        };
        dump.exit_status = match self.u32(life::EXIT_STATUS) {
            0 => None,
            status => u8::try_from(status - 1)
                .inspect_err(|_| self.bad("the exit status", status))
                .ok(),
        };
        dump.foreground = match self.u32(life::FOREGROUND) {
            0 => None,
            1 => Some(true),
            2 => Some(false),
            other => {
                self.bad("the foreground flag", other);
                None
            }
        };
        dump.usage = self.usage();
        dump.boot = Some(self.u64(life::BOOT)).filter(|boot| *boot != 0);
        dump.panics_lost = self.u32(life::PANICS_LOST);
        for (index, counter) in dump.counters.iter_mut().enumerate() {
            *counter = self.u32(counters::AT + index * 4);
        }
        dump.open_freeze = self.freeze(start);
        dump.modules = self.modules();
        let names = self.names();
        for slot in 0..panic::COUNT {
            if let Some(panic) = self.panic(slot, start) {
                dump.panics.push(panic);
            }
        }
        dump.panics.sort_by_key(|panic| panic.serial);
        dump.crumbs = self.crumbs();
        dump.panic_elsewhere = self.u64(life::PANIC_ELSEWHERE_BOOTTIME_MS) != 0;
        dump.signal_elsewhere = self.u32(signal::STATE) == signal::ELSEWHERE;
        dump.signal = self.signal(&names, start);
        if dump.signal.is_some() {
            dump.threads = self.threads(&names);
        }
        let known = dump.modules.len();
        for stack in stacks(&mut dump) {
            for frame in &mut stack.frames {
                if let Some(module) = frame.module.filter(|module| usize::from(*module) >= known) {
                    *frame = Frame {
                        module: None,
                        offset: 0,
                        found: frame.found,
                    };
                    self.problems.push(Problem::NoSuchModule { module });
                }
            }
        }
        dump.alive_active_ms = self.u32(life::ALIVE_ACTIVE_MS);
        dump.uptime_ms = [
            dump.signal.as_ref().map(|signal| signal.at_ms),
            dump.panics.iter().map(|panic| panic.at_ms).max(),
            dump.open_freeze.map(|freeze| freeze.since_ms),
            Some(self.u64(life::ALIVE_BOOTTIME_MS).saturating_sub(start)),
        ]
        .into_iter()
        .flatten()
        .max()
        .unwrap_or(0);
        dump
    }

    fn usage(&mut self) -> Usage {
        // One more than counted, so that 0 is left for what is not known.
        let kills = |at: &Self, field| at.u64(field).checked_sub(1);
        Usage {
            memory: self.level("the use of memory", life::MEMORY),
            open_files: self.level("the use of open files", life::OPEN_FILES),
            resident_mib: match self.u32(life::RESIDENT_MIB) {
                0 => None,
                mib if mib.is_power_of_two() => Some(mib),
                other => {
                    self.bad("the memory of the process", other);
                    None
                }
            },
            kills_in_group: kills(self, life::KILLS_IN_GROUP),
            kills_on_machine: kills(self, life::KILLS_ON_MACHINE),
        }
    }

    fn level(&mut self, field: &'static str, at: usize) -> Option<Level> {
        let code = self.u32(at);
        let level = Level::from_code(code);
        if level.is_none() && code != 0 {
            self.bad(field, code);
        }
        level
    }

    fn freeze(&mut self, start: u64) -> Option<OpenFreeze> {
        match self.u32(life::FREEZE_STATE) {
            0 | 2 => None,
            1 => {
                let watch = self.u32(life::FREEZE_WATCH);
                Some(OpenFreeze {
                    watch: u16::try_from(watch).unwrap_or_else(|_| {
                        self.bad("the frozen watch", watch);
                        u16::MAX
                    }),
                    tid: self.u32(life::FREEZE_TID),
                    since_ms: self
                        .u64(life::FREEZE_SINCE_BOOTTIME_MS)
                        .saturating_sub(start),
                })
            }
            other => {
                self.bad("the state of the freeze", other);
                None
            }
        }
    }

    fn names(&mut self) -> Vec<String> {
        let count = self.u32(header::NAME_COUNT);
        let count = self.length("the number of thread names", count.into(), names::COUNT);
        (0..count)
            .map(|index| {
                let at = names::AT + index * names::SIZE;
                let raw = self.bytes::<{ names::SIZE }>(at);
                let len = raw
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(names::SIZE);
                self.text("a declared thread name", at, len)
            })
            .collect()
    }

    fn modules(&mut self) -> Vec<Module> {
        // Entries are claimed in order but may become ready out of order, and frames name them by position: an entry
        // that is not ready keeps its place, empty.
        let mut found = Vec::new();
        let mut used = 0;
        for index in 0..modules::COUNT {
            let at = modules::AT + index * modules::SIZE;
            let mut module = Module::default();
            match self.u32(at + modules::STATE) {
                0 | 1 => {}
                modules::READY => {
                    let len = self.u8(at + modules::BUILD_ID_LEN);
                    let len = self.length(
                        "the length of a build id",
                        len.into(),
                        modules::BUILD_ID_MAX,
                    );
                    let id = self.bytes::<{ modules::BUILD_ID_MAX }>(at + modules::BUILD_ID);
                    module.build_id = id.iter().take(len).copied().collect();
                    let len = self.u8(at + modules::NAME_LEN);
                    let len =
                        self.length("the length of a module name", len.into(), modules::NAME_MAX);
                    module.name = self.text("a module name", at + modules::NAME, len);
                    module.size = self.u64(at + modules::EXTENT);
                    used = index + 1;
                }
                other => self.bad("the state of a module", other),
            }
            found.push(module);
        }
        found.truncate(used);
        found
    }

    fn panic(&mut self, slot: usize, start: u64) -> Option<Panic> {
        // A slot that was cut out of the file stands at its beginning.
        let at = if self.bytes.len() == panic::SIZE {
            0
        } else {
            panic::AT + slot * panic::SIZE
        };
        match self.u32(at + panic::STATE) {
            panic::FREE => return None,
            panic::COMPLETE => {}
            panic::WRITING | panic::TAKING => {
                self.problems.push(Problem::UnfinishedPanic { slot });
                return None;
            }
            other => {
                self.bad("the state of a panic", other);
                return None;
            }
        }
        let len = self.u16(at + panic::MESSAGE_LEN);
        let len = self.length(
            "the length of a panic message",
            len.into(),
            panic::MESSAGE_MAX,
        );
        let message = self.text("a panic message", at + panic::MESSAGE, len);
        let len = self.u16(at + panic::FILE_LEN);
        let len = self.length(
            "the length of a panic's file name",
            len.into(),
            panic::FILE_MAX,
        );
        let file = self.text("a panic's file name", at + panic::FILE, len);
        let len = self.u16(at + panic::NAME_LEN);
        let len = self.length(
            "the length of a panic's thread name",
            len.into(),
            panic::NAME_MAX,
        );
        let thread_name = self.text("a panic's thread name", at + panic::NAME, len);
        let count = self.u16(at + panic::FRAME_COUNT);
        let count = self.length(
            "the number of a panic's frames",
            count.into(),
            panic::FRAMES_MAX,
        );
        let frames = self.frames(at + panic::FRAMES, count);
        let missing =
            u64::from(self.u32(at + panic::FRAMES_TOTAL)).saturating_sub(frames.len() as u64);
        let stack = Stack {
            gap: (missing > 0).then_some(Gap {
                before: frames.len(),
                missing,
            }),
            frames,
            end: if missing > 0 {
                StackEnd::Limit
            } else {
                StackEnd::Outermost
            },
        };
        Some(Panic {
            serial: self.u32(at + panic::SERIAL),
            tid: self.u32(at + panic::TID),
            main: self.u32(at + panic::FLAGS) & 1 != 0,
            at_ms: self.u64(at + panic::AT_BOOTTIME_MS).saturating_sub(start),
            at_active_ms: self.u32(at + panic::AT_ACTIVE_MS),
            message,
            file,
            line: self.u32(at + panic::LINE),
            thread_name,
            stack,
        })
    }

    fn signal(&mut self, names: &[String], start: u64) -> Option<Signal> {
        let state = self.u32(signal::STATE);
        match state {
            signal::NONE | signal::ELSEWHERE => return None,
            signal::CLAIMED..=signal::COMPLETE => {}
            other => {
                self.bad("the state of the signal", other);
                return None;
            }
        }
        if state < signal::COMPLETE {
            self.problems.push(Problem::UnfinishedSignal { state });
        }
        let fault = self.u32(signal::FAULT);
        let fault = FaultClass::from_code(fault).unwrap_or_else(|| {
            self.bad("the class of the fault", fault);
            FaultClass::Other
        });
        let tid = self.u32(signal::TID);
        let flags = self.u32(signal::FLAGS);
        let name = self.u32(signal::NAME);
        let survived = self.u32(signal::SURVIVED_MS);
        let end = self.u32(signal::STACK_END);
        let mut stack = self.long_stack();
        stack.end = self.stack_end(u8::try_from(end).unwrap_or(u8::MAX));
        Some(Signal {
            number: self.u32(signal::NUMBER),
            code: self.u32(signal::CODE).cast_signed(),
            fault,
            from_kernel: flags & 2 != 0,
            from_itself: flags & 4 != 0,
            tid,
            at_ms: self.u64(signal::AT_BOOTTIME_MS).saturating_sub(start),
            at_active_ms: self.u32(signal::AT_ACTIVE_MS),
            thread: Thread {
                tid,
                main: flags & 1 != 0,
                name: self.name(names, name),
                reached: Reached::Itself,
                stack,
            },
            nested: self.u32(signal::NESTED),
            other_threads: self.u32(signal::THREADS_SEEN),
            complete: state == signal::COMPLETE,
            survived_ms: Some(survived).filter(|ms| *ms != 0),
        })
    }

    /// The ring, oldest first. A crumb that was being written is left out: its number is 0 or does not belong there.
    fn crumbs(&self) -> Vec<Crumb> {
        let mut found: Vec<Crumb> = (0..crumbs::COUNT)
            .filter_map(|slot| {
                let at = crumbs::AT + slot * crumbs::SIZE;
                let serial = self.u32(at + crumbs::SERIAL);
                let belongs = serial
                    .checked_sub(1)
                    .is_some_and(|index| index as usize % crumbs::COUNT == slot);
                belongs.then(|| Crumb {
                    serial,
                    at_ms: self.u32(at + crumbs::AT_MS),
                    name: self.u32(at + crumbs::NAME) as u16,
                    values: [
                        self.u64(at + crumbs::VALUES),
                        self.u64(at + crumbs::VALUES + 8),
                    ]
                    .map(u64::cast_signed),
                })
            })
            .collect();
        found.sort_by_key(|crumb| crumb.serial);
        found
    }

    fn stack_end(&mut self, code: u8) -> StackEnd {
        StackEnd::from_code(code).unwrap_or_else(|| {
            self.bad("the end of a stack", code);
            StackEnd::Unfinished
        })
    }

    fn name(&mut self, names: &[String], code: u32) -> ThreadName {
        match usize::try_from(code) {
            Ok(0) => ThreadName::Other,
            Ok(index) if index <= names.len() => ThreadName::Known(names[index - 1].clone()),
            _ => {
                self.bad("a thread's name", code);
                ThreadName::Other
            }
        }
    }

    /// The crashed thread's stack: the first frames as they are, the rest a ring of the last ones.
    fn long_stack(&mut self) -> Stack {
        let total = self.u32(signal::FRAMES_TOTAL) as usize;
        if total <= signal::FRAMES_MAX {
            // An unfinished walk may have written one frame more than it had counted; empty slots end the list.
            let count = total
                .max(usize::from(
                    self.u64(signal::FRAMES + total * frame::SIZE) != 0,
                ))
                .min(signal::FRAMES_MAX);
            return Stack {
                frames: self.frames(signal::FRAMES, count),
                ..Stack::default()
            };
        }
        let ring = signal::FRAMES_MAX - signal::HEAD;
        let mut frames = self.frames(signal::FRAMES, signal::HEAD);
        let before = frames.len();
        for step in 0..ring {
            let slot = signal::HEAD + (total - signal::HEAD + step) % ring;
            frames.extend(self.frames(signal::FRAMES + slot * frame::SIZE, 1));
        }
        let missing = (total - signal::FRAMES_MAX) as u64;
        Stack {
            frames,
            gap: Some(Gap { before, missing }),
            end: StackEnd::Unfinished,
        }
    }

    /// `count` frames at `at`, empty slots left out.
    fn frames(&mut self, at: usize, count: usize) -> Vec<Frame> {
        let mut frames = Vec::with_capacity(count);
        for index in 0..count {
            let word = self.u64(at + index * frame::SIZE);
            if word == 0 {
                continue;
            }
            let (module, offset, found) = frame::unpack(word);
            let Some(found) = Found::from_code(found) else {
                self.bad("how a frame was found", found);
                continue;
            };
            frames.push(match module {
                frame::NO_MODULE => Frame {
                    module: None,
                    offset: 0,
                    found,
                },
                module => Frame {
                    module: Some(module),
                    offset,
                    found,
                },
            });
        }
        frames
    }

    fn threads(&mut self, names: &[String]) -> Vec<Thread> {
        let used = self.u32(signal::THREADS_USED);
        let end = threads::AT
            + self.length(
                "the bytes of the other threads",
                used.into(),
                threads::END - threads::AT,
            );
        let mut at = threads::AT;
        let mut found = Vec::new();
        while at < end {
            let count = usize::from(self.u16(at + threads::FRAME_COUNT));
            let next = at + threads::FRAMES + count * frame::SIZE;
            if self.u32(at + threads::STATE) != threads::MARK || next > end {
                self.problems
                    .push(Problem::UnfinishedThreads { read: found.len() });
                break;
            }
            let name = u32::from(self.u16(at + threads::NAME));
            let reached = self.u8(at + threads::REACHED);
            let end_code = self.u8(at + threads::STACK_END);
            found.push(Thread {
                tid: self.u32(at + threads::TID),
                main: self.u8(at + threads::FLAGS) & 1 != 0,
                name: self.name(names, name),
                reached: Reached::from_code(reached).unwrap_or_else(|| {
                    self.bad("how a thread was reached", reached);
                    Reached::Lost
                }),
                stack: Stack {
                    frames: self.frames(at + threads::FRAMES, count),
                    gap: None,
                    end: self.stack_end(end_code),
                },
            });
            at = next;
        }
        found
    }
}

fn stacks(dump: &mut Dump) -> impl Iterator<Item = &mut Stack> {
    dump.panics
        .iter_mut()
        .map(|panic| &mut panic.stack)
        .chain(
            dump.signal
                .iter_mut()
                .map(|signal| &mut signal.thread.stack),
        )
        .chain(dump.threads.iter_mut().map(|thread| &mut thread.stack))
}
