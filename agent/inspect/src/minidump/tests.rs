//! Dumps that nobody would write: whatever is in a file, something is said of it, and in bounded time.

#[path = "../../tests/support/synthetic.rs"]
mod synthetic;

use super::{Read, read_dump};
use crate::view::minidump::Shown;
use crate::{json, text};
use minidump::{Error, Minidump};
use proptest::prelude::*;
use std::sync::LazyLock;

static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(synthetic::null_pointer);

fn read(bytes: &[u8]) -> Result<Read, Error> {
    Minidump::read(bytes).map(|dump| read_dump(&dump, &[]))
}

/// Everything that can be shown of it, none of which may panic.
fn look(bytes: &[u8]) {
    if let Ok(read) = read(bytes) {
        let shown = Shown::of("app.dmp".to_owned(), read);
        text::minidump::render(&shown, true, false);
        text::minidump::render(&shown, false, true);
        json::render(&shown);
    }
}

#[test]
fn a_whole_dump_is_read_without_problems() {
    let read = read(&WHOLE).unwrap();
    assert_eq!(read.problems, Vec::<String>::new());
    assert_eq!(read.threads.len(), 5);
    assert!(read.knows_which);
    let crashed = &read.threads[0];
    let offsets: Vec<u64> = crashed
        .stack
        .frames
        .iter()
        .map(|frame| frame.offset.0)
        .collect();
    assert_eq!(offsets, [0x2f31, 0x1c08, 0x1a44, 0x2_7d90]);
}

#[test]
fn colour_changes_nothing_but_the_colour() {
    let shown = Shown::of("app.dmp".to_owned(), read(&WHOLE).unwrap());
    let plain = text::minidump::render(&shown, true, false);
    let coloured = text::minidump::render(&shown, true, true);
    assert!(!plain.contains('\u{1b}'));
    assert!(coloured.contains("\u{1b}[1;31m"));
    let mut stripped = String::new();
    for (index, part) in coloured.split('\u{1b}').enumerate() {
        let text = match index {
            0 => part,
            _ => part.split_once('m').unwrap().1,
        };
        stripped.push_str(text);
    }
    // Spaces at the end of a line may have a colour and stay.
    let trimmed = |text: &str| {
        text.lines()
            .map(str::trim_end)
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(trimmed(&stripped), trimmed(&plain));
}

#[test]
fn a_dump_that_is_cut_off_anywhere_is_survived() {
    for end in 0..WHOLE.len() {
        if end < 4096 || end % 37 == 0 {
            look(&WHOLE[..end]);
        }
    }
}

#[test]
fn a_dump_without_one_of_its_parts_says_which_is_missing() {
    // Where the directory says of what kind each part is.
    let directory = u32::from_le_bytes(WHOLE[12..16].try_into().unwrap()) as usize;
    let parts = u32::from_le_bytes(WHOLE[8..12].try_into().unwrap()) as usize;
    assert!(parts > 5, "{parts}");
    let mut missing = Vec::new();
    for part in 0..parts {
        let mut bytes = WHOLE.clone();
        bytes[directory + 12 * part..][..4].copy_from_slice(&0xdead_u32.to_le_bytes());
        look(&bytes);
        missing.extend(read(&bytes).unwrap().problems);
    }
    missing.sort();
    missing.retain(|problem| problem.ends_with("missing"));
    assert_eq!(
        missing,
        [
            "the description of the system is missing",
            "the list of files of code is missing",
            "the list of threads is missing",
        ]
    );
}

#[test]
fn a_stack_that_never_ends_is_given_up_and_a_thousand_of_them_too() {
    use minidump_synth::{Memory, Module, SynthMinidump, SystemInfo, Thread};
    use test_assembler::{Endian::Little, Section};
    let name = minidump_synth::DumpString::new("im", Little);
    let module = Module::new(Little, 0x10_0000, 0x10_0000, &name, 0, 0, None);
    let mut words = Section::with_endian(Little);
    for _ in 0..200_000 {
        words = words.D64(0x10_0010);
    }
    let memory = Memory::with_section(words, 0x7000_0000);
    let context = minidump_synth::amd64_context(Little, 0x10_0020, 0x7000_0000);
    let system = SystemInfo::new(Little)
        .set_processor_architecture(9)
        .set_platform_id(0x8201);
    let mut dump = SynthMinidump::with_endian(Little)
        .add_system_info(system)
        .add_module(module)
        .add(name);
    for id in 0..1000 {
        dump = dump.add_thread(Thread::new(Little, id, &memory, &context));
    }
    let bytes = dump.add(context).add_memory(memory).finish().unwrap();
    let read = read(&bytes).unwrap();
    assert_eq!(read.threads.len(), 1000);
    let deep = &read.threads[0].stack;
    assert_eq!(deep.frames.len(), 256);
    assert!(deep.left_out > 30_000, "{}", deep.left_out);
    assert_eq!(deep.end, Some(candor_protocol::report::StackEnd::Limit));
    assert!(read.threads[999].stack.frames.is_empty());
    assert!(
        read.problems
            .iter()
            .any(|problem| problem.contains("took too long")),
        "{:?}",
        read.problems
    );
}

#[test]
fn more_threads_and_files_of_code_than_any_process_has_are_left_out() {
    use minidump_synth::{DumpString, Memory, Module, SynthMinidump, SystemInfo, Thread};
    use test_assembler::{Endian::Little, Section};
    let name = DumpString::new("im", Little);
    let memory = Memory::with_section(Section::with_endian(Little).D64(0), 0x7000_0000);
    let context = minidump_synth::amd64_context(Little, 0x10_0020, 0x7000_0000);
    let system = SystemInfo::new(Little)
        .set_processor_architecture(9)
        .set_platform_id(0x8201);
    let mut dump = SynthMinidump::with_endian(Little).add_system_info(system);
    for number in 0..5000 {
        let base = 0x10_0000 + 0x1000 * u64::from(number);
        let module = Module::new(Little, base, 0x1000, &name, 0, 0, None);
        let thread = Thread::new(Little, number, &memory, &context);
        dump = dump.add_module(module).add_thread(thread);
    }
    let bytes = dump
        .add(name)
        .add(context)
        .add_memory(memory)
        .finish()
        .unwrap();
    let read = read(&bytes).unwrap();
    assert_eq!((read.threads.len(), read.modules.len()), (2048, 4096));
    assert_eq!(
        read.problems,
        [
            "2952 more threads are left out",
            "904 more files of code are left out"
        ]
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn bytes_that_were_changed_anywhere_are_survived(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        cut in any::<prop::sample::Index>(),
        whole: bool,
    ) {
        let mut bytes = WHOLE.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if !whole {
            bytes.truncate(cut.index(bytes.len()));
        }
        look(&bytes);
    }

    #[test]
    fn numbers_that_were_changed_in_lists_and_records_are_survived(
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::sample::select(vec![
                0_u32, 1, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff,
            ])),
            1..6,
        ),
    ) {
        let mut bytes = WHOLE.clone();
        for (at, number) in changes {
            let at = at.index(bytes.len() / 4) * 4;
            bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        }
        look(&bytes);
    }

    #[test]
    fn garbage_behind_a_right_beginning_is_survived(mut bytes in prop::collection::vec(any::<u8>(), 32..4096)) {
        bytes[..8].copy_from_slice(b"MDMP\x93\xa7\0\0");
        bytes[8..16].copy_from_slice(&[3, 0, 0, 0, 32, 0, 0, 0]);
        look(&bytes);
    }

    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        look(&bytes);
    }
}
