//! What `gdb` sees at the signal that a process dies of.

use crate::sides::LIMIT;
use candor_benches::process::Process;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where code is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a file, so many bytes from where its lowest byte is loaded.
    In(PathBuf, u64),
    /// In none.
    Nowhere,
}

/// All stacks of a process, innermost frame first.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) crashed: Vec<Place>,
    pub(crate) others: Vec<Vec<Place>>,
}

/// `gdb` with a script.
pub(crate) struct Debugger {
    folder: tempfile::TempDir,
}

/// What begins a line that is for us, not the victim's own.
const MARK: &str = "candor-sees";

/// Runs the program up to the first signal that is deadly here, then tells every thread's frames: the one that got the signal first.
/// Functions that were folded into others have no frame of their own, nor have those that ended in a jump to another. Where the next frame is in no code at all, the debugger is
/// lost and does not know.
const SCRIPT: &str = r#"
import gdb, re

for line in ("set pagination off", "set confirm off", "set backtrace past-main on", "set debuginfod enabled off",
             "handle all nostop noprint pass",
             "handle SIGSEGV SIGBUS SIGFPE SIGILL SIGABRT SIGSYS stop print pass"):
    try:
        gdb.execute(line, to_string=True)
    except gdb.error:
        pass
gdb.execute("run", to_string=True)
crashed = gdb.selected_thread()
maps = []
if crashed:
    # The main thread may have gone, and then its file is empty.
    for line in open("/proc/%d/maps" % crashed.ptid[1]):
        part = line.split(None, 5)
        low, high = (int(word, 16) for word in part[0].split("-"))
        path = part[5].strip() if len(part) > 5 else ""
        maps.append((low, high, "x" in part[1], path))
base = {}
for low, high, runs, path in maps:
    if path.startswith("/"):
        base.setdefault(path, low)

def place(pc):
    for low, high, runs, path in maps:
        if low <= pc < high:
            return (path if path in base else "", runs)
    return ("", False)

def tell(thread):
    print("MARK thread")
    thread.switch()
    frame, first = gdb.newest_frame(), True
    while frame is not None:
        pc = frame.pc()
        path, runs = place(pc)
        if not first and not runs:
            break
        if frame.type() not in (gdb.INLINE_FRAME, gdb.TAILCALL_FRAME):
            if path and runs or path and first:
                print("MARK %x %s" % (pc - base[path], path))
            else:
                print("MARK nowhere")
        first = False
        try:
            frame = frame.older()
        except gdb.error:
            break

if crashed:
    tell(crashed)
    for thread in gdb.selected_inferior().threads():
        if thread.num != crashed.num:
            tell(thread)
    gdb.execute("kill", to_string=True)
"#;

impl Debugger {
    /// # Errors
    /// When there is no `gdb`, or one that cannot be scripted.
    pub(crate) fn new() -> Result<Self, String> {
        let words = |error: io::Error| format!("gdb cannot be started: {error}");
        let probe = Command::new("gdb")
            .args(["--batch", "-nx", "-ex", "python print(6 * 7)"])
            .output()
            .map_err(words)?;
        if !String::from_utf8_lossy(&probe.stdout).contains("42") {
            return Err("this gdb cannot be scripted in Python".to_owned());
        }
        let folder = tempfile::tempdir().map_err(words)?;
        std::fs::write(folder.path().join("see.py"), SCRIPT.replace("MARK", MARK))
            .map_err(words)?;
        Ok(Self { folder })
    }

    /// The function at an offset in a file; `None` where the file does not say.
    pub(crate) fn function(&self, file: &Path, offset: u64) -> Option<String> {
        let mut command = Command::new("gdb");
        command.args(["--batch", "-nx", "-ex", &format!("info symbol {offset:#x}")]);
        let said = command.arg(file).output().ok()?.stdout;
        // "function + 7 in section .text"
        let said = String::from_utf8_lossy(&said).into_owned();
        let (name, _) = said.split_once(" in section")?;
        let name = name.lines().last()?;
        Some(name.split(" + ").next()?.to_owned())
    }

    /// Lets a victim run to its death.
    ///
    /// # Errors
    /// When that cannot be done.
    pub(crate) fn watch(&self, victim: Command) -> io::Result<Seen> {
        let mut command = Command::new("gdb");
        command
            .args(["--batch", "-nx", "-x"])
            .arg(self.folder.path().join("see.py"));
        command
            .arg("--args")
            .arg(victim.get_program())
            .args(victim.get_args());
        for (name, value) in victim.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if let Some(folder) = victim.get_current_dir() {
            command.current_dir(folder);
        }
        let lines = Process::spawn(command, 4 * LIMIT)?.lines();
        let mut stacks: Vec<Vec<Place>> = Vec::new();
        for line in &lines {
            let Some(told) = line.strip_prefix(MARK) else {
                continue;
            };
            match (told.trim().split_once(' '), stacks.last_mut()) {
                (None, _) if told.trim() == "thread" => stacks.push(Vec::new()),
                (None, Some(stack)) => stack.push(Place::Nowhere),
                (Some((offset, path)), Some(stack)) => {
                    let offset = u64::from_str_radix(offset, 16).map_err(io::Error::other)?;
                    stack.push(Place::In(path.into(), offset));
                }
                _ => {}
            }
        }
        let mut stacks = stacks.into_iter();
        Ok(Seen {
            crashed: stacks.next().unwrap_or_default(),
            others: stacks.collect(),
        })
    }
}
