//! Connections: what they do, as counts and histograms, recorded on the host's threads without I/O.

use super::Switch;
use crate::clock::monotonic_micros;
use crate::upload::lock;
use candor_protocol::deidentify::Name;
use candor_protocol::report::{Disconnect, Failure, Network, Phase, Transport};
use candor_protocol::sketch::{self, Sketch};
use std::array;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

/// A named connection. Cloning is cheap; every call may come from any thread.
#[derive(Debug, Clone)]
pub struct Connection {
    book: Option<Arc<Book>>,
}

/// One attempt to connect. Dropped without an outcome, it counts as cancelled in the phase it had reached.
#[derive(Debug)]
pub struct Attempt {
    book: Option<Arc<Book>>,
    network: Network,
    began: u64,
    mark: u64,
    next: Phase,
}

/// A connection in service. Dropped without a reason, it counts as [`Disconnect::Dropped`].
#[derive(Debug)]
pub struct Live {
    book: Option<Arc<Book>>,
}

impl Connection {
    pub(crate) const INERT: Self = Self { book: None };

    pub(crate) fn new(book: Arc<Book>) -> Self {
        Self { book: Some(book) }
    }

    /// Begins an attempt to connect, and its clock.
    pub fn attempt(&self) -> Attempt {
        let book = self.book.as_ref().filter(|book| book.is_open()).cloned();
        let now = book.as_ref().map_or(0, |_| monotonic_micros());
        let network = book
            .as_ref()
            .map_or(Network::Unknown, |book| book.network());
        if let Some(book) = &book {
            lock(&book.service).seek(now);
        }
        Attempt {
            book,
            network,
            began: now,
            mark: now,
            next: Phase::Resolve,
        }
    }
}

impl Attempt {
    /// A phase ended well; it took from the end of the phase before, or the beginning, until now.
    pub fn done(&mut self, phase: Phase) {
        if let Some(book) = &self.book {
            let now = monotonic_micros();
            book.cell(self.network).phases[phase as usize].record(now.saturating_sub(self.mark));
            self.mark = now;
            self.next = Phase::ALL.get(phase as usize + 1).copied().unwrap_or(phase);
        }
    }

    /// The attempt failed in `phase`.
    pub fn failed(mut self, phase: Phase, failure: Failure) {
        self.fail(phase, failure);
    }

    fn fail(&mut self, phase: Phase, failure: Failure) {
        if let Some(book) = self.book.take() {
            let cell = book.cell(self.network);
            cell.attempts.fetch_add(1, Relaxed);
            cell.failures[phase as usize][failure as usize].fetch_add(1, Relaxed);
        }
    }

    /// The connection is in service.
    pub fn ready(mut self) -> Live {
        let book = self.book.take();
        if let Some(book) = &book {
            let now = monotonic_micros();
            let cell = book.cell(self.network);
            cell.attempts.fetch_add(1, Relaxed);
            cell.ready.fetch_add(1, Relaxed);
            cell.ready_us.record(now.saturating_sub(self.began));
            lock(&book.service).begin(now);
        }
        Live { book }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.fail(self.next, Failure::Cancelled);
    }
}

impl Live {
    fn cell(&self) -> Option<&Cell> {
        self.book
            .as_deref()
            .filter(|book| book.is_open())
            .map(Book::current)
    }

    /// A heartbeat was answered after `took`.
    pub fn rtt(&self, took: Duration) {
        if let Some(cell) = self.cell() {
            cell.rtt_us.record(took.as_micros() as u64);
        }
    }

    /// A message was acknowledged `took` after it was sent.
    pub fn acknowledged(&self, took: Duration) {
        if let Some(cell) = self.cell() {
            cell.ack_us.record(took.as_micros() as u64);
        }
    }

    /// One message of `bytes` was sent.
    pub fn sent(&self, bytes: u64) {
        if let Some(cell) = self.cell() {
            cell.sent.fetch_add(1, Relaxed);
            cell.sent_bytes.fetch_add(bytes, Relaxed);
        }
    }

