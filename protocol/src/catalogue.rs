//! Every field that may leave a device: what it means and why it is sent.
//!
//! The wire types in [`report`](crate::report) are compared with this table by a test, in both directions: a field that
//! is not declared here cannot be sent, and a field that is declared here exists.

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
}

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
    }
}

/// The fields, on every platform, in the order in which a report holds them. All of them are needed for the purpose
/// they name; there is no optional one yet.
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
    field("what.crash.cause.signal.code", "Code of the signal", "-", "find the fault", "a number of the kernel's list"),
    field("what.crash.fatal", "Whether the process died", "-", "tell caught panics from crashes", "yes or no"),
    field("what.crash.thread.main", "Whether it was the first thread", "-", "find the fault", "yes or no"),
    field("what.crash.thread.name", "Name of the crashed thread", "-", "find the fault", "known pools, else scrubbed"),
    field("what.crash.thread.stack.frames[].module", "Which module a frame is in", "-", "find the fault", "index"),
    field("what.crash.thread.stack.frames[].offset", "Address of a frame relative to its module", "bytes", "find the fault", "never an absolute address"),
    field("what.crash.thread.stack.frames[].found", "How a frame was found", "-", "judge the stack", "closed list"),
    field("what.crash.thread.stack.left_out", "Frames left out of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.thread.stack.outermost", "Frames kept behind the gap of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.thread.stack.end", "Why a stack ends early", "-", "judge the stack", "closed list"),
    field("what.crash.others[].main", "Whether a thread was the first one", "-", "find the fault", "yes or no"),
    field("what.crash.others[].name", "Name of another thread", "-", "find the fault", "known pools, else scrubbed"),
    field("what.crash.others[].stack.frames[].module", "Which module a frame is in", "-", "find the fault", "index"),
    field("what.crash.others[].stack.frames[].offset", "Address of a frame relative to its module", "bytes", "find the fault", "never an absolute address"),
    field("what.crash.others[].stack.frames[].found", "How a frame was found", "-", "judge the stack", "closed list"),
    field("what.crash.others[].stack.left_out", "Frames left out of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.others[].stack.outermost", "Frames kept behind the gap of a deep stack", "-", "judge the stack", "number"),
    field("what.crash.others[].stack.end", "Why a stack ends early", "-", "judge the stack", "closed list"),
    field("what.crash.modules[].build_id", "Linker's id of a file of code", "-", "find names of functions", "hexadecimal digits"),
    field("what.crash.modules[].name", "Base name of a file of code", "-", "tell own code from libraries", "base name, scrubbed"),
    field("what.crash.uptime_ms", "Time since the process started", "ms", "tell crashes at start from later ones", "duration"),
    field("what.crash.around.foreground", "Whether the app was in the foreground", "-", "judge the effect", "yes or no"),
    field("what.crash.around.memory", "How much of the memory it may use was used", "-", "find the fault", "one of four classes"),
    field("what.crash.around.resident_mib", "Memory of the process", "MiB", "find the fault", "rounded down to a power of two"),
    field("what.crash.around.open_files", "How much of the files it may open was used", "-", "find the fault", "one of four classes"),
    field("what.crash.crumbs[].name", "Developer's name of something that the app did before", "-", "find the fault", "declared in the app's code"),
    field("what.crash.crumbs[].before_ms", "How long before", "ms", "find the fault", "duration"),
    field("what.crash.crumbs[].values[].number.name", "Developer's name of a number that goes with it", "-", "find the fault", "declared in the app's code"),
    field("what.crash.crumbs[].values[].number.is", "The number", "-", "find the fault", "rounded to three digits"),
    field("what.crash.crumbs[].values[].word.name", "Developer's name of a word that goes with it", "-", "find the fault", "declared in the app's code"),
    field("what.crash.crumbs[].values[].word.is", "The word", "-", "find the fault", "closed list, declared in the app's code"),
    field("what.crash.notes[]", "What could not be read of the dump", "-", "judge the report", "closed list"),
    field("what.freeze.watch", "Developer's name of what was watched", "-", "find the fault", "declared in the app's code"),
    field("what.freeze.turn", "Developer's name of the piece of work", "-", "find the fault", "declared in the app's code"),
    field("what.freeze.main", "Whether it was the first thread", "-", "find the fault", "yes or no"),
    field("what.freeze.took_ms", "How long the thread stood still", "ms", "judge the effect", "duration"),
    field("what.freeze.threshold_ms", "From when on it counts as a freeze", "ms", "judge the effect", "set by the developer"),
    field("what.freeze.end", "How it ended", "-", "judge the effect", "closed list"),
    field("what.freeze.activity", "Whether the thread computed or waited", "-", "find the fault", "closed list"),
    field("what.freeze.wait", "What the thread waited for", "-", "find the fault", "closed list"),
    field("what.freeze.stacks[].count", "How often a stack was seen", "-", "find the fault", "number"),
    field("what.freeze.stacks[].stack.frames[].module", "Which module a frame is in", "-", "find the fault", "index"),
    field("what.freeze.stacks[].stack.frames[].offset", "Address of a frame relative to its module", "bytes", "find the fault", "never an absolute address"),
    field("what.freeze.stacks[].stack.frames[].found", "How a frame was found", "-", "judge the stack", "closed list"),
    field("what.freeze.stacks[].stack.left_out", "Frames left out of a deep stack", "-", "judge the stack", "number"),
    field("what.freeze.stacks[].stack.outermost", "Frames kept behind the gap of a deep stack", "-", "judge the stack", "number"),
    field("what.freeze.stacks[].stack.end", "Why a stack ends early", "-", "judge the stack", "closed list"),
    field("what.freeze.modules[].build_id", "Linker's id of a file of code", "-", "find names of functions", "hexadecimal digits"),
    field("what.freeze.modules[].name", "Base name of a file of code", "-", "tell own code from libraries", "base name, scrubbed"),
    field("what.connection.name", "Developer's name of the connection", "-", "tell connections apart", "declared in the app's code"),
    field("what.connection.endpoint", "Developer's name of what it leads to", "-", "tell endpoints apart", "declared in the app's code, never an address"),
    field("what.connection.transport", "What carries the connection", "-", "find what is slow", "closed list"),
    field("what.connection.network", "Kind of network", "-", "find what is slow", "closed list"),
    field("what.connection.seconds", "Length of the window", "s", "compare windows", "duration"),
    field("what.connection.attempts", "Attempts to connect", "-", "rate of success", "number"),
    field("what.connection.ready", "Attempts that ended in service", "-", "rate of success", "number"),
    field("what.connection.failures[].phase", "Phase that failed", "-", "find what fails", "closed list"),
    field("what.connection.failures[].failure", "How it failed", "-", "find what fails", "closed list"),
    field("what.connection.failures[].count", "How often it failed so", "-", "find what fails", "number"),
    field("what.connection.disconnects[].reason", "Why a connection ended", "-", "find what fails", "closed list"),
    field("what.connection.disconnects[].count", "How often it ended so", "-", "find what fails", "number"),
    field("what.connection.phases[].phase", "Phase of connecting", "-", "find what is slow", "closed list"),
    field("what.connection.phases[].took_us[]", "Durations of a phase", "us", "find what is slow", "histogram"),
    field("what.connection.ready_us[]", "Time from the start of an attempt until service", "us", "find what is slow", "histogram"),
    field("what.connection.rtt_us[]", "Round trips of heartbeats", "us", "find what is slow", "histogram"),
    field("what.connection.ack_us[]", "Times from message to acknowledgement", "us", "find what is slow", "histogram"),
    field("what.connection.sent", "Messages sent", "-", "judge the load", "number"),
    field("what.connection.received", "Messages received", "-", "judge the load", "number"),
    field("what.connection.sent_bytes", "Bytes sent", "bytes", "judge the load", "number"),
    field("what.connection.received_bytes", "Bytes received", "bytes", "judge the load", "number"),
    field("what.connection.up_ms", "Time in service", "ms", "rate of service", "duration"),
    field("what.connection.down_ms", "Time without service", "ms", "rate of service", "duration"),
    field("what.run.exit", "How the process ended", "-", "rate of runs without a crash", "closed list"),
    field("what.run.uptime_ms", "How long the process lived", "ms", "rates by time of use", "duration"),
    field("what.run.last.around.foreground", "Whether the app was in the foreground", "-", "judge the effect", "yes or no"),
    field("what.run.last.around.memory", "How much of the memory it may use was used", "-", "find the fault", "one of four classes"),
    field("what.run.last.around.resident_mib", "Memory of the process", "MiB", "find the fault", "rounded down to a power of two"),
    field("what.run.last.around.open_files", "How much of the files it may open was used", "-", "find the fault", "one of four classes"),
    field("what.run.last.crumbs[].name", "Developer's name of something that the app did before", "-", "find the fault", "declared in the app's code"),
    field("what.run.last.crumbs[].before_ms", "How long before", "ms", "find the fault", "duration"),
    field("what.run.last.crumbs[].values[].number.name", "Developer's name of a number that goes with it", "-", "find the fault", "declared in the app's code"),
    field("what.run.last.crumbs[].values[].number.is", "The number", "-", "find the fault", "rounded to three digits"),
    field("what.run.last.crumbs[].values[].word.name", "Developer's name of a word that goes with it", "-", "find the fault", "declared in the app's code"),
    field("what.run.last.crumbs[].values[].word.is", "The word", "-", "find the fault", "closed list, declared in the app's code"),
    field("what.loss.lost[].kind", "Kind of reports that were lost", "-", "judge the figures", "closed list"),
    field("what.loss.lost[].reason", "Why they were lost", "-", "judge the figures", "closed list"),
    field("what.loss.lost[].count", "How many were lost", "-", "judge the figures", "number"),
];
