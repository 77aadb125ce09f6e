//! What is to be sent and what became of it, on the disk: what was found is told at least once, whenever the process ends.
//!
//! One file holds what was told and what is to be sent, so that both change together. Whoever sends a message takes it for a while
//! first; if the process ends meanwhile, the message is due again, under the same id.

use super::alert::{About, Message, Rule};
use super::backoff;
use super::desk::{Desk, is_of};
use super::send::Outcome;
use crate::access::PersonName;
use crate::store::Part;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// For how long whoever sends a message has it for itself, in seconds: longer than an attempt may take.
pub(super) const TAKEN: u64 = 15;

/// The most messages that wait. Of more the oldest are given up.
const MOST: usize = 1_000;

/// The most outcomes of an app that are remembered.
const DONE: usize = 50;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Outbox {
    /// What is known of each app.
    pub(super) apps: BTreeMap<String, Desk>,
    /// What is to be sent, the oldest first.
    pub(super) waiting: Vec<Delivery>,
    /// What became of the rest, the latest last.
    pub(super) done: Vec<Done>,
}

/// A message for one webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Delivery {
    /// What is told.
    pub(super) message: Message,
    /// To whom.
    pub(super) webhook: PersonName,
    /// How often it was tried.
    pub(super) attempts: u32,
    /// When it is tried next, in seconds since 1970-01-01 UTC.
    pub(super) due: u64,
    /// Why the last attempt failed.
    pub(super) failed: Option<String>,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Done {
    pub(super) at: u64,
    pub(super) app: String,
    pub(super) webhook: PersonName,
    pub(super) id: String,
    pub(super) about: Told,
    pub(super) attempts: u32,
    /// Why it was given up; `None` for what arrived.
    pub(super) failed: Option<String>,
}

/// What a message was about, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Told {
    /// One alert.
    One(About),
    /// So many.
    Several(u64),
}

impl Told {
    pub(super) fn of(message: &Message) -> Self {
        match message.alerts.as_slice() {
            [one] if message.digest.is_none() => Self::One(one.about.clone()),
            several => Self::Several(several.len() as u64 + message.more),
        }
    }
}

impl Outbox {
    /// Puts a message in for each of these webhooks.
    pub(super) fn put<'a>(
        &mut self,
        message: &Message,
        to: impl IntoIterator<Item = &'a PersonName>,
        now: u64,
    ) {
        for webhook in to {
            self.waiting.push(Delivery {
                message: message.clone(),
                webhook: webhook.clone(),
                attempts: 0,
                due: now,
                failed: None,
            });
        }
        while self.waiting.len() > MOST {
            let oldest = self.waiting.remove(0);
            self.end(&oldest, Some("too many messages wait".to_owned()), now);
        }
    }

    /// Takes what is due, at most one message for each webhook, those that wait longest first.
    pub(super) fn take(&mut self, now: u64) -> Vec<Delivery> {
        let mut busy = BTreeSet::new();
        let mut taken = Vec::new();
        for delivery in &mut self.waiting {
            let to = (delivery.message.app.clone(), delivery.webhook.clone());
            if delivery.due > now || !busy.insert(to) {
                continue;
            }
            delivery.attempts = delivery.attempts.saturating_add(1);
            delivery.due = now.saturating_add(TAKEN);
            taken.push(delivery.clone());
        }
        taken
    }

    /// Notes what became of an attempt; `draw` is a random number from 0 to 1.
    pub(super) fn settle(&mut self, attempt: &Delivery, outcome: Outcome, now: u64, draw: f64) {
        let same = |one: &Delivery| {
            one.message.id == attempt.message.id
                && one.webhook == attempt.webhook
                && one.message.app == attempt.message.app
        };
        let Some(index) = self.waiting.iter().position(same) else {
            return;
        };
        let (failed, asked) = match outcome {
            Outcome::Arrived => {
                let delivery = self.waiting.remove(index);
                return self.end(&delivery, None, now);
            }
            Outcome::Refused(why) => {
                let delivery = self.waiting.remove(index);
                return self.end(&delivery, Some(why), now);
            }
            Outcome::Failed { why, again } => (why, again),
        };
        let Some(delivery) = self.waiting.get_mut(index) else {
            return;
        };
        let wait = backoff::wait(delivery.attempts, draw, asked);
        delivery.due = now.saturating_add(wait);
        let old = delivery.message.at.saturating_add(backoff::OLDEST) < delivery.due;
        if old || delivery.attempts >= backoff::ATTEMPTS {
            let delivery = self.waiting.remove(index);
            return self.end(&delivery, Some(failed), now);
        }
        delivery.failed = Some(failed);
    }

    fn end(&mut self, delivery: &Delivery, failed: Option<String>, now: u64) {
        let app = delivery.message.app.clone();
        self.done.push(Done {
            at: now,
            webhook: delivery.webhook.clone(),
            id: delivery.message.id.clone(),
            about: Told::of(&delivery.message),
            attempts: delivery.attempts,
            failed,
            app: app.clone(),
        });
        let mut surplus = self.done.iter().filter(|done| done.app == app).count();
        self.done.retain(|done| {
            let drop = done.app == app && surplus > DONE;
            surplus -= usize::from(drop);
            !drop
        });
    }

    /// Forgets what was to be sent to a webhook that is gone.
    pub(super) fn drop_webhook(&mut self, app: &str, webhook: &PersonName) {
        self.waiting
            .retain(|one| one.message.app != app || one.webhook != *webhook);
    }

    /// Forgets apps that are gone.
    pub(super) fn keep_apps(&mut self, stays: impl Fn(&str) -> bool) {
        self.apps.retain(|app, _| stays(app));
        self.waiting.retain(|one| stays(&one.message.app));
        self.done.retain(|one| stays(&one.app));
    }

    /// Forgets what is of a part of an app that is erased.
    pub(super) fn forget(&mut self, app: &str, part: &Part) {
        if let Some(desk) = self.apps.get_mut(app) {
            desk.forget(part);
        }
        for delivery in &mut self.waiting {
            if delivery.message.app == app {
                delivery.message.alerts.retain(|alert| !is_of(alert, part));
            }
        }
        self.waiting
            .retain(|one| !one.message.alerts.is_empty() || one.message.more > 0);
        self.done.retain(|one| {
            let named = match (&one.about, part) {
                (_, Part::App) => true,
                (Told::One(about), Part::Release(release)) => about.names(release.as_str()),
                (Told::Several(_), Part::Release(_)) => false,
                (_, Part::Range { from, to }) => (*from..*to).contains(&one.at),
            };
            one.app != app || !named
        });
    }
}

impl Told {
    /// What it was about, and how many: more than one where they waited.
    pub(super) fn rule(&self) -> (Option<Rule>, u64) {
        match self {
            Self::One(about) => (Some(about.rule()), 1),
            Self::Several(many) => (None, *many),
        }
    }
}

#[cfg(test)]
mod tests;