    /// One message of `bytes` was received.
    pub fn received(&self, bytes: u64) {
        if let Some(cell) = self.cell() {
            cell.received.fetch_add(1, Relaxed);
            cell.received_bytes.fetch_add(bytes, Relaxed);
        }
    }

    /// The connection ended for `reason`.
    pub fn ended(mut self, reason: Disconnect) {
        self.end(reason);
    }

    fn end(&mut self, reason: Disconnect) {
        if let Some(book) = self.book.take() {
            book.current().disconnects[reason as usize].fetch_add(1, Relaxed);
            lock(&book.service).end(monotonic_micros());
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end(Disconnect::Dropped);
    }
}

/// A histogram that many threads add to; its buckets are allocated when the first value comes.
#[derive(Debug, Default)]
struct Histogram {
    buckets: OnceLock<Box<[AtomicU32]>>,
}

impl Histogram {
    fn record(&self, value: u64) {
        let buckets = self
            .buckets
            .get_or_init(|| (0..sketch::BUCKETS).map(|_| AtomicU32::new(0)).collect());
        if let Some(count) = buckets.get(usize::from(sketch::bucket(value))) {
            count.fetch_add(1, Relaxed);
        }
    }

    fn take(&self) -> Sketch {
        let buckets = self
            .buckets
            .get()
            .map(|buckets| &buckets[..])
            .unwrap_or_default();
        Sketch::from_dense(buckets.iter().map(|count| {
            // Most are empty, and reading does not take the cache line away from whoever records.
            if count.load(Relaxed) == 0 {
                0
            } else {
                u64::from(count.swap(0, Relaxed))
            }
        }))
    }
}

/// What one connection did over one kind of network since the last window.
#[derive(Debug)]
struct Cell {
    attempts: AtomicU32,
    ready: AtomicU32,
    failures: [[AtomicU32; Failure::ALL.len()]; Phase::ALL.len()],
    disconnects: [AtomicU32; Disconnect::ALL.len()],
    phases: [Histogram; Phase::ALL.len()],
    ready_us: Histogram,
    rtt_us: Histogram,
    ack_us: Histogram,
    sent: AtomicU32,
    received: AtomicU32,
    sent_bytes: AtomicU64,
    received_bytes: AtomicU64,
    up_us: AtomicU64,
    down_us: AtomicU64,
}

impl Cell {
    fn new() -> Self {
        Self {
            attempts: AtomicU32::new(0),
            ready: AtomicU32::new(0),
            failures: array::from_fn(|_| array::from_fn(|_| AtomicU32::new(0))),
            disconnects: array::from_fn(|_| AtomicU32::new(0)),
            phases: array::from_fn(|_| Histogram::default()),
            ready_us: Histogram::default(),
            rtt_us: Histogram::default(),
            ack_us: Histogram::default(),
            sent: AtomicU32::new(0),
            received: AtomicU32::new(0),
            sent_bytes: AtomicU64::new(0),
            received_bytes: AtomicU64::new(0),
            up_us: AtomicU64::new(0),
            down_us: AtomicU64::new(0),
        }
    }
}

/// Time in and without service, in microseconds. Time without service counts from the first attempt on.
#[derive(Debug, Default)]
struct Service {
    live: u32,
    wanted: bool,
    last: u64,
    up: u64,
    down: u64,
}

impl Service {
    fn advance(&mut self, now: u64) {
        let passed = now.saturating_sub(self.last);
        if self.live > 0 {
            self.up += passed;
        } else if self.wanted {
            self.down += passed;
        }
        self.last = now;
    }

    fn seek(&mut self, now: u64) {
        self.advance(now);
        self.wanted = true;
    }

    fn begin(&mut self, now: u64) {
        self.advance(now);
        self.live += 1;
    }

    fn end(&mut self, now: u64) {
        self.advance(now);
        self.live = self.live.saturating_sub(1);
    }

