//! What a team is told: from reports to the one who receives, with everything that may go wrong in between.

mod support;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State as Given;
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candor_collector::access::{Door, IngestKey};
use candor_collector::alerts::guard::{Found, Names, Targets};
use candor_collector::alerts::{self, Alerts, Options};
use candor_collector::ingest::Limits;
use candor_collector::privacy::Office;
use candor_collector::privacy::erasure::{Wanted, erase};
use candor_collector::state::{Clock, State};
use candor_collector::store::sqlite::SqliteStore;
use candor_collector::store::triage::{By, Change, Person};
use candor_collector::store::{IssueFilter, IssueRow, Part, Span, Store};
use candor_collector::{late, server};
use candor_symbols::Symbols;
use ring::hmac;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::process::{Process, SERVE};
use support::{NOW, app, crash, pack};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tower::ServiceExt;

/// When the hour of these stories began.
const HOUR: u64 = 1_699_999_200;

const WEEK: u64 = 7 * 24 * 3_600;

const BUILD: &str = "4e1d9b0a7c3f5e6d8b2a1c0f9e8d7c6b5a4f3e2d";

/// The head of a symbol file of it.
const MODULE: &str = "MODULE Linux x86_64 0A9B1D4E3F7C6D5E8B2A1C0F9E8D7C6B0 im\n";

// ---- Whoever receives

/// What arrived.
#[derive(Debug, Clone)]
struct Arrived {
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

impl Arrived {
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect("JSON")
    }

    fn rule(&self) -> String {
        let rule = self.json()["data"]["alerts"][0]["rule"].clone();
        rule.as_str().expect("a rule").to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().expect("text")
    }

    /// Whether the signature is one of Standard Webhooks by this secret.
    fn is_signed_by(&self, secret: &str) -> bool {
        let key = secret.strip_prefix("whsec_").expect("a secret");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &STANDARD.decode(key).expect("base64"));
        let (id, at) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let said = format!("{id}.{at}.{}", self.body);
        let signature = self.header("webhook-signature").strip_prefix("v1,");
        let signature = STANDARD.decode(signature.expect("v1")).expect("base64");
        hmac::verify(&key, said.as_bytes(), &signature).is_ok()
    }
}

/// Somebody who receives, on this machine.
#[derive(Clone)]
struct Receiver {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    /// What the next ones are answered; then 200.
    answers: Arc<Mutex<VecDeque<Said>>>,
    came: Arc<Notify>,
}

#[derive(Debug, Clone)]
enum Said {
    Status(u16),
    Leads(String),
    Long,
    Nothing,
}

impl Receiver {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let receiver = Self {
            address: listener.local_addr().expect("an address"),
            arrived: Arc::default(),
            answers: Arc::default(),
            came: Arc::default(),
        };
        let router = Router::new()
            .fallback(Self::take)
            .with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    async fn take(
        Given(receiver): Given<Self>,
        uri: Uri,
        headers: HeaderMap,
        body: Bytes,
    ) -> Response {
        let body = String::from_utf8(body.to_vec()).expect("text");
        let arrived = Arrived { uri, headers, body };
        receiver.arrived.lock().expect("a lock").push(arrived);
        receiver.came.notify_one();
        let answer = receiver.answers.lock().expect("a lock").pop_front();
        match answer {
            None => "ok".into_response(),
            Some(Said::Status(status)) => StatusCode::from_u16(status)
                .expect("a status")
                .into_response(),
            Some(Said::Leads(to)) => (StatusCode::FOUND, [("location", to)]).into_response(),
            Some(Said::Long) => vec![b'x'; 64 << 20].into_response(),
            Some(Said::Nothing) => std::future::pending().await,
        }
    }

    fn answer(&self, said: impl IntoIterator<Item = Said>) {
        self.answers.lock().expect("a lock").extend(said);
    }

