//! What stands around every page: where one is, where one can go, and for which app and time.

use super::assets::{ASSETS, Assets};
use super::labels::Label;
use super::visit::{Theme, Visit};
use super::window::{self, Range};
use super::words::{Lang, Words};
use crate::access::{Need, Visitor};
use crate::store::Span;
use candor_protocol::deidentify::AppName;

/// The pages that the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// How the app is.
    Overview,
    /// What goes wrong.
    Issues,
    /// What stands still.
    Freezes,
    /// How it is connected.
    Connections,
    /// How releases compare.
    Releases,
    /// How runs end.
    Runs,
    /// What is owed to the people whose devices report.
    Privacy,
    /// What only an admin changes.
    Settings,
}

impl Place {
    const ALL: [Self; 8] = [
        Self::Overview,
        Self::Issues,
        Self::Freezes,
        Self::Connections,
        Self::Releases,
        Self::Runs,
        Self::Privacy,
        Self::Settings,
    ];

    /// Its path.
    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Issues => "/issues",
            Self::Freezes => "/freezes",
            Self::Connections => "/connections",
            Self::Releases => "/releases",
            Self::Runs => "/runs",
            Self::Privacy => "/privacy",
            Self::Settings => "/settings",
        }
    }

    fn name(self, w: &'static Words) -> &'static str {
        match self {
            Self::Overview => w.overview,
            Self::Issues => w.issues,
            Self::Freezes => w.freezes,
            Self::Connections => w.connections,
            Self::Releases => w.releases,
            Self::Runs => w.runs_page,
            Self::Privacy => w.privacy,
            Self::Settings => w.a_settings,
        }
    }

    const fn need(self) -> Need {
        match self {
            Self::Settings => Need::Admin,
            _ => Need::Aggregates,
        }
    }

    /// The place that a path belongs to.
    fn of(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| match place {
            Self::Overview => path == "/",
            other => {
                path == other.path()
                    || path
                        .strip_prefix(other.path())
                        .is_some_and(|rest| rest.starts_with('/'))
            }
        })
    }
}

/// A link of which one may be the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// Where it leads.
    pub(crate) href: String,
    /// What it is called.
    pub(crate) label: String,
    /// Whether one is there.
    pub(crate) current: bool,
}

/// Who is signed in.
#[derive(Debug)]
pub(crate) struct SignedIn {
    pub(crate) name: String,
    pub(crate) role: &'static str,
    /// Leads to what one may change about oneself.
    pub(crate) account: Choice,
}

/// What stands around a page.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) w: &'static Words,
    pub(crate) lang: Lang,
    pub(crate) theme: Theme,
    pub(crate) assets: &'static Assets,
    /// The title of the page, in the window's title bar.
    pub(crate) title: String,
    /// Where the name of the house leads.
    pub(crate) home: String,
    /// The pages that this visitor may see.
    pub(crate) places: Vec<Choice>,
    /// Who is signed in, if anybody is.
    pub(crate) signed_in: Option<SignedIn>,
    /// What every form has to carry.
    pub(crate) mark: String,
    /// Whether this visitor may change the states of issues.
    pub(crate) triages: bool,
    /// Whether nobody is asked who it is, which every page has to say.
    pub(crate) open: bool,
    /// All apps; the choice is shown when there is one.
    pub(crate) apps: Vec<Choice>,
    /// The app that is shown; empty when there is none.
    pub(crate) app: String,
    pub(crate) ranges: Vec<Choice>,
    /// The stretch of time in words.
    pub(crate) shown: String,
    /// Leads back to the present, where the address names an end.
    pub(crate) now: Option<String>,
    /// Whether the page refreshes itself.
    pub(crate) live: bool,
    /// Whether small groups are shown, which every page has to say.
    pub(crate) lax: bool,
    pub(crate) other_theme: Choice,
    pub(crate) other_lang: Choice,
}

