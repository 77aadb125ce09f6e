//! The pages in a real browser: nothing goes wrong, nothing is asked of anybody else, and the keyboard is enough.

mod chrome;
mod desk;
mod fleet;

use candor_collector::access::{Door, Role};
use candor_collector::alerts::settings::{AppAlerts, Hidden, Language, Service, Webhook};
use candor_collector::ingest::Limits;
use candor_collector::operating::{self, Wanted};
use candor_collector::privacy::audit::Did;
use candor_collector::server;
use candor_collector::store::triage::{By, Person};
use candor_collector::store::{IssueFilter, IssueKind, Span, Store};
use candor_protocol::deidentify::{AppName, Release, ReportId};
use candor_protocol::moment::Precision;
use candor_protocol::report::{Report, What};
use chrome::{DOWN, Driver, ENTER, ESCAPE, PASTE, RIGHT, TAB, ask, mistakes, press, requests};
use desk::Desk;
use fantoccini::{Client, Locator};
use fleet::Plan;
use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A browser that has not finished by then hangs.
const PATIENCE: Duration = Duration::from_secs(600);

/// The collector that the browser visits.
struct Site {
    desk: Desk,
    key: candor_collector::access::IngestKey,
    plan: Plan,
    origin: String,
}

/// Of whom the stories of this file tell: a fleet of the last twenty hours.
fn plan() -> Plan {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Plan {
        seed: 3,
        devices: 12,
        hours: 20,
        now: now.expect("a time after 1970").as_secs(),
        precision: Precision::Minute,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_work_in_a_browser() {
    let Some(driver) = Driver::required() else {
        return;
    };
    let plan = plan();
    let desk = Desk::open(plan.now);
    visited(driver, desk, plan, visit).await;
}

/// Somebody who signs in and uses nothing but the keyboard.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_signs_in_and_gets_from_a_crash_to_what_became_of_it_by_the_keyboard_alone() {
    let Some(driver) = Driver::required() else {
        return;
    };
    let plan = plan();
    let desk = with_people(plan).await;
    visited(driver, desk, plan, walk).await;
}

/// Every page that only people see who signed in, those that turn somebody away, and those that have nothing to show.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_page_is_legible_on_a_desk_and_on_a_phone_in_both_languages() {
    let Some(driver) = Driver::required() else {
        return;
    };
    let plan = plan();
    let desk = with_people(plan).await;
    visited(driver, desk, plan, look_around).await;
}

/// A collector that wei, an admin, and lin, a viewer, sign in to.
async fn with_people(plan: Plan) -> Desk {
    let mut desk = Desk::open(plan.now);
    let door = Door::of(desk.state.office.data());
    let silent = || Ok(());
    for (name, role) in [("wei", Role::Admin), ("lin", Role::Viewer)] {
        let name = name.parse().expect("a name");
        let register = door.register();
        let added = register.add_person(&name, role, plan.now, silent);
        added.expect("a person");
        let hash = door.choose(&name, PASSWORD).await.expect("a hash");
        let set = register.set_password(&name, hash, silent);
        set.expect("a password");
    }
    desk.state.door = Arc::new(door);
    desk
}

const PASSWORD: &str = "correct horse battery";

/// Lets `visit` look at a collector that is served.
async fn visited<V: Future<Output = ()> + Send + 'static>(
    driver: Driver,
    desk: Desk,
    plan: Plan,
    visit: impl FnOnce(Client, Site) -> V,
) {
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
    the_focus_goes_through_pages_in_order_and_is_seen(&browser, &pages).await;
    the_theme_changes_and_is_remembered(&browser, &site).await;
    the_keyboard_is_enough(&browser, &site).await;
    what_is_chosen_is_given_away_and_muted_by_the_keyboard(&browser, &site).await;
    a_chart_is_read_with_the_keyboard(&browser, &site).await;
    what_arrives_appears_by_itself(&browser, &site).await;
    a_crash_is_found_resolved_and_seen_to_come_back(&browser, &site).await;
    chinese_is_remembered(&browser, &site).await;

    nothing_was_asked_of_others(&browser, &site).await;
}

async fn nothing_was_asked_of_others(browser: &Client, site: &Site) {
    let asked = requests(browser).await;
    assert!(
        asked.iter().any(|address| address.ends_with(".css")),
        "requests are recorded: {asked:?}"
    );
    for address in asked {
        let own = address.starts_with(&site.origin) || address.starts_with("data:");
        assert!(own, "a page asked for {address}");
    }
}

