//! A window of a connection.

use super::page::{Page, Style};
use super::table::{self, Align, Cell, faint, plain};
use crate::view::amount::{bytes, count, micros, millis};
use crate::view::connection::Window;

const NUMBERS: [Align; 5] = [
    Align::Left,
    Align::Right,
    Align::Right,
    Align::Right,
    Align::Right,
];

pub(crate) fn put(page: &mut Page, window: &Window) {
    if !window.times.is_empty() {
        page.end().line(Style::Strong, "Times");
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
        let failed = window.attempts.saturating_sub(window.ready);
        let attempts = count(window.attempts.into(), "attempt");
        page.end().put(Style::Strong, "Attempts").line(
            Style::Plain,
            &format!("  {attempts}: {} ready, {failed} failed", window.ready),
        );
        let failures = window.failures.iter().map(|failures| {
            counted(
                failures.count,
                format!("{}: {}", failures.phase, failures.failure),
            )
        });
        table::put(
            page,
            2,
            &[Align::Right, Align::Left],
            &failures.collect::<Vec<_>>(),
        );
    }
    if !window.disconnects.is_empty() {
        page.end().line(Style::Strong, "Disconnects");
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
    page.end().line(Style::Strong, "Service");
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

fn meaning(what: &'static str) -> &'static str {
    match what {
        "ready" => "until in service",
        "rtt" => "round trip of a heartbeat",
        "ack" => "acknowledgement of a message",
        "first_byte" => "first byte",
        phase => phase,
    }
}
