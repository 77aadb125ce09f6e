//! This test's own executable is a real symbol file: line tables, a symbol table and a build id.

use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use candor_symbols::{NotSymbols, Owner, Symbols, build_id_of, clean, locate, prepare};
use object::{Object, ObjectSymbol};
use std::path::{Path, PathBuf};

#[inline(always)]
fn inlined_into_its_caller(number: u64) -> u64 {
    std::hint::black_box(number).wrapping_mul(31).rotate_left(7)
}

#[inline(never)]
fn a_function_to_be_found(number: u64) -> u64 {
    inlined_into_its_caller(number) ^ 5
}

fn executable() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// Where a function of this executable begins and how long it is.
fn place_of(function: &str) -> (u64, u64) {
    let data = std::fs::read(executable()).unwrap();
    let elf = object::File::parse(&*data).unwrap();
    let symbol = elf
        .symbols()
        .find(|symbol| symbol.name().is_ok_and(|name| name.contains(function)))
        .unwrap();
    (symbol.address(), symbol.size())
}

/// The executable without its line tables, as `debug = false` would have built it.
fn without_line_tables(into: &Path) -> PathBuf {
    let path = into.join("plain");
    let done = std::process::Command::new("objcopy")
        .arg("--strip-debug")
        .arg(executable())
        .arg(&path)
        .status();
    assert!(done.unwrap().success());
    path
}

#[test]
fn an_address_has_a_function_a_file_and_a_line() {
    assert_ne!(a_function_to_be_found(std::hint::black_box(3)), 0);
    let build = build_id_of(&executable()).unwrap();
    let symbols = Symbols::open([executable()]);
    assert_eq!(symbols.builds(), std::slice::from_ref(&build));
    let (start, size) = place_of("a_function_to_be_found");
    let at = |address, found| symbols.names(&build, Offset(address), found);

    let names = at(start, Found::Context);
    let called = names.last().unwrap();
    assert_eq!(
        clean(&called.function),
        "own_executable::a_function_to_be_found"
    );
    assert!(
        called
            .file
            .as_deref()
            .unwrap()
            .ends_with("tests/own_executable.rs"),
        "{called:?}"
    );
    assert!(
        called.line.is_some() && !called.inlined && called.owner == Owner::App,
        "{called:?}"
    );

    // A return address just behind the last instruction is still inside of the function; the next instruction is not.
    let end = start + size;
    assert_eq!(
        clean(&at(end, Found::Cfi).last().unwrap().function),
        "own_executable::a_function_to_be_found"
    );
    assert!(
        at(end, Found::Context)
            .last()
            .is_none_or(|name| !name.function.contains("a_function_to_be_found"))
    );
    assert!(at(u64::MAX, Found::Context).is_empty());
}

#[test]
fn inlined_functions_come_first_and_the_one_that_was_called_last() {
    let build = build_id_of(&executable()).unwrap();
    let symbols = Symbols::open([executable()]);
    let (start, size) = place_of("a_function_to_be_found");
    let inlined = (start..start + size)
        .map(|address| symbols.names(&build, Offset(address), Found::Context))
        .find(|names| {
            names
                .iter()
                .any(|name| name.function.contains("inlined_into_its_caller"))
        });
    let inlined = inlined.expect("no instruction of the inlined function was found");
    assert!(inlined[..inlined.len() - 1].iter().all(|name| name.inlined));
    assert_eq!(
        clean(&inlined.last().unwrap().function),
        "own_executable::a_function_to_be_found"
    );
}

#[test]
fn without_line_tables_the_called_function_has_the_same_name() {
    let directory = tempfile::tempdir().unwrap();
    let plain = without_line_tables(directory.path());
    let build = build_id_of(&plain).unwrap();
    let (rich, poor) = (
        Symbols::open([executable()]),
        Symbols::open([directory.path()]),
    );
    let (start, size) = place_of("a_function_to_be_found");
    for address in start..start + size {
        let name = |symbols: &Symbols| {
            symbols
                .names(&build, Offset(address), Found::Context)
                .last()
                .map(|name| name.function.clone())
        };
        assert_eq!(name(&rich), name(&poor));
    }
}

