//! Signal actions: putting ours in front, remembering who was there, putting them back.

use crate::handler;
use crate::sys::{self, Action};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, AtomicUsize, Ordering};

/// The signals that mean death.
pub(crate) const SIGNALS: [i32; 7] = [
    sys::SIGSEGV,
    sys::SIGBUS,
    sys::SIGFPE,
    sys::SIGILL,
    sys::SIGABRT,
    sys::SIGTRAP,
    sys::SIGSYS,
];

/// All of them, as a mask.
pub(crate) const MASK: u64 = {
    let mut mask = 0;
    let mut index = 0;
    while index < SIGNALS.len() {
        mask |= sys::bit(SIGNALS[index]);
        index += 1;
    }
    mask
};

/// An action that handlers read and arming writes.
struct Slot {
    handler: AtomicUsize,
    flags: AtomicI32,
    mask: AtomicU64,
}

impl Slot {
    const fn new() -> Self {
        Self {
            handler: AtomicUsize::new(sys::DEFAULT),
            flags: AtomicI32::new(0),
            mask: AtomicU64::new(0),
        }
    }

    fn load(&self) -> Action {
        Action {
            handler: self.handler.load(Ordering::Acquire),
            flags: self.flags.load(Ordering::Relaxed),
            mask: self.mask.load(Ordering::Relaxed),
        }
    }

    fn store(&self, action: Action) {
        self.flags.store(action.flags, Ordering::Relaxed);
        self.mask.store(action.mask, Ordering::Relaxed);
        self.handler.store(action.handler, Ordering::Release);
    }
}

/// Who was there before us. Kept after disarming: somebody who came after us may still call our handler, which then goes
/// on to these.
struct Before {
    /// Before the first arming of this process: leads away from us for certain.
    first: Slot,
    /// Before the latest arming. If somebody chains to us *and* we were armed again on top of them, this leads back to us.
    latest: Slot,
    /// `first` is filled.
    known: AtomicBool,
    /// Our action is (or was, before somebody put theirs in front) the current one.
    installed: AtomicBool,
    /// The handler put `latest` back because the signal was about to be raised again.
    put_back: AtomicBool,
}

static BEFORE: [Before; SIGNALS.len()] = [const {
    Before {
        first: Slot::new(),
        latest: Slot::new(),
        known: AtomicBool::new(false),
        installed: AtomicBool::new(false),
        put_back: AtomicBool::new(false),
    }
}; SIGNALS.len()];

fn before(number: i32) -> Option<&'static Before> {
    SIGNALS
        .iter()
        .position(|signal| *signal == number)
        .and_then(|index| BEFORE.get(index))
}

fn ours() -> Action {
    let handler: sys::Handler = handler::on_signal;
    Action {
        handler: (handler as *const ()).expose_provenance(),
        // The signal itself and the other deadly ones stay possible while the handler runs: a fault in there would
        // otherwise be the end without anybody being asked.
        flags: sys::WITH_INFO | sys::ON_ALTERNATE_STACK | sys::NOT_BLOCKED,
        mask: !MASK,
    }
}

/// Puts our handler in front on all signals, or on none.
pub(crate) fn install() -> Result<(), std::io::Error> {
    for number in SIGNALS {
        if !install_one(number) {
            let error = std::io::Error::last_os_error();
            uninstall();
            return Err(error);
        }
    }
    Ok(())
}

fn install_one(number: i32) -> bool {
    let (Some(before), Some(current)) = (before(number), sys::action(number)) else {
        return false;
    };
    before.put_back.store(false, Ordering::Relaxed);
    before.installed.store(true, Ordering::Relaxed);
    if current.handler == ours().handler {
        return true;
    }
    if !before.known.load(Ordering::Relaxed) {
        before.first.store(current);
        before.known.store(true, Ordering::Release);
    }
    before.latest.store(current);
    sys::set_action(number, ours())
}

/// Puts earlier handlers back wherever ours is still in front.
pub(crate) fn uninstall() {
    for number in SIGNALS {
        let Some(before) = before(number) else {
            continue;
        };
        let in_front = sys::action(number).is_some_and(|current| current.handler == ours().handler);
        if before.installed.swap(false, Ordering::Relaxed) && in_front {
            sys::set_action(number, before.latest.load());
        }
    }
}

/// Puts our handler in front again where it stepped back for a signal that somebody recovered from, unless the place has
/// been taken since.
pub(crate) fn reinstall() {
    for number in SIGNALS {
        let Some(before) = before(number) else {
            continue;
        };
        let stepped_back =
            before.put_back.load(Ordering::Acquire) && before.installed.load(Ordering::Relaxed);
        if stepped_back
            && sys::action(number).is_some_and(|now| now.handler == before.latest.load().handler)
        {
            before.put_back.store(false, Ordering::Relaxed);
            sys::set_action(number, ours());
        }
    }
}

/// Whom to go on to: the one before us, or, when the signal came back to us on the same thread (`again`), the one before
/// our first arming. Anywhere.
pub(crate) fn previous(number: i32, again: bool) -> Action {
    let default = Action {
        handler: sys::DEFAULT,
        flags: 0,
        mask: 0,
    };
    before(number).map_or(default, |before| {
        if again {
            before.first.load()
        } else {
            before.latest.load()
        }
    })
}

/// Steps back for a signal that will be raised again when the handler returns. Anywhere.
pub(crate) fn step_back(number: i32, action: Action) {
    if let Some(before) = before(number) {
        before.put_back.store(true, Ordering::Release);
    }
    sys::set_action(number, action);
}
