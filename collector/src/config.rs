//! How the collector serves: a file, the environment, and flags; each later one is believed over those before it.

mod file;
mod knobs;

pub use file::{Problem, read as read_file};
pub use knobs::{KNOBS, Kind, Knob};

use crate::alerts::guard::Targets;
use crate::ingest::Limits;
use crate::privacy::groups::SmallGroups;
use crate::server::CertificateFiles;
use crate::store::{StoreAddress, sqlite};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use url::Url;

/// The variable of the environment that names the file.
pub const FILE_VARIABLE: &str = "CANDOR_CONFIG";

/// What every variable of the environment begins with.
const PREFIX: &str = "CANDOR_";

/// How the collector serves.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything is kept.
    pub data: Option<PathBuf>,
    /// Where reports are kept, if not there.
    pub store: Option<StoreAddress>,
    /// MiB of pages of an embedded store that are kept in memory while it is written.
    pub cache_mib: u32,
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whether nobody is asked to sign in, on a loopback address.
    pub open: bool,
    /// Whether a proxy in front speaks TLS.
    pub tls_proxy: bool,
    /// What is done with classes of breakdowns that few installations are in.
    pub small_groups: SmallGroups,
    /// The file with a developer's rules of grouping.
    pub grouping_rules: Option<PathBuf>,
    /// How much is done at a time.
    pub limits: Limits,
    /// The certificate and its key.
    pub certificate: Option<PathBuf>,
    /// The certificate's private key.
    pub key: Option<PathBuf>,
    /// Where its own figures are served besides.
    pub metrics: Option<SocketAddr>,
    /// How long it is told to be unready before it stops to listen.
    pub drain: Duration,
    /// How long requests may go on after that.
    pub grace: Duration,
    /// Whether this collector tells alerts.
    pub alerts: bool,
    /// Where alerts may be sent to.
    pub alerts_targets: Targets,
    /// Under which address people reach the dashboard.
    pub public_address: Option<Url>,
    /// Whether the log is JSON.
    pub json_log: bool,
    /// What is logged; `None` for what `RUST_LOG` says, or else everything from `info` up.
    pub log: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: None,
            store: None,
            cache_mib: sqlite::CACHE_MIB,
            listen: SocketAddr::from(([127, 0, 0, 1], 4_700)),
            open: false,
            tls_proxy: false,
            small_groups: SmallGroups::default(),
            grouping_rules: None,
            limits: Limits::default(),
            certificate: None,
            key: None,
            metrics: None,
            drain: Duration::ZERO,
            grace: Duration::from_secs(10),
            alerts: true,
            alerts_targets: Targets::default(),
            public_address: None,
            json_log: false,
            log: None,
        }
    }
}

/// Where a value was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Nowhere.
    Default,
    /// In the file.
    File,
    /// In the environment.
    Environment,
    /// On the command line.
    Flag,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Default => "default",
            Self::File => "file",
            Self::Environment => "environment",
            Self::Flag => "flag",
        })
    }
}

/// The configuration, and where each value of it was said.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// By the name of the knob; those that were said nowhere are not in it.
    pub sources: BTreeMap<&'static str, Source>,
}

