//! For how long a sample keeps the thread that is sampled from its work.

use candor_benches::stats::Sample;
use candor_benches::table::{Row, Unit};
use candor_dump::Stack;
use std::hint::black_box;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};

const SAMPLES: usize = 400;
/// Shorter gaps are the loop itself.
const GAP: Duration = Duration::from_nanos(700);

pub(crate) fn rows() -> io::Result<Vec<Row>> {
    let device = tempfile::tempdir()?;
    let config = candor_crash::Config {
        path: &device.path().join("dump"),
        run: [0; 16],
        started_unix: 0,
        clean_module_name: str::to_owned,
        thread_names: &[],
    };
    let armed = candor_crash::arm(&config).map_err(io::Error::other)?;
    armed.maintain();
    let (kept, floor) = measure();
    Ok(vec![
        Row::new(
            "one sample keeps a busy thread for",
            Unit::Nanos,
            Sample::of(kept),
            Sample::of(floor),
        )
        .goal(50_000.0),
    ])
}

/// The longest gap in the work of a busy thread during each of many samples, and during as many times without one.
fn measure() -> (Vec<f64>, Vec<f64>) {
    let (tid, over) = (AtomicU32::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let busy = scope.spawn(|| {
            tid.store(candor_crash::current_thread().get(), SeqCst);
            deep(24, &over)
        });
        while tid.load(SeqCst) == 0 {
            thread::yield_now();
        }
        let thread = candor_crash::Tid::from_number(tid.load(SeqCst));
        let (mut modules, mut stack) = (Vec::new(), Stack::default());
        let (mut sampled, mut not) = (Vec::new(), Vec::new());
        for _ in 0..SAMPLES {
            thread::sleep(Duration::from_millis(2));
            let began = Instant::now();
            if candor_crash::sample(thread, 128, &mut modules, &mut stack).is_ok() {
                sampled.push((began, Instant::now()));
            }
            thread::sleep(Duration::from_millis(2));
            let began = Instant::now();
            not.push((began, began + Duration::from_micros(100)));
        }
        over.store(true, SeqCst);
        let gaps = busy.join().unwrap_or_default();
        let longest = |during: Vec<(Instant, Instant)>| {
            let longest = |(from, to): (Instant, Instant)| {
                let inside = gaps
                    .iter()
                    .filter(|(at, gap)| *at <= to && *at + *gap >= from);
                inside
                    .map(|(_, gap)| gap.as_nanos() as f64)
                    .fold(0.0, f64::max)
            };
            during.into_iter().map(longest).collect::<Vec<f64>>()
        };
        (longest(sampled), longest(not))
    })
}

/// Works at the end of as many calls as a loop of an app has.
#[inline(never)]
fn deep(depth: u32, over: &AtomicBool) -> Vec<(Instant, Duration)> {
    if depth > 0 {
        return black_box(deep(depth - 1, over));
    }
    let mut gaps = Vec::with_capacity(1 << 20);
    let mut before = Instant::now();
    while !over.load(SeqCst) && gaps.len() < gaps.capacity() {
        let now = Instant::now();
        let gap = now - before;
        if gap >= GAP {
            gaps.push((before, gap));
        }
        before = now;
    }
    gaps
}
