//! ClickHouse, started for the tests of one process, on free ports of the loopback interface and in a directory of its own. It ends with
//! the process, however that ends.
#![allow(dead_code, unreachable_pub, reason = "every test uses a part of it")]

pub mod cluster;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server that does not answer by then has failed to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server, or why there is none.
type Started = Result<Server, String>;

/// Debian's `clickhouse-server`, which is of 2018.
pub static OLD: LazyLock<Started> = LazyLock::new(|| Server::start(&Node::alone()));
/// The engine of these days, out of the Python package `chdb-core`.
pub static NEW: LazyLock<Started> = LazyLock::new(Server::bridge);

/// The server, or nothing and a word about it. Where `CANDOR_REQUIRE` asks for it (`clickhouse` for Debian's server, `chdb` for the
/// engine of these days), nothing is a failure.
pub fn required(started: &'static LazyLock<Started>) -> Option<&'static Server> {
    match &**started {
        Ok(server) => Some(server),
        Err(why) if std::ptr::eq(started, &NEW) => {
            skip("chdb", why);
            None
        }
        Err(why) => {
            missing(why);
            None
        }
    }
}

/// Says aloud that a test with Debian's server cannot be done here, and why.
pub fn missing(why: &str) {
    skip("clickhouse", why);
}

fn skip(engine: &str, why: &str) {
    let required = std::env::var("CANDOR_REQUIRE")
        .is_ok_and(|required| required.split(',').any(|one| one == engine));
    assert!(
        !required,
        "CANDOR_REQUIRE asks for the tests of the ClickHouse store with {engine}, but {why}"
    );
    eprintln!("SKIPPED: the tests of the ClickHouse store, since {why}");
}

/// A server that runs.
pub struct Server {
    /// The port of its HTTP interface.
    pub port: u16,
    child: Child,
    /// Whoever started the server ends it when nothing holds this any more.
    stdin: Option<ChildStdin>,
    directory: Option<TempDir>,
}

impl Server {
    /// The address of a database that no other test has.
    pub fn address(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        format!("clickhouse://127.0.0.1:{}/story_{number}", self.port)
    }

    /// Starts a `clickhouse-server`.
    pub fn start(node: &Node) -> Started {
        let program = program("clickhouse-server").ok_or(
            "clickhouse-server is not installed (Debian: apt-get install clickhouse-server)",
        )?;
        let (directory, data) = match &node.data {
            Some(data) => (None, data.clone()),
            None => {
                let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
                let data = directory.path().to_owned();
                (Some(directory), data)
            }
        };
        std::fs::create_dir_all(&data).map_err(|error| error.to_string())?;
        let config = node.write(&data).map_err(|error| error.to_string())?;
        let child = Command::new("sh")
            // Nothing that is started in the background reads what this reads, so it ends when nobody holds the other end.
            .args([
                "-c",
                "\"$@\" <&- & child=$!; cat >/dev/null; kill $child; wait $child",
                "sh",
            ])
            .arg(program)
            .arg(format!("--config-file={}", config.display()))
            .current_dir(&data)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("clickhouse-server does not start: {error}"))?;
        let server = Self::of(node.http, child, directory);
        server.wait(&data.join("error.log"))?;
        Ok(server)
    }

    fn bridge() -> Started {
        let python = std::env::var("CANDOR_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let has = Command::new(&python)
            .args(["-c", "import chdb"])
            .stdin(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success());
        if !has {
            return Err(format!(
                "{python} does not know chdb (pip install chdb-core; CANDOR_PYTHON names another Python)"
            ));
        }
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clickhouse/bridge.py");
        let mut child = Command::new(python)
            .arg(script)
            .arg(directory.path().join("data"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("the bridge to chdb does not start: {error}"))?;
        let mut line = String::new();
        let stdout = child
            .stdout
            .take()
            .ok_or("the bridge to chdb has no output")?;
        BufReader::new(stdout)
            .read_line(&mut line)
            .map_err(|error| error.to_string())?;
        let port = line
            .trim()
            .parse()
            .map_err(|_| format!("the bridge to chdb says {line:?}"))?;
        Ok(Self::of(port, child, Some(directory)))
    }

    fn of(port: u16, mut child: Child, directory: Option<TempDir>) -> Self {
        Self {
            port,
            stdin: child.stdin.take(),
            child,
            directory,
        }
    }

    /// Waits until it answers.
    fn wait(&self, log: &Path) -> Result<(), String> {
        let since = Instant::now();
        while self
            .ask("SELECT 1")
            .is_none_or(|answer| answer.trim() != "1")
        {
            if since.elapsed() > PATIENCE {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(format!("clickhouse-server does not answer: {said}"));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// What it answers to a question, as tab separated values; nothing when it does not answer, or refuses.
    pub fn ask(&self, question: &str) -> Option<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(
            stream,
            "POST /?default_format=TSV HTTP/1.0\r\ncontent-length: {}\r\n\r\n{question}",
            question.len()
        )
        .ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let is_good = head.split(' ').nth(1) == Some("200");
        is_good.then(|| body.to_owned())
    }

    /// Ends it as an operator would, and waits for the end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

/// Ports that are free at the moment.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let listeners: [TcpListener; N] =
        std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").expect("a port"));
    listeners.map(|listener| listener.local_addr().expect("its address").port())
}

/// The program `name` on the path.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

/// How a server is set up.
pub struct Node {
    /// Where it keeps everything; a directory of its own that goes with it where nothing is named.
    pub data: Option<PathBuf>,
    pub http: u16,
    pub tcp: u16,
    pub interserver: u16,
    /// What it has to know of its cluster, as XML.
    pub cluster: String,
}

impl Node {
    /// A server on free ports that knows of no other.
    pub fn alone() -> Self {
        let [http, tcp, interserver] = free_ports();
        Self {
            data: None,
            http,
            tcp,
            interserver,
            cluster: String::new(),
        }
    }

    /// Writes the configuration, and says where it is.
    fn write(&self, data: &Path) -> std::io::Result<PathBuf> {
        let users = data.join("users.xml");
        std::fs::write(
            &users,
            "<yandex><profiles><default/></profiles><users><default><password/><networks><ip>127.0.0.1</ip></networks>\
             <profile>default</profile><quota>default</quota></default></users><quotas><default/></quotas></yandex>",
        )?;
        let config = data.join("config.xml");
        std::fs::write(
            &config,
            format!(
                "<yandex><logger><level>warning</level><log>{data}/server.log</log><errorlog>{data}/error.log</errorlog></logger>\
                 <listen_host>127.0.0.1</listen_host><http_port>{http}</http_port><tcp_port>{tcp}</tcp_port>\
                 <interserver_http_port>{interserver}</interserver_http_port>\
                 <interserver_http_host>127.0.0.1</interserver_http_host>\
                 <path>{data}/store/</path><tmp_path>{data}/tmp/</tmp_path><users_config>{users}</users_config>\
                 <default_profile>default</default_profile><default_database>default</default_database>\
                 <mark_cache_size>67108864</mark_cache_size><max_concurrent_queries>200</max_concurrent_queries>\
                 {cluster}</yandex>",
                data = data.display(),
                users = users.display(),
                http = self.http,
                tcp = self.tcp,
                interserver = self.interserver,
                cluster = self.cluster,
            ),
        )?;
        Ok(config)
    }
}