    fn arrived(&self) -> Vec<Arrived> {
        self.arrived.lock().expect("a lock").clone()
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

// ---- Whoever tells

/// What a name stands for, as a test wants it; and how often it was asked.
struct MadeUp {
    answers: Mutex<VecDeque<&'static str>>,
    asked: AtomicUsize,
}

impl Names for MadeUp {
    fn find(&self, _: String) -> Found {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let next = self.answers.lock().expect("a lock").pop_front();
        let next: IpAddr = next.expect("an answer").parse().expect("an address");
        Box::pin(async move { Ok(vec![next]) })
    }
}

struct House {
    state: State<SqliteStore>,
    router: Router,
    key: String,
    now: Arc<AtomicU64>,
    /// The number of the next report.
    next: u32,
}

impl House {
    async fn open(data: &Path) -> Self {
        Self::with(
            data,
            Options {
                targets: Targets::Any,
                ..Options::default()
            },
        )
        .await
    }

    async fn with(data: &Path, options: Options) -> Self {
        let now = Arc::new(AtomicU64::new(NOW));
        let told = now.clone();
        let store = SqliteStore::open(data).expect("a store");
        let key = IngestKey::generate();
        // Whoever opens it again finds the app.
        let _ = store.add_app(&app(), key.hash()).await;
        let options = Options {
            public_address: Some("https://candor.example/apm/".parse().expect("an address")),
            ..options
        };
        let state = State {
            clock: Clock::new(move || told.load(Ordering::Relaxed)),
            door: Arc::new(Door::of(data).open()),
            alerts: Arc::new(Alerts::of(data).with(options)),
            ..State::new(
                store,
                Symbols::open([data.join("symbols")]),
                Office::open(data).expect("an office"),
            )
        };
        let router = server::routes(&state, Limits::default()).guarded(&state);
        Self {
            state,
            router,
            key: key.reveal().to_owned(),
            now,
            next: 1,
        }
    }

    fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    /// So many installations crash here, in this hour and in a usual release.
    async fn crash(&mut self, installs: u32, offset: u64) {
        self.crash_at(installs, offset, HOUR, "1.2.3").await;
    }

    async fn crash_at(&mut self, installs: u32, offset: u64, at: u64, release: &str) {
        let numbers = self.next..self.next + installs;
        self.next += installs;
        let line = |number| {
            crash(number, BUILD, offset)
                .replace(&HOUR.to_string(), &at.to_string())
                .replace("1.2.3", release)
        };
        self.take(&numbers.map(line).collect::<Vec<_>>()).await;
    }

    /// So many installations send what might identify somebody.
    async fn leak(&mut self, installs: u32) {
        let numbers = self.next..self.next + installs;
        self.next += installs;
        let signal =
            "\"signal\":{\"signal\":\"SIGSEGV\",\"origin\":\"kernel\",\"fault\":\"null_like\"}";
        let panic = "\"panic\":{\"message\":\"no route to wang.fang@example.org\"}";
        let line = |number| {
            let crash = crash(number, BUILD, 0x1000);
            assert!(crash.contains(signal), "{crash}");
            crash.replace(signal, panic)
        };
        self.take(&numbers.map(line).collect::<Vec<_>>()).await;
    }

    async fn take(&self, lines: &[String]) {
        let request = Request::post("/v1/batches")
            .header("authorization", format!("Bearer {}", self.key))
            .header("content-type", "application/x-ndjson")
            .header("content-encoding", "gzip");
        let body = pack(lines);
        let request = request.header("content-length", body.len());
        let answer = self
            .router
            .clone()
            .oneshot(request.body(Body::from(body)).expect("one"));
        assert_eq!(answer.await.expect("an answer").status(), StatusCode::OK);
    }

    async fn page(&self, request: Request<Body>) -> (StatusCode, String) {
        let answer = self.router.clone().oneshot(request).await.expect("one");
        let (status, body) = (answer.status(), answer.into_body());
        let body = to_bytes(body, 16 << 20).await.expect("a body");
        (status, String::from_utf8(body.to_vec()).expect("text"))
    }

    async fn get(&self, path: &str) -> String {
        let request = Request::get(path)
            .header("host", "127.0.0.1")
            .header("accept", "text/html");
        let (status, body) = self.page(request.body(Body::empty()).expect("one")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body
    }

    async fn post(&self, fields: &[(&str, &str)]) -> (StatusCode, String) {
        self.post_to("/settings/alerts?app=im", fields).await
    }

    async fn post_to(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let request = Request::post(path)
            .header("host", "127.0.0.1")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded");
        self.page(request.body(Body::from(body)).expect("one"))
            .await
    }

    /// Adds a webhook on the page; the secret, where one was made.
    async fn add(&self, name: &str, service: &str, address: &str, secret: &str) -> String {
        let fields = [
            ("do", "add"),
            ("name", name),
            ("service", service),
            ("address", address),
            ("secret", secret),
        ];
        let (status, page) = self.post(&fields).await;
        assert!(
            status.is_success() || status.is_redirection(),
            "{status} {page}"
        );
        let made = page.split("id=\"secret\">").nth(1);
        let made = made.and_then(|rest| rest.split('<').next());
        made.unwrap_or_default().to_owned()
    }

    /// Symbols of the build are added, and reports are grouped by them: the numbers of the issues with functions of these names.
    async fn get_names(&self, functions: [&str; 2]) -> [String; 2] {
        let [one, two] = functions;
        let names = format!("{MODULE}FUNC 1000 40 0 {one}\nFUNC 5000 40 0 {two}\n");
        let symbols = self.state.office.data().join("symbols");
        std::fs::create_dir_all(&symbols).expect("a directory");
        std::fs::write(symbols.join("im.sym"), names).expect("a file");
        self.state.symbols.refresh();
        late::pass(&self.state).await.expect("it passed");
        let issues = self.issues().await;
        functions.map(|function| {
            let found = issues.iter().find(|row| row.culprit == function);
            found.map(|row| row.id.to_string()).unwrap_or_default()
        })
    }

    /// The numbers of all issues.
    async fn numbers(&self) -> Vec<String> {
        let rows = self.issues().await;
        rows.iter().map(|row| row.id.to_string()).collect()
    }

    /// All issues of the last day.
    async fn issues(&self) -> Vec<IssueRow> {
        let now = self.now.load(Ordering::Relaxed);
        let span = Span {
            from: now - 86_400,
            to: now + 3_600,
            step: 3_600,
        };
        let filter = IssueFilter::all(span, now);
        let issues = self.state.store.issues(&app(), filter).await;
        issues.expect("a list").rows
    }

    async fn look(&self) {
        alerts::look(&self.state).await.expect("it looked");
    }

    async fn send(&self) -> usize {
        alerts::send(&self.state).await.expect("it sent")
    }

    /// What became of messages: how often they were tried, and why they did not arrive.
    fn attempts(&self) -> Vec<(u32, Option<String>, bool)> {
        let attempted = self.state.alerts.attempted(&app()).expect("a file");
        let said = attempted.into_iter();
        said.map(|one| (one.attempts, one.failed, one.waits))
            .collect()
    }
}

// ---- Stories

#[tokio::test]
async fn a_flood_of_one_new_issue_is_one_alert_that_can_be_checked() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let mut house = House::open(data.path()).await;
    let secret = house.add("ops", "json", &receiver.url("/hook"), "").await;
    // Two installations are a coincidence.
    house.crash(2, 0x1000).await;
    house.look().await;
    assert_eq!(house.send().await, 0);
    for _ in 0..5 {
        house.crash(60, 0x1000).await;
        house.pass(60);
        house.look().await;
        house.send().await;
    }
    let arrived = receiver.arrived();
    let rules: Vec<_> = arrived.iter().map(Arrived::rule).collect();
    // Nobody but those who crash was here.
    assert_eq!(rules, ["new_issue", "crash_free"]);
    let one = &arrived[0];
    assert!(one.is_signed_by(&secret) && !one.is_signed_by("whsec_bm90IGl0"));
    let data = &one.json()["data"];
    assert_eq!(data["app"], "im");
    assert_eq!(data["id"], one.header("webhook-id"));
    let alert = &data["alerts"][0];
    assert_eq!(alert["rule"], "new_issue");
    assert_eq!(alert["issue"]["installs"]["exactly"], 62);
    assert_eq!(alert["issue"]["release"], "1.2.3");
    let id = alert["issue"]["id"].as_str().expect("a number");
    assert_eq!(
        alert["link"],
        format!("https://candor.example/apm/issues/{id}?app=im")
    );
    let told = house.get("/api/v1/alerts?app=im").await;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told.as_array().map(Vec::len), Some(2));
    assert_eq!(told[1]["id"], alert["id"]);
    // Another issue is another alert, and few are not counted.
    house.crash(5, 0x2000).await;
    house.look().await;
    house.send().await;
    let few = receiver.arrived()[2].json();
    let alert = &few["data"]["alerts"][0];
    assert_eq!(alert["issue"]["installs"]["fewer_than"], 10, "{few}");
    assert!(alert["issue"]["reports"].is_null());
}

#[tokio::test]
async fn every_service_is_told_as_it_wants_to_be() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let house = House::open(data.path()).await;
    for (name, service, secret) in [
        ("slack", "slack", ""),
        ("feishu", "feishu", "f3ishu"),
        ("ding", "ding_talk", "SECd1ng"),
    ] {
        let path = format!("/{name}?access_token=t0ken");
        house.add(name, service, &receiver.url(&path), secret).await;
        house.post(&[("do", "try"), ("name", name)]).await;
    }
    house.send().await;
    let arrived = receiver.arrived();
    let at = |path: &str| {
        let mut all = arrived.iter();
        all.find(|one| one.uri.path() == path).expect("it came")
    };
    let slack = at("/slack").json();
    assert!(
        slack["text"]
            .as_str()
            .expect("text")
            .contains("this is a test")
    );
    let sign = |key: &str, said: &str| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
        STANDARD.encode(hmac::sign(&key, said.as_bytes()))
    };
    let feishu = at("/feishu").json();
    assert_eq!(feishu["msg_type"], "text");
    assert_eq!(feishu["sign"], sign(&format!("{NOW}\nf3ishu"), ""));
    let query = at("/ding").uri.query().expect("a query");
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    assert_eq!(pairs[0].1, "t0ken");
    assert_eq!(pairs[1].1, format!("{NOW}000"));
    assert_eq!(pairs[2].1, sign("SECd1ng", &format!("{NOW}000\nSECd1ng")));
    // They said `ok`, which is what Slack says when it has taken a message, and nobody else.
    let failed = house.attempts().into_iter().filter(|one| one.1.is_some());
    assert_eq!(failed.count(), 2);
}

