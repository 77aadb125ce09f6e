//! The way in and out in a real browser.

#[allow(dead_code, reason = "every story uses a part of it")]
mod chrome;
mod desk;
mod fleet;

use candor_collector::access::Door;
use candor_collector::ingest::Limits;
use candor_collector::server;
use candor_protocol::moment::Precision;
use chrome::{Driver, ENTER, ask, mistakes, press, requests};
use desk::Desk;
use fantoccini::{Client, Locator};
use fleet::Plan;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A browser that has not finished by then hangs.
const PATIENCE: Duration = Duration::from_secs(240);

const PASSWORD: &str = "correct horse battery";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_in_and_go_out_in_a_browser() {
    let Some(driver) = Driver::required() else {
        return;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.expect("a time after 1970").as_secs();
    let desk = Desk::open(now);
    let key = desk.add_app("im").await;
    let plan = Plan {
        seed: 3,
        devices: 12,
        hours: 20,
        now,
        precision: Precision::Minute,
    };
    desk.send(&key, &fleet::reports(plan)).await;
    let mut state = desk.state.clone();
    state.door = Arc::new(Door::of(state.office.data()));
    let link = state
        .door
        .welcome()
        .expect("a register")
        .expect("nobody yet");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server::run(listener, state, Limits::default(), async {
        // Either way it is time to stop.
        let _ = stopped.await;
    }));

    let browser = driver.browser().await;
    let welcome = format!("{origin}/welcome?token={}", link.reveal());
    let visit = visit(browser.clone(), origin, welcome);
    let visited = tokio::spawn(tokio::time::timeout(PATIENCE, visit)).await;
    let closed = browser.close().await;
    drop(driver);
    stop.send(()).expect("the collector still serves");
    let served = serving.await.expect("the collector ends");
    served.expect("and ends well");
    match visited {
        Ok(finished) => finished.expect("the browser hangs"),
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
    closed.expect("the browser closes");
}

async fn visit(browser: Client, origin: String, welcome: String) {
    browser.goto("about:blank").await.expect("an empty page");
    requests(&browser).await;

    // The first one is made, by keyboard alone: the first field has the focus.
    open(&browser, &welcome).await;
    look(&browser, "welcome").await;
    press(&browser, "wei").await;
    press(&browser, "\t").await;
    press(&browser, PASSWORD).await;
    press(&browser, "\t").await;
    press(&browser, PASSWORD).await;
    press(&browser, ENTER).await;
    wait_for(&browser, "#figures").await;
    look(&browser, "signed-in").await;

    // An admin adds a viewer.
    open(&browser, &format!("{origin}/settings")).await;
    click(&browser, "#add input[name=name]").await;
    press(&browser, "ann").await;
    click(&browser, "#add button").await;
    wait_for(&browser, "#secret").await;
    look(&browser, "people").await;
    let path = text(&browser, "#secret").await;
    open(&browser, &format!("{origin}/settings/tokens")).await;
    click(&browser, "#add input[name=name]").await;
    press(&browser, "grafana").await;
    click(&browser, "#add input[value=read]").await;
    click(&browser, "#add button").await;
    wait_for(&browser, "#secret").await;
    look(&browser, "tokens").await;
    // What is told, and to whom.
    open(&browser, &format!("{origin}/settings/alerts")).await;
    look(&browser, "alerts").await;
    click(&browser, "#add input[name=name]").await;
    press(&browser, "ops").await;
    press(&browser, "\t\t").await;
    press(&browser, "https://hooks.example/letmein").await;
    click(&browser, "#add button").await;
    wait_for(&browser, "#secret").await;
    look(&browser, "webhook").await;
    assert_eq!(text(&browser, "#webhooks tbody th").await, "ops");
    assert_eq!(count(&browser, "[value*='letmein']").await, 0);
    open(&browser, &format!("{origin}/account")).await;
    look(&browser, "account").await;
    an_admin_reads_a_report(&browser, &origin).await;
    click(&browser, ".out button").await;
    wait_for(&browser, "#door").await;

    // The viewer chooses a password and sees no single report.
    open(&browser, &format!("{origin}{path}")).await;
    press(&browser, PASSWORD).await;
    press(&browser, "\t").await;
    press(&browser, PASSWORD).await;
    press(&browser, ENTER).await;
    wait_for(&browser, "#figures").await;
    open(&browser, &format!("{origin}/issues?kind=crash")).await;
    click(&browser, "[data-item]").await;
    wait_for(&browser, "#reports").await;
    assert_eq!(
        count(
            &browser,
            "#stack, #facts, .reports li, main form[method=post]"
        )
        .await,
        0
    );
    assert_eq!(count(&browser, ".places a[href^='/settings']").await, 0);
    look(&browser, "viewer").await;
    click(&browser, ".out button").await;
    wait_for(&browser, "#door").await;

    // Whoever guesses waits; what was wanted is shown after signing in.
    open(&browser, &format!("{origin}/freezes")).await;
    sign_in(&browser, "wrong horse battery").await;
    assert_eq!(
        text(&browser, ".wrong").await,
        "The name or the password is wrong."
    );
    // The browser says of itself that a password was wrong.
    let said = mistakes(&browser).await;
    assert!(said.iter().all(|line| line.contains("401")), "{said:?}");
    look(&browser, "wrong").await;
    sign_in(&browser, PASSWORD).await;
    wait_for(&browser, ".out").await;
    let here = browser.current_url().await.expect("an address");
    assert_eq!(here.path(), "/freezes");
    click(&browser, ".out button").await;
    wait_for(&browser, "#door").await;
    for _ in 0..6 {
        sign_in(&browser, "wrong horse battery").await;
    }
    assert!(text(&browser, ".wrong").await.contains("too many attempts"));
    mistakes(&browser).await;

    // In Chinese, in the dark, on a phone.
    browser.set_window_size(390, 844).await.expect("a phone");
    for page in ["/sign-in", "/welcome"] {
        open_despite(&browser, &format!("{origin}{page}?lang=zh&theme=dark")).await;
        let beyond = "return document.documentElement.scrollWidth - innerWidth";
        assert!(
            ask(&browser, beyond)
                .await
                .as_i64()
                .is_some_and(|beyond| beyond <= 0),
            "{page}"
        );
        look(&browser, &format!("phone{}", page.replace('/', "-"))).await;
    }
    for address in requests(&browser).await {
        let own = address.starts_with(&origin) || address.starts_with("data:");
        assert!(own, "a page asked for {address}");
    }
}

async fn an_admin_reads_a_report(browser: &Client, origin: &str) {
    open(browser, &format!("{origin}/issues?kind=crash")).await;
    click(browser, "[data-item]").await;
    wait_for(browser, "#stack").await;
    open(browser, &format!("{origin}/privacy")).await;
    let trail = text(browser, "#trail").await;
    assert!(trail.contains("wei"), "{trail}");
}

async fn sign_in(browser: &Client, password: &str) {
    ask(
        browser,
        "for (const one of document.querySelectorAll('#door input:not([type=hidden])')) one.value = ''; return 1",
    )
    .await;
    click(browser, "#door input[name=name]").await;
    press(browser, "ann").await;
    click(browser, "#door input[name=password]").await;
    press(browser, password).await;
    let before = ask(browser, "window.here = true; return 1").await;
    assert_eq!(before, 1);
    press(browser, ENTER).await;
    // Until another page is there.
    for _ in 0..600 {
        let script = "return document.readyState === 'complete' && !window.here";
        if browser
            .execute(script, Vec::new())
            .await
            .is_ok_and(|done| done == true)
        {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the form leads nowhere");
}

async fn open(browser: &Client, address: &str) {
    open_despite(browser, address).await;
    assert_eq!(mistakes(browser).await, Vec::<String>::new(), "{address}");
}

/// Opens a page that answers with a status that the browser complains of.
async fn open_despite(browser: &Client, address: &str) {
    let gone = browser.goto(address).await;
    gone.unwrap_or_else(|error| panic!("{address}: {error}"));
}

async fn click(browser: &Client, what: &str) {
    let found = browser.find(Locator::Css(what)).await;
    let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
    found
        .click()
        .await
        .unwrap_or_else(|error| panic!("{what}: {error}"));
}

async fn wait_for(browser: &Client, what: &str) {
    let found = browser.wait().for_element(Locator::Css(what)).await;
    found.unwrap_or_else(|error| panic!("{what}: {error}"));
}

async fn text(browser: &Client, what: &str) -> String {
    let found = browser.find(Locator::Css(what)).await;
    let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
    found.text().await.expect("text")
}

async fn count(browser: &Client, what: &str) -> usize {
    browser
        .find_all(Locator::Css(what))
        .await
        .expect("an answer")
        .len()
}

/// Keeps a picture of the page where `CANDOR_PICTURES` says, for whoever wants to look.
async fn look(browser: &Client, name: &str) {
    if let Some(directory) = std::env::var_os("CANDOR_PICTURES") {
        let picture = browser.screenshot().await.expect("a picture");
        let file = PathBuf::from(directory).join(format!("{name}.png"));
        std::fs::write(file, picture).expect("a file");
    }
}
