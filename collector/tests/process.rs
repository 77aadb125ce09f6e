//! The program itself: killed, stopped, and helped by others while it runs.

mod support;

use candor_collector::store::sqlite::SqliteStore;
use candor_collector::store::{IssueFilter, Span, Store};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use support::{Answer, crash, line, pack, request, run};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_candor-collector"))
}

/// A collector in a process of its own, ended with this value.
struct Process {
    child: Child,
    address: SocketAddr,
    log: Option<ChildStderr>,
}

impl Process {
    fn start(data: &Path) -> Self {
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .env("RUST_LOG", "debug")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut ready).unwrap();
        let address = ready
            .trim()
            .strip_prefix("listening on http://")
            .unwrap_or_else(|| panic!("{ready:?}"));
        let address = address.parse().unwrap();
        let log = child.stderr.take();
        Self {
            child,
            address,
            log,
        }
    }

    async fn post(&self, key: &str, body: &[u8]) -> Answer {
        post(self.address, key, body).await
    }

    async fn ledger(&self) -> serde_json::Value {
        request(self.address, "GET", "/api/v1/ledger?app=im", &[], b"")
            .await
            .json()
    }

    /// Ends it as Ctrl-C and the system do; what it logged.
    fn stop(mut self) -> String {
        let status = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        let mut log = String::new();
        self.log.take().unwrap().read_to_string(&mut log).unwrap();
        assert!(self.child.wait().unwrap().success(), "{log}");
        log
    }
}

