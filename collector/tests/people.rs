//! Who may see and do what: the whole table of routes with everybody who might ask, and what people do at the door.

mod desk;
mod fleet;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use candor_collector::access::{Door, Need, PersonName, Role, Scope, Secret};
use candor_collector::dashboard;
use candor_collector::ingest::Limits;
use candor_collector::server;
use candor_collector::state::{Clock, State};
use candor_collector::store::sqlite::SqliteStore;
use candor_protocol::moment::Precision;
use desk::Desk;
use fleet::Plan;
use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tower::ServiceExt;

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;

const PASSWORD: &str = "correct horse battery";

fn name(text: &str) -> PersonName {
    text.parse().expect("a name")
}

fn silent() -> io::Result<()> {
    Ok(())
}

/// A collector at whose door everybody is asked.
struct House {
    desk: Desk,
    state: State<SqliteStore>,
    router: Router,
    now: Arc<AtomicU64>,
}

/// What was answered.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    /// The session that was given with it.
    fn session(&self) -> Option<String> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter();
        let mut lines = cookies.filter_map(|line| line.to_str().ok());
        let line = lines.find(|line| line.contains("candor_session="))?;
        let value = line.split_once('=')?.1.split(';').next()?;
        Some(value.to_owned()).filter(|value| !value.is_empty())
    }

    fn leads_to(&self) -> &str {
        let location = self.headers.get(header::LOCATION);
        location.map_or("", |to| to.to_str().expect("text"))
    }

    /// What the forms of this page carry.
    fn mark(&self) -> String {
        self.between("name=\"mark\" value=\"", "\"")
    }

    fn between(&self, before: &str, after: &str) -> String {
        let start = self
            .body
            .find(before)
            .unwrap_or_else(|| panic!("no {before}: {}", self.body));
        let rest = &self.body[start + before.len()..];
        rest[..rest.find(after).expect("an end")].to_owned()
    }
}

impl House {
    async fn open() -> Self {
        Self::with(|door| door).await
    }

    async fn with(door: impl FnOnce(Door) -> Door) -> Self {
        let desk = Desk::open(NOW);
        let now = Arc::new(AtomicU64::new(NOW));
        let told = now.clone();
        let mut state = desk.state.clone();
        state.clock = Clock::new(move || told.load(Ordering::Relaxed));
        state.door = Arc::new(door(Door::of(state.office.data())));
        let routes = server::routes(&state, Limits::default());
        let router = routes
            .guarded(&state)
            .fallback_service(dashboard::router(state.clone()));
        Self {
            desk,
            state,
            router,
            now,
        }
    }

    fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    /// Adds somebody with the password of these stories.
    async fn add(&self, who: &str, role: Role) {
        let (who, register) = (name(who), self.state.door.register());
        register
            .add_person(&who, role, NOW, silent)
            .expect("a person");
        let hash = self
            .state
            .door
            .choose(&who, PASSWORD)
            .await
            .expect("a hash");
        register
            .set_password(&who, hash, silent)
            .expect("a password");
    }

    fn session(&self, who: &str) -> Secret {
        let register = self.state.door.register();
        register
            .begin_session(&name(who), self.now())
            .expect("a session")
    }

    async fn ask(&self, request: Request<Body>) -> Answer {
        let response = self
            .router
            .clone()
            .oneshot(request)
            .await
            .expect("an answer");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, 16 << 20).await.expect("a body");
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(body.into()).expect("text"),
        }
    }

    /// Asks as a browser with this session does.
    async fn get(&self, session: Option<&str>, path: &str) -> Answer {
        let mut request = Request::get(path).header("accept", "text/html,*/*");
        if let Some(session) = session {
            request = request.header("cookie", format!("a=b; candor_session={session}"));
        }
        self.ask(request.body(Body::empty()).expect("a request"))
            .await
    }

    /// Sends a form as a browser with this session does.
    async fn post(&self, session: Option<&str>, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut request = Request::post(path)
            .header("accept", "text/html,*/*")
            .header("sec-fetch-site", "same-origin");
        if let Some(session) = session {
            request = request.header("cookie", format!("candor_session={session}"));
        }
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.ask(request.body(Body::from(body)).expect("a request"))
            .await
    }

    async fn sign_in(&self, who: &str, password: &str) -> Answer {
        let fields = [("name", who), ("password", password), ("next", "/issues")];
        self.post(None, "/sign-in", &fields).await
    }

    /// Signs in with the usual password; the session that begins.
    async fn enter(&self, who: &str) -> String {
        let answer = self.sign_in(who, PASSWORD).await;
        answer.session().expect("a session")
    }

    fn trail(&self) -> Vec<String> {
        let entries = self.state.office.trail().last(1_000).expect("a trail");
        entries
            .iter()
            .map(|entry| format!("{} {:?} {}", entry.who, entry.did, entry.what))
            .collect()
    }
}

