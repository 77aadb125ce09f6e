//! One report as one file: its name and its bytes. Pure; `FORMAT.md` describes both.

use candor_protocol::deidentify::ReportId;
use candor_protocol::report::Kind;
use flate2::Crc;

/// What a file's name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    pub(crate) kind: Kind,
    /// Counts the reports of this kind on this device, from 1.
    pub(crate) number: u64,
    /// When it was spooled, in seconds since 1970-01-01 UTC.
    pub(crate) at: u64,
    pub(crate) id: ReportId,
}

const ENDING: &str = ".report";
const MAGIC: &str = "candor-spool 1 ";

impl Label {
    /// `<kind>-<number>-<seconds>-<id>.report`
    pub(crate) fn file_name(&self) -> String {
        format!(
            "{}-{}-{}-{}{ENDING}",
            self.kind, self.number, self.at, self.id
        )
    }

    pub(crate) fn parse(file_name: &str) -> Option<Self> {
        let mut parts = file_name.strip_suffix(ENDING)?.split('-');
        let label = Self {
            kind: parts.next()?.parse().ok()?,
            number: parts.next()?.parse().ok()?,
            at: parts.next()?.parse().ok()?,
            id: parts.next()?.parse().ok()?,
        };
        (parts.next().is_none() && label.file_name() == file_name).then_some(label)
    }
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// The bytes of a file: a line with length and checksum, then the report as it will be sent.
pub(crate) fn seal(line: &str) -> Vec<u8> {
    format!(
        "{MAGIC}{} {:08x}\n{line}\n",
        line.len(),
        checksum(line.as_bytes())
    )
    .into_bytes()
}

/// The report in a file's bytes; `None` when they are torn, damaged or of another version.
pub(crate) fn open(bytes: &[u8]) -> Option<&str> {
    let (head, rest) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
    let (length, sum) = head.strip_prefix(MAGIC)?.split_once(' ')?;
    let line = rest.strip_suffix('\n')?;
    let whole = length.parse() == Ok(line.len())
        && u32::from_str_radix(sum, 16) == Ok(checksum(line.as_bytes()));
    whole.then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_label_is_read_back_from_its_file_name() {
        let label = Label {
            kind: Kind::Crash,
            number: 12,
            at: 1_767_225_600,
            id: ReportId::from_bytes([9; 16]),
        };
        assert_eq!(Label::parse(&label.file_name()), Some(label));
    }

    #[test]
    fn a_foreign_file_is_not_taken_for_a_report() {
        for name in [
            "",
            ".report",
            "crash-1-2-3.report",
            "crash-01-2-00000000000000000000000000000000.report",
            "x.tmp",
        ] {
            assert_eq!(Label::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_torn_or_altered_file_is_noticed_at_every_byte() {
        let sealed = seal("{\"id\":\"x\"}");
        assert_eq!(open(&sealed), Some("{\"id\":\"x\"}"));
        for cut in 0..sealed.len() {
            assert_eq!(open(&sealed[..cut]), None, "cut at {cut}");
        }
        for at in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[at] ^= 1;
            assert_eq!(open(&altered), None, "altered at {at}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = open(&bytes);
            let _ = Label::parse(&String::from_utf8_lossy(&bytes));
        }
    }
}
