//! Which store a bench measures: the embedded one, a ClickHouse that is there, or Debian's, started for the bench.

use candor_collector::store::{AnyStore, StoreAddress, open};
use std::path::Path;

// What starts and ends a server is what tests start and end it with.
#[path = "../../collector/tests/clickhouse/mod.rs"]
mod servers;

/// The word for Debian's `clickhouse-server`, started here.
const STARTED: &str = "clickhouse";

/// Where reports are kept while something is measured.
pub enum Engine {
    /// In a directory of the bench.
    Embedded,
    /// On a ClickHouse that somebody else started.
    Found(StoreAddress),
    /// On one that was started here, and ends with this value.
    Started(Box<Server>),
}

/// A server that was started here.
pub struct Server(servers::Server);

impl Engine {
    /// What `--store` says: nothing, `clickhouse`, or `clickhouse://...`.
    ///
    /// # Errors
    /// When it is none of these, or no server can be started.
    pub fn of(store: Option<&str>) -> Result<Self, String> {
        match store {
            None => Ok(Self::Embedded),
            Some(STARTED) => {
                let server = servers::Server::start(&servers::Node::alone())?;
                Ok(Self::Started(Box::new(Server(server))))
            }
            Some(address) => match address.parse()? {
                StoreAddress::Sqlite(_) => {
                    Err("the embedded store is measured without --store".to_owned())
                }
                address => Ok(Self::Found(address)),
            },
        }
    }

    /// The store in `data`, or in a database of the name that was given (or `bench`), with `name` behind it. An embedded one keeps
    /// `cache_mib` MiB of its pages in memory while it is written.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub async fn open(&self, data: &Path, name: &str, cache_mib: u32) -> Result<AnyStore, String> {
        let address = match self {
            Self::Embedded => None,
            Self::Found(address) => Some(named(address.clone(), name)),
            Self::Started(server) => {
                let address = format!("clickhouse://127.0.0.1:{}/bench", server.0.port);
                Some(named(address.parse()?, name))
            }
        };
        let opened = open(address.as_ref(), data, cache_mib).await;
        opened.map_err(|error| error.to_string())
    }

    /// What is measured, in a word or two.
    pub fn name(&self) -> String {
        match self {
            Self::Embedded => "the embedded store".to_owned(),
            Self::Found(address) => address.to_string(),
            Self::Started(server) => {
                let version = server.0.ask("SELECT version()").unwrap_or_default();
                format!("ClickHouse {}", version.trim())
            }
        }
    }
}

/// The same address with a database of its own.
fn named(address: StoreAddress, name: &str) -> StoreAddress {
    match address {
        StoreAddress::ClickHouse(mut address) => {
            address.database = format!("{}_{name}", address.database);
            StoreAddress::ClickHouse(address)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_the_embedded_one_or_on_a_clickhouse() {
        assert!(matches!(Engine::of(None), Ok(Engine::Embedded)));
        let found = Engine::of(Some("clickhouse://db:8123/fleet"));
        let Ok(Engine::Found(address)) = found else {
            panic!("an address that was given")
        };
        let own = named(address, "100");
        assert_eq!(own.to_string(), "clickhouse://db:8123/fleet_100");
        for wrong in ["sqlite:/var/lib/candor", "postgres://db/candor"] {
            assert!(Engine::of(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