// ---- The table

/// Somebody who might ask.
#[derive(Debug, Clone, Copy)]
enum Somebody {
    Nobody,
    WithAWrongToken,
    Person(Role),
    Program(Scope),
}

/// Whether that one is to be answered. Written down once more here, so that the code and this have to agree.
fn is_allowed(who: Somebody, need: Need) -> bool {
    use Need::{Aggregates, IngestKey, Nothing, Reports, SignedIn, Symbols, Triage};
    match (who, need) {
        (Somebody::WithAWrongToken, _) | (_, IngestKey) => false,
        (_, Nothing) => true,
        (Somebody::Nobody, _) => false,
        (Somebody::Person(Role::Admin), _) => true,
        (Somebody::Person(_), SignedIn | Aggregates) => true,
        (Somebody::Person(Role::Triager), Reports | Triage) => true,
        (Somebody::Person(_), _) => false,
        (Somebody::Program(_), SignedIn) => false,
        (Somebody::Program(Scope::Admin), _) => true,
        (Somebody::Program(Scope::Read), Aggregates) => true,
        (Somebody::Program(Scope::Reports), Reports) => true,
        (Somebody::Program(Scope::Triage), Triage) => true,
        (Somebody::Program(Scope::Symbols), Symbols) => true,
        (Somebody::Program(_), _) => false,
    }
}

