//! What the system's TCP says, against a link whose delay and loss are known.

use candor_agent::{Agent, Disconnect, Failure, Phase, Transport, name};
use candor_net::Dial;
use candor_protocol::report::Family;
use candor_tests::device::{Counting, Device, Told, assert_near, end, least};
use candor_tests::link::{FAR, Link, Weather};
use candor_tests::peer::Peer;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Agents of one process share its signal handlers.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A link, or the word that there is none here.
fn link(weather: Weather) -> Option<Link> {
    match Link::up(weather) {
        Ok(link) => Some(link),
        Err(why) => {
            let required = std::env::var("CANDOR_REQUIRE")
                .is_ok_and(|required| required.split(',').any(|word| word == "link"));
            assert!(!required, "CANDOR_REQUIRE asks for a link: {why}");
            println!(
                "SKIPPED: {why}. This test needs root, /dev/net/tun and `ip` (Debian: apt-get install iproute2)"
            );
            None
        }
    }
}

/// Runs `story` in the near side's network with an agent, which itself stays outside.
fn told(link: &Link, story: impl AsyncFnOnce(&Agent) + Send) -> Told {
    let _turn = one_at_a_time();
    let device = Device::new(Counting::honest());
    let agent = device.start(device.settings());
    link.near(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(story(&agent));
    });
    end(&agent);
    device.collector().told("longlink")
}

/// Connections of one story: enough that one of them meets a machine that is not busy.
const TRIES: u32 = 12;

#[test]
fn connecting_and_round_trips_take_as_long_as_the_link_does() {
    for way in [5, 25, 100].map(Duration::from_millis) {
        let weather = Weather {
            delay: way,
            ..Weather::default()
        };
        let Some(link) = link(weather) else { return };
        let peer = link.far(|| Peer::on((FAR, 0).into()));
        let told = told(&link, async |agent: &Agent| {
            let gateway = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
            for _ in 0..TRIES {
                let mut dial = Dial::new(&gateway);
                let mut stream = dial.connect(peer.address).await.expect("a peer");
                stream.get_ref().set_nodelay(true).expect("a socket");
                let live = dial.ready();
                for _ in 0..6 {
                    let asked = Instant::now();
                    stream.write_all(b"a").await.expect("a write");
                    stream.read_exact(&mut [0]).await.expect("an answer");
                    live.rtt(asked.elapsed());
                }
                live.ended(Disconnect::ClosedByUs);
            }
        });
        // What was injected, as the link itself measured it: a busy machine is late.
        let round_trip = link.up.took() + link.down.took();
        assert!(round_trip >= 2 * way, "{round_trip:?}");
        assert_near("connect", told.least(Phase::Connect), round_trip);
        assert_near("heartbeat", least(&told.rtt_us), round_trip);
        assert_near("TCP's smallest", least(&told.tcp.min_rtt_us), round_trip);
        assert_near("TCP's", least(&told.tcp.rtt_us), round_trip);
        assert_eq!(told.tries[&(Family::V4, 1)], (TRIES, TRIES));
        // What the network did not lose, TCP sent once, unless this machine was too busy to answer in time.
        assert_eq!(told.tcp.segments, link.up.data());
        let once = told.tcp.segments - told.tcp.retransmits;
        assert_eq!(once, u64::from(TRIES) * 6);
    }
}

#[test]
fn what_the_link_loses_is_sent_again_and_told() {
    let weather = Weather {
        delay: Duration::from_millis(10),
        loses_one_in: 20,
    };
    let Some(link) = link(weather) else { return };
    let peer = link.far(|| Peer::on((FAR, 0).into()));
    const BYTES: usize = 600_000;
    let told = told(&link, async |agent: &Agent| {
        let gateway = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
        let mut dial = Dial::new(&gateway);
        let mut stream = dial.connect(peer.address).await.expect("a peer");
        let live = dial.ready();
        stream.write_all(&vec![b'.'; BYTES]).await.expect("a write");
        stream.write_all(b"a").await.expect("a write");
        // Its answer comes when everything before it has arrived.
        stream.read_exact(&mut [0]).await.expect("an answer");
        // What is on its way when TCP is asked for the last time would be missing from its count.
        tokio::time::sleep(Duration::from_millis(300)).await;
        live.ended(Disconnect::ClosedByUs);
    });
    let (sent, lost) = (link.up.data(), link.up.lost());
    assert!(lost > 10, "{lost} of {sent}");
    assert_eq!(
        told.tcp.segments, sent,
        "every segment, as often as it was sent"
    );
    assert!(
        told.tcp.retransmits >= lost,
        "{} again of {lost} lost",
        told.tcp.retransmits
    );
    assert_eq!(
        told.sent.1,
        BYTES as u64 + 1,
        "once for us, however often for TCP"
    );
    assert_eq!(peer.heard(), BYTES as u64 + 1);
    let round_trip = link.up.took() + link.down.took();
    assert_near("TCP's smallest", least(&told.tcp.min_rtt_us), round_trip);
}

#[test]
fn a_network_without_a_way_is_told_as_unreachable() {
    let Some(link) = link(Weather::default()) else {
        return;
    };
    let told = told(&link, async |agent: &Agent| {
        let gateway = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
        // Of this network's own two addresses, neither.
        let nowhere = Dial::new(&gateway).connect("10.98.0.1:9").await;
        nowhere.map(drop).unwrap_err();
    });
    assert_eq!(told.failures[&(Phase::Connect, Failure::Unreachable)], 1);
}
