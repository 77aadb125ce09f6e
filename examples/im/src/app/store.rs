//! The message store.

use std::hint::black_box;

/// Writes `page` out, unless it is damaged: then the process stops before the damage reaches the disk.
#[inline(never)]
pub fn commit_page(page: &[u8], checksum: u32) -> usize {
    verify_page(page, checksum);
    black_box(page.len())
}

#[inline(never)]
fn verify_page(page: &[u8], checksum: u32) {
    let sum = page
        .iter()
        .fold(0_u32, |sum, byte| sum.rotate_left(5) ^ u32::from(*byte));
    if black_box(sum) != checksum {
        std::process::abort();
    }
}
