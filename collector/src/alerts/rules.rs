//! Which alerts there are: from answers to findings. Pure.

use super::alert::{About, Count, Rule, Subject, kind};
use super::facts::{DAY, Facts, SPIKE_HOURS};
use super::settings::{Connection, CrashFree, NewIssue, Rules, Spike};
use super::spike::{HOUR, Usual, WEEK, WEEKS};
use crate::statistics::{Interval, Share, newcombe};
use crate::store::IssueRow;
use crate::store::triage::State;

/// How many hours of connections are compared with as many before.
const CONNECTION_HOURS: u64 = 6;

/// Good news of connections may wait for so long on the devices, and bad ones do not: hours are looked at when both are there.
/// In seconds.
const GOOD_NEWS: u64 = 1_800;

/// Something that holds now, whether or not it was told before.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Finding {
    /// The same for what is one alert, however often it is found.
    pub(super) key: String,
    /// Its key under the other numbers of its issue: what was told under one of them was told of it, and what is told of it is told of
    /// whatever is merged into it.
    pub(super) before: Vec<String>,
    /// What it says.
    pub(super) about: About,
    /// The page that shows why, without its app.
    pub(super) page: String,
}

impl Finding {
    /// How long it must not have been found until it is told once more, in seconds.
    pub(super) const fn calm(&self) -> u64 {
        match self.about.rule() {
            // New and back it is once: the key names the releases.
            Rule::NewIssue | Rule::Regression => 90 * DAY,
            Rule::Quarantine => DAY,
            Rule::CrashFree | Rule::Spike | Rule::Connection => SPIKE_HOURS * HOUR,
            Rule::Silence | Rule::Test => 600,
        }
    }
}

/// All that holds now.
pub(super) fn find(rules: &Rules, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    if rules.new_issue.on {
        found.extend(new_issues(rules.new_issue, facts));
    }
    if rules.regression.on {
        found.extend(facts.regressed.iter().filter_map(|row| back(row, facts)));
    }
    if rules.crash_free.on {
        found.extend(crash_free(rules.crash_free, facts));
    }
    if rules.spike.on {
        found.extend(spikes(rules.spike, facts));
    }
    if rules.connection.on {
        found.extend(connection(rules.connection, facts));
    }
    if rules.quarantine.on {
        found.extend(quarantine(facts));
    }
    found
}

/// That requests arrive and nothing is stored.
pub(super) fn silence(minutes: u64, reports: u64, least: u64) -> Finding {
    Finding {
        key: "silence".to_owned(),
        before: Vec::new(),
        about: About::Silence {
            minutes,
            reports: Count::of(reports, least),
        },
        page: "/".to_owned(),
    }
}

fn subject(row: &IssueRow, facts: &Facts) -> Subject {
    Subject {
        id: row.id.to_string(),
        kind: kind(row.kind),
        title: row.title.clone(),
        culprit: row.culprit.clone(),
        release: row.last_release.to_string(),
        installs: Count::of(row.installs, facts.least),
        reports: (row.installs >= facts.least).then_some(row.reports),
    }
}

fn page(row: &IssueRow) -> String {
    format!("/issues/{}", row.id)
}

fn percent(part: u64, whole: u64) -> f64 {
    let share = part.min(whole) as f64 / whole.max(1) as f64;
    // Two digits say enough, and the same thing twice.
    (share * 10_000.0).round() / 100.0
}

fn new_issues(rule: NewIssue, facts: &Facts) -> impl Iterator<Item = Finding> {
    let from = (facts.hour() + HOUR).saturating_sub(DAY);
    let runs = facts.sum(from, u64::MAX).runs;
    facts.new.iter().filter_map(move |row| {
        let share = percent(row.runs, runs);
        let exact = row.runs.min(runs.max(1)) as f64 * 100.0 / runs.max(1) as f64;
        let is_new = row.first_seen >= from && row.state == State::Open;
        let counts = row.installs >= rule.installs && exact >= rule.percent;
        (is_new && counts).then(|| Finding {
            key: format!("new_issue:{}", row.id),
            before: Vec::new(),
            about: About::NewIssue {
                issue: subject(row, facts),
                percent: share,
            },
            page: page(row),
        })
    })
}

fn back(row: &IssueRow, facts: &Facts) -> Option<Finding> {
    let State::Regressed { resolved, release } = &row.state else {
        return None;
    };
    Some(Finding {
        key: format!("regression:{}:{resolved}:{release}", row.id),
        before: Vec::new(),
        about: About::Regression {
            issue: subject(row, facts),
            resolved: resolved.clone(),
            release: release.clone(),
        },
        page: page(row),
    })
}

