//! What a team does to issues, on the pages and as a program.

mod desk;
mod fleet;
mod told;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use candor_collector::access::{Door, Scope};
use candor_collector::api;
use candor_protocol::deidentify::{Pseudonym, Release, ReportId, RunId};
use candor_protocol::moment::{Moment, Precision};
use candor_protocol::report::*;
use desk::Desk;
use fleet::Plan;
use serde_json::json;
use std::sync::Arc;
use tower::ServiceExt;

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;

struct Answer {
    status: StatusCode,
    onward: String,
    body: String,
}

async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.expect("an answer");
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, 16 << 20).await.expect("a body");
    let onward = parts.headers.get("location");
    Answer {
        status: parts.status,
        onward: onward
            .map_or("", |to| to.to_str().expect("text"))
            .to_owned(),
        body: String::from_utf8(body.into()).expect("text"),
    }
}

async fn get(desk: &Desk, path: &str) -> Answer {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    ask(&desk.router, request).await
}

/// Sends a form from one of the pages, and follows where it leads.
async fn post(desk: &Desk, path: &str, form: &str) -> Answer {
    let answer = send(desk, path, form, "same-origin").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
    get(desk, &answer.onward).await
}

async fn send(desk: &Desk, path: &str, form: &str, site: &str) -> Answer {
    let request = Request::post(path)
        .header("sec-fetch-site", site)
        .body(Body::from(form.to_owned()))
        .expect("a request");
    ask(&desk.router, request).await
}

async fn asked(desk: &Desk, path: &str) -> serde_json::Value {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = ask(&api::router(desk.state.clone()), request).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    serde_json::from_str(&answer.body).expect("JSON")
}

/// A panic that says `message`: one issue for every message.
fn panicked(n: u16, message: &str, release: &str) -> Report {
    let mut id = [7; 16];
    id[..2].copy_from_slice(&n.to_be_bytes());
    Report {
        id: ReportId::from_bytes(id),
        at: Moment::round(NOW, Precision::Hour),
        run: RunId::from_bytes(id),
        pseudonym: Pseudonym::from_bytes(id),
        release: Release::parse(release).expect("a release"),
        device: Device::coarse(Os::Linux, Some("6.1"), Arch::X86_64, 8, 16 << 30),
        what: told::panicked(message),
    }
}

/// A desk with three issues: `queue is full` twice, `no route left` and `empty answer`.
async fn three() -> (Desk, candor_collector::access::IngestKey) {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    let reports = [
        panicked(1, "queue is full", "1.0.0"),
        panicked(2, "queue is full", "1.1.0"),
        panicked(3, "no route left", "1.0.0"),
        panicked(4, "empty answer", "1.1.0"),
    ];
    desk.send(&key, &reports).await;
    (desk, key)
}

/// The number of the issue with this title.
async fn number(desk: &Desk, title: &str) -> String {
    let path = format!(
        "/api/v1/issues?app=im&from={}&to={}&state=all",
        NOW - 9_000,
        NOW + 9_000
    );
    let list = asked(desk, &path).await;
    let issues = list["issues"].as_array().expect("a list");
    let one = issues
        .iter()
        .find(|one| one["title"] == format!("panic: {title}"));
    one.expect(title)["id"].as_str().expect("text").to_owned()
}

