//! Debug information that several files share (`.gnu_debugaltlink`), as `dwz` makes it of a distribution's packages.

use crate::shipped::run;
use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use candor_symbols::{Remark, Symbols, build_id_of, locate};
use object::{Object, ObjectSymbol};
use std::fs;
use std::path::{Path, PathBuf};

/// A program whose only function is named by the debug information alone, and there by a string of the other file.
const PROGRAM: &str = r#"
    .text
    .globl first
    .type first, @function
first:
    nop
    .size first, 1
named_elsewhere:
    nop
    nop
.Lend:
    .section .debug_abbrev, "", @progbits
    .uleb128 1, 0x11        # compile unit
    .byte 1
    .uleb128 0x11, 0x01     # low_pc: address
    .uleb128 0x12, 0x07     # high_pc: 8 bytes
    .uleb128 0, 0
    .uleb128 2, 0x2e        # subprogram
    .byte 0
    .uleb128 0x03, 0x1f21   # name: string of the other file
    .uleb128 0x11, 0x01
    .uleb128 0x12, 0x07
    .uleb128 0, 0
    .byte 0
    .section .debug_info, "", @progbits
    .long .Linfo_end - .Linfo
.Linfo:
    .short 4
    .long 0
    .byte 8
    .uleb128 1
    .quad first
    .quad .Lend - first
    .uleb128 2
    .long 7                 # where in the other file's strings
    .quad first + 1
    .quad .Lend - first - 1
    .byte 0
.Linfo_end:
    .section .gnu_debugaltlink, "", @progbits
    .asciz "PATH"
    .byte 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab
    .byte 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab, 0xab
"#;

/// The other file: strings, and the build id that the program names.
const SUPPLEMENT: &str = r#"
    .text
    nop
    .section .debug_str, "MS", @progbits, 1
    .asciz "unused"
    .asciz "told_by_the_supplement"
"#;

struct Pair {
    dir: tempfile::TempDir,
    build: BuildId,
    function: u64,
}

impl Pair {
    /// A program that says that its supplement is at `path`, and the supplement at `place`.
    fn new(path: &str, place: &str, supplement_build: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |file: &str| dir.path().join(file);
        fs::write(at("app.s"), PROGRAM.replace("PATH", path)).unwrap();
        fs::write(at("sup.s"), SUPPLEMENT).unwrap();
        let link = ["-nostdlib", "-shared", "-Wl,--build-id"];
        run(
            "cc",
            &[&link[..], &["-o", "app", "app.s"]].concat(),
            dir.path(),
        );
        fs::create_dir_all(at(place).parent().unwrap()).unwrap();
        let build = format!("-Wl,--build-id=0x{supplement_build}");
        run(
            "cc",
            &["-nostdlib", "-shared", &build, "-o", place, "sup.s"],
            dir.path(),
        );
        let data = fs::read(at("app")).unwrap();
        let elf = object::File::parse(&*data).unwrap();
        let first = elf.symbols().find(|symbol| symbol.name() == Ok("first"));
        // The second function's own symbol is local to the assembler and has no size, so it is taken away.
        run("strip", &["-g", "-o", "without", "app"], dir.path());
        run(
            "objcopy",
            &["--strip-symbol=named_elsewhere", "app"],
            dir.path(),
        );
        Self {
            build: build_id_of(&at("app")).unwrap(),
            function: first.unwrap().address() + 1,
            dir,
        }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    /// The function's name with `files` at hand.
    fn told(&self, files: &[&Path]) -> Option<String> {
        let symbols = Symbols::open(files.iter().copied());
        let names = symbols.names(&self.build, Offset(self.function), Found::Context);
        names.last().map(|name| name.function.clone())
    }
}

const BUILD: &str = "abababababababababababababababababababab";

#[test]
fn shared_debug_information_is_found_by_its_path_from_the_root_from_beside_and_below_a_directory() {
    let right = Some("told_by_the_supplement".to_owned());
    let pair = Pair::new("dwz/common", "dwz/common", BUILD);
    assert_eq!(pair.told(&[&pair.path("app")]), right);

    let pair = Pair::new(
        "/usr/lib/debug/.dwz/candor-test",
        "far/usr/lib/debug/.dwz/candor-test",
        BUILD,
    );
    assert_eq!(pair.told(&[&pair.path("app")]), None);
    assert_eq!(pair.told(&[&pair.path("app"), &pair.path("far")]), right);
}

#[test]
fn shared_debug_information_is_found_by_its_build_id_among_what_was_given_and_in_a_tree() {
    let right = Some("told_by_the_supplement".to_owned());
    let pair = Pair::new("/nonexistent/common", "any-name", BUILD);
    assert_eq!(
        pair.told(&[&pair.path("app"), &pair.path("any-name")]),
        right
    );

    let tree = format!("far/.build-id/{}/{}.debug", &BUILD[..2], &BUILD[2..]);
    let pair = Pair::new("/nonexistent/common", &tree, BUILD);
    assert_eq!(pair.told(&[&pair.path("app"), &pair.path("far")]), right);
}

#[test]
fn shared_debug_information_of_another_build_is_not_used_and_its_lack_is_said() {
    let pair = Pair::new("common", "common", &"cd".repeat(20));
    assert_eq!(pair.told(&[&pair.path("app"), &pair.path("common")]), None);
    let located = locate(&pair.path("app"), &[]).unwrap();
    assert_eq!(located.remarks, [Remark::NoSupplement("common".into())]);
    assert_eq!(located.supplement, None);
}
