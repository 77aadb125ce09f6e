//! Symbol files of other systems, as a developer hands them over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use candor_symbols::{Symbols, locate_all};
use std::fs;
use std::path::Path;

const UUID: [u8; 16] = *b"sixteen bytes id";
const TEXT_AT: u64 = 0x1_0000_0000;
const AGE: u32 = 3;

fn name(symbols: &Symbols, build: &BuildId, offset: u64) -> Option<String> {
    let names = symbols.names(build, Offset(offset), Found::Context);
    names.last().map(|name| name.function.clone())
}

/// A program of Apple's with one function, as the linker leaves it: an id, a segment of code, a table of symbols.
fn mach_o(function: &str) -> Vec<u8> {
    let mut file = Vec::new();
    let word = |file: &mut Vec<u8>, word: u32| file.extend(word.to_le_bytes());
    let long = |file: &mut Vec<u8>, long: u64| file.extend(long.to_le_bytes());
    let text = |file: &mut Vec<u8>, name: &str| {
        let mut name = name.as_bytes().to_vec();
        name.resize(16, 0);
        file.extend(name);
    };
    let (segment, uuid, symbols) = (72 + 80, 24, 24);
    let table_at = 32 + segment + uuid + symbols;
    // Magic, x86-64, any of it, a program, three commands.
    for field in [
        0xfeed_facf,
        0x0100_0007,
        3,
        2,
        3,
        segment + uuid + symbols,
        0,
        0,
    ] {
        word(&mut file, field);
    }
    word(&mut file, 0x19);
    word(&mut file, segment);
    text(&mut file, "__TEXT");
    for field in [TEXT_AT, 0x4000, 0, 0x4000] {
        long(&mut file, field);
    }
    for field in [5, 5, 1, 0] {
        word(&mut file, field);
    }
    text(&mut file, "__text");
    text(&mut file, "__TEXT");
    long(&mut file, TEXT_AT + 0x1000);
    long(&mut file, 0x100);
    for field in [0x1000, 4, 0, 0, 0x8000_0400, 0, 0, 0] {
        word(&mut file, field);
    }
    word(&mut file, 0x1b);
    word(&mut file, uuid);
    file.extend(UUID);
    for field in [
        2,
        symbols,
        table_at,
        1,
        table_at + 16,
        function.len() as u32 + 3,
    ] {
        word(&mut file, field);
    }
    // The symbol: its name, in a section, the first one, where it is.
    word(&mut file, 1);
    file.extend([0x0f, 1, 0, 0]);
    long(&mut file, TEXT_AT + 0x1000);
    file.extend(format!("\0_{function}\0").into_bytes());
    file.resize(0x4000, 0);
    file
}

fn bundle(dir: &Path) -> std::path::PathBuf {
    let bundle = dir.join("IM.app.dSYM");
    let inside = bundle.join("Contents/Resources/DWARF");
    fs::create_dir_all(&inside).unwrap();
    fs::write(inside.join("IM"), mach_o("im_open_chat")).unwrap();
    bundle
}

#[test]
fn a_program_of_apples_is_named_by_its_uuid_alone_or_in_a_bundle() {
    let dir = tempfile::tempdir().unwrap();
    let build = BuildId::from_bytes(&UUID).unwrap();
    let bundle = bundle(dir.path());
    let located = locate_all(&bundle, &[]).unwrap();
    assert_eq!(located.len(), 1);
    assert_eq!(located[0].build, build);
    for given in [dir.path(), &bundle, &located[0].file] {
        let symbols = Symbols::open([given]);
        assert_eq!(
            name(&symbols, &build, 0x1010).as_deref(),
            Some("im_open_chat"),
            "{given:?}"
        );
        assert_eq!(name(&symbols, &build, 0x10), None);
    }
}

#[test]
fn a_text_file_that_tells_half_of_a_build_id_names_the_whole_of_it() {
    let dir = tempfile::tempdir().unwrap();
    let text = "MODULE Linux x86_64 F7B8D2A4C1E3906512345678ABCDEF010 im\nFUNC 1000 40 0 im::history::load\n";
    fs::write(dir.path().join("im.sym"), text).unwrap();
    let symbols = Symbols::open([dir.path()]);
    let whole: BuildId = "a4d2b8f7e3c1659012345678abcdef01deadbeef".parse().unwrap();
    assert_eq!(
        name(&symbols, &whole, 0x1010).as_deref(),
        Some("im::history::load")
    );
    let other: BuildId = "b4d2b8f7e3c1659012345678abcdef01deadbeef".parse().unwrap();
    assert_eq!(name(&symbols, &other, 0x1010), None);
}

