//! `candor show --explain`: what would be sent, and what is kept back.

use super::page::{Page, Style, width};
use super::show;
use crate::view::Shown;
use crate::view::amount::{bytes, count};
use crate::view::explain::{Explained, NO_UNIT, Told, in_words};

/// Values of one field that are shown, where not all are asked for.
const VALUES: usize = 6;

pub(crate) fn render(shown: &Shown, explained: &Explained, full: bool, colour: bool) -> String {
    let mut page = Page::new(colour);
    show::put_head(&mut page, shown);
    page.gap().paragraph(
        Style::Plain,
        0,
        &format!(
            "This is all that would be sent of it: {} of the catalogue (version {}) in one line of {}, which --as-sent \
             prints.",
            count(explained.fields.len() as u64, "field"),
            explained.catalogue,
            bytes(explained.line_bytes as u64)
        ),
    );
    page.gap().line(Style::Strong, "Fields");
    for field in &explained.fields {
        put_field(&mut page, field, full);
    }
    for path in &explained.undeclared {
        page.line(Style::Bad, &format!("  {path}  is not in the catalogue"));
    }
    if !explained.absent.is_empty() {
        let absent = if full {
            format!("Not in this report: {}.", explained.absent.join(", "))
        } else {
            let fields = count(explained.absent.len() as u64, "field");
            format!(
                "{fields} that a report of this kind may have {} not in this one (--full names them).",
                if explained.absent.len() == 1 {
                    "is"
                } else {
                    "are"
                }
            )
        };
        page.gap().paragraph(Style::Faint, 2, &absent);
    }
    put_removed(&mut page, explained);
    put_coarsened(&mut page, explained);
    put_kept_back(&mut page, explained);
    page.finish()
}

fn put_field(page: &mut Page, field: &Told, full: bool) {
    let indent = field.path.len() + 4;
    let all = runs(field);
    let shown = if full { all.len() } else { VALUES };
    let mut values = all
        .iter()
        .take(shown)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if all.len() > shown {
        values.push_str(&format!(", and {} more (--full)", all.len() - shown));
    }
    page.put(Style::Strong, &format!("  {}", field.path));
    if indent + width(&values) <= 100 {
        page.put(Style::Plain, "  ").line(Style::Plain, &values);
    } else {
        page.end().paragraph(Style::Plain, 6, &values);
    }
    let unit = match field.unit {
        NO_UNIT => String::new(),
        unit => format!(" ({unit})"),
    };
    let extra = field
        .extra
        .map_or(String::new(), |extra| format!(" Optional ({extra})."));
    page.paragraph(
        Style::Faint,
        6,
        &format!(
            "{}{unit}. Why: {}. Rule: {}.{extra}",
            field.meaning, field.purpose, field.rule
        ),
    );
}

/// The values, equal ones that follow each other once: `cfi x 12`.
fn runs(field: &Told) -> Vec<String> {
    field
        .values
        .chunk_by(|a, b| a == b)
        .map(|run| {
            let value = in_words(field.path, &run[0]);
            match run.len() {
                1 => value,
                length => format!("{value} x {length}"),
            }
        })
        .collect()
}

fn put_removed(page: &mut Page, explained: &Explained) {
    page.gap().line(Style::Strong, "Removed from its texts");
    if explained.removed.is_empty() {
        page.line(
            Style::Faint,
            "  nothing: no placeholder stands in any of them",
        );
    }
    for removed in &explained.removed {
        page.put(Style::Notice, &format!("  {}", removed.placeholder));
        page.line(
            Style::Plain,
            &format!("  {} x {}", removed.count, in_a_row(removed.meaning)),
        );
        page.paragraph(
            Style::Faint,
            6,
            &format!("Out of {}. Rule: {}.", removed.path, removed.rule),
        );
    }
}

/// A sentence as it stands behind other words.
fn in_a_row(sentence: &str) -> String {
    let mut rest = sentence.trim_end_matches('.').chars();
    rest.next().map_or(String::new(), |first| {
        first.to_lowercase().chain(rest).collect()
    })
}

fn put_coarsened(page: &mut Page, explained: &Explained) {
    if explained.coarsened.is_empty() {
        return;
    }
    page.gap().line(Style::Strong, "Made coarser, or cut");
    for coarsened in &explained.coarsened {
        let effect = coarsened
            .effect
            .as_ref()
            .map_or(String::new(), |effect| format!(": {effect}"));
        page.paragraph(Style::Plain, 2, &format!("{}{effect}", coarsened.rule));
        page.paragraph(Style::Faint, 6, &coarsened.paths.join(", "));
    }
}

fn put_kept_back(page: &mut Page, explained: &Explained) {
    let Some(kept_back) = &explained.kept_back else {
        return;
    };
    page.gap()
        .line(Style::Strong, "In the dump on this device, and not sent");
    for kept in kept_back {
        page.put(Style::Faint, &format!("  {}", kept.what));
        if width(kept.what) + 4 + width(&kept.value) <= 100 {
            page.put(Style::Plain, "  ").line(Style::Plain, &kept.value);
        } else {
            page.end().paragraph(Style::Plain, 6, &kept.value);
        }
    }
    page.gap().paragraph(
        Style::Faint,
        0,
        "A dump never holds memory, registers, the environment, a command line or an address that is not relative to a file \
         of code. It is removed when its reports have been made, at the app's next start.",
    );
}
