//! How many bytes and crates the agent adds to an app, next to the `sentry` crate.
//!
//! `cargo run --release -p candor-benches --bin size [small]`: builds a few apps of a dozen lines with cargo's release
//! profile as it is, or with one that is set for size, and strips them.

mod apps;

use apps::{App, Profile, Shop};
use candor_benches::table::{Cell, Row, Table, Unit, show};
use std::process::ExitCode;

fn main() -> ExitCode {
    show(run())
}

fn run() -> Result<Table, String> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let profile = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Profile::Release,
        ["small"] => Profile::Small,
        _ => return Err("the only argument there is: small".into()),
    };
    let shop = Shop::open(profile)?;
    let hello = shop.bytes(App::Hello)?;
    let peer = shop
        .bytes(App::Sentry)
        .map(|bytes| (bytes - hello).max(0.0));
    let peer_crates = shop.crates(App::Sentry);
    if let Err(error) = &peer {
        eprintln!("the peer is left out: {error}");
    }
    let peer_bytes = Cell::from(peer.ok());
    let peer_crates = Cell::from(peer_crates.ok());
    let mut table = Table::new("what the agent adds", "sentry 0.49, rustls");
    table.add([Row::new(
        "an app without an agent, stripped",
        Unit::Bytes,
        hello,
        Cell::None,
    )]);
    let kinds = [
        (App::OwnTransport, "the host's own transport", 600.0),
        (App::Http, "HTTP without TLS", 600.0),
        (App::Https, "HTTPS by rustls", 1536.0),
    ];
    for (app, words, goal) in kinds {
        let added = shop.bytes(app)? - hello;
        let row = Row::new(
            format!("added bytes, {words}"),
            Unit::Bytes,
            added,
            peer_bytes.clone(),
        );
        table.add([row.goal(goal * 1024.0)]);
    }
    for (app, words, _) in kinds {
        let crates = shop.crates(app)?;
        let row = Row::new(
            format!("added crates, {words}"),
            Unit::Count,
            crates,
            peer_crates.clone(),
        );
        table.add([row.goal(40.0)]);
    }
    Ok(table)
}
