//! `docs/privacy.md` answers every duty, and every command in it exists.

use candor_tests::house::{root, sources};
use candor_tests::programs::{program, run};
use std::collections::BTreeMap;
use std::path::Path;

/// One row of the tables.
struct Row {
    number: u32,
    kind: String,
    proofs: Vec<String>,
}

fn rows() -> Vec<Row> {
    let page = std::fs::read_to_string(root().join("docs/privacy.md")).expect("the page");
    let rows = page.lines().filter_map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, _, kind, _, proof] = cells[..] else {
            return None;
        };
        Some(Row {
            number: number.parse().ok()?,
            kind: kind.to_owned(),
            proofs: proof
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect(),
        })
    });
    rows.collect()
}

/// Where the tests of a crate are: its folder, and whether a file of it belongs to a target.
fn holds(file: &Path, folder: &str, target: &str) -> bool {
    let Ok(below) = file.strip_prefix(folder) else {
        return false;
    };
    match target {
        "--lib" | "--bin candor" => below.starts_with("src"),
        target => {
            let name = target.strip_prefix("--test ").expect("a target");
            below.starts_with(Path::new("tests").join(name))
                || below == Path::new("tests").join(format!("{name}.rs"))
        }
    }
}

fn assert_is_a_test(words: &[&str], sources: &BTreeMap<String, String>) {
    let folder = match words[0] {
        "agent" => "agent/core",
        "inspect" => "agent/inspect",
        other => other,
    };
    let name = words.last().expect("a name");
    let target = words[1..words.len() - 1].join(" ");
    let declared = [
        format!("fn {name}("),
        format!("{name},"),
        format!("{name};"),
    ];
    let found = sources.iter().any(|(path, text)| {
        holds(Path::new(path), folder, &target) && declared.iter().any(|one| text.contains(one))
    });
    assert!(found, "there is no such test: {}", words.join(" "));
}

#[test]
fn every_duty_is_answered_once() {
    let mut numbers: Vec<u32> = rows().iter().map(|row| row.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
    for row in rows() {
        match row.kind.as_str() {
            // The page itself is the proof of 53.
            "software" => assert!(!row.proofs.is_empty() || row.number == 53, "{}", row.number),
            "partly" | "organisational" | "not built" => {}
            other => panic!("{}: {other}", row.number),
        }
    }
}

#[test]
fn every_command_on_the_page_exists() {
    let sources: BTreeMap<String, String> = sources()
        .into_iter()
        .map(|(path, text)| (path.display().to_string(), text))
        .collect();
    let mut tests = 0;
    for row in rows() {
        for proof in &row.proofs {
            let words: Vec<&str> = proof.split(' ').collect();
            match words[0] {
                "candor" | "candor-collector" => {
                    // Asked for help, a program does nothing, and knows its words.
                    let args = words[1..].iter().copied().chain(["--help"]);
                    let output = run(words[0], args);
                    assert!(output.status.success(), "{proof}");
                    assert!(program(words[0]).exists());
                }
                "agent" | "protocol" | "inspect" | "collector" | "tests" => {
                    tests += 1;
                    assert_is_a_test(&words, &sources);
                }
                _ => panic!("{}: not a command: {proof}", row.number),
            }
        }
    }
    assert!(tests > 40, "only {tests} tests are named");
}
