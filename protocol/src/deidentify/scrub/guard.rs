//! What has to stay although it looks like an identifier: addresses of memory, build ids, symbols, times, versions.

use super::view::View;
use std::ops::Range;

/// Everything to be guarded, in order and without overlap.
pub(super) fn find(view: &View<'_>) -> Vec<Range<usize>> {
    let mut kept: Vec<Range<usize>> = Vec::new();
    for run in view.words() {
        let at = run.start;
        if kept.last().is_some_and(|last| at < last.end) {
            continue;
        }
        let (start, end) = match view.s[at] {
            b'0' if run.letters && matches!(view.at(at + 1), b'x' | b'X') => {
                (at, hex_number(view, at))
            }
            b'r' if view.is_at(at, "rustc/") && view.before(at) == b'/' => {
                (at, Some(view.run(at + 6, |b| b.is_ascii_hexdigit())))
            }
            b'h' if run.len() == 17 && view.is_before(at, "::") => (at, symbol_hash(view, at)),
            b'0'..=b'9' if matches!(run.len(), 4 | 8 | 11 | 15) => (at, date_and_time(view, at)),
            b'Z' | b'R' if view.before(at) == b'_' => {
                let start = view.run_back(at, 2, |b| b == b'_');
                (start, mangled(view, start))
            }
            b's' if view.is_before(at, "_$") => (at - 2, mangled(view, at - 2)),
            _ => continue,
        };
        if let Some(end) = end
            && kept.last().is_none_or(|last| last.end <= start)
        {
            kept.push(start..end);
        }
    }
    kept
}

/// `0x7fcd62de96`.
fn hex_number(view: &View<'_>, at: usize) -> Option<usize> {
    let end = view.run(at + 2, |b| b.is_ascii_hexdigit() || b == b'_');
    (end > at + 2 && end <= at + 2 + 40).then_some(end)
}

/// `_ZN7im_core...`, `_RNv...`, `_$s...`: symbols of C++, Rust and Swift.
fn mangled(view: &View<'_>, at: usize) -> Option<usize> {
    let starts = [
        "_ZN", "_ZS", "_ZT", "_ZK", "_Z", "_RNv", "_RIN", "_RNC", "_R", "_$s", "__ZN", "__Z",
    ];
    let start = starts.iter().find(|p| view.is_at(at, p))?;
    let end = view.run_of(at, 512, |b| {
        b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'.')
    });
    let digit = view
        .of(&(at + start.len()..end))
        .iter()
        .take(6)
        .any(u8::is_ascii_digit);
    (end - at >= 6 && (digit || start.len() > 2)).then_some(end)
}

/// `::h0123456789abcdef`, the hash at the end of a Rust symbol.
fn symbol_hash(view: &View<'_>, at: usize) -> Option<usize> {
    let end = view.run(at + 1, |b| b.is_ascii_hexdigit());
    (end == at + 17 && view.closes(end)).then_some(end)
}

/// `2024-05-02T12:08:16.606Z` and `20240502 12:08:16`, so that their digits join nothing else.
fn date_and_time(view: &View<'_>, at: usize) -> Option<usize> {
    let digits = |from: usize, n: usize| (from..from + n).all(|i| view.at(i).is_ascii_digit());
    let date = match view.at(at + 4) {
        sep @ (b'-' | b'/' | b'.')
            if digits(at, 4)
                && digits(at + 5, 2)
                && view.at(at + 7) == sep
                && digits(at + 8, 2) =>
        {
            at + 10
        }
        _ if digits(at, 8)
            && matches!(view.at(at + 8), b' ' | b'T' | b'_')
            && digits(at + 9, 2) =>
        {
            at + 8
        }
        _ => return None,
    };
    if !matches!(view.at(date), b'T' | b' ' | b'_' | b'-') || !digits(date + 1, 2) {
        return None;
    }
    let time = match view.at(date + 3) {
        b':' if digits(date + 4, 2) => date + 6,
        _ if digits(date + 3, 4) => date + 7,
        _ => return None,
    };
    let end = view.run(time, |b| {
        b.is_ascii_digit() || matches!(b, b':' | b'.' | b',')
    });
    let zone = match view.at(end) {
        b'Z' => end + 1,
        b'+' if digits(end + 1, 2) => view.run(end + 1, |b| b.is_ascii_digit() || b == b':'),
        _ => end,
    };
    Some(zone.min(date + 40))
}