#[tokio::test]
async fn what_fails_is_sent_again_under_the_same_id() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let house = House::open(data.path()).await;
    house.add("ops", "json", &receiver.url("/"), "").await;
    receiver.answer([Said::Status(500), Said::Status(429)]);
    house.post(&[("do", "try"), ("name", "ops")]).await;
    assert_eq!(house.send().await, 1);
    assert_eq!(house.attempts()[0].0, 1);
    assert!(house.attempts()[0].2, "it waits");
    for _ in 0..2 {
        house.pass(3_600);
        assert_eq!(house.send().await, 1);
    }
    house.pass(3_600);
    assert_eq!(house.send().await, 0);
    assert_eq!(house.attempts(), [(3, None, false)]);
    let figures = house.state.metrics.text().expect("figures");
    for counted in ["failed\",reason=\"\"} 2", "arrived\",reason=\"\"} 1"] {
        let line = format!("candor_alert_attempts_total{{outcome=\"{counted}");
        assert!(figures.contains(&line), "{figures}");
    }
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 3);
    let mut ids = arrived
        .iter()
        .map(|one| one.header("webhook-id").to_owned());
    let first = ids.next().expect("one");
    assert!(ids.all(|id| id == first));
}

#[tokio::test]
async fn what_was_being_sent_when_the_process_ended_is_sent_by_the_next_one() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let mut house = House::open(data.path()).await;
    house.add("ops", "json", &receiver.url("/"), "").await;
    house.crash(20, 0x1000).await;
    house.look().await;
    receiver.answer([Said::Nothing]);
    let state = house.state.clone();
    let sending = tokio::spawn(async move { alerts::send(&state).await });
    receiver.came.notified().await;
    sending.abort();
    let _ = sending.await;
    drop(house);

    let next = House::open(data.path()).await;
    // Whoever had it may be about to be answered.
    next.look().await;
    assert_eq!(next.send().await, 0);
    next.pass(60);
    next.look().await;
    assert_eq!(next.send().await, 1);
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 2);
    assert_eq!(
        arrived[0].header("webhook-id"),
        arrived[1].header("webhook-id")
    );
    assert_eq!(next.attempts(), [(2, None, false)]);
}

