//! The merged stacks of many samples: outermost on top, each function as wide as its share of the time.

use super::number;
use crate::dashboard::format;
use crate::dashboard::words::{Words, fill};
use askama::Template;
use std::collections::BTreeMap;

/// Merged stacks, outermost first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tree {
    ms: u64,
    children: BTreeMap<Step, Tree>,
}

/// One function in a merged stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Step {
    /// The name that is shown.
    pub(crate) name: String,
    /// Whether it is the app's own code.
    pub(crate) own: bool,
}

impl Tree {
    /// Adds a stack, outermost first, that was seen for so many milliseconds.
    pub(crate) fn add(&mut self, stack: impl IntoIterator<Item = Step>, ms: u64) {
        self.ms += ms;
        let mut at = self;
        for step in stack {
            at = at.children.entry(step).or_default();
            at.ms += ms;
        }
    }

    /// How long all of it took, in milliseconds.
    pub(crate) fn ms(&self) -> u64 {
        self.ms
    }
}

/// An icicle, ready to be written into a page.
#[derive(Debug, Clone, Template)]
#[template(path = "chart/icicle.html")]
pub(crate) struct Icicle {
    w: &'static Words,
    summary: String,
    height: usize,
    boxes: Vec<Box>,
    hottest: Vec<Hot>,
}

impl askama::filters::HtmlSafe for Icicle {}

#[derive(Debug, Clone)]
struct Box {
    x: String,
    y: usize,
    width: String,
    name: String,
    title: String,
    class: &'static str,
}

/// A function in which time was spent.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hot {
    name: String,
    time: String,
    share: String,
}

/// Height of a row in pixels.
const ROW: usize = 21;
/// Narrower boxes, in percent, cannot be seen or pointed at.
const NARROWEST: f64 = 0.25;
/// Boxes of one picture; the rest is too small to read.
const MOST_BOXES: usize = 1_500;
/// Functions in the list beside the picture.
const HOTTEST: usize = 8;

impl Icicle {
    /// The picture of `tree`; `None` when it is empty.
    pub(crate) fn new(w: &'static Words, tree: &Tree) -> Option<Self> {
        if tree.ms == 0 {
            return None;
        }
        let mut picture = Picture {
            w,
            all: tree.ms as f64,
            boxes: Vec::new(),
            deepest: 0,
        };
        picture.draw(tree, 0.0, 0);
        let mut ends = BTreeMap::new();
        ends_in(tree, None, &mut ends);
        let mut hottest: Vec<(&str, u64)> = ends.into_iter().collect();
        hottest.sort_by_key(|&(name, ms)| (std::cmp::Reverse(ms), name));
        let hottest: Vec<Hot> = hottest
            .into_iter()
            .take(HOTTEST)
            .map(|(name, ms)| Hot {
                name: name.to_owned(),
                time: format::millis(ms),
                share: format::share(ms, tree.ms),
            })
            .collect();
        let first = hottest.first().map_or("", |hot| hot.name.as_str());
        let share = hottest.first().map_or("", |hot| hot.share.as_str());
        Some(Self {
            w,
            summary: fill(
                w.icicle_summary,
                &[&format::millis(tree.ms), &first, &share],
            ),
            height: (picture.deepest + 1) * ROW,
            boxes: picture.boxes,
            hottest,
        })
    }
}

/// The last two parts of a path, since a box is narrow; names of a more difficult form stay whole.
fn short(name: &str) -> &str {
    if name.contains(['<', ' ', '(']) {
        return name;
    }
    name.rmatch_indices("::")
        .nth(1)
        .map_or(name, |(at, separator)| &name[at + separator.len()..])
}

/// Adds time up by innermost own function, or where there is none, by innermost function.
fn ends_in<'a>(tree: &'a Tree, innermost: Option<&'a Step>, into: &mut BTreeMap<&'a str, u64>) {
    let below: u64 = tree.children.values().map(|child| child.ms).sum();
    if let Some(step) = innermost.filter(|_| tree.ms > below) {
        *into.entry(&step.name).or_default() += tree.ms - below;
    }
    for (step, child) in &tree.children {
        let next = match innermost {
            Some(own) if own.own && !step.own => own,
            _ => step,
        };
        ends_in(child, Some(next), into);
    }
}

/// The functions that follow `step` without a branch and are, like it, not the app's; and the tree below the last one.
fn foreign_run<'a>(step: &'a Step, tree: &'a Tree) -> (Vec<&'a Step>, &'a Tree) {
    let (mut run, mut end) = (vec![step], tree);
    while let Some((next, child)) = end.children.first_key_value() {
        let alone = end.children.len() == 1 && child.ms == end.ms;
        if step.own || next.own || !alone {
            break;
        }
        run.push(next);
        end = child;
    }
    (run, end)
}

struct Picture {
    w: &'static Words,
    all: f64,
    boxes: Vec<Box>,
    deepest: usize,
}

