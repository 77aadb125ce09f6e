//! Clients that do not keep to the rules: the server closes them and serves the others.

mod support;

use std::net::SocketAddr;

use im::wire::{Decoder, Frame, encode};
use support::{bounded, client, config, server, until};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Sends `bytes` and returns everything the server says until it closes.
async fn say(server: SocketAddr, bytes: &[u8]) -> Vec<Frame> {
    let mut stream = TcpStream::connect(server).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is a way of closing.
    let _ = bounded(stream.read_to_end(&mut answer)).await;
    let mut decoder = Decoder::default();
    decoder.feed(&answer);
    std::iter::from_fn(|| decoder.next_frame().unwrap()).collect()
}

fn frames(frames: &[Frame]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for frame in frames {
        encode(frame, &mut bytes).unwrap();
    }
    bytes
}

fn login(user: &str) -> Frame {
    Frame::Login {
        user: user.into(),
        token: "token".into(),
        session: 1,
        seen: 0,
    }
}

fn message(id: u64, to: &str) -> Frame {
    Frame::Message {
        id,
        to: to.into(),
        text: "hi".into(),
    }
}

#[tokio::test]
async fn whoever_breaks_the_rules_is_closed_and_everybody_else_is_served() {
    let server = server().await;
    for (bytes, answers) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![]),
        (vec![0, 0, 0, 0], vec![]),
        (vec![255; 64], vec![]),
        (frames(&[Frame::Ping { n: 1, seen: 0 }]), vec![]),
        (frames(&[message(1, "ben")]), vec![]),
        (
            frames(&[login("mallory"), login("mallory")]),
            vec![Frame::LoginOk {}],
        ),
        (
            frames(&[login("mallory"), message(2, "ben")]),
            vec![Frame::LoginOk {}],
        ),
        (
            frames(&[login("mallory"), message(1, "../ben")]),
            vec![Frame::LoginOk {}],
        ),
        (
            frames(&[login("mallory"), Frame::Pong { n: 1 }]),
            vec![Frame::LoginOk {}],
        ),
    ] {
        assert_eq!(
            say(server, &bytes).await,
            answers,
            "after {:?}",
            String::from_utf8_lossy(&bytes)
        );
    }
    let (ana, ana_loop, _) = client(config(server, "ana"));
    let story = async {
        ana.send("ana", "still here").await.unwrap();
        until(&ana, |s| s.delivered == 1).await;
        ana.close().await;
    };
    bounded(async { tokio::join!(ana_loop.run(), story) }).await;
}

#[tokio::test]
async fn a_name_that_is_none_is_refused_with_the_reason() {
    let server = server().await;
    for name in ["", "a b", "a/../b", "名前", "x".repeat(33).as_str()] {
        let answers = say(server, &frames(&[login(name)])).await;
        assert!(
            matches!(&answers[..], [Frame::LoginRefused { reason }] if reason.starts_with("a user name is")),
            "{name:?}: {answers:?}"
        );
    }
}

#[tokio::test]
async fn a_message_sent_twice_is_acknowledged_twice_and_delivered_once() {
    let server = server().await;
    let twice = frames(&[login("ana"), message(1, "ben"), message(1, "ben")]);
    let mut ana = TcpStream::connect(server).await.unwrap();
    ana.write_all(&twice).await.unwrap();
    let wanted = frames(&[
        Frame::LoginOk {},
        Frame::Ack { id: 1 },
        Frame::Ack { id: 1 },
    ]);
    let mut answer = vec![0; wanted.len()];
    bounded(ana.read_exact(&mut answer)).await.unwrap();
    assert_eq!(answer, wanted);
    let bens = say(server, &frames(&[login("ben"), Frame::Pong { n: 0 }])).await;
    let hi = Frame::Deliver {
        seq: 1,
        from: "ana".into(),
        text: "hi".into(),
    };
    assert_eq!(bens, [Frame::LoginOk {}, hi]);
}

#[tokio::test]
async fn what_a_user_has_seen_is_not_delivered_again_and_the_rest_waits_for_them() {
    let server = server().await;
    say(
        server,
        &frames(&[
            login("ana"),
            message(1, "ben"),
            message(2, "ben"),
            Frame::Pong { n: 0 },
        ]),
    )
    .await;
    let again = Frame::Login {
        user: "ben".into(),
        token: "token".into(),
        session: 1,
        seen: 1,
    };
    let answers = say(server, &frames(&[again, Frame::Pong { n: 0 }])).await;
    let second = Frame::Deliver {
        seq: 2,
        from: "ana".into(),
        text: "hi".into(),
    };
    assert_eq!(answers, [Frame::LoginOk {}, second]);
}
