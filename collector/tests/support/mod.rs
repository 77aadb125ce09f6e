//! A collector in this process, and a client that can say anything.
#![allow(dead_code, unreachable_pub, reason = "every story uses a part of it")]

pub mod process;

use candor_collector::access::{Door, IngestKey};
use candor_collector::ingest::Limits;
use candor_collector::privacy::Office;
use candor_collector::server;
use candor_collector::state::{Clock, State};
use candor_collector::store::Store;
use candor_collector::store::sqlite::SqliteStore;
use candor_protocol::batch;
use candor_protocol::deidentify::AppName;
use candor_symbols::Symbols;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Sends a batch with a key.
pub async fn post(to: SocketAddr, key: &str, body: &[u8]) -> Answer {
    let (key, length) = (format!("Bearer {key}"), body.len().to_string());
    let headers = [
        ("authorization", key.as_str()),
        ("content-length", length.as_str()),
    ];
    request(to, "POST", "/v1/batches", &headers, body).await
}

/// What the clock of these stories says.
pub const NOW: u64 = 1_700_000_000;

pub struct Collector {
    pub address: SocketAddr,
    pub store: Arc<SqliteStore>,
    pub key: String,
    pub data: tempfile::TempDir,
    clock: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<std::io::Result<()>>,
}

pub fn app() -> AppName {
    "im".parse().unwrap()
}

impl Collector {
    pub async fn start() -> Self {
        Self::start_with(Limits::default()).await
    }

    pub async fn start_with(limits: Limits) -> Self {
        let data = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(data.path()).unwrap();
        let key = IngestKey::generate();
        store.add_app(&app(), key.hash()).await.unwrap();
        let symbols = Symbols::open([candor_collector::symbol_files::directory(data.path())]);
        let office = Office::open(data.path()).unwrap();
        let clock = Arc::new(AtomicU64::new(NOW));
        let now = clock.clone();
        let state = State {
            clock: Clock::new(move || now.load(Ordering::Relaxed)),
            door: Arc::new(Door::of(data.path()).open()),
            ..State::new(store, symbols, office)
        };
        let store = state.store.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(server::run(listener, state, limits, async {
            let _ = stopped.await;
        }));
        Self {
            address,
            store,
            key: key.reveal().to_owned(),
            data,
            clock,
            stop: Some(stop),
            served,
        }
    }

    /// Tells it to stop; `stopped` waits for the end.
    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    pub async fn stopped(self) -> tempfile::TempDir {
        self.served.await.unwrap().unwrap();
        self.data
    }

    /// Lets time pass.
    pub fn pass(&self, seconds: u64) {
        self.clock.fetch_add(seconds, Ordering::Relaxed);
    }

    /// Adds another app; its key.
    pub async fn add(&self, app: &str) -> String {
        let key = IngestKey::generate();
        let app = app.parse().unwrap();
        let adding = self.store.add_app(&app, key.hash());
        adding.await.unwrap();
        key.reveal().to_owned()
    }

    /// Posts a batch with another key than that of the first app.
    pub async fn post_with(&self, key: &str, body: &[u8]) -> Answer {
        let authorization = format!("Bearer {key}");
        let headers = [("authorization", authorization.as_str())];
        self.post("/v1/batches", &headers, body).await
    }

    pub async fn post_batch(&self, body: &[u8]) -> Answer {
        self.post("/v1/batches", &[], body).await
    }

    /// Posts with the key; `headers` replace the usual ones of the same name, and an empty value leaves one out.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let authorization = format!("Bearer {}", self.key);
        let length = body.len().to_string();
        let mut all = vec![
            ("authorization", authorization.as_str()),
            ("content-length", length.as_str()),
        ];
        for (name, value) in headers {
            all.retain(|(usual, _)| usual != name);
            if !value.is_empty() {
                all.push((name, value));
            }
        }
        request(self.address, "POST", path, &all, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        request(self.address, "GET", path, &[], b"").await
    }