/// What has the focus: where it stands among everything that can have it, and whether one sees that it has it.
const FOCUS: &str = r#"
    const one = document.activeElement;
    if (one === document.body || one === document.documentElement) return null;
    const style = getComputedStyle(one);
    const box = one.getBoundingClientRect();
    const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 1;
    const within = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth && box.width > 0;
    return {
        place: [...document.querySelectorAll("*")].indexOf(one),
        seen: (outlined || style.boxShadow !== "none") && within,
        html: one.outerHTML.slice(0, 120),
    };
"#;

/// Steps of the Tab key on one page.
const STEPS: usize = 45;

async fn the_focus_goes_through_pages_in_order_and_is_seen(browser: &Client, pages: &[String]) {
    let some = ["/issues", "/releases", "/settings/apps", "/settings/remote"];
    let some = pages.iter().filter(|address| {
        some.iter().any(|path| address.ends_with(*path)) || address.contains("/issues/")
    });
    for address in some {
        open(browser, address).await;
        let mut last = -1;
        for step in 0..STEPS {
            press(browser, TAB).await;
            let focus = ask(browser, FOCUS).await;
            // After the last one the browser itself has it.
            let Some(place) = focus["place"].as_i64() else {
                break;
            };
            assert!(place > last, "{address}, step {step}: {focus}");
            assert_eq!(focus["seen"], true, "{address}, step {step}: {focus}");
            last = place;
        }
        assert!(last > 0, "{address}: nothing takes the focus");
    }
}

/// Presses Tab until what `selector` names has the focus.
async fn tab_to(browser: &Client, selector: &str) {
    let there = format!("return document.activeElement.matches({selector:?})");
    for _ in 0..250 {
        press(browser, TAB).await;
        if ask(browser, &there).await == true {
            return;
        }
    }
    panic!("Tab does not lead to {selector}");
}

/// Waits for what the next page has.
async fn come_to(browser: &Client, selector: &str) {
    let wait = browser.wait().for_element(Locator::Css(selector)).await;
    wait.unwrap_or_else(|error| panic!("{selector}: {error}"));
    assert_eq!(mistakes(browser).await, Vec::<String>::new(), "{selector}");
}

