//! Wires the parts that the command line asks for.

use candor_collector::access::IngestKey;
use candor_collector::cli::{AppCommand, Cli, Command, Data, SymbolsCommand};
use candor_collector::commands::{self, InData};
use candor_collector::ingest::Limits;
use candor_collector::privacy::Office;
use candor_collector::privacy::groups::SmallGroups;
use candor_collector::state::State;
use candor_collector::store::{self, AnyStore, Store, StoreError};
use candor_collector::{server, symbol_files};
use candor_protocol::deidentify::{AppName, Region};
use candor_symbols::Symbols;
use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::read();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colours)
        .init();
    let done = match cli.command {
        Command::Serve {
            data,
            listen,
            small_groups,
        } => serve(&data, listen, small_groups).await,
        Command::App(AppCommand::Add { name, region, data }) => {
            add_app(&name, region.as_ref(), &data).await
        }
        Command::Symbols(SymbolsCommand::Add { paths, data }) => {
            add_symbols(&paths, &data.directory)
        }
        about_privacy => privacy(about_privacy).await.and_then(|said| say(&said)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("candor-collector: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Everything that commands and the server work with.
async fn open(data: &Data) -> Result<State<AnyStore>, String> {
    let directory = &data.directory;
    let store = store::open(data.store.as_ref(), directory)
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
        Command::Serve { .. } | Command::App(_) | Command::Symbols(_) => Ok(String::new()),
    }
}

async fn serve(data: &Data, listen: SocketAddr, small: SmallGroups) -> Result<(), String> {
    let state = State {
        small,
        ..open(data).await?
    };
    tracing::info!(
        key = state.office.signer().public(),
        "receipts and notices are signed with this key"
    );
    let listener = TcpListener::bind(listen)
        .await
        .map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    // Asked for before anyone is told that the collector is ready, so that a stop is never missed.
    let stop = stop_signals().map_err(|error| format!("cannot wait for signals: {error}"))?;
    say(&format!("listening on http://{address}"))?;
    server::run(listener, state, Limits::default(), stop)
        .await
        .map_err(|error| error.to_string())
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
    let exists = format!("the app {app} exists; its key was shown when it was added");
    let apps = state
        .store
        .apps()
        .await
        .map_err(|error| error.to_string())?;
    if apps.contains(&app) {
        return Err(exists);
    }
    if let Some(region) = region {
        commands::pin(&state, &app, region)?;
    }
    commands::note_added(&state, &app).map_err(|error| error.to_string())?;
    let key = IngestKey::generate();
    state
        .store
        .add_app(&app, key.hash())
        .await
        .map_err(|error| match error {
            StoreError::AppExists => exists,
            other => other.to_string(),
        })?;
    say(key.reveal())
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
