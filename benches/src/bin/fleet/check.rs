//! What the collector says, next to what was sent.

use super::send::Tally;
use super::truth::Figures;
use candor_benches::client::Client;
use hdrhistogram::Histogram;
use serde_json::Value;
use std::io;

/// Bound of the relative error of a sketch (0.78 %) and of the histogram that it is compared with (0.1 %).
const SKETCHED: f64 = 0.009;

/// Distinct runs behind connections are exact up to 2,048 and sampled above: three standard errors of the fewest samples.
const SAMPLED: f64 = 0.1;

/// Where to ask.
pub(crate) struct Asked<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) app: &'a str,
    /// The range, in seconds since 1970.
    pub(crate) from: u64,
    pub(crate) to: u64,
}

/// The comparisons that were made.
#[derive(Default)]
pub(crate) struct Checks {
    pub(crate) made: u32,
    pub(crate) wrong: Vec<String>,
}

impl Checks {
    fn note(&mut self, right: bool, what: &str, said: &Value, sent: impl std::fmt::Display) {
        self.made += 1;
        if !right {
            self.wrong.push(format!(
                "{what}: the collector says {said}, sent were {sent}"
            ));
        }
    }

    fn exact(&mut self, what: &str, said: &Value, sent: u64) {
        // What never happened may be left out.
        let right = said.as_u64().or(said.is_null().then_some(0)) == Some(sent);
        self.note(right, what, said, sent);
    }

    fn within(&mut self, what: &str, said: &Value, sent: u64, error: f64) {
        let right = said.as_f64().is_some_and(|said| {
            // Whole numbers on both sides.
            (said - sent as f64).abs() <= (sent as f64 * error).max(1.0)
        });
        self.note(right, what, said, sent);
    }

