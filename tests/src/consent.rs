//! What the users of hosts that stories play have agreed to.

use candor_agent::{Age, Consent};

/// Everything, at some time, at no age that was asked for.
pub fn given() -> Consent {
    Consent {
        sdk: "im-sdk".into(),
        operator: "Example Ltd".into(),
        purposes: vec!["find faults".into()],
        policy_version: "3".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1_000,
        catalogue: candor_agent::CATALOGUE,
        age: Age::Unknown,
    }
}
