//! Connections: what they do, as counts and histograms, recorded on the host's threads without I/O and without a lock.
//!
//! * `handle`: what a host holds.
//! * `book`, `cell`, `histogram`: what it is added to, by name and by kind of network.
//! * `service`: time with and without service.
//! * `window`: what is taken out again, once a minute.

mod book;
mod cell;
mod handle;
mod histogram;
mod service;
mod window;

pub(crate) use book::Book;
pub use handle::{Answered, Attempt, Connection, Exchange, Live, Meter, TcpSample};
pub(crate) use window::{Subject, Window};

#[cfg(test)]
mod tests;
