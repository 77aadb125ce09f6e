//! Connection windows.

use super::samples::{DAY, HOUR, Life, START, app, keep, sketch, with_app};
use crate::store::{ConnectionAnswer, ConnectionFilter, ConnectionSum, Span, Store};
use candor_protocol::name;
use candor_protocol::report::{Disconnect, Failure, Family, Network, Phase, Transport};

pub(crate) async fn connections_add_up_and_percentiles_are_exact_to_a_bucket(store: &impl Store) {
    let store = with_app(store).await;
    let mut all = Vec::new();
    for number in 0..40u32 {
        let times: Vec<u64> = (1..=5)
            .map(|step| u64::from(number) * 1_000 + step * 37)
            .collect();
        let life = Life::new(number, number).hour(u64::from(number) % 3);
        // Each in a batch of its own, so that sums are merged on disk as well.
        keep(
            store,
            vec![life.window(number, name!("gate"), Network::Wifi, &times)],
        )
        .await;
        all.extend(times);
    }
    let answer = store
        .connections(&app(), ConnectionFilter::default(), DAY)
        .await
        .unwrap();
    let total = &answer.total;
    assert_eq!((total.windows, total.attempts, total.ready), (40, 240, 200));
    assert_eq!(total.ready_us, sketch(&all));
    assert_eq!(total.phases[&Phase::Connect], sketch(&all));
    assert_eq!((total.rtt_us.count(), total.ack_us.count()), (80, 40));
    assert_eq!(total.failures[&(Phase::Connect, Failure::Timeout)], 40);
    assert_eq!(total.disconnects[&Disconnect::HeartbeatTimeout], 80);
    assert_eq!(
        (
            total.sent,
            total.received,
            total.sent_bytes,
            total.received_bytes
        ),
        (200, 240, 28_000, 32_000)
    );
    assert_eq!((total.up_ms, total.down_ms), (2_000_000, 400_000));
    assert_eq!((total.reconnects, total.network_changes), (40, 40));
    let tried = &total.tries[&(Family::V4, 2)];
    assert_eq!(
        (tried.tried, tried.connected, tried.took_us.count()),
        (120, 40, 40)
    );
    assert_eq!(total.lasted_ms[&Disconnect::HeartbeatTimeout].count(), 80);
    for (times, each) in [
        (&total.stall_us, 1),
        (&total.backoff_us, 1),
        (&total.outage_us, 1),
        (&total.tcp.rtt_us, 2),
        (&total.tcp.rtt_var_us, 1),
        (&total.tcp.min_rtt_us, 1),
        (&total.tcp.delivery_rate, 1),
    ] {
        assert_eq!(times.count(), 40 * each);
    }
    assert_eq!(
        (
            total.tcp.samples,
            total.tcp.segments,
            total.tcp.retransmits,
            total.tcp.lost
        ),
        (80, 4_000, 120, 40)
    );
    assert_eq!(answer.series.len(), 24);
    let mut series = ConnectionSum::default();
    answer.series.iter().for_each(|(_, sum)| series.merge(sum));
    assert_eq!(&series, total);
    assert_eq!(answer.series[3].1, ConnectionSum::default());
}

