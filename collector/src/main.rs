//! Wires the parts that the command line asks for.

use candor_collector::access::{Door, Register};
use candor_collector::alerts::{self, Alerts};
use candor_collector::cli::{AppCommand, Cli, Command, Data, SymbolsCommand};
use candor_collector::commands::{self, InData};
use candor_collector::config::{Config, Loaded};
use candor_collector::grouping::Rules;
use candor_collector::privacy::Office;
use candor_collector::server::Serving;
use candor_collector::state::State;
use candor_collector::store::sqlite::{CACHE_MIB, SqliteStore};
use candor_collector::store::{self, AnyStore, StoreAddress, StoreError};
use candor_collector::{server, symbol_files};
use candor_protocol::deidentify::{AppName, Region};
use candor_symbols::Symbols;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::read().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("candor-collector: {reason}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<(), String> {
    if let Command::Serve { config, flags } = command {
        let loaded = Loaded::read(config.as_deref(), std::env::vars(), flags.0);
        return serve(loaded.map_err(|wrong| wrong.join("\n"))?).await;
    }
    start_log(&Config::default());
    match command {
        Command::Check { file } => check(&file),
        Command::App(AppCommand::Add { name, region, data }) => {
            add_app(&name, region.as_ref(), &data).await
        }
        Command::Symbols(SymbolsCommand::Add { paths, data }) => {
            add_symbols(&paths, &data.directory)
        }
        Command::Keys(command) => {
            let state = open(command.data()).await?;
            commands::keys(&state, command)
                .await
                .and_then(|said| say(&said))
        }
        Command::People(command) => {
            let state = open(command.data()).await?;
            let said = commands::people(&state, command, std::io::stdin()).await;
            said.and_then(|said| say(&said))
        }
        Command::Tokens(command) => {
            let state = open(command.data()).await?;
            commands::tokens(&state, command).and_then(|said| say(&said))
        }
        Command::Ledger { app, days, data } => {
            let said = commands::ledger(&open(&data).await?, &app, days).await;
            said.and_then(|said| say(&said))
        }
        Command::Backup { to, data } => backup(&data, &to),
        Command::Verify { data } => verify(&data),
        Command::Migrate { from, to } => commands::migrate(&from, &to)
            .await
            .and_then(|said| say(&said)),
        about_privacy => privacy(about_privacy).await.and_then(|said| say(&said)),
    }
}

/// The log goes to standard error, as text or as JSON.
fn start_log(config: &Config) {
    let filter = match &config.log {
        Some(filter) => filter.parse().ok(),
        None => EnvFilter::try_from_default_env().ok(),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|| EnvFilter::new("info")))
        .with_writer(std::io::stderr)
        .with_ansi(!config.json_log && std::io::stderr().is_terminal());
    if config.json_log {
        log.json().init();
    } else {
        log.init();
    }
}

fn check(file: &Path) -> Result<(), String> {
    let loaded = Loaded::read(Some(file), std::env::vars(), []);
    let loaded = loaded.map_err(|wrong| wrong.join("\n"))?;
    if let Some(files) = loaded.config.tls() {
        files.read()?;
    }
    rules(&loaded.config)?;
    say(&loaded.table())
}

/// A developer's rules of grouping, if there are any.
fn rules(config: &Config) -> Result<Rules, String> {
    let Some(file) = &config.grouping_rules else {
        return Ok(Rules::default());
    };
    Rules::read(file).map_err(|wrong| {
        let wrong: Vec<String> = wrong.iter().map(ToString::to_string).collect();
        wrong.join("\n")
    })
}