async fn walk(browser: Client, site: Site) {
    browser.goto("about:blank").await.expect("an empty page");
    requests(&browser).await;
    open(&browser, &format!("{}/issues?kind=crash", site.origin)).await;
    come_to(&browser, "#door").await;
    assert_eq!(inaccessible(&browser).await, [""; 0], "the way in");
    press(&browser, "wei").await;
    press(&browser, TAB).await;
    press(&browser, &format!("{PASSWORD}{ENTER}")).await;
    come_to(&browser, ".list[data-list]").await;

    // A crash, found by its release.
    let reports = fleet::reports(site.plan);
    let crash = reports.iter().find(|report| is_crash(report));
    let release = crash.expect("a crash").release.clone();
    tab_to(&browser, ".more summary").await;
    press(&browser, ENTER).await;
    tab_to(&browser, "input[name=release]").await;
    press(&browser, &format!("{release}{ENTER}")).await;
    come_to(&browser, &format!("input[value='{release}']")).await;
    press(&browser, "j").await;
    press(&browser, ENTER).await;
    come_to(&browser, "#stack .stack").await;
    let stack = browser.find(Locator::Css("#stack")).await.expect("a stack");
    let stack = stack.text().await.expect("text");
    assert!(stack.contains("::"), "functions have names: {stack}");
    // Copied, for a ticket and for a chat.
    for (link, begins) in [("#triage [data-copy]", "# "), ("#stack [data-copy]", "")] {
        tab_to(&browser, link).await;
        press(&browser, ENTER).await;
        let copied = "document.activeElement.textContent === document.activeElement.dataset.copied";
        soon(&browser, copied).await;
        tab_to(&browser, "textarea[name=note]").await;
        press(&browser, PASTE).await;
        let pasted = "document.activeElement.value.includes('::')";
        soon(&browser, pasted).await;
        let text = ask(&browser, "return document.activeElement.value").await;
        let text = text.as_str().expect("text");
        assert!(text.starts_with(begins), "{text}");
        ask(&browser, "document.activeElement.value = ''; return 1").await;
    }
    // Narrowed to its release, it is told of that alone.
    tab_to(&browser, "#part-1 a").await;
    press(&browser, ENTER).await;
    come_to(&browser, ".narrowed").await;
    press(&browser, "r").await;
    come_to(&browser, ".now .state.resolved").await;
    comes_back(&site, &release).await;
    browser.refresh().await.expect("the page again");
    come_to(&browser, ".now .state.regressed").await;

    // A freeze, and where its time went.
    tab_to(&browser, ".places a[href^='/freezes']").await;
    press(&browser, ENTER).await;
    come_to(&browser, ".list[data-list]").await;
    press(&browser, "j").await;
    press(&browser, ENTER).await;
    come_to(&browser, ".icicle .boxes").await;
    let hottest = browser.find(Locator::Css(".icicle .hottest tbody")).await;
    let hottest = hottest.expect("functions").text().await.expect("text");
    assert!(!hottest.trim().is_empty());

    // Two releases.
    tab_to(&browser, ".places a[href^='/releases']").await;
    press(&browser, ENTER).await;
    come_to(&browser, "#compare select[name=a]").await;
    tab_to(&browser, "#compare select[name=a]").await;
    press(&browser, DOWN).await;
    tab_to(&browser, "#compare button").await;
    press(&browser, ENTER).await;
    soon(
        &browser,
        "location.search.includes('a=') && document.querySelector('#compare tbody tr')",
    )
    .await;
    assert_eq!(mistakes(&browser).await, Vec::<String>::new());

    // Language and theme.
    tab_to(&browser, "[data-theme-toggle]").await;
    press(&browser, ENTER).await;
    soon(
        &browser,
        "document.documentElement.dataset.theme === 'dark'",
    )
    .await;
    tab_to(&browser, "a[href*='lang=zh']").await;
    press(&browser, ENTER).await;
    come_to(&browser, "html[lang=zh]").await;
    assert_eq!(inaccessible(&browser).await, [""; 0], "in Chinese");
    tab_to(&browser, "form.out button").await;
    press(&browser, ENTER).await;
    come_to(&browser, "#door").await;
    let trail = site.desk.state.office.trail().last(50).expect("a trail");
    let did = |did| {
        trail
            .iter()
            .any(|entry| entry.who == "wei" && entry.did == did)
    };
    assert!(did(Did::SignedIn) && did(Did::ReportRead) && did(Did::IssueChanged));
    nothing_was_asked_of_others(&browser, &site).await;
}

/// Whoever was there is gone, and somebody else signs in.
async fn signs_in(browser: &Client, site: &Site, name: &str) {
    browser.delete_all_cookies().await.expect("no cookies");
    open(browser, &format!("{}/sign-in", site.origin)).await;
    let fill = format!(
        "document.querySelector('[name=name]').value = '{name}';
         document.querySelector('[name=password]').value = '{PASSWORD}';
         document.querySelector('#door button').click(); return 1"
    );
    ask(browser, &fill).await;
    come_to(browser, "form.out button").await;
}

