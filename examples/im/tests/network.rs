//! The proxy does to a connection what its mode says.

mod support;

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use im::proxy::{Mode, Proxy};
use support::bounded;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A server that says everything back.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    });
    address
}

async fn round_trip(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(bytes).await?;
    let mut answer = vec![0; bytes.len()];
    bounded(stream.read_exact(&mut answer)).await?;
    Ok(answer)
}

/// Connects again and again: the proxy changes its mode on a thread of its own.
async fn until(
    network: &Proxy,
    wanted: impl Fn(&io::Result<TcpStream>) -> bool,
) -> io::Result<TcpStream> {
    bounded(async {
        loop {
            let attempt = TcpStream::connect(network.address()).await;
            if wanted(&attempt) {
                return attempt;
            }
            tokio::task::yield_now().await;
        }
    })
    .await
}

#[tokio::test]
async fn a_clear_network_carries_every_byte_both_ways() {
    let network = Proxy::start(echo().await, Mode::CLEAR).unwrap();
    let mut stream = TcpStream::connect(network.address()).await.unwrap();
    let bytes: Vec<u8> = (0..100_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    assert_eq!(round_trip(&mut stream, &bytes).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_slow_network_takes_at_least_its_delay_in_each_direction() {
    let delay = Duration::from_millis(30);
    let network = Proxy::start(
        echo().await,
        Mode::Forward {
            delay,
            jitter: Duration::ZERO,
        },
    )
    .unwrap();
    let mut stream = TcpStream::connect(network.address()).await.unwrap();
    let started = Instant::now();
    round_trip(&mut stream, b"ping").await.unwrap();
    assert!(started.elapsed() >= delay * 2);
}

#[tokio::test]
async fn a_lost_network_resets_what_is_open_refuses_what_is_new_and_comes_back_at_the_same_address()
{
    let network = Proxy::start(echo().await, Mode::CLEAR).unwrap();
    let mut open = TcpStream::connect(network.address()).await.unwrap();
    round_trip(&mut open, b"ping").await.unwrap();
    network.set(Mode::Refuse);
    assert_eq!(
        bounded(open.read_u8()).await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    // What was under way when the mode changed may still be accepted, or reset.
    let refused = |attempt: &io::Result<TcpStream>| matches!(attempt, Err(e) if e.kind() == ErrorKind::ConnectionRefused);
    until(&network, refused).await.unwrap_err();
    network.set(Mode::CLEAR);
    let mut again = until(&network, |attempt| attempt.is_ok()).await.unwrap();
    assert_eq!(round_trip(&mut again, b"ping").await.unwrap(), b"ping");
}

#[tokio::test]
async fn a_resetting_network_accepts_and_resets() {
    let network = Proxy::start(echo().await, Mode::Reset).unwrap();
    // The reset may be quicker than we are.
    let error = match TcpStream::connect(network.address()).await {
        Ok(mut stream) => bounded(stream.read_u8()).await.unwrap_err(),
        Err(e) => e,
    };
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_stalled_network_delivers_nothing_until_it_goes_on_and_loses_nothing() {
    let network = Proxy::start(echo().await, Mode::CLEAR).unwrap();
    let mut stream = TcpStream::connect(network.address()).await.unwrap();
    round_trip(&mut stream, b"ping").await.unwrap();
    network.set(Mode::Stall);
    stream.write_all(b"held").await.unwrap();
    assert!(
        tokio::time::timeout(Duration::from_millis(100), stream.read_u8())
            .await
            .is_err()
    );
    network.set(Mode::CLEAR);
    let mut answer = [0; 4];
    bounded(stream.read_exact(&mut answer)).await.unwrap();
    assert_eq!(&answer, b"held");
}
