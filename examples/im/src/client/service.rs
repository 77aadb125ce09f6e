//! A connection in service: frames in, frames out, pings between.

use std::io;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::Line;
use super::heartbeat::{Beat, Heartbeat};
use super::{Engine, Event};
use crate::apm::{Live, Watch, name};
use crate::wire::{self, Frame, WireError};

/// No more messages are encoded while this many bytes wait to be written.
const ENOUGH_WAITING: usize = 64 * 1024;

/// How a connection in service came to its end.
#[derive(Debug)]
pub enum Ending {
    /// The app closed it.
    ClosedByUs,
    /// The server closed it.
    ClosedByPeer,
    /// The server did not answer a ping in time.
    HeartbeatTimeout,
    /// The system says so.
    Io(io::Error),
    /// The server said something it must not say.
    Protocol(String),
}

impl std::fmt::Display for Ending {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ClosedByUs => f.write_str("closed"),
            Self::ClosedByPeer => f.write_str("closed by the server"),
            Self::HeartbeatTimeout => f.write_str("the server does not answer"),
            Self::Io(e) => write!(f, "{e}"),
            Self::Protocol(what) => write!(f, "not understood, {what}"),
        }
    }
}

impl Engine {
    /// Serves `line` until it ends.
    pub(super) async fn serve(&mut self, watch: &Watch, line: Line, live: &Live) -> Ending {
        let now = Instant::now();
        let mut service = Service {
            heartbeat: Heartbeat::new(self.config.heartbeat, self.config.heartbeat_patience, now),
            line,
            out: Vec::new(),
        };
        match service.run(self, watch, live).await {
            Ok(()) => Ending::ClosedByUs,
            Err(ending) => ending,
        }
    }
}

struct Service {
    heartbeat: Heartbeat,
    line: Line,
    out: Vec<u8>,
}

impl Service {
    async fn run(&mut self, engine: &mut Engine, watch: &Watch, live: &Live) -> Result<(), Ending> {
        let mut bytes = vec![0; 16 * 1024];
        loop {
            // Frames may have come with the answer to the login, so decoding comes first.
            engine.turn(watch.turn(name!("decode")), |engine| {
                self.decode(engine, live)
            })?;
            let wake = engine.turn(watch.turn(name!("encode")), |engine| {
                self.encode(engine, live)
            })?;
            tokio::select! {
                read = self.line.from.read(&mut bytes) => match read? {
                    0 => return Err(Ending::ClosedByPeer),
                    n => self.line.decoder.feed(&bytes[..n]),
                },
                written = self.line.to.write(&self.out), if !self.out.is_empty() => {
                    let n = written?;
                    self.out.drain(..n);
                }
                command = engine.command() => if engine.take(watch, command).is_break() { return Ok(()) },
                () = tokio::time::sleep_until(wake.into()) => {}
            }
        }
    }

    fn decode(&mut self, engine: &mut Engine, live: &Live) -> Result<(), Ending> {
        loop {
            let waiting = self.line.decoder.waiting();
            let Some(frame) = self.line.decoder.next_frame()? else {
                return Ok(());
            };
            live.received((waiting - self.line.decoder.waiting()) as u64);
            let now = Instant::now();
            match frame {
                Frame::Pong { n } => {
                    if let Some(round_trip) = self.heartbeat.pong(n, now) {
                        live.rtt(round_trip);
                        engine.tell(&Event::RoundTrip(round_trip));
                    }
                }
                Frame::Ack { id } => {
                    let (messages, took) = engine.outbox.acknowledged(id, now);
                    if let Some(took) = took {
                        live.acknowledged(took);
                    }
                    for _ in 0..messages {
                        engine.tell(&Event::Acknowledged { id, took });
                    }
                }
                // The server sends again what it does not know to have arrived.
                Frame::Deliver { seq, .. } if seq <= engine.seen => {}
                Frame::Deliver { seq, from, text } => {
                    engine.seen = seq;
                    engine.tell(&Event::Delivered { from, text });
                }
                other => return Err(Ending::Protocol(format!("{other:?} from the server"))),
            }
        }
    }

    fn put(&mut self, frame: &Frame, live: &Live) -> Result<(), WireError> {
        let before = self.out.len();
        wire::encode(frame, &mut self.out)?;
        live.sent((self.out.len() - before) as u64);
        Ok(())
    }

    /// Puts what is due into the buffer; returns when to look again at the latest.
    fn encode(&mut self, engine: &mut Engine, live: &Live) -> Result<Instant, Ending> {
        let now = Instant::now();
        if std::mem::take(&mut engine.held_up) {
            self.heartbeat.disturbed(now);
            engine.outbox.disturbed();
        }
        while self.out.len() < ENOUGH_WAITING {
            let Some(frame) = engine.outbox.next_to_carry(now) else {
                break;
            };
            self.put(&frame, live)?;
        }
        loop {
            match self.heartbeat.beat(now) {
                Beat::WaitUntil(wake) => return Ok(wake),
                Beat::GiveUp => return Err(Ending::HeartbeatTimeout),
                Beat::Ping(n) => self.put(
                    &Frame::Ping {
                        n,
                        seen: engine.seen,
                    },
                    live,
                )?,
            }
        }
    }
}

impl From<io::Error> for Ending {
    fn from(e: io::Error) -> Self {
        Self::Io(e)
    }
}

impl From<WireError> for Ending {
    fn from(e: WireError) -> Self {
        Self::Protocol(e.to_string())
    }
}
