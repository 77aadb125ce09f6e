//! Processes that the demo starts: each in a group of its own, each killed by its id when the demo lets go of it.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

use super::Failure;

/// A command that reads nothing, is killed when dropped, and does not hear of a Ctrl-C meant for the demo.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .process_group(0);
    command
}

/// Starts `command` with both its outputs piped.
pub(super) fn spawn(command: &mut Command) -> Result<Child, Failure> {
    let program = command
        .as_std()
        .get_program()
        .to_string_lossy()
        .into_owned();
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    child.map_err(|e| format!("{program} cannot be started: {e}").into())
}

/// Runs `command` to its end and returns what it wrote to standard output.
pub(super) async fn output(command: &mut Command) -> Result<String, Failure> {
    let line = format!("{:?}", command.as_std());
    let output = command.output().await.map_err(|e| format!("{line}: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "{line}: {}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        )
        .into());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Copies every line of `from` to `log`, and shows it to `see`.
pub(super) async fn copy_lines(
    from: Option<impl AsyncRead + Unpin>,
    mut log: File,
    mut see: impl FnMut(&str),
) {
    let Some(from) = from else { return };
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).await.is_ok_and(|n| n > 0) {
        let _ = log.write_all(&line);
        see(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
}

/// A log that grows at its end.
pub(super) fn log(path: &Path) -> Result<File, Failure> {
    let file = File::options().create(true).append(true).open(path);
    file.map_err(|e| format!("{}: {e}", path.display()).into())
}
