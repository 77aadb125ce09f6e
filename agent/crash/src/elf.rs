//! The ELF header of a mapped module: its segments, read through checked reads. Anywhere.

use crate::memory::Memory;
use crate::modules::Region;

/// A segment in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// `p_type`.
    pub(crate) kind: u32,
    /// `p_flags`.
    pub(crate) flags: u32,
    /// Where it starts in memory.
    pub(crate) start: usize,
    /// Its size in memory.
    pub(crate) size: usize,
}

/// The segments of the module that starts at `region.start`; none if no ELF header is there.
pub(crate) fn segments<'a>(
    memory: &'a mut Memory,
    region: &Region,
) -> impl Iterator<Item = Segment> + use<'a> {
    const MAGIC: u32 = u32::from_le_bytes(*b"\x7fELF");
    const HEADERS_AT: usize = 32;
    const HEADER_SIZE: usize = 56;
    // More would be no ELF file of this world.
    const HEADERS_MAX: usize = 64;
    let (start, bias) = (region.start, region.bias);
    let count = if memory.half(start) == Some(MAGIC) {
        memory
            .word(start + 56)
            .map_or(0, |word| word & 0xffff)
            .min(HEADERS_MAX)
    } else {
        0
    };
    let first = memory.word(start + HEADERS_AT).unwrap_or(0);
    (0..count).map_while(move |index| {
        let at = start.checked_add(first)?.checked_add(index * HEADER_SIZE)?;
        Some(Segment {
            kind: memory.half(at)?,
            flags: memory.half(at + 4)?,
            start: bias.wrapping_add(memory.word(at + 16)?),
            size: memory.word(at + 40)?,
        })
    })
}
