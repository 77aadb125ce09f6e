//! What may leave: what the developer has switched on, the user has agreed to, and the collector has not asked to leave out.
//! Pure. Everything here can only take away from what the developer and the user allow.

use crate::consent::{Age, Consent};
use crate::settings::Settings;
use candor_protocol::answer::{Narrowing, OFF_SECONDS_MOST};
use candor_protocol::catalogue::{Extra, Field, keep};
use candor_protocol::deidentify::RunId;
use candor_protocol::limits::PSEUDONYM_SECONDS;
use candor_protocol::report::{Kind, Report};
use std::time::Duration;

/// A day: how long reports of children wait at most, and how long their pseudonyms live.
const DAY_SECONDS: u64 = 24 * 3600;

/// What may leave the device in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Allowed {
    /// The newest version of the catalogue whose fields the user has agreed to.
    catalogue: u32,
    /// Optional fields that are switched on.
    extras: Vec<Extra>,
    /// Kinds of reports that this run sends.
    kinds: Vec<Kind>,
    upload_every: Duration,
    child: bool,
}

impl Allowed {
    /// What one run may send.
    pub(crate) fn of(
        settings: &Settings,
        consent: &Consent,
        narrowing: &Narrowing,
        run: &RunId,
    ) -> Self {
        let child = consent.age == Age::Under14WithGuardian;
        let extras = settings.extras.iter().copied();
        let asked = narrowing.upload_every_seconds.unwrap_or(0);
        Self {
            catalogue: consent.catalogue,
            extras: extras
                .filter(|extra| !child && !narrowing.extras_off.contains(extra))
                .collect(),
            kinds: Kind::ALL
                .iter()
                .copied()
                .filter(|kind| !narrowing.kinds_off.contains(kind))
                .filter(|kind| is_drawn(narrowing, *kind, run))
                .collect(),
            upload_every: settings.upload_every.max(Duration::from_secs(asked.into())),
            child,
        }
    }

    /// For whoever shows what a run that is over will tell: nothing but the fields matters then.
    pub(crate) fn fields_of(consent: &Consent, extras: &[Extra]) -> Self {
        Self {
            catalogue: consent.catalogue,
            extras: extras.to_vec(),
            kinds: Kind::ALL.to_vec(),
            upload_every: Duration::ZERO,
            child: false,
        }
    }

    pub(crate) fn extras(&self) -> &[Extra] {
        &self.extras
    }

    /// Whether a field may leave.
    fn field(&self, field: &Field) -> bool {
        let agreed = field.since <= self.catalogue;
        agreed && field.extra.is_none_or(|extra| self.extras.contains(&extra))
    }

    /// The report with the fields that may leave. `None` when it may not leave at all.
    pub(crate) fn keep(&self, report: Report) -> Option<Report> {
        // Losses are counts of reports that were allowed.
        let kind = report.what.kind();
        if kind != Kind::Loss && !self.kinds.contains(&kind) {
            return None;
        }
        keep(report, &|field| self.field(field))
    }

    /// How long reports wait so that they travel together.
    pub(crate) fn upload_every(&self) -> Duration {
        self.upload_every
    }

    /// How long a report waits for a collector, in seconds.
    pub(crate) fn spool_age_seconds(&self, settings: &Settings) -> u64 {
        let most = if self.child { DAY_SECONDS } else { u64::MAX };
        settings.spool_age.as_secs().min(most)
    }

    /// How long a pseudonym lives, in seconds.
    pub(crate) fn pseudonym_seconds(&self) -> u64 {
        if self.child {
            DAY_SECONDS
        } else {
            PSEUDONYM_SECONDS
        }
    }
}

/// Until when the collector wants nothing at all, in seconds since 1970; `None` when that is over or was never so.
pub(crate) fn off_until(narrowing: &Narrowing, now: u64) -> Option<u64> {
    let until = narrowing
        .off_until?
        .min(now.saturating_add(OFF_SECONDS_MOST));
    (until > now).then_some(until)
}

