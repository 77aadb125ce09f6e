//! What an admin decides on pages: apps and their keys, how long reports are kept, what agents are asked to leave out. Each is in the
//! audit trail, and what is refused changes nothing.

mod desk;
mod fleet;

use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use candor_collector::access::KeyHash;
use candor_collector::privacy::settings::Class;
use candor_collector::store::Store;
use candor_protocol::deidentify::{AppName, Release};
use candor_protocol::moment::Precision;
use candor_protocol::report::Kind;
use desk::Desk;
use fleet::Plan;
use tower::ServiceExt;

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;
const DAY: u64 = 86_400;

fn app(name: &str) -> AppName {
    AppName::parse(name).expect("a name")
}

async fn ask(desk: &Desk, request: Request<Body>) -> (StatusCode, String) {
    let asked = desk.router.clone().oneshot(request).await;
    let response = asked.expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), 16 << 20).await;
    let body = String::from_utf8(body.expect("a body").into()).expect("text");
    (status, body)
}

async fn get(desk: &Desk, path: &str) -> String {
    let request = Request::get(path).body(Body::empty()).expect("a request");
    let (status, body) = ask(desk, request).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body
}

async fn post(desk: &Desk, path: &str, form: &str) -> (StatusCode, String) {
    let request = Request::post(path).header("sec-fetch-site", "same-origin");
    let body = Body::from(form.to_owned());
    ask(desk, request.body(body).expect("a request")).await
}

/// What was done, oldest first: what the trail says of it.
fn trail(desk: &Desk) -> Vec<String> {
    let entries = desk.state.office.trail().last(100).expect("a trail");
    let lines = entries.iter().rev().map(|entry| {
        let (who, app) = (&entry.who, &entry.app);
        format!("{who} {:?} {app} {}", entry.did, entry.what)
    });
    lines.collect()
}

/// A key that a page shows once.
struct Shown(String);

impl Shown {
    fn on(page: &str) -> Self {
        let start = page.find("<code id=\"secret\">").expect("a key") + 18;
        let end = page[start..].find('<').expect("an end") + start;
        Self(page[start..end].to_owned())
    }

    fn hash(&self) -> KeyHash {
        KeyHash::of_presented(&self.0).expect("a key")
    }
}

async fn is_taken(desk: &Desk, key: &Shown, at: u64) -> bool {
    let found = desk.state.store.key(key.hash()).await.expect("an answer");
    found.expect("it is known").is_taken(at)
}

#[tokio::test]
async fn an_app_is_added_and_its_keys_follow_each_other_with_an_overlap() {
    let desk = Desk::open(NOW);
    assert!(
        get(&desk, "/settings/apps")
            .await
            .contains("There is no app yet")
    );
    let (status, page) = post(&desk, "/settings/apps", "do=add&app=im").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let first = Shown::on(&page);
    assert!(is_taken(&desk, &first, NOW).await);
    let again = get(&desk, "/settings/apps").await;
    assert!(again.contains("app-im") && !again.contains(first.0.as_str()));

    let (status, page) = post(&desk, "/settings/apps", "do=add&app=im").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(
        page.contains("exists") && !page.contains("id=\"secret\""),
        "{page}"
    );
    let (status, _) = post(&desk, "/settings/apps", "do=add&app=No+Name").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);

    let (_, page) = post(&desk, "/settings/apps", "do=key&app=im&overlap=7").await;
    let second = Shown::on(&page);
    assert!(page.contains("until 2026-03-21 09:26 UTC"), "{page}");
    assert!(is_taken(&desk, &first, NOW + 7 * DAY - 1).await);
    assert!(!is_taken(&desk, &first, NOW + 7 * DAY).await);
    assert!(is_taken(&desk, &second, NOW + 1_000 * DAY).await);
    // One more, and the others stay.
    let (_, page) = post(&desk, "/settings/apps", "do=key&app=im&overlap=").await;
    let third = Shown::on(&page);
    assert!(is_taken(&desk, &second, NOW + 1_000 * DAY).await);

    for key in [&first, &second, &third] {
        let form = format!("do=end&app=im&key={}&in=0", key.hash().id());
        let (status, _) = post(&desk, "/settings/apps", &form).await;
        assert_eq!(status, StatusCode::SEE_OTHER);
        assert!(!is_taken(&desk, key, NOW).await);
    }
    let page = get(&desk, "/settings/apps").await;
    assert!(page.contains("nothing more is taken of it") && !page.contains("value=\"end\""));
    let (status, _) = post(&desk, "/settings/apps", "do=end&app=im&key=00000000&in=0").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = post(&desk, "/settings/apps", "do=key&app=mail").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);

    let id = |key: &Shown| key.hash().id().to_string();
    let (first, second, third) = (id(&first), id(&second), id(&third));
    let expected = [
        "dashboard AppAdded im ".to_owned(),
        format!("dashboard KeyAdded im key {second}"),
        format!("dashboard KeyEnded im key {first} at 2026-03-21 09:26 UTC"),
        format!("dashboard KeyAdded im key {third}"),
        format!("dashboard KeyEnded im key {first} at 2026-03-14 09:26 UTC"),
        format!("dashboard KeyEnded im key {second} at 2026-03-14 09:26 UTC"),
        format!("dashboard KeyEnded im key {third} at 2026-03-14 09:26 UTC"),
    ];
    assert_eq!(trail(&desk), expected);
}

