//! Requests that nobody should send, and what has to become of each.

use candor_protocol::batch;
use candor_protocol::limits::{BATCH_BYTES, BATCH_COMPRESSED_BYTES};
use flate2::write::GzEncoder;
use std::io::Write;

/// One kind of abuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abuse {
    NoKey,
    WrongKey,
    Oversized,
    Bomb,
    NotGzip,
    NotJson,
    DeepJson,
    UnknownField,
    Future,
    WrongType,
    Leak,
}

/// A request, and what has to become of it.
pub(crate) struct Hostile {
    /// Header lines beside the length.
    pub(crate) headers: String,
    /// The body.
    pub(crate) body: Vec<u8>,
    /// The status that has to be answered.
    pub(crate) status: u16,
    /// Under which word the ledger counts one refusal; `None` where it cannot know whose it is, or the same may come again.
    pub(crate) counted: Option<&'static str>,
}

impl Abuse {
    const ALL: [Self; 11] = [
        Self::NoKey,
        Self::WrongKey,
        Self::Oversized,
        Self::Bomb,
        Self::NotGzip,
        Self::NotJson,
        Self::DeepJson,
        Self::UnknownField,
        Self::Future,
        Self::WrongType,
        Self::Leak,
    ];

    /// One of them.
    pub(crate) fn of(malice: u64) -> Self {
        Self::ALL[(malice % Self::ALL.len() as u64) as usize]
    }

    /// The request; `authorization` is the header line of the right key.
    pub(crate) fn request(self, authorization: &str) -> Hostile {
        let (status, counted) = match self {
            Self::NoKey | Self::WrongKey => (401, None),
            Self::Oversized | Self::Bomb => (413, Some("too_large")),
            Self::NotGzip => (400, None),
            Self::NotJson | Self::DeepJson | Self::UnknownField => (200, Some("bad_report")),
            Self::Future => (400, Some("unknown_version")),
            Self::WrongType => (415, Some("content_type")),
            Self::Leak => (200, Some("quarantined")),
        };
        let headers = match self {
            Self::NoKey => String::new(),
            Self::WrongKey => format!("authorization: Bearer candor_{}\r\n", "0".repeat(64)),
            Self::WrongType => format!("{authorization}content-type: text/html\r\n"),
            _ => authorization.to_owned(),
        };
        Hostile {
            headers,
            body: self.body(),
            status,
            counted,
        }
    }

    fn body(self) -> Vec<u8> {
        match self {
            Self::NoKey | Self::WrongKey | Self::WrongType => packed(&[]),
            Self::Oversized => vec![b'x'; BATCH_COMPRESSED_BYTES + 1],
            // A thousand to one.
            Self::Bomb => gzip(&[&b" ".repeat(BATCH_BYTES * 64)]),
            Self::NotGzip => b"not gzip at all".to_vec(),
            Self::NotJson => packed(&["not JSON"]),
            Self::DeepJson => packed(&[&"[".repeat(10_000)]),
            Self::UnknownField => packed(&[&run(",\"address\":\"Nanjing Road 1\"", "im")]),
            Self::Future => header(99, batch::Header::CURRENT.catalogue),
            Self::Leak => packed(&[&run("", "wang.fang@example.org")]),
        }
    }
}

/// A report of a run with something more, of a release of this name.
fn run(more: &str, release: &str) -> String {
    let id = "ab".repeat(16);
    format!(
        "{{\"id\":\"{id}\",\"at\":3600,\"run\":\"{id}\",\"pseudonym\":\"{id}\",\"release\":\"{release}\",\
         \"device\":{{\"os\":\"linux\",\"arch\":\"x86_64\"}}{more},\"what\":{{\"run\":{{}}}}}}"
    )
}

fn packed(lines: &[&str]) -> Vec<u8> {
    batch::pack(lines.iter().copied()).expect("memory")
}

/// A batch without reports, of these versions.
pub(crate) fn header(protocol: u32, catalogue: u32) -> Vec<u8> {
    gzip(&[format!("{{\"candor\":{protocol},\"catalogue\":{catalogue}}}\n").as_bytes()])
}

/// Pieces, compressed.
pub(crate) fn gzip(pieces: &[&[u8]]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::default());
    for piece in pieces {
        gzip.write_all(piece).expect("memory");
    }
    gzip.finish().expect("memory")
}
