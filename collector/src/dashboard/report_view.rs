//! One crash or freeze report for people.

use super::chart::Tree;
use super::format;
use super::labels::Label;
use super::stack::{self, StackView};
use super::words::{Lang, fill};
use crate::forge::Forge;
use crate::naming::{NamedFrame, name_stack};
use crate::store::IssueRow;
use candor_protocol::deidentify::ThreadName;
use candor_protocol::report::{
    Activity, Cause, Crash, Crumb, CrumbValue, Device, Fault, Freeze, Holder, Level, Module,
    Report, Stack, Thread, What,
};
use candor_symbols::Symbols;
use std::fmt::Write;

/// A name and a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) value: String,
}

/// A piece of a text: what somebody wrote, or what stands where something was taken out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) placeholder: bool,
}

/// A crash for people.
#[derive(Debug)]
pub(crate) struct CrashView {
    /// What happened, in a sentence.
    pub(crate) sentence: String,
    /// The message of a panic.
    pub(crate) message: Vec<Piece>,
    pub(crate) thread: String,
    pub(crate) stack: StackView,
    pub(crate) others: Vec<ThreadView>,
    pub(crate) facts: Vec<Fact>,
    /// Latest first.
    pub(crate) crumbs: Vec<CrumbView>,
    /// What could not be read.
    pub(crate) notes: Vec<&'static str>,
    /// There are frames, and none has a name.
    pub(crate) unnamed: bool,
}

/// A breadcrumb for people.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CrumbView {
    /// How long before.
    pub(crate) before: String,
    pub(crate) name: String,
    /// Names and values.
    pub(crate) values: Vec<(String, String)>,
}

impl CrumbView {
    fn new(crumb: &Crumb) -> Self {
        let values = crumb.values.iter().map(|value| match value {
            CrumbValue::Number { name, is } => (name.to_string(), is.to_string()),
            CrumbValue::Word { name, is } => (name.to_string(), is.to_string()),
        });
        Self {
            before: format::millis(crumb.before_ms),
            name: crumb.name.to_string(),
            values: values.collect(),
        }
    }
}

impl std::fmt::Display for CrumbView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name)?;
        self.values
            .iter()
            .try_for_each(|(name, value)| write!(f, "  {name} {value}"))
    }
}

/// A thread for people.
#[derive(Debug)]
pub(crate) struct ThreadView {
    pub(crate) name: String,
    /// The function that it is best known by.
    pub(crate) top: String,
    pub(crate) stack: StackView,
}

/// A freeze for people.
#[derive(Debug)]
pub(crate) struct FreezeView {
    /// What happened, in a sentence.
    pub(crate) sentence: String,
    pub(crate) facts: Vec<Fact>,
    /// The stacks that were seen, longest first, each with for how long.
    pub(crate) stacks: Vec<(String, StackView)>,
    /// The thread that held the lock that was waited for, where it could be looked at.
    pub(crate) holder: Option<(String, StackView)>,
    /// There are frames, and none has a name.
    pub(crate) unnamed: bool,
}

