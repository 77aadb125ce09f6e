//! Where everything stands in a dump file. Little-endian, every field naturally aligned. `FORMAT.md` is the same in
//! words; `golden/` holds files that were assembled from `FORMAT.md` by hand and keep both honest.

/// Size of a dump file, in bytes. Fixed, so that the file can be allocated before anything goes wrong.
pub const FILE_SIZE: usize = 0x1_0000;
/// The first eight bytes. The line end tells a file that was copied as text.
pub const MAGIC: [u8; 8] = *b"CANDOR\r\n";
/// The version this crate writes and reads.
pub const VERSION: u16 = 1;
/// Value of [`header::SYSTEM`]: Linux on x86-64.
pub const SYSTEM_LINUX_X86_64: u32 = 1;

/// Written once, before the file is of any use to anybody.
pub mod header {
    /// Eight bytes: [`super::MAGIC`].
    pub const MAGIC: usize = 0;
    /// `u16`: [`super::VERSION`].
    pub const VERSION: usize = 8;
    /// `u32`: [`super::FILE_SIZE`].
    pub const FILE_SIZE: usize = 12;
    /// Sixteen bytes: the run's identity.
    pub const RUN: usize = 16;
    /// `u32`: process id.
    pub const PID: usize = 32;
    /// `u32`: how many entries of the thread-name table are used.
    pub const NAME_COUNT: usize = 36;
    /// `u64`: start of the run, seconds since 1970.
    pub const STARTED_UNIX: usize = 40;
    /// `u64`: start of the run, milliseconds since the machine started (suspension included).
    pub const STARTED_BOOTTIME_MS: usize = 48;
    /// `u32`: operating system and processor.
    pub const SYSTEM: usize = 56;
    /// `u32`: [`super::checksum`] of the bytes before it.
    pub const CHECKSUM: usize = 60;
    /// Bytes that the header takes.
    pub const SIZE: usize = 64;
}

/// What changes while the process lives. Offsets from the start of the file.
pub mod life {
    /// `u32`: see [`crate::ExitMark`].
    pub const EXIT_MARK: usize = 0x100;
    /// `u32`: 0 not told, 1 the app is in the foreground, 2 in the background.
    pub const FOREGROUND: usize = 0x104;
    /// `u64`: a hash of the machine's boot id; 0 while it is not known.
    pub const BOOT: usize = 0x108;
    /// `u64`: last time the agent's watch thread was seen alive, boot time in milliseconds; 0 for never.
    pub const ALIVE_BOOTTIME_MS: usize = 0x110;
    /// `u32`: 0 no freeze is open, 1 the fields below say which, 2 they are being written.
    pub const FREEZE_STATE: usize = 0x118;
    /// `u32`: which watch.
    pub const FREEZE_WATCH: usize = 0x11c;
    /// `u32`: which thread.
    pub const FREEZE_TID: usize = 0x120;
    /// `u64`: since when, boot time in milliseconds.
    pub const FREEZE_SINCE_BOOTTIME_MS: usize = 0x128;
    /// `u32`: panics for which no slot was free.
    pub const PANICS_LOST: usize = 0x130;
    /// `u32`: fatal signals that reached a handler.
    pub const SIGNALS_SEEN: usize = 0x134;
    /// `u32`: modules for which no entry was free.
    pub const MODULES_LOST: usize = 0x138;
    /// `u32`: use of memory, see [`crate::Usage`].
    pub const MEMORY: usize = 0x13c;
    /// `u32`: use of open files, see [`crate::Usage`].
    pub const OPEN_FILES: usize = 0x140;
    /// `u32`: memory of the process in MiB, rounded down to a power of two; 0 when it is not known.
    pub const RESIDENT_MIB: usize = 0x144;
    /// `u64`: processes killed for lack of memory in the process's own control group, and one; 0 when it is not known.
    pub const KILLS_IN_GROUP: usize = 0x148;
    /// `u64`: processes killed for lack of memory on the machine, and one; 0 when it is not known.
    pub const KILLS_ON_MACHINE: usize = 0x150;
    /// `u64`: the last panic of the main thread that was outside the scope and has not been survived, boot time in
    /// milliseconds; 0 for none.
    pub const PANIC_ELSEWHERE_BOOTTIME_MS: usize = 0x158;
    /// `u32`: last time the agent's watch thread was seen alive, milliseconds since the run started, suspension not included.
    pub const ALIVE_ACTIVE_MS: usize = 0x160;
    /// `u32`: the lowest eight bits of the status that `exit` was reached with, and one; 0 when it is not known.
    pub const EXIT_STATUS: usize = 0x164;
}

/// Counters for the agent's own bookkeeping: `u32` each.
pub mod counters {
    /// Offset of the first.
    pub const AT: usize = 0x200;
    /// How many.
    pub const COUNT: usize = 128;
}

/// Thread names that may be told, prepared when the file was made.
pub mod names {
    /// Offset of the first.
    pub const AT: usize = 0x400;
    /// How many fit.
    pub const COUNT: usize = 48;
    /// Bytes of one name, padded with zeros.
    pub const SIZE: usize = 32;
}