    fn take(&mut self, now: u64) -> (u64, u64) {
        self.advance(now);
        (std::mem::take(&mut self.up), std::mem::take(&mut self.down))
    }
}

/// Everything that is kept of one named connection between two windows.
#[derive(Debug)]
pub(crate) struct Book {
    name: Name,
    endpoint: Name,
    transport: Transport,
    switch: Arc<Switch>,
    cells: [OnceLock<Box<Cell>>; Network::ALL.len()],
    service: Mutex<Service>,
}

/// A window that is over: raw, in memory.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) name: Name,
    pub(crate) endpoint: Name,
    pub(crate) transport: Transport,
    pub(crate) network: Network,
    pub(crate) seconds: u32,
    pub(crate) attempts: u32,
    pub(crate) ready: u32,
    pub(crate) failures: Vec<(Phase, Failure, u32)>,
    pub(crate) disconnects: Vec<(Disconnect, u32)>,
    pub(crate) phases: Vec<(Phase, Sketch)>,
    pub(crate) ready_us: Sketch,
    pub(crate) rtt_us: Sketch,
    pub(crate) ack_us: Sketch,
    pub(crate) sent: u32,
    pub(crate) received: u32,
    pub(crate) sent_bytes: u64,
    pub(crate) received_bytes: u64,
    pub(crate) up_us: u64,
    pub(crate) down_us: u64,
}

impl Book {
    pub(crate) fn new(
        name: Name,
        endpoint: Name,
        transport: Transport,
        switch: Arc<Switch>,
    ) -> Self {
        Self {
            name,
            endpoint,
            transport,
            switch,
            cells: array::from_fn(|_| OnceLock::new()),
            service: Mutex::default(),
        }
    }

    pub(crate) fn is(&self, name: &Name, endpoint: &Name, transport: Transport) -> bool {
        self.name == *name && self.endpoint == *endpoint && self.transport == transport
    }

    fn is_open(&self) -> bool {
        self.switch.open.load(Relaxed)
    }

    fn network(&self) -> Network {
        Network::ALL
            .get(usize::from(self.switch.network.load(Relaxed)))
            .copied()
            .unwrap_or(Network::Unknown)
    }

    fn cell(&self, network: Network) -> &Cell {
        self.cells[network as usize].get_or_init(|| Box::new(Cell::new()))
    }

    fn current(&self) -> &Cell {
        self.cell(self.network())
    }

    /// Books the time until `now` (microseconds) to `network`, before the network changes or a window ends.
    pub(crate) fn settle(&self, network: Network, now: u64) {
        let (up, down) = lock(&self.service).take(now);
        if up + down > 0 {
            let cell = self.cell(network);
            cell.up_us.fetch_add(up, Relaxed);
            cell.down_us.fetch_add(down, Relaxed);
        }
    }

    /// Takes what was recorded since the last call, one window for each kind of network; `seconds` is how long that is.
    pub(crate) fn take(&self, now: u64, seconds: u32) -> Vec<Window> {
        self.settle(self.network(), now);
        let cells = Network::ALL.iter().zip(&self.cells);
        cells
            .filter_map(|(&network, cell)| self.take_cell(cell.get()?, network, seconds))
            .collect()
    }

    fn take_cell(&self, cell: &Cell, network: Network, seconds: u32) -> Option<Window> {
        let take = |count: &AtomicU32| count.swap(0, Relaxed);
        let mut failures = Vec::new();
        for (&phase, row) in Phase::ALL.iter().zip(&cell.failures) {
            let counts = Failure::ALL
                .iter()
                .zip(row)
                .map(|(&failure, count)| (phase, failure, take(count)));
            failures.extend(counts.filter(|&(_, _, count)| count > 0));
        }
        let disconnects = Disconnect::ALL
            .iter()
            .zip(&cell.disconnects)
            .map(|(&reason, count)| (reason, take(count)));
        let phases = Phase::ALL
            .iter()
            .zip(&cell.phases)
            .map(|(&phase, histogram)| (phase, histogram.take()));
        let window = Window {
            name: self.name.clone(),
            endpoint: self.endpoint.clone(),
            transport: self.transport,
            network,
            seconds,
            attempts: take(&cell.attempts),
            ready: take(&cell.ready),
            failures,
            disconnects: disconnects.filter(|&(_, count)| count > 0).collect(),
            phases: phases.filter(|(_, sketch)| !sketch.is_empty()).collect(),
            ready_us: cell.ready_us.take(),
            rtt_us: cell.rtt_us.take(),
            ack_us: cell.ack_us.take(),
            sent: take(&cell.sent),
            received: take(&cell.received),
            sent_bytes: cell.sent_bytes.swap(0, Relaxed),
            received_bytes: cell.received_bytes.swap(0, Relaxed),
            up_us: cell.up_us.swap(0, Relaxed),
            down_us: cell.down_us.swap(0, Relaxed),
        };
        (!window.is_empty()).then_some(window)
    }
}

