//! Every field that may leave a device: what it means, why it is sent, and what is done so that it identifies nobody.
//!
//! The wire types in [`report`](crate::report) are compared with this table by a test, in both directions: a field that
//! is not declared here cannot be sent, and a field that is declared here exists. Tables for people, for app stores and for
//! privacy policies are made of it by `candor catalogue`.

mod keep;
mod newer;
mod zh;

pub use keep::keep;
pub use newer::newer;
pub use zh::chinese;

use crate::report::words;

/// Version of the catalogue that this crate's reports use. It goes up when a field is added, removed or widened.
pub const VERSION: u32 = 2;

/// One field that may leave a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Where it stands in a report; `[]` is any element of a list.
    pub path: &'static str,
    /// What it holds.
    pub meaning: &'static str,
    /// Its unit, or `-`.
    pub unit: &'static str,
    /// Why it is sent.
    pub purpose: &'static str,
    /// What is done so that it identifies nobody.
    pub rule: &'static str,
    /// The version of the catalogue that declared it first.
    pub since: u32,
    /// The version of the catalogue that must have decided anew whether it is still needed.
    pub expires: u32,
    /// What the developer has to switch on for it; `None` for what a report cannot do without.
    pub extra: Option<Extra>,
}

words! {
    /// What is sent only if the developer switches it on. All of it is off by default.
    pub enum Extra {
        /// What the app did before a crash or a kill.
        Breadcrumbs = "breadcrumbs",
        /// Whether the app was in the foreground.
        Foreground = "foreground",
        /// How much memory and how many files were in use.
        Usage = "usage",
    }
}

words! {
    /// What kind of data a field is, in the words of app stores.
    pub enum Category {
        /// Tells reports, runs and installations apart; random, and no person, account or device.
        Random = "random_numbers",
        /// The machine, as coarse classes.
        Device = "device_classes",
        /// Crashes.
        Crash = "crash_data",
        /// Freezes and connections.
        Performance = "performance_data",
        /// How runs end, and what could not be kept.
        Diagnostic = "other_diagnostic_data",
    }
}

/// On which systems an agent of this version can see what a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platforms {
    /// Wherever the agent runs.
    All,
    /// Where crashes can be recorded and threads sampled: Linux on x86-64.
    Linux,
}

/// The longest that a collector may keep a report, in days, whatever its operator has set.
pub const RETENTION_DAYS_MOST: u32 = 400;

const fn field(
    path: &'static str,
    meaning: &'static str,
    unit: &'static str,
    purpose: &'static str,
    rule: &'static str,
) -> Field {
    Field {
        path,
        meaning,
        unit,
        purpose,
        rule,
        since: 1,
        expires: 10,
        extra: None,
    }
}

impl Field {
    const fn since(self, since: u32) -> Self {
        Self { since, ..self }
    }

    const fn optional(self, extra: Extra) -> Self {
        Self {
            extra: Some(extra),
            ..self
        }
    }

    /// What kind of data it is.
    pub fn category(&self) -> Category {
        match self.path.split('.').collect::<Vec<_>>()[..] {
            ["id" | "run" | "pseudonym", ..] => Category::Random,
            ["device", ..] => Category::Device,
            ["what", "crash", ..] => Category::Crash,
            ["what", "freeze" | "connection", ..] => Category::Performance,
            _ => Category::Diagnostic,
        }
    }

    /// On which systems it can be seen.
    pub fn platforms(&self) -> Platforms {
        let native = [
            "what.crash.cause.signal.",
            "what.crash.others[]",
            "what.freeze.stacks[]",
            "what.freeze.holder.",
        ];
        if native.iter().any(|start| self.path.starts_with(start)) {
            Platforms::Linux
        } else {
            Platforms::All
        }
    }

    /// How many days a collector keeps it unless its operator has agreed on something shorter, at most
    /// [`RETENTION_DAYS_MOST`]: faults are looked into for a quarter, windows of connections are summed up after a month.
    pub fn retention_days(&self) -> u32 {
        match self.category() {
            Category::Performance if self.path.starts_with("what.connection") => 30,
            _ => 90,
        }
    }
}

/// What users have to be told when a newer version of the catalogue comes into use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Fields that `to` has and `from` does not: users have to be asked again before these are sent.
    pub added: Vec<&'static Field>,
}

