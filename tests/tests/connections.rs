//! Connections against the truth: what the agent tells is what was done to them.

use candor_agent::{Agent, Disconnect, Failure, Network, Outcome, Phase, Transport, name};
use candor_net::http::Measured;
use candor_net::{Dial, Failing, Metered, connect};
use candor_protocol::report::Family;
use candor_tests::device::{Counting, Device, Told, assert_near, end, least};
use candor_tests::fault::{BlackHole, Faults, Proxy, refused};
use candor_tests::peer::{Identity, Peer, http};
use candor_tests::programs::eventually;
use http_body_util::{BodyExt, Full};
use rustls::pki_types::ServerName;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tower::{Layer, Service, ServiceExt};

/// Agents of one process share its signal handlers.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `story` with an agent; what its connection `name` told.
fn told(name: &str, story: impl AsyncFnOnce(&Agent)) -> Told {
    let _turn = one_at_a_time();
    let device = Device::new(Counting::honest());
    let agent = device.start(device.settings());
    runtime().block_on(story(&agent));
    end(&agent);
    device.collector().told(name)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn link(agent: &Agent) -> candor_agent::Connection {
    agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp)
}

/// Says `letter` and waits for the answer.
async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, letter: u8) -> Result<u8, Refusal> {
    stream.write_all(&[letter]).await?;
    let mut answer = [0];
    stream.read_exact(&mut answer).await?;
    match answer[0] {
        b'n' => Err(Refusal::No),
        other => Ok(other),
    }
}

