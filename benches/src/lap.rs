//! Timing of calls that take nanoseconds.

use crate::stats::Sample;
use std::time::Instant;

/// Nanoseconds of each of `count` single calls of `work`. The time of reading the clock, measured just before, is taken
/// off.
pub fn each(count: usize, mut work: impl FnMut()) -> Vec<f64> {
    let clock = Sample::of((0..10_000).map(|_| nanos(|| ()))).map_or(0.0, |clock| clock.median());
    (0..count)
        .map(|_| (nanos(&mut work) - clock).max(0.0))
        .collect()
}

/// Nanoseconds of one call of `work`, the median over `rounds` rounds of `calls` calls each: for calls that cost less than
/// reading a clock. The loop itself is part of it.
pub fn mean(rounds: usize, calls: u32, mut work: impl FnMut()) -> f64 {
    let round = || {
        nanos(|| {
            for _ in 0..calls {
                work();
            }
        }) / f64::from(calls)
    };
    Sample::of(std::iter::repeat_with(round).take(rounds)).map_or(0.0, |sample| sample.median())
}

/// What one call of `work` costs, made by `threads` threads at once: the half of the calls and 99 of 100 stay below.
///
/// The first of one thread alone is a mean over many calls, since a clock ticks too coarsely for it; everything else is
/// timed call by call.
pub fn cost(threads: usize, count: usize, work: impl Fn() + Sync) -> (f64, f64) {
    let singles = if threads == 1 {
        each(count, &work)
    } else {
        each_with_threads(threads, count, &work)
    };
    let singles = Sample::of(singles);
    let quantile = |q| singles.as_ref().map_or(0.0, |sample| sample.quantile(q));
    let middle = match threads {
        1 => mean(count.div_ceil(500), 500, &work),
        _ => quantile(0.5),
    };
    (middle, quantile(0.99).max(middle))
}

/// Nanoseconds of one piece of work.
pub fn nanos(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_nanos() as f64
}

/// Nanoseconds of single calls of `work`, made by `threads` threads at once, each `count` times.
pub fn each_with_threads(threads: usize, count: usize, work: impl Fn() + Sync) -> Vec<f64> {
    let together = std::sync::Barrier::new(threads);
    std::thread::scope(|scope| {
        let timed: Vec<_> = (0..threads)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    each(count, &work)
                })
            })
            .collect();
        timed
            .into_iter()
            .filter_map(|thread| thread.join().ok())
            .flatten()
            .collect()
    })
}