impl Change {
    /// From one version to a later one.
    pub fn between(from: u32, to: u32) -> Self {
        Self {
            added: FIELDS
                .iter()
                .filter(|field| (from + 1..=to).contains(&field.since))
                .collect(),
        }
    }

    /// Whether users have to be asked again. Until then an agent leaves the added fields out.
    pub fn must_ask_again(&self) -> bool {
        !self.added.is_empty()
    }
}

/// The fields, in the order in which a report holds them.
#[rustfmt::skip]
pub const FIELDS: &[Field] = &[
    field("id", "Random number of the report", "-", "count each report once", "random"),
    field("at", "When it happened, or when the run started", "s since 1970, multiple of 60", "see changes over time", "rounded to the hour, or the minute where declared"),
    field("run", "Random number of one life of the process", "-", "join the reports of one life of the process", "random, new at every start"),
    field("pseudonym", "Random number of the installation", "-", "count installations, and erase on request", "random, replaced at least every seven days"),
    field("release", "Version of the app", "-", "compare versions", "version characters only"),
    field("device.os", "Operating system", "-", "compare platforms", "closed list"),
    field("device.os_version", "Version of the operating system", "-", "compare platforms", "at most two numbers"),
    field("device.arch", "Processor architecture", "-", "compare platforms", "closed list"),
    field("device.cores", "Logical processors", "-", "compare classes of machines", "rounded down to a power of two"),
    field("device.memory_gib", "Memory", "GiB", "compare classes of machines", "rounded to a power of two"),
    field("what.crash.cause.panic.message", "Message of a Rust panic", "-", "find the fault", "scrubbed of 41 kinds of identifiers"),
    field("what.crash.cause.panic.at.file", "Source file that raised the panic", "-", "find the fault", "path relative to the crate, scrubbed"),
    field("what.crash.cause.panic.at.line", "Line that raised the panic", "-", "find the fault", "number"),
    field("what.crash.cause.panic.signal", "Signal that a panic ended in", "-", "find the fault", "closed list"),
    field("what.crash.cause.signal.signal", "Fatal signal", "-", "find the fault", "closed list"),
    field("what.crash.cause.signal.origin", "Who sent the signal", "-", "find the fault", "closed list"),
    field("what.crash.cause.signal.fault", "Kind of address that faulted", "-", "find the fault", "a class, never the address"),
    field("what.crash.cause.signal.code", "Code of the signal", "-", "find the fault", "a number of the kernel's list").since(2),
    field("what.crash.fatal", "Whether the process died", "-", "tell caught panics from crashes", "yes or no"),
    field("what.crash.thread.main", "Whether it was the first thread", "-", "find the fault", "yes or no"),
    field("what.crash.thread.name", "Name of the crashed thread", "-", "find the fault", "known pools, else scrubbed"),
    field("what.crash.thread.stack.frames[].module", "Which module a frame is in", "-", "find the fault", "index"),
    field("what.crash.thread.stack.frames[].offset", "Address of a frame relative to its module", "bytes", "find the fault", "never an absolute address"),
    field("what.crash.thread.stack.frames[].found", "How a frame was found", "-", "judge the stack", "closed list"),
    field("what.crash.thread.stack.left_out", "Frames left out of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.thread.stack.outermost", "Frames kept behind the gap of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.thread.stack.end", "Why a stack ends early", "-", "judge the stack", "closed list").since(2),
    field("what.crash.others[].main", "Whether a thread was the first one", "-", "find the fault", "yes or no"),
    field("what.crash.others[].name", "Name of another thread", "-", "find the fault", "known pools, else scrubbed"),
    field("what.crash.others[].stack.frames[].module", "Which module a frame is in", "-", "find the fault", "index"),
    field("what.crash.others[].stack.frames[].offset", "Address of a frame relative to its module", "bytes", "find the fault", "never an absolute address"),
    field("what.crash.others[].stack.frames[].found", "How a frame was found", "-", "judge the stack", "closed list"),
    field("what.crash.others[].stack.left_out", "Frames left out of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.others[].stack.outermost", "Frames kept behind the gap of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.others[].stack.end", "Why a stack ends early", "-", "judge the stack", "closed list").since(2),
    field("what.crash.modules[].build_id", "Linker's id of a file of code", "-", "find names of functions", "hexadecimal digits"),
    field("what.crash.modules[].name", "Base name of a file of code", "-", "tell own code from libraries", "base name, scrubbed"),
    field("what.crash.uptime_ms", "Time since the process started", "ms", "tell crashes at start from later ones", "duration"),
    field("what.crash.around.foreground", "Whether the app was in the foreground", "-", "judge the effect", "yes or no").since(2).optional(Extra::Foreground),
    field("what.crash.around.memory", "How much of the memory it may use was used", "-", "find the fault", "one of four classes").since(2).optional(Extra::Usage),
    field("what.crash.around.resident_mib", "Memory of the process", "MiB", "find the fault", "rounded down to a power of two").since(2).optional(Extra::Usage),
    field("what.crash.around.open_files", "How much of the files it may open was used", "-", "find the fault", "one of four classes").since(2).optional(Extra::Usage),
    field("what.crash.crumbs[].name", "Developer's name of something that the app did before", "-", "find the fault", "declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.crash.crumbs[].before_ms", "How long before", "ms", "find the fault", "duration").since(2).optional(Extra::Breadcrumbs),
    field("what.crash.crumbs[].values[].number.name", "Developer's name of a number that goes with it", "-", "find the fault", "declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.crash.crumbs[].values[].number.is", "The number", "-", "find the fault", "rounded to three digits").since(2).optional(Extra::Breadcrumbs),
    field("what.crash.crumbs[].values[].word.name", "Developer's name of a word that goes with it", "-", "find the fault", "declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.crash.crumbs[].values[].word.is", "The word", "-", "find the fault", "closed list, declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.crash.notes[]", "What could not be read of the dump", "-", "judge the report", "closed list"),
    field("what.freeze.watch", "Developer's name of what was watched", "-", "find the fault", "declared in the app's code"),
    field("what.freeze.turn", "Developer's name of the piece of work", "-", "find the fault", "declared in the app's code"),
    field("what.freeze.main", "Whether it was the first thread", "-", "find the fault", "yes or no"),
    field("what.freeze.took_ms", "How long the thread stood still", "ms", "judge the effect", "duration"),
    field("what.freeze.threshold_ms", "From when on it counts as a freeze", "ms", "judge the effect", "set by the developer"),
    field("what.freeze.not_responding_ms", "From when on the thread does not respond", "ms", "judge the effect", "set by the developer").since(2),
    field("what.freeze.end", "How it ended", "-", "judge the effect", "closed list"),
    field("what.freeze.activity", "Whether the thread computed or waited", "-", "find the fault", "closed list"),
    field("what.freeze.wait", "What the thread waited for", "-", "find the fault", "closed list"),
    field("what.freeze.cpu_percent", "Share of the time that the thread had a processor", "percent", "find the fault", "number").since(2),
    field("what.freeze.holder.main", "Whether a thread was the first one", "-", "find the fault", "yes or no").since(2),
    field("what.freeze.holder.name", "Name of the thread that held the lock", "-", "find the fault", "known pools, else scrubbed").since(2),
    field("what.freeze.holder.stack.frames[].module", "Which module a frame is in", "-", "find the fault", "index").since(2),
    field("what.freeze.holder.stack.frames[].offset", "Address of a frame relative to its module", "bytes", "find the fault", "never an absolute address").since(2),
    field("what.freeze.holder.stack.frames[].found", "How a frame was found", "-", "judge the stack", "closed list").since(2),
    field("what.freeze.holder.stack.left_out", "Frames left out of a deep stack", "-", "judge the stack", "number").since(2),
    field("what.freeze.holder.stack.outermost", "Frames kept behind the gap of a deep stack", "-", "judge the stack", "number").since(2),
    field("what.freeze.holder.stack.end", "Why a stack ends early", "-", "judge the stack", "closed list").since(2),
    field("what.freeze.stacks[].count", "How often a stack was seen", "-", "find the fault", "number"),
    field("what.freeze.stacks[].ms", "How long a stack was seen", "ms", "find the fault", "duration").since(2),
    field("what.freeze.stacks[].stack.frames[].module", "Which module a frame is in", "-", "find the fault", "index"),
    field("what.freeze.stacks[].stack.frames[].offset", "Address of a frame relative to its module", "bytes", "find the fault", "never an absolute address"),
    field("what.freeze.stacks[].stack.frames[].found", "How a frame was found", "-", "judge the stack", "closed list"),
    field("what.freeze.stacks[].stack.left_out", "Frames left out of a deep stack", "-", "judge the stack", "number"),
    field("what.freeze.stacks[].stack.outermost", "Frames kept behind the gap of a deep stack", "-", "judge the stack", "number"),
    field("what.freeze.stacks[].stack.end", "Why a stack ends early", "-", "judge the stack", "closed list").since(2),
    field("what.freeze.modules[].build_id", "Linker's id of a file of code", "-", "find names of functions", "hexadecimal digits"),
    field("what.freeze.modules[].name", "Base name of a file of code", "-", "tell own code from libraries", "base name, scrubbed"),
    field("what.connection.name", "Developer's name of the connection", "-", "tell connections apart", "declared in the app's code"),
    field("what.connection.endpoint", "Developer's name of what it leads to", "-", "tell endpoints apart", "declared in the app's code, never an address"),
    field("what.connection.region", "Developer's name of the region whose service it uses", "-", "tell regions apart", "declared in the app's code, never a place where somebody is").since(2),
    field("what.connection.transport", "What carries the connection", "-", "find what is slow", "closed list"),
    field("what.connection.network", "Kind of network", "-", "find what is slow", "closed list"),
    field("what.connection.seconds", "Length of the window", "s", "compare windows", "duration"),
    field("what.connection.attempts", "Attempts to connect", "-", "rate of success", "number"),
    field("what.connection.ready", "Attempts that ended in service", "-", "rate of success", "number"),
    field("what.connection.reconnects", "Attempts made to get back a lost service", "-", "find storms of reconnecting", "number").since(2),
    field("what.connection.failures[].phase", "Phase that failed", "-", "find what fails", "closed list"),
    field("what.connection.failures[].failure", "How it failed", "-", "find what fails", "closed list"),
    field("what.connection.failures[].count", "How often it failed so", "-", "find what fails", "number"),
    field("what.connection.tries[].family", "Family of addresses that were tried", "-", "find what fails", "closed list, never the address").since(2),
    field("what.connection.tries[].order", "Which address of an attempt it was", "1 to 8", "find what fails", "number").since(2),
    field("what.connection.tries[].tried", "How many such addresses were tried", "-", "find what fails", "number").since(2),
    field("what.connection.tries[].connected", "How many of them answered", "-", "find what fails", "number").since(2),
    field("what.connection.tries[].took_us[]", "How long those took that answered", "us", "find what is slow", "histogram").since(2),
    field("what.connection.disconnects[].reason", "Why a connection ended", "-", "find what fails", "closed list"),
    field("what.connection.disconnects[].count", "How often it ended so", "-", "find what fails", "number"),
    field("what.connection.disconnects[].lasted_ms[]", "How long they had been in service", "ms", "find what fails", "histogram").since(2),
    field("what.connection.phases[].phase", "Phase of connecting", "-", "find what is slow", "closed list"),
    field("what.connection.phases[].took_us[]", "Durations of a phase", "us", "find what is slow", "histogram"),
    field("what.connection.ready_us[]", "Time from the start of an attempt until service", "us", "find what is slow", "histogram"),
    field("what.connection.rtt_us[]", "Round trips of heartbeats", "us", "find what is slow", "histogram"),
    field("what.connection.ack_us[]", "Times from message to acknowledgement", "us", "find what is slow", "histogram"),
    field("what.connection.stall_us[]", "Times in which nothing arrived for longer than expected", "us", "find what is slow", "histogram").since(2),
    field("what.connection.backoff_us[]", "Waits before the next attempt", "us", "rate of service", "histogram").since(2),
    field("what.connection.outage_us[]", "From the loss of service until its return", "us", "rate of service", "histogram").since(2),
    field("what.connection.network_changes", "Changes of the network while in service", "-", "find what fails", "number").since(2),
    field("what.connection.sent", "Messages sent", "-", "judge the load", "number"),
    field("what.connection.received", "Messages received", "-", "judge the load", "number"),
    field("what.connection.sent_bytes", "Bytes sent", "bytes", "judge the load", "number"),
    field("what.connection.received_bytes", "Bytes received", "bytes", "judge the load", "number"),
    field("what.connection.up_ms", "Time in service", "ms", "rate of service", "duration"),
    field("what.connection.down_ms", "Time without service while it was wanted", "ms", "rate of service", "duration"),
    field("what.connection.tcp.samples", "Samples of the system's TCP", "-", "judge the figures", "number").since(2),
    field("what.connection.tcp.rtt_us[]", "Round trips that TCP measured", "us", "find what is slow", "histogram").since(2),
    field("what.connection.tcp.rtt_var_us[]", "Variation of these round trips", "us", "find what is slow", "histogram").since(2),
    field("what.connection.tcp.min_rtt_us[]", "Smallest of these round trips", "us", "find what is slow", "histogram").since(2),
    field("what.connection.tcp.segments", "Segments with data that TCP sent", "-", "rate of loss", "number").since(2),
    field("what.connection.tcp.retransmits", "Segments that TCP sent again", "-", "rate of loss", "number").since(2),
    field("what.connection.tcp.lost", "Segments that counted as lost, summed over the samples", "-", "rate of loss", "number").since(2),
    field("what.connection.tcp.delivery_rate[]", "Bytes a second that the network delivered", "bytes/s", "find what is slow", "histogram").since(2),
    field("what.run.exit", "How the process ended", "-", "rate of runs without a crash", "closed list"),
    field("what.run.uptime_ms", "How long the process lived", "ms", "rates by time of use", "duration"),
    field("what.run.last.around.foreground", "Whether the app was in the foreground", "-", "judge the effect", "yes or no").since(2).optional(Extra::Foreground),
    field("what.run.last.around.memory", "How much of the memory it may use was used", "-", "find the fault", "one of four classes").since(2).optional(Extra::Usage),
    field("what.run.last.around.resident_mib", "Memory of the process", "MiB", "find the fault", "rounded down to a power of two").since(2).optional(Extra::Usage),
    field("what.run.last.around.open_files", "How much of the files it may open was used", "-", "find the fault", "one of four classes").since(2).optional(Extra::Usage),
    field("what.run.last.crumbs[].name", "Developer's name of something that the app did before", "-", "find the fault", "declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.run.last.crumbs[].before_ms", "How long before", "ms", "find the fault", "duration").since(2).optional(Extra::Breadcrumbs),
    field("what.run.last.crumbs[].values[].number.name", "Developer's name of a number that goes with it", "-", "find the fault", "declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.run.last.crumbs[].values[].number.is", "The number", "-", "find the fault", "rounded to three digits").since(2).optional(Extra::Breadcrumbs),
    field("what.run.last.crumbs[].values[].word.name", "Developer's name of a word that goes with it", "-", "find the fault", "declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.run.last.crumbs[].values[].word.is", "The word", "-", "find the fault", "closed list, declared in the app's code").since(2).optional(Extra::Breadcrumbs),
    field("what.loss.lost[].kind", "Kind of reports that were lost", "-", "judge the figures", "closed list"),
    field("what.loss.lost[].reason", "Why they were lost", "-", "judge the figures", "closed list"),
    field("what.loss.lost[].count", "How many were lost", "-", "judge the figures", "number"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_field_is_past_the_version_that_must_decide_about_it() {
        for field in FIELDS {
            assert!(
                field.since <= VERSION && VERSION < field.expires,
                "{} has to be decided about anew",
                field.path
            );
        }
    }

    #[test]
    fn a_version_with_more_fields_has_to_be_asked_for() {
        let change = Change::between(1, 2);
        assert!(change.must_ask_again());
        assert!(change.added.iter().all(|field| field.since == 2));
        assert!(!Change::between(VERSION, VERSION).must_ask_again());
    }

    #[test]
    fn every_text_of_the_catalogue_can_be_read_in_chinese() {
        for field in FIELDS {
            for text in [field.meaning, field.purpose, field.rule] {
                assert!(chinese(text).is_some(), "{text:?} of {}", field.path);
            }
        }
    }
}
