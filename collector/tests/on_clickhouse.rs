//! The program itself on a ClickHouse: several collectors, and a cluster of which a part goes away.

#[path = "clickhouse/mod.rs"]
mod clickhouse;
mod support;

use candor_collector::access::IngestKey;
use candor_collector::store::sqlite::SqliteStore;
use candor_collector::store::{Incoming, Store};
use candor_protocol::report::Report;
use clickhouse::cluster::Cluster;
use clickhouse::{NEW, OLD, required};
use std::io::BufReader;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use support::process::{SERVE, listens_at};
use support::{Answer, NOW, app, crash, holds, pack, post, pseudonym, request, run};
use tempfile::TempDir;

/// What is not so by then will not be.
const PATIENCE: Duration = Duration::from_secs(120);

/// Where collectors on one ClickHouse keep what is not in it, and the key of an app.
struct Desk {
    data: TempDir,
    key: String,
}

impl Desk {
    fn with_app(store: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let added = program(&["app", "add", "im"], store, data.path())
            .output()
            .unwrap();
        assert!(added.status.success(), "{added:?}");
        let key = String::from_utf8(added.stdout).unwrap().trim().to_owned();
        Self { data, key }
    }

    fn collector(&self, store: &str) -> Collector {
        Collector::start(store, self)
    }
}

fn program(command: &[&str], store: &str, data: &Path) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_candor-collector"));
    program
        .args(command)
        .args(["--store", store, "--data"])
        .arg(data)
        .env("RUST_LOG", "warn")
        .env_remove("CANDOR_REQUIRE")
        .env_remove("CANDOR_PYTHON");
    program
}

/// A collector in a process of its own, killed with this value.
struct Collector {
    child: Child,
    address: SocketAddr,
    key: String,
}

impl Collector {
    fn start(store: &str, desk: &Desk) -> Self {
        let mut child = program(&SERVE, store, desk.data.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            address: listens_at(&mut BufReader::new(child.stdout.take().unwrap())),
            child,
            key: desk.key.clone(),
        }
    }

    async fn post(&self, numbers: impl IntoIterator<Item = u32>) -> Answer {
        let lines: Vec<String> = numbers.into_iter().map(run).collect();
        post(self.address, &self.key, &pack(&lines)).await
    }