#[tokio::test]
async fn what_was_resolved_leaves_the_list_until_it_comes_back_in_a_later_release() {
    let (desk, key) = three().await;
    let (queue, route) = (
        number(&desk, "queue is full").await,
        number(&desk, "no route left").await,
    );
    let form = format!("do=resolve&issue={queue}&issue={route}");
    let list = post(&desk, "/issues?app=im&range=24h", &form).await;
    assert!(list.body.contains("empty answer"));
    assert!(!list.body.contains("queue is full") && !list.body.contains("no route left"));
    let resolved = get(&desk, "/issues?state=resolved&kind=crash").await.body;
    assert!(resolved.contains("queue is full") && !resolved.contains("empty answer"));
    assert!(resolved.contains("Resolved in the release after 1.1.0."));
    // An old client again, and a new one.
    let again = [
        panicked(5, "no route left", "1.0.9"),
        panicked(6, "queue is full", "1.2.0"),
    ];
    desk.send(&key, &again).await;
    let list = get(&desk, "/issues").await.body;
    assert!(
        list.contains("queue is full")
            && list.contains("regressed")
            && !list.contains("no route left")
    );
    let page = get(&desk, &format!("/issues/{queue}")).await.body;
    assert!(page.contains("Back in 1.2.0, after it was resolved in 1.1.0."));
    assert!(page.contains("Regressed in 1.2.0."));
    let overview = get(&desk, "/").await.body;
    let news = overview.split("New and regressed").nth(1).expect("news");
    let first = news.split("data-item>").nth(1).expect("an issue");
    assert!(first.starts_with("panic: queue is full"), "{first}");
    // Whoever did it is in the audit trail.
    let trail = desk.state.office.trail().last(10).expect("a trail");
    let what = format!("resolved in the next release: {queue} {route}");
    assert!(
        trail
            .iter()
            .any(|entry| entry.who == "dashboard" && entry.what == what),
        "{trail:?}"
    );
    // A form without issues says so.
    let nothing = send(&desk, "/issues", "do=resolve", "same-origin").await;
    assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
    assert!(nothing.body.contains("No issue was selected."));
}

#[tokio::test]
async fn issues_that_are_chosen_together_are_given_away_muted_and_taken_back_together() {
    let (desk, _) = three().await;
    let (queue, route, empty) = (
        number(&desk, "queue is full").await,
        number(&desk, "no route left").await,
        number(&desk, "empty answer").await,
    );
    let two = format!("issue={queue}&issue={route}");
    let shown = async |issue: &str| {
        let (from, to) = (NOW - 9_000, NOW + 9_000);
        asked(
            &desk,
            &format!("/api/v1/issues/{issue}?app=im&from={from}&to={to}"),
        )
        .await
    };
    let list = "/issues?app=im&range=24h&who=&kind=crash";

    let form = format!("do=assign&who=Mei+%26+Bo&for=8&{two}");
    let page = post(&desk, list, &form).await.body;
    assert!(
        page.contains("2 issues: Assigned to Mei &#38; Bo."),
        "{page}"
    );
    assert_eq!(shown(&queue).await["assignee"], "Mei & Bo");
    assert_eq!(shown(&route).await["history"][0]["to"], "Mei & Bo");
    assert!(shown(&empty).await["assignee"].is_null());
    // Whoever is offered to look after the next one is known from the list.
    assert!(page.contains("<option value=\"Mei &#38; Bo\">"));
    let page = post(&desk, list, &format!("do=assign&who=&issue={route}"))
        .await
        .body;
    assert!(page.contains("1 issue: Assigned to nobody."), "{page}");
    assert!(shown(&route).await["assignee"].is_null());

    let page = post(&desk, list, &format!("do=mute&for=8&{two}&issue={queue}"))
        .await
        .body;
    assert!(
        page.contains("2 issues: Alerts muted until 2026-03-14 17:26 UTC."),
        "{page}"
    );
    let mark = ">muted</span>";
    assert_eq!(
        page.matches(mark).count(),
        2,
        "the list shows which: {page}"
    );
    let until = serde_json::json!(NOW + 8 * 3_600);
    for one in [&queue, &route] {
        assert_eq!(shown(one).await["muted"]["until"], until);
    }
    let back = form_of(&page, "done");
    assert_eq!(back, format!("issue={queue}&issue={route}&do=unmute"));
    let page = post(&desk, list, &back).await.body;
    assert!(
        page.contains("2 issues: Alerts unmuted.") && !page.contains(mark),
        "{page}"
    );
    assert!(shown(&queue).await["muted"].is_null());

    let page = post(&desk, list, &format!("do=ignore&{two}")).await.body;
    assert!(page.contains("2 issues: Ignored for good."), "{page}");
    let page = post(&desk, list, &form_of(&page, "done")).await.body;
    assert!(
        page.contains("2 issues: Reopened.") && page.contains("queue is full"),
        "{page}"
    );

    // Whoever presses Enter on what is chosen wants nothing of it.
    let page = post(&desk, list, &two).await.body;
    assert!(!page.contains("id=\"done\"") && page.contains("queue is full"));

    // What the address says is said once: no link carries it on, and in Chinese it is said in Chinese.
    let done = format!("/issues?app=im&did=mute&done=2&of={queue}");
    let page = get(&desk, &format!("{done}&lang=zh")).await.body;
    assert!(page.contains("2 个问题：告警已永久静音。"), "{page}");
    assert!(!page.contains("did="), "{page}");
    for wrong in [
        "do=assign&who=Mei".to_owned(),
        format!("do=mute&for=0&{two}"),
        "do=mute&for=8&issue=0000000000000001".to_owned(),
    ] {
        let answer = send(&desk, list, &wrong, "same-origin").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{wrong}");
        let back = "href=\"/issues?app=im&#38;range=24h&#38;kind=crash\"";
        assert!(answer.body.contains(back), "{}", answer.body);
    }
    let trail = desk.state.office.trail().last(20).expect("a trail");
    let said = |what: &str| trail.iter().any(|entry| entry.what == what);
    assert!(said(&format!("assigned to Mei & Bo: {queue} {route}")));
    assert!(said(&format!("told again: {queue} {route}")));
}

