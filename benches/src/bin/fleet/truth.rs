//! What was sent, counted by whoever sent it: what the collector has to say.

use super::device::Crowd;
use candor_protocol::report::{Connection, Exit, Kind, LossReason, Report, What};
use candor_protocol::sketch::{self, Sketch};
use hdrhistogram::Histogram;
use std::collections::BTreeMap;

/// A histogram of three significant digits, up to the highest value of a sketch.
pub(crate) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 1 << 37, 3).expect("bounds that are in order")
}

/// Everything that was sent and can be kept.
#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) stored: BTreeMap<Kind, u64>,
    pub(crate) lost: BTreeMap<(Kind, LossReason), u64>,
    pub(crate) refused: BTreeMap<&'static str, u64>,
    pub(crate) by_release: BTreeMap<String, Figures>,
    /// Of all releases: one name may have had two.
    names: Names,
}

/// What was sent of one release.
pub(crate) struct Figures {
    pub(crate) runs: u64,
    pub(crate) crashed_runs: u64,
    pub(crate) run_ms: u64,
    pub(crate) crashes: u64,
    pub(crate) handled: u64,
    pub(crate) freezes: u64,
    pub(crate) windows: u64,
    pub(crate) attempts: u64,
    pub(crate) ready: u64,
    pub(crate) failed: u64,
    pub(crate) ready_us: Histogram<u64>,
    pub(crate) rtt_us: Histogram<u64>,
    names: Names,
}

impl Default for Figures {
    fn default() -> Self {
        Self {
            runs: 0,
            crashed_runs: 0,
            run_ms: 0,
            crashes: 0,
            handled: 0,
            freezes: 0,
            windows: 0,
            attempts: 0,
            ready: 0,
            failed: 0,
            ready_us: histogram(),
            rtt_us: histogram(),
            names: Names::default(),
        }
    }
}

/// Which names of devices were seen: a bit for each device and week.
#[derive(Default)]
struct Names(Vec<u64>);

impl Names {
    fn add(&mut self, index: u64) {
        let (word, bit) = (index as usize / 64, index % 64);
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << bit;
    }

    fn merge(&mut self, other: &Self) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine |= theirs;
        }
    }

    fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }
}

impl Truth {
    /// Counts a report of the run that `device` started in `hour`; each once, however often it is sent.
    pub(crate) fn add(&mut self, crowd: &Crowd, device: u32, hour: u64, report: &Report) {
        *self.stored.entry(report.what.kind()).or_default() += 1;
        let release = report.release.as_str();
        if !self.by_release.contains_key(release) {
            self.by_release
                .insert(release.to_owned(), Figures::default());
        }
        let Some(figures) = self.by_release.get_mut(release) else {
            return;
        };
        match &report.what {
            What::Run(run) => {
                let since = crowd.epoch(device, hour) - crowd.epoch(device, 0);
                let name = since * u64::from(crowd.devices) + u64::from(device);
                figures.names.add(name);
                self.names.add(name);
                // A run tells of its start, and again of its end.
                if let Some(exit) = run.exit {
                    figures.runs += 1;
                    figures.crashed_runs += u64::from(exit == Exit::Crash);
                    figures.run_ms += run.uptime_ms.unwrap_or_default();
                }
            }
            What::Crash(crash) if crash.fatal => figures.crashes += 1,
            What::Crash(_) => figures.handled += 1,
            // A made-up run freezes at most once.
            What::Freeze(_) => figures.freezes += 1,
            What::Connection(window) => figures.connection(window),
            What::Loss(loss) => {
                for lost in &loss.lost {
                    *self.lost.entry((lost.kind, lost.reason)).or_default() +=
                        u64::from(lost.count);
                }
            }
        }
    }

    /// Counts requests that have to be refused for this reason.
    pub(crate) fn refuse(&mut self, reason: &'static str) {
        *self.refused.entry(reason).or_default() += 1;
    }

    /// Adds what another sender sent.
    pub(crate) fn merge(&mut self, other: &Self) {
        for (kind, count) in &other.stored {
            *self.stored.entry(*kind).or_default() += count;
        }
        for (lost, count) in &other.lost {
            *self.lost.entry(*lost).or_default() += count;
        }
        for (reason, count) in &other.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        for (release, figures) in &other.by_release {
            let mine = self.by_release.entry(release.clone()).or_default();
            mine.merge(figures);
        }
        self.names.merge(&other.names);
    }

    /// Of all releases together.
    pub(crate) fn total(&self) -> Figures {
        let mut total = Figures::default();
        self.by_release
            .values()
            .for_each(|figures| total.merge(figures));
        total.names = Names(self.names.0.clone());
        total
    }
}

impl Figures {
    /// How many names had a run.
    pub(crate) fn installs(&self) -> u64 {
        self.names.count()
    }

    fn connection(&mut self, window: &Connection) {
        self.windows += 1;
        self.attempts += u64::from(window.attempts);
        self.ready += u64::from(window.ready);
        self.failed += window
            .failures
            .iter()
            .map(|one| u64::from(one.count))
            .sum::<u64>();
        record(&mut self.ready_us, &window.ready_us);
        record(&mut self.rtt_us, &window.rtt_us);
    }

    fn merge(&mut self, other: &Self) {
        self.runs += other.runs;
        self.crashed_runs += other.crashed_runs;
        self.run_ms += other.run_ms;
        self.crashes += other.crashes;
        self.handled += other.handled;
        self.freezes += other.freezes;
        self.windows += other.windows;
        self.attempts += other.attempts;
        self.ready += other.ready;
        self.failed += other.failed;
        for (mine, theirs) in [
            (&mut self.ready_us, &other.ready_us),
            (&mut self.rtt_us, &other.rtt_us),
        ] {
            mine.add(theirs).expect("equal bounds");
        }
        self.names.merge(&other.names);
    }
}

/// Takes the values of a sketch over, as exactly as it has them.
fn record(into: &mut Histogram<u64>, sketch: &Sketch) {
    for (bucket, count) in sketch.buckets() {
        let (low, high) = sketch::bounds(bucket);
        into.saturating_record_n(low + (high - low) / 2, count);
    }
}
