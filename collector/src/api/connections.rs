//! `GET /api/v1/connections`: what the page of connections shows, for programs.

use super::told::Told;
use super::{Times, answer, app_of, span, words};
use crate::privacy::groups::{self, SafeConnections};
use crate::state::State;
use crate::store::storm::Storm;
use crate::store::{ConnectionFilter, ConnectionSum, Store};
use axum::extract::{Query, State as Given};
use axum::response::Response;
use candor_protocol::deidentify::{Name, Release};
use candor_protocol::report::{Disconnect, Failure, Family, Network, Phase, Transport};
use candor_protocol::sketch::Sketch;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is asked: the app, the range in seconds since 1970-01-01 UTC, the length of a step, and what it is restricted to.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct About {
    /// The app.
    app: String,
    /// The first second of the range.
    from: u64,
    /// The first second after the range.
    to: u64,
    /// Seconds of a step of the series; without it the range is one.
    step: Option<u64>,
    /// Only connections of this name.
    #[schemars(with = "Option<String>")]
    name: Option<Name>,
    /// Only those that lead there.
    #[schemars(with = "Option<String>")]
    endpoint: Option<Name>,
    /// Only those over this network.
    #[schemars(with = "Option<words::Network>")]
    network: Option<Network>,
    /// Only those of this release.
    #[schemars(with = "Option<String>")]
    release: Option<Release>,
    /// Only those of this region's service.
    #[schemars(with = "Option<String>")]
    region: Option<Name>,
    /// Only those of this operating system and version.
    os: Option<String>,
    /// Only those over this transport.
    #[schemars(with = "Option<words::Transport>")]
    transport: Option<Transport>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct FailedAttempts {
    #[schemars(with = "words::Phase")]
    phase: Phase,
    #[schemars(with = "words::Failure")]
    failure: Failure,
    count: u64,
}

#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Disconnects")]
struct Ended {
    #[schemars(with = "words::Disconnect")]
    reason: Disconnect,
    count: u64,
    lasted_ms: Times,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PhaseTimes {
    #[schemars(with = "words::Phase")]
    phase: Phase,
    took_us: Times,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Tried {
    #[schemars(with = "words::Family")]
    family: Family,
    order: u8,
    tried: u64,
    connected: u64,
    took_us: Times,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Tcp {
    samples: u64,
    rtt_us: Times,
    rtt_var_us: Times,
    min_rtt_us: Times,
    segments: u64,
    retransmits: u64,
    lost: u64,
    delivery_rate: Times,
}

/// What windows add up to.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionFigures")]
struct Figures {
    windows: u64,
    runs: u64,
    attempts: u64,
    ready: u64,
    reconnects: u64,
    failures: Vec<FailedAttempts>,
    tries: Vec<Tried>,
    disconnects: Vec<Ended>,
    phases: Vec<PhaseTimes>,
    ready_us: Times,
    rtt_us: Times,
    ack_us: Times,
    stall_us: Times,
    backoff_us: Times,
    outage_us: Times,
    network_changes: u64,
    sent: u64,
    received: u64,
    sent_bytes: u64,
    received_bytes: u64,
    up_ms: u64,
    down_ms: u64,
    tcp: Tcp,
}

/// One class of a dimension, or one step of time.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionsOf_{K}")]
struct Part<K> {
    of: K,
    figures: Figures,
}

/// Connection windows of a range.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Connections")]
struct Answer {
    total: Figures,
    /// What is in the total and in no class below: classes that few installations are in.
    others: Option<Figures>,
    /// Whether such classes pass the filter and are left out of everything.
    left_out: bool,
    #[schemars(with = "Vec<Part<words::Network>>")]
    by_network: Vec<Part<Network>>,
    #[schemars(with = "Vec<Part<String>>")]
    by_name: Vec<Part<Name>>,
    #[schemars(with = "Vec<Part<String>>")]
    by_endpoint: Vec<Part<Name>>,
    #[schemars(with = "Vec<Part<String>>")]
    by_release: Vec<Part<Release>>,
    #[schemars(with = "Vec<Part<String>>")]
    by_region: Vec<Part<Name>>,
    by_os: Vec<Part<String>>,
    #[schemars(with = "Vec<Part<words::Transport>>")]
    by_transport: Vec<Part<Transport>>,
    storms: Vec<Storm>,
    series: Vec<Part<u64>>,
}

impl From<&ConnectionSum> for Figures {
    fn from(sum: &ConnectionSum) -> Self {
        let nothing = Sketch::default();
        let failures = sum.failures.iter();
        let failures = failures.map(|(&(phase, failure), &count)| FailedAttempts {
            phase,
            failure,
            count,
        });
        let tries = sum.tries.iter().map(|(&(family, order), tries)| Tried {
            family,
            order,
            tried: tries.tried,
            connected: tries.connected,
            took_us: (&tries.took_us).into(),
        });
        let disconnects = sum.disconnects.iter().map(|(&reason, &count)| Ended {
            reason,
            count,
            lasted_ms: sum.lasted_ms.get(&reason).unwrap_or(&nothing).into(),
        });
        let phases = sum.phases.iter().map(|(&phase, took)| PhaseTimes {
            phase,
            took_us: took.into(),
        });
        Self {
            windows: sum.windows,
            runs: sum.runs.count(),
            attempts: sum.attempts,
            ready: sum.ready,
            reconnects: sum.reconnects,
            failures: failures.collect(),
            tries: tries.collect(),
            disconnects: disconnects.collect(),
            phases: phases.collect(),
            ready_us: (&sum.ready_us).into(),
            rtt_us: (&sum.rtt_us).into(),
            ack_us: (&sum.ack_us).into(),
            stall_us: (&sum.stall_us).into(),
            backoff_us: (&sum.backoff_us).into(),
            outage_us: (&sum.outage_us).into(),
            network_changes: sum.network_changes,
            sent: sum.sent,
            received: sum.received,
            sent_bytes: sum.sent_bytes,
            received_bytes: sum.received_bytes,
            up_ms: sum.up_ms,
            down_ms: sum.down_ms,
            tcp: Tcp {
                samples: sum.tcp.samples,
                rtt_us: (&sum.tcp.rtt_us).into(),
                rtt_var_us: (&sum.tcp.rtt_var_us).into(),
                min_rtt_us: (&sum.tcp.min_rtt_us).into(),
                segments: sum.tcp.segments,
                retransmits: sum.tcp.retransmits,
                lost: sum.tcp.lost,
                delivery_rate: (&sum.tcp.delivery_rate).into(),
            },
        }
    }
}

fn parts<K>(by: Vec<(K, ConnectionSum)>) -> Vec<Part<K>> {
    by.into_iter()
        .map(|(of, sum)| Part {
            of,
            figures: (&sum).into(),
        })
        .collect()
}

impl From<SafeConnections> for Answer {
    fn from(safe: SafeConnections) -> Self {
        let SafeConnections {
            answer,
            other,
            left_out,
        } = safe;
        Self {
            total: (&answer.total).into(),
            others: other.as_ref().map(Into::into),
            left_out,
            by_network: parts(answer.by_network),
            by_name: parts(answer.by_name),
            by_endpoint: parts(answer.by_endpoint),
            by_release: parts(answer.by_release),
            by_region: parts(answer.by_region),
            by_os: parts(answer.by_os),
            by_transport: parts(answer.by_transport),
            storms: answer.storms,
            series: parts(answer.series),
        }
    }
}

pub(super) fn told() -> Vec<Told> {
    vec![
        Told::get(
            "/api/v1/connections",
            "How an app is connected: what the page of connections shows.",
        )
        .asks::<About>()
        .answers::<Answer>()
        .refuses(400, "A word of the question is none.")
        .refuses(404, "There is no such app."),
    ]
}

pub(super) async fn connections<S: Store>(
    Given(state): Given<State<S>>,
    Query(about): Query<About>,
) -> Result<Response, Response> {
    let app = app_of(&state, &about.app).await?;
    let span = span(about.from, about.to, about.step);
    let filter = ConnectionFilter {
        name: about.name,
        endpoint: about.endpoint,
        network: about.network,
        release: about.release,
        region: about.region,
        os: about.os,
        transport: about.transport,
        ..ConnectionFilter::default()
    };
    let found = groups::connections(&state, &app, filter, span).await;
    Ok(answer(found.map(Answer::from)))
}