/// Why a login failed, as an app would have it.
#[derive(Debug)]
enum Refusal {
    No,
    Io(io::Error),
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Failing for Refusal {
    fn failure(&self) -> Failure {
        match self {
            Self::No => Failure::AuthRefused,
            Self::Io(error) => error.failure(),
        }
    }
}

const MOMENT: Duration = Duration::from_millis(300);

#[test]
fn every_class_of_failure_is_reached_by_a_real_failure() {
    let told = told("longlink", async |agent: &Agent| {
        let link = link(agent);
        let (peer, identity) = (Peer::start(), Identity::generate());
        let localhost = || ServerName::try_from("localhost").expect("a name");

        let nobody = connect(&link, refused()).await;
        assert_eq!(
            nobody.map(drop).unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused
        );
        let hole = BlackHole::open();
        let waited = Dial::new(&link)
            .patience(MOMENT)
            .connect(hole.address)
            .await;
        assert_eq!(
            waited.map(drop).unwrap_err().kind(),
            io::ErrorKind::TimedOut
        );
        // The broadcast address of the loopback network: there is no way to connect to it.
        connect(&link, "127.255.255.255:9")
            .await
            .map(drop)
            .unwrap_err();
        // No name: the resolver need not ask anybody.
        let no_name = format!("{}.example:9", "x".repeat(64));
        connect(&link, no_name.as_str())
            .await
            .map(drop)
            .unwrap_err();
        // An address of a link without the link.
        connect(&link, "[fe80::1]:9").await.map(drop).unwrap_err();

        for letter in [b'r', b'c', b'n'] {
            let (mut stream, mut dial) = connect(&link, peer.address).await.expect("a peer");
            dial.login(say(&mut stream, letter)).await.unwrap_err();
        }

        let server = identity.serve();
        let (stream, mut dial) = connect(&link, server).await.expect("a peer");
        let distrust = identity.connector(false);
        dial.tls(&distrust, localhost(), stream).await.unwrap_err();
        // What answers does not speak TLS: the letters of the greeting that it understands are answered in plain text.
        let plain = http(&[b"HTTP/1.1 400 this is no handshake\r\n\r\n"]);
        let (stream, mut dial) = connect(&link, plain).await.expect("a peer");
        let mut stream = stream;
        stream.write_all(b"\r\n\r\n").await.expect("a write");
        dial.tls(&identity.connector(true), localhost(), stream)
            .await
            .unwrap_err();

        let (_stream, dial) = connect(&link, peer.address).await.expect("a peer");
        drop(dial);
        let (_stream, dial) = connect(&link, peer.address).await.expect("a peer");
        agent.network(Network::Wifi);
        dial.failed(Phase::Login, Failure::NetworkChanged);
        agent.network(Network::Unknown);
        let (_stream, dial) = connect(&link, peer.address).await.expect("a peer");
        dial.failed(Phase::Login, Failure::Backgrounded);

        let busy = http(&[b"HTTP/1.1 503 busy\r\ncontent-length: 0\r\n\r\n"]);
        let mut client = Measured::new(link.clone()).layer(hyper_client());
        let answer = client
            .ready()
            .await
            .expect("a client")
            .call(get(busy))
            .await;
        assert_eq!(answer.expect("an answer").status(), 503);

        // Every file that this process may open is open.
        let mut files = Vec::new();
        let few = Limit::files(64 + open_files());
        while let Ok(file) = std::fs::File::open("/dev/null") {
            files.push(file);
        }
        connect(&link, peer.address).await.map(drop).unwrap_err();
        drop(files);
        drop(few);
    });
    let expected = BTreeMap::from([
        ((Phase::Connect, Failure::Refused), 1),
        ((Phase::Connect, Failure::Timeout), 1),
        ((Phase::Connect, Failure::Unreachable), 1),
        ((Phase::Resolve, Failure::ResolveFailed), 1),
        ((Phase::Connect, Failure::Other), 1),
        ((Phase::Login, Failure::Reset), 1),
        ((Phase::Login, Failure::ClosedByPeer), 1),
        ((Phase::Login, Failure::AuthRefused), 1),
        ((Phase::Tls, Failure::TlsFailed), 1),
        ((Phase::Tls, Failure::Protocol), 1),
        ((Phase::Tls, Failure::Cancelled), 1),
        ((Phase::Login, Failure::NetworkChanged), 1),
        ((Phase::Login, Failure::Backgrounded), 1),
        ((Phase::FirstByte, Failure::Overloaded), 1),
        ((Phase::Connect, Failure::Local), 1),
    ]);
    assert_eq!(told.failures, expected);
    for class in Failure::ALL {
        assert!(
            expected.keys().any(|(_, reached)| reached == class),
            "{class} is reached by nothing"
        );
    }
    assert_eq!((told.attempts, told.ready), (15, 0));
}

/// A limit of this process, taken back when it is dropped.
struct Limit(rustix::process::Rlimit);

impl Limit {
    fn files(most: u64) -> Self {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let before = getrlimit(Resource::Nofile);
        let lower = Rlimit {
            current: Some(most),
            ..before
        };
        setrlimit(Resource::Nofile, lower).expect("a lower limit");
        Self(before)
    }
}

impl Drop for Limit {
    fn drop(&mut self) {
        let before = self.0;
        rustix::process::setrlimit(rustix::process::Resource::Nofile, before)
            .expect("the limit it had");
    }
}

fn open_files() -> u64 {
    std::fs::read_dir("/proc/self/fd").expect("a list").count() as u64
}

type HyperClient = hyper_util::client::legacy::Client<
    hyper_util::client::legacy::connect::HttpConnector,
    Full<&'static [u8]>,
>;

fn hyper_client() -> HyperClient {
    hyper_util::client::legacy::Client::builder(hyper_util::rt::TokioExecutor::new()).build_http()
}

fn get(address: SocketAddr) -> ::http::Request<Full<&'static [u8]>> {
    ::http::Request::get(format!("http://{address}/"))
        .body(Full::new(&b""[..]))
        .expect("a request")
}

/// Connections of one story: enough that one of them meets a machine that is not busy.
const TRIES: u32 = 8;

