//! What is owed to the people whose devices report, tried from outside.

mod support;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use candor_collector::access::{Door, IngestKey};
use candor_collector::ingest::{self, Limits};
use candor_collector::privacy::groups::{self, SmallGroups};
use candor_collector::privacy::receipt::Receipt;
use candor_collector::privacy::{Office, retention};
use candor_collector::state::{Clock, State};
use candor_collector::store::sqlite::SqliteStore;
use candor_collector::store::{IssueFilter, Span, Store};
use candor_collector::{api, dashboard};
use candor_protocol::answer::Accepted;
use candor_protocol::batch;
use candor_symbols::Symbols;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use support::{app, holds, line, pseudonym};
use tempfile::TempDir;
use tower::ServiceExt;

const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
/// 2026-11-26 00:00 UTC, a Thursday: a block of small groups begins here.
const START: u64 = 1_795_651_200;

/// A collector with a clock that a story sets.
struct Desk {
    now: Arc<AtomicU64>,
    state: State<SqliteStore>,
    router: Router,
    key: IngestKey,
    data: TempDir,
}

struct Answer {
    status: StatusCode,
    body: String,
}

impl Answer {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.body))
    }
}

impl Desk {
    async fn open() -> Self {
        Self::open_with(SmallGroups::default()).await
    }

    async fn open_with(small: SmallGroups) -> Self {
        let data = tempfile::tempdir().unwrap();
        let now = Arc::new(AtomicU64::new(START));
        let told = now.clone();
        let store = SqliteStore::open(data.path()).unwrap();
        let office = Office::open(data.path()).unwrap();
        let state = State {
            clock: Clock::new(move || told.load(Ordering::Relaxed)),
            small,
            door: Arc::new(Door::of(data.path()).open()),
            ..State::new(store, Symbols::open([data.path()]), office)
        };
        let key = IngestKey::generate();
        state.store.add_app(&app(), key.hash()).await.unwrap();
        let router = ingest::router(state.clone(), Limits::default())
            .merge(api::router(state.clone()))
            .merge(dashboard::router(state.clone()));
        Self {
            now,
            state,
            router,
            key,
            data,
        }
    }

    fn set(&self, now: u64) {
        self.now.store(now, Ordering::Relaxed);
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 << 20).await.unwrap();
        Answer {
            status: parts.status,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// Posts with the app's key.
    async fn post(&self, path: &str, body: Vec<u8>) -> Answer {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {}", self.key.reveal()))
            .header("content-length", body.len())
            .body(Body::from(body))
            .unwrap();
        self.ask(request).await
    }

    async fn post_json(&self, path: &str, body: serde_json::Value) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        self.ask(request).await
    }

    /// Posts a form as a browser does.
    async fn post_form(&self, site: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post("/privacy?app=im")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", site)
            .body(Body::from(body))
            .unwrap();
        self.ask(request).await
    }

    async fn send(&self, lines: &[String]) -> Answer {
        self.post("/v1/batches", support::pack(lines)).await
    }

    async fn keep(&self, lines: &[String]) {
        for lines in lines.chunks(100) {
            let answer = self.send(lines).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
            assert_eq!(answer.json()["stored"], lines.len());
        }
    }

    fn trail(&self) -> Vec<String> {
        let entries = self.state.office.trail().last(1_000).unwrap();
        let said = |entry: &candor_collector::privacy::audit::Entry| {
            format!("{} {:?} {}", entry.who, entry.did, entry.what)
        };
        entries.iter().map(said).collect()
    }
}

/// A report of one device at one moment.
fn at(line: String, at: u64) -> String {
    line.replace("1699999200", &(at - at % HOUR).to_string())
}

fn release(line: String, release: &str) -> String {
    line.replace("\"1.2.3\"", &format!("\"{release}\""))
}

fn run(number: u32, who: u32) -> String {
    line(number, who, "{\"run\":{}}")
}

fn panicked(number: u32, who: u32, message: &str) -> String {
    let what = format!(
        "{{\"crash\":{{\"cause\":{{\"panic\":{{\"message\":\"{message}\"}}}},\"fatal\":true,\"thread\":{{\"main\":true,\
         \"stack\":{{\"frames\":[]}}}},\"modules\":[],\"uptime_ms\":5}}}}"
    );
    line(number, who, &what)
}

/// The bytes that thirty-two digits stand for.
fn raw(digits: &str) -> Vec<u8> {
    u128::from_str_radix(digits, 16)
        .unwrap()
        .to_be_bytes()
        .to_vec()
}

// ---- What might identify somebody

#[tokio::test]
async fn a_report_that_leaks_is_counted_and_the_others_of_its_batch_are_kept() {
    let desk = Desk::open().await;
    let secret = "wang.fang@example.org";
    let lines = [
        run(1, 1),
        release(panicked(2, 2, &format!("no route to {secret}")), "2.0.1"),
        run(3, 3),
        run(4, 4).replace("\"1.2.3\"", &format!("\"{secret}\"")),
    ];
    let answer = desk.send(&lines).await;
    assert_eq!(answer.status, StatusCode::OK);
    let accepted: Accepted = serde_json::from_str(&answer.body).unwrap();
    assert_eq!((accepted.stored, accepted.duplicates), (2, 0));
    let told: Vec<_> = accepted
        .quarantined
        .iter()
        .map(|one| (one.line, one.field.as_str(), one.reason.as_str()))
        .collect();
    let message = "what.crash.cause.panic.message";
    assert_eq!(
        told,
        [(3, message, "not_scrubbed"), (5, "release", "alphabet")]
    );
    let ledger = desk.get("/api/v1/ledger?app=im").await.json();
    assert_eq!(ledger["refused"]["quarantined"], 2);
    let rows = desk.get("/api/v1/quarantine?app=im").await.json();
    let row = rows
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["field"] == message)
        .unwrap();
    assert_eq!(
        (&row["release"], &row["reports"]),
        (&"2.0.1".into(), &1.into())
    );
    let page = desk.get("/privacy?app=im").await;
    assert!(page.body.contains(message) && page.body.contains("2.0.1"));
    for said in [&answer.body, &page.body] {
        assert!(!said.contains("wang"), "{said}");
    }
    assert!(!holds(desk.data.path(), b"wang.fang"));
    // What is wrong in any other way is named apart.
    let bad = desk
        .send(&[run(5, 5), run(6, 6).replace("{}", "{\"mood\":1}")])
        .await;
    let said = bad.json();
    assert_eq!((bad.status, &said["stored"]), (StatusCode::OK, &1.into()));
    assert_eq!(said["refused"][0]["error"], "bad_report");
    assert!(said.get("quarantined").is_none(), "{said}");
}

