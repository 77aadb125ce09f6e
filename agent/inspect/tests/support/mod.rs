//! A device's directory, and the program that looks at it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the program said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// What it said when it succeeded.
    #[track_caller]
    pub(crate) fn well(self) -> String {
        assert_eq!(
            (self.code, self.err.as_str()),
            (Some(0), ""),
            "{}",
            self.out
        );
        self.out
    }
}

/// Runs `candor` with `arguments`.
pub(crate) fn candor(arguments: &[&str]) -> Said {
    let output = Command::new(env!("CARGO_BIN_EXE_candor"))
        .args(arguments)
        .output()
        .unwrap();
    Said {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `candor` on `dir`; what it says of the directory's path is replaced by `DIR`.
pub(crate) fn candor_on(dir: &Path, arguments: &[&str]) -> Said {
    let path = dir.to_str().unwrap();
    let said = candor(&[arguments, &["--dir", path]].concat());
    Said {
        out: said.out.replace(path, "DIR"),
        err: said.err.replace(path, "DIR"),
        ..said
    }
}

/// This test's own executable: its symbols are at hand.
pub(crate) fn executable() -> PathBuf {
    std::env::current_exe().unwrap()
}
