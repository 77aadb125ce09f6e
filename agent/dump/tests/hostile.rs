//! Whatever the bytes are, the reader answers: what it could read, and what was wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use candor_dump::layout::{
    self, crumbs, frame, header, life, modules, names, panic, signal, threads,
};
use candor_dump::{Dump, Problem, Stack, read};
use proptest::collection::vec;
use proptest::prelude::*;

fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// A file with something in every part.
fn full() -> Vec<u8> {
    let mut bytes = vec![0; layout::FILE_SIZE];
    put(&mut bytes, header::MAGIC, &layout::MAGIC);
    put(&mut bytes, header::VERSION, &layout::VERSION.to_le_bytes());
    put(&mut bytes, header::NAME_COUNT, &2u32.to_le_bytes());
    put(
        &mut bytes,
        header::STARTED_BOOTTIME_MS,
        &1000u64.to_le_bytes(),
    );
    let sum = layout::checksum(&bytes[..header::CHECKSUM]);
    put(&mut bytes, header::CHECKSUM, &sum.to_le_bytes());
    put(&mut bytes, life::EXIT_MARK, &1u32.to_le_bytes());
    put(&mut bytes, life::FREEZE_STATE, &1u32.to_le_bytes());
    put(&mut bytes, names::AT, b"worker");
    put(&mut bytes, names::AT + names::SIZE, b"reader");
    for slot in 0..panic::COUNT {
        let at = panic::AT + slot * panic::SIZE;
        put(
            &mut bytes,
            at + panic::STATE,
            &panic::COMPLETE.to_le_bytes(),
        );
        put(&mut bytes, at + panic::MESSAGE_LEN, &5u16.to_le_bytes());
        put(&mut bytes, at + panic::MESSAGE, b"hello");
        put(&mut bytes, at + panic::FRAME_COUNT, &3u16.to_le_bytes());
        put(&mut bytes, at + panic::FRAMES_TOTAL, &3u32.to_le_bytes());
        for index in 0..3 {
            let word = frame::pack(0, 100 + index, 6);
            put(
                &mut bytes,
                at + panic::FRAMES + index as usize * frame::SIZE,
                &word.to_le_bytes(),
            );
        }
    }
    put(&mut bytes, signal::STATE, &signal::COMPLETE.to_le_bytes());
    put(&mut bytes, signal::NUMBER, &11u32.to_le_bytes());
    put(&mut bytes, signal::FRAMES_TOTAL, &1000u32.to_le_bytes());
    put(&mut bytes, signal::STACK_END, &1u32.to_le_bytes());
    for index in 0..signal::FRAMES_MAX {
        let word = frame::pack(1, index as u64, 3);
        put(
            &mut bytes,
            signal::FRAMES + index * frame::SIZE,
            &word.to_le_bytes(),
        );
    }
    for entry in 0..3 {
        let at = modules::AT + entry * modules::SIZE;
        put(
            &mut bytes,
            at + modules::STATE,
            &modules::READY.to_le_bytes(),
        );
        put(&mut bytes, at + modules::BUILD_ID_LEN, &[20, 6]);
        put(&mut bytes, at + modules::NAME, b"libm.s");
    }
    let mut at = threads::AT;
    for tid in 0..40u32 {
        put(
            &mut bytes,
            at + threads::STATE,
            &threads::MARK.to_le_bytes(),
        );
        put(&mut bytes, at + threads::TID, &tid.to_le_bytes());
        put(&mut bytes, at + threads::FRAME_COUNT, &4u16.to_le_bytes());
        for index in 0..4 {
            let word = frame::pack(2, index, 3);
            put(
                &mut bytes,
                at + threads::FRAMES + index as usize * frame::SIZE,
                &word.to_le_bytes(),
            );
        }
        at += threads::FRAMES + 4 * frame::SIZE;
    }
    put(
        &mut bytes,
        signal::THREADS_USED,
        &((at - threads::AT) as u32).to_le_bytes(),
    );
    bytes
}

