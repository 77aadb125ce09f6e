//! Systems on which crashes cannot be recorded: arming is refused, the clocks work.

use crate::api::{
    Activity, ArmError, Config, PanicNote, PanicTicket, SampleError, Scope, Standing, Tid,
};
use candor_dump::{ExitMark, Module, Panic, Stack, StackEnd, Usage};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Cannot exist.
#[derive(Debug)]
pub(crate) enum Armed {}

impl Armed {
    pub(crate) fn new(_: &Config<'_>, _: &Scope) -> Result<Self, ArmError> {
        Err(ArmError::Unsupported)
    }

    pub(crate) fn counters(&self) -> &[AtomicU32] {
        match *self {}
    }

    pub(crate) fn record_panic(&self, _: &PanicNote<'_>) -> Option<PanicTicket> {
        match *self {}
    }

    pub(crate) fn take_panic(&self, _: PanicTicket) -> Option<Panic> {
        match *self {}
    }

    pub(crate) fn take_panics(&self) -> Vec<Panic> {
        match *self {}
    }

    pub(crate) fn modules(&self) -> Vec<Module> {
        match *self {}
    }

    pub(crate) fn mark(&self, _: ExitMark) {
        match *self {}
    }

    pub(crate) fn set_usage(&self, _: &Usage) {
        match *self {}
    }

    pub(crate) fn set_foreground(&self, _: bool) {
        match *self {}
    }

    pub(crate) fn freeze_opened(&self, _: u16, _: Tid, _: u64) {
        match *self {}
    }

    pub(crate) fn freeze_closed(&self) {
        match *self {}
    }

    pub(crate) fn maintain(&self) {
        match *self {}
    }
}

pub(crate) fn crumb(_: u16, _: [i64; 2]) {}

pub(crate) fn leaving_signals_to_host<T>(start: impl FnOnce() -> T) -> T {
    start()
}

/// A number of our own: the system's cannot be had without unsafe code.
pub(crate) fn current_thread() -> u32 {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    thread_local!(static ID: u32 = NEXT.fetch_add(1, Ordering::Relaxed));
    ID.try_with(|id| *id).unwrap_or(0)
}

pub(crate) fn is_main_thread() -> bool {
    std::thread::current().name() == Some("main")
}

pub(crate) fn coarse_millis() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn boottime_millis() -> u64 {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

pub(crate) fn standing(_: Tid) -> Standing {
    Standing::Unknown
}

pub(crate) fn sample(
    _: Tid,
    _: usize,
    _: &mut Vec<Module>,
    _: &mut Stack,
) -> Result<Activity, SampleError> {
    Err(SampleError::NotArmed)
}

pub(crate) fn locate(frames: &[usize], _: &mut Vec<Module>) -> Stack {
    let unknown = candor_dump::Frame {
        module: None,
        offset: 0,
        found: candor_dump::Found::Given,
    };
    Stack {
        frames: vec![unknown; frames.len()],
        gap: None,
        end: StackEnd::Outermost,
    }
}
