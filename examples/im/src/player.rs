//! Plays a script with a client, and says on standard output what happens, as an app would show it to its user.

mod say;

use std::time::Duration;

use tokio::time::{sleep, timeout};

use crate::client::{Client, Refused, Status};
use crate::misbehave::Fault;
use crate::proxy::{Mode, Proxy};
use crate::script::{Script, Step};

pub use say::{Journal, say};

/// Pause between two messages: a quick typist, so that a demo stays short.
const TYPING: Duration = Duration::from_millis(40);
/// How long a step waits for the connection, or for its acknowledgements.
const PATIENCE: Duration = Duration::from_secs(15);

/// Somebody who uses the app.
#[derive(Debug)]
pub struct Player<'a> {
    /// The SDK.
    pub client: &'a Client,
    /// The network between the client and its server.
    pub network: &'a Proxy,
    /// How the network behaves when nothing is wrong.
    pub normal: Mode,
    /// Whom to write to.
    pub friend: &'a str,
    /// The token that the server accepts.
    pub token: &'a str,
}

impl Player<'_> {
    /// Plays all of `script`. Ends early when the main loop has ended; does not return from a step that ends the process.
    ///
    /// # Errors
    /// What the main loop refused.
    pub async fn play(&self, script: &Script) -> Result<(), Refused> {
        self.until(|s| s.ready).await;
        for (n, step) in script.0.iter().enumerate() {
            say(&format!("step {}/{}: {step}", n + 1, script.0.len()));
            self.step(*step).await?;
        }
        Ok(())
    }

    /// Chats until stopped.
    ///
    /// # Errors
    /// What the main loop refused.
    pub async fn chat(&self) -> Result<(), Refused> {
        loop {
            self.client.send(self.friend, "still there?").await?;
            sleep(TYPING * 10).await;
        }
    }

    async fn step(&self, step: Step) -> Result<(), Refused> {
        match step {
            Step::Chat(messages) => return self.messages(messages).await,
            Step::Wait(time) => sleep(time).await,
            Step::LoseNetwork(time) => self.disturb(Mode::Refuse, time).await,
            Step::Stall(time) => self.disturb(Mode::Stall, time).await,
            Step::Reset => {
                let connections = self.client.status().borrow().connections;
                self.network.set(Mode::Reset);
                self.until(|s| !s.ready || s.connections > connections)
                    .await;
                self.network.set(self.normal);
            }
            Step::ExpiredToken(time) => {
                self.client.token("expired").await?;
                self.network.set(Mode::Reset);
                self.until(|s| !s.ready).await;
                self.disturb(self.normal, time).await;
                self.client.token(self.token).await?;
            }
            Step::Fault(fault) => return self.misbehave(fault).await,
        }
        self.until(|s| s.ready).await;
        Ok(())
    }

    async fn messages(&self, messages: u32) -> Result<(), Refused> {
        let before = self.client.status().borrow().queued;
        for n in 1..=messages {
            self.client
                .send(self.friend, format!("message {n} of {messages}"))
                .await?;
            sleep(TYPING).await;
        }
        let all = before + u64::from(messages);
        self.until(|s| s.queued >= all && s.acknowledged >= s.queued)
            .await;
        Ok(())
    }

    /// A fault of the main loop is a piece of the main loop's work: that is where an app's code runs.
    async fn misbehave(&self, fault: Fault) -> Result<(), Refused> {
        let (done, returned) = tokio::sync::oneshot::channel();
        self.client
            .work(move || {
                fault.commit();
                let _ = done.send(());
            })
            .await?;
        let _ = returned.await;
        Ok(())
    }

    async fn disturb(&self, mode: Mode, time: Duration) {
        self.network.set(mode);
        sleep(time).await;
        self.network.set(self.normal);
    }

    async fn until(&self, reached: impl FnMut(&Status) -> bool) {
        let mut status = self.client.status();
        if timeout(PATIENCE, status.wait_for(reached)).await.is_err() {
            say("going on without waiting any longer");
        }
    }
}
