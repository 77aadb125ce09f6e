//! Which issues are asked for: the same words in the address of the page, of its table, and of the API.

use crate::store::triage::{Person, StateKind};
use crate::store::{IssueFilter, IssueKind, Own, Sort, Span};

/// The kinds that can be asked for; the empty word is all of them.
pub(crate) const KINDS: [&str; 4] = ["", "crash", "caught", "freeze"];

/// The states that can be asked for; the empty word is what is to be looked at: open and regressed.
pub(crate) const STATES: [&str; 6] = ["", "open", "regressed", "resolved", "ignored", "all"];

/// The orders that can be asked for.
pub(crate) const SORTS: [(&str, Sort); 5] = [
    ("", Sort::Installs),
    ("reports", Sort::Reports),
    ("rising", Sort::Rising),
    ("last", Sort::LastSeen),
    ("new", Sort::Newest),
];

/// Who nobody is.
const NOBODY: &str = "-";

/// The filter that words ask for; what is no such word restricts nothing.
pub(crate) fn filter<'a>(
    get: impl Fn(&str) -> Option<&'a str>,
    span: Span,
    now: u64,
) -> IssueFilter {
    let text = |key: &str| {
        let text = get(key).map(str::trim).filter(|text| !text.is_empty());
        text.map(str::to_owned)
    };
    let moment = |key: &str| get(key).and_then(|word| word.parse::<u64>().ok());
    let range = |from: &str, to: &str| match (moment(from), moment(to)) {
        (None, None) => None,
        (from, to) => Some((from.unwrap_or(0), to.unwrap_or(u64::MAX))),
    };
    let is_new = get("seen") == Some("new");
    IssueFilter {
        kind: match get("kind") {
            Some("crash" | "caught") => Some(IssueKind::Crash),
            Some("freeze") => Some(IssueKind::Freeze),
            _ => None,
        },
        fatal: match get("kind") {
            Some("crash") => Some(true),
            Some("caught") => Some(false),
            _ => None,
        },
        states: match get("state").unwrap_or_default() {
            "all" => Vec::new(),
            word => match StateKind::ALL.iter().find(|kind| kind.as_str() == word) {
                Some(kind) => vec![*kind],
                None => vec![StateKind::Open, StateKind::Regressed],
            },
        },
        assignee: match get("who").map(str::trim) {
            Some(NOBODY) => Some(Own::Nobody),
            Some(name) => Person::new(name).map(Own::Somebody),
            None => None,
        },
        first_seen: match is_new {
            true => Some((span.from, span.to)),
            false => range("first_from", "first_to"),
        },
        last_seen: range("last_from", "last_to"),
        own: match get("own") {
            Some("own") => Some(true),
            Some("other") => Some(false),
            _ => None,
        },
        text: text("q").unwrap_or_default(),
        sort: SORTS
            .iter()
            .find(|(word, _)| Some(*word) == get("sort"))
            .map_or(Sort::default(), |(_, sort)| *sort),
        release: text("release"),
        os: text("os"),
        device: text("device"),
        ..IssueFilter::all(span, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Dimension;

    const SPAN: Span = Span {
        from: 3_600,
        to: 7_200,
        step: 60,
    };

    fn asked(words: &[(&str, &'static str)]) -> IssueFilter {
        let get = |key: &str| {
            let found = words.iter().find(|(name, _)| *name == key);
            found.map(|(_, value)| *value)
        };
        filter(get, SPAN, 9)
    }

    #[test]
    fn nothing_asks_for_what_is_to_be_looked_at() {
        let filter = asked(&[("sort", "what"), ("state", "what"), ("kind", "")]);
        assert_eq!(filter.states, [StateKind::Open, StateKind::Regressed]);
        assert_eq!((filter.sort, filter.kind), (Sort::Installs, None));
        assert!(asked(&[("state", "all")]).states.is_empty());
    }

    #[test]
    fn every_word_restricts_what_it_names() {
        let filter = asked(&[
            ("kind", "caught"),
            ("state", "ignored"),
            ("who", "-"),
            ("own", "other"),
        ]);
        assert_eq!(
            (filter.kind, filter.fatal),
            (Some(IssueKind::Crash), Some(false))
        );
        assert_eq!(filter.states, [StateKind::Ignored]);
        assert_eq!(
            (filter.assignee, filter.own),
            (Some(Own::Nobody), Some(false))
        );
        let filter = asked(&[
            ("seen", "new"),
            ("last_to", "5"),
            ("q", " a b "),
            ("sort", "rising"),
        ]);
        assert_eq!(filter.first_seen, Some((3_600, 7_200)));
        assert_eq!(filter.last_seen, Some((0, 5)));
        assert_eq!((filter.text.as_str(), filter.sort), ("a b", Sort::Rising));
    }

    #[test]
    fn classes_are_asked_for_by_their_names() {
        for dimension in Dimension::ALL {
            let filter = asked(&[(dimension.as_str(), " x ")]);
            for other in Dimension::ALL {
                let expected = (other == dimension).then_some("x");
                assert_eq!(filter.class(other), expected, "{dimension:?}");
            }
        }
    }
}
