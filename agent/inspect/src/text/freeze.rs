//! A freeze, as a tree of what its samples have in common.

use super::page::{Page, Style};
use super::{rows, show};
use crate::view::amount::{count, millis, percent};
use crate::view::freeze::Freeze;
use crate::view::rows::{Row, fold};
use crate::view::tree::Node;

pub(crate) fn put(page: &mut Page, freeze: &Freeze, full: bool) {
    page.end().paragraph(
        Style::Plain,
        0,
        &format!(
            "Standing still counts as a freeze from {} on. The thread was looked at {}{}.",
            millis(freeze.threshold_ms),
            count(freeze.samples, "time"),
            if freeze.main {
                "; it is the main thread"
            } else {
                ""
            }
        ),
    );
    if let (Some(place), Some(samples)) = (&freeze.most_seen, freeze.most_seen_samples) {
        page.end()
            .put(Style::Plain, "Most often in ")
            .put(Style::Bad, place)
            .line(
                Style::Plain,
                &format!(": {:.0} % of the samples", percent(samples, freeze.samples)),
            );
    }
    if freeze.tree.is_empty() {
        page.end().line(Style::Faint, "No stack was recorded.");
    } else {
        page.end().line(
            Style::Strong,
            "What the thread was in, outermost function first",
        );
        freeze
            .tree
            .iter()
            .for_each(|node| put_node(page, node, 0, full));
    }
    show::put_modules(page, &freeze.modules, freeze.lacks_names);
}

/// A node's functions stand below each other; what came after them is indented.
fn put_node(page: &mut Page, node: &Node, depth: usize, full: bool) {
    let all: Vec<Row> = node.path.iter().map(|step| step.row.clone()).collect();
    let shown = if full { all } else { fold(all) };
    rows::put(page, &shown, |index| {
        let share = if index == 0 {
            format!("{:.0} %", node.percent)
        } else {
            String::new()
        };
        format!("{}{share:>7}", "  ".repeat(depth))
    });
    node.children
        .iter()
        .for_each(|child| put_node(page, child, depth + 1, full));
}