async fn look_around(browser: Client, site: Site) {
    let state = &site.desk.state;
    let (silent, now) = (|| Ok(()), site.plan.now);
    site.desk.add_app("empty").await;
    let register = state.door.register();
    let add = |name: &str| {
        let name = name.parse().expect("a name");
        let invited = register.add_person(&name, Role::Triager, now, silent);
        invited.expect("a link").reveal().to_owned()
    };
    let token = add("mei");
    let app: AppName = "im".parse().expect("a name");
    let day = Span {
        from: now - 86_400,
        to: now + 3_600,
        step: 3_600,
    };
    let issues = state.store.issues(&app, IssueFilter::all(day, now)).await;
    let issues = issues.expect("a list").rows;
    let crash = issues.iter().find(|one| one.kind == IssueKind::Crash);
    let crash = crash.expect("a crash");
    let freeze = issues.iter().find(|one| one.kind == IssueKind::Freeze);
    let freeze = freeze.expect("a freeze").id;
    let by = By {
        who: Person::new("wei").expect("a name"),
        at: now,
    };
    let muted = Wanted::Muted(Some(now + 8 * 3_600));
    let muting = operating::triage(state, &app, &[crash.id], muted, by).await;
    assert_eq!(muting.expect("it is muted"), 1);
    let webhook = Webhook {
        name: "ops".parse().expect("a name"),
        service: Service::Json,
        address: Hidden::new("https://hooks.example/a/long/way"),
        secret: Some(Hidden::new("secret")),
        language: Language::Chinese,
    };
    let told = |said: &mut AppAlerts| {
        said.webhooks.push(webhook);
        Ok(())
    };
    let changed = state.alerts.change(&app, told, || Ok(()));
    changed.expect("it is changed");
    browser.goto("about:blank").await.expect("an empty page");
    requests(&browser).await;

    let mut wrong = Vec::new();
    let outside = [
        "/sign-in".to_owned(),
        format!("/welcome?token={token}"),
        "/welcome?token=candor-link_0".to_owned(),
        "/nowhere".to_owned(),
    ];
    look_at(&browser, &site, "outside", &outside, &mut wrong).await;
    signs_in(&browser, &site, "lin").await;
    let viewer = [
        "/settings/people".to_owned(),
        format!("/issues/{}?app=im", crash.id),
        format!("/issues/{}/stack.txt?app=im", crash.id),
        "/account".to_owned(),
    ];
    look_at(&browser, &site, "viewer", &viewer, &mut wrong).await;
    signs_in(&browser, &site, "wei").await;
    let (id, release) = (crash.id, &crash.last_release);
    let mut pages = vec![
        "/account".to_owned(),
        "/nowhere".to_owned(),
        "/?app=nobody".to_owned(),
        "/?app=im&range=2y".to_owned(),
        "/issues/0000000000000001?app=im".to_owned(),
        "/issues?app=im&q=nothing+is+called+so".to_owned(),
        format!("/issues/{id}?app=im"),
        format!("/issues/{id}?app=im&release={release}"),
        format!("/issues/{id}?app=im&release=9.9.9"),
        format!("/issues/{freeze}?app=im"),
        format!("/issues?app=im&state=all&os=linux+6.1&did=mute+{now}&done=2&of={id}.{freeze}"),
        format!("/issues?app=im&state=ignored&did=assign+Mei&done=1&of={id}"),
        "/connections/compare?app=im".to_owned(),
        "/releases?app=im&a=1.4.1&b=1.4.0".to_owned(),
        "/runs?app=im&range=30d".to_owned(),
    ];
    for place in [
        "",
        "issues",
        "freezes",
        "connections",
        "releases",
        "runs",
        "privacy",
    ] {
        pages.push(format!("/{place}?app=im"));
        pages.push(format!("/{place}?app=empty"));
    }
    let tabs = [
        "people",
        "tokens",
        "apps",
        "retention",
        "remote",
        "symbols",
        "sources",
        "alerts",
    ];
    pages.extend(tabs.map(|tab| format!("/settings/{tab}?app=im")));
    look_at(&browser, &site, "admin", &pages, &mut wrong).await;
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    nothing_was_asked_of_others(&browser, &site).await;
}

/// Waits for the next picture but one, which has what follows the size of the window. Without a screen there are few of them, so that
/// only what would be wrong without is waited for.
const DRAWN: &str =
    "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(() => done()));";

const DESK: (u32, u32) = (1280, 900);
const PHONE: (u32, u32) = (375, 812);

/// Looks at pages in both languages, each on a desk and on a phone: a page is loaded once in a language, in a window of the one size or
/// the other, and is looked at there and in a window of the other size.
async fn look_at(
    browser: &Client,
    site: &Site,
    who: &str,
    pages: &[String],
    wrong: &mut Vec<String>,
) {
    for path in pages {
        // The next page is loaded where the last one was looked at, so that a window changes its size as seldom as it can.
        for (lang, sizes) in [("en", [DESK, PHONE]), ("zh", [PHONE, DESK])] {
            let joint = if path.contains('?') { '&' } else { '?' };
            let address = format!("{}{path}{joint}lang={lang}", site.origin);
            for (size, is_first) in sizes.into_iter().zip([true, false]) {
                let set = browser.set_window_size(size.0, size.1).await;
                set.expect("a size");
                if is_first {
                    browser.goto(&address).await.expect("a page");
                }
                let mut say = |what: String| {
                    wrong.push(format!("{who} {address}, {} pixels wide: {what}", size.0));
                };
                // That the page itself has a status of its own, the console calls a mistake.
                let mistakes = mistakes(browser).await.into_iter();
                let other =
                    |one: &String| !one.contains("the server responded with a status of 40");
                mistakes.filter(other).for_each(&mut say);
                let plain = path.contains("stack.txt");
                if !plain || ask(browser, "return !!document.querySelector('main')").await == true {
                    inaccessible(browser).await.into_iter().for_each(&mut say);
                }
                let beyond = ask(browser, BEYOND).await.as_i64();
                if beyond.is_none_or(|beyond| beyond > 0) {
                    say(format!("{beyond:?} pixels too wide"));
                }
                keep_picture(browser, &format!("//{who}{path}-{lang}-{}", size.0)).await;
            }
        }
    }
    let set = browser.set_window_size(DESK.0, DESK.1).await;
    set.expect("a desk");
}

