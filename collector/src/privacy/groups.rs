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
//! An issue can be narrowed to one release and is then told by system and by machine. A system is told apart there only where every
//! release that is shown has it in many installations or not at all, and all other releases together too: then no view of one release
//! taken from the view of all is about a few. What is merged within a release is large as well.
//!
//! Within a block a device has at most two pseudonyms, since it has a new one at least every seven days.

use super::calendar::DAY;
use super::settings::Class;
use crate::state::State;
use crate::statistics::{self, Share};
use crate::store::{
    Breakdown, Cells, ConnectionAnswer, ConnectionFilter, ConnectionSum, Dimension, ExitSum,
    FreezeRate, Group, Groups, IssueFilter, IssueId, IssueList, IssuePage, Of, ReachList,
    ReleaseRow, Span, Spread, Store, StoreError,
};
use candor_protocol::deidentify::{AppName, Release};
use candor_protocol::sketch::Sketch;
use futures_util::future::try_join_all;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use tokio::try_join;

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
pub struct SafeReleases {
    /// Their counts.
    pub rows: Merged<ReleaseRow>,
    /// Microseconds from the start of an attempt to connect until service, of releases that tell it.
    pub ready_us: BTreeMap<Release, Sketch>,
}

/// The releases of a range.
///
/// # Errors
/// Those of the store.
pub async fn releases<S: Store>(
    state: &State<S>,
    app: &AppName,
    span: Span,
) -> Result<SafeReleases, StoreError> {
    let filter = ConnectionFilter {
        brief: true,
        ..ConnectionFilter::default()
    };
    let (shown, mut rows, safe) = try_join!(
        shown(state, app, Of::Runs, span),
        state.store.releases(app, span),
        connections(state, app, filter, span.as_one_step()),
    )?;
    let mut connected: BTreeMap<Release, ConnectionSum> =
        safe.answer.by_release.into_iter().collect();
    if shown != Shown::All {
        // Connections are counted as the views of connections count them.
        for row in &mut rows {
            let counted = connected.get(&row.release);
            (row.attempts, row.ready) =
                counted.map_or((0, 0), |counted| (counted.attempts, counted.ready));
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
        ..sum
    });
    // When one of a few was seen is nobody's business.
    let other = other.map(|sum| ReleaseRow {
        first_seen: None,
        last_seen: None,
        ..sum
    });
    let ready_us = shown.iter().filter_map(|row| {
        let counted = connected.remove(&row.release)?;
        Some((row.release.clone(), counted.ready_us))
    });
    Ok(SafeReleases {
        ready_us: ready_us.collect(),
        rows: Merged { shown, other },
    })
}

/// How often freezes happen.
pub struct SafeRates {
    /// By release; the label of what is merged means nothing.
    pub by_release: Merged<FreezeRate>,
    /// By class of machine. Nobody counts the installations of a class of machine, so none is told where small groups are merged.
    pub by_device: Vec<FreezeRate>,
}

/// How often freezes happen in a range.
///
/// # Errors
/// Those of the store.
pub async fn freeze_rates<S: Store>(
    state: &State<S>,
    app: &AppName,
    span: Span,
) -> Result<SafeRates, StoreError> {
    let (shown, rates) = try_join!(
        shown(state, app, Of::Runs, span),
        state.store.freeze_rates(app, span),
    )?;
    let by_device = match shown {
        Shown::All => rates.by_device,
        Shown::Only(_) => Vec::new(),
    };
    let (shown, merged) = shown.part(rates.by_release, |rate| Group::Release(rate.label.clone()));
    let other = merged.into_iter().reduce(|sum, rate| FreezeRate {
        freezes: sum.freezes + rate.freezes,
        runs: sum.runs + rate.runs,
        run_ms: sum.run_ms + rate.run_ms,
        label: sum.label,
    });
    Ok(SafeRates {
        by_release: Merged { shown, other },
        by_device,
    })
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
    let (shown, exits) = try_join!(
        shown(state, app, Of::Runs, span),
        state.store.exits(app, span),
    )?;
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
    /// The release that everything but `by_release` and `whole` is of; `None` for all of them.
    pub within: Option<Release>,
    /// What `by_release` is compared with.
    pub whole: Whole,
}

/// An issue in all releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole {
    /// Its reports in the range.
    pub reports: u64,
    /// The runs that met it.
    pub runs: u64,
    /// All runs of the app.
    pub runs_total: u64,
}

