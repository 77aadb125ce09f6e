//! The contract, on a ClickHouse of 2018 and on one of these days.

#[path = "../../../tests/clickhouse/mod.rs"]
mod servers;

use super::ClickHouseStore;
use servers::{NEW, OLD, Server, required};
use std::sync::LazyLock;

/// A store in a database of its own.
async fn open(
    server: &'static LazyLock<Result<Server, String>>,
) -> Option<(ClickHouseStore, &'static Server)> {
    let server = required(server)?;
    let address = server.address().parse().unwrap();
    Some((ClickHouseStore::open(&address).await.unwrap(), server))
}

mod of_2018 {
    use super::*;

    async fn opened() -> Option<(ClickHouseStore, &'static Server)> {
        open(&OLD).await
    }

    crate::store::contract::store_contract!(opened);
}

mod of_today {
    use super::*;

    async fn opened() -> Option<(ClickHouseStore, &'static Server)> {
        open(&NEW).await
    }

    crate::store::contract::store_contract!(opened);
}