/// What holds for every answer.
fn check(dump: &Dump, problems: &[Problem]) {
    let mut stacks: Vec<&Stack> = dump.panics.iter().map(|panic| &panic.stack).collect();
    stacks.extend(dump.signal.iter().map(|signal| &signal.thread.stack));
    stacks.extend(dump.threads.iter().map(|thread| &thread.stack));
    for stack in stacks {
        for frame in &stack.frames {
            assert!(
                frame
                    .module
                    .is_none_or(|module| usize::from(module) < dump.modules.len()),
                "{frame:?}"
            );
        }
        assert!(stack.gap.is_none_or(|gap| gap.before <= stack.frames.len()));
    }
    let mut texts: Vec<&str> = dump
        .modules
        .iter()
        .map(|module| module.name.as_str())
        .collect();
    texts.extend(
        dump.panics
            .iter()
            .flat_map(|panic| [panic.message.as_str(), &panic.file, &panic.thread_name]),
    );
    assert!(
        texts.iter().all(|text| !text.chars().any(char::is_control)),
        "{texts:?}"
    );
    assert_eq!(dump.counters.len(), layout::counters::COUNT);
    assert!(dump.threads.len() <= (threads::END - threads::AT) / threads::FRAMES);
    assert!(
        problems
            .iter()
            .all(|problem| !problem.to_string().is_empty())
    );
}

#[test]
fn a_full_file_has_no_problems() {
    let (dump, problems) = read(&full());
    assert_eq!(problems, []);
    check(&dump, &problems);
    assert_eq!(
        (dump.panics.len(), dump.threads.len(), dump.modules.len()),
        (4, 40, 3)
    );
    assert_eq!(
        dump.signal.unwrap().thread.stack.frames.len(),
        signal::FRAMES_MAX
    );
}

#[test]
fn a_file_that_is_no_dump_is_told_so() {
    for bytes in [&b""[..], b"MDMP", &[0; 70_000], b"CANDOR\n\n"] {
        assert_eq!(read(bytes).1, [Problem::NotADump]);
    }
}

#[test]
fn a_later_version_is_refused_by_name() {
    let mut bytes = full();
    put(&mut bytes, header::VERSION, &9u16.to_le_bytes());
    let (dump, problems) = read(&bytes);
    assert_eq!(problems, [Problem::UnknownVersion(9)]);
    assert_eq!(
        problems[0].to_string(),
        "the dump has format version 9; this program reads version 1 only"
    );
    assert!(dump.signal.is_none() && dump.panics.is_empty());
}

#[test]
fn every_truncation_is_read_up_to_its_end() {
    let whole = full();
    let (mut seen_signal, mut seen_panic) = (false, false);
    for len in (0..whole.len()).step_by(7) {
        let (dump, problems) = read(&whole[..len]);
        check(&dump, &problems);
        assert!(!problems.is_empty(), "{len}");
        seen_signal |= dump.signal.is_some();
        seen_panic |= !dump.panics.is_empty();
        if len > threads::AT {
            assert!(dump.signal.is_some() && dump.panics.len() == 4);
        }
    }
    assert!(seen_signal && seen_panic);
}

#[test]
fn every_single_flipped_bit_of_the_first_part_of_each_record_is_survived() {
    let whole = full();
    let starts = [
        0,
        life::EXIT_MARK,
        panic::AT,
        signal::STATE,
        modules::AT,
        threads::AT,
    ];
    for start in starts {
        for bit in 0..128 * 8 {
            let mut bytes = whole.clone();
            bytes[start + bit / 8] ^= 1 << (bit % 8);
            let (dump, problems) = read(&bytes);
            check(&dump, &problems);
            if start == 0 && bit < header::CHECKSUM * 8 + 32 {
                assert!(
                    !problems.is_empty(),
                    "a damaged header is noticed: bit {bit}"
                );
            }
        }
    }
}

#[test]
fn every_byte_may_be_anything_else() {
    let mut bytes = full();
    for at in 0..bytes.len() {
        let before = bytes[at];
        bytes[at] = if at % 2 == 0 {
            !before
        } else {
            before ^ 1 << (at / 2 % 8)
        };
        let (dump, problems) = read(&bytes);
        check(&dump, &problems);
        let guarded = at < header::CHECKSUM + 4;
        assert!(!guarded || !problems.is_empty(), "byte {at} of the header");
        bytes[at] = before;
    }
}

/// As many damaged files as `CANDOR_FUZZ_CASES` says; some thousands without it. `CANDOR_FUZZ_SEED` chooses which.
#[test]
fn as_many_damaged_files_as_asked_for_are_survived() {
    let number = |name: &str, otherwise: u64| {
        std::env::var(name).map_or(otherwise, |text| text.parse().expect(name))
    };
    let (cases, seed) = (
        number("CANDOR_FUZZ_CASES", 10_000),
        number("CANDOR_FUZZ_SEED", 1),
    );
    let mut files = corpus();
    for case in 0..cases {
        let mut dice = Dice::new(seed, case);
        let kinds = files.len();
        let file = &mut files[dice.below(kinds)];
        let len = match dice.below(8) {
            0 => dice.below(file.len() + 1),
            _ => file.len(),
        };
        let damage: Vec<(usize, u8)> = dice
            .damage(file.len())
            .into_iter()
            .map(|(at, byte)| (at, std::mem::replace(&mut file[at], byte)))
            .collect();
        let damaged = &file[..len];
        let read_all = || {
            let (dump, problems) = read(damaged);
            check(&dump, &problems);
            let _ = candor_dump::read_panic(&damaged[len.min(panic::AT)..], case);
            let _ = candor_dump::read_modules(damaged);
        };
        if let Err(fault) = std::panic::catch_unwind(read_all) {
            eprintln!("CANDOR_FUZZ_SEED={seed}, case {case}");
            std::panic::resume_unwind(fault);
        }
        for (at, byte) in damage.into_iter().rev() {
            file[at] = byte;
        }
    }
}

