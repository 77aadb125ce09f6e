//! What a visitor asks for: the address, and what the browser says about language and theme.

use super::done::PASSING;
use super::window::{self, Range};
use super::words::Lang;
use crate::store::Span;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use std::convert::Infallible;

/// Light, dark, or whatever the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Theme {
    /// As the system.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// The word in the address, the cookie and the page.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::System, Self::Light, Self::Dark]
            .into_iter()
            .find(|theme| theme.word() == word)
    }
}

/// One request for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Visit {
    /// The path.
    pub(crate) path: String,
    params: Vec<(String, String)>,
    /// The language to write in.
    pub(crate) lang: Lang,
    /// The theme to show.
    pub(crate) theme: Theme,
    /// What was chosen with this very request and has to be remembered: name and value of cookies.
    pub(crate) remember: Vec<(&'static str, &'static str)>,
}

const LANG_COOKIE: &str = "candor_lang";
const THEME_COOKIE: &str = "candor_theme";

/// What every page understands and every link between pages keeps.
const EVERYWHERE: [&str; 3] = ["app", "range", "to"];
/// What belongs to the visitor and not to the view, so that no link carries it on.
const PERSONAL: [&str; 2] = ["lang", "theme"];

/// Whether a link on the page carries it on.
fn is_kept(key: &str) -> bool {
    !PERSONAL.contains(&key) && !PASSING.contains(&key)
}

impl Visit {
    /// Reads a request.
    pub(crate) fn read(path: &str, query: &str, headers: &HeaderMap) -> Self {
        let params: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes())
            .filter(|(_, value)| !value.is_empty())
            .map(|(key, value)| (key.into_owned(), value.into_owned()))
            .collect();
        let asked = |key: &str| {
            params
                .iter()
                .rev()
                .find(|(name, _)| name == key)
                .map(|(_, value)| value.as_str())
        };
        let mut remember = Vec::new();
        let lang = match asked("lang").and_then(Lang::parse) {
            Some(lang) => {
                remember.push((LANG_COOKIE, lang.word()));
                lang
            }
            None => cookie(headers, LANG_COOKIE)
                .and_then(Lang::parse)
                .or_else(|| {
                    headers
                        .get(header::ACCEPT_LANGUAGE)?
                        .to_str()
                        .ok()
                        .map(Lang::preferred)
                })
                .unwrap_or_default(),
        };
        let theme = match asked("theme").and_then(Theme::parse) {
            Some(theme) => {
                remember.push((THEME_COOKIE, theme.word()));
                theme
            }
            None => cookie(headers, THEME_COOKIE)
                .and_then(Theme::parse)
                .unwrap_or_default(),
        };
        Self {
            path: path.to_owned(),
            params,
            lang,
            theme,
            remember,
        }
    }

    /// The value of `key` in the address; the last one, if it stands there more than once.
    pub(crate) fn get(&self, key: &str) -> Option<&str> {
        self.params
            .iter()
            .rev()
            .find(|(name, _)| name == key)
            .map(|(_, value)| value.as_str())
    }

    /// The chosen range.
    ///
    /// # Errors
    /// The word that is none.
    pub(crate) fn range(&self) -> Result<Range, &str> {
        self.get("range")
            .map_or(Ok(Range::default()), |word| Range::parse(word).ok_or(word))
    }

    /// When the shown stretch of time ends, where the address says so: for looking back.
    pub(crate) fn end(&self) -> Option<u64> {
        self.get("to")?.parse().ok()
    }

    /// The window that is asked for, seen from `now`.
    pub(crate) fn span(&self, now: u64) -> Span {
        // The address names the first second after the window; a window is made from one that lies in it.
        let end = self.end().map_or(now, |to| to.saturating_sub(1));
        window::ending(self.range().unwrap_or_default(), end)
    }

    /// The address of another page, for the same app and the same time, with `set` added.
    pub(crate) fn page(&self, path: &str, set: &[(&str, &str)]) -> String {
        let kept = self
            .params
            .iter()
            .filter(|(key, _)| EVERYWHERE.contains(&key.as_str()));
        address(path, kept, set)
    }

    /// The address of this page with everything it shows, except that `set` is set; an empty value is left out.
    pub(crate) fn here(&self, set: &[(&str, &str)]) -> String {
        let kept = self.params.iter().filter(|(key, _)| is_kept(key));
        address(&self.path, kept, set)
    }
}

