//! Has cargo build what the demo runs, and learns from it where that is.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Instant;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::Command;

use super::Failure;

/// The programs of the demo.
#[derive(Debug)]
pub(super) struct Binaries {
    pub(super) collector: PathBuf,
    pub(super) inspector: PathBuf,
    pub(super) client: PathBuf,
    pub(super) server: PathBuf,
}

impl Binaries {
    /// Builds them, with the profile that the demo itself was built with.
    pub(super) async fn build() -> Result<Self, Failure> {
        let started = Instant::now();
        let [collector] = package("candor-collector", ["candor-collector"]).await?;
        let [inspector] = package("candor-inspect", ["candor"]).await?;
        let [client, server] = package("candor-example-im", ["im-client", "im-server"]).await?;
        progress(None);
        eprintln!(
            "built collector, inspector, client and server in {} s",
            started.elapsed().as_secs()
        );
        Ok(Self {
            collector,
            inspector,
            client,
            server,
        })
    }
}

/// One package at a time: together they would share the features of their dependencies, and much would be built twice.
async fn package<const N: usize>(package: &str, names: [&str; N]) -> Result<[PathBuf; N], Failure> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "build",
        "--message-format=json-render-diagnostics",
        "--package",
        package,
    ]);
    cargo.args([
        "--manifest-path",
        concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
    ]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    for name in names {
        cargo.args(["--bin", name]);
    }
    let mut child = cargo
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("cargo cannot be started: {e}"))?;
    let mut messages = String::new();
    let stdout = child.stdout.take();
    let said = tokio::join!(follow(child.stderr.take()), async {
        if let Some(mut out) = stdout {
            let _ = out.read_to_string(&mut messages).await;
        }
    })
    .0;
    if !child.wait().await?.success() {
        progress(None);
        return Err(format!("{package} does not build:\n{said}").into());
    }
    let mut found = Vec::with_capacity(N);
    for name in names {
        found.push(
            executable(&messages, name)
                .ok_or_else(|| format!("cargo does not say where {name} is"))?,
        );
    }
    found.try_into().map_err(|_| "a binary is missing".into())
}

/// Shows cargo's last line as the one line of progress, and returns all of them.
async fn follow(stderr: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let mut all = String::new();
    let Some(stderr) = stderr else { return all };
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        progress(Some(line.trim()));
        all.push_str(&line);
        all.push('\n');
    }
    all
}

/// On a terminal, one line that is written again and again; elsewhere, nothing.
fn progress(line: Option<&str>) {
    let mut terminal = std::io::stderr();
    if !terminal.is_terminal() {
        return;
    }
    let _ = match line {
        Some(line) => write!(terminal, "\r\x1b[Kbuilding: {:.60}", line),
        None => write!(terminal, "\r\x1b[K"),
    };
}

/// Where cargo's messages say that `name` is.
fn executable(messages: &str, name: &str) -> Option<PathBuf> {
    messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        if message["target"]["name"] != name {
            return None;
        }
        message["executable"].as_str().map(PathBuf::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_is_where_cargo_says_it_is() {
        let messages = concat!(
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"candor\"},\"executable\":null}\n",
            "not a message\n",
            "{\"reason\":\"compiler-artifact\",\"target\":{\"name\":\"candor\"},\"executable\":\"/t/debug/candor\"}\n",
            "{\"reason\":\"build-finished\",\"success\":true}\n",
        );
        assert_eq!(
            executable(messages, "candor"),
            Some(PathBuf::from("/t/debug/candor"))
        );
        assert_eq!(executable(messages, "im-client"), None);
    }
}
