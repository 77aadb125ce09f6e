//! Every page, from reports that a made-up fleet of devices sent through the real ingest.

mod desk;
mod fleet;
mod told;

use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use candor_protocol::deidentify::{Pseudonym, Release, ReportId, RunId};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::*;
use desk::Desk;
use fleet::Plan;
use told::panicked;
use tower::ServiceExt;

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;

const PLAN: Plan = Plan {
    seed: 7,
    devices: 24,
    hours: 30,
    now: NOW,
    precision: Precision::Hour,
};

const PAGES: [&str; 8] = [
    "/",
    "/issues",
    "/freezes",
    "/connections",
    "/connections/compare",
    "/releases",
    "/runs",
    "/privacy",
];

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

async fn ask(desk: &Desk, request: Request<Body>) -> Answer {
    let response = desk
        .router
        .clone()
        .oneshot(request)
        .await
        .expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 16 << 20).await.expect("a body");
    let body = String::from_utf8(body.into()).expect("text");
    Answer {
        status: parts.status,
        headers: parts.headers,
        body,
    }
}

async fn get(desk: &Desk, path: &str) -> Answer {
    ask(
        desk,
        Request::get(path).body(Body::empty()).expect("a request"),
    )
    .await
}

impl Answer {
    /// The first address in the page that begins with `start`.
    fn link(&self, start: &str) -> String {
        let at = self
            .body
            .find(&format!("href=\"{start}"))
            .unwrap_or_else(|| panic!("no link to {start}"));
        let rest = &self.body[at + "href=\"".len()..];
        rest[..rest.find('"').expect("an end")].replace("&#38;", "&")
    }

    /// The text of the first element after `mark`, up to its first tag.
    fn text_after(&self, mark: &str) -> &str {
        let at = self.body.find(mark).unwrap_or_else(|| panic!("no {mark}")) + mark.len();
        let rest = &self.body[at..];
        let rest = &rest[rest.find('>').expect("a tag") + 1..];
        &rest[..rest.find('<').expect("an end")]
    }
}

async fn filled() -> (Desk, Vec<Report>) {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    let reports = fleet::reports(PLAN);
    desk.send(&key, &reports).await;
    (desk, reports)
}

fn report(n: u8, what: What) -> Report {
    Report {
        id: ReportId::from_bytes([n; 16]),
        at: Moment::round(NOW, Precision::Hour),
        run: RunId::from_bytes([n; 16]),
        pseudonym: Pseudonym::from_bytes([n; 16]),
        release: Release::parse("1.0.0+a").expect("a release"),
        device: Device::coarse(Os::Linux, Some("6.1"), Arch::X86_64, 8, 16 << 30),
        what,
    }
}

fn assert_strict(path: &str, page: &Answer) {
    let policy = page.headers["content-security-policy"]
        .to_str()
        .expect("text");
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
        "{path}"
    );
    assert!(
        !policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"),
        "{path}"
    );
    assert_eq!(page.headers["x-content-type-options"], "nosniff", "{path}");
    assert_eq!(page.headers["referrer-policy"], "no-referrer", "{path}");
    for forbidden in [
        "<script>",
        "<style",
        " style=",
        " onclick=",
        "javascript:",
        "src=\"http",
        "href=\"http",
        "\"//",
    ] {
        assert!(!page.body.contains(forbidden), "{path} holds {forbidden}");
    }
}

