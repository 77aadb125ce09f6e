//! A collector with an embedded store in a directory of its own, asked as a browser asks it.

use crate::fleet;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use candor_collector::access::{Door, IngestKey};
use candor_collector::dashboard;
use candor_collector::ingest::{self, Limits};
use candor_collector::privacy::Office;
use candor_collector::privacy::groups::SmallGroups;
use candor_collector::state::{Clock, State};
use candor_collector::store::Store;
use candor_collector::store::sqlite::SqliteStore;
use candor_protocol::batch;
use candor_protocol::deidentify::AppName;
use candor_protocol::limits::BATCH_REPORTS;
use candor_protocol::report::Report;
use candor_symbols::Symbols;
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;

/// A collector.
pub(crate) struct Desk {
    /// What its handlers are given.
    pub(crate) state: State<SqliteStore>,
    /// What takes reports and shows pages.
    pub(crate) router: Router,
    _directory: TempDir,
}

impl Desk {
    /// A collector without apps, for which it is `now`, in Unix seconds.
    pub(crate) fn open(now: u64) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let store = SqliteStore::open(directory.path()).expect("a store");
        let office = Office::open(directory.path()).expect("an office");
        let mut state = State::new(store, Symbols::open([fleet::own_file()]), office);
        state.clock = Clock::new(move || now);
        state.door = Arc::new(Door::of(directory.path()).open());
        // Its devices are made up, and few.
        state.small = SmallGroups::Show;
        let router = ingest::router(state.clone(), Limits::default())
            .merge(dashboard::router(state.clone()));
        Self {
            state,
            router,
            _directory: directory,
        }
    }

    /// Adds an app and returns its key.
    pub(crate) async fn add_app(&self, name: &str) -> IngestKey {
        let key = IngestKey::generate();
        let app = AppName::parse(name).expect("a name");
        self.state
            .store
            .add_app(&app, key.hash())
            .await
            .expect("an app");
        key
    }

    /// Sends reports as an agent does.
    pub(crate) async fn send(&self, key: &IngestKey, reports: &[Report]) {
        for reports in reports.chunks(BATCH_REPORTS) {
            let lines: Vec<String> = reports
                .iter()
                .map(|report| serde_json::to_string(report).expect("a line"))
                .collect();
            let packed = batch::pack(lines.iter().map(String::as_str)).expect("a batch");
            let request = Request::post("/v1/batches")
                .header("authorization", format!("Bearer {}", key.reveal()))
                .header("content-type", "application/x-ndjson")
                .header("content-encoding", "gzip")
                .header("content-length", packed.len())
                .body(Body::from(packed))
                .expect("a request");
            let answer = self
                .router
                .clone()
                .oneshot(request)
                .await
                .expect("an answer");
            assert_eq!(answer.status(), StatusCode::OK);
        }
    }
}