/// Slots for Rust panics. Offsets inside a slot.
pub mod panic {
    /// Offset of the first slot.
    pub const AT: usize = 0x1000;
    /// How many slots.
    pub const COUNT: usize = 4;
    /// Bytes of one slot.
    pub const SIZE: usize = 0x800;
    /// `u32`: [`FREE`], [`WRITING`], [`COMPLETE`] or [`TAKING`].
    pub const STATE: usize = 0;
    /// `u32`: thread.
    pub const TID: usize = 4;
    /// `u64`: when, boot time in milliseconds.
    pub const AT_BOOTTIME_MS: usize = 8;
    /// `u32`: line in the source file.
    pub const LINE: usize = 16;
    /// `u32`: bit 0, the main thread.
    pub const FLAGS: usize = 20;
    /// `u32`: counts panics of the run from 1.
    pub const SERIAL: usize = 24;
    /// `u16`: bytes of the message.
    pub const MESSAGE_LEN: usize = 28;
    /// `u16`: bytes of the file name.
    pub const FILE_LEN: usize = 30;
    /// `u16`: bytes of the thread name.
    pub const NAME_LEN: usize = 32;
    /// `u16`: frames that are written.
    pub const FRAME_COUNT: usize = 34;
    /// `u32`: frames that there were.
    pub const FRAMES_TOTAL: usize = 36;
    /// `u32`: when, milliseconds since the run started, suspension not included; counts as breadcrumbs do.
    pub const AT_ACTIVE_MS: usize = 40;
    /// Thread name.
    pub const NAME: usize = 48;
    /// Room for the thread name.
    pub const NAME_MAX: usize = 48;
    /// Source file.
    pub const FILE: usize = 96;
    /// Room for the source file.
    pub const FILE_MAX: usize = 160;
    /// Message.
    pub const MESSAGE: usize = 256;
    /// Room for the message.
    pub const MESSAGE_MAX: usize = 768;
    /// Frames, innermost first.
    pub const FRAMES: usize = 1024;
    /// Room for frames.
    pub const FRAMES_MAX: usize = 128;

    /// The slot is empty.
    pub const FREE: u32 = 0;
    /// Somebody is writing it.
    pub const WRITING: u32 = 1;
    /// It can be read.
    pub const COMPLETE: u32 = 2;
    /// The living process is taking it out.
    pub const TAKING: u32 = 3;
}

/// The record of a fatal signal. Offsets from the start of the file.
pub mod signal {
    /// `u32`: [`NONE`] to [`COMPLETE`], in the order of writing, or [`ELSEWHERE`].
    pub const STATE: usize = 0x3000;
    /// `u32`: signal number.
    pub const NUMBER: usize = 0x3004;
    /// `i32`: `si_code`.
    pub const CODE: usize = 0x3008;
    /// `u32`: see [`crate::FaultClass`].
    pub const FAULT: usize = 0x300c;
    /// `u32`: thread.
    pub const TID: usize = 0x3010;
    /// `u32`: bit 0 main thread, bit 1 sent by the kernel, bit 2 sent by this process.
    pub const FLAGS: usize = 0x3014;
    /// `u32`: 0 other, n the n-th name of the table.
    pub const NAME: usize = 0x3018;
    /// `u32`: further faults on the same thread while the record was written.
    pub const NESTED: usize = 0x301c;
    /// `u64`: when, boot time in milliseconds.
    pub const AT_BOOTTIME_MS: usize = 0x3020;
    /// `u32`: frames found so far; those beyond the room are kept as a ring, see [`HEAD`].
    pub const FRAMES_TOTAL: usize = 0x3028;
    /// `u32`: see [`crate::StackEnd`].
    pub const STACK_END: usize = 0x302c;
    /// `u32`: other threads that the process had.
    pub const THREADS_SEEN: usize = 0x3030;
    /// `u32`: bytes of [`super::threads`] that are written.
    pub const THREADS_USED: usize = 0x3034;
    /// `u32`: milliseconds after which the process was seen alive all the same; 0 for never.
    pub const SURVIVED_MS: usize = 0x3038;
    /// `u32`: when, milliseconds since the run started, suspension not included; counts as breadcrumbs do.
    pub const AT_ACTIVE_MS: usize = 0x303c;
    /// Frames, innermost first.
    pub const FRAMES: usize = 0x3080;
    /// Room for frames.
    pub const FRAMES_MAX: usize = 256;
    /// The first frames stay; the rest of the room is a ring of the last ones.
    pub const HEAD: usize = 192;

    /// No signal.
    pub const NONE: u32 = 0;
    /// A thread owns the record; nothing is written.
    pub const CLAIMED: u32 = 1;
    /// Facts are written, frames are coming.
    pub const FACTS: u32 = 2;
    /// The stack is complete, other threads are coming.
    pub const STACK: u32 = 3;
    /// All is written.
    pub const COMPLETE: u32 = 4;
    /// There was a signal, but its stack lies outside the scope: nothing else is written.
    pub const ELSEWHERE: u32 = 5;
}

