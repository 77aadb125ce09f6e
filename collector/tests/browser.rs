//! The pages in a real browser: nothing goes wrong, nothing is asked of anybody else, and the keyboard is enough.

mod chrome;
mod desk;
mod fleet;

use candor_collector::ingest::Limits;
use candor_collector::server;
use candor_protocol::deidentify::{Release, ReportId};
use candor_protocol::moment::Precision;
use candor_protocol::report::{Report, What};
use chrome::{Driver, ENTER, ESCAPE, RIGHT, ask, mistakes, press, requests};
use desk::Desk;
use fantoccini::wd::TimeoutConfiguration;
use fantoccini::{Client, Locator};
use fleet::Plan;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A browser that has not finished by then hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// The collector that the browser visits.
struct Site {
    desk: Desk,
    key: candor_collector::access::IngestKey,
    plan: Plan,
    origin: String,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_work_in_a_browser() {
    let Some(driver) = Driver::required() else {
        return;
    };
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time after 1970")
        .as_secs();
    let plan = Plan {
        seed: 3,
        devices: 12,
        hours: 20,
        now,
        precision: Precision::Minute,
    };
    let desk = Desk::open(now);
    let key = desk.add_app("im").await;
    desk.send(&key, &fleet::reports(plan)).await;

    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let origin = format!("http://{}", listener.local_addr().expect("an address"));
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async {
        // Either way it is time to stop.
        let _ = stopped.await;
    };
    let serving = tokio::spawn(server::run(
        listener,
        desk.state.clone(),
        Limits::default(),
        shutdown,
    ));

    let site = Site {
        desk,
        key,
        plan,
        origin,
    };
    let browser = driver.browser().await;
    // The browser is closed whatever becomes of the visit, so that no process is left behind.
    let visit = tokio::spawn(tokio::time::timeout(PATIENCE, visit(browser.clone(), site)));
    let visited = visit.await;
    let closed = browser.close().await;
    drop(driver);
    stop.send(()).expect("the collector still serves");
    serving
        .await
        .expect("the collector ends")
        .expect("and ends well");
    match visited {
        Ok(finished) => finished.expect("the browser hangs"),
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
    closed.expect("the browser closes");
}

async fn visit(browser: Client, site: Site) {
    // What the browser's own first page asks for is not of interest.
    browser.goto("about:blank").await.expect("an empty page");
    requests(&browser).await;

    let pages = every_page(&browser, &site).await;
    a_phone_needs_no_sideways_scrolling(&browser, &pages).await;
    the_theme_changes_and_is_remembered(&browser, &site).await;
    the_keyboard_is_enough(&browser, &site).await;
    a_chart_is_read_with_the_keyboard(&browser, &site).await;
    what_arrives_appears_by_itself(&browser, &site).await;
    a_crash_is_found_resolved_and_seen_to_come_back(&browser, &site).await;
    chinese_is_remembered(&browser, &site).await;

    let asked = requests(&browser).await;
    assert!(
        asked.iter().any(|address| address.ends_with(".css")),
        "requests are recorded: {asked:?}"
    );
    for address in asked {
        let own = address.starts_with(&site.origin) || address.starts_with("data:");
        assert!(own, "a page asked for {address}");
    }
}

async fn open(browser: &Client, address: &str) {
    browser
        .goto(address)
        .await
        .unwrap_or_else(|error| panic!("{address}: {error}"));
    assert_eq!(mistakes(browser).await, Vec::<String>::new(), "{address}");
}

async fn every_page(browser: &Client, site: &Site) -> Vec<String> {
    let mut pages: Vec<String> = [
        "/",
        "/issues",
        "/freezes",
        "/connections",
        "/connections/compare",
        "/releases",
        "/runs",
    ]
    .map(|path| format!("{}{path}", site.origin))
    .to_vec();
    for list in ["/issues?kind=crash", "/freezes"] {
        open(browser, &format!("{}{list}", site.origin)).await;
        let first = browser
            .find(Locator::Css("[data-item]"))
            .await
            .expect("an issue");
        let href = first
            .attr("href")
            .await
            .expect("an answer")
            .expect("an address");
        pages.push(format!("{}{href}", site.origin));
    }
    for address in &pages {
        open(browser, address).await;
        assert_eq!(
            ask(browser, UNNAMED).await,
            serde_json::json!([]),
            "{address}"
        );
    }
    pages
}

/// What a reader who does not see the page would not be told: pictures, fields, buttons and links without a name,
/// headings that skip a level, ids that stand twice.
const UNNAMED: &str = r#"
    const wrong = [];
    const say = (what, element) => wrong.push(what + ": " + element.outerHTML.slice(0, 120));
    const hidden = (element) => element.closest("[aria-hidden=true], [hidden]");
    for (const one of document.querySelectorAll("svg[role=img]")) if (!one.getAttribute("aria-label")) say("picture", one);
    for (const one of document.querySelectorAll("svg:not([role=img])"))
        if (!hidden(one) && !one.parentElement.closest("svg")) say("svg without a role", one);
    for (const one of document.querySelectorAll("input:not([type=hidden])"))
        if (!one.labels.length || !one.labels[0].textContent.trim()) say("field", one);
    for (const one of document.querySelectorAll("a, button, summary"))
        if (!(one.textContent.trim() || one.getAttribute("aria-label"))) say("control", one);
    let level = 0;
    for (const one of document.querySelectorAll("h1, h2, h3")) {
        const next = Number(one.tagName[1]);
        if (next > level + 1) say("heading", one);
        level = next;
    }
    const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
    ids.filter((id, index) => ids.indexOf(id) !== index).forEach((id) => wrong.push("id twice: " + id));
    for (const one of ["header", "main", "footer", "nav", ".skip"]) if (!document.querySelector(one)) wrong.push("no " + one);
    return wrong;
"#;

async fn a_phone_needs_no_sideways_scrolling(browser: &Client, pages: &[String]) {
    browser.set_window_size(390, 844).await.expect("a phone");
    for address in pages {
        open(browser, address).await;
        let beyond = ask(
            browser,
            "return document.documentElement.scrollWidth - innerWidth",
        )
        .await;
        assert!(
            beyond.as_i64().is_some_and(|beyond| beyond <= 0),
            "{address} is {beyond} pixels too wide"
        );
    }
    browser.set_window_size(1280, 900).await.expect("a desk");
}

async fn the_theme_changes_and_is_remembered(browser: &Client, site: &Site) {
    const GROUND: &str = "return getComputedStyle(document.body).backgroundColor";
    open(browser, &format!("{}/?theme=light", site.origin)).await;
    let light = ask(browser, GROUND).await;
    browser
        .find(Locator::Css("[data-theme-toggle]"))
        .await
        .expect("a toggle")
        .click()
        .await
        .expect("a click");
    assert_eq!(
        ask(browser, "return document.documentElement.dataset.theme").await,
        "dark"
    );
    let dark = ask(browser, GROUND).await;
    assert_ne!(light, dark);
    // The page shows the choice while it is still on its way to the server.
    soon(browser, "performance.getEntriesByType('resource').some((one) => one.name.includes('theme=dark') && one.responseEnd)")
        .await;
    open(browser, &format!("{}/issues", site.origin)).await;
    assert_eq!(
        ask(browser, GROUND).await,
        dark,
        "the next page is dark as well"
    );
}

async fn the_keyboard_is_enough(browser: &Client, site: &Site) {
    const FOCUSED: &str =
        "return [...document.querySelectorAll('[data-item]')].indexOf(document.activeElement)";
    open(browser, &format!("{}/issues", site.origin)).await;
    press(browser, "/").await;
    assert_eq!(
        ask(browser, "return document.activeElement.name").await,
        "q"
    );
    press(browser, "segv").await;
    press(browser, ENTER).await;
    browser
        .wait()
        .for_element(Locator::Css("input[value=segv]"))
        .await
        .expect("a filtered list");
    let titles = ask(
        browser,
        "return [...document.querySelectorAll('.name')].map((one) => one.textContent)",
    )
    .await;
    let titles = titles.as_array().expect("a list");
    assert!(
        titles
            .iter()
            .all(|title| title.as_str().is_some_and(|title| title.contains("SEGV"))),
        "{titles:?}"
    );

    open(browser, &format!("{}/issues", site.origin)).await;
    press(browser, "j").await;
    assert_eq!(ask(browser, FOCUSED).await, 0);
    press(browser, "j").await;
    assert_eq!(ask(browser, FOCUSED).await, 1);
    press(browser, "k").await;
    assert_eq!(ask(browser, FOCUSED).await, 0);
    press(browser, ENTER).await;
    browser
        .wait()
        .for_element(Locator::Css(".lead"))
        .await
        .expect("an issue");
    assert_eq!(mistakes(browser).await, Vec::<String>::new());
}

async fn a_chart_is_read_with_the_keyboard(browser: &Client, site: &Site) {
    open(browser, &format!("{}/connections", site.origin)).await;
    ask(
        browser,
        "document.querySelector('.canvas').focus(); return 1",
    )
    .await;
    press(browser, RIGHT).await;
    let read = browser
        .find(Locator::Css(".read"))
        .await
        .expect("values")
        .text()
        .await
        .expect("text");
    assert!(read.contains("p50") && read.contains("p99"), "{read}");
    press(browser, ESCAPE).await;
    assert!(
        browser
            .find_all(Locator::Css(".read"))
            .await
            .expect("an answer")
            .is_empty()
    );
    assert_eq!(mistakes(browser).await, Vec::<String>::new());
}

async fn what_arrives_appears_by_itself(browser: &Client, site: &Site) {
    open(browser, &format!("{}/", site.origin)).await;
    ask(
        browser,
        "window.untouched = true; document.querySelector('#charts summary').click(); return 1",
    )
    .await;
    let before = ask(
        browser,
        "return document.querySelector('#pipeline dd:not([title])').textContent",
    )
    .await;
    let more = Plan {
        seed: site.plan.seed + 1,
        devices: 2,
        ..site.plan
    };
    site.desk.send(&site.key, &fleet::reports(more)).await;
    soon(
        browser,
        &format!("document.querySelector('#pipeline dd:not([title])').textContent !== {before}"),
    )
    .await;
    assert_eq!(
        ask(browser, "return window.untouched").await,
        true,
        "the page was not loaded again"
    );
    let open = ask(
        browser,
        "return document.querySelector('#charts details').open",
    )
    .await;
    assert_eq!(open, true, "what was opened stays open");
}

/// With the keyboard alone.
async fn a_crash_is_found_resolved_and_seen_to_come_back(browser: &Client, site: &Site) {
    let reports = fleet::reports(site.plan);
    let is_crash = |report: &&Report| matches!(&report.what, What::Crash(crash) if crash.fatal);
    let release = reports
        .iter()
        .find(is_crash)
        .expect("a crash")
        .release
        .clone();
    open(browser, &format!("{}/issues?kind=crash", site.origin)).await;
    let more = browser.find(Locator::Css(".more summary")).await;
    more.expect("more filters")
        .send_keys(ENTER)
        .await
        .expect("a key");
    let field = browser.find(Locator::Css("input[name=release]")).await;
    field
        .expect("a field")
        .send_keys(&format!("{release}{ENTER}"))
        .await
        .expect("keys");
    browser
        .wait()
        .for_element(Locator::Css(&format!("input[value='{release}']")))
        .await
        .expect("a filtered list");
    press(browser, "j").await;
    press(browser, "x").await;
    let chosen = "return document.querySelectorAll('[data-choose]:checked').length";
    assert_eq!(ask(browser, chosen).await, 1);
    press(browser, ENTER).await;
    browser
        .wait()
        .for_element(Locator::Css("#stack .stack"))
        .await
        .expect("a stack");
    press(browser, "r").await;
    browser
        .wait()
        .for_element(Locator::Css(".now .state.resolved"))
        .await
        .expect("a resolved issue");
    // Every crash of that release happens again in a later one.
    let again: Vec<Report> = reports
        .iter()
        .filter(|report| report.release == release && is_crash(report))
        .enumerate()
        .map(|(n, report)| Report {
            id: ReportId::from_bytes([0xe0 + (n % 16) as u8; 16].map(|byte| byte ^ (n / 16) as u8)),
            release: Release::parse("99.0.0").expect("a release"),
            ..report.clone()
        })
        .collect();
    site.desk.send(&site.key, &again).await;
    browser.refresh().await.expect("the page again");
    browser
        .wait()
        .for_element(Locator::Css(".now .state.regressed"))
        .await
        .expect("a regressed issue");
    assert_eq!(mistakes(browser).await, Vec::<String>::new());
}

/// Waits until `condition` is true in the page.
async fn soon(browser: &Client, condition: &str) {
    let script = format!(
        "const done = arguments[0]; const look = () => {condition} ? done(true) : setTimeout(look, 50); look();"
    );
    let mut timeouts = TimeoutConfiguration::default();
    timeouts.set_script(Some(PATIENCE));
    browser.update_timeouts(timeouts).await.expect("patience");
    assert_eq!(
        browser
            .execute_async(&script, Vec::new())
            .await
            .expect("news"),
        true
    );
}

async fn chinese_is_remembered(browser: &Client, site: &Site) {
    open(browser, &format!("{}/freezes", site.origin)).await;
    let link = browser
        .find(Locator::LinkText("中文"))
        .await
        .expect("a link");
    link.click().await.expect("a click");
    browser
        .wait()
        .for_element(Locator::Css("html[lang=zh]"))
        .await
        .expect("Chinese");
    open(browser, &format!("{}/issues", site.origin)).await;
    let heading = browser
        .find(Locator::Css("h1"))
        .await
        .expect("a heading")
        .text()
        .await
        .expect("text");
    assert_eq!(heading, "问题");
}
