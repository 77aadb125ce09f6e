//! The apps that are built, and what is learnt from them.

use candor_benches::build::{cargo, workspace};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};
use tempfile::TempDir;

/// How an app is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Cargo's release profile.
    Release,
    /// Set for size: one unit, link-time optimisation, no unwinding.
    Small,
}

/// One app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum App {
    /// Says hello.
    Hello,
    /// With our agent, and a transport of its own.
    OwnTransport,
    /// With our agent.
    Http,
    /// With our agent and its TLS.
    Https,
    /// With the `sentry` crate.
    Sentry,
}

const APPS: [App; 5] = [
    App::Hello,
    App::OwnTransport,
    App::Http,
    App::Https,
    App::Sentry,
];

impl App {
    fn name(self) -> &'static str {
        match self {
            Self::Hello => "hello",
            Self::OwnTransport => "own_transport",
            Self::Http => "http",
            Self::Https => "https",
            Self::Sentry => "with_sentry",
        }
    }

    /// Its dependencies, as lines of a manifest.
    fn dependencies(self, agent: &Path) -> String {
        let ours = |features: &str| {
            let path = agent.display();
            format!(
                "candor-agent = {{ path = \"{path}\", default-features = false, features = [{features}] }}"
            )
        };
        match self {
            Self::Hello => String::new(),
            Self::OwnTransport => ours(""),
            Self::Http => ours("\"http\""),
            Self::Https => ours("\"tls\""),
            Self::Sentry => concat!(
                "sentry = { version = \"0.49\", default-features = false, features = [\"reqwest\", \"rustls\", ",
                "\"panic\", \"backtrace\", \"contexts\", \"debug-images\", \"release-health\", \"logs\", \"metrics\"] }"
            )
            .to_owned(),
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Hello => HELLO,
            Self::OwnTransport | Self::Http | Self::Https => WITH_OURS,
            Self::Sentry => WITH_SENTRY,
        }
    }
}

const HELLO: &str = r#"
fn main() {
    println!("hello {}", std::env::args().count());
}
"#;

const WITH_OURS: &str = r#"
use candor_agent::{Age, Agent, Choice, Consent, Disconnect, Extension, Phase, Settings, Transport, name};
use std::time::Duration;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let word = |at: usize| words.get(at).cloned().unwrap_or_default();
    let extension = if words.len() > 1 { Extension::On } else { Extension::Off };
    let consent = Consent {
        sdk: word(1),
        operator: word(2),
        purposes: vec![word(3)],
        policy_version: word(4),
        text_sha256: word(5),
        locale: word(6),
        given_at: words.len() as u64,
        catalogue: words.len() as u32,
        age: Age::Unknown,
    };
    let settings = Settings::new(word(7), word(8), word(9), word(10), word(11));
    let agent = Agent::start(extension, Choice::Granted(consent), settings).unwrap_or_default();
    let link = agent.connection(name!("longlink"), name!("gateway"), Transport::Tcp);
    let mut attempt = link.attempt();
    attempt.done(Phase::Connect);
    let live = attempt.ready();
    let watch = agent.watch(name!("main_loop"));
    {
        let _turn = watch.turn(name!("decode"));
        live.rtt(Duration::from_millis(words.len() as u64));
        println!("hello {}", words.len());
    }
    live.ended(Disconnect::ClosedByUs);
    agent.shutdown(Duration::from_millis(300));
}
"#;

const WITH_SENTRY: &str = r#"
fn main() {
    let words: Vec<String> = std::env::args().collect();
    let word = |at: usize| words.get(at).cloned().unwrap_or_default();
    let options = sentry::ClientOptions::new().release(word(1)).auto_session_tracking(true);
    let _guard = match word(2).parse::<sentry::types::Dsn>() {
        Ok(dsn) => sentry::init((dsn, options)),
        Err(_) => sentry::init(options),
    };
    sentry::add_breadcrumb(|| sentry::Breadcrumb { message: Some(word(3)), ..Default::default() });
    sentry::metrics::distribution("rtt", words.len() as f64).capture();
    sentry::capture_message(&word(4), sentry::Level::Info);
    println!("hello {}", words.len());
}
"#;

/// Where the apps are built: sources in a temporary directory, what cargo makes of them below this program's own target
/// folder, so that a second run is quick.
pub(crate) struct Shop {
    sources: TempDir,
    target: PathBuf,
}

impl Shop {
    /// Writes the sources.
    pub(crate) fn open(profile: Profile) -> Result<Self, String> {
        let own = std::env::current_exe().map_err(told)?;
        let target = own.parent().and_then(Path::parent);
        let target = target.ok_or("this program lies in no target folder")?;
        let shop = Self {
            sources: tempfile::tempdir().map_err(told)?,
            target: target.join("size"),
        };
        shop.write(profile).map_err(told)?;
        Ok(shop)
    }

    fn write(&self, profile: Profile) -> io::Result<()> {
        let root = self.sources.path();
        let members: Vec<String> = APPS.iter().map(|app| format!("{:?}", app.name())).collect();
        let set = match profile {
            Profile::Release => "strip = \"symbols\"",
            Profile::Small => {
                "strip = \"symbols\"\nopt-level = \"z\"\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\""
            }
        };
        let members = members.join(", ");
        let workspace_manifest = format!(
            "[workspace]\nresolver = \"3\"\nmembers = [{members}]\n\n[profile.release]\n{set}\n"
        );
        fs::write(root.join("Cargo.toml"), workspace_manifest)?;
        // The same versions as the workspace has.
        fs::copy(workspace().join("Cargo.lock"), root.join("Cargo.lock"))?;
        let agent = workspace().join("agent/core");
        for app in APPS {
            let folder = root.join(app.name());
            fs::create_dir_all(folder.join("src"))?;
            let (name, dependencies) = (app.name(), app.dependencies(&agent));
            let manifest = format!(
                "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}\n"
            );
            fs::write(folder.join("Cargo.toml"), manifest)?;
            fs::write(folder.join("src/main.rs"), app.source())?;
        }
        Ok(())
    }

    fn cargo(&self) -> Command {
        let mut command = cargo();
        command
            .current_dir(self.sources.path())
            .env("CARGO_TARGET_DIR", &self.target);
        command
    }

    /// Bytes of the app.
    pub(crate) fn bytes(&self, app: App) -> Result<f64, String> {
        eprintln!("building {}", app.name());
        // Each by itself, so that none has another's features of a shared dependency.
        let mut command = self.cargo();
        said(command.args(["build", "--quiet", "--release", "--package", app.name()]))?;
        let program = self.target.join("release").join(app.name());
        Ok(fs::metadata(program).map_err(told)?.len() as f64)
    }

    /// Crates that the app is made of, itself not among them, on the system that this runs on.
    pub(crate) fn crates(&self, app: App) -> Result<f64, String> {
        let mut command = self.cargo();
        command.args([
            "tree",
            "--quiet",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--no-dedupe",
        ]);
        let tree = said(command.args(["--format", "{p}", "--package", app.name()]))?;
        let crates: BTreeSet<&str> = tree.lines().filter(|line| !line.is_empty()).collect();
        Ok(crates.len().saturating_sub(1) as f64)
    }
}

/// What a command says, or what it says against it.
fn said(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(told)?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

fn told(error: io::Error) -> String {
    error.to_string()
}