    pub async fn erase(&self, pseudonyms: &[&str]) -> Answer {
        let body = serde_json::json!({ "pseudonyms": pseudonyms }).to_string();
        self.post(
            "/v1/erasures",
            &[("content-type", "application/json")],
            body.as_bytes(),
        )
        .await
    }

    pub async fn ledger(&self) -> serde_json::Value {
        serde_json::from_str(&self.get("/api/v1/ledger?app=im").await.body).unwrap()
    }

    pub async fn stored(&self) -> u64 {
        self.store
            .ledger(&app())
            .await
            .unwrap()
            .stored
            .values()
            .sum()
    }
}

#[derive(Debug, PartialEq)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// Status and word of a refusal.
    pub fn refused(&self) -> (u16, String) {
        (
            self.status,
            self.json()["error"].as_str().unwrap_or_default().to_owned(),
        )
    }

    /// Stored and duplicates of a batch that was accepted.
    pub fn accepted(&self) -> (u64, u64) {
        assert_eq!(self.status, 200, "{self:?}");
        let body = self.json();
        (
            body["stored"].as_u64().unwrap(),
            body["duplicates"].as_u64().unwrap(),
        )
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// One request on a connection of its own. What the other side says is read even when it stops listening.
pub async fn request(
    to: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut connection = TcpStream::connect(to).await.unwrap();
    let line = format!("{method} {path}");
    ask(&mut connection, &to.to_string(), &line, headers, body).await
}

/// Asks over a connection that is there, a host by this name.
pub async fn ask(
    connection: &mut (impl AsyncRead + AsyncWrite + Unpin),
    host: &str,
    line: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Answer {
    let mut head = format!("{line} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    connection.write_all(head.as_bytes()).await.unwrap();
    let _ = connection.write_all(body).await;
    answer(connection).await
}

pub async fn answer(connection: &mut (impl AsyncRead + Unpin)) -> Answer {
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

pub fn pseudonym(who: u32) -> String {
    format!("{:032x}", 0xabcd_0000 + who)
}

pub fn line(number: u32, who: u32, what: &str) -> String {
    format!(
        "{{\"id\":\"{number:032x}\",\"at\":1699999200,\"run\":\"{who:032x}\",\"pseudonym\":\"{}\",\"release\":\"1.2.3\",\
         \"device\":{{\"os\":\"linux\",\"os_version\":\"12.4\",\"arch\":\"x86_64\",\"cores\":8,\"memory_gib\":16}},\
         \"what\":{what}}}",
        pseudonym(who)
    )
}

pub fn run(number: u32) -> String {
    line(number, number, "{\"run\":{}}")
}

pub fn crash(number: u32, build: &str, offset: u64) -> String {
    let what = format!(
        "{{\"crash\":{{\"cause\":{{\"signal\":{{\"signal\":\"SIGSEGV\",\"origin\":\"kernel\",\"fault\":\"null_like\"}}}},\
         \"fatal\":true,\"thread\":{{\"main\":true,\"stack\":{{\"frames\":[{{\"module\":0,\"offset\":\"{offset:x}\",\
         \"found\":\"context\"}}]}}}},\"modules\":[{{\"build_id\":\"{build}\",\"name\":\"im\"}}],\"uptime_ms\":5}}}}"
    );
    line(number, number, &what)
}

pub fn pack(lines: &[String]) -> Vec<u8> {
    batch::pack(lines.iter().map(String::as_str)).unwrap()
}

/// Any text as gzip.
pub fn gzip(text: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

/// Whether any file below `directory` holds `needle`, or the packed body of any report in its database does.
pub fn holds(directory: &Path, needle: &[u8]) -> bool {
    let is_in = |text: &String| {
        let mut windows = text.as_bytes().windows(needle.len());
        windows.any(|window| window == needle)
    };
    if directory.join("candor.db").exists()
        && SqliteStore::bodies(directory).unwrap().iter().any(is_in)
    {
        return true;
    }
    std::fs::read_dir(directory).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, needle);
        }
        std::fs::read(path)
            .unwrap()
            .windows(needle.len())
            .any(|window| window == needle)
    })
}
