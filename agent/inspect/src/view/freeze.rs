//! A freeze.

use super::crash::{ModuleLine, Thread, modules};
use super::stack::{Names, Stack};
use super::tree::{Node, Weight, tree};
use candor_protocol::report::{self, Activity, FreezeEnd, Level, Wait};
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
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_responding_ms: Option<u64>,
    /// Which of the two it reached.
    pub(crate) level: Level,
    pub(crate) end: FreezeEnd,
    pub(crate) activity: Activity,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wait: Option<Wait>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_percent: Option<u8>,
    /// The thread that held the lock that it waited for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) holder: Option<Thread>,
    pub(crate) samples: u64,
    /// Where the thread was for most of the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) most_seen: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) most_seen_samples: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) most_seen_ms: Option<u64>,
    pub(crate) tree: Vec<Node>,
    pub(crate) modules: Vec<ModuleLine>,
    /// Whether a frame that is not the system's has no name.
    #[serde(skip)]
    pub(crate) lacks_names: bool,
}

impl Freeze {
    pub(crate) fn of(freeze: &report::Freeze, names: &dyn Names) -> Self {
        let mut stacks: Vec<(Weight, Stack)> = freeze
            .stacks
            .iter()
            .map(|seen| {
                let stack = Stack::of(&seen.stack, &freeze.modules, names);
                let weight = Weight {
                    samples: u64::from(seen.count),
                    ms: seen.weight(),
                };
                (weight, stack)
            })
            .collect();
        let most = most_seen(&mut stacks);
        let holder = freeze.holder.as_ref().map(|holder| {
            let stack = holder.stack.clone().unwrap_or_default();
            let mut stack = Stack::of(&stack, &freeze.modules, names);
            stack.blame(false);
            Thread {
                main: holder.main,
                name: holder.name.as_ref().map(ToString::to_string),
                stack,
            }
        });
        let held = holder.iter().map(|holder| &holder.stack);
        let mut shown = stacks.iter().map(|(_, stack)| stack).chain(held);
        let lacks_names = shown.any(Stack::lacks_names);
        Self {
            watch: freeze.watch.to_string(),
            turn: freeze.turn.as_ref().map(ToString::to_string),
            main: freeze.main,
            took_ms: freeze.took_ms,
            threshold_ms: freeze.threshold_ms,
            not_responding_ms: freeze.not_responding_ms,
            level: freeze.level(),
            end: freeze.end,
            activity: freeze.activity,
            wait: freeze.wait,
            cpu_percent: freeze.cpu_percent,
            holder,
            samples: stacks.iter().map(|(weight, _)| weight.samples).sum(),
            most_seen_samples: most.as_ref().map(|(_, weight)| weight.samples),
            most_seen_ms: most.as_ref().map(|(_, weight)| weight.ms),
            most_seen: most.map(|(place, _)| place),
            tree: tree(&stacks),
            modules: modules(&freeze.modules, names),
            lacks_names,
        }
    }
}

/// The place where the thread was longest, with how often and how long; of places seen equally long the first. It alone stays
/// blamed.
fn most_seen(stacks: &mut [(Weight, Stack)]) -> Option<(String, Weight)> {
    let mut places: Vec<(String, Weight)> = Vec::new();
    let blamed: Vec<Option<String>> = stacks
        .iter_mut()
        .map(|(_, stack)| stack.blame(false))
        .collect();
    for ((weight, _), place) in stacks.iter().zip(&blamed) {
        let Some(place) = place else { continue };
        match places.iter_mut().find(|(known, _)| known == place) {
            Some((_, sum)) => *sum = [*sum, *weight].into_iter().sum(),
            None => places.push((place.clone(), *weight)),
        }
    }
    let most = places
        .into_iter()
        .rev()
        .max_by_key(|(_, weight)| weight.ms)?;
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
