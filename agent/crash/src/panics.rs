//! Panics in the dump file: four slots, written by panic hooks, emptied while the process lives on.

use crate::api::{PanicNote, PanicTicket};
use crate::memory::Memory;
use crate::modules::Modules;
use crate::page::{Page, cut};
use candor_dump::layout::{frame, life, panic};
use candor_dump::{Found, Panic};
use std::sync::atomic::{AtomicU32, Ordering};

/// A process that dies of a panic is gone by then, in milliseconds.
const SURVIVED_MS: u64 = 3_000;

/// When a panic happens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct When {
    pub(crate) boottime_ms: u64,
    /// Since the run started, suspension not included.
    pub(crate) active_ms: u32,
}

/// Forgets a panic outside the scope that the process has survived.
pub(crate) fn forget_elsewhere(page: Page, now_ms: u64) {
    let field = page.u64(life::PANIC_ELSEWHERE_BOOTTIME_MS);
    let at = field.load(Ordering::Relaxed);
    if at != 0 && now_ms >= at.saturating_add(SURVIVED_MS) {
        // Another one may have come in between.
        let _ = field.compare_exchange(at, 0, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Writes a panic into a free slot; lock-free, no allocation. Of one outside the scope only when it was is kept, and only on
/// the main thread, whose panics end the process: how a run ended is told of every run.
pub(crate) fn record(
    page: Page,
    modules: &Modules,
    serial: &AtomicU32,
    tid: u32,
    when: When,
    note: &PanicNote<'_>,
) -> Option<PanicTicket> {
    let mut memory = Memory::new();
    // A return address stands behind its call, which may be the last instruction of its module.
    let mut region = |address: usize| modules.region(&mut memory, address.wrapping_sub(1));
    let is_ours =
        |address: &usize| modules.is_ours(address.wrapping_sub(1), region(*address).as_ref());
    if !modules.is_app() && !note.frames.iter().any(is_ours) {
        if note.main_thread {
            page.set_u64(life::PANIC_ELSEWHERE_BOOTTIME_MS, when.boottime_ms.max(1));
        }
        return None;
    }
    let slot = (0..panic::COUNT).find(|slot| change(page, *slot, panic::FREE, panic::WRITING));
    let Some(slot) = slot else {
        page.u32(life::PANICS_LOST).fetch_add(1, Ordering::Relaxed);
        return None;
    };
    let at = at(slot);
    let serial = serial.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    page.set_u32(at + panic::TID, tid);
    page.set_u64(at + panic::AT_BOOTTIME_MS, when.boottime_ms);
    page.set_u32(at + panic::AT_ACTIVE_MS, when.active_ms);
    page.set_u32(at + panic::LINE, note.line);
    page.set_u32(at + panic::FLAGS, u32::from(note.main_thread));
    page.set_u32(at + panic::SERIAL, serial);
    for (text, place, length, room) in [
        (
            note.message,
            panic::MESSAGE,
            panic::MESSAGE_LEN,
            panic::MESSAGE_MAX,
        ),
        (note.file, panic::FILE, panic::FILE_LEN, panic::FILE_MAX),
        (
            note.thread_name,
            panic::NAME,
            panic::NAME_LEN,
            panic::NAME_MAX,
        ),
    ] {
        let bytes = cut(text, room);
        page.put(at + place, bytes);
        page.set_u16(at + length, u16::try_from(bytes.len()).unwrap_or(0));
    }
    let count = note.frames.len().min(panic::FRAMES_MAX);
    for (index, address) in note.frames.iter().take(count).enumerate() {
        let word = modules.pack(page, *address, region(*address).as_ref(), Found::Given);
        page.set_u64(at + panic::FRAMES + index * frame::SIZE, word);
    }
    page.set_u16(at + panic::FRAME_COUNT, u16::try_from(count).unwrap_or(0));
    page.set_u32(
        at + panic::FRAMES_TOTAL,
        u32::try_from(note.frames.len()).unwrap_or(u32::MAX),
    );
    page.u32(at + panic::STATE)
        .store(panic::COMPLETE, Ordering::Release);
    Some(PanicTicket { slot, serial })
}

/// Takes the panic in a slot out of the file, if it is complete (and the one with `serial`).
pub(crate) fn take(
    page: Page,
    slot: usize,
    serial: Option<u32>,
    started_boottime_ms: u64,
) -> Option<Panic> {
    let at = at(slot);
    let is_it = |serial| page.u32(at + panic::SERIAL).load(Ordering::Relaxed) == serial;
    if slot >= panic::COUNT || !change(page, slot, panic::COMPLETE, panic::TAKING) {
        return None;
    }
    if !serial.is_none_or(is_it) {
        change(page, slot, panic::TAKING, panic::COMPLETE);
        return None;
    }
    let mut bytes = page.copy(at, panic::SIZE);
    if let Some(state) = bytes.get_mut(..4) {
        state.copy_from_slice(&panic::COMPLETE.to_le_bytes());
    }
    page.clear(at + 8, panic::SIZE - 8);
    page.u32(at + panic::STATE)
        .store(panic::FREE, Ordering::Release);
    candor_dump::read_panic(&bytes, started_boottime_ms)
}

fn at(slot: usize) -> usize {
    panic::AT + (slot % panic::COUNT) * panic::SIZE
}

fn change(page: Page, slot: usize, from: u32, to: u32) -> bool {
    page.u32(at(slot) + panic::STATE)
        .compare_exchange(from, to, Ordering::AcqRel, Ordering::Relaxed)
        .is_ok()
}
