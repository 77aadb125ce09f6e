//! The same host app with the `sentry` crate in it: plays the one scene that it is told to, for `host` to measure.
//!
//! `host_sentry SCENE URL DIR [NUMBER]`

use candor_benches::{lap, process};
use sentry::protocol::Unit;
use sentry::{Breadcrumb, ClientInitGuard, ClientOptions, Level, metrics};
use std::hint::black_box;
use std::time::{Duration, Instant};
use std::{io, panic};

/// How long a host waits for its telemetry when it leaves.
const PATIENCE: Duration = Duration::from_millis(300);

struct Host {
    url: String,
    number: usize,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let scene = arguments.next().unwrap_or_default();
    let url = arguments.next().unwrap_or_default();
    let host = Host {
        url,
        number: arguments.nth(1).map_or(0, |text| text.parse().unwrap_or(0)),
    };
    host.play(&scene);
}

impl Host {
    fn play(&self, scene: &str) {
        match scene {
            "hello" => wait(),
            "start-off" => time_start(|| self.start(false)),
            "start-on" => time_start(|| self.start(true)),
            "idle-off" => self.idle(false),
            "idle-on" => self.idle(true),
            "calls-off" => self.calls_off(),
            "calls-on" => self.calls_on(),
            "hello-panic" => die(),
            "panic" => {
                let _guard = self.started();
                die()
            }
            "hello-caught" => caught(self.number),
            "caught" => {
                let _guard = self.started();
                caught(self.number);
            }
            "flush" => {
                let guard = self.loaded();
                end(|| {
                    guard.flush(Some(PATIENCE));
                });
                // What comes after is another scene.
                std::process::exit(0);
            }
            "shutdown" => {
                let guard = self.loaded();
                end(|| drop(guard));
            }
            "panics" => self.burst(|number| {
                let _ = panic::catch_unwind(|| panic!("caught {number}"));
            }),
            "messages" => self.burst(|number| {
                sentry::capture_message(&format!("message {number}"), Level::Info);
            }),
            "measures" => self.burst(|_| measure()),
            "drain" => {
                let guard = self.start(true);
                wait();
                guard.close(Some(Duration::from_secs(5)));
            }
            other => println!("error there is no scene {other}"),
        }
    }

    fn start(&self, on: bool) -> ClientInitGuard {
        let options = ClientOptions::new()
            .release("bench@1.0.0")
            .auto_session_tracking(true)
            .shutdown_timeout(PATIENCE);
        if !on {
            return sentry::init(options);
        }
        let dsn = self.url.replacen("http://", "http://public@", 1) + "/1";
        sentry::init((dsn, options))
    }

    fn started(&self) -> ClientInitGuard {
        let guard = self.start(true);
        println!("ready");
        wait();
        guard
    }

    /// With something to send.
    fn loaded(&self) -> ClientInitGuard {
        let guard = self.started();
        for number in 0..self.number {
            measure();
            sentry::capture_message(&format!("message {number}"), Level::Error);
        }
        guard
    }

    fn idle(&self, on: bool) {
        let _guard = self.start(on);
        println!("ready");
        wait();
        // What ending costs is another scene.
        std::process::exit(0);
    }

    fn calls_off(&self) {
        let _guard = self.start(false);
        let nothing = lap::mean(200, 10_000, || {
            black_box(());
        });
        let call = |name: &str, work: &mut dyn FnMut()| {
            println!(
                "call {name} {}",
                (lap::mean(200, 10_000, work) - nothing).max(0.0)
            );
        };
        call("rtt", &mut || sentry::add_breadcrumb(crumb));
        call("crumb", &mut || sentry::add_breadcrumb(crumb));
        call("attempt", &mut || {
            black_box(sentry::capture_message("message", Level::Info));
        });
    }

    fn calls_on(&self) {
        let _guard = self.started();
        let call = |name: &str, count: usize, work: &(dyn Fn() + Sync)| {
            let (half, most) = lap::cost(self.number, count, work);
            println!("call {name} {half} {most}");
        };
        call("rtt", 50_000, &measure);
        call("crumb", 50_000, &|| sentry::add_breadcrumb(crumb()));
        call("attempt", 5_000, &|| {
            black_box(sentry::capture_message("message", Level::Info));
        });
        std::process::exit(0);
    }

    fn burst(&self, one: impl Fn(usize)) {
        let guard = self.started();
        let spent = lap::nanos(|| (0..self.number).for_each(one));
        println!("took {spent}");
        guard.close(Some(Duration::from_secs(5)));
    }
}

fn crumb() -> Breadcrumb {
    Breadcrumb {
        message: Some(format!("heartbeat {}", black_box(41))),
        ..Breadcrumb::default()
    }
}

fn measure() {
    metrics::distribution("rtt", black_box(41.234))
        .unit(Unit::Millisecond)
        .capture();
}

fn time_start(start: impl FnOnce() -> ClientInitGuard) {
    let began = Instant::now();
    let guard = start();
    println!("took {}", began.elapsed().as_nanos());
    std::mem::forget(guard);
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

fn end(work: impl FnOnce()) {
    println!("took {}", lap::nanos(work));
}
