//! How the kinds of network a device may be on behave: one-way delay and jitter, of the order that users see.

use std::time::Duration;

use crate::config::NetworkKind;
use crate::proxy::Mode;

/// The proxy's mode that behaves like `kind` without faults.
#[must_use]
pub fn normal(kind: NetworkKind) -> Mode {
    let (delay, jitter) = match kind {
        NetworkKind::Unknown | NetworkKind::Ethernet => (1, 1),
        NetworkKind::Wifi => (4, 6),
        NetworkKind::Cell5g => (8, 8),
        NetworkKind::Cell4g => (25, 20),
        NetworkKind::Cell3g => (70, 60),
        NetworkKind::Cell2g => (250, 200),
    };
    Mode::Forward {
        delay: Duration::from_millis(delay),
        jitter: Duration::from_millis(jitter),
    }
}
