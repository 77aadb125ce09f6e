//! Where values come from, and what is said about those that are wrong.

use super::*;
use proptest::prelude::*;

fn wrong(text: &str) -> Vec<String> {
    let problems = file::parse("candor.toml", text).unwrap_err();
    problems.iter().map(Problem::to_string).collect()
}

fn variable(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn knob(name: &str) -> &'static Knob {
    KNOBS.iter().find(|knob| knob.name == name).unwrap()
}

#[test]
fn a_flag_is_believed_over_the_environment_and_that_over_the_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(
        file.path(),
        "data = \"/srv/candor\"\n[ingest]\nworking = 3\nreading = 4\nbody_seconds = 5\n",
    )
    .unwrap();
    let environment = [
        variable("CANDOR_INGEST_READING", "40"),
        variable("CANDOR_INGEST_BODY_SECONDS", "50"),
        variable("HOME", "/root"),
    ];
    let flags = [(knob("ingest.body_seconds"), "500".to_owned())];
    let loaded = Loaded::read(Some(file.path()), environment, flags).unwrap();
    let limits = loaded.config.limits;
    assert_eq!((limits.working, limits.reading), (3, 40));
    assert_eq!(limits.body, Duration::from_secs(500));
    assert_eq!(loaded.config.data, Some(PathBuf::from("/srv/candor")));
    assert_eq!(loaded.sources["ingest.reading"], Source::Environment);
    let table = loaded.table();
    let line = |name| table.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(line("ingest.working ").ends_with("file"));
    assert!(line("ingest.body_seconds").ends_with("flag"));
    assert!(line("listen").ends_with("default"));
}

#[test]
fn a_name_that_is_not_known_is_refused_with_the_one_that_may_be_meant() {
    for (text, says) in [
        (
            "lisen = \"127.0.0.1:1\"",
            "candor.toml:1: lisen is not known; did you mean listen?",
        ),
        (
            "\n[ingest]\nworkers = 1",
            "candor.toml:3: ingest.workers is not known; did you mean ingest.working?",
        ),
        (
            "[ingst]\nworking = 1",
            "candor.toml:1: ingst.working is not known; did you mean ingest.working?",
        ),
        (
            "tls.cert = \"x\"",
            "candor.toml:1: tls.cert is not known; did you mean tls.certificate?",
        ),
        ("zzz = 1", "candor.toml:1: zzz is not known"),
    ] {
        assert_eq!(wrong(text), [says], "{text}");
    }
    let strange = [
        "CANDOR_INGEST_WORKERS",
        "CANDOR_CONFIG",
        "CANDOR_DATA",
        "PATH",
    ];
    let strangers = Loaded::strangers(strange.map(str::to_owned));
    assert_eq!(
        strangers,
        ["CANDOR_INGEST_WORKERS is not known; did you mean CANDOR_INGEST_WORKING?"]
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_each_with_its_line() {
    let said = wrong(
        "listen = 5\ndata = true\n[ingest]\nworking = 0\nhead_seconds = \"ten\"\n[log]\nformat = \"xml\"\nfilter = \"a=b=c\"\n",
    );
    let begins: Vec<_> = said
        .iter()
        .map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" "))
        .collect();
    for line in [
        "candor.toml:1: listen",
        "candor.toml:2: data",
        "candor.toml:4: ingest.working",
        "candor.toml:5: ingest.head_seconds",
        "candor.toml:7: log.format",
        "candor.toml:8: log.filter",
    ] {
        assert!(
            begins.contains(&line.to_owned()),
            "{line} is not in {said:#?}"
        );
    }
    assert_eq!(said.len(), 6);
    assert!(wrong("data = ").join("").starts_with("candor.toml:1: "));
    let missing = read_file(Path::new("/nowhere/candor.toml")).unwrap_err();
    assert_eq!(missing[0].line, None);
    let half = Loaded::read(None, [variable("CANDOR_TLS_KEY", "k")], []).unwrap_err();
    assert_eq!(half, ["tls.key is nothing without tls.certificate"]);
}

#[test]
fn every_knob_keeps_to_its_range_and_tells_what_it_was_given() {
    for knob in KNOBS {
        let mut config = Config::default();
        let samples = match knob.kind {
            Kind::Number { least, most, .. } => {
                for beyond in [least.checked_sub(1), most.checked_add(1)]
                    .into_iter()
                    .flatten()
                {
                    let refused = knob.set(&mut config, &beyond.to_string());
                    assert!(
                        refused.unwrap_err().contains(&most.to_string()),
                        "{}",
                        knob.name
                    );
                }
                assert!(knob.set(&mut config, "-1").is_err() && knob.set(&mut config, "").is_err());
                let usual: u64 = knob.get(&Config::default()).parse().unwrap();
                assert!((least..=most).contains(&usual), "{}", knob.name);
                vec![least.to_string(), most.to_string()]
            }
            Kind::Text { .. } => match knob.unit {
                "address" => vec!["10.1.2.3:99".to_owned(), "[::1]:0".to_owned()],
                "word" => vec!["json".to_owned(), "text".to_owned()],
                "policy" => vec!["none".to_owned(), "required".to_owned()],
                "answer" => vec!["yes".to_owned(), "no".to_owned()],
                "switch" => vec!["off".to_owned(), "on".to_owned()],
                "targets" => vec!["any".to_owned(), "public".to_owned()],
                "web address" => vec!["https://candor.example/".to_owned()],
                "installations" => vec!["show".to_owned(), "25".to_owned()],
                "store" => vec![
                    "clickhouse://db:8123/candor".to_owned(),
                    "sqlite:/srv".to_owned(),
                ],
                "directives" => vec!["warn".to_owned()],
                _ => vec!["/some/where".to_owned()],
            },
        };
        for text in samples {
            knob.set(&mut config, &text).unwrap();
            assert_eq!(knob.get(&config), text, "{}", knob.name);
        }
        assert!(!knob.help.is_empty() && !knob.unit.is_empty());
    }
}

#[test]
fn the_reference_in_the_documentation_is_this_list() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/configuration.md");
    if std::env::var_os("CANDOR_WRITE_DOCS").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    let documented = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        documented == reference(),
        "docs/configuration.md is not what the knobs are; run this test with CANDOR_WRITE_DOCS=1"
    );
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(text in "[a-z._=\\[\\]\"\\n 0-9]{0,200}") {
        let _ = file::parse("candor.toml", &text);
    }
}
