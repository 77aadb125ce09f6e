//! The command line.

use crate::privacy::groups::SmallGroups;
use crate::privacy::requests::{Right, Role};
use crate::privacy::settings::Class;
use crate::store::StoreAddress;
use candor_protocol::deidentify::{AppName, Pseudonym, Region, Release};
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
        /// What is done with classes of breakdowns that few installations are in: the fewest that are shown, or `show`. Below
        /// 10 this is for demos, and for devices that are all your own; every page then says so.
        #[arg(long, value_name = "N|show", default_value = "10")]
        small_groups: SmallGroups,
    },
    /// Apps whose reports are taken.
    #[command(subcommand)]
    App(AppCommand),
    /// What was agreed on: region, how long data is kept, which days are worked.
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// Erase reports for good, and print the signed receipt.
    Erase {
        /// Whose.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// Which.
        #[command(flatten)]
        what: What,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Receipts of erasures.
    #[command(subcommand)]
    Receipt(ReceiptCommand),
    /// What people ask for: access, a copy, erasure.
    #[command(subcommand)]
    Request(RequestCommand),
    /// The audit trail.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Partners who may have exports.
    #[command(subcommand)]
    Partner(PartnerCommand),
    /// Print what a partner may have: noisy counts of one past week, of classes with at least 50 installations.
    Export {
        /// For whom; see `partner add`.
        #[arg(long, value_name = "NAME")]
        partner: AppName,
        /// Of which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// The first day of the week, such as 2026-11-19. Default: the seven days before today.
        #[arg(long, value_name = "DAY")]
        week: Option<String>,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// End an app's service: sign a notice that stops every agent, for good. Nothing of the app is stored from then on.
    Sunset {
        /// Of which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// Which text users are shown: a name that you and the app's developer have agreed on.
        #[arg(long, value_name = "NAME")]
        notice: AppName,
        /// Erase everything of the app as well, and print the receipt.
        #[arg(long)]
        erase: bool,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Print the public key that receipts and notices are signed with.
    Key {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
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
        /// Where its data may be kept: 1 to 32 of a-z 0-9 -. It must be the region of this collector.
        #[arg(long, value_name = "REGION")]
        region: Option<Region>,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// What was agreed on.
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// Print all of it.
    Show {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Say where this collector keeps data.
    Region {
        /// 1 to 32 of a-z 0-9 -
        region: Region,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Say how many days something of an app is kept.
    Retention {
        /// Of which app; the audit trail is kept equally long for all.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// crash, freeze, run, loss, connection, summaries, ledger, quarantine, exports or audit
        class: Class,
        /// Days.
        days: u32,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Say which days are not worked, or, with --worked, which Saturdays and Sundays are.
    Holidays {
        /// Days such as 2026-10-01; they are added to those that are known.
        #[arg(required = true, value_name = "DAY")]
        days: Vec<String>,
        /// These days are worked.
        #[arg(long)]
        worked: bool,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Which reports.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub struct What {
    /// Everything of the app, which takes nothing more afterwards.
    #[arg(long, conflicts_with_all = ["release", "pseudonym", "from", "to"])]
    pub all: bool,
    /// Everything of a release.
    #[arg(long, value_name = "VERSION", conflicts_with_all = ["pseudonym", "from", "to"])]
    pub release: Option<Release>,
    /// Everything of an installation.
    #[arg(long, value_name = "PSEUDONYM", conflicts_with_all = ["from", "to"])]
    pub pseudonym: Vec<Pseudonym>,
    /// Everything that happened from this day on.
    #[arg(long, value_name = "DAY", requires = "to")]
    pub from: Option<String>,
    /// Everything that happened before this day.
    #[arg(long, value_name = "DAY", requires = "from")]
    pub to: Option<String>,
}

/// Receipts.
#[derive(Debug, Subcommand)]
pub enum ReceiptCommand {
    /// Check a receipt, without asking anybody.
    Verify {
        /// The receipt.
        file: PathBuf,
        /// The public key of whoever should have signed it. Default: the one that stands in the receipt.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
    },
}

/// Requests of people.
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// Write down what somebody asks for; the clock of 15 working days starts.
    Open {
        /// About which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// access, copy, correct, supplement, delete, withdraw or explain
        #[arg(long, value_name = "RIGHT")]
        right: Right,
        /// person or guardian
        #[arg(long, value_name = "ROLE", default_value = "person")]
        role: Role,
        /// Where the developer keeps the proof that whoever asks may, such as a ticket's number.
        #[arg(long, value_name = "NAME")]
        proof: Option<AppName>,
        /// The pseudonyms of the device, as its app shows them.
        #[arg(long, value_name = "PSEUDONYM")]
        pseudonym: Vec<Pseudonym>,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Print all requests, the latest first.
    List {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Do what is asked for, print what is to be handed over, and close the request.
    Answer {
        /// The number of the request.
        number: u64,
        /// What is told; a correction cannot do without.
        #[arg(long, value_name = "TEXT")]
        answer: Option<String>,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Close a request without doing what it asks for.
    Refuse {
        /// The number of the request.
        number: u64,
        /// The reason that is told.
        #[arg(long, value_name = "TEXT")]
        reason: String,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// The audit trail.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check every byte of it; fails when one was altered.
    Verify {
        /// A hash that was noted before: fails when the trail does not hold it, as when its end was cut off.
        #[arg(long, value_name = "HASH")]
        head: Option<String>,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Print the last entries, newest first.
    Show {
        /// How many.
        #[arg(long, default_value_t = 50)]
        last: usize,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Partners.
#[derive(Debug, Subcommand)]
pub enum PartnerCommand {
    /// Add a partner to the register.
    Add {
        /// Its name: 1 to 64 of a-z 0-9 . _ -
        name: AppName,
        /// What it may use exports for.
        #[arg(long, value_name = "TEXT")]
        purpose: String,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Symbol files.
#[derive(Debug, Subcommand)]
pub enum SymbolsCommand {
    /// Add files with debug information or a symbol table, each by its build id: ELF, Mach-O or its .dSYM, PDB, PE, and Breakpad's .sym.
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
    /// Where reports are kept instead: `clickhouse://[user:password@]host[:port][,...]/database[?cluster=NAME]`, or
    /// `sqlite:DIR`. What was agreed on, receipts, the audit trail and symbol files stay in the directory of --data, which
    /// collectors on one ClickHouse share.
    #[arg(long, value_name = "STORE")]
    pub store: Option<StoreAddress>,
}