/// The ring of breadcrumbs. Offsets inside one, after the number of the next.
pub mod crumbs {
    /// `u32`, offset from the start of the file: crumbs that were ever begun; the next goes to this number modulo [`COUNT`].
    pub const NEXT: usize = 0x3880;
    /// Offset of the first.
    pub const AT: usize = 0x38c0;
    /// How many fit.
    pub const COUNT: usize = 96;
    /// Bytes of one.
    pub const SIZE: usize = 32;
    /// `u32`: its number, counted from 1; 0 while it is being written.
    pub const SERIAL: usize = 0;
    /// `u32`: milliseconds since the run started, suspension not included.
    pub const AT_MS: usize = 4;
    /// `u32`: its name, a number of the agent's list.
    pub const NAME: usize = 8;
    /// Two `i64`.
    pub const VALUES: usize = 16;
}

/// Modules that frames of this file stand in.
pub mod modules {
    /// Offset of the first entry.
    pub const AT: usize = 0x4800;
    /// How many entries.
    pub const COUNT: usize = 64;
    /// Bytes of one entry.
    pub const SIZE: usize = 96;
    /// `u32`: 0 free, 1 being written, 2 ready.
    pub const STATE: usize = 0;
    /// `u8`: bytes of the build id.
    pub const BUILD_ID_LEN: usize = 4;
    /// `u8`: bytes of the name.
    pub const NAME_LEN: usize = 5;
    /// `u64`: bytes between the module's lowest and highest mapped address.
    pub const EXTENT: usize = 8;
    /// Build id.
    pub const BUILD_ID: usize = 16;
    /// Room for the build id.
    pub const BUILD_ID_MAX: usize = 32;
    /// Name.
    pub const NAME: usize = 48;
    /// Room for the name.
    pub const NAME_MAX: usize = 48;
    /// Value of [`STATE`]: may be read.
    pub const READY: u32 = 2;
}

/// The other threads, one behind the other. Offsets inside one record.
pub mod threads {
    /// Offset of the first record.
    pub const AT: usize = 0x6000;
    /// End of the room.
    pub const END: usize = super::FILE_SIZE;
    /// `u32`: [`MARK`].
    pub const STATE: usize = 0;
    /// `u32`: thread.
    pub const TID: usize = 4;
    /// `u16`: 0 other, n the n-th name of the table.
    pub const NAME: usize = 8;
    /// `u8`: bit 0 main thread.
    pub const FLAGS: usize = 10;
    /// `u8`: see [`crate::Reached`].
    pub const REACHED: usize = 11;
    /// `u16`: frames that follow.
    pub const FRAME_COUNT: usize = 12;
    /// `u8`: see [`crate::StackEnd`].
    pub const STACK_END: usize = 14;
    /// Where the frames start, and the size of a record without frames.
    pub const FRAMES: usize = 16;
    /// "THRD".
    pub const MARK: u32 = 0x4452_4854;
}

/// A frame is one `u64`: bits 0 to 39 offset, bits 40 to 55 module (0xffff for none), bits 56 to 63 how it was found.
/// Zero is an empty slot, because no way of finding has the number 0.
pub mod frame {
    /// Bytes of one frame.
    pub const SIZE: usize = 8;
    /// Bits of the offset: no module is larger than a terabyte.
    pub const OFFSET_BITS: u32 = 40;
    /// The module number that means "in no module".
    pub const NO_MODULE: u16 = 0xffff;

    /// Packs a frame. An offset that does not fit is written as a frame of no module.
    #[must_use]
    pub const fn pack(module: u16, offset: u64, found: u8) -> u64 {
        if module == NO_MODULE || offset >> OFFSET_BITS != 0 {
            ((found as u64) << 56) | ((NO_MODULE as u64) << OFFSET_BITS)
        } else {
            ((found as u64) << 56) | ((module as u64) << OFFSET_BITS) | offset
        }
    }

    /// The parts of a packed frame: module, offset, how it was found.
    #[must_use]
    pub const fn unpack(word: u64) -> (u16, u64, u8) {
        (
            ((word >> OFFSET_BITS) & 0xffff) as u16,
            word & ((1 << OFFSET_BITS) - 1),
            (word >> 56) as u8,
        )
    }
}

/// FNV-1a, 32 bits: tells a damaged header from a whole one.
#[must_use]
pub const fn checksum(bytes: &[u8]) -> u32 {
    let mut sum: u32 = 0x811c_9dc5;
    let mut at = 0;
    while at < bytes.len() {
        sum = (sum ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    sum
}

const _: () = {
    assert!(panic::FRAMES + panic::FRAMES_MAX * frame::SIZE == panic::SIZE);
    assert!(panic::AT + panic::COUNT * panic::SIZE == signal::STATE);
    assert!(signal::FRAMES + signal::FRAMES_MAX * frame::SIZE <= crumbs::NEXT);
    assert!(crumbs::AT + crumbs::COUNT * crumbs::SIZE <= modules::AT);
    assert!(modules::AT + modules::COUNT * modules::SIZE == threads::AT);
    assert!(names::AT + names::COUNT * names::SIZE <= panic::AT);
    assert!(header::SIZE <= life::EXIT_MARK);
};
