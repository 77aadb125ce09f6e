//! How many reports a second the collector takes, each acknowledged when it is on disk, grouped, de-duplicated, re-checked
//! and counted in every summary; what one costs, next to the floor measured in the same run.
//!
//! `cargo run --release -p candor-benches --bin ingest [-- SECONDS]`: the server runs in a process of its own, so that its
//! processor time is told from that of the senders. Floor: gunzip, parse into borrowed structs, and insert the same bytes
//! with their id into SQLite with the same settings, one transaction a batch.

use candor_collector::access::IngestKey;
use candor_collector::ingest::Limits;
use candor_collector::privacy::Office;
use candor_collector::server;
use candor_collector::state::State;
use candor_collector::store::Store;
use candor_collector::store::sqlite::SqliteStore;
use candor_protocol::batch;
use candor_symbols::{Symbols, build_id_of};
use object::{Object, ObjectSymbol};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Distinct stacks among the crashes and freezes.
const STACKS: u32 = 1_000;
/// Frames of a crashed thread.
const FRAMES: u32 = 30;
/// Hours over which the reports are spread.
const HOURS: u64 = 24;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, data] = &arguments[..]
        && mode == "--serve"
    {
        return serve(Path::new(data));
    }
    let seconds = arguments
        .first()
        .and_then(|text| text.parse().ok())
        .unwrap_or(10);
    let corpus = Corpus::read();
    println!(
        "{:<34} {:>10} {:>10} {:>9} {:>9} {:>9} {:>11} {:>9}",
        "", "reports/s", "CPU us", "ack p50", "p99 ms", "RSS MiB", "disk B", "body B"
    );
    for (name, mix, size, senders) in [
        ("crashes, one a request", Mix::Crashes, 1, 32),
        ("crashes, batches of 100", Mix::Crashes, 100, 8),
        ("fleet mix, one a request", Mix::Fleet, 1, 32),
        ("fleet mix, batches of 100", Mix::Fleet, 100, 8),
    ] {
        let taken = measure(&corpus, mix, size, senders, Duration::from_secs(seconds));
        taken.print(name);
        let floor = floor(&corpus, mix, size, Duration::from_secs(seconds.div_ceil(3)));
        println!(
            "{:<34} {:>10.0} {:>10.1}  collector : floor = {:.2} in CPU",
            "  floor of the same bytes",
            floor.rate,
            floor.cpu_us,
            taken.cpu_us / floor.cpu_us
        );
    }
}

// ---- What is sent.

#[derive(Clone, Copy)]
enum Mix {
    /// Crashes with 30 frames and eight other threads.
    Crashes,
    /// Of 100 reports: 60 connection windows, 25 runs, 10 crashes, 5 freezes.
    Fleet,
}

/// Real addresses of this executable, whose symbols the collector has.
struct Corpus {
    build: String,
    functions: Vec<u64>,
}

impl Corpus {
    fn read() -> Self {
        let executable = std::env::current_exe().expect("this executable");
        let build = build_id_of(&executable).expect("a build id").to_string();
        let data = std::fs::read(executable).expect("this executable");
        let elf = object::File::parse(&*data).expect("an ELF file");
        let functions = elf
            .symbols()
            .filter(|symbol| symbol.kind() == object::SymbolKind::Text && symbol.size() > 16)
            .map(|symbol| symbol.address() + 8)
            .collect();
        Self { build, functions }
    }

    fn frames(&self, stack: u32, frames: u32) -> String {
        let frame = |index: u32| {
            // A step that is coprime to most lengths spreads the stacks over all functions.
            let function =
                (stack as usize * 7_919 + index as usize * 104_729) % self.functions.len();
            let (module, offset) = if index.is_multiple_of(5) {
                (1, 0x1000 + u64::from(stack))
            } else {
                (0, self.functions[function])
            };
            let found = if index == 0 { "context" } else { "cfi" };
            format!("{{\"module\":{module},\"offset\":\"{offset:x}\",\"found\":\"{found}\"}}")
        };
        (0..frames).map(frame).collect::<Vec<_>>().join(",")
    }

