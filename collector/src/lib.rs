//! The collector: takes reports, keeps them, counts them, and shows what they say.
//!
//! The modules in the order a report travels:
//!
//! * [`server`]: `run(listener, app, shutdown)`; routes, limits, graceful stop.
//! * [`ingest`]: bytes to stored reports; refuses by name, never repairs.
//! * [`naming`] and [`grouping`]: addresses to functions, a report to the issue it belongs to.
//! * [`kin`]: what a change of a developer's rules would split stays one.
//! * [`late`]: reports whose names are known late go to where they belong.
//! * [`store`]: what is asked of a store, the embedded one, and the one on ClickHouse.
//! * [`alerts`]: what a team is told, when it happens.
//! * [`metrics`]: the collector's own figures.
//! * [`privacy`]: what is owed to the people whose devices report.
//! * [`statistics`]: how sure a share is, and the difference of two.
//! * [`dashboard`]: the pages; [`forge`]: where the source of an app is shown.
//! * [`access`] and [`routes`]: who may ask what.
#![forbid(unsafe_code)]

pub mod access;
pub mod alerts;
pub mod api;
pub mod cli;
pub mod commands;
pub mod config;
pub mod dashboard;
pub mod forge;
pub mod grouping;
pub mod ingest;
pub mod kin;
pub mod late;
pub mod metrics;
pub mod naming;
pub mod operating;
pub mod privacy;
pub mod routes;
pub mod server;
pub mod state;
pub mod statistics;
pub mod store;
pub mod symbol_files;
