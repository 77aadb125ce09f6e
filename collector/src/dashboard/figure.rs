//! The figures at the top of a page, and small tables of counts.

use super::chart::{ShareBar, Tone};
use super::format;
use super::labels::Label;
use super::words::{Lang, Words, fill};
use std::cmp::Ordering;

/// A figure that is read first.
#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: &'static str,
    /// The figure.
    pub(crate) value: String,
    /// What it is made of.
    pub(crate) note: String,
    /// How it changed.
    pub(crate) change: Change,
    /// Where it leads.
    pub(crate) href: Option<String>,
}

/// How a figure changed against the stretch of time before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// The change in words; empty where there is nothing to compare with.
    pub(crate) text: String,
    /// The class in the style sheet, where the change is for the worse.
    pub(crate) class: &'static str,
}

impl Change {
    /// A change of a share, both as part and whole; for the worse when it is lower by more than chance explains.
    pub(crate) fn of_share(w: &Words, worse: Tone, now: (u64, u64), before: (u64, u64)) -> Self {
        match format::points_between(now, before) {
            None if now.1 == 0 => Self::default(),
            None => Self {
                text: w.nothing_before.to_owned(),
                class: "",
            },
            Some((Ordering::Equal, _)) => Self {
                text: w.as_before.to_owned(),
                class: "",
            },
            Some((way, text)) => Self {
                text: fill(w.points, &[&text]),
                class: if way == Ordering::Less && beyond_chance(now, before) {
                    worse.class()
                } else {
                    ""
                },
            },
        }
    }

    /// A change of a number, which is neither good nor bad.
    pub(crate) fn of_number(w: &Words, now: u64, before: u64) -> Self {
        match format::percent_between(now, before) {
            None if now == 0 => Self::default(),
            None => Self {
                text: w.nothing_before.to_owned(),
                class: "",
            },
            Some((Ordering::Equal, _)) => Self {
                text: w.as_before.to_owned(),
                class: "",
            },
            Some((_, text)) => Self {
                text: fill(w.than_before, &[&text]),
                class: "",
            },
        }
    }
}

/// Whether two shares differ by more than chance explains: the two-proportion z-test with pooled variance, two-sided at
/// 5 %. Two runs of which one crashed are no alarm.
fn beyond_chance(now: (u64, u64), before: (u64, u64)) -> bool {
    let [a, n, b, m] = [now.0, now.1, before.0, before.1].map(|count| count as f64);
    let pooled = (a + b) / (n + m);
    let deviation = (pooled * (1.0 - pooled) * (1.0 / n + 1.0 / m)).sqrt();
    (a / n - b / m).abs() > 1.96 * deviation
}

/// A row of a small table: what, how often, and how much that is of all.
#[derive(Debug, Clone)]
pub(crate) struct Counted {
    pub(crate) label: String,
    pub(crate) count: String,
    pub(crate) share: String,
    pub(crate) bar: ShareBar,
}

/// Rows of labelled counts, most first.
pub(crate) fn counted(counts: impl IntoIterator<Item = (String, u64)>, tone: Tone) -> Vec<Counted> {
    let mut counts: Vec<(String, u64)> =
        counts.into_iter().filter(|&(_, count)| count > 0).collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    let all: u64 = counts.iter().map(|&(_, count)| count).sum();
    counts
        .into_iter()
        .map(|(label, count)| Counted {
            label,
            count: format::count(count),
            share: format::share(count, all),
            bar: ShareBar::new(tone, count, all),
        })
        .collect()
}

/// As [`counted`], for words of a closed list.
pub(crate) fn counted_words<'a, L: Label + 'a>(
    counts: impl IntoIterator<Item = (&'a L, &'a u64)>,
    lang: Lang,
    tone: Tone,
) -> Vec<Counted> {
    counted(
        counts
            .into_iter()
            .map(|(word, &count)| (word.label(lang).to_owned(), count)),
        tone,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::report::Exit;
    use std::collections::BTreeMap;

    #[test]
    fn only_a_change_for_the_worse_is_coloured() {
        let w = Lang::En.words();
        let worse = Change::of_share(w, Tone::Crash, (900, 1_000), (950, 1_000));
        assert_eq!(
            (worse.text.as_str(), worse.class),
            ("−5.00 points vs. before", "crash")
        );
        assert_eq!(
            Change::of_share(w, Tone::Crash, (950, 1_000), (900, 1_000)).class,
            ""
        );
        assert_eq!(
            Change::of_share(w, Tone::Crash, (95, 100), (95, 100)).text,
            "as before"
        );
    }

    #[test]
    fn a_change_that_chance_explains_is_no_alarm() {
        let w = Lang::En.words();
        let chance = Change::of_share(w, Tone::Crash, (13, 14), (21, 22));
        assert_eq!(
            (chance.text.as_str(), chance.class),
            ("−2.60 points vs. before", "")
        );
        // 30 against 20 of 100 gives z = 1.63, 35 against 20 gives z = 2.38.
        assert!(!beyond_chance((30, 100), (20, 100)));
        assert!(beyond_chance((35, 100), (20, 100)));
    }

    #[test]
    fn without_a_before_a_change_says_so_and_without_a_now_it_says_nothing() {
        let w = Lang::En.words();
        assert_eq!(
            Change::of_share(w, Tone::Crash, (9, 10), (0, 0)).text,
            "nothing before"
        );
        assert_eq!(
            Change::of_share(w, Tone::Crash, (0, 0), (0, 0)),
            Change::default()
        );
        assert_eq!(Change::of_number(w, 5, 0).text, "nothing before");
    }

    #[test]
    fn counts_come_most_first_and_add_up_to_all() {
        let counts = BTreeMap::from([(Exit::Clean, 6), (Exit::Crash, 2), (Exit::Killed, 0)]);
        let rows = counted_words(&counts, Lang::En, Tone::Accent);
        let read: Vec<(&str, &str)> = rows
            .iter()
            .map(|row| (row.label.as_str(), row.share.as_str()))
            .collect();
        assert_eq!(read, [("Clean", "75.0%"), ("Crashed", "25.0%")]);
    }
}