// ---- Where it is kept

#[tokio::test]
async fn batches_of_another_region_are_refused_with_a_reason_and_that_is_written_down_once() {
    let desk = Desk::open().await;
    let batch = |region: &str, number| {
        let region = region.parse().unwrap();
        batch::pack_for(Some(&region), [run(number, number).as_str()]).unwrap()
    };
    let set = |region: &str| {
        let region = region.parse().unwrap();
        desk.state
            .office
            .change_settings("test", START, None, "region".to_owned(), |settings| {
                settings.region = Some(region);
                Ok(())
            })
            .unwrap();
    };
    set("cn-north");
    for number in 0..3 {
        let refused = desk.post("/v1/batches", batch("cn-south", number)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
        assert_eq!(refused.json()["error"], "wrong_region");
        assert!(refused.body.contains("another region"), "{}", refused.body);
    }
    let noted = |desk: &Desk| {
        desk.trail()
            .iter()
            .filter(|line| line.contains("RegionRefused"))
            .count()
    };
    assert_eq!(noted(&desk), 1);
    // Nothing of it is stored, and nothing counts as refused for good: the agent still has it.
    let ledger = desk.state.store.ledger(&app()).await.unwrap();
    assert_eq!((ledger.stored.len(), ledger.refused.len()), (0, 0));
    // An agent asks where it is before it sends anything, and hears it with every answer.
    let question = batch::pack_for(Some(&"cn-north".parse().unwrap()), []).unwrap();
    let answer = desk.post("/v1/batches", question).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["region"], "cn-north");
    assert_eq!(desk.state.store.ledger(&app()).await.unwrap(), ledger);
    let answer = desk.post("/v1/batches", batch("cn-north", 9)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.json()["region"], "cn-north");
    assert_eq!(desk.send(&[run(10, 10)]).await.status, StatusCode::OK);
    // What was agreed on by another process holds at once.
    let other = Office::open(desk.data.path()).unwrap();
    other
        .change_settings("test", START, None, "region".to_owned(), |settings| {
            settings.region = Some("cn-south".parse().unwrap());
            Ok(())
        })
        .unwrap();
    let refused = desk.post("/v1/batches", batch("cn-north", 11)).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

// ---- How long it is kept

#[tokio::test]
async fn in_four_hundred_days_nothing_outlives_what_was_agreed_and_summaries_stay() {
    let desk = Desk::open_with(SmallGroups::Show).await;
    let agreed = |class: &str| match class {
        "crash" => 90,
        "connection" => 10,
        _ => 60,
    };
    desk.state
        .office
        .change_settings("test", START, Some(&app()), String::new(), |settings| {
            settings.agree(&app(), "connection".parse()?, 10)?;
            settings.agree(&app(), "run".parse()?, 60)?;
            settings.agree(&app(), "summaries".parse()?, 200)
        })
        .unwrap();
    let window = "{\"connection\":{\"name\":\"link\",\"endpoint\":\"gate\",\"transport\":\"tcp\",\"network\":\"wifi\",\"seconds\":60,\
                  \"attempts\":1,\"ready\":1,\"sent\":0,\"received\":0,\"sent_bytes\":0,\"received_bytes\":0,\"up_ms\":1,\"down_ms\":1}}";
    for day in 0..300u32 {
        let now = START + u64::from(day) * DAY + HOUR;
        desk.set(now);
        let message = format!("canary of day {day}x");
        let lines = [
            at(run(day * 10 + 1, day), now),
            at(panicked(day * 10 + 2, day, &message), now),
            at(line(day * 10 + 3, day, window), now),
        ];
        desk.keep(&lines).await;
        retention::pass(&desk.state).await.unwrap();
        if day % 50 != 49 {
            continue;
        }
        // What is kept of each kind is exactly what is young enough.
        for (kind, number) in [("run", 1), ("crash", 2), ("connection", 3)] {
            for old in 0..=day {
                let id = format!("{:032x}", old * 10 + number).parse().unwrap();
                let kept = desk.state.store.report(&app(), id).await.unwrap().is_some();
                assert_eq!(
                    kept,
                    day - old <= agreed(kind),
                    "{kind} of day {old} on day {day}"
                );
            }
        }
        // A device of whose reports the last one is gone is in no byte of any file.
        let gone = day.saturating_sub(91);
        if day > 91 {
            assert!(
                !holds(desk.data.path(), &raw(&pseudonym(gone))),
                "day {day}"
            );
            assert!(holds(desk.data.path(), &raw(&pseudonym(day))));
        }
    }
    let span = |from: u64, to: u64| Span {
        from: START + from * DAY,
        to: START + to * DAY,
        step: DAY,
    };
    // Of the days whose reports are gone the sums are left, until they are too old as well.
    let runs = async |from, to| {
        desk.state
            .store
            .health(&app(), span(from, to))
            .await
            .unwrap()
            .runs
    };
    assert_eq!((runs(0, 90).await, runs(100, 200).await), (0, 100));
    let filter = IssueFilter::all(span(100, 200), 0);
    let issues = desk.state.store.issues(&app(), filter).await.unwrap().rows;
    assert_eq!(issues.iter().map(|row| row.reports).sum::<u64>(), 100);
    // Nobody sends any more; in the end nothing is left.
    for day in (300..=700).step_by(20) {
        desk.set(START + day * DAY);
        retention::pass(&desk.state).await.unwrap();
    }
    assert_eq!(runs(0, 700).await, 0);
    for day in [0, 150, 299] {
        assert!(!holds(desk.data.path(), &raw(&pseudonym(day))));
        assert!(!holds(
            desk.data.path(),
            format!("canary of day {day}x").as_bytes()
        ));
    }
    assert!(!holds(desk.data.path(), b"canary"));
    assert!(desk.state.office.trail().verify().unwrap().is_ok());
}

// ---- What is erased

/// Sends reports of release 9.9.9 whose every value is its own, beside others.
async fn with_canaries(desk: &Desk) -> Vec<Vec<u8>> {
    let mut lines: Vec<String> = (0..40).map(|who| at(run(who, who), START)).collect();
    let mut canaries = vec![b"canaries sing".to_vec(), b"arch64-2c".to_vec()];
    for who in 500..520 {
        let rare = |line: String| {
            let line = release(at(line, START), "9.9.9");
            line.replace("x86_64", "aarch64")
                .replace("\"cores\":8", "\"cores\":2")
        };
        lines.push(rare(run(who, who)));
        lines.push(rare(panicked(who + 1_000, who, "canaries sing here")));
        let id = format!("{who:032x}");
        canaries.extend([raw(&pseudonym(who)), id.into_bytes()]);
    }
    desk.keep(&lines).await;
    canaries
}

fn assert_gone(desk: &Desk, canaries: &[Vec<u8>]) {
    for canary in canaries {
        assert!(
            !holds(desk.data.path(), canary),
            "{canary:02x?} is still there"
        );
    }
}

#[tokio::test]
async fn an_erased_release_is_in_no_byte_and_a_receipt_proves_it() {
    let desk = Desk::open().await;
    let canaries = with_canaries(&desk).await;
    for canary in [&canaries[0], &canaries[2]] {
        assert!(holds(desk.data.path(), canary));
    }
    let what = serde_json::json!({"app": "im", "what": {"release": "9.9.9"}});
    let answer = desk.post_json("/api/v1/erasures", what).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let key = desk.state.office.signer().public();
    let receipt = Receipt::verify(&answer.body, Some(&key)).unwrap();
    assert_eq!(receipt.statement.reports, 40);
    assert_gone(&desk, &canaries);
    let late = desk.send(&[release(run(900, 900), "9.9.9")]).await;
    assert_eq!(
        (late.status, &late.json()["error"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &"erased".into())
    );
    // The page leads to the receipt, as it was given.
    let number = &receipt.statement.number;
    assert!(
        desk.get("/privacy?app=im")
            .await
            .body
            .contains(number.as_str())
    );
    let again = desk
        .get(&format!("/privacy/receipts/{number}?app=im"))
        .await;
    assert_eq!(Receipt::verify(&again.body, Some(&key)), Ok(receipt));
    assert!(desk.trail()[0].contains("api Erased release 9.9.9: 40 reports"));
}

#[tokio::test]
async fn erased_devices_a_range_and_an_app_are_in_no_byte_either() {
    for what in [
        serde_json::json!({"installations": (500..520).map(pseudonym).collect::<Vec<_>>()}),
        serde_json::json!({"range": {"from": START, "to": START + HOUR}}),
        serde_json::json!("app"),
    ] {
        let desk = Desk::open().await;
        let canaries = with_canaries(&desk).await;
        // An open request names one of the devices; it is forgotten there as well.
        let asked = serde_json::json!({"app": "im", "right": "copy", "role": "person", "pseudonyms": [pseudonym(500)]});
        let opened = desk.post_json("/api/v1/requests", asked).await;
        assert_eq!(opened.status, StatusCode::OK, "{}", opened.body);
        let named = raw(&pseudonym(500));
        assert!(!opened.body.contains(&pseudonym(500)));
        let body = serde_json::json!({"app": "im", "what": what});
        assert_eq!(
            desk.post_json("/api/v1/erasures", body).await.status,
            StatusCode::OK
        );
        if what.get("range").is_none() {
            assert!(!holds(desk.data.path(), pseudonym(500).as_bytes()));
        }
        assert!(!holds(desk.data.path(), &named));
        assert_gone(&desk, &canaries);
    }
}

#[tokio::test]
async fn a_device_that_asks_for_erasure_gets_a_receipt() {
    let desk = Desk::open().await;
    desk.keep(&[run(1, 1), run(2, 2)]).await;
    let body = serde_json::json!({ "pseudonyms": [pseudonym(1)] }).to_string();
    let answer = desk.post("/v1/erasures", body.into_bytes()).await.json();
    assert_eq!(answer["reports"], 1);
    let receipt = answer["receipt"].to_string();
    let key = desk.state.office.signer().public();
    let statement = Receipt::verify(&receipt, Some(&key)).unwrap().statement;
    assert_eq!((statement.reports, statement.by.as_str()), (1, "agent"));
    assert!(!receipt.contains(&pseudonym(1)));
}

#[tokio::test]
async fn a_website_cannot_have_anything_erased() {
    let desk = Desk::open().await;
    desk.keep(&[run(1, 1)]).await;
    let body = || Body::from(r#"{"app":"im","what":"app"}"#);
    let post = || Request::post("/api/v1/erasures");
    for (request, status) in [
        (post().body(body()), StatusCode::UNSUPPORTED_MEDIA_TYPE),
        (
            post().header("content-type", "text/plain").body(body()),
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ),
        (
            post()
                .header("content-type", "application/json")
                .header("host", "evil.example")
                .body(body()),
            StatusCode::FORBIDDEN,
        ),
    ] {
        assert_eq!(desk.ask(request.unwrap()).await.status, status);
    }
    for site in ["cross-site", "same-site", "none"] {
        let fields = [("do", "open"), ("right", "delete"), ("role", "person")];
        assert_eq!(
            desk.post_form(site, &fields).await.status,
            StatusCode::BAD_REQUEST
        );
    }
    assert!(desk.state.office.requests().unwrap().is_empty());
    assert_eq!(desk.state.store.ledger(&app()).await.unwrap().erased, 0);
    for wrong in [
        serde_json::json!({"app": "im"}),
        serde_json::json!({"app": "im", "what": "everything"}),
        serde_json::json!({"app": "im", "what": {"range": {"from": 5, "to": 5}}}),
        serde_json::json!({"app": "im", "what": {"installations": []}}),
    ] {
        let answer = desk.post_json("/api/v1/erasures", wrong).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.body);
    }
    let nobody = serde_json::json!({"app": "nobody", "what": "app"});
    assert_eq!(
        desk.post_json("/api/v1/erasures", nobody).await.status,
        StatusCode::NOT_FOUND
    );
}

// ---- Small groups

/// Runs of `installs` devices, `each` for each of them, of one release in one hour.
fn fleet(first: u32, installs: u32, each: u32, version: &str, when: u64) -> Vec<String> {
    (0..installs * each)
        .map(|index| {
            let who = first + index % installs;
            let number = first * 1_000 + index;
            // Every run is its own.
            let run = run(number, who).replace(
                &format!("\"run\":\"{who:032x}\""),
                &format!("\"run\":\"{number:032x}\""),
            );
            release(at(run, when), version)
        })
        .collect()
}

#[tokio::test]
async fn no_difference_of_two_views_tells_of_a_few() {
    let desk = Desk::open().await;
    const WEEK: u64 = 7 * DAY;
    // 2.0 is small in the first week, with counts that nothing else has, and large in the second.
    let mut lines = fleet(1, 40, 2, "1.0", START + 2 * HOUR);
    lines.extend(fleet(100, 30, 1, "1.1", START + DAY));
    lines.extend(fleet(200, 3, 9, "2.0", START + 3 * DAY));
    lines.extend(fleet(300, 12, 1, "3.0", START + 4 * DAY));
    let second = START + WEEK;
    lines.extend(fleet(400, 40, 1, "1.0", second + HOUR));
    lines.extend(fleet(500, 25, 1, "2.0", second + DAY));
    lines.extend(fleet(600, 11, 1, "3.0", second + 2 * DAY));
    desk.set(second + WEEK - 1);
    desk.keep(&lines).await;
    // What the attacker wants to know: anything about 2.0 in the first week, or about 3 devices.
    const SECRET: [u64; 2] = [27, 3];

    // Every view that begins and ends at a half day.
    let mut views = Vec::new();
    for from in 0..28u64 {
        for to in from + 1..=28 {
            let span = Span {
                from: START + from * DAY / 2,
                to: START + to * DAY / 2,
                step: DAY,
            };
            let seen = groups::releases(&desk.state, &app(), span).await.unwrap();
            let total = desk.state.store.health(&app(), span).await.unwrap();
            let mut figures = vec![("total".to_owned(), total.runs)];
            for row in &seen.rows.shown {
                assert!(row.installs > 0);
                figures.push((row.release.to_string(), row.runs));
            }
            figures.extend(seen.rows.other.map(|row| ("other".to_owned(), row.runs)));
            views.push((from, to, figures));
        }
    }
    let figure = |figures: &[(String, u64)], name: &str| {
        figures
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, runs)| *runs)
    };
    let mut told = 0;
    for (from, to, figures) in &views {
        let touches_first = *from < 14;
        if touches_first {
            assert_eq!(figure(figures, "2.0"), None, "{from} to {to}: {figures:?}");
        }
        told += usize::from(figure(figures, "2.0").is_some());
        for (a_from, a_to, a) in &views {
            for name in ["1.0", "1.1", "2.0", "3.0"] {
                let (Some(one), Some(other)) = (figure(figures, name), figure(a, name)) else {
                    continue;
                };
                let difference = one.abs_diff(other);
                assert!(
                    !SECRET.contains(&difference),
                    "{name}: {from}..{to} and {a_from}..{a_to} differ by {difference}"
                );
            }
            // The total less what is shown, in one view and in the difference of two, is more than the secret.
            let rest = |figures: &[(String, u64)]| {
                let shown: u64 = figures[1..]
                    .iter()
                    .filter(|(name, _)| name != "other")
                    .map(|(_, runs)| runs)
                    .sum();
                figures[0].1 - shown
            };
            let whole_weeks = (from, to) == (&0, &14) && (a_from, a_to) == (&0, &28);
            if whole_weeks {
                assert!(!SECRET.contains(&rest(figures)) && rest(figures) > 27);
                assert!(!SECRET.contains(&rest(a).abs_diff(rest(figures))));
            }
        }
    }
    assert!(told > 0, "in its second week 2.0 is large, and shown");
    // Without the rule the very same subtraction tells it.
    let lax = State {
        small: SmallGroups::Show,
        ..desk.state.clone()
    };
    let week = Span {
        from: START,
        to: second,
        step: DAY,
    };
    let open = groups::releases(&lax, &app(), week).await.unwrap();
    let small = open
        .rows
        .shown
        .iter()
        .find(|row| row.release.as_str() == "2.0")
        .unwrap();
    assert_eq!([small.runs, small.installs], SECRET);
}