/// One issue of a range; where a release is named that is shown, in that one alone.
///
/// # Errors
/// Those of the store.
pub async fn issue<S: Store>(
    state: &State<S>,
    app: &AppName,
    id: IssueId,
    release: Option<&Release>,
    span: Span,
) -> Result<Option<SafeIssue>, StoreError> {
    let now = state.clock.now();
    let (page, shown) = try_join!(
        state.store.issue(app, id, span, now),
        shown(state, app, Of::Issue(id), span),
    )?;
    let Some(mut page) = page else {
        return Ok(None);
    };
    let runs = page.runs_total;
    let merge =
        |rows: &mut Vec<Breakdown>, group| merge_classes(&shown, std::mem::take(rows), group, runs);
    page.trends
        .retain(|(release, _)| shown.takes(&Group::Release(release.clone())));
    let mut issue = SafeIssue {
        by_release: merge(&mut page.by_release, Group::Release),
        by_os: merge(&mut page.by_os, Group::Os),
        by_device: merge(&mut page.by_device, Group::Device),
        within: None,
        whole: Whole {
            reports: page.row.reports,
            runs: page.row.runs,
            runs_total: page.runs_total,
        },
        page,
    };
    if let Some(release) = release {
        narrow(state, app, &mut issue, release, span).await?;
    }
    Ok(Some(issue))
}

/// Whether far more of the runs of a class met an issue than of `all`: see [`statistics::is_over`]. The class that is all of them is not.
pub fn is_over(row: &Breakdown, all: Share) -> bool {
    row.of < all.whole && statistics::is_over(Share::new(row.runs, row.of), all)
}

/// What is shown of a breakdown, and the rest; `runs` is its base.
fn merge_classes(
    shown: &Shown,
    rows: Vec<Breakdown>,
    group: fn(String) -> Group,
    runs: u64,
) -> Merged<Breakdown> {
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
}

/// Tells everything but the breakdown by release of one release alone, if that one is shown.
async fn narrow<S: Store>(
    state: &State<S>,
    app: &AppName,
    issue: &mut SafeIssue,
    release: &Release,
    span: Span,
) -> Result<(), StoreError> {
    let releases = issue.by_release.shown.iter().map(|row| row.label.clone());
    let releases: BTreeSet<String> = releases.collect();
    if !releases.contains(release.as_str()) {
        return Ok(());
    }
    let id = issue.page.row.id;
    let of = Of::IssueWithin(id);
    let shown = async {
        Ok(match state.small {
            SmallGroups::Show => Shown::All,
            SmallGroups::Merge(least) => Shown::Only(match blocks(state, app, of, span).await? {
                Some(blocks) => large_within_all(&blocks, &releases, least),
                None => BTreeSet::new(),
            }),
        })
    };
    let (shown, within) = try_join!(shown, state.store.issue_within(app, id, release, span))?;
    let page = &mut issue.page;
    (page.row.reports, page.row.fatal) = (within.reports, within.fatal);
    (page.row.runs, page.row.installs) = (within.runs, within.installs);
    (page.row.spark, page.row.rising) = (within.spark, within.rising);
    page.runs_total = within.runs_total;
    page.trends.retain(|(name, _)| name == release.as_str());
    let runs = within.runs_total;
    issue.by_os = merge_classes(&shown, within.by_os, Group::Os, runs);
    issue.by_device = merge_classes(&shown, within.by_device, Group::Device, runs);
    issue.within = Some(release.clone());
    Ok(())
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
    filter: IssueFilter,
) -> Result<SafeIssues, StoreError> {
    let (filter, narrowed) = narrow_list(state, app, filter).await?;
    Ok(SafeIssues {
        list: state.store.issues(app, filter).await?,
        narrowed,
    })
}

/// How far the issues reach that [`issues`] would list, and whether that leaves some out.
///
/// # Errors
/// Those of the store.
pub async fn reach<S: Store>(
    state: &State<S>,
    app: &AppName,
    filter: IssueFilter,
) -> Result<(ReachList, bool), StoreError> {
    let (filter, narrowed) = narrow_list(state, app, filter).await?;
    let list = state.store.reach(app, filter).await?;
    let left_out = narrowed.is_some() || list.total != list.rows.len() as u64;
    Ok((list, left_out))
}