/// What the form within the element of this id sends when its button is pressed.
fn form_of(page: &str, id: &str) -> String {
    let from = page.find(&format!("id=\"{id}\"")).expect("an element");
    let form = page[from..].split("</form>").next().expect("a form");
    let fields = form.split("name=\"").skip(1).filter_map(|field| {
        let (name, rest) = field.split_once('"')?;
        let value = rest.split("value=\"").nth(1)?.split('"').next()?;
        (name != "mark").then(|| format!("{name}={value}"))
    });
    fields.collect::<Vec<_>>().join("&")
}

#[tokio::test]
async fn issues_are_merged_by_a_pasted_address_and_split_again() {
    let (desk, _) = three().await;
    let (queue, route) = (
        number(&desk, "queue is full").await,
        number(&desk, "no route left").await,
    );
    let into = format!("do=merge&into=http%3A%2F%2Flocalhost%2Fissues%2F{queue}%3Fapp%3Dim");
    let answer = send(&desk, &format!("/issues/{route}"), &into, "same-origin").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    // The old address leads to what it was merged into, with everything that it asked for.
    let old = get(&desk, &format!("/issues/{route}?range=7d")).await;
    assert_eq!(old.onward, format!("/issues/{queue}?range=7d"));
    let page = get(&desk, &old.onward).await.body;
    assert!(
        page.contains("3 reports from 3 installs") && page.contains("Merged with"),
        "{page}"
    );
    assert!(page.contains("panic-message-v1"));
    let again = send(&desk, &format!("/issues/{route}"), &into, "same-origin").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    let page = post(
        &desk,
        &format!("/issues/{queue}"),
        &format!("do=split&issue={route}"),
    )
    .await
    .body;
    assert!(page.contains("2 reports from 2 installs") && page.contains("Merge again"));
    assert_eq!(
        get(&desk, &format!("/issues/{route}")).await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn what_somebody_says_stands_on_the_page_and_is_no_markup() {
    let (desk, _) = three().await;
    let queue = number(&desk, "queue is full").await;
    let path = format!("/issues/{queue}");
    let page = post(
        &desk,
        &path,
        "do=note&note=%3Cscript%3Ealert(1)%3C%2Fscript%3E",
    )
    .await
    .body;
    assert!(page.contains("&#60;script&#62;alert(1)") && !page.contains("<script>alert"));
    let page = post(&desk, &path, "do=assign&who=%E6%9D%8E%E4%BC%9F")
        .await
        .body;
    assert!(page.contains("Assigned to 李伟."));
    assert!(
        get(&desk, "/issues?who=%E6%9D%8E%E4%BC%9F")
            .await
            .body
            .contains("queue is full")
    );
    assert!(
        !get(&desk, "/issues?who=-")
            .await
            .body
            .contains("queue is full")
    );
    let page = post(&desk, &path, "do=ignore&until=reports&n=2").await.body;
    assert!(page.contains("Ignored until 2 more reports."), "{page}");
    let markdown = get(&desk, &format!("{path}/issue.md")).await.body;
    assert!(
        markdown.starts_with("# panic: queue is full\n") && markdown.contains("| 1.1.0 | 1 |"),
        "{markdown}"
    );
    assert!(markdown.contains("\n- grouped by `panic-"), "{markdown}");
    // Somebody else's page cannot.
    for site in ["cross-site", "none"] {
        let foreign = send(&desk, &path, "do=reopen", site).await;
        assert_eq!(foreign.status, StatusCode::BAD_REQUEST, "{site}");
    }
    assert!(get(&desk, &path).await.body.contains("state ignored"));
}

#[tokio::test]
async fn programs_and_tables_tell_what_the_pages_tell() {
    let (desk, _) = three().await;
    let queue = number(&desk, "queue is full").await;
    post(
        &desk,
        &format!("/issues/{queue}"),
        "do=resolve&release=1.1.0",
    )
    .await;
    let range = format!("app=im&from={}&to={}", NOW - 9_000, NOW + 9_000);
    let list = asked(
        &desk,
        &format!("/api/v1/issues?{range}&sort=reports&limit=1&state=all"),
    )
    .await;
    assert_eq!(
        (&list["total"], list["issues"].as_array().map(Vec::len)),
        (&3.into(), Some(1))
    );
    let first = &list["issues"][0];
    assert_eq!(
        (&first["reports"], &first["state"]["is"]),
        (&2.into(), &"resolved".into())
    );
    let one = asked(&desk, &format!("/api/v1/issues/{queue}?{range}")).await;
    assert_eq!(one["by_release"]["shown"].as_array().map(Vec::len), Some(2));
    assert_eq!(one["history"][0]["did"], "resolved");
    assert_eq!(one["why"]["rule"], "panic-message-v1");
    let table = get(&desk, "/issues.csv?state=all&q=QUEUE").await.body;
    let rows: Vec<&str> = table.lines().collect();
    assert_eq!(rows.len(), 2);
    assert!(
        rows[1].starts_with(&format!(
            "{queue},crash,resolved,,panic: queue is full,,2,2,2,2,"
        )),
        "{table}"
    );
}

#[tokio::test]
async fn a_program_does_what_people_do_and_the_history_names_its_token() {
    let (mut desk, _) = three().await;
    let (queue, route, empty) = (
        number(&desk, "queue is full").await,
        number(&desk, "no route left").await,
        number(&desk, "empty answer").await,
    );
    let door = Door::of(desk.state.office.data());
    let token = |name: &str, scopes: &[Scope]| {
        let name = name.parse().expect("a name");
        let scopes = scopes.iter().copied().collect();
        let made = (door.register()).add_token(&name, scopes, "wei", NOW, || Ok(()));
        made.expect("a token").reveal().to_owned()
    };
    let (ci, reader) = (
        token("ci", &[Scope::Triage, Scope::Read]),
        token("grafana", &[Scope::Read, Scope::Reports, Scope::Symbols]),
    );
    desk.state.door = Arc::new(door);
    let router = api::router(desk.state.clone());
    let send = async |token: &str, body: serde_json::Value| {
        let request = Request::post("/api/v1/issues")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let answer = ask(&router, request.expect("a request")).await;
        let said: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        (answer.status, said)
    };
    let change = async |token: &str, issues: &[&str], change: serde_json::Value| {
        let body = json!({ "app": "im", "issues": issues, "change": change });
        send(token, body).await
    };
    let shown = async |issue: &str| {
        let path = format!(
            "/api/v1/issues/{issue}?app=im&from={}&to={}",
            NOW - 9_000,
            NOW + 9_000
        );
        let request = Request::get(path).header("authorization", format!("Bearer {ci}"));
        let answer = ask(&router, request.body(Body::empty()).expect("a request")).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        serde_json::from_str::<serde_json::Value>(&answer.body).expect("JSON")
    };

    let resolve = json!({ "do": "resolve", "release": "1.1.0" });
    let refused = change(&reader, &[&queue], resolve.clone()).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN);
    assert_eq!(shown(&queue).await["state"]["is"], "open");

    let all = [queue.as_str(), &route, &empty];
    assert_eq!(
        change(&ci, &all, resolve).await,
        (StatusCode::OK, json!({ "changed": 3 }))
    );
    assert_eq!(
        shown(&queue).await["state"],
        json!({ "is": "resolved", "release": "1.1.0", "next": false })
    );
    for (what, state) in [
        (json!({ "do": "reopen" }), "open"),
        (
            json!({ "do": "ignore", "until": { "reports": 3 } }),
            "ignored",
        ),
        (json!({ "do": "assign", "to": "Wei" }), "ignored"),
        (json!({ "do": "note", "note": "look here" }), "ignored"),
        (json!({ "do": "mute", "until": NOW + 60 }), "ignored"),
    ] {
        let done = change(&ci, &[&queue], what.clone()).await;
        assert_eq!(done.0, StatusCode::OK, "{what}: {}", done.1);
        assert_eq!(shown(&queue).await["state"]["is"], state, "{what}");
    }
    for (what, changed) in [
        (json!({ "do": "assign", "to": "Mei" }), 2),
        (json!({ "do": "mute" }), 2),
        (json!({ "do": "unmute" }), 2),
    ] {
        let unknown = "0000000000000001";
        let done = change(&ci, &[&route, &empty, &route], what.clone()).await;
        assert_eq!(
            done,
            (StatusCode::OK, json!({ "changed": changed })),
            "{what}"
        );
        let done = change(&ci, &[unknown], json!({ "do": "mute" })).await;
        assert_eq!(done.0, StatusCode::NOT_FOUND);
    }
    assert_eq!(shown(&empty).await["assignee"], "Mei");
    let page = shown(&queue).await;
    assert_eq!(page["assignee"], "Wei");
    assert_eq!(
        page["muted"],
        json!({ "until": NOW + 60, "who": "token ci" })
    );
    let history = page["history"].as_array().expect("a history");
    let by_hand = history.iter().filter(|turn| turn["did"] != "seen");
    assert!(by_hand.clone().all(|turn| turn["who"] == "token ci"));
    assert_eq!(by_hand.count(), 5);
    change(&ci, &[&queue], json!({ "do": "unmute" })).await;
    assert!(shown(&queue).await["muted"].is_null());

    let merge = json!({ "do": "merge", "into": queue });
    assert_eq!(
        change(&ci, &[&route], merge.clone()).await.0,
        StatusCode::OK
    );
    assert_eq!(shown(&route).await["id"], queue.as_str());
    assert_eq!(change(&ci, &[&route], merge).await.0, StatusCode::CONFLICT);
    let split = json!({ "do": "split" });
    assert_eq!(change(&ci, &[&route], split).await.0, StatusCode::OK);
    assert_eq!(shown(&route).await["id"], route.as_str());

    // What pages would not take is not taken here.
    for wrong in [
        json!({ "do": "burn" }),
        json!({ "do": "note", "note": " " }),
        json!({ "do": "ignore", "until": { "reports": 0 } }),
        json!({ "do": "ignore", "until": { "date": NOW } }),
        json!({ "do": "mute", "until": NOW }),
        json!({ "do": "reopen", "release": "1.0.0" }),
        json!({ "do": "resolve", "release": "a@b.c" }),
        json!({ "do": "merge", "into": "1f" }),
    ] {
        let (status, said) = change(&ci, &[&queue], wrong.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}: {said}");
    }
    assert_eq!(
        change(&ci, &[], json!({ "do": "reopen" })).await.0,
        StatusCode::BAD_REQUEST
    );
    let nobody = change(&ci, &["0000000000000001"], json!({ "do": "reopen" })).await;
    assert_eq!(
        (nobody.0, &nobody.1["error"]),
        (StatusCode::NOT_FOUND, &"unknown_issue".into())
    );
    let other = json!({ "app": "other", "issues": [queue], "change": { "do": "reopen" } });
    assert_eq!(send(&ci, other).await.0, StatusCode::NOT_FOUND);
    let trail = desk.state.office.trail().last(20).expect("a trail");
    let by_token = trail.iter().filter(|entry| entry.who == "token ci");
    assert!(by_token.count() >= 9);
}

#[tokio::test]
async fn a_full_page_of_the_list_is_small() {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    let words = |n: u16| {
        format!(
            "{} of what was asked for is missing",
            ["alpha", "beta", "gamma", "delta"][n as usize % 4].repeat(1 + n as usize / 4)
        )
    };
    let reports: Vec<Report> = (0..60).map(|n| panicked(n, &words(n), "1.0.0")).collect();
    desk.send(&key, &reports).await;
    let plan = Plan {
        seed: 7,
        devices: 24,
        hours: 30,
        now: NOW,
        precision: Precision::Hour,
    };
    desk.send(&key, &fleet::reports(plan)).await;
    let page = get(&desk, "/issues?range=7d").await.body;
    assert_eq!(page.matches("data-choose").count(), 40);
    assert!(page.len() < 60_000, "{} bytes", page.len());
    assert!(page.contains("1 to 40 of ") && page.contains("rel=\"next\""));
}

#[tokio::test]
async fn an_issue_is_narrowed_to_one_release_with_everything_that_it_tells() {
    let (desk, _) = three().await;
    let queue = number(&desk, "queue is full").await;
    let page = get(&desk, &format!("/issues/{queue}")).await.body;
    assert!(page.contains("2 reports from 2 installs"), "{page}");
    assert!(page.contains(&format!("href=\"/issues/{queue}?release=1.1.0\"")));
    let page = get(&desk, &format!("/issues/{queue}?release=1.1.0")).await;
    let page = page.body;
    assert!(page.contains("Only release 1.1.0 is shown."), "{page}");
    assert!(page.contains("1 report from 1 install"), "{page}");
    assert_eq!(page.matches("data-item").count(), 1, "one report is listed");
    // What leads on from there stays there; what leads back does not.
    assert!(page.contains(&format!("href=\"/issues/{queue}\">All releases")));
    assert!(page.contains("stack.txt?report=") && page.contains("&#38;release=1.1.0"));
    let page = get(&desk, &format!("/issues/{queue}?release=3.0.0")).await;
    assert!(page.body.contains("Release 3.0.0 is not shown on its own"));
    assert!(page.body.contains("2 reports from 2 installs"));

    let range = format!("app=im&from={}&to={}", NOW - 9_000, NOW + 9_000);
    let path = format!("/api/v1/issues/{queue}?{range}&release=1.1.0");
    let told = asked(&desk, &path).await;
    assert_eq!(
        (&told["reports"], &told["installs"]),
        (&1.into(), &1.into())
    );
    let shown = |of: &str| told[of]["shown"].as_array().expect("classes").len();
    assert_eq!((shown("by_release"), shown("by_os")), (2, 1));
    let path = format!("/api/v1/issues/{queue}?{range}&release=3.0.0");
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let answer = ask(&api::router(desk.state.clone()), request).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
