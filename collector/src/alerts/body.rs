//! A message as a service wants it: its body, and how it is signed. Pure.

use super::alert::{Alert, Message, Wait};
use super::settings::{Service, Webhook};
use super::words;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::hmac;
use serde::Serialize;
use url::Url;

/// What a secret of Standard Webhooks begins with; what follows is base64.
const STANDARD_SECRET: &str = "whsec_";

/// The longest text that is sent, in characters: chat services cut or refuse longer ones.
const LONGEST: usize = 4_000;

/// A request that is ready to be sent.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Request {
    /// Where to.
    pub(super) url: Url,
    /// Headers, beside the type of the body.
    pub(super) headers: Vec<(&'static str, String)>,
    /// JSON.
    pub(super) body: String,
}

/// JSON for programs.
#[derive(Serialize)]
struct ForPrograms<'a> {
    #[serde(rename = "type")]
    what: &'static str,
    timestamp: String,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    id: &'a str,
    app: &'a str,
    text: String,
    digest: Option<Wait>,
    more: u64,
    alerts: &'a [Alert],
}

/// The request that tells a message, signed at `now`, in seconds since 1970-01-01 UTC.
///
/// * [`Service::Json`]: as Standard Webhooks sign (standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`.
/// * [`Service::Feishu`]: HMAC-SHA256 of nothing, keyed with `timestamp\nsecret`, in the body.
/// * [`Service::DingTalk`]: HMAC-SHA256 over `milliseconds\nsecret`, keyed with the secret, in the address.
/// * [`Service::Slack`]: its incoming webhooks know no signature; whoever knows the address may write there.
pub(super) fn request(message: &Message, webhook: &Webhook, mut url: Url, now: u64) -> Request {
    let text = words::text(message, webhook.language);
    let secret = webhook.secret.as_ref().map(|secret| secret.reveal());
    let mut headers = Vec::new();
    let body = match webhook.service {
        Service::Json => {
            let second = i64::try_from(message.at).unwrap_or_default();
            let body = json(&ForPrograms {
                what: "candor.alerts",
                timestamp: Timestamp::from_second(second)
                    .unwrap_or_default()
                    .to_string(),
                data: Data {
                    id: &message.id,
                    app: &message.app,
                    text,
                    digest: message.digest,
                    more: message.more,
                    alerts: &message.alerts,
                },
            });
            headers.push(("webhook-id", message.id.clone()));
            headers.push(("webhook-timestamp", now.to_string()));
            if let Some(secret) = secret {
                let said = format!("{}.{now}.{body}", message.id);
                let signature = sign(&standard_key(secret), said.as_bytes());
                headers.push(("webhook-signature", format!("v1,{signature}")));
            }
            body
        }
        Service::Slack => json(&serde_json::json!({
            "text": cut(&for_slack(&text)),
            "mrkdwn": false,
        })),
        Service::Feishu => {
            let mut body = serde_json::json!({
                "msg_type": "text",
                "content": { "text": cut(&for_feishu(&text)) },
            });
            if let (Some(secret), Some(body)) = (secret, body.as_object_mut()) {
                let key = format!("{now}\n{secret}");
                body.insert("timestamp".to_owned(), now.to_string().into());
                body.insert("sign".to_owned(), sign(key.as_bytes(), b"").into());
            }
            json(&body)
        }
        Service::DingTalk => {
            if let Some(secret) = secret {
                let milliseconds = now.saturating_mul(1_000);
                let said = format!("{milliseconds}\n{secret}");
                let signature = sign(secret.as_bytes(), said.as_bytes());
                url.query_pairs_mut()
                    .append_pair("timestamp", &milliseconds.to_string())
                    .append_pair("sign", &signature);
            }
            json(&serde_json::json!({
                "msgtype": "text",
                "text": { "content": cut(&text) },
            }))
        }
    };
    Request { url, headers, body }
}

/// What the bytes of a receiver that answered 2xx say: `Err` with its words where it did not take the message after all. Feishu and
/// DingTalk answer 200 whatever became of it.
pub(super) fn taken(service: Service, answer: &[u8]) -> Result<(), String> {
    let codes: &[&str] = match service {
        Service::Json | Service::Slack => return Ok(()),
        Service::Feishu => &["code", "StatusCode"],
        Service::DingTalk => &["errcode"],
    };
    let said: serde_json::Value = serde_json::from_slice(answer)
        .map_err(|_| "the answer is not that of the service".to_owned())?;
    let code = codes.iter().find_map(|name| said.get(name)?.as_i64());
    match code {
        Some(0) => Ok(()),
        Some(code) => {
            let words = ["msg", "errmsg"]
                .iter()
                .find_map(|name| said.get(name)?.as_str());
            let words: String = words.unwrap_or_default().chars().take(100).collect();
            Err(format!("{code} {words}").trim().to_owned())
        }
        None => Err("the answer is not that of the service".to_owned()),
    }
}

/// What is signed with: Standard Webhooks write keys in base64.
fn standard_key(secret: &str) -> Vec<u8> {
    let encoded = secret.strip_prefix(STANDARD_SECRET);
    encoded
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .unwrap_or_else(|| secret.as_bytes().to_vec())
}

/// A new secret, as Standard Webhooks write it.
pub(super) fn new_secret(bytes: [u8; 32]) -> String {
    format!("{STANDARD_SECRET}{}", STANDARD.encode(bytes))
}

fn sign(key: &[u8], message: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    STANDARD.encode(hmac::sign(&key, message))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Slack reads `<…>` as links, people and channels.
fn for_slack(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Feishu reads `<at …>` as somebody to be called.
fn for_feishu(text: &str) -> String {
    text.replace('<', "‹").replace('>', "›")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
