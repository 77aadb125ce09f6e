//! What a host holds of a connection. Every call may come from any thread; none waits, and none allocates once each kind
//! of value has been seen.

use super::book::Book;
use super::cell::Cell;
use crate::clock::monotonic_micros;
use candor_crash::coarse_millis;
use candor_protocol::limits::TRIES;
use candor_protocol::report::{Disconnect, Failure, Family, Network, Phase};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// A named connection. Cloning is cheap; every call may come from any thread. The default one records nothing.
#[derive(Debug, Clone, Default)]
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
    /// The address that is being tried.
    trying: Option<Trying>,
    again: bool,
    metered: bool,
    serves: bool,
}

/// An address that is being tried, as far as it is told.
#[derive(Debug, Clone, Copy)]
struct Trying {
    family: Family,
    /// Its place in the order, from 0.
    order: u8,
    since: u64,
}

/// A connection in service. Dropped without a reason, it counts as [`Disconnect::Dropped`].
#[derive(Debug)]
pub struct Live {
    book: Option<Arc<Book>>,
    began: u64,
    metered: bool,
    serves: bool,
    quiet: Quiet,
}

/// The bytes of one stream, for what wraps it. A connection with a meter takes its bytes from there.
///
/// Dropped when the stream ends.
#[derive(Debug)]
pub struct Meter {
    book: Option<Arc<Book>>,
    quiet: Quiet,
}

/// One request and its answer, over whatever connection a client of HTTP has for it: counted like an attempt, but no service
/// begins or ends with it.
#[derive(Debug)]
pub struct Exchange(Attempt);

/// The answer of an [`Exchange`], whose head is there.
#[derive(Debug)]
pub struct Answered {
    live: Live,
    began: u64,
}

/// What the system's TCP said of a socket at one moment. What is not known is `None`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpSample {
    /// Smoothed round trip.
    pub rtt: Option<Duration>,
    /// Variation of the round trip.
    pub rtt_var: Option<Duration>,
    /// Smallest round trip.
    pub min_rtt: Option<Duration>,
    /// Segments with data sent since the sample before.
    pub segments: u32,
    /// Segments sent again since the sample before.
    pub retransmits: u32,
    /// Segments that count as lost now.
    pub lost: u32,
    /// Bytes a second that were delivered; `None` also when the app sent too little to tell.
    pub delivery_rate: Option<u64>,
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl Connection {
    pub(crate) const INERT: Self = Self { book: None };

    pub(crate) fn new(book: Arc<Book>) -> Self {
        Self { book: Some(book) }
    }

    /// Begins an attempt to connect, and its clock.
    pub fn attempt(&self) -> Attempt {
        let mut attempt = self.begin(true);
        if let Some(book) = &attempt.book {
            let sought = book.service.seek(attempt.began);
            let cell = book.cell(attempt.network);
            cell.spend(sought.passed);
            if let Some(waited) = sought.waited {
                cell.backoff_us.record(waited);
            }
            attempt.again = sought.again;
        }
        attempt
    }

    /// Begins a request that an HTTP client makes, and its clock.
    pub fn exchange(&self) -> Exchange {
        Exchange(self.begin(false))
    }

    fn begin(&self, serves: bool) -> Attempt {
        let book = self.book.as_ref().filter(|book| book.is_open()).cloned();
        let now = book.as_ref().map_or(0, |_| monotonic_micros());
        let network = book
            .as_ref()
            .map_or(Network::Unknown, |book| book.network());
        Attempt {
            book,
            network,
            began: now,
            mark: now,
            next: Phase::Resolve,
            trying: None,
            again: false,
            metered: false,
            serves,
        }
    }
}

impl Attempt {
    /// A phase ended well; it took from the end of the phase before, or the beginning, until now.
    pub fn done(&mut self, phase: Phase) {
        if let Some(book) = &self.book {
            let now = monotonic_micros();
            let cell = book.cell(self.network);
            cell.phases[phase as usize].record(now.saturating_sub(self.mark));
            if phase == Phase::Connect
                && let Some(trying) = self.trying
            {
                let counts = &cell.tries[trying.family as usize][usize::from(trying.order)];
                counts.connected.fetch_add(1, Relaxed);
                counts.took_us.record(now.saturating_sub(trying.since));
            }
            self.mark = now;
            self.next = Phase::ALL.get(phase as usize + 1).copied().unwrap_or(phase);
        }
    }

