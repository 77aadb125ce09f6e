//! Every knob there is: one list, from which come the flags, the variables, what a file may say, and the reference.

use super::Config;
use crate::alerts::guard::Targets;
use crate::store::sqlite;
use std::path::PathBuf;
use std::time::Duration;

/// A knob.
#[derive(Debug)]
pub struct Knob {
    /// Its name in the file; what is before a dot is the table.
    pub name: &'static str,
    /// In what its value is counted, or what it is.
    pub unit: &'static str,
    /// What it does.
    pub help: &'static str,
    /// What may be said.
    pub kind: Kind,
}

/// What may be said.
#[derive(Debug)]
pub enum Kind {
    /// A whole number.
    Number {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
        /// Changes it.
        set: fn(&mut Config, u64),
        /// Tells it.
        get: fn(&Config) -> u64,
    },
    /// A text.
    Text {
        /// Which ones, in words.
        range: &'static str,
        /// Changes it, or says why not.
        set: fn(&mut Config, &str) -> Result<(), String>,
        /// Tells it; empty where there is none.
        get: fn(&Config) -> String,
    },
}

impl Knob {
    /// Its flag, without the dashes.
    pub fn flag(&self) -> String {
        self.name.replace(['.', '_'], "-")
    }

    /// Its variable of the environment.
    pub fn variable(&self) -> String {
        let name = self.name.replace('.', "_").to_ascii_uppercase();
        format!("{}{name}", super::PREFIX)
    }

    /// What may be said, in words.
    pub fn range(&self) -> String {
        match self.kind {
            Kind::Number { least, most, .. } => format!("{least} to {most}"),
            Kind::Text { range, .. } => range.to_owned(),
        }
    }

    /// Changes it.
    ///
    /// # Errors
    /// Says what may be said.
    pub fn set(&self, config: &mut Config, text: &str) -> Result<(), String> {
        match self.kind {
            Kind::Text { set, .. } => set(config, text),
            Kind::Number {
                least, most, set, ..
            } => {
                let number = text.parse().ok().filter(|n| (least..=most).contains(n));
                let number =
                    number.ok_or_else(|| format!("has to be a number from {least} to {most}"))?;
                set(config, number);
                Ok(())
            }
        }
    }

    /// Tells it; empty where there is none.
    pub fn get(&self, config: &Config) -> String {
        match self.kind {
            Kind::Text { get, .. } => get(config),
            Kind::Number { get, .. } => get(config).to_string(),
        }
    }
}

const fn number(least: u64, most: u64, set: fn(&mut Config, u64), get: fn(&Config) -> u64) -> Kind {
    Kind::Number {
        least,
        most,
        set,
        get,
    }
}

fn path(text: &str) -> Result<Option<PathBuf>, String> {
    if text.is_empty() {
        return Err("has to be a path".to_owned());
    }
    Ok(Some(PathBuf::from(text)))
}

fn shown(path: &Option<PathBuf>) -> String {
    path.as_ref()
        .map(|path| path.display().to_string())
        .unwrap_or_default()
}

const MIB: u64 = 1 << 20;

