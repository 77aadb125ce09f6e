//! The command line. The only file that names clap. The comments on its parts are the manual that `--help` prints.

use candor_protocol::report::Kind;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Shows what the telemetry agent of an app keeps on this device, and what of it would be sent.
///
/// It reads files, opens no socket and changes nothing.
///
/// Exit codes: 0 done; 1 not found or not readable; 2 wrong usage.
#[derive(Debug, Parser)]
#[command(name = "candor", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(List),
    Show(Show),
    Status(Status),

    /// Copy standard input to standard output without what identifies people and devices
    Deidentify {
        /// Read objects {"id", "text"} and write objects {"id", "output"}, one a line
        #[arg(long)]
        jsonl: bool,

        /// Say what was removed and by which rule: on standard error, or in each object with --jsonl
        #[arg(long)]
        explain: bool,
    },
}

/// List the reports on this device, oldest first
///
/// One line each. A report waits to be sent, or it is still in a dump, the record that a process keeps of its life: the
/// app's next start makes a report of it.
#[derive(Debug, Args)]
pub(crate) struct List {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Only reports of this kind
    #[arg(long, value_parser = PossibleValuesParser::new(Kind::ALL.iter().map(|kind| kind.as_str()))
        .try_map(|word| word.parse::<Kind>()))]
    pub(crate) kind: Option<Kind>,

    /// Print JSON; the fields are described in agent/inspect/JSON.md
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show one report: what happened, where, and in which circumstances
///
/// Frames of a stack are addresses in modules. With --symbols they get functions, files and lines.
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The report: its id, or so much of its beginning or its end that no other report is meant
    pub(crate) id: String,

    #[command(flatten)]
    pub(crate) place: Place,

    /// Where names are found: executables, libraries or .debug files, or directories of them
    ///
    /// Files are recognised by their build id, so too many do no harm and a file of another build is not mistaken. A
    /// directory is searched as such and as a `.build-id` tree, such as /usr/lib/debug. May be given more than once.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) symbols: Vec<PathBuf>,

    /// Show every frame and every thread: folds neither the runtime's frames nor other threads
    #[arg(long)]
    pub(crate) full: bool,

    /// Print the very line that would be sent, and nothing else
    ///
    /// For a report that is still in a dump: the line as it would be if the app started now.
    #[arg(long, conflicts_with_all = ["json", "symbols", "full"])]
    pub(crate) as_sent: bool,

    /// Print JSON; the fields are described in agent/inspect/JSON.md
    #[arg(long)]
    pub(crate) json: bool,
}

/// Show how the agent stands: consent, limits, what was recorded, sent and lost
#[derive(Debug, Args)]
pub(crate) struct Status {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Print JSON; the fields are described in agent/inspect/JSON.md
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where the agent keeps its files.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The directory that the app gives to its agent
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

/// What the command line says; ends the process with code 2 and a message when it is wrong.
pub(crate) fn parse() -> Cli {
    Cli::parse()
}
