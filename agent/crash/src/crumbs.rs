//! The ring of typed breadcrumbs in the mapped file: a few stores each, from any thread, still there after any death.

use crate::page::Page;
use candor_dump::layout::crumbs;
use std::sync::atomic::{Ordering, fence};

/// Writes one. Lock-free, no allocation, no system call.
pub(crate) fn drop(page: Page, at_ms: u32, name: u16, values: [i64; 2]) {
    let index = page.u32(crumbs::NEXT).fetch_add(1, Ordering::Relaxed);
    let at = crumbs::AT + index as usize % crumbs::COUNT * crumbs::SIZE;
    let serial = page.u32(at + crumbs::SERIAL);
    // 0 first and the number last: a crumb that death interrupts is left out by the reader.
    serial.store(0, Ordering::Relaxed);
    fence(Ordering::Release);
    page.set_u32(at + crumbs::AT_MS, at_ms);
    page.set_u32(at + crumbs::NAME, name.into());
    for (index, value) in values.into_iter().enumerate() {
        page.set_u64(at + crumbs::VALUES + index * 8, value.cast_unsigned());
    }
    serial.store(index.wrapping_add(1), Ordering::Release);
}
