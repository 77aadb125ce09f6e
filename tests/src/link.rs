//! A link between two networks of their own, whose delay and loss a test chooses: a TUN device in each of two network
//! namespaces, and this process in between.
//!
//! Needs root, `/dev/net/tun` and `ip`; where one is missing, [`Link::up`] says which.

use crate::fault::Least;
use std::fs::File;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tun_rs::{DeviceBuilder, SyncDevice};

/// How the link behaves, in each direction.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// What every packet waits.
    pub delay: Duration,
    /// One of so many packets is lost, not at random but one after so many others; 0 for none.
    pub loses_one_in: u64,
}

/// What went over the link in one direction, as far as it held data.
#[derive(Debug, Default)]
pub struct Seen {
    data: AtomicU64,
    lost: AtomicU64,
    took: Least,
}

impl Seen {
    /// Segments with data that were sent.
    pub fn data(&self) -> u64 {
        self.data.load(Relaxed)
    }

    /// Of these, those that were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Relaxed)
    }

    /// How long a packet took at least: what was injected, and what this machine added at its best.
    pub fn took(&self) -> Duration {
        self.took.get()
    }
}

/// A link that is up. It is taken down with its namespaces when it is dropped; its threads end with the process.
#[derive(Debug)]
pub struct Link {
    near: String,
    far: String,
    /// What the near side sent.
    pub up: Arc<Seen>,
    /// What the far side sent.
    pub down: Arc<Seen>,
}

/// The near side's address.
pub const NEAR: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 1);
/// The far side's address.
pub const FAR: Ipv4Addr = Ipv4Addr::new(10, 99, 0, 2);

impl Link {
    /// Brings a link up.
    ///
    /// # Errors
    /// What is missing.
    pub fn up(weather: Weather) -> Result<Self, String> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Relaxed);
        let name = |side: &str| format!("cn{side}{}x{number}", std::process::id() % 100_000);
        let link = Self {
            near: name("a"),
            far: name("b"),
            up: Arc::default(),
            down: Arc::default(),
        };
        let near = Arc::new(end(&link.near, NEAR, FAR)?);
        let far = Arc::new(end(&link.far, FAR, NEAR)?);
        carry(near.clone(), far.clone(), weather, link.up.clone());
        carry(far, near, weather, link.down.clone());
        Ok(link)
    }

    /// Runs `work` on a thread of its own in the near side's network.
    pub fn near<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        within(&self.near, work)
    }

    /// Runs `work` on a thread of its own in the far side's network.
    pub fn far<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        within(&self.far, work)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        for name in [&self.near, &self.far] {
            // It may never have come up.
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
    }
}

fn within<T: Send>(namespace: &str, work: impl FnOnce() -> T + Send) -> T {
    use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
    let file = File::open(format!("/run/netns/{namespace}")).expect("a namespace");
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(std::os::fd::AsFd::as_fd(&file), kind)
                .expect("the namespace");
            work()
        });
        match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// A namespace with one end of the link, which is called like it.
fn end(name: &str, own: Ipv4Addr, other: Ipv4Addr) -> Result<SyncDevice, String> {
    ip(&["netns", "add", name])?;
    let device = DeviceBuilder::new()
        .name(name)
        .mtu(1_500)
        .build_sync()
        .map_err(|error| format!("no TUN device: {error}"))?;
    ip(&["link", "set", name, "netns", name])?;
    let (own, other) = (own.to_string(), other.to_string());
    ip(&["-n", name, "addr", "add", &own, "peer", &other, "dev", name])?;
    ip(&["-n", name, "link", "set", name, "up"])?;
    ip(&["-n", name, "link", "set", "lo", "up"])?;
    Ok(device)
}

fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .map_err(|error| format!("no `ip`: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let why = String::from_utf8_lossy(&output.stderr);
        Err(format!("ip {}: {}", arguments.join(" "), why.trim()))
    }
}

fn carry(from: Arc<SyncDevice>, to: Arc<SyncDevice>, weather: Weather, seen: Arc<Seen>) {
    let (line, packets) = channel::<(Instant, Vec<u8>)>();
    let given = seen.clone();
    std::thread::spawn(move || give(&to, &packets, weather.delay, &given));
    std::thread::spawn(move || {
        let mut bytes = vec![0; 2_048];
        while let Ok(read) = from.recv(&mut bytes) {
            let packet = &bytes[..read];
            let has_data = has_data(packet);
            if has_data {
                let number = seen.data.fetch_add(1, Relaxed) + 1;
                if weather.loses_one_in > 0 && number.is_multiple_of(weather.loses_one_in) {
                    seen.lost.fetch_add(1, Relaxed);
                    continue;
                }
            }
            if line.send((Instant::now(), packet.to_vec())).is_err() {
                return;
            }
        }
    });
}

fn give(to: &SyncDevice, packets: &Receiver<(Instant, Vec<u8>)>, delay: Duration, seen: &Seen) {
    for (came, packet) in packets {
        std::thread::sleep(delay.saturating_sub(came.elapsed()));
        // The device may be gone with its namespace.
        if to.send(&packet).is_err() {
            return;
        }
        seen.took.note(came.elapsed());
    }
}

/// Whether an IPv4 packet is a TCP segment that carries data.
fn has_data(packet: &[u8]) -> bool {
    let byte = |at: usize| usize::from(packet.get(at).copied().unwrap_or(0));
    let (ip, total) = ((byte(0) & 15) * 4, byte(2) << 8 | byte(3));
    byte(0) >> 4 == 4 && byte(9) == 6 && total > ip + (byte(ip + 12) >> 4) * 4
}
