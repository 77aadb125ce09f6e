//! All devices at once, and the chat server they talk to.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::board::Board;
use super::build::Binaries;
use super::device::{Life, Story};
use super::place::Place;
use super::plan::Device;
use super::{Failure, child};
use crate::script::Script;

/// Time between the starts of two devices: they do not all start at once in the world either.
const STAGGER: Duration = Duration::from_millis(150);

/// Everything the devices share.
#[derive(Debug)]
pub(super) struct Fleet<'a> {
    pub(super) binaries: &'a Binaries,
    pub(super) place: &'a Place,
    pub(super) collector: &'a str,
    pub(super) key: &'a str,
    pub(super) operator_key: &'a str,
    pub(super) board: &'a Board,
}

impl Fleet<'_> {
    /// Runs `devices` until each has played its script; returns what each was seen to do.
    pub(super) async fn run(
        &self,
        devices: &[Device],
        limit: Duration,
    ) -> Result<Vec<Story>, Failure> {
        let (_server, address) = self.chat_server().await?;
        let drawing = self.board.draw();
        let mut running = JoinSet::new();
        for (n, device) in devices.iter().enumerate() {
            let life = self.life(n, device, &address);
            let wait = STAGGER * u32::try_from(n).unwrap_or_default();
            running.spawn(async move {
                tokio::time::sleep(wait).await;
                life.play().await
            });
        }
        let mut stories = Vec::new();
        let all = async {
            while let Some(story) = running.join_next().await {
                stories.push(story??);
            }
            Ok::<_, Failure>(())
        };
        let in_time = timeout(limit, all).await;
        drop(drawing);
        self.board.finish();
        match in_time {
            Ok(result) => result.map(|()| stories),
            Err(_) => Err(format!(
                "the fleet is not done after {} s: see --seconds",
                limit.as_secs()
            )
            .into()),
        }
    }

    /// Has `device` play `script` and die of it, and does not start it again: what it leaves stays on the device.
    pub(super) async fn leave_a_crash(
        &self,
        device: &Device,
        script: &Script,
    ) -> Result<(), Failure> {
        let (_server, address) = self.chat_server().await?;
        let life = self.life(0, device, &address);
        life.live(script, "last life").await.map(|_| ())
    }

    fn life(&self, number: usize, device: &Device, server: &str) -> Life {
        Life {
            number,
            device: device.clone(),
            client: self.binaries.client.clone(),
            inspector: self.binaries.inspector.clone(),
            server: server.to_owned(),
            collector: self.collector.to_owned(),
            key: self.key.to_owned(),
            operator_key: self.operator_key.to_owned(),
            dir: self.place.device(device),
            log: self.place.log(&device.user),
            board: self.board.clone(),
        }
    }

    async fn chat_server(&self) -> Result<(Child, String), Failure> {
        let mut command = child::command(&self.binaries.server);
        let mut server = child::spawn(command.args(["--listen", "127.0.0.1:0", "--print-port"]))?;
        let mut port = String::new();
        if let Some(out) = server.stdout.take() {
            BufReader::new(out).read_line(&mut port).await?;
        }
        let port: u16 = port
            .trim()
            .parse()
            .map_err(|_| "the chat server did not tell its port")?;
        Ok((server, format!("127.0.0.1:{port}")))
    }
}