#[tokio::test]
async fn every_route_is_answered_to_those_who_may_and_to_nobody_else() {
    let house = House::open().await;
    for role in Role::ALL {
        house.add(role.as_str(), role).await;
    }
    let register = house.state.door.register();
    let token = |scope: Scope| {
        let scopes = BTreeSet::from([scope]);
        let made = register.add_token(&name(scope.as_str()), scopes, "wei", NOW, silent);
        made.expect("a token").reveal().to_owned()
    };
    let tokens = Scope::ALL.map(|scope| (scope, token(scope)));
    let mut everybody = vec![Somebody::Nobody, Somebody::WithAWrongToken];
    everybody.extend(Role::ALL.map(Somebody::Person));
    everybody.extend(Scope::ALL.map(Somebody::Program));

    let routes = server::routes(&house.state, Limits::default());
    let table: Vec<(Method, &str, Need)> = routes
        .table()
        .iter()
        .map(|route| (route.method.clone(), route.path, route.need))
        .collect();
    assert!(table.len() > 30, "{}", table.len());
    for (method, path, need) in &table {
        for &who in &everybody {
            let address = path
                .replace("{id}", "00000000000000000000000000000000")
                .replace("{number}", "1")
                .replace("{name}", "none");
            let mut request = Request::builder().method(method).uri(&address);
            let mut body = String::new();
            match who {
                Somebody::Nobody => {}
                Somebody::WithAWrongToken => {
                    request = request.header("authorization", "Bearer candor-api_0");
                }
                Somebody::Person(role) => {
                    let session = house.session(role.as_str());
                    let cookie = format!("candor_session={}", session.reveal());
                    let page = house.get(Some(session.reveal()), "/account").await;
                    body = format!("mark={}", page.mark());
                    request = request
                        .header("cookie", cookie)
                        .header("sec-fetch-site", "same-origin");
                }
                Somebody::Program(scope) => {
                    let (_, token) = tokens.iter().find(|(one, _)| *one == scope).expect("one");
                    request = request.header("authorization", format!("Bearer {token}"));
                }
            }
            let answer = house
                .ask(request.body(Body::from(body)).expect("a request"))
                .await;
            let turned_away = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN];
            let is_for_programs = path.starts_with("/api/") || path.starts_with("/v1/");
            // What programs do is done with a token alone, since a website can use a session.
            let by_session = matches!(who, Somebody::Person(_));
            let foreign_form = !matches!(who, Somebody::Person(_) | Somebody::Program(_))
                && *method == Method::POST
                && !is_for_programs;
            let allowed = is_allowed(who, *need)
                && !(is_for_programs && by_session && *method == Method::POST);
            let case = format!("{method} {path} by {who:?}: {}", answer.status);
            if *need == Need::IngestKey {
                let status = answer.status;
                assert!(status.is_client_error(), "{case}");
            } else if allowed && foreign_form {
                assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{case}");
            } else if allowed && (method, *path) == (&Method::POST, "/sign-in") {
                // It was asked: it knows nobody without a name, and loses patience.
                let asked = [StatusCode::UNAUTHORIZED, StatusCode::TOO_MANY_REQUESTS];
                assert!(asked.contains(&answer.status), "{case}");
            } else if allowed {
                assert!(!turned_away.contains(&answer.status), "{case}");
                assert!(!answer.leads_to().starts_with("/sign-in?"), "{case}");
            } else {
                let expected = match who {
                    Somebody::Nobody | Somebody::WithAWrongToken => StatusCode::UNAUTHORIZED,
                    Somebody::Person(_) if is_for_programs && *method == Method::POST => {
                        StatusCode::UNAUTHORIZED
                    }
                    _ => StatusCode::FORBIDDEN,
                };
                assert_eq!(answer.status, expected, "{case}");
            }
        }
    }
    // What must never become less.
    let need_of = |path: &str| {
        let needs = table.iter().filter(|(_, one, _)| *one == path);
        needs.map(|(.., need)| *need).collect::<Vec<_>>()
    };
    assert_eq!(need_of("/issues"), [Need::Aggregates, Need::Triage]);
    assert_eq!(need_of("/issues/{id}"), [Need::Aggregates, Need::Triage]);
    assert_eq!(need_of("/api/v1/issues"), [Need::Aggregates, Need::Triage]);
    assert_eq!(need_of("/api/v1/issues/{id}"), [Need::Aggregates]);
    assert_eq!(need_of("/issues/{id}/stack.txt"), [Need::Reports]);
    assert_eq!(need_of("/privacy"), [Need::Aggregates, Need::Admin]);
    assert_eq!(need_of("/settings/alerts"), [Need::Admin, Need::Admin]);
    assert_eq!(need_of("/api/v1/alerts"), [Need::Aggregates]);
    for path in ["/releases", "/releases.csv", "/runs", "/api/v1/releases"] {
        assert_eq!(need_of(path), [Need::Aggregates], "{path}");
    }
    for path in ["/api/v1/erasures", "/api/v1/holds"] {
        assert_eq!(need_of(path), [Need::Admin], "{path}");
    }
    assert_eq!(need_of("/metrics"), [Need::Aggregates]);
    let open = table.iter().filter(|(.., need)| *need == Need::Nothing);
    let open: BTreeSet<&str> = open.map(|(_, path, _)| *path).collect();
    let expected = [
        "/api/v1/openapi.json",
        "/assets/{name}",
        "/healthz",
        "/readyz",
        "/sign-in",
        "/welcome",
    ];
    assert_eq!(open, BTreeSet::from(expected));
}

// ---- The way in