fn crash_free(rule: CrashFree, facts: &Facts) -> Option<Finding> {
    let day = facts.sum((facts.hour() + HOUR).saturating_sub(DAY), u64::MAX);
    if day.runs < rule.runs.max(1) {
        return None;
    }
    let well = day.runs.saturating_sub(day.crashed_runs);
    let below = (well as f64) * 100.0 < rule.percent * day.runs as f64;
    below.then(|| Finding {
        key: "crash_free".to_owned(),
        before: Vec::new(),
        about: About::CrashFree {
            percent: percent(well, day.runs),
            least: rule.percent,
            runs: day.runs,
        },
        page: "/".to_owned(),
    })
}

/// The latest of the last hours that is far above the same hour of past weeks: when it begins, its count, and the median.
///
/// The running hour is compared as it is: what is already far above a whole hour will not fall below it.
fn spike(rule: Spike, facts: &Facts, count: impl Fn(u64) -> u64) -> Option<(u64, u64, f64)> {
    let known = facts.first_hour()?;
    (0..SPIKE_HOURS).find_map(|ago| {
        let hour = facts.hour().checked_sub(ago * HOUR)?;
        let reports = count(hour);
        if reports < rule.reports.max(1) {
            return None;
        }
        let before = (1..=WEEKS).filter_map(|weeks| hour.checked_sub(weeks * WEEK));
        let weeks: Vec<u64> = before.filter(|at| *at >= known).map(&count).collect();
        let usual = Usual::of(&weeks)?;
        let far = usual.is_exceeded(reports, rule.deviations);
        far.then_some((hour, reports, usual.median))
    })
}

fn spikes(rule: Spike, facts: &Facts) -> Vec<Finding> {
    let mut found = Vec::new();
    let crashes = |hour: u64| facts.sum(hour, hour + HOUR).crashes;
    if let Some((hour, reports, usual)) = spike(rule, facts, crashes) {
        found.push(Finding {
            key: "spike:all".to_owned(),
            before: Vec::new(),
            about: About::Spike {
                issue: None,
                hour,
                reports: Count::of(reports, facts.least),
                usual: Some(usual),
            },
            page: "/issues".to_owned(),
        });
    }
    for busy in &facts.busy {
        if matches!(busy.row.state, State::Ignored { .. }) {
            continue;
        }
        let count = |hour: u64| busy.hours.get(&hour).copied().unwrap_or_default();
        let Some((hour, reports, usual)) = spike(rule, facts, count) else {
            continue;
        };
        let few = busy.row.installs < facts.least;
        found.push(Finding {
            key: format!("spike:{}", busy.row.id),
            before: Vec::new(),
            about: About::Spike {
                issue: Some(subject(&busy.row, facts)),
                hour,
                // Reports of few installations are not told by number, however many there are.
                reports: match few {
                    true => Count::FewerThan(facts.least),
                    false => Count::of(reports, facts.least),
                },
                usual: (!few).then_some(usual),
            },
            page: page(&busy.row),
        });
    }
    found
}

fn connection(rule: Connection, facts: &Facts) -> Option<Finding> {
    let settled = facts.now.saturating_sub(GOOD_NEWS);
    let to = settled - settled % HOUR;
    let middle = to.checked_sub(CONNECTION_HOURS * HOUR)?;
    let from = middle.checked_sub(CONNECTION_HOURS * HOUR)?;
    let (lately, before) = (facts.sum(middle, to), facts.sum(from, middle));
    let least = rule.attempts.max(1);
    if lately.attempts < least || before.attempts < least {
        return None;
    }
    let share = |ready: u64, attempts: u64| ready.min(attempts) as f64 * 100.0 / attempts as f64;
    let now = share(lately.ready, lately.attempts);
    let then = share(before.ready, before.attempts);
    // Chance alone explains small differences of few attempts.
    let apart = newcombe(
        Share::new(before.ready, before.attempts),
        Share::new(lately.ready, lately.attempts),
    );
    let is_certain = apart.is_some_and(Interval::excludes_zero);
    (then - now >= rule.points && then > now && is_certain).then(|| Finding {
        key: "connection".to_owned(),
        before: Vec::new(),
        about: About::Connection {
            percent: percent(lately.ready, lately.attempts),
            before: percent(before.ready, before.attempts),
            hours: CONNECTION_HOURS,
            attempts: lately.attempts,
        },
        page: "/connections".to_owned(),
    })
}

fn quarantine(facts: &Facts) -> impl Iterator<Item = Finding> {
    // Days are told by their first second.
    let yesterday = (facts.now - facts.now % DAY).saturating_sub(DAY);
    let late = facts
        .quarantined
        .iter()
        .filter(move |row| row.last >= yesterday);
    late.map(|row| {
        let release = row.release.as_ref().map(ToString::to_string);
        Finding {
            key: format!(
                "quarantine:{}:{}:{}",
                row.field,
                row.reason,
                release.as_deref().unwrap_or_default()
            ),
            before: Vec::new(),
            about: About::Quarantine {
                field: row.field.clone(),
                reason: row.reason.clone(),
                release,
                reports: Count::of(row.reports, facts.least),
            },
            page: "/privacy".to_owned(),
        }
    })
}

#[cfg(test)]
mod tests;
