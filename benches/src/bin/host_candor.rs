//! The host app with our agent in it: plays the one scene that it is told to, for `host` to measure.
//!
//! `host_candor SCENE URL DIR [NUMBER]`

use candor_agent::{
    Age, Agent, Choice, Connection, Consent, Disconnect, Extension, Extra, Flushed, Live, Network,
    Phase, Settings, StartError, Transport, name,
};
use candor_benches::{lap, process};
use std::hint::black_box;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use std::{io, panic, process::ExitCode};

/// How long a host waits for its telemetry when it leaves.
const PATIENCE: Duration = Duration::from_millis(300);

struct Host {
    url: String,
    dir: String,
    number: usize,
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let scene = arguments.next().unwrap_or_default();
    let host = Host {
        url: arguments.next().unwrap_or_default(),
        dir: arguments.next().unwrap_or_default(),
        number: arguments.next().map_or(0, |text| text.parse().unwrap_or(0)),
    };
    match host.play(&scene) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error {error}");
            ExitCode::FAILURE
        }
    }
}

impl Host {
    fn play(&self, scene: &str) -> Result<(), StartError> {
        match scene {
            "hello" => wait(),
            "start-off" => self.time_start(Extension::Off)?,
            "start-on" => self.time_start(Extension::On)?,
            "idle-off" => self.idle(Extension::Off, false)?,
            "idle-on" => self.idle(Extension::On, false)?,
            "idle-watch" => self.idle(Extension::On, true)?,
            "calls-off" => self.calls_off()?,
            "calls-on" => self.calls_on()?,
            "hello-panic" => die(),
            "panic" => {
                let _agent = self.started()?;
                die()
            }
            "hello-caught" => caught(self.number),
            "caught" => {
                let _agent = self.started()?;
                caught(self.number);
            }
            "flush" => {
                let agent = self.loaded()?;
                end(|| agent.flush(PATIENCE));
            }
            "shutdown" => {
                let agent = self.loaded()?;
                end(|| agent.shutdown(PATIENCE));
            }
            "panics" => self.panics()?,
            "measures" => self.measures()?,
            "drain" => {
                let agent = self.start(Extension::On)?;
                wait();
                agent.shutdown(Duration::from_secs(5));
            }
            other => println!("error there is no scene {other}"),
        }
        Ok(())
    }

    fn start(&self, extension: Extension) -> Result<Agent, StartError> {
        let settings = Settings::new("bench", "1.0.0", &self.url, "ck_bench", &self.dir)
            .extra(Extra::Breadcrumbs);
        let choice = match extension {
            Extension::Off => Choice::NotAsked,
            Extension::On => Choice::Granted(consent()),
        };
        Agent::start(extension, choice, settings)
    }

    /// An agent in the middle of its work: its own thread is up, and has begun to send that a run has started.
    fn started(&self) -> Result<Agent, StartError> {
        let agent = self.start(Extension::On)?;
        println!("ready");
        wait();
        Ok(agent)
    }

    /// With something to send.
    fn loaded(&self) -> Result<Agent, StartError> {
        let agent = self.started()?;
        let live = link(&agent).attempt().ready();
        for _ in 0..self.number {
            live.rtt(Duration::from_millis(40));
            let _ = panic::catch_unwind(|| panic!("caught"));
        }
        Ok(agent)
    }

    fn time_start(&self, extension: Extension) -> Result<(), StartError> {
        let began = Instant::now();
        let agent = self.start(extension)?;
        println!("took {}", began.elapsed().as_nanos());
        // As when the process is killed: nothing of the end belongs to the start.
        std::mem::forget(agent);
        Ok(())
    }

    fn idle(&self, extension: Extension, watched: bool) -> Result<(), StartError> {
        let agent = self.start(extension)?;
        let live = link(&agent).attempt().ready();
        live.rtt(Duration::from_millis(40));
        let watch = watched.then(|| agent.watch(name!("main_loop")));
        if let Some(watch) = &watch {
            drop(watch.turn(name!("decode")));
        }
        if extension == Extension::Off {
            agent.network(Network::Wifi);
            agent.flush(PATIENCE);
            agent.shutdown(PATIENCE);
        }
        println!("ready");
        wait();
        Ok(())
    }

