//! Identifiers of 41 kinds, everywhere a program can hold them, through every way of recording: afterwards none of them is on the
//! device, on the wire, at the collector, in its log, on its pages, or in what the inspector shows.

use candor_collector::store::sqlite::SqliteStore;
use candor_tests::canaries::{Finder, canaries, files, unpacked};
use candor_tests::programs::{Collector, Eavesdropper, eventually, program, run, said};
use std::path::Path;
use std::process::{Command, Stdio};

/// A host whose arguments, environment and working directory hold identifiers too.
fn host(what: &str, collector: &str, key: &str, apm: &Path, home: &Path) {
    let mut command = Command::new(program("canary-host"));
    command
        .args([what, collector, key])
        .arg(apm)
        .current_dir(home)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    for (index, canary) in canaries().into_iter().enumerate() {
        command.arg(&canary.value);
        command.env(format!("CANARY_{index}"), canary.text);
    }
    command.status().expect("the host runs");
}

#[test]
fn no_identifier_gets_anywhere() {
    let phone = tempfile::tempdir().unwrap();
    let home = phone.path().join("home/oyxiaolan/欧阳晓岚");
    std::fs::create_dir_all(&home).unwrap();
    let apm = phone.path().join("apm");
    let collector = Collector::start();
    let wire = Eavesdropper::on(&collector.url());
    // While nobody listens, everything stays on the device.
    host("harm", "http://127.0.0.1:9", &collector.key, &apm, &home);
    let mut places: Vec<(String, Vec<u8>)> = files(&apm)
        .into_iter()
        .map(|(path, bytes)| (path.display().to_string(), bytes))
        .collect();
    assert!(places.len() > 40, "the host left {} files", places.len());
    let dir = ["--dir", apm.to_str().unwrap()];
    let candor = |args: &[&str]| said(&run("candor", args.iter().copied().chain(dir)));
    let list: serde_json::Value = serde_json::from_str(&candor(&["list", "--json"])).unwrap();
    let reports = list["reports"].as_array().unwrap();
    let crashes = reports.iter().filter(|report| report["kind"] == "crash");
    assert!(crashes.count() >= canaries().len(), "{list}");
    // Each takes a program's start; those that show what people read are alike.
    for (index, report) in reports.iter().enumerate() {
        let id = report["id"].as_str().unwrap();
        for args in [&["show", id, "--as-sent"], &["show", id, "--full"]] {
            if index % 8 != 0 && args[2] == "--full" {
                continue;
            }
            places.push((format!("candor {args:?}"), candor(args).into_bytes()));
        }
    }
    places.push(("the list".into(), list.to_string().into_bytes()));
    // Now it is sent, past somebody who listens.
    host("deliver", &wire.url(), &collector.key, &apm, &home);
    eventually("the crashes arrive", || {
        collector.stored("crash") >= canaries().len() as u64
    });
    let heard = wire.heard();
    assert!(unpacked(&heard).len() > 1, "batches were heard");
    places.push(("the wire".into(), heard));
    // Bodies are packed, so that what is in them is in no file in plain sight.
    let bodies = SqliteStore::bodies(&collector.data()).unwrap();
    assert!(bodies.len() > canaries().len() && bodies.iter().all(|body| body.starts_with('{')));
    places.push(("bodies".into(), bodies.join("\n").into_bytes()));
    for kept in files(&collector.data()) {
        places.push((kept.0.display().to_string(), kept.1));
    }
    for page in ["/", "/issues", "/freezes", "/connections"] {
        let page = format!("{page}?app=im-demo&range=24h");
        places.push((page.clone(), collector.page(&page).into_bytes()));
    }
    places.push(("the collector's log".into(), collector.log()));
    let finder = Finder::of(&canaries());
    let leaks: Vec<String> = places
        .iter()
        .flat_map(|(place, bytes)| {
            let found = finder.find(bytes).into_iter();
            found.map(move |canary| format!("{canary} in {place}"))
        })
        .collect();
    assert_eq!(leaks, Vec::<String>::new());
}
