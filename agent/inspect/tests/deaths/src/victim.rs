//! A host with a real agent that comes to the end it is told.

use candor_agent::{Age, Agent, Choice, Consent, Extension, Settings};
use std::hint::black_box;
use std::time::Duration;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn consent() -> Consent {
    Consent {
        sdk: "im-sdk".into(),
        operator: "Example Ltd".into(),
        purposes: vec!["find faults".into()],
        policy_version: "3".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1,
        catalogue: candor_agent::CATALOGUE,
        age: Age::Unknown,
    }
}

/// Starts an agent in the directory that the environment names, and meets `fate`.
pub(crate) fn meet(fate: &str) {
    let dir = std::env::var("CANDOR_DIR").unwrap();
    // Nothing listens there, so that everything stays on the device.
    let settings = Settings::new("im-demo", "1.4.0", "http://127.0.0.1:9", "ck_none", dir);
    let agent = Agent::start(Extension::On, Choice::Granted(consent()), settings).unwrap();
    agent.flush(PATIENCE);
    match fate {
        "panic" => open_history(black_box(&[1, 2, 3])),
        "null" => follow(black_box(std::ptr::null())),
        "exit" => {
            agent.shutdown(PATIENCE);
        }
        other => panic!("no such fate: {other}"),
    }
}

/// Functions that something was inlined into have a file and a line wherever line tables are all there is.
#[inline(always)]
fn inlined(index: usize) -> usize {
    black_box(index)
}

#[inline(never)]
fn open_history(bytes: &[u32]) {
    black_box(parse_header(black_box(bytes)));
}

#[inline(never)]
fn parse_header(bytes: &[u32]) -> u32 {
    bytes[inlined(7)]
}

#[inline(never)]
#[allow(unsafe_code)]
fn follow(chat: *const u64) {
    // SAFETY: there is none: this is the fault that the story is about, in a process of its own.
    black_box(unsafe { *chat.wrapping_add(inlined(2)) });
}
