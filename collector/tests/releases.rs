//! How releases compare, on the page, as a table and for programs.

mod desk;
#[allow(dead_code, reason = "only what the desk needs of it")]
mod fleet;
mod told;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use candor_collector::privacy::groups::SmallGroups;
use candor_collector::{api, dashboard};
use candor_protocol::deidentify::{Pseudonym, Release, ReportId, RunId};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::*;
use desk::Desk;
use told::panicked;
use tower::ServiceExt;

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;
const HOUR: u64 = 3_600;

/// What was answered: its status and its body.
async fn get(router: &Router, path: &str) -> (StatusCode, String) {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = router.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = answer.into_parts();
    let body = to_bytes(body, 16 << 20).await.expect("a body");
    let body = String::from_utf8(body.into()).expect("text");
    (parts.status, body)
}

async fn shown(router: &Router, path: &str) -> String {
    let (status, body) = get(router, path).await;
    assert_eq!(status, StatusCode::OK, "{path}: {body}");
    body
}

/// What a run of an installation of its own tells.
fn report(n: u16, release: &str, hours_ago: u64, what: What) -> Report {
    let [high, low] = n.to_be_bytes();
    let mut bytes = [7; 16];
    (bytes[0], bytes[1]) = (high, low);
    Report {
        id: ReportId::from_bytes(bytes),
        at: Moment::round(NOW - hours_ago * HOUR, Precision::Hour),
        run: RunId::from_bytes(bytes),
        pseudonym: Pseudonym::from_bytes(bytes),
        release: Release::parse(release).expect("a release"),
        device: Device::coarse(Os::Linux, Some("6.1"), Arch::X86_64, 8, 16 << 30),
        what,
    }
}

fn clean() -> What {
    What::Run(Run {
        exit: Some(Exit::Clean),
        uptime_ms: Some(60_000),
        last: None,
    })
}

/// A release, how long ago it ran, how many of its runs ended well, and how many with a panic of each message.
type Told<'a> = (&'a str, u64, u16, &'a [(&'a str, u16)]);

const CLOSED: &str = "queue is closed";
const DAMAGED: &str = "cache is damaged";

/// Two releases with many runs, and two that hardly anybody has.
const FLEET: [Told<'static>; 4] = [
    ("1.3.0", 5, 8, &[]),
    ("1.4.0", 4, 394, &[(CLOSED, 6)]),
    ("1.10.0", 2, 316, &[(CLOSED, 24), (DAMAGED, 60)]),
    ("1.11.0", 1, 8, &[]),
];

