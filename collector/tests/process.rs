//! The program itself: killed, stopped, and helped by others while it runs.

mod support;

use candor_collector::store::sqlite::SqliteStore;
use candor_collector::store::{Span, Store};
use std::io::{BufRead, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use support::process::{Process, SERVE};
use support::{ask, crash, line, pack, post, request, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_candor-collector"))
}

/// A collector of these data.
fn start(data: &Path) -> Process {
    let mut command = program();
    command
        .args(SERVE)
        .arg("--data")
        .arg(data)
        .env("RUST_LOG", "debug");
    Process::start(&mut command)
}

async fn ledger(collector: &Process) -> serde_json::Value {
    collector.get("/api/v1/ledger?app=im").await.json()
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
async fn over_tls_the_program_takes_reports_and_shows_pages_to_whoever_trusts_its_certificate() {
    let data = tempfile::tempdir().unwrap();
    let key = add_app(data.path());
    let made = rcgen::generate_simple_self_signed(["collector.example".to_owned()]).unwrap();
    let file = |name: &str, text: String| {
        let file = data.path().join(name);
        std::fs::write(&file, text).unwrap();
        file
    };
    let mut command = program();
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--tls-certificate"])
        .arg(file("chain.pem", made.cert.pem()))
        .arg("--tls-key")
        .arg(file("key.pem", made.signing_key.serialize_pem()))
        .arg("--data")
        .arg(data.path());
    let collector = Process::start(&mut command);
    let mut trusted = RootCertStore::empty();
    trusted.add(made.cert.der().clone()).unwrap();
    let shake = async |roots: RootCertStore| {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(collector.address).await.unwrap();
        let name = ServerName::try_from("collector.example").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, stream)
            .await
    };
    assert!(shake(RootCertStore::empty()).await.is_err());
    let body = pack(&[run(1), run(2)]);
    let (bearer, length) = (format!("Bearer {key}"), body.len().to_string());
    let headers = [
        ("authorization", bearer.as_str()),
        ("content-length", length.as_str()),
    ];
    let mut stream = shake(trusted.clone()).await.unwrap();
    let taken = ask(
        &mut stream,
        "collector.example",
        "POST /v1/batches",
        &headers,
        &body,
    )
    .await;
    assert_eq!(taken.accepted(), (2, 0));
    let mut stream = shake(trusted).await.unwrap();
    let page = ask(&mut stream, "collector.example", "GET /sign-in", &[], b"").await;
    assert_eq!(page.status, 200, "{}", page.body);
    // Who does not speak it is not answered.
    let mut plain = TcpStream::connect(collector.address).await.unwrap();
    plain
        .write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .unwrap();
    let mut said = Vec::new();
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP/"), "{said:?}");
    collector.stop();
}

#[tokio::test]
async fn nothing_that_was_accepted_is_lost_or_doubled_when_it_is_killed() {
    let data = tempfile::tempdir().unwrap();
    let key = add_app(data.path());
    let mut accepted = 0;
    for round in 0..10u32 {
        let collector = start(data.path());
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
    let collector = start(data.path());
    assert_eq!(
        ledger(&collector).await["stored"]["run"].as_u64(),
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
    let collector = start(data.path());
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

/// Everything that is listed of the app: number, title, reports, state, and who looks after it.
async fn listed(collector: &Process) -> Vec<(String, String, u64, String, String)> {
    let list = "/api/v1/issues?app=im&state=all&from=0&to=9999999999";
    let issues = collector.get(list).await.json();
    let issues = issues["issues"].as_array().unwrap().iter();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    issues
        .map(|row| {
            let reports = row["reports"].as_u64().unwrap();
            let state = text(&row["state"]["is"]);
            let assignee = text(&row["assignee"]);
            (
                text(&row["id"]),
                text(&row["title"]),
                reports,
                state,
                assignee,
            )
        })
        .collect()
}

#[tokio::test]
async fn an_issue_that_is_named_late_keeps_what_was_said_of_it_though_it_is_killed_meanwhile() {
    const REPORTS: u32 = 900;
    // Of today: what is older than anything is kept is forgotten half a minute after a start, which a busy machine may need.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_secs() / 3_600 * 3_600;
    let crash = |number: u32, build: &str, offset: u64| {
        crash(number, build, offset).replace("1699999200", &now.to_string())
    };
    let data = tempfile::tempdir().unwrap();
    let mut collector = start(data.path());
    let key = add_app(data.path());
    let (build, offset) = own_function();
    for part in 0..REPORTS / 100 {
        let crashes: Vec<_> = (part * 100..(part + 1) * 100)
            .map(|number| crash(number, &build, offset))
            .collect();
        let answer = collector.post(&key, &pack(&crashes)).await;
        assert_eq!(answer.accepted(), (100, 0));
    }
    // Without symbols the crash is where it is.
    let before = listed(&collector).await;
    let [(old, title, reports, ..)] = before.as_slice() else {
        panic!("{before:?}")
    };
    assert_eq!(title, &format!("SIGSEGV (null pointer) in im+{offset:x}"));
    assert_eq!(*reports, u64::from(REPORTS));
    let missing = "/api/v1/symbols/unnamed?app=im";
    let unnamed = collector.get(missing).await.json();
    assert_eq!(unnamed[0]["build"], build.as_str());
    assert_eq!(unnamed[0]["reports"], REPORTS);
    let page = collector.get("/settings/symbols").await.body;
    assert!(page.contains(&build), "{page}");
    for said in [
        "do=resolve&release=1.2.4",
        "do=assign&who=Wei",
        "do=note&note=the+parser",
    ] {
        let form = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("content-length", &said.len().to_string()),
            ("sec-fetch-site", "same-origin"),
        ];
        let path = format!("/issues/{old}?app=im");
        let done = request(collector.address, "POST", &path, &form, said.as_bytes()).await;
        assert_eq!(done.status, 303, "{}", done.body);
    }

    let added = program()
        .args(["symbols", "add"])
        .arg(own_executable())
        .arg("--data")
        .arg(data.path())
        .output()
        .unwrap();
    assert!(said(added).starts_with(&build));
    // What arrives from now on is named at once, and goes to the same place.
    let late = pack(&[crash(REPORTS, &build, offset)]);
    assert_eq!(collector.post(&key, &late).await.accepted(), (1, 0));
    let mut kills = 0;
    let after = loop {
        let now = listed(&collector).await;
        let all: u64 = now.iter().map(|(_, _, reports, ..)| reports).sum();
        assert_eq!(all, u64::from(REPORTS) + 1, "{now:?}");
        let left = now.iter().find(|(id, ..)| id == old);
        match left {
            None => break now,
            // It is killed when the first have moved, as long as there is something to kill it in.
            Some((_, _, reports, ..)) if *reports < u64::from(REPORTS) && kills < 3 => {
                kills += 1;
                drop(collector);
                collector = start(data.path());
            }
            Some(_) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
        }
    };
    let [(new, title, reports, state, assignee)] = after.as_slice() else {
        panic!("{after:?}")
    };
    assert_eq!(
        title,
        "SIGSEGV (null pointer) in process::a_function_that_crashed"
    );
    assert_eq!(*reports, u64::from(REPORTS) + 1);
    assert_eq!((state.as_str(), assignee.as_str()), ("resolved", "Wei"));
    // An old link leads to it.
    let led = collector.get(&format!("/issues/{old}?app=im")).await;
    let onward = led.header("location").unwrap_or_default().to_owned();
    assert!(
        led.status == 303 && onward.contains(new.as_str()),
        "{} {onward}",
        led.status
    );
    let page = collector.get(&onward).await.body;
    assert!(page.contains("process::a_function_that_crashed") && page.contains("the parser"));
    assert!(page.contains(old.as_str()) && page.contains(new.as_str()));
    // Nothing is left to be looked at as soon as that was said.
    while collector.get(missing).await.json() != serde_json::json!([]) {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    let log = collector.stop();
    assert!(log.contains("symbols came late"), "{log}");
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
    assert!(run(&["symbols", "add", text.to_str().unwrap()]).contains("no symbol file"));
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
    let files = |directory: &str| {
        std::fs::read_dir(data.path().join(directory))
            .unwrap()
            .map(|file| file.unwrap())
            .filter(|file| file.file_type().unwrap().is_file())
            .map(|file| file.file_name().into_string().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(files("symbols"), [format!("{build}.debug")]);
    // Its names are made ready once, and nothing half-made stays.
    assert_eq!(files("symbols/names"), [format!("{build}-0.1")]);
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
    let (key, collector) = (add_app(data.path()), start(data.path()));
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
    assert_eq!(ledger(&collector).await["duplicates"], 0);
    assert!(!support::holds(data.path(), key.as_bytes()));
}

/// Runs one of its commands; what it printed.
fn command(data: &Path, args: &[&str]) -> String {
    said(
        program()
            .args(args)
            .arg("--data")
            .arg(data)
            .output()
            .unwrap(),
    )
}

#[tokio::test]
async fn keys_are_rotated_and_revoked_while_it_serves() {
    let data = tempfile::tempdir().unwrap();
    let (old, collector) = (add_app(data.path()), start(data.path()));
    let body = |number| pack(&[run(number)]);
    assert_eq!(collector.post(&old, &body(1)).await.accepted(), (1, 0));
    let new = command(
        data.path(),
        &["keys", "rotate", "--app", "im", "--overlap", "7d"],
    );
    let new = new.trim();
    assert_eq!(collector.post(new, &body(2)).await.accepted(), (1, 0));
    assert_eq!(collector.post(&old, &body(3)).await.accepted(), (1, 0));
    let list = command(data.path(), &["keys", "list", "--app", "im"]);
    let first = list.lines().find(|line| line.contains("until")).unwrap();
    let id = first.split(' ').next().unwrap();
    assert!(
        list.contains("taken") && list.lines().count() == 2,
        "{list}"
    );
    let revoked = command(data.path(), &["keys", "revoke", "--app", "im", id]);
    assert!(!revoked.contains("no other key"), "{revoked}");
    // A key is believed for a second.
    let mut number = 4;
    loop {
        let answer = collector.post(&old, &body(number)).await;
        if answer.status == 401 {
            assert_eq!(answer.refused().1, "ended_key");
            break;
        }
        number += 1;
    }
    assert_eq!(
        collector.post(new, &body(1_000_000)).await.accepted(),
        (1, 0)
    );
    let ledger = command(data.path(), &["ledger", "--app", "im"]);
    assert!(
        ledger.contains(id) && ledger.lines().count() == 3,
        "{ledger}"
    );
    let to = collector.address;
    let days = request(to, "GET", "/api/v1/ledger/days?app=im", &[], b"")
        .await
        .json();
    let days = days.as_array().unwrap();
    assert_eq!(days.len(), 2);
    for day in days {
        let sum = day["stored"].as_u64().unwrap() + day["duplicates"].as_u64().unwrap();
        assert_eq!(day["received"].as_u64(), Some(sum), "{day}");
    }
    for key in [old.as_str(), new] {
        assert!(!support::holds(data.path(), key.as_bytes()));
    }
}

#[test]
fn a_file_is_checked_and_a_log_may_be_json() {
    let data = tempfile::tempdir().unwrap();
    let file = data.path().join("candor.toml");
    let check = || program().arg("check").arg(&file).output().unwrap();
    std::fs::write(&file, "[ingest]\nworkers = 5\n").unwrap();
    let wrong = check();
    let why = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        !wrong.status.success()
            && why.contains(
                "candor.toml:2: ingest.workers is not known; did you mean ingest.working?"
            ),
        "{why}"
    );
    let text = format!(
        "data = {:?}\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n",
        data.path()
    );
    std::fs::write(&file, text).unwrap();
    let table = said(check());
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("log.format") && line.ends_with("file")),
        "{table}"
    );
    let mut serve = program();
    serve
        .args(["serve", "--config"])
        .arg(&file)
        .env("RUST_LOG", "debug");
    let log = Process::start(&mut serve).stop();
    for line in log.lines() {
        let entry: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(
            entry["level"].is_string() && entry["timestamp"].is_string(),
            "{line}"
        );
    }
    assert!(log.contains("stopping"), "{log}");
}

#[test]
fn rules_of_grouping_are_checked_with_the_file_that_names_them() {
    let data = tempfile::tempdir().unwrap();
    let (file, rules) = (
        data.path().join("candor.toml"),
        data.path().join("rules.toml"),
    );
    let text = format!("[grouping]\nrules = {rules:?}\n");
    std::fs::write(&file, text).unwrap();
    let check = |text: &str| {
        std::fs::write(&rules, text).unwrap();
        program().arg("check").arg(&file).output().unwrap()
    };
    let rule = "version = 1\n[[rule]]\nname = \"logging\"\nfunction = \"im::log::*\"\n";
    assert!(said(check(&format!("{rule}do = \"skip\"\n"))).contains("grouping.rules"));
    let wrong = check(&format!("{rule}do = \"skipp\"\n"));
    let why = String::from_utf8(wrong.stderr).unwrap();
    assert!(!wrong.status.success());
    assert!(
        why.contains("rules.toml:5: skipp is not known; did you mean skip?"),
        "{why}"
    );
}

#[tokio::test]
async fn a_copy_that_was_made_while_it_served_serves_as_well() {
    let data = tempfile::tempdir().unwrap();
    let (key, collector) = (add_app(data.path()), start(data.path()));
    let to = data.path().join("copy");
    let bodies: Vec<_> = (0..40).map(|number| pack(&[run(number)])).collect();
    for body in &bodies[..20] {
        assert_eq!(collector.post(&key, body).await.accepted(), (1, 0));
    }
    let copying = {
        let (data, to) = (data.path().to_owned(), to.clone());
        std::thread::spawn(move || command(&data, &["backup", to.to_str().unwrap()]))
    };
    for body in &bodies[20..] {
        assert_eq!(collector.post(&key, body).await.accepted(), (1, 0));
    }
    copying.join().unwrap();
    drop(collector);
    assert!(command(&to, &["verify"]).contains("nothing is wrong"));
    let copy = start(&to);
    let had = ledger(&copy).await["stored"]["run"].as_u64().unwrap();
    assert!((20..=40).contains(&had), "{had}");
    let mut new = 0;
    for body in &bodies {
        new += copy.post(&key, body).await.accepted().0;
    }
    assert_eq!(had + new, 40);
    // Not over something that is there.
    let again = program()
        .args(["backup"])
        .arg(&to)
        .arg("--data")
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!again.status.success());
}

#[test]
fn a_damaged_database_is_found() {
    let data = tempfile::tempdir().unwrap();
    add_app(data.path());
    assert!(command(data.path(), &["verify"]).contains("nothing is wrong"));
    let file = data.path().join("candor.db");
    let mut bytes = std::fs::read(&file).unwrap();
    // The beginning of every page but the first, where it says what the page holds.
    for page in bytes.chunks_mut(16 * 1_024).skip(1) {
        page[..64].fill(0xa5);
    }
    std::fs::write(&file, bytes).unwrap();
    let found = program()
        .args(["verify", "--data"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!found.status.success(), "{found:?}");
}

#[tokio::test]
async fn a_disk_that_is_full_is_survived_and_what_was_accepted_is_there() {
    let data = tempfile::tempdir().unwrap();
    let key = add_app(data.path());
    // Files may grow to 3 MiB, as on a small disk; the limit can be taken back.
    let mut limited = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -S -f 6144; exec \"$0\" serve --pages-sign-in none --listen 127.0.0.1:0 --data \"$1\"";
    limited
        .args(["-c", script, env!("CARGO_BIN_EXE_candor-collector")])
        .arg(data.path())
        .env("RUST_LOG", "debug");
    let collector = Process::start(&mut limited);
    let batch = |number: u32| {
        pack(
            &(0..100)
                .map(|one| crash(number * 100 + one, &"ab".repeat(20), 16))
                .collect::<Vec<_>>(),
        )
    };
    let mut accepted = 0;
    let refused = loop {
        let answer = collector.post(&key, &batch(accepted)).await;
        if answer.status != 200 {
            break answer;
        }
        accepted += 1;
        assert!(accepted < 1_000, "the disk is never full");
    };
    assert_eq!(refused.refused(), (503, "unavailable".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("60"));
    let to = collector.address;
    assert_eq!(request(to, "GET", "/healthz", &[], b"").await.status, 200);
    assert_eq!(
        ledger(&collector).await["stored"]["crash"],
        u64::from(accepted) * 100
    );
    let pid = collector.child.id().to_string();
    let freed = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited:unlimited"])
        .status();
    assert!(freed.unwrap().success());
    // What was refused comes again, and is kept.
    assert_eq!(
        collector.post(&key, &batch(accepted)).await.accepted(),
        (100, 0)
    );
    assert_eq!(request(to, "GET", "/readyz", &[], b"").await.status, 200);
    drop(collector);
    let checked = command(data.path(), &["verify"]);
    assert!(
        checked.contains(&format!("{} reports", (accepted + 1) * 100)),
        "{checked}"
    );
}

/// Sends a batch; `None` when the other side is gone before it has answered.
fn try_send(to: SocketAddr, key: &str, body: &[u8]) -> Option<u64> {
    use std::io::Write;
    let mut connection = std::net::TcpStream::connect(to).ok()?;
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).ok()?;
    connection.write_all(body).ok()?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    if !head.starts_with("HTTP/1.1 200") {
        return None;
    }
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    Some(body["stored"].as_u64()? + body["duplicates"].as_u64()?)
}

/// `CANDOR_KILLS` says how often it is killed.
#[tokio::test]
async fn killed_in_the_middle_of_work_it_loses_nothing_that_it_acknowledged_and_counts_nothing_twice()
 {
    const SENDERS: u32 = 6;
    let kills = std::env::var("CANDOR_KILLS").map_or(8_u64, |kills| kills.parse().unwrap());
    let data = tempfile::tempdir().unwrap();
    let key = add_app(data.path());
    // Of this hour: what is older than a year and a bit has its summaries forgotten while this goes on.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now = now.unwrap().as_secs();
    let hour = (now - now % 3_600).to_string();
    let batch = |sender: u32, number: u32| {
        let first = (sender * 1_000_000 + number) * 5;
        let runs = (first..first + 5).map(|one| run(one).replace("1699999200", &hour));
        pack(&runs.collect::<Vec<_>>())
    };
    let mut next = [0; SENDERS as usize];
    let start = || {
        let mut serve = program();
        serve
            .args(SERVE)
            .arg("--data")
            .arg(data.path())
            .env("CANDOR_LOG_FILTER", "error");
        Process::start(&mut serve)
    };
    for round in 0..kills {
        let mut collector = start();
        let to = collector.address;
        std::thread::scope(|scope| {
            for (sender, next) in (0..).zip(next.iter_mut()) {
                let (key, batch) = (&key, &batch);
                scope.spawn(move || {
                    // What was not acknowledged comes again in the next round, as an agent sends it again.
                    while try_send(to, key, &batch(sender, *next)) == Some(5) {
                        *next += 1;
                    }
                });
            }
            // Some when hardly anything was accepted, some in the middle of many commits.
            let moment = 10 + round * 37 % 150;
            std::thread::sleep(std::time::Duration::from_millis(moment));
            collector.child.kill().unwrap();
            collector.child.wait().unwrap();
        });
    }
    let acknowledged: u32 = next.iter().sum();
    assert!(acknowledged > 0);
    let collector = start();
    let stored = async || ledger(&collector).await["stored"]["run"].as_u64().unwrap();
    let before = stored().await;
    // At most the batches that were on their way are there without having been acknowledged.
    let (least, most) = (
        u64::from(acknowledged) * 5,
        u64::from(acknowledged + SENDERS) * 5,
    );
    assert!((least..=most).contains(&before), "{before} of {least}");
    for (sender, next) in (0..).zip(next) {
        for number in 0..next {
            let answer = collector.post(&key, &batch(sender, number)).await;
            assert_eq!(
                answer.accepted(),
                (0, 5),
                "batch {number} of {sender} was lost"
            );
        }
    }
    assert_eq!(stored().await, before);
    drop(collector);
    let checked = command(data.path(), &["verify"]);
    assert!(checked.contains(&format!("{before} reports")), "{checked}");
    let store = SqliteStore::open(data.path()).unwrap();
    let always = Span {
        from: 0,
        to: u64::MAX,
        step: u64::MAX,
    };
    let health = store.health(&support::app(), always).await.unwrap();
    assert_eq!((health.runs, health.installs), (before, before));
}

#[tokio::test]
async fn the_first_admin_comes_by_a_printed_link_and_others_by_commands() {
    let data = tempfile::tempdir().unwrap();
    let command = |args: &[&str]| {
        let mut command = program();
        command.args(args).arg("--data").arg(data.path());
        command
    };
    let serve = || Process::start(&mut command(&["serve", "--listen", "127.0.0.1:0"]));
    let mut served = serve();
    let mut link = String::new();
    served.said.read_line(&mut link).unwrap();
    let path = link
        .trim()
        .split_once(&served.address.to_string())
        .unwrap()
        .1
        .to_owned();
    let get = async |address, path: &str| {
        let headers = [("accept", "text/html")];
        request(address, "GET", path, &headers, b"").await
    };
    assert_eq!(get(served.address, &path).await.status, 200);
    assert_eq!(get(served.address, "/issues").await.status, 303);
    drop(served);
    // Each start prints another link, as long as there is nobody.
    let served = serve();
    assert_eq!(get(served.address, &path).await.status, 400);

    let mut add = command(&[
        "people",
        "add",
        "wei",
        "--role",
        "admin",
        "--password-stdin",
    ])
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let mut input = add.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"correct horse battery\n").unwrap();
    drop(input);
    assert!(said(add.wait_with_output().unwrap()).contains("wei can sign in"));
    let link = said(
        command(&["people", "add", "ann", "--role", "viewer"])
            .output()
            .unwrap(),
    );
    assert_eq!(get(served.address, link.trim()).await.status, 200);
    let list = said(command(&["people", "list"]).output().unwrap());
    assert!(
        list.contains("ann") && list.contains("no password yet"),
        "{list}"
    );
    let refused = command(&["people", "remove", "wei"]).output().unwrap();
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && why.contains("nobody would be left"),
        "{why}"
    );

    let token = said(
        command(&["tokens", "add", "grafana", "--scope", "read"])
            .output()
            .unwrap(),
    );
    let token = format!("Bearer {}", token.trim());
    let metrics = async || {
        let headers = [("authorization", token.as_str())];
        request(served.address, "GET", "/metrics", &headers, b"")
            .await
            .status
    };
    assert_eq!(metrics().await, 200);
    said(command(&["tokens", "revoke", "grafana"]).output().unwrap());
    assert_eq!(metrics().await, 401);
    drop(served);
    // Nobody is told a link any more.
    let mut served = serve();
    served.child.kill().unwrap();
    let mut more = String::new();
    served.said.read_to_string(&mut more).unwrap();
    assert_eq!(more, "");
}
