//! An app whose functions stand in the stacks of the reports. The addresses are looked up in this test's executable, so
//! names, files and lines are found the way they are for a real app.

use crate::support::executable;
use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Frame, Offset};
use object::{Object, ObjectSymbol};
use std::hint::black_box;

/// Functions that something was inlined into have a file and a line wherever line tables are all there is.
#[inline(always)]
pub(crate) fn inlined(number: u32) -> u32 {
    black_box(number).wrapping_mul(31)
}

pub(crate) mod history {
    use std::hint::black_box;

    #[inline(never)]
    pub(crate) fn parse_header(bytes: &[u8]) -> u32 {
        super::inlined(bytes.len() as u32)
    }

    #[inline(never)]
    pub(crate) fn open_index(path: &str) -> u32 {
        super::inlined(parse_header(black_box(path).as_bytes()))
    }
}

pub(crate) mod chat {
    #[inline(never)]
    pub(crate) fn layout_bubbles(count: u32) -> u32 {
        super::inlined(count).rotate_left(3)
    }

    #[inline(never)]
    pub(crate) fn search(count: u32) -> u32 {
        super::inlined(count).rotate_left(5)
    }

    #[inline(never)]
    pub(crate) fn draw(count: u32) -> u32 {
        super::inlined(layout_bubbles(count) ^ search(count))
    }
}

/// Keeps every function in the executable.
pub(crate) fn use_all() -> u32 {
    history::open_index(black_box("index")) + chat::draw(black_box(7))
}

/// This executable's build.
pub(crate) fn build() -> BuildId {
    assert_ne!(use_all(), 0);
    candor_symbols::build_id_of(&executable()).expect("this executable has symbols and a build id")
}

/// A frame inside the function whose mangled name contains `function`; of several, such as its closures, the one with the
/// shortest name.
pub(crate) fn frame(function: &str, module: u16) -> Frame {
    let data = std::fs::read(executable()).unwrap();
    let elf = object::File::parse(&*data).unwrap();
    let symbol = elf
        .symbols()
        .filter(|symbol| symbol.is_definition())
        .filter(|symbol| symbol.name().is_ok_and(|name| name.contains(function)))
        .min_by_key(|symbol| symbol.name().map(|name| (name.len(), name)).ok())
        .unwrap_or_else(|| panic!("this executable has no function {function}"));
    Frame {
        module: Some(module),
        offset: Offset(symbol.address() + 1),
        found: Found::Cfi,
    }
}
