//! Looking at every app once a minute, and sending what is due.

use super::Alerts;
use super::alert::{About, Alert, Message, Rule};
use super::body;
use super::facts::{self, Flow};
use super::outbox::{Delivery, Outbox};
use super::rules::{self, Finding};
use super::send::Outcome;
use super::settings::AppAlerts;
use crate::state::State;
use crate::store::{IssueId, Store, StoreError};
use candor_protocol::deidentify::AppName;
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often apps are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// How long after the start they are looked at first.
const FIRST: Duration = Duration::from_secs(10);

/// How often it is looked whether something is due: chat services want no more than a message a second.
const SEND: Duration = Duration::from_secs(1);

/// Looks at every app, and puts what is to be told into the outbox.
///
/// # Errors
/// When the store or the files cannot be read or written; the next look tries again.
pub async fn look<S: Store>(state: &State<S>) -> Result<(), StoreError> {
    let alerts = &state.alerts;
    let asked = state.metrics.asked();
    let requests = asked.saturating_sub(alerts.asked.swap(asked, Ordering::Relaxed));
    let apps = match state.store.apps().await {
        Ok(apps) => apps,
        Err(error) => {
            // Nobody knows whose requests these are, so all are told.
            let known = alerts.known_apps().map_err(unwritten)?;
            for app in known.iter().filter_map(|app| AppName::parse(app).ok()) {
                alerts.hear(state, &app, Err(requests), Vec::new())?;
            }
            return Err(error);
        }
    };
    let mut failed = None;
    for app in &apps {
        if let Err(error) = look_at(state, app, requests).await {
            failed = Some(error);
        }
    }
    alerts.keep_apps(&apps).map_err(unwritten)?;
    failed.map_or(Ok(()), Err)
}

async fn look_at<S: Store>(
    state: &State<S>,
    app: &AppName,
    requests: u64,
) -> Result<(), StoreError> {
    let alerts = &state.alerts;
    let ledger = match state.store.ledger(app).await {
        Ok(ledger) => ledger,
        Err(error) => {
            alerts.hear(state, app, Err(requests), Vec::new())?;
            return Err(error);
        }
    };
    let said = alerts.of_app(app).map_err(unwritten)?;
    let facts = facts::look(state, app, &said, state.clock.now()).await?;
    let found = traced(state, app, &said, rules::find(&said.rules, &facts)).await?;
    alerts.hear(state, app, Ok(Flow::from(&ledger)), found)
}

/// Says of what was not told yet what its issue was called before, and leaves out what is muted under such a name: names of functions
/// that come late, and people who merge, give an issue another number. A spike, which is told again some hours after it ended, is
/// followed for as long as it goes on.
async fn traced<S: Store>(
    state: &State<S>,
    app: &AppName,
    said: &AppAlerts,
    found: Vec<Finding>,
) -> Result<Vec<Finding>, StoreError> {
    let now = state.clock.now();
    let mut asked = BTreeMap::new();
    for finding in &found {
        let told = state.alerts.is_raised(app, &finding.key);
        let told = told.map_err(unwritten)? && finding.about.rule() != Rule::Spike;
        if let Some(issue) = finding.about.issue().filter(|_| !told)
            && let Ok(id) = issue.id.parse::<IssueId>()
        {
            asked.insert(finding.key.clone(), id);
        }
    }
    let issues: Vec<IssueId> = asked.values().copied().collect();
    let numbers = state.store.numbers(app, &issues).await?;
    let mut traced = Vec::new();
    for mut finding in found {
        if let Some(id) = asked.get(&finding.key)
            && let Some(numbers) = numbers.get(id)
        {
            if said.mute(numbers, now).is_some() {
                continue;
            }
            let (issue, others) = (id.to_string(), numbers.iter().filter(|other| *other != id));
            finding.before = others
                .map(|other| finding.key.replacen(&issue, &other.to_string(), 1))
                .collect();
        }
        traced.push(finding);
    }
    Ok(traced)
}