#[test]
fn files_that_are_added_later_are_found_and_removed_ones_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let symbols = Symbols::open([directory.path()]);
    let build = build_id_of(&executable()).unwrap();
    let (start, _) = place_of("a_function_to_be_found");
    assert!(
        symbols
            .names(&build, Offset(start), Found::Context)
            .is_empty()
    );

    let added = directory.path().join("added");
    std::fs::copy(executable(), &added).unwrap();
    symbols.refresh();
    assert!(
        !symbols
            .names(&build, Offset(start), Found::Context)
            .is_empty()
    );

    std::fs::remove_file(added).unwrap();
    symbols.refresh();
    assert!(
        symbols
            .names(&build, Offset(start), Found::Context)
            .is_empty()
    );
}

#[test]
fn what_cannot_name_anything_is_refused_with_a_reason() {
    let directory = tempfile::tempdir().unwrap();
    let text = directory.path().join("text");
    std::fs::write(&text, "not a program").unwrap();
    assert!(matches!(build_id_of(&text), Err(NotSymbols::OtherKind)));
    assert!(matches!(
        build_id_of(&directory.path().join("absent")),
        Err(NotSymbols::Unreadable(_))
    ));

    let stripped = directory.path().join("stripped");
    let done = std::process::Command::new("objcopy")
        .arg("--strip-all")
        .arg(executable())
        .arg(&stripped)
        .status();
    assert!(done.unwrap().success());
    assert!(matches!(
        build_id_of(&stripped),
        Err(NotSymbols::Stripped(None))
    ));

    let nameless = directory.path().join("nameless");
    let done = std::process::Command::new("objcopy")
        .args(["--remove-section", ".note.gnu.build-id"])
        .arg(executable())
        .arg(&nameless)
        .status();
    assert!(done.unwrap().success());
    assert!(matches!(build_id_of(&nameless), Err(NotSymbols::NoBuildId)));
    assert!(Symbols::open([directory.path()]).builds().is_empty());
}

#[test]
fn a_symbol_file_that_is_cut_off_anywhere_is_survived() {
    let whole = std::fs::read(executable()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("torn");
    let unknown = BuildId::parse("00112233445566778899aabbccddeeff00112233").unwrap();
    for part in 1..40 {
        std::fs::write(&path, &whole[..whole.len() / 40 * part]).unwrap();
        let symbols = Symbols::open([&path]);
        let build = symbols.builds().pop().unwrap_or_else(|| unknown.clone());
        for address in (0..whole.len() as u64).step_by(whole.len() / 50) {
            symbols.names(&build, Offset(address), Found::Context);
        }
    }
}

#[test]
fn names_that_were_made_ready_say_what_the_file_says() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.debug");
    std::fs::copy(executable(), &file).unwrap();
    let located = locate(&executable(), &[]).unwrap();
    assert!(prepare(&located, dir.path()).unwrap());
    let (ready, read) = (Symbols::open([dir.path()]), Symbols::open([executable()]));
    let build = build_id_of(&executable()).unwrap();
    let data = std::fs::read(executable()).unwrap();
    let elf = object::File::parse(&*data).unwrap();
    let functions = elf
        .symbols()
        .filter(|symbol| symbol.kind() == object::SymbolKind::Text && symbol.size() > 0);
    let (mut looked, mut alike) = (0, 0);
    for symbol in functions.step_by(7) {
        // The first instruction, and one in the middle, where more is inlined.
        for address in [symbol.address(), symbol.address() + symbol.size() / 2] {
            let ask = |symbols: &Symbols| symbols.names(&build, Offset(address), Found::Context);
            let mut read = ask(&read).to_vec();
            // `library/core/src/../../stdarch` is written `library/stdarch`.
            for (name, ready) in read.iter_mut().zip(&*ask(&ready)) {
                if name
                    .file
                    .as_deref()
                    .is_some_and(|file| file.contains("/../"))
                {
                    name.file = ready.file.clone();
                }
            }
            let ready = ask(&ready);
            let called = |names: &[candor_symbols::Name]| Some(clean(&names.last()?.function));
            assert_eq!(called(&ready), called(&read), "{address:x}");
            looked += 1;
            // What was inlined may end within a row.
            alike += usize::from(*ready == *read);
        }
    }
    assert!(looked > 1_000);
    assert!(alike * 1_000 >= looked * 995, "{alike} of {looked}");
}
