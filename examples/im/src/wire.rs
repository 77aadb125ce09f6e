//! What client and server say to each other: frames of JSON, each behind its length as four bytes, most significant first.

use serde::{Deserialize, Serialize};

/// Longest body of one frame, in bytes: a text of 4,000 characters fits whatever its alphabet, and a peer cannot ask for more memory.
pub const MAX_BODY: usize = 64 * 1024;

/// Longest text of one message, in bytes. Even if JSON has to escape all of it, it fits a frame.
pub const MAX_TEXT: usize = 8 * 1024;

/// Longest name of a user.
pub const MAX_NAME: usize = 32;

const LENGTH: usize = 4;

/// Whether this can be the name of a user: 1 to [`MAX_NAME`] ASCII letters, digits, `_`, `-` or `.`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    (1..=MAX_NAME).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

/// One thing said, by either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Frame {
    /// Client: who I am. Must be the first frame of a connection.
    Login {
        /// Name of the user.
        user: String,
        /// Proof that the user is who they say.
        token: String,
        /// Drawn anew by each start of the app; message ids count within it.
        session: u64,
        /// Highest `Deliver::seq` this session has seen, 0 for none: the server goes on from there.
        seen: u64,
    },
    /// Server: the connection is in service.
    LoginOk {},
    /// Server: it is not, and why. The connection closes.
    LoginRefused {
        /// For a person to read.
        reason: String,
    },
    /// Client: are you there?
    Ping {
        /// Counts up within a connection; comes back in the pong.
        n: u64,
        /// Highest `Deliver::seq` seen so far: the server may forget up to here.
        seen: u64,
    },
    /// Server: yes.
    Pong {
        /// That of the ping.
        n: u64,
    },
    /// Client: a message for somebody.
    Message {
        /// 1, 2, 3, ... within a session. The server takes each id once, however often it is sent.
        id: u64,
        /// Name of the recipient.
        to: String,
        /// What to tell them.
        text: String,
    },
    /// Server: this message, and all before it, are in the recipients' mailboxes.
    Ack {
        /// That of the message.
        id: u64,
    },
    /// Server: somebody wrote to you.
    Deliver {
        /// 1, 2, 3, ... within a mailbox.
        seq: u64,
        /// Who wrote.
        from: String,
        /// What they wrote.
        text: String,
    },
}

/// Why bytes are not a frame. After one of these the connection cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WireError {
    /// The length says 0 or more than [`MAX_BODY`].
    Length(usize),
    /// The body is not one of the frames; the text says where and why.
    Body(String),
}

impl std::fmt::Display for WireError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Length(n) => write!(f, "a frame of {n} bytes: 1 to {MAX_BODY} are allowed"),
            Self::Body(why) => write!(f, "not a frame: {why}"),
        }
    }
}

impl std::error::Error for WireError {}

/// Appends `frame` to `out`, ready to be sent.
///
/// # Errors
/// [`WireError::Length`] if the body would be longer than [`MAX_BODY`]; `out` is then as before.
pub fn encode(frame: &Frame, out: &mut Vec<u8>) -> Result<(), WireError> {
    let body = serde_json::to_vec(frame).map_err(|e| WireError::Body(e.to_string()))?;
    let length = allowed(body.len())?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&body);
    Ok(())
}

/// Bytes as they arrive, in pieces of any size; frames as they become whole.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    start: usize,
}

impl Decoder {
    /// Takes what arrived.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.start);
        self.start = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes that are not part of a frame handed out yet.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.bytes.len() - self.start
    }

    /// The next whole frame, or `None` until more bytes arrive.
    ///
    /// # Errors
    /// See [`WireError`]. A bad length is refused before its body is waited for.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, WireError> {
        let rest = &self.bytes[self.start..];
        let Some((length, rest)) = rest.split_first_chunk::<LENGTH>() else {
            return Ok(None);
        };
        let length = allowed(u32::from_be_bytes(*length) as usize)? as usize;
        let Some(body) = rest.get(..length) else {
            return Ok(None);
        };
        let frame = serde_json::from_slice(body).map_err(|e| WireError::Body(e.to_string()))?;
        self.start += LENGTH + length;
        Ok(Some(frame))
    }
}

