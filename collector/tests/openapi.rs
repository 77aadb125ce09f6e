//! What the collector tells of its API: all of it and nothing else, and true of real answers.

mod desk;
mod fleet;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use candor_collector::access::Need;
use candor_collector::ingest::Limits;
use candor_collector::privacy::groups::SmallGroups;
use candor_collector::server;
use candor_protocol::moment::Precision;
use desk::Desk;
use fleet::Plan;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tower::ServiceExt;

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;

async fn ask(router: &Router, request: Request<Body>) -> (StatusCode, Value) {
    let response = router.clone().oneshot(request).await.expect("an answer");
    let status = response.status();
    let body = to_bytes(response.into_body(), 16 << 20).await;
    let body = body.expect("a body");
    let said = serde_json::from_slice(&body);
    (
        status,
        said.unwrap_or_else(|_| panic!("{status}: {body:?}")),
    )
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).expect("a request")
}

fn post(path: &str, body: &Value) -> Request<Body> {
    let request = Request::post(path).header("content-type", "application/json");
    request
        .body(Body::from(body.to_string()))
        .expect("a request")
}

/// A collector with reports of a small fleet, all of its routes, and its document.
async fn filled() -> (Desk, Router, Value) {
    let desk = Desk::open(NOW);
    let key = desk.add_app("im").await;
    let plan = Plan {
        seed: 7,
        devices: 12,
        hours: 20,
        now: NOW,
        precision: Precision::Hour,
    };
    desk.send(&key, &fleet::reports(plan)).await;
    let router = server::routes(&desk.state, Limits::default()).guarded(&desk.state);
    let (status, document) = ask(&router, get("/api/v1/openapi.json")).await;
    assert_eq!(status, StatusCode::OK);
    (desk, router, document)
}

fn is_of_programs(path: &str) -> bool {
    path.starts_with("/api/") || path.starts_with("/v1/")
}

#[tokio::test]
async fn every_route_of_programs_is_told_with_its_need_and_nothing_else_is() {
    let (desk, _, document) = filled().await;
    assert_eq!(document["openapi"], "3.1.0");
    let routes = server::routes(&desk.state, Limits::default());
    let of_programs = routes
        .table()
        .iter()
        .filter(|route| is_of_programs(route.path));
    let mut served = BTreeSet::new();
    for route in of_programs {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = &document["paths"][route.path][&method];
        assert!(operation["summary"].is_string(), "{method} {}", route.path);
        let expected = match route.need {
            Need::Nothing => json!("nothing"),
            Need::IngestKey => json!("ingest_key"),
            Need::SignedIn => json!("signed_in"),
            Need::Aggregates => json!("aggregates"),
            Need::Reports => json!("reports"),
            Need::Triage => json!("triage"),
            Need::Symbols => json!("symbols"),
            Need::Admin => json!("admin"),
        };
        assert_eq!(operation["x-need"], expected, "{method} {}", route.path);
        let open = matches!(route.need, Need::Nothing);
        let security = operation["security"].as_array().expect("security");
        assert_eq!(security.is_empty(), open, "{method} {}", route.path);
        served.insert((method, route.path.to_owned()));
    }
    let mut told = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            told.insert((method.clone(), path.clone()));
            let id = operation["operationId"].as_str().expect("an id");
            assert!(ids.insert(id.to_owned()), "{id} is there twice");
        }
    }
    assert_eq!(told, served);
    assert!(told.len() > 18, "{told:?}");
}