#[test]
fn phases_and_round_trips_take_as_long_as_was_injected() {
    const WAY: Duration = Duration::from_millis(100);
    let faults = Faults {
        delay: WAY,
        ..Faults::default()
    };
    let mut own: Vec<[Duration; 3]> = Vec::new();
    let mut round_trip = Duration::ZERO;
    let told = told("longlink", async |agent: &Agent| {
        let identity = Identity::generate();
        let server = Proxy::start(identity.serve(), faults);
        let (link, connector) = (link(agent), identity.connector(true));
        for _ in 0..TRIES {
            let began = Instant::now();
            let (stream, mut dial) = connect(&link, server.address).await.expect("a server");
            let before_tls = Instant::now();
            let localhost = ServerName::try_from("localhost").expect("a name");
            let mut stream = dial.tls(&connector, localhost, stream).await.expect("TLS");
            let before_login = Instant::now();
            dial.login(say(&mut stream, b'l')).await.expect("a login");
            let done = Instant::now();
            let live = dial.ready();
            own.push([before_login - before_tls, done - before_login, done - began]);
            for _ in 0..6 {
                let pinged = Instant::now();
                say(&mut stream, b'p').await.expect("an answer");
                live.rtt(pinged.elapsed());
            }
            live.ended(Disconnect::ClosedByUs);
        }
        round_trip = server.round_trip();
    });
    assert_eq!((told.attempts, told.ready), (TRIES, TRIES));
    // A busy machine is late, so the network itself measured what it injected.
    assert!(round_trip >= 2 * WAY, "{round_trip:?}");
    let mine = |index: usize| own.iter().map(|times| times[index]).min().expect("times");
    // TLS 1.3 takes one round trip and some arithmetic, and the login one round trip.
    assert_near("TLS", told.least(Phase::Tls), mine(0));
    assert!(mine(0) >= round_trip, "{:?}", mine(0));
    assert_near("login", told.least(Phase::Login), mine(1));
    assert!(mine(1) >= round_trip, "{:?}", mine(1));
    assert_near("ready", least(&told.ready_us), mine(2));
    assert_near("heartbeat", least(&told.rtt_us), round_trip);
    let values = (told.rtt_us.count(), told.ready_us.count());
    assert_eq!(values, (u64::from(TRIES) * 6, u64::from(TRIES)));
}

#[test]
fn a_handshake_that_is_lost_is_waited_for_and_timed_to_the_end() {
    // The system repeats the first segment of a connection after a second.
    let mut own = Duration::ZERO;
    let told = told("longlink", async |agent: &Agent| {
        let hole = BlackHole::open();
        let address = hole.address;
        let opening = std::thread::spawn(move || {
            std::thread::sleep(MOMENT);
            hole.close()
        });
        let link = link(agent);
        let began = Instant::now();
        let (_stream, dial) = connect(&link, address).await.expect("a late answer");
        own = began.elapsed();
        drop(dial);
        drop(opening.join());
    });
    assert!(own >= Duration::from_millis(900), "{own:?}");
    assert_near("connect", told.least(Phase::Connect), own);
    assert_eq!(told.tries[&(Family::V4, 1)], (1, 1));
}

#[test]
fn jitter_is_seen_as_a_spread_of_round_trips() {
    let faults = Faults {
        delay: Duration::from_millis(20),
        jitter: Duration::from_millis(40),
        ..Faults::default()
    };
    let mut own = Vec::new();
    let told = told("longlink", async |agent: &Agent| {
        let server = Proxy::start(Peer::start().address, faults);
        let (mut stream, dial) = connect(&link(agent), server.address).await.expect("a peer");
        let live = dial.ready();
        for _ in 0..20 {
            let asked = Instant::now();
            say(&mut stream, b'a').await.expect("an answer");
            own.push(asked.elapsed());
            live.rtt(own[own.len() - 1]);
        }
    });
    own.sort();
    for (q, index) in [(0.0, 0), (0.5, 9), (1.0, 19)] {
        let quantile = told.rtt_us.quantile(q).expect("values");
        assert_near("round trip", Duration::from_micros(quantile), own[index]);
    }
    assert!(own[19] > own[0] + Duration::from_millis(30), "{own:?}");
}