    fn modules(&self) -> String {
        let system = "aabbccddeeff00112233445566778899aabbccdd";
        format!(
            "[{{\"build_id\":\"{}\",\"name\":\"im\"}},{{\"build_id\":\"{system}\",\"name\":\"libc.so.6\"}}]",
            self.build
        )
    }

    fn report(&self, mix: Mix, number: u32) -> String {
        let stack = number.wrapping_mul(2_654_435_761) % STACKS;
        let what = match (mix, number % 100) {
            (Mix::Crashes, _) | (Mix::Fleet, 0..10) => {
                let other = |index| {
                    let frames = self.frames(stack + index, 8);
                    format!(
                        "{{\"main\":false,\"name\":\"tokio-rt-worker\",\"stack\":{{\"frames\":[{frames}]}}}}"
                    )
                };
                format!(
                    "{{\"crash\":{{\"cause\":{{\"signal\":{{\"signal\":\"SIGSEGV\",\"origin\":\"kernel\",\"fault\":\"null_like\"}}}},\
                     \"fatal\":true,\"thread\":{{\"main\":true,\"stack\":{{\"frames\":[{}]}}}},\"others\":[{}],\"modules\":{},\
                     \"uptime_ms\":{number}}}}}",
                    self.frames(stack, FRAMES),
                    (1..9).map(other).collect::<Vec<_>>().join(","),
                    self.modules()
                )
            }
            (Mix::Fleet, 10..15) => {
                let seen = |index| {
                    format!(
                        "{{\"count\":{},\"stack\":{{\"frames\":[{}]}}}}",
                        index + 1,
                        self.frames(stack + index, 20)
                    )
                };
                format!(
                    "{{\"freeze\":{{\"watch\":\"ui\",\"turn\":\"open-chat\",\"main\":true,\"took_ms\":{},\"threshold_ms\":1000,\
                     \"end\":\"recovered\",\"activity\":\"blocked\",\"wait\":\"futex\",\"stacks\":[{}],\"modules\":{}}}}}",
                    1_000 + number % 9_000,
                    (0..4).map(seen).collect::<Vec<_>>().join(","),
                    self.modules()
                )
            }
            (Mix::Fleet, 15..40) => {
                "{\"run\":{\"exit\":\"clean\",\"uptime_ms\":123456}}".to_owned()
            }
            (Mix::Fleet, _) => {
                let sketch = |base: u32| {
                    let steps: Vec<String> = (0..6)
                        .map(|step| {
                            format!(
                                "{},{}",
                                if step == 0 {
                                    base + number % 90
                                } else {
                                    3 + number % 5
                                },
                                step + 1
                            )
                        })
                        .collect();
                    format!("[{}]", steps.join(","))
                };
                format!(
                    "{{\"connection\":{{\"name\":\"long-link\",\"endpoint\":\"gate-{}\",\"transport\":\"tls\",\"network\":\"{}\",\
                     \"seconds\":60,\"attempts\":22,\"ready\":21,\"failures\":[{{\"phase\":\"connect\",\"failure\":\"timeout\",\"count\":1}}],\
                     \"disconnects\":[{{\"reason\":\"heartbeat_timeout\",\"count\":1}}],\
                     \"phases\":[{{\"phase\":\"resolve\",\"took_us\":{}}},{{\"phase\":\"connect\",\"took_us\":{}}},\
                     {{\"phase\":\"login\",\"took_us\":{}}}],\"ready_us\":{},\"rtt_us\":{},\"ack_us\":{},\
                     \"sent\":40,\"received\":50,\"sent_bytes\":9000,\"received_bytes\":12000,\"up_ms\":55000,\"down_ms\":5000}}}}",
                    number % 4,
                    ["wifi", "4g", "5g"][number as usize % 3],
                    sketch(500),
                    sketch(700),
                    sketch(800),
                    sketch(900),
                    sketch(600),
                    sketch(650)
                )
            }
        };
        let hour = 1_700_002_800 + u64::from(number / 1_000) % HOURS * 3_600;
        format!(
            "{{\"id\":\"{:032x}\",\"at\":{hour},\"run\":\"{:032x}\",\"pseudonym\":\"{:032x}\",\"release\":\"1.{}.0\",\
             \"device\":{{\"os\":\"linux\",\"os_version\":\"12.{}\",\"arch\":\"x86_64\",\"cores\":8,\"memory_gib\":16}},\"what\":{what}}}",
            spread(number),
            spread(number / 4 + 1_000_000_000),
            spread(number / 16 + 2_000_000_000),
            number % 5,
            number % 3
        )
    }