#[tokio::test]
async fn no_combination_of_filters_tells_of_a_few_either() {
    let desk = Desk::open().await;
    let window = |number: u32, who: u32, version: &str, network: &str| {
        let what = format!(
            "{{\"connection\":{{\"name\":\"link\",\"endpoint\":\"gate\",\"transport\":\"tcp\",\"network\":\"{network}\",\
             \"seconds\":60,\"attempts\":1,\"ready\":1,\"sent\":0,\"received\":0,\"sent_bytes\":0,\"received_bytes\":0,\
             \"up_ms\":1,\"down_ms\":1}}}}"
        );
        release(at(line(number, who, &what), START + HOUR), version)
    };
    // Every release and every network is large, and so is every complement; three devices alone have 2.0 on a cable.
    let mut lines = Vec::new();
    let mut number = 0;
    let mut add = |first: u32, devices: u32, each: u32, version: &str, network: &str| {
        for index in 0..devices * each {
            number += 1;
            lines.push(window(number, first + index % devices, version, network));
        }
    };
    add(0, 40, 1, "1.0", "wifi");
    add(100, 31, 1, "1.0", "4g");
    add(200, 23, 1, "1.0", "ethernet");
    add(300, 37, 1, "2.0", "wifi");
    add(400, 29, 1, "2.0", "4g");
    add(500, 3, 7, "2.0", "ethernet");
    desk.set(START + DAY);
    desk.keep(&lines).await;
    const SECRET: u64 = 21;

    let ask = async |query: &str| {
        let path = format!(
            "/api/v1/connections?app=im&from={START}&to={}{query}",
            START + DAY
        );
        let answer = desk.get(&path).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()
    };
    // Everything that can be read with at most one filter of each dimension.
    let mut figures: Vec<(String, u64)> = Vec::new();
    for version in ["", "&release=1.0", "&release=2.0"] {
        for network in ["", "&network=wifi", "&network=4g", "&network=ethernet"] {
            let seen = ask(&format!("{version}{network}")).await;
            let view = format!("{version}{network}");
            figures.push((
                format!("total {view}"),
                seen["total"]["windows"].as_u64().unwrap(),
            ));
            if let Some(others) = seen["others"]["windows"].as_u64() {
                figures.push((format!("others {view}"), others));
            }
            for dimension in ["by_release", "by_network", "by_os"] {
                for part in seen[dimension].as_array().unwrap() {
                    let windows = part["figures"]["windows"].as_u64().unwrap();
                    figures.push((format!("{dimension} {} {view}", part["of"]), windows));
                }
            }
        }
    }
    // The attacker adds and subtracts up to three of them. The counts above are such that no sum of others happens to be 21.
    let mut values: Vec<i64> = figures.iter().map(|(_, windows)| *windows as i64).collect();
    values.sort_unstable();
    values.dedup();
    let secret = SECRET as i64;
    for &a in &values {
        assert_ne!(a, secret, "{figures:#?}");
        for &b in &values {
            assert_ne!(a - b, secret, "{a} - {b}: {figures:#?}");
            for &c in &values {
                assert_ne!(a - b - c, secret, "{a} - {b} - {c}: {figures:#?}");
            }
        }
    }
    // What is left is not nothing: the large cells can be read, and what is merged is large.
    let plain = ask("").await;
    assert_eq!(plain["total"]["windows"], 160 + SECRET);
    assert!(plain["others"]["windows"].as_u64().unwrap() > SECRET);
    assert_eq!(ask("&network=wifi").await["total"]["windows"], 77);
    let few = ask("&release=2.0&network=ethernet").await;
    assert_eq!(
        (&few["total"]["windows"], &few["left_out"]),
        (&0.into(), &true.into())
    );
    let page = desk.get("/connections?app=im&range=24h").await.body;
    assert!(page.contains("others"), "{page}");
    let page = desk
        .get("/connections?app=im&range=24h&release=2.0")
        .await
        .body;
    assert!(page.contains("role=\"note\""));
}

