//! The collector, kept alive: when it dies it is started again at the same address.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::place::Place;
use super::{Failure, Task, child};

/// How long the collector may take to listen.
const READY: Duration = Duration::from_secs(20);
/// How long it may take to leave when asked.
const LEAVE: Duration = Duration::from_secs(10);
/// Pause before it is started again, long enough for clients to notice.
const PAUSE: Duration = Duration::from_secs(1);
/// A collector that dies more often than this has a fault that another start will not mend.
const MAX_RESTARTS: u32 = 5;

const LISTENING: &str = "listening on http://";

/// A collector process and whoever keeps it alive.
#[derive(Debug)]
pub(super) struct Collector {
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
    url: String,
    orders: mpsc::UnboundedSender<Order>,
    restarts: Arc<AtomicU32>,
    _keeper: Task,
}

#[derive(Debug)]
enum Order {
    Kill,
    Stop(oneshot::Sender<()>),
}

#[derive(Debug, Clone)]
struct Start {
    program: PathBuf,
    data: PathBuf,
    log: PathBuf,
}

impl Collector {
    pub(super) async fn start(program: &Path, place: &Place) -> Result<Self, Failure> {
        let start = Start {
            program: program.to_owned(),
            data: place.collector(),
            log: place.log("collector"),
        };
        let (running, address) = start.run(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let (orders, received) = mpsc::unbounded_channel();
        let restarts = Arc::new(AtomicU32::new(0));
        let keeper = Task(tokio::spawn(keep(
            start.clone(),
            running,
            address,
            received,
            Arc::clone(&restarts),
        )));
        let Start { program, data, log } = start;
        Ok(Self {
            program,
            data,
            log,
            url: format!("http://{address}"),
            orders,
            restarts,
            _keeper: keeper,
        })
    }

    /// Where its dashboard is.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// How often it died and was started again.
    pub(super) fn restarts(&self) -> u32 {
        self.restarts.load(Ordering::Relaxed)
    }

    /// Registers an app; returns its ingest key.
    pub(super) async fn add_app(&self, name: &str) -> Result<String, Failure> {
        let mut command = child::command(&self.program);
        let key =
            child::output(command.args(["app", "add", name, "--data"]).arg(&self.data)).await?;
        Ok(key.trim().to_owned())
    }

    /// The public key that its operator signs with.
    pub(super) async fn operator_key(&self) -> Result<String, Failure> {
        let mut command = child::command(&self.program);
        let key = child::output(command.args(["key", "--data"]).arg(&self.data)).await?;
        Ok(key.trim().to_owned())
    }

    /// Gives it the symbols of `program`, and of the C library if that has any.
    pub(super) async fn add_symbols(&self, program: &Path) -> Result<(), Failure> {
        let said = child::output(&mut self.symbols(program)).await?;
        let library = match c_library() {
            Some(library) => child::output(&mut self.symbols(&library)).await,
            None => Ok(String::new()),
        };
        // A system's own libraries are often stripped; their frames are of little interest.
        let all = said + &library.unwrap_or_else(|refused| format!("{refused}\n"));
        child::copy_lines(Some(all.as_bytes()), child::log(&self.log)?, |_| {}).await;
        Ok(())
    }

    fn symbols(&self, file: &Path) -> Command {
        let mut command = child::command(&self.program);
        command
            .args(["symbols", "add"])
            .arg(file)
            .arg("--data")
            .arg(&self.data);
        command
    }

    /// Kills it with SIGKILL, as a power cut would. It will be started again.
    pub(super) fn kill(&self) {
        let _ = self.orders.send(Order::Kill);
    }

    /// Asks it to leave, and waits for that.
    pub(super) async fn stop(&self) {
        let (stopped, waiting) = oneshot::channel();
        if self.orders.send(Order::Stop(stopped)).is_ok() {
            let _ = waiting.await;
        }
    }
}

impl Start {
    /// Starts a collector at `address` and waits until it listens.
    async fn run(&self, address: SocketAddr) -> Result<(Child, SocketAddr), Failure> {
        let mut command = child::command(&self.program);
        command
            .arg("serve")
            .arg("--data")
            .arg(&self.data)
            .args(["--listen", &address.to_string()])
            // Whoever runs the demo looks at it on this machine, two clicks from the start.
            .args(["--pages-sign-in", "none"])
            // The fleet is small and nobody's, so nobody has to be hidden among others.
            .args(["--small-groups", "show"]);
        let mut running = child::spawn(&mut command)?;
        let (found, listening) = oneshot::channel();
        let mut found = Some(found);
        let (out, err) = (running.stdout.take(), running.stderr.take());
        let (out_log, err_log) = (child::log(&self.log)?, child::log(&self.log)?);
        tokio::spawn(child::copy_lines(err, err_log, |_| {}));
        tokio::spawn(async move {
            let see = |line: &str| {
                if let Some(address) = line
                    .strip_prefix(LISTENING)
                    .and_then(|a| a.trim_end_matches('/').parse().ok())
                {
                    let _ = found.take().map(|found| found.send(address));
                }
            };
            child::copy_lines(out, out_log, see).await;
        });
        match timeout(READY, listening).await {
            Ok(Ok(address)) => Ok((running, address)),
            Ok(Err(_)) => Err(format!(
                "the collector ended instead of listening: see {}",
                self.log.display()
            )
            .into()),
            Err(_) => {
                Err(format!("the collector does not listen: see {}", self.log.display()).into())
            }
        }
    }
}

async fn keep(
    start: Start,
    mut running: Child,
    address: SocketAddr,
    mut orders: mpsc::UnboundedReceiver<Order>,
    restarts: Arc<AtomicU32>,
) {
    loop {
        tokio::select! {
            _ = running.wait() => {}
            order = orders.recv() => match order {
                Some(Order::Kill) => {
                    let _ = running.kill().await;
                }
                Some(Order::Stop(stopped)) => {
                    leave(&mut running).await;
                    let _ = stopped.send(());
                    return;
                }
                None => return,
            },
        }
        running = loop {
            if restarts.fetch_add(1, Ordering::Relaxed) >= MAX_RESTARTS {
                return;
            }
            sleep(PAUSE).await;
            if let Ok((again, _)) = start.run(address).await {
                break again;
            }
        };
    }
}

/// Asks with SIGTERM, and insists with SIGKILL.
async fn leave(running: &mut Child) {
    let Some(id) = running.id() else { return };
    let mut asking = Command::new("kill");
    let _ = asking.args(["-TERM", &id.to_string()]).status().await;
    if timeout(LEAVE, running.wait()).await.is_err() {
        let _ = running.kill().await;
    }
}

/// The C library that this process runs with, and so do the clients.
fn c_library() -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let mut files = maps
        .lines()
        .filter_map(|line| line.split_whitespace().nth(5));
    files
        .find(|file| file.contains("/libc.so.6") || file.contains("/libc-2."))
        .map(PathBuf::from)
}
