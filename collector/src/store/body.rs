//! The body of a report, as it is kept: its JSON, packed by zstd with a dictionary of what reports have in common.
//!
//! A report alone is too short to be packed well, and what many have in common cannot be learned from those of an app: a
//! dictionary would keep pieces of reports that were erased. So the dictionaries are made of a made-up fleet
//! (`examples/dictionary.rs`) and are part of the program.

use candor_protocol::limits::REPORT_BYTES;
use candor_protocol::report::Report;
use std::borrow::Cow;
use std::sync::{LazyLock, Mutex, PoisonError};
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// Every dictionary that a body was ever packed with, the latest last. One that was released is never changed nor taken out.
const DICTIONARIES: &[&[u8]] = &[include_bytes!("body/1.dict")];
/// With a dictionary, higher levels take several times as long for a hundredth less.
const LEVEL: i32 = 1;
/// With what every frame of zstd begins (RFC 8878, 3.1.1). No JSON of a report does.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

static PACKING: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| {
    let latest = DICTIONARIES.last().copied().unwrap_or_default();
    EncoderDictionary::copy(latest, LEVEL)
});
static UNPACKING: LazyLock<Vec<(u32, DecoderDictionary<'static>)>> = LazyLock::new(|| {
    let id = |bytes| zstd::zstd_safe::get_dict_id_from_dict(bytes).map_or(0, u32::from);
    let known = DICTIONARIES.iter();
    known
        .map(|bytes| (id(bytes), DecoderDictionary::copy(bytes)))
        .collect()
});

/// Packers that nobody uses now: making one takes longer than packing a report does.
static IDLE: Mutex<Vec<Compressor<'static>>> = Mutex::new(Vec::new());
/// Packers that are kept; more reports are rarely packed at the same time.
const KEPT: usize = 8;

/// The body of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// Packs the JSON of a report.
    pub fn of(json: &str) -> Self {
        let idle = || IDLE.lock().unwrap_or_else(PoisonError::into_inner);
        let packer = idle().pop().map(Ok);
        let packer = packer.unwrap_or_else(|| Compressor::with_prepared_dictionary(&PACKING));
        let packed = packer.and_then(|mut packer| {
            let packed = packer.compress(json.as_bytes())?;
            let mut idle = idle();
            if idle.len() < KEPT {
                idle.push(packer);
            }
            Ok(packed)
        });
        match packed {
            Ok(packed) => Self(packed),
            Err(error) => {
                // Only when there is no memory for it. It is as good as it was received.
                tracing::warn!(%error, "a report is kept without being packed");
                Self(json.as_bytes().to_vec())
            }
        }
    }

    /// As it is to be written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The JSON of the report.
    ///
    /// # Errors
    /// When it is damaged.
    pub(super) fn json(&self) -> Result<String, String> {
        json(&self.0).map(Cow::into_owned)
    }
}

/// The JSON of a body that was written: packed, or by earlier versions as it was received.
pub(super) fn json(written: &[u8]) -> Result<Cow<'_, str>, String> {
    if !written.starts_with(&MAGIC) {
        let text = std::str::from_utf8(written).map_err(|error| error.to_string())?;
        return Ok(Cow::Borrowed(text));
    }
    let id = zstd::zstd_safe::get_dict_id_from_frame(written).map_or(0, u32::from);
    let (_, dictionary) = (UNPACKING.iter())
        .find(|(known, _)| *known == id)
        .ok_or_else(|| format!("it was packed with the dictionary {id}, which is not known"))?;
    let unpacked = Decompressor::with_prepared_dictionary(dictionary)
        .and_then(|mut unpacker| unpacker.decompress(written, REPORT_BYTES))
        .map_err(|error| error.to_string())?;
    let text = String::from_utf8(unpacked).map_err(|error| error.to_string())?;
    Ok(Cow::Owned(text))
}

/// A report by the body that was written.
///
/// # Errors
/// When it is damaged, or today's rules refuse it.
pub(super) fn report(written: &[u8]) -> Result<Report, String> {
    Report::from_json(&json(written)?)
}

/// A stored report is checked again; one that today's rules refuse is not shown.
pub(super) fn read(written: &[u8]) -> Option<Report> {
    report(written)
        .inspect_err(|reason| {
            tracing::warn!(
                reason,
                "a stored report is not shown: today's rules refuse it"
            )
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RUN: &str = r#"{"id":"ebc39a021dc8ea2c430862528dcb632b","at":1789826400,"run":"694a5ead529d15f27b18436e6983d544","pseudonym":"71cb387bb90d941fa378c2029de8dd5c","release":"1.4.0","device":{"os":"linux","os_version":"5.15","arch":"x86_64","cores":4,"memory_gib":8},"what":{"run":{}}}"#;

    #[test]
    fn a_short_report_becomes_a_third_of_itself() {
        let body = Body::of(RUN);
        assert!(body.as_bytes().len() * 3 < RUN.len(), "{}", body.0.len());
        assert_eq!(body.json().unwrap(), RUN);
    }

    #[test]
    fn what_was_kept_before_bodies_were_packed_is_read_as_it_is() {
        assert_eq!(json(RUN.as_bytes()).unwrap(), RUN);
        assert!(report(RUN.as_bytes()).is_ok());
    }

    #[test]
    fn what_is_damaged_is_no_report() {
        let whole = Body::of(RUN).0;
        for cut in 0..whole.len() {
            assert!(report(&whole[..cut]).is_err(), "{cut}");
        }
        let mut foreign = whole.clone();
        // The identity of the dictionary follows the descriptor of the frame.
        foreign[5] ^= 0xff;
        assert!(report(&foreign).is_err());
    }

    #[test]
    fn each_dictionary_has_an_identity_of_its_own() {
        let mut ids: Vec<u32> = UNPACKING.iter().map(|(id, _)| *id).collect();
        assert!(!ids.contains(&0));
        ids.dedup();
        assert_eq!(ids.len(), DICTIONARIES.len());
    }

    proptest! {
        #[test]
        fn whatever_was_packed_comes_back(text in ".{0,2000}") {
            prop_assert_eq!(Body::of(&text).json().unwrap(), text);
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = report(&bytes);
            let _ = report(&[&MAGIC[..], &bytes].concat());
        }
    }
}