#[tokio::test]
async fn what_the_law_wants_kept_does_not_expire_until_the_hold_is_over() {
    let desk = Desk::open_with(SmallGroups::Show).await;
    desk.keep(&[at(panicked(1, 1, "boom"), START)]).await;
    let office = desk.state.office.clone();
    let basis = "case-7".parse().unwrap();
    let until = START + 150 * DAY;
    let hold = office
        .open_hold("wei", &app(), basis, until, START)
        .unwrap();
    office.approve_hold("lin", hold.number, START).unwrap();
    let id = format!("{:032x}", 1).parse().unwrap();
    let kept = async |now: u64| {
        desk.set(now);
        retention::pass(&desk.state).await.unwrap();
        desk.state.store.report(&app(), id).await.unwrap().is_some()
    };
    assert!(kept(START + 91 * DAY).await);
    assert!(kept(until - 1).await);
    assert!(!kept(until).await);
    // It does not stand against an erasure.
    desk.keep(&[at(panicked(2, 2, "boom"), until)]).await;
    let basis = "case-8".parse().unwrap();
    let hold = office
        .open_hold("wei", &app(), basis, until + DAY, until)
        .unwrap();
    office.approve_hold("lin", hold.number, until).unwrap();
    let gone = [pseudonym(2).parse().unwrap()];
    let erased = desk.state.store.erase(&app(), &gone, until).await;
    assert_eq!(erased.unwrap(), 1);
}

