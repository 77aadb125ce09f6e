//! Identifiers that must not get anywhere, and looking for them.

use crate::house::root;
use flate2::read::GzDecoder;
use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// A made-up identifier, in a text as an app may write it.
#[derive(Debug, Clone)]
pub struct Canary {
    /// What it is.
    pub kind: String,
    /// A text that holds it.
    pub text: String,
    /// It.
    pub value: String,
}

/// All of them.
pub fn canaries() -> Vec<Canary> {
    let file = root().join("tests/canaries/canaries.tsv");
    let text = fs::read_to_string(&file).expect("the list is there");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let parts: Vec<&str> = line.split('\t').collect();
            let [kind, text, value] = parts[..] else {
                panic!("not three parts: {line}")
            };
            Canary {
                kind: kind.to_owned(),
                text: text.replace("\\n", "\n"),
                value: value.to_owned(),
            }
        })
        .collect()
}

/// An identifier in every form in which it might be hidden: plain, as UTF-16 of both byte orders, in base64 at each of its three
/// places, as percent signs and as escapes of JSON.
pub fn forms(value: &str) -> Vec<(&'static str, Vec<u8>)> {
    let utf16 = |bytes: fn(u16) -> [u8; 2]| value.encode_utf16().flat_map(bytes).collect();
    let percent: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let escaped: String = value
        .encode_utf16()
        .map(|unit| format!("\\u{unit:04x}"))
        .collect();
    let mut forms = vec![
        ("plain", value.as_bytes().to_vec()),
        ("UTF-16, little end first", utf16(u16::to_le_bytes)),
        ("UTF-16, big end first", utf16(u16::to_be_bytes)),
        ("percent signs", percent.into_bytes()),
        ("escapes", escaped.into_bytes()),
    ];
    for shift in 0..3 {
        let mut bytes = vec![0; shift];
        bytes.extend(value.as_bytes());
        let encoded = base64(&bytes);
        // The first and last characters depend on what stands around it.
        let inner = &encoded[(shift * 8).div_ceil(6)..encoded.len() - 2];
        if inner.len() >= 8 {
            forms.push(("base64", inner.to_vec()));
        }
    }
    forms
}

/// Without padding (RFC 4648, 4).
fn base64(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = Vec::new();
    for three in bytes.chunks(3) {
        let bits = three.iter().enumerate().fold(0_u32, |bits, (at, byte)| {
            bits | u32::from(*byte) << (16 - 8 * at)
        });
        for digit in 0..=three.len() {
            out.push(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]);
        }
    }
    out
}

/// Every file below a directory, with its bytes.
pub fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((path, bytes));
        }
    }
    found
}

/// Bytes, and what every gzip stream in them holds.
pub fn unpacked(bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![bytes.to_vec()];
    let starts = (0..bytes.len()).filter(|&at| bytes[at..].starts_with(&[0x1f, 0x8b, 8]));
    for start in starts {
        let mut inner = Vec::new();
        // What there is of a stream that is cut off counts too.
        let _ = GzDecoder::new(&bytes[start..]).read_to_end(&mut inner);
        all.push(inner);
    }
    all
}

/// Looks for many identifiers at once.
#[derive(Debug)]
pub struct Finder {
    /// By their first bytes: what each is called, and all of it.
    by_start: HashMap<[u8; START], Vec<(String, Vec<u8>)>>,
}

const START: usize = 4;

impl Finder {
    /// For every form of every one.
    pub fn of(canaries: &[Canary]) -> Self {
        let mut by_start: HashMap<_, Vec<_>> = HashMap::new();
        for canary in canaries {
            for (how, form) in forms(&canary.value) {
                let start = std::array::from_fn(|at| form[at]);
                let name = format!("{} ({how})", canary.kind);
                by_start.entry(start).or_default().push((name, form));
            }
        }
        Self { by_start }
    }

    /// Those that are in `bytes`, or in a gzip stream in them.
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for bytes in unpacked(bytes) {
            for (at, start) in bytes.windows(START).enumerate() {
                let known = self.by_start.get(start).into_iter().flatten();
                let there = known.filter(|(_, form)| bytes[at..].starts_with(form));
                found.extend(there.map(|(name, _)| name.as_str()));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn an_identifier_is_found_however_it_is_hidden() {
        let value = "13900571846";
        let finder = Finder::of(&[Canary {
            kind: "phone".into(),
            text: String::new(),
            value: value.into(),
        }]);
        let seen = |bytes: &[u8]| !finder.find(bytes).is_empty();
        assert!(seen(b"call 13900571846 now"));
        let wide: Vec<u8> = value.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(seen(&wide));
        for before in ["", "a", "ab", "abc"] {
            assert!(seen(&base64(
                format!("{before}{value}, and more").as_bytes()
            )));
        }
        let mut gzip = GzEncoder::new(b"head".to_vec(), flate2::Compression::default());
        gzip.write_all(format!("{{\"phone\":\"{value}\"}}").as_bytes())
            .unwrap();
        assert!(seen(&gzip.finish().unwrap()));
        assert!(!seen(b"1390057184 and 3900571846"));
    }

    #[test]
    fn there_are_41_kinds() {
        let mut kinds: Vec<String> = canaries().into_iter().map(|canary| canary.kind).collect();
        kinds.sort();
        kinds.dedup();
        assert_eq!(kinds.len(), 41);
    }
}
