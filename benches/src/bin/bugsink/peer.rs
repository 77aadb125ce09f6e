//! Bugsink as its documentation sets it up on a single server: from PyPI into a virtual environment, on SQLite, behind `gunicorn`, with
//! `snappea` digesting what was accepted.

use super::load::Way;
use candor_benches::build::workspace;
use candor_benches::serving::cpu_of;
use rusqlite::{Connection, OpenFlags};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

pub(crate) const VERSION: &str = "2.6.2";

/// How long it may take until it listens.
const PATIENCE: Duration = Duration::from_secs(60);

/// Adds to the configuration what a bench on this machine needs: nobody is told of it, and no quota ends it.
const CONFIGURATION: &str = r#"
ALLOWED_HOSTS = ["*"]
BUGSINK["PHONEHOME"] = False
BUGSINK.update({
    f"MAX_EVENTS_PER_{whose}{time}": 10**9
    for whose in ["", "PROJECT_"] for time in ["5_MINUTES", "HOUR", "MONTH"]
})
"#;

/// Makes a person, a project and a session, and prints what the bench has to know of them.
const SETUP: &str = r#"
from importlib import import_module
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from projects.models import Project
from teams.models import Team
person = get_user_model().objects.create_superuser(
    username="bench@example.org", email="bench@example.org", password="bench")
project = Project.objects.create(name="bench", team=Team.objects.create(name="bench"))
session = import_module(settings.SESSION_ENGINE).SessionStore()
session[SESSION_KEY] = str(person.pk)
session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
session[HASH_SESSION_KEY] = person.get_session_auth_hash()
session.create()
print("bench", project.id, project.sentry_key.hex, session.session_key)
"#;

/// One that runs. Its processes end with this value.
pub(crate) struct Bugsink {
    servers: Vec<Server>,
    address: SocketAddr,
    project: String,
    key: String,
    session: String,
    data: TempDir,
}

impl Bugsink {
    /// Installs what is missing, and starts it.
    ///
    /// # Errors
    /// Says what is missing, and how to get it.
    pub(crate) fn start() -> Result<Self, String> {
        let programs = install()?;
        let data = tempfile::tempdir().map_err(|error| error.to_string())?;
        let run = |program: &str, arguments: &[&str]| {
            let mut command = command(&programs, program, data.path());
            finish(command.args(arguments))
        };
        let base = data.path().display().to_string();
        run(
            "bugsink-create-conf",
            &[
                "--template=singleserver",
                "--host=127.0.0.1",
                "--base-dir",
                &base,
            ],
        )?;
        let file = data.path().join("bugsink_conf.py");
        let made = std::fs::read_to_string(&file).map_err(|error| error.to_string())?;
        std::fs::write(&file, made + CONFIGURATION).map_err(|error| error.to_string())?;
        run("bugsink-manage", &["migrate"])?;
        run("bugsink-manage", &["migrate", "--database=snappea"])?;
        let said = run("bugsink-manage", &["shell", "--command", SETUP])?;
        let line = said.lines().find_map(|line| line.strip_prefix("bench "));
        let words: Vec<&str> = line.unwrap_or_default().split(' ').collect();
        let [project, key, session] = words[..] else {
            return Err(format!("bugsink-manage shell says {said:?}"));
        };
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .map_err(|error| error.to_string())?;
        let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
        let server = |program: &str, arguments: &[String]| {
            let mut command = Command::new("sh");
            command
                .args(["-c", "\"$@\" </dev/null >/dev/null 2>&1 & child=$!; echo $child; cat >/dev/null; kill $child; wait $child", "sh"])
                .arg(programs.join(program))
                .args(arguments);
            Server::start(at_home(&mut command, data.path()))
        };
        let bugsink = Self {
            servers: vec![
                server(
                    "gunicorn",
                    &[
                        format!("--bind={address}"),
                        // Two for each core and one more, as gunicorn advises.
                        format!("--workers={}", cores * 2 + 1),
                        "bugsink.wsgi".to_owned(),
                    ],
                )?,
                server("bugsink-runsnappea", &[])?,
            ],
            address,
            project: project.to_owned(),
            key: key.to_owned(),
            session: session.to_owned(),
            data,
        };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            if since.elapsed() > PATIENCE {
                return Err("Bugsink does not listen".to_owned());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(bugsink)
    }

    /// How the `sentry` crate would post to it.
    pub(crate) fn way(&self) -> Way {
        Way {
            address: self.address,
            path: format!("/api/{}/envelope/", self.project),
            headers: format!(
                "content-type: application/x-sentry-envelope\r\nx-sentry-auth: Sentry sentry_key={}, sentry_version=7, \
                 sentry_client=sentry.rust/0.49\r\n",
                self.key
            ),
        }
    }

    /// Events that were digested so far.
    pub(crate) fn digested(&self) -> u32 {
        self.asked("SELECT digested_event_count FROM projects_project")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0)
    }

