//! The client and the server together, on loopback, through a network that fails.

mod support;

use im::client::Refused;
use im::proxy::{Mode, Proxy};
use im::wire;
use support::{bounded, client, config, server, until};

#[tokio::test]
async fn every_message_arrives_once_and_in_order_though_the_connection_is_reset_again_and_again() {
    const MESSAGES: u64 = 400;
    let server = server().await;
    let network = Proxy::start(server, Mode::CLEAR).unwrap();
    let (ana, ana_loop, ana_saw) = client(config(network.address(), "ana"));
    let (ben, ben_loop, ben_saw) = client(config(server, "ben"));
    let story = async {
        for n in 1..=MESSAGES {
            ana.send("ben", format!("text {n}")).await.unwrap();
            // Each reset is asked for while messages are on their way, and is over before the next.
            if n % 80 == 0 {
                until(&ana, |s| s.ready).await;
                let connections = ana.status().borrow().connections;
                network.set(Mode::Reset);
                until(&ana, |s| !s.ready || s.connections > connections).await;
                network.set(Mode::CLEAR);
            }
        }
        until(&ana, |s| s.acknowledged == MESSAGES).await;
        until(&ben, |s| s.delivered == MESSAGES).await;
        ana.close().await;
        ben.close().await;
    };
    bounded(async { tokio::join!(ana_loop.run(), ben_loop.run(), story) }).await;
    let wanted: Vec<String> = (1..=MESSAGES).map(|n| format!("ana: text {n}")).collect();
    assert_eq!(ben_saw.borrow().delivered, wanted);
    assert_eq!(
        ana_saw.borrow().acknowledged,
        (1..=MESSAGES).collect::<Vec<_>>()
    );
    assert!(
        ana_saw.borrow().losses.len() >= 5,
        "{:?}",
        ana_saw.borrow().losses
    );
}

#[tokio::test]
async fn what_is_written_while_the_network_is_away_goes_out_when_it_is_back() {
    let server = server().await;
    let network = Proxy::start(server, Mode::Refuse).unwrap();
    let (ana, ana_loop, saw) = client(config(network.address(), "ana"));
    let story = async {
        for n in 1..=3 {
            ana.send("ana", format!("note {n}")).await.unwrap();
        }
        until(&ana, |s| s.queued == 3).await;
        network.set(Mode::CLEAR);
        until(&ana, |s| s.delivered == 3 && s.acknowledged == 3).await;
        ana.close().await;
    };
    bounded(async { tokio::join!(ana_loop.run(), story) }).await;
    assert_eq!(
        saw.borrow().delivered,
        ["ana: note 1", "ana: note 2", "ana: note 3"]
    );
}

#[tokio::test]
async fn a_network_that_falls_silent_is_noticed_by_the_heartbeat() {
    let server = server().await;
    let network = Proxy::start(server, Mode::CLEAR).unwrap();
    let (ana, ana_loop, saw) = client(config(network.address(), "ana"));
    let story = async {
        until(&ana, |s| s.ready).await;
        network.set(Mode::Stall);
        until(&ana, |s| !s.ready).await;
        network.set(Mode::CLEAR);
        until(&ana, |s| s.ready).await;
        ana.close().await;
    };
    bounded(async { tokio::join!(ana_loop.run(), story) }).await;
    assert_eq!(saw.borrow().losses, ["the server does not answer"]);
}

#[tokio::test]
async fn an_expired_token_is_refused_with_the_reason_until_a_new_one_is_there() {
    let server = server().await;
    let mut settings = config(server, "ana");
    settings.token = "expired".into();
    let (ana, ana_loop, saw) = client(settings);
    let story = async {
        while saw.borrow().failures.is_empty() {
            tokio::task::yield_now().await;
        }
        ana.token("renewed").await.unwrap();
        until(&ana, |s| s.ready).await;
        ana.close().await;
    };
    bounded(async { tokio::join!(ana_loop.run(), story) }).await;
    assert_eq!(
        saw.borrow().failures[0],
        "logging in: refused, the token has expired"
    );
}

#[tokio::test]
async fn a_message_that_no_server_takes_is_refused_at_once_instead_of_blocking_the_others() {
    let server = server().await;
    let (ana, ana_loop, _) = client(config(server, "ana"));
    assert_eq!(ana.send("nobody at all", "hi").await, Err(Refused::NoName));
    assert_eq!(
        ana.send("ben", "x".repeat(wire::MAX_TEXT + 1)).await,
        Err(Refused::TooLong)
    );
    drop(ana_loop);
    assert_eq!(ana.send("ben", "hi").await, Err(Refused::Gone));
}

#[tokio::test]
async fn a_main_loop_that_was_held_up_keeps_its_connection() {
    let server = server().await;
    let settings = config(server, "ana");
    let longer_than_patience = settings.heartbeat_patience * 2;
    let (ana, ana_loop, saw) = client(settings);
    let story = async {
        until(&ana, |s| s.ready).await;
        ana.work(move || std::thread::sleep(longer_than_patience))
            .await
            .unwrap();
        ana.send("ana", "awake").await.unwrap();
        until(&ana, |s| s.delivered == 1).await;
        ana.close().await;
    };
    bounded(async { tokio::join!(ana_loop.run(), story) }).await;
    assert!(saw.borrow().losses.is_empty(), "{:?}", saw.borrow().losses);
}