/// The collector that got these reports, with small groups merged or not.
async fn filled(fleet: &[Told<'_>], small: SmallGroups) -> (Desk, Router) {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    let mut reports = Vec::new();
    for (release, hours, clean_runs, panics) in fleet {
        let panics = panics
            .iter()
            .flat_map(|(message, runs)| (0..*runs).map(|_| panicked(message)));
        for what in (0..*clean_runs).map(|_| clean()).chain(panics) {
            reports.push(report(reports.len() as u16, release, *hours, what));
        }
    }
    desk.send(&key, &reports).await;
    let mut state = desk.state.clone();
    state.small = small;
    let router = dashboard::router(state.clone()).merge(api::router(state));
    (desk, router)
}

/// The rows of the table with this id, each with its tags taken out and its cells apart.
fn rows(page: &str, id: &str) -> Vec<Vec<String>> {
    let section = page
        .split_once(&format!("id=\"{id}\""))
        .unwrap_or_else(|| panic!("no {id} in {page}"))
        .1;
    let section = section.split_once("</section>").expect("an end").0;
    let body = section.split_once("<tbody>").expect("a table").1;
    let rows = body.split("</tr>").filter(|row| row.contains("<t"));
    let text = |cell: &str| {
        let mut out = String::new();
        for part in cell.split('<') {
            let (_, text) = part.split_once('>').unwrap_or(("", part));
            out.push_str(text);
            out.push(' ');
        }
        out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    rows.map(|row| {
        let cells = row.split("</td>").flat_map(|cell| cell.split("</th>"));
        cells.map(text).collect()
    })
    .collect()
}

#[tokio::test]
async fn releases_stand_in_their_order_and_the_latest_with_enough_runs_are_compared() {
    let (_desk, router) = filled(&FLEET, SmallGroups::Show).await;
    let page = shown(&router, "/releases").await;
    let table = rows(&page, "releases");
    let names: Vec<&str> = table.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["1.11.0", "1.10.0", "1.4.0", "1.3.0"]);
    // Nothing froze or connected; 394 of 400 lies between 96.77 and 99.31 %.
    let cells: Vec<&str> = table[2].iter().map(String::as_str).collect();
    assert_eq!(cells[3..5], ["400", "400"], "{cells:?}");
    assert_eq!(cells[5], "98.5% 96.77 – 99.31%");
    assert_eq!(cells[6..10], ["100% 99.05 – 100.00%", "–", "–", "1"]);
    let compared = rows(&page, "compare");
    assert_eq!(
        compared[0][..4],
        [
            "Crash-free runs",
            "98.5% 96.77 – 99.31%",
            "79.0% 74.74 – 82.71%",
            "−19.50 points between −23.83 and −15.41 points (95 %)"
        ]
    );
    let risen: Vec<Vec<String>> = rows(&page, "risen");
    assert_eq!(risen.len(), 2, "{risen:?}");
    assert!(risen[0][0].contains(DAMAGED), "{risen:?}");
    assert_eq!(risen[0][1..4], ["new", "0.00", "150.00"]);
    assert!(risen[1][0].contains(CLOSED), "{risen:?}");
    assert_eq!(risen[1][1..4], ["more frequent", "15.00", "60.00"]);
}

#[tokio::test]
async fn what_chance_explains_is_said_to_be_no_difference() {
    let same: [Told<'_>; 2] = [
        ("1.0", 3, 95, &[(CLOSED, 5)]),
        ("1.1", 2, 193, &[(CLOSED, 7)]),
    ];
    let (_desk, router) = filled(&same, SmallGroups::Show).await;
    let page = shown(&router, "/releases").await;
    let crash_free = &rows(&page, "compare")[0];
    assert!(
        crash_free[3].starts_with("no difference to be seen"),
        "{crash_free:?}"
    );
    assert!(page.contains("no issue is new"), "{page}");
    let page = shown(&router, "/releases?lang=zh").await;
    assert!(page.contains("看不出差异"), "{page}");
}

#[tokio::test]
async fn two_that_are_named_are_compared_as_they_are_named() {
    let (_desk, router) = filled(&FLEET, SmallGroups::Show).await;
    let page = shown(&router, "/releases?a=1.10.0&b=1.4.0").await;
    let crash_free = &rows(&page, "compare")[0];
    assert!(crash_free[3].starts_with("+19.50 points"), "{crash_free:?}");
    for (key, name) in [("a", "1.10.0"), ("b", "1.4.0")] {
        let select = page.split_once(&format!("name=\"{key}\"")).expect("one").1;
        assert!(
            select.contains(&format!("<option selected>{name}</option>")),
            "{select}"
        );
    }
    let page = shown(&router, "/releases?a=1.4.0&b=9.9").await;
    assert!(page.contains("Release 9.9 is not shown here"), "{page}");
    let nothing = shown(&router, "/releases?to=1000000000").await;
    assert!(nothing.contains("No release ran here"), "{nothing}");
}

#[tokio::test]
async fn a_release_that_few_installations_have_is_told_neither_alone_nor_compared() {
    // Six installations of two releases each met what is more frequent in another.
    let fleet: [Told<'_>; 4] = [
        ("1.3.0", 5, 8, &[]),
        ("1.4.0", 4, 394, &[(CLOSED, 6)]),
        ("1.10.0", 2, 300, &[(CLOSED, 40), (DAMAGED, 60)]),
        ("1.11.0", 1, 2, &[(CLOSED, 6)]),
    ];
    let (_desk, router) = filled(&fleet, SmallGroups::default()).await;
    let page = shown(&router, "/releases").await;
    let table = rows(&page, "releases");
    let names: Vec<&str> = table.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(names, ["1.10.0", "1.4.0", "others"]);
    assert_eq!(table[2][4], "16");
    // How often the earlier one met it is not told, but all others together met it too rarely to explain it.
    let risen = rows(&page, "risen");
    assert_eq!(risen[0][1..4], ["new", "few", "150.00"]);
    assert_eq!(risen[1][1..4], ["more frequent", "few", "100.00"]);
    for small in ["1.3.0", "1.11.0"] {
        for path in ["/releases", "/releases.csv"] {
            assert!(!shown(&router, path).await.contains(small), "{path}");
        }
        let page = shown(&router, &format!("/releases?a={small}&b=1.4.0")).await;
        assert!(
            page.contains(&format!("Release {small} is not shown")),
            "{page}"
        );
        assert!(!page.contains("id=\"risen\""), "{page}");
        let asked = format!(
            "/api/v1/releases?app=im&from={}&to={NOW}&a={small}",
            NOW - 24 * HOUR
        );
        let (status, body) = get(&router, &asked).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("unknown_release"), "{body}");
    }
}

