//! Every knob of the agent, with its unit and default; checked once.

use crate::consent::Terms;
use crate::upload::transport::Carrier;
use candor_crash::Scope;
use candor_protocol::catalogue::Extra;
use candor_protocol::deidentify::{AppName, Region, Release};
use candor_protocol::moment::Precision;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What the developer decides. Making one costs nothing and touches nothing; it is checked when the agent starts.
#[derive(Clone)]
pub struct Settings {
    pub(crate) app: String,
    pub(crate) release: String,
    pub(crate) collector: String,
    pub(crate) key: String,
    pub(crate) dir: PathBuf,
    pub(crate) precision: Precision,
    pub(crate) window: Duration,
    pub(crate) upload_every: Duration,
    pub(crate) calm_upload_every: Duration,
    pub(crate) spool_bytes: u64,
    pub(crate) spool_reports: usize,
    pub(crate) spool_age: Duration,
    pub(crate) carrier: Option<Arc<dyn Carrier>>,
    pub(crate) scope: Scope,
    pub(crate) thread_names: &'static [&'static str],
    pub(crate) rescue: Duration,
    pub(crate) extras: Vec<Extra>,
    pub(crate) terms: Option<Terms>,
    pub(crate) region: Option<String>,
    pub(crate) operator_key: Option<String>,
}

impl Settings {
    /// Required: name of the app (`[a-z0-9._-]`, at most 64), its version, the collector's address (`https://host[:port]`,
    /// or `http://` for a loopback address), the ingest key that the collector printed, and a directory of the app's own
    /// that nothing else uses.
    pub fn new(
        app: impl Into<String>,
        release: impl Into<String>,
        collector: impl Into<String>,
        key: impl Into<String>,
        dir: impl Into<PathBuf>,
    ) -> Self {
        Self {
            app: app.into(),
            release: release.into(),
            collector: collector.into(),
            key: key.into(),
            dir: dir.into(),
            precision: Precision::Hour,
            window: Duration::from_secs(60),
            upload_every: Duration::from_secs(60),
            calm_upload_every: Duration::from_secs(30 * 60),
            spool_bytes: 4 * 1024 * 1024,
            spool_reports: 2000,
            spool_age: Duration::from_secs(7 * 24 * 3600),
            carrier: None,
            scope: Scope::App,
            thread_names: &[],
            rescue: Duration::from_secs(2),
            extras: Vec::new(),
            terms: None,
            region: None,
            operator_key: None,
        }
    }

    /// Optional: switches on fields that are off by default. Users have to be told of them.
    #[must_use]
    pub fn extra(mut self, extra: Extra) -> Self {
        if !self.extras.contains(&extra) {
            self.extras.push(extra);
        }
        self
    }

    /// Optional, and recommended: to what users have to agree now. A consent that was given to another operator, or not for all
    /// purposes, then allows nothing, and starting says that the user has to be asked again. Default: a consent is taken as it is.
    #[must_use]
    pub fn terms(mut self, terms: Terms) -> Self {
        self.terms = Some(terms);
        self
    }

    /// Optional: where reports may be kept, in the words of the collector's operator (1 to 32 of `a-z 0-9 -`). Nothing is sent
    /// before the collector has said that it is there, and a collector of another region refuses what is meant for this one. A
    /// carrier of the host's own then has to hand answers on, by [`Outcome::of_answer`](crate::Outcome::of_answer). Default:
    /// wherever the collector is.
    #[must_use]
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Optional, and recommended: the public key of the collector's operator, 64 hexadecimal digits, as `candor-collector key`
    /// prints it. With it the agent believes a signed notice that the service has ended: it then stops, wipes everything, and stays
    /// silent for good. Default: nobody is believed, and the agent goes on trying.
    #[cfg(feature = "verify")]
    #[must_use]
    pub fn operator_key(mut self, public_key: impl Into<String>) -> Self {
        self.operator_key = Some(public_key.into());
        self
    }

