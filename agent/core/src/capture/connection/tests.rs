use super::*;
use crate::capture::Switch;
use crate::clock::monotonic_micros;
use candor_protocol::deidentify::Name;
use candor_protocol::report::{
    Disconnect, Disconnects, Failure, Failures, Family, Network, Phase, Transport, Tries,
};
use candor_protocol::sketch::Sketch;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

fn book(open: bool) -> Arc<Book> {
    let switch = Switch::default();
    switch.open.store(open, Relaxed);
    let subject = Subject {
        name: Name::declare("longlink"),
        endpoint: Name::declare("gateway"),
        region: None,
        transport: Transport::Tcp,
    };
    Arc::new(Book::new(subject, Arc::new(switch)))
}

fn window(book: &Book) -> Window {
    book.take(monotonic_micros(), 60).remove(0)
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

    let window = window(&book);
    assert_eq!((window.attempts, window.ready), (4, 2));
    let failed = |phase, failure| Failures {
        phase,
        failure,
        count: 1,
    };
    assert_eq!(
        window.failures,
        [
            failed(Phase::Connect, Failure::Refused),
            failed(Phase::Tls, Failure::Cancelled)
        ]
    );
    let reasons: Vec<_> = window
        .disconnects
        .iter()
        .map(|ended| (ended.reason, ended.count, ended.lasted_ms.count()))
        .collect();
    assert_eq!(
        reasons,
        [(Disconnect::Reset, 1, 1), (Disconnect::Dropped, 1, 1)]
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
    let mut attempt = link.attempt();
    attempt.trying(Family::V4);
    let meter = attempt.meter();
    meter.sent(1);
    meter.tcp(&TcpSample::default());
    let live = attempt.ready();
    live.rtt(Duration::from_millis(1));
    drop(live);
    link.exchange().answered().finished();
    assert!(!meter.is_on());
    assert!(book.take(monotonic_micros(), 60).is_empty());
}

#[test]
fn addresses_are_told_by_family_and_order_and_only_the_last_one_answered() {
    let book = book(true);
    let mut attempt = Connection::new(book.clone()).attempt();
    attempt.trying(Family::V6);
    (0..9).for_each(|_| attempt.trying(Family::V4));
    attempt.done(Phase::Connect);
    drop(attempt);
    let told: Vec<_> = window(&book)
        .tries
        .iter()
        .map(|one| {
            (
                one.family,
                one.order,
                one.tried,
                one.connected,
                one.took_us.count(),
            )
        })
        .collect();
    assert_eq!(told.len(), 8);
    assert_eq!(told[0], (Family::V4, 2, 1, 0, 0));
    assert_eq!(told[6], (Family::V4, 8, 3, 1, 1));
    assert_eq!(told[7], (Family::V6, 1, 1, 0, 0));
}

#[test]
fn only_an_attempt_after_a_loss_is_a_reconnect() {
    let book = book(true);
    let link = Connection::new(book.clone());
    link.attempt().failed(Phase::Connect, Failure::Timeout);
    let live = link.attempt().ready();
    live.ended(Disconnect::Timeout);
    link.attempt().failed(Phase::Connect, Failure::Timeout);
    let live = link.attempt().ready();
    live.ended(Disconnect::ClosedByUs);
    drop(link.attempt().ready());

    let window = window(&book);
    assert_eq!(
        (window.attempts, window.ready, window.reconnects),
        (5, 3, 2)
    );
    assert_eq!(
        (window.outage_us.count(), window.backoff_us.count()),
        (1, 3)
    );
}

#[test]
fn a_metered_connection_takes_its_bytes_from_the_stream_alone() {
    let book = book(true);
    let mut attempt = Connection::new(book.clone()).attempt();
    let meter = attempt.meter();
    meter.sent(1_000);
    let live = attempt.ready();
    live.sent(700);
    live.received(80);
    meter.received(90);
    let window = window(&book);
    assert_eq!((window.sent, window.sent_bytes), (1, 1_000));
    assert_eq!((window.received, window.received_bytes), (1, 90));
}

#[test]
fn a_silence_longer_than_expected_is_one_stall() {
    let book = book(true);
    let live = Connection::new(book.clone()).attempt().ready();
    live.received(1);
    live.expect(Duration::from_millis(1));
    // The clock that is read steps by a few milliseconds.
    std::thread::sleep(Duration::from_millis(40));
    live.received(1);
    live.expect(Duration::from_secs(3600));
    live.received(1);
    drop(live);
    let stalls = window(&book).stall_us;
    assert_eq!(stalls.count(), 1);
    assert!(stalls.quantile(1.0).unwrap() >= 30_000);
}

#[test]
fn an_exchange_counts_as_an_attempt_and_leaves_the_service_alone() {
    let book = book(true);
    let link = Connection::new(book.clone());
    let answered = link.exchange().answered();
    answered.received(500);
    answered.finished();
    link.exchange()
        .failed(Phase::FirstByte, Failure::Overloaded);
    link.exchange().answered().broke(Disconnect::Reset);
    drop(link.exchange());
    let window = window(&book);
    assert_eq!((window.attempts, window.ready), (4, 2));
    assert_eq!((window.ack_us.count(), window.received_bytes), (1, 500));
    assert_eq!(window.phases[0].phase, Phase::FirstByte);
    assert_eq!(window.disconnects[0].reason, Disconnect::Reset);
    assert_eq!((window.up_us, window.down_us, window.reconnects), (0, 0, 0));
}

#[test]
fn time_is_booked_to_the_network_it_passed_on() {
    let book = book(true);
    let live = Connection::new(book.clone()).attempt().ready();
    let later = monotonic_micros() + 5_000_000;
    book.moved(Network::Unknown, later);
    book.moved(Network::Wifi, later + 7_000_000);
    drop(live);
    let windows = book.take(later + 7_000_000, 60);
    let told: Vec<_> = windows
        .iter()
        .map(|window| {
            (
                window.network,
                window.up_us / 1_000_000,
                window.network_changes,
            )
        })
        .collect();
    assert_eq!(
        told,
        [(Network::Unknown, 5, 0), (Network::Wifi, 7, 1)],
        "to learn what the network is, is no change of it"
    );
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
    let window = window(&book);
    assert_eq!(
        (
            window.rtt_us.count(),
            window.ready,
            window.disconnects[0].count
        ),
        (4000, 4, 4)
    );
}

#[test]
fn two_windows_in_one_say_what_both_said() {
    let book = book(true);
    let link = Connection::new(book.clone());
    let record = |failure| {
        link.attempt().failed(Phase::Connect, failure);
        let mut attempt = link.attempt();
        attempt.trying(Family::V6);
        attempt.done(Phase::Connect);
        let meter = attempt.meter();
        meter.tcp(&TcpSample {
            rtt: Some(Duration::from_millis(20)),
            segments: 10,
            ..TcpSample::default()
        });
        let live = attempt.ready();
        live.rtt(Duration::from_millis(5));
        live.sent(3);
        live.ended(Disconnect::Reset);
    };
    record(Failure::Timeout);
    let mut both = window(&book);
    record(Failure::Refused);
    let later = window(&book);
    assert!(!both.is_calm() && both.continues_with(&later));
    both.merge(later);
    assert_eq!((both.seconds, both.attempts, both.ready), (120, 4, 2));
    assert_eq!(both.failures.len(), 2);
    let [
        Tries {
            tried: 2,
            connected: 2,
            took_us,
            ..
        },
    ] = &both.tries[..]
    else {
        panic!("{:?}", both.tries)
    };
    assert_eq!(took_us.count(), 2);
    let [
        Disconnects {
            count: 2,
            lasted_ms,
            ..
        },
    ] = &both.disconnects[..]
    else {
        panic!("{:?}", both.disconnects)
    };
    assert_eq!((lasted_ms.count(), both.rtt_us.count()), (2, 2));
    let tcp = both.tcp.unwrap();
    assert_eq!((tcp.samples, tcp.segments, tcp.rtt_us.count()), (2, 20, 2));
    let _: Sketch = both.ready_us;
}

#[test]
fn the_latencies_of_a_busy_minute_take_a_few_kilobytes_at_most() {
    let book = book(true);
    let live = Connection::new(book.clone()).attempt().ready();
    // Twenty thousand values over three powers of ten.
    for number in 0..20_000u32 {
        let spread = f64::from(number * 7_919 % 10_007) / 10_007.0;
        live.rtt(Duration::from_secs_f64(0.002 * 1000f64.powf(spread)));
    }
    let sketch = window(&book).rtt_us;
    let bytes = serde_json::to_string(&sketch).unwrap().len();
    assert_eq!(sketch.count(), 20_000);
    assert!(bytes < 4_096, "{bytes} bytes");
}
