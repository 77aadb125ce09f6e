//! A user withdraws, and the app is killed (SIGKILL) at every step of it: whatever happens, the collector is asked to erase exactly what
//! this device has sent, until it answers; then there is silence, and what comes late is refused.

use candor_tests::kill::{STEPS, can_kill, is_killed, names};
use candor_tests::programs::{Collector, Eavesdropper, program, run, said};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// An installation that has sent something under one pseudonym, and a copy of it as a backup would bring it back.
struct Phone {
    dir: tempfile::TempDir,
    pseudonyms: BTreeSet<String>,
}

fn host(what: &str, url: &str, key: &str, dir: &Path) {
    let dir = dir.to_str().expect("a path");
    said(&run("consent-host", [what, url, key, dir]));
}

/// What stands in a list of pseudonyms, wherever it is in a text.
fn pseudonyms_in(text: &str) -> BTreeSet<String> {
    let is_id = |part: &&str| part.len() == 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.split('"').filter(is_id).map(str::to_owned).collect()
}

impl Phone {
    fn new(collector: &Collector) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut phone = Self {
            dir,
            pseudonyms: BTreeSet::new(),
        };
        host("record", &collector.url(), &collector.key, &phone.apm());
        let identity = phone.apm().join("identity.json");
        let identity = std::fs::read_to_string(identity).expect("it has an identity");
        phone.pseudonyms = pseudonyms_in(&identity);
        assert_eq!(phone.pseudonyms.len(), 1);
        std::fs::create_dir(phone.backup()).expect("a directory");
        for file in ["identity.json", "ledger.json"] {
            std::fs::copy(phone.apm().join(file), phone.backup().join(file)).expect("a copy");
        }
        phone
    }

    fn apm(&self) -> PathBuf {
        self.dir.path().join("apm")
    }

    fn backup(&self) -> PathBuf {
        self.dir.path().join("backup")
    }

    /// Whether the app has noted that its user withdrew; an app does that first.
    fn has_withdrawn(&self) -> bool {
        self.dir.path().join("apm.withdrawn").exists()
    }

    /// Starts the app until the withdrawal is through, as its user and its own note make it.
    fn go_on(&self, url: &str, key: &str) {
        if !self.has_withdrawn() {
            host("withdraw", url, key, &self.apm());
        }
        assert!(self.has_withdrawn());
        host("withdrawn", url, key, &self.apm());
    }
}

fn assert_forgotten(phone: &Phone, collector: &Collector, step: &str) {
    let left = names(&phone.apm());
    let may_stay = ["lock", "withdrawal.json"].map(str::to_owned).into();
    assert!(left.is_subset(&may_stay), "{step}: {left:?}");
    // From now on the app says nothing.
    let wire = Eavesdropper::on(&collector.url());
    host("withdrawn", &wire.url(), &collector.key, &phone.apm());
    assert_eq!(wire.heard(), b"", "{step}");
    // What comes late, from a device that was set back, is refused for what it is.
    let (stored, refused) = counts(collector);
    host("record", &collector.url(), &collector.key, &phone.backup());
    let (stored_now, refused_now) = counts(collector);
    assert_eq!(stored_now, stored, "{step}: it was stored");
    assert!(
        refused_now > refused,
        "{step}: it was not refused: {}",
        collector.ledger()
    );
}

/// Reports that are or were stored, and those that were refused since they had been erased.
fn counts(collector: &Collector) -> (u64, u64) {
    let ledger = collector.ledger();
    let stored = ledger["stored"].as_object().expect("counts").values();
    let stored = stored.filter_map(serde_json::Value::as_u64).sum();
    (stored, ledger["refused"]["erased"].as_u64().unwrap_or(0))
}

#[test]
fn killed_at_any_step_a_withdrawal_ends_as_if_it_had_not_been() {
    if !can_kill() {
        return;
    }
    let collector = Collector::start();
    let mut killed = 0;
    for call in STEPS {
        for when in 1..40 {
            let phone = Phone::new(&collector);
            let dir = phone.apm();
            let step = format!("{call} {when}");
            let args = [
                "withdraw",
                &collector.url(),
                &collector.key,
                dir.to_str().expect("a path"),
            ];
            if !is_killed(call, when, &program("consent-host"), &args) {
                break;
            }
            killed += 1;
            let had_withdrawn = phone.has_withdrawn();
            let wire = Eavesdropper::on(&collector.url());
            phone.go_on(&wire.url(), &collector.key);
            let heard = String::from_utf8_lossy(&wire.heard()).into_owned();
            if had_withdrawn {
                assert!(!heard.contains("POST /v1/batches"), "{step}: {heard}");
            }
            if let Some((_, asked)) = heard.split_once("POST /v1/erasures") {
                let asked = pseudonyms_in(asked);
                assert_eq!(asked, phone.pseudonyms, "{step}");
            }
            assert_forgotten(&phone, &collector, &step);
        }
    }
    assert!(killed > 10, "it was killed {killed} times only");
}

#[test]
fn the_collector_may_be_away_for_as_long_as_it_likes() {
    let mut collector = Collector::start();
    let phone = Phone::new(&collector);
    let (url, key) = (collector.url(), collector.key.clone());
    collector.kill();
    // It is asked in vain, and the app ends; it does not wait for the answer.
    let dir = phone.apm();
    let args = ["withdraw", &url, &key, dir.to_str().expect("a path")];
    let mut app =
        candor_tests::programs::Running::start("consent-host", args, std::process::Stdio::null());
    candor_tests::programs::eventually("the device is wiped", || {
        phone.has_withdrawn() && names(&dir).contains("withdrawal.json") && names(&dir).len() <= 2
    });
    app.kill();
    collector.restart();
    phone.go_on(&collector.url(), &key);
    assert_forgotten(&phone, &collector, "after the collector came back");
}
