//! The programs of the project, built once and started as a user would start them.

use crate::house::root;
use crate::http;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// Far longer than anything takes; only a fault makes it pass.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The path of one of the project's programs. The first call builds them all, in the profile of the tests.
pub fn program(name: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        // A test runs as TARGET/PROFILE/deps/NAME.
        let test = std::env::current_exe().expect("a path");
        let folder = test
            .parent()
            .and_then(Path::parent)
            .expect("below the target directory")
            .to_owned();
        let mut build = Command::new(env!("CARGO"));
        build.args([
            "build",
            "--quiet",
            "-p",
            "candor-collector",
            "-p",
            "candor-inspect",
            "-p",
            "candor-example-im",
            "-p",
            "candor-tests",
        ]);
        if folder.ends_with("release") {
            build.arg("--release");
        }
        build
            .arg("--target-dir")
            .arg(folder.parent().expect("a target directory"))
            .current_dir(root());
        assert!(
            build.status().expect("cargo runs").success(),
            "the programs do not build"
        );
        folder
    });
    folder.join(name)
}

/// Runs one of the programs to its end.
pub fn run<'a>(name: &str, args: impl IntoIterator<Item = &'a str>) -> Output {
    Command::new(program(name))
        .args(args)
        .env("NO_COLOR", "1")
        .output()
        .expect("the program runs")
}

/// What a program said, when it ended well.
pub fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(
        output.status.success(),
        "{:?}\n{}\n{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    );
    text(&output.stdout)
}

/// A child that is killed, by its own id, when it is no longer needed.
#[derive(Debug)]
pub struct Running(Child);

impl Running {
    /// Starts a program; its standard output is `stdout`.
    pub fn start<'a>(name: &str, args: impl IntoIterator<Item = &'a str>, stdout: Stdio) -> Self {
        let mut command = Command::new(program(name));
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(stdout)
            .stderr(Stdio::null());
        Self(command.spawn().expect("the program starts"))
    }

    /// Starts a program whose standard output is read, and whose standard error is added to a file.
    fn start_logging<'a>(name: &str, args: impl IntoIterator<Item = &'a str>, log: &Path) -> Self {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log");
        let mut command = Command::new(program(name));
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        Self(command.spawn().expect("the program starts"))
    }

    /// Kills it as nothing can refuse (SIGKILL) and waits for its end.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// The first line on its standard output that holds `word`.
    pub fn line_with(&mut self, word: &str) -> String {
        let output = self.0.stdout.take().expect("standard output is piped");
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        lines
            .into_iter()
            .find(|line| line.contains(word))
            .expect("the program says where it listens")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the data and the log of a collector are, in a directory of its own.
const DATA: &str = "data";
const LOG: &str = "log";

/// A collector with its data directory.
#[derive(Debug)]
pub struct Collector {
    running: Running,
    /// Its data and, beside them, its log.
    dir: tempfile::TempDir,
    authority: String,
    /// The ingest key of the app `im-demo`.
    pub key: String,
}

impl Default for Collector {
    fn default() -> Self {
        Self::start()
    }
}

impl Collector {
    /// A collector on a free port, with one app and the symbols of the sample app.
    pub fn start() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (running, authority) = Self::serve(dir.path(), "127.0.0.1:0");
        let mut collector = Self {
            running,
            dir,
            authority,
            key: String::new(),
        };
        collector.key = collector
            .command(&["app", "add", "im-demo"])
            .trim()
            .to_owned();
        let client = program("im-client");
        collector.command(&["symbols", "add", client.to_str().expect("a path")]);
        collector
    }

    fn serve(dir: &Path, listen: &str) -> (Running, String) {
        let data = dir.join(DATA);
        let data = data.to_str().expect("a path");
        // One device is too few to be told of apart, but for a test.
        let args = [
            "serve",
            "--pages-sign-in",
            "none",
            "--data",
            data,
            "--listen",
            listen,
            "--small-groups",
            "show",
        ];
        let mut running = Running::start_logging("candor-collector", args, &dir.join(LOG));
        let line = running.line_with("listening on http://");
        let authority = line
            .split("http://")
            .nth(1)
            .expect("an address")
            .trim()
            .trim_end_matches('/')
            .to_owned();
        (running, authority)
    }

    /// Runs a command of the collector's own on its data, while it serves; what it printed.
    pub fn command(&self, args: &[&str]) -> String {
        let data = self.data();
        let data = data.to_str().expect("a path");
        said(&run(
            "candor-collector",
            args.iter().copied().chain(["--data", data]),
        ))
    }

    /// The public key that its notices are signed with.
    pub fn operator_key(&self) -> String {
        self.command(&["key"]).trim().to_owned()
    }

    /// Ends the service of the app, under this name of the notice.
    pub fn end_service(&self, notice: &str) {
        self.command(&["sunset", "--app", "im-demo", "--notice", notice]);
    }

    /// Kills it (SIGKILL) without warning.
    pub fn kill(&mut self) {
        self.running.kill();
    }

    /// Starts it again on the same port with the same data.
    pub fn restart(&mut self) {
        self.running.kill();
        (self.running, self.authority) = Self::serve(self.dir.path(), &self.authority.clone());
    }

    /// Its address, `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.authority)
    }

    /// Where it keeps everything.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join(DATA)
    }

    /// What it has said in its log.
    pub fn log(&self) -> Vec<u8> {
        std::fs::read(self.dir.path().join(LOG)).unwrap_or_default()
    }

    /// A page as text of HTML.
    pub fn page(&self, path: &str) -> String {
        let (status, body) = http::get(&self.authority, path).expect("the collector answers");
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// The ledger of the app.
    pub fn ledger(&self) -> Value {
        serde_json::from_str(&self.page("/api/v1/ledger?app=im-demo")).expect("JSON")
    }

    /// How many reports of `kind` are stored.
    pub fn stored(&self, kind: &str) -> u64 {
        self.ledger()["stored"][kind].as_u64().unwrap_or(0)
    }
}

