//! A window of a connection.

use super::page::{Page, Style};
use super::table::{self, Align, Cell, faint, plain};
use crate::view::amount::{bytes, count, micros, millis};
use crate::view::connection::{Tcp, Window};
use candor_protocol::limits::TRIES;
use candor_protocol::report::Phase;

const NUMBERS: [Align; 5] = [
    Align::Left,
    Align::Right,
    Align::Right,
    Align::Right,
    Align::Right,
];

pub(crate) fn put(page: &mut Page, window: &Window) {
    if !window.times.is_empty() {
        page.gap().line(Style::Strong, "Times");
        let mut rows = vec![["", "COUNT", "P50", "P95", "P99"].map(faint).to_vec()];
        rows.extend(window.times.iter().map(|times| {
            vec![
                plain(meaning(times.what)),
                plain(times.count.to_string()),
                plain(micros(times.p50_us)),
                plain(micros(times.p95_us)),
                plain(micros(times.p99_us)),
            ]
        }));
        table::put(page, 2, &NUMBERS, &rows);
    }
    if window.attempts > 0 {
        page.gap().line(Style::Strong, "Attempts");
        let mut rows = vec![
            vec![plain(window.attempts.to_string()), plain("in all")],
            vec![plain(window.ready.to_string()), plain("ready")],
        ];
        if window.reconnects > 0 {
            let again = "to get back a lost service".to_owned();
            rows.push(counted(window.reconnects, again));
        }
        rows.extend(window.failures.iter().map(|failures| {
            let how = format!("failed to {}: {}", verb(failures.phase), failures.failure);
            counted(failures.count, how)
        }));
        table::put(page, 2, &[Align::Right, Align::Left], &rows);
    }
    if !window.tries.is_empty() {
        page.gap().line(Style::Strong, "Addresses");
        let tried = window.tries.iter().map(|tries| {
            let order = match tries.order {
                TRIES => format!("{TRIES}th or later"),
                order => ordinal(order),
            };
            let took = tries
                .p50_us
                .map_or(String::new(), |p50| format!(" (p50 {})", micros(p50)));
            let family = tries.family;
            counted(
                tries.tried,
                format!(
                    "IP{family} tried {order}, {} answered{took}",
                    tries.connected
                ),
            )
        });
        table::put(
            page,
            2,
            &[Align::Right, Align::Left],
            &tried.collect::<Vec<_>>(),
        );
    }
    if !window.disconnects.is_empty() {
        page.gap().line(Style::Strong, "Disconnects");
        let reasons = window.disconnects.iter().map(|ended| {
            let lasted = ended.lasted_p50_ms.map_or(String::new(), |p50| {
                format!(", after {} (p50)", millis(p50))
            });
            counted(ended.count, format!("{}{lasted}", ended.reason))
        });
        table::put(
            page,
            2,
            &[Align::Right, Align::Left],
            &reasons.collect::<Vec<_>>(),
        );
    }
    put_service(page, window);
    if let Some(tcp) = &window.tcp {
        put_tcp(page, tcp);
    }
}

fn ordinal(order: u8) -> String {
    match order {
        1 => "1st".to_owned(),
        2 => "2nd".to_owned(),
        3 => "3rd".to_owned(),
        _ => format!("{order}th"),
    }
}

fn put_tcp(page: &mut Page, tcp: &Tcp) {
    page.gap().line(Style::Strong, "What TCP says");
    let mut rows = vec![
        ("samples", tcp.samples.to_string()),
        ("sent", count(tcp.segments, "segment")),
        ("sent again", count(tcp.retransmits, "segment")),
        ("held for lost", count(tcp.lost, "segment")),
    ];
    if let Some(rate) = tcp.delivery_rate {
        rows.push(("delivered", format!("{} a second (p50)", bytes(rate))));
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| vec![faint(name), plain(value)])
        .collect();
    table::put(page, 2, &[Align::Left; 2], &rows);
}

fn counted(number: u32, what: String) -> Vec<Cell> {
    vec![(Style::Notice, number.to_string()), plain(what)]
}

fn put_service(page: &mut Page, window: &Window) {
    page.gap().line(Style::Strong, "Service");
    let share = window.up_percent.map_or(String::new(), |share| {
        format!(" ({share:.1} % of the time in which it was wanted)")
    });
    let traffic = |messages: u32, size: u64| {
        format!("{}, {}", count(messages.into(), "message"), bytes(size))
    };
    let mut rows = vec![
        ("up", format!("{}{share}", millis(window.up_ms))),
        ("down", millis(window.down_ms)),
        ("sent", traffic(window.sent, window.sent_bytes)),
        ("received", traffic(window.received, window.received_bytes)),
    ];
    if window.network_changes > 0 {
        let times = count(window.network_changes.into(), "time");
        rows.push(("network changed", times));
    }
    if let Some(region) = &window.region {
        rows.push(("region", region.clone()));
    }
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(name, value)| vec![faint(name), plain(value)])
        .collect();
    table::put(page, 2, &[Align::Left; 2], &rows);
}

fn verb(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolve the name",
        Phase::Connect => "connect",
        Phase::Tls => "agree on TLS",
        Phase::Login => "log in",
        Phase::FirstByte => "get a first byte",
    }
}

fn meaning(what: &'static str) -> &'static str {
    match what {
        "ready" => "until in service",
        "rtt" => "round trip of a heartbeat",
        "ack" => "acknowledgement of a message",
        "stall" => "nothing arrived for",
        "outage" => "until service was back",
        "backoff" => "wait before an attempt",
        "tcp_rtt" => "round trip of TCP",
        "tcp_rtt_var" => "variation of it",
        "tcp_min_rtt" => "smallest of it",
        "first_byte" => "first byte",
        phase => phase,
    }
}
