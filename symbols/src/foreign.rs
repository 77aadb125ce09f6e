//! Symbol files of other kinds than ELF: Breakpad's text files, Mach-O (with its `.dSYM`), PE and PDB.
//!
//! What a report calls its build is, on each system, what the loader knows: on Linux and Android the build id, on Apple's systems the
//! UUID of the file, on Windows the GUID of the debug file and its age.

use crate::elf::{Naming, NotSymbols};
use crate::prepared::written;
use candor_protocol::deidentify::BuildId;
use std::path::{Path, PathBuf};
use symbolic_common::{ByteView, CodeId, DebugId};
use symbolic_debuginfo::{Archive, FileFormat, Object, breakpad::BreakpadObject};
use symbolic_symcache::SymCacheConverter;

/// One program or library in a file; a Mach-O file may hold one for each processor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) build: BuildId,
    /// Its place in the file, from 0.
    pub(crate) index: usize,
    pub(crate) naming: Naming,
}

/// The parts of a file. `None` if it is of none of these kinds.
///
/// # Errors
/// Says why a file of these kinds is of no use.
pub(crate) fn parts(path: &Path) -> Option<Result<Vec<Part>, NotSymbols>> {
    let file = match ByteView::open(path) {
        Ok(file) => file,
        Err(error) => return Some(Err(NotSymbols::Unreadable(error))),
    };
    let archive = match open(&file)? {
        Ok(archive) => archive,
        Err(why) => return Some(Err(why)),
    };
    let parts: Vec<Part> = archive
        .objects()
        .enumerate()
        .filter_map(|(index, object)| {
            let object = object.ok()?;
            let naming = if object.has_debug_info() {
                Naming::Lines
            } else if object.has_symbols() {
                Naming::Functions
            } else {
                Naming::Nothing
            };
            Some(Part {
                build: build_of(&object)?,
                index,
                naming,
            })
        })
        .collect();
    if parts.is_empty() {
        return Some(Err(NotSymbols::NoBuildId));
    }
    let useful: Vec<Part> = parts
        .into_iter()
        .filter(|part| part.naming > Naming::Nothing)
        .collect();
    Some(match useful.is_empty() {
        true => Err(NotSymbols::Stripped(None)),
        false => Ok(useful),
    })
}

/// Where a bundle (`X.dSYM`) keeps the file with the debug information.
pub(crate) fn in_bundle(path: &Path) -> Option<PathBuf> {
    let inside = path.join("Contents/Resources/DWARF");
    let mut files = std::fs::read_dir(inside).ok()?.filter_map(Result::ok);
    files.next().map(|file| file.path())
}

fn open<'d>(file: &'d ByteView<'_>) -> Option<Result<Archive<'d>, NotSymbols>> {
    match Archive::peek(file) {
        FileFormat::Breakpad | FileFormat::MachO | FileFormat::Pdb | FileFormat::Pe => {
            Some(Archive::parse(file).map_err(|error| NotSymbols::Damaged(error.to_string())))
        }
        _ => None,
    }
}

fn build_of(object: &Object<'_>) -> Option<BuildId> {
    let debug = object.debug_id();
    match object {
        Object::Breakpad(text) => breakpad_build(text, object.code_id(), debug),
        Object::Pdb(_) | Object::Pe(_) => windows_build(debug),
        _ => BuildId::from_bytes(debug.uuid().as_bytes()).ok(),
    }
}

fn breakpad_build(
    text: &BreakpadObject<'_>,
    code: Option<CodeId>,
    debug: DebugId,
) -> Option<BuildId> {
    // "MODULE", the system, the processor, the id, the name.
    let mut head = std::str::from_utf8(text.data())
        .ok()?
        .split_ascii_whitespace();
    match head.nth(1)? {
        "windows" => windows_build(debug),
        "mac" | "ios" => BuildId::from_bytes(debug.uuid().as_bytes()).ok(),
        // The id of Breakpad is made of the first 16 bytes of the build id; the whole of it may stand beside.
        _ => match code.and_then(|code| code.as_str().parse().ok()) {
            Some(build) => Some(build),
            None => BuildId::from_bytes(&debug.uuid().to_bytes_le()).ok(),
        },
    }
}

