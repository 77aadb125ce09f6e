//! An issue as Markdown, for a ticket: in English, with what may be shown of its classes.

use super::report_view;
use super::words::Lang;
use super::{history, window};
use crate::grouping::Explanation;
use crate::privacy::groups::Merged;
use crate::store::{Breakdown, IssuePage};
use candor_protocol::report::Report;
use candor_symbols::Symbols;
use std::fmt::Write;

/// The issue, how it spreads, and the stacks of one report.
pub(crate) fn markdown(
    symbols: &Symbols,
    page: &IssuePage,
    spread: &[Merged<Breakdown>; 3],
    report: Option<&Report>,
) -> String {
    let row = &page.row;
    let mut out = format!(
        "# {}\n\n- issue `{}`, {}\n- {} reports of {} installs in {} runs (of {} runs in this range)\n- first seen {} in {}, last seen {} in {}\n",
        line(&row.title),
        row.id,
        history::state_text(Lang::En.words(), &row.state).trim_end_matches('.'),
        row.reports,
        row.installs,
        row.runs,
        page.runs_total,
        window::exact(row.first_seen),
        row.first_release,
        window::exact(row.last_seen),
        row.last_release,
    );
    out += &why(&page.why);
    let names = ["release", "system", "machine"];
    for (name, merged) in names.iter().zip(spread) {
        if merged.shown.is_empty() {
            continue;
        }
        // Writing into a string cannot fail.
        let _ = write!(
            out,
            "\n| {name} | reports | runs | of all runs |\n|---|---:|---:|---:|\n"
        );
        for class in &merged.shown {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} |",
                line(&class.label).replace('|', "\\|"),
                class.reports,
                class.runs,
                class.of
            );
        }
    }
    if let Some(report) = report {
        let text = report_view::text(symbols, row, report);
        // Longer than whatever stands in it.
        let fence = "`".repeat(longest_run(&text).max(2) + 1);
        let _ = write!(out, "\n{fence}text\n{}\n{fence}\n", text.trim_end());
    }
    out
}

/// By which rule its reports are one issue, and in what they agree.
fn why(why: &Explanation) -> String {
    let code = |all: &[String]| {
        let all: Vec<String> = all.iter().map(|one| format!("`{}`", plain(one))).collect();
        all.join(", ")
    };
    let mut out = format!("- grouped by `{}`", plain(&why.rule));
    if !why.by_file.is_empty() {
        out += &format!(
            ", with rules of the developer's file: {}",
            code(&why.by_file)
        );
    }
    out.push('\n');
    if !why.facts.is_empty() {
        let facts: Vec<String> = why.facts.iter().map(|fact| line(fact)).collect();
        out += &format!("- its reports agree in: {}\n", facts.join(", "));
    }
    if !why.frames.is_empty() {
        out += &format!("- and in these frames: {}\n", code(&why.frames));
    }
    out
}

/// Text that ends no code.
fn plain(text: &str) -> String {
    line(text).replace('`', "'")
}

fn line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_by_which_rules_and_why() {
        let explanation = Explanation {
            rule: "signal-own-frames-v1".to_owned(),
            facts: vec!["SIGSEGV".to_owned(), "null pointer".to_owned()],
            frames: vec!["im::load".to_owned(), "im::`a`\nb".to_owned()],
            by_file: vec!["vendored parser".to_owned()],
        };
        assert_eq!(
            why(&explanation),
            "- grouped by `signal-own-frames-v1`, with rules of the developer's file: `vendored parser`\n\
             - its reports agree in: SIGSEGV, null pointer\n\
             - and in these frames: `im::load`, `im::'a' b`\n"
        );
        let bare = Explanation {
            facts: Vec::new(),
            frames: Vec::new(),
            by_file: Vec::new(),
            ..explanation
        };
        assert_eq!(why(&bare), "- grouped by `signal-own-frames-v1`\n");
    }

    #[test]
    fn nothing_in_a_report_ends_its_fence() {
        assert_eq!(longest_run("a ```` b ` c"), 4);
        assert_eq!(longest_run("none"), 0);
    }
}
