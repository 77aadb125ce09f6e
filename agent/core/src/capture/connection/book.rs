//! Everything that is kept of one named connection between two windows.

use super::cell::Cell;
use super::service::Service;
use super::window::{Subject, Window};
use crate::capture::Switch;
use candor_protocol::report::Network;
use std::array;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};

/// One named connection: a cell for each kind of network that it has met.
#[derive(Debug)]
pub(crate) struct Book {
    subject: Subject,
    switch: Arc<Switch>,
    cells: [OnceLock<Box<Cell>>; Network::ALL.len()],
    pub(super) service: Service,
}

impl Book {
    pub(crate) fn new(subject: Subject, switch: Arc<Switch>) -> Self {
        Self {
            subject,
            switch,
            cells: array::from_fn(|_| OnceLock::new()),
            service: Service::default(),
        }
    }

    pub(crate) fn is(&self, subject: &Subject) -> bool {
        self.subject == *subject
    }

    pub(super) fn is_open(&self) -> bool {
        self.switch.open.load(Relaxed)
    }

    pub(super) fn network(&self) -> Network {
        self.switch.network()
    }

    pub(super) fn cell(&self, network: Network) -> &Cell {
        let slot = &self.cells[network as usize];
        match slot.get() {
            Some(cell) => cell,
            // Allocated before it is put: nobody waits while somebody else allocates.
            None => {
                let fresh = Box::new(Cell::new());
                slot.get_or_init(|| fresh)
            }
        }
    }

    pub(super) fn current(&self) -> &Cell {
        self.cell(self.network())
    }

    /// Books the time until `now` (microseconds) to `network`, before a window ends.
    fn settle(&self, network: Network, now: u64) {
        let passed = self.service.pass(now);
        if passed.up + passed.down > 0 {
            self.cell(network).spend(passed);
        }
    }

    /// The network was `before` until `now`.
    pub(crate) fn moved(&self, before: Network, now: u64) {
        self.settle(before, now);
        // To learn what the network is, is no change of it.
        if self.service.is_live() && before != Network::Unknown {
            let changes = &self.cell(before).network_changes;
            changes.fetch_add(1, Relaxed);
        }
    }

    /// Takes what was recorded since the last call, one window for each kind of network; `seconds` is how long that is.
    pub(crate) fn take(&self, now: u64, seconds: u32) -> Vec<Window> {
        self.settle(self.network(), now);
        let cells = Network::ALL.iter().zip(&self.cells);
        let windows = cells.filter_map(|(&network, cell)| {
            Some(Window::take(&self.subject, network, seconds, cell.get()?))
        });
        windows.filter(|window| !window.is_empty()).collect()
    }
}
