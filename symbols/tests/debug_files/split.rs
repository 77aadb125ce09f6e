//! Debug information that was split off while compiling (`-gsplit-dwarf`).

use crate::shipped::{ALL, Workshop};
use candor_symbols::{NotSymbols, locate};
use std::fs;

#[test]
fn split_off_debug_information_is_read_from_where_the_compiler_left_it() {
    for version in ["-gdwarf-4", "-gdwarf-5"] {
        let workshop = Workshop::new(&[version, "-gsplit-dwarf"]);
        assert_eq!(workshop.told(&["app"]), ALL, "{version}");
    }
}

#[test]
fn a_package_beside_the_program_takes_the_place_of_what_was_split_off() {
    // What binutils' dwp can pack.
    let workshop = Workshop::new(&["-gdwarf-4", "-gsplit-dwarf"]);
    workshop.run("dwp", &["-e", "app", "-o", "app.dwp"]);
    for entry in fs::read_dir(workshop.path(".")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "dwo") {
            fs::remove_file(path).unwrap();
        }
    }
    assert_eq!(workshop.told(&["app"]), ALL);
    let located = locate(&workshop.path("app"), &[]).unwrap();
    assert_eq!(located.package(), Some(workshop.path("app.dwp")));

    // Alone it is of no use, which is said.
    let alone = locate(&workshop.path("app.dwp"), &[]);
    assert!(matches!(alone, Err(NotSymbols::SplitOff)), "{alone:?}");
    fs::remove_file(workshop.path("app.dwp")).unwrap();
    // What is left is the line of the instruction.
    assert_eq!(workshop.told(&["app"]), "parse_header src/app.c:5");
}
