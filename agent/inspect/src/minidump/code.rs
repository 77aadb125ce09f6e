//! A file of code on this machine: the very one that the process ran, or its debug file.

use super::cfi::Tables;
use object::{Architecture, Object, ObjectSegment, ReadCache};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// What is known of a file of code.
pub(super) struct Code {
    file: File,
    /// What its addresses count from: where its first segment wants to be loaded. 0 for most.
    pub(super) load: u64,
    segments: Vec<Segment>,
    /// Missing in a debug file, and where the processor is another one.
    pub(super) tables: Option<Tables>,
}

/// A part of the file that is loaded.
struct Segment {
    address: u64,
    offset: u64,
    size: u64,
}

/// A page of memory.
const PAGE: u64 = 4096;

impl Code {
    pub(super) fn read(path: &Path) -> Option<Self> {
        let data = ReadCache::new(File::open(path).ok()?);
        let elf = object::File::parse(&data).ok()?;
        let x86_64 = elf.architecture() == Architecture::X86_64;
        let segments: Vec<Segment> = elf
            .segments()
            .map(|segment| {
                let (offset, size) = segment.file_range();
                Segment {
                    address: segment.address(),
                    offset,
                    size,
                }
            })
            .collect();
        let lowest = segments.iter().map(|segment| segment.address).min()?;
        Some(Self {
            load: lowest / PAGE * PAGE,
            segments,
            tables: x86_64.then(|| Tables::of(&elf)).flatten(),
            file: File::open(path).ok()?,
        })
    }

    /// Whether the code before `address` calls something, so that `address` can be where that returns to. `None` when the
    /// file does not say.
    pub(super) fn calls_before(&self, address: u64) -> Option<bool> {
        // A debug file has the headers of the code and not the code.
        self.tables.as_ref()?;
        let segment = self.segments.iter().find(|segment| {
            address
                .checked_sub(segment.address)
                .is_some_and(|into| into >= LONGEST as u64 && into <= segment.size)
        })?;
        let at = segment.offset + (address - segment.address) - LONGEST as u64;
        let mut before = [0; LONGEST];
        self.file.read_exact_at(&mut before, at).ok()?;
        Some(ends_in_a_call(&before))
    }
}

/// Bytes of the longest call without a prefix that matters.
const LONGEST: usize = 7;

/// Whether `code` ends in a call: `e8` with a distance, or `ff /2` with a place that holds the address (Intel's manual,
/// volume 2, CALL and table 2-2).
fn ends_in_a_call(code: &[u8; LONGEST]) -> bool {
    if code[LONGEST - 5] == 0xe8 {
        return true;
    }
    (2..=LONGEST).any(|length| {
        let code = &code[LONGEST - length..];
        code[0] == 0xff && (code[1] >> 3) & 7 == 2 && indirect_length(code) == Some(length)
    })
}

/// Bytes of an instruction of one byte whose operand is described by the ones that follow.
fn indirect_length(code: &[u8]) -> Option<usize> {
    let operand = *code.get(1)?;
    let (mode, register) = (operand >> 6, operand & 7);
    let scaled = mode != 3 && register == 4;
    let distance = match mode {
        0 if register == 5 => 4,
        0 if scaled && code.get(2)? & 7 == 5 => 4,
        1 => 1,
        2 => 4,
        _ => 0,
    };
    Some(2 + usize::from(scaled) + distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_from_other_code() {
        for (code, calls) in [
            // call +0x10; call rax; call r11
            ([0x90, 0x90, 0xe8, 0x10, 0, 0, 0], true),
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0], true),
            ([0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd3], true),
            // call [rip+0x2000]; call [rax+8]; call [rsp+0x100]; call [rax*8+0x1000]
            ([0x90, 0xff, 0x15, 0, 0x20, 0, 0], true),
            ([0x90, 0x90, 0x90, 0x90, 0xff, 0x50, 0x08], true),
            ([0xff, 0x94, 0x24, 0, 1, 0, 0], true),
            ([0xff, 0x14, 0xc5, 0, 0x10, 0, 0], true),
            // jmp rax; push rax; nop
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xe0], false),
            ([0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0x50], false),
            ([0x90; 7], false),
        ] {
            assert_eq!(ends_in_a_call(&code), calls, "{code:x?}");
        }
    }
}
