//! A freeze, as a tree of where its time went.

use super::page::{Page, Style};
use super::rows::{self, Placed};
use super::{show, threads};
use crate::view::amount::{count, millis};
use crate::view::freeze::Freeze;
use crate::view::rows::{Row, fold};
use crate::view::tree::Node;
use candor_protocol::report::Level;

pub(crate) fn put(page: &mut Page, freeze: &Freeze, full: bool) {
    let mut facts = format!(
        "Standing still counts as a freeze from {} on",
        millis(freeze.threshold_ms)
    );
    if let Some(from_ms) = freeze.not_responding_ms {
        let reached = match freeze.level {
            Level::NotResponding => "as this one does",
            Level::Hang => "which this one does not",
        };
        facts.push_str(&format!(
            ", and as not responding from {} on, {reached}",
            millis(from_ms)
        ));
    }
    facts.push('.');
    if freeze.main {
        facts.push_str(" It is the main thread.");
    }
    if freeze.samples > 0 {
        let times = count(freeze.samples, "time");
        facts.push_str(&format!(" It was looked at {times} meanwhile."));
    }
    if let Some(percent) = freeze.cpu_percent {
        facts.push_str(&format!(" It had a processor for {percent} % of the time."));
    }
    page.gap().paragraph(Style::Plain, 0, &facts);
    if freeze.tree.is_empty() {
        page.gap().line(Style::Faint, "No stack was recorded.");
    } else {
        page.gap().line(
            Style::Strong,
            "What the thread was in, outermost function first, with its share of the time",
        );
        let mut placed = Vec::new();
        for node in &freeze.tree {
            place(&mut placed, node, 0, full);
        }
        rows::put(page, &placed);
    }
    if let Some(holder) = &freeze.holder {
        threads::put(page, holder, "held the lock", full);
    }
    show::put_modules(
        page,
        &freeze.modules.iter().collect::<Vec<_>>(),
        0,
        freeze.lacks_names,
    );
}

/// A node's functions stand below each other; what came after them is indented.
fn place(placed: &mut Vec<Placed>, node: &Node, depth: usize, full: bool) {
    let all: Vec<Row> = node.path.iter().map(|step| step.row.clone()).collect();
    let shown = if full { all } else { fold(all) };
    for (index, row) in shown.into_iter().enumerate() {
        let share = if index == 0 {
            format!("{:.0} %", node.percent)
        } else {
            String::new()
        };
        let lead = format!("{share:>5}  {}", "  ".repeat(depth));
        placed.push(Placed { lead, row });
    }
    for child in &node.children {
        place(placed, child, depth + 1, full);
    }
}
