//! Laying out messages that quote messages that quote messages.

use std::hint::black_box;

/// Height, in points, of a message that quotes `depth` messages inside each other.
#[inline(never)]
pub fn layout_bubble(depth: u64) -> u64 {
    // What one level keeps while it lays out the next.
    let line_heights = black_box([18_u64; 32]);
    let quoted = if depth == 0 {
        0
    } else {
        layout_bubble(depth - 1)
    };
    black_box(quoted.wrapping_add(line_heights.iter().sum()))
}