#[test]
fn a_stalled_stream_is_one_stall_as_long_as_it_stood_still() {
    let mut own = Duration::ZERO;
    let told = told("longlink", async |agent: &Agent| {
        let server = Proxy::start(Peer::start().address, Faults::default());
        let (mut stream, dial) = connect(&link(agent), server.address).await.expect("a peer");
        let live = dial.ready();
        stream.expect(Duration::from_millis(200));
        for _ in 0..10 {
            say(&mut stream, b'a').await.expect("an answer");
        }
        let quiet = Instant::now();
        server.set(Faults {
            stalled: true,
            ..Faults::default()
        });
        let later = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            server.set(Faults::default());
        };
        let (answer, ()) = tokio::join!(say(&mut stream, b'a'), later);
        answer.expect("an answer in the end");
        own = quiet.elapsed();
        live.ended(Disconnect::ClosedByUs);
    });
    assert_eq!(told.stall_us.count(), 1);
    assert_near("the stall", least(&told.stall_us), own);
}

#[test]
fn every_way_to_lose_service_has_its_reason_and_how_long_it_had_lasted() {
    let mut own = Vec::new();
    let told = told("longlink", async |agent: &Agent| {
        let (link, peer) = (link(agent), Peer::start());
        let server = Proxy::start(peer.address, Faults::default());
        agent.network(Network::Wifi);
        for ending in ["closed", "reset", "lost", "half open", "dropped"] {
            let (mut stream, dial) = connect(&link, server.address).await.expect("a peer");
            let live = dial.ready();
            let began = Instant::now();
            say(&mut stream, b'a').await.expect("an answer");
            let reason = match ending {
                "closed" => ended(say(&mut stream, b'c').await),
                "reset" => {
                    // The proxy passes a goodbye on where the peer resets, so the network resets instead.
                    server.set(Faults {
                        reset_after: Some(1),
                        ..Faults::default()
                    });
                    ended(say(&mut stream, b'a').await)
                }
                "half open" => {
                    server.set(Faults {
                        half_open: true,
                        ..Faults::default()
                    });
                    let answer = tokio::time::timeout(MOMENT, say(&mut stream, b'a')).await;
                    assert!(answer.is_err(), "somebody answered");
                    Disconnect::HeartbeatTimeout
                }
                "lost" => {
                    agent.network(Network::None);
                    agent.network(Network::Wifi);
                    Disconnect::NetworkLost
                }
                _ => {
                    own.push(began.elapsed());
                    drop(live);
                    continue;
                }
            };
            own.push(began.elapsed());
            live.ended(reason);
            server.set(Faults::default());
        }
    });
    let reasons = [
        Disconnect::ClosedByPeer,
        Disconnect::Reset,
        Disconnect::NetworkLost,
        Disconnect::HeartbeatTimeout,
        Disconnect::Dropped,
    ];
    assert_eq!(
        told.disconnects,
        reasons.into_iter().map(|reason| (reason, 1)).collect()
    );
    let longest = own.iter().max().expect("times");
    let lasted = told.lasted_ms.quantile(1.0).expect("values");
    assert_near("the longest", Duration::from_millis(lasted), *longest);
    assert_eq!(
        (told.reconnects, told.outage_us.count()),
        (4, 4),
        "each but the first came back to a lost service"
    );
    assert_eq!(told.network_changes, 2);
    assert!(Disconnect::ALL.len() >= 16);
}

