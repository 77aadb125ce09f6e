//! The envelope: NDJSON inside gzip. One header line, then one report a line.
//!
//! Anyone can read a batch with `zcat`. A version that is not known is refused by its number, never guessed at.

use crate::deidentify::Region;
use crate::limits;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io::{Read, Write};

/// Version of the wire format that this crate writes.
pub const VERSION: u32 = 1;

/// The first line of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// Version of the wire format.
    pub candor: u32,
    /// Version of the catalogue whose fields the reports use.
    pub catalogue: u32,
    /// Where the app's developer wants the reports to be kept; a collector of another region refuses the batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
}

impl Header {
    /// The header of what this crate writes.
    pub const CURRENT: Self = Self {
        candor: VERSION,
        catalogue: crate::catalogue::VERSION,
        region: None,
    };
}

/// Packs reports, each given as its line of JSON, into a batch.
///
/// # Errors
/// Only when memory cannot be had.
pub fn pack<'a>(lines: impl IntoIterator<Item = &'a str>) -> std::io::Result<Vec<u8>> {
    pack_for(None, lines)
}

/// The same, for collectors of one region only.
///
/// # Errors
/// Only when memory cannot be had.
pub fn pack_for<'a>(
    region: Option<&Region>,
    lines: impl IntoIterator<Item = &'a str>,
) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    let header = Header {
        region: region.cloned(),
        ..Header::CURRENT
    };
    serde_json::to_writer(&mut gzip, &header)?;
    gzip.write_all(b"\n")?;
    for line in lines {
        gzip.write_all(line.as_bytes())?;
        gzip.write_all(b"\n")?;
    }
    gzip.finish()
}

/// Why a batch is refused as a whole. Quotes nothing of what was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// Not gzip, cut off, or damaged.
    Gzip,
    /// More than [`limits::BATCH_BYTES`] after decompression.
    TooLarge,
    /// Not UTF-8.
    NotText,
    /// Empty, or the header is not one; with the reason.
    Header(String),
    /// A version that this crate does not read.
    UnknownVersion(u32),
    /// A catalogue that this crate does not know.
    UnknownCatalogue(u32),
    /// More than [`limits::BATCH_REPORTS`] reports.
    TooMany,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gzip => f.write_str("the body is not a whole gzip stream; send it again"),
            Self::TooLarge => {
                write!(
                    f,
                    "a batch is at most {} bytes after decompression; send fewer reports",
                    limits::BATCH_BYTES
                )
            }
            Self::NotText => f.write_str("the batch is not UTF-8"),
            Self::Header(reason) => write!(f, "the first line is not a header: {reason}"),
            Self::UnknownVersion(version) => {
                write!(
                    f,
                    "version {version} of the wire format is not known here; this collector reads {VERSION}"
                )
            }
            Self::UnknownCatalogue(version) => write!(
                f,
                "version {version} of the catalogue is not known here; this collector knows 1 to {}",
                crate::catalogue::VERSION
            ),
            Self::TooMany => write!(f, "a batch holds at most {} reports", limits::BATCH_REPORTS),
        }
    }
}

impl std::error::Error for Refused {}

/// The text of a batch, bounded and with a header that is known; its reports are not yet read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    header: Header,
    text: String,
    first_report: usize,
}

impl Unpacked {
    /// The first line.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Bytes of its text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// The reports' lines with their numbers in the batch, from 2; empty lines are passed over.
    pub fn lines(&self) -> impl Iterator<Item = (u32, &str)> {
        let reports = self.text.get(self.first_report..).unwrap_or_default();
        (2u32..)
            .zip(reports.split('\n'))
            .filter(|(_, line)| !line.is_empty())
    }
}

/// Unpacks a batch within the limits.
///
/// # Errors
/// [`Refused`] when it cannot be read as a whole.
pub fn unpack(gzip: &[u8]) -> Result<Unpacked, Refused> {
    let mut bytes = Vec::new();
    let limit = limits::BATCH_BYTES as u64 + 1;
    MultiGzDecoder::new(gzip)
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|_| Refused::Gzip)?;
    if bytes.len() > limits::BATCH_BYTES {
        return Err(Refused::TooLarge);
    }
    let text = String::from_utf8(bytes).map_err(|_| Refused::NotText)?;
    let (header, reports) = text.split_once('\n').unwrap_or((&text, ""));
    let header = read_header(header)?;
    if reports.split('\n').filter(|line| !line.is_empty()).count() > limits::BATCH_REPORTS {
        return Err(Refused::TooMany);
    }
    let first_report = text.len() - reports.len();
    Ok(Unpacked {
        header,
        text,
        first_report,
    })
}

