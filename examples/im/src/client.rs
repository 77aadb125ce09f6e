//! The SDK's client: one long-lived connection that comes back by itself, and messages that arrive once.
//!
//! [`Engine::run`] is the app's main loop. It waits, outside of any turn, and does its work in turns on one thread, so that the troubleshooting
//! extension can tell a loop that is idle from one that is stuck.

pub mod backoff;
mod dial;
mod engine;
mod event;
pub mod heartbeat;
pub mod outbox;
mod service;

use tokio::sync::{mpsc, watch};

pub use dial::{DialError, DialFault, Step};
pub use engine::Engine;
pub use event::{Event, Status};
pub use service::Ending;

use crate::apm::Apm;
use crate::config::Config;
use crate::wire;

/// Requests that may wait for the main loop.
const COMMANDS: usize = 64;

/// A handle on the main loop, for any thread.
#[derive(Debug, Clone)]
pub struct Client {
    commands: mpsc::Sender<Command>,
    status: watch::Receiver<Status>,
}

enum Command {
    Send { to: String, text: String },
    Work(Box<dyn FnOnce() + Send>),
    Token(String),
    Close,
}

/// Why the main loop will not do what it was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// It has ended.
    Gone,
    /// The recipient's name is none: see [`wire::is_name`].
    NoName,
    /// The text is longer than [`wire::MAX_TEXT`].
    TooLong,
}

impl Client {
    /// A client and the main loop it talks to. `apm` is told how the connection fares.
    #[must_use]
    pub fn new(config: Config, apm: Apm, on_event: impl FnMut(&Event) + 'static) -> (Self, Engine) {
        let (commands, received) = mpsc::channel(COMMANDS);
        let (reported, status) = watch::channel(Status::default());
        let engine = Engine::new(config, apm, received, reported, Box::new(on_event));
        (Self { commands, status }, engine)
    }

    /// Queues a message. It goes out when the connection allows, and arrives once.
    ///
    /// # Errors
    /// See [`Refused`]. A message that no server takes is refused here: it would come back with every connection.
    pub async fn send(
        &self,
        to: impl Into<String>,
        text: impl Into<String>,
    ) -> Result<(), Refused> {
        let (to, text) = (to.into(), text.into());
        if !wire::is_name(&to) {
            return Err(Refused::NoName);
        }
        if text.len() > wire::MAX_TEXT {
            return Err(Refused::TooLong);
        }
        self.ask(Command::Send { to, text }).await
    }

    /// Has the main loop do a piece of the app's own work, as one turn.
    ///
    /// # Errors
    /// [`Refused::Gone`].
    pub async fn work(&self, work: impl FnOnce() + Send + 'static) -> Result<(), Refused> {
        self.ask(Command::Work(Box::new(work))).await
    }

    /// Logs in with this token from the next connection on.
    ///
    /// # Errors
    /// [`Refused::Gone`].
    pub async fn token(&self, token: impl Into<String>) -> Result<(), Refused> {
        self.ask(Command::Token(token.into())).await
    }

    /// Ends the main loop and its connection.
    pub async fn close(&self) {
        let _ = self.ask(Command::Close).await;
    }

    /// What the main loop last said about itself; can be waited on.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    async fn ask(&self, command: Command) -> Result<(), Refused> {
        self.commands.send(command).await.map_err(|_| Refused::Gone)
    }
}
