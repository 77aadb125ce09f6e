//! Lines of source code, where the sources are at hand.

use serde::Serialize;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Component, Path, PathBuf};

/// Lines around a place.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Excerpt {
    pub(crate) file: String,
    /// The line that is meant.
    pub(crate) line: u32,
    /// The number of the first of `lines`.
    pub(crate) first: u32,
    pub(crate) lines: Vec<String>,
}

/// Lines that are shown in front of the one that is meant, and behind it.
const AROUND: u32 = 3;

/// Bytes of a file that are read; nobody writes longer ones by hand.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The lines around `line` of `file`, which lies below one of `dirs`. `None` when it is not there, or has no such line.
pub(crate) fn excerpt(dirs: &[PathBuf], file: &str, line: u32) -> Option<Excerpt> {
    let below = Path::new(file);
    // Whoever made the symbol file must not make us read what is not source.
    let plain = below
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let path = dirs
        .iter()
        .map(|dir| dir.join(below))
        .find(|path| plain && fs::metadata(path).is_ok_and(|file| file.is_file()))?;
    let first = line.saturating_sub(AROUND).max(1);
    let lines: Vec<String> = BufReader::new(File::open(path).ok()?.take(LONGEST))
        .split(b'\n')
        .map_while(Result::ok)
        .skip(first as usize - 1)
        .take((line - first + 1 + AROUND) as usize)
        .map(|line| {
            let text = String::from_utf8_lossy(&line);
            text.trim_end().replace('\t', "    ")
        })
        .collect();
    (lines.len() > (line - first) as usize).then(|| Excerpt {
        file: file.to_owned(),
        line,
        first,
        lines,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> (tempfile::TempDir, Vec<PathBuf>) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("src")).unwrap();
        let text: String = (1..=10).map(|line| format!("\tline {line}\r\n")).collect();
        fs::write(dir.path().join("src/a.rs"), text).unwrap();
        fs::write(dir.path().join("secret"), "1\n2\n3\n").unwrap();
        let dirs = vec![PathBuf::from("/nonexistent"), dir.path().to_owned()];
        (dir, dirs)
    }

    #[test]
    fn a_line_is_shown_with_those_around_it() {
        let (_dir, dirs) = sources();
        let shown = |line| {
            let excerpt = excerpt(&dirs, "src/a.rs", line)?;
            assert_eq!(excerpt.line, line);
            Some((excerpt.first, excerpt.lines.len(), excerpt.lines[0].clone()))
        };
        assert_eq!(shown(5), Some((2, 7, "    line 2".to_owned())));
        assert_eq!(shown(1), Some((1, 4, "    line 1".to_owned())));
        assert_eq!(shown(10), Some((7, 4, "    line 7".to_owned())));
        assert_eq!(shown(11), None);
        assert_eq!(excerpt(&dirs, "src/b.rs", 1), None);
    }

    #[test]
    fn nothing_outside_of_the_sources_is_read() {
        let (dir, _) = sources();
        let dirs = [dir.path().join("src")];
        let outside = dir.path().join("secret");
        for file in [
            "../secret",
            "./../secret",
            outside.to_str().unwrap(),
            "",
            ".",
        ] {
            assert_eq!(excerpt(&dirs, file, 1), None, "{file}");
        }
    }
}
