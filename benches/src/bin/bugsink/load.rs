//! One event a request, from several connections: as fast as they are answered, or each when it is due.

use candor_benches::client::Client;
use candor_benches::stats::Sample;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Connections that send.
const SENDERS: u32 = 32;

/// Where events go, and in what form.
pub(crate) struct Way {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    pub(crate) headers: String,
}

/// What came of it.
pub(crate) struct Sent {
    pub(crate) accepted: u32,
    pub(crate) refused: u32,
    pub(crate) wall: Duration,
    /// Nanoseconds until each was acknowledged, from the moment it was due.
    pub(crate) took: Option<Sample>,
}

impl Sent {
    pub(crate) fn rate(&self) -> f64 {
        f64::from(self.accepted) / self.wall.as_secs_f64()
    }

    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        self.took.as_ref().map(|took| took.quantile(share))
    }
}

/// Sends bodies until there are no more or `time` is over: those of a `rate` when they are due, else as soon as the one before was
/// answered.
pub(crate) fn send(way: &Way, bodies: &[Vec<u8>], rate: Option<f64>, time: Duration) -> Sent {
    let (next, refused) = (AtomicU32::new(0), AtomicU32::new(0));
    let took = Mutex::new(Vec::new());
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                let mut client = Client::new(way.address);
                let mut mine = Vec::new();
                while start.elapsed() < time {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    let Some(body) = bodies.get(number as usize) else {
                        break;
                    };
                    let mut due = Instant::now();
                    if let Some(rate) = rate {
                        due = start + Duration::from_secs_f64(f64::from(number) / rate);
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    }
                    match client.post(&way.path, &way.headers, body) {
                        Ok(answer) if answer.status == 200 => {
                            mine.push(due.elapsed().as_nanos() as f64);
                        }
                        _ => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
                took.lock().expect("no panic").extend(mine);
            });
        }
    });
    let took = took.into_inner().expect("no panic");
    Sent {
        accepted: took.len() as u32,
        refused: refused.into_inner(),
        wall: start.elapsed(),
        took: Sample::of(took),
    }
}

/// How many bodies a load of `rate` takes in `time`.
pub(crate) fn needed(rate: f64, time: Duration) -> u32 {
    (rate * time.as_secs_f64()).ceil() as u32
}

/// How long a page takes, in nanoseconds, each time.
pub(crate) fn look(address: SocketAddr, path: &str, headers: &str) -> Result<Sample, String> {
    let mut client = Client::new(address);
    let mut took = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let answer = client.get_as(path, headers);
        let answer = answer.map_err(|error| format!("{path}: {error}"))?;
        if answer.status != 200 {
            return Err(format!("{path}: {}", answer.status));
        }
        took.push(began.elapsed().as_nanos() as f64);
    }
    Sample::of(took).ok_or_else(|| "no page was looked at".to_owned())
}
