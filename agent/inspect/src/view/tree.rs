//! The stacks of a freeze as one tree: outermost function first, with its share of the time.

use super::amount::percent;
use super::rows::{One, Row};
use super::stack::{Frame, Stack};
use candor_protocol::report::StackEnd;
use candor_symbols::Owner;
use serde::Serialize;
use std::iter::Sum;

/// Functions that every sample below it went through, and what came after them.
#[derive(Debug, Serialize)]
pub(crate) struct Node {
    pub(crate) samples: u64,
    /// How long they stand for.
    pub(crate) ms: u64,
    /// Of the time that all samples of the freeze stand for.
    pub(crate) percent: f64,
    /// Outermost first.
    pub(crate) path: Vec<Step>,
    /// Longest first.
    pub(crate) children: Vec<Node>,
}

/// How often something was seen, and how long that stands for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Weight {
    pub(crate) samples: u64,
    pub(crate) ms: u64,
}

impl Sum for Weight {
    fn sum<I: Iterator<Item = Self>>(each: I) -> Self {
        each.fold(Self::default(), |sum, next| Self {
            samples: sum.samples + next.samples,
            ms: sum.ms + next.ms,
        })
    }
}

/// One function of the tree.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Step {
    /// Missing where nothing is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) function: Option<String>,
    /// `module+0xoffset`; missing where the function is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
    #[serde(serialize_with = "super::stack::word")]
    pub(crate) owner: Owner,
    /// Frames that were not recorded, in place of a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) left_out: Option<u32>,
    /// Why the stack ends here, in place of a function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<StackEnd>,
    #[serde(skip)]
    pub(crate) row: Row,
}

impl Step {
    /// The functions of a frame, innermost first, or its address.
    fn of_frame(frame: &Frame) -> Vec<Self> {
        let functions = frame.functions.iter().map(Some);
        let address = frame.functions.is_empty().then_some(None);
        functions
            .chain(address)
            .zip(One::of_frame(frame))
            .map(|(function, row)| Self {
                function: function.map(|function| function.name.clone()),
                address: function.is_none().then(|| frame.address()),
                file: function.and_then(|function| function.file.clone()),
                line: function.and_then(|function| function.line),
                owner: row.owner,
                left_out: None,
                end: None,
                row: Row::One(row),
            })
            .collect()
    }

    fn of_gap(left_out: u32) -> Self {
        Self {
            left_out: Some(left_out),
            ..Self::nothing(Row::Gap(left_out))
        }
    }

    fn of_end(end: StackEnd) -> Self {
        Self {
            end: Some(end),
            ..Self::nothing(Row::End(end))
        }
    }

    fn nothing(row: Row) -> Self {
        Self {
            function: None,
            address: None,
            file: None,
            line: None,
            owner: Owner::App,
            left_out: None,
            end: None,
            row,
        }
    }

    /// Whether both are the same function. Lines do not count: a loop that was seen at two of its lines is one.
    fn is(&self, other: &Self) -> bool {
        (&self.function, &self.address, self.left_out, self.end)
            == (&other.function, &other.address, other.left_out, other.end)
    }
}

/// The way from the thread's outermost function to the innermost.
fn path(stack: &Stack) -> Vec<Step> {
    let mut path = Vec::new();
    for (index, frame) in stack.frames.iter().enumerate() {
        if stack.gap() == Some(index) {
            path.push(Step::of_gap(stack.left_out));
        }
        path.extend(Step::of_frame(frame));
    }
    path.extend(stack.end.map(Step::of_end));
    path.reverse();
    path
}

/// The tree of `stacks`, each with how often and how long it was seen.
pub(crate) fn tree(stacks: &[(Weight, Stack)]) -> Vec<Node> {
    let total: Weight = stacks.iter().map(|(weight, _)| *weight).sum();
    let paths: Vec<(Weight, Vec<Step>)> = stacks
        .iter()
        .map(|(weight, stack)| (*weight, path(stack)))
        .collect();
    let ways = paths
        .iter()
        .map(|(weight, path)| (*weight, path.as_slice()))
        .collect();
    grow(ways, total)
}

/// Every call splits its ways or ends one of them, so it goes no deeper than there are stacks.
fn grow(ways: Vec<(Weight, &[Step])>, total: Weight) -> Vec<Node> {
    let mut groups: Vec<Vec<(Weight, &[Step])>> = Vec::new();
    for way in ways {
        let Some(first) = way.1.first() else { continue };
        let same = groups
            .iter_mut()
            .find(|group| group[0].1.first().is_some_and(|other| other.is(first)));
        match same {
            Some(group) => group.push(way),
            None => groups.push(vec![way]),
        }
    }
    let mut nodes: Vec<Node> = groups
        .into_iter()
        .map(|group| {
            let weight: Weight = group.iter().map(|(weight, _)| *weight).sum();
            let longest = group[0].1;
            let common = (0..longest.len())
                .take_while(|&at| {
                    group
                        .iter()
                        .all(|(_, way)| way.get(at).is_some_and(|step| step.is(&longest[at])))
                })
                .count();
            let rest = group
                .iter()
                .map(|(weight, way)| (*weight, way.get(common..).unwrap_or_default()))
                .collect();
            Node {
                samples: weight.samples,
                ms: weight.ms,
                percent: (percent(weight.ms, total.ms) * 10.0).round() / 10.0,
                path: longest[..common].to_vec(),
                children: grow(rest, total),
            }
        })
        .collect();
    nodes.sort_by_key(|node| std::cmp::Reverse(node.ms));
    nodes
}
