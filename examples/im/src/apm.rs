//! Everything an integrator writes to get crash, freeze and connection telemetry: start it, tell it how the connection fares, leave.
//!
//! The rest of the SDK knows only this file. While the extension is off, or the user has not agreed, every call in here does nothing.

mod probe;

use std::time::{Duration, UNIX_EPOCH};

use candor_agent::{
    Age, Agent, Breadcrumbs, Choice, Connection, Consent, Disconnect, Extension, Extra, Failure,
    Network, Precision, Settings, Terms, Transport,
};
use candor_net::Failing;

// What the client uses directly.
pub use candor_agent::{Live, Turn, Watch, name};
pub use candor_net::{Dial, Metered};
pub use probe::probe;

use crate::client::{DialFault, Ending, Event};
use crate::config::{ApmConfig, Config, NetworkKind, UserChoice};

/// What the user was asked. The hash below belongs to it: the consent is for this text and no other.
pub const CONSENT_TEXT: &str = include_str!("../consent/en.txt");
const CONSENT_SHA256: &str = "1e42916d0963b24a609cc88b388b6a879872303618dca5008abacdb6557d7dd1";

candor_agent::crumbs! {
    /// What the SDK does, for whoever reads a crash: names and numbers, no message and nobody's name.
    enum Crumb {
        Connected = "connected" { took_ms: Duration },
        AttemptFailed = "attempt_failed" { retry_in_ms: Duration },
        ConnectionLost = "connection_lost" { retry_in_ms: Duration },
        Acknowledged = "message_acknowledged" { took_ms: Duration },
        Delivered = "message_delivered" { bytes: usize },
        OutboxFull = "outbox_full" {},
    }
}

/// Who receives the reports, and what for, as the text above says.
const OPERATOR: &str = "Example Messaging Ltd.";
const PURPOSE: &str = "find and repair faults";

/// The extension, on or off.
#[derive(Debug, Clone)]
pub struct Apm {
    agent: Agent,
    link: Connection,
    crumbs: Breadcrumbs<Crumb>,
}

impl Apm {
    /// Starts the extension, if the developer has switched it on and the user has agreed.
    ///
    /// # Errors
    /// Names the setting that is wrong. Nothing is checked while the extension is off.
    pub fn start(config: &Config) -> Result<Self, String> {
        let extension = if config.apm_extension {
            Extension::On
        } else {
            Extension::Off
        };
        let choice = choice(config.apm.choice);
        let agent = Agent::start(extension, choice, settings(&config.apm))
            .map_err(|e| format!("telemetry: {e}"))?;
        agent.network(network(config.network));
        let link = agent.connection(name!("longlink"), name!("chat"), Transport::Tcp);
        let crumbs = agent.breadcrumbs();
        Ok(Self {
            agent,
            link,
            crumbs,
        })
    }

    /// Watches the calling thread's event loop. The loop does its work in turns of the watch; between turns it may wait as long as it likes.
    #[must_use]
    pub fn watch(&self) -> Watch {
        self.agent.watch(name!("main_loop"))
    }

    /// An attempt to connect begins, each of whose steps may take as long as `patience`. It times and counts itself.
    #[must_use]
    pub fn dial(&self, patience: Duration) -> Dial {
        Dial::new(&self.link).patience(patience)
    }

    /// A connection that was in service has ended.
    pub fn ended(live: Live, ending: &Ending) {
        live.ended(match ending {
            Ending::ClosedByUs => Disconnect::ClosedByUs,
            Ending::ClosedByPeer => Disconnect::ClosedByPeer,
            Ending::HeartbeatTimeout => Disconnect::HeartbeatTimeout,
            Ending::Protocol(_) => Disconnect::Protocol,
            Ending::Io(e) => Disconnect::of(e),
        });
    }