/// What is asked of a store so that a list may be told, and what may be told of classes that were asked for.
async fn narrow_list<S: Store>(
    state: &State<S>,
    app: &AppName,
    mut filter: IssueFilter,
) -> Result<(IssueFilter, Option<Narrowed>), StoreError> {
    let mut narrowed: Option<Narrowed> = None;
    if let SmallGroups::Merge(least) = state.small {
        for dimension in Dimension::ALL {
            let Some(class) = filter.class(dimension).map(str::to_owned) else {
                continue;
            };
            let mut large =
                met_by_many(state, app, (dimension, &class), filter.span, least).await?;
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
    Ok((filter, narrowed))
}

/// The issues whose pages show a class in a range.
async fn met_by_many<S: Store>(
    state: &State<S>,
    app: &AppName,
    (dimension, class): (Dimension, &str),
    span: Span,
    least: u64,
) -> Result<BTreeSet<IssueId>, StoreError> {
    let blocks = blocks_of(state, app, &OF_ISSUES, span)?.unwrap_or_default();
    let asked = blocks
        .iter()
        .map(|(span, _)| state.store.spreads(app, dimension, *span));
    let spreads = try_join_all(asked).await?;
    let mut standing: HashMap<IssueId, Standing> = HashMap::new();
    for (spreads, (_, whole)) in spreads.iter().zip(&blocks) {
        // In a block that the class did not meet it in, the other classes do not matter.
        let Some((place, met)) = spreads.met_by(class) else {
            continue;
        };
        for spread in met {
            let standing = standing.entry(spread.issue).or_default();
            standing.add(is_shown(&spread, place, least), *whole);
        }
    }
    let parts = blocks.iter().filter(|(_, whole)| !whole).count();
    let large = standing.into_iter().filter(|(_, all)| all.is_large(parts));
    Ok(large.map(|(issue, _)| issue).collect())
}

/// Whether a class that met an issue in a block is shown there: what [`decide`] says of it.
fn is_shown(spread: &Spread<'_>, place: u32, least: u64) -> bool {
    // Most are decided by these two.
    if spread.of(place).is_none_or(|installs| installs < least) {
        return false;
    }
    let mut classes: Vec<(u32, u64)> = spread
        .classes
        .iter()
        .map(|(class, installs)| (*class, u64::from(*installs)))
        .collect();
    if classes.iter().all(|(_, installs)| *installs >= least) {
        return true;
    }
    classes.sort_by_key(|(_, installs)| *installs);
    let (shown, _) = decide(spread.installs, classes, least);
    shown.contains(&place)
}

/// How a class stands in the blocks that it is in: what [`everywhere`] says of all classes, for one.
#[derive(Debug, Default)]
struct Standing {
    shown: bool,
    merged: bool,
    /// Blocks that are not whole and show it all the same.
    proven: usize,
}

impl Standing {
    fn add(&mut self, shown: bool, whole: bool) {
        self.shown |= shown;
        self.merged |= !shown;
        self.proven += usize::from(shown && !whole);
    }

    /// Whether it is shown in a range in which so many blocks are not whole.
    fn is_large(&self, parts: usize) -> bool {
        self.shown && !self.merged && self.proven == parts
    }
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
    let all = ConnectionFilter {
        brief: false,
        ..filter.clone()
    } == ConnectionFilter::default();
    let filter = ConnectionFilter {
        cells: Cells::Only(Arc::new(cells.collect())),
        ..filter
    };
    let mut answer = state.store.connections(app, filter, span).await?;
    let merged = std::mem::take(&mut answer.rest);
    let left_out = merged.total.windows > 0;
    let mut other = None;
    if all && left_out {
        // Both together are everything.
        answer.total.merge(&merged.total);
        for ((_, step), more) in answer.series.iter_mut().zip(&merged.series) {
            step.merge(more);
        }
        other = Some(merged.total);
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
    Ok(Shown::Only(match blocks(state, app, of, span).await? {
        Some(blocks) => large_everywhere(&blocks, least),
        None => BTreeSet::new(),
    }))
}

/// The installations of every block that a range touches; `None` where there are too many blocks.
async fn blocks<S: Store>(
    state: &State<S>,
    app: &AppName,
    of: Of,
    span: Span,
) -> Result<Option<Vec<Block>>, StoreError> {
    let classes: &[Class] = match of {
        Of::Runs => &[Class::Run],
        Of::Issue(_) | Of::IssueWithin(_) => &OF_ISSUES,
        Of::Connections => &[Class::Connection],
    };
    let Some(spans) = blocks_of(state, app, classes, span)? else {
        return Ok(None);
    };
    let blocks = spans.into_iter().map(async |(span, whole)| {
        let groups = state.store.groups(app, of, span).await?;
        Ok(Block { groups, whole })
    });
    try_join_all(blocks).await.map(Some)
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
    everywhere(blocks, |groups| {
        let dimensions = dimensions(groups).into_iter();
        let parted = dimensions.map(|classes| decide(groups.installs, classes, least));
        parted.collect()
    })
}

/// Classes that can be told within each of these releases, in every block that they are in.
fn large_within_all(blocks: &[Block], releases: &BTreeSet<String>, least: u64) -> BTreeSet<Group> {
    let is_os: fn(&Group) -> bool = |class| matches!(class, Group::Os(_));
    let is_device: fn(&Group) -> bool = |class| matches!(class, Group::Device(_));
    everywhere(blocks, |groups| {
        let parted = [is_os, is_device].map(|is_of| decide_within(groups, is_of, releases, least));
        parted.into()
    })
}

/// What is shown in every block, where each dimension is parted into what is shown and what is merged.
fn everywhere(
    blocks: &[Block],
    part: impl Fn(&Groups) -> Vec<(Vec<Group>, Vec<Group>)>,
) -> BTreeSet<Group> {
    let mut large = BTreeSet::new();
    let mut small = BTreeSet::new();
    let mut proven: Option<BTreeSet<Group>> = None;
    for Block { groups, whole } in blocks {
        let mut here = BTreeSet::new();
        for (shown, merged) in part(groups) {
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
            Group::Within(..) => 4,
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
fn decide<C>(total: u64, classes: Vec<(C, u64)>, least: u64) -> (Vec<C>, Vec<C>) {
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
    let mut groups: Vec<C> = classes.into_iter().map(|(group, _)| group).collect();
    let shown = groups.split_off(merged);
    (shown, groups)
}

/// What of one dimension can be told within each of these releases in one block, and what is merged.
fn decide_within(
    groups: &Groups,
    is_of: fn(&Group) -> bool,
    releases: &BTreeSet<String>,
    least: u64,
) -> (Vec<Group>, Vec<Group>) {
    // Each class by release; all releases that are not shown are one, of which at least as many are known as of the largest.
    let mut classes: BTreeMap<&Group, BTreeMap<Option<&str>, u64>> = BTreeMap::new();
    for (group, installs) in &groups.by {
        if let Group::Within(release, class) = group
            && is_of(class)
        {
            let release = releases.get(release).map(String::as_str);
            let known = classes
                .entry(class)
                .or_default()
                .entry(release)
                .or_default();
            *known = (*known).max(*installs);
        }
    }
    let large = |by: &BTreeMap<_, u64>| by.values().all(|installs| *installs >= least);
    let (mut shown, mut merged): (Vec<_>, Vec<_>) = classes.iter().partition(|(_, by)| large(by));
    // As in `decide`, what is merged within a release must be large as well.
    let merge_next = |shown: &[(&&Group, &BTreeMap<_, u64>)],
                      merged: &[(&&Group, &BTreeMap<_, u64>)]| {
        releases.iter().find_map(|release| {
            let of = |by: &BTreeMap<_, u64>| by.get(&Some(release.as_str())).copied();
            let total = groups.by.get(&Group::Release(release.clone())).copied();
            let largest = merged.iter().filter_map(|(_, by)| of(by)).max()?;
            let told: u64 = shown.iter().filter_map(|(_, by)| of(by)).sum();
            if largest.max(total.unwrap_or_default().saturating_sub(told)) >= least {
                return None;
            }
            let there = shown
                .iter()
                .enumerate()
                .filter_map(|(n, (_, by))| Some((of(by)?, n)));
            there.min().map(|(_, n)| n)
        })
    };
    while let Some(n) = merge_next(&shown, &merged) {
        merged.push(shown.remove(n));
    }
    let names = |classes: Vec<(&&Group, _)>| {
        classes
            .into_iter()
            .map(|(class, _)| (*class).clone())
            .collect()
    };
    (names(shown), names(merged))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Spreads;
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

    proptest! {
        /// A list says of a class what the page of the issue says.
        #[test]
        fn one_class_stands_as_all_classes_together_say(
            blocks in prop::collection::vec((prop::collection::vec(prop::option::of(1u64..30), 4), 0u64..40, prop::bool::ANY), 1..4),
            asked in 0usize..4,
            least in 2u64..15,
        ) {
            let names = ["a", "b", "c", "d"];
            let mut standing = Standing::default();
            let mut all = Vec::new();
            for (classes, more, whole) in &blocks {
                let there = || classes.iter().enumerate().filter_map(|(place, installs)| Some((place, (*installs)?)));
                let installs = there().map(|(_, installs)| installs).max().unwrap_or_default() + more;
                let by: Vec<_> = there().map(|(place, installs)| (names[place], installs)).collect();
                all.push(Block { whole: *whole, ..block(installs, &by) });
                let counted = there().map(|(place, installs)| (IssueId(1), Some(place), installs as u32));
                let counted = counted.chain([(IssueId(1), None, installs as u32)]);
                let spreads = Spreads::of(counted, |place| names[place].to_owned());
                if let Some((place, met)) = spreads.met_by(names[asked]) {
                    met.for_each(|spread| standing.add(is_shown(&spread, place, least), *whole));
                }
            }
            let parts = blocks.iter().filter(|(.., whole)| !whole).count();
            let large = large_everywhere(&all, least).contains(&group(names[asked]));
            prop_assert_eq!(standing.is_large(parts), large);
        }
    }

    fn within(classes: &[(&str, &str, u64)]) -> Groups {
        let mut groups = Groups::default();
        for (release, os, installs) in classes {
            let class = Box::new(Group::Os((*os).to_owned()));
            let cell = Group::Within((*release).to_owned(), class);
            groups.by.insert(cell, *installs);
            *groups.by.entry(group(release)).or_default() += installs;
        }
        groups
    }

    fn told_within(classes: &[(&str, &str, u64)], releases: &[&str]) -> Vec<String> {
        let block = Block {
            groups: within(classes),
            whole: true,
        };
        let releases = releases.iter().map(|one| (*one).to_owned()).collect();
        let shown = large_within_all(&[block], &releases, LEAST);
        let name = |group: &Group| match group {
            Group::Os(name) => name.clone(),
            other => format!("{other:?}"),
        };
        shown.iter().map(name).collect()
    }

    #[test]
    fn a_class_is_told_within_releases_where_it_is_large_in_all_of_them_or_absent() {
        let large = [("1", "a", 20), ("1", "b", 30), ("2", "a", 10)];
        assert_eq!(told_within(&large, &["1", "2"]), ["a", "b"]);
        // All of `a` less that of release 1 would be about five.
        let small = [
            ("1", "a", 20),
            ("1", "b", 30),
            ("2", "a", 5),
            ("2", "b", 40),
            ("2", "c", 30),
        ];
        // So `a` is merged, and with it the smallest other one of release 2, or what is merged there would be about five.
        assert_eq!(told_within(&small, &["1", "2"]), ["b"]);
        // So it would where the other release is not shown.
        let hidden = [
            ("1", "a", 20),
            ("1", "b", 30),
            ("1", "c", 30),
            ("2", "a", 5),
        ];
        assert_eq!(told_within(&hidden, &["1"]), ["b", "c"]);
    }

    #[test]
    fn what_is_merged_within_a_release_is_never_small_itself() {
        let small = [("1", "a", 50), ("1", "b", 20), ("1", "c", 5)];
        assert_eq!(told_within(&small, &["1"]), ["a"]);
        assert_eq!(told_within(&small[2..], &["1"]), Vec::<String>::new());
    }

    proptest! {
        /// However installations spread over releases and systems, no view of a release, and no difference of such views and of those of
        /// all releases, is about a few.
        #[test]
        fn no_part_of_a_release_is_small(
            members in prop::collection::vec((0usize..4, 0usize..4, 0u64..30), 0..12),
            least in 2u64..15,
            hidden in 0usize..3,
        ) {
            let name = |n: usize| n.to_string();
            let mut cells: BTreeMap<(usize, usize), u64> = BTreeMap::new();
            for (release, os, installs) in members {
                if installs > 0 {
                    *cells.entry((release, os)).or_default() += installs;
                }
            }
            let mut groups = Groups::default();
            for ((release, os), installs) in &cells {
                let class = Box::new(Group::Os(name(*os)));
                groups.by.insert(Group::Within(name(*release), class), *installs);
                *groups.by.entry(group(&name(*release))).or_default() += installs;
            }
            let shown_releases: Vec<usize> = (hidden..4)
                .filter(|r| groups.by.get(&group(&name(*r))).is_some_and(|n| *n >= least))
                .collect();
            let releases = shown_releases.iter().map(|r| name(*r)).collect();
            let block = Block { groups, whole: true };
            let shown = large_within_all(&[block], &releases, least);
            let of = |r: usize, os: usize| cells.get(&(r, os)).copied().unwrap_or_default();
            let none_or_many = |n: u64| n == 0 || n >= least;
            for os in (0..4).filter(|os| shown.contains(&Group::Os(name(*os)))) {
                for r in &shown_releases {
                    prop_assert!(none_or_many(of(*r, os)));
                }
                let hidden: u64 = (0..4).filter(|r| !shown_releases.contains(r)).map(|r| of(r, os)).sum();
                prop_assert!(none_or_many(hidden));
            }
            for r in &shown_releases {
                let total: u64 = (0..4).map(|os| of(*r, os)).sum();
                let told: u64 = (0..4)
                    .filter(|os| shown.contains(&Group::Os(name(*os))))
                    .map(|os| of(*r, os))
                    .sum();
                prop_assert!(none_or_many(total - told));
            }
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