async fn post(to: SocketAddr, key: &str, body: &[u8]) -> Answer {
    let (key, length) = (format!("Bearer {key}"), body.len().to_string());
    let headers = [
        ("authorization", key.as_str()),
        ("content-length", length.as_str()),
    ];
    request(to, "POST", "/v1/batches", &headers, body).await
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn said(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn add_app(data: &Path) -> String {
    let out = said(
        program()
            .args(["app", "add", "im", "--data"])
            .arg(data)
            .output()
            .unwrap(),
    );
    assert_eq!(out.lines().count(), 1);
    out.trim().to_owned()
}

#[tokio::test]
async fn nothing_that_was_accepted_is_lost_or_doubled_when_it_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let key = add_app(data.path());
    let mut accepted = 0;
    for round in 0..10u32 {
        let collector = Process::start(data.path());
        let senders: Vec<_> = (0..8)
            .map(|sender| {
                let batch: Vec<_> = (0..5)
                    .map(|index| run(round * 100 + sender * 5 + index))
                    .collect();
                let (to, key) = (collector.address, key.clone());
                tokio::spawn(async move { post(to, &key, &pack(&batch)).await.accepted() })
            })
            .collect();
        for sender in senders {
            assert_eq!(sender.await.unwrap(), (5, 0));
            accepted += 5;
        }
        // Killed by `drop`, without a chance to say or write anything.
    }
    let collector = Process::start(data.path());
    assert_eq!(
        collector.ledger().await["stored"]["run"].as_u64(),
        Some(accepted)
    );
    let again: Vec<_> = (0..100)
        .map(|index| run(index / 10 * 100 + index % 10))
        .collect();
    assert_eq!(
        collector.post(&key, &pack(&again)).await.accepted(),
        (0, 100)
    );
}

#[tokio::test]
async fn it_stops_when_it_is_told_to_and_keeps_quiet_about_what_it_was_sent() {
    let data = tempfile::tempdir().unwrap();
    let key = add_app(data.path());
    let collector = Process::start(data.path());
    let secret = "wangfang13800138000";
    let wrong = run(1).replace(
        "\"run\":{}",
        &format!("\"{secret}\":{{\"{secret}\":\"{secret}\"}}"),
    );
    let answer = collector.post(&key, &pack(&[wrong])).await;
    assert_eq!(answer.json()["refused"][0]["error"], "bad_report");
    assert_eq!(collector.post(secret, &pack(&[])).await.status, 401);
    assert_eq!(collector.post(&key, &pack(&[run(2)])).await.status, 200);
    assert_eq!(
        request(
            collector.address,
            "GET",
            &format!("/{secret}?{secret}"),
            &[],
            b""
        )
        .await
        .status,
        404
    );
    let address = collector.address;
    let log = collector.stop();
    assert!(
        log.contains("bad_report") && log.contains("unknown_key"),
        "{log}"
    );
    for quiet in [secret, &key, &format!("{:032x}", 2), &address.to_string()] {
        assert!(!log.contains(quiet), "{quiet} is in {log}");
    }
}

#[tokio::test]
async fn an_app_and_symbols_that_are_added_while_it_runs_are_known_at_once() {
    let data = tempfile::tempdir().unwrap();
    let collector = Process::start(data.path());
    let key = add_app(data.path());
    let (build, offset) = own_function();

    // Without symbols the crash is where it is; with them it is its function.
    assert_eq!(
        collector
            .post(&key, &pack(&[crash(1, &build, offset)]))
            .await
            .accepted(),
        (1, 0)
    );
    let added = program()
        .args(["symbols", "add"])
        .arg(own_executable())
        .arg("--data")
        .arg(data.path())
        .output()
        .unwrap();
    assert!(said(added).starts_with(&build));
    assert_eq!(
        collector
            .post(&key, &pack(&[crash(2, &build, offset)]))
            .await
            .accepted(),
        (1, 0)
    );
    drop(collector);

    let store = SqliteStore::open(data.path()).unwrap();
    let filter = IssueFilter {
        kind: None,
        span: Span {
            from: 0,
            to: u64::MAX,
            step: u64::MAX,
        },
    };
    let mut titles: Vec<_> = store
        .issues(&support::app(), filter)
        .await
        .unwrap()
        .into_iter()
        .map(|row| row.title)
        .collect();
    titles.sort();
    assert_eq!(
        titles,
        [
            format!("SIGSEGV (null pointer) in im+{offset:x}"),
            "SIGSEGV (null pointer) in process::a_function_that_crashed".to_owned()
        ]
    );
}

#[test]
fn what_cannot_be_done_is_said_and_ends_with_a_failure() {
    let data = tempfile::tempdir().unwrap();
    add_app(data.path());
    let text = data.path().join("text");
    std::fs::write(&text, "text").unwrap();
    let run = |args: &[&str]| {
        let output = program()
            .args(args)
            .arg("--data")
            .arg(data.path())
            .output()
            .unwrap();
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{output:?}"
        );
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(run(&["app", "add", "im"]).contains("the app im exists"));
    assert!(run(&["app", "add", "Not A Name"]).contains("AppName"));
    assert!(run(&["symbols", "add", text.to_str().unwrap()]).contains("not an ELF file"));
}

#[test]
fn a_symbol_file_is_stored_once_by_its_build_id() {
    let data = tempfile::tempdir().unwrap();
    let add = || {
        said(
            program()
                .args(["symbols", "add"])
                .arg(own_executable())
                .arg("--data")
                .arg(data.path())
                .output()
                .unwrap(),
        )
    };
    let (build, _) = own_function();
    assert!(!add().contains("known"));
    assert!(add().contains("(known)"));
    let stored: Vec<_> = std::fs::read_dir(data.path().join("symbols"))
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    assert_eq!(stored, [std::ffi::OsString::from(format!("{build}.debug"))]);
    assert!(!std::fs::read_dir(data.path()).unwrap().any(|file| {
        file.unwrap()
            .file_name()
            .to_string_lossy()
            .starts_with("incoming")
    }));
}

#[test]
fn a_stripped_program_brings_its_debug_file_along() {
    let data = tempfile::tempdir().unwrap();
    let shipped = data.path().join("shipped");
    std::fs::create_dir(&shipped).unwrap();
    let objcopy = |arguments: &[&str]| {
        let mut command = std::process::Command::new("objcopy");
        let done = command.args(arguments).current_dir(&shipped).status();
        assert!(done.unwrap().success(), "objcopy {arguments:?}");
    };
    let whole = own_executable();
    let whole = whole.to_str().unwrap();
    objcopy(&["--only-keep-debug", whole, "app.debug"]);
    objcopy(&["--strip-all", "--add-gnu-debuglink=app.debug", whole, "app"]);
    let stored = said(
        program()
            .args(["symbols", "add"])
            .arg(shipped.join("app"))
            .arg("--data")
            .arg(data.path())
            .output()
            .unwrap(),
    );
    let (build, address) = own_function();
    assert!(stored.starts_with(&build), "{stored}");
    let symbols =
        candor_symbols::Symbols::open([candor_collector::symbol_files::directory(data.path())]);
    let names = symbols.names(
        &symbols.builds()[0],
        candor_protocol::report::Offset(address),
        candor_protocol::report::Found::Context,
    );
    let called = names.last().unwrap();
    assert!(
        called.function.ends_with("a_function_that_crashed"),
        "{called:?}"
    );
    assert!(called.line.is_some(), "{called:?}");
}

#[inline(never)]
fn a_function_that_crashed(number: u64) -> u64 {
    std::hint::black_box(number).rotate_left(3)
}

fn own_executable() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// The build id of this test's executable, and where `a_function_that_crashed` is in it.
fn own_function() -> (String, u64) {
    use object::{Object, ObjectSymbol};
    assert_eq!(a_function_that_crashed(1), 8);
    let data = std::fs::read(own_executable()).unwrap();
    let elf = object::File::parse(&*data).unwrap();
    let symbol = elf.symbols().find(|symbol| {
        symbol
            .name()
            .is_ok_and(|name| name.contains("a_function_that_crashed"))
    });
    let build: String = elf
        .build_id()
        .unwrap()
        .unwrap()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    (build, symbol.unwrap().address())
}

#[tokio::test]
async fn keys_of_two_apps_lead_to_their_own_reports() {
    let data = tempfile::tempdir().unwrap();
    let (key, collector) = (add_app(data.path()), Process::start(data.path()));
    let other = said(
        program()
            .args(["app", "add", "other", "--data"])
            .arg(data.path())
            .output()
            .unwrap(),
    );
    let (other, body) = (other.trim().to_owned(), pack(&[line(1, 1, "{\"run\":{}}")]));
    assert_eq!(collector.post(&key, &body).await.accepted(), (1, 0));
    assert_eq!(collector.post(&other, &body).await.accepted(), (1, 0));
    assert_eq!(collector.post(&other, &body).await.accepted(), (0, 1));
    assert_eq!(collector.ledger().await["duplicates"], 0);
    assert!(!support::holds(data.path(), key.as_bytes()));
}
