//! Small groups: a class of a breakdown that few installations are in tells of them. It is merged into "other", wherever
//! somebody can look.
//!
//! Time is cut into blocks of a week, the same for every view. In each block a class with fewer than [`LEAST`] installations is
//! small, whatever range is looked at; a view merges what is small in any block that it touches. So every figure of a class
//! that is shown is a sum over blocks in which the class was large, and no difference of two views is about a small one. What
//! is merged must be large as well, or subtracting what is shown from the total would tell it: the smallest of the shown classes
//! is merged too until that is so.
//!
//! Connections can be filtered by every dimension and broken down by every other, so their classes are cells: all dimensions
//! together. A view of connections is a sum of large cells; what is merged is in the view without a filter only.
//!
//! Within a block a device has at most two pseudonyms, since it has a new one at least every seven days.

use super::calendar::DAY;
use super::settings::Class;
use crate::state::State;
use crate::store::{
    Breakdown, Cells, ConnectionAnswer, ConnectionFilter, ConnectionSum, Dimension, ExitSum, Group,
    Groups, IssueFilter, IssueId, IssueList, IssuePage, Of, ReleaseRow, Span, Store, StoreError,
};
use candor_protocol::deidentify::{AppName, Release};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The fewest installations of a class that is shown.
pub const LEAST: u64 = 10;

/// Seconds of a block.
const BLOCK: u64 = 7 * DAY;

/// The most blocks that one view may touch; a longer one shows no class.
const BLOCKS: u64 = 60;

/// What is done with small groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SmallGroups {
    /// They are shown: for a deployment whose every installation belongs to whoever looks, such as a demo.
    Show,
    /// Those with fewer installations than this are merged.
    Merge(u64),
}

impl Default for SmallGroups {
    fn default() -> Self {
        Self::Merge(LEAST)
    }
}

impl SmallGroups {
    /// Whether pages have to say that less is hidden than should be.
    pub fn is_lax(self) -> bool {
        match self {
            Self::Show => true,
            Self::Merge(least) => least < LEAST,
        }
    }
}

impl std::fmt::Display for SmallGroups {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Show => f.write_str("show"),
            Self::Merge(least) => least.fmt(f),
        }
    }
}

impl std::str::FromStr for SmallGroups {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word.parse() {
            _ if word == "show" => Ok(Self::Show),
            Ok(least @ 2..) => Ok(Self::Merge(least)),
            _ => Err("the fewest installations that are shown, from 2 on, or `show`".to_owned()),
        }
    }
}

/// A breakdown in which nothing is small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged<T> {
    /// Classes that are large enough.
    pub shown: Vec<T>,
    /// All others together, where there are any. Its label means nothing.
    pub other: Option<T>,
}

/// Which classes may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Shown {
    /// Whatever there is.
    All,
    /// These.
    Only(BTreeSet<Group>),
}

impl Shown {
    fn takes(&self, group: &Group) -> bool {
        match self {
            Self::All => true,
            Self::Only(shown) => shown.contains(group),
        }
    }

    /// Parts a list into what is shown and what is to be merged.
    fn part<T>(&self, rows: Vec<T>, group: impl Fn(&T) -> Group) -> (Vec<T>, Vec<T>) {
        rows.into_iter().partition(|row| self.takes(&group(row)))
    }
}

/// The releases of a range.
///
/// # Errors
/// Those of the store.
pub async fn releases<S: Store>(
    state: &State<S>,
    app: &AppName,
    span: Span,
) -> Result<Merged<ReleaseRow>, StoreError> {
    let shown = shown(state, app, Of::Runs, span).await?;
    let mut rows = state.store.releases(app, span).await?;
    if shown != Shown::All {
        // Connections are counted as the views of connections count them.
        let safe = connections(state, app, ConnectionFilter::default(), span).await?;
        let mut by: HashMap<String, (u64, u64)> = HashMap::new();
        for (release, sum) in &safe.answer.by_release {
            by.insert(release.to_string(), (sum.attempts, sum.ready));
        }
        for row in &mut rows {
            let counted = by.get(row.release.as_str()).copied();
            (row.attempts, row.ready) = counted.unwrap_or_default();
        }
    }
    let (shown, merged) = shown.part(rows, |row| Group::Release(row.release.to_string()));
    let other = merged.into_iter().reduce(|sum, row| ReleaseRow {
        runs: sum.runs + row.runs,
        crashed_runs: sum.crashed_runs + row.crashed_runs,
        freezes: sum.freezes + row.freezes,
        installs: sum.installs + row.installs,
        attempts: sum.attempts + row.attempts,
        ready: sum.ready + row.ready,
        release: sum.release,
    });
    Ok(Merged { shown, other })
}