    fn batch(&self, mix: Mix, first: u32, size: u32) -> (Vec<u8>, usize) {
        let lines: Vec<String> = (first..first + size)
            .map(|number| self.report(mix, number))
            .collect();
        let body = batch::pack(lines.iter().map(String::as_str)).expect("memory");
        (body, lines.iter().map(String::len).sum())
    }
}

/// Random-looking and distinct for distinct numbers, as the ids of devices are.
fn spread(number: u32) -> u128 {
    u128::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
}

// ---- The collector.

fn serve(data: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let store = SqliteStore::open(data).expect("a store");
        let key = IngestKey::generate();
        store
            .add_app(&"bench".parse().expect("a name"), key.hash())
            .await
            .expect("an app");
        let symbols = Symbols::open([std::env::current_exe().expect("this executable")]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port");
        println!(
            "{} {}",
            listener.local_addr().expect("an address"),
            key.reveal()
        );
        let office = Office::open(data).expect("an office");
        let state = State::new(store, symbols, office);
        server::run(listener, state, Limits::default(), std::future::pending())
            .await
            .expect("it serves");
    });
}

struct Serving {
    child: Child,
    address: SocketAddr,
    key: String,
    data: tempfile::TempDir,
}

impl Serving {
    fn start() -> Self {
        let data = tempfile::tempdir().expect("a directory");
        let mut child = Command::new(std::env::current_exe().expect("this executable"))
            .arg("--serve")
            .arg(data.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the collector starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("a pipe"))
            .read_line(&mut line)
            .expect("the collector is ready");
        let (address, key) = line.trim().split_once(' ').expect("an address and a key");
        Self {
            address: address.parse().expect("an address"),
            key: key.to_owned(),
            child,
            data,
        }
    }

    /// Seconds of processor time so far.
    fn cpu(&self) -> f64 {
        cpu_of(&self.child.id().to_string())
    }

    fn peak_mib(&self) -> f64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .expect("a peak");
        line.split_whitespace()
            .nth(1)
            .and_then(|kib| kib.parse::<f64>().ok())
            .expect("a number")
            / 1024.0
    }

    fn disk(&self) -> u64 {
        let files = std::fs::read_dir(self.data.path()).expect("its directory");
        files
            .filter_map(|file| file.ok()?.metadata().ok())
            .map(|meta| meta.len())
            .sum()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It has ended already when that fails.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds of processor time of a process. The kernel counts in hundredths of a second.
fn cpu_of(process: &str) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).expect("it runs");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: u64 = fields[11..13]
        .iter()
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    ticks as f64 / 100.0
}

// ---- Measuring.

struct Taken {
    rate: f64,
    cpu_us: f64,
    p50: Duration,
    p99: Duration,
    peak_mib: f64,
    disk: f64,
    body: f64,
}

impl Taken {
    fn print(&self, name: &str) {
        println!(
            "{name:<34} {:>10.0} {:>10.1} {:>9.2} {:>9.2} {:>9.1} {:>11.0} {:>9.0}",
            self.rate,
            self.cpu_us,
            self.p50.as_secs_f64() * 1e3,
            self.p99.as_secs_f64() * 1e3,
            self.peak_mib,
            self.disk,
            self.body
        );
    }
}

