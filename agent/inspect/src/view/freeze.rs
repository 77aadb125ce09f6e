//! A freeze.

use super::crash::{ModuleLine, modules};
use super::stack::{Names, Stack};
use super::tree::{Node, tree};
use candor_protocol::report::{self, Activity, FreezeEnd, Wait};
use serde::Serialize;

/// A watched thread stood still.
#[derive(Debug, Serialize)]
pub(crate) struct Freeze {
    pub(crate) watch: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) turn: Option<String>,
    pub(crate) main: bool,
    pub(crate) took_ms: u64,
    pub(crate) threshold_ms: u64,
    pub(crate) end: FreezeEnd,
    pub(crate) activity: Activity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wait: Option<Wait>,
    pub(crate) samples: u64,
    /// Where the thread was in most of the samples.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) most_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) most_seen_samples: Option<u64>,
    pub(crate) tree: Vec<Node>,
    pub(crate) modules: Vec<ModuleLine>,
    /// Whether a frame that is not the system's has no name.
    #[serde(skip)]
    pub(crate) lacks_names: bool,
}

impl Freeze {
    pub(crate) fn of(freeze: &report::Freeze, names: &dyn Names) -> Self {
        let mut stacks: Vec<(u64, Stack)> = freeze
            .stacks
            .iter()
            .map(|seen| {
                let stack = Stack::of(&seen.stack, &freeze.modules, names);
                (u64::from(seen.count), stack)
            })
            .collect();
        let most = most_seen(&mut stacks);
        Self {
            watch: freeze.watch.to_string(),
            turn: freeze.turn.as_ref().map(ToString::to_string),
            main: freeze.main,
            took_ms: freeze.took_ms,
            threshold_ms: freeze.threshold_ms,
            end: freeze.end,
            activity: freeze.activity,
            wait: freeze.wait,
            samples: stacks.iter().map(|(count, _)| count).sum(),
            most_seen_samples: most.as_ref().map(|(_, samples)| *samples),
            most_seen: most.map(|(place, _)| place),
            tree: tree(&stacks),
            modules: modules(&freeze.modules, names),
            lacks_names: stacks.iter().any(|(_, stack)| stack.lacks_names()),
        }
    }
}

/// The place that most samples show, with how many do; of places seen equally often the first. It alone stays blamed.
fn most_seen(stacks: &mut [(u64, Stack)]) -> Option<(String, u64)> {
    let mut places: Vec<(String, u64)> = Vec::new();
    let blamed: Vec<Option<String>> = stacks
        .iter_mut()
        .map(|(_, stack)| stack.blame(false))
        .collect();
    for ((count, _), place) in stacks.iter().zip(&blamed) {
        let Some(place) = place else { continue };
        match places.iter_mut().find(|(known, _)| known == place) {
            Some((_, samples)) => *samples += *count,
            None => places.push((place.clone(), *count)),
        }
    }
    let most = places
        .into_iter()
        .rev()
        .max_by_key(|&(_, samples)| samples)?;
    for ((_, stack), place) in stacks.iter_mut().zip(&blamed) {
        if place.as_ref() != Some(&most.0) {
            stack
                .frames
                .iter_mut()
                .for_each(|frame| frame.blamed = false);
        }
    }
    Some(most)
}