/// How runs ended.
pub struct SafeExits {
    /// By when they started: of everything.
    pub steps: Vec<(u64, ExitSum)>,
    /// By release; that of what is merged means nothing.
    pub by_release: Merged<(Release, ExitSum)>,
}

/// How runs of a range ended.
///
/// # Errors
/// Those of the store.
pub async fn exits<S: Store>(
    state: &State<S>,
    app: &AppName,
    span: Span,
) -> Result<SafeExits, StoreError> {
    let shown = shown(state, app, Of::Runs, span).await?;
    let exits = state.store.exits(app, span).await?;
    let rows = exits.by_release.into_iter().collect();
    let (shown, merged) = shown.part(rows, |(release, _): &(Release, ExitSum)| {
        Group::Release(release.to_string())
    });
    let other = merged.into_iter().reduce(|(release, mut sum), (_, row)| {
        sum.add(&row);
        (release, sum)
    });
    Ok(SafeExits {
        steps: exits.steps,
        by_release: Merged { shown, other },
    })
}

/// One issue, its breakdowns apart.
pub struct SafeIssue {
    /// The issue; its breakdowns are taken out.
    pub page: IssuePage,
    /// By release.
    pub by_release: Merged<Breakdown>,
    /// By operating system and its version.
    pub by_os: Merged<Breakdown>,
    /// By class of machine.
    pub by_device: Merged<Breakdown>,
}

/// One issue of a range.
///
/// # Errors
/// Those of the store.
pub async fn issue<S: Store>(
    state: &State<S>,
    app: &AppName,
    id: IssueId,
    span: Span,
) -> Result<Option<SafeIssue>, StoreError> {
    let now = state.clock.now();
    let Some(mut page) = state.store.issue(app, id, span, now).await? else {
        return Ok(None);
    };
    let shown = shown(state, app, Of::Issue(id), span).await?;
    let runs = page.runs_total;
    let merge = |rows: &mut Vec<Breakdown>, group: fn(String) -> Group| {
        let rows = std::mem::take(rows);
        let (shown, merged) = shown.part(rows, |row| group(row.label.clone()));
        let of: u64 = shown.iter().map(|row| row.of).sum();
        let other = merged.into_iter().reduce(|sum, row| Breakdown {
            reports: sum.reports + row.reports,
            runs: sum.runs + row.runs,
            ..sum
        });
        // The base of "other" is every run of a class that is not shown, whether or not the issue was met there.
        let other = other.map(|sum| Breakdown {
            of: runs.saturating_sub(of),
            ..sum
        });
        Merged { shown, other }
    };
    page.trends
        .retain(|(release, _)| shown.takes(&Group::Release(release.clone())));
    Ok(Some(SafeIssue {
        by_release: merge(&mut page.by_release, Group::Release),
        by_os: merge(&mut page.by_os, Group::Os),
        by_device: merge(&mut page.by_device, Group::Device),
        page,
    }))
}

/// A list of issues.
pub struct SafeIssues {
    /// Those that may be told.
    pub list: IssueList,
    /// Where classes are asked for, what may be told of them.
    pub narrowed: Option<Narrowed>,
}

/// How a list is narrowed to classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrowed {
    /// Installations that have to have met an issue.
    pub least: u64,
    /// The class that reports are counted of.
    pub counted: String,
    /// Whether there are others, which only choose among the issues.
    pub others: bool,
}

/// Issues of a range. Narrowed to a class, the list tells of an issue what its page tells of that class, and leaves out the issues
/// whose pages have it in "other". Being in two classes at once would be a class of its own, finer than any of a page: such a
/// list has the issues whose pages show both, and counts the first alone.
///
/// # Errors
/// Those of the store.
pub async fn issues<S: Store>(
    state: &State<S>,
    app: &AppName,
    mut filter: IssueFilter,
) -> Result<SafeIssues, StoreError> {
    let mut narrowed: Option<Narrowed> = None;
    if let SmallGroups::Merge(least) = state.small {
        for dimension in Dimension::ALL {
            let Some(class) = filter.class(dimension).map(str::to_owned) else {
                continue;
            };
            let group = dimension.group(class.clone());
            let mut large =
                met_by_many(state, app, (dimension, &group), filter.span, least).await?;
            if let Some(among) = &filter.among {
                large.retain(|id| among.contains(id));
            }
            filter.among = Some(Arc::new(large));
            match &mut narrowed {
                None => {
                    narrowed = Some(Narrowed {
                        least,
                        counted: class,
                        others: false,
                    });
                }
                Some(narrowed) => {
                    narrowed.others = true;
                    filter.clear(dimension);
                }
            }
        }
    }
    Ok(SafeIssues {
        list: state.store.issues(app, filter).await?,
        narrowed,
    })
}