    /// Optional: whose crashes are recorded. Default: all of the process.
    #[must_use]
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Optional: names of threads that may be told, such as those of the SDK's pools. A number at the end does not count:
    /// `worker` stands for `worker-12` too. All other names, which may hold anything, are not. At most 43 of at most 32 bytes
    /// are used. Default: those of Rust, tokio and the agent, which are told in any case.
    #[must_use]
    pub fn thread_names(mut self, names: &'static [&'static str]) -> Self {
        self.thread_names = names;
        self
    }

    /// Optional: how long the start may wait for reports to be sent when the last two runs crashed within ten seconds, at most
    /// 10 s. Default: 2 s; zero for never.
    #[must_use]
    pub fn rescue(mut self, patience: Duration) -> Self {
        self.rescue = patience;
        self
    }

    /// Optional: how finely reports tell the time. Default: the hour. The minute has to be disclosed to users.
    #[must_use]
    pub fn precision(mut self, precision: Precision) -> Self {
        self.precision = precision;
        self
    }

    /// Optional: length of a connection window, 1 s to 1 h. Default: 60 s.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Optional: how long reports wait so that they travel together, 100 ms to 24 h. Default: 60 s. Crashes do not wait.
    #[must_use]
    pub fn upload_every(mut self, every: Duration) -> Self {
        self.upload_every = every;
        self
    }

    /// Optional: how long reports wait that nobody waits for, since they tell of connections that fare well; 100 ms to 24 h,
    /// and never less than [`upload_every`](Self::upload_every). Default: 30 min. They travel with whatever else is sent
    /// meanwhile. Most of what a report costs on the wire is its envelope, so this decides what a quiet day costs.
    #[must_use]
    pub fn calm_upload_every(mut self, every: Duration) -> Self {
        self.calm_upload_every = every;
        self
    }

    /// Optional: the most bytes of reports kept on the device, 64 KiB to 64 MiB. Default: 4 MiB.
    #[must_use]
    pub fn spool_bytes(mut self, bytes: u64) -> Self {
        self.spool_bytes = bytes;
        self
    }

    /// Optional: the most reports kept on the device, 10 to 100,000. Default: 2,000.
    #[must_use]
    pub fn spool_reports(mut self, reports: usize) -> Self {
        self.spool_reports = reports;
        self
    }

    /// Optional: how long a report waits for a collector, 1 h to 30 days. Default: 7 days.
    #[must_use]
    pub fn spool_age(mut self, age: Duration) -> Self {
        self.spool_age = age;
        self
    }

    /// Optional: the host's own way of sending, instead of the built-in HTTP client.
    #[must_use]
    pub fn carrier(mut self, carrier: Arc<dyn Carrier>) -> Self {
        self.carrier = Some(carrier);
        self
    }

    pub(crate) fn check(self) -> Result<Checked, SettingsError> {
        let app = AppName::parse(&self.app)
            .map_err(|_| SettingsError("the app's name must be 1 to 64 of a-z 0-9 . _ -"))?;
        let release = Release::parse(&self.release)
            .map_err(|_| SettingsError("the release must be 1 to 64 of 0-9 A-Z a-z . + _ -"))?;
        let seconds = |duration: Duration| duration.as_secs_f64();
        let rules = [
            (
                is_endpoint(&self.collector),
                "the collector must be https://host[:port], or http:// for a loopback address",
            ),
            (
                !self.key.is_empty() && self.key.bytes().all(|b| b.is_ascii_graphic()),
                "the ingest key is missing or malformed",
            ),
            (
                self.dir.is_absolute(),
                "the directory must be an absolute path",
            ),
            (
                (1.0..=3600.0).contains(&seconds(self.window)),
                "a connection window is 1 s to 1 h",
            ),
            (
                (0.1..=86_400.0).contains(&seconds(self.upload_every)),
                "the upload interval is 100 ms to 24 h",
            ),
            (
                (0.1..=86_400.0).contains(&seconds(self.calm_upload_every)),
                "the upload interval of a calm connection is 100 ms to 24 h",
            ),
            (
                (65_536..=67_108_864).contains(&self.spool_bytes),
                "the spool holds 64 KiB to 64 MiB",
            ),
            (
                (10..=100_000).contains(&self.spool_reports),
                "the spool holds 10 to 100,000 reports",
            ),
            (
                (3600.0..=2_592_000.0).contains(&seconds(self.spool_age)),
                "the spool keeps reports for 1 h to 30 days",
            ),
            (
                self.rescue <= Duration::from_secs(10),
                "a start waits at most 10 s for reports of crashes",
            ),
            (
                self.region
                    .as_deref()
                    .is_none_or(|region| Region::parse(region).is_ok()),
                "a region is 1 to 32 of a-z 0-9 -",
            ),
            (
                self.operator_key.as_deref().is_none_or(is_key),
                "the operator's key is 64 of 0-9 a-f, as `candor-collector key` prints it",
            ),
            (
                touches_something(&self.scope),
                "a scope names at least one module or range, and no range is empty",
            ),
        ];
        if let Some(&(_, sentence)) = rules.iter().find(|(holds, _)| !holds) {
            return Err(SettingsError(sentence));
        }
        Ok(Checked {
            app,
            release,
            settings: self,
        })
    }
}

