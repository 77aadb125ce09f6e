//! What is known of one app between two looks: what was told, what waits, how many messages went out. Pure; time and ids are
//! handed in.

use super::alert::{Alert, Message, Wait};
use super::facts::Flow;
use super::rules::{Finding, silence};
use super::settings::Silence;
use super::spike::HOUR;
use crate::store::Part;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most alerts that wait with all they say; more are counted.
const HELD: usize = 50;

/// The most alerts that are remembered after they were told.
const TOLD: usize = 200;

/// How long they are remembered, in seconds.
const REMEMBERED: u64 = 30 * 24 * HOUR;

/// What is known of one app.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Desk {
    /// Whether it was looked at before.
    looked: bool,
    /// What holds and was told: until when it is remembered, by its key.
    raised: BTreeMap<String, u64>,
    /// What is stored and what is not.
    flow: Option<Known>,
    /// When messages went out within the last hour.
    sent: Vec<u64>,
    /// What waits.
    held: Vec<Alert>,
    /// How many more do.
    held_more: u64,
    /// Why.
    waits: Option<Wait>,
    /// What was told, the latest last.
    pub(super) told: Vec<Alert>,
}

/// When reports were last seen to be stored, and what came since.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    since: u64,
    stored: u64,
    /// Reports that had been turned away by then.
    turned_away: u64,
    /// The latest count of them.
    latest: u64,
    /// Requests that came while the store did not answer.
    dark: u64,
}

impl Desk {
    /// Of what holds now what is to be told: what was not told before.
    pub(super) fn fresh(&mut self, found: Vec<Finding>, now: u64) -> Vec<Finding> {
        self.raised.retain(|_, until| *until > now);
        // What had come back before anybody was watching is no news.
        let is_first = !std::mem::replace(&mut self.looked, true);
        self.add(found, now, is_first)
    }

    /// The same, where not everything was looked at: what is not among it may hold all the same.
    pub(super) fn fresh_besides(&mut self, found: Vec<Finding>, now: u64) -> Vec<Finding> {
        self.add(found, now, false)
    }

    /// Whether it was found before.
    pub(super) fn is_raised(&self, key: &str) -> bool {
        self.raised.contains_key(key)
    }

    fn add(&mut self, found: Vec<Finding>, now: u64, is_first: bool) -> Vec<Finding> {
        let mut fresh = Vec::new();
        for finding in found {
            let until = now.saturating_add(finding.calm());
            let told = self.raised.insert(finding.key.clone(), until).is_some();
            let known = told || finding.before.iter().any(|key| self.is_raised(key));
            // Whatever is one with it is told with it: split off again, it is no news.
            let one_with_it = finding.before.iter().cloned();
            self.raised.extend(one_with_it.map(|key| (key, until)));
            let old = is_first && finding.key.starts_with("regression:");
            if !known && !old {
                fresh.push(finding);
            }
        }
        fresh
    }

    /// Looks at what is stored; `None` where the store did not answer while this many requests came.
    pub(super) fn flows(
        &mut self,
        rule: Silence,
        seen: Result<Flow, u64>,
        now: u64,
        least: u64,
    ) -> Option<Finding> {
        let known = self.flow.get_or_insert_with(|| {
            let flow = seen.unwrap_or(Flow {
                stored: 0,
                turned_away: 0,
            });
            Known {
                since: now,
                stored: flow.stored,
                turned_away: flow.turned_away,
                latest: flow.turned_away,
                dark: 0,
            }
        });
        match seen {
            // Fewer than before: an app was erased and added again.
            Ok(flow) if flow.stored != known.stored || flow.turned_away < known.turned_away => {
                *known = Known {
                    since: now,
                    stored: flow.stored,
                    turned_away: flow.turned_away,
                    latest: flow.turned_away,
                    dark: 0,
                };
            }
            Ok(flow) => known.latest = flow.turned_away,
            Err(requests) => known.dark = known.dark.saturating_add(requests),
        }
        let away = (known.latest - known.turned_away).saturating_add(known.dark);
        let minutes = now.saturating_sub(known.since) / 60;
        let silent = rule.on && minutes >= rule.minutes && away >= rule.reports.max(1);
        silent.then(|| silence(minutes, away, least))
    }

    /// Tells alerts: the messages that go out now. In quiet hours none does, and of more than `per_hour` within an hour the rest
    /// waits; what waited goes out as one.
    pub(super) fn tell(
        &mut self,
        app: &str,
        alerts: Vec<Alert>,
        is_quiet: bool,
        per_hour: u32,
        now: u64,
        mut id: impl FnMut() -> String,
    ) -> Vec<Message> {
        self.remember(&alerts, now);
        self.sent.retain(|at| at.saturating_add(HOUR) > now);
        if is_quiet {
            alerts
                .into_iter()
                .for_each(|alert| self.hold(alert, Wait::QuietHours));
            return Vec::new();
        }
        let most = per_hour.max(1) as usize;
        let mut messages = Vec::new();
        let mut message = |alerts, digest, more| Message {
            id: id(),
            at: now,
            app: app.to_owned(),
            digest,
            alerts,
            more,
        };
        // What waited for the morning goes out first, however many messages there were.
        let may = self.waits == Some(Wait::QuietHours) || self.sent.len() < most;
        if let Some(why) = self.waits.filter(|_| may) {
            let (held, more) = (
                std::mem::take(&mut self.held),
                std::mem::take(&mut self.held_more),
            );
            self.waits = None;
            self.sent.push(now);
            messages.push(message(held, Some(why), more));
        }
        for alert in alerts {
            if self.waits.is_none() && self.sent.len() < most {
                self.sent.push(now);
                messages.push(message(vec![alert], None, 0));
            } else {
                self.hold(alert, Wait::TooMany);
            }
        }
        messages
    }

    fn hold(&mut self, alert: Alert, why: Wait) {
        self.waits.get_or_insert(why);
        if self.waits == Some(Wait::TooMany) && why == Wait::QuietHours {
            self.waits = Some(why);
        }
        if self.held.len() < HELD {
            self.held.push(alert);
        } else {
            self.held_more += 1;
        }
    }

    fn remember(&mut self, alerts: &[Alert], now: u64) {
        self.told.extend_from_slice(alerts);
        let old = now.saturating_sub(REMEMBERED);
        self.told.retain(|alert| alert.at >= old);
        let surplus = self.told.len().saturating_sub(TOLD);
        self.told.drain(..surplus);
    }

    /// Forgets what is of a part that is erased.
    pub(super) fn forget(&mut self, part: &Part) {
        let stays = |alert: &Alert| !is_of(alert, part);
        self.told.retain(stays);
        self.held.retain(stays);
        if self.held.is_empty() && self.held_more == 0 {
            self.waits = None;
        }
        if let Part::Release(release) = part {
            // Keys name releases too.
            let named = |key: &String| key.split(':').any(|word| word == release.as_str());
            self.raised.retain(|key, _| !named(key));
        }
    }
}

/// Whether an alert is of a part that is erased.
pub(super) fn is_of(alert: &Alert, part: &Part) -> bool {
    match part {
        Part::App => true,
        Part::Release(release) => alert.about.names(release.as_str()),
        Part::Range { from, to } => (*from..*to).contains(&alert.at),
    }
}

#[cfg(test)]
mod tests;