impl Shell {
    /// The shell of a visit to `app`, one of `apps`.
    pub(crate) fn new(visit: &Visit, apps: &[AppName], app: Option<&AppName>, span: Span) -> Self {
        let w = visit.lang.words();
        let here = Place::of(&visit.path);
        let chosen = visit.range().unwrap_or_default();
        let ranges = Range::ALL
            .into_iter()
            .map(|range| Choice {
                href: visit.here(&[("range", range.word()), ("to", "")]),
                label: range.word().to_owned(),
                current: range == chosen,
            })
            .collect();
        // Another app has other issues and other filters, so changing it leads to the place and not to the view.
        let place = here.unwrap_or(Place::Overview);
        let apps: Vec<Choice> = apps
            .iter()
            .map(|one| Choice {
                href: visit.page(place.path(), &[("app", one.as_str())]),
                label: one.as_str().to_owned(),
                current: Some(one) == app,
            })
            .collect();
        let dark = visit.theme == Theme::Dark;
        let (theme, label) = if dark {
            (Theme::Light, w.light)
        } else {
            (Theme::Dark, w.dark)
        };
        let lang = if visit.lang == Lang::En {
            Lang::Zh
        } else {
            Lang::En
        };
        Self {
            w,
            lang: visit.lang,
            theme: visit.theme,
            assets: &ASSETS,
            title: here.map_or("Candor", |place| place.name(w)).to_owned(),
            home: visit.page("/", &[]),
            places: Vec::new(),
            signed_in: None,
            mark: String::new(),
            triages: false,
            open: false,
            apps,
            app: app.map(|app| app.as_str().to_owned()).unwrap_or_default(),
            ranges,
            shown: stretch(span),
            now: visit.end().map(|_| visit.here(&[("to", "")])),
            live: visit.end().is_none(),
            lax: false,
            other_theme: Choice {
                href: visit.here(&[("theme", theme.word())]),
                label: label.to_owned(),
                current: false,
            },
            other_lang: Choice {
                href: visit.here(&[("lang", lang.word())]),
                label: w.lang_hint.to_owned(),
                current: false,
            },
        }
    }

    /// The same shell, with what this visitor may see.
    pub(crate) fn seen_by(mut self, visitor: &Visitor, visit: &Visit) -> Self {
        let (w, here) = (self.w, Place::of(&visit.path));
        let allowed = Place::ALL
            .into_iter()
            .filter(|place| visitor.may(place.need()));
        self.places = allowed
            .map(|place| Choice {
                href: visit.page(place.path(), &[]),
                label: place.name(w).to_owned(),
                current: here == Some(place),
            })
            .collect();
        self.triages = visitor.may(Need::Triage);
        self.open = matches!(visitor, Visitor::Anyone(_));
        if let Some(guest) = visitor.guest() {
            self.mark.clone_from(&guest.form_mark);
            self.signed_in = Some(SignedIn {
                name: guest.name.to_string(),
                role: guest.role.label(self.lang),
                account: Choice {
                    href: visit.page("/account", &[]),
                    label: w.a_account.to_owned(),
                    current: visit.path == "/account",
                },
            });
        }
        self
    }
}

/// `2026-03-13 10:00 – 2026-03-14 10:00 UTC`, without the day where it is the same.
fn stretch(span: Span) -> String {
    let (from, to) = (window::exact(span.from), window::exact(span.to));
    let day = |text: &str| text.get(..10).unwrap_or_default().to_owned();
    let same = day(&from) == day(&to);
    let to = if same {
        to.get(11..).unwrap_or_default()
    } else {
        &to
    };
    format!("{} – {to}", from.trim_end_matches(" UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderMap;

    #[test]
    fn a_page_below_a_place_belongs_to_it() {
        assert_eq!(Place::of("/"), Some(Place::Overview));
        assert_eq!(Place::of("/issues/00ab"), Some(Place::Issues));
        assert_eq!(Place::of("/issuesandmore"), None);
    }

    #[test]
    fn choosing_a_range_leads_back_to_the_present() {
        let visit = Visit::read(
            "/freezes",
            "app=im&range=7d&to=1773478800",
            &HeaderMap::new(),
        );
        let app = AppName::parse("im").unwrap();
        let shell = Shell::new(
            &visit,
            std::slice::from_ref(&app),
            Some(&app),
            visit.span(0),
        );
        assert_eq!(shell.ranges[2].href, "/freezes?app=im&range=24h");
        assert!(shell.ranges[3].current && !shell.live);
        assert_eq!(shell.now.as_deref(), Some("/freezes?app=im&range=7d"));
    }

    #[test]
    fn a_stretch_within_a_day_names_the_day_once() {
        assert_eq!(
            stretch(Span {
                from: 1_773_478_800,
                to: 1_773_482_400,
                step: 60
            }),
            "2026-03-14 09:00 – 10:00 UTC"
        );
        assert_eq!(
            stretch(Span {
                from: 1_773_478_800,
                to: 1_773_565_200,
                step: 60
            }),
            "2026-03-14 09:00 – 2026-03-15 09:00 UTC"
        );
    }
}
