//! What an operator does with the program about privacy, and what it keeps quiet about.

mod support;

use candor_collector::privacy::receipt::Receipt;
use candor_protocol::answer::Sunset;
use std::path::Path;
use std::process::Command;
use support::process::{Process, SERVE};
use support::{holds, line, pack, pseudonym, run};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_candor-collector"))
}

/// What a command said, or why it failed.
fn ask(data: &Path, words: &[&str]) -> Result<String, String> {
    let output = program()
        .args(words)
        .arg("--data")
        .arg(data)
        .env("RUST_LOG", "error")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap().trim().to_owned();
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

/// A collector of these data that logs everything.
fn start(data: &Path, more: &[&str]) -> Process {
    let mut command = program();
    command
        .args(SERVE)
        .arg("--data")
        .arg(data)
        .args(more)
        .env("RUST_LOG", "trace");
    Process::start(&mut command)
}

#[tokio::test]
async fn where_a_sender_is_is_in_no_file_no_line_of_the_log_and_no_answer() {
    let data = tempfile::tempdir().unwrap();
    let key = ask(data.path(), &["app", "add", "im"]).unwrap();
    let collector = start(data.path(), &[]);
    // Not the address that the collector listens on, and what proxies say of others.
    const FROM: &str = "127.77.88.99";
    const SAID: [&str; 3] = ["203.0.113.77", "2001:db8::77", "198.51.100.7"];
    let good = pack(&[run(1), run(2)]);
    let leak = pack(&[run(3).replace("\"1.2.3\"", "\"wang fang\"")]);
    let bearer = format!("authorization: Bearer {key}\r\n");
    let erasure = format!("{{\"pseudonyms\":[\"{}\"]}}", pseudonym(1));
    for (method, path, auth, body) in [
        ("POST", "/v1/batches", bearer.as_str(), good.as_slice()),
        ("POST", "/v1/batches", &bearer, &leak),
        ("POST", "/v1/batches", &bearer, b"broken"),
        ("POST", "/v1/batches", "", &good),
        ("POST", "/v1/erasures", &bearer, erasure.as_bytes()),
        ("GET", "/", "", b""),
        ("GET", "/privacy?app=im", "", b""),
        ("GET", "/api/v1/audit", "", b""),
        ("GET", "/nowhere", "", b""),
    ] {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{FROM}:0").parse().unwrap()).unwrap();
        let mut connection = socket.connect(collector.address).await.unwrap();
        let port = connection.local_addr().unwrap().port();
        let [a, b, c] = SAID;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n{auth}content-length: {}\r\n\
             x-forwarded-for: {a}, {b}\r\nforwarded: for={c}\r\nx-real-ip: {a}\r\n\r\n",
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(body).await.unwrap();
        let answer = support::answer(&mut connection).await;
        let port = format!("{FROM}:{port}");
        for address in SAID.into_iter().chain([FROM, &port]) {
            assert!(!answer.body.contains(address) && !answer.head.contains(address));
        }
    }
    let log = collector.stop();
    assert!(log.contains("an agent leaks"), "{log}");
    for address in SAID.into_iter().chain([FROM]) {
        assert!(!log.contains(address), "{address} is in {log}");
        assert!(!holds(data.path(), address.as_bytes()), "{address}");
    }
    assert!(!holds(data.path(), &[203, 0, 113, 77]));
}

#[tokio::test]
async fn an_operator_erases_and_anybody_can_check_the_receipt() {
    let data = tempfile::tempdir().unwrap();
    let key = ask(data.path(), &["app", "add", "im"]).unwrap();
    let collector = start(data.path(), &[]);
    let old = line(1, 1, "{\"run\":{}}").replace("1.2.3", "0.9.0");
    let sent = collector.post(&key, &pack(&[old, run(2), run(3)])).await;
    assert_eq!(sent.accepted(), (3, 0));

    // Beside the collector that serves.
    let receipt = ask(data.path(), &["erase", "--app", "im", "--release", "0.9.0"]).unwrap();
    let public = ask(data.path(), &["key"]).unwrap();
    let statement = Receipt::verify(&receipt, Some(&public)).unwrap().statement;
    assert_eq!(
        (statement.reports, statement.by.as_str()),
        (1, "command line")
    );
    let file = data.path().join("receipt.json");
    std::fs::write(&file, &receipt).unwrap();
    let verify = |more: &[&str]| {
        let output = program()
            .args(["receipt", "verify"])
            .arg(&file)
            .args(more)
            .output()
            .unwrap();
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
        )
    };
    let (good, said) = verify(&["--key", &public]);
    assert!(
        good && said.contains("1 reports of im were erased"),
        "{said}"
    );
    assert!(verify(&[]).0);
    assert!(!verify(&["--key", &"0".repeat(64)]).0);
    std::fs::write(&file, receipt.replace("\"reports\": 1", "\"reports\": 9")).unwrap();
    assert!(!verify(&[]).0);

    for (words, reports) in [
        (&["--pseudonym", pseudonym(2).as_str()][..], 1),
        (&["--from", "2023-11-14", "--to", "2023-11-15"], 1),
        (&["--all"], 0),
    ] {
        let all: Vec<&str> = ["erase", "--app", "im"]
            .iter()
            .chain(words)
            .copied()
            .collect();
        let receipt = ask(data.path(), &all).unwrap();
        let statement = Receipt::verify(&receipt, Some(&public)).unwrap().statement;
        assert_eq!(statement.reports, reports, "{words:?}");
    }
    assert_eq!(
        collector.post(&key, &pack(&[run(9)])).await.refused(),
        (422, "erased".to_owned())
    );
    for wrong in [
        &["erase", "--app", "im"][..],
        &["erase", "--app", "im", "--all", "--release", "1.0"],
        &["erase", "--app", "im", "--from", "2023-11-14"],
        &[
            "erase",
            "--app",
            "im",
            "--from",
            "2023-11-14",
            "--to",
            "2023-11-13",
        ],
        &[
            "erase",
            "--app",
            "im",
            "--from",
            "yesterday",
            "--to",
            "today",
        ],
        &["erase", "--app", "nobody", "--all"],
    ] {
        assert!(ask(data.path(), wrong).is_err(), "{wrong:?}");
    }
    let said = ask(data.path(), &["audit", "verify"]).unwrap();
    assert!(said.starts_with("5 entries, unbroken"), "{said}");
    let head = said.rsplit(' ').next().unwrap();
    assert!(ask(data.path(), &["audit", "verify", "--head", head]).is_ok());
    assert!(ask(data.path(), &["audit", "verify", "--head", &"0".repeat(64)]).is_err());
    let shown = ask(data.path(), &["audit", "show", "--last", "1"]).unwrap();
    assert!(
        shown.contains("\"did\":\"erased\"") && shown.lines().count() == 1,
        "{shown}"
    );
    let month = std::fs::read_dir(data.path().join("privacy/audit"))
        .unwrap()
        .find_map(|file| {
            let path = file.unwrap().path();
            path.extension()
                .is_some_and(|extension| extension == "log")
                .then_some(path)
        });
    let month = month.unwrap();
    let mut bytes = std::fs::read(&month).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&month, bytes).unwrap();
    let altered = ask(data.path(), &["audit", "verify"]).unwrap_err();
    assert!(
        altered.contains("was altered") && altered.contains("line 1"),
        "{altered}"
    );
}

