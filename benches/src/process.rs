//! Processes that are measured: started with a time limit, spoken to in lines, looked at through `/proc`.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io, thread};

/// A process that was started here. It is ended when its time is over or when this is dropped.
pub struct Process {
    child: Arc<Mutex<Child>>,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    out_of_time: Arc<AtomicBool>,
    _alive: Sender<()>,
}

/// How a process ended.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// When it was gone, in nanoseconds since 1970.
    pub at: u128,
    /// What it left.
    pub status: ExitStatus,
    /// Whether it had to be ended because its time was over.
    pub out_of_time: bool,
}

/// The machine's clock, in nanoseconds since 1970: the one that two processes can compare.
pub fn clock() -> u128 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_nanos()
}

impl Process {
    /// Starts `program`, which may live for `limit`. What it writes to its standard error is thrown away.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn start<S: AsRef<OsStr>>(
        program: &Path,
        arguments: impl IntoIterator<Item = S>,
        limit: Duration,
    ) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments);
        Self::spawn(command, limit)
    }

    /// As [`start`](Self::start), with a folder or an environment of its own.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn spawn(mut command: Command, limit: Duration) -> io::Result<Self> {
        for (name, _) in std::env::vars_os() {
            // What is measured must not depend on how this machine reaches other networks.
            if name
                .to_string_lossy()
                .to_ascii_lowercase()
                .ends_with("_proxy")
            {
                command.env_remove(name);
            }
        }
        let mut child = command
            .env_remove("RUST_BACKTRACE")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let missing = || io::Error::other("a pipe to the process is missing");
        let input = child.stdin.take().ok_or_else(missing)?;
        let output = child.stdout.take().ok_or_else(missing)?;
        let child = Arc::new(Mutex::new(child));
        let out_of_time = Arc::new(AtomicBool::new(false));
        let (alive, over) = channel::<()>();
        let (watched, flag) = (child.clone(), out_of_time.clone());
        thread::spawn(move || {
            if over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                flag.store(true, SeqCst);
                let _ = lock(&watched).kill();
            }
        });
        Ok(Self {
            child,
            input: Some(input),
            output: BufReader::new(output),
            out_of_time,
            _alive: alive,
        })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        lock(&self.child).id()
    }

    /// The rest of the next line that begins with `word`; `None` when it ends before it writes one.
    pub fn line(&mut self, word: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(rest) = line.trim_end().strip_prefix(word) {
                return Some(rest.trim_start().to_owned());
            }
        }
    }

    /// The number in the next line that begins with `word`.
    pub fn number(&mut self, word: &str) -> Option<f64> {
        self.line(word)?.parse().ok()
    }

    /// Every further line, until it ends.
    pub fn lines(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.line("") {
            lines.push(line);
        }
        lines
    }

    /// Writes a line to it.
    pub fn say(&mut self, line: &str) {
        if let Some(input) = &mut self.input {
            let _ = writeln!(input, "{line}");
        }
    }

    /// Waits until it has ended, by itself or because its time was over.
    ///
    /// # Errors
    /// When the system cannot tell.
    pub fn wait(mut self) -> io::Result<Ended> {
        self.lines();
        let status = lock(&self.child).wait()?;
        Ok(Ended {
            at: clock(),
            status,
            out_of_time: self.out_of_time.load(SeqCst),
        })
    }

    /// Lets it go on: a process that waits for a line goes on when there will be none.
    ///
    /// # Errors
    /// When the system cannot tell how it ended.
    pub fn finish(mut self) -> io::Result<Ended> {
        self.input = None;
        self.wait()
    }

    /// What it uses now.
    ///
    /// # Errors
    /// When it has ended.
    pub fn usage(&self) -> io::Result<Usage> {
        Usage::of(self.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let mut child = lock(&self.child);
        // After it was waited for, this does nothing: the number is never used for another process.
        let _ = child.kill();
        let _ = child.wait();
    }
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a process uses at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Threads.
    pub threads: u64,
    /// Open files.
    pub files: u64,
    /// Resident memory, in bytes.
    pub resident: u64,
    /// Of that, what no other process shares and the process has written, in bytes.
    pub written: u64,
    /// How often its threads went to sleep and were woken, since they began.
    pub sleeps: u64,
}

impl Usage {
    fn of(id: u32) -> io::Result<Self> {
        let root = Path::new("/proc").join(id.to_string());
        let mut usage = Self {
            files: fs::read_dir(root.join("fd"))?.count() as u64,
            ..Self::default()
        };
        let memory = fs::read_to_string(root.join("smaps_rollup"))?;
        usage.resident = field(&memory, "Rss:") * 1024;
        usage.written = field(&memory, "Private_Dirty:") * 1024;
        for task in fs::read_dir(root.join("task"))? {
            let status = fs::read_to_string(task?.path().join("status"))?;
            usage.threads += 1;
            usage.sleeps += field(&status, "voluntary_ctxt_switches:");
        }
        Ok(usage)
    }
}

/// The number behind `name` in a file of `/proc`; 0 when it is not there.
fn field(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_read_from_its_line_and_no_other() {
        let status = "nonvoluntary_ctxt_switches:\t9\nvoluntary_ctxt_switches:\t4\nRss:  12 kB\n";
        assert_eq!(field(status, "voluntary_ctxt_switches:"), 4);
        assert_eq!(field(status, "Rss:"), 12);
        assert_eq!(field(status, "Pss:"), 0);
    }

    #[test]
    fn a_process_that_does_not_end_is_ended_when_its_time_is_over() {
        let sleep = Process::start(Path::new("/bin/sleep"), ["60"], Duration::from_millis(50));
        let ended = sleep.and_then(Process::wait).expect("a process");
        assert!(ended.out_of_time && !ended.status.success());
    }

    #[test]
    fn a_process_is_read_line_by_line() {
        let echo = ["-c", "echo other 1; echo word 2.5; read x; echo end"];
        let limit = Duration::from_secs(10);
        let mut shell = Process::start(Path::new("/bin/sh"), echo, limit).expect("a shell");
        assert_eq!(shell.number("word"), Some(2.5));
        assert!(shell.usage().expect("a live process").threads == 1);
        shell.say("x");
        assert_eq!(shell.lines(), ["end"]);
        let ended = shell.wait().expect("an end");
        assert!(ended.status.success() && !ended.out_of_time);
    }
}
