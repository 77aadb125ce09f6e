//! The two host apps, and one process of each.

use candor_benches::build;
use candor_benches::process::{Ended, Process};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// How long a process may live before it is ended: nothing that is measured here should come near.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

/// The two host apps.
pub(crate) struct Sides {
    ours: PathBuf,
    /// `None` when it could not be built.
    peer: Option<PathBuf>,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Peer,
}

/// A host app that runs, with the process that writes the peer's dumps.
pub(crate) struct Host {
    pub(crate) process: Process,
    server: Option<Process>,
    folder: TempDir,
}

/// What is left of a host app.
pub(crate) struct Left {
    pub(crate) ended: Ended,
    /// The bytes of its dump; empty if there is none.
    pub(crate) dump: Vec<u8>,
}

impl Sides {
    /// Builds both.
    pub(crate) fn build() -> Result<Self, String> {
        let ours = build::program("crash_candor", "")?;
        let peer = build::program("crash_minidumper", "peers");
        if let Err(error) = &peer {
            eprintln!("the peer is left out: {error}");
        }
        Ok(Self {
            ours,
            peer: peer.ok(),
        })
    }

    /// Starts one; `None` if there is no such side.
    pub(crate) fn play(&self, side: Side, what: &str, case: &str) -> io::Result<Option<Host>> {
        let folder = tempfile::Builder::new().prefix("candor-bench-").tempdir()?;
        let dump = folder.path().join("dump");
        match (side, &self.peer) {
            (Side::Ours, _) => Ok(Some(Host {
                process: start(&self.ours, [what, case], &dump)?,
                server: None,
                folder,
            })),
            (Side::Peer, Some(program)) => {
                let socket = folder.path().join("socket");
                let dump = dump.to_string_lossy();
                let mut server = start(program, ["serve", &dump], &socket)?;
                if server.line("ready").is_none() {
                    return Err(io::Error::other("the peer's server did not start"));
                }
                Ok(Some(Host {
                    process: start(program, [what, case], &socket)?,
                    server: Some(server),
                    folder,
                }))
            }
            (Side::Peer, None) => Ok(None),
        }
    }
}

fn start(program: &Path, words: [&str; 2], place: &Path) -> io::Result<Process> {
    let [what, case] = words;
    Process::start(
        program,
        [what.as_ref(), case.as_ref(), place.as_os_str()],
        LIMIT,
    )
}

impl Host {
    /// Waits for its end, and for the end of whoever writes its dump.
    pub(crate) fn left(self) -> io::Result<Left> {
        let ended = self.process.wait()?;
        if let Some(server) = self.server {
            server.wait()?;
        }
        let dump = std::fs::read(self.folder.path().join("dump")).unwrap_or_default();
        Ok(Left { ended, dump })
    }
}
