//! One device: its client is started, dies as its script says, and is started again, until the script is done.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::board::{Board, DONE};
use super::plan::{Device, Permission};
use super::{APP, Failure, child, ledger};
use crate::misbehave::{Death, Fault};
use crate::script::{Script, Step};

/// Longest life: scripts are much shorter.
const LIFE: Duration = Duration::from_secs(60);
/// How long the user takes to start the app again.
const RESTART: Duration = Duration::from_millis(700);
/// How long the app stays open each time it is opened once more for reports that could not be sent before: longer than the pauses that the
/// extension makes after a few failures.
const ONCE_MORE: [u64; 6] = [2, 4, 8, 8, 16, 16];

/// Everything one device needs to live.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) number: usize,
    pub(super) device: Device,
    pub(super) client: PathBuf,
    pub(super) inspector: PathBuf,
    pub(super) server: String,
    pub(super) collector: String,
    pub(super) key: String,
    pub(super) operator_key: String,
    pub(super) dir: PathBuf,
    pub(super) log: PathBuf,
    pub(super) board: Board,
}

/// What a device was seen to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Story {
    /// Whether telemetry may run on it.
    pub(super) permitted: bool,
    /// What it did on command, in order.
    pub(super) faults: Vec<Fault>,
    /// What went otherwise than told.
    pub(super) surprises: Vec<String>,
}

impl Life {
    pub(super) async fn play(self) -> Result<Story, Failure> {
        let device = &self.device;
        let mut story = Story {
            permitted: device.permitted(),
            ..Story::default()
        };
        let lives = device.script.lives();
        for (n, script) in lives.iter().enumerate() {
            if n > 0 {
                sleep(RESTART).await;
            }
            let seen = self
                .live(script, &format!("life {}/{}", n + 1, lives.len()))
                .await?;
            story.faults.extend(script.faults());
            let wanted = script
                .faults()
                .find_map(Fault::death)
                .unwrap_or(Death::Code(0));
            if seen != Some(wanted) {
                let seen = seen.map_or_else(|| "did not end".to_owned(), words);
                story.surprises.push(format!(
                    "{}: \"{script}\" was to end by {}, and {seen}",
                    device.user,
                    words(wanted)
                ));
            }
        }
        if device.permitted() {
            self.deliver().await?;
        }
        self.board.happened(self.number, DONE);
        Ok(story)
    }

    /// Opens the app again while reports wait, as a user would on the next day.
    async fn deliver(&self) -> Result<(), Failure> {
        for seconds in ONCE_MORE {
            let waiting = ledger::of(&self.inspector, &self.dir).await?.waiting();
            if waiting == 0 {
                return Ok(());
            }
            sleep(RESTART).await;
            self.board
                .happened(self.number, &format!("{waiting} reports wait: once more"));
            let open = Script(vec![Step::Wait(Duration::from_secs(seconds))]);
            self.live(&open, "once more").await?;
        }
        Ok(())
    }

    /// One process, from its start to its end; `None` when it had to be killed.
    pub(super) async fn live(
        &self,
        script: &Script,
        which: &str,
    ) -> Result<Option<Death>, Failure> {
        let device = &self.device;
        let (apm, consent) = match device.permission {
            Permission::Granted => ("on", "granted"),
            Permission::Declined => ("on", "declined"),
            Permission::Off => ("off", "not-asked"),
        };
        let mut command = child::command(&self.client);
        // A demo lasts a minute: at the default precision its charts would have one bar.
        command.arg("--dir").arg(&self.dir).arg("--minutes");
        for (name, value) in [
            ("--server", self.server.as_str()),
            ("--user", &device.user),
            ("--friend", &device.friend),
            ("--release", device.release),
            ("--network", device.network.name()),
            ("--script", &script.to_string()),
            ("--apm", apm),
            ("--consent", consent),
            ("--app", APP),
            ("--collector", &self.collector),
            ("--key", &self.key),
            ("--operator-key", &self.operator_key),
            ("--upload-every", "1"),
            ("--window", "5"),
        ] {
            command.args([name, value]);
        }
        self.board
            .happened(self.number, &format!("{which}: starts"));
        let mut client = child::spawn(&mut command)?;
        let (out, err) = (client.stdout.take(), client.stderr.take());
        let told = child::copy_lines(out, child::log(&self.log)?, |line| {
            self.board.now(self.number, &format!("{which}: {line}"))
        });
        let complained = child::copy_lines(err, child::log(&self.log)?, |_| {});
        let ended = timeout(LIFE, async {
            tokio::join!(told, complained, client.wait()).2
        })
        .await;
        let Ok(status) = ended else {
            client.kill().await?;
            self.board
                .happened(self.number, &format!("{which}: did not end"));
            return Ok(None);
        };
        let death = death(status?);
        self.board.happened(
            self.number,
            &format!("{which}: {}", death.map_or_else(String::new, words)),
        );
        Ok(death)
    }
}

fn death(status: ExitStatus) -> Option<Death> {
    status
        .code()
        .map(Death::Code)
        .or(status.signal().map(Death::Signal))
}

fn words(death: Death) -> String {
    match death {
        Death::Code(0) => "left in good order".into(),
        Death::Code(101) => "panicked".into(),
        Death::Code(code) => format!("exited with code {code}"),
        Death::Signal(6) => "died of SIGABRT".into(),
        Death::Signal(9) => "was killed".into(),
        Death::Signal(11) => "died of SIGSEGV".into(),
        Death::Signal(signal) => format!("died of signal {signal}"),
    }
}
