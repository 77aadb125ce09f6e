//! Sizes and counts that both sides obey, each with its reason.

/// Bytes of one report as a line of JSON. A crash with 64 frames in the crashing thread, 40 other threads of 16 frames
/// and their modules is about 45 KiB; anything larger is a fault of the sender.
pub const REPORT_BYTES: usize = 96 * 1024;

/// Reports in one batch. At about 1 kB each a full batch stays near 100 kB before compression, so that a lost
/// connection costs little to repeat.
pub const BATCH_REPORTS: usize = 100;

/// Bytes of one batch after decompression: the largest that [`BATCH_REPORTS`] typical reports and a few large crashes
/// can make, and small enough that a collector can hold one per connection in memory.
pub const BATCH_BYTES: usize = 1024 * 1024;

/// Bytes of one batch as sent. Gzip makes reports about ten times smaller; a sender that needs more is not an agent.
pub const BATCH_COMPRESSED_BYTES: usize = 512 * 1024;

/// Frames of one stack. Deeper stacks keep their head and their tail; the walker says how many it left out.
pub const STACK_FRAMES: usize = 256;

/// Threads of one crash, the crashing one included: what fits into the 64 KiB of a dump.
pub const CRASH_THREADS: usize = 256;

/// Modules that the frames of one report may refer to.
pub const REPORT_MODULES: usize = 256;

/// Breadcrumbs of one report: as many as the ring in a dump holds, which is a few minutes of a busy app.
pub const CRUMBS: usize = 96;

/// Breadcrumbs of the end of a run: enough to see where in the app it was, as kills are far more frequent than crashes.
pub const RUN_CRUMBS: usize = 16;

/// Values of one breadcrumb: as many as fit beside its name and time into 32 bytes.
pub const CRUMB_VALUES: usize = 2;

/// Distinct stacks of one freeze. Sampling is spaced further apart while the stack does not change, so that more
/// than this many distinct stacks are noise.
pub const FREEZE_STACKS: usize = 64;

/// Frames of all stacks of one freeze: at about 46 bytes each they leave room for their modules in [`REPORT_BYTES`].
pub const FREEZE_FRAMES: usize = 1_400;

/// Entries of one list of counters in a connection window (failures, disconnects). The closed lists are shorter.
pub const WINDOW_ENTRIES: usize = 256;

/// Addresses of one attempt that are told apart by their order; resolvers rarely give more, and nobody waits for the ninth.
pub const TRIES: u8 = 8;

/// Past pseudonyms that one request for erasure may name: one a week for longer than any collector may keep data.
pub const ERASURE_PSEUDONYMS: usize = 128;

/// Longest time that a device keeps one pseudonym, in seconds: seven days.
pub const PSEUDONYM_SECONDS: u64 = 7 * 24 * 3600;
