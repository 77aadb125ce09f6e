//! A browser: Debian's chromium, driven by its chromedriver, both ended with the test.

use axum::http::Method;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;
use url::{ParseError, Url};

/// The driver's process.
pub(crate) struct Driver {
    child: Child,
    address: String,
    profile: TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program `name` on the path.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path)
        .map(|directory| directory.join(name))
        .find(|file| file.is_file())
}

impl Driver {
    /// The browser, or nothing and a word about it. Where `CANDOR_REQUIRE` asks for one, nothing is a failure.
    pub(crate) fn required() -> Option<Self> {
        let driver = Self::start();
        if driver.is_none() {
            let required =
                std::env::var("CANDOR_REQUIRE").is_ok_and(|required| required.contains("browser"));
            assert!(
                !required,
                "CANDOR_REQUIRE asks for the browser test, but chromium or chromedriver is not installed"
            );
            eprintln!(
                "SKIPPED: the browser test needs chromium and chromedriver on the PATH \
                 (Debian: apt-get install chromium chromium-driver)"
            );
        }
        driver
    }

    /// Starts chromedriver on a free port; `None` when it or chromium is not installed.
    fn start() -> Option<Self> {
        program("chromium")?;
        let mut child = Command::new(program("chromedriver")?)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver starts");
        let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let port = lines
            .map_while(Result::ok)
            .find_map(|line| {
                line.split_once("successfully on port ")?
                    .1
                    .trim_end_matches('.')
                    .parse::<u16>()
                    .ok()
            })
            .expect("chromedriver says its port");
        let profile = tempfile::tempdir().expect("a directory");
        Some(Self {
            child,
            address: format!("http://127.0.0.1:{port}"),
            profile,
        })
    }

    /// A browser with an empty profile, which records what it asks for and what goes wrong.
    pub(crate) async fn browser(&self) -> Client {
        let profile = format!("--user-data-dir={}", self.profile.path().display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--window-size=1280,900",
            &profile,
        ];
        let mut capabilities = Capabilities::new();
        capabilities.insert(
            "goog:chromeOptions".to_owned(),
            json!({ "args": arguments }),
        );
        capabilities.insert(
            "goog:loggingPrefs".to_owned(),
            json!({ "browser": "ALL", "performance": "ALL" }),
        );
        ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.address)
            .await
            .expect("a browser")
    }
}

/// Chromedriver's way to read a log and empty it.
#[derive(Debug)]
struct ReadLog(&'static str);

impl WebDriverCompatibleCommand for ReadLog {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(json!({ "type": self.0 }).to_string()))
    }
}

async fn log(browser: &Client, kind: &'static str) -> Vec<Value> {
    let entries = browser.issue_cmd(ReadLog(kind)).await.expect("a log");
    entries.as_array().cloned().unwrap_or_default()
}

/// What the console said about mistakes since it was last asked.
pub(crate) async fn mistakes(browser: &Client) -> Vec<String> {
    let entries = log(browser, "browser").await;
    let wrong = |entry: &&Value| entry["level"] == "SEVERE" || entry["level"] == "WARNING";
    entries.iter().filter(wrong).map(Value::to_string).collect()
}

/// Addresses that pages asked for since it was last asked.
pub(crate) async fn requests(browser: &Client) -> Vec<String> {
    let entries = log(browser, "performance").await;
    entries
        .iter()
        .filter_map(|entry| serde_json::from_str::<Value>(entry["message"].as_str()?).ok())
        .filter(|message| message["message"]["method"] == "Network.requestWillBeSent")
        .filter_map(|message| {
            message["message"]["params"]["request"]["url"]
                .as_str()
                .map(str::to_owned)
        })
        .collect()
}

/// Runs `script` in the page, which returns something.
pub(crate) async fn ask(browser: &Client, script: &str) -> Value {
    browser
        .execute(script, Vec::new())
        .await
        .unwrap_or_else(|error| panic!("{script}: {error}"))
}

/// Presses keys on whatever has the focus.
pub(crate) async fn press(browser: &Client, keys: &str) {
    let focused = browser
        .active_element()
        .await
        .expect("something has the focus");
    focused.send_keys(keys).await.expect("keys");
}

/// The Enter key.
pub(crate) const ENTER: &str = "\u{e007}";
/// The Escape key.
pub(crate) const ESCAPE: &str = "\u{e00c}";
/// The right arrow.
pub(crate) const RIGHT: &str = "\u{e014}";
/// The Tab key.
pub(crate) const TAB: &str = "\u{e004}";
/// The down arrow.
pub(crate) const DOWN: &str = "\u{e015}";
/// What pastes: V while the control key is held.
pub(crate) const PASTE: &str = "\u{e009}v\u{e000}";
