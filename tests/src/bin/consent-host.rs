//! A host whose user changes their mind, and which can be killed at any moment.
//!
//! `consent-host record|withdraw|withdrawn COLLECTOR KEY DIR [OPERATOR_KEY]`: records something and ends; withdraws while the agent
//! runs, and waits for the collector's answer; starts after the user has withdrawn, and waits for it. It keeps the user's choice as
//! an app does, in a file beside DIR: first the choice, then the agent.

use candor_agent::local::Device;
use candor_agent::{Agent, Choice, Extension, Failure, Phase, Settings, Transport, name};
use candor_tests::consent;
use std::path::Path;
use std::thread;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [what, collector, key, dir, more @ ..] = &words[..] else {
        eprintln!("usage: consent-host record|withdraw|withdrawn COLLECTOR KEY DIR [OPERATOR_KEY]");
        std::process::exit(2);
    };
    let mut settings = Settings::new("im-demo", "1.4.0", collector, key, dir);
    if let [operator, ..] = more {
        settings = settings.operator_key(operator);
    }
    let withdrawn = Path::new(dir).with_extension("withdrawn");
    let choice = match what.as_str() {
        "withdrawn" => Choice::Withdrawn,
        _ => Choice::Granted(consent::given()),
    };
    let agent = Agent::start(Extension::On, choice, settings).expect("the settings are good");
    match what.as_str() {
        "record" => {
            let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
            link.attempt().failed(Phase::Connect, Failure::Refused);
            agent.shutdown(PATIENCE);
        }
        "withdraw" => {
            agent.flush(PATIENCE);
            std::fs::write(&withdrawn, "").expect("the app's own file");
            agent.withdraw();
            wait_for_the_answer(dir);
        }
        _ => wait_for_the_answer(dir),
    }
}

/// The agent asks by itself; an app would simply go on.
fn wait_for_the_answer(dir: &str) {
    let device = Device::open(dir);
    for _ in 0..2_000 {
        if device.status(0).is_ok_and(|status| !status.erasing) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
}