impl CrashView {
    /// The view of a crash; `culprit` is what its issue blames, if anything.
    pub(crate) fn new(
        symbols: &Symbols,
        report: &Report,
        crash: &Crash,
        culprit: &str,
        lang: Lang,
    ) -> Self {
        let w = lang.words();
        let named = |stack: &Stack| name_stack(symbols, stack, &crash.modules);
        let frames = named(&crash.thread.stack);
        let place = match culprit {
            "" => {
                stack::blamed(&frames).map_or_else(|| w.unknown_place.to_owned(), |line| line.name)
            }
            culprit => culprit.to_owned(),
        };
        let mut facts = vec![Fact {
            name: w.end,
            value: if crash.fatal { w.fatal } else { w.survived }.to_owned(),
        }];
        let mut fact = |name, value: String| facts.push(Fact { name, value });
        let (sentence, message) = match &crash.cause {
            Cause::Panic {
                message,
                at,
                signal,
            } => {
                if let Some(at) = at {
                    fact(w.raised_at, format!("{}:{}", at.file, at.line));
                }
                if let Some(signal) = signal {
                    fact(w.signal, signal.to_string());
                }
                let pattern = if crash.fatal {
                    w.panic_sentence
                } else {
                    w.caught_sentence
                };
                (fill(pattern, &[&place]), pieces(message.as_str()))
            }
            Cause::Signal {
                signal,
                origin,
                fault,
                code,
            } => {
                fact(w.signal, format!("{signal} ({})", signal.label(lang)));
                if let Some(code) = code {
                    let name = signal.code_name(*code);
                    fact(w.code, name.map_or(code.to_string(), str::to_owned));
                }
                fact(w.fault, fault.label(lang).to_owned());
                fact(w.sent_by, origin.label(lang).to_owned());
                let what = match fault {
                    Fault::None | Fault::Other => signal.label(lang),
                    fault => fault.label(lang),
                };
                (
                    fill(w.signal_sentence, &[signal, &what, &place]),
                    Vec::new(),
                )
            }
        };
        fact(w.uptime, format::millis(crash.uptime_ms));
        let around = &crash.around;
        if let Some(foreground) = around.foreground {
            let place = if foreground {
                w.foreground
            } else {
                w.background
            };
            fact(w.visible, place.to_owned());
        }
        if let Some(memory) = around.memory {
            fact(w.memory, memory.label(lang).to_owned());
        }
        if let Some(mib) = around.resident_mib {
            fact(
                w.resident,
                fill(w.about_mib, &[&mib, &(u64::from(mib) * 2)]),
            );
        }
        if let Some(open_files) = around.open_files {
            fact(w.open_files, open_files.label(lang).to_owned());
        }
        facts.extend(circumstances(report, lang));
        Self {
            sentence,
            message,
            thread: thread_name(&crash.thread, lang),
            stack: StackView::new(&crash.thread.stack, &frames, lang),
            others: crash
                .others
                .iter()
                .map(|thread| {
                    let frames = named(&thread.stack);
                    ThreadView {
                        name: thread_name(thread, lang),
                        top: stack::blamed(&frames)
                            .map(|line| line.name)
                            .unwrap_or_default(),
                        stack: StackView::new(&thread.stack, &frames, lang),
                    }
                })
                .collect(),
            facts,
            crumbs: crash.crumbs.iter().rev().map(CrumbView::new).collect(),
            notes: crash.notes.iter().map(|note| note.label(lang)).collect(),
            unnamed: unnamed(&frames),
        }
    }
}

impl CrashView {
    /// Leads from the app's own functions to their lines at its forge.
    pub(crate) fn lead_to(&mut self, forge: &Forge, release: &str) {
        let others = self.others.iter_mut().map(|thread| &mut thread.stack);
        for stack in std::iter::once(&mut self.stack).chain(others) {
            stack.lead_to(forge, release);
        }
    }
}

impl FreezeView {
    /// Leads from the app's own functions to their lines at its forge.
    pub(crate) fn lead_to(&mut self, forge: &Forge, release: &str) {
        for (_, stack) in self.stacks.iter_mut().chain(&mut self.holder) {
            stack.lead_to(forge, release);
        }
    }

    /// The view of a freeze.
    pub(crate) fn new(symbols: &Symbols, report: &Report, freeze: &Freeze, lang: Lang) -> Self {
        let w = lang.words();
        let took = format::millis(freeze.took_ms);
        let doing = match (freeze.wait, freeze.activity) {
            (Some(wait), _) => wait.label(lang).to_owned(),
            (None, Activity::Running) => w.computing.to_owned(),
            (None, activity) => activity.label(lang).to_owned(),
        };
        let sentence = match &freeze.turn {
            Some(turn) => fill(
                w.freeze_sentence_turn,
                &[&freeze.watch, &took, turn, &doing],
            ),
            None => fill(w.freeze_sentence, &[&freeze.watch, &took, &doing]),
        };
        let mut facts = vec![
            Fact {
                name: w.end,
                value: freeze.end.label(lang).to_owned(),
            },
            Fact {
                name: w.took,
                value: took,
            },
            Fact {
                name: w.threshold,
                value: format::millis(freeze.threshold_ms),
            },
            Fact {
                name: w.level,
                value: match (freeze.level(), freeze.not_responding_ms) {
                    (Level::NotResponding, Some(from)) => {
                        fill(w.not_responding, &[&format::millis(from)])
                    }
                    _ => w.hang.to_owned(),
                },
            },
            Fact {
                name: w.watch,
                value: freeze.watch.to_string(),
            },
        ];
        facts.extend(freeze.turn.as_ref().map(|turn| Fact {
            name: w.turn,
            value: turn.to_string(),
        }));
        facts.push(Fact {
            name: w.activity,
            value: doing,
        });
        facts.push(Fact {
            name: w.thread,
            value: if freeze.main {
                w.main_thread
            } else {
                w.other_thread
            }
            .to_owned(),
        });
        facts.extend(freeze.cpu_percent.map(|percent| Fact {
            name: w.processor_share,
            value: fill(w.percent_of_time, &[&percent]),
        }));
        let held_by = |holder: &Holder| named_thread(holder.name.as_ref(), holder.main, lang);
        facts.extend(freeze.holder.as_ref().map(|holder| Fact {
            name: w.holder,
            value: held_by(holder),
        }));
        facts.extend(circumstances(report, lang));
        let holder = freeze.holder.as_ref().and_then(|holder| {
            let stack = holder.stack.as_ref()?;
            let frames = name_stack(symbols, stack, &freeze.modules);
            let label = fill(w.holder_stack, &[&held_by(holder)]);
            Some((label, StackView::new(stack, &frames, lang)))
        });
        let mut seen: Vec<_> = freeze.stacks.iter().collect();
        seen.sort_by_key(|seen| std::cmp::Reverse(seen.weight()));
        let all: u64 = seen.iter().map(|seen| seen.weight()).sum();
        let mut all_unnamed = true;
        let stacks = seen
            .into_iter()
            .map(|seen| {
                let frames = name_stack(symbols, &seen.stack, &freeze.modules);
                all_unnamed &= unnamed(&frames);
                let share = format::share(seen.weight(), all);
                let time = format::millis(seen.weight());
                let label = fill(w.samples_of, &[&time, &share, &seen.count]);
                (label, StackView::new(&seen.stack, &frames, lang))
            })
            .collect::<Vec<_>>();
        Self {
            sentence,
            facts,
            unnamed: all_unnamed && !stacks.is_empty(),
            stacks,
            holder,
        }
    }
}

