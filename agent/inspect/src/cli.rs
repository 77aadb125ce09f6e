//! The command line. The only file that names clap. The comments on its parts are the manual that `--help` prints.

use crate::catalogue::{Format, Lang};
use candor_protocol::report::Kind;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

/// Shows what the telemetry agent of an app keeps on this device, and what of it would be sent.
///
/// It reads files, opens no socket, and changes nothing but what pause, resume, withdraw and erase say.
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
    Minidump(Minidump),

    /// Print everything that is kept on this device as one JSON document: a copy for whoever it is about
    Export(Place),

    /// Pause recording and sending until `resume`; an app that runs notices within seconds
    Pause(Place),

    /// End a pause; recording begins again at the app's next start
    Resume(Place),

    /// Withdraw the consent: stop recording, wipe everything on this device, and have erased what was sent
    ///
    /// This program opens no socket: the app asks the collector, at its next start at the latest, until it has answered.
    Withdraw(Final),

    /// Wipe what was recorded on this device and have erased what was sent, without withdrawing
    ///
    /// The app must not be running. It asks the collector at its next start and records under a new pseudonym.
    Erase(Final),
    Catalogue(Catalogue),

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

    #[command(flatten)]
    pub(crate) code: SymbolPaths,

    /// Show every frame, every thread and every value: folds nothing
    #[arg(long)]
    pub(crate) full: bool,

    /// Show what would be sent instead: every field with its meaning, its purpose and its rule, and what is kept back
    ///
    /// Says which values were removed or made coarser, and, of a report that is still in a dump, what the dump holds that
    /// is not sent.
    #[arg(long)]
    pub(crate) explain: bool,

    /// Print the very line that would be sent, and nothing else
    ///
    /// For a report that is still in a dump: the line as it would be if the app started now.
    #[arg(long, conflicts_with_all = ["json", "symbols", "full", "explain"])]
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

/// Show a minidump of Breakpad or Crashpad like a report: what happened, where, and what the file holds
///
/// Stacks are followed by the unwind tables of the files that --symbols gives (stripped ones will do), else by frame
/// pointers, else by searching them for what looks like a return address; the page says where it had to guess. Without the
/// very files that the process ran, stacks of optimised programs are mostly guesses.
#[derive(Debug, Args)]
pub(crate) struct Minidump {
    /// The minidump, often named *.dmp
    pub(crate) file: PathBuf,

    #[command(flatten)]
    pub(crate) code: SymbolPaths,

    /// Show every frame, every thread and every module: folds nothing
    #[arg(long)]
    pub(crate) full: bool,

    /// Print JSON; the fields are described in agent/inspect/JSON.md
    #[arg(long)]
    pub(crate) json: bool,
}

/// Where names of functions and lines of code come from.
#[derive(Debug, Args)]
pub(crate) struct SymbolPaths {
    /// Where names are found: executables, libraries or debug files, or directories of them
    ///
    /// Files are recognised by their build id, so too many do no harm and a file of another build is not mistaken. A
    /// directory is searched as such and as a `.build-id` tree, such as /usr/lib/debug. The debug file of a stripped file is
    /// looked for by its build id and by the name that the file gives: beside it, in .debug beside it, below the directories
    /// given here and below /usr/lib/debug. May be given more than once.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub(crate) symbols: Vec<PathBuf>,

    /// Where the sources are: shows the lines around the one that is to blame, as they are now
    ///
    /// The directory of the crate, from which the files of its frames are named. May be given more than once.
    #[arg(long, value_name = "DIR", num_args = 1.., requires = "symbols")]
    pub(crate) sources: Vec<PathBuf>,
}

/// Something that cannot be undone.
#[derive(Debug, Args)]
pub(crate) struct Final {
    #[command(flatten)]
    pub(crate) place: Place,

    /// Do it; without this, only say what would be done
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Print what may leave a device: every field, what it means, why it is sent, and what is done so that it identifies nobody
#[derive(Debug, Args)]
pub(crate) struct Catalogue {
    /// In which form
    #[arg(long, default_value = "markdown", value_parser = PossibleValuesParser::new(FORMATS.map(|(word, _)| word))
        .map(|word| format_of(&word)))]
    pub(crate) format: Format,

    /// In which language; forms for app stores have one only
    #[arg(long, default_value = "en", value_parser = PossibleValuesParser::new(["en", "zh"])
        .map(|word| if word == "zh" { Lang::Zh } else { Lang::En }))]
    pub(crate) lang: Lang,

    /// Instead say what came after this version, and whether users have to be asked again
    #[arg(long, value_name = "VERSION")]
    pub(crate) since: Option<u32>,
}

const FORMATS: [(&str, Format); 5] = [
    ("markdown", Format::Markdown),
    ("json", Format::Json),
    ("xcprivacy", Format::Xcprivacy),
    ("data-safety", Format::DataSafety),
    ("snippet", Format::Snippet),
];

fn format_of(word: &str) -> Format {
    let known = FORMATS.iter().find(|(known, _)| *known == word);
    known.map_or(Format::Markdown, |(_, format)| *format)
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
