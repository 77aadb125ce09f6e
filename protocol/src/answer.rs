//! What the collector says back, and the one request that is not a batch.

use crate::catalogue::Extra;
use crate::deidentify::{AppName, Pseudonym, Region};
use crate::report::Kind;
use serde::{Deserialize, Serialize};

/// The answer to a batch: every report of it is durable, a duplicate, or refused by line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Reports stored now; they are on disk.
    pub stored: u32,
    /// Reports that had been stored before.
    pub duplicates: u32,
    /// What the collector's operator wants less of. Missing when that is nothing; an agent then does again what its developer
    /// and its user allow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub narrowing: Option<Narrowing>,
    /// That is still what the agent said it was told: see [`Narrowing::tag`].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub narrowing_unchanged: bool,
    /// Reports that were not stored, since a value in them is one that the protocol's types refuse, or a field one that the catalogue
    /// of their batch does not have: the agent that sent them has a fault. Sending them again would change nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantined: Vec<Quarantined>,
    /// Reports that were not stored, since they cannot be read; the others were. Sending them again would change nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<RefusedReport>,
    /// The region that the collector is in, where the batch named one: an agent sends nothing to a collector that does not
    /// answer with its own, and asks with a batch that holds no report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Says that the collector's operator has stopped for good: see [`Sunset`]. Nothing of the batch was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sunset: Option<Sunset>,
}

/// A report that was not stored since it might identify somebody. Says where, never what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Its line in the batch, from 1.
    pub line: u32,
    /// The field, as the catalogue names it.
    pub field: String,
    /// The rule that was broken, such as `not_scrubbed` or `not_in_catalogue`.
    pub reason: String,
}

/// A report that was not stored since it cannot be read. Quotes nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedReport {
    /// Its line in the batch, from 1.
    pub line: u32,
    /// A word for programs, such as `bad_report`.
    pub error: String,
    /// A sentence for people: what is wrong.
    pub message: String,
}

/// The end of a service: whoever gets it, signed by the key that the developer built in, records nothing any more, wipes what
/// is on the device, and asks nobody for anything again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sunset {
    /// The app that it is for.
    pub app: AppName,
    /// Which text users are shown, by the name that operator and developer have agreed on.
    pub notice: AppName,
    /// When it was signed, in seconds since 1970.
    pub at: u64,
    /// The signature of [`signed`](Self::signed), 128 hexadecimal digits (Ed25519, RFC 8032).
    pub signature: String,
}

impl Sunset {
    /// What is signed. Names hold no line break, so no two notices have the same bytes.
    pub fn signed(app: &AppName, notice: &AppName, at: u64) -> Vec<u8> {
        format!("candor sunset 1\n{app}\n{notice}\n{at}\n").into_bytes()
    }

    /// Whether the operator whose public key this is, 64 hexadecimal digits, has signed it.
    #[cfg(feature = "verify")]
    pub fn verify(&self, public_key: &str) -> bool {
        let signed = Self::signed(&self.app, &self.notice, self.at);
        crate::signature::is_of(public_key, &signed, &self.signature)
    }
}

/// What an agent should leave out of what its developer and its user allow. There is no way to ask for more.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Narrowing {
    /// Record and send nothing until this moment, in seconds since 1970; agents obey for at most [`OFF_SECONDS_MOST`] at a
    /// time, so that a mistake ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub off_until: Option<u64>,
    /// Kinds of reports that are not wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds_off: Vec<Kind>,
    /// Optional fields that are not wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras_off: Vec<Extra>,
    /// Of how many runs in a hundred a kind is wanted; all where it is missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sample: Vec<Sample>,
    /// The fewest seconds between two uploads that are not urgent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload_every_seconds: Option<u32>,
}

impl Narrowing {
    /// Stands for what it says: sixteen hexadecimal digits that collector and agent work out from it, each for itself, so that
    /// nobody can give a device a tag of its own. An agent sends it as `If-None-Match`, and is then told nothing but that
    /// nothing has changed. FNV-1a of its JSON (G. Fowler, L. C. Noll, K.-P. Vo, D. Eastlake, draft-eastlake-fnv): nothing
    /// depends on its being hard to invert.
    pub fn tag(&self) -> String {
        // What it holds can always be written as JSON.
        let json = serde_json::to_vec(self).unwrap_or_default();
        let hash = json.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        format!("{hash:016x}")
    }
}

/// Of how many runs a kind of report is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// Which kind.
    pub kind: Kind,
    /// Runs in a hundred, drawn by the random number of the run.
    pub percent: u8,
}

/// The longest that an agent stays off because a collector said so: a week.
pub const OFF_SECONDS_MOST: u64 = 7 * 24 * 3600;

/// The word in a [`Refusal`] for reports that may not be kept in the collector's region.
pub const WRONG_REGION: &str = "wrong_region";

/// Why a request was refused, for the log of whoever sent it. Quotes nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// A word for programs, such as `unknown_key`.
    pub error: String,
    /// A sentence for people: what is wrong and what to do.
    pub message: String,
    /// The line of the batch, from 1, where one line is at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
}

/// A request to erase what was sent under these pseudonyms.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// All pseudonyms of the device that the collector may still hold something of.
    pub pseudonyms: Vec<Pseudonym>,
}

/// The answer to a request for erasure: it is done, and late reports of these pseudonyms will be refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {
    /// Reports that were erased.
    pub reports: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_stands_for_what_is_said_and_for_nothing_else() {
        let less = Narrowing {
            kinds_off: vec![Kind::Freeze],
            upload_every_seconds: Some(600),
            ..Narrowing::default()
        };
        let again: Narrowing = serde_json::from_slice(&serde_json::to_vec(&less).unwrap()).unwrap();
        assert_eq!(again.tag(), less.tag());
        assert_eq!(less.tag().len(), 16);
        let more = Narrowing {
            upload_every_seconds: Some(601),
            ..less.clone()
        };
        assert_ne!(more.tag(), less.tag());
        // FNV-1a of `{}`, worked out elsewhere.
        assert_eq!(Narrowing::default().tag(), "08f44b07b5901a25");
    }
}