#[tokio::test]
async fn when_a_key_was_used_last_is_seen() {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    assert!(get(&desk, "/settings/apps").await.contains("never"));
    let plan = Plan {
        seed: 7,
        devices: 2,
        hours: 3,
        now: NOW,
        precision: Precision::Hour,
    };
    let reports = fleet::reports(plan);
    desk.send(&key, &reports).await;
    desk.send(&key, &reports[..1]).await;
    let page = get(&desk, "/settings/apps").await;
    // One row: what was received is what was stored and what had been there before.
    let row = page.split_once("2026-03-14</th>").expect("a day").1;
    let row = row.split_once("</tr>").expect("an end").0;
    let cells = [reports.len() + 1, reports.len(), 1, 0, 0];
    let cells = cells.map(|count| format!("<td class=\"n\">{count}</td>"));
    assert!(row.ends_with(&cells.concat()), "{row}");
    assert!(
        page.contains("2026-03-14") && !page.contains("never"),
        "{page}"
    );
}

#[tokio::test]
async fn days_are_agreed_on_within_the_hard_limit_alone() {
    let desk = Desk::open(NOW);
    desk.add_app("im").await;
    desk.add_app("mail").await;
    let path = "/settings/retention?app=im";
    assert!(get(&desk, path).await.contains("max=\"400\""));
    let (status, _) = post(&desk, path, "class=crash&days=60").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let days = |name: &str| {
        let settings = desk.state.office.settings().expect("settings");
        settings.days(&app(name), Class::Crash)
    };
    assert_eq!((days("im"), days("mail")), (60, 90));
    assert!(get(&desk, path).await.contains("value=\"60\""));
    for form in [
        "class=crash&days=401",
        "class=crash&days=0",
        "class=crash&days=soon",
        "class=everything&days=1",
        // Reports would outlive their summaries.
        "class=summaries&days=30",
    ] {
        let (status, page) = post(&desk, path, form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{form}: {page}");
    }
    assert_eq!(days("im"), 60);
    let expected = ["dashboard SettingChanged im crash for 60 days"];
    assert_eq!(trail(&desk), expected);
}

#[tokio::test]
async fn agents_of_a_range_of_releases_are_asked_for_less_until_that_is_taken_back() {
    let desk = Desk::open(NOW);
    desk.add_app("im").await;
    let path = "/settings/remote?app=im";
    assert!(get(&desk, path).await.contains("Nothing: agents do"));
    let form = "do=ask&from=1.2&before=1.4.0&kind_off=freeze&sample_connection=10&sample_crash=&every=30&extra_off=usage&off_hours=";
    let (status, page) = post(&desk, path, form).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{page}");
    let asked = |release: &str| {
        let settings = desk.state.office.settings().expect("settings");
        let release = Release::parse(release).expect("a release");
        settings.narrowing(&app("im"), &release, NOW)
    };
    let less = asked("1.3").expect("less");
    assert_eq!(less.kinds_off, [Kind::Freeze]);
    assert_eq!(less.upload_every_seconds, Some(1_800));
    assert_eq!(less.sample[0].percent, 10);
    assert_eq!((asked("1.1"), asked("1.4.0")), (None, None));
    let page = get(&desk, path).await;
    for said in [
        "from 1.2 to before 1.4.0",
        "no Freezes",
        "10 % of runs",
        "every 30 min",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    let page = get(&desk, "/settings/remote?app=im&edit=0").await;
    assert!(page.contains("name=\"from\" value=\"1.2\""), "{page}");

    // The kill switch, for all releases.
    let (status, _) = post(&desk, path, "do=ask&off=yes").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert!(asked("9.0").expect("off").off_until.is_some());
    let (status, _) = post(&desk, path, "do=back&from=&before=").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(asked("9.0"), None);

    for form in [
        "do=ask&off_hours=169",
        "do=ask&every=1441",
        "do=ask&sample_freeze=101",
        "do=ask&from=2&before=1&off=yes",
        "do=ask&from=a@b.c&off=yes",
    ] {
        let (status, page) = post(&desk, path, form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{form}");
        assert!(page.contains("role=\"alert\""), "{form}");
    }
    let (status, _) = post(&desk, path, "do=back&from=1.2&before=1.4.0").await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    assert_eq!(asked("1.3"), None);
    let said = trail(&desk);
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(
        said.iter()
            .all(|line| line.starts_with("dashboard SettingChanged im agents: ")),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_the_trail_cannot_hold_is_not_done() {
    let desk = Desk::open(NOW);
    desk.add_app("im").await;
    // A file where the trail's directory should be.
    let trail = desk.state.office.data().join("privacy/audit");
    std::fs::remove_dir_all(&trail).expect("it is there");
    std::fs::write(&trail, "").expect("a file");
    for (path, form) in [
        ("/settings/apps", "do=add&app=mail"),
        ("/settings/apps", "do=key&app=im"),
        ("/settings/retention?app=im", "class=crash&days=60"),
        ("/settings/remote?app=im", "do=ask&off=yes"),
    ] {
        let (status, page) = post(&desk, path, form).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{form}");
        assert!(!page.contains("id=\"secret\""), "{form}");
    }
    let store = &desk.state.store;
    assert_eq!(store.apps().await.expect("apps"), [app("im")]);
    assert_eq!(store.keys(&app("im")).await.expect("keys").len(), 1);
    let settings = desk.state.office.settings().expect("settings");
    assert!(settings.apps.is_empty());
}
