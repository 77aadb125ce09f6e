//! Random ids and hashes as bytes.

use candor_protocol::deidentify::{Pseudonym, Release, ReportId, RunId};
use sha2::{Digest, Sha256};

/// The sixteen bytes of thirty-two hexadecimal digits.
fn bytes(digits: &str) -> [u8; 16] {
    // The types hold nothing but thirty-two digits, so the default is never taken.
    u128::from_str_radix(digits, 16)
        .unwrap_or_default()
        .to_be_bytes()
}

pub(super) fn report(id: &ReportId) -> [u8; 16] {
    bytes(id.as_str())
}

pub(super) fn run(id: &RunId) -> [u8; 16] {
    bytes(id.as_str())
}

pub(super) fn pseudonym(id: &Pseudonym) -> [u8; 16] {
    bytes(id.as_str())
}

/// What is kept of a release that was erased.
pub(super) fn erased_release(release: &Release) -> [u8; 32] {
    Sha256::digest(release.as_str()).into()
}

/// What is kept of a pseudonym whose reports were erased.
pub(super) fn erased(id: &Pseudonym) -> [u8; 32] {
    Sha256::digest(id.as_str()).into()
}
