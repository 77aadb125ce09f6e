//! The house is as `ARCHITECTURE.md` draws it.

use candor_tests::house::{arrows, code, root, sources};
use std::collections::{BTreeMap, BTreeSet};

/// Which of our crates each one may name. What is not listed here does not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("candor-protocol", &[]),
    ("candor-dump", &[]),
    ("candor-crash", &["candor-dump"]),
    (
        "candor-agent",
        &["candor-crash", "candor-dump", "candor-protocol"],
    ),
    ("candor-net", &["candor-agent", "candor-crash"]),
    ("candor-symbols", &["candor-protocol"]),
    (
        "candor-inspect",
        &[
            "candor-agent",
            "candor-dump",
            "candor-protocol",
            "candor-symbols",
        ],
    ),
    ("candor-collector", &["candor-protocol", "candor-symbols"]),
    ("candor-example-im", &["candor-agent", "candor-net"]),
    (
        "candor-tests",
        &[
            "candor-agent",
            "candor-collector",
            "candor-net",
            "candor-protocol",
        ],
    ),
];

/// Where unsafe code is the job: the crash path, the sample app's fault, and a victim that has to die in a test.
const MAY_BE_UNSAFE: &[&str] = &[
    "agent/crash/",
    "agent/core/tests/deaths/victim.rs",
    "agent/core/tests/endings/victim.rs",
    "agent/core/tests/freezes/debugger.rs",
    "agent/core/tests/freezes/mutex.rs",
    "benches/src/bin/crash",
    "examples/im/src/misbehave/fault.rs",
    "agent/inspect/tests/deaths/src/foreign.rs",
    "agent/inspect/tests/deaths/src/victim.rs",
    "tests/src/bin/canary-host.rs",
];

/// What ships inside somebody's app.
const IN_THE_HOST: &[&str] = &[
    "protocol",
    "agent/dump",
    "agent/crash",
    "agent/core",
    "agent/net",
];

#[test]
fn arrows_go_one_way() {
    let allowed: BTreeMap<String, BTreeSet<String>> = ARROWS
        .iter()
        .map(|(name, to)| {
            (
                name.to_string(),
                to.iter().map(|to| to.to_string()).collect(),
            )
        })
        .collect();
    for (name, to) in arrows() {
        // Benches may measure everything.
        if name == "candor-benches" {
            continue;
        }
        let allowed = allowed
            .get(&name)
            .unwrap_or_else(|| panic!("{name} is in no picture of the house"));
        let surplus: Vec<_> = to.difference(allowed).collect();
        assert!(surplus.is_empty(), "{name} must not depend on {surplus:?}");
    }
}

#[test]
fn the_collector_and_the_agent_meet_only_in_the_protocol() {
    let arrows = arrows();
    let reach = |from: &str| {
        let mut seen = BTreeSet::new();
        let mut todo = vec![from.to_owned()];
        while let Some(name) = todo.pop() {
            for next in arrows.get(&name).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    todo.push(next.clone());
                }
            }
        }
        seen
    };
    let collector = reach("candor-collector");
    for ours in ["candor-agent", "candor-crash", "candor-dump"] {
        assert!(!collector.contains(ours), "the collector reaches {ours}");
    }
    assert!(!reach("candor-agent").contains("candor-collector"));
}

fn rust_files_where(holds: impl Fn(&str) -> bool) -> Vec<String> {
    let sources = sources();
    assert!(
        sources.len() > 50,
        "only {} source files were looked at",
        sources.len()
    );
    let files = sources.iter().filter(|(_, text)| holds(&code(text)));
    files
        .map(|(path, _)| path.to_string_lossy().into_owned())
        .collect()
}

#[test]
fn unsafe_code_stands_only_where_it_is_the_job() {
    let word = |code: &str| {
        code.split(|next: char| !next.is_alphanumeric() && next != '_')
            .any(|word| word == "unsafe")
    };
    let elsewhere: Vec<String> = rust_files_where(word)
        .into_iter()
        .filter(|file| {
            !MAY_BE_UNSAFE
                .iter()
                .any(|allowed| file.starts_with(allowed))
        })
        .collect();
    assert_eq!(elsewhere, Vec::<String>::new());
}

#[test]
fn only_one_room_of_the_crash_path_names_libc() {
    let naming = rust_files_where(|code| code.contains("libc::") || code.contains("use libc"));
    let product: Vec<_> = naming
        .iter()
        .filter(|file| file.contains("/src/"))
        .collect();
    assert!(!product.is_empty());
    for file in product {
        assert!(file.starts_with("agent/crash/src/sys"), "{file} names libc");
    }
}

#[test]
fn only_cli_files_name_clap() {
    let naming = rust_files_where(|code| code.contains("clap::"));
    for file in naming {
        assert!(
            file.ends_with("cli.rs") || file.starts_with("examples/"),
            "{file} names clap"
        );
    }
}

#[test]
fn only_one_file_of_the_agent_reads_the_time() {
    let reading =
        rust_files_where(|code| code.contains("SystemTime::now") || code.contains("Instant::now"));
    let agent: Vec<_> = reading
        .iter()
        .filter(|file| file.starts_with("agent/core/src/"))
        .collect();
    assert_eq!(agent, ["agent/core/src/clock.rs"]);
}

#[test]
fn what_ships_inside_a_host_denies_panics_and_prints() {
    let denied = [
        "unwrap_used",
        "expect_used",
        "panic",
        "print_stdout",
        "print_stderr",
    ];
    for folder in IN_THE_HOST {
        let lib = root().join(folder).join("src/lib.rs");
        let text = std::fs::read_to_string(&lib).unwrap();
        let block = text
            .split("#![deny(")
            .nth(1)
            .and_then(|rest| rest.split(")]").next())
            .unwrap_or_default();
        for lint in denied {
            assert!(
                block.contains(&format!("clippy::{lint}")),
                "{folder} does not deny clippy::{lint}"
            );
        }
    }
}

#[test]
fn observations_cannot_be_serialised() {
    for (path, text) in sources() {
        if path.starts_with("agent/core/src/capture") {
            assert!(
                !code(&text).contains("Serialize"),
                "{} could be sent raw",
                path.display()
            );
        }
    }
}

#[test]
fn every_dependency_has_its_reason_beside_it() {
    let text = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let section = text
        .split("[workspace.dependencies]")
        .nth(1)
        .unwrap()
        .split("\n[")
        .next()
        .unwrap();
    let mut lines = 0;
    for line in section
        .lines()
        .filter(|line| line.contains(" = ") && !line.starts_with('#'))
    {
        let ours = line.starts_with("candor-");
        assert!(ours || line.contains("# "), "no reason beside: {line}");
        lines += 1;
    }
    assert!(lines > 20, "only {lines} dependencies were looked at");
}