fn windows_build(debug: DebugId) -> Option<BuildId> {
    let mut bytes = debug.uuid().as_bytes().to_vec();
    bytes.extend(debug.appendix().to_be_bytes());
    BuildId::from_bytes(&bytes).ok()
}

/// All names in one part of a file, made ready. `None` where it is damaged.
pub(crate) fn names(file: &ByteView<'_>, index: usize) -> Option<Vec<u8>> {
    let archive = open(file)?.ok()?;
    let object = archive.object_by_index(index).ok()??;
    let mut converter = SymCacheConverter::new();
    converter.process_object(&object).ok()?;
    written(converter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locate::locate_all;
    use crate::name::Name;
    use crate::prepared::Names;

    const TEXT: &str = "\
MODULE Linux x86_64 F7B8D2A4C1E3906512345678ABCDEF010 im-client
INFO CODE_ID A4D2B8F7E3C16590123456 78
FILE 0 /home/build/im/src/history.rs
FILE 1 /home/build/im/src/wire.rs
INLINE_ORIGIN 0 im::wire::read_u16
FUNC 1000 40 0 im::history::parse_header
INLINE 0 14 0 0 1010 10
1000 10 12 0
1010 10 88 1
1020 20 15 0
PUBLIC 2000 0 im_ffi_entry
";

    fn written(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn named(file: &tempfile::NamedTempFile, address: u64) -> Vec<Name> {
        let located = locate_all(file.path(), &[]).unwrap();
        Names::open(&located[0]).unwrap().at(address)
    }

    fn read(file: &tempfile::NamedTempFile) -> Vec<(String, Option<String>, Option<u32>, bool)> {
        let names = named(file, 0x1018);
        names
            .into_iter()
            .map(|name| (name.function, name.file, name.line, name.inlined))
            .collect()
    }

    #[test]
    fn a_text_file_of_breakpads_names_functions_with_what_was_inlined() {
        let file = written(TEXT);
        let inlined = ("im::wire::read_u16", "src/wire.rs", 88, true);
        let called = ("im::history::parse_header", "src/history.rs", 14, false);
        let told = [inlined, called].map(|(function, file, line, inlined)| {
            (
                function.to_owned(),
                Some(file.to_owned()),
                Some(line),
                inlined,
            )
        });
        assert_eq!(read(&file), told);
        let public = named(&file, 0x2004);
        assert_eq!(public[0].function, "im_ffi_entry");
        assert!(named(&file, 0x10).is_empty());
    }

    #[test]
    fn the_build_of_a_text_file_is_what_reports_of_its_system_say() {
        let build = |text: &str| {
            let parts = parts(written(text).path()).unwrap().unwrap();
            parts[0].build.to_string()
        };
        let whole = TEXT.replace(
            "A4D2B8F7E3C16590123456 78",
            "A4D2B8F7E3C1659012345678ABCDEF01DEADBEEF",
        );
        assert_eq!(build(&whole), "a4d2b8f7e3c1659012345678abcdef01deadbeef");
        let without = TEXT.replace("INFO CODE_ID A4D2B8F7E3C16590123456 78\n", "");
        assert_eq!(build(&without), "a4d2b8f7e3c1659012345678abcdef01");
        let mac = without.replace("MODULE Linux", "MODULE mac");
        assert_eq!(build(&mac), "f7b8d2a4c1e3906512345678abcdef01");
        let windows = without.replace("MODULE Linux", "MODULE windows");
        assert_eq!(build(&windows), "f7b8d2a4c1e3906512345678abcdef0100000000");
    }

    #[test]
    fn what_is_of_no_kind_is_left_to_others_and_what_is_empty_is_refused() {
        assert!(parts(written("# notes\n").path()).is_none());
        let head = TEXT.lines().next().unwrap();
        assert!(matches!(
            parts(written(head).path()),
            Some(Err(NotSymbols::Stripped(None)))
        ));
        assert!(matches!(
            parts(Path::new("/nowhere")),
            Some(Err(NotSymbols::Unreadable(_)))
        ));
    }
}
