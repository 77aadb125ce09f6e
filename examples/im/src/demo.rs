//! The demo: a collector, a chat server and a fleet of real clients that misbehave; then, what became of every report.

mod arrived;
mod board;
mod build;
mod child;
mod collector;
mod device;
mod fleet;
mod ledger;
mod options;
mod place;
mod plan;
mod table;
mod verdict;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};

pub use options::Options;

use board::Board;
use build::Binaries;
use collector::Collector;
use fleet::Fleet;
use place::Place;
use plan::Device;
use verdict::Verdict;

use crate::misbehave::Fault;
use crate::script::{Script, Step};

/// Name of the app at the collector.
const APP: &str = "im-demo";
/// When `--kill-collector` kills it, after the fleet has started: in the middle.
const KILL_AFTER: Duration = Duration::from_secs(8);

/// Why the demo could not go on.
type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs the demo. The code is 0 when all that was recorded arrived once.
pub async fn run(options: Options) -> ExitCode {
    let asked_to_end = match asked_to_end() {
        Ok(asked) => asked,
        Err(e) => return failed(&e.into()),
    };
    // Whatever is still running when the demo's future is dropped is killed with it.
    tokio::select! {
        done = demo(&options) => done.unwrap_or_else(|why| failed(&why)),
        () = asked_to_end => {
            eprintln!("\nended");
            ExitCode::from(130)
        }
    }
}

fn failed(why: &Failure) -> ExitCode {
    eprintln!("demo: {why}");
    ExitCode::FAILURE
}

async fn demo(options: &Options) -> Result<ExitCode, Failure> {
    let binaries = Binaries::build().await?;
    let place = Place::prepare(options.data.as_deref())?;
    let collector = Arc::new(Collector::start(&binaries.collector, &place).await?);
    let key = collector.add_app(APP).await?;
    let operator_key = collector.operator_key().await?;
    collector.add_symbols(&binaries.client).await?;
    eprintln!("dashboard: {}", collector.url());

    let devices = plan::devices(options.devices);
    let board = Board::new(&devices);
    let fleet = Fleet {
        binaries: &binaries,
        place: &place,
        collector: collector.url(),
        key: &key,
        operator_key: &operator_key,
        board: &board,
    };
    let told = {
        let _killing = options
            .kill_collector
            .then(|| kill_in_the_middle(&collector, &board));
        fleet
            .run(&devices, Duration::from_secs(options.seconds))
            .await?
    };
    let verdict = Verdict {
        devices: ledger::of_all(&binaries.inspector, &place, &devices).await?,
        arrived: arrived::ask(collector.url(), APP).await?,
        strays: place.strays(&devices),
        told,
    };
    println!("{}", verdict.table());
    if collector.restarts() > 0 {
        println!(
            "collector: died {} time(s), was started again",
            collector.restarts()
        );
    }
    let problems = verdict.problems();
    if problems.is_empty() {
        println!(
            "Everything that was recorded arrived exactly once, and is what the clients were told to do."
        );
    }
    for problem in &problems {
        eprintln!("demo: {problem}");
    }
    println!("\ndashboard     {}", collector.url());
    println!("clients say   {}", place.logs().display());
    if options.once {
        if let Some(device) = devices.iter().find(|d| d.permitted()) {
            let dir = place.device(device);
            println!(
                "inspector     {} status --dir {}",
                binaries.inspector.display(),
                dir.display()
            );
        }
        collector.stop().await;
        return Ok(if problems.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    if let Some(device) = devices.iter().find(|d| d.permitted()) {
        leave_a_crash(&fleet, device).await?;
    }
    println!("\nThe dashboard stays until Ctrl-C.");
    std::future::pending().await
}

/// Something to look at with the inspector: what arrived is no longer on its device.
async fn leave_a_crash(fleet: &Fleet<'_>, device: &Device) -> Result<(), Failure> {
    let script = Script(vec![Step::Chat(3), Step::Fault(Fault::Panic)]);
    fleet.leave_a_crash(device, &script).await?;
    let (inspector, dir) = (&fleet.binaries.inspector, fleet.place.device(device));
    println!(
        "\n{} has crashed once more and was not started again: that crash is still on the device.",
        device.user
    );
    println!(
        "inspector     {} list --dir {}",
        inspector.display(),
        dir.display()
    );
    if let Some(report) = ledger::first_report(inspector, &dir).await? {
        println!(
            "              {} show {report} --dir {} --symbols {}",
            inspector.display(),
            dir.display(),
            fleet.binaries.client.display()
        );
    }
    Ok(())
}

/// A task that ends when it is dropped.
#[derive(Debug)]
struct Task(tokio::task::JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn kill_in_the_middle(collector: &Arc<Collector>, board: &Board) -> Task {
    let (collector, board) = (Arc::clone(collector), board.clone());
    Task(tokio::spawn(async move {
        tokio::time::sleep(KILL_AFTER).await;
        board.note("the collector is killed, on purpose");
        collector.kill();
    }))
}

/// Resolves when somebody wants the demo to end. The children live in groups of their own and do not hear of it.
fn asked_to_end() -> std::io::Result<impl Future<Output = ()>> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}
