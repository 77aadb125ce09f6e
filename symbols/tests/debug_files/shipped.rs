//! A program, and what a packager does to it.

use candor_protocol::deidentify::BuildId;
use candor_protocol::report::{Found, Offset};
use candor_symbols::{Name, Symbols};
use object::{Object, ObjectSymbol};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const SOURCE: &str = "
static volatile int seen;

static inline __attribute__((always_inline)) int twice(int number) {
    seen = number;
    return number * 2;
}

__attribute__((noinline)) int parse_header(int number) {
    return twice(number) ^ 5;
}

int main(int count, char **arguments) {
    (void)arguments;
    return parse_header(count) == 3;
}
";

pub(crate) fn run(program: &str, arguments: &[&str], dir: &Path) {
    let done = Command::new(program)
        .args(arguments)
        .current_dir(dir)
        .output()
        .unwrap_or_else(|error| panic!("{program} cannot be run: {error}"));
    assert!(
        done.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A directory in which `app` was built.
pub(crate) struct Workshop {
    dir: tempfile::TempDir,
    /// Inside of `parse_header`, where `twice` is inlined.
    pub(crate) inside: u64,
    pub(crate) build: BuildId,
}

impl Workshop {
    /// Builds `app` with debug information and `flags`.
    pub(crate) fn new(flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        // Paths are shown from `src` on.
        fs::create_dir(dir.path().join("src")).unwrap();
        fs::write(dir.path().join("src/app.c"), SOURCE).unwrap();
        let arguments = [
            &["-O1", "-g", "-Wl,--build-id", "-o", "app", "src/app.c"],
            flags,
        ]
        .concat();
        run("cc", &arguments, dir.path());
        let app = dir.path().join("app");
        let build = candor_symbols::build_id_of(&app).unwrap();
        let mut workshop = Self {
            dir,
            inside: 0,
            build,
        };
        let data = fs::read(&app).unwrap();
        let elf = object::File::parse(&*data).unwrap();
        let parse_header = elf
            .symbols()
            .find(|symbol| symbol.name() == Ok("parse_header"))
            .unwrap();
        // The inlined part need not be at the start.
        let symbols = Symbols::open([&app]);
        workshop.inside = (parse_header.address()..parse_header.address() + parse_header.size())
            .find(|&address| workshop.names_by(&symbols, address).len() == 2)
            .expect("nothing is inlined");
        workshop
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.dir.path().join(file)
    }

    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> &Self {
        run(program, arguments, self.dir.path());
        self
    }

    /// Moves the debug information into `app.debug`, which the stripped `app` names.
    pub(crate) fn ship(&self) -> &Self {
        self.run("objcopy", &["--only-keep-debug", "app", "app.debug"])
            .run("strip", &["app"])
            .run("objcopy", &["--add-gnu-debuglink=app.debug", "app"])
    }

    /// Moves a file into a directory, which is made.
    pub(crate) fn rename(&self, from: &str, to: &str) -> &Self {
        let to = self.path(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(self.path(from), to).unwrap();
        self
    }

    fn names_by(&self, symbols: &Symbols, address: u64) -> Vec<Name> {
        symbols
            .names(&self.build, Offset(address), Found::Context)
            .to_vec()
    }

    /// The names at [`inside`](Self::inside) with `files` at hand: `twice src/app.c:5 < parse_header src/app.c:10`.
    pub(crate) fn told(&self, files: &[&str]) -> String {
        let symbols = Symbols::open(files.iter().map(|file| self.path(file)));
        let told: Vec<String> = self
            .names_by(&symbols, self.inside)
            .into_iter()
            .map(|name| {
                let place = name.file.zip(name.line);
                let place = place.map_or(String::new(), |(file, line)| format!(" {file}:{line}"));
                format!("{}{place}", name.function)
            })
            .collect();
        told.join(" < ")
    }
}

/// What is told when everything is known.
pub(crate) const ALL: &str = "twice src/app.c:5 < parse_header src/app.c:10";
