//! A stack for people: own frames open, runs of other frames folded, functions that were inlined marked.

use super::chart::{Step, Tree};
use super::labels::Label;
use super::words::{Lang, fill};
use crate::forge::Forge;
use crate::naming::NamedFrame;
use candor_protocol::report::{Found, Stack};
use candor_symbols::{Owner, clean};
use std::fmt::Write;

/// A stack, ready to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StackView {
    /// Innermost first.
    pub(crate) parts: Vec<Part>,
}

/// A part of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// A function.
    Line(Line),
    /// Functions that are not the app's, in a row.
    Folded {
        /// What they are.
        label: String,
        /// The functions.
        lines: Vec<Line>,
    },
    /// What is missing here: frames that were left out of a stack too deep to keep, or those beyond its end.
    Gap(String),
}

/// A function in a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// The number of its frame, from 0; functions that were inlined share it.
    pub(crate) number: usize,
    /// Its name, or where it is.
    pub(crate) name: String,
    /// Whether `name` is a function's.
    pub(crate) named: bool,
    /// Source file and line, or module and offset.
    pub(crate) place: String,
    /// The module.
    pub(crate) module: String,
    /// Whether it was inlined into the one below.
    pub(crate) inlined: bool,
    /// Whether it is the app's own.
    pub(crate) own: bool,
    /// Whose it is.
    pub(crate) owner: &'static str,
    /// How it was found, where that is a guess.
    pub(crate) guess: Option<&'static str>,
    /// Source file and line.
    pub(crate) at: Option<(String, u32)>,
    /// Where they are shown at the app's forge.
    pub(crate) href: Option<String>,
}

/// Frames that are shown open when none is the app's own.
const OPEN_WITHOUT_OWN: usize = 8;

impl StackView {
    /// The view of `stack`, whose frames were named.
    pub(crate) fn new(stack: &Stack, frames: &[NamedFrame], lang: Lang) -> Self {
        let lines: Vec<Line> = lines(frames, lang).collect();
        let gap = gap(stack);
        let any_own = lines.iter().any(|line| line.own);
        let circle = circle(&lines);
        let mut parts = Vec::new();
        let mut run: Vec<Line> = Vec::new();
        let mut lines = lines.into_iter().enumerate();
        while let Some((index, line)) = lines.next() {
            let first_of_frame = parts
                .last()
                .is_none_or(|part| !ends_with(part, line.number))
                && run
                    .last()
                    .is_none_or(|last: &Line| last.number != line.number);
            if first_of_frame && gap.is_some_and(|(at, _)| at == line.number) {
                fold(&mut parts, &mut run, lang);
                let left_out = gap.map_or(0, |(_, left_out)| left_out);
                parts.push(Part::Gap(fill(lang.words().frames_left_out, &[&left_out])));
            }
            if line.own || (!any_own && index < OPEN_WITHOUT_OWN) {
                fold(&mut parts, &mut run, lang);
                parts.push(Part::Line(line));
            } else {
                run.push(line);
            }
            if let Some(circle) = circle
                .as_ref()
                .filter(|circle| circle.start + circle.length == index + 1)
            {
                fold(&mut parts, &mut run, lang);
                let again: Vec<Line> = lines
                    .by_ref()
                    .take(circle.length * (circle.times - 1))
                    .map(|(_, line)| line)
                    .collect();
                let words = lang.words().frames_again;
                let label = fill(words, &[&again.len(), &circle.length, &(circle.times - 1)]);
                parts.push(Part::Folded {
                    label,
                    lines: again,
                });
            }
        }
        fold(&mut parts, &mut run, lang);
        if let Some(end) = stack.end.filter(|_| !stack.frames.is_empty()) {
            parts.push(Part::Gap(end.label(lang).to_owned()));
        }
        Self { parts }
    }

    /// Leads from the app's own functions to their lines at its forge.
    pub(crate) fn lead_to(&mut self, forge: &Forge, release: &str) {
        for part in &mut self.parts {
            let lines = match part {
                Part::Line(line) => std::slice::from_mut(line),
                Part::Folded { lines, .. } => lines.as_mut_slice(),
                Part::Gap(_) => continue,
            };
            for line in lines.iter_mut().filter(|line| line.own) {
                let at = line.at.as_ref();
                line.href = at.and_then(|(file, at)| forge.link(release, file, *at));
            }
        }
    }

