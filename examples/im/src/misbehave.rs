//! Ways to misbehave, by name.

pub mod fault;

use std::sync::Arc;
use std::time::Duration;

use crate::app::{backup, bubbles, contacts, history, media, search, store};

/// One way to misbehave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A Rust panic on the main thread.
    Panic,
    /// A Rust panic on a worker thread; the process lives on.
    PanicInThread,
    /// A read through a null pointer.
    NullDereference,
    /// `abort()`.
    Abort,
    /// Recursion without end.
    StackOverflow,
    /// The main loop computes for this long.
    FreezeBusy(Duration),
    /// The main loop waits for a lock for ever; after this long an impatient user kills the app.
    FreezeDeadlock(Duration),
    /// The main loop waits this long for a pipe.
    FreezeRead(Duration),
    /// `exit()` without shutting the SDK down.
    Exit,
    /// The process kills itself, as the system or an impatient user would.
    Kill,
}

/// How a process comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// By leaving, with this code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

/// Exit code of [`Fault::Exit`].
const UNCLEAN: i32 = 3;

impl Fault {
    /// Does it, on the calling thread.
    pub fn commit(self) {
        match self {
            Self::Panic => {
                history::open_index("zhangwei", &[9, 0, 0, 0]);
            }
            Self::PanicInThread => {
                let _ = media::make_thumbnail("li.na", vec![200, 1, 2, 3]);
            }
            Self::NullDereference => {
                history::open_mapped_index(&fault::MappedFile::unmapped());
            }
            Self::Abort => {
                store::commit_page(b"three pages of gossip", 0);
            }
            Self::StackOverflow => {
                bubbles::layout_bubble(u64::MAX);
            }
            Self::FreezeBusy(time) => {
                search::rebuild_index(&["Where are YOU?", "Nearly THERE"], time);
            }
            Self::FreezeDeadlock(time) => deadlock(time),
            Self::FreezeRead(time) => {
                let _ = backup::back_up_now(time);
            }
            Self::Exit => std::process::exit(UNCLEAN),
            Self::Kill => kill_this_process(),
        }
    }

    /// How the process dies of it; `None` when it lives on.
    #[must_use]
    pub fn death(self) -> Option<Death> {
        match self {
            Self::PanicInThread | Self::FreezeBusy(_) | Self::FreezeRead(_) => None,
            Self::Panic => Some(Death::Code(101)),
            Self::Exit => Some(Death::Code(UNCLEAN)),
            Self::NullDereference => Some(Death::Signal(11)),
            Self::Abort | Self::StackOverflow => Some(Death::Signal(6)),
            Self::FreezeDeadlock(_) | Self::Kill => Some(Death::Signal(9)),
        }
    }

    /// The function a crash report must blame: the topmost of the app's own. `None` when no crash is to be reported.
    #[must_use]
    pub fn crashes_in(self) -> Option<&'static str> {
        match self {
            Self::Panic => Some("im::app::history::parse_header"),
            Self::PanicInThread => Some("im::app::media::next_segment"),
            Self::NullDereference => Some("im::misbehave::fault::MappedFile::u32_at"),
            Self::Abort => Some("im::app::store::verify_page"),
            Self::StackOverflow => Some("im::app::bubbles::layout_bubble"),
            Self::FreezeBusy(_)
            | Self::FreezeDeadlock(_)
            | Self::FreezeRead(_)
            | Self::Exit
            | Self::Kill => None,
        }
    }

    /// A function that must be on the stack a freeze report shows. `None` when no freeze is to be reported.
    #[must_use]
    pub fn freezes_in(self) -> Option<&'static str> {
        match self {
            Self::FreezeBusy(_) => Some("im::app::search::rebuild_index"),
            Self::FreezeDeadlock(_) => Some("im::app::contacts::merge_contact"),
            Self::FreezeRead(_) => Some("im::app::backup::wait_for_helper"),
            _ => None,
        }
    }
}

#[inline(never)]
fn deadlock(patience: Duration) {
    let user = std::thread::Builder::new()
        .name("impatient-user".into())
        .spawn(move || {
            std::thread::sleep(patience);
            kill_this_process();
        });
    // Without somebody who ends it, a deadlock must not begin.
    if user.is_ok() {
        let _ = contacts::merge_while_syncing(&Arc::default());
    }
}

/// SIGKILL without a call into C: the standard tool does it.
#[inline(never)]
fn kill_this_process() {
    let _ = std::process::Command::new("kill")
        .args(["-KILL", &std::process::id().to_string()])
        .status();
}