#[tokio::test]
async fn no_list_of_issues_tells_of_a_few() {
    let desk = Desk::open().await;
    const WEEK: u64 = 7 * DAY;
    let mut lines = Vec::new();
    let mut number = 0;
    // Devices that met the one issue there is, each so many times.
    let mut met = |first: u32, devices: u32, each: u32, version: &str, system: &str, when: u64| {
        for index in 0..devices * each {
            number += 1;
            let line = panicked(number, first + index % devices, "boom");
            let line = line.replace("\"12.4\"", &format!("\"{system}\""));
            lines.push(release(at(line, when), version));
        }
    };
    // 2.0 is small in the first week, and large in the second; of its devices three alone have the system 13.0, which is large.
    met(0, 40, 1, "1.0", "12.4", START + 2 * HOUR);
    met(100, 53, 1, "1.0", "13.0", START + DAY);
    met(200, 7, 41, "2.0", "12.4", START + DAY);
    met(300, 27, 1, "3.0", "12.4", START + DAY);
    let second = START + WEEK;
    met(400, 31, 1, "1.0", "13.0", second + HOUR);
    met(440, 13, 1, "1.0", "12.4", second + HOUR);
    met(500, 25, 1, "2.0", "12.4", second + HOUR);
    met(600, 3, 61, "2.0", "13.0", second + HOUR);
    met(700, 33, 1, "3.0", "12.4", second + 2 * DAY);
    desk.set(second + WEEK - 1);
    desk.keep(&lines).await;
    // What nobody may learn: how often the seven met it, and the three.
    const SECRETS: [i64; 2] = [7 * 41, 3 * 61];

    let asked = async |from: u64, to: u64, query: &str| -> Option<(i64, i64)> {
        let path = format!("/api/v1/issues?app=im&from={from}&to={to}{query}");
        let answer = desk.get(&path).await.json();
        let issue = answer["issues"].as_array()?.first()?;
        let page = format!(
            "/api/v1/issues/{}?app=im&from={from}&to={to}",
            issue["id"].as_str()?
        );
        let page = desk.get(&page).await.json();
        // One class is told of exactly as the page tells it.
        let class = query.strip_prefix("&release=");
        if let Some(version) = class.filter(|class| !class.contains('&')) {
            let mut classes = page["by_release"]["shown"].as_array()?.iter();
            let class = classes.find(|class| class["of"] == version);
            assert_eq!(
                class.map(|class| &class["figures"]["reports"]),
                Some(&issue["reports"])
            );
        }
        Some((issue["reports"].as_i64()?, issue["installs"].as_i64()?))
    };
    let mut told: Vec<(String, i64)> = Vec::new();
    for from in (0..28u64).step_by(3) {
        for to in (from + 1..=28).step_by(4) {
            let (from, to) = (START + from * DAY / 2, START + to * DAY / 2);
            for query in [
                "",
                "&release=1.0",
                "&release=2.0",
                "&release=3.0",
                "&os=linux+13.0",
                "&release=2.0&os=linux+13.0",
            ] {
                if let Some((reports, installs)) = asked(from, to, query).await {
                    told.push((format!("{query} {from} {to}"), reports));
                    told.push((format!("{query} {from} {to} installs"), installs));
                }
            }
        }
    }
    let mut values: Vec<i64> = told.iter().map(|(_, value)| *value).collect();
    values.sort_unstable();
    values.dedup();
    for a in &values {
        for b in &values {
            assert!(!SECRETS.contains(&(a - b)), "{a} - {b}: {told:#?}");
        }
    }
    // In the second week 2.0 is large, and told; with a system beside it, the system only chooses.
    let all = second + WEEK;
    let alone = asked(second, all, "&release=2.0").await;
    assert_eq!(alone, Some((25 + 3 * 61, 28)));
    let both = asked(second, all, "&release=2.0&os=linux+13.0").await;
    assert_eq!(both, alone);
    assert_eq!(asked(START, all, "&release=2.0").await, None);
    let page = format!("/issues?app=im&range=7d&to={all}&release=2.0&os=linux+13.0");
    let page = desk.get(&page).await.body;
    assert!(
        page.contains("fewer than 10 installs") && page.contains("is of 2.0 alone"),
        "{page}"
    );
    // Without the rule the very same questions tell it.
    let lax = State {
        small: SmallGroups::Show,
        ..desk.state.clone()
    };
    let lax = api::router(lax);
    let path = format!("/api/v1/issues?app=im&from={second}&to={all}&release=2.0&os=linux+13.0");
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = lax.oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["issues"][0]["reports"], SECRETS[1]);
}

