//! The command line. The only file that names clap.

use clap::{Parser, Subcommand};

/// Reads what Candor keeps on this device. Opens no socket.
#[derive(Debug, Parser)]
#[command(name = "candor", version, about)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Copy standard input to standard output without what identifies people and devices.
    Deidentify {
        /// Read objects {"id", "text"} and write objects {"id", "output"}, one a line.
        #[arg(long)]
        jsonl: bool,
        /// Say what was removed and by which rule: on standard error, or in each object with --jsonl.
        #[arg(long)]
        explain: bool,
    },
}

/// The command line of this process; ends it with a message when it cannot be read.
pub(crate) fn parse() -> Cli {
    Cli::parse()
}