fn read_header(line: &str) -> Result<Header, Refused> {
    // The version is read before anything else, so that a header of another version is refused by its number.
    #[derive(Deserialize)]
    struct Version {
        candor: u32,
    }
    let refused = |error: serde_json::Error| Refused::Header(explain(&error));
    let version: Version = serde_json::from_str(line).map_err(refused)?;
    if version.candor != VERSION {
        return Err(Refused::UnknownVersion(version.candor));
    }
    let header: Header = serde_json::from_str(line).map_err(refused)?;
    if !(1..=crate::catalogue::VERSION).contains(&header.catalogue) {
        return Err(Refused::UnknownCatalogue(header.catalogue));
    }
    Ok(header)
}

/// What is wrong with a line of JSON, without quoting what the sender wrote.
///
/// `serde_json` quotes strings and names of unknown fields, which a sender chose and which could hold anything.
pub(crate) fn explain(error: &serde_json::Error) -> String {
    let place = format!("column {}", error.column());
    if error.is_eof() {
        return format!("the JSON ends too early, {place}");
    }
    if error.is_syntax() {
        return format!("not JSON, {place}");
    }
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let sender_chose = [
        "unknown field",
        "unknown variant",
        "invalid type",
        "invalid value",
    ];
    match sender_chose
        .iter()
        .find(|prefix| text.starts_with(**prefix))
    {
        Some(prefix) => {
            let expected = text
                .rsplit_once(", expected ")
                .map(|(_, expected)| expected)
                .unwrap_or_default();
            if expected.is_empty() {
                format!("{prefix}, {place}")
            } else {
                format!("{prefix}, {place}, expected {expected}")
            }
        }
        None => format!("{text}, {place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gzip(text: &str) -> Vec<u8> {
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap()
    }

    #[test]
    fn what_was_packed_is_unpacked_line_by_line() {
        let batch = unpack(&pack(["{\"a\":1}", "{\"b\":2}"]).unwrap()).unwrap();
        assert_eq!(
            batch.lines().collect::<Vec<_>>(),
            [(2, "{\"a\":1}"), (3, "{\"b\":2}")]
        );
    }

    #[test]
    fn a_region_travels_in_the_header_and_only_where_there_is_one() {
        let region: Region = "cn-north".parse().unwrap();
        let packed = pack_for(Some(&region), ["{}"]).unwrap();
        assert_eq!(unpack(&packed).unwrap().header().region, Some(region));
        let plain = unpack(&pack(["{}"]).unwrap()).unwrap();
        assert!(!plain.text.contains("region"));
        let secret = gzip("{\"candor\":1,\"catalogue\":1,\"region\":\"wang fang\"}\n");
        let refused = unpack(&secret).unwrap_err().to_string();
        assert!(
            refused.contains("Region") && !refused.contains("wang"),
            "{refused}"
        );
    }

    #[test]
    fn a_version_from_the_future_is_refused_by_its_number() {
        let refused = unpack(&gzip("{\"candor\":7,\"shape\":\"new\"}\n")).unwrap_err();
        assert_eq!(refused, Refused::UnknownVersion(7));
        assert!(refused.to_string().contains("version 7"));
        let refused = unpack(&gzip("{\"candor\":1,\"catalogue\":9999}\n")).unwrap_err();
        assert_eq!(refused, Refused::UnknownCatalogue(9999));
    }

    #[test]
    fn a_torn_or_damaged_stream_is_refused_at_every_length() {
        let whole = pack(["{\"a\":1}"]).unwrap();
        for length in 0..whole.len() {
            assert!(
                unpack(&whole[..length]).is_err(),
                "{length} of {} bytes",
                whole.len()
            );
        }
        let mut damaged = whole.clone();
        let checksum = damaged.len() - 8;
        damaged[checksum] ^= 1;
        assert_eq!(unpack(&damaged).unwrap_err(), Refused::Gzip);
    }

    #[test]
    fn a_bomb_is_refused_after_the_limit() {
        let bomb = gzip(&" ".repeat(limits::BATCH_BYTES * 8));
        assert!(bomb.len() < limits::BATCH_COMPRESSED_BYTES);
        assert_eq!(unpack(&bomb).unwrap_err(), Refused::TooLarge);
    }

    #[test]
    fn more_reports_than_agreed_are_refused() {
        let lines = vec!["{}"; limits::BATCH_REPORTS + 1];
        assert_eq!(unpack(&pack(lines).unwrap()).unwrap_err(), Refused::TooMany);
    }

    #[test]
    fn an_explanation_quotes_nothing_that_was_sent() {
        let secret = "13800138000";
        for line in [
            format!("{{\"candor\":\"{secret}\"}}"),
            format!("{{\"candor\":1,\"catalogue\":1,\"{secret}\":1}}"),
            format!("{{\"candor\":1,\"catalogue\":\"{secret}, expected {secret}\"}}"),
            format!("{{\"candor\":1,\"catalogue\":{secret}.5}}"),
            secret.to_owned(),
        ] {
            let refused = unpack(&gzip(&line)).unwrap_err().to_string();
            assert!(!refused.contains(secret), "{refused}");
        }
    }
}