impl Visit {
    /// The address of a page that shows the same view in another way: everything is kept.
    pub(crate) fn below(&self, path: &str) -> String {
        let kept = self.params.iter().filter(|(key, _)| is_kept(key));
        address(path, kept, &[])
    }
}

fn address<'a>(
    path: &str,
    kept: impl Iterator<Item = &'a (String, String)>,
    set: &[(&str, &str)],
) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (key, value) in kept.filter(|(key, _)| !set.iter().any(|(name, _)| name == key)) {
        query.append_pair(key, value);
    }
    for (key, value) in set.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(key, value);
    }
    match query.finish().as_str() {
        "" => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// The value of a cookie.
pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .into_iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

/// Whether whoever asks wants a page, as browsers do.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT);
    accepted.is_some_and(|kinds| {
        kinds
            .to_str()
            .is_ok_and(|kinds| kinds.contains("text/html"))
    })
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::read(
            parts.uri.path(),
            parts.uri.query().unwrap_or_default(),
            &parts.headers,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(query: &str) -> Visit {
        Visit::read("/issues", query, &HeaderMap::new())
    }

    fn headers(name: header::HeaderName, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name, value.parse().unwrap())])
    }

    #[test]
    fn a_link_to_another_page_keeps_the_app_and_the_time_and_nothing_else() {
        let visit = visit("app=im&range=7d&kind=crash&lang=zh");
        assert_eq!(visit.page("/freezes", &[]), "/freezes?app=im&range=7d");
        assert_eq!(visit.page("/", &[("range", "1h")]), "/?app=im&range=1h");
    }

    #[test]
    fn a_link_on_the_page_keeps_the_filter_but_not_the_visitors_taste() {
        let visit = visit("app=im&kind=crash&lang=zh&theme=dark");
        assert_eq!(
            visit.here(&[("sort", "reports")]),
            "/issues?app=im&kind=crash&sort=reports"
        );
        assert_eq!(visit.here(&[("kind", "")]), "/issues?app=im");
    }

    #[test]
    fn what_stands_in_an_address_is_encoded_again() {
        let visit = visit("q=%22%3E%3Cscript%3E&app=a%26b");
        assert_eq!(visit.get("q"), Some("\"><script>"));
        assert_eq!(visit.here(&[]), "/issues?q=%22%3E%3Cscript%3E&app=a%26b");
        assert_eq!(
            visit.here(&[("release", "1.2+3")]),
            "/issues?q=%22%3E%3Cscript%3E&app=a%26b&release=1.2%2B3"
        );
    }

    #[test]
    fn the_language_is_what_was_asked_then_what_was_remembered_then_what_the_browser_prefers() {
        let chinese = headers(header::ACCEPT_LANGUAGE, "zh-CN,zh;q=0.9,en;q=0.8");
        assert_eq!(Visit::read("/", "", &chinese).lang, Lang::Zh);
        assert_eq!(Visit::read("/", "lang=en", &chinese).lang, Lang::En);
        let remembered = headers(header::COOKIE, "a=b; candor_lang=zh");
        assert_eq!(Visit::read("/", "", &remembered).lang, Lang::Zh);
        assert_eq!(
            Visit::read("/", "lang=klingon", &HeaderMap::new()).lang,
            Lang::En
        );
    }

    #[test]
    fn only_what_was_chosen_now_is_remembered() {
        assert_eq!(visit("theme=dark").remember, [(THEME_COOKIE, "dark")]);
        assert_eq!(
            Visit::read("/", "", &headers(header::COOKIE, "candor_theme=dark")).remember,
            []
        );
        assert_eq!(
            Visit::read("/", "", &headers(header::COOKIE, "candor_theme=dark")).theme,
            Theme::Dark
        );
    }

    #[test]
    fn an_unknown_range_is_told_and_a_fixed_end_is_kept() {
        assert_eq!(visit("range=2y").range(), Err("2y"));
        assert_eq!(visit("").range(), Ok(Range::Day));
        let window = visit("range=24h&to=1773478800").span(1_800_000_000);
        assert_eq!(window.to, 1_773_478_800);
    }
}