/// Papers first: what is erased meanwhile may then be missing from both, but is in no copy without its receipt being due.
fn backup(data: &Data, to: &Path) -> Result<(), String> {
    if to
        .read_dir()
        .is_ok_and(|mut inside| inside.next().is_some())
    {
        return Err(format!("{} is not empty", to.display()));
    }
    let told = |error: StoreError| error.to_string();
    let (data, reports) = (data.directory.as_path(), in_a_directory(data));
    if !data.is_dir() {
        return Err(format!("{} is no directory", data.display()));
    }
    Office::open(data)
        .and_then(|office| office.copy_to(to))
        .map_err(told)?;
    let alerts = Alerts::of(data).copy_to(to);
    alerts.map_err(|error| format!("alerts: {error}"))?;
    let people = Register::of(data).copy_to(to);
    people.map_err(|error| format!("people: {error}"))?;
    let symbols = symbol_files::copy(data, to).map_err(|error| format!("symbols: {error}"))?;
    let what = match reports {
        Some(reports) => {
            SqliteStore::copy(reports, to).map_err(told)?;
            "everything"
        }
        None => "everything but reports, which ClickHouse has to copy",
    };
    say(&format!(
        "{} holds {what}, with {symbols} symbol files; what is erased from now on stays in it, so keep it no longer than reports",
        to.display()
    ))
}

/// Where reports are, if they are in files.
fn in_a_directory(data: &Data) -> Option<&Path> {
    match &data.store {
        None => Some(&data.directory),
        Some(StoreAddress::Sqlite(directory)) => Some(directory),
        Some(StoreAddress::ClickHouse(_)) => None,
    }
}

fn verify(data: &Data) -> Result<(), String> {
    let reports = in_a_directory(data)
        .ok_or("this looks at a database in a directory; ClickHouse checks its own parts")?;
    let mut checked = SqliteStore::check(reports).map_err(|error| error.to_string())?;
    let office = Office::open(&data.directory).map_err(|error| error.to_string())?;
    if let Err(altered) = office.trail().verify().map_err(|error| error.to_string())? {
        checked
            .wrong
            .push(format!("the audit trail was altered: {altered}"));
    }
    if checked.wrong.is_empty() {
        say(&format!(
            "nothing is wrong; {} reports can be read",
            checked.reports
        ))
    } else {
        Err(checked.wrong.join("\n"))
    }
}

/// Everything that commands and the server work with.
async fn open(data: &Data) -> Result<State<AnyStore>, String> {
    open_with(data, CACHE_MIB).await
}

/// The same, with so many MiB of an embedded store in memory while it is written.
async fn open_with(data: &Data, cache_mib: u32) -> Result<State<AnyStore>, String> {
    let directory = &data.directory;
    let store = store::open(data.store.as_ref(), directory, cache_mib)
        .await
        .map_err(|error| error.to_string())?;
    let office = Office::open(directory).map_err(|error| error.to_string())?;
    let symbols = Symbols::open([symbol_files::directory(directory)]);
    Ok(State::new(store, symbols, office))
}

/// What a command about privacy prints.
async fn privacy(command: Command) -> Result<String, String> {
    match command {
        Command::Settings(command) => {
            commands::settings(&open(command.data()).await?, command).await
        }
        Command::Erase { app, what, data } => {
            commands::erase(&open(&data).await?, &app, what).await
        }
        Command::Receipt(command) => commands::receipt(&command),
        Command::Request(command) => commands::request(&open(command.data()).await?, command).await,
        Command::Audit(command) => commands::audit(&open(command.data()).await?, &command),
        Command::Partner(command) => commands::partner(&open(command.data()).await?, command),
        Command::Export {
            partner,
            app,
            week,
            data,
        } => commands::export(&open(&data).await?, &partner, &app, week.as_deref()).await,
        Command::Sunset {
            app,
            notice,
            erase,
            data,
        } => commands::sunset(&open(&data).await?, &app, &notice, erase).await,
        Command::Key { data } => Ok(open(&data).await?.office.signer().public()),
        Command::Serve { .. }
        | Command::Check { .. }
        | Command::App(_)
        | Command::Symbols(_)
        | Command::Keys(_)
        | Command::People(_)
        | Command::Tokens(_)
        | Command::Ledger { .. }
        | Command::Backup { .. }
        | Command::Verify { .. }
        | Command::Migrate { .. } => Ok(String::new()),
    }
}