    /// The next of the attempt's addresses is tried, of which only the family is told. When [`Phase::Connect`] ends well,
    /// the last one has answered.
    pub fn trying(&mut self, family: Family) {
        if let Some(book) = &self.book {
            let order = self
                .trying
                .map_or(0, |before| (before.order + 1).min(TRIES - 1));
            let counts = &book.cell(self.network).tries[family as usize][usize::from(order)];
            counts.tried.fetch_add(1, Relaxed);
            self.trying = Some(Trying {
                family,
                order,
                since: monotonic_micros(),
            });
            self.next = Phase::Connect;
        }
    }

    /// The attempt failed in `phase`.
    pub fn failed(mut self, phase: Phase, failure: Failure) {
        self.fail(phase, failure);
    }

    fn fail(&mut self, phase: Phase, failure: Failure) {
        if let Some(book) = self.book.take() {
            let cell = book.cell(self.network);
            self.count(cell);
            cell.failures[phase as usize][failure as usize].fetch_add(1, Relaxed);
            if self.serves {
                book.service.give_up(monotonic_micros());
            }
        }
    }

    fn count(&self, cell: &Cell) {
        cell.attempts.fetch_add(1, Relaxed);
        if self.again {
            cell.reconnects.fetch_add(1, Relaxed);
        }
    }

    /// A meter for the stream of this attempt. From then on the connection's bytes are those of the stream, and
    /// [`Live::sent`] and [`Live::received`] count messages alone.
    pub fn meter(&mut self) -> Meter {
        self.metered = true;
        Meter {
            book: self.book.clone(),
            quiet: Quiet::default(),
        }
    }

    /// The connection is in service.
    pub fn ready(mut self) -> Live {
        let book = self.book.take();
        let mut began = 0;
        if let Some(book) = &book {
            began = monotonic_micros();
            let cell = book.cell(self.network);
            self.count(cell);
            cell.ready.fetch_add(1, Relaxed);
            cell.ready_us.record(began.saturating_sub(self.began));
            if self.serves {
                let (passed, outage) = book.service.begin(began);
                cell.spend(passed);
                if let Some(outage) = outage {
                    cell.outage_us.record(outage);
                }
            }
        }
        Live {
            book,
            began,
            metered: self.metered,
            serves: self.serves,
            quiet: Quiet::default(),
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.fail(self.next, Failure::Cancelled);
    }
}

impl Live {
    fn cell(&self) -> Option<&Cell> {
        open_cell(self.book.as_ref())
    }

    /// A heartbeat was answered after `took`.
    pub fn rtt(&self, took: Duration) {
        if let Some(cell) = self.cell() {
            cell.rtt_us.record(micros(took));
        }
    }

    /// A message was acknowledged `took` after it was sent.
    pub fn acknowledged(&self, took: Duration) {
        if let Some(cell) = self.cell() {
            cell.ack_us.record(micros(took));
        }
    }

    /// One message of `bytes` was sent. Where the stream has a [`Meter`], that one counts the bytes.
    pub fn sent(&self, bytes: u64) {
        if let Some(cell) = self.cell() {
            cell.sent.add(1, if self.metered { 0 } else { bytes });
        }
    }

    /// One message of `bytes` was received. Where the stream has a [`Meter`], that one counts the bytes.
    pub fn received(&self, bytes: u64) {
        if let Some(cell) = self.cell() {
            cell.received.add(1, if self.metered { 0 } else { bytes });
            self.quiet.heard(cell);
        }
    }

    /// Something is expected at least this often, such as the answer to a heartbeat: a longer silence is a stall, counted
    /// when it ends. Zero, the default, expects nothing.
    pub fn expect(&self, within: Duration) {
        if self.cell().is_some() {
            self.quiet.expect(within);
        }
    }

    /// The connection ended for `reason`.
    pub fn ended(mut self, reason: Disconnect) {
        self.end(reason);
    }

