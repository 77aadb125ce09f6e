//! Recording on the host's threads allocates nothing once every kind of event has been seen.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use candor_agent::*;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::alloc::System;
use std::sync::Arc;
use std::time::Duration;

#[global_allocator]
static ALLOCATED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Takes everything.
struct Nobody;

impl Carrier for Nobody {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(async { Outcome::Delivered })
    }
}

fn life(link: &Connection, number: u64) {
    let took = Duration::from_micros(number * 7_919 % 3_000_000);
    let mut attempt = link.attempt();
    for (phase, &done) in [
        Phase::Resolve,
        Phase::Connect,
        Phase::Tls,
        Phase::Login,
        Phase::FirstByte,
    ]
    .iter()
    .enumerate()
    {
        if phase == 1 {
            attempt.trying(Family::V6);
            attempt.trying(Family::V4);
        }
        attempt.done(done);
    }
    let meter = attempt.meter();
    let live = attempt.ready();
    live.rtt(took);
    live.acknowledged(took);
    live.sent(number);
    live.received(number);
    live.expect(Duration::from_secs(3600));
    meter.sent(number);
    meter.received(number);
    meter.tcp(&TcpSample {
        rtt: Some(took),
        rtt_var: Some(took),
        min_rtt: Some(took),
        segments: 1,
        retransmits: 1,
        lost: 1,
        delivery_rate: Some(number),
    });
    live.ended(Disconnect::Reset);
    link.attempt().failed(Phase::Connect, Failure::Timeout);
    let answered = link.exchange().answered();
    answered.received(number);
    answered.finished();
}

#[test]
fn after_each_kind_of_event_was_seen_recording_allocates_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings::new("im-demo", "1.4.0", "http://127.0.0.1:9", "ck_x", dir.path())
        .window(Duration::from_secs(3600))
        .carrier(Arc::new(Nobody));
    let consent = Consent {
        sdk: "im-sdk".into(),
        operator: "Example Ltd".into(),
        purposes: vec!["find faults".into()],
        policy_version: "3".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: 1_000,
        catalogue: candor_agent::CATALOGUE,
        age: candor_agent::Age::Unknown,
    };
    let agent = Agent::start(Extension::On, Choice::Granted(consent), settings).unwrap();
    agent.network(Network::Wifi);
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
    (0..2).for_each(|number| life(&link, number));
    // The agent's own thread may allocate as it goes about its work, now and then: the least of several times counts.
    let least = (0..10u64).map(|round| {
        let recording = Region::new(ALLOCATED);
        (0..2_000).for_each(|number| life(&link, round * 2_000 + number));
        recording.change().allocations
    });
    assert_eq!(least.min(), Some(0));
    agent.shutdown(Duration::from_secs(20));
}