/// The issues whose pages show a class in a range.
async fn met_by_many<S: Store>(
    state: &State<S>,
    app: &AppName,
    (dimension, class): (Dimension, &Group),
    span: Span,
    least: u64,
) -> Result<BTreeSet<IssueId>, StoreError> {
    let mut blocks = Vec::new();
    for (span, whole) in blocks_of(state, app, &OF_ISSUES, span)?.unwrap_or_default() {
        blocks.push((state.store.spreads(app, dimension, span).await?, whole));
    }
    let classes = blocks.iter().flat_map(|(spreads, _)| spreads);
    let ids: BTreeSet<IssueId> = classes
        .filter(|(_, groups)| groups.by.contains_key(class))
        .map(|(id, _)| *id)
        .collect();
    let shows = |id: &IssueId| {
        let mine = blocks.iter().map(|(spreads, whole)| Block {
            groups: spreads.get(id).cloned().unwrap_or_default(),
            whole: *whole,
        });
        large_everywhere(&mine.collect::<Vec<_>>(), least).contains(class)
    };
    Ok(ids.into_iter().filter(shows).collect())
}

/// Connection windows, summed.
pub struct SafeConnections {
    /// What may be shown. Without a filter the total and the series are of everything.
    pub answer: ConnectionAnswer,
    /// What is in the total and in no class; with a filter nothing is.
    pub other: Option<ConnectionSum>,
    /// Whether windows of classes that are too small pass the filter, and are left out.
    pub left_out: bool,
}

/// Connection windows of a range.
///
/// # Errors
/// Those of the store.
pub async fn connections<S: Store>(
    state: &State<S>,
    app: &AppName,
    filter: ConnectionFilter,
    span: Span,
) -> Result<SafeConnections, StoreError> {
    let Shown::Only(groups) = shown(state, app, Of::Connections, span).await? else {
        let answer = state.store.connections(app, filter, span).await?;
        return Ok(SafeConnections {
            answer,
            other: None,
            left_out: false,
        });
    };
    let cells = groups.into_iter().filter_map(|group| match group {
        Group::Connection(cell) => Some(cell),
        _ => None,
    });
    let cells: Arc<BTreeSet<_>> = Arc::new(cells.collect());
    let of = |cells: Cells| ConnectionFilter {
        cells,
        ..filter.clone()
    };
    let store = &state.store;
    let merged = store
        .connections(app, of(Cells::Except(cells.clone())), span)
        .await?
        .total;
    let mut answer = store.connections(app, of(Cells::Only(cells)), span).await?;
    let left_out = merged.windows > 0;
    let other = (filter == ConnectionFilter::default() && left_out).then_some(merged);
    if other.is_some() {
        let all = store.connections(app, filter, span).await?;
        answer.total = all.total;
        answer.series = all.series;
    }
    Ok(SafeConnections {
        left_out: left_out && other.is_none(),
        answer,
        other,
    })
}

/// The classes that may be shown in a range.
async fn shown<S: Store>(
    state: &State<S>,
    app: &AppName,
    of: Of,
    span: Span,
) -> Result<Shown, StoreError> {
    let SmallGroups::Merge(least) = state.small else {
        return Ok(Shown::All);
    };
    let classes: &[Class] = match of {
        Of::Runs => &[Class::Run],
        Of::Issue(_) => &OF_ISSUES,
        Of::Connections => &[Class::Connection],
    };
    let mut blocks = Vec::new();
    for (span, whole) in blocks_of(state, app, classes, span)?.unwrap_or_default() {
        blocks.push(Block {
            groups: state.store.groups(app, of, span).await?,
            whole,
        });
    }
    Ok(Shown::Only(large_everywhere(&blocks, least)))
}

