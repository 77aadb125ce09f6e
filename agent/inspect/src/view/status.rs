//! How the agent stands.

use super::list::UnreadFile;
use candor_agent::Age;
use candor_agent::local::{self, Unread};
use candor_protocol::catalogue::Extra;
use candor_protocol::report::{Kind, LossReason};
use serde::Serialize;
use std::collections::BTreeMap;

/// What `candor status` shows.
#[derive(Debug, Serialize)]
pub(crate) struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) release: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) collector: Option<String>,
    /// Missing when no consent is in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) consent: Option<Consent>,
    /// Missing while the service goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) service_ended: Option<Ended>,
    pub(crate) paused: bool,
    pub(crate) erasure_pending: bool,
    pub(crate) spool: Spool,
    pub(crate) recorded: BTreeMap<Kind, u64>,
    pub(crate) delivered: BTreeMap<Kind, u64>,
    pub(crate) waiting: BTreeMap<Kind, u64>,
    pub(crate) lost: BTreeMap<Kind, u64>,
    pub(crate) lost_by_reason: BTreeMap<Kind, BTreeMap<LossReason, u64>>,
    pub(crate) uploads: Uploads,
    pub(crate) backoff: Backoff,
    /// Runs that have not been told of, the running one among them.
    pub(crate) dumps: usize,
    pub(crate) unread: Vec<UnreadFile>,
}

/// The end of the service, as its operator has signed it.
#[derive(Debug, Serialize)]
pub(crate) struct Ended {
    pub(crate) notice: String,
    pub(crate) at_unix: u64,
}

/// To what the user agreed.
#[derive(Debug, Serialize)]
pub(crate) struct Consent {
    pub(crate) sdk: String,
    pub(crate) operator: String,
    pub(crate) purposes: Vec<String>,
    pub(crate) policy_version: String,
    pub(crate) text_sha256: String,
    pub(crate) locale: String,
    pub(crate) given_at_unix: u64,
    /// Version of the catalogue that the text disclosed.
    pub(crate) catalogue: u32,
    pub(crate) age: Age,
    pub(crate) precision_seconds: u64,
    /// Optional fields that are sent.
    pub(crate) extras: Vec<Extra>,
}

/// What waits, and how much may. The limits are missing when no consent is in force.
#[derive(Debug, Serialize)]
pub(crate) struct Spool {
    pub(crate) bytes: u64,
    pub(crate) reports: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bytes_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reports_limit: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) age_limit_seconds: Option<u64>,
}

/// The uploads that are remembered.
#[derive(Debug, Serialize)]
pub(crate) struct Uploads {
    pub(crate) count: usize,
    pub(crate) reports: u64,
    pub(crate) bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last: Option<Upload>,
}

/// One upload.
#[derive(Debug, Serialize)]
pub(crate) struct Upload {
    pub(crate) at_unix: u64,
    pub(crate) reports: u64,
    pub(crate) bytes: u64,
}

/// When the collector may be asked again.
#[derive(Debug, Serialize)]
pub(crate) struct Backoff {
    pub(crate) failures: u32,
    /// Missing when nothing speaks against asking now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_before_unix: Option<u64>,
    /// Nothing is sent because the collector is in another region than the reports are to be kept in.
    pub(crate) other_region: bool,
}

/// The files may hold any number.
fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

impl Status {
    /// `now` in seconds since 1970-01-01 UTC.
    pub(crate) fn of(status: &local::Status, unread: &[Unread], now: u64) -> Self {
        let grant = status.grant.as_ref();
        let balance = &status.balance;
        let every = |counts: &BTreeMap<Kind, u64>| -> BTreeMap<Kind, u64> {
            let of = |kind| counts.get(kind).copied().unwrap_or_default();
            Kind::ALL.iter().map(|kind| (*kind, of(kind))).collect()
        };
        let lost = balance
            .lost
            .iter()
            .map(|(kind, reasons)| (*kind, total(reasons.values().copied())))
            .collect();
        Self {
            app: grant.map(|grant| grant.app.clone()),
            release: grant.map(|grant| grant.release.clone()),
            collector: grant.map(|grant| grant.collector.clone()),
            consent: grant.map(|grant| Consent {
                sdk: grant.consent.sdk.clone(),
                operator: grant.consent.operator.clone(),
                purposes: grant.consent.purposes.clone(),
                policy_version: grant.consent.policy_version.clone(),
                text_sha256: grant.consent.text_sha256.clone(),
                locale: grant.consent.locale.clone(),
                given_at_unix: grant.consent.given_at,
                catalogue: grant.consent.catalogue,
                age: grant.consent.age,
                precision_seconds: grant.precision_seconds,
                extras: grant.extras.clone(),
            }),
            service_ended: status.sunset.as_ref().map(|sunset| Ended {
                notice: sunset.notice.to_string(),
                at_unix: sunset.at,
            }),
            paused: status.paused,
            erasure_pending: status.erasing,
            spool: Spool {
                bytes: status.spool_bytes,
                reports: status.spool_reports as u64,
                bytes_limit: grant.map(|grant| grant.spool_bytes),
                reports_limit: grant.map(|grant| grant.spool_reports as u64),
                age_limit_seconds: grant.map(|grant| grant.spool_age_seconds),
            },
            recorded: every(&balance.recorded),
            delivered: every(&balance.delivered),
            waiting: every(&balance.waiting),
            lost: every(&lost),
            lost_by_reason: balance.lost.clone(),
            uploads: Uploads {
                count: status.uploads.len(),
                reports: total(status.uploads.iter().map(|upload| upload.reports)),
                bytes: total(status.uploads.iter().map(|upload| upload.bytes)),
                last: status.uploads.last().map(|upload| Upload {
                    at_unix: upload.at,
                    reports: upload.reports,
                    bytes: upload.bytes,
                }),
            },
            backoff: Backoff {
                failures: status.failures,
                not_before_unix: (status.not_before > now).then_some(status.not_before),
                other_region: status.other_region,
            },
            dumps: status.dumps,
            unread: UnreadFile::all(unread),
        }
    }

    /// Whether nothing of an agent is here.
    pub(crate) fn is_empty(&self) -> bool {
        self.consent.is_none()
            && self.service_ended.is_none()
            && !self.erasure_pending
            && self.spool.reports == 0
            && self.dumps == 0
            && self.unread.is_empty()
            && self.recorded.values().all(|&count| count == 0)
    }
}
