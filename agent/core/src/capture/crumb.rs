//! Breadcrumbs: what the app did lately, in words of its developer's closed lists. A crash tells the last ones.
//!
//! One costs a few stores into the mapped dump file, so it is there after any death. There are no texts: a breadcrumb has a
//! name, and at most two values that are numbers or words of a closed list, all named in the code.

use super::Switch;
use crate::note::{NotedField, NotedKind};
use candor_dump::Crumb as SeenCrumb;
use candor_protocol::deidentify::Name;
use candor_protocol::limits::CRUMB_VALUES;
use std::any::TypeId;
use std::marker::PhantomData;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One name of a closed list of breadcrumbs, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrumbKind {
    /// What the app did.
    pub name: Name,
    /// What the values mean, at most two.
    pub values: &'static [CrumbField],
}

/// What one value of a breadcrumb means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CrumbField {
    /// Its name.
    pub name: Name,
    /// The words that it is one of; empty for a number.
    pub words: &'static [Name],
}

/// A closed list of breadcrumbs. Made with [`crumbs!`](crate::crumbs).
pub trait CrumbList: Copy + Send + 'static {
    /// Every name of the list.
    const KINDS: &'static [CrumbKind];

    /// Which name it is, and its values.
    fn pack(self) -> (u16, [i64; 2]);
}

/// What may be a value of a breadcrumb: a number, a duration (in milliseconds), a yes or no, or a word of
/// [`crumb_words!`](crate::crumb_words).
pub trait CrumbValue: Copy + Send + 'static {
    /// The words that it is one of; empty for a number.
    const WORDS: &'static [Name] = &[];

    /// As a number: the index of its word, or the number itself.
    fn number(self) -> i64;
}

macro_rules! numbers {
    ($($type:ty)+) => {
        $(impl CrumbValue for $type {
            fn number(self) -> i64 {
                i64::try_from(self).unwrap_or(i64::MAX)
            }
        })+
    };
}

numbers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

impl CrumbValue for Duration {
    fn number(self) -> i64 {
        i64::try_from(self.as_millis()).unwrap_or(i64::MAX)
    }
}

impl CrumbValue for bool {
    const WORDS: &'static [Name] = &[Name::declare("no"), Name::declare("yes")];

    fn number(self) -> i64 {
        self.into()
    }
}

