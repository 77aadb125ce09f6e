//! Rows of a stack.

use super::page::{Page, Style, width};
use crate::view::amount::count;
use crate::view::rows::{One, Row};
use candor_symbols::Owner;

/// Longer labels do not push the sources of the others to the right.
const WIDEST: usize = 64;

/// Puts rows on the page, each behind what `lead` says of its index.
pub(crate) fn put(page: &mut Page, rows: &[Row], lead: impl Fn(usize) -> String) {
    let widest = rows
        .iter()
        .filter_map(|row| match row {
            Row::One(one) => Some(width(&one.label)).filter(|&width| width <= WIDEST),
            Row::Folded { .. } | Row::Gap(_) => None,
        })
        .max()
        .unwrap_or_default();
    for (index, row) in rows.iter().enumerate() {
        page.put(Style::Plain, &lead(index));
        match row {
            Row::One(one) => put_one(page, one, widest),
            Row::Folded { count, panic } => {
                let what = if *panic {
                    "raised the panic"
                } else {
                    "belong to the runtime or the system"
                };
                page.line(
                    Style::Faint,
                    &format!("    . {count} functions that {what}"),
                );
            }
            Row::Gap(left_out) => {
                let frames = count((*left_out).into(), "frame");
                page.line(
                    Style::Notice,
                    &format!("    . {frames} not recorded: the stack is too deep"),
                );
            }
        }
    }
}

fn put_one(page: &mut Page, one: &One, widest: usize) {
    let style = match one.owner {
        _ if one.blamed => Style::Bad,
        Owner::App => Style::Strong,
        Owner::Library => Style::Plain,
        Owner::Runtime | Owner::System => Style::Faint,
    };
    page.put(style, if one.blamed { "> " } else { "  " });
    let number = one
        .number
        .map_or(String::new(), |number| number.to_string());
    page.put(Style::Faint, &format!("{number:>3}  "));
    page.put(style, &one.label);
    let mut remarks: Vec<&str> = Vec::new();
    if one.owner != Owner::App {
        remarks.push(one.owner.as_str());
    }
    if one.inlined {
        remarks.push("inlined");
    }
    if one.guess {
        remarks.push("a guess");
    }
    if one.source.is_some() || !remarks.is_empty() {
        let blank = widest.saturating_sub(width(&one.label)) + 2;
        page.put(Style::Plain, &" ".repeat(blank));
    }
    if let Some(source) = &one.source {
        page.put(if one.blamed { Style::Bad } else { Style::Plain }, source);
    }
    if !remarks.is_empty() {
        let space = if one.source.is_some() { "  " } else { "" };
        page.put(Style::Faint, &format!("{space}({})", remarks.join(", ")));
    }
    page.end();
}
