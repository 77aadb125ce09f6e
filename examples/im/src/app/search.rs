//! Full-text search.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Rebuilds the index over `texts` again and again until `at_least` has passed; returns its words. On the main thread, that is a mistake.
#[inline(never)]
pub fn rebuild_index(texts: &[&str], at_least: Duration) -> usize {
    let started = Instant::now();
    let mut index = HashMap::new();
    while started.elapsed() < at_least {
        index.clear();
        for text in texts {
            index_message(&mut index, text);
        }
    }
    black_box(index.len())
}

#[inline(never)]
fn index_message(index: &mut HashMap<String, usize>, text: &str) {
    for word in text.split_whitespace() {
        *index.entry(fold_case(word)).or_default() += 1;
    }
}

#[inline(never)]
fn fold_case(word: &str) -> String {
    // Many rounds, so that nearly all of the time is spent here.
    (0..2000).fold(word.to_owned(), |folded, _| {
        black_box(folded.to_lowercase())
    })
}