/// What every report tells of its circumstances.
fn circumstances(report: &Report, lang: Lang) -> Vec<Fact> {
    let w = lang.words();
    vec![
        Fact {
            name: w.release,
            value: report.release.to_string(),
        },
        Fact {
            name: w.device,
            value: device(&report.device, lang),
        },
        Fact {
            name: w.report,
            value: report.id.to_string(),
        },
    ]
}

fn unnamed(frames: &[NamedFrame]) -> bool {
    !frames.is_empty() && frames.iter().all(|frame| frame.names.is_empty())
}

fn thread_name(thread: &Thread, lang: Lang) -> String {
    named_thread(thread.name.as_ref(), thread.main, lang)
}

fn named_thread(name: Option<&ThreadName>, main: bool, lang: Lang) -> String {
    let w = lang.words();
    match (name, main) {
        (Some(name), true) => format!("{name} ({})", w.main_thread),
        (Some(name), false) => name.to_string(),
        (None, true) => w.main_thread.to_owned(),
        (None, false) => w.unnamed_thread.to_owned(),
    }
}

/// `linux 6.1 · x86_64 · 8 cores · 16 GiB`.
pub(crate) fn device(device: &Device, lang: Lang) -> String {
    let cores = |cores| fill(lang.words().cores, &[&cores]);
    let mut parts = vec![match &device.os_version {
        Some(version) => format!("{} {}", device.os, version.as_str()),
        None => device.os.to_string(),
    }];
    parts.push(device.arch.to_string());
    parts.extend(device.cores.map(cores));
    parts.extend(device.memory_gib.map(|gib| format!("{gib} GiB")));
    parts.join(" · ")
}

/// What tells the reports of an issue apart: how long the app had run, or how long it froze.
pub(crate) fn detail(what: &What, lang: Lang) -> String {
    let w = lang.words();
    match what {
        What::Crash(crash) => fill(w.after, &[&format::millis(crash.uptime_ms)]),
        What::Freeze(freeze) => format!(
            "{} · {}",
            format::millis(freeze.took_ms),
            freeze.end.label(lang)
        ),
        _ => String::new(),
    }
}

/// The samples of all freezes among `reports`, merged, and of how many reports they are.
pub(crate) fn merged(symbols: &Symbols, reports: &[Report]) -> (Tree, usize) {
    let mut tree = Tree::default();
    let mut merged = 0;
    for report in reports {
        if let What::Freeze(freeze) = &report.what {
            merged += 1;
            for seen in freeze
                .stacks
                .iter()
                .filter(|seen| !seen.stack.frames.is_empty())
            {
                let frames = name_stack(symbols, &seen.stack, &freeze.modules);
                stack::merge(&mut tree, &frames, seen.weight());
            }
        }
    }
    (tree, merged)
}