/// A program database of Microsoft's with one public function, in blocks of 4 KiB as the format wants it: an id, no types, the sections of the
/// program, and the function in the first of them.
fn pdb(function: &str) -> Vec<u8> {
    const BLOCK: usize = 4_096;
    let words =
        |words: &[u32]| -> Vec<u8> { words.iter().flat_map(|word| word.to_le_bytes()).collect() };
    let halves =
        |halves: &[u16]| -> Vec<u8> { halves.iter().flat_map(|half| half.to_le_bytes()).collect() };
    // The version of 2000, a time, an age; the id; an empty map of names.
    let mut info = words(&[20_000_404, 1, AGE]);
    info.extend(UUID);
    info.extend(words(&[0, 0, 1, 0, 0, 0]));
    let types = words(&[
        20_040_203,
        56,
        0x1000,
        0x1000,
        0,
        0xffff_ffff,
        4,
        0x3_ffff,
        0,
        0,
        0,
        0,
        0,
        0,
    ]);
    // The public symbol: how long the rest is, what it is, that it is a function, where it is.
    let mut symbol = halves(&[0x110e]);
    symbol.extend(words(&[2, 0x10]));
    symbol.extend(halves(&[1]));
    symbol.extend(function.as_bytes());
    symbol.push(0);
    symbol.resize(symbol.len().next_multiple_of(4) + 2, 0);
    let symbols = [halves(&[symbol.len() as u16]), symbol].concat();
    let mut section = b".text\0\0\0".to_vec();
    section.extend(words(&[
        0x1000,
        0x1000,
        0x1000,
        0x400,
        0,
        0,
        0,
        0x6000_0020,
    ]));
    let mut debug = words(&[u32::MAX, 19_990_903, AGE]);
    // No global and no other public streams; the symbols are in the stream 6, the sections in 5.
    debug.extend(halves(&[0xffff, 0x8e00, 0xffff, 0, 6, 0]));
    debug.extend(words(&[0, 0, 0, 0, 0, 0, 22, 0]));
    debug.extend(halves(&[0, 0x8664]));
    debug.extend(words(&[0]));
    debug.extend(halves(&[
        0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 5, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff,
    ]));
    let streams = [Vec::new(), info, types, debug, Vec::new(), section, symbols];

    // The first three blocks say what the file is and what is free in it; each stream that holds something has one block of its own.
    let mut blocks: Vec<Vec<u8>> = vec![Vec::new(), Vec::new(), Vec::new()];
    let mut directory = words(&[streams.len() as u32]);
    directory.extend(
        streams
            .iter()
            .flat_map(|stream| (stream.len() as u32).to_le_bytes()),
    );
    for stream in streams.into_iter().filter(|stream| !stream.is_empty()) {
        directory.extend((blocks.len() as u32).to_le_bytes());
        blocks.push(stream);
    }
    let bytes = directory.len() as u32;
    blocks.push(directory);
    blocks.push(words(&[blocks.len() as u32 - 1]));
    let mut head = b"Microsoft C/C++ MSF 7.00\r\n\x1aDS\0\0\0".to_vec();
    let count = blocks.len() as u32;
    head.extend(words(&[BLOCK as u32, 1, count, bytes, 0, count - 1]));
    blocks[0] = head;
    blocks.iter_mut().for_each(|block| block.resize(BLOCK, 0));
    blocks.concat()
}

#[test]
fn a_database_of_microsofts_is_named_by_its_id_and_age() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("im.pdb");
    fs::write(&file, pdb("im_open_chat")).unwrap();
    // The id as Windows writes it, then the age.
    let mut build = uuid_of_windows();
    build.extend(AGE.to_be_bytes());
    let build = BuildId::from_bytes(&build).unwrap();
    let located = locate_all(&file, &[]).unwrap();
    assert_eq!(located[0].build, build);
    let symbols = Symbols::open([dir.path()]);
    assert_eq!(
        name(&symbols, &build, 0x1018).as_deref(),
        Some("im_open_chat")
    );
    assert_eq!(name(&symbols, &build, 0x10), None);
    // Damaged anywhere, it names nothing or what it named, and harms nobody.
    let whole = pdb("im_open_chat");
    for length in (0..whole.len()).step_by(997) {
        fs::write(&file, &whole[..length]).unwrap();
        let _ = name(&Symbols::open([&file]), &build, 0x1018);
    }
}

/// [`UUID`] with its first three numbers the other way round, as they are read.
fn uuid_of_windows() -> Vec<u8> {
    let mut bytes = UUID.to_vec();
    bytes[..4].reverse();
    bytes[4..6].reverse();
    bytes[6..8].reverse();
    bytes
}

#[test]
fn damaged_files_name_nothing_and_harm_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let whole = mach_o("im_open_chat");
    let build = BuildId::from_bytes(&UUID).unwrap();
    let file = dir.path().join("IM");
    for length in (0..whole.len()).step_by(97) {
        fs::write(&file, &whole[..length]).unwrap();
        let symbols = Symbols::open([&file]);
        let _ = name(&symbols, &build, 0x1010);
    }
    for at in 0..400 {
        let mut damaged = whole.clone();
        damaged[at] ^= 0xff;
        fs::write(&file, &damaged).unwrap();
        let symbols = Symbols::open([&file]);
        let _ = name(&symbols, &build, 0x1010);
    }
}
