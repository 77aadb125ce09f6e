//! Building what is measured, with cargo.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace's root.
pub fn workspace() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Cargo, as it would be run from a shell: what it says to a program that it runs is hidden from itself, or build scripts
/// that look at it would build again and again.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Builds a program of this package, apart from others, so that it has its own features and no more. Where it is.
///
/// # Errors
/// Says what cargo said, when it could not be built.
pub fn program(name: &str, features: &str) -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let folder = own.parent().ok_or("this program lies nowhere")?;
    let target = folder
        .parent()
        .ok_or("this program lies in no target folder")?;
    let mut command = cargo();
    command
        .args([
            "build",
            "--quiet",
            "--release",
            "--package",
            "candor-benches",
        ])
        .args([
            "--bin",
            name,
            "--no-default-features",
            "--features",
            features,
            "--target-dir",
        ])
        .arg(target)
        .current_dir(workspace());
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("{name} could not be built: {said}"));
    }
    Ok(folder.join(name))
}

/// Builds a test program of another package that has a `main` of its own. Where it is.
///
/// # Errors
/// Says what cargo said, when it could not be built.
pub fn test_program(package: &str, name: &str) -> Result<PathBuf, String> {
    let mut command = cargo();
    command
        .args(["test", "--release", "--no-run", "--package", package])
        .args(["--test", name, "--message-format", "json"])
        .current_dir(workspace());
    let output = command.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("{name} could not be built: {said}"));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let built = messages.lines().find_map(|line| {
        let message: serde_json::Value = serde_json::from_str(line).ok()?;
        let is_it = message["target"]["name"] == name;
        is_it.then(|| message["executable"].as_str().map(PathBuf::from))?
    });
    built.ok_or(format!("cargo does not say where {name} is"))
}

/// Refuses to measure a build that says nothing.
///
/// # Errors
/// When this is not a release build.
pub fn check_release() -> Result<(), String> {
    if cfg!(debug_assertions) {
        return Err("a debug build says nothing; add --release".into());
    }
    Ok(())
}
