//! What is armed: the mapped file and everything that was prepared for a bad moment. At most one per process and copy of
//! this crate, found by handlers through one atomic pointer.

use crate::api::{ArmError, Config, PanicNote, PanicTicket, Scope, Tid};
use crate::handler::Recorder;
use crate::install;
use crate::memory::Memory;
use crate::modules::Modules;
use crate::names::Known;
use crate::page::{Page, cut};
use crate::poke::Poke;
use crate::stop::Helper;
use crate::upkeep::Upkeep;
use crate::{crumbs, errand, panics, poke, sys};
use candor_dump::layout::{self, counters, header, life, names};
use candor_dump::{ExitMark, Found, Frame, Level, Module, Panic, Stack, StackEnd, Usage};
use std::ffi::{c_int, c_void};
use std::fmt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, AtomicUsize, Ordering};

/// What a handler needs. Made when armed; it stays where it is for as long as a handler may look at it.
pub(crate) struct Shared {
    pub(crate) page: Page,
    pub(crate) pid: u32,
    pub(crate) started_boottime_ms: u64,
    started_coarse_ms: u64,
    pub(crate) modules: Modules,
    pub(crate) recorder: Recorder,
    pub(crate) poke: Poke,
    pub(crate) helper: Helper,
    names: Vec<&'static str>,
    pub(crate) known_names: Known,
    panics: AtomicU32,
}

impl Shared {
    /// Whether this is the process that armed, not a child that was forked from it.
    pub(crate) fn is_here(&self) -> bool {
        sys::getpid() == self.pid
    }

    /// Milliseconds since the run started, suspension not included; some milliseconds coarse. Anywhere.
    pub(crate) fn active_ms(&self) -> u32 {
        let since = sys::coarse_millis().saturating_sub(self.started_coarse_ms);
        u32::try_from(since).unwrap_or(u32::MAX)
    }

    /// The declared name of another thread, as [`Self::name_index`]. Anywhere.
    pub(crate) fn name_of(&self, tid: u32) -> u16 {
        if self.names.is_empty() {
            return 0;
        }
        self.known_names
            .of(tid)
            .unwrap_or_else(|| self.look_up_name(tid))
    }

    /// Remembers the names of threads while the process is well. One thread at a time.
    pub(crate) fn note_name(&self, tid: u32) {
        if !self.names.is_empty() {
            self.known_names.note(tid, self.look_up_name(tid));
        }
    }

    fn look_up_name(&self, tid: u32) -> u16 {
        sys::thread_name_of(self.pid, tid).map_or(0, |name| self.name_index(name))
    }

    /// The place in the table of declared names, from 1, of a name as the kernel keeps it; 0 for any other. Anywhere.
    pub(crate) fn name_index(&self, name: [u8; 16]) -> u16 {
        crate::names::index(&self.names, name)
    }
}

static ACTIVE: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());
static USERS: AtomicUsize = AtomicUsize::new(0);
/// Held while arming and disarming; never in a handler.
static CHANGE: Mutex<()> = Mutex::new(());

/// Gives `use_it` what is armed, if anything is. Lock-free; anywhere.
pub(crate) fn with_active<T>(use_it: impl FnOnce(&Shared) -> T) -> Option<T> {
    USERS.fetch_add(1, Ordering::SeqCst);
    // SAFETY: what the pointer shows is freed only after it was taken away and no user was left, see `Armed::drop`.
    let shared = unsafe { ACTIVE.load(Ordering::SeqCst).as_ref() };
    let result = shared.map(use_it);
    USERS.fetch_sub(1, Ordering::SeqCst);
    result
}

pub(crate) struct Armed {
    shared: *mut Shared,
    upkeep: Mutex<Upkeep>,
}

// SAFETY: `Shared` is made for use from any thread at once.
unsafe impl Send for Armed {}
// SAFETY: as above.
unsafe impl Sync for Armed {}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Armed")
            .field("pid", &self.shared().pid)
            .finish_non_exhaustive()
    }
}

impl Armed {
    pub(crate) fn new(config: &Config<'_>, scope: &Scope) -> Result<Self, ArmError> {
        let change = CHANGE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if !ACTIVE.load(Ordering::SeqCst).is_null() {
            return Err(ArmError::AlreadyArmed);
        }
        let modules = Modules::new(config.clean_module_name, scope);
        let recorder = Recorder::new().map_err(ArmError::Memory)?;
        let poke = Poke::new().map_err(ArmError::Memory)?;
        let helper = Helper::new().map_err(ArmError::Memory)?;
        let base = sys::make_mapped_file(config.path, layout::FILE_SIZE)
            .map_err(|(step, source)| ArmError::File { step, source })?;
        // SAFETY: just mapped, with that size; unmapped in `drop` only, when nobody looks at it.
        let page = unsafe { Page::new(base) };
        let shared = Shared {
            page,
            pid: sys::getpid(),
            started_boottime_ms: sys::boottime_millis(),
            started_coarse_ms: sys::coarse_millis(),
            modules,
            recorder,
            poke,
            helper,
            names: config.thread_names.to_vec(),
            known_names: Known::new(),
            panics: AtomicU32::new(0),
        };
        write_header(&shared, config);
        at_exit_and_fork_once();
        let shared = Box::into_raw(Box::new(shared));
        ACTIVE.store(shared, Ordering::SeqCst);
        let armed = Self {
            shared,
            upkeep: Mutex::default(),
        };
        if let Err(error) = install::install() {
            // Dropping `armed` needs the lock.
            drop(change);
            drop(armed);
            return Err(ArmError::Handlers(error));
        }
        Ok(armed)
    }

