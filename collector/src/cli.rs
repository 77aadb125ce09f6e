//! The command line.

use crate::access::{self, KeyId, PersonName, Scope};
use crate::config::{self, Config, KNOBS, Knob};
use crate::privacy::requests::{Right, Role};
use crate::privacy::settings::Class;
use crate::store::StoreAddress;
use candor_protocol::answer::Sample;
use candor_protocol::catalogue::Extra;
use candor_protocol::deidentify::{AppName, Pseudonym, Region, Release};
use candor_protocol::report::Kind;
use clap::{Arg, ArgMatches, Args, FromArgMatches, Parser, Subcommand};
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
        /// A configuration file. Flags are believed over the environment, and that over the file.
        #[arg(long, value_name = "FILE", env = crate::config::FILE_VARIABLE)]
        config: Option<PathBuf>,
        /// One flag for every knob.
        #[command(flatten)]
        flags: Flags,
    },
    /// Say what is wrong with a configuration file, or print what would be in effect.
    Check {
        /// The file.
        file: PathBuf,
    },
    /// People who may sign in, and what each one may.
    #[command(subcommand)]
    People(PeopleCommand),
    /// Tokens of programs that ask for what pages show, or add symbol files.
    #[command(subcommand)]
    Tokens(TokensCommand),
    /// Ingest keys: an app may have several, so that an old one can go on for a while beside a new one.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Print what arrived, by day and key, and what became of it.
    Ledger {
        /// Of which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// How many days, today included.
        #[arg(long, default_value_t = 7)]
        days: u32,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Copy everything to another directory, from which a collector can serve; the one that serves now may go on.
    Backup {
        /// The directory; it must not exist, or be empty.
        to: PathBuf,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Check every page of the database, that what refers to each other is there, that every report can be read, and the audit
    /// trail. Fails when something is wrong.
    Verify {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Move everything from a directory to a ClickHouse, and compare both sides. Stop the collector first: nobody can write to the
    /// directory meanwhile. What was interrupted can be begun again.
    Migrate {
        /// `sqlite:DIR`, where reports are.
        #[arg(long, value_name = "STORE")]
        from: StoreAddress,
        /// `clickhouse://...`, where they are to be.
        #[arg(
            long,
            value_name = "STORE",
            env = "CANDOR_STORE",
            hide_env_values = true
        )]
        to: StoreAddress,
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

/// People.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Add somebody, and print a link to choose a password by, which is good once and for three days.
    Add {
        /// 1 to 64 of a-z 0-9 . _ - @ +
        name: PersonName,
        /// viewer (aggregates), triager (single reports as well) or admin (everything)
        #[arg(long, value_name = "ROLE")]
        role: access::Role,
        /// Read the password, a line, from standard input instead.
        #[arg(long)]
        password_stdin: bool,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Print who there is.
    List {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Give somebody another role; every session of theirs ends.
    Role {
        /// Whom.
        name: PersonName,
        /// viewer, triager or admin
        role: access::Role,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Remove somebody; every session of theirs ends.
    Remove {
        /// Whom.
        name: PersonName,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Print a link by which somebody chooses another password.
    Password {
        /// Who.
        name: PersonName,
        /// Read the password, a line, from standard input instead; it is in effect at once, and ends waits and sessions.
        #[arg(long)]
        password_stdin: bool,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Tokens of programs.
#[derive(Debug, Subcommand)]
pub enum TokensCommand {
    /// Make a token and print it, once; only its hash is kept.
    Add {
        /// What it is called: 1 to 64 of a-z 0-9 . _ - @ +
        name: PersonName,
        /// read (aggregates), reports (single reports), triage (states of issues), symbols (adding symbol files) or admin (everything);
        /// may be said more than once
        #[arg(long, value_name = "SCOPE", required = true)]
        scope: Vec<Scope>,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Print what there is, what each is good for, and when it was last used.
    List {
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// End a token at once, also at collectors that serve now.
    Revoke {
        /// What it is called.
        name: PersonName,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Ingest keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Give an app another key and print it, once; only its hash is kept.
    Add {
        /// Which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Print what an app's keys are called, since when and until when they are taken, and when they were last used.
    List {
        /// Which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Give an app another key and print it, once; all its other keys end after the overlap.
    Rotate {
        /// Which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// How long the other keys go on: a number with s, m, h or d. Installations that are not updated until then are not heard
        /// any more.
        #[arg(long, value_name = "TIME", value_parser = read_time)]
        overlap: u64,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// End a key at once, also at collectors that serve now.
    Revoke {
        /// Which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// What the key is called; see `keys list`.
        key: KeyId,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
}

/// Seconds of a time such as `90s`, `15m`, `12h` or `7d`.
fn read_time(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text} is no time; times are written like 90s, 15m, 12h or 7d");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text
        .strip_suffix(unit)
        .and_then(|number| number.parse().ok())
        .ok_or_else(wrong)?;
    number.checked_mul(seconds).ok_or_else(wrong)
}

/// A flag for every knob of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Flags(pub Vec<(&'static Knob, String)>);

impl Args for Flags {
    fn augment_args(command: clap::Command) -> clap::Command {
        KNOBS.iter().fold(command, |command, knob| {
            let default = match knob.get(&Config::default()) {
                none if none.is_empty() => "none".to_owned(),
                default => default,
            };
            let help = format!(
                "{} In {}: {}. Default: {default}",
                knob.help,
                knob.unit,
                knob.range()
            );
            let value = match knob.kind {
                config::Kind::Number { .. } => "N".to_owned(),
                config::Kind::Text { .. } => knob.unit.to_ascii_uppercase(),
            };
            let flag = Arg::new(knob.name).long(knob.flag());
            command.arg(flag.value_name(value).help(help))
        })
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let said = |knob: &'static Knob| {
            let text: &String = matches.get_one(knob.name)?;
            Some((knob, text.clone()))
        };
        Ok(Self(KNOBS.iter().filter_map(said).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
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
    /// Say how many reports of an app are taken in a day (UTC), whatever the collector's configuration says.
    Quota {
        /// Of which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// Reports, or `default` for what the configuration says.
        #[arg(value_name = "N|default", value_parser = read_quota)]
        reports: Quota,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Say where the source of an app is shown: own functions in stacks lead there.
    Forge {
        /// Of which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// An https address with {file}, and {release} and {line} where they stand, or `none`.
        #[arg(value_name = "TEMPLATE|none")]
        template: String,
        /// The directory in which the app is built: what is left out of files.
        #[arg(long, value_name = "DIR", default_value = "")]
        strip: String,
        /// Where everything is kept.
        #[command(flatten)]
        data: Data,
    },
    /// Ask the agents of an app for less, from their next upload on: of all releases, or of a range of them. What is asked replaces
    /// what was asked in the same range; to ask for nothing takes it back.
    Narrow {
        /// Of which app.
        #[arg(long, value_name = "NAME")]
        app: AppName,
        /// The first release of the range.
        #[arg(long, value_name = "VERSION")]
        from: Option<Release>,
        /// The first release after the range.
        #[arg(long, value_name = "VERSION")]
        before: Option<Release>,
        /// What.
        #[command(flatten)]
        less: LessOf,
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

/// What agents are asked to leave out.
#[derive(Debug, Args)]
pub struct LessOf {
    /// Everything, until that is taken back: agents stop, and look again the day after tomorrow at the latest.
    #[arg(long)]
    pub off: bool,
    /// Everything for a time such as 12h or 3d; 7d at most.
    #[arg(long, value_name = "TIME", value_parser = read_time, conflicts_with = "off")]
    pub off_for: Option<u64>,
    /// A kind of reports: crash, freeze, connection or run.
    #[arg(long, value_name = "KIND")]
    pub kind_off: Vec<Kind>,
    /// An optional field: breadcrumbs, foreground or usage.
    #[arg(long, value_name = "FIELD")]
    pub extra_off: Vec<Extra>,
    /// A kind of reports, but for some runs in a hundred, such as connection=10.
    #[arg(long, value_name = "KIND=PERCENT", value_parser = read_sample)]
    pub sample: Vec<Sample>,
    /// Uploads that are not urgent, more often than this, such as 30m; 1d at most.
    #[arg(long, value_name = "TIME", value_parser = read_time)]
    pub upload_every: Option<u64>,
}

fn read_sample(text: &str) -> Result<Sample, String> {
    let wrong = || "a kind and a number from 0 to 100, such as connection=10".to_owned();
    let (kind, percent) = text.split_once('=').ok_or_else(wrong)?;
    let percent = percent.parse().ok().filter(|percent| *percent <= 100);
    Ok(Sample {
        kind: kind.parse().map_err(|_| wrong())?,
        percent: percent.ok_or_else(wrong)?,
    })
}

/// Reports in a day; `None` for what the configuration says.
#[derive(Debug, Clone, Copy)]
pub struct Quota(pub Option<u64>);

fn read_quota(text: &str) -> Result<Quota, String> {
    match text.parse() {
        Ok(reports) => Ok(Quota(Some(reports))),
        Err(_) if text == "default" => Ok(Quota(None)),
        Err(_) => Err("a number of reports, or default".to_owned()),
    }
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
    #[arg(long = "data", value_name = "DIR", env = "CANDOR_DATA")]
    pub directory: PathBuf,
    /// Where reports are kept instead: `clickhouse://[user:password@]host[:port][,...]/database[?cluster=NAME]`, or
    /// `sqlite:DIR`. What was agreed on, receipts, the audit trail and symbol files stay in the directory of --data, which
    /// collectors on one ClickHouse share.
    #[arg(
        long,
        value_name = "STORE",
        env = "CANDOR_STORE",
        hide_env_values = true
    )]
    pub store: Option<StoreAddress>,
}