/// Whether a run is among those of which a kind is wanted: by its random number, so that what belongs together is sent
/// together.
fn is_drawn(narrowing: &Narrowing, kind: Kind, run: &RunId) -> bool {
    let wanted = narrowing.sample.iter().filter(|sample| sample.kind == kind);
    let percent = wanted.map(|sample| sample.percent).min().unwrap_or(100);
    let digits = run.as_str().get(..8).unwrap_or_default();
    let number = u64::from_str_radix(digits, 16).unwrap_or_default();
    number * 100 < u64::from(percent) << 32
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::answer::Sample;
    use candor_protocol::catalogue::{FIELDS, VERSION};
    use proptest::prelude::*;
    use proptest::sample::subsequence;

    fn consent(catalogue: u32, age: Age) -> Consent {
        Consent {
            sdk: "im-sdk".into(),
            operator: "Example Ltd".into(),
            purposes: vec!["find faults".into()],
            policy_version: "3".into(),
            text_sha256: "0".repeat(64),
            locale: "en".into(),
            given_at: 1,
            catalogue,
            age,
        }
    }

    fn settings(extras: &[Extra]) -> Settings {
        let settings = Settings::new("im", "1", "http://127.0.0.1:1", "key", "/nowhere");
        extras
            .iter()
            .fold(settings, |settings, extra| settings.extra(*extra))
    }

    fn alone(extras: &[Extra], catalogue: u32, age: Age) -> Allowed {
        Allowed::of(
            &settings(extras),
            &consent(catalogue, age),
            &Narrowing::default(),
            &RunId::from_bytes([0; 16]),
        )
    }

    fn fields(allowed: &Allowed) -> Vec<&'static str> {
        let of = FIELDS.iter().filter(|field| allowed.field(field));
        of.map(|field| field.path).collect()
    }

    fn narrowings() -> impl Strategy<Value = Narrowing> {
        (
            proptest::option::of(any::<u64>()),
            subsequence(Kind::ALL.to_vec(), 0..=Kind::ALL.len()),
            subsequence(Extra::ALL.to_vec(), 0..=Extra::ALL.len()),
            proptest::collection::vec((0..Kind::ALL.len(), any::<u8>()), 0..4),
            proptest::option::of(any::<u32>()),
        )
            .prop_map(
                |(off_until, kinds_off, extras_off, sample, upload_every_seconds)| Narrowing {
                    off_until,
                    kinds_off,
                    extras_off,
                    sample: sample
                        .into_iter()
                        .map(|(kind, percent)| Sample {
                            kind: Kind::ALL[kind],
                            percent,
                        })
                        .collect(),
                    upload_every_seconds,
                },
            )
    }

    proptest! {
        #[test]
        fn whatever_a_collector_says_takes_away_and_never_adds(
            narrowing in narrowings(),
            extras in subsequence(Extra::ALL.to_vec(), 0..=Extra::ALL.len()),
            catalogue in 1..=VERSION,
            run: [u8; 16],
            now in 0..u64::MAX / 2,
        ) {
            let (settings, run) = (settings(&extras), RunId::from_bytes(run));
            let consent = consent(catalogue, Age::Unknown);
            let alone = Allowed::of(&settings, &consent, &Narrowing::default(), &run);
            let narrowed = Allowed::of(&settings, &consent, &narrowing, &run);
            prop_assert!(fields(&narrowed).iter().all(|field| fields(&alone).contains(field)));
            prop_assert!(narrowed.kinds.iter().all(|kind| alone.kinds.contains(kind)));
            prop_assert!(narrowed.extras.iter().all(|extra| extras.contains(extra)));
            prop_assert!(narrowed.upload_every >= alone.upload_every);
            prop_assert_eq!(narrowed.pseudonym_seconds(), alone.pseudonym_seconds());
            prop_assert!(off_until(&narrowing, now).is_none_or(|until| until <= now + OFF_SECONDS_MOST));
        }
    }

    #[test]
    fn optional_fields_are_off_until_the_developer_switches_each_on() {
        let without =
            |extras: &[Extra]| FIELDS.len() - fields(&alone(extras, VERSION, Age::Unknown)).len();
        let of = |extra| {
            let of = FIELDS.iter().filter(|field| field.extra == Some(extra));
            of.count()
        };
        let all: usize = Extra::ALL.iter().map(|extra| of(*extra)).sum();
        assert_eq!(without(&[]), all);
        for extra in Extra::ALL {
            assert!(of(*extra) > 0);
            assert_eq!(without(&[*extra]), all - of(*extra), "{extra}");
        }
        assert_eq!(without(Extra::ALL), 0);
    }

    #[test]
    fn fields_that_came_after_the_consent_are_left_out_until_it_is_renewed() {
        let old = alone(Extra::ALL, 1, Age::Unknown);
        let first = FIELDS.iter().filter(|field| field.since == 1).count();
        assert_eq!(fields(&old).len(), first);
        assert!(first < FIELDS.len());
    }

    #[test]
    fn of_a_child_less_is_sent_and_it_is_kept_shorter() {
        let of = |age| alone(Extra::ALL, VERSION, age);
        let (child, adult) = (of(Age::Under14WithGuardian), of(Age::FourteenOrOlder));
        assert!(child.extras.is_empty() && adult.extras.len() == Extra::ALL.len());
        assert_eq!(child.spool_age_seconds(&settings(&[])), DAY_SECONDS);
        assert_eq!(child.pseudonym_seconds(), DAY_SECONDS);
        assert!(adult.spool_age_seconds(&settings(&[])) > DAY_SECONDS);
    }

    #[test]
    fn runs_are_drawn_in_proportion() {
        let wanted = |kind, percent| Narrowing {
            sample: vec![Sample { kind, percent }],
            ..Narrowing::default()
        };
        let drawn = |narrowing: &Narrowing, kind| {
            let runs = (0..=255_u8).map(|byte| {
                let mut bytes = [0; 16];
                bytes[0] = byte;
                RunId::from_bytes(bytes)
            });
            runs.filter(|run| is_drawn(narrowing, kind, run)).count()
        };
        let quarter = wanted(Kind::Freeze, 25);
        assert_eq!(drawn(&quarter, Kind::Freeze), 64);
        assert_eq!(drawn(&quarter, Kind::Crash), 256);
        assert_eq!(drawn(&wanted(Kind::Crash, 0), Kind::Crash), 0);
    }
}
