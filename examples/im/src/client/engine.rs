//! The main loop: dial, serve, wait, again.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::backoff::Backoff;
use super::dial::{Credentials, dial};
use super::outbox::Outbox;
use super::{Command, Ending, Event, Status};
use crate::apm::{Apm, Turn, Watch, name};
use crate::config::Config;

/// A turn longer than this spoils the clocks that were running: they would measure this thread instead of the network.
const HELD_UP: Duration = Duration::from_millis(50);

/// The main loop. Runs wherever [`Engine::run`] is awaited.
pub struct Engine {
    pub(super) config: Rc<Config>,
    apm: Apm,
    commands: mpsc::Receiver<Command>,
    status: watch::Sender<Status>,
    on_event: Box<dyn FnMut(&Event)>,
    pub(super) outbox: Outbox,
    token: String,
    session: u64,
    /// Highest sequence number delivered to the app.
    pub(super) seen: u64,
    /// A turn took longer than [`HELD_UP`], and the clocks have not been told yet.
    pub(super) held_up: bool,
}

impl Engine {
    pub(super) fn new(
        config: Config,
        apm: Apm,
        commands: mpsc::Receiver<Command>,
        status: watch::Sender<Status>,
        on_event: Box<dyn FnMut(&Event)>,
    ) -> Self {
        Self {
            outbox: Outbox::new(config.outbox_limit),
            token: config.token.clone(),
            config: Rc::new(config),
            apm,
            commands,
            status,
            on_event,
            session: rand::random(),
            seen: 0,
            held_up: false,
        }
    }

    /// Connects, and comes back after every loss, until the client closes. The calling thread is watched for freezes.
    pub async fn run(mut self) {
        let watch = self.apm.watch();
        let mut backoff = Backoff::new(self.config.backoff_base, self.config.backoff_cap);
        while let ControlFlow::Continue(wait) = self.connection(&watch, &mut backoff).await {
            if self
                .meanwhile(&watch, tokio::time::sleep(wait))
                .await
                .is_none()
            {
                break;
            }
        }
    }

    /// One connection, from its first step to its last, and the wait after it.
    async fn connection(
        &mut self,
        watch: &Watch,
        backoff: &mut Backoff,
    ) -> ControlFlow<(), Duration> {
        let started = Instant::now();
        let who = Credentials {
            token: self.token.clone(),
            session: self.session,
            seen: self.seen,
        };
        let config = Rc::clone(&self.config);
        let mut attempt = self.apm.dial(config.dial_patience);
        let Some(dialled) = self
            .meanwhile(watch, dial(&config, who, &mut attempt))
            .await
        else {
            return ControlFlow::Break(());
        };
        let line = match dialled {
            Ok(line) => line,
            Err(error) => {
                let retry_in = backoff.next_wait(rand::random());
                self.tell(&Event::Failed { error, retry_in });
                return ControlFlow::Continue(retry_in);
            }
        };
        let live = attempt.ready();
        backoff.reset();
        self.tell(&Event::Ready {
            took: started.elapsed(),
        });
        let ending = self.serve(watch, line, &live).await;
        self.outbox.rewind();
        Apm::ended(live, &ending);
        self.status.send_modify(|s| s.ready = false);
        if matches!(ending, Ending::ClosedByUs) {
            return ControlFlow::Break(());
        }
        let retry_in = backoff.next_wait(rand::random());
        self.tell(&Event::Lost { ending, retry_in });
        ControlFlow::Continue(retry_in)
    }

    /// Waits for `other` and does what the app asks meanwhile. `None` when the app asks for the end.
    async fn meanwhile<T>(&mut self, watch: &Watch, other: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return Some(done),
                command = self.commands.recv() => if self.take(watch, command).is_break() { return None },
            }
        }
    }

    pub(super) async fn command(&mut self) -> Option<Command> {
        self.commands.recv().await
    }

    /// Does what the app asks, as one turn.
    pub(super) fn take(&mut self, watch: &Watch, command: Option<Command>) -> ControlFlow<()> {
        match command {
            Some(Command::Send { to, text }) => self.turn(watch.turn(name!("send")), |engine| {
                if engine.outbox.push(to, text).is_ok() {
                    engine.status.send_modify(|s| s.queued += 1);
                } else {
                    engine.tell(&Event::OutboxFull);
                }
            }),
            Some(Command::Work(work)) => self.turn(watch.turn(name!("work")), |_| work()),
            Some(Command::Token(token)) => self.token = token,
            Some(Command::Close) | None => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }

    /// One piece of work of the main loop.
    pub(super) fn turn<T>(&mut self, turn: Turn<'_>, work: impl FnOnce(&mut Self) -> T) -> T {
        let started = Instant::now();
        let result = work(self);
        drop(turn);
        self.held_up |= started.elapsed() > HELD_UP;
        result
    }

    pub(super) fn tell(&mut self, event: &Event) {
        self.apm.happened(event);
        self.status.send_modify(|s| match event {
            Event::Ready { .. } => {
                s.ready = true;
                s.connections += 1;
            }
            Event::Acknowledged { .. } => s.acknowledged += 1,
            Event::Delivered { .. } => s.delivered += 1,
            _ => {}
        });
        (self.on_event)(event);
    }
}