fn is_key(digits: &str) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    digits.len() == 64 && digits.bytes().all(is_digit)
}

/// A scope that touches nothing is a mistake.
fn touches_something(scope: &Scope) -> bool {
    match scope {
        Scope::App => true,
        Scope::Modules { names, ranges } => {
            let something = !names.is_empty() || !ranges.is_empty();
            something && ranges.iter().all(|range| !range.is_empty())
        }
    }
}

impl fmt::Debug for Settings {
    /// Leaves out the ingest key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("app", &self.app)
            .field("release", &self.release)
            .field("collector", &self.collector)
            .finish_non_exhaustive()
    }
}

/// Plain HTTP would let anyone on the way read the key and the reports, so it is for this machine only.
fn is_endpoint(url: &str) -> bool {
    let host_is_loopback = |rest: &str| {
        let authority = rest.split('/').next().unwrap_or_default();
        let host = match authority.strip_prefix('[') {
            Some(v6) => v6.split(']').next().unwrap_or_default(),
            None => authority.split(':').next().unwrap_or_default(),
        };
        host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback())
    };
    let plain = |rest: &str| !rest.is_empty() && !rest.contains(['@', '?', '#', ' ']);
    match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
        (Some(rest), _) => plain(rest),
        (_, Some(rest)) => plain(rest) && host_is_loopback(rest),
        _ => false,
    }
}

/// Settings that were checked.
#[derive(Debug, Clone)]
pub(crate) struct Checked {
    pub(crate) app: AppName,
    pub(crate) release: Release,
    pub(crate) settings: Settings,
}

/// Which setting is wrong, and what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingsError(&'static str);

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for SettingsError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Settings {
        Settings::new(
            "im-demo",
            "1.4.0",
            "http://127.0.0.1:4700",
            "ck_0",
            "/tmp/x",
        )
    }

    #[test]
    fn good_settings_pass() {
        assert!(good().check().is_ok());
        for url in [
            "https://collector.example",
            "http://[::1]:80",
            "http://localhost:1/apm",
        ] {
            assert!(
                Settings {
                    collector: url.into(),
                    ..good()
                }
                .check()
                .is_ok(),
                "{url}"
            );
        }
    }

    #[test]
    fn each_setting_that_is_wrong_is_named() {
        let wrong = [
            (
                Settings {
                    app: "Im Demo".into(),
                    ..good()
                },
                "name",
            ),
            (
                Settings {
                    release: "1 4".into(),
                    ..good()
                },
                "release",
            ),
            (
                Settings {
                    collector: "http://collector.example".into(),
                    ..good()
                },
                "collector",
            ),
            (
                Settings {
                    collector: "http://localhost@collector.example".into(),
                    ..good()
                },
                "collector",
            ),
            (
                Settings {
                    collector: "collector.example".into(),
                    ..good()
                },
                "collector",
            ),
            (
                Settings {
                    key: String::new(),
                    ..good()
                },
                "key",
            ),
            (
                Settings {
                    dir: "apm".into(),
                    ..good()
                },
                "directory",
            ),
            (good().window(Duration::ZERO), "window"),
            (good().upload_every(Duration::from_secs(100_000)), "upload"),
            (good().calm_upload_every(Duration::ZERO), "calm"),
            (good().spool_bytes(1), "spool"),
            (good().spool_reports(0), "spool"),
            (good().spool_age(Duration::ZERO), "spool"),
            (good().rescue(Duration::from_secs(60)), "start"),
            (good().region("North China"), "region"),
            (
                Settings {
                    operator_key: Some("0F".repeat(32)),
                    ..good()
                },
                "operator's key",
            ),
            (
                good().scope(Scope::Modules {
                    names: vec![],
                    ranges: vec![],
                }),
                "scope",
            ),
        ];
        for (settings, word) in wrong {
            let error = settings.check().map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
    }

    #[test]
    fn the_key_does_not_show_in_debug_output() {
        assert!(!format!("{:?}", good()).contains("ck_0"));
    }
}