    fn calls_off(&self) -> Result<(), StartError> {
        let agent = self.start(Extension::Off)?;
        let (link, watch) = (link(&agent), agent.watch(name!("main_loop")));
        let live = link.attempt().ready();
        let crumbs = agent.breadcrumbs::<Step>();
        let took = Duration::from_millis(40);
        let nothing = lap::mean(200, 10_000, || {
            black_box(&agent);
        });
        let call = |name: &str, work: &mut dyn FnMut()| {
            let each = lap::mean(200, 10_000, work) - nothing;
            println!("call {name} {}", each.max(0.0));
        };
        call("rtt", &mut || black_box(&live).rtt(took));
        call("crumb", &mut || black_box(&crumbs).add(SENT));
        call("sent", &mut || black_box(&live).sent(100));
        call("attempt", &mut || one_attempt(black_box(&link)));
        call("turn", &mut || {
            drop(black_box(&watch).turn(name!("decode")))
        });
        call("flush", &mut || {
            black_box(black_box(&agent).flush(PATIENCE));
        });
        call("network", &mut || black_box(&agent).network(Network::Wifi));
        Ok(())
    }

    /// Single calls by `number` threads at once.
    fn calls_on(&self) -> Result<(), StartError> {
        const CALLS: usize = 50_000;
        let agent = self.started()?;
        let (link, watch) = (link(&agent), agent.watch(name!("main_loop")));
        let live: Live = link.attempt().ready();
        let crumbs = agent.breadcrumbs::<Step>();
        let took = Duration::from_micros(41_234);
        let call = |name: &str, work: &(dyn Fn() + Sync)| {
            tell(name, lap::cost(self.number, CALLS, work));
        };
        call("rtt", &|| black_box(&live).rtt(took));
        call("crumb", &|| black_box(&crumbs).add(SENT));
        call("sent", &|| black_box(&live).sent(100));
        call("attempt", &|| one_attempt(&link));
        if self.number == 1 {
            call("turn", &|| drop(black_box(&watch).turn(name!("decode"))));
        }
        Ok(())
    }

    /// Panics back to back, all caught; then the host leaves.
    fn panics(&self) -> Result<(), StartError> {
        let agent = self.started()?;
        let spent = lap::nanos(|| {
            for number in 0..self.number {
                let _ = panic::catch_unwind(|| panic!("caught {number}"));
            }
        });
        println!("took {spent}");
        agent.shutdown(Duration::from_secs(5));
        Ok(())
    }

    /// Measurements back to back; then the host leaves.
    fn measures(&self) -> Result<(), StartError> {
        let agent = self.started()?;
        let live = link(&agent).attempt().ready();
        let spent = lap::nanos(|| {
            for _ in 0..self.number {
                live.rtt(Duration::from_millis(40));
            }
        });
        println!("took {spent}");
        agent.shutdown(Duration::from_secs(5));
        Ok(())
    }
}

candor_agent::crumbs! {
    enum Step { Sent = "message_sent" { bytes: u64, took_ms: Duration } }
}

const SENT: Step = Step::Sent {
    bytes: 100,
    took_ms: Duration::from_millis(40),
};

fn consent() -> Consent {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Consent {
        sdk: "im-sdk".into(),
        operator: "Example Messaging Ltd.".into(),
        purposes: vec!["find and repair faults".into()],
        policy_version: "1".into(),
        text_sha256: "0".repeat(64),
        locale: "en".into(),
        given_at: since.map_or(1, |since| since.as_secs()),
        catalogue: candor_agent::CATALOGUE,
        age: Age::Unknown,
    }
}

fn link(agent: &Agent) -> Connection {
    agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp)
}

/// A connection with all its phases, from the first look-up to its end.
fn one_attempt(link: &Connection) {
    let mut attempt = link.attempt();
    attempt.done(Phase::Resolve);
    attempt.done(Phase::Connect);
    attempt.done(Phase::Login);
    attempt.ready().ended(Disconnect::ClosedByPeer);
}

/// Waits for a line, or for nobody being there to write one.
fn wait() {
    let _ = io::stdin().read_line(&mut String::new());
}

fn die() {
    println!("at {}", process::clock());
    panic!("the host dies");
}

/// Time that single panics take until they are caught.
fn caught(count: usize) {
    for _ in 0..count {
        let took = lap::nanos(|| {
            let _ = panic::catch_unwind(|| panic!("caught"));
        });
        println!("caught {took}");
    }
}

fn end(work: impl FnOnce() -> Flushed) {
    let began = Instant::now();
    let flushed = work();
    println!("took {}", began.elapsed().as_nanos());
    println!("flushed {flushed:?}");
}

fn tell(name: &str, (half, most): (f64, f64)) {
    println!("call {name} {half} {most}");
}