#[tokio::test]
async fn what_was_agreed_on_is_kept_to_and_what_cannot_be_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let ask = |words: &[&str]| ask(data.path(), words);
    assert!(
        ask(&["app", "add", "im", "--region", "cn-north"])
            .unwrap_err()
            .contains("settings region cn-north")
    );
    ask(&["settings", "region", "cn-north"]).unwrap();
    assert!(
        ask(&["app", "add", "im", "--region", "cn-south"])
            .unwrap_err()
            .contains("cn-north")
    );
    ask(&["app", "add", "im", "--region", "cn-north"]).unwrap();
    assert!(
        ask(&["settings", "region", "cn-south"])
            .unwrap_err()
            .contains("im may not be kept")
    );
    assert!(
        ask(&["settings", "retention", "--app", "im", "crash", "401"])
            .unwrap_err()
            .contains("1 to 400 days")
    );
    assert!(ask(&["settings", "retention", "--app", "nobody", "crash", "4"]).is_err());
    assert!(ask(&["settings", "retention", "--app", "im", "thoughts", "4"]).is_err());
    let shown = ask(&["settings", "retention", "--app", "im", "crash", "45"]).unwrap();
    assert!(
        shown.contains("\"crash\": 45") && shown.contains("cn-north"),
        "{shown}"
    );
    ask(&["settings", "holidays", "2026-10-01", "2026-10-02"]).unwrap();
    ask(&["settings", "holidays", "--worked", "2026-10-10"]).unwrap();
    assert!(ask(&["settings", "holidays", "soon"]).is_err());
    let shown = ask(&["settings", "show"]).unwrap();
    assert!(
        shown.contains("2026-10-02") && shown.contains("2026-10-10"),
        "{shown}"
    );
    let trail = ask(&["audit", "show"]).unwrap();
    assert_eq!(trail.matches("setting_changed").count(), 5, "{trail}");
    assert_eq!(trail.matches("app_added").count(), 1);
}