impl Alerts {
    /// Tells what holds now and was not told before.
    fn hear<S: Store>(
        &self,
        state: &State<S>,
        app: &AppName,
        flow: Result<Flow, u64>,
        found: Vec<Finding>,
    ) -> Result<(), StoreError> {
        let (now, least) = (state.clock.now(), facts::least(state.small));
        let said = self.of_app(app).map_err(unwritten)?;
        let is_quiet = said.quiet.is_some_and(|quiet| quiet.holds(now));
        let hear = |outbox: &mut Outbox| {
            let found = found.clone();
            let desk = outbox.apps.entry(app.to_string()).or_default();
            let silence = desk.flows(said.rules.silence, flow, now, least);
            let fresh = match flow {
                Ok(_) => desk.fresh(found.into_iter().chain(silence).collect(), now),
                // What was not looked at has not ended.
                Err(_) => desk.fresh_besides(silence.into_iter().collect(), now),
            };
            let alerts: Vec<Alert> = fresh
                .into_iter()
                .map(|finding| Alert {
                    id: new_id(),
                    at: now,
                    app: app.to_string(),
                    link: self.link(&finding.page, app),
                    about: finding.about,
                })
                .collect();
            let many = alerts.len();
            let messages = desk.tell(app.as_str(), alerts, is_quiet, said.per_hour, now, new_id);
            let names: Vec<_> = said.webhooks.iter().map(|one| &one.name).collect();
            for message in &messages {
                outbox.put(message, names.iter().copied(), now);
            }
            many
        };
        let told = self.change_outbox_if_needed(hear).map_err(unwritten)?;
        if told > 0 {
            tracing::info!(%app, alerts = told, "alerts were told");
        }
        Ok(())
    }

    /// Puts a test into the outbox, for one webhook.
    pub(crate) fn put_test(
        &self,
        app: &AppName,
        webhook: &crate::access::PersonName,
        now: u64,
    ) -> io::Result<()> {
        let alert = Alert {
            id: new_id(),
            at: now,
            app: app.to_string(),
            about: About::Test,
            link: self.link("/", app),
        };
        let message = Message {
            id: new_id(),
            at: now,
            app: app.to_string(),
            digest: None,
            alerts: vec![alert],
            more: 0,
        };
        self.change_outbox(|outbox| outbox.put(&message, [webhook], now))
    }
}

/// Sends what is due. Returns how many messages were tried.
///
/// # Errors
/// When the files cannot be read or written.
pub async fn send<S: Store>(state: &State<S>) -> Result<usize, StoreError> {
    let alerts = &state.alerts;
    let now = state.clock.now();
    if !alerts.is_due(now).map_err(unwritten)? {
        return Ok(0);
    }
    let due = alerts
        .change_outbox(|outbox| outbox.take(now))
        .map_err(unwritten)?;
    let tried = due.len();
    let mut sending = JoinSet::new();
    for delivery in due {
        let state = state.clone();
        sending.spawn(async move {
            let outcome = attempt(&state, &delivery).await;
            (delivery, outcome)
        });
    }
    while let Some(done) = sending.join_next().await {
        let Ok((delivery, outcome)) = done else {
            continue;
        };
        let (now, draw) = (state.clock.now(), rand::random::<f64>());
        state.metrics.alert_attempted(outcome.word());
        if outcome != Outcome::Arrived {
            let webhook = delivery.webhook.as_str();
            tracing::warn!(webhook, ?outcome, "an alert did not arrive");
        }
        alerts
            .change_outbox(|outbox| outbox.settle(&delivery, outcome, now, draw))
            .map_err(unwritten)?;
    }
    Ok(tried)
}

async fn attempt<S: Store>(state: &State<S>, delivery: &Delivery) -> Outcome {
    let alerts = &state.alerts;
    let app = &delivery.message.app;
    let said = match alerts.settings() {
        Ok(said) => said,
        Err(error) => {
            return Outcome::Failed {
                why: error.to_string(),
                again: None,
            };
        }
    };
    let webhook = said
        .apps
        .get(app)
        .and_then(|app| app.webhook(&delivery.webhook));
    let Some(webhook) = webhook else {
        return Outcome::Refused("the webhook is gone".to_owned());
    };
    let courier = alerts.courier();
    let url = match courier.targets().check(webhook.address.reveal()) {
        Ok(url) => url,
        Err(why) => return Outcome::Refused(why.to_string()),
    };
    let request = body::request(&delivery.message, webhook, url, state.clock.now());
    courier.send(request, webhook.service).await
}

/// Looks and sends for as long as it is polled.
pub(crate) async fn run<S: Store>(state: State<S>) {
    let sender = state.clone();
    let looking = async {
        let mut minutes = tokio::time::interval_at(tokio::time::Instant::now() + FIRST, LOOK);
        loop {
            minutes.tick().await;
            if let Err(error) = look(&state).await {
                tracing::error!(%error, "it could not be looked whether something is to be told; it is tried again in a minute");
            }
        }
    };
    let sending = async {
        let mut seconds = tokio::time::interval(SEND);
        seconds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            seconds.tick().await;
            if let Err(error) = send(&sender).await {
                tracing::error!(%error, "alerts could not be sent");
            }
        }
    };
    tokio::join!(looking, sending);
}

fn new_id() -> String {
    let bytes: [u8; 16] = rand::random();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unwritten(error: io::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}