    /// Addresses of the list of issues and of one of them, and the header lines to ask for them with.
    pub(crate) fn pages(&self) -> Option<(String, String, String)> {
        let issue = self.asked(
            "SELECT lower(id) FROM issues_issue ORDER BY digested_event_count DESC LIMIT 1",
        )?;
        let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| issue.get(part).unwrap_or(""));
        Some((
            format!("/issues/{}/", self.project),
            format!("/issues/issue/{}/event/last/", parts.join("-")),
            format!(
                "cookie: sessionid={}\r\nx-forwarded-proto: https\r\n",
                self.session
            ),
        ))
    }

    fn asked(&self, question: &str) -> Option<String> {
        let file = self.data.path().join("db.sqlite3");
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
        let database = Connection::open_with_flags(file, flags).ok()?;
        database.busy_timeout(Duration::from_secs(5)).ok()?;
        let answer = database.query_row(question, [], |row| {
            let value: rusqlite::types::Value = row.get(0)?;
            Ok(match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                _ => String::new(),
            })
        });
        answer.ok()
    }

    fn processes(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.servers.iter().map(|server| server.id).collect();
        let mut looked = 0;
        while let Some(id) = all.get(looked).copied() {
            let path = format!("/proc/{id}/task/{id}/children");
            let children = std::fs::read_to_string(path).unwrap_or_default();
            all.extend(
                children
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
            looked += 1;
        }
        all
    }

    /// Seconds of processor time so far.
    pub(crate) fn cpu(&self) -> f64 {
        let all = self.processes();
        all.into_iter().map(|id| cpu_of(&id.to_string())).sum()
    }

    /// Resident memory in bytes, what is shared counted once.
    pub(crate) fn resident(&self) -> f64 {
        self.processes().into_iter().map(resident).sum()
    }

    /// Bytes of its files.
    pub(crate) fn disk(&self) -> f64 {
        size(self.data.path())
    }
}

/// Resident memory of a process in bytes, of what it shares its part.
pub(crate) fn resident(id: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1_024.0
}

fn size(directory: &Path) -> f64 {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    files
        .map(|file| match file.metadata() {
            Ok(meta) if meta.is_dir() => size(&file.path()),
            // What a small file takes is whole blocks.
            Ok(meta) => std::os::unix::fs::MetadataExt::blocks(&meta) as f64 * 512.0,
            Err(_) => 0.0,
        })
        .sum()
}

/// A program that was started here, below a shell that ends it when this process has gone, however that went.
struct Server {
    shell: Child,
    id: u32,
}

impl Server {
    fn start(command: &mut Command) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("Bugsink does not start: {error}");
        let mut shell = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let output = shell.stdout.take().map(BufReader::new);
        let mut line = String::new();
        if let Some(mut output) = output {
            output.read_line(&mut line).map_err(failed)?;
        }
        let id = line.trim().parse().map_err(|_| "a shell says no number")?;
        Ok(Self { shell, id })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The folder of its programs, after installing them where they are missing.
fn install() -> Result<PathBuf, String> {
    let home = workspace().join("target/bugsink");
    let programs = home.join("venv/bin");
    let is_there = || {
        let mut version = Command::new(programs.join("bugsink-show-version"));
        finish(version.stdin(Stdio::null())).is_ok_and(|said| said.trim() == VERSION)
    };
    if is_there() {
        return Ok(programs);
    }
    eprintln!("installing Bugsink {VERSION} into {}", home.display());
    let made = finish(
        Command::new("python3")
            .args(["-m", "venv"])
            .arg(home.join("venv")),
    );
    let wanted = format!("bugsink=={VERSION}");
    let made = made.and_then(|_| {
        let mut pip = Command::new(programs.join("pip"));
        finish(pip.args(["install", "--quiet", "--disable-pip-version-check", &wanted]))
    });
    match made {
        Ok(_) if is_there() => Ok(programs),
        Ok(_) => Err(format!("what was installed is not Bugsink {VERSION}")),
        Err(why) => Err(format!(
            "{why}\nIt comes from PyPI: run this where that can be reached, or install it yourself, with \
             {}/pip install --no-index --find-links DIRECTORY {wanted}",
            programs.display()
        )),
    }
}

fn command(programs: &Path, program: &str, home: &Path) -> Command {
    let mut command = Command::new(programs.join(program));
    at_home(&mut command, home);
    command
}

/// Where its configuration is, and without what this machine needs to reach other networks.
fn at_home<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy().to_ascii_lowercase();
        if text.ends_with("_proxy") {
            command.env_remove(name);
        }
    }
    command.current_dir(home).env("PYTHONPATH", home)
}

/// Runs it to its end, and what it said.
fn finish(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        let last = said.lines().last().unwrap_or_default();
        return Err(format!("{name}: {last}"));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
