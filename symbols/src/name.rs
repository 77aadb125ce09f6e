//! One function at an address.

use crate::owner::{Owner, owner};
use candor_protocol::deidentify::SourcePath;

/// One function at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// Demangled, without the compiler's hash, with generic arguments. [`clean`](crate::clean) takes those away as well.
    ///
    /// Functions that were inlined have their bare name where the file holds line tables only.
    pub function: String,
    /// Source file, relative to its crate; `None` where the file holds no line tables.
    pub file: Option<String>,
    /// Line of the call or of the instruction, from 1.
    pub line: Option<u32>,
    /// Whether the compiler put it into its caller.
    pub inlined: bool,
    /// Whose code it is, by its name and, where that says nothing, by its source file. The module that it was found in is
    /// not considered.
    pub owner: Owner,
}

impl Name {
    pub(crate) fn new(
        function: String,
        path: Option<&str>,
        line: Option<u32>,
        inlined: bool,
    ) -> Self {
        let owner = match (owner(None, Some(&function)), path) {
            (Owner::App, Some(path)) => owner_by_path(path),
            (owner, _) => owner,
        };
        // Paths of the machine that built the file can hold the name of a developer.
        let file = path
            .map(|path| SourcePath::scrub(path).to_string())
            .filter(|file| !file.is_empty());
        Self {
            function,
            file,
            line,
            inlined,
            owner,
        }
    }
}

fn owner_by_path(path: &str) -> Owner {
    // The toolchain's own sources, then those that Cargo fetched.
    if path.starts_with("/rustc/") || path.contains("/lib/rustlib/src/rust/library/") {
        Owner::Runtime
    } else if path.contains("/registry/src/") || path.contains("/git/checkouts/") {
        Owner::Library
    } else {
        Owner::App
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_belongs_to_whoever_wrote_its_file() {
        let owner = |path| Name::new("unwrap<u8>".to_owned(), Some(path), Some(1), true).owner;
        assert_eq!(
            owner("/rustc/0123abcd/library/core/src/option.rs"),
            Owner::Runtime
        );
        assert_eq!(
            owner("/home/dev/.cargo/registry/src/index.crates.io-1/sieve-1.0.0/src/lib.rs"),
            Owner::Library
        );
        assert_eq!(owner("src/history.rs"), Owner::App);
    }

    #[test]
    fn the_home_of_whoever_built_the_file_is_not_in_its_path() {
        let name = Name::new(
            "im::main".to_owned(),
            Some("/home/alice/work/im/src/main.rs"),
            Some(1),
            false,
        );
        assert_eq!(name.file.as_deref(), Some("src/main.rs"));
    }
}