#[tokio::test]
async fn every_page_is_strict_small_and_in_both_languages() {
    let (desk, _) = filled().await;
    let crash = get(&desk, "/issues?kind=crash").await.link("/issues/");
    let freeze = get(&desk, "/freezes").await.link("/issues/");
    let mut paths: Vec<String> = PAGES.map(str::to_owned).to_vec();
    paths.extend([crash, freeze]);
    for path in paths {
        for range in ["15m", "1h", "24h", "7d", "30d"] {
            for lang in ["en", "zh"] {
                let path = format!("{path}?app=im&range={range}&lang={lang}");
                let page = get(&desk, &path).await;
                assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.body);
                assert_strict(&path, &page);
                assert!(
                    page.body.contains(&format!("<html lang=\"{lang}\"")),
                    "{path}"
                );
                let limit = if path.starts_with("/connections") {
                    150
                } else {
                    60
                };
                assert!(
                    page.body.len() < limit * 1024,
                    "{path}: {} bytes",
                    page.body.len()
                );
                assert_eq!(page.body.matches("<h1>").count(), 1, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn the_overview_counts_what_was_sent() {
    let (desk, reports) = filled().await;
    let page = get(&desk, "/?range=7d").await;
    let exits = reports.iter().filter_map(|report| match &report.what {
        What::Run(run) => run.exit,
        _ => None,
    });
    let (mut runs, mut crashed) = (0, 0);
    for exit in exits {
        runs += 1;
        crashed += u64::from(exit == Exit::Crash);
    }
    assert!(crashed > 0);
    assert!(
        page.body
            .contains(&format!("{crashed} of {runs} runs crashed")),
        "{}",
        page.body
    );
    let attempts: u32 = reports
        .iter()
        .filter_map(|report| match &report.what {
            What::Connection(window) => Some(window.attempts),
            _ => None,
        })
        .sum();
    let with_comma = format!("{},{:03} attempts", attempts / 1000, attempts % 1000);
    assert!(page.body.contains(&with_comma), "{with_comma}");
    assert!(page.body.contains(&format!("on {} installs", PLAN.devices)));
}

#[tokio::test]
async fn a_crash_is_read_down_to_its_function_and_line() {
    let (desk, _) = filled().await;
    let list = get(&desk, "/issues?range=7d&q=parse_header").await;
    let link = list.link("/issues/");
    let page = get(&desk, &link).await;
    assert!(
        page.body
            .contains("called `Option::unwrap()` on a `None` value"),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("fleet::im::history::parse_header</code>"),
        "{}",
        page.body
    );
    assert!(page.body.contains("tests/fleet/im.rs:"), "{}", page.body);
    assert!(
        page.body
            .contains("<li class=\"folded\"><details><summary>"),
        "the runtime's frames are folded"
    );
    assert!(
        page.body.contains("panic-own-frames-v1"),
        "why it is one issue"
    );
    let text = get(
        &desk,
        &page
            .link(link.split('?').next().expect("a path"))
            .replace("?", "/stack.txt?"),
    )
    .await;
    assert_eq!(text.headers["content-type"], "text/plain; charset=utf-8");
    assert!(
        text.body
            .contains("   0  pages::fleet::im::history::parse_header  at "),
        "{}",
        text.body
    );
    assert!(text.body.contains("thread: "), "{}", text.body);
}

#[tokio::test]
async fn own_functions_lead_to_their_lines_at_the_forge_once_it_is_said_where_that_is() {
    let (desk, _) = filled().await;
    let list = get(&desk, "/issues?range=7d&q=parse_header").await;
    let issue = list.link("/issues/");
    assert!(!get(&desk, &issue).await.body.contains("https://"));
    let built_in = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let say = async |template: &str| {
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("app", "im")
            .append_pair("template", template)
            .append_pair(
                "strip",
                built_in.expect("a directory").to_str().expect("text"),
            )
            .finish();
        let request = Request::post("/settings/sources")
            .header("sec-fetch-site", "same-origin")
            .body(Body::from(form));
        ask(&desk, request.expect("a request")).await
    };
    let refused = say("javascript:alert(1)//{file}").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert!(
        refused.body.contains("begins with https://"),
        "{}",
        refused.body
    );
    let said = say("https://forge.example/im/blob/v{release}/{file}#L{line}").await;
    assert_eq!(said.status, StatusCode::SEE_OTHER, "{}", said.body);
    let page = get(&desk, &issue).await;
    let link = page.link("https://forge.example/im/blob/v");
    assert!(link.contains("/collector/tests/fleet/im.rs#L"), "{link}");
    assert!(page.body.contains("rel=\"noreferrer noopener\""));
    let settings = get(&desk, "/settings/sources").await;
    assert!(
        settings
            .body
            .contains("https://forge.example/im/blob/v{release}/")
    );
    assert_eq!(say("").await.status, StatusCode::SEE_OTHER);
    assert!(!get(&desk, &issue).await.body.contains("https://"));
}

#[tokio::test]
async fn from_one_report_to_the_next_and_back() {
    let (desk, _) = filled().await;
    let link = get(&desk, "/freezes?range=7d").await.link("/issues/");
    let newest = get(&desk, &link).await;
    let at = |page: &Answer, mark: &str| {
        let at = page
            .body
            .find(mark)
            .map(|at| page.body[..at].rfind("href=\"").expect("a link") + 6);
        at.map(|at| {
            page.body[at..]
                .split('"')
                .next()
                .expect("an end")
                .replace("&#38;", "&")
        })
    };
    assert_eq!(
        at(&newest, "data-newer"),
        None,
        "nothing is newer than the newest"
    );
    let second = get(&desk, &at(&newest, "data-older").expect("an older one")).await;
    let back = get(&desk, &at(&second, "data-newer").expect("a newer one")).await;
    assert_eq!(
        back.text_after("<dt>Report</dt><dd"),
        newest.text_after("<dt>Report</dt><dd")
    );
    assert_ne!(
        second.text_after("<dt>Report</dt><dd"),
        newest.text_after("<dt>Report</dt><dd")
    );
}

#[tokio::test]
async fn a_shared_report_is_found_after_many_newer_ones() {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    let mut reports: Vec<Report> = (1..=60)
        .map(|n| report(n, panicked("queue is closed")))
        .collect();
    reports[0].at = Moment::round(NOW - 7_200, Precision::Hour);
    desk.send(&key, &reports).await;
    let link = get(&desk, "/issues").await.link("/issues/");
    let page = get(&desk, &format!("{link}?report={}", reports[0].id)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert_eq!(
        page.text_after("<dt>Report</dt><dd"),
        reports[0].id.as_str()
    );
    let elsewhere = get(
        &desk,
        &format!("{link}?report={}", ReportId::from_bytes([99; 16])),
    )
    .await;
    assert_eq!(elsewhere.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_report_of_another_issue_is_not_shown_under_this_one() {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    desk.send(
        &key,
        &[
            report(1, panicked("queue is closed")),
            report(2, panicked("clock went backwards")),
        ],
    )
    .await;
    let link = get(&desk, "/issues?q=queue").await.link("/issues/");
    let page = get(
        &desk,
        &format!("{}&report={}", link, ReportId::from_bytes([2; 16])),
    )
    .await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn an_empty_collector_says_what_to_do_next() {
    let desk = Desk::open(NOW);
    for path in PAGES {
        let page = get(&desk, path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(
            page.body
                .contains("candor-collector app add my-app --data DIR"),
            "{path}"
        );
        assert_strict(path, &page);
    }
    desk.add_app("im").await;
    let page = get(&desk, "/").await;
    assert!(
        page.body.contains("Waiting for the first batch"),
        "{}",
        page.body
    );
    assert!(
        page.body
            .contains("Agent::start(Extension::On, Choice::Granted(consent), settings)"),
        "{}",
        page.body
    );
    for path in ["/issues", "/freezes", "/connections"] {
        let page = get(&desk, path).await;
        assert!(
            page.body.contains("Nothing happened in this range"),
            "{path}"
        );
        assert!(
            page.body.contains("range=30d"),
            "{path} leads to a longer range"
        );
    }
    assert!(
        get(&desk, "/issues?range=30d")
            .await
            .body
            .contains("No crash and no freeze")
    );
}

#[tokio::test]
async fn what_does_not_exist_is_said_and_not_guessed() {
    let desk = Desk::open(NOW);
    desk.add_app("im").await;
    for (path, status, says) in [
        ("/?app=nix", StatusCode::NOT_FOUND, "No app of this name"),
        (
            "/?range=2y",
            StatusCode::BAD_REQUEST,
            "No such range of time",
        ),
        (
            "/issues/0123456789abcdef",
            StatusCode::NOT_FOUND,
            "No such issue",
        ),
        ("/issues/elsewhere", StatusCode::NOT_FOUND, "No such issue"),
        (
            "/issues/elsewhere/stack.txt",
            StatusCode::NOT_FOUND,
            "No such issue",
        ),
    ] {
        let page = get(&desk, path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.body.contains(says), "{path}: {}", page.body);
        assert_strict(path, &page);
    }
}

#[tokio::test]
async fn markup_in_an_address_or_a_report_stays_text() {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    desk.send(
        &key,
        &[report(
            1,
            panicked("<script>alert(1)</script> & <b>\"q\" 'a'</b>"),
        )],
    )
    .await;
    let evil = "%22%3E%3Cscript%3Ealert(1)%3C/script%3E%3Cimg%20src=x%20onerror=alert(1)%3E";
    let mut paths = vec![
        format!("/?app={evil}"),
        format!("/?range={evil}"),
        format!("/issues?app=im&sort={evil}"),
    ];
    for page in PAGES {
        for key in ["q", "to", "network", "release", "name", "before", "unknown"] {
            paths.push(format!("{page}?{key}={evil}"));
        }
    }
    paths.push(get(&desk, "/issues").await.link("/issues/"));
    for path in paths {
        let page = get(&desk, &path).await;
        assert_strict(&path, &page);
        for raw in ["<img", "<b>", "\"><script", "\"><img"] {
            assert!(!page.body.contains(raw), "{path} holds {raw}");
        }
    }
}

#[tokio::test]
async fn language_and_theme_are_remembered_in_cookies() {
    let desk = Desk::open(NOW);
    let chosen = get(&desk, "/?lang=zh&theme=dark").await;
    let cookies: Vec<&str> = chosen
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().expect("text"))
        .collect();
    assert_eq!(cookies.len(), 2);
    assert!(
        cookies
            .iter()
            .all(|cookie| cookie.contains("SameSite=Lax") && cookie.contains("HttpOnly"))
    );
    let sent: Vec<&str> = cookies
        .iter()
        .map(|cookie| cookie.split(';').next().expect("a pair"))
        .collect();
    let request = Request::get("/")
        .header("cookie", sent.join("; "))
        .body(Body::empty())
        .expect("a request");
    let page = ask(&desk, request).await;
    assert!(
        page.body.contains("<html lang=\"zh\" data-theme=\"dark\">"),
        "{}",
        page.body
    );
    assert!(page.headers.get("set-cookie").is_none());
}

#[tokio::test]
async fn assets_may_be_kept_forever_and_stale_names_are_gone() {
    let desk = Desk::open(NOW);
    let page = get(&desk, "/").await;
    let style = page.link("/assets/candor.");
    let asset = get(&desk, &style).await;
    assert_eq!(asset.headers["content-type"], "text/css; charset=utf-8");
    assert_eq!(
        asset.headers["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(
        get(&desk, "/assets/candor.000000000000.css").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(page.headers["cache-control"], "private, no-cache");
}

#[tokio::test]
async fn connections_are_narrowed_by_what_is_clicked() {
    let (desk, reports) = filled().await;
    let whole = get(&desk, "/connections?range=7d").await;
    let narrowed = get(&desk, &whole.link("/connections?range=7d&#38;network=4g")).await;
    let windows = reports
        .iter()
        .filter(|report| matches!(&report.what, What::Connection(window) if window.network == Network::Cell4g))
        .count();
    assert!(
        narrowed.body.contains(&format!("in {windows} windows")),
        "{windows}"
    );
    assert!(narrowed.body.contains("Network: 4G"));
    assert!(
        !narrowed.body.contains(">Wi-Fi</a>"),
        "other networks are out of sight"
    );
}

#[tokio::test]
async fn a_heat_map_shows_the_latency_that_was_chosen() {
    let (desk, _) = filled().await;
    let first = get(&desk, "/connections?range=24h").await;
    assert!(first.body.contains("class=\"heat h6\""), "{}", first.body);
    let chosen = get(&desk, &first.link("/connections?range=24h&#38;heat=rtt")).await;
    assert!(
        chosen
            .body
            .contains("aria-current=\"true\">Heartbeat round trip<")
    );
    assert!(chosen.body.contains("aria-label=\"Heartbeat round trip. "));
}

#[tokio::test]
async fn a_storm_of_reconnects_is_told_and_marked_on_the_charts() {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    let plan = Plan {
        devices: 60,
        precision: Precision::Minute,
        ..PLAN
    };
    desk.send(&key, &fleet::reports(plan)).await;
    let page = get(&desk, "/connections?range=24h").await;
    let storm = NOW - PLAN.hours * 900;
    let minute = Moment::round(storm, Precision::Minute).to_string();
    assert!(page.text_after("<ul class=\"storms\"").is_empty(), "a list");
    assert!(
        page.text_after("<ul class=\"storms\"><li")
            .contains(&minute)
    );
    assert!(page.body.contains("<line class=\"storm\""));
}

#[tokio::test]
async fn two_releases_are_compared_with_the_runs_behind_each() {
    let (desk, reports) = filled().await;
    let page = get(&desk, "/connections/compare?range=7d").await;
    assert!(page.body.contains("the time before"));
    let releases: Vec<String> = {
        let all: std::collections::BTreeSet<String> = reports
            .iter()
            .filter(|report| matches!(report.what, What::Connection(_)))
            .map(|report| report.release.to_string())
            .collect();
        all.into_iter().collect()
    };
    let encoded = |release: &str| release.replace('+', "%2B");
    let (a, b) = (&releases[0], &releases[1]);
    let page = get(
        &desk,
        &format!(
            "/connections/compare?range=7d&release={}&with={}",
            encoded(a),
            encoded(b)
        ),
    )
    .await;
    for release in [a, b] {
        let runs: std::collections::BTreeSet<_> = reports
            .iter()
            .filter(|report| {
                matches!(report.what, What::Connection(_)) && report.release.as_str() == release
            })
            .map(|report| report.run.as_str())
            .collect();
        let heading = format!(
            "{release}<span class=\"behind\">Runs: {}</span>",
            runs.len()
        );
        assert!(page.body.contains(&heading), "{heading}: {}", page.body);
    }
    assert!(page.body.contains("class=\"group\""));
}

#[tokio::test]
async fn a_website_cannot_read_the_pages_through_a_name_of_its_own() {
    let desk = Desk::open(NOW);
    for (host, status) in [
        ("127.0.0.1:8717", StatusCode::OK),
        ("rebound.example:8717", StatusCode::FORBIDDEN),
    ] {
        let request = Request::get("/")
            .header("host", host)
            .body(Body::empty())
            .expect("a request");
        let page = ask(&desk, request).await;
        assert_eq!(page.status, status, "{host}");
        assert_strict(host, &page);
    }
}

#[tokio::test]
async fn a_page_that_does_not_exist_leads_to_those_that_do() {
    let desk = Desk::open(NOW);
    let request = Request::get("/elsewhere").header("accept", "text/html,*/*");
    let page = ask(&desk, request.body(Body::empty()).expect("a request")).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert!(page.body.contains("No such page") && page.body.contains("href=\"/freezes\""));
    assert_strict("/elsewhere", &page);
    let program = get(&desk, "/v1/elsewhere").await;
    assert_eq!(
        (program.status, program.body.as_str()),
        (StatusCode::NOT_FOUND, "")
    );
}
