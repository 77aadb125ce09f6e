//! Stacks as rows: what is shown, and what is folded into a count.

use super::amount::count;
use super::stack::{Frame, Function, Stack};
use candor_protocol::report::{Found, StackEnd};
use candor_symbols::{Owner, clean};

/// A row of a stack.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Row {
    /// A function, or an address without a name.
    One(One),
    /// Functions that say little, in words: how many, and whose.
    Folded(String),
    /// The rows just above once more, and again: recursion.
    Repeated {
        /// How many of them.
        rows: usize,
        /// How often they follow once more.
        times: usize,
    },
    /// Frames that were not recorded.
    Gap(u32),
    /// The stack ends here, and not because its thread began here.
    End(StackEnd),
}

/// A function, or an address without a name.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct One {
    /// Number of the frame, counted from the innermost; missing for functions that were inlined into the one that follows.
    pub(crate) number: Option<usize>,
    pub(crate) label: String,
    /// File and line.
    pub(crate) source: Option<String>,
    pub(crate) owner: Owner,
    pub(crate) inlined: bool,
    /// How the frame was found.
    pub(crate) found: Found,
    pub(crate) blamed: bool,
    /// Belongs to what raised a panic.
    raises_panic: bool,
    /// Led to the blamed frame.
    outer: bool,
    /// Is shown in any case.
    kept: bool,
}

/// Why a row may be folded. Rows that follow each other are folded together when it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fold {
    RaisedPanic,
    NotOwn,
}

impl One {
    /// The functions of a frame, innermost first, or its address.
    pub(crate) fn of_frame(frame: &Frame) -> Vec<Self> {
        let one = |function: Option<&Function>| Self {
            number: None,
            label: function.map_or_else(|| frame.address(), Function::label),
            source: function.and_then(Function::source),
            owner: function.map_or(frame.owner, |function| frame.owner_of(function)),
            inlined: function.is_some_and(|function| function.inlined),
            found: frame.found,
            blamed: false,
            raises_panic: frame.raises_panic,
            outer: frame.outer,
            kept: false,
        };
        let mut ones: Vec<Self> = frame
            .functions
            .iter()
            .map(|function| one(Some(function)))
            .collect();
        if ones.is_empty() {
            ones.push(one(None));
        }
        if let Some(called) = ones.last_mut() {
            called.blamed = frame.blamed;
        }
        ones
    }

    /// The runtime's and the system's functions say little. A library's say where in it something happened, unless they
    /// only led to the own function that is to blame.
    fn fold(&self) -> Option<Fold> {
        let not_own = match self.owner {
            Owner::Runtime | Owner::System => true,
            Owner::Library => self.outer,
            Owner::App => false,
        };
        match () {
            () if self.kept || self.blamed => None,
            () if self.raises_panic => Some(Fold::RaisedPanic),
            () => not_own.then_some(Fold::NotOwn),
        }
    }

    /// Whose code it is, by name.
    fn whose(&self) -> String {
        match self.owner {
            Owner::Runtime => "the runtime".to_owned(),
            Owner::System => "the system".to_owned(),
            Owner::App | Owner::Library => self.library().unwrap_or("libraries".to_owned()),
        }
    }

    /// The library, by the path of the function or of its source, such as `tokio-1.54.1/src/task.rs`.
    fn library(&self) -> Option<String> {
        if let Some((root, _)) = clean(&self.label).split_once("::") {
            return Some(root.to_owned());
        }
        let (directory, _) = self.source.as_ref()?.split_once('/')?;
        let (name, version) = directory.rsplit_once('-')?;
        version
            .starts_with(|first: char| first.is_ascii_digit())
            .then(|| name.to_owned())
    }
}