fn measure(corpus: &Corpus, mix: Mix, size: u32, senders: u32, time: Duration) -> Taken {
    let serving = Serving::start();
    // A pool of bodies, made before the clock runs: the senders must not take the collector's processor time.
    let pool: Vec<Vec<u8>> = (0..pool_of(size, time))
        .map(|index| corpus.batch(mix, index * size, size).0)
        .collect();
    let body = corpus.batch(mix, 0, 100).1 as f64 / 100.0;
    let (next, took) = (AtomicU32::new(0), Mutex::new(Vec::new()));
    let (start, cpu) = (Instant::now(), serving.cpu());
    std::thread::scope(|scope| {
        for _ in 0..senders {
            scope.spawn(|| {
                let mut connection = TcpStream::connect(serving.address).expect("a connection");
                let mut mine = Vec::new();
                while start.elapsed() < time {
                    let Some(body) = pool.get(next.fetch_add(1, Ordering::Relaxed) as usize) else {
                        break;
                    };
                    let sent = Instant::now();
                    post(&mut connection, &serving.key, body);
                    mine.push(sent.elapsed());
                }
                took.lock().expect("no panic").extend(mine);
            });
        }
    });
    let (wall, cpu) = (start.elapsed(), serving.cpu() - cpu);
    let mut took = took.into_inner().expect("no panic");
    took.sort_unstable();
    let reports = took.len() as f64 * f64::from(size);
    Taken {
        rate: reports / wall.as_secs_f64(),
        cpu_us: cpu / reports * 1e6,
        p50: took[took.len() / 2],
        p99: took[took.len() * 99 / 100],
        peak_mib: serving.peak_mib(),
        disk: serving.disk() as f64 / reports,
        body,
    }
}

/// More batches than can be taken in the time: 20,000 reports a second in batches, 12,000 alone.
fn pool_of(size: u32, time: Duration) -> u32 {
    let rate = if size > 1 { 20_000 } else { 12_000 };
    (rate * time.as_secs() as u32).div_ceil(size)
}

fn post(connection: &mut TcpStream, key: &str, body: &[u8]) {
    let head = format!(
        "POST /v1/batches HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {key}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    connection
        .write_all(&[head.as_bytes(), body].concat())
        .expect("it listens");
    let mut answer = Vec::new();
    let mut buffer = [0; 1024];
    // The answer ends with the brace of its JSON.
    while !answer.ends_with(b"}") {
        let read = connection.read(&mut buffer).expect("it answers");
        assert!(
            read > 0,
            "the connection was closed: {}",
            String::from_utf8_lossy(&answer)
        );
        answer.extend_from_slice(&buffer[..read]);
    }
    assert!(
        answer.starts_with(b"HTTP/1.1 200"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

struct Floor {
    rate: f64,
    cpu_us: f64,
}

/// What cannot be avoided: gunzip, parse, one insert in one transaction a batch.
fn floor(corpus: &Corpus, mix: Mix, size: u32, time: Duration) -> Floor {
    #[derive(serde::Deserialize)]
    struct Line<'a> {
        #[serde(borrow)]
        id: &'a str,
        at: i64,
        #[serde(borrow)]
        run: &'a str,
        #[serde(borrow)]
        pseudonym: &'a str,
        #[serde(borrow)]
        release: &'a str,
    }
    let data = tempfile::tempdir().expect("a directory");
    let mut db = rusqlite::Connection::open(data.path().join("floor.db")).expect("a database");
    for (name, value) in [
        ("page_size", "16384"),
        ("journal_mode", "WAL"),
        ("synchronous", "FULL"),
    ] {
        db.pragma_update(None, name, value).expect("a setting");
    }
    db.execute_batch(
        "CREATE TABLE report (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER, run TEXT, pseudonym TEXT,
         release TEXT, body TEXT)",
    )
    .expect("a table");
    let pool: Vec<Vec<u8>> = (0..pool_of(size, time))
        .map(|index| corpus.batch(mix, index * size, size).0)
        .collect();
    let (start, cpu, mut reports) = (Instant::now(), cpu_of("self"), 0u32);
    for body in &pool {
        if start.elapsed() >= time {
            break;
        }
        let mut text = String::new();
        flate2::read::GzDecoder::new(&body[..])
            .read_to_string(&mut text)
            .expect("gzip");
        let tx = db.transaction().expect("a transaction");
        for json in text.lines().skip(1) {
            let line: Line<'_> = serde_json::from_str(json).expect("a report");
            tx.prepare_cached("INSERT INTO report (id, at, run, pseudonym, release, body) VALUES (?, ?, ?, ?, ?, ?)")
                .and_then(|mut insert| insert.execute((line.id, line.at, line.run, line.pseudonym, line.release, json)))
                .expect("an insert");
            reports += 1;
        }
        tx.commit().expect("a commit");
    }
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_of("self") - cpu);
    Floor {
        rate: f64::from(reports) / wall,
        cpu_us: cpu / f64::from(reports) * 1e6,
    }
}
