//! What the collector says arrived: its ledger, and the issues a person sees on its dashboard.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Deserialize;

use super::Failure;
use super::ledger::Counts;

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is at the collector.
#[derive(Debug, Clone, Default)]
pub(super) struct Arrived {
    pub(super) ledger: Stored,
    /// One for each issue of the crashes, the caught panics included.
    pub(super) crashes: Vec<Issue>,
    /// One for each issue of the freezes.
    pub(super) freezes: Vec<Issue>,
}

/// The collector's own account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Stored {
    pub(super) stored: Counts,
    /// Reports that arrived again, and were counted once.
    pub(super) duplicates: u64,
    /// By reason.
    pub(super) refused: Counts,
}

/// One issue: the functions of the sample app in its stacks, the topmost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Issue {
    pub(super) own: Vec<String>,
}

/// Asks the collector at `url`.
pub(super) async fn ask(url: &str, app: &str) -> Result<Arrived, Failure> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let get = async |path: &str| -> Result<String, Failure> {
        let answer = client.get(format!("{url}{path}")).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            return Err(format!("{url}{path}: {status}\n{text}").into());
        }
        Ok(text)
    };
    let ledger = serde_json::from_str(&get(&format!("/api/v1/ledger?app={app}")).await?)?;
    let shown = async |kind: &str| -> Result<Vec<Issue>, Failure> {
        let mut found = Vec::new();
        for id in issues(&get(&format!("/issues?app={app}&range=24h&kind={kind}")).await?) {
            let text = get(&format!("/issues/{id}/stack.txt?app={app}&range=24h")).await?;
            found.push(Issue {
                own: own_functions(&text),
            });
        }
        Ok(found)
    };
    let mut crashes = shown("crash").await?;
    crashes.extend(shown("caught").await?);
    Ok(Arrived {
        ledger,
        crashes,
        freezes: shown("freeze").await?,
    })
}

/// The issues that a page links to.
fn issues(page: &str) -> BTreeSet<&str> {
    let ids = page
        .split("/issues/")
        .skip(1)
        .filter_map(|rest| rest.get(..16));
    ids.filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
        .collect()
}

/// Functions of the sample app, in the order in which a text names them in its stacks: lines of a number, a name and more.
fn own_functions(text: &str) -> Vec<String> {
    let frame = |line: &str| {
        let mut words = line.split_whitespace();
        words.next()?.parse::<u32>().ok()?;
        words
            .next()
            .filter(|name| name.starts_with("im::"))
            .map(str::to_owned)
    };
    text.lines().filter_map(frame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_issue_that_a_page_links_to_is_found_once() {
        let page = r#"<a href="/issues/00ab12cd34ef5678?app=im-demo">x</a> <a href="/issues/00ab12cd34ef5678/stack.txt">
                      <form action="/issues"> <a href="/issues/ffffffffffffffff">y</a> <a href="/issues/z">"#;
        assert_eq!(
            issues(page).into_iter().collect::<Vec<_>>(),
            ["00ab12cd34ef5678", "ffffffffffffffff"]
        );
    }

    #[test]
    fn the_functions_of_the_app_are_told_from_those_of_libraries() {
        let text = "panic in im::app::store::commit_page.\n   8  core::panicking::panic_fmt  at x.rs:80\n   \
                    9  im::app::history::parse_header  at im-client + 0x2c\n  10  im::client::engine::Engine::take\n";
        assert_eq!(
            own_functions(text),
            [
                "im::app::history::parse_header",
                "im::client::engine::Engine::take"
            ]
        );
    }
}
