//! The chat app: one user, one connection, and a script of what to do.

use std::cell::RefCell;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use clap::{Parser, ValueEnum};
use im::apm::Apm;
use im::client::Client;
use im::config::{Config, NetworkKind, UserChoice};
use im::network;
use im::player::{Journal, Player, say};
use im::proxy::Proxy;
use im::script::Script;

/// How long leaving may take: what is still to be sent is sent, if the network allows.
const LEAVING: Duration = Duration::from_secs(3);

/// A chat app that can be told to misbehave.
#[derive(Debug, Parser)]
#[command(name = "im-client", version)]
struct Arguments {
    /// Chat server, as host:port.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:5222")]
    server: String,
    /// Name of the user.
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Whom to write to; yourself, if not said.
    #[arg(long, value_name = "NAME")]
    friend: Option<String>,
    /// The developer's switch of the troubleshooting extension.
    #[arg(long, value_enum, default_value = "off")]
    apm: Switch,
    /// What the user said when asked for consent.
    #[arg(long, value_enum, default_value = "not-asked")]
    consent: Answer,
    /// Collector that troubleshooting data go to.
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:4700")]
    collector: String,
    /// Ingest key of the collector.
    #[arg(long, value_name = "KEY", default_value = "")]
    key: String,
    /// Name of the app at the collector.
    #[arg(long, value_name = "NAME", default_value = "im-demo")]
    app: String,
    /// Directory in which troubleshooting data wait.
    #[arg(long, value_name = "DIR", default_value = "im-client-data")]
    dir: PathBuf,
    /// What to do, as in `chat:20,lose-network:2s,panic`; chat until the time is up, if not said.
    #[arg(long, value_name = "STEPS")]
    script: Option<Script>,
    /// Leave after this many seconds at the latest.
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u64,
    /// Version of the app.
    #[arg(long, value_name = "VERSION", default_value = env!("CARGO_PKG_VERSION"))]
    release: String,
    /// Kind of network to be on.
    #[arg(long, value_name = "KIND", default_value = "unknown")]
    network: NetworkKind,
    /// Public key of the collector's operator: when it signs that the service has ended, troubleshooting data stops for good.
    #[arg(long, value_name = "DIGITS")]
    operator_key: Option<String>,
    /// Seconds between two uploads of troubleshooting data.
    #[arg(long, value_name = "N")]
    upload_every: Option<u64>,
    /// Seconds that one summary of the connection covers.
    #[arg(long, value_name = "N")]
    window: Option<u64>,
    /// Tell times to the minute instead of the hour; a real app has to say so to its users.
    #[arg(long)]
    minutes: bool,
    /// Call each method of the troubleshooting extension once, between two marks on standard error, and do nothing else.
    #[arg(long)]
    probe_apm: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Switch {
    On,
    Off,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Answer {
    Granted,
    Declined,
    NotAsked,
    Withdrawn,
}

const TOKEN: &str = "anything-but-expired";

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let config = config(&arguments);
    if arguments.probe_apm {
        im::apm::probe(&config);
        return ExitCode::SUCCESS;
    }
    match run(&arguments, config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("im-client: {why}");
            ExitCode::FAILURE
        }
    }
}

fn config(arguments: &Arguments) -> Config {
    let mut config = Config::new(arguments.server.clone(), arguments.user.clone(), TOKEN);
    config.network = arguments.network;
    // A demo has no minute to wait for a ping.
    config.heartbeat = Duration::from_millis(500);
    config.heartbeat_patience = Duration::from_millis(1500);
    config.dial_patience = Duration::from_secs(2);
    config.backoff_base = Duration::from_millis(200);
    config.backoff_cap = Duration::from_secs(2);
    config.apm_extension = matches!(arguments.apm, Switch::On);
    config.apm.choice = match arguments.consent {
        Answer::Granted => UserChoice::Granted(SystemTime::now()),
        Answer::Declined => UserChoice::Declined,
        Answer::NotAsked => UserChoice::NotAsked,
        Answer::Withdrawn => UserChoice::Withdrawn,
    };
    config.apm.app.clone_from(&arguments.app);
    config.apm.release.clone_from(&arguments.release);
    config.apm.collector.clone_from(&arguments.collector);
    config.apm.key.clone_from(&arguments.key);
    config.apm.operator_key.clone_from(&arguments.operator_key);
    config.apm.dir.clone_from(&arguments.dir);
    config.apm.upload_every = arguments.upload_every.map(Duration::from_secs);
    config.apm.window = arguments.window.map(Duration::from_secs);
    config.apm.minutes = arguments.minutes;
    config
}

fn run(arguments: &Arguments, mut config: Config) -> Result<(), String> {
    let upstream = address(&arguments.server)?;
    let normal = network::normal(arguments.network);
    let network = Proxy::start(upstream, normal).map_err(|e| format!("no network: {e}"))?;
    // A name instead of an address, so that there is something to resolve.
    config.server = format!("localhost:{}", network.address().port());
    let apm = Apm::start(&config)?;
    // A terminal is always in front of somebody.
    apm.foreground(true);
    let journal = Rc::new(RefCell::new(Journal::default()));
    let notes = Rc::clone(&journal);
    let (client, engine) = Client::new(config, apm.clone(), move |event| {
        notes.borrow_mut().note(event)
    });
    let friend = arguments.friend.as_deref().unwrap_or(&arguments.user);
    let player = Player {
        client: &client,
        network: &network,
        normal,
        friend,
        token: TOKEN,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| e.to_string())?;
    runtime.block_on(async {
        let play = async {
            let playing = async {
                match &arguments.script {
                    Some(script) => player.play(script).await,
                    None => player.chat().await,
                }
            };
            if let Ok(Err(refused)) =
                tokio::time::timeout(Duration::from_secs(arguments.seconds), playing).await
            {
                say(&format!("stopped early: {refused:?}"));
            }
            client.close().await;
        };
        tokio::join!(engine.run(), play)
    });
    say(&journal.borrow().summary());
    apm.leave(LEAVING);
    Ok(())
}

fn address(server: &str) -> Result<SocketAddr, String> {
    let mut addresses = server
        .to_socket_addrs()
        .map_err(|e| format!("{server}: {e}"))?;
    addresses
        .next()
        .ok_or_else(|| format!("{server}: no address"))
}
