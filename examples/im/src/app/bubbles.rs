//! Laying out messages that quote messages that quote messages.

use std::hint::black_box;

/// Height, in points, of a message that quotes `depth` messages inside each other.
#[inline(never)]
pub fn layout_bubble(depth: u64) -> u64 {
    // What one level keeps while it lays out the next.
    let line_heights = black_box([18_u64; 32]);
    let inner = if depth == 0 {
        0
    } else {
        layout_quote(depth - 1)
    };
    black_box(inner.wrapping_add(line_heights.iter().sum()))
}

#[inline(never)]
fn layout_quote(depth: u64) -> u64 {
    black_box(layout_bubble(depth)).wrapping_add(8)
}
