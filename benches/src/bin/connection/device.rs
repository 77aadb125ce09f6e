//! An agent in this process that sends to nobody.

use candor_agent::{
    Agent, Carrier, Choice, Consent, Extension, Outcome, Request, Sending, Settings,
};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Counts what would have been sent.
#[derive(Debug, Default)]
pub(crate) struct Nobody {
    /// Bytes of batches, and how many there were, that held nothing but windows of connections.
    pub(crate) bytes: AtomicU64,
    pub(crate) batches: AtomicU64,
    last: Mutex<Vec<u8>>,
}

impl Nobody {
    /// The last such batch, unpacked.
    pub(crate) fn last(&self) -> String {
        let bytes = self
            .last
            .lock()
            .map(|last| last.clone())
            .unwrap_or_default();
        let batch = candor_protocol::batch::unpack(&bytes).ok();
        batch
            .and_then(|batch| batch.lines().map(|(_, line)| line.to_owned()).last())
            .unwrap_or_default()
    }
}

impl Carrier for Nobody {
    fn send(&self, request: Request) -> Sending<'_> {
        let windows = candor_protocol::batch::unpack(&request.body).is_ok_and(|batch| {
            batch
                .lines()
                .all(|(_, line)| line.contains("\"connection\":"))
        });
        if windows {
            self.bytes.fetch_add(request.body.len() as u64, Relaxed);
            self.batches.fetch_add(1, Relaxed);
            if let Ok(mut last) = self.last.lock() {
                *last = request.body;
            }
        }
        Box::pin(async { Outcome::Delivered })
    }
}

/// An agent whose windows and uploads take as long as said.
pub(crate) fn start(
    nobody: &Arc<Nobody>,
    window: Duration,
    upload_every: Duration,
    calm: Duration,
) -> io::Result<(Agent, tempfile::TempDir)> {
    let dir = tempfile::tempdir()?;
    let settings = Settings::new(
        "im-demo",
        "1.4.0",
        "http://127.0.0.1:9",
        "ck_bench",
        dir.path(),
    )
    .window(window)
    .upload_every(upload_every)
    .calm_upload_every(calm)
    .carrier(nobody.clone());
    let consent = Consent {
        sdk: "im-sdk".into(),
        operator: "Example Messaging Ltd.".into(),
        purposes: vec!["find and repair faults".into()],
        policy_version: "1".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1,
        catalogue: candor_agent::CATALOGUE,
        age: candor_agent::Age::Unknown,
    };
    let agent = Agent::start(Extension::On, Choice::Granted(consent), settings)
        .map_err(io::Error::other)?;
    Ok((agent, dir))
}

/// One that is left alone.
pub(crate) fn quiet() -> io::Result<(Agent, tempfile::TempDir)> {
    let hour = Duration::from_secs(3600);
    start(&Arc::default(), hour, hour, hour)
}