    /// Whether there is nothing to show.
    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

/// Functions that call each other over and over, as before a stack overflows.
#[derive(Debug, PartialEq, Eq)]
struct Circle {
    start: usize,
    length: usize,
    times: usize,
}

/// Fewer rounds are read more easily than a fold.
const ROUNDS: usize = 3;
/// Functions of one round.
const LONGEST_ROUND: usize = 8;

/// The first circle of a stack that covers the most of it.
fn circle(lines: &[Line]) -> Option<Circle> {
    let same = |a: usize, b: usize| lines[a].name == lines[b].name && lines[a].own == lines[b].own;
    let rounds = |start: usize, length: usize| {
        let repeated = (start + length..lines.len())
            .take_while(|&at| same(at, at - length))
            .count();
        Circle {
            start,
            length,
            times: repeated / length + 1,
        }
    };
    (0..lines.len())
        .flat_map(|start| (1..=LONGEST_ROUND).map(move |length| (start, length)))
        .map(|(start, length)| rounds(start, length))
        .filter(|circle| circle.times >= ROUNDS)
        // The first of equals: the shortest round, as far in as possible.
        .reduce(|best, next| {
            if next.length * next.times > best.length * best.times {
                next
            } else {
                best
            }
        })
}

fn ends_with(part: &Part, number: usize) -> bool {
    match part {
        Part::Line(line) => line.number == number,
        Part::Folded { lines, .. } => lines.last().is_some_and(|line| line.number == number),
        Part::Gap(_) => false,
    }
}

/// Before which frame frames were left out, and how many.
fn gap(stack: &Stack) -> Option<(usize, u32)> {
    (stack.left_out > 0).then(|| {
        (
            stack.frames.len().saturating_sub(stack.outermost as usize),
            stack.left_out,
        )
    })
}

/// Closes a run of frames that are not the app's. A single one is not worth a fold: it takes the same line.
fn fold(parts: &mut Vec<Part>, run: &mut Vec<Line>, lang: Lang) {
    match run.len() {
        0 => {}
        1 => parts.extend(run.drain(..).map(Part::Line)),
        count => {
            let mut owners: Vec<&str> = Vec::new();
            for line in run.iter() {
                if !owners.contains(&line.owner) {
                    owners.push(line.owner);
                }
            }
            let label = fill(lang.words().frames_of, &[&count, &owners.join(", ")]);
            parts.push(Part::Folded {
                label,
                lines: std::mem::take(run),
            });
        }
    }
}

fn lines(frames: &[NamedFrame], lang: Lang) -> impl Iterator<Item = Line> {
    frames.iter().enumerate().flat_map(move |(number, frame)| {
        let module = frame
            .module
            .as_ref()
            .map(|module| module.as_str().to_owned());
        let module = module.unwrap_or_else(|| lang.words().no_module.to_owned());
        let guess = (frame.found == Found::Scan).then(|| Found::Scan.label(lang));
        let line = |name: String, named, place, inlined, owner: Owner, at| Line {
            number,
            name,
            named,
            place,
            module: module.clone(),
            inlined,
            own: owner == Owner::App,
            owner: owner.label(lang),
            guess,
            at,
            href: None,
        };
        let address = address(frame, &module);
        if frame.names.is_empty() {
            // Without a name a frame of the app's own module is still the app's.
            return vec![line(
                address,
                false,
                String::new(),
                false,
                frame.owner,
                None,
            )];
        }
        frame
            .names
            .iter()
            .map(|name| {
                let place = match (&name.file, name.line) {
                    (Some(file), Some(at)) => format!("{file}:{at}"),
                    (Some(file), None) => file.clone(),
                    _ => address.clone(),
                };
                // The module may say more about the function that was called than its name does.
                let owner = if name.inlined {
                    name.owner
                } else {
                    frame.owner
                };
                let at = name.file.clone().zip(name.line);
                line(name.function.clone(), true, place, name.inlined, owner, at)
            })
            .collect()
    })
}

fn address(frame: &NamedFrame, module: &str) -> String {
    if frame.module.is_none() && frame.build_id.is_none() {
        module.to_owned()
    } else {
        format!("{module} + {:#x}", frame.offset)
    }
}

/// The stack as text, to be pasted elsewhere.
pub(crate) fn text(stack: &Stack, frames: &[NamedFrame]) -> String {
    let mut out = String::new();
    let gap = gap(stack);
    let mut last = usize::MAX;
    for line in lines(frames, Lang::En) {
        if line.number != last && gap.is_some_and(|(at, _)| at == line.number) {
            let left_out = gap.map_or(0, |(_, left_out)| left_out);
            let _ = writeln!(out, "     ... {left_out} frames left out");
        }
        last = line.number;
        let inlined = if line.inlined { "  [inlined]" } else { "" };
        let place = if line.place.is_empty() {
            String::new()
        } else {
            format!("  at {}", line.place)
        };
        let module = if line.named {
            format!("  ({})", line.module)
        } else {
            String::new()
        };
        let _ = writeln!(
            out,
            "{:>4}  {}{place}{module}{inlined}",
            line.number, line.name
        );
    }
    if let Some(end) = stack.end.filter(|_| !stack.frames.is_empty()) {
        let _ = writeln!(out, "     ... {}", end.label(Lang::En));
    }
    out
}

/// Adds a stack to the merged ones.
pub(crate) fn merge(tree: &mut Tree, frames: &[NamedFrame], count: u64) {
    let unnamed = |frame: &NamedFrame| {
        let module = frame.module.as_ref().map_or("?", |module| module.as_str());
        Step {
            name: address(frame, module),
            own: frame.owner == Owner::App,
        }
    };
    let steps = frames.iter().rev().flat_map(|frame| {
        let mut steps: Vec<Step> = frame
            .names
            .iter()
            .rev()
            .map(|name| {
                let owner = if name.inlined {
                    name.owner
                } else {
                    frame.owner
                };
                Step {
                    name: clean(&name.function).to_string(),
                    own: owner == Owner::App,
                }
            })
            .collect();
        if steps.is_empty() {
            steps.push(unnamed(frame));
        }
        steps
    });
    tree.add(steps, count);
}

/// The innermost function of the app's own, or the innermost at all.
pub(crate) fn blamed(frames: &[NamedFrame]) -> Option<Line> {
    let all: Vec<Line> = lines(frames, Lang::En).collect();
    all.iter()
        .find(|line| line.own && line.named)
        .or_else(|| all.iter().find(|line| line.own))
        .or(all.first())
        .cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::deidentify::ModuleName;
    use candor_protocol::report::{Frame, Offset};
    use candor_symbols::{Name, owner};
    use std::sync::Arc;

    /// `im im::history::load src/history.rs:7`, `+` before a function that was inlined into the next.
    fn frames(described: &[&str]) -> Vec<NamedFrame> {
        let mut frames = Vec::new();
        let mut names = Vec::new();
        for line in described {
            let mut words = line.trim_start_matches('+').split(' ');
            let module = words.next().unwrap();
            let function = words.next();
            let place = words.next().and_then(|place| place.split_once(':'));
            let inlined = line.starts_with('+');
            if let Some(function) = function {
                names.push(Name {
                    function: function.to_owned(),
                    file: place.map(|(file, _)| file.to_owned()),
                    line: place.map(|(_, line)| line.parse().unwrap()),
                    inlined,
                    owner: owner(Some(module), Some(function)),
                });
            }
            if !inlined {
                frames.push(NamedFrame {
                    module: Some(ModuleName::scrub(module)),
                    build_id: None,
                    offset: 0x1f0,
                    found: Found::Cfi,
                    names: Arc::from(std::mem::take(&mut names)),
                    owner: owner(Some(module), function),
                });
            }
        }
        frames
    }

    fn stack(frames: usize) -> Stack {
        let frame = Frame {
            module: Some(0),
            offset: Offset(0x1f0),
            found: Found::Cfi,
        };
        Stack {
            frames: vec![frame; frames],
            ..Stack::default()
        }
    }

    fn crash() -> Vec<NamedFrame> {
        frames(&[
            "im std::panicking::begin_panic_handler",
            "im core::panicking::panic_fmt",
            "+im im::history::parse src/history.rs:41",
            "im im::history::load src/history.rs:12",
            "libc.so.6",
            "im im::main src/main.rs:3",
            "im std::rt::lang_start",
            "libc.so.6 __libc_start_main",
        ])
    }

    fn read(view: &StackView) -> Vec<String> {
        view.parts
            .iter()
            .map(|part| match part {
                Part::Line(line) => format!("{} {}", line.number, line.name),
                Part::Folded { label, .. } => label.clone(),
                Part::Gap(text) => text.clone(),
            })
            .collect()
    }

    #[test]
    fn own_frames_are_open_and_runs_of_others_folded() {
        let view = StackView::new(&stack(7), &crash(), Lang::En);
        assert_eq!(
            read(&view),
            [
                "2 frames: runtime",
                "2 im::history::parse",
                "2 im::history::load",
                "3 libc.so.6 + 0x1f0",
                "4 im::main",
                "2 frames: runtime, system",
            ]
        );
        assert!(
            matches!(&view.parts[1], Part::Line(line) if line.inlined && line.place == "src/history.rs:41")
        );
    }

    #[test]
    fn without_an_own_frame_the_innermost_are_open() {
        let described: Vec<String> = (0..10).map(|n| format!("libc.so.6 call_{n}")).collect();
        let frames = frames(&described.iter().map(String::as_str).collect::<Vec<_>>());
        let view = StackView::new(&stack(10), &frames, Lang::En);
        assert_eq!(read(&view).len(), 9);
        assert_eq!(read(&view)[0], "0 call_0");
        assert_eq!(read(&view)[8], "2 frames: system");
    }

    #[test]
    fn functions_that_call_each_other_over_and_over_are_shown_once() {
        let mut described = vec!["im im::alloc"];
        described.extend(["im im::parse", "im im::nested"].repeat(20));
        described.push("im im::start");
        let frames = frames(&described);
        let view = StackView::new(&stack(frames.len()), &frames, Lang::En);
        assert_eq!(
            read(&view),
            [
                "0 im::alloc",
                "1 im::parse",
                "2 im::nested",
                "38 frames: the 2 above, 19 times more",
                "41 im::start"
            ]
        );
        assert_eq!(circle(&[]), None);
    }

    #[test]
    fn a_gap_stands_where_frames_were_left_out() {
        let frames = frames(&["im im::a", "im im::b", "im im::c"]);
        let deep = Stack {
            left_out: 900,
            outermost: 1,
            ..stack(3)
        };
        let view = StackView::new(&deep, &frames, Lang::En);
        assert_eq!(
            read(&view),
            ["0 im::a", "1 im::b", "900 frames left out", "2 im::c"]
        );
        assert!(text(&deep, &frames).contains("... 900 frames left out\n   2  im::c"));
    }

    #[test]
    fn as_text_every_function_has_a_line() {
        let text = text(&stack(7), &crash());
        assert_eq!(text.lines().count(), 8);
        assert_eq!(
            text.lines().nth(2),
            Some("   2  im::history::parse  at src/history.rs:41  (im)  [inlined]")
        );
        assert_eq!(text.lines().nth(4), Some("   3  libc.so.6 + 0x1f0"));
    }

    #[test]
    fn the_blamed_function_is_the_innermost_own_one() {
        assert_eq!(
            blamed(&crash()).map(|line| line.name).as_deref(),
            Some("im::history::parse")
        );
        assert_eq!(blamed(&[]), None);
    }

    #[test]
    fn merged_stacks_hold_inlined_functions_outermost_first() {
        let mut tree = Tree::default();
        merge(&mut tree, &crash(), 2);
        merge(&mut tree, &crash(), 1);
        assert_eq!(tree.ms(), 3);
    }
}
