//! Rust panics: a hook that writes the panic into the dump file, in the panicking thread, before anything unwinds.
//!
//! Nothing is symbolised and no file is opened there; whether the process survives is seen later.

use candor_crash::{Armed, PanicNote, PanicTicket, coarse_millis, is_main_thread};
use candor_protocol::deidentify::{CleanText, SourcePath, ThreadName};
use std::panic::PanicHookInfo;
use std::sync::{Arc, Mutex, Once, PoisonError, RwLock};

/// Crash recording, while it is armed. Shared by the panic hook, the agent's thread and whoever withdraws.
#[derive(Debug, Default)]
pub(crate) struct Recorder {
    armed: RwLock<Option<Armed>>,
    /// Names of threads that may be told.
    thread_names: Vec<&'static str>,
    /// Panics that the process has survived so far, with when they happened.
    pending: Mutex<Vec<(PanicTicket, u64)>>,
}

/// A process that dies of a panic is gone by then: unwinding a deep stack takes milliseconds. One that is still there
/// has survived it.
const SURVIVED_MS: u64 = 3_000;

/// Frames of a panic that are kept.
const FRAMES: usize = 128;

/// Characters of a message that are looked at; a report keeps 256 bytes.
const MESSAGE: usize = 1024;

impl Recorder {
    pub(crate) fn new(armed: Armed, thread_names: Vec<&'static str>) -> Self {
        Self {
            armed: RwLock::new(Some(armed)),
            thread_names,
            pending: Mutex::default(),
        }
    }

    /// Does something with the armed recorder, unless it is disarmed.
    pub(crate) fn with<T>(&self, act: impl FnOnce(&Armed) -> T) -> Option<T> {
        self.armed
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .as_ref()
            .map(act)
    }

    /// Stops recording and puts earlier signal handlers back.
    pub(crate) fn disarm(&self) {
        let armed = self
            .armed
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(armed) = armed {
            armed.disarm();
        }
    }

    /// The panics that the process has survived; they are still in the dump. `all` names those too that are so recent
    /// that the process may yet die of them.
    pub(crate) fn survived(&self, now_ms: u64, all: bool) -> Vec<PanicTicket> {
        let pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |&&(_, at_ms): &&(PanicTicket, u64)| all || now_ms >= at_ms + SURVIVED_MS;
        pending
            .iter()
            .filter(over)
            .map(|&(ticket, _)| ticket)
            .collect()
    }

    /// Takes panics out of the dump, once they are told of.
    pub(crate) fn forget(&self, told: &[PanicTicket]) {
        for &ticket in told {
            self.with(|armed| armed.take_panic(ticket));
        }
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|(ticket, _)| !told.contains(ticket));
    }

    fn record(&self, info: &PanicHookInfo<'_>) {
        // A panic while the recorder is being disarmed, or inside this very hook, is not waited for.
        let Ok(armed) = self.armed.try_read() else {
            return;
        };
        let Some(armed) = armed.as_ref() else { return };
        let (mut frames, mut count) = ([0usize; FRAMES], 0);
        backtrace::trace(|frame| match frames.get_mut(count) {
            // The outermost function of a thread has no caller.
            Some(_) if frame.ip().is_null() => false,
            Some(slot) => {
                *slot = frame.ip() as usize;
                count += 1;
                true
            }
            None => false,
        });
        let message = CleanText::scrub(&message(info));
        let file = info
            .location()
            .map(|location| SourcePath::scrub(location.file()));
        let thread = std::thread::current();
        let name = thread
            .name()
            .and_then(|name| ThreadName::declared(name, &self.thread_names));
        let ticket = armed.record_panic(&PanicNote {
            message: message.as_str(),
            file: file.as_ref().map_or("", |file| file.as_str()),
            line: info.location().map_or(0, |location| location.line()),
            thread_name: name.as_ref().map_or("", |name| name.as_str()),
            main_thread: is_main_thread(),
            frames: frames.get(..count).unwrap_or_default(),
        });
        if let (Some(ticket), Ok(mut pending)) = (ticket, self.pending.try_lock()) {
            pending.push((ticket, coarse_millis()));
        }
    }
}

/// The message of a panic, as far as it is looked at.
fn message(info: &PanicHookInfo<'_>) -> String {
    let payload = info.payload();
    let text = match (
        payload.downcast_ref::<&str>(),
        payload.downcast_ref::<String>(),
    ) {
        (Some(text), _) => text,
        (_, Some(text)) => text.as_str(),
        _ => "panic with a payload that is not a text",
    };
    text.chars().take(MESSAGE).collect()
}

/// The recorder that the hook writes to.
static TARGET: RwLock<Option<Arc<Recorder>>> = RwLock::new(None);

/// Sends panics to `recorder` from now on, before whatever hook was there.
pub(crate) fn listen(recorder: &Arc<Recorder>) {
    static HOOK: Once = Once::new();
    *TARGET.write().unwrap_or_else(PoisonError::into_inner) = Some(recorder.clone());
    HOOK.call_once(|| {
        let earlier = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            // Ours first: an earlier hook may end the process.
            if let Ok(target) = TARGET.try_read()
                && let Some(recorder) = target.as_ref()
            {
                recorder.record(info);
            }
            earlier(info);
        }));
    });
}

/// Panics go past us from now on.
pub(crate) fn stop_listening(recorder: &Arc<Recorder>) {
    let mut target = TARGET.write().unwrap_or_else(PoisonError::into_inner);
    if target
        .as_ref()
        .is_some_and(|current| Arc::ptr_eq(current, recorder))
    {
        *target = None;
    }
}
