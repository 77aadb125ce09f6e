//! The command line.

use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Takes the reports of agents, counts them, and shows what they say.
#[derive(Debug, Parser)]
#[command(name = "candor-collector", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// What the process was started with. Ends it with the reason and how to do better when that makes no sense.
    pub fn read() -> Self {
        Self::parse()
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take reports and serve the dashboard until stopped (Ctrl-C or SIGTERM).
    Serve {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
        /// The address to listen on; port 0 takes a free one. The dashboard is served on loopback addresses only.
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:4700")]
        listen: SocketAddr,
    },
    /// Apps whose reports are taken.
    #[command(subcommand)]
    App(AppCommand),
    /// Symbol files, which give addresses their names.
    #[command(subcommand)]
    Symbols(SymbolsCommand),
}

/// Apps whose reports are taken.
#[derive(Debug, Subcommand)]
pub enum AppCommand {
    /// Add an app and print its ingest key, once; only its hash is kept.
    Add {
        /// The app's name, such as its package name: 1 to 64 of a-z 0-9 . _ -
        name: String,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Symbol files.
#[derive(Debug, Subcommand)]
pub enum SymbolsCommand {
    /// Add ELF files with debug information or a symbol table, each by its build id.
    Add {
        /// Executables or libraries, from before they are stripped.
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Where everything is kept.
#[derive(Debug, Args)]
pub struct Data {
    /// The directory where everything is kept; it is made when it does not exist.
    #[arg(long = "data", value_name = "DIR")]
    pub directory: PathBuf,
}
