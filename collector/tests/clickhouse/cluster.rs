//! A ClickHouse of two shards with two replicas each, and the ZooKeeper that they agree with.

use super::{Node, Server, free_ports, program};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Where Debian keeps what `zookeeper` consists of.
const JAVA: &str = "/usr/share/java";
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(500);

/// The name of the cluster in the configuration of its servers.
pub const NAME: &str = "two_by_two";

/// Servers, in the order shard 1 replica 1, shard 1 replica 2, shard 2 replica 1, shard 2 replica 2.
pub struct Cluster {
    servers: [Option<Server>; 4],
    nodes: [Node; 4],
    _keeper: ZooKeeper,
    _directory: TempDir,
}

impl Cluster {
    pub fn start() -> Result<Self, String> {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        let keeper = ZooKeeper::start(&directory.path().join("zookeeper"))?;
        let ports: [[u16; 3]; 4] = std::array::from_fn(|_| free_ports());
        let nodes: [Node; 4] = std::array::from_fn(|index| {
            let [http, tcp, interserver] = ports[index];
            let data = directory.path().join(format!("server{index}"));
            Node {
                data: Some(data),
                http,
                tcp,
                interserver,
                cluster: knowledge(index, ports.map(|[_, tcp, _]| tcp), keeper.port),
            }
        });
        // Started one after the other, so that the machine is not asked for everything at once.
        let mut servers = [None, None, None, None];
        for (server, node) in servers.iter_mut().zip(&nodes) {
            *server = Some(Server::start(node)?);
        }
        Ok(Self {
            servers,
            nodes,
            _keeper: keeper,
            _directory: directory,
        })
    }

    /// The address of a database, for a collector that uses these servers, the first of them first.
    pub fn address(&self, servers: &[usize]) -> String {
        let hosts: Vec<String> = servers
            .iter()
            .map(|server| format!("127.0.0.1:{}", self.nodes[*server].http))
            .collect();
        format!("clickhouse://{}/fleet?cluster={NAME}", hosts.join(","))
    }

    pub fn stop(&mut self, server: usize) {
        if let Some(server) = self.servers[server].take() {
            server.stop();
        }
    }

    pub fn start_again(&mut self, server: usize) {
        self.servers[server] = Some(Server::start(&self.nodes[server]).expect("it starts again"));
    }

    pub fn ask(&self, server: usize, question: &str) -> Option<String> {
        self.servers[server].as_ref()?.ask(question)
    }
}

/// What the server `index` knows of the others.
fn knowledge(index: usize, tcp: [u16; 4], keeper: u16) -> String {
    let replica =
        |port: u16| format!("<replica><host>127.0.0.1</host><port>{port}</port></replica>");
    let shard = |ports: [u16; 2]| {
        let replicas = ports.map(replica).concat();
        format!("<shard><internal_replication>true</internal_replication>{replicas}</shard>")
    };
    let [a, b, c, d] = tcp;
    let shards = shard([a, b]) + &shard([c, d]);
    format!(
        "<zookeeper><node index=\"1\"><host>127.0.0.1</host><port>{keeper}</port></node>\
         <session_timeout_ms>10000</session_timeout_ms></zookeeper>\
         <distributed_ddl><path>/clickhouse/ddl</path></distributed_ddl>\
         <macros><shard>{}</shard><replica>{}</replica></macros>\
         <remote_servers><{NAME}>{shards}</{NAME}></remote_servers>",
        index / 2 + 1,
        index % 2 + 1,
    )
}

/// One ZooKeeper, in a directory of its own. It ends with whoever started it.
struct ZooKeeper {
    port: u16,
    child: Child,
    stdin: Option<ChildStdin>,
}

impl ZooKeeper {
    fn start(data: &Path) -> Result<Self, String> {
        let java =
            program("java").ok_or("java is not installed (Debian: apt-get install zookeeperd)")?;
        if !Path::new(JAVA).join("zookeeper.jar").is_file() {
            return Err(
                "ZooKeeper is not installed (Debian: apt-get install zookeeperd)".to_owned(),
            );
        }
        let [port] = free_ports();
        std::fs::create_dir_all(data).map_err(|error| error.to_string())?;
        let config = data.join("zoo.cfg");
        let settings = format!(
            "dataDir={}\nclientPort={port}\nclientPortAddress=127.0.0.1\ntickTime=1000\nadmin.enableServer=false\n\
             4lw.commands.whitelist=ruok\nmaxClientCnxns=0\n",
            data.display()
        );
        std::fs::write(&config, settings).map_err(|error| error.to_string())?;
        let mut child = Command::new("sh")
            .args([
                "-c",
                "\"$@\" <&- & child=$!; cat >/dev/null; kill $child; wait $child",
                "sh",
            ])
            .arg(java)
            .args(["-Xmx128m", "-cp", &format!("{JAVA}/*")])
            .arg("org.apache.zookeeper.server.quorum.QuorumPeerMain")
            .arg(config)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("ZooKeeper does not start: {error}"))?;
        let stdin = child.stdin.take();
        let keeper = Self { port, child, stdin };
        let since = Instant::now();
        while !keeper.is_well() {
            if since.elapsed() > PATIENCE {
                return Err("ZooKeeper does not answer".to_owned());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(keeper)
    }

    fn is_well(&self) -> bool {
        let ask = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
            // Whoever asks before it has begun is never answered.
            stream.set_read_timeout(Some(LOOK)).ok()?;
            stream.write_all(b"ruok").ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            Some(answer == "imok")
        };
        ask().unwrap_or_default()
    }
}

impl Drop for ZooKeeper {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}
