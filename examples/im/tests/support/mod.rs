//! What the tests share: a chat server, a network and clients, all on loopback.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::cell::RefCell;
use std::future::Future;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use im::apm::Apm;
use im::client::{Client, Engine, Event, Status};
use im::config::Config;
use tokio::net::TcpListener;

/// What a client told its app, as far as the tests look at it.
#[derive(Debug, Default)]
pub struct Seen {
    pub delivered: Vec<String>,
    pub acknowledged: Vec<u64>,
    pub failures: Vec<String>,
    pub losses: Vec<String>,
}

/// Starts a chat server that ends with the test.
pub async fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(im::server::run(listener, std::future::pending()));
    address
}

/// Settings that lose no time.
pub fn config(server: SocketAddr, user: &str) -> Config {
    let mut config = Config::new(server.to_string(), user, "token");
    config.heartbeat = Duration::from_millis(50);
    config.heartbeat_patience = Duration::from_millis(300);
    config.backoff_base = Duration::from_millis(10);
    config.backoff_cap = Duration::from_millis(50);
    config
}

/// A client without the extension, and what it tells.
pub fn client(config: Config) -> (Client, Engine, Rc<RefCell<Seen>>) {
    let seen = Rc::new(RefCell::new(Seen::default()));
    let notes = Rc::clone(&seen);
    let apm = Apm::start(&config).unwrap();
    let (client, engine) = Client::new(config, apm, move |event| {
        let mut seen = notes.borrow_mut();
        match event {
            Event::Delivered { from, text } => seen.delivered.push(format!("{from}: {text}")),
            Event::Acknowledged { id, .. } => seen.acknowledged.push(*id),
            Event::Failed { error, .. } => seen.failures.push(error.to_string()),
            Event::Lost { ending, .. } => seen.losses.push(ending.to_string()),
            _ => {}
        }
    });
    (client, engine, seen)
}

/// Waits for a client to get somewhere. The bound is there to end a test that fails, not to measure.
pub async fn until(client: &Client, reached: impl FnMut(&Status) -> bool) {
    let mut status = client.status();
    bounded(async {
        status
            .wait_for(reached)
            .await
            .map(|_| ())
            .expect("the main loop has ended")
    })
    .await;
}

/// Ends a test that hangs.
pub async fn bounded<T>(doing: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), doing)
        .await
        .expect("this should not take half a minute")
}