/// All of them, in the order in which the reference tells them.
pub const KNOBS: &[Knob] = &[
    Knob {
        name: "data",
        unit: "directory",
        help: "Where everything is kept; it is made when it does not exist. It has to be said somewhere.",
        kind: Kind::Text {
            range: "a path",
            set: |config, text| path(text).map(|path| config.data = path),
            get: |config| shown(&config.data),
        },
    },
    Knob {
        name: "store",
        unit: "store",
        help: "Where reports are kept instead: on a ClickHouse, or in another directory. What was agreed on, receipts, the audit trail and \
               symbol files stay in `data`, which collectors on one ClickHouse share. An address with a password belongs into the file or \
               the environment: others on the machine see flags.",
        kind: Kind::Text {
            range: "`clickhouse://[user:password@]host[:port][,...]/database[?cluster=NAME]`, or `sqlite:DIR`",
            set: |config, text| {
                let address = text
                    .parse()
                    .map_err(|why| format!("cannot be used: {why}"))?;
                config.store = Some(address);
                Ok(())
            },
            get: |config| {
                config
                    .store
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default()
            },
        },
    },
    Knob {
        name: "cache_mib",
        unit: "MiB",
        help: "Pages of the embedded store that are kept in memory while it is written. A store of millions of reports takes more of them \
               in a second with more of it.",
        kind: number(
            1,
            sqlite::MOST_CACHE_MIB as u64,
            |config, n| config.cache_mib = n as u32,
            |config| config.cache_mib.into(),
        ),
    },
    Knob {
        name: "listen",
        unit: "address",
        help: "Where to listen; port 0 takes a free one. Where that is no loopback address, pages are served by TLS alone.",
        kind: Kind::Text {
            range: "IP:PORT",
            set: |config, text| {
                config.listen = text.parse().map_err(|_| "has to be IP:PORT".to_owned())?;
                Ok(())
            },
            get: |config| config.listen.to_string(),
        },
    },
    Knob {
        name: "pages.sign_in",
        unit: "policy",
        help: "Whether whoever wants to see the pages has to sign in. `none` is for a demo, or a machine of one's own: everybody who \
               reaches the loopback address may see and change everything, and every page says so. Then pages answer to names of \
               the loopback alone.",
        kind: Kind::Text {
            range: "required, or none",
            set: |config, text| {
                config.open = match text {
                    "required" => false,
                    "none" => true,
                    _ => return Err("has to be required or none".to_owned()),
                };
                Ok(())
            },
            get: |config| if config.open { "none" } else { "required" }.to_owned(),
        },
    },
    Knob {
        name: "pages.tls_proxy",
        unit: "answer",
        help: "Whether a proxy in front of the collector speaks TLS with browsers, and nobody reaches the collector but through it. \
               Pages are then served in plain HTTP on any address, and cookies are for TLS alone.",
        kind: Kind::Text {
            range: "yes, or no",
            set: |config, text| {
                config.tls_proxy = match text {
                    "yes" => true,
                    "no" => false,
                    _ => return Err("has to be yes or no".to_owned()),
                };
                Ok(())
            },
            get: |config| if config.tls_proxy { "yes" } else { "no" }.to_owned(),
        },
    },
    Knob {
        name: "small_groups",
        unit: "installations",
        help: "Classes of breakdowns that fewer installations are in are merged, so that no figure is about a few. Below 10, and `show`, \
               is for demos, and for devices that are all your own; every page then says so.",
        kind: Kind::Text {
            range: "a number, or show",
            set: |config, text| {
                config.small_groups = text.parse()?;
                Ok(())
            },
            get: |config| config.small_groups.to_string(),
        },
    },
    Knob {
        name: "public_address",
        unit: "web address",
        help: "Under which address people reach the dashboard. Alerts link to the page that shows why; without it they link to none.",
        kind: Kind::Text {
            range: "`https://` or `http://`, and a name",
            set: |config, text| {
                let url = url::Url::parse(text).ok().filter(|url| {
                    matches!(url.scheme(), "https" | "http")
                        && url.has_host()
                        && url.query().is_none()
                        && url.fragment().is_none()
                });
                let url = url.ok_or("has to be an address such as https://candor.example")?;
                config.public_address = Some(url);
                Ok(())
            },
            get: |config| {
                let address = config.public_address.as_ref();
                address.map(ToString::to_string).unwrap_or_default()
            },
        },
    },
    Knob {
        name: "alerts",
        unit: "switch",
        help: "Whether this collector looks for what is to be told, and tells it. Of several collectors on one ClickHouse let one do so. \
               Alerts, and to whom they are told, are set on the page Settings.",
        kind: Kind::Text {
            range: "on, or off",
            set: |config, text| {
                config.alerts = match text {
                    "on" => true,
                    "off" => false,
                    _ => return Err("has to be on or off".to_owned()),
                };
                Ok(())
            },
            get: |config| if config.alerts { "on" } else { "off" }.to_owned(),
        },
    },
    Knob {
        name: "alerts_targets",
        unit: "targets",
        help: "Where alerts may be sent to. `public`: by https to public addresses, whatever a name stands for. `any`: by http as well, to \
               this machine and to private networks as well; whoever may add a webhook then makes the collector send requests there.",
        kind: Kind::Text {
            range: "public, or any",
            set: |config, text| {
                config.alerts_targets = match text {
                    "public" => Targets::Public,
                    "any" => Targets::Any,
                    _ => return Err("has to be public or any".to_owned()),
                };
                Ok(())
            },
            get: |config| {
                match config.alerts_targets {
                    Targets::Public => "public",
                    Targets::Any => "any",
                }
                .to_owned()
            },
        },
    },
    Knob {
        name: "ingest.connections",
        unit: "connections",
        help: "Connections that are open at a time. One more is told to come again, and closed.",
        kind: number(
            1,
            1_000_000,
            |config, n| config.limits.connections = n as usize,
            |config| config.limits.connections as u64,
        ),
    },
    Knob {
        name: "ingest.head_seconds",
        unit: "seconds",
        help: "How long the head of a request, or a handshake of TLS, may take to arrive, and how long a connection may be idle.",
        kind: number(
            1,
            3_600,
            |config, n| config.limits.head = Duration::from_secs(n),
            |config| config.limits.head.as_secs(),
        ),
    },
    Knob {
        name: "ingest.body_seconds",
        unit: "seconds",
        help: "How long a body may take to arrive. Agents give up after 35 seconds.",
        kind: number(
            1,
            3_600,
            |config, n| config.limits.body = Duration::from_secs(n),
            |config| config.limits.body.as_secs(),
        ),
    },
    Knob {
        name: "ingest.reading",
        unit: "requests",
        help: "Requests whose body is being read. More are answered 503 at once. One app alone may have half of them.",
        kind: number(
            1,
            1_000_000,
            |config, n| config.limits.reading = n as usize,
            |config| config.limits.reading as u64,
        ),
    },
    Knob {
        name: "ingest.reading_mib",
        unit: "MiB",
        help: "Memory for those bodies, as they are announced.",
        kind: number(
            1,
            65_536,
            |config, n| config.limits.reading_bytes = (n * MIB) as usize,
            |config| config.limits.reading_bytes as u64 / MIB,
        ),
    },
    Knob {
        name: "ingest.working",
        unit: "requests",
        help: "Requests that are decoded or wait for the store. More are answered 503 at once. One app alone may have half of them.",
        kind: number(
            1,
            1_000_000,
            |config, n| config.limits.working = n as usize,
            |config| config.limits.working as u64,
        ),
    },
    Knob {
        name: "ingest.working_mib",
        unit: "MiB",
        help: "Memory for those requests.",
        kind: number(
            1,
            65_536,
            |config, n| config.limits.working_bytes = (n * MIB) as usize,
            |config| config.limits.working_bytes as u64 / MIB,
        ),
    },
    Knob {
        name: "ingest.daily_reports",
        unit: "reports a day (UTC)",
        help: "Reports of one app that are taken in a day, where nothing else was agreed on for it; 0 for any number. Further ones are \
               answered 429 until the next day.",
        kind: number(
            0,
            1_000_000_000_000,
            |config, n| config.limits.daily_reports = (n > 0).then_some(n),
            |config| config.limits.daily_reports.unwrap_or(0),
        ),
    },
    Knob {
        name: "tls.certificate",
        unit: "file",
        help: "The chain of certificates as PEM, the collector's own first. Without it the collector speaks plain HTTP.",
        kind: Kind::Text {
            range: "a path",
            set: |config, text| path(text).map(|path| config.certificate = path),
            get: |config| shown(&config.certificate),
        },
    },
    Knob {
        name: "tls.key",
        unit: "file",
        help: "The private key of the certificate, as PEM.",
        kind: Kind::Text {
            range: "a path",
            set: |config, text| path(text).map(|path| config.key = path),
            get: |config| shown(&config.key),
        },
    },
    Knob {
        name: "metrics.listen",
        unit: "address",
        help: "Where `/metrics`, `/healthz` and `/readyz` are served besides, in plain HTTP: an address that only operators reach.",
        kind: Kind::Text {
            range: "IP:PORT",
            set: |config, text| {
                let address = text.parse().map_err(|_| "has to be IP:PORT".to_owned())?;
                config.metrics = Some(address);
                Ok(())
            },
            get: |config| config.metrics.map(|to| to.to_string()).unwrap_or_default(),
        },
    },
    Knob {
        name: "grouping.rules",
        unit: "file",
        help: "A developer's own rules of grouping: whose a frame is, which frames and names do not tell faults apart, what messages say. \
               What stands in it is told in `docs/grouping.md`; it is read at the start. A change of it splits no issue that is there.",
        kind: Kind::Text {
            range: "a path",
            set: |config, text| path(text).map(|path| config.grouping_rules = path),
            get: |config| shown(&config.grouping_rules),
        },
    },
    Knob {
        name: "log.format",
        unit: "word",
        help: "What the log, on standard error, is written as.",
        kind: Kind::Text {
            range: "text, or json",
            set: |config, text| {
                config.json_log = match text {
                    "json" => true,
                    "text" => false,
                    _ => return Err("has to be text or json".to_owned()),
                };
                Ok(())
            },
            get: |config| if config.json_log { "json" } else { "text" }.to_owned(),
        },
    },
    Knob {
        name: "log.filter",
        unit: "directives",
        help: "What is logged, such as `warn` or `info,candor_collector::ingest=debug`. Where it is not said, `RUST_LOG` is asked, and \
               then it is `info`. Nothing that is logged holds what was sent or where it came from.",
        kind: Kind::Text {
            range: "directives of tracing",
            set: |config, text| {
                let filter: Result<tracing_subscriber::EnvFilter, _> = text.parse();
                filter.map_err(|error| format!("is no filter: {error}"))?;
                config.log = Some(text.to_owned());
                Ok(())
            },
            get: |config| config.log.clone().unwrap_or_default(),
        },
    },
    Knob {
        name: "stop.drain_seconds",
        unit: "seconds",
        help: "How long connections are still taken after the collector was told to stop, while `/readyz` says that it is not ready: as \
               long as a balancer of load needs to notice.",
        kind: number(
            0,
            3_600,
            |config, n| config.drain = Duration::from_secs(n),
            |config| config.drain.as_secs(),
        ),
    },
    Knob {
        name: "stop.grace_seconds",
        unit: "seconds",
        help: "How long requests that are being served may go on after that. Then their connections are closed.",
        kind: number(
            0,
            3_600,
            |config, n| config.grace = Duration::from_secs(n),
            |config| config.grace.as_secs(),
        ),
    },
];