/// Splits a text at what was taken out of it: `‹phone›` and the like.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let mut push = |text: &str, placeholder| {
        if !text.is_empty() {
            pieces.push(Piece {
                text: text.to_owned(),
                placeholder,
            });
        }
    };
    let mut rest = text;
    while let Some(open) = rest.find('‹') {
        let Some(close) = rest[open..]
            .find('›')
            .map(|close| open + close + '›'.len_utf8())
        else {
            break;
        };
        push(&rest[..open], false);
        push(&rest[open..close], true);
        rest = &rest[close..];
    }
    push(rest, false);
    pieces
}

/// A report as text, to be pasted elsewhere.
pub(crate) fn text(symbols: &Symbols, issue: &IssueRow, report: &Report) -> String {
    let mut out = format!(
        "{}\n{} · {} · {}\n",
        issue.title,
        report.at,
        report.release,
        device(&report.device, Lang::En)
    );
    let section = |out: &mut String, heading: &str, stack: &Stack, modules: &[Module]| {
        let _ = write!(
            out,
            "\n{heading}\n{}",
            stack::text(stack, &name_stack(symbols, stack, modules))
        );
    };
    match &report.what {
        What::Crash(crash) => {
            let view = CrashView::new(symbols, report, crash, &issue.culprit, Lang::En);
            let message: String = view
                .message
                .iter()
                .map(|piece| piece.text.as_str())
                .collect();
            let heading = format!("{} {message}\nthread: {}", view.sentence, view.thread);
            section(&mut out, &heading, &crash.thread.stack, &crash.modules);
            if !view.crumbs.is_empty() {
                out.push_str("\nbreadcrumbs, latest first\n");
            }
            for crumb in &view.crumbs {
                let _ = writeln!(out, "{:>10} before  {crumb}", crumb.before);
            }
            for thread in &crash.others {
                let heading = format!("thread: {}", thread_name(thread, Lang::En));
                section(&mut out, &heading, &thread.stack, &crash.modules);
            }
        }
        What::Freeze(freeze) => {
            let view = FreezeView::new(symbols, report, freeze, Lang::En);
            section(&mut out, &view.sentence, &Stack::default(), &[]);
            for seen in &freeze.stacks {
                let heading = format!("for {}", format::millis(seen.weight()));
                section(&mut out, &heading, &seen.stack, &freeze.modules);
            }
            let holder = freeze.holder.as_ref();
            if let (Some((heading, _)), Some(stack)) = (
                &view.holder,
                holder.and_then(|holder| holder.stack.as_ref()),
            ) {
                section(&mut out, heading, stack, &freeze.modules);
            }
        }
        _ => {}
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use candor_protocol::report::{Arch, Os};

    fn read(text: &str) -> Vec<(String, bool)> {
        pieces(text)
            .into_iter()
            .map(|piece| (piece.text, piece.placeholder))
            .collect()
    }

    #[test]
    fn what_was_taken_out_of_a_message_is_told_apart() {
        assert_eq!(
            read("no user ‹phone› in ‹group›"),
            [
                ("no user ".to_owned(), false),
                ("‹phone›".to_owned(), true),
                (" in ".to_owned(), false),
                ("‹group›".to_owned(), true)
            ]
        );
        assert_eq!(read("a ‹ b"), [("a ‹ b".to_owned(), false)]);
        assert_eq!(read("› ‹"), [("› ‹".to_owned(), false)]);
        assert!(read("").is_empty());
    }

    #[test]
    fn a_device_is_told_as_far_as_it_is_known() {
        let known = Device::coarse(Os::Linux, Some("6.1.0-18"), Arch::X86_64, 12, 16 << 30);
        assert_eq!(
            device(&known, Lang::En),
            "linux 6.1 · x86_64 · 8 cores · 16 GiB"
        );
        let unknown = Device::coarse(Os::Other, None, Arch::Other, 0, 0);
        assert_eq!(
            device(&known, Lang::Zh),
            "linux 6.1 · x86_64 · 8 核 · 16 GiB"
        );
        assert_eq!(device(&unknown, Lang::En), "other · other");
    }

    #[test]
    fn a_breadcrumb_tells_when_what_and_how_much() {
        let name = candor_protocol::deidentify::Name::declare;
        let crumb = CrumbView::new(&Crumb {
            name: name("message_sent"),
            before_ms: 1_500,
            values: vec![
                CrumbValue::Number {
                    name: name("bytes"),
                    is: candor_protocol::deidentify::Amount::round(1_234),
                },
                CrumbValue::Word {
                    name: name("screen"),
                    is: name("chat"),
                },
            ],
        });
        assert_eq!(crumb.before, "1.5 s");
        assert_eq!(crumb.to_string(), "message_sent  bytes 1230  screen chat");
    }
}