pub(crate) async fn connections_are_filtered_by_every_dimension(store: &impl Store) {
    let store = with_app(store).await;
    let window =
        |number, life: &Life, endpoint, network| life.window(number, endpoint, network, &[5]);
    let old = Life::new(1, 1).region(name!("eu"));
    let new = Life::new(1, 1).release("1.1").os_version("13.1");
    keep(
        store,
        vec![
            window(1, &old, name!("gate-a"), Network::Wifi),
            window(2, &old, name!("gate-a"), Network::Cell4g),
            window(3, &new, name!("gate-b"), Network::Wifi),
            window(4, &new, name!("gate-b"), Network::Wifi),
        ],
    )
    .await;
    let windows = async |filter| {
        store
            .connections(&app(), filter, DAY)
            .await
            .unwrap()
            .total
            .windows
    };
    let all = ConnectionFilter::default;
    assert_eq!(windows(all()).await, 4);
    assert_eq!(
        windows(ConnectionFilter {
            endpoint: Some(name!("gate-a")),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            network: Some(Network::Wifi),
            ..all()
        })
        .await,
        3
    );
    assert_eq!(
        windows(ConnectionFilter {
            release: Some("1.1".parse().unwrap()),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            name: Some(name!("long-link")),
            ..all()
        })
        .await,
        4
    );
    assert_eq!(
        windows(ConnectionFilter {
            name: Some(name!("other")),
            ..all()
        })
        .await,
        0
    );
    assert_eq!(
        windows(ConnectionFilter {
            region: Some(name!("eu")),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            os: Some("linux 13.1".to_owned()),
            ..all()
        })
        .await,
        2
    );
    assert_eq!(
        windows(ConnectionFilter {
            transport: Some(Transport::Quic),
            ..all()
        })
        .await,
        0
    );
    let both = ConnectionFilter {
        endpoint: Some(name!("gate-a")),
        network: Some(Network::Wifi),
        ..all()
    };
    assert_eq!(windows(both).await, 1);

    let answer = store.connections(&app(), all(), DAY).await.unwrap();
    let brief = ConnectionFilter {
        brief: true,
        ..all()
    };
    let brief = store.connections(&app(), brief, DAY).await.unwrap();
    assert!(answer.total.ready > 0);
    let told = |answer: &ConnectionAnswer| {
        let of = |sum: &ConnectionSum| (sum.attempts, sum.ready, sum.ready_us.clone());
        let by_release = answer.by_release.iter();
        let by_release: Vec<_> = by_release
            .map(|(name, sum)| (name.clone(), of(sum)))
            .collect();
        (of(&answer.total), by_release)
    };
    assert_eq!(told(&brief), told(&answer));
    let networks: Vec<_> = answer
        .by_network
        .iter()
        .map(|(network, sum)| (*network, sum.windows))
        .collect();
    assert_eq!(networks, [(Network::Wifi, 3), (Network::Cell4g, 1)]);
    let endpoints: Vec<_> = answer
        .by_endpoint
        .iter()
        .map(|(name, sum)| (name.clone(), sum.windows))
        .collect();
    assert_eq!(endpoints, [(name!("gate-a"), 2), (name!("gate-b"), 2)]);
    let releases: Vec<_> = answer
        .by_release
        .iter()
        .map(|(release, sum)| (release.as_str(), sum.windows))
        .collect();
    assert_eq!(releases, [("1.1", 2), ("1.0", 2)]);
    assert_eq!(answer.by_name[0].1.windows, 4);
    let regions: Vec<_> = answer
        .by_region
        .iter()
        .map(|(region, sum)| (region.as_str(), sum.windows))
        .collect();
    assert_eq!(regions, [("eu", 2)]);
    let systems: Vec<_> = answer
        .by_os
        .iter()
        .map(|(os, sum)| (os.as_str(), sum.windows))
        .collect();
    assert_eq!(systems, [("linux 12.4", 2), ("linux 13.1", 2)]);
    assert_eq!(answer.by_transport.len(), 1);
    assert_eq!(answer.by_transport[0].0, Transport::Tcp);
}

pub(crate) async fn hours_and_minutes_of_windows_add_up_to_the_same(store: &impl Store) {
    let store = with_app(store).await;
    let life = Life::new(1, 1);
    let window = |number, life: &Life| life.window(number, name!("gate"), Network::Wifi, &[5]);
    keep(
        store,
        vec![
            window(1, &life),
            window(2, &life.minute(7)),
            window(3, &life.minute(59)),
            window(4, &life.hour(1)),
        ],
    )
    .await;
    let ask = async |from, to, step| {
        let span = Span { from, to, step };
        let answer = store
            .connections(&app(), ConnectionFilter::default(), span)
            .await
            .unwrap();
        let series: Vec<u64> = answer.series.iter().map(|(_, sum)| sum.windows).collect();
        assert_eq!(series.iter().sum::<u64>(), answer.total.windows);
        series
    };
    assert_eq!(ask(START, START + 2 * HOUR, HOUR).await, [3, 1]);
    assert_eq!(ask(START, START + 2 * HOUR, HOUR / 2).await, [2, 1, 1, 0]);
    assert_eq!(ask(START + 300, START + 600, 60).await, [0, 0, 1, 0, 0]);
    // An hour that is cut tells only what lies in it.
    assert_eq!(ask(START, START + HOUR / 2, HOUR).await, [2]);
    for step in [HOUR, 60] {
        let span = Span { step, ..DAY };
        let points = store.trend(&app(), span).await.unwrap();
        assert_eq!(points.iter().map(|point| point.attempts).sum::<u64>(), 8);
    }
    assert_eq!(store.health(&app(), DAY).await.unwrap().attempts, 8);
    assert_eq!(store.releases(&app(), DAY).await.unwrap()[0].attempts, 8);
}

pub(crate) async fn connections_tell_how_many_runs_are_behind_them(store: &impl Store) {
    let store = with_app(store).await;
    let mut reports = Vec::new();
    for run in 0..30u32 {
        let release = if run < 20 { "1.0" } else { "1.1" };
        for hour in 0..3 {
            let life = Life::new(1, run).release(release).hour(hour);
            reports.push(life.window(run * 10 + hour as u32, name!("gate"), Network::Wifi, &[5]));
        }
    }
    keep(store, reports).await;
    let answer = store
        .connections(&app(), ConnectionFilter::default(), DAY)
        .await
        .unwrap();
    assert_eq!((answer.total.windows, answer.total.runs.count()), (90, 30));
    let releases: Vec<_> = answer
        .by_release
        .iter()
        .map(|(release, sum)| (release.as_str(), sum.runs.count()))
        .collect();
    assert_eq!(releases, [("1.1", 10), ("1.0", 20)]);
    assert_eq!(answer.series[1].1.runs.count(), 30);
}
