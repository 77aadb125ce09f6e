//! Symbol files of other systems, as a developer hands them over.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use candor_symbols::{Symbols, locate_all};
use std::fs;
use std::path::Path;

const UUID: [u8; 16] = *b"sixteen bytes id";
const TEXT_AT: u64 = 0x1_0000_0000;

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