fn ended(answer: Result<u8, Refusal>) -> Disconnect {
    match answer {
        Err(Refusal::Io(error)) => Disconnect::of(&error),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_are_those_that_went_over_the_wire() {
    let mut carried = (0, 0);
    let told = told("longlink", async |agent: &Agent| {
        let server = Proxy::start(Peer::start().address, Faults::default());
        let (mut stream, dial) = connect(&link(agent), server.address).await.expect("a peer");
        let live = dial.ready();
        stream.write_all(&[b'.'; 100_000]).await.expect("a write");
        live.sent(100_000);
        for _ in 0..50 {
            say(&mut stream, b'a').await.expect("an answer");
            live.sent(1);
            live.received(1);
        }
        carried = server.carried();
        live.ended(Disconnect::ClosedByUs);
    });
    assert_eq!(carried, (100_050, 50));
    assert_eq!(told.sent, (51, 100_050));
    assert_eq!(told.received, (50, 50));
}

#[test]
fn time_in_and_without_service_and_waits_are_as_long_as_they_were() {
    let mut own = [Duration::ZERO; 3];
    let told = told("longlink", async |agent: &Agent| {
        let (link, peer) = (link(agent), Peer::start());
        let (_stream, dial) = connect(&link, peer.address).await.expect("a peer");
        let live = dial.ready();
        let up = Instant::now();
        tokio::time::sleep(MOMENT).await;
        live.ended(Disconnect::Reset);
        own[0] = up.elapsed();
        let down = Instant::now();
        tokio::time::sleep(MOMENT).await;
        own[1] = down.elapsed();
        connect(&link, refused()).await.map(drop).unwrap_err();
        tokio::time::sleep(2 * MOMENT).await;
        let (_stream, dial) = connect(&link, peer.address).await.expect("a peer");
        let live = dial.ready();
        own[2] = down.elapsed();
        // What the app closes itself is not missed.
        live.ended(Disconnect::ClosedByUs);
        tokio::time::sleep(MOMENT).await;
    });
    assert_near("in service", Duration::from_millis(told.up_ms), own[0]);
    assert_near("without", Duration::from_millis(told.down_ms), own[2]);
    assert_near("the outage", least(&told.outage_us), own[2]);
    assert_near("the first wait", least(&told.backoff_us), own[1]);
    assert_eq!((told.backoff_us.count(), told.reconnects), (2, 2));
}

#[test]
fn the_system_is_asked_about_its_sockets() {
    let told = told("longlink", async |agent: &Agent| {
        let (mut stream, dial) = connect(&link(agent), Peer::start().address)
            .await
            .expect("a peer");
        let live = dial.ready();
        for _ in 0..20 {
            say(&mut stream, b'a').await.expect("an answer");
        }
        stream.sample();
        live.ended(Disconnect::ClosedByUs);
    });
    let tcp = told.tcp;
    assert_eq!(
        tcp.samples, 3,
        "after connecting, when asked, and at the end"
    );
    assert_eq!(tcp.segments, 20);
    assert_eq!(tcp.rtt_us.count(), 3);
    assert!(
        least(&tcp.min_rtt_us) < Duration::from_millis(50),
        "{tcp:?}"
    );
}

#[test]
fn requests_of_hyper_and_reqwest_count_by_themselves() {
    // Each ends its connection, so that no request is sent on one that is about to be closed.
    const ANSWERS: &[&[u8]] = &[
        b"HTTP/1.1 200 ok\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello",
        b"HTTP/1.1 404 no\r\nconnection: close\r\ncontent-length: 2\r\n\r\nno",
        b"HTTP/1.1 401 who\r\nconnection: close\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 ok\r\nconnection: close\r\ncontent-length: 100\r\n\r\ncut off",
        b"this is no answer\r\n\r\n",
        b"",
    ];
    let upload = |agent: &Agent| agent.connection(name!("upload"), name!("files"), Transport::Http);
    let with_hyper = told("upload", async |agent: &Agent| {
        let server = http(ANSWERS);
        let mut client = Measured::new(upload(agent)).layer(hyper_client());
        let mut sizes = Vec::new();
        for _ in ANSWERS {
            let mut request = get(server);
            *request.body_mut() = Full::new(&b"0123456789"[..]);
            *request.method_mut() = ::http::Method::POST;
            match client.ready().await.expect("a client").call(request).await {
                Ok(answer) => {
                    let body = answer.into_body().collect().await;
                    sizes.push(body.map(|body| body.to_bytes().len()).ok());
                }
                Err(_) => sizes.push(None),
            }
        }
        assert_eq!(sizes, [Some(5), Some(2), Some(0), None, None, None]);
        let gone = client.ready().await.expect("a client").call(get(refused()));
        gone.await.map(drop).unwrap_err();
    });
    let failures = BTreeMap::from([
        ((Phase::FirstByte, Failure::AuthRefused), 1),
        ((Phase::FirstByte, Failure::Protocol), 1),
        ((Phase::FirstByte, Failure::ClosedByPeer), 1),
        ((Phase::Connect, Failure::Refused), 1),
    ]);
    assert_eq!(with_hyper.failures, failures);
    assert_eq!((with_hyper.attempts, with_hyper.ready), (7, 3));
    assert_eq!(with_hyper.ack_us.count(), 2, "one answer was cut off");
    assert_eq!(
        with_hyper.disconnects,
        BTreeMap::from([(Disconnect::ClosedByPeer, 1)])
    );
    assert_eq!(with_hyper.sent.1, 30, "of the requests that were answered");
    assert_eq!(with_hyper.received.1, 5 + 2 + 7);
    assert_eq!((with_hyper.up_ms, with_hyper.down_ms), (0, 0));

    let with_reqwest = told("upload", async |agent: &Agent| {
        let server = http(ANSWERS);
        let mut client = Measured::new(upload(agent)).layer(reqwest::Client::new());
        for _ in ANSWERS {
            let url = format!("http://{server}/").parse().expect("an address");
            let request = reqwest::Request::new(reqwest::Method::GET, url);
            let _ = client.ready().await.expect("a client").call(request).await;
        }
        let url = format!("http://{}/", refused())
            .parse()
            .expect("an address");
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        let gone = client.ready().await.expect("a client").call(request);
        gone.await.map(drop).unwrap_err();
    });
    assert_eq!(with_reqwest.failures, failures);
    assert_eq!((with_reqwest.attempts, with_reqwest.ready), (7, 3));
    assert_eq!(with_reqwest.received.1, 5 + 2 + 100);
}

#[test]
fn nothing_is_counted_twice_whatever_is_lost_on_the_way_and_however_often_it_restarts() {
    let _turn = one_at_a_time();
    // Of three answers one is true, one is lost after the reports were kept, and one is a refusal.
    let turn = AtomicU32::new(0);
    let collector = Counting::answering(move || match turn.fetch_add(1, Relaxed) % 3 {
        0 => Some(Outcome::TryLater {
            after: Some(Duration::ZERO),
        }),
        1 => None,
        _ => Some(Outcome::Delivered),
    });
    let device = Device::new(collector);
    let (mut attempts, mut pings) = (0, 0);
    for _ in 0..3 {
        let settings = device
            .settings()
            .window(Duration::from_secs(1))
            .upload_every(Duration::from_millis(100))
            .calm_upload_every(Duration::from_millis(100));
        let agent = device.start(settings);
        let link = link(&agent);
        runtime().block_on(async {
            let peer = Peer::start();
            let began = Instant::now();
            while began.elapsed() < Duration::from_millis(2_500) {
                let (mut stream, dial) = connect(&link, peer.address).await.expect("a peer");
                attempts += 1;
                let live = dial.ready();
                for _ in 0..10 {
                    let asked = Instant::now();
                    say(&mut stream, b'a').await.expect("an answer");
                    live.rtt(asked.elapsed());
                    pings += 1;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                live.ended(Disconnect::Reset);
                assert_eq!(peer.accepted(), peer.accepted().max(1));
            }
        });
        // Whatever it achieves: what is not delivered is there at the next start.
        agent.shutdown(Duration::from_millis(300));
    }
    device.collector().heal();
    let agent = device.start(device.settings());
    // An earlier refusal may have asked for patience.
    let deadline = Instant::now() + Duration::from_secs(60);
    while device.collector().told("longlink").rtt_us.count() < pings && Instant::now() < deadline {
        agent.flush(Duration::from_secs(1));
        std::thread::sleep(Duration::from_millis(100));
    }
    end_patiently(&agent);
    let told = device.collector().told("longlink");
    assert_eq!((told.attempts, told.ready), (attempts, attempts));
    assert_eq!(told.rtt_us.count(), pings);
    assert_eq!(told.disconnects[&Disconnect::Reset], attempts);
    assert_eq!(told.lasted_ms.count(), u64::from(attempts));
    assert_eq!(told.sent.1, pings);
}

fn end_patiently(agent: &Agent) {
    agent.shutdown(Duration::from_secs(10));
}

#[test]
fn a_calm_connection_tells_one_window_however_many_minutes_it_lasts() {
    let _turn = one_at_a_time();
    let device = Device::new(Counting::honest());
    let settings = device
        .settings()
        .window(Duration::from_secs(1))
        .upload_every(Duration::from_secs(3600));
    let agent = device.start(settings);
    let live = link(&agent).attempt().ready();
    let began = Instant::now();
    let mut pings = 0;
    while began.elapsed() < Duration::from_millis(3_300) {
        live.rtt(Duration::from_millis(20));
        pings += 1;
        std::thread::sleep(Duration::from_millis(50));
    }
    drop(live);
    let lasted = began.elapsed();
    end(&agent);
    let told = device.collector().told("longlink");
    assert_eq!((told.attempts, told.rtt_us.count()), (1, pings));
    assert_near("in service", Duration::from_millis(told.up_ms), lasted);
    let windows = device.collector().windows("longlink");
    // Two where the hour ended meanwhile: reports tell it.
    assert!((1..=2).contains(&windows), "{windows}");
}

#[test]
fn what_nobody_waits_for_waits_and_a_loss_of_service_does_not() {
    let _turn = one_at_a_time();
    let device = Device::new(Counting::honest());
    let settings = device
        .settings()
        .window(Duration::from_secs(1))
        .upload_every(Duration::from_millis(100))
        .calm_upload_every(Duration::from_secs(3600));
    let agent = device.start(settings);
    let told = || device.collector().told("longlink");
    let live = link(&agent).attempt().ready();
    eventually("the attempt is told", || told().attempts == 1);
    let before = told().rtt_us.count();
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(2_500) {
        live.rtt(Duration::from_millis(20));
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(told().rtt_us.count(), before, "heartbeats could not wait");
    live.ended(Disconnect::Reset);
    eventually("the loss is told", || {
        told().disconnects.contains_key(&Disconnect::Reset)
    });
    eventually("the heartbeats came along", || {
        told().rtt_us.count() >= before + 20
    });
    end(&agent);
}

/// What a metered stream is made of must stay usable by whoever wraps it.
#[test]
fn a_stream_is_metered_whatever_it_is() {
    let told = told("longlink", async |agent: &Agent| {
        let mut attempt = link(agent).attempt();
        let (near, mut far) = tokio::io::duplex(64);
        let mut stream = Metered::new(near, attempt.meter());
        let live = attempt.ready();
        stream.write_all(b"four").await.expect("a write");
        let mut bytes = [0; 4];
        far.read_exact(&mut bytes).await.expect("bytes");
        far.write_all(b"answer").await.expect("a write");
        drop(far);
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("an end");
        live.ended(Disconnect::ClosedByPeer);
    });
    assert_eq!((told.sent.1, told.received.1), (4, 6));
    assert_eq!(told.tcp.samples, 0);
}
