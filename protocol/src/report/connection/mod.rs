//! A connection window: one minute-scale summary of one named connection.

mod classify;
mod words;

use super::stack::is_zero;
use crate::deidentify::Name;
use crate::limits;
use crate::sketch::Sketch;
use serde::{Deserialize, Serialize};

pub use words::{Disconnect, Failure, Family, Network, Phase, Transport};

/// What one named connection did in one window of time. Latencies are in microseconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Connection {
    /// The developer's name of the connection.
    pub name: Name,
    /// The developer's name of what it leads to; never an address.
    pub endpoint: Name,
    /// The developer's name of the region whose service it uses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Name>,
    /// What carries it.
    pub transport: Transport,
    /// The network it ran over.
    pub network: Network,
    /// Length of the window in seconds.
    pub seconds: u32,
    /// Attempts to connect that ended in this window.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub attempts: u32,
    /// Those that ended in service.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ready: u32,
    /// Of the attempts, those made to get back a service that was lost.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reconnects: u32,
    /// Those that failed, by phase and class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<Failures>,
    /// Addresses that were tried, by family and order; never the addresses.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tries: Vec<Tries>,
    /// Connections in service that ended, by reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub disconnects: Vec<Disconnects>,
    /// How long each phase that ended well took.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub phases: Vec<PhaseTimes>,
    /// From the start of an attempt until the connection was in service.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub ready_us: Sketch,
    /// Round trips of heartbeats.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub rtt_us: Sketch,
    /// From sending a message until it was acknowledged.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub ack_us: Sketch,
    /// Times in which nothing was received for longer than expected, each from the last byte to the next, or to the end.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub stall_us: Sketch,
    /// From the end of an attempt, or of service, until the next attempt.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub backoff_us: Sketch,
    /// From the loss of service until it was there again.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub outage_us: Sketch,
    /// Changes of the network while in service.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub network_changes: u32,
    /// Messages sent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub sent: u32,
    /// Messages received.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub received: u32,
    /// Bytes sent.
    #[serde(default, skip_serializing_if = "is_none")]
    pub sent_bytes: u64,
    /// Bytes received.
    #[serde(default, skip_serializing_if = "is_none")]
    pub received_bytes: u64,
    /// Milliseconds in service.
    #[serde(default, skip_serializing_if = "is_none")]
    pub up_ms: u64,
    /// Milliseconds without service while it was wanted.
    #[serde(default, skip_serializing_if = "is_none")]
    pub down_ms: u64,
    /// What the system knows of the sockets below; absent where nobody asked it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<Tcp>,
}

fn is_none(number: &u64) -> bool {
    *number == 0
}

/// Attempts that failed in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failures {
    /// The phase that failed.
    pub phase: Phase,
    /// How it failed.
    pub failure: Failure,
    /// How often.
    pub count: u32,
}

/// Addresses of one family that were tried at one place in the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tries {
    /// Family of the addresses.
    pub family: Family,
    /// Which of the attempt's addresses it was, from 1; [`limits::TRIES`] stands for that one and all later ones.
    pub order: u8,
    /// How many were tried.
    pub tried: u32,
    /// How many of them answered.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub connected: u32,
    /// How long those took that answered.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub took_us: Sketch,
}

/// Connections that ended for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disconnects {
    /// Why.
    pub reason: Disconnect,
    /// How often.
    pub count: u32,
    /// How long they had been in service, in milliseconds.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub lasted_ms: Sketch,
}

/// How long a phase took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseTimes {
    /// Which phase.
    pub phase: Phase,
    /// Its durations in microseconds.
    pub took_us: Sketch,
}

/// What the system's TCP knows of the sockets below a connection, from samples of `TCP_INFO`. Behind a proxy or a VPN it
/// knows only the way to there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tcp {
    /// Samples.
    pub samples: u32,
    /// Smoothed round trips; they include delayed acknowledgements.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub rtt_us: Sketch,
    /// Variation of the round trips.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub rtt_var_us: Sketch,
    /// Smallest round trips: the floor of the network.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub min_rtt_us: Sketch,
    /// Segments with data that were sent between samples.
    #[serde(default, skip_serializing_if = "is_none")]
    pub segments: u64,
    /// Segments that were sent again between samples.
    #[serde(default, skip_serializing_if = "is_none")]
    pub retransmits: u64,
    /// Segments that counted as lost when a sample was taken, summed over the samples.
    #[serde(default, skip_serializing_if = "is_none")]
    pub lost: u64,
    /// Bytes a second that were delivered, of samples in which the network and not the app was the limit.
    #[serde(default, skip_serializing_if = "Sketch::is_empty")]
    pub delivery_rate: Sketch,
}

impl Connection {
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.failures.len() > limits::WINDOW_ENTRIES
            || self.disconnects.len() > limits::WINDOW_ENTRIES
            || self.phases.len() > Phase::ALL.len()
            || self.tries.len() > Family::ALL.len() * usize::from(limits::TRIES)
        {
            return Err("a connection window repeats its entries");
        }
        if !self
            .tries
            .iter()
            .all(|tries| (1..=limits::TRIES).contains(&tries.order))
        {
            return Err("addresses of a connection window are counted from the 1st to the 8th");
        }
        if self.seconds == 0 || self.seconds > 86_400 {
            return Err("a connection window is 1 to 86400 seconds long");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_of_the_first_catalogue_is_read_as_it_was_meant() {
        let window: Connection = serde_json::from_str(
            r#"{"name":"longlink","endpoint":"gateway","transport":"tcp","network":"wifi","seconds":60,
                "disconnects":[{"reason":"reset","count":2}],"rtt_us":[40,3]}"#,
        )
        .unwrap();
        assert_eq!(window.check(), Ok(()));
        assert_eq!((window.region, window.reconnects), (None, 0));
        assert!(window.disconnects[0].lasted_ms.is_empty() && window.tcp.is_none());
    }

    #[test]
    fn an_address_beyond_the_counted_ones_is_refused() {
        let line = |order| {
            format!(
                r#"{{"name":"longlink","endpoint":"gateway","transport":"tcp","network":"wifi","seconds":60,
                    "tries":[{{"family":"v6","order":{order},"tried":1}}]}}"#
            )
        };
        let check = |order| {
            serde_json::from_str::<Connection>(&line(order))
                .unwrap()
                .check()
        };
        assert!(check(0).is_err() && check(9).is_err());
        assert_eq!((check(1), check(8)), (Ok(()), Ok(())));
    }
}