#[tokio::test]
async fn the_document_is_one_of_schemas_that_hold_and_all_that_is_referred_to_is_there() {
    let (_, _, document) = filled().await;
    fn refs<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(to) if name == "$ref" => {
                            found.insert(to);
                        }
                        _ => refs(value, found),
                    }
                }
            }
            Value::Array(all) => all.iter().for_each(|value| refs(value, found)),
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    refs(&document, &mut found);
    assert!(found.len() > 20, "{found:?}");
    for to in found {
        let pointer = to.strip_prefix('#').expect("within the document");
        assert!(document.pointer(pointer).is_some(), "{to} is not there");
    }
    for (name, schema) in document["components"]["schemas"]
        .as_object()
        .expect("schemas")
    {
        jsonschema::draft202012::meta::validate(schema)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// What is wrong with an answer, as the document tells of it.
fn wrong(
    document: &Value,
    method: &str,
    path: &str,
    status: StatusCode,
    said: &Value,
) -> Vec<String> {
    let answer = &document["paths"][path][method]["responses"][status.as_str()];
    let schema = &answer["content"]["application/json"]["schema"];
    assert!(!schema.is_null(), "{method} {path}: {status} is not told");
    let whole = json!({ "allOf": [schema], "components": document["components"] });
    let validator = jsonschema::draft202012::new(&whole).expect("a schema");
    let errors = validator.iter_errors(said);
    errors
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

#[tokio::test]
async fn real_answers_are_as_the_document_tells() {
    let (desk, router, document) = filled().await;
    let range = format!("app=im&from={}&to={}", NOW - 86_400, NOW + 3_600);
    let (_, list) = ask(&router, get(&format!("/api/v1/issues?{range}&state=all"))).await;
    let issue = list["issues"][0]["id"]
        .as_str()
        .expect("an issue")
        .to_owned();
    let less = json!({ "app": "im", "what": { "release": "0.0.1" } });
    let asking = json!({ "app": "im", "right": "explain", "role": "person" });
    let change = json!({ "do": "mute", "until": NOW + 3_600 });
    let muting = json!({ "app": "im", "issues": [issue], "change": change });
    // Something is asked of agents, so that settings tell all that they can.
    let narrowed =
        "do=ask&from=1.2&kind_off=freeze&sample_connection=10&every=30&extra_off=usage&off_hours=3";
    let form = Request::post("/settings/remote?app=im").header("sec-fetch-site", "same-origin");
    let answer = router
        .clone()
        .oneshot(form.body(Body::from(narrowed)).expect("a request"))
        .await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::SEE_OTHER);
    // And something was said of the issue.
    for said in [
        "do=note&note=look",
        "do=ignore&until=days&n=3",
        "do=assign&who=wei",
    ] {
        let form = Request::post(format!("/issues/{issue}?app=im"))
            .header("sec-fetch-site", "same-origin");
        let answer = router
            .clone()
            .oneshot(form.body(Body::from(said)).expect("a request"))
            .await;
        assert_eq!(answer.expect("an answer").status(), StatusCode::SEE_OTHER);
    }
    let asked = [
        ("get", "/api/v1/openapi.json", get("/api/v1/openapi.json")),
        ("get", "/api/v1/apps", get("/api/v1/apps")),
        ("get", "/api/v1/ledger", get("/api/v1/ledger?app=im")),
        (
            "get",
            "/api/v1/ledger/days",
            get("/api/v1/ledger/days?app=im&days=3"),
        ),
        (
            "get",
            "/api/v1/health",
            get(&format!("/api/v1/health?{range}&step=3600")),
        ),
        (
            "get",
            "/api/v1/connections",
            get(&format!("/api/v1/connections?{range}&step=3600")),
        ),
        (
            "get",
            "/api/v1/issues",
            get(&format!("/api/v1/issues?{range}&state=all")),
        ),
        (
            "get",
            "/api/v1/issues/{id}",
            get(&format!("/api/v1/issues/{issue}?{range}")),
        ),
        (
            "get",
            "/api/v1/issues/{id}/reports",
            get(&format!("/api/v1/issues/{issue}/reports?app=im&limit=2")),
        ),
        (
            "get",
            "/api/v1/releases",
            get(&format!("/api/v1/releases?{range}")),
        ),
        (
            "get",
            "/api/v1/runs",
            get(&format!("/api/v1/runs?{range}&step=3600")),
        ),
        (
            "get",
            "/api/v1/freezes",
            get(&format!("/api/v1/freezes?{range}")),
        ),
        ("post", "/api/v1/issues", post("/api/v1/issues", &muting)),
        ("get", "/api/v1/keys", get("/api/v1/keys?app=im")),
        ("get", "/api/v1/settings", get("/api/v1/settings?app=im")),
        ("get", "/api/v1/alerts", get("/api/v1/alerts?app=im")),
        (
            "get",
            "/api/v1/symbols/unnamed",
            get("/api/v1/symbols/unnamed?app=im"),
        ),
        (
            "get",
            "/api/v1/quarantine",
            get("/api/v1/quarantine?app=im"),
        ),
        ("post", "/api/v1/erasures", post("/api/v1/erasures", &less)),
        (
            "post",
            "/api/v1/requests",
            post("/api/v1/requests", &asking),
        ),
        ("get", "/api/v1/requests", get("/api/v1/requests")),
        ("get", "/api/v1/holds", get("/api/v1/holds")),
        ("get", "/api/v1/receipts", get("/api/v1/receipts")),
        ("get", "/api/v1/audit", get("/api/v1/audit")),
    ];
    // Agents' own routes and files have a story of their own.
    let mut left: BTreeSet<(String, String)> = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().expect("paths") {
        for method in operations.as_object().expect("operations").keys() {
            left.insert((method.clone(), path.clone()));
        }
    }
    for (method, path, request) in asked {
        let (status, said) = ask(&router, request).await;
        assert_eq!(status, StatusCode::OK, "{path}: {said}");
        let wrong = wrong(&document, method, path, status, &said);
        assert_eq!(wrong, Vec::<String>::new(), "{method} {path}: {said}");
        // An answer that tells nothing proves nothing.
        let may_be_empty = [
            "/api/v1/alerts",
            "/api/v1/holds",
            "/api/v1/quarantine",
            "/api/v1/symbols/unnamed",
        ];
        let empty = said.as_array().is_some_and(Vec::is_empty) && !may_be_empty.contains(&path);
        assert!(!empty, "{path} is empty");
        left.remove(&(method.to_owned(), path.to_owned()));
    }
    let of_agents = ["/v1/batches", "/v1/erasures", "/v1/symbols"];
    let of_agents = of_agents.map(|path| ("post".to_owned(), path.to_owned()));
    assert_eq!(left, BTreeSet::from(of_agents), "these were not asked");

    let unknown = [
        ("/api/v1/ledger", "/api/v1/ledger?app=nobody".to_owned()),
        ("/api/v1/issues", "/api/v1/issues?app=im".to_owned()),
        (
            "/api/v1/issues/{id}",
            format!("/api/v1/issues/0000000000000000?{range}"),
        ),
        (
            "/api/v1/issues/{id}",
            format!("/api/v1/issues/{issue}?{range}&release=9.9.9"),
        ),
        (
            "/api/v1/releases",
            format!("/api/v1/releases?{range}&a=9.9.9"),
        ),
    ];
    for (path, asked) in unknown {
        let (status, said) = ask(&router, get(&asked)).await;
        assert!(status.is_client_error(), "{asked}: {said}");
        assert_eq!(
            wrong(&document, "get", path, status, &said),
            Vec::<String>::new(),
            "{asked}"
        );
    }
    drop(desk);
}

/// A request as agents and builds send it, with what lets them in.
fn sent(path: &str, key: &str, kind: &str, body: Vec<u8>) -> Request<Body> {
    let request = Request::post(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", kind)
        .header("content-length", body.len());
    let request = match kind {
        "application/x-ndjson" => request.header("content-encoding", "gzip"),
        _ => request,
    };
    request.body(Body::from(body)).expect("a request")
}

/// Fields of an answer of which the document says nothing.
fn untold(document: &Value, path: &str, said: &Value) -> Vec<String> {
    let answer = &document["paths"][path]["post"]["responses"]["200"];
    let to = answer["content"]["application/json"]["schema"]["$ref"].as_str();
    let to = to.and_then(|to| to.strip_prefix('#')).expect("a name");
    let fields = &document.pointer(to).expect("a schema")["properties"];
    let said = said.as_object().expect("fields").keys();
    said.filter(|name| fields.get(name).is_none())
        .cloned()
        .collect()
}

#[tokio::test]
async fn what_agents_and_builds_are_answered_is_as_the_document_tells() {
    const LINES: &str = "application/x-ndjson";
    const FILE: &str = "application/octet-stream";
    let (desk, router, document) = filled().await;
    let key = desk.add_app("other").await;
    let key = key.reveal();
    // Agents are asked for less, so that all of an answer is told.
    let less = "do=ask&kind_off=freeze&sample_connection=10&every=30&extra_off=usage&off_hours=3";
    let form = Request::post("/settings/remote?app=other").header("sec-fetch-site", "same-origin");
    let (asked, body) = (form.body(Body::from(less)), router.clone());
    let answer = body.oneshot(asked.expect("a request")).await;
    assert_eq!(answer.expect("an answer").status(), StatusCode::SEE_OTHER);
    let plan = Plan {
        seed: 3,
        devices: 12,
        hours: 20,
        now: NOW,
        precision: Precision::Hour,
    };
    let reports = fleet::reports(plan);
    let line = |report| serde_json::to_string(report).expect("a line");
    let pseudonym = reports[0].pseudonym.to_string();
    let good = line(&reports[0]);
    // One that cannot be read, and one that says what might identify somebody.
    let bad = "{}".to_owned();
    const SAYS: &str = "\"message\":\"";
    let mut lines = reports[1..].iter().map(line);
    let leaky = lines.find(|line| line.contains(SAYS)).expect("a panic");
    let leaky = leaky.replacen(SAYS, &format!("{SAYS}to wang.fang@example.org "), 1);
    let lines = [good.as_str(), bad.as_str(), leaky.as_str()];
    let batch = candor_protocol::batch::pack(lines).expect("a batch");
    let erasure = json!({ "pseudonyms": [pseudonym] }).to_string();
    let own = std::fs::read(fleet::own_file()).expect("this program");
    let gone = candor_protocol::batch::pack([good.as_str()]).expect("a batch");
    let none = "candor_0";
    let cases = [
        ("/v1/batches", key, LINES, batch, 200),
        ("/v1/batches", none, LINES, Vec::new(), 401),
        ("/v1/batches", key, LINES, b"no gzip".to_vec(), 400),
        ("/v1/batches", key, "text/plain", Vec::new(), 415),
        ("/v1/batches", key, LINES, vec![0; 2 << 20], 413),
        (
            "/v1/erasures",
            key,
            "application/json",
            erasure.into_bytes(),
            200,
        ),
        ("/v1/erasures", none, "application/json", Vec::new(), 401),
        ("/v1/erasures", key, "application/json", b"{}".to_vec(), 400),
        ("/v1/erasures", key, "text/plain", Vec::new(), 415),
        ("/v1/batches", key, LINES, gone, 422),
        ("/v1/symbols", none, FILE, own, 200),
        ("/v1/symbols", none, FILE, b"no symbols".to_vec(), 400),
        ("/v1/symbols", none, "text/plain", Vec::new(), 415),
    ];
    for (path, key, kind, body, expected) in cases {
        let (status, said) = ask(&router, sent(path, key, kind, body)).await;
        assert_eq!(status.as_u16(), expected, "{path}: {said}");
        let wrong = wrong(&document, "post", path, status, &said);
        assert_eq!(wrong, Vec::<String>::new(), "{path}: {said}");
        if status == StatusCode::OK {
            let untold = untold(&document, path, &said);
            assert_eq!(untold, Vec::<String>::new(), "{path}: {said}");
        }
        if (path, expected) == ("/v1/batches", 200) {
            assert_eq!(said["stored"], 1, "{said}");
            assert!(said["refused"][0]["line"].is_u64(), "{said}");
            assert!(said["quarantined"][0]["line"].is_u64(), "{said}");
            assert!(said["narrowing"]["sample"].is_array(), "{said}");
        }
    }
}

#[tokio::test]
async fn a_document_that_told_something_else_would_be_found_out() {
    let (_, router, mut document) = filled().await;
    let (status, said) = ask(&router, get("/api/v1/ledger?app=im")).await;
    document["components"]["schemas"]["Ledger"]["properties"]["duplicates"] =
        json!({ "type": "string" });
    assert!(!wrong(&document, "get", "/api/v1/ledger", status, &said).is_empty());
}

#[tokio::test]
async fn runs_freezes_and_connections_are_told_as_pages_and_tables_tell_them() {
    let (_desk, router, _) = filled().await;
    let range = format!("app=im&from={}&to={}", NOW - 86_400, NOW + 3_600);
    let (_, runs) = ask(&router, get(&format!("/api/v1/runs?{range}"))).await;
    let sum = |of: &Value| of["figures"]["runs"].as_u64().expect("runs");
    let all: u64 = runs["steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(sum)
        .sum();
    let by: u64 = runs["by_release"]
        .as_array()
        .expect("releases")
        .iter()
        .map(sum)
        .sum();
    assert!(all > 0 && all == by, "{runs}");
    let (_, freezes) = ask(&router, get(&format!("/api/v1/freezes?{range}"))).await;
    assert!(freezes["issues"][0]["took_ms"]["p50"].is_u64(), "{freezes}");

    for (path, page, column) in [
        ("/runs.csv", "/runs", "still_running"),
        ("/freezes.csv", "/freezes", "took_ms_p95"),
        ("/connections.csv", "/connections", "ready_us_p99"),
        ("/releases.csv", "/releases", "crash_free_low"),
        ("/issues.csv", "/issues", "last_release"),
    ] {
        let asked = router
            .clone()
            .oneshot(get(&format!("{path}?app=im&range=7d")))
            .await;
        let response = asked.expect("an answer");
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        assert_eq!(
            response.headers()["content-type"],
            "text/csv; charset=utf-8"
        );
        let body = to_bytes(response.into_body(), 1 << 20)
            .await
            .expect("a body");
        let table = String::from_utf8(body.into()).expect("text");
        let mut lines = table.lines();
        let head = lines.next().expect("a head");
        assert!(head.split(',').any(|name| name == column), "{path}: {head}");
        let columns = head.split(',').count();
        let first = lines.next().unwrap_or_else(|| panic!("{path} is empty"));
        assert!(first.split(',').count() >= columns, "{path}: {first}");
        let asked = router
            .clone()
            .oneshot(get(&format!("{page}?app=im&range=7d")))
            .await;
        let body = to_bytes(asked.expect("an answer").into_body(), 1 << 20).await;
        let page = String::from_utf8(body.expect("a body").into()).expect("text");
        let link = format!("href=\"{path}?app=im&#38;range=7d\" download");
        assert!(page.contains(&link), "{path} is not offered");
    }
}

#[tokio::test]
async fn rates_of_freezes_are_told_of_no_class_that_few_are_in() {
    let (desk, lax, _) = filled().await;
    let mut state = desk.state.clone();
    state.small = SmallGroups::default();
    let strict = server::routes(&state, Limits::default()).guarded(&state);
    let range = format!("app=im&from={}&to={}", NOW - 86_400, NOW + 3_600);
    let told = async |router: &Router, path: &str| {
        let (_, said) = ask(router, get(&format!("{path}?{range}"))).await;
        said
    };
    let names = |said: &Value| -> BTreeSet<String> {
        let all = said.as_array().expect("classes").iter();
        let name = |one: &Value| one["of"].as_str().expect("a name").to_owned();
        all.map(name).collect()
    };
    let (all, few) = (
        told(&lax, "/api/v1/freezes").await,
        told(&strict, "/api/v1/freezes").await,
    );
    let health = told(&strict, "/api/v1/health").await;
    let shown = names(&health["by_release"]);
    assert!(names(&few["rate_by_release"]).is_subset(&shown));
    assert!(names(&all["rate_by_release"]).len() > shown.len());
    // What is merged is counted all the same.
    let sum = |said: &Value| {
        let rates = said["rate_by_release"].as_array().expect("rates").iter();
        let rates = rates
            .chain(said.get("others"))
            .map(|rate| rate["freezes"].as_u64());
        rates.flatten().sum::<u64>()
    };
    assert!(sum(&all) > 0);
    assert_eq!(sum(&all), sum(&few));
    let page = async |router: &Router| {
        let asked = router
            .clone()
            .oneshot(get("/freezes?app=im&range=7d"))
            .await;
        let body = to_bytes(asked.expect("an answer").into_body(), 1 << 20).await;
        String::from_utf8(body.expect("a body").into()).expect("text")
    };
    let by_machine = "id=\"rate-2\"";
    assert!(page(&lax).await.contains(by_machine));
    assert!(!page(&strict).await.contains(by_machine));
}