#[tokio::test]
async fn the_table_and_programs_are_told_the_same() {
    let (_desk, router) = filled(&FLEET, SmallGroups::Show).await;
    let table = shown(&router, "/releases.csv").await;
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[0].starts_with("release,installs,runs,crashed_runs,"));
    assert!(lines[3].starts_with("1.4.0,400,400,6,0.9676"), "{table}");
    let cells = lines.iter().map(|line| line.split(',').count());
    assert!(cells.into_iter().all(|cells| cells == 18), "{table}");

    let asked = format!("/api/v1/releases?app=im&from={}&to={NOW}", NOW - 24 * HOUR);
    let answer: serde_json::Value =
        serde_json::from_str(&shown(&router, &asked).await).expect("JSON");
    assert_eq!(answer["installs"], 816);
    assert_eq!(answer["releases"][2]["of"], "1.4.0");
    assert_eq!(answer["releases"][2]["figures"]["crashed_runs"], 6);
    assert_eq!(answer["releases"][2]["new_issues"], 1);
    let [first, last] = ["first_seen", "last_seen"].map(|seen| {
        let day = answer["releases"][2][seen].as_u64();
        day.filter(|day| day.is_multiple_of(24 * HOUR) && *day <= NOW)
    });
    assert!(first.is_some() && first <= last, "{answer}");
    let compared = &answer["compared"];
    assert_eq!(
        (&compared["a"], &compared["b"]),
        (&"1.4.0".into(), &"1.10.0".into())
    );
    assert_eq!(compared["crash_free"]["verdict"], "worse");
    assert_eq!(compared["connected"], serde_json::Value::Null);
    assert_eq!(compared["issues"][0]["why"], "new");
    assert_eq!(compared["issues"][1]["why"], "more_frequent");
    assert_eq!(
        (
            &compared["issues"][1]["runs_a"],
            &compared["issues"][1]["runs_b"]
        ),
        (&6.into(), &24.into())
    );
}

#[tokio::test]
async fn how_runs_ended_is_told_over_time_and_by_release_and_of_few_together() {
    for (small, names) in [
        (
            SmallGroups::Show,
            &["1.11.0", "1.10.0", "1.4.0", "1.3.0"][..],
        ),
        (SmallGroups::default(), &["1.10.0", "1.4.0", "others"]),
    ] {
        let (_desk, router) = filled(&FLEET, small).await;
        let page = shown(&router, "/runs").await;
        let told = |row: &[String]| (row[0].clone(), row[2].clone(), row[3].clone());
        let totals: Vec<_> = rows(&page, "totals").iter().map(|row| told(row)).collect();
        let is = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(
            totals,
            [is("Clean", "726", "89.0%"), is("Crashed", "90", "11.0%")]
        );
        let by_release = rows(&page, "by-release");
        let releases: Vec<&str> = by_release.iter().map(|row| row[0].as_str()).collect();
        assert_eq!(releases, names);
        let later = by_release.iter().find(|row| row[0] == "1.10.0");
        assert_eq!(later.expect("it")[1..4], ["400", "79.0%", "21.0%"]);
    }
    let (_desk, router) = filled(&[], SmallGroups::default()).await;
    let page = shown(&router, "/runs").await;
    assert!(page.contains("No run started here"), "{page}");
}