#[tokio::test]
async fn the_first_one_comes_in_by_a_link_that_is_good_once() {
    let house = House::open().await;
    assert_eq!(
        house.get(None, "/issues?app=im").await.leads_to(),
        "/sign-in?next=%2Fissues%3Fapp%3Dim"
    );
    let page = house.get(None, "/sign-in").await;
    assert!(page.body.contains("printed a link") && !page.body.contains("type=\"password\""));
    let old = house
        .state
        .door
        .welcome()
        .expect("a register")
        .expect("nobody yet");
    let link = house
        .state
        .door
        .welcome()
        .expect("a register")
        .expect("nobody yet");
    let at = |secret: &Secret| format!("/welcome?token={}", secret.reveal());
    assert_eq!(
        house.get(None, &at(&old)).await.status,
        StatusCode::BAD_REQUEST
    );
    assert!(
        house
            .get(None, &at(&link))
            .await
            .body
            .contains("You are the first here")
    );
    let fields = |password, again| {
        let token = link.reveal();
        [
            ("token", token),
            ("name", "Wei"),
            ("password", password),
            ("again", again),
        ]
    };
    for (password, again, says) in [
        (PASSWORD, "correct horse batterz", "not the same"),
        ("short", "short", "too short"),
        (
            "wei wei wei wei",
            "wei wei wei wei",
            "hardly more than the name",
        ),
    ] {
        let again = house.post(None, "/welcome", &fields(password, again)).await;
        assert_eq!(again.status, StatusCode::BAD_REQUEST);
        assert!(again.body.contains(says), "{says}: {}", again.body);
        assert!(
            !again.body.contains(&format!("value=\"{password}\"")),
            "what was typed is not sent back"
        );
    }
    let made = house
        .post(None, "/welcome", &fields(PASSWORD, PASSWORD))
        .await;
    assert_eq!((made.status, made.leads_to()), (StatusCode::SEE_OTHER, "/"));
    let session = made.session().expect("a session");
    assert_eq!(
        house.get(Some(&session), "/settings/people").await.status,
        StatusCode::OK
    );
    // Nobody else is the first.
    let second = house
        .post(None, "/welcome", &fields(PASSWORD, PASSWORD))
        .await;
    assert!(second.session().is_none());
    assert!(house.state.door.welcome().expect("a register").is_none());
    assert_eq!(house.trail(), ["wei PersonChanged wei chose a password"]);
}

#[tokio::test]
async fn whoever_signs_in_gets_a_new_session_and_it_is_written_down() {
    let house = House::open().await;
    house.add("wei", Role::Triager).await;
    let planted = house.session("wei");
    let request = Request::post("/sign-in")
        .header("sec-fetch-site", "same-origin")
        .header("cookie", format!("candor_session={}", planted.reveal()));
    let page = house.get(Some(planted.reveal()), "/account").await;
    let body = format!(
        "mark={}&name=wei&password=correct+horse+battery&next=//evil.example",
        page.mark()
    );
    let came = house
        .ask(request.body(Body::from(body)).expect("a request"))
        .await;
    assert_eq!((came.status, came.leads_to()), (StatusCode::SEE_OTHER, "/"));
    let cookie = came.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax"),
        "{cookie}"
    );
    let session = came.session().expect("a session");
    assert_ne!(session, planted.reveal());
    let left = house.get(Some(planted.reveal()), "/").await;
    assert_eq!(
        left.leads_to(),
        "/sign-in?next=%2F",
        "the session before is over"
    );
    assert!(house.trail().contains(&"wei SignedIn ".to_owned()));

    let wrong = house.sign_in("wei", "correct horse batterz").await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    let stranger = house.sign_in("a password?", PASSWORD).await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);
    let said = |answer: &Answer| answer.between("role=\"alert\">", "<");
    assert_eq!(said(&wrong), said(&stranger), "nobody learns who there is");
    let trail = house.trail();
    assert!(
        trail.contains(&"wei SignInRefused ".to_owned()),
        "{trail:?}"
    );
    assert!(
        trail.contains(&"nobody SignInRefused ".to_owned()),
        "{trail:?}"
    );
}

