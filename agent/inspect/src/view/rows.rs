//! Stacks as rows: what is shown, and what is folded into a count.

use super::stack::{Frame, Function, Stack};
use candor_protocol::report::Found;
use candor_symbols::Owner;

/// A row of a stack.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Row {
    /// A function, or an address without a name.
    One(One),
    /// Frames of the runtime or the system that say little.
    Folded {
        count: usize,
        /// Whether they raise a panic.
        panic: bool,
    },
    /// Frames that were not recorded.
    Gap(u32),
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
    /// Whether the frame was found by searching the stack.
    pub(crate) guess: bool,
    pub(crate) blamed: bool,
    /// Belongs to what raises a panic.
    raises_panic: bool,
    /// Must not be folded.
    kept: bool,
}

impl One {
    fn foldable(&self) -> bool {
        let of_others = matches!(self.owner, Owner::Runtime | Owner::System);
        (of_others || self.raises_panic) && !self.kept && !self.blamed
    }

    /// A function of a call tree.
    pub(crate) fn of_function(function: &Function, owner: Owner) -> Self {
        Self {
            number: None,
            label: function.label(),
            source: function.source(),
            owner,
            inlined: function.inlined,
            guess: false,
            blamed: false,
            raises_panic: false,
            kept: false,
        }
    }

    /// A frame without a name, in a call tree.
    pub(crate) fn of_address(frame: &Frame) -> Self {
        Self {
            number: None,
            label: frame.address(),
            source: None,
            owner: frame.owner,
            inlined: false,
            guess: frame.found == Found::Scan,
            blamed: false,
            raises_panic: false,
            kept: false,
        }
    }
}

/// The rows of a stack, innermost first. `full` folds nothing.
pub(crate) fn rows(stack: &Stack, full: bool) -> Vec<Row> {
    let mut rows = Vec::new();
    for (number, frame) in stack.frames.iter().enumerate() {
        if stack.gap() == Some(number) {
            rows.push(Row::Gap(stack.left_out));
        }
        rows.extend(of_frame(number, frame).into_iter().map(Row::One));
    }
    if stack.gap() == Some(stack.frames.len()) {
        rows.push(Row::Gap(stack.left_out));
    }
    if full { rows } else { fold(rows) }
}

fn of_frame(number: usize, frame: &Frame) -> Vec<One> {
    let mut rows: Vec<One> = frame
        .functions
        .iter()
        .map(|function| One {
            guess: frame.found == Found::Scan,
            raises_panic: frame.raises_panic,
            ..One::of_function(function, frame.owner_of(function))
        })
        .collect();
    if rows.is_empty() {
        rows.push(One {
            raises_panic: frame.raises_panic,
            ..One::of_address(frame)
        });
    }
    if let Some(called) = rows.last_mut() {
        called.number = Some(number);
        called.blamed = frame.blamed;
        // Where a signal struck is told, even inside the system: `memcpy` says more than its caller.
        called.kept = number == 0
            && frame.found == Found::Context
            && frame.owner == Owner::System
            && !frame.raises_panic;
    }
    rows
}

/// Folds two and more rows of the same sort that follow each other: those that raise a panic, and those of the runtime and
/// the system; unless there is nothing else.
pub(crate) fn fold(rows: Vec<Row>) -> Vec<Row> {
    let sort = |row: &Row| match row {
        Row::One(one) if one.foldable() => Some(one.raises_panic),
        _ => None,
    };
    if rows.iter().all(|row| sort(row).is_some()) {
        return rows;
    }
    rows.chunk_by(|a, b| sort(a).is_some() && sort(a) == sort(b))
        .flat_map(|group| match sort(&group[0]) {
            Some(panic) if group.len() > 1 => vec![Row::Folded {
                count: group.len(),
                panic,
            }],
            _ => group.to_vec(),
        })
        .collect()
}