/// Declares a closed list of breadcrumbs: an enum whose variants have a name and at most two values.
///
/// ```
/// use std::time::Duration;
///
/// candor_agent::crumb_words! {
///     /// Where the user is.
///     pub enum Screen {
///         Chat = "chat",
///         Settings = "settings",
///     }
/// }
///
/// candor_agent::crumbs! {
///     /// What the app does.
///     pub enum Step {
///         ScreenOpened = "screen_opened" { screen: Screen },
///         MessageSent = "message_sent" { bytes: usize, took_ms: Duration },
///         SignedOut = "signed_out" {},
///     }
/// }
///
/// let crumbs = candor_agent::Agent::off().breadcrumbs::<Step>();
/// crumbs.add(Step::ScreenOpened { screen: Screen::Chat });
/// crumbs.add(Step::MessageSent { bytes: 120, took_ms: Duration::from_millis(40) });
/// ```
///
/// A text cannot go with one:
///
/// ```compile_fail
/// candor_agent::crumbs! {
///     pub enum Step { Searched = "searched" { words: &'static str } }
/// }
/// ```
///
/// and neither can more than two values:
///
/// ```compile_fail
/// candor_agent::crumbs! {
///     pub enum Step { Moved = "moved" { x: u8, y: u8, z: u8 } }
/// }
/// ```
#[macro_export]
macro_rules! crumbs {
    ($(#[$doc:meta])* $visible:vis enum $list:ident {
        $($(#[$about:meta])* $variant:ident = $name:literal { $($field:ident: $type:ty),* $(,)? }),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy)]
        $visible enum $list {
            $($(#[$about])* $variant { $(#[allow(missing_docs)] $field: $type),* },)+
        }

        impl $crate::CrumbList for $list {
            const KINDS: &'static [$crate::CrumbKind] = &[
                $($crate::CrumbKind {
                    name: $crate::name!($name),
                    values: {
                        const VALUES: &[$crate::CrumbField] = &[
                            $($crate::CrumbField {
                                name: $crate::name!(stringify!($field)),
                                words: <$type as $crate::CrumbValue>::WORDS,
                            },)*
                        ];
                        const { assert!(VALUES.len() <= 2, "a breadcrumb has at most two values") };
                        VALUES
                    },
                },)+
            ];

            fn pack(self) -> (u16, [i64; 2]) {
                #[allow(clippy::enum_variant_names)]
                enum Place { $($variant,)+ }
                match self {
                    $(Self::$variant { $($field),* } => {
                        let values = [$($crate::CrumbValue::number($field),)*];
                        (Place::$variant as u16, $crate::first_two(values))
                    })+
                }
            }
        }
    };
}

/// Declares a closed list of words that breadcrumbs may tell: an enum whose variants have names.
#[macro_export]
macro_rules! crumb_words {
    ($(#[$doc:meta])* $visible:vis enum $list:ident { $($(#[$about:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $visible enum $list { $($(#[$about])* #[allow(missing_docs)] $variant,)+ }

        impl $crate::CrumbValue for $list {
            const WORDS: &'static [$crate::Name] = &[$($crate::name!($word),)+];

            fn number(self) -> i64 {
                self as i64
            }
        }
    };
}

/// For [`crumbs!`](crate::crumbs).
#[doc(hidden)]
pub fn first_two(values: impl IntoIterator<Item = i64>) -> [i64; 2] {
    let mut values = values.into_iter();
    [values.next().unwrap_or(0), values.next().unwrap_or(0)]
}

/// Breadcrumbs of one list. Cheap to clone and for any thread.
#[derive(Debug)]
pub struct Breadcrumbs<L> {
    place: Option<(Arc<Switch>, u16)>,
    list: PhantomData<fn(L)>,
}

impl<L> Clone for Breadcrumbs<L> {
    fn clone(&self) -> Self {
        Self {
            place: self.place.clone(),
            list: PhantomData,
        }
    }
}

impl<L: CrumbList> Breadcrumbs<L> {
    pub(crate) const INERT: Self = Self {
        place: None,
        list: PhantomData,
    };

    pub(crate) fn new(switch: Arc<Switch>, first: u16) -> Self {
        Self {
            place: Some((switch, first)),
            list: PhantomData,
        }
    }

    /// Adds one. No allocation, no lock, no system call; the last 96 of the process are kept.
    #[inline]
    pub fn add(&self, crumb: L) {
        if let Some((switch, first)) = &self.place
            && switch.open.load(Relaxed)
        {
            let (index, values) = crumb.pack();
            candor_crash::crumb(first.wrapping_add(index), values);
        }
    }
}

/// The lists that were asked for, one behind the other: a number in the dump is a place among all their names.
#[derive(Debug, Default)]
pub(crate) struct Lists {
    lists: Mutex<Vec<(TypeId, &'static [CrumbKind])>>,
}

impl Lists {
    /// The number of the list's first name, and whether the list is new. `None` when there is no room for more names.
    pub(crate) fn register<L: CrumbList>(&self) -> Option<(u16, bool)> {
        let mut lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = 0;
        for (id, kinds) in lists.iter() {
            if *id == TypeId::of::<L>() {
                return Some((u16::try_from(first).ok()?, false));
            }
            first += kinds.len();
        }
        u16::try_from(first + L::KINDS.len()).ok()?;
        lists.push((TypeId::of::<L>(), L::KINDS));
        Some((u16::try_from(first).ok()?, true))
    }

    /// All names, as a run notes them for whoever reads its dump.
    pub(crate) fn noted(&self) -> Vec<NotedKind> {
        let lists = self.lists.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = lists.iter().flat_map(|(_, kinds)| kinds.iter());
        kinds
            .map(|kind| NotedKind {
                name: kind.name.clone(),
                values: kind
                    .values
                    .iter()
                    .map(|value| NotedField {
                        name: value.name.clone(),
                        words: value.words.to_vec(),
                    })
                    .collect(),
            })
            .collect()
    }
}

/// A breadcrumb whose name is known: raw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Crumb {
    pub(crate) name: Name,
    pub(crate) before_ms: u64,
    pub(crate) values: Vec<(Name, Told)>,
}

/// A value of a breadcrumb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Number(i64),
    Word(Name),
}

/// The breadcrumbs that were dropped until `at_ms`, oldest first, and whether some have a name that was not noted.
pub(crate) fn until(seen: &[SeenCrumb], at_ms: u32, kinds: &[NotedKind]) -> (Vec<Crumb>, bool) {
    let mut unknown = false;
    let crumbs = seen.iter().filter(|crumb| crumb.at_ms <= at_ms);
    let told = crumbs
        .filter_map(|crumb| {
            let kind = kinds.get(usize::from(crumb.name));
            unknown |= kind.is_none();
            let kind = kind?;
            let values = kind.values.iter().take(CRUMB_VALUES).zip(crumb.values);
            Some(Crumb {
                name: kind.name.clone(),
                before_ms: u64::from(at_ms - crumb.at_ms),
                values: values
                    .filter_map(|(field, number)| Some((field.name.clone(), field.told(number)?)))
                    .collect(),
            })
        })
        .collect();
    (told, unknown)
}

impl NotedField {
    /// `None` for a word that is not in the list: the dump is damaged.
    fn told(&self, number: i64) -> Option<Told> {
        if self.words.is_empty() {
            return Some(Told::Number(number));
        }
        let word = self.words.get(usize::try_from(number).ok()?)?;
        Some(Told::Word(word.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    crate::crumb_words! {
        enum Screen { Chat = "chat", Settings = "settings" }
    }

    crate::crumbs! {
        enum Step {
            Opened = "screen_opened" { screen: Screen },
            Sent = "message_sent" { bytes: u64, queued: bool },
            Left = "signed_out" {},
        }
    }

    crate::crumbs! {
        enum Other { Moved = "moved" {} }
    }

    fn seen(at_ms: u32, (name, values): (u16, [i64; 2])) -> SeenCrumb {
        SeenCrumb {
            serial: 1,
            at_ms,
            name,
            values,
        }
    }

    #[test]
    fn what_is_dropped_is_told_in_the_words_of_the_code() {
        let lists = Lists::default();
        assert_eq!(lists.register::<Step>(), Some((0, true)));
        assert_eq!(lists.register::<Other>(), Some((3, true)));
        assert_eq!(lists.register::<Step>(), Some((0, false)));
        let screen = Screen::Settings;
        let dropped = [
            seen(
                5,
                Step::Opened {
                    screen: Screen::Chat,
                }
                .pack(),
            ),
            seen(10, Step::Opened { screen }.pack()),
            seen(
                20,
                Step::Sent {
                    bytes: 7,
                    queued: true,
                }
                .pack(),
            ),
            seen(30, Step::Left {}.pack()),
            seen(40, (3 + Other::Moved {}.pack().0, [0; 2])),
            seen(60, Step::Left {}.pack()),
        ];
        let (told, unknown) = until(&dropped, 50, &lists.noted());
        assert!(!unknown);
        let name = |name| Name::declare(name);
        let expected = [
            (
                "screen_opened",
                45,
                vec![(name("screen"), Told::Word(name("chat")))],
            ),
            (
                "screen_opened",
                40,
                vec![(name("screen"), Told::Word(name("settings")))],
            ),
            (
                "message_sent",
                30,
                vec![
                    (name("bytes"), Told::Number(7)),
                    (name("queued"), Told::Word(name("yes"))),
                ],
            ),
            ("signed_out", 20, vec![]),
            ("moved", 10, vec![]),
        ]
        .map(|(called, before_ms, values)| Crumb {
            name: name(called),
            before_ms,
            values,
        });
        assert_eq!(told, expected);
    }

    #[test]
    fn a_name_or_a_word_that_was_not_noted_is_left_out() {
        let lists = Lists::default();
        lists.register::<Step>();
        let damaged = [seen(1, (99, [0; 2])), seen(2, (0, [99, 0]))];
        let (told, unknown) = until(&damaged, 5, &lists.noted());
        assert!(unknown);
        assert!(told.len() == 1 && told[0].values.is_empty());
        assert_eq!(until(&damaged, 5, &[]), (vec![], true));
    }

    #[test]
    fn numbers_that_do_not_fit_are_as_large_as_can_be() {
        assert_eq!(u64::MAX.number(), i64::MAX);
        assert_eq!(Duration::from_millis(40).number(), 40);
        assert_eq!(Breadcrumbs::<Step>::INERT.add(Step::Left {}), ());
    }
}