#[tokio::test]
async fn what_happens_in_quiet_hours_is_told_in_one_afterwards() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let mut house = House::open(data.path()).await;
    house.add("ops", "json", &receiver.url("/"), "").await;
    // It is 22:13 UTC, which is 06:13 there.
    let fields = [
        ("do", "hours"),
        ("quiet", "on"),
        ("from", "23:00"),
        ("to", "07:00"),
        ("offset", "+08:00"),
        ("per_hour", "5"),
    ];
    assert_eq!(house.post(&fields).await.0, StatusCode::SEE_OTHER);
    for offset in [0x1000, 0x2000, 0x3000] {
        house.crash(12, offset).await;
        house.look().await;
        house.pass(60);
    }
    assert_eq!(house.send().await, 0);
    house.pass(3_600);
    house.look().await;
    assert_eq!(house.send().await, 1);
    let data = receiver.arrived()[0].json()["data"].clone();
    assert_eq!(data["digest"], "quiet_hours");
    assert_eq!(data["alerts"].as_array().map(Vec::len), Some(3));
}

#[tokio::test]
async fn crashes_far_above_the_same_hour_of_past_weeks_are_told_with_their_issue() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let mut house = House::open(data.path()).await;
    house.add("ops", "json", &receiver.url("/"), "").await;
    for week in 1..=4 {
        house.crash_at(2, 0x1000, HOUR - week * WEEK, "1.2.3").await;
    }
    house.crash(19, 0x1000).await;
    house.look().await;
    assert_eq!(house.send().await, 0);
    house.crash(21, 0x1000).await;
    for _ in 0..3 {
        house.look().await;
        house.send().await;
    }
    let arrived = receiver.arrived();
    let alerts: Vec<_> = arrived
        .iter()
        .map(|one| one.json()["data"]["alerts"][0].clone())
        .collect();
    assert_eq!(alerts.len(), 2, "{alerts:?}");
    for alert in &alerts {
        assert_eq!(alert["rule"], "spike");
        assert_eq!(
            (&alert["hour"], &alert["usual"]),
            (&HOUR.into(), &2.0.into())
        );
        assert_eq!(alert["reports"]["exactly"], 40);
    }
    assert!(alerts[0]["issue"].is_null());
    assert_eq!(alerts[1]["issue"]["installs"]["exactly"], 40);
}