impl Picture {
    fn place(&mut self, x: f64, depth: usize, ms: u64, name: &str, class: &'static str) {
        self.deepest = self.deepest.max(depth);
        let share = format::share(ms, self.all as u64);
        self.boxes.push(Box {
            x: number(x),
            y: depth * ROW,
            width: number(ms as f64 / self.all * 100.0),
            name: short(name).to_owned(),
            title: fill(self.w.icicle_box, &[&name, &format::millis(ms), &share]),
            class,
        });
    }

    fn draw(&mut self, tree: &Tree, mut x: f64, depth: usize) {
        let mut children: Vec<(&Step, &Tree)> = tree.children.iter().collect();
        children.sort_by_key(|(_, child)| std::cmp::Reverse(child.ms));
        for (step, child) in children {
            let width = child.ms as f64 / self.all * 100.0;
            if width < NARROWEST || self.boxes.len() >= MOST_BOXES {
                return;
            }
            let (run, end) = foreign_run(step, child);
            // Where a sample ended, and what the app called last, say something; what lies between does not.
            let shown = match (run.len(), end.children.is_empty()) {
                (1, _) | (2..=3, true) => (run.len(), 0),
                (_, true) => (1, 1),
                (_, false) => (0, 0),
            };
            let folded = run.len() - shown.0 - shown.1;
            let mut at = depth;
            for step in &run[..shown.0] {
                let class = if step.own { "own" } else { "foreign" };
                self.place(x, at, child.ms, &step.name, class);
                at += 1;
            }
            if folded > 0 {
                let name = fill(self.w.frames_skipped, &[&folded]);
                self.place(x, at, child.ms, &name, "skipped");
                at += 1;
            }
            for step in &run[run.len() - shown.1..] {
                self.place(x, at, child.ms, &step.name, "foreign");
                at += 1;
            }
            self.draw(end, x, at);
            x += width;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::words::Lang;

    fn steps(names: &str) -> Vec<Step> {
        names
            .split(' ')
            .map(|name| Step {
                name: name.trim_start_matches('+').to_owned(),
                own: name.starts_with('+'),
            })
            .collect()
    }

    fn tree() -> Tree {
        let mut tree = Tree::default();
        tree.add(steps("_start main +run +render memcpy"), 3_000);
        tree.add(steps("_start main +run +save fsync"), 1_000);
        tree
    }

    #[test]
    fn stacks_merge_from_the_outermost_frame() {
        let tree = tree();
        assert_eq!(tree.ms(), 4_000);
        let icicle = Icicle::new(Lang::En.words(), &tree).unwrap();
        let read: Vec<(&str, &str, usize)> = icicle
            .boxes
            .iter()
            .map(|one| (one.name.as_str(), one.width.as_str(), one.y / ROW))
            .collect();
        assert_eq!(
            read,
            [
                ("2 frames not the app's", "100", 0),
                ("run", "100", 1),
                ("render", "75", 2),
                ("memcpy", "75", 3),
                ("save", "25", 2),
                ("fsync", "25", 3),
            ]
        );
    }

    #[test]
    fn the_list_beside_it_tells_the_innermost_own_function() {
        let icicle = Icicle::new(Lang::En.words(), &tree()).unwrap();
        let read: Vec<(&str, &str)> = icicle
            .hottest
            .iter()
            .map(|hot| (hot.name.as_str(), hot.share.as_str()))
            .collect();
        assert_eq!(read, [("render", "75.0%"), ("save", "25.0%")]);
        let time = format::millis(4_000);
        let summary = format!("{time} in all, most of it in render (75.0%)");
        assert!(icicle.to_string().contains(&summary));
    }

    #[test]
    fn what_lies_between_the_app_and_the_end_of_a_sample_is_folded() {
        let mut tree = Tree::default();
        tree.add(
            steps("_start +run poll enter with +save write_all default_write syscall write"),
            1,
        );
        let icicle = Icicle::new(Lang::En.words(), &tree).unwrap();
        let read: Vec<&str> = icicle.boxes.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(
            read,
            [
                "_start",
                "run",
                "3 frames not the app's",
                "save",
                "write_all",
                "2 frames not the app's",
                "write"
            ]
        );
    }

    #[test]
    fn a_box_says_the_end_of_a_path_and_its_title_all_of_it() {
        assert_eq!(short("im::chat::render::frame"), "render::frame");
        assert_eq!(short("render::frame"), "render::frame");
        assert_eq!(short("<im::A as im::B>::c"), "<im::A as im::B>::c");
        let mut tree = Tree::default();
        tree.add(steps("+im::chat::render::frame"), 1);
        let html = Icicle::new(Lang::En.words(), &tree).unwrap().to_string();
        assert!(
            html.contains("<title>im::chat::render::frame: 1 ms, 100%</title>"),
            "{html}"
        );
    }

    #[test]
    fn without_samples_there_is_no_picture() {
        assert!(Icicle::new(Lang::En.words(), &Tree::default()).is_none());
    }

    #[test]
    fn a_name_cannot_become_markup() {
        let mut tree = Tree::default();
        tree.add(steps("+<script>"), 1);
        assert!(
            !Icicle::new(Lang::En.words(), &tree)
                .unwrap()
                .to_string()
                .contains("<script>")
        );
    }
}
