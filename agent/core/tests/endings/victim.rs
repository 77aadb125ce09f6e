//! A host with a real agent that comes to the end it is told.

use candor_agent::{
    Age, Agent, Carrier, Choice, Consent, Extension, Extra, Outcome, Request, Scope, Sending,
    Settings,
};
use std::fs::File;
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Far longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(20);

candor_agent::crumb_words! {
    pub(crate) enum Screen { Chat = "chat", Settings = "settings" }
}

candor_agent::crumbs! {
    pub(crate) enum Step {
        Opened = "screen_opened" { screen: Screen },
        Sent = "message_sent" { bytes: u64, took_ms: Duration },
    }
}

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

fn place(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("CANDOR_DIR").unwrap()).join(name)
}

/// A collector that keeps what it is sent in a file beside the agent's directory.
struct Keeping;

impl Carrier for Keeping {
    fn send(&self, request: Request) -> Sending<'_> {
        let mut file = File::options()
            .create(true)
            .append(true)
            .open(place("sent"))
            .unwrap();
        let batch = candor_protocol::batch::unpack(&request.body).unwrap();
        for (_, line) in batch.lines() {
            writeln!(file, "{line}").unwrap();
        }
        Box::pin(async { Outcome::Delivered })
    }
}

/// A collector that takes what it is sent and never answers.
struct Silent;

impl Carrier for Silent {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(std::future::pending())
    }
}

/// Nobody: the host is offline.
struct Offline;

impl Carrier for Offline {
    fn send(&self, _: Request) -> Sending<'_> {
        Box::pin(async { Outcome::TryLater { after: None } })
    }
}

fn settings(fate: &str) -> Settings {
    let carrier: Arc<dyn Carrier> = match fate {
        "start_and_crash" => Arc::new(Keeping),
        "start_and_crash_silent" => Arc::new(Silent),
        _ => Arc::new(Offline),
    };
    let release = std::env::var("CANDOR_RELEASE").unwrap_or("1.4.0".into());
    let settings = Settings::new(
        "im-demo",
        release,
        "http://127.0.0.1:9",
        "ck_none",
        place("apm"),
    )
    .extra(Extra::Breadcrumbs)
    .extra(Extra::Foreground)
    .extra(Extra::Usage)
    .carrier(carrier)
    .thread_names(&["decoder"]);
    let sdk = sdk as *const () as usize;
    if fate.starts_with("scoped") {
        settings.scope(Scope::Modules {
            names: vec!["libim_sdk.so".into()],
            ranges: std::iter::once(sdk..sdk + 64).collect(),
        })
    } else {
        settings
    }
}

/// Starts an agent and meets `fate`.
pub(crate) fn meet(fate: &str) {
    let choice = Choice::Granted(consent());
    let agent = Agent::start(Extension::On, choice, settings(fate)).unwrap();
    if fate.starts_with("start_and_crash") {
        return null();
    }
    let crumbs = agent.breadcrumbs::<Step>();
    agent.foreground(fate != "killed_in_the_background");
    agent.flush(PATIENCE);
    for screen in [Screen::Settings, Screen::Chat] {
        crumbs.add(Step::Opened { screen });
    }
    crumbs.add(Step::Sent {
        bytes: 123_456,
        took_ms: Duration::from_millis(40),
    });
    match fate {
        "null" | "scoped_app" => null(),
        "scoped_sdk" => sdk(),
        "scoped_app_panic" => panic!("none of the SDK's business"),
        "named_thread" => {
            let decoder = std::thread::Builder::new().name("decoder-3".into());
            let _ = decoder.spawn(null).unwrap().join();
        }
        "killed_in_the_foreground" | "killed_in_the_background" => kill(),
        "exit" => std::process::exit(3),
        "shut_down" => {
            agent.shutdown(PATIENCE);
        }
        other => panic!("no such fate: {other}"),
    }
    black_box(agent);
}

fn kill() {
    let me = std::process::id().to_string();
    let killed = std::process::Command::new("kill")
        .args(["-KILL", &me])
        .status();
    panic!("still here: {killed:?}");
}

#[inline(never)]
fn null() {
    // SAFETY: there is none, on purpose: the first page is never mapped.
    unsafe { std::arch::asm!("mov eax, [{0:r}]", in(reg) 16usize, out("eax") _) };
}

/// The code of an SDK that is linked into the app: as long as its range, whatever the compiler makes of the rest.
#[inline(never)]
fn sdk() {
    null();
    // SAFETY: instructions that do nothing.
    unsafe { std::arch::asm!(".fill 64, 1, 0x90") };
}