/// A house that has told a receiver of one new issue, and the number of the issue.
async fn told_of_one(data: &Path, receiver: &Receiver) -> (House, String) {
    let mut house = House::open(data).await;
    house.add("ops", "json", &receiver.url("/"), "").await;
    house.crash(12, 0x1000).await;
    house.look().await;
    house.send().await;
    let told = receiver.arrived()[0].json();
    let issue = told["data"]["alerts"][0]["issue"]["id"].as_str();
    (house, issue.expect("a number").to_owned())
}

#[tokio::test]
async fn an_issue_that_was_resolved_and_is_back_is_told_once() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let (mut house, issue) = told_of_one(data.path(), &receiver).await;
    let issue = issue.parse().expect("a number");
    let by = By {
        who: Person::new("wei").expect("a name"),
        at: NOW,
    };
    let resolved = Change::Resolve(Some("1.2.3".parse().expect("a release")));
    let store = &house.state.store;
    let done = store.triage(&app(), &[issue], resolved, by).await;
    assert_eq!(done.expect("it is resolved"), 1);
    // The release that it is resolved in may go on.
    house.crash(4, 0x1000).await;
    house.look().await;
    assert_eq!(house.send().await, 0);
    for _ in 0..3 {
        house.crash_at(1, 0x1000, HOUR, "1.3.0").await;
        house.look().await;
        house.send().await;
    }
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 2);
    let alert = &arrived[1].json()["data"]["alerts"][0];
    assert_eq!(alert["rule"], "regression");
    assert_eq!(
        (&alert["resolved"], &alert["release"]),
        (&"1.2.3".into(), &"1.3.0".into())
    );
}

#[tokio::test]
async fn an_agent_that_leaks_is_told_without_what_it_leaked() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let mut house = House::open(data.path()).await;
    house.add("ops", "json", &receiver.url("/"), "").await;
    house.look().await;
    house.leak(3).await;
    house.look().await;
    house.send().await;
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 1);
    let alert = &arrived[0].json()["data"]["alerts"][0];
    assert_eq!(alert["rule"], "quarantine");
    assert_eq!(alert["field"], "what.crash.cause.panic.message");
    assert_eq!(alert["reports"]["fewer_than"], 10);
    assert!(!arrived[0].body.contains("wang"));
    // Nothing else comes, and nothing is stored.
    house.leak(30).await;
    house.pass(29 * 60);
    house.look().await;
    assert_eq!(house.send().await, 0);
    house.pass(60);
    house.look().await;
    assert_eq!(house.send().await, 1);
    let alert = &receiver.arrived()[1].json()["data"]["alerts"][0];
    assert_eq!(
        (&alert["rule"], &alert["minutes"]),
        (&"silence".into(), &30.into())
    );
    assert_eq!(alert["reports"]["exactly"], 33);
}

#[tokio::test]
async fn a_copy_knows_whom_to_tell_and_tells_nothing_again() {
    let (data, copy) = (
        tempfile::tempdir().expect("one"),
        tempfile::tempdir().expect("one"),
    );
    let mut house = House::open(data.path()).await;
    house.add("ops", "json", "http://127.0.0.1:9/", "").await;
    house.crash(12, 0x1000).await;
    house.look().await;
    house.state.alerts.copy_to(copy.path()).expect("a copy");
    let copied = Alerts::of(copy.path());
    let (here, there) = (house.state.alerts.of_app(&app()), copied.of_app(&app()));
    assert_eq!(here.expect("a file"), there.expect("a file"));
    assert_eq!(house.attempts().len(), 1);
    assert_eq!(copied.attempted(&app()).expect("no file"), []);
}

#[tokio::test]
async fn of_muted_and_ignored_issues_nothing_is_told() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let (house, issue) = told_of_one(data.path(), &receiver).await;
    let issue = issue.as_str();
    // As if it had not been told.
    std::fs::remove_file(data.path().join("alerts/outbox.json")).expect("a file");
    let fields = [("do", "mute"), ("issue", issue)];
    assert_eq!(house.post(&fields).await.0, StatusCode::SEE_OTHER);
    house.look().await;
    assert_eq!(house.send().await, 0);
    assert!(house.get("/settings/alerts?app=im").await.contains(issue));
    let fields = [("do", "unmute"), ("issue", issue)];
    assert_eq!(house.post(&fields).await.0, StatusCode::SEE_OTHER);
    house.look().await;
    assert_eq!(house.send().await, 1);
}