    fn shared(&self) -> &Shared {
        // SAFETY: freed in `drop` only.
        unsafe { &*self.shared }
    }

    pub(crate) fn counters(&self) -> &[AtomicU32] {
        let first = self.shared().page.u32(counters::AT);
        // SAFETY: the counters stand one behind the other in the mapping, which stays as long as `self`.
        unsafe { std::slice::from_raw_parts(first, counters::COUNT) }
    }

    pub(crate) fn record_panic(&self, note: &PanicNote<'_>) -> Option<PanicTicket> {
        let shared = self.shared();
        if !shared.is_here() {
            return None;
        }
        let when = panics::When {
            boottime_ms: sys::boottime_millis(),
            active_ms: shared.active_ms(),
        };
        let (modules, serial) = (&shared.modules, &shared.panics);
        panics::record(shared.page, modules, serial, sys::gettid(), when, note)
    }

    pub(crate) fn take_panic(&self, ticket: PanicTicket) -> Option<Panic> {
        let shared = self.shared();
        panics::take(
            shared.page,
            ticket.slot,
            Some(ticket.serial),
            shared.started_boottime_ms,
        )
    }

    pub(crate) fn take_panics(&self) -> Vec<Panic> {
        let shared = self.shared();
        let mut taken: Vec<Panic> = (0..layout::panic::COUNT)
            .filter_map(|slot| panics::take(shared.page, slot, None, shared.started_boottime_ms))
            .collect();
        taken.sort_by_key(|panic| panic.serial);
        taken
    }

    pub(crate) fn modules(&self) -> Vec<Module> {
        candor_dump::read_modules(&self.shared().page.copy(0, layout::FILE_SIZE))
    }

    pub(crate) fn mark(&self, exit: ExitMark) {
        mark(self.shared(), exit);
    }

    pub(crate) fn set_foreground(&self, foreground: bool) {
        self.shared()
            .page
            .set_u32(life::FOREGROUND, if foreground { 1 } else { 2 });
    }

    pub(crate) fn set_usage(&self, usage: &Usage) {
        let page = self.shared().page;
        let level = |level: Option<Level>| level.map_or(0, Level::code);
        // One more than counted: 0 is what is not known.
        let kills = |kills: Option<u64>| kills.map_or(0, |kills| kills.saturating_add(1));
        page.set_u32(life::MEMORY, level(usage.memory));
        page.set_u32(life::OPEN_FILES, level(usage.open_files));
        page.set_u32(life::RESIDENT_MIB, usage.resident_mib.unwrap_or(0));
        page.set_u64(life::KILLS_IN_GROUP, kills(usage.kills_in_group));
        page.set_u64(life::KILLS_ON_MACHINE, kills(usage.kills_on_machine));
    }

    pub(crate) fn freeze_opened(&self, watch: u16, thread: Tid, since_boottime_millis: u64) {
        let page = self.shared().page;
        page.u32(life::FREEZE_STATE).store(2, Ordering::Release);
        page.set_u32(life::FREEZE_WATCH, watch.into());
        page.set_u32(life::FREEZE_TID, thread.0);
        page.set_u64(life::FREEZE_SINCE_BOOTTIME_MS, since_boottime_millis);
        page.u32(life::FREEZE_STATE).store(1, Ordering::Release);
    }

    pub(crate) fn freeze_closed(&self) {
        self.shared()
            .page
            .u32(life::FREEZE_STATE)
            .store(0, Ordering::Release);
    }

    pub(crate) fn maintain(&self) {
        let shared = self.shared();
        if !shared.is_here() {
            return;
        }
        shared
            .page
            .set_u64(life::ALIVE_BOOTTIME_MS, sys::boottime_millis());
        shared
            .page
            .set_u32(life::ALIVE_ACTIVE_MS, shared.active_ms());
        panics::forget_elsewhere(shared.page, sys::boottime_millis());
        if shared.page.u64(life::BOOT).load(Ordering::Relaxed) == 0 {
            shared.page.set_u64(life::BOOT, boot());
        }
        // Only one thread at a time; another that comes meanwhile has nothing to do.
        if let Ok(mut upkeep) = self.upkeep.try_lock() {
            shared.modules.refresh();
            upkeep.round(shared);
        }
    }
}

impl Drop for Armed {
    fn drop(&mut self) {
        let _change = CHANGE
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        install::uninstall();
        poke::give_up_signal();
        ACTIVE.store(std::ptr::null_mut(), Ordering::SeqCst);
        // A handler that is at work keeps what it uses; a handler that never returns keeps it for ever.
        for _ in 0..100 {
            if USERS.load(Ordering::SeqCst) == 0 {
                // SAFETY: made by `Box::into_raw` and the mapping of `new`. Nobody can find it any more, and nobody who
                // found it earlier is left.
                unsafe {
                    let shared = Box::from_raw(self.shared);
                    sys::unmap(shared.page.base(), layout::FILE_SIZE);
                }
                return;
            }
            sys::pause(1);
        }
    }
}