/// What is kept of issues.
const OF_ISSUES: [Class; 2] = [Class::Crash, Class::Freeze];

/// The blocks that a range touches, and whether each is whole; `None` where there are too many.
fn blocks_of<S>(
    state: &State<S>,
    app: &AppName,
    classes: &[Class],
    span: Span,
) -> Result<Option<Vec<(Span, bool)>>, StoreError> {
    let last = span
        .to
        .saturating_sub(1)
        .min(state.clock.now().saturating_add(BLOCK));
    let (first, last) = (span.from / BLOCK, last / BLOCK);
    if last.saturating_sub(first) >= BLOCKS {
        return Ok(None);
    }
    let settings = state.office.settings()?;
    let days = classes.iter().map(|class| settings.days(app, *class)).min();
    let kept = state
        .clock
        .now()
        .saturating_sub(u64::from(days.unwrap_or_default()) * DAY);
    let blocks = (first..=last).map(|block| {
        let span = Span {
            from: block * BLOCK,
            to: (block + 1) * BLOCK,
            step: BLOCK,
        };
        (span, span.from >= kept)
    });
    Ok(Some(blocks.collect()))
}

/// The installations of a block.
struct Block {
    groups: Groups,
    /// Whether none of its reports has expired. Of one that is not whole nobody knows which classes it had.
    whole: bool,
}

/// Classes that are large in every block that they are in.
fn large_everywhere(blocks: &[Block], least: u64) -> BTreeSet<Group> {
    let mut large = BTreeSet::new();
    let mut small = BTreeSet::new();
    let mut proven: Option<BTreeSet<Group>> = None;
    for Block { groups, whole } in blocks {
        let mut here = BTreeSet::new();
        for dimension in dimensions(groups) {
            let (shown, merged) = decide(groups.installs, dimension, least);
            here.extend(shown);
            small.extend(merged);
        }
        if !whole {
            // A class that is not seen here any more may have been small here.
            proven = Some(match proven {
                Some(proven) => proven.intersection(&here).cloned().collect(),
                None => here.clone(),
            });
        }
        large.extend(here);
    }
    large
        .difference(&small)
        .filter(|group| proven.as_ref().is_none_or(|proven| proven.contains(group)))
        .cloned()
        .collect()
}

/// The classes of a block, each dimension apart, from the fewest installations to the most.
fn dimensions(block: &Groups) -> Vec<Vec<(Group, u64)>> {
    let mut apart: BTreeMap<u8, Vec<(Group, u64)>> = BTreeMap::new();
    for (group, installs) in &block.by {
        let dimension = match group {
            Group::Release(_) => 0,
            Group::Os(_) => 1,
            Group::Device(_) => 2,
            Group::Connection(_) => 3,
        };
        apart
            .entry(dimension)
            .or_default()
            .push((group.clone(), *installs));
    }
    let mut apart: Vec<_> = apart.into_values().collect();
    for classes in &mut apart {
        classes.sort_by_key(|(_, installs)| *installs);
    }
    apart
}