/// Files to begin with: whole, hardly begun, and interrupted at every step of a record.
fn corpus() -> Vec<Vec<u8>> {
    let whole = full();
    let mut files = vec![
        whole.clone(),
        [
            &whole[..header::SIZE],
            &vec![0; layout::FILE_SIZE - header::SIZE],
        ]
        .concat(),
    ];
    for state in [
        signal::CLAIMED,
        signal::FACTS,
        signal::STACK,
        signal::ELSEWHERE,
    ] {
        let mut file = whole.clone();
        put(&mut file, signal::STATE, &state.to_le_bytes());
        files.push(file);
    }
    files
}

/// Numbers that are the same for the same case.
struct Dice(u64);

impl Dice {
    fn new(seed: u64, case: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ case.wrapping_mul(0xd134_2543_de82_ef95))
    }

    /// SplitMix64.
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    fn below(&mut self, end: usize) -> usize {
        (self.roll() % end as u64) as usize
    }

    /// What to write where: a few bits, numbers at the edge of what fits, runs of noise.
    fn damage(&mut self, len: usize) -> Vec<(usize, u8)> {
        const EDGES: [u64; 12] = [
            0,
            1,
            2,
            5,
            0x7f,
            0xff,
            0x7fff,
            0xffff,
            0x7fff_ffff,
            0xffff_ffff,
            1 << 40,
            u64::MAX,
        ];
        /// Where most of what steers the reader stands.
        const STEERING: [usize; 7] = [
            0,
            life::EXIT_MARK,
            panic::AT,
            signal::STATE,
            crumbs::NEXT,
            modules::AT,
            threads::AT,
        ];
        let mut damage = Vec::new();
        for _ in 0..=self.below(6) {
            let at = match self.below(3) {
                0 => self.below(len),
                _ => STEERING[self.below(STEERING.len())] + self.below(0x180),
            };
            match self.below(3) {
                0 => damage.push((at, self.roll() as u8)),
                1 => {
                    let size = 1 << self.below(4);
                    let value = EDGES[self.below(EDGES.len())].to_le_bytes();
                    let at = at & !(size - 1);
                    damage.extend((at..len).zip(value).take(size));
                }
                _ => {
                    let noise: Vec<u8> = (0..self.below(64)).map(|_| self.roll() as u8).collect();
                    damage.extend((at..len).zip(noise));
                }
            }
        }
        damage
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_damage_to_a_full_file_is_survived(
        flips in vec((0..layout::FILE_SIZE, any::<u8>()), 1..200),
        cut in 0..=layout::FILE_SIZE,
    ) {
        let mut bytes = full();
        for (at, value) in flips {
            bytes[at] = value;
        }
        bytes.truncate(cut);
        let (dump, problems) = read(&bytes);
        check(&dump, &problems);
    }

    #[test]
    fn any_bytes_behind_a_good_beginning_are_survived(noise in vec(any::<u8>(), 0..3000), at in 16..layout::FILE_SIZE) {
        let mut bytes = full();
        let end = (at + noise.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&noise[..end - at]);
        let (dump, problems) = read(&bytes);
        check(&dump, &problems);
    }

    #[test]
    fn any_bytes_at_all_are_survived(bytes in vec(any::<u8>(), 0..70_000)) {
        let (dump, problems) = read(&bytes);
        check(&dump, &problems);
        prop_assert!(!problems.is_empty());
    }

    #[test]
    fn a_panic_slot_of_any_bytes_is_survived(bytes in vec(any::<u8>(), 0..panic::SIZE * 2)) {
        let _ = candor_dump::read_panic(&bytes, 7);
        let _ = candor_dump::read_modules(&bytes);
    }

    #[test]
    fn a_frame_comes_out_as_it_went_in(module in 0..0xffffu16, offset in 0..1u64 << frame::OFFSET_BITS, found in 1..=6u8) {
        prop_assert_eq!(frame::unpack(frame::pack(module, offset, found)), (module, offset, found));
    }
}