/// Somebody between a device and its collector, who passes everything on and remembers what the device said.
#[derive(Debug)]
pub struct Eavesdropper {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Eavesdropper {
    /// Between whoever asks and the collector at `url`. Its threads end with the test's process.
    pub fn on(url: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let heard: Arc<Mutex<Vec<u8>>> = Arc::default();
        let (all, to) = (heard.clone(), url.trim_start_matches("http://").to_owned());
        std::thread::spawn(move || {
            for from in listener.incoming().map_while(Result::ok) {
                let Ok(to) = TcpStream::connect(&to) else {
                    return;
                };
                let (mut back_from, mut back_to) = (
                    to.try_clone().expect("a handle"),
                    from.try_clone().expect("a handle"),
                );
                std::thread::spawn(move || std::io::copy(&mut back_from, &mut back_to));
                let all = all.clone();
                std::thread::spawn(move || pass_on(from, to, &all));
            }
        });
        Self { address, heard }
    }

    /// Where a device has to be sent.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was said so far.
    pub fn heard(&self) -> Vec<u8> {
        self.heard.lock().expect("nobody panicked").clone()
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, all: &Mutex<Vec<u8>>) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(read @ 1..) = from.read(&mut bytes) {
        all.lock()
            .expect("nobody panicked")
            .extend_from_slice(&bytes[..read]);
        if to.write_all(&bytes[..read]).is_err() {
            return;
        }
    }
}

/// The chat server of the sample app.
#[derive(Debug)]
pub struct Chat {
    _running: Running,
    /// `127.0.0.1:PORT`.
    pub address: String,
}

impl Default for Chat {
    fn default() -> Self {
        Self::start()
    }
}

impl Chat {
    /// A chat server on a free port.
    pub fn start() -> Self {
        let mut running = Running::start(
            "im-server",
            ["--listen", "127.0.0.1:0", "--print-port"],
            Stdio::piped(),
        );
        let line = running.line_with("");
        let port = line.trim().rsplit(':').next().expect("a port").to_owned();
        Self {
            _running: running,
            address: format!("127.0.0.1:{port}"),
        }
    }
}

/// One installation of the sample app.
#[derive(Debug)]
pub struct Phone {
    dir: tempfile::TempDir,
    /// Name of its user.
    pub user: String,
}

impl Phone {
    /// A fresh installation.
    pub fn new(user: &str) -> Self {
        Self {
            dir: tempfile::tempdir().expect("a directory"),
            user: user.to_owned(),
        }
    }

    /// The agent's directory.
    pub fn apm(&self) -> PathBuf {
        self.dir.path().join("apm")
    }

    fn args(&self, chat: &Chat, collector: &Collector, script: &str) -> Vec<String> {
        let dir = self.apm();
        let url = collector.url();
        [
            "--server",
            &chat.address,
            "--user",
            &self.user,
            "--apm",
            "on",
            "--consent",
            "granted",
            "--collector",
            &url,
            "--key",
            &collector.key,
            "--dir",
            dir.to_str().expect("a path"),
            "--script",
            script,
            "--upload-every",
            "1",
            "--window",
            "1",
            "--seconds",
            "40",
        ]
        .map(str::to_owned)
        .into()
    }

    /// Runs the app through a script, to its end.
    pub fn run(&self, chat: &Chat, collector: &Collector, script: &str) -> Output {
        let args = self.args(chat, collector, script);
        run("im-client", args.iter().map(String::as_str))
    }

    /// Starts the app with a script and does not wait for it.
    pub fn start(&self, chat: &Chat, collector: &Collector, script: &str) -> Running {
        let args = self.args(chat, collector, script);
        Running::start("im-client", args.iter().map(String::as_str), Stdio::null())
    }

    /// What the inspector says.
    pub fn inspect(&self, args: &[&str]) -> String {
        let dir = self.apm();
        let dir = ["--dir", dir.to_str().expect("a path")];
        said(&run("candor", args.iter().copied().chain(dir)))
    }

    /// How many reports of `kind` the device counts as `state` (`recorded`, `delivered`, `lost`, `waiting`).
    pub fn count(&self, state: &str, kind: &str) -> u64 {
        let status: Value =
            serde_json::from_str(&self.inspect(&["status", "--json"])).expect("JSON");
        status[state][kind].as_u64().unwrap_or(0)
    }
}

/// Asks until the answer is yes.
pub fn eventually(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never came about that {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
