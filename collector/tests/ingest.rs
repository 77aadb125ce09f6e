//! What an agent and anybody else can send, and what becomes of it.

mod support;

use candor_collector::access::{IngestKey, KeyHash};
use candor_collector::ingest::Limits;
use candor_collector::store::{Span, Store};
use candor_protocol::limits;
use rusqlite::Connection;
use std::time::Duration;
use support::{Collector, app, crash, gzip, line, pack, pseudonym, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const ALWAYS: Span = Span {
    from: 0,
    to: u64::MAX,
    step: u64::MAX,
};
const BUILD: &str = "00112233445566778899aabbccddeeff00112233";

#[tokio::test]
async fn a_batch_is_stored_and_the_ledger_says_so() {
    let collector = Collector::start().await;
    let answer = collector
        .post_batch(&pack(&[run(1), run(2), crash(3, BUILD, 0x10)]))
        .await;
    assert_eq!(answer.accepted(), (3, 0));
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let ledger = collector.ledger().await;
    assert_eq!(
        ledger["app"],
        serde_json::Value::Null,
        "the ledger answers what was asked"
    );
    assert_eq!(
        (
            ledger["stored"]["run"].as_u64(),
            ledger["stored"]["crash"].as_u64()
        ),
        (Some(2), Some(1))
    );
    assert_eq!(
        ledger["last_batch"].as_u64(),
        Some(support::NOW - support::NOW % 60)
    );
}

#[tokio::test]
async fn what_was_stored_before_is_a_duplicate() {
    let collector = Collector::start().await;
    assert_eq!(
        collector
            .post_batch(&pack(&[run(1), run(2)]))
            .await
            .accepted(),
        (2, 0)
    );
    assert_eq!(
        collector
            .post_batch(&pack(&[run(1), run(2), run(3), run(3)]))
            .await
            .accepted(),
        (1, 3)
    );
    assert_eq!(collector.stored().await, 3);
    assert_eq!(collector.ledger().await["duplicates"], 3);
}

#[tokio::test]
async fn the_same_batch_sent_many_times_at_once_is_stored_once() {
    let collector = std::sync::Arc::new(Collector::start().await);
    let body = pack(&(0..20).map(run).collect::<Vec<_>>());
    let sending: Vec<_> = (0..16)
        .map(|_| {
            let (collector, body) = (collector.clone(), body.clone());
            tokio::spawn(async move { collector.post_batch(&body).await.accepted() })
        })
        .collect();
    let (mut stored, mut duplicates) = (0, 0);
    for answer in sending {
        let (new, old) = answer.await.unwrap();
        stored += new;
        duplicates += old;
    }
    assert_eq!((stored, duplicates), (20, 300));
    assert_eq!(collector.stored().await, 20);
}

#[tokio::test]
async fn an_empty_batch_is_accepted() {
    let collector = Collector::start().await;
    assert_eq!(collector.post_batch(&pack(&[])).await.accepted(), (0, 0));
}

#[tokio::test]
async fn without_a_key_that_is_known_nothing_is_taken() {
    let collector = Collector::start().await;
    let body = pack(&[run(1)]);
    for (header, word) in [
        ("", "missing_key"),
        ("Basic YTpi", "missing_key"),
        ("Bearer", "missing_key"),
        ("Bearer sesame", "unknown_key"),
        (&format!("Bearer candor_{}", "0".repeat(64)), "unknown_key"),
        (&format!("Bearer {} ", "candor_".repeat(100)), "unknown_key"),
    ] {
        for path in ["/v1/batches", "/v1/erasures"] {
            let answer = collector
                .post(path, &[("authorization", header)], &body)
                .await;
            assert_eq!(answer.refused(), (401, word.to_owned()), "{header} {path}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(collector.stored().await, 0);
}

#[tokio::test]
async fn everything_that_is_wrong_is_refused_by_name_and_stores_nothing() {
    let collector = Collector::start().await;
    let good = run(1);
    let secret = "wang.fang@example.org 13800138000";
    let too_many: Vec<_> = (0..=limits::BATCH_REPORTS as u32).map(run).collect();
    for (body, status, word, line, says) in [
        (Vec::new(), 400, "bad_gzip", None, "gzip"),
        (b"plain text".to_vec(), 400, "bad_gzip", None, "gzip"),
        (gzip(b""), 400, "bad_header", Some(1), "header"),
        (gzip(b"\xff\xfe"), 400, "not_text", None, "UTF-8"),
        (gzip(b"{}\n"), 400, "bad_header", Some(1), "candor"),
        (
            gzip(b"{\"candor\":9,\"catalogue\":1}\n"),
            400,
            "unknown_version",
            Some(1),
            "version 9",
        ),
        (
            gzip(b"{\"candor\":1,\"catalogue\":77}\n"),
            400,
            "unknown_catalogue",
            Some(1),
            "77",
        ),
        (
            gzip(format!("{{\"candor\":1,\"catalogue\":1,\"{secret}\":1}}\n").as_bytes()),
            400,
            "bad_header",
            Some(1),
            "unknown field",
        ),
        (pack(&too_many), 400, "too_many_reports", None, "100"),
        (
            gzip(&vec![b' '; limits::BATCH_BYTES + 1]),
            413,
            "too_large",
            None,
            "1048576",
        ),
        (
            vec![0; limits::BATCH_COMPRESSED_BYTES + 1],
            413,
            "too_large",
            None,
            "524288",
        ),
    ] {
        let answer = collector.post_batch(&body).await;
        assert_eq!(answer.refused(), (status, word.to_owned()), "{answer:?}");
        let refusal = answer.json();
        assert_eq!(refusal["line"].as_u64(), line, "{answer:?}");
        assert!(
            refusal["message"].as_str().unwrap().contains(says),
            "{answer:?} does not say {says}"
        );
        for part in ["wang", "fang", "13800138000"] {
            assert!(!answer.body.contains(part), "{answer:?}");
        }
    }
    assert_eq!(collector.stored().await, 0);
    let refused = collector.ledger().await["refused"].clone();
    // What may be whole when it comes again does not count as refused.
    assert_eq!(
        (refused["too_large"].as_u64(), refused["bad_gzip"].as_u64()),
        (Some(2), None)
    );
    // The good report of all those batches is still new.
    assert_eq!(
        collector.post_batch(&pack(&[good])).await.accepted(),
        (1, 0)
    );
}

#[tokio::test]
async fn a_bad_report_is_named_and_the_others_of_its_batch_are_stored() {
    let collector = Collector::start().await;
    let secret = "wang.fang@example.org 13800138000";
    let large = "x".repeat(limits::REPORT_BYTES + 1);
    let deep = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let long = "x".repeat(70_000);
    let bad = [
        ("{".to_owned(), "ends too early"),
        ("not JSON".to_owned(), "not JSON"),
        (
            run(2).replace("\"release\"", &format!("\"{secret}\":1,\"release\"")),
            "unknown field",
        ),
        (
            run(2).replace("\"run\":{}", &format!("\"{secret}\":{{}}")),
            "unknown variant",
        ),
        (
            run(2).replace("1699999200", "1699999201"),
            "finer than a minute",
        ),
        (
            run(2).replace("{}", &format!("{{\"exit\":\"{secret}\"}}")),
            "unknown variant",
        ),
        (
            line(2, 2, &format!("{{\"crash\":\"{secret}\"}}")),
            "invalid type",
        ),
        (
            crash(2, BUILD, 1).replace("\"module\":0", "\"module\":1"),
            "module",
        ),
        (large, "98304"),
        // As deep as a report may be long, where something is expected and where nothing is.
        (deep(40_000), "invalid type"),
        (
            run(2).replace("{}", &format!("{{\"exit\":{}}}", deep(40_000))),
            "",
        ),
        (
            run(2).replace("{}", &format!("{{\"deeper\":{}}}", deep(40_000))),
            "unknown field",
        ),
        (run(2).replace("linux", &long), "unknown variant"),
        (run(2).replace("{}", "{\"uptime_ms\":1e999}"), ""),
    ];
    for (number, (bad, says)) in bad.iter().enumerate() {
        let number = 10 + 2 * number as u32;
        let batch = pack(&[run(number), bad.clone(), run(number + 1)]);
        let answer = collector.post_batch(&batch).await;
        assert_eq!(answer.accepted(), (2, 0), "{answer:?}");
        let refused = answer.json()["refused"].clone();
        assert_eq!(refused.as_array().unwrap().len(), 1, "{answer:?}");
        let one = &refused[0];
        assert_eq!(
            (one["line"].as_u64(), one["error"].as_str()),
            (Some(3), Some("bad_report"))
        );
        assert!(
            one["message"].as_str().unwrap().contains(says),
            "{answer:?} does not say {says}"
        );
        for part in ["wang", "fang", "13800138000", "xxxx"] {
            assert!(!answer.body.contains(part), "{answer:?}");
        }
    }
    let many = bad.len() as u64;
    assert_eq!(collector.stored().await, 2 * many);
    assert_eq!(collector.ledger().await["refused"]["bad_report"], many);
    // Nothing but bad reports is answered in the same way.
    let answer = collector
        .post_batch(&pack(&[bad[0].0.clone(), bad[1].0.clone()]))
        .await;
    assert_eq!(answer.accepted(), (0, 0));
    assert_eq!(answer.json()["refused"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_batch_that_is_torn_off_anywhere_stores_nothing() {
    let collector = Collector::start().await;
    let whole = pack(&[run(1), run(2), run(3)]);
    for length in 0..whole.len() {
        let answer = collector.post_batch(&whole[..length]).await;
        assert_eq!(
            answer.refused(),
            (400, "bad_gzip".to_owned()),
            "{length} of {}",
            whole.len()
        );
    }
    assert_eq!(collector.stored().await, 0);
    assert_eq!(collector.post_batch(&whole).await.accepted(), (3, 0));
}

#[tokio::test]
async fn a_connection_that_breaks_off_stores_nothing() {
    let collector = Collector::start().await;
    let whole = pack(&[run(1)]);
    let mut connection = TcpStream::connect(collector.address).await.unwrap();
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
        collector.key,
        whole.len()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    connection
        .write_all(&whole[..whole.len() - 1])
        .await
        .unwrap();
    drop(connection);
    assert_eq!(
        collector.post_batch(&pack(&[run(2)])).await.accepted(),
        (1, 0)
    );
    assert_eq!(collector.stored().await, 1);
}

#[tokio::test]
async fn what_a_body_is_has_to_fit() {
    let collector = Collector::start().await;
    let body = pack(&[run(1)]);
    for (headers, status, word) in [
        (vec![("content-type", "text/html")], 415, "content_type"),
        (
            vec![("content-type", "application/json")],
            415,
            "content_type",
        ),
        (vec![("content-encoding", "br")], 415, "content_encoding"),
        (vec![("content-length", "")], 411, "length_required"),
    ] {
        let sent: &[u8] = if status == 411 { b"" } else { &body };
        let answer = collector.post("/v1/batches", &headers, sent).await;
        assert_eq!(answer.refused(), (status, word.to_owned()));
    }
    let erasure = collector
        .post("/v1/erasures", &[("content-type", "text/plain")], b"{}")
        .await;
    assert_eq!(erasure.refused(), (415, "content_type".to_owned()));
    for fitting in [
        "application/x-ndjson",
        "application/gzip",
        "Application/X-NDJSON; charset=utf-8",
    ] {
        let headers = [("content-type", fitting), ("content-encoding", "gzip")];
        assert_eq!(
            collector.post("/v1/batches", &headers, &body).await.status,
            200
        );
    }
}

#[tokio::test]
async fn a_body_in_chunks_is_counted_while_it_is_read() {
    let collector = Collector::start().await;
    let chunk = |body: &[u8]| {
        [
            format!("{:x}\r\n", body.len()).as_bytes(),
            body,
            b"\r\n0\r\n\r\n",
        ]
        .concat()
    };
    let headers = [("content-length", ""), ("transfer-encoding", "chunked")];
    let answer = collector
        .post("/v1/batches", &headers, &chunk(&pack(&[run(1)])))
        .await;
    assert_eq!(answer.accepted(), (1, 0));
    let large = vec![7; limits::BATCH_COMPRESSED_BYTES + 1];
    let answer = collector
        .post("/v1/batches", &headers, &chunk(&large))
        .await;
    assert_eq!(answer.refused(), (413, "too_large".to_owned()));
}

#[tokio::test]
async fn a_sender_of_far_too_much_still_hears_why() {
    let collector = Collector::start().await;
    let answer = collector.post_batch(&vec![1; 3 * 1024 * 1024]).await;
    assert_eq!(answer.refused(), (413, "too_large".to_owned()));
    let answer = collector
        .post(
            "/v1/batches",
            &[("authorization", "")],
            &vec![1; 3 * 1024 * 1024],
        )
        .await;
    assert_eq!(answer.refused(), (401, "missing_key".to_owned()));
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let limits = Limits {
        body: Duration::ZERO,
        ..Limits::default()
    };
    let collector = Collector::start_with(limits).await;
    let mut connection = TcpStream::connect(collector.address).await.unwrap();
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {}\r\ncontent-length: 9\r\n\r\n",
        collector.key
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(
        support::answer(&mut connection).await.refused(),
        (408, "slow_body".to_owned())
    );
}

#[tokio::test]
async fn an_erasure_erases_and_late_batches_are_refused() {
    let collector = Collector::start().await;
    let reports = [run(1), line(2, 1, "{\"run\":{}}"), run(3)];
    assert_eq!(
        collector.post_batch(&pack(&reports)).await.accepted(),
        (3, 0)
    );
    let (first, unknown) = (pseudonym(1), pseudonym(77));
    assert_eq!(
        collector.erase(&[&first, &unknown]).await.json()["reports"],
        2
    );
    assert_eq!(collector.erase(&[&first]).await.json()["reports"], 0);

    let late = collector
        .post_batch(&pack(&[run(4), line(5, 1, "{\"run\":{}}")]))
        .await;
    assert_eq!(late.refused(), (422, "erased".to_owned()));
    assert_eq!(late.json()["line"], 3);
    assert!(!late.body.contains(&first));
    let ledger = collector.ledger().await;
    assert_eq!(
        (
            ledger["erased"].as_u64(),
            ledger["refused"]["erased"].as_u64()
        ),
        (Some(2), Some(2))
    );
    assert_eq!(
        collector.post_batch(&pack(&[run(4)])).await.accepted(),
        (1, 0)
    );
    assert!(!support::holds(collector.data.path(), first.as_bytes()));
}

#[tokio::test]
async fn an_erasure_that_cannot_be_read_erases_nothing() {
    let collector = Collector::start().await;
    collector.post_batch(&pack(&[run(1)])).await;
    let many: Vec<_> = (0..=limits::ERASURE_PSEUDONYMS as u32)
        .map(pseudonym)
        .collect();
    for body in [
        "".to_owned(),
        "{}".to_owned(),
        "{\"pseudonyms\":[\"wang fang\"]}".to_owned(),
        format!("{{\"pseudonyms\":[\"{}\"],\"reason\":\"\"}}", pseudonym(1)),
        serde_json::json!({ "pseudonyms": many }).to_string(),
    ] {
        let answer = collector.post("/v1/erasures", &[], body.as_bytes()).await;
        assert_eq!(answer.refused(), (400, "bad_erasure".to_owned()), "{body}");
        assert!(!answer.body.contains("wang"));
    }
    assert_eq!(
        collector.store.health(&app(), ALWAYS).await.unwrap().runs,
        1
    );
}

/// Keeps the database from being written, as another process would.
fn lock(collector: &Collector) -> Connection {
    let other = Connection::open(collector.data.path().join("candor.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// Sends a batch beside what the story does.
fn send(collector: &Collector, body: Vec<u8>) -> tokio::task::JoinHandle<support::Answer> {
    send_with(collector, &collector.key, body)
}

/// The same with another key.
fn send_with(
    collector: &Collector,
    key: &str,
    body: Vec<u8>,
) -> tokio::task::JoinHandle<support::Answer> {
    let (address, key) = (collector.address, key.to_owned());
    tokio::spawn(async move {
        let (key, length) = (format!("Bearer {key}"), body.len().to_string());
        let headers = [
            ("authorization", key.as_str()),
            ("content-length", length.as_str()),
        ];
        support::request(address, "POST", "/v1/batches", &headers, &body).await
    })
}

#[tokio::test]
async fn when_all_places_are_taken_the_next_one_is_told_when_to_come_again() {
    let collector = Collector::start_with(Limits {
        working: 1,
        ..Limits::default()
    })
    .await;
    let other = lock(&collector);
    let (mut a, mut b) = (
        send(&collector, pack(&[run(1)])),
        send(&collector, pack(&[run(2)])),
    );
    // Whichever comes second is refused at once, while the other one waits for the database.
    let (refused, waiting) = tokio::select! {
        answer = &mut a => (answer.unwrap(), b),
        answer = &mut b => (answer.unwrap(), a),
    };
    assert_eq!(refused.refused(), (503, "busy".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("2"));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(waiting.await.unwrap().accepted(), (1, 0));
    assert_eq!(collector.stored().await, 1);
}

#[tokio::test]
async fn a_stop_finishes_what_was_accepted_and_takes_nothing_new() {
    let mut collector = Collector::start().await;
    let mut accepted = Vec::new();
    for number in 0..5 {
        let body = pack(&[run(number)]);
        let mut connection = TcpStream::connect(collector.address).await.unwrap();
        let head = format!(
            "POST /v1/batches HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n\
             authorization: Bearer {}\r\ncontent-length: {}\r\n\r\n",
            collector.key,
            body.len()
        );
        connection.write_all(head.as_bytes()).await.unwrap();
        // That it asks for the body shows that it has taken the request.
        let mut asked = [0; 25];
        connection.read_exact(&mut asked).await.unwrap();
        assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
        accepted.push((connection, body));
    }
    collector.stop();
    for (mut connection, body) in accepted {
        connection.write_all(&body).await.unwrap();
        assert_eq!(support::answer(&mut connection).await.accepted(), (1, 0));
    }
    let (address, data) = (collector.address, collector.stopped().await);
    assert!(TcpStream::connect(address).await.is_err());
    let store = candor_collector::store::sqlite::SqliteStore::open(data.path()).unwrap();
    assert_eq!(
        store
            .ledger(&app())
            .await
            .unwrap()
            .stored
            .values()
            .sum::<u64>(),
        5
    );
}

#[tokio::test]
async fn the_address_of_a_sender_is_in_no_file() {
    let collector = Collector::start().await;
    collector.post_batch(&pack(&[run(1)])).await;
    collector.post_batch(b"wrong").await;
    collector.erase(&[&pseudonym(1)]).await;
    assert!(!support::holds(collector.data.path(), b"127.0.0.1"));
}

#[tokio::test]
async fn programs_can_ask_for_health_and_the_ledger() {
    let collector = Collector::start().await;
    assert_eq!(collector.get("/healthz").await.status, 200);
    assert_eq!(
        collector.get("/api/v1/ledger?app=nobody").await.refused(),
        (404, "unknown_app".to_owned())
    );
    assert_eq!(
        collector
            .get("/api/v1/ledger?app=Not%20A%20Name")
            .await
            .status,
        404
    );
    assert_eq!(collector.get("/api/v1/ledger").await.status, 400);
    assert_eq!(collector.get("/v1/batches").await.status, 405);
}

#[tokio::test]
async fn a_field_that_the_batch_s_catalogue_does_not_have_is_refused_by_name() {
    let collector = Collector::start().await;
    let newer = crash(2, BUILD, 0x10).replace(
        "\"fatal\"",
        "\"crumbs\":[{\"name\":\"opened\",\"before_ms\":5}],\"fatal\"",
    );
    let lines = [run(1), newer, crash(3, BUILD, 0x20)];
    for (catalogue, stored, refused) in [(1, 2, 1), (2, 1, 0)] {
        let batch = format!(
            "{{\"candor\":1,\"catalogue\":{catalogue}}}\n{}\n",
            lines.join("\n")
        );
        let answer = collector.post_batch(&gzip(batch.as_bytes())).await;
        assert_eq!(answer.accepted().0, stored, "{}", answer.body);
        let accepted: candor_protocol::answer::Accepted =
            serde_json::from_str(&answer.body).unwrap();
        assert_eq!(accepted.quarantined.len(), refused, "{}", answer.body);
        for one in accepted.quarantined {
            assert_eq!(
                (one.line, one.field.as_str(), one.reason.as_str()),
                (3, "what.crash.crumbs[].name", "not_in_catalogue")
            );
        }
    }
    // The first time it was counted, not kept; the second time, in a batch that declares it, it was kept.
    assert_eq!(collector.stored().await, 3);
    assert_eq!(collector.ledger().await["refused"]["quarantined"], 1);
}

// ---- Keys

#[tokio::test]
async fn a_key_that_is_ended_is_not_taken_any_more_and_the_other_one_is() {
    let collector = Collector::start().await;
    let old = KeyHash::of_presented(&collector.key).unwrap();
    let new = IngestKey::generate();
    collector
        .store
        .add_key(&app(), new.hash(), support::NOW)
        .await
        .unwrap();
    let body = |number| pack(&[run(number)]);
    assert_eq!(collector.post_batch(&body(1)).await.accepted(), (1, 0));
    assert_eq!(
        collector.post_with(new.reveal(), &body(2)).await.accepted(),
        (1, 0)
    );
    // An overlap of an hour.
    let ends = support::NOW + 3_600;
    collector
        .store
        .end_key(&app(), old.id(), ends)
        .await
        .unwrap();
    collector.pass(3_599);
    assert_eq!(collector.post_batch(&body(3)).await.accepted(), (1, 0));
    collector.pass(1);
    let refused = collector.post_batch(&body(4)).await;
    assert_eq!(refused.refused(), (401, "ended_key".to_owned()));
    assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
    assert_eq!(
        collector.post_with(new.reveal(), &body(5)).await.accepted(),
        (1, 0)
    );
    // A key that is revoked while it is being used.
    collector
        .store
        .end_key(&app(), new.hash().id(), 0)
        .await
        .unwrap();
    collector.pass(1);
    assert_eq!(
        collector.post_with(new.reveal(), &body(6)).await.refused(),
        (401, "ended_key".to_owned())
    );
    assert_eq!(collector.stored().await, 4);
}

#[tokio::test]
async fn whoever_guesses_keys_is_sent_away_and_keeps_nobody_else_from_sending() {
    let collector = Collector::start().await;
    assert_eq!(
        collector.post_batch(&pack(&[run(1)])).await.accepted(),
        (1, 0)
    );
    let mut sent_away = 0;
    for guess in 0..200 {
        let key = format!("candor_{guess:064x}");
        match collector.post_with(&key, b"x").await.refused() {
            (401, word) if word == "unknown_key" => {}
            (503, word) if word == "busy" => sent_away += 1,
            other => panic!("{other:?}"),
        }
        assert_eq!(collector.post_batch(&pack(&[])).await.status, 200);
    }
    assert_eq!(sent_away, 200 - 64);
    // A key that is added meanwhile is known in the next second.
    let key = collector.add("other").await;
    collector.pass(1);
    assert_eq!(
        collector.post_with(&key, &pack(&[run(2)])).await.accepted(),
        (1, 0)
    );
}

// ---- Bounds

#[tokio::test]
async fn a_body_that_swells_when_it_is_unpacked_costs_no_more_than_any_other() {
    let collector = Collector::start().await;
    let zeros = |bytes: usize| gzip(&vec![0; bytes]);
    // A thousand to one; as one stream, and as many streams behind each other.
    let bomb = zeros(256 << 20);
    assert!(bomb.len() < limits::BATCH_COMPRESSED_BYTES);
    let many = zeros(1 << 20).repeat(300);
    for body in [bomb, many, gzip(&gzip(&vec![b'\n'; 64 << 20]))] {
        let answer = collector.post_batch(&body).await;
        assert!(matches!(answer.status, 400 | 413), "{answer:?}");
    }
    // Nothing but ends of lines, as many as fit.
    let mut lines = b"{\"candor\":1,\"catalogue\":1}\n".to_vec();
    lines.resize(limits::BATCH_BYTES, b'\n');
    assert_eq!(collector.post_batch(&gzip(&lines)).await.accepted(), (0, 0));
    assert_eq!(collector.stored().await, 0);
}

/// What the collector says to these bytes, as they are.
async fn say(collector: &Collector, bytes: &[u8]) -> String {
    let mut connection = TcpStream::connect(collector.address).await.unwrap();
    let _ = connection.write_all(bytes).await;
    let _ = connection.shutdown().await;
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn heads_that_are_too_large_or_make_no_sense_are_refused_by_their_status() {
    let collector = Collector::start().await;
    let with = |header: &str| format!("POST /v1/batches HTTP/1.1\r\nhost: x\r\n{header}\r\n\r\n");
    let headers: String = (0..200)
        .map(|number| format!("x-{number}: 1\r\n"))
        .collect();
    for (head, status) in [
        (with(&format!("x-long: {}", "x".repeat(64 << 10))), "431"),
        (with(headers.trim_end()), "431"),
        (
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000)),
            "4",
        ),
        ("nonsense\r\n\r\n".to_owned(), "400"),
        (with("content-length: -1"), "400"),
        (with("content-length: 5\r\ncontent-length: 6"), "400"),
        (with("content-length: 99999999999999999999"), "400"),
        ("POST /v1/batches HTTP/9.9\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = say(&collector, head.as_bytes()).await;
        let shown = &head[..head.len().min(60)];
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{shown:?}: {answer:?}"
        );
    }
    assert_eq!(
        collector.post_batch(&pack(&[run(1)])).await.accepted(),
        (1, 0)
    );
}

#[tokio::test]
async fn a_head_that_trickles_in_is_given_up() {
    let limits = Limits {
        head: Duration::from_millis(50),
        ..Limits::default()
    };
    let collector = Collector::start_with(limits).await;
    let mut connection = TcpStream::connect(collector.address).await.unwrap();
    connection
        .write_all(b"POST /v1/batches HTTP/1.1\r\nhost: x\r\n")
        .await
        .unwrap();
    // Ends, since the other side ends it; nothing was answered as there was no request.
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
}

#[tokio::test]
async fn one_connection_too_many_is_told_so_and_costs_no_place() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let collector = Collector::start_with(limits).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut connection = TcpStream::connect(collector.address).await.unwrap();
        let get = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
        connection.write_all(get).await.unwrap();
        // That it is answered shows that it has been taken.
        let mut begins = [0; 15];
        connection.read_exact(&mut begins).await.unwrap();
        assert_eq!(&begins, b"HTTP/1.1 200 OK");
        held.push(connection);
    }
    for _ in 0..3 {
        let refused = collector.post_batch(&pack(&[run(1)])).await;
        assert_eq!(refused.refused(), (503, "busy".to_owned()));
        assert_eq!(refused.header("retry-after"), Some("2"));
    }
    drop(held);
    // A place is free as soon as the end of a connection was seen.
    loop {
        let answer = collector.post_batch(&pack(&[run(1)])).await;
        if answer.status == 200 {
            break;
        }
    }
}

mod anything {
    //! Whatever is sent, it is answered, and what was good before and after is kept.

    use super::*;
    use proptest::prelude::*;
    use std::sync::OnceLock;
    use tokio::runtime::Runtime;

    fn collector() -> (&'static Runtime, &'static Collector) {
        static SHARED: OnceLock<(Runtime, Collector)> = OnceLock::new();
        let (runtime, collector) = SHARED.get_or_init(|| {
            let runtime = Runtime::new().unwrap();
            let collector = runtime.block_on(Collector::start());
            (runtime, collector)
        });
        (runtime, collector)
    }

    /// A batch that was good, and then was changed somewhere: in its text, or in what is sent.
    fn damaged() -> impl Strategy<Value = Vec<u8>> {
        let edit = (any::<prop::sample::Index>(), any::<u8>(), 0usize..3);
        let edits = prop::collection::vec(edit, 1..6);
        (edits, any::<bool>(), 0u32..1_000).prop_map(|(edits, packed, number)| {
            let mut text = b"{\"candor\":1,\"catalogue\":1}\n".to_vec();
            text.extend(crash(number, BUILD, 16).bytes());
            text.push(b'\n');
            text.extend(run(number + 5_000).bytes());
            let change = |mut bytes: Vec<u8>| {
                for (at, byte, how) in &edits {
                    let at = at.index(bytes.len().max(1)).min(bytes.len());
                    match how {
                        0 if at < bytes.len() => bytes[at] = *byte,
                        1 => bytes.insert(at, *byte),
                        _ => drop(bytes.drain(at..(at + 3).min(bytes.len()))),
                    }
                }
                bytes
            };
            if packed {
                change(gzip(&text))
            } else {
                gzip(&change(text))
            }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn is_answered_with_a_reason(body in prop_oneof![damaged(), prop::collection::vec(any::<u8>(), 0..500)]) {
            let (runtime, collector) = collector();
            let answer = runtime.block_on(collector.post_batch(&body));
            prop_assert!(matches!(answer.status, 200 | 400 | 413 | 422), "{:?}", answer);
            if answer.status == 200 {
                answer.accepted();
            } else {
                prop_assert!(answer.json()["message"].as_str().is_some_and(|why| why.len() > 10));
            }
        }

        #[test]
        fn that_is_no_http_ends_and_harms_nobody(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let (runtime, collector) = collector();
            runtime.block_on(say(collector, &bytes));
            prop_assert_eq!(runtime.block_on(collector.get("/healthz")).status, 200);
        }
    }
}

// ---- Fairness, quota, and the account of it

#[tokio::test]
async fn an_app_that_fills_the_collector_leaves_room_for_another_one() {
    let limits = Limits {
        working: 8,
        ..Limits::default()
    };
    let collector = Collector::start_with(limits).await;
    let quiet = collector.add("quiet").await;
    let other = lock(&collector);
    // More than there is place for; those that find none are answered at once, the others wait for the database.
    let mut noisy: Vec<_> = (0..20)
        .map(|number| send(&collector, pack(&[run(number)])))
        .collect();
    let mut busy = 0;
    while busy < 16 {
        let (answer, index, _) = futures_first(&mut noisy).await;
        noisy.swap_remove(index);
        assert_eq!(answer.refused(), (503, "busy".to_owned()));
        assert_eq!(answer.header("retry-after"), Some("2"));
        busy += 1;
    }
    // Four of eight places: the other app finds one.
    let sent = send_with(&collector, &quiet, pack(&[run(100)]));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(sent.await.unwrap().accepted(), (1, 0));
    for waiting in noisy {
        assert_eq!(waiting.await.unwrap().accepted(), (1, 0));
    }
}

/// The first of these to end: its answer and its place.
async fn futures_first(
    tasks: &mut [tokio::task::JoinHandle<support::Answer>],
) -> (support::Answer, usize, ()) {
    std::future::poll_fn(|context| {
        for (index, task) in tasks.iter_mut().enumerate() {
            if let std::task::Poll::Ready(answer) = std::pin::Pin::new(task).poll(context) {
                return std::task::Poll::Ready((answer.unwrap(), index, ()));
            }
        }
        std::task::Poll::Pending
    })
    .await
}

#[tokio::test]
async fn an_app_that_has_sent_its_share_of_the_day_is_told_when_the_next_one_begins() {
    let limits = Limits {
        daily_reports: Some(5),
        ..Limits::default()
    };
    let collector = Collector::start_with(limits).await;
    let runs = |first: u32, many: u32| pack(&(first..first + many).map(run).collect::<Vec<_>>());
    assert_eq!(collector.post_batch(&runs(0, 3)).await.accepted(), (3, 0));
    // Not a part of a batch: it would have to be told which.
    let refused = collector.post_batch(&runs(10, 3)).await;
    assert_eq!(refused.refused(), (429, "over_quota".to_owned()));
    assert_eq!(collector.post_batch(&runs(10, 2)).await.accepted(), (2, 0));
    let refused = collector.post_batch(b"is not even looked at").await;
    assert_eq!(refused.refused(), (429, "over_quota".to_owned()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    let tomorrow = 86_400 - support::NOW % 86_400;
    assert!((tomorrow..=tomorrow + 900).contains(&wait), "{wait}");
    // Another app has a share of its own.
    let other = collector.add("other").await;
    assert_eq!(
        collector.post_with(&other, &runs(0, 5)).await.accepted(),
        (5, 0)
    );
    collector.pass(tomorrow);
    assert_eq!(collector.post_batch(&runs(20, 5)).await.accepted(), (5, 0));
    assert_eq!(collector.post_batch(&runs(30, 1)).await.status, 429);
}

#[tokio::test]
async fn received_is_stored_and_duplicate_and_refused_and_limited_for_every_key_and_day() {
    let limits = Limits {
        daily_reports: Some(12),
        ..Limits::default()
    };
    let mut collector = Collector::start_with(limits).await;
    let second = IngestKey::generate();
    collector
        .store
        .add_key(&app(), second.hash(), 0)
        .await
        .unwrap();
    let first = KeyHash::of_presented(&collector.key).unwrap().id();
    // (key, reports in the batch, body): what is sent is counted here, by whoever sends it.
    let batches: [(bool, u64, Vec<u8>); 7] = [
        (true, 3, pack(&[run(1), run(2), run(3)])),
        (false, 3, pack(&[run(3), run(4), "bad".to_owned()])),
        (true, 2, pack(&[run(1), run(1)])),
        (false, 1, gzip(b"no header")),
        (false, 1, vec![0; limits::BATCH_COMPRESSED_BYTES + 1]),
        (true, 5, pack(&(10..15).map(run).collect::<Vec<_>>())),
        (true, 1, pack(&[run(4)])),
    ];
    let mut sent = std::collections::BTreeMap::new();
    for day in 0..2u64 {
        for (by_first, reports, body) in &batches {
            let key = if *by_first {
                collector.key.as_str()
            } else {
                second.reveal()
            };
            collector.post_with(key, body).await;
            let id = if *by_first { first } else { second.hash().id() };
            *sent.entry((day, id)).or_insert(0) += reports;
        }
        collector.pass(86_400);
    }
    collector.stop();
    let store = collector.store.clone();
    let _data = collector.stopped().await;
    let intake = store.intake(&app(), 0, u64::MAX).await.unwrap();
    let midnight = support::NOW - support::NOW % 86_400;
    let received: std::collections::BTreeMap<_, _> = intake
        .iter()
        .map(|row| {
            (
                ((row.day - midnight) / 86_400, row.key.unwrap()),
                row.received(),
            )
        })
        .collect();
    assert_eq!(received, sent);
    let ledger = store.ledger(&app()).await.unwrap();
    assert_eq!(ledger.limited["over_quota"], 10, "{ledger:?}");
    assert_eq!(ledger.stored.values().sum::<u64>(), 4, "{ledger:?}");
    assert_eq!(ledger.refused["bad_report"], 2, "{ledger:?}");
}

// ---- What agents are asked for

#[tokio::test]
async fn an_agent_is_asked_for_less_by_its_release_and_only_when_that_changed() {
    use candor_collector::privacy::Office;
    use candor_collector::privacy::narrowing::Less;
    use candor_protocol::answer::{Accepted, Narrowing};
    use candor_protocol::report::Kind;
    let collector = Collector::start().await;
    let office = Office::open(collector.data.path()).unwrap();
    let ask = |kinds_off: Vec<Kind>| {
        let less = Less {
            from: Some("1.2".parse().unwrap()),
            narrowing: Narrowing {
                kinds_off,
                ..Narrowing::default()
            },
            ..Less::default()
        };
        let change = office.change_settings("test", support::NOW, None, "less".to_owned(), |all| {
            all.ask(&app(), less);
            Ok(())
        });
        change.unwrap();
    };
    let told = async |report: String, known: &str| -> Accepted {
        let headers = [("if-none-match", known)];
        let answer = collector
            .post("/v1/batches", &headers, &pack(&[report]))
            .await;
        serde_json::from_str(&answer.body).unwrap()
    };
    let first = told(run(1), "").await;
    assert_eq!((first.narrowing, first.narrowing_unchanged), (None, false));
    ask(vec![Kind::Freeze]);
    let asked = told(run(2), "").await.narrowing.unwrap();
    assert_eq!(asked.kinds_off, [Kind::Freeze]);
    let tag = format!("\"{}\"", asked.tag());
    let again = told(run(3), &tag).await;
    assert_eq!((again.narrowing, again.narrowing_unchanged), (None, true));
    // Of a release that the range does not hold.
    let earlier = told(run(4).replace("1.2.3", "1.1.9"), &tag).await;
    assert_eq!(
        (earlier.narrowing, earlier.narrowing_unchanged),
        (None, false)
    );
    ask(vec![Kind::Freeze, Kind::Run]);
    assert_eq!(
        told(run(5), &tag).await.narrowing.unwrap().kinds_off.len(),
        2
    );
    ask(vec![]);
    let back = told(run(6), &tag).await;
    assert_eq!((back.narrowing, back.narrowing_unchanged), (None, false));
}

// ---- Its own health

#[tokio::test]
async fn it_says_whether_it_serves_and_whether_it_can_keep_what_comes() {
    let collector = Collector::start().await;
    assert_eq!(collector.get("/healthz").await.body, "ok\n");
    assert_eq!(collector.get("/readyz").await.body, "ready\n");
    collector.store.stop().await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert_eq!(collector.get("/healthz").await.status, 200);
    let unready = collector.get("/readyz").await;
    assert_eq!(unready.status, 503);
    assert!(unready.body.contains("stopped"), "{unready:?}");
}

#[tokio::test]
async fn its_figures_count_what_became_of_everything_and_name_nobody() {
    let collector = Collector::start().await;
    collector
        .post_batch(&pack(&[run(1), run(2), "bad".to_owned()]))
        .await;
    collector.post_batch(&pack(&[run(1)])).await;
    collector.post_batch(b"no gzip").await;
    collector.post_with("candor_guess", b"").await;
    collector.erase(&[&pseudonym(1)]).await;
    let answer = collector.get("/metrics").await;
    let kind = answer.header("content-type").unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let now = support::NOW;
    for line in [
        "candor_reports_total{outcome=\"stored\",reason=\"\"} 2",
        "candor_reports_total{outcome=\"duplicate\",reason=\"\"} 1",
        "candor_reports_total{outcome=\"refused\",reason=\"bad_report\"} 1",
        "candor_requests_total{request=\"batches\",answer=\"accepted\"} 2",
        "candor_requests_total{request=\"batches\",answer=\"bad_gzip\"} 1",
        "candor_requests_total{request=\"batches\",answer=\"unknown_key\"} 1",
        "candor_requests_total{request=\"erasures\",answer=\"erased\"} 1",
        "candor_commit_seconds_count 2",
        "candor_acknowledge_seconds_count 2",
        &format!("candor_last_stored_timestamp_seconds {now}"),
        "candor_places{stage=\"Working\"} 0",
        "candor_connections 1",
        "candor_ready 1",
        "# EOF",
    ] {
        assert!(
            answer.body.lines().any(|said| said == line),
            "{line} is not in {}",
            answer.body
        );
    }
    for quiet in [
        "127.0.0.1",
        &pseudonym(1),
        &collector.key,
        "\"im\"",
        "1.2.3",
    ] {
        assert!(
            !answer.body.contains(quiet),
            "{quiet} is in {}",
            answer.body
        );
    }
}