/// By how many pixels a page is wider than its window.
const BEYOND: &str = "return document.documentElement.scrollWidth - innerWidth";

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
        "/privacy",
        "/settings/people",
        "/settings/tokens",
        "/settings/apps",
        "/settings/retention",
        "/settings/remote",
        "/settings/symbols",
        "/settings/alerts",
        "/settings/sources",
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
    let mut wrong = Vec::new();
    for address in &pages {
        open(browser, address).await;
        keep_picture(browser, address).await;
        let found = inaccessible(browser).await.into_iter();
        wrong.extend(found.map(|one| format!("{address}: {one}")));
        let weighs = ask(browser, WEIGHT).await.as_f64().expect("bytes") as u64;
        let most = match address.ends_with("/issues") {
            true => LIST,
            false => MOST,
        };
        if weighs > most {
            wrong.push(format!("{address}: brings {weighs} bytes"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    pages
}

/// Where `CANDOR_PICTURES` names a directory, pages are kept there as pictures, light and dark, to be looked at.
async fn keep_picture(browser: &Client, address: &str) {
    let Some(directory) = std::env::var_os("CANDOR_PICTURES") else {
        return;
    };
    let name: String = address
        .chars()
        .skip(address.find("//").map_or(0, |at| at + 2))
        .map(|letter| {
            if letter.is_alphanumeric() {
                letter
            } else {
                '_'
            }
        })
        .collect();
    // All of it, as far as it is of use.
    let (width, height) = browser.get_window_size().await.expect("a size");
    let tall = ask(browser, "return document.documentElement.scrollHeight").await;
    let tall = tall.as_u64().expect("pixels").clamp(height, 4_000);
    let grown = browser
        .set_window_size(width as u32, tall as u32 + 150)
        .await;
    grown.expect("a size");
    for theme in ["light", "dark"] {
        let set = format!("document.documentElement.dataset.theme = '{theme}'; return 1");
        ask(browser, &set).await;
        let picture = browser.screenshot().await.expect("a picture");
        let path = std::path::Path::new(&directory).join(format!("{name}-{theme}.png"));
        std::fs::write(path, picture).expect("a file");
    }
    let back = browser.set_window_size(width as u32, height as u32).await;
    back.expect("a size");
}

/// What keeps somebody from reading or using a page, in light and in dark. What follows its size does so when it is drawn.
async fn inaccessible(browser: &Client) -> Vec<String> {
    let mut found = ask(browser, INACCESSIBLE).await;
    if found != serde_json::json!([]) {
        let drawn = browser.execute_async(DRAWN, Vec::new()).await;
        drawn.expect("a picture");
        found = ask(browser, INACCESSIBLE).await;
    }
    let found = found.as_array().expect("a list").iter();
    found.map(ToString::to_string).collect()
}

const INACCESSIBLE: &str = include_str!("chrome/accessible.js");

/// Bytes that a page and all that it asks for bring along, as if nothing were known yet: bodies, and about as much as heads take. What
/// it asks again to stay up to date is not of its first sight.
const WEIGHT: &str = r#"
    const parts = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    const first = parts.filter((one) => one.initiatorType !== "fetch");
    return first.reduce((sum, one) => sum + one.encodedBodySize + 400, 0);
"#;

/// The most bytes of any page.
const MOST: u64 = 150_000;
/// The most bytes of the list of issues.
const LIST: u64 = 60_000;

async fn a_phone_needs_no_sideways_scrolling(browser: &Client, pages: &[String]) {
    browser.set_window_size(375, 812).await.expect("a phone");
    for address in pages {
        open(browser, address).await;
        let beyond = ask(browser, BEYOND).await;
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

/// That something was just done to issues, and that the page that says so is there with its script.
const READY: &str = "document.querySelector('#done') && location.search === ''";

async fn what_is_chosen_is_given_away_and_muted_by_the_keyboard(browser: &Client, site: &Site) {
    open(browser, &format!("{}/issues", site.origin)).await;
    press(browser, "jxjx").await;
    let chosen = "return document.querySelector('[data-chosen]').textContent";
    assert_eq!(ask(browser, chosen).await, "2");
    press(browser, "b").await;
    tab_to(browser, "#bulk input[name=who]").await;
    press(browser, &format!("Mei{ENTER}")).await;
    // Whoever shares the view shares the view alone. By then the script has run, and the list is there.
    soon(browser, READY).await;
    let said = "return document.querySelector('#done p').textContent";
    assert_eq!(ask(browser, said).await, "2 issues: Assigned to Mei.");
    let mei =
        "[...document.querySelectorAll('.assignee')].filter((one) => one.textContent === 'Mei')";
    assert_eq!(ask(browser, &format!("return {mei}.length")).await, 2);

    // Enter on what is chosen does nothing to it.
    let watch = "addEventListener('submit', () => { window.sent = true; });
         document.querySelector('[data-choose]').focus(); return 1";
    ask(browser, watch).await;
    press(browser, ENTER).await;
    assert_eq!(
        ask(browser, "return window.sent").await,
        serde_json::Value::Null
    );

    let all = "document.querySelector('[data-all]').click();
         return document.querySelectorAll('[data-choose]:checked').length";
    let all = ask(browser, all).await;
    assert_eq!(ask(browser, chosen).await, all.to_string());
    press(browser, "j").await;
    press(browser, "b").await;
    tab_to(browser, "#bulk [value=mute]").await;
    press(browser, ENTER).await;
    soon(
        browser,
        &format!("{READY} && document.querySelector('#done [value=unmute]')"),
    )
    .await;
    let marks = "return [...document.querySelectorAll('.list .state')].filter((one) => one.textContent === 'muted').length";
    assert_eq!(ask(browser, marks).await, all);
    tab_to(browser, "#done [value=unmute]").await;
    press(browser, ENTER).await;
    soon(
        browser,
        &format!(
            "{READY} && document.querySelector('#done p').textContent.endsWith('Alerts unmuted.')"
        ),
    )
    .await;
    assert_eq!(ask(browser, marks).await, 0);
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
    let crash = reports.iter().find(|report| is_crash(report));
    let release = crash.expect("a crash").release.clone();
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
    comes_back(site, &release).await;
    browser.refresh().await.expect("the page again");
    browser
        .wait()
        .for_element(Locator::Css(".now .state.regressed"))
        .await
        .expect("a regressed issue");
    assert_eq!(mistakes(browser).await, Vec::<String>::new());
}

fn is_crash(report: &Report) -> bool {
    matches!(&report.what, What::Crash(crash) if crash.fatal)
}

/// Every crash of a release happens again in a later one.
async fn comes_back(site: &Site, release: &Release) {
    let again: Vec<Report> = fleet::reports(site.plan)
        .iter()
        .filter(|report| report.release == *release && is_crash(report))
        .enumerate()
        .map(|(n, report)| Report {
            id: ReportId::from_bytes([0xe0 + (n % 16) as u8; 16].map(|byte| byte ^ (n / 16) as u8)),
            release: Release::parse("99.0.0").expect("a release"),
            ..report.clone()
        })
        .collect();
    site.desk.send(&site.key, &again).await;
}

/// Waits until `condition` is true in the page. It is asked from here: a page that is left takes a script that waits in it along.
async fn soon(browser: &Client, condition: &str) {
    let script = format!("return Boolean({condition})");
    let mut last = None;
    let asking = async {
        while !matches!(last, Some(Ok(serde_json::Value::Bool(true)))) {
            tokio::time::sleep(Duration::from_millis(50)).await;
            last = Some(browser.execute(&script, Vec::new()).await);
        }
    };
    if tokio::time::timeout(PATIENCE / 2, asking).await.is_err() {
        panic!("`{condition}` does not become true: {last:?}");
    }
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