#[tokio::test]
async fn pages_merge_what_few_have_and_a_demo_says_that_it_does_not() {
    for small in [SmallGroups::default(), SmallGroups::Show] {
        let desk = Desk::open_with(small).await;
        let mut lines = Vec::new();
        for who in 0..30 {
            lines.push(release(at(run(who, who), START), "1.0.0"));
            lines.push(release(
                at(panicked(1_000 + who, who, "boom"), START),
                "1.0.0",
            ));
        }
        for who in 100..104 {
            let rare = |line: String| {
                release(at(line, START), "7.7.7").replace("\"cores\":8", "\"cores\":64")
            };
            lines.push(rare(run(who, who)));
            lines.push(rare(panicked(1_000 + who, who, "boom")));
        }
        desk.keep(&lines).await;
        let overview = desk.get("/?app=im&range=24h").await.body;
        let list = desk.get("/issues?app=im&range=24h").await.body;
        let id = list.split("/issues/").nth(1).unwrap()[..16].to_owned();
        let issue = desk
            .get(&format!("/issues/{id}?app=im&range=24h"))
            .await
            .body;
        // Below the report that is shown in full, which the audit trail knows of, nothing names the few.
        let (_, breakdowns) = issue.split_once("id=\"part-1\"").unwrap();
        let releases = overview.split("id=\"releases\"").nth(1).unwrap();
        let shows = small == SmallGroups::Show;
        assert_eq!(releases.contains("7.7.7"), shows, "{releases}");
        let (parts, rest) = breakdowns.split_once("id=\"why\"").unwrap();
        assert_eq!(parts.contains("7.7.7"), shows, "{parts}");
        assert_eq!(parts.contains("64c"), shows);
        assert_eq!(parts.contains("others"), !shows);
        let listed = rest.split("id=\"reports\"").nth(1).unwrap();
        assert_eq!(
            listed.contains("7.7.7") || listed.contains("64 cores"),
            shows
        );
        assert_eq!(
            overview.contains("Classes that few installations are in are shown here"),
            shows
        );
    }
}