/// What of one dimension of one block is shown and what is merged. `classes` from the fewest installations to the most.
fn decide(total: u64, classes: Vec<(Group, u64)>, least: u64) -> (Vec<Group>, Vec<Group>) {
    let mut merged = classes
        .iter()
        .filter(|(_, installs)| *installs < least)
        .count();
    // An installation can be in several classes, so what is merged has at least as many as its largest class, and at least
    // those that are in no class that is shown.
    let merged_has = |merged: usize| {
        let largest = classes[..merged]
            .last()
            .map_or(0, |(_, installs)| *installs);
        let shown: u64 = classes[merged..].iter().map(|(_, installs)| installs).sum();
        largest.max(total.saturating_sub(shown))
    };
    while merged > 0 && merged < classes.len() && merged_has(merged) < least {
        merged += 1;
    }
    let mut groups: Vec<Group> = classes.into_iter().map(|(group, _)| group).collect();
    let shown = groups.split_off(merged);
    (shown, groups)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn group(name: &str) -> Group {
        Group::Release(name.to_owned())
    }

    fn block(installs: u64, classes: &[(&str, u64)]) -> Block {
        Block {
            groups: Groups {
                installs,
                by: classes.iter().map(|(name, n)| (group(name), *n)).collect(),
            },
            whole: true,
        }
    }

    fn names(shown: &BTreeSet<Group>) -> Vec<String> {
        let name = |group: &Group| match group {
            Group::Release(name) => name.clone(),
            other => format!("{other:?}"),
        };
        shown.iter().map(name).collect()
    }

    #[test]
    fn a_class_of_fewer_than_ten_is_merged() {
        let shown = |classes: &[(&str, u64)]| {
            let total = classes.iter().map(|(_, installs)| installs).sum();
            names(&large_everywhere(&[block(total, classes)], LEAST))
        };
        assert_eq!(shown(&[("a", 100), ("b", 10)]), ["a", "b"]);
        assert_eq!(shown(&[("a", 100), ("b", 9), ("c", 9)]), ["a"]);
        assert_eq!(shown(&[("a", 9)]), Vec::<String>::new());
        assert_eq!(shown(&[]), Vec::<String>::new());
    }

    #[test]
    fn what_is_merged_is_never_small_itself() {
        // One small class alone would be the difference of the total and the rest.
        let shown = large_everywhere(&[block(157, &[("a", 100), ("b", 50), ("c", 7)])], LEAST);
        assert_eq!(names(&shown), ["a"]);
        // Three small ones of the same installations are not large together.
        let same = block(105, &[("a", 100), ("b", 5), ("c", 5), ("d", 5)]);
        assert_eq!(
            names(&large_everywhere(&[same], LEAST)),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_class_that_is_small_in_one_block_is_merged_in_every_view_of_it() {
        let (first, second) = (
            block(200, &[("a", 100), ("b", 9), ("c", 50)]),
            block(200, &[("a", 100), ("b", 60), ("c", 50)]),
        );
        let both = large_everywhere(&[first, second], LEAST);
        assert_eq!(names(&both), ["a", "c"]);
        let second = block(200, &[("a", 100), ("b", 60), ("c", 50)]);
        assert_eq!(names(&large_everywhere(&[second], LEAST)), ["a", "b", "c"]);
    }

    #[test]
    fn of_a_block_that_expires_only_what_is_still_large_there_is_shown() {
        let rest = Block {
            whole: false,
            ..block(100, &[("a", 100)])
        };
        let next = block(150, &[("a", 100), ("b", 50)]);
        assert_eq!(names(&large_everywhere(&[rest, next], LEAST)), ["a"]);
        let gone = Block {
            whole: false,
            ..block(0, &[])
        };
        let next = block(150, &[("a", 100), ("b", 50)]);
        assert!(large_everywhere(&[gone, next], LEAST).is_empty());
    }

    proptest! {
        /// Whatever the classes are, and however they overlap, neither a shown class nor what is merged is small.
        #[test]
        fn no_part_of_a_block_is_small(
            members in prop::collection::vec(prop::collection::btree_set(0u32..60, 0..40), 1..8),
            least in 2u64..15,
        ) {
            let classes: Vec<(String, BTreeSet<u32>)> = members
                .into_iter()
                .enumerate()
                .filter(|(_, members)| !members.is_empty())
                .map(|(index, members)| (index.to_string(), members))
                .collect();
            let all: BTreeSet<u32> = classes.iter().flat_map(|(_, members)| members).copied().collect();
            let counted: Vec<(&str, u64)> =
                classes.iter().map(|(name, members)| (name.as_str(), members.len() as u64)).collect();
            let shown = large_everywhere(&[block(all.len() as u64, &counted)], least);
            let mut merged: BTreeSet<u32> = BTreeSet::new();
            for (name, members) in &classes {
                if shown.contains(&group(name)) {
                    prop_assert!(members.len() as u64 >= least);
                } else {
                    merged.extend(members);
                }
            }
            // When nothing at all is shown, what is merged is the total, which is on the page anyway.
            prop_assert!(merged.is_empty() || merged.len() as u64 >= least || shown.is_empty());
        }
    }

    #[test]
    fn less_protection_has_to_be_said() {
        assert!(!SmallGroups::default().is_lax());
        for (word, rule) in [
            ("show", SmallGroups::Show),
            ("2", SmallGroups::Merge(2)),
            ("9", SmallGroups::Merge(9)),
        ] {
            assert_eq!(word.parse(), Ok(rule));
            assert!(rule.is_lax());
        }
        assert!(!SmallGroups::Merge(50).is_lax());
        for wrong in ["", "1", "0", "-3", "all"] {
            assert!(wrong.parse::<SmallGroups>().is_err(), "{wrong}");
        }
    }
}