async fn serve(loaded: Loaded) -> Result<(), String> {
    let config = loaded.config;
    start_log(&config);
    for stranger in Loaded::strangers(std::env::vars().map(|(name, _)| name)) {
        tracing::warn!("{stranger}");
    }
    let data = config.data.clone();
    let data = Data {
        directory: data
            .ok_or("say where everything is kept: --data DIR, CANDOR_DATA, or data in the file")?,
        store: config.store.clone(),
    };
    let door = match (config.open, config.tls().is_some() || config.tls_proxy) {
        (true, _) => Door::of(&data.directory).open(),
        (false, true) => Door::of(&data.directory).behind_tls(),
        (false, false) => Door::of(&data.directory),
    };
    let rules = rules(&config)?;
    if rules.count() > 0 {
        tracing::info!(
            rules = rules.count(),
            "a developer's rules of grouping are in effect"
        );
    }
    let state = State {
        rules: Arc::new(rules),
        small: config.small_groups,
        door: Arc::new(door),
        alerts: Arc::new(Alerts::of(&data.directory).with(alerts::Options {
            tells: config.alerts,
            targets: config.alerts_targets,
            public_address: config.public_address.clone(),
            names: None,
        })),
        ..open_with(&data, config.cache_mib).await?
    };
    tracing::info!(
        key = state.office.signer().public(),
        "receipts and notices are signed with this key"
    );
    let listener = listen(config.listen).await?;
    let metrics = match config.metrics {
        Some(address) => Some(listen(address).await?),
        None => None,
    };
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    // Asked for before anyone is told that the collector is ready, so that a stop is never missed.
    let stop = stop_signals().map_err(|error| format!("cannot wait for signals: {error}"))?;
    let serving = Serving {
        limits: config.limits,
        tls: config.tls(),
        metrics,
        data: Some(data.directory),
        drain: config.drain,
        grace: config.grace,
    };
    let scheme = if serving.tls.is_some() {
        "https"
    } else {
        "http"
    };
    say(&format!("listening on {scheme}://{address}"))?;
    if address.ip().is_loopback() || state.door.is_secure() {
        welcome(&state.door, &format!("{scheme}://{address}"))?;
    }
    server::run_as(listener, state, serving, stop)
        .await
        .map_err(|error| error.to_string())
}

/// Says by which link the first one who may do everything is made, as long as there is nobody.
fn welcome(door: &Door, address: &str) -> Result<(), String> {
    if door.is_open() {
        return Ok(());
    }
    let link = door.welcome();
    match link.map_err(|error| format!("people cannot be read: {error}"))? {
        None => Ok(()),
        Some(secret) => {
            let said = say(&format!(
                "nobody can sign in yet; the first admin is made at {address}/welcome?token={}",
                secret.reveal()
            ));
            // Whoever started the collector may be gone by now; it takes reports all the same.
            if let Err(why) = said {
                tracing::warn!(why, "nobody was told by which link the first admin is made");
            }
            Ok(())
        }
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}"))
}

/// Ends when the process is told to stop.
fn stop_signals() -> std::io::Result<impl Future<Output = ()> + Send + 'static> {
    let (mut terminate, mut interrupt): (Signal, Signal) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn add_app(name: &str, region: Option<&Region>, data: &Data) -> Result<(), String> {
    let app = AppName::parse(name).map_err(|refused| refused.to_string())?;
    let state = open(data).await?;
    say(&commands::add_app(&state, &app, region).await?)
}

fn add_symbols(paths: &[PathBuf], data: &Path) -> Result<(), String> {
    let mut refused = 0;
    for path in paths {
        match symbol_files::add(data, path) {
            Ok(builds) => {
                for added in builds {
                    let known = if added.known { " (known)" } else { "" };
                    say(&format!("{} {}{known}", added.build, path.display()))?;
                    for remark in added.remarks {
                        eprintln!("candor-collector: {}: {remark}", path.display());
                    }
                }
            }
            Err(reason) => {
                refused += 1;
                eprintln!("candor-collector: {}: {reason}", path.display());
            }
        }
    }
    if refused == 0 {
        Ok(())
    } else {
        Err(format!("{refused} of {} files were not added", paths.len()))
    }
}

/// Prints a line for whoever started the program, who may be gone.
fn say(line: &str) -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")
        .and_then(|()| out.flush())
        .map_err(|error| format!("cannot write to standard output: {error}"))
}