// ---- What partners get

#[tokio::test]
async fn a_partner_gets_large_cells_with_noise_for_a_price() {
    let desk = Desk::open().await;
    let mut lines = fleet(1, 700, 1, "1.0", START + HOUR);
    lines.extend(fleet(2_000, 45, 1, "2.0", START + HOUR));
    desk.keep(&lines).await;
    desk.set(START + 8 * DAY);
    let export = async |partner: &str, week: u64| {
        candor_collector::privacy::export::export(&desk.state, "test", &app(), partner, week).await
    };
    assert!(
        export("stats-lab", START)
            .await
            .unwrap_err()
            .to_string()
            .contains("no partner")
    );
    for partner in ["stats-lab", "other-lab"] {
        let name = partner.parse().unwrap();
        assert!(
            desk.state
                .office
                .add_partner("test", &name, "statistics", START)
                .unwrap()
        );
        assert!(
            !desk
                .state
                .office
                .add_partner("test", &name, "more", START)
                .unwrap()
        );
    }
    assert!(
        export("stats-lab", START + 5 * DAY)
            .await
            .unwrap_err()
            .to_string()
            .contains("not over")
    );
    let given = export("stats-lab", START).await.unwrap();
    assert_eq!(given.cells.len(), 1, "{given:?}");
    assert!(given.cells[0].installs.abs_diff(700) < 100);
    let text = serde_json::to_string(&given).unwrap();
    for name in ["1.0\"", "2.0", "linux", "x86_64"] {
        assert!(!text.contains(name), "{text}");
    }
    // Asking again gives the same, and costs nothing.
    assert_eq!(export("stats-lab", START).await.unwrap(), given);
    assert_eq!(desk.state.office.spent().unwrap().len(), 1);
    let other = export("other-lab", START).await.unwrap();
    assert_ne!(other.cells[0].group, given.cells[0].group);
    // The budget is the app's, whoever asks.
    let mut paid = 2;
    let refused = loop {
        desk.set(START + (8 + paid) * DAY);
        match export("other-lab", START + paid * DAY).await {
            Ok(_) => paid += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!(paid, 12);
    assert!(refused.to_string().contains("budget"), "{refused}");
    // A year later there is one again; the first exports are long forgotten.
    desk.set(START + 400 * DAY);
    let kept = || {
        let exports = desk.data.path().join("privacy/exports/im");
        std::fs::read_dir(exports).unwrap().count()
    };
    assert!(kept() > 0);
    // Files are as old as the system's clock says.
    desk.state.office.forget_exports(&app(), u64::MAX).unwrap();
    assert_eq!(kept(), 0);
    assert!(export("other-lab", START + 300 * DAY).await.is_ok());
}

// ---- What people ask for

#[tokio::test]
async fn a_person_gets_a_copy_and_has_it_erased_and_the_clock_is_kept() {
    let desk = Desk::open().await;
    desk.keep(&[run(1, 1), panicked(2, 1, "boom"), run(3, 3)])
        .await;
    let open = async |right: &str, role: &str| {
        let who = pseudonym(1);
        let fields = [
            ("do", "open"),
            ("right", right),
            ("role", role),
            ("pseudonyms", who.as_str()),
            ("proof", "ticket-7"),
        ];
        desk.post_form("same-origin", &fields).await
    };
    assert_eq!(open("copy", "person").await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        open("delete", "guardian").await.status,
        StatusCode::SEE_OTHER
    );
    let requests = desk.state.office.requests().unwrap();
    // 15 working days after a Thursday are three weeks.
    assert_eq!(requests[0].due, START + 22 * DAY - 1);
    let page = desk.get("/privacy?app=im").await.body;
    assert!(
        page.contains("ticket-7") && page.contains("2026-12-17") && page.contains("a guardian")
    );
    assert!(!page.contains(&pseudonym(1)));
    desk.set(START + 22 * DAY);
    assert!(
        desk.get("/privacy?app=im")
            .await
            .body
            .contains("class=\"late\"")
    );

    let answer = async |number: &str| {
        desk.post_form("same-origin", &[("do", "answer"), ("number", number)])
            .await
    };
    let copy = answer("1").await;
    assert_eq!(copy.body.lines().count(), 2);
    assert!(copy.body.contains("boom") && copy.body.contains(&pseudonym(1)));
    let receipt = answer("2").await;
    assert_eq!(
        Receipt::verify(&receipt.body, None)
            .unwrap()
            .statement
            .reports,
        2
    );
    assert_eq!(answer("2").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer("3").await.status, StatusCode::BAD_REQUEST);
    assert!(!holds(desk.data.path(), pseudonym(1).as_bytes()));
    assert!(!holds(desk.data.path(), &raw(&pseudonym(1))));
    let trail = desk.trail();
    for said in [
        "CopyGiven request 1",
        "request 2: delete by guardian, answered",
        "Erased 1 pseudonyms: 2 reports",
    ] {
        assert!(
            trail.iter().any(|line| line.contains(said)),
            "{said}: {trail:#?}"
        );
    }
    assert!(!trail.iter().any(|line| line.contains(&pseudonym(1))));

    // What needs words is not closed without them; a refusal needs a reason; the reason is scrubbed.
    assert_eq!(
        open("correct", "person").await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(answer("3").await.status, StatusCode::BAD_REQUEST);
    let refuse = async |words: &str| {
        desk.post_form(
            "same-origin",
            &[("do", "refuse"), ("number", "3"), ("words", words)],
        )
        .await
        .status
    };
    assert_eq!(refuse("").await, StatusCode::BAD_REQUEST);
    assert_eq!(
        refuse("nothing to correct, call 13800138000").await,
        StatusCode::SEE_OTHER
    );
    assert!(!holds(desk.data.path(), b"13800138000"));
    // Closed requests go with the trail, years later.
    desk.set(START + 1_200 * DAY);
    retention::pass(&desk.state).await.unwrap();
    assert!(desk.state.office.requests().unwrap().is_empty());
    assert!(desk.state.office.receipts(10).unwrap().is_empty());
}

#[tokio::test]
async fn every_right_has_an_answer() {
    let desk = Desk::open().await;
    desk.keep(&[run(1, 1), run(2, 2)]).await;
    for (number, right, says) in [
        (1, "access", "run: 1 reports"),
        (2, "explain", "Why they were lost"),
        (3, "withdraw", "signature"),
        (4, "access", "Nothing is kept"),
    ] {
        let asked = serde_json::json!({"app": "im", "right": right, "role": "person", "pseudonyms": [pseudonym(1)]});
        let opened = desk.post_json("/api/v1/requests", asked).await.json();
        assert_eq!(
            (&opened["number"], &opened["stage"]),
            (&number.into(), &"open".into())
        );
        let given =
            candor_collector::privacy::requests::answer(&desk.state, "test", number, None).await;
        let given = given.unwrap();
        assert!(given.contains(says), "{right}: {given}");
    }
    let all = desk.get("/api/v1/requests").await.json();
    assert!(
        all.as_array()
            .unwrap()
            .iter()
            .all(|one| one["stage"] == "answered")
    );
}

// ---- Who looked

#[tokio::test]
async fn reading_a_report_is_written_down_and_otherwise_does_not_happen() {
    let desk = Desk::open().await;
    desk.keep(&[at(panicked(1, 1, "boom"), START)]).await;
    let list = desk.get("/issues?app=im&range=24h").await.body;
    assert_eq!(desk.trail().len(), 0, "a list shows no single report");
    let id = list.split("/issues/").nth(1).unwrap()[..16].to_owned();
    let (page, text) = (
        format!("/issues/{id}?app=im&range=24h"),
        format!("/issues/{id}/stack.txt?app=im&range=24h"),
    );
    for path in [&page, &text, &page] {
        assert_eq!(desk.get(path).await.status, StatusCode::OK);
    }
    assert_eq!(desk.trail().len(), 1, "{:?}", desk.trail());
    assert!(desk.trail()[0].starts_with("dashboard ReportRead report "));
    desk.set(START + 2 * HOUR);
    desk.get(&page).await;
    assert_eq!(desk.trail().len(), 2);
    let shown = desk.get("/api/v1/audit").await.json();
    assert_eq!(shown[0]["did"], "report_read");

    // A trail that cannot be written: nothing is shown.
    desk.set(START + 4 * HOUR);
    let (trail, aside) = (
        desk.data.path().join("privacy/audit"),
        desk.data.path().join("aside"),
    );
    std::fs::rename(&trail, &aside).unwrap();
    std::fs::write(&trail, "in the way").unwrap();
    for path in [&page, &text] {
        let refused = desk.get(path).await;
        assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(!refused.body.contains("boom"), "{}", refused.body);
    }
    std::fs::remove_file(&trail).unwrap();
    std::fs::rename(&aside, &trail).unwrap();
    assert_eq!(desk.get(&page).await.status, StatusCode::OK);

    // One that was altered is shouted about.
    assert!(
        !desk
            .get("/privacy?app=im")
            .await
            .body
            .contains("id=\"tampered\"")
    );
    let month = std::fs::read_dir(&trail).unwrap().find_map(|entry| {
        let path = entry.unwrap().path();
        path.extension()
            .is_some_and(|extension| extension == "log")
            .then_some(path)
    });
    let month = month.unwrap();
    let altered = std::fs::read_to_string(&month)
        .unwrap()
        .replace("dashboard", "dishboard");
    std::fs::write(&month, altered).unwrap();
    assert!(
        desk.get("/privacy?app=im")
            .await
            .body
            .contains("id=\"tampered\"")
    );
}

#[tokio::test]
async fn signing_in_is_written_down() {
    let desk = Desk::open().await;
    desk.state
        .office
        .note_sign_in(START, Some("wei"), true)
        .unwrap();
    desk.state
        .office
        .note_sign_in(START, Some("wei"), false)
        .unwrap();
    assert_eq!(desk.trail(), ["wei SignInRefused ", "wei SignedIn "]);
}

// ---- The end

#[tokio::test]
async fn after_the_end_nothing_is_stored_and_agents_are_told_with_a_signature() {
    let desk = Desk::open().await;
    desk.keep(&[run(1, 1)]).await;
    let notice = "end-2027".parse().unwrap();
    desk.state
        .office
        .sunset("test", &app(), &notice, START)
        .unwrap();
    for body in [support::pack(&[run(2, 2)]), b"anything".to_vec()] {
        let answer = desk.post("/v1/batches", body).await;
        assert_eq!(answer.status, StatusCode::OK);
        let accepted: Accepted = serde_json::from_str(&answer.body).unwrap();
        let sunset = accepted.sunset.unwrap();
        assert_eq!((accepted.stored, sunset.app.as_str()), (0, "im"));
        assert!(sunset.verify(&desk.state.office.signer().public()));
        assert!(!sunset.verify(&"0".repeat(64)));
    }
    let ledger = desk.state.store.ledger(&app()).await.unwrap();
    assert_eq!(
        (
            ledger.stored.values().sum::<u64>(),
            ledger.refused["sunset"]
        ),
        (1, 2)
    );
    assert!(desk.get("/privacy?app=im").await.body.contains("end-2027"));
    // Erasure is still for whoever asks.
    let body = serde_json::json!({ "pseudonyms": [pseudonym(1)] }).to_string();
    assert_eq!(
        desk.post("/v1/erasures", body.into_bytes()).await.json()["reports"],
        1
    );
}