fn write_header(shared: &Shared, config: &Config<'_>) {
    let page = shared.page;
    let listed = config.thread_names.len().min(names::COUNT);
    for (index, name) in config.thread_names.iter().take(listed).enumerate() {
        page.put(names::AT + index * names::SIZE, cut(name, names::SIZE));
    }
    page.set_u32(life::EXIT_MARK, ExitMark::Running.code());
    page.set_u16(header::VERSION, layout::VERSION);
    page.set_u32(header::FILE_SIZE, layout::FILE_SIZE as u32);
    page.put(header::RUN, &config.run);
    page.set_u32(header::PID, shared.pid);
    page.set_u32(header::NAME_COUNT, listed as u32);
    page.set_u64(header::STARTED_UNIX, config.started_unix);
    page.set_u64(header::STARTED_BOOTTIME_MS, shared.started_boottime_ms);
    page.set_u32(header::SYSTEM, layout::SYSTEM_LINUX_X86_64);
    page.put(header::MAGIC, &layout::MAGIC);
    page.set_u32(
        header::CHECKSUM,
        layout::checksum(&page.copy(0, header::CHECKSUM)),
    );
}

fn mark(shared: &Shared, exit: ExitMark) {
    if shared.is_here() {
        shared
            .page
            .u32(life::EXIT_MARK)
            .store(exit.code(), Ordering::Release);
    }
}

/// Notes that `exit` was reached, and with what.
extern "C" fn exiting_with(status: c_int, _: *mut c_void) {
    with_active(|shared| {
        if shared.is_here() {
            let status = (status & 0xff) as u32 + 1;
            shared.page.set_u32(life::EXIT_STATUS, status);
        }
    });
    exiting();
}

/// Notes that `exit` was reached, unless the agent has said more already.
extern "C" fn exiting() {
    with_active(|shared| {
        if shared.is_here() {
            let (running, exiting) = (ExitMark::Running.code(), ExitMark::Exiting.code());
            let mark = shared.page.u32(life::EXIT_MARK);
            let _ = mark.compare_exchange(running, exiting, Ordering::AcqRel, Ordering::Relaxed);
        }
    });
}

/// In a child that was forked: nothing is armed there. The file is the parent's.
unsafe extern "C" fn forked() {
    ACTIVE.store(std::ptr::null_mut(), Ordering::SeqCst);
    errand::forget();
}

fn at_exit_and_fork_once() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        sys::at_exit(exiting_with, exiting);
        sys::at_fork(forked);
    });
}

/// A hash of the machine's boot id (FNV-1a, 64 bits): tells one start of the machine from another, not one machine from
/// another after the next start. 0 if it cannot be read.
fn boot() -> u64 {
    let id = std::fs::read("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    if id.is_empty() {
        return 0;
    }
    id.iter().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

#[inline]
pub(crate) fn crumb(name: u16, values: [i64; 2]) {
    with_active(|shared| crumbs::drop(shared.page, shared.active_ms(), name, values));
}

pub(crate) fn leaving_signals_to_host<T>(start: impl FnOnce() -> T) -> T {
    let mask = sys::swap_mask(!install::MASK);
    let started = start();
    sys::set_mask(mask);
    started
}

pub(crate) fn current_thread() -> u32 {
    sys::gettid()
}

pub(crate) fn is_main_thread() -> bool {
    sys::gettid() == sys::getpid()
}

pub(crate) fn coarse_millis() -> u64 {
    sys::coarse_millis()
}

pub(crate) fn boottime_millis() -> u64 {
    sys::boottime_millis()
}

pub(crate) use crate::sample::{sample, standing};

pub(crate) fn locate(frames: &[usize], modules: &mut Vec<Module>) -> Stack {
    let frames = frames
        .iter()
        .map(|address| place(*address, Found::Given, modules))
        .collect();
    Stack {
        frames,
        gap: None,
        end: StackEnd::Outermost,
    }
}

/// A frame for the living: `modules` gets the module if it is not there yet.
pub(crate) fn place(address: usize, found: Found, modules: &mut Vec<Module>) -> Frame {
    let in_module = match found {
        Found::Context | Found::Interrupted => address,
        _ => address.wrapping_sub(1),
    };
    let known = with_active(|shared| {
        shared
            .modules
            .region(&mut Memory::new(), in_module)
            .map(|region| (shared.modules.module(&region), region.bias))
    });
    let Some((module, bias)) = known.flatten() else {
        return Frame {
            module: None,
            offset: 0,
            found,
        };
    };
    let index = modules
        .iter()
        .position(|known| *known == module)
        .unwrap_or_else(|| {
            modules.push(module);
            modules.len() - 1
        });
    Frame {
        module: u16::try_from(index).ok(),
        offset: address.wrapping_sub(bias) as u64,
        found,
    }
}