#[tokio::test]
async fn what_was_told_as_new_is_not_told_again_when_its_functions_get_names() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let (mut house, issue) = told_of_one(data.path(), &receiver).await;
    house.crash(12, 0x5000).await;
    let [load, send] = house.get_names(["im::load", "im::send"]).await;
    assert!(!load.is_empty() && !send.is_empty() && load != issue);
    house.look().await;
    house.send().await;
    // The other one was not told before it got its name.
    let arrived = receiver.arrived();
    assert_eq!(arrived.len(), 2);
    let alert = &arrived[1].json()["data"]["alerts"][0];
    assert_eq!(
        (&alert["rule"], &alert["issue"]["id"]),
        (&"new_issue".into(), &send.into())
    );
    // However many more meet it, and however often it is looked.
    house.crash(20, 0x1000).await;
    house.pass(60);
    house.look().await;
    assert_eq!(house.send().await, 0);
}

#[tokio::test]
async fn what_was_told_while_it_was_merged_is_not_told_again_when_it_is_split_off() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let mut house = House::open(data.path()).await;
    house.add("ops", "json", &receiver.url("/"), "").await;
    house.look().await;
    let offsets = [0x1000, 0x5000, 0x6000];
    let mut numbers = Vec::new();
    for (offset, installs) in offsets.into_iter().zip([12, 12, 2]) {
        house.crash(installs, offset).await;
        let all = house.numbers().await;
        numbers.extend(
            all.into_iter()
                .filter(|one| !numbers.contains(one))
                .collect::<Vec<_>>(),
        );
    }
    let [one, other, third] = &numbers[..] else {
        panic!("three issues: {numbers:?}");
    };
    let merge = |what: &str| {
        let path = format!("/issues/{what}?app=im");
        (path, [("do", "merge"), ("into", one.as_str())])
    };
    let split = |what: &str| {
        let path = format!("/issues/{one}?app=im");
        (
            path,
            [("do", "split".to_owned()), ("issue", what.to_owned())],
        )
    };
    let (path, form) = merge(other);
    assert_eq!(house.post_to(&path, &form).await.0, StatusCode::SEE_OTHER);
    house.look().await;
    assert_eq!(house.send().await, 1, "both are told as one");
    // One that too few have met to tell it comes to it later.
    let (path, form) = merge(third);
    assert_eq!(house.post_to(&path, &form).await.0, StatusCode::SEE_OTHER);
    house.pass(60);
    house.look().await;
    for what in [other, third] {
        let (path, form) = split(what);
        let form = form.each_ref().map(|(name, value)| (*name, value.as_str()));
        assert_eq!(house.post_to(&path, &form).await.0, StatusCode::SEE_OTHER);
    }
    assert_eq!(
        house.numbers().await.len(),
        3,
        "each is one of its own again"
    );
    house.pass(60);
    house.look().await;
    assert_eq!(
        house.send().await,
        0,
        "the one was told, the other too few met"
    );
    house.crash(4, 0x6000).await;
    house.pass(60);
    house.look().await;
    assert_eq!(house.send().await, 1, "of this nobody was told yet");
    let alert = &receiver.arrived()[1].json()["data"]["alerts"][0];
    assert_eq!(alert["issue"]["id"], third.as_str());
}

#[tokio::test]
async fn an_issue_is_muted_on_its_page_for_a_while_whatever_it_is_called_meanwhile() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let (house, issue) = told_of_one(data.path(), &receiver).await;
    // As if it had not been told.
    std::fs::remove_file(data.path().join("alerts/outbox.json")).expect("a file");
    let page = |issue: &str| format!("/issues/{issue}?app=im");
    let mute = [("do", "mute"), ("for", "8")];
    let muted = house.post_to(&page(&issue), &mute).await;
    assert_eq!(muted.0, StatusCode::SEE_OTHER, "{}", muted.1);
    let [named, _] = house.get_names(["im::load", "im::send"]).await;
    for one in [&issue, &named] {
        let request = Request::get(page(one)).header("host", "127.0.0.1");
        let (status, shown) = house.page(request.body(Body::empty()).expect("one")).await;
        match one == &named {
            true => assert!(shown.contains("No alert tells of it until"), "{shown}"),
            false => assert_eq!(status, StatusCode::SEE_OTHER, "it leads to the other one"),
        }
    }
    // Lists say so under the new number too.
    let list = "/issues?app=im&range=7d";
    assert!(house.get(list).await.contains(">muted</span>"));
    house.look().await;
    assert_eq!(house.send().await, 0);
    // It ends by itself.
    house.pass(8 * 3_600);
    assert!(!house.get(list).await.contains(">muted</span>"));
    assert!(!house.get(&page(&named)).await.contains("No alert tells"));
    house.look().await;
    assert_eq!(house.send().await, 1);
    // And by hand, under whichever number; nobody mutes what does not exist.
    let mute = [("do", "mute"), ("for", "forever")];
    house.post_to(&page(&named), &mute).await;
    assert!(house.get(&page(&named)).await.contains("No alert tells"));
    house.post_to(&page(&issue), &[("do", "unmute")]).await;
    assert!(!house.get(&page(&named)).await.contains("No alert tells"));
    let none = house.post_to(&page("0000000000000001"), &mute).await;
    assert_eq!(none.0, StatusCode::BAD_REQUEST);
    let trail = house.state.office.trail().last(9).expect("a trail");
    let said = |what: &str| trail.iter().any(|entry| entry.what == what);
    assert!(said(&format!("muted: {named}")) && said(&format!("told again: {issue}")));
}

