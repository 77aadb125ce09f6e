//! A sink for what agents send: HTTP on the loopback interface, in the moods that a network can be in.

use crate::tally::Tally;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// What the sink does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// It answers at once.
    Up,
    /// Nobody listens.
    Refused,
    /// It answers 200 ms later.
    Slow,
    /// It takes the connection and the request, and never answers.
    Silent,
}

impl Mood {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Up, Self::Refused, Self::Slow, Self::Silent];

    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Up => "sink up",
            Self::Refused => "sink refused",
            Self::Slow => "sink +200 ms",
            Self::Silent => "sink silent",
        }
    }
}

/// More than any agent here sends at once.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// A sink; stops when it is dropped.
pub struct Sink {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

struct Shared {
    mood: Mood,
    stop: AtomicBool,
    tally: Mutex<Tally>,
    arrived: Condvar,
    open: Mutex<Vec<TcpStream>>,
}

impl Sink {
    /// Opens a sink on a free port.
    ///
    /// # Errors
    /// When the loopback interface has no free port.
    pub fn open(mood: Mood) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            mood,
            stop: AtomicBool::new(false),
            tally: Mutex::default(),
            arrived: Condvar::new(),
            open: Mutex::default(),
        });
        let accepting = (mood != Mood::Refused).then(|| {
            let shared = shared.clone();
            thread::spawn(move || accept(&listener, &shared))
        });
        Ok(Self {
            shared,
            address,
            accepting,
        })
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived so far.
    pub fn tally(&self) -> Tally {
        lock(&self.shared.tally).clone()
    }

    /// Waits until what has arrived `suffices`, at most `limit`; then tells what has.
    pub fn wait(&self, limit: Duration, suffices: impl Fn(&Tally) -> bool) -> Tally {
        let tally = lock(&self.shared.tally);
        let not_yet = |tally: &mut Tally| !suffices(tally);
        let waited = self
            .shared
            .arrived
            .wait_timeout_while(tally, limit, not_yet);
        waited.unwrap_or_else(PoisonError::into_inner).0.clone()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.stop.store(true, SeqCst);
        for stream in lock(&self.shared.open).iter() {
            let _ = stream.shutdown(Shutdown::Both);
        }
        if let Some(accepting) = self.accepting.take() {
            // Wakes the thread that waits for a connection.
            let _ = TcpStream::connect(self.address);
            let _ = accepting.join();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stop.load(SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        if let Ok(other) = stream.try_clone() {
            lock(&shared.open).push(other);
        }
        let shared = shared.clone();
        thread::spawn(move || {
            let _ = serve(stream, &shared);
        });
    }
}

fn serve(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let mut answers = stream.try_clone()?;
    let mut requests = BufReader::new(stream);
    while let Some((gzip, body)) = read(&mut requests)? {
        lock(&shared.tally).request(gzip, &body);
        shared.arrived.notify_all();
        match shared.mood {
            Mood::Silent => continue,
            Mood::Slow => thread::sleep(Duration::from_millis(200)),
            Mood::Up | Mood::Refused => {}
        }
        answers.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")?;
    }
    Ok(())
}

/// One request: whether its body is gzip, and the body. `None` when the connection ends.
fn read(stream: &mut impl BufRead) -> io::Result<Option<(bool, Vec<u8>)>> {
    let (mut gzip, mut length) = (false, 0usize);
    let mut first = true;
    loop {
        let mut line = String::new();
        if stream.take(16 * 1024).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() && !first {
            break;
        }
        first = false;
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        } else if line.starts_with("content-encoding:") && line.contains("gzip") {
            gzip = true;
        }
    }
    if length > MOST_BYTES {
        return Err(io::Error::other("the request is too large"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(Some((gzip, body)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn post(address: SocketAddr, body: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(address)?;
        let length = body.len();
        write!(
            stream,
            "POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n{body}"
        )?;
        Ok(stream)
    }

    #[test]
    fn a_sink_that_is_up_counts_and_answers() {
        let sink = Sink::open(Mood::Up).expect("a port");
        let mut stream = post(sink.address(), "{}\n{\"type\":\"event\"}\n{}\n").expect("a sink");
        let mut answer = [0; 15];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200 OK");
        assert_eq!(sink.tally().requests, 1);
        assert_eq!(sink.tally().events, 1);
    }

    #[test]
    fn a_silent_sink_takes_the_request_and_lets_go_when_it_is_dropped() {
        let sink = Sink::open(Mood::Silent).expect("a port");
        let mut stream = post(sink.address(), "").expect("a sink");
        let tally = sink.wait(Duration::from_secs(10), |tally| tally.requests == 1);
        assert_eq!(tally.requests, 1);
        drop(sink);
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    }

    #[test]
    fn nobody_listens_where_connections_are_refused() {
        let sink = Sink::open(Mood::Refused).expect("a port");
        assert!(TcpStream::connect(sink.address()).is_err());
    }
}
