//! What an app tells the SDK. Everything has a default but the server, the user and the token.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// The SDK's settings.
#[derive(Debug, Clone)]
pub struct Config {
    /// Chat server, as `host:port`.
    pub server: String,
    /// Name of the user: 1 to 32 ASCII letters, digits, `_`, `-` or `.`.
    pub user: String,
    /// Proof that the user is who they say.
    pub token: String,
    /// Kind of network the device is on.
    pub network: NetworkKind,
    /// Time between two pings. 20 s keeps the address translation of mobile networks open.
    pub heartbeat: Duration,
    /// How long an answer to a ping may take.
    pub heartbeat_patience: Duration,
    /// How long each of resolving, connecting and logging in may take.
    pub dial_patience: Duration,
    /// Longest wait after a first failure; doubles with each further one.
    pub backoff_base: Duration,
    /// Longest wait of all.
    pub backoff_cap: Duration,
    /// Messages that may wait for their acknowledgement.
    pub outbox_limit: usize,
    /// Troubleshooting data (crashes, freezes, connection quality). Off unless the developer of the app switches it on;
    /// and even then nothing happens until the user has agreed: see [`ApmConfig::choice`].
    pub apm_extension: bool,
    /// What the extension needs to know. Not looked at while it is off.
    pub apm: ApmConfig,
}

impl Config {
    /// Defaults for `user` at `server`.
    #[must_use]
    pub fn new(
        server: impl Into<String>,
        user: impl Into<String>,
        token: impl Into<String>,
    ) -> Self {
        Self {
            server: server.into(),
            user: user.into(),
            token: token.into(),
            network: NetworkKind::Unknown,
            heartbeat: Duration::from_secs(20),
            heartbeat_patience: Duration::from_secs(10),
            dial_patience: Duration::from_secs(10),
            backoff_base: Duration::from_millis(500),
            backoff_cap: Duration::from_secs(30),
            outbox_limit: 1000,
            apm_extension: false,
            apm: ApmConfig::default(),
        }
    }
}

/// Settings of the troubleshooting extension.
#[derive(Debug, Clone, Default)]
pub struct ApmConfig {
    /// What the user answered when asked. `NotAsked` unless the app says otherwise.
    pub choice: UserChoice,
    /// Name of the app at the collector.
    pub app: String,
    /// Version of the app.
    pub release: String,
    /// Collector, as a URL.
    pub collector: String,
    /// Ingest key that the collector gave out for the app.
    pub key: String,
    /// Public key of whoever runs the collector, which signs the notice that the service ends. A real app has it built in.
    pub operator_key: Option<String>,
    /// Directory on the device in which reports wait.
    pub dir: PathBuf,
    /// Time between two uploads; `None` for the extension's own default.
    pub upload_every: Option<Duration>,
    /// Length of one summary of the connection; `None` for the extension's own default.
    pub window: Option<Duration>,
    /// Tell times to the minute instead of the hour. An app that does has to say so to its users.
    pub minutes: bool,
}

/// What the user said to "May this app send troubleshooting data?".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UserChoice {
    /// Nobody has asked yet.
    #[default]
    NotAsked,
    /// No.
    Declined,
    /// Yes, then.
    Granted(SystemTime),
    /// First yes, later no.
    Withdrawn,
}

/// Kind of network the device is on, as the platform tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkKind {
    /// The platform does not say.
    Unknown,
    /// Wireless LAN.
    Wifi,
    /// Wired.
    Ethernet,
    /// Mobile, second generation.
    Cell2g,
    /// Mobile, third generation.
    Cell3g,
    /// Mobile, fourth generation.
    Cell4g,
    /// Mobile, fifth generation.
    Cell5g,
}

impl NetworkKind {
    const NAMES: [(&'static str, Self); 7] = [
        ("unknown", Self::Unknown),
        ("wifi", Self::Wifi),
        ("ethernet", Self::Ethernet),
        ("cell2g", Self::Cell2g),
        ("cell3g", Self::Cell3g),
        ("cell4g", Self::Cell4g),
        ("cell5g", Self::Cell5g),
    ];

    /// As a command line names it.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(_, kind)| *kind == self)
            .map_or("unknown", |(name, _)| name)
    }
}

impl std::str::FromStr for NetworkKind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::NAMES
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, kind)| *kind)
            .ok_or_else(|| {
                let names: Vec<&str> = Self::NAMES.iter().map(|(name, _)| *name).collect();
                format!("one of {}", names.join(", "))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_network_kind_is_found_by_its_name_and_others_are_refused_with_the_list() {
        for (name, kind) in NetworkKind::NAMES {
            assert_eq!((name.parse(), kind.name()), (Ok(kind), name));
        }
        assert!(
            "cell9g"
                .parse::<NetworkKind>()
                .unwrap_err()
                .contains("cell4g")
        );
    }

    #[test]
    fn nobody_gets_the_extension_without_asking_for_it() {
        let config = Config::new("chat.example:5222", "ana", "token");
        assert!(!config.apm_extension);
        assert_eq!(config.apm.choice, UserChoice::NotAsked);
    }
}
