//! Rows of stacks and of call trees.

use super::page::{Page, Style, width};
use crate::view::amount::count;
use crate::view::phrase::stack_end;
use crate::view::rows::{One, Row};
use candor_protocol::report::Found;
use candor_symbols::Owner;

/// Longer labels do not push the sources of the others to the right.
const WIDEST: usize = 64;

/// A row, and what stands in front of it.
pub(crate) struct Placed {
    /// Such as the number of a frame, or a share of the samples and the depth in a tree.
    pub(crate) lead: String,
    pub(crate) row: Row,
}

/// Puts rows on the page; their sources stand below each other.
pub(crate) fn put(page: &mut Page, rows: &[Placed]) {
    let widest = rows
        .iter()
        .filter_map(|placed| match &placed.row {
            Row::One(one) => Some(width(&placed.lead) + width(&one.label)),
            _ => None,
        })
        .filter(|&width| width <= WIDEST)
        .max()
        .unwrap_or_default();
    for Placed { lead, row } in rows {
        match row {
            Row::One(one) => put_one(page, lead, one, widest),
            Row::Folded(what) => {
                page.line(Style::Faint, &format!("  {lead}. {what}"));
            }
            Row::Repeated { rows, times } => {
                let what = match rows {
                    1 => "the function above".to_owned(),
                    rows => format!("the {rows} functions above"),
                };
                let times = count(*times as u64, "more time");
                page.line(Style::Notice, &format!("  {lead}. {what}, {times}"));
            }
            Row::End(end) => {
                page.line(Style::Notice, &format!("  {lead}. {}", stack_end(*end)));
            }
            Row::Gap(left_out) => {
                let frames = count((*left_out).into(), "frame");
                let text = format!("  {lead}. {frames} not recorded: the stack is too deep");
                page.line(Style::Notice, &text);
            }
        }
    }
}

fn put_one(page: &mut Page, lead: &str, one: &One, widest: usize) {
    let style = match one.owner {
        _ if one.blamed => Style::Bad,
        Owner::App => Style::Strong,
        Owner::Library => Style::Plain,
        Owner::Runtime | Owner::System => Style::Faint,
    };
    page.put(style, if one.blamed { "> " } else { "  " });
    page.put(Style::Faint, lead).put(style, &one.label);
    let mut remarks: Vec<&str> = Vec::new();
    if one.owner != Owner::App {
        remarks.push(one.owner.as_str());
    }
    if one.inlined {
        remarks.push("inlined");
    }
    remarks.extend(match one.found {
        Found::Context | Found::Cfi => None,
        Found::Interrupted => Some("interrupted by a signal"),
        Found::FramePointer => Some("by frame pointer"),
        Found::Scan => Some("a guess"),
    });
    let blank = widest.saturating_sub(width(lead) + width(&one.label)) + 2;
    page.put(Style::Plain, &" ".repeat(blank));
    if let Some(source) = &one.source {
        let style = if one.blamed { Style::Bad } else { Style::Plain };
        page.put(style, source).put(Style::Plain, "  ");
    }
    if !remarks.is_empty() {
        page.put(Style::Faint, &format!("({})", remarks.join(", ")));
    }
    page.end();
}
