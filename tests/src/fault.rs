//! A network that misbehaves on purpose: a TCP proxy on loopback.

use crate::peer::{read, reset};
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How the network behaves; for all connections, from now on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// What every piece waits, in each direction.
    pub delay: Duration,
    /// What it waits at most on top, spread evenly and in order.
    pub jitter: Duration,
    /// Nothing arrives until this is over; nothing is lost.
    pub stalled: bool,
    /// Everything that arrives is swallowed, and nobody is told: the other side is gone without a goodbye.
    pub half_open: bool,
    /// A connection is reset once so many bytes went up.
    pub reset_after: Option<u64>,
}

/// A running proxy. Its threads end with their connections.
#[derive(Debug)]
pub struct Proxy {
    /// Where to connect to.
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    faults: Mutex<Faults>,
    changed: Condvar,
    up: AtomicU64,
    down: AtomicU64,
    took_up: Least,
    took_down: Least,
}

/// The shortest of many times.
#[derive(Debug)]
pub(crate) struct Least(AtomicU64);

impl Default for Least {
    fn default() -> Self {
        Self(AtomicU64::new(u64::MAX))
    }
}

impl Least {
    pub(crate) fn note(&self, took: Duration) {
        self.0.fetch_min(took.as_micros() as u64, Relaxed);
    }

    pub(crate) fn get(&self) -> Duration {
        Duration::from_micros(self.0.load(Relaxed))
    }
}

impl Shared {
    fn now(&self) -> Faults {
        *self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the network is not stalled.
    fn pass(&self) -> Faults {
        let faults = self.faults.lock().unwrap_or_else(PoisonError::into_inner);
        let stalled = |faults: &mut Faults| faults.stalled;
        *self
            .changed
            .wait_while(faults, stalled)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Proxy {
    /// Forwards from a free port to `upstream`.
    pub fn start(upstream: SocketAddr, faults: Faults) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared::default());
        let proxy = Self {
            address,
            shared: shared.clone(),
        };
        proxy.set(faults);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(upstream) else {
                    reset(&near);
                    continue;
                };
                let both = || {
                    let clone = |stream: &TcpStream| stream.try_clone().expect("a socket");
                    (clone(&near), clone(&far))
                };
                let ((a, b), (c, d)) = (both(), both());
                let (up, down) = (shared.clone(), shared.clone());
                std::thread::spawn(move || carry(a, b, &up, true));
                std::thread::spawn(move || carry(d, c, &down, false));
            }
        });
        proxy
    }

    /// Changes how the network behaves.
    pub fn set(&self, faults: Faults) {
        *self
            .shared
            .faults
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = faults;
        self.shared.changed.notify_all();
    }

    /// How long a piece up and a piece down took at least: what was injected, and what this machine added at its best.
    pub fn round_trip(&self) -> Duration {
        self.shared.took_up.get() + self.shared.took_down.get()
    }

    /// Bytes that went up and came down.
    pub fn carried(&self) -> (u64, u64) {
        let Shared { up, down, .. } = &*self.shared;
        (up.load(Relaxed), down.load(Relaxed))
    }
}

fn carry(mut from: TcpStream, to: TcpStream, shared: &Arc<Shared>, up: bool) {
    let _ = from.set_nodelay(true);
    let _ = from.set_read_timeout(Some(Duration::from_secs(120)));
    let (line, pieces) = channel::<Piece>();
    let giving = shared.clone();
    std::thread::spawn(move || give(to, &pieces, &giving, up));
    let mut bytes = vec![0; 16 * 1024];
    let (mut total, mut drawn) = (0u64, 0u32);
    while let Ok(read @ 1..) = read(&mut from, &mut bytes) {
        let faults = shared.now();
        let sum = if up { &shared.up } else { &shared.down };
        sum.fetch_add(read as u64, Relaxed);
        total += read as u64;
        if up && faults.reset_after.is_some_and(|after| total >= after) {
            return reset(&from);
        }
        if faults.half_open {
            continue;
        }
        drawn += 1;
        // Evenly spread and the same in every run: what matters is that it varies.
        let jitter = faults.jitter * (drawn * 7 % 10) / 10;
        let came = Instant::now();
        let piece = Piece {
            came,
            due: came + faults.delay + jitter,
            bytes: bytes[..read].to_vec(),
        };
        if line.send(piece).is_err() {
            return;
        }
    }
}

/// What is on its way.
struct Piece {
    came: Instant,
    due: Instant,
    bytes: Vec<u8>,
}

fn give(mut to: TcpStream, pieces: &Receiver<Piece>, shared: &Shared, up: bool) {
    let _ = to.set_nodelay(true);
    for piece in pieces {
        std::thread::sleep(piece.due.saturating_duration_since(Instant::now()));
        let faults = shared.pass();
        if !faults.half_open && to.write_all(&piece.bytes).is_err() {
            return;
        }
        let took = if up {
            &shared.took_up
        } else {
            &shared.took_down
        };
        took.note(piece.came.elapsed());
    }
    if !shared.now().half_open {
        let _ = to.shutdown(std::net::Shutdown::Write);
    }
}

/// A port at which nobody listens and nobody else can take.
pub fn refused() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    // Nothing in a test run takes so many ports that it is given away again at once.
    listener.local_addr().expect("an address")
}

/// An address that swallows every attempt to connect: a listener that accepts nobody, and whose queue is full.
#[derive(Debug)]
pub struct BlackHole {
    /// Where to connect to.
    pub address: SocketAddr,
    listener: TcpListener,
    queued: Vec<TcpStream>,
}

impl BlackHole {
    /// Opens one.
    pub fn open() -> Self {
        use rustix::net::{AddressFamily, SocketType, bind, listen, socket};
        let listener = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
        bind(&listener, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port");
        listen(&listener, 1).expect("a listener");
        let listener = TcpListener::from(listener);
        let address = listener.local_addr().expect("an address");
        let mut queued = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            queued.push(stream);
            assert!(queued.len() < 100, "the queue does not fill");
        }
        Self {
            address,
            listener,
            queued,
        }
    }

    /// Accepts what waits, so that the next attempt of whoever still tries gets through.
    pub fn close(self) -> TcpListener {
        for _ in &self.queued {
            let _ = self.listener.accept();
        }
        self.listener
    }
}
