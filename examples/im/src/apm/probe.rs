//! One call of everything, for whoever wants to see under `strace` that an extension that is off does nothing at all.

use std::io::Write;
use std::time::Duration;

use candor_agent::{Family, Phase, TcpSample};

use super::*;

/// Calls each method of the extension once with `config`'s switch and choice, between the marks `apm-begin` and `apm-end` on standard error.
pub fn probe(config: &Config) {
    let settings = settings(&config.apm);
    let extension = if config.apm_extension {
        Extension::On
    } else {
        Extension::Off
    };
    let choice = choice(config.apm.choice);
    // Whatever the calls allocate must not be the first to ask the system for memory.
    drop(std::hint::black_box(vec![0_u8; 64 * 1024]));
    mark("apm-begin\n");
    let started = Agent::start(extension, choice, settings);
    let failed = match started {
        Ok(agent) => {
            everything(&agent);
            None
        }
        Err(e) => Some(e),
    };
    mark("apm-end\n");
    if let Some(e) = failed {
        mark(&format!("telemetry did not start: {e}\n"));
    }
}

fn everything(agent: &Agent) {
    agent.network(Network::Wifi);
    let link = agent.connection(name!("longlink"), name!("chat"), Transport::Tcp);
    link.attempt().failed(Phase::Connect, Failure::Refused);
    let upload = agent.connection_in(
        name!("eu"),
        name!("upload"),
        name!("files"),
        Transport::Http,
    );
    upload
        .exchange()
        .failed(Phase::FirstByte, Failure::Overloaded);
    let answered = upload.exchange().answered();
    answered.sent(100);
    answered.received(100);
    answered.finished();
    let mut attempt = link.attempt();
    attempt.done(Phase::Resolve);
    attempt.trying(Family::V6);
    let meter = attempt.meter();
    attempt.done(Phase::Connect);
    attempt.done(Phase::Login);
    let live = attempt.ready();
    live.rtt(Duration::from_millis(20));
    live.acknowledged(Duration::from_millis(30));
    live.sent(100);
    live.received(100);
    live.expect(Duration::from_secs(60));
    meter.expect(Duration::from_secs(60));
    meter.sent(100);
    meter.received(100);
    meter.tcp(&TcpSample::default());
    drop(meter);
    live.ended(Disconnect::Reset);
    let watch = agent.watch(name!("main_loop"));
    let other = agent.watch_with(name!("other_loop"), Duration::from_millis(500));
    drop(watch.turn(name!("decode")));
    watch.pause();
    watch.resume();
    let pings = agent.watch_pings(
        name!("toolkit"),
        candor_agent::Thresholds::default(),
        |ping| ping(),
    );
    pings.pause();
    pings.resume();
    drop(pings);
    drop(other);
    drop(watch);
    agent.foreground(true);
    agent.breadcrumbs().add(Crumb::OutboxFull {});
    agent.flush(Duration::from_millis(10));
    agent.pause();
    agent.resume();
    agent.erase();
    agent.withdraw();
    agent.shutdown(Duration::from_millis(10));
}

/// One write, so that it is one line of a trace.
fn mark(line: &str) {
    let _ = std::io::stderr().write_all(line.as_bytes());
}