#[tokio::test]
async fn nothing_is_sent_to_this_machine_or_a_private_network() {
    let data = tempfile::tempdir().expect("one");
    for inside in [
        "127.0.0.1",
        "10.1.2.3",
        "172.16.0.9",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
    ] {
        let names = Arc::new(MadeUp {
            answers: Mutex::new(VecDeque::from([inside])),
            asked: AtomicUsize::new(0),
        });
        let options = Options {
            names: Some(names.clone()),
            ..Options::default()
        };
        let house = House::with(data.path(), options).await;
        let name = format!("n{}", inside.replace([':', '.'], "-"));
        // The name is taken: what it stands for is looked at when something is sent.
        house
            .add(&name, "json", "https://hooks.example/x", "")
            .await;
        house.post(&[("do", "try"), ("name", &name)]).await;
        assert_eq!(house.send().await, 1);
        let (attempts, failed, waits) = house.attempts()[0].clone();
        assert_eq!((attempts, waits), (1, false), "{inside}: {failed:?}");
        assert!(
            failed.expect("a reason").contains("private network"),
            "{inside}"
        );
        // It was asked once: there is no second question whose answer could differ.
        assert_eq!(names.asked.load(Ordering::Relaxed), 1, "{inside}");
        for address in [
            format!("https://[{inside}]/"),
            format!("https://{inside}/"),
            "http://hooks.example/".to_owned(),
        ] {
            let fields = [
                ("do", "add"),
                ("name", "no"),
                ("service", "json"),
                ("address", address.as_str()),
            ];
            let (status, page) = house.post(&fields).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{address}: {page}");
        }
    }
}

#[tokio::test]
async fn a_receiver_leads_nowhere_and_is_not_listened_to_for_long() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let house = House::open(data.path()).await;
    house.add("ops", "json", &receiver.url("/here"), "").await;
    receiver.answer([Said::Leads(receiver.url("/there"))]);
    house.post(&[("do", "try"), ("name", "ops")]).await;
    house.send().await;
    assert_eq!(receiver.arrived().len(), 1);
    assert!(
        house.attempts()[0]
            .1
            .as_ref()
            .expect("a reason")
            .contains("302")
    );
    receiver.answer([Said::Long]);
    house.post(&[("do", "try"), ("name", "ops")]).await;
    house.send().await;
    assert_eq!(house.attempts()[0], (1, None, false));
    receiver.answer([Said::Status(403)]);
    house.post(&[("do", "try"), ("name", "ops")]).await;
    house.send().await;
    assert_eq!(
        house.attempts()[0],
        (1, Some("403 Forbidden".to_owned()), false)
    );
}

#[tokio::test]
async fn secrets_are_written_and_never_read() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let house = House::open(data.path()).await;
    let made = house
        .add("ops", "json", &receiver.url("/l3tmein"), "")
        .await;
    assert!(made.starts_with("whsec_"));
    house
        .add("chat", "feishu", &receiver.url("/l3tmein"), "s3cret")
        .await;
    let page = house.get("/settings/alerts?app=im").await;
    assert!(page.contains("ops") && page.contains("127.0.0.1/…"));
    for hidden in [made.as_str(), "s3cret", "l3tmein"] {
        assert!(!page.contains(hidden), "{hidden}");
    }
    let trail = house.state.office.trail().last(100).expect("a trail");
    let said: Vec<String> = trail.iter().map(|entry| entry.what.clone()).collect();
    assert!(
        said.contains(&"alerts: webhook ops added (json)".to_owned()),
        "{said:?}"
    );
    assert!(
        !said
            .iter()
            .any(|what| what.contains("s3cret") || what.contains("l3tmein"))
    );
    let fields = [("do", "remove"), ("name", "ops")];
    assert_eq!(house.post(&fields).await.0, StatusCode::SEE_OTHER);
    let page = house.get("/settings/alerts?app=im&lang=zh").await;
    assert!(page.contains("接收方") && !page.contains("value=\"ops\""));
    let trail = house.state.office.trail().last(100).expect("a trail");
    assert!(
        trail
            .iter()
            .any(|entry| entry.what == "alerts: webhook ops removed")
    );
}