impl Loaded {
    /// Reads a file, if there is one, then the environment, then flags, each as name and text.
    ///
    /// # Errors
    /// Everything that is wrong with any of them.
    pub fn read(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: impl IntoIterator<Item = (&'static Knob, String)>,
    ) -> Result<Self, Vec<String>> {
        let (mut loaded, mut wrong) = (Self::default(), Vec::new());
        if let Some(path) = file {
            match read_file(path) {
                Ok(said) => said
                    .into_iter()
                    .for_each(|(knob, text)| loaded.say(knob, &text, Source::File, &mut wrong)),
                Err(problems) => wrong.extend(problems.iter().map(Problem::to_string)),
            }
        }
        let environment: BTreeMap<String, String> = environment.into_iter().collect();
        for knob in KNOBS {
            if let Some(text) = environment.get(&knob.variable()) {
                loaded.say(knob, text, Source::Environment, &mut wrong);
            }
        }
        for (knob, text) in flags {
            loaded.say(knob, &text, Source::Flag, &mut wrong);
        }
        wrong.extend(loaded.config.contradiction());
        if wrong.is_empty() {
            Ok(loaded)
        } else {
            Err(wrong)
        }
    }

    fn say(&mut self, knob: &'static Knob, text: &str, source: Source, wrong: &mut Vec<String>) {
        match knob.set(&mut self.config, text) {
            Ok(()) => {
                self.sources.insert(knob.name, source);
            }
            Err(why) => wrong.push(match source {
                Source::Environment => format!("{}: {why}", knob.variable()),
                Source::Flag => format!("--{}: {why}", knob.flag()),
                Source::File | Source::Default => format!("{}: {why}", knob.name),
            }),
        }
    }

    /// Variables of the environment that look as if they were meant for the collector and are not known, each with what may
    /// have been meant.
    pub fn strangers(environment: impl IntoIterator<Item = String>) -> Vec<String> {
        let known: Vec<String> = KNOBS.iter().map(Knob::variable).collect();
        environment
            .into_iter()
            .filter(|name| name.starts_with(PREFIX) && name != FILE_VARIABLE)
            .filter(|name| !known.contains(name))
            .filter_map(|name| {
                let meant = nearest(&name, known.iter().map(String::as_str))?;
                Some(format!("{name} is not known; did you mean {meant}?"))
            })
            .collect()
    }

    /// Every knob with its value and where that was said.
    pub fn table(&self) -> String {
        let rows = KNOBS.iter().map(|knob| {
            let source = self.sources.get(knob.name).unwrap_or(&Source::Default);
            format!("{:<24} {:<28} {source}", knob.name, knob.get(&self.config))
        });
        rows.collect::<Vec<_>>().join("\n")
    }
}

impl Config {
    /// What cannot be so together.
    fn contradiction(&self) -> Option<String> {
        match (&self.certificate, &self.key) {
            (Some(_), None) => Some("tls.certificate is nothing without tls.key".to_owned()),
            (None, Some(_)) => Some("tls.key is nothing without tls.certificate".to_owned()),
            _ if self.open && !self.listen.ip().is_loopback() => Some(format!(
                "pages.sign_in may be none on a loopback address alone, and listen is {}",
                self.listen
            )),
            _ if self.open && self.tls_proxy => Some(
                "pages.sign_in may not be none behind a proxy: others reach it through that"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Where the certificate is, if there is to be TLS.
    pub fn tls(&self) -> Option<CertificateFiles> {
        Some(CertificateFiles {
            certificate: self.certificate.clone()?,
            key: self.key.clone()?,
        })
    }
}

/// The name that is most like this one, if any is.
pub(crate) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this, two names have nothing to do with each other.
    const ALIKE: f64 = 0.7;
    known
        .map(|candidate| (candidate, strsim::jaro_winkler(name, candidate)))
        .filter(|(_, alike)| *alike >= ALIKE)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .map(|(candidate, _)| candidate)
}

/// The reference of every knob, as it stands in the documentation.
pub fn reference() -> String {
    let mut said = String::from(
        "# Configuration of the collector\n\n\
         `candor-collector serve` reads a file (`--config FILE`, or the variable `CANDOR_CONFIG`), then the environment, then flags; each\n\
         later one is believed over those before it. `candor-collector check FILE` says what is wrong with a file, or prints what would be\n\
         in effect. A name that is not known is refused. In the file a name such as `ingest.working` stands as `working` in the table\n\
         `[ingest]`.\n\n",
    );
    for knob in KNOBS {
        let default = knob.get(&Config::default());
        said.push_str(&format!(
            "## `{}`\n\n{}\n\n| unit | range | default | variable | flag |\n|---|---|---|---|---|\n| {} | {} | {} | `{}` | `--{}` |\n\n",
            knob.name,
            knob.help,
            knob.unit,
            knob.range(),
            if default.is_empty() { "none".to_owned() } else { format!("`{default}`") },
            knob.variable(),
            knob.flag(),
        ));
    }
    said.push_str(include_str!("config/beside.md"));
    said
}

#[cfg(test)]
mod tests;
