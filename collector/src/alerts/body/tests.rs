use super::*;
use crate::alerts::alert::{About, Count, Subject};
use crate::alerts::settings::{Hidden, Language};

/// 2026-03-14 09:26 UTC.
const NOW: u64 = 1_773_480_360;

fn message(title: &str) -> Message {
    Message {
        id: "0123456789abcdef0123456789abcdef".to_owned(),
        at: NOW,
        app: "im".to_owned(),
        digest: None,
        alerts: vec![Alert {
            id: "1".repeat(32),
            at: NOW,
            app: "im".to_owned(),
            about: About::NewIssue {
                issue: Subject {
                    id: "00000000000000ab".to_owned(),
                    kind: "crash".to_owned(),
                    title: title.to_owned(),
                    culprit: String::new(),
                    release: "1.2.3".to_owned(),
                    installs: Count::FewerThan(10),
                    reports: None,
                },
                percent: 0.5,
            },
            link: None,
        }],
        more: 0,
    }
}

fn webhook(service: Service, secret: Option<&str>) -> Webhook {
    Webhook {
        name: "ops".parse().unwrap(),
        service,
        address: Hidden::new("https://hooks.example/x?access_token=t"),
        secret: secret.map(Hidden::new),
        language: Language::English,
    }
}

fn made(service: Service, secret: Option<&str>, title: &str) -> (Request, serde_json::Value) {
    let url = Url::parse("https://hooks.example/x?access_token=t").unwrap();
    let request = request(&message(title), &webhook(service, secret), url, NOW);
    let body = serde_json::from_str(&request.body).unwrap();
    (request, body)
}

/// HMAC-SHA256 as RFC 2104 defines it, written once more.
fn hmac_by_hand(key: &[u8], message: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    let mut block = [0_u8; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let pad = |with: u8| block.map(|byte| byte ^ with).to_vec();
    let inner = Sha256::digest([&pad(0x36), message].concat());
    STANDARD.encode(Sha256::digest([pad(0x5c), inner.to_vec()].concat()))
}

#[test]
fn the_signature_of_standard_webhooks_is_that_of_their_specification() {
    // The example of the specification's own libraries.
    let key = standard_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let said = "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
    assert_eq!(
        sign(&key, said.as_bytes()),
        "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
    assert_eq!(standard_key("anything else"), b"anything else");
    let secret = new_secret([7; 32]);
    assert_eq!(standard_key(&secret), [7; 32]);
}

#[test]
fn programs_are_told_everything_and_can_check_it() {
    let (request, body) = made(Service::Json, Some("s3cret"), "Vec<T> & co");
    let header = |name: &str| {
        let mut headers = request.headers.iter();
        headers.find(|(known, _)| *known == name).unwrap().1.clone()
    };
    assert_eq!(header("webhook-id"), "0123456789abcdef0123456789abcdef");
    assert_eq!(header("webhook-timestamp"), NOW.to_string());
    let said = format!("{}.{NOW}.{}", header("webhook-id"), request.body);
    let signature = hmac_by_hand(b"s3cret", said.as_bytes());
    assert_eq!(header("webhook-signature"), format!("v1,{signature}"));
    assert_eq!(body["type"], "candor.alerts");
    assert_eq!(body["timestamp"], "2026-03-14T09:26:00Z");
    let alert = &body["data"]["alerts"][0];
    assert_eq!(alert["rule"], "new_issue");
    assert_eq!(alert["issue"]["title"], "Vec<T> & co");
    assert_eq!(alert["issue"]["installs"]["fewer_than"], 10);
    let (unsigned, _) = made(Service::Json, None, "x");
    assert!(
        unsigned
            .headers
            .iter()
            .all(|(name, _)| *name != "webhook-signature")
    );
}

#[test]
fn slack_is_told_in_words_that_call_nobody() {
    let (request, body) = made(Service::Slack, None, "<!channel> Vec<T> & co");
    let text = body["text"].as_str().unwrap();
    assert!(
        text.contains("&lt;!channel&gt; Vec&lt;T&gt; &amp; co"),
        "{text}"
    );
    assert_eq!(body["mrkdwn"], false);
    assert!(request.headers.is_empty());
}

#[test]
fn feishu_is_told_with_its_signature_in_the_body() {
    let (_, body) = made(
        Service::Feishu,
        Some("s3cret"),
        "<at user_id=\"all\">x</at>",
    );
    assert_eq!(body["msg_type"], "text");
    let text = body["content"]["text"].as_str().unwrap();
    assert!(!text.contains("<at"), "{text}");
    assert_eq!(body["timestamp"], NOW.to_string());
    let key = format!("{NOW}\ns3cret");
    assert_eq!(body["sign"], hmac_by_hand(key.as_bytes(), b""));
    let (_, body) = made(Service::Feishu, None, "x");
    assert!(body.get("sign").is_none());
}

#[test]
fn dingtalk_is_told_with_its_signature_in_the_address() {
    let (request, body) = made(Service::DingTalk, Some("SECs3cret"), "x");
    assert_eq!(body["msgtype"], "text");
    assert!(
        body["text"]["content"]
            .as_str()
            .unwrap()
            .contains("new issue: x")
    );
    let pairs: Vec<(String, String)> = request.url.query_pairs().into_owned().collect();
    let milliseconds = format!("{NOW}000");
    let signature = hmac_by_hand(
        b"SECs3cret",
        format!("{milliseconds}\nSECs3cret").as_bytes(),
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(
        pairs,
        [
            pair("access_token", "t"),
            pair("timestamp", &milliseconds),
            pair("sign", &signature)
        ]
    );
    let query = request.url.query().unwrap();
    assert!(!query.contains('+') && !query.contains('/'), "{query}");
}

#[test]
fn a_service_that_answers_well_may_not_have_taken_it() {
    for (service, answer, taken_in) in [
        (Service::Json, "", true),
        (Service::Slack, "ok", true),
        (
            Service::Feishu,
            r#"{"code":0,"msg":"success","data":{}}"#,
            true,
        ),
        (
            Service::Feishu,
            r#"{"StatusCode":0,"StatusMessage":"success"}"#,
            true,
        ),
        (
            Service::Feishu,
            r#"{"code":19021,"msg":"sign match fail"}"#,
            false,
        ),
        (Service::Feishu, "<html>", false),
        (Service::DingTalk, r#"{"errcode":0,"errmsg":"ok"}"#, true),
        (
            Service::DingTalk,
            r#"{"errcode":310000,"errmsg":"sign not match"}"#,
            false,
        ),
        (Service::DingTalk, "{}", false),
    ] {
        assert_eq!(
            taken(service, answer.as_bytes()).is_ok(),
            taken_in,
            "{answer}"
        );
    }
    let why = taken(
        Service::DingTalk,
        br#"{"errcode":310000,"errmsg":"sign not match"}"#,
    );
    assert_eq!(why, Err("310000 sign not match".to_owned()));
}

#[test]
fn a_long_message_is_cut() {
    let (_, body) = made(Service::Slack, None, &"文".repeat(9_000));
    assert_eq!(body["text"].as_str().unwrap().chars().count(), LONGEST + 1);
}