    fn end(&mut self, reason: Disconnect) {
        if let Some(book) = self.book.take() {
            let (now, cell) = (monotonic_micros(), book.current());
            let ended = &cell.disconnects[reason as usize];
            ended.count.fetch_add(1, Relaxed);
            ended
                .lasted_ms
                .record(now.saturating_sub(self.began) / 1000);
            self.quiet.heard(cell);
            if self.serves {
                cell.spend(book.service.end(now, reason.ends_the_wish()));
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end(Disconnect::Dropped);
    }
}

impl Meter {
    fn cell(&self) -> Option<&Cell> {
        open_cell(self.book.as_ref())
    }

    /// `bytes` went into the stream.
    pub fn sent(&self, bytes: u64) {
        if let Some(cell) = self.cell() {
            cell.sent.add(0, bytes);
        }
    }

    /// `bytes` came out of the stream.
    pub fn received(&self, bytes: u64) {
        if let Some(cell) = self.cell() {
            cell.received.add(0, bytes);
            self.quiet.heard(cell);
        }
    }

    /// As [`Live::expect`], for the bytes of this stream.
    pub fn expect(&self, within: Duration) {
        if self.cell().is_some() {
            self.quiet.expect(within);
        }
    }

    /// The system's TCP said this of the stream's socket.
    pub fn tcp(&self, sample: &TcpSample) {
        let Some(cell) = self.cell() else { return };
        let tcp = &cell.tcp;
        tcp.samples.fetch_add(1, Relaxed);
        for (histogram, time) in [
            (&tcp.rtt_us, sample.rtt),
            (&tcp.rtt_var_us, sample.rtt_var),
            (&tcp.min_rtt_us, sample.min_rtt),
        ] {
            if let Some(time) = time {
                histogram.record(micros(time));
            }
        }
        for (sum, more) in [
            (&tcp.segments, sample.segments),
            (&tcp.retransmits, sample.retransmits),
            (&tcp.lost, sample.lost),
        ] {
            sum.fetch_add(more.into(), Relaxed);
        }
        if let Some(rate) = sample.delivery_rate {
            tcp.delivery_rate.record(rate);
        }
    }

    /// Whether anything is recorded, for whoever would have to ask the system first.
    pub fn is_on(&self) -> bool {
        self.cell().is_some()
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(cell) = self.cell() {
            self.quiet.heard(cell);
        }
    }
}

impl Exchange {
    /// See [`Attempt::done`].
    pub fn done(&mut self, phase: Phase) {
        self.0.done(phase);
    }

    /// See [`Attempt::failed`].
    pub fn failed(self, phase: Phase, failure: Failure) {
        self.0.failed(phase, failure);
    }

    /// The head of the answer is there: [`Phase::FirstByte`] ends.
    pub fn answered(mut self) -> Answered {
        self.0.done(Phase::FirstByte);
        let began = self.0.began;
        Answered {
            live: self.0.ready(),
            began,
        }
    }
}

impl Answered {
    /// `bytes` of the request's body went out.
    pub fn sent(&self, bytes: u64) {
        if let Some(cell) = self.live.cell() {
            cell.sent.add(0, bytes);
        }
    }

    /// `bytes` of the answer's body came in.
    pub fn received(&self, bytes: u64) {
        if let Some(cell) = self.live.cell() {
            cell.received.add(0, bytes);
        }
    }

    /// The answer is complete; it took from the beginning of the request until now.
    pub fn finished(mut self) {
        if let Some(book) = self.live.book.take() {
            let took = monotonic_micros().saturating_sub(self.began);
            book.current().ack_us.record(took);
        }
    }

    /// The answer broke off for `reason`. Dropped before it has finished, it counts as [`Disconnect::Dropped`].
    pub fn broke(self, reason: Disconnect) {
        self.live.ended(reason);
    }
}

fn open_cell(book: Option<&Arc<Book>>) -> Option<&Cell> {
    book.map(|book| &**book)
        .filter(|book| book.is_open())
        .map(Book::current)
}

/// When something was last heard, and how soon it should be heard again. In milliseconds of the coarse clock, which costs a
/// few nanoseconds: stalls are long.
#[derive(Debug, Default)]
struct Quiet {
    expected: AtomicU64,
    since: AtomicU64,
}

impl Quiet {
    fn expect(&self, within: Duration) {
        self.since.store(coarse_millis(), Relaxed);
        self.expected.store(micros(within) / 1000, Relaxed);
    }

    /// Something was heard, or nothing will be any more.
    fn heard(&self, cell: &Cell) {
        let expected = self.expected.load(Relaxed);
        if expected > 0 {
            let now = coarse_millis();
            let silence = now.saturating_sub(self.since.swap(now, Relaxed));
            if silence > expected {
                cell.stall_us.record(silence * 1000);
            }
        }
    }
}
