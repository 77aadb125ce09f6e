//! What an agent and anybody else can send, and what becomes of it.

mod support;

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
    let header = "{\"candor\":1,\"catalogue\":1}\n";
    let good = run(1);
    let batch = |second: &str| gzip(format!("{header}{good}\n{second}\n").as_bytes());
    let secret = "wang.fang@example.org 13800138000";
    let large = "x".repeat(limits::REPORT_BYTES + 1);
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
        (batch("{"), 400, "bad_report", Some(3), "ends too early"),
        (batch("not JSON"), 400, "bad_report", Some(3), "not JSON"),
        (
            batch(&run(2).replace("\"release\"", &format!("\"{secret}\":1,\"release\""))),
            400,
            "bad_report",
            Some(3),
            "unknown field",
        ),
        (
            batch(&run(2).replace("\"run\":{}", &format!("\"{secret}\":{{}}"))),
            400,
            "bad_report",
            Some(3),
            "unknown variant",
        ),
        (
            batch(&run(2).replace("1699999200", "1699999201")),
            400,
            "bad_report",
            Some(3),
            "finer than a minute",
        ),
        (
            batch(&run(2).replace("{}", &format!("{{\"exit\":\"{secret}\"}}"))),
            400,
            "bad_report",
            Some(3),
            "unknown variant",
        ),
        (
            batch(&line(2, 2, &format!("{{\"crash\":\"{secret}\"}}"))),
            400,
            "bad_report",
            Some(3),
            "invalid type",
        ),
        (
            batch(&crash(2, BUILD, 1).replace("\"module\":0", "\"module\":1")),
            400,
            "bad_report",
            Some(3),
            "module",
        ),
        (batch(&large), 400, "bad_report", Some(3), "98304"),
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
    // Nine batches of two reports each; what may be whole when it comes again does not count as refused.
    assert_eq!(refused["bad_report"], 18);
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
    let (address, key) = (collector.address, collector.key.clone());
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