    /// As an agent does: sends a batch until it is accepted. Returns how many reports were said to be new: where two collectors
    /// are sent the same at the same time, or a server is a moment behind, both say so, and the numbers know better.
    async fn deliver(&self, numbers: std::ops::Range<u32>) -> u64 {
        let since = Instant::now();
        loop {
            let answer = self.post(numbers.clone()).await;
            match answer.status {
                200 => return answer.accepted().0,
                503 if since.elapsed() < PATIENCE => {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                _ => panic!("{answer:?}"),
            }
        }
    }

    async fn ledger(&self) -> serde_json::Value {
        request(self.address, "GET", "/api/v1/ledger?app=im", &[], b"")
            .await
            .json()
    }

    async fn stored(&self) -> u64 {
        self.ledger().await["stored"]["run"]
            .as_u64()
            .unwrap_or_default()
    }

    /// Waits until that many are counted, and no more.
    async fn counts(&self, reports: u64) {
        let since = Instant::now();
        while self.stored().await != reports {
            assert!(
                since.elapsed() < PATIENCE,
                "{reports} are expected: {}",
                self.ledger().await
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn alerts_are_found_on_either_clickhouse() {
    for age in [&OLD, &NEW] {
        let Some(server) = required(age) else {
            continue;
        };
        let store = server.address();
        let desk = Desk::with_app(&store);
        let collector = desk.collector(&store);
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let hour = now.expect("a time after 1970").as_secs() / 3_600 * 3_600;
        let weeks_ago = hour - 28 * 86_400;
        let at = |number: u32, at: u64| {
            let line = crash(number, "4e1d9b0a7c3f5e6d8b2a1c0f9e8d7c6b5a4f3e2d", 0x1000);
            line.replace("1699999200", &at.to_string())
        };
        let lines = (0..4).map(|week| at(week, weeks_ago + u64::from(week) * 7 * 86_400));
        let lines: Vec<String> = lines
            .chain((10..50).map(|number| at(number, hour)))
            .collect();
        let answer = post(collector.address, &desk.key, &pack(&lines)).await;
        assert_eq!(answer.accepted().0, 44);
        let since = Instant::now();
        let told = loop {
            let path = "/api/v1/alerts?app=im";
            let answer = request(collector.address, "GET", path, &[], b"").await;
            let told = answer.json().as_array().cloned().unwrap_or_default();
            if !told.is_empty() {
                break told;
            }
            assert!(since.elapsed() < PATIENCE, "nothing is told");
            tokio::time::sleep(Duration::from_millis(200)).await;
        };
        let rules: Vec<_> = told.iter().map(|alert| &alert["rule"]).collect();
        assert_eq!(rules, ["spike", "spike"], "{told:?}");
        let counts: Vec<_> = told
            .iter()
            .map(|alert| &alert["reports"]["exactly"])
            .collect();
        assert_eq!(counts, [40, 40]);
    }
}

#[tokio::test]
async fn collectors_share_a_clickhouse_and_may_be_killed_at_any_moment() {
    let Some(server) = required(&OLD) else { return };
    let store = server.address();
    let desk = Desk::with_app(&store);
    let other = desk.collector(&store);
    for round in 0..4 {
        let collector = desk.collector(&store);
        let from = round * 20;
        // Both are sent the same, at the same time.
        let (a, b) = tokio::join!(
            collector.deliver(from..from + 20),
            other.deliver(from..from + 20)
        );
        assert!(a + b >= 20);
        // Killed by `drop`, without a chance to say or write anything.
    }
    let next = desk.collector(&store);
    assert_eq!(next.stored().await, 80);
    assert_eq!(other.stored().await, 80);
    assert_eq!(next.ledger().await["duplicates"], 80);
    let page = request(next.address, "GET", "/?app=im", &[], b"").await;
    assert_eq!(page.status, 200);
    assert!(
        !holds(desk.data.path(), pseudonym(7).as_bytes()),
        "no report is kept beside the ClickHouse"
    );
}

#[tokio::test]
async fn a_move_that_is_killed_again_and_again_moves_everything_once() {
    const REPORTS: u32 = 16_000;
    let Some(server) = required(&OLD) else { return };
    let data = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(data.path()).unwrap();
    let key = IngestKey::generate();
    store.add_app(&app(), key.hash()).await.unwrap();
    for first in (0..REPORTS).step_by(1_000) {
        let numbers = first..first + 1_000;
        let reports = numbers.map(|number| {
            let json = run(number);
            Incoming::new(2, Report::from_json(&json).unwrap(), &json, None)
        });
        store.keep(&app(), reports.collect(), NOW).await.unwrap();
    }
    let to = server.address();
    let moving = || {
        let mut program = Command::new(env!("CARGO_BIN_EXE_candor-collector"));
        program.args(["migrate", "--to", &to, "--from"]);
        program.arg(format!("sqlite:{}", data.path().display()));
        program
    };
    // It is killed as soon as so many parts are there, while it writes the next one.
    for parts in [1, 3] {
        let mut child = moving().stderr(Stdio::null()).spawn().unwrap();
        let database = to.rsplit_once('/').unwrap().1;
        let there = format!("SELECT uniqExact(block) FROM {database}.report");
        let since = Instant::now();
        while server
            .ask(&there)
            .is_none_or(|there| there.trim().parse::<u32>().unwrap() < parts)
        {
            assert!(since.elapsed() < PATIENCE, "parts are moved");
            assert_eq!(
                child.try_wait().unwrap(),
                None,
                "it moves for longer than that"
            );
            std::thread::sleep(Duration::from_millis(2));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        // Nobody sees any of it before all of it is there.
        let apps = server
            .ask(&format!("SELECT count() FROM {database}.app"))
            .unwrap();
        assert_eq!(apps.trim(), "0");
    }
    for how in [
        "im moved: 16000 reports",
        "im had been moved: 16000 reports",
    ] {
        let output = moving().output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.starts_with(how),
            "{output:?}"
        );
    }
    let desk = Desk {
        data,
        key: key.reveal().to_owned(),
    };
    let collector = desk.collector(&to);
    assert_eq!(collector.stored().await, u64::from(REPORTS));
    assert_eq!(collector.deliver(REPORTS - 50..REPORTS + 50).await, 50);
}

#[tokio::test]
async fn a_cluster_loses_nothing_while_one_of_its_servers_is_away() {
    // It takes half a minute and five servers, which do not start beside others that work hard.
    if !std::env::var("CANDOR_REQUIRE").is_ok_and(|it| it.contains("cluster")) {
        eprintln!("SKIPPED: a cluster of ClickHouse servers; CANDOR_REQUIRE=cluster asks for it");
        return;
    }
    let mut cluster = match Cluster::start() {
        Ok(cluster) => cluster,
        Err(why) => panic!("CANDOR_REQUIRE asks for a cluster, but {why}"),
    };
    let (mine, yours) = (cluster.address(&[0, 3]), cluster.address(&[2, 1]));
    let desk = Desk::with_app(&mine);
    let (a, b) = (desk.collector(&mine), desk.collector(&yours));
    let (x, y) = tokio::join!(a.deliver(0..100), b.deliver(50..150));
    assert!(x + y >= 150);
    a.counts(150).await;
    b.counts(150).await;

    cluster.stop(0);
    // One of the collectors has lost the server that it used.
    let (_, _) = tokio::join!(a.deliver(150..250), b.deliver(200..300));
    b.counts(300).await;
    a.counts(300).await;
    // What was kept before counts no more when it comes again, whoever is asked; a collector that starts now finds everything.
    b.deliver(0..100).await;
    b.deliver(50..150).await;
    let late = desk.collector(&mine);
    late.deliver(220..310).await;
    late.counts(310).await;

    cluster.start_again(0);
    let back = desk.collector(&cluster.address(&[0]));
    back.deliver(290..320).await;
    for collector in [&back, &a, &b] {
        collector.counts(320).await;
    }
    let held = |server| {
        let answer = cluster.ask(server, "SELECT uniqExact(id) FROM fleet.report_local");
        answer.and_then(|answer| answer.trim().parse::<u64>().ok())
    };
    let since = Instant::now();
    while held(0) != held(1) || held(2) != held(3) {
        assert!(since.elapsed() < PATIENCE, "replicas are the same again");
        std::thread::sleep(Duration::from_millis(100));
    }
    let (first, second) = (held(0).unwrap(), held(2).unwrap());
    assert_eq!(first + second, 320, "every report is on one shard");
    assert!(first > 50 && second > 50, "{first} and {second}");
}
