//! Debug files that are found by build id and by the name in a stripped file (`.gnu_debuglink`).

use crate::shipped::{ALL, Workshop, run};
use candor_symbols::{NotSymbols, Remark, locate};
use std::fs;
use std::path::PathBuf;

/// What has to be said of `app` when nothing but it is given.
fn remarks(workshop: &Workshop) -> Vec<Remark> {
    match locate(&workshop.path("app"), &[]) {
        Ok(located) => located.remarks,
        Err(NotSymbols::Stripped(remark)) => remark.into_iter().collect(),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn a_stripped_program_is_named_by_its_debug_file_wherever_debuggers_look_for_it() {
    for place in ["app.debug", ".debug/app.debug"] {
        let workshop = Workshop::new(&[]);
        workshop.ship().rename("app.debug", place);
        assert_eq!(workshop.told(&["app"]), ALL, "{place}");
        assert_eq!(remarks(&workshop), []);
    }
}

#[test]
fn a_debug_file_is_found_below_a_directory_that_is_given() {
    let workshop = Workshop::new(&[]);
    let dir = fs::canonicalize(workshop.path(".")).unwrap();
    let mirrored = format!("far/{}/app.debug", dir.display());
    for place in [mirrored.as_str(), "far/app.debug", "far/.debug/app.debug"] {
        let workshop = Workshop::new(&[]);
        let place = place.replace(
            dir.to_str().unwrap(),
            fs::canonicalize(workshop.path("."))
                .unwrap()
                .to_str()
                .unwrap(),
        );
        workshop.ship().rename("app.debug", &place);
        assert_eq!(workshop.told(&["app"]), "", "{place}");
        fs::create_dir_all(workshop.path("far")).unwrap();
        assert_eq!(workshop.told(&["app", "far"]), ALL, "{place}");
    }
}

#[test]
fn a_debug_file_is_found_in_a_tree_of_build_ids_without_being_named() {
    let workshop = Workshop::new(&[]);
    let (first, rest) = workshop.build.as_str().split_at(2);
    workshop
        .run("objcopy", &["--only-keep-debug", "app", "app.debug"])
        .run("strip", &["app"])
        .rename("app.debug", &format!("far/.build-id/{first}/{rest}.debug"));
    assert_eq!(workshop.told(&["app", "far"]), ALL);
    assert_eq!(workshop.told(&["app"]), "");
}

#[test]
fn a_program_that_kept_its_symbol_table_gets_lines_from_its_debug_file_too() {
    let workshop = Workshop::new(&[]);
    workshop
        .run("objcopy", &["--only-keep-debug", "app", "app.debug"])
        .run("strip", &["--strip-debug", "app"])
        .run("objcopy", &["--add-gnu-debuglink=app.debug", "app"]);
    assert_eq!(workshop.told(&["app"]), ALL);
    fs::remove_file(workshop.path("app.debug")).unwrap();
    assert_eq!(workshop.told(&["app"]), "parse_header");
    assert_eq!(
        remarks(&workshop),
        [Remark::NoDebugFile("app.debug".into())]
    );
}

#[test]
fn a_debug_file_that_is_nowhere_is_named_with_where_it_was_looked_for() {
    let workshop = Workshop::new(&[]);
    workshop.ship();
    fs::remove_file(workshop.path("app.debug")).unwrap();
    let said = locate(&workshop.path("app"), &[]).unwrap_err().to_string();
    for part in [
        "stripped",
        "app.debug",
        ".debug beside it",
        "/usr/lib/debug",
    ] {
        assert!(said.contains(part), "{said}");
    }
}

#[test]
fn a_debug_file_of_another_build_is_refused_and_said_to_be_one() {
    let workshop = Workshop::new(&[]);
    let other = Workshop::new(&["-DOTHER", "-O2"]);
    assert_ne!(workshop.build, other.build);
    workshop.ship();
    fs::copy(other.path("app"), workshop.path("app.debug")).unwrap();
    assert_eq!(workshop.told(&["app"]), "");
    let path = fs::canonicalize(workshop.path("app.debug")).unwrap();
    assert_eq!(remarks(&workshop), [Remark::OtherBuild(path)]);
}

#[test]
fn a_wrong_checksum_is_said_and_decides_where_there_is_no_build_id() {
    let workshop = Workshop::new(&[]);
    workshop.ship();
    let debug = fs::canonicalize(workshop.path("app.debug")).unwrap();
    let append = |byte: u8| {
        let mut bytes = fs::read(&debug).unwrap();
        bytes.push(byte);
        fs::write(&debug, bytes).unwrap();
    };
    append(0);
    assert_eq!(workshop.told(&["app"]), ALL);
    assert_eq!(remarks(&workshop), [Remark::Changed(debug.clone())]);

    // Without a build id, only the checksum says whose it is.
    let workshop = Workshop::new(&[]);
    workshop
        .run("objcopy", &["--only-keep-debug", "app", "app.debug"])
        .run("strip", &["app"])
        .run(
            "objcopy",
            &["--remove-section=.note.gnu.build-id", "app.debug"],
        )
        .run("objcopy", &["--add-gnu-debuglink=app.debug", "app"]);
    let debug = fs::canonicalize(workshop.path("app.debug")).unwrap();
    assert_eq!(workshop.told(&["app"]), ALL);
    assert_eq!(remarks(&workshop), []);
    let mut bytes = fs::read(&debug).unwrap();
    bytes.push(0);
    fs::write(&debug, bytes).unwrap();
    assert_eq!(workshop.told(&["app"]), "");
    assert_eq!(remarks(&workshop), [Remark::OtherChecksum(debug)]);
}

#[test]
fn a_file_cannot_send_us_to_another_directory() {
    for name in ["../outside.debug", "/etc/outside.debug", "..", ""] {
        let workshop = Workshop::new(&[]);
        workshop
            .run("objcopy", &["--only-keep-debug", "app", "outside.debug"])
            .run("strip", &["app"]);
        let mut link = name.as_bytes().to_vec();
        link.resize(name.len() / 4 * 4 + 4, 0);
        link.extend([0; 4]);
        fs::write(workshop.path("link"), link).unwrap();
        workshop
            .run("objcopy", &["--add-section=.gnu_debuglink=link", "app"])
            .rename("app", "inside/app");
        let stripped = locate(&workshop.path("inside/app"), &[]);
        assert!(
            matches!(stripped, Err(NotSymbols::Stripped(None))),
            "{name}: {stripped:?}"
        );
    }
}

#[test]
fn a_link_to_itself_is_no_debug_file() {
    let workshop = Workshop::new(&[]);
    workshop.run("strip", &["app"]);
    fs::copy(workshop.path("app"), workshop.path("copy")).unwrap();
    // The name in the link is the file's own.
    fs::create_dir(workshop.path("elsewhere")).unwrap();
    fs::copy(workshop.path("copy"), workshop.path("elsewhere/app")).unwrap();
    run(
        "objcopy",
        &["--add-gnu-debuglink=elsewhere/app", "app"],
        &workshop.path("."),
    );
    assert_eq!(workshop.told(&["app"]), "");
    assert_eq!(remarks(&workshop), [Remark::NoDebugFile("app".into())]);
}

#[test]
fn compressed_debug_information_is_read() {
    for how in ["zlib", "zlib-gnu", "zstd"] {
        let workshop = Workshop::new(&[]);
        let compress = format!("--compress-debug-sections={how}");
        workshop.ship().run("objcopy", &[&compress, "app.debug"]);
        let small = object_section_is_compressed(workshop.path("app.debug"));
        assert!(small, "{how} compressed nothing");
        assert_eq!(workshop.told(&["app.debug"]), ALL, "{how}");
    }
}

fn object_section_is_compressed(path: PathBuf) -> bool {
    use object::{CompressionFormat, Object, ObjectSection};
    let data = fs::read(path).unwrap();
    let elf = object::File::parse(&*data).unwrap();
    elf.section_by_name(".debug_info")
        .or_else(|| elf.section_by_name(".zdebug_info"))
        .is_some_and(|section| {
            section
                .compressed_data()
                .is_ok_and(|data| data.format != CompressionFormat::None)
        })
}