fn allowed(length: usize) -> Result<u32, WireError> {
    match u32::try_from(length) {
        Ok(n) if (1..=MAX_BODY).contains(&length) => Ok(n),
        _ => Err(WireError::Length(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_frame() -> impl Strategy<Value = Frame> {
        let text = "\\PC{0,40}";
        prop_oneof![
            (text, text, any::<u64>(), any::<u64>()).prop_map(|(user, token, session, seen)| {
                Frame::Login {
                    user,
                    token,
                    session,
                    seen,
                }
            }),
            Just(Frame::LoginOk {}),
            text.prop_map(|reason| Frame::LoginRefused { reason }),
            (any::<u64>(), any::<u64>()).prop_map(|(n, seen)| Frame::Ping { n, seen }),
            any::<u64>().prop_map(|n| Frame::Pong { n }),
            (any::<u64>(), text, text).prop_map(|(id, to, text)| Frame::Message { id, to, text }),
            any::<u64>().prop_map(|id| Frame::Ack { id }),
            (any::<u64>(), text, text).prop_map(|(seq, from, text)| Frame::Deliver {
                seq,
                from,
                text
            }),
        ]
    }

    proptest! {
        #[test]
        fn frames_come_back_whole_and_in_order_however_the_bytes_are_cut(
            frames in proptest::collection::vec(any_frame(), 0..8), cut in 1_usize..17,
        ) {
            let mut bytes = Vec::new();
            for frame in &frames {
                encode(frame, &mut bytes).unwrap();
            }
            let mut decoder = Decoder::default();
            let mut seen = Vec::new();
            for piece in bytes.chunks(cut) {
                decoder.feed(piece);
                while let Some(frame) = decoder.next_frame().unwrap() {
                    seen.push(frame);
                }
            }
            prop_assert_eq!(seen, frames);
        }

        #[test]
        fn no_bytes_at_all_make_the_decoder_panic(bytes: Vec<u8>) {
            let mut decoder = Decoder::default();
            decoder.feed(&bytes);
            while let Ok(Some(_)) = decoder.next_frame() {}
        }
    }

    fn decode(bytes: &[u8]) -> Result<Option<Frame>, WireError> {
        let mut decoder = Decoder::default();
        decoder.feed(bytes);
        decoder.next_frame()
    }

    fn framed(body: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(body.len()).unwrap().to_be_bytes().to_vec();
        bytes.extend_from_slice(body);
        bytes
    }

    #[test]
    fn a_length_of_nothing_or_of_too_much_is_refused_before_its_body_arrives() {
        assert_eq!(decode(&[0; 4]), Err(WireError::Length(0)));
        assert_eq!(decode(&[0, 1, 0, 1]), Err(WireError::Length(MAX_BODY + 1)));
        assert_eq!(decode(&[255; 4]), Err(WireError::Length(u32::MAX as usize)));
        assert_eq!(decode(&[0, 1, 0, 0]), Ok(None));
    }

    #[test]
    fn a_body_that_is_no_frame_is_refused_with_the_reason() {
        for (body, why) in [
            (&b"\xff\xfe"[..], "expected value"),
            (b"{}", "missing field `type`"),
            (
                b"{\"type\":\"format_disk\"}",
                "unknown variant `format_disk`",
            ),
            (b"{\"type\":\"pong\"}", "missing field `n`"),
            (b"{\"type\":\"pong\",\"n\":-1}", "invalid value"),
            (b"{\"type\":\"pong\",\"n\":1,\"m\":2}", "unknown field `m`"),
            (b"{\"type\":\"pong\",\"n\":1}{}", "trailing characters"),
        ] {
            let Err(WireError::Body(text)) = decode(&framed(body)) else {
                panic!("{} was taken for a frame", String::from_utf8_lossy(body));
            };
            assert!(text.contains(why), "{text:?} does not say {why:?}");
        }
    }

    #[test]
    fn a_message_too_long_for_a_frame_is_refused_and_leaves_the_buffer_alone() {
        let mut out = b"before".to_vec();
        let long = Frame::Message {
            id: 1,
            to: "ben".into(),
            text: "x".repeat(MAX_BODY),
        };
        assert!(matches!(encode(&long, &mut out), Err(WireError::Length(_))));
        assert_eq!(out, b"before");
    }

    #[test]
    fn the_longest_text_fits_a_frame_however_much_of_it_must_be_escaped() {
        let to = "n".repeat(MAX_NAME);
        let worst = Frame::Message {
            id: u64::MAX,
            to,
            text: "\u{1}".repeat(MAX_TEXT),
        };
        assert_eq!(encode(&worst, &mut Vec::new()), Ok(()));
    }
}