#[tokio::test]
async fn behind_tls_the_session_is_bound_to_it() {
    let house = House::with(Door::behind_tls).await;
    house.add("wei", Role::Viewer).await;
    let came = house.sign_in("wei", PASSWORD).await;
    let cookie = came.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(cookie.starts_with("__Host-candor_session="), "{cookie}");
    assert!(
        cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
}

#[tokio::test]
async fn whoever_guesses_is_made_to_wait() {
    let house = House::open().await;
    house.add("wei", Role::Viewer).await;
    for _ in 0..5 {
        let wrong = house.sign_in("wei", "correct horse batterz").await;
        assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    }
    let waits = house.sign_in("wei", PASSWORD).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(waits.headers[header::RETRY_AFTER], "30");
    assert!(waits.session().is_none());
    house.pass(30);
    assert!(house.sign_in("wei", PASSWORD).await.session().is_some());
}

#[tokio::test]
async fn a_session_ends_by_itself_by_hand_and_everywhere() {
    let house = House::open().await;
    house.add("wei", Role::Admin).await;
    let is_in =
        async |session: &str| house.get(Some(session), "/account").await.status == StatusCode::OK;
    let one = house.enter("wei").await;
    house.pass(12 * 3_600);
    assert!(!is_in(&one).await);

    let one = house.enter("wei").await;
    let other = house.enter("wei").await;
    let mark = house.get(Some(&one), "/account").await.mark();
    let out = house
        .post(Some(&one), "/sign-out", &[("mark", &mark)])
        .await;
    assert_eq!(out.leads_to(), "/sign-in");
    let gone = out.headers[header::SET_COOKIE].to_str().expect("text");
    assert!(
        gone.starts_with("candor_session=; Path=/; Max-Age=0"),
        "{gone}"
    );
    assert!(!is_in(&one).await && is_in(&other).await);

    let third = house.enter("wei").await;
    let mark = house.get(Some(&third), "/account").await.mark();
    house
        .post(
            Some(&third),
            "/account",
            &[("mark", &mark), ("do", "everywhere")],
        )
        .await;
    assert!(!is_in(&other).await && !is_in(&third).await);

    let one = house.enter("wei").await;
    let other = house.enter("wei").await;
    let mark = house.get(Some(&one), "/account").await.mark();
    let fields = [
        ("mark", mark.as_str()),
        ("do", "password"),
        ("present", PASSWORD),
        ("password", "another long password"),
        ("again", "another long password"),
    ];
    let changed = house.post(Some(&one), "/account", &fields).await;
    let next = changed.session().expect("a new session");
    assert!(is_in(&next).await && !is_in(&one).await && !is_in(&other).await);
    assert_eq!(
        house.sign_in("wei", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
}

#[tokio::test]
async fn a_form_is_taken_from_a_page_of_this_session_alone() {
    let house = House::open().await;
    house.add("wei", Role::Admin).await;
    house.add("ann", Role::Admin).await;
    let (wei, ann) = (house.session("wei"), house.session("ann"));
    let page = async |session: &Secret| house.get(Some(session.reveal()), "/account").await;
    let (mark, anns) = (page(&wei).await.mark(), page(&ann).await.mark());
    assert_ne!(mark, anns);
    let add = |mark: &str| {
        let fields = [
            ("do", "add"),
            ("name", "eve"),
            ("role", "admin"),
            ("mark", mark),
        ];
        let fields = fields.map(|(key, value)| (key.to_owned(), value.to_owned()));
        fields.to_vec()
    };
    let send = async |mark: &str, site: &str| {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(add(mark))
            .finish();
        let request = Request::post("/settings/people")
            .header("cookie", format!("candor_session={}", wei.reveal()))
            .header("sec-fetch-site", site);
        house
            .ask(request.body(Body::from(body)).expect("a request"))
            .await
            .status
    };
    for (mark, site) in [
        ("", "same-origin"),
        (anns.as_str(), "same-origin"),
        (mark.as_str(), "cross-site"),
        (mark.as_str(), "same-site"),
    ] {
        assert_eq!(send(mark, site).await, StatusCode::BAD_REQUEST, "{site}");
    }
    assert_eq!(
        house.state.door.register().people().expect("people").len(),
        2
    );
    assert_eq!(send(&mark, "same-origin").await, StatusCode::OK);
    assert_eq!(
        house.state.door.register().people().expect("people").len(),
        3
    );
}

// ---- What each one sees

#[tokio::test]
async fn a_viewer_sees_what_adds_up_and_no_single_report() {
    let house = House::open().await;
    for role in Role::ALL {
        house.add(role.as_str(), role).await;
    }
    let key = house.desk.add_app("im").await;
    let plan = Plan {
        seed: 7,
        devices: 12,
        hours: 20,
        now: NOW,
        precision: Precision::Hour,
    };
    house.desk.send(&key, &fleet::reports(plan)).await;
    let session = |who: &str| house.session(who).reveal().to_owned();
    let viewer = session("viewer");
    let list = house.get(Some(&viewer), "/issues?kind=crash").await;
    let issue = list.between("href=\"/issues/", "\"").replace("&#38;", "&");
    let issue = format!("/issues/{issue}");
    let seen = house.get(Some(&viewer), &issue).await;
    assert_eq!(seen.status, StatusCode::OK);
    assert!(seen.body.contains("Single reports are shown to triagers"));
    for hidden in [
        "id=\"stack\"",
        "id=\"crumbs\"",
        "id=\"facts\"",
        "stack.txt",
        "report=",
    ] {
        assert!(!seen.body.contains(hidden), "{hidden}");
    }
    assert!(!house.trail().iter().any(|line| line.contains("ReportRead")));
    let text = issue.replacen('?', "/stack.txt?", 1);
    let text = if text == issue {
        format!("{issue}/stack.txt")
    } else {
        text
    };
    let refused = house.get(Some(&viewer), &text).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("This is for others"));

    let read = house.get(Some(&session("triager")), &issue).await;
    assert!(read.body.contains("id=\"stack\"") && read.body.contains("stack.txt"));
    let trail = house.trail();
    assert!(
        trail
            .iter()
            .any(|line| line.starts_with("triager ReportRead ")),
        "{trail:?}"
    );

    for (who, settings, trail) in [
        ("viewer", false, false),
        ("triager", false, false),
        ("admin", true, true),
    ] {
        let page = house.get(Some(&session(who)), "/privacy").await;
        assert_eq!(page.body.contains("href=\"/settings\""), settings, "{who}");
        assert_eq!(page.body.contains("id=\"trail\""), trail, "{who}");
        assert_eq!(
            page.body.contains("method=\"post\" action=\"/privacy"),
            trail,
            "{who}"
        );
        assert!(
            page.body.contains(&format!(": {who}\"")),
            "{who} sees who is signed in"
        );
    }
}

#[tokio::test]
async fn a_legal_hold_takes_two_people_and_everybody_sees_it() {
    let house = House::open().await;
    house.desk.add_app("im").await;
    let people = ["wei", "lin", "ann"];
    for (who, role) in people.iter().zip([Role::Admin, Role::Admin, Role::Viewer]) {
        house.add(who, role).await;
    }
    let sessions = people.map(|who| house.session(who).reveal().to_owned());
    let [wei, lin, ann] = &sessions;
    let act = async |who: &str, fields: &[(&str, &str)]| {
        let mark = house.get(Some(who), "/privacy").await.mark();
        let mark = [("mark", mark.as_str())];
        let fields: Vec<_> = fields.iter().copied().chain(mark).collect();
        house.post(Some(who), "/privacy", &fields).await
    };
    let until = candor_collector::privacy::date(house.now() + 20 * 86_400);
    let ask = [
        ("do", "hold"),
        ("basis", "case-7"),
        ("until", until.as_str()),
    ];
    assert_eq!(act(wei, &ask).await.status, StatusCode::SEE_OTHER);
    let held = format!("A legal hold keeps reports until {until}");
    let approve = [("do", "approve"), ("number", "1")];
    let own = act(wei, &approve).await;
    assert!(own.body.contains("It takes another person"), "{}", own.body);
    assert!(!house.get(Some(ann), "/privacy").await.body.contains(&held));
    assert_eq!(act(lin, &approve).await.status, StatusCode::SEE_OTHER);
    let page = house.get(Some(ann), "/privacy").await.body;
    assert!(page.contains(&held) && !page.contains("case-7"), "{page}");
    let page = house.get(Some(wei), "/privacy").await.body;
    assert!(
        page.contains("case-7") && page.contains("wei, lin"),
        "{page}"
    );
    let end = [("do", "end"), ("number", "1")];
    assert_eq!(act(wei, &end).await.status, StatusCode::SEE_OTHER);
    assert!(!house.get(Some(ann), "/privacy").await.body.contains(&held));
    let trail = house.trail();
    let holds = trail.iter().filter(|line| line.contains("HoldChanged"));
    assert_eq!(holds.count(), 3, "{trail:?}");
    let wrong = [("do", "hold"), ("basis", "case-8"), ("until", "2020-01-01")];
    let wrong = act(wei, &wrong).await;
    assert!(wrong.body.contains("within 180 days"), "{}", wrong.body);
}

#[tokio::test]
async fn an_admin_adds_somebody_who_chooses_a_password_and_loses_rights_at_once() {
    let house = House::open().await;
    house.add("wei", Role::Admin).await;
    let wei = house.session("wei").reveal().to_owned();
    let mark = house.get(Some(&wei), "/settings/people").await.mark();
    let change = async |fields: &[(&str, &str)]| {
        let fields: Vec<_> = fields
            .iter()
            .copied()
            .chain([("mark", mark.as_str())])
            .collect();
        house.post(Some(&wei), "/settings/people", &fields).await
    };
    let added = change(&[
        ("do", "add"),
        ("name", "Ann@example.org"),
        ("role", "triager"),
    ])
    .await;
    let link = added.between("<code id=\"secret\">", "</code>");
    let again = change(&[
        ("do", "add"),
        ("name", "ann@example.org"),
        ("role", "admin"),
    ])
    .await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST);
    assert!(again.body.contains("called so already"));
    assert!(
        house
            .get(None, &link)
            .await
            .body
            .contains("ann@example.org, choose a password")
    );
    let token = link.rsplit('=').next().expect("a token");
    let fields = [
        ("token", token),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ];
    let ann = house
        .post(None, "/welcome", &fields)
        .await
        .session()
        .expect("a session");
    assert_eq!(
        house.get(Some(&ann), "/privacy").await.status,
        StatusCode::OK
    );
    assert_eq!(
        house.get(Some(&ann), "/settings/people").await.status,
        StatusCode::FORBIDDEN
    );

    change(&[
        ("do", "role"),
        ("name", "ann@example.org"),
        ("role", "viewer"),
    ])
    .await;
    assert!(
        house
            .get(Some(&ann), "/privacy")
            .await
            .leads_to()
            .starts_with("/sign-in")
    );
    for refused in [
        change(&[("do", "role"), ("name", "wei"), ("role", "viewer")]).await,
        change(&[("do", "remove"), ("name", "wei")]).await,
    ] {
        assert!(
            refused.body.contains("Nobody would be left"),
            "{}",
            refused.body
        );
    }
    change(&[("do", "remove"), ("name", "ann@example.org")]).await;
    assert_eq!(
        house.sign_in("ann@example.org", PASSWORD).await.status,
        StatusCode::UNAUTHORIZED
    );
    let trail = house.trail();
    let did: Vec<&String> = trail
        .iter()
        .filter(|line| line.contains("PersonChanged"))
        .rev()
        .collect();
    assert_eq!(
        did,
        [
            "wei PersonChanged ann@example.org added as triager",
            "ann@example.org PersonChanged ann@example.org chose a password",
            "wei PersonChanged ann@example.org is viewer",
            "wei PersonChanged ann@example.org removed",
        ]
    );
}

#[tokio::test]
async fn a_link_to_choose_a_password_ends() {
    let house = House::open().await;
    house.add("wei", Role::Admin).await;
    let register = house.state.door.register();
    let link = register
        .add_person(&name("ann"), Role::Viewer, NOW, silent)
        .expect("a link");
    let path = format!("/welcome?token={}", link.reveal());
    assert_eq!(house.get(None, &path).await.status, StatusCode::OK);
    house.pass(3 * 86_400);
    assert_eq!(house.get(None, &path).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_token_is_shown_once_and_good_until_it_is_ended() {
    let house = House::open().await;
    house.desk.add_app("im").await;
    house.add("wei", Role::Admin).await;
    let wei = house.session("wei").reveal().to_owned();
    let mark = house.get(Some(&wei), "/settings/tokens").await.mark();
    let fields = [
        ("do", "add"),
        ("name", "grafana"),
        ("scope", "read"),
        ("mark", &mark),
    ];
    let made = house.post(Some(&wei), "/settings/tokens", &fields).await;
    let token = made.between("<code id=\"secret\">", "</code>");
    let ask = async |path: &str| {
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        house
            .ask(request.body(Body::empty()).expect("a request"))
            .await
            .status
    };
    assert_eq!(ask("/api/v1/ledger?app=im").await, StatusCode::OK);
    assert_eq!(ask("/api/v1/audit").await, StatusCode::FORBIDDEN);
    let page = house.get(Some(&wei), "/settings/tokens").await;
    assert!(page.body.contains("grafana") && !page.body.contains(&token));
    let fields = [("do", "end"), ("name", "grafana"), ("mark", mark.as_str())];
    house.post(Some(&wei), "/settings/tokens", &fields).await;
    assert_eq!(ask("/api/v1/ledger?app=im").await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_done() {
    let house = House::open().await;
    house.add("wei", Role::Admin).await;
    let wei = house.session("wei").reveal().to_owned();
    let mark = house.get(Some(&wei), "/settings/people").await.mark();
    // A directory where the trail's file should be.
    let trail = house.state.office.data().join("privacy/audit");
    std::fs::remove_dir_all(&trail).expect("it is there");
    std::fs::write(&trail, "").expect("a file");
    let fields = [
        ("do", "add"),
        ("name", "ann"),
        ("role", "viewer"),
        ("mark", &mark),
    ];
    let refused = house.post(Some(&wei), "/settings/people", &fields).await;
    assert!(
        refused.body.contains("cannot be written down"),
        "{}",
        refused.body
    );
    assert_eq!(
        house.state.door.register().people().expect("people").len(),
        1
    );
    let refused = house.sign_in("wei", PASSWORD).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.session().is_none());
}

#[tokio::test]
async fn a_program_adds_symbol_files_by_a_token_and_hears_what_was_in_them() {
    let house = House::open().await;
    let register = house.state.door.register();
    let scopes = BTreeSet::from([Scope::Symbols]);
    let token = register.add_token(&name("ci"), scopes, "wei", NOW, silent);
    let token = token.expect("a token").reveal().to_owned();
    let send = async |kind: &str, body: Vec<u8>| {
        let request = Request::post("/v1/symbols")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", kind)
            .body(Body::from(body));
        let answer = house.ask(request.expect("a request")).await;
        let said: serde_json::Value = serde_json::from_str(&answer.body).expect("JSON");
        (answer.status, said)
    };
    const FILE: &str = "application/octet-stream";
    let own = std::fs::read(fleet::own_file()).expect("this program");
    let (status, said) = send(FILE, own.clone()).await;
    assert_eq!(status, StatusCode::OK, "{said}");
    let build = &said["builds"][0];
    assert_eq!(build["known"], false);
    let kept = house.state.office.data().join("symbols");
    let kept = kept.join(format!(
        "{}.debug",
        build["build"].as_str().expect("a build")
    ));
    assert_eq!(std::fs::read(&kept).expect("it is kept"), own);
    house.add("wei", Role::Admin).await;
    let wei = house.session("wei");
    let page = house.get(Some(wei.reveal()), "/settings/symbols").await;
    assert!(
        page.body
            .contains(build["build"].as_str().expect("a build"))
    );
    let (_, again) = send(FILE, own).await;
    assert_eq!(again["builds"][0]["known"], true);
    let (status, refused) = send(FILE, b"no symbols at all".to_vec()).await;
    assert_eq!(
        (status, &refused["error"]),
        (StatusCode::BAD_REQUEST, &"not_symbols".into())
    );
    let (status, _) = send("text/plain", b"no symbols at all".to_vec()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let left = std::fs::read_dir(house.state.office.data()).expect("the directory");
    let left = left.filter_map(|entry| entry.expect("an entry").file_name().into_string().ok());
    assert!(
        !left.into_iter().any(|name| name.starts_with("incoming-")),
        "nothing half is left"
    );
}
