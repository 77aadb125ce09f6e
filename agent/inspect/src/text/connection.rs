//! A window of a connection.

use super::page::{Page, Style};
use super::table::{self, Align, Cell, faint, plain};
use crate::view::amount::{bytes, count, micros, millis};
use crate::view::connection::Window;
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
        rows.extend(window.failures.iter().map(|failures| {
            let how = format!("failed to {}: {}", verb(failures.phase), failures.failure);
            counted(failures.count, how)
        }));
        table::put(page, 2, &[Align::Right, Align::Left], &rows);
    }
    if !window.disconnects.is_empty() {
        page.gap().line(Style::Strong, "Disconnects");
        let reasons = window
            .disconnects
            .iter()
            .map(|ended| counted(ended.count, ended.reason.to_string()));
        table::put(
            page,
            2,
            &[Align::Right, Align::Left],
            &reasons.collect::<Vec<_>>(),
        );
    }
    put_service(page, window);
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
    let rows = [
        ("up", format!("{}{share}", millis(window.up_ms))),
        ("down", millis(window.down_ms)),
        ("sent", traffic(window.sent, window.sent_bytes)),
        ("received", traffic(window.received, window.received_bytes)),
    ];
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
        "first_byte" => "first byte",
        phase => phase,
    }
}
