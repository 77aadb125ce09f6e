//! A freeze: a watched thread stood still.

use super::stack::{Module, Stack, check_modules};
use super::words;
use crate::deidentify::{Name, ThreadName};
use crate::limits;
use serde::{Deserialize, Serialize};

/// A watched thread stood still for longer than its threshold.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Freeze {
    /// The developer's name of what was watched.
    pub watch: Name,
    /// The developer's name of the piece of work that did not end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turn: Option<Name>,
    /// Whether the thread is the process's first one.
    pub main: bool,
    /// How long it stood still, in milliseconds; for one that did not end, how long it was seen to.
    pub took_ms: u64,
    /// From how long on standing still counts as a freeze, in milliseconds.
    pub threshold_ms: u64,
    /// From how long on the thread does not respond, in milliseconds; at least `threshold_ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_responding_ms: Option<u64>,
    /// How it ended.
    pub end: FreezeEnd,
    /// Whether the thread computed or waited.
    pub activity: Activity,
    /// What it waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Wait>,
    /// Share of the time that it had a processor, in percent; of all threads together where several were watched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent: Option<u8>,
    /// The thread that holds the lock that it waited for, where the lock tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<Holder>,
    /// The stacks that were seen, the one that was seen longest first.
    pub stacks: Vec<StackCount>,
    /// Files of code that frames refer to.
    pub modules: Vec<Module>,
}

/// A thread that keeps another one waiting.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Holder {
    /// Whether it is the process's first thread.
    pub main: bool,
    /// Its name, where it is of an allow-listed pool or was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<ThreadName>,
    /// What it was doing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack: Option<Stack>,
}

/// A stack and how often it was seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StackCount {
    /// How many samples showed it.
    pub count: u32,
    /// How long it was seen, in milliseconds: each sample stands for the time until the next one, as samples are ever further apart
    /// while the stack does not change. 0 where that is not known.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub ms: u64,
    /// The stack.
    pub stack: Stack,
}

/// A sample of which nobody knows how long it stands for counts as the time between the first two samples.
const SAMPLE_MS: u64 = 100;

fn is_zero(number: &u64) -> bool {
    *number == 0
}

words! {
    /// How bad a freeze is for whoever waits.
    pub enum Level {
        /// It is noticed.
        Hang = "hang",
        /// It looks as if the app will not come back.
        NotResponding = "not_responding",
    }
}

words! {
    /// How a freeze ended.
    pub enum FreezeEnd {
        /// The thread went on.
        Recovered = "recovered",
        /// The process exited while the thread stood still.
        Exited = "exited",
        /// The process was killed while the thread stood still.
        Killed = "killed",
    }
}

words! {
    /// What a thread that stands still does.
    pub enum Activity {
        /// It used the processor.
        Running = "running",
        /// It waited.
        Blocked = "blocked",
        /// It could not be told.
        Unknown = "unknown",
    }
}

words! {
    /// What a thread waits for, by its system call.
    pub enum Wait {
        /// A lock or a condition.
        Futex = "futex",
        /// Reading from a file, pipe or socket.
        Read = "read",
        /// Writing to a file, pipe or socket.
        Write = "write",
        /// Several files at once.
        Poll = "poll",
        /// A period of time.
        Sleep = "sleep",
        /// A connection to be made or accepted.
        Connect = "connect",
        /// The disk.
        Disk = "disk",
        /// Another process.
        Child = "child",
        /// Memory that had to be brought in.
        PageFault = "page_fault",
        /// Any other system call.
        Other = "other",
    }
}

impl StackCount {
    /// How much it counts next to others, of this freeze or another: for how long it was seen, in milliseconds.
    pub fn weight(&self) -> u64 {
        match self.ms {
            0 => u64::from(self.count) * SAMPLE_MS,
            ms => ms,
        }
    }
}

impl Freeze {
    /// Which of its thresholds it reached; a report that does not tell the second is a hang.
    pub fn level(&self) -> Level {
        match self.not_responding_ms {
            Some(from_ms) if self.took_ms >= from_ms => Level::NotResponding,
            _ => Level::Hang,
        }
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        check_modules(&self.modules)?;
        if self.stacks.len() > limits::FREEZE_STACKS {
            return Err("a freeze lists more stacks than are accepted");
        }
        if self.cpu_percent.is_some_and(|percent| percent > 100) {
            return Err("a freeze had a processor for more than all of its time");
        }
        let frames = self.all().map(|stack| stack.frames.len()).sum::<usize>();
        if frames > limits::FREEZE_FRAMES {
            return Err("the stacks of a freeze have more frames than are accepted");
        }
        self.all().try_for_each(|stack| stack.check(&self.modules))
    }

    /// All its stacks.
    fn all(&self) -> impl Iterator<Item = &Stack> {
        let held = self
            .holder
            .iter()
            .filter_map(|holder| holder.stack.as_ref());
        self.stacks.iter().map(|seen| &seen.stack).chain(held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stack_counts_for_the_time_that_its_samples_stand_for() {
        let seen = |count, ms| StackCount {
            count,
            ms,
            stack: Stack::default(),
        };
        assert_eq!(seen(3, 700).weight(), 700);
        assert_eq!(seen(3, 0).weight(), 300, "an agent that did not tell");
    }

    #[test]
    fn the_level_is_that_of_the_last_threshold_that_was_reached() {
        let level = |took_ms, not_responding_ms| {
            let freeze = Freeze {
                watch: Name::declare("ui"),
                turn: None,
                main: true,
                took_ms,
                threshold_ms: 2_000,
                not_responding_ms,
                end: FreezeEnd::Recovered,
                activity: Activity::Unknown,
                wait: None,
                cpu_percent: None,
                holder: None,
                stacks: Vec::new(),
                modules: Vec::new(),
            };
            freeze.level()
        };
        assert_eq!(level(4_999, Some(5_000)), Level::Hang);
        assert_eq!(level(5_000, Some(5_000)), Level::NotResponding);
        assert_eq!(
            level(60_000, None),
            Level::Hang,
            "an agent that had but one"
        );
    }
}
