//! The program in a process of its own.

use super::{Answer, post, request};
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread::JoinHandle;

/// With what the program serves on a port of its own, and asks nobody who it is.
pub const SERVE: [&str; 5] = [
    "serve",
    "--pages-sign-in",
    "none",
    "--listen",
    "127.0.0.1:0",
];

/// Where a collector listens, as it says first.
pub fn listens_at(said: &mut impl BufRead) -> SocketAddr {
    let mut ready = String::new();
    said.read_line(&mut ready).unwrap();
    let address = ready.trim().strip_prefix("listening on ");
    let address = address.and_then(|url| url.split_once("://"));
    let (_, address) = address.unwrap_or_else(|| panic!("{ready:?}"));
    address.parse().unwrap()
}

/// A collector in a process of its own, ended with this value.
pub struct Process {
    pub child: Child,
    pub address: SocketAddr,
    /// What it says after where it listens.
    pub said: BufReader<ChildStdout>,
    /// What it logs, read all the time: a log that nobody reads stops whoever writes it.
    log: Option<JoinHandle<String>>,
}

impl Process {
    /// Starts a collector by a command that serves.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let address = listens_at(&mut said);
        let mut log = child.stderr.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            log.read_to_string(&mut text).unwrap();
            text
        });
        Self {
            child,
            address,
            said,
            log: Some(log),
        }
    }

    pub async fn post(&self, key: &str, body: &[u8]) -> Answer {
        post(self.address, key, body).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        request(self.address, "GET", path, &[], b"").await
    }

    /// Ends it as Ctrl-C and the system do; what it logged.
    pub fn stop(mut self) -> String {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args(["-TERM", &id]).status().unwrap();
        assert!(status.success());
        let log = self.log.take().unwrap().join().unwrap();
        assert!(self.child.wait().unwrap().success(), "{log}");
        log
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