#[tokio::test]
async fn requests_of_people_are_opened_answered_and_refused() {
    let data = tempfile::tempdir().unwrap();
    let key = ask(data.path(), &["app", "add", "im"]).unwrap();
    let collector = start(data.path(), &[]);
    collector.post(&key, &pack(&[run(1), run(2)])).await;
    let who = pseudonym(1);
    let ask = |words: &[&str]| ask(data.path(), words);
    let open = |right: &str, more: &[&str]| {
        let words: Vec<&str> = ["request", "open", "--app", "im", "--right", right]
            .iter()
            .chain(more)
            .copied()
            .collect();
        ask(&words)
    };
    assert!(
        open("copy", &["--pseudonym", &who])
            .unwrap()
            .starts_with("request 1: due on ")
    );
    open(
        "delete",
        &[
            "--pseudonym",
            &who,
            "--role",
            "guardian",
            "--proof",
            "ticket-9",
        ],
    )
    .unwrap();
    open("correct", &[]).unwrap();
    open("delete", &[]).unwrap();
    assert!(
        open("gold", &[])
            .unwrap_err()
            .contains("access, copy, correct")
    );
    assert!(open("copy", &["--pseudonym", "wang fang"]).is_err());
    let copy = ask(&["request", "answer", "1"]).unwrap();
    assert!(copy.lines().count() == 1 && copy.contains(&who), "{copy}");
    let receipt = ask(&["request", "answer", "2"]).unwrap();
    assert_eq!(
        Receipt::verify(&receipt, None).unwrap().statement.reports,
        1
    );
    assert!(
        ask(&["request", "answer", "3"])
            .unwrap_err()
            .contains("--answer")
    );
    assert!(
        ask(&["request", "answer", "4"])
            .unwrap_err()
            .contains("which device")
    );
    ask(&[
        "request",
        "refuse",
        "3",
        "--reason",
        "it is as it was measured",
    ])
    .unwrap();
    assert!(ask(&["request", "refuse", "3", "--reason", "again"]).is_err());
    let list = ask(&["request", "list"]).unwrap();
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(
        list.contains("delete  guardian  answered") && list.contains("correct  person  refused"),
        "{list}"
    );
    assert!(!holds(data.path(), who.as_bytes()));
}

#[tokio::test]
async fn a_service_ends_with_a_signed_notice_and_a_receipt() {
    let data = tempfile::tempdir().unwrap();
    let key = ask(data.path(), &["app", "add", "im"]).unwrap();
    let collector = start(data.path(), &["--small-groups", "show"]);
    collector.post(&key, &pack(&[run(1)])).await;
    let said = ask(
        data.path(),
        &["sunset", "--app", "im", "--notice", "end-2027", "--erase"],
    )
    .unwrap();
    let mut parts = serde_json::Deserializer::from_str(&said).into_iter::<serde_json::Value>();
    let sunset: Sunset = serde_json::from_value(parts.next().unwrap().unwrap()).unwrap();
    let receipt = parts.next().unwrap().unwrap().to_string();
    let public = ask(data.path(), &["key"]).unwrap();
    assert!(sunset.verify(&public));
    assert_eq!(
        Receipt::verify(&receipt, Some(&public))
            .unwrap()
            .statement
            .reports,
        1
    );
    let answer = collector.post(&key, &pack(&[run(2)])).await;
    assert_eq!(answer.json()["sunset"]["notice"], "end-2027");
    let log = collector.stop();
    assert!(log.contains("few installations are in are shown"), "{log}");
    assert!(ask(data.path(), &["sunset", "--app", "nobody", "--notice", "x"]).is_err());
}

#[test]
fn a_partner_that_is_not_in_the_register_gets_nothing() {
    let data = tempfile::tempdir().unwrap();
    ask(data.path(), &["app", "add", "im"]).unwrap();
    let export = ["export", "--partner", "stats-lab", "--app", "im"];
    assert!(
        ask(data.path(), &export)
            .unwrap_err()
            .contains("no partner")
    );
    let add = [
        "partner",
        "add",
        "stats-lab",
        "--purpose",
        "statistics on stability",
    ];
    ask(data.path(), &add).unwrap();
    assert!(ask(data.path(), &add).is_err());
    let given: serde_json::Value =
        serde_json::from_str(&ask(data.path(), &export).unwrap()).unwrap();
    assert_eq!(
        (&given["partner"], &given["least"]),
        (&"stats-lab".into(), &50.into())
    );
    assert_eq!(given["cells"], serde_json::json!([]));
    assert!(
        ask(
            data.path(),
            &[
                "export",
                "--partner",
                "stats-lab",
                "--app",
                "im",
                "--week",
                "2999-01-01"
            ]
        )
        .is_err()
    );
}