    /// Something happened that is worth knowing when the app dies soon after.
    pub fn happened(&self, event: &Event) {
        let crumb = match event {
            Event::Ready { took } => Crumb::Connected { took_ms: *took },
            Event::Failed { retry_in, .. } => Crumb::AttemptFailed {
                retry_in_ms: *retry_in,
            },
            Event::Lost { retry_in, .. } => Crumb::ConnectionLost {
                retry_in_ms: *retry_in,
            },
            Event::Acknowledged { took, .. } => Crumb::Acknowledged {
                took_ms: took.unwrap_or_default(),
            },
            Event::Delivered { text, .. } => Crumb::Delivered { bytes: text.len() },
            Event::OutboxFull => Crumb::OutboxFull {},
            Event::RoundTrip(_) => return,
        };
        self.crumbs.add(crumb);
    }

    /// The app came to the foreground, or went to the background.
    pub fn foreground(&self, foreground: bool) {
        self.agent.foreground(foreground);
    }

    /// The app ends in good order. Takes no longer than `patience`, whatever the network does; what cannot be sent now is sent at the next start.
    pub fn leave(&self, patience: Duration) {
        self.agent.shutdown(patience);
    }
}

fn settings(apm: &ApmConfig) -> Settings {
    let mut settings = Settings::new(&apm.app, &apm.release, &apm.collector, &apm.key, &apm.dir);
    if let Some(key) = &apm.operator_key {
        settings = settings.operator_key(key);
    }
    if let Some(every) = apm.upload_every {
        // Whoever cannot wait does not want to wait for good news either.
        settings = settings.upload_every(every).calm_upload_every(every);
    }
    if let Some(window) = apm.window {
        settings = settings.window(window);
    }
    settings = settings.terms(Terms {
        operator: OPERATOR.into(),
        purposes: vec![PURPOSE.into()],
    });
    for extra in [Extra::Breadcrumbs, Extra::Foreground, Extra::Usage] {
        settings = settings.extra(extra);
    }
    if apm.minutes {
        settings = settings.precision(Precision::Minute);
    }
    settings
}

/// What the app's settings remember of the user's answer, in the extension's words.
fn choice(choice: UserChoice) -> Choice {
    match choice {
        UserChoice::NotAsked => Choice::NotAsked,
        UserChoice::Declined => Choice::Declined,
        UserChoice::Withdrawn => Choice::Withdrawn,
        UserChoice::Granted(when) => Choice::Granted(Consent {
            sdk: "im-sdk".into(),
            operator: OPERATOR.into(),
            purposes: vec![PURPOSE.into()],
            policy_version: "1".into(),
            text_sha256: CONSENT_SHA256.into(),
            locale: "en".into(),
            given_at: when
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs()),
            // The text names every field of this version, and the optional ones that this app switches on.
            catalogue: candor_agent::CATALOGUE,
            age: Age::Unknown,
        }),
    }
}

/// The class of what goes wrong at login: the app's own errors, in the extension's words.
impl Failing for DialFault {
    fn failure(&self) -> Failure {
        match self {
            Self::Io(e) => e.failure(),
            Self::Timeout => Failure::Timeout,
            Self::Refused(_) => Failure::AuthRefused,
            Self::Closed => Failure::ClosedByPeer,
            Self::Protocol(_) => Failure::Protocol,
        }
    }
}

fn network(kind: NetworkKind) -> Network {
    match kind {
        NetworkKind::Unknown => Network::Unknown,
        NetworkKind::Wifi => Network::Wifi,
        NetworkKind::Ethernet => Network::Ethernet,
        NetworkKind::Cell2g => Network::Cell2g,
        NetworkKind::Cell3g => Network::Cell3g,
        NetworkKind::Cell4g => Network::Cell4g,
        NetworkKind::Cell5g => Network::Cell5g,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::{Digest, Sha256};

    #[test]
    fn the_consent_names_the_text_that_is_shown() {
        let digest: String = Sha256::digest(CONSENT_TEXT)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert_eq!(digest, CONSENT_SHA256);
    }

    #[test]
    fn a_consent_as_this_app_gives_it_is_complete() {
        let Choice::Granted(consent) = choice(UserChoice::Granted(std::time::SystemTime::now()))
        else {
            panic!("a yes became something else");
        };
        assert_eq!(consent.check(), Ok(()));
    }
}