impl Window {
    /// Whether it has nothing to tell.
    fn is_empty(&self) -> bool {
        self.attempts == 0
            && self.disconnects.is_empty()
            && self.phases.is_empty()
            && self.rtt_us.is_empty()
            && self.ack_us.is_empty()
            && self.sent == 0
            && self.received == 0
            && self.up_us < 1000
            && self.down_us < 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn book(open: bool) -> Arc<Book> {
        let switch = Switch::default();
        switch.open.store(open, Relaxed);
        let (name, endpoint) = (Name::declare("longlink"), Name::declare("gateway"));
        Arc::new(Book::new(name, endpoint, Transport::Tcp, Arc::new(switch)))
    }

    #[test]
    fn an_attempt_counts_once_whatever_becomes_of_it() {
        let book = book(true);
        let link = Connection::new(book.clone());
        let mut first = link.attempt();
        first.done(Phase::Resolve);
        first.failed(Phase::Connect, Failure::Refused);
        let mut second = link.attempt();
        second.done(Phase::Resolve);
        second.done(Phase::Connect);
        drop(second);
        let live = link.attempt().ready();
        live.rtt(Duration::from_millis(20));
        live.sent(100);
        live.received(50);
        live.ended(Disconnect::Reset);
        drop(link.attempt().ready());

        let window = &book.take(monotonic_micros(), 60)[0];
        assert_eq!((window.attempts, window.ready), (4, 2));
        assert_eq!(
            window.failures,
            [
                (Phase::Connect, Failure::Refused, 1),
                (Phase::Tls, Failure::Cancelled, 1)
            ]
        );
        assert_eq!(
            window.disconnects,
            [(Disconnect::Reset, 1), (Disconnect::Dropped, 1)]
        );
        assert_eq!((window.rtt_us.count(), window.ready_us.count()), (1, 2));
        assert_eq!(
            (window.sent, window.sent_bytes, window.received_bytes),
            (1, 100, 50)
        );
        assert!(
            book.take(monotonic_micros(), 60)
                .iter()
                .all(|window| window.attempts == 0),
            "counted twice"
        );
    }

    #[test]
    fn without_consent_nothing_is_recorded() {
        let book = book(false);
        let link = Connection::new(book.clone());
        link.attempt().failed(Phase::Connect, Failure::Timeout);
        let live = link.attempt().ready();
        live.rtt(Duration::from_millis(1));
        drop(live);
        assert!(book.take(monotonic_micros(), 60).is_empty());
    }

    #[test]
    fn time_in_and_without_service_is_booked_to_the_network_it_passed_on() {
        let mut service = Service::default();
        service.advance(1_000);
        assert_eq!(service.take(2_000), (0, 0), "nobody wanted service yet");
        service.seek(2_000);
        service.begin(2_500);
        service.end(4_000);
        assert_eq!(service.take(4_100), (1_500, 600));
        service.begin(5_000);
        assert_eq!(service.take(6_000), (1_000, 900));
    }

    #[test]
    fn events_of_many_threads_are_all_counted() {
        let book = book(true);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let live = Connection::new(book.clone()).attempt().ready();
                    (0..1000).for_each(|value| live.rtt(Duration::from_micros(value)));
                    live.ended(Disconnect::ClosedByUs);
                });
            }
        });
        let window = &book.take(monotonic_micros(), 60)[0];
        assert_eq!(
            (window.rtt_us.count(), window.ready, window.disconnects[0].1),
            (4000, 4, 4)
        );
    }
}
