//! The two host apps, and how they are told what to play.

use candor_benches::build;
use candor_benches::process::Process;
use candor_benches::sink::Sink;
use candor_benches::table::Cell;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long a process may live before it is ended: nothing that is measured here should come near.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// The two host apps.
pub(crate) struct Sides {
    /// With our agent.
    pub(crate) ours: Side,
    /// With the `sentry` crate; `None` when it could not be built.
    pub(crate) peer: Option<Side>,
}

/// One host app.
pub(crate) struct Side {
    program: PathBuf,
}

impl Sides {
    /// Builds both.
    pub(crate) fn build() -> Result<Self, String> {
        let ours = build::program("host_candor", "tls")?;
        let peer = build::program("host_sentry", "peers");
        if let Err(error) = &peer {
            eprintln!("the peer is left out: {error}");
        }
        Ok(Self {
            ours: Side { program: ours },
            peer: peer.ok().map(|program| Side { program }),
        })
    }

    /// Measures both sides alike: ours, the peer's.
    pub(crate) fn both(
        &self,
        mut measure: impl FnMut(&Side) -> io::Result<Cell>,
    ) -> io::Result<(Cell, Cell)> {
        Ok((measure(&self.ours)?, self.theirs(measure)?))
    }

    /// Measures the peer.
    pub(crate) fn theirs(
        &self,
        mut measure: impl FnMut(&Side) -> io::Result<Cell>,
    ) -> io::Result<Cell> {
        self.peer.as_ref().map_or(Ok(Cell::None), &mut measure)
    }
}

impl Side {
    /// Starts it.
    pub(crate) fn play(
        &self,
        scene: &str,
        sink: &Sink,
        dir: &Path,
        number: usize,
    ) -> io::Result<Process> {
        self.play_for(LIMIT, scene, sink, dir, number)
    }

    /// Starts it with a time limit of its own.
    pub(crate) fn play_for(
        &self,
        limit: Duration,
        scene: &str,
        sink: &Sink,
        dir: &Path,
        number: usize,
    ) -> io::Result<Process> {
        let url = format!("http://{}", sink.address());
        let (dir, number) = (dir.join("telemetry"), number.to_string());
        let arguments = [
            scene.as_ref(),
            url.as_ref(),
            dir.as_os_str(),
            number.as_ref(),
        ];
        Process::start(&self.program, arguments, limit)
    }
}

/// A device: a directory of its own, removed when dropped.
pub(crate) fn device() -> io::Result<TempDir> {
    tempfile::Builder::new().prefix("candor-bench-").tempdir()
}