/// The rows of a stack, innermost first. `full` folds nothing.
pub(crate) fn rows(stack: &Stack, full: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, frame) in stack.frames.iter().enumerate() {
        if stack.gap() == Some(number) {
            rows.push(Row::Gap(stack.left_out));
        }
        let mut ones = One::of_frame(frame);
        if let Some(called) = ones.last_mut() {
            called.number = Some(number);
            // Where a signal struck is told, even inside the system: `memcpy` says more than its caller.
            called.kept = number == 0
                && frame.found == Found::Context
                && frame.owner == Owner::System
                && !frame.raises_panic;
        }
        rows.extend(ones.into_iter().map(Row::One));
    }
    if stack.gap() == Some(stack.frames.len()) {
        rows.push(Row::Gap(stack.left_out));
    }
    if let Some(end) = stack.end.filter(|_| !stack.frames.is_empty()) {
        rows.push(Row::End(end));
    }
    if full { rows } else { fold(rows) }
}

/// Folds two and more rows that follow each other for the same reason, unless there is nothing else, and recursion.
pub(crate) fn fold(rows: Vec<Row>) -> Vec<Row> {
    let reason = |row: &Row| match row {
        Row::One(one) => one.fold(),
        Row::Folded(_) | Row::Repeated { .. } | Row::Gap(_) | Row::End(_) => None,
    };
    let says_nothing = |row: &Row| match row {
        Row::One(_) => reason(row).is_some(),
        _ => true,
    };
    if rows.iter().all(says_nothing) {
        return fold_recursion(rows);
    }
    let folded = rows
        .chunk_by(|a, b| reason(a).is_some() && reason(a) == reason(b))
        .flat_map(|group| match reason(&group[0]) {
            Some(reason) if group.len() > 1 => vec![Row::Folded(in_words(group, reason))],
            _ => group.to_vec(),
        })
        .collect();
    fold_recursion(folded)
}

/// Rows of one round of a recursion that is recognised.
const LONGEST_ROUND: usize = 16;

/// Rounds from which on a recursion is folded.
const FEWEST_ROUNDS: usize = 3;

/// Leaves the first of the rounds of a recursion, and says how often it follows once more.
fn fold_recursion(rows: Vec<Row>) -> Vec<Row> {
    let mut folded = Vec::with_capacity(rows.len());
    let mut at = 0;
    while at < rows.len() {
        let round = (1..=LONGEST_ROUND)
            .map(|length| (length, rounds(&rows[at..], length)))
            .find(|&(_, rounds)| rounds >= FEWEST_ROUNDS);
        let Some((length, rounds)) = round else {
            folded.push(rows[at].clone());
            at += 1;
            continue;
        };
        folded.extend_from_slice(&rows[at..at + length]);
        folded.push(Row::Repeated {
            rows: length,
            times: rounds - 1,
        });
        at += length * rounds;
    }
    folded
}

/// How often the first `length` rows follow each other.
fn rounds(rows: &[Row], length: usize) -> usize {
    let Some(first) = rows.get(..length) else {
        return 0;
    };
    let again = |round: &&[Row]| first.iter().zip(*round).all(|(a, b)| a.recurs(b));
    rows.chunks_exact(length)
        .enumerate()
        .take_while(|(index, round)| *index == 0 || again(round))
        .count()
}

impl Row {
    /// Whether `later` is the same function once more. Lines do not count: what calls itself may do so in several.
    fn recurs(&self, later: &Self) -> bool {
        match (self, later) {
            (Self::One(one), Self::One(later)) => {
                one.label == later.label && one.inlined == later.inlined && !later.blamed
            }
            (Self::Folded(words), Self::Folded(later)) => words == later,
            _ => false,
        }
    }
}

fn in_words(group: &[Row], reason: Fold) -> String {
    let functions = count(group.len() as u64, "function");
    if reason == Fold::RaisedPanic {
        return format!("{functions} that raised the panic");
    }
    let mut whose: Vec<(Owner, String)> = group
        .iter()
        .filter_map(|row| match row {
            Row::One(one) => Some((one.owner, one.whose())),
            _ => None,
        })
        .collect();
    whose.sort();
    whose.dedup();
    let mut names: Vec<String> = whose.into_iter().map(|(_, name)| name).collect();
    let last = names.pop().unwrap_or_default();
    if names.is_empty() {
        format!("{functions} of {last}")
    } else {
        format!("{functions} of {} and {last}", names.join(", "))
    }
}