    fn times(&mut self, what: &str, said: &Value, sent: &Histogram<u64>) {
        self.exact(&format!("{what}, count"), &said["count"], sent.len());
        if sent.is_empty() {
            return;
        }
        for (name, q) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            let sent = sent.value_at_quantile(q);
            self.within(&format!("{what}, {name}"), &said[name], sent, SKETCHED);
        }
    }

    fn ledger(&mut self, said: &Value, tally: &Tally) {
        let truth = &tally.truth;
        let all: u64 = truth.stored.values().sum();
        self.exact(
            "acknowledged as new",
            &Value::from(tally.stored + said_late(said, tally)),
            all,
        );
        for (kind, sent) in &truth.stored {
            self.exact(
                &format!("stored, {kind}"),
                &said["stored"][kind.as_str()],
                *sent,
            );
        }
        let duplicates = said["duplicates"].as_u64().unwrap_or(0);
        let range = tally.duplicates..=tally.duplicates + tally.unheard;
        self.note(
            range.contains(&duplicates),
            "duplicates",
            &said["duplicates"],
            format!("{} to {}", range.start(), range.end()),
        );
        for ((kind, reason), sent) in &truth.lost {
            let said = &said["lost"][kind.as_str()][reason.as_str()];
            self.exact(&format!("lost, {kind}, {reason}"), said, *sent);
        }
        for (reason, sent) in &truth.refused {
            self.exact(
                &format!("refused, {reason}"),
                &said["refused"][reason],
                *sent,
            );
        }
        let refused = said["refused"].as_object().into_iter().flatten();
        for (reason, said) in
            refused.filter(|(reason, _)| !truth.refused.contains_key(reason.as_str()))
        {
            self.exact(&format!("refused, {reason}"), said, 0);
        }
    }

    fn health(&mut self, said: &Value, tally: &Tally) {
        let total = tally.truth.total();
        self.release("all releases", said, &total);
        for (name, sent) in [
            ("run_ms", total.run_ms),
            ("crashes", total.crashes),
            ("handled", total.handled),
            ("frozen_runs", total.freezes),
        ] {
            self.exact(name, &said[name], sent);
        }
        self.times("time until service", &said["ready_us"], &total.ready_us);
        self.times("round trips", &said["rtt_us"], &total.rtt_us);
        for (release, said) in parts(said) {
            if let Some(sent) = tally.truth.by_release.get(release) {
                self.release(release, said, sent);
            }
        }
        if said["others"].is_null() {
            let (said, sent) = (parts(said).count(), tally.truth.by_release.len());
            self.exact("releases", &Value::from(said), sent as u64);
        }
    }

    fn release(&mut self, release: &str, said: &Value, sent: &Figures) {
        for (name, sent) in [
            ("runs", sent.runs),
            ("crashed_runs", sent.crashed_runs),
            ("freezes", sent.freezes),
            ("installs", sent.installs()),
            ("attempts", sent.attempts),
            ("ready", sent.ready),
        ] {
            self.exact(&format!("{release}, {name}"), &said[name], sent);
        }
    }

    fn connections(&mut self, said: &Value, tally: &Tally) {
        self.figures("connections", &said["total"], &tally.truth.total());
        // What is merged is in no release.
        if said["others"].is_null() {
            for (release, said) in parts(said) {
                if let Some(sent) = tally.truth.by_release.get(release) {
                    self.figures(&format!("connections of {release}"), said, sent);
                }
            }
        }
    }

    fn figures(&mut self, what: &str, said: &Value, sent: &Figures) {
        for (name, sent) in [
            ("windows", sent.windows),
            ("attempts", sent.attempts),
            ("ready", sent.ready),
        ] {
            self.exact(&format!("{what}, {name}"), &said[name], sent);
        }
        let failures = said["failures"].as_array().into_iter().flatten();
        let failed: u64 = failures.filter_map(|one| one["count"].as_u64()).sum();
        self.exact(
            &format!("{what}, failed"),
            &Value::from(failed),
            sent.failed,
        );
        self.times(
            &format!("{what}, time until service"),
            &said["ready_us"],
            &sent.ready_us,
        );
        self.times(
            &format!("{what}, round trips"),
            &said["rtt_us"],
            &sent.rtt_us,
        );
        // Every run that tells of connections is a run; one that is very short tells of none.
        let most = sent.runs as f64 * (1.0 + SAMPLED);
        let runs = said["runs"].as_f64().unwrap_or(-1.0);
        self.note(
            (sent.runs as f64 * (0.9 - SAMPLED)..=most.ceil()).contains(&runs),
            &format!("{what}, runs"),
            &said["runs"],
            sent.runs,
        );
    }
}

/// Reports that were stored although their acknowledgement was never heard, as far as the ledger tells.
fn said_late(said: &Value, tally: &Tally) -> u64 {
    let stored = said["stored"].as_object().into_iter().flatten();
    let stored: u64 = stored.filter_map(|(_, count)| count.as_u64()).sum();
    stored.saturating_sub(tally.stored).min(tally.unheard)
}

/// Classes and their figures.
fn parts(said: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let parts = said["by_release"].as_array().into_iter().flatten();
    parts.filter_map(|part| Some((part["of"].as_str()?, &part["figures"])))
}

/// Asks the collector everything, and compares.
///
/// # Errors
/// When it does not answer.
pub(crate) fn check(asked: &mut Asked<'_>, tally: &Tally) -> io::Result<Checks> {
    let mut checks = Checks::default();
    let range = format!("&from={}&to={}", asked.from, asked.to);
    let mut ask = |what: &str, range: &str| -> io::Result<Value> {
        let path = format!("/api/v1/{what}?app={}{range}", asked.app);
        let answer = asked.client.get(&path)?;
        if answer.status != 200 {
            let said = String::from_utf8_lossy(&answer.body).into_owned();
            return Err(io::Error::other(format!(
                "{path}: {} {said}",
                answer.status
            )));
        }
        serde_json::from_slice(&answer.body).map_err(io::Error::other)
    };
    checks.ledger(&ask("ledger", "")?, tally);
    checks.health(&ask("health", &range)?, tally);
    checks.connections(&ask("connections", &range)?, tally);
    Ok(checks)
}
