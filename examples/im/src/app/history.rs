//! The index of past conversations.

use std::hint::black_box;

use crate::misbehave::fault::MappedFile;

/// What the first bytes of an index say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Layout of the rest.
    pub version: u32,
    /// Conversations in it.
    pub conversations: u32,
}

/// Opens `user`'s index from its bytes.
///
/// # Panics
/// When the index was written by another version of the app: the mistake that the sample app is known for.
#[inline(never)]
pub fn open_index(user: &str, bytes: &[u8]) -> Header {
    black_box(read_header(user, bytes))
}

#[inline(never)]
fn read_header(user: &str, bytes: &[u8]) -> Header {
    black_box(parse_header(user, bytes))
}

#[inline(never)]
fn parse_header(user: &str, bytes: &[u8]) -> Header {
    match bytes {
        [1, 0, 0, 0, a, b, c, d] => Header {
            version: 1,
            conversations: u32::from_le_bytes([*a, *b, *c, *d]),
        },
        _ => {
            let version = bytes.first().copied().unwrap_or_default();
            panic!(
                "cannot open /home/{user}/.local/share/im/history.idx of user={user} phone=+8613812345678: \
                 version {version}, 1 expected"
            )
        }
    }
}

/// Opens an index that is mapped into memory.
#[inline(never)]
pub fn open_mapped_index(file: &MappedFile) -> Header {
    black_box(read_mapped_header(file))
}

#[inline(never)]
fn read_mapped_header(file: &MappedFile) -> Header {
    Header {
        version: file.u32_at(16),
        conversations: file.u32_at(20),
    }
}
