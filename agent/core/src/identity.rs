//! Pseudonyms: random, replaced every seven days, and remembered so that erasure can name them all.
//!
//! They are drawn, not derived from a secret: nothing on the device, however it is read, can link two of them to each
//! other at the collector, and there is no secret to leak.

use crate::consent::Permit;
use crate::files::{self, Files};
use candor_protocol::deidentify::Pseudonym;
use candor_protocol::limits::{ERASURE_PSEUDONYMS, PSEUDONYM_SECONDS};
use serde::{Deserialize, Serialize};

/// The pseudonyms of this device, newest last.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    used: Vec<Used>,
}

/// A pseudonym and since when it was used, in seconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Used {
    pseudonym: Pseudonym,
    since: u64,
}

impl Identity {
    pub(crate) fn load(files: &Files) -> Self {
        files::load(&files.identity()).unwrap_or_default()
    }

    /// The pseudonym for `now`, replaced when it is older than `seconds` (at most seven days); a new one is on the disk before it is returned, so that erasure can never miss one.
    pub(crate) fn current(
        &mut self,
        permit: &Permit<'_>,
        files: &Files,
        now: u64,
        seconds: u64,
    ) -> std::io::Result<Pseudonym> {
        if let Some(pseudonym) = self.valid(now, seconds) {
            return Ok(pseudonym);
        }
        let mut next = self.clone();
        let pseudonym = Pseudonym::from_bytes(rand::random());
        next.used.push(Used {
            pseudonym,
            since: now,
        });
        let too_many = next.used.len().saturating_sub(ERASURE_PSEUDONYMS);
        next.used.drain(..too_many);
        files::save(permit, &files.identity(), &next)?;
        *self = next;
        Ok(pseudonym)
    }

    /// The newest one, while it is not older than it may become. A clock that was set back makes a new one.
    fn valid(&self, now: u64, seconds: u64) -> Option<Pseudonym> {
        let newest = self.used.last()?;
        (newest.since..newest.since + seconds.min(PSEUDONYM_SECONDS))
            .contains(&now)
            .then_some(newest.pseudonym)
    }

    /// All that the collector may hold something of.
    pub(crate) fn all(&self) -> Vec<Pseudonym> {
        self.used.iter().map(|used| used.pseudonym).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::consent::Gate;

    #[test]
    fn a_pseudonym_lasts_at_most_seven_days_and_is_remembered() {
        let dir = tempfile::tempdir().unwrap();
        let (files, gate) = (Files::new(dir.path()), Gate::open());
        let permit = gate.permit().unwrap();
        let mut identity = Identity::load(&files);
        let first = identity
            .current(&permit, &files, 1000, PSEUDONYM_SECONDS)
            .unwrap();
        assert_eq!(
            identity
                .current(
                    &permit,
                    &files,
                    1000 + PSEUDONYM_SECONDS - 1,
                    PSEUDONYM_SECONDS
                )
                .unwrap(),
            first
        );
        let second = identity
            .current(&permit, &files, 1000 + PSEUDONYM_SECONDS, PSEUDONYM_SECONDS)
            .unwrap();
        assert_ne!(first, second);
        assert_eq!(Identity::load(&files).all(), [first, second]);
    }

    #[test]
    fn a_clock_that_was_set_back_makes_a_new_pseudonym_and_never_more_than_can_be_erased() {
        let dir = tempfile::tempdir().unwrap();
        let (files, gate) = (Files::new(dir.path()), Gate::open());
        let permit = gate.permit().unwrap();
        let mut identity = Identity::default();
        for now in (0..ERASURE_PSEUDONYMS as u64 + 20).rev() {
            identity
                .current(&permit, &files, now, PSEUDONYM_SECONDS)
                .unwrap();
        }
        assert_eq!(identity.all().len(), ERASURE_PSEUDONYMS);
    }
}
