//! One client's connection, from its first byte to its last.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::hub::{Hub, Peer};
use crate::wire::{self, Decoder, Frame};

/// A client that says nothing for this long is gone; clients ping far more often.
const IDLE: Duration = Duration::from_secs(120);
/// A client that has not logged in by then is closed.
const LOGIN: Duration = Duration::from_secs(10);
/// Frames waiting for one client: a whole mailbox and some acknowledgements.
const LINE: usize = 2048;

pub(super) async fn serve(mut stream: TcpStream, hub: Arc<Mutex<Hub>>) {
    let _ = stream.set_nodelay(true);
    let (line, mut outgoing) = mpsc::channel(LINE);
    let (mut from, mut to) = stream.split();
    let reading = async {
        let mut input = Input {
            hub: &hub,
            line,
            peer: None,
            decoder: Decoder::default(),
        };
        let result = input.read(&mut from).await;
        if let Some(peer) = &input.peer {
            lock(&hub).logout(peer);
        }
        result
    };
    let writing = async {
        let mut bytes = Vec::new();
        while let Some(frame) = outgoing.recv().await {
            bytes.clear();
            wire::encode(&frame, &mut bytes).map_err(io::Error::other)?;
            timeout(IDLE, to.write_all(&bytes)).await??;
        }
        io::Result::Ok(())
    };
    // What reading said last (a refusal) is still written: its sender is dropped with it, which ends the writing.
    let _ = tokio::join!(reading, writing);
}

struct Input<'a> {
    hub: &'a Mutex<Hub>,
    line: mpsc::Sender<Frame>,
    peer: Option<Peer>,
    decoder: Decoder,
}

impl Input<'_> {
    async fn read(&mut self, from: &mut tokio::net::tcp::ReadHalf<'_>) -> io::Result<()> {
        let mut bytes = [0; 4096];
        loop {
            let patience = if self.peer.is_some() { IDLE } else { LOGIN };
            let n = timeout(patience, from.read(&mut bytes)).await??;
            if n == 0 {
                return Ok(());
            }
            self.decoder.feed(&bytes[..n]);
            while let Some(frame) = self.decoder.next_frame().map_err(io::Error::other)? {
                self.take(frame).map_err(io::Error::other)?;
            }
        }
    }

    fn take(&mut self, frame: Frame) -> Result<(), String> {
        let mut hub = lock(self.hub);
        match (&self.peer, frame) {
            (
                None,
                Frame::Login {
                    user,
                    token,
                    session,
                    seen,
                },
            ) => match hub.login(&user, &token, session, seen, &self.line) {
                Ok(peer) => self.peer = Some(peer),
                Err(reason) => {
                    self.say(Frame::LoginRefused {
                        reason: reason.to_owned(),
                    })?;
                    return Err(reason.to_owned());
                }
            },
            (Some(peer), Frame::Ping { n, seen }) => {
                hub.seen(peer, seen);
                self.say(Frame::Pong { n })?;
            }
            (Some(peer), Frame::Message { id, to, text }) => {
                hub.message(peer, id, &to, &text)?;
                self.say(Frame::Ack { id })?;
            }
            (_, other) => return Err(format!("not expected here: {other:?}")),
        }
        Ok(())
    }

    fn say(&self, frame: Frame) -> Result<(), String> {
        self.line.try_send(frame).map_err(|e| e.to_string())
    }
}

fn lock(hub: &Mutex<Hub>) -> MutexGuard<'_, Hub> {
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}