#[tokio::test]
async fn rules_are_set_on_the_page_and_kept() {
    let data = tempfile::tempdir().expect("one");
    let house = House::open(data.path()).await;
    let mut fields = vec![
        ("do", "rules"),
        ("new_issue_installs", "7"),
        ("new_issue_percent", "1.5"),
        ("crash_free", "on"),
        ("crash_free_percent", "99.5"),
        ("crash_free_runs", "1000"),
        ("spike_reports", "50"),
        ("spike_deviations", "8"),
        ("connection_points", "3"),
        ("connection_attempts", "900"),
        ("silence_minutes", "15"),
        ("silence_reports", "5"),
    ];
    assert_eq!(house.post(&fields).await.0, StatusCode::SEE_OTHER);
    let rules = house.state.alerts.of_app(&app()).expect("a file").rules;
    assert!(!rules.new_issue.on && rules.crash_free.on && !rules.silence.on);
    assert_eq!(
        (rules.new_issue.installs, rules.crash_free.percent),
        (7, 99.5)
    );
    fields.retain(|(name, _)| *name != "crash_free_percent");
    for wrong in ["-1", "101", "NaN", "much", ""] {
        fields.push(("crash_free_percent", wrong));
        let (status, page) = house.post(&fields).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(page.contains("This is not possible: Below %"), "{page}");
        fields.pop();
    }
    let after = house.state.alerts.of_app(&app()).expect("a file").rules;
    assert_eq!(after, rules);
}

#[tokio::test]
async fn what_is_erased_is_in_no_alert_any_more() {
    let data = tempfile::tempdir().expect("one");
    let mut house = House::open(data.path()).await;
    house.add("ops", "json", "http://127.0.0.1:9/", "").await;
    house.crash(12, 0x1000).await;
    house.look().await;
    assert!(support::holds(&data.path().join("alerts"), b"1.2.3"));
    let release = Wanted::Part(Part::Release("1.2.3".parse().expect("a release")));
    erase(&house.state, "wei", &app(), &release)
        .await
        .expect("it is gone");
    assert!(!support::holds(&data.path().join("alerts"), b"1.2.3"));
    assert_eq!(house.send().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_killed_tells_at_the_next_start() {
    let (data, receiver) = (tempfile::tempdir().expect("one"), Receiver::start().await);
    let program = env!("CARGO_BIN_EXE_candor-collector");
    let run = |more: &[&str]| {
        let mut command = Command::new(program);
        command.args(more).arg("--data").arg(data.path());
        command
    };
    let added = run(&["app", "add", "im"]).output().expect("it ran");
    assert!(added.status.success());
    let serve = || {
        let mut command = run(&SERVE);
        command.args(["--alerts-targets", "any"]);
        Process::start(&mut command)
    };
    let form = async |collector: &Process, fields: &[(&str, &str)]| {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let length = body.len().to_string();
        let headers = [
            ("content-type", "application/x-www-form-urlencoded"),
            ("sec-fetch-site", "same-origin"),
            ("content-length", length.as_str()),
        ];
        let path = "/settings/alerts?app=im";
        support::request(collector.address, "POST", path, &headers, body.as_bytes()).await
    };
    receiver.answer([Said::Status(503)]);
    let mut collector = serve();
    let url = receiver.url("/");
    let fields = [
        ("do", "add"),
        ("name", "ops"),
        ("service", "json"),
        ("address", url.as_str()),
    ];
    assert_eq!(form(&collector, &fields).await.status, 200);
    assert_eq!(
        form(&collector, &[("do", "try"), ("name", "ops")])
            .await
            .status,
        303
    );
    let came = tokio::time::timeout(Duration::from_secs(60), receiver.came.notified());
    came.await.expect("it came");
    collector.child.kill().expect("it was killed");
    drop(collector);

    let next = serve();
    let came = tokio::time::timeout(Duration::from_secs(60), async {
        while receiver.arrived().len() < 2 {
            receiver.came.notified().await;
        }
    });
    came.await.expect("it came again");
    next.stop();
    let arrived = receiver.arrived();
    assert_eq!(
        arrived[0].header("webhook-id"),
        arrived[1].header("webhook-id")
    );
}
